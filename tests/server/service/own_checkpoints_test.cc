#include "server/own_checkpoints.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <memory>

#include "crypto/keys.h"
#include "crypto/receipt.h"
#include "server/partner_logs.h"
#include "tests/harness/process.h"
#include "tests/server/service/signed_log.h"
#include "tests/server/walk/world.h"

namespace vouch::server {
namespace {

using ::testing::HasSubstr;

class OwnCheckpointsTest : public ::testing::Test {
 protected:
  void Grow(int entries) {
    for (int i = 0; i < entries; ++i) {
      ASSERT_TRUE(
          world_.journal
              ->Append({crypto::CountedRefusalsEntry(1, "aid.example", 3, 1)}, world_.clock.Now())
              .ok());
    }
  }
  std::string Head() { return *world_.ledger_log->Checkpoint()->note; }

  World world_;
  const std::string path_ = world_.folder.Path("own.cosigned");
  OwnCheckpoints own_{world_.ledger_log.get(), world_.ledger_key->PublicDer(), path_};
};

TEST_F(OwnCheckpointsTest, ALogThatWentOnIsFine) {
  Grow(3);
  const std::string note = Head();
  EXPECT_TRUE(own_.HoldAgainst(note, "aid.example").ok());
  Grow(3);
  EXPECT_TRUE(own_.HoldAgainst(note, "aid.example").ok());
}

TEST_F(OwnCheckpointsTest, ALogBehindWhatItSignedIsLost) {
  Grow(3);
  SignedLog later(world_.ledger_log->origin(), world_.ledger_key);
  later.GrowTo(5);
  const absl::Status held = own_.HoldAgainst(later.NoteOf(5), "aid.example");
  EXPECT_TRUE(absl::IsDataLoss(held));
  EXPECT_THAT(std::string(held.message()), HasSubstr("aid.example holds a checkpoint"));
  EXPECT_THAT(std::string(held.message()), HasSubstr("ends after 3 entries"));
}

TEST_F(OwnCheckpointsTest, ALogThatWasPutBackAndWrittenOnIsLost) {
  Grow(9);
  SignedLog other(world_.ledger_log->origin(), world_.ledger_key);
  other.GrowTo(5);
  EXPECT_TRUE(absl::IsDataLoss(own_.HoldAgainst(other.NoteOf(5), "aid.example")));
}

TEST_F(OwnCheckpointsTest, ANewLogBesideOneOfAYearBeforeIsLost) {
  SignedLog before("tax.example/ledger/2026", world_.ledger_key);
  before.GrowTo(5);
  EXPECT_TRUE(absl::IsDataLoss(own_.HoldAgainst(before.NoteOf(5), "aid.example")));
  EXPECT_TRUE(own_.HoldAgainst(before.NoteOf(0), "aid.example").ok());
}

TEST_F(OwnCheckpointsTest, AJournalThatWasBegunAnewInALaterYearIsLostWhateverWasEnteredSince) {
  Grow(3);
  SignedLog before("tax.example/ledger/2026", world_.ledger_key);
  before.GrowTo(5);
  const absl::Status held = own_.HoldAgainst(before.NoteOf(5), "aid.example");
  EXPECT_TRUE(absl::IsDataLoss(held)) << held;
  EXPECT_THAT(std::string(held.message()), HasSubstr("has nothing of what came before"));
  EXPECT_TRUE(own_.HoldAgainst(before.NoteOf(0), "aid.example").ok());
}

TEST_F(OwnCheckpointsTest, LogsThatEndedAreHeldAgainstTheirOwnEntries) {
  Grow(3);
  const std::string before = Head();
  const std::string origin = world_.ledger_log->origin();
  world_.clock.Advance(absl::Hours(24 * 366));
  Grow(2);
  ASSERT_NE(world_.ledger_log->origin(), origin);
  const std::string end = *world_.ledger_log->Checkpoint(origin)->note;
  EXPECT_TRUE(own_.HoldAgainst(before, "aid.example").ok());
  EXPECT_TRUE(own_.HoldAgainst(end, "aid.example").ok());
  EXPECT_TRUE(own_.HoldAgainst(Head(), "aid.example").ok());
  // More than it ended with, and other entries.
  SignedLog other(origin, world_.ledger_key);
  other.GrowTo(5);
  EXPECT_TRUE(absl::IsDataLoss(own_.HoldAgainst(other.NoteOf(5), "aid.example")));
  EXPECT_TRUE(absl::IsDataLoss(own_.HoldAgainst(other.NoteOf(2), "aid.example")));
  // What is kept is the newest log's, whatever their sizes.
  ASSERT_TRUE(own_.Keep(end, 4, "aid.example", "").ok());
  ASSERT_TRUE(own_.Keep(Head(), 3, "aid.example", "").ok());
  ASSERT_TRUE(own_.Keep(end, 4, "loans.example", "").ok());
  EXPECT_EQ(OriginOfNote(*crypto::ReadPrivateFile(path_)), world_.ledger_log->origin());
}

TEST_F(OwnCheckpointsTest, AJournalFromBeforeALogBeganIsLost) {
  Grow(3);
  SignedLog later("tax.example/ledger/2028", world_.ledger_key);
  later.GrowTo(1);
  const absl::Status held = own_.HoldAgainst(later.NoteOf(1), "aid.example");
  EXPECT_TRUE(absl::IsDataLoss(held));
  EXPECT_THAT(std::string(held.message()), HasSubstr("has no such log"));
}

TEST_F(OwnCheckpointsTest, WhatThisNodeDidNotSignShowsNothing) {
  Grow(3);
  SignedLog forged(world_.ledger_log->origin());
  forged.GrowTo(9);
  EXPECT_TRUE(own_.HoldAgainst(forged.NoteOf(9), "aid.example").ok());
  SignedLog others("aid.example/ledger/2027", world_.ledger_key);
  others.GrowTo(9);
  EXPECT_TRUE(own_.HoldAgainst(others.NoteOf(9), "aid.example").ok());
  EXPECT_TRUE(own_.HoldAgainst("no note", "aid.example").ok());
}

TEST_F(OwnCheckpointsTest, WhatWasCosignedIsHeldAgainstTheLogAtTheNextStart) {
  EXPECT_FALSE(own_.WasCosigned());
  EXPECT_TRUE(own_.HoldAgainstKept().ok());
  SignedLog later(world_.ledger_log->origin(), world_.ledger_key);
  later.GrowTo(5);
  const auto witness = *crypto::NoteSigner::MakeCosigner(
      "aid.example", std::make_shared<const crypto::SigningKey>(
                         crypto::SigningKey::Generate(crypto::KeyKind::kEd25519)));
  const std::string text = crypto::ReadNote(later.NoteOf(5))->text;
  ASSERT_TRUE(
      own_.Keep(later.NoteOf(5), 5, "aid.example", witness.CosignNote(text, 9)->Line()).ok());
  ASSERT_TRUE(own_.Keep(later.NoteOf(5), 5, "loans.example", "").ok());
  EXPECT_TRUE(own_.WasCosigned());
  EXPECT_TRUE(absl::IsDataLoss(own_.HoldAgainstKept()));
}

TEST_F(OwnCheckpointsTest, WhatWasCosignedAndIsDamagedIsNotTakenForNothing) {
  Grow(3);
  ASSERT_TRUE(own_.Keep(Head(), 3, "aid.example", "").ok());
  EXPECT_TRUE(own_.HoldAgainstKept().ok());
  SignedLog others("aid.example/ledger/2027");
  others.GrowTo(2);
  for (const std::string& damaged :
       {std::string(), Head().substr(0, Head().size() - 20), std::string("no note"),
        others.NoteOf(2), SignedLog(world_.ledger_log->origin()).NoteOf(0)}) {
    ASSERT_TRUE(crypto::ReplaceFile(path_, damaged, /*is_private=*/true).ok());
    const absl::Status held = own_.HoldAgainstKept();
    EXPECT_TRUE(absl::IsDataLoss(held)) << held;
    EXPECT_THAT(std::string(held.message()), HasSubstr("is damaged, or is not signed by"));
  }
}

TEST_F(OwnCheckpointsTest, TheCosignaturesOfManyPartnersLeaveItReadable) {
  Grow(3);
  const std::string text = crypto::ReadNote(Head())->text;
  std::string all = Head();
  for (int i = 0; i < 70; ++i) {
    const std::string agency = absl::StrCat("a", i, ".example");
    const auto witness = *crypto::NoteSigner::MakeCosigner(
        agency, std::make_shared<const crypto::SigningKey>(
                    crypto::SigningKey::Generate(crypto::KeyKind::kEd25519)));
    const std::string line = witness.CosignNote(text, 9)->Line();
    ASSERT_TRUE(own_.Keep(Head(), 3, agency, line).ok());
    all += line;
  }
  EXPECT_TRUE(own_.SignedHere(*crypto::ReadPrivateFile(path_)));
  EXPECT_TRUE(own_.HoldAgainstKept().ok());
  // As it was written before there was that bound.
  ASSERT_TRUE(crypto::ReplaceFile(path_, all, /*is_private=*/true).ok());
  EXPECT_TRUE(own_.HoldAgainstKept().ok());
}

// Some entries are there, and a loss up to 20 was declared.
class OwnCheckpointsLossTest : public ::testing::Test {
 protected:
  void DeclareAfter(uint64_t entries) {
    signed_log_.GrowTo(21);
    other_.GrowTo(30, " otherwise");
    journal::JournalOptions options;
    options.folder = folder_.Path("journal");
    options.origin = signed_log_.origin();
    const absl::Time now = absl::FromUnixSeconds(1795219200);
    {
      const auto journal = *journal::OpenFileJournal(options);
      for (uint64_t i = 0; i < entries; ++i) {
        ASSERT_TRUE(journal->Append({signed_log_.entry(i)}, now).ok());
      }
    }
    ASSERT_TRUE(journal::DeclareLoss(options, signed_log_.At(20), now).ok());
    journal_ = *journal::OpenFileJournal(options);
    LedgerLogOptions log_options;
    log_options.folder = folder_.Path("journal/tree");
    log_options.key = key_;
    log_options.journal = journal_.get();
    log_options.high_water = Mark();
    log_options.without_high_water = true;
    log_ = *LedgerLog::Open(std::move(log_options));
    own_ = std::make_unique<OwnCheckpoints>(log_.get(), key_->PublicDer(),
                                            folder_.Path("own.cosigned"));
  }
  std::string Mark() const { return folder_.Path("ledger.high-water"); }

