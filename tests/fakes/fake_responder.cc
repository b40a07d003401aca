#include "tests/fakes/fake_responder.h"

#include <grpcpp/security/server_credentials.h>

#include <algorithm>
#include <utility>

#include "absl/time/clock.h"
#include "absl/time/time.h"
#include "crypto/checkpoint.h"
#include "crypto/jws.h"
#include "crypto/merkle.h"
#include "crypto/note.h"
#include "crypto/random.h"
#include "crypto/receipt_claims.h"
#include "crypto/tiles.h"
#include "google/rpc/error_details.pb.h"
#include "google/rpc/status.pb.h"

namespace vouch::fakes {

namespace {

constexpr int kSpan = 300;

grpc::Status ToStatus(const v1::Refused& refused) {
  google::rpc::Status status;
  status.set_code(refused.code());
  status.set_message(refused.message());
  google::rpc::ErrorInfo info;
  info.set_reason(refused.reason());
  info.set_domain("vouch");
  status.add_details()->PackFrom(info);
  if (refused.retry_after_ms() > 0) {
    google::rpc::RetryInfo retry;
    retry.mutable_retry_delay()->set_seconds(static_cast<int64_t>(refused.retry_after_ms() / 1000));
    retry.mutable_retry_delay()->set_nanos(
        static_cast<int32_t>(refused.retry_after_ms() % 1000 * 1000000));
    status.add_details()->PackFrom(retry);
  }
  return grpc::Status(static_cast<grpc::StatusCode>(refused.code()), refused.message(),
                      status.SerializeAsString());
}

v1::Do ToDo(policies::Do action) { return static_cast<v1::Do>(static_cast<int>(action)); }

void FillObligation(const policies::Obligation& agreed, v1::Obligation* out) {
  out->set_do_(ToDo(agreed.action));
  out->set_notice_days(static_cast<uint32_t>(agreed.notice_days));
}

std::string Canonical(const google::protobuf::RepeatedPtrField<v1::Parameter>& parameters) {
  std::vector<crypto::CanonicalParameter> canonical;
  for (const v1::Parameter& parameter : parameters) {
    crypto::CanonicalParameter one;
    one.name = parameter.name();
    one.is_number = parameter.value_case() == v1::Parameter::kNumber;
    one.number = parameter.number();
    one.code = parameter.code();
    canonical.push_back(one);
  }
  return crypto::CanonicalParameters(std::move(canonical));
}

}  // namespace

v1::Refused MakeRefused(grpc::StatusCode code, const std::string& reason, uint64_t retry_after_ms) {
  v1::Refused refused;
  refused.set_code(code);
  refused.set_reason(reason);
  refused.set_message("as the test wished");
  refused.set_retry_after_ms(retry_after_ms);
  return refused;
}

class FakeResponder::VerificationFake final : public v1::Verification::Service {
 public:
  explicit VerificationFake(FakeResponder* fake) : fake_(*fake) {}

  grpc::Status Verify(grpc::ServerContext*, const v1::VerifyRequest* request,
                      v1::VerifyResponse* response) override {
    std::lock_guard<std::mutex> lock(fake_.mutex_);
    fake_.verify_ids_.push_back(request->request_id());
    if (const auto refusal = fake_.TakeRefusal()) return ToStatus(*refusal);
    v1::BatchResult result =
        fake_.Decide(request->question(), request->request_id(), 0, request->parameters(),
                     request->subject(), request->jws_receipt());
    if (result.has_refused()) return ToStatus(result.refused());
    *response->mutable_answered() = result.answered();
    if (!result.answered().receipt().has_proof()) fake_.ProveAlone(response->mutable_answered());
    *response->mutable_obligations() = fake_.obligations_;
    return grpc::Status::OK;
  }

