// vouch-bench: what Vouch costs, beside what the machine can do at all.
#include <unistd.h>

#include <CLI/CLI.hpp>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <functional>
#include <string>
#include <utility>
#include <vector>

#include "tests/bench/echo_server.h"
#include "tests/bench/report.h"
#include "tests/bench/rows.h"

namespace vouch::bench {
namespace {

constexpr char kAbout[] =
    "Measures what docs/performance.md bounds, and how that page says to read it: CPU seconds of "
    "vouchd for a million questions beside those of a bare gRPC echo under the same load, and "
    "cryptography beside P-256 multiplications. vouchd, the echo and the load client are processes "
    "of their own on this machine.";
constexpr char kExample[] =
    "Examples:\n"
    "  vouch-bench verify\n"
    "  vouch-bench all --json > bench.json\n"
    "  vouch-bench all --quick\n"
    "Exit code: 0 when every bound under \"must\" holds, 4 when one does not, 1 when something "
    "could "
    "not be measured.";
constexpr int kMissed = 4;

struct Command {
  std::string folder;
  bool json = false;
  bool quick = false;
  bool keep = false;
  uint64_t people = 0;
  Sizes sizes;
};

class WorkingFolder {
 public:
  explicit WorkingFolder(const Command& command) : keep_(command.keep) {
    const std::string parent =
        command.folder.empty() ? std::filesystem::temp_directory_path().string() : command.folder;
    path_ = parent + "/vouch-bench-XXXXXX";
    if (mkdtemp(&path_[0]) == nullptr) path_.clear();
  }
  ~WorkingFolder() {
    std::error_code ignored;
    if (path_.empty()) return;
    if (keep_) {
      Progress("kept: " + path_);
    } else {
      std::filesystem::remove_all(path_, ignored);
    }
  }
  const std::string& path() const { return path_; }

 private:
  std::string path_;
  const bool keep_;
};

void Scale(Command* command) {
  Sizes& sizes = command->sizes;
  if (command->quick) {
    sizes.people = 50000;
    sizes.many_people = 100000;
    sizes.calls = 10000;
    sizes.windows = 3;
    sizes.scaled = true;
  }
  if (command->people != 0) {
    sizes.people = sizes.many_people = command->people;
    sizes.calls = std::min<uint64_t>(sizes.calls, command->people / 2);
    sizes.scaled = true;
  }
}

int Run(const std::string& what, Command command) {
  Scale(&command);
  const WorkingFolder folder(command);
  if (folder.path().empty()) {
    std::fputs("vouch-bench: no folder can be made there\n", stderr);
    return 1;
  }
  AskedFederation asked(folder.path() + "/asked", command.sizes);
  const std::vector<std::pair<std::string, std::function<Rows()>>> measures = {
      {"verify", [&] { return asked.MeasureVerify(0); }},
      {"paced", [&] { return asked.MeasureVerify(10000); }},
      {"batch", [&] { return asked.MeasureBatch(); }},
      {"evaluate", [&] { return MeasureEvaluate(command.sizes); }},
      {"tokenise", [&] { return asked.MeasureTokenise(); }},
      {"load", [&] { return asked.MeasureLoad(); }},
      {"many", [&] { return MeasureManyPeople(folder.path() + "/many", command.sizes); }},
  };
  std::vector<Row> rows;
  for (const auto& [name, measure] : measures) {
    if (what != "all" && what != name) continue;
    Rows measured = measure();
    if (!measured.ok()) {
      std::fprintf(stderr, "vouch-bench: %s: %s\n", name.c_str(),
                   std::string(measured.status().message()).c_str());
      return 1;
    }
    rows.insert(rows.end(), measured->begin(), measured->end());
  }
  std::fputs((command.json ? ToJson(rows) : ToTable(rows)).c_str(), stdout);
  for (const Row& row : rows) {
    if (!row.must.Holds(row.figure())) return kMissed;
  }
  return 0;
}

}  // namespace
}  // namespace vouch::bench

int main(int argc, char** argv) {
  using namespace vouch::bench;  // NOLINT(google-build-using-namespace)
  CLI::App app{kAbout};
  app.footer(kExample);
  app.require_subcommand(1);
  app.fallthrough();
  Command command;
  app.add_flag("--json", command.json,
               "a list of {name, value, unit, ceiling, ratio, must, aim, met}");
  app.add_flag("--quick", command.quick, "small sizes: to see that it works, not how fast");
  app.add_option("--people", command.people,
                 "how many synthetic people to load (default 1,000,000; 10,000,000 for `many`)");
  app.add_option("--connections", command.sizes.connections,
                 "connections that the 256 calls in flight share (default 4)")
      ->check(CLI::Range(1, 256));
  app.add_option("--folder", command.folder,
                 "where to make the working folder, 20 GB for `many` (default: the temporary one)");
  app.add_flag("--keep", command.keep, "leave the working folder");
  const std::pair<const char*, const char*> subcommands[] = {
      {"all", "every row below"},
      {"verify", "Verify with 256 calls in flight"},
      {"paced", "Verify at 10,000 a second, and its p99"},
      {"batch", "VerifyBatch, 1,000 people a message"},
      {"evaluate", "Evaluate, 128 elements a batch"},
      {"tokenise", "the index of a blind agreement"},
      {"load", "loading people"},
      {"many", "memory and start with 10,000,000 people, all asked about once"},
  };
  for (const auto& [name, about] : subcommands) app.add_subcommand(name, about);

  // The other half of a measurement, started by this program.
  CLI::App* echo = app.add_subcommand("serve-echo", "");
  echo->group("");
  std::string node;
  size_t answer_bytes = 0;
  echo->add_option("--node", node)->required();
  echo->add_option("--answer-bytes", answer_bytes)->required();

  CLI11_PARSE(app, argc, argv);
  if (echo->parsed()) return ServeEcho(node, answer_bytes);
  return Run(app.get_subcommands().front()->get_name(), command);
}
