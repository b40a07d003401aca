#include <set>
#include <utility>

#include "absl/strings/str_cat.h"
#include "policies/engine/explain/sections.h"
#include "policies/engine/explain/words.h"
#include "policies/engine/lint/disclosure.h"

namespace vouch::policies::explain {
namespace {

const char* DoWords(Do action) {
  switch (action) {
    case Do::kAccept:
      return "relies on the answer";
    case Do::kVerifyIndependently:
      return "does nothing adverse before it has checked for itself";
    case Do::kAskThePerson:
      return "asks the person for documents";
  }
  return "";
}

void AddObligation(const std::string& path, absl::string_view answer, const Obligation& obligation,
                   Page* page) {
  page->AddRow(
      path, {std::string(answer), DoWords(obligation.action),
             obligation.notice_days == 0 ? "none"
                                         : Counted(obligation.notice_days, "day") + " to contest"});
}

void AddParameters(const Question& question, const std::string& path, Page* page) {
  if (question.parameters.empty()) {
    page->Say(path, "The asking agency states nothing with the question.");
    return;
  }
  const std::string parameters = absl::StrCat(path, ".parameters");
  page->Say(parameters,
            "With the question the asking agency states the following, and nothing else:");
  for (const ParameterRule& rule : question.parameters) {
    const std::string values =
        rule.range.has_value() ? absl::StrCat("a whole number from ", Grouped(rule.range->first),
                                              " to ", Grouped(rule.range->second))
                               : Joined(rule.codes, "or");
    page->Item(absl::StrCat(parameters, ".", rule.name),
               absl::StrCat(NameWords(rule.name), ": ", values, "."));
  }
}

void AddFacts(const Explained& in, const Condition& condition, std::set<std::string>* said,
              Page* page) {
  for (const Condition& child : condition.children) AddFacts(in, child, said, page);
  if (condition.kind != Condition::Kind::kLeaf || in.facts == nullptr) return;
  const std::string name = condition.fact == "age" ? "date_of_birth" : condition.fact;
  const FactDefinition* fact = in.facts->Find(name);
  if (fact == nullptr || !said->insert(name).second) return;
  page->AddRowOnLine(condition.position.line,
                     {NameWords(name), OneLine(fact->meaning), OneLine(fact->source_system)});
}

// Caps of the catalogue on facts that the question looks at.
void AddCaps(const Explained& in, const Condition& condition, std::set<std::string>* said,
             Page* page) {
  for (const Condition& child : condition.children) AddCaps(in, child, said, page);
  if (condition.kind != Condition::Kind::kLeaf || in.facts == nullptr) return;
  const std::string name = condition.fact == "age" ? "date_of_birth" : condition.fact;
  const FactDefinition* fact = in.facts->Find(name);
  if (fact == nullptr || !fact->different_values.has_value() || !said->insert(name).second) return;
  page->SayOnLine(
      condition.position.line,
      absl::StrCat("So it is when one asking agency tries more than ",
                   Grouped(fact->different_values->count), " different combinations on “",
                   NameWords(name), "” of one person within any ",
                   lint::SpanText(fact->different_values->every),
                   ", counted over all its agreements with the answering agency."));
}

void AddUndetermined(const Explained& in, const Question& question, const std::string& path,
                     Page* page) {
  page->Paragraph();
  page->Say(path,
            "In every other case the answer is UNDETERMINED: when no record is found, or "
            "several; when a fact that decides is not held; when the person's record is held "
            "back; or when a limit for that person was used up under another spelling.");
  page->Say(absl::StrCat(path, ".records_loaded_within"),
            absl::StrCat("So it is when the answering agency's data were loaded more than ",
                         page->TextAt(absl::StrCat(path, ".records_loaded_within")),
                         " before the question."));
  std::set<std::string> said;
  AddCaps(in, question.yes_when, &said, page);
  if (question.group_at_most > 0) {
    page->Say(path,
              "A member who is not found, or of whom a fact is not held, is not left out: what "
              "is not known about one leaves a sum unknown, and decides nothing else.");
    page->Say(path,
              "Two members who turn out to be one record are both unknown: they never count twice, "
              "and the others still decide where they can.");
  }
  page->Say(path, "UNDETERMINED does not mean NO.");
  const std::string tell = absl::StrCat(path, ".tell");
  switch (question.tell) {
    case Tell::kNothing:
      page->Say(tell, "It does not say why.");
      break;
    case Tell::kSafe:
      page->Say(tell, "It says why only when the data are too old.");
      break;
    case Tell::kAll:
      page->Say(tell,
                "It says why, also that no record was found: the asking agency learns who "
                "has a record.");
      break;
  }
}

void AddSay(const Question& question, const std::string& path, Page* page) {
  for (size_t i = 0; i < question.say.size(); ++i) {
    const Say& say = question.say[i];
    const std::string item = absl::StrCat(path, ".say[", i + 1, "]");
    page->Paragraph();
    page->Say(item, absl::StrCat("With ", std::string(AnswerName(say.when)),
                                 " the person is told, in ", LanguageWords(say.language), ":"));
    page->Quote(absl::StrCat(item, ".text"), say.text);
  }
}

void AddSpared(const Question& question, const std::string& path, Page* page) {
  const std::string spares = absl::StrCat(path, ".spares");
  if (!question.spares_documents.empty()) {
    page->Paragraph();
    page->Say(spares, "The person need not bring:");
    for (size_t i = 0; i < question.spares_documents.size(); ++i) {
      page->QuotedItem(absl::StrCat(spares, ".documents[", i + 1, "]"),
                       question.spares_documents[i]);
    }
    page->Paragraph();
  }
  if (question.spares_minutes > 0) {
    page->Say(absl::StrCat(spares, ".minutes"),
              absl::StrCat("The staff is spared about ", Counted(question.spares_minutes, "minute"),
                           " each time."));
  }
}

void AddQuestion(const Explained& in, const Question& question, size_t index, Page* page) {
  const std::string path = absl::StrCat("questions[", index + 1, "]");
  page->BeginPart(absl::StrCat("question-", index + 1), absl::StrCat("“", question.id, "”"), path);
  page->Quote(absl::StrCat(path, ".ask"), question.ask);
  const std::string about = absl::StrCat(path, ".about");
  if (question.group_at_most == 0) {
    page->Say(about, "It is asked about one person.");
  } else {
    page->Say(about, absl::StrCat("It is asked about a household or other group of at most ",
                                  Counted(question.group_at_most, "person"),
                                  ", and gets one answer for all of them."));
    page->Say(about,
              "Every request is filled up to that size, so that it does not show how many "
              "there are; it counts against the limits of every member, and is refused when any "
              "has none left.");
  }
  AddParameters(question, path, page);
  AddCondition(in, question, path, page);
  AddUndetermined(in, question, path, page);
  AddEdges(in, question, page);
  if (in.facts != nullptr) {
    page->BeginTable("What is looked at in the answering agency's records",
                     {"fact", "meaning", "system of records"});
    std::set<std::string> said;
    AddFacts(in, question.yes_when, &said, page);
  }
  page->BeginTable("What the asking agency does", {"answer", "what it does", "notice"});
  AddObligation(absl::StrCat(path, ".on_yes"), "YES", question.on_yes, page);
  AddObligation(absl::StrCat(path, ".on_no"), "NO", question.on_no, page);
  AddObligation(absl::StrCat(path, ".on_undetermined"), "UNDETERMINED", question.on_undetermined,
                page);
  AddSay(question, path, page);
  AddSpared(question, path, page);
  page->Paragraph();
  const std::string good_for = absl::StrCat(path, ".answer_good_for");
  page->Say(good_for,
            question.answer_good_for > absl::ZeroDuration()
                ? absl::StrCat("For ", page->TextAt(good_for),
                               " the asking agency uses the answer it was given instead of asking "
                               "again.")
                : "The asking agency asks each time anew.");
  page->EndPart();
}

}  // namespace

void AddQuestions(const Explained& in, Page* page) {
  page->BeginSection("questions", "What may be asked", "questions");
  page->Say("questions",
            in.agreement.questions.size() == 1
                ? "One question may be asked. There is no other."
                : absl::StrCat(Grouped(static_cast<int64_t>(in.agreement.questions.size())),
                               " questions may be asked. There is no other."));
  for (size_t i = 0; i < in.agreement.questions.size(); ++i) {
    AddQuestion(in, in.agreement.questions[i], i, page);
  }
}

}  // namespace vouch::policies::explain
