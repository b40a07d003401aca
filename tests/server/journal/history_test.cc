// Random histories against a model that keeps every mark for ever and counts from the start each
// time, with restarts in between, with and without a table image.
#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <random>
#include <set>
#include <vector>

#include "absl/strings/str_cat.h"
#include "crypto/digest.h"
#include "tests/server/journal/journal_fixture.h"

namespace vouch::server::journal {
namespace {

struct Person {
  RowKey tokens;
  std::vector<RowKey> people;
};

// The rules of the contract, word by word.
class Model {
 public:
  struct Outcome {
    Verdict verdict = Verdict::kRefused;
    absl::Duration retry_after = absl::ZeroDuration();
    Location where;
  };

  Outcome Decide(const Proposal& ask, bool permitted, uint32_t now, Location where) {
    Outcome outcome;
    outcome.where = where;
    if (ask.precedes_replay) return outcome;
    const auto known = requests_.find(ask.request);
    if (known != requests_.end() && now <= known->second.until) {
      const bool same = known->second.content == ask.content;
      outcome.verdict = same ? Verdict::kReplay : Verdict::kRequestIdReused;
      if (same) outcome.where = known->second.where;
      return outcome;
    }
    if (ask.refused || !permitted) return outcome;
    if (ask.epoch < epochs_[ask.epoch_row]) {
      outcome.verdict = Verdict::kEpochClosed;
      return outcome;
    }
    const Charges& charges = ask.charges;
    const policies::Limits& limits = *charges.limits;
    if (!Within(limits, charges.tokens, charges.value, now)) {
      outcome.verdict = Verdict::kPersonLimit;
      return outcome;
    }
    const bool new_person = !Alive(limits, charges.tokens, now);
    const auto answers = Wait(answers_, limits.whole_agreement, now);
    const auto people =
        new_person ? Wait(new_people_, limits.new_people, now) : absl::optional<uint32_t>(0);
    if (!answers.has_value() || !people.has_value() || *answers > 0 || *people > 0) {
      outcome.verdict = Verdict::kAgreementLimit;
      if (answers.has_value() && people.has_value()) {
        outcome.retry_after = absl::Seconds(std::max(*answers, *people));
      }
      return outcome;
    }
    bool within = true;
    for (const RowKey& person : charges.people) {
      within = within && Within(limits, person, charges.value, now);
    }
    for (const auto& fact : charges.facts) {
      within =
          within && policies::WithinDifferentValues(fact.limit, marks_[fact.key], fact.value, now);
    }
    outcome.verdict = within ? Verdict::kAnswer : Verdict::kUndetermined;
    marks_[charges.tokens].push_back({now, charges.value});
    for (const RowKey& person : charges.people) marks_[person].push_back({now, charges.value});
    for (const auto& fact : charges.facts) marks_[fact.key].push_back({now, fact.value});
    answers_.push_back(now / 60);
    if (new_person) new_people_.push_back(now / 60);
    if (ask.remember_until != 0) {
      requests_[ask.request] = {ask.content, ask.remember_until, where};
    }
    epochs_[ask.epoch_row] = std::max(epochs_[ask.epoch_row], ask.epoch);
    return outcome;
  }

 private:
  struct Remembered {
    crypto::Digest content;
    uint32_t until;
    Location where;
  };

  bool Within(const policies::Limits& limits, const RowKey& row, uint32_t value, uint32_t now) {
    return policies::WithinPersonLimits(limits, marks_[row], value, now);
  }
  bool Alive(const policies::Limits& limits, const RowKey& row, uint32_t now) {
    const uint32_t window = policies::LongestPersonWindow(limits);
    for (const policies::Mark& mark : marks_[row]) {
      if (window == UINT32_MAX || now < mark.second + window) return true;
    }
    return false;
  }
  static absl::optional<uint32_t> Wait(const std::vector<uint32_t>& minutes,
                                       const policies::CountLimit& limit, uint32_t now) {
    const bool ends = limit.every != absl::InfiniteDuration();
    const auto window = ends ? static_cast<uint32_t>(absl::ToInt64Seconds(limit.every)) : 0;
    for (uint32_t wait = 0;; ++wait) {
      int64_t used = 0;
      for (uint32_t minute : minutes) {
        if (!ends || minute * 60 + 59 + window > now + wait) ++used;
      }
      if (used < limit.count) return wait;
      if (!ends || limit.count < 1) return absl::nullopt;
    }
  }

