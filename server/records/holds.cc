#include "server/records/holds.h"

#include <algorithm>
#include <cstdio>
#include <iterator>

#include "absl/strings/str_cat.h"
#include "crypto/digest.h"

namespace vouch::server::records {

namespace {

constexpr FileKind kHoldsKind{"VOUCHHLD", 1};
constexpr absl::string_view kNames[] = {"other", "identity-theft", "address-confidentiality",
                                        "dispute"};
constexpr size_t kStoredHold = 32 + 1 + 8;

}  // namespace

absl::string_view HoldReasonName(HoldReason reason) { return kNames[static_cast<size_t>(reason)]; }

absl::optional<HoldReason> HoldReasonNamed(absl::string_view name) {
  for (size_t i = 0; i < std::size(kNames); ++i) {
    if (kNames[i] == name) return static_cast<HoldReason>(i);
  }
  return absl::nullopt;
}

Holds::Holds(std::vector<Hold> holds) : holds_(std::move(holds)) {
  std::sort(holds_.begin(), holds_.end(),
            [](const Hold& a, const Hold& b) { return a.person < b.person; });
}

bool Holds::Contains(const PersonHandle& person) const {
  size_t first = 0;
  // Halving without leaving early: the steps depend on how many are held, not on who is.
  for (size_t size = holds_.size(); size > 1;) {
    const size_t half = size / 2;
    first += holds_[first + half].person <= person ? half : 0;
    size -= half;
  }
  return !holds_.empty() && holds_[first].person == person;
}

Holds Holds::With(const Hold& hold) const {
  std::vector<Hold> holds = Without(hold.person).holds_;
  holds.push_back(hold);
  return Holds(std::move(holds));
}

Holds Holds::Without(const PersonHandle& person) const {
  std::vector<Hold> holds = holds_;
  holds.erase(std::remove_if(holds.begin(), holds.end(),
                             [&](const Hold& hold) { return hold.person == person; }),
              holds.end());
  return Holds(std::move(holds));
}

absl::Status Holds::Write(const std::string& path) const {
  crypto::ByteWriter body;
  for (const Hold& hold : holds_) {
    body.Raw(hold.person).U8(static_cast<uint8_t>(hold.reason));
    body.U64(static_cast<uint64_t>(absl::ToUnixSeconds(hold.since)));
  }
  const std::string fresh = absl::StrCat(path, ".new");
  // The list is small, so its sum covers the whole body, beside the header's own.
  const crypto::Digest digest = crypto::Sha256(body.str());
  absl::StatusOr<FileWriter> file = FileWriter::Create(fresh, digest.size());
  if (!file.ok()) return file.status();
  file->Append(crypto::AsBytes(body.str()));
  if (absl::Status s = file->Finish(kHoldsKind, crypto::AsText(digest)); !s.ok()) return s;
  if (rename(fresh.c_str(), path.c_str()) != 0) return SystemError("cannot be renamed", fresh);
  return SyncFolder(path.substr(0, path.rfind('/')));
}

absl::StatusOr<std::shared_ptr<const Holds>> Holds::Read(const std::string& path) {
  const absl::StatusOr<MappedFile> file = MappedFile::Open(path, kHoldsKind);
  if (absl::IsNotFound(file.status())) return std::make_shared<const Holds>();
  if (!file.ok()) return file.status();
  const crypto::ByteSpan body = file->body();
  const crypto::Digest digest = crypto::Sha256(body);
  if (file->details() != crypto::AsText(digest) || body.size() % kStoredHold != 0) {
    return absl::DataLossError(
        absl::StrCat(path,
                     ": is damaged; restore it from a backup, or nobody can be answered "
                     "about without risk to the people it protects"));
  }
  std::vector<Hold> holds(body.size() / kStoredHold);
  crypto::ByteReader reader(body);
  for (Hold& hold : holds) {
    const crypto::ByteSpan person = reader.Raw(hold.person.size());
    std::copy(person.begin(), person.end(), hold.person.begin());
    hold.reason = static_cast<HoldReason>(std::min<uint8_t>(reader.U8(), std::size(kNames) - 1));
    hold.since = absl::FromUnixSeconds(static_cast<int64_t>(reader.U64()));
  }
  return std::make_shared<const Holds>(std::move(holds));
}

}  // namespace vouch::server::records
