// A node's ledger whose oldest months were erased, pruned, and looked at from outside.
#include <filesystem>
#include <memory>

#include "absl/strings/str_cat.h"
#include "crypto/receipt.h"
#include "nlohmann/json.hpp"
#include "server/journal/journal.h"
#include "server/ledger/period_keys.h"
#include "server/ledger/tree/tile_store.h"
#include "tests/client/vouch_program.h"

namespace vouch::tests {
namespace {

using ::testing::HasSubstr;

namespace journal = server::journal;
namespace tree = server::ledger::tree;

constexpr char kOrigin[] = "irs.treasury.example/ledger/2027";
constexpr uint32_t kJune2027 = 2027 * 12 + 5;
constexpr int64_t kSummer = 1812672000;     // 2027-06-11
constexpr int64_t kYearAfter = 1830297600;  // 2028-01-01

// Some 70,000 questions of June 2027, then those of a day in 2028: a log that has ended, and one
// that has not.
class VouchLedgerPruneTest : public VouchTest {
 protected:
  void SetUp() override {
    MakeNode("irs", "irs.treasury.example");
    ASSERT_TRUE(keys().Tag("aid-tax-001", kJune2027, 0).ok());
    Open();
    for (int i = 0; i < 70; ++i) Append(1000, kSummer + i, kJune2027);
    Append(50, kYearAfter, kJune2027 + 7);
    for (const journal::LogSpan& log : journal_->logs()) MakeTree(log);
    journal_.reset();
  }
  server::ledger::PeriodKeys keys() const {
    return server::ledger::PeriodKeys(Path("irs/keys/periods"));
  }
  void Open() {
    journal::JournalOptions options;
    options.folder = Path("irs/journal");
    options.origin = kOrigin;
    options.segment_bytes = 1 << 20;
    auto opened = journal::OpenFileJournal(options);
    ASSERT_TRUE(opened.ok()) << opened.status();
    journal_ = *std::move(opened);
  }
  void Append(int count, int64_t second, uint32_t month) {
    std::vector<std::string> entries;
    for (int i = 0; i < count; ++i) {
      crypto::SubjectEntry entry;
      entry.minute = static_cast<uint32_t>(second / 60);
      entry.requester = "fsa.ed.example";
      entry.agreement_id = "aid-tax-001";
      entry.question = "income-at-or-below";
      entry.tag_period = month;
      entry.nonce[0] = static_cast<uint8_t>(++made_);
      entry.nonce[1] = static_cast<uint8_t>(made_ >> 8);
      entry.nonce[2] = static_cast<uint8_t>(made_ >> 16);
      entries.push_back(entry.Bytes());
    }
    ASSERT_TRUE(journal_->Append(entries, absl::FromUnixSeconds(second)).ok());
  }
  // As the node makes it while it runs.
  void MakeTree(const journal::LogSpan& log) {
    tree::TileStoreOptions options;
    options.folder = tree::LogFolder(Path("irs/journal/tree"), log.origin, log.first == 0);
    options.origin = log.origin;
    options.entries = [&](uint64_t first, uint32_t count) {
      return journal_->ReadEntries(log.first + first, count);
    };
    const journal::Head head = journal_->head();
    const bool is_last = log.origin == head.origin;
    const uint64_t size = is_last ? head.tree_size : journal_->logs()[1].first - log.first;
    crypto::CompactRange range;
    for (uint64_t i = 0; i < size;) {
      const auto entries = journal_->ReadEntries(log.first + i, static_cast<uint32_t>(size - i));
      ASSERT_TRUE(entries.ok());
      for (const std::string& entry : *entries) {
        if (i++ < size) range.Append(crypto::LeafHash(crypto::AsBytes(entry)));
      }
    }
    auto store = tree::TileStore::Open(std::move(options), range);
    ASSERT_TRUE(store.ok()) << store.status();
    if (!is_last) {
      ASSERT_TRUE((*store)->Close().ok());
    }
  }
  uint64_t JournalBytes() const {
    uint64_t bytes = 0;
    for (const auto& file : std::filesystem::directory_iterator(Path("irs/journal"))) {
      const std::string name = file.path().filename().string();
      if (name.rfind("commits-", 0) == 0) bytes += file.file_size();
    }
    return bytes;
  }
  void EraseJune() {
    ASSERT_TRUE(keys().DestroyTag("aid-tax-001", kJune2027, 0, absl::Now()).ok());
  }
  std::string Export(const std::string& output) const {
    return nlohmann::json::parse(
        Fine({"ledger", "export", "--node", "irs", "--json", "--output", output}).out)["key"];
  }

