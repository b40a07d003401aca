// The field table of a question.
#include "policies/engine/agreement_fields.h"

namespace vouch::policies {
namespace {

ShapeOf<ParameterRule> ParameterRuleShape() {
  const auto range = [](ParameterRule* rule) {
    if (!rule->range.has_value()) rule->range.emplace(0, 0);
    return &*rule->range;
  };
  const ShapeOf<ParameterRule> numbers = Map<ParameterRule>(
      "a range of whole numbers",
      {
          Required<ParameterRule>(
              "from", Number(0, 100000), [range](ParameterRule* r) { return &range(r)->first; },
              "The lowest value.", "1"),
          Required<ParameterRule>(
              "to", Number(0, 100000), [range](ParameterRule* r) { return &range(r)->second; },
              "The highest value.", "12"),
      });
  const ShapeOf<ParameterRule> codes = Map<ParameterRule>(
      "a list of codes", {Required<ParameterRule>("one_of", List(Code(), 1, 500, true),
                                                  &ParameterRule::codes, "The codes it may be.",
                                                  "[\"contiguous\", \"alaska\", \"hawaii\"]")});
  return ByKey<ParameterRule>("{from: ..., to: ...} or {one_of: [...]}",
                              {{"one_of", codes}, {"from", numbers}});
}

ShapeOf<Obligation> ObligationShape() {
  return Map<Obligation>(
      "what to do",
      {
          Required<Obligation>(
              "do",
              Choice<Do>(
                  {{{"accept", "the answer may be relied on"}, Do::kAccept},
                   {{"verify-independently",
                     "nothing adverse before the agency has checked for itself"},
                    Do::kVerifyIndependently},
                   {{"ask-the-person", "the person is asked for documents"}, Do::kAskThePerson}}),
              &Obligation::action, "What the asking agency does with this answer.", "\"accept\""),
          Optional<Obligation>("notice_days", Number32(0, 365), &Obligation::notice_days,
                               "Days the person has to contest before anything adverse is done.",
                               "30"),
      });
}

ShapeOf<Say> SayShape() {
  return Map<Say>(
      "a text for the person",
      {
          Required<Say>("when",
                        Choice<Answer>({{{"yes", ""}, Answer::kYes},
                                        {{"no", ""}, Answer::kNo},
                                        {{"undetermined", ""}, Answer::kUndetermined}}),
                        &Say::when, "The answer it goes with.", "\"undetermined\""),
          Required<Say>("language", LanguageTag(), &Say::language, "Its language.", "\"en\""),
          Required<Say>("text", Prose(2000), &Say::text, "What the person is told.",
                        "\"We could not confirm your income. You can send a tax transcript.\""),
      });
}

struct About {
  int32_t at_most = 0;  // members of a group; 0 for one person
};

ShapeOf<int32_t> AboutShape() {
  const ShapeOf<About> person =
      Put<About>(ChoiceIndex({{"person", "one person"}}), [](size_t, About*) {});
  const ShapeOf<About> at_most = Map<About>(
      "a group", {Required<About>("at_most", Number32(2, 50), &About::at_most,
                                  "The most members; every request is padded to it.", "8")});
  const ShapeOf<About> group = Map<About>(
      "a group",
      {Required<About>("group", at_most, Itself<About>,
                       "A household or other group asked about as one.", "{at_most: 8}")});
  return Put<int32_t>(ByKind<About>("\"person\" or {group: {at_most: 8}}", person, nullptr, group),
                      [](const About& about, int32_t* out) { *out = about.at_most; });
}

}  // namespace

const ShapeOf<Question>& QuestionShape() {
  using Rules = std::vector<std::pair<std::string, ParameterRule>>;
  const auto parameters = [](Rules rules, Question* out) {
    for (auto& [name, rule] : rules) {
      rule.name = name;
      out->parameters.push_back(std::move(rule));
    }
  };
  const auto build = [parameters] {
    return Map<Question>(
        "a question",
        {
            Required<Question>("id", Id(), &Question::id,
                               "The name under which it is asked; unique within the agreement.",
                               "\"income-at-or-below-225-percent\""),
            Required<Question>("ask", Prose(2000), &Question::ask,
                               "The question as a person would ask it; it can be answered yes or "
                               "no.",
                               "\"Was adjusted gross income for 2025 at or below the limit?\""),
            Required<Question>("about", AboutShape(), &Question::group_at_most,
                               "Whom it is about: \"person\", or a group.", "\"person\""),
            Optional<Question>(
                "parameters",
                Put<Question>(Dictionary("parameters", Name(), ParameterRuleShape(), 1),
                              parameters),
                Itself<Question>,
                "What the asker states with the question: each has a listed, finite set of values. "
                "A threshold is never among them.",
                "{household_size: {from: 1, to: 12}, region: {one_of: [\"alaska\", \"hawaii\"]}}"),
            Required<Question>("yes_when", Recursive<Condition>("condition", &ConditionShape),
                               &Question::yes_when, "When the answer is YES.",
                               "{fact: \"age\", at_least: 18}"),
            Required<Question>("records_loaded_within", Span({"hour", "day"}),
                               &Question::records_loaded_within,
                               "How old the responder's data may be; older data answer "
                               "UNDETERMINED.",
                               "\"7 days\""),
            Optional<Question>(
                "tell",
                Choice<Tell>(
                    {{{"nothing", "an UNDETERMINED never says why"}, Tell::kNothing},
                     {{"safe", "only that the data are too old"}, Tell::kSafe},
                     {{"all", "every reason, also that the person was not found"}, Tell::kAll}}),
                &Question::tell, "What an UNDETERMINED says about its reason.", "\"nothing\""),
            Required<Question>("on_yes", ObligationShape(), &Question::on_yes,
                               "What the asking agency does with YES.", "{do: \"accept\"}"),
            Required<Question>("on_no", ObligationShape(), &Question::on_no,
                               "What the asking agency does with NO.",
                               "{do: \"verify-independently\", notice_days: 30}"),
            Required<Question>("on_undetermined", ObligationShape(), &Question::on_undetermined,
                               "What the asking agency does with UNDETERMINED.",
                               "{do: \"ask-the-person\"}"),
            Optional<Question>("say", List(SayShape(), 1, 100), &Question::say,
                               "Texts for the person, by answer and language.",
                               "[{when: \"no\", language: \"en\", text: \"Please call us.\"}]"),
            Optional<Question>(
                "spares",
                Map<Question>(
                    "what it spares",
                    {
                        Optional<Question>(
                            "documents", List(Text(), 1, 50), &Question::spares_documents,
                            "Documents the person need not bring.", "[\"tax transcript\"]"),
                        Optional<Question>("minutes", Number32(0, 100000),
                                           &Question::spares_minutes,
                                           "Minutes of staff time saved.", "25"),
                    }),
                Itself<Question>, "What the person and the staff are spared, for the reports.",
                "{documents: [\"tax transcript\"], minutes: 25}"),
            Optional<Question>("answer_good_for", Span({"hour", "day"}), &Question::answer_good_for,
                               "How long the asking agency gives its stored answer again instead "
                               "of asking; left out, it always asks.",
                               "\"30 days\""),
        },
        {}, &Question::position);
  };
  static const auto* const kShape = new ShapeOf<Question>(build());
  return *kShape;
}

}  // namespace vouch::policies
