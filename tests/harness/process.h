// Runs a program as a test's user would.
#ifndef VOUCH_TESTS_HARNESS_PROCESS_H_
#define VOUCH_TESTS_HARNESS_PROCESS_H_

#include <string>
#include <vector>

#include "absl/strings/string_view.h"
#include "absl/time/time.h"

namespace vouch::tests {

struct ProcessRun {
  std::vector<std::string> argv;         // argv[0] is the program's path
  std::string input;                     // standard input
  std::string folder;                    // working folder; empty: the test's own
  std::vector<std::string> environment;  // "NAME=value", added to the test's own
  absl::Duration timeout = absl::Seconds(60);
};

struct ProcessResult {
  // What it exited with; 128 + signal when one ended it; -1 when it could not be started.
  int exit_code = -1;
  bool timed_out = false;  // killed, after `timeout`
  std::string out;
  std::string err;
};

// Runs it to its end. Nothing of the program outlives the call: it runs in a process group of its
// own, which is killed when the time is over.
ProcessResult RunProcess(const ProcessRun& run);

// A folder of its own for one test, removed with everything in it.
class TemporaryFolder {
 public:
  TemporaryFolder();
  TemporaryFolder(const TemporaryFolder&) = delete;
  TemporaryFolder& operator=(const TemporaryFolder&) = delete;
  ~TemporaryFolder();

  const std::string& path() const { return path_; }
  std::string Path(absl::string_view name) const;

 private:
  std::string path_;
};

}  // namespace vouch::tests

#endif  // VOUCH_TESTS_HARNESS_PROCESS_H_
