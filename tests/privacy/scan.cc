#include "tests/privacy/scan.h"

#include <algorithm>
#include <memory>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"

namespace vouch::privacy {

namespace {

constexpr int kDeepest = 2;
// Shorter runs cannot hold even a name of three letters.
constexpr size_t kShortestHex = 6;
constexpr size_t kShortestBase64 = 4;
constexpr size_t kShortestUtf16 = 3;
// A hexadecimal run this long is a digest or an id; its decimal digits are no numbers.
constexpr size_t kHexText = 32;

bool IsDigit(char c) { return c >= '0' && c <= '9'; }

int HexValue(char c) {
  if (IsDigit(c)) return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return -1;
}

// Both alphabets at once: a text uses one, and the other's two signs then end no run too early.
int Base64Value(char c) {
  if (c >= 'A' && c <= 'Z') return c - 'A';
  if (c >= 'a' && c <= 'z') return c - 'a' + 26;
  if (IsDigit(c)) return c - '0' + 52;
  if (c == '+' || c == '-') return 62;
  if (c == '/' || c == '_') return 63;
  return -1;
}

// A value's place, in bytes of the whole file.
struct Hit {
  uint64_t offset = 0;
  Value value;
  const std::string* encoding = nullptr;
};

class Scanner {
 public:
  Scanner(const People& people, std::vector<Finding>* findings)
      : people_(people), findings_(*findings) {}

  // `base` and `scale`: where these bytes lie in the file, and how many of its bytes one stands
  // for.
  void Look(absl::string_view bytes, uint64_t base, double scale, const std::string& encoding,
            int depth) {
    const std::string* const name = Remember(encoding);
    const std::string lower = absl::AsciiStrToLower(bytes);
    Place place{base, scale, name};
    LookForTexts(lower, place);
    LookForNumbers(bytes, place);
    if (depth == kDeepest) return;
    DecodeHex(bytes, base, scale, encoding, depth);
    DecodeBase64(bytes, base, scale, encoding, depth);
    DecodeUtf16(bytes, base, scale, encoding, depth);
  }

  // Weak values near others of the same person.
  void Pair() {
    std::sort(weak_.begin(), weak_.end(),
              [](const Hit& a, const Hit& b) { return a.offset < b.offset; });
    for (size_t i = 0; i < weak_.size(); ++i) {
      for (size_t j = i; j-- > 0 && weak_[i].offset - weak_[j].offset <= kNear;) {
        if (!MayPair(weak_[i].value, weak_[j].value)) continue;
        if (!people_.SamePerson(weak_[i].value, weak_[j].value)) continue;
        findings_.push_back(
            Finding{weak_[i].offset, weak_[i].value.kind, weak_[j].value.kind, *weak_[i].encoding});
        break;
      }
    }
  }

 private:
  struct Place {
    uint64_t base = 0;
    double scale = 1;
    const std::string* encoding = nullptr;
    uint64_t At(size_t offset) const {
      return base + static_cast<uint64_t>(static_cast<double>(offset) * scale);
    }
  };

  const std::string* Remember(const std::string& encoding) {
    for (const auto& known : encodings_) {
      if (*known == encoding) return known.get();
    }
    encodings_.push_back(std::make_unique<std::string>(encoding));
    return encodings_.back().get();
  }

  static bool MayPair(const Value& a, const Value& b) {
    if (a.kind == b.kind) return false;
    const auto is_number = [](const Value& value) {
      return value.kind == Kind::kPostalCode || value.kind == Kind::kIncome;
    };
    if (is_number(a) && is_number(b)) return false;
    const bool names = a.letters > 0 && b.letters > 0;
    return !names || a.letters + b.letters >= 8;
  }

  void Found(const Value& value, size_t offset, const Place& place) {
    if (value.strong) {
      findings_.push_back(Finding{place.At(offset), value.kind, value.kind, *place.encoding});
    }
    weak_.push_back(Hit{place.At(offset), value, place.encoding});
  }

