#include <algorithm>
#include <map>
#include <memory>

#include "absl/strings/ascii.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "absl/strings/strip.h"
#include "absl/time/clock.h"
#include "client/vouch/agreement_commands.h"
#include "client/vouch/agreement_source.h"
#include "policies/engine/cases/results.h"
#include "policies/engine/cases/run.h"
#include "policies/engine/question.h"
#include "server/node/folders.h"
#include "server/node/known_names.h"

namespace vouch::client {
namespace {

namespace cases = policies::cases;

struct SimulateOptions {
  std::string file;
  std::string as;
  std::string question;
  std::string purpose;
  std::string on;
  std::string person = "known";
  std::string records_loaded;
  std::vector<std::string> parameters;
  std::vector<std::string> facts;
  std::vector<std::string> members;
  int64_t asked = 0;
  int64_t values = 0;
  bool is_signed = false;
  bool other_file = false;
  bool without_consent = false;
  bool json = false;
};

absl::StatusOr<std::pair<std::string, std::string>> NameAndValue(const std::string& text,
                                                                 absl::string_view option) {
  const size_t equals = text.find('=');
  if (equals == std::string::npos || equals == 0 || equals + 1 == text.size()) {
    return UsageError(absl::StrCat(option, " \"", policies::Shown(text), "\" is not NAME=VALUE"));
  }
  return std::make_pair(text.substr(0, equals), text.substr(equals + 1));
}

bool IsWhole(const std::string& text, int64_t* number) {
  return absl::SimpleAtoi(text, number) && absl::StrCat(*number) == text;
}

// As cases.yaml would write it, by the type the catalogue gives.
cases::WrittenValue Written(const policies::FactDefinition* fact, const std::string& text) {
  cases::WrittenValue value;
  value.text = text;
  if (fact == nullptr) return value;
  const std::string lower = absl::AsciiStrToLower(text);
  if (fact->type == policies::FactType::kYesNo &&
      (lower == "yes" || lower == "no" || lower == "true" || lower == "false")) {
    value.kind = cases::WrittenValue::Kind::kYesNo;
    value.number = lower == "yes" || lower == "true" ? 1 : 0;
  }
  int64_t number = 0;
  if (fact->type == policies::FactType::kWholeNumber && IsWhole(text, &number)) {
    value.kind = cases::WrittenValue::Kind::kNumber;
    value.number = number;
  }
  if (fact->type == policies::FactType::kCodeSet) {
    value.kind = cases::WrittenValue::Kind::kList;
    value.list = absl::StrSplit(text, ',', absl::SkipEmpty());
  }
  return value;
}

class Simulating {
 public:
  Simulating(const SimulateOptions& options, const AgreementSource& source)
      : options_(options), held_(*source.held) {}

  absl::StatusOr<cases::Supposition> Suppose() {
    const policies::Agreement& agreement = held_.agreement;
    supposed_.asker = options_.as.empty() ? agreement.asks[0] : options_.as;
    supposed_.question = options_.question;
    supposed_.purpose = options_.purpose.empty() ? agreement.purposes[0].id : options_.purpose;
    supposed_.consent = !options_.without_consent;
    supposed_.same_file = !options_.other_file;
    supposed_.on = absl::ToCivilDay(absl::Now(), agreement.zone());
    if (!options_.on.empty()) {
      const auto on = cases::ParseDayOfCase(options_.on, agreement);
      if (!on.has_value()) {
        return UsageError(absl::StrCat("--on \"", policies::Shown(options_.on),
                                       "\" is no day; write it as 2027-01-31, or \"last day\""));
      }
      supposed_.on = *on;
    }
    question_ = agreement.FindQuestion(options_.question);
    for (const absl::Status& status : {AddParameters(), AddPeople(), AddEarlier()}) {
      if (!status.ok()) return status;
    }
    return supposed_;
  }

 private:
  absl::Status AddParameters() {
    for (const std::string& text : options_.parameters) {
      const auto given = NameAndValue(text, "--parameter");
      if (!given.ok()) return given.status();
      int64_t number = 0;
      bool codes = false;
      if (question_ != nullptr) {
        for (const policies::ParameterRule& rule : question_->parameters) {
          codes = codes || (rule.name == given->first && !rule.range.has_value());
        }
      }
      if (!codes && IsWhole(given->second, &number)) {
        supposed_.parameters[given->first] = number;
      } else {
        supposed_.parameters[given->first] = given->second;
      }
    }
    return absl::OkStatus();
  }

  absl::StatusOr<cases::Person> PersonOf(const std::string& word) const {
    static const auto* const kWords =
        new std::map<std::string, cases::Person>{{"known", cases::Person::kKnown},
                                                 {"unknown", cases::Person::kUnknown},
                                                 {"several-found", cases::Person::kSeveralFound},
                                                 {"mismatch", cases::Person::kMismatch},
                                                 {"held-back", cases::Person::kHeldBack}};
    const auto found = kWords->find(word);
    if (found != kWords->end()) return found->second;
    return UsageError(absl::StrCat("\"", policies::Shown(word),
                                   "\" is none of known, unknown, several-found, mismatch, "
                                   "held-back"));
  }

