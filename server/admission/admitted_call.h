// What a call says, and the proof that it may enter the walk.
#ifndef VOUCH_SERVER_ADMISSION_ADMITTED_CALL_H_
#define VOUCH_SERVER_ADMISSION_ADMITTED_CALL_H_

#include <cstdint>
#include <string>
#include <vector>

#include "crypto/bytes.h"
#include "crypto/receipt.h"
#include "policies/engine/values.h"

namespace vouch::server::admission {

// One subject's part of a request: one person, or one padded group.
struct RequestedItem {
  policies::Parameters parameters;
  std::string canonical_parameters;  // crypto::CanonicalParameters
  bool repeats_a_parameter = false;
  std::string tokens;  // 32 bytes each
  uint32_t member_count = 1;
  std::string consents;  // 32 bytes each
};

// A message from a partner in the server's own words; nothing is checked yet.
struct Request {
  std::string request_id;
  std::string agreement_id;
  std::string agreement_digest;
  std::string question;
  std::string purpose;
  uint32_t epoch = 0;
  bool jws_receipt = false;  // of each answer also a receipt as a JWS
  bool is_batch = false;     // its id is remembered for eight days instead of one
  std::vector<RequestedItem> items;
};

// A request whose sender is known and within its rate. Only Admission makes one. Immutable.
class AdmittedCall {
 public:
  const std::string& requester() const { return requester_; }
  const Request& request() const { return request_; }

 private:
  friend class Admission;
  AdmittedCall(std::string requester, Request request)
      : requester_(std::move(requester)), request_(std::move(request)) {}

  std::string requester_;
  Request request_;
};

// One item as both sides see it; points into the call.
crypto::CanonicalRequest Canonical(const AdmittedCall& call, uint32_t position);

}  // namespace vouch::server::admission

#endif  // VOUCH_SERVER_ADMISSION_ADMITTED_CALL_H_
