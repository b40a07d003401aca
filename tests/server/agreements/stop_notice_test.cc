#include "server/agreements/stop_notice.h"

#include <gtest/gtest.h>

#include "absl/strings/str_replace.h"

namespace vouch::server::agreements {
namespace {

StopNotice Notice() {
  StopNotice notice;
  notice.agreement_id = "aid-tax-001";
  notice.party = "aid.example";
  notice.first_revision = 2;
  notice.last_revision = 4;
  notice.time = absl::FromUnixSeconds(1800000000);
  notice.reason = "The authority lapsed.";
  return notice;
}

TEST(StopNoticeTest, TheTextIsAsDocumentedAndReadsBack) {
  EXPECT_EQ(Notice().Text(),
            "vouch-stop/1\n"
            "action: stop\n"
            "agreement: aid-tax-001\n"
            "revisions: 2 to 4\n"
            "party: aid.example\n"
            "time: 2027-01-15T08:00:00Z\n"
            "reason: The authority lapsed.\n");
  const auto read = ReadStopNotice(Notice().Text());
  ASSERT_TRUE(read.ok()) << read.status();
  EXPECT_EQ(read->Text(), Notice().Text());
  StopNotice one = Notice();
  one.last_revision = 2;
  EXPECT_EQ(ReadStopNotice(one.Text())->last_revision, 2);
  StopNotice all = Notice();
  all.first_revision = 1;
  all.last_revision = INT64_MAX;
  EXPECT_EQ(ReadStopNotice(all.Text())->last_revision, INT64_MAX);
  all.lifts = true;
  EXPECT_TRUE(ReadStopNotice(all.Text())->lifts);
}

TEST(StopNoticeTest, AnyOtherTextIsRefused) {
  const std::string text = Notice().Text();
  const std::pair<const char*, const char*> changes[] = {
      {"vouch-stop/1", "vouch-stop/2"},
      {"action: stop", "action: go"},
      {"action: stop", "action: lift"},  // a lift has no range
      {"aid-tax-001", "AID"},
      {"aid-tax-001", "aid/tax"},
      {"2 to 4", "4 to 2"},
      {"2 to 4", "02 to 4"},
      {"2 to 4", "0 to 4"},
      {"2 to 4", "2 to 4 to 6"},
      {"2 to 4", "1 to 9223372036854775807"},
      {"aid.example", ""},
      {"08:00:00Z", "08:00:00+01:00"},
      {"2027-01-15", "2027-1-15"},
      // What is kept of a notice's time is seconds that other tools can show.
      {"2027-01-15T08:00:00Z", "10000-01-01T00:00:00Z"},
      {"2027-01-15T08:00:00Z", "292277026596-12-04T15:30:07Z"},
      {"2027-01-15T08:00:00Z", "infinite-future"},
      {"2027-01-15T08:00:00Z", "infinite-past"},
      {"2027-01-15", "1969-12-31"},
      {"The authority lapsed.", ""},
      {"lapsed.\n", "lapsed.\r\n"},
      {"lapsed.\n", "lapsed."},
      {"lapsed.\n", "lapsed.\n\n"},
      {"reason: ", "why: "},
      {"party: ", "party:  "},
  };
  for (const auto& [from, to] : changes) {
    EXPECT_FALSE(ReadStopNotice(absl::StrReplaceAll(text, {{from, to}})).ok()) << from << to;
  }
  EXPECT_FALSE(ReadStopNotice("").ok());
}

TEST(StopNoticeTest, ALiftMustBeLaterThanTheStop) {
  const auto standing = [](int64_t stop, int64_t lift) {
    return StandingStops({{"stop/a/b.example/1/9223372036854775807", stop, {}},
                          {"lift/a/b.example", lift, {}},
                          {"lift/a/c.example", 99, {}},
                          {"a", 1, {}},
                          {"signed/a/b.example", 1, {}}})
        .size();
  };
  EXPECT_EQ(standing(5, 4), 1u);
  EXPECT_EQ(standing(5, 5), 1u);
  EXPECT_EQ(standing(5, 6), 0u);
}

}  // namespace
}  // namespace vouch::server::agreements
