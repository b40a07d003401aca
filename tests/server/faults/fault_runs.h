// Runs a script in a process of its own again and again, each time with one fault at one of its
// system calls, and tells what the process did.
#ifndef VOUCH_TESTS_SERVER_FAULTS_FAULT_RUNS_H_
#define VOUCH_TESTS_SERVER_FAULTS_FAULT_RUNS_H_

#include <cstdint>
#include <functional>
#include <map>
#include <string>
#include <vector>

#include "tests/harness/failing_calls.h"

namespace vouch::server {

// What the script's process leaves behind, also when it is killed. In memory that both share.
struct Report {
  struct Released {
    uint32_t action = 0;
    uint64_t size = 0;      // of the log, when it was released
    uint8_t root[32] = {};  // of the log, then
    uint64_t first_entry = 0;
  };
  static constexpr size_t kMost = 256;
  // Written one after the other; each counts once its number is written.
  uint32_t tried = 0;  // actions begun, from the first
  uint32_t released_count = 0;
  Released released[kMost];
  uint32_t unavailable = 0;  // answers that said so and were asked for again
  char refusal[200] = {};    // the status with which the script could not go on
  uint32_t calls = 0;
  bool fault_came = false;
  bool sync_retried = false;
};

// Exits with 0 when it came to its end, or says in the report why not.
using Script = std::function<void(const std::string& folder, Report* report)>;

struct Run {
  vouch::tests::SystemCall call;
  vouch::tests::Fault fault = vouch::tests::Fault::kNone;
  int error = 0;
  std::string did;  // in plain words
  Report report;

  std::string Name() const;
};

// One table of docs/faults.md.
class FaultTable {
 public:
  void Add(const Run& run);
  std::string Markdown() const;

 private:
  struct Row {
    std::string step;
    std::string call;
    std::map<std::string, std::vector<std::string>> did;  // by the column's name
  };
  std::vector<Row> rows_;
};

// Runs the script once without a fault, in a folder that `prepare` makes, then once for each of its
// calls and each fault that call can meet; `check` sees the folder after each. Nothing may be wrong
// with it, and the report may not hold what the folder does not. Returns the number of runs.
size_t RunWithEveryFault(const std::function<void(const std::string& folder)>& prepare,
                         const Script& script,
                         const std::function<void(const std::string& folder, const Run&)>& check,
                         FaultTable* table);

// Compares with a section of docs/faults.md, or writes it when VOUCH_WRITE_FAULTS is set.
void ExpectDocumented(const std::string& section, const std::string& markdown);

}  // namespace vouch::server

#endif  // VOUCH_TESTS_SERVER_FAULTS_FAULT_RUNS_H_
