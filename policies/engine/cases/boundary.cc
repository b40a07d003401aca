#include "policies/engine/cases/boundary.h"

#include <algorithm>
#include <set>
#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_replace.h"
#include "policies/engine/question.h"

namespace vouch::policies::cases {
namespace {

// Assignments of the other facts that are tried until the fact at hand decides.
constexpr size_t kMostAssignments = 2000;
constexpr size_t kMostCodes = 6;  // of a list, that get a case each

struct Candidate {
  FactValue value;
  std::string words;  // "one cent above $45,000.00"
};

FactValue NumberOf(FactType type, int64_t number) {
  FactValue value;
  value.type = type;
  value.number = number;
  return value;
}

FactValue CodesOf(FactType type, std::vector<std::string> codes) {
  FactValue value;
  value.type = type;
  value.codes = std::move(codes);
  return value;
}

void Leaves(const Condition& condition, std::vector<const Condition*>* leaves) {
  if (condition.kind == Condition::Kind::kLeaf) leaves->push_back(&condition);
  for (const Condition& child : condition.children) Leaves(child, leaves);
}

// Three values around a number.
void AddAround(FactType type, int64_t edge, std::vector<Candidate>* out) {
  const std::string at = ValueText(NumberOf(type, edge));
  const absl::string_view unit = type == FactType::kMoney  ? "one cent "
                                 : type == FactType::kDate ? "one day "
                                                           : "one ";
  const bool day = type == FactType::kDate;
  out->push_back({NumberOf(type, edge - 1), absl::StrCat(unit, day ? "before " : "below ", at)});
  out->push_back({NumberOf(type, edge), absl::StrCat(day ? "on " : "exactly ", at)});
  out->push_back({NumberOf(type, edge + 1), absl::StrCat(unit, day ? "after " : "above ", at)});
}

class Generator {
 public:
  Generator(const std::shared_ptr<const Catalog>& catalog, const HeldAgreement& held)
      : catalog_(catalog), held_(held), agreement_(held.agreement) {}

  Generation Run() {
    for (const Question& question : agreement_.questions) {
      if (question.group_at_most > 0) {
        generation_.notes.push_back(
            absl::StrCat(question.id, ": about a group, whose cases people write"));
        continue;
      }
      OfQuestion(question);
    }
    return std::move(generation_);
  }

 private:
  using Assignment = std::vector<absl::optional<FactValue>>;  // one for each slot

  // Values around the leaf's thresholds.
  std::vector<Candidate> CandidatesOf(const Condition& leaf, const Parameters& parameters) const {
    std::vector<Candidate> out;
    const bool age = leaf.fact == "age";
    const FactDefinition* fact = held_.facts.Find(age ? "date_of_birth" : leaf.fact);
    if (fact == nullptr) return out;
    const Threshold& threshold = leaf.threshold;
    std::vector<FactValue> edges = threshold.constants;
    for (const Threshold::Row& row : threshold.rows) {
      if (std::all_of(row.when.begin(), row.when.end(), [&](const auto& entry) {
            const auto given = parameters.find(entry.first);
            return given != parameters.end() && given->second == entry.second;
          })) {
        edges.push_back(row.value);
      }
    }
    if (threshold.share.has_value()) {
      const absl::optional<int64_t> limit =
          ShareLimit(*threshold.share, parameters, catalog_->tables(), on_);
      if (limit.has_value()) edges.push_back(NumberOf(FactType::kMoney, *limit));
    }
    if (age) {
      for (const FactValue& edge : edges) AddAges(edge.number, &out);
      return out;
    }
    if (leaf.period.kind == PeriodRule::Kind::kLastDays) {
      const int64_t today = ValueOfDay(on_);
      AddDay(today - leaf.period.days - 1, "one day too long ago", &out);
      AddDay(today - leaf.period.days, "the first day of the period", &out);
      AddDay(today, "that day", &out);
      AddDay(today + 1, "the day after", &out);
    }
    switch (fact->type) {
      case FactType::kMoney:
      case FactType::kWholeNumber:
      case FactType::kDate:
        for (const FactValue& edge : edges) AddAround(fact->type, edge.number, &out);
        break;
      case FactType::kYesNo:
        out.push_back({NumberOf(FactType::kYesNo, 1), "yes"});
        out.push_back({NumberOf(FactType::kYesNo, 0), "no"});
        break;
      case FactType::kCode:
      case FactType::kCodeSet:
        AddCodes(*fact, edges, &out);
        break;
    }
    return out;
  }

