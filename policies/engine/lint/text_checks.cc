// Rule pack privacy, on text: an agreement is read by many and kept for years, so no person belongs
// in it. The whole file is looked at, comments included: they are signed too.
#include <set>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "policies/engine/lint/checks.h"
#include "policies/engine/unicode.h"

namespace vouch::policies::lint {
namespace {

bool Digit(absl::string_view text, size_t at) {
  return at < text.size() && absl::ascii_isdigit(static_cast<unsigned char>(text[at])) != 0;
}

// True when `shape` (9 for a digit, anything else for itself) stands at `at`, and no digit or
// letter before or after it.
bool Stands(absl::string_view text, size_t at, absl::string_view shape) {
  if (at + shape.size() > text.size()) return false;
  for (size_t i = 0; i < shape.size(); ++i) {
    const bool fits = shape[i] == '9' ? Digit(text, at + i) : text[at + i] == shape[i];
    if (!fits) return false;
  }
  const auto part_of_word = [&](size_t i) {
    return absl::ascii_isalnum(static_cast<unsigned char>(text[i])) != 0 || text[i] == '-';
  };
  if (at > 0 && part_of_word(at - 1)) return false;
  const size_t end = at + shape.size();
  return end >= text.size() || !part_of_word(end);
}

bool StandsAny(absl::string_view text, size_t at, std::initializer_list<absl::string_view> shapes) {
  for (const absl::string_view shape : shapes) {
    if (Stands(text, at, shape)) return true;
  }
  return false;
}

// A word of these within so many bytes before `at`.
bool After(absl::string_view lower, size_t at, size_t reach,
           std::initializer_list<absl::string_view> words) {
  const size_t begin = at > reach ? at - reach : 0;
  const absl::string_view before = lower.substr(begin, at - begin);
  for (const absl::string_view word : words) {
    if (absl::StrContains(before, word)) return true;
  }
  return false;
}

absl::string_view IdentifierAt(absl::string_view line, absl::string_view lower, size_t at) {
  if (StandsAny(line, at, {"999-99-9999", "999 99 9999"})) {
    const bool possible = line.substr(at, 3) != "000" && line.substr(at + 4, 2) != "00" &&
                          line.substr(at + 7, 4) != "0000";
    if (possible) return "a social security number";
  }
  if (Stands(line, at, "999999999") && After(lower, at, 40, {"ssn", "social security"})) {
    return "a social security number";
  }
  const bool born = After(lower, at, 24, {"born", "birth", "dob", "d.o.b"});
  if (born &&
      StandsAny(line, at, {"9999-99-99", "99/99/9999", "9/99/9999", "99/9/9999", "9/9/9999"})) {
    return "a date of birth";
  }
  return "";
}

Position PositionAt(int line, absl::string_view text, size_t at) {
  return {line, static_cast<int>(CodePointCount(text.substr(0, at))) + 1};
}

void IdentifierInText(Finder* find) {
  int number = 0;
  for (const absl::string_view line : absl::StrSplit(find->file().bytes, '\n')) {
    ++number;
    const std::string lower = absl::AsciiStrToLower(line);
    for (size_t at = 0; at < line.size(); ++at) {
      if (!Digit(line, at) || (at > 0 && Digit(line, at - 1))) continue;
      const absl::string_view what = IdentifierAt(line, lower, at);
      if (what.empty()) continue;
      // The number itself is not repeated: findings end up in tickets.
      find->AddAt(
          find->rule().severity, PositionAt(number, line, at), "",
          absl::StrCat("this looks like ", what, "; whoever reads the agreement would read it"),
          "take it out, of comments too, and of the versions kept before");
    }
  }
}

// Lines where a telephone number or an e-mail address is in its place.
std::set<int> ContactLines(const Finder& find) {
  std::set<int> lines;
  const auto add = [&](const std::string& path) {
    const Node& node = find.At(path);
    int line = node.position.line;
    lines.insert(line);
    for (const char c : node.text) {
      if (c == '\n') lines.insert(++line);
    }
  };
  const Agreement& agreement = find.agreement();
  for (size_t i = 0; i < agreement.contacts.size(); ++i) {
    add(absl::StrCat("contacts[", i + 1, "].email"));
  }
  add("protections.corrections.contact");
  for (size_t q = 0; q < agreement.questions.size(); ++q) {
    for (size_t i = 0; i < agreement.questions[q].say.size(); ++i) {
      add(absl::StrCat(QuestionPath(q), ".say[", i + 1, "].text"));
    }
  }
  return lines;
}

bool OfAddress(char c) {
  return absl::ascii_isalnum(static_cast<unsigned char>(c)) != 0 || c == '.' || c == '_' ||
         c == '%' || c == '+' || c == '-';
}

void ContactInText(Finder* find) {
  const std::set<int> in_place = ContactLines(*find);
  int number = 0;
  for (const absl::string_view line : absl::StrSplit(find->file().bytes, '\n')) {
    if (in_place.count(++number) > 0) continue;
    for (size_t at = 0; at < line.size(); ++at) {
      if (StandsAny(line, at, {"(999) 999-9999", "999-999-9999", "999.999.9999"})) {
        find->AddAt(find->rule().severity, PositionAt(number, line, at), "",
                    "this looks like a telephone number",
                    "keep people's own numbers out; whom to call stands in `contacts`");
      }
      if (line[at] != '@') continue;
      size_t begin = at;
      while (begin > 0 && OfAddress(line[begin - 1])) --begin;
      size_t end = at + 1;
      while (end < line.size() && OfAddress(line[end])) ++end;
      const absl::string_view domain = line.substr(at + 1, end - at - 1);
      if (begin == at || !absl::StrContains(domain, '.')) continue;
      find->AddAt(find->rule().severity, PositionAt(number, line, begin), "",
                  "this looks like an e-mail address",
                  "keep people's own addresses out; whom to write to stands in `contacts`");
    }
  }
}

}  // namespace

std::vector<Check> TextChecks() {
  return {{"privacy/identifier-in-text", IdentifierInText},
          {"privacy/contact-in-text", ContactInText}};
}

}  // namespace vouch::policies::lint