  grpc::Status VerifyBatch(
      grpc::ServerContext*,
      grpc::ServerReaderWriter<v1::VerifyBatchResponse, v1::VerifyBatchRequest>* stream) override {
    v1::VerifyBatchRequest request;
    while (stream->Read(&request)) {
      absl::optional<v1::Refused> refusal;
      int flood = 0;
      v1::VerifyBatchResponse nothing;
      {
        std::lock_guard<std::mutex> lock(fake_.mutex_);
        fake_.batch_ids_.insert(request.request_id());
        refusal = fake_.TakeRefusal();
        flood = fake_.flood_;
        nothing.set_padding(std::string(fake_.flood_bytes_, '\0'));
      }
      nothing.set_request_id(request.request_id());
      for (int i = 0; i < flood; ++i) stream->Write(nothing);
      if (refusal.has_value()) {
        v1::VerifyBatchResponse response;
        response.set_request_id(request.request_id());
        response.set_last(true);
        *response.mutable_refused() = *refusal;
        stream->Write(response);
        continue;
      }
      for (int first = 0; first < request.items_size(); first += kSpan) {
        v1::VerifyBatchResponse response;
        absl::Duration delay;
        bool broken = false;
        {
          std::lock_guard<std::mutex> lock(fake_.mutex_);
          Answer(request, first, &response);
          delay = fake_.delay_;
          broken = fake_.break_after_ == 0;
          if (fake_.break_after_ >= 0) --fake_.break_after_;
        }
        // Recorded, but never heard of: what a requester must ask about again.
        if (broken) return grpc::Status(grpc::StatusCode::UNAVAILABLE, "broken off");
        absl::SleepFor(delay);
        stream->Write(response);
      }
    }
    return grpc::Status::OK;
  }

  grpc::Status ListAgreements(grpc::ServerContext*, const v1::ListAgreementsRequest*,
                              v1::ListAgreementsResponse* response) override {
    std::lock_guard<std::mutex> lock(fake_.mutex_);
    if (fake_.ahead_.has_value()) {
      response->set_now_unix_seconds(
          static_cast<uint64_t>(absl::ToUnixSeconds(absl::Now() + *fake_.ahead_)));
    }
    v1::ListedAgreement* listed = response->add_agreements();
    listed->set_id(fake_.agreement_.id);
    listed->set_digest(fake_.digest_.data(), fake_.digest_.size());
    listed->set_state(v1::IN_FORCE);
    const crypto::SignedStatement& signed_statement = fake_.epoch_.signed_statement;
    if (signed_statement.statement.empty()) return grpc::Status::OK;
    listed->mutable_current()->set_statement(signed_statement.statement);
    listed->mutable_current()->set_signature(signed_statement.signature);
    listed->mutable_current()->set_authority(signed_statement.public_der);
    return grpc::Status::OK;
  }

 private:
  void Answer(const v1::VerifyBatchRequest& request, int first, v1::VerifyBatchResponse* response) {
    const int end = std::min(first + kSpan, request.items_size());
    response->set_request_id(request.request_id());
    response->set_first(static_cast<uint32_t>(first));
    response->set_last(end == request.items_size());
    const uint64_t log_begin = fake_.leaves_.size();
    for (int i = first; i < end; ++i) {
      const v1::BatchItem& item = request.items(i);
      *response->add_results() =
          fake_.Decide(request.question(), request.request_id(), static_cast<uint32_t>(i),
                       item.parameters(), item.subject(), request.jws_receipt());
    }
    for (v1::BatchResult& result : *response->mutable_results()) {
      if (!result.has_answered()) continue;
      // A refused item has an entry of its own here as well.
      if (result.answered().receipt().index() < log_begin) {
        fake_.ProveAlone(result.mutable_answered());
      }
    }
    fake_.ProveFresh(log_begin, response);
    *response->mutable_obligations() = fake_.obligations_;
  }

  FakeResponder& fake_;
};

class FakeResponder::LedgerFake final : public v1::Ledger::Service {
 public:
  explicit LedgerFake(FakeResponder* fake) : fake_(*fake) {}

