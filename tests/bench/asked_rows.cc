#include <sys/resource.h>

#include <algorithm>
#include <chrono>
#include <filesystem>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "tests/bench/echo_server.h"
#include "tests/bench/rows.h"
#include "tests/bench/thread_time.h"

namespace vouch::bench {

namespace {

using Clock = std::chrono::steady_clock;

double OwnCpuSeconds() {
  rusage usage = {};
  getrusage(RUSAGE_SELF, &usage);
  const auto seconds = [](const timeval& time) {
    return static_cast<double>(time.tv_sec) + static_cast<double>(time.tv_usec) * 1e-6;
  };
  return seconds(usage.ru_utime) + seconds(usage.ru_stime);
}

double Since(Clock::time_point start) {
  return std::chrono::duration<double>(Clock::now() - start).count();
}

std::string InThousands(uint64_t number) {
  if (number % 1000000 == 0) return absl::StrCat(number / 1000000, " M");
  return number % 1000 == 0 ? absl::StrCat(number / 1000, " k") : absl::StrCat(number);
}

struct Window {
  double cpu_per_million = 0;
  double calls_per_second = 0;
  double p99 = 0;  // microseconds
};

absl::StatusOr<Window> RunWindow(const ServerProcess& server, const LoadOptions& options,
                                 const std::vector<std::string>& bodies) {
  const double before = server.CpuSeconds();
  absl::StatusOr<LoadResult> result = RunLoad(options, bodies);
  const double cpu = server.CpuSeconds() - before;
  if (!result.ok()) return result.status();
  if (result->failed > 0) {
    return absl::InternalError(absl::StrCat(result->failed, " of ", bodies.size(),
                                            " calls were refused: ", result->first_failure));
  }
  Window window;
  window.cpu_per_million = cpu * 1e6 / static_cast<double>(bodies.size());
  window.calls_per_second = static_cast<double>(bodies.size()) / result->seconds;
  window.p99 = Quantile(std::move(result->latencies), 0.99);
  return window;
}

double MedianOf(const std::vector<Window>& windows, double Window::*member) {
  std::vector<double> values;
  for (const Window& window : windows) values.push_back(window.*member);
  return Median(std::move(values));
}

}  // namespace

absl::Status AskedFederation::EnsureLoaded() {
  if (loaded_) return absl::OkStatus();
  std::filesystem::create_directories(folder_);
  absl::StatusOr<std::unique_ptr<Federation>> made = Federation::Make(folder_);
  if (!made.ok()) return made.status();
  federation_ = *std::move(made);
  Progress(absl::StrCat("writing an extract of ", InThousands(sizes_.people), " people"));
  extract_ = federation_->WriteExtract(sizes_.people);
  Progress("loading it");
  server::records::LoadReport report;
  const double cpu = OwnCpuSeconds();
  const Clock::time_point start = Clock::now();
  absl::Status loaded = federation_->Load(extract_, &report);
  load_seconds_ = Since(start);
  load_cpu_ = OwnCpuSeconds() - cpu;
  if (!loaded.ok()) return loaded;
  if (report.people != sizes_.people) {
    return absl::InternalError(absl::StrCat("only ", report.people, " people were loaded"));
  }
  loaded_ = true;
  return absl::OkStatus();
}

uint64_t AskedFederation::TakePeople(uint64_t count) {
  if (next_person_ + count > sizes_.people) next_person_ = 0;
  const uint64_t first = next_person_;
  next_person_ += count;
  return first;
}

Rows AskedFederation::MeasureLoad() {
  if (absl::Status s = EnsureLoaded(); !s.ok()) return s;
  Row wall;
  wall.name = absl::StrCat("loading ", InThousands(sizes_.people),
                           " people, 3 match keys, keyed-hash: by the clock");
  wall.value = load_seconds_;
  wall.unit = "s";
  wall.must = Bound::AtMost(60);
  wall.aim = Bound::AtMost(15);
  Row cpu = wall;
  cpu.name = absl::StrCat("loading ", InThousands(sizes_.people), " people: CPU");
  cpu.value = load_cpu_;
  cpu.unit = "CPU s";
  cpu.must = cpu.aim = Bound();
  return std::vector<Row>{wall, cpu};
}

Rows AskedFederation::MeasureTokenise() {
  if (absl::Status s = EnsureLoaded(); !s.ok()) return s;
  Progress(absl::StrCat("building the blind index of ", InThousands(sizes_.people), " people"));
  std::vector<double> multiplications = {MultiplicationsPerSecond(0.5)};
  const double cpu = OwnCpuSeconds();
  if (absl::Status s = federation_->BuildBlindIndex(); !s.ok()) return s;
  const double used = OwnCpuSeconds() - cpu;
  multiplications.push_back(MultiplicationsPerSecond(0.5));
  Row row;
  row.name = absl::StrCat("tokenising records, blind (", InThousands(sizes_.people),
                          " people, identities opened, index written); beside P-256 "
                          "multiplications");
  // Former names make further tokens, which are not counted.
  row.value = 3 * static_cast<double>(sizes_.people) / used;
  row.unit = "a CPU second";
  row.ceiling = Median(multiplications);
  row.must = Bound::AtLeast(0.33);
  row.aim = Bound::AtLeast(1.5);
  return std::vector<Row>{row};
}

Rows AskedFederation::MeasureVerify(double calls_per_second) {
  if (absl::Status s = EnsureLoaded(); !s.ok()) return s;
  absl::StatusOr<std::unique_ptr<ServerProcess>> node = federation_->StartNode();
  if (!node.ok()) return node.status();
  LoadOptions ask = federation_->Connection((*node)->port());
  ask.path = "/vouch.v1.Verification/Verify";
  ask.connections = sizes_.connections;

  const uint64_t warm = std::max<uint64_t>(sizes_.calls / 10, 512);
  absl::StatusOr<LoadResult> first = RunLoad(ask, federation_->Requests(TakePeople(warm), warm));
  if (!first.ok()) return first.status();
  if (first->failed > 0) {
    return absl::InternalError(absl::StrCat("refused: ", first->first_failure));
  }
  absl::StatusOr<std::unique_ptr<ServerProcess>> echo = federation_->StartEcho(first->answer_bytes);
  if (!echo.ok()) return echo.status();
  LoadOptions bare = ask;
  bare.port = (*echo)->port();
  bare.path = kEchoPath;
  const size_t request_bytes = federation_->Requests(0, 1).front().size();
  absl::StatusOr<LoadResult> warmed =
      RunLoad(bare, std::vector<std::string>(warm, EchoRequest(request_bytes)));
  if (!warmed.ok()) return warmed.status();
  Progress(
      absl::StrFormat("requests of %d bytes, answers of %d", request_bytes, first->answer_bytes));

  const uint64_t calls = calls_per_second > 0 ? sizes_.calls / 2 : sizes_.calls;
  ask.calls_per_second = bare.calls_per_second = calls_per_second;
  const std::vector<std::string> echoes(calls, EchoRequest(request_bytes));
  std::vector<Window> asked, echoed;
  for (int i = 0; i < sizes_.windows; ++i) {
    const std::vector<std::string> bodies = federation_->Requests(TakePeople(calls), calls);
    absl::StatusOr<Window> one = RunWindow(**echo, bare, echoes);
    if (!one.ok()) return one.status();
    absl::StatusOr<Window> other = RunWindow(**node, ask, bodies);
    if (!other.ok()) return other.status();
    Progress(
        absl::StrFormat("window %d: echo %.1f CPU-s/M, %.0f/s, p99 %.2f ms; Verify %.1f "
                        "CPU-s/M, %.0f/s, p99 %.2f ms",
                        i + 1, one->cpu_per_million, one->calls_per_second, one->p99 / 1000,
                        other->cpu_per_million, other->calls_per_second, other->p99 / 1000));
    echoed.push_back(*one);
    asked.push_back(*other);
  }

  Row cost;
  cost.name = calls_per_second > 0 ? absl::StrFormat("Verify at a paced %.0f a second; beside echo",
                                                     calls_per_second)
                                   : "Verify, 256 in flight; beside echo";
  cost.value = MedianOf(asked, &Window::cpu_per_million);
  cost.unit = "CPU-s/M";
  cost.ceiling = MedianOf(echoed, &Window::cpu_per_million);
  cost.must = Bound::AtMost(2.5);
  cost.aim = Bound::AtMost(calls_per_second > 0 ? 1.7 : 1.5);
  std::vector<Row> rows = {cost};
  if (calls_per_second > 0) {
    Row p99;
    p99.name = absl::StrFormat("p99 of Verify at %.0f a second; beside echo", calls_per_second);
    p99.value = MedianOf(asked, &Window::p99) / 1000;
    p99.unit = "ms";
    p99.ceiling = MedianOf(echoed, &Window::p99) / 1000;
    p99.must = Bound::AtMost(3);
    p99.aim = Bound::AtMost(1.5);
    rows.push_back(p99);
  }
  return rows;
}

Rows AskedFederation::MeasureBatch() {
  if (absl::Status s = EnsureLoaded(); !s.ok()) return s;
  absl::StatusOr<std::unique_ptr<ServerProcess>> node = federation_->StartNode();
  if (!node.ok()) return node.status();
  const uint64_t warm = std::min<uint64_t>(10000, sizes_.people / 10);
  if (auto s = RunBatches(*federation_, **node, TakePeople(warm), warm); !s.ok()) return s.status();
  std::vector<double> costs;
  for (int i = 0; i < sizes_.windows; ++i) {
    const uint64_t first = TakePeople(sizes_.calls);
    absl::StatusOr<double> cost = RunBatches(*federation_, **node, first, sizes_.calls);
    if (!cost.ok()) return cost.status();
    Progress(absl::StrFormat("window %d: VerifyBatch %.2f CPU-s/M", i + 1, *cost));
    costs.push_back(*cost);
  }
  Row row;
  row.name = "VerifyBatch, 1,000 a message";
  row.value = Median(costs);
  row.unit = "CPU-s/M";
  row.must = Bound::AtMost(6);
  row.aim = Bound::AtMost(3);
  return std::vector<Row>{row};
}

Rows MeasureManyPeople(const std::string& folder, const Sizes& sizes) {
  std::filesystem::create_directories(folder);
  absl::StatusOr<std::unique_ptr<Federation>> made = Federation::Make(folder);
  if (!made.ok()) return made.status();
  const Federation& federation = **made;
  const std::string how_many = InThousands(sizes.many_people);
  Progress(absl::StrCat("writing an extract of ", how_many, " people"));
  const std::string extract = federation.WriteExtract(sizes.many_people);
  Progress("loading it");
  server::records::LoadReport report;
  if (absl::Status s = federation.Load(extract, &report); !s.ok()) return s;
  std::filesystem::remove(extract);

  absl::StatusOr<std::unique_ptr<ServerProcess>> node = federation.StartNode();
  if (!node.ok()) return node.status();
  Progress("asking about each of them once");
  // The last one is left for the first question after the next start.
  const uint64_t asked = sizes.many_people - 1;
  for (uint64_t done = 0; done < asked;) {
    const uint64_t count = std::min<uint64_t>(200000, asked - done);
    absl::StatusOr<double> cost = RunBatches(federation, **node, done, count);
    if (!cost.ok()) return cost.status();
    done += count;
    Progress(absl::StrFormat("%d asked about, %.2f CPU-s/M, RssAnon %.0f MiB", done, *cost,
                             (*node)->RssAnonMib()));
  }
  Row memory;
  memory.name = absl::StrCat("RssAnon at ", how_many, " people, all charged once, ids remembered");
  memory.value = (*node)->RssAnonMib();
  memory.unit = "MiB";
  memory.must = Bound::AtMost(2048);
  memory.aim = Bound::AtMost(900);
  (*node)->Stop();

  const std::vector<std::string> last = federation.Requests(asked, 1);
  const Clock::time_point start = Clock::now();
  node = federation.StartNode();
  if (!node.ok()) return node.status();
  LoadOptions ask = federation.Connection((*node)->port());
  ask.path = "/vouch.v1.Verification/Verify";
  ask.connections = 1;
  absl::StatusOr<LoadResult> answered = RunLoad(ask, last);
  const double seconds = Since(start);
  if (!answered.ok()) return answered.status();
  if (answered->failed > 0) {
    return absl::InternalError(absl::StrCat("refused: ", answered->first_failure));
  }
  Row ready;
  ready.name =
      absl::StrCat("from start to the first answer with ", how_many, " people and their charges");
  ready.value = seconds;
  ready.unit = "s";
  ready.must = Bound::AtMost(2);
  ready.aim = Bound::AtMost(0.5);
  Row cpu = ready;
  cpu.name = absl::StrCat("CPU of that start");
  cpu.value = (*node)->CpuSeconds();
  cpu.unit = "CPU s";
  cpu.must = cpu.aim = Bound();
  return std::vector<Row>{memory, ready, cpu};
}

}  // namespace vouch::bench
