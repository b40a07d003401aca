#include <memory>

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "client/vouch/agreement_commands.h"
#include "client/vouch/agreement_source.h"
#include "client/vouch/node_agreements.h"
#include "client/vouch/node_folder.h"
#include "client/vouch/past_answers.h"
#include "policies/engine/cases/replay.h"
#include "policies/engine/fields.h"

namespace vouch::client {
namespace {

namespace cases = policies::cases;

struct ReplayOptions {
  std::string draft;
  std::string node;
  std::string from;
  std::string to;
  uint64_t sample = 2000;
  int64_t minimum = 10;
  bool json = false;
};

absl::StatusOr<absl::CivilDay> DayOption(const std::string& text, absl::string_view option) {
  const absl::optional<absl::CivilDay> day = policies::ParseDay(text);
  if (day.has_value()) return *day;
  return UsageError(absl::StrCat(option, " is a day, written as 2027-01-31"));
}

cases::NotReplayed Why(Opening opening) {
  switch (opening) {
    case Opening::kKeyDestroyed:
      return cases::NotReplayed::kKeyDestroyed;
    case Opening::kDamaged:
      return cases::NotReplayed::kDamaged;
    default:
      return cases::NotReplayed::kNobodyFound;
  }
}

bool AboutGroup(const cases::Revision& revision, const std::string& question) {
  const policies::Question* found = revision.held->agreement.FindQuestion(question);
  return found != nullptr && found->group_at_most > 0;
}

void SayResult(const ReplayOptions& options, const cases::Revision& current,
               const cases::Revision& draft, const PastAnswers& past,
               const cases::ReplayCounts& counts, Console* console) {
  // How many there were at all is a count like the others.
  const auto shown = [&](uint64_t count) {
    return static_cast<int64_t>(count) >= options.minimum ? absl::StrCat(count)
                                                          : std::string("a few");
  };
  if (options.json) {
    policies::Json json{{"agreement", current.held->agreement.id},
                        {"current_revision", current.held->agreement.revision},
                        {"draft_revision", draft.held->agreement.revision},
                        {"from", options.from},
                        {"to", options.to},
                        {"facts", "today's"},
                        {"limits_replayed", false},
                        {"minimum_count", options.minimum},
                        {"sampled", past.answers.size() < past.in_all},
                        {"questions", counts.ToJson(options.minimum)}};
    console->Say(json.dump(2, ' ', false, policies::Json::error_handler_t::replace));
    return;
  }
  console->Say(absl::StrCat(current.held->agreement.id, ", answers from ", options.from, " to ",
                            options.to, ": revision ", current.held->agreement.revision,
                            " against the draft, revision ", draft.held->agreement.revision,
                            ".\n"));
  console->Say(past.in_all == 0 ? "There are none.\n" : counts.Text(options.minimum));
  if (past.answers.size() < past.in_all) {
    console->Say(absl::StrCat("A sample: ", shown(past.answers.size()), " of ", shown(past.in_all),
                              " answers, drawn evenly."));
  }
  console->Say(absl::StrCat(
      "Counts only, and none from 1 to ", options.minimum - 1,
      " is shown. Facts are today's, not those of "
      "the time;\ndays are those of the questions. Limits, refusals and people who were not found "
      "are not replayed."));
}

absl::StatusOr<Exit> Replay(const ReplayOptions& options, Console* console) {
  const absl::StatusOr<server::node::NodeFile> file = OpenNode(options.node, console);
  if (!file.ok()) return file.status();
  const absl::StatusOr<AgreementSource> source = OpenGoodAgreement(options.draft, console);
  if (!source.ok()) return source.status();
  const policies::Agreement& agreement = source->held->agreement;
  const absl::StatusOr<absl::CivilDay> from = DayOption(options.from, "--from");
  if (!from.ok()) return from.status();
  const absl::StatusOr<absl::CivilDay> to = DayOption(options.to, "--to");
  if (!to.ok()) return to.status();
  if (*to < *from) return UsageError("--to lies before --from");
  if (agreement.answers != file->agency) {
    return absl::FailedPreconditionError(
        absl::StrCat("only the answering agency can replay its answers: here that is ",
                     agreement.answers, ", and this node is ", file->agency, "'s"));
  }
  policies::Report report;
  const std::shared_ptr<const policies::Catalog> catalog = ReadCatalog(*file, &report);
  const cases::Revision current{catalog, catalog->Find(agreement.id, absl::Now())};
  if (current.held == nullptr) {
    return absl::NotFoundError(absl::StrCat("the node holds no good revision of ", agreement.id));
  }
  const cases::Revision draft{source->catalog, source->held};

  const absl::TimeZone zone = current.held->agreement.zone();
  const absl::StatusOr<PastAnswers> past =
      ReadPastAnswers(file->journal, agreement.id, absl::FromCivil(*from, zone),
                      absl::FromCivil(*to + 1, zone), options.sample);
  if (!past.ok()) return past.status();
  cases::ReplayCounts counts;
  Progress progress(console, "finding whom each answer was about");
  uint64_t last = 0;
  const absl::Status opened = OpenPastAnswers(
      *file, agreement.id, past->answers,
      [&](uint64_t done, uint64_t total) {
        last = done;
        progress.Show(done, total);
      },
      [&](Opening opening, const OpenedAnswer& known) {
        const std::string& question = known.answer->question;
        if (AboutGroup(current, question) || AboutGroup(draft, question)) {
          counts.Add(question, cases::NotReplayed::kGroup);
          return;
        }
        if (opening != Opening::kOpened) {
          counts.Add(question, Why(opening));
          return;
        }
        cases::PastRequest request;
        request.requester = known.answer->requester;
        request.question = question;
        request.purpose = known.answer->purpose;
        request.parameters = known.parameters;
        request.at = known.answer->at;
        const auto reason = static_cast<policies::UndeterminedReason>(known.undetermined_reason);
        request.undetermined_by_records =
            known.held_back || (reason != policies::UndeterminedReason::kNotTold &&
                                reason != policies::UndeterminedReason::kNotHeld);
        counts.Add(question, cases::ReplayOne(current, draft, request, *known.facts));
      });
  if (!opened.ok()) return opened;
  if (last > 0) progress.Finish(last);
  SayResult(options, current, draft, *past, counts, console);
  return Exit::kFine;
}

}  // namespace

void AddAgreementReplayCommand(CLI::App* agreement, Console* console) {
  auto options = std::make_shared<ReplayOptions>();
  CLI::App* replay = agreement->add_subcommand(
      "replay", "How a draft revision would have changed a past period's outcomes; counts only");
  replay->add_option("draft", options->draft, "The draft")->required();
  AddNodeOption(replay, &options->node);
  replay->add_option("--from", options->from, "The period's first day")->required();
  replay->add_option("--to", options->to, "Its last day")->required();
  replay
      ->add_option("--sample", options->sample,
                   "At most so many answers, drawn evenly; 0 for all: each is compared with "
                   "everybody in the records")
      ->capture_default_str();
  replay->add_option("--minimum", options->minimum, "Counts below this are not shown")
      ->check(CLI::Range(2, 1000000))
      ->capture_default_str();
  replay->add_flag("--json", options->json, "Print the counts for programs");
  replay->footer(
      "On the answering agency's own machine, as the user the node runs as; the node may go on "
      "running.\nIt reads the journal, the months' keys and the records, and changes nothing.\n"
      "Example:\n  vouch agreement replay fsa-irs/draft.yaml --node ./irs --from 2027-01-01 --to "
      "2027-01-31");
  replay->callback([options, console] { console->Run([&] { return Replay(*options, console); }); });
}

}  // namespace vouch::client
