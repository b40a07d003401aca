#include "policies/engine/lint/disclosure.h"

#include <algorithm>
#include <limits>
#include <map>
#include <set>
#include <tuple>
#include <utility>

#include "absl/numeric/int128.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "policies/engine/lint/thresholds.h"

namespace vouch::policies::lint {
namespace {

constexpr uint64_t kMost = std::numeric_limits<uint64_t>::max();
constexpr absl::Duration kYear = absl::Hours(24 * 366);
constexpr absl::CivilDay kFirstDay(1970, 1, 1);

uint64_t Plus(uint64_t a, uint64_t b) { return a > kMost - b ? kMost : a + b; }
uint64_t Times(uint64_t a, uint64_t b) { return a != 0 && b > kMost / a ? kMost : a * b; }

uint64_t VariantCount(const Question& question) {
  uint64_t count = 1;
  for (const ParameterRule& rule : question.parameters) {
    const uint64_t values = rule.range.has_value()
                                ? static_cast<uint64_t>(rule.range->second - rule.range->first + 1)
                                : rule.codes.size();
    count = Times(count, values);
  }
  return count;
}

// How many different values it can be asked with. Each composition of a group is another.
uint64_t UsableVariants(const Question& question) {
  return question.group_at_most > 0 ? kMost : VariantCount(question);
}

// Everything compared with one fact in one period.
struct Gathered {
  FactDisclosure out;
  std::map<int64_t, Cut> cuts;
  std::set<std::vector<std::string>> codes;  // the code sets of its thresholds
  std::set<bool> truths;
  // Of each agreement: how many variants compare it, and whether a leaf draws two cuts by itself.
  std::map<size_t, std::set<size_t>> questions;
  std::vector<std::pair<int64_t, int64_t>> pairs;  // drawn by one variant
};

using FactKey = std::tuple<std::string, std::string, bool>;

class Gathering {
 public:
  explicit Gathering(const std::vector<AgreedFacts>& agreements) : agreements_(agreements) {}

  void Run() {
    for (size_t a = 0; a < agreements_.size(); ++a) {
      const Agreement& agreement = *agreements_[a].agreement;
      for (size_t q = 0; q < agreement.questions.size(); ++q) {
        agreement_ = a;
        question_ = q;
        Gather(agreement.questions[q].yes_when);
      }
    }
    GatherRelative();
  }

  std::map<FactKey, Gathered>& facts() { return facts_; }
  bool complete() const { return complete_; }

 private:
  const AgreedFacts& Now() const { return agreements_[agreement_]; }

  void Gather(const Condition& condition) {
    for (const Condition& child : condition.children) Gather(child);
    if (condition.kind != Condition::Kind::kLeaf) return;
    GatherLeaf(condition);
    switch (condition.period.kind) {
      case PeriodRule::Kind::kFixed:
        fixed_[condition.fact].emplace(condition.period.text, condition.period);
        return;
      case PeriodRule::Kind::kLatestTaxYear:
      case PeriodRule::Kind::kLastFullMonth:
        relative_.push_back({agreement_, question_, &condition});
        return;
      default:
        return;
    }
  }

  // The latest tax year may be the very year that another question names, and the last month that
  // month: then the thresholds of both are on one value.
  void GatherRelative() {
    for (const Relative& one : relative_) {
      agreement_ = one.agreement;
      question_ = one.question;
      const bool year = one.leaf->period.kind == PeriodRule::Kind::kLatestTaxYear;
      for (const auto& [text, period] : fixed_[one.leaf->fact]) {
        if ((period.fixed.kind == PeriodKind::kTaxYear) != year) continue;
        Condition named = *one.leaf;
        named.period = period;
        GatherLeaf(named);
      }
    }
  }

