#include "tests/server/faults/fault_runs.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <fstream>
#include <iterator>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_split.h"
#include "tests/harness/process.h"
#include "tests/paths.h"

namespace vouch::server {
namespace {

using vouch::tests::Fault;
using vouch::tests::SystemCall;

constexpr const char* kColumns[] = {"killed, or the power cut", "torn write", "ENOSPC", "EIO",
                                    "interrupted, or half written"};

struct Planned {
  Fault fault;
  int error;
};

// What may become of a call.
std::vector<Planned> FaultsOf(const SystemCall& call) {
  std::vector<Planned> all = {{Fault::kKill, 0}, {Fault::kPowerCut, 0}, {Fault::kError, EIO}};
  if (call.syncs()) {
    all.push_back({Fault::kErrorThenPowerCut, EIO});
    return all;
  }
  const bool reads = call.name == "read" || call.name == "pread";
  if (!reads && call.name != "flock" && call.name != "fchmod") {
    all.push_back({Fault::kError, ENOSPC});
  }
  if (call.writes()) {
    all.push_back({Fault::kShort, 0});
    all.push_back({Fault::kFirstHalf, 0});
    all.push_back({Fault::kLastHalf, 0});
  }
  if (reads || call.writes() || call.name == "fallocate") all.push_back({Fault::kError, EINTR});
  return all;
}

bool Alike(const SystemCall& a, const SystemCall& b) {
  return a.step == b.step && a.name == b.name && a.file == b.file;
}

// Every fault that call can meet; of many calls in a row that are alike, each one has its turn at
// one of them, and the first and the last few at all.
std::vector<Planned> PlanFor(const std::vector<SystemCall>& calls, size_t number) {
  constexpr size_t kFew = 4;
  std::vector<Planned> all = FaultsOf(calls[number]);
  size_t before = 0, after = 0;
  while (before <= kFew && before < number && Alike(calls[number - before - 1], calls[number])) {
    ++before;
  }
  while (after <= kFew && number + after + 1 < calls.size() &&
         Alike(calls[number + after + 1], calls[number])) {
    ++after;
  }
  if (before < kFew || after < kFew) return all;
  return {all[number % all.size()]};
}

// What a disk would lose is played, so that none needs to be waited for.
void StayOffTheDisk() {
  if (access("/dev/shm", W_OK) == 0) setenv("TMPDIR", "/dev/shm", 1);
}

size_t ColumnOf(Fault fault, int error) {
  switch (fault) {
    case Fault::kKill:
    case Fault::kPowerCut:
    case Fault::kErrorThenPowerCut:
      return fault == Fault::kErrorThenPowerCut ? 3 : 0;
    case Fault::kFirstHalf:
    case Fault::kLastHalf:
      return 1;
    case Fault::kShort:
      return 4;
    default:
      return error == ENOSPC ? 2 : error == EINTR ? 4 : 3;
  }
}

// Memory that both processes see.
class SharedReport {
 public:
  SharedReport()
      : at_(mmap(nullptr, sizeof(Report), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1,
                 0)) {
    if (at_ == MAP_FAILED) std::abort();
    new (at_) Report();
  }
  SharedReport(const SharedReport&) = delete;
  SharedReport& operator=(const SharedReport&) = delete;
  ~SharedReport() { munmap(at_, sizeof(Report)); }
  Report* get() { return static_cast<Report*>(at_); }

