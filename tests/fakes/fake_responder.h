// A responder over real TLS whose answers follow from tokens alone, which counts what it would
// charge, and which can be made to refuse, to forget, to break off and to lie.
#ifndef VOUCH_TESTS_FAKES_FAKE_RESPONDER_H_
#define VOUCH_TESTS_FAKES_FAKE_RESPONDER_H_

#include <grpcpp/grpcpp.h>

#include <atomic>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <set>
#include <string>
#include <vector>

#include "crypto/certificate.h"
#include "crypto/receipt.h"
#include "crypto/token.h"
#include "crypto/voprf.h"
#include "policies/engine/agreement.h"
#include "vouch/v1/blinding.grpc.pb.h"
#include "vouch/v1/ledger.grpc.pb.h"
#include "vouch/v1/verification.grpc.pb.h"

namespace vouch::fakes {

struct FakeEpoch {
  crypto::EpochStatement statement;
  crypto::SignedStatement signed_statement;
  std::shared_ptr<const crypto::OprfPrivateKey> blind;
};

class FakeResponder {
 public:
  // Listens on a free port of 127.0.0.1. `requester` is who the callers are taken for.
  FakeResponder(policies::Agreement agreement, policies::FileDigest digest, std::string requester,
                const crypto::IssuedCertificate& tls, const std::string& requester_anchors);
  ~FakeResponder();

  int port() const { return port_; }
  std::string address() const { return "127.0.0.1:" + std::to_string(port_); }

  // The epoch that ListAgreements announces and the only one that is answered in.
  void SetEpoch(FakeEpoch epoch);
  // Refuses as many calls of Verify, or whole messages of VerifyBatch, as there are entries.
  void RefuseNext(std::vector<v1::Refused> refusals);
  // Changes answers after they were recorded.
  void SetLie(std::function<void(v1::Answered*)> lie);
  // Changes proofs as they are sent.
  void SetProofLie(std::function<void(v1::LedgerProof*)> lie);
  // Every entry of its log becomes another.
  void RewriteLog();
  // The key of its ledger, a SubjectPublicKeyInfo in DER.
  std::string ledger_key() const { return ledger_key_->PublicDer(); }
  const std::shared_ptr<const crypto::SigningKey>& shared_ledger_key() const { return ledger_key_; }
  // The key of its JWS receipts.
  const crypto::SigningKey& receipt_key() const { return receipt_key_; }
  // The obligations sent; by default the agreement's.
  void SetObligations(const v1::Obligations& obligations);
  // Refuses items whose tokens are given, each time.
  void RefuseTokens(const std::string& tokens, const v1::Refused& refusal);
  // After this many more batch responses the stream is broken off; -1 for never.
  void BreakAfter(int responses);
  void SetDelay(absl::Duration for_each_response);
  // Before it answers a message of VerifyBatch it sends so many responses that say nothing, of so
  // many bytes.
  void SetFlood(int responses, size_t bytes);
  // How far the clock it tells is from the real one; nullopt: it tells none, as older nodes.
  void SetAhead(absl::optional<absl::Duration> ahead);

  // Items recorded and never forgotten: each is charged once whatever is repeated.
  size_t charged() const;
  // Items of which more than one request asked.
  size_t charged_twice() const;
  std::vector<std::string> verify_ids() const;
  std::set<std::string> batch_ids() const;
  size_t reused_ids() const;
  size_t evaluations() const { return evaluations_; }

 private:
  class VerificationFake;
  class BlindingFake;
  class LedgerFake;
  struct Item {
    crypto::Digest content{};
    v1::Answered answered;
  };

  absl::optional<v1::Refused> TakeRefusal();
  // Answers or refuses one item, replaying what was recorded.
  v1::BatchResult Decide(const v1::Question& question, const std::string& request_id,
                         uint32_t position,
                         const google::protobuf::RepeatedPtrField<v1::Parameter>& parameters,
                         const v1::Subject& subject, bool jws);
  std::string Jws(const crypto::CanonicalRequest& request, const v1::Answered& answered) const;
  v1::Answered Record(const crypto::Digest& content, const v1::Question& question,
                      const std::string& request_id, uint32_t position,
                      const std::string& parameters, const v1::Subject& subject);
  // As the log is now.
  v1::LedgerProof Prove(uint64_t first, uint64_t count) const;
  void ProveAlone(v1::Answered* answered) const;
  // Everything in the log since `log_begin`, under one proof.
  void ProveFresh(uint64_t log_begin, v1::VerifyBatchResponse* response) const;

  const policies::Agreement agreement_;
  const policies::FileDigest digest_;
  const std::string requester_;
  mutable std::mutex mutex_;
  FakeEpoch epoch_;
  std::deque<v1::Refused> refusals_;
  std::function<void(v1::Answered*)> lie_;
  std::function<void(v1::LedgerProof*)> proof_lie_;
  const std::shared_ptr<const crypto::SigningKey> ledger_key_ =
      std::make_shared<const crypto::SigningKey>(
          crypto::SigningKey::Generate(crypto::KeyKind::kEd25519));
  const crypto::SigningKey receipt_key_ = crypto::SigningKey::Generate(crypto::KeyKind::kP256);
  std::vector<crypto::Digest> leaves_;  // of its log
  v1::Obligations obligations_;
  std::map<std::string, v1::Refused> refused_tokens_;
  std::map<std::pair<std::string, uint32_t>, Item> recorded_;
  std::map<std::string, size_t> charges_;  // by tokens
  std::vector<std::string> verify_ids_;
  std::set<std::string> batch_ids_;
  size_t reused_ids_ = 0;
  int break_after_ = -1;
  absl::Duration delay_ = absl::ZeroDuration();
  int flood_ = 0;
  size_t flood_bytes_ = 0;
  absl::optional<absl::Duration> ahead_ = absl::ZeroDuration();
  std::atomic<size_t> evaluations_{0};
  std::unique_ptr<VerificationFake> verification_;
  std::unique_ptr<BlindingFake> blinding_;
  std::unique_ptr<LedgerFake> ledger_;
  std::unique_ptr<grpc::Server> server_;
  int port_ = 0;
};

v1::Refused MakeRefused(grpc::StatusCode code, const std::string& reason,
                        uint64_t retry_after_ms = 0);

}  // namespace vouch::fakes

#endif  // VOUCH_TESTS_FAKES_FAKE_RESPONDER_H_
