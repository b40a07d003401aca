#include "client/requester/accepted_losses.h"

#include <algorithm>
#include <filesystem>
#include <system_error>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "absl/strings/strip.h"
#include "crypto/base64.h"
#include "crypto/digest.h"
#include "crypto/keys.h"

namespace vouch::requester {

namespace {

namespace fs = std::filesystem;

constexpr absl::string_view kFormat = "vouch-accepted-loss/1";
constexpr absl::string_view kEntry = "entry ";
constexpr char kSuffix[] = ".loss";

// "vouch-accepted-loss/1", "entry BASE64", and for people what follows.
std::string EntryIn(absl::string_view text) {
  const std::vector<absl::string_view> lines = absl::StrSplit(text, absl::MaxSplits('\n', 2));
  if (lines.size() != 3 || lines[0] != kFormat) return "";
  absl::string_view base64 = lines[1];
  if (!absl::ConsumePrefix(&base64, kEntry)) return "";
  std::string entry;
  return crypto::FromBase64(base64, &entry) ? entry : "";
}

std::string NameOf(absl::string_view entry) {
  return absl::StrCat(crypto::Hex(crypto::Sha256(entry)), kSuffix);
}

}  // namespace

std::string AcceptedLosses::FolderIn(absl::string_view witness_folder) {
  return absl::StrCat(witness_folder, "/accepted");
}

bool AcceptedLosses::Holds(absl::string_view entry) const {
  return std::any_of(folders_.begin(), folders_.end(), [&](const std::string& folder) {
    const auto text = crypto::ReadPrivateFile(absl::StrCat(folder, "/", NameOf(entry)));
    return text.ok() && !entry.empty() && EntryIn(*text) == entry;
  });
}

std::vector<crypto::LossDeclared> AcceptedLosses::All() const {
  std::vector<crypto::LossDeclared> all;
  for (const std::string& folder : folders_) {
    std::error_code error;
    for (const auto& file : fs::directory_iterator(folder, error)) {
      if (file.path().extension() != kSuffix) continue;
      const auto text = crypto::ReadPrivateFile(file.path().string());
      if (!text.ok()) continue;
      const auto loss = crypto::ReadLossDeclared(EntryIn(*text));
      if (loss.ok()) all.push_back(*loss);
    }
  }
  return all;
}

bool AcceptedLosses::IsLost(const crypto::Checkpoint& checkpoint) const {
  const std::vector<crypto::LossDeclared> all = All();
  return std::any_of(all.begin(), all.end(), [&](const crypto::LossDeclared& loss) {
    const bool there =
        checkpoint.origin == loss.restored.origin && checkpoint.size <= loss.restored.size;
    return !there && loss.Covers(checkpoint);
  });
}

absl::Status AcceptedLosses::Accept(absl::string_view entry, absl::string_view evidence,
                                    absl::Time now) const {
  const std::string& folder = folders_.front();
  std::error_code error;
  if (fs::create_directories(folder, error)) {
    fs::permissions(folder, fs::perms::owner_all, error);
  }
  if (error) return absl::UnavailableError(absl::StrCat(folder, " cannot be made"));
  const std::string text =
      absl::StrCat(kFormat, "\n", kEntry, crypto::Base64(crypto::AsBytes(entry)), "\naccepted ",
                   absl::FormatTime(absl::RFC3339_sec, now, absl::UTCTimeZone()), "\n\n", evidence);
  const absl::Status kept = crypto::ReplaceFile(absl::StrCat(folder, "/", NameOf(entry)), text,
                                                /*is_private=*/true);
  return kept.ok() ? kept : absl::UnavailableError(kept.message());
}

crypto::LossAccepted AcceptedLosses::AsPredicate() const {
  return [this](absl::string_view entry, const crypto::LossDeclared&) { return Holds(entry); };
}

}  // namespace vouch::requester