  void GatherLeaf(const Condition& leaf) {
    const bool last_days = leaf.period.kind == PeriodRule::Kind::kLastDays;
    // Timeless and as-of-today facts have one value whatever the leaf calls its period.
    const bool one_value = last_days || leaf.period.kind == PeriodRule::Kind::kNone ||
                           leaf.period.kind == PeriodRule::Kind::kAsOfToday;
    const std::string period = one_value ? "" : leaf.period.text;
    // Days before the question and days of the calendar are not on one scale.
    const FactKey key(leaf.fact, last_days ? "last days" : period, leaf.sum_over_group);
    Gathered& fact = facts_[key];
    fact.out.fact = leaf.fact;
    fact.out.period = period;
    fact.out.days_before = last_days;
    fact.out.of_group = leaf.sum_over_group;
    const FactDefinition* defined = Now().facts == nullptr ? nullptr : Now().facts->Find(leaf.fact);
    if (defined != nullptr) fact.out.type = defined->type;
    fact.questions[agreement_].insert(question_);
    if (leaf.fact == "age" || last_days) fact.out.moves = true;
    if (last_days) {
      AddCut(&fact, leaf, -leaf.period.days, {});
      AddCut(&fact, leaf, 1, {});
      fact.pairs.emplace_back(-leaf.period.days, 1);
      // What it is held against besides is a threshold like any other.
      Condition fixed = leaf;
      fixed.period = PeriodRule();
      const Threshold& besides = leaf.threshold;
      if (!besides.constants.empty() || !besides.rows.empty()) GatherLeaf(fixed);
      return;
    }
    const Threshold& threshold = leaf.threshold;
    if (threshold.share.has_value()) {
      GatherShare(&fact, leaf);
    } else if (!threshold.rows.empty()) {
      for (const Threshold::Row& row : threshold.rows) {
        GatherValue(&fact, leaf, row.value, row.when);
      }
    } else if (leaf.comparison == Comparison::kBetween && threshold.constants.size() == 2) {
      const int64_t low = threshold.constants[0].number;
      const int64_t high = threshold.constants[1].number;
      AddCut(&fact, leaf, low, {});
      AddCut(&fact, leaf, high + 1, {});
      fact.pairs.emplace_back(low, high + 1);
    } else {
      std::vector<std::string> together;
      for (const FactValue& value : threshold.constants) {
        if (value.type == FactType::kCode || value.type == FactType::kCodeSet) {
          together.insert(together.end(), value.codes.begin(), value.codes.end());
        } else {
          GatherValue(&fact, leaf, value, {});
        }
      }
      if (!together.empty()) fact.codes.insert(together);
    }
  }

  void GatherValue(Gathered* fact, const Condition& leaf, const FactValue& value,
                   const Parameters& when) {
    switch (value.type) {
      case FactType::kCode:
      case FactType::kCodeSet:
        fact->codes.insert(value.codes);
        return;
      case FactType::kYesNo:
        fact->truths.insert(value.number != 0);
        return;
      default:
        break;
    }
    const int64_t at = value.number;
    switch (leaf.comparison) {
      case Comparison::kAtMost:
      case Comparison::kMoreThan:
      case Comparison::kOnOrBefore:
        AddCut(fact, leaf, at + 1, when);
        return;
      case Comparison::kLessThan:
      case Comparison::kAtLeast:
      case Comparison::kOnOrAfter:
        AddCut(fact, leaf, at, when);
        return;
      case Comparison::kIs:
      case Comparison::kIsOneOf:
      case Comparison::kBetween:
        AddCut(fact, leaf, at, when);
        AddCut(fact, leaf, at + 1, when);
        fact->pairs.emplace_back(at, at + 1);
        return;
    }
  }

  // Every amount that the rows of the table give, for every edition that is in force within the
  // term.
  void GatherShare(Gathered* fact, const Condition& leaf) {
    const Threshold::TableShare& share = *leaf.threshold.share;
    const ReferenceTable* table =
        Now().tables == nullptr ? nullptr : Now().tables->Find(share.table);
    if (table == nullptr) return;
    fact->out.type = FactType::kMoney;
    const Agreement& agreement = *Now().agreement;
    const Question& question = agreement.questions[question_];
    const ParameterRule* persons = Rule(question, share, "persons");
    const ParameterRule* region = Rule(question, share, "region");
    if (persons == nullptr || !persons->range.has_value()) return;
    for (size_t e = 0; e < table->editions.size(); ++e) {
      const ReferenceTable::Edition& edition = table->editions[e];
      if (share.edition == "in-force") {
        const bool later = edition.effective > agreement.expires;
        const bool replaced = e + 1 < table->editions.size() &&
                              table->editions[e + 1].effective <= agreement.effective;
        if (later || replaced) continue;
      } else if (edition.year != share.edition) {
        continue;
      }
      for (const ReferenceTable::Row& row : edition.rows) {
        if (region != nullptr && std::find(region->codes.begin(), region->codes.end(),
                                           row.region) == region->codes.end()) {
          continue;
        }
        for (int64_t n = persons->range->first; n <= persons->range->second; ++n) {
          if (!complete_) return;
          Parameters when = {{persons->name, n}};
          if (region != nullptr) when[region->name] = row.region;
          const absl::int128 wide =
              absl::int128(row.first_person) + absl::int128(row.each_more) * (n - 1);
          if (wide > absl::int128(1000000000000000) || n < 1) continue;
          const int64_t amount = static_cast<int64_t>(wide);
          const bool above =
              leaf.comparison == Comparison::kAtMost || leaf.comparison == Comparison::kMoreThan;
          AddCut(fact, leaf,
                 above ? FirstAbove(amount, share.percent) : FirstAtOrAbove(amount, share.percent),
                 when);
        }
      }
    }
  }

