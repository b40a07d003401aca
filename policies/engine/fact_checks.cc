// CheckAgainstFacts: what only an agreement and the responder's catalogue together show.
#include <algorithm>

#include "absl/strings/str_cat.h"
#include "policies/engine/agreement.h"
#include "policies/engine/tree.h"

namespace vouch::policies {
namespace {

absl::string_view TypeName(FactType type) {
  switch (type) {
    case FactType::kMoney:
      return "money";
    case FactType::kWholeNumber:
      return "a whole number";
    case FactType::kDate:
      return "a date";
    case FactType::kYesNo:
      return "yes or no";
    case FactType::kCode:
      return "a code";
    case FactType::kCodeSet:
      return "a set of codes";
  }
  return "";
}

absl::string_view HowWritten(FactType type) {
  switch (type) {
    case FactType::kMoney:
      return "{cents: 4500000} (45,000 dollars)";
    case FactType::kWholeNumber:
      return "a whole number without quotes";
    case FactType::kDate:
      return "a date such as \"2027-01-31\"";
    case FactType::kYesNo:
      return "true or false";
    case FactType::kCode:
    case FactType::kCodeSet:
      return "one of its codes in quotes";
  }
  return "";
}

bool PeriodFits(const PeriodRule& rule, const FactDefinition& fact) {
  switch (rule.kind) {
    case PeriodRule::Kind::kNone:
      return fact.period == PeriodKind::kNone;
    case PeriodRule::Kind::kFixed:
      return fact.period == rule.fixed.kind;
    case PeriodRule::Kind::kLatestTaxYear:
      return fact.period == PeriodKind::kTaxYear;
    case PeriodRule::Kind::kLastFullMonth:
      return fact.period == PeriodKind::kMonth;
    case PeriodRule::Kind::kLastDays:
      return fact.type == FactType::kDate &&
             (fact.period == PeriodKind::kNone || fact.period == PeriodKind::kAsOf);
    case PeriodRule::Kind::kAsOfToday:
      return fact.period == PeriodKind::kAsOf;
  }
  return false;
}

absl::string_view PeriodsFor(const FactDefinition& fact) {
  switch (fact.period) {
    case PeriodKind::kNone:
      return fact.type == FactType::kDate ? "leave `period` out, or write \"last-90-days\""
                                          : "leave `period` out";
    case PeriodKind::kTaxYear:
      return "write \"tax-year-2025\" or \"latest-filed-tax-year\"";
    case PeriodKind::kMonth:
      return "write \"month-2026-10\" or \"last-full-month\"";
    case PeriodKind::kAsOf:
      return fact.type == FactType::kDate ? "write \"as-of-today\" or \"last-90-days\""
                                          : "write \"as-of-today\"";
  }
  return "";
}

class FactCheck {
 public:
  FactCheck(absl::string_view file, const FactCatalogue& facts, Report* report)
      : file_(file), facts_(facts), report_(report) {}

  void Run(const Agreement& agreement) {
    if (facts_.agency != agreement.answers) {
      Add("agreement/other-catalogue", {1, 1}, facts_.agency,
          absl::StrCat("the pinned fact catalogue is `", facts_.agency, "`'s; `", agreement.answers,
                       "` answers"),
          "pin the answering agency's catalogue");
    }
    for (size_t i = 0; i < agreement.questions.size(); ++i) {
      path_ = absl::StrCat("questions[", i + 1, "].yes_when");
      CheckCondition(agreement.questions[i].yes_when);
    }
  }

 private:
  void Add(absl::string_view rule, Position position, absl::string_view offending,
           std::string message, std::string mend) {
    Finding finding;
    finding.rule = std::string(rule);
    finding.file = std::string(file_);
    finding.position = position;
    finding.path = path_;
    finding.offending = Shown(offending);
    finding.message = std::move(message);
    finding.mend = std::move(mend);
    finding.cite = CiteForRule(rule);
    report_->Add(std::move(finding));
  }

  void CheckCondition(const Condition& condition) {
    for (const Condition& child : condition.children) CheckCondition(child);
    if (condition.kind == Condition::Kind::kLeaf) CheckLeaf(condition);
  }

