// What the journal costs: CPU time an item at several spans, memory a row, and the time to open
// again. Run in a folder on the disk that will hold the journal:
//   journal_bench FOLDER commits            CPU and wall time of spans of 1, 100 and 512 items
//   journal_bench FOLDER fill PEOPLE        one answer for each person, then an image
//   journal_bench FOLDER image              writes an image, so that nothing is left to replay
//   journal_bench FOLDER open               time to open, memory after it
#include <sys/resource.h>

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <fstream>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "server/journal/journal.h"

namespace vouch::server::journal {
namespace {

constexpr uint32_t kNow = 1795219200;

double Seconds(std::chrono::steady_clock::time_point from) {
  return std::chrono::duration<double>(std::chrono::steady_clock::now() - from).count();
}

double CpuSeconds() {
  rusage usage = {};
  getrusage(RUSAGE_SELF, &usage);
  const auto seconds = [](const timeval& time) { return time.tv_sec + time.tv_usec * 1e-6; };
  return seconds(usage.ru_utime) + seconds(usage.ru_stime);
}

double RssAnonMib() {
  std::ifstream status("/proc/self/status");
  for (std::string line; std::getline(status, line);) {
    if (line.compare(0, 8, "RssAnon:") == 0) return std::atof(line.c_str() + 8) / 1024;
  }
  return 0;
}

// A bijection of 64-bit numbers (SplitMix64's finish): spread like an HMAC, and much cheaper.
uint64_t Spread(uint64_t value) {
  value += 0x9e3779b97f4a7c15;
  value = (value ^ (value >> 30)) * 0xbf58476d1ce4e5b9;
  value = (value ^ (value >> 27)) * 0x94d049bb133111eb;
  return value ^ (value >> 31);
}

RowKey KeyFor(uint64_t kind, uint64_t number) {
  const uint64_t words[2] = {Spread(number * 8 + kind), Spread(Spread(number * 8 + kind) + kind)};
  RowKey key;
  std::memcpy(key.data(), words, sizeof(words));
  return key;
}

class Steps : public CommitSteps {
 public:
  Steps(size_t entry_size, size_t sealed_size)
      : entry_size_(entry_size), sealed_size_(sealed_size) {}
  bool StillPermitted(size_t, uint32_t) override { return true; }
  Written Write(size_t, uint32_t, const Decision&) override {
    return {std::string(entry_size_, 'e'), std::string(sealed_size_, 's')};
  }

 private:
  const size_t entry_size_;
  const size_t sealed_size_;
};

class Driver {
 public:
  Driver(Journal* journal, size_t entry_size, size_t sealed_size)
      : journal_(journal), steps_(entry_size, sealed_size) {
    limits_.times_asked = {4, absl::Hours(24 * 30)};
    limits_.different_values = {2, absl::InfiniteDuration()};
    limits_.new_people = {1000000000, absl::Hours(24)};
    limits_.whole_agreement = {1000000000, absl::Hours(24)};
  }

  // Answers for `items` people not asked about before.
  void Commit(size_t items) {
    proposals_.resize(items);
    for (Proposal& proposal : proposals_) {
      const uint64_t person = next_++;
      proposal.request = KeyFor(0, person);
      std::memcpy(proposal.content.data(), proposal.request.data(), 16);
      proposal.remember_until = kNow + 8 * 86400;
      proposal.epoch = 1;
      proposal.charges.tokens = KeyFor(1, person);
      proposal.charges.people = {KeyFor(2, person), KeyFor(3, person), KeyFor(4, person)};
      proposal.charges.limits = &limits_;
      proposal.charges.rows_die_after = kNow + 365 * 86400;
    }
    const auto committed = journal_->Commit(proposals_, absl::FromUnixSeconds(kNow), &steps_);
    if (!committed.ok()) {
      std::fprintf(stderr, "%s\n", std::string(committed.status().message()).c_str());
      std::exit(1);
    }
  }

