// What agreements let one asker learn about one person, as arithmetic over the thresholds they draw
// and the limits they set.
//
// A threshold cuts a fact's values in two. n different cuts make n + 1 bands. An asker who may try
// k different questions or parameter values, each chosen after the answer before it, gets k answers
// of YES or NO and so tells at most 2^k bands apart: min(2^k, n + 1), whichever order it asks in.
// That UNDETERMINED hides a reason only lowers this. Askers who pool what they learned add up their
// k; see docs/threat_model.md.
#ifndef VOUCH_POLICIES_ENGINE_LINT_DISCLOSURE_H_
#define VOUCH_POLICIES_ENGINE_LINT_DISCLOSURE_H_

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "absl/types/optional.h"
#include "policies/engine/agreement.h"
#include "policies/engine/reference.h"

namespace vouch::policies::lint {

// An agreement with what it pins. All three outlive what is computed from them.
struct AgreedFacts {
  const Agreement* agreement = nullptr;
  const FactCatalogue* facts = nullptr;
  const ReferenceTables* tables = nullptr;
};

// One of the places where a question with certain parameter values divides a fact's values: below
// `at`, and `at` or above. In the fact's own unit: cents, whole numbers, days since 1970-01-01; for
// "age" whole years, and for a period of the last days days before today (negative).
struct Cut {
  int64_t at = 0;
  size_t agreement = 0;   // index into what was handed in
  size_t question = 0;    // index into its questions
  Parameters parameters;  // of the first variant that cuts here; those the threshold goes by
  Position position;      // of the condition
};

// Two cuts between which a value can be placed.
struct Bracket {
  Cut low;
  Cut high;  // the value is low.at or more, and less than high.at
  // How many different values must be tried for it: 1 when one question draws both.
  uint64_t values_needed = 2;
  // high.at - low.at: the number of whole cents, years or days that the value may still be.
  uint64_t width() const { return static_cast<uint64_t>(high.at) - static_cast<uint64_t>(low.at); }
};

// The most that can be learned within a span of time.
struct Learned {
  absl::Duration over = absl::ZeroDuration();
  uint64_t answers = 0;  // how often one person may be asked about
  uint64_t values = 0;   // k: how many different questions and parameter values may be tried
  uint64_t bands = 1;    // how many classes of values can be told apart; UINT64_MAX: more than fit
};

// The shortest window in which different values are counted (the term, where they are counted over
// the agreement's whole life), one year, and the term: from the first day of the earliest agreement
// to the last of the latest. Spans end before their last moment; windows slide.
struct LearnedOverTime {
  Learned window;
  Learned year;
  Learned term;
};

struct FactDisclosure {
  std::string fact;
  std::string period;  // as written: the same fact of another year is another value
  FactType type = FactType::kWholeNumber;
  // Compared after the members' amounts were added up: the cuts are on the sum.
  bool of_group = false;
  // The cut moves as time passes (an age, a period of the last days): the same question, asked
  // again later, is another cut, so that `values` does not bound it and `answers` does.
  bool moves = false;
  // The cuts are days before the day of the question. Such a fact's days of the calendar, where
  // some threshold names one, are a disclosure of their own.
  bool days_before = false;
  // By `at`, no two alike. Empty for codes and for yes or no.
  std::vector<Cut> cuts;
  // How many classes of values the agreed thresholds divide it into, were all of them tried: n + 1
  // for n cuts; for codes the classes that no threshold tells apart; UINT64_MAX for sums over a
  // group, which each other company of one member cuts elsewhere for whoever knows its amounts.
  uint64_t classes = 1;
  // Different questions and parameter values that compare it; a question about groups counts once,
  // though each composition uses up a different value of its own.
  uint64_t variants = 0;
  LearnedOverTime learned;
  // The closest two neighbouring cuts; nothing when there are fewer than two.
  absl::optional<Bracket> narrowest;
  // Whether the limits let anybody try both sides of `narrowest` on one person within the term.
  bool bracket_reachable = false;
};

// Questions about groups. A person belongs to as many groups as the asker makes up: the same
// question about {A, B} and then about {A} tells what B adds. Each composition is a different value
// to each of its members, so that different_values bounds overlapping groups, and times_asked where
// it is the lower.
struct GroupDisclosure {
  size_t questions = 0;   // those about groups
  int32_t at_most = 0;    // the largest group
  uint64_t groups = 0;    // about one person within the window, each with other company
  uint64_t outcomes = 1;  // 2^groups: what these can tell apart about one member at the most
  absl::Duration window = absl::ZeroDuration();
  // Amounts are added up: whoever knows those of the others knows where the threshold cuts one
  // member's own.
  bool sums = false;
};

struct Disclosure {
  // Ordered by fact and period.
  std::vector<FactDisclosure> facts;
  // Over all facts together: `bands` counts combinations of answers.
  LearnedOverTime all;
  uint64_t variants = 0;
  // How many people that were not asked about before one asker may try in a day, rightly guessed or
  // not: so many guesses at who is on record.
  uint64_t guesses_a_day = 0;
  // The most agencies that may ask under any one of them; askers who collude add up what each
  // learns.
  size_t askers = 0;
  absl::optional<GroupDisclosure> groups;
  // False when there were more cuts than are gone through (kMostCuts): the figures are then too
  // small, and an agreement that has so many bounds nothing.
  bool complete = true;
};

inline constexpr size_t kMostCuts = 100000;

// What one asker may learn about one person under all of these together. They are between the same
// parties; several revisions of one agreement share its limits, as its charges do.
Disclosure MeasureDisclosure(const std::vector<AgreedFacts>& agreements);

// min(2^values, classes), without overflow.
uint64_t BandsToldApart(uint64_t values, uint64_t classes);
// How much of a sliding limit can be used within `over`, a span that ends before its last moment.
uint64_t UsableWithin(const CountLimit& limit, absl::Duration over);

// "the question `income`, household_size 4, region alaska" for messages.
std::string VariantName(const Question& question, const Parameters& parameters);
// "$35,910.00", "18", "2027-01-31": an amount of a fact as people write it.
std::string AmountText(FactType type, int64_t amount);
// "30 days", "1 year", "the whole agreement" and the like.
std::string SpanText(absl::Duration span);

}  // namespace vouch::policies::lint

#endif  // VOUCH_POLICIES_ENGINE_LINT_DISCLOSURE_H_
