#include "crypto/identity.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <openssl/sha.h>
#include <unicode/uchar.h>

#include <map>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_split.h"
#include "crypto/digest.h"
#include "crypto/spelling.h"
#include "crypto/token.h"
#include "tests/crypto/vector_file.h"

namespace vouch::crypto {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Not;
using testing::SizeIs;

const absl::CivilDay kToday(2026, 6, 30);

uint32_t HexNumber(const std::string& text) { return std::stoul(text, nullptr, 16); }

// The escapes of the vector files: \u{41} and \xE9.
std::string Unescaped(const std::string& text) {
  std::string out;
  for (size_t i = 0; i < text.size();) {
    if (text.compare(i, 3, "\\u{") == 0) {
      const size_t end = text.find('}', i);
      AppendUtf8(HexNumber(text.substr(i + 3, end - i - 3)), &out);
      i = end + 1;
    } else if (text.compare(i, 2, "\\x") == 0) {
      out.push_back(static_cast<char>(HexNumber(text.substr(i + 2, 2))));
      i += 4;
    } else {
      out.push_back(text[i++]);
    }
  }
  return out;
}

void CheckProfile(const std::string& file, const std::string& profile, size_t at_least) {
  const SpellingRules* rules = FindSpellingRules(profile);
  ASSERT_NE(rules, nullptr);
  size_t number = 0;
  for (const std::vector<std::string>& fields : ReadVectors("../identity/" + file, 5)) {
    ++number;
    SCOPED_TRACE(absl::StrCat("case ", number, ": ", fields[4]));
    ASSERT_TRUE(fields[0] == "live" || fields[0] == "test");
    const IdentityUse use = fields[0] == "test" ? IdentityUse::kTest : IdentityUse::kLive;
    absl::optional<Attribute> attribute = AttributeNamed(fields[1]);
    ASSERT_TRUE(attribute);
    absl::StatusOr<std::string> normal =
        rules->Normalize(*attribute, Unescaped(fields[2]), use, kToday);
    if (fields[3] == "!") {
      EXPECT_TRUE(absl::IsInvalidArgument(normal.status()));
    } else if (normal.ok()) {
      EXPECT_EQ(*normal, Unescaped(fields[3]));
    } else {
      ADD_FAILURE() << normal.status();
    }
  }
  EXPECT_GE(number, at_least);
}

TEST(Names1Test, ReproducesEveryPublishedVector) { CheckProfile("names1.txt", "names/1", 380); }

TEST(Nac1Test, ReproducesEveryPublishedVector) { CheckProfile("nac1.txt", "nac/1", 55); }

TEST(Names1Test, ReproducesTheDigestOfEveryCodePoint) {
  size_t ranges = 0;
  for (const auto& fields : ReadVectors("../identity/names1_every_code_point.txt", 4)) {
    std::string lines;
    for (uint32_t c = HexNumber(fields[0]); c <= HexNumber(fields[1]); ++c) {
      UVersionInfo age;
      u_charAge(c, age);
      const int8_t type = u_charType(c);
      if (age[0] == 0 || type == U_UNASSIGNED || type == U_SURROGATE) continue;
      if (std::to_string(std::max<int>(age[0], 14)) != fields[2]) continue;
      if (age[0] == 15 && age[1] != 0) continue;
      std::string raw = "a";
      AppendUtf8(c, &raw);
      raw += "b";
      absl::StatusOr<std::string> normal = FindSpellingRules("names/1")->Normalize(
          Attribute::kFamilyName, raw, IdentityUse::kLive, kToday);
      absl::StrAppendFormat(&lines, "%X:%s\n", c, normal.ok() ? *normal : "!");
    }
    EXPECT_EQ(Hex(Sha256(lines)), fields[3]) << fields[0] << " of Unicode " << fields[2];
    ++ranges;
  }
  EXPECT_GE(ranges, 50u);
}

TEST(Names1Test, IsTheSameOnItsOwnResult) {
  for (const auto& fields : ReadVectors("../identity/names1.txt", 5)) {
    const absl::optional<Attribute> attribute = AttributeNamed(fields[1]);
    if (fields[3] == "!" || !IsName(*attribute)) continue;
    const std::string once = Unescaped(fields[3]);
    absl::StatusOr<std::string> twice =
        FindSpellingRules("names/1")->Normalize(*attribute, once, IdentityUse::kLive, kToday);
    ASSERT_TRUE(twice.ok());
    EXPECT_EQ(*twice, once);
  }
}

TEST(Names1Test, NeverEchoesAValue) {
  const std::pair<Attribute, const char*> values[] = {
      {Attribute::kSocialSecurityNumber, "666-12-3456"}, {Attribute::kFamilyName, "Zanzibar?"},
      {Attribute::kDateOfBirth, "1977-02-31"},           {Attribute::kPostalCode, "Zanzibar#77"},
      {Attribute::kCaseNumber, "Zanzibar#77"},           {Attribute::kAlienNumber, "Zanzibar77"}};
  for (const auto& value : values) {
    for (const std::string& profile : SpellingRuleNames()) {
      absl::StatusOr<std::string> normal = FindSpellingRules(profile)->Normalize(
          value.first, value.second, IdentityUse::kLive, kToday);
      ASSERT_FALSE(normal.ok());
      EXPECT_THAT(
          std::string(normal.status().message()),
          testing::AllOf(Not(HasSubstr("Zanzibar")), Not(HasSubstr("3456")), Not(HasSubstr("1977")),
                         Not(HasSubstr("77")), HasSubstr(std::string(AttributeName(value.first)))));
    }
  }
}

TEST(Names1Test, BoundsABirthdayOn29FebruaryByTheFirstOfMarch) {
  const SpellingRules* rules = FindSpellingRules("names/1");
  const absl::CivilDay leap_day(2028, 2, 29);
  EXPECT_TRUE(
      rules->Normalize(Attribute::kDateOfBirth, "1898-03-01", IdentityUse::kLive, leap_day).ok());
  EXPECT_FALSE(
      rules->Normalize(Attribute::kDateOfBirth, "1898-02-28", IdentityUse::kLive, leap_day).ok());
}

TEST(Nac1Test, MakesTheTextWhoseHashTheClearinghousePublishes) {
  const SpellingRules* rules = FindSpellingRules("nac/1");
  const std::string text = absl::StrJoin(
      {*rules->Normalize(Attribute::kFamilyName, "HOPPER", IdentityUse::kLive, kToday),
       *rules->Normalize(Attribute::kDateOfBirth, "19780814", IdentityUse::kLive, kToday),
       *rules->Normalize(Attribute::kSocialSecurityNumber, "078051121", IdentityUse::kLive,
                         kToday)},
      ",");
  EXPECT_EQ(text, "hopper,1978-08-14,078-05-1121");
  std::array<uint8_t, SHA512_DIGEST_LENGTH> hash;
  SHA512(AsBytes(text).data(), text.size(), hash.data());
  EXPECT_EQ(Hex(hash),
            "04d1117b976e9c894294ab6198bee5fdaac1f657615f6ee01f96bcfc7045872c60ea68aa205c04dd2d6c5c"
            "9a350904385c8d6c9adf8f3cf8da8730d767251eef");
}

TEST(SoundexTest, ReproducesEveryPublishedVector) {
  for (const auto& fields : ReadVectors("../identity/soundex.txt", 2)) {
    EXPECT_EQ(Soundex(Unescaped(fields[0])), fields[1]) << fields[0];
  }
}

TEST(SpellingRulesTest, PassTheirOwnCheck) {
  const absl::Status status = CheckSpellingRules();
  EXPECT_TRUE(status.ok()) << status;
}

TEST(SpellingRulesTest, AreFoundByNameOnly) {
  for (const std::string& name : SpellingRuleNames()) {
    ASSERT_NE(FindSpellingRules(name), nullptr);
    EXPECT_EQ(FindSpellingRules(name)->name(), name);
  }
  EXPECT_EQ(FindSpellingRules("names/2"), nullptr);
  EXPECT_EQ(FindSpellingRules(""), nullptr);
}

TEST(AttributeTest, NamesAndNumbersAgree) {
  EXPECT_THAT(AllAttributes(), SizeIs(11));
  for (Attribute attribute : AllAttributes()) {
    EXPECT_EQ(AttributeNamed(AttributeName(attribute)), attribute);
  }
  EXPECT_EQ(AttributeNamed("ssn"), absl::nullopt);
}

TEST(KeyPartTest, ParsesWholeAndDerivedParts) {
  for (const char* text :
       {"family_name", "soundex:family_name", "soundex:given_name", "initial:given_name",
        "initial:middle_name", "year:date_of_birth", "social_security_number"}) {
    absl::StatusOr<KeyPart> part = ParseKeyPart(text);
    ASSERT_TRUE(part.ok()) << text;
    EXPECT_EQ(KeyPartName(*part), text);
  }
}

TEST(KeyPartTest, SuggestsTheNearestName) {
  const std::pair<const char*, const char*> cases[] = {
      {"familly_name", "did you mean \"family_name\""},
      {"ssn", "did you mean \"social_security_number\""},
      {"DOB", "did you mean \"date_of_birth\""},
      {"last_name", "did you mean \"family_name\""},
      {"zip", "did you mean \"postal_code\""},
      {"soundx:family_name", "did you mean \"soundex\""},
      {"soundex:surname", "did you mean \"family_name\""},
      {"qqqqqq", "There are: social_security_number"}};
  for (const auto& test : cases) {
    absl::StatusOr<KeyPart> part = ParseKeyPart(test.first);
    ASSERT_TRUE(absl::IsInvalidArgument(part.status())) << test.first;
    EXPECT_THAT(std::string(part.status().message()), HasSubstr(test.second));
  }
  EXPECT_THAT(std::string(ParseKeyPart("qqqqqq").status().message()),
              Not(HasSubstr("did you mean")));
}

TEST(KeyPartTest, RefusesDerivationsThatMakeNoSense) {
  for (const char* text : {"soundex:date_of_birth", "initial:postal_code", "year:family_name",
                           "year:", ":family_name", "", "soundex:soundex:family_name"}) {
    EXPECT_TRUE(absl::IsInvalidArgument(ParseKeyPart(text).status())) << text;
  }
}

TEST(NormalizeIdentityTest, LeavesOutAndReportsWhatIsNotValid) {
  Identity identity;
  identity.Add(Attribute::kFamilyName, "Smith");
  identity.Add(Attribute::kFamilyName, "SMITH");
  identity.Add(Attribute::kFamilyName, "M?ller");
  identity.Add(Attribute::kFamilyName, "Jones");
  identity.Add(Attribute::kSocialSecurityNumber, "000-12-3456");
  const NormalIdentity normal =
      NormalizeIdentity(identity, *FindSpellingRules("names/1"), IdentityUse::kLive, kToday);
  EXPECT_THAT(normal.values.at(Attribute::kFamilyName), ElementsAre("smith", "jones"));
  EXPECT_EQ(normal.values.count(Attribute::kSocialSecurityNumber), 0u);
  ASSERT_THAT(normal.problems, SizeIs(2));
  EXPECT_EQ(normal.problems[0].attribute, Attribute::kSocialSecurityNumber);
  EXPECT_EQ(normal.problems[1].attribute, Attribute::kFamilyName);
}

TEST(TokenScopeTest, SeparatesAskersAndTestFromLive) {
  EXPECT_EQ(TokenScope(true, "fsa.ed.example", IdentityUse::kLive), "fsa.ed.example");
  EXPECT_EQ(TokenScope(false, "fsa.ed.example", IdentityUse::kLive), "");
  EXPECT_EQ(TokenScope(true, "fsa.ed.example", IdentityUse::kTest), "test:fsa.ed.example");
  EXPECT_EQ(TokenScope(false, "fsa.ed.example", IdentityUse::kTest), "test");
}

TEST(TokenInputsTest, ReproducesEveryPublishedVector) {
  std::string key_bytes(32, '\0');
  for (int i = 0; i < 32; ++i) key_bytes[i] = static_cast<char>(i);
  for (const auto& fields : ReadVectors("../identity/token_inputs.txt", 10)) {
    SCOPED_TRACE(fields[9]);
    const TokenContext context = {fields[0], fields[1],
                                  static_cast<uint32_t>(std::stoul(fields[2])), fields[3]};
    MatchKey key;
    for (absl::string_view part : absl::StrSplit(fields[5], ',')) {
      key.parts.push_back(ParseKeyPart(part).value());
    }
    NormalIdentity identity;
    for (absl::string_view value : absl::StrSplit(Unescaped(fields[6]), ';', absl::SkipEmpty())) {
      const std::pair<std::string, std::string> named =
          absl::StrSplit(value, absl::MaxSplits('=', 1));
      identity.values[*AttributeNamed(named.first)].push_back(named.second);
    }
    std::vector<std::string> inputs, tokens;
    for (const std::string& input :
         TokenInputs(context, static_cast<uint16_t>(std::stoul(fields[4])), key, identity)) {
      inputs.push_back(Hex(AsBytes(input)));
      tokens.push_back(Hex(HmacSha256(AsBytes(key_bytes), AsBytes(input))));
    }
    EXPECT_EQ(absl::StrJoin(inputs, ","), fields[7]);
    EXPECT_EQ(absl::StrJoin(tokens, ","), fields[8]);
  }
}

TEST(TokenInputsTest, MakesNothingForAKeyWithoutParts) {
  EXPECT_THAT(TokenInputs({"a", "", 1, "names/1"}, 0, MatchKey{}, NormalIdentity{}), IsEmpty());
}

TEST(TokenInputsTest, NoFieldCanStandForItsNeighbour) {
  NormalIdentity identity;
  identity.values[Attribute::kFamilyName] = {"smith"};
  const MatchKey key = {{{KeyPart::Derivation::kWhole, Attribute::kFamilyName}}};
  EXPECT_NE(TokenInputs({"ab", "c", 1, "names/1"}, 0, key, identity),
            TokenInputs({"a", "bc", 1, "names/1"}, 0, key, identity));
}

}  // namespace
}  // namespace vouch::crypto
