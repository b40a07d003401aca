#include "server/agreements/agreements.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "server/node/epoch_keys.h"
#include "tests/server/agreements/agreement_folder.h"

namespace vouch::server::agreements {
namespace {

using policies::AgreementState;
using ::testing::Contains;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

class AgreementsTest : public ::testing::Test {
 protected:
  void Reload() {
    const absl::Status reloaded = agreements_.Reload();
    ASSERT_TRUE(reloaded.ok()) << reloaded;
  }
  // The revision that counts, 0 for none.
  int64_t Revision(absl::Time now = Noon()) const {
    const policies::HeldAgreement* held = agreements_.Current()->catalog->Find("aid-tax-001", now);
    return held == nullptr ? 0 : held->agreement.revision;
  }
  std::vector<std::string> Rules() const {
    std::vector<std::string> rules;
    for (const policies::Finding& finding : agreements_.Current()->report.findings()) {
      rules.push_back(finding.rule);
    }
    return rules;
  }
  static Terms Revised(int revision, const std::string& title = "Income check") {
    Terms terms;
    terms.revision = revision;
    terms.title = title;
    return terms;
  }

  AgreementFolder folder_;
  Agreements agreements_{folder_.Options()};
};

TEST_F(AgreementsTest, HoldsWhatTheFolderHolds) {
  const crypto::Digest digest = folder_.Write({});
  Reload();
  ASSERT_EQ(Revision(), 1);
  const policies::HeldAgreement* held = agreements_.Current()->catalog->Find("aid-tax-001", Noon());
  EXPECT_EQ(held->digest, digest);
  EXPECT_EQ(held->StateAt(Noon()), AgreementState::kInForce);
  EXPECT_THAT(Rules(), IsEmpty());
}

TEST_F(AgreementsTest, AReaderKeepsTheSetItTook) {
  folder_.Write({});
  Reload();
  const auto before = agreements_.Current();
  folder_.Write(Revised(2));
  Reload();
  EXPECT_EQ(before->catalog->all()[0]->agreement.revision, 1);
  EXPECT_EQ(Revision(), 2);
}

TEST_F(AgreementsTest, AFolderThatCannotBeReadLeavesTheSetAsItWas) {
  folder_.Write({});
  Reload();
  std::filesystem::rename(folder_.agreements(), folder_.Path("away"));
  EXPECT_TRUE(absl::IsUnavailable(agreements_.Reload()));
  EXPECT_EQ(Revision(), 1);
  EXPECT_TRUE(agreements_.Changed());
}

// Root reads everything. While this lives, the test is somebody else.
class WithoutRootsPowers {
 public:
  explicit WithoutRootsPowers(const std::string& folder) {
    std::filesystem::permissions(folder, std::filesystem::perms::all);
    if (getuid() == 0) {
      EXPECT_EQ(seteuid(65534), 0);
    }
  }
  ~WithoutRootsPowers() {
    if (getuid() == 0) {
      EXPECT_EQ(seteuid(0), 0);
    }
  }
};

TEST_F(AgreementsTest, OneUnreadableFileKeepsNothingElseFromBeingRead) {
  folder_.Write({});
  Reload();
  Terms other;
  other.id = "aid-tax-002";
  folder_.Write(other, "other");
  const std::string file = folder_.agreements() + "/aid/agreement.yaml";
  std::filesystem::permissions(file, std::filesystem::perms::none);
  {
    const WithoutRootsPowers nobody(folder_.Path(""));
    Reload();
    (void)agreements_.Changed();
  }
  // What was held of it stays; what lies beside it is read; and somebody is told.
  EXPECT_EQ(Revision(), 1);
  EXPECT_NE(agreements_.Current()->catalog->Find("aid-tax-002", folder_.now), nullptr);
  const auto& findings = agreements_.Current()->report.findings();
  const auto told = std::find_if(findings.begin(), findings.end(), [](const auto& finding) {
    return finding.rule == "file/unreadable";
  });
  ASSERT_NE(told, findings.end());
  EXPECT_EQ(told->file, "aid/agreement.yaml");
  // Nothing about the file changes when it is let be read, so it is looked at again in any case.
  folder_.now += absl::Seconds(31);
  EXPECT_TRUE(agreements_.Changed());
}

// A folder that cannot be looked into is no reason to think its agreements gone, nor to crash.
TEST_F(AgreementsTest, AFolderWithinThatCannotBeReadLeavesTheSetAsItWas) {
  folder_.Write({});
  Reload();
  std::filesystem::permissions(folder_.agreements() + "/aid", std::filesystem::perms::none);
  {
    const WithoutRootsPowers nobody(folder_.Path(""));
    EXPECT_TRUE(absl::IsUnavailable(agreements_.Reload()));
    (void)agreements_.Changed();
  }
  EXPECT_EQ(Revision(), 1);
  std::filesystem::permissions(folder_.agreements() + "/aid", std::filesystem::perms::owner_all);
}

TEST_F(AgreementsTest, ABadFileKeepsTheLastGoodRevision) {
  folder_.Write({});
  Reload();
  folder_.WriteFile("aid/agreement.yaml", "format: \"vouch-agreement/1\"\nagreement: [");
  Reload();
  EXPECT_EQ(Revision(), 1);
  EXPECT_TRUE(agreements_.Current()->report.HasErrors());
}

TEST_F(AgreementsTest, AnAgreementWithoutAFileIsGone) {
  folder_.Write({});
  Reload();
  folder_.Remove("aid");
  Reload();
  EXPECT_EQ(Revision(), 0);
}

TEST_F(AgreementsTest, WhatIsKeptDoesNotOutliveItsExpiry) {
  folder_.Write({});
  Reload();
  folder_.WriteFile("aid/agreement.yaml", "nothing");
  Reload();
  const absl::Time later = Noon() + absl::Hours(24 * 365);
  const policies::HeldAgreement* held = agreements_.Current()->catalog->Find("aid-tax-001", later);
  ASSERT_NE(held, nullptr);
  EXPECT_EQ(held->StateAt(later), AgreementState::kExpired);
}

TEST_F(AgreementsTest, RefusesALowerRevisionAndKeepsWhatItHeld) {
  folder_.Write(Revised(2));
  Reload();
  folder_.Write(Revised(1));
  Reload();
  EXPECT_EQ(Revision(), 2);
}

TEST_F(AgreementsTest, RefusesALowerRevisionThanEverAdoptedAfterARestart) {
  folder_.Write(Revised(2));
  Reload();
  folder_.Write(Revised(1));
  Agreements restarted(folder_.Options());
  ASSERT_TRUE(restarted.Reload().ok());
  EXPECT_TRUE(restarted.Current()->catalog->all().empty());
  ASSERT_FALSE(restarted.Current()->report.findings().empty());
  EXPECT_EQ(restarted.Current()->report.findings()[0].rule, "catalog/not-adopted");
}

TEST_F(AgreementsTest, RefusesAnotherFileOfAnAdoptedRevisionAfterARestart) {
  folder_.Write(Revised(1));
  Reload();
  folder_.Write(Revised(1, "Another title"));
  Agreements restarted(folder_.Options());
  ASSERT_TRUE(restarted.Reload().ok());
  EXPECT_TRUE(restarted.Current()->catalog->all().empty());
}

TEST_F(AgreementsTest, ARevisionInForceStaysBesideTheAdoptedOneThatWaits) {
  folder_.Write(Revised(1), "one");
  Terms next = Revised(2);
  next.effective = "2027-09-01";
  folder_.Write(next, "two");
  for (int i = 0; i < 3; ++i) {
    Reload();
    EXPECT_EQ(Revision(), 1) << "after reload " << i;
    EXPECT_THAT(Rules(), IsEmpty());
  }
  Agreements restarted(folder_.Options());
  ASSERT_TRUE(restarted.Reload().ok());
  EXPECT_EQ(restarted.Current()->catalog->all().size(), 2u);
}

TEST_F(AgreementsTest, TakingTheHigherRevisionAwayDoesNotBringTheLowerBack) {
  folder_.Write(Revised(1), "one");
  folder_.Write(Revised(2), "two");
  Reload();
  EXPECT_EQ(Revision(), 2);
  folder_.Remove("two");
  Agreements restarted(folder_.Options());
  ASSERT_TRUE(restarted.Reload().ok());
  EXPECT_TRUE(restarted.Current()->catalog->all().empty());
}

TEST_F(AgreementsTest, ARevisionThatCannotBeEnteredKeepsTheOneBeforeAndIsTriedAgain) {
  folder_.Write(Revised(1));
  Reload();
  folder_.Write(Revised(2));
  folder_.cannot_adopt = absl::UnavailableError("the disk is full");
  Reload();
  EXPECT_EQ(Revision(), 1);
  EXPECT_THAT(Rules(), Contains("catalog/not-adopted"));
  EXPECT_TRUE(agreements_.Changed());
  folder_.cannot_adopt = absl::OkStatus();
  Reload();
  EXPECT_EQ(Revision(), 2);
  EXPECT_FALSE(agreements_.Changed());
}

TEST_F(AgreementsTest, UnsignedAgreementsAreNotAdopted) {
  folder_.Write({});
  folder_.Remove("aid/agreement.yaml.tax.example.p7s");
  Reload();
  ASSERT_EQ(agreements_.Current()->catalog->all().size(), 1u);
  EXPECT_EQ(agreements_.Current()->catalog->all()[0]->StateAt(Noon()), AgreementState::kUnsigned);
  EXPECT_TRUE(folder_.adopted.empty());
}

TEST_F(AgreementsTest, SeesWhatChanged) {
  EXPECT_TRUE(agreements_.Changed());
  folder_.Write({});
  Reload();
  EXPECT_FALSE(agreements_.Changed());
  folder_.WriteFile("aid/note.yaml", "x");
  EXPECT_TRUE(agreements_.Changed());
  Reload();
  EXPECT_FALSE(agreements_.Changed());
  folder_.AddEpoch({}, 1, Noon() - absl::Hours(1), Noon() + absl::Hours(1));
  EXPECT_TRUE(agreements_.Changed());
}

TEST_F(AgreementsTest, HiddenFoldersAreNotRead) {
  folder_.Write({}, "..2027_01");
  std::filesystem::create_symlink("..2027_01/agreement.yaml",
                                  folder_.agreements() + "/agreement.yaml");
  std::filesystem::create_symlink("..2027_01/facts.yaml", folder_.agreements() + "/facts.yaml");
  for (const char* agency : {"tax.example", "aid.example", "loans.example"}) {
    const std::string name = SignatureFileName("agreement.yaml", agency);
    std::filesystem::create_symlink("..2027_01/" + name, folder_.agreements() + "/" + name);
  }
  Reload();
  EXPECT_EQ(Revision(), 1);
  EXPECT_THAT(Rules(), IsEmpty());
}

TEST_F(AgreementsTest, EpochsCountByTheirTimes) {
  folder_.Write({});
  folder_.AddEpoch({}, 1, Noon() - absl::Hours(10), Noon() + absl::Hours(1));
  folder_.AddEpoch({}, 2, Noon() - absl::Hours(1), Noon() + absl::Hours(10));
  folder_.AddEpoch({}, 3, Noon() + absl::Hours(9), Noon() + absl::Hours(20));
  Reload();
  const auto set = agreements_.Current();
  EXPECT_THAT(set->key_problems, IsEmpty());
  ASSERT_NE(set->CurrentEpoch("aid-tax-001", Noon()), nullptr);
  EXPECT_EQ(set->CurrentEpoch("aid-tax-001", Noon())->statement.epoch, 2u);
  EXPECT_EQ(set->NextEpoch("aid-tax-001", Noon())->statement.epoch, 3u);
  EXPECT_NE(set->FindEpoch("aid-tax-001", 1, Noon()), nullptr);
  EXPECT_EQ(set->FindEpoch("aid-tax-001", 1, Noon() + absl::Hours(1)), nullptr);
  EXPECT_EQ(set->FindEpoch("aid-tax-001", 3, Noon()), nullptr);
  EXPECT_EQ(set->FindEpoch("aid-tax-001", 4, Noon()), nullptr);
  EXPECT_EQ(set->CurrentEpoch("unknown", Noon()), nullptr);
}

TEST_F(AgreementsTest, ReportsAKeyProblemAndKeepsTheLastGoodEpochs) {
  folder_.Write({});
  folder_.AddEpoch({}, 1, Noon() - absl::Hours(1), Noon() + absl::Hours(1));
  Reload();
  ASSERT_TRUE(node::CreateEpoch(folder_.keys(), "aid-tax-001", 2).ok());
  std::ofstream(node::EpochFolder(folder_.keys(), "aid-tax-001", 2) + "/statement.txt")
      << node::StatementText(folder_.ForgedStatement({}, 2));
  Reload();
  const auto set = agreements_.Current();
  ASSERT_EQ(set->key_problems.size(), 1u);
  EXPECT_THAT(set->key_problems[0], HasSubstr("aid-tax-001"));
  ASSERT_NE(set->CurrentEpoch("aid-tax-001", Noon()), nullptr);
  EXPECT_EQ(set->CurrentEpoch("aid-tax-001", Noon())->statement.epoch, 1u);
}

TEST_F(AgreementsTest, AnotherStatementForAnAdoptedEpochIsNotUsed) {
  folder_.Write({});
  folder_.adopted_epochs["aid-tax-001/1"] = crypto::Sha256("another");
  folder_.AddEpoch({}, 1, Noon() - absl::Hours(1), Noon() + absl::Hours(1));
  folder_.AddEpoch({}, 2, Noon() - absl::Hours(1), Noon() + absl::Hours(1));
  Reload();
  const auto set = agreements_.Current();
  EXPECT_EQ(set->FindEpoch("aid-tax-001", 1, Noon()), nullptr);
  EXPECT_NE(set->FindEpoch("aid-tax-001", 2, Noon()), nullptr);
  ASSERT_EQ(set->key_problems.size(), 1u);
  EXPECT_THAT(set->key_problems[0], HasSubstr("epoch 1"));
}

TEST_F(AgreementsTest, HoldsTheKeyOfEachKind) {
  folder_.Write({});
  folder_.AddEpoch({}, 1, Noon() - absl::Hours(1), Noon() + absl::Hours(1));
  Terms keyed;
  keyed.id = "aid-tax-002";
  keyed.token_kind = "keyed-hash";
  folder_.Write(keyed, "keyed");
  folder_.AddEpoch(keyed, 1, Noon() - absl::Hours(1), Noon() + absl::Hours(1));
  Reload();
  const auto set = agreements_.Current();
  const Epoch* blind = set->FindEpoch("aid-tax-001", 1, Noon());
  ASSERT_NE(blind, nullptr);
  EXPECT_NE(blind->blind, nullptr);
  EXPECT_EQ(blind->keyed, nullptr);
  const Epoch* shared = set->FindEpoch("aid-tax-002", 1, Noon());
  ASSERT_NE(shared, nullptr);
  EXPECT_EQ(shared->blind, nullptr);
  EXPECT_NE(shared->keyed, nullptr);
  for (const policies::Finding& finding : set->report.findings()) {
    ADD_FAILURE() << finding.rule << " " << finding.message;
  }
}

TEST_F(AgreementsTest, ARevisionWithTokensOfAnotherKindTakesNoKeyFromTheOneInForce) {
  folder_.Write({});
  folder_.AddEpoch({}, 1, Noon() - absl::Hours(1), Noon() + absl::Hours(1));
  Terms keyed = Revised(2);
  keyed.token_kind = "keyed-hash";
  keyed.effective = "2027-07-01";
  folder_.Write(keyed, "keyed");
  Reload();
  ASSERT_EQ(Revision(), 1);
  const auto set = agreements_.Current();
  ASSERT_EQ(set->catalog->all().size(), 2u);
  const Epoch* epoch = set->FindEpoch("aid-tax-001", 1, Noon());
  ASSERT_NE(epoch, nullptr);
  EXPECT_NE(epoch->blind, nullptr);
  EXPECT_EQ(epoch->keyed, nullptr);
}

}  // namespace
}  // namespace vouch::server::agreements
