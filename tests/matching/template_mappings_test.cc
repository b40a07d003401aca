// Every template's mapping, from a file of synthetic people through the loader and the index to the
// template's own questions.
#include <algorithm>
#include <filesystem>
#include <functional>
#include <map>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "gtest/gtest.h"
#include "policies/engine/agreement.h"
#include "policies/engine/question.h"
#include "policies/engine/reference.h"
#include "tests/paths.h"
#include "tests/policies/files.h"
#include "tests/server/records/loaded_folder.h"
#include "tests/synth/population.h"
#include "tests/synth/record.h"

namespace vouch::server::records {
namespace {

namespace fs = std::filesystem;
using policies::Answer;

constexpr uint64_t kPeople = 1500;

Answer Said(bool yes) { return yes ? Answer::kYes : Answer::kNo; }

// 225 % of the 2026 guideline for four in the contiguous states, from the published amount.
Answer IncomeSmall(const synth::Person& person) {
  if (!person.adjusted_gross_income.has_value()) return Answer::kUndetermined;
  return Said(*person.adjusted_gross_income * 100 <= int64_t{3300000} * 225);
}

// 130 % of it, of all a household's returns together, a joint one once.
Answer HouseholdIncomeSmall(absl::Span<const synth::Record* const> filers) {
  int64_t income = 0;
  bool joint_seen = false;
  for (const synth::Record* filer : filers) {
    const bool joint = filer->facts.filing_status == synth::FilingStatus::kMarriedJoint;
    if (!joint || !joint_seen) income += *filer->facts.adjusted_gross_income;
    joint_seen |= joint;
  }
  return Said(income * 100 <= int64_t{3300000} * 130);
}

Answer FreeMeals(const synth::Person& person) {
  if (person.snap_enrolled || person.school_meals == synth::SchoolMeals::kFree) return Answer::kYes;
  return person.school_meals == synth::SchoolMeals::kNotASchoolChild ? Answer::kUndetermined
                                                                     : Answer::kNo;
}

Answer ReducedMeals(const synth::Person& person) {
  if (person.school_meals == synth::SchoolMeals::kNotASchoolChild) return Answer::kUndetermined;
  return Said(person.school_meals == synth::SchoolMeals::kReduced);
}

Answer BornLately(const synth::Person& person) {
  if (!person.child_birth_date.has_value()) return Answer::kUndetermined;
  return Said(synth::ReferenceDay() - *person.child_birth_date <= 180);
}

// What is true of a person, by template and question. Written from what the question says, not from
// its condition.
const std::map<std::string, std::map<std::string, std::function<Answer(const synth::Person&)>>>&
Truths() {
  static const auto* const kTruths =
      new std::map<std::string, std::map<std::string, std::function<Answer(const synth::Person&)>>>{
          {"income-for-student-aid", {{"income-at-or-below-225-percent", IncomeSmall}}},
          {"birth-of-a-child", {{"child-born-in-last-180-days", BornLately}}},
          {"disaster-assistance-by-residence",
           {{"residence-in-declared-counties",
             [](const synth::Person& person) {
               return Said(person.residence_county == "12086" ||
                           person.residence_county == "48201");
             }}}},
          {"medical-benefit-renewal",
           {{"enrolled-in-snap-now",
             [](const synth::Person& person) { return Said(person.snap_enrolled); }}}},
          {"school-meals-by-enrolment",
           {{"free-meals-by-enrolment", FreeMeals}, {"reduced-price-meals", ReducedMeals}}},
          {"veteran-status",
           {{"is-veteran", [](const synth::Person& person) { return Said(person.veteran); }},
            // Synthetic people have no dishonorable discharge.
            {"discharged-other-than-dishonorably",
             [](const synth::Person& person) { return Said(person.veteran); }}}},
      };
  return *kTruths;
}

std::vector<std::string> TemplateNames() {
  std::vector<std::string> names;
  for (const auto& entry : fs::directory_iterator(VOUCH_SOURCE_DIR "/policies/templates")) {
    if (entry.is_directory()) names.push_back(entry.path().filename().string());
  }
  std::sort(names.begin(), names.end());
  return names;
}

policies::ReferenceTables Tables() {
  const std::string text = policies::SourceText("policies/reference/hhs-poverty-guidelines.yaml");
  policies::Report report;
  policies::ReferenceTables tables;
  auto table = policies::ReadReferenceTable("hhs-poverty-guidelines.yaml", text,
                                            crypto::Sha256(text), &report);
  EXPECT_TRUE(table.has_value()) << report.ToText(text);
  if (table.has_value()) tables.Add(*std::move(table));
  return tables;
}

class TemplateMappingTest : public testing::TestWithParam<std::string> {
 protected:
  // The template, loaded with `csv` through its own mapping.
  void Load(const std::string& csv, LoadReport* report) {
    const auto text = [&](const char* file) {
      return policies::SourceText(absl::StrCat("policies/templates/", GetParam(), "/", file));
    };
    policies::Report findings;
    auto agreement = policies::ReadAgreement("agreement.yaml", text("agreement.yaml"),
                                             policies::Known(), &findings);
    auto catalogue = policies::ReadFactCatalogue("facts.yaml", text("facts.yaml"), &findings);
    auto mapping = ReadMapping("mapping.yaml", text("mapping.yaml"), &findings);
    ASSERT_TRUE(agreement.has_value() && catalogue.has_value() && mapping.has_value())
        << findings.ToText("");
    agreement_ = *std::move(agreement);
    statement_ = loaded_.Statement();
    statement_.agreement_id = agreement_.id;
    statement_.kind = crypto::TokenKind::kBlind;
    statement_.asker.clear();
    // Blind tokens find the same people: they are made from the same input.
    auto index = RequestFor(agreement_, statement_, absl::FromUnixSeconds(1800000000),
                            loaded_.Index().tokeniser);
    ASSERT_TRUE(index.ok()) << index.status();
    index_ = *std::move(index);
    LoadOptions options = loaded_.Options(csv);
    options.mapping = *std::move(mapping);
    catalogue_ = *std::move(catalogue);
    options.catalogue = catalogue_;
    options.indexes = {index_};
    const absl::Status loaded = LoadRecords(options, report);
    ASSERT_TRUE(loaded.ok()) << loaded << (report->bad.empty() ? "" : report->bad[0].reason);
    snapshot_ = loaded_.Snapshot();
  }

