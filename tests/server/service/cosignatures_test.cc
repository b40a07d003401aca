// Whose cosignatures of a node's log count, and who gets no answers for want of them.
#include "server/cosignatures.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fstream>

#include "crypto/receipt.h"
#include "server/node/folders.h"
#include "server/node/witness_key.h"
#include "tests/server/service/signed_log.h"
#include "tests/server/walk/world.h"

namespace vouch::server {
namespace {

using ::testing::HasSubstr;
using ::testing::IsEmpty;

constexpr char kAid[] = "aid.example";

crypto::NoteSigner NewWitness(const std::string& agency = kAid) {
  return *crypto::NoteSigner::MakeCosigner(
      agency, std::make_shared<const crypto::SigningKey>(
                  crypto::SigningKey::Generate(crypto::KeyKind::kEd25519)));
}

class CosignaturesTest : public ::testing::Test {
 protected:
  CosignaturesTest() { Open(absl::Minutes(15), 100); }

  // As after a restart.
  void Open(absl::Duration longest, uint64_t most) {
    Cosignatures::Options options;
    options.folder = world_.folder.Path("cosigned");
    options.log = world_.ledger_log.get();
    options.own = &own_;
    options.public_der = world_.ledger_key->PublicDer();
    options.longest_lag = longest;
    options.most_entries = most;
    all_ = std::make_unique<Cosignatures>(std::move(options));
    SetKey(witness_);
  }
  void SetKey(const crypto::NoteSigner& witness) {
    const absl::Status set = all_->SetWitnesses({{kAid, witness.verifier()}}, world_.clock.Now());
    ASSERT_TRUE(set.ok()) << set;
  }
  void Grow(int entries) {
    const uint32_t minute = static_cast<uint32_t>(absl::ToUnixSeconds(world_.clock.Now()) / 60);
    for (int i = 0; i < entries; ++i) {
      ASSERT_TRUE(
          world_.journal
              ->Append({crypto::CountedRefusalsEntry(minute, kAid, 3, 1)}, world_.clock.Now())
              .ok());
    }
  }
  std::string Head() { return *world_.ledger_log->Checkpoint()->note; }
  static std::string CosignedBy(const crypto::NoteSigner& witness, const std::string& note) {
    return witness.CosignNote(crypto::ReadNote(note)->text, 1)->Line();
  }
  absl::Status TakeHead() {
    const std::string note = Head();
    return all_->Take(kAid, note, CosignedBy(witness_, note), world_.clock.Now());
  }
  Cosignatures::Standing Look() { return all_->Look(world_.clock.Now()).at(0); }
  bool Refused() {
    Look();
    return all_->Judge(kAid).has_value();
  }

