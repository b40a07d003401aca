#include "server/records/mapped_file.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <cstring>

#include "tests/server/records/loaded_folder.h"

namespace vouch::server::records {
namespace {

constexpr FileKind kKind{"TESTFILE", 2};

class MappedFileTest : public testing::Test {
 protected:
  void Write(const std::string& details, const std::string& body, const FileKind& kind = kKind) {
    FileWriter writer = *FileWriter::Create(path_, details.size());
    writer.Append(crypto::AsBytes(body));
    ASSERT_TRUE(writer.Finish(kind, details).ok());
  }
  absl::StatusCode OpenCode() { return MappedFile::Open(path_, kKind).status().code(); }
  TemporaryFolder folder_;
  const std::string path_ = folder_.File("file");
};

TEST_F(MappedFileTest, GivesBackDetailsAndBody) {
  Write("details", std::string(3000000, 'b') + "end");
  const absl::StatusOr<MappedFile> file = MappedFile::Open(path_, kKind);
  ASSERT_TRUE(file.ok()) << file.status();
  EXPECT_EQ(file->details(), "details");
  EXPECT_EQ(file->body().size(), 3000003u);
  EXPECT_EQ(crypto::AsText(file->body()).substr(3000000), "end");
}

TEST_F(MappedFileTest, AnEmptyBodyIsFine) {
  Write("", "");
  const absl::StatusOr<MappedFile> file = MappedFile::Open(path_, kKind);
  ASSERT_TRUE(file.ok()) << file.status();
  EXPECT_TRUE(file->body().empty());
}

TEST_F(MappedFileTest, RefusesEveryCut) {
  Write("details", "body");
  const std::string whole = ReadWhole(path_);
  for (size_t size = 0; size < whole.size(); ++size) {
    WriteWhole(path_, whole.substr(0, size));
    EXPECT_EQ(OpenCode(), absl::StatusCode::kDataLoss) << size;
  }
  WriteWhole(path_, whole + "x");
  EXPECT_EQ(OpenCode(), absl::StatusCode::kDataLoss);
}

TEST_F(MappedFileTest, RefusesEveryFlippedBitOfTheHeader) {
  Write("details", "body");
  const std::string whole = ReadWhole(path_);
  const size_t used = 8 + 4 + 4 + 8 + 4 + 7 + 32;
  for (size_t bit = 0; bit < used * 8; ++bit) {
    std::string damaged = whole;
    damaged[bit / 8] = static_cast<char>(damaged[bit / 8] ^ 1 << bit % 8);
    WriteWhole(path_, damaged);
    EXPECT_EQ(OpenCode(), absl::StatusCode::kDataLoss) << bit;
  }
}

TEST_F(MappedFileTest, RefusesANewerSchemaAndAnotherKind) {
  Write("", "", {"TESTFILE", 3});
  EXPECT_EQ(OpenCode(), absl::StatusCode::kFailedPrecondition);
  Write("", "", {"OTHERTHG", 1});
  EXPECT_EQ(OpenCode(), absl::StatusCode::kDataLoss);
  Write("", "", {"TESTFILE", 1});
  EXPECT_EQ(OpenCode(), absl::StatusCode::kOk);
}

TEST_F(MappedFileTest, AMissingFileIsNotFound) {
  EXPECT_EQ(OpenCode(), absl::StatusCode::kNotFound);
}

TEST_F(MappedFileTest, AnUnfinishedFileIsRemoved) {
  {
    FileWriter writer = *FileWriter::Create(path_, 0);
    writer.Append(crypto::AsBytes("half"));
  }
  EXPECT_EQ(OpenCode(), absl::StatusCode::kNotFound);
  { const GrowingFile growing = *GrowingFile::Create(path_, 0); }
  EXPECT_EQ(OpenCode(), absl::StatusCode::kNotFound);
}

TEST_F(MappedFileTest, AGrowingFileKeepsWhatWasWritten) {
  GrowingFile growing = *GrowingFile::Create(path_, 3);
  std::memset(growing.body(), 'a', 100);
  ASSERT_TRUE(growing.Reserve(5000000).ok());
  std::memset(growing.body() + 4999990, 'z', 10);
  ASSERT_TRUE(growing.Finish(kKind, "abc", 5000000).ok());
  const absl::StatusOr<MappedFile> file = MappedFile::Open(path_, kKind);
  ASSERT_TRUE(file.ok()) << file.status();
  EXPECT_EQ(file->body().size(), 5000000u);
  EXPECT_EQ(file->body()[99], 'a');
  EXPECT_EQ(file->body()[100], 0);
  EXPECT_EQ(file->body()[4999999], 'z');
}

TEST_F(MappedFileTest, AMapOutlivesTheFilesName) {
  Write("", "body");
  const absl::StatusOr<MappedFile> file = MappedFile::Open(path_, kKind);
  ASSERT_EQ(unlink(path_.c_str()), 0);
  EXPECT_EQ(crypto::AsText(file->body()), "body");
}

TEST(DamageSumTest, SeesEveryBitAndThePlace) {
  std::vector<uint8_t> bytes(61, 0x5a);
  const uint32_t sum = DamageSum(bytes, 4);
  EXPECT_NE(DamageSum(bytes, 5), sum);
  for (size_t bit = 0; bit < bytes.size() * 8; ++bit) {
    bytes[bit / 8] ^= static_cast<uint8_t>(1u << bit % 8);
    EXPECT_NE(DamageSum(bytes, 4), sum) << bit;
    bytes[bit / 8] ^= static_cast<uint8_t>(1u << bit % 8);
  }
}

}  // namespace
}  // namespace vouch::server::records
