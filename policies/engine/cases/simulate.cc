#include "policies/engine/cases/simulate.h"

#include <algorithm>
#include <functional>
#include <iterator>
#include <map>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "policies/engine/authorize.h"
#include "policies/engine/limits.h"

namespace vouch::policies::cases {
namespace {

constexpr const char* kGateNames[] = {"party",    "signatures", "in force",   "file",
                                      "question", "purpose",    "parameters", "subject"};
constexpr Refused kGateRefusals[] = {Refused::kNotAParty,          Refused::kNotSigned,
                                     Refused::kNotInForce,         Refused::kOtherFile,
                                     Refused::kQuestionNotListed,  Refused::kPurposeNotListed,
                                     Refused::kParameterNotListed, Refused::kSubject};

absl::Time NoonOf(absl::CivilDay day, const absl::TimeZone& zone) {
  return absl::FromCivil(absl::CivilHour(day.year(), day.month(), day.day(), 12), zone);
}

uint32_t Second(absl::Time time) { return static_cast<uint32_t>(absl::ToUnixSeconds(time)); }

template <typename Listed>
std::vector<std::string> IdsOf(const std::vector<Listed>& listed) {
  std::vector<std::string> ids;
  for (const Listed& one : listed) ids.push_back(one.id);
  return ids;
}

std::string RuleText(const ParameterRule& rule) {
  if (rule.range.has_value()) {
    return absl::StrCat(rule.name, " from ", rule.range->first, " to ", rule.range->second);
  }
  return absl::StrCat(rule.name, " one of ", QuotedList(rule.codes));
}

// The nearest value that would have passed.
std::string NearestValue(const ParameterRule& rule, const ParameterValue& value) {
  if (rule.range.has_value()) {
    if (!absl::holds_alternative<int64_t>(value)) return "write a whole number without quotes";
    const int64_t given = absl::get<int64_t>(value);
    return absl::StrCat("the nearest listed value is ",
                        std::min(std::max(given, rule.range->first), rule.range->second));
  }
  if (absl::holds_alternative<int64_t>(value)) return MeantOrOneOf("", rule.codes);
  return MeantOrOneOf(absl::get<std::string>(value), rule.codes);
}

// Follows the node's gates and adds to each what a person needs to know.
class Walk : public GateObserver {
 public:
  Walk(const Agreement& agreement, const Supposition& supposed, Simulation* simulation)
      : agreement_(agreement), supposed_(supposed), simulation_(simulation) {}

  void Reached(Gate gate, const HeldAgreement*, const Refusal* refusal) override {
    const size_t index = static_cast<size_t>(gate);
    Check check;
    check.name = kGateNames[index];
    check.state = refusal == nullptr ? CheckState::kPassed : CheckState::kStopped;
    Describe(gate, refusal != nullptr, &check);
    if (refusal == nullptr) {
      check.mend.clear();
      check.who.clear();
    } else {
      simulation_->refused = kGateRefusals[index];
      simulation_->reason = ReasonName(refusal->reason);
      simulation_->message = refusal->message;
    }
    simulation_->checks.push_back(std::move(check));
  }

  std::vector<Contact> ContactsOf(absl::string_view agency) const {
    std::vector<Contact> contacts;
    for (const Contact& contact : agreement_.contacts) {
      if (agency.empty() || contact.party == agency) contacts.push_back(contact);
    }
    return contacts;
  }
  std::string QuestionPath() const {
    for (size_t i = 0; i < agreement_.questions.size(); ++i) {
      if (agreement_.questions[i].id == supposed_.question) {
        return absl::StrCat("questions[", i + 1, "]");
      }
    }
    return "questions";
  }
  // The asking party, whose officer mends a request.
  absl::string_view Asker() const {
    const absl::string_view asker = agreement_.AskerBehind(supposed_.asker);
    return asker.empty() ? absl::string_view(supposed_.asker) : asker;
  }

