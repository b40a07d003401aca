#include "tests/harness/failing_calls.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/types.h>
#include <unistd.h>

#include <array>
#include <atomic>
#include <cerrno>
#include <cstdarg>
#include <cstdlib>
#include <filesystem>
#include <map>
#include <memory>
#include <mutex>

namespace vouch::tests {
namespace {

namespace fs = std::filesystem;

constexpr size_t kMostDescriptors = 1024;

// Bytes behind a name, whatever it is called now.
struct File {
  std::string synced;
  bool sync_failed = false;
};
using FilePtr = std::shared_ptr<File>;

struct Watch {
  std::recursive_mutex lock;
  std::string folder;
  std::string step;
  std::vector<SystemCall> calls;
  uint64_t at = UINT64_MAX;
  Fault fault = Fault::kNone;
  int error = 0;
  bool came = false;
  bool retried = false;
  std::map<std::string, FilePtr> names;         // as they are
  std::map<std::string, FilePtr> synced_names;  // as they would be after a power cut
  struct Open {
    std::string path;
    FilePtr file;  // null for a folder
  };
  std::array<Open, kMostDescriptors> open;
};
Watch& watch() {
  static Watch* const the = new Watch;
  return *the;
}
std::atomic<bool> watching{false};
// What this file itself does is not counted.
thread_local bool own = false;
class Own {
 public:
  Own() : before_(own) { own = true; }
  ~Own() { own = before_; }

