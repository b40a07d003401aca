#include <cmath>
#include <memory>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/str_join.h"
#include "absl/time/clock.h"
#include "client/vouch/ledger_commands.h"
#include "client/vouch/node_agreements.h"
#include "client/vouch/node_folder.h"
#include "client/vouch/past_answers.h"
#include "client/vouch/quarter_page.h"
#include "crypto/keys.h"
#include "crypto/log_entry.h"
#include "policies/engine/explain/words.h"
#include "policies/engine/refusal.h"
#include "server/ledger/oversight/subject_keys.h"

namespace vouch::client {
namespace {

namespace explain = policies::explain;
namespace oversight = server::ledger::oversight;

using oversight::Cell;

struct ReportOptions {
  std::string node;
  std::string quarter;
  uint64_t sample = 2000;
  uint64_t minimum = 10;
  std::string html;
  bool json = false;
};

ReportRow RowOf(std::string id, std::string title, std::vector<Cell> cells, uint64_t minimum) {
  return {std::move(id), std::move(title), oversight::Suppress(std::move(cells), minimum)};
}

std::vector<Cell> ReasonCells(const std::map<uint8_t, uint64_t>& reasons) {
  std::vector<Cell> cells;
  for (const auto& [reason, count] : reasons) {
    cells.push_back(
        {std::string(policies::ReasonName(static_cast<policies::Reason>(reason))), count, true});
  }
  return cells;
}

// What answers were, from a sample: an entry does not say, and what lies sealed beside it opens
// only with the key of whom it is about, who has to be found among all.
struct Kinds {
  uint64_t yes = 0, no = 0, undetermined = 0, nobody = 0;
  uint64_t left_out = 0;  // groups, destroyed keys, damage
  bool sampled = false;
};

absl::StatusOr<Kinds> CountKinds(const server::node::NodeFile& file, const std::string& id,
                                 const policies::HeldAgreement* held,
                                 const oversight::Quarter& quarter, uint64_t sample,
                                 Console* console) {
  const auto past = ReadPastAnswers(file.journal, id, quarter.begin(), quarter.end(), sample);
  if (!past.ok()) return past.status();
  Kinds kinds;
  kinds.sampled = past->answers.size() < past->in_all;
  Progress progress(console, absl::StrCat(id, ": finding whom each answer was about"));
  uint64_t last = 0;
  const absl::Status opened = OpenPastAnswers(
      file, id, past->answers,
      [&](uint64_t done, uint64_t total) {
        last = done;
        progress.Show(done, total);
      },
      [&](Opening opening, const OpenedAnswer& known) {
        const policies::Question* question =
            held == nullptr ? nullptr : held->agreement.FindQuestion(known.answer->question);
        if (question == nullptr || question->group_at_most > 0 ||
            opening == Opening::kKeyDestroyed || opening == Opening::kDamaged) {
          ++kinds.left_out;
        } else if (opening == Opening::kNobodyFound) {
          ++kinds.nobody;
        } else if (known.answer_given == policies::Answer::kYes) {
          ++kinds.yes;
        } else if (known.answer_given == policies::Answer::kNo) {
          ++kinds.no;
        } else {
          ++kinds.undetermined;
        }
      });
  // A node without records has found nobody.
  if (!opened.ok() && !absl::IsNotFound(opened)) return opened;
  if (last > 0) progress.Finish(last);
  return kinds;
}

// Returns whether every kind is shown, so that what is worked out from them tells nothing more.
bool AddKinds(const Kinds& kinds, uint64_t minimum, ReportAgreement* report) {
  ReportRow row =
      RowOf("answers_by_kind",
            kinds.sampled ? "What was answered, of an even sample" : "What was answered",
            {{"YES", kinds.yes, true},
             {"NO", kinds.no, true},
             {"UNDETERMINED", kinds.undetermined, true},
             {"UNDETERMINED, nobody on record", kinds.nobody, true}},
            minimum);
  const uint64_t all = row.counts.total.count;
  if (all >= minimum && row.counts.cells[2].shown && row.counts.cells[3].shown) {
    report->sentences.push_back(absl::StrFormat(
        "Undetermined: %.1f%% of %s answers looked at.",
        100.0 * static_cast<double>(kinds.undetermined + kinds.nobody) / static_cast<double>(all),
        explain::Grouped(static_cast<int64_t>(all))));
  }
  if (kinds.left_out > 0) {
    report->sentences.emplace_back(
        "Answers about households, and of months whose keys were destroyed, are counted above but "
        "not by kind.");
  }
  bool all_shown = row.counts.total.shown;
  for (const Cell& cell : row.counts.cells) all_shown &= cell.shown;
  report->rows.push_back(std::move(row));
  return all_shown;
}

// What each decided answer spares, as the agreement says; and what that comes to.
void AddSpared(const policies::HeldAgreement& held, const ReportRow& questions, const Kinds& kinds,
               bool kinds_shown, ReportAgreement* report) {
  const uint64_t known = kinds.yes + kinds.no + kinds.undetermined + kinds.nobody;
  for (const policies::Question& question : held.agreement.questions) {
    if (question.spares_documents.empty() && question.spares_minutes == 0) continue;
    std::vector<std::string> parts;
    if (!question.spares_documents.empty()) {
      parts.push_back(absl::StrJoin(question.spares_documents, ", "));
    }
    if (question.spares_minutes > 0) {
      parts.push_back(explain::Counted(question.spares_minutes, "minute"));
    }
    std::string text = absl::StrCat(question.id, ": the agreement states that a YES or NO spares ",
                                    explain::Joined(parts), ".");
    for (const Cell& cell : questions.counts.cells) {
      if (cell.name != question.id || !cell.shown || cell.count == 0) continue;
      if (!kinds_shown || known == 0 || question.group_at_most > 0) {
        absl::StrAppend(&text, " How many of the ", cell.count,
                        " answers were YES or NO is not shown.");
        continue;
      }
      const double decided = static_cast<double>(kinds.yes + kinds.no) /
                             static_cast<double>(known) * static_cast<double>(cell.count);
      const auto rounded = static_cast<int64_t>(std::llround(decided));
      absl::StrAppend(
          &text, " About ", explain::Grouped(rounded), " of ",
          explain::Grouped(static_cast<int64_t>(cell.count)),
          " answers were that, at the agreement's rate over all its questions: ",
          explain::Counted(rounded * static_cast<int64_t>(question.spares_documents.size()),
                           "document"),
          " and ", explain::Counted(rounded * question.spares_minutes, "minute"), ".");
    }
    report->sentences.push_back(std::move(text));
  }
}

absl::StatusOr<Exit> Report(const ReportOptions& options, Console* console) {
  const auto quarter = oversight::Quarter::Parse(options.quarter);
  if (!quarter.has_value()) return UsageError("--quarter is written as 2027-Q1");
  const auto file = OpenNode(options.node, console);
  if (!file.ok()) return file.status();
  policies::Report ignored;
  const std::shared_ptr<const policies::Catalog> catalog = ReadCatalog(*file, &ignored);
  oversight::QuarterCount count(*quarter);
  const auto extent = oversight::ReadLog(
      file->journal, [&](const oversight::LogEntry& entry) { return count.Visit(entry); });
  if (!extent.ok()) return extent.status();

  QuarterReport report;
  report.responder = file->agency;
  report.origin = extent->origin;
  for (const auto& log : extent->logs) {
    const auto name = crypto::ReadLogName(log.origin);
    // The year's log, should it have ended since.
    if (name.has_value() && absl::StartsWith(options.quarter, absl::StrCat(name->year, "-"))) {
      report.origin = log.origin;
    }
  }
  report.quarter = quarter->Text();
  report.minimum = options.minimum;
  report.made = absl::Now();
  for (const auto& [id, counts] : count.agreements()) {
    ReportAgreement one;
    one.id = id;
    const policies::HeldAgreement* held = catalog->Find(id, quarter->end());
    if (held != nullptr) one.title = explain::OneLine(held->agreement.title);
    std::vector<Cell> questions;
    std::map<std::string, uint64_t> requesters;
    for (const auto& [question, by] : counts.answered) {
      uint64_t sum = 0;
      for (const auto& [requester, number] : by) {
        sum += number;
        requesters[requester] += number;
      }
      questions.push_back({question, sum, true});
    }
    std::vector<Cell> askers;
    for (const auto& [requester, number] : requesters) askers.push_back({requester, number, true});
    std::vector<Cell> months;
    for (uint32_t month = server::ledger::TagPeriodOf(quarter->begin());
         month < server::ledger::TagPeriodOf(quarter->end()); ++month) {
      const auto found = counts.by_month.find(month);
      months.push_back(
          {oversight::MonthText(month), found == counts.by_month.end() ? 0 : found->second, true});
    }
    one.rows.push_back(
        RowOf("answers_by_question", "Answers by question", questions, options.minimum));
    one.rows.push_back(
        RowOf("answers_by_requester", "Answers by requester", askers, options.minimum));
    one.rows.push_back(RowOf("answers_by_month", "Answers by month", months, options.minimum));
    if (counts.answers() > 0) {
      const auto kinds = CountKinds(*file, id, held, *quarter, options.sample, console);
      if (!kinds.ok()) return kinds.status();
      const bool kinds_shown = AddKinds(*kinds, options.minimum, &one);
      if (held != nullptr) AddSpared(*held, one.rows.front(), *kinds, kinds_shown, &one);
    }
    one.rows.push_back(RowOf("refusals_by_reason", "Refusals by reason",
                             ReasonCells(counts.refused), options.minimum));
    report.agreements.push_back(std::move(one));
  }
  std::map<uint8_t, uint64_t> counted;
  for (const auto& [requester, reasons] : count.counted()) {
    for (const auto& [reason, number] : reasons) counted[reason] += number;
  }
  if (!counted.empty()) {
    report.elsewhere.push_back(RowOf("counted_refusals", "Refusals counted by the minute",
                                     ReasonCells(counted), options.minimum));
  }
  if (!options.html.empty()) {
    absl::Status written = crypto::ReplaceFile(options.html, report.Html(), /*is_private=*/false);
    if (!written.ok()) return written;
    console->Note(absl::StrCat("Wrote ", options.html,
                               "; any browser opens and prints it, without a network."));
  }
  if (options.json) {
    console->Say(report.ToJson().dump(2, ' ', false, nlohmann::json::error_handler_t::replace));
  } else if (options.html.empty()) {
    console->Say(report.Text());
  }
  return Exit::kFine;
}

}  // namespace

void AddLedgerReportCommand(CLI::App* ledger, Console* console) {
  auto options = std::make_shared<ReportOptions>();
  CLI::App* command = ledger->add_subcommand(
      "report", "A quarter's counts for each agreement, none of which tells of a person");
  AddNodeOption(command, &options->node);
  command->add_option("--quarter", options->quarter, "Which, as 2027-Q1 (UTC)")->required();
  command
      ->add_option(
          "--sample", options->sample,
          "At most so many answers of each agreement are opened to tell YES from NO, drawn "
          "evenly; 0 for all: each is compared with everybody in the records")
      ->capture_default_str();
  command->add_option("--minimum", options->minimum, "Counts below this are not shown")
      ->check(CLI::Range(10, 1000000))
      ->capture_default_str();
  command->add_option("--html", options->html, "Write one page with plots to this file");
  command->add_flag("--json", options->json, "Print the counts for programs");
  command->footer("Example:\n  vouch ledger report --node ./irs --quarter 2027-Q1 --html q1.html");
  command->callback(
      [options, console] { console->Run([&] { return Report(*options, console); }); });
}

}  // namespace vouch::client