  std::unique_ptr<journal::Journal> journal_;
  uint32_t made_ = 0;
};

TEST_F(VouchLedgerPruneTest, DropsErasedMonthsAndEverythingStillVerifies) {
  // Not erased: nothing goes, and it says why.
  EXPECT_THAT(Fine({"ledger", "prune", "--node", "irs", "--yes"}).out,
              HasSubstr("aid-tax-001, 2027-06, which was not erased"));
  const std::string key = Export("before");
  Fine({"ledger", "backup", "--node", "irs", "--output", "early"});
  EraseJune();
  const uint64_t bytes = JournalBytes();
  EXPECT_THAT(Fine({"ledger", "prune", "--node", "irs"}).out, HasSubstr("--yes drops them"));
  EXPECT_EQ(JournalBytes(), bytes);
  const auto facts =
      nlohmann::json::parse(Fine({"ledger", "prune", "--node", "irs", "--yes", "--json"}).out);
  ASSERT_EQ(facts["logs"].size(), 2u);
  // The last entry of a log that has ended is the node's own.
  EXPECT_EQ(facts["logs"][0]["dropped"], 70000);
  EXPECT_EQ(facts["logs"][0]["minimum_index"], 70001);
  EXPECT_EQ(facts["logs"][1]["dropped"], 0);
  EXPECT_LT(JournalBytes(), bytes / 4);

  // The journal goes on, and knows both logs.
  ASSERT_NO_FATAL_FAILURE(Open());
  ASSERT_EQ(journal_->logs().size(), 2u);
  EXPECT_EQ(journal_->logs()[0].origin, kOrigin);
  Append(10, kYearAfter + 60, kJune2027 + 7);
  journal_.reset();

  // So does what was exported before, and what is exported anew, under the same key.
  EXPECT_EQ(Export("before"), key);
  EXPECT_FALSE(Exists("before/tile/entries/000"));
  EXPECT_EQ(Read("before/minimum-index"), "70001\n");
  Export("anew");
  for (const char* folder : {"before", "anew"}) {
    const ProcessResult verified = Fine({"ledger", "verify", folder, "--node", "irs"});
    EXPECT_THAT(verified.out, HasSubstr("verifies: 70001 entries"));
    EXPECT_THAT(verified.out, HasSubstr("only their hashes"));
  }
  // A hash that stands for a dropped entry is held against the tree as before.
  std::string tile = Read("anew/tile/0/100");
  tile[7] = static_cast<char>(tile[7] ^ 1);
  Write("anew/tile/0/100", tile);
  Refused({"ledger", "verify", "anew", "--node", "irs"}, 1, "DOES NOT VERIFY");
  // A backup needs more than commits now, and says so.
  Refused({"ledger", "backup", "--node", "irs", "--output", "copy"}, 1, "begins with commit");
  // Nor is it taken for no journal at all, and an early one put in its place.
  Refused({"ledger", "restore", "early", "--node", "irs"}, 1, "was pruned");
}

TEST_F(VouchLedgerPruneTest, IsRefusedWhileTheNodeHoldsItsJournal) {
  EraseJune();
  ASSERT_NO_FATAL_FAILURE(Open());
  Refused({"ledger", "prune", "--node", "irs", "--yes"}, 1, "while the node is stopped");
  EXPECT_FALSE(Exists("irs/journal/openings"));
}

}  // namespace
}  // namespace vouch::tests
