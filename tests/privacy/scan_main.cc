// vouch-scan: looks for the personal values of synthetic people in files.
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <CLI/CLI.hpp>
#include <chrono>
#include <fstream>
#include <iostream>
#include <iterator>
#include <nlohmann/json.hpp>
#include <sstream>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "tests/privacy/scan.h"

namespace vouch::privacy {
namespace {

// A file's bytes, mapped where that is possible ("-" is standard input).
class Bytes {
 public:
  explicit Bytes(const std::string& path) {
    if (path == "-") {
      copy_.assign(std::istreambuf_iterator<char>(std::cin), {});
      ok_ = true;
      return;
    }
    const int file = open(path.c_str(), O_RDONLY | O_CLOEXEC);
    struct stat about {};
    if (file < 0 || fstat(file, &about) != 0) return;
    if (about.st_size > 0) {
      void* mapped =
          mmap(nullptr, static_cast<size_t>(about.st_size), PROT_READ, MAP_PRIVATE, file, 0);
      if (mapped != MAP_FAILED) {
        mapped_ = mapped;
        size_ = static_cast<size_t>(about.st_size);
      }
    }
    ok_ = about.st_size == 0 || mapped_ != nullptr;
    close(file);
  }
  Bytes(const Bytes&) = delete;
  Bytes& operator=(const Bytes&) = delete;
  ~Bytes() {
    if (mapped_ != nullptr) munmap(mapped_, size_);
  }
  bool ok() const { return ok_; }
  absl::string_view view() const {
    return mapped_ != nullptr ? absl::string_view(static_cast<const char*>(mapped_), size_)
                              : absl::string_view(copy_);
  }

 private:
  void* mapped_ = nullptr;
  size_t size_ = 0;
  std::string copy_;
  bool ok_ = false;
};

int Main(int argc, char** argv) {
  CLI::App app(
      "Looks for the personal values of synthetic people (CSV files of vouch-synth) in files: as "
      "they stand and in hexadecimal, base64 and UTF-16. Prints where, never what.\n"
      "Exit codes: 0 nothing found, 1 something found or a canary not found, 2 usage or "
      "unreadable.",
      "vouch-scan");
  std::vector<std::string> people_files, public_files, files;
  bool canaries = false, json = false;
  size_t shown = 20;
  app.add_option("--people", people_files, "CSV of vouch-synth; once for each agency")
      ->required()
      ->allow_extra_args(false);
  app.add_option("--public", public_files,
                 "Published text: a name or id that stands in it counts only beside another value "
                 "of the same person")
      ->allow_extra_args(false);
  app.add_flag("--canaries", canaries,
               "First plant a made-up person in a copy of every file, in every encoding, and fail "
               "unless each is found");
  app.add_flag("--json", json, "Print facts for programs");
  app.add_option("--show", shown, "How many findings to list")->capture_default_str();
  app.add_option("files", files, "What to look at; - for standard input")->required();
  app.footer("Example:\n  vouch-scan --canaries --people tax.csv wire.tap node.log journal.db");
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    return app.exit(error) == 0 ? 0 : 2;
  }

  People people;
  for (const std::string& path : people_files) {
    const absl::Status added = people.AddCsv(path);
    if (!added.ok()) {
      std::cerr << "vouch-scan: " << added.message() << "\n";
      return 2;
    }
  }
  for (const std::string& path : public_files) {
    const Bytes text(path);
    if (!text.ok()) {
      std::cerr << "vouch-scan: cannot read " << path << "\n";
      return 2;
    }
    people.ExcludePublic(text.view());
  }
  const size_t looked_for = people.size();
  if (canaries) people.Add(Canary());

  const auto begun = std::chrono::steady_clock::now();
  size_t found = 0, unseen = 0, planted = 0;
  uint64_t scanned = 0;
  nlohmann::json list = nlohmann::json::array();
  for (const std::string& path : files) {
    const Bytes bytes(path);
    if (!bytes.ok()) {
      std::cerr << "vouch-scan: cannot read " << path << "\n";
      return 2;
    }
    if (canaries) {
      const std::vector<std::string> missed = UnseenCanaries(people, bytes.view());
      planted += CanaryTexts().size() * EveryEncoding("").size();
      unseen += missed.size();
      for (const std::string& what : missed) {
        std::cerr << path << ": canary not found: " << what << "\n";
      }
    }
    scanned += bytes.view().size();
    for (const Finding& finding : Scan(people, bytes.view())) {
      if (found++ >= shown) continue;
      if (json) {
        list.push_back({{"file", path},
                        {"offset", finding.offset},
                        {"kind", std::string(KindName(finding.kind))},
                        {"near", std::string(KindName(finding.companion))},
                        {"encoding", finding.encoding}});
        continue;
      }
      std::cout << path << ": byte " << finding.offset << ": " << KindName(finding.kind);
      if (finding.companion != finding.kind) std::cout << " near " << KindName(finding.companion);
      std::cout << " (" << finding.encoding << ")\n";
    }
  }
  const double seconds =
      std::chrono::duration<double>(std::chrono::steady_clock::now() - begun).count();
  if (json) {
    std::cout << nlohmann::json{{"people", looked_for},
                                {"files", files.size()},
                                {"bytes", scanned},
                                {"seconds", seconds},
                                {"findings", found},
                                {"shown", list},
                                {"canaries_planted", planted},
                                {"canaries_not_found", unseen},
                                {"public_values", people.excluded()}}
                     .dump()
              << "\n";
  } else {
    std::cout << "people " << looked_for << ", files " << files.size() << ", bytes " << scanned;
    if (canaries) std::cout << ", canaries found " << planted - unseen << " of " << planted;
    std::cout << ", findings " << found << "\n";
  }
  return found == 0 && unseen == 0 ? 0 : 1;
}

}  // namespace
}  // namespace vouch::privacy

int main(int argc, char** argv) { return vouch::privacy::Main(argc, argv); }
