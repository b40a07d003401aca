#include "server/ledger/refusal_counter.h"

#include "crypto/receipt.h"

namespace vouch::server::ledger {

namespace {

uint32_t MinuteOf(absl::Time time) { return static_cast<uint32_t>(absl::ToUnixSeconds(time) / 60); }

}  // namespace

void RefusalCounter::Count(absl::string_view requester, uint8_t reason, absl::Time now,
                           uint32_t times) {
  std::lock_guard<std::mutex> lock(mutex_);
  refusals_[{MinuteOf(now), std::string(requester), reason}] += times;
}

void RefusalCounter::CountEvaluations(absl::string_view requester, absl::string_view agreement_id,
                                      uint32_t epoch, absl::Time now, uint32_t elements) {
  std::lock_guard<std::mutex> lock(mutex_);
  evaluations_[{MinuteOf(now), std::string(requester), std::string(agreement_id), epoch}] +=
      elements;
}

std::vector<std::string> RefusalCounter::Take(absl::Time now, bool everything) {
  const uint32_t present = MinuteOf(now);
  std::vector<std::string> entries;
  std::lock_guard<std::mutex> lock(mutex_);
  for (auto it = refusals_.begin(); it != refusals_.end();) {
    const auto& [minute, requester, reason] = it->first;
    if (!everything && minute >= present) break;
    entries.push_back(crypto::CountedRefusalsEntry(minute, requester, reason, it->second));
    it = refusals_.erase(it);
  }
  for (auto it = evaluations_.begin(); it != evaluations_.end();) {
    const auto& [minute, requester, agreement_id, epoch] = it->first;
    if (!everything && minute >= present) break;
    entries.push_back(
        crypto::CountedEvaluationsEntry(minute, requester, agreement_id, epoch, it->second));
    it = evaluations_.erase(it);
  }
  return entries;
}

}  // namespace vouch::server::ledger
