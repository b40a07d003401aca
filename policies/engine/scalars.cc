// How each kind of scalar is read, and described in a schema.
#include <algorithm>
#include <limits>
#include <regex>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_split.h"
#include "policies/engine/fields.h"
#include "policies/engine/unicode.h"

namespace vouch::policies {
namespace {

bool IsPlain(const Node& node) { return node.style == Node::Style::kPlain; }

bool IsWordAmong(absl::string_view text, std::initializer_list<absl::string_view> words) {
  const std::string lower = absl::AsciiStrToLower(text);
  return std::find(words.begin(), words.end(), lower) != words.end();
}

bool IsTruthWord(absl::string_view text) {
  return IsWordAmong(text, {"true", "false", "yes", "no", "on", "off", "y", "n"});
}

bool IsDigits(absl::string_view text) {
  return !text.empty() && std::all_of(text.begin(), text.end(), absl::ascii_isdigit);
}

bool IsWholeNumber(absl::string_view text) {
  if (absl::StartsWith(text, "-")) text.remove_prefix(1);
  return IsDigits(text) && (text.size() == 1 || text[0] != '0');
}

// What some YAML reader would take unquoted text for, if not for text; empty when for none.
absl::string_view TakenFor(absl::string_view text) {
  if (IsTruthWord(text)) return "a yes or no";
  if (IsWordAmong(text, {"null", "~"})) return "nothing at all";
  if (IsWordAmong(text, {".inf", "-.inf", "+.inf", ".nan"})) return "a number";
  absl::string_view number = text;
  if (absl::StartsWith(number, "-") || absl::StartsWith(number, "+")) number.remove_prefix(1);
  if (number.empty() || !(absl::ascii_isdigit(number[0]) || number[0] == '.')) return "";
  const std::string lower = absl::AsciiStrToLower(number);
  if (lower.find_first_not_of("0123456789._,e+-:xabcdfo tz") != std::string::npos) return "";
  if (IsDigits(number)) return "a number";
  // 2027-01-31 is a date to some readers, 22:30 the number 1350, 1e3 and 0x1F numbers.
  static const auto* const kTaken = new std::regex(
      "[0-9]{4}-[0-9]{1,2}-[0-9]{1,2}.*|[0-9]+(:[0-9]+)+(\\.[0-9]*)?|[0-9._,]+(e[+-]?[0-9]+)?|"
      "0x[0-9a-f]+|0o[0-7]+|0b[01]+");
  if (lower.size() <= 64 && std::regex_match(lower, *kTaken)) return "a number or a date";
  return "";
}

// The text of a scalar where text is expected; false after reporting.
bool ReadText(const Node& node, const TextRule& rule, Reading* reading, std::string* out) {
  const std::string where = absl::StrCat("`", reading->path(), "`");
  const std::string expected = rule.expected.empty() ? "text" : rule.expected;
  if (node.kind == Node::Kind::kEmpty) return false;
  if (node.kind != Node::Kind::kScalar) {
    return reading->ValueError("field/wrong-kind", node, absl::StrCat(where, " is ", expected),
                               "write it in double quotes behind the key");
  }
  if (IsPlain(node) && !TakenFor(node.text).empty()) {
    return reading->ValueError(
        "field/quote-it", node,
        absl::StrCat(where, " is ", expected, ", and `", Shown(node.text),
                     "` without quotes is taken for ", TakenFor(node.text), " by YAML readers"),
        absl::StrCat("write \"", Shown(node.text), "\""));
  }
  absl::string_view text = node.text;
  if (node.style == Node::Style::kBlock) text = absl::StripTrailingAsciiWhitespace(text);
  if (absl::StripAsciiWhitespace(text).empty()) {
    return reading->ValueError("field/empty", node, absl::StrCat(where, " is empty"),
                               absl::StrCat("write ", expected));
  }
  if (CodePointCount(text) > rule.most) {
    return reading->ValueError(
        "field/length", node,
        absl::StrCat(where, " has ", CodePointCount(text), " characters; at most ", rule.most),
        "shorten it");
  }
  if (!rule.prose) {
    if (absl::StrContains(text, '\n')) {
      return reading->ValueError("field/one-line", node, absl::StrCat(where, " is one line"),
                                 "write it on one line, in double quotes");
    }
    for (size_t at = 0; at < text.size();) {
      const CodePoint point = DecodeUtf8(text.substr(at));
      if (IsSmartQuote(point.value) || point.value == 0xA0) {
        return reading->ValueError(
            "yaml/smart-quotes", node,
            absl::StrCat(where,
                         " holds a typographic quotation mark or space, as word processors "
                         "put in; they belong in prose only"),
            "replace it with a straight quote or an ordinary space, or delete it");
      }
      at += point.size;
    }
  }
  *out = std::string(text);
  return true;
}

class TextShape : public Shape<std::string> {
 public:
  explicit TextShape(TextRule rule) : rule_(std::move(rule)) {
    if (!rule_.pattern.empty()) {
      regex_.assign(rule_.pattern, std::regex::ECMAScript | std::regex::nosubs);
    }
  }
  bool Read(const Node& node, Reading* reading, std::string* out) const override {
    std::string text;
    if (!ReadText(node, rule_, reading, &text)) return false;
    // Bounded, since the library's matcher recurses once a character.
    if (rule_.pattern.empty() || (text.size() <= 4096 && std::regex_match(text, regex_))) {
      *out = std::move(text);
      return true;
    }
    return reading->ValueError("field/form", node,
                               absl::StrCat("`", reading->path(), "` is ", rule_.expected,
                                            ", not `", Shown(node.text), "`"),
                               absl::StrCat("write ", rule_.expected));
  }
  Json Schema(SchemaDefinitions*) const override {
    Json schema{{"type", "string"}, {"minLength", 1}, {"maxLength", rule_.most}};
    if (!rule_.pattern.empty()) schema["pattern"] = absl::StrCat("^(?:", rule_.pattern, ")$");
    return schema;
  }

