// The checkpoints that came with answers, on their way from whoever asked to the node that is the
// witness: files in a folder, one a checkpoint, taken away when they were looked at. So a log that
// is one thing in answers and another as its head is found out.
#ifndef VOUCH_CLIENT_REQUESTER_SEEN_CHECKPOINTS_H_
#define VOUCH_CLIENT_REQUESTER_SEEN_CHECKPOINTS_H_

#include <functional>
#include <string>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"

namespace vouch::requester {

// Thread-safe; several processes may use one folder.
class SeenCheckpoints {
 public:
  // Made 0700 when missing, when the first is added.
  explicit SeenCheckpoints(std::string folder) : folder_(std::move(folder)) {}

  // Unavailable when it cannot be written, or kMost wait: no node takes them; or kMostOfOne of its
  // agency: one that lets nothing of it be looked at leaves room for the others.
  absl::Status Add(absl::string_view note) const;
  // Hands over what waits, smallest log first; what `look` returns true for is taken away.
  void Take(const std::function<bool(const std::string& note)>& look) const;

  static constexpr size_t kMost = 10000;
  static constexpr size_t kMostOfOne = 2000;

 private:
  const std::string folder_;
};

}  // namespace vouch::requester

#endif  // VOUCH_CLIENT_REQUESTER_SEEN_CHECKPOINTS_H_
