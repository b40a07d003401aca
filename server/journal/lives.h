// When a row dies. A row's `dies` field holds a second since 1970, or, for a window that lasts as
// long as its agreement, the agreement's number: a renewal then keeps every row alive by moving one
// date.
#ifndef VOUCH_SERVER_JOURNAL_LIVES_H_
#define VOUCH_SERVER_JOURNAL_LIVES_H_

#include <cstdint>
#include <vector>

namespace vouch::server::journal {

// Seconds from here on (the year 2105) stand for agreements.
constexpr uint32_t kFirstLife = 0xff000000;
constexpr uint32_t kNever = 0xffffffff;

// When each numbered agreement's life ends.
class Lives {
 public:
  // True when what has this `dies` is gone at `now`.
  bool Dead(uint32_t dies, uint32_t now) const {
    if (dies < kFirstLife) return dies <= now;
    if (dies == kNever) return false;
    return EndOf(dies) <= now;
  }
  // The first second after the agreement's life; 0 for a number not given yet.
  uint32_t EndOf(uint32_t life) const {
    const size_t index = life - kFirstLife;
    return index < ends_.size() ? ends_[index] : 0;
  }
  uint32_t next() const { return kFirstLife + static_cast<uint32_t>(ends_.size()); }
  void Set(uint32_t life, uint32_t end) {
    const size_t index = life - kFirstLife;
    if (index >= ends_.size()) ends_.resize(index + 1);
    ends_[index] = end;
  }
  const std::vector<uint32_t>& ends() const { return ends_; }

 private:
  std::vector<uint32_t> ends_;
};

}  // namespace vouch::server::journal

#endif  // VOUCH_SERVER_JOURNAL_LIVES_H_
