// The first gate: which agency calls, is its certificate good now, is it within its rate, does the
// message have the right shape.
#ifndef VOUCH_SERVER_ADMISSION_ADMISSION_H_
#define VOUCH_SERVER_ADMISSION_ADMISSION_H_

#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "absl/types/optional.h"
#include "absl/types/variant.h"
#include "policies/engine/refusal.h"
#include "server/admission/admitted_call.h"
#include "server/admission/peers.h"

namespace vouch::server::admission {

inline constexpr size_t kMaxBatchItems = 4096;
inline constexpr size_t kMaxTokensPerItem = 512;
inline constexpr size_t kMaxParameters = 16;

// Thread-safe; nothing blocks.
class Admission {
 public:
  explicit Admission(std::shared_ptr<Peers> peers) : peers_(std::move(peers)) {}

  // The agency behind a certificate chain (PEM, leaf first). Refused as CERTIFICATE.
  absl::variant<std::string, policies::Refusal> Identify(absl::string_view chain_pem,
                                                         absl::Time now) const;
  // Counts one call of that agency, whatever the number of its items, against its rate. Refused as
  // BUSY.
  absl::optional<policies::Refusal> TakeTurn(const std::string& agency, absl::Time now);
  // A message of that agency. Refused as MALFORMED with the field.
  absl::variant<std::shared_ptr<const AdmittedCall>, policies::Refusal> Admit(
      const std::string& requester, Request request) const;

 private:
  struct Bucket {
    double tokens = 0;
    absl::Time filled;
  };

  std::shared_ptr<Peers> peers_;
  std::mutex mutex_;
  std::map<std::string, Bucket, std::less<>> buckets_;
};

}  // namespace vouch::server::admission

#endif  // VOUCH_SERVER_ADMISSION_ADMISSION_H_
