#include "server/journal/row_names.h"

#include <gtest/gtest.h>

#include <set>

#include "crypto/token.h"

namespace vouch::server::journal {
namespace {

class RowNamesTest : public ::testing::Test {
 protected:
  const crypto::SecretBytes key_ = crypto::SecretBytes::Random(32);
  const RowNames names_{key_};
  const crypto::Digest who_ = crypto::Sha256("who");
};

TEST_F(RowNamesTest, TheSameRowHasTheSameNameAndAnotherKeyAnother) {
  EXPECT_EQ(names_.Person("r", "a", who_), RowNames(key_).Person("r", "a", who_));
  EXPECT_NE(names_.Person("r", "a", who_),
            RowNames(crypto::SecretBytes::Random(32)).Person("r", "a", who_));
}

TEST_F(RowNamesTest, KindsOfRowsNeverMeet) {
  const RowKey v = names_.Tokens("r", "a", who_);
  std::set<RowKey> rows = {v,
                           names_.Person("r", "a", who_),
                           names_.SeveralPeople("r", "a", who_),
                           names_.StandIn("r", "a", v, 0),
                           names_.Fact("r", "a", who_),
                           names_.FactStandIn("r", "a", v),
                           names_.Agreement("r", "a"),
                           names_.EpochRow("r", "a"),
                           names_.Evaluations("r", "a"),
                           names_.EvaluationKey("a", 1),
                           names_.Request("r", who_, 0)};
  EXPECT_EQ(rows.size(), 11u);
}

TEST_F(RowNamesTest, EveryPartOfANameCounts) {
  std::set<RowKey> rows;
  const RowKey v = names_.Tokens("r", "a", who_);
  for (uint32_t slot = 0; slot < 600; ++slot) rows.insert(names_.StandIn("r", "a", v, slot));
  EXPECT_EQ(rows.size(), 600u);
  for (uint32_t position = 0; position < 600; ++position) {
    rows.insert(names_.Request("r", who_, position));
  }
  EXPECT_EQ(rows.size(), 1200u);
  EXPECT_NE(names_.Person("r", "a", who_), names_.Person("r", "b", who_));
  EXPECT_NE(names_.Person("r", "a", who_), names_.Person("s", "a", who_));
  EXPECT_NE(names_.Person("r", "a", who_), names_.Person("r", "a", crypto::Sha256("other")));
  EXPECT_NE(names_.EvaluationKey("a", 1), names_.EvaluationKey("a", 2));
}

TEST_F(RowNamesTest, PartsDoNotRunIntoEachOther) {
  EXPECT_NE(names_.Agreement("ab", "c"), names_.Agreement("a", "bc"));
  EXPECT_NE(names_.Tokens("a", "b", crypto::AsBytes("c")),
            names_.Tokens("a", "bc", crypto::AsBytes("")));
  EXPECT_NE(names_.Person("ab", "c", who_), names_.Person("a", "bc", who_));
}

TEST_F(RowNamesTest, ValuesHaveFingerprints) {
  EXPECT_EQ(names_.Value("income|1"), names_.Value("income|1"));
  EXPECT_NE(names_.Value("income|1"), names_.Value("income|2"));
}

}  // namespace
}  // namespace vouch::server::journal
