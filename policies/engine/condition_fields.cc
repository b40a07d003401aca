// The field tables of conditions and thresholds.
#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "policies/engine/agreement_fields.h"

namespace vouch::policies {
namespace {

// Ten trillion dollars: above any amount, and its hundredfold still fits 64 bits.
constexpr int64_t kMostCents = 1000000000000000;
constexpr int64_t kMostNumber = 1000000000000;
constexpr absl::CivilDay kFirstDay(1970, 1, 1);

FactValue NumberValue(FactType type, int64_t number) {
  FactValue value;
  value.type = type;
  value.number = number;
  return value;
}

ShapeOf<FactValue> MoneyValue() {
  return Map<FactValue>(
      "an amount of money",
      {Required<FactValue>(
          "cents",
          Put<FactValue>(
              Number(-kMostCents, kMostCents),
              [](int64_t cents, FactValue* out) { *out = NumberValue(FactType::kMoney, cents); }),
          Itself<FactValue>, "The amount in whole cents: 45,000 dollars are 4500000.", "4500000")});
}

ShapeOf<FactValue> DateValue() {
  return Put<FactValue>(Day(), [](absl::CivilDay day, FactValue* out) {
    *out = NumberValue(FactType::kDate, day - kFirstDay);
  });
}

// A whole number, or one of the other scalars that a comparison allows.
class PlainValueShape : public Shape<FactValue> {
 public:
  struct Allowed {
    bool numbers = false;
    bool dates = false;
    bool codes = false;
    bool truth = false;
  };
  PlainValueShape(Allowed allowed, std::string expected)
      : allowed_(allowed), expected_(std::move(expected)) {}

  bool Read(const Node& node, Reading* reading, FactValue* out) const override {
    const bool plain = node.style == Node::Style::kPlain;
    if (plain && allowed_.truth && (node.text == "true" || node.text == "false")) {
      *out = NumberValue(FactType::kYesNo, node.text == "true" ? 1 : 0);
      return true;
    }
    // Plain text that can only be meant as a number is judged as one.
    const bool digits =
        plain && node.text.find_first_not_of("+-0123456789.,_") == std::string::npos;
    if (allowed_.numbers && (digits || (!allowed_.dates && !allowed_.codes))) {
      int64_t number = 0;
      if (!number_->Read(node, reading, &number)) return false;
      *out = NumberValue(FactType::kWholeNumber, number);
      return true;
    }
    if (allowed_.dates && (!allowed_.codes || ParseDay(node.text).has_value())) {
      return date_->Read(node, reading, out);
    }
    if (!allowed_.codes) {
      return reading->ValueError("field/wrong-kind", node,
                                 absl::StrCat("`", reading->path(), "` is ", expected_),
                                 absl::StrCat("write ", expected_));
    }
    std::string code;
    if (!code_->Read(node, reading, &code)) return false;
    *out = FactValue{};
    out->type = FactType::kCode;
    out->codes = {code};
    return true;
  }

  Json Schema(SchemaDefinitions* definitions) const override {
    Json any = Json::array();
    if (allowed_.numbers) any.push_back(number_->Schema(definitions));
    if (allowed_.truth) any.push_back(Json{{"type", "boolean"}});
    if (allowed_.dates) any.push_back(date_->Schema(definitions));
    if (allowed_.codes) any.push_back(code_->Schema(definitions));
    return any.size() == 1 ? any[0] : Json{{"anyOf", any}};
  }

