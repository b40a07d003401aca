// vouch-synth: CSV files of synthetic people for demonstrations, tests and measurements.
#include <CLI/CLI.hpp>
#include <cstdio>
#include <cstring>
#include <iostream>
#include <memory>
#include <string>

#include "tests/synth/record.h"

namespace vouch::synth {
namespace {

struct Options {
  uint64_t people = 1000;
  uint64_t first = 0;
  uint64_t seed = 1;
  double errors = 0;
  uint64_t error_seed = 1;
  std::string source_prefix = "S";
  std::string output = "-";
};

constexpr char kAbout[] =
    "Writes synthetic people as CSV, the same for the same options on every run.\n"
    "Nobody in it exists: Social Security numbers are of area 9xx, which is never issued.\n"
    "Money is in cents; facts hold as of 2026-06-30.";
constexpr char kExample[] =
    "Two agencies, 1,000 people each, 500 of them the same, with independent errors:\n"
    "  vouch-synth --people 1000 --errors 0.05 --error-seed 1 --output tax.csv\n"
    "  vouch-synth --first 500 --people 1000 --errors 0.05 --error-seed 2 --output aid.csv\n"
    "The digits of a source id are the person's number, so a test can tell who is who.";

struct CloseFile {
  void operator()(FILE* file) const { std::fclose(file); }
};

int Run(const Options& options) {
  if (options.first >= Population::kMostPeople ||
      options.people > Population::kMostPeople - options.first) {
    std::cerr << "--first and --people: person numbers end at " << Population::kMostPeople - 1
              << "\n";
    return 2;
  }
  std::unique_ptr<FILE, CloseFile> file;
  FILE* out = stdout;
  if (options.output != "-") {
    file.reset(std::fopen(options.output.c_str(), "wb"));
    if (!file) {
      std::cerr << "--output: cannot write " << options.output << ": " << std::strerror(errno)
                << "\n";
      return 1;
    }
    out = file.get();
  }

  const Population population(options.seed);
  const Clerk clerk(options.errors, options.error_seed, options.source_prefix);
  std::string text = CsvHeader();
  const uint64_t end = options.first + options.people;
  const uint64_t tenth = options.people / 10;
  uint64_t next_report = options.people >= 500'000 ? options.first + tenth : end;
  bool written = true;
  for (uint64_t number = options.first; number < end && written;) {
    for (const Person& person : population.HouseholdOf(number)) {
      if (person.number < number || person.number >= end) continue;
      for (const Record& record : clerk.Write(person)) AppendCsv(record, &text);
      number = person.number + 1;
    }
    if (text.size() > 1 << 20 || number == end) {
      written = std::fwrite(text.data(), 1, text.size(), out) == text.size();
      text.clear();
    }
    if (number >= next_report && number < end) {
      std::cerr << (number - options.first) * 100 / options.people << "% of " << options.people
                << " people\n";
      next_report += tenth;
    }
  }
  written = written && std::fwrite(text.data(), 1, text.size(), out) == text.size();
  if (!written || std::fflush(out) != 0) {
    std::cerr << "--output: writing failed: " << std::strerror(errno) << "\n";
    return 1;
  }
  return 0;
}

int Main(int argc, char** argv) {
  Options options;
  CLI::App app(kAbout, "vouch-synth");
  app.footer(kExample);
  app.add_option("--people", options.people, "How many people")->capture_default_str();
  app.add_option("--first", options.first, "Number of the first person")->capture_default_str();
  app.add_option("--seed", options.seed, "Which population: person i of it is always the same")
      ->capture_default_str();
  app.add_option("--errors", options.errors, "Share of records with errors, 0 to 1")
      ->check(CLI::Range(0.0, 1.0))
      ->capture_default_str();
  app.add_option("--error-seed", options.error_seed, "Which errors: another agency, another seed")
      ->capture_default_str();
  app.add_option("--source-prefix", options.source_prefix, "Begins every source id")
      ->capture_default_str();
  app.add_option("--output", options.output, "File to write, - for standard output")
      ->capture_default_str();
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    return app.exit(error);
  }
  return Run(options);
}

}  // namespace
}  // namespace vouch::synth

int main(int argc, char** argv) { return vouch::synth::Main(argc, argv); }
