#include "policies/engine/authorize.h"

#include <algorithm>
#include <utility>
#include <vector>

#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"

namespace vouch::policies {
namespace {

// What a caller sent is never repeated in a message: a field filled in wrongly may hold an
// identifier. Messages name what the agreement lists instead.
Refusal Refuse(Reason reason, std::string field, std::string message) {
  Refusal refusal;
  refusal.reason = reason;
  refusal.field = std::move(field);
  refusal.message = std::move(message);
  return refusal;
}

// One refusal, to the byte, for all who may not ask: whether an agreement exists is nobody's
// business but its parties'.
Refusal NotPermitted() {
  return Refuse(Reason::kNotPermitted, "",
                "This agency may not ask under this agreement. ListAgreements shows the agreements "
                "of which it is a party; ask the program officer.");
}

Refusal NotListed(std::string field, std::string message) {
  return Refuse(Reason::kNotInAgreement, std::move(field), std::move(message));
}

Refusal Malformed(std::string field, std::string message) {
  return Refuse(Reason::kMalformed, std::move(field), std::move(message));
}

std::string Hex(absl::Span<const uint8_t> bytes) {
  return absl::BytesToHexString(
      absl::string_view(reinterpret_cast<const char*>(bytes.data()), bytes.size()));
}

template <typename Listed>
std::string Ids(const std::vector<Listed>& listed) {
  return absl::StrJoin(listed, ", ", [](std::string* out, const Listed& one) {
    absl::StrAppend(out, "\"", one.id, "\"");
  });
}

std::string Describe(const ParameterRule& rule) {
  if (rule.range.has_value()) {
    return absl::StrCat("a whole number from ", rule.range->first, " to ", rule.range->second);
  }
  return absl::StrCat(
      "one of ", absl::StrJoin(rule.codes, ", ", [](std::string* out, const std::string& code) {
        absl::StrAppend(out, "\"", code, "\"");
      }));
}

absl::optional<Refusal> CheckParameters(const Question& question, const Parameters& parameters) {
  for (const ParameterRule& rule : question.parameters) {
    const auto given = parameters.find(rule.name);
    if (given == parameters.end()) {
      return NotListed(absl::StrCat("parameters.", rule.name),
                       absl::StrCat("The question \"", question.id, "\" needs the parameter \"",
                                    rule.name, "\": ", Describe(rule), "."));
    }
    if (!rule.Allows(given->second)) {
      return NotListed(absl::StrCat("parameters.", rule.name),
                       absl::StrCat("The agreement does not list this value of \"", rule.name,
                                    "\" for the question \"", question.id, "\": expected ",
                                    Describe(rule), "."));
    }
  }
  // Every listed one was found, so any difference in number is one that is not listed.
  if (parameters.size() != question.parameters.size()) {
    const std::string names =
        absl::StrJoin(question.parameters, ", ", [](std::string* out, const ParameterRule& rule) {
          absl::StrAppend(out, "\"", rule.name, "\"");
        });
    return NotListed(
        "parameters",
        absl::StrCat("The question \"", question.id, "\" takes ",
                     names.empty() ? "no parameters" : absl::StrCat("only the parameters ", names),
                     "; leave out the others."));
  }
  return absl::nullopt;
}

absl::optional<Refusal> CheckMemberCount(const Question& question, const Asked& asked) {
  const size_t at_most = static_cast<size_t>(question.group_at_most);
  if (at_most > 0) {
    if (asked.member_count >= 1 && asked.member_count <= at_most) return absl::nullopt;
    return Malformed("subject.member_count",
                     absl::StrCat("The question \"", question.id, "\" is about a group of 1 to ",
                                  at_most, " members."));
  }
  if (asked.members != 1) {
    return Malformed("subject", "A question about one person takes exactly one subject.");
  }
  if (asked.member_count != 1) {
    return Malformed("subject.member_count",
                     "A question about one person has a member count of 1.");
  }
  return absl::nullopt;
}

bool IsZero(absl::string_view bytes) {
  return std::all_of(bytes.begin(), bytes.end(), [](char byte) { return byte == 0; });
}

// Every member of a group names somebody, and what lies beyond the members is zero.
absl::optional<Refusal> CheckPadding(size_t slots, const Asked& asked) {
  const size_t each = asked.token_bytes.size() / slots;
  for (size_t member = 0; each > 0 && member < asked.member_count; ++member) {
    if (!IsZero(asked.token_bytes.substr(member * each, each))) continue;
    return Malformed("subject.tokens",
                     "Every token of a member is zero: none of the agreement's match keys could be "
                     "formed, so that member names nobody.");
  }
  const size_t consent = asked.consent_bytes.size() / slots;
  // Zero is what padding has: a member with it would be asked about without a reference.
  for (size_t member = 0; consent > 0 && member < asked.member_count; ++member) {
    if (!IsZero(asked.consent_bytes.substr(member * consent, consent))) continue;
    return Malformed("subject.consents",
                     "A member's consent reference is zero; each member has 32 random bytes.");
  }
  if (IsZero(asked.token_bytes.substr(each * asked.member_count)) &&
      IsZero(asked.consent_bytes.substr(consent * asked.member_count))) {
    return absl::nullopt;
  }
  return Malformed("subject", "Tokens and consents beyond the member count are zero.");
}

absl::optional<Refusal> CheckSubject(const Agreement& agreement, const Question& question,
                                     const Asked& asked) {
  if (absl::optional<Refusal> refusal = CheckMemberCount(question, asked)) return refusal;
  const bool is_group = question.group_at_most > 0;
  const size_t slots = is_group ? static_cast<size_t>(question.group_at_most) : 1;
  if (asked.tokens != slots * agreement.match.size()) {
    return Malformed(
        "subject.tokens",
        absl::StrCat("Expected ", slots * agreement.match.size(),
                     " tokens, one for each match key of the agreement in its order",
                     is_group ? ", member by member, with zeros up to the group's full size" : "",
                     "; a key that cannot be formed is 32 zero bytes."));
  }
  if (asked.zero_token_subject) {
    return Malformed("subject.tokens",
                     "Every token is zero: none of the agreement's match keys could be formed, so "
                     "there is nobody to ask about.");
  }
  if (asked.consents != (agreement.consent_required ? slots : 0)) {
    return Malformed("subject.consents",
                     !agreement.consent_required
                         ? "The agreement asks for no consent reference; leave it out."
                     : is_group ? "The agreement requires one consent reference of 32 bytes for "
                                  "each member, with zeros up to the group's full size."
                                : "The agreement requires one consent reference of 32 bytes for "
                                  "each person asked about.");
  }
  if (is_group) return CheckPadding(slots, asked);
  if (!asked.consent_bytes.empty() && IsZero(asked.consent_bytes)) {
    return Malformed(
        "subject.consents",
        "The consent reference is zero; it is 32 random bytes, kept with the consent.");
  }
  return absl::nullopt;
}

// The revision that counts for this requester. With several askers one may have signed a revision
// that another has not: from that one it takes nothing, and what it signed before goes on. A
// revision that names it no longer ends that.
const HeldAgreement* CountingFor(const Catalog& catalog, absl::string_view requester,
                                 absl::string_view agreement_id, absl::Time now) {
  const HeldAgreement* counts = catalog.Find(agreement_id, now);
  if (counts == nullptr || !counts->signatures_satisfied) return counts;
  const auto signed_for = [&](const HeldAgreement& held) {
    const absl::string_view asker = held.agreement.AskerBehind(requester);
    return asker.empty() || held.SignedFor(asker);
  };
  if (signed_for(*counts)) return counts;
  // Ordered by revision.
  const HeldAgreement* before = nullptr;
  for (const auto& held : catalog.all()) {
    if (held.get() == counts) break;
    if (held->agreement.id == agreement_id && held->signatures_satisfied && signed_for(*held) &&
        held->agreement.effective_from <= now) {
      before = held.get();
    }
  }
  return before == nullptr ? counts : before;
}

// Names each gate where it is passed or refuses; nothing more than a test for null in a node.
class Gates {
 public:
  Gates(GateObserver* observer, const HeldAgreement* held) : observer_(observer), held_(held) {}

