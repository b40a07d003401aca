#include "policies/engine/question.h"

#include <algorithm>
#include <utility>

#include "absl/container/inlined_vector.h"
#include "absl/numeric/int128.h"
#include "absl/strings/str_cat.h"
#include "absl/time/time.h"

namespace vouch::policies {
namespace {

// The three truth values of strong Kleene logic, ordered so that "and" is the least of them, "or"
// the greatest, and "not" the mirror image.
enum class Truth : int { kFalse = 0, kUnknown = 1, kTrue = 2 };

Truth Known(bool value) { return value ? Truth::kTrue : Truth::kFalse; }

Truth Not(Truth truth) { return static_cast<Truth>(2 - static_cast<int>(truth)); }

constexpr absl::CivilDay kFirstDay(1970, 1, 1);

// Everything an evaluation looks at.
struct Case {
  const Parameters& parameters;
  const FactSource& facts;
  const ReferenceTables& tables;
  absl::CivilDay today;
};

int64_t WholeYears(absl::CivilDay born, absl::CivilDay today) {
  const bool birthday_to_come =
      std::make_pair(today.month(), today.day()) < std::make_pair(born.month(), born.day());
  return today.year() - born.year() - (birthday_to_come ? 1 : 0);
}

absl::optional<FactValue> Age(const Condition& leaf, const Case& in) {
  if (leaf.period.kind != PeriodRule::Kind::kNone &&
      leaf.period.kind != PeriodRule::Kind::kAsOfToday) {
    return absl::nullopt;
  }
  const absl::optional<FactValue> born =
      in.facts.Find("date_of_birth", Period{PeriodKind::kNone, 0});
  if (!born.has_value() || born->type != FactType::kDate) return absl::nullopt;
  const int64_t years = WholeYears(kFirstDay + born->number, in.today);
  // A date of birth in the future is a mistake in the record, not an age.
  if (years < 0 || kFirstDay + born->number > in.today) return absl::nullopt;
  FactValue age;
  age.type = FactType::kWholeNumber;
  age.number = years;
  return age;
}

// `at` becomes the period that the value is of.
absl::optional<FactValue> FindValue(const Condition& leaf, const Case& in, Period* at) {
  *at = Period{PeriodKind::kNone, 0};
  if (leaf.fact == "age") return Age(leaf, in);
  switch (leaf.period.kind) {
    case PeriodRule::Kind::kNone:
      break;
    case PeriodRule::Kind::kFixed:
      *at = leaf.period.fixed;
      break;
    case PeriodRule::Kind::kLatestTaxYear: {
      const absl::optional<Period> latest = in.facts.Latest(
          leaf.fact, PeriodKind::kTaxYear, static_cast<int32_t>(in.today.year() - 1));
      if (!latest.has_value()) return absl::nullopt;
      *at = *latest;
      break;
    }
    case PeriodRule::Kind::kLastFullMonth: {
      const int32_t this_month = static_cast<int32_t>(in.today.year() * 12 + in.today.month() - 1);
      *at = Period{PeriodKind::kMonth, this_month - 1};
      break;
    }
    case PeriodRule::Kind::kLastDays: {
      const absl::optional<FactValue> timeless = in.facts.Find(leaf.fact, *at);
      const Period as_of{PeriodKind::kAsOf, 0};
      const absl::optional<FactValue> last_known = in.facts.Find(leaf.fact, as_of);
      if (timeless.has_value()) return timeless;
      *at = as_of;
      return last_known;
    }
    case PeriodRule::Kind::kAsOfToday:
      *at = Period{PeriodKind::kAsOf, 0};
      break;
  }
  return in.facts.Find(leaf.fact, *at);
}

// How a value stands to a threshold: -1 below, 0 at, 1 above. Nothing when they cannot be ordered.
absl::optional<int> Order(const FactValue& value, const FactValue& threshold) {
  const bool ordered = value.type == FactType::kMoney || value.type == FactType::kWholeNumber ||
                       value.type == FactType::kDate;
  if (!ordered || value.type != threshold.type) return absl::nullopt;
  return value.number < threshold.number ? -1 : value.number > threshold.number ? 1 : 0;
}

// Never divides, so that nothing is rounded: value / amount against percent / 100. The products of
// two 64-bit numbers fit in 128 bits whatever they are.
int OrderOfShare(int64_t value, int64_t amount, int64_t percent) {
  const absl::int128 left = absl::int128(value) * 100;
  const absl::int128 right = absl::int128(amount) * percent;
  return left < right ? -1 : left > right ? 1 : 0;
}

absl::optional<bool> Holds(Comparison comparison, int order) {
  switch (comparison) {
    case Comparison::kAtMost:
    case Comparison::kOnOrBefore:
      return order <= 0;
    case Comparison::kLessThan:
      return order < 0;
    case Comparison::kAtLeast:
    case Comparison::kOnOrAfter:
      return order >= 0;
    case Comparison::kMoreThan:
      return order > 0;
    case Comparison::kIs:
    case Comparison::kIsOneOf:
      return order == 0;
    case Comparison::kBetween:
      break;
  }
  return absl::nullopt;
}

bool HasCode(const std::vector<std::string>& codes, absl::string_view code) {
  return std::find(codes.begin(), codes.end(), code) != codes.end();
}

Truth Is(const FactValue& value, const FactValue& threshold) {
  switch (value.type) {
    case FactType::kMoney:
    case FactType::kWholeNumber:
    case FactType::kDate: {
      const absl::optional<int> order = Order(value, threshold);
      return order.has_value() ? Known(*order == 0) : Truth::kUnknown;
    }
    case FactType::kYesNo:
      if (threshold.type != FactType::kYesNo) return Truth::kUnknown;
      return Known(value.number == threshold.number);
    case FactType::kCode:
    case FactType::kCodeSet:
      if (threshold.type != FactType::kCode && threshold.type != FactType::kCodeSet) {
        return Truth::kUnknown;
      }
      if (threshold.codes.empty()) return Truth::kUnknown;
      return Known(
          std::all_of(threshold.codes.begin(), threshold.codes.end(),
                      [&value](const std::string& code) { return HasCode(value.codes, code); }));
  }
  return Truth::kUnknown;
}

Truth CompareWithConstants(Comparison comparison, const FactValue& value,
                           const std::vector<FactValue>& constants) {
  if (comparison == Comparison::kIsOneOf) {
    if (constants.empty()) return Truth::kUnknown;
    Truth any = Truth::kFalse;
    for (const FactValue& constant : constants) any = std::max(any, Is(value, constant));
    return any;
  }
  if (comparison == Comparison::kBetween) {
    if (constants.size() != 2) return Truth::kUnknown;
    const absl::optional<int> low = Order(value, constants[0]);
    const absl::optional<int> high = Order(value, constants[1]);
    if (!low.has_value() || !high.has_value()) return Truth::kUnknown;
    return Known(*low >= 0 && *high <= 0);
  }
  if (constants.size() != 1) return Truth::kUnknown;
  if (comparison == Comparison::kIs) return Is(value, constants[0]);
  const absl::optional<int> order = Order(value, constants[0]);
  if (!order.has_value()) return Truth::kUnknown;
  const absl::optional<bool> holds = Holds(comparison, *order);
  return holds.has_value() ? Known(*holds) : Truth::kUnknown;
}

Truth CompareWithShare(const Condition& leaf, const FactValue& value, const Case& in) {
  const Threshold::TableShare& share = *leaf.threshold.share;
  // The tables hold yearly amounts, and a month is never turned into a year silently.
  const bool monthly = leaf.period.kind == PeriodRule::Kind::kLastFullMonth ||
                       (leaf.period.kind == PeriodRule::Kind::kFixed &&
                        leaf.period.fixed.kind == PeriodKind::kMonth);
  if (value.type != FactType::kMoney || monthly) return Truth::kUnknown;
  const absl::optional<int64_t> amount = in.tables.AmountFor(share, in.parameters, in.today);
  if (!amount.has_value()) return Truth::kUnknown;
  const absl::optional<bool> holds =
      Holds(leaf.comparison, OrderOfShare(value.number, *amount, share.percent));
  return holds.has_value() ? Known(*holds) : Truth::kUnknown;
}

Truth CompareWithRows(const Condition& leaf, const FactValue& value, const Case& in) {
  for (const Threshold::Row& row : leaf.threshold.rows) {
    const bool selected =
        std::all_of(row.when.begin(), row.when.end(), [&in](const Parameters::value_type& entry) {
          const auto given = in.parameters.find(entry.first);
          return given != in.parameters.end() && given->second == entry.second;
        });
    if (selected) return CompareWithConstants(leaf.comparison, value, {row.value});
  }
  return Truth::kUnknown;
}

Truth CompareLeaf(const Condition& leaf, const FactValue& value, const Case& in) {
  Truth in_period = Truth::kTrue;
  if (leaf.period.kind == PeriodRule::Kind::kLastDays && leaf.fact != "age") {
    if (value.type != FactType::kDate) return Truth::kUnknown;
    const absl::CivilDay day = kFirstDay + value.number;
    in_period = Known(day >= in.today - leaf.period.days && day <= in.today);
    const Threshold& threshold = leaf.threshold;
    if (threshold.constants.empty() && threshold.rows.empty() && !threshold.share.has_value()) {
      return in_period;
    }
  }
  Truth compared;
  if (leaf.threshold.share.has_value()) {
    compared = CompareWithShare(leaf, value, in);
  } else if (!leaf.threshold.rows.empty()) {
    compared = CompareWithRows(leaf, value, in);
  } else {
    compared = CompareWithConstants(leaf.comparison, value, leaf.threshold.constants);
  }
  return std::min(in_period, compared);
}

// What one person's facts say, whatever the leaf says of a group.
Truth LeafOfOne(const Condition& leaf, const Case& in) {
  Period at;
  const absl::optional<FactValue> value = FindValue(leaf, in, &at);
  return value.has_value() ? CompareLeaf(leaf, *value, in) : Truth::kUnknown;
}

Truth LeafOfPerson(const Condition& leaf, const Case& in) {
  const Truth truth = LeafOfOne(leaf, in);
  // What is asked of a group needs the group; one person's value must not stand for it.
  const bool of_group = leaf.sum_over_group || leaf.members != GroupMembers::kNotSaid;
  return of_group ? Truth::kUnknown : truth;
}

struct Group {
  const Parameters& parameters;
  absl::Span<const GroupMember> members;
  const FactCatalogue& catalogue;
  const ReferenceTables& tables;
  absl::CivilDay today;

