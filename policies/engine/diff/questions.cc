// Questions: which there are, their values and answers, and what goes with an answer.
#include <algorithm>
#include <map>
#include <set>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "policies/engine/diff/answers.h"
#include "policies/engine/diff/changes.h"
#include "policies/engine/diff/conditions.h"
#include "policies/engine/question.h"

namespace vouch::policies::diff {
namespace {

bool SameTables(const ReferenceTables& a, const ReferenceTables& b) {
  const std::vector<std::string> names = a.Names();
  if (names != b.Names()) return false;
  return std::all_of(names.begin(), names.end(), [&](const std::string& name) {
    return a.Find(name)->digest == b.Find(name)->digest;
  });
}

std::string RuleText(const ParameterRule& rule) {
  if (rule.range.has_value()) return absl::StrCat(rule.range->first, " to ", rule.range->second);
  return absl::StrJoin(rule.codes, ", ");
}

// A value of `rule` that `other` does not list.
absl::optional<ParameterValue> ValueBeyond(const ParameterRule& rule, const ParameterRule& other) {
  if (rule.range.has_value()) {
    if (!other.range.has_value()) return ParameterValue(rule.range->first);
    if (rule.range->second > other.range->second) {
      return ParameterValue(std::max(rule.range->first, other.range->second + 1));
    }
    if (rule.range->first < other.range->first) return ParameterValue(rule.range->first);
    return absl::nullopt;
  }
  for (const std::string& code : rule.codes) {
    if (std::find(other.codes.begin(), other.codes.end(), code) == other.codes.end()) {
      return ParameterValue(code);
    }
  }
  return absl::nullopt;
}

const ParameterRule* FindRule(const Question& question, const std::string& name) {
  for (const ParameterRule& rule : question.parameters) {
    if (rule.name == name) return &rule;
  }
  return nullptr;
}

// One question that both files have.
class QuestionComparison {
 public:
  QuestionComparison(const Question& before, size_t before_at, const Question& after,
                     size_t after_at, Changes* changes)
      : a_(before),
        b_(after),
        a_path_(PlaceText("questions", before_at)),
        b_path_(PlaceText("questions", after_at)),
        name_(absl::StrCat("Question \"", after.id, "\"")),
        changes_(changes) {}

  void Run() {
    if (a_.ask != b_.ask) {
      changes_->Neutral(At(".ask"), absl::StrCat(name_, ": is worded \"", Shown(b_.ask, 200),
                                                 "\". What decides is its condition."));
    }
    CompareAbout();
    if (CompareParameters()) CompareCondition();
    CompareFreshness();
    CompareTell();
    CompareObligation("on_yes", "YES", a_.on_yes, b_.on_yes);
    CompareObligation("on_no", "NO", a_.on_no, b_.on_no);
    CompareObligation("on_undetermined", "UNDETERMINED", a_.on_undetermined, b_.on_undetermined);
    CompareSay();
    if (a_.spares_documents != b_.spares_documents || a_.spares_minutes != b_.spares_minutes) {
      changes_->Neutral(At(".spares"),
                        absl::StrCat(name_, ": what it spares is counted otherwise."));
    }
    CompareStored();
  }

 private:
  Changes::Place At(absl::string_view key) const {
    return {absl::StrCat(a_path_, key), absl::StrCat(b_path_, key)};
  }
  std::string Line(absl::string_view rest) const { return absl::StrCat(name_, ": ", rest); }
  Example Asked(bool by_after) const {
    Example example = by_after ? changes_->AskedAfter() : changes_->AskedBefore();
    example.question = by_after ? b_.id : a_.id;
    example.parameters = FirstValues(by_after ? b_ : a_);
    return example;
  }

  void CompareAbout() {
    if (a_.group_at_most == b_.group_at_most) return;
    const auto about = [](const Question& question) {
      return question.group_at_most == 0
                 ? std::string("one person")
                 : absl::StrCat("a group of at most ", question.group_at_most);
    };
    const std::string text =
        Line(absl::StrCat("is about ", about(b_), ", was about ", about(a_), "."));
    const auto newly = [&](const Question& open) {
      return open.group_at_most == 0
                 ? std::string("The question about one person")
                 : absl::StrCat("The question about a group of ", open.group_at_most);
    };
    const bool kinds = (a_.group_at_most == 0) != (b_.group_at_most == 0);
    if (kinds || b_.group_at_most > a_.group_at_most) {
      changes_->Widens(At(".about"), text,
                       Changes::Words(newly(b_) + ": was refused, would be answered."));
    }
    if (kinds || b_.group_at_most < a_.group_at_most) {
      changes_->Narrows(At(".about"), text,
                        Changes::Words(newly(a_) + ": was answered, would be refused."));
    }
  }

