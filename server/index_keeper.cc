#include "server/index_keeper.h"

#include <algorithm>
#include <chrono>
#include <utility>

#include "absl/strings/str_cat.h"
#include "server/records/changes.h"

namespace vouch::server {

namespace {

// A load by `vouch records load` may leave an index out; so the folder is looked at now and then.
constexpr std::chrono::seconds kLook(5);

absl::StatusOr<records::IndexRequest> RequestFor(const policies::Agreement& agreement,
                                                 const agreements::Epoch& epoch, absl::Time now) {
  const bool keyed_hash = agreement.token_kind == policies::TokenKind::kKeyedHash;
  // Two revisions of an agreement share its epochs, and may want keys of two kinds.
  if (keyed_hash ? epoch.keyed == nullptr : epoch.blind == nullptr) {
    return absl::FailedPreconditionError("the epoch's key is of another kind");
  }
  return records::RequestFor(
      agreement, epoch.statement, now,
      keyed_hash ? records::KeyedHashTokeniser(std::make_shared<crypto::KeyedHash>(*epoch.keyed))
                 : records::BlindTokeniser(epoch.blind));
}

}  // namespace

std::vector<records::IndexRequest> IndexesFor(const agreements::AgreementSet& set,
                                              absl::string_view agency, absl::Time now) {
  std::vector<records::IndexRequest> requests;
  if (set.catalog == nullptr) return requests;  // nothing has been read yet
  for (const auto& held : set.catalog->all()) {
    const policies::Agreement& agreement = held->agreement;
    auto epochs = set.epochs.find(agreement.id);
    // Only the revision that counts: two revisions of one agreement share their epochs.
    if (agreement.answers != agency || epochs == set.epochs.end() ||
        set.catalog->Find(agreement.id, now) != held.get()) {
      continue;
    }
    for (const agreements::Epoch& epoch : epochs->second) {
      if (epoch.statement.not_after <= now) continue;
      if (epoch.blind == nullptr && epoch.keyed == nullptr) continue;
      absl::StatusOr<records::IndexRequest> request = RequestFor(agreement, epoch, now);
      if (request.ok()) requests.push_back(*std::move(request));
    }
  }
  return requests;
}

IndexKeeper::IndexKeeper(Options options, const Clock* clock,
                         const agreements::Agreements* agreements, records::Records* records)
    : options_(std::move(options)),
      clock_(clock),
      agreements_(agreements),
      records_(records),
      thread_([this] { Run(); }) {}

IndexKeeper::~IndexKeeper() { Stop(); }

void IndexKeeper::Stop() {
  {
    std::lock_guard<std::mutex> lock(mutex_);
    stopping_ = true;
  }
  wake_.notify_all();
  if (thread_.joinable()) thread_.join();
}

void IndexKeeper::Wake() {
  {
    std::lock_guard<std::mutex> lock(mutex_);
    asked_ = true;
  }
  wake_.notify_all();
}

absl::Status IndexKeeper::Standing() const {
  std::lock_guard<std::mutex> lock(mutex_);
  return standing_;
}

void IndexKeeper::Run() {
  std::unique_lock<std::mutex> lock(mutex_);
  while (!stopping_) {
    asked_ = false;
    lock.unlock();
    absl::Status standing = LookAfterRecords();
    lock.lock();
    standing_ = std::move(standing);
    wake_.wait_for(lock, kLook, [this] { return stopping_ || asked_; });
  }
}

absl::Status IndexKeeper::LookAfterRecords() {
  if (records_->Current() == nullptr) return absl::OkStatus();
  absl::Status standing = BuildMissing();
  // What follows can wait until whoever changes the records now is done.
  if (!records::FolderLock::Take(options_.records_folder).ok()) return standing;
  standing.Update(DropRetired());
  standing.Update(MergeWhenDue());
  return standing;
}

absl::Status IndexKeeper::BuildMissing() {
  const absl::Time now = clock_->Now();
  // By a clock that leapt ahead, the index of a revision that waits would take the place of that of
  // the one in force. Nobody is answered meanwhile.
  if (!clock_->Trusted()) return absl::OkStatus();
  records::BuildOptions build;
  // By what goes into the tokens, not by name alone: a revision may change the match keys.
  absl::StatusOr<std::vector<records::IndexRequest>> missing = records::MissingIndexes(
      options_.records_folder, IndexesFor(*agreements_->Current(), options_.agency, now));
  if (!missing.ok()) return missing.status();
  if (missing->empty()) return absl::OkStatus();
  {
    std::lock_guard<std::mutex> lock(mutex_);
    standing_ = absl::UnavailableError(absl::StrCat("building ", missing->size(),
                                                    " token index(es); until then their "
                                                    "agreements answer NOT_READY"));
  }
  build.indexes = *std::move(missing);
  build.folder = options_.records_folder;
  build.keys_folder = options_.keys_folder;
  if (absl::Status built = records::BuildIndexes(build); !built.ok()) return built;
  return records_->Refresh();
}

absl::Status IndexKeeper::DropRetired() {
  // A clock that leapt ahead would retire what is in force.
  if (!clock_->Trusted()) return absl::OkStatus();
  const absl::StatusOr<size_t> dropped =
      records::DropRetiredIndexes(options_.records_folder, clock_->Now());
  if (!dropped.ok()) return dropped.status();
  return *dropped == 0 ? absl::OkStatus() : records_->Refresh();
}

absl::Status IndexKeeper::MergeWhenDue() {
  const absl::StatusOr<uint64_t> unmerged = records::UnmergedBytes(options_.records_folder);
  if (!unmerged.ok()) return unmerged.status();
  const absl::StatusOr<uint64_t> merge_at =
      records::MergeAt(options_.records_folder, options_.merge_at_bytes);
  if (!merge_at.ok()) return merge_at.status();
  const absl::Time now = clock_->Now();
  if (*unmerged == 0) {
    unmerged_since_ = absl::InfiniteFuture();
    return absl::OkStatus();
  }
  unmerged_since_ = std::min(unmerged_since_, now);
  if (*unmerged < *merge_at && now - unmerged_since_ < options_.merge_after) {
    return absl::OkStatus();
  }
  if (absl::Status merged = records::MergeChanges({options_.records_folder, options_.keys_folder});
      !merged.ok()) {
    return merged;
  }
  unmerged_since_ = absl::InfiniteFuture();
  return records_->Refresh();
}

}  // namespace vouch::server