  static void AddDay(int64_t day, std::string words, std::vector<Candidate>* out) {
    out->push_back({NumberOf(FactType::kDate, day), std::move(words)});
  }

  void AddAges(int64_t years, std::vector<Candidate>* out) const {
    const absl::CivilDay birthday(on_.year() - years, on_.month(), on_.day());
    const absl::CivilDay next(on_.year() - years - 1, on_.month(), on_.day());
    AddDay(ValueOfDay(birthday + 1), absl::StrCat("one day before turning ", years), out);
    AddDay(ValueOfDay(birthday), absl::StrCat("turning ", years, " that day"), out);
    AddDay(ValueOfDay(next + 1), absl::StrCat("the last day of being ", years), out);
    AddDay(ValueOfDay(next), absl::StrCat("turning ", years + 1, " that day"), out);
  }

  static void AddCodes(const FactDefinition& fact, const std::vector<FactValue>& edges,
                       std::vector<Candidate>* out) {
    std::vector<std::string> listed;
    for (const FactValue& edge : edges) {
      listed.insert(listed.end(), edge.codes.begin(), edge.codes.end());
    }
    for (size_t i = 0; i < listed.size() && i < kMostCodes; ++i) {
      out->push_back({CodesOf(fact.type, {listed[i]}), listed[i]});
    }
    size_t others = 0;
    for (const std::string& code : fact.codes) {
      if (std::find(listed.begin(), listed.end(), code) != listed.end()) continue;
      out->push_back({CodesOf(fact.type, {code}), code});
      // Of a short list all; of a long one some.
      if (++others >= kMostCodes) break;
    }
  }

  // Combinations of the parameters a threshold goes by; all others stand at their first value.
  std::vector<Parameters> Combinations(const Question& question, const Condition& leaf) {
    std::set<std::string> relevant;
    for (const Threshold::Row& row : leaf.threshold.rows) {
      for (const auto& entry : row.when) relevant.insert(entry.first);
    }
    if (leaf.threshold.share.has_value()) {
      for (const auto& entry : leaf.threshold.share->row) relevant.insert(entry.second);
    }
    const bool rows = !leaf.threshold.rows.empty();
    const size_t most = rows ? kMostRowCombinations : kMostShareCombinations;
    std::vector<Parameters> all = {{}};
    size_t whole = 1;
    for (const ParameterRule& rule : question.parameters) {
      std::vector<ParameterValue> values = ValuesOf(rule);
      if (relevant.count(rule.name) == 0) {
        values.resize(1);
      } else {
        whole *= values.size();
        if (!rows && rule.range.has_value() && values.size() > 2) {
          values = {values.front(), values.back()};
        }
      }
      std::vector<Parameters> next;
      for (const Parameters& before : all) {
        for (const ParameterValue& value : values) {
          if (next.size() >= most) break;
          Parameters with = before;
          with[rule.name] = value;
          next.push_back(std::move(with));
        }
      }
      all = std::move(next);
    }
    if (all.size() < whole) {
      generation_.notes.push_back(absl::StrCat(question.id, ", ", leaf.fact, ": ", all.size(),
                                               " of ", whole, " combinations of parameter values"));
    }
    return all;
  }

  static std::vector<ParameterValue> ValuesOf(const ParameterRule& rule) {
    std::vector<ParameterValue> values;
    if (rule.range.has_value()) {
      for (int64_t i = rule.range->first; i <= rule.range->second; ++i) values.emplace_back(i);
    } else {
      for (const std::string& code : rule.codes) values.emplace_back(code);
    }
    return values;
  }

  static Parameters FirstOf(const Question& question) {
    Parameters first;
    for (const ParameterRule& rule : question.parameters) first[rule.name] = ValuesOf(rule)[0];
    return first;
  }

  Answer Ask(const Question& question, const Parameters& parameters,
             const Assignment& assignment) const {
    SupposedFacts facts;
    for (size_t i = 0; i < slots_.size(); ++i) {
      if (assignment[i].has_value()) facts.Hold(slots_[i].fact, slots_[i].period, *assignment[i]);
    }
    return EvaluateQuestion(question, parameters, facts, catalog_->tables(), on_);
  }

  size_t SlotOf(const Condition& leaf) const {
    const std::vector<Slot> own = SlotsOf(leaf, held_.facts, on_);
    for (size_t i = 0; i < slots_.size() && !own.empty(); ++i) {
      if (slots_[i].fact == own[0].fact && slots_[i].period == own[0].period) return i;
    }
    return slots_.size();
  }

