// Changes since the last load: upserts and deletes in a small append-only log, all of it in memory
// for readers, merged into the next generation.
#ifndef VOUCH_SERVER_RECORDS_OVERLAY_H_
#define VOUCH_SERVER_RECORDS_OVERLAY_H_

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/container/inlined_vector.h"
#include "absl/status/statusor.h"
#include "absl/types/optional.h"
#include "server/records/facts_file.h"
#include "server/records/sealed_identities.h"
#include "server/records/token_index.h"

namespace vouch::server::records {

// Bytes of a log without changes.
inline constexpr uint64_t kOverlayHeader = 12;

// One person's state after a change.
struct OverlayChange {
  bool deleted = false;
  PersonHandle person{};
  uint32_t record = 0;
  std::string row;  // as FactColumns makes it; an absent row when deleted
  SealedIdentity identity;
  // For each index there was at the time of the change: what finds the person in it. An index built
  // later has taken the change in by itself and is not listed.
  struct Tokens {
    std::string agreement_id;
    uint32_t epoch = 0;
    crypto::Digest label{};
    uint8_t formed = 0;
    std::vector<IndexValue> values;
  };
  std::vector<Tokens> tokens;

  const Tokens* FindTokens(absl::string_view agreement_id, uint32_t epoch,
                           const crypto::Digest& label) const;
};

// Everything changed since the generation was loaded. Immutable once built, thread-safe.
class Overlay {
 public:
  // Reads the log. An incomplete last change was never acknowledged and is left out; damage before
  // it is DataLoss. A missing file is an empty overlay.
  static absl::StatusOr<std::shared_ptr<const Overlay>> Read(const std::string& path);

  bool empty() const { return changes_.empty(); }
  // nullptr when the record was not changed.
  const OverlayChange* Find(uint32_t record) const;
  // Records changed so that `value` of an index finds them. nullptr for none.
  struct IndexPart {
    IndexName name;
    absl::flat_hash_map<IndexValue, absl::InlinedVector<uint32_t, 1>> records;
  };
  const IndexPart* PartFor(const IndexName& name) const;
  const absl::flat_hash_map<uint32_t, OverlayChange>& changes() const { return changes_; }
  // Bytes of the log that are whole.
  uint64_t log_size() const { return log_size_; }

 private:
  Overlay() = default;
  void Apply(OverlayChange change);
  void BuildParts();
  absl::flat_hash_map<uint32_t, OverlayChange> changes_;
  std::vector<std::unique_ptr<IndexPart>> parts_;
  uint64_t log_size_ = 0;
};

// Appends changes; each is synced before Append returns. Use with the folder locked.
class OverlayLog {
 public:
  // Cuts off an incomplete last change.
  static absl::StatusOr<OverlayLog> Open(const std::string& path);
  absl::Status Append(absl::Span<const OverlayChange> changes);

 private:
  OverlayLog(std::string path, Descriptor file, uint64_t size)
      : path_(std::move(path)), file_(std::move(file)), size_(size) {}
  std::string path_;
  Descriptor file_;
  uint64_t size_;
};

}  // namespace vouch::server::records

#endif  // VOUCH_SERVER_RECORDS_OVERLAY_H_
