// Kleene logic, checked against two evaluators that share nothing with the engine: one that tries
// every completion of what is unknown, and one that computes with 0, 1/2 and 1.
#include <algorithm>
#include <random>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "gtest/gtest.h"
#include "policies/engine/question.h"
#include "tests/fakes/fake_fact_source.h"

namespace vouch::policies {
namespace {

using fakes::FakeFactSource;
using fakes::YesNo;

constexpr absl::CivilDay kToday(2026, 11, 21);

Condition Fact(int number) {
  Condition leaf;
  leaf.kind = Condition::Kind::kLeaf;
  leaf.fact = absl::StrCat("fact_", number);
  leaf.comparison = Comparison::kIs;
  leaf.threshold.constants = {YesNo(true)};
  return leaf;
}

Condition Node(Condition::Kind kind, std::vector<Condition> children) {
  Condition node;
  node.kind = kind;
  node.children = std::move(children);
  return node;
}

Answer Evaluate(const Condition& condition, const FactSource& facts) {
  Question question;
  question.yes_when = condition;
  return EvaluateQuestion(question, {}, facts, ReferenceTables(), kToday);
}

enum class Held { kNo, kMissing, kYes };

FakeFactSource Source(const std::vector<Held>& held) {
  FakeFactSource facts;
  for (size_t i = 0; i < held.size(); ++i) {
    if (held[i] == Held::kMissing) continue;
    facts.Hold(absl::StrCat("fact_", i), "none", YesNo(held[i] == Held::kYes));
  }
  return facts;
}

// Two-valued, by the definition of the words.
bool Plain(const Condition& condition, const std::vector<bool>& facts) {
  switch (condition.kind) {
    case Condition::Kind::kLeaf:
      return facts[std::stoul(condition.fact.substr(5))];
    case Condition::Kind::kNot:
      return !Plain(condition.children[0], facts);
    case Condition::Kind::kAllOf:
      for (const Condition& child : condition.children) {
        if (!Plain(child, facts)) return false;
      }
      return true;
    case Condition::Kind::kAnyOf:
      for (const Condition& child : condition.children) {
        if (Plain(child, facts)) return true;
      }
      return false;
  }
  return false;
}

// YES or NO when every completion says so, UNDETERMINED otherwise.
Answer ByEveryCompletion(const Condition& condition, const std::vector<Held>& held) {
  std::vector<size_t> missing;
  std::vector<bool> facts(held.size());
  for (size_t i = 0; i < held.size(); ++i) {
    facts[i] = held[i] == Held::kYes;
    if (held[i] == Held::kMissing) missing.push_back(i);
  }
  bool some_yes = false;
  bool some_no = false;
  for (uint32_t completion = 0; completion < (1u << missing.size()); ++completion) {
    for (size_t i = 0; i < missing.size(); ++i) facts[missing[i]] = (completion >> i & 1) != 0;
    (Plain(condition, facts) ? some_yes : some_no) = true;
  }
  return some_yes && some_no ? Answer::kUndetermined : some_yes ? Answer::kYes : Answer::kNo;
}

double ByHalves(const Condition& condition, const std::vector<Held>& held) {
  switch (condition.kind) {
    case Condition::Kind::kLeaf: {
      const Held one = held[std::stoul(condition.fact.substr(5))];
      return one == Held::kYes ? 1.0 : one == Held::kNo ? 0.0 : 0.5;
    }
    case Condition::Kind::kNot:
      return 1.0 - ByHalves(condition.children[0], held);
    case Condition::Kind::kAllOf: {
      double all = 1.0;
      for (const Condition& child : condition.children) {
        all = std::min(all, ByHalves(child, held));
      }
      return all;
    }
    case Condition::Kind::kAnyOf: {
      double any = 0.0;
      for (const Condition& child : condition.children) {
        any = std::max(any, ByHalves(child, held));
      }
      return any;
    }
  }
  return 0.5;
}

Answer ToAnswer(double truth) {
  return truth == 1.0 ? Answer::kYes : truth == 0.0 ? Answer::kNo : Answer::kUndetermined;
}

class RandomConditions {
 public:
  explicit RandomConditions(uint32_t seed) : random_(seed) {}

  // Facts may occur several times.
  Condition Any(int facts, int depth) {
    if (depth == 0 || random_() % 4 == 0) return Fact(static_cast<int>(random_() % facts));
    switch (random_() % 3) {
      case 0:
        return Node(Condition::Kind::kNot, {Any(facts, depth - 1)});
      case 1:
        return Node(Condition::Kind::kAllOf, Children(facts, depth));
      default:
        return Node(Condition::Kind::kAnyOf, Children(facts, depth));
    }
  }

