// An agreement with its pins, as a node would hold it, and requests run against it.
#ifndef VOUCH_TESTS_POLICIES_DIFF_OPENED_H_
#define VOUCH_TESTS_POLICIES_DIFF_OPENED_H_

#include <map>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"
#include "crypto/digest.h"
#include "gtest/gtest.h"
#include "policies/engine/authorize.h"
#include "policies/engine/catalog.h"
#include "policies/engine/diff/diff.h"
#include "policies/engine/question.h"
#include "tests/fakes/fake_fact_source.h"
#include "tests/policies/files.h"

namespace vouch::policies::diff {

inline std::string PairFile(const std::string& name) {
  return SourceText(absl::StrCat("tests/policies/diff/pairs/", name));
}

// The three files that pairs edit; `agreement` says FACTS and TABLE where the digests go.
struct Texts {
  std::string agreement = PairFile("base.agreement.yaml");
  std::string facts = PairFile("base.facts.yaml");
  std::string guideline = PairFile("base.guideline.yaml");
};

struct Opened {
  std::string text;
  std::shared_ptr<const Catalog> catalog;
  const HeldAgreement* held = nullptr;
  Report report;

  Side side() const { return SideOf(*held, catalog->tables(), text); }
};

// `held` is nullptr when the texts have errors.
inline Opened Open(const Texts& texts) {
  const crypto::Digest facts = crypto::Sha256(texts.facts);
  const crypto::Digest table = crypto::Sha256(texts.guideline);
  Opened opened;
  opened.text = absl::StrReplaceAll(texts.agreement,
                                    {{"FACTS", crypto::Hex(facts)}, {"TABLE", crypto::Hex(table)}});
  opened.report = Report();
  absl::optional<Agreement> read =
      ReadAgreement("agreement.yaml", opened.text, Known(), &opened.report);
  if (!read.has_value()) return opened;
  Catalog::Options options;
  options.known = Known();
  options.use = read->use;
  options.agency = read->answers;
  options.as_if_signed = true;
  const auto file = [](const std::string& name, const std::string& bytes) {
    CatalogFile made;
    made.name = name;
    made.bytes = bytes;
    made.digest = crypto::Sha256(bytes);
    return made;
  };
  const std::vector<CatalogFile> files = {file("agreement.yaml", opened.text),
                                          file("facts.yaml", texts.facts),
                                          file("guideline.yaml", texts.guideline)};
  opened.report = Report();
  opened.catalog = Catalog::Build(files, options, nullptr, {}, &opened.report);
  if (!opened.catalog->all().empty()) opened.held = opened.catalog->all()[0].get();
  return opened;
}

// What comes back for a request, as the node's own gates and evaluator have it.
inline Outcome OutcomeAt(const Opened& opened, const Example& example) {
  const Agreement& agreement = opened.held->agreement;
  const Question* question = agreement.FindQuestion(example.question);
  Asked asked;
  asked.requester = example.requester;
  asked.agreement_id = agreement.id;
  asked.digest = opened.held->digest;
  asked.question = example.question;
  asked.purpose = example.purpose;
  asked.parameters = &example.parameters;
  asked.members = question == nullptr || question->group_at_most == 0
                      ? 1
                      : static_cast<size_t>(question->group_at_most);
  asked.tokens = asked.members * agreement.match.size();
  // With a consent, which is sent where it is wanted.
  asked.consents = agreement.consent_required ? asked.members : 0;
  const auto verdict = Authorizer::Authorize(opened.catalog, asked, example.at);
  if (absl::holds_alternative<Refusal>(verdict)) return Outcome::kRefused;
  fakes::FakeFactSource facts;
  for (const Example::Held& held : example.facts) {
    facts.Hold(held.fact, held.period, held.value);
    facts.OnReturn(held.fact, PeriodName(held.period), 1);
  }
  const absl::CivilDay today = absl::ToCivilDay(example.at, agreement.zone());
  Answer answer;
  if (question->group_at_most > 0) {
    std::vector<GroupMember> members(asked.members, {GroupMember::Standing::kPadding, &facts});
    members[0].standing = GroupMember::Standing::kKnown;
    answer = EvaluateGroup(*question, example.parameters, members, opened.held->facts,
                           opened.catalog->tables(), today);
  } else {
    answer =
        EvaluateQuestion(*question, example.parameters, facts, opened.catalog->tables(), today);
  }
  return answer == Answer::kYes  ? Outcome::kYes
         : answer == Answer::kNo ? Outcome::kNo
                                 : Outcome::kUndetermined;
}

}  // namespace vouch::policies::diff

#endif  // VOUCH_TESTS_POLICIES_DIFF_OPENED_H_
