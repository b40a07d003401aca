#include "client/vouch/ledger_proofs.h"

#include "absl/strings/str_cat.h"
#include "crypto/checkpoint.h"
#include "crypto/keys.h"
#include "crypto/merkle.h"
#include "crypto/note.h"
#include "server/node/folders.h"

namespace vouch::client {

absl::StatusOr<size_t> WriteProofs(
    const std::string& folder, const std::string& checkpoint_path, const LeavesOfLogs& logs,
    const std::vector<server::ledger::oversight::Disclosure>& found) {
  const auto note = server::node::ReadText(checkpoint_path);
  if (!note.ok()) return note.status();
  const auto read = crypto::ReadNote(*note);
  if (!read.ok()) return read.status();
  const auto checkpoint = crypto::ReadCheckpoint(read->text);
  if (!checkpoint.ok()) return checkpoint.status();
  const auto log = logs.find(checkpoint->origin);
  if (log == logs.end()) {
    return absl::DataLossError(absl::StrCat(checkpoint_path, ": is of the log ", checkpoint->origin,
                                            ", which this journal does not have"));
  }
  const std::vector<crypto::Digest>& leaves = log->second;
  if (checkpoint->size > leaves.size()) {
    return absl::DataLossError(absl::StrCat(
        checkpoint_path, ": is of ", checkpoint->size, " entries, and the journal has ",
        leaves.size(), ": this is another log, or the journal was put back to an earlier state"));
  }
  crypto::CompactRange range;
  for (uint64_t i = 0; i < checkpoint->size; ++i) range.Append(leaves[i]);
  if (range.Root() != checkpoint->root) {
    return absl::DataLossError(
        absl::StrCat(checkpoint_path, ": is not a checkpoint of the entries in this journal"));
  }
  absl::Status made = server::node::EnsureFolder(folder, 0700);
  if (!made.ok()) return made;
  const auto under = absl::MakeConstSpan(leaves).first(checkpoint->size);
  const std::string year = checkpoint->origin.substr(checkpoint->origin.rfind('/') + 1);
  size_t wrote = 0;
  for (const server::ledger::oversight::Disclosure& one : found) {
    if (one.log != checkpoint->origin) continue;
    const uint64_t index = one.index_in_log;
    if (index >= checkpoint->size) {
      return absl::FailedPreconditionError(
          absl::StrCat("entry ", index,
                       " is younger than the checkpoint; take a newer one, or end the "
                       "list before it with --to"));
    }
    crypto::TlogProof proof;
    proof.index = index;
    proof.hashes = crypto::InclusionProof(under, index);
    proof.checkpoint = *note;
    const std::string path = absl::StrCat(folder, "/entry-", year, "-", index);
    for (const auto& [suffix, bytes] : {std::pair<const char*, std::string>{".entry", one.bytes},
                                        {".tlog-proof", proof.ToString()}}) {
      absl::Status written = crypto::ReplaceFile(path + suffix, bytes, /*is_private=*/true);
      if (!written.ok()) return written;
    }
    ++wrote;
  }
  return wrote;
}

}  // namespace vouch::client
