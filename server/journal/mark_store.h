// Runs of marks for rows that have more than one. A run of n marks takes a block of the next power
// of two, so a row needs to know only where its run begins and how long it is.
#ifndef VOUCH_SERVER_JOURNAL_MARK_STORE_H_
#define VOUCH_SERVER_JOURNAL_MARK_STORE_H_

#include <array>
#include <cstdint>
#include <memory>
#include <vector>

#include "absl/types/span.h"
#include "policies/engine/limits.h"

namespace vouch::server::journal {

class MarkStore {
 public:
  // Room for `count` marks, at least one; its place.
  uint32_t Allocate(uint32_t count);
  void Free(uint32_t place, uint32_t count);
  // True when a run of `a` and a run of `b` marks take the same block.
  static bool SameBlock(uint32_t a, uint32_t b) { return ClassOf(a) == ClassOf(b); }
  policies::Mark* At(uint32_t place) { return chunks_[place / kChunk] + place % kChunk; }
  const policies::Mark* At(uint32_t place) const {
    return chunks_[place / kChunk] + place % kChunk;
  }
  uint64_t bytes() const { return chunks_.size() * kChunk * sizeof(policies::Mark); }

 private:
  static constexpr uint32_t kChunk = 512;  // marks: one page
  static int ClassOf(uint32_t count) { return count <= 1 ? 0 : 32 - __builtin_clz(count - 1); }

  std::vector<std::unique_ptr<policies::Mark[]>> owners_;
  std::vector<policies::Mark*> chunks_;  // a block larger than a chunk fills several
  std::array<std::vector<uint32_t>, 32> free_;
};

}  // namespace vouch::server::journal

#endif  // VOUCH_SERVER_JOURNAL_MARK_STORE_H_
