// A partner's ledger, read over its Ledger service. Nothing that comes back was verified: whoever
// reads holds it against a checkpoint and what a Witness remembers.
#ifndef VOUCH_CLIENT_REQUESTER_LEDGER_CLIENT_H_
#define VOUCH_CLIENT_REQUESTER_LEDGER_CLIENT_H_

#include <grpcpp/channel.h>
#include <grpcpp/client_context.h>

#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "absl/types/span.h"
#include "client/requester/witness.h"
#include "crypto/log_succession.h"
#include "crypto/tiles.h"
#include "vouch/v1/ledger.grpc.pb.h"

namespace vouch::requester {

void ToMessage(const crypto::LogSuccession& step, v1::LogSuccession* out);
// InvalidArgument when it is malformed.
absl::StatusOr<crypto::LogSuccession> ReadSuccession(const v1::LogSuccession& step);

// Thread-safe. Every call waits at most `patience`; what the partner answers with another status
// than OK comes back as that status, its message included.
class LedgerClient final : public crypto::TileReader {
 public:
  // Over a channel of Connect().
  LedgerClient(const std::shared_ptr<grpc::Channel>& channel, absl::Duration patience);

  struct Head {
    std::string note;
    std::vector<crypto::Digest> proof;  // from what was remembered to the note's size
    bool cosign = false;                // this side's cosignature of it is awaited
    // From the log that was remembered, if it has ended, to the note's.
    std::vector<crypto::LogSuccession> successions;
  };
  // `origin` and `old_size`: what is remembered of the ledger. `log`: whose checkpoint is wanted;
  // here and below, empty for the one that is being written.
  absl::StatusOr<Head> GetCheckpoint(absl::string_view origin, uint64_t old_size,
                                     absl::string_view log = "");
  absl::StatusOr<std::vector<crypto::Digest>> GetConsistency(absl::string_view origin,
                                                             uint64_t old_size, uint64_t size);
  // From each of these sizes to the next, in one call where the partner knows how. They ascend.
  // However many calls it takes, they wait twelve times as long as one, and one more.
  absl::StatusOr<std::vector<std::vector<crypto::Digest>>> GetConsistencies(
      absl::string_view origin, absl::Span<const uint64_t> sizes);
  // An entry's bytes, or its leaf hash where it is not for this side.
  struct Entry {
    bool shown = false;
    std::string bytes;
    crypto::Digest leaf{};
  };
  // `count` at most 256.
  absl::StatusOr<std::vector<Entry>> GetEntries(uint64_t first, uint32_t count,
                                                absl::string_view log = "");
  absl::StatusOr<v1::AddCheckpointResponse> AddCheckpoint(const AddCheckpointRequest& request);
  // This side's cosignature of a checkpoint of the partner's log.
  absl::StatusOr<v1::AddCosignatureResponse> AddCosignature(absl::string_view note,
                                                            absl::string_view cosignature);
  // Notes that the partner remembers of these logs.
  absl::StatusOr<std::vector<std::string>> GetRemembered(absl::Span<const std::string> origins);

  absl::StatusOr<std::vector<crypto::Digest>> ReadTile(const crypto::Tile& tile) const override;
  absl::StatusOr<std::vector<crypto::Digest>> ReadTileOf(absl::string_view log,
                                                         const crypto::Tile& tile) const;

  // Ends what is under way; later calls fail at once.
  void Cancel();

 private:
  // Makes one call that Cancel can end.
  template <typename Call>
  absl::Status Make(const Call& call) const;

  const std::unique_ptr<v1::Ledger::Stub> stub_;
  const absl::Duration patience_;
  mutable std::mutex mutex_;
  mutable std::vector<grpc::ClientContext*> under_way_;
  bool cancelled_ = false;
};

}  // namespace vouch::requester

#endif  // VOUCH_CLIENT_REQUESTER_LEDGER_CLIENT_H_