 private:
  const bool before_;
};

bool Watched(const std::string& path) {
  const std::string& folder = watch().folder;
  return path.compare(0, folder.size(), folder) == 0 &&
         (path.size() == folder.size() || path[folder.size()] == '/');
}
bool Watched(int descriptor) {
  return descriptor >= 0 && static_cast<size_t>(descriptor) < kMostDescriptors &&
         !watch().open[static_cast<size_t>(descriptor)].path.empty();
}

// Names that differ from run to run, or count, are one name.
std::string Shown(const std::string& path) {
  const fs::path relative = fs::path(path).lexically_relative(watch().folder);
  if (path == watch().folder || fs::is_directory(path)) return ".";
  std::string name = relative.filename().string();
  if (const size_t fresh = name.find(".new-"); fresh != std::string::npos) {
    name = name.substr(0, fresh) + ".new";
  }
  std::string shown;
  for (const char c : name) {
    const bool digit = c >= '0' && c <= '9';
    if (!digit) shown.push_back(c);
    if (digit && (shown.empty() || shown.back() != 'N')) shown.push_back('N');
  }
  return shown;
}

std::string Content(int descriptor) {
  const std::string link = "/proc/self/fd/" + std::to_string(descriptor);
  const int file = static_cast<int>(syscall(SYS_openat, AT_FDCWD, link.c_str(), O_RDONLY));
  std::string bytes;
  struct stat about {};
  if (file < 0 || fstat(file, &about) != 0) std::abort();
  bytes.resize(static_cast<size_t>(about.st_size));
  if (syscall(SYS_pread64, file, &bytes[0], bytes.size(), 0L) != about.st_size) std::abort();
  syscall(SYS_close, file);
  return bytes;
}

void CutPower() {
  const Own mine;
  for (const auto& [path, file] : watch().names) syscall(SYS_unlink, path.c_str());
  for (const auto& [path, file] : watch().synced_names) {
    const int out = static_cast<int>(
        syscall(SYS_openat, AT_FDCWD, path.c_str(), O_WRONLY | O_CREAT | O_TRUNC, 0600));
    size_t done = 0;
    while (done < file->synced.size()) {
      const long written =
          syscall(SYS_write, out, file->synced.data() + done, file->synced.size() - done);
      if (written <= 0) std::abort();
      done += static_cast<size_t>(written);
    }
    syscall(SYS_close, out);
  }
}

[[noreturn]] void Kill() {
  syscall(SYS_kill, getpid(), SIGKILL);
  for (;;) pause();
}

void CutPowerAndDie(int) {
  CutPower();
  Kill();
}

// Counts a call. True when it is the one that fails by error; half a write is left to the writer.
Fault Count(const char* name, const std::string& path) {
  Watch& all = watch();
  const uint64_t number = all.calls.size();
  all.calls.push_back({all.step, name, Shown(path)});
  if (number != all.at) return Fault::kNone;
  all.came = true;
  switch (all.fault) {
    case Fault::kKill:
      Kill();
    case Fault::kPowerCut:
      CutPowerAndDie(0);
      break;
    case Fault::kErrorThenPowerCut:
      signal(SIGABRT, CutPowerAndDie);
      break;
    default:
      break;
  }
  errno = all.error;
  return all.fault;
}

// A call that does something or fails.
template <typename Real, typename After>
long Call(const char* name, const std::string& path, const Real& real, const After& after) {
  if (!watching || own) return real();
  const Own mine;
  const std::lock_guard<std::recursive_mutex> guard(watch().lock);
  if (!Watched(path)) return real();
  if (Count(name, path) != Fault::kNone) return -1;
  const long result = real();
  if (result >= 0) {
    const int before = errno;
    after(result);
    errno = before;
  }
  return result;
}
template <typename Real, typename After>
long CallOn(const char* name, int descriptor, const Real& real, const After& after) {
  if (!watching || own || !Watched(descriptor)) return real();
  return Call(name, watch().open[static_cast<size_t>(descriptor)].path, real, after);
}
const auto kNothing = [](long) {};

long Opened(const char* path, int flags, mode_t mode) {
  const auto real = [=] { return syscall(SYS_openat, AT_FDCWD, path, flags, mode); };
  if (!watching || own) return real();
  return Call("open", path, real, [&](long descriptor) {
    Watch& all = watch();
    struct stat about {};
    if (fstat(static_cast<int>(descriptor), &about) != 0) return;
    Watch::Open& open = all.open.at(static_cast<size_t>(descriptor));
    open.path = path;
    open.file = nullptr;
    if (S_ISDIR(about.st_mode)) return;
    FilePtr& file = all.names[path];
    if (file == nullptr) file = std::make_shared<File>();
    open.file = file;
  });
}

template <typename Real>
long Written(const char* name, int descriptor, const char* bytes, size_t size, const Real& real) {
  if (!watching || own || !Watched(descriptor)) return real(bytes, size, 0);
  const Own mine;
  const std::lock_guard<std::recursive_mutex> guard(watch().lock);
  switch (Count(name, watch().open[static_cast<size_t>(descriptor)].path)) {
    case Fault::kNone:
      return real(bytes, size, 0);
    case Fault::kShort:
      return real(bytes, (size + 1) / 2, 0);
    case Fault::kFirstHalf:
      (void)real(bytes, size / 2, 0);
      Kill();
    case Fault::kLastHalf:
      (void)real(bytes + size / 2, size - size / 2, size / 2);
      Kill();
    default:
      return -1;
  }
}

long Synced(const char* name, int descriptor, long number) {
  const auto real = [=] { return syscall(number, descriptor); };
  if (!watching || own || !Watched(descriptor)) return real();
  const std::lock_guard<std::recursive_mutex> guard(watch().lock);
  Watch& all = watch();
  const Watch::Open& open = all.open[static_cast<size_t>(descriptor)];
  if (open.file != nullptr && open.file->sync_failed) all.retried = true;
  const long result = CallOn(name, descriptor, real, [&](long) {
    if (open.file != nullptr) {
      open.file->synced = Content(descriptor);
      return;
    }
    const auto within = [&](const std::string& path) {
      return fs::path(path).parent_path() == fs::path(open.path);
    };
    for (auto at = all.synced_names.begin(); at != all.synced_names.end();) {
      at = within(at->first) ? all.synced_names.erase(at) : std::next(at);
    }
    for (const auto& [path, file] : all.names) {
      if (within(path)) all.synced_names[path] = file;
    }
  });
  if (result != 0 && open.file != nullptr) open.file->sync_failed = true;
  return result;
}

void Forget(int descriptor) {
  if (!watching || own || !Watched(descriptor)) return;
  const std::lock_guard<std::recursive_mutex> guard(watch().lock);
  watch().open[static_cast<size_t>(descriptor)] = {};
}

}  // namespace

void WatchCalls(const std::string& folder) {
  const Own mine;
  Watch& all = watch();
  all.folder = folder;
  for (const auto& entry : fs::recursive_directory_iterator(folder)) {
    if (!entry.is_regular_file()) continue;
    auto file = std::make_shared<File>();
    const int descriptor =
        static_cast<int>(syscall(SYS_openat, AT_FDCWD, entry.path().c_str(), O_RDONLY));
    file->synced = Content(descriptor);
    syscall(SYS_close, descriptor);
    all.names[entry.path().string()] = file;
    all.synced_names[entry.path().string()] = file;
  }
  watching = true;
}
void BeginStep(const char* step) {
  const std::lock_guard<std::recursive_mutex> guard(watch().lock);
  watch().step = step;
}
void FailCall(uint64_t number, Fault fault, int error) {
  watch().at = number;
  watch().fault = fault;
  watch().error = error;
}
std::vector<SystemCall> CallsSeen() {
  const std::lock_guard<std::recursive_mutex> guard(watch().lock);
  return watch().calls;
}
bool FaultCame() { return watch().came; }
bool SyncWasRetried() { return watch().retried; }

}  // namespace vouch::tests

