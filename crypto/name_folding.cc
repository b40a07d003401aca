// Unicode folding for names: docs/protocol-identities.md, "Names", steps 1 to 8.
#include <unicode/normalizer2.h>
#include <unicode/uchar.h>
#include <unicode/unistr.h>
#include <unicode/utf8.h>

#include <algorithm>
#include <iterator>

#include "crypto/spelling.h"

namespace vouch::crypto {
namespace {

struct Range {
  char32_t first;
  char32_t last;
};

// Marks that writers leave out at will. Vowel signs and voicing marks of other scripts are part of
// the letter and stay: without them different names would become one.
constexpr Range kDroppedMarks[] = {
    {0x0300, 0x036F}, {0x0483, 0x0489}, {0x0591, 0x05BD}, {0x05BF, 0x05BF},   {0x05C1, 0x05C2},
    {0x05C4, 0x05C5}, {0x05C7, 0x05C7}, {0x0610, 0x061A}, {0x064B, 0x065F},   {0x0670, 0x0670},
    {0x06D6, 0x06DC}, {0x06DF, 0x06E4}, {0x06E7, 0x06E8}, {0x06EA, 0x06ED},   {0x0711, 0x0711},
    {0x0730, 0x074A}, {0x180B, 0x180D}, {0x180F, 0x180F}, {0x1AB0, 0x1AFF},   {0x1DC0, 0x1DFF},
    {0x20D0, 0x20FF}, {0xFE00, 0xFE0F}, {0xFE20, 0xFE2F}, {0xE0100, 0xE01EF},
};

// Apostrophes, dots and stretchers that are not of the categories Pd and Cf.
constexpr Range kJoiners[] = {
    {0x0027, 0x0027}, {0x002E, 0x002E}, {0x0060, 0x0060}, {0x00B7, 0x00B7}, {0x02B9, 0x02C1},
    {0x02C6, 0x02D1}, {0x02EC, 0x02EC}, {0x02EE, 0x02EE}, {0x055A, 0x055A}, {0x05F3, 0x05F4},
    {0x0640, 0x0640}, {0x2018, 0x2019}, {0x201B, 0x201B}, {0x2027, 0x2027}, {0x2032, 0x2032},
    {0x2035, 0x2035}, {0x2043, 0x2043}, {0x2212, 0x2212}, {0xA78B, 0xA78C},
};

template <size_t N>
bool In(const Range (&ranges)[N], char32_t c) {
  const Range* after =
      std::upper_bound(std::begin(ranges), std::end(ranges), c,
                       [](char32_t value, const Range& range) { return value < range.first; });
  return after != std::begin(ranges) && c <= std::prev(after)->last;
}

// Accents standing alone, typed for an apostrophe. NFKD would split each into a space and a mark.
bool IsLoneAccent(char32_t c) {
  return c == 0x00B4 || c == 0x0384 || c == 0x1FBD || c == 0x1FBF || c == 0x1FFD || c == 0x1FFE;
}

struct Folding {
  char32_t letter;
  const char* folded;
};

// The published table for what NFKD and case folding leave, frozen: a change is a new profile.
constexpr Folding kFoldings[] = {
    {0x00E6, "ae"}, {0x00F0, "d"}, {0x00F8, "o"}, {0x00FE, "th"}, {0x0111, "d"},  {0x0127, "h"},
    {0x0131, "i"},  {0x0138, "k"}, {0x0142, "l"}, {0x014B, "n"},  {0x0153, "oe"}, {0x0167, "t"},
    {0x0180, "b"},  {0x0188, "c"}, {0x018C, "d"}, {0x0192, "f"},  {0x0199, "k"},  {0x019A, "l"},
    {0x019E, "n"},  {0x01A5, "p"}, {0x01AD, "t"}, {0x01B4, "y"},  {0x01B6, "z"},  {0x01DD, "e"},
    {0x01E5, "g"},  {0x0225, "z"}, {0x0237, "j"}, {0x023C, "c"},  {0x023F, "s"},  {0x0240, "z"},
    {0x0247, "e"},  {0x0249, "j"}, {0x024B, "q"}, {0x024D, "r"},  {0x024F, "y"},  {0x0251, "a"},
    {0x0253, "b"},  {0x0254, "o"}, {0x0256, "d"}, {0x0257, "d"},  {0x0259, "e"},  {0x025B, "e"},
    {0x0260, "g"},  {0x0261, "g"}, {0x0263, "g"}, {0x0266, "h"},  {0x0268, "i"},  {0x0269, "i"},
    {0x026B, "l"},  {0x0271, "m"}, {0x0272, "n"}, {0x0275, "o"},  {0x027D, "r"},  {0x0283, "s"},
    {0x0288, "t"},  {0x0289, "u"}, {0x028A, "u"}, {0x028B, "v"},  {0x028C, "v"},  {0x0292, "z"},
    {0x1D7D, "p"},  {0x2C61, "l"}, {0x2C65, "a"}, {0x2C66, "t"},  {0x2C68, "h"},  {0x2C6A, "k"},
    {0x2C6C, "z"},  {0x2C71, "v"}, {0x2C73, "w"}, {0xA741, "k"},  {0xA7A1, "g"},  {0xA7A3, "k"},
    {0xA7A5, "n"},  {0xA7A7, "r"}, {0xA7A9, "s"}, {0xA7B9, "u"},
};

const char* FoldingOf(char32_t c) {
  const Folding* found = std::lower_bound(
      std::begin(kFoldings), std::end(kFoldings), c,
      [](const Folding& folding, char32_t value) { return folding.letter < value; });
  return found != std::end(kFoldings) && found->letter == c ? found->folded : nullptr;
}

// Whether Unicode 15.0 knows it, whatever later version the linked ICU has. True for noncharacters
// too, which have an age though they are never assigned.
bool HasAgeOfUnicode15(UChar32 c) {
  UVersionInfo age;
  u_charAge(c, age);
  return age[0] != 0 && (age[0] < 15 || (age[0] == 15 && age[1] == 0));
}

bool IsRefused(UChar32 c) {
  const int8_t type = u_charType(c);
  if (type == U_CONTROL_CHAR) return c < 0x09 || c > 0x0D;
  return c == '?' || c == 0xFFFD || type == U_PRIVATE_USE_CHAR || type == U_SURROGATE ||
         type == U_UNASSIGNED || !HasAgeOfUnicode15(c);
}

FoldedChar::Kind KindOf(UChar32 c) {
  if (c < 0x80) return AsciiKind(static_cast<char>(c));
  if (In(kJoiners, c)) return FoldedChar::Kind::kJoiner;
  switch (u_charType(c)) {
    case U_UPPERCASE_LETTER:
    case U_LOWERCASE_LETTER:
    case U_TITLECASE_LETTER:
    case U_MODIFIER_LETTER:
    case U_OTHER_LETTER:
      return FoldedChar::Kind::kLetter;
    case U_NON_SPACING_MARK:
    case U_COMBINING_SPACING_MARK:
      return FoldedChar::Kind::kMark;
    case U_ENCLOSING_MARK:
    case U_FORMAT_CHAR:
      return FoldedChar::Kind::kJoiner;
    case U_DASH_PUNCTUATION:
      return FoldedChar::Kind::kHyphen;
    case U_SPACE_SEPARATOR:
    case U_LINE_SEPARATOR:
    case U_PARAGRAPH_SEPARATOR:
      return FoldedChar::Kind::kSpace;
    default:
      return FoldedChar::Kind::kOther;
  }
}

}  // namespace

FoldedChar::Kind AsciiKind(char c) {
  if ((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z')) return FoldedChar::Kind::kLetter;
  if (c >= '0' && c <= '9') return FoldedChar::Kind::kDigit;
  switch (c) {
    case '-':
      return FoldedChar::Kind::kHyphen;
    case '\'':
    case '`':
    case '.':
      return FoldedChar::Kind::kJoiner;
    case ' ':
    case '\t':
    case '\n':
    case '\v':
    case '\f':
    case '\r':
      return FoldedChar::Kind::kSpace;
    default:
      return FoldedChar::Kind::kOther;
  }
}

absl::Status CheckAsciiName(Attribute attribute, absl::string_view raw) {
  if (raw.size() > kMaxRawBytes) return InvalidValue(attribute, "expected at most 512 bytes");
  for (char c : raw) {
    const bool control = (c >= 0 && c < 0x20 && (c < 0x09 || c > 0x0D)) || c == 0x7F;
    if (control || c == '?') {
      return InvalidValue(attribute,
                          "holds a control character or a question mark, so letters were lost when "
                          "the text was converted; mend the source's character set");
    }
  }
  return absl::OkStatus();
}

void AppendUtf8(char32_t code_point, std::string* out) {
  char bytes[U8_MAX_LENGTH];
  int32_t size = 0;
  U8_APPEND_UNSAFE(bytes, size, code_point);
  out->append(bytes, size);
}

absl::StatusOr<std::vector<FoldedChar>> FoldName(Attribute attribute, absl::string_view raw) {
  if (raw.size() > kMaxRawBytes) return InvalidValue(attribute, "expected at most 512 bytes");
  icu::UnicodeString text;
  for (int32_t i = 0; i < static_cast<int32_t>(raw.size());) {
    UChar32 c = 0;
    U8_NEXT(raw.data(), i, static_cast<int32_t>(raw.size()), c);
    if (c < 0) return InvalidValue(attribute, "expected well-formed UTF-8");
    if (IsRefused(c)) {
      return InvalidValue(attribute,
                          "holds a character no name has (a control character, a question mark, a "
                          "replacement character, or one outside Unicode 15.0): letters were lost "
                          "when the text was converted; mend the source's character set");
    }
    if (!IsLoneAccent(c)) text.append(c);
  }

  UErrorCode error = U_ZERO_ERROR;
  const icu::Normalizer2* nfkd = icu::Normalizer2::getNFKDInstance(error);
  if (U_FAILURE(error)) return absl::InternalError("ICU has no NFKD data");
  const icu::UnicodeString decomposed = nfkd->normalize(text, error);
  if (U_FAILURE(error)) return absl::InternalError("ICU failed to normalise a name");

  icu::UnicodeString bare;
  for (int32_t i = 0; i < decomposed.length();) {
    const UChar32 c = decomposed.char32At(i);
    i += U16_LENGTH(c);
    if (!In(kDroppedMarks, c)) bare.append(c);
  }
  bare.foldCase(U_FOLD_CASE_DEFAULT);

  std::vector<FoldedChar> folded;
  folded.reserve(bare.length());
  for (int32_t i = 0; i < bare.length();) {
    const UChar32 c = bare.char32At(i);
    i += U16_LENGTH(c);
    if (const char* plain = FoldingOf(c)) {
      for (; *plain != '\0'; ++plain) {
        folded.push_back({static_cast<char32_t>(*plain), FoldedChar::Kind::kLetter});
      }
    } else {
      folded.push_back({static_cast<char32_t>(c), KindOf(c)});
    }
  }
  return folded;
}

}  // namespace vouch::crypto
