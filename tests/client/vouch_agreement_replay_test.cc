// `vouch agreement replay` against a journal that is being written, and a search of what it says.
#include <filesystem>

#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/str_replace.h"
#include "crypto/digest.h"
#include "crypto/receipt.h"
#include "nlohmann/json.hpp"
#include "policies/engine/values.h"
#include "server/journal/journal.h"
#include "server/ledger/entry_writer.h"
#include "server/records/facts_file.h"
#include "server/records/manifest.h"
#include "tests/client/vouch_program.h"
#include "tests/paths.h"
#include "tests/privacy/scan.h"

namespace vouch::tests {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

constexpr char kTemplate[] = VOUCH_SOURCE_DIR "/policies/templates/income-for-student-aid";
constexpr char kId[] = "studentaid-tax-2027-001";
constexpr char kQuestion[] = "income-at-or-below-225-percent";
constexpr int kPeople = 60;
const absl::Time kAt = absl::FromCivil(absl::CivilHour(2026, 11, 10, 15), absl::UTCTimeZone());

// The tax agency's node with sixty people, and a journal held open as a running node holds it.
class VouchReplayTest : public VouchTest {
 protected:
  void SetUp() override {
    MakeNode("tax", "tax.revenue.example");
    std::filesystem::copy(kTemplate, Path("tax/agreements/aid"));
    std::string rows =
        "source_id,social_security_number,date_of_birth,given_name,family_name,"
        "former_family_name,postal_code,adjusted_gross_income,filing_status\n";
    for (int i = 0; i < kPeople; ++i) {
      privacy::RawPerson person;
      person.source_id = absl::StrFormat("source-canary-%04d", i);
      person.social_security_number = absl::StrFormat("978-05-%04d", 1000 + i);
      person.date_of_birth = "1990-02-03";
      person.given_name = "Maximiliane";
      person.family_name = "Oberhuberson";
      person.postal_code = "12345";
      // Half of them between 200% and 225% of the guideline for four.
      person.income_cents = std::to_string(i % 2 == 0 ? 3000000 + i : 7000000 + i);
      people_.Add(person);
      absl::StrAppend(&rows, person.source_id, ",", person.social_security_number, ",",
                      person.date_of_birth, ",", person.given_name, ",", person.family_name, ",,",
                      person.postal_code, ",", person.income_cents, ",single\n");
    }
    people_.Add(privacy::Canary());
    Write("people.csv", rows);
    Fine({"records", "load", "--node", "tax", "--mapping", "tax/agreements/aid/mapping.yaml",
          "--input", "people.csv"});
    ReadHandles();
    server::journal::JournalOptions options;
    options.folder = Path("tax/journal");
    options.origin = "tax.revenue.example/ledger/2026";
    auto journal = server::journal::OpenFileJournal(options);
    ASSERT_TRUE(journal.ok()) << journal.status();
    journal_ = *std::move(journal);
    keys_ = std::make_unique<server::ledger::PeriodKeys>(Path("tax/keys/periods"));
    writer_ = std::make_unique<server::ledger::EntryWriter>(keys_.get());
    Draft("percent: 225", "percent: 200");
  }

  void ReadHandles() {
    const auto manifest = server::records::ReadManifest(Path("tax/records"));
    ASSERT_TRUE(manifest.ok());
    const auto facts =
        server::records::FactsFile::Open(Path("tax/records/" + manifest->facts_file));
    ASSERT_TRUE(facts.ok());
    for (uint32_t i = 0; i < (*facts)->rows(); ++i) {
      crypto::Digest person{};
      server::records::CopyHandle((*facts)->Row(i), &person);
      handles_.push_back(person);
    }
    ASSERT_EQ(handles_.size(), static_cast<size_t>(kPeople));
  }