  // Its one log, which goes on in no other.
  grpc::Status GetCheckpoint(grpc::ServerContext*, const v1::GetCheckpointRequest*,
                             v1::GetCheckpointResponse* response) override {
    std::lock_guard<std::mutex> lock(fake_.mutex_);
    response->set_checkpoint(fake_.Prove(0, 1).checkpoint());
    return grpc::Status::OK;
  }
  // As a node of an earlier version: one proof a call.
  grpc::Status GetConsistency(grpc::ServerContext*, const v1::GetConsistencyRequest* request,
                              v1::GetConsistencyResponse* response) override {
    std::lock_guard<std::mutex> lock(fake_.mutex_);
    if (request->old_size() > request->size() || request->size() > fake_.leaves_.size()) {
      return grpc::Status(grpc::StatusCode::INVALID_ARGUMENT, "the log has not so many");
    }
    response->set_hashes(crypto::EncodeTile(crypto::ConsistencyProof(
        absl::MakeConstSpan(fake_.leaves_).subspan(0, request->size()), request->old_size())));
    return grpc::Status::OK;
  }

 private:
  FakeResponder& fake_;
};

class FakeResponder::BlindingFake final : public v1::Blinding::Service {
 public:
  explicit BlindingFake(FakeResponder* fake) : fake_(*fake) {}

  grpc::Status Evaluate(grpc::ServerContext*, const v1::EvaluateRequest* request,
                        v1::EvaluateResponse* response) override {
    std::shared_ptr<const crypto::OprfPrivateKey> key;
    {
      std::lock_guard<std::mutex> lock(fake_.mutex_);
      key = fake_.epoch_.blind;
      if (request->epoch() != fake_.epoch_.statement.epoch) {
        return ToStatus(MakeRefused(grpc::StatusCode::FAILED_PRECONDITION, "KEY_EPOCH"));
      }
    }
    std::vector<crypto::PointBytes> blinded(request->elements().size() / 33);
    for (size_t i = 0; i < blinded.size(); ++i) {
      std::copy_n(crypto::AsBytes(request->elements()).begin() + i * 33, 33, blinded[i].begin());
    }
    fake_.evaluations_ += blinded.size();
    const auto evaluated = key->BlindEvaluate(blinded);
    if (!evaluated.ok()) return grpc::Status(grpc::StatusCode::INVALID_ARGUMENT, "bad element");
    for (const crypto::PointBytes& element : evaluated->elements) {
      response->mutable_elements()->append(crypto::AsText(element).data(), element.size());
    }
    response->set_proof(evaluated->proof.data(), evaluated->proof.size());
    return grpc::Status::OK;
  }

