#include "server/ledger/tree/static_layout.h"

#include <gtest/gtest.h>
#include <sys/stat.h>

#include <fstream>
#include <iterator>

#include "crypto/keys.h"
#include "tests/server/ledger/tree/growing_log.h"

namespace vouch::server::ledger::tree {
namespace {

class StaticLayoutTest : public testing::Test {
 protected:
  std::string NoteAt(uint64_t size, const crypto::Digest& root) {
    const crypto::NoteSigner* const signers[] = {&signer_};
    return *crypto::SignCheckpoint({kOrigin, size, root}, signers);
  }
  std::string GrowTo(uint64_t size) {
    log_.GrowTo(size);
    store_.reset();
    auto store = log_.Open(folder_);
    EXPECT_TRUE(store.ok()) << store.status();
    store_ = *std::move(store);
    return NoteAt(size, log_.range.Root());
  }
  bool Exists(const std::string& name) {
    return std::filesystem::exists(folder_.path() + "/out/" + name);
  }
  ino_t FileNumber(const std::string& name) {
    struct stat about {};
    EXPECT_EQ(stat((out_ + "/" + name).c_str(), &about), 0) << name;
    return about.st_ino;
  }

  mode_t ModeOf(const std::string& name) {
    struct stat about {};
    EXPECT_EQ(stat((out_ + "/" + name).c_str(), &about), 0) << name;
    return about.st_mode & 0777;
  }

