// Names that last: a file that was made, renamed or removed has its name, or none, after a power
// cut only once its folder was synced.
#ifndef VOUCH_CRYPTO_SYNC_FOLDER_H_
#define VOUCH_CRYPTO_SYNC_FOLDER_H_

#include <string>

#include "absl/status/status.h"

namespace vouch::crypto {

// The error says what the system said, and names the folder.
absl::Status SyncFolder(const std::string& folder);

}  // namespace vouch::crypto

#endif  // VOUCH_CRYPTO_SYNC_FOLDER_H_
