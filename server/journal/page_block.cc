#include "server/journal/page_block.h"

#include <sys/mman.h>

#include <cstdio>
#include <cstdlib>

namespace vouch::server::journal {

namespace {

void* OrAbort(void* memory) {
  if (memory == MAP_FAILED) {
    std::fputs("vouch: the journal's tables found no memory to grow\n", stderr);
    std::abort();
  }
  return memory;
}

}  // namespace

PageBlock::PageBlock(size_t bytes) : size_(bytes) {
  if (bytes == 0) return;
  data_ = OrAbort(mmap(nullptr, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0));
}

void PageBlock::Grow(size_t bytes) {
  if (data_ == nullptr) {
    *this = PageBlock(bytes);
    return;
  }
  data_ = OrAbort(mremap(data_, size_, bytes, MREMAP_MAYMOVE));
  size_ = bytes;
}

void PageBlock::Touch() {
#ifdef MADV_POPULATE_WRITE
  // Where it is refused, the pages come when they are written.
  if (data_ != nullptr) madvise(data_, size_, MADV_POPULATE_WRITE);
#endif
}

PageBlock::~PageBlock() {
  if (data_ != nullptr) munmap(data_, size_);
}

}  // namespace vouch::server::journal
