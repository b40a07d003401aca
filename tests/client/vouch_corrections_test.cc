// Whom to tell that a fact was corrected: `vouch ledger corrections`.
#include "tests/client/overseen_node.h"

namespace vouch::tests {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

TEST_F(VouchOversightTest, NamesThoseToTellThatAFactWasCorrected) {
  Put put;
  put.person = 1;
  Enter(put);
  put.answer = policies::Answer::kNo;
  put.at = kAt + absl::Hours(30);
  Enter(put);
  // Nobody was found, so no fact had a part in it.
  Put nobody;
  nobody.tokens = TokensOf(1);
  nobody.answer = policies::Answer::kUndetermined;
  Enter(nobody);
  const auto listed = [&] {
    return nlohmann::json::parse(
        Fine({"ledger", "corrections", "--node", "tax", "--person", "-", "--json"}, Person(1)).out);
  };
  auto list = listed();
  ASSERT_EQ(list.size(), 1u);  // what was answered NO is YES by the facts on record
  EXPECT_EQ(list[0]["at"], "2026-11-11T21:00:00Z");
  LoadPeople(90000000);
  list = listed();
  ASSERT_EQ(list.size(), 1u);
  EXPECT_EQ(list[0]["at"], "2026-11-10T15:00:00Z");
  EXPECT_EQ(list[0]["requester"], "studentaid.example");
  EXPECT_FALSE(list[0].contains("outcome"));
}

// Under an agreement whose question is about all members of a group of three.
class VouchHouseholdsTest : public VouchOversightTest {
 protected:
  void SetUp() override {
    VouchOversightTest::SetUp();
    const std::string text =
        absl::StrReplaceAll(Read("tax/agreements/aid/agreement.yaml"),
                            {{"about: \"person\"", "about: {group: {at_most: 3}}"},
                             {"      fact: \"adjusted_gross_income\"",
                              "      fact: \"adjusted_gross_income\"\n      members: \"all\""}});
    Write("tax/agreements/aid/agreement.yaml", text);
    digest_ = AgreementDigest(text);
  }

  // People with an income each, as a later load has them.
  void LoadIncomes(const std::map<int, int64_t>& incomes) const {
    std::string rows =
        "source_id,social_security_number,date_of_birth,given_name,family_name,"
        "former_family_name,postal_code,adjusted_gross_income,filing_status\n";
    for (const auto& [person, income] : incomes) {
      absl::StrAppend(&rows, "id-", person, ",", Ssn(person),
                      ",1990-02-03,Maximiliane,Oberhuber,,12345,", income, ",single\n");
    }
    Write("people.csv", rows);
    Fine({"records", "load", "--node", "tax", "--mapping", "tax/agreements/aid/mapping.yaml",
          "--input", "people.csv"});
  }

  // As the walk writes it: a member who is -1 was not found; the rest of the three is padding. Of
  // `gone` of its places the entries are no longer there.
  void EnterHousehold(const std::vector<int>& members, policies::Answer answer, absl::Time at,
                      size_t gone = 0) {
    server::ledger::EntryContent content;
    content.entry.use = 2;
    content.entry.requester = "studentaid.example";
    content.entry.agreement_id = kId;
    std::copy_n(digest_.begin(), 8, content.entry.digest_prefix.begin());
    content.entry.question = kQuestion;
    content.entry.purpose = "student-aid-eligibility";
    content.details.answer = static_cast<uint8_t>(answer);
    content.details.request = crypto::Sha256(absl::StrCat("request ", absl::ToUnixSeconds(at)));
    content.details.parameters = crypto::CanonicalParameters(
        {{"household_size", true, 4, ""}, {"region", false, 0, "contiguous"}});
    std::vector<server::ledger::SlotContent> slots(3);
    std::vector<std::string> tokens(3);
    for (size_t i = 0; i < slots.size(); ++i) {
      if (i >= members.size()) {
        server::ledger::AppendPaddingTokens(content.details.request, i, 3, &tokens[i]);
      } else if (members[i] < 0) {
        tokens[i] = std::string(96, 'u');
      } else {
        slots[i].subject.found = true;
        slots[i].subject.person = slots[i].inner.person = HandleOf(members[i]);
        tokens[i] = TokensOf(members[i]);
      }
      slots[i].subject.tokens = tokens[i];
    }
    const auto keys = writer_->KeysFor(kId, at);
    ASSERT_TRUE(keys.ok());
    const auto written = server::ledger::EntryWriter::WriteGroup(
        *keys, std::move(content), slots, static_cast<uint32_t>(absl::ToUnixSeconds(at) / 60));
    server::journal::Written item;
    for (const auto& slot : written.slots) {
      if (item.entry.empty()) {
        item.entry = slot.entry;
        item.sealed = slot.sealed;
      } else {
        item.others.push_back({slot.entry, slot.sealed});
      }
    }
    item.others.resize(item.others.size() - gone);
    Commit(std::move(item));
  }

