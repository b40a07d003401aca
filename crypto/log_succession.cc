#include "crypto/log_succession.h"

#include <algorithm>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "absl/types/optional.h"
#include "crypto/bytes.h"
#include "crypto/log_entry.h"

namespace vouch::crypto {

namespace {

absl::Status Broken(absl::string_view what) { return absl::InvalidArgumentError(what); }

std::string AgencyOf(const std::string& origin) { return origin.substr(0, origin.find('/')); }

absl::Status VerifyEntry(absl::string_view entry, uint64_t index, absl::Span<const Digest> proof,
                         const Checkpoint& under) {
  const Digest leaf = LeafHash(AsBytes(entry));
  return VerifyRange(absl::MakeConstSpan(&leaf, 1), index, under.size, proof, under.root);
}

// That the log under `next` begins with the declaration that `end` is what there is of the log
// before.
absl::StatusOr<LossDeclared> VerifyLoss(const LogSuccession& step, const Checkpoint& end,
                                        const Checkpoint& next) {
  const auto loss = ReadLossDeclared(step.opening);
  if (!step.closing.empty() || !loss.ok() || loss->origin != next.origin ||
      !VerifyEntry(step.opening, 0, step.opening_proof, next).ok()) {
    return Broken(
        absl::StrCat(next.origin, " does not begin with an entry that says what it follows"));
  }
  // Its name is read to people, who are to accept it.
  const absl::optional<LogName> lost = ReadLogName(loss->lost.origin);
  if (!lost.has_value() || lost->agency != AgencyOf(next.origin)) {
    return Broken(absl::StrCat(next.origin, " declares the loss of what is no log of its agency"));
  }
  if (loss->restored != end || !LogBefore(loss->lost.origin, next.origin)) {
    return Broken(absl::StrCat(next.origin, " declares a loss after other entries of ", end.origin,
                               " than those that were signed"));
  }
  return loss;
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
                                                         const LogKeyOf& key_of,
                                                         const LossAccepted& accepted) {
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
  std::vector<LossDeclared> losses;
  absl::optional<LossDeclared> unaccepted;
  for (size_t i = 0; i < steps.size(); ++i) {
    const Checkpoint& next = i + 1 < steps.size() ? ends[i + 1] : shown;
    if (!ReadLossDeclared(steps[i].opening).ok()) {
      if (absl::Status step = VerifyStep(steps[i], ends[i], next); !step.ok()) return step;
      continue;
    }
    const absl::StatusOr<LossDeclared> loss = VerifyLoss(steps[i], ends[i], next);
    if (!loss.ok()) return loss.status();
    losses.push_back(*loss);
    if (accepted == nullptr || !accepted(steps[i].opening, *loss)) unaccepted = *loss;
  }
  const bool same_log = !ends.empty() && ends.front().origin == remembered.origin;
  // What there is of its log may be less than is remembered of it, and even nothing. Where it is
  // more, no loss excuses from showing how it goes on from what is remembered.
  const bool in_lost =
      !losses.empty() && std::none_of(ends.begin(), ends.end(), [&](const Checkpoint& end) {
        return end.origin == remembered.origin && end.size >= remembered.size;
      });
  if (!in_lost) {
    if (!same_log) {
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
  } else if (std::none_of(losses.begin(), losses.end(),
                          [&](const LossDeclared& loss) { return loss.Covers(remembered); })) {
    const LossDeclared& last = losses.back();
    return absl::FailedPreconditionError(absl::StrCat(
        AgencyOf(shown.origin), " declared that it lost ", LostEntries(last),
        ", and that leaves out what is remembered of ", remembered.origin, ", ", remembered.size,
        " entries",
        remembered.origin == last.lost.origin && remembered.size == last.lost.size
            ? " with another root"
            : "",
        ". It cannot be accepted: give ", AgencyOf(shown.origin),
        " the checkpoint that is remembered, for it to declare again with (vouch ledger "
        "declare-loss --checkpoint)"));
  }
  if (unaccepted.has_value()) {
    return absl::FailedPreconditionError(
        absl::StrCat(AgencyOf(shown.origin), " declared that it lost ", LostEntries(*unaccepted),
                     ". Nothing of its ledger since is taken before that is accepted: speak with "
                     "the agency, then `vouch partner accept-loss ",
                     AgencyOf(shown.origin), "`"));
  }
  return ends;
}

}  // namespace vouch::crypto
