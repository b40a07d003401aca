// Collects the changes of one comparison, and says values in the words officers read.
#ifndef VOUCH_POLICIES_ENGINE_DIFF_CHANGES_H_
#define VOUCH_POLICIES_ENGINE_DIFF_CHANGES_H_

#include <string>
#include <vector>

#include "policies/engine/diff/diff.h"
#include "policies/engine/tree.h"

namespace vouch::policies::diff {

class Changes {
 public:
  Changes(const Side& before, const Side& after);

  const Agreement& before() const { return *before_.agreement; }
  const Agreement& after() const { return *after_.agreement; }
  const Side& before_side() const { return before_; }
  const Side& after_side() const { return after_; }

  // Where a change stands: paths such as "questions[2].tell"; "" on the side that has none.
  struct Place {
    std::string before;
    std::string after;
    // Nearer to what differs, for the positions only; empty where there is nothing nearer.
    std::string within_before = "";
    std::string within_after = "";
  };
  static Place Same(std::string path) { return {path, path}; }

  void Widens(const Place& place, std::string text, Example example);
  void Narrows(const Place& place, std::string text, Example example);
  // Both, with the text once for each direction.
  void Both(const Place& place, const std::string& text, Example widens, Example narrows);
  void Neutral(const Place& place, std::string text);
  void CannotTell(const Place& place, std::string text);
  // Prose that people have to read.
  void Worded(const Place& place, absl::string_view what);

  // A request that `after` answers (for WIDENS: it was refused before), and one that `before`
  // answered. The caller replaces what the change is about, then calls TellAfter or TellBefore.
  Example AskedAfter() const { return Asked(true); }
  Example AskedBefore() const { return Asked(false); }
  // The words for a request as it stands, with its outcomes; its day in that side's time zone.
  Example TellAfter(const Example& example) const;
  Example TellBefore(const Example& example) const;
  // An example that is no single request.
  static Example Words(std::string text);

  // The days on which both count; where there are none, those of `after`.
  absl::CivilDay first_day() const { return first_day_; }
  absl::CivilDay last_day() const { return last_day_; }
  // Whether `after` is a later revision of the same agreement.
  bool succeeds() const {
    return before().id == after().id && after().revision > before().revision;
  }

  std::vector<Change> Take();

 private:
  Example Asked(bool by_after) const;
  static Example Tell(const Example& told, const Agreement& agreement);
  void Add(Effect effect, const Place& place, std::string text, Example example, bool words);

  const Side before_;
  const Side after_;
  absl::optional<Tree> before_tree_;
  absl::optional<Tree> after_tree_;
  absl::CivilDay first_day_;
  absl::CivilDay last_day_;
  std::vector<Change> changes_;
};

// The first listed value of every parameter.
Parameters FirstValues(const Question& question);

// "$45,000.01", "-$3.00"
std::string MoneyText(int64_t cents);
std::string ValueText(const FactValue& value);
// "household_size 4, region \"alaska\""
std::string ParametersText(const Parameters& parameters);
// "30 days", "18 months", "the agreement's whole life"
std::string SpanText(absl::Duration span);
std::string LimitText(const CountLimit& limit);
std::string PlaceText(absl::string_view prefix, size_t zero_based);  // "questions[2]"

// The parts, each called by Compare.
void CompareTerms(Changes* changes);        // what it is, parties, authority, purposes, dates
void ComparePins(Changes* changes);         // pins and the facts the questions use
void ComparePeople(Changes* changes);       // match keys, spelling rules, tokens
void CompareQuestions(Changes* changes);    // questions, their answers and what goes with them
void CompareProtections(Changes* changes);  // limits, protections, contacts, waivers

// Whether every sequence of uses that `inner` lets through passes `outer` too.
bool LetsThroughNoMore(const CountLimit& inner, const CountLimit& outer);
// A WIDENS or NARROWS (or both) for a limit that changed; nothing when it is the same.
void CompareLimit(const CountLimit& before, const CountLimit& after, const Changes::Place& place,
                  absl::string_view what, absl::string_view use, Changes* changes);

}  // namespace vouch::policies::diff

#endif  // VOUCH_POLICIES_ENGINE_DIFF_CHANGES_H_
