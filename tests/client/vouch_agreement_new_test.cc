// `vouch agreement new`, as officers run it.
#include <filesystem>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"
#include "absl/strings/str_split.h"
#include "tests/client/vouch_program.h"
#include "tests/paths.h"

namespace vouch::tests {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

constexpr char kDigest[] = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";

std::vector<std::string> Templates() {
  std::vector<std::string> names;
  for (const auto& folder :
       std::filesystem::directory_iterator(VOUCH_SOURCE_DIR "/policies/templates")) {
    if (folder.is_directory()) names.push_back(folder.path().filename().string());
  }
  return names;
}

std::string Answers(const std::string& more = "") {
  return absl::StrCat("# what both agencies settled\n",
                      "asks: \"housing.state.example\"\n"
                      "answers: \"records.state.example\"\n"
                      "id: \"housing-records-2029-001\"\n"
                      "title: \"A title with \\\"quotes\\\"\"\n"
                      "document_title: \"Agreement 2029-001 as executed\"\n"
                      "document_sha256: \"",
                      kDigest,
                      "\"\n"
                      "approval_asks_board: \"Privacy Board\"\n"
                      "approval_asks_on: \"2028-10-02\"\n"
                      "approval_answers_board: \"Data Integrity Board\"\n"
                      "approval_answers_on: \"2028-10-03\"\n"
                      "effective: \"2029-02-01\"\n"
                      "expires: \"2030-01-31\"\n"
                      "key_authority: \"sha256:",
                      kDigest,
                      "\"\n"
                      "times_asked: 7\n"
                      "new_people: 1234\n"
                      "contact_asks_email: \"officer@housing.state.example\"\n"
                      "contact_answers_email: \"privacy@records.state.example\"\n"
                      "corrections_contact: \"corrections@records.state.example\"\n",
                      more);
}
constexpr char kPublished[] =
    "federal_register: \"93 FR 12345\"\nsent_to_congress: \"2028-10-10\"\n";

class VouchNewTest : public VouchTest {};

TEST_F(VouchNewTest, EveryTemplateFilledInPassesCheckAndItsCasesAtFirstRun) {
  const std::vector<std::string> names = Templates();
  ASSERT_GE(names.size(), 6u);
  for (const std::string& name : names) {
    SCOPED_TRACE(name);
    const std::string text = ReadAbsolute(
        absl::StrCat(VOUCH_SOURCE_DIR "/policies/templates/", name, "/agreement.yaml"));
    Write("answers.yaml",
          Answers(text.find("\npublished:") == std::string::npos ? "" : kPublished));
    Fine({"agreement", "new", name, "--template", name, "--answers", "answers.yaml"});
    const std::string agreement = Read(name + "/agreement.yaml");
    EXPECT_THAT(agreement, HasSubstr("asks: [\"housing.state.example\"]"));
    EXPECT_THAT(agreement, HasSubstr("title: \"A title with \\\"quotes\\\"\""));
    EXPECT_THAT(agreement, HasSubstr("times_asked: {count: 7,"));
    EXPECT_THAT(agreement, HasSubstr("# The digest of the document that is executed"));
    EXPECT_THAT(Read(name + "/facts.yaml"), HasSubstr("agency: \"records.state.example\""));
    Fine({"agreement", "check", name + "/agreement.yaml"});
    EXPECT_THAT(Fine({"agreement", "test", name + "/agreement.yaml"}).out, HasSubstr("0 failed."));
  }
}

TEST_F(VouchNewTest, NothingThatIsThereIsOverwritten) {
  Write("answers.yaml", Answers());
  const std::vector<std::string> run = {
      "agreement", "new", "mine", "--template", "birth-of-a-child", "--answers", "answers.yaml"};
  Fine(run);
  Write("mine/agreement.yaml", "ours");
  Refused(run, 1, "is there already");
  EXPECT_EQ(Read("mine/agreement.yaml"), "ours");
}

TEST_F(VouchNewTest, TellsAllThatIsWrongWithAnswersAtOnceAndWritesNothing) {
  Write("answers.yaml",
        absl::StrReplaceAll(Answers("titel: \"x\"\n"), {{"2029-02-01", "1 February 2029"},
                                                        {"id: \"housing-records-2029-001\"\n", ""},
                                                        {"times_asked: 7", "times_asked: 07"}}));
  const ProcessResult result = Vouch(
      {"agreement", "new", "mine", "--template", "birth-of-a-child", "--answers", "answers.yaml"});
  EXPECT_EQ(result.exit_code, 3);
  EXPECT_THAT(result.err, HasSubstr("`id` is missing"));
  EXPECT_THAT(result.err, HasSubstr("answers.yaml:11: `effective`"));
  EXPECT_THAT(result.err, HasSubstr("at most 10"));
  EXPECT_THAT(result.err, HasSubstr("`times_asked`"));
  EXPECT_THAT(result.err, HasSubstr("did you mean `title`?"));
  EXPECT_FALSE(Exists("mine"));
}

TEST_F(VouchNewTest, AnAnswerCannotAddKeysOfItsOwn) {
  Write("answers.yaml",
        absl::StrReplaceAll(Answers(), {{"times_asked: 7", "times_asked: \"7, every: 1\""},
                                        {"A title with", "A title\\\", use: \\\"live"}}));
  Vouch(
      {"agreement", "new", "mine", "--template", "birth-of-a-child", "--answers", "answers.yaml"});
  EXPECT_FALSE(Exists("mine"));
}

// In the order in which the interview asks.
std::string Spoken(const std::vector<std::string>& lines) {
  std::string input;
  for (const std::string& line : lines) absl::StrAppend(&input, line, "\n");
  return input;
}

TEST_F(VouchNewTest, TheInterviewChecksEachAnswerAtOnceAndAsksAgain) {
  const std::string input = Spoken({"birth-of-a-chld",
                                    "1",
                                    "HOUSING",
                                    "housing.state.example",
                                    "housing.state.example",
                                    "records.state.example",
                                    "housing-records-2029-001",
                                    "",
                                    "",
                                    "As executed",
                                    "later",
                                    "",
                                    "",
                                    "",
                                    "2028-10-02",
                                    "",
                                    "2028-10-03",
                                    "2029-02-30",
                                    "2029-02-01",
                                    "2030-01-31",
                                    "",
                                    "later",
                                    "9",
                                    "",
                                    "",
                                    "",
                                    "",
                                    "",
                                    "officer@housing.state.example",
                                    "",
                                    "privacy@records.state.example",
                                    "corrections@records.state.example"});
  const ProcessResult result = Fine({"agreement", "new", "mine"}, input);
  EXPECT_THAT(result.out, HasSubstr("did you mean birth-of-a-child?"));
  EXPECT_THAT(result.out, HasSubstr("both asks and answers"));
  EXPECT_THAT(result.out, HasSubstr("is no day of the calendar"));
  EXPECT_THAT(result.out, HasSubstr("Still to fill in: people.tokens.key_authority"));
  EXPECT_THAT(Read("mine/agreement.yaml"), HasSubstr("effective: \"2029-02-01\""));
  Fine({"agreement", "test", "mine/agreement.yaml"});
}

TEST_F(VouchNewTest, AnInterviewBrokenOffWritesNothing) {
  Refused({"agreement", "new", "mine", "--template", "birth-of-a-child"}, 1, "broken off",
          "housing.state.example\n");
  EXPECT_FALSE(Exists("mine"));
}

TEST_F(VouchNewTest, OneAgreementForEachPartner) {
  Write("answers.yaml",
        absl::StrReplaceAll(Answers(), {{"asks: \"housing.state.example\"\n", ""},
                                        {"id: \"housing-records-2029-001\"\n", ""}}));
  Write("agencies.csv",
        "asks,id,contact_asks_email\n"
        "north.example,north-records-2029,officer@north.example\n"
        "south.example,south-records-2029,officer@south.example\n");
  const std::vector<std::string> run = {
      "agreement", "new",          "partners", "--template",  "birth-of-a-child",
      "--answers", "answers.yaml", "--for",    "agencies.csv"};
  Fine(run);
  EXPECT_THAT(Read("partners/north.example/agreement.yaml"), HasSubstr("officer@north.example"));
  EXPECT_THAT(Read("partners/south.example/agreement.yaml"),
              HasSubstr("id: \"south-records-2029\""));
  EXPECT_THAT(Read("partners/south.example/agreement.yaml"), Not(HasSubstr("north.example")));
  Fine({"agreement", "test", "partners/south.example/agreement.yaml"});
  Refused(run, 1, "is there already");
}

TEST_F(VouchNewTest, OnePartnersMistakeWritesNobodys) {
  Write("answers.yaml",
        absl::StrReplaceAll(Answers(), {{"asks: \"housing.state.example\"\n", ""},
                                        {"id: \"housing-records-2029-001\"\n", ""}}));
  Write("agencies.csv", "asks,id\nnorth.example,north-records-2029\nSOUTH,south-records-2029\n");
  Refused({"agreement", "new", "partners", "--template", "birth-of-a-child", "--answers",
           "answers.yaml", "--for", "agencies.csv"},
          3, "row 3");
  EXPECT_FALSE(Exists("partners"));
}

TEST_F(VouchNewTest, ListsTemplatesAndSuggestsTheOneMeant) {
  EXPECT_THAT(Fine({"agreement", "new", "--list"}).out, HasSubstr("income-for-student-aid"));
  Refused({"agreement", "new", "mine", "--template", "veteran-statos"}, 3, "veteran-status");
  Refused({"agreement", "new"}, 2, "folder");
}

}  // namespace
}  // namespace vouch::tests
