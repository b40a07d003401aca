#include <algorithm>
#include <cmath>
#include <memory>
#include <set>
#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/str_join.h"
#include "absl/time/clock.h"
#include "client/vouch/accounting.h"
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
  cells.reserve(reasons.size());
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
  // Answers that cannot be told by kind, by why that is.
  uint64_t households = 0, retired = 0, destroyed = 0, damaged = 0;
  // And what they are counted under elsewhere.
  std::set<std::string> left_questions;
  std::set<uint32_t> left_months;
  bool sampled = false;

  uint64_t left_out() const { return households + retired + destroyed + damaged; }
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
  const auto take = [&](Opening opening, const OpenedAnswer& known) {
    const policies::Question* question =
        held == nullptr ? nullptr : held->agreement.FindQuestion(known.answer->question);
    const uint64_t left_before = kinds.left_out();
    if (question == nullptr) {
      ++kinds.retired;
    } else if (question->group_at_most > 0) {
      ++kinds.households;
    } else if (opening == Opening::kKeyDestroyed) {
      ++kinds.destroyed;
    } else if (opening == Opening::kDamaged) {
      ++kinds.damaged;
    } else if (opening == Opening::kNobodyFound) {
      ++kinds.nobody;
    } else if (known.answer_given == policies::Answer::kYes) {
      ++kinds.yes;
    } else if (known.answer_given == policies::Answer::kNo) {
      ++kinds.no;
    } else {
      ++kinds.undetermined;
    }
    if (kinds.left_out() > left_before) {
      kinds.left_questions.insert(known.answer->question);
      kinds.left_months.insert(server::ledger::TagPeriodOf(known.answer->at));
    }
  };
  const absl::Status opened = OpenPastAnswers(
      file, id, past->answers,
      [&](uint64_t done, uint64_t total) {
        last = done;
        progress.Show(done, total);
      },
      take);
  if (!opened.ok() && !absl::IsNotFound(opened)) return opened;
  // A node without records has found nobody.
  for (size_t i = 0; !opened.ok() && i < past->answers.size(); ++i) {
    OpenedAnswer known;
    known.answer = &past->answers[i];
    take(Opening::kNobodyFound, known);
  }
  if (last > 0) progress.Finish(last);
  return kinds;
}

bool IsShown(const ReportRow& row, const std::string& name) {
  return std::any_of(row.counts.cells.begin(), row.counts.cells.end(),
                     [&](const Cell& cell) { return cell.name == name && cell.shown; });
}

// Whether the kinds, held against the rows before them, would tell a count that is not shown: what
// is left out is some questions' and months' answers, and what is left of a larger count.
bool GivesAway(const Kinds& kinds, uint64_t minimum, const ReportAgreement& report) {
  for (const uint64_t part : {kinds.households, kinds.retired, kinds.destroyed, kinds.damaged}) {
    if (part > 0 && part < minimum) return true;
  }
  for (const ReportRow& row : report.rows) {
    for (const std::string& question : kinds.left_questions) {
      if (row.id == "answers_by_question" && !IsShown(row, question)) return true;
    }
    for (const uint32_t month : kinds.left_months) {
      if (row.id == "answers_by_month" && !IsShown(row, oversight::MonthText(month))) return true;
    }
  }
  return false;
}

std::string LeftOutWords(const Kinds& kinds) {
  std::vector<std::string> whose;
  if (kinds.households > 0) whose.emplace_back("about households");
  if (kinds.retired > 0) {
    whose.emplace_back("to questions that the agreement at hand does not have");
  }
  if (kinds.destroyed > 0) whose.emplace_back("of months whose keys are not here any more");
  if (kinds.damaged > 0) whose.emplace_back("that are damaged");
  return absl::StrCat("Not told by kind are answers ", explain::Joined(whose), ".");
}

