// A fault at every system call of the tile store, one after the other, and what is left. The table
// of docs/faults.md is compared; VOUCH_WRITE_FAULTS=1 writes it anew.
#include <gtest/gtest.h>

#include <cstring>
#include <filesystem>

#include "absl/strings/str_cat.h"
#include "server/ledger/tree/tile_store.h"
#include "tests/server/faults/fault_runs.h"

namespace vouch::server {
namespace {

using ledger::tree::kSegmentEntries;
using ledger::tree::TileStore;
using vouch::tests::BeginStep;

constexpr char kOrigin[] = "irs.treasury.example/ledger/2026";
constexpr uint64_t kFirst = kSegmentEntries - 100;
constexpr uint64_t kSecond = kSegmentEntries + 300;  // over the border of the first segment
constexpr uint64_t kThird = kSegmentEntries + 700;   // in the second session

std::string Entry(uint64_t index) { return absl::StrCat("entry ", index); }

// The log that the journal would hold.
absl::StatusOr<std::vector<std::string>> Entries(uint64_t first, uint32_t count) {
  std::vector<std::string> entries;
  for (uint64_t i = first; i < first + count; ++i) entries.push_back(Entry(i));
  return entries;
}

// Hashed once, before anything forks.
const std::vector<crypto::Digest>& Leaves() {
  static const auto* const leaves = [] {
    auto* const all = new std::vector<crypto::Digest>();
    for (uint64_t i = 0; i < kThird; ++i) {
      all->push_back(crypto::LeafHash(crypto::AsBytes(Entry(i))));
    }
    return all;
  }();
  return *leaves;
}
const crypto::CompactRange& RangeOf(uint64_t size) {
  static auto* const ranges = new std::map<uint64_t, crypto::CompactRange>();
  const auto found = ranges->find(size);
  if (found != ranges->end()) return found->second;
  crypto::CompactRange range;
  for (uint64_t i = 0; i < size; ++i) range.Append(Leaves()[i]);
  return ranges->emplace(size, range).first->second;
}

ledger::tree::TileStoreOptions Options(const std::string& folder) {
  return {folder + "/tiles", kOrigin, Entries};
}

bool Failed(const char* what, const absl::Status& status, Report* report) {
  if (status.ok()) return false;
  if (absl::IsUnavailable(status) && report->unavailable < 3) {
    ++report->unavailable;
    return false;
  }
  const std::string text = absl::StrCat(what, absl::StatusCodeToString(status.code()));
  std::strncpy(report->refusal, text.c_str(), sizeof(report->refusal) - 1);
  return true;
}

// A segment that could not be written is tried again with what comes next.
bool AppendUpTo(TileStore* store, uint64_t size, Report* report) {
  const uint64_t before = store->size();
  return !Failed(
      "stopped: ", store->Append(absl::MakeConstSpan(Leaves()).subspan(before, size - before)),
      report);
}

void Script(const std::string& folder, Report* report) {
  BeginStep("begin a tree");
  {
    auto store = TileStore::Open(Options(folder), RangeOf(0));
    if (!store.ok()) {
      report->unavailable = 100;
      Failed("did not start: ", store.status(), report);
      return;
    }
    BeginStep("close a segment");
    if (!AppendUpTo(store->get(), kFirst, report)) return;
    if (!AppendUpTo(store->get(), kSecond, report)) return;
    if (!AppendUpTo(store->get(), kSecond + 1, report)) return;
  }
  BeginStep("take up a tree");
  auto store = TileStore::Open(Options(folder), RangeOf(kSecond + 1));
  if (!store.ok()) {
    report->unavailable = 100;
    Failed("did not start: ", store.status(), report);
    return;
  }
  BeginStep("serve tiles");
  if (!AppendUpTo(store->get(), kThird, report)) return;
  if (Failed("said ", (*store)->ReadTile({0, 3, 256}).status(), report)) return;
  if (Failed("said ", (*store)->ReadBundle(5, 256).status(), report)) return;
  BeginStep("end a log");
  absl::Status ended = (*store)->Close();
  if (!ended.ok()) {
    ++report->unavailable;
    ended = (*store)->Close();
  }
  if (Failed("could not end it: ", ended, report)) return;
}

void Check(const std::string& folder, const Run&) {
  // The log is the journal's: whatever became of the files, the whole tree comes out of it.
  auto store = TileStore::Open(Options(folder), RangeOf(kThird));
  ASSERT_TRUE(store.ok()) << store.status();
  EXPECT_EQ((*store)->range().roots(), RangeOf(kThird).roots());
  // Nothing half written is left behind, nor taken for a segment.
  for (const auto& entry : std::filesystem::directory_iterator(folder + "/tiles")) {
    EXPECT_EQ(entry.path().extension(), ".segment") << entry.path();
  }
  const auto tile = (*store)->ReadTile({0, 3, 256});
  ASSERT_TRUE(tile.ok()) << tile.status();
  EXPECT_TRUE(std::equal(tile->begin(), tile->end(), Leaves().begin() + 3 * 256));
  const auto bundle = (*store)->ReadBundle(5, 256);
  ASSERT_TRUE(bundle.ok()) << bundle.status();
  EXPECT_EQ((*bundle)[7], Entry(5 * 256 + 7));
}

TEST(TileFaultsTest, AFaultAtAnyCallLosesNothing) {
  (void)RangeOf(0);
  (void)RangeOf(kSecond + 1);
  (void)RangeOf(kThird);
  FaultTable table;
  const size_t runs = RunWithEveryFault(
      [](const std::string& folder) { std::filesystem::create_directories(folder); }, Script, Check,
      &table);
  RecordProperty("runs", static_cast<int>(runs));
  EXPECT_GT(runs, 50u);
  if (!HasFailure()) ExpectDocumented("tiles", table.Markdown());
}

}  // namespace
}  // namespace vouch::server
