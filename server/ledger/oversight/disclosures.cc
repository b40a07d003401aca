#include "server/ledger/oversight/disclosures.h"

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"

namespace vouch::server::ledger::oversight {

bool IsAboutSubject(absl::string_view entry) {
  if (entry.size() < 2 || entry[0] != static_cast<char>(crypto::kEntryVersion)) return false;
  const auto kind = static_cast<crypto::EntryKind>(entry[1]);
  return kind == crypto::EntryKind::kAnswered || kind == crypto::EntryKind::kRefused;
}

absl::Status DisclosureSearch::Visit(const LogEntry& entry) {
  if (!IsAboutSubject(entry.entry)) {
    if (!crypto::RequesterOf(entry.entry).ok()) ++unknown_;
    return absl::OkStatus();
  }
  absl::StatusOr<crypto::SubjectEntry> read = crypto::ReadSubjectEntry(entry.entry);
  if (!read.ok()) {
    return absl::DataLossError(
        absl::StrCat("entry ", entry.index, " of the log: ", read.status().message()));
  }
  const absl::Time at = absl::FromUnixSeconds(int64_t{read->minute} * 60);
  if (at < from_ || at >= to_) return absl::OkStatus();
  const Period period = Period::Of(*read);
  const absl::StatusOr<const SubjectKeys::Keys*> keys = keys_->Of(period);
  if (absl::IsNotFound(keys.status())) {
    ++closed_[period];
    return absl::OkStatus();
  }
  if (!keys.ok()) return keys.status();
  const auto own = std::find_if((*keys)->begin(), (*keys)->end(), [&](const SubjectKeyOf& one) {
    return one.key->Tag(read->nonce) == read->tag;
  });
  // The tag is believed before what the other says, which may be damaged.
  if (own == (*keys)->end() && keys_->NamesAnotherKey(period, entry.sealed)) {
    ++closed_[period];
    return absl::OkStatus();
  }
  ++compared_;
  periods_.insert(period);
  if (read->kind == crypto::EntryKind::kAnswered) {
    revisions_.insert({read->agreement_id, read->digest_prefix});
  }
  if (own == (*keys)->end()) return absl::OkStatus();
  Disclosure disclosure;
  disclosure.index = entry.index;
  disclosure.log = std::string(entry.log);
  disclosure.index_in_log = entry.index_in_log;
  disclosure.bytes = std::string(entry.entry);
  disclosure.sealed = std::string(entry.sealed);
  disclosure.tagged_to = own->kind;
  disclosure.key = own->key->raw(crypto::RawSecretAccess{});
  if (!entry.sealed.empty()) {
    auto opened = EntryWriter::OpenWith(*own->key, entry.entry, entry.sealed);
    if (opened.ok()) disclosure.opened = *std::move(opened);
  }
  disclosure.entry = *std::move(read);
  found_.push_back(std::move(disclosure));
  return absl::OkStatus();
}

}  // namespace vouch::server::ledger::oversight
