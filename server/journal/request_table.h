// The request ids that were answered and are still remembered, in memory: 32 bytes each.
#ifndef VOUCH_SERVER_JOURNAL_REQUEST_TABLE_H_
#define VOUCH_SERVER_JOURNAL_REQUEST_TABLE_H_

#include <array>
#include <cstdint>
#include <string>

#include "absl/types/optional.h"
#include "crypto/bytes.h"
#include "server/journal/gap_table.h"
#include "server/journal/journal.h"

namespace vouch::server::journal {

// What decides whether a repeated id is the same request: the first 8 bytes of its content digest.
uint64_t ContentPrefix(const crypto::Digest& content);

// Not thread-safe; guarded by the journal's lock. While tables are loaded, each segment may be
// loaded by another thread.
class RequestTable {
 public:
  static constexpr size_t kSegments = 64;
  // A Location is kept in 8 bytes.
  static constexpr uint32_t kMostItems = 1 << 16;
  static constexpr uint64_t kMostCommits = uint64_t{1} << 48;

  static size_t SegmentOf(const RowKey& key) { return key[15] % kSegments; }

  struct Remembered {
    uint64_t content = 0;
    Location where;
  };
  absl::optional<Remembered> Find(const RowKey& key, uint32_t now) const;
  // Remembers the id until `dies`, the first second at which it is forgotten.
  void Add(const RowKey& key, uint64_t content, const Location& where, uint32_t dies, uint32_t now);
  void Prefetch(const RowKey& key) const;
  // Looks at `slots` more slots and drops the dead rows among them.
  void Sweep(size_t slots, uint32_t now);

  uint64_t size() const;
  uint64_t bytes() const;

  void Save(size_t segment, std::string* out) const;
  bool Load(size_t segment, crypto::ByteSpan bytes);

 private:
  struct Row {
    uint64_t first;   // key[0, 8)
    uint32_t second;  // key[8, 12)
    uint32_t dies;    // never 0
    uint64_t content;
    uint64_t where;  // commit << 16 | item
    uint64_t order() const { return first; }
    bool empty() const { return dies == 0; }
  };
  static_assert(sizeof(Row) == 32, "the size the memory budget counts on");

  Row* FindRow(const RowKey& key);

  std::array<GapTable<Row>, kSegments> segments_;
  size_t sweep_segment_ = 0;
  size_t sweep_slot_ = 0;
};

}  // namespace vouch::server::journal

#endif  // VOUCH_SERVER_JOURNAL_REQUEST_TABLE_H_
