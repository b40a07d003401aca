// A server as a process of its own, so that what it costs can be told from what asking it costs.
#ifndef VOUCH_TESTS_BENCH_SERVER_PROCESS_H_
#define VOUCH_TESTS_BENCH_SERVER_PROCESS_H_

#include <sys/types.h>

#include <memory>
#include <string>
#include <vector>

#include "absl/status/statusor.h"

namespace vouch::bench {

// Ended, and waited for, when it dies.
class ServerProcess {
 public:
  // `port_file` is removed first; the server is up when it has written its port there. What it
  // writes to standard output and error goes to `log_file`. Unavailable when it ends instead, or
  // takes over ten minutes.
  static absl::StatusOr<std::unique_ptr<ServerProcess>> Start(const std::vector<std::string>& argv,
                                                              const std::string& port_file,
                                                              const std::string& log_file);
  ServerProcess(const ServerProcess&) = delete;
  ServerProcess& operator=(const ServerProcess&) = delete;
  ~ServerProcess();

  int port() const { return port_; }
  double seconds_to_start() const { return seconds_to_start_; }
  // All its threads, those that ended too.
  double CpuSeconds() const;
  double RssAnonMib() const;
  // SIGTERM, and the wait for its end.
  void Stop();

 private:
  ServerProcess() = default;
  pid_t pid_ = -1;
  int port_ = 0;
  double seconds_to_start_ = 0;
};

// The folder that this program lies in: others of the same build lie beside it.
std::string OwnFolder();

}  // namespace vouch::bench

#endif  // VOUCH_TESTS_BENCH_SERVER_PROCESS_H_