  Case CaseOf(const GroupMember& member) const {
    return Case{parameters, *member.facts, tables, today};
  }
};

// Adds up what the members hold, each return once. Fed every slot, whatever its standing.
class GroupSum {
 public:
  explicit GroupSum(bool per_return) : per_return_(per_return) {}

  void Add(const GroupMember& member, const absl::optional<FactValue>& value, const Period& at,
           const absl::optional<uint64_t>& on_return) {
    if (member.standing == GroupMember::Standing::kPadding) return;
    if (member.standing == GroupMember::Standing::kUnknown || !value.has_value() ||
        (value->type != FactType::kMoney && value->type != FactType::kWholeNumber) ||
        (per_return_ && !on_return.has_value())) {
      known_ = false;
      return;
    }
    // Members whose latest years differ have no common sum.
    if (counted_.empty()) {
      at_ = at;
      total_.type = value->type;
    }
    known_ &= at == at_ && value->type == total_.type;
    if (per_return_) {
      for (const auto& [seen, amount] : counted_) {
        if (seen != *on_return) continue;
        // One return has one amount; two mean that the data do not fit together.
        known_ &= amount == value->number;
        return;
      }
    }
    counted_.emplace_back(per_return_ ? *on_return : 0, value->number);
    known_ &= !__builtin_add_overflow(total_.number, value->number, &total_.number);
  }
  bool known() const { return known_ && !counted_.empty(); }
  const FactValue& total() const { return total_; }

