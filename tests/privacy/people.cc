#include "tests/privacy/people.h"

#include <algorithm>
#include <cerrno>
#include <fstream>

#include "absl/strings/ascii.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/time/civil_time.h"
#include "crypto/identity.h"

namespace vouch::privacy {

namespace {

constexpr size_t kShortestName = 3;
constexpr size_t kStrongName = 8;
constexpr size_t kShortestSourceId = 6;
// Days from this year on stand in logs and agreements.
constexpr uint32_t kRecentYear = 2020;

std::string DigitsOf(absl::string_view text) {
  std::string digits;
  for (const char c : text) {
    if (absl::ascii_isdigit(c)) digits.push_back(c);
  }
  return digits;
}

size_t LettersOf(absl::string_view text) {
  size_t letters = 0;
  for (const char c : text) {
    // Of a letter beyond ASCII, the first byte of its UTF-8.
    letters += absl::ascii_isalpha(c) || static_cast<uint8_t>(c) >= 0xc0;
  }
  return letters;
}

// One line of RFC 4180, without line breaks in fields, as vouch-synth writes them.
std::vector<std::string> Fields(absl::string_view line) {
  std::vector<std::string> fields(1);
  bool quoted = false;
  for (size_t i = 0; i < line.size(); ++i) {
    if (line[i] == '"') {
      if (quoted && i + 1 < line.size() && line[i + 1] == '"') {
        fields.back().push_back('"');
        ++i;
      } else {
        quoted = !quoted;
      }
    } else if (line[i] == ',' && !quoted) {
      fields.emplace_back();
    } else {
      fields.back().push_back(line[i]);
    }
  }
  return fields;
}

uint32_t FirstThree(absl::string_view text) {
  return static_cast<uint8_t>(text[0]) << 16 | static_cast<uint8_t>(text[1]) << 8 |
         static_cast<uint8_t>(text[2]);
}

}  // namespace

absl::string_view KindName(Kind kind) {
  constexpr absl::string_view kNames[kKinds] = {"social_security_number",
                                                "source_id",
                                                "date_of_birth",
                                                "given_name",
                                                "family_name",
                                                "postal_code",
                                                "income"};
  return kNames[static_cast<size_t>(kind)];
}

uint32_t People::Intern(Kind kind, const std::string& value) {
  if (value.empty()) return 0;
  const size_t k = static_cast<size_t>(kind);
  // Ids begin at 1; 0 is no value.
  if (holders_[k].empty()) holders_[k].emplace_back();
  const auto [entry, is_new] =
      ids_[k].try_emplace(value, static_cast<uint32_t>(holders_[k].size()));
  if (is_new) holders_[k].emplace_back();
  holders_[k][entry->second].push_back(static_cast<uint32_t>(rows_.size()));
  return entry->second;
}

void People::AddText(Kind kind, uint32_t id, const std::string& form, bool strong, size_t letters) {
  const std::string lower = absl::AsciiStrToLower(form);
  if (lower.size() < kShortestName || lower.size() > 512) return;
  std::vector<Value>& values = texts_[lower];
  for (const Value& value : values) {
    if (value.kind == kind && value.id == id) return;
  }
  values.push_back(Value{kind, id, strong, static_cast<uint8_t>(std::min<size_t>(letters, 255))});
  const uint32_t three = FirstThree(lower);
  begins_[three >> 6] |= uint64_t{1} << (three & 63);
  std::vector<uint16_t>& lengths = lengths_[three];
  const uint16_t length = static_cast<uint16_t>(lower.size());
  const auto place = std::lower_bound(lengths.begin(), lengths.end(), length, std::greater<>());
  if (place == lengths.end() || *place != length) lengths.insert(place, length);
}

void People::Add(const RawPerson& person) {
  Row row{};
  const std::string ssn = DigitsOf(person.social_security_number);
  if (ssn.size() == 9) {
    const uint32_t id = Intern(Kind::kSocialSecurityNumber, ssn);
    row[static_cast<size_t>(Kind::kSocialSecurityNumber)] = id;
    uint64_t number = 0;
    if (absl::SimpleAtoi(ssn, &number)) {
      numbers_[static_cast<size_t>(Kind::kSocialSecurityNumber)][number] =
          Value{Kind::kSocialSecurityNumber, id, true, 0};
    }
  }
  if (person.source_id.size() >= kShortestSourceId) {
    const uint32_t id = Intern(Kind::kSourceId, person.source_id);
    row[static_cast<size_t>(Kind::kSourceId)] = id;
    AddText(Kind::kSourceId, id, person.source_id, true, 0);
  }
  absl::CivilDay day;
  if (absl::ParseCivilTime(person.date_of_birth, &day)) {
    const uint64_t number = static_cast<uint64_t>(day.year()) * 10000 +
                            static_cast<uint64_t>(day.month()) * 100 +
                            static_cast<uint64_t>(day.day());
    const uint32_t id = Intern(Kind::kDateOfBirth, absl::FormatCivilTime(day));
    row[static_cast<size_t>(Kind::kDateOfBirth)] = id;
    numbers_[static_cast<size_t>(Kind::kDateOfBirth)][number] =
        Value{Kind::kDateOfBirth, id, number / 10000 < kRecentYear, 0};
  }
  const auto name = [this](Kind kind, crypto::Attribute attribute, const std::string& text) {
    if (LettersOf(text) < kShortestName) return uint32_t{0};
    const uint32_t id = Intern(kind, text);
    const auto normal = crypto::FindSpellingRules("names/1")->Normalize(
        attribute, text, crypto::IdentityUse::kTest, absl::CivilDay(2030, 1, 1));
    AddText(kind, id, text, LettersOf(text) >= kStrongName, LettersOf(text));
    if (normal.ok() && LettersOf(*normal) >= kShortestName) {
      AddText(kind, id, *normal, LettersOf(*normal) >= kStrongName, LettersOf(*normal));
    }
    return id;
  };
  row[static_cast<size_t>(Kind::kGivenName)] =
      name(Kind::kGivenName, crypto::Attribute::kGivenName, person.given_name);
  row[static_cast<size_t>(Kind::kFamilyName)] =
      name(Kind::kFamilyName, crypto::Attribute::kFamilyName, person.family_name);
  row[kKinds] = name(Kind::kFamilyName, crypto::Attribute::kFamilyName, person.former_family_name);
  const auto number = [this, &row](Kind kind, const std::string& text) {
    uint64_t value = 0;
    if (!absl::SimpleAtoi(text, &value) || value == 0) return;
    const uint32_t id = Intern(kind, text);
    row[static_cast<size_t>(kind)] = id;
    numbers_[static_cast<size_t>(kind)][value] = Value{kind, id, false, 0};
  };
  if (person.postal_code.size() >= 5) number(Kind::kPostalCode, person.postal_code.substr(0, 5));
  if (person.income_cents.size() >= 5) number(Kind::kIncome, person.income_cents);
  rows_.push_back(row);
}

absl::Status People::AddCsv(const std::string& path) {
  std::ifstream file(path);
  if (!file) return absl::NotFoundError(absl::StrCat("cannot read ", path));
  std::string line;
  std::getline(file, line);
  const std::vector<std::string> header = Fields(line);
  const std::pair<const char*, std::string RawPerson::*> wanted[] = {
      {"social_security_number", &RawPerson::social_security_number},
      {"source_id", &RawPerson::source_id},
      {"date_of_birth", &RawPerson::date_of_birth},
      {"given_name", &RawPerson::given_name},
      {"family_name", &RawPerson::family_name},
      {"former_family_name", &RawPerson::former_family_name},
      {"postal_code", &RawPerson::postal_code},
      {"adjusted_gross_income", &RawPerson::income_cents}};
  std::vector<size_t> places;
  for (const auto& [name, member] : wanted) {
    const auto found = std::find(header.begin(), header.end(), name);
    if (found == header.end()) {
      return absl::InvalidArgumentError(absl::StrCat(path, " has no column ", name));
    }
    places.push_back(static_cast<size_t>(found - header.begin()));
  }
  for (size_t number = 2; std::getline(file, line); ++number) {
    const std::vector<std::string> fields = Fields(line);
    if (fields.size() != header.size()) {
      return absl::InvalidArgumentError(absl::StrCat(path, ":", number, " has another width"));
    }
    RawPerson person;
    for (size_t i = 0; i < places.size(); ++i) person.*(wanted[i].second) = fields[places[i]];
    Add(person);
  }
  return absl::OkStatus();
}

void People::ExcludePublic(absl::string_view text) {
  const std::string lower = absl::AsciiStrToLower(text);
  for (auto& [form, values] : texts_) {
    if (!std::any_of(values.begin(), values.end(), [](const Value& v) { return v.strong; }) ||
        lower.find(form) == std::string::npos) {
      continue;
    }
    // Still evidence beside another value of the same person.
    for (Value& value : values) {
      excluded_ += value.strong;
      value.strong = false;
    }
  }
}

const Value* People::FindSocialSecurityNumber(uint32_t digits) const {
  const auto& map = numbers_[static_cast<size_t>(Kind::kSocialSecurityNumber)];
  const auto found = map.find(digits);
  return found == map.end() ? nullptr : &found->second;
}

const Value* People::FindDate(uint32_t yyyymmdd) const {
  const auto& map = numbers_[static_cast<size_t>(Kind::kDateOfBirth)];
  const auto found = map.find(yyyymmdd);
  return found == map.end() ? nullptr : &found->second;
}

const Value* People::FindPostalCode(uint32_t digits) const {
  const auto& map = numbers_[static_cast<size_t>(Kind::kPostalCode)];
  const auto found = map.find(digits);
  return found == map.end() ? nullptr : &found->second;
}

const Value* People::FindIncome(uint64_t cents) const {
  const auto& map = numbers_[static_cast<size_t>(Kind::kIncome)];
  const auto found = map.find(cents);
  return found == map.end() ? nullptr : &found->second;
}

absl::Span<const uint16_t> People::Lengths(uint32_t three_bytes) const {
  const auto found = lengths_.find(three_bytes);
  if (found == lengths_.end()) return {};
  return found->second;
}

absl::Span<const Value> People::FindText(absl::string_view text) const {
  const auto found = texts_.find(text);
  if (found == texts_.end()) return {};
  return found->second;
}

bool People::Has(const Row& row, const Value& value) const {
  return row[static_cast<size_t>(value.kind)] == value.id ||
         (value.kind == Kind::kFamilyName && row[kKinds] == value.id);
}

bool People::SamePerson(const Value& a, const Value& b) const {
  const std::vector<uint32_t>& of_a = holders_[static_cast<size_t>(a.kind)][a.id];
  const std::vector<uint32_t>& of_b = holders_[static_cast<size_t>(b.kind)][b.id];
  const bool a_is_rarer = of_a.size() <= of_b.size();
  for (const uint32_t row : a_is_rarer ? of_a : of_b) {
    if (Has(rows_[row], a_is_rarer ? b : a)) return true;
  }
  return false;
}

}  // namespace vouch::privacy