 private:
  FakeResponder& fake_;
};

FakeResponder::FakeResponder(policies::Agreement agreement, policies::FileDigest digest,
                             std::string requester, const crypto::IssuedCertificate& tls,
                             const std::string& requester_anchors)
    : agreement_(std::move(agreement)), digest_(digest), requester_(std::move(requester)) {
  const policies::Question& question = agreement_.questions.front();
  FillObligation(question.on_yes, obligations_.mutable_on_yes());
  FillObligation(question.on_no, obligations_.mutable_on_no());
  FillObligation(question.on_undetermined, obligations_.mutable_on_undetermined());
  verification_ = std::make_unique<VerificationFake>(this);
  blinding_ = std::make_unique<BlindingFake>(this);
  ledger_ = std::make_unique<LedgerFake>(this);
  grpc::SslServerCredentialsOptions options(
      GRPC_SSL_REQUEST_AND_REQUIRE_CLIENT_CERTIFICATE_AND_VERIFY);
  options.pem_root_certs = requester_anchors;
  options.pem_key_cert_pairs.push_back(
      {tls.key.ToPem(crypto::RawSecretAccess{}), tls.certificate_pem});
  grpc::ServerBuilder builder;
  builder.AddListeningPort("127.0.0.1:0", grpc::SslServerCredentials(options), &port_);
  builder.SetMaxReceiveMessageSize(16 << 20);
  builder.RegisterService(verification_.get());
  builder.RegisterService(blinding_.get());
  builder.RegisterService(ledger_.get());
  server_ = builder.BuildAndStart();
}

FakeResponder::~FakeResponder() {
  server_->Shutdown(absl::ToChronoTime(absl::Now() + absl::Milliseconds(200)));
}

void FakeResponder::SetEpoch(FakeEpoch epoch) {
  std::lock_guard<std::mutex> lock(mutex_);
  epoch_ = std::move(epoch);
}
void FakeResponder::RefuseNext(std::vector<v1::Refused> refusals) {
  std::lock_guard<std::mutex> lock(mutex_);
  refusals_.assign(refusals.begin(), refusals.end());
}
void FakeResponder::SetLie(std::function<void(v1::Answered*)> lie) {
  std::lock_guard<std::mutex> lock(mutex_);
  lie_ = std::move(lie);
}
void FakeResponder::SetProofLie(std::function<void(v1::LedgerProof*)> lie) {
  std::lock_guard<std::mutex> lock(mutex_);
  proof_lie_ = std::move(lie);
}
void FakeResponder::SetObligations(const v1::Obligations& obligations) {
  std::lock_guard<std::mutex> lock(mutex_);
  obligations_ = obligations;
}
void FakeResponder::RefuseTokens(const std::string& tokens, const v1::Refused& refusal) {
  std::lock_guard<std::mutex> lock(mutex_);
  refused_tokens_[tokens] = refusal;
}
void FakeResponder::BreakAfter(int responses) {
  std::lock_guard<std::mutex> lock(mutex_);
  break_after_ = responses;
}
void FakeResponder::SetAhead(absl::optional<absl::Duration> ahead) {
  std::lock_guard<std::mutex> lock(mutex_);
  ahead_ = ahead;
}

void FakeResponder::SetDelay(absl::Duration for_each_response) {
  std::lock_guard<std::mutex> lock(mutex_);
  delay_ = for_each_response;
}

void FakeResponder::SetFlood(int responses, size_t bytes) {
  std::lock_guard<std::mutex> lock(mutex_);
  flood_ = responses;
  flood_bytes_ = bytes;
}

size_t FakeResponder::charged() const {
  std::lock_guard<std::mutex> lock(mutex_);
  return recorded_.size();
}
size_t FakeResponder::charged_twice() const {
  std::lock_guard<std::mutex> lock(mutex_);
  return static_cast<size_t>(std::count_if(charges_.begin(), charges_.end(),
                                           [](const auto& one) { return one.second > 1; }));
}
std::vector<std::string> FakeResponder::verify_ids() const {
  std::lock_guard<std::mutex> lock(mutex_);
  return verify_ids_;
}
std::set<std::string> FakeResponder::batch_ids() const {
  std::lock_guard<std::mutex> lock(mutex_);
  return batch_ids_;
}
size_t FakeResponder::reused_ids() const {
  std::lock_guard<std::mutex> lock(mutex_);
  return reused_ids_;
}

absl::optional<v1::Refused> FakeResponder::TakeRefusal() {
  if (refusals_.empty()) return absl::nullopt;
  v1::Refused refusal = refusals_.front();
  refusals_.pop_front();
  return refusal;
}

v1::BatchResult FakeResponder::Decide(
    const v1::Question& question, const std::string& request_id, uint32_t position,
    const google::protobuf::RepeatedPtrField<v1::Parameter>& parameters, const v1::Subject& subject,
    bool jws) {
  v1::BatchResult result;
  const std::string canonical = Canonical(parameters);
  crypto::CanonicalRequest request;
  request.request_id = crypto::AsBytes(request_id);
  request.position = position;
  request.requester = requester_;
  request.agreement_id = question.agreement_id();
  request.agreement_digest = crypto::AsBytes(question.agreement_digest());
  request.question = question.question();
  request.purpose = question.purpose();
  request.epoch = question.epoch();
  request.parameters = canonical;
  request.member_count = subject.member_count();
  request.tokens = crypto::AsBytes(subject.tokens());
  request.consents = crypto::AsBytes(subject.consents());
  crypto::ByteWriter scratch;
  const crypto::Digest content = request.Hash(&scratch);

  const auto key = std::make_pair(request_id, position);
  const auto before = recorded_.find(key);
  if (before != recorded_.end()) {
    if (before->second.content != content) {
      ++reused_ids_;
      *result.mutable_refused() =
          MakeRefused(grpc::StatusCode::ALREADY_EXISTS, "REQUEST_ID_REUSED");
      return result;
    }
    *result.mutable_answered() = before->second.answered;
  } else if (question.epoch() != epoch_.statement.epoch) {
    *result.mutable_refused() = MakeRefused(grpc::StatusCode::FAILED_PRECONDITION, "KEY_EPOCH");
    return result;
  } else if (const auto refused = refused_tokens_.find(subject.tokens());
             refused != refused_tokens_.end()) {
    *result.mutable_refused() = refused->second;
    leaves_.push_back(crypto::LeafHash(crypto::AsBytes("the entry of a refusal")));
    return result;
  } else {
    Item item;
    item.content = content;
    item.answered = Record(content, question, request_id, position, canonical, subject);
    *result.mutable_answered() = item.answered;
    recorded_.emplace(key, std::move(item));
    ++charges_[subject.tokens()];
  }
  if (jws) {
    v1::Answered* answered = result.mutable_answered();
    answered->mutable_receipt()->set_jws(Jws(request, *answered));
  }
  if (lie_) lie_(result.mutable_answered());
  return result;
}

std::string FakeResponder::Jws(const crypto::CanonicalRequest& request,
                               const v1::Answered& answered) const {
  const policies::Question* asked = agreement_.FindQuestion(request.question);
  const v1::Receipt& receipt = answered.receipt();
  const std::string log = agreement_.answers + "/ledger/2026";
  crypto::ReceiptClaims claims;
  claims.responder = agreement_.answers;
  claims.request = &request;
  claims.entry = absl::string_view(receipt.entry())
                     .substr(0, receipt.entry().size() /
                                    static_cast<size_t>(std::max(1, asked->group_at_most)));
  std::copy_n(crypto::AsBytes(receipt.opening()).begin(), claims.opening.size(),
              claims.opening.begin());
  claims.log = log;
  claims.index = receipt.index();
  claims.answer = static_cast<uint8_t>(answered.answer());
  claims.data_as_of = static_cast<int32_t>(absl::CivilDay(2026, 11, 20) - absl::CivilDay());
  return *crypto::SignJws(receipt_key_, crypto::kReceiptJwsType, *crypto::ReceiptPayload(claims));
}

v1::Answered FakeResponder::Record(const crypto::Digest& content, const v1::Question& question,
                                   const std::string& request_id, uint32_t position,
                                   const std::string& parameters, const v1::Subject& subject) {
  const absl::Time now = absl::Now();
  crypto::SubjectEntry entry;
  entry.use = static_cast<uint8_t>(agreement_.use);
  entry.minute = static_cast<uint32_t>(absl::ToUnixSeconds(now) / 60);
  entry.requester = requester_;
  entry.agreement_id = agreement_.id;
  std::copy_n(digest_.begin(), entry.digest_prefix.size(), entry.digest_prefix.begin());
  entry.purpose = question.purpose();
  entry.question = question.question();
  const absl::CivilMonth month = absl::ToCivilMonth(now, absl::UTCTimeZone());
  entry.tag_period = static_cast<uint32_t>(month.year() * 12 + month.month() - 1);
  crypto::FillRandom(absl::MakeSpan(entry.nonce));
  crypto::FillRandom(absl::MakeSpan(entry.tag));

  crypto::Details details;
  details.answer = static_cast<uint8_t>(1 + static_cast<uint8_t>(subject.tokens()[0]) % 3);
  details.data_as_of = static_cast<int32_t>(absl::CivilDay(2026, 11, 20) - absl::CivilDay());
  details.request = content;
  std::copy_n(crypto::AsBytes(request_id).begin(), details.request_id.size(),
              details.request_id.begin());
  details.position = position;
  details.parameters = parameters;
  // From the request, so that a repeated run shows the same receipts.
  const crypto::Digest opening = crypto::Sha256(content);
  entry.commitment = crypto::Commit(opening, details.Bytes());

  v1::Answered answered;
  answered.set_answer(static_cast<v1::Answer>(details.answer));
  answered.set_why(v1::NOT_TOLD);
  answered.set_data_as_of("2026-11-20");
  answered.mutable_receipt()->set_entry(entry.Bytes());
  const policies::Question* asked = agreement_.FindQuestion(question.question());
  for (int32_t slot = 1; asked != nullptr && slot < asked->group_at_most; ++slot) {
    crypto::FillRandom(absl::MakeSpan(entry.nonce));
    crypto::FillRandom(absl::MakeSpan(entry.tag));
    answered.mutable_receipt()->mutable_entry()->append(entry.Bytes());
  }
  answered.mutable_receipt()->set_opening(opening.data(), opening.size());
  answered.mutable_receipt()->set_index(leaves_.size());
  const std::string& entries = answered.receipt().entry();
  const size_t each = entry.Bytes().size();
  for (size_t at = 0; at < entries.size(); at += each) {
    leaves_.push_back(crypto::LeafHash(crypto::AsBytes(entries).subspan(at, each)));
  }
  return answered;
}

void FakeResponder::RewriteLog() {
  std::lock_guard<std::mutex> lock(mutex_);
  for (crypto::Digest& leaf : leaves_) leaf = crypto::Sha256(crypto::AsText(leaf));
}

v1::LedgerProof FakeResponder::Prove(uint64_t first, uint64_t count) const {
  crypto::CompactRange range;
  for (const crypto::Digest& leaf : leaves_) range.Append(leaf);
  const crypto::Checkpoint head{agreement_.answers + "/ledger/2026", leaves_.size(), range.Root()};
  const auto signer = crypto::NoteSigner::Make(head.origin, ledger_key_);
  const crypto::NoteSigner* const signers[] = {&*signer};
  const std::vector<crypto::Digest> hashes = crypto::RangeProof(leaves_, first, count);
  v1::LedgerProof proof;
  proof.set_tree_size(head.size);
  proof.set_first(first);
  proof.set_count(static_cast<uint32_t>(count));
  proof.set_hash_count(static_cast<uint32_t>(hashes.size()));
  proof.set_hashes(crypto::PaddedHashes(
      hashes, count == 1 ? crypto::kPaddedInclusionHashes : crypto::kPaddedRangeHashes));
  proof.set_checkpoint(*crypto::SignCheckpoint(head, signers));
  return proof;
}

void FakeResponder::ProveAlone(v1::Answered* answered) const {
  v1::Receipt* receipt = answered->mutable_receipt();
  const policies::Question& question = agreement_.questions.front();
  *receipt->mutable_proof() =
      Prove(receipt->index(), static_cast<uint64_t>(std::max<int32_t>(1, question.group_at_most)));
  if (proof_lie_) proof_lie_(receipt->mutable_proof());
}

void FakeResponder::ProveFresh(uint64_t log_begin, v1::VerifyBatchResponse* response) const {
  if (leaves_.size() == log_begin) return;
  *response->mutable_proof() = Prove(log_begin, leaves_.size() - log_begin);
  std::set<uint64_t> answered;
  for (const v1::BatchResult& result : response->results()) {
    if (result.has_answered()) answered.insert(result.answered().receipt().index());
  }
  for (uint64_t index = log_begin; index < leaves_.size(); ++index) {
    if (answered.count(index) > 0) continue;
    response->mutable_proof()->mutable_other_leaves()->append(
        reinterpret_cast<const char*>(leaves_[index].data()), sizeof(crypto::Digest));
  }
  if (proof_lie_) proof_lie_(response->mutable_proof());
}

}  // namespace vouch::fakes