  static const ParameterRule* Rule(const Question& question, const Threshold::TableShare& share,
                                   const std::string& dimension) {
    const auto named = share.row.find(dimension);
    if (named == share.row.end()) return nullptr;
    for (const ParameterRule& rule : question.parameters) {
      if (rule.name == named->second) return &rule;
    }
    return nullptr;
  }

  void AddCut(Gathered* fact, const Condition& leaf, int64_t at, const Parameters& when) {
    if (gone_through_ >= kMostCuts) {
      complete_ = false;
      return;
    }
    ++gone_through_;
    if (fact->cuts.count(at) > 0) return;
    Cut cut;
    cut.at = at;
    cut.agreement = agreement_;
    cut.question = question_;
    cut.parameters = when;
    cut.position = leaf.position;
    fact->cuts.emplace(at, std::move(cut));
  }

  struct Relative {
    size_t agreement = 0;
    size_t question = 0;
    const Condition* leaf = nullptr;
  };

  const std::vector<AgreedFacts>& agreements_;
  std::map<FactKey, Gathered> facts_;
  std::map<std::string, std::map<std::string, PeriodRule>> fixed_;  // by fact, then as written
  std::vector<Relative> relative_;
  size_t agreement_ = 0;
  size_t question_ = 0;
  size_t gone_through_ = 0;
  bool complete_ = true;
};

// Classes of codes that no threshold tells apart. A set of codes may hold any of them, so there
// each threshold can be so or not by itself.
uint64_t CodeClasses(const Gathered& fact, const FactDefinition* defined) {
  if (fact.out.type == FactType::kCodeSet) return BandsToldApart(fact.codes.size(), kMost);
  std::set<std::string> all;
  if (defined != nullptr) all.insert(defined->codes.begin(), defined->codes.end());
  for (const auto& codes : fact.codes) all.insert(codes.begin(), codes.end());
  std::set<std::vector<bool>> signatures;
  for (const std::string& code : all) {
    std::vector<bool> signature;
    for (const auto& codes : fact.codes) {
      signature.push_back(std::find(codes.begin(), codes.end(), code) != codes.end());
    }
    signatures.insert(std::move(signature));
  }
  return std::max<uint64_t>(1, signatures.size());
}

// The limits of one agreement, whatever its revisions: charges go by its id.
struct SharedLimits {
  CountLimit times_asked;
  CountLimit different_values;
  std::set<size_t> agreements;
};

bool Wider(const CountLimit& a, const CountLimit& b, absl::Duration term) {
  return UsableWithin(a, term) > UsableWithin(b, term);
}

class Measuring {
 public:
  Measuring(const std::vector<AgreedFacts>& agreements, Gathering* gathering)
      : agreements_(agreements), gathering_(*gathering) {}

  Disclosure Run() {
    FindSpans();
    FindLimits();
    out_.complete = gathering_.complete();
    uint64_t combinations = 1;
    for (auto& [key, gathered] : gathering_.facts()) {
      out_.facts.push_back(Measure(&gathered));
      const uint64_t classes = out_.facts.back().moves ? kMost : out_.facts.back().classes;
      combinations = Times(combinations, classes);
    }
    std::map<size_t, uint64_t> variants;
    for (size_t a = 0; a < agreements_.size(); ++a) {
      for (const Question& question : agreements_[a].agreement->questions) {
        variants[a] = Plus(variants[a], UsableVariants(question));
        out_.variants = Plus(out_.variants, VariantCount(question));
      }
    }
    const auto all = [&](absl::Duration over) {
      return LearnedWithin(over, variants, combinations, nullptr, false);
    };
    out_.all = {all(window_), all(std::min(kYear, term_)), all(term_)};
    MeasureGuesses();
    MeasureGroups();
    return std::move(out_);
  }

 private:
  void FindSpans() {
    absl::Time first = absl::InfiniteFuture();
    absl::Time last = absl::InfinitePast();
    window_ = absl::InfiniteDuration();
    for (const AgreedFacts& one : agreements_) {
      first = std::min(first, one.agreement->effective_from);
      last = std::max(last, one.agreement->expires_at);
      window_ = std::min(window_, one.agreement->limits.different_values.every);
    }
    term_ = agreements_.empty() || last < first ? absl::ZeroDuration() : last - first;
    window_ = std::min(window_, term_);
  }

