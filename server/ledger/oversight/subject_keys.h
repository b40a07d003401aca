// The keys that open one subject's entries (K_s), month by month: made by the node that holds the
// months' keys, or handed over in an inspector's file.
#ifndef VOUCH_SERVER_LEDGER_OVERSIGHT_SUBJECT_KEYS_H_
#define VOUCH_SERVER_LEDGER_OVERSIGHT_SUBJECT_KEYS_H_

#include <cstdint>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <tuple>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "crypto/receipt.h"
#include "server/ledger/period_keys.h"

namespace vouch::server::ledger::oversight {

// What one K_period is for.
struct Period {
  std::string agreement_id;
  uint32_t month = 0;  // year * 12 + month - 1, UTC
  uint8_t retention_class = 0;

  static Period Of(const crypto::SubjectEntry& entry) {
    return {entry.agreement_id, entry.tag_period, entry.retention_class};
  }
  friend bool operator<(const Period& a, const Period& b) {
    return std::tie(a.agreement_id, a.month, a.retention_class) <
           std::tie(b.agreement_id, b.month, b.retention_class);
  }
  friend bool operator==(const Period& a, const Period& b) { return !(a < b) && !(b < a); }
};
std::string MonthText(uint32_t month);  // "2027-03"
// nullopt for anything MonthText does not write.
absl::optional<uint32_t> ParseMonth(absl::string_view text);

// Whom entries about one person may be tagged to.
struct PersonNames {
  std::set<crypto::Digest> handles;  // where the person was found
  // By agreement, every token vector by which the person may have been asked about in vain: 32
  // bytes for each match key, zeros for one that was not formed.
  std::map<std::string, std::set<std::string>> token_vectors;
};

struct SubjectKeyOf {
  crypto::SubjectKey::Subject kind = crypto::SubjectKey::Subject::kPerson;
  std::unique_ptr<const crypto::SubjectKey> key;
};

// Not thread-safe: keys are kept as they are asked for.
class SubjectKeys {
 public:
  using Keys = std::vector<SubjectKeyOf>;
  virtual ~SubjectKeys() = default;
  // NotFound when the key of that period is not there: destroyed, or never handed over.
  virtual absl::StatusOr<const Keys*> Of(const Period& period) = 0;
  // Whether what lies sealed beside an entry of that period says that it was tagged under another
  // key than these were made from: that one was lost, and made anew.
  virtual bool NamesAnotherKey(const Period& period, absl::string_view sealed) const = 0;
};

// From the months' keys. Makes none.
class PersonKeys final : public SubjectKeys {
 public:
  // `keys` outlives this.
  PersonKeys(PeriodKeys* keys, PersonNames names) : keys_(keys), names_(std::move(names)) {}
  absl::StatusOr<const Keys*> Of(const Period& period) override;
  bool NamesAnotherKey(const Period& period, absl::string_view sealed) const override;

 private:
  PeriodKeys* const keys_;
  const PersonNames names_;
  std::map<Period, absl::StatusOr<Keys>> made_;
  std::map<Period, PeriodKeyId> ids_;
};

// As they were given.
class GivenKeys final : public SubjectKeys {
 public:
  void Add(const Period& period, crypto::SubjectKey::Subject kind, const crypto::Digest& key);
  absl::StatusOr<const Keys*> Of(const Period& period) override;
  // A file of keys does not say from which they were made.
  bool NamesAnotherKey(const Period&, absl::string_view) const override { return false; }

 private:
  std::map<Period, Keys> given_;
};

}  // namespace vouch::server::ledger::oversight

#endif  // VOUCH_SERVER_LEDGER_OVERSIGHT_SUBJECT_KEYS_H_
