#include <algorithm>
#include <memory>

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "client/vouch/accounting.h"
#include "client/vouch/ledger_commands.h"
#include "client/vouch/node_agreements.h"
#include "client/vouch/node_folder.h"
#include "client/vouch/person_search.h"
#include "policies/engine/explain/words.h"
#include "policies/engine/question.h"
#include "server/ledger/oversight/households.h"
#include "server/ledger/oversight/people_on_record.h"

namespace vouch::client {
namespace {

namespace explain = policies::explain;
namespace oversight = server::ledger::oversight;
namespace records = server::records;

using policies::Answer;
using policies::UndeterminedReason;

struct CorrectionsOptions {
  std::string node;
  PersonChoice person;
  bool json = false;
};

// Whether the facts had a part in the answer: a limit, a mismatch or a hold had none of theirs.
bool ByFacts(const oversight::Disclosure& one) {
  if (one.entry.kind != crypto::EntryKind::kAnswered || !one.opened.has_value()) return false;
  const auto reason = static_cast<UndeterminedReason>(one.opened->inner.undetermined_reason);
  return static_cast<Answer>(one.opened->details.answer) != Answer::kUndetermined ||
         reason == UndeterminedReason::kNotHeld;
}

// By the facts of everybody in it. Both agreement and question were found when it was added.
bool ComesOutOtherwise(const oversight::Households::Answer& one, const policies::Catalog& catalog) {
  const policies::HeldAgreement* held = RevisionOf(one.about.entry, catalog);
  const policies::Question& question = *held->agreement.FindQuestion(one.about.entry.question);
  policies::Parameters parameters;
  (void)ReadParameters(one.about.opened->details.parameters, &parameters);
  const absl::CivilDay day = absl::ToCivilDay(one.about.at(), held->agreement.zone());
  return policies::EvaluateGroup(question, parameters, one.members, held->facts, catalog.tables(),
                                 day) != static_cast<Answer>(one.about.opened->details.answer);
}

absl::StatusOr<Exit> Corrections(const CorrectionsOptions& options, Console* console) {
  const auto file = OpenNode(options.node, console);
  if (!file.ok()) return file.status();
  const absl::Time now = absl::Now();
  policies::Report ignored;
  const std::shared_ptr<const policies::Catalog> catalog = ReadCatalog(*file, &ignored);
  const auto person = FindPerson(*file, *catalog, options.person, now, console);
  if (!person.ok()) return person.status();
  if (!person->on_record) {
    return absl::NotFoundError(
        "nobody on record is found by this: there are no facts to compare with");
  }
  if (person->named_on_record > 1) {
    return absl::FailedPreconditionError(
        "these ids are those of several records that are there now, and answers are compared with "
        "one person's facts; give the ids of one");
  }
  server::ledger::PeriodKeys period_keys(file->keys + "/periods");
  oversight::PersonKeys keys(&period_keys, person->names);
  oversight::DisclosureSearch search(&keys);
  const auto extent = oversight::ReadLog(
      file->journal, [&](const oversight::LogEntry& entry) { return search.Visit(entry); });
  if (!extent.ok()) return extent.status();
  const auto people = oversight::PeopleOnRecord::Open(file->records);
  if (!people.ok()) return people.status();

  std::vector<AccountedLine> lines;
  oversight::Households households;
  uint64_t unknown = 0;
  uint64_t cut = 0;
  uint64_t damaged = 0;
  bool there = false;
  const absl::Status seen =
      people->ForEach([&](const records::PersonHandle& handle, const records::RowFacts& facts) {
        if (person->names.handles.count(handle) == 0) return true;
        there = true;
        for (const oversight::Disclosure& one : search.found()) {
          if (one.entry.kind == crypto::EntryKind::kAnswered && !one.opened.has_value()) ++damaged;
          if (!ByFacts(one)) continue;
          const policies::HeldAgreement* held = RevisionOf(one.entry, *catalog);
          const policies::Question* question =
              held == nullptr ? nullptr : held->agreement.FindQuestion(one.entry.question);
          policies::Parameters parameters;
          if (question == nullptr || !ReadParameters(one.opened->details.parameters, &parameters)) {
            ++unknown;
            continue;
          }
          if (question->group_at_most > 0) {
            households.Add(one, static_cast<size_t>(question->group_at_most),
                           held->agreement.match.size());
            continue;
          }
          const absl::CivilDay day = absl::ToCivilDay(one.at(), held->agreement.zone());
          const Answer today =
              policies::EvaluateQuestion(*question, parameters, facts, catalog->tables(), day);
          if (today != static_cast<Answer>(one.opened->details.answer)) {
            lines.push_back(LineOf(one, catalog.get()));
          }
        }
        return false;
      });
  if (!seen.ok()) return seen;
  if (!there) {
    return absl::NotFoundError("the person is not on record: there are no facts to compare with");
  }
  if (!households.empty()) {
    const auto again = oversight::ReadLog(
        file->journal, [&](const oversight::LogEntry& entry) { return households.Visit(entry); });
    if (!again.ok()) return again.status();
    const absl::Status identified = households.Identify(&period_keys, *people);
    if (!identified.ok()) return identified;
    for (const oversight::Households::Answer& one : households.Answers()) {
      if (one.members.empty()) {
        ++cut;
      } else if (ComesOutOtherwise(one, *catalog)) {
        lines.push_back(LineOf(one.about, catalog.get()));
      }
    }
    std::stable_sort(lines.begin(), lines.end(),
                     [](const AccountedLine& a, const AccountedLine& b) { return a.at < b.at; });
  }
  if (cut > 0) {
    console->Note(absl::StrCat(cut,
                               " answers about a household are not compared: the journal no longer "
                               "holds all of their entries."));
  }
  if (unknown > 0) {
    console->Note(absl::StrCat(unknown,
                               " answers are not compared: the agreement's text of the time is not "
                               "in the node's folder."));
  }
  if (damaged > 0) {
    console->Note(
        absl::StrCat(damaged,
                     " answers are not compared: what was answered lies sealed beside the "
                     "entry, and is damaged or not at hand."));
  }
  for (const std::string& closed : ClosedMonths(search)) console->Note(closed);
  for (const std::string& gap : person->gaps) console->Note(gap);
  if (const std::string odd = UnknownEntries(search); !odd.empty()) console->Note(odd);
  if (const std::string gone = BeforeJournal(*extent); !gone.empty()) console->Note(gone);
  for (const std::string& lost : DeclaredLosses(*extent)) console->Note(lost);
  if (options.json) {
    nlohmann::ordered_json json = nlohmann::ordered_json::array();
    for (const AccountedLine& line : lines) {
      json.push_back({{"at", TimeText(line.at)},
                      {"requester", line.requester},
                      {"address", line.address},
                      {"agreement", line.agreement_id},
                      {"question", line.question_id},
                      {"asked", line.question},
                      {"log", line.log},
                      {"index", line.index}});
    }
    console->Say(json.dump(2, ' ', false, nlohmann::json::error_handler_t::replace));
    return Exit::kFine;
  }
  if (lines.empty()) {
    console->Say("No earlier answer would come out otherwise by today's facts.");
    return Exit::kFine;
  }
  console->Say(absl::StrCat(explain::Counted(static_cast<int64_t>(lines.size()), "earlier answer"),
                            " would come out otherwise by today's facts. Tell whom "
                            "it was given to that a correction was made (5 U.S.C. 552a(c)(4), "
                            "(d)(4)); they may ask again.\n"));
  std::vector<std::vector<std::string>> rows = {{"date", "told to", "question", "agreement"}};
  for (const AccountedLine& line : lines) {
    rows.push_back({absl::FormatTime("%Y-%m-%d", line.at, absl::UTCTimeZone()),
                    line.address.empty() ? line.requester
                                         : absl::StrCat(line.requester, " (", line.address, ")"),
                    line.question, line.agreement_id});
  }
  console->SayTable(rows);
  return Exit::kFine;
}

}  // namespace

void AddLedgerCorrectionsCommand(CLI::App* ledger, Console* console) {
  auto options = std::make_shared<CorrectionsOptions>();
  CLI::App* command = ledger->add_subcommand(
      "corrections", "Whom to tell that a fact about one person was corrected");
  AddNodeOption(command, &options->node);
  AddPersonOptions(command, &options->person);
  command->add_flag("--json", options->json, "Print the list for programs");
  command->footer(
      "Compares each earlier answer with what the same question, of the same day, comes to by "
      "today's facts, of a household by everybody's in it.\nIt says neither the facts nor the "
      "answers.\n"
      "Example:\n  vouch ledger corrections --node ./irs --person - < person.json");
  command->callback(
      [options, console] { console->Run([&] { return Corrections(*options, console); }); });
}

}  // namespace vouch::client
