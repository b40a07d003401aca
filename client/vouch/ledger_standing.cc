#include "client/vouch/ledger_standing.h"

#include <set>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "client/vouch/console.h"
#include "crypto/checkpoint.h"
#include "crypto/keys.h"
#include "crypto/log_entry.h"
#include "server/journal/written_entries.h"
#include "server/node/folders.h"
#include "server/node/ledger_keys.h"
#include "server/node/witness_key.h"

namespace vouch::client {
namespace {

namespace node = server::node;
using Weight = LedgerFinding::Weight;

LedgerFinding ExamineWitnessKey(const node::Partner& partner) {
  const std::string about = absl::StrCat("cosignatures of ", partner.agency);
  if (partner.witness_key.empty()) {
    return {about, Weight::kWarning,
            "of our ledger are not counted, and how far they lag is not looked at: node.yaml gives "
            "no witness_key for it",
            "write `witness_key:` at the partner, with witness.txt of its `vouch partner export`"};
  }
  const auto text = node::ReadText(partner.witness_key);
  const auto key = text.ok() ? node::ReadWitnessKey(*text, partner.agency) : text.status();
  if (!key.ok()) {
    return {about, Weight::kWrong, absl::StrCat(partner.witness_key, ": ", key.status().message()),
            "ask the partner for `vouch partner export` again"};
  }
  return {about, Weight::kFine, "of our ledger are verified and counted", ""};
}

void ExamineWitness(const std::string& witness_folder, std::vector<LedgerFinding>* all) {
  std::vector<LedgerFinding>& findings = *all;
  const std::string evidence = absl::StrCat(witness_folder, "/evidence");
  size_t files = 0;
  for (const std::string& name : server::node::NamesIn(evidence)) {
    if (absl::EndsWith(name, ".txt")) ++files;
  }
  if (files > 0) {
    findings.push_back(
        {"partners' ledgers", Weight::kWrong,
         absl::StrCat("show two histories, or went back: evidence lies in ", evidence, " (", files,
                      files == 1 ? " file)" : " files)"),
         "read it, keep it, and show it to the agency it names and to oversight; each note in it "
         "is signed by that agency's own key"});
  }
  const std::string path = absl::StrCat(witness_folder, "/own.cosigned");
  const absl::StatusOr<std::string> note = crypto::ReadPrivateFile(path);
  if (absl::IsNotFound(note.status())) return;
  const auto read =
      note.ok() ? crypto::ReadNote(*note) : absl::StatusOr<crypto::SignedNote>(note.status());
  const auto checkpoint = read.ok() ? crypto::ReadCheckpoint(read->text)
                                    : absl::StatusOr<crypto::Checkpoint>(read.status());
  if (!checkpoint.ok()) {
    findings.push_back({"own ledger", Weight::kWrong, absl::StrCat(path, " cannot be read"),
                        "bring it back from a backup: it shows when the journal was put back"});
    return;
  }
  std::set<std::string> by;
  for (const crypto::NoteSignature& signature : read->signatures) {
    if (signature.name != checkpoint->origin) by.insert(signature.name);
  }
  findings.push_back(
      {"own ledger", Weight::kFine,
       absl::StrCat(checkpoint->origin, " up to ", checkpoint->size, " entries is remembered by ",
                    by.empty() ? "partners" : absl::StrJoin(by, ", ")),
       ""});
}

// A log of the node's own that began because entries were lost.
void ExamineLosses(const std::string& journal, std::vector<LedgerFinding>* findings) {
  const auto entries = server::journal::WrittenEntries::Open(journal);
  if (!entries.ok()) return;  // said elsewhere, or there is none yet
  for (const server::journal::LogSpan& log : (*entries)->logs()) {
    const auto first = (*entries)->Read(log.first, 1);
    const auto loss = first.ok() ? crypto::ReadLossDeclared(first->front())
                                 : absl::StatusOr<crypto::LossDeclared>(first.status());
    if (!loss.ok()) continue;
    findings->push_back(
        {"own ledger", Weight::kWarning,
         absl::StrCat(loss->origin, " began with a declared loss of ", crypto::LostEntries(*loss),
                      "; what may have been charged before ",
                      TimeText(absl::FromUnixSeconds(static_cast<int64_t>(loss->until))),
                      " counts as used up"),
         absl::StrCat("every partner must accept it: vouch partner accept-loss ",
                      loss->origin.substr(0, loss->origin.find('/')))});
  }
}

// A running node writes its mark anew with what it signs next; one that is stopped does not start.
void ExamineMark(const node::NodeFile& file, std::vector<LedgerFinding>* findings) {
  if (!node::Exists(absl::StrCat(file.journal, "/", node::kMarked)) ||
      node::Exists(file.high_water)) {
    return;
  }
  findings->push_back(
      {"mark of what was signed", Weight::kWrong,
       absl::StrCat(file.high_water,
                    " is gone, and the node does not start without it: the journal could be an "
                    "earlier state of itself"),
       "bring it back from where it was copied to, or correct high_water in node.yaml; where it is "
       "lost for good and the journal is certainly the latest, start once with vouchd "
       "--without-high-water"});
}

}  // namespace

std::vector<LedgerFinding> ExamineLedgers(const node::NodeFile& file) {
  std::vector<LedgerFinding> findings;
  ExamineMark(file, &findings);
  ExamineWitness(file.witness, &findings);
  ExamineLosses(file.journal, &findings);
  for (const node::Partner& partner : file.partners) {
    findings.push_back(ExamineWitnessKey(partner));
  }
  return findings;
}

}  // namespace vouch::client
