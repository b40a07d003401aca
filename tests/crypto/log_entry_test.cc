#include "crypto/log_entry.h"

#include <gtest/gtest.h>

#include "absl/strings/str_cat.h"
#include "crypto/digest.h"
#include "crypto/receipt.h"

namespace vouch::crypto {
namespace {

TEST(LogNameTest, IsAgencyYearAndPart) {
  const auto first = ReadLogName("irs.treasury.example/ledger/2027");
  ASSERT_TRUE(first.has_value());
  EXPECT_EQ(first->agency, "irs.treasury.example");
  EXPECT_EQ(first->year, 2027u);
  EXPECT_EQ(first->part, 1u);
  const auto second = ReadLogName("irs.treasury.example/ledger/2027.12");
  ASSERT_TRUE(second.has_value());
  EXPECT_EQ(second->part, 12u);
  for (const char* origin :
       {"irs.treasury.example/ledger/2027", "irs.treasury.example/ledger/2027.2"}) {
    EXPECT_EQ(ReadLogName(origin)->Origin(), origin);
  }
}

TEST(LogNameTest, TakesNoOtherText) {
  for (const char* origin :
       {"", "/ledger/2027", "irs.example", "irs.example/ledger/", "irs.example/ledger/27",
        "irs.example/ledger/20270", "irs.example/ledger/1999", "irs.example/log/2027",
        "irs.example/ledger/2027.", "irs.example/ledger/2027.1", "irs.example/ledger/2027.02",
        "irs.example/ledger/2027.x", "irs.example/ledger/2027-2", "irs.example/ledger/ 2027",
        "irs.example/ledger/+027", "irs.example/ledger/2027.99999999999"}) {
    EXPECT_FALSE(ReadLogName(origin).has_value()) << origin;
  }
}

TEST(LogNameTest, YearsAndPartsSortByNumber) {
  const auto named = [](const char* number) { return absl::StrCat("irs.example/ledger/", number); };
  EXPECT_TRUE(LogBefore(named("2027"), named("2028")));
  EXPECT_TRUE(LogBefore(named("2027"), named("2027.2")));
  EXPECT_TRUE(LogBefore(named("2027.2"), named("2027.10")));
  EXPECT_TRUE(LogBefore(named("2027.10"), named("2028")));
  EXPECT_FALSE(LogBefore(named("2028"), named("2027.10")));
  EXPECT_FALSE(LogBefore(named("2027"), named("2027")));
}

TEST(LogEntryTest, EntriesReadBackAsWritten) {
  const LogClosed closed{"irs.example/ledger/2026", 17, "irs.example/ledger/2027"};
  const auto closing = ReadLogClosed(LogClosedEntry(29000000, closed));
  ASSERT_TRUE(closing.ok());
  EXPECT_EQ(closing->origin, closed.origin);
  EXPECT_EQ(closing->size, 17u);
  EXPECT_EQ(closing->next, closed.next);
  const LogOpened opened{"irs.example/ledger/2027",
                         {"irs.example/ledger/2026", 17, Sha256("root")}};
  const auto opening = ReadLogOpened(LogOpenedEntry(29000000, opened));
  ASSERT_TRUE(opening.ok());
  EXPECT_EQ(opening->origin, opened.origin);
  EXPECT_EQ(opening->closed, opened.closed);
}

const LossDeclared kLoss = {"a/ledger/2026.2",
                            {"a/ledger/2026", 17, Sha256("restored")},
                            {"a/ledger/2026", 20, Sha256("lost")},
                            1795219200};

TEST(LogEntryTest, ALossReadsBackAsWritten) {
  const auto loss = ReadLossDeclared(LossDeclaredEntry(29000000, kLoss));
  ASSERT_TRUE(loss.ok());
  EXPECT_TRUE(*loss == kLoss);
  const auto begun = ReadLogBegun(LossDeclaredEntry(29000000, kLoss));
  ASSERT_TRUE(begun.ok());
  EXPECT_EQ(begun->origin, kLoss.origin);
  EXPECT_EQ(begun->closed, kLoss.restored);
  EXPECT_EQ(ReadLogBegun(LogOpenedEntry(1, {"c", {"a/b", 2, {}}}))->closed.origin, "a/b");
  EXPECT_FALSE(ReadLogBegun(LogClosedEntry(1, {"a/b", 2, "c"})).ok());
}

TEST(LogEntryTest, ALossHasTheBytesThatAreWrittenDown) {
  const std::string entry = LossDeclaredEntry(1, {"c", {"a/b", 2, {}}, {"a/b", 5, {}}, 7});
  const std::string zeros(32, '\0');
  EXPECT_EQ(entry, std::string("\x01\x0a\0\0\0\x01\x01"
                               "c\x03"
                               "a/b\0\0\0\0\0\0\0\x02",
                               20) +
                       zeros +
                       std::string("\x03"
                                   "a/b\0\0\0\0\0\0\0\x05",
                                   12) +
                       zeros + std::string("\0\0\0\0\0\0\0\x07", 8));
  for (size_t size = 0; size < entry.size(); ++size) {
    EXPECT_FALSE(ReadLossDeclared(entry.substr(0, size)).ok());
  }
  EXPECT_FALSE(ReadLossDeclared(entry + "x").ok());
  EXPECT_FALSE(ReadLogOpened(entry).ok());
}

TEST(LogEntryTest, ALossCoversWhatItCommitsToAndNoMore) {
  EXPECT_TRUE(kLoss.Covers({"a/ledger/2026", 18, Sha256("any")}));
  EXPECT_TRUE(kLoss.Covers(kLoss.lost));
  EXPECT_FALSE(kLoss.Covers({"a/ledger/2026", 20, Sha256("another")}));
  EXPECT_FALSE(kLoss.Covers({"a/ledger/2026", 21, Sha256("any")}));
  EXPECT_FALSE(kLoss.Covers({"a/ledger/2025", 2, Sha256("any")}));
  EXPECT_FALSE(kLoss.Covers({"a/ledger/2027", 2, Sha256("any")}));
  LossDeclared years = kLoss;
  years.lost.origin = "a/ledger/2028";
  EXPECT_TRUE(years.Covers({"a/ledger/2026", 1000, Sha256("any")}));
  EXPECT_TRUE(years.Covers({"a/ledger/2027", 1000, Sha256("any")}));
  EXPECT_FALSE(years.Covers({"a/ledger/2028", 21, Sha256("any")}));
  EXPECT_FALSE(years.Covers({"a/ledger/2025", 1, Sha256("any")}));
  LossDeclared everything = kLoss;
  everything.restored.size = 0;
  EXPECT_TRUE(everything.Covers({"a/ledger/2025", 1000, Sha256("any")}));
  EXPECT_FALSE(everything.Covers({"a/ledger/2026", 21, Sha256("any")}));
}

TEST(LogEntryTest, LossesAreSaidInWords) {
  EXPECT_EQ(LostEntries(kLoss), "entries 18 to 20 of a/ledger/2026");
  LossDeclared years = kLoss;
  years.lost.origin = "a/ledger/2027";
  EXPECT_EQ(LostEntries(years),
            "everything from entry 18 of a/ledger/2026 to entry 20 of a/ledger/2027");
  years.lost.origin = "a/ledger/2025";
  EXPECT_EQ(LostEntries(years), "entries up to 20 of a/ledger/2025");
}

// docs/protocol.md, "Ledger entry": u8 version, u8 kind, u32 minute, then the fields.
TEST(LogEntryTest, HasTheBytesThatAreWrittenDown) {
  const std::string closing = LogClosedEntry(1, {"a/b", 2, "c"});
  EXPECT_EQ(closing, std::string("\x01\x08\0\0\0\x01\x03"
                                 "a/b\0\0\0\0\0\0\0\x02\x01"
                                 "c",
                                 20));
  const std::string opening = LogOpenedEntry(1, {"c", {"a/b", 2, {}}});
  EXPECT_EQ(opening, std::string("\x01\x09\0\0\0\x01\x01"
                                 "c\x03"
                                 "a/b\0\0\0\0\0\0\0\x02",
                                 20) +
                         std::string(32, '\0'));
}

TEST(LogEntryTest, TakesNoOtherBytes) {
  const std::string closing = LogClosedEntry(1, {"a/b", 2, "c"});
  const std::string opening = LogOpenedEntry(1, {"c", {"a/b", 2, {}}});
  EXPECT_FALSE(ReadLogClosed(opening).ok());
  EXPECT_FALSE(ReadLogOpened(closing).ok());
  EXPECT_FALSE(ReadLogClosed(closing + "x").ok());
  EXPECT_FALSE(ReadLogOpened(opening + "x").ok());
  for (size_t size = 0; size < closing.size(); ++size) {
    EXPECT_FALSE(ReadLogClosed(closing.substr(0, size)).ok());
  }
  for (size_t size = 0; size < opening.size(); ++size) {
    EXPECT_FALSE(ReadLogOpened(opening.substr(0, size)).ok());
  }
}

TEST(LogEntryTest, OnlyTheseAreAboutTheLog) {
  EXPECT_TRUE(IsAboutLog(LogClosedEntry(1, {"a/b", 2, "c"})));
  EXPECT_TRUE(IsAboutLog(LogOpenedEntry(1, {"c", {"a/b", 2, {}}})));
  EXPECT_TRUE(IsAboutLog(LossDeclaredEntry(1, kLoss)));
  EXPECT_FALSE(IsAboutLog(ClockAcknowledgedEntry(1, 5)));
  EXPECT_FALSE(IsAboutLog(CountedRefusalsEntry(1, "fsa.example", 1, 1)));
  EXPECT_FALSE(IsAboutLog(""));
}

}  // namespace
}  // namespace vouch::crypto