  // What the other facts have to be for the candidates of one to make the most difference.
  Assignment Deciding(const Question& question, const Parameters& parameters, size_t target,
                      const std::vector<Candidate>& candidates,
                      const std::vector<std::vector<Candidate>>& pools) const {
    std::vector<size_t> choice(slots_.size(), 0);
    Assignment best(slots_.size());
    int best_score = -1;
    for (size_t tried = 0; tried < kMostAssignments; ++tried) {
      Assignment now(slots_.size());
      for (size_t i = 0; i < slots_.size(); ++i) {
        if (i != target && choice[i] < pools[i].size()) now[i] = pools[i][choice[i]].value;
      }
      std::set<Answer> answers;
      for (const Candidate& candidate : candidates) {
        now[target] = candidate.value;
        answers.insert(Ask(question, parameters, now));
      }
      const int score =
          static_cast<int>(2 * answers.count(Answer::kYes) + 2 * answers.count(Answer::kNo));
      if (score > best_score) {
        best_score = score;
        best = now;
      }
      if (best_score == 4) break;
      size_t i = 0;
      for (; i < slots_.size(); ++i) {
        if (i == target) continue;
        if (++choice[i] <= pools[i].size()) break;  // the size itself stands for "not held"
        choice[i] = 0;
      }
      if (i == slots_.size()) break;
    }
    return best;
  }

  void OfQuestion(const Question& question) {
    on_ = agreement_.effective;
    slots_ = SlotsOf(question.yes_when, held_.facts, on_);
    std::vector<const Condition*> leaves;
    Leaves(question.yes_when, &leaves);
    const Parameters first = FirstOf(question);
    std::vector<std::vector<Candidate>> pools(slots_.size());
    for (const Condition* leaf : leaves) {
      const size_t slot = SlotOf(*leaf);
      if (slot >= slots_.size()) continue;
      for (Candidate& candidate : CandidatesOf(*leaf, first)) {
        pools[slot].push_back(std::move(candidate));
      }
    }
    base_ = Assignment(slots_.size());
    bool base_found = false;
    for (const Condition* leaf : leaves) {
      const size_t slot = SlotOf(*leaf);
      if (slot >= slots_.size()) continue;
      for (const Parameters& parameters : Combinations(question, *leaf)) {
        const std::vector<Candidate> candidates = CandidatesOf(*leaf, parameters);
        Assignment assignment = Deciding(question, parameters, slot, candidates, pools);
        for (const Candidate& candidate : candidates) {
          assignment[slot] = candidate.value;
          if (!base_found && Ask(question, first, assignment) == Answer::kYes) {
            base_ = assignment;
            base_found = true;
          }
          Case one = Asking(question, parameters, assignment);
          one.name = absl::StrCat(question.id, ": ", slots_[slot].fact, " ", candidate.words,
                                  Given(leaf->threshold, parameters));
          Add(std::move(one));
        }
      }
    }
    NotHeld(question, first);
    Days(question, first);
    Listed(question, first);
    Limits(question, first);
  }

  static std::string Given(const Threshold& threshold, const Parameters& parameters) {
    if (threshold.rows.empty() && !threshold.share.has_value()) return "";
    return absl::StrCat(", ", absl::StrReplaceAll(ParametersText(parameters), {{"\"", ""}}));
  }

  Case Asking(const Question& question, const Parameters& parameters,
              const Assignment& assignment) const {
    Case one;
    one.on = "first day";
    one.question = question.id;
    one.parameters = Written(parameters);
    for (size_t i = 0; i < slots_.size(); ++i) {
      if (!assignment[i].has_value()) continue;
      WrittenFact fact;
      fact.name = slots_[i].fact;
      const bool several = std::count_if(slots_.begin(), slots_.end(), [&](const Slot& slot) {
                             return slot.fact == slots_[i].fact;
                           }) > 1;
      if (several) fact.period = PeriodName(slots_[i].period);
      fact.value = WrittenOf(*assignment[i]);
      one.facts.push_back(std::move(fact));
    }
    return one;
  }

  static std::vector<std::pair<std::string, WrittenValue>> Written(const Parameters& parameters) {
    std::vector<std::pair<std::string, WrittenValue>> written;
    for (const auto& [name, value] : parameters) {
      WrittenValue one;
      if (absl::holds_alternative<int64_t>(value)) {
        one.kind = WrittenValue::Kind::kNumber;
        one.number = absl::get<int64_t>(value);
      } else {
        one.text = absl::get<std::string>(value);
      }
      written.emplace_back(name, std::move(one));
    }
    return written;
  }

