// Everybody in a node's records, with the changes since the last load, read beside the node. Holds
// facts of people: it stays in the memory of the program that reads it.
#ifndef VOUCH_SERVER_LEDGER_OVERSIGHT_PEOPLE_ON_RECORD_H_
#define VOUCH_SERVER_LEDGER_OVERSIGHT_PEOPLE_ON_RECORD_H_

#include <cstdint>
#include <functional>
#include <memory>
#include <string>

#include "absl/status/statusor.h"
#include "server/records/facts_file.h"
#include "server/records/holds.h"
#include "server/records/overlay.h"

namespace vouch::server::ledger::oversight {

class PeopleOnRecord {
 public:
  // NotFound when nothing was ever loaded.
  static absl::StatusOr<PeopleOnRecord> Open(const std::string& records_folder);

  // At least as many as there are.
  uint64_t count() const { return facts_->rows() + overlay_->changes().size(); }
  bool HeldBack(const records::PersonHandle& person) const { return holds_->Contains(person); }

  // Facts, and copies of them, are good as long as this is. Goes on until a visit returns false,
  // and past damaged rows; DataLoss at the end when there were any: somebody was left out.
  using Visit =
      std::function<bool(const records::PersonHandle& person, const records::RowFacts& facts)>;
  absl::Status ForEach(const Visit& visit) const;

 private:
  PeopleOnRecord() = default;
  bool VisitRow(uint32_t record, const uint8_t* row, const Visit& visit, uint64_t* damaged) const;

  std::unique_ptr<records::FactsFile> facts_;
  std::shared_ptr<const records::Overlay> overlay_;
  std::shared_ptr<const records::Holds> holds_;
};

}  // namespace vouch::server::ledger::oversight

#endif  // VOUCH_SERVER_LEDGER_OVERSIGHT_PEOPLE_ON_RECORD_H_