// After the rows by question and month. Returns whether every kind is shown, so that what is worked
// out from them tells nothing more.
bool AddKinds(const Kinds& kinds, uint64_t minimum, ReportAgreement* report) {
  std::vector<Cell> cells = {{"YES", kinds.yes, true},
                             {"NO", kinds.no, true},
                             {"UNDETERMINED", kinds.undetermined, true},
                             {"UNDETERMINED, nobody on record", kinds.nobody, true}};
  if (kinds.left_out() > 0) cells.push_back({"not told by kind", kinds.left_out(), true});
  ReportRow row =
      RowOf("answers_by_kind",
            kinds.sampled ? "What was answered, of an even sample" : "What was answered",
            std::move(cells), minimum);
  const bool hidden = GivesAway(kinds, minimum, *report);
  for (Cell& cell : row.counts.cells) cell.shown &= !hidden;
  row.counts.total.shown &= !hidden;
  bool all_shown = row.counts.total.shown;
  for (const Cell& cell : row.counts.cells) all_shown &= cell.shown;
  const uint64_t told = row.counts.total.count - kinds.left_out();
  if (told >= minimum && row.counts.total.shown && row.counts.cells[2].shown &&
      row.counts.cells[3].shown && row.counts.cells.back().shown) {
    report->sentences.push_back(absl::StrFormat(
        "Undetermined: %.1f%% of %s answers looked at.",
        100.0 * static_cast<double>(kinds.undetermined + kinds.nobody) / static_cast<double>(told),
        explain::Grouped(static_cast<int64_t>(told))));
  }
  if (kinds.left_out() > 0) report->sentences.push_back(LeftOutWords(kinds));
  if (hidden) {
    report->sentences.emplace_back(
        "What was answered is not shown by kind: held against the other counts it would tell one "
        "that is not shown.");
  }
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

// Whether entries of the quarter may be among those that the journal no longer holds, all of which
// were written before `until`.
bool MayBeGone(const oversight::LogExtent& extent, const oversight::Quarter& quarter,
               absl::optional<absl::Time> until) {
  if (extent.first == 0) return false;
  if (!extent.logs.empty() && extent.logs.front().first == extent.first) {
    // Whole logs are gone, each of its year.
    const auto oldest = crypto::ReadLogName(extent.logs.front().origin);
    if (oldest.has_value() && oldest->part == 1 && quarter.year >= oldest->year) return false;
  }
  return !until.has_value() || quarter.begin() < *until;
}

absl::StatusOr<Exit> Report(const ReportOptions& options, Console* console) {
  const auto quarter = oversight::Quarter::Parse(options.quarter);
  if (!quarter.has_value()) return UsageError("--quarter is written as 2027-Q1");
  const auto file = OpenNode(options.node, console);
  if (!file.ok()) return file.status();
  policies::Report ignored;
  const std::shared_ptr<const policies::Catalog> catalog = ReadCatalog(*file, &ignored);
  oversight::QuarterCount count(*quarter);
  absl::optional<absl::Time> first_read;
  absl::optional<absl::Time> until;
  const auto extent = oversight::ReadLog(file->journal, [&](const oversight::LogEntry& entry) {
    if (!first_read.has_value()) {
      // Every entry begins so: version, kind, minute.
      crypto::ByteReader in(crypto::AsBytes(entry.entry));
      in.U8();
      in.U8();
      const uint32_t minute = in.U32();
      if (in.ok()) first_read = absl::FromUnixSeconds(int64_t{minute} * 60);
      // What is before the end of a log is of the time before it.
      until = first_read;
      if (in.ok() && !crypto::ReadLogClosed(entry.entry).ok()) *until += absl::Minutes(1);
    }
    return count.Visit(entry);
  });
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
  if (MayBeGone(*extent, *quarter, until)) {
    report.gone = extent->first;
    report.gone_before = first_read;
  }
  oversight::LogExtent of_quarter;
  for (const oversight::DeclaredLoss& loss : extent->losses) {
    const auto last = absl::FromUnixSeconds(static_cast<int64_t>(loss.declared.until));
    if (loss.since < quarter->end() && last >= quarter->begin()) of_quarter.losses.push_back(loss);
  }
  report.lost = DeclaredLosses(of_quarter);
  if (report.made < quarter->end()) {
    report.ends =
        absl::FormatTime("%Y-%m-%d", quarter->end() - absl::Seconds(1), absl::UTCTimeZone());
  }
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
    askers.reserve(requesters.size());
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
