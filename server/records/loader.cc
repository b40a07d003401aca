#include "server/records/loader.h"

#include <algorithm>
#include <atomic>

#include "absl/strings/str_cat.h"
#include "server/records/generation_writer.h"
#include "server/records/parallel.h"
#include "server/records/row_maker.h"

namespace vouch::server::records {

namespace {

// Rows read, then made on all threads, then written in the order of the file.
constexpr size_t kChunk = 8192;
constexpr size_t kTurn = 64;
constexpr size_t kMostReported = 10000;
// Reading goes on after too many bad rows, so that most are reported at once, but not for ever.
constexpr uint64_t kGiveUpAfter = 100000;

class Load {
 public:
  Load(const LoadOptions& options, LoadReport* report) : options_(options), report_(report) {}

  absl::Status Run() {
    absl::StatusOr<FolderLock> lock = FolderLock::Take(options_.folder);
    if (!lock.ok()) return lock.status();
    absl::StatusOr<RecordKeys> keys = ReadRecordKeys(options_.keys_folder);
    if (!keys.ok()) return keys.status();
    absl::StatusOr<PresentGeneration> present = PresentGeneration::Open(*lock, keys->person);
    if (!present.ok()) return present.status();
    if (absl::Status s = CheckFits(*present); !s.ok()) return s;
    absl::StatusOr<std::shared_ptr<const FactColumns>> columns =
        ColumnsOf(options_.mapping, options_.catalogue);
    if (!columns.ok()) return columns.status();
    const crypto::SpellingRules* rules = crypto::FindSpellingRules(options_.spelling_rules);
    if (rules == nullptr) {
      return absl::InvalidArgumentError(
          absl::StrCat("unknown spelling rules ", options_.spelling_rules));
    }

    RowMaker::Settings settings;
    settings.mapping = &options_.mapping;
    settings.catalogue = &options_.catalogue;
    settings.columns = *columns;
    settings.keys = &*keys;
    settings.rules = rules;
    settings.use = options_.use;
    settings.today = options_.today;
    const RowMaker maker(settings);
    absl::StatusOr<std::unique_ptr<RowReader>> reader = OpenInputOf(options_, maker.wanted());
    if (!reader.ok()) return reader.status();
    absl::StatusOr<std::unique_ptr<GenerationWriter>> writer =
        GenerationWriter::Begin(*lock, *present, *columns, options_.use);
    if (!writer.ok()) return writer.status();

    if (absl::Status s = ReadAll(reader->get(), maker, writer->get()); !s.ok()) return s;
    if (report_->bad_rows > options_.max_errors) {
      return absl::FailedPreconditionError(absl::StrCat(report_->bad_rows, " bad rows, at most ",
                                                        options_.max_errors,
                                                        " allowed; nothing was loaded"));
    }
    if ((*writer)->people() == 0) {
      if (!options_.allow_empty || report_->rows > 0) {
        return absl::FailedPreconditionError("the input holds no person; nothing was loaded");
      }
      report_->data_as_of = options_.mapping.data_as_of.value_or(options_.today);
    }
    return Publish(*lock, *keys, *present, writer->get());
  }

 private:
  absl::Status CheckFits(const PresentGeneration& present) const {
    if (options_.catalogue.agency != options_.mapping.agency) {
      return absl::InvalidArgumentError(absl::StrCat("the mapping is for ", options_.mapping.agency,
                                                     ", the fact catalogue for ",
                                                     options_.catalogue.agency));
    }
    const std::vector<std::string> misfits =
        CheckAgainstCatalogue(options_.mapping, options_.catalogue);
    if (!misfits.empty()) return absl::InvalidArgumentError(misfits[0]);
    if (present.manifest.has_value() && (present.manifest->agency != options_.mapping.agency ||
                                         present.manifest->use != options_.use)) {
      return absl::FailedPreconditionError(
          absl::StrCat("the folder holds records of ", present.manifest->agency,
                       " or of another use; load into a folder of its own"));
    }
    return absl::OkStatus();
  }

  void AddBad(uint64_t number, uint64_t line, std::string reason) {
    ++report_->bad_rows;
    if (report_->bad.size() < kMostReported) {
      report_->bad.push_back({number, line, std::move(reason)});
    }
  }

