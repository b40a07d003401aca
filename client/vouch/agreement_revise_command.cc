#include <memory>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "client/vouch/agreement_commands.h"
#include "client/vouch/agreement_source.h"
#include "crypto/keys.h"
#include "policies/engine/revise.h"
#include "server/node/folders.h"

namespace vouch::client {

// "agreement.yaml" and "agreement-revision-2.yaml" make "agreement-revision-3.yaml".
std::string NextRevisionPath(const std::string& path, int64_t revision) {
  absl::string_view stem = path;
  const absl::string_view ending = absl::EndsWith(stem, ".yml") ? ".yml" : ".yaml";
  absl::ConsumeSuffix(&stem, ending);
  absl::ConsumeSuffix(&stem, absl::StrCat("-revision-", revision));
  return absl::StrCat(stem, "-revision-", revision + 1, ending);
}

absl::Status WriteNew(const std::string& path, const std::string& text) {
  if (server::node::Exists(path)) {
    return absl::AlreadyExistsError(
        absl::StrCat(path, " is there already; name another file with --output"));
  }
  return crypto::ReplaceFile(path, text, false);
}

namespace {

struct ReviseOptions {
  std::string file;
  std::string output;
};

absl::StatusOr<Exit> Revise(const ReviseOptions& options, Console* console) {
  const absl::StatusOr<AgreementSource> source = OpenGoodAgreement(options.file, console);
  if (!source.ok()) return source.status();
  const policies::Agreement& agreement = source->held->agreement;
  const absl::StatusOr<std::string> text =
      policies::RevisedText(source->bytes, agreement, source->digest);
  if (!text.ok()) return text.status();
  const std::string output =
      options.output.empty() ? NextRevisionPath(options.file, agreement.revision) : options.output;
  if (const absl::Status written = WriteNew(output, *text); !written.ok()) return written;
  console->Say(absl::StrCat("Revision ", agreement.revision + 1, " is in ", output,
                            ". It replaces ", options.file, " as it is now, byte for byte."));
  console->Say(absl::StrCat(
      "Edit it: set `effective` to a day by which both agencies will have it, and `expires`.\n"
      "Then: vouch agreement diff ",
      options.file, " ", output));
  return Exit::kFine;
}

}  // namespace

void AddAgreementReviseCommand(CLI::App* agreement, Console* console) {
  auto options = std::make_shared<ReviseOptions>();
  CLI::App* command =
      agreement->add_subcommand("revise", "Begins the next revision of an agreement");
  command->add_option("file", options->file, "The revision in force")->required();
  command->add_option("--output", options->output,
                      "Where to write it; otherwise beside the file, named by its revision");
  command->footer("Example:\n  vouch agreement revise agreement.yaml");
  command->callback(
      [options, console] { console->Run([&] { return Revise(*options, console); }); });
}

}  // namespace vouch::client
