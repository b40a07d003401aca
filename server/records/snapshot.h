// A generation's files, opened, and the resolving of people in them.
#ifndef VOUCH_SERVER_RECORDS_SNAPSHOT_H_
#define VOUCH_SERVER_RECORDS_SNAPSHOT_H_

#include <array>
#include <atomic>
#include <memory>
#include <string>
#include <vector>

#include "server/records/facts_file.h"
#include "server/records/holds.h"
#include "server/records/manifest.h"
#include "server/records/overlay.h"
#include "server/records/records.h"
#include "server/records/token_index.h"

namespace vouch::server::records {

// Counts without making the walkers share a cache line. Thread-safe.
class WorkCount {
 public:
  void Add(const WorkCounters& work);
  WorkCounters Total() const;

 private:
  struct alignas(64) Stripe {
    std::array<std::atomic<uint64_t>, 5> counts{};
  };
  std::array<Stripe, 8> stripes_;
};

class FileSnapshot final : public Snapshot {
 public:
  // NotFound also when a file vanished because a newer manifest replaced this one meanwhile.
  static absl::StatusOr<std::shared_ptr<const FileSnapshot>> Open(const std::string& folder,
                                                                  const crypto::HmacKey& index_key);

  bool Ready(const policies::Agreement& agreement,
             const crypto::EpochStatement& epoch) const override;
  Resolved Resolve(const policies::Permit& permit, uint32_t epoch,
                   absl::Span<const crypto::Token> tokens) const override;
  absl::CivilDay data_as_of() const override { return manifest_.data_as_of; }
  absl::Time loaded_at() const override { return manifest_.loaded_at; }
  uint64_t people() const override { return people_; }
  WorkCounters work() const override { return work_.Total(); }

  const Manifest& manifest() const { return manifest_; }
  // Resolve without a permit, for this room and its tests: bit k of `despite_mismatch` set where
  // match key k may answer although an earlier key found nothing.
  Resolved ResolveTokens(absl::string_view agreement_id, uint32_t epoch, uint32_t despite_mismatch,
                         absl::Span<const crypto::Token> tokens) const;

 private:
  struct OpenIndex {
    IndexHasher hasher;
    std::unique_ptr<TokenIndex> index;
    IndexRecipe made_of;
    const Overlay::IndexPart* overlay = nullptr;
  };
  // What one key found, in the files and the overlay together.
  struct Found {
    IndexHit hit;
    crypto::Digest digest{};
  };
  FileSnapshot() = default;
  const OpenIndex* FindIndex(absl::string_view agreement_id, uint32_t epoch) const;
  Found LookUp(const OpenIndex& index, const crypto::Digest& digest, WorkCounters* work) const;
  // The row of a record, from the overlay where it changed. nullptr when damaged.
  const uint8_t* Row(uint32_t record, WorkCounters* work) const;

  Manifest manifest_;
  std::unique_ptr<FactsFile> facts_;
  std::vector<OpenIndex> indexes_;
  std::shared_ptr<const Overlay> overlay_;
  std::shared_ptr<const Holds> holds_;
  uint64_t people_ = 0;
  mutable WorkCount work_;
};

}  // namespace vouch::server::records

#endif  // VOUCH_SERVER_RECORDS_SNAPSHOT_H_