  // False when a request fits only one of them, so that no answers can be compared.
  bool CompareParameters() {
    std::set<std::string> before;
    std::set<std::string> after;
    for (const ParameterRule& rule : a_.parameters) before.insert(rule.name);
    for (const ParameterRule& rule : b_.parameters) after.insert(rule.name);
    if (before != after) {
      const auto names = [](const std::set<std::string>& all) {
        return all.empty() ? std::string("none") : absl::StrJoin(all, ", ");
      };
      changes_->Both(
          At(".parameters"),
          Line(absl::StrCat("its parameters are ", names(after), ", were ", names(before), ".")),
          changes_->TellAfter(Asked(true)), changes_->TellBefore(Asked(false)));
      return false;
    }
    for (const ParameterRule& is : b_.parameters) {
      const ParameterRule& was = *FindRule(a_, is.name);
      const std::string text = Line(
          absl::StrCat("parameter ", is.name, ": ", RuleText(is), ", was ", RuleText(was), "."));
      const Changes::Place place = At(absl::StrCat(".parameters.", is.name));
      if (const auto value = ValueBeyond(is, was)) {
        Example example = Asked(true);
        example.parameters[is.name] = *value;
        changes_->Widens(place, text, changes_->TellAfter(example));
      }
      if (const auto value = ValueBeyond(was, is)) {
        Example example = Asked(false);
        example.parameters[is.name] = *value;
        changes_->Narrows(place, text, changes_->TellBefore(example));
      }
    }
    return true;
  }

  // The one place within a condition where both differ, when all else is built alike.
  static void Deepest(const Condition& a, const Condition& b, const Condition** was,
                      const Condition** is, std::string* path) {
    *was = &a;
    *is = &b;
    if (a.kind != b.kind || a.kind == Condition::Kind::kLeaf ||
        a.children.size() != b.children.size()) {
      return;
    }
    size_t differing = 0;
    size_t at = 0;
    for (size_t i = 0; i < a.children.size(); ++i) {
      if (ConditionText(a.children[i]) == ConditionText(b.children[i])) continue;
      ++differing;
      at = i;
    }
    if (differing != 1) return;
    const absl::string_view key = a.kind == Condition::Kind::kAllOf   ? ".all_of"
                                  : a.kind == Condition::Kind::kAnyOf ? ".any_of"
                                                                      : ".not";
    absl::StrAppend(path, key);
    if (a.kind != Condition::Kind::kNot) *path = PlaceText(*path, at);
    Deepest(a.children[at], b.children[at], was, is, path);
  }

  void CompareCondition() {
    const Side& before = changes_->before_side();
    const Side& after = changes_->after_side();
    const bool same_words = ValueLabel(a_, {}) == ValueLabel(b_, {});
    if (same_words && SameTables(*before.tables, *after.tables)) return;
    const AnswerDifference found =
        CompareAnswers({&a_, before.facts, before.tables}, {&b_, after.facts, after.tables},
                       changes_->first_day(), changes_->last_day());
    std::string path = ".yes_when";
    const Condition* was = &a_.yes_when;
    const Condition* is = &b_.yes_when;
    Deepest(a_.yes_when, b_.yes_when, &was, &is, &path);
    Changes::Place place = At(path);
    if (was->kind == Condition::Kind::kLeaf && is->kind == Condition::Kind::kLeaf &&
        was->fact == is->fact) {
      const bool period = was->period.text != is->period.text;
      const auto within = [period](const Condition& leaf) {
        if (period) return std::string(".period");
        return absl::StrCat(".", ComparisonKey(leaf.comparison));
      };
      place.within_before = within(*was);
      place.within_after = within(*is);
    }
    std::string text = same_words
                           ? Line("is worded alike, but a table it goes by holds other amounts.")
                           : Line(absl::StrCat("YES when ", ConditionText(*is), "; was when ",
                                               ConditionText(*was), "."));
    if (found.differing > 0 && found.differing < found.combinations) {
      absl::StrAppend(&text, " For ", found.differing, " of ", found.combinations,
                      " combinations of parameter values.");
    }
    const auto told = [&](Example example) {
      example.requester = changes_->AskedAfter().requester;
      example.purpose = changes_->AskedAfter().purpose;
      example.question = b_.id;
      const absl::CivilDay day(absl::ToCivilDay(example.at, absl::UTCTimeZone()));
      example.at = absl::FromCivil(absl::CivilHour(day) + 12, changes_->after().zone());
      return changes_->TellAfter(example);
    };
    if (found.widens.has_value()) changes_->Widens(place, text, told(*found.widens));
    if (found.narrows.has_value()) changes_->Narrows(place, text, told(*found.narrows));
    if (found.undecided) {
      changes_->CannotTell(place, absl::StrCat(text,
                                               " There is too much to try to tell what else "
                                               "it changes."));
    }
    if (!found.widens.has_value() && !found.narrows.has_value() && !found.undecided &&
        !same_words) {
      changes_->Neutral(place, absl::StrCat(text,
                                            " Every answer is the same; to the limits it "
                                            "counts as another value tried on a person."));
    }
  }

