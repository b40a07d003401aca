// The checkpoints that answers were used under ahead of their check, written down before: a process
// that is killed leaves them to the next one, which checks them first. docs/ledger.md, "What a
// requester checks".
#ifndef VOUCH_CLIENT_REQUESTER_USED_AHEAD_H_
#define VOUCH_CLIENT_REQUESTER_USED_AHEAD_H_

#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"

namespace vouch::requester {

// Not thread-safe. Each process has a file of its own, which it holds locked: not synced, as the
// death of a process takes nothing from it.
class UsedAhead {
 public:
  // In `folder`, of one agency's logs; empty: nothing is written down.
  UsedAhead(std::string folder, absl::string_view agency);
  ~UsedAhead();
  UsedAhead(const UsedAhead&) = delete;

  // Unavailable when it could not be written down.
  absl::Status Add(const std::string& note);
  // These alone are left; all others were checked.
  void Keep(const std::vector<std::string>& notes);

  // The notes that processes left which are no longer there. Until LeftWereChecked, or the end of
  // this process, no other is given them.
  std::vector<std::string> TakeLeft();
  void LeftWereChecked();

  // All that any process used of that agency and that was not checked yet, left or not.
  static std::vector<std::string> NotesIn(const std::string& folder, absl::string_view agency);

 private:
  struct File {
    std::string path;
    int descriptor = -1;
  };
  bool Begin();

  const std::string folder_;
  const std::string prefix_;  // of the files' names
  File own_;
  bool empty_ = true;
  std::vector<File> left_;
};

}  // namespace vouch::requester

#endif  // VOUCH_CLIENT_REQUESTER_USED_AHEAD_H_