  absl::Status AddFact(const std::string& text, absl::string_view option,
                       policies::cases::SupposedFacts* facts) const {
    const auto given = NameAndValue(text, option);
    if (!given.ok()) return given.status();
    cases::WrittenFact fact;
    const size_t at = given->first.find('@');
    fact.name = given->first.substr(0, at);
    if (at != std::string::npos) fact.period = given->first.substr(at + 1);
    fact.value = Written(held_.facts.Find(fact.name), given->second);
    policies::Finding finding;
    if (question_ == nullptr ||
        cases::SupposeFact(fact, *question_, held_, supposed_.on, facts, &finding)) {
      return absl::OkStatus();
    }
    return UsageError(absl::StrCat(option, ": ", finding.message, "; ", finding.mend));
  }

  absl::Status AddPeople() {
    if (options_.members.empty()) {
      cases::SupposedPerson person;
      person.facts.FiledOn(0);
      const auto which = PersonOf(options_.person);
      if (!which.ok()) return which.status();
      person.person = *which;
      for (const std::string& fact : options_.facts) {
        if (absl::Status added = AddFact(fact, "--fact", &person.facts); !added.ok()) return added;
      }
      supposed_.people.push_back(std::move(person));
      return absl::OkStatus();
    }
    if (!options_.facts.empty()) return UsageError("--fact and --member exclude each other");
    std::map<std::string, uint64_t> returns;
    for (const std::string& member : options_.members) {
      cases::SupposedPerson person;
      person.facts.FiledOn(supposed_.people.size());
      for (absl::string_view part : absl::StrSplit(member, ';', absl::SkipWhitespace())) {
        const std::string text(absl::StripAsciiWhitespace(part));
        if (text.find('=') == std::string::npos) {
          const auto which = PersonOf(text);
          if (!which.ok()) return which.status();
          person.person = *which;
        } else if (absl::string_view shared = text; absl::ConsumePrefix(&shared, "return=")) {
          person.facts.FiledOn(
              returns.emplace(std::string(shared), 1000 + returns.size()).first->second);
        } else if (absl::Status added = AddFact(text, "--member", &person.facts); !added.ok()) {
          return added;
        }
      }
      supposed_.people.push_back(std::move(person));
    }
    return absl::OkStatus();
  }

  absl::Status AddEarlier() {
    if (!options_.records_loaded.empty()) {
      supposed_.records_loaded = cases::ParseNearDay(options_.records_loaded, supposed_.on);
      if (!supposed_.records_loaded.has_value()) {
        return UsageError("--records-loaded is a day such as 2027-01-31 or \"31 days before\"");
      }
    }
    if (question_ == nullptr) return absl::OkStatus();
    cases::Earlier earlier;
    earlier.on = supposed_.on;
    earlier.facts = cases::FactsOf(question_->yes_when);
    if (options_.asked > 0) {
      earlier.times = options_.asked;
      earlier.value = policies::ValueLabel(*question_, supposed_.parameters);
      supposed_.earlier.push_back(earlier);
    }
    for (int64_t i = 0; i < options_.values; ++i) {
      earlier.times = 1;
      earlier.value = absl::StrCat("another value ", i);
      supposed_.earlier.push_back(earlier);
    }
    return absl::OkStatus();
  }