  void CompareFreshness() {
    if (a_.records_loaded_within == b_.records_loaded_within) return;
    const bool older = b_.records_loaded_within > a_.records_loaded_within;
    const Changes::Place place = At(".records_loaded_within");
    const std::string text =
        Line(absl::StrCat("records may be ", SpanText(b_.records_loaded_within), " old, were ",
                          SpanText(a_.records_loaded_within), "."));
    const Example example = Changes::Words(absl::StrCat(
        "\"", b_.id, "\" about a person whose records were loaded ",
        SpanText(std::max(a_.records_loaded_within, b_.records_loaded_within)), " ago: ",
        older ? "was UNDETERMINED, would be answered." : "was answered, would be UNDETERMINED."));
    if (older) {
      changes_->Widens(place, text, example);
    } else {
      changes_->Narrows(place, text, example);
    }
  }

  void CompareTell() {
    if (a_.tell == b_.tell) return;
    const bool more = b_.tell > a_.tell;
    const Tell higher = more ? b_.tell : a_.tell;
    const bool why = higher == Tell::kAll;
    const auto name = [](Tell tell) -> absl::string_view {
      return tell == Tell::kAll ? "all" : tell == Tell::kSafe ? "safe" : "nothing";
    };
    const std::string text =
        Line(absl::StrCat("an UNDETERMINED tells ", name(b_.tell), ", told ", name(a_.tell), "."));
    const Example example = Changes::Words(absl::StrCat(
        "\"", b_.id, "\" about ",
        why ? "a person of whom the agency has no record: UNDETERMINED either way; that there is "
              "no record "
            : "a person whose data are too old: UNDETERMINED either way; that they are too old ",
        more ? "was not told, would be." : "was told, would not be."));
    if (more) {
      changes_->Widens(At(".tell"), text, example);
    } else {
      changes_->Narrows(At(".tell"), text, example);
    }
  }

  void CompareObligation(absl::string_view key, absl::string_view answer, const Obligation& a,
                         const Obligation& b) {
    const auto name = [](Do action) -> absl::string_view {
      return action == Do::kAccept                ? "accept"
             : action == Do::kVerifyIndependently ? "verify-independently"
                                                  : "ask-the-person";
    };
    if (a.action != b.action) {
      const Changes::Place place = At(absl::StrCat(".", key, ".do"));
      const std::string text =
          Line(absl::StrCat("on ", answer, ": ", name(b.action), ", was ", name(a.action), "."));
      if (b.action == Do::kAccept) {
        changes_->Widens(place, text,
                         Changes::Words(absl::StrCat("\"", b_.id, "\" is answered ", answer,
                                                     ": could not be relied on alone, would be.")));
      } else if (a.action == Do::kAccept) {
        changes_->Narrows(
            place, text,
            Changes::Words(absl::StrCat("\"", b_.id, "\" is answered ", answer,
                                        ": could be relied on alone, would not be.")));
      } else {
        changes_->CannotTell(place, absl::StrCat(text,
                                                 " Which of the two protects more depends on the "
                                                 "programme."));
      }
    }
    if (a.notice_days != b.notice_days) {
      const Changes::Place place = At(absl::StrCat(".", key, ".notice_days"));
      const std::string text = Line(absl::StrCat("on ", answer, ": ", b.notice_days,
                                                 " days of notice, were ", a.notice_days, "."));
      const bool fewer = b.notice_days < a.notice_days;
      const Example example = Changes::Words(absl::StrCat(
          "A person contests on day ", std::max(a.notice_days, b.notice_days), " after a ", answer,
          ": ", fewer ? "was in time, would not be." : "was too late, would be in time."));
      if (fewer) {
        changes_->Widens(place, text, example);
      } else {
        changes_->Narrows(place, text, example);
      }
    }
  }

