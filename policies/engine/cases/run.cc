#include "policies/engine/cases/run.h"

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "policies/engine/question.h"

namespace vouch::policies::cases {
namespace {

constexpr char kCite[] = "docs/agreements.md section 8";

// Collects what is wrong with one case.
class Reader {
 public:
  Reader(const Case& one, absl::string_view file, std::vector<Finding>* findings)
      : case_(one), file_(file), findings_(findings) {}

  void Add(absl::string_view rule, Position position, absl::string_view offending,
           std::string message, std::string mend) {
    Finding finding;
    finding.rule = std::string(rule);
    finding.file = std::string(file_);
    finding.position = position;
    finding.offending = Shown(offending);
    finding.message = std::move(message);
    finding.mend = std::move(mend);
    finding.cite = absl::StrCat(kCite, ", ", rule);
    findings_->push_back(std::move(finding));
    good_ = false;
  }
  bool Expects(Refused refused) const { return case_.refused == refused; }
  bool good() const { return good_; }

 private:
  const Case& case_;
  absl::string_view file_;
  std::vector<Finding>* findings_;
  bool good_ = true;
};

template <typename Listed>
std::vector<std::string> IdsOf(const std::vector<Listed>& listed) {
  std::vector<std::string> ids;
  for (const Listed& one : listed) ids.push_back(one.id);
  return ids;
}

// Names of parameters always have to be known, unless the case is about exactly that.
Parameters ParametersOf(const std::vector<std::pair<std::string, WrittenValue>>& written,
                        const Question* question, bool any, Reader* reader) {
  Parameters parameters;
  std::vector<std::string> names;
  if (question != nullptr) {
    for (const ParameterRule& rule : question->parameters) names.push_back(rule.name);
  }
  for (const auto& [name, value] : written) {
    const bool listed = std::find(names.begin(), names.end(), name) != names.end();
    if (!listed && question != nullptr && !any) {
      reader->Add(
          "cases/unknown-parameter", value.position, name,
          absl::StrCat("the question `", question->id, "` has no parameter `", Shown(name), "`"),
          MeantOrOneOf(name, names));
      continue;
    }
    if (value.kind == WrittenValue::Kind::kNumber) {
      parameters[name] = value.number;
    } else {
      parameters[name] = value.text;
    }
  }
  return parameters;
}

void CheckParameterValues(const Case& one, const Question& question, const Parameters& parameters,
                          Reader* reader) {
  for (const ParameterRule& rule : question.parameters) {
    const auto given = parameters.find(rule.name);
    if (given == parameters.end()) {
      reader->Add(
          "cases/missing-parameter", one.At("parameters"), rule.name,
          absl::StrCat("the question `", question.id, "` needs the parameter `", rule.name, "`"),
          absl::StrCat("add `", rule.name, "`, or expect `refused: \"",
                       RefusedName(Refused::kParameterNotListed), "\"`"));
    }
  }
}

void AddEarlier(const Case& one, const EarlierAsks& written, const Question* question,
                const HeldAgreement& held, Reader* reader, Supposition* supposed) {
  const Agreement& agreement = held.agreement;
  Earlier earlier;
  const absl::optional<absl::CivilDay> on = ParseNearDay(written.on, supposed->on);
  if (!on.has_value() || *on > supposed->on) {
    reader->Add("cases/day", one.At("asked_before"), written.on,
                "what was asked before lies before the case's own day",
                "write a day up to that day, such as \"29 days before\"");
    return;
  }
  earlier.on = *on;
  earlier.times = written.times;
  earlier.spelt_otherwise = written.spelt_otherwise;
  const Question* asked = question;
  if (!written.question.empty()) {
    asked = agreement.FindQuestion(written.question);
    if (asked == nullptr) {
      reader->Add(
          "cases/unknown-question", one.At("asked_before"), written.question,
          absl::StrCat("the agreement does not list the question `", Shown(written.question), "`"),
          MeantOrOneOf(written.question, IdsOf(agreement.questions)));
      return;
    }
  }
  if (asked == nullptr) return;
  const Parameters parameters = written.parameters.has_value()
                                    ? ParametersOf(*written.parameters, asked, false, reader)
                                    : supposed->parameters;
  earlier.value = ValueLabel(*asked, parameters);
  earlier.facts = FactsOf(asked->yes_when);
  supposed->earlier.push_back(std::move(earlier));
}

void AddPerson(Person person, const std::vector<WrittenFact>& facts, const Question* question,
               const HeldAgreement& held, Reader* reader, Supposition* supposed) {
  SupposedPerson one;
  one.person = person;
  // Each on a return of its own until it says otherwise.
  one.facts.FiledOn(supposed->people.size());
  for (const WrittenFact& fact : facts) {
    Finding finding;
    if (question != nullptr &&
        !SupposeFact(fact, *question, held, supposed->on, &one.facts, &finding)) {
      reader->Add(finding.rule, finding.position, finding.offending, finding.message, finding.mend);
    }
  }
  supposed->people.push_back(std::move(one));
}

void AddPeople(const Case& one, const Question* question, const HeldAgreement& held, Reader* reader,
               Supposition* supposed) {
  const bool group = question != nullptr && question->group_at_most > 0;
  if (question != nullptr && group == one.members.empty() && !reader->Expects(Refused::kSubject)) {
    reader->Add("cases/members", one.At(group ? "facts" : "members"), "",
                group ? absl::StrCat("the question `", question->id,
                                     "` is about a group, and this case has no members")
                      : std::string("the question is about one person, and this case has members"),
                group ? "write `members:`, with the facts of each"
                      : "write `facts:` in place of `members:`");
    return;
  }
  if (one.members.empty()) {
    AddPerson(one.person, one.facts, question, held, reader, supposed);
    return;
  }
  std::map<std::string, uint64_t> returns;
  for (const WrittenMember& member : one.members) {
    AddPerson(member.person, member.facts, question, held, reader, supposed);
    if (member.tax_return.empty()) continue;
    const auto shared = returns.emplace(member.tax_return, 1000 + returns.size());
    supposed->people.back().facts.FiledOn(shared.first->second);
  }
}

std::string ExpectedText(const Case& one) {
  if (one.refused.has_value()) return absl::StrCat("refused: ", RefusedName(*one.refused));
  std::string text(AnswerName(one.answer.value_or(Answer::kUndetermined)));
  if (one.because.has_value()) absl::StrAppend(&text, " (", BecauseName(*one.because), ")");
  if (one.action.has_value()) absl::StrAppend(&text, ", do ", DoName(*one.action));
  return text;
}

std::string ActualText(const Simulation& simulation) {
  if (simulation.refused.has_value()) {
    return absl::StrCat("refused: ", RefusedName(*simulation.refused));
  }
  std::string text(AnswerName(simulation.answer));
  if (simulation.because != UndeterminedReason::kNotTold) {
    absl::StrAppend(&text, " (", BecauseName(simulation.because), ")");
  }
  if (simulation.obligation.has_value()) {
    absl::StrAppend(&text, ", do ", DoName(simulation.obligation->action));
  }
  return text;
}

bool AsExpected(const Case& one, const Simulation& simulation) {
  if (one.refused.has_value() || simulation.refused.has_value()) {
    return one.refused == simulation.refused;
  }
  if (one.answer != simulation.answer) return false;
  if (one.because.has_value() && *one.because != simulation.because) return false;
  return !one.action.has_value() ||
         (simulation.obligation.has_value() && *one.action == simulation.obligation->action);
}

bool CanBeTried(Refused refused, const Agreement& agreement) {
  switch (refused) {
    case Refused::kNotSigned:
    case Refused::kOtherFile:
      return false;  // cases suppose the signed file that both hold
    case Refused::kSubject:
      return agreement.consent_required;
    case Refused::kParameterNotListed:
      return std::any_of(agreement.questions.begin(), agreement.questions.end(),
                         [](const Question& question) { return !question.parameters.empty(); });
    default:
      return true;
  }
}

void Cover(const CaseFile& cases, const Agreement& agreement, Coverage* coverage) {
  for (const Question& question : agreement.questions) {
    Coverage::OfQuestion of;
    of.id = question.id;
    for (const Case& one : cases.cases) {
      if (one.question != question.id) continue;
      if (one.refused.has_value()) {
        ++of.refused;
      } else if (one.answer == Answer::kYes) {
        ++of.yes;
      } else if (one.answer == Answer::kNo) {
        ++of.no;
      } else {
        ++of.undetermined;
      }
    }
    const auto missing = [&](int64_t count, absl::string_view outcome) {
      if (count == 0) coverage->never.push_back(absl::StrCat(of.id, ": no case with ", outcome));
    };
    missing(of.yes, "YES");
    missing(of.no, "NO");
    missing(of.undetermined, "UNDETERMINED");
    coverage->questions.push_back(std::move(of));
  }
  for (const Case& one : cases.cases) {
    if (one.refused.has_value()) ++coverage->refusals[*one.refused];
  }
  for (Refused refused : AllRefused()) {
    if (CanBeTried(refused, agreement) && coverage->refusals.count(refused) == 0) {
      coverage->untried.push_back(refused);
    }
  }
}

}  // namespace

bool SupposeFact(const WrittenFact& fact, const Question& question, const HeldAgreement& held,
                 absl::CivilDay on, SupposedFacts* facts, Finding* finding) {
  const auto wrong = [&](absl::string_view rule, std::string message, std::string mend) {
    finding->rule = std::string(rule);
    finding->position = fact.value.position;
    finding->offending = Shown(fact.name);
    finding->message = std::move(message);
    finding->mend = std::move(mend);
    finding->cite = absl::StrCat(kCite, ", ", rule);
    return false;
  };
  const FactDefinition* definition = held.facts.Find(fact.name);
  if (definition == nullptr) {
    std::vector<std::string> names;
    for (const FactDefinition& one : held.facts.facts) names.push_back(one.name);
    return wrong("cases/unknown-fact",
                 absl::StrCat("the catalogue lists no fact `", Shown(fact.name), "`"),
                 fact.name == "age" ? "give `date_of_birth`; an age is computed from it"
                                    : MeantOrOneOf(fact.name, names));
  }
  Period period;
  period.kind = definition->period;
  if (!fact.period.empty()) {
    const absl::optional<Period> parsed = ParsePeriod(fact.period);
    if (!parsed.has_value() || parsed->kind != definition->period) {
      return wrong("cases/period",
                   absl::StrCat("the period `", Shown(fact.period), "` does not fit the fact `",
                                fact.name, "`"),
                   "write a period of the kind that facts.yaml gives, or leave \"@...\" out");
    }
    period = *parsed;
  } else if (period.kind == PeriodKind::kTaxYear || period.kind == PeriodKind::kMonth) {
    std::vector<Period> used;
    for (const Slot& slot : SlotsOf(question.yes_when, held.facts, on)) {
      if (slot.fact == fact.name) used.push_back(slot.period);
    }
    if (used.size() != 1) {
      return wrong(
          "cases/period",
          used.empty()
              ? absl::StrCat("the question does not look at the fact `", fact.name, "`")
              : absl::StrCat("the question looks at `", fact.name, "` for several periods"),
          absl::StrCat("say which period is meant: `", fact.name, "@",
                       used.empty() ? "tax-year-2025" : PeriodName(used[0]), "`"));
    }
    period = used[0];
  }
  std::string problem;
  std::string mend;
  absl::optional<FactValue> value = TypedValue(*definition, fact.value, on, &problem, &mend);
  if (!value.has_value()) return wrong("cases/value", std::move(problem), std::move(mend));
  facts->Hold(fact.name, period, *std::move(value));
  return true;
}

absl::optional<Supposition> Suppose(const Case& one, absl::string_view file,
                                    const HeldAgreement& held, std::vector<Finding>* findings) {
  const Agreement& agreement = held.agreement;
  Reader reader(one, file, findings);
  Supposition supposed;
  const absl::optional<absl::CivilDay> on = ParseDayOfCase(one.on, agreement);
  if (!on.has_value()) {
    reader.Add("cases/day", one.At("on"), one.on, "this is no day of the calendar", "mend the day");
    return absl::nullopt;
  }
  supposed.on = *on;
  supposed.asker = one.asker.empty() ? agreement.asks[0] : one.asker;
  if (agreement.AskerBehind(supposed.asker).empty() && !reader.Expects(Refused::kNotAParty)) {
    reader.Add("cases/unknown-asker", one.At("asker"), supposed.asker,
               absl::StrCat("`", Shown(supposed.asker), "` may not ask under this agreement"),
               absl::StrCat(MeantOrOneOf(supposed.asker, agreement.asks),
                            " (or expect `refused: \"not-a-party\"`)"));
  }
  supposed.question = one.question;
  const Question* question = agreement.FindQuestion(one.question);
  if (question == nullptr && !reader.Expects(Refused::kQuestionNotListed)) {
    reader.Add("cases/unknown-question", one.At("question"), one.question,
               absl::StrCat("the agreement does not list the question `", Shown(one.question), "`"),
               MeantOrOneOf(one.question, IdsOf(agreement.questions)));
  }
  supposed.purpose = one.purpose.empty() ? agreement.purposes[0].id : one.purpose;
  if (!agreement.HasPurpose(supposed.purpose) && !reader.Expects(Refused::kPurposeNotListed)) {
    reader.Add("cases/unknown-purpose", one.At("purpose"), one.purpose,
               absl::StrCat("the agreement does not list the purpose `", Shown(one.purpose), "`"),
               MeantOrOneOf(one.purpose, IdsOf(agreement.purposes)));
  }
  const bool any_parameter = reader.Expects(Refused::kParameterNotListed);
  supposed.parameters = ParametersOf(one.parameters, question, any_parameter, &reader);
  if (question != nullptr && !one.refused.has_value()) {
    CheckParameterValues(one, *question, supposed.parameters, &reader);
  }
  supposed.consent = one.consent;
  AddPeople(one, question, held, &reader, &supposed);
  if (!one.records_loaded.empty()) {
    supposed.records_loaded = ParseNearDay(one.records_loaded, *on);
    if (!supposed.records_loaded.has_value()) {
      reader.Add("cases/day", one.At("records_loaded"), one.records_loaded,
                 "this is no day of the calendar", "mend the day");
    }
  }
  for (const EarlierAsks& earlier : one.asked_before) {
    AddEarlier(one, earlier, question, held, &reader, &supposed);
  }
  if (!reader.good()) return absl::nullopt;
  return supposed;
}

CasesRun RunCases(const CaseFile& cases, absl::string_view file,
                  const std::shared_ptr<const Catalog>& catalog, const HeldAgreement& held) {
  CasesRun run;
  const auto whole = [&](absl::string_view rule, std::string message, std::string mend) {
    Finding finding;
    finding.rule = std::string(rule);
    finding.file = std::string(file);
    finding.message = std::move(message);
    finding.mend = std::move(mend);
    finding.cite = absl::StrCat(kCite, ", ", rule);
    run.findings.push_back(std::move(finding));
  };
  if (cases.agreement != held.agreement.id) {
    whole("cases/other-agreement",
          absl::StrCat("these cases are about the agreement `", Shown(cases.agreement),
                       "`, this one is `", held.agreement.id, "`"),
          "put the cases beside their own agreement, or mend `agreement`");
  }
  if (cases.cases.empty()) {
    whole("cases/none", "there are no cases, so nothing was tested",
          "write the first, or let `vouch agreement test --generate` propose some");
  }
  for (const Case& one : cases.cases) {
    CaseResult result;
    result.name = one.name;
    result.generated = one.generated;
    result.position = one.position;
    result.expected = ExpectedText(one);
    result.supposed = Suppose(one, file, held, &result.findings);
    if (result.supposed.has_value()) {
      result.simulation = Simulate(catalog, held, *result.supposed);
      result.actual = ActualText(*result.simulation);
      result.passed = AsExpected(one, *result.simulation);
    } else {
      result.actual = "could not be asked";
    }
    if (!result.passed) ++run.failed;
    run.results.push_back(std::move(result));
  }
  Cover(cases, held.agreement, &run.coverage);
  return run;
}

}  // namespace vouch::policies::cases
