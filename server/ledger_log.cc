#include "server/ledger_log.h"

#include <algorithm>
#include <chrono>
#include <utility>

#include "absl/strings/str_cat.h"
#include "crypto/log_entry.h"
#include "server/ledger/tree/static_layout.h"

namespace vouch::server {

namespace {

// Of what the log has: that it cannot be had now is never taken for its not being there.
absl::Status Unread(const absl::Status& why) {
  return absl::IsDataLoss(why) ? why : absl::UnavailableError(why.message());
}

}  // namespace

LogTree::Options LedgerLog::TreeOptions(const journal::LogSpan& log) {
  LogTree::Options options;
  options.log = log;
  options.folder = ledger::tree::LogFolder(options_.folder, log.origin, log.first == 0);
  options.key = options_.key;
  options.also_key = options_.also_key;
  options.journal = options_.journal;
  options.was_signed = [this](const crypto::Checkpoint& checkpoint,
                              std::shared_ptr<const std::string> note) {
    if (high_water_ != nullptr) high_water_->Raise(checkpoint, std::move(note));
  };
  return options;
}

absl::StatusOr<std::unique_ptr<LedgerLog>> LedgerLog::Open(LedgerLogOptions options) {
  std::unique_ptr<LedgerLog> log(new LedgerLog(std::move(options)));
  if (absl::Status opened = log->OpenTrees(); !opened.ok()) return opened;
  if (absl::Status held = log->HoldAgainstMark(); !held.ok()) return held;
  log->options_.journal->SetWatcher(
      [log = log.get()](const journal::Head& after, absl::Span<const crypto::Digest> leaves) {
        log->Took(after, leaves);
      });
  log->due_ = std::any_of(log->trees_.begin(), log->trees_.end(),
                          [](const Tree& tree) { return tree->HasWork(); });
  log->thread_ = std::thread([log = log.get()] { log->TileLoop(); });
  return log;
}

absl::Status LedgerLog::OpenTrees() {
  const journal::Journal& journal = *options_.journal;
  const journal::Head head = journal.head();
  const std::vector<journal::LogSpan> logs = journal.logs();
  for (size_t i = 0; i + 1 < logs.size(); ++i) {
    const absl::StatusOr<std::vector<std::string>> first =
        journal.ReadEntries(logs[i + 1].first, 1);
    if (!first.ok()) return first.status();
    const absl::StatusOr<crypto::LogOpened> opened = crypto::ReadLogBegun(first->front());
    if (!opened.ok() || opened->closed.origin != logs[i].origin ||
        opened->closed.size != logs[i + 1].first - logs[i].first) {
      return absl::DataLossError(absl::StrCat("the journal's log ", logs[i + 1].origin,
                                              " does not go on from ", logs[i].origin));
    }
    if (auto loss = crypto::ReadLossDeclared(first->front()); loss.ok()) {
      losses_.push_back(*std::move(loss));
    }
    absl::StatusOr<Tree> tree = LogTree::TakeUpEnded(TreeOptions(logs[i]), opened->closed);
    if (!tree.ok()) return tree.status();
    trees_.push_back(*std::move(tree));
  }
  absl::StatusOr<Tree> tree = LogTree::TakeUp(TreeOptions({head.origin, head.first}), head.range);
  if (!tree.ok()) return tree.status();
  trees_.push_back(*std::move(tree));
  if (head.end() == 0) return absl::OkStatus();
  // The first log may begin with a loss of all there was. Its tree has that entry also once the
  // journal was pruned: it is about nobody, and kept.
  const absl::StatusOr<std::string> first = trees_.front()->Entry(0);
  if (!first.ok()) {
    return absl::IsNotFound(first.status()) ? absl::OkStatus() : first.status();
  }
  auto loss = crypto::ReadLossDeclared(*first);
  if (loss.ok()) losses_.insert(losses_.begin(), *std::move(loss));
  return absl::OkStatus();
}

absl::Status LedgerLog::HoldAgainstMark() {
  if (options_.high_water.empty()) return absl::OkStatus();
  ledger::tree::HighWaterOptions options;
  options.path = options_.high_water;
  options.marked = options_.marked;
  options.may_be_gone = options_.without_high_water;
  options.problem = options_.mark_problem;
  std::vector<crypto::NoteVerifier> keys;
  for (const Tree& tree : trees_) keys.push_back(tree->verifier());
  for (const crypto::LossDeclared& loss : losses_) {
    auto signer = crypto::NoteSigner::Make(loss.lost.origin, options_.key);
    if (!signer.ok()) return signer.status();
    keys.push_back(signer->verifier());
  }
  absl::StatusOr<std::unique_ptr<ledger::tree::HighWater>> opened =
      ledger::tree::HighWater::Open(std::move(options), keys);
  if (!opened.ok()) return opened.status();
  high_water_ = *std::move(opened);
  const absl::optional<crypto::Checkpoint> mark = high_water_->mark();
  if (!mark.has_value()) return absl::OkStatus();
  const absl::StatusOr<Tree> tree = Find(mark->origin);
  if ((!tree.ok() || (*tree)->size() < mark->size) && IsLost(*mark)) return absl::OkStatus();
  if (!tree.ok()) return tree.status();
  return high_water_->Check((*tree)->size(), [&](uint64_t size) { return (*tree)->RootAt(size); });
}

LedgerLog::~LedgerLog() {
  options_.journal->SetWatcher(nullptr);
  {
    const std::lock_guard<std::mutex> guard(lock_);
    stopping_ = true;
  }
  work_.notify_all();
  if (thread_.joinable()) thread_.join();
}

void LedgerLog::Took(const journal::Head& after, absl::Span<const crypto::Digest> leaves) {
  // Only this thread adds a tree.
  Tree current = trees_.back();
  if (after.origin != current->origin()) {
    current->End();
    absl::StatusOr<Tree> begun = LogTree::Begin(TreeOptions({after.origin, after.first}));
    const std::lock_guard<std::mutex> guard(lock_);
    if (!begun.ok()) {
      broken_ = begun.status();
      return;
    }
    current = *std::move(begun);
    trees_.push_back(current);
  }
  // A waiting thread is woken by the first leaf; it takes all there are.
  if (!current->Take(after, leaves)) return;
  const std::lock_guard<std::mutex> guard(lock_);
  due_ = true;
  work_.notify_one();
}

std::vector<LedgerLog::Tree> LedgerLog::Trees() const {
  const std::lock_guard<std::mutex> guard(lock_);
  return trees_;
}

absl::StatusOr<LedgerLog::Tree> LedgerLog::Find(absl::string_view origin) const {
  const std::lock_guard<std::mutex> guard(lock_);
  if (!broken_.ok()) return broken_;
  if (origin.empty()) return trees_.back();
  for (const Tree& tree : trees_) {
    if (tree->origin() == origin) return tree;
  }
  return absl::NotFoundError(absl::StrCat(
      "this node has no log of that name; the one it writes is ", trees_.back()->origin()));
}

absl::StatusOr<LogProof> LedgerLog::Prove(uint64_t first, uint32_t count) {
  Tree tree;
  {
    const std::lock_guard<std::mutex> guard(lock_);
    if (!broken_.ok()) return broken_;
    auto of = trees_.rbegin();
    while (of != trees_.rend() && (*of)->first() > first) ++of;
    if (of == trees_.rend()) return absl::NotFoundError("the entry's log was archived");
    tree = *of;
  }
  return tree->Prove(first - tree->first(), count);
}

absl::StatusOr<LogProof> LedgerLog::ProveIn(absl::string_view origin, uint64_t first,
                                            uint32_t count) {
  const absl::StatusOr<Tree> tree = Find(origin);
  return tree.ok() ? (*tree)->Prove(first, count) : tree.status();
}

absl::StatusOr<uint64_t> LedgerLog::Size(absl::string_view origin) const {
  const absl::StatusOr<Tree> tree = Find(origin);
  return tree.ok() ? absl::StatusOr<uint64_t>((*tree)->size()) : tree.status();
}

absl::StatusOr<LedgerLog::Signed> LedgerLog::Checkpoint(absl::string_view origin) {
  const absl::StatusOr<Tree> tree = Find(origin);
  if (!tree.ok()) return tree.status();
  absl::StatusOr<LogTree::Signed> head = (*tree)->Sign();
  if (!head.ok()) return head.status();
  return Signed{(*tree)->origin(), head->size, std::move(head->note)};
}

absl::StatusOr<std::vector<crypto::Digest>> LedgerLog::Consistency(absl::string_view origin,
                                                                   uint64_t old_size,
                                                                   uint64_t size) {
  const absl::StatusOr<Tree> tree = Find(origin);
  if (!tree.ok()) return tree.status();
  return (*tree)->Consistency(old_size, size);
}

absl::StatusOr<crypto::Digest> LedgerLog::RootAt(absl::string_view origin, uint64_t size) {
  const absl::StatusOr<Tree> tree = Find(origin);
  return tree.ok() ? (*tree)->RootAt(size) : tree.status();
}

absl::StatusOr<std::string> LedgerLog::File(absl::string_view path, bool entries,
                                            absl::string_view origin) {
  const absl::StatusOr<const crypto::LogReader*> reader = Reader(origin);
  if (!reader.ok()) return reader.status();
  return ledger::tree::FileOfLayout(**reader, path, entries);
}

absl::StatusOr<const crypto::LogReader*> LedgerLog::Reader(absl::string_view origin) {
  const absl::StatusOr<Tree> tree = Find(origin);
  return tree.ok() ? (*tree)->Reader() : tree.status();
}

absl::StatusOr<std::vector<crypto::LogSuccession>> LedgerLog::Succession(absl::string_view origin,
                                                                         uint64_t old_size,
                                                                         const Signed& head) {
  const std::vector<Tree> trees = Trees();
  const auto at = [&](absl::string_view name) {
    return std::find_if(trees.begin(), trees.end(),
                        [&](const Tree& tree) { return tree->origin() == name; });
  };
  auto from = at(origin);
  const auto to = at(head.origin);
  std::vector<crypto::LogSuccession> steps;
  // How the log `next` begins.
  const auto open = [&](decltype(to) next, crypto::LogSuccession* step) -> absl::Status {
    absl::StatusOr<std::string> opening = (*next)->Entry(0);
    if (!opening.ok()) return Unread(opening.status());
    step->opening = *std::move(opening);
    const absl::StatusOr<const crypto::LogReader*> reader = (*next)->Reader();
    if (!reader.ok()) return Unread(reader.status());
    auto proof =
        crypto::RangeProofFromTiles(**reader, 0, 1, next == to ? head.size : (*next)->size());
    if (!proof.ok()) return Unread(proof.status());
    step->opening_proof = *std::move(proof);
    return absl::OkStatus();
  };
  if (from == trees.end() && to != trees.end()) {
    // One of which nothing is left: it came after what there was when its loss was declared.
    const auto after = std::find_if(losses_.begin(), losses_.end(), [&](const auto& loss) {
      return (loss.restored.size == 0 || !crypto::LogBefore(origin, loss.restored.origin)) &&
             !crypto::LogBefore(loss.lost.origin, origin);
    });
    if (after == losses_.end()) {
      return absl::NotFoundError("no log of that name has ended here");
    }
    from = at(after->restored.origin);
    if (from == trees.end()) {
      crypto::LogSuccession step;
      const absl::StatusOr<std::string> nothing = SignNothing(after->restored.origin);
      if (!nothing.ok()) return Unread(nothing.status());
      step.checkpoint = *nothing;
      step.old_size = old_size;
      from = at(after->origin);
      if (absl::Status opened = open(from, &step); !opened.ok()) return opened;
      steps.push_back(std::move(step));
    }
  }
  if (to == trees.end() || (steps.empty() && from >= to)) {
    return absl::NotFoundError("no log of that name has ended here");
  }
  const bool lost = (*from)->origin() != origin || (!losses_.empty() && old_size > (*from)->size());
  if (!lost && old_size > (*from)->size()) {
    return absl::OutOfRangeError("the log was never of that size");
  }
  for (auto tree = from; tree < to; ++tree) {
    LogTree& ended = **tree;
    crypto::LogSuccession step;
    const absl::StatusOr<LogTree::Signed> end = ended.Sign();
    if (!end.ok()) return Unread(end.status());
    step.checkpoint = *end->note;
    if (steps.empty()) step.old_size = old_size;
    // Of what is lost there is no proof: the loss that is declared says so.
    if (tree == from && old_size > 0 && !lost) {
      auto proof = ended.Consistency(old_size, end->size);
      if (!proof.ok()) return Unread(proof.status());
      step.consistency = *std::move(proof);
    }
    if (absl::Status opened = open(tree + 1, &step); !opened.ok()) return opened;
    if (!crypto::ReadLossDeclared(step.opening).ok()) {
      absl::StatusOr<std::string> closing = ended.Entry(end->size - 1);
      if (!closing.ok()) return Unread(closing.status());
      step.closing = *std::move(closing);
      absl::StatusOr<LogProof> closing_proof = ended.Prove(end->size - 1, 1);
      if (!closing_proof.ok()) return Unread(closing_proof.status());
      step.closing_proof = std::move(closing_proof->hashes);
    }
    steps.push_back(std::move(step));
  }
  return steps;
}

absl::StatusOr<std::string> LedgerLog::SignNothing(const std::string& origin) const {
  const absl::StatusOr<crypto::NoteSigner> signer = crypto::NoteSigner::Make(origin, options_.key);
  if (!signer.ok()) return signer.status();
  const crypto::NoteSigner* const signers[] = {&*signer};
  return crypto::SignCheckpoint({origin, 0, crypto::EmptyRoot()}, signers);
}

absl::Status LedgerLog::MarkNow() {
  const absl::StatusOr<Signed> head = Checkpoint();
  if (!head.ok()) return head.status();
  return high_water_ == nullptr ? absl::OkStatus() : high_water_->Flush();
}

bool LedgerLog::IsLost(const crypto::Checkpoint& seen) const {
  return std::any_of(losses_.begin(), losses_.end(),
                     [&](const crypto::LossDeclared& loss) { return loss.Covers(seen); });
}

std::string LedgerLog::origin() const {
  const std::lock_guard<std::mutex> guard(lock_);
  return trees_.back()->origin();
}

std::vector<std::string> LedgerLog::origins() const {
  std::vector<std::string> origins;
  for (const Tree& tree : Trees()) origins.push_back(tree->origin());
  return origins;
}

crypto::NoteVerifier LedgerLog::verifier() const { return Trees().back()->verifier(); }

void LedgerLog::TileLoop() {
  constexpr std::chrono::milliseconds kGather(200);
  std::unique_lock<std::mutex> guard(lock_);
  while (true) {
    work_.wait(guard, [this] { return stopping_ || due_; });
    // Nobody waits for tiles: what comes meanwhile is taken along.
    if (!stopping_) work_.wait_for(guard, kGather, [this] { return stopping_; });
    const bool last = stopping_;
    due_ = false;
    const std::vector<Tree> trees = trees_;
    guard.unlock();
    absl::Status standing;
    for (const Tree& tree : trees) {
      const absl::Status done = tree->HasWork() ? tree->Work() : absl::OkStatus();
      if (standing.ok() || absl::IsDataLoss(done)) standing = done;
    }
    options_.problem(standing);
    guard.lock();
    if (last) return;
  }
}

}  // namespace vouch::server
