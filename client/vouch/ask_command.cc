#include "client/vouch/ask_command.h"

#include <fstream>
#include <memory>
#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/escaping.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_replace.h"
#include "client/vouch/asking_node.h"
#include "client/vouch/commands.h"
#include "client/vouch/node_folder.h"
#include "client/vouch/person_json.h"
#include "crypto/random.h"
#include "policies/engine/source.h"

namespace vouch::client {
namespace {

using requester::Asking;
using requester::GivenAnswer;
using requester::Refusal;

absl::StatusOr<crypto::RequestId> ReadRequestId(const std::string& text) {
  crypto::RequestId id;
  if (!crypto::FromHex(absl::StrReplaceAll(text, {{"-", ""}}), absl::MakeSpan(id)) ||
      crypto::UuidV7Time(id) < 0) {
    return UsageError("--request-id takes the UUIDv7 of an earlier asking");
  }
  return id;
}

absl::StatusOr<std::vector<crypto::Identity>> PeopleOf(const AskOptions& options,
                                                       Console* console) {
  if (options.person.empty()) return ReadPeople(console->in(), "standard input");
  std::ifstream in(options.person, std::ios::binary);
  if (!in) return absl::NotFoundError(absl::StrCat("cannot read ", options.person));
  return ReadPeople(in, options.person);
}

nlohmann::ordered_json ToJson(const AskOptions& options, const GivenAnswer& given) {
  nlohmann::ordered_json json;
  json["answer"] = std::string(policies::AnswerName(given.answer));
  json["do"] = std::string(DoName(given.obligation.action));
  json["notice_days"] = given.obligation.notice_days;
  json["say"] = given.say;
  json["why"] = std::string(policies::UndeterminedReasonName(given.why));
  json["data_as_of"] = absl::FormatCivilTime(given.data_as_of);
  json["agreement"] = options.agreement;
  json["question"] = options.question;
  json["purpose"] = options.purpose;
  json["epoch"] = given.epoch;
  json["recorded"] = TimeText(given.recorded);
  json["request_id"] = UuidText(given.request_id);
  if (given.consent.has_value()) json["consent"] = crypto::Hex(*given.consent);
  for (const requester::Consent& consent : given.consents) {
    json["consents"].push_back(crypto::Hex(consent));
  }
  json["receipt"] = absl::Base64Escape(given.receipt);
  if (!given.jws.empty()) json["jws"] = given.jws;
  json["details"] = absl::Base64Escape(given.details);
  json["request"] = absl::Base64Escape(given.request);
  return json;
}

void SayAnswer(const GivenAnswer& given, Console* console) {
  console->Say(absl::StrCat("Answer:      ", policies::AnswerName(given.answer)));
  std::string todo(DoName(given.obligation.action));
  if (given.obligation.notice_days > 0) {
    absl::StrAppend(&todo, ", with ", given.obligation.notice_days,
                    " days of notice before anything adverse");
  }
  console->Say(absl::StrCat("Do:          ", todo));
  for (const std::string& text : given.say) console->Say(absl::StrCat("Say:         ", text));
  if (given.why != policies::UndeterminedReason::kNotTold) {
    console->Say(absl::StrCat("Why:         ", policies::UndeterminedReasonName(given.why)));
  }
  console->Say(absl::StrCat("Data as of:  ", absl::FormatCivilTime(given.data_as_of)));
  console->Say(absl::StrCat("Request id:  ", UuidText(given.request_id)));
  if (given.consent.has_value()) {
    console->Say(absl::StrCat("Consent:     ", crypto::Hex(*given.consent)));
  }
  for (size_t i = 0; i < given.consents.size(); ++i) {
    console->Say(absl::StrCat("Consent ", i + 1, ":   ", crypto::Hex(given.consents[i])));
  }
  if (!given.jws.empty()) console->Say(absl::StrCat("JWS receipt: ", given.jws));
  if (given.answer == policies::Answer::kUndetermined) {
    console->Say("UNDETERMINED is never grounds for adverse action.");
  }
}

absl::StatusOr<Exit> SayRefusal(const AskOptions& options, const Asking& asking,
                                const Refusal& refusal, Console* console) {
  const std::string id = UuidText(*asking.request_id);
  std::vector<std::string> consents;
  for (const requester::Consent& consent : asking.consents)
    consents.push_back(crypto::Hex(consent));
  if (options.json) {
    nlohmann::ordered_json json;
    json["refusal"] = refusal.reason;
    json["message"] = refusal.message;
    json["advice"] = std::string(refusal.Advice());
    if (!refusal.field.empty()) json["field"] = refusal.field;
    if (refusal.retry_after > absl::ZeroDuration()) {
      json["retry_after_seconds"] = absl::ToDoubleSeconds(refusal.retry_after);
    }
    if (!refusal.expected.empty()) json["expected"] = refusal.expected;
    if (!refusal.received.empty()) json["received"] = refusal.received;
    json["request_id"] = id;
    if (consents.size() == 1) json["consent"] = consents[0];
    if (consents.size() > 1) json["consents"] = consents;
    console->Say(json.dump(2, ' ', false, nlohmann::json::error_handler_t::replace));
    return Exit::kFindings;
  }
  console->Note(
      absl::StrCat("Refused: ", refusal.reason, ": ", policies::Shown(refusal.message, 2000)));
  if (!refusal.field.empty()) {
    console->Note(absl::StrCat("Field:   ", policies::Shown(refusal.field)));
  }
  if (!refusal.expected.empty()) {
    console->Note(absl::StrCat("Theirs:  ", policies::Shown(refusal.expected)));
  }
  if (!refusal.received.empty()) {
    console->Note(absl::StrCat("Ours:    ", policies::Shown(refusal.received)));
  }
  console->Note(absl::StrCat("Advice:  ", refusal.Advice()));
  if (refusal.Retriable()) {
    console->Note(absl::StrCat("To repeat it: --request-id ", id,
                               consents.empty() ? "" : " --consent ",
                               absl::StrJoin(consents, " --consent ")));
  }
  return Exit::kFindings;
}

absl::StatusOr<Exit> AskOne(const AskOptions& options, requester::Requester* requester,
                            Console* console) {
  const policies::Agreement& agreement = requester->agreement().agreement;
  Asking asking;
  asking.question = options.question;
  asking.purpose = options.purpose;
  asking.language = options.language;
  asking.jws = options.jws;
  absl::StatusOr<policies::Parameters> parameters =
      ParametersOf(agreement.FindQuestion(options.question), options.parameters);
  if (!parameters.ok()) return parameters.status();
  asking.parameters = *std::move(parameters);
  if (options.request_id.empty()) {
    asking.request_id = crypto::NewUuidV7(absl::ToUnixMillis(absl::Now()));
  } else {
    absl::StatusOr<crypto::RequestId> id = ReadRequestId(options.request_id);
    if (!id.ok()) return id.status();
    asking.request_id = *id;
  }
  for (const std::string& text : options.consents) {
    requester::Consent consent;
    if (!crypto::FromHex(text, absl::MakeSpan(consent))) {
      return UsageError("--consent takes 64 hexadecimal digits");
    }
    asking.consents.push_back(consent);
  }
  if (agreement.consent_required && options.consents.empty() && !options.request_id.empty()) {
    return UsageError("to repeat an asking, give the same --consent as well");
  }
  absl::StatusOr<std::vector<crypto::Identity>> people = PeopleOf(options, console);
  if (!people.ok()) return people.status();
  asking.members = *std::move(people);
  // Made here, so that a refusal can say how to repeat it.
  while (agreement.consent_required && options.consents.empty() &&
         asking.consents.size() < asking.members.size()) {
    asking.consents.push_back(requester::NewConsent());
  }

  const absl::StatusOr<GivenAnswer> given = requester->Ask(asking);
  if (!given.ok()) {
    if (const absl::optional<Refusal> refusal = requester::RefusalOf(given.status())) {
      return SayRefusal(options, asking, *refusal, console);
    }
    // An answer that is not proved is no malformed file: it is nobody's but the responder's fault.
    if (absl::IsDataLoss(given.status())) {
      return absl::FailedPreconditionError(given.status().message());
    }
    return given.status();
  }
  if (options.json) {
    console->Say(
        ToJson(options, *given).dump(2, ' ', false, nlohmann::json::error_handler_t::replace));
  } else {
    SayAnswer(*given, console);
  }
  return Exit::kFine;
}

absl::StatusOr<Exit> Ask(const AskOptions& options, Console* console) {
  if (options.input.empty() != options.output.empty()) {
    return UsageError("--input and --output go together");
  }
  const bool many = !options.input.empty();
  if (many &&
      (!options.person.empty() || !options.request_id.empty() || !options.consents.empty())) {
    return UsageError(
        "--person, --request-id and --consent are for one question; rows have theirs");
  }
  const auto requester = OpenRequester(options.folder, options.agreement, console);
  if (!requester.ok()) return requester.status();
  return many ? AskMany(options, requester->get(), console)
              : AskOne(options, requester->get(), console);
}

}  // namespace

absl::string_view DoName(policies::Do action) {
  switch (action) {
    case policies::Do::kAccept:
      return "accept";
    case policies::Do::kVerifyIndependently:
      return "verify-independently";
    case policies::Do::kAskThePerson:
      return "ask-the-person";
  }
  return "ask-the-person";
}

std::string UuidText(const crypto::RequestId& id) {
  const std::string hex = crypto::Hex(id);
  return absl::StrCat(hex.substr(0, 8), "-", hex.substr(8, 4), "-", hex.substr(12, 4), "-",
                      hex.substr(16, 4), "-", hex.substr(20));
}

policies::ParameterValue ParameterOf(const policies::Question* question, const std::string& name,
                                     const std::string& text) {
  if (question != nullptr) {
    for (const policies::ParameterRule& rule : question->parameters) {
      int64_t number = 0;
      if (rule.name == name && rule.range.has_value() && absl::SimpleAtoi(text, &number)) {
        return number;
      }
    }
  }
  return text;
}

absl::StatusOr<policies::Parameters> ParametersOf(const policies::Question* question,
                                                  const std::vector<std::string>& given) {
  policies::Parameters parameters;
  for (const std::string& one : given) {
    const size_t equals = one.find('=');
    if (equals == std::string::npos || equals == 0) {
      return UsageError("--parameter takes NAME=VALUE");
    }
    const std::string name = one.substr(0, equals);
    if (!parameters.emplace(name, ParameterOf(question, name, one.substr(equals + 1))).second) {
      return UsageError("a --parameter is given twice");
    }
  }
  return parameters;
}

void AddAskCommand(CLI::App* vouch, Console* console) {
  auto options = std::make_shared<AskOptions>();
  CLI::App* command = vouch->add_subcommand(
      "ask", "Asks a partner one question about one person, or about every row of a file");
  AddNodeOption(command, &options->folder);
  command->add_option("--agreement", options->agreement, "The agreement's id")->required();
  command->add_option("--question", options->question, "The question's id")->required();
  command->add_option("--purpose", options->purpose, "The purpose's id")->required();
  command->add_option("--parameter", options->parameters, "NAME=VALUE, once for each parameter")
      ->take_all();
  command->add_option("--person", options->person,
                      "JSON file with the person, or the members of a group; default: standard "
                      "input");
  command->add_option("--language", options->language, "Of what to say to the person")
      ->capture_default_str();
  command->add_option("--request-id", options->request_id,
                      "Repeats an earlier asking: the same answer, charged once");
  command
      ->add_option("--consent", options->consents,
                   "The reference kept with the person's consent, 64 hexadecimal digits, once for "
                   "each person asked about; default: new ones")
      ->take_all();
  command->add_flag(
      "--jws", options->jws,
      "Also a receipt as a JWS, which can be passed on, where the agreement lists it");
  command->add_flag("--json", options->json, "Print everything for programs, the receipt included");
  command->add_option("--input", options->input, "CSV with a row for each person");
  command->add_option("--output", options->output, "CSV to write; with --input");
  command->add_option("--rows-per-message", options->rows_per_message, "With --input")
      ->check(CLI::Range(1, 4096))
      ->capture_default_str();
  command->add_flag("--ask-again", options->ask_again,
                    "Ask anew what an interrupted run left open too long ago to be repeated; it "
                    "may be charged twice");
  command->footer(
      "A person is one JSON object, never an argument: arguments are seen by every user of the\n"
      "machine. The members of a group are an array of such objects, or {\"members\": [...]}. "
      "Columns of a CSV are attributes, parameters, consent and reference.\n"
      "A run that was interrupted goes on when the same command is run again.\n"
      "Exit codes: 0 answered, 1 refused, 2 usage, 3 unreadable or malformed file\n"
      "Examples:\n"
      "  vouch ask --node ./fsa --agreement fsa-irs-2027-001 \\\n"
      "      --question income-at-or-below-225-percent --purpose student-aid-eligibility \\\n"
      "      --parameter household_size=4 --parameter region=contiguous < person.json\n"
      "  vouch ask --node ./fsa --agreement fsa-irs-2027-001 \\\n"
      "      --question income-at-or-below-225-percent --purpose student-aid-eligibility \\\n"
      "      --input people.csv --output answers.csv");
  command->callback([options, console] { console->Run([&] { return Ask(*options, console); }); });
}

}  // namespace vouch::client
