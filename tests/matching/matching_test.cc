// Who is found, who is missed and who is taken for somebody else: real records, real tokens,
// synthetic people (docs/matching.md states the figures and what they mean).
#include <algorithm>
#include <iostream>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_replace.h"
#include "gtest/gtest.h"
#include "policies/engine/agreement.h"
#include "policies/engine/collisions.h"
#include "tests/policies/files.h"
#include "tests/server/records/loaded_folder.h"
#include "tests/synth/population.h"
#include "tests/synth/record.h"

namespace vouch::server::records {
namespace {

constexpr uint64_t kPopulation = 20270115;
constexpr uint64_t kPeople = 5000;
// Nobody of a household that is on file.
constexpr uint64_t kFirstAbsent = 1000008;
constexpr uint32_t kEpoch = 1;
constexpr char kTemplateLastKey[] =
    R"({key: ["given_name", "family_name", "date_of_birth", "postal_code"]})";

// The template, with other match keys when `from` is not empty.
policies::Agreement Agreed(const std::string& from, const std::string& to) {
  std::string text =
      policies::SourceText("policies/templates/income-for-student-aid/agreement.yaml");
  if (!from.empty()) {
    EXPECT_EQ(absl::StrReplaceAll({{from, to}}, &text), 1);
  }
  policies::Report report;
  absl::optional<policies::Agreement> agreement =
      policies::ReadAgreement("agreement.yaml", text, policies::Known(), &report);
  EXPECT_TRUE(agreement.has_value()) << report.ToText(text);
  return agreement.value_or(policies::Agreement());
}

// What asking about many people came to. `right` and `wrong` are the two ways to be found.
struct Tally {
  int asked = 0, right = 0, wrong = 0, mismatch = 0, several = 0, none = 0;
};

// An agency that holds kPeople people, one record in twenty with errors, and an asker.
class Agency {
 public:
  explicit Agency(const policies::Agreement& agreement) : agreement_(agreement) {
    index_ = loaded_.Index(kEpoch);
    index_.match.clear();
    for (size_t k = 0; k < agreement.match.size(); ++k) {
      crypto::MatchKey key;
      for (const std::string& part : agreement.match[k].parts) {
        key.parts.push_back(*crypto::ParseKeyPart(part));
      }
      index_.match.push_back(std::move(key));
      if (agreement.match[k].despite_mismatch == policies::DespiteMismatch::kAllow) {
        despite_mismatch_ |= 1u << k;
      }
    }
    std::string csv = synth::CsvHeader();
    for (uint64_t number = 0; number < kPeople; ++number) {
      for (const synth::Record& record : OnFile(number)) {
        synth::AppendCsv(record, &csv);
        number_of_[loaded_.Handle(record.source_id)] = number;
        ++records_;
      }
    }
    LoadOptions options = loaded_.Options(csv);
    options.mapping.person_id_column = "source_id";
    options.mapping.identity = {
        {crypto::Attribute::kSocialSecurityNumber, {"social_security_number"}},
        {crypto::Attribute::kDateOfBirth, {"date_of_birth"}},
        {crypto::Attribute::kGivenName, {"given_name"}},
        {crypto::Attribute::kFamilyName, {"family_name", "former_family_name"}},
        {crypto::Attribute::kPostalCode, {"postal_code"}}};
    options.mapping.facts[0].column = "adjusted_gross_income";
    options.mapping.facts[0].in_cents = true;
    options.indexes = {index_};
    LoadReport report;
    const absl::Status loaded = LoadRecords(options, &report);
    EXPECT_TRUE(loaded.ok()) << loaded;
    EXPECT_EQ(report.people, records_);
    snapshot_ = loaded_.Snapshot();
  }

  uint64_t records() const { return records_; }

  // The same people, spelt as on file.
  Tally AskExactly() const {
    return Ask(0, [this](uint64_t number) { return OnFile(number)[0]; });
  }
  // The same people, each with one error or two of the asker's own.
  Tally AskWithErrors() const {
    return Ask(0, [this](uint64_t number) { return erring_.Write(population_.At(number))[0]; });
  }
  // People who are not on file, spelt as they are.
  Tally AskAboutAbsent() const {
    return Ask(kFirstAbsent,
               [this](uint64_t number) { return knowing_.Write(population_.At(number))[0]; });
  }
  // The same, by an asker who does not know their numbers: no earlier key can object.
  Tally AskAboutAbsentWithoutNumber() const {
    return Ask(kFirstAbsent, [this](uint64_t number) {
      synth::Record record = knowing_.Write(population_.At(number))[0];
      record.social_security_number.clear();
      return record;
    });
  }