 private:
  Allowed allowed_;
  std::string expected_;
  ShapeOf<int64_t> number_ = Number(-kMostNumber, kMostNumber);
  ShapeOf<FactValue> date_ = DateValue();
  ShapeOf<std::string> code_ = Code();
};

ShapeOf<FactValue> Value(PlainValueShape::Allowed allowed, bool money,
                         const std::string& expected) {
  const ShapeOf<FactValue> plain = std::make_shared<PlainValueShape>(allowed, expected);
  return ByKind<FactValue>(expected, plain, nullptr, money ? MoneyValue() : nullptr);
}

ShapeOf<ParameterValue> ParameterValueShape() {
  PlainValueShape::Allowed allowed;
  allowed.numbers = true;
  allowed.codes = true;
  const ShapeOf<FactValue> plain =
      std::make_shared<PlainValueShape>(allowed, "a whole number or a code");
  return Put<ParameterValue>(ByKind<FactValue>("a whole number or a code", plain, nullptr, nullptr),
                             [](const FactValue& value, ParameterValue* out) {
                               if (value.type == FactType::kCode) {
                                 *out = value.codes[0];
                               } else {
                                 *out = value.number;
                               }
                             });
}

ShapeOf<Threshold> RowsShape(const ShapeOf<FactValue>& value, const std::string& example) {
  using When = std::vector<std::pair<std::string, ParameterValue>>;
  const ShapeOf<Threshold::Row> row = Map<Threshold::Row>(
      "a row",
      {
          Required<Threshold::Row>(
              "when",
              Put<Parameters>(Dictionary("parameter values", Name(), ParameterValueShape(), 1),
                              [](const When& when, Parameters* out) {
                                *out = Parameters(when.begin(), when.end());
                              }),
              &Threshold::Row::when, "The parameter values that this row is for.",
              "{household_size: 1, region: \"alaska\"}"),
          Required<Threshold::Row>("value", value, &Threshold::Row::value,
                                   "The threshold for them.", example),
      });
  return Map<Threshold>(
      "a threshold by rows",
      {Required<Threshold>("rows", List(row, 1, 2000), &Threshold::rows,
                           "One row for each combination of parameter values.",
                           absl::StrCat("[{when: {household_size: 1}, value: ", example, "}]"))});
}

ShapeOf<Threshold> ShareShape() {
  using Share = Threshold::TableShare;
  using Row = std::map<std::string, std::string>;
  const auto dimension = [](const std::string& name) {
    return [name](Row* row) { return &(*row)[name]; };
  };
  const ShapeOf<Row> row =
      Map<Row>("the table's row",
               {
                   Required<Row>("persons", Name(), dimension("persons"),
                                 "The parameter that says how many persons.", "\"household_size\""),
                   Optional<Row>("region", Name(), dimension("region"),
                                 "The parameter that says which region.", "\"region\""),
               });
  TextRule edition;
  edition.most = 8;
  edition.pattern = "[12][0-9]{3}|in-force";
  edition.expected = "a year such as \"2026\", or \"in-force\"";
  const auto share = [](Threshold* t) -> Share* {
    if (!t->share.has_value()) t->share.emplace();
    return &*t->share;
  };
  return Map<Threshold>(
      "a percentage of a table",
      {
          Required<Threshold>(
              "percent", Number(1, 10000), [share](Threshold* t) { return &share(t)->percent; },
              "How many percent of the table's amount.", "225"),
          Required<Threshold>(
              "of", Id(), [share](Threshold* t) { return &share(t)->table; },
              "The reference table's name; the table is among the pins.",
              "\"hhs-poverty-guidelines\""),
          Required<Threshold>(
              "edition", Text(edition), [share](Threshold* t) { return &share(t)->edition; },
              "The table's edition: a year, or \"in-force\" for the one that is in "
              "effect on the day of the question.",
              "\"2026\""),
          Required<Threshold>(
              "row", row, [share](Threshold* t) { return &share(t)->row; },
              "Which of the agreement's parameters choose the table's row.",
              "{persons: \"household_size\", region: \"region\"}"),
      });
}

ShapeOf<Threshold> Constant(const ShapeOf<FactValue>& value) {
  return Put<Threshold>(value, [](FactValue constant, Threshold* out) {
    out->constants.push_back(std::move(constant));
  });
}

ShapeOf<Threshold> Constants(const ShapeOf<FactValue>& value, size_t least, size_t most) {
  return Put<Threshold>(List(value, least, most, true),
                        [](std::vector<FactValue> constants, Threshold* out) {
                          out->constants = std::move(constants);
                        });
}

// at_most and its like.
ShapeOf<Threshold> AmountThreshold() {
  PlainValueShape::Allowed numbers;
  numbers.numbers = true;
  const std::string expected =
      "a whole number, {cents: ...}, {percent: ..., of: ...} or {rows: [...]}";
  const ShapeOf<FactValue> value = Value(numbers, true, "a whole number or {cents: ...}");
  return ByKind<Threshold>(
      expected, Constant(value), nullptr,
      ByKey<Threshold>("a threshold", {{"percent", ShareShape()},
                                       {"rows", RowsShape(value, "{cents: 4500000}")},
                                       {"cents", Constant(MoneyValue())}}));
}

ShapeOf<Threshold> DateThreshold() {
  PlainValueShape::Allowed dates;
  dates.dates = true;
  const ShapeOf<FactValue> value = Value(dates, false, "a date such as \"2027-01-31\"");
  return ByKind<Threshold>("a date such as \"2027-01-31\", or {rows: [...]}", Constant(value),
                           nullptr, RowsShape(value, "\"2026-12-31\""));
}

ShapeOf<Threshold> BetweenThreshold() {
  PlainValueShape::Allowed either;
  either.numbers = true;
  either.dates = true;
  const ShapeOf<FactValue> value =
      Value(either, true, "a whole number, {cents: ...} or a date in quotes");
  return ByKind<Threshold>("a list of two values, the lower first", nullptr, Constants(value, 2, 2),
                           nullptr);
}

ShapeOf<Threshold> IsThreshold() {
  PlainValueShape::Allowed any;
  any.numbers = any.dates = any.codes = any.truth = true;
  const ShapeOf<FactValue> value =
      Value(any, true, "a code or date in quotes, a whole number, {cents: ...}, true or false");
  return ByKind<Threshold>(
      "one value, or {rows: [...]}", Constant(value), nullptr,
      ByKey<Threshold>("a threshold", {{"rows", RowsShape(value, "{cents: 4500000}")},
                                       {"cents", Constant(MoneyValue())}}));
}

ShapeOf<Threshold> IsOneOfThreshold() {
  PlainValueShape::Allowed any;
  any.numbers = any.dates = any.codes = true;
  const ShapeOf<FactValue> value = Value(any, false, "a code or date in quotes, or a whole number");
  return ByKind<Threshold>("a list of values", nullptr, Constants(value, 1, 500), nullptr);
}

// `within_period: true`: nothing is compared but the day with the period.
class JustTrueShape : public Shape<Threshold> {
 public:
  bool Read(const Node& node, Reading* reading, Threshold*) const override {
    bool value = false;
    if (!yes_no_->Read(node, reading, &value)) return false;
    return value || reading->ValueError("field/choice", node,
                                        absl::StrCat("`", reading->path(), "` can only be true"),
                                        "for the opposite, put the condition under `not`");
  }
  // yaml-language-server compares the text of a truth value with `const` and `enum`, so the text
  // stands there too; the type keeps quoted text out.
  Json Schema(SchemaDefinitions*) const override {
    return Json{{"type", "boolean"}, {"enum", Json::array({true, "true"})}};
  }

