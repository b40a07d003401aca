#include <dirent.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <fstream>
#include <iterator>

#include "crypto/keys.h"
#include "crypto/sync_folder.h"

namespace vouch::crypto {
namespace {

mode_t ModeOf(const std::string& path) {
  struct stat facts;
  return stat(path.c_str(), &facts) == 0 ? facts.st_mode & 07777 : 0;
}

std::string ContentsOf(const std::string& path) {
  std::ifstream file(path);
  return std::string(std::istreambuf_iterator<char>(file), {});
}

class KeyFilesTest : public ::testing::Test {
 protected:
  void SetUp() override {
    std::string name = ::testing::TempDir() + "vouch-key-files-XXXXXX";
    ASSERT_NE(mkdtemp(&name[0]), nullptr);
    folder_ = name;
    mask_ = umask(022);
  }
  void TearDown() override {
    umask(mask_);
    for (const std::string& name : Names()) unlink((folder_ + "/" + name).c_str());
    rmdir(folder_.c_str());
  }
  std::vector<std::string> Names() const {
    std::vector<std::string> names;
    DIR* folder = opendir(folder_.c_str());
    while (const dirent* entry = readdir(folder)) {
      if (entry->d_name[0] != '.') names.push_back(entry->d_name);
    }
    closedir(folder);
    return names;
  }
  std::string Path(const std::string& name) const { return folder_ + "/" + name; }
  void Place(const std::string& name, const std::string& text, mode_t mode = 0600) {
    std::ofstream(Path(name)) << text;
    ASSERT_EQ(chmod(Path(name).c_str(), mode), 0);
  }

