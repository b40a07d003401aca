#include <algorithm>
#include <memory>
#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "client/vouch/ledger_backup.h"
#include "client/vouch/ledger_commands.h"
#include "client/vouch/node_agreements.h"
#include "client/vouch/node_folder.h"
#include "client/vouch/own_marks.h"
#include "crypto/bytes.h"
#include "crypto/log_entry.h"
#include "crypto/note.h"
#include "server/journal/journal.h"
#include "server/journal/written_entries.h"

namespace vouch::client {
namespace {

namespace node = server::node;

constexpr absl::Duration kClocksApart = absl::Minutes(5);

struct DeclareOptions {
  std::string folder;
  std::vector<std::string> checkpoints;
  bool yes = false;
  bool json = false;
};

std::string Entries(uint64_t count) {
  return count == 1 ? "1 entry" : absl::StrCat(count, " entries");
}

// Later in the sequence of the agency's logs.
bool Further(const crypto::Checkpoint& a, const crypto::Checkpoint& b) {
  return a.origin == b.origin ? a.size > b.size : crypto::LogBefore(b.origin, a.origin);
}

// The latest time that a cosignature of the note names. Nothing is opened with it: it can only be
// that this machine's clock is behind it.
absl::Time LatestCosigned(const std::string& text, const std::string& origin) {
  absl::Time latest = absl::InfinitePast();
  const absl::StatusOr<crypto::SignedNote> note = crypto::ReadNote(text);
  if (!note.ok()) return latest;
  for (const crypto::NoteSignature& signature : note->signatures) {
    if (signature.name == origin) continue;
    crypto::ByteReader in(crypto::AsBytes(signature.bytes));
    const uint64_t seconds = in.U64();
    if (in.ok()) {
      latest = std::max(latest, absl::FromUnixSeconds(static_cast<int64_t>(
                                    std::min<uint64_t>(seconds, INT32_MAX * uint64_t{2}))));
    }
  }
  return latest;
}

// Of all that was signed, what the journal does not lead to; nullopt: nothing. FailedPrecondition
// where that is no loss: another history, or two of them.
absl::StatusOr<absl::optional<OwnMark>> Lost(const std::vector<OwnMark>& marks,
                                             const RecomputedJournal& journal, const RootsAt& roots,
                                             const std::string& folder) {
  const bool nothing = journal.origins.size() == 1 && journal.head.size == 0;
  const bool begins_with_loss =
      !journal.losses.empty() && journal.losses.front().origin == journal.origins.front();
  absl::optional<OwnMark> furthest;
  for (const OwnMark& mark : marks) {
    const crypto::Checkpoint& seen = mark.checkpoint;
    const absl::optional<crypto::Digest>& root = roots.at({seen.origin, seen.size});
    if (seen.size == 0 || root == seen.root) continue;
    if (root.has_value()) {
      return absl::FailedPreconditionError(absl::StrCat(
          "nothing was changed: ", mark.path, " holds a checkpoint of ", Entries(seen.size), " of ",
          seen.origin,
          ", signed by this node, and the journal has other entries up to there. That "
          "is no loss but another history: bring back the journal that leads to it. Keep both, and "
          "tell oversight; the note in ",
          mark.path, " is evidence that partners can verify"));
    }
    if (journal.IsLost(seen)) continue;
    // Nothing could show partners how it follows what they remember.
    if (!nothing && !begins_with_loss && crypto::LogBefore(seen.origin, journal.origins.front())) {
      return absl::FailedPreconditionError(absl::StrCat(
          "nothing was changed: ", mark.path, " holds a checkpoint of ", Entries(seen.size), " of ",
          seen.origin, ", and the journal begins with ", journal.origins.front(),
          ": it was begun anew where there had been one, and no loss can be declared after it. "
          "Look for the journal of before. Only when it is certain that there is none: move ",
          folder,
          " away, make an empty folder of mode 700 in its place, and declare the loss again; what "
          "was entered since is then declared lost too"));
    }
    for (const OwnMark& other : marks) {
      if (other.checkpoint.origin == seen.origin && other.checkpoint.size == seen.size &&
          other.checkpoint.root != seen.root) {
        return absl::FailedPreconditionError(absl::StrCat(
            "nothing was changed: ", mark.path, " and ", other.path, " hold two checkpoints of ",
            Entries(seen.size), " of ", seen.origin,
            " with different roots, both signed by this node's key. That is a fork and no loss: "
            "one journal was used twice, or the key by somebody else. Keep both files: they are "
            "evidence, and tell oversight and your partners"));
      }
    }
    if (!furthest.has_value() || Further(seen, furthest->checkpoint)) furthest = mark;
  }
  return furthest;
}

// What will be refused, of each agreement under which this node answers, and until when.
std::vector<std::string> RefusedUnder(const node::NodeFile& file, absl::Time until) {
  policies::Report unread;
  std::vector<std::string> lines;
  std::string last;
  for (const AgreementFile& held : ReadAgreements(file, &unread)) {
    const policies::Agreement& agreement = held.agreement;
    if (agreement.answers != file.agency || agreement.id == last) continue;
    if (agreement.effective_from >= until && agreement.replaces == "none") continue;
    last = agreement.id;
    absl::Duration longest = absl::ZeroDuration();
    bool unending = false;
    const policies::Limits& limits = agreement.limits;
    for (const policies::CountLimit* limit :
         {&limits.times_asked, &limits.different_values, &limits.new_people,
          &limits.whole_agreement, &limits.evaluations}) {
      unending |= limit->every == absl::InfiniteDuration();
      if (limit->every != absl::InfiniteDuration()) longest = std::max(longest, limit->every);
    }
    const std::string whole = absl::StrCat(agreement.id, ": every question until ",
                                           TimeText(until + longest), " at the latest");
    if (limits.times_asked.every == absl::InfiniteDuration() ||
        limits.whole_agreement.every == absl::InfiniteDuration()) {
      lines.push_back(absl::StrCat(agreement.id,
                                   ": every question, for good; conclude a new "
                                   "agreement, with an id of its own"));
    } else if (unending) {
      lines.push_back(absl::StrCat(
          whole,
          "; then, for good, what a limit over the whole agreement counts and the journal "
          "does not hold, such as people and values that are new"));
    } else {
      lines.push_back(whole);
    }
  }
  return lines;
}

bool Confirmed(const std::string& agency, Console* console) {
  console->Note(absl::StrCat("This cannot be taken back. Type ", agency, " to declare it:"));
  std::string line;
  std::getline(console->in(), line);
  return absl::StripAsciiWhitespace(line) == agency;
}

absl::StatusOr<Exit> Declare(const DeclareOptions& options, Console* console) {
  const auto file = OpenNode(options.folder, console);
  if (!file.ok()) return file.status();
  {
    // The node is stopped; the journal takes the same lock when the loss is written.
    JournalLock lock;
    if (absl::Status held = lock.Take(file->journal); !held.ok()) return held;
  }
  absl::StatusOr<std::vector<OwnMark>> marks = ReadOwnMarks(*file);
  if (!marks.ok()) return marks.status();
  for (const std::string& path : options.checkpoints) {
    absl::StatusOr<absl::optional<OwnMark>> given = ReadOwnMark(path, "as given", *file);
    if (!given.ok()) return given.status();
    if (!given->has_value()) return absl::NotFoundError(absl::StrCat("there is no ", path));
    const auto name = crypto::ReadLogName((*given)->checkpoint.origin);
    if (!name.has_value() || name->agency != file->agency) {
      return absl::InvalidArgumentError(absl::StrCat(path, " is a checkpoint of ",
                                                     (*given)->checkpoint.origin,
                                                     ", which is no log of ", file->agency));
    }
    marks->push_back(**std::move(given));
  }
  RootsAt roots;
  for (const OwnMark& mark : *marks) roots[{mark.checkpoint.origin, mark.checkpoint.size}] = {};
  auto journal = RecomputeJournal(file->journal, &roots, console);
  if (absl::IsNotFound(journal.status())) {
    console->Note(absl::StrCat(
        "There is no journal in ", file->journal,
        ": everything would be declared lost. Put the latest backup there is in place first, if "
        "there is any (vouch ledger restore --behind)."));
    const std::string origin =
        crypto::LogName{
            file->agency,
            static_cast<uint32_t>(absl::ToCivilYear(absl::Now(), absl::UTCTimeZone()).year())}
            .Origin();
    journal = RecomputedJournal{{origin, 0, crypto::EmptyRoot()}, {origin}, {}};
  }
  if (!journal.ok()) return journal.status();
  const auto lost = Lost(*marks, *journal, roots, file->journal);
  if (!lost.ok()) return lost.status();
  if (!lost->has_value()) {
    return absl::FailedPreconditionError(absl::StrCat(
        "nothing was changed, because nothing is lost: the journal, of ",
        Entries(journal->head.size), " of ", journal->head.origin,
        ", reaches every checkpoint "
        "that is known here",
        journal->losses.empty() ? "" : ", or a loss that was declared already covers it",
        ". Where a partner remembers a later one, have it send that (vouch partner remembered) "
        "and give it with --checkpoint"));
  }
  const absl::Time now = absl::Now();
  for (const OwnMark& mark : *marks) {
    if (LatestCosigned(mark.note, mark.checkpoint.origin) > now + kClocksApart) {
      return absl::FailedPreconditionError(absl::StrCat(
          "nothing was changed: ", mark.path, " was cosigned at ",
          TimeText(LatestCosigned(mark.note, mark.checkpoint.origin)),
          ", and this machine's clock says ", TimeText(now),
          ". The declaration says up to when charges may be missing, so the clock must be right"));
    }
  }
  crypto::LossDeclared preview = {"", journal->head, (*lost)->checkpoint, 0};
  if (preview.restored.size == 0) preview.restored.origin = preview.lost.origin;
  const std::vector<std::string> refused = RefusedUnder(*file, now);
  console->Note(absl::StrCat(
      "The journal in ", file->journal, " has ", Entries(journal->head.size), " of ",
      journal->head.origin, ". ", (*lost)->path, " shows that this node signed ",
      Entries((*lost)->checkpoint.size), " of ", (*lost)->checkpoint.origin,
      ".\n\nDeclared lost: ", crypto::LostEntries(preview),
      ", and whatever came after. What was answered there stays true, and partners keep their "
      "receipts of it; this node can no longer account for it.\n\nA new log begins, and partners "
      "take nothing under it before each has accepted the loss (vouch partner accept-loss ",
      file->agency, "). All that may have been charged before ", TimeText(now),
      " counts as used up, for everybody. Refused, because of that:"));
  for (const std::string& line : refused) console->Note(absl::StrCat("  ", line));
  if (refused.empty()) console->Note("  nothing: no agreement of before is in the node's folder");
  if (!options.yes && !Confirmed(file->agency, console)) {
    console->Note("Nothing was declared.");
    return Exit::kFindings;
  }
  server::journal::JournalOptions opened;
  opened.folder = file->journal;
  opened.origin = journal->head.origin;
  const auto loss = server::journal::DeclareLoss(opened, (*lost)->checkpoint, absl::Now());
  if (!loss.ok()) return loss.status();
  const absl::Time until = absl::FromUnixSeconds(static_cast<int64_t>(loss->until));
  if (options.json) {
    console->SayJson(
        {{"result", "declared"},
         {"origin", loss->origin},
         {"restored", {{"origin", loss->restored.origin}, {"entries", loss->restored.size}}},
         {"lost", {{"origin", loss->lost.origin}, {"entries", loss->lost.size}}},
         {"until", TimeText(until)},
         {"refused", refused}});
  } else {
    console->Say(absl::StrCat("Declared: ", loss->origin, " begins after ",
                              Entries(loss->restored.size), " of ", loss->restored.origin, "; ",
                              crypto::LostEntries(*loss),
                              " are lost. Start the node, and have "
                              "every partner run: vouch partner accept-loss ",
                              file->agency));
  }
  return Exit::kFine;
}

}  // namespace

void AddLedgerDeclareLossCommand(CLI::App* ledger, Console* console) {
  auto options = std::make_shared<DeclareOptions>();
  CLI::App* command = ledger->add_subcommand(
      "declare-loss",
      "Says that the end of the journal is lost for good, and begins a new log that says so");
  AddNodeOption(command, &options->folder);
  command->add_option("--checkpoint", options->checkpoints,
                      "A checkpoint of this node's own log that a partner remembers, from its "
                      "`vouch partner remembered`; may be given several times");
  command->add_flag("--yes", options->yes, "Do not ask; for scripts");
  command->add_flag("--json", options->json, "Print facts for programs");
  command->footer(
      "For a node that does not start because its journal is behind what it signed, when it is\n"
      "certain that the later journal is gone. The node is stopped, and the latest backup is in\n"
      "place (vouch ledger restore --behind), where there is one. The new log's first entry "
      "commits to the largest\n"
      "checkpoint among the mark of what was signed, what partners cosigned, and the files given.\n"
      "What may have been charged in the lost time counts as used up. Partners must accept the\n"
      "loss. Killed at any moment it leaves the loss declared, or nothing done; run it again.\n"
      "Exit codes: 0 declared; 1 nothing is lost, it is no loss, or not confirmed; 3 something is\n"
      "missing or damaged.\n"
      "Example:\n  vouch ledger declare-loss --node ./irs --checkpoint from-fsa.checkpoint");
  command->callback(
      [options, console] { console->Run([&] { return Declare(*options, console); }); });
}

}  // namespace vouch::client
