// The library an agency's backends ask with: one responder, one agreement, one question at a time
// (many at a time: batch.h). It checks everything a responder says before handing it on: who it is,
// whose keys it announces, and that its ledger entry proves its answer.
#ifndef VOUCH_CLIENT_REQUESTER_REQUESTER_H_
#define VOUCH_CLIENT_REQUESTER_REQUESTER_H_

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/time/clock.h"
#include "absl/time/time.h"
#include "absl/types/optional.h"
#include "client/requester/connection.h"
#include "client/requester/epochs.h"
#include "client/requester/jws_check.h"
#include "client/requester/ledger_check.h"
#include "client/requester/receipt_check.h"
#include "client/requester/retries.h"
#include "client/requester/tokens.h"
#include "crypto/receipt.h"
#include "policies/engine/agreement.h"

namespace vouch::requester {

class LedgerClient;

// 32 random bytes that the requester keeps with a person's consent and never reveals the meaning
// of.
using Consent = std::array<uint8_t, 32>;

struct RequesterOptions {
  ConnectionOptions connection;
  // The key of the responder's ledger, a SubjectPublicKeyInfo in DER. Without it no answer is used.
  std::string ledger_key;
  // The key of its JWS receipts, likewise; needed only to ask for them.
  std::string receipt_key;
  // Where it is remembered how far the responder's ledger was found to be one log that only grew;
  // must survive restarts. Empty: it is forgotten at the end of the process.
  std::string followed_folder;
  // The witness folder of this agency's own node, beside which it asks; empty: there is none.
  std::string witness_folder;
  // Where the keys of epochs once accepted are remembered; must survive restarts.
  std::string accepted_epochs_folder;
  SharedKeySource shared_key;  // keyed-hash agreements only
  RetryRules retries;
  std::function<absl::Time()> clock = [] { return absl::Now(); };
};

struct Asking {
  std::string question;
  std::string purpose;
  policies::Parameters parameters;
  crypto::Identity person;
  // Where the agreement requires consent: the reference kept with it. Made when left out.
  absl::optional<Consent> consent;
  // About a group, in place of the two above: everybody in it, and their consents in their order.
  std::vector<crypto::Identity> members;
  std::vector<Consent> consents;
  // To repeat an earlier asking, with everything else as it was. Made when left out.
  absl::optional<crypto::RequestId> request_id;
  // Also a receipt as a JWS, where the agreement lists them. Whether one is wanted makes no other
  // request of it: one may be had later by repeating the asking.
  bool jws = false;
  std::string language = "en";  // of `say`
};

// An answer whose receipt was checked, and what the agreement says about it.
struct GivenAnswer {
  policies::Answer answer = policies::Answer::kUndetermined;
  policies::UndeterminedReason why = policies::UndeterminedReason::kNotTold;
  absl::CivilDay data_as_of;
  absl::Time recorded;
  policies::Obligation obligation;
  std::vector<std::string> say;  // in the language wished for, else in English, else none
  std::string receipt;           // v1.Receipt, to be kept
  std::string jws;               // where one was asked for; also in the receipt
  std::string details;           // and with it these: CheckedAnswer
  std::string request;
  crypto::RequestId request_id{};
  uint32_t position = 0;            // within a batch message
  absl::optional<Consent> consent;  // to be kept with the person's consent
  std::vector<Consent> consents;    // of a group: with each member's, in their order
  uint32_t epoch = 0;
};

// Thread-safe.
class Requester {
 public:
  // Opens no connection yet. InvalidArgument for certificates or anchors that cannot be read;
  // FailedPrecondition when the agreement does not let this agency ask this responder.
  static absl::StatusOr<std::unique_ptr<Requester>> Open(OwnAgreement agreement,
                                                         RequesterOptions options);

  // Asks, again with the same request id where that can help, and after a KEY_EPOCH refusal once in
  // the new epoch. Errors: RefusalOf(status) for what the responder (or the agreement, before
  // anything is sent) refused; InvalidArgument when no match key can be formed from the person, or
  // a group has too many members or the same one twice;
  // PermissionDenied for keys that must not be used; DataLoss for an answer that is not proved.
  absl::StatusOr<GivenAnswer> Ask(const Asking& asking);

  // What stands in the agreement for a wish to ask, or the refusal NOT_IN_AGREEMENT: what it does
  // not list never leaves.
  absl::StatusOr<const policies::Question*> FindQuestion(absl::string_view question,
                                                         absl::string_view purpose) const;
  absl::Status CheckParameters(const policies::Question& question,
                               const policies::Parameters& parameters) const;

  // For batch.h.
  const OwnAgreement& agreement() const { return agreement_; }
  const RequesterOptions& options() const { return options_; }
  const LedgerCheck& ledger() const { return ledger_; }
  const JwsCheck& jws() const { return jws_; }
  // What a request says of the question, and what is kept of it to hold the answer against; parts
  // of the latter point into `request_id`, `question` and `subject`.
  v1::Question QuestionOf(const std::string& question, const std::string& purpose,
                          uint32_t epoch) const;
  SentItem Sent(const std::string& request_id, const v1::Question& question,
                const v1::Subject& subject) const;
  const std::shared_ptr<grpc::Channel>& channel() const { return channel_; }
  absl::StatusOr<std::shared_ptr<const OwnEpoch>> CurrentEpoch();
  absl::StatusOr<std::shared_ptr<const OwnEpoch>> EpochAfter(uint32_t refused);
  absl::StatusOr<std::vector<TokenVector>> MakeTokens(const OwnEpoch& epoch,
                                                      absl::Span<const crypto::Identity> people,
                                                      size_t as_if = 0);

 private:
  Requester(OwnAgreement agreement, RequesterOptions options,
            std::shared_ptr<grpc::Channel> channel);

  absl::StatusOr<GivenAnswer> AskOnce(const Asking& asking, const policies::Question& question,
                                      const OwnEpoch& epoch, const crypto::RequestId& id,
                                      absl::Span<const Consent> consents);
  // The members of a group, or the one person, as the request carries them.
  absl::Status FillSubject(absl::Span<const crypto::Identity> people, size_t slots,
                           const OwnEpoch& epoch, absl::Span<const Consent> consents,
                           v1::Subject* subject);
  absl::Time Now() const { return options_.clock(); }
  absl::Time Deadline() const { return absl::Now() + options_.retries.call_timeout; }

  const OwnAgreement agreement_;
  const RequesterOptions options_;
  const std::shared_ptr<grpc::Channel> channel_;
  Epochs epochs_;
  const std::shared_ptr<LedgerClient> ledger_client_;
  const LedgerCheck ledger_;
  const JwsCheck jws_;
};

// All zero: no match key could be formed.
bool IsNobody(const TokenVector& tokens);
std::string Joined(const TokenVector& tokens);
// What is wrong with a person's attributes, naming attributes and never values.
std::string WhyNobody(const crypto::Identity& person, const policies::Agreement& agreement,
                      absl::CivilDay today);

Consent NewConsent();
std::string CanonicalBytes(const policies::Parameters& parameters);
void FillParameters(const policies::Parameters& parameters,
                    google::protobuf::RepeatedPtrField<v1::Parameter>* out);
// Without a JWS that nobody asked for, and nobody checked.
v1::Receipt Wanted(v1::Receipt receipt, bool jws);
// An answer as the caller gets it, from what was checked.
GivenAnswer Give(const CheckedAnswer& checked, const policies::Question& question,
                 absl::string_view language, const SentItem& sent, const v1::Receipt& receipt);

}  // namespace vouch::requester

#endif  // VOUCH_CLIENT_REQUESTER_REQUESTER_H_
