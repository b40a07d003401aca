// Which files make up the generation that counts. A load or an index build writes its files beside,
// syncs them, then replaces the manifest: whoever reads sees the old generation or the new one.
#ifndef VOUCH_SERVER_RECORDS_MANIFEST_H_
#define VOUCH_SERVER_RECORDS_MANIFEST_H_

#include <cstdint>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/time/civil_time.h"
#include "absl/time/time.h"
#include "crypto/digest.h"
#include "crypto/identity.h"
#include "server/records/index_recipe.h"
#include "server/records/mapped_file.h"

namespace vouch::server::records {

struct Manifest {
  uint64_t generation = 0;  // grows with every load and merge
  uint64_t change = 0;      // grows with every new manifest
  std::string agency;       // whose records these are
  crypto::IdentityUse use = crypto::IdentityUse::kTest;
  uint64_t people = 0;  // present in the generation's files
  absl::CivilDay data_as_of;
  absl::Time loaded_at;      // whole seconds
  std::string person_check;  // tells another person.key
  std::string facts_file, identities_file, overlay_file;
  struct Index {
    std::string agreement_id;
    uint32_t epoch = 0;
    crypto::Digest label{};
    std::string file;
    IndexRecipe made_of;  // an index of an earlier version names no match keys, and so fits nothing
  };
  std::vector<Index> indexes;

  const Index* FindIndex(absl::string_view agreement_id, uint32_t epoch) const;
};

// NotFound when nothing was ever loaded; DataLoss when damaged; FailedPrecondition when written by
// a newer version.
absl::StatusOr<Manifest> ReadManifest(const std::string& folder);
// Syncs the folder (so that the files named are durable), replaces the manifest, then removes files
// of the folder that it does not name. Call with the folder locked.
absl::Status PublishManifest(const std::string& folder, const Manifest& manifest);
std::string ManifestPath(const std::string& folder);
std::string HoldsPath(const std::string& folder);

// Removes what interrupted work left: generation files that the manifest does not name.
void RemoveUnnamedFiles(const std::string& folder, const Manifest& manifest);

// Keeps loads, index builds, upserts and holds of several processes from colliding. Readers need no
// lock.
class FolderLock {
 public:
  // Creates the folder (0700) when missing. FailedPrecondition when another process works in it.
  static absl::StatusOr<FolderLock> Take(const std::string& folder);
  const std::string& folder() const { return folder_; }

 private:
  FolderLock(std::string folder, Descriptor file)
      : folder_(std::move(folder)), file_(std::move(file)) {}
  std::string folder_;
  Descriptor file_;
};

// The three keys of the records, each a file of 32 bytes with mode 0600.
struct RecordKeys {
  crypto::HmacKey index;     // K_index: token index values
  crypto::HmacKey person;    // K_person: person handles
  crypto::HmacKey identity;  // K_identity: sealed identities
};
absl::StatusOr<RecordKeys> ReadRecordKeys(const std::string& keys_folder);
absl::StatusOr<crypto::HmacKey> ReadIndexKey(const std::string& keys_folder);
absl::StatusOr<crypto::HmacKey> ReadPersonKey(const std::string& keys_folder);
// Makes those of index.key, person.key and identity.key that are missing.
absl::Status CreateRecordKeys(const std::string& keys_folder);
std::string PersonCheck(const crypto::HmacKey& person_key);

}  // namespace vouch::server::records

#endif  // VOUCH_SERVER_RECORDS_MANIFEST_H_
