// A person's attributes in clear, inside one agency only, and the one normal form both agencies
// hash. docs/protocol.md describes both profiles so that any language can reproduce them.
#ifndef VOUCH_CRYPTO_IDENTITY_H_
#define VOUCH_CRYPTO_IDENTITY_H_

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/time/civil_time.h"
#include "absl/types/optional.h"
#include "crypto/bytes.h"

namespace vouch::crypto {

enum class Attribute : uint8_t {
  kSocialSecurityNumber = 1,
  kIndividualTaxpayerId = 2,
  kDateOfBirth = 3,
  kGivenName = 4,
  kFamilyName = 5,
  kMiddleName = 6,
  kPostalCode = 7,
  kNationalId = 8,
  kAlienNumber = 9,
  kCaseNumber = 10,
  kEmployerId = 11,
};

// "social_security_number", ... ; nullopt for a name that is none.
absl::optional<Attribute> AttributeNamed(absl::string_view name);
absl::string_view AttributeName(Attribute attribute);
const std::vector<Attribute>& AllAttributes();

// Live people carry real numbers; test people only Social Security numbers of area 9xx, so that one
// can never be taken for the other.
enum class IdentityUse : uint8_t { kLive = 1, kTest = 2 };

// One part of a match key: an attribute, or something derived from one.
struct KeyPart {
  enum class Derivation : uint8_t { kWhole = 0, kSoundex = 1, kInitial = 2, kYear = 3 };
  Derivation derivation = Derivation::kWhole;
  Attribute attribute = Attribute::kSocialSecurityNumber;

  friend bool operator==(const KeyPart& a, const KeyPart& b) {
    return a.derivation == b.derivation && a.attribute == b.attribute;
  }
};
// "family_name", "soundex:family_name", "initial:given_name", "year:date_of_birth".
// InvalidArgument says what is wrong and which names exist.
absl::StatusOr<KeyPart> ParseKeyPart(absl::string_view text);
std::string KeyPartName(const KeyPart& part);

// An ordered set of parts that can find a person.
struct MatchKey {
  std::vector<KeyPart> parts;
};

// Raw values as an agency holds them; several for an attribute when a person has had several.
struct Identity {
  std::map<Attribute, std::vector<std::string>> values;

  void Add(Attribute attribute, absl::string_view value) { values[attribute].emplace_back(value); }
};

// A normalisation profile. Stateless and thread-safe; the built-in ones live for ever.
class SpellingRules {
 public:
  virtual ~SpellingRules() = default;
  virtual absl::string_view name() const = 0;
  // The normal form of one raw value. InvalidArgument, never echoing the value, when it is not
  // valid (an SSN of area 000, a 30 February). `today` bounds dates: not after it, within 130
  // years.
  virtual absl::StatusOr<std::string> Normalize(Attribute attribute, absl::string_view raw,
                                                IdentityUse use, absl::CivilDay today) const = 0;
};
// "names/1" or "nac/1"; nullptr for anything else.
const SpellingRules* FindSpellingRules(absl::string_view name);
std::vector<std::string> SpellingRuleNames();

// An identity with every value in normal form; values that are not valid are left out and reported.
struct NormalIdentity {
  std::map<Attribute, std::vector<std::string>> values;
  struct Problem {
    Attribute attribute;
    std::string message;  // never holds the value
  };
  std::vector<Problem> problems;
};
NormalIdentity NormalizeIdentity(const Identity& identity, const SpellingRules& rules,
                                 IdentityUse use, absl::CivilDay today);

// What a token is bound to besides the person (docs/protocol.md, "Token input").
struct TokenContext {
  std::string agreement_id;
  std::string scope;  // the asking agency for keyed-hash; empty for blind; see TokenScope
  uint32_t epoch = 0;
  std::string profile;  // spelling rules
};
// The scope of a token: `asker` for keyed-hash, empty for blind; "test" takes its place, with the
// asker behind it for keyed-hash, when the agreement's use is test.
std::string TokenScope(bool keyed_hash, absl::string_view asker, IdentityUse use);

// The most token inputs one match key makes for one person (several names and numbers multiply).
inline constexpr size_t kMaxInputsPerKey = 16;

// The canonical bytes to be hashed for match key number `key_number` (0-based), one for each
// combination of the person's values, at most kMaxInputsPerKey, first values first; empty when the
// key cannot be formed.
std::vector<std::string> TokenInputs(const TokenContext& context, uint16_t key_number,
                                     const MatchKey& key, const NormalIdentity& identity);

// Runs the published vectors of every profile; Internal names the first that fails.
absl::Status CheckSpellingRules();

}  // namespace vouch::crypto

#endif  // VOUCH_CRYPTO_IDENTITY_H_
