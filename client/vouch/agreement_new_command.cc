#include <sys/stat.h>
#include <unistd.h>

#include <filesystem>
#include <map>
#include <memory>
#include <set>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "client/vouch/agreement_commands.h"
#include "client/vouch/agreement_filling.h"
#include "client/vouch/agreement_source.h"
#include "client/vouch/csv_reader.h"
#include "client/vouch/node_agreements.h"
#include "crypto/digest.h"
#include "crypto/keys.h"
#include "policies/engine/cases/results.h"
#include "policies/engine/cases/run.h"
#include "policies/engine/tree.h"
#include "server/node/folders.h"

namespace vouch::client {
namespace {

namespace cases = policies::cases;
namespace node = server::node;

struct NewOptions {
  std::string folder;
  std::string name;
  std::string answers;
  std::string partners;
  bool list = false;
};

// An answer, and where it came from.
struct Given {
  std::string text;
  policies::Position position;
};
using Answers = std::map<std::string, Given>;

absl::Status ReadAnswers(const std::string& path, Answers* answers, Console* console) {
  const absl::StatusOr<std::string> text = node::ReadText(path);
  if (!text.ok()) return text.status();
  policies::Report report;
  const auto tree = policies::ReadTree(path, *text, &report);
  if (tree.has_value()) {
    for (const policies::Node::Entry& entry : tree->root.entries) {
      (*answers)[entry.key] = {entry.value.text, entry.position};
      if (entry.value.kind == policies::Node::Kind::kScalar) continue;
      policies::Finding finding;
      finding.rule = "field/wrong-kind";
      finding.file = path;
      finding.position = entry.position;
      finding.message = absl::StrCat("`", policies::Shown(entry.key), "` is one text or number");
      finding.mend = absl::StrCat("write `", policies::Shown(entry.key), ": \"...\"`");
      report.Add(std::move(finding));
    }
  }
  if (report.HasErrors()) {
    console->Note(FindingsText(report, {{path, *text}}));
    return absl::InvalidArgumentError(absl::StrCat(path, " has errors; mend them first"));
  }
  return absl::OkStatus();
}

// The digest of a file that was named instead.
std::string Resolved(const Blank& blank, const std::string& answer) {
  if (blank.key != "document_sha256" || !node::Exists(answer)) return answer;
  const absl::StatusOr<std::string> text = node::ReadText(answer, size_t{1} << 28);
  return text.ok() ? crypto::Hex(crypto::Sha256(*text)) : answer;
}

std::string Words(const std::vector<policies::Finding>& findings) {
  std::vector<std::string> lines;
  lines.reserve(findings.size());
  for (const policies::Finding& finding : findings) {
    lines.push_back(absl::StrCat("  ", finding.message,
                                 finding.mend.empty() ? "" : absl::StrCat("; ", finding.mend)));
  }
  return absl::StrJoin(lines, "\n");
}

// What an answers file gives; every mistake at once.
absl::Status FillFrom(const Answers& answers, const std::string& source, Filling* filling,
                      Console* console) {
  std::string wrong;
  std::vector<std::string> keys = {"template"};
  const auto complain = [&](const Given& given, const std::string& words) {
    absl::StrAppend(&wrong, source,
                    given.position.line > 0 ? absl::StrCat(":", given.position.line) : "", ": ",
                    words, "\n");
  };
  for (const Blank& blank : filling->Blanks()) {
    keys.push_back(blank.key);
    const auto given = answers.find(blank.key);
    if (given == answers.end()) {
      if (blank.must) {
        complain({}, absl::StrCat("`", blank.key, "` is missing: ", blank.prompt));
      }
      continue;
    }
    // Paths follow the agencies' names, so each is looked up when its turn comes.
    for (const Blank& now : filling->Blanks()) {
      if (now.key != blank.key) continue;
      const auto against = filling->Set(now, Resolved(now, given->second.text));
      if (!against.empty()) {
        complain(given->second, absl::StrCat("`", blank.key, "`:\n", Words(against)));
      }
    }
  }
  for (const auto& [key, given] : answers) {
    if (std::find(keys.begin(), keys.end(), key) != keys.end()) continue;
    const std::string near = policies::Nearest(key, keys);
    complain(given, absl::StrCat("this template has no `", policies::Shown(key), "`",
                                 near.empty() ? "" : absl::StrCat("; did you mean `", near, "`?")));
  }
  if (wrong.empty()) return absl::OkStatus();
  wrong.pop_back();
  console->Note(wrong);
  return absl::InvalidArgumentError("nothing was written; mend the answers first");
}

class Interview {
 public:
  Interview(Filling* filling, Console* console) : filling_(filling), console_(console) {}

