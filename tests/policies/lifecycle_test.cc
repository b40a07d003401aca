#include "policies/engine/lifecycle.h"

#include <set>

#include "absl/strings/match.h"
#include "absl/strings/str_split.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace vouch::policies {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::Not;

Agreement OneYear() {
  Agreement agreement;
  agreement.id = "aid-tax-1";
  agreement.revision = 2;
  agreement.title = "Income; a check, by agreement";
  agreement.answers = "tax.example";
  agreement.effective = absl::CivilDay(2027, 1, 1);
  agreement.expires = absl::CivilDay(2027, 12, 31);
  agreement.time_zone = "America/New_York";
  return agreement;
}

std::vector<std::string> Days(const Agreement& agreement) {
  std::vector<std::string> days;
  for (const Milestone& one : Milestones(agreement)) days.push_back(absl::FormatCivilTime(one.on));
  return days;
}

TEST(LifecycleTest, MarksFollowTheLastDay) {
  EXPECT_THAT(Days(OneYear()),
              ElementsAre("2027-01-01", "2027-07-04", "2027-10-02", "2027-12-01", "2027-12-31"));
}

TEST(LifecycleTest, MarksBeforeTheFirstDayAreLeftOut) {
  Agreement agreement = OneYear();
  agreement.effective = absl::CivilDay(2027, 11, 1);
  EXPECT_THAT(Days(agreement), ElementsAre("2027-11-01", "2027-12-01", "2027-12-31"));
}

TEST(LifecycleTest, AMatchingAgreementMayBeRenewedOnceInItsLastThreeMonths) {
  Agreement agreement = OneYear();
  EXPECT_FALSE(RenewalOpens(agreement).has_value());
  agreement.authority = AuthorityKind::kMatchingAgreement;
  EXPECT_EQ(RenewalOpens(agreement), absl::CivilDay(2027, 10, 1));
  agreement.expires = absl::CivilDay(2027, 6, 30);
  EXPECT_EQ(RenewalOpens(agreement), absl::CivilDay(2027, 3, 31));
  agreement.expires = absl::CivilDay(2027, 5, 31);
  // There is no 31 February.
  EXPECT_EQ(RenewalOpens(agreement), absl::CivilDay(2027, 3, 1));
  agreement.renewed_from = absl::CivilDay(2027, 3, 31);
  EXPECT_FALSE(RenewalOpens(agreement).has_value());
}

TEST(LifecycleTest, TheCalendarHoldsWhatIsNotOver) {
  const Agreement agreement = OneYear();
  const absl::Time now =
      absl::FromCivil(absl::CivilSecond(2027, 10, 2, 3, 0, 0), absl::UTCTimeZone());
  // Still 1 October in New York.
  std::string text = CalendarText({&agreement}, now);
  EXPECT_THAT(text, HasSubstr("DTSTART;VALUE=DATE:20271002\r\n"));
  EXPECT_THAT(text, HasSubstr("DTEND;VALUE=DATE:20271003\r\n"));
  EXPECT_THAT(text, HasSubstr("DTSTAMP:20271002T030000Z\r\n"));
  EXPECT_THAT(text, HasSubstr("DESCRIPTION:Income\\; a check\\, by agreement\r\n"));
  EXPECT_THAT(text, Not(HasSubstr("20270704")));
  text = CalendarText({&agreement}, now + absl::Hours(26));
  EXPECT_THAT(text, Not(HasSubstr("VALUE=DATE:20271002\r\n")));
  EXPECT_THAT(text, HasSubstr("VALUE=DATE:20271231\r\n"));
}

TEST(LifecycleTest, LinesOfTheCalendarAreFoldedBetweenCharacters) {
  Agreement agreement = OneYear();
  agreement.title.clear();
  for (int i = 0; i < 200; ++i) agreement.title += "é";
  agreement.title += "\nBEGIN:VALARM\x1b[2J";
  const std::string text =
      CalendarText({&agreement}, absl::FromCivil(agreement.effective, absl::UTCTimeZone()));
  size_t folded = 0;
  for (absl::string_view line : absl::StrSplit(text, "\r\n")) {
    EXPECT_LE(line.size(), 75u);
    EXPECT_FALSE(absl::StartsWith(line, "BEGIN:VALARM"));
    EXPECT_EQ(line.find_first_of("\n\x1b"), absl::string_view::npos);
    if (!absl::StartsWith(line, " ")) continue;
    ++folded;
    EXPECT_NE(static_cast<unsigned char>(line[1]) & 0xC0, 0x80);
  }
  EXPECT_GT(folded, 0u);
}

TEST(LifecycleTest, AnEventKeepsItsIdFromOneExportToTheNext) {
  const Agreement agreement = OneYear();
  const absl::Time now = absl::FromCivil(agreement.effective, absl::UTCTimeZone());
  const auto ids = [&](absl::Time at) {
    std::vector<std::string> found;
    for (absl::string_view line : absl::StrSplit(CalendarText({&agreement}, at), "\r\n")) {
      if (absl::StartsWith(line, "UID:")) found.emplace_back(line);
    }
    return found;
  };
  const std::vector<std::string> first = ids(now);
  EXPECT_EQ(first.size(), 5u);
  EXPECT_EQ(ids(now + absl::Hours(1)), first);
  EXPECT_EQ(std::set<std::string>(first.begin(), first.end()).size(), first.size());
}

}  // namespace
}  // namespace vouch::policies
