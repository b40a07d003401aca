#include "client/requester/seen_checkpoints.h"

#include <gtest/gtest.h>
#include <stdlib.h>
#include <sys/stat.h>

#include <filesystem>
#include <fstream>
#include <memory>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "crypto/checkpoint.h"
#include "crypto/keys.h"

namespace vouch::requester {
namespace {

constexpr char kOrigin[] = "irs.treasury.example/ledger/2027";

class SeenCheckpointsTest : public ::testing::Test {
 protected:
  ~SeenCheckpointsTest() override { std::filesystem::remove_all(folder_); }

  std::string NoteOf(uint64_t size) const {
    const crypto::NoteSigner* const signers[] = {&signer_};
    return *crypto::SignCheckpoint({kOrigin, size, {{static_cast<uint8_t>(size)}}}, signers);
  }
  std::vector<std::string> Taken(bool done) const {
    std::vector<std::string> notes;
    seen_.Take([&](const std::string& note) {
      notes.push_back(note);
      return done;
    });
    return notes;
  }

  static std::string MakeFolder() {
    std::string path = "/tmp/vouch-seen-XXXXXX";
    if (mkdtemp(&path[0]) == nullptr) std::abort();
    return path;
  }

  const std::string folder_ = MakeFolder();
  const crypto::NoteSigner signer_ = *crypto::NoteSigner::Make(
      kOrigin, std::make_shared<const crypto::SigningKey>(
                   crypto::SigningKey::Generate(crypto::KeyKind::kEd25519)));
  const SeenCheckpoints seen_{folder_ + "/witness/seen"};
};

TEST_F(SeenCheckpointsTest, AreHandedOverOnceSmallestLogFirst) {
  for (const uint64_t size : {300u, 7u, 40u, 7u}) ASSERT_TRUE(seen_.Add(NoteOf(size)).ok());
  const std::vector<std::string> expected = {NoteOf(7), NoteOf(40), NoteOf(300)};
  EXPECT_EQ(Taken(false), expected) << "what was not looked at stays";
  EXPECT_EQ(Taken(true), expected);
  EXPECT_TRUE(Taken(true).empty());
}

TEST_F(SeenCheckpointsTest, LieWhereNobodyElseReads) {
  ASSERT_TRUE(seen_.Add(NoteOf(7)).ok());
  for (const char* name : {"/witness", "/witness/seen"}) {
    struct stat facts {};
    ASSERT_EQ(stat((folder_ + name).c_str(), &facts), 0);
    EXPECT_EQ(facts.st_mode & 0777, 0700u) << name;
  }
}

TEST_F(SeenCheckpointsTest, AFolderThatNobodyEmptiesDoesNotFillTheDisk) {
  ASSERT_TRUE(seen_.Add(NoteOf(7)).ok());
  for (size_t i = 1; i < SeenCheckpoints::kMost; ++i) {
    std::ofstream(absl::StrCat(folder_, "/witness/seen/", i, ".note"));
  }
  EXPECT_TRUE(absl::IsUnavailable(seen_.Add(NoteOf(8))));
  EXPECT_TRUE(seen_.Add(NoteOf(7)).ok()) << "it waits already";
}

TEST_F(SeenCheckpointsTest, AnAgencyOfWhichNothingIsTakenLeavesRoomForOthers) {
  ASSERT_TRUE(seen_.Add(NoteOf(7)).ok());
  const std::filesystem::directory_iterator first(folder_ + "/witness/seen");
  const std::string path = first->path().string();
  const std::string prefix = path.substr(0, path.rfind('-') + 1);
  for (size_t i = 1; i < SeenCheckpoints::kMostOfOne; ++i) {
    std::ofstream(absl::StrCat(prefix, i, ".note"));
  }
  EXPECT_TRUE(absl::IsUnavailable(seen_.Add(NoteOf(8))));
  EXPECT_TRUE(seen_.Add(NoteOf(7)).ok()) << "it waits already";
  const std::string other = "ssa.example/ledger/2027";
  const auto signer = *crypto::NoteSigner::Make(
      other, std::make_shared<const crypto::SigningKey>(
                 crypto::SigningKey::Generate(crypto::KeyKind::kEd25519)));
  const crypto::NoteSigner* const signers[] = {&signer};
  EXPECT_TRUE(seen_.Add(*crypto::SignCheckpoint({other, 9, {{9}}}, signers)).ok());
}

TEST_F(SeenCheckpointsTest, WithoutAFolderThereIsNothingToTake) {
  EXPECT_TRUE(Taken(true).empty());
}

}  // namespace
}  // namespace vouch::requester