 private:
  TextRule rule_;
  std::regex regex_;
};

class ExactShape : public Shape<std::string> {
 public:
  explicit ExactShape(std::string text) : text_(std::move(text)) {}
  bool Read(const Node& node, Reading* reading, std::string* out) const override {
    if (!ReadText(node, {}, reading, out)) return false;
    if (*out == text_) return true;
    return reading->ValueError(
        "field/format", node,
        absl::StrCat("`", reading->path(), "` is `", Shown(node.text), "`; this reader knows \"",
                     text_, "\""),
        absl::StrCat("write \"", text_, "\", or use a version of vouch that knows this one"));
  }
  Json Schema(SchemaDefinitions*) const override { return Json{{"const", text_}}; }

 private:
  std::string text_;
};

class NumberShape : public Shape<int64_t> {
 public:
  NumberShape(int64_t least, int64_t most) : least_(least), most_(most) {}
  bool Read(const Node& node, Reading* reading, int64_t* out) const override {
    const std::string where = absl::StrCat("`", reading->path(), "`");
    const std::string expected = absl::StrCat("a whole number from ", least_, " to ", most_);
    if (node.kind == Node::Kind::kEmpty) return false;
    if (node.kind != Node::Kind::kScalar || node.style == Node::Style::kBlock) {
      return reading->ValueError("field/wrong-kind", node, absl::StrCat(where, " is ", expected),
                                 "write the number behind the key");
    }
    absl::string_view digits = node.text;
    if (absl::StartsWith(digits, "-")) digits.remove_prefix(1);
    if (!IsPlain(node)) {
      return reading->ValueError(
          "field/number", node, absl::StrCat(where, " is ", expected, ", without quotes"),
          IsWholeNumber(node.text) ? absl::StrCat("write ", node.text) : "write a whole number");
    }
    if (IsDigits(digits) && digits.size() > 1 && digits[0] == '0') {
      return reading->ValueError(
          "field/leading-zero", node,
          absl::StrCat("`", Shown(node.text),
                       "` begins with a zero; some readers take `010` for 8"),
          "leave out the zeros in front");
    }
    if (!IsWholeNumber(node.text)) {
      const bool grouped = node.text.find_first_not_of("0123456789.,_ -") == std::string::npos;
      return reading->ValueError(
          "field/number", node,
          absl::StrCat(where, " is ", expected, ", not `", Shown(node.text), "`"),
          grouped ? "write digits only: no decimals, no separators; money is in cents"
                  : "write a whole number");
    }
    if (!absl::SimpleAtoi(node.text, out) || *out < least_ || *out > most_) {
      return reading->ValueError(
          "field/range", node,
          absl::StrCat(where, " is ", expected, ", not `", Shown(node.text), "`"),
          "write a number within these bounds");
    }
    return true;
  }
  Json Schema(SchemaDefinitions*) const override {
    return Json{{"type", "integer"}, {"minimum", least_}, {"maximum", most_}};
  }

