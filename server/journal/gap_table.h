// A hash table for tens of millions of small rows that may not double its memory while it grows.
//
// Rows lie sorted by `order()`, the first 64 bits of a key that is itself uniformly distributed,
// each at or shortly behind its home slot (order * capacity / 2^64). So it grows in place, in a few
// passes over memory that it holds already and an eighth more, removing leaves no tombstones, and a
// slot array can be written to a file and read back as it is. Growing by an eighth at a load of 0.8
// keeps the load between 0.71 and 0.8, where a row is found in the first cache line or the second
// and a gap is six rows away. ChargeTable and RequestTable are split into many, so that none of the
// passes is long.
#ifndef VOUCH_SERVER_JOURNAL_GAP_TABLE_H_
#define VOUCH_SERVER_JOURNAL_GAP_TABLE_H_

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <type_traits>
#include <utility>

#include "absl/types/span.h"
#include "server/journal/page_block.h"

namespace vouch::server::journal {

// Row: trivially copyable; uint64_t order() const; bool empty() const, true for all-zero memory.
// Pointers to rows are good until the next Insert, Erase or Sweep.
template <typename Row>
class GapTable {
  static_assert(std::is_trivially_copyable_v<Row>, "rows are moved as bytes");

 public:
  GapTable() = default;

  // The row for which `same(row)` holds among those of this order; null when there is none.
  template <typename Same>
  Row* Find(uint64_t order, Same same) {
    Row* row = Seek(order);
    for (; !AtEnd(row) && !row->empty() && row->order() == order; ++row) {
      if (same(*row)) return row;
    }
    return nullptr;
  }
  template <typename Same>
  const Row* Find(uint64_t order, Same same) const {
    return const_cast<GapTable*>(this)->Find(order, same);
  }

  // Adds a row that Find would not find.
  Row* Insert(const Row& row) {
    if (count_ + 1 > capacity_ - capacity_ / 5) Grow();
    for (;;) {
      Row* place = Seek(row.order());
      Row* gap = place;
      while (!AtEnd(gap) && !gap->empty()) ++gap;
      if (AtEnd(gap)) {
        Grow();
        continue;
      }
      std::memmove(place + 1, place, (gap - place) * sizeof(Row));
      *place = row;
      ++count_;
      return place;
    }
  }

  void Erase(Row* row) {
    Row* end = row + 1;
    while (!AtEnd(end) && !end->empty() && Home(end->order()) != Index(end)) ++end;
    std::memmove(row, row + 1, (end - row - 1) * sizeof(Row));
    std::memset(static_cast<void*>(end - 1), 0, sizeof(Row));
    --count_;
  }

  // Inlined by force: to the compiler a function that only fetches ahead does nothing, and calls of
  // it may go.
  __attribute__((always_inline)) void Prefetch(uint64_t order) const {
    if (capacity_ == 0) return;
    const Row* home = rows() + Home(order);
    __builtin_prefetch(home);
    __builtin_prefetch(home + 2);  // a row lies at its home or a few places behind it
  }

  // Erases the rows for which `dead(row)` holds among the `slots` slots from `from`; returns the
  // slot to go on from, 0 after the last. `dead` may free what a row refers to.
  template <typename Dead>
  size_t Sweep(size_t from, size_t slots, Dead dead) {
    size_t at = from;
    for (size_t visited = 0; visited < slots && at < slots_; ++visited) {
      Row* row = rows() + at;
      if (!row->empty() && dead(*row)) {
        Erase(row);  // what follows moves here
      } else {
        ++at;
      }
    }
    if (at < slots_) return at;
    if (count_ < capacity_ / 3 && capacity_ > kSmallest) Shrink();
    return 0;
  }

  size_t size() const { return count_; }
  size_t capacity() const { return capacity_; }
  absl::Span<const Row> slots() const { return absl::Span<const Row>(rows(), slots_); }
  absl::Span<Row> mutable_slots() { return absl::Span<Row>(rows(), slots_); }
  size_t bytes() const { return memory_.size(); }