 private:
  std::vector<synth::Record> OnFile(uint64_t number) const {
    return filing_.Write(population_.At(number));
  }

  std::vector<crypto::Token> TokensOf(const synth::Record& record) const {
    crypto::Identity identity;
    const auto add = [&](crypto::Attribute attribute, const std::string& value) {
      if (!value.empty()) identity.Add(attribute, value);
    };
    add(crypto::Attribute::kSocialSecurityNumber, record.social_security_number);
    add(crypto::Attribute::kDateOfBirth, record.date_of_birth);
    add(crypto::Attribute::kGivenName, record.given_name);
    add(crypto::Attribute::kFamilyName, record.family_name);
    add(crypto::Attribute::kPostalCode, record.postal_code);
    const crypto::NormalIdentity normal = crypto::NormalizeIdentity(
        identity, *crypto::FindSpellingRules(agreement_.spelling_rules), index_.use, index_.today);
    std::vector<crypto::Token> tokens(index_.match.size(), crypto::kZeroToken);
    for (uint16_t k = 0; k < tokens.size(); ++k) {
      const std::vector<std::string> inputs =
          crypto::TokenInputs(index_.context, k, index_.match[k], normal);
      if (inputs.empty()) continue;
      const absl::Status made =
          index_.tokeniser->Tokens({inputs[0]}, absl::Span<crypto::Token>(&tokens[k], 1));
      EXPECT_TRUE(made.ok()) << made;
    }
    return tokens;
  }

  template <typename Write>
  Tally Ask(uint64_t first, const Write& write) const {
    Tally tally;
    for (uint64_t number = first; number < first + kPeople; ++number) {
      const Resolved resolved = snapshot_->ResolveTokens(
          index_.context.agreement_id, kEpoch, despite_mismatch_, TokensOf(write(number)));
      ++tally.asked;
      switch (resolved.match()) {
        case Match::kOne: {
          const auto found = number_of_.find(resolved.person());
          const bool right = found != number_of_.end() && found->second == number;
          ++(right ? tally.right : tally.wrong);
          break;
        }
        case Match::kMismatch:
          ++tally.mismatch;
          break;
        case Match::kSeveral:
          ++tally.several;
          break;
        case Match::kNone:
          ++tally.none;
          break;
      }
    }
    return tally;
  }

