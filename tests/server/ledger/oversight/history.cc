#include "tests/server/ledger/oversight/history.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <ostream>
#include <set>

#include "absl/strings/str_cat.h"
#include "tests/fakes/fake_records.h"

namespace vouch::server::ledger::oversight {

namespace {

constexpr int kSpan = 100;
constexpr int kHousehold = 3;
const char* const kRequesters[] = {"aid.example", "loans.example", "contractor.example"};

// Whether it was known by then whom the request is about.
bool AfterResolve(const policies::Refusal& refusal, const Ask& ask) {
  return refusal.reason == policies::Reason::kPersonLimit ||
         refusal.reason == policies::Reason::kRequestIdReused ||
         (refusal.reason == policies::Reason::kKeyEpoch && ask.epoch == 1);
}

}  // namespace

std::ostream& operator<<(std::ostream& out, const Noted& noted) {
  return out << noted.minute << " " << noted.requester << " " << noted.question << " "
             << noted.outcome;
}

const History& History::Get() {
  static const auto* const kHistory = new History();
  return *kHistory;
}

std::string History::NameOf(int person) { return absl::StrCat("person ", person); }

PersonNames History::NamesOf(int person) const {
  PersonNames names;
  if (OnRecord(person)) names.handles.insert(fakes::FakeSnapshot::HandleOf(NameOf(person)));
  const std::vector<crypto::Token> tokens = TokensOf(NameOf(person));
  for (unsigned formed = 1; formed < 8; ++formed) {
    std::string vector;
    for (size_t key = 0; key < tokens.size(); ++key) {
      const crypto::Token token = (formed >> key & 1) != 0 ? tokens[key] : crypto::kZeroToken;
      absl::StrAppend(&vector, crypto::AsText(token));
    }
    names.token_vectors[world_->terms.id].insert(vector);
  }
  return names;
}

History::Planned History::Plan() {
  const auto one_in = [&](int many) { return draw_() % static_cast<unsigned>(many) == 0; };
  const auto somebody = [&] { return static_cast<int>(draw_() % kPeople); };
  if (!answered_.empty() && one_in(40)) {
    // Again, as after an answer that was lost; or its id for another question.
    Planned again =
        answered_[answered_.size() - 1 - draw_() % std::min<size_t>(answered_.size(), 100)];
    if (one_in(2)) again.ask.question = "is-adult", again.ask.parameters.clear();
    return again;
  }
  Planned planned;
  const int person = somebody();
  planned.members = {person};
  if (one_in(12)) {
    std::set<int> members = {person};
    while (members.size() < 1 + draw_() % kHousehold) members.insert(somebody());
    planned.members.assign(members.begin(), members.end());
    std::vector<std::string> names;
    for (const int member : planned.members) names.push_back(NameOf(member));
    planned.ask = world_->AboutHousehold(names);
  } else {
    planned.ask = world_->About(NameOf(person));
    if (one_in(3)) planned.ask.question = "is-adult", planned.ask.parameters.clear();
    // By one key alone; or, of somebody on record, with a key that is another's.
    if (one_in(5)) planned.ask.tokens = OnlyKey(draw_() % 3, NameOf(person));
    if (one_in(25) && OnRecord(person)) {
      planned.misspelt = true;
      planned.ask.tokens = TokensOf(NameOf(person));
      planned.ask.tokens[0] = TokensOf("a slip of the pen")[0];
    }
    if (one_in(50)) planned.ask.epoch = 7;
    if (one_in(50)) planned.ask.question = "anything-else";
  }
  planned.ask.requester = kRequesters[draw_() % 3];
  if (planned.ask.epoch == 1 && late_ && !one_in(8)) planned.ask.epoch = 2;
  return planned;
}

void History::Put(const std::vector<Planned>& span) {
  std::vector<Ask> asks;
  for (const Planned& planned : span) asks.push_back(planned.ask);
  const std::vector<Recorded> outcomes = world_->Walk(asks);
  const int64_t minute = absl::ToUnixSeconds(world_->clock.Now()) / 60;
  for (size_t i = 0; i < span.size(); ++i) {
    if (outcomes[i].replayed()) continue;
    const Ask& ask = span[i].ask;
    const policies::Refusal* refusal = outcomes[i].refused();
    const bool about_group = ask.question.find("household") != std::string::npos;
    ++(refusal == nullptr ? answers_ : refusals_);
    if (refusal == nullptr) {
      answered_.push_back(span[i]);
      if (about_group) nobodys_ += static_cast<uint64_t>(kHousehold) - span[i].members.size();
    } else if (span[i].misspelt && !AfterResolve(*refusal, ask)) {
      // Nobody was looked up, and no other spelling than that one leads to it.
      ++nobodys_;
      continue;
    } else if (span[i].members.size() > 1 || about_group ||
               ask.tokens.size() != TokensOf("").size()) {
      ++nobodys_;
      continue;
    }
    if (refusal != nullptr && AfterResolve(*refusal, ask)) ++refused_after_resolve_;
    for (const int member : span[i].members) {
      noted_[member].push_back({minute, ask.requester,
                                ask.question == "anything-else" ? "" : ask.question,
                                server::NameOf(outcomes[i])});
    }
  }
}

History::History() {
  Terms terms;
  terms.household = kHousehold;
  world_ = std::make_unique<World>(terms);
  for (int person = 0; person < kOnRecord; ++person) {
    world_->AddFiler(NameOf(person), person % 2 == 0 ? 300000 : 5000000,
                     static_cast<uint64_t>(person) + 1);
  }
  // Three months and a bit.
  constexpr int kSpans = kQuestions / kSpan;
  for (int i = 0; i < kSpans; ++i) {
    world_->records.snapshot->loaded = world_->clock.Now() - absl::Hours(24);
    late_ = i > kSpans * 2 / 3;
    std::vector<Planned> span;
    for (int k = 0; k < kSpan; ++k) span.push_back(Plan());
    Put(span);
    world_->clock.Advance(absl::Hours(23) + absl::Minutes(i));
  }
  const auto read = ReadLog(journal(), [&](const LogEntry& entry) {
    log_.push_back({entry.index, std::string(entry.entry), std::string(entry.sealed)});
    return absl::OkStatus();
  });
  EXPECT_TRUE(read.ok()) << read.status();
}

}  // namespace vouch::server::ledger::oversight