  std::map<RowKey, std::vector<policies::Mark>> marks_;
  std::map<RowKey, Remembered> requests_;
  std::map<RowKey, uint32_t> epochs_;
  std::vector<uint32_t> answers_;
  std::vector<uint32_t> new_people_;
};

policies::Limits RandomLimits(std::mt19937_64* random) {
  const auto pick = [&](uint64_t from, uint64_t to) {
    return from + (*random)() % (to - from + 1);
  };
  const auto window = [&](uint64_t longest) {
    return (*random)() % 4 == 0 ? absl::InfiniteDuration()
                                : absl::Seconds(static_cast<int64_t>(pick(1, longest)));
  };
  policies::Limits limits;
  limits.times_asked = {static_cast<int64_t>(pick(1, 5)), window(400)};
  limits.different_values = {static_cast<int64_t>(pick(1, 4)), window(400)};
  limits.new_people = {static_cast<int64_t>(pick(10, 400)), absl::Seconds(pick(60, 600))};
  limits.whole_agreement = {static_cast<int64_t>(pick(10, 800)), absl::Seconds(pick(60, 600))};
  return limits;
}

Proposal RandomProposal(const policies::Limits& limits, uint32_t now, std::mt19937_64* random) {
  const auto below = [&](uint64_t n) { return (*random)() % n; };
  // Few people under few spellings, so that rows meet.
  const uint64_t person = below(12);
  const uint64_t spelling = below(3);
  Proposal ask;
  const uint64_t request = below(20) == 0 ? below(50) : (*random)();
  ask.request = KeyNamed(absl::StrCat("request ", request));
  ask.content = crypto::Sha256(absl::StrCat("content ", request, " ", below(10) == 0));
  ask.remember_until = below(10) == 0 ? 0 : now + static_cast<uint32_t>(below(300));
  ask.epoch_row = KeyNamed("epochs");
  ask.epoch = 1 + now / 2000 - (now / 2000 > 0 && below(4) == 0 ? 1 : 0);
  ask.precedes_replay = below(30) == 0;
  ask.refused = below(15) == 0;
  ask.charges.tokens = KeyNamed(absl::StrCat("V ", person, " ", spelling));
  ask.charges.people = {KeyNamed(absl::StrCat("P ", person)),
                        KeyNamed(absl::StrCat("dummy ", person, " ", spelling))};
  ask.charges.value = static_cast<uint32_t>(below(4));
  if (below(3) == 0) {
    Charges::FactRow fact;
    fact.key = KeyNamed(absl::StrCat("F ", person));
    fact.value = static_cast<uint32_t>(below(4));
    fact.limit = {2, absl::Seconds(200)};
    ask.charges.facts.push_back(fact);
  }
  ask.charges.agreement = KeyNamed("agreement");
  ask.charges.limits = &limits;
  ask.charges.rows_die_after = kStart + 1000 * kDay;
  return ask;
}

void PlayHistory(uint64_t seed, uint64_t tail_bytes) {
  SCOPED_TRACE(absl::StrCat("seed ", seed));
  std::mt19937_64 random(seed);
  const policies::Limits limits = RandomLimits(&random);
  TemporaryFolder folder;
  auto journal = OpenIn(folder, tail_bytes);
  Model model;
  std::map<Verdict, int> seen;
  uint32_t now = kStart;
  for (int commit = 0; commit < 150; ++commit) {
    now += static_cast<uint32_t>(random() % 5 == 0 ? random() % 120 : random() % 3);
    std::vector<Proposal> asks;
    for (uint64_t left = 1 + random() % 12; left > 0; --left) {
      asks.push_back(RandomProposal(limits, now, &random));
    }
    std::set<size_t> forbidden;
    for (size_t i = 0; i < asks.size(); ++i) {
      if (random() % 25 == 0) forbidden.insert(i);
    }
    WritingSteps steps;
    steps.permitted = [&](size_t item) { return forbidden.count(item) == 0; };
    const uint64_t number = journal->head().commit + 1;
    auto committed = journal->Commit(asks, At(now), &steps);
    ASSERT_TRUE(committed.ok());
    for (size_t i = 0; i < asks.size(); ++i) {
      const auto expected =
          model.Decide(asks[i], forbidden.count(i) == 0, now, {number, static_cast<uint32_t>(i)});
      const Decision& decision = committed->decisions[i];
      ++seen[decision.verdict];
      ASSERT_EQ(static_cast<int>(decision.verdict), static_cast<int>(expected.verdict))
          << "commit " << number << " item " << i;
      ASSERT_EQ(decision.retry_after, expected.retry_after);
      ASSERT_EQ(decision.where.commit, expected.where.commit);
      ASSERT_EQ(decision.where.item, expected.where.item);
    }
    if (random() % 15 == 0) {
      const Head before = journal->head();
      journal.reset();
      journal = OpenIn(folder, tail_bytes);
      ASSERT_NE(journal, nullptr);
      ASSERT_EQ(journal->head().range.Root(), before.range.Root());
      ASSERT_EQ(journal->head().commit, before.commit);
    }
  }
  EXPECT_GT(seen[Verdict::kAnswer], 0);
  EXPECT_GT(seen[Verdict::kRefused], 0);
}

TEST(HistoryTest, MatchesTheModelWhenReplayedFromTheStart) {
  for (uint64_t seed = 1; seed <= 8; ++seed) {
    ASSERT_NO_FATAL_FAILURE(PlayHistory(seed, uint64_t{1} << 40));
  }
}

TEST(HistoryTest, MatchesTheModelWithImagesTakenBetweenCommits) {
  for (uint64_t seed = 101; seed <= 108; ++seed) {
    ASSERT_NO_FATAL_FAILURE(PlayHistory(seed, 2000));
  }
}

}  // namespace
}  // namespace vouch::server::journal
