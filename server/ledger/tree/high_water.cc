#include "server/ledger/tree/high_water.h"

#include <algorithm>
#include <chrono>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "crypto/keys.h"
#include "crypto/log_entry.h"

namespace vouch::server::ledger::tree {

namespace {

std::string Entries(uint64_t size) {
  return size == 1 ? "1 entry" : absl::StrCat(size, " entries");
}

// Whether a log had come further than `than` when `now` was signed.
bool IsFurther(const crypto::Checkpoint& now, const crypto::Checkpoint& than) {
  if (now.origin != than.origin) return crypto::LogBefore(than.origin, now.origin);
  return now.size > than.size;
}

// Rather than of what the file is: it may pass.
bool IsOfTheSystem(const absl::Status& status) {
  return !absl::IsFailedPrecondition(status) && !absl::IsInvalidArgument(status);
}
absl::Status CannotRead(const std::string& path, const absl::Status& why) {
  return absl::UnavailableError(absl::StrCat(
      "whether the journal is the latest cannot be told, because ", path,
      " cannot be read: ", why.message(),
      ". Nothing was changed. It may pass: try again; when it stays so, look at the disk"));
}

}  // namespace

absl::StatusOr<std::unique_ptr<HighWater>> HighWater::Open(
    HighWaterOptions options, absl::Span<const crypto::NoteVerifier> keys) {
  std::unique_ptr<HighWater> high_water(new HighWater(std::move(options)));
  if (absl::Status read = high_water->Read(keys); !read.ok()) return read;
  high_water->thread_ = std::thread([high_water = high_water.get()] { high_water->Loop(); });
  return high_water;
}

absl::Status HighWater::Read(absl::Span<const crypto::NoteVerifier> keys) {
  const absl::StatusOr<std::string> note = crypto::ReadPrivateFile(options_.path);
  if (absl::IsNotFound(note.status())) return Missing();
  const auto unreadable = [&](absl::string_view why) {
    return absl::DataLossError(absl::StrCat(
        "the mark of how far this node's log had come, ", options_.path, ", cannot be read: ", why,
        "; bring it back from where it was copied to (docs/ledger.md, Restoring)"));
  };
  if (!note.ok() && IsOfTheSystem(note.status())) return CannotRead(options_.path, note.status());
  if (!note.ok()) return unreadable(note.status().message());
  const absl::StatusOr<crypto::SignedNote> signed_note = crypto::ReadNote(*note);
  if (!signed_note.ok()) return unreadable(signed_note.status().message());
  const absl::StatusOr<crypto::Checkpoint> claimed = crypto::ReadCheckpoint(signed_note->text);
  if (!claimed.ok()) return unreadable(claimed.status().message());
  if (std::none_of(keys.begin(), keys.end(), [&](const crypto::NoteVerifier& key) {
        return key.name() == claimed->origin;
      })) {
    return absl::DataLossError(absl::StrCat(
        options_.path, " is of the log ", claimed->origin, ", and the journal has ",
        absl::StrJoin(keys, ", ",
                      [](std::string* out, const crypto::NoteVerifier& key) {
                        absl::StrAppend(out, key.name());
                      }),
        ": it was put back to before that log began, or it is another log's journal, or mark. "
        "Bring back the journal's folder as it was when the node stopped (docs/ledger.md, "
        "Restoring). Only when it is certain that it is lost for good: vouch ledger "
        "declare-loss"));
  }
  const absl::StatusOr<crypto::VerifiedCheckpoint> opened = crypto::OpenCheckpoint(*note, keys);
  if (!opened.ok()) return unreadable(opened.status().message());
  mark_ = opened->checkpoint;
  kept_ = options_.marked.empty() || WasMarked();
  // Written again, and with it that it was.
  if (!kept_) raised_ = Raised{*mark_, std::make_shared<const std::string>(*note)};
  return absl::OkStatus();
}

bool HighWater::WasMarked() const {
  return !options_.marked.empty() &&
         !absl::IsNotFound(crypto::ReadPrivateFile(options_.marked).status());
}

absl::Status HighWater::Missing() {
  kept_ = options_.marked.empty() || WasMarked();
  if (!WasMarked() || options_.may_be_gone) return absl::OkStatus();
  const absl::Status marked = crypto::ReadPrivateFile(options_.marked).status();
  if (!marked.ok() && IsOfTheSystem(marked)) return CannotRead(options_.marked, marked);
  return absl::FailedPreconditionError(absl::StrCat(
      "the mark of how far this node's log had come, ", options_.path, ", is gone (",
      options_.marked,
      " says that there was one), so the journal could be an earlier state of itself. Bring the "
      "mark back from where it was copied to, or correct high_water in node.yaml where it was "
      "moved. Where it is lost for good and it is certain that the journal is the latest, start "
      "once with --without-high-water, which is logged (docs/ledger.md, Restoring)"));
}

absl::Status HighWater::KeepMarked() {
  {
    const std::lock_guard<std::mutex> guard(lock_);
    if (kept_) return absl::OkStatus();
  }
  absl::Status written = crypto::ReplaceFile(
      options_.marked,
      "This node has written a mark of how far its log had come, and does not start without one.\n",
      /*is_private=*/true);
  if (!written.ok()) return written;
  const std::lock_guard<std::mutex> guard(lock_);
  kept_ = true;
  return absl::OkStatus();
}

HighWater::~HighWater() {
  {
    const std::lock_guard<std::mutex> guard(lock_);
    stopping_ = true;
  }
  wake_.notify_all();
  if (thread_.joinable()) thread_.join();
}

absl::optional<crypto::Checkpoint> HighWater::mark() const {
  const std::lock_guard<std::mutex> guard(lock_);
  return mark_;
}

absl::Status HighWater::Check(uint64_t size, const RootAt& root_at) const {
  const absl::optional<crypto::Checkpoint> mark = this->mark();
  if (!mark.has_value()) return absl::OkStatus();
  if (size < mark->size) {
    return absl::DataLossError(absl::StrCat(
        "the journal's log ", mark->origin, " has ", Entries(size),
        ", but this node signed a checkpoint of ", Entries(mark->size), ", which is in ",
        options_.path,
        ": the journal was put back to an earlier state. Answering from it would "
        "deny answers that were given and charge people anew. Bring back the journal's folder as "
        "it was when the node stopped (docs/ledger.md, Restoring). Only when it is certain that "
        "it is lost for good: vouch ledger declare-loss"));
  }
  const absl::StatusOr<crypto::Digest> root = root_at(mark->size);
  if (!root.ok()) return root.status();
  if (*root == mark->root) return absl::OkStatus();
  return absl::DataLossError(absl::StrCat(
      "the first ", Entries(mark->size), " of the journal's log ", mark->origin,
      " are not those this node signed; what it signed is in ", options_.path,
      ": the journal was rewritten, or belongs to another node. Bring back the journal's folder as "
      "it was (docs/ledger.md, Restoring)"));
}

void HighWater::Raise(const crypto::Checkpoint& checkpoint,
                      std::shared_ptr<const std::string> note) {
  {
    const std::lock_guard<std::mutex> guard(lock_);
    if (mark_.has_value() && !IsFurther(checkpoint, *mark_)) return;
    if (raised_.has_value() && !IsFurther(checkpoint, raised_->checkpoint)) return;
    const bool waits = raised_.has_value();
    raised_ = Raised{checkpoint, std::move(note)};
    if (waits) return;
  }
  wake_.notify_all();
}

absl::Status HighWater::Flush() {
  const std::lock_guard<std::mutex> writing(writing_);
  absl::optional<Raised> raised;
  {
    const std::lock_guard<std::mutex> guard(lock_);
    raised = raised_;
  }
  if (!raised.has_value()) return absl::OkStatus();
  absl::Status written = crypto::ReplaceFile(options_.path, *raised->note, /*is_private=*/true);
  // Never before the mark: a crash in between would leave a node that does not start.
  if (written.ok()) written = KeepMarked();
  if (!written.ok()) {
    return absl::UnavailableError(absl::StrCat(
        "the mark of how far the log has come could not be written: ", written.message()));
  }
  const std::lock_guard<std::mutex> guard(lock_);
  mark_ = raised->checkpoint;
  if (raised_.has_value() && raised_->checkpoint == *mark_) raised_.reset();
  return absl::OkStatus();
}

void HighWater::Loop() {
  std::unique_lock<std::mutex> guard(lock_);
  bool failed = false;
  while (true) {
    wake_.wait(guard, [this] { return stopping_ || raised_.has_value(); });
    const bool last = stopping_;
    guard.unlock();
    const absl::Status written = Flush();
    if (!written.ok() || failed) options_.problem(written);
    failed = !written.ok();
    guard.lock();
    if (last) return;
    wake_.wait_for(guard, absl::ToChronoNanoseconds(options_.at_most_every),
                   [this] { return stopping_; });
  }
}

}  // namespace vouch::server::ledger::tree