  Resolved Find(const synth::Record& record) const {
    crypto::Identity identity;
    identity.Add(crypto::Attribute::kSocialSecurityNumber, record.social_security_number);
    identity.Add(crypto::Attribute::kDateOfBirth, record.date_of_birth);
    identity.Add(crypto::Attribute::kGivenName, record.given_name);
    identity.Add(crypto::Attribute::kFamilyName, record.family_name);
    identity.Add(crypto::Attribute::kPostalCode, record.postal_code);
    const crypto::NormalIdentity normal = crypto::NormalizeIdentity(
        identity, *crypto::FindSpellingRules(agreement_.spelling_rules), index_.use, index_.today);
    std::vector<crypto::Token> tokens(index_.match.size(), crypto::kZeroToken);
    for (uint16_t k = 0; k < tokens.size(); ++k) {
      const std::vector<std::string> inputs =
          crypto::TokenInputs(index_.context, k, index_.match[k], normal);
      if (inputs.empty()) continue;
      EXPECT_TRUE(
          index_.tokeniser->Tokens({inputs[0]}, absl::Span<crypto::Token>(&tokens[k], 1)).ok());
    }
    return snapshot_->ResolveTokens(agreement_.id, statement_.epoch, 0, tokens);
  }

  LoadedFolder loaded_;
  policies::Agreement agreement_;
  policies::FactCatalogue catalogue_;
  crypto::EpochStatement statement_;
  IndexRequest index_;
  std::shared_ptr<const FileSnapshot> snapshot_;
};

// Of each household those who filed, at most as many as the question is about.
using Filers = std::vector<const synth::Record*>;
std::vector<Filers> HouseholdsThatFiled(const std::vector<synth::Record>& records,
                                        int32_t at_most) {
  std::map<uint64_t, Filers> households;
  for (const synth::Record& record : records) {
    if (!record.facts.adjusted_gross_income.has_value()) continue;
    Filers& filers = households[record.facts.household];
    if (filers.size() < static_cast<size_t>(at_most)) filers.push_back(&record);
  }
  std::vector<Filers> all;
  for (auto& household : households) all.push_back(std::move(household.second));
  return all;
}

TEST_P(TemplateMappingTest, LoadsSyntheticPeopleAndAnswersYesAndNo) {
  const synth::Population population(20270115);
  const synth::Clerk clerk(0, 1, "s");
  std::vector<synth::Record> records;
  std::string csv = synth::CsvHeader();
  for (uint64_t number = 0; number < kPeople; ++number) {
    records.push_back(clerk.Write(population.At(number))[0]);
    synth::AppendCsv(records.back(), &csv);
  }
  LoadReport report;
  Load(csv, &report);
  if (HasFatalFailure()) return;
  EXPECT_EQ(report.bad_rows, 0u);
  EXPECT_TRUE(report.left_out.empty()) << crypto::AttributeName(report.left_out.begin()->first);
  EXPECT_EQ(report.people, kPeople);
  EXPECT_TRUE(snapshot_->Ready(agreement_, statement_));

  const policies::ReferenceTables tables = Tables();
  const policies::Parameters parameters = {{"household_size", int64_t{4}},
                                           {"region", std::string("contiguous")}};
  if (agreement_.questions[0].group_at_most > 0) {
    std::map<Answer, int> answers;
    int shared = 0;
    const policies::Question& question = agreement_.questions[0];
    for (const Filers& filers : HouseholdsThatFiled(records, question.group_at_most)) {
      std::vector<Resolved> found;
      for (const synth::Record* filer : filers) found.push_back(Find(*filer));
      std::vector<policies::GroupMember> members;
      for (const Resolved& one : found) {
        ASSERT_EQ(one.match(), Match::kOne);
        members.push_back({policies::GroupMember::Standing::kKnown, &one.facts()});
      }
      const Answer answer = policies::EvaluateGroup(question, parameters, members, catalogue_,
                                                    tables, synth::ReferenceDay());
      ASSERT_EQ(answer, HouseholdIncomeSmall(filers)) << "household " << filers[0]->facts.household;
      ++answers[answer];
      if (filers.size() > 1) ++shared;
    }
    EXPECT_GT(answers[Answer::kYes], 0);
    EXPECT_GT(answers[Answer::kNo], 0);
    EXPECT_GT(shared, 0);
    return;
  }
  ASSERT_EQ(Truths().count(GetParam()), 1u) << "a template whose truth is not written down here";
  const auto& truths = Truths().at(GetParam());
  ASSERT_EQ(agreement_.questions.size(), truths.size());
  for (const policies::Question& question : agreement_.questions) {
    ASSERT_EQ(truths.count(question.id), 1u) << question.id;
    std::map<Answer, int> answers;
    for (const synth::Record& record : records) {
      const Resolved found = Find(record);
      ASSERT_EQ(found.match(), Match::kOne);
      ASSERT_EQ(found.person(), loaded_.Handle(record.source_id));
      const Answer answer = policies::EvaluateQuestion(question, parameters, found.facts(), tables,
                                                       synth::ReferenceDay());
      ++answers[answer];
      ASSERT_EQ(answer, truths.at(question.id)(record.facts))
          << question.id << " about person " << record.facts.number;
    }
    EXPECT_GT(answers[Answer::kYes], 0) << question.id;
    EXPECT_GT(answers[Answer::kNo], 0) << question.id;
  }
}

INSTANTIATE_TEST_SUITE_P(Templates, TemplateMappingTest, testing::ValuesIn(TemplateNames()),
                         [](const auto& one) {
                           std::string name = one.param;
                           std::replace(name.begin(), name.end(), '-', '_');
                           return name;
                         });

}  // namespace
}  // namespace vouch::server::records
