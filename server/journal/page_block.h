// Zeroed memory taken from the kernel by itself, so that a table that was replaced by a wider one
// goes back at once instead of staying in the allocator's arenas.
#ifndef VOUCH_SERVER_JOURNAL_PAGE_BLOCK_H_
#define VOUCH_SERVER_JOURNAL_PAGE_BLOCK_H_

#include <cstddef>
#include <utility>

namespace vouch::server::journal {

// Movable; empty when default constructed or moved from. Running out of memory ends the process: a
// commit that is durable must reach the tables.
class PageBlock {
 public:
  PageBlock() = default;
  explicit PageBlock(size_t bytes);
  PageBlock(PageBlock&& other) noexcept
      : data_(std::exchange(other.data_, nullptr)), size_(std::exchange(other.size_, 0)) {}
  PageBlock& operator=(PageBlock&& other) noexcept {
    std::swap(data_, other.data_);
    std::swap(size_, other.size_);
    return *this;
  }
  PageBlock(const PageBlock&) = delete;
  PageBlock& operator=(const PageBlock&) = delete;
  ~PageBlock();

  // To at least as many bytes as it has; what is there stays, the rest is zero.
  void Grow(size_t bytes);

  // Takes all of it from the kernel now: cheaper than a page at a time when it is about to be
  // filled.
  void Touch();

  void* data() { return data_; }
  const void* data() const { return data_; }
  size_t size() const { return size_; }

 private:
  void* data_ = nullptr;
  size_t size_ = 0;
};

}  // namespace vouch::server::journal

#endif  // VOUCH_SERVER_JOURNAL_PAGE_BLOCK_H_
