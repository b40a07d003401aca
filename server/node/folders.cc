#include "server/node/folders.h"

#include <dirent.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <memory>

#include "absl/strings/str_cat.h"

namespace vouch::server::node {
namespace {

class OpenFile {
 public:
  OpenFile(const std::string& path, int flags) : number_(open(path.c_str(), flags | O_CLOEXEC)) {}
  OpenFile(const OpenFile&) = delete;
  OpenFile& operator=(const OpenFile&) = delete;
  ~OpenFile() {
    if (number_ >= 0) close(number_);
  }
  int number() const { return number_; }

 private:
  int number_;
};

struct CloseFolder {
  void operator()(DIR* folder) const { closedir(folder); }
};

absl::Status SystemError(const std::string& path, absl::string_view what) {
  return absl::ErrnoToStatus(errno, absl::StrCat(path, ": ", what));
}

absl::Status SyncParentOf(std::string path) {
  while (path.size() > 1 && path.back() == '/') path.pop_back();
  const size_t slash = path.rfind('/');
  const std::string parent =
      slash == std::string::npos ? "." : path.substr(0, std::max<size_t>(slash, 1));
  const OpenFile folder(parent, O_RDONLY | O_DIRECTORY);
  if (folder.number() < 0 || fsync(folder.number()) != 0) {
    return SystemError(parent, "the folder cannot be synced");
  }
  return absl::OkStatus();
}

}  // namespace

bool Exists(const std::string& path) {
  struct stat facts;
  return lstat(path.c_str(), &facts) == 0;
}

absl::StatusOr<mode_t> ModeOf(const std::string& path) {
  struct stat facts;
  if (stat(path.c_str(), &facts) != 0) return SystemError(path, "cannot be read");
  return facts.st_mode & 07777;
}

absl::Status CreateFolder(const std::string& path, mode_t mode) {
  if (mkdir(path.c_str(), mode) != 0) return SystemError(path, "the folder cannot be created");
  // mkdir takes the umask's bits away.
  if (chmod(path.c_str(), mode) != 0) return SystemError(path, "its mode cannot be set");
  return SyncParentOf(path);
}

absl::Status EnsureFolder(const std::string& path, mode_t mode) {
  absl::Status created = CreateFolder(path, mode);
  if (!absl::IsAlreadyExists(created)) return created;
  struct stat facts;
  if (stat(path.c_str(), &facts) != 0 || !S_ISDIR(facts.st_mode)) {
    return absl::FailedPreconditionError(absl::StrCat(path, ": is in the way and no folder"));
  }
  return absl::OkStatus();
}

std::vector<std::string> NamesIn(const std::string& folder) {
  std::vector<std::string> names;
  const std::unique_ptr<DIR, CloseFolder> open_folder(opendir(folder.c_str()));
  if (open_folder == nullptr) return names;
  while (const dirent* entry = readdir(open_folder.get())) {
    if (entry->d_name[0] != '.') names.emplace_back(entry->d_name);
  }
  std::sort(names.begin(), names.end());
  return names;
}

absl::StatusOr<std::string> ReadText(const std::string& path, size_t most) {
  // Non-blocking, so that a pipe in the file's place is refused and not waited for.
  const OpenFile file(path, O_RDONLY | O_NONBLOCK);
  if (file.number() < 0) return SystemError(path, "cannot be opened");
  struct stat facts;
  if (fstat(file.number(), &facts) != 0) return SystemError(path, "cannot be read");
  if (!S_ISREG(facts.st_mode)) {
    return absl::InvalidArgumentError(absl::StrCat(path, ": is not an ordinary file"));
  }
  std::string text;
  std::string part(64 << 10, '\0');
  for (;;) {
    const ssize_t got = read(file.number(), &part[0], part.size());
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) return SystemError(path, "cannot be read");
    if (got == 0) return text;
    text.append(part, 0, static_cast<size_t>(got));
    if (text.size() > most) {
      return absl::InvalidArgumentError(absl::StrCat(path, ": is larger than ", most, " bytes"));
    }
  }
}

std::string Within(const std::string& folder, const std::string& path) {
  if (path.empty() || path[0] == '/') return path;
  return absl::StrCat(folder, "/", path);
}

}  // namespace vouch::server::node