  absl::Status ReadAll(RowReader* reader, const RowMaker& maker, GenerationWriter* writer) {
    const absl::Time started = absl::Now();
    const size_t threads = ThreadCount(options_.threads);
    std::vector<RawRow> raw(kChunk);
    std::vector<MadeRow> made(kChunk);
    for (bool more = true; more;) {
      size_t count = 0;
      while (count < kChunk && more) {
        const absl::StatusOr<bool> read = reader->Next(&raw[count]);
        if (!read.ok()) return read.status();
        more = *read;
        if (more) ++count;
      }
      std::atomic<size_t> next{0};
      RunOnThreads(threads, [&](size_t) {
        for (size_t from = next.fetch_add(kTurn); from < count; from = next.fetch_add(kTurn)) {
          for (size_t i = from; i < std::min(from + kTurn, count); ++i) {
            made[i] = maker.Make(*reader, &raw[i]);
          }
        }
      });
      for (size_t i = 0; i < count; ++i) {
        if (absl::Status s = Write(made[i], writer); !s.ok()) return s;
      }
      if (report_->bad_rows > options_.max_errors && report_->bad_rows > kGiveUpAfter) break;
      if (options_.progress) {
        const double seconds = absl::ToDoubleSeconds(absl::Now() - started);
        options_.progress({report_->rows, reader->bytes_read(), reader->bytes_total(),
                           seconds > 0 ? static_cast<double>(report_->rows) / seconds : 0});
      }
    }
    return absl::OkStatus();
  }

  absl::Status Write(const MadeRow& made, GenerationWriter* writer) {
    ++report_->rows;
    for (const crypto::Attribute attribute : made.left_out) ++report_->left_out[attribute];
    if (!made.error.empty()) {
      AddBad(made.number, made.line, made.error);
      return absl::OkStatus();
    }
    const absl::StatusOr<absl::optional<uint32_t>> number =
        writer->Put(made.person, made.row, made.identity);
    if (!number.ok()) return number.status();
    if (!number->has_value()) {
      AddBad(made.number, made.line,
             absl::StrCat("column ", options_.mapping.person_id_column,
                          ": an earlier row has the same source id"));
      return absl::OkStatus();
    }
    if (report_->people++ == 0 || made.as_of < report_->data_as_of) {
      report_->data_as_of = made.as_of;
    }
    return absl::OkStatus();
  }

  absl::Status Publish(const FolderLock& lock, const RecordKeys& keys,
                       const PresentGeneration& present, GenerationWriter* writer) {
    Manifest manifest;
    manifest.change = present.manifest.has_value() ? present.manifest->change + 1 : 1;
    manifest.agency = options_.mapping.agency;
    manifest.use = options_.use;
    manifest.data_as_of = report_->data_as_of;
    manifest.loaded_at = options_.now;
    manifest.person_check = PersonCheck(keys.person);
    if (absl::Status s = writer->FinishFiles(&manifest); !s.ok()) return s;
    for (const IndexRequest& request : options_.indexes) {
      if (absl::Status s = WriteIndex(lock, keys, nullptr, request, options_.threads,
                                      options_.index_progress, &manifest);
          !s.ok()) {
        RemoveUnnamedFiles(lock.folder(), present.manifest.value_or(Manifest()));
        return s;
      }
    }
    if (present.manifest.has_value()) {
      for (const Manifest::Index& old : present.manifest->indexes) {
        if (manifest.FindIndex(old.agreement_id, old.epoch) == nullptr) {
          report_->not_carried_over.push_back(old);
        }
      }
    }
    if (absl::Status s = PublishManifest(lock.folder(), manifest); !s.ok()) return s;
    report_->generation = manifest.generation;
    return absl::OkStatus();
  }

  const LoadOptions& options_;
  LoadReport* report_;
};

}  // namespace

absl::Status LoadRecords(const LoadOptions& options, LoadReport* report) {
  *report = LoadReport();
  return Load(options, report).Run();
}

absl::StatusOr<std::unique_ptr<RowReader>> OpenInputOf(const LoadOptions& options,
                                                       const std::vector<std::string>& columns) {
  if (options.rows) return options.rows(columns);
  return OpenRows(options.input, options.format, columns);
}

}  // namespace vouch::server::records
