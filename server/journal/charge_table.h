// What every person and token vector has used up: for each row its marks, in memory.
//
// 24 bytes a row: 95 bits of key (its last byte chooses the segment), the one mark most rows ever
// have, and when the row dies. Rows with more marks keep them in their segment's MarkStore.
#ifndef VOUCH_SERVER_JOURNAL_CHARGE_TABLE_H_
#define VOUCH_SERVER_JOURNAL_CHARGE_TABLE_H_

#include <array>
#include <cstdint>
#include <string>
#include <vector>

#include "absl/container/inlined_vector.h"
#include "crypto/bytes.h"
#include "policies/engine/limits.h"
#include "server/journal/gap_table.h"
#include "server/journal/journal.h"
#include "server/journal/lives.h"
#include "server/journal/mark_store.h"

namespace vouch::server::journal {

using Marks = absl::InlinedVector<policies::Mark, 16>;

// Not thread-safe; guarded by the journal's lock. While tables are loaded, each segment may be
// loaded by another thread.
class ChargeTable {
 public:
  static constexpr size_t kSegments = 256;

  static size_t SegmentOf(const RowKey& key) { return key[15]; }

  // Appends the row's marks, oldest first. False when there is no such row alive at `now`.
  bool Find(const RowKey& key, uint32_t now, const Lives& lives, Marks* marks) const;
  // Adds a mark at `now`. A row that died starts afresh. A row whose windows are all finite drops
  // the marks that the longest one has left behind.
  void Add(const RowKey& key, uint32_t value, uint32_t dies, uint32_t now, const Lives& lives);
  void Prefetch(const RowKey& key) const;
  // Looks at `slots` more slots and drops the dead rows among them.
  void Sweep(size_t slots, uint32_t now, const Lives& lives);

  uint64_t size() const;
  uint64_t bytes() const;

  // One segment as it lies in a table image, and back. Load is false for what Save cannot have
  // written.
  void Save(size_t segment, std::string* out) const;
  bool Load(size_t segment, crypto::ByteSpan bytes);

 private:
  struct Row {
    uint64_t first;   // key[0, 8)
    uint32_t second;  // key[8, 12), its lowest bit giving way to `many`
    // One mark; or, when the row has many, how many and where they begin.
    uint32_t mark_second;
    uint32_t mark_value;
    uint32_t dies;  // never 0
    uint64_t order() const { return first; }
    bool empty() const { return dies == 0; }
    bool many() const { return (second & 1) != 0; }
  };
  static_assert(sizeof(Row) == 24, "the size the memory budget counts on");
  struct Segment {
    GapTable<Row> rows;
    MarkStore marks;
  };

  static Row KeyOf(const RowKey& key);
  static bool Same(const Row& a, const Row& b) {
    return a.first == b.first && ((a.second ^ b.second) & ~uint32_t{1}) == 0;
  }
  static void Release(Segment* segment, Row* row);
  static void AddToLive(Segment* segment, Row* row, policies::Mark mark, uint32_t dies);

  std::array<Segment, kSegments> segments_;
  size_t sweep_segment_ = 0;
  size_t sweep_slot_ = 0;
};

}  // namespace vouch::server::journal

#endif  // VOUCH_SERVER_JOURNAL_CHARGE_TABLE_H_
