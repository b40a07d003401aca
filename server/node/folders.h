// The few things a node's folder needs of the file system besides keys.h.
#ifndef VOUCH_SERVER_NODE_FOLDERS_H_
#define VOUCH_SERVER_NODE_FOLDERS_H_

#include <sys/types.h>

#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"

namespace vouch::server::node {

// Largest file that people edit or exchange and that is read whole.
inline constexpr size_t kLargestText = size_t{1} << 20;
// Revocation lists of large authorities have many megabytes.
inline constexpr size_t kLargestList = size_t{64} << 20;

bool Exists(const std::string& path);
// Permission bits, or NotFound.
absl::StatusOr<mode_t> ModeOf(const std::string& path);
// Creates one folder, whatever the umask, and syncs its parent; AlreadyExists when it is there.
absl::Status CreateFolder(const std::string& path, mode_t mode);
// The same for a folder that may be there already.
absl::Status EnsureFolder(const std::string& path, mode_t mode);
// Names in a folder, sorted, without those that begin with a dot; empty when it cannot be read.
std::vector<std::string> NamesIn(const std::string& folder);
// A whole ordinary file; NotFound, or InvalidArgument when over `most` bytes or no ordinary file.
absl::StatusOr<std::string> ReadText(const std::string& path, size_t most = kLargestText);
// `path` itself when absolute, else within `folder`. The empty path stays empty.
std::string Within(const std::string& folder, const std::string& path);

}  // namespace vouch::server::node

#endif  // VOUCH_SERVER_NODE_FOLDERS_H_
