#include "policies/engine/cases/case_file.h"

#include <iterator>
#include <set>

#include "absl/strings/str_cat.h"
#include "policies/engine/agreement_fields.h"

namespace vouch::policies::cases {
namespace {

constexpr size_t kMostCases = 4000;

// Text, a whole number, true or false, or a list of codes; which fits is known with the catalogue.
class WrittenValueShape : public Shape<WrittenValue> {
 public:
  WrittenValueShape(bool lists, bool truth) : lists_(lists), truth_(truth) {}

  bool Read(const Node& node, Reading* reading, WrittenValue* out) const override {
    out->position = node.position;
    if (node.kind == Node::Kind::kEmpty) return false;  // reported where it was parsed
    if (lists_ && node.kind == Node::Kind::kSequence) {
      out->kind = WrittenValue::Kind::kList;
      return codes_->Read(node, reading, &out->list);
    }
    if (node.kind != Node::Kind::kScalar) {
      return reading->ValueError(
          "field/wrong-kind", node,
          absl::StrCat("`", reading->path(), "` is one value", lists_ ? " or a list of codes" : ""),
          "write text in quotes, or a whole number without");
    }
    if (node.style != Node::Style::kPlain) {
      out->kind = WrittenValue::Kind::kText;
      return text_->Read(node, reading, &out->text);
    }
    if (truth_ && (node.text == "true" || node.text == "false")) {
      out->kind = WrittenValue::Kind::kYesNo;
      out->number = node.text == "true" ? 1 : 0;
      return true;
    }
    out->kind = WrittenValue::Kind::kNumber;
    // Words without quotes are most likely text.
    if (node.text.find_first_not_of("+-0123456789.,_") != std::string::npos) {
      return text_->Read(node, reading, &out->text);
    }
    return number_->Read(node, reading, &out->number);
  }
  Json Schema(SchemaDefinitions* definitions) const override {
    Json any = Json::array();
    any.push_back(text_->Schema(definitions));
    any.push_back(number_->Schema(definitions));
    if (truth_) any.push_back(Json{{"type", "boolean"}});
    if (lists_) any.push_back(codes_->Schema(definitions));
    return Json{{"anyOf", any}};
  }

