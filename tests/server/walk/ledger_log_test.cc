#include "server/ledger_log.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <map>

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "crypto/checkpoint.h"
#include "crypto/digest.h"
#include "crypto/log_entry.h"
#include "tests/server/walk/marked_log.h"

namespace vouch::server {
namespace {

namespace fs = std::filesystem;

using ::testing::HasSubstr;

TEST_F(LedgerLogMarkTest, TwoKeysSignEachCheckpointAndEitherIsEnough) {
  also_key_ = std::make_shared<const crypto::SigningKey>(
      crypto::SigningKey::Generate(crypto::KeyKind::kP256));
  ASSERT_TRUE(Start().ok());
  Append(3);
  const std::string note = *log_->Checkpoint()->note;
  for (const auto& [key, type] : {std::pair(key_, crypto::NoteKeyType::kEd25519),
                                  std::pair(std::shared_ptr<const crypto::SigningKey>(also_key_),
                                            crypto::NoteKeyType::kEcdsaP256)}) {
    const std::string public_der = key->PublicDer();
    const auto verifier =
        crypto::NoteVerifier::From(log_->origin(), type, crypto::AsBytes(public_der));
    const auto opened = crypto::OpenCheckpoint(note, {*verifier});
    ASSERT_TRUE(opened.ok()) << opened.status();
    EXPECT_EQ(opened->checkpoint.size, 3u);
  }
  EXPECT_EQ(crypto::ReadNote(note)->signatures.size(), 2u);
  // With or without the second, it is the same log and the same mark.
  Stop();
  also_key_.reset();
  EXPECT_TRUE(Start().ok());
  Stop();
  also_key_ = std::make_shared<const crypto::SigningKey>(
      crypto::SigningKey::Generate(crypto::KeyKind::kEd25519));
  EXPECT_TRUE(absl::IsInvalidArgument(Start()));
}

TEST_F(LedgerLogMarkTest, WhatWasSignedIsMarkedWhenTheNodeStops) {
  ASSERT_TRUE(Start().ok());
  Append(5);
  ASSERT_TRUE(log_->Checkpoint().ok());
  Append(2);
  ASSERT_TRUE(log_->Prove(6, 1).ok());
  // Never signed, so nobody was shown it.
  Append(1);
  Stop();
  EXPECT_EQ(Marked(), 7u);
  ASSERT_TRUE(Start().ok());
  EXPECT_EQ(log_->Checkpoint()->size, 8u);
}

TEST_F(LedgerLogMarkTest, ThatTheMarkCannotBeWrittenIsSaidUntilItIs) {
  ASSERT_TRUE(Start().ok());
  fs::create_directories(Mark() + "/in the way");
  Append(1);
  ASSERT_TRUE(log_->Checkpoint().ok());
  EXPECT_TRUE(Comes([&] { return !mark_stands_; }));
  const int before = rounds_;
  Append(1);
  EXPECT_TRUE(Comes([&] { return rounds_ > before; }));
  EXPECT_FALSE(mark_stands_);
  fs::remove_all(Mark());
  EXPECT_TRUE(Comes([&] { return mark_stands_.load(); }));
  EXPECT_EQ(Marked(), 1u);
}

TEST_F(LedgerLogMarkTest, AJournalThatWasPutBackStopsTheNode) {
  ASSERT_TRUE(Start().ok());
  Append(5);
  Stop();
  const std::string older = Copy("older");
  ASSERT_TRUE(Start().ok());
  Append(3);
  ASSERT_TRUE(log_->Checkpoint().ok());
  Stop();
  const std::string latest = Copy("latest");
  PutBack(older);
  const absl::Status refused = Start();
  EXPECT_TRUE(absl::IsDataLoss(refused)) << refused;
  EXPECT_THAT(refused.message(), HasSubstr("put back to an earlier state"));
  Stop();
  EXPECT_EQ(Marked(), 8u);
  PutBack(latest);
  EXPECT_TRUE(Start().ok());
}

TEST_F(LedgerLogMarkTest, AMarkThatIsGoneStopsTheNode) {
  ASSERT_TRUE(Start().ok());
  EXPECT_FALSE(fs::exists(Marker())) << "nothing was signed yet";
  Append(5);
  ASSERT_TRUE(log_->Checkpoint().ok());
  Stop();
  // Where the mark was moved to.
  fs::rename(Mark(), folder_.Path("away"));
  // Tiles and tables may be left out of what is put back.
  fs::remove_all(folder_.Path("journal/tree"));
  for (int again = 0; again < 2; ++again) {
    const absl::Status refused = Start();
    EXPECT_TRUE(absl::IsFailedPrecondition(refused)) << refused;
    EXPECT_THAT(refused.message(), HasSubstr("is gone"));
    EXPECT_THAT(refused.message(), HasSubstr("--without-high-water"));
    Stop();
    EXPECT_FALSE(fs::exists(Mark())) << "nothing is marked anew by that";
  }
  fs::rename(folder_.Path("away"), Mark());
  EXPECT_TRUE(Start().ok());
}

TEST_F(LedgerLogMarkTest, WhoeverSaysSoStartsOnceWithoutTheMarkThatIsGone) {
  ASSERT_TRUE(Start().ok());
  Append(5);
  ASSERT_TRUE(log_->Checkpoint().ok());
  Stop();
  fs::remove(Mark());
  without_high_water_ = true;
  ASSERT_TRUE(Start().ok());
  ASSERT_TRUE(log_->MarkNow().ok());
  EXPECT_EQ(Marked(), 5u);
  Stop();
  // It is no way past a mark that is there.
  without_high_water_ = false;
  EXPECT_TRUE(Start().ok());
  Stop();
  without_high_water_ = true;
  const std::string older = Copy("older");
  ASSERT_TRUE(Start().ok());
  Append(1);
  ASSERT_TRUE(log_->Checkpoint().ok());
  Stop();
  PutBack(older);
  EXPECT_TRUE(absl::IsDataLoss(Start()));
}

TEST_F(LedgerLogMarkTest, AFolderOfAnOlderProgramGoesOn) {
  ASSERT_TRUE(Start().ok());
  Append(5);
  ASSERT_TRUE(log_->Checkpoint().ok());
  Stop();
  const std::string mark = folder_.Path("mark");
  fs::copy(Mark(), mark);
  // It wrote a mark, and not that there was one.
  fs::remove(Marker());
  ASSERT_TRUE(Start().ok());
  Stop();
  EXPECT_TRUE(fs::exists(Marker())) << "from the first start on";
  EXPECT_EQ(Marked(), 5u);
  // Nothing was ever marked.
  fs::remove(Marker());
  fs::remove(Mark());
  EXPECT_TRUE(Start().ok());
}

// A node whose later journal is gone, and whose operator said so.
class LedgerLogLossTest : public LedgerLogMarkTest {
 protected:
  // 20 entries of which a copy has 8; what was signed, and the copy in place with a loss declared
  // up to `lost` entries.
  void LoseUpTo(uint64_t lost) {
    ASSERT_TRUE(Start().ok());
    Append(8);
    Stop();
    const std::string older = Copy("older");
    ASSERT_TRUE(Start().ok());
    Append(12);
    for (uint64_t size = 1; size <= 20; ++size) roots_[size] = *log_->RootAt("", size);
    ASSERT_TRUE(log_->Checkpoint().ok());
    Stop();
    PutBack(older);
    const absl::Status refused = Start();
    EXPECT_TRUE(absl::IsDataLoss(refused)) << refused;
    EXPECT_THAT(refused.message(), HasSubstr("vouch ledger declare-loss"));
    Stop();
    Declare({kLog, lost, roots_[lost]});
  }
  void Declare(const crypto::Checkpoint& lost) {
    journal::JournalOptions options;
    options.folder = folder_.Path("journal");
    options.origin = kLog;
    ASSERT_TRUE(journal::DeclareLoss(options, lost, kNow).ok());
  }
  static constexpr char kLog[] = "tax.example/ledger/2027";
  std::map<uint64_t, crypto::Digest> roots_;
};

TEST_F(LedgerLogLossTest, ALossThatReachesWhatWasSignedLetsTheNodeStart) {
  LoseUpTo(20);
  for (int i = 0; i < 2; ++i) {
    const absl::Status started = Start();
    ASSERT_TRUE(started.ok()) << started;
    EXPECT_EQ(log_->origin(), "tax.example/ledger/2027.2");
    ASSERT_EQ(log_->losses().size(), 1u);
    Append(3);
    ASSERT_TRUE(log_->Checkpoint().ok());
    Stop();
  }
}

TEST_F(LedgerLogLossTest, OneThatReachesLessDoesNot) {
  LoseUpTo(19);
  const absl::Status refused = Start();
  EXPECT_TRUE(absl::IsDataLoss(refused)) << refused;
  Stop();
  // Declared again, with what was signed.
  Declare({kLog, 20, roots_[20]});
  EXPECT_TRUE(Start().ok());
  EXPECT_EQ(log_->origin(), "tax.example/ledger/2027.3");
}

TEST_F(LedgerLogLossTest, OneOfAnotherRootDoesNot) {
  LoseUpTo(20);
  Stop();
  fs::remove_all(folder_.Path("journal"));
  PutBack(folder_.Path("older"));
  Declare({kLog, 20, roots_[7]});
  EXPECT_TRUE(absl::IsDataLoss(Start()));
}

TEST_F(LedgerLogLossTest, WhatIsLostGoesUpToTheLossAndNoFurther) {
  LoseUpTo(20);
  ASSERT_TRUE(Start().ok());
  EXPECT_TRUE(log_->IsLost({kLog, 15, roots_[15]}));
  EXPECT_TRUE(log_->IsLost({kLog, 20, roots_[20]}));
  EXPECT_FALSE(log_->IsLost({kLog, 20, roots_[7]}));
  EXPECT_FALSE(log_->IsLost({kLog, 21, roots_[7]}));
}

TEST_F(LedgerLogLossTest, ShowsPartnersHowItGoesOnFromWhatTheyRemember) {
  LoseUpTo(20);
  ASSERT_TRUE(Start().ok());
  Append(4);
  const auto head = log_->Checkpoint();
  ASSERT_TRUE(head.ok());
  const auto shown = *crypto::ReadCheckpoint(crypto::ReadNote(*head->note)->text);
  const auto key_of = [&](const std::string& origin) -> absl::StatusOr<crypto::NoteVerifier> {
    return crypto::NoteVerifier::From(origin, crypto::NoteKeyType::kEd25519,
                                      crypto::AsBytes(key_->PublicDer()));
  };
  const auto yes = [](absl::string_view, const crypto::LossDeclared&) { return true; };
  for (const uint64_t size : {3, 8, 15, 20}) {
    const auto steps = log_->Succession(kLog, size, *head);
    ASSERT_TRUE(steps.ok()) << size << steps.status();
    const crypto::Checkpoint remembered = {kLog, size, roots_[size]};
    EXPECT_TRUE(crypto::VerifySuccession(remembered, *steps, shown, key_of, yes).ok()) << size;
    EXPECT_TRUE(absl::IsFailedPrecondition(
        crypto::VerifySuccession(remembered, *steps, shown, key_of).status()));
  }
}

TEST_F(LedgerLogLossTest, OverNothingTheNodeStartsAndShowsHowItGoesOn) {
  ASSERT_TRUE(Start().ok());
  Append(12);
  for (uint64_t size = 1; size <= 12; ++size) roots_[size] = *log_->RootAt("", size);
  ASSERT_TRUE(log_->Checkpoint().ok());
  Stop();
  fs::remove_all(folder_.Path("journal"));
  EXPECT_TRUE(absl::IsDataLoss(Start()));
  Stop();
  Declare({kLog, 12, roots_[12]});
  const absl::Status started = Start();
  ASSERT_TRUE(started.ok()) << started;
  Append(4);
  EXPECT_EQ(log_->origins(), std::vector<std::string>{"tax.example/ledger/2027.2"});
  const auto head = log_->Checkpoint();
  const auto shown = *crypto::ReadCheckpoint(crypto::ReadNote(*head->note)->text);
  const auto key_of = [&](const std::string& origin) -> absl::StatusOr<crypto::NoteVerifier> {
    return crypto::NoteVerifier::From(origin, crypto::NoteKeyType::kEd25519,
                                      crypto::AsBytes(key_->PublicDer()));
  };
  const auto yes = [](absl::string_view, const crypto::LossDeclared&) { return true; };
  const auto steps = log_->Succession(kLog, 7, *head);
  ASSERT_TRUE(steps.ok()) << steps.status();
  ASSERT_EQ(steps->size(), 1u);
  EXPECT_TRUE(crypto::VerifySuccession({kLog, 7, roots_[7]}, *steps, shown, key_of, yes).ok());
  EXPECT_FALSE(crypto::VerifySuccession({kLog, 13, roots_[7]}, *steps, shown, key_of, yes).ok());
}

TEST_F(LedgerLogMarkTest, AnotherHistoryStopsTheNode) {
  ASSERT_TRUE(Start().ok());
  Append(5);
  ASSERT_TRUE(log_->Checkpoint().ok());
  Stop();
  fs::remove_all(folder_.Path("journal"));
  const std::string mark = folder_.Path("away");
  fs::rename(Mark(), mark);
  ASSERT_TRUE(Start().ok());
  const std::string other = "another entry";
  ASSERT_TRUE(journal_->Append({&other, 1}, kNow).ok());
  Append(9);
  Stop();
  fs::rename(mark, Mark());
  const absl::Status refused = Start();
  EXPECT_TRUE(absl::IsDataLoss(refused)) << refused;
  EXPECT_THAT(refused.message(), HasSubstr("are not those this node signed"));
}

TEST_F(LedgerLogMarkTest,
       ASegmentThatCouldNotBeWrittenIsTriedAgainWithTheNextEntriesAndByNoReader) {
  ASSERT_TRUE(Start().ok());
  const std::string segment = folder_.Path("journal/tree/entries-0000000000.segment");
  fs::create_directories(segment + "/in the way");
  std::vector<std::string> entries;
  entries.reserve(65540);
  for (int i = 0; i < 65540; ++i) entries.push_back(absl::StrCat("entry ", i));
  ASSERT_TRUE(journal_->Append(entries, kNow).ok());
  ASSERT_TRUE(Comes([&] { return could_not_write_ == 1; }));
  fs::remove_all(segment);
  EXPECT_TRUE(log_->RootAt("", 65538).ok());
  EXPECT_TRUE(log_->File("tile/0/000", /*entries=*/false).ok());
  absl::SleepFor(absl::Milliseconds(400));
  EXPECT_FALSE(fs::exists(segment));
  Append(1);
  EXPECT_TRUE(log_->RootAt("", 65541).ok()) << "taken in by a reader";
  EXPECT_TRUE(Comes([&] { return fs::exists(segment); }));
}

}  // namespace
}  // namespace vouch::server
