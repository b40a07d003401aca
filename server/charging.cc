#include "server/charging.h"

#include <algorithm>

#include "absl/container/inlined_vector.h"
#include "absl/strings/str_cat.h"
#include "absl/time/time.h"
#include "crypto/bytes.h"

namespace vouch::server {

namespace {

using FactNames = absl::InlinedVector<absl::string_view, 4>;

void CollectFacts(const policies::Condition& condition, FactNames* facts) {
  if (condition.kind == policies::Condition::Kind::kLeaf) {
    // An age is a date of birth looked at, so it uses up that fact's cap.
    facts->push_back(condition.fact == "age" ? absl::string_view("date_of_birth")
                                             : absl::string_view(condition.fact));
  }
  for (const policies::Condition& child : condition.children) CollectFacts(child, facts);
}

// P: one row for each match key, all different.
void ChargePeople(const journal::RowNames& names, const ChargedQuestion& asked, const Slot& slot,
                  journal::SubjectCharges* charges) {
  const std::string& agreement = asked.permit->agreement().id;
  absl::InlinedVector<crypto::Digest, 4> seen;
  const auto& by_key = slot.resolved->by_key();
  for (uint32_t key = 0; key < by_key.size(); ++key) {
    const records::KeyFinding& finding = by_key[key];
    const bool several = finding.kind == records::KeyFinding::Kind::kSeveral;
    crypto::Digest who = finding.person;
    if (several) {
      std::copy_n(crypto::AsBytes(slot.tokens).begin() + key * who.size(), who.size(), who.begin());
    }
    const bool repeated = std::find(seen.begin(), seen.end(), who) != seen.end();
    seen.push_back(who);
    if (repeated || finding.kind == records::KeyFinding::Kind::kNothing) {
      charges->people.push_back(names.StandIn(asked.asker, agreement, charges->tokens, key));
    } else if (several) {
      charges->people.push_back(names.SeveralPeople(asked.asker, agreement, who));
    } else {
      charges->people.push_back(names.Person(asked.asker, agreement, who));
    }
  }
}

// F: one row for each fact of the question that the catalogue caps.
void ChargeFacts(const journal::RowNames& names, const ChargedQuestion& asked,
                 const FactNames& facts, const Slot& slot, absl::Span<const uint8_t> group,
                 journal::SubjectCharges* charges) {
  for (absl::string_view fact : facts) {
    const policies::FactDefinition* definition = asked.permit->held().facts.Find(fact);
    if (definition == nullptr || !definition->different_values.has_value()) continue;
    journal::SubjectCharges::FactRow row;
    row.key = slot.FoundOne() && !slot.padding
                  ? names.Fact(asked.asker, fact, slot.resolved->person())
                  : names.FactStandIn(asked.asker, fact, charges->tokens);
    const std::string label = absl::StrCat(asked.permit->agreement().id, "|", asked.label);
    row.value = group.empty() ? names.Value(label) : names.GroupValue(label, group);
    row.limit = *definition->different_values;
    charges->facts.push_back(row);
  }
}

// One text for a group, whatever the order of its members.
template <typename Members>
std::string Sorted(Members* members) {
  std::sort(members->begin(), members->end());
  std::string out;
  for (const auto& member : *members) out.append(crypto::AsText(member).data(), member.size());
  return out;
}

}  // namespace

uint32_t BeginningOf(const policies::Agreement& agreement) {
  if (agreement.replaces != "none") return 0;
  const int64_t second = absl::ToUnixSeconds(agreement.effective_from);
  return static_cast<uint32_t>(std::min<int64_t>(std::max<int64_t>(second, 0), UINT32_MAX));
}

void FillCharges(const journal::RowNames& names, const ChargedQuestion& asked, const Slots& slots,
                 journal::Charges* charges) {
  const policies::Agreement& agreement = asked.permit->agreement();
  charges->agreement = asked.agreement;
  charges->value = asked.fingerprint;
  charges->agreement_begins = BeginningOf(agreement);
  charges->limits = &agreement.limits;
  charges->rows_die_after = static_cast<uint32_t>(absl::ToUnixSeconds(agreement.expires_at));
  FactNames facts;
  CollectFacts(asked.permit->question().yes_when, &facts);

  const auto v_of = [&](const Slot& slot) {
    return names.Tokens(asked.asker, agreement.id, crypto::AsBytes(slot.tokens));
  };
  charges->tokens = v_of(slots.first());
  if (!slots.is_group()) {
    ChargePeople(names, asked, slots.first(), charges);
    ChargeFacts(names, asked, facts, slots.first(), {}, charges);
    return;
  }

  // With whom a person is asked about is part of what is asked: V has it as the request names
  // them, and P as they were found, so that another spelling or epoch is not another value to P.
  absl::InlinedVector<journal::RowKey, 8> named;
  absl::InlinedVector<crypto::Digest, 8> found;
  charges->others.resize(slots.all().size() - 1);
  charges->members = 0;
  for (uint32_t i = 0; i < slots.all().size(); ++i) {
    const Slot& slot = slots.all()[i];
    journal::SubjectCharges& subject = i == 0 ? *charges : charges->others[i - 1];
    const journal::RowKey v = v_of(slot);
    const journal::RowKey padding =
        names.PaddingTokens(asked.asker, agreement.id, charges->tokens, i);
    subject.tokens = slot.padding ? padding : v;
    named.push_back(slot.padding ? journal::RowKey{} : v);
    subject.decides = slots.Counts(i);
    found.push_back(subject.decides ? slot.resolved->person() : crypto::Digest{});
    if (!slot.padding) ++charges->members;
  }
  charges->value = names.GroupValue(asked.label, crypto::AsBytes(Sorted(&named)));
  const std::string people = Sorted(&found);
  charges->people_value = names.GroupValue(asked.label, crypto::AsBytes(people));
  for (uint32_t i = 0; i < slots.all().size(); ++i) {
    journal::SubjectCharges& subject = i == 0 ? *charges : charges->others[i - 1];
    ChargePeople(names, asked, slots.all()[i], &subject);
    ChargeFacts(names, asked, facts, slots.all()[i], crypto::AsBytes(people), &subject);
  }
}

}  // namespace vouch::server
