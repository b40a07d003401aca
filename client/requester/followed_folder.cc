#include "client/requester/followed_folder.h"

#include <fcntl.h>
#include <sys/file.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <system_error>

#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "absl/time/clock.h"
#include "crypto/digest.h"
#include "crypto/log_entry.h"

namespace vouch::requester {

namespace {

namespace fs = std::filesystem;

constexpr absl::Duration kLockPatience = absl::Seconds(30);

}  // namespace

bool MakeFollowedFolder(const std::string& folder) {
  std::error_code error;
  for (const fs::path& one : {fs::path(folder).parent_path(), fs::path(folder)}) {
    if (fs::is_directory(one, error)) continue;
    if (fs::create_directories(one, error)) fs::permissions(one, fs::perms::owner_all, error);
  }
  return fs::is_directory(folder, error);
}

absl::Status NotAsked(absl::string_view why) {
  return absl::UnavailableError(absl::StrCat(
      "the answer is not used, because it could not be found out whether the responder's ledger "
      "only grew: ",
      why, "; ask again with the same request id, it is charged once"));
}

FollowedLock::FollowedLock(const std::string& folder, absl::string_view agency) {
  if (folder.empty()) return;
  if (!MakeFollowedFolder(folder)) {
    status_ = NotAsked(absl::StrCat(folder, " cannot be made"));
    return;
  }
  const std::string path =
      absl::StrCat(folder, "/lock-", crypto::Hex(crypto::Sha256(agency)).substr(0, 16));
  file_ = open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600);
  if (file_ < 0) {
    status_ = NotAsked(absl::StrCat(path, " cannot be written"));
    return;
  }
  const absl::Time end = absl::Now() + kLockPatience;
  while (flock(file_, LOCK_EX | LOCK_NB) != 0) {
    if (absl::Now() > end) {
      status_ = NotAsked(absl::StrCat("another process holds ", path));
      return;
    }
    absl::SleepFor(absl::Milliseconds(5));
  }
}

FollowedLock::~FollowedLock() {
  if (file_ >= 0) close(file_);
}

absl::Status RefusedBefore(const std::string& folder, absl::string_view agency) {
  if (folder.empty()) return absl::OkStatus();
  std::error_code error;
  for (const auto& file : fs::directory_iterator(folder, error)) {
    if (file.path().extension() != kRefusedSuffix) continue;
    const std::string path = file.path().string();
    std::string line;
    std::getline(std::ifstream(path, std::ios::binary), line);
    absl::string_view origin = line;
    const auto name =
        absl::ConsumePrefix(&origin, kEvidenceAbout) ? crypto::ReadLogName(origin) : absl::nullopt;
    if (!name.has_value()) {
      return NotAsked(absl::StrCat(path, ", which says that a log was refused, cannot be read"));
    }
    if (name->agency != agency) continue;
    return absl::DataLossError(
        absl::StrCat("no answer of ", agency, " is used: it was found out before that ", origin,
                     " is not one log (", path,
                     "). Settle it with the agency and with oversight; then take that file away"));
  }
  if (error && error != std::errc::no_such_file_or_directory) {
    return NotAsked(absl::StrCat(folder, " cannot be read"));
  }
  return absl::OkStatus();
}

}  // namespace vouch::requester