  const policies::Agreement agreement_;
  const synth::Population population_{kPopulation};
  const synth::Clerk filing_{0.05, 1, "A"};
  const synth::Clerk erring_{1, 2, "B"};
  const synth::Clerk knowing_{0, 3, "C"};
  LoadedFolder loaded_;
  IndexRequest index_;
  uint32_t despite_mismatch_ = 0;
  uint64_t records_ = 0;
  std::map<PersonHandle, uint64_t> number_of_;
  std::shared_ptr<const FileSnapshot> snapshot_;
};

struct Measured {
  uint64_t records = 0;
  Tally exact, errors, absent, numberless;
};

Measured Measure(const std::string& title, const policies::Agreement& agreement) {
  const Agency agency(agreement);
  Measured measured;
  measured.records = agency.records();
  measured.exact = agency.AskExactly();
  measured.errors = agency.AskWithErrors();
  measured.absent = agency.AskAboutAbsent();
  measured.numberless = agency.AskAboutAbsentWithoutNumber();
  std::cout << title << "\n"
            << absl::StrFormat("  %-18s %6s %6s %6s %9s %8s %6s\n", "asked about", "people",
                               "right", "wrong", "mismatch", "several", "none");
  const auto row = [](const char* name, const Tally& t) {
    std::cout << absl::StrFormat("  %-18s %6d %6d %6d %9d %8d %6d\n", name, t.asked, t.right,
                                 t.wrong, t.mismatch, t.several, t.none);
  };
  row("exact", measured.exact);
  row("with errors", measured.errors);
  row("absent", measured.absent);
  row("absent, no number", measured.numberless);
  return measured;
}

void ExpectNobodyElse(const Measured& measured) {
  EXPECT_EQ(measured.exact.wrong, 0);
  EXPECT_EQ(measured.errors.wrong, 0);
  EXPECT_EQ(measured.absent.wrong, 0);
}

// By all that `check` states of the agreement's keys: where one says "allow", for everybody asked
// about; for the others, where no earlier key can be formed. Returns that sum.
double ExpectNoMoreThanPriced(const policies::Agreement& agreement, const Measured& measured) {
  double priced = 0;
  for (size_t key = 0; key < agreement.match.size(); ++key) {
    const policies::AgreedMatchKey& agreed = agreement.match[key];
    priced += agreed.despite_mismatch == policies::DespiteMismatch::kAllow
                  ? policies::ExpectedCollisions(agreed.parts, measured.records, kPeople)
                  : policies::CollisionsAlone(agreement.match, key, measured.records, kPeople);
  }
  std::cout << absl::StrFormat("  priced: %.2g\n", priced);
  for (const Tally* tally :
       {&measured.exact, &measured.errors, &measured.absent, &measured.numberless}) {
    EXPECT_LE(tally->wrong, priced);
  }
  return priced;
}

std::string Allowing(const std::string& key) {
  return absl::StrReplaceAll(key, {{"]}", "], despite_mismatch: \"allow\"}"}});
}

// Floors lie a little below what was measured: seeds make the figures the same on every machine.
TEST(MatchingTest, OneKeyFindsNobodyElse) {
  policies::Agreement agreement = Agreed("", "");
  agreement.match.resize(1);
  const Measured measured = Measure("One key: number and birth date", agreement);
  ExpectNobodyElse(measured);
  EXPECT_GE(measured.exact.right, 4980);
  EXPECT_GE(measured.errors.right, 3330);
  EXPECT_EQ(measured.numberless.none, static_cast<int>(kPeople));
  ExpectNoMoreThanPriced(agreement, measured);
}

TEST(MatchingTest, TemplateKeysFindNobodyElse) {
  const policies::Agreement agreement = Agreed("", "");
  const Measured measured = Measure("The template's three keys, refuse", agreement);
  ExpectNobodyElse(measured);
  EXPECT_EQ(measured.numberless.wrong, 0);
  EXPECT_GE(measured.exact.right, 4990);
  EXPECT_GE(measured.errors.right, 3500);
  EXPECT_GT(measured.errors.mismatch, 0);  // else nothing was refused, and nothing was tested
  ExpectNoMoreThanPriced(agreement, measured);
}

TEST(MatchingTest, AllowFindsNoMoreStrangersThanCheckStates) {
  const policies::Agreement agreement = Agreed(kTemplateLastKey, Allowing(kTemplateLastKey));
  const Measured measured = Measure("The template's three keys, allow on the last", agreement);
  ExpectNoMoreThanPriced(agreement, measured);
  EXPECT_GE(measured.exact.right, 4990);
  EXPECT_GE(measured.errors.right, 4010);
}

TEST(MatchingTest, AllowOnBothLaterKeysFindsNoMoreStrangersThanCheckStates) {
  policies::Agreement agreement = Agreed(kTemplateLastKey, Allowing(kTemplateLastKey));
  agreement.match[1].despite_mismatch = policies::DespiteMismatch::kAllow;
  const Measured measured = Measure("The template's three keys, allow on both later", agreement);
  ExpectNoMoreThanPriced(agreement, measured);
  EXPECT_GE(measured.errors.right, 4570);
}

// A key too weak to stand alone, so that there are strangers to count.
constexpr char kWeakKey[] = R"({key: ["initial:given_name", "family_name", "year:date_of_birth"]})";

// `refuse` rests on the earlier keys: one that the asker could not form objects to nobody.
TEST(MatchingTest, RefuseHoldsWithAWeakLastKeyWhereTheNumberIsKnown) {
  const policies::Agreement agreement = Agreed(kTemplateLastKey, kWeakKey);
  const Measured measured = Measure("A weak last key, refuse", agreement);
  ExpectNobodyElse(measured);
  EXPECT_GE(measured.exact.right, 4840);
  EXPECT_GE(measured.errors.right, 3470);
  const double priced = ExpectNoMoreThanPriced(agreement, measured);
  EXPECT_GT(measured.numberless.wrong, priced / 10);  // else the price says nothing
}

TEST(MatchingTest, AllowOnAWeakKeyFindsNoMoreStrangersThanCheckStates) {
  const policies::Agreement agreement = Agreed(kTemplateLastKey, Allowing(kWeakKey));
  const Measured measured = Measure("A weak last key, allow on it", agreement);
  const double priced = ExpectNoMoreThanPriced(agreement, measured);
  EXPECT_GT(measured.absent.wrong, priced / 10);  // else the price says nothing
  EXPECT_GE(measured.errors.right, 4100);
}

// Normal forms of one combination of parts: all a person's names on file, the first when asking.
std::vector<std::string> Inputs(const std::vector<std::string>& parts, const synth::Person& person,
                                bool on_file) {
  crypto::Identity identity;
  identity.Add(crypto::Attribute::kDateOfBirth, absl::FormatCivilTime(person.date_of_birth));
  identity.Add(crypto::Attribute::kGivenName, person.given_name);
  identity.Add(crypto::Attribute::kFamilyName, person.family_name);
  if (on_file && !person.former_family_name.empty()) {
    identity.Add(crypto::Attribute::kFamilyName, person.former_family_name);
  }
  identity.Add(crypto::Attribute::kPostalCode, person.postal_code);
  crypto::MatchKey key;
  for (const std::string& part : parts) key.parts.push_back(*crypto::ParseKeyPart(part));
  std::vector<std::string> inputs = crypto::TokenInputs(
      {"pairs", "", kEpoch, "names/1"}, 0, key,
      crypto::NormalizeIdentity(identity, *crypto::FindSpellingRules("names/1"),
                                crypto::IdentityUse::kTest, absl::CivilDay(2027, 1, 15)));
  if (!on_file && inputs.size() > 1) inputs.resize(1);
  return inputs;
}

int64_t AgreeingPairs(const std::vector<std::string>& key,
                      const std::vector<synth::Person>& on_file,
                      const std::vector<synth::Person>& absent) {
  std::map<std::string, int64_t> held;
  for (const synth::Person& person : on_file) {
    for (const std::string& input : Inputs(key, person, true)) ++held[input];
  }
  int64_t pairs = 0;
  for (const synth::Person& person : absent) {
    for (const std::string& input : Inputs(key, person, false)) {
      const auto same = held.find(input);
      if (same != held.end()) pairs += same->second;
    }
  }
  return pairs;
}

// Names of one community come together, so that parts are not independent: each price must be low
// enough for the combinations too.
TEST(MatchingTest, PriceOfAKeyCoversTheStrangersWhoAgreeInIt) {
  const std::vector<std::vector<std::string>> keys = {
      {"given_name"},
      {"family_name"},
      {"date_of_birth"},
      {"postal_code"},
      {"soundex:family_name"},
      {"soundex:given_name"},
      {"initial:given_name"},
      {"year:date_of_birth"},
      {"given_name", "family_name"},
      {"soundex:given_name", "soundex:family_name"},
      {"given_name", "family_name", "year:date_of_birth"},
      {"initial:given_name", "family_name"},
      {"initial:given_name", "soundex:family_name", "year:date_of_birth"},
      {"initial:given_name", "date_of_birth"},
      {"family_name", "date_of_birth"},
      {"soundex:family_name", "date_of_birth"},
      {"family_name", "postal_code"},
      {"year:date_of_birth", "postal_code"},
  };
  // The most of several populations, so that a price does not fit one of them by luck.
  std::map<std::vector<std::string>, int64_t> most;
  for (const uint64_t seed : {kPopulation, uint64_t{1}, uint64_t{2}, uint64_t{3}, uint64_t{4}}) {
    const synth::Population population(seed);
    std::vector<synth::Person> on_file, absent;
    for (uint64_t number = 0; number < kPeople; ++number) {
      on_file.push_back(population.At(number));
      absent.push_back(population.At(kFirstAbsent + number));
    }
    for (const std::vector<std::string>& key : keys) {
      most[key] = std::max(most[key], AgreeingPairs(key, on_file, absent));
    }
  }
  std::cout << absl::StrFormat("%-75s %9s %9s\n", "strangers who agree in", "pairs", "priced");
  for (const std::vector<std::string>& key : keys) {
    const double priced = policies::ExpectedCollisions(key, kPeople, kPeople);
    const std::string name = absl::StrJoin(key, ", ");
    std::cout << absl::StrFormat("%-75s %9d %9.0f\n", name, most[key], priced);
    EXPECT_GT(most[key], 0) << name;
    EXPECT_LE(static_cast<double>(most[key]), priced) << name;
  }
}

}  // namespace
}  // namespace vouch::server::records
