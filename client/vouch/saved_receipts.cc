#include "client/vouch/saved_receipts.h"

#include <algorithm>
#include <fstream>
#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "client/vouch/console.h"
#include "nlohmann/json.hpp"
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
  } else {
    const auto index = json.find("index");
    if (index == json.end() || !index->is_number_unsigned() ||
        !absl::Base64Unescape(TextAt(json, "entry"), &entry) ||
        !absl::Base64Unescape(TextAt(json, "opening"), &opening)) {
      return absl::nullopt;
    }
    receipt.index = index->get<uint64_t>();
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
                      entry->requester, ", ", entry->question, ")");
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
      by_index_.emplace(receipts_[i].index + slot, std::pair(i, slot));
      by_entry_.emplace(receipts_[i].entries[slot], std::pair(i, slot));
    }
  }
}

void ReceiptComparison::Visit(const oversight::LogEntry& entry) {
  if (receipts_.empty()) return;
  const auto at = by_index_.equal_range(entry.index_in_log);
  for (auto it = at.first; it != at.second; ++it) {
    places_[it->second.first][it->second.second].read = true;
  }
  const auto same = by_entry_.equal_range(std::string(entry.entry));
  for (auto it = same.first; it != same.second; ++it) {
    const auto [receipt, slot] = it->second;
    Place& place = places_[receipt][slot];
    if (receipts_[receipt].index + slot == entry.index_in_log) {
      place.same = true;
      place.position = entry.index;
    } else {
      place.elsewhere = entry.index_in_log;
    }
  }
}

std::vector<std::string> ReceiptComparison::Findings(
    const std::vector<oversight::Disclosure>& found, const oversight::LogExtent& extent) const {
  std::map<uint64_t, const oversight::Disclosure*> tagged;
  for (const oversight::Disclosure& one : found) tagged[one.index] = &one;
  std::vector<std::string> findings;
  for (size_t i = 0; i < receipts_.size(); ++i) {
    const SavedReceipt& receipt = receipts_[i];
    std::string wrong;
    const oversight::Disclosure* own = nullptr;
    for (size_t slot = 0; slot < receipt.entries.size(); ++slot) {
      const Place& place = places_[i][slot];
      const uint64_t index = receipt.index + slot;
      if (!place.same && wrong.empty()) {
        if (extent.logs.size() == 1 && index < extent.first) {
          wrong = "lies before what this journal still holds";
        } else if (place.elsewhere.has_value()) {
          wrong = absl::StrCat("stands elsewhere in the log, as entry ", *place.elsewhere,
                               ": the log was rewritten");
        } else if (!place.read) {
          wrong = "is not in the log: the log ends before it, so it was rewritten or put back";
        } else {
          wrong = "is not in the log: another entry stands there, so the log was rewritten";
        }
      }
      const auto known = tagged.find(place.position);
      if (known != tagged.end()) own = known->second;
    }
    if (wrong.empty() && own == nullptr) {
      wrong = "is in the log, and not tagged to this person: this list does not have it";
    } else if (wrong.empty() && own->opened.has_value() &&
               crypto::Commit(receipt.opening, own->opened->details.Bytes()) !=
                   own->entry.commitment) {
      wrong = "does not open what the entry commits to";
    }
    if (!wrong.empty()) findings.push_back(absl::StrCat(Of(receipt), " ", wrong, "."));
  }
  return findings;
}

}  // namespace vouch::client