  World world_;
  const crypto::NoteSigner witness_ = NewWitness();
  OwnCheckpoints own_{world_.ledger_log.get(), world_.ledger_key->PublicDer(),
                      world_.folder.Path("own.cosigned")};
  std::unique_ptr<Cosignatures> all_;
};

TEST_F(CosignaturesTest, AreKeptWhenTheyVerify) {
  Grow(3);
  EXPECT_TRUE(all_->Wants(kAid));
  const absl::Status taken = TakeHead();
  ASSERT_TRUE(taken.ok()) << taken;
  EXPECT_EQ(Look().cosigned, 3u);
  EXPECT_EQ(Look().behind, 0u);
  EXPECT_FALSE(all_->Wants(kAid));
  EXPECT_FALSE(all_->Wants("loans.example"));
}

TEST_F(CosignaturesTest, OfAnotherKeyUnderTheSameNameDoNotCount) {
  Grow(3);
  const std::string note = Head();
  const absl::Status taken =
      all_->Take(kAid, note, CosignedBy(NewWitness(), note), world_.clock.Now());
  EXPECT_TRUE(absl::IsPermissionDenied(taken)) << taken;
  EXPECT_EQ(Look().cosigned, 0u);
}

TEST_F(CosignaturesTest, OfAnotherCheckpointDoNotCount) {
  Grow(3);
  const std::string line = CosignedBy(witness_, Head());
  Grow(1);
  EXPECT_TRUE(absl::IsPermissionDenied(all_->Take(kAid, Head(), line, world_.clock.Now())));
  EXPECT_TRUE(absl::IsPermissionDenied(all_->Take(kAid, Head(), "", world_.clock.Now())));
  EXPECT_TRUE(absl::IsPermissionDenied(all_->Take(kAid, "no note", line, world_.clock.Now())));
  EXPECT_EQ(Look().cosigned, 0u);
}

TEST_F(CosignaturesTest, OfWhoHasNoKeyHereDoNotCount) {
  Grow(3);
  const std::string note = Head();
  EXPECT_TRUE(absl::IsNotFound(
      all_->Take("loans.example", note, CosignedBy(witness_, note), world_.clock.Now())));
}

TEST_F(CosignaturesTest, OfACheckpointThatTheLogDoesNotLeadToShowThatItWasPutBack) {
  Grow(3);
  SignedLog later(world_.ledger_log->origin(), world_.ledger_key);
  later.GrowTo(5);
  const std::string note = later.NoteOf(5);
  EXPECT_TRUE(
      absl::IsDataLoss(all_->Take(kAid, note, CosignedBy(witness_, note), world_.clock.Now())));
}

TEST_F(CosignaturesTest, ThatAreMissingForTooLongEndAnswersUntilTheyCome) {
  Grow(3);
  ASSERT_TRUE(TakeHead().ok());
  world_.clock.Advance(absl::Hours(48));
  EXPECT_FALSE(Refused()) << "nothing was entered meanwhile";
  Grow(1);
  EXPECT_FALSE(Refused());
  world_.clock.Advance(absl::Minutes(14));
  EXPECT_FALSE(Refused());
  world_.clock.Advance(absl::Minutes(3));
  EXPECT_TRUE(Refused());
  const absl::optional<policies::Refusal> refusal = all_->Judge(kAid);
  ASSERT_TRUE(refusal.has_value());
  EXPECT_EQ(refusal->reason, policies::Reason::kLedgerUnavailable);
  EXPECT_GT(refusal->retry_after, absl::ZeroDuration());
  EXPECT_FALSE(all_->Judge("loans.example").has_value());
  EXPECT_THAT(Look().says,
              HasSubstr("no cosignature of aid.example covers what was entered since"));
  ASSERT_TRUE(TakeHead().ok());
  EXPECT_FALSE(all_->Judge(kAid).has_value()) << "at once";
}

TEST_F(CosignaturesTest, ThatAreMissingForTooManyEntriesEndAnswers) {
  Grow(3);
  ASSERT_TRUE(TakeHead().ok());
  Grow(20);
  EXPECT_FALSE(Refused());
  EXPECT_FALSE(all_->Hurries());
  Grow(20);
  EXPECT_FALSE(Refused());
  EXPECT_TRUE(all_->Hurries());
  Grow(61);
  EXPECT_TRUE(Refused());
}

TEST_F(CosignaturesTest, CountFromWhereTheLogStoodWhenTheKeyWasGiven) {
  Grow(300);
  // A partner whose key was given only now.
  std::filesystem::remove_all(world_.folder.Path("cosigned"));
  Open(absl::Minutes(15), 100);
  world_.clock.Advance(absl::Hours(1));
  EXPECT_FALSE(Refused());
  Grow(101);
  EXPECT_TRUE(Refused());
}

TEST_F(CosignaturesTest, AreRememberedOverARestart) {
  Grow(3);
  ASSERT_TRUE(TakeHead().ok());
  Grow(100);
  Open(absl::Minutes(15), 100);
  EXPECT_EQ(Look().cosigned, 3u);
  EXPECT_FALSE(Refused());
  Grow(1);
  Open(absl::Minutes(15), 100);
  EXPECT_TRUE(Refused());
}

TEST_F(CosignaturesTest, ThatAreMissingAreNotForgottenByARestart) {
  Grow(3);
  world_.clock.Advance(absl::Minutes(17));
  EXPECT_TRUE(Refused());
  Open(absl::Minutes(15), 100);
  EXPECT_TRUE(all_->Judge(kAid).has_value());
  ASSERT_TRUE(TakeHead().ok());
  EXPECT_FALSE(Refused());
  Open(absl::Minutes(15), 100);
  EXPECT_FALSE(Refused());
}

TEST_F(CosignaturesTest, TheTimeInWhichTheNodeStoodStillDoesNotCount) {
  Grow(3);
  world_.clock.Advance(absl::Hours(30));
  Open(absl::Minutes(15), 100);
  EXPECT_FALSE(Refused());
  world_.clock.Advance(absl::Minutes(16));
  EXPECT_TRUE(Refused());
}

TEST_F(CosignaturesTest, AreNotWaitedForWhereNothingBoundsThem) {
  Open(absl::ZeroDuration(), 0);
  Grow(300);
  world_.clock.Advance(absl::Hours(30));
  EXPECT_FALSE(Refused());
  EXPECT_EQ(Look().behind, 300u);
}

TEST_F(CosignaturesTest, WhoeverWasRefusedIsAnsweredOnceNothingBoundsThem) {
  Grow(3);
  world_.clock.Advance(absl::Minutes(17));
  EXPECT_TRUE(Refused());
  Open(absl::ZeroDuration(), 0);
  EXPECT_FALSE(Refused());
}

TEST_F(CosignaturesTest, OfLastYearsLogSayNothingOfThisYears) {
  Grow(3);
  ASSERT_TRUE(TakeHead().ok());
  const std::string last_year = Head();
  world_.clock.Set(absl::FromUnixSeconds(1830297600 + 3600));  // 2028-01-01
  Grow(2);
  EXPECT_TRUE(all_->Wants(kAid));
  EXPECT_EQ(Look().behind, 3u) << "its first entry, and these two";
  EXPECT_EQ(Look().cosigned, 0u);
  EXPECT_TRUE(
      all_->Take(kAid, last_year, CosignedBy(witness_, last_year), world_.clock.Now()).ok());
  EXPECT_EQ(Look().behind, 3u);
  world_.clock.Advance(absl::Minutes(17));
  EXPECT_TRUE(Refused());
  ASSERT_TRUE(TakeHead().ok());
  EXPECT_FALSE(Refused());
  EXPECT_EQ(Look().cosigned, 3u);
}

TEST_F(CosignaturesTest, BeginAnewUnderAnotherKey) {
  Grow(3);
  ASSERT_TRUE(TakeHead().ok());
  const crypto::NoteSigner other = NewWitness();
  EXPECT_TRUE(absl::IsDataLoss(all_->SetWitnesses({{kAid, other.verifier()}}, world_.clock.Now())));
  EXPECT_EQ(Look().cosigned, 0u);
  EXPECT_TRUE(all_->Wants(kAid));
  const std::string note = Head();
  EXPECT_TRUE(all_->Take(kAid, note, CosignedBy(other, note), world_.clock.Now()).ok());
}

TEST_F(CosignaturesTest, KeepNoSignaturesBesideTheLogsAndThePartners) {
  Grow(3);
  const std::string note = Head();
  const std::string junk = CosignedBy(NewWitness("loans.example"), note);
  ASSERT_TRUE(all_->Take(kAid, note + junk, CosignedBy(witness_, note), world_.clock.Now()).ok());
  EXPECT_THAT(*node::ReadText(world_.folder.Path("cosigned/aid.example")),
              ::testing::Not(HasSubstr("loans.example")));
}

TEST(WitnessKeyTest, IsOneLineOfThatAgencysWitness) {
  const crypto::NoteSigner witness = NewWitness();
  const std::string line = witness.verifier().ToString();
  EXPECT_TRUE(node::ReadWitnessKey(line + "\n", kAid).ok());
  EXPECT_THAT(std::string(node::ReadWitnessKey(line, "loans.example").status().message()),
              HasSubstr("the witness key of aid.example"));
  const auto log =
      *crypto::NoteSigner::Make(kAid, std::make_shared<const crypto::SigningKey>(
                                          crypto::SigningKey::Generate(crypto::KeyKind::kEd25519)));
  EXPECT_THAT(std::string(node::ReadWitnessKey(log.verifier().ToString(), kAid).status().message()),
              HasSubstr("signs a log's own checkpoints"));
  EXPECT_FALSE(node::ReadWitnessKey(line + "\n" + line, kAid).ok());
  EXPECT_FALSE(node::ReadWitnessKey("", kAid).ok());
}

}  // namespace
}  // namespace vouch::server
