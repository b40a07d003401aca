// Whom `vouch ledger` looks for when it is given a person.
#include "tests/client/overseen_node.h"

namespace vouch::tests {
namespace {

using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;

using VouchPersonSearchTest = VouchOversightTest;

std::string Named(const std::string& numbers, const std::string& more) {
  return absl::StrCat("{\"social_security_number\":", numbers, ",", more, "}");
}

TEST_F(VouchPersonSearchTest, LooksForEverySpelling) {
  EnterSome();
  const std::string number = absl::StrCat("\"", Ssn(1), "\"");
  // The record is under the second name, and under the second birthday.
  for (const std::string& given :
       {Named(number, R"("family_name":["Smith","Oberhuber"])"),
        Named(number, R"("date_of_birth":["1991-02-03","1990-02-03"],"family_name":"Oberhuber")"),
        Named(absl::StrCat("[\"", Ssn(90), "\",", number, "]"), R"("family_name":"Oberhuber")")}) {
    const auto list = Listed({"--person", "-"}, given);
    EXPECT_GE(list["disclosures"].size(), 2u);
    EXPECT_THAT(list["not_included"].dump(), Not(HasSubstr("nobody on record")));
  }
  // Two people are never taken for one.
  Refused({"ledger", "disclosures", "--node", "tax", "--person", "-"}, 1, "several people",
          Named(absl::StrCat("[", number, ",\"", Ssn(2), "\"]"), R"("family_name":"Oberhuber")"));
}

TEST_F(VouchPersonSearchTest, SaysWhatItLeavesOut) {
  EnterSome();
  std::string numbers = absl::StrCat("[\"", Ssn(1), "\"");
  for (int i = 90; i < 93; ++i) absl::StrAppend(&numbers, ",\"", Ssn(i), "\"");
  const auto list = Listed(
      {"--person", "-"},
      Named(numbers + "]", R"("family_name":["Oberhuber","Smith","Jones","Miller","Brown"])"));
  EXPECT_EQ(list["disclosures"].size(), 2u);
  EXPECT_THAT(list["not_included"].dump(), HasSubstr("in more than 16 ways for match key 2"));
  const auto invalid = Listed(
      {"--person", "-"},
      Named(absl::StrCat("\"", Ssn(1), "\""), R"("date_of_birth":["1990-02-31","1990-02-03"])"));
  EXPECT_THAT(invalid["not_included"].dump(), HasSubstr("a value of date_of_birth was left out"));
  EXPECT_THAT(invalid["not_included"].dump(), Not(HasSubstr("1990-02-31")));
  EXPECT_THAT(Listed({"--person", "-"}, WholePerson(1))["not_included"], IsEmpty());
}

// Who asked in vain with a token for every key is found by all of them together alone.
TEST_F(VouchPersonSearchTest, SaysWhichKeysCannotBeFormed) {
  EnterSome();
  const auto said = HasSubstr(
      "(revision 1): match key 3 cannot be formed from what was given (without given_name, "
      "postal_code)");
  EXPECT_THAT(Listed({"--person", "-"}, Person(1))["not_included"].dump(), said);
  EXPECT_THAT(Listed({"--person", "-"}, WholePerson(1))["not_included"].dump(), Not(said));
}

TEST_F(VouchPersonSearchTest, HoldsNobodyOfWhomNothingIsKnown) {
  EnterSome();
  Refused({"ledger", "hold", "--node", "tax", "--person", "-", "--name", "case-17"}, 3,
          "nothing can be held", R"({"family_name":"Oberhuber"})");
  EXPECT_THAT(Fine({"ledger", "hold", "--node", "tax"}).out, HasSubstr("Nothing is held."));
}

// A revision that is gone may have had other match keys: who was asked about by these, in vain, is
// not found, and a list without them must not look whole.
TEST_F(VouchPersonSearchTest, SaysWhichRevisionsAreGone) {
  EnterSome();
  EXPECT_THAT(Listed({"--person", "-"}, WholePerson(1))["not_included"], IsEmpty());
  digest_[0] ^= 1;
  Put earlier;
  earlier.person = 2;
  earlier.refused = 7;  // may have named any revision
  Enter(earlier);
  EXPECT_THAT(Listed({"--person", "-"}, WholePerson(1))["not_included"], IsEmpty());
  earlier.refused = 0;
  Enter(earlier);
  EXPECT_THAT(Listed({"--person", "-"}, Person(1))["not_included"].dump(),
              HasSubstr("the text of a revision under which answers were given is not here"));
}

TEST_F(VouchPersonSearchTest, TakesEveryIdThatAPersonHas) {
  EnterSome();
  Put before;
  before.person = 77;  // what id-1 was called once
  Enter(before);
  const auto both = Listed({"--source-id", "id-1", "--source-id", "id-77"}, "");
  EXPECT_EQ(both["disclosures"].size(), 3u);
  EXPECT_THAT(both["not_included"].dump(), HasSubstr("nobody of 1 of the 2 ids is on record"));
  EXPECT_EQ(Listed({"--source-id", "-"}, "id-1\nid-77\n")["disclosures"].size(), 3u);
  const auto gone = Listed({"--source-id", "id-77"}, "");
  EXPECT_EQ(gone["disclosures"].size(), 1u);
  EXPECT_THAT(gone["not_included"].dump(), HasSubstr("nobody of that id is on record now"));
  EXPECT_THAT(Listed({"--source-id", "id-1"}, "")["not_included"].dump(),
              Not(HasSubstr("on record now")));
  EXPECT_THAT(Listed({"--source-id", "id-1", "--source-id", "id-2"}, "")["not_included"].dump(),
              HasSubstr("those of 2 records"));
  Refused({"ledger", "corrections", "--node", "tax", "--source-id", "id-1", "--source-id", "id-2"},
          1, "give the ids of one");
  // Keys that open two people's entries are nobody's to hand over.
  Refused({"ledger", "open", "--node", "tax", "--source-id", "id-1", "--source-id", "id-2",
           "--output", "two.keys"},
          1, "make a file for each");
  EXPECT_FALSE(Exists("two.keys"));
  Fine({"ledger", "open", "--node", "tax", "--source-id", "id-1", "--source-id", "id-77",
        "--output", "one.keys"});
  // The inspector is told what the officer was.
  EXPECT_THAT(Fine({"ledger", "open", "--with", "one.keys", "--node", "tax", "--json"}).out,
              HasSubstr("nobody of 1 of the 2 ids is on record"));
}

}  // namespace
}  // namespace vouch::tests