  std::vector<std::string> TimesOf(int person) const {
    const auto list = nlohmann::json::parse(
        Fine({"ledger", "corrections", "--node", "tax", "--person", "-", "--json"}, Person(person))
            .out);
    std::vector<std::string> times;
    for (const auto& line : list) times.push_back(line["at"]);
    return times;
  }
};

TEST_F(VouchHouseholdsTest, EachMembersCorrectionListsTheAnswersItPlayedAPartIn) {
  constexpr int64_t kLow = 3000000, kHigh = 90000000;
  EnterHousehold({1, 2}, policies::Answer::kYes, kAt);                   // true, once
  EnterHousehold({3, 1}, policies::Answer::kYes, kAt + absl::Hours(1));  // still true
  EnterHousehold({2, -1}, policies::Answer::kUndetermined, kAt + absl::Hours(2));
  EnterHousehold({-1, 2}, policies::Answer::kNo, kAt + absl::Hours(3));  // without the other
  EnterHousehold({3, 4}, policies::Answer::kYes, kAt + absl::Hours(4));  // without 1 and 2
  LoadIncomes({{1, kLow}, {2, kLow}, {3, kLow}, {4, kLow}});
  using Times = std::vector<std::string>;
  // One who was never found stays unknown, and unknown it is now what 2 alone decided as NO.
  EXPECT_EQ(TimesOf(1), Times());
  EXPECT_EQ(TimesOf(2), Times({"2026-11-10T18:00:00Z"}));
  // The income of 2 was corrected: whoever was in it with 2 finds the answer, and nobody else.
  LoadIncomes({{1, kLow}, {2, kHigh}, {3, kLow}, {4, kLow}});
  EXPECT_EQ(TimesOf(1), Times({"2026-11-10T15:00:00Z"}));
  EXPECT_EQ(TimesOf(2), Times({"2026-11-10T15:00:00Z"}));
  EXPECT_EQ(TimesOf(3), Times());
  // Gone from the records, 4 is unknown, and what was YES would be UNDETERMINED.
  LoadIncomes({{1, kLow}, {2, kHigh}, {3, kLow}});
  EXPECT_EQ(TimesOf(3), Times({"2026-11-10T19:00:00Z"}));
}

TEST_F(VouchHouseholdsTest, AnAnswerThatIsNotThereWholeIsNotComparedAndThatIsSaid) {
  EnterHousehold({1, 2}, policies::Answer::kYes, kAt, /*gone=*/1);
  LoadIncomes({{1, 90000000}, {2, 90000000}});
  EXPECT_THAT(TimesOf(1), ::testing::IsEmpty());
  EXPECT_THAT(Fine({"ledger", "corrections", "--node", "tax", "--person", "-"}, Person(1)).err,
              HasSubstr("1 answers about a household are not compared"));
}

// As often as it was asked, and not as many places as it has.
TEST_F(VouchHouseholdsTest, AHouseholdIsCountedOnceAmongTheKinds) {
  for (int i = 0; i < 12; ++i) {
    EnterHousehold({1, 2}, policies::Answer::kYes, kAt + absl::Minutes(i));
  }
  const auto row = nlohmann::json::parse(
      Fine({"ledger", "report", "--node", "tax", "--quarter", "2026-Q4", "--json"})
          .out)["agreements"][0]["rows"]["answers_by_kind"];
  EXPECT_EQ(row["counts"]["not told by kind"], 12);
  EXPECT_EQ(row["all"], 12);
}

TEST_F(VouchHouseholdsTest, OneRecordInTwoPlacesIsNobodysAndOneLine) {
  EnterHousehold({1, 1}, policies::Answer::kYes, kAt);
  EXPECT_EQ(TimesOf(1), std::vector<std::string>({"2026-11-10T15:00:00Z"}));
  // One disclosure, of two entries.
  const auto list = Listed({"--person", "-"}, Person(1));
  ASSERT_EQ(list["disclosures"].size(), 1u);
  EXPECT_EQ(list["answered"], 1);
  EXPECT_EQ(list["disclosures"][0]["also"], nlohmann::json({1}));
}

// What was told of a household may be why another member's record is held back.
TEST_F(VouchHouseholdsTest, AReasonThatMayBeAnothersIsNotSaid) {
  Put put;
  put.person = 1;
  put.answer = policies::Answer::kUndetermined;
  put.told = policies::UndeterminedReason::kHeldBack;
  Enter(put);
  const auto line = Listed({"--person", "-"}, Person(1))["disclosures"][0];
  ASSERT_TRUE(line.contains("told_why"));
  EXPECT_TRUE(line["told_why"].is_null());
  Fine({"ledger", "disclosures", "--node", "tax", "--person", "-", "--html", "list.html"},
       Person(1));
  EXPECT_THAT(Read("list.html"), HasSubstr("The agency was told why; of a household"));
  EXPECT_THAT(Read("list.html"), Not(HasSubstr("held back")));
}

}  // namespace
}  // namespace vouch::tests