  // Each of the facts first..last occurs exactly once.
  Condition Once(int first, int last) {
    Condition condition;
    if (first == last) {
      condition = Fact(first);
    } else {
      const int cut = first + static_cast<int>(random_() % (last - first));
      condition = Node(random_() % 2 == 0 ? Condition::Kind::kAllOf : Condition::Kind::kAnyOf,
                       {Once(first, cut), Once(cut + 1, last)});
    }
    return random_() % 3 == 0 ? Node(Condition::Kind::kNot, {condition}) : condition;
  }

 private:
  std::vector<Condition> Children(int facts, int depth) {
    std::vector<Condition> children;
    const uint32_t count = 1 + random_() % 4;
    for (uint32_t i = 0; i < count; ++i) children.push_back(Any(facts, depth - 1));
    return children;
  }
  std::mt19937 random_;
};

template <typename Visit>
void ForEveryHolding(int facts, const Visit& visit) {
  std::vector<Held> held(facts, Held::kNo);
  int combinations = 1;
  for (int i = 0; i < facts; ++i) combinations *= 3;
  for (int combination = 0; combination < combinations; ++combination) {
    int rest = combination;
    for (int i = 0; i < facts; ++i, rest /= 3) held[i] = static_cast<Held>(rest % 3);
    visit(held);
  }
}

TEST(KleeneLogicTest, AgreesWithEveryCompletionWhenEachFactOccursOnce) {
  RandomConditions random(20261121);
  for (int round = 0; round < 300; ++round) {
    const int facts = 1 + round % 6;
    const Condition condition = random.Once(0, facts - 1);
    ForEveryHolding(facts, [&](const std::vector<Held>& held) {
      ASSERT_EQ(Evaluate(condition, Source(held)), ByEveryCompletion(condition, held));
    });
  }
}

TEST(KleeneLogicTest, NeverContradictsACompletionHoweverOftenAFactOccurs) {
  RandomConditions random(7);
  for (int round = 0; round < 300; ++round) {
    const Condition condition = random.Any(4, 4);
    ForEveryHolding(4, [&](const std::vector<Held>& held) {
      const Answer answer = Evaluate(condition, Source(held));
      if (answer == Answer::kUndetermined) return;
      ASSERT_EQ(answer, ByEveryCompletion(condition, held));
    });
  }
}

TEST(KleeneLogicTest, AgreesWithArithmeticOnHalves) {
  RandomConditions random(11);
  for (int round = 0; round < 300; ++round) {
    const Condition condition = random.Any(4, 4);
    ForEveryHolding(4, [&](const std::vector<Held>& held) {
      ASSERT_EQ(Evaluate(condition, Source(held)), ToAnswer(ByHalves(condition, held)));
    });
  }
}

TEST(KleeneLogicTest, KnowingMoreNeverTurnsAnAnswerRound) {
  RandomConditions random(13);
  for (int round = 0; round < 200; ++round) {
    const Condition condition = random.Any(4, 4);
    ForEveryHolding(4, [&](const std::vector<Held>& held) {
      const Answer before = Evaluate(condition, Source(held));
      if (before == Answer::kUndetermined) return;
      for (size_t i = 0; i < held.size(); ++i) {
        if (held[i] != Held::kMissing) continue;
        for (Held learnt : {Held::kNo, Held::kYes}) {
          std::vector<Held> more = held;
          more[i] = learnt;
          ASSERT_EQ(Evaluate(condition, Source(more)), before);
        }
      }
    });
  }
}

TEST(KleeneLogicTest, AMissingFactThatDoesNotDecideIsHarmless) {
  const Condition any = Node(Condition::Kind::kAnyOf, {Fact(0), Fact(1)});
  EXPECT_EQ(Evaluate(any, Source({Held::kMissing, Held::kYes})), Answer::kYes);
  const Condition all = Node(Condition::Kind::kAllOf, {Fact(0), Fact(1)});
  EXPECT_EQ(Evaluate(all, Source({Held::kMissing, Held::kNo})), Answer::kNo);
}

TEST(KleeneLogicTest, ReadsEveryFactWhicheverDecides) {
  const Condition condition =
      Node(Condition::Kind::kAllOf,
           {Fact(0), Node(Condition::Kind::kAnyOf, {Fact(1), Fact(2)}), Fact(3)});
  ForEveryHolding(4, [&](const std::vector<Held>& held) {
    const FakeFactSource facts = Source(held);
    Evaluate(condition, facts);
    ASSERT_EQ(facts.looked_up().size(), 4u);
    for (const auto& [fact, times] : facts.looked_up()) ASSERT_EQ(times, 1) << fact;
  });
}

TEST(KleeneLogicTest, ACombinationOfNothingIsUndetermined) {
  for (Condition::Kind kind :
       {Condition::Kind::kAllOf, Condition::Kind::kAnyOf, Condition::Kind::kNot}) {
    EXPECT_EQ(Evaluate(Node(kind, {}), FakeFactSource()), Answer::kUndetermined);
  }
}

}  // namespace
}  // namespace vouch::policies