  void LookForTexts(absl::string_view lower, const Place& place) {
    if (lower.size() < 3) return;
    uint32_t three = static_cast<uint8_t>(lower[0]) << 8 | static_cast<uint8_t>(lower[1]);
    for (size_t at = 0; at + 3 <= lower.size(); ++at) {
      three = (three << 8 | static_cast<uint8_t>(lower[at + 2])) & 0xffffff;
      if (!people_.MayBegin(three)) continue;
      if (at > 0 && absl::ascii_isalpha(lower[at - 1]) && absl::ascii_isalpha(lower[at])) continue;
      for (const uint16_t length : people_.Lengths(three)) {
        if (at + length > lower.size()) continue;
        const char last = lower[at + length - 1];
        const char next = at + length < lower.size() ? lower[at + length] : '\0';
        if (absl::ascii_isalpha(last) && absl::ascii_isalpha(next)) continue;
        if (IsDigit(last) && IsDigit(next)) continue;
        for (const Value& value : people_.FindText(lower.substr(at, length))) {
          Found(value, at, place);
        }
      }
    }
  }

  void FoundNumber(const Value* value, size_t offset, const Place& place) {
    if (value != nullptr) Found(*value, offset, place);
  }

  void LookForNumbers(absl::string_view bytes, const Place& place) {
    size_t hex_end = 0;
    for (size_t at = 0; at < bytes.size();) {
      if (!IsDigit(bytes[at])) {
        ++at;
        continue;
      }
      size_t end = at;
      uint64_t number = 0;
      for (; end < bytes.size() && IsDigit(bytes[end]); ++end) {
        number = number * 10 + static_cast<uint64_t>(bytes[end] - '0');
      }
      if (at >= hex_end) hex_end = EndOfHexText(bytes, at);
      if (at >= hex_end) LookAtRun(bytes, at, end, number, place);
      at = end;
    }
  }

  // Where the hexadecimal text around `at` ends; `at` when it is too short to be one.
  static size_t EndOfHexText(absl::string_view bytes, size_t at) {
    size_t begin = at;
    while (begin > 0 && at - begin < kHexText && HexValue(bytes[begin - 1]) >= 0) --begin;
    size_t end = at;
    while (end < bytes.size() && HexValue(bytes[end]) >= 0) ++end;
    return end - begin >= kHexText ? end : at;
  }

  // The digits after `at` when they are exactly `count`; -1 otherwise.
  static int64_t DigitsAt(absl::string_view bytes, size_t at, size_t count) {
    if (at + count > bytes.size()) return -1;
    int64_t number = 0;
    for (size_t i = 0; i < count; ++i) {
      if (!IsDigit(bytes[at + i])) return -1;
      number = number * 10 + (bytes[at + i] - '0');
    }
    if (at + count < bytes.size() && IsDigit(bytes[at + count])) return -1;
    return number;
  }

  void LookAtRun(absl::string_view bytes, size_t at, size_t end, uint64_t number,
                 const Place& place) {
    const size_t length = end - at;
    const char next = end < bytes.size() ? bytes[end] : '\0';
    const bool fraction = at >= 2 && bytes[at - 1] == '.' && IsDigit(bytes[at - 2]);
    if (length == 9 && !fraction) {
      FoundNumber(people_.FindSocialSecurityNumber(static_cast<uint32_t>(number)), at, place);
    }
    if (length == 3 && (next == '-' || next == ' ')) {
      const int64_t group = DigitsAt(bytes, end + 1, 2);
      const int64_t serial = group < 0 || end + 3 >= bytes.size() || bytes[end + 3] != next
                                 ? -1
                                 : DigitsAt(bytes, end + 4, 4);
      if (serial >= 0) {
        FoundNumber(people_.FindSocialSecurityNumber(static_cast<uint32_t>(
                        number * 1000000 + static_cast<uint64_t>(group * 10000 + serial))),
                    at, place);
      }
    }
    LookAtDate(bytes, at, end, number, place);
    if (length == 5) {
      FoundNumber(people_.FindPostalCode(static_cast<uint32_t>(number)), at, place);
    }
    if (length >= 5 && length <= 14 && !fraction) {
      FoundNumber(people_.FindIncome(number), at, place);
    }
    if (length >= 3 && length <= 12 && next == '.') {
      const int64_t cents = DigitsAt(bytes, end + 1, 2);
      if (cents >= 0) {
        FoundNumber(people_.FindIncome(number * 100 + static_cast<uint64_t>(cents)), at, place);
      }
    }
  }

