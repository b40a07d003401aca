#include "server/ledger/tree/high_water.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <atomic>
#include <filesystem>
#include <fstream>
#include <iterator>

#include "absl/time/clock.h"
#include "tests/server/ledger/tree/growing_log.h"

namespace vouch::server::ledger::tree {
namespace {

using ::testing::HasSubstr;

crypto::NoteSigner SignerOf(const std::string& origin) {
  return *crypto::NoteSigner::Make(origin,
                                   std::make_shared<const crypto::SigningKey>(
                                       crypto::SigningKey::Generate(crypto::KeyKind::kEd25519)));
}

class HighWaterTest : public testing::Test {
 protected:
  HighWaterTest() {
    for (uint64_t i = 0; i < 100; ++i) {
      leaves_.push_back(crypto::LeafHash(crypto::AsBytes(GrowingLog::EntryOf(i))));
    }
  }
  std::string Path() const { return folder_.path() + "/ledger.high-water"; }
  absl::StatusOr<std::unique_ptr<HighWater>> Try(const crypto::NoteSigner& signer) {
    HighWaterOptions options;
    options.path = Path();
    options.at_most_every = absl::Milliseconds(1);
    options.problem = [this](const absl::Status& status) { ++(status.ok() ? passed_ : problems_); };
    return HighWater::Open(std::move(options), {signer.verifier()});
  }
  std::unique_ptr<HighWater> Open() {
    auto opened = Try(signer_);
    EXPECT_TRUE(opened.ok()) << opened.status();
    return *std::move(opened);
  }
  crypto::Checkpoint At(uint64_t size) const {
    crypto::CompactRange range;
    for (uint64_t i = 0; i < size; ++i) range.Append(leaves_[i]);
    return {kOrigin, size, range.Root()};
  }
  void Raise(HighWater* mark, uint64_t size) const {
    const crypto::NoteSigner* const signers[] = {&signer_};
    mark->Raise(At(size),
                std::make_shared<const std::string>(*crypto::SignCheckpoint(At(size), signers)));
  }
  HighWater::RootAt Roots() const {
    return [this](uint64_t size) -> absl::StatusOr<crypto::Digest> { return At(size).root; };
  }
  std::string Read() const {
    std::ifstream in(Path(), std::ios::binary);
    return std::string(std::istreambuf_iterator<char>(in), {});
  }

