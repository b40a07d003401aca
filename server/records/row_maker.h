// One row of an extract, through the mapping, to one person's handle, facts and sealed identity.
#ifndef VOUCH_SERVER_RECORDS_ROW_MAKER_H_
#define VOUCH_SERVER_RECORDS_ROW_MAKER_H_

#include <memory>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/types/optional.h"
#include "policies/engine/agreement.h"
#include "server/records/facts_file.h"
#include "server/records/manifest.h"
#include "server/records/mapping.h"
#include "server/records/row_reader.h"
#include "server/records/sealed_identities.h"

namespace vouch::server::records {

// HMAC(K_person, source id).
PersonHandle HandleOf(const crypto::HmacKey& person_key, absl::string_view source_id);

// What stands for a return beside a fact: eight bytes of HMAC(K_person, period and the source's own
// id of the return), never 0. Returns of different periods have nothing in common.
uint64_t ReturnPseudonym(const crypto::HmacKey& person_key, const policies::Period& period,
                         absl::string_view return_id);

// The value that `text` spells for a fact of the catalogue. InvalidArgument says what was expected,
// without the text. Money "-1234.56" or "1234" (or whole cents), dates "2026-11-20", yes/no as
// yes, no, true, false, 1 or 0, a set of codes with semicolons between them (one alone: empty).
absl::StatusOr<policies::FactValue> ParseFact(const policies::FactDefinition& fact,
                                              absl::string_view text, bool in_cents);

// The columns of facts that a mapping asks for, typed by the catalogue.
absl::StatusOr<std::shared_ptr<const FactColumns>> ColumnsOf(const Mapping& mapping,
                                                             const policies::FactCatalogue& facts);

struct MadeRow {
  uint64_t number = 0;
  uint64_t line = 0;
  std::string error;  // empty: the rest is set
  PersonHandle person{};
  std::string row;  // under record number 0, to be renumbered
  SealedIdentity identity;
  crypto::Identity clear;  // only when asked for
  absl::CivilDay as_of;
  // Identity values that are not valid under the spelling rules: left out of every token.
  std::vector<crypto::Attribute> left_out;
};

// Thread-safe.
class RowMaker {
 public:
  struct Settings {
    const Mapping* mapping = nullptr;
    const policies::FactCatalogue* catalogue = nullptr;
    std::shared_ptr<const FactColumns> columns;
    const RecordKeys* keys = nullptr;
    const crypto::SpellingRules* rules = nullptr;  // by which values are judged
    crypto::IdentityUse use = crypto::IdentityUse::kTest;
    absl::CivilDay today;
    bool keep_clear = false;
  };
  explicit RowMaker(Settings settings);
  // The columns to be read, in the order Make expects.
  const std::vector<std::string>& wanted() const { return wanted_; }
  MadeRow Make(const RowReader& reader, RawRow* raw) const;

 private:
  size_t Want(const std::string& column);
  absl::Status Fill(const std::vector<absl::optional<std::string>>& values, MadeRow* made) const;

  Settings settings_;
  std::vector<std::string> wanted_;
  size_t person_id_ = 0;
  absl::optional<size_t> as_of_;
  struct AttributePlaces {
    crypto::Attribute attribute;
    std::vector<size_t> places;
  };
  std::vector<AttributePlaces> identity_;
  struct FactPlace {
    const policies::FactDefinition* fact;
    size_t place;
    bool in_cents;
    policies::Period period;
    absl::optional<size_t> return_place;
  };
  std::vector<FactPlace> facts_;
};

}  // namespace vouch::server::records

#endif  // VOUCH_SERVER_RECORDS_ROW_MAKER_H_
