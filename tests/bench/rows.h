// What is measured: the rows of docs/performance.md.
#ifndef VOUCH_TESTS_BENCH_ROWS_H_
#define VOUCH_TESTS_BENCH_ROWS_H_

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "tests/bench/federation.h"
#include "tests/bench/report.h"

namespace vouch::bench {

struct Sizes {
  uint64_t people = 1000000;        // of the federation that is asked and loaded
  uint64_t many_people = 10000000;  // of the one whose start and memory are measured
  uint64_t calls = 100000;          // of one window
  int windows = 5;                  // of Verify, and as many of the echo between them
  int connections = 4;
  bool scaled = false;  // not the sizes the bounds are for
};

using Rows = absl::StatusOr<std::vector<Row>>;

// P-256 multiplications a second of CPU beside what is built of them. In this process.
Rows MeasureEvaluate(const Sizes& sizes);

// A federation with `sizes.people` people, on which the next three run. Loading it is itself a row.
class AskedFederation {
 public:
  // Nothing is loaded before it is needed.
  AskedFederation(std::string folder, const Sizes& sizes)
      : folder_(std::move(folder)), sizes_(sizes) {}

  Rows MeasureLoad();
  Rows MeasureTokenise();
  // `calls_per_second` 0: 256 calls in flight; otherwise paced, with the row on p99.
  Rows MeasureVerify(double calls_per_second);
  Rows MeasureBatch();

 private:
  absl::Status EnsureLoaded();
  // People nobody asked about in this run, as long as there are any.
  uint64_t TakePeople(uint64_t count);

  const std::string folder_;
  const Sizes sizes_;
  std::unique_ptr<Federation> federation_;
  std::string extract_;
  bool loaded_ = false;
  double load_seconds_ = 0;
  double load_cpu_ = 0;
  uint64_t next_person_ = 0;
};

// Memory of a node when `sizes.many_people` were all asked about once, and the time until it
// answers after a start with all of that.
Rows MeasureManyPeople(const std::string& folder, const Sizes& sizes);

// VerifyBatch messages of 1,000 people each, [first, first + count), over one stream; the server's
// CPU seconds for a million items.
absl::StatusOr<double> RunBatches(const Federation& federation, const ServerProcess& node,
                                  uint64_t first, uint64_t count);

}  // namespace vouch::bench

#endif  // VOUCH_TESTS_BENCH_ROWS_H_