 private:
  int64_t least_;
  int64_t most_;
};

class YesNoShape : public Shape<bool> {
 public:
  bool Read(const Node& node, Reading* reading, bool* out) const override {
    if (node.kind == Node::Kind::kEmpty) return false;
    if (node.kind == Node::Kind::kScalar && IsPlain(node) &&
        (node.text == "true" || node.text == "false")) {
      *out = node.text == "true";
      return true;
    }
    std::string mend = "write true or false, without quotes";
    if (IsWordAmong(node.text, {"yes", "on", "y", "true"})) mend = "write true, without quotes";
    if (IsWordAmong(node.text, {"no", "off", "n", "false"})) mend = "write false, without quotes";
    return reading->ValueError("field/true-or-false", node,
                               absl::StrCat("`", reading->path(), "` is true or false"), mend);
  }
  Json Schema(SchemaDefinitions*) const override { return Json{{"type", "boolean"}}; }
};

class ChoiceShape : public Shape<size_t> {
 public:
  explicit ChoiceShape(std::vector<ChoiceWord> words) : words_(std::move(words)) {}
  bool Read(const Node& node, Reading* reading, size_t* out) const override {
    std::string text;
    TextRule rule;
    rule.expected = absl::StrCat("one of ", Listed());
    if (!ReadText(node, rule, reading, &text)) return false;
    std::vector<std::string> names;
    for (size_t i = 0; i < words_.size(); ++i) {
      if (words_[i].word == text) {
        *out = i;
        return true;
      }
      names.push_back(words_[i].word);
    }
    const std::string near = Nearest(text, names);
    return reading->ValueError(
        "field/choice", node,
        absl::StrCat("`", reading->path(), "` is one of ", Listed(), ", not `", Shown(text), "`"),
        near.empty() ? absl::StrCat("write one of ", Listed())
                     : absl::StrCat("did you mean \"", near, "\"?"));
  }
  Json Schema(SchemaDefinitions*) const override {
    Json schema;
    std::vector<std::string> meanings;
    schema["enum"] = Json::array();
    for (const ChoiceWord& word : words_) {
      schema["enum"].push_back(word.word);
      if (!word.meaning.empty()) meanings.push_back(absl::StrCat(word.word, ": ", word.meaning));
    }
    if (!meanings.empty()) schema["description"] = absl::StrCat(absl::StrJoin(meanings, "; "), ".");
    return schema;
  }

