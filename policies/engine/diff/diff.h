// What changes in legal effect between two files of an agreement. docs/agreements.md, "What diff
// says", defines the words. Pure: both sides are handed in as read.
#ifndef VOUCH_POLICIES_ENGINE_DIFF_DIFF_H_
#define VOUCH_POLICIES_ENGINE_DIFF_DIFF_H_

#include <cstdint>
#include <string>
#include <vector>

#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "absl/types/optional.h"
#include "policies/engine/agreement.h"
#include "policies/engine/catalog.h"
#include "policies/engine/reference.h"
#include "policies/engine/source.h"
#include "policies/engine/values.h"

namespace vouch::policies::diff {

// One file of an agreement with what it pins. `agreement`, `facts` and `tables` are not owned and
// never null.
struct Side {
  const Agreement* agreement = nullptr;
  const FactCatalogue* facts = nullptr;
  const ReferenceTables* tables = nullptr;
  absl::string_view text;  // the file's bytes; without them changes have no positions
};
Side SideOf(const HeldAgreement& held, const ReferenceTables& tables, absl::string_view text = "");

// For one request, what comes back is ordered: refused, then UNDETERMINED, then YES and NO, of
// which neither is above the other.
enum class Effect : uint8_t {
  kNeutral,     // nothing that may be asked, learned or that protects changes
  kNarrows,     // some request is refused that was answered, less is learned, or more protects
  kWidens,      // some request is answered that was refused, more is learned, or less protects
  kCannotTell,  // this program cannot judge it: people have to read both
};
// "NEUTRAL", "NARROWS", "WIDENS", "CANNOT TELL".
absl::string_view EffectName(Effect effect);

enum class Outcome : uint8_t { kRefused, kAnswered, kYes, kNo, kUndetermined };

// One concrete request that comes out differently. `text` says it in words; the rest is there to
// run it, when it is a single request (`question` not empty).
struct Example {
  std::string text;
  std::string requester;
  std::string question;
  std::string purpose;
  Parameters parameters;
  absl::Time at = absl::InfinitePast();
  struct Held {
    std::string fact;
    Period period;
    FactValue value;
  };
  std::vector<Held> facts;  // what the record holds; nothing else
  Outcome before = Outcome::kRefused;
  Outcome after = Outcome::kRefused;  // kAnswered: with any of the three answers
};

struct Change {
  Effect effect = Effect::kNeutral;
  std::string path;    // e.g. "questions[2].yes_when", in the file that has it (after, if both)
  Position before;     // zero when it is not there, or the text was not handed in
  Position after;      // likewise
  std::string text;    // what changed, in plain words
  Example example;     // of every WIDENS and NARROWS
  bool words = false;  // CANNOT TELL because prose was worded anew; no answer changes by it
};

struct Difference {
  std::vector<Change> changes;  // in the order of the file
  bool same_bytes = false;

  bool Widens() const { return Has(Effect::kWidens); }
  bool Narrows() const { return Has(Effect::kNarrows); }
  bool CannotTell() const { return Has(Effect::kCannotTell); }
  // Nothing but NEUTRAL changes, or none.
  bool Neutral() const { return !Widens() && !Narrows() && !CannotTell(); }
  bool Has(Effect effect) const;
  // Whether the file before must not be used beside the file after: it narrows, or what it does to
  // answers cannot be told. Prose worded anew does not count.
  bool EndsChangeover() const;
  // "WIDENS and NARROWS", "NEUTRAL", ...
  std::string Verdict() const;
};

// By exact comparison of the closed vocabulary, never of text. Where `after` is a later revision of
// the same agreement, `before` goes on until `after` takes effect: its later first day is NEUTRAL.
// Bounded work: a question whose answers are too many to compare is CANNOT TELL.
Difference Compare(const Side& before, const Side& after);

// Catalog::Options::ends_changeover.
bool EndsChangeover(const HeldAgreement& before, const HeldAgreement& after,
                    const ReferenceTables& tables);

// For people: the verdict, then each change with its place, words and example.
std::string ToText(const Difference& difference, absl::string_view before_name,
                   absl::string_view after_name);
// For programs: one JSON object with the same words.
std::string ToJson(const Difference& difference, absl::string_view before_name,
                   absl::string_view after_name);

}  // namespace vouch::policies::diff

#endif  // VOUCH_POLICIES_ENGINE_DIFF_DIFF_H_
