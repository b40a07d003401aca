#include "server/agreements/countersignatures.h"

#include <algorithm>
#include <functional>
#include <set>
#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "policies/engine/source.h"
#include "server/node/folders.h"

namespace vouch::server::agreements {

namespace {

using State = JudgedAgency::State;

std::string Named(absl::string_view text) { return policies::Shown(text, 200); }

bool Is(const crypto::CertificateFacts& certificate, const std::string& who) {
  return absl::StartsWith(who, "sha256:") ? certificate.public_key_fingerprint == who
                                          : certificate.subject == who;
}

bool MayFill(const crypto::CertificateFacts& certificate, const node::OfficerRole& role) {
  return std::any_of(role.any_of.begin(), role.any_of.end(),
                     [&](const std::string& who) { return Is(certificate, who); });
}

// Gives every role a signer of its own, as many as can be (augmenting paths). filled[r] is the
// signer of role r, or -1.
std::vector<int> FillRoles(const std::vector<node::OfficerRole>& roles,
                           const std::vector<crypto::MessageSigner>& signers,
                           const std::vector<bool>& counts) {
  std::vector<int> filled(roles.size(), -1);
  std::vector<int> serves(signers.size(), -1);
  const std::function<bool(size_t, std::set<size_t>*)> fill = [&](size_t role,
                                                                  std::set<size_t>* seen) {
    for (size_t i = 0; i < signers.size(); ++i) {
      if (!counts[i] || !MayFill(signers[i].certificate, roles[role]) || !seen->insert(i).second) {
        continue;
      }
      if (serves[i] < 0 || fill(static_cast<size_t>(serves[i]), seen)) {
        serves[i] = static_cast<int>(role);
        filled[role] = static_cast<int>(i);
        return true;
      }
    }
    return false;
  };
  for (size_t role = 0; role < roles.size(); ++role) {
    std::set<size_t> seen;
    (void)fill(role, &seen);
  }
  return filled;
}

JudgedAgency NoRules(absl::string_view agency, absl::string_view problem) {
  JudgedAgency judged;
  judged.agency = std::string(agency);
  judged.state = State::kUnknown;
  judged.why = problem.empty()
                   ? absl::StrCat("node.yaml does not say who signs for ", agency)
                   : absl::StrCat("who signs for ", agency, " cannot be told: ", problem);
  judged.mend =
      absl::StrCat("write `signing` for ", agency, " in node.yaml (docs/operations.md, Signing)");
  return judged;
}

void SayWhatIsMissing(JudgedAgency* judged) {
  const auto bad = std::find_if(judged->signers.begin(), judged->signers.end(),
                                [](const JudgedSigner& one) { return !one.problem.empty(); });
  if (judged->missing_roles.empty()) {
    judged->state = State::kSigned;
    return;
  }
  const std::string roles = absl::StrJoin(judged->missing_roles, " and the ");
  if (bad != judged->signers.end()) {
    judged->state = State::kRefused;
    judged->why = bad->signer.empty()
                      ? absl::StrCat("a signature for ", judged->agency, ": ", bad->problem)
                      : absl::StrCat("the signature of ", Named(bad->signer), " for ",
                                     judged->agency, ": ", bad->problem);
    judged->mend = absl::StrCat("have the ", roles, " of ", judged->agency, " sign these bytes");
    return;
  }
  judged->state = State::kIncomplete;
  judged->why = absl::StrCat("the signature of the ", roles, " of ", judged->agency, " is missing");
  judged->mend =
      absl::StrCat("have it signed: vouch agreement sign FILE --agency ", judged->agency);
}

}  // namespace

std::string SignatureFileName(absl::string_view file, absl::string_view agency) {
  return absl::StrCat(file, ".", agency, ".p7s");
}

std::shared_ptr<const SigningRules> SigningRules::Read(const node::NodeFile& file) {
  auto rules = std::make_shared<SigningRules>();
  const auto add = [&](const std::string& agency, const node::Signing& signing) {
    if (signing.empty()) return;
    Agency& one = rules->agencies_[agency];
    one.officers = signing.officers;
    const absl::StatusOr<std::string> anchors = node::ReadText(signing.anchors);
    absl::StatusOr<std::string> lists = std::string();
    rules->files_.push_back(signing.anchors);
    if (!signing.revocations.empty()) {
      rules->files_.push_back(signing.revocations);
      lists = node::ReadText(signing.revocations, node::kLargestList);
      // An empty file must not read as "nothing is revoked".
      if (lists.ok() && lists->empty()) {
        lists = absl::InvalidArgumentError(absl::StrCat(signing.revocations, " is empty"));
      }
    }
    absl::StatusOr<crypto::TrustAnchors> loaded =
        !anchors.ok() ? anchors.status()
        : !lists.ok() ? lists.status()
                      : crypto::TrustAnchors::Load(*anchors, *lists);
    if (loaded.ok()) {
      one.anchors = *std::move(loaded);
    } else {
      one.problem = absl::StrCat(signing.anchors, ": ", loaded.status().message());
      absl::StatusOr<crypto::TrustAnchors> alone =
          anchors.ok() ? crypto::TrustAnchors::Load(*anchors, "") : anchors.status();
      if (alone.ok()) one.anchors_alone = *std::move(alone);
    }
  };
  add(file.agency, file.signing);
  for (const node::Partner& partner : file.partners) add(partner.agency, partner.signing);
  return rules;
}

const SigningRules::Agency* SigningRules::Find(absl::string_view agency) const {
  const auto found = agencies_.find(agency);
  return found == agencies_.end() ? nullptr : &found->second;
}

bool JudgedAgency::signed_by_any() const {
  return std::any_of(signers.begin(), signers.end(),
                     [](const JudgedSigner& one) { return one.problem.empty(); });
}

JudgedAgency JudgeSigners(const SigningRules& rules, absl::string_view agency,
                          const std::vector<crypto::MessageSigner>& signers, absl::Time now,
                          crypto::TrustAnchors::Lists lists) {
  const SigningRules::Agency* wanted = rules.Find(agency);
  if (wanted == nullptr) return NoRules(agency, "");
  const bool alone =
      !wanted->anchors.has_value() && lists == crypto::TrustAnchors::Lists::kMayHaveLapsed;
  const absl::optional<crypto::TrustAnchors>& anchors =
      alone ? wanted->anchors_alone : wanted->anchors;
  if (!anchors.has_value()) return NoRules(agency, wanted->problem);
  JudgedAgency judged;
  judged.agency = std::string(agency);
  std::vector<bool> counts;
  // Of those that count: a renewed certificate of a key may stand beside the expired one.
  std::set<std::string> keys, people;
  for (const crypto::MessageSigner& one : signers) {
    JudgedSigner signer;
    signer.signer = one.certificate.subject;
    signer.key = one.certificate.public_key_fingerprint;
    signer.signed_at = one.signed_at;
    const bool listed =
        std::any_of(wanted->officers.begin(), wanted->officers.end(),
                    [&](const auto& role) { return MayFill(one.certificate, role); });
    if (!one.fits.ok()) {
      signer.problem = std::string(one.fits.message());
    } else if (!listed) {
      signer.problem = absl::StrCat("it is none of the officers that node.yaml lists for ", agency,
                                    " (its key is ", signer.key, ")");
    } else if (keys.count(signer.key) + people.count(signer.signer) > 0) {
      signer.problem = "the same person or key signed twice; each role needs a signer of its own";
    } else if (const absl::Status good = anchors->Verify(
                   one.chain_pem, crypto::TrustAnchors::Purpose::kSigning, now, lists);
               !good.ok()) {
      signer.problem = std::string(good.message());
      judged.may_pass = true;
    } else {
      keys.insert(signer.key);
      people.insert(signer.signer);
    }
    counts.push_back(signer.problem.empty());
    judged.signers.push_back(std::move(signer));
  }
  const std::vector<int> filled = FillRoles(wanted->officers, signers, counts);
  for (size_t role = 0; role < filled.size(); ++role) {
    if (filled[role] < 0) {
      judged.missing_roles.push_back(wanted->officers[role].role);
    } else {
      judged.signers[static_cast<size_t>(filled[role])].role = wanted->officers[role].role;
    }
  }
  SayWhatIsMissing(&judged);
  return judged;
}

JudgedAgency JudgeSignatures(const SigningRules& rules, absl::string_view agency,
                             absl::string_view name, absl::string_view text,
                             const absl::optional<std::string>& message, absl::Time now,
                             bool adopted) {
  JudgedAgency judged;
  judged.agency = std::string(agency);
  if (!message.has_value()) {
    judged.state = State::kMissing;
    judged.why = absl::StrCat(agency, " has not signed: there is no ", name);
    judged.mend = absl::StrCat("have it signed: vouch agreement sign FILE --agency ", agency);
    if (const SigningRules::Agency* wanted = rules.Find(agency)) {
      for (const node::OfficerRole& role : wanted->officers) {
        judged.missing_roles.push_back(role.role);
      }
    }
    return judged;
  }
  const absl::StatusOr<std::vector<crypto::MessageSigner>> signers =
      crypto::ReadSigners(*message, text);
  if (!signers.ok()) {
    judged.state = State::kRefused;
    judged.why = absl::StrCat(name, ": ", signers.status().message());
    judged.mend = absl::StrCat("bring the file back as ", agency, " made it, or have it made anew");
    return judged;
  }
  judged = JudgeSigners(rules, agency, *signers, now);
  if (!adopted || judged.signed_by_all()) return judged;
  // Judged once, when it was adopted. Those whose signature fits the text have signed it.
  bool any = false;
  for (size_t i = 0; i < signers->size(); ++i) {
    if (!(*signers)[i].fits.ok()) continue;
    any = true;
    if (i < judged.signers.size()) judged.signers[i].problem.clear();
  }
  if (any) {
    judged.state = State::kSigned;
    judged.missing_roles.clear();
    judged.why.clear();
    judged.mend.clear();
    judged.may_pass = false;
  }
  return judged;
}

std::vector<policies::Signature> SignaturesOf(const JudgedAgency& judged) {
  std::vector<policies::Signature> all;
  for (const JudgedSigner& signer : judged.signers) {
    if (!signer.problem.empty()) continue;
    all.push_back({judged.agency, signer.role, signer.signer, signer.key});
  }
  return all;
}

}  // namespace vouch::server::agreements
