#include "server/records/index_builder.h"

#include <gtest/gtest.h>

#include "tests/server/records/loaded_folder.h"

namespace vouch::server::records {
namespace {

const Person kAda{"1", "900-12-3001", "1990-02-03", "Ada", "Lovelace", "100.00", ""};
const Person kBob{"2", "900-12-3002", "1985-07-09", "Bob", "Stone", "200.00", ""};

class IndexBuilderTest : public testing::Test {
 protected:
  void SetUp() override { ASSERT_TRUE(loaded_.Load({kAda, kBob}).ok()); }
  absl::Status Build(const IndexRequest& request) {
    BuildOptions options;
    options.folder = loaded_.folder();
    options.keys_folder = loaded_.keys();
    options.indexes = {request};
    options.threads = 3;
    options.progress = [this](const IndexProgress& progress) { people_ = progress.people; };
    return BuildIndexes(options);
  }
  LoadedFolder loaded_;
  uint64_t people_ = 0;
};

class FailingTokeniser : public Tokeniser {
 public:
  absl::Status Tokens(absl::Span<const std::string>, absl::Span<crypto::Token>) const override {
    return absl::UnavailableError("no key");
  }
};

TEST_F(IndexBuilderTest, AddsAnEpochBesideTheOthers) {
  ASSERT_TRUE(Build(loaded_.Index(2)).ok());
  EXPECT_EQ(people_, 2u);
  const auto snapshot = loaded_.Snapshot();
  EXPECT_TRUE(loaded_.Ready(*snapshot, 1));
  EXPECT_TRUE(loaded_.Ready(*snapshot, 2));
  EXPECT_EQ(
      snapshot->ResolveTokens(LoadedFolder::kAgreement, 2, 0, loaded_.TokensOf(kBob, 2)).match(),
      Match::kOne);
  EXPECT_EQ(snapshot->manifest().generation, 1u);
}

TEST_F(IndexBuilderTest, BuildsNothingThatIsThere) {
  ASSERT_TRUE(Build(loaded_.Index(1)).ok());
  EXPECT_EQ(people_, 0u);
  EXPECT_EQ(loaded_.Snapshot()->manifest().change, 1u);
}

TEST_F(IndexBuilderTest, BuildsAgainWhenTheMatchKeysChanged) {
  IndexRequest changed = loaded_.Index(1);
  changed.match.pop_back();
  EXPECT_NE(IndexLabel(changed), IndexLabel(loaded_.Index(1)));
  EXPECT_EQ(MissingIndexes(loaded_.folder(), {changed, loaded_.Index(1)})->size(), 1u);
  changed.made_of.match.pop_back();
  policies::Agreement revised = loaded_.Agreement();
  revised.match.pop_back();
  EXPECT_FALSE(loaded_.Snapshot()->Ready(revised, loaded_.Statement()));
  ASSERT_TRUE(Build(changed).ok());
  EXPECT_EQ(people_, 2u);
  EXPECT_EQ(loaded_.Snapshot()->manifest().indexes.size(), 1u);
  EXPECT_TRUE(loaded_.Snapshot()->Ready(revised, loaded_.Statement()));
  EXPECT_FALSE(loaded_.Ready(*loaded_.Snapshot()));
}

TEST_F(IndexBuilderTest, BuildsAgainUnderAnotherKey) {
  IndexRequest other = loaded_.Index(1);
  other.made_of.public_key[0] = 'j';
  EXPECT_EQ(MissingIndexes(loaded_.folder(), {other})->size(), 1u);
}

TEST_F(IndexBuilderTest, WantsNothingWhereTheKeyIsOfAnotherKind) {
  policies::Agreement blind = loaded_.Agreement();
  blind.token_kind = policies::TokenKind::kBlind;
  EXPECT_EQ(RequestFor(blind, loaded_.Statement(), absl::UnixEpoch(), nullptr).status().code(),
            absl::StatusCode::kFailedPrecondition);
}

TEST_F(IndexBuilderTest, RefusesIdentitiesOfTheOtherUse) {
  IndexRequest live = loaded_.Index(2);
  live.use = crypto::IdentityUse::kLive;
  EXPECT_EQ(Build(live).code(), absl::StatusCode::kFailedPrecondition);
  EXPECT_FALSE(loaded_.Ready(*loaded_.Snapshot(), 2));
}

TEST_F(IndexBuilderTest, AFailingKeyLeavesNoIndex) {
  IndexRequest request = loaded_.Index(2);
  request.tokeniser = std::make_shared<FailingTokeniser>();
  EXPECT_EQ(Build(request).code(), absl::StatusCode::kUnavailable);
  EXPECT_FALSE(loaded_.Ready(*loaded_.Snapshot(), 2));
}

TEST_F(IndexBuilderTest, StopsAtIdentitiesThatWereSwapped) {
  const std::string path = loaded_.folder() + "/" + loaded_.Snapshot()->manifest().identities_file;
  const std::string whole = ReadWhole(path);
  const auto file = *IdentitiesFile::Open(path);
  // Two rows of one length: exchange what is sealed, leaving the record numbers.
  uint64_t offset = 0;
  uint32_t record;
  SealedIdentity sealed;
  ASSERT_TRUE(*file->Next(&offset, &record, &sealed));
  const size_t header = whole.size() - file->bytes();
  std::string first = whole.substr(header, offset);
  std::string second = whole.substr(header + offset);
  std::swap_ranges(first.begin(), first.begin() + 4, second.begin());
  WriteWhole(path, whole.substr(0, header) + first + second);
  EXPECT_EQ(Build(loaded_.Index(2)).code(), absl::StatusCode::kDataLoss);
}

TEST_F(IndexBuilderTest, DropsARetiredEpoch) {
  ASSERT_TRUE(Build(loaded_.Index(2)).ok());
  const auto before = loaded_.Snapshot();
  ASSERT_TRUE(DropIndex(loaded_.folder(), LoadedFolder::kAgreement, 1).ok());
  EXPECT_FALSE(loaded_.Ready(*loaded_.Snapshot(), 1));
  EXPECT_TRUE(loaded_.Ready(*loaded_.Snapshot(), 2));
  EXPECT_EQ(loaded_.Resolve(*before, kAda).match(), Match::kOne) << "a held generation must stay";
  EXPECT_EQ(DropIndex(loaded_.folder(), LoadedFolder::kAgreement, 1).code(),
            absl::StatusCode::kNotFound);
}

TEST_F(IndexBuilderTest, DropsWhateverIsRetiredAndNothingElse) {
  ASSERT_TRUE(Build(loaded_.Index(2)).ok());
  const absl::Time end = loaded_.Statement(1).not_after;
  EXPECT_EQ(*DropRetiredIndexes(loaded_.folder(), end - absl::Seconds(1)), 0u);
  EXPECT_EQ(loaded_.Snapshot()->manifest().change, 2u) << "nothing was published";
  const auto before = loaded_.Snapshot();
  const std::string file =
      loaded_.folder() + "/" + before->manifest().FindIndex(LoadedFolder::kAgreement, 1)->file;
  EXPECT_EQ(*DropRetiredIndexes(loaded_.folder(), end), 1u);
  EXPECT_EQ(ReadWhole(file), "") << "the file is still there";
  EXPECT_FALSE(loaded_.Ready(*loaded_.Snapshot(), 1));
  EXPECT_TRUE(loaded_.Ready(*loaded_.Snapshot(), 2));
  EXPECT_EQ(loaded_.Resolve(*before, kAda).match(), Match::kOne) << "a held generation must stay";
}

TEST_F(IndexBuilderTest, DropsNothingWhileSomebodyChangesTheRecords) {
  const absl::Time end = loaded_.Statement(1).not_after;
  {
    const absl::StatusOr<FolderLock> lock = FolderLock::Take(loaded_.folder());
    ASSERT_TRUE(lock.ok());
    EXPECT_FALSE(DropRetiredIndexes(loaded_.folder(), end).ok());
    EXPECT_TRUE(loaded_.Ready(*loaded_.Snapshot(), 1));
  }
  EXPECT_EQ(*DropRetiredIndexes(loaded_.folder(), end), 1u);
}

}  // namespace
}  // namespace vouch::server::records