  ScratchFolder folder_;
  std::vector<crypto::Digest> leaves_;
  const crypto::NoteSigner signer_ = SignerOf(kOrigin);
  std::atomic<int> problems_{0};
  std::atomic<int> passed_{0};
};

TEST_F(HighWaterTest, ANewLogHasNone) {
  const auto mark = Open();
  EXPECT_FALSE(mark->mark().has_value());
  EXPECT_TRUE(mark->Check(0, Roots()).ok());
  EXPECT_TRUE(mark->Check(50, Roots()).ok());
  EXPECT_FALSE(std::filesystem::exists(Path()));
}

TEST_F(HighWaterTest, RemembersTheLargestAsASignedNote) {
  {
    const auto mark = Open();
    for (uint64_t size : {3u, 40u, 7u}) Raise(mark.get(), size);
    EXPECT_TRUE(mark->Flush().ok());
    EXPECT_EQ(mark->mark()->size, 40u);
    Raise(mark.get(), 60);
  }
  // Written when it was put down.
  EXPECT_EQ(*Open()->mark(), At(60));
  const crypto::NoteVerifier known[] = {signer_.verifier()};
  EXPECT_EQ(crypto::OpenCheckpoint(Read(), known)->checkpoint, At(60));
}

TEST_F(HighWaterTest, IsWrittenWithoutBeingAskedFor) {
  const auto mark = Open();
  Raise(mark.get(), 5);
  for (int i = 0; i < 1000 && !std::filesystem::exists(Path()); ++i) {
    absl::SleepFor(absl::Milliseconds(5));
  }
  EXPECT_TRUE(std::filesystem::exists(Path()));
}

TEST_F(HighWaterTest, ALogThatGoesOnPasses) {
  {
    const auto mark = Open();
    Raise(mark.get(), 40);
  }
  for (uint64_t size : {40u, 41u, 100u}) EXPECT_TRUE(Open()->Check(size, Roots()).ok());
}

TEST_F(HighWaterTest, ALogThatWasPutBackIsRefusedInPlainWords) {
  {
    const auto mark = Open();
    Raise(mark.get(), 40);
  }
  const absl::Status refused = Open()->Check(39, Roots());
  EXPECT_TRUE(absl::IsDataLoss(refused));
  EXPECT_THAT(refused.message(), HasSubstr("has 39 entries"));
  EXPECT_THAT(refused.message(), HasSubstr("signed a checkpoint of 40 entries"));
  EXPECT_THAT(refused.message(), HasSubstr("put back to an earlier state"));
  EXPECT_THAT(refused.message(), HasSubstr("Bring back the journal"));
}

TEST_F(HighWaterTest, ALogThatWasRewrittenIsRefused) {
  {
    const auto mark = Open();
    Raise(mark.get(), 40);
  }
  leaves_[12][0] ^= 1;
  const absl::Status refused = Open()->Check(90, Roots());
  EXPECT_TRUE(absl::IsDataLoss(refused));
  EXPECT_THAT(refused.message(), HasSubstr("are not those this node signed"));
}

TEST_F(HighWaterTest, AMarkThatCannotBeReadIsNeverTakenForNone) {
  {
    const auto mark = Open();
    Raise(mark.get(), 40);
  }
  const std::string note = Read();
  for (const std::string& text : {std::string(), std::string("x"), note.substr(0, note.size() - 5),
                                  note + "x", std::string(300000, 'x')}) {
    std::ofstream(Path(), std::ios::trunc) << text;
    const auto opened = Try(signer_);
    EXPECT_TRUE(absl::IsDataLoss(opened.status())) << opened.status();
  }
  std::string lowered = note;
  lowered.replace(lowered.find("\n40\n"), 4, "\n4\n");
  std::ofstream(Path(), std::ios::trunc) << lowered;
  EXPECT_TRUE(absl::IsDataLoss(Try(signer_).status()));
  std::filesystem::remove(Path());
  std::filesystem::create_directory(Path());
  EXPECT_TRUE(absl::IsDataLoss(Try(signer_).status()));
}

TEST_F(HighWaterTest, IsOfOneLogAndItsKey) {
  {
    const auto mark = Open();
    Raise(mark.get(), 40);
  }
  const absl::Status other_key = Try(SignerOf(kOrigin)).status();
  EXPECT_TRUE(absl::IsDataLoss(other_key)) << other_key;
  const absl::Status other_log = Try(SignerOf("irs.treasury.example/ledger/2028")).status();
  EXPECT_TRUE(absl::IsDataLoss(other_log));
  EXPECT_THAT(other_log.message(), HasSubstr("is of the log irs.treasury.example/ledger/2027"));
}

TEST_F(HighWaterTest, WhatCannotBeWrittenIsTriedAgainAndSaid) {
  const auto mark = Open();
  std::filesystem::create_directory(Path());
  Raise(mark.get(), 40);
  for (int i = 0; i < 1000 && problems_ < 3; ++i) absl::SleepFor(absl::Milliseconds(5));
  EXPECT_GE(problems_, 3);
  EXPECT_FALSE(mark->mark().has_value());
  std::filesystem::remove(Path());
  for (int i = 0; i < 1000 && passed_ == 0; ++i) absl::SleepFor(absl::Milliseconds(5));
  EXPECT_EQ(mark->mark()->size, 40u);
}

}  // namespace
}  // namespace vouch::server::ledger::tree
