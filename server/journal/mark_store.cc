#include "server/journal/mark_store.h"

#include <algorithm>

namespace vouch::server::journal {

uint32_t MarkStore::Allocate(uint32_t count) {
  const int size_class = ClassOf(count);
  std::vector<uint32_t>& free = free_[size_class];
  if (free.empty()) {
    const uint32_t block = uint32_t{1} << size_class;
    const uint32_t taken = std::max(block, kChunk);
    const auto place = static_cast<uint32_t>(chunks_.size() * kChunk);
    owners_.push_back(std::make_unique<policies::Mark[]>(taken));
    for (uint32_t at = 0; at < taken; at += kChunk) chunks_.push_back(&owners_.back()[at]);
    for (uint32_t at = taken; at >= block; at -= block) free.push_back(place + at - block);
  }
  const uint32_t place = free.back();
  free.pop_back();
  return place;
}

void MarkStore::Free(uint32_t place, uint32_t count) { free_[ClassOf(count)].push_back(place); }

}  // namespace vouch::server::journal