  void FindLimits() {
    for (size_t a = 0; a < agreements_.size(); ++a) {
      const Agreement& agreement = *agreements_[a].agreement;
      SharedLimits& shared = limits_[agreement.id];
      const Limits& limits = agreement.limits;
      if (shared.agreements.empty() || Wider(limits.times_asked, shared.times_asked, term_)) {
        shared.times_asked = limits.times_asked;
      }
      if (shared.agreements.empty() ||
          Wider(limits.different_values, shared.different_values, term_)) {
        shared.different_values = limits.different_values;
      }
      shared.agreements.insert(a);
      out_.askers = std::max(out_.askers, agreement.asks.size());
    }
  }

  // `variants`: of each agreement, those that count here. `cap`: the fact's own limit across
  // agreements, or nullptr.
  Learned LearnedWithin(absl::Duration over, const std::map<size_t, uint64_t>& variants,
                        uint64_t classes, const CountLimit* cap, bool moves) const {
    Learned learned;
    learned.over = over;
    for (const auto& [id, shared] : limits_) {
      uint64_t own = 0;
      for (const auto& [agreement, count] : variants) {
        if (shared.agreements.count(agreement) > 0) own = Plus(own, count);
      }
      if (own == 0) continue;
      const uint64_t answers = UsableWithin(shared.times_asked, over);
      learned.answers = Plus(learned.answers, answers);
      learned.values = Plus(learned.values,
                            std::min({own, answers, UsableWithin(shared.different_values, over)}));
    }
    if (cap != nullptr) learned.values = std::min(learned.values, UsableWithin(*cap, over));
    learned.bands = BandsToldApart(moves ? learned.answers : learned.values, classes);
    return learned;
  }

  FactDisclosure Measure(Gathered* gathered) {
    FactDisclosure out = std::move(gathered->out);
    std::map<size_t, uint64_t> variants;
    const FactDefinition* defined = nullptr;
    const CountLimit* cap = nullptr;
    for (const auto& [a, questions] : gathered->questions) {
      for (const size_t q : questions) {
        const Question& question = agreements_[a].agreement->questions[q];
        variants[a] = Plus(variants[a], UsableVariants(question));
        out.variants = Plus(out.variants, VariantCount(question));
      }
      if (agreements_[a].facts == nullptr) continue;
      const FactDefinition* here = agreements_[a].facts->Find(out.fact);
      if (here != nullptr) defined = here;
      if (here != nullptr && here->different_values.has_value()) cap = &*here->different_values;
    }
    for (auto& [at, cut] : gathered->cuts) out.cuts.push_back(std::move(cut));
    if (out.of_group) {
      out.classes = kMost;
    } else if (!gathered->codes.empty()) {
      out.classes = CodeClasses(*gathered, defined);
    } else if (!gathered->truths.empty()) {
      out.classes = 2;
    } else {
      out.classes = out.cuts.size() + 1;
    }
    const auto learned = [&](absl::Duration over) {
      uint64_t classes = out.classes;
      if (out.moves && !out.of_group) {
        // Each day the cuts lie elsewhere.
        const auto days = static_cast<uint64_t>(absl::ToInt64Hours(over) / 24 + 1);
        classes = Plus(Times(out.cuts.size(), days), 1);
      }
      return LearnedWithin(over, variants, classes, cap, out.moves);
    };
    out.learned = {learned(window_), learned(std::min(kYear, term_)), learned(term_)};
    FindBracket(*gathered, &out);
    return out;
  }

  static void FindBracket(const Gathered& gathered, FactDisclosure* out) {
    for (size_t i = 1; i < out->cuts.size(); ++i) {
      Bracket bracket;
      bracket.low = out->cuts[i - 1];
      bracket.high = out->cuts[i];
      if (out->narrowest.has_value() && out->narrowest->width() <= bracket.width()) continue;
      out->narrowest = std::move(bracket);
    }
    if (!out->narrowest.has_value()) return;
    const std::pair<int64_t, int64_t> ends(out->narrowest->low.at, out->narrowest->high.at);
    if (std::find(gathered.pairs.begin(), gathered.pairs.end(), ends) != gathered.pairs.end()) {
      out->narrowest->values_needed = 1;
    }
    const Learned& term = out->learned.term;
    out->bracket_reachable =
        (out->moves ? term.answers : term.values) >= out->narrowest->values_needed;
  }