  const vouch::tests::TemporaryFolder folder_;
  const std::shared_ptr<const crypto::SigningKey> key_ = std::make_shared<const crypto::SigningKey>(
      crypto::SigningKey::Generate(crypto::KeyKind::kEd25519));
  SignedLog signed_log_{"tax.example/ledger/2027", key_};
  SignedLog other_{"tax.example/ledger/2027", key_};
  std::unique_ptr<journal::Journal> journal_;
  std::unique_ptr<LedgerLog> log_;
  std::unique_ptr<OwnCheckpoints> own_;
};

TEST_F(OwnCheckpointsLossTest, WhatADeclaredLossCoversIsAcceptedAndNothingBeyond) {
  ASSERT_NO_FATAL_FAILURE(DeclareAfter(8));
  for (const uint64_t size : {5, 8, 9, 15, 20}) {
    EXPECT_TRUE(own_->HoldAgainst(signed_log_.NoteOf(size), "aid.example").ok()) << size;
  }
  EXPECT_TRUE(absl::IsDataLoss(own_->HoldAgainst(signed_log_.NoteOf(21), "aid.example")));
  EXPECT_TRUE(absl::IsDataLoss(own_->HoldAgainst(other_.NoteOf(20), "aid.example")));
  // What is there is held against itself, whatever was declared.
  EXPECT_TRUE(absl::IsDataLoss(own_->HoldAgainst(other_.NoteOf(5), "aid.example")));
}

// Else a start that was refused because of what a partner holds would leave the mark with which the
// next one is not, should the partner be out of reach by then.
TEST_F(OwnCheckpointsLossTest, WhatIsOnlyHeldAgainstTheLogMarksNothing) {
  ASSERT_NO_FATAL_FAILURE(DeclareAfter(8));
  EXPECT_TRUE(own_->HoldAgainst(signed_log_.NoteOf(5), "aid.example").ok());
  EXPECT_TRUE(absl::IsDataLoss(own_->HoldAgainst(signed_log_.NoteOf(21), "aid.example")));
  own_.reset();
  log_.reset();
  EXPECT_FALSE(std::filesystem::exists(Mark()));
}

TEST_F(OwnCheckpointsLossTest, ThatOfAllThereWasCoversNothingBeyondEither) {
  ASSERT_NO_FATAL_FAILURE(DeclareAfter(0));
  for (const uint64_t size : {0, 5, 20}) {
    EXPECT_TRUE(own_->HoldAgainst(signed_log_.NoteOf(size), "aid.example").ok()) << size;
  }
  EXPECT_TRUE(absl::IsDataLoss(own_->HoldAgainst(signed_log_.NoteOf(21), "aid.example")));
  EXPECT_TRUE(absl::IsDataLoss(own_->HoldAgainst(other_.NoteOf(20), "aid.example")));
}

}  // namespace
}  // namespace vouch::server
