#include <fcntl.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <condition_variable>
#include <cstdio>
#include <filesystem>
#include <mutex>
#include <system_error>
#include <thread>
#include <utility>

#include "absl/strings/cord.h"
#include "absl/strings/str_cat.h"
#include "absl/time/civil_time.h"
#include "crypto/log_entry.h"
#include "server/journal/commit_blob.h"
#include "server/journal/commit_log.h"
#include "server/journal/file_handle.h"
#include "server/journal/journal.h"
#include "server/journal/log_change.h"
#include "server/journal/span_decisions.h"
#include "server/journal/table_image.h"
#include "server/journal/tables.h"

namespace vouch::server::journal {

namespace {

constexpr size_t kMostReplayThreads = 4;
// At a clean end an image is written when the commits since the last are this part of a full tail.
constexpr uint64_t kTailWorthAnImage = 64;

uint32_t SecondOf(absl::Time time) {
  const int64_t seconds = absl::ToUnixSeconds(time);
  return static_cast<uint32_t>(
      std::min<int64_t>(std::max<int64_t>(seconds, 1), int64_t{kFirstLife} - 1));
}

// A log of another name than an agency's goes on for ever.
uint32_t EndOfYear(absl::string_view origin) {
  const absl::optional<crypto::LogName> name = crypto::ReadLogName(origin);
  if (!name.has_value()) return UINT32_MAX;
  return SecondOf(absl::FromCivil(absl::CivilYear(name->year) + 1, absl::UTCTimeZone()));
}

absl::Status RefusedUntil(absl::string_view what, const absl::optional<uint32_t>& seconds) {
  absl::Status status = absl::ResourceExhaustedError(what);
  const int64_t milliseconds = seconds.has_value() ? int64_t{*seconds} * 1000 : 0;
  status.SetPayload("retry_ms", absl::Cord(absl::StrCat(milliseconds)));
  return status;
}

class FileJournal : public Journal {
 public:
  explicit FileJournal(const JournalOptions& options) : options_(options) {}
  ~FileJournal() override;

  absl::Status Open();

  absl::StatusOr<Committed> Commit(absl::Span<const Proposal> proposals, absl::Time now,
                                   CommitSteps* steps) override;
  absl::Status Append(absl::Span<const std::string> entries, absl::Time now) override;
  absl::Status ChargeEvaluations(const RowKey& row, const policies::CountLimit& limit,
                                 const RowKey& key_row, uint64_t key_cap, uint32_t count,
                                 absl::Time now, uint32_t agreement_begins) override;
  absl::StatusOr<StoredItem> Read(const Location& where) const override;
  absl::StatusOr<std::vector<std::string>> ReadEntries(uint64_t first,
                                                       uint32_t count) const override {
    return log_->ReadEntries(first, count);
  }
  absl::StatusOr<uint64_t> Prune(uint64_t below) override;
  Head head() const override;
  std::vector<LogSpan> logs() const override { return log_->logs(); }
  void SetWatcher(CommitWatcher watcher) override;
  std::vector<Adoption> adoptions() const override;
  absl::Status Adopt(const Adoption& adoption, const std::string& entry, absl::Time now) override;
  Figures figures() const override;

  absl::StatusOr<crypto::LossDeclared> DeclareLoss(const crypto::Checkpoint& lost, absl::Time now);

 private:
  absl::Status OpenFolder();
  absl::Status LoadTables();
  absl::Status Replay();
  void WriteImageAtRest();
  // With commit_lock_ held, so that nothing is committed meanwhile.
  absl::Status WriteImage();
  uint32_t CommitSecond(absl::Time now) const { return std::max(head_.second, SecondOf(now)); }
  // Makes it durable, then true in memory. `parts` has everything but its number and first entry.
  absl::Status WriteCommit(CommitParts* parts, size_t sweep_items,
                           std::vector<crypto::Digest>* leaves = nullptr);
  // Ends the log and begins the next, when `second` lies in a later year.
  absl::Status BeginYear(uint32_t second);
  // Both logs' entries are one commit: whatever happens, the log goes on, or it has ended and the
  // next has begun.
  absl::Status Change(LogChange change);
  void Publish(Head next, size_t bytes);
  void ImageLoop();
  bool CopySegment(size_t segment, std::string* out, uint64_t* as_of);

