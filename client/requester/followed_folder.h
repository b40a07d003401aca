// The folder in which it is remembered how far partners' logs were followed: whose turn it is, and
// whose logs were refused. docs/ledger.md, "What a requester checks".
#ifndef VOUCH_CLIENT_REQUESTER_FOLLOWED_FOLDER_H_
#define VOUCH_CLIENT_REQUESTER_FOLLOWED_FOLDER_H_

#include <string>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"

namespace vouch::requester {

// Makes it, with the folder it lies in, which may be the node's: each closed to others when made
// here. Whether it is there.
bool MakeFollowedFolder(const std::string& folder);

// Unavailable: why an answer is not used, and may be asked for again.
absl::Status NotAsked(absl::string_view why);

// One process at a time compares with what is remembered of an agency's logs, and replaces it. One
// agency that keeps its asker waiting holds up nobody who asks another.
class FollowedLock {
 public:
  // Waits for it at most half a minute. An empty folder is nobody's, and needs none.
  FollowedLock(const std::string& folder, absl::string_view agency);
  ~FollowedLock();
  FollowedLock(const FollowedLock&) = delete;
  // Unavailable when it was not had.
  const absl::Status& status() const { return status_; }

 private:
  int file_ = -1;
  absl::Status status_;
};

// The first line of evidence is this and the log's origin.
inline constexpr absl::string_view kEvidenceAbout = "Vouch: evidence about ";
// Of the file, beside what is remembered, by which nothing of an agency's ledger is used any more.
inline constexpr char kRefusedSuffix[] = ".refused";

// DataLoss when it was found out before, of any log of this agency, that it is not one log: an
// agency is not believed again because it begins another. Unavailable when that cannot be read.
absl::Status RefusedBefore(const std::string& folder, absl::string_view agency);

}  // namespace vouch::requester

#endif  // VOUCH_CLIENT_REQUESTER_FOLLOWED_FOLDER_H_
