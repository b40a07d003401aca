// Compares what two questions answer, over every record, day and combination of parameter values.
#ifndef VOUCH_POLICIES_ENGINE_DIFF_ANSWERS_H_
#define VOUCH_POLICIES_ENGINE_DIFF_ANSWERS_H_

#include <cstddef>
#include <string>

#include "policies/engine/diff/diff.h"

namespace vouch::policies::diff {

struct AnswerSide {
  const Question* question = nullptr;
  const FactCatalogue* facts = nullptr;
  const ReferenceTables* tables = nullptr;
};

struct AnswerDifference {
  // An example for which more is learned, and one for which less; YES against NO is both.
  absl::optional<Example> widens;
  absl::optional<Example> narrows;
  // Too much to compare, or a group of several members that may come out differently.
  bool undecided = false;
  // Combinations of parameter values that both list, and those whose condition differs.
  size_t combinations = 0;
  size_t differing = 0;
};

// Both questions have the same parameters by name; only values that both list are compared, on the
// days from `first` to `last`. Answers are piecewise constant between thresholds, so the values at
// and beside every threshold, and nothing held, stand for all records: EvaluateQuestion is asked
// about each. A group stands with one member.
AnswerDifference CompareAnswers(const AnswerSide& before, const AnswerSide& after,
                                absl::CivilDay first, absl::CivilDay last);

// True when the day on which a question is asked can change its answer for the same record.
bool DependsOnDay(const Condition& condition);

}  // namespace vouch::policies::diff

#endif  // VOUCH_POLICIES_ENGINE_DIFF_ANSWERS_H_