 private:
  void Describe(Gate gate, bool stopped, Check* check) const {
    switch (gate) {
      case Gate::kParty: {
        std::vector<std::string> askers = agreement_.asks;
        for (const auto& [contractor, agency] : agreement_.acting_for) askers.push_back(contractor);
        check->actual = Shown(supposed_.asker);
        check->required = absl::StrCat("one of ", QuotedList(askers));
        check->path = "parties.asks";
        check->mend = absl::StrCat(MeantOrOneOf(supposed_.asker, askers),
                                   "; to admit another agency, the parties revise the agreement");
        check->who = ContactsOf("");
        return;
      }
      case Gate::kSignatures:
        check->actual = stopped ? "not countersigned" : "taken as countersigned";
        check->required = "signed by every party";
        check->path = "parties";
        check->mend = "each party signs with `vouch agreement sign`";
        check->who = ContactsOf("");
        return;
      case Gate::kInForce:
        return DescribeDates(check);
      case Gate::kDigest:
        check->actual = supposed_.same_file ? "the same file" : "another file";
        check->required = "the file that the answering agency holds";
        check->path = "agreement.revision";
        check->mend = "exchange the file and compare `vouch agreement digest` on both sides";
        check->who = ContactsOf("");
        return;
      case Gate::kQuestion:
        check->actual = absl::StrCat("\"", Shown(supposed_.question), "\"");
        check->required = absl::StrCat("one of ", QuotedList(IdsOf(agreement_.questions)));
        check->path = QuestionPath();
        check->mend = MeantOrOneOf(supposed_.question, IdsOf(agreement_.questions));
        check->who = ContactsOf(Asker());
        return;
      case Gate::kPurpose:
        check->actual = absl::StrCat("\"", Shown(supposed_.purpose), "\"");
        check->required = absl::StrCat("one of ", QuotedList(IdsOf(agreement_.purposes)));
        check->path = "purposes";
        check->mend = MeantOrOneOf(supposed_.purpose, IdsOf(agreement_.purposes));
        check->who = ContactsOf(Asker());
        return;
      case Gate::kParameters:
        return DescribeParameters(check);
      case Gate::kSubject:
        check->actual = absl::StrCat(supposed_.people.size(),
                                     supposed_.people.size() == 1 ? " person" : " people",
                                     !agreement_.consent_required ? ""
                                     : supposed_.consent ? ", with a consent reference for each"
                                                         : ", without a consent reference");
        check->required = absl::StrCat(
            GroupSize() == 0 ? "one person" : absl::StrCat("1 to ", GroupSize(), " people"),
            agreement_.consent_required ? ", with a consent reference for each" : "");
        check->path = "authority.consent";
        check->mend = agreement_.consent_required && !supposed_.consent
                          ? "obtain the person's consent and send its reference with the request"
                          : "send as many people as the question is about";
        check->who = ContactsOf(Asker());
        return;
    }
  }

  int32_t GroupSize() const {
    const Question* question = agreement_.FindQuestion(supposed_.question);
    return question == nullptr ? 0 : question->group_at_most;
  }

  void DescribeDates(Check* check) const {
    check->actual = DayText(supposed_.on);
    check->required = absl::StrCat(DayText(agreement_.effective), " to ",
                                   DayText(agreement_.expires), ", ", agreement_.time_zone);
    if (supposed_.on < agreement_.effective) {
      check->path = "dates.effective";
      const int64_t days = agreement_.effective - supposed_.on;
      check->mend = absl::StrCat("it takes effect in ", days, days == 1 ? " day" : " days");
    } else {
      check->path = "dates.expires";
      const int64_t days = supposed_.on - agreement_.expires;
      check->mend = absl::StrCat("it ended ", days, days == 1 ? " day" : " days",
                                 " before; the parties can renew it with a new revision");
    }
    check->who = ContactsOf("");
  }