  absl::Status Run() {
    console_->Say("Enter keeps what stands in brackets.\n");
    std::set<std::string> asked;
    // Names of agencies change where the rest stands, so the list is made anew each time.
    for (;;) {
      const std::vector<Blank> blanks = filling_->Blanks();
      const auto next = std::find_if(blanks.begin(), blanks.end(), [&](const Blank& blank) {
        return asked.count(blank.key) == 0;
      });
      if (next == blanks.end()) break;
      asked.insert(next->key);
      if (absl::Status status = Ask(*next); !status.ok()) return status;
    }
    return MendWhole();
  }

 private:
  absl::Status Ask(const Blank& blank) {
    for (;;) {
      const std::string shown = policies::Shown(blank.present, 200);
      console_->Say(absl::StrCat(blank.prompt, blank.must ? " (the template says: " : " [", shown,
                                 blank.must ? "):" : "]:"));
      std::string line;
      if (!std::getline(console_->in(), line)) {
        return absl::CancelledError("the interview was broken off; nothing was written");
      }
      const std::string answer(absl::StripAsciiWhitespace(line));
      if (answer.empty()) {
        if (!blank.must) return absl::OkStatus();
        console_->Say("  This one has to be said.");
        continue;
      }
      const auto against = filling_->Set(blank, Resolved(blank, answer));
      if (against.empty()) return absl::OkStatus();
      console_->Say(Words(against));
    }
  }

  // What only all answers together show is asked again where it can be mended.
  absl::Status MendWhole() {
    for (int round = 0; round < 20; ++round) {
      policies::Report report;
      const auto files = filling_->Files(&report);
      if (!report.HasErrors()) return absl::OkStatus();
      bool again = false;
      for (const policies::Finding& finding : report.findings()) {
        for (const Blank& blank : filling_->Blanks()) {
          if (again || finding.path != blank.path) continue;
          console_->Say(Words({finding}));
          if (absl::Status status = Ask(blank); !status.ok()) return status;
          again = true;
        }
      }
      if (!again) return absl::OkStatus();  // shown with the rest when it is written
    }
    return absl::OkStatus();
  }