  // Takes over slots as `slots()` of a table of this capacity gave them. False, with the table
  // unspecified, when they are not in order.
  bool Load(size_t capacity, const void* slots, size_t slot_count) {
    if (slot_count < capacity || SlotsFor(capacity) != slot_count) return false;
    if (capacity == 0) return true;
    Allocate(capacity);
    memory_.Touch();
    std::memcpy(memory_.data(), slots, slot_count * sizeof(Row));
    count_ = 0;
    uint64_t last = 0;
    for (size_t i = 0; i < slots_; ++i) {
      const Row& row = rows()[i];
      if (row.empty()) continue;
      if (row.order() < last || Home(row.order()) > i) return false;
      last = row.order();
      ++count_;
    }
    return true;
  }

 private:
  static constexpr size_t kSmallest = 32;
  static constexpr size_t kDoubledBelow = 4096;

  static size_t Grown(size_t capacity) {
    if (capacity < kSmallest) return kSmallest;
    return capacity < kDoubledBelow ? 2 * capacity : capacity + capacity / 8;
  }
  // Room behind the last home for rows that were pushed there.
  static size_t SlotsFor(size_t capacity) {
    return capacity == 0 ? 0 : capacity + std::min<size_t>(1024, kSmallest + capacity / 16);
  }

  Row* rows() { return static_cast<Row*>(memory_.data()); }
  const Row* rows() const { return static_cast<const Row*>(memory_.data()); }
  bool AtEnd(const Row* row) const { return Index(row) >= slots_; }
  size_t Index(const Row* row) const { return static_cast<size_t>(row - rows()); }
  // The first slot from `order`'s home that is empty or holds this order or a later one.
  Row* Seek(uint64_t order) {
    if (capacity_ == 0) return rows();
    Row* row = rows() + Home(order);
    while (!AtEnd(row) && !row->empty() && row->order() < order) ++row;
    return row;
  }

  void Allocate(size_t capacity) {
    capacity_ = capacity;
    slots_ = SlotsFor(capacity);
    memory_ = PageBlock(slots_ * sizeof(Row));
  }

  static size_t HomeAmong(size_t capacity, uint64_t order) {
    return static_cast<size_t>((static_cast<unsigned __int128>(order) * capacity) >> 64);
  }
  size_t Home(uint64_t order) const { return HomeAmong(capacity_, order); }

  bool FitsIn(size_t capacity) const {
    const size_t slots = SlotsFor(capacity);
    size_t next = 0;
    for (const Row& row : this->slots()) {
      if (!row.empty()) next = std::max(next, HomeAmong(capacity, row.order())) + 1;
    }
    return next <= slots;
  }

  // Fresh pages cost more than the rows on them: so the rows are gathered at the end of the wider
  // memory, the last one first, and go from there to their homes.
  void Grow() {
    size_t capacity = Grown(capacity_);
    while (!FitsIn(capacity)) capacity = Grown(capacity);
    const size_t held = slots_;
    capacity_ = capacity;
    slots_ = SlotsFor(capacity);
    memory_.Grow(slots_ * sizeof(Row));
    Row* gathered = rows() + slots_;
    for (size_t i = held; i > 0; --i) {
      const Row* row = rows() + i - 1;
      if (!row->empty()) *--gathered = *row;
    }
    // As they fit, none comes to lie behind where it was gathered.
    size_t next = 0;
    for (const Row* end = rows() + slots_; gathered != end; ++gathered) {
      const Row row = *gathered;
      const size_t place = std::max(next, Home(row.order()));
      Clear(next, place);
      rows()[place] = row;
      next = place + 1;
    }
    Clear(next, slots_);
  }

  void Clear(size_t from, size_t to) {
    std::memset(static_cast<void*>(rows() + from), 0, (to - from) * sizeof(Row));
  }

  void Shrink() {
    size_t capacity = count_ + count_ / 2 + kSmallest;
    while (!FitsIn(capacity)) capacity = Grown(capacity);
    GapTable narrower;
    narrower.Allocate(capacity);
    size_t next = 0;
    for (const Row& row : slots()) {
      if (row.empty()) continue;
      next = std::max(next, narrower.Home(row.order()));
      narrower.rows()[next++] = row;
    }
    narrower.count_ = count_;
    *this = std::move(narrower);
  }

  PageBlock memory_;
  size_t capacity_ = 0;  // homes
  size_t slots_ = 0;     // capacity and the room behind it
  size_t count_ = 0;
};

}  // namespace vouch::server::journal

#endif  // VOUCH_SERVER_JOURNAL_GAP_TABLE_H_
