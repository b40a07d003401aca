// The vectors a node runs at start: a sample, compiled in, of those published in
// tests/vectors/identity, chosen so that each step of each profile would show.
#include <unicode/uchar.h>

#include "absl/strings/str_cat.h"
#include "crypto/spelling.h"

namespace vouch::crypto {
namespace {

struct Case {
  const char* profile;
  Attribute attribute;
  IdentityUse use;
  const char* raw;
  const char* normal;  // nullptr: refused
};

constexpr IdentityUse kLive = IdentityUse::kLive;
constexpr IdentityUse kTest = IdentityUse::kTest;
constexpr Attribute kFamily = Attribute::kFamilyName;
constexpr Attribute kSsn = Attribute::kSocialSecurityNumber;
constexpr Attribute kBirth = Attribute::kDateOfBirth;

constexpr Case kCases[] = {
    {"names/1", kFamily, kLive, "Smith", "smith"},
    {"names/1", kFamily, kLive, "O'Brien-Jones, Jr.", "obrienjones"},
    {"names/1", kFamily, kLive, "O\u2019Brien", "obrien"},
    {"names/1", kFamily, kLive, "O\u00B4Brien", "obrien"},
    {"names/1", kFamily, kLive, "Garc\u00EDa M\u00E1rquez", "garciamarquez"},
    {"names/1", kFamily, kLive, "Garci\u0301a", "garcia"},
    {"names/1", kFamily, kLive, "Nguy\u1EC5n", "nguyen"},
    {"names/1", kFamily, kLive, "S\u00F8rens\u00F8n", "sorenson"},
    {"names/1", kFamily, kLive, "STRAUSS", "strauss"},
    {"names/1", kFamily, kLive, "Strau\u00DF", "strauss"},
    {"names/1", kFamily, kLive, "\u00DE\u00F3r\u00F0arson", "thordarson"},
    {"names/1", kFamily, kLive, "Wa\u0142\u0119sa", "walesa"},
    {"names/1", kFamily, kLive, "I\u015E\u0131k", "isik"},
    {"names/1", kFamily, kLive, "\u0130nan", "inan"},
    {"names/1", kFamily, kLive, "\uFF33\uFF4D\uFF49\uFF54\uFF48", "smith"},
    {"names/1", kFamily, kLive, "\u0421\u043E\u043B\u043E\u0432\u044C\u0451\u0432",
     "\u0441\u043E\u043B\u043E\u0432\u044C\u0435\u0432"},
    {"names/1", kFamily, kLive,
     "\u03A0\u03B1\u03C0\u03B1\u03B4\u03CC\u03C0\u03BF\u03C5\u03BB\u03BF\u03C2",
     "\u03C0\u03B1\u03C0\u03B1\u03B4\u03BF\u03C0\u03BF\u03C5\u03BB\u03BF\u03C3"},
    {"names/1", kFamily, kLive, "\u0623\u064E\u062D\u0645\u062F", "\u0627\u062D\u0645\u062F"},
    {"names/1", kFamily, kLive, "\u092E\u0940\u0930\u093E", "\u092E\u0940\u0930\u093E"},
    {"names/1", kFamily, kLive, "\u5F20", "\u5F20"},
    {"names/1", kFamily, kLive, "\uAE40", "\u1100\u1175\u11B7"},
    {"names/1", kFamily, kLive, "Smith III", "smith"},
    {"names/1", kFamily, kLive, "Junior", "junior"},
    {"names/1", kFamily, kLive, "", nullptr},
    {"names/1", kFamily, kLive, "Mu?oz", nullptr},
    {"names/1", kFamily, kLive, "Mu\uFFFDoz", nullptr},
    {"names/1", kFamily, kLive, "\xE9t\xE9", nullptr},
    {"names/1", kFamily, kLive, "a\U000E0FFFb", nullptr},
    {"names/1", kBirth, kLive, "1990-02-03", "1990-02-03"},
    {"names/1", kBirth, kLive, "19900203", "1990-02-03"},
    {"names/1", kBirth, kLive, "02/03/1990", nullptr},
    {"names/1", kBirth, kLive, "1990-02-30", nullptr},
    {"names/1", kBirth, kLive, "2026-01-02", nullptr},
    {"names/1", kBirth, kLive, "1895-12-31", nullptr},
    {"names/1", kSsn, kLive, "078-05-1121", "078051121"},
    {"names/1", kSsn, kLive, "900-05-1121", nullptr},
    {"names/1", kSsn, kTest, "900-05-1121", "900051121"},
    {"names/1", kSsn, kTest, "078-05-1121", nullptr},
    {"names/1", Attribute::kPostalCode, kLive, "12345-6789", "12345"},
    {"names/1", Attribute::kPostalCode, kLive, "k1a 0b1", "K1A0B1"},
    {"nac/1", kFamily, kLive, "Hopper", "hopper"},
    {"nac/1", kFamily, kLive, "Heathcote-Drummond-Willoughby Jr.", "heathcote drummond willoughby"},
    {"nac/1", kFamily, kLive, "O'Sullivan", "osullivan"},
    {"nac/1", kFamily, kLive, "Nguy\u1EC5n", "nguyen"},
    {"nac/1", kBirth, kLive, "1978-08-14", "1978-08-14"},
    {"nac/1", kSsn, kLive, "078051121", "078-05-1121"},
    {"nac/1", kSsn, kLive, "666-05-1121", nullptr},
};

struct SoundexCase {
  const char* name;
  const char* code;
};
constexpr SoundexCase kSoundexCases[] = {
    {"robert", "R163"},  {"rupert", "R163"},   {"ashcraft", "A261"}, {"tymczak", "T522"},
    {"pfister", "P236"}, {"honeyman", "H555"}, {"lee", "L000"},      {"\u738B", ""},
};

}  // namespace

absl::Status CheckSpellingRules() {
  UVersionInfo version;
  u_getUnicodeVersion(version);
  if (version[0] < 15) {
    return absl::InternalError("spelling rules need ICU with Unicode 15.0 or later");
  }
  const absl::CivilDay today(2026, 1, 1);
  int number = 0;
  for (const Case& test : kCases) {
    ++number;
    absl::StatusOr<std::string> normal =
        FindSpellingRules(test.profile)->Normalize(test.attribute, test.raw, test.use, today);
    const bool refused = absl::IsInvalidArgument(normal.status());
    if (test.normal == nullptr ? !refused : !normal.ok() || *normal != test.normal) {
      return absl::InternalError(absl::StrCat("spelling rules ", test.profile,
                                              " do not reproduce published vector ", number, " (",
                                              AttributeName(test.attribute), ")"));
    }
  }
  for (const SoundexCase& test : kSoundexCases) {
    if (Soundex(test.name) != test.code) {
      return absl::InternalError(
          absl::StrCat("soundex does not reproduce its published vector ", test.code));
    }
  }

  NormalIdentity person;
  person.values[kBirth] = {"1990-02-03"};
  person.values[kFamily] = {"smith"};
  const MatchKey key = {
      {{KeyPart::Derivation::kSoundex, kFamily}, {KeyPart::Derivation::kYear, kBirth}}};
  const std::vector<std::string> inputs = TokenInputs({"a-1", "b", 7, "names/1"}, 2, key, person);
  static constexpr char kInput[] =
      "00000013766f7563682d746f6b656e2d696e7075742f31"  // vouch-token-input/1
      "00000003612d31"
      "0000000162"
      "0000000400000007"
      "000000076e616d65732f31"
      "000000020002"
      "00000013736f756e6465783a66616d696c795f6e616d65"
      "0000000453353330"
      "00000012796561723a646174655f6f665f6269727468"
      "0000000431393930";
  if (inputs.size() != 1 || Hex(AsBytes(inputs[0])) != kInput) {
    return absl::InternalError("token input does not reproduce its published vector");
  }
  return absl::OkStatus();
}

}  // namespace vouch::crypto
