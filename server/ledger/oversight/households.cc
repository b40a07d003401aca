#include "server/ledger/oversight/households.h"

#include <algorithm>
#include <string>
#include <utility>

#include "server/ledger/padding_tokens.h"

namespace vouch::server::ledger::oversight {

void Households::Add(const Disclosure& disclosure, size_t slots, size_t match_keys) {
  Group group;
  group.about = disclosure;
  group.size = slots;
  group.match_keys = match_keys;
  answers_.emplace(disclosure.entry.commitment, std::move(group));
}

absl::Status Households::Visit(const LogEntry& entry) {
  if (!IsAboutSubject(entry.entry)) return absl::OkStatus();
  const absl::StatusOr<crypto::SubjectEntry> read = crypto::ReadSubjectEntry(entry.entry);
  if (!read.ok()) return absl::DataLossError(read.status().message());
  const auto found = answers_.find(read->commitment);
  if (found == answers_.end()) return absl::OkStatus();
  Slot slot;
  slot.index = entry.index;
  slot.nonce = read->nonce;
  slot.tag = read->tag;
  found->second.slots.push_back(slot);
  return absl::OkStatus();
}

absl::Status Households::Identify(PeriodKeys* keys, const PeopleOnRecord& people) {
  std::map<Period, std::vector<Slot*>> open;
  std::map<Period, std::shared_ptr<const crypto::HmacKey>> period_keys;
  for (auto& [commitment, group] : answers_) {
    const Period period = Period::Of(group.about.entry);
    auto key = keys->Tag(period.agreement_id, period.month, period.retention_class,
                         /*create=*/false);
    if (!key.ok()) return key.status();
    if (group.slots.size() != group.size || !group.about.opened.has_value()) continue;
    for (size_t i = 0; i < group.slots.size(); ++i) {
      Slot* slot = &group.slots[i];
      std::string nobody;
      AppendPaddingTokens(group.about.opened->details.request, i, group.match_keys, &nobody);
      const crypto::SubjectKey padding(**key, crypto::SubjectKey::Subject::kTokens,
                                       crypto::AsBytes(nobody));
      slot->padding = padding.Tag(slot->nonce) == slot->tag;
      if (!slot->padding) open[period].push_back(slot);
    }
    period_keys[period] = *std::move(key);
  }
  return people.ForEach([&](const records::PersonHandle& person, const records::RowFacts& facts) {
    for (auto& [period, slots] : open) {
      const crypto::SubjectKey subject(*period_keys[period], crypto::SubjectKey::Subject::kPerson,
                                       crypto::ByteSpan(person));
      for (Slot* slot : slots) {
        if (subject.Tag(slot->nonce) != slot->tag) continue;
        slot->person = person;
        slot->facts = facts;
      }
    }
    return true;
  });
}

std::vector<Households::Answer> Households::Answers() const {
  static const auto* const kNothing = new records::RowFacts();
  std::vector<Answer> answers;
  for (const auto& [commitment, group] : answers_) {
    Answer answer;
    answer.about = group.about;
    if (group.slots.size() == group.size) {
      for (const Slot& slot : group.slots) {
        const auto same =
            std::count_if(group.slots.begin(), group.slots.end(), [&slot](const Slot& other) {
              return slot.person.has_value() && other.person == slot.person;
            });
        policies::GroupMember member;
        member.facts = slot.person.has_value() ? &slot.facts : kNothing;
        member.standing = slot.padding ? policies::GroupMember::Standing::kPadding
                          : same == 1  ? policies::GroupMember::Standing::kKnown
                                       : policies::GroupMember::Standing::kUnknown;
        answer.members.push_back(member);
      }
    }
    answers.push_back(std::move(answer));
  }
  std::sort(answers.begin(), answers.end(), [](const Answer& a, const Answer& b) {
    return a.about.entry.minute != b.about.entry.minute
               ? a.about.entry.minute < b.about.entry.minute
               : a.about.index < b.about.index;
  });
  return answers;
}

}  // namespace vouch::server::ledger::oversight
