#include "server/records/records.h"

#include <gtest/gtest.h>

#include <atomic>
#include <filesystem>
#include <thread>

#include "absl/strings/str_cat.h"
#include "tests/server/records/loaded_folder.h"

namespace vouch::server::records {
namespace {

const Person kAda{"1", "900-12-3001", "1990-02-03", "Ada", "Lovelace", "100.00", ""};
const Person kBob{"2", "900-12-3002", "1985-07-09", "Bob", "Stone", "200.00", ""};

int64_t Income(const LoadedFolder& loaded, const Snapshot& snapshot, const Person& person) {
  return IncomeOf(loaded.Resolve(static_cast<const FileSnapshot&>(snapshot), person));
}

TEST(RecordsTest, NothingLoadedIsNotFound) {
  const LoadedFolder loaded;
  EXPECT_EQ(OpenFileRecords({loaded.folder(), loaded.keys()}).status().code(),
            absl::StatusCode::kNotFound);
}

TEST(RecordsTest, RefreshSwapsWholeAndAHeldSnapshotStays) {
  const LoadedFolder loaded;
  ASSERT_TRUE(loaded.Load({kAda, kBob}).ok());
  const auto records = loaded.Open();
  const auto held = records->Current();
  Person richer = kAda;
  richer.income = "999.00";
  ASSERT_TRUE(loaded.Load({richer}).ok());
  EXPECT_EQ(records->Current(), held) << "nothing changes before Refresh";
  ASSERT_TRUE(records->Refresh().ok());
  EXPECT_EQ(Income(loaded, *records->Current(), kAda), 99900);
  EXPECT_EQ(Income(loaded, *held, kAda), 10000);
  EXPECT_EQ(held->people(), 2u);
}

TEST(RecordsTest, RefreshWithoutAChangeKeepsTheSnapshot) {
  const LoadedFolder loaded;
  ASSERT_TRUE(loaded.Load({kAda}).ok());
  const auto records = loaded.Open();
  ASSERT_TRUE(records->Refresh().ok());
  const auto first = records->Current();
  ASSERT_TRUE(records->Refresh().ok());
  EXPECT_EQ(records->Current(), first);
}

TEST(RecordsTest, RefreshSeesHoldsAndUpserts) {
  const LoadedFolder loaded;
  ASSERT_TRUE(loaded.Load({kAda}).ok());
  const auto records = loaded.Open();
  ASSERT_TRUE(HoldPerson(loaded.change_folders(), "1", HoldReason::kOther, absl::Now()).ok());
  ASSERT_TRUE(records->Refresh().ok());
  const auto& held = static_cast<const FileSnapshot&>(*records->Current());
  EXPECT_TRUE(loaded.Resolve(held, kAda).held_back());
  for (int i = 1; i <= 3; ++i) {
    Person bob = kBob;
    bob.income = absl::StrCat(i, ".00");
    ASSERT_TRUE(loaded.Upsert({bob}).ok());
    ASSERT_TRUE(records->Refresh().ok());
    EXPECT_EQ(Income(loaded, *records->Current(), kBob), i * 100);
  }
}

TEST(RecordsTest, ADamagedNewGenerationLeavesTheLastGoodOne) {
  const LoadedFolder loaded;
  ASSERT_TRUE(loaded.Load({kAda}).ok());
  const auto records = loaded.Open();
  ASSERT_TRUE(loaded.Load({kAda, kBob}).ok());
  const std::string manifest = ReadWhole(ManifestPath(loaded.folder()));
  WriteWhole(ManifestPath(loaded.folder()), manifest.substr(0, manifest.size() / 2));
  EXPECT_EQ(records->Refresh().code(), absl::StatusCode::kDataLoss);
  EXPECT_EQ(Income(loaded, *records->Current(), kAda), 10000);
  WriteWhole(ManifestPath(loaded.folder()), manifest);
  ASSERT_TRUE(records->Refresh().ok());
  EXPECT_EQ(records->Current()->people(), 2u);
}

TEST(RecordsTest, EveryCutOfEveryFileIsRefusedAtOpen) {
  const LoadedFolder loaded;
  ASSERT_TRUE(loaded.Load({kAda, kBob}).ok());
  for (const auto& entry : std::filesystem::directory_iterator(loaded.folder())) {
    const std::string name = entry.path().filename().string();
    if (name == "lock" || name.rfind("identities.", 0) == 0) continue;
    const std::string whole = ReadWhole(entry.path().string());
    for (size_t size = 0; size < whole.size(); size += 7) {
      WriteWhole(entry.path().string(), whole.substr(0, size));
      EXPECT_EQ(OpenFileRecords({loaded.folder(), loaded.keys()}).status().code(),
                absl::StatusCode::kDataLoss)
          << name << " " << size;
    }
    WriteWhole(entry.path().string(), whole);
  }
  EXPECT_NE(loaded.Open(), nullptr);
}

TEST(RecordsTest, RefusesAnotherIndexKey) {
  const LoadedFolder loaded;
  ASSERT_TRUE(loaded.Load({kAda}).ok());
  std::filesystem::remove(loaded.keys() + "/index.key");
  ASSERT_TRUE(CreateRecordKeys(loaded.keys()).ok());
  EXPECT_EQ(OpenFileRecords({loaded.folder(), loaded.keys()}).status().code(),
            absl::StatusCode::kFailedPrecondition);
}

TEST(RecordsTest, ReadersNeverSeeHalfASwap) {
  const LoadedFolder loaded;
  ASSERT_TRUE(loaded.Load({kAda, kBob}).ok());
  const auto records = loaded.Open();
  const std::vector<crypto::Token> ada = loaded.TokensOf(kAda), bob = loaded.TokensOf(kBob);
  std::atomic<bool> stop{false};
  std::atomic<int> wrong{0}, read{0};
  std::vector<std::thread> readers;
  for (int i = 0; i < 3; ++i) {
    readers.emplace_back([&] {
      while (!stop) {
        const auto snapshot = records->Current();
        const auto& file = static_cast<const FileSnapshot&>(*snapshot);
        const Resolved a = file.ResolveTokens(LoadedFolder::kAgreement, 1, 0, ada);
        const Resolved b = file.ResolveTokens(LoadedFolder::kAgreement, 1, 0, bob);
        // Every generation gives Bob a hundred dollars more than Ada.
        if (a.match() != Match::kOne || b.match() != Match::kOne ||
            IncomeOf(b) - IncomeOf(a) != 10000) {
          ++wrong;
        }
        ++read;
      }
    });
  }
  for (int generation = 0; generation < 15; ++generation) {
    Person a = kAda, b = kBob;
    a.income = absl::StrCat(generation, ".00");
    b.income = absl::StrCat(generation + 100, ".00");
    ASSERT_TRUE(loaded.Load({a, b}).ok());
    ASSERT_TRUE(records->Refresh().ok());
  }
  stop = true;
  for (std::thread& reader : readers) reader.join();
  EXPECT_EQ(wrong, 0);
  EXPECT_GT(read, 0);
}

}  // namespace
}  // namespace vouch::server::records
