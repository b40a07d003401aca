#include "tests/harness/process.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstdlib>
#include <filesystem>

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"

namespace vouch::tests {
namespace {

class Pipe {
 public:
  Pipe() { open_ = pipe2(ends_.data(), O_CLOEXEC) == 0; }
  Pipe(const Pipe&) = delete;
  Pipe& operator=(const Pipe&) = delete;
  ~Pipe() {
    CloseRead();
    CloseWrite();
  }
  bool open() const { return open_; }
  int read_end() const { return ends_[0]; }
  int write_end() const { return ends_[1]; }
  void CloseRead() { Close(&ends_[0]); }
  void CloseWrite() { Close(&ends_[1]); }

 private:
  void Close(int* end) {
    if (open_ && *end >= 0) close(*end);
    *end = -1;
  }
  std::array<int, 2> ends_{-1, -1};
  bool open_ = false;
};

// Only calls that are safe between fork and exec.
[[noreturn]] void Become(const std::vector<char*>& argv, const std::vector<char*>& environment,
                         const std::string& folder, int in, int out, int err) {
  setpgid(0, 0);
  if (!folder.empty() && chdir(folder.c_str()) != 0) _exit(127);
  if (dup2(in, 0) < 0 || dup2(out, 1) < 0 || dup2(err, 2) < 0) _exit(127);
  signal(SIGPIPE, SIG_DFL);
  execve(argv[0], argv.data(), environment.data());
  _exit(127);
}

std::vector<char*> Pointers(const std::vector<std::string>& texts) {
  std::vector<char*> pointers;
  for (const std::string& text : texts) pointers.push_back(const_cast<char*>(text.c_str()));
  pointers.push_back(nullptr);
  return pointers;
}

// Feeds and drains the pipes until both outputs end; false when the deadline comes first.
bool Exchange(const std::string& input, Pipe* in, Pipe* out, Pipe* err, absl::Time deadline,
              ProcessResult* result) {
  size_t written = 0;
  if (input.empty()) in->CloseWrite();
  std::array<char, 65536> part;
  while (out->read_end() >= 0 || err->read_end() >= 0) {
    const absl::Duration left = deadline - absl::Now();
    if (left <= absl::ZeroDuration()) return false;
    std::array<pollfd, 3> waits = {pollfd{in->write_end(), POLLOUT, 0},
                                   pollfd{out->read_end(), POLLIN, 0},
                                   pollfd{err->read_end(), POLLIN, 0}};
    const int64_t wait = std::min<int64_t>(absl::ToInt64Milliseconds(left) + 1, 60000);
    if (poll(waits.data(), waits.size(), static_cast<int>(wait)) < 0 && errno != EINTR)
      return false;
    if (waits[0].revents != 0) {
      const ssize_t put = write(in->write_end(), input.data() + written,
                                std::min<size_t>(input.size() - written, 4096));
      if (put > 0) written += static_cast<size_t>(put);
      if (put <= 0 || written == input.size()) in->CloseWrite();
    }
    const auto drain = [&part](const pollfd& wait_for, Pipe* from, std::string* into) {
      if (wait_for.revents == 0) return;
      const ssize_t got = read(from->read_end(), part.data(), part.size());
      if (got > 0) {
        into->append(part.data(), static_cast<size_t>(got));
      } else {
        from->CloseRead();
      }
    };
    drain(waits[1], out, &result->out);
    drain(waits[2], err, &result->err);
  }
  return true;
}

}  // namespace

ProcessResult RunProcess(const ProcessRun& run) {
  ProcessResult result;
  Pipe in, out, err;
  if (run.argv.empty() || !in.open() || !out.open() || !err.open()) return result;
  std::vector<std::string> environment_texts;
  for (char** entry = environ; *entry != nullptr; ++entry) environment_texts.emplace_back(*entry);
  environment_texts.insert(environment_texts.end(), run.environment.begin(), run.environment.end());
  const std::vector<char*> argv = Pointers(run.argv);
  const std::vector<char*> environment = Pointers(environment_texts);
  signal(SIGPIPE, SIG_IGN);
  const pid_t child = fork();
  if (child < 0) return result;
  if (child == 0) {
    Become(argv, environment, run.folder, in.read_end(), out.write_end(), err.write_end());
  }
  in.CloseRead();
  out.CloseWrite();
  err.CloseWrite();
  result.timed_out = !Exchange(run.input, &in, &out, &err, absl::Now() + run.timeout, &result);
  if (result.timed_out) kill(-child, SIGKILL);
  int status = 0;
  while (waitpid(child, &status, 0) < 0 && errno == EINTR) {
  }
  result.exit_code = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
  return result;
}

TemporaryFolder::TemporaryFolder() {
  const char* parent = std::getenv("TMPDIR");
  path_ = absl::StrCat(parent != nullptr ? parent : "/tmp", "/vouch-test-XXXXXX");
  if (mkdtemp(&path_[0]) == nullptr) std::abort();
}

TemporaryFolder::~TemporaryFolder() {
  std::error_code ignored;
  std::filesystem::remove_all(path_, ignored);
}

std::string TemporaryFolder::Path(absl::string_view name) const {
  return absl::StrCat(path_, "/", name);
}

}  // namespace vouch::tests
