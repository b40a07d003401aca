#include "server/index_keeper.h"

#include <chrono>
#include <utility>

#include "absl/strings/str_cat.h"
#include "crypto/identity.h"

namespace vouch::server {

namespace {

// A load by `vouch records load` may leave an index out; so the folder is looked at now and then.
constexpr std::chrono::seconds kLook(5);

absl::StatusOr<records::IndexRequest> RequestFor(const policies::Agreement& agreement,
                                                 const agreements::Epoch& epoch, absl::Time now) {
  records::IndexRequest request;
  request.use = agreement.use == policies::Use::kLive ? crypto::IdentityUse::kLive
                                                      : crypto::IdentityUse::kTest;
  const bool keyed_hash = agreement.token_kind == policies::TokenKind::kKeyedHash;
  request.context.agreement_id = agreement.id;
  request.context.scope = crypto::TokenScope(keyed_hash, epoch.statement.asker, request.use);
  request.context.epoch = epoch.statement.epoch;
  request.context.profile = agreement.spelling_rules;
  for (const policies::AgreedMatchKey& agreed : agreement.match) {
    crypto::MatchKey key;
    for (const std::string& name : agreed.parts) {
      absl::StatusOr<crypto::KeyPart> part = crypto::ParseKeyPart(name);
      if (!part.ok()) return part.status();
      key.parts.push_back(*part);
    }
    request.match.push_back(std::move(key));
  }
  request.today = absl::ToCivilDay(now, absl::UTCTimeZone());
  request.tokeniser =
      keyed_hash ? records::KeyedHashTokeniser(std::make_shared<crypto::KeyedHash>(*epoch.keyed))
                 : records::BlindTokeniser(epoch.blind);
  return request;
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
    BuildMissing();
    lock.lock();
    wake_.wait_for(lock, kLook, [this] { return stopping_ || asked_; });
  }
}

void IndexKeeper::BuildMissing() {
  const std::shared_ptr<const records::Snapshot> snapshot = records_->Current();
  if (snapshot == nullptr) return;
  records::BuildOptions build;
  // By what goes into the tokens, not by name alone: a revision may change the match keys.
  absl::StatusOr<std::vector<records::IndexRequest>> missing = records::MissingIndexes(
      options_.records_folder, IndexesFor(*agreements_->Current(), options_.agency, clock_->Now()));
  absl::Status standing = missing.status();
  if (missing.ok()) build.indexes = *std::move(missing);
  if (!build.indexes.empty()) {
    {
      std::lock_guard<std::mutex> lock(mutex_);
      standing_ = absl::UnavailableError(absl::StrCat("building ", build.indexes.size(),
                                                      " token index(es); until then their "
                                                      "agreements answer NOT_READY"));
    }
    build.folder = options_.records_folder;
    build.keys_folder = options_.keys_folder;
    standing = records::BuildIndexes(build);
    if (standing.ok()) standing = records_->Refresh();
  }
  std::lock_guard<std::mutex> lock(mutex_);
  standing_ = std::move(standing);
}

}  // namespace vouch::server