 private:
  ShapeOf<bool> yes_no_ = YesNo();
};

Field<Condition> ComparisonField(const std::string& key, Comparison comparison,
                                 const ShapeOf<Threshold>& threshold, std::string description,
                                 std::string example) {
  const auto store = [comparison](Threshold value, const Node&, Reading*, Condition* out) {
    out->comparison = comparison;
    out->threshold = std::move(value);
    return true;
  };
  return Optional<Condition>(key, Converted<Condition>(threshold, store), Itself<Condition>,
                             std::move(description), std::move(example));
}

ShapeOf<PeriodRule> PeriodShape() {
  TextRule rule;
  rule.most = 30;
  rule.pattern =
      "tax-year-[12][0-9]{3}|month-[12][0-9]{3}-(0[1-9]|1[0-2])|latest-filed-tax-year|"
      "last-full-month|last-[1-9][0-9]{0,3}-days|as-of-today";
  rule.expected =
      "a period: \"tax-year-2025\", \"month-2026-10\", \"latest-filed-tax-year\", "
      "\"last-full-month\", \"last-90-days\" or \"as-of-today\"";
  return Put<PeriodRule>(Text(rule), [](const std::string& written, PeriodRule* out) {
    out->text = written;
    absl::string_view days = written;
    if (written == "latest-filed-tax-year") {
      out->kind = PeriodRule::Kind::kLatestTaxYear;
    } else if (written == "last-full-month") {
      out->kind = PeriodRule::Kind::kLastFullMonth;
    } else if (written == "as-of-today") {
      out->kind = PeriodRule::Kind::kAsOfToday;
    } else if (absl::ConsumePrefix(&days, "last-") && absl::ConsumeSuffix(&days, "-days") &&
               absl::SimpleAtoi(days, &out->days)) {
      out->kind = PeriodRule::Kind::kLastDays;
    } else if (const absl::optional<Period> fixed = ParsePeriod(written)) {
      out->kind = PeriodRule::Kind::kFixed;
      out->fixed = *fixed;
    }
  });
}

ShapeOf<Condition> LeafShape() {
  MappingRules one_comparison;
  one_comparison.exactly_one_of = {{"at_most", "less_than", "at_least", "more_than", "between",
                                    "is", "is_one_of", "on_or_before", "on_or_after",
                                    "within_period"}};
  const ShapeOf<Threshold> amount = AmountThreshold();
  const ShapeOf<Threshold> date = DateThreshold();
  const std::string cents = "{cents: 4500000}";
  return Map<Condition>(
      "a comparison of one fact",
      {
          Required<Condition>("fact", Name(), &Condition::fact,
                              "A fact of the responder's catalogue, or \"age\": whole years of "
                              "age, from the fact date_of_birth.",
                              "\"adjusted_gross_income\""),
          Optional<Condition>("period", PeriodShape(), &Condition::period,
                              "The time the fact is about; left out for facts that have none, "
                              "such as a date of birth.",
                              "\"tax-year-2025\""),
          ComparisonField("at_most", Comparison::kAtMost, amount,
                          "YES when the fact is at or below this.", cents),
          ComparisonField("less_than", Comparison::kLessThan, amount,
                          "YES when the fact is below this.", "18"),
          ComparisonField("at_least", Comparison::kAtLeast, amount,
                          "YES when the fact is at or above this.", "65"),
          ComparisonField("more_than", Comparison::kMoreThan, amount,
                          "YES when the fact is above this.", cents),
          ComparisonField("between", Comparison::kBetween, BetweenThreshold(),
                          "YES when the fact is one of these two or lies between them.",
                          "[18, 65]"),
          ComparisonField("is", Comparison::kIs, IsThreshold(),
                          "YES when the fact is this; for a set of codes, when it holds this.",
                          "\"enrolled\""),
          ComparisonField("is_one_of", Comparison::kIsOneOf, IsOneOfThreshold(),
                          "YES when the fact is one of these; for a set of codes, when it holds "
                          "any of these.",
                          "[\"enrolled\", \"suspended\"]"),
          ComparisonField("on_or_before", Comparison::kOnOrBefore, date,
                          "YES when the day is this one or earlier.", "\"2026-12-31\""),
          ComparisonField("on_or_after", Comparison::kOnOrAfter, date,
                          "YES when the day is this one or later.", "\"2026-01-01\""),
          ComparisonField("within_period", Comparison::kIs, std::make_shared<JustTrueShape>(),
                          "YES when the day lies in the period, which is \"last-...-days\".",
                          "true"),
          Optional<Condition>("sum_over_group", YesNo(), &Condition::sum_over_group,
                              "For a group: whether the members' amounts are added up first. A "
                              "fact held per return counts once.",
                              "true"),
          Optional<Condition>(
              "members",
              Choice<GroupMembers>(
                  {{{"all", "YES when it holds of every member, NO when it fails for any"},
                    GroupMembers::kAll},
                   {{"any", "YES when it holds of some member, NO when it fails for all"},
                    GroupMembers::kAny}}),
              &Condition::members,
              "For a group: of which members it has to hold; in place of sum_over_group.",
              "\"all\""),
      },
      one_comparison, &Condition::position);
}

ShapeOf<Condition> ListOf(const std::string& key, Condition::Kind kind, std::string description) {
  const auto store = [kind](std::vector<Condition> children, Condition* out) {
    out->kind = kind;
    out->children = std::move(children);
  };
  const ShapeOf<Condition> child = Recursive<Condition>("condition", &ConditionShape);
  return Map<Condition>(
      "a condition",
      {Required<Condition>(key, Put<Condition>(List(child, 1, 20), store), Itself<Condition>,
                           std::move(description),
                           "[{fact: \"age\", at_least: 18}, {fact: \"enrolled\", is: true}]")},
      {}, &Condition::position);
}

ShapeOf<Condition> Opposite() {
  const ShapeOf<Condition> child = Recursive<Condition>("condition", &ConditionShape);
  const auto store = [](Condition opposite, Condition* out) {
    out->kind = Condition::Kind::kNot;
    out->children = {std::move(opposite)};
  };
  return Map<Condition>("a condition",
                        {Required<Condition>("not", Put<Condition>(child, store), Itself<Condition>,
                                             "YES when this condition is NO, and the other way "
                                             "round; unknown stays unknown.",
                                             "{fact: \"enrolled\", is: true}")},
                        {}, &Condition::position);
}

}  // namespace

ShapeOf<std::string> Code() {
  TextRule rule;
  rule.most = 64;
  rule.pattern = "[A-Za-z0-9][A-Za-z0-9_.-]*";
  rule.expected = "a code of letters, digits, hyphens, underscores and dots";
  return Text(rule);
}

const ShapeOf<Condition>& ConditionShape() {
  static const auto* const kShape = new ShapeOf<Condition>(ByKey<Condition>(
      "a condition", {{"all_of", ListOf("all_of", Condition::Kind::kAllOf,
                                        "YES when all of these are; NO when any of them is.")},
                      {"any_of", ListOf("any_of", Condition::Kind::kAnyOf,
                                        "YES when any of these is; NO when all of them are.")},
                      {"not", Opposite()},
                      {"fact", LeafShape()}}));
  return *kShape;
}

}  // namespace vouch::policies