  WrittenValue WrittenOf(const FactValue& value) const {
    WrittenValue written;
    switch (value.type) {
      case FactType::kMoney:
        written.text = MoneyText(value.number);
        break;
      case FactType::kDate:
        written.text = NearDayText(DayOfValue(value.number), on_);
        break;
      case FactType::kWholeNumber:
        written.kind = WrittenValue::Kind::kNumber;
        written.number = value.number;
        break;
      case FactType::kYesNo:
        written.kind = WrittenValue::Kind::kYesNo;
        written.number = value.number;
        break;
      case FactType::kCode:
        written.text = value.codes.empty() ? "" : value.codes[0];
        break;
      case FactType::kCodeSet:
        written.kind = WrittenValue::Kind::kList;
        written.list = value.codes;
        break;
    }
    return written;
  }

  // With what comes out of it; a case that cannot be asked is a mistake of this program's, and is
  // left out with a note.
  void Add(Case one) {
    for (int again = 2; !names_.insert(one.name).second; ++again) {
      one.name = absl::StrCat(one.name, " (", again, ")");
    }
    one.generated = true;
    // Names that are not listed are what some of these are about: any refusal is allowed for now.
    std::vector<Finding> findings;
    absl::optional<Supposition> supposed = Suppose(one, "", held_, &findings);
    if (!supposed.has_value()) {
      generation_.notes.push_back(absl::StrCat("left out: ", one.name));
      return;
    }
    const Simulation simulation = Simulate(catalog_, held_, *supposed);
    one.refused = simulation.refused;
    one.answer.reset();
    if (!simulation.refused.has_value()) {
      one.answer = simulation.answer;
      if (simulation.because != UndeterminedReason::kNotTold) one.because = simulation.because;
      if (simulation.obligation.has_value()) one.action = simulation.obligation->action;
    }
    generation_.cases.push_back(std::move(one));
  }

  void NotHeld(const Question& question, const Parameters& first) {
    for (size_t i = 0; i < slots_.size(); ++i) {
      Assignment without = base_;
      without[i].reset();
      Case one = Asking(question, first, without);
      one.name = absl::StrCat(question.id, ": ", slots_[i].fact, " not held");
      Add(std::move(one));
    }
    Case nobody = Asking(question, first, Assignment(slots_.size()));
    nobody.name = absl::StrCat(question.id, ": nobody found");
    nobody.person = Person::kUnknown;
    Add(std::move(nobody));
    if (question.records_loaded_within == absl::InfiniteDuration()) return;
    const int64_t days = absl::ToInt64Hours(question.records_loaded_within) / 24;
    for (const int64_t ago : {days, days + 1}) {
      Case loaded = Asking(question, first, base_);
      loaded.name = absl::StrCat(question.id, ": records loaded ", ago, " days before");
      loaded.records_loaded = absl::StrCat(ago, ago == 1 ? " day before" : " days before");
      Add(std::move(loaded));
    }
  }

  void Days(const Question& question, const Parameters& first) {
    for (const char* on :
         {"day before the first day", "first day", "last day", "day after the last day"}) {
      Case one = Asking(question, first, base_);
      one.name = absl::StrCat(question.id, ": asked on the ", on);
      one.on = on;
      if (absl::StartsWith(on, "day ")) one.refused = Refused::kNotInForce;
      Add(std::move(one));
    }
  }

  void Listed(const Question& question, const Parameters& first) {
    for (const ParameterRule& rule : question.parameters) {
      const std::vector<ParameterValue> values = ValuesOf(rule);
      std::vector<std::pair<std::string, ParameterValue>> tries = {{"the first", values.front()},
                                                                   {"the last", values.back()}};
      if (rule.range.has_value()) {
        if (rule.range->first > 0) tries.push_back({"one below the first", rule.range->first - 1});
        tries.push_back({"one beyond the last", rule.range->second + 1});
      } else {
        tries.push_back({"one that is not listed", std::string("not-listed")});
      }
      for (const auto& [words, value] : tries) {
        Parameters parameters = first;
        parameters[rule.name] = value;
        Case one = Asking(question, parameters, base_);
        one.name = absl::StrCat(question.id, ": ", rule.name, " is ", words);
        Add(std::move(one));
      }
    }
    Case purpose = Asking(question, first, base_);
    purpose.name = absl::StrCat(question.id, ": for a purpose that is not listed");
    purpose.purpose = "a-purpose-that-is-not-listed";
    purpose.refused = Refused::kPurposeNotListed;
    Add(std::move(purpose));
    Case party = Asking(question, first, base_);
    party.name = absl::StrCat(question.id, ": asked by an agency that is no party");
    party.asker = "no-party.example";
    party.refused = Refused::kNotAParty;
    Add(std::move(party));
    if (!agreement_.consent_required) return;
    Case consent = Asking(question, first, base_);
    consent.name = absl::StrCat(question.id, ": without a consent reference");
    consent.consent = false;
    Add(std::move(consent));
  }