 private:
  void* const at_;
};

std::string WhatItDid(int status, const Run& run) {
  if (WIFSIGNALED(status)) {
    if (WTERMSIG(status) == SIGKILL && run.fault != Fault::kError) {
      return run.fault == Fault::kErrorThenPowerCut ? "ended itself" : "whole at the next start";
    }
    return WTERMSIG(status) == SIGABRT ? "ended itself" : absl::StrCat("signal ", WTERMSIG(status));
  }
  if (WEXITSTATUS(status) != 0) return absl::StrCat("exit ", WEXITSTATUS(status));
  if (run.report.refusal[0] != '\0') return run.report.refusal;
  return run.report.unavailable > 0 ? "UNAVAILABLE, then went on" : "went on";
}

// In the child.
[[noreturn]] void RunScript(const Script& script, const std::string& folder, Report* report,
                            uint64_t number, const Planned& planned,
                            const std::string& trace = "") {
  if (number != UINT64_MAX) {
    // Why it ended itself is for operators; the run's table says that it did.
    const int nowhere = open("/dev/null", O_WRONLY);
    if (nowhere >= 0) dup2(nowhere, STDERR_FILENO);
  }
  vouch::tests::WatchCalls(folder);
  vouch::tests::FailCall(number, planned.fault, planned.error);
  script(folder, report);
  report->fault_came = vouch::tests::FaultCame();
  report->sync_retried = vouch::tests::SyncWasRetried();
  if (!trace.empty()) {
    std::ofstream out(trace);
    for (const SystemCall& call : vouch::tests::CallsSeen()) {
      out << call.step << '\t' << call.name << '\t' << call.file << '\n';
    }
    out.close();
  }
  _exit(0);
}

std::string Read(const std::string& path) {
  std::ifstream in(path, std::ios::binary);
  return std::string(std::istreambuf_iterator<char>(in), {});
}

std::vector<SystemCall> Trace(const std::function<void(const std::string&)>& prepare,
                              const Script& script,
                              const std::function<void(const std::string&, const Run&)>& check) {
  const vouch::tests::TemporaryFolder folder;
  const std::string watched = folder.Path("watched");
  prepare(watched);
  SharedReport report;
  const pid_t child = fork();
  if (child == 0) {
    RunScript(script, watched, report.get(), UINT64_MAX, {Fault::kNone, 0}, folder.Path("trace"));
  }
  int status = 0;
  waitpid(child, &status, 0);
  EXPECT_EQ(status, 0);
  Run run;
  run.report = *report.get();
  EXPECT_STREQ(run.report.refusal, "");
  EXPECT_EQ(run.report.unavailable, 0u);
  EXPECT_FALSE(run.report.sync_retried);
  check(watched, run);
  std::vector<SystemCall> calls;
  for (const absl::string_view line :
       absl::StrSplit(Read(folder.Path("trace")), '\n', absl::SkipEmpty())) {
    const std::vector<std::string> parts = absl::StrSplit(line, '\t');
    calls.push_back({parts.at(0), parts.at(1), parts.at(2)});
  }
  return calls;
}

void AddOnce(const std::string& what, std::vector<std::string>* all) {
  if (std::find(all->begin(), all->end(), what) == all->end()) all->push_back(what);
}

}  // namespace

std::string Run::Name() const {
  static constexpr const char* kFaults[] = {"none",         "error",      "error, power cut",
                                            "half written", "first half", "last half",
                                            "killed",       "power cut"};
  return absl::StrCat(call.step, ", ", call.name, " ", call.file, ", ",
                      kFaults[static_cast<size_t>(fault)], " ", error);
}

void FaultTable::Add(const Run& run) {
  const std::string call = absl::StrCat(run.call.name, " `", run.call.file, "`");
  auto row = std::find_if(rows_.begin(), rows_.end(), [&](const Row& one) {
    return one.step == run.call.step && one.call == call;
  });
  if (row == rows_.end()) row = rows_.insert(rows_.end(), Row{run.call.step, call, {}});
  AddOnce(run.did, &row->did[kColumns[ColumnOf(run.fault, run.error)]]);
}

std::string FaultTable::Markdown() const {
  std::string text = "| step | call |";
  for (const char* column : kColumns) absl::StrAppend(&text, " ", column, " |");
  absl::StrAppend(&text, " lost |\n|---|---|---|---|---|---|---|---|\n");
  for (const Row& row : rows_) {
    absl::StrAppend(&text, "| ", row.step, " | ", row.call, " |");
    for (const char* column : kColumns) {
      const auto found = row.did.find(column);
      std::vector<std::string> did;
      if (found != row.did.end()) did = found->second;
      std::sort(did.begin(), did.end());
      absl::StrAppend(&text, " ", absl::StrJoin(did, "; or "), " |");
    }
    // RunWithEveryFault has held each run's folder against what it had released.
    absl::StrAppend(&text, " nothing |\n");
  }
  return text;
}

size_t RunWithEveryFault(const std::function<void(const std::string& folder)>& prepare,
                         const Script& script,
                         const std::function<void(const std::string& folder, const Run&)>& check,
                         FaultTable* table) {
  StayOffTheDisk();
  const std::vector<SystemCall> calls = Trace(prepare, script, check);
  if (testing::Test::HasFailure()) return 0;
  size_t runs = 0;
  for (size_t number = 0; number < calls.size(); ++number) {
    for (const Planned& planned : PlanFor(calls, number)) {
      const vouch::tests::TemporaryFolder folder;
      const std::string watched = folder.Path("watched");
      prepare(watched);
      SharedReport report;
      const pid_t child = fork();
      if (child == 0) RunScript(script, watched, report.get(), number, planned);
      int status = 0;
      waitpid(child, &status, 0);
      Run run;
      run.call = calls[number];
      run.fault = planned.fault;
      run.error = planned.error;
      run.report = *report.get();
      run.did = WhatItDid(status, run);
      ++runs;
      const testing::ScopedTrace trace(
          __FILE__, __LINE__, absl::StrCat("call ", number, ": ", run.Name(), ": ", run.did));
      if (!WIFSIGNALED(status)) {
        EXPECT_TRUE(run.report.fault_came);
        EXPECT_EQ(WEXITSTATUS(status), 0);
      } else {
        EXPECT_TRUE(WTERMSIG(status) == SIGKILL || WTERMSIG(status) == SIGABRT);
      }
      EXPECT_FALSE(run.report.sync_retried);
      check(watched, run);
      table->Add(run);
      if (testing::Test::HasFailure()) return runs;
    }
  }
  return runs;
}

void ExpectDocumented(const std::string& section, const std::string& markdown) {
  const std::string path = absl::StrCat(VOUCH_SOURCE_DIR, "/docs/faults.md");
  std::string text = Read(path);
  const std::string begin = absl::StrCat("<!-- ", section, " -->\n");
  const std::string end = absl::StrCat("<!-- end of ", section, " -->\n");
  const size_t from = text.find(begin);
  const size_t to = text.find(end);
  ASSERT_TRUE(from != std::string::npos && to != std::string::npos && from < to)
      << path << " has no place for " << section;
  const size_t at = from + begin.size();
  if (std::getenv("VOUCH_WRITE_FAULTS") != nullptr) {
    text.replace(at, to - at, markdown);
    std::ofstream(path, std::ios::binary | std::ios::trunc) << text;
  }
  EXPECT_EQ(text.substr(at, text.find(end) - at), markdown)
      << "VOUCH_WRITE_FAULTS=1 writes it anew";
}

}  // namespace vouch::server
