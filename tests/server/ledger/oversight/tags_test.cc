// Whether the tags of one person, asked about again and again, look like anything but chance. Each
// figure would be exceeded by truly random tags in about one run of a million or fewer.
#include <gtest/gtest.h>

#include <array>
#include <cmath>
#include <cstdint>
#include <set>
#include <string>
#include <vector>

#include "crypto/random.h"
#include "crypto/receipt.h"
#include "server/ledger/oversight/disclosures.h"
#include "tests/server/ledger/oversight/history.h"

namespace vouch::server::ledger::oversight {
namespace {

using TagBytes = std::array<uint8_t, 16>;
using Subject = crypto::SubjectKey::Subject;

constexpr size_t kTags = 20000;

// One person's tags in one month, as many as nobody is asked about.
std::vector<TagBytes> OfOnePerson() {
  const crypto::HmacKey period(crypto::SecretBytes::Random(32));
  const crypto::Digest person = crypto::Sha256("one person");
  const crypto::SubjectKey key(period, Subject::kPerson, person);
  std::vector<TagBytes> tags;
  for (size_t i = 0; i < kTags; ++i) {
    TagBytes nonce;
    crypto::FillRandom(absl::MakeSpan(nonce));
    tags.push_back(key.Tag(nonce));
  }
  return tags;
}

int BitsSet(uint8_t byte) {
  int bits = 0;
  for (; byte != 0; byte &= static_cast<uint8_t>(byte - 1)) ++bits;
  return bits;
}

// How far a count of `n` fair coins lies from the middle, in standard deviations.
double Deviation(double heads, double n) { return (heads - n / 2) / std::sqrt(n / 4); }

double ChiSquare(const std::vector<uint64_t>& cells, uint64_t total) {
  const double expected = static_cast<double>(total) / static_cast<double>(cells.size());
  double sum = 0;
  for (const uint64_t cell : cells) {
    const double off = static_cast<double>(cell) - expected;
    sum += off * off / expected;
  }
  return sum;
}

// Within five standard deviations of what chance gives.
void ExpectChiSquare(const std::vector<uint64_t>& cells, uint64_t total) {
  const double freedom = static_cast<double>(cells.size() - 1);
  const double value = ChiSquare(cells, total);
  EXPECT_LT(value, freedom + 5 * std::sqrt(2 * freedom));
  EXPECT_GT(value, freedom - 5 * std::sqrt(2 * freedom));
}

void ExpectRandom(const std::vector<TagBytes>& tags) {
  // No tag twice.
  EXPECT_EQ(std::set<TagBytes>(tags.begin(), tags.end()).size(), tags.size());
  // Bytes evenly spread: 255 degrees of freedom.
  std::vector<uint64_t> bytes(256);
  // Monobit, of all and of each of the 128 places.
  std::vector<double> ones(128);
  for (const TagBytes& tag : tags) {
    for (size_t i = 0; i < tag.size(); ++i) {
      ++bytes[tag[i]];
      for (size_t bit = 0; bit < 8; ++bit) ones[i * 8 + bit] += tag[i] >> bit & 1;
    }
  }
  ExpectChiSquare(bytes, tags.size() * 16);
  double all = 0;
  for (const double place : ones) {
    EXPECT_LT(std::abs(Deviation(place, static_cast<double>(tags.size()))), 5.5);
    all += place;
  }
  EXPECT_LT(std::abs(Deviation(all, static_cast<double>(tags.size()) * 128)), 5);
  // Serial: a tag says nothing about the next one of the same person. Bits that agree, and pairs of
  // half bytes in the same place.
  double agree = 0;
  std::vector<uint64_t> pairs(256);
  for (size_t i = 1; i < tags.size(); ++i) {
    for (size_t k = 0; k < 16; ++k) {
      agree += 8 - BitsSet(static_cast<uint8_t>(tags[i][k] ^ tags[i - 1][k]));
      ++pairs[static_cast<size_t>(tags[i - 1][k] & 15) << 4 | (tags[i][k] & 15)];
    }
  }
  const double n = static_cast<double>(tags.size() - 1);
  EXPECT_LT(std::abs(Deviation(agree, n * 128)), 5);
  ExpectChiSquare(pairs, (tags.size() - 1) * 16);
}

TEST(TagsTest, OfOnePersonAskedAboutTwentyThousandTimesAreLikeChance) {
  ExpectRandom(OfOnePerson());
}

// Tells that the tests above can tell: what a tag without its nonce, and one with a counter, give.
TEST(TagsTest, TheTestsSeeTagsThatAreNotRandom) {
  const auto seen = [](const std::vector<TagBytes>& tags) {
    std::vector<uint64_t> bytes(256);
    for (const TagBytes& tag : tags) {
      for (const uint8_t byte : tag) ++bytes[byte];
    }
    const bool twice = std::set<TagBytes>(tags.begin(), tags.end()).size() < tags.size();
    return twice || ChiSquare(bytes, tags.size() * 16) > 255 + 5 * std::sqrt(510.0);
  };
  std::vector<TagBytes> tags = OfOnePerson();
  EXPECT_FALSE(seen(tags));
  for (TagBytes& tag : tags) tag[0] = 7;  // a byte that stays
  EXPECT_TRUE(seen(tags));
  tags = OfOnePerson();
  tags.back() = tags.front();
  EXPECT_TRUE(seen(tags));
}

// As the walk makes them: everybody's tags of the history in the order of the log, and those of the
// same person one after another.
TEST(TagsTest, OfAHistoryAreLikeChanceInItsOrderAndPersonByPerson) {
  const History& history = History::Get();
  std::vector<TagBytes> in_order;
  for (const KeptEntry& entry : history.log()) {
    const auto read = crypto::ReadSubjectEntry(entry.entry);
    ASSERT_TRUE(read.ok());
    in_order.push_back(read->tag);
  }
  ASSERT_GT(in_order.size(), 10000u);
  ExpectRandom(in_order);
  std::vector<TagBytes> by_person;
  for (int person = 0; person < 40; ++person) {
    PersonKeys keys(history.keys(), history.NamesOf(person));
    DisclosureSearch search(&keys);
    for (const KeptEntry& entry : history.log()) ASSERT_TRUE(search.Visit(entry.InLog()).ok());
    for (const Disclosure& one : search.found()) by_person.push_back(one.entry.tag);
  }
  ASSERT_GT(by_person.size(), 1500u);
  ExpectRandom(by_person);
}

}  // namespace
}  // namespace vouch::server::ledger::oversight
