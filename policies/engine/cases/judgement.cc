#include "policies/engine/cases/judgement.h"

#include <algorithm>
#include <vector>

#include "absl/numeric/int128.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "policies/engine/cases/words.h"

namespace vouch::policies::cases {
namespace {

// Notes the last value that was looked up, so that it is shown as the evaluation saw it.
class WatchedFacts : public FactSource {
 public:
  explicit WatchedFacts(const FactSource& facts) : facts_(facts) {}

  absl::optional<FactValue> Find(absl::string_view fact, const Period& period) const override {
    absl::optional<FactValue> value = facts_.Find(fact, period);
    if (value.has_value()) {
      seen_ = value;
      period_ = period;
    }
    return value;
  }
  absl::optional<Period> Latest(absl::string_view fact, PeriodKind kind,
                                int32_t not_after) const override {
    return facts_.Latest(fact, kind, not_after);
  }

  const absl::optional<FactValue>& seen() const { return seen_; }
  const Period& period() const { return period_; }

 private:
  const FactSource& facts_;
  mutable absl::optional<FactValue> seen_;
  mutable Period period_;
};

// An age by the evaluator itself: which whole number it is.
std::string AgeText(const FactSource& facts, absl::CivilDay today) {
  Condition leaf;
  leaf.fact = "age";
  leaf.comparison = Comparison::kIs;
  leaf.threshold.constants.resize(1);
  for (int64_t years = 0; years <= 200; ++years) {
    leaf.threshold.constants[0].number = years;
    Question question;
    question.yes_when = leaf;
    if (EvaluateQuestion(question, {}, facts, ReferenceTables(), today) == Answer::kYes) {
      return absl::StrCat(years);
    }
  }
  return "not known";
}

const Threshold::Row* RowFor(const Threshold& threshold, const Parameters& parameters) {
  for (const Threshold::Row& row : threshold.rows) {
    if (std::all_of(row.when.begin(), row.when.end(), [&](const auto& entry) {
          const auto given = parameters.find(entry.first);
          return given != parameters.end() && given->second == entry.second;
        })) {
      return &row;
    }
  }
  return nullptr;
}

// The evaluation rounds nothing, so a share that is no whole cent must not look like one.
std::string ShareText(const Threshold::TableShare& share, const Parameters& parameters,
                      const ReferenceTables& tables, absl::CivilDay today) {
  const absl::optional<int64_t> amount = tables.AmountFor(share, parameters, today);
  const absl::optional<int64_t> limit = ShareLimit(share, parameters, tables, today);
  if (!amount.has_value() || !limit.has_value()) {
    return "an amount that these parameters do not choose";
  }
  const absl::int128 hundredths = absl::int128(*amount) * share.percent % 100;
  return absl::StrCat(MoneyText(*limit), hundredths == 0 ? "" : " and a part of a cent");
}

std::string RequiredText(const Condition& leaf, const Parameters& parameters,
                         const ReferenceTables& tables, absl::CivilDay today) {
  const Threshold& threshold = leaf.threshold;
  std::string within;
  if (leaf.period.kind == PeriodRule::Kind::kLastDays && leaf.fact != "age") {
    within = absl::StrCat("within ", DayText(today - leaf.period.days), " to ", DayText(today));
    if (threshold.constants.empty() && threshold.rows.empty() && !threshold.share.has_value()) {
      return within;
    }
    within += " and ";
  }
  absl::StrAppend(&within, ComparisonWords(leaf.comparison), " ");
  if (threshold.share.has_value()) {
    return absl::StrCat(within, ShareText(*threshold.share, parameters, tables, today), " (",
                        threshold.share->percent, "% of ", threshold.share->table, ", edition ",
                        threshold.share->edition, ")");
  }
  if (!threshold.rows.empty()) {
    const Threshold::Row* row = RowFor(threshold, parameters);
    return absl::StrCat(within, row == nullptr
                                    ? "a row that these parameters do not choose"
                                    : absl::StrCat(ValueText(row->value), " (the row for ",
                                                   ParametersText(row->when), ")"));
  }
  return absl::StrCat(
      within, absl::StrJoin(
                  threshold.constants, leaf.comparison == Comparison::kBetween ? " and " : ", ",
                  [](std::string* out, const FactValue& value) { out->append(ValueText(value)); }));
}

absl::string_view KindWords(Condition::Kind kind) {
  switch (kind) {
    case Condition::Kind::kAllOf:
      return "all of these";
    case Condition::Kind::kAnyOf:
      return "any of these";
    case Condition::Kind::kNot:
      return "not this";
    case Condition::Kind::kLeaf:
      break;
  }
  return "";
}

}  // namespace

absl::optional<FactValue> SupposedFacts::Find(absl::string_view fact, const Period& period) const {
  const auto found = values_.find({std::string(fact), period});
  if (found == values_.end()) return absl::nullopt;
  return found->second;
}

absl::optional<Period> SupposedFacts::Latest(absl::string_view fact, PeriodKind kind,
                                             int32_t not_after) const {
  absl::optional<Period> latest;
  for (const auto& entry : values_) {
    const Period& period = entry.first.second;
    if (entry.first.first != fact || period.kind != kind || period.number > not_after) continue;
    if (!latest.has_value() || *latest < period) latest = period;
  }
  return latest;
}

absl::optional<uint64_t> SupposedFacts::ReturnOf(absl::string_view, const Period&) const {
  return return_;
}

absl::optional<int64_t> ShareLimit(const Threshold::TableShare& share, const Parameters& parameters,
                                   const ReferenceTables& tables, absl::CivilDay today) {
  const absl::optional<int64_t> amount = tables.AmountFor(share, parameters, today);
  if (!amount.has_value()) return absl::nullopt;
  return static_cast<int64_t>(absl::int128(*amount) * share.percent / 100);
}

Answer AnswerOf(const Condition& condition, const Facing& facing) {
  Question part;
  part.yes_when = condition;
  part.group_at_most = facing.question.group_at_most;
  if (part.group_at_most == 0) {
    return EvaluateQuestion(part, facing.parameters, facing.people[0].facts, facing.tables,
                            facing.today);
  }
  const SupposedFacts nobody;
  std::vector<GroupMember> members(static_cast<size_t>(part.group_at_most));
  for (size_t i = 0; i < members.size(); ++i) {
    members[i].facts = i < facing.people.size() ? &facing.people[i].facts : &nobody;
    if (i >= facing.people.size()) continue;
    members[i].standing = facing.people[i].person == Person::kKnown
                              ? GroupMember::Standing::kKnown
                              : GroupMember::Standing::kUnknown;
  }
  return EvaluateGroup(part, facing.parameters, members, facing.catalogue, facing.tables,
                       facing.today);
}

namespace {

std::string ActualText(const Condition& leaf, const SupposedPerson& person, const Facing& facing) {
  if (person.person != Person::kKnown) return "not found";
  // Looked up by the evaluator, whatever comes out: a leaf about a group is asked of one alone.
  Question part;
  part.yes_when = leaf;
  part.yes_when.sum_over_group = false;
  part.yes_when.members = GroupMembers::kNotSaid;
  const WatchedFacts watched(person.facts);
  EvaluateQuestion(part, facing.parameters, watched, facing.tables, facing.today);
  if (!watched.seen().has_value()) return "not held";
  if (leaf.fact == "age") {
    return absl::StrCat(AgeText(person.facts, facing.today), " (born ", ValueText(*watched.seen()),
                        ")");
  }
  std::string text = ValueText(*watched.seen());
  if (leaf.period.kind == PeriodRule::Kind::kLatestTaxYear) {
    absl::StrAppend(&text, " (", PeriodName(watched.period()), ")");
  }
  return text;
}

}  // namespace

Judgement JudgementOf(const Condition& condition, const Facing& facing) {
  Judgement judgement;
  judgement.kind = condition.kind;
  judgement.position = condition.position;
  judgement.answer = AnswerOf(condition, facing);
  for (const Condition& child : condition.children) {
    judgement.parts.push_back(JudgementOf(child, facing));
  }
  if (condition.kind != Condition::Kind::kLeaf) {
    judgement.what = std::string(KindWords(condition.kind));
    return judgement;
  }
  judgement.what = absl::StrCat(Shown(condition.fact), PeriodWords(condition.period),
                                condition.sum_over_group                  ? ", added up"
                                : condition.members == GroupMembers::kAll ? ", of every member"
                                : condition.members == GroupMembers::kAny ? ", of any member"
                                                                          : "");
  judgement.required = RequiredText(condition, facing.parameters, facing.tables, facing.today);
  if (facing.question.group_at_most == 0) {
    judgement.actual = ActualText(condition, facing.people[0], facing);
    return judgement;
  }
  std::vector<std::string> members;
  for (size_t i = 0; i < facing.people.size(); ++i) {
    members.push_back(
        absl::StrCat("member ", i + 1, ": ", ActualText(condition, facing.people[i], facing)));
  }
  judgement.actual = absl::StrJoin(members, "; ");
  return judgement;
}

std::string JudgementText(const Judgement& judgement, absl::string_view file,
                          absl::string_view indent) {
  const absl::string_view answer = judgement.answer == Answer::kUndetermined
                                       ? absl::string_view("unknown")
                                       : AnswerName(judgement.answer);
  std::string text = absl::StrCat(indent, answer, "  ", judgement.what);
  if (judgement.kind == Condition::Kind::kLeaf) {
    absl::StrAppend(&text, ": ", judgement.actual, "; required: ", judgement.required);
  }
  if (judgement.position.line > 0) {
    absl::StrAppend(&text, "   [", file, ":", judgement.position.line, "]");
  }
  text += "\n";
  for (const Judgement& part : judgement.parts) {
    text += JudgementText(part, file, absl::StrCat(indent, "  "));
  }
  return text;
}

}  // namespace vouch::policies::cases
