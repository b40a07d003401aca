#include "client/requester/followed_log.h"

#include <algorithm>
#include <filesystem>
#include <map>
#include <system_error>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "client/requester/followed_folder.h"
#include "client/requester/kept_note.h"
#include "client/requester/seen_checkpoints.h"
#include "crypto/digest.h"
#include "crypto/keys.h"
#include "crypto/log_entry.h"
#include "crypto/merkle.h"
#include "crypto/note.h"

namespace vouch::requester {

namespace {

namespace fs = std::filesystem;

// More checkpoints than this wait for no check: the next answer waits for it.
constexpr size_t kMostWaiting = 512;
constexpr size_t kMostKnown = 64;
// How long a log may take to prove each step by itself.
constexpr std::chrono::seconds kEachPatience(60);

// What is remembered is never taken for a log not seen before.
absl::Status Unusable(const std::string& path, const absl::Status& why) {
  return NotAsked(absl::StrCat("what is remembered in ", path, " cannot be used: ", why.message(),
                               "; bring the file back from a backup"));
}

// Where people's acceptances lie: with the node, or else with what is remembered.
std::vector<std::string> PlacesOf(const FollowedLogOptions& options) {
  const std::string& folder =
      options.witness_folder.empty() ? options.folder : options.witness_folder;
  if (folder.empty()) return {};
  return {AcceptedLosses::FolderIn(folder)};
}

}  // namespace

FollowedLog::FollowedLog(FollowedLogOptions options, AskProofs ask,
                         AskContinuation ask_continuation)
    : options_(std::move(options)),
      accepted_(PlacesOf(options_)),
      ask_(std::move(ask)),
      ask_continuation_(std::move(ask_continuation)),
      used_ahead_(options_.folder, options_.agency) {}

FollowedLog::~FollowedLog() {
  {
    std::unique_lock<std::mutex> lock(mutex_);
    (void)SettleLocked(&lock);
    stopping_ = true;
  }
  changed_.notify_all();
  if (thread_.joinable()) thread_.join();
}

std::string FollowedLog::PathOf(absl::string_view origin, absl::string_view suffix) const {
  // An origin holds slashes, and may be longer than a file's name.
  return absl::StrCat(options_.folder, "/", crypto::Hex(crypto::Sha256(origin)), suffix);
}

bool FollowedLog::IsConsistentLocked(const crypto::Checkpoint& checkpoint) const {
  return std::find(consistent_.begin(), consistent_.end(), checkpoint) != consistent_.end();
}

bool FollowedLog::ReachedLocked(uint64_t more) const {
  if (!checked_once_ || waiting_.size() >= kMostWaiting) return true;
  uint64_t answers = more;
  for (const Shown& one : waiting_) answers += one.answers;
  return answers > options_.most_answers ||
         (!waiting_.empty() &&
          Clock::now() - waiting_.front().since > absl::ToChronoNanoseconds(options_.longest));
}

absl::Status FollowedLog::Use(const crypto::Checkpoint& checkpoint, const std::string& note,
                              uint64_t answers) {
  std::unique_lock<std::mutex> lock(mutex_);
  while (true) {
    if (!broken_.ok()) {
      KeepEvidenceLocked();
      return broken_;
    }
    if (IsConsistentLocked(checkpoint)) return absl::OkStatus();
    const bool waits = std::any_of(waiting_.begin(), waiting_.end(),
                                   [&](const Shown& one) { return one.checkpoint == checkpoint; });
    // What is not written down is not used ahead.
    if (!ReachedLocked(answers) && (waits || used_ahead_.Add(note).ok())) break;
    if (checking_) {
      changed_.wait(lock);
      continue;
    }
    // What is not handed on is looked at with the others, and not left behind when that fails. What
    // was used is, be it the same: by this process, or by one that was killed.
    TakeLeftLocked();
    std::vector<Shown> before = waiting_;
    waiting_.push_back({checkpoint, note, answers, Clock::now()});
    absl::Status checked = CheckLocked(&lock);
    if (checked.ok()) return checked;
    waiting_.erase(std::remove_if(waiting_.begin(), waiting_.end(),
                                  [&](const Shown& one) {
                                    return one.checkpoint == checkpoint &&
                                           std::none_of(before.begin(), before.end(),
                                                        [&](const Shown& old) {
                                                          return old.checkpoint == checkpoint;
                                                        });
                                  }),
                   waiting_.end());
    return checked;
  }
  for (Shown& one : waiting_) {
    if (one.checkpoint != checkpoint) continue;
    one.answers += answers;
    return absl::OkStatus();
  }
  waiting_.push_back({checkpoint, note, answers, Clock::now()});
  if (!thread_.joinable()) thread_ = std::thread([this] { Run(); });
  changed_.notify_all();
  return absl::OkStatus();
}

absl::Status FollowedLog::Settle() {
  std::unique_lock<std::mutex> lock(mutex_);
  TakeLeftLocked();
  // What others use, or check for one that is gone, is theirs to take away, and here it counts too:
  // it may be of the work that is to be finished.
  if (!options_.folder.empty()) {
    for (const std::string& note : UsedAhead::NotesIn(options_.folder, options_.agency)) {
      AwaitLocked(note);
    }
  }
  const bool none = waiting_.empty() && !checking_;
  if (absl::Status settled = SettleLocked(&lock); !settled.ok() || !none) return settled;
  return RefusedBefore(options_.folder, options_.agency);
}

absl::Status FollowedLog::SettleLocked(std::unique_lock<std::mutex>* lock) {
  while (checking_) changed_.wait(*lock);
  if (!broken_.ok()) KeepEvidenceLocked();
  if (!broken_.ok() || waiting_.empty()) return broken_;
  return CheckLocked(lock);
}

// Half of the bound is left to the check itself.
void FollowedLog::Run() {
  std::unique_lock<std::mutex> lock(mutex_);
  Clock::time_point not_before = Clock::now();
  while (!stopping_) {
    uint64_t answers = 0;
    for (const Shown& one : waiting_) answers += one.answers;
    if (waiting_.empty() || checking_ || !broken_.ok()) {
      changed_.wait(lock);
      continue;
    }
    Clock::time_point due = waiting_.front().since;
    if (answers < (options_.most_answers + 1) / 2) {
      due += std::chrono::duration_cast<Clock::duration>(
          absl::ToChronoNanoseconds(options_.longest / 2));
    }
    due = std::max(due, not_before);
    if (Clock::now() < due) {
      changed_.wait_until(lock, due);
      continue;
    }
    // A log that cannot be asked is asked again, now and then; whoever wants to use more asks too.
    if (!CheckLocked(&lock).ok()) not_before = Clock::now() + std::chrono::seconds(1);
  }
}

absl::Status FollowedLog::CheckLocked(std::unique_lock<std::mutex>* lock) {
  checking_ = true;
  TakeLeftLocked();
  const std::vector<Shown> taken = waiting_;
  lock->unlock();
  std::map<std::string, std::vector<Shown>> by_origin;
  for (const Shown& one : taken) by_origin[one.checkpoint.origin].push_back(one);
  absl::Status checked;
  for (auto& [origin, shown] : by_origin) {
    if (checked.ok()) checked = Check(origin, std::move(shown));
  }
  lock->lock();
  checking_ = false;
  if (checked.ok()) {
    checked_once_ = true;
    for (const Shown& one : taken) {
      consistent_.push_back(one.checkpoint);
      if (consistent_.size() > kMostKnown) consistent_.pop_front();
      waiting_.erase(
          std::remove_if(waiting_.begin(), waiting_.end(),
                         [&](const Shown& other) { return other.checkpoint == one.checkpoint; }),
          waiting_.end());
    }
    std::vector<std::string> still_ahead;
    for (const Shown& one : waiting_) still_ahead.push_back(one.note);
    used_ahead_.Keep(still_ahead);
    used_ahead_.LeftWereChecked();
  } else if (absl::IsDataLoss(checked)) {
    broken_ = checked;
    KeepEvidenceLocked();
  }
  changed_.notify_all();
  return checked;
}

// Before it is kept, what was used ahead is the only copy: then the next process finds it anew.
void FollowedLog::KeepEvidenceLocked() {
  if (!unkept_path_.empty()) {
    if (!crypto::ReplaceFile(unkept_path_, unkept_, /*is_private=*/true).ok()) return;
    unkept_path_.clear();
  }
  used_ahead_.Keep({});
  used_ahead_.LeftWereChecked();
}

void FollowedLog::TakeLeftLocked() {
  if (std::exchange(took_left_, true)) return;
  for (const std::string& note : used_ahead_.TakeLeft()) AwaitLocked(note);
}

void FollowedLog::AwaitLocked(const std::string& note) {
  // One that does not verify was cut short, or is under another key than the log has now.
  absl::StatusOr<Shown> left = Verified(note);
  if (!left.ok() || IsConsistentLocked(left->checkpoint)) return;
  const bool waits = std::any_of(waiting_.begin(), waiting_.end(), [&](const Shown& one) {
    return one.checkpoint == left->checkpoint;
  });
  if (!waits) waiting_.push_back(*std::move(left));
}

absl::StatusOr<absl::optional<FollowedLog::Shown>> FollowedLog::Remembered(
    const std::string& path) const {
  absl::StatusOr<std::string> note = crypto::ReadPrivateFile(path);
  if (absl::IsNotFound(note.status())) return absl::optional<Shown>();
  if (!note.ok()) return note.status();
  absl::StatusOr<Shown> remembered = Verified(*note);
  if (!remembered.ok()) return remembered.status();
  return absl::optional<Shown>(*std::move(remembered));
}

absl::StatusOr<FollowedLog::Shown> FollowedLog::Verified(const std::string& note) const {
  const auto read = crypto::ReadNote(note);
  const auto claimed = read.ok() ? crypto::ReadCheckpoint(read->text)
                                 : absl::StatusOr<crypto::Checkpoint>(read.status());
  if (!claimed.ok()) return claimed.status();
  absl::StatusOr<crypto::NoteVerifier> key = crypto::NoteVerifier::From(
      claimed->origin, crypto::NoteKeyType::kEd25519, crypto::AsBytes(options_.public_der));
  if (!key.ok()) {
    key = crypto::NoteVerifier::From(claimed->origin, crypto::NoteKeyType::kEcdsaP256,
                                     crypto::AsBytes(options_.public_der));
  }
  if (!key.ok()) return key.status();
  const auto opened = crypto::OpenCheckpoint(note, {*key});
  if (!opened.ok()) return opened.status();
  return Shown{opened->checkpoint, KeptNote(opened->note, {*key}), 0, Clock::now()};
}

absl::StatusOr<absl::optional<FollowedLog::Shown>> FollowedLog::Known(
    const std::string& origin) const {
  if (options_.folder.empty()) {
    const auto known = known_.find(origin);
    return known == known_.end() ? absl::optional<Shown>() : absl::optional<Shown>(known->second);
  }
  const std::string path = PathOf(origin, ".checkpoint");
  absl::StatusOr<absl::optional<Shown>> known = Remembered(path);
  if (known.ok() && known->has_value() && (*known)->checkpoint.origin != origin) {
    known = absl::InvalidArgumentError("it is another log's");
  }
  if (known.ok()) return known;
  return Unusable(path, known.status());
}

absl::Status FollowedLog::Remember(const Shown& latest) {
  const std::string& origin = latest.checkpoint.origin;
  if (options_.folder.empty()) {
    known_[origin] = latest;
    return absl::OkStatus();
  }
  const absl::Status kept =
      crypto::ReplaceFile(PathOf(origin, ".checkpoint"), latest.note, /*is_private=*/true);
  return kept.ok() ? kept : NotAsked(kept.message());
}

absl::Status FollowedLog::Check(const std::string& origin, std::vector<Shown> shown) {
  const FollowedLock turn(options_.folder, options_.agency);
  if (!turn.status().ok()) return turn.status();
  if (absl::Status stands = RefusedBefore(options_.folder, options_.agency); !stands.ok()) {
    return stands;
  }
  absl::StatusOr<absl::optional<Shown>> before = Known(origin);
  if (!before.ok()) return before.status();
  const uint64_t remembered = before->has_value() ? (*before)->checkpoint.size : 0;
  const absl::StatusOr<absl::optional<Shown>> other = Newest(origin, !before->has_value());
  if (!other.ok()) return other.status();
  const absl::optional<Shown>& newest = *other;
  const bool is_earlier =
      newest.has_value() && crypto::LogBefore(origin, newest->checkpoint.origin);
  if (before->has_value()) {
    shown.push_back(**std::move(before));
  } else if (newest.has_value() && !is_earlier) {
    if (absl::Status goes_on = Continue(origin, *newest, &shown); !goes_on.ok()) return goes_on;
  }
  if (!options_.witness_folder.empty()) {
    // The node sees to its own memory; what cannot be read there is its to say.
    auto known = Remembered(absl::StrCat(options_.witness_folder, "/",
                                         crypto::Hex(crypto::Sha256(origin)), ".checkpoint"));
    if (known.ok() && known->has_value() && (*known)->checkpoint.origin == origin) {
      shown.push_back(**std::move(known));
    }
  }
  if (absl::Status one_log = Order(origin, &shown); !one_log.ok()) return one_log;
  // What is remembered of it was held against the later log before.
  if (is_earlier && (shown.back().checkpoint.size > remembered || remembered == 0)) {
    if (absl::Status leads = LeadTo(*newest, &shown); !leads.ok()) return leads;
  }
  const Shown& latest = shown.back();
  if (latest.checkpoint.size > remembered || remembered == 0) {
    if (absl::Status kept = Remember(latest); !kept.ok()) return kept;
  }
  if (!options_.witness_folder.empty()) {
    // For the node, to compare with what others were shown; it looks after its own.
    (void)SeenCheckpoints(absl::StrCat(options_.witness_folder, "/seen")).Add(latest.note);
  }
  return absl::OkStatus();
}

absl::StatusOr<absl::optional<FollowedLog::Shown>> FollowedLog::Newest(const std::string& but,
                                                                       bool is_new) const {
  absl::optional<Shown> newest;
  const auto consider = [&](const Shown& known) {
    const std::string& other = known.checkpoint.origin;
    const auto name = crypto::ReadLogName(other);
    if (other == but || !name.has_value() || name->agency != options_.agency) return;
    if (!newest.has_value() || crypto::LogBefore(newest->checkpoint.origin, other)) newest = known;
  };
  for (const auto& [log, known] : known_) consider(known);
  for (const std::string& folder : {options_.folder, options_.witness_folder}) {
    if (folder.empty()) continue;
    std::error_code error;
    for (const auto& file : fs::directory_iterator(folder, error)) {
      if (file.path().extension() != ".checkpoint") continue;
      const auto known = Remembered(file.path().string());
      if (known.ok() && known->has_value()) consider(**known);
      // What cannot be read is found when that log is looked at; but it may be the one that a new
      // log has to go on from. Signed with another key, it is another agency's. The node sees to
      // its own memory.
      const bool damaged = !known.ok() && !absl::IsPermissionDenied(known.status());
      if (damaged && is_new && folder == options_.folder) {
        return Unusable(file.path().string(), known.status());
      }
    }
  }
  return newest;
}

absl::StatusOr<FollowedLog::Onward> FollowedLog::GoOn(const Shown& before) const {
  auto asked = ask_continuation_(before.checkpoint.origin, before.checkpoint.size);
  if (!asked.ok()) return NotAsked(asked.status().message());
  const auto key_of = [this](const std::string& log) -> absl::StatusOr<crypto::NoteVerifier> {
    const auto name = crypto::ReadLogName(log);
    if (!name.has_value() || name->agency != options_.agency) {
      return absl::NotFoundError("it is another agency's log");
    }
    absl::StatusOr<crypto::NoteVerifier> key = crypto::NoteVerifier::From(
        log, crypto::NoteKeyType::kEd25519, crypto::AsBytes(options_.public_der));
    if (key.ok()) return key;
    return crypto::NoteVerifier::From(log, crypto::NoteKeyType::kEcdsaP256,
                                      crypto::AsBytes(options_.public_der));
  };
  const auto wrong = [](const absl::Status& why) {
    return absl::InvalidArgumentError(why.message());
  };
  const auto note = crypto::ReadNote(asked->note);
  const auto claimed = note.ok() ? crypto::ReadCheckpoint(note->text)
                                 : absl::StatusOr<crypto::Checkpoint>(note.status());
  if (!claimed.ok()) return wrong(claimed.status());
  const auto key = key_of(claimed->origin);
  if (!key.ok()) return wrong(key.status());
  const auto head = crypto::OpenCheckpoint(asked->note, {*key});
  if (!head.ok()) return wrong(head.status());
  auto ends = crypto::VerifySuccession(before.checkpoint, asked->steps, head->checkpoint, key_of,
                                       accepted_.AsPredicate());
  if (absl::IsFailedPrecondition(ends.status())) {
    return absl::FailedPreconditionError(
        absl::StrCat("the answer is not used: ", ends.status().message()));
  }
  if (!ends.ok()) return ends.status();
  asked->note = KeptNote(head->note, {*key});
  for (crypto::LogSuccession& step : asked->steps) {
    const auto end = Verified(step.checkpoint);
    if (!end.ok()) return wrong(end.status());
    step.checkpoint = end->note;
  }
  return Onward{*std::move(asked), head->checkpoint, *std::move(ends)};
}

absl::Status FollowedLog::HoldAgainstLosses(const Shown& after) const {
  if (accepted_.IsLost(after.checkpoint)) return absl::OkStatus();
  const absl::Status none = absl::InvalidArgumentError("nothing was declared to be lost");
  if (ask_continuation_ == nullptr) return none;
  const absl::StatusOr<Onward> onward = GoOn(after);
  // Whoever could not be asked may have declared it.
  return onward.ok() || absl::IsInvalidArgument(onward.status()) ? none : onward.status();
}

absl::Status FollowedLog::Continue(const std::string& origin, const Shown& before,
                                   std::vector<Shown>* shown) {
  if (ask_continuation_ == nullptr) return absl::OkStatus();
  const absl::StatusOr<Onward> onward = GoOn(before);
  const auto refuse = [&](absl::string_view why) {
    return Refuse(
        origin,
        absl::StrCat(origin, " was not shown to go on from ", before.checkpoint.origin, ": ", why),
        before, shown->front());
  };
  if (absl::IsInvalidArgument(onward.status())) return refuse(onward.status().message());
  if (!onward.ok()) return onward.status();
  // The log in question is where the steps lead, or one that has ended on the way.
  absl::optional<Shown> place;
  if (onward->head.origin == origin) {
    place = Shown{onward->head, onward->asked.note, 0, Clock::now()};
  }
  for (size_t i = 0; i < onward->ends.size(); ++i) {
    const Shown end = {onward->ends[i], onward->asked.steps[i].checkpoint, 0, Clock::now()};
    if (end.checkpoint.origin == origin) {
      place = end;
    } else if (end.checkpoint.origin == before.checkpoint.origin &&
               // Of a log whose end is lost, what is remembered stays: it shows what there was.
               end.checkpoint.size > before.checkpoint.size) {
      if (absl::Status kept = Remember(end); !kept.ok()) return kept;
    }
  }
  if (!place.has_value()) return refuse("it is none of the logs that follow");
  shown->push_back(*std::move(place));
  return absl::OkStatus();
}

absl::Status FollowedLog::LeadTo(const Shown& later, std::vector<Shown>* shown) {
  if (ask_continuation_ == nullptr) return absl::OkStatus();
  const Shown latest = shown->back();
  const std::string& origin = latest.checkpoint.origin;
  const auto refuse = [&](absl::string_view why) {
    return Refuse(
        origin,
        absl::StrCat(origin, " with ", latest.checkpoint.size, " entries was not shown to be what ",
                     later.checkpoint.origin, " goes on from: ", why),
        later, latest);
  };
  const absl::StatusOr<Onward> onward = GoOn(latest);
  if (absl::IsInvalidArgument(onward.status())) return refuse(onward.status().message());
  if (!onward.ok()) return onward.status();
  // The later log commits to all before it, where it is on the way and the one that is remembered.
  std::vector<Shown> of_later;
  const auto consider = [&](const crypto::Checkpoint& checkpoint, const std::string& note) {
    if (checkpoint.origin != later.checkpoint.origin) return;
    of_later = {later, Shown{checkpoint, note, 0, Clock::now()}};
  };
  consider(onward->head, onward->asked.note);
  for (size_t i = 0; i < onward->ends.size(); ++i) {
    const crypto::Checkpoint& end = onward->ends[i];
    consider(end, onward->asked.steps[i].checkpoint);
    if (end.origin == origin && end.size > latest.checkpoint.size) {
      shown->push_back({end, onward->asked.steps[i].checkpoint, 0, Clock::now()});
    }
  }
  if (!of_later.empty()) return Order(later.checkpoint.origin, &of_later);
  const absl::Status lost = HoldAgainstLosses(later);
  return absl::IsInvalidArgument(lost) ? refuse("that is none of those that follow") : lost;
}

absl::StatusOr<std::vector<FollowedLog::Proof>> FollowedLog::Proofs(
    const std::string& origin, absl::Span<const uint64_t> sizes) const {
  auto together = ask_(origin, sizes);
  if (!absl::IsInvalidArgument(together.status())) return together;
  // One step that it cannot prove, such as to what it lost, spoils all of one call: the others are
  // no less proved for that, and only those two that do not go together may be held against it.
  std::vector<Proof> each(sizes.size() - 1);  // an empty one proves no step
  const Clock::time_point end = Clock::now() + kEachPatience;
  for (size_t i = 0; i < each.size() && each.size() > 1; ++i) {
    if (Clock::now() > end) return absl::DeadlineExceededError("it answers too slowly");
    auto one = ask_(origin, sizes.subspan(i, 2));
    if (one.ok() && one->size() == 1) {
      each[i] = std::move(one->front());
    } else if (!one.ok() && !absl::IsInvalidArgument(one.status())) {
      return one.status();
    }
  }
  return each;
}

absl::Status FollowedLog::Order(const std::string& origin, std::vector<Shown>* all) {
  std::sort(all->begin(), all->end(),
            [](const Shown& a, const Shown& b) { return a.checkpoint.size < b.checkpoint.size; });
  std::vector<Shown> distinct;
  for (Shown& one : *all) {
    if (distinct.empty() || one.checkpoint.size != distinct.back().checkpoint.size) {
      distinct.push_back(std::move(one));
    } else if (one.checkpoint.root != distinct.back().checkpoint.root) {
      return Refuse(origin,
                    absl::StrCat(origin, " signed two different roots for ", one.checkpoint.size,
                                 " entries: it shows different people different logs, or was "
                                 "rewritten"),
                    distinct.back(), one);
    }
  }
  *all = std::move(distinct);
  std::vector<uint64_t> sizes;
  for (const Shown& one : *all) {
    if (one.checkpoint.size > 0) sizes.push_back(one.checkpoint.size);
  }
  if (sizes.size() < 2) return absl::OkStatus();
  const auto proofs = Proofs(origin, sizes);
  if (!proofs.ok()) return NotAsked(proofs.status().message());
  const size_t first = all->size() - sizes.size();
  for (size_t i = first; i + 1 < all->size(); ++i) {
    const Shown& before = (*all)[i];
    const Shown& after = (*all)[i + 1];
    const bool proved = i - first < proofs->size() &&
                        crypto::VerifyConsistency(before.checkpoint.size, before.checkpoint.root,
                                                  after.checkpoint.size, after.checkpoint.root,
                                                  (*proofs)[i - first])
                            .ok();
    if (proved) continue;
    const absl::Status lost = HoldAgainstLosses(after);
    if (lost.ok()) continue;
    if (!absl::IsInvalidArgument(lost)) return lost;
    return Refuse(origin,
                  absl::StrCat(origin, " did not prove that its log of ", after.checkpoint.size,
                               " entries goes on from its log of ", before.checkpoint.size),
                  before, after);
  }
  return absl::OkStatus();
}

absl::Status FollowedLog::Refuse(const std::string& origin, const std::string& what,
                                 const Shown& before, const Shown& after) {
  const std::string notes =
      absl::StrCat("--- remembered\n", before.note, "--- shown\n", after.note);
  const std::string text = absl::StrCat(
      kEvidenceAbout, origin, "\n", what, "\nfound ",
      absl::FormatTime(absl::RFC3339_sec, absl::Now(), absl::UTCTimeZone()),
      "\nBoth notes are as the log signed them; any tool for signed notes verifies them.\n", notes);
  std::string where;
  if (!options_.folder.empty()) {
    where = PathOf(origin, kRefusedSuffix);
    if (!crypto::ReplaceFile(where, text, /*is_private=*/true).ok()) {
      unkept_path_ = std::exchange(where, "");
      unkept_ = text;
    }
  }
  const std::string evidence = absl::StrCat(options_.witness_folder, "/evidence");
  if (!options_.witness_folder.empty() && MakeFollowedFolder(evidence)) {
    // The same two notes make one file, however often they are shown.
    const std::string path = absl::StrCat(
        evidence, "/", crypto::Hex(crypto::Sha256(absl::StrCat(what, "\n", notes))).substr(0, 32),
        ".txt");
    (void)crypto::ReplaceFile(path, text, /*is_private=*/true);
  }
  return absl::DataLossError(absl::StrCat(
      "no answer of this responder is used any more: ", what,
      where.empty() ? absl::StrCat("; both notes could not be kept, so keep this message:\n", notes)
                    : absl::StrCat(". Both notes are kept in ", where, ". "),
      "Show them to the agency and to oversight"));
}

}  // namespace vouch::requester
