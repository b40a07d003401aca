// Builds token indexes from sealed identities, on all processors.
#ifndef VOUCH_SERVER_RECORDS_INDEX_BUILDER_H_
#define VOUCH_SERVER_RECORDS_INDEX_BUILDER_H_

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/time/civil_time.h"
#include "crypto/identity.h"
#include "server/records/generation_writer.h"
#include "server/records/manifest.h"
#include "server/records/token_index.h"
#include "server/records/tokeniser.h"

namespace vouch::server::records {

// The index that one agreement needs in one epoch.
struct IndexRequest {
  crypto::TokenContext context;
  std::vector<crypto::MatchKey> match;  // at most kMaxMatchKeys
  crypto::IdentityUse use = crypto::IdentityUse::kTest;
  absl::CivilDay today;
  std::shared_ptr<const Tokeniser> tokeniser;
  IndexRecipe made_of;  // in the agreement's own words; what goes into the tokens is above
};
// What an agreement, as it now stands, needs in an epoch. FailedPrecondition when the epoch's key
// is of another kind; InvalidArgument when a match key has a part that does not exist.
absl::StatusOr<IndexRequest> RequestFor(const policies::Agreement& agreement,
                                        const crypto::EpochStatement& epoch, absl::Time now,
                                        std::shared_ptr<const Tokeniser> tokeniser);
// Of everything that goes into the tokens: of the key, what its statement says about it.
crypto::Digest IndexLabel(const IndexRequest& request);
bool IsBuilt(const Manifest& manifest, const IndexRequest& request);
// Those that the present generation lacks, or has for other match keys or spelling rules. Reads the
// manifest alone.
absl::StatusOr<std::vector<IndexRequest>> MissingIndexes(const std::string& folder,
                                                         std::vector<IndexRequest> wanted);

// What finds some people in one index: values, each once for a person, and the keys that could be
// formed. Tokens are made for all of them at once, which costs far less than one by one.
class IndexBatch {
 public:
  IndexBatch() = default;
  IndexBatch(const IndexBatch&) = delete;
  IndexBatch& operator=(const IndexBatch&) = delete;
  ~IndexBatch();

  // FailedPrecondition when the spelling rules are unknown.
  absl::Status Add(const IndexRequest& request, const crypto::Identity& identity, uint32_t record);
  // Appends the entries of all that were added since the last Finish.
  absl::Status Finish(const IndexRequest& request, const IndexHasher& hasher,
                      std::vector<IndexEntry>* entries);

 private:
  struct Key {
    uint32_t record;
    uint16_t number;
    uint8_t formed;
  };
  std::vector<std::string> inputs_;
  std::vector<Key> keys_;
};

struct IndexProgress {
  absl::string_view agreement_id;
  uint32_t epoch = 0;
  uint64_t people = 0;  // done
  uint64_t bytes = 0, bytes_total = 0;
};
using OnIndexProgress = std::function<void(const IndexProgress&)>;

// Writes the index file of a generation whose other files are finished, and names it in `manifest`,
// which is not published. `overlay`: changes that came after the identities file, or nullptr.
// FailedPrecondition when the identities are of the other use or there are too many match keys;
// DataLoss at the first identity that does not open: an index that leaves somebody out would deny
// people.
absl::Status WriteIndex(const FolderLock& lock, const RecordKeys& keys, const Overlay* overlay,
                        const IndexRequest& request, size_t threads,
                        const OnIndexProgress& progress, Manifest* manifest);

struct BuildOptions {
  std::string folder;
  std::string keys_folder;
  std::vector<IndexRequest> indexes;
  size_t threads = 0;        // 0: one for each processor
  OnIndexProgress progress;  // called from several threads, one at a time
};
// Builds those of the indexes that the present generation lacks, and publishes each as it is done.
absl::Status BuildIndexes(const BuildOptions& options);
// Takes the index of one epoch out of the manifest and removes its file. Who holds a generation
// that has it keeps it. NotFound when there is none.
absl::Status DropIndex(const std::string& folder, absl::string_view agreement_id, uint32_t epoch);
// The same for every epoch that is retired at `now`. Returns how many there were. Takes the
// folder's lock only when there is one.
absl::StatusOr<size_t> DropRetiredIndexes(const std::string& folder, absl::Time now);

}  // namespace vouch::server::records

#endif  // VOUCH_SERVER_RECORDS_INDEX_BUILDER_H_
