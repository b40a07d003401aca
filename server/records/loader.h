// `vouch records load`: an extract becomes a new generation, whole or not at all.
#ifndef VOUCH_SERVER_RECORDS_LOADER_H_
#define VOUCH_SERVER_RECORDS_LOADER_H_

#include <functional>
#include <map>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/time/civil_time.h"
#include "absl/time/time.h"
#include "crypto/identity.h"
#include "policies/engine/agreement.h"
#include "server/records/index_builder.h"
#include "server/records/mapping.h"
#include "server/records/row_reader.h"

namespace vouch::server::records {

struct BadRow {
  uint64_t number = 0;  // the first row after a CSV header is 1
  uint64_t line = 0;    // 0: not in a file
  std::string reason;   // what was expected; never what was found
};

struct LoadProgress {
  uint64_t rows = 0;
  uint64_t bytes = 0, bytes_total = 0;  // 0 in total: not known
  double rows_per_second = 0;
};

struct LoadOptions {
  std::string folder;       // .../records; created when missing
  std::string keys_folder;  // index.key, person.key, identity.key
  std::string input;
  InputFormat format = InputFormat::kCsv;
  OpenInput rows;  // when set, in place of the two above
  Mapping mapping;
  policies::FactCatalogue catalogue;
  crypto::IdentityUse use = crypto::IdentityUse::kTest;
  std::string spelling_rules = "names/1";  // by which identity values are judged
  absl::Time now;
  absl::CivilDay today;
  uint64_t max_errors = 0;  // bad rows that may be left out
  // Nobody is a data set too, but most often a mistake.
  bool allow_empty = false;
  // Built before the generation is published, so that no agreement that has one becomes not ready.
  std::vector<IndexRequest> indexes;
  size_t threads = 0;  // 0: one for each processor
  std::function<void(const LoadProgress&)> progress;
  OnIndexProgress index_progress;
};

struct LoadReport {
  uint64_t rows = 0;    // read
  uint64_t people = 0;  // loaded
  uint64_t bad_rows = 0;
  std::vector<BadRow> bad;  // the first 10,000
  // Identity values that are not valid and were left out, by attribute.
  std::map<crypto::Attribute, uint64_t> left_out;
  uint64_t generation = 0;
  absl::CivilDay data_as_of;
  // Indexes of the generation before that the new one lacks: their agreements answer NOT_READY
  // until they are built.
  std::vector<Manifest::Index> not_carried_over;
};

// Loads the whole data set: people who are not in the input are no longer found. FailedPrecondition
// when there were more bad rows than allowed, nobody was left (unless allowed), or another load is
// under way; the present generation then stays. `report` is filled either way.
absl::Status LoadRecords(const LoadOptions& options, LoadReport* report);

// The input that the options name.
absl::StatusOr<std::unique_ptr<RowReader>> OpenInputOf(const LoadOptions& options,
                                                       const std::vector<std::string>& columns);

}  // namespace vouch::server::records

#endif  // VOUCH_SERVER_RECORDS_LOADER_H_