// ---- in the C library's place

using namespace vouch::tests;  // NOLINT(google-build-using-namespace): only names of this file

extern "C" {

int open(const char* path, int flags, ...) {
  mode_t mode = 0;
  if ((flags & (O_CREAT | O_TMPFILE)) != 0) {
    va_list more;
    va_start(more, flags);
    mode = va_arg(more, mode_t);
    va_end(more);
  }
  return static_cast<int>(Opened(path, flags, mode));
}
int open64(const char* path, int flags, ...) {
  mode_t mode = 0;
  if ((flags & (O_CREAT | O_TMPFILE)) != 0) {
    va_list more;
    va_start(more, flags);
    mode = va_arg(more, mode_t);
    va_end(more);
  }
  return static_cast<int>(Opened(path, flags, mode));
}
int __open_2(const char* path, int flags) { return static_cast<int>(Opened(path, flags, 0)); }
int __open64_2(const char* path, int flags) { return static_cast<int>(Opened(path, flags, 0)); }
int mkostemp(char* name, int flags) {
  static std::atomic<unsigned> next{0};
  std::string path = name;
  char digits[8];
  for (;;) {
    std::snprintf(digits, sizeof(digits), "%06u", next++ % 1000000);
    path.replace(path.size() - 6, 6, digits);
    const int made = static_cast<int>(
        Opened(path.c_str(), O_RDWR | O_CREAT | O_EXCL | flags, S_IRUSR | S_IWUSR));
    if (made < 0 && errno == EEXIST) continue;
    path.copy(name, path.size());
    return made;
  }
}
int close(int descriptor) {
  Forget(descriptor);
  return static_cast<int>(syscall(SYS_close, descriptor));
}

ssize_t read(int descriptor, void* bytes, size_t size) {
  return CallOn(
      "read", descriptor, [=] { return syscall(SYS_read, descriptor, bytes, size); }, kNothing);
}
ssize_t __read_chk(int descriptor, void* bytes, size_t size, size_t) {
  return read(descriptor, bytes, size);
}
ssize_t pread(int descriptor, void* bytes, size_t size, off_t offset) {
  return CallOn(
      "pread", descriptor, [=] { return syscall(SYS_pread64, descriptor, bytes, size, offset); },
      kNothing);
}
ssize_t pread64(int descriptor, void* bytes, size_t size, off64_t offset) {
  return pread(descriptor, bytes, size, offset);
}
ssize_t __pread_chk(int descriptor, void* bytes, size_t size, off_t offset, size_t) {
  return pread(descriptor, bytes, size, offset);
}
ssize_t __pread64_chk(int descriptor, void* bytes, size_t size, off64_t offset, size_t) {
  return pread(descriptor, bytes, size, offset);
}
ssize_t write(int descriptor, const void* bytes, size_t size) {
  return Written("write", descriptor, static_cast<const char*>(bytes), size,
                 [=](const char* from, size_t count, size_t skipped) {
                   if (skipped > 0) (void)syscall(SYS_lseek, descriptor, skipped, SEEK_CUR);
                   return syscall(SYS_write, descriptor, from, count);
                 });
}
ssize_t pwrite(int descriptor, const void* bytes, size_t size, off_t offset) {
  return Written("pwrite", descriptor, static_cast<const char*>(bytes), size,
                 [=](const char* from, size_t count, size_t skipped) {
                   return syscall(SYS_pwrite64, descriptor, from, count,
                                  offset + static_cast<off_t>(skipped));
                 });
}
ssize_t pwrite64(int descriptor, const void* bytes, size_t size, off64_t offset) {
  return pwrite(descriptor, bytes, size, offset);
}

int fsync(int descriptor) { return static_cast<int>(Synced("fsync", descriptor, SYS_fsync)); }
int fdatasync(int descriptor) {
  return static_cast<int>(Synced("fdatasync", descriptor, SYS_fdatasync));
}
int ftruncate(int descriptor, off_t size) noexcept {
  return static_cast<int>(CallOn(
      "ftruncate", descriptor, [=] { return syscall(SYS_ftruncate, descriptor, size); }, kNothing));
}
int ftruncate64(int descriptor, off64_t size) noexcept { return ftruncate(descriptor, size); }
int fallocate(int descriptor, int mode, off_t offset, off_t size) {
  return static_cast<int>(CallOn(
      "fallocate", descriptor,
      [=] { return syscall(SYS_fallocate, descriptor, mode, offset, size); }, kNothing));
}
int fallocate64(int descriptor, int mode, off64_t offset, off64_t size) {
  return fallocate(descriptor, mode, offset, size);
}
int fchmod(int descriptor, mode_t mode) noexcept {
  return static_cast<int>(CallOn(
      "fchmod", descriptor, [=] { return syscall(SYS_fchmod, descriptor, mode); }, kNothing));
}
// Under another name here: a struct has it too.
int lock_file(int descriptor, int operation) noexcept __asm__("flock");
int lock_file(int descriptor, int operation) noexcept {
  return static_cast<int>(CallOn(
      "flock", descriptor, [=] { return syscall(SYS_flock, descriptor, operation); }, kNothing));
}

int rename(const char* from, const char* to) noexcept {
  return static_cast<int>(Call(
      "rename", from, [=] { return syscall(SYS_rename, from, to); },
      [&](long) {
        Watch& all = watch();
        all.names[to] = all.names[from];
        all.names.erase(from);
        // An open file goes by the name it has now.
        for (Watch::Open& open : all.open) {
          if (open.path == from) open.path = to;
        }
      }));
}
int link(const char* from, const char* to) noexcept {
  return static_cast<int>(Call(
      "link", from, [=] { return syscall(SYS_link, from, to); },
      [&](long) { watch().names[to] = watch().names[from]; }));
}
int unlink(const char* path) noexcept {
  return static_cast<int>(Call(
      "unlink", path, [=] { return syscall(SYS_unlink, path); },
      [&](long) { watch().names.erase(path); }));
}
int remove(const char* path) noexcept {
  struct stat about {};
  if (lstat(path, &about) == 0 && S_ISDIR(about.st_mode)) {
    return static_cast<int>(syscall(SYS_rmdir, path));
  }
  return unlink(path);
}
int mkdir(const char* path, mode_t mode) noexcept {
  return static_cast<int>(Call(
      "mkdir", path, [=] { return syscall(SYS_mkdir, path, mode); }, kNothing));
}

}  // extern "C"
