#include "policies/engine/explain/words.h"

#include <map>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_replace.h"
#include "absl/strings/str_split.h"
#include "absl/strings/strip.h"

namespace vouch::policies::explain {
namespace {

constexpr absl::CivilDay kFirstDay(1970, 1, 1);

const char* const kMonths[] = {"January",   "February", "March",    "April",
                               "May",       "June",     "July",     "August",
                               "September", "October",  "November", "December"};

std::string Thousands(uint64_t number) {
  std::string digits = absl::StrCat(number);
  for (size_t at = digits.size(); at > 3;) {
    at -= 3;
    digits.insert(at, ",");
  }
  return digits;
}

// Also of the lowest value there is.
uint64_t Magnitude(int64_t number) {
  return number < 0 ? ~static_cast<uint64_t>(number) + 1 : static_cast<uint64_t>(number);
}

}  // namespace

std::string DateWords(absl::CivilDay day) {
  return absl::StrCat(kMonths[day.month() - 1], " ", day.day(), ", ", day.year());
}

std::string WeekdayWords(absl::CivilDay day) {
  static const char* const kDays[] = {"Monday", "Tuesday",  "Wednesday", "Thursday",
                                      "Friday", "Saturday", "Sunday"};
  return absl::StrCat(kDays[static_cast<int>(absl::GetWeekday(day))], ", ", DateWords(day));
}

std::string Dollars(int64_t cents) {
  const uint64_t all = Magnitude(cents);
  return absl::StrCat(cents < 0 ? "-" : "", "$", Thousands(all / 100), ".",
                      absl::StrFormat("%02d", all % 100));
}

std::string Grouped(int64_t number) {
  return absl::StrCat(number < 0 ? "-" : "", Thousands(Magnitude(number)));
}

std::string Counted(int64_t number, absl::string_view noun) {
  return absl::StrCat(Grouped(number), " ", noun, number == 1 ? "" : "s");
}

std::string Ordinal(int64_t number) {
  const int64_t tens = number % 100;
  const char* ending = "th";
  if (tens < 11 || tens > 13) {
    if (number % 10 == 1) ending = "st";
    if (number % 10 == 2) ending = "nd";
    if (number % 10 == 3) ending = "rd";
  }
  return absl::StrCat(Grouped(number), ending);
}

std::string Joined(const std::vector<std::string>& parts, absl::string_view last) {
  if (parts.size() < 2) return absl::StrJoin(parts, "");
  const std::vector<std::string> first(parts.begin(), parts.end() - 1);
  return absl::StrCat(absl::StrJoin(first, ", "), " ", last, " ", parts.back());
}

std::string NameWords(absl::string_view name) { return absl::StrReplaceAll(name, {{"_", " "}}); }

std::string AttributeWords(absl::string_view part) {
  absl::string_view rest = part;
  if (absl::ConsumePrefix(&rest, "soundex:")) {
    return absl::StrCat("how the ", AttributeWords(rest), " sounds (soundex)");
  }
  if (absl::ConsumePrefix(&rest, "initial:")) {
    return absl::StrCat("the first letter of the ", AttributeWords(rest));
  }
  if (absl::ConsumePrefix(&rest, "year:")) {
    return absl::StrCat("the year of the ", AttributeWords(rest));
  }
  static const auto* const known = new std::map<std::string, std::string, std::less<>>{
      {"social_security_number", "Social Security number"},
      {"individual_taxpayer_id", "Individual Taxpayer Identification Number"},
      {"postal_code", "ZIP or postal code"},
      {"national_id", "national identity number"},
      {"employer_id", "employer identification number"},
  };
  const auto found = known->find(part);
  return found != known->end() ? found->second : NameWords(part);
}

std::string LanguageWords(absl::string_view tag) {
  static const auto* const known = new std::map<std::string, std::string, std::less<>>{
      {"ar", "Arabic"},         {"de", "German"},  {"en", "English"},    {"es", "Spanish"},
      {"fa", "Persian"},        {"fr", "French"},  {"hi", "Hindi"},      {"hmn", "Hmong"},
      {"ht", "Haitian Creole"}, {"it", "Italian"}, {"ja", "Japanese"},   {"ko", "Korean"},
      {"nv", "Navajo"},         {"pl", "Polish"},  {"pt", "Portuguese"}, {"ru", "Russian"},
      {"so", "Somali"},         {"tl", "Tagalog"}, {"uk", "Ukrainian"},  {"ur", "Urdu"},
      {"vi", "Vietnamese"},     {"zh", "Chinese"},
  };
  const auto found = known->find(tag);
  return found != known->end() ? found->second : absl::StrCat("language ", tag);
}

std::string ValueWords(const FactValue& value) {
  switch (value.type) {
    case FactType::kMoney:
      return Dollars(value.number);
    case FactType::kWholeNumber:
      return Grouped(value.number);
    case FactType::kDate:
      return DateWords(kFirstDay + value.number);
    case FactType::kYesNo:
      return value.number != 0 ? "yes" : "no";
    case FactType::kCode:
    case FactType::kCodeSet: {
      std::vector<std::string> codes;
      for (const std::string& code : value.codes) codes.push_back(absl::StrCat("“", code, "”"));
      return Joined(codes);
    }
  }
  return "";
}

std::string ParameterWords(const ParameterValue& value) {
  return absl::holds_alternative<int64_t>(value) ? Grouped(absl::get<int64_t>(value))
                                                 : absl::get<std::string>(value);
}

std::string OneLine(absl::string_view text) {
  const std::vector<absl::string_view> lines = absl::StrSplit(text, '\n', absl::SkipWhitespace());
  std::vector<absl::string_view> stripped;
  stripped.reserve(lines.size());
  for (const absl::string_view line : lines) stripped.push_back(absl::StripAsciiWhitespace(line));
  return absl::StrJoin(stripped, " ");
}

std::string WindowWords(absl::string_view every) {
  if (every == "agreement") return "over the whole life of the agreement";
  absl::string_view unit = every;
  if (absl::ConsumePrefix(&unit, "1 ")) return absl::StrCat("within any one ", unit);
  return absl::StrCat("within any ", every);
}

}  // namespace vouch::policies::explain
