// Default deny: the one place where a request is held against an agreement.
#ifndef VOUCH_POLICIES_ENGINE_AUTHORIZE_H_
#define VOUCH_POLICIES_ENGINE_AUTHORIZE_H_

#include <memory>
#include <string>

#include "absl/time/time.h"
#include "absl/types/span.h"
#include "absl/types/variant.h"
#include "policies/engine/catalog.h"
#include "policies/engine/refusal.h"

namespace vouch::policies {

// What a request says, as far as an agreement decides on it.
struct Asked {
  absl::string_view requester;  // from the certificate, never from the message
  absl::string_view agreement_id;
  absl::Span<const uint8_t> digest;
  absl::string_view question;
  absl::string_view purpose;
  const Parameters* parameters = nullptr;
  size_t members = 1;               // subjects sent: 1, or the padded size of a group
  size_t member_count = 1;          // how many of them are real
  size_t tokens = 0;                // tokens in all
  size_t consents = 0;              // consent references in all, padding included
  bool zero_token_subject = false;  // a real member whose every token is zero
  // The bytes themselves, where there are any: in a group, which of them are a member's and which
  // padding only the question tells.
  absl::string_view token_bytes, consent_bytes;
  bool jws_receipt = false;  // wanted besides
};

// Proof that an agreement lists what was asked. Only Authorize makes one; facts are read and
// answers released only against one. Holds its catalog, so what it points to stays valid.
class Permit {
 public:
  const HeldAgreement& held() const { return *held_; }
  const Agreement& agreement() const { return held_->agreement; }
  const Question& question() const { return *question_; }
  const Catalog& catalog() const { return *catalog_; }

 private:
  friend class Authorizer;
  Permit(std::shared_ptr<const Catalog> catalog, const HeldAgreement* held,
         const Question* question)
      : catalog_(std::move(catalog)), held_(held), question_(question) {}
  std::shared_ptr<const Catalog> catalog_;
  const HeldAgreement* held_;
  const Question* question_;
};

// The gates a request passes, in their order.
enum class Gate : uint8_t {
  kParty,
  kSignatures,
  kInForce,
  kDigest,
  kQuestion,
  kPurpose,
  kParameters,
  kSubject,  // and the receipt that is wanted of it
};
// Told of each gate as it is reached, for tools that show where a request would stop. The node
// hands in none.
class GateObserver {
 public:
  virtual ~GateObserver() = default;
  // `held` is nullptr when the agreement is unknown. `refusal` is nullptr when the gate was passed;
  // no gate follows one that refused.
  virtual void Reached(Gate gate, const HeldAgreement* held, const Refusal* refusal) = 0;
};

class Authorizer {
 public:
  // In order, first failure wins: party, in force, digest, question, purpose, parameters, subject,
  // receipt. A caller that is no party learns nothing but NOT_PERMITTED. No message repeats what
  // the caller sent.
  static absl::variant<Permit, Refusal> Authorize(const std::shared_ptr<const Catalog>& catalog,
                                                  const Asked& asked, absl::Time now,
                                                  GateObserver* observer = nullptr);
  // The gates that hold for every use of an agreement, replays included: party, in force, digest.
  // A party is an asker or a contractor acting for one. The digest is that of the revision that
  // counts at `now`, or during its changeover that of the one it replaces.
  static absl::variant<const HeldAgreement*, Refusal> Admit(
      const Catalog& catalog, absl::string_view requester, absl::string_view agreement_id,
      absl::Span<const uint8_t> digest, absl::Time now, GateObserver* observer = nullptr);
};

// True for refusals made before a request id is looked at: Admit's.
bool PrecedesReplay(Reason reason);

}  // namespace vouch::policies

#endif  // VOUCH_POLICIES_ENGINE_AUTHORIZE_H_