  void MeasureGuesses() {
    for (const auto& [id, shared] : limits_) {
      uint64_t most = 0;
      for (const size_t a : shared.agreements) {
        const Limits& limits = agreements_[a].agreement->limits;
        most = std::max(most, std::min(UsableWithin(limits.new_people, absl::Hours(24)),
                                       UsableWithin(limits.whole_agreement, absl::Hours(24))));
      }
      out_.guesses_a_day = Plus(out_.guesses_a_day, most);
    }
  }

  void MeasureGroups() {
    GroupDisclosure groups;
    std::set<std::string> with_groups;
    for (const AgreedFacts& one : agreements_) {
      for (const Question& question : one.agreement->questions) {
        if (question.group_at_most == 0) continue;
        ++groups.questions;
        groups.at_most = std::max(groups.at_most, question.group_at_most);
        with_groups.insert(one.agreement->id);
      }
    }
    if (groups.questions == 0) return;
    groups.window = absl::InfiniteDuration();
    for (const std::string& id : with_groups) {
      groups.window = std::min(groups.window, limits_.at(id).different_values.every);
    }
    groups.window = std::min(groups.window, term_);
    for (const std::string& id : with_groups) {
      const SharedLimits& shared = limits_.at(id);
      groups.groups =
          Plus(groups.groups, std::min(UsableWithin(shared.times_asked, groups.window),
                                       UsableWithin(shared.different_values, groups.window)));
    }
    groups.outcomes = BandsToldApart(groups.groups, kMost);
    for (const FactDisclosure& fact : out_.facts) groups.sums = groups.sums || fact.of_group;
    out_.groups = groups;
  }

  const std::vector<AgreedFacts>& agreements_;
  Gathering& gathering_;
  Disclosure out_;
  absl::Duration term_;
  absl::Duration window_;
  std::map<std::string, SharedLimits> limits_;
};

}  // namespace

Disclosure MeasureDisclosure(const std::vector<AgreedFacts>& agreements) {
  Gathering gathering(agreements);
  gathering.Run();
  return Measuring(agreements, &gathering).Run();
}

uint64_t BandsToldApart(uint64_t values, uint64_t classes) {
  return values >= 64 ? classes : std::min(uint64_t{1} << values, classes);
}

uint64_t UsableWithin(const CountLimit& limit, absl::Duration over) {
  const auto count = static_cast<uint64_t>(std::max<int64_t>(0, limit.count));
  if (over <= absl::ZeroDuration()) return 0;
  if (limit.every == absl::InfiniteDuration()) return count;
  if (limit.every <= absl::ZeroDuration() || over == absl::InfiniteDuration()) return kMost;
  absl::Duration rest;
  const int64_t whole = absl::IDivDuration(over, limit.every, &rest);
  const uint64_t windows = static_cast<uint64_t>(whole) + (rest > absl::ZeroDuration() ? 1 : 0);
  return Times(count, windows);
}

std::string VariantName(const Question& question, const Parameters& parameters) {
  std::string name = absl::StrCat("`", question.id, "`");
  for (const auto& [parameter, value] : parameters) {
    absl::StrAppend(&name, ", ", parameter, " ");
    if (absl::holds_alternative<int64_t>(value)) {
      absl::StrAppend(&name, absl::get<int64_t>(value));
    } else {
      absl::StrAppend(&name, absl::get<std::string>(value));
    }
  }
  return name;
}

std::string AmountText(FactType type, int64_t amount) {
  if (type == FactType::kDate) return absl::FormatCivilTime(kFirstDay + amount);
  if (type != FactType::kMoney) return absl::StrCat(amount);
  const bool negative = amount < 0;
  const uint64_t cents =
      negative ? 0 - static_cast<uint64_t>(amount) : static_cast<uint64_t>(amount);
  std::string dollars = absl::StrCat(cents / 100);
  for (size_t at = dollars.size(); at > 3; at -= 3) dollars.insert(at - 3, ",");
  return absl::StrFormat("%s$%s.%02d", negative ? "-" : "", dollars, cents % 100);
}

std::string SpanText(absl::Duration span) {
  if (span == absl::InfiniteDuration()) return "the whole agreement";
  const int64_t hours = absl::ToInt64Hours(span);
  const auto many = [](int64_t n, absl::string_view unit) {
    return absl::StrCat(n, " ", unit, n == 1 ? "" : "s");
  };
  if (hours % 24 != 0) return many(hours, "hour");
  const int64_t days = hours / 24;
  if (days > 0 && days % 366 == 0) return many(days / 366, "year");
  return many(days, "day");
}

}  // namespace vouch::policies::lint
