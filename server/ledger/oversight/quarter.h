// A quarter's counts of one agreement, made so that no count tells of a person.
#ifndef VOUCH_SERVER_LEDGER_OVERSIGHT_QUARTER_H_
#define VOUCH_SERVER_LEDGER_OVERSIGHT_QUARTER_H_

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "absl/strings/string_view.h"
#include "absl/time/civil_time.h"
#include "absl/time/time.h"
#include "absl/types/optional.h"
#include "crypto/bytes.h"
#include "server/ledger/oversight/log_reader.h"

namespace vouch::server::ledger::oversight {

struct Quarter {
  int64_t year = 0;
  int quarter = 1;  // 1 to 4

  absl::Time begin() const;  // UTC
  absl::Time end() const;
  std::string Text() const;  // "2027-Q1"
  // nullopt for anything Text does not write.
  static absl::optional<Quarter> Parse(absl::string_view text);
};

// Counts as they are, for one agreement.
struct QuarterCounts {
  using ByName = std::map<std::string, uint64_t>;
  // Questions that were answered, a household as one; by question and requester. A
  // question that the agreement does not list is "".
  std::map<std::string, ByName> answered;  // question -> requester
  std::map<uint8_t, uint64_t> refused;     // by reason
  std::map<uint32_t, uint64_t> by_month;   // answered
  uint64_t answers() const;
  uint64_t refusals() const;
};

class QuarterCount {
 public:
  explicit QuarterCount(const Quarter& quarter) : begin_(quarter.begin()), end_(quarter.end()) {}
  // Entries in the order of the log. DataLoss for one about a subject that cannot be read.
  absl::Status Visit(const LogEntry& entry);
  const std::map<std::string, QuarterCounts>& agreements() const { return agreements_; }
  // Refusals that have no entry of their own, by requester and reason: of no agreement.
  const std::map<std::string, std::map<uint8_t, uint64_t>>& counted() const { return counted_; }

 private:
  const absl::Time begin_, end_;
  std::map<std::string, QuarterCounts> agreements_;
  std::map<std::string, std::map<uint8_t, uint64_t>> counted_;
  crypto::Digest last_commitment_{};
};

// A count that may be printed, or not.
struct Cell {
  std::string name;
  uint64_t count = 0;
  bool shown = true;
};
// One row of counts that add up to a total. A count from 1 to minimum - 1 is not shown. Where only
// one would be missing, so that the total gives it away, or all that is missing together is less
// than `minimum`, or less than two for each, so that it is mostly ones, the next smallest that is
// not 0 goes too, until none is so. Where there is no other, the total goes, or, where that is
// large enough to stand in other rows, all that is missing becomes one cell, kTogether.
struct SuppressedRow {
  std::vector<Cell> cells;
  Cell total;
};
inline constexpr char kTogether[] = "small counts together";
SuppressedRow Suppress(std::vector<Cell> cells, uint64_t minimum);

}  // namespace vouch::server::ledger::oversight

#endif  // VOUCH_SERVER_LEDGER_OVERSIGHT_QUARTER_H_
