#include "server/records/manifest.h"

#include <gtest/gtest.h>
#include <sys/stat.h>

#include "tests/server/records/loaded_folder.h"

namespace vouch::server::records {
namespace {

Manifest Example() {
  Manifest m;
  m.generation = 7;
  m.change = 9;
  m.agency = "irs.treasury.example";
  m.use = crypto::IdentityUse::kLive;
  m.people = 3;
  m.data_as_of = absl::CivilDay(2026, 11, 20);
  m.loaded_at = absl::FromUnixSeconds(1800000000);
  m.person_check = "00ff";
  m.facts_file = "facts.7";
  m.identities_file = "identities.7";
  m.overlay_file = "overlay.7";
  IndexRecipe recipe;
  recipe.use = crypto::IdentityUse::kLive;
  recipe.kind = crypto::TokenKind::kKeyedHash;
  recipe.asker = "fsa.ed.example";
  recipe.public_key = std::string("\x00\xff\x7f", 3);
  recipe.spelling_rules = "names/1";
  recipe.match = {{"social_security_number"}, {"initial:given_name", "family_name"}};
  recipe.not_after = absl::FromUnixSeconds(1810000000);
  m.indexes = {{"fsa-irs-2027-001", 2, crypto::Digest{1, 2, 3}, "index.7.aa", recipe}};
  return m;
}

TEST(ManifestTest, ReadsBackWhatWasPublished) {
  const TemporaryFolder folder;
  ASSERT_TRUE(PublishManifest(folder.path(), Example()).ok());
  const absl::StatusOr<Manifest> read = ReadManifest(folder.path());
  ASSERT_TRUE(read.ok()) << read.status();
  EXPECT_EQ(read->generation, 7u);
  EXPECT_EQ(read->change, 9u);
  EXPECT_EQ(read->use, crypto::IdentityUse::kLive);
  EXPECT_EQ(read->data_as_of, absl::CivilDay(2026, 11, 20));
  EXPECT_EQ(read->loaded_at, absl::FromUnixSeconds(1800000000));
  ASSERT_NE(read->FindIndex("fsa-irs-2027-001", 2), nullptr);
  EXPECT_EQ(read->FindIndex("fsa-irs-2027-001", 2)->label, (crypto::Digest{1, 2, 3}));
  EXPECT_EQ(read->FindIndex("fsa-irs-2027-001", 1), nullptr);
  const IndexRecipe& made_of = read->indexes[0].made_of;
  EXPECT_EQ(made_of.use, crypto::IdentityUse::kLive);
  EXPECT_EQ(made_of.kind, crypto::TokenKind::kKeyedHash);
  EXPECT_EQ(made_of.asker, "fsa.ed.example");
  EXPECT_EQ(made_of.public_key, std::string("\x00\xff\x7f", 3));
  EXPECT_EQ(made_of.spelling_rules, "names/1");
  EXPECT_EQ(made_of.match, Example().indexes[0].made_of.match);
  EXPECT_EQ(made_of.not_after, absl::FromUnixSeconds(1810000000));
}

TEST(ManifestTest, RemovesOnlyGenerationFilesThatItDoesNotName) {
  const TemporaryFolder folder;
  for (const char* name : {"facts.6", "facts.7", "index.6.bb", "index.7.aa", "holds", "notes",
                           "manifest.new-a1b2c3", "holds.new-a1b2c3"}) {
    WriteWhole(folder.File(name), "x");
  }
  ASSERT_TRUE(PublishManifest(folder.path(), Example()).ok());
  struct stat status;
  const auto exists = [&](const char* name) {
    return stat(folder.File(name).c_str(), &status) == 0;
  };
  EXPECT_FALSE(exists("facts.6"));
  EXPECT_FALSE(exists("index.6.bb"));
  EXPECT_FALSE(exists("manifest.new-a1b2c3"));
  EXPECT_FALSE(exists("holds.new-a1b2c3"));
  EXPECT_TRUE(exists("facts.7"));
  EXPECT_TRUE(exists("index.7.aa"));
  EXPECT_TRUE(exists("holds"));
  EXPECT_TRUE(exists("notes"));
}

TEST(ManifestTest, AMissingManifestIsNotFound) {
  const TemporaryFolder folder;
  EXPECT_EQ(ReadManifest(folder.path()).status().code(), absl::StatusCode::kNotFound);
}

TEST(ManifestTest, AnyDamageIsRefused) {
  const TemporaryFolder folder;
  ASSERT_TRUE(PublishManifest(folder.path(), Example()).ok());
  const std::string whole = ReadWhole(ManifestPath(folder.path()));
  for (size_t at = 0; at < whole.size(); ++at) {
    std::string damaged = whole;
    damaged[at] ^= 0x04;
    WriteWhole(ManifestPath(folder.path()), damaged);
    EXPECT_EQ(ReadManifest(folder.path()).status().code(), absl::StatusCode::kDataLoss) << at;
    WriteWhole(ManifestPath(folder.path()), whole.substr(0, at));
    EXPECT_EQ(ReadManifest(folder.path()).status().code(), absl::StatusCode::kDataLoss) << at;
  }
}

TEST(ManifestTest, NamesOutsideTheFolderAreRefused) {
  const TemporaryFolder folder;
  Manifest escaping = Example();
  escaping.facts_file = "facts.7/../../elsewhere";
  ASSERT_TRUE(PublishManifest(folder.path(), escaping).ok());
  EXPECT_EQ(ReadManifest(folder.path()).status().code(), absl::StatusCode::kDataLoss);
}

TEST(ManifestTest, OnlyOneHoldsTheFolder) {
  const TemporaryFolder folder;
  {
    const absl::StatusOr<FolderLock> first = FolderLock::Take(folder.File("records"));
    ASSERT_TRUE(first.ok());
    EXPECT_EQ(FolderLock::Take(folder.File("records")).status().code(),
              absl::StatusCode::kFailedPrecondition);
  }
  EXPECT_TRUE(FolderLock::Take(folder.File("records")).ok());
}

TEST(ManifestTest, KeysAreMadeOnceAndStayPrivate) {
  const TemporaryFolder folder;
  ASSERT_TRUE(CreateRecordKeys(folder.path()).ok());
  const std::string key = ReadWhole(folder.File("index.key"));
  ASSERT_TRUE(CreateRecordKeys(folder.path()).ok());
  EXPECT_EQ(ReadWhole(folder.File("index.key")), key);
  chmod(folder.File("index.key").c_str(), 0644);
  EXPECT_EQ(ReadRecordKeys(folder.path()).status().code(), absl::StatusCode::kFailedPrecondition);
}

}  // namespace
}  // namespace vouch::server::records