 private:
  Journal* journal_;
  Steps steps_;
  policies::Limits limits_;
  std::vector<Proposal> proposals_;
  uint64_t next_ = 1;
};

std::unique_ptr<Journal> Open(const std::string& folder, uint64_t tail_bytes) {
  auto journal = OpenFileJournal({folder, "bench.example/ledger/2026", tail_bytes});
  if (!journal.ok()) {
    std::fprintf(stderr, "%s\n", std::string(journal.status().message()).c_str());
    std::exit(1);
  }
  return *std::move(journal);
}

void MeasureCommits(const std::string& folder) {
  const auto journal = Open(folder, uint64_t{384} << 20);
  // As large as the walk's.
  Driver driver(journal.get(), 230, 200);
  driver.Commit(512);
  for (const size_t span : {1, 100, 512}) {
    const size_t commits = span == 1 ? 10000 : 200000 / span;
    const double cpu = CpuSeconds();
    const auto start = std::chrono::steady_clock::now();
    double longest = 0;
    for (size_t i = 0; i < commits; ++i) {
      const auto commit = std::chrono::steady_clock::now();
      driver.Commit(span);
      longest = std::max(longest, Seconds(commit));
    }
    const double items = static_cast<double>(commits * span);
    std::printf("span %4zu: %6.2f us CPU, %6.2f us wall an item; longest commit %.1f ms\n", span,
                (CpuSeconds() - cpu) * 1e6 / items, Seconds(start) * 1e6 / items, longest * 1e3);
  }
}

void Fill(const std::string& folder, uint64_t people) {
  const double before = RssAnonMib();
  const auto journal = Open(folder, uint64_t{384} << 20);
  // Entries do not stay in memory: small ones fill the tables sooner.
  Driver driver(journal.get(), 32, 0);
  const auto start = std::chrono::steady_clock::now();
  double longest = 0;
  for (uint64_t done = 0; done < people; done += 512) {
    const auto commit = std::chrono::steady_clock::now();
    driver.Commit(512);
    longest = std::max(longest, Seconds(commit));
  }
  const auto figures = journal->figures();
  std::printf("%.1f s; %llu charge rows, %llu ids; %.0f MiB anonymous; longest commit %.0f ms\n",
              Seconds(start), static_cast<unsigned long long>(figures.charge_rows),
              static_cast<unsigned long long>(figures.remembered), RssAnonMib() - before,
              longest * 1e3);
  std::printf("tail %.0f MiB\n", static_cast<double>(figures.tail_bytes) / (1 << 20));
}

void WriteImage(const std::string& folder) {
  const auto journal = Open(folder, 0);
  const auto start = std::chrono::steady_clock::now();
  while (journal->figures().tail_bytes > 0) {
    std::this_thread::sleep_for(std::chrono::milliseconds(10));
  }
  std::printf("image written in %.2f s\n", Seconds(start));
}

void MeasureOpening(const std::string& folder) {
  const double before = RssAnonMib();
  const double cpu = CpuSeconds();
  const auto start = std::chrono::steady_clock::now();
  const auto journal = Open(folder, uint64_t{1} << 50);
  const double seconds = Seconds(start);
  const auto figures = journal->figures();
  std::printf("open in %.2f s (%.2f s CPU); tail %.0f MiB; %llu charge rows, %llu ids; %.0f MiB\n",
              seconds, CpuSeconds() - cpu, static_cast<double>(figures.tail_bytes) / (1 << 20),
              static_cast<unsigned long long>(figures.charge_rows),
              static_cast<unsigned long long>(figures.remembered), RssAnonMib() - before);
}

}  // namespace
}  // namespace vouch::server::journal

int main(int argc, char** argv) {
  using namespace vouch::server::journal;  // NOLINT(google-build-using-namespace)
  const std::string what = argc > 2 ? argv[2] : "";
  if (what == "commits" && argc == 3) {
    MeasureCommits(argv[1]);
  } else if (what == "fill" && argc == 4) {
    Fill(argv[1], std::strtoull(argv[3], nullptr, 10));
  } else if (what == "image" && argc == 3) {
    WriteImage(argv[1]);
  } else if (what == "open" && argc == 3) {
    MeasureOpening(argv[1]);
  } else {
    std::fputs("journal_bench FOLDER commits | fill PEOPLE | image | open\n", stderr);
    return 2;
  }
  return 0;
}
