#include "server/records/token_index.h"

#include <gtest/gtest.h>

#include <map>
#include <thread>

#include "crypto/random.h"
#include "tests/server/records/loaded_folder.h"

namespace vouch::server::records {
namespace {

IndexEntry Entry(const IndexValue& value, uint32_t record, uint8_t formed = 7) {
  IndexEntry entry;
  entry.value = value;
  entry.record = record;
  entry.formed = formed;
  return entry;
}

IndexValue RandomValue() {
  IndexValue value;
  crypto::FillRandom(absl::MakeSpan(value));
  return value;
}

class TokenIndexTest : public testing::Test {
 protected:
  std::unique_ptr<TokenIndex> Build(const std::vector<IndexEntry>& entries) {
    auto builder = *TokenIndexBuilder::Create(folder_.path());
    std::vector<std::thread> threads;
    for (size_t t = 0; t < 2; ++t) {
      threads.emplace_back([&, t] {
        const size_t half = entries.size() / 2;
        const absl::Span<const IndexEntry> all(entries);
        builder->Add(t == 0 ? all.subspan(0, half) : all.subspan(half));
      });
    }
    for (std::thread& thread : threads) thread.join();
    const absl::Status built = builder->Finish(path_, {"agreement", 3, {}}, hasher_);
    EXPECT_TRUE(built.ok()) << built;
    auto index = TokenIndex::Open(path_, hasher_);
    EXPECT_TRUE(index.ok()) << index.status();
    return std::move(*index);
  }
  TemporaryFolder folder_;
  const std::string path_ = folder_.File("index.1.x");
  const crypto::HmacKey key_{crypto::SecretBytes::Random(32)};
  const IndexHasher hasher_{key_, "agreement", 3};
};

TEST_F(TokenIndexTest, FindsEveryValueAndNoOther) {
  std::vector<IndexEntry> entries;
  for (uint32_t i = 0; i < 50000; ++i) {
    entries.push_back(Entry(RandomValue(), i, static_cast<uint8_t>(i % 8)));
  }
  const auto index = Build(entries);
  EXPECT_EQ(index->values(), 50000u);
  for (const IndexEntry& entry : entries) {
    const IndexHit hit = index->Find(entry.value);
    ASSERT_EQ(hit.kind, IndexHit::Kind::kOne);
    EXPECT_EQ(hit.record, entry.record);
    EXPECT_EQ(hit.formed, entry.formed);
  }
  for (int i = 0; i < 50000; ++i) {
    EXPECT_EQ(index->Find(RandomValue()).kind, IndexHit::Kind::kNothing);
  }
}

TEST_F(TokenIndexTest, ValuesThatCrowdOneLineAreFound) {
  std::vector<IndexEntry> entries;
  for (uint32_t i = 0; i < 300; ++i) {
    IndexValue value{};
    value[0] = i < 150 ? 0x00 : 0xff;  // the first and the last line
    value[12] = static_cast<uint8_t>(i >> 8);
    value[13] = static_cast<uint8_t>(i);
    entries.push_back(Entry(value, i));
  }
  const auto index = Build(entries);
  for (const IndexEntry& entry : entries) EXPECT_EQ(index->Find(entry.value).record, entry.record);
  IndexValue other{};
  EXPECT_EQ(index->Find(other).record, 0u);
  other[5] = 1;
  EXPECT_EQ(index->Find(other).kind, IndexHit::Kind::kNothing);
}

TEST_F(TokenIndexTest, AValueOfTwoRecordsIsSeveralAndOfOneRecordTwiceIsOne) {
  const IndexValue shared = RandomValue(), twice = RandomValue();
  const auto index = Build({Entry(shared, 1), Entry(twice, 3), Entry(shared, 2), Entry(twice, 3)});
  EXPECT_EQ(index->Find(shared).kind, IndexHit::Kind::kSeveral);
  EXPECT_EQ(index->Find(twice).kind, IndexHit::Kind::kOne);
  EXPECT_EQ(index->Find(twice).record, 3u);
}

TEST_F(TokenIndexTest, GivesBackAllEntriesSharedOnesIncluded) {
  const IndexValue shared = RandomValue(), single = RandomValue();
  const auto index = Build({Entry(shared, 1, 3), Entry(single, 3), Entry(shared, 2, 5)});
  std::multimap<IndexValue, uint32_t> seen;
  ASSERT_TRUE(index
                  ->ForEach([&](const IndexEntry& entry) {
                    seen.emplace(entry.value, entry.record * 10 + entry.formed);
                  })
                  .ok());
  const std::multimap<IndexValue, uint32_t> expected = {{shared, 13}, {single, 37}, {shared, 25}};
  EXPECT_EQ(seen, expected);
}

TEST_F(TokenIndexTest, AnEmptyIndexFindsNothing) {
  EXPECT_EQ(Build({})->Find(RandomValue()).kind, IndexHit::Kind::kNothing);
}

TEST_F(TokenIndexTest, RefusesAnotherKeyAgreementOrEpoch) {
  Build({Entry(RandomValue(), 1)});
  const crypto::HmacKey other(crypto::SecretBytes::Random(32));
  EXPECT_EQ(TokenIndex::Open(path_, IndexHasher(other, "agreement", 3)).status().code(),
            absl::StatusCode::kFailedPrecondition);
  EXPECT_FALSE(TokenIndex::Open(path_, IndexHasher(key_, "agreement", 4)).ok());
  EXPECT_FALSE(TokenIndex::Open(path_, IndexHasher(key_, "agreements", 3)).ok());
}

TEST_F(TokenIndexTest, ADamagedLineIsNotBelieved) {
  const IndexValue value = RandomValue();
  Build({Entry(value, 1)});
  const std::string whole = ReadWhole(path_);
  const size_t line = whole.size() - 64;
  for (size_t bit = 0; bit < 64 * 8; ++bit) {
    std::string damaged = whole;
    damaged[line + bit / 8] = static_cast<char>(damaged[line + bit / 8] ^ 1 << bit % 8);
    WriteWhole(path_, damaged);
    const auto index = *TokenIndex::Open(path_, hasher_);
    const IndexHit hit = index->Find(value);
    EXPECT_TRUE(hit.damaged) << bit;
    EXPECT_EQ(hit.kind, IndexHit::Kind::kNothing);
    EXPECT_EQ(index->ForEach([](const IndexEntry&) {}).code(), absl::StatusCode::kDataLoss);
  }
}

TEST_F(TokenIndexTest, LinesThatChangedPlacesAreNotBelieved) {
  std::vector<IndexEntry> entries;
  for (uint32_t i = 0; i < 6; ++i) {
    IndexValue value{};
    value[0] = static_cast<uint8_t>(i * 40);
    entries.push_back(Entry(value, i));
  }
  Build(entries);
  std::string bytes = ReadWhole(path_);
  std::swap_ranges(bytes.end() - 64, bytes.end(), bytes.end() - 128);
  WriteWhole(path_, bytes);
  const auto index = *TokenIndex::Open(path_, hasher_);
  EXPECT_TRUE(index->Find(entries[5].value).damaged);
}

TEST_F(TokenIndexTest, ValuesDependOnKeyNumberTokenAgreementAndEpoch) {
  crypto::Token token{};
  token[31] = 1;
  const crypto::Digest base = hasher_.Hash(0, token);
  EXPECT_NE(hasher_.Hash(1, token), base);
  EXPECT_NE(hasher_.HashInPlace(0, token), base);
  EXPECT_NE(IndexHasher(key_, "agreement", 4).Hash(0, token), base);
  EXPECT_NE(IndexHasher(key_, "agreements", 3).Hash(0, token), base);
  for (size_t i = 0; i < token.size(); ++i) {
    crypto::Token other = token;
    other[i] ^= 0x80;
    EXPECT_NE(hasher_.Hash(0, other), base) << i;
  }
}

}  // namespace
}  // namespace vouch::server::records