  const SimulateOptions& options_;
  const policies::HeldAgreement& held_;
  const policies::Question* question_ = nullptr;
  cases::Supposition supposed_;
};

// The same files as a node holds them before everybody has signed.
std::shared_ptr<const policies::Catalog> UnsignedCatalog(const AgreementSource& source) {
  policies::Catalog::Options options;
  options.known = server::node::NamesOfCrypto();
  options.use = source.held->agreement.use;
  options.agency = source.held->agreement.answers;
  policies::Report ignored;
  return policies::Catalog::Build(source.files, options, nullptr, {}, &ignored);
}

std::vector<std::string> MissingSignatures(const AgreementSource& source) {
  std::vector<std::string> parties = source.held->agreement.asks;
  parties.push_back(source.held->agreement.answers);
  std::vector<std::string> missing;
  for (const std::string& party : parties) {
    if (!server::node::Exists(absl::StrCat(source.path, ".", party, ".p7s"))) {
      missing.push_back(party);
    }
  }
  return missing;
}

absl::StatusOr<Exit> Simulate(const SimulateOptions& options, Console* console) {
  const absl::StatusOr<AgreementSource> source = OpenGoodAgreement(options.file, console);
  if (!source.ok()) return source.status();
  const absl::StatusOr<cases::Supposition> supposed = Simulating(options, *source).Suppose();
  if (!supposed.ok()) return supposed.status();
  policies::Report ignored;
  const auto tree = policies::ReadTree(options.file, source->bytes, &ignored);
  cases::AgreementPlace place;
  place.file = options.file;
  if (tree.has_value()) place.root = &tree->root;

  const cases::Simulation once_signed = cases::Simulate(source->catalog, *source->held, *supposed);
  const std::vector<std::string> missing =
      options.is_signed ? std::vector<std::string>() : MissingSignatures(*source);
  absl::optional<cases::Simulation> now;
  if (!missing.empty()) {
    const std::shared_ptr<const policies::Catalog> catalog = UnsignedCatalog(*source);
    if (!catalog->all().empty()) now = cases::Simulate(catalog, *catalog->all()[0], *supposed);
  }
  if (options.json) {
    policies::Json json = cases::SimulationJson(now.has_value() ? *now : once_signed, place);
    json["on"] = cases::DayText(supposed->on);
    if (now.has_value()) json["once_signed"] = cases::SimulationJson(once_signed, place);
    console->Say(json.dump(2, ' ', false, policies::Json::error_handler_t::replace));
    return Exit::kFine;
  }
  console->Say(absl::StrCat(
      "On ", cases::DayText(supposed->on), ", ", policies::Shown(supposed->asker), " asks \"",
      policies::Shown(supposed->question), "\" under ", source->held->agreement.id, " revision ",
      source->held->agreement.revision, ":\n"));
  if (now.has_value()) {
    console->Say(absl::StrCat(cases::SimulationText(*now, place),
                              "\n\nNo signature lies beside the file for ",
                              cases::QuotedList(missing), ". Once it is countersigned:\n"));
  }
  console->Say(cases::SimulationText(once_signed, place));
  return Exit::kFine;
}

}  // namespace

void AddAgreementSimulateCommand(CLI::App* agreement, Console* console) {
  auto options = std::make_shared<SimulateOptions>();
  CLI::App* simulate = agreement->add_subcommand(
      "simulate", "What would become of one request, check by check, on any day");
  simulate->add_option("file", options->file, "The agreement")->required();
  simulate->add_option("--as", options->as, "Who asks; the first agency that may if left out");
  simulate->add_option("--question", options->question, "Which question")->required();
  simulate->add_option("--purpose", options->purpose, "For which purpose; the first if left out");
  simulate
      ->add_option("--parameter,--param", options->parameters,
                   "NAME=VALUE, once for each parameter")
      ->expected(1)
      ->allow_extra_args(false)
      ->multi_option_policy(CLI::MultiOptionPolicy::TakeAll);
  simulate->add_option("--on", options->on,
                       "The day: 2027-01-31, \"first day\", \"last day\"; today if left out");
  simulate
      ->add_option("--fact", options->facts,
                   "What is held: NAME=VALUE or NAME@PERIOD=VALUE; \"$45,000.00\" for money")
      ->expected(1)
      ->multi_option_policy(CLI::MultiOptionPolicy::TakeAll);
  simulate
      ->add_option("--member", options->members,
                   "A member of a group: \"NAME=VALUE;NAME=VALUE\", \"unknown\"; \"return=joint\" "
                   "for those who share a return")
      ->expected(1)
      ->multi_option_policy(CLI::MultiOptionPolicy::TakeAll);
  simulate->add_option("--person", options->person,
                       "known, unknown, several-found, mismatch or held-back");
  simulate->add_option("--records-loaded", options->records_loaded,
                       "When the records were loaded: \"31 days before\"; that day if left out");
  simulate->add_option("--asked", options->asked, "How often the same was asked before, that day")
      ->check(CLI::Range(0, 1000000));
  simulate
      ->add_option("--values", options->values, "How many other values were tried before, that day")
      ->check(CLI::Range(0, 100000));
  simulate->add_flag("--signed", options->is_signed, "Suppose that every party has signed");
  simulate->add_flag("--other-file", options->other_file,
                     "Suppose that the asker holds another file of it");
  simulate->add_flag("--without-consent", options->without_consent,
                     "Suppose that the consent reference is missing");
  simulate->add_flag("--json", options->json, "Print the result for programs");
  simulate->footer(
      "Shows supposed facts: for the answering agency's eyes. Limits over the whole agreement "
      "depend "
      "on what\nothers ask and are not looked at.\n"
      "Example:\n  vouch agreement simulate fsa-irs/agreement.yaml --signed --on 2027-01-31 \\\n"
      "    --question income-at-or-below-225-percent --parameter household_size=4 \\\n"
      "    --parameter region=contiguous --fact 'adjusted_gross_income=$45,000.00'");
  simulate->callback(
      [options, console] { console->Run([&] { return Simulate(*options, console); }); });
}

}  // namespace vouch::client
