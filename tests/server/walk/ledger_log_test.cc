#include "server/ledger_log.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <iterator>

#include "absl/strings/str_cat.h"
#include "crypto/checkpoint.h"
#include "tests/harness/process.h"

namespace vouch::server {
namespace {

namespace fs = std::filesystem;

using ::testing::HasSubstr;

const absl::Time kNow = absl::FromUnixSeconds(1795219200);

// A node's journal and log over it, begun and ended as a node does.
class LedgerLogMarkTest : public testing::Test {
 protected:
  absl::Status Start() {
    journal::JournalOptions options;
    options.folder = folder_.Path("journal");
    options.origin = "tax.example/ledger/2027";
    auto journal = journal::OpenFileJournal(options);
    if (!journal.ok()) return journal.status();
    journal_ = *std::move(journal);
    LedgerLogOptions log;
    log.folder = folder_.Path("journal/tree");
    log.key = key_;
    log.journal = journal_.get();
    log.high_water = Mark();
    auto opened = LedgerLog::Open(std::move(log));
    if (opened.ok()) log_ = *std::move(opened);
    return opened.status();
  }
  void Stop() {
    log_.reset();
    journal_.reset();
  }
  void Append(int entries) {
    for (int i = 0; i < entries; ++i) {
      const std::string entry = absl::StrCat("entry ", journal_->head().tree_size);
      ASSERT_TRUE(journal_->Append({&entry, 1}, kNow).ok());
    }
  }
  std::string Mark() const { return folder_.Path("ledger.high-water"); }
  uint64_t Marked() const {
    std::ifstream in(Mark(), std::ios::binary);
    const std::string note(std::istreambuf_iterator<char>(in), {});
    const auto read = crypto::ReadNote(note);
    return read.ok() ? crypto::ReadCheckpoint(read->text)->size : 0;
  }
  void PutBack(const std::string& older) const {
    fs::remove_all(folder_.Path("journal"));
    fs::copy(older, folder_.Path("journal"), fs::copy_options::recursive);
  }
  std::string Copy(const std::string& name) const {
    fs::copy(folder_.Path("journal"), folder_.Path(name), fs::copy_options::recursive);
    return folder_.Path(name);
  }

  const vouch::tests::TemporaryFolder folder_;
  const std::shared_ptr<const crypto::SigningKey> key_ = std::make_shared<const crypto::SigningKey>(
      crypto::SigningKey::Generate(crypto::KeyKind::kEd25519));
  std::unique_ptr<journal::Journal> journal_;
  std::unique_ptr<LedgerLog> log_;
};

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

}  // namespace
}  // namespace vouch::server