  Filling* filling_;
  Console* console_;
};

// All or nothing: written beside, and given its name at the end.
absl::Status WriteFolder(const std::string& folder,
                         const std::map<std::string, std::string>& files) {
  std::string beside = absl::StrCat(folder, ".XXXXXX");
  if (mkdtemp(&beside[0]) == nullptr) return absl::ErrnoToStatus(errno, folder);
  absl::Status status;
  if (chmod(beside.c_str(), 0755) != 0) status = absl::ErrnoToStatus(errno, folder);
  if (status.ok()) status = node::CreateFolder(beside + "/schema", 0755);
  for (const auto& [name, text] : files) {
    if (status.ok()) status = crypto::ReplaceFile(absl::StrCat(beside, "/", name), text, false);
  }
  // An empty folder of that name would give way to a rename; nothing that is there is touched.
  if (status.ok() && node::Exists(folder)) status = absl::AlreadyExistsError(folder);
  if (status.ok() && rename(beside.c_str(), folder.c_str()) != 0) {
    status = absl::ErrnoToStatus(errno, folder);
  }
  if (!status.ok()) {
    std::error_code ignored;
    std::filesystem::remove_all(beside, ignored);
  }
  return status;
}

absl::StatusOr<Exit> Finish(const std::string& folder, const Filling& filling, Console* console) {
  policies::Report report;
  const std::map<std::string, std::string> files = filling.Files(&report);
  if (report.HasErrors()) {
    console->Note(FindingsText(report, files));
    return absl::InvalidArgumentError("nothing was written; give other answers");
  }
  if (absl::Status written = WriteFolder(folder, files); !written.ok()) return written;
  // Once more as it lies there, with the commands' own eyes.
  const std::string path = absl::StrCat(folder, "/agreement.yaml");
  const absl::StatusOr<AgreementSource> source = OpenGoodAgreement(path, console);
  if (!source.ok()) return source.status();
  policies::Report of_cases;
  const auto read = cases::ReadCases("cases.yaml", files.at("cases.yaml"), &of_cases);
  if (!read.has_value()) return absl::InternalError("the cases cannot be read");
  const cases::CasesRun run =
      cases::RunCases(*read, folder + "/cases.yaml", source->catalog, *source->held);
  console->Say(
      absl::StrCat("Wrote ", folder,
                   ": agreement.yaml, facts.yaml, cases.yaml, mapping.yaml, and schemas for "
                   "editors. No errors; ",
                   run.results.size() - run.failed, " of ", run.results.size(), " cases pass."));
  for (const Blank& blank : filling.Blanks()) {
    if (blank.later && blank.present.find_first_not_of("sha256:0") == std::string::npos) {
      console->Say(absl::StrCat("Still to fill in: ", blank.path));
    }
  }
  if (run.passed()) return Exit::kFine;
  console->Say(cases::RunText(run, folder + "/cases.yaml", {path, nullptr}));
  return Exit::kFailed;
}

// One agreement for each row; all are good before the first is written.
absl::StatusOr<Exit> ForPartners(const NewOptions& options, const std::string& name,
                                 const Answers& common, Console* console) {
  absl::StatusOr<CsvReader> csv = CsvReader::Open(options.partners);
  if (!csv.ok()) return csv.status();
  std::vector<std::string> heading;
  const absl::StatusOr<bool> any = csv->Next(&heading);
  if (!any.ok()) return any.status();
  if (std::find(heading.begin(), heading.end(), "asks") == heading.end() &&
      std::find(heading.begin(), heading.end(), "answers") == heading.end()) {
    return absl::InvalidArgumentError(
        absl::StrCat(options.partners, " has no column `asks` or `answers` in its first row"));
  }
  const bool by_asker = std::find(heading.begin(), heading.end(), "asks") != heading.end();
  std::vector<std::pair<std::string, Filling>> all;
  std::set<std::string> ids;
  for (int row = 2;; ++row) {
    std::vector<std::string> cells;
    const absl::StatusOr<bool> more = csv->Next(&cells);
    if (!more.ok()) return more.status();
    if (!*more) break;
    const std::string source = absl::StrCat(options.partners, ", row ", row);
    if (cells.size() != heading.size()) {
      return absl::InvalidArgumentError(
          absl::StrCat(source, " has ", cells.size(), " cells, not ", heading.size()));
    }
    Answers answers = common;
    for (size_t i = 0; i < cells.size(); ++i) {
      if (!cells[i].empty()) answers[heading[i]] = {cells[i], {}};
    }
    absl::StatusOr<Filling> filling = Filling::Begin(name);
    if (!filling.ok()) return filling.status();
    if (absl::Status filled = FillFrom(answers, source, &*filling, console); !filled.ok()) {
      return filled;
    }
    if (!ids.insert(answers["id"].text).second) {
      return absl::InvalidArgumentError(absl::StrCat(
          source, ": `id` is another row's; each agreement has its own, so make it a column"));
    }
    const std::string partner = answers[by_asker ? "asks" : "answers"].text;
    const std::string folder = absl::StrCat(options.folder, "/", partner);
    const bool twice = std::any_of(all.begin(), all.end(),
                                   [&](const auto& other) { return other.first == folder; });
    if (twice || node::Exists(folder)) {
      return absl::AlreadyExistsError(
          absl::StrCat(folder, twice ? " would be written twice" : " is there already",
                       "; nothing was written"));
    }
    all.emplace_back(folder, *std::move(filling));
  }
  if (all.empty()) return absl::InvalidArgumentError(options.partners + " names no agency");
  if (absl::Status made = node::EnsureFolder(options.folder, 0755); !made.ok()) return made;
  Exit exit = Exit::kFine;
  for (const auto& [folder, filling] : all) {
    const absl::StatusOr<Exit> one = Finish(folder, filling, console);
    if (!one.ok()) return one;
    if (*one != Exit::kFine) exit = *one;
  }
  return exit;
}

absl::StatusOr<std::string> AskForTemplate(Console* console) {
  console->Say("Which template is nearest to your need?");
  const std::vector<TemplateName> names = TemplateNames();
  for (size_t i = 0; i < names.size(); ++i) {
    console->Say(absl::StrCat("  ", i + 1, "  ", names[i].name, "\n     ", names[i].about));
  }
  for (;;) {
    console->Say("Its number or name:");
    std::string line;
    if (!std::getline(console->in(), line)) {
      return absl::CancelledError("the interview was broken off; nothing was written");
    }
    const std::string answer(absl::StripAsciiWhitespace(line));
    for (size_t i = 0; i < names.size(); ++i) {
      if (answer == names[i].name || answer == absl::StrCat(i + 1)) return names[i].name;
    }
    const absl::StatusOr<Filling> none = Filling::Begin(answer);
    console->Say(absl::StrCat("  ", none.status().message()));
  }
}

absl::StatusOr<Exit> New(NewOptions options, Console* console) {
  if (options.list) {
    for (const TemplateName& one : TemplateNames()) {
      console->Say(absl::StrCat(one.name, "\n  ", one.about));
    }
    return Exit::kFine;
  }
  if (options.folder.empty()) {
    return UsageError("name the folder to write: vouch agreement new fsa-irs");
  }
  while (options.folder.size() > 1 && options.folder.back() == '/') options.folder.pop_back();
  if (options.partners.empty() && node::Exists(options.folder)) {
    return absl::AlreadyExistsError(
        absl::StrCat(options.folder, " is there already, and nothing in it was touched"));
  }
  Answers answers;
  if (!options.answers.empty()) {
    if (absl::Status read = ReadAnswers(options.answers, &answers, console); !read.ok()) {
      return read;
    }
    const auto named = answers.find("template");
    if (options.name.empty() && named != answers.end()) options.name = named->second.text;
  }
  const bool interview = options.answers.empty() && options.partners.empty();
  if (options.name.empty()) {
    if (!interview) return UsageError("say which template: --template NAME (--list shows all)");
    const absl::StatusOr<std::string> name = AskForTemplate(console);
    if (!name.ok()) return name.status();
    options.name = *name;
  }
  absl::StatusOr<Filling> filling = Filling::Begin(options.name);
  if (!filling.ok()) return filling.status();
  if (!options.partners.empty()) return ForPartners(options, options.name, answers, console);
  const absl::Status filled = interview ? Interview(&*filling, console).Run()
                                        : FillFrom(answers, options.answers, &*filling, console);
  if (!filled.ok()) return filled;
  const absl::StatusOr<Exit> exit = Finish(options.folder, *filling, console);
  if (exit.ok() && *exit == Exit::kFine) {
    console->Say(absl::StrCat("Next: read ", options.folder,
                              "/agreement.yaml with counsel, then\n  vouch agreement explain ",
                              options.folder, "/agreement.yaml"));
  }
  return exit;
}

}  // namespace

void AddAgreementNewCommand(CLI::App* agreement, Console* console) {
  auto options = std::make_shared<NewOptions>();
  CLI::App* command = agreement->add_subcommand(
      "new", "Begins an agreement: asks the few things that a template needs, and writes a folder");
  command->add_option("folder", options->folder, "The folder to write; it must not be there yet");
  command->add_option("--template", options->name, "Which template; --list shows all");
  command->add_option("--answers", options->answers,
                      "A file with the answers instead of the interview: one `key: \"value\"` a "
                      "line");
  command->add_option("--for", options->partners,
                      "A CSV file with one agency a row (columns asks, id, ...): one agreement for "
                      "each, below the folder");
  command->add_flag("--list", options->list, "Show the templates");
  command->footer(
      "Each answer is checked at once. The folder gets agreement.yaml, facts.yaml, cases.yaml and "
      "mapping.yaml,\nwith pins filled in; what is written passes `check` and its own cases.\n"
      "Exit codes: 0 written; 1 refused; 2 usage; 3 an answer or a file does not fit; 4 a case "
      "fails.\n"
      "Example:\n  vouch agreement new fsa-irs --template income-for-student-aid\n"
      "  vouch agreement new partners --template income-for-student-aid --answers common.yaml "
      "--for agencies.csv");
  command->callback([options, console] { console->Run([&] { return New(*options, console); }); });
}

}  // namespace vouch::client
