// A node's ledger whose oldest months were erased, pruned, and looked at from outside.
#include <filesystem>
#include <memory>

#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "crypto/receipt.h"
#include "nlohmann/json.hpp"
#include "server/journal/journal.h"
#include "server/ledger/period_keys.h"
#include "server/ledger/tree/segment_file.h"
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
  // The made-th that Append wrote.
  static std::string EntryOf(uint32_t made, int64_t second, uint32_t month) {
    crypto::SubjectEntry entry;
    entry.minute = static_cast<uint32_t>(second / 60);
    entry.requester = "fsa.ed.example";
    entry.agreement_id = "aid-tax-001";
    entry.question = "income-at-or-below";
    entry.tag_period = month;
    entry.nonce[0] = static_cast<uint8_t>(made);
    entry.nonce[1] = static_cast<uint8_t>(made >> 8);
    entry.nonce[2] = static_cast<uint8_t>(made >> 16);
    return entry.Bytes();
  }
  void Append(int count, int64_t second, uint32_t month) {
    std::vector<std::string> entries;
    for (int i = 0; i < count; ++i) {
      entries.push_back(EntryOf(++made_, second, month));
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
  // A closed segment of the same name and as many entries, whole, of another log.
  void PutAnotherLogsSegment(bool pruned) {
    tree::TileStoreOptions options;
    options.folder = Path("other");
    options.origin = kOrigin;
    options.entries = [](uint64_t first,
                         uint32_t count) -> absl::StatusOr<std::vector<std::string>> {
      std::vector<std::string> entries;
      for (uint64_t i = first; i < first + count; ++i) entries.push_back(absl::StrCat("other ", i));
      return entries;
    };
    crypto::CompactRange range;
    for (uint64_t i = 0; i < 70001; ++i) {
      range.Append(crypto::LeafHash(crypto::AsBytes(absl::StrCat("other ", i))));
    }
    const auto store = tree::TileStore::Open(std::move(options), range);
    ASSERT_TRUE(store.ok()) << store.status();
    const auto segment = tree::SegmentFile::Open(tree::SegmentPath(Path("other"), 0), kOrigin, 0);
    ASSERT_TRUE(segment.ok()) << segment.status();
    if (pruned) {
      ASSERT_TRUE(segment->Prune([](absl::string_view) { return false; }).ok());
    }
    std::filesystem::copy_file(tree::SegmentPath(Path("other"), 0),
                               tree::SegmentPath(Path("irs/journal/tree"), 0),
                               std::filesystem::copy_options::overwrite_existing);
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
  // An early backup is not put in its place.
  Refused({"ledger", "restore", "early", "--node", "irs"}, 1, "the journal in place has 61");
}

TEST_F(VouchLedgerPruneTest, IsBackedUpAndRestoredAsPruningLeftIt) {
  EraseJune();
  Fine({"ledger", "prune", "--node", "irs", "--yes"});
  const std::string key = Export("before");
  EXPECT_THAT(Fine({"ledger", "backup", "--node", "irs", "--output", "copy"}).err,
              HasSubstr("The journal was pruned"));
  EXPECT_TRUE(Exists("copy/journal/tables.image"));
  EXPECT_TRUE(Exists("copy/journal/tree/entries-0000000000.segment"));
  EXPECT_FALSE(Exists("copy/journal/tree/2028")) << "nothing of it was pruned";
  const auto lose = [&] {
    std::filesystem::remove_all(Path("irs/journal"));
    std::filesystem::create_directory(Path("irs/journal"));
    std::filesystem::permissions(Path("irs/journal"), std::filesystem::perms::owner_all);
  };
  lose();
  const auto facts =
      nlohmann::json::parse(Fine({"ledger", "restore", "copy", "--node", "irs", "--json"}).out);
  EXPECT_EQ(facts["origin"], "irs.treasury.example/ledger/2028");
  EXPECT_EQ(facts["entries"], 51);
  // It goes on, with what was charged, and gives the same log out.
  ASSERT_NO_FATAL_FAILURE(Open());
  ASSERT_EQ(journal_->logs().size(), 2u);
  Append(10, kYearAfter + 60, kJune2027 + 7);
  journal_.reset();
  EXPECT_EQ(Export("anew"), key);
  EXPECT_EQ(Read("anew/minimum-index"), "70001\n");
  EXPECT_EQ(Read("anew/checkpoint").substr(0, 50), Read("before/checkpoint").substr(0, 50));
  EXPECT_THAT(Fine({"ledger", "verify", "anew", "--node", "irs"}).out,
              HasSubstr("verifies: 70001 entries"));
  // And again over a pruned journal that is in place.
  Fine({"ledger", "backup", "--node", "irs", "--output", "second"});
  Fine({"ledger", "restore", "second", "--node", "irs"});
  Refused({"ledger", "restore", "copy", "--node", "irs"}, 1, "the journal in place has 61");
}

TEST_F(VouchLedgerPruneTest, ABackupOfAPrunedJournalNeedsAllThatPruningLeft) {
  EraseJune();
  Fine({"ledger", "prune", "--node", "irs", "--yes"});
  Fine({"ledger", "backup", "--node", "irs", "--output", "copy"});
  std::filesystem::remove_all(Path("irs/journal"));
  std::filesystem::create_directory(Path("irs/journal"));
  std::filesystem::permissions(Path("irs/journal"), std::filesystem::perms::owner_all);
  const auto manifest = nlohmann::json::parse(Read("copy/manifest.json"));
  int others = 0;
  // Also under a manifest that does not know of it.
  for (size_t i = 0; i < manifest["files"].size(); ++i) {
    const std::string name = manifest["files"][i]["name"];
    if (name.find("commits-") != std::string::npos) continue;
    ++others;
    const std::string bytes = Read("copy/" + name);
    std::filesystem::remove(Path("copy/" + name));
    auto changed = manifest;
    changed["files"].erase(i);
    Write("copy/manifest.json", changed.dump());
    const ProcessResult refused = Vouch({"ledger", "restore", "copy", "--node", "irs"});
    EXPECT_NE(refused.exit_code, 0) << name;
    Write("copy/" + name, bytes);
    std::filesystem::permissions(Path("copy/" + name), std::filesystem::perms::owner_read |
                                                           std::filesystem::perms::owner_write);
  }
  EXPECT_EQ(others, 3) << "the image, and two segments of hashes";
  Write("copy/manifest.json", manifest.dump());
  Fine({"ledger", "restore", "copy", "--node", "irs"});
}

TEST_F(VouchLedgerPruneTest, ABackupWithHashesOfAnotherLogIsNone) {
  EraseJune();
  Fine({"ledger", "prune", "--node", "irs", "--yes"});
  ASSERT_NO_FATAL_FAILURE(PutAnotherLogsSegment(/*pruned=*/true));
  Refused({"ledger", "backup", "--node", "irs", "--output", "copy"}, 3, "does not go on from");
}

// All its entries are about nobody; those of the journal are of people of a month that was kept.
TEST_F(VouchLedgerPruneTest, ByTheSegmentsOfAnotherLogNothingIsDropped) {
  ASSERT_NO_FATAL_FAILURE(PutAnotherLogsSegment(/*pruned=*/false));
  const uint64_t bytes = JournalBytes();
  Refused({"ledger", "prune", "--node", "irs", "--yes"}, 3, "nothing more was dropped");
  EXPECT_EQ(JournalBytes(), bytes);
}

TEST_F(VouchLedgerPruneTest, ABackupOfADamagedImageIsNone) {
  EraseJune();
  Fine({"ledger", "prune", "--node", "irs", "--yes"});
  std::string image = Read("irs/journal/tables.image");
  image[image.size() / 2] = static_cast<char>(image[image.size() / 2] ^ 1);
  Write("irs/journal/tables.image", image);
  Refused({"ledger", "backup", "--node", "irs", "--output", "copy"}, 3, "torn or was changed");
  EXPECT_FALSE(Exists("copy"));
}

// A receipt's index counts in its own log, and what the journal still holds in all of them.
TEST_F(VouchLedgerPruneTest, ReceiptsOfWhatWasPrunedAccuseNobody) {
  EraseJune();
  Fine({"ledger", "prune", "--node", "irs", "--yes"});
  const auto receipt = [](const std::string& entry, uint64_t index, const std::string& log) {
    return absl::StrCat("{\"entry\":\"", absl::Base64Escape(entry), "\",\"index\":", index,
                        log.empty() ? "" : absl::StrCat(",\"log\":\"", log, "\""),
                        ",\"opening\":\"", absl::Base64Escape(std::string(32, 'o')), "\"}\n");
  };
  const std::vector<std::string> run = {"ledger",      "disclosures", "--node",    "irs",
                                        "--source-id", "id-1",        "--against", "some.jsonl"};
  const std::string pruned = EntryOf(6, kSummer, kJune2027);
  Write("some.jsonl", receipt(pruned, 5, "") + receipt(pruned, 5, kOrigin));
  const std::string told = Fine(run).out;
  EXPECT_THAT(told, HasSubstr("lies before what this journal still holds"));
  EXPECT_THAT(told, HasSubstr("0 of them not as they must be, and 2 of which"));
  // Entry 5 of the later log lies at 70,006 over both.
  const std::string another = EntryOf(99, kYearAfter, kJune2027 + 7);
  Write("some.jsonl", receipt(another, 5, "") +
                          receipt(another, 5, "irs.treasury.example/ledger/2028") +
                          receipt(another, 5, "irs.treasury.example/ledger/2029"));
  const ProcessResult rewritten = Vouch(run);
  EXPECT_EQ(rewritten.exit_code, 1);
  EXPECT_THAT(rewritten.out, HasSubstr("line 2"));
  EXPECT_THAT(rewritten.out, HasSubstr("another entry stands there"));
  EXPECT_THAT(rewritten.out, HasSubstr("this ledger has no log irs.treasury.example/ledger/2029"));
  EXPECT_THAT(rewritten.out, HasSubstr("3 of them not as they must be."));
}

// What an inspector is shown of a pruned ledger does not look whole.
TEST_F(VouchLedgerPruneTest, AnInspectorIsToldWhatWasPruned) {
  EraseJune();
  Fine({"ledger", "prune", "--node", "irs", "--yes"});
  EXPECT_THAT(
      Fine({"ledger", "open", "--node", "irs", "--source-id", "id-1", "--output", "one.keys"}).err,
      HasSubstr("are no longer in this journal"));
  Export("anew");
  const auto opened = [&](const std::string& where, const std::string& folder) {
    return nlohmann::json::parse(
        Fine({"ledger", "open", "--with", "one.keys", where, folder, "--json"}).out);
  };
  const auto exported = opened("--log", "anew");
  EXPECT_THAT(exported["not_included"].dump(),
              HasSubstr("the first 70001 entries of irs.treasury.example/ledger/2027 were pruned"));
  EXPECT_EQ(exported["log"]["size"], 70052);
  EXPECT_EQ(exported["log"]["read"], 51);
  const auto beside = opened("--node", "irs");
  EXPECT_THAT(beside["not_included"].dump(), HasSubstr("are no longer in this journal"));
  EXPECT_EQ(beside["log"]["read"],
            beside["log"]["size"].get<uint64_t>() - beside["log"]["first"].get<uint64_t>());
  EXPECT_THAT(Fine({"ledger", "open", "--with", "one.keys", "--log", "anew"}).out,
              HasSubstr("from 51 entries"));
}

// A quarter of which nothing is left is not one in which nothing was asked.
TEST_F(VouchLedgerPruneTest, AReportSaysWhatItCannotCount) {
  const auto report = [&](const std::string& quarter) {
    return nlohmann::json::parse(
        Fine({"ledger", "report", "--node", "irs", "--quarter", quarter, "--json"}).out);
  };
  EXPECT_FALSE(report("2027-Q2").contains("not_in_journal"));
  EraseJune();
  Fine({"ledger", "prune", "--node", "irs", "--yes"});
  EXPECT_EQ(report("2027-Q2")["not_in_journal"]["entries"], 70000);
  EXPECT_THAT(
      Fine({"ledger", "report", "--node", "irs", "--quarter", "2027-Q1", "--html", "q1.html"}).err,
      HasSubstr("Wrote"));
  const std::string text = Fine({"ledger", "report", "--node", "irs", "--quarter", "2027-Q1"}).out;
  for (const std::string& page : {text, Read("q1.html")}) {
    EXPECT_THAT(page, HasSubstr("70,000 entries, none younger than"));
    EXPECT_THAT(page, HasSubstr("Nothing that this journal still holds"));
  }
  // Later than all that is gone.
  EXPECT_FALSE(report("2028-Q1").contains("not_in_journal"));
  EXPECT_FALSE(report("2028-Q2").contains("not_in_journal"));
}

TEST_F(VouchLedgerPruneTest, IsRefusedWhileTheNodeHoldsItsJournal) {
  EraseJune();
  ASSERT_NO_FATAL_FAILURE(Open());
  Refused({"ledger", "prune", "--node", "irs", "--yes"}, 1, "while the node is stopped");
  EXPECT_FALSE(Exists("irs/journal/openings"));
}

}  // namespace
}  // namespace vouch::tests
