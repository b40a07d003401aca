#include "policies/engine/cases/words.h"

#include <algorithm>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_split.h"
#include "absl/strings/strip.h"
#include "policies/engine/fields.h"

namespace vouch::policies::cases {
namespace {

constexpr absl::CivilDay kFirstDay(1970, 1, 1);
// As the reader of agreements: ten trillion dollars.
constexpr int64_t kMostCents = 1000000000000000;

bool AllDigits(absl::string_view text) {
  return !text.empty() && std::all_of(text.begin(), text.end(), [](char c) {
    return absl::ascii_isdigit(static_cast<unsigned char>(c));
  });
}

// "45000" or "45,000", never "45,00".
absl::optional<int64_t> ParseDollars(absl::string_view text) {
  const std::vector<absl::string_view> groups = absl::StrSplit(text, ',');
  for (size_t i = 0; i < groups.size(); ++i) {
    if (!AllDigits(groups[i])) return absl::nullopt;
    if (groups.size() > 1 && (i == 0 ? groups[i].size() > 3 : groups[i].size() != 3)) {
      return absl::nullopt;
    }
  }
  int64_t dollars = 0;
  if (!absl::SimpleAtoi(absl::StrJoin(groups, ""), &dollars) || dollars > kMostCents / 100) {
    return absl::nullopt;
  }
  return dollars;
}

}  // namespace

const char kDayOfCasePattern[] =
    "first day|day before the first day|last day|day after the last day|"
    "(19|20|21)[0-9]{2}-(0[1-9]|1[0-2])-(0[1-9]|[12][0-9]|3[01])";
const char kNearDayPattern[] =
    "that day|([0-9]{1,3} years?( and [0-9]{1,5} days?)?|[0-9]{1,5} days?) (before|after)|"
    "(19|20|21)[0-9]{2}-(0[1-9]|1[0-2])-(0[1-9]|[12][0-9]|3[01])";

absl::string_view RefusedName(Refused refused) {
  switch (refused) {
    case Refused::kNotAParty:
      return "not-a-party";
    case Refused::kNotSigned:
      return "not-signed";
    case Refused::kNotInForce:
      return "not-in-force";
    case Refused::kOtherFile:
      return "other-file";
    case Refused::kQuestionNotListed:
      return "question-not-listed";
    case Refused::kPurposeNotListed:
      return "purpose-not-listed";
    case Refused::kParameterNotListed:
      return "parameter-not-listed";
    case Refused::kSubject:
      return "subject";
    case Refused::kPersonLimit:
      return "person-limit";
  }
  return "";
}

const std::vector<Refused>& AllRefused() {
  static const auto* const kAll = new std::vector<Refused>{
      Refused::kNotAParty,          Refused::kNotSigned,         Refused::kNotInForce,
      Refused::kOtherFile,          Refused::kQuestionNotListed, Refused::kPurposeNotListed,
      Refused::kParameterNotListed, Refused::kSubject,           Refused::kPersonLimit};
  return *kAll;
}

absl::string_view DoName(Do action) {
  switch (action) {
    case Do::kAccept:
      return "accept";
    case Do::kVerifyIndependently:
      return "verify-independently";
    case Do::kAskThePerson:
      return "ask-the-person";
  }
  return "";
}

absl::string_view BecauseName(UndeterminedReason reason) {
  switch (reason) {
    case UndeterminedReason::kNotTold:
      return "";
    case UndeterminedReason::kNoRecord:
      return "no record";
    case UndeterminedReason::kSeveralFound:
      return "several found";
    case UndeterminedReason::kMismatch:
      return "mismatch";
    case UndeterminedReason::kTooOld:
      return "too old";
    case UndeterminedReason::kNotHeld:
      return "not held";
    case UndeterminedReason::kHeldBack:
      return "held back";
    case UndeterminedReason::kLimitUsedUp:
      return "limit used up";
  }
  return "";
}

std::string MoneyText(int64_t cents) {
  const bool negative = cents < 0;
  const uint64_t whole = negative ? -static_cast<uint64_t>(cents) : static_cast<uint64_t>(cents);
  std::string dollars = absl::StrCat(whole / 100);
  for (size_t at = dollars.size(); at > 3; at -= 3) dollars.insert(at - 3, ",");
  return absl::StrFormat("%s$%s.%02d", negative ? "-" : "", dollars, whole % 100);
}

absl::optional<int64_t> ParseMoney(absl::string_view text) {
  const bool negative = absl::ConsumePrefix(&text, "-");
  if (!absl::ConsumePrefix(&text, "$")) return absl::nullopt;
  int64_t cents = 0;
  const size_t point = text.find('.');
  if (point != absl::string_view::npos) {
    const absl::string_view decimals = text.substr(point + 1);
    if (decimals.size() != 2 || !AllDigits(decimals)) return absl::nullopt;
    cents = (decimals[0] - '0') * 10 + (decimals[1] - '0');
    text = text.substr(0, point);
  }
  const absl::optional<int64_t> dollars = ParseDollars(text);
  if (!dollars.has_value()) return absl::nullopt;
  const int64_t all = *dollars * 100 + cents;
  return negative ? -all : all;
}

absl::CivilDay DayOfValue(int64_t number) { return kFirstDay + number; }
int64_t ValueOfDay(absl::CivilDay day) { return day - kFirstDay; }
std::string DayText(absl::CivilDay day) { return absl::FormatCivilTime(day); }

std::string QuotedList(const std::vector<std::string>& names) {
  return absl::StrJoin(names, ", ", [](std::string* out, const std::string& name) {
    absl::StrAppend(out, "\"", Shown(name), "\"");
  });
}

std::string MeantOrOneOf(absl::string_view word, const std::vector<std::string>& names) {
  const std::string near = Nearest(word, names);
  if (!near.empty()) return absl::StrCat("did you mean \"", near, "\"?");
  if (names.empty()) return "leave it out: there is none";
  constexpr size_t kMostShown = 12;
  const std::vector<std::string> shown(
      names.begin(),
      names.begin() + static_cast<std::ptrdiff_t>(std::min(names.size(), kMostShown)));
  return absl::StrCat("write one of ", QuotedList(shown), names.size() > kMostShown ? ", ..." : "");
}

std::string ValueText(const FactValue& value) {
  switch (value.type) {
    case FactType::kMoney:
      return MoneyText(value.number);
    case FactType::kWholeNumber:
      return absl::StrCat(value.number);
    case FactType::kDate:
      return DayText(DayOfValue(value.number));
    case FactType::kYesNo:
      return value.number != 0 ? "yes" : "no";
    case FactType::kCode:
      return QuotedList(value.codes);
    case FactType::kCodeSet:
      return absl::StrCat("[", QuotedList(value.codes), "]");
  }
  return "";
}

std::string ParametersText(const Parameters& parameters) {
  std::vector<std::string> parts;
  for (const auto& [name, value] : parameters) {
    parts.push_back(
        absl::holds_alternative<int64_t>(value)
            ? absl::StrCat(Shown(name), ": ", absl::get<int64_t>(value))
            : absl::StrCat(Shown(name), ": \"", Shown(absl::get<std::string>(value)), "\""));
  }
  return absl::StrJoin(parts, ", ");
}

std::string PeriodWords(const PeriodRule& period) {
  if (period.kind == PeriodRule::Kind::kNone) return "";
  return absl::StrCat(", ", Shown(period.text));
}

std::string ComparisonWords(Comparison comparison) {
  switch (comparison) {
    case Comparison::kAtMost:
      return "at most";
    case Comparison::kLessThan:
      return "less than";
    case Comparison::kAtLeast:
      return "at least";
    case Comparison::kMoreThan:
      return "more than";
    case Comparison::kBetween:
      return "between";
    case Comparison::kIs:
      return "is";
    case Comparison::kIsOneOf:
      return "is one of";
    case Comparison::kOnOrBefore:
      return "on or before";
    case Comparison::kOnOrAfter:
      return "on or after";
  }
  return "";
}

std::string SpanText(absl::Duration span) {
  if (span == absl::InfiniteDuration()) return "the agreement's whole life";
  const int64_t hours = absl::ToInt64Hours(span);
  if (hours % 24 == 0) {
    return absl::StrCat(hours / 24, hours == 24 ? " day" : " days");
  }
  return absl::StrCat(hours, hours == 1 ? " hour" : " hours");
}

absl::optional<absl::CivilDay> ParseDayOfCase(absl::string_view text, const Agreement& agreement) {
  if (text == "first day") return agreement.effective;
  if (text == "day before the first day") return agreement.effective - 1;
  if (text == "last day") return agreement.expires;
  if (text == "day after the last day") return agreement.expires + 1;
  return ParseDay(text);
}

absl::optional<absl::CivilDay> ParseNearDay(absl::string_view text, absl::CivilDay on) {
  if (text == "that day") return on;
  if (absl::optional<absl::CivilDay> day = ParseDay(text)) return day;
  const bool after = absl::ConsumeSuffix(&text, " after");
  if (!after && !absl::ConsumeSuffix(&text, " before")) return absl::nullopt;
  const int sign = after ? 1 : -1;
  absl::CivilDay day = on;
  for (absl::string_view part : absl::StrSplit(text, " and ")) {
    const std::vector<absl::string_view> words = absl::StrSplit(part, ' ');
    int64_t count = 0;
    if (words.size() != 2 || words[0].size() > 5 || !AllDigits(words[0]) ||
        !absl::SimpleAtoi(words[0], &count)) {
      return absl::nullopt;
    }
    if (absl::StartsWith(words[1], "year")) {
      day = absl::CivilDay(day.year() + sign * count, day.month(), day.day());
    } else if (absl::StartsWith(words[1], "day")) {
      day += sign * count;
    } else {
      return absl::nullopt;
    }
  }
  return day;
}

std::string NearDayText(absl::CivilDay day, absl::CivilDay on) {
  const int64_t days = on - day;
  if (days == 0) return "that day";
  const absl::string_view which = days > 0 ? "before" : "after";
  const int64_t count = days > 0 ? days : -days;
  if (count <= 1500) return absl::StrCat(count, count == 1 ? " day " : " days ", which);
  if (days > 0) {
    // Whole years back and the days beyond, so that ages stay what they are on another day.
    const int64_t years =
        on.year() - day.year() - (absl::CivilDay(day.year(), on.month(), on.day()) < day ? 1 : 0);
    const absl::CivilDay anniversary(on.year() - years, on.month(), on.day());
    const int64_t beyond = anniversary - day;
    if (years <= 199 && beyond >= 0) {
      return beyond == 0 ? absl::StrCat(years, " years before")
                         : absl::StrCat(years, " years and ", beyond,
                                        beyond == 1 ? " day before" : " days before");
    }
  }
  return DayText(day);
}

absl::optional<FactValue> TypedValue(const FactDefinition& fact, const WrittenValue& written,
                                     absl::CivilDay on, std::string* problem, std::string* mend) {
  using Kind = WrittenValue::Kind;
  FactValue value;
  value.type = fact.type;
  const auto wrong = [&](absl::string_view is, absl::string_view write) {
    *problem = absl::StrCat("the fact `", fact.name, "` is ", is);
    *mend = absl::StrCat("write ", write);
    return absl::optional<FactValue>();
  };
  const auto known_code = [&](const std::string& code) {
    if (std::find(fact.codes.begin(), fact.codes.end(), code) != fact.codes.end()) return true;
    *problem = absl::StrCat("the catalogue lists no code `", Shown(code), "` for the fact `",
                            fact.name, "`");
    *mend = MeantOrOneOf(code, fact.codes);
    return false;
  };
  switch (fact.type) {
    case FactType::kMoney: {
      const absl::optional<int64_t> cents =
          written.kind == Kind::kText ? ParseMoney(written.text) : absl::nullopt;
      if (!cents.has_value()) return wrong("an amount of money", "it as \"$45,000.00\"");
      value.number = *cents;
      return value;
    }
    case FactType::kWholeNumber:
      if (written.kind != Kind::kNumber) return wrong("a whole number", "it without quotes, as 4");
      value.number = written.number;
      return value;
    case FactType::kDate: {
      const absl::optional<absl::CivilDay> day =
          written.kind == Kind::kText ? ParseNearDay(written.text, on) : absl::nullopt;
      if (!day.has_value()) {
        return wrong("a day", "it as \"2026-10-01\" or as \"45 days before\"");
      }
      value.number = ValueOfDay(*day);
      return value;
    }
    case FactType::kYesNo:
      if (written.kind != Kind::kYesNo) return wrong("yes or no", "true or false, without quotes");
      value.number = written.number;
      return value;
    case FactType::kCode:
      if (written.kind != Kind::kText) {
        return wrong("a code", absl::StrCat("one of ", QuotedList(fact.codes)));
      }
      if (!known_code(written.text)) return absl::nullopt;
      value.codes = {written.text};
      return value;
    case FactType::kCodeSet: {
      if (written.kind != Kind::kList && written.kind != Kind::kText) {
        return wrong("a set of codes", "a list such as [\"a\", \"b\"]");
      }
      const std::vector<std::string> codes =
          written.kind == Kind::kList ? written.list : std::vector<std::string>{written.text};
      for (const std::string& code : codes) {
        if (!known_code(code)) return absl::nullopt;
      }
      // In the catalogue's order, as records hold them.
      for (const std::string& code : fact.codes) {
        if (std::find(codes.begin(), codes.end(), code) != codes.end()) value.codes.push_back(code);
      }
      return value;
    }
  }
  return absl::nullopt;
}

namespace {

void AddSlots(const Condition& condition, const FactCatalogue& facts, absl::CivilDay on,
              std::vector<Slot>* slots) {
  for (const Condition& child : condition.children) AddSlots(child, facts, on, slots);
  if (condition.kind != Condition::Kind::kLeaf) return;
  Slot slot;
  slot.fact = condition.fact == "age" ? "date_of_birth" : condition.fact;
  const FactDefinition* definition = facts.Find(slot.fact);
  if (definition == nullptr) return;
  slot.period.kind = definition->period;
  if (definition->period == PeriodKind::kTaxYear || definition->period == PeriodKind::kMonth) {
    switch (condition.period.kind) {
      case PeriodRule::Kind::kFixed:
        slot.period = condition.period.fixed;
        break;
      case PeriodRule::Kind::kLatestTaxYear:
        slot.period.number = static_cast<int32_t>(on.year() - 1);
        break;
      case PeriodRule::Kind::kLastFullMonth:
        slot.period.number = static_cast<int32_t>(on.year() * 12 + on.month() - 2);
        break;
      default:
        return;
    }
  }
  const auto same = [&](const Slot& other) {
    return other.fact == slot.fact && other.period == slot.period;
  };
  if (std::none_of(slots->begin(), slots->end(), same)) slots->push_back(std::move(slot));
}

}  // namespace

std::vector<Slot> SlotsOf(const Condition& condition, const FactCatalogue& facts,
                          absl::CivilDay on) {
  std::vector<Slot> slots;
  AddSlots(condition, facts, on, &slots);
  return slots;
}

}  // namespace vouch::policies::cases
