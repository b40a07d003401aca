#include "server/ledger/oversight/pruning.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>

#include "absl/strings/str_cat.h"
#include "crypto/receipt.h"
#include "server/ledger/oversight/disclosures.h"
#include "server/ledger/tree/segment_file.h"
#include "tests/server/ledger/tree/growing_log.h"

namespace vouch::server::ledger::oversight {
namespace {

namespace fs = std::filesystem;

using ::testing::HasSubstr;

constexpr uint32_t kJune2027 = 2027 * 12 + 5;
constexpr uint32_t kJuly2027 = kJune2027 + 1;

// Three closed segments: June's alone, June's and July's, July's; each begins with an entry of the
// node's own. The last has 300 entries.
class PruningTest : public ::testing::Test {
 protected:
  PruningTest() {
    fs::create_directories(tree_);
    for (const uint32_t month : {kJune2027, kJuly2027}) {
      EXPECT_TRUE(keys_.Tag("aid-tax-001", month, 0).ok());
    }
    for (uint64_t number = 0; number < 3; ++number) {
      const uint32_t entries = number == 2 ? 300 : tree::kSegmentEntries;
      tree::SegmentWriter writer(tree::kOrigin, number, entries);
      EXPECT_TRUE(writer.Add(crypto::ClockAcknowledgedEntry(30000000, 400)).ok());
      while (writer.leaves().size() < entries) {
        const bool july = number == 2 || (number == 1 && writer.leaves().size() > 40000);
        EXPECT_TRUE(writer.Add(About(july ? kJuly2027 : kJune2027)).ok());
      }
      EXPECT_TRUE(writer.Write(tree::SegmentPath(tree_, number)).ok());
    }
  }

  static std::string About(uint32_t month) {
    crypto::SubjectEntry entry;
    entry.minute = 30000000;
    entry.requester = "fsa.ed.example";
    entry.agreement_id = "aid-tax-001";
    entry.purpose = "aid";
    entry.question = "income-at-or-below";
    entry.tag_period = month;
    return entry.Bytes();
  }
  void Erase(uint32_t month) {
    ASSERT_TRUE(keys_.DestroyTag("aid-tax-001", month, 0, absl::FromUnixSeconds(1985000000)).ok());
  }
  absl::StatusOr<Pruned> Prune(bool write = true) {
    PruneRules rules;
    rules.folder = tree_;
    rules.origin = tree::kOrigin;
    rules.write = write;
    return PruneLog(keys_, rules);
  }
  bool IsPruned(uint64_t number) const {
    const auto file =
        tree::SegmentFile::Open(tree::SegmentPath(tree_, number), tree::kOrigin, number);
    EXPECT_TRUE(file.ok()) << file.status();
    return file->pruned();
  }

  const tree::ScratchFolder folder_;
  const std::string tree_ = folder_.path() + "/tree";
  PeriodKeys keys_{folder_.path() + "/periods"};
};

TEST_F(PruningTest, KeepsWhatWasNotErased) {
  const auto pruned = Prune();
  ASSERT_TRUE(pruned.ok()) << pruned.status();
  EXPECT_EQ(pruned->minimum, 0u);
  EXPECT_EQ(pruned->segments, 0u);
  EXPECT_THAT(pruned->stopped_by, HasSubstr("entry 1 is of aid-tax-001, 2027-06"));
  EXPECT_FALSE(IsPruned(0));
}

TEST_F(PruningTest, GoesAsFarAsWholeSegmentsWereErased) {
  Erase(kJune2027);
  const auto could = Prune(/*write=*/false);
  ASSERT_TRUE(could.ok()) << could.status();
  EXPECT_EQ(could->minimum, 65536u);
  EXPECT_FALSE(IsPruned(0));
  const auto pruned = Prune();
  ASSERT_TRUE(pruned.ok()) << pruned.status();
  EXPECT_EQ(pruned->minimum, 65536u);
  EXPECT_EQ(pruned->segments, 1u);
  EXPECT_EQ(pruned->dropped, 65535u);
  EXPECT_THAT(pruned->stopped_by, HasSubstr("2027-07, which was not erased"));
  EXPECT_TRUE(IsPruned(0));
  EXPECT_FALSE(IsPruned(1));
  const auto segment = tree::SegmentFile::Open(tree::SegmentPath(tree_, 0), tree::kOrigin, 0);
  EXPECT_TRUE(segment->KeptEntry(0).ok()) << "the node's own entry";
  EXPECT_TRUE(absl::IsNotFound(segment->KeptEntry(1).status()));
}

TEST_F(PruningTest, GoesOnWhereItStopped) {
  Erase(kJune2027);
  ASSERT_TRUE(Prune().ok());
  Erase(kJuly2027);
  const auto pruned = Prune();
  ASSERT_TRUE(pruned.ok()) << pruned.status();
  EXPECT_EQ(pruned->segments, 2u);
  EXPECT_EQ(pruned->minimum, 2u * 65536 + 300);
  EXPECT_EQ(pruned->stopped_by, "");
  const auto again = Prune();
  EXPECT_EQ(again->segments, 0u);
  EXPECT_EQ(again->minimum, 2u * 65536 + 300);
}

// A folder of keys that is missing, or was put back without some, is no erasure.
TEST_F(PruningTest, AKeyThatIsMerelyMissingKeepsItsEntries) {
  fs::remove_all(folder_.path() + "/periods/tags");
  auto pruned = Prune();
  ASSERT_TRUE(pruned.ok()) << pruned.status();
  EXPECT_EQ(pruned->segments, 0u);
  // Noted, and there all the same.
  std::ofstream(folder_.path() + "/periods/erased")
      << "2032-11-22T00:00:00+00:00 aid-tax-001 2027-0\n"
      << "2032-11-22T00:00:00+00:00 aid-tax-001 2027-06.0.key\n";
  PeriodKeys fresh(folder_.path() + "/periods");
  ASSERT_TRUE(fresh.Tag("aid-tax-001", kJune2027, 0).ok());
  pruned = Prune();
  ASSERT_TRUE(pruned.ok()) << pruned.status();
  EXPECT_EQ(pruned->segments, 0u);
}

TEST_F(PruningTest, LeavesADamagedSegmentAndWhatIsBehindIt) {
  Erase(kJune2027);
  Erase(kJuly2027);
  const std::string path = tree::SegmentPath(tree_, 1);
  std::fstream file(path, std::ios::in | std::ios::out | std::ios::binary);
  file.seekp(static_cast<std::streamoff>(fs::file_size(path) - 20));
  file << "x";
  file.close();
  EXPECT_TRUE(absl::IsDataLoss(Prune().status()));
  EXPECT_TRUE(IsPruned(0));
  EXPECT_FALSE(IsPruned(1));
  EXPECT_FALSE(IsPruned(2));
}

}  // namespace
}  // namespace vouch::server::ledger::oversight