  // An answered entry, as the node writes it.
  void Answered(bool found, const crypto::Digest& person,
                policies::UndeterminedReason reason = policies::UndeterminedReason::kNotTold,
                absl::Time at = kAt) {
    server::ledger::EntryContent content;
    content.entry.requester = "studentaid.example";
    content.entry.agreement_id = kId;
    content.entry.question = kQuestion;
    content.entry.purpose = "student-aid-eligibility";
    content.details.answer = 1;
    content.details.parameters = crypto::CanonicalParameters(
        {{"household_size", true, 4, ""}, {"region", false, 0, "contiguous"}});
    if (found) content.inner.person = person;
    content.inner.undetermined_reason = static_cast<uint8_t>(reason);
    content.subject.found = found;
    content.subject.person = person;
    const std::string tokens(96, 't');
    content.subject.tokens = tokens;
    const auto keys = writer_->KeysFor(kId, at);
    ASSERT_TRUE(keys.ok());
    const auto written = server::ledger::EntryWriter::Write(
        *keys, std::move(content), static_cast<uint32_t>(absl::ToUnixSeconds(at) / 60));
    items_.push_back({written.entry, written.sealed});
  }

  void Commit() {
    class Steps : public server::journal::CommitSteps {
     public:
      explicit Steps(std::vector<server::journal::Written>* items) : items_(*items) {}
      bool StillPermitted(size_t, uint32_t) override { return true; }
      server::journal::Written Write(size_t item, uint32_t,
                                     const server::journal::Decision&) override {
        return items_[item];
      }

     private:
      std::vector<server::journal::Written>& items_;
    };
    std::vector<server::journal::Proposal> proposals(items_.size());
    for (server::journal::Proposal& proposal : proposals) proposal.precedes_replay = true;
    Steps steps(&items_);
    ASSERT_TRUE(journal_->Commit(proposals, kAt, &steps).ok());
    items_.clear();
  }

  void EverybodyAnswered() {
    for (const crypto::Digest& person : handles_) Answered(true, person);
    Commit();
  }

  void Draft(const std::string& from, const std::string& to) const {
    std::string text =
        absl::StrReplaceAll(Read("tax/agreements/aid/agreement.yaml"),
                            {{"revision: 1", "revision: 2"},
                             {"replaces: \"none\"", "replaces: \"" + std::string(64, 'a') + "\""},
                             {from, to}});
    Write("facts.yaml", Read("tax/agreements/aid/facts.yaml"));
    Write("draft.yaml", text);
  }
  std::vector<std::string> Replay(const std::vector<std::string>& more = {}) const {
    std::vector<std::string> all = {"agreement", "replay",     "draft.yaml", "--node",    "tax",
                                    "--from",    "2026-11-01", "--to",       "2026-11-30"};
    all.insert(all.end(), more.begin(), more.end());
    return all;
  }
  nlohmann::json Counts() const {
    const auto json = nlohmann::json::parse(Fine(Replay({"--json"})).out);
    EXPECT_EQ(json["questions"].size(), 1u);
    return json["questions"].empty() ? nlohmann::json() : json["questions"][0]["counts"];
  }