  void LookAtDate(absl::string_view bytes, size_t at, size_t end, uint64_t number,
                  const Place& place) {
    const size_t length = end - at;
    const char next = end < bytes.size() ? bytes[end] : '\0';
    const bool parted = next == '-' || next == '/' || next == '.';
    if (length == 8) {
      // Either order; eight digits are common, so never on their own.
      for (const uint64_t day : {number, number % 10000 * 10000 + number / 10000}) {
        if (const Value* value = people_.FindDate(static_cast<uint32_t>(day))) {
          Value weak = *value;
          weak.strong = false;
          Found(weak, at, place);
        }
      }
    } else if (length == 4 && parted) {
      const int64_t month = DigitsAt(bytes, end + 1, 2);
      if (month < 0 || end + 3 >= bytes.size() || bytes[end + 3] != next) return;
      const int64_t day = DigitsAt(bytes, end + 4, 2);
      if (day < 0) return;
      FoundNumber(people_.FindDate(static_cast<uint32_t>(number * 10000) +
                                   static_cast<uint32_t>(month * 100 + day)),
                  at, place);
    } else if (length <= 2 && parted) {
      const size_t second_length = DigitsAt(bytes, end + 1, 2) >= 0 ? 2 : 1;
      const int64_t second = DigitsAt(bytes, end + 1, second_length);
      const size_t second_end = end + 1 + second_length;
      if (second < 0 || second_end >= bytes.size() || bytes[second_end] != next) return;
      const int64_t year = DigitsAt(bytes, second_end + 1, 4);
      if (year < 0) return;
      const uint32_t first = static_cast<uint32_t>(number);
      for (const uint32_t day : {first * 100 + static_cast<uint32_t>(second),
                                 static_cast<uint32_t>(second) * 100 + first}) {
        FoundNumber(people_.FindDate(static_cast<uint32_t>(year) * 10000 + day), at, place);
      }
    }
  }

  static std::string Within(const std::string& inner, const std::string& outer) {
    return outer == "raw" ? inner : absl::StrCat(inner, " in ", outer);
  }

  // Runs of hexadecimal digits, with or without one ':' between bytes, from both nibbles.
  void DecodeHex(absl::string_view bytes, uint64_t base, double scale, const std::string& encoding,
                 int depth) {
    for (size_t at = 0; at < bytes.size();) {
      if (HexValue(bytes[at]) < 0) {
        ++at;
        continue;
      }
      std::string nibbles;
      size_t end = at;
      while (end < bytes.size()) {
        const int value = HexValue(bytes[end]);
        if (value >= 0) {
          nibbles.push_back(static_cast<char>(value));
        } else if (!(bytes[end] == ':' && end + 1 < bytes.size() &&
                     HexValue(bytes[end + 1]) >= 0)) {
          break;
        }
        ++end;
      }
      if (nibbles.size() >= kShortestHex) {
        const double ratio = static_cast<double>(end - at) / static_cast<double>(nibbles.size());
        for (size_t phase = 0; phase < 2; ++phase) {
          std::string decoded;
          for (size_t i = phase; i + 1 < nibbles.size(); i += 2) {
            decoded.push_back(static_cast<char>(nibbles[i] << 4 | nibbles[i + 1]));
          }
          Look(decoded, base + static_cast<uint64_t>(static_cast<double>(at) * scale),
               scale * 2 * ratio, Within("hex", encoding), depth + 1);
        }
      }
      at = end;
    }
  }

