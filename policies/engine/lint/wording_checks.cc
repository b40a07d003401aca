// Rule pack logic, on words: what a question says in prose against what it computes. The condition
// decides; whoever signs reads the prose.
#include <algorithm>
#include <set>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "policies/engine/lint/checks.h"

namespace vouch::policies::lint {
namespace {

bool IsDigit(char c) { return absl::ascii_isdigit(static_cast<unsigned char>(c)) != 0; }

// The digits at `at`, commas between them left out, and where they end.
std::string DigitsAt(absl::string_view text, size_t at, size_t* end) {
  std::string digits;
  while (at < text.size() &&
         (IsDigit(text[at]) ||
          (text[at] == ',' && !digits.empty() && at + 1 < text.size() && IsDigit(text[at + 1])))) {
    if (text[at] != ',') digits.push_back(text[at]);
    ++at;
  }
  *end = at;
  return digits;
}

// What a question's prose names.
struct Named {
  std::set<int64_t> percents;
  std::set<int64_t> tax_years;
  std::set<int64_t> last_days;
  std::set<int64_t> cents;
};

Named NamedIn(absl::string_view ask) {
  const std::string text = absl::AsciiStrToLower(ask);
  Named named;
  for (size_t at = 0; at < text.size(); ++at) {
    if (!IsDigit(text[at]) || (at > 0 && (IsDigit(text[at - 1]) || text[at - 1] == '.'))) continue;
    size_t end = at;
    int64_t number = 0;
    if (!absl::SimpleAtoi(DigitsAt(text, at, &end), &number)) continue;
    const absl::string_view before = absl::string_view(text).substr(0, at);
    absl::string_view after = absl::string_view(text).substr(end);
    if (absl::StartsWith(after, "%") || absl::StartsWith(after, " percent")) {
      named.percents.insert(number);
    }
    if (absl::EndsWith(before, "tax year ")) named.tax_years.insert(number);
    if (absl::EndsWith(before, "last ") && absl::StartsWith(after, " day")) {
      named.last_days.insert(number);
    }
    const bool dollars = absl::EndsWith(before, "$") || absl::StartsWith(after, " dollars");
    if (dollars && number < 100000000000) {
      int64_t cents = 0;
      size_t cents_end = 0;
      if (absl::StartsWith(after, ".") && after.size() >= 3) {
        const std::string digits = DigitsAt(text, end + 1, &cents_end);
        if (digits.size() != 2 || !absl::SimpleAtoi(digits, &cents)) cents = 0;
      }
      named.cents.insert(number * 100 + cents);
    }
    at = end;
  }
  return named;
}

// What its condition compares with; `..._known` says whether all of that kind is there.
struct Compared {
  std::set<int64_t> percents;
  std::set<int64_t> tax_years;
  std::set<int64_t> last_days;
  std::set<int64_t> cents;
  bool money_by_rows = false;
  std::vector<Comparison> comparisons;
};

Compared ComparedBy(const Finder& find, size_t question) {
  Compared compared;
  ForEachLeaf(find.agreement(), question, [&](const Condition& leaf, const std::string&) {
    compared.comparisons.push_back(leaf.comparison);
    if (leaf.threshold.share.has_value()) {
      compared.percents.insert(leaf.threshold.share->percent);
      compared.money_by_rows = true;
    }
    if (!leaf.threshold.rows.empty()) compared.money_by_rows = true;
    if (leaf.period.kind == PeriodRule::Kind::kFixed &&
        leaf.period.fixed.kind == PeriodKind::kTaxYear) {
      compared.tax_years.insert(leaf.period.fixed.number);
    }
    if (leaf.period.kind == PeriodRule::Kind::kLastDays) {
      compared.last_days.insert(leaf.period.days);
    }
    for (const FactValue& value : leaf.threshold.constants) {
      if (value.type == FactType::kMoney) compared.cents.insert(value.number);
    }
  });
  return compared;
}

std::string Listed(const std::set<int64_t>& numbers, bool money) {
  return absl::StrJoin(numbers, ", ", [money](std::string* out, int64_t number) {
    absl::StrAppend(out, money ? AmountText(FactType::kMoney, number) : absl::StrCat(number));
  });
}

class AskCheck {
 public:
  AskCheck(Finder* find, size_t question)
      : find_(find),
        question_(question),
        path_(QuestionPath(question) + ".ask"),
        ask_(absl::AsciiStrToLower(find->agreement().questions[question].ask)),
        named_(NamedIn(ask_)),
        compared_(ComparedBy(*find, question)) {}

