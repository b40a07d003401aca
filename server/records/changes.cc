#include "server/records/changes.h"

#include <sys/stat.h>

#include <algorithm>
#include <array>
#include <utility>

#include "absl/strings/str_cat.h"
#include "crypto/random.h"
#include "server/records/generation_writer.h"
#include "server/records/row_maker.h"

namespace vouch::server::records {

namespace {

// 0 when it is not there.
uint64_t SizeOf(const std::string& path) {
  struct stat status;
  return stat(path.c_str(), &status) == 0 ? static_cast<uint64_t>(status.st_size) : 0;
}

// The folder locked, with its keys and what it holds.
struct Opened {
  FolderLock lock;
  RecordKeys keys;
  PresentGeneration present;

  std::string Path(const std::string& name) const { return absl::StrCat(lock.folder(), "/", name); }
};

absl::StatusOr<Opened> OpenForChange(const std::string& folder, const std::string& keys_folder) {
  absl::StatusOr<FolderLock> lock = FolderLock::Take(folder);
  if (!lock.ok()) return lock.status();
  absl::StatusOr<RecordKeys> keys = ReadRecordKeys(keys_folder);
  if (!keys.ok()) return keys.status();
  absl::StatusOr<PresentGeneration> present = PresentGeneration::Open(*lock, keys->person);
  if (!present.ok()) return present.status();
  if (!present->manifest.has_value()) return ReadManifest(folder).status();
  return Opened{std::move(*lock), std::move(*keys), std::move(*present)};
}

// The record numbers of everybody ever loaded, changes since then included.
class KnownPeople {
 public:
  explicit KnownPeople(const PresentGeneration& present) : present_(present) {
    next_ = present.facts->rows();
    numbers_.Reserve(next_);
    for (uint32_t record = 0; record < next_; ++record) {
      PersonHandle person;
      CopyHandle(present.facts->Row(record), &person);
      numbers_.Insert(person, record);
    }
    for (const auto& [record, change] : present.overlay->changes()) {
      added_.emplace(change.person, record);
      next_ = std::max(next_, record + 1);
    }
  }
  absl::optional<uint32_t> Find(const PersonHandle& person) const {
    const auto added = added_.find(person);
    if (added != added_.end()) return added->second;
    return numbers_.Find(person, [&](uint32_t record) {
      PersonHandle handle;
      CopyHandle(present_.facts->Row(record), &handle);
      return handle == person;
    });
  }
  // The number of a person, given out now if there is none.
  uint32_t NumberOf(const PersonHandle& person) {
    const absl::optional<uint32_t> known = Find(person);
    if (known.has_value()) return *known;
    added_.emplace(person, next_);
    return next_++;
  }

