#include <sys/stat.h>

#include <memory>
#include <set>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "client/vouch/commands.h"
#include "client/vouch/node_agreements.h"
#include "client/vouch/node_folder.h"
#include "client/vouch/record_indexes.h"
#include "crypto/identity.h"
#include "server/node/folders.h"
#include "server/records/changes.h"
#include "server/records/loader.h"
#include "server/records/manifest.h"
#include "server/records/postgres_rows.h"

namespace vouch::client {
namespace {

namespace node = server::node;
namespace records = server::records;

struct LoadChoice {
  std::string folder;
  std::string mapping;
  std::string input;
  std::string format;
  std::string facts;
  uint64_t max_errors = 0;
  bool allow_empty = false;
  bool upsert = false;  // into the present records, in place of loading them anew
  size_t threads = 0;
  bool json = false;
};

crypto::IdentityUse UseOf(const node::NodeFile& file) {
  return file.use == policies::Use::kLive ? crypto::IdentityUse::kLive : crypto::IdentityUse::kTest;
}

// The one catalogue of this agency that the mapping fits.
absl::StatusOr<policies::FactCatalogue> ChooseCatalogue(const node::NodeFile& file,
                                                        const LoadChoice& choice,
                                                        const records::Mapping& mapping,
                                                        Console* console) {
  if (!choice.facts.empty()) {
    const auto text = node::ReadText(choice.facts);
    if (!text.ok()) return text.status();
    policies::Report report;
    auto catalogue = policies::ReadFactCatalogue(choice.facts, *text, &report);
    if (!report.findings().empty()) console->Note(report.ToText(*text));
    if (!catalogue.has_value()) {
      return absl::InvalidArgumentError(absl::StrCat(choice.facts, " has errors"));
    }
    const std::vector<std::string> misfits = records::CheckAgainstCatalogue(mapping, *catalogue);
    for (const std::string& misfit : misfits)
      console->Note(absl::StrCat(choice.mapping, ": ", misfit));
    if (!misfits.empty()) {
      return absl::InvalidArgumentError(
          absl::StrCat(choice.mapping, " does not fit the catalogue ", choice.facts));
    }
    return *std::move(catalogue);
  }
  absl::optional<policies::FactCatalogue> chosen;
  std::set<crypto::Digest> seen;
  std::vector<std::string> why;
  for (const policies::CatalogFile& found : FilesBelow(file.agreements)) {
    if (!absl::StrContains(found.bytes, "vouch-facts/")) continue;
    policies::Report report;
    auto catalogue = policies::ReadFactCatalogue(found.name, found.bytes, &report);
    if (!catalogue.has_value() || catalogue->agency != file.agency) continue;
    const std::vector<std::string> misfits = records::CheckAgainstCatalogue(mapping, *catalogue);
    if (!misfits.empty()) {
      for (const std::string& misfit : misfits)
        why.push_back(absl::StrCat(found.name, ": ", misfit));
      continue;
    }
    if (!seen.insert(found.digest).second) continue;
    if (chosen.has_value()) {
      return absl::FailedPreconditionError(
          "the mapping fits several fact catalogues; say which with --facts FILE");
    }
    chosen = *std::move(catalogue);
  }
  if (chosen.has_value()) return *std::move(chosen);
  for (const std::string& line : why) console->Note(line);
  return absl::NotFoundError(absl::StrCat(
      "no fact catalogue of ", file.agency, " below ", file.agreements,
      " fits the mapping; put the agreement's facts.yaml there, or say which with --facts FILE"));
}

absl::StatusOr<records::Mapping> OpenMapping(const std::string& path, const node::NodeFile& file,
                                             Console* console) {
  const auto text = node::ReadText(path);
  if (!text.ok()) return text.status();
  policies::Report report;
  auto mapping = records::ReadMapping(path, *text, &report);
  if (!report.findings().empty()) console->Note(report.ToText(*text));
  if (!mapping.has_value()) {
    return absl::InvalidArgumentError(absl::StrCat(path, " has errors; nothing was loaded"));
  }
  if (mapping->agency != file.agency) {
    return absl::FailedPreconditionError(absl::StrCat(
        path, ": is for the records of ", mapping->agency, ", this node is ", file.agency, "'s"));
  }
  return *std::move(mapping);
}

nlohmann::json ReportJson(const records::LoadReport& report) {
  nlohmann::json bad = nlohmann::json::array();
  for (const records::BadRow& row : report.bad) {
    bad.push_back({{"row", row.number}, {"line", row.line}, {"reason", row.reason}});
  }
  nlohmann::json left_out = nlohmann::json::object();
  for (const auto& [attribute, count] : report.left_out) {
    left_out[std::string(crypto::AttributeName(attribute))] = count;
  }
  return {{"rows", report.rows}, {"people", report.people}, {"bad_rows", report.bad_rows},
          {"bad", bad},          {"left_out", left_out},    {"generation", report.generation}};
}

void SayReport(const records::LoadReport& report, Console* console) {
  size_t shown = 0;
  for (const records::BadRow& row : report.bad) {
    if (++shown > 20) break;
    const std::string line = row.line == 0 ? "" : absl::StrCat(" (line ", row.line, ")");
    console->Note(absl::StrCat("row ", row.number, line, ": ", row.reason));
  }
  if (report.bad_rows > 20) {
    console->Note(absl::StrCat("and ", report.bad_rows - 20, " more; --json lists up to 10,000"));
  }
  for (const auto& [attribute, count] : report.left_out) {
    console->Note(absl::StrCat(count, " values of ", crypto::AttributeName(attribute),
                               " were not valid and left out"));
  }
}

// The input is a file, or what the mapping asks a database for; never a guess between the two.
absl::Status ChooseInput(const LoadChoice& choice, records::LoadOptions* options) {
  if (!options->mapping.query.has_value()) {
    if (choice.input.empty()) {
      return UsageError("say what to load with --input FILE, or write `postgresql` in the mapping");
    }
    options->input = choice.input;
    const bool lines = choice.format == "jsonl" ||
                       (choice.format.empty() && absl::EndsWith(choice.input, ".jsonl"));
    options->format = lines ? records::InputFormat::kJsonLines : records::InputFormat::kCsv;
    return absl::OkStatus();
  }
  if (!choice.input.empty() || !choice.format.empty()) {
    return UsageError(
        "the mapping says what to load (`postgresql`): leave out --input and --format");
  }
  const records::Mapping::Query query = *options->mapping.query;
  const absl::Status good = records::CheckConnection(query.connection);
  if (!good.ok()) {
    return absl::Status(good.code(),
                        absl::StrCat(choice.mapping, ": `postgresql.connection` ", good.message()));
  }
  options->rows = [query](const std::vector<std::string>& columns) {
    return records::OpenQuery(query.connection, query.text, columns);
  };
  return absl::OkStatus();
}

absl::StatusOr<Exit> Load(const LoadChoice& choice, Console* console) {
  const auto file = OpenNode(choice.folder, console);
  if (!file.ok()) return file.status();
  auto mapping = OpenMapping(choice.mapping, *file, console);
  if (!mapping.ok()) return mapping.status();
  auto catalogue = ChooseCatalogue(*file, choice, *mapping, console);
  if (catalogue.ok()) {
    for (const std::string& note : records::MappingNotes(*mapping, *catalogue)) {
      console->Note(absl::StrCat(choice.mapping, ": ", note));
    }
  }
  if (!catalogue.ok()) return catalogue.status();
  const absl::Time now = absl::Now();
  policies::Report ignored;  // `vouch doctor` and `vouch agreement check` show what is wrong there
  std::vector<std::string> problems;
  records::LoadOptions options;
  options.indexes = WantedIndexes(*file, *ReadCatalog(*file, &ignored), now, &problems);
  for (const std::string& problem : problems) console->Note(absl::StrCat("no index for ", problem));
  options.folder = file->records;
  options.keys_folder = file->keys;
  options.mapping = *std::move(mapping);
  if (absl::Status chosen = ChooseInput(choice, &options); !chosen.ok()) return chosen;
  options.catalogue = *std::move(catalogue);
  options.use = UseOf(*file);
  // Values are judged as the first agreement spells them; each index spells by its own agreement.
  if (!options.indexes.empty()) options.spelling_rules = options.indexes[0].context.profile;
  options.now = now;
  options.today = absl::ToCivilDay(now, absl::UTCTimeZone());
  options.max_errors = choice.max_errors;
  options.allow_empty = choice.allow_empty;
  options.threads = choice.threads;
  Progress loading(console, options.rows ? "loading (rows)" : "loading (bytes)");
  options.progress = [&](const records::LoadProgress& at) {
    loading.Show(at.bytes_total == 0 ? at.rows : at.bytes, at.bytes_total);
  };
  std::string building;
  std::unique_ptr<Progress> indexing;
  options.index_progress = [&](const records::IndexProgress& at) {
    const std::string name = absl::StrCat("index of ", at.agreement_id, ", epoch ", at.epoch);
    if (name != building) {
      building = name;
      indexing = std::make_unique<Progress>(console, absl::StrCat(name, " (bytes)"));
    }
    indexing->Show(at.bytes, at.bytes_total);
  };
  records::LoadReport report;
  const absl::Status loaded = choice.upsert ? records::UpsertRecords(options, &report)
                                            : records::LoadRecords(options, &report);
  if (choice.json) {
    nlohmann::json shown = ReportJson(report);
    shown["loaded"] = loaded.ok();
    console->SayJson(shown);
  } else {
    SayReport(report, console);
  }
  if (!loaded.ok()) return loaded;
  if (choice.upsert) {
    if (!choice.json) {
      console->Say(absl::StrCat("Added or replaced ", report.people, " people from ", report.rows,
                                " rows. A running node takes them up within seconds."));
    }
    return Exit::kFine;
  }
  if (!choice.json) {
    console->Say(absl::StrCat("Loaded ", report.people, " people from ", report.rows,
                              " rows, data as of ", absl::FormatCivilTime(report.data_as_of),
                              ", with ", options.indexes.size(), " token index(es)."));
    if (options.indexes.empty()) {
      console->Say(
          "No agreement in which this node answers has an epoch key yet: make one with `vouch keys "
          "create`, then run `vouch records index`.");
    }
  }
  for (const auto& index : report.not_carried_over) {
    console->Note(absl::StrCat(index.agreement_id, ", epoch ", index.epoch,
                               " had an index and has none now: it answers NOT_READY until its key "
                               "is back and `vouch records index` was run"));
  }
  return Exit::kFine;
}

absl::StatusOr<Exit> Index(const std::string& folder, size_t threads, Console* console) {
  const auto file = OpenNode(folder, console);
  if (!file.ok()) return file.status();
  policies::Report ignored;
  std::vector<std::string> problems;
  auto wanted = WantedIndexes(*file, *ReadCatalog(*file, &ignored), absl::Now(), &problems);
  for (const std::string& problem : problems) console->Note(absl::StrCat("no index for ", problem));
  auto missing = records::MissingIndexes(file->records, std::move(wanted));
  if (!missing.ok()) return missing.status();
  const size_t count = missing->size();
  records::BuildOptions options;
  options.folder = file->records;
  options.keys_folder = file->keys;
  options.threads = threads;
  options.indexes = *std::move(missing);
  Progress progress(console, "building indexes (bytes)");
  options.progress = [&](const records::IndexProgress& at) {
    progress.Show(at.bytes, at.bytes_total);
  };
  if (count > 0) {
    if (absl::Status built = records::BuildIndexes(options); !built.ok()) return built;
  }
  console->Say(count == 0 ? "Every index is built." : absl::StrCat("Built ", count, " index(es)."));
  const auto retired = records::DropRetiredIndexes(file->records, absl::Now());
  if (!retired.ok()) return retired.status();
  if (*retired > 0) console->Say(absl::StrCat("Removed ", *retired, " of retired epochs."));
  return problems.empty() ? Exit::kFine : Exit::kFindings;
}

struct HoldChoice {
  std::string folder;
  std::string source_id;
  std::string reason = "other";
  bool release = false;
};

absl::StatusOr<Exit> HoldOne(const HoldChoice& choice, Console* console) {
  const auto file = OpenNode(choice.folder, console);
  if (!file.ok()) return file.status();
  std::string id = choice.source_id;
  if (id == "-") {
    std::getline(console->in(), id);
    if (id.empty()) return UsageError("standard input held no id");
  }
  const records::ChangeFolders folders = {file->records, file->keys};
  const auto changed =
      choice.release
          ? records::ReleasePerson(folders, id)
          : records::HoldPerson(folders, id, records::HoldReasonNamed(choice.reason).value(),
                                absl::Now());
  if (!changed.ok()) return changed.status();
  const absl::string_view done = choice.release ? "released" : "held back";
  console->Say(*changed ? absl::StrCat("The person is now ", done, ".")
                        : absl::StrCat("The person was ", done, " already; nothing changed."));
  return Exit::kFine;
}

absl::StatusOr<Exit> Delete(const std::string& folder, const std::string& source_id,
                            Console* console) {
  const auto file = OpenNode(folder, console);
  if (!file.ok()) return file.status();
  std::vector<std::string> ids;
  if (source_id == "-") {
    for (std::string id; std::getline(console->in(), id);) {
      if (!id.empty()) ids.push_back(id);
    }
    if (ids.empty()) return UsageError("standard input held no id");
  } else {
    ids.push_back(source_id);
  }
  const auto deleted = records::DeleteRecords({file->records, file->keys}, ids);
  if (!deleted.ok()) return deleted.status();
  console->Say(absl::StrCat("Deleted ", *deleted, " of ", ids.size(),
                            " people; the others were not there. What was sealed of them leaves "
                            "the disk with the next merge or load."));
  return Exit::kFine;
}

absl::StatusOr<Exit> ShowStatus(const std::string& folder, bool json, Console* console) {
  const auto file = OpenNode(folder, console);
  if (!file.ok()) return file.status();
  const auto manifest = records::ReadManifest(file->records);
  if (absl::IsNotFound(manifest.status())) {
    return absl::NotFoundError("nothing was loaded yet; run `vouch records load`");
  }
  if (!manifest.ok()) return manifest.status();
  const auto holds = records::ReadHolds(file->records);
  if (!holds.ok()) return holds.status();
  const auto unmerged = records::UnmergedBytes(file->records);
  if (!unmerged.ok()) return unmerged.status();
  nlohmann::json indexes = nlohmann::json::array();
  std::vector<std::vector<std::string>> rows = {{"agreement", "epoch", "index"}};
  for (const records::Manifest::Index& index : manifest->indexes) {
    struct stat facts {};
    const std::string path = absl::StrCat(file->records, "/", index.file);
    const uint64_t bytes =
        stat(path.c_str(), &facts) == 0 ? static_cast<uint64_t>(facts.st_size) : 0;
    indexes.push_back(
        {{"agreement", index.agreement_id}, {"epoch", index.epoch}, {"bytes", bytes}});
    rows.push_back({index.agreement_id, absl::StrCat(index.epoch), SizeText(bytes)});
  }
  const std::string as_of = absl::FormatCivilTime(manifest->data_as_of);
  if (json) {
    console->SayJson({{"agency", manifest->agency},
                      {"people", manifest->people},
                      {"generation", manifest->generation},
                      {"data_as_of", as_of},
                      {"loaded_at", TimeText(manifest->loaded_at)},
                      {"held_back", (*holds)->all().size()},
                      {"unmerged_bytes", *unmerged},
                      {"indexes", indexes}});
    return Exit::kFine;
  }
  console->Say(absl::StrCat(manifest->people, " people, data as of ", as_of, ", loaded ",
                            TimeText(manifest->loaded_at), ", generation ", manifest->generation,
                            "; ", (*holds)->all().size(), " held back."));
  if (*unmerged > 0) {
    console->Say(absl::StrCat("Since then ", SizeText(*unmerged),
                              " of changes, which a running node merges in time."));
  }
  if (rows.size() > 1) {
    console->SayTable(rows);
  } else {
    console->Say("No token index: no question can be answered yet (`vouch records index`).");
  }
  return Exit::kFine;
}

void AddLoadCommand(CLI::App* group, Console* console, bool upsert) {
  auto load = std::make_shared<LoadChoice>();
  load->upsert = upsert;
  CLI::App* load_command =
      upsert ? group->add_subcommand("upsert", "Adds or replaces people between loads, all or none")
             : group->add_subcommand("load",
                                     "Loads a file or a query whole, or not at all, with indexes");
  AddNodeOption(load_command, &load->folder);
  load_command->add_option("--mapping", load->mapping, "How columns become identities and facts")
      ->required();
  load_command->add_option("--input", load->input,
                           "The extract; none when the mapping holds a PostgreSQL query");
  load_command->add_option("--format", load->format, "csv or jsonl; default: by the file's name")
      ->check(CLI::IsMember({"csv", "jsonl"}));
  load_command->add_option("--facts", load->facts,
                           "The fact catalogue; default: the one below agreements that fits");
  load_command->add_option("--max-errors", load->max_errors, "Bad rows that may be left out")
      ->capture_default_str();
  if (!upsert) {
    load_command->add_flag("--allow-empty", load->allow_empty,
                           "Load an input without a single row: nobody is then found");
    load_command->add_option("--threads", load->threads, "Default: one for each processor");
  }
  load_command->add_flag("--json", load->json, "Print facts for programs");
  load_command->footer(absl::StrCat(
      "Example:\n  vouch records ", upsert ? "upsert" : "load",
      " --node ./irs --mapping mapping.yaml --input people.csv\n"
      "With `postgresql: {connection: ..., query: ...}` in the mapping, leave out --input. A\n"
      "password comes from libpq's own places (~/.pgpass, a service file), never from a mapping."));
  load_command->callback([load, console] { console->Run([&] { return Load(*load, console); }); });
}

}  // namespace

void AddRecordsCommand(CLI::App* vouch, Console* console) {
  CLI::App* group = vouch->add_subcommand("records", "What this agency holds about people");
  group->require_subcommand(1);
  group->footer("Example:\n  vouch records status --node ./irs");

  AddLoadCommand(group, console, /*upsert=*/false);
  AddLoadCommand(group, console, /*upsert=*/true);

  auto removed = std::make_shared<HoldChoice>();
  CLI::App* delete_command = group->add_subcommand("delete", "Removes people between loads");
  AddNodeOption(delete_command, &removed->folder);
  delete_command
      ->add_option("--source-id", removed->source_id,
                   "The person's id in the source system; - reads ids from standard input, one a "
                   "line")
      ->required();
  delete_command->footer("Example:\n  vouch records delete --node ./irs --source-id - < gone.txt");
  delete_command->callback([removed, console] {
    console->Run([&] { return Delete(removed->folder, removed->source_id, console); });
  });

  auto index = std::make_shared<LoadChoice>();
  CLI::App* index_command = group->add_subcommand(
      "index", "Builds the token indexes that are missing, removes those of retired epochs");
  AddNodeOption(index_command, &index->folder);
  index_command->add_option("--threads", index->threads, "Default: one for each processor");
  index_command->footer(
      "Exit codes: 0 every index is built; 1 one is not, for want of its key; 3 something is "
      "missing or damaged.\n"
      "Example:\n  vouch records index --node ./irs");
  index_command->callback([index, console] {
    console->Run([&] { return Index(index->folder, index->threads, console); });
  });

  auto hold = std::make_shared<HoldChoice>();
  CLI::App* hold_command = group->add_subcommand(
      "hold", "Makes every answer about one person UNDETERMINED, or no longer");
  AddNodeOption(hold_command, &hold->folder);
  hold_command
      ->add_option("--source-id", hold->source_id,
                   "The person's id in the source system; - reads it from standard input")
      ->required();
  hold_command->add_option("--reason", hold->reason, "Why")
      ->check(CLI::IsMember({"other", "identity-theft", "address-confidentiality", "dispute"}))
      ->capture_default_str();
  hold_command->add_flag("--release", hold->release, "Hold back no longer");
  hold_command->footer(
      "Example:\n  vouch records hold --node ./irs --source-id - --reason identity-theft < id.txt");
  hold_command->callback(
      [hold, console] { console->Run([&] { return HoldOne(*hold, console); }); });

  auto status = std::make_shared<LoadChoice>();
  CLI::App* status_command =
      group->add_subcommand("status", "Shows what is loaded and what its indexes cost");
  AddNodeOption(status_command, &status->folder);
  status_command->add_flag("--json", status->json, "Print facts for programs");
  status_command->footer("Example:\n  vouch records status --node ./irs --json");
  status_command->callback([status, console] {
    console->Run([&] { return ShowStatus(status->folder, status->json, console); });
  });
}

}  // namespace vouch::client
