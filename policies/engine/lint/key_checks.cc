// Rule pack privacy, on match keys: whom they confuse, and who can be found by guessing.
#include <algorithm>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/str_join.h"
#include "policies/engine/collisions.h"
#include "policies/engine/lint/checks.h"

namespace vouch::policies::lint {
namespace {

constexpr double kSecondsAYear = 31557600;

std::string KeyPath(size_t key) { return absl::StrCat("people.match[", key + 1, "]"); }

std::string Spoken(double seconds) {
  if (seconds < 120) return absl::StrFormat("%.0f seconds", std::max(1.0, seconds));
  if (seconds < 7200) return absl::StrFormat("%.0f minutes", seconds / 60);
  if (seconds < 172800) return absl::StrFormat("%.0f hours", seconds / 3600);
  if (seconds < 6.3e7) return absl::StrFormat("%.0f days", seconds / 86400);
  return absl::StrFormat("%.0f years", seconds / kSecondsAYear);
}

// "0.0042", "7.5", "1200": no power of ten where a reader would count.
std::string Count(double number) {
  return number < 10 ? absl::StrFormat("%.2g", number) : absl::StrFormat("%.0f", number);
}

double PerMillion(const Finder& find, absl::string_view figure) {
  return static_cast<double>(find.Figure(figure)) / 1e6;
}

Severity Above(bool warned) { return warned ? Severity::kWarning : Severity::kNote; }

void NumberOnly(Finder* find) {
  const auto& match = find->agreement().match;
  for (size_t i = 0; i < match.size(); ++i) {
    if (match[i].parts.size() != 1) continue;
    const std::string& part = match[i].parts[0];
    if (part != "social_security_number" && part != "individual_taxpayer_id") continue;
    find->Add(
        KeyPath(i) + ".key",
        absl::StrCat("this key is `", part,
                     "` alone: one wrong digit finds somebody else, and every number there is "
                     "can be tried"),
        "add a part that must fit as well, such as \"date_of_birth\" or \"family_name\"");
  }
}

void LowEntropy(Finder* find) {
  const auto& match = find->agreement().match;
  const auto least = static_cast<double>(find->Figure("least_values"));
  for (size_t i = 0; i < match.size(); ++i) {
    const double values = AgreementOdds(match[i].parts);
    if (values >= least) continue;
    const uint64_t guesses =
        std::max<uint64_t>(1, UsableWithin(find->agreement().limits.new_people, absl::Hours(24)));
    find->Add(KeyPath(i) + ".key",
              absl::StrFormat(
                  "[%s] has about %.0f different values; at %d new people a day, who asks can "
                  "try all of them in %s and learn who is on record",
                  absl::StrJoin(match[i].parts, ", "), values, guesses,
                  Spoken(values / static_cast<double>(guesses) * 86400)),
              "add parts to the key (a whole date of birth, a number), or take it out");
  }
}

void Guessable(Finder* find) {
  const Agreement& agreement = find->agreement();
  if (agreement.token_kind != TokenKind::kKeyedHash) return;
  for (size_t i = 0; i < agreement.match.size(); ++i) {
    const double seconds = AgreementOdds(agreement.match[i].parts) /
                           static_cast<double>(find->Figure("guesses_a_second"));
    const double warned = static_cast<double>(find->Figure("years")) * kSecondsAYear;
    find->AddAs(Above(seconds < warned), KeyPath(i),
                absl::StrCat("who holds the keyed-hash key, both agencies and whoever steals it, "
                             "finds the person behind a token of [",
                             absl::StrJoin(agreement.match[i].parts, ", "),
                             "] by trying all in about ", Spoken(seconds), " on one core"),
                "use tokens of kind \"blind\", where the asker holds no key");
  }
}

void DespiteAMismatch(Finder* find) {
  const Agreement& agreement = find->agreement();
  const uint64_t people = find->options().people;
  for (size_t i = 0; i < agreement.match.size(); ++i) {
    const AgreedMatchKey& key = agreement.match[i];
    if (key.despite_mismatch != DespiteMismatch::kAllow) continue;
    const double strangers = ExpectedCollisions(key.parts, people, 1);
    find->AddAs(
        Above(strangers >= PerMillion(*find, "per_million_warned")),
        KeyPath(i) + ".despite_mismatch",
        absl::StrFormat(
            "this key answers although an earlier one did not fit; among %d records, %s "
            "strangers agree with a person in it by chance, so about %s of %d such answers "
            "are about somebody else",
            people, Count(strangers), Count(ExpectedCollisions(key.parts, people, people)), people),
        "leave despite_mismatch out, or add parts to the key");
  }
}

// How often people are asked about so that no earlier key can be formed is theirs to know who sign;
// what it costs where they are is stated for a thousand of them.
void KeyAlone(Finder* find) {
  constexpr uint64_t kAsked = 1000;
  const auto& match = find->agreement().match;
  const uint64_t people = find->options().people;
  for (size_t i = 0; i < match.size(); ++i) {
    if (match[i].despite_mismatch == DespiteMismatch::kAllow) continue;  // priced for everybody
    const double strangers = CollisionsAlone(match, i, people, kAsked);
    if (strangers < kAsked * PerMillion(*find, "per_million_noted")) continue;
    const std::string when =
        i == 0 ? "this key stands alone"
               : absl::StrCat("where asker or record lacks what every earlier key needs (",
                              absl::StrJoin(WhenAlone(match, i).missing, ", "),
                              "), none can object and this key answers alone, in spite of "
                              "\"refuse\"");
    find->AddAs(
        Above(strangers >= kAsked * PerMillion(*find, "per_million_warned")), KeyPath(i),
        absl::StrFormat("%s; of %d people asked about so who have no record, about %s agree "
                        "in it with one of %d records by chance and get a stranger's answer",
                        when, kAsked, Count(strangers), people),
        "add parts until the key could stand alone (a whole date of birth, a postal code, a "
        "number), or take it out");
  }
}

}  // namespace

std::vector<Check> KeyChecks() {
  return {{"privacy/number-only-key", NumberOnly},
          {"privacy/low-entropy-key", LowEntropy},
          {"privacy/guessable-key", Guessable},
          {"privacy/despite-mismatch", DespiteAMismatch},
          {"privacy/key-alone", KeyAlone}};
}

}  // namespace vouch::policies::lint