  void DescribeParameters(Check* check) const {
    const Question* question = agreement_.FindQuestion(supposed_.question);
    if (question == nullptr) return;
    check->path = QuestionPath();
    check->actual = supposed_.parameters.empty() ? "none" : ParametersText(supposed_.parameters);
    check->required = question->parameters.empty()
                          ? "none"
                          : absl::StrJoin(question->parameters, "; ",
                                          [](std::string* out, const ParameterRule& rule) {
                                            out->append(RuleText(rule));
                                          });
    check->who = ContactsOf(Asker());
    std::vector<std::string> names;
    for (const ParameterRule& rule : question->parameters) names.push_back(rule.name);
    for (const ParameterRule& rule : question->parameters) {
      const auto given = supposed_.parameters.find(rule.name);
      if (given != supposed_.parameters.end() && rule.Allows(given->second)) continue;
      check->path = absl::StrCat(QuestionPath(), ".parameters.", rule.name);
      check->mend = given == supposed_.parameters.end()
                        ? absl::StrCat("add the parameter \"", rule.name, "\"")
                        : NearestValue(rule, given->second);
      return;
    }
    for (const auto& given : supposed_.parameters) {
      if (std::find(names.begin(), names.end(), given.first) != names.end()) continue;
      check->path = absl::StrCat(QuestionPath(), names.empty() ? "" : ".parameters");
      check->mend = absl::StrCat("the question has no parameter \"", Shown(given.first), "\"; ",
                                 MeantOrOneOf(given.first, names));
      return;
    }
  }

  const Agreement& agreement_;
  const Supposition& supposed_;
  Simulation* simulation_;
};

// Marks as a charge row holds them. Days are 24 hours apart whatever the clock does, so that a
// window of 30 days is 30 days on every calendar.
class Rows {
 public:
  Rows(const Supposition& supposed, uint32_t now) : supposed_(supposed), now_(now) {}

  std::vector<Mark> Of(const std::function<bool(const Earlier&)>& counts) {
    std::vector<Mark> marks;
    for (const Earlier& earlier : supposed_.earlier) {
      if (!counts(earlier)) continue;
      const int64_t second =
          static_cast<int64_t>(now_) - 86400 * static_cast<int64_t>(supposed_.on - earlier.on);
      Mark mark;
      mark.second = static_cast<uint32_t>(std::max<int64_t>(second, 0));
      mark.value = Value(earlier.value);
      marks.insert(marks.end(), static_cast<size_t>(earlier.times), mark);
    }
    return marks;
  }
  uint32_t Value(const std::string& label) {
    return values_.emplace(label, static_cast<uint32_t>(values_.size() + 1)).first->second;
  }

