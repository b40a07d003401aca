// An agency's ledger as `vouch ledger export` writes it: the first log in the folder itself, each
// that follows in a folder below that is named as the end of its origin.
#ifndef VOUCH_CLIENT_VOUCH_EXPORTED_LOGS_H_
#define VOUCH_CLIENT_VOUCH_EXPORTED_LOGS_H_

#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "crypto/checkpoint.h"

namespace vouch::client {

// Where the log of that origin lies; `first`: it is the first.
std::string ExportFolderOf(const std::string& folder, absl::string_view origin, bool first);

struct ExportedLog {
  std::string folder;
  std::string note;               // the checkpoint's, not verified
  crypto::Checkpoint checkpoint;  // as the note says
};
// Those that are there, oldest first. NotFound when the folder holds none; InvalidArgument when a
// checkpoint cannot be read.
absl::StatusOr<std::vector<ExportedLog>> ExportedLogsIn(const std::string& folder);

}  // namespace vouch::client

#endif  // VOUCH_CLIENT_VOUCH_EXPORTED_LOGS_H_