  std::string folder_;
  mode_t mask_ = 0;
};

TEST_F(KeyFilesTest, SecretFileIsPrivateAndReadsBack) {
  const SecretBytes secret = SecretBytes::Random(32);
  ASSERT_TRUE(WriteSecretFile(Path("k"), secret).ok());
  EXPECT_EQ(ModeOf(Path("k")), 0600u);
  EXPECT_EQ(ContentsOf(Path("k")).size(), 65u);
  const auto read = ReadSecretFile(Path("k"));
  ASSERT_TRUE(read.ok()) << read.status();
  EXPECT_TRUE(*read == secret);
  EXPECT_EQ(Names().size(), 1u);
}

TEST_F(KeyFilesTest, PrivateFileIsPrivateUnderAnOpenUmask) {
  umask(0);
  ASSERT_TRUE(WritePrivateFile(Path("k"), "text").ok());
  EXPECT_EQ(ModeOf(Path("k")), 0600u);
  EXPECT_EQ(*ReadPrivateFile(Path("k")), "text");
}

TEST_F(KeyFilesTest, NeverOverwritesAKey) {
  ASSERT_TRUE(WritePrivateFile(Path("k"), "first").ok());
  EXPECT_EQ(WritePrivateFile(Path("k"), "second").code(), absl::StatusCode::kAlreadyExists);
  EXPECT_EQ(WriteSecretFile(Path("k"), SecretBytes::Random(32)).code(),
            absl::StatusCode::kAlreadyExists);
  EXPECT_EQ(ContentsOf(Path("k")), "first");
  EXPECT_EQ(Names().size(), 1u);
}

TEST_F(KeyFilesTest, NeverWritesThroughADanglingLink) {
  ASSERT_EQ(symlink(Path("elsewhere").c_str(), Path("k").c_str()), 0);
  EXPECT_EQ(WritePrivateFile(Path("k"), "text").code(), absl::StatusCode::kAlreadyExists);
  EXPECT_EQ(Names().size(), 1u);
}

TEST_F(KeyFilesTest, RefusesAFileThatOthersMayUse) {
  for (mode_t mode : {0640, 0604, 0620, 0602, 0644, 0660}) {
    Place("k", std::string(64, 'a') + "\n", mode);
    EXPECT_EQ(ReadSecretFile(Path("k")).status().code(), absl::StatusCode::kFailedPrecondition);
    EXPECT_EQ(ReadPrivateFile(Path("k")).status().code(), absl::StatusCode::kFailedPrecondition);
  }
  Place("k", std::string(64, 'a') + "\n", 0400);
  EXPECT_TRUE(ReadSecretFile(Path("k")).ok());
}

TEST_F(KeyFilesTest, RefusesWhatIsNoOrdinaryFile) {
  EXPECT_EQ(ReadPrivateFile(folder_).status().code(), absl::StatusCode::kFailedPrecondition);
  ASSERT_EQ(mkfifo(Path("pipe").c_str(), 0600), 0);
  EXPECT_EQ(ReadPrivateFile(Path("pipe")).status().code(), absl::StatusCode::kFailedPrecondition);
  EXPECT_EQ(ReadPrivateFile(Path("none")).status().code(), absl::StatusCode::kNotFound);
}

TEST_F(KeyFilesTest, RefusesMalformedSecretsWithoutEchoingThem) {
  const std::string good(64, 'b');
  for (const std::string& text :
       {std::string(), good, good + "\n\n", good + " \n", good.substr(1) + "\n", good + "b\n",
        good.substr(1) + "g\n", good.substr(1) + "B\n", "0x" + good.substr(2) + "\n",
        good + "\r\n"}) {
    Place("k", text);
    const absl::Status status = ReadSecretFile(Path("k")).status();
    EXPECT_EQ(status.code(), absl::StatusCode::kInvalidArgument);
    EXPECT_EQ(status.ToString().find("bbbb"), std::string::npos);
  }
  Place("k", good + "\n");
  EXPECT_TRUE(ReadSecretFile(Path("k")).ok());
  EXPECT_FALSE(ReadSecretFile(Path("k"), 16).ok());
}

TEST_F(KeyFilesTest, RefusesAPrivateFileOverOneMebibyte) {
  Place("k", std::string((size_t{1} << 20) + 1, 'x'));
  EXPECT_EQ(ReadPrivateFile(Path("k")).status().code(), absl::StatusCode::kInvalidArgument);
  Place("k", std::string(size_t{1} << 20, 'x'));
  EXPECT_TRUE(ReadPrivateFile(Path("k")).ok());
}

TEST_F(KeyFilesTest, ReplaceFileReplacesAndLeavesNothingBeside) {
  ASSERT_TRUE(ReplaceFile(Path("f"), "one", /*is_private=*/false).ok());
  EXPECT_EQ(ModeOf(Path("f")), 0644u);
  ASSERT_TRUE(ReplaceFile(Path("f"), "two", /*is_private=*/true).ok());
  EXPECT_EQ(ModeOf(Path("f")), 0600u);
  EXPECT_EQ(ContentsOf(Path("f")), "two");
  EXPECT_EQ(Names().size(), 1u);
}

TEST_F(KeyFilesTest, FailedReplaceKeepsWhatWasThereAndLeavesNothingBeside) {
  ASSERT_EQ(mkdir(Path("d").c_str(), 0700), 0);
  EXPECT_FALSE(ReplaceFile(Path("d"), "text", /*is_private=*/true).ok());
  EXPECT_EQ(Names().size(), 1u);
  rmdir(Path("d").c_str());
  EXPECT_EQ(ReplaceFile(Path("none/f"), "text", /*is_private=*/true).code(),
            absl::StatusCode::kNotFound);
}

TEST_F(KeyFilesTest, AFolderIsSyncedAndWhatIsNoneIsNamed) {
  EXPECT_TRUE(SyncFolder(folder_).ok());
  const absl::Status missing = SyncFolder(Path("none"));
  EXPECT_EQ(missing.code(), absl::StatusCode::kNotFound);
  EXPECT_NE(missing.message().find(Path("none")), absl::string_view::npos) << missing;
  Place("file", "text");
  EXPECT_FALSE(SyncFolder(Path("file")).ok());
}

}  // namespace
}  // namespace vouch::crypto