  privacy::People people_;
  std::vector<crypto::Digest> handles_;
  std::unique_ptr<server::journal::Journal> journal_;
  std::unique_ptr<server::ledger::PeriodKeys> keys_;
  std::unique_ptr<server::ledger::EntryWriter> writer_;
  std::vector<server::journal::Written> items_;
};

TEST_F(VouchReplayTest, CountsWhatADraftWouldHaveChangedBesideARunningNode) {
  EverybodyAnswered();
  const auto counts = Counts();
  EXPECT_EQ(counts["same"], kPeople / 2);
  EXPECT_EQ(counts["YES -> NO"], kPeople / 2);
  EXPECT_EQ(counts["NO -> YES"], 0);
  // And goes on: what is committed meanwhile is seen the next time.
  EverybodyAnswered();
  EXPECT_EQ(Counts()["same"], kPeople);
}

TEST_F(VouchReplayTest, CountsRefusals) {
  EverybodyAnswered();
  Draft("to: 12", "to: 3");
  EXPECT_EQ(Counts()["-> refused"], kPeople);
}

TEST_F(VouchReplayTest, AnswersOfOtherDaysDoNotCount) {
  for (const crypto::Digest& person : handles_) {
    Answered(true, person, policies::UndeterminedReason::kNotTold, kAt - absl::Hours(24 * 40));
  }
  Commit();
  EXPECT_THAT(Fine(Replay()).out, HasSubstr("There are none."));
}

TEST_F(VouchReplayTest, WhatTheRecordsLeftUndeterminedStaysSo) {
  for (const crypto::Digest& person : handles_) {
    Answered(true, person, policies::UndeterminedReason::kMismatch);
  }
  Commit();
  EXPECT_EQ(Counts()["same"], kPeople);
}

TEST_F(VouchReplayTest, NobodyFoundAndPeopleGoneAreNotReplayed) {
  for (int i = 0; i < 20; ++i) Answered(false, {});
  for (int i = 0; i < 20; ++i) Answered(true, crypto::Sha256(absl::StrCat("gone", i)));
  Commit();
  EXPECT_EQ(Counts()["not replayed: nobody found then, or no longer in the records"], 40);
}

TEST_F(VouchReplayTest, AMonthWhoseKeyWasDestroyedIsNotReplayedAndNoKeyIsMade) {
  EverybodyAnswered();
  const std::string key = absl::StrCat("tax/keys/periods/tags/", kId, "/2026-11.0.key");
  ASSERT_TRUE(Exists(key));
  unlink(Path(key).c_str());
  EXPECT_EQ(Counts()["not replayed: the month's key was destroyed"], kPeople);
  EXPECT_FALSE(Exists(key));
}

TEST_F(VouchReplayTest, SmallCountsAreNotShownNorFoundBySubtraction) {
  for (int i = 0; i < 20; ++i) Answered(true, handles_[static_cast<size_t>(2 * i)]);
  for (int i = 0; i < 3; ++i) Answered(true, handles_[static_cast<size_t>(2 * i + 1)]);
  Commit();
  const auto counts = Counts();
  EXPECT_TRUE(counts["YES -> NO"].is_null());
  EXPECT_TRUE(counts["same"].is_null());
  EXPECT_EQ(counts["NO -> YES"], 0);
  const std::string out = Fine(Replay()).out;
  EXPECT_THAT(out, HasSubstr("YES -> NO: not shown"));
  EXPECT_THAT(out, Not(HasSubstr("23")));
}

TEST_F(VouchReplayTest, SaysNothingAboutAnyPerson) {
  EverybodyAnswered();
  for (const std::vector<std::string>& more :
       {std::vector<std::string>{}, std::vector<std::string>{"--json"},
        std::vector<std::string>{"--sample", "0"}}) {
    const ProcessResult result = Fine(Replay(more));
    const std::string said = result.out + result.err;
    // The scanner sees, or its silence would say nothing.
    EXPECT_TRUE(privacy::UnseenCanaries(people_, said).empty());
    EXPECT_TRUE(privacy::Scan(people_, said).empty());
    for (const crypto::Digest& person : handles_) {
      EXPECT_THAT(said, Not(HasSubstr(crypto::Hex(person))));
    }
  }
}

TEST_F(VouchReplayTest, ASampleIsSaidToBeOne) {
  EverybodyAnswered();
  EXPECT_THAT(Fine(Replay({"--sample", "30"})).out, HasSubstr("A sample: 30 of 60 answers"));
}

TEST_F(VouchReplayTest, SaysWhatItIsNot) {
  EverybodyAnswered();
  EXPECT_THAT(Fine(Replay()).out, HasSubstr("Facts are today's, not those of the time"));
}

TEST_F(VouchReplayTest, OnlyTheAnsweringAgencyReplays) {
  MakeNode("aid", "studentaid.example");
  std::vector<std::string> run = Replay();
  run[4] = "aid";
  Refused(run, 1, "only the answering agency");
  run = Replay();
  run[6] = "11/01/2026";
  Refused(run, 2, "--from");
}

}  // namespace
}  // namespace vouch::tests