 private:
  std::string Listed() const {
    return absl::StrJoin(words_, ", ", [](std::string* out, const ChoiceWord& word) {
      absl::StrAppend(out, "\"", word.word, "\"");
    });
  }
  std::vector<ChoiceWord> words_;
};

TextRule Rule(size_t most, std::string pattern, std::string expected) {
  TextRule rule;
  rule.most = most;
  rule.pattern = std::move(pattern);
  rule.expected = std::move(expected);
  return rule;
}

}  // namespace

ShapeOf<std::string> Text(TextRule rule) { return std::make_shared<TextShape>(std::move(rule)); }

ShapeOf<std::string> Prose(size_t most) {
  TextRule rule;
  rule.most = most;
  rule.prose = true;
  return Text(rule);
}

ShapeOf<std::string> Exactly(std::string text) {
  return std::make_shared<ExactShape>(std::move(text));
}

ShapeOf<int64_t> Number(int64_t least, int64_t most) {
  return std::make_shared<NumberShape>(least, most);
}

ShapeOf<int32_t> Number32(int32_t least, int32_t most) {
  return Put<int32_t>(Number(least, most),
                      [](int64_t value, int32_t* out) { *out = static_cast<int32_t>(value); });
}

ShapeOf<bool> YesNo() { return std::make_shared<YesNoShape>(); }

ShapeOf<size_t> ChoiceIndex(std::vector<ChoiceWord> words) {
  return std::make_shared<ChoiceShape>(std::move(words));
}

absl::optional<absl::CivilDay> ParseDay(absl::string_view text) {
  const std::vector<absl::string_view> parts = absl::StrSplit(text, '-');
  int year = 0;
  int month = 0;
  int day = 0;
  if (parts.size() != 3 || parts[0].size() != 4 || parts[1].size() != 2 || parts[2].size() != 2 ||
      !IsDigits(parts[0]) || !IsDigits(parts[1]) || !IsDigits(parts[2]) ||
      !absl::SimpleAtoi(parts[0], &year) || !absl::SimpleAtoi(parts[1], &month) ||
      !absl::SimpleAtoi(parts[2], &day) || year < 1900 || year > 2199) {
    return absl::nullopt;
  }
  const absl::CivilDay civil(year, month, day);
  // CivilDay turns 30 February into 2 March; a day that moves was none.
  if (civil.month() != month || civil.day() != day) return absl::nullopt;
  return civil;
}

ShapeOf<absl::CivilDay> Day() {
  return Converted<absl::CivilDay>(
      Text(Rule(10, "(19|20|21)[0-9]{2}-(0[1-9]|1[0-2])-(0[1-9]|[12][0-9]|3[01])",
                "a date such as \"2027-01-31\"")),
      [](const std::string& text, const Node& node, Reading* reading, absl::CivilDay* out) {
        const absl::optional<absl::CivilDay> day = ParseDay(text);
        if (!day.has_value()) {
          return reading->ValueError("field/date", node,
                                     absl::StrCat("`", Shown(text), "` is no day of the calendar"),
                                     "write year-month-day, such as \"2027-01-31\"");
        }
        *out = *day;
        return true;
      });
}

ShapeOf<absl::Duration> Span(std::vector<std::string> units, bool agreement) {
  std::string pattern = absl::StrCat("[1-9][0-9]{0,4} (", absl::StrJoin(units, "|"), ")s?",
                                     agreement ? "|agreement" : "");
  std::string expected = absl::StrCat("a span such as \"30 ", units[0], "s\"");
  if (agreement) absl::StrAppend(&expected, ", or \"agreement\" for its whole life");
  return Put<absl::Duration>(Text(Rule(20, std::move(pattern), std::move(expected))),
                             [](const std::string& text, absl::Duration* out) {
                               if (text == "agreement") {
                                 *out = absl::InfiniteDuration();
                                 return;
                               }
                               const std::pair<absl::string_view, absl::string_view> parts =
                                   absl::StrSplit(text, absl::MaxSplits(' ', 1));
                               int64_t count = 0;
                               if (!absl::SimpleAtoi(parts.first, &count))
                                 count = 0;  // the pattern admits digits only
                               int64_t hours = 0;
                               if (absl::StartsWith(parts.second, "hour")) hours = 1;
                               if (absl::StartsWith(parts.second, "day")) hours = 24;
                               if (absl::StartsWith(parts.second, "month"))
                                 hours = int64_t{24} * 31;
                               if (absl::StartsWith(parts.second, "year"))
                                 hours = int64_t{24} * 366;
                               *out = absl::Hours(count * hours);
                             });
}

ShapeOf<std::string> AgencyName() {
  return Text(Rule(253, "[a-z0-9]([a-z0-9-]*[a-z0-9])?(\\.[a-z0-9]([a-z0-9-]*[a-z0-9])?)+",
                   "an agency's name such as \"fsa.ed.example\" (lower case, with dots)"));
}

ShapeOf<std::string> Id() {
  return Text(
      Rule(64, "[a-z0-9]([a-z0-9-]*[a-z0-9])?", "an id of lower-case letters, digits and hyphens"));
}

ShapeOf<std::string> Name() {
  return Text(Rule(64, "[a-z][a-z0-9_]*",
                   "a name of lower-case letters, digits and underscores, a letter first"));
}

ShapeOf<std::string> Sha256() {
  return Text(
      Rule(64, "[0-9a-f]{64}",
           "a SHA-256 digest: 64 lower-case hexadecimal digits (`sha256sum FILE` prints it)"));
}

ShapeOf<std::string> KeyFingerprint() {
  return Text(Rule(71, "sha256:[0-9a-f]{64}", "\"sha256:\" and 64 lower-case hexadecimal digits"));
}

ShapeOf<std::string> EmailAddress() {
  return Text(Rule(254, "[^@ ,;:<>]+@[A-Za-z0-9-]+(\\.[A-Za-z0-9-]+)+",
                   "an e-mail address such as \"officer@fsa.ed.example\""));
}

ShapeOf<std::string> LanguageTag() {
  return Text(Rule(11, "[a-z]{2,3}(-[A-Z][a-z]{3})?(-[A-Z]{2})?",
                   "a language such as \"en\" or \"es-MX\""));
}

Json ScalarToJson(const Node& node) {
  if (!IsPlain(node)) {
    return node.style == Node::Style::kBlock
               ? std::string(absl::StripTrailingAsciiWhitespace(node.text))
               : node.text;
  }
  int64_t number = 0;
  if (IsWholeNumber(node.text) && absl::SimpleAtoi(node.text, &number)) return number;
  if (node.text == "true" || node.text == "false") return node.text == "true";
  // Whatever else some reader would not take for text: our files never mean it.
  if (!TakenFor(node.text).empty()) return nullptr;
  return node.text;
}

}  // namespace vouch::policies