  ScratchFolder folder_;
  const std::string out_ = folder_.path() + "/out";
  GrowingLog log_;
  std::unique_ptr<TileStore> store_;
  const crypto::NoteSigner signer_ = *crypto::NoteSigner::Make(
      kOrigin, std::make_shared<const crypto::SigningKey>(
                   crypto::SigningKey::Generate(crypto::KeyKind::kEd25519)));
};

TEST_F(StaticLayoutTest, HoldsTheFilesOfTheSpecificationsExample) {
  const std::string note = GrowTo(70000);
  ASSERT_TRUE(ExportLog(*store_, note, out_).ok());
  for (const char* there : {"checkpoint", "tile/0/000", "tile/0/272", "tile/0/273.p/112",
                            "tile/1/000", "tile/1/001.p/17", "tile/2/000.p/1", "tile/entries/000",
                            "tile/entries/272", "tile/entries/273.p/112"}) {
    EXPECT_TRUE(Exists(there)) << there;
  }
  for (const char* not_there : {"tile/0/273", "tile/0/274", "tile/1/001", "tile/2/000", "tile/3"}) {
    EXPECT_FALSE(Exists(not_there)) << not_there;
  }
  // Hashes are anybody's; entries go to those they concern alone.
  EXPECT_EQ(ModeOf("tile/entries"), 0700u);
  EXPECT_EQ(ModeOf("tile/entries/000"), 0600u);
  EXPECT_EQ(ModeOf("tile/entries/273.p/112"), 0600u);
  EXPECT_NE(ModeOf("tile/0/000") & 0044u, 0u);
  chmod((out_ + "/tile/entries").c_str(), 0755);
  ASSERT_TRUE(ExportLog(*store_, note, out_).ok());
  EXPECT_EQ(ModeOf("tile/entries"), 0700u) << "as an earlier version left it";
  EXPECT_EQ(std::filesystem::file_size(out_ + "/tile/0/000"), 8192u);
  EXPECT_EQ(std::filesystem::file_size(out_ + "/tile/1/001.p/17"), 17u * 32);
}

TEST_F(StaticLayoutTest, IsRecomputedFromTheFolderAloneAtEveryCheckpoint) {
  crypto::CompactRange before;
  for (uint64_t size : {0u, 1u, 255u, 256u, 300u, 65536u, 66001u, 70000u}) {
    const std::string note = GrowTo(size);
    ASSERT_TRUE(ExportLog(*store_, note, out_).ok()) << size;
    const FolderLog folder(out_);
    EXPECT_EQ(*folder.ReadCheckpointNote(), note);
    auto range = crypto::RecomputeLog(folder, size);
    ASSERT_TRUE(range.ok()) << size << range.status();
    EXPECT_EQ(range->Root(), log_.range.Root());
    // An older checkpoint's narrower tiles are still there, or come from wider ones.
    range = crypto::RecomputeLog(folder, before.size());
    ASSERT_TRUE(range.ok()) << before.size() << range.status();
    EXPECT_EQ(range->Root(), before.Root());
    before = log_.range;
  }
}

TEST_F(StaticLayoutTest, ServesPartialTilesFromWiderOnes) {
  const std::string first = GrowTo(700);
  ASSERT_TRUE(ExportLog(*store_, first, out_).ok());
  const FolderLog folder(out_);
  EXPECT_EQ(*folder.ReadTile({0, 0, 3}), log_.Tile({0, 0, 3}));
  EXPECT_EQ(*folder.ReadTile({0, 2, 100}), log_.Tile({0, 2, 100}));
  EXPECT_EQ(folder.ReadBundle(2, 100)->back(), GrowingLog::EntryOf(611));
  EXPECT_TRUE(absl::IsNotFound(folder.ReadTile({0, 2, 189}).status()));
  EXPECT_TRUE(absl::IsNotFound(folder.ReadTile({0, 3, 1}).status()));
  EXPECT_TRUE(absl::IsNotFound(folder.ReadBundle(2, 256).status()));
}

TEST_F(StaticLayoutTest, WritesOnlyWhatIsNew) {
  const std::string first = GrowTo(600);
  ASSERT_TRUE(ExportLog(*store_, first, out_).ok());
  const ino_t tile = FileNumber("tile/0/001");
  const ino_t bundle = FileNumber("tile/entries/000");
  const std::string note = GrowTo(900);
  ASSERT_TRUE(ExportLog(*store_, note, out_).ok());
  EXPECT_EQ(FileNumber("tile/0/001"), tile);
  EXPECT_EQ(FileNumber("tile/entries/000"), bundle);
  EXPECT_TRUE(Exists("tile/0/003.p/132"));
}

// Files without their bytes, as a power cut leaves what was not yet on the disk.
TEST_F(StaticLayoutTest, WritesAnewWhatAnExportThatWasCutShortLeft) {
  const std::string first = GrowTo(600);
  ASSERT_TRUE(ExportLog(*store_, first, out_).ok());
  for (const char* name : {"tile/0/002", "tile/0/003", "tile/entries/002", "tile/entries/003"}) {
    std::ofstream(out_ + "/" + name, std::ios::trunc).close();
  }
  const std::string note = GrowTo(1100);
  ASSERT_TRUE(ExportLog(*store_, note, out_).ok());
  const auto verified = VerifyFolder(FolderLog(out_), absl::MakeConstSpan(&signer_.verifier(), 1));
  EXPECT_TRUE(verified.ok()) << verified.status();
}

TEST_F(StaticLayoutTest, LeavesEntriesOutWhereOnlyHashesAreWanted) {
  const std::string note = GrowTo(600);
  ExportOptions options;
  options.entries = false;
  ASSERT_TRUE(ExportLog(*store_, note, out_, options).ok());
  EXPECT_FALSE(Exists("tile/entries"));
  EXPECT_EQ(crypto::RangeFromTiles(FolderLog(out_), 600)->Root(), log_.range.Root());
}

TEST_F(StaticLayoutTest, RefusesACheckpointThatIsNotTheLogs) {
  GrowTo(600);
  EXPECT_TRUE(absl::IsDataLoss(ExportLog(*store_, NoteAt(599, log_.range.Root()), out_)));
  EXPECT_FALSE(Exists("checkpoint"));
  EXPECT_FALSE(ExportLog(*store_, NoteAt(601, log_.range.Root()), out_).ok());
  EXPECT_TRUE(absl::IsInvalidArgument(ExportLog(*store_, "a note\n", out_)));
}

TEST_F(StaticLayoutTest, IsServedFileByFileAsItIsExported) {
  const std::string note = GrowTo(66000);
  ASSERT_TRUE(ExportLog(*store_, note, out_).ok());
  size_t files = 0;
  for (const auto& file : std::filesystem::recursive_directory_iterator(out_)) {
    const std::string path = file.path().string().substr(out_.size() + 1);
    if (!file.is_regular_file() || path == "checkpoint") continue;
    std::ifstream in(file.path(), std::ios::binary);
    const std::string bytes((std::istreambuf_iterator<char>(in)), std::istreambuf_iterator<char>());
    const auto served = FileOfLayout(*store_, path, true);
    ASSERT_TRUE(served.ok()) << path << served.status();
    ASSERT_EQ(*served, bytes) << path;
    ++files;
  }
  EXPECT_EQ(files, 258u * 2 + 2 + 1);
  EXPECT_TRUE(FileOfLayout(*store_, "tile/0/000", false).ok());
  EXPECT_TRUE(absl::IsPermissionDenied(FileOfLayout(*store_, "tile/entries/000", false).status()));
  for (const char* path :
       {"checkpoint", "", "tile/0/300", "../key", "tile/0/000/../000", "tile/entries/257.p/255"}) {
    EXPECT_TRUE(absl::IsNotFound(FileOfLayout(*store_, path, true).status())) << path;
  }
}

TEST_F(StaticLayoutTest, IsVerifiedWholeFromItsCheckpointDown) {
  const std::string note = GrowTo(700);
  ASSERT_TRUE(ExportLog(*store_, note, out_).ok());
  const FolderLog folder(out_);
  const crypto::NoteVerifier known[] = {signer_.verifier()};
  const auto verified = VerifyFolder(folder, known);
  ASSERT_TRUE(verified.ok()) << verified.status();
  EXPECT_EQ(verified->checkpoint.size, 700u);
  EXPECT_TRUE(absl::IsPermissionDenied(VerifyFolder(folder, {}).status()));
  // Signed by the log's own key, and still not what its entries give.
  std::ofstream(out_ + "/checkpoint", std::ios::trunc)
      << NoteAt(700, crypto::LeafHash(crypto::AsBytes("another")));
  EXPECT_TRUE(absl::IsDataLoss(VerifyFolder(folder, known).status()));
  std::filesystem::remove(out_ + "/checkpoint");
  EXPECT_TRUE(absl::IsNotFound(VerifyFolder(folder, known).status()));
}

TEST_F(StaticLayoutTest, FindsAFileThatWasChanged) {
  const std::string note = GrowTo(70000);
  ASSERT_TRUE(ExportLog(*store_, note, out_).ok());
  const FolderLog folder(out_);
  for (const char* name : {"tile/0/000", "tile/0/273.p/112", "tile/1/001.p/17", "tile/2/000.p/1",
                           "tile/entries/100", "tile/entries/273.p/112"}) {
    std::fstream file(out_ + "/" + name, std::ios::in | std::ios::out | std::ios::binary);
    file.seekp(10);
    const char before = static_cast<char>(file.get());
    file.seekp(10);
    file.put(static_cast<char>(before ^ 1));
    file.flush();
    EXPECT_TRUE(absl::IsDataLoss(crypto::RecomputeLog(folder, 70000).status())) << name;
    file.seekp(10);
    file.put(before);
    file.flush();
  }
  EXPECT_TRUE(crypto::RecomputeLog(folder, 70000).ok());
}

TEST_F(StaticLayoutTest, OfAPrunedLogHasNoBundlesBelowItsMinimumAndVerifiesAllTheSame) {
  const std::string before = GrowTo(66000);
  ASSERT_TRUE(ExportLog(*store_, before, out_).ok());
  EXPECT_FALSE(Exists("minimum-index"));
  const std::string segment = SegmentPath(folder_.path() + "/tree", 0);
  ASSERT_TRUE(
      SegmentFile::Open(segment, kOrigin, 0)->Prune([](absl::string_view) { return false; }).ok());
  // What was exported before goes too.
  const std::string after = GrowTo(70000);
  ASSERT_TRUE(ExportLog(*store_, after, out_).ok());
  EXPECT_TRUE(Exists("minimum-index"));
  EXPECT_TRUE(Exists("tile/0/000"));
  EXPECT_FALSE(Exists("tile/entries/000"));
  EXPECT_FALSE(Exists("tile/entries/255"));
  EXPECT_TRUE(Exists("tile/entries/256"));
  const crypto::NoteVerifier known[] = {signer_.verifier()};
  EXPECT_EQ(FolderLog(out_).first_entry(), 65536u);
  const auto verified = VerifyFolder(FolderLog(out_), known);
  ASSERT_TRUE(verified.ok()) << verified.status();
  // A tile of hashes below the minimum counts as little as any other.
  std::string tile;
  {
    std::ifstream in(out_ + "/tile/0/017", std::ios::binary);
    tile.assign(std::istreambuf_iterator<char>(in), {});
  }
  tile[100] = static_cast<char>(tile[100] ^ 1);
  std::ofstream(out_ + "/tile/0/017", std::ios::binary | std::ios::trunc) << tile;
  EXPECT_TRUE(absl::IsDataLoss(VerifyFolder(FolderLog(out_), known).status()));
}

}  // namespace
}  // namespace vouch::server::ledger::tree
