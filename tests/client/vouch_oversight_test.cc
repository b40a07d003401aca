// The oversight commands of `vouch ledger`, beside a journal that is being written.
#include "server/node/clock_note.h"
#include "tests/client/overseen_node.h"

namespace vouch::tests {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

TEST_F(VouchOversightTest, ListsWhatWasToldAboutOnePersonAndNobodyElse) {
  EnterSome();
  const auto list = Listed({"--person", "-"}, Person(1));
  ASSERT_EQ(list["disclosures"].size(), 3u);
  EXPECT_EQ(list["disclosures"][0]["outcome"], "NO");
  EXPECT_EQ(list["disclosures"][0]["at"], "2026-11-10T15:01:00Z");
  EXPECT_EQ(list["disclosures"][0]["parameters"]["household_size"], 4);
  EXPECT_EQ(list["disclosures"][1]["outcome"], "REFUSED");
  EXPECT_EQ(list["disclosures"][1]["reason"], "PERSON_LIMIT");
  EXPECT_EQ(list["disclosures"][2]["outcome"], "UNDETERMINED");
  EXPECT_EQ(list["disclosures"][2]["found_on_record"], false);
  // By the source's id alone, those in vain are not found, and that is said.
  const auto by_id = Listed({"--source-id", "id-1"}, "");
  EXPECT_EQ(by_id["disclosures"].size(), 2u);
  EXPECT_THAT(by_id["not_included"].dump(), HasSubstr("give --person as well"));
}

TEST_F(VouchOversightTest, ThePrintedListSaysDateNaturePurposeNameAndAddress) {
  EnterSome();
  const ProcessResult printed =
      Fine({"ledger", "disclosures", "--node", "tax", "--person", "-", "--html", "list.html"},
           Person(1));
  const std::string text =
      Fine({"ledger", "disclosures", "--node", "tax", "--person", "-"}, Person(1)).out;
  for (const std::string& page : {text, Read("list.html")}) {
    EXPECT_THAT(page, HasSubstr("2026-11-10 15:01 UTC"));
    EXPECT_THAT(page, HasSubstr("officer@studentaid.example"));
    EXPECT_THAT(page, HasSubstr("Answered NO."));
    EXPECT_THAT(page, HasSubstr("Refused, nothing was disclosed"));
    EXPECT_THAT(page, HasSubstr("To decide whether an applicant"));
    EXPECT_THAT(page, HasSubstr("Was adjusted gross income"));
    EXPECT_THAT(page, HasSubstr("revision 1"));
    EXPECT_THAT(page, Not(HasSubstr(Ssn(1))));
  }
  EXPECT_THAT(Read("list.html"), Not(HasSubstr("<script")));
  EXPECT_EQ(Mode("list.html"), 0600u);
}

TEST_F(VouchOversightTest, DaysAndMonthsWithoutKeysAreSaid) {
  EnterSome();
  Put december;
  december.person = 1;
  december.at = kAt + absl::Hours(24 * 30);
  Enter(december);
  EXPECT_EQ(Listed({"--person", "-", "--from", "2026-12-01"}, Person(1))["disclosures"].size(), 1u);
  EXPECT_EQ(Listed({"--person", "-", "--to", "2026-11-30"}, Person(1))["disclosures"].size(), 3u);
  const std::string key = absl::StrCat("tax/keys/periods/tags/", kId, "/2026-11.0.key");
  ASSERT_EQ(unlink(Path(key).c_str()), 0);
  const auto list = Listed({"--person", "-"}, Person(1));
  EXPECT_EQ(list["disclosures"].size(), 1u);
  EXPECT_THAT(list["not_included"].dump(), HasSubstr("2026-11: the month's key is not here"));
  EXPECT_FALSE(Exists(key));
}

TEST_F(VouchOversightTest, AMonthWhoseKeyWasLostAndMadeAnewIsSaid) {
  EnterSome();
  ASSERT_EQ(unlink(Path(absl::StrCat("tax/keys/periods/tags/", kId, "/2026-11.0.key")).c_str()), 0);
  keys_ = std::make_unique<server::ledger::PeriodKeys>(Path("tax/keys/periods"));
  writer_ = std::make_unique<server::ledger::EntryWriter>(keys_.get());
  Put later;
  later.person = 1;
  later.at = kAt + absl::Hours(24);
  Enter(later);
  const auto list = Listed({"--person", "-"}, Person(1));
  EXPECT_EQ(list["disclosures"].size(), 1u);
  EXPECT_THAT(
      list["not_included"].dump(),
      testing::AllOf(HasSubstr("2026-11: a key of the month is not here (lost, and another made)"),
                     HasSubstr("lines of it in the ledger are about")));
}

TEST_F(VouchOversightTest, EveryLineIsProvedUnderACheckpoint) {
  EnterSome();
  Export();
  Fine({"ledger", "disclosures", "--node", "tax", "--person", "-", "--proofs", "proofs",
        "--checkpoint", "exported/checkpoint"},
       Person(1));
  const auto signer = crypto::NoteSigner::Make(kOrigin, log_key_);
  const crypto::NoteVerifier known[] = {signer->verifier()};
  for (const int index : {1, 40, 41}) {
    const std::string name = absl::StrCat("proofs/entry-2026-", index);
    const auto proof = crypto::ReadTlogProof(Read(name + ".tlog-proof"));
    ASSERT_TRUE(proof.ok()) << proof.status();
    EXPECT_EQ(proof->index, static_cast<uint64_t>(index));
    const std::string entry = Read(name + ".entry");
    EXPECT_TRUE(crypto::VerifyTlogProof(*proof, crypto::AsBytes(entry), known).ok());
  }
  // Another log's checkpoint is not taken for this one's.
  Write("other", absl::StrReplaceAll(Read("exported/checkpoint"), {{"\n42\n", "\n41\n"}}));
  Refused({"ledger", "disclosures", "--node", "tax", "--person", "-", "--proofs", "proofs",
           "--checkpoint", "other"},
          3, "not a checkpoint of the entries", Person(1));
}

// Entries are counted from the beginning of their own year's log, in lists, proofs and receipts.
TEST_F(VouchOversightTest, GoesOnAcrossYears) {
  const std::vector<std::string> receipts = EnterSome();
  Export();
  Put later;
  later.person = 1;
  later.at = kAt + absl::Hours(24 * 366);
  const std::string receipt = Enter(later);
  const auto list = Listed({"--person", "-"}, Person(1));
  ASSERT_EQ(list["disclosures"].size(), 4u);
  EXPECT_EQ(list["disclosures"][0]["log"], kOrigin);
  EXPECT_EQ(list["disclosures"][3]["index"], 1);
  EXPECT_EQ(list["disclosures"][3]["log"], journal_->head().origin);
  ASSERT_NE(journal_->head().origin, kOrigin);
  Write("good.jsonl", receipts[0] + receipts[1] + receipt);
  EXPECT_THAT(
      Fine({"ledger", "disclosures", "--node", "tax", "--person", "-", "--against", "good.jsonl"},
           Person(1))
          .out,
      HasSubstr("3 receipts, 0 of them not"));
  const auto signer = crypto::NoteSigner::Make(journal_->head().origin, log_key_);
  const crypto::NoteSigner* signers[] = {&*signer};
  const auto range = journal_->head().range;
  Write("checkpoint",
        *crypto::SignCheckpoint({journal_->head().origin, range.size(), range.Root()}, signers));
  const ProcessResult proved = Fine({"ledger", "disclosures", "--node", "tax", "--person", "-",
                                     "--proofs", "proofs", "--checkpoint", "checkpoint"},
                                    Person(1));
  EXPECT_THAT(proved.err, HasSubstr("3 lines are of other logs"));
  const auto proof = crypto::ReadTlogProof(Read("proofs/entry-2027-1.tlog-proof"));
  ASSERT_TRUE(proof.ok()) << proof.status();
  EXPECT_TRUE(crypto::VerifyTlogProof(*proof, crypto::AsBytes(Read("proofs/entry-2027-1.entry")),
                                      {signer->verifier()})
                  .ok());
  // The earlier log's go into the same folder.
  const std::string kept = Read("proofs/entry-2027-1.entry");
  Fine({"ledger", "disclosures", "--node", "tax", "--person", "-", "--proofs", "proofs",
        "--checkpoint", "exported/checkpoint"},
       Person(1));
  EXPECT_EQ(Read("proofs/entry-2027-1.entry"), kept);
  EXPECT_NE(Read("proofs/entry-2026-1.entry"), kept);
}

// What the node found decides what may be said of it.
TEST_F(VouchOversightTest, SaysWhatWasDisclosedAndWhatWasNot) {
  EnterSome();
  Put several;
  several.tokens = TokensOf(1);
  several.answer = policies::Answer::kUndetermined;
  several.reason = policies::UndeterminedReason::kSeveralFound;
  several.at = kAt + absl::Hours(4);
  Enter(several);
  Put refused = several;
  refused.refused = 7;
  Enter(refused);
  const auto list = Listed({"--person", "-"}, Person(1));
  ASSERT_EQ(list["disclosures"].size(), 5u);
  EXPECT_EQ(list["answered"], 3);
  EXPECT_EQ(list["refused"], 2);
  EXPECT_EQ(list["disclosures"][0]["found"], "one");
  EXPECT_EQ(list["disclosures"][2]["found"], "none");
  EXPECT_EQ(list["disclosures"][3]["found"], "several");
  EXPECT_EQ(list["disclosures"][3]["found_on_record"], true);
  EXPECT_TRUE(list["disclosures"][4]["found_on_record"].is_null()) << "refused, nobody looked";
  const std::string text =
      Fine({"ledger", "disclosures", "--node", "tax", "--person", "-"}, Person(1)).out;
  EXPECT_THAT(text, HasSubstr("Disclosures: 3\nRefusals: 2, which disclosed nothing"));
  EXPECT_THAT(text, HasSubstr("Several people on record were found"));
}

// Where the agreement tells the agency why, the person is told that it was.
TEST_F(VouchOversightTest, SaysWhyWhereTheAgencyWasToldWhy) {
  Put put;
  put.person = 1;
  put.answer = policies::Answer::kUndetermined;
  put.reason = policies::UndeterminedReason::kHeldBack;
  Enter(put);
  put.told = put.reason;
  put.at = kAt + absl::Hours(1);
  Enter(put);
  const auto list = Listed({"--person", "-"}, Person(1));
  ASSERT_EQ(list["disclosures"].size(), 2u);
  EXPECT_FALSE(list["disclosures"][0].contains("told_why"));
  EXPECT_EQ(list["disclosures"][1]["told_why"], "HELD_BACK");
  Fine({"ledger", "disclosures", "--node", "tax", "--person", "-", "--html", "list.html"},
       Person(1));
  const std::string page = Read("list.html");
  const std::string told = "The agency was told why: the record is held back.";
  EXPECT_THAT(page, HasSubstr(told));
  EXPECT_EQ(page.find(told), page.rfind(told)) << "what it was not told is not said to it either";
}

TEST_F(VouchOversightTest, ReceiptsShowWhatTheNodeDidNotTag) {
  const std::vector<std::string> receipts = EnterSome();
  Write("good.jsonl", receipts[0] + receipts[1]);
  const std::vector<std::string> run = {"ledger",   "disclosures", "--node",    "tax",
                                        "--person", "-",           "--against", "good.jsonl"};
  EXPECT_THAT(Fine(run, Person(1)).out, HasSubstr("2 receipts, 0 of them not"));
  // The same receipts against another person's list; another opening; a place that is another's.
  Refused(run, 1, "", Person(2));
  EXPECT_THAT(Vouch(run, Person(2)).out, HasSubstr("not tagged to this person"));
  Put put;
  put.person = 1;
  const std::string untagged = [&] {
    Put nobody = put;
    nobody.person.reset();
    return Enter(nobody);
  }();
  Write("good.jsonl", receipts[0] + untagged);
  EXPECT_THAT(Vouch(run, Person(1)).out, HasSubstr("line 2 (entry 42"));
  Write("good.jsonl", absl::StrReplaceAll(receipts[0], {{"\"index\":1,", "\"index\":2,"}}));
  EXPECT_THAT(Vouch(run, Person(1)).out, HasSubstr("stands elsewhere in the log, as entry 1"));
  Write("good.jsonl", absl::StrReplaceAll(receipts[0], {{"\"index\":1,", "\"index\":900,"}}));
  EXPECT_THAT(Vouch(run, Person(1)).out, HasSubstr("stands elsewhere in the log, as entry 1"));
  Write("good.jsonl", "{}\n");
  Refused(run, 3, "good.jsonl:1", Person(1));
}

// Of an erased month nobody can tell: the node did nothing wrong, and the list says what it lacks.
TEST_F(VouchOversightTest, ReceiptsOfAnErasedMonthAccuseNobody) {
  const std::vector<std::string> receipts = EnterSome();
  Write("some.jsonl", receipts[0] + receipts[1]);
  const std::vector<std::string> run = {"ledger",   "disclosures", "--node",    "tax",
                                        "--person", "-",           "--against", "some.jsonl"};
  const std::string key = Path(absl::StrCat("tax/keys/periods/tags/", kId, "/2026-11.0.key"));
  std::filesystem::rename(key, Path("kept"));
  // Gone without a note is as good as hidden.
  Refused(run, 1, "", Person(1));
  EXPECT_THAT(Vouch(run, Person(1)).out, HasSubstr("nothing notes that it was destroyed"));
  std::filesystem::rename(Path("kept"), key);
  ASSERT_TRUE(keys_->DestroyTag(kId, 2026 * 12 + 10, 0, absl::Now()).ok());
  const std::string told = Fine(run, Person(1)).out;
  EXPECT_THAT(told, HasSubstr("is in the log; 2026-11 was erased"));
  EXPECT_THAT(told, HasSubstr("0 of them not as they must be, and 2 of which nobody can tell"));
  EXPECT_THAT(told, HasSubstr("2026-11: the month's key is not here"));
  EXPECT_THAT(told, Not(HasSubstr("not tagged to this person")));
  std::vector<std::string> as_json = run;
  as_json.emplace_back("--json");
  const auto json = nlohmann::json::parse(Fine(as_json, Person(1)).out);
  EXPECT_TRUE(json["findings"].empty());
  EXPECT_EQ(json["cannot_tell"].size(), 2u);
  EXPECT_THAT(json["not_included"].dump(), HasSubstr("the month's key is not here"));
}

TEST_F(VouchOversightTest, NothingOfAReceiptReachesTheTerminalRaw) {
  EnterSome();
  crypto::SubjectEntry entry;
  entry.minute = static_cast<uint32_t>(absl::ToUnixSeconds(kAt) / 60);
  entry.requester = "\x1b[2Jstudentaid.example";
  entry.question = "income\x1b]0;";
  entry.agreement_id = kId;
  Write("bad.jsonl", absl::StrCat("{\"entry\":\"", absl::Base64Escape(entry.Bytes()),
                                  "\",\"index\":3,\"log\":\"\\u001b[2J\",\"opening\":\"",
                                  absl::Base64Escape(std::string(32, 'o')), "\"}\n"));
  const ProcessResult result =
      Vouch({"ledger", "disclosures", "--node", "tax", "--person", "-", "--against", "bad.jsonl"},
            Person(1));
  EXPECT_EQ(result.exit_code, 1);
  EXPECT_THAT(result.out, HasSubstr("studentaid.example"));
  EXPECT_THAT(result.out, Not(HasSubstr("\x1b")));
}

// What `vouch ask --json` prints: the message vouch.v1.Receipt, field by field.
TEST_F(VouchOversightTest, ReceiptsAreTakenAsAskersPrintThem) {
  const auto saved = nlohmann::json::parse(EnterSome()[0]);
  std::string entry;
  std::string opening;
  ASSERT_TRUE(absl::Base64Unescape(saved["entry"].get<std::string>(), &entry));
  ASSERT_TRUE(absl::Base64Unescape(saved["opening"].get<std::string>(), &opening));
  ASSERT_GT(entry.size(), 127u);
  ASSERT_LT(entry.size(), 16384u);
  std::string message = {'\x0a', static_cast<char>((entry.size() & 0x7f) | 0x80),
                         static_cast<char>(entry.size() >> 7)};
  message +=
      entry + std::string("\x12\x20") + opening + std::string("\x19\x01") + std::string(7, '\0');
  Write("asked.jsonl",
        nlohmann::json({{"answer", "NO"}, {"receipt", absl::Base64Escape(message)}}).dump() + "\n");
  EXPECT_THAT(
      Fine({"ledger", "disclosures", "--node", "tax", "--person", "-", "--against", "asked.jsonl"},
           Person(1))
          .out,
      HasSubstr("1 receipts, 0 of them not"));
}

TEST_F(VouchOversightTest, AnInspectorOpensOnePersonsEntriesOfAnExport) {
  EnterSome();
  Export();
  const ProcessResult made =
      Fine({"ledger", "open", "--node", "tax", "--person", "-", "--output", "one.keys"}, Person(1));
  EXPECT_EQ(Mode("one.keys"), 0600u);
  EXPECT_THAT(made.out, HasSubstr("3 entries"));
  for (const char* where : {"--log", "--node"}) {
    const auto list =
        nlohmann::json::parse(Fine({"ledger", "open", "--with", "one.keys", where,
                                    where == std::string("--log") ? "exported" : "tax", "--json"})
                                  .out);
    ASSERT_EQ(list["disclosures"].size(), 3u) << where;
    EXPECT_EQ(list["disclosures"][0]["outcome"], "NO");
    EXPECT_EQ(list["disclosures"][2]["outcome"], "UNDETERMINED");
  }
  Refused({"ledger", "open", "--node", "tax", "--person", "-", "--output", "one.keys"}, 1,
          "not overwritten", Person(1));
}

TEST_F(VouchOversightTest, ReportsAQuarterWithoutSmallCounts) {
  EnterSome();
  const auto report = nlohmann::json::parse(Fine({"ledger", "report", "--node", "tax", "--quarter",
                                                  "2026-Q4", "--json", "--html", "q4.html"})
                                                .out);
  const auto& rows = report["agreements"][0]["rows"];
  EXPECT_EQ(rows["answers_by_question"]["counts"][kQuestion], 41);
  EXPECT_EQ(rows["answers_by_month"]["counts"]["2026-11"], 41);
  EXPECT_EQ(rows["answers_by_month"]["counts"]["2026-12"], 0);
  // One with nobody found: it takes the next smallest with it.
  EXPECT_TRUE(rows["answers_by_kind"]["counts"]["YES"].is_null() ||
              rows["answers_by_kind"]["counts"]["NO"].is_null());
  EXPECT_TRUE(rows["refusals_by_reason"]["counts"]["PERSON_LIMIT"].is_null());
  EXPECT_TRUE(rows["refusals_by_reason"]["all"].is_null());
  EXPECT_THAT(report["agreements"][0]["says"].dump(), HasSubstr("spares tax transcript and 25"));
  const std::string page = Read("q4.html");
  EXPECT_THAT(page, HasSubstr("<svg role=\"img\""));
  EXPECT_THAT(page, Not(HasSubstr("<script")));
  EXPECT_THAT(Fine({"ledger", "report", "--node", "tax", "--quarter", "2026-Q3"}).out,
              HasSubstr("Nothing was asked"));
  Refused({"ledger", "report", "--node", "tax", "--quarter", "2026-4"}, 2, "2027-Q1");
}

// What cannot be told by kind must not tell, by subtraction, what another row hides.
TEST_F(VouchOversightTest, KindsDoNotGiveAwayWhatOtherCountsHide) {
  const auto report = [&] {
    return nlohmann::json::parse(
        Fine({"ledger", "report", "--node", "tax", "--quarter", "2026-Q4", "--json"})
            .out)["agreements"][0];
  };
  // Three of a month whose key is destroyed, then.
  Put october;
  october.person = 5;
  october.at = kAt - absl::Hours(24 * 20);
  for (int i = 0; i < 3; ++i) Enter(october);
  EnterSome();
  ASSERT_TRUE(keys_->DestroyTag(kId, 2026 * 12 + 9, 0, absl::Now()).ok());
  auto told = report();
  EXPECT_TRUE(told["rows"]["answers_by_month"]["counts"]["2026-10"].is_null());
  EXPECT_EQ(told["rows"]["answers_by_question"]["all"], 44);
  EXPECT_TRUE(told["rows"]["answers_by_kind"]["all"].is_null());
  EXPECT_TRUE(told["rows"]["answers_by_kind"]["counts"]["not told by kind"].is_null());
  EXPECT_THAT(told["says"].dump(), HasSubstr("of months whose keys are not here any more."));
  EXPECT_THAT(told["says"].dump(), Not(HasSubstr("households")));
  EXPECT_THAT(told["says"].dump(), HasSubstr("is not shown by kind"));
}

TEST_F(VouchOversightTest, RetiredQuestionsStandAmongTheKinds) {
  const auto kinds = [&] {
    const auto agreement = nlohmann::json::parse(
        Fine({"ledger", "report", "--node", "tax", "--quarter", "2026-Q4", "--json"})
            .out)["agreements"][0];
    EXPECT_THAT(agreement["says"].dump(), HasSubstr("questions that the agreement at hand"));
    return agreement["rows"]["answers_by_kind"];
  };
  EnterSome();
  Put retired;
  retired.person = 5;
  retired.question = "asked-no-more";
  retired.at = kAt + absl::Hours(5);
  for (int i = 0; i < 3; ++i) Enter(retired);
  EXPECT_TRUE(kinds()["all"].is_null()) << "41 of 44 would say 3";
  for (int i = 0; i < 27; ++i) Enter(retired);
  const auto shown = kinds();
  EXPECT_EQ(shown["counts"]["not told by kind"], 30);
  EXPECT_EQ(shown["all"], 71);
}

TEST_F(VouchOversightTest, ErasesAMonthWhoseTimeIsOverAndNoOther) {
  Put old;
  old.person = 1;
  old.at = absl::FromCivil(absl::CivilDay(2019, 3, 5), absl::UTCTimeZone());
  Enter(old);
  EnterSome();
  const std::string today = absl::FormatTime("%Y-%m-%d", absl::Now(), absl::UTCTimeZone());
  const std::vector<std::string> march = {"ledger",      "erase", "--node",  "tax",
                                          "--agreement", kId,     "--month", "2019-03",
                                          "--today",     today,   "--yes"};
  std::vector<std::string> other_day = march;
  other_day[9] = "2031-01-01";
  Refused(other_day, 1, "the clock");
  // Kept for the life of the record, and the person is on record.
  Refused(march, 1, "life of the record");
  Fine({"records", "delete", "--node", "tax", "--source-id", "id-1"});
  Refused({"ledger", "hold", "--node", "tax", "--agreement", "studentaid-tax-2027-01", "--name",
           "case-13"},
          3, "is no agreement of this node");
  Fine({"ledger", "hold", "--node", "tax", "--source-id", "id-1", "--name", "case-14"});
  Refused(march, 1, "the hold case-14");
  EXPECT_THAT(Fine({"ledger", "hold", "--node", "tax"}).out, HasSubstr("case-14"));
  Fine({"ledger", "hold", "--node", "tax", "--name", "case-14", "--release"});
  std::vector<std::string> dry = march;
  dry.pop_back();
  EXPECT_THAT(Fine(dry).out, HasSubstr("may be erased"));
  EXPECT_EQ(Listed({"--source-id", "id-1"}, "")["disclosures"].size(), 3u);
  const ProcessResult erased = Fine(march);
  EXPECT_THAT(erased.out, HasSubstr("nor from the entries whom they are about"));
  EXPECT_THAT(erased.err, HasSubstr("Until `vouch ledger prune` drops them, the charges"));
  EXPECT_EQ(Listed({"--source-id", "id-1"}, "")["disclosures"].size(), 2u);
  Refused(march, 3, "no key here");
  std::vector<std::string> young = march;
  young[7] = "2026-11";
  Refused(young, 1, "the agreement keeps it until");
  Fine({"ledger", "erase", "--node", "tax", "--retention-over", "--today", today, "--yes"});
  EXPECT_EQ(Listed({"--source-id", "id-1"}, "")["disclosures"].size(), 2u);
}

TEST_F(VouchOversightTest, HoldsAnAgreementUnderWhichNothingWasAskedYet) {
  ASSERT_FALSE(std::filesystem::exists(Path("tax/keys/periods")));
  Fine({"ledger", "hold", "--node", "tax", "--agreement", kId, "--name", "case-16"});
  EXPECT_THAT(Fine({"ledger", "hold", "--node", "tax"}).out, HasSubstr("case-16"));
}

TEST_F(VouchOversightTest, ErasesNothingByAClockThatNothingBearsOut) {
  Put old;
  old.person = 1;
  old.at = absl::FromCivil(absl::CivilDay(2019, 3, 5), absl::UTCTimeZone());
  Enter(old);
  const std::vector<std::string> erase = {"ledger",           "erase", "--node", "tax",
                                          "--retention-over", "--yes"};
  Refused(erase, 1, "--today");
  server::node::ClockStanding standing;
  standing.stopped = true;
  standing.event = std::string(32, 'a');
  standing.ahead_seconds = 7200;
  std::filesystem::create_directories(Path("tax/run"));
  ASSERT_TRUE(server::node::WriteClockStanding(Path("tax/run"), standing).ok());
  std::vector<std::string> named = erase;
  named.insert(named.end(),
               {"--today", absl::FormatTime("%Y-%m-%d", absl::Now(), absl::UTCTimeZone())});
  Refused(named, 1, "does not trust this machine's clock");
}

// A disk that is not mounted.
TEST_F(VouchOversightTest, ErasesNothingKeptForTheLifeOfTheRecordWithoutRecords) {
  Put old;
  old.person = 1;
  old.at = absl::FromCivil(absl::CivilDay(2019, 3, 5), absl::UTCTimeZone());
  Enter(old);
  std::filesystem::rename(Path("tax/records"), Path("tax/elsewhere"));
  std::filesystem::create_directory(Path("tax/records"));
  std::filesystem::permissions(Path("tax/records"), std::filesystem::perms::owner_all);
  Refused({"ledger", "erase", "--node", "tax", "--agreement", kId, "--month", "2019-03", "--today",
           absl::FormatTime("%Y-%m-%d", absl::Now(), absl::UTCTimeZone()), "--yes"},
          1, "holds no records");
}

// What is left after a loss must not look whole, to nobody who asks.
TEST_F(VouchOversightTest, ADeclaredLossIsSaidWhereverEntriesAreListed) {
  EnterSome();
  journal_.reset();
  std::filesystem::copy(Path("tax/journal"), Path("older"),
                        std::filesystem::copy_options::recursive);
  ASSERT_NO_FATAL_FAILURE(OpenJournal());
  Put put;
  put.person = 1;
  put.at = kAt + absl::Hours(5);
  Write("lost.jsonl", Enter(put));
  const server::journal::Head head = journal_->head();
  journal_.reset();
  std::filesystem::remove_all(Path("tax/journal"));
  std::filesystem::rename(Path("older"), Path("tax/journal"));
  std::filesystem::permissions(Path("tax/journal"), std::filesystem::perms::owner_all);
  const auto declared = server::journal::DeclareLoss(
      JournalOptions(), {head.origin, head.tree_size, head.range.Root()}, kAt + absl::Hours(30));
  ASSERT_TRUE(declared.ok()) << declared.status();
  ASSERT_NO_FATAL_FAILURE(OpenJournal());
  put.at = kAt + absl::Hours(40);
  Enter(put);

  const auto said = HasSubstr(absl::StrCat("entries 43 to 43 of ", kOrigin));
  const auto list = Listed({"--person", "-"}, Person(1));
  EXPECT_EQ(list["disclosures"].size(), 4u);
  EXPECT_THAT(list["not_included"].dump(), said);
  EXPECT_THAT(Fine({"ledger", "corrections", "--node", "tax", "--person", "-"}, Person(1)).err,
              said);
  EXPECT_THAT(
      Fine({"ledger", "open", "--node", "tax", "--person", "-", "--output", "one.keys"}, Person(1))
          .err,
      said);
  EXPECT_THAT(Fine({"ledger", "open", "--with", "one.keys", "--node", "tax"}).out,
              HasSubstr("entries 43 to 43"));
  // The receipt of what was lost.
  const std::vector<std::string> against = {"ledger",   "disclosures", "--node",    "tax",
                                            "--person", "-",           "--against", "lost.jsonl"};
  EXPECT_EQ(Vouch(against, Person(1)).exit_code, 1);
  EXPECT_THAT(Vouch(against, Person(1)).out, HasSubstr("it lies in what was declared lost"));
  // A quarter that it may be of, and one that it cannot be of.
  const std::string report =
      Fine({"ledger", "report", "--node", "tax", "--quarter", "2026-Q4"}).out;
  EXPECT_THAT(report, said);
  EXPECT_THAT(report, HasSubstr("What of this quarter is among them is not counted."));
  EXPECT_THAT(Fine({"ledger", "report", "--node", "tax", "--quarter", "2026-Q3"}).out, Not(said));
}

TEST_F(VouchOversightTest, ACorrectionSaysWhatItCouldNotLookAt) {
  Put put;
  put.person = 1;
  Enter(put);
  EXPECT_THAT(Fine({"ledger", "corrections", "--node", "tax", "--source-id", "id-1"}).err,
              HasSubstr("cannot be looked for by the source's id alone"));
  // What was answered is damaged.
  const auto sealed = [&] {
    crypto::SubjectEntry entry;
    entry.use = 2;
    entry.requester = "studentaid.example";
    entry.agreement_id = kId;
    entry.question = kQuestion;
    entry.tag_period = server::ledger::TagPeriodOf(kAt);
    entry.minute = static_cast<uint32_t>(absl::ToUnixSeconds(kAt) / 60);
    const auto period = keys_->Tag(kId, entry.tag_period, 0);
    const crypto::SubjectKey subject(**period, crypto::SubjectKey::Subject::kPerson, HandleOf(1));
    entry.tag = subject.Tag(entry.nonce);
    return server::journal::Written{entry.Bytes(), std::string(100, 'x')};
  }();
  Commit(sealed);
  EXPECT_THAT(Fine({"ledger", "corrections", "--node", "tax", "--person", "-"}, Person(1)).err,
              HasSubstr("1 answers are not compared: what was answered lies sealed"));
  // Nor can a receipt of it be held against it: that is no receipt that is as it must be.
  Write("damaged.jsonl", absl::StrCat("{\"entry\":\"", absl::Base64Escape(sealed.entry),
                                      "\",\"index\":1,\"opening\":\"",
                                      absl::Base64Escape(std::string(32, 'o')), "\"}\n"));
  const ProcessResult held = Vouch(
      {"ledger", "disclosures", "--node", "tax", "--person", "-", "--against", "damaged.jsonl"},
      Person(1));
  EXPECT_EQ(held.exit_code, 1);
  EXPECT_THAT(held.out, HasSubstr("what lies sealed beside it is damaged or gone"));
  // An entry that nothing here can read may be about anybody.
  std::string later = sealed.entry;
  later[0] = 2;
  Commit({later, ""});
  EXPECT_THAT(Fine({"ledger", "corrections", "--node", "tax", "--person", "-"}, Person(1)).err,
              HasSubstr("1 entry is of no kind that this program knows"));
  EXPECT_THAT(Listed({"--person", "-"}, Person(1))["not_included"].dump(),
              HasSubstr("1 entry is of no kind that this program knows"));
}

// Whoever reads "0" of a month that has not come must not take it for a count.
TEST_F(VouchOversightTest, AQuarterThatIsNotOverIsSaidToBeSo) {
  EnterSome();
  const std::string coming = Fine({"ledger", "report", "--node", "tax", "--quarter", "2090-Q1",
                                   "--html", "coming.html", "--json"})
                                 .out;
  EXPECT_EQ(nlohmann::json::parse(coming)["not_over_until"], "2090-03-31");
  EXPECT_THAT(Read("coming.html"), HasSubstr("The quarter is not over"));
  EXPECT_THAT(Fine({"ledger", "report", "--node", "tax", "--quarter", "2019-Q1"}).out,
              Not(HasSubstr("is not over")));
}

TEST_F(VouchOversightTest, SaysWhenItDoesNotKnowWhomItIsAsked) {
  EnterSome();
  Refused({"ledger", "disclosures", "--node", "tax"}, 2, "--person");
  const auto nobody =
      Listed({"--person", "-"}, absl::StrReplaceAll(Person(1), {{"-1001", "-9999"}}));
  EXPECT_TRUE(nobody["disclosures"].empty());
  EXPECT_THAT(nobody["not_included"].dump(), HasSubstr("nobody on record"));
  // The number of one, the birthday of nobody: it does not fit wholly.
  Refused({"ledger", "disclosures", "--node", "tax", "--person", "-"}, 1, "does not fit wholly",
          absl::StrReplaceAll(Person(1), {{"1990-02-03", "1991-02-03"}}));
}

}  // namespace
}  // namespace vouch::tests
