#include <memory>

#include "absl/strings/str_cat.h"
#include "client/vouch/agreement_commands.h"
#include "client/vouch/agreement_source.h"
#include "client/vouch/node_agreements.h"
#include "crypto/keys.h"
#include "policies/engine/cases/boundary.h"
#include "policies/engine/cases/case_yaml.h"
#include "policies/engine/cases/results.h"
#include "policies/engine/cases/run.h"
#include "server/node/folders.h"

namespace vouch::client {
namespace {

namespace cases = policies::cases;
namespace node = server::node;

struct TestOptions {
  std::string file;
  std::string cases;
  std::string junit;
  bool generate = false;
  bool write = false;
  bool json = false;
};

// Cases whose outcome is no longer what the file says, and how many are new.
std::string Changes(const cases::CaseFile& before, const cases::Generation& after) {
  std::string text;
  size_t added = 0;
  const auto outcome = [](const cases::Case& one) {
    return one.refused.has_value() ? absl::StrCat("refused: ", cases::RefusedName(*one.refused))
                                   : std::string(policies::AnswerName(
                                         one.answer.value_or(policies::Answer::kUndetermined)));
  };
  for (const cases::Case& one : after.cases) {
    const cases::Case* same = nullptr;
    for (const cases::Case& other : before.cases) {
      if (other.generated && other.name == one.name) same = &other;
    }
    if (same == nullptr) {
      ++added;
    } else if (outcome(*same) != outcome(one)) {
      absl::StrAppend(&text, "  changed: ", one.name, ": ", outcome(*same), " -> ", outcome(one),
                      "\n");
    }
  }
  return absl::StrCat(text, "  ", added, " new or renamed, ", after.cases.size(), " in all");
}

absl::StatusOr<Exit> Generate(const TestOptions& options, const AgreementSource& source,
                              Console* console) {
  cases::Generation generation = cases::GenerateCases(source.catalog, *source.held);
  const absl::StatusOr<std::string> text = node::ReadText(options.cases);
  const std::string id = source.held->agreement.id;
  cases::CaseFile before;
  std::string file = cases::NewCasesFile(id);
  if (text.ok()) {
    policies::Report report;
    const auto read = cases::ReadCases(options.cases, *text, &report);
    if (!read.has_value()) {
      console->Note(FindingsText(report, {{options.cases, *text}}));
      return absl::InvalidArgumentError(
          absl::StrCat(options.cases, " has errors; mend them first, then generate"));
    }
    before = *read;
    file = *text;
  }
  // A name that people took already stays theirs.
  for (cases::Case& one : generation.cases) {
    for (const cases::Case& other : before.cases) {
      if (!other.generated && other.name == one.name) one.name += " (generated)";
    }
  }
  for (const std::string& note : generation.notes) console->Note(absl::StrCat("note: ", note));
  if (!options.write) {
    for (const cases::Case& one : generation.cases) {
      std::string yaml = cases::CaseYaml(one);
      yaml.pop_back();
      console->Say(yaml);
    }
    console->Note(absl::StrCat(
        Changes(before, generation),
        "\nNothing was written. Read the answers: they are what the engine gives, not what the "
        "parties meant.\nWith --write they go into ",
        options.cases, "; or paste those you want below `cases:`."));
    return Exit::kFine;
  }
  const std::string whole = cases::WithGeneratedSection(file, generation);
  policies::Report report;
  if (!cases::ReadCases(options.cases, whole, &report).has_value()) {
    console->Note(FindingsText(report, {{options.cases, whole}}));
    return absl::InternalError("what was generated cannot be read again; nothing was written");
  }
  if (absl::Status written = crypto::ReplaceFile(options.cases, whole, false); !written.ok()) {
    return written;
  }
  console->Say(absl::StrCat("Wrote the generated section of ", options.cases, ".\n",
                            Changes(before, generation),
                            "\nRead the answers: they are what the engine gives, not what the "
                            "parties meant."));
  return Exit::kFine;
}

absl::StatusOr<Exit> Test(TestOptions options, Console* console) {
  if (options.write && !options.generate) return UsageError("--write goes with --generate");
  const absl::StatusOr<AgreementSource> source = OpenGoodAgreement(options.file, console);
  if (!source.ok()) return source.status();
  if (options.cases.empty()) options.cases = FolderOf(options.file) + "cases.yaml";
  if (options.generate) return Generate(options, *source, console);

  const absl::StatusOr<std::string> text = node::ReadText(options.cases);
  if (!text.ok()) {
    return absl::NotFoundError(absl::StrCat(
        options.cases, " cannot be read, so nothing was tested; `vouch agreement test ",
        options.file, " --generate --write` begins one"));
  }
  policies::Report report;
  const auto file = cases::ReadCases(options.cases, *text, &report);
  if (!file.has_value()) {
    if (options.json) {
      console->Say(report.ToJson());
    } else {
      console->Say(FindingsText(report, {{options.cases, *text}}));
    }
    return report.Unreadable() ? Exit::kMalformed : Exit::kFindings;
  }
  policies::Report ignored;
  const auto tree = policies::ReadTree(options.file, source->bytes, &ignored);
  cases::AgreementPlace place;
  place.file = options.file;
  if (tree.has_value()) place.root = &tree->root;
  const cases::CasesRun run = cases::RunCases(*file, options.cases, source->catalog, *source->held);
  if (!options.junit.empty()) {
    const absl::Status written =
        crypto::ReplaceFile(options.junit, cases::RunJUnit(run, options.cases, place), false);
    if (!written.ok()) return written;
  }
  console->Say(options.json ? cases::RunJson(run, options.cases, place).dump(2)
                            : cases::RunText(run, options.cases, place));
  return run.passed() ? Exit::kFine : Exit::kFailed;
}

}  // namespace

void AddAgreementTestCommand(CLI::App* agreement, Console* console) {
  auto options = std::make_shared<TestOptions>();
  CLI::App* test = agreement->add_subcommand(
      "test", "Runs the cases beside an agreement: who asks what, and what must come out");
  test->add_option("file", options->file, "The agreement")->required();
  test->add_option("--cases", options->cases, "The cases; cases.yaml beside the agreement if not");
  test->add_flag("--generate", options->generate,
                 "Show cases at every edge of the agreement with the answers it gives");
  test->add_flag("--write", options->write,
                 "With --generate: put them into the marked section of the cases");
  test->add_flag("--json", options->json, "Print results for programs");
  test->add_option("--junit", options->junit, "Also write results for continuous integration");
  test->footer(
      "Exit codes: 0 all passed, 1 errors in the cases' own file, 3 a file cannot be read, "
      "4 cases failed or there are none.\n"
      "Example:\n  vouch agreement test fsa-irs/agreement.yaml\n"
      "  vouch agreement test fsa-irs/agreement.yaml --generate --write");
  test->callback([options, console] { console->Run([&] { return Test(*options, console); }); });
}

}  // namespace vouch::client