 private:
  const bool per_return_;
  bool known_ = true;
  Period at_;
  FactValue total_;
  absl::InlinedVector<std::pair<uint64_t, int64_t>, 8> counted_;
};

Truth SumOfGroup(const Condition& leaf, const Group& group) {
  const FactDefinition* fact = group.catalogue.Find(leaf.fact);
  GroupSum sum(fact != nullptr && fact->held_per == "return");
  for (const GroupMember& member : group.members) {
    Period at;
    const absl::optional<FactValue> value = FindValue(leaf, group.CaseOf(member), &at);
    sum.Add(member, value, at, member.facts->ReturnOf(leaf.fact, at));
  }
  // An age has no definition of its own; any other fact without one could be held per return.
  const bool defined = fact != nullptr || leaf.fact == "age";
  const Truth compared = CompareLeaf(leaf, sum.total(), group.CaseOf(group.members.front()));
  return defined && sum.known() ? compared : Truth::kUnknown;
}

Truth LeafOfGroup(const Condition& leaf, const Group& group) {
  if (leaf.sum_over_group) return SumOfGroup(leaf, group);
  Truth least = Truth::kTrue;
  Truth greatest = Truth::kFalse;
  for (const GroupMember& member : group.members) {
    Truth truth = LeafOfOne(leaf, group.CaseOf(member));
    if (member.standing == GroupMember::Standing::kPadding) continue;
    if (member.standing == GroupMember::Standing::kUnknown) truth = Truth::kUnknown;
    least = std::min(least, truth);
    greatest = std::max(greatest, truth);
  }
  switch (leaf.members) {
    case GroupMembers::kAll:
      return least;
    case GroupMembers::kAny:
      return greatest;
    case GroupMembers::kNotSaid:
      break;
  }
  return Truth::kUnknown;
}

// Every child is evaluated even when one has decided: the work must not depend on the facts.
template <typename TruthOfLeaf>
Truth Evaluate(const Condition& condition, const TruthOfLeaf& truth_of_leaf) {
  if (condition.kind == Condition::Kind::kLeaf) return truth_of_leaf(condition);
  if (condition.children.empty()) return Truth::kUnknown;
  Truth least = Truth::kTrue;
  Truth greatest = Truth::kFalse;
  for (const Condition& child : condition.children) {
    const Truth truth = Evaluate(child, truth_of_leaf);
    least = std::min(least, truth);
    greatest = std::max(greatest, truth);
  }
  switch (condition.kind) {
    case Condition::Kind::kAllOf:
      return least;
    case Condition::Kind::kAnyOf:
      return greatest;
    case Condition::Kind::kNot:
      return condition.children.size() == 1 ? Not(least) : Truth::kUnknown;
    case Condition::Kind::kLeaf:
      break;
  }
  return Truth::kUnknown;
}

Answer ToAnswer(Truth truth) {
  switch (truth) {
    case Truth::kTrue:
      return Answer::kYes;
    case Truth::kFalse:
      return Answer::kNo;
    case Truth::kUnknown:
      break;
  }
  return Answer::kUndetermined;
}

// Keeps two different sets of values from sharing one label.
std::string Escaped(absl::string_view text) {
  std::string escaped;
  for (char c : text) {
    if (c == '|' || c == '=' || c == '\\') escaped.push_back('\\');
    escaped.push_back(c);
  }
  return escaped;
}

}  // namespace

Answer EvaluateQuestion(const Question& question, const Parameters& parameters,
                        const FactSource& facts, const ReferenceTables& tables,
                        absl::CivilDay today) {
  const Case in{parameters, facts, tables, today};
  return ToAnswer(
      Evaluate(question.yes_when, [&in](const Condition& leaf) { return LeafOfPerson(leaf, in); }));
}

Answer EvaluateGroup(const Question& question, const Parameters& parameters,
                     absl::Span<const GroupMember> members, const FactCatalogue& catalogue,
                     const ReferenceTables& tables, absl::CivilDay today) {
  // "All of nobody" would be YES.
  const bool nobody = std::all_of(members.begin(), members.end(), [](const GroupMember& member) {
    return member.standing == GroupMember::Standing::kPadding;
  });
  if (nobody) return Answer::kUndetermined;
  const Group group{parameters, members, catalogue, tables, today};
  return ToAnswer(Evaluate(question.yes_when,
                           [&group](const Condition& leaf) { return LeafOfGroup(leaf, group); }));
}

const Obligation& ObligationFor(const Question& question, Answer answer) {
  switch (answer) {
    case Answer::kYes:
      return question.on_yes;
    case Answer::kNo:
      return question.on_no;
    case Answer::kUndetermined:
      break;
  }
  return question.on_undetermined;
}

namespace {

void AppendValue(const FactValue& value, std::string* out) {
  absl::StrAppend(out, "(", static_cast<int>(value.type), ":", value.number);
  for (const std::string& code : value.codes) absl::StrAppend(out, ",", Escaped(code));
  absl::StrAppend(out, ")");
}

void AppendParameters(const Parameters& parameters, std::string* out) {
  for (const auto& [name, value] : parameters) {
    absl::StrAppend(out, "|", Escaped(name), "=");
    if (absl::holds_alternative<int64_t>(value)) {
      absl::StrAppend(out, absl::get<int64_t>(value));
    } else {
      absl::StrAppend(out, Escaped(absl::get<std::string>(value)));
    }
  }
}

void AppendThreshold(const Threshold& threshold, std::string* out) {
  for (const FactValue& value : threshold.constants) AppendValue(value, out);
  for (const Threshold::Row& row : threshold.rows) {
    AppendParameters(row.when, out);
    AppendValue(row.value, out);
  }
  if (!threshold.share.has_value()) return;
  absl::StrAppend(out, threshold.share->percent, "%", Escaped(threshold.share->table), "@",
                  Escaped(threshold.share->edition));
  for (const auto& [dimension, parameter] : threshold.share->row) {
    absl::StrAppend(out, "|", Escaped(dimension), "=", Escaped(parameter));
  }
}

void AppendCondition(const Condition& condition, std::string* out) {
  absl::StrAppend(out, "{", static_cast<int>(condition.kind));
  if (condition.kind == Condition::Kind::kLeaf) {
    absl::StrAppend(out, Escaped(condition.fact), ";", Escaped(condition.period.text), ";",
                    static_cast<int>(condition.comparison), ";", condition.sum_over_group ? 1 : 0,
                    ";");
    if (condition.members != GroupMembers::kNotSaid) {
      absl::StrAppend(out, "members=", static_cast<int>(condition.members), ";");
    }
    AppendThreshold(condition.threshold, out);
  }
  for (const Condition& child : condition.children) AppendCondition(child, out);
  absl::StrAppend(out, "}");
}

}  // namespace

std::string ValueLabel(const Question& question, const Parameters& parameters) {
  std::string label = Escaped(question.id);
  AppendParameters(parameters, &label);
  AppendCondition(question.yes_when, &label);
  return label;
}

}  // namespace vouch::policies