  const JournalOptions options_;
  FileHandle folder_lock_;
  std::mutex image_lock_;  // held while an image is written; before commit_lock_
  // Held through a whole commit, its sync included. Guards everything down to `tail_bytes_`.
  mutable std::mutex commit_lock_;
  std::unique_ptr<CommitLog> log_;
  std::unique_ptr<Tables> tables_;
  Head head_;
  uint32_t year_ends_ = 0;  // the first second that is no longer of the log's year
  uint64_t tail_bytes_ = 0;
  uint64_t image_due_at_ = 0;
  CommitWatcher watcher_;

  // What others may look at while a commit is under way.
  mutable std::mutex published_lock_;
  Head published_;

  mutable std::mutex read_lock_;
  mutable uint64_t last_read_ = 0;  // its commit, kept: a batch's items are read one after another
  mutable std::string last_blob_;

  std::condition_variable image_due_;
  std::atomic<bool> stop_{false};
  std::thread image_thread_;
};

FileJournal::~FileJournal() {
  {
    const std::lock_guard<std::mutex> guard(commit_lock_);
    stop_ = true;
  }
  image_due_.notify_all();
  if (image_thread_.joinable()) image_thread_.join();
  if (tables_ != nullptr) WriteImageAtRest();
}

// A journal that is put down in order is taken up again without a replay.
void FileJournal::WriteImageAtRest() {
  if (tail_bytes_ < options_.tail_bytes / kTailWorthAnImage) return;
  // Should it fail, the next start replays: nothing is lost, and nobody is left to tell.
  (void)WriteImage();
}

absl::Status FileJournal::WriteImage() {
  return WriteTableImage(options_.folder, log_->id(),
                         [this](size_t segment, std::string* out, uint64_t* as_of) {
                           tables_->Save(segment, out);
                           *as_of = head_.commit;
                           return true;
                         });
}

absl::StatusOr<uint64_t> FileJournal::Prune(uint64_t below) {
  const std::lock_guard<std::mutex> image(image_lock_);
  const std::lock_guard<std::mutex> guard(commit_lock_);
  // What is removed can be replayed no more.
  if (absl::Status written = WriteImage(); !written.ok()) return written;
  tail_bytes_ = 0;
  return log_->RemoveBelow(below, head_.commit);
}

absl::Status FileJournal::OpenFolder() {
  const std::filesystem::path folder(options_.folder);
  std::error_code error;
  if (!std::filesystem::exists(folder, error)) {
    std::filesystem::create_directories(folder, error);
    if (!error) {
      std::filesystem::permissions(folder, std::filesystem::perms::owner_all, error);
    }
  }
  if (error || !std::filesystem::is_directory(folder, error)) {
    return absl::UnavailableError(
        absl::StrCat("the journal's folder ", options_.folder, " cannot be made or read"));
  }
  if (std::filesystem::exists(folder / "journal.sqlite", error)) {
    return absl::FailedPreconditionError(
        absl::StrCat(options_.folder,
                     " holds a journal of an earlier development version, whose "
                     "limits and entries this program cannot read"));
  }
  folder_lock_ = FileHandle::Open(options_.folder + "/lock", O_RDWR | O_CREAT);
  if (!folder_lock_.is_open()) {
    return absl::UnavailableError(absl::StrCat("cannot write in ", options_.folder));
  }
  if (!folder_lock_.Lock()) {
    return absl::FailedPreconditionError(
        absl::StrCat("another process holds the journal in ", options_.folder));
  }
  return absl::OkStatus();
}

absl::Status FileJournal::Open() {
  if (absl::Status status = OpenFolder(); !status.ok()) return status;
  auto log = CommitLog::Open(options_.folder, options_.origin, options_.segment_bytes);
  if (!log.ok()) return log.status();
  log_ = *std::move(log);
  head_ = log_->head();
  published_ = head_;
  year_ends_ = EndOfYear(head_.origin);
  if (head_.commit == 0 && std::filesystem::exists(options_.folder + "/tables.image")) {
    return absl::DataLossError(
        absl::StrCat("the commit log in ", options_.folder,
                     " is gone: a table image shows that there was one; bring it back from a "
                     "backup"));
  }
  if (absl::Status status = LoadTables(); !status.ok()) {
    tables_.reset();
    return status;
  }
  image_due_at_ = options_.tail_bytes;
  image_thread_ = std::thread([this] { ImageLoop(); });
  return absl::OkStatus();
}

absl::Status FileJournal::LoadTables() {
  tables_ = std::make_unique<Tables>();
  uint64_t newest = 0;
  const absl::Status image = ReadTableImage(options_.folder, log_->id(), tables_.get(), &newest);
  if (image.ok() && newest > head_.commit) {
    return absl::DataLossError(absl::StrCat("the table image knows commit ", newest,
                                            ", the commit log ends at commit ", head_.commit,
                                            ": the log was put back to an earlier state"));
  }
  if (!image.ok()) tables_ = std::make_unique<Tables>();
  const uint64_t first = log_->FirstCommit();
  if (first > tables_->OldestSegment() + 1) {
    if (absl::IsUnavailable(image)) return image;
    return absl::DataLossError(
        absl::StrCat("the tables cannot be rebuilt: ",
                     image.ok() ? "the table image is too old" : image.message(),
                     ", and commits before ", first, " are no longer in the log"));
  }
  return Replay();
}

namespace {

// Replays some commits into the segments of one share, a few decoded ahead so that the rows they
// change are on their way from memory. False at a commit that cannot be read.
bool ReplayShare(absl::Span<const SegmentFrames::Frame> frames, Tables* tables,
                 Tables::Share* share) {
  constexpr size_t kAhead = 8;
  std::array<CommitParts, kAhead> ring;
  for (size_t i = 0; i < frames.size() + kAhead; ++i) {
    CommitParts& parts = ring[i % kAhead];
    if (i >= kAhead) tables->ApplyShare(parts.changes, parts.number, parts.second, share);
    if (i >= frames.size()) continue;
    if (!DecodeCommit(frames[i].blob, &parts) || parts.number != frames[i].commit) return false;
    tables->Prefetch(parts.changes, *share);
  }
  return true;
}

}  // namespace

absl::Status FileJournal::Replay() {
  std::vector<Tables::Share> shares(
      std::min<size_t>(std::max(1u, std::thread::hardware_concurrency()), kMostReplayThreads));
  for (size_t i = 0; i < shares.size(); ++i) shares[i] = {i, shares.size(), tables_->lives()};
  return log_->ForEachSegment(
      tables_->OldestSegment(), [&](absl::Span<const SegmentFrames::Frame> frames) {
        std::atomic<bool> good{true};
        const auto replay = [&](Tables::Share* share) {
          if (!ReplayShare(frames, tables_.get(), share)) good = false;
        };
        std::vector<std::thread> others;
        for (size_t i = 1; i < shares.size(); ++i) others.emplace_back(replay, &shares[i]);
        replay(&shares[0]);
        for (std::thread& other : others) other.join();
        for (const SegmentFrames::Frame& frame : frames) tail_bytes_ += frame.blob.size();
        return good ? absl::OkStatus() : absl::DataLossError("a commit is damaged");
      });
}

absl::StatusOr<Committed> FileJournal::Commit(absl::Span<const Proposal> proposals, absl::Time now,
                                              CommitSteps* steps) {
  size_t slots = proposals.size();
  for (const Proposal& proposal : proposals) slots += proposal.charges.others.size();
  if (slots > RequestTable::kMostItems) {
    return absl::InvalidArgumentError("a commit has at most 65536 items");
  }
  const std::lock_guard<std::mutex> guard(commit_lock_);
  Committed committed;
  committed.second = CommitSecond(now);
  if (absl::Status status = BeginYear(committed.second); !status.ok()) return status;
  committed.first_entry = head_.end();
  committed.decisions.reserve(proposals.size());

  // Requests are as old as the clock says; what is remembered dies by the commits' time, which
  // stays where it was when a clock is set back.
  std::vector<Proposal> later;
  if (const uint32_t ahead = committed.second - SecondOf(now); ahead > 0) {
    later.assign(proposals.begin(), proposals.end());
    for (Proposal& proposal : later) {
      uint32_t& until = proposal.remember_until;
      if (until > 0) until += std::min(ahead, UINT32_MAX - until);
    }
    proposals = later;
  }
  SpanDecisions decisions(*tables_, proposals, head_.commit + 1, committed.second);
  std::vector<Written> written(proposals.size());
  CommitParts parts;
  parts.second = committed.second;
  parts.items.reserve(slots);
  bool writes = false;
  for (size_t item = 0; item < proposals.size(); ++item) {
    Decision decision = decisions.Decide(
        item, parts.items.size(), [&] { return steps->StillPermitted(item, committed.second); });
    const bool replay = decision.verdict == Verdict::kReplay;
    if (!replay) decision.entry_index = committed.first_entry + committed.entries;
    written[item] = steps->Write(item, committed.second, decision);
    if (replay) written[item] = Written();
    if (!written[item].entry.empty()) ++committed.entries;
    writes |= !written[item].entry.empty() || !written[item].sealed.empty();
    parts.items.push_back({written[item].entry, written[item].sealed});
    for (const Written::Slot& slot : written[item].others) {
      if (!slot.entry.empty()) ++committed.entries;
      parts.items.push_back({slot.entry, slot.sealed});
    }
    committed.decisions.push_back(decision);
  }
  parts.changes = decisions.Take();
  if (!writes && parts.changes.empty()) return committed;
  if (absl::Status status = WriteCommit(&parts, slots, &committed.leaves); !status.ok()) {
    return status;
  }
  return committed;
}

absl::Status FileJournal::WriteCommit(CommitParts* parts, size_t sweep_items,
                                      std::vector<crypto::Digest>* leaves) {
  Head next = head_;
  ++next.commit;
  next.second = parts->second;
  std::vector<crypto::Digest> hashed;
  hashed.reserve(parts->items.size());
  for (const CommitParts::Item& item : parts->items) {
    if (item.entry.empty()) continue;
    hashed.push_back(crypto::LeafHash(crypto::AsBytes(item.entry)));
    next.range.Append(hashed.back());
  }
  next.tree_size = next.range.size();
  parts->number = next.commit;
  parts->first_entry = head_.end();
  const std::string blob = EncodeCommit(*parts);
  if (absl::Status status = log_->Append(blob, next); !status.ok()) return status;

  // Durable: from here on nothing may fail.
  tables_->Apply(parts->changes, next.commit, next.second);
  tables_->Sweep(sweep_items, next.second);
  head_ = next;
  if (watcher_ && !hashed.empty()) watcher_(head_, hashed);
  if (leaves != nullptr) *leaves = std::move(hashed);
  Publish(std::move(next), blob.size());
  return absl::OkStatus();
}

void FileJournal::Publish(Head next, size_t bytes) {
  {
    const std::lock_guard<std::mutex> guard(published_lock_);
    published_ = std::move(next);
  }
  tail_bytes_ += bytes;
  if (tail_bytes_ > image_due_at_) image_due_.notify_one();
}

absl::Status FileJournal::BeginYear(uint32_t second) {
  if (second < year_ends_) return absl::OkStatus();
  return Change(ChangeOfYear(head_, second));
}

absl::Status FileJournal::Change(LogChange change) {
  const CommitParts parts = change.Parts();
  const std::string blob = EncodeCommit(parts);
  if (absl::Status status = log_->Append(blob, change.next, change.loss.has_value());
      !status.ok()) {
    return status;
  }

  tables_->Apply(parts.changes, change.next.commit, change.next.second);
  head_ = change.next;
  year_ends_ = EndOfYear(head_.origin);
  if (watcher_) {
    const std::vector<crypto::Digest> leaves = {change.LeafOf(0),
                                                change.LeafOf(change.entries.size() - 1)};
    if (change.ended.has_value()) watcher_(*change.ended, {leaves[0]});
    watcher_(head_, {leaves[1]});
  }
  Publish(std::move(change.next), blob.size());
  return absl::OkStatus();
}

absl::StatusOr<crypto::LossDeclared> FileJournal::DeclareLoss(const crypto::Checkpoint& lost,
                                                              absl::Time now) {
  const std::lock_guard<std::mutex> guard(commit_lock_);
  if (!crypto::ReadLogName(head_.origin).has_value() || (head_.end() == 0 && head_.commit > 0)) {
    return absl::FailedPreconditionError("the journal holds nothing that a log could go on from");
  }
  if (head_.second > SecondOf(now)) {
    return absl::FailedPreconditionError(
        absl::StrCat("the journal's last commit was at ",
                     absl::FormatTime(absl::RFC3339_sec, absl::FromUnixSeconds(head_.second),
                                      absl::UTCTimeZone()),
                     ", which is later than this machine's clock; set the clock right first"));
  }
  const std::vector<LogSpan> logs = log_->logs();
  for (size_t i = 0; i < logs.size(); ++i) {
    const uint64_t size = (i + 1 < logs.size() ? logs[i + 1].first : head_.end()) - logs[i].first;
    if (logs[i].origin != lost.origin || lost.size > size) continue;
    return absl::FailedPreconditionError(
        absl::StrCat("nothing is lost: the journal has ", size, " entries of ", lost.origin,
                     "; it was put in place since it was looked at"));
  }
  LogChange change = ChangeByLoss(head_, SecondOf(now), lost);
  if (head_.commit == 0) {
    head_.origin = change.next.origin;
    log_->BeginAs(head_.origin);
  }
  const crypto::LossDeclared loss = *change.loss;
  if (absl::Status changed = Change(std::move(change)); !changed.ok()) return changed;
  return loss;
}

absl::Status FileJournal::Append(absl::Span<const std::string> entries, absl::Time now) {
  const std::lock_guard<std::mutex> guard(commit_lock_);
  CommitParts parts;
  parts.second = CommitSecond(now);
  if (absl::Status status = BeginYear(parts.second); !status.ok()) return status;
  if (entries.empty()) return absl::OkStatus();
  for (const std::string& entry : entries) parts.items.push_back({entry, {}});
  return WriteCommit(&parts, 0);
}

absl::Status FileJournal::ChargeEvaluations(const RowKey& row, const policies::CountLimit& limit,
                                            const RowKey& key_row, uint64_t key_cap, uint32_t count,
                                            absl::Time now, uint32_t agreement_begins) {
  if (count == 0) return absl::OkStatus();
  const std::lock_guard<std::mutex> guard(commit_lock_);
  const uint32_t second = CommitSecond(now);
  const uint64_t used = tables_->TotalOf(key_row);
  if (used > key_cap || count > key_cap - used) {
    return absl::FailedPreconditionError("the key has been used as often as it may be");
  }
  const uint32_t window = WindowSeconds(limit.every);
  const absl::optional<uint32_t> wait =
      Later(tables_->counters()
                .Get(row, Counter::kEvaluations)
                .UntilRoom(limit.count, window, 0, count, second),
            UntilLossLeaves(window, LossOf(*tables_, row, agreement_begins), second));
  if (!wait.has_value() || *wait > 0) {
    return RefusedUntil("the agreement's evaluations are used up", wait);
  }
  if (absl::Status status = BeginYear(second); !status.ok()) return status;
  CommitParts parts;
  parts.second = second;
  parts.changes.buckets.push_back({row, Counter::kEvaluations, window, count});
  parts.changes.totals.push_back({key_row, count});
  if (BeginsAfterLoss(*tables_, row, agreement_begins)) {
    parts.changes.epochs.push_back({BeginningOf(row), agreement_begins});
  }
  return WriteCommit(&parts, 1);
}

absl::StatusOr<StoredItem> FileJournal::Read(const Location& where) const {
  const absl::Status missing =
      absl::NotFoundError("there is no such item in the journal, or it was archived");
  const std::lock_guard<std::mutex> guard(read_lock_);
  if (last_read_ != where.commit || where.commit == 0) {
    absl::StatusOr<std::string> blob = log_->Read(where.commit);
    if (absl::IsNotFound(blob.status())) return missing;
    if (!blob.ok()) return blob.status();
    last_blob_ = *std::move(blob);
    last_read_ = where.commit;
  }
  CommitParts parts;
  if (!DecodeCommit(last_blob_, &parts) || parts.number != where.commit) {
    last_read_ = 0;
    return absl::DataLossError(absl::StrCat("commit ", where.commit, " is damaged"));
  }
  if (where.item >= parts.items.size()) return missing;
  StoredItem item;
  item.second = parts.second;
  item.entry_index = parts.first_entry;
  for (uint32_t i = 0; i < where.item; ++i) {
    if (!parts.items[i].entry.empty()) ++item.entry_index;
  }
  item.entry = std::string(parts.items[where.item].entry);
  item.sealed = std::string(parts.items[where.item].sealed);
  return item;
}

Head FileJournal::head() const {
  const std::lock_guard<std::mutex> guard(published_lock_);
  return published_;
}

void FileJournal::SetWatcher(CommitWatcher watcher) {
  const std::lock_guard<std::mutex> guard(commit_lock_);
  watcher_ = std::move(watcher);
}

std::vector<Journal::Adoption> FileJournal::adoptions() const {
  const std::lock_guard<std::mutex> guard(commit_lock_);
  std::vector<Adoption> all;
  for (const auto& agreement : tables_->adoptions()) {
    all.insert(all.end(), agreement.second.begin(), agreement.second.end());
  }
  return all;
}

absl::Status FileJournal::Adopt(const Adoption& adoption, const std::string& entry,
                                absl::Time now) {
  const std::lock_guard<std::mutex> guard(commit_lock_);
  const auto known = tables_->adoptions().find(adoption.agreement_id);
  if (known != tables_->adoptions().end()) {
    const Adoption& last = known->second.back();
    if (adoption.revision < last.revision) {
      return absl::FailedPreconditionError(absl::StrCat("revision ", adoption.revision,
                                                        " is lower than revision ", last.revision,
                                                        ", which was adopted before"));
    }
    if (adoption.revision == last.revision) {
      if (adoption.digest == last.digest) return absl::OkStatus();
      return absl::FailedPreconditionError(
          absl::StrCat("another file was adopted as revision ", last.revision));
    }
  }
  CommitParts parts;
  parts.second = CommitSecond(now);
  if (absl::Status status = BeginYear(parts.second); !status.ok()) return status;
  parts.items.push_back({entry, {}});
  parts.changes.adoptions.push_back(adoption);
  return WriteCommit(&parts, 0);
}

Journal::Figures FileJournal::figures() const {
  const std::lock_guard<std::mutex> guard(commit_lock_);
  Figures figures;
  figures.commits = head_.commit;
  figures.entries = head_.end();
  figures.charge_rows = tables_->charges().size();
  figures.remembered = tables_->requests().size();
  figures.tail_bytes = tail_bytes_;
  figures.lost_until = tables_->lost_until();
  return figures;
}

bool FileJournal::CopySegment(size_t segment, std::string* out, uint64_t* as_of) {
  const std::lock_guard<std::mutex> guard(commit_lock_);
  if (stop_) return false;
  tables_->Save(segment, out);
  *as_of = head_.commit;
  return true;
}

void FileJournal::ImageLoop() {
  std::unique_lock<std::mutex> guard(commit_lock_);
  for (;;) {
    image_due_.wait(guard, [this] { return stop_ || tail_bytes_ > image_due_at_; });
    if (stop_) return;
    const uint64_t before = tail_bytes_;
    guard.unlock();
    absl::Status status;
    {
      const std::lock_guard<std::mutex> image(image_lock_);
      status = WriteTableImage(options_.folder, log_->id(),
                               [this](size_t segment, std::string* out, uint64_t* as_of) {
                                 return CopySegment(segment, out, as_of);
                               });
    }
    guard.lock();
    if (status.ok()) {
      tail_bytes_ -= std::min(before, tail_bytes_);
      image_due_at_ = options_.tail_bytes;
    } else {
      // The image before still serves, with a longer replay: no reason to stop answering.
      image_due_at_ = tail_bytes_ + options_.tail_bytes / 4;
    }
  }
}

}  // namespace

absl::StatusOr<std::unique_ptr<Journal>> OpenFileJournal(const JournalOptions& options) {
  auto journal = std::make_unique<FileJournal>(options);
  if (absl::Status status = journal->Open(); !status.ok()) return status;
  return std::unique_ptr<Journal>(std::move(journal));
}

absl::StatusOr<crypto::LossDeclared> DeclareLoss(const JournalOptions& options,
                                                 const crypto::Checkpoint& lost, absl::Time now) {
  FileJournal journal(options);
  if (absl::Status status = journal.Open(); !status.ok()) return status;
  return journal.DeclareLoss(lost, now);
}

}  // namespace vouch::server::journal