 private:
  const PresentGeneration& present_;
  HandleNumbers numbers_;
  absl::flat_hash_map<PersonHandle, uint32_t> added_;
  uint32_t next_ = 0;
};

bool IsPresent(const PresentGeneration& present, uint32_t record) {
  if (const OverlayChange* change = present.overlay->Find(record); change != nullptr) {
    return !change->deleted;
  }
  const uint8_t* row = present.facts->Row(record);
  return row != nullptr && RowPresent(row);
}

absl::Status AppendTokens(const Opened& opened, const std::vector<IndexRequest>& requests,
                          const crypto::Identity& identity, OverlayChange* change) {
  for (const IndexRequest& request : requests) {
    if (!IsBuilt(*opened.present.manifest, request)) continue;
    const crypto::TokenContext& context = request.context;
    const IndexHasher hasher(opened.keys.index, context.agreement_id, context.epoch);
    std::vector<IndexEntry> entries;
    IndexBatch batch;
    absl::Status made = batch.Add(request, identity, change->record);
    if (made.ok()) made = batch.Finish(request, hasher, &entries);
    if (!made.ok()) return made;
    OverlayChange::Tokens tokens{context.agreement_id, context.epoch, IndexLabel(request), 0, {}};
    for (const IndexEntry& entry : entries) {
      tokens.formed = entry.formed;
      tokens.values.push_back(entry.value);
    }
    change->tokens.push_back(std::move(tokens));
  }
  return absl::OkStatus();
}

absl::Status CheckUpsert(const LoadOptions& options, const Opened& opened,
                         const FactColumns& columns) {
  const Manifest& manifest = *opened.present.manifest;
  if (manifest.agency != options.mapping.agency || manifest.use != options.use) {
    return absl::FailedPreconditionError(
        "the folder holds records of another agency or of another use");
  }
  if (columns.columns() != opened.present.facts->columns()->columns()) {
    return absl::FailedPreconditionError(
        "the mapping's facts are not those of the last load; load the whole data set instead");
  }
  for (const Manifest::Index& index : manifest.indexes) {
    const bool covered =
        std::any_of(options.indexes.begin(), options.indexes.end(), [&](const IndexRequest& r) {
          return r.context.agreement_id == index.agreement_id && r.context.epoch == index.epoch &&
                 IndexLabel(r) == index.label;
        });
    if (!covered) {
      return absl::FailedPreconditionError(absl::StrCat(
          "no token key at hand for agreement ", index.agreement_id, ", epoch ", index.epoch,
          ", which has an index: the changed people would not be found under it"));
    }
  }
  return absl::OkStatus();
}

std::string FreshIndexName(uint64_t generation) {
  std::array<uint8_t, 6> random;
  crypto::FillRandom(absl::MakeSpan(random));
  return absl::StrCat("index.", generation, ".", crypto::Hex(random));
}

absl::Status MergeIndex(const Opened& opened, const Manifest::Index& old, Manifest* merged) {
  const Overlay& overlay = *opened.present.overlay;
  const IndexHasher hasher(opened.keys.index, old.agreement_id, old.epoch);
  const absl::StatusOr<std::unique_ptr<TokenIndex>> index =
      TokenIndex::Open(opened.Path(old.file), hasher);
  if (!index.ok()) return index.status();
  absl::StatusOr<std::unique_ptr<TokenIndexBuilder>> builder =
      TokenIndexBuilder::Create(opened.lock.folder());
  if (!builder.ok()) return builder.status();

  constexpr size_t kTurn = 4096;
  std::vector<IndexEntry> entries;
  const absl::Status copied = (*index)->ForEach([&](const IndexEntry& entry) {
    const OverlayChange* change = overlay.Find(entry.record);
    if (change != nullptr && (change->deleted || change->FindTokens(old.agreement_id, old.epoch,
                                                                    old.label) != nullptr)) {
      return;
    }
    entries.push_back(entry);
    if (entries.size() < kTurn) return;
    (*builder)->Add(entries);
    entries.clear();
  });
  if (!copied.ok()) return copied;
  for (const auto& [record, change] : overlay.changes()) {
    const OverlayChange::Tokens* tokens = change.FindTokens(old.agreement_id, old.epoch, old.label);
    if (tokens == nullptr) continue;
    for (const IndexValue& value : tokens->values) {
      IndexEntry entry;
      entry.value = value;
      entry.record = record;
      entry.formed = tokens->formed;
      entries.push_back(entry);
    }
  }
  (*builder)->Add(entries);
  Manifest::Index fresh = old;
  fresh.file = FreshIndexName(merged->generation);
  if (absl::Status s = (*builder)->Finish(opened.Path(fresh.file), (*index)->name(), hasher);
      !s.ok()) {
    return s;
  }
  merged->indexes.push_back(std::move(fresh));
  return absl::OkStatus();
}

absl::Status CopyPeople(const Opened& opened, GenerationWriter* writer) {
  const PresentGeneration& present = opened.present;
  const absl::StatusOr<std::unique_ptr<IdentitiesFile>> identities =
      IdentitiesFile::Open(opened.Path(present.manifest->identities_file));
  if (!identities.ok()) return identities.status();
  const size_t row_size = present.facts->columns()->row_size();
  const auto put = [&](const uint8_t* row, const SealedIdentity& identity) {
    PersonHandle person;
    CopyHandle(row, &person);
    return writer
        ->Put(person, absl::string_view(reinterpret_cast<const char*>(row), row_size), identity)
        .status();
  };
  uint64_t offset = 0;
  uint32_t record = 0;
  SealedIdentity identity;
  for (;;) {
    const absl::StatusOr<bool> read = (*identities)->Next(&offset, &record, &identity);
    if (!read.ok()) return read.status();
    if (!*read) break;
    if (present.overlay->Find(record) != nullptr) continue;
    const uint8_t* row = present.facts->Row(record);
    if (row == nullptr) return absl::DataLossError("the sealed identities do not fit the facts");
    if (absl::Status s = put(row, identity); !s.ok()) return s;
  }
  for (const auto& [number, change] : present.overlay->changes()) {
    if (change.deleted) continue;
    if (absl::Status s = put(reinterpret_cast<const uint8_t*>(change.row.data()), change.identity);
        !s.ok()) {
      return s;
    }
  }
  return absl::OkStatus();
}

}  // namespace

absl::Status UpsertRecords(const LoadOptions& options, LoadReport* report) {
  *report = LoadReport();
  absl::StatusOr<Opened> opened = OpenForChange(options.folder, options.keys_folder);
  if (!opened.ok()) return opened.status();
  const std::vector<std::string> misfits =
      CheckAgainstCatalogue(options.mapping, options.catalogue);
  if (!misfits.empty()) return absl::InvalidArgumentError(misfits[0]);
  const absl::StatusOr<std::shared_ptr<const FactColumns>> columns =
      ColumnsOf(options.mapping, options.catalogue);
  if (!columns.ok()) return columns.status();
  if (absl::Status s = CheckUpsert(options, *opened, **columns); !s.ok()) return s;

  RowMaker::Settings settings;
  settings.mapping = &options.mapping;
  settings.catalogue = &options.catalogue;
  settings.columns = *columns;
  settings.keys = &opened->keys;
  settings.rules = crypto::FindSpellingRules(options.spelling_rules);
  if (settings.rules == nullptr) {
    return absl::InvalidArgumentError(
        absl::StrCat("unknown spelling rules ", options.spelling_rules));
  }
  settings.use = options.use;
  settings.today = options.today;
  settings.keep_clear = true;
  const RowMaker maker(settings);
  absl::StatusOr<std::unique_ptr<RowReader>> reader = OpenInputOf(options, maker.wanted());
  if (!reader.ok()) return reader.status();

  KnownPeople known(opened->present);
  absl::flat_hash_map<PersonHandle, uint64_t> seen;
  std::vector<OverlayChange> changes;
  RawRow raw;
  for (;;) {
    const absl::StatusOr<bool> read = (*reader)->Next(&raw);
    if (!read.ok()) return read.status();
    if (!*read) break;
    ++report->rows;
    MadeRow made = maker.Make(**reader, &raw);
    for (const crypto::Attribute attribute : made.left_out) ++report->left_out[attribute];
    if (made.error.empty() && !seen.emplace(made.person, made.number).second) {
      made.error = absl::StrCat("column ", options.mapping.person_id_column,
                                ": an earlier row has the same source id");
    }
    if (const absl::CivilDay of_set = opened->present.manifest->data_as_of;
        made.error.empty() && made.as_of < of_set) {
      // Every answer and receipt names the set's day.
      made.error = absl::StrCat("expected as of ", absl::FormatCivilTime(of_set),
                                ", the day of the data set, or later: load all records again");
    }
    if (!made.error.empty()) {
      ++report->bad_rows;
      report->bad.push_back({made.number, made.line, made.error});
      continue;
    }
    OverlayChange change;
    change.person = made.person;
    change.record = known.NumberOf(made.person);
    change.row = std::move(made.row);
    (*columns)->Renumber(change.record, reinterpret_cast<uint8_t*>(&change.row[0]));
    change.identity = std::move(made.identity);
    if (absl::Status s = AppendTokens(*opened, options.indexes, made.clear, &change); !s.ok()) {
      return s;
    }
    changes.push_back(std::move(change));
  }
  if (report->bad_rows > options.max_errors) {
    return absl::FailedPreconditionError(absl::StrCat(
        report->bad_rows, " bad rows, at most ", options.max_errors, " allowed; nothing changed"));
  }
  absl::StatusOr<OverlayLog> log =
      OverlayLog::Open(opened->Path(opened->present.manifest->overlay_file));
  if (!log.ok()) return log.status();
  if (absl::Status s = log->Append(changes); !s.ok()) return s;
  report->people = changes.size();
  report->generation = opened->present.manifest->generation;
  report->data_as_of = opened->present.manifest->data_as_of;
  return absl::OkStatus();
}

absl::StatusOr<size_t> DeleteRecords(const ChangeFolders& folders,
                                     absl::Span<const std::string> source_ids) {
  absl::StatusOr<Opened> opened = OpenForChange(folders.folder, folders.keys_folder);
  if (!opened.ok()) return opened.status();
  const KnownPeople known(opened->present);
  const FactColumns& columns = *opened->present.facts->columns();
  absl::flat_hash_map<uint32_t, OverlayChange> changes;
  for (const std::string& source_id : source_ids) {
    const PersonHandle person = HandleOf(opened->keys.person, source_id);
    const absl::optional<uint32_t> record = known.Find(person);
    if (!record.has_value() || !IsPresent(opened->present, *record)) continue;
    OverlayChange change;
    change.deleted = true;
    change.person = person;
    change.record = *record;
    change.row.resize(columns.row_size());
    columns.MakeAbsentRow(person, *record, reinterpret_cast<uint8_t*>(&change.row[0]));
    changes.emplace(*record, std::move(change));
  }
  absl::StatusOr<OverlayLog> log =
      OverlayLog::Open(opened->Path(opened->present.manifest->overlay_file));
  if (!log.ok()) return log.status();
  std::vector<OverlayChange> ordered;
  for (auto& [record, change] : changes) ordered.push_back(std::move(change));
  if (absl::Status s = log->Append(ordered); !s.ok()) return s;
  return ordered.size();
}

absl::Status MergeChanges(const ChangeFolders& folders) {
  const absl::StatusOr<Opened> opened = OpenForChange(folders.folder, folders.keys_folder);
  if (!opened.ok()) return opened.status();
  const PresentGeneration& present = opened->present;
  if (present.overlay->empty()) return absl::OkStatus();
  absl::StatusOr<std::unique_ptr<GenerationWriter>> writer = GenerationWriter::Begin(
      opened->lock, present, present.facts->columns(), present.manifest->use);
  if (!writer.ok()) return writer.status();
  if (absl::Status s = CopyPeople(*opened, writer->get()); !s.ok()) return s;
  Manifest merged = *present.manifest;
  merged.indexes.clear();
  ++merged.change;
  absl::Status done = (*writer)->FinishFiles(&merged);
  for (const Manifest::Index& old : present.manifest->indexes) {
    if (done.ok()) done = MergeIndex(*opened, old, &merged);
  }
  if (done.ok()) done = PublishManifest(opened->lock.folder(), merged);
  return done;
}

absl::StatusOr<uint64_t> UnmergedBytes(const std::string& folder) {
  const absl::StatusOr<Manifest> manifest = ReadManifest(folder);
  if (!manifest.ok()) return manifest.status();
  const uint64_t size = SizeOf(absl::StrCat(folder, "/", manifest->overlay_file));
  return size <= kOverlayHeader ? 0 : size - kOverlayHeader;
}

absl::StatusOr<uint64_t> MergeAt(const std::string& folder, uint64_t least) {
  const absl::StatusOr<Manifest> manifest = ReadManifest(folder);
  if (!manifest.ok()) return manifest.status();
  constexpr uint64_t kShare = 64;
  return std::max(least, SizeOf(absl::StrCat(folder, "/", manifest->identities_file)) / kShare);
}

absl::StatusOr<bool> HoldPerson(const ChangeFolders& folders, absl::string_view source_id,
                                HoldReason reason, absl::Time now) {
  const absl::StatusOr<FolderLock> lock = FolderLock::Take(folders.folder);
  if (!lock.ok()) return lock.status();
  const absl::StatusOr<crypto::HmacKey> key = ReadPersonKey(folders.keys_folder);
  if (!key.ok()) return key.status();
  const absl::StatusOr<std::shared_ptr<const Holds>> holds = ReadHolds(folders.folder);
  if (!holds.ok()) return holds.status();
  const PersonHandle person = HandleOf(*key, source_id);
  for (const Hold& hold : (*holds)->all()) {
    if (hold.person == person && hold.reason == reason) return false;
  }
  if (absl::Status s = (*holds)->With({person, reason, now}).Write(HoldsPath(folders.folder));
      !s.ok()) {
    return s;
  }
  return true;
}

absl::StatusOr<bool> ReleasePerson(const ChangeFolders& folders, absl::string_view source_id) {
  const absl::StatusOr<FolderLock> lock = FolderLock::Take(folders.folder);
  if (!lock.ok()) return lock.status();
  const absl::StatusOr<crypto::HmacKey> key = ReadPersonKey(folders.keys_folder);
  if (!key.ok()) return key.status();
  const absl::StatusOr<std::shared_ptr<const Holds>> holds = ReadHolds(folders.folder);
  if (!holds.ok()) return holds.status();
  const PersonHandle person = HandleOf(*key, source_id);
  if (!(*holds)->Contains(person)) return false;
  if (absl::Status s = (*holds)->Without(person).Write(HoldsPath(folders.folder)); !s.ok()) {
    return s;
  }
  return true;
}

absl::StatusOr<std::shared_ptr<const Holds>> ReadHolds(const std::string& folder) {
  return Holds::Read(HoldsPath(folder));
}

}  // namespace vouch::server::records
