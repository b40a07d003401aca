#include "crypto/log_succession.h"

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "crypto/bytes.h"
#include "crypto/log_entry.h"

namespace vouch::crypto {

namespace {

absl::Status Broken(absl::string_view what) { return absl::InvalidArgumentError(what); }

absl::Status VerifyEntry(absl::string_view entry, uint64_t index, absl::Span<const Digest> proof,
                         const Checkpoint& under) {
  const Digest leaf = LeafHash(AsBytes(entry));
  return VerifyRange(absl::MakeConstSpan(&leaf, 1), index, under.size, proof, under.root);
}

// That `end` closes its log, and that the log under `next` goes on from exactly that.
absl::Status VerifyStep(const LogSuccession& step, const Checkpoint& end, const Checkpoint& next) {
  const auto closed = ReadLogClosed(step.closing);
  if (end.size == 0 || !closed.ok() || closed->origin != end.origin || closed->size != end.size ||
      closed->next != next.origin ||
      !VerifyEntry(step.closing, end.size - 1, step.closing_proof, end).ok()) {
    return Broken(absl::StrCat(end.origin, " does not end with an entry that closes it and names ",
                               next.origin));
  }
  const auto opened = ReadLogOpened(step.opening);
  if (!opened.ok() || opened->origin != next.origin ||
      !VerifyEntry(step.opening, 0, step.opening_proof, next).ok()) {
    return Broken(
        absl::StrCat(next.origin, " does not begin with an entry that says what it follows"));
  }
  if (opened->closed != end) {
    return Broken(absl::StrCat(next.origin, " follows another end of ", opened->closed.origin,
                               ", of ", opened->closed.size, " entries, than the one of ", end.size,
                               " that was signed"));
  }
  return absl::OkStatus();
}

}  // namespace

absl::StatusOr<std::vector<Checkpoint>> VerifySuccession(const Checkpoint& remembered,
                                                         absl::Span<const LogSuccession> steps,
                                                         const Checkpoint& shown,
                                                         const LogKeyOf& key_of) {
  std::vector<Checkpoint> ends;
  for (const LogSuccession& step : steps) {
    const absl::StatusOr<SignedNote> note = ReadNote(step.checkpoint);
    if (!note.ok()) return Broken(note.status().message());
    const absl::StatusOr<Checkpoint> claimed = ReadCheckpoint(note->text);
    if (!claimed.ok()) return Broken(claimed.status().message());
    const absl::StatusOr<NoteVerifier> key = key_of(claimed->origin);
    if (!key.ok()) return Broken(key.status().message());
    const auto opened = OpenCheckpoint(step.checkpoint, absl::MakeConstSpan(&*key, 1));
    if (!opened.ok()) return Broken(opened.status().message());
    ends.push_back(opened->checkpoint);
  }
  if (ends.empty() || ends.front().origin != remembered.origin) {
    return Broken(
        absl::StrCat("nothing shows how ", shown.origin, " goes on from ", remembered.origin));
  }
  const Checkpoint& first = ends.front();
  if (first.size < remembered.size ||
      !VerifyConsistency(remembered.size, remembered.root, first.size, first.root,
                         steps.front().consistency)
           .ok()) {
    return Broken(absl::StrCat(remembered.origin, " did not end as a log that goes on from its ",
                               remembered.size, " entries"));
  }
  for (size_t i = 0; i < steps.size(); ++i) {
    const Checkpoint& next = i + 1 < steps.size() ? ends[i + 1] : shown;
    if (absl::Status step = VerifyStep(steps[i], ends[i], next); !step.ok()) return step;
  }
  return ends;
}

}  // namespace vouch::crypto