  void Passed(Gate gate) const {
    if (observer_ != nullptr) observer_->Reached(gate, held_, nullptr);
  }
  Refusal Stop(Gate gate, Refusal refusal) const {
    if (observer_ != nullptr) observer_->Reached(gate, held_, &refusal);
    return refusal;
  }

 private:
  GateObserver* observer_;
  const HeldAgreement* held_;
};

}  // namespace

absl::variant<const HeldAgreement*, Refusal> Authorizer::Admit(
    const Catalog& catalog, absl::string_view requester, absl::string_view agreement_id,
    absl::Span<const uint8_t> digest, absl::Time now, GateObserver* observer) {
  const HeldAgreement* held = CountingFor(catalog, requester, agreement_id, now);
  const Gates gates(observer, held);
  if (held == nullptr || held->agreement.AskerBehind(requester).empty()) {
    return gates.Stop(Gate::kParty, NotPermitted());
  }
  gates.Passed(Gate::kParty);
  // Signatures before dates: an expired agreement that was never countersigned is nobody's.
  const absl::string_view asker = held->agreement.AskerBehind(requester);
  const AgreementState state = held->StateFor(asker, now);
  if (!held->SignedFor(asker) || state == AgreementState::kUnsigned ||
      state == AgreementState::kStopped) {
    return gates.Stop(Gate::kSignatures, NotPermitted());
  }
  gates.Passed(Gate::kSignatures);

  const Agreement& agreement = held->agreement;
  if (state == AgreementState::kWaiting) {
    return gates.Stop(Gate::kInForce,
                      Refuse(Reason::kAgreementNotInForce, "question.agreement_id",
                             absl::StrCat("The agreement takes effect on ",
                                          absl::FormatCivilTime(agreement.effective), " (",
                                          agreement.time_zone, ").")));
  }
  if (state == AgreementState::kExpired) {
    return gates.Stop(Gate::kInForce,
                      Refuse(Reason::kAgreementNotInForce, "question.agreement_id",
                             absl::StrCat("The last day of the agreement was ",
                                          absl::FormatCivilTime(agreement.expires), " (",
                                          agreement.time_zone, "); the parties can renew it.")));
  }
  // Not ready is in force by its dates; the records' own gate comes later.
  gates.Passed(Gate::kInForce);

  if (digest == absl::MakeConstSpan(held->digest)) {
    gates.Passed(Gate::kDigest);
    return held;
  }
  const HeldAgreement* replaced = catalog.FindReplaced(agreement_id, now);
  if (replaced != nullptr && digest == absl::MakeConstSpan(replaced->digest) &&
      !replaced->agreement.AskerBehind(requester).empty() &&
      replaced->StateFor(replaced->agreement.AskerBehind(requester), now) ==
          AgreementState::kInForce) {
    gates.Passed(Gate::kDigest);
    return replaced;
  }
  Refusal refusal =
      Refuse(Reason::kAgreementMismatch, "question.agreement_digest",
             "The two agencies hold different files of this agreement. Exchange the file and "
             "compare its SHA-256.");
  refusal.expected = Hex(held->digest);
  // Only a digest is shown again, never anything else that was put in its place.
  if (digest.size() == held->digest.size()) refusal.received = Hex(digest);
  return gates.Stop(Gate::kDigest, std::move(refusal));
}

absl::variant<Permit, Refusal> Authorizer::Authorize(const std::shared_ptr<const Catalog>& catalog,
                                                     const Asked& asked, absl::Time now,
                                                     GateObserver* observer) {
  auto admitted = Admit(*catalog, asked.requester, asked.agreement_id, asked.digest, now, observer);
  if (absl::holds_alternative<Refusal>(admitted)) return absl::get<Refusal>(std::move(admitted));
  const HeldAgreement* held = absl::get<const HeldAgreement*>(admitted);
  const Agreement& agreement = held->agreement;
  const Gates gates(observer, held);

  const Question* question = agreement.FindQuestion(asked.question);
  if (question == nullptr) {
    return gates.Stop(Gate::kQuestion,
                      NotListed("question.question",
                                absl::StrCat("The agreement does not list this question; it lists ",
                                             Ids(agreement.questions), ".")));
  }
  gates.Passed(Gate::kQuestion);
  if (!agreement.HasPurpose(asked.purpose)) {
    return gates.Stop(Gate::kPurpose,
                      NotListed("question.purpose",
                                absl::StrCat("The agreement does not list this purpose; it lists ",
                                             Ids(agreement.purposes), ".")));
  }
  gates.Passed(Gate::kPurpose);
  static const Parameters* const kNone = new Parameters();
  const Parameters& parameters = asked.parameters == nullptr ? *kNone : *asked.parameters;
  if (absl::optional<Refusal> refusal = CheckParameters(*question, parameters)) {
    return gates.Stop(Gate::kParameters, *std::move(refusal));
  }
  gates.Passed(Gate::kParameters);
  absl::optional<Refusal> refusal = CheckSubject(agreement, *question, asked);
  if (!refusal.has_value() && asked.jws_receipt && !agreement.jws_receipts) {
    refusal = NotListed("jws_receipt",
                        "The agreement does not list JWS receipts (`receipts`); ask without, and "
                        "the answer has its ledger receipt.");
  }
  if (refusal.has_value()) return gates.Stop(Gate::kSubject, *std::move(refusal));
  gates.Passed(Gate::kSubject);
  return Permit(catalog, held, question);
}

bool PrecedesReplay(Reason reason) {
  return reason == Reason::kNotPermitted || reason == Reason::kAgreementNotInForce ||
         reason == Reason::kAgreementMismatch;
}

}  // namespace vouch::policies
