// Who signed a file, held against whom this node's own configuration wants. Rules and messages:
// docs/agreements.md, "Signing".
#ifndef VOUCH_SERVER_AGREEMENTS_COUNTERSIGNATURES_H_
#define VOUCH_SERVER_AGREEMENTS_COUNTERSIGNATURES_H_

#include <map>
#include <memory>
#include <string>
#include <vector>

#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "absl/types/optional.h"
#include "crypto/certificate.h"
#include "crypto/signed_message.h"
#include "policies/engine/catalog.h"
#include "server/node/node_file.h"

namespace vouch::server::agreements {

// "agreement.yaml" and "fsa.ed.example" make "agreement.yaml.fsa.ed.example.p7s".
std::string SignatureFileName(absl::string_view file, absl::string_view agency);

// For each agency that node.yaml says it of: who signs, and under which authorities. Immutable.
class SigningRules {
 public:
  // What of it cannot be read leaves that agency without signers, and says why.
  static std::shared_ptr<const SigningRules> Read(const node::NodeFile& file);

  struct Agency {
    std::vector<node::OfficerRole> officers;
    absl::optional<crypto::TrustAnchors> anchors;
    std::string problem;  // why there are no anchors
    // Without lists, where only these cannot be read.
    absl::optional<crypto::TrustAnchors> anchors_alone;
  };
  // nullptr when node.yaml does not say who signs for it.
  const Agency* Find(absl::string_view agency) const;
  // Anchors and revocation lists: a change of one is a reason to judge again.
  const std::vector<std::string>& files() const { return files_; }

 private:
  std::map<std::string, Agency, std::less<>> agencies_;
  std::vector<std::string> files_;
};

struct JudgedSigner {
  std::string role;  // for which the signature counts; empty when it does not
  std::string signer;
  std::string key;
  absl::optional<absl::Time> signed_at;
  std::string problem;  // why it does not count, in plain words
};

// An agency's part of a signed text.
struct JudgedAgency {
  enum class State {
    kSigned,
    kMissing,     // there is no signature
    kIncomplete,  // some role's is missing; those that are there count
    kRefused,     // one that is there does not count
    kUnknown,     // node.yaml does not say who signs for it
  };
  std::string agency;
  State state = State::kMissing;
  std::vector<JudgedSigner> signers;
  std::vector<std::string> missing_roles;
  std::string why;  // empty when signed; otherwise a sentence without its full stop
  std::string mend;
  // Another time, or newer revocation lists, may judge otherwise.
  bool may_pass = false;

  bool signed_by_all() const { return state == State::kSigned; }
  // For a notice: one officer is enough to stop.
  bool signed_by_any() const;
};

// Judges signatures at `now`: do they fit the text, is the chain of each good, is each a signer
// that is wanted, has every role one of its own. With kMayHaveLapsed, also a list that cannot be
// read keeps no signature from counting: for stops, which nobody must be able to hold up.
JudgedAgency JudgeSigners(
    const SigningRules& rules, absl::string_view agency,
    const std::vector<crypto::MessageSigner>& signers, absl::Time now,
    crypto::TrustAnchors::Lists lists = crypto::TrustAnchors::Lists::kMustBeCurrent);
// The same of a detached message over `text`; `message` is nullopt when there is none. `name` is
// its file's, for messages.
//
// `adopted`: this very text was adopted before with the signatures of this agency. Then it is
// enough that a signature is there and fits the text: neither dates nor revocation nor the present
// officers are judged again.
JudgedAgency JudgeSignatures(const SigningRules& rules, absl::string_view agency,
                             absl::string_view name, absl::string_view text,
                             const absl::optional<std::string>& message, absl::Time now,
                             bool adopted);

// Those that count.
std::vector<policies::Signature> SignaturesOf(const JudgedAgency& judged);

}  // namespace vouch::server::agreements

#endif  // VOUCH_SERVER_AGREEMENTS_COUNTERSIGNATURES_H_