  void Limits(const Question& question, const Parameters& first) {
    const int64_t count = agreement_.limits.times_asked.count;
    if (count >= 1 && count <= 100000) {
      for (const int64_t before : {count - 1, count}) {
        Case one = Asking(question, first, base_);
        one.name = absl::StrCat(question.id, ": asked ", before, " times before on the same day");
        if (before > 0) {
          EarlierAsks earlier;
          earlier.on = "that day";
          earlier.times = before;
          one.asked_before.push_back(std::move(earlier));
        }
        Add(std::move(one));
      }
    }
    SlidingWindow(question, first);
    DifferentValues(question, first);
  }

  // As often as is allowed: under another spelling, and at both ends of the window.
  void SlidingWindow(const Question& question, const Parameters& first) {
    const CountLimit& limit = agreement_.limits.times_asked;
    if (limit.count < 1 || limit.count > 100000) return;
    EarlierAsks earlier;
    earlier.on = "that day";
    earlier.times = limit.count;
    earlier.spelt_otherwise = true;
    Case spelling = Asking(question, first, base_);
    spelling.name =
        absl::StrCat(question.id, ": asked ", limit.count, " times before under another spelling");
    spelling.asked_before.push_back(earlier);
    Add(std::move(spelling));
    if (limit.every == absl::InfiniteDuration()) return;
    earlier.spelt_otherwise = false;
    const int64_t days = absl::ToInt64Hours(limit.every) / 24;
    for (const int64_t ago : {days - 1, days}) {
      if (ago < 1) continue;
      earlier.on = absl::StrCat(ago, ago == 1 ? " day before" : " days before");
      Case one = Asking(question, first, base_);
      one.name = absl::StrCat(question.id, ": asked ", limit.count, " times, ", earlier.on);
      one.asked_before.push_back(earlier);
      Add(std::move(one));
    }
  }

  // As many other values as are allowed, each asked once.
  void DifferentValues(const Question& question, const Parameters& first) {
    constexpr int64_t kMost = 12;
    const int64_t count = agreement_.limits.different_values.count;
    if (count < 1 || count > kMost) return;
    std::vector<EarlierAsks> others;
    for (const Question& other : agreement_.questions) {
      if (other.group_at_most > 0) continue;
      std::vector<Parameters> variants = {FirstOf(other)};
      for (const ParameterRule& rule : other.parameters) {
        for (const ParameterValue& value : ValuesOf(rule)) {
          Parameters with = FirstOf(other);
          with[rule.name] = value;
          if (std::find(variants.begin(), variants.end(), with) == variants.end()) {
            variants.push_back(std::move(with));
          }
        }
      }
      for (const Parameters& variant : variants) {
        if (other.id == question.id && variant == first) continue;
        EarlierAsks earlier;
        earlier.on = "that day";
        if (other.id != question.id) earlier.question = other.id;
        if (other.id == question.id || !variant.empty()) earlier.parameters = Written(variant);
        others.push_back(std::move(earlier));
      }
    }
    for (const int64_t before : {count - 1, count}) {
      if (before < 1 || static_cast<size_t>(before) > others.size()) continue;
      Case one = Asking(question, first, base_);
      one.name = absl::StrCat(question.id, ": asked with ", before,
                              before == 1 ? " other value before" : " other values before");
      one.asked_before.assign(others.begin(), others.begin() + static_cast<std::ptrdiff_t>(before));
      Add(std::move(one));
    }
  }

  const std::shared_ptr<const Catalog>& catalog_;
  const HeldAgreement& held_;
  const Agreement& agreement_;
  Generation generation_;
  std::set<std::string> names_;
  // Of the question at hand.
  absl::CivilDay on_;
  std::vector<Slot> slots_;
  Assignment base_;  // facts that make it YES with the first parameter values, where there are any
};

}  // namespace

Generation GenerateCases(const std::shared_ptr<const Catalog>& catalog, const HeldAgreement& held) {
  return Generator(catalog, held).Run();
}

}  // namespace vouch::policies::cases
