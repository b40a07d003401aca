#include "tests/bench/server_process.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <cerrno>
#include <chrono>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <thread>

#include "absl/strings/str_cat.h"

namespace vouch::bench {

namespace {

constexpr std::chrono::minutes kLongestStart(10);

}  // namespace

absl::StatusOr<std::unique_ptr<ServerProcess>> ServerProcess::Start(
    const std::vector<std::string>& argv, const std::string& port_file,
    const std::string& log_file) {
  std::error_code ignored;
  std::filesystem::remove(port_file, ignored);
  std::vector<char*> arguments;
  for (const std::string& argument : argv) arguments.push_back(const_cast<char*>(argument.c_str()));
  arguments.push_back(nullptr);

  std::unique_ptr<ServerProcess> server(new ServerProcess());
  const auto start = std::chrono::steady_clock::now();
  server->pid_ = fork();
  if (server->pid_ < 0) return absl::ErrnoToStatus(errno, "fork");
  if (server->pid_ == 0) {
    // Only calls that are safe between fork and exec.
    const int log = open(log_file.c_str(), O_WRONLY | O_CREAT | O_APPEND, 0600);
    dup2(log, STDOUT_FILENO);
    dup2(log, STDERR_FILENO);
    execv(arguments[0], arguments.data());
    _exit(127);
  }
  while (true) {
    std::ifstream in(port_file);
    if (in >> server->port_ && server->port_ > 0) break;
    int status = 0;
    const bool ended = waitpid(server->pid_, &status, WNOHANG) == server->pid_;
    if (ended) server->pid_ = -1;
    if (ended || std::chrono::steady_clock::now() - start > kLongestStart) {
      return absl::UnavailableError(absl::StrCat(argv[0], " did not start; see ", log_file));
    }
    std::this_thread::sleep_for(std::chrono::milliseconds(1));
  }
  server->seconds_to_start_ =
      std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
  return server;
}

ServerProcess::~ServerProcess() { Stop(); }

void ServerProcess::Stop() {
  if (pid_ < 0) return;
  kill(pid_, SIGTERM);
  int status = 0;
  while (waitpid(pid_, &status, 0) < 0 && errno == EINTR) {
  }
  pid_ = -1;
}

double ServerProcess::CpuSeconds() const {
  clockid_t clock;
  timespec time = {};
  if (clock_getcpuclockid(pid_, &clock) != 0 || clock_gettime(clock, &time) != 0) return 0;
  return static_cast<double>(time.tv_sec) + static_cast<double>(time.tv_nsec) * 1e-9;
}

double ServerProcess::RssAnonMib() const {
  std::ifstream status(absl::StrCat("/proc/", pid_, "/status"));
  for (std::string line; std::getline(status, line);) {
    if (line.compare(0, 8, "RssAnon:") == 0) return std::atof(line.c_str() + 8) / 1024;
  }
  return 0;
}

std::string OwnFolder() {
  return std::filesystem::read_symlink("/proc/self/exe").parent_path().string();
}

}  // namespace vouch::bench
