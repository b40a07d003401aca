#include "server/ledger/oversight/disclosures.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <set>

#include "policies/engine/refusal.h"
#include "policies/engine/values.h"
#include "tests/server/ledger/oversight/history.h"

namespace vouch::server::ledger::oversight {
namespace {

using ::testing::ElementsAreArray;
using ::testing::SizeIs;

Noted NotedOf(const Disclosure& one) {
  Noted noted;
  noted.minute = one.entry.minute;
  noted.requester = one.entry.requester;
  noted.question = one.entry.question;
  if (one.entry.kind == crypto::EntryKind::kRefused) {
    noted.outcome =
        std::string(policies::ReasonName(static_cast<policies::Reason>(one.entry.reason)));
  } else if (one.opened.has_value()) {
    noted.outcome = std::string(
        policies::AnswerName(static_cast<policies::Answer>(one.opened->details.answer)));
  }
  return noted;
}

DisclosureSearch SearchFor(SubjectKeys* keys, const std::vector<KeptEntry>& log,
                           absl::Time from = absl::InfinitePast(),
                           absl::Time to = absl::InfiniteFuture()) {
  DisclosureSearch search(keys, from, to);
  for (const KeptEntry& entry : log) EXPECT_TRUE(search.Visit(entry.InLog()).ok());
  return search;
}

TEST(DisclosuresTest, EverybodysAccountingIsWhatHappenedLineByLine) {
  const History& history = History::Get();
  std::set<uint64_t> seen;
  size_t lines = 0;
  size_t to_tokens = 0;
  for (int person = 0; person < History::kPeople; ++person) {
    PersonKeys keys(history.keys(), history.NamesOf(person));
    const DisclosureSearch search = SearchFor(&keys, history.log());
    std::vector<Noted> found;
    for (const Disclosure& one : search.found()) {
      found.push_back(NotedOf(one));
      EXPECT_TRUE(one.opened.has_value());
      EXPECT_TRUE(seen.insert(one.index).second) << "an entry is two people's";
      if (one.tagged_to == crypto::SubjectKey::Subject::kTokens) ++to_tokens;
    }
    EXPECT_THAT(found, ElementsAreArray(history.noted(person))) << "person " << person;
    EXPECT_TRUE(search.closed().empty());
    lines += found.size();
  }
  // Nothing is left over: every entry is somebody's line, a refused group's or padding.
  EXPECT_EQ(lines + history.nobodys(), history.log().size());
  // The history is one worth having.
  EXPECT_GT(lines, 9500u);
  EXPECT_GT(to_tokens, 1000u);
  EXPECT_GT(history.refused_after_resolve(), 500);
}

TEST(DisclosuresTest, OnePersonsKeysOpenNothingOfAnyoneElse) {
  const History& history = History::Get();
  for (const int person : {0, 31, 159, 160, 199}) {
    PersonKeys keys(history.keys(), history.NamesOf(person));
    const DisclosureSearch search = SearchFor(&keys, history.log());
    std::set<uint64_t> own;
    for (const Disclosure& one : search.found()) own.insert(one.index);
    ASSERT_GT(own.size(), 20u);
    uint64_t tried = 0;
    for (const KeptEntry& entry : history.log()) {
      if (own.count(entry.index) > 0) continue;
      const auto read = crypto::ReadSubjectEntry(entry.entry);
      ASSERT_TRUE(read.ok());
      // Every key that was handed over, of other months too.
      for (const Disclosure& one : search.found()) {
        if (&one != &search.found().front() && one.key == (&one - 1)->key) continue;
        const crypto::SubjectKey key(one.key);
        ++tried;
        EXPECT_NE(key.Tag(read->nonce), read->tag);
        EXPECT_FALSE(EntryWriter::OpenWith(key, entry.entry, entry.sealed).ok());
        if (::testing::Test::HasFailure()) return;
      }
    }
    EXPECT_GT(tried, 9000u);
  }
}

TEST(DisclosuresTest, DaysAskedForAreTheDaysGiven) {
  const History& history = History::Get();
  PersonKeys keys(history.keys(), history.NamesOf(3));
  const absl::Time from = absl::FromCivil(absl::CivilDay(2027, 7, 1), absl::UTCTimeZone());
  const absl::Time to = absl::FromCivil(absl::CivilDay(2027, 7, 16), absl::UTCTimeZone());
  const DisclosureSearch search = SearchFor(&keys, history.log(), from, to);
  std::vector<Noted> wanted;
  for (const Noted& noted : history.noted(3)) {
    const absl::Time at = absl::FromUnixSeconds(noted.minute * 60);
    if (at >= from && at < to) wanted.push_back(noted);
  }
  ASSERT_FALSE(wanted.empty());
  std::vector<Noted> found;
  for (const Disclosure& one : search.found()) found.push_back(NotedOf(one));
  EXPECT_THAT(found, ElementsAreArray(wanted));
}

// A copy of the months' keys in which one is missing; its reader removes it.
std::string KeysWithoutJuly(const History& history) {
  const std::string folder =
      ::testing::TempDir() + ::testing::UnitTest::GetInstance()->current_test_info()->name();
  std::filesystem::remove_all(folder);
  std::filesystem::copy(std::filesystem::path(history.journal()).parent_path() / "periods", folder,
                        std::filesystem::copy_options::recursive);
  EXPECT_TRUE(std::filesystem::remove(folder + "/tags/aid-tax-001/2027-07.0.key"));
  return folder;
}

TEST(DisclosuresTest, AMonthWithoutItsKeyIsSaidAndTheOthersAreComplete) {
  const History& history = History::Get();
  const std::string folder = KeysWithoutJuly(history);
  PeriodKeys remaining(folder);
  PersonKeys keys(&remaining, history.NamesOf(5));
  const DisclosureSearch search = SearchFor(&keys, history.log());
  size_t others = 0;
  for (const Noted& noted : history.noted(5)) {
    if (TagPeriodOf(absl::FromUnixSeconds(noted.minute * 60)) != 2027 * 12 + 6) ++others;
  }
  EXPECT_THAT(search.found(), SizeIs(others));
  ASSERT_THAT(search.closed(), SizeIs(1));
  EXPECT_EQ(MonthText(search.closed().begin()->first.month), "2027-07");
  EXPECT_GT(search.closed().begin()->second, 2000u);
  EXPECT_FALSE(std::filesystem::exists(folder + "/tags/aid-tax-001/2027-07.0.key"));
  std::filesystem::remove_all(folder);
}

// A key that was lost and made anew finds nothing of what was tagged before: that must not look
// like nothing having been asked.
TEST(DisclosuresTest, WhatWasTaggedUnderAKeyThatWasLostIsSaid) {
  const History& history = History::Get();
  const std::string folder = KeysWithoutJuly(history);
  PeriodKeys periods(folder);
  PersonKeys none(&periods, history.NamesOf(5));
  const DisclosureSearch without = SearchFor(&none, history.log());
  PeriodKeys restarted(folder);
  ASSERT_TRUE(restarted.Tag("aid-tax-001", 2027 * 12 + 6, 0).ok());
  PersonKeys keys(&restarted, history.NamesOf(5));
  const DisclosureSearch search = SearchFor(&keys, history.log());
  EXPECT_EQ(search.closed(), without.closed());
  EXPECT_EQ(search.compared(), without.compared());
  EXPECT_EQ(search.found().size(), without.found().size());
  std::filesystem::remove_all(folder);
}

TEST(DisclosuresTest, AnEntryTaggedToThePersonIsFoundWhateverKeyIsNamedBesideIt) {
  const History& history = History::Get();
  PersonKeys keys(history.keys(), history.NamesOf(3));
  std::vector<KeptEntry> log = history.log();
  const DisclosureSearch whole = SearchFor(&keys, log);
  ASSERT_FALSE(whole.found().empty());
  for (KeptEntry& one : log) {
    if (one.sealed.size() > 6) one.sealed[6] ^= 1;
  }
  const DisclosureSearch search = SearchFor(&keys, log);
  EXPECT_EQ(search.found().size(), whole.found().size());
  EXPECT_EQ(search.compared(), whole.found().size());
}

TEST(DisclosuresTest, ADamagedEntryIsNotPassedOver) {
  const History& history = History::Get();
  PersonKeys keys(history.keys(), history.NamesOf(0));
  DisclosureSearch search(&keys);
  KeptEntry cut = history.log().front();
  cut.entry.pop_back();
  EXPECT_EQ(search.Visit(cut.InLog()).code(), absl::StatusCode::kDataLoss);
}

TEST(DisclosuresTest, WhatDoesNotOpenIsListedAllTheSame) {
  const History& history = History::Get();
  PersonKeys keys(history.keys(), history.NamesOf(1));
  const DisclosureSearch whole = SearchFor(&keys, history.log());
  KeptEntry damaged;
  damaged.entry = whole.found()[0].bytes;
  damaged.sealed = whole.found()[0].sealed;
  damaged.sealed.back() ^= 1;
  const DisclosureSearch search = SearchFor(&keys, {damaged});
  ASSERT_THAT(search.found(), SizeIs(1));
  EXPECT_FALSE(search.found()[0].opened.has_value());
}

TEST(MonthTextTest, ReadsWhatItWrites) {
  EXPECT_EQ(MonthText(2027 * 12 + 2), "2027-03");
  EXPECT_EQ(ParseMonth("2027-03"), absl::optional<uint32_t>(2027 * 12 + 2));
  for (const char* wrong : {"2027-13", "2027-00", "2027-3", "27-03", "2027-03-01", "+027-03", ""}) {
    EXPECT_FALSE(ParseMonth(wrong).has_value()) << wrong;
  }
}

}  // namespace
}  // namespace vouch::server::ledger::oversight
