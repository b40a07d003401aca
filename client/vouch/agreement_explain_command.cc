#include <fstream>
#include <memory>

#include "absl/strings/str_cat.h"
#include "client/vouch/agreement_commands.h"
#include "client/vouch/agreement_explanation.h"
#include "client/vouch/agreement_source.h"
#include "policies/engine/explain/html_page.h"
#include "policies/engine/explain/text_page.h"

namespace vouch::client {
namespace {

namespace explain = policies::explain;

struct ExplainOptions {
  std::string file;
  std::string html;
  bool json = false;
};

absl::Status WritePage(const std::string& path, const std::string& page) {
  std::ofstream out(path, std::ios::binary | std::ios::trunc);
  out << page;
  out.close();
  return out ? absl::OkStatus()
             : absl::FailedPreconditionError(absl::StrCat(path, " cannot be written"));
}

absl::StatusOr<Exit> ExplainFile(const ExplainOptions& options, Console* console) {
  const absl::StatusOr<AgreementSource> source = OpenGoodAgreement(options.file, console);
  if (!source.ok()) return source.status();
  const explain::Document document = ExplainSource(*source);
  if (!options.html.empty()) {
    const absl::Status written = WritePage(options.html, explain::HtmlPage(document));
    if (!written.ok()) return written;
    console->Note(absl::StrCat("Wrote ", options.html,
                               "; any browser opens and prints it, without a network."));
  }
  if (options.json) {
    console->Say(DocumentJson(document).dump(2));
  } else if (options.html.empty()) {
    console->Say(explain::TextPage(document));
  }
  return Exit::kFine;
}

}  // namespace

void AddAgreementExplainCommand(CLI::App* agreement, Console* console) {
  auto options = std::make_shared<ExplainOptions>();
  CLI::App* command = agreement->add_subcommand(
      "explain", "Says in plain words what an agreement means, line by line");
  command->add_option("file", options->file, "The agreement")->required();
  command->add_option("--html", options->html,
                      "Write one page for browser and printer to this file");
  command->add_flag("--json", options->json, "Print sections, sentences and lines for programs");
  command->footer("Example:\n  vouch agreement explain agreement.yaml --html agreement.html");
  command->callback(
      [options, console] { console->Run([&] { return ExplainFile(*options, console); }); });
}

}  // namespace vouch::client
