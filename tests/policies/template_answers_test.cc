// Every template is read as a node would read it, and answers its own
// questions.
#include <algorithm>
#include <filesystem>
#include <fstream>
#include <ostream>
#include <sstream>

#include "crypto/digest.h"
#include "gtest/gtest.h"
#include "policies/engine/catalog.h"
#include "policies/engine/question.h"
#include "policies/engine/tree.h"
#include "tests/fakes/fake_fact_source.h"
#include "tests/paths.h"
#include "tests/policies/conditions.h"

namespace vouch::policies {
namespace {

namespace fs = std::filesystem;

std::string FileBytes(const fs::path &path) {
  std::ifstream in(path, std::ios::binary);
  std::ostringstream bytes;
  bytes << in.rdbuf();
  return bytes.str();
}

FileDigest Digest(const std::string &bytes) { return crypto::Sha256(bytes); }

CatalogFile Read(const fs::path &path) {
  CatalogFile file;
  file.name = (path.parent_path().filename() / path.filename()).string();
  file.bytes = FileBytes(path);
  file.digest = Digest(file.bytes);
  return file;
}

ReferenceTables Tables() {
  const fs::path path = VOUCH_SOURCE_DIR "/policies/reference/hhs-poverty-guidelines.yaml";
  const std::string bytes = FileBytes(path);
  Report report;
  absl::optional<ReferenceTable> table =
      ReadReferenceTable(path.filename().string(), bytes, Digest(bytes), &report);
  EXPECT_TRUE(table.has_value()) << report.ToText(bytes);
  ReferenceTables tables;
  if (table.has_value()) tables.Add(*std::move(table));
  return tables;
}

KnownNames Known() {
  KnownNames known;
  known.attributes = {"social_security_number", "date_of_birth", "given_name", "family_name",
                      "postal_code"};
  known.derivations = {"soundex:family_name"};
  known.spelling_rules = {"names/1"};
  return known;
}

std::vector<fs::path> TemplateFolders() {
  std::vector<fs::path> folders;
  for (const auto &entry : fs::directory_iterator(VOUCH_SOURCE_DIR "/policies/templates")) {
    if (entry.is_directory()) folders.push_back(entry.path());
  }
  std::sort(folders.begin(), folders.end());
  return folders;
}

// Loads a template alone, as the answering agency.
std::shared_ptr<const Catalog> Load(const fs::path &folder, Report *report) {
  const CatalogFile agreement = Read(folder / "agreement.yaml");
  const CatalogFile facts = Read(folder / "facts.yaml");
  Report ignored;
  const absl::optional<FactCatalogue> catalogue =
      ReadFactCatalogue(facts.name, facts.bytes, &ignored);
  Catalog::Options options;
  options.known = Known();
  options.agency = catalogue.has_value() ? catalogue->agency : "";
  options.as_if_signed = true;
  return Catalog::Build({agreement, facts}, options, nullptr, Tables(), report);
}

class TemplateMeaningTest : public ::testing::TestWithParam<fs::path> {};

TEST_P(TemplateMeaningTest, IsForTestPeopleOnly) {
  Report report;
  const std::shared_ptr<const Catalog> catalog = Load(GetParam(), &report);
  ASSERT_EQ(catalog->all().size(), 1u);
  EXPECT_EQ(catalog->all()[0]->agreement.use, Use::kTest);
}

TEST_P(TemplateMeaningTest, SaysInEnglishAndSpanishWhatUndeterminedMeans) {
  Report report;
  const std::shared_ptr<const Catalog> catalog = Load(GetParam(), &report);
  ASSERT_EQ(catalog->all().size(), 1u);
  for (const Question &question : catalog->all()[0]->agreement.questions) {
    for (const char *language : {"en", "es"}) {
      EXPECT_TRUE(std::any_of(question.say.begin(), question.say.end(),
                              [&](const Say &say) {
                                return say.when == Answer::kUndetermined &&
                                       say.language == language;
                              }))
          << question.id << " " << language;
    }
  }
}

INSTANTIATE_TEST_SUITE_P(Templates, TemplateMeaningTest, ::testing::ValuesIn(TemplateFolders()),
                         [](const auto &one) {
                           std::string name = one.param.filename().string();
                           std::replace(name.begin(), name.end(), '-', '_');
                           return name;
                         });

TEST_P(TemplateMeaningTest, IsUndeterminedAboutSomeoneWithoutFacts) {
  Report report;
  const std::shared_ptr<const Catalog> catalog = Load(GetParam(), &report);
  ASSERT_EQ(catalog->all().size(), 1u);
  for (const Question &question : catalog->all()[0]->agreement.questions) {
    EXPECT_EQ(EvaluateQuestion(question, {}, fakes::FakeFactSource(), catalog->tables(),
                               absl::CivilDay(2026, 11, 21)),
              Answer::kUndetermined)
        << question.id;
  }
}

TEST_P(TemplateMeaningTest, MapsColumnsToFactsOfItsCatalogue) {
  const CatalogFile mapping = Read(GetParam() / "mapping.yaml");
  const CatalogFile facts = Read(GetParam() / "facts.yaml");
  Report report;
  const absl::optional<Tree> tree = ReadTree(mapping.name, mapping.bytes, &report);
  const absl::optional<FactCatalogue> catalogue =
      ReadFactCatalogue(facts.name, facts.bytes, &report);
  ASSERT_FALSE(report.HasErrors()) << report.ToText(mapping.bytes);
  EXPECT_EQ(tree->root.Find("agency")->text, catalogue->agency);
  const Node *mapped = tree->root.Find("facts");
  ASSERT_NE(mapped, nullptr);
  EXPECT_EQ(mapped->items.size(), catalogue->facts.size());
  for (const Node &item : mapped->items) {
    const FactDefinition *fact = catalogue->Find(item.Find("fact")->text);
    ASSERT_NE(fact, nullptr) << item.Find("fact")->text;
    const absl::optional<Period> period = ParsePeriod(item.Find("period")->text);
    ASSERT_TRUE(period.has_value()) << fact->name;
    EXPECT_EQ(period->kind, fact->period) << fact->name;
  }
}

// One person's facts and what a template's question answers about them on 21
// November 2026.
struct AnswerCase {
  const char *name;
  const char *folder;
  const char *question;
  Parameters parameters;
  fakes::FakeFactSource facts;
  Answer expected;
};
std::ostream &operator<<(std::ostream &out, const AnswerCase &c) { return out << c.name; }

class TemplateAnswerTest : public ::testing::TestWithParam<AnswerCase> {};

TEST_P(TemplateAnswerTest, AnswersAsTheOfficerMeant) {
  Report report;
  const std::shared_ptr<const Catalog> catalog =
      Load(fs::path(VOUCH_SOURCE_DIR "/policies/templates") / GetParam().folder, &report);
  ASSERT_EQ(catalog->all().size(), 1u);
  const Question *question = catalog->all()[0]->agreement.FindQuestion(GetParam().question);
  ASSERT_NE(question, nullptr);
  EXPECT_EQ(EvaluateQuestion(*question, GetParam().parameters, GetParam().facts, catalog->tables(),
                             absl::CivilDay(2026, 11, 21)),
            GetParam().expected);
}

fakes::FakeFactSource Income(int64_t cents) {
  return fakes::FakeFactSource().Hold("adjusted_gross_income", "tax-year-2025",
                                      fakes::Money(cents));
}
fakes::FakeFactSource Snap(bool enrolled, FactValue confirmed) {
  return fakes::FakeFactSource()
      .Hold("snap_enrolled", "as-of", fakes::YesNo(enrolled))
      .Hold("snap_as_of", "none", std::move(confirmed));
}
fakes::FakeFactSource Meals(bool snap, const char *category) {
  fakes::FakeFactSource facts;
  facts.Hold("snap_enrolled", "as-of", fakes::YesNo(snap));
  if (category != nullptr) facts.Hold("school_meals", "as-of", fakes::Code(category));
  return facts;
}
fakes::FakeFactSource Service(bool veteran, const char *discharge) {
  fakes::FakeFactSource facts;
  facts.Hold("veteran", "as-of", fakes::YesNo(veteran));
  if (discharge != nullptr) facts.Hold("discharge", "as-of", fakes::Code(discharge));
  return facts;
}
fakes::FakeFactSource Born(FactValue day) {
  return fakes::FakeFactSource().Hold("child_birth_date", "none", std::move(day));
}
fakes::FakeFactSource County(const char *code) {
  return fakes::FakeFactSource().Hold("residence_county", "as-of", fakes::Code(code));
}

const Parameters kFourInTheLower48 = {{"household_size", int64_t{4}},
                                      {"region", std::string("contiguous")}};
constexpr Answer kYes = Answer::kYes;
constexpr Answer kNo = Answer::kNo;
constexpr Answer kUndetermined = Answer::kUndetermined;
constexpr char kAid[] = "income-for-student-aid";
constexpr char kRenewal[] = "medical-benefit-renewal";
constexpr char kMeals[] = "school-meals-by-enrolment";
constexpr char kBirth[] = "birth-of-a-child";
constexpr char kDisaster[] = "disaster-assistance-by-residence";
constexpr char kVeteran[] = "veteran-status";

INSTANTIATE_TEST_SUITE_P(
    Cases, TemplateAnswerTest,
    ::testing::Values(
        AnswerCase{"AidAtTheLimit", kAid, "income-at-or-below-225-percent", kFourInTheLower48,
                   Income(7425000), kYes},
        AnswerCase{"AidOneCentAbove", kAid, "income-at-or-below-225-percent", kFourInTheLower48,
                   Income(7425001), kNo},
        AnswerCase{"RenewalConfirmedLately",
                   kRenewal,
                   "enrolled-in-snap-now",
                   {},
                   Snap(true, fakes::Day(2026, 10, 7)),
                   kYes},
        AnswerCase{"RenewalConfirmedTooLongAgo",
                   kRenewal,
                   "enrolled-in-snap-now",
                   {},
                   Snap(true, fakes::Day(2026, 10, 6)),
                   kNo},
        AnswerCase{"RenewalNotEnrolled",
                   kRenewal,
                   "enrolled-in-snap-now",
                   {},
                   Snap(false, fakes::Day(2026, 11, 1)),
                   kNo},
        AnswerCase{"MealsBySnapWithoutACategory",
                   kMeals,
                   "free-meals-by-enrolment",
                   {},
                   Meals(true, nullptr),
                   kYes},
        AnswerCase{
            "MealsByCategory", kMeals, "free-meals-by-enrolment", {}, Meals(false, "free"), kYes},
        AnswerCase{"MealsCategoryUnknown",
                   kMeals,
                   "free-meals-by-enrolment",
                   {},
                   Meals(false, nullptr),
                   kUndetermined},
        AnswerCase{
            "MealsAtFullPrice", kMeals, "free-meals-by-enrolment", {}, Meals(false, "none"), kNo},
        AnswerCase{
            "MealsReduced", kMeals, "reduced-price-meals", {}, Meals(false, "reduced"), kYes},
        AnswerCase{"BirthOnTheFirstDay",
                   kBirth,
                   "child-born-in-last-180-days",
                   {},
                   Born(fakes::Day(2026, 5, 25)),
                   kYes},
        AnswerCase{"BirthTheDayBefore",
                   kBirth,
                   "child-born-in-last-180-days",
                   {},
                   Born(fakes::Day(2026, 5, 24)),
                   kNo},
        AnswerCase{"DisasterInside",
                   kDisaster,
                   "residence-in-declared-counties",
                   {},
                   County("12086"),
                   kYes},
        AnswerCase{"DisasterOutside",
                   kDisaster,
                   "residence-in-declared-counties",
                   {},
                   County("48039"),
                   kNo},
        AnswerCase{"VeteranHonorable",
                   kVeteran,
                   "discharged-other-than-dishonorably",
                   {},
                   Service(true, "honorable"),
                   kYes},
        AnswerCase{"VeteranDishonorable",
                   kVeteran,
                   "discharged-other-than-dishonorably",
                   {},
                   Service(true, "dishonorable"),
                   kNo},
        AnswerCase{"VeteranDischargeUnknown",
                   kVeteran,
                   "discharged-other-than-dishonorably",
                   {},
                   Service(true, nullptr),
                   kUndetermined},
        AnswerCase{"NoVeteran",
                   kVeteran,
                   "discharged-other-than-dishonorably",
                   {},
                   Service(false, nullptr),
                   kNo},
        AnswerCase{"IsVeteran", kVeteran, "is-veteran", {}, Service(true, nullptr), kYes}),
    CaseName());

// A household's facts and what the template about households answers about them.
struct HouseholdCase {
  const char *name;
  std::vector<fakes::FakeFactSource> members;
  Answer expected;
};
std::ostream &operator<<(std::ostream &out, const HouseholdCase &c) { return out << c.name; }

class HouseholdTemplateTest : public ::testing::TestWithParam<HouseholdCase> {};

TEST_P(HouseholdTemplateTest, AnswersAsTheOfficerMeant) {
  Report report;
  const std::shared_ptr<const Catalog> catalog =
      Load(fs::path(VOUCH_SOURCE_DIR "/policies/templates") / "household-income-for-snap", &report);
  ASSERT_EQ(catalog->all().size(), 1u);
  const HeldAgreement &held = *catalog->all()[0];
  std::vector<GroupMember> members;
  for (const fakes::FakeFactSource &facts : GetParam().members) {
    members.push_back({GroupMember::Standing::kKnown, &facts});
  }
  EXPECT_EQ(EvaluateGroup(held.agreement.questions[0], kFourInTheLower48, members, held.facts,
                          catalog->tables(), absl::CivilDay(2026, 11, 21)),
            GetParam().expected);
}

fakes::FakeFactSource Filed(int64_t cents, uint64_t on_return) {
  return Income(cents).OnReturn("adjusted_gross_income", "tax-year-2025", on_return);
}

// 130% of the guideline for four in the lower 48 is 42,900 dollars.
INSTANTIATE_TEST_SUITE_P(
    Cases, HouseholdTemplateTest,
    ::testing::Values(
        HouseholdCase{"JointReturnAtTheLimit", {Filed(4290000, 1), Filed(4290000, 1)}, kYes},
        HouseholdCase{"JointReturnOneCentAbove", {Filed(4290001, 1), Filed(4290001, 1)}, kNo},
        HouseholdCase{"TwoReturnsAtTheLimit", {Filed(4000000, 1), Filed(290000, 2)}, kYes},
        HouseholdCase{"TwoReturnsOneCentAbove", {Filed(4000000, 1), Filed(290001, 2)}, kNo},
        HouseholdCase{"OneWithoutAReturn", {Filed(1, 1), fakes::FakeFactSource()}, kUndetermined}),
    CaseName());

}  // namespace
}  // namespace vouch::policies
