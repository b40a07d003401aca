// The half of keys.h that knows files.
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <utility>

#include "absl/strings/str_cat.h"
#include "crypto/keys.h"
#include "crypto/sync_folder.h"

namespace vouch::crypto {

namespace {

constexpr size_t kLargestPrivateFile = size_t{1} << 20;

class FileDescriptor {
 public:
  explicit FileDescriptor(int number) : number_(number) {}
  FileDescriptor(const FileDescriptor&) = delete;
  FileDescriptor& operator=(const FileDescriptor&) = delete;
  ~FileDescriptor() { Close(); }

  int number() const { return number_; }
  bool ok() const { return number_ >= 0; }
  bool Close() {
    if (number_ < 0) return true;
    return close(std::exchange(number_, -1)) == 0;
  }

 private:
  int number_;
};

absl::Status SystemError(const std::string& path, absl::string_view what) {
  return absl::ErrnoToStatus(errno, absl::StrCat(path, ": ", what));
}

std::string FolderOf(const std::string& path) {
  const size_t slash = path.rfind('/');
  if (slash == std::string::npos) return ".";
  return slash == 0 ? "/" : path.substr(0, slash);
}

bool WriteAll(int file, absl::string_view contents) {
  while (!contents.empty()) {
    const ssize_t written = write(file, contents.data(), contents.size());
    if (written < 0 && errno == EINTR) continue;
    if (written <= 0) return false;
    contents.remove_prefix(static_cast<size_t>(written));
  }
  return true;
}

// A synced file beside `path`, removed again unless it was given its place.
class FileBeside {
 public:
  static absl::StatusOr<std::unique_ptr<FileBeside>> Write(const std::string& path,
                                                           absl::string_view contents,
                                                           mode_t mode) {
    std::string name = absl::StrCat(path, ".new-XXXXXX");
    FileDescriptor file(mkostemp(&name[0], O_CLOEXEC));
    if (!file.ok()) return SystemError(path, "cannot be written");
    auto beside = std::make_unique<FileBeside>(name);
    if (fchmod(file.number(), mode) != 0 || !WriteAll(file.number(), contents) ||
        fsync(file.number()) != 0 || !file.Close()) {
      return SystemError(path, "cannot be written");
    }
    return beside;
  }
  explicit FileBeside(std::string name) : name_(std::move(name)) {}
  FileBeside(const FileBeside&) = delete;
  FileBeside& operator=(const FileBeside&) = delete;
  ~FileBeside() {
    if (!name_.empty()) unlink(name_.c_str());
  }

  // Unlike a rename, a link fails when the place is taken.
  absl::Status LinkAs(const std::string& path) const {
    if (link(name_.c_str(), path.c_str()) == 0) return absl::OkStatus();
    if (errno == EEXIST) {
      return absl::AlreadyExistsError(absl::StrCat(path, ": exists; a key is never overwritten"));
    }
    return SystemError(path, "cannot be created");
  }
  absl::Status RenameTo(const std::string& path) {
    if (rename(name_.c_str(), path.c_str()) != 0) return SystemError(path, "cannot be replaced");
    name_.clear();
    return absl::OkStatus();
  }

 private:
  std::string name_;
};

}  // namespace

absl::Status SyncFolder(const std::string& folder) {
  const FileDescriptor open_folder(open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (!open_folder.ok() || fsync(open_folder.number()) != 0) {
    return SystemError(folder, "the folder cannot be synced");
  }
  return absl::OkStatus();
}

absl::Status WritePrivateFile(const std::string& path, absl::string_view text) {
  {
    auto beside = FileBeside::Write(path, text, 0600);
    if (!beside.ok()) return beside.status();
    if (absl::Status linked = (*beside)->LinkAs(path); !linked.ok()) return linked;
  }
  return SyncFolder(FolderOf(path));
}

absl::Status ReplaceFile(const std::string& path, absl::string_view contents, bool is_private) {
  auto beside = FileBeside::Write(path, contents, is_private ? 0600 : 0644);
  if (!beside.ok()) return beside.status();
  if (absl::Status renamed = (*beside)->RenameTo(path); !renamed.ok()) return renamed;
  return SyncFolder(FolderOf(path));
}

absl::StatusOr<std::string> ReadPrivateFile(const std::string& path) {
  // Non-blocking, so that a pipe in the file's place is refused and not waited for.
  const FileDescriptor file(open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK));
  if (!file.ok()) return SystemError(path, "cannot be opened");
  struct stat facts;
  if (fstat(file.number(), &facts) != 0) return SystemError(path, "cannot be read");
  if (!S_ISREG(facts.st_mode)) {
    return absl::FailedPreconditionError(absl::StrCat(path, ": is not an ordinary file"));
  }
  if ((facts.st_mode & 077) != 0) {
    return absl::FailedPreconditionError(
        absl::StrCat(path, ": group or others may use this private file; run: chmod 600 ", path));
  }
  std::string text;
  // One byte over the limit tells a file that is too large from one that just fits.
  text.resize(std::min(static_cast<size_t>(facts.st_size), kLargestPrivateFile) + 1);
  size_t size = 0;
  while (size < text.size()) {
    const ssize_t got = read(file.number(), &text[size], text.size() - size);
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) {
      const absl::Status error = SystemError(path, "cannot be read");
      Wipe(&text);
      return error;
    }
    if (got == 0) break;
    size += static_cast<size_t>(got);
  }
  if (size == text.size()) {
    Wipe(&text);
    return absl::InvalidArgumentError(absl::StrCat(path, ": is larger than 1 MiB, or growing"));
  }
  text.resize(size);
  return text;
}

absl::Status WriteSecretFile(const std::string& path, const SecretBytes& secret) {
  std::string text = Hex(secret.bytes(RawSecretAccess{}));
  text.push_back('\n');
  const absl::Status written = WritePrivateFile(path, text);
  Wipe(&text);
  return written;
}

absl::StatusOr<SecretBytes> ReadSecretFile(const std::string& path, size_t size) {
  absl::StatusOr<std::string> text = ReadPrivateFile(path);
  if (!text.ok()) return text.status();
  SecretBytes secret = SecretBytes::OfSize(size);
  const bool upper_case =
      std::any_of(text->begin(), text->end(), [](char c) { return c >= 'A' && c <= 'F'; });
  const bool good = !upper_case && text->size() == 2 * size + 1 && text->back() == '\n' &&
                    FromHex(absl::string_view(*text).substr(0, 2 * size),
                            secret.mutable_bytes(RawSecretAccess{}));
  Wipe(&*text);
  if (!good) {
    return absl::InvalidArgumentError(
        absl::StrCat(path, ": must hold ", 2 * size,
                     " lower-case hexadecimal digits and a newline, nothing else"));
  }
  return secret;
}

}  // namespace vouch::crypto