 private:
  const Supposition& supposed_;
  const uint32_t now_;
  std::map<std::string, uint32_t> values_;
};

std::string LimitText(const CountLimit& limit) {
  return absl::StrCat(limit.count, " in ", SpanText(limit.every));
}

int64_t Different(const std::vector<Mark>& marks, uint32_t value) {
  std::vector<uint32_t> values = {value};
  for (const Mark& mark : marks) {
    if (std::find(values.begin(), values.end(), mark.value) == values.end()) {
      values.push_back(mark.value);
    }
  }
  return static_cast<int64_t>(values.size());
}

UndeterminedReason Found(Person person) {
  switch (person) {
    case Person::kKnown:
      return UndeterminedReason::kNotTold;
    case Person::kUnknown:
      return UndeterminedReason::kNoRecord;
    case Person::kSeveralFound:
      return UndeterminedReason::kSeveralFound;
    case Person::kMismatch:
      return UndeterminedReason::kMismatch;
    case Person::kHeldBack:
      return UndeterminedReason::kHeldBack;
  }
  return UndeterminedReason::kNoRecord;
}

// The person's own limits; false when the call is refused by them.
bool CheckLimits(const Permit& permit, const Supposition& supposed, absl::Time now,
                 const Walk& walk, Simulation* simulation) {
  const Agreement& agreement = permit.agreement();
  const Question& question = permit.question();
  const uint32_t second = Second(now);
  Rows rows(supposed, second);
  const uint32_t value = rows.Value(ValueLabel(question, supposed.parameters));
  const std::vector<Mark> own = rows.Of([](const Earlier& e) { return !e.spelt_otherwise; });
  const std::vector<Mark> all = rows.Of([](const Earlier&) { return true; });

  Check check;
  check.name = "limits";
  check.actual = absl::StrCat("asked ", own.size(), " times before, ", Different(own, value),
                              " different values with this one");
  check.required =
      absl::StrCat("times asked: ", LimitText(agreement.limits.times_asked),
                   "; different values: ", LimitText(agreement.limits.different_values));
  check.path = "limits.per_person";
  check.state = CheckState::kPassed;
  const bool within = WithinPersonLimits(agreement.limits, own, value, second);
  if (!within) {
    const bool by_values =
        !WithinDifferentValues(agreement.limits.different_values, own, value, second);
    check.state = CheckState::kStopped;
    check.path = by_values ? "limits.per_person.different_values" : "limits.per_person.times_asked";
    check.mend = by_values ? "ask again with values that were asked before, or verify otherwise"
                           : "use the stored answer, or wait until the window has room";
    check.who = walk.ContactsOf(walk.Asker());
    simulation->refused = Refused::kPersonLimit;
    simulation->reason = ReasonName(Reason::kPersonLimit);
    simulation->checks.push_back(std::move(check));
    return false;
  }
  bool people_within = WithinPersonLimits(agreement.limits, all, value, second);
  for (const std::string& fact : FactsOf(question.yes_when)) {
    const FactDefinition* definition = permit.held().facts.Find(fact);
    if (definition == nullptr || !definition->different_values.has_value()) continue;
    const std::vector<Mark> of_fact = rows.Of([&](const Earlier& e) {
      return std::find(e.facts.begin(), e.facts.end(), fact) != e.facts.end();
    });
    if (WithinDifferentValues(*definition->different_values, of_fact, value, second)) continue;
    people_within = false;
    absl::StrAppend(&check.actual, "; the cap of the fact ", fact, " is used up");
  }
  if (!people_within) {
    simulation->because = UndeterminedReason::kLimitUsedUp;
    if (all.size() > own.size()) {
      absl::StrAppend(&check.actual, "; ", all.size() - own.size(),
                      " times more under another spelling");
    }
  }
  simulation->checks.push_back(std::move(check));
  return true;
}

void Answered(const Permit& permit, const Supposition& supposed, const Walk& walk,
              Simulation* simulation) {
  const Question& question = permit.question();
  const absl::CivilDay loaded = supposed.records_loaded.value_or(supposed.on);
  const absl::Duration age = absl::Hours(24) * (supposed.on - loaded);

  Check records;
  records.name = "records";
  records.path = walk.QuestionPath() + ".records_loaded_within";
  records.required =
      absl::StrCat("exactly one record, loaded within ", SpanText(question.records_loaded_within));
  const bool group = question.group_at_most > 0;
  UndeterminedReason found = UndeterminedReason::kNotTold;
  for (const SupposedPerson& one : supposed.people) {
    if (found == UndeterminedReason::kNotTold) found = Found(one.person);
  }
  // A member who is not found is unknown, and others may decide.
  UndeterminedReason reason = group ? UndeterminedReason::kNotTold : found;
  if (age > question.records_loaded_within) reason = UndeterminedReason::kTooOld;
  records.actual =
      absl::StrCat(found == UndeterminedReason::kNotTold ? absl::string_view("one record each")
                                                         : BecauseName(found),
                   ", loaded ", NearDayText(loaded, supposed.on));
  const std::vector<Contact> answering = walk.ContactsOf(permit.agreement().answers);
  records.state = CheckState::kPassed;
  if (reason != UndeterminedReason::kNotTold) {
    records.state = CheckState::kStopped;
    records.mend = reason == UndeterminedReason::kTooOld
                       ? "the answering agency loads its records again"
                       : "ask the person; the answering agency can look at its records";
    records.who = answering;
  }
  simulation->checks.push_back(records);

  Check answer;
  answer.name = "answer";
  answer.path = walk.QuestionPath() + ".yes_when";
  answer.required = "every fact that decides";
  if (reason == UndeterminedReason::kNotTold) {
    const Facing facing{question,
                        supposed.parameters,
                        supposed.people,
                        permit.held().facts,
                        permit.catalog().tables(),
                        supposed.on};
    simulation->judgement = JudgementOf(question.yes_when, facing);
    simulation->answer = simulation->judgement->answer;
    answer.actual = std::string(AnswerName(simulation->answer));
    answer.state = CheckState::kPassed;
    if (simulation->answer == Answer::kUndetermined) {
      reason = found == UndeterminedReason::kNotTold ? UndeterminedReason::kNotHeld : found;
      answer.state = CheckState::kStopped;
      answer.actual = "a fact that decides is not known";
      answer.mend = "ask the person; the answering agency can look at its records";
      answer.who = answering;
    }
  }
  if (simulation->because == UndeterminedReason::kLimitUsedUp) {
    simulation->answer = Answer::kUndetermined;  // whatever would have come out
  } else {
    simulation->because = reason;
    if (reason != UndeterminedReason::kNotTold) simulation->answer = Answer::kUndetermined;
  }
  simulation->obligation = ObligationFor(question, simulation->answer);
  simulation->checks.push_back(std::move(answer));
}

}  // namespace

std::vector<std::string> FactsOf(const Condition& condition) {
  std::vector<std::string> facts;
  if (condition.kind == Condition::Kind::kLeaf) {
    facts.push_back(condition.fact == "age" ? "date_of_birth" : condition.fact);
  }
  for (const Condition& child : condition.children) {
    for (std::string& fact : FactsOf(child)) facts.push_back(std::move(fact));
  }
  return facts;
}

Simulation Simulate(const std::shared_ptr<const Catalog>& catalog, const HeldAgreement& held,
                    const Supposition& supposed) {
  Simulation simulation;
  const Agreement& agreement = held.agreement;
  const absl::Time now = NoonOf(supposed.on, agreement.zone());
  Walk walk(agreement, supposed, &simulation);

  FileDigest digest = held.digest;
  if (!supposed.same_file) digest[0] ^= 0xFF;
  Asked asked;
  asked.requester = supposed.asker;
  asked.agreement_id = agreement.id;
  asked.digest = digest;
  asked.question = supposed.question;
  asked.purpose = supposed.purpose;
  asked.parameters = &supposed.parameters;
  const Question* question = agreement.FindQuestion(supposed.question);
  const size_t slots = question != nullptr && question->group_at_most > 0
                           ? static_cast<size_t>(question->group_at_most)
                           : 1;
  asked.members = supposed.people.size();
  asked.member_count = supposed.people.size();
  asked.tokens = slots * agreement.match.size();
  asked.consents = agreement.consent_required && supposed.consent ? slots : 0;
  const absl::variant<Permit, Refusal> verdict = Authorizer::Authorize(catalog, asked, now, &walk);
  if (const Permit* permit = absl::get_if<Permit>(&verdict)) {
    if (CheckLimits(*permit, supposed, now, walk, &simulation)) {
      Answered(*permit, supposed, walk, &simulation);
    }
  }
  // What was not reached is listed all the same, so that nobody takes silence for a pass.
  std::vector<std::string> names(std::begin(kGateNames), std::end(kGateNames));
  names.insert(names.end(), {"limits", "records", "answer"});
  for (size_t i = simulation.checks.size(); i < names.size(); ++i) {
    Check check;
    check.name = names[i];
    simulation.checks.push_back(std::move(check));
  }
  return simulation;
}

}  // namespace vouch::policies::cases
