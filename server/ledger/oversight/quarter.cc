#include "server/ledger/oversight/quarter.h"

#include <algorithm>
#include <utility>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "crypto/receipt.h"
#include "server/ledger/oversight/disclosures.h"

namespace vouch::server::ledger::oversight {

namespace {

absl::CivilMonth FirstMonth(const Quarter& quarter) {
  return absl::CivilMonth(quarter.year, (quarter.quarter - 1) * 3 + 1);
}

uint64_t Sum(const std::vector<Cell>& cells, bool shown) {
  uint64_t sum = 0;
  for (const Cell& cell : cells) sum += cell.shown == shown ? cell.count : 0;
  return sum;
}

}  // namespace

absl::Time Quarter::begin() const {
  return absl::FromCivil(FirstMonth(*this), absl::UTCTimeZone());
}
absl::Time Quarter::end() const {
  return absl::FromCivil(FirstMonth(*this) + 3, absl::UTCTimeZone());
}
std::string Quarter::Text() const { return absl::StrFormat("%04d-Q%d", year, quarter); }

absl::optional<Quarter> Quarter::Parse(absl::string_view text) {
  Quarter read;
  if (text.size() != 7 || text.substr(4, 2) != "-Q" ||
      !absl::SimpleAtoi(text.substr(0, 4), &read.year) || text[6] < '1' || text[6] > '4') {
    return absl::nullopt;
  }
  read.quarter = text[6] - '0';
  if (read.Text() != text) return absl::nullopt;
  return read;
}

uint64_t QuarterCounts::answers() const {
  uint64_t sum = 0;
  for (const auto& [question, requesters] : answered) {
    for (const auto& [requester, count] : requesters) sum += count;
  }
  return sum;
}

uint64_t QuarterCounts::refusals() const {
  uint64_t sum = 0;
  for (const auto& [reason, count] : refused) sum += count;
  return sum;
}

absl::Status QuarterCount::Visit(const LogEntry& entry) {
  if (!IsAboutSubject(entry.entry)) {
    crypto::ByteReader in(crypto::AsBytes(entry.entry));
    in.U8();
    if (static_cast<crypto::EntryKind>(in.U8()) != crypto::EntryKind::kCountedRefusals) {
      return absl::OkStatus();
    }
    const absl::Time at = absl::FromUnixSeconds(int64_t{in.U32()} * 60);
    const std::string requester(in.ShortText());
    const uint8_t reason = in.U8();
    const uint32_t count = in.U32();
    if (!in.Finished()) return absl::DataLossError("an entry of counted refusals cannot be read");
    if (at >= begin_ && at < end_) counted_[requester][reason] += count;
    return absl::OkStatus();
  }
  const absl::StatusOr<crypto::SubjectEntry> read = crypto::ReadSubjectEntry(entry.entry);
  if (!read.ok()) {
    return absl::DataLossError(
        absl::StrCat("entry ", entry.index, " of the log: ", read.status().message()));
  }
  // The slots of a household stand one behind the other under one commitment.
  const bool another_slot = read->commitment == last_commitment_;
  last_commitment_ = read->commitment;
  const absl::Time at = absl::FromUnixSeconds(int64_t{read->minute} * 60);
  if (another_slot || at < begin_ || at >= end_) return absl::OkStatus();
  QuarterCounts& counts = agreements_[read->agreement_id];
  if (read->kind == crypto::EntryKind::kAnswered) {
    ++counts.answered[read->question][read->requester];
    ++counts.by_month[TagPeriodOf(at)];
  } else {
    ++counts.refused[read->reason];
  }
  return absl::OkStatus();
}

SuppressedRow Suppress(std::vector<Cell> cells, uint64_t minimum) {
  SuppressedRow row;
  row.total.count = Sum(cells, true) + Sum(cells, false);
  for (Cell& cell : cells) cell.shown = cell.count == 0 || cell.count >= minimum;
  const auto hidden = [&] {
    return std::count_if(cells.begin(), cells.end(), [](const Cell& c) { return !c.shown; });
  };
  // Every hidden count is at least 1, as 0 is shown: ten of them that come to ten are ten ones.
  const auto needed = [&] { return std::max(minimum, 2 * static_cast<uint64_t>(hidden())); };
  while (hidden() > 0 && (hidden() == 1 || Sum(cells, false) < needed())) {
    Cell* next = nullptr;
    for (Cell& cell : cells) {
      if (cell.shown && cell.count > 0 && (next == nullptr || cell.count < next->count)) {
        next = &cell;
      }
    }
    if (next == nullptr && row.total.count >= minimum) {
      // Not how many there are, and so not how small.
      cells.erase(
          std::remove_if(cells.begin(), cells.end(), [](const Cell& c) { return !c.shown; }),
          cells.end());
      cells.push_back({kTogether, row.total.count, true});
      break;
    }
    if (next == nullptr) {
      row.total.shown = false;
      break;
    }
    next->shown = false;
  }
  if (row.total.count > 0 && row.total.count < minimum) row.total.shown = false;
  row.cells = std::move(cells);
  return row;
}

}  // namespace vouch::server::ledger::oversight
