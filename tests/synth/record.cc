#include "tests/synth/record.h"

#include <algorithm>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_replace.h"
#include "tests/synth/names.h"
#include "tests/synth/places.h"

namespace vouch::synth {
namespace {

std::string IsoDate(absl::CivilDay day) {
  return absl::StrCat(absl::Dec(day.year(), absl::kZeroPad4), "-",
                      absl::Dec(day.month(), absl::kZeroPad2), "-",
                      absl::Dec(day.day(), absl::kZeroPad2));
}

// Each error returns false, and changes nothing, when this record offers no place for it.

// Positions i at which characters i and i + 1 are both ASCII letters (or both digits) and differ.
std::vector<size_t> SwappablePairs(const std::string& text) {
  std::vector<size_t> pairs;
  for (size_t i = 0; i + 1 < text.size(); ++i) {
    const bool alike = (absl::ascii_isalpha(text[i]) && absl::ascii_isalpha(text[i + 1])) ||
                       (absl::ascii_isdigit(text[i]) && absl::ascii_isdigit(text[i + 1]));
    if (alike && text[i] != text[i + 1]) pairs.push_back(i);
  }
  return pairs;
}

bool Transpose(std::string* text, Dice* dice) {
  const std::vector<size_t> pairs = SwappablePairs(*text);
  if (pairs.empty()) return false;
  const size_t at = pairs[dice->Below(pairs.size())];
  std::swap((*text)[at], (*text)[at + 1]);
  return true;
}

std::vector<size_t> AsciiLetters(const std::string& text) {
  std::vector<size_t> letters;
  for (size_t i = 1; i < text.size(); ++i) {
    if (absl::ascii_isalpha(text[i])) letters.push_back(i);
  }
  return letters;
}

bool DropLetter(std::string* text, Dice* dice) {
  const std::vector<size_t> letters = AsciiLetters(*text);
  if (letters.size() < 2) return false;
  text->erase(letters[dice->Below(letters.size())], 1);
  return true;
}

bool DoubleLetter(std::string* text, Dice* dice) {
  const std::vector<size_t> letters = AsciiLetters(*text);
  if (letters.empty()) return false;
  const size_t at = letters[dice->Below(letters.size())];
  text->insert(at, 1, (*text)[at]);
  return true;
}

// What scanners and tired eyes confuse.
bool Misread(std::string* text, Dice* dice) {
  static constexpr std::pair<absl::string_view, absl::string_view> kPairs[] = {
      {"rn", "m"}, {"m", "rn"}, {"cl", "d"}, {"l", "i"}, {"u", "v"}, {"e", "c"},
      {"O", "0"},  {"I", "l"},  {"h", "b"},  {"S", "5"}, {"n", "r"}, {"a", "o"}};
  const size_t start = dice->Below(std::size(kPairs));
  for (size_t i = 0; i < std::size(kPairs); ++i) {
    const auto& pair = kPairs[(start + i) % std::size(kPairs)];
    const size_t at = text->find(pair.first.data(), 0, pair.first.size());
    if (at == std::string::npos) continue;
    text->replace(at, pair.first.size(), pair.second.data(), pair.second.size());
    return true;
  }
  return false;
}

bool ChangeDigit(std::string* text, Dice* dice) {
  std::vector<size_t> digits;
  // The area's first digit stays: a test number must not turn into a living person's.
  for (size_t i = 1; i < text->size(); ++i) {
    if (absl::ascii_isdigit((*text)[i])) digits.push_back(i);
  }
  if (digits.empty()) return false;
  char& digit = (*text)[digits[dice->Below(digits.size())]];
  digit = static_cast<char>('0' + (digit - '0' + 1 + dice->Below(9)) % 10);
  return true;
}

bool SwapDayAndMonth(Record* record) {
  std::string& date = record->date_of_birth;
  if (date.size() != 10 || date.substr(8, 2) > "12" || date.substr(8, 2) == date.substr(5, 2)) {
    return false;
  }
  date = absl::StrCat(date.substr(0, 5), date.substr(8, 2), "-", date.substr(5, 2));
  return true;
}

bool MistakeBirthday(Record* record, Dice* dice) {
  if (record->date_of_birth.empty()) return false;
  const absl::CivilDay born = record->facts.date_of_birth;
  absl::CivilDay wrong = born;
  switch (dice->Below(3)) {
    case 0:
      wrong = absl::CivilDay(born.year() - 1, born.month(), born.day());
      break;
    case 1:
      wrong = absl::CivilDay(born.year(), born.month(), 1);  // day not known
      break;
    default:
      wrong = born - dice->Between(1, 9);
  }
  if (wrong == born) return false;
  record->date_of_birth = IsoDate(wrong);
  return true;
}

bool UseNickname(Record* record) {
  const absl::string_view nickname = NicknameOf(record->given_name);
  if (nickname.empty()) return false;
  record->given_name = std::string(nickname);
  return true;
}

bool DropHyphen(Record* record, Dice* dice) {
  for (std::string* name : {&record->family_name, &record->given_name}) {
    const size_t hyphen = name->find('-');
    if (hyphen == std::string::npos) continue;
    // Run together, parted, or only one of the two kept.
    switch (dice->Below(3)) {
      case 0:
        name->erase(hyphen, 1);
        break;
      case 1:
        (*name)[hyphen] = ' ';
        break;
      default:
        name->resize(hyphen);
    }
    return true;
  }
  return false;
}

bool KeepFormerName(Record* record) {
  if (record->facts.former_family_name.empty()) return false;
  record->family_name = record->facts.former_family_name;
  record->former_family_name.clear();
  return true;
}

bool Replace(std::string* text, std::string replacement) {
  if (*text == replacement) return false;
  *text = std::move(replacement);
  return true;
}

bool LoseMarks(Record* record) {
  const bool family = Replace(&record->family_name, WithoutMarks(record->family_name));
  const bool given = Replace(&record->given_name, WithoutMarks(record->given_name));
  return family || given;
}

bool Move(Record* record, Dice* dice) {
  return Replace(&record->postal_code, DrawZip(DrawPlace(dice), dice));
}

bool LeaveOut(Record* record, Dice* dice) {
  std::string* fields[] = {&record->postal_code, &record->social_security_number,
                           &record->date_of_birth, &record->given_name};
  return Replace(fields[dice->Below(std::size(fields))], "");
}

bool SwapNames(Record* record) {
  if (record->given_name == record->family_name) return false;
  std::swap(record->given_name, record->family_name);
  return true;
}

bool LoseSuffix(Record* record) {
  for (absl::string_view suffix : {" Jr.", " Jr", " JR", " III", " II", " Sr.", " IV"}) {
    std::string& name = record->family_name;
    const size_t at = name.rfind(suffix.data(), std::string::npos, suffix.size());
    if (at == std::string::npos) continue;
    name.resize(at > 0 && name[at - 1] == ',' ? at - 1 : at);
    return true;
  }
  return false;
}

std::string* AName(Record* record, Dice* dice) {
  return dice->Chance(0.6) ? &record->family_name : &record->given_name;
}

bool Err(Record* record, Dice* dice) {
  switch (dice->Below(22)) {
    case 0:
    case 1:
      return Transpose(AName(record, dice), dice);
    case 2:
    case 3:
      return Misread(AName(record, dice), dice);
    case 4:
      return DropLetter(AName(record, dice), dice);
    case 5:
      return DoubleLetter(AName(record, dice), dice);
    case 6:
    case 7:
      return SwapDayAndMonth(record);
    case 8:
      return MistakeBirthday(record, dice);
    case 9:
    case 10:
      return UseNickname(record);
    case 11:
    case 12:
      return DropHyphen(record, dice);
    case 13:
    case 14:
      return Move(record, dice);
    case 15:
    case 16:
      return KeepFormerName(record);
    case 17: {
      std::string number = record->social_security_number;
      // As for a changed digit, the leading 9 stays.
      if (number.empty() || !Transpose(&number, dice) || number[0] != '9') return false;
      return Replace(&record->social_security_number, number);
    }
    case 18:
      return ChangeDigit(&record->social_security_number, dice);
    case 19:
      return LoseMarks(record);
    case 20:
      return dice->Chance(0.5) ? LoseSuffix(record) : SwapNames(record);
    default:
      return LeaveOut(record, dice);
  }
}

bool SaysTheSame(const Record& a, const Record& b) {
  return a.social_security_number == b.social_security_number &&
         a.date_of_birth == b.date_of_birth && a.given_name == b.given_name &&
         a.family_name == b.family_name && a.former_family_name == b.former_family_name &&
         a.postal_code == b.postal_code;
}

// Two errors can undo each other, hence the comparison.
void ErrAtLeastOnce(Record* record, Dice* dice) {
  const Record truth = *record;
  const int errors = dice->Chance(0.8) ? 1 : 2;
  for (int made = 0; made < errors || SaysTheSame(*record, truth);) made += Err(record, dice);
}

absl::string_view Word(FilingStatus status) {
  switch (status) {
    case FilingStatus::kNone:
      return "";
    case FilingStatus::kSingle:
      return "single";
    case FilingStatus::kMarriedJoint:
      return "married-joint";
    case FilingStatus::kHeadOfHousehold:
      return "head-of-household";
  }
  return "";
}

absl::string_view Word(SchoolMeals meals) {
  switch (meals) {
    case SchoolMeals::kNotASchoolChild:
      return "";
    case SchoolMeals::kNone:
      return "none";
    case SchoolMeals::kReduced:
      return "reduced";
    case SchoolMeals::kFree:
      return "free";
  }
  return "";
}

absl::string_view Word(Discharge discharge) {
  switch (discharge) {
    case Discharge::kNone:
      return "";
    case Discharge::kHonorable:
      return "honorable";
    case Discharge::kGeneral:
      return "general";
    case Discharge::kOtherThanHonorable:
      return "other-than-honorable";
  }
  return "";
}

absl::string_view Word(bool value) { return value ? "true" : "false"; }

void AppendField(absl::string_view text, std::string* out) {
  if (text.find_first_of(",\"\n\r") == absl::string_view::npos) {
    absl::StrAppend(out, text);
  } else {
    absl::StrAppend(out, "\"", absl::StrReplaceAll(text, {{"\"", "\"\""}}), "\"");
  }
}

}  // namespace

std::vector<Record> Clerk::Write(const Person& person) const {
  Record record;
  record.source_id = absl::StrCat(source_prefix_, absl::Dec(person.number, absl::kZeroPad9));
  record.social_security_number = person.social_security_number;
  record.date_of_birth = IsoDate(person.date_of_birth);
  record.given_name = person.given_name;
  record.family_name = person.family_name;
  record.former_family_name = person.former_family_name;
  record.postal_code = person.postal_code;
  record.facts = person;

  std::vector<Record> records = {record};
  Dice dice(error_seed_, 7, person.number);
  if (!dice.Chance(error_rate_)) return records;
  ErrAtLeastOnce(&records[0], &dice);
  if (dice.Chance(0.02)) {
    records.push_back(record);
    records[1].source_id += "-2";
    if (dice.Chance(0.5)) ErrAtLeastOnce(&records[1], &dice);
  }
  return records;
}

std::string CsvHeader() {
  return "source_id,social_security_number,date_of_birth,given_name,family_name,"
         "former_family_name,postal_code,household_id,household_size,region,"
         "adjusted_gross_income,income_period,filing_status,quarterly_wages,wages_period,"
         "snap_enrolled,snap_as_of,medicaid_enrolled,medicaid_as_of,school_meals,veteran,discharge,"
         "residence_county,residence_since,child_birth_date,return_id\n";
}

void AppendCsv(const Record& record, std::string* out) {
  const Person& facts = record.facts;
  for (const std::string* field :
       {&record.source_id, &record.social_security_number, &record.date_of_birth,
        &record.given_name, &record.family_name, &record.former_family_name, &record.postal_code}) {
    AppendField(*field, out);
    out->push_back(',');
  }
  const bool filed = facts.adjusted_gross_income.has_value();
  const std::string as_of = IsoDate(ReferenceDay());
  absl::StrAppend(out, "H", absl::Dec(facts.household, absl::kZeroPad9), ",", facts.household_size,
                  ",", facts.region, ",");
  if (filed)
    absl::StrAppend(out, *facts.adjusted_gross_income, ",tax-year-2025,");
  else
    absl::StrAppend(out, ",,");
  absl::StrAppend(out, Word(facts.filing_status), ",", facts.quarterly_wages, ",2026-Q2,",
                  Word(facts.snap_enrolled), ",", as_of, ",", Word(facts.medicaid_enrolled), ",");
  absl::StrAppend(out, as_of, ",", Word(facts.school_meals), ",", Word(facts.veteran), ",",
                  Word(facts.discharge), ",", facts.residence_county, ",");
  absl::StrAppend(out, IsoDate(facts.residence_since), ",",
                  facts.child_birth_date ? IsoDate(*facts.child_birth_date) : "", ",");
  // Spouses who file jointly are on one return, which no household has two of.
  if (filed) {
    const bool joint = facts.filing_status == FilingStatus::kMarriedJoint;
    absl::StrAppend(out, joint ? "J" : "R", joint ? facts.household : facts.number);
  }
  out->push_back('\n');
}

}  // namespace vouch::synth
