#include "crypto/identity.h"

#include <unicode/utf8.h>

#include <algorithm>
#include <cstdlib>
#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "crypto/spelling.h"

namespace vouch::crypto {
namespace {

using Derivation = KeyPart::Derivation;

constexpr std::pair<Attribute, absl::string_view> kAttributes[] = {
    {Attribute::kSocialSecurityNumber, "social_security_number"},
    {Attribute::kIndividualTaxpayerId, "individual_taxpayer_id"},
    {Attribute::kDateOfBirth, "date_of_birth"},
    {Attribute::kGivenName, "given_name"},
    {Attribute::kFamilyName, "family_name"},
    {Attribute::kMiddleName, "middle_name"},
    {Attribute::kPostalCode, "postal_code"},
    {Attribute::kNationalId, "national_id"},
    {Attribute::kAlienNumber, "alien_number"},
    {Attribute::kCaseNumber, "case_number"},
    {Attribute::kEmployerId, "employer_id"},
};

constexpr std::pair<Derivation, absl::string_view> kDerivations[] = {
    {Derivation::kSoundex, "soundex"},
    {Derivation::kInitial, "initial"},
    {Derivation::kYear, "year"},
};

// What officers write from habit; too far from our names for a spelling distance to find.
constexpr std::pair<absl::string_view, absl::string_view> kHabits[] = {
    {"ssn", "social_security_number"},
    {"social_security", "social_security_number"},
    {"itin", "individual_taxpayer_id"},
    {"tin", "individual_taxpayer_id"},
    {"dob", "date_of_birth"},
    {"birth_date", "date_of_birth"},
    {"birthdate", "date_of_birth"},
    {"birthday", "date_of_birth"},
    {"first_name", "given_name"},
    {"firstname", "given_name"},
    {"forename", "given_name"},
    {"last_name", "family_name"},
    {"lastname", "family_name"},
    {"surname", "family_name"},
    {"zip", "postal_code"},
    {"zip_code", "postal_code"},
    {"zipcode", "postal_code"},
    {"postcode", "postal_code"},
    {"a_number", "alien_number"},
    {"ein", "employer_id"},
};

size_t SpellingDistance(absl::string_view a, absl::string_view b) {
  std::vector<size_t> row(b.size() + 1);
  for (size_t j = 0; j <= b.size(); ++j) row[j] = j;
  for (size_t i = 1; i <= a.size(); ++i) {
    size_t diagonal = row[0];
    row[0] = i;
    for (size_t j = 1; j <= b.size(); ++j) {
      const size_t above = row[j];
      row[j] = std::min({above + 1, row[j - 1] + 1, diagonal + (a[i - 1] == b[j - 1] ? 0 : 1)});
      diagonal = above;
    }
  }
  return row[b.size()];
}

// Empty when nothing is near.
absl::string_view Nearest(absl::string_view text, const std::vector<absl::string_view>& names) {
  absl::string_view nearest;
  size_t least = std::max<size_t>(2, text.size() / 3) + 1;
  for (absl::string_view name : names) {
    const size_t distance = SpellingDistance(text, name);
    if (distance < least) {
      least = distance;
      nearest = name;
    }
  }
  return nearest;
}

absl::Status UnknownName(absl::string_view kind, absl::string_view text, absl::string_view nearest,
                         const std::vector<absl::string_view>& names) {
  return absl::InvalidArgumentError(
      absl::StrCat("unknown ", kind, " \"", text.substr(0, 64), "\"",
                   nearest.empty() ? "" : absl::StrCat("; did you mean \"", nearest, "\"?"),
                   " There are: ", absl::StrJoin(names, ", ")));
}

absl::Status UnknownAttribute(absl::string_view text) {
  std::vector<absl::string_view> names;
  for (const auto& entry : kAttributes) names.push_back(entry.second);
  const std::string lower = absl::AsciiStrToLower(text);
  for (const auto& habit : kHabits) {
    if (habit.first == lower) return UnknownName("attribute", text, habit.second, names);
  }
  return UnknownName("attribute", text, Nearest(lower, names), names);
}

absl::Status CheckDerivation(const KeyPart& part) {
  switch (part.derivation) {
    case Derivation::kWhole:
      return absl::OkStatus();
    case Derivation::kSoundex:
    case Derivation::kInitial:
      if (IsName(part.attribute)) return absl::OkStatus();
      return absl::InvalidArgumentError(
          absl::StrCat("\"", KeyPartName(part),
                       "\": soundex and initial are made from given_name, middle_name or "
                       "family_name only"));
    case Derivation::kYear:
      if (part.attribute == Attribute::kDateOfBirth) return absl::OkStatus();
      return absl::InvalidArgumentError(
          absl::StrCat("\"", KeyPartName(part), "\": year is made from date_of_birth only"));
  }
  return absl::InvalidArgumentError("no such derivation");
}

std::string FirstCodePoint(absl::string_view text) {
  int32_t end = 0;
  U8_FWD_1(text.data(), end, static_cast<int32_t>(text.size()));
  return std::string(text.substr(0, end));
}

// Empty when the part cannot be made from this value.
std::string PartValue(const KeyPart& part, const std::string& normal) {
  switch (part.derivation) {
    case Derivation::kWhole:
      return normal;
    case Derivation::kSoundex:
      return Soundex(normal);
    case Derivation::kInitial:
      return FirstCodePoint(normal);
    case Derivation::kYear:
      return normal.substr(0, 4);
  }
  return "";
}

}  // namespace

absl::optional<Attribute> AttributeNamed(absl::string_view name) {
  for (const auto& entry : kAttributes) {
    if (entry.second == name) return entry.first;
  }
  return absl::nullopt;
}

absl::string_view AttributeName(Attribute attribute) {
  for (const auto& entry : kAttributes) {
    if (entry.first == attribute) return entry.second;
  }
  std::abort();  // an Attribute is only ever one of the above
}

const std::vector<Attribute>& AllAttributes() {
  static const auto& all = *new std::vector<Attribute>([] {
    std::vector<Attribute> attributes;
    for (const auto& entry : kAttributes) attributes.push_back(entry.first);
    return attributes;
  }());
  return all;
}

absl::StatusOr<KeyPart> ParseKeyPart(absl::string_view text) {
  KeyPart part;
  absl::string_view attribute_text = text;
  const size_t colon = text.find(':');
  if (colon != absl::string_view::npos) {
    const absl::string_view derivation_text = text.substr(0, colon);
    attribute_text = text.substr(colon + 1);
    bool known = false;
    std::vector<absl::string_view> names;
    for (const auto& entry : kDerivations) {
      names.push_back(entry.second);
      if (entry.second == derivation_text) {
        part.derivation = entry.first;
        known = true;
      }
    }
    if (!known) {
      return UnknownName("derivation", derivation_text, Nearest(derivation_text, names), names);
    }
  }
  absl::optional<Attribute> attribute = AttributeNamed(attribute_text);
  if (!attribute) return UnknownAttribute(attribute_text);
  part.attribute = *attribute;
  absl::Status status = CheckDerivation(part);
  if (!status.ok()) return status;
  return part;
}

std::string KeyPartName(const KeyPart& part) {
  for (const auto& entry : kDerivations) {
    if (entry.first == part.derivation) {
      return absl::StrCat(entry.second, ":", AttributeName(part.attribute));
    }
  }
  return std::string(AttributeName(part.attribute));
}

const SpellingRules* FindSpellingRules(absl::string_view name) {
  for (const SpellingRules* rules : {&Names1(), &Nac1()}) {
    if (rules->name() == name) return rules;
  }
  return nullptr;
}

std::vector<std::string> SpellingRuleNames() {
  return {std::string(Names1().name()), std::string(Nac1().name())};
}

NormalIdentity NormalizeIdentity(const Identity& identity, const SpellingRules& rules,
                                 IdentityUse use, absl::CivilDay today) {
  NormalIdentity normal;
  for (const auto& entry : identity.values) {
    for (const std::string& raw : entry.second) {
      absl::StatusOr<std::string> value = rules.Normalize(entry.first, raw, use, today);
      if (!value.ok()) {
        normal.problems.push_back({entry.first, std::string(value.status().message())});
        continue;
      }
      std::vector<std::string>& values = normal.values[entry.first];
      if (std::find(values.begin(), values.end(), *value) == values.end()) {
        values.push_back(*std::move(value));
      }
    }
  }
  return normal;
}

std::string TokenScope(bool keyed_hash, absl::string_view asker, IdentityUse use) {
  if (use == IdentityUse::kTest) return keyed_hash ? absl::StrCat("test:", asker) : "test";
  return keyed_hash ? std::string(asker) : std::string();
}

std::vector<std::string> TokenInputs(const TokenContext& context, uint16_t key_number,
                                     const MatchKey& key, const NormalIdentity& identity) {
  // Parts of one attribute are always made from the same value: the initial of one family name
  // beside the soundex of another would describe nobody.
  std::vector<Attribute> attributes;
  std::vector<const std::vector<std::string>*> choices;
  for (const KeyPart& part : key.parts) {
    if (std::find(attributes.begin(), attributes.end(), part.attribute) != attributes.end()) {
      continue;
    }
    const auto found = identity.values.find(part.attribute);
    if (found == identity.values.end() || found->second.empty()) return {};
    attributes.push_back(part.attribute);
    choices.push_back(&found->second);
  }
  if (choices.empty()) return {};

  ByteWriter head;
  head.Field("vouch-token-input/1").Field(context.agreement_id).Field(context.scope);
  head.U32(4).U32(context.epoch).Field(context.profile).U32(2).U16(key_number);

  std::vector<std::string> inputs;
  std::vector<size_t> chosen(choices.size(), 0);
  for (bool more = true; more && inputs.size() < kMaxInputsPerKey;) {
    ByteWriter input = head;
    bool formable = true;
    for (const KeyPart& part : key.parts) {
      const size_t at =
          std::find(attributes.begin(), attributes.end(), part.attribute) - attributes.begin();
      const std::string value = PartValue(part, (*choices[at])[chosen[at]]);
      formable = formable && !value.empty();
      input.Field(KeyPartName(part)).Field(value);
    }
    if (formable && std::find(inputs.begin(), inputs.end(), input.str()) == inputs.end()) {
      inputs.push_back(std::move(input).str());
    }
    // The last attribute turns fastest.
    more = false;
    for (size_t i = chosen.size(); i-- > 0 && !more;) {
      if (++chosen[i] < choices[i]->size()) {
        more = true;
      } else {
        chosen[i] = 0;
      }
    }
  }
  return inputs;
}

}  // namespace vouch::crypto
