#include "client/vouch/saved_receipts.h"

#include <algorithm>
#include <fstream>
#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "client/vouch/console.h"
#include "crypto/checkpoint.h"
#include "crypto/log_entry.h"
#include "crypto/note.h"
#include "nlohmann/json.hpp"
#include "policies/engine/source.h"
#include "vouch/v1/verification.pb.h"

namespace vouch::client {
namespace {

namespace oversight = server::ledger::oversight;

constexpr size_t kMostSlots = 64;

std::string TextAt(const nlohmann::json& object, const char* name) {
  const auto found = object.find(name);
  return found != object.end() && found->is_string() ? found->get<std::string>() : "";
}

// The entries of a receipt's slots: parts of one length, each of which can be read.
std::vector<std::string> Parts(absl::string_view bytes) {
  for (size_t count = 1; count <= kMostSlots; ++count) {
    if (bytes.empty() || bytes.size() % count != 0) continue;
    std::vector<std::string> parts;
    const size_t size = bytes.size() / count;
    for (size_t i = 0; i < count; ++i) {
      if (!crypto::ReadSubjectEntry(bytes.substr(i * size, size)).ok()) break;
      parts.emplace_back(bytes.substr(i * size, size));
    }
    if (parts.size() == count) return parts;
  }
  return {};
}

absl::optional<SavedReceipt> ReadReceipt(const nlohmann::json& json) {
  if (!json.is_object()) return absl::nullopt;
  SavedReceipt receipt;
  std::string entry;
  std::string opening;
  if (json.contains("receipt")) {
    std::string bytes;
    v1::Receipt message;
    if (!absl::Base64Unescape(TextAt(json, "receipt"), &bytes) || !message.ParseFromString(bytes)) {
      return absl::nullopt;
    }
    entry = message.entry();
    opening = message.opening();
    receipt.index = message.index();
    // Not verified here: it only says which log the index counts in.
    if (const auto note = crypto::ReadNote(message.proof().checkpoint()); note.ok()) {
      if (const auto head = crypto::ReadCheckpoint(note->text); head.ok()) {
        receipt.log = head->origin;
      }
    }
  } else {
    const auto index = json.find("index");
    if (index == json.end() || !index->is_number_unsigned() ||
        !absl::Base64Unescape(TextAt(json, "entry"), &entry) ||
        !absl::Base64Unescape(TextAt(json, "opening"), &opening)) {
      return absl::nullopt;
    }
    receipt.index = index->get<uint64_t>();
    receipt.log = TextAt(json, "log");
  }
  receipt.entries = Parts(entry);
  if (receipt.entries.empty() || opening.size() != receipt.opening.size()) return absl::nullopt;
  std::copy_n(crypto::AsBytes(opening).begin(), opening.size(), receipt.opening.begin());
  return receipt;
}

std::string Of(const SavedReceipt& receipt) {
  const auto entry = crypto::ReadSubjectEntry(receipt.entries[0]);
  return absl::StrCat("line ", receipt.line, " (entry ", receipt.index, ", ",
                      TimeText(absl::FromUnixSeconds(int64_t{entry->minute} * 60)), ", ",
                      policies::Shown(entry->requester), ", ", policies::Shown(entry->question),
                      ")");
}

constexpr char kBeforeJournal[] =
    "lies before what this journal still holds, so it cannot be looked at here; `vouch receipt "
    "verify` says whether it was in the log";

constexpr char kLost[] =
    "is not in the log: it lies in what was declared lost, so this list does not have it; `vouch "
    "receipt verify` says whether it was in the log";

uint32_t YearOf(const SavedReceipt& receipt) {
  const auto entry = crypto::ReadSubjectEntry(receipt.entries[0]);
  const absl::Time at = absl::FromUnixSeconds(int64_t{entry->minute} * 60);
  return static_cast<uint32_t>(absl::ToCivilYear(at, absl::UTCTimeZone()).year());
}

// Those of the journal's logs that the receipt's index may count in: the one its checkpoint names;
// where it names none, those of its entry's year.
std::vector<size_t> LogsOf(const SavedReceipt& receipt, const oversight::LogExtent& extent) {
  std::vector<size_t> logs;
  for (size_t i = 0; i < extent.logs.size(); ++i) {
    const auto name = crypto::ReadLogName(extent.logs[i].origin);
    const bool fits = receipt.log.empty() ? !name.has_value() || name->year == YearOf(receipt)
                                          : receipt.log == extent.logs[i].origin;
    if (fits) logs.push_back(i);
  }
  return logs;
}

// Whether it may be among what the log declares lost: of its time, and of a log that was cut short.
bool MayBeLost(const SavedReceipt& receipt, const oversight::LogExtent& extent) {
  const auto minute = crypto::ReadSubjectEntry(receipt.entries[0])->minute;
  return std::any_of(
      extent.losses.begin(), extent.losses.end(), [&](const oversight::DeclaredLoss& loss) {
        const bool of_its_logs = receipt.log.empty() ||
                                 (!crypto::LogBefore(receipt.log, loss.declared.restored.origin) &&
                                  crypto::LogBefore(receipt.log, loss.declared.origin));
        return of_its_logs && uint64_t{minute} * 60 <= loss.declared.until;
      });
}

// Whether it is of a log before all that this journal knows of.
bool IsOfLogBefore(const SavedReceipt& receipt, const oversight::LogExtent& extent) {
  if (extent.first == 0 || extent.logs.empty()) return false;
  const std::string& oldest = extent.logs.front().origin;
  const auto name = crypto::ReadLogName(oldest);
  if (!name.has_value()) return false;
  if (receipt.log.empty()) return YearOf(receipt) < name->year;
  const auto own = crypto::ReadLogName(receipt.log);
  return own.has_value() && own->agency == name->agency && crypto::LogBefore(receipt.log, oldest);
}

}  // namespace

absl::StatusOr<std::vector<SavedReceipt>> ReadReceipts(const std::string& path) {
  std::ifstream in(path, std::ios::binary);
  if (!in) return absl::NotFoundError(absl::StrCat(path, " cannot be read"));
  std::vector<SavedReceipt> receipts;
  std::string text;
  for (int line = 1; std::getline(in, text); ++line) {
    if (absl::StripAsciiWhitespace(text).empty()) continue;
    auto receipt = ReadReceipt(nlohmann::json::parse(text, nullptr, false));
    if (!receipt.has_value()) {
      return absl::InvalidArgumentError(
          absl::StrCat(path, ":", line, ": is no receipt; docs/oversight.md says how they look"));
    }
    receipt->line = line;
    receipts.push_back(*std::move(receipt));
  }
  return receipts;
}

ReceiptComparison::ReceiptComparison(const std::vector<SavedReceipt>* receipts)
    : receipts_(*receipts), places_(receipts->size()) {
  for (size_t i = 0; i < receipts_.size(); ++i) {
    places_[i].resize(receipts_[i].entries.size());
    for (size_t slot = 0; slot < receipts_[i].entries.size(); ++slot) {
      by_entry_.emplace(receipts_[i].entries[slot], std::pair(i, slot));
    }
  }
}

void ReceiptComparison::Visit(const oversight::LogEntry& entry) {
  if (receipts_.empty()) return;
  const auto same = by_entry_.equal_range(std::string(entry.entry));
  for (auto it = same.first; it != same.second; ++it) {
    const auto [receipt, slot] = it->second;
    places_[receipt][slot].push_back({std::string(entry.log), entry.index_in_log, entry.index});
  }
}

ReceiptComparison::Standing ReceiptComparison::StandingOf(
    const SavedReceipt& receipt, uint64_t index, const Places& same,
    const oversight::LogExtent& extent) const {
  Standing standing;
  auto own = LogsOf(receipt, extent);
  const bool is_before = own.empty() && IsOfLogBefore(receipt, extent);
  if (own.empty() && receipt.log.empty() && !is_before) {
    for (size_t i = 0; i < extent.logs.size(); ++i) own.push_back(i);
  }
  for (const Place& place : same) {
    for (const size_t log : own) {
      if (place.log != extent.logs[log].origin || place.index != index) continue;
      standing.position = place.position;
      return standing;
    }
  }
  if (!same.empty()) {
    standing.wrong = absl::StrCat("stands elsewhere in the log, as entry ", same.front().index,
                                  " of ", same.front().log, ": the log was rewritten");
    return standing;
  }
  if (is_before) {
    standing.untold = kBeforeJournal;
    return standing;
  }
  if (own.empty() && MayBeLost(receipt, extent)) {
    standing.wrong = kLost;
    return standing;
  }
  if (own.empty()) {
    standing.wrong = absl::StrCat("is not in the log: this ledger has no log ",
                                  policies::Shown(receipt.log, 300));
    return standing;
  }
  bool ends_before = true;
  for (const size_t log : own) {
    const uint64_t first = extent.logs[log].first;
    const uint64_t end = log + 1 < extent.logs.size() ? extent.logs[log + 1].first : extent.size;
    if (index >= end - first) continue;
    ends_before = false;
    if (first + index < extent.first) standing.untold = kBeforeJournal;
  }
  if (!standing.untold.empty()) return standing;
  if (ends_before && MayBeLost(receipt, extent)) {
    standing.wrong = kLost;
    return standing;
  }
  standing.wrong =
      ends_before ? "is not in the log: the log ends before it, so it was rewritten or put back"
                  : "is not in the log: another entry stands there, so the log was rewritten";
  return standing;
}

ReceiptFindings ReceiptComparison::Findings(const oversight::DisclosureSearch& search,
                                            const std::set<oversight::Period>& erased,
                                            const oversight::LogExtent& extent) const {
  std::map<uint64_t, const oversight::Disclosure*> tagged;
  for (const oversight::Disclosure& one : search.found()) tagged[one.index] = &one;
  ReceiptFindings findings;
  for (size_t i = 0; i < receipts_.size(); ++i) {
    const SavedReceipt& receipt = receipts_[i];
    std::string wrong;
    std::string untold;
    const oversight::Disclosure* own = nullptr;
    for (size_t slot = 0; slot < receipt.entries.size(); ++slot) {
      const Standing standing = StandingOf(receipt, receipt.index + slot, places_[i][slot], extent);
      if (wrong.empty()) wrong = standing.wrong;
      if (untold.empty()) untold = standing.untold;
      const auto known = tagged.find(standing.position);
      if (known != tagged.end()) own = known->second;
    }
    const auto period = oversight::Period::Of(*crypto::ReadSubjectEntry(receipt.entries.front()));
    const bool stands = wrong.empty() && untold.empty();
    if (stands && own == nullptr && search.closed().count(period) > 0) {
      const std::string month = oversight::MonthText(period.month);
      if (erased.count(period) > 0) {
        untold = absl::StrCat("is in the log; ", month,
                              " was erased, so nobody can tell any more whom it is about");
      } else {
        wrong = absl::StrCat("is in the log; the key of ", month,
                             " is not here, and nothing notes that it was destroyed, so it cannot "
                             "be told whom it is about");
      }
    } else if (stands && own == nullptr) {
      wrong = "is in the log, and not tagged to this person: this list does not have it";
    } else if (stands && !own->opened.has_value()) {
      wrong =
          "is in the log and tagged to this person; what lies sealed beside it is damaged or gone, "
          "so it cannot be told whether it opens what the entry commits to";
    } else if (stands && crypto::Commit(receipt.opening, own->opened->details.Bytes()) !=
                             own->entry.commitment) {
      wrong = "does not open what the entry commits to";
    }
    if (!wrong.empty()) {
      findings.wrong.push_back(absl::StrCat(Of(receipt), " ", wrong, "."));
    } else if (!untold.empty()) {
      findings.untold.push_back(absl::StrCat(Of(receipt), " ", untold, "."));
    }
  }
  return findings;
}

}  // namespace vouch::client