  void CheckLeaf(const Condition& leaf) {
    FactDefinition age;
    const FactDefinition* fact = facts_.Find(leaf.fact);
    if (leaf.fact == "age") {
      if (facts_.Find("date_of_birth") == nullptr) {
        Add("agreement/unknown-fact", leaf.position, leaf.fact,
            "`age` is computed from `date_of_birth`, which the catalogue does not list",
            "add the fact date_of_birth to the catalogue");
      }
      age.name = "age";
      // An age is always today's, whether or not the agreement says so.
      age.period =
          leaf.period.kind == PeriodRule::Kind::kAsOfToday ? PeriodKind::kAsOf : PeriodKind::kNone;
      fact = &age;
    }
    if (fact == nullptr) {
      std::vector<std::string> names = {"age"};
      for (const FactDefinition& known : facts_.facts) names.push_back(known.name);
      const std::string near = Nearest(leaf.fact, names);
      Add("agreement/unknown-fact", leaf.position, leaf.fact,
          absl::StrCat("the catalogue of `", facts_.agency, "` has no fact `", leaf.fact, "`"),
          near.empty() ? "ask the answering agency which fact it publishes for this"
                       : absl::StrCat("did you mean \"", near, "\"?"));
      return;
    }
    if (!PeriodFits(leaf.period, *fact)) {
      Add("agreement/period", leaf.position, leaf.period.text,
          absl::StrCat("the period does not fit the fact `", fact->name, "`",
                       leaf.period.text.empty() ? ": there is none" : ""),
          std::string(PeriodsFor(*fact)));
    }
    CheckType(leaf, *fact);
  }

  void CheckType(const Condition& leaf, const FactDefinition& fact) {
    std::vector<const FactValue*> values;
    for (const FactValue& value : leaf.threshold.constants) values.push_back(&value);
    for (const Threshold::Row& row : leaf.threshold.rows) values.push_back(&row.value);
    for (const FactValue* value : values) {
      const bool code_of_set = value->type == FactType::kCode && fact.type == FactType::kCodeSet;
      if (value->type != fact.type && !code_of_set) {
        Add("agreement/fact-type", leaf.position, fact.name,
            absl::StrCat("`", fact.name, "` is ", TypeName(fact.type), "; it is compared with ",
                         TypeName(value->type)),
            absl::StrCat("write ", HowWritten(fact.type)));
        return;
      }
      for (const std::string& code : value->codes) {
        if (std::find(fact.codes.begin(), fact.codes.end(), code) != fact.codes.end()) continue;
        const std::string near = Nearest(code, fact.codes);
        Add("agreement/unknown-code", leaf.position, code,
            absl::StrCat("`", fact.name, "` has no code `", code, "`"),
            near.empty() ? "write one of the codes in the catalogue"
                         : absl::StrCat("did you mean \"", near, "\"?"));
      }
    }
    if (leaf.threshold.share.has_value() && fact.type != FactType::kMoney) {
      Add("agreement/fact-type", leaf.position, fact.name,
          absl::StrCat("`", fact.name, "` is ", TypeName(fact.type),
                       "; a percentage of a table is compared with money"),
          absl::StrCat("write ", HowWritten(fact.type)));
    } else if (leaf.threshold.share.has_value() && fact.period == PeriodKind::kMonth) {
      Add("agreement/monthly", leaf.position, fact.name,
          absl::StrCat("`", fact.name,
                       "` is monthly and the table yearly; months are never "
                       "turned into years"),
          "use a yearly fact, or write the monthly amounts as rows");
    }
    if (leaf.sum_over_group && fact.type != FactType::kMoney &&
        fact.type != FactType::kWholeNumber) {
      Add("agreement/fact-type", leaf.position, fact.name,
          absl::StrCat("`", fact.name, "` is ", TypeName(fact.type), " and cannot be added up"),
          "delete `sum_over_group`");
    }
  }

  absl::string_view file_;
  const FactCatalogue& facts_;
  Report* report_;
  std::string path_;
};

}  // namespace

void CheckAgainstFacts(const Agreement& agreement, absl::string_view name,
                       const FactCatalogue& facts, Report* report) {
  FactCheck(name, facts, report).Run(agreement);
}

}  // namespace vouch::policies
