#include "server/records/index_builder.h"

#include <algorithm>
#include <mutex>

#include "absl/strings/str_cat.h"
#include "crypto/random.h"
#include "server/records/parallel.h"

namespace vouch::server::records {

namespace {

// Identities a thread takes at a time.
constexpr size_t kTurn = 512;

// Hands out the identities of a generation in turns and keeps the first error.
class Identities {
 public:
  Identities(const IdentitiesFile* file, const FactsFile* facts, const Overlay* overlay)
      : file_(file), facts_(facts), overlay_(overlay) {
    if (overlay_ == nullptr) return;
    for (const auto& [record, change] : overlay_->changes()) {
      if (!change.deleted) changed_.push_back(&change);
    }
  }

  struct One {
    uint32_t record = 0;
    PersonHandle person{};
    SealedIdentity sealed;
  };
  // False when none are left or something failed.
  bool Take(std::vector<One>* turn) {
    turn->clear();
    const std::lock_guard<std::mutex> hold(lock_);
    while (status_.ok() && turn->size() < kTurn && !at_end_) {
      One one;
      const absl::StatusOr<bool> read = file_->Next(&offset_, &one.record, &one.sealed);
      if (!read.ok()) {
        status_ = read.status();
      } else if (!*read) {
        at_end_ = true;
      } else if (overlay_ == nullptr || overlay_->Find(one.record) == nullptr) {
        const uint8_t* row = facts_->Row(one.record);
        if (row == nullptr || !RowIntact(row, facts_->columns()->row_size(), one.record)) {
          status_ = absl::DataLossError("a row of facts is damaged; load the records again");
        } else {
          CopyHandle(row, &one.person);
          turn->push_back(std::move(one));
        }
      }
    }
    while (status_.ok() && turn->size() < kTurn && !changed_.empty()) {
      const OverlayChange* change = changed_.back();
      changed_.pop_back();
      turn->push_back({change->record, change->person, change->identity});
    }
    return status_.ok() && !turn->empty();
  }
  void Fail(const absl::Status& status) {
    const std::lock_guard<std::mutex> hold(lock_);
    status_.Update(status);
  }
  void Done(size_t people, const IndexRequest& request, const OnIndexProgress& progress) {
    const std::lock_guard<std::mutex> hold(lock_);
    done_ += people;
    if (progress) {
      progress(
          {request.context.agreement_id, request.context.epoch, done_, offset_, file_->bytes()});
    }
  }
  const absl::Status& status() const { return status_; }

