#include "policies/engine/catalog.h"

#include <string>
#include <vector>

#include "absl/strings/escaping.h"
#include "absl/strings/str_replace.h"
#include "crypto/digest.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/policies/files.h"

namespace vouch::policies {
namespace {

using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::SizeIs;

FileDigest DigestOf(const std::string& bytes) { return crypto::Sha256(bytes); }

std::string HexOf(const std::string& bytes) {
  const FileDigest digest = DigestOf(bytes);
  return absl::BytesToHexString(
      absl::string_view(reinterpret_cast<const char*>(digest.data()), digest.size()));
}

constexpr char kTable[] = "policies/reference/hhs-poverty-guidelines.yaml";

CatalogFile File(const std::string& name, const std::string& bytes) {
  CatalogFile file;
  file.name = name;
  file.bytes = bytes;
  file.digest = DigestOf(bytes);
  return file;
}

// The agreement of the design, pinned to its facts and table, as one of its revisions.
std::string AgreementText(int revision = 1, const std::string& effective = "2027-01-01") {
  return absl::StrReplaceAll(
      FileText("income.yaml"),
      {{std::string(64, '2'), HexOf(FileText("facts.yaml"))},
       {std::string(64, '3'), HexOf(SourceText(kTable))},
       {"revision: 1 ", absl::StrCat("revision: ", revision, " ")},
       {"replaces: \"none\"", revision == 1
                                  ? "replaces: \"none\""
                                  : absl::StrCat("replaces: \"", std::string(64, '9'), "\"")},
       {"effective: \"2027-01-01\"", absl::StrCat("effective: \"", effective, "\"")}});
}

std::vector<CatalogFile> Files(const std::vector<std::pair<std::string, std::string>>& agreements) {
  std::vector<CatalogFile> files = {File("facts.yaml", FileText("facts.yaml")),
                                    File("hhs.yaml", SourceText(kTable))};
  for (const auto& [name, bytes] : agreements) {
    files.push_back(File(name, bytes));
    files.back().signed_by = {"fsa.ed.example", "irs.treasury.example"};
  }
  return files;
}

struct Built {
  explicit Built(const std::vector<CatalogFile>& files,
                 std::shared_ptr<const Catalog> previous = nullptr,
                 const std::string& agency = "irs.treasury.example", Use use = Use::kLive,
                 bool as_if_signed = false) {
    Catalog::Options options;
    options.known = Known();
    options.use = use;
    options.agency = agency;
    options.as_if_signed = as_if_signed;
    catalog = Catalog::Build(files, options, std::move(previous), ReferenceTables(), &report);
  }
  std::vector<std::string> Rules() const {
    std::vector<std::string> rules;
    for (const Finding& f : report.findings()) rules.push_back(f.rule);
    return rules;
  }
  std::vector<int64_t> Revisions() const {
    std::vector<int64_t> revisions;
    for (const auto& held : catalog->all()) revisions.push_back(held->agreement.revision);
    return revisions;
  }
  Report report;
  std::shared_ptr<const Catalog> catalog;
};

absl::Time On(int year, int month, int day) {
  return absl::FromCivil(absl::CivilHour(year, month, day, 12), absl::UTCTimeZone());
}

constexpr char kId[] = "fsa-irs-2027-001";

TEST(CatalogTest, HoldsAnAgreementWithItsFactsAndTable) {
  const Built b(Files({{"a.yaml", AgreementText()}}));
  EXPECT_THAT(b.Rules(), IsEmpty()) << b.report.ToText("");
  const HeldAgreement* held = b.catalog->Find(kId, On(2027, 6, 1));
  ASSERT_NE(held, nullptr);
  EXPECT_EQ(held->file, "a.yaml");
  EXPECT_EQ(held->digest, DigestOf(AgreementText()));
  EXPECT_NE(held->facts.Find("adjusted_gross_income"), nullptr);
  EXPECT_NE(b.catalog->tables().Find("hhs-poverty-guidelines"), nullptr);
  EXPECT_EQ(b.catalog->Find("another", On(2027, 6, 1)), nullptr);
}

TEST(CatalogTest, FindsFactsBesideTheAgreementInItsFolder) {
  std::vector<CatalogFile> files = Files({{"x/a.yaml", AgreementText()}});
  files[0].name = "x/facts.yaml";
  EXPECT_THAT(Built(files).Rules(), IsEmpty());
}

TEST(CatalogTest, StateFollowsTheDates) {
  const Built b(Files({{"a.yaml", AgreementText()}}));
  const HeldAgreement* held = b.catalog->Find(kId, On(2027, 6, 1));
  ASSERT_NE(held, nullptr);
  const absl::Duration moment = absl::Nanoseconds(1);
  EXPECT_EQ(held->StateAt(held->agreement.effective_from - moment), AgreementState::kWaiting);
  EXPECT_EQ(held->StateAt(held->agreement.effective_from), AgreementState::kInForce);
  EXPECT_EQ(held->StateAt(held->agreement.expires_at - moment), AgreementState::kInForce);
  EXPECT_EQ(held->StateAt(held->agreement.expires_at), AgreementState::kExpired);
}

TEST(CatalogTest, WithoutSignaturesItIsUnsignedUnlessTheCallerVouchesForThem) {
  std::vector<CatalogFile> files = Files({{"a.yaml", AgreementText()}});
  files[2].signed_by.clear();
  EXPECT_EQ(Built(files).catalog->Find(kId, On(2027, 6, 1))->StateAt(On(2027, 6, 1)),
            AgreementState::kUnsigned);
  const Built allowed(files, nullptr, "irs.treasury.example", Use::kLive, true);
  EXPECT_EQ(allowed.catalog->Find(kId, On(2027, 6, 1))->StateAt(On(2027, 6, 1)),
            AgreementState::kInForce);
}

TEST(CatalogTest, AnUnsignedRevisionTakesNothingFromASignedOne) {
  std::vector<CatalogFile> files =
      Files({{"a.yaml", AgreementText()}, {"b.yaml", AgreementText(2)}});
  files[3].signed_by.clear();
  const Built b(files);
  EXPECT_EQ(b.catalog->Find(kId, On(2027, 6, 1))->agreement.revision, 1);
  // Nor does taking it away again look like a lower revision.
  EXPECT_THAT(Built(Files({{"a.yaml", AgreementText()}}), b.catalog).Rules(), IsEmpty());
}

TEST(CatalogTest, TheHighestRevisionWhoseDayHasComeCounts) {
  const Built b(Files({{"b.yaml", AgreementText(2, "2027-07-01")}, {"a.yaml", AgreementText(1)}}));
  EXPECT_THAT(b.Revisions(), ElementsAre(1, 2));
  EXPECT_EQ(b.catalog->Find(kId, On(2026, 6, 1))->agreement.revision, 1);
  EXPECT_EQ(b.catalog->Find(kId, On(2027, 6, 30))->agreement.revision, 1);
  EXPECT_EQ(b.catalog->Find(kId, On(2027, 7, 2))->agreement.revision, 2);
}

TEST(CatalogTest, TwoFilesOfOneRevisionAreBothRefused) {
  const Built b(Files({{"a.yaml", AgreementText()}, {"b.yaml", AgreementText() + "# x\n"}}));
  EXPECT_THAT(b.Rules(), ElementsAre("catalog/same-revision", "catalog/same-revision"));
  EXPECT_THAT(b.catalog->all(), IsEmpty());
}

TEST(CatalogTest, ACopyToTheByteHarmsNobody) {
  std::vector<CatalogFile> files =
      Files({{"a.yaml", AgreementText()}, {"b.yaml", AgreementText()}});
  for (CatalogFile& file : files) {
    if (file.name != "b.yaml") file.signed_by.clear();
  }
  const Built b(files);
  EXPECT_THAT(b.Rules(), ElementsAre("catalog/copy"));
  ASSERT_THAT(b.catalog->all(), SizeIs(1));
  // The one that is signed, whatever it is called.
  EXPECT_EQ(b.catalog->all()[0]->file, "b.yaml");
}

TEST(CatalogTest, RefusesWhatIsPinnedOtherwise) {
  std::vector<CatalogFile> files = Files({{"a.yaml", AgreementText()}});
  files[0] = File("facts.yaml", FileText("facts.yaml") + "# edited\n");
  const Built b(files);
  ASSERT_THAT(b.Rules(), ElementsAre("catalog/pin"));
  EXPECT_EQ(b.report.findings()[0].position.line, 11);
  EXPECT_THAT(b.catalog->all(), IsEmpty());
}

TEST(CatalogTest, RefusesWhatIsPinnedAndMissing) {
  std::vector<CatalogFile> files = Files({{"a.yaml", AgreementText()}});
  files.erase(files.begin() + 1);
  EXPECT_THAT(Built(files).Rules(), ElementsAre("catalog/pin-missing"));
}

TEST(CatalogTest, RefusesWhatTheFactsContradict) {
  const Built b(Files(
      {{"a.yaml", absl::StrReplaceAll(AgreementText(),
                                      {{"adjusted_gross_income", "adjusted_gros_income"}})}}));
  ASSERT_THAT(b.Rules(), ElementsAre("agreement/unknown-fact"));
  EXPECT_EQ(b.report.findings()[0].mend, "did you mean \"adjusted_gross_income\"?");
  EXPECT_THAT(b.catalog->all(), IsEmpty());
}

TEST(CatalogTest, RefusesOtherUseAndOthersAgreements) {
  const auto files = Files({{"a.yaml", AgreementText()}});
  EXPECT_THAT(Built(files, nullptr, "irs.treasury.example", Use::kTest).Rules(),
              ElementsAre("catalog/other-use"));
  EXPECT_THAT(Built(files, nullptr, "ssa.example").Rules(), ElementsAre("catalog/no-party"));
  EXPECT_THAT(Built(files, nullptr, "fsa.ed.example").Rules(), IsEmpty());
}

TEST(CatalogTest, KeepsTheLastGoodWhenAFileIsSpoilt) {
  const Built first(Files({{"a.yaml", AgreementText()}}));
  const Built second(Files({{"a.yaml", "format: \"vouch-agreement/1\"\nagreement: \"\n"}}),
                     first.catalog);
  EXPECT_TRUE(second.report.HasErrors());
  EXPECT_EQ(second.catalog->Find(kId, On(2027, 6, 1)), first.catalog->Find(kId, On(2027, 6, 1)));
  // And still after a further load, but not when its day has passed.
  const Built third(Files({{"a.yaml", "\xFF"}}), second.catalog);
  ASSERT_NE(third.catalog->Find(kId, On(2027, 6, 1)), nullptr);
  EXPECT_EQ(third.catalog->Find(kId, On(2028, 6, 1))->StateAt(On(2028, 6, 1)),
            AgreementState::kExpired);
}

TEST(CatalogTest, KeepsTheTablesOfWhatItKeeps) {
  const Built first(Files({{"a.yaml", AgreementText()}}));
  std::vector<CatalogFile> files = Files({{"a.yaml", AgreementText()}});
  files[1] = File("hhs.yaml", absl::StrReplaceAll(SourceText(kTable), {{"1596000", "1696000"}}));
  const Built second(files, first.catalog);
  EXPECT_THAT(second.Rules(), ElementsAre("catalog/pin"));
  ASSERT_NE(second.catalog->Find(kId, On(2027, 6, 1)), nullptr);
  EXPECT_EQ(second.catalog->tables()
                .Find("hhs-poverty-guidelines")
                ->Amount("2026", absl::CivilDay(2027, 6, 1), "contiguous", 1),
            1596000);
}

TEST(CatalogTest, AnAgreementWithoutAFileIsGone) {
  const Built first(Files({{"a.yaml", AgreementText()}}));
  EXPECT_THAT(Built(Files({}), first.catalog).catalog->all(), IsEmpty());
}

TEST(CatalogTest, AnAgreementThatIsRenamedStays) {
  const Built first(Files({{"a.yaml", AgreementText()}}));
  const Built second(Files({{"b.yaml", AgreementText()}}), first.catalog);
  EXPECT_THAT(second.Rules(), IsEmpty());
  ASSERT_EQ(second.catalog->all().size(), 1u);
  EXPECT_EQ(second.catalog->all()[0]->file, "b.yaml");
}

TEST(CatalogTest, RefusesALowerRevisionThanWasHeld) {
  const Built first(Files({{"a.yaml", AgreementText(2)}}));
  const Built second(Files({{"a.yaml", AgreementText(1)}}), first.catalog);
  EXPECT_THAT(second.Rules(), ElementsAre("catalog/lower-revision"));
  EXPECT_THAT(second.Revisions(), ElementsAre(2));
}

TEST(CatalogTest, RefusesToGoBackByTakingTheHigherRevisionAway) {
  const Built first(Files({{"a.yaml", AgreementText(1)}, {"b.yaml", AgreementText(2)}}));
  const Built second(Files({{"a.yaml", AgreementText(1)}}), first.catalog);
  EXPECT_THAT(second.Rules(), ElementsAre("catalog/lower-revision"));
  EXPECT_THAT(second.Revisions(), Contains(2));
}

// What is kept of a spoilt file must not become the way back.
TEST(CatalogTest, SpoilingTheLowerRevisionsFileWhileTheHigherIsTakenAwayBringsNothingBack) {
  const std::string spoilt = "format: \"vouch-agreement/1\"\nagreement: [";
  const Built both(Files({{"a.yaml", AgreementText(1)}, {"b.yaml", AgreementText(2)}}));
  ASSERT_THAT(both.Revisions(), ElementsAre(1, 2));
  const Built taken(Files({{"a.yaml", spoilt}}), both.catalog);
  EXPECT_THAT(taken.Revisions(), IsEmpty());
  // Beside the higher one, or with that one spoilt too, it is kept.
  const Built beside(Files({{"a.yaml", spoilt}, {"b.yaml", AgreementText(2)}}), both.catalog);
  EXPECT_THAT(beside.Revisions(), ElementsAre(1, 2));
  const Built all_spoilt(Files({{"a.yaml", spoilt}, {"b.yaml", spoilt}}), both.catalog);
  EXPECT_THAT(all_spoilt.Revisions(), ElementsAre(1, 2));
}

TEST(CatalogTest, RefusesARevisionWithOtherBytes) {
  const Built first(Files({{"a.yaml", AgreementText()}}));
  const Built second(Files({{"a.yaml", AgreementText() + "# edited\n"}}), first.catalog);
  EXPECT_THAT(second.Rules(), ElementsAre("catalog/revision-changed"));
  ASSERT_EQ(second.catalog->all().size(), 1u);
  EXPECT_EQ(second.catalog->all()[0]->digest, DigestOf(AgreementText()));
}

TEST(CatalogTest, AHigherRevisionReplacesTheFile) {
  const Built first(Files({{"a.yaml", AgreementText(1)}}));
  const Built second(Files({{"a.yaml", AgreementText(2)}}), first.catalog);
  EXPECT_THAT(second.Rules(), IsEmpty());
  EXPECT_THAT(second.Revisions(), ElementsAre(2));
}

TEST(CatalogTest, ASpoiltNewRevisionLeavesTheOldOneInForce) {
  const Built first(Files({{"a.yaml", AgreementText(1)}}));
  const Built second(
      Files({{"a.yaml", AgreementText(1)},
             {"b.yaml", absl::StrReplaceAll(AgreementText(2), {{"2027-12-31", "2026-12-31"}})}}),
      first.catalog);
  EXPECT_THAT(second.Rules(), ElementsAre("agreement/dates"));
  EXPECT_THAT(second.Revisions(), ElementsAre(1));
}

TEST(CatalogTest, AFileThatDoesNotSayWhatItIsIsReported) {
  std::vector<CatalogFile> files = Files({{"a.yaml", AgreementText()}});
  files.push_back(File("notes.yaml", "x: 1\n"));
  files.push_back(File("a.yaml.irs.treasury.example.p7s", "\x30\x80"));
  files.push_back(File("cases.yaml", "format: \"vouch-cases/1\"\n"));
  const Built b(files);
  EXPECT_THAT(b.Rules(), ElementsAre("catalog/unknown-format"));
  EXPECT_EQ(b.catalog->all().size(), 1u);
}

TEST(CatalogTest, AMisspeltFormatIsReportedAndTakesNothingAway) {
  const Built before(Files({{"a.yaml", AgreementText()}}));
  const Built b(
      Files({{"a.yaml",
              absl::StrReplaceAll(AgreementText(), {{"vouch-agreement/1", "vouch-agreemnt/1"}})}}),
      before.catalog);
  ASSERT_THAT(b.Rules(), ElementsAre("catalog/unknown-format"));
  EXPECT_EQ(b.report.findings()[0].mend, "did you mean `format: \"vouch-agreement/1\"`?");
  EXPECT_NE(b.catalog->Find(kId, On(2027, 6, 1)), nullptr);
}

TEST(CatalogTest, TwoPinnedFactCataloguesAreRefused) {
  const std::string second =
      absl::StrReplaceAll(FileText("facts.yaml"), {{"\"return\"", "\"person\""}});
  const std::string first_pin = "    - {file: \"facts.yaml\"";
  const std::string second_pin =
      absl::StrCat("    - {file: \"second.yaml\", sha256: \"", HexOf(second), "\"}\n");
  std::vector<CatalogFile> files =
      Files({{"a.yaml", absl::StrReplaceAll(AgreementText(),
                                            {{first_pin, absl::StrCat(second_pin, first_pin)}})}});
  files.push_back(File("second.yaml", second));
  const Built b(files);
  EXPECT_THAT(b.Rules(), ElementsAre("catalog/several-facts"));
  EXPECT_THAT(b.catalog->all(), IsEmpty());
}

}  // namespace
}  // namespace vouch::policies
