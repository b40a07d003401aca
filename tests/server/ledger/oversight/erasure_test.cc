#include "server/ledger/oversight/erasure.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <iterator>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "crypto/merkle.h"
#include "server/ledger/oversight/disclosures.h"
#include "tests/fakes/fake_records.h"
#include "tests/server/walk/world.h"

namespace vouch::server::ledger::oversight {
namespace {

namespace fs = std::filesystem;

using ::testing::HasSubstr;

constexpr uint32_t kJune2027 = 2027 * 12 + 5;

// A year's node, long after: two people asked about in June, one of them in July too.
class ErasureTest : public ::testing::Test {
 protected:
  ErasureTest() {
    world_.AddPerson("low", 500000);
    world_.AddPerson("high", 5000000);
    for (const char* person : {"low", "high", "low", "nobody"}) world_.Walk(world_.About(person));
    world_.clock.Advance(absl::Hours(24 * 30));
    world_.records.snapshot->loaded = world_.clock.Now();
    world_.Walk(world_.About("low"));
    rules_.journal_folder = world_.folder.Path("journal");
    rules_.holds_folder = HoldsFolder(periods());
    const auto extent = ReadLog(rules_.journal_folder, [&](const LogEntry& entry) {
      const auto read = crypto::ReadSubjectEntry(entry.entry);
      if (read.ok()) rules_.revisions.insert(read->digest_prefix);
      return absl::OkStatus();
    });
    EXPECT_TRUE(extent.ok());
    EXPECT_EQ(rules_.revisions.size(), 1u);
    rules_.keep = absl::Hours(24 * (365 * 5 + 5));
    rules_.now = absl::FromCivil(absl::CivilDay(2032, 8, 1), absl::UTCTimeZone());
  }

  static PersonNames NamesOf(const std::string& person) {
    PersonNames names;
    names.handles.insert(fakes::FakeSnapshot::HandleOf(person));
    std::string tokens;
    for (const crypto::Token& token : TokensOf(person)) {
      tokens.append(std::string(crypto::AsText(token)));
    }
    names.token_vectors["aid-tax-001"].insert(tokens);
    return names;
  }
  std::vector<Disclosure> Find(const std::string& person) {
    PeriodKeys fresh(periods());
    PersonKeys keys(&fresh, NamesOf(person));
    DisclosureSearch search(&keys);
    const auto extent =
        ReadLog(rules_.journal_folder, [&](const LogEntry& entry) { return search.Visit(entry); });
    EXPECT_TRUE(extent.ok()) << extent.status();
    return search.found();
  }
  crypto::Digest Root() {
    crypto::CompactRange range;
    const auto extent = ReadLog(rules_.journal_folder, [&](const LogEntry& entry) {
      range.Append(crypto::LeafHash(crypto::AsBytes(entry.entry)));
      return absl::OkStatus();
    });
    EXPECT_TRUE(extent.ok());
    return range.Root();
  }
  std::string periods() const { return world_.folder.Path("periods"); }
  absl::Status Erase() {
    PeriodKeys keys(periods());
    return EraseMonth(&keys, june_, rules_);
  }

