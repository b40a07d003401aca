// Refusals that get no entry of their own: rate, overload, and those before authorisation. Counted,
// and entered once for each requester, reason and minute.
#ifndef VOUCH_SERVER_LEDGER_REFUSAL_COUNTER_H_
#define VOUCH_SERVER_LEDGER_REFUSAL_COUNTER_H_

#include <cstdint>
#include <map>
#include <mutex>
#include <string>
#include <tuple>
#include <vector>

#include "absl/strings/string_view.h"
#include "absl/time/time.h"

namespace vouch::server::ledger {

// Thread-safe.
class RefusalCounter {
 public:
  // `requester` is empty for a caller without a good certificate.
  void Count(absl::string_view requester, uint8_t reason, absl::Time now, uint32_t times = 1);
  void CountEvaluations(absl::string_view requester, absl::string_view agreement_id, uint32_t epoch,
                        absl::Time now, uint32_t elements);
  // Takes the entries of minutes that are over at `now`; all of them when `everything`.
  std::vector<std::string> Take(absl::Time now, bool everything);

 private:
  std::mutex mutex_;
  std::map<std::tuple<uint32_t, std::string, uint8_t>, uint32_t> refusals_;
  std::map<std::tuple<uint32_t, std::string, std::string, uint32_t>, uint32_t> evaluations_;
};

}  // namespace vouch::server::ledger

#endif  // VOUCH_SERVER_LEDGER_REFUSAL_COUNTER_H_