  // Runs of base64 characters, over line breaks, from each of the four places in a group.
  void DecodeBase64(absl::string_view bytes, uint64_t base, double scale,
                    const std::string& encoding, int depth) {
    for (size_t at = 0; at < bytes.size();) {
      if (Base64Value(bytes[at]) < 0) {
        ++at;
        continue;
      }
      std::string sextets;
      size_t end = at;
      while (end < bytes.size()) {
        const int value = Base64Value(bytes[end]);
        if (value >= 0) {
          sextets.push_back(static_cast<char>(value));
        } else if (bytes[end] != '\n' && bytes[end] != '\r') {
          break;
        }
        ++end;
      }
      if (sextets.size() >= kShortestBase64) {
        const double ratio = static_cast<double>(end - at) / static_cast<double>(sextets.size());
        for (size_t phase = 0; phase < 4; ++phase) {
          std::string decoded;
          uint32_t bits = 0;
          int held = 0;
          for (size_t i = phase; i < sextets.size(); ++i) {
            bits = bits << 6 | static_cast<uint8_t>(sextets[i]);
            held += 6;
            if (held >= 8) {
              held -= 8;
              decoded.push_back(static_cast<char>(bits >> held & 0xff));
            }
          }
          Look(decoded, base + static_cast<uint64_t>(static_cast<double>(at) * scale),
               scale * ratio * 4 / 3, Within("base64", encoding), depth + 1);
        }
      }
      at = end;
    }
  }

  // Runs of 16-bit units that are letters, digits or marks of the scripts names are written in
  // here (Latin with its extensions, Greek, Cyrillic), in both byte orders, at both parities.
  void DecodeUtf16(absl::string_view bytes, uint64_t base, double scale,
                   const std::string& encoding, int depth) {
    for (size_t order = 0; order < 2; ++order) {
      for (size_t parity = 0; parity < 2; ++parity) {
        std::string decoded;
        size_t units = 0, begin = parity;
        for (size_t at = parity; at + 1 < bytes.size() + 2; at += 2) {
          uint32_t unit = 0;
          if (at + 1 < bytes.size()) {
            const uint8_t a = static_cast<uint8_t>(bytes[at]);
            const uint8_t b = static_cast<uint8_t>(bytes[at + 1]);
            unit = order == 0 ? a | b << 8 : a << 8 | b;
          }
          if ((unit >= 0x20 && unit < 0x7f) || (unit >= 0xa0 && unit < 0x600) ||
              (unit >= 0x1e00 && unit < 0x1f00)) {
            if (units == 0) begin = at;
            ++units;
            AppendUtf8(unit, &decoded);
            continue;
          }
          if (units >= kShortestUtf16) {
            const double ratio =
                static_cast<double>(units * 2) / static_cast<double>(decoded.size());
            Look(decoded, base + static_cast<uint64_t>(static_cast<double>(begin) * scale),
                 scale * ratio, Within("utf-16", encoding), depth + 1);
          }
          units = 0;
          decoded.clear();
        }
      }
    }
  }

  static void AppendUtf8(uint32_t unit, std::string* out) {
    if (unit < 0x80) {
      out->push_back(static_cast<char>(unit));
    } else if (unit < 0x800) {
      out->push_back(static_cast<char>(0xc0 | unit >> 6));
      out->push_back(static_cast<char>(0x80 | (unit & 0x3f)));
    } else {
      out->push_back(static_cast<char>(0xe0 | unit >> 12));
      out->push_back(static_cast<char>(0x80 | (unit >> 6 & 0x3f)));
      out->push_back(static_cast<char>(0x80 | (unit & 0x3f)));
    }
  }

  const People& people_;
  std::vector<Finding>& findings_;
  std::vector<Hit> weak_;
  std::vector<std::unique_ptr<std::string>> encodings_;
};

}  // namespace

std::vector<Finding> Scan(const People& people, absl::string_view bytes) {
  std::vector<Finding> findings;
  Scanner scanner(people, &findings);
  scanner.Look(bytes, 0, 1, "raw", 0);
  scanner.Pair();
  std::sort(findings.begin(), findings.end(),
            [](const Finding& a, const Finding& b) { return a.offset < b.offset; });
  return findings;
}

}  // namespace vouch::privacy
