#include "tests/server/records/loaded_folder.h"

#include <gtest/gtest.h>
#include <sys/stat.h>

#include <atomic>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>

#include "absl/strings/str_cat.h"
#include "server/records/row_maker.h"

namespace vouch::server::records {

TemporaryFolder::TemporaryFolder() {
  std::string name = absl::StrCat(testing::TempDir(), "/vouch-records-XXXXXX");
  if (mkdtemp(&name[0]) == nullptr) std::abort();
  path_ = name;
}

TemporaryFolder::~TemporaryFolder() {
  std::error_code ignored;
  std::filesystem::remove_all(path_, ignored);
}

std::string ReadWhole(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  return std::string((std::istreambuf_iterator<char>(file)), std::istreambuf_iterator<char>());
}

void WriteWhole(const std::string& path, const std::string& contents) {
  std::ofstream file(path, std::ios::binary | std::ios::trunc);
  file << contents;
}

LoadedFolder::LoadedFolder()
    : folder_(temporary_.File("records")),
      keys_(temporary_.File("keys")),
      token_key_(crypto::SecretBytes::Random(32)) {
  mkdir(keys_.c_str(), 0700);
  if (!CreateRecordKeys(keys_).ok()) std::abort();
}

std::string LoadedFolder::Input(const std::string& text) const {
  static std::atomic<int> count{0};
  const std::string path = temporary_.File(absl::StrCat("input-", count++));
  WriteWhole(path, text);
  return path;
}

std::string LoadedFolder::Csv(const std::vector<Person>& people) {
  std::string csv = "id,number,born,given,family,income,other_family\n";
  for (const Person& p : people) {
    absl::StrAppend(&csv, p.id, ",", p.number, ",", p.born, ",", p.given, ",", p.family, ",",
                    p.income, ",", p.other_family, "\n");
  }
  return csv;
}

policies::Agreement LoadedFolder::Agreement() const {
  policies::Agreement agreement;
  agreement.id = kAgreement;
  agreement.use = policies::Use::kTest;
  agreement.spelling_rules = "names/1";
  agreement.token_kind = policies::TokenKind::kKeyedHash;
  for (const auto& parts : {std::vector<std::string>{"social_security_number"},
                            {"social_security_number", "date_of_birth"},
                            {"family_name", "given_name", "date_of_birth"}}) {
    policies::AgreedMatchKey key;
    key.parts = parts;
    agreement.match.push_back(std::move(key));
  }
  return agreement;
}

crypto::EpochStatement LoadedFolder::Statement(uint32_t epoch) const {
  crypto::EpochStatement statement;
  statement.agreement_id = kAgreement;
  statement.epoch = epoch;
  statement.kind = crypto::TokenKind::kKeyedHash;
  statement.asker = "fsa.ed.example";
  statement.public_key = std::string(32, 'k');
  statement.not_before = absl::FromUnixSeconds(1790000000);
  statement.not_after = absl::FromUnixSeconds(1810000000 + int64_t{1000000} * epoch);
  return statement;
}

IndexRequest LoadedFolder::Index(uint32_t epoch) const {
  return *RequestFor(Agreement(), Statement(epoch), absl::FromUnixSeconds(1800000000),
                     KeyedHashTokeniser(std::make_shared<crypto::KeyedHash>(token_key_)));
}

LoadOptions LoadedFolder::Options(const std::string& csv) const {
  LoadOptions options;
  options.folder = folder_;
  options.keys_folder = keys_;
  options.input = Input(csv);
  options.mapping.agency = "irs.treasury.example";
  options.mapping.person_id_column = "id";
  options.mapping.identity = {{crypto::Attribute::kSocialSecurityNumber, {"number"}},
                              {crypto::Attribute::kDateOfBirth, {"born"}},
                              {crypto::Attribute::kGivenName, {"given"}},
                              {crypto::Attribute::kFamilyName, {"family", "other_family"}}};
  options.mapping.facts = {{"adjusted_gross_income",
                            "income",
                            {policies::PeriodKind::kTaxYear, 2025},
                            /*in_cents=*/false}};
  options.mapping.data_as_of = absl::CivilDay(2026, 11, 20);
  options.catalogue.agency = "irs.treasury.example";
  policies::FactDefinition income;
  income.name = "adjusted_gross_income";
  income.type = policies::FactType::kMoney;
  income.period = policies::PeriodKind::kTaxYear;
  options.catalogue.facts = {income};
  options.use = crypto::IdentityUse::kTest;
  options.now = absl::FromUnixSeconds(1800000000);
  options.today = absl::CivilDay(2027, 1, 15);
  options.indexes = {Index()};
  options.threads = 2;
  return options;
}

absl::Status LoadedFolder::Load(const std::vector<Person>& people, LoadReport* report) const {
  LoadReport ignored;
  return LoadRecords(Options(Csv(people)), report != nullptr ? report : &ignored);
}

absl::Status LoadedFolder::Upsert(const std::vector<Person>& people, LoadReport* report) const {
  LoadReport ignored;
  return UpsertRecords(Options(Csv(people)), report != nullptr ? report : &ignored);
}

std::unique_ptr<Records> LoadedFolder::Open() const {
  absl::StatusOr<std::unique_ptr<Records>> records = OpenFileRecords({folder_, keys_});
  EXPECT_TRUE(records.ok()) << records.status();
  return records.ok() ? std::move(*records) : nullptr;
}

std::shared_ptr<const FileSnapshot> LoadedFolder::Snapshot() const {
  absl::StatusOr<std::shared_ptr<const FileSnapshot>> snapshot =
      FileSnapshot::Open(folder_, *ReadIndexKey(keys_));
  EXPECT_TRUE(snapshot.ok()) << snapshot.status();
  return snapshot.ok() ? *snapshot : nullptr;
}

std::vector<crypto::Token> LoadedFolder::TokensOf(const Person& person, uint32_t epoch) const {
  crypto::Identity identity;
  const auto add = [&](crypto::Attribute attribute, const std::string& value) {
    if (!value.empty()) identity.Add(attribute, value);
  };
  add(crypto::Attribute::kSocialSecurityNumber, person.number);
  add(crypto::Attribute::kDateOfBirth, person.born);
  add(crypto::Attribute::kGivenName, person.given);
  add(crypto::Attribute::kFamilyName, person.family);
  const IndexRequest index = Index(epoch);
  const crypto::NormalIdentity normal = crypto::NormalizeIdentity(
      identity, *crypto::FindSpellingRules("names/1"), index.use, index.today);
  std::vector<crypto::Token> tokens;
  for (uint16_t k = 0; k < index.match.size(); ++k) {
    const std::vector<std::string> inputs =
        crypto::TokenInputs(index.context, k, index.match[k], normal);
    crypto::Token token = crypto::kZeroToken;
    if (!inputs.empty()) {
      EXPECT_TRUE(index.tokeniser->Tokens({inputs[0]}, absl::Span<crypto::Token>(&token, 1)).ok());
    }
    tokens.push_back(token);
  }
  return tokens;
}

Resolved LoadedFolder::Resolve(const FileSnapshot& snapshot, const Person& person,
                               uint32_t despite_mismatch) const {
  return snapshot.ResolveTokens(kAgreement, 1, despite_mismatch, TokensOf(person));
}

PersonHandle LoadedFolder::Handle(const std::string& source_id) const {
  return HandleOf(*ReadPersonKey(keys_), source_id);
}

int64_t IncomeOf(const Resolved& resolved) {
  const absl::optional<policies::FactValue> value =
      resolved.facts().Find("adjusted_gross_income", {policies::PeriodKind::kTaxYear, 2025});
  return value.has_value() ? value->number : -1;
}

}  // namespace vouch::server::records