  void CompareSay() {
    const auto texts = [](const Question& question) {
      std::map<std::pair<Answer, std::string>, std::string> all;
      for (const Say& say : question.say) all[{say.when, say.language}] = say.text;
      return all;
    };
    const auto before = texts(a_);
    const auto after = texts(b_);
    // Positions: with the list, or the question where it has none.
    const Changes::Place place = {a_.say.empty() ? a_path_ : absl::StrCat(a_path_, ".say"),
                                  b_.say.empty() ? b_path_ : absl::StrCat(b_path_, ".say")};
    const auto what = [&](const std::pair<Answer, std::string>& key) {
      return Line(
          absl::StrCat("what the person is told on ", AnswerName(key.first), " in ", key.second));
    };
    const auto who = [&](const std::pair<Answer, std::string>& key) {
      return absl::StrCat("A person who reads ", key.second, ", after ", AnswerName(key.first),
                          ": ");
    };
    for (const auto& [key, text] : after) {
      const auto was = before.find(key);
      if (was == before.end()) {
        changes_->Narrows(place, what(key) + " is new.",
                          Changes::Words(who(key) + "was told nothing, would be told."));
      } else if (was->second != text) {
        changes_->Worded(place, what(key));
      }
    }
    for (const auto& [key, text] : before) {
      if (after.count(key) > 0) continue;
      changes_->Widens(place, what(key) + " is left out.",
                       Changes::Words(who(key) + "was told, would be told nothing."));
    }
  }

  void CompareStored() {
    if (a_.answer_good_for == b_.answer_good_for) return;
    const bool longer = b_.answer_good_for > a_.answer_good_for;
    const Changes::Place place = At(".answer_good_for");
    const std::string text = Line(absl::StrCat("the asking agency may go by a stored answer for ",
                                               SpanText(b_.answer_good_for), ", was ",
                                               SpanText(a_.answer_good_for), "."));
    const Example example = Changes::Words(absl::StrCat(
        "An answer that is ", SpanText(std::max(a_.answer_good_for, b_.answer_good_for)),
        " old, less a second: ",
        longer ? "had to be asked for again, would be gone by."
               : "was gone by, would have to be asked for again."));
    if (longer) {
      changes_->Widens(place, text, example);
    } else {
      changes_->Narrows(place, text, example);
    }
  }

  const Question& a_;
  const Question& b_;
  const std::string a_path_;
  const std::string b_path_;
  const std::string name_;
  Changes* changes_;
};

}  // namespace

void CompareQuestions(Changes* changes) {
  const Agreement& a = changes->before();
  const Agreement& b = changes->after();
  for (size_t i = 0; i < b.questions.size(); ++i) {
    const Question& is = b.questions[i];
    const Question* was = a.FindQuestion(is.id);
    if (was == nullptr) {
      Example example = changes->AskedAfter();
      example.question = is.id;
      example.parameters = FirstValues(is);
      changes->Widens({"questions", PlaceText("questions", i)},
                      absl::StrCat("Question \"", is.id, "\" is new: YES when ",
                                   ConditionText(is.yes_when), "."),
                      changes->TellAfter(example));
      continue;
    }
    QuestionComparison(*was, static_cast<size_t>(was - a.questions.data()), is, i, changes).Run();
  }
  for (size_t i = 0; i < a.questions.size(); ++i) {
    const Question& was = a.questions[i];
    if (b.FindQuestion(was.id) != nullptr) continue;
    Example example = changes->AskedBefore();
    example.question = was.id;
    example.parameters = FirstValues(was);
    changes->Narrows({PlaceText("questions", i), "questions"},
                     absl::StrCat("Question \"", was.id, "\" may no longer be asked."),
                     changes->TellBefore(example));
  }
}

}  // namespace vouch::policies::diff