  void Run() {
    Hold(named_.percents, compared_.percents, "percent", false);
    Hold(named_.tax_years, compared_.tax_years, "tax year", false);
    Hold(named_.last_days, compared_.last_days, "last days", false);
    if (!compared_.money_by_rows) Hold(named_.cents, compared_.cents, "an amount", true);
    HoldComparison();
    if (find_->agreement().questions[question_].yes_when.kind == Condition::Kind::kLeaf) {
      HoldDirection();
    }
  }

 private:
  // Judged only where prose and condition both name something of the kind.
  void Hold(const std::set<int64_t>& named, const std::set<int64_t>& compared,
            absl::string_view what, bool money) {
    if (named.empty() || compared.empty()) return;
    for (const int64_t number : named) {
      if (compared.count(number) > 0) continue;
      find_->Add(path_,
                 absl::StrCat("the question says ", what, " ", Listed({number}, money),
                              ", but its condition compares with ", Listed(compared, money)),
                 "mend the one that is wrong: the condition decides, people read the question");
    }
  }

  bool Says(std::initializer_list<absl::string_view> phrases) const {
    return std::any_of(phrases.begin(), phrases.end(), [this](absl::string_view phrase) {
      return absl::StrContains(ask_, phrase);
    });
  }

  void HoldComparison() {
    if (compared_.comparisons.size() != 1) return;
    const bool low_included = Says({"at or below", "at most", "or less", "or lower", "or below",
                                    "up to", "no more than", "not more than"});
    const bool high_included = Says({"at or above", "at least", "or more", "or higher", "or above",
                                     "no less than", "not less than"});
    const bool low = Says({"less than", "below", "under "}) && !low_included && !high_included;
    const bool high = Says({"more than", "above", "exceed"}) && !low_included && !high_included;
    const auto report = [this](absl::string_view said, absl::string_view written,
                               absl::string_view mend) {
      find_->Add(path_,
                 absl::StrCat("the question says ", said, ", but its condition is `", written,
                              "`: exactly at the limit the answer is the opposite"),
                 absl::StrCat("write `", mend, "`, or mend the question"));
    };
    switch (compared_.comparisons[0]) {
      case Comparison::kLessThan:
        if (low_included) report("that the limit itself is included", "less_than", "at_most");
        return;
      case Comparison::kMoreThan:
        if (high_included) report("that the limit itself is included", "more_than", "at_least");
        return;
      case Comparison::kAtMost:
        if (low) report("below the limit", "at_most", "less_than");
        return;
      case Comparison::kAtLeast:
        if (high) report("above the limit", "at_least", "more_than");
        return;
      default:
        return;
    }
  }

  // "At or below" beside `at_least`: everybody would get the opposite answer. Judged only where the
  // words point one way.
  void HoldDirection() {
    if (Says({"not ", "n't", "never", "unless"})) return;
    const bool low = Says({"at or below", "at most", "or less", "or lower", "or below",
                           "or younger", "up to", "less than", "below"});
    const bool high = Says({"at or above", "at least", "or more", "or higher", "or above",
                            "or older", "more than", "above", "exceed"});
    if (low == high) return;
    const Comparison written = compared_.comparisons[0];
    const bool from_below = written == Comparison::kAtMost || written == Comparison::kLessThan;
    const bool from_above = written == Comparison::kAtLeast || written == Comparison::kMoreThan;
    if (!(low && from_above) && !(high && from_below)) return;
    find_->Add(path_,
               absl::StrCat("the question asks for a value ", low ? "below" : "above",
                            " the limit, but its condition is `", ComparisonKey(written),
                            "`: everybody gets the opposite answer"),
               "mend the one that is wrong: the condition decides, people read the question");
  }

  Finder* find_;
  size_t question_;
  std::string path_;
  std::string ask_;
  Named named_;
  Compared compared_;
};

void AskDiffers(Finder* find) {
  for (size_t q = 0; q < find->agreement().questions.size(); ++q) AskCheck(find, q).Run();
}

}  // namespace

std::vector<Check> WordingChecks() { return {{"logic/ask-differs", AskDiffers}}; }

}  // namespace vouch::policies::lint
