// A log that takes everybody's word: for walks whose journal forgets what it commits.
#ifndef VOUCH_TESTS_FAKES_UNPROVED_LOG_H_
#define VOUCH_TESTS_FAKES_UNPROVED_LOG_H_

#include <memory>
#include <string>

#include "server/prover.h"

namespace vouch::fakes {

class UnprovedLog final : public server::Prover {
 public:
  absl::StatusOr<server::LogProof> Prove(uint64_t first, uint32_t count) override {
    if (!failing.ok()) return failing;
    server::LogProof proof;
    proof.first = first;
    proof.count = count;
    proof.checkpoint = checkpoint_;
    return proof;
  }

  absl::Status failing;

 private:
  const std::shared_ptr<const std::string> checkpoint_ = std::make_shared<const std::string>();
};

}  // namespace vouch::fakes

#endif  // VOUCH_TESTS_FAKES_UNPROVED_LOG_H_
