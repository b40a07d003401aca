// The profile "names/1": docs/protocol-identities.md.
#include <algorithm>
#include <iterator>

#include "crypto/spelling.h"

namespace vouch::crypto {
namespace {

constexpr absl::string_view kGenerations[] = {"jr",   "jnr", "junior", "sr",  "snr", "senior",
                                              "ii",   "iii", "iv",     "v",   "vi",  "vii",
                                              "viii", "ix",  "2nd",    "3rd", "4th", "5th"};

// The words of a folded name one behind the other, and where the last of them begins.
class Words {
 public:
  void Append(char32_t c) {
    Begin();
    AppendUtf8(c, &text_);
  }
  void AppendAscii(char c) {
    Begin();
    text_.push_back(c);
  }
  void EndWord() { in_word_ = false; }

  // Drops the last word when it is a generational suffix and not the only word.
  void DropGeneration() {
    const absl::string_view last = absl::string_view(text_).substr(last_word_);
    if (last_word_ > 0 && std::find(std::begin(kGenerations), std::end(kGenerations), last) !=
                              std::end(kGenerations)) {
      text_.resize(last_word_);
    }
  }

  std::string WithoutDigits() && {
    text_.erase(
        std::remove_if(text_.begin(), text_.end(), [](char c) { return c >= '0' && c <= '9'; }),
        text_.end());
    return std::move(text_);
  }

 private:
  void Begin() {
    if (in_word_) return;
    in_word_ = true;
    last_word_ = text_.size();
  }

  std::string text_;
  size_t last_word_ = 0;
  bool in_word_ = false;
};

absl::StatusOr<Words> AsciiWords(Attribute attribute, absl::string_view raw) {
  absl::Status status = CheckAsciiName(attribute, raw);
  if (!status.ok()) return status;
  Words words;
  for (char c : raw) {
    switch (AsciiKind(c)) {
      case FoldedChar::Kind::kLetter:
        words.AppendAscii(static_cast<char>(c | 0x20));
        break;
      case FoldedChar::Kind::kDigit:
        words.AppendAscii(c);
        break;
      case FoldedChar::Kind::kHyphen:
      case FoldedChar::Kind::kJoiner:
        break;
      default:
        words.EndWord();
    }
  }
  return words;
}

absl::StatusOr<Words> UnicodeWords(Attribute attribute, absl::string_view raw) {
  absl::StatusOr<std::vector<FoldedChar>> folded = FoldName(attribute, raw);
  if (!folded.ok()) return folded.status();
  Words words;
  bool letter_before = false;
  for (const FoldedChar& c : *folded) {
    switch (c.kind) {
      case FoldedChar::Kind::kLetter:
        words.Append(c.code_point);
        letter_before = true;
        break;
      case FoldedChar::Kind::kDigit:
        words.Append(c.code_point);
        break;
      case FoldedChar::Kind::kMark:
        // A vowel sign belongs to a letter; before any letter there is nothing it could belong to.
        if (letter_before) words.Append(c.code_point);
        break;
      case FoldedChar::Kind::kHyphen:
      case FoldedChar::Kind::kJoiner:
        break;
      default:
        words.EndWord();
    }
  }
  return words;
}

absl::StatusOr<std::string> Name(Attribute attribute, absl::string_view raw) {
  const bool ascii = std::none_of(raw.begin(), raw.end(), [](char c) { return c & 0x80; });
  absl::StatusOr<Words> words = ascii ? AsciiWords(attribute, raw) : UnicodeWords(attribute, raw);
  if (!words.ok()) return words.status();
  words->DropGeneration();
  std::string normal = std::move(*words).WithoutDigits();
  if (normal.empty()) return InvalidValue(attribute, "expected at least one letter");
  return normal;
}

class Names1Rules : public SpellingRules {
 public:
  absl::string_view name() const override { return "names/1"; }

  absl::StatusOr<std::string> Normalize(Attribute attribute, absl::string_view raw, IdentityUse use,
                                        absl::CivilDay today) const override {
    switch (attribute) {
      case Attribute::kSocialSecurityNumber:
        return NineDigitSsn(raw, use);
      case Attribute::kIndividualTaxpayerId:
        return TaxpayerId(raw, use);
      case Attribute::kDateOfBirth:
        return DateOfBirth(raw, today);
      case Attribute::kGivenName:
      case Attribute::kMiddleName:
      case Attribute::kFamilyName:
        return Name(attribute, raw);
      case Attribute::kPostalCode:
        return PostalCode(raw);
      case Attribute::kAlienNumber:
        return AlienNumber(raw);
      case Attribute::kEmployerId:
        return EmployerId(raw);
      case Attribute::kNationalId:
      case Attribute::kCaseNumber:
        return PlainIdentifier(attribute, raw);
    }
    return absl::InvalidArgumentError("no such attribute");
  }
};

}  // namespace

const SpellingRules& Names1() {
  static const Names1Rules rules;
  return rules;
}

}  // namespace vouch::crypto