  World world_;
  ErasureRules rules_;
  const Period june_ = {"aid-tax-001", kJune2027, 0};
};

TEST_F(ErasureTest, NothingOfTheMonthOpensAfterwardsAndTheOthersDo) {
  ASSERT_EQ(Find("low").size(), 3u);
  const crypto::Digest before = Root();
  ASSERT_TRUE(Erase().ok());
  EXPECT_EQ(Find("low").size(), 1u);
  EXPECT_TRUE(Find("high").empty());
  EXPECT_TRUE(Find("nobody").empty());
  // The tree is what it was.
  EXPECT_EQ(Root(), before);
  EXPECT_EQ(world_.journal->head().range.Root(), before);
}

// Whoever takes the whole folder finds none of what opened the month: not its key, not a person's,
// not a day's that wraps them, in any file.
TEST_F(ErasureTest, NothingInTheWholeFolderBringsItBack) {
  std::vector<std::string> secrets;
  const std::string day = absl::StrCat("replay/", DayOf(Noon()), ".key");
  for (const std::string& name : {std::string("tags/aid-tax-001/2027-06.0.key"), day}) {
    std::ifstream in(periods() + "/" + name);
    std::string hex{std::istreambuf_iterator<char>(in), {}};
    ASSERT_EQ(hex.size(), 65u);
    hex.pop_back();
    std::string raw(32, '\0');
    ASSERT_TRUE(
        crypto::FromHex(hex, absl::MakeSpan(reinterpret_cast<uint8_t*>(&raw[0]), raw.size())));
    secrets.push_back(hex);
    secrets.push_back(raw);
  }
  for (const Disclosure& one : Find("low")) {
    if (one.entry.tag_period != kJune2027) continue;
    secrets.emplace_back(crypto::AsText(one.key));
    secrets.push_back(crypto::Hex(one.key));
    secrets.emplace_back(crypto::AsText(one.opened->opening));
    secrets.emplace_back(one.opened->details.Bytes());
  }
  // What names the person lies nowhere in the clear, before as after.
  const crypto::Digest handle = fakes::FakeSnapshot::HandleOf("low");
  secrets.emplace_back(crypto::AsText(handle));
  ASSERT_TRUE(Erase().ok());
  size_t files = 0;
  for (const auto& file : fs::recursive_directory_iterator(world_.folder.Path(""))) {
    if (!file.is_regular_file()) continue;
    ++files;
    std::ifstream in(file.path(), std::ios::binary);
    const std::string bytes{std::istreambuf_iterator<char>(in), {}};
    for (const std::string& secret : secrets) {
      EXPECT_FALSE(absl::StrContains(bytes, secret)) << file.path();
    }
  }
  EXPECT_GT(files, 5u);
  // The day's replay key of June is gone, that of July stays.
  size_t left = 0;
  for (const auto& file : fs::directory_iterator(periods() + "/replay")) {
    left += file.is_regular_file() ? 1 : 0;
  }
  EXPECT_EQ(left, 1u);
  std::ifstream notes(periods() + "/erased");
  const std::string noted{std::istreambuf_iterator<char>(notes), {}};
  EXPECT_THAT(noted, HasSubstr("2032-08-01"));
  EXPECT_THAT(noted, HasSubstr("aid-tax-001 2027-06.0.key"));
}

TEST_F(ErasureTest, IsRefusedWhileTheAgreementKeepsTheMonth) {
  rules_.now = absl::FromCivil(absl::CivilDay(2032, 7, 3), absl::UTCTimeZone());
  const absl::Status refused = Erase();
  EXPECT_EQ(refused.code(), absl::StatusCode::kFailedPrecondition);
  EXPECT_THAT(std::string(refused.message()), HasSubstr("keeps it until 2032-07-04"));
  EXPECT_EQ(Find("low").size(), 3u);
}

TEST_F(ErasureTest, IsRefusedWhereNobodyKnowsHowLongItIsKept) {
  rules_.keep = absl::InfiniteDuration();
  EXPECT_EQ(Erase().code(), absl::StatusCode::kFailedPrecondition);
}

TEST_F(ErasureTest, IsRefusedWhileAnswersCanBeGivenAgain) {
  rules_.keep = absl::ZeroDuration();
  rules_.now = absl::FromCivil(absl::CivilDay(2027, 7, 9), absl::UTCTimeZone());
  EXPECT_THAT(std::string(Erase().message()), HasSubstr("given again until 2027-07-10"));
  rules_.now += absl::Hours(24);
  EXPECT_TRUE(Erase().ok());
}

TEST_F(ErasureTest, AHoldOnTheAgreementStopsItUntilReleased) {
  const std::string folder = HoldsFolder(periods());
  LegalHold hold;
  hold.name = "case-14";
  hold.agreement_id = "aid-tax-001";
  ASSERT_TRUE(WriteLegalHold(folder, hold).ok());
  EXPECT_THAT(std::string(Erase().message()), HasSubstr("the hold case-14"));
  ASSERT_TRUE(ReleaseLegalHold(folder, "case-14").ok());
  EXPECT_TRUE(Erase().ok());
}

TEST_F(ErasureTest, AHoldOnAPersonStopsTheMonthsThatAreAboutThatPerson) {
  const std::string folder = HoldsFolder(periods());
  for (const char* name : {"nobody", "somebody-else"}) {
    LegalHold hold;
    hold.name = name;
    hold.person = NamesOf(name);
    ASSERT_TRUE(WriteLegalHold(folder, hold).ok());
  }
  const std::string why(Erase().message());
  EXPECT_THAT(why, HasSubstr("the hold nobody is on somebody"));
  EXPECT_THAT(why, ::testing::Not(HasSubstr("somebody-else")));
  ASSERT_TRUE(ReleaseLegalHold(folder, "nobody").ok());
  EXPECT_TRUE(Erase().ok());
}

TEST_F(ErasureTest, TheLifeOfTheRecordLastsAsLongAsSomebodyIsOnRecord) {
  rules_.keep_life_of_record = true;
  std::vector<crypto::Digest> on_record = {crypto::Sha256("a stranger"),
                                           fakes::FakeSnapshot::HandleOf("high")};
  absl::Status seen;
  rules_.people = [&](const std::function<bool(const crypto::Digest&)>& visit) {
    for (const crypto::Digest& person : on_record) {
      if (!visit(person)) break;
    }
    return seen;
  };
  EXPECT_THAT(std::string(Erase().message()), HasSubstr("life of the record"));
  on_record.pop_back();
  // Somebody could not be seen.
  seen = absl::DataLossError("a row is damaged");
  EXPECT_EQ(Erase().code(), absl::StatusCode::kDataLoss);
  EXPECT_EQ(Find("high").size(), 1u);
  seen = absl::OkStatus();
  EXPECT_TRUE(Erase().ok());
}

TEST_F(ErasureTest, IsRefusedWhereTheTextOfARevisionIsMissing) {
  rules_.revisions = {{1, 2, 3, 4, 5, 6, 7, 8}};
  const absl::Status refused = Erase();
  EXPECT_EQ(refused.code(), absl::StatusCode::kFailedPrecondition);
  EXPECT_THAT(std::string(refused.message()), HasSubstr("whose text is not in the agreements"));
  EXPECT_EQ(Find("low").size(), 3u);
}

// Judging takes long: a hold that is made while it goes on is heeded.
TEST_F(ErasureTest, AHoldMadeWhileItIsJudgedStopsIt) {
  rules_.keep_life_of_record = true;
  rules_.people = [&](const std::function<bool(const crypto::Digest&)>&) {
    LegalHold hold;
    hold.name = "case-15";
    hold.agreement_id = "aid-tax-001";
    return WriteLegalHold(rules_.holds_folder, hold);
  };
  EXPECT_THAT(std::string(Erase().message()), HasSubstr("the hold case-15"));
  EXPECT_EQ(Find("low").size(), 3u);
}

// Killed when the key was overwritten and its file not yet removed.
TEST_F(ErasureTest, WhatACrashLeftHalfDestroyedIsDestroyedAndFinished) {
  rules_.keep_life_of_record = true;
  rules_.people = [](const std::function<bool(const crypto::Digest&)>&) {
    return absl::OkStatus();
  };
  const std::string key = periods() + "/tags/aid-tax-001/2027-06.0.key";
  std::ofstream(key, std::ios::trunc) << std::string(65, '0');
  std::ofstream(periods() + "/erased") << "2032-08-01T00:00:00+00:00 aid-ta";
  EXPECT_EQ(Find("low").size(), 1u);
  ASSERT_TRUE(Erase().ok());
  EXPECT_FALSE(fs::exists(key));
  PeriodKeys fresh(periods());
  ASSERT_EQ(fresh.ErasedTags()->size(), 1u);
  EXPECT_EQ(Erase().code(), absl::StatusCode::kNotFound);
}

// A damaged commit with others behind it is no end of the log.
TEST_F(ErasureTest, ADamagedCommitIsNotTheEndOfTheLog) {
  std::string segment;
  for (const auto& file : fs::directory_iterator(rules_.journal_folder)) {
    if (absl::StrContains(file.path().filename().string(), "commits-")) segment = file.path();
  }
  {
    std::fstream file(segment, std::ios::in | std::ios::out | std::ios::binary);
    file.seekp(4096 + 100);
    file.put('x');
  }
  const auto extent =
      ReadLog(rules_.journal_folder, [](const LogEntry&) { return absl::OkStatus(); });
  EXPECT_EQ(extent.status().code(), absl::StatusCode::kDataLoss);
  EXPECT_EQ(Erase().code(), absl::StatusCode::kDataLoss);
}

TEST_F(ErasureTest, WhatIsErasedCannotBeErasedAgain) {
  ASSERT_TRUE(Erase().ok());
  EXPECT_EQ(Erase().code(), absl::StatusCode::kNotFound);
}

TEST_F(ErasureTest, ARunningNodeGoesOnInItsMonth) {
  ASSERT_TRUE(Erase().ok());
  world_.Walk(world_.About("high"));
  EXPECT_EQ(Find("high").size(), 1u);
}

TEST(LegalHoldsTest, AHoldThatCannotBeReadStopsEverything) {
  const std::string folder = ::testing::TempDir() + "/oversight-holds";
  fs::remove_all(folder);
  EXPECT_TRUE(ReadLegalHolds(folder)->empty());
  LegalHold hold;
  hold.name = "case-1";
  hold.agreement_id = "a-1";
  hold.reason = "litigation";
  hold.since = absl::FromUnixSeconds(1800000000);
  ASSERT_TRUE(WriteLegalHold(folder, hold).ok());
  EXPECT_EQ(WriteLegalHold(folder, hold).code(), absl::StatusCode::kAlreadyExists);
  const auto read = ReadLegalHolds(folder);
  ASSERT_EQ(read->size(), 1u);
  EXPECT_EQ((*read)[0].reason, "litigation");
  EXPECT_EQ((*read)[0].since, hold.since);
  fs::permissions(folder + "/case-1.hold", fs::perms::owner_all);
  std::ofstream(folder + "/case-1.hold", std::ios::trunc) << "{}";
  EXPECT_EQ(ReadLegalHolds(folder).status().code(), absl::StatusCode::kDataLoss);
  fs::remove_all(folder);
}

TEST(LegalHoldsTest, NamesAreNoPaths) {
  LegalHold hold;
  hold.agreement_id = "a-1";
  for (const char* name : {"", "../x", ".x", "a/b", "a b"}) {
    hold.name = name;
    EXPECT_EQ(WriteLegalHold(::testing::TempDir() + "/none", hold).code(),
              absl::StatusCode::kInvalidArgument);
    EXPECT_FALSE(ReleaseLegalHold(::testing::TempDir(), name).ok());
  }
}

TEST(KeepOfTest, FiveYearsAreNeverLessThanFiveYearsOfTheCalendar) {
  policies::Agreement agreement;
  agreement.keep_ledger = absl::Hours(24 * 365 * 5);
  policies::Agreement longer = agreement;
  longer.keep_ledger = absl::Hours(24 * 365 * 7);
  const absl::Time end = EndOfMonth(kJune2027);
  EXPECT_GE(end + KeepOf({&agreement}),
            absl::FromCivil(absl::CivilDay(2032, 7, 1), absl::UTCTimeZone()));
  EXPECT_GE(end + KeepOf({&agreement, &longer}),
            absl::FromCivil(absl::CivilDay(2034, 7, 1), absl::UTCTimeZone()));
}

}  // namespace
}  // namespace vouch::server::ledger::oversight