 private:
  bool lists_;
  bool truth_;
  ShapeOf<std::string> text_ = Text();
  ShapeOf<int64_t> number_ = Number(-1000000000000, 1000000000000);
  ShapeOf<std::vector<std::string>> codes_ = List(Code(), 0, 1000, true);
};

ShapeOf<std::string> FormOf(const char* pattern, std::string expected) {
  TextRule rule;
  rule.most = 60;
  rule.pattern = pattern;
  rule.expected = std::move(expected);
  return Text(rule);
}

using WrittenValues = std::vector<std::pair<std::string, WrittenValue>>;

ShapeOf<WrittenValues> ParametersShape() {
  return Dictionary<WrittenValue>("parameter values", Name(),
                                  std::make_shared<WrittenValueShape>(false, false));
}

ShapeOf<std::vector<WrittenFact>> FactsShape() {
  TextRule name;
  name.most = 120;
  name.pattern = "[a-z][a-z0-9_]*(@(tax-year-[0-9]{4}|month-[0-9]{4}-[0-9]{2}|as-of|none))?";
  name.expected =
      "a fact such as `adjusted_gross_income`, with a period of its own if need be: "
      "`adjusted_gross_income@tax-year-2025`";
  return Put<std::vector<WrittenFact>>(
      Dictionary<WrittenValue>("facts", Text(name),
                               std::make_shared<WrittenValueShape>(true, true)),
      [](WrittenValues values, std::vector<WrittenFact>* out) {
        for (auto& [key, value] : values) {
          const size_t at = key.find('@');
          WrittenFact fact;
          fact.name = key.substr(0, at);
          if (at != std::string::npos) fact.period = key.substr(at + 1);
          fact.value = std::move(value);
          out->push_back(std::move(fact));
        }
      });
}

constexpr char kNearDay[] =
    "a day such as \"2026-11-21\", \"that day\", \"45 days before\" or \"18 years before\"";

ShapeOf<EarlierAsks> EarlierShape() {
  using E = EarlierAsks;
  return Map<E>(
      "what was asked before",
      {
          Required<E>("on", FormOf(kNearDayPattern, kNearDay), &E::on,
                      "The day, counted from the case's own.", "\"29 days before\""),
          Optional<E>("times", Number(1, 100000), &E::times, "How often on that day.", "4"),
          Optional<E>("question", Id(), &E::question, "Which question; left out, the case's own.",
                      "\"income-at-or-below-225-percent\""),
          Optional<E>(
              "parameters", ParametersShape(), [](E* e) { return &e->parameters.emplace(); },
              "With which values; left out, the case's own.", "{household_size: 3}"),
          Optional<E>("spelt_otherwise", YesNo(), &E::spelt_otherwise,
                      "Whether the person was given under another spelling then, so that only the "
                      "answering agency can know that it is the same.",
                      "true"),
      });
}

ShapeOf<Person> PersonShape() {
  return Choice<Person>(
      {{{"known", "exactly one record is found"}, Person::kKnown},
       {{"unknown", "no record is found"}, Person::kUnknown},
       {{"several-found", "the match keys find several people"}, Person::kSeveralFound},
       {{"mismatch", "a stronger match key does not fit"}, Person::kMismatch},
       {{"held-back", "the answering agency holds the record back"}, Person::kHeldBack}});
}

ShapeOf<WrittenMember> MemberShape() {
  using M = WrittenMember;
  return Map<M>(
      "a member",
      {
          Optional<M>("person", PersonShape(), &M::person,
                      "Whom the records find; left out, exactly one.", "\"unknown\""),
          Optional<M>("facts", FactsShape(), &M::facts,
                      "What is held about the person. Money as \"$45,000.00\", days as "
                      "\"2026-10-01\" or \"45 days before\"; what is left out is not held.",
                      "{adjusted_gross_income: \"$45,000.00\"}"),
          Optional<M>("return", Id(), &M::tax_return,
                      "Which return the member's facts stand on: members with the same name share "
                      "it; left out, one of their own.",
                      "\"joint\""),
      });
}

ShapeOf<absl::optional<Refused>> RefusedShape() {
  const std::vector<std::pair<ChoiceWord, Refused>> words = {
      {{"not-a-party", "the asker is no party to the agreement"}, Refused::kNotAParty},
      {{"not-in-force", "before the first day or after the last"}, Refused::kNotInForce},
      {{"question-not-listed", ""}, Refused::kQuestionNotListed},
      {{"purpose-not-listed", ""}, Refused::kPurposeNotListed},
      {{"parameter-not-listed", "a value that is not listed, or a parameter too many or too few"},
       Refused::kParameterNotListed},
      {{"subject", "the consent reference is missing, or the number of people is wrong"},
       Refused::kSubject},
      {{"person-limit", "asked about this person too often, or with too many different values"},
       Refused::kPersonLimit},
  };
  return Put<absl::optional<Refused>>(
      Choice<Refused>(words),
      [](Refused refused, absl::optional<Refused>* out) { *out = refused; });
}

template <typename E>
ShapeOf<absl::optional<E>> MaybeChoice(const std::vector<std::pair<ChoiceWord, E>>& words) {
  return Put<absl::optional<E>>(Choice<E>(words),
                                [](E one, absl::optional<E>* out) { *out = one; });
}

ShapeOf<Case> CaseShape() {
  using C = Case;
  MappingRules rules;
  rules.exactly_one_of = {{"answer", "refused"}};
  return Map<C>(
      "a case",
      {
          Required<C>("name", Text(), &C::name, "What it shows; unique.",
                      "\"One cent above the limit\""),
          Required<C>("on",
                      FormOf(kDayOfCasePattern,
                             "a day such as \"2026-11-21\", or \"first day\", \"day before the "
                             "first day\", \"last day\" or \"day after the last day\" of the "
                             "agreement"),
                      &C::on, "The day on which it is asked; the clock stands still at its noon.",
                      "\"first day\""),
          Optional<C>("asker", AgencyName(), &C::asker,
                      "Who asks; left out, the first agency that may.", "\"fsa.ed.example\""),
          Required<C>("question", Id(), &C::question, "Which question.",
                      "\"income-at-or-below-225-percent\""),
          Optional<C>("purpose", Id(), &C::purpose,
                      "For which purpose; left out, the first of the agreement.",
                      "\"student-aid-eligibility\""),
          Optional<C>("parameters", ParametersShape(), &C::parameters, "With which values.",
                      "{household_size: 4, region: \"contiguous\"}"),
          Optional<C>("person", PersonShape(), &C::person,
                      "Whom the records find; left out, exactly one.", "\"unknown\""),
          Optional<C>("facts", FactsShape(), &C::facts,
                      "What is held about the person. Money as \"$45,000.00\", days as "
                      "\"2026-10-01\" or \"45 days before\"; what is left out is not held.",
                      "{adjusted_gross_income: \"$45,000.00\"}"),
          Optional<C>("members", List(MemberShape(), 1, 50), &C::members,
                      "For a question about a group: its members, in place of person and facts.",
                      "[{facts: {adjusted_gross_income: \"$45,000.00\"}}, {person: \"unknown\"}]"),
          Optional<C>("records_loaded", FormOf(kNearDayPattern, kNearDay), &C::records_loaded,
                      "When the records were last loaded; left out, on the day.",
                      "\"31 days before\""),
          Optional<C>("consent", YesNo(), &C::consent,
                      "Whether the request has the consent reference that the agreement asks for; "
                      "left out, it has.",
                      "false"),
          Optional<C>("asked_before", List(EarlierShape(), 1, 100), &C::asked_before,
                      "What the asker asked about the same person before.",
                      "[{on: \"29 days before\", times: 4}]"),
          Optional<C>("answer",
                      MaybeChoice<Answer>({{{"YES", ""}, Answer::kYes},
                                           {{"NO", ""}, Answer::kNo},
                                           {{"UNDETERMINED", ""}, Answer::kUndetermined}}),
                      &C::answer, "The answer that must come.", "\"YES\""),
          Optional<C>("refused", RefusedShape(), &C::refused,
                      "Why it must be refused, when no answer may come.", "\"person-limit\""),
          Optional<C>(
              "because",
              MaybeChoice<UndeterminedReason>(
                  {{{"no-record", ""}, UndeterminedReason::kNoRecord},
                   {{"several-found", ""}, UndeterminedReason::kSeveralFound},
                   {{"mismatch", ""}, UndeterminedReason::kMismatch},
                   {{"too-old", "the records were loaded too long ago"},
                    UndeterminedReason::kTooOld},
                   {{"not-held", "a fact that decides is not held"}, UndeterminedReason::kNotHeld},
                   {{"held-back", ""}, UndeterminedReason::kHeldBack},
                   {{"limit-used-up",
                     "asked too often under another spelling, or a fact's own cap"},
                    UndeterminedReason::kLimitUsedUp}}),
              &C::because, "Why the answer must be UNDETERMINED; left out, any reason will do.",
              "\"no-record\""),
          Optional<C>("do",
                      MaybeChoice<Do>({{{"accept", ""}, Do::kAccept},
                                       {{"verify-independently", ""}, Do::kVerifyIndependently},
                                       {{"ask-the-person", ""}, Do::kAskThePerson}}),
                      &C::action, "What the answer must oblige the asker to.", "\"accept\""),
      },
      rules, &C::position);
}

std::string Cite(absl::string_view rule) {
  return absl::StrCat("docs/agreements.md section 8, ", rule);
}

void FillKeys(const Node* list, std::vector<Case>* cases) {
  // After an error within the list, items and cases do not correspond.
  if (list == nullptr || list->items.size() != cases->size()) return;
  for (size_t i = 0; i < cases->size(); ++i) {
    for (const Node::Entry& entry : list->items[i].entries) {
      (*cases)[i].keys[entry.key] = entry.value.position;
    }
  }
}

void CheckCases(CaseFile* file, const Node& root, Reading* reading) {
  FillKeys(root.Find("cases"), &file->cases);
  FillKeys(root.Find("generated"), &file->generated);
  for (Case& one : file->generated) one.generated = true;
  file->cases.insert(file->cases.end(), std::make_move_iterator(file->generated.begin()),
                     std::make_move_iterator(file->generated.end()));
  file->generated.clear();
  std::set<std::string> names;
  for (const Case& one : file->cases) {
    if (one.name.empty()) continue;
    if (!names.insert(one.name).second) {
      reading->Error("cases/name-repeated", one.At("name"), one.name,
                     absl::StrCat("two cases are called `", Shown(one.name), "`"),
                     "give one of them another name", Cite("cases/name-repeated"));
    }
    if (one.because.has_value() && one.answer != Answer::kUndetermined) {
      reading->Error("cases/because", one.At("because"), "",
                     "`because` says why an answer is UNDETERMINED; this case expects another",
                     "delete `because`, or write `answer: \"UNDETERMINED\"`",
                     Cite("cases/because"));
    }
    if (one.action.has_value() && one.refused.has_value()) {
      reading->Error("cases/do", one.At("do"), "",
                     "what is refused has no answer, and so nothing to do",
                     "delete `do`, or expect an answer", Cite("cases/do"));
    }
  }
}

}  // namespace

Position Case::At(const std::string& key) const {
  const auto found = keys.find(key);
  return found == keys.end() ? position : found->second;
}

const ShapeOf<CaseFile>& CaseFileShape() {
  using F = CaseFile;
  static const auto* const kShape = new ShapeOf<F>(Map<F>(
      "cases",
      {
          FormatField<F>("vouch-cases/1"),
          Required<F>("agreement", Id(), &F::agreement, "The id of the agreement they are about.",
                      "\"fsa-irs-2027-001\""),
          Required<F>("cases", List(CaseShape(), 0, kMostCases), &F::cases,
                      "The cases that people wrote.",
                      "[{name: \"Nobody found\", on: \"first day\", question: \"is-enrolled\", "
                      "person: \"unknown\", answer: \"UNDETERMINED\"}]"),
          Optional<F>("generated", List(CaseShape(), 0, kMostCases), &F::generated,
                      "Boundary cases that `vouch agreement test --generate` wrote and people "
                      "approved.",
                      "[{name: \"Nobody found\", on: \"first day\", question: \"is-enrolled\", "
                      "person: \"unknown\", answer: \"UNDETERMINED\"}]"),
      }));
  return *kShape;
}

absl::optional<CaseFile> ReadCases(absl::string_view name, absl::string_view bytes,
                                   Report* report) {
  return ReadDocument<CaseFile>(name, bytes, *CaseFileShape(), report, CheckCases);
}

SchemaFile CasesSchema() {
  return {"cases.schema.json", SchemaFor(*CaseFileShape(), "Cases of an agreement")};
}

}  // namespace vouch::policies::cases
