// The kernel's calls on the files of one folder, counted, and one of them made to fail. Linking
// this into a test program puts it before the C library's own functions, in all of the program and
// in the C++ library: what is tested needs no seam for it.
//
// A power cut takes away whatever was not synced: the bytes of a file since its last fsync or
// fdatasync, and names since the last fsync of their folder. Folders stay, and so do the files
// there when watching begins.
#ifndef VOUCH_TESTS_HARNESS_FAILING_CALLS_H_
#define VOUCH_TESTS_HARNESS_FAILING_CALLS_H_

#include <cstdint>
#include <string>
#include <vector>

namespace vouch::tests {

enum class Fault {
  kNone,
  kError,              // the call fails, and does nothing
  kErrorThenPowerCut,  // the same, and should the process abort, what was not synced is gone
  kShort,              // of a write: half of it lands, and the call says so
  kFirstHalf,          // of a write: half of it lands, and the process is killed
  kLastHalf,           // as kFirstHalf: disks need not write in order
  kKill,               // SIGKILL before the call
  kPowerCut,           // before the call
};

struct SystemCall {
  std::string step;
  std::string name;  // "pwrite"
  std::string file;  // within the folder; "." for a folder; digits that count are "N"

  bool writes() const { return name == "write" || name == "pwrite"; }
  bool syncs() const { return name == "fsync" || name == "fdatasync"; }
};

// Counts from 0 on. For a process that ends with it: nothing can be watched twice.
void WatchCalls(const std::string& folder);
// What the calls from here on belong to.
void BeginStep(const char* step);
void FailCall(uint64_t number, Fault fault, int error = 0);
// Those of one thread in order; where several work at once, in the order they came.
std::vector<SystemCall> CallsSeen();
// Whether the call that was to fail came.
bool FaultCame();
// Whether a file was synced again after a sync of it had failed.
bool SyncWasRetried();

}  // namespace vouch::tests

#endif  // VOUCH_TESTS_HARNESS_FAILING_CALLS_H_
