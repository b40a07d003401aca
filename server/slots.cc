#include "server/slots.h"

#include <algorithm>

#include "crypto/token.h"
#include "policies/engine/question.h"
#include "server/ledger/padding_tokens.h"

namespace vouch::server {

using policies::Answer;
using policies::GroupMember;
using policies::UndeterminedReason;

bool Slot::FoundOne() const {
  return resolved.has_value() && (resolved->match() == records::Match::kOne ||
                                  resolved->match() == records::Match::kMismatch);
}

UndeterminedReason Slot::WhyUnknown() const {
  switch (resolved->match()) {
    case records::Match::kNone:
      return UndeterminedReason::kNoRecord;
    case records::Match::kSeveral:
      return UndeterminedReason::kSeveralFound;
    case records::Match::kMismatch:
      return UndeterminedReason::kMismatch;
    case records::Match::kOne:
      break;
  }
  return resolved->held_back() ? UndeterminedReason::kHeldBack : UndeterminedReason::kNotTold;
}

Slots::Slots(const policies::Permit& permit, const admission::RequestedItem& item,
             const crypto::Digest& content)
    : is_group_(permit.question().group_at_most > 0) {
  if (!is_group_) {
    slots_.emplace_back();
    slots_.front().tokens = item.tokens;
    return;
  }
  const size_t count = static_cast<size_t>(permit.question().group_at_most);
  const size_t members = item.member_count;
  const size_t each = permit.agreement().match.size() * sizeof(crypto::Token);
  stand_ins_.reserve((count - members) * each);
  for (size_t slot = members; slot < count; ++slot) {
    ledger::AppendPaddingTokens(content, slot, permit.agreement().match.size(), &stand_ins_);
  }
  slots_.resize(count);
  for (size_t slot = 0; slot < count; ++slot) {
    slots_[slot].padding = slot >= members;
    const absl::string_view tokens = slots_[slot].padding ? stand_ins_ : item.tokens;
    slots_[slot].tokens = tokens.substr((slot - (slots_[slot].padding ? members : 0)) * each, each);
  }
}

void Slots::Resolve(const records::Snapshot& snapshot, const policies::Permit& permit,
                    uint32_t epoch) {
  absl::InlinedVector<crypto::Token, 8> tokens(permit.agreement().match.size());
  for (Slot& slot : slots_) {
    for (size_t i = 0; i < tokens.size(); ++i) {
      std::copy_n(crypto::AsBytes(slot.tokens).begin() + i * sizeof(crypto::Token),
                  sizeof(crypto::Token), tokens[i].begin());
    }
    slot.resolved = snapshot.Resolve(permit, epoch, tokens);
  }
}

Judged Slots::Judge(const policies::Permit& permit, const policies::Parameters& parameters,
                    absl::CivilDay today) const {
  if (is_group_) return JudgeGroup(permit, parameters, today);
  const Slot& person = first();
  const Answer evaluated = policies::EvaluateQuestion(
      permit.question(), parameters, person.resolved->facts(), permit.catalog().tables(), today);
  Judged judged;
  judged.reason = person.WhyUnknown();
  if (judged.reason == UndeterminedReason::kNotTold && evaluated == Answer::kUndetermined) {
    judged.reason = UndeterminedReason::kNotHeld;
  }
  if (judged.reason == UndeterminedReason::kNotTold) judged.answer = evaluated;
  return judged;
}

Judged Slots::JudgeGroup(const policies::Permit& permit, const policies::Parameters& parameters,
                         absl::CivilDay today) const {
  absl::InlinedVector<GroupMember, 8> members;
  UndeterminedReason unknown = UndeterminedReason::kNotHeld;
  for (size_t i = 0; i < slots_.size(); ++i) {
    const Slot& slot = slots_[i];
    UndeterminedReason why = slot.WhyUnknown();
    // One record under two names is nobody that can be told apart. Only these two are unknown: were
    // the whole answer, two spellings beside somebody known would tell who is on record.
    if (IsTwice(i) && why == UndeterminedReason::kNotTold) why = UndeterminedReason::kMismatch;
    GroupMember member;
    member.facts = &slot.resolved->facts();
    if (slot.padding) {
      member.standing = GroupMember::Standing::kPadding;
    } else if (why == UndeterminedReason::kNotTold) {
      member.standing = GroupMember::Standing::kKnown;
    } else {
      member.standing = GroupMember::Standing::kUnknown;
      if (unknown == UndeterminedReason::kNotHeld) unknown = why;
    }
    members.push_back(member);
  }
  Judged judged;
  judged.answer = policies::EvaluateGroup(permit.question(), parameters, members,
                                          permit.held().facts, permit.catalog().tables(), today);
  if (judged.answer == Answer::kUndetermined) judged.reason = unknown;
  return judged;
}

// Looks at every other slot, whoever is behind it.
bool Slots::IsTwice(size_t slot) const {
  const Slot& one = slots_[slot];
  bool twice = false;
  for (size_t i = 0; i < slots_.size(); ++i) {
    const Slot& other = slots_[i];
    const bool same = one.resolved->person() == other.resolved->person();
    const bool found = one.FoundOne() && other.FoundOne();
    twice |= i != slot && same && found && !one.padding && !other.padding;
  }
  return twice;
}

bool Slots::Counts(size_t slot) const {
  const bool twice = IsTwice(slot);
  return !slots_[slot].padding && !twice &&
         slots_[slot].WhyUnknown() == UndeterminedReason::kNotTold;
}

absl::InlinedVector<ledger::SlotContent, 8> Slots::Contents(UndeterminedReason reason) const {
  absl::InlinedVector<ledger::SlotContent, 8> contents;
  for (const Slot& slot : slots_) {
    ledger::SlotContent content;
    content.subject.found = slot.FoundOne() && !slot.padding;
    content.subject.person = slot.resolved->person();
    content.subject.tokens = slot.tokens;
    if (content.subject.found) {
      content.inner.person = slot.resolved->person();
      content.inner.matching_key = static_cast<int8_t>(slot.resolved->matching_key());
    }
    content.inner.undetermined_reason = static_cast<uint8_t>(reason);
    contents.push_back(content);
  }
  return contents;
}

}  // namespace vouch::server
