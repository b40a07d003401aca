#include "client/vouch/own_marks.h"

#include <fcntl.h>
#include <sys/file.h>
#include <unistd.h>

#include <cerrno>
#include <utility>

#include "absl/strings/str_cat.h"
#include "client/vouch/ledger_backup.h"
#include "crypto/keys.h"
#include "crypto/note.h"

namespace vouch::client {

JournalLock::~JournalLock() {
  if (file_ >= 0) close(file_);
}

absl::Status JournalLock::Take(const std::string& journal) {
  const std::string path = absl::StrCat(journal, "/lock");
  file_ = open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600);
  if (file_ < 0) return absl::ErrnoToStatus(errno, absl::StrCat("cannot open ", path));
  if (flock(file_, LOCK_EX | LOCK_NB) == 0) return absl::OkStatus();
  return absl::FailedPreconditionError(
      absl::StrCat("another process has ", journal, " open; stop the node first"));
}

absl::StatusOr<absl::optional<OwnMark>> ReadOwnMark(const std::string& path,
                                                    const std::string& what,
                                                    const server::node::NodeFile& file) {
  const absl::StatusOr<std::string> note = crypto::ReadPrivateFile(path);
  if (absl::IsNotFound(note.status())) return absl::optional<OwnMark>();
  const auto read = note.ok() ? crypto::ReadNote(*note) : note.status();
  const auto claimed = read.ok() ? crypto::ReadCheckpoint(read->text)
                                 : absl::StatusOr<crypto::Checkpoint>(read.status());
  const auto signer = claimed.ok() ? OwnLogSigner(file.keys, claimed->origin) : claimed.status();
  const auto opened = signer.ok() ? crypto::OpenCheckpoint(*note, {signer->verifier()})
                                  : absl::StatusOr<crypto::VerifiedCheckpoint>(signer.status());
  if (!opened.ok()) {
    return absl::DataLossError(
        absl::StrCat(path, ", ", what, ", cannot be used: ", opened.status().message(),
                     ". It is never taken for none: bring it back from a backup of its own"));
  }
  return absl::optional<OwnMark>(OwnMark{path, what, *note, opened->checkpoint});
}

absl::StatusOr<std::vector<OwnMark>> ReadOwnMarks(const server::node::NodeFile& file) {
  std::vector<OwnMark> marks;
  for (const auto& [path, what] : std::vector<std::pair<std::string, std::string>>{
           {file.high_water, "the mark of what this node signed"},
           {absl::StrCat(file.witness, "/own.cosigned"), "what partners cosigned"}}) {
    absl::StatusOr<absl::optional<OwnMark>> mark = ReadOwnMark(path, what, file);
    if (!mark.ok()) return mark.status();
    if (mark->has_value()) marks.push_back(**std::move(mark));
  }
  return marks;
}

}  // namespace vouch::client
