#include "client/vouch/ledger_standing.h"

#include <set>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "crypto/checkpoint.h"
#include "crypto/keys.h"
#include "server/node/folders.h"

namespace vouch::client {

std::vector<LedgerFinding> ExamineLedgers(const std::string& witness_folder) {
  std::vector<LedgerFinding> findings;
  const std::string evidence = absl::StrCat(witness_folder, "/evidence");
  size_t files = 0;
  for (const std::string& name : server::node::NamesIn(evidence)) {
    if (absl::EndsWith(name, ".txt")) ++files;
  }
  if (files > 0) {
    findings.push_back(
        {"partners' ledgers", true,
         absl::StrCat("show two histories, or went back: evidence lies in ", evidence, " (", files,
                      files == 1 ? " file)" : " files)"),
         "read it, keep it, and show it to the agency it names and to oversight; each note in it "
         "is signed by that agency's own key"});
  }
  const std::string path = absl::StrCat(witness_folder, "/own.cosigned");
  const absl::StatusOr<std::string> note = crypto::ReadPrivateFile(path);
  if (absl::IsNotFound(note.status())) return findings;
  const auto read =
      note.ok() ? crypto::ReadNote(*note) : absl::StatusOr<crypto::SignedNote>(note.status());
  const auto checkpoint = read.ok() ? crypto::ReadCheckpoint(read->text)
                                    : absl::StatusOr<crypto::Checkpoint>(read.status());
  if (!checkpoint.ok()) {
    findings.push_back({"own ledger", true, absl::StrCat(path, " cannot be read"),
                        "bring it back from a backup: it shows when the journal was put back"});
    return findings;
  }
  std::set<std::string> by;
  for (const crypto::NoteSignature& signature : read->signatures) {
    if (signature.name != checkpoint->origin) by.insert(signature.name);
  }
  findings.push_back(
      {"own ledger", false,
       absl::StrCat(checkpoint->origin, " up to ", checkpoint->size, " entries is remembered by ",
                    by.empty() ? "partners" : absl::StrJoin(by, ", ")),
       ""});
  return findings;
}

}  // namespace vouch::client