 private:
  const IdentitiesFile* file_;
  const FactsFile* facts_;
  const Overlay* overlay_;
  std::vector<const OverlayChange*> changed_;
  std::mutex lock_;
  uint64_t offset_ = 0;
  uint64_t done_ = 0;
  bool at_end_ = false;
  absl::Status status_;
};

absl::string_view UseName(crypto::IdentityUse use) {
  return use == crypto::IdentityUse::kLive ? "live" : "test";
}

}  // namespace

absl::StatusOr<IndexRequest> RequestFor(const policies::Agreement& agreement,
                                        const crypto::EpochStatement& epoch, absl::Time now,
                                        std::shared_ptr<const Tokeniser> tokeniser) {
  absl::StatusOr<IndexRecipe> recipe = RecipeFor(agreement, epoch);
  if (!recipe.ok()) return recipe.status();
  IndexRequest request;
  request.use = recipe->use;
  request.context.agreement_id = agreement.id;
  request.context.scope =
      crypto::TokenScope(epoch.kind == crypto::TokenKind::kKeyedHash, epoch.asker, request.use);
  request.context.epoch = epoch.epoch;
  request.context.profile = agreement.spelling_rules;
  for (const std::vector<std::string>& names : recipe->match) {
    crypto::MatchKey key;
    for (const std::string& name : names) {
      const absl::StatusOr<crypto::KeyPart> part = crypto::ParseKeyPart(name);
      if (!part.ok()) return part.status();
      key.parts.push_back(*part);
    }
    request.match.push_back(std::move(key));
  }
  request.today = absl::ToCivilDay(now, absl::UTCTimeZone());
  request.tokeniser = std::move(tokeniser);
  request.made_of = *std::move(recipe);
  return request;
}

crypto::Digest IndexLabel(const IndexRequest& request) {
  crypto::ByteWriter writer;
  writer.Field("vouch-index-label/2").Field(request.context.scope);
  writer.U8(static_cast<uint8_t>(request.made_of.kind)).Field(request.made_of.public_key);
  writer.Field(request.context.profile).U8(static_cast<uint8_t>(request.use));
  writer.U32(static_cast<uint32_t>(request.match.size()));
  for (const crypto::MatchKey& key : request.match) {
    writer.U32(static_cast<uint32_t>(key.parts.size()));
    for (const crypto::KeyPart& part : key.parts) {
      writer.U8(static_cast<uint8_t>(part.derivation)).U8(static_cast<uint8_t>(part.attribute));
    }
  }
  return crypto::Sha256(writer.str());
}

bool IsBuilt(const Manifest& manifest, const IndexRequest& request) {
  const Manifest::Index* index =
      manifest.FindIndex(request.context.agreement_id, request.context.epoch);
  return index != nullptr && index->label == IndexLabel(request);
}

absl::StatusOr<std::vector<IndexRequest>> MissingIndexes(const std::string& folder,
                                                         std::vector<IndexRequest> wanted) {
  const absl::StatusOr<Manifest> manifest = ReadManifest(folder);
  if (!manifest.ok()) return manifest.status();
  wanted.erase(
      std::remove_if(wanted.begin(), wanted.end(),
                     [&](const IndexRequest& request) { return IsBuilt(*manifest, request); }),
      wanted.end());
  return wanted;
}

IndexBatch::~IndexBatch() {
  for (std::string& input : inputs_) crypto::Wipe(&input);
}

absl::Status IndexBatch::Add(const IndexRequest& request, const crypto::Identity& identity,
                             uint32_t record) {
  const crypto::SpellingRules* rules = crypto::FindSpellingRules(request.context.profile);
  if (rules == nullptr) {
    return absl::FailedPreconditionError(
        absl::StrCat("unknown spelling rules ", request.context.profile));
  }
  crypto::NormalIdentity normal =
      crypto::NormalizeIdentity(identity, *rules, request.use, request.today);
  const size_t first = keys_.size();
  uint8_t formed = 0;
  for (size_t k = 0; k < request.match.size(); ++k) {
    const auto key_number = static_cast<uint16_t>(k);
    for (std::string& input :
         crypto::TokenInputs(request.context, key_number, request.match[k], normal)) {
      inputs_.push_back(std::move(input));
      keys_.push_back({record, key_number, 0});
      formed |= static_cast<uint8_t>(1u << k);
    }
  }
  for (size_t i = first; i < keys_.size(); ++i) keys_[i].formed = formed;
  for (auto& [attribute, values] : normal.values) {
    for (std::string& value : values) crypto::Wipe(&value);
  }
  return absl::OkStatus();
}

absl::Status IndexBatch::Finish(const IndexRequest& request, const IndexHasher& hasher,
                                std::vector<IndexEntry>* entries) {
  std::vector<crypto::Token> tokens(inputs_.size());
  const absl::Status made = request.tokeniser->Tokens(inputs_, absl::MakeSpan(tokens));
  for (std::string& input : inputs_) crypto::Wipe(&input);
  inputs_.clear();
  const std::vector<Key> keys = std::move(keys_);
  keys_.clear();
  if (!made.ok()) return made;
  for (size_t i = 0; i < tokens.size(); ++i) {
    IndexEntry entry;
    entry.value = ValueOf(hasher.Hash(keys[i].number, tokens[i]));
    entry.record = keys[i].record;
    entry.formed = keys[i].formed;
    entries->push_back(entry);
  }
  return absl::OkStatus();
}

absl::Status WriteIndex(const FolderLock& lock, const RecordKeys& keys, const Overlay* overlay,
                        const IndexRequest& request, size_t threads,
                        const OnIndexProgress& progress, Manifest* manifest) {
  const std::string& agreement_id = request.context.agreement_id;
  if (request.match.empty() || request.match.size() > kMaxMatchKeys) {
    return absl::FailedPreconditionError(absl::StrCat(
        "agreement ", agreement_id, ": an index takes 1 to ", kMaxMatchKeys, " match keys"));
  }
  if (request.use != manifest->use) {
    return absl::FailedPreconditionError(absl::StrCat(
        "agreement ", agreement_id, " is for ", UseName(request.use), " use, the records hold ",
        UseName(manifest->use), " identities; load records of the right kind"));
  }
  const auto in_folder = [&](const std::string& name) {
    return absl::StrCat(lock.folder(), "/", name);
  };
  absl::StatusOr<std::unique_ptr<FactsFile>> facts =
      FactsFile::Open(in_folder(manifest->facts_file));
  if (!facts.ok()) return facts.status();
  absl::StatusOr<std::unique_ptr<IdentitiesFile>> identities =
      IdentitiesFile::Open(in_folder(manifest->identities_file));
  if (!identities.ok()) return identities.status();
  if ((*identities)->use() != request.use) {
    return absl::FailedPreconditionError(
        "the sealed identities are not of the use that the manifest says; load the records again");
  }
  absl::StatusOr<std::unique_ptr<TokenIndexBuilder>> builder =
      TokenIndexBuilder::Create(lock.folder());
  if (!builder.ok()) return builder.status();

  const IndexHasher hasher(keys.index, agreement_id, request.context.epoch);
  Identities all(identities->get(), facts->get(), overlay);
  RunOnThreads(ThreadCount(threads), [&](size_t) {
    std::vector<Identities::One> turn;
    std::vector<IndexEntry> entries;
    IndexBatch batch;
    while (all.Take(&turn)) {
      entries.clear();
      for (const Identities::One& one : turn) {
        absl::StatusOr<crypto::Identity> identity =
            OpenIdentity(keys.identity, one.person, one.sealed);
        absl::Status made = identity.status();
        if (made.ok()) made = batch.Add(request, *identity, one.record);
        if (!made.ok()) {
          all.Fail(made);
          return;
        }
        for (auto& [attribute, values] : identity->values) {
          for (std::string& value : values) crypto::Wipe(&value);
        }
      }
      if (absl::Status made = batch.Finish(request, hasher, &entries); !made.ok()) {
        all.Fail(made);
        return;
      }
      (*builder)->Add(entries);
      all.Done(turn.size(), request, progress);
    }
  });
  if (!all.status().ok()) return all.status();

  // A name of its own, so that nothing published is ever written over.
  std::array<uint8_t, 6> random;
  crypto::FillRandom(absl::MakeSpan(random));
  Manifest::Index index{agreement_id, request.context.epoch, IndexLabel(request),
                        absl::StrCat("index.", manifest->generation, ".", crypto::Hex(random)),
                        request.made_of};
  if (absl::Status s = (*builder)->Finish(in_folder(index.file),
                                          {index.agreement_id, index.epoch, index.label}, hasher);
      !s.ok()) {
    return s;
  }
  auto& indexes = manifest->indexes;
  indexes.erase(std::remove_if(indexes.begin(), indexes.end(),
                               [&](const Manifest::Index& old) {
                                 return old.agreement_id == index.agreement_id &&
                                        old.epoch == index.epoch;
                               }),
                indexes.end());
  indexes.push_back(std::move(index));
  return absl::OkStatus();
}

absl::Status BuildIndexes(const BuildOptions& options) {
  const absl::StatusOr<FolderLock> lock = FolderLock::Take(options.folder);
  if (!lock.ok()) return lock.status();
  const absl::StatusOr<RecordKeys> keys = ReadRecordKeys(options.keys_folder);
  if (!keys.ok()) return keys.status();
  absl::StatusOr<PresentGeneration> present = PresentGeneration::Open(*lock, keys->person);
  if (!present.ok()) return present.status();
  if (!present->manifest.has_value()) return ReadManifest(options.folder).status();
  Manifest manifest = *present->manifest;
  for (const IndexRequest& request : options.indexes) {
    if (IsBuilt(manifest, request)) continue;
    if (absl::Status s = WriteIndex(*lock, *keys, present->overlay.get(), request, options.threads,
                                    options.progress, &manifest);
        !s.ok()) {
      return s;
    }
    ++manifest.change;
    if (absl::Status s = PublishManifest(options.folder, manifest); !s.ok()) return s;
  }
  return absl::OkStatus();
}

absl::Status DropIndex(const std::string& folder, absl::string_view agreement_id, uint32_t epoch) {
  const absl::StatusOr<FolderLock> lock = FolderLock::Take(folder);
  if (!lock.ok()) return lock.status();
  absl::StatusOr<Manifest> manifest = ReadManifest(folder);
  if (!manifest.ok()) return manifest.status();
  const Manifest::Index* index = manifest->FindIndex(agreement_id, epoch);
  if (index == nullptr) {
    return absl::NotFoundError(
        absl::StrCat("no index of agreement ", agreement_id, ", epoch ", epoch));
  }
  manifest->indexes.erase(manifest->indexes.begin() + (index - manifest->indexes.data()));
  ++manifest->change;
  return PublishManifest(folder, *manifest);
}

absl::StatusOr<size_t> DropRetiredIndexes(const std::string& folder, absl::Time now) {
  const auto retired = [now](const Manifest::Index& index) {
    return index.made_of.not_after <= now;
  };
  absl::StatusOr<Manifest> manifest = ReadManifest(folder);
  if (!manifest.ok()) return manifest.status();
  if (std::none_of(manifest->indexes.begin(), manifest->indexes.end(), retired)) return 0;
  const absl::StatusOr<FolderLock> lock = FolderLock::Take(folder);
  if (!lock.ok()) return lock.status();
  manifest = ReadManifest(folder);  // as it is under the lock
  if (!manifest.ok()) return manifest.status();
  auto& indexes = manifest->indexes;
  const auto kept = std::remove_if(indexes.begin(), indexes.end(), retired);
  const auto dropped = static_cast<size_t>(indexes.end() - kept);
  if (dropped == 0) return 0;
  indexes.erase(kept, indexes.end());
  ++manifest->change;
  if (absl::Status s = PublishManifest(folder, *manifest); !s.ok()) return s;
  return dropped;
}

}  // namespace vouch::server::records
