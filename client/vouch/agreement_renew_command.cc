#include <memory>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "client/vouch/agreement_commands.h"
#include "client/vouch/agreement_source.h"
#include "policies/engine/revise.h"

namespace vouch::client {
namespace {

struct RenewOptions {
  std::string file;
  std::string output;
  std::string until;
  std::string today;
  std::vector<std::string> certified;
};

absl::StatusOr<absl::CivilDay> ParseDay(absl::string_view text) {
  absl::CivilDay day;
  if (text.size() != 10 || !absl::ParseCivilTime(text, &day)) {
    return UsageError(
        absl::StrCat("`", policies::Shown(text), "` is no day such as \"2028-06-30\""));
  }
  return day;
}

absl::StatusOr<Exit> Renew(const RenewOptions& options, Console* console) {
  const absl::StatusOr<absl::CivilDay> until = ParseDay(options.until);
  if (!until.ok()) return until.status();
  std::vector<policies::Certification> certified;
  for (const std::string& one : options.certified) {
    const std::vector<std::string> parts = absl::StrSplit(one, absl::MaxSplits('=', 1));
    if (parts.size() != 2) return UsageError("--certified is AGENCY=DATE");
    const absl::StatusOr<absl::CivilDay> on = ParseDay(parts[1]);
    if (!on.ok()) return on.status();
    certified.push_back({parts[0], *on});
  }
  const absl::StatusOr<AgreementSource> source = OpenGoodAgreement(options.file, console);
  if (!source.ok()) return source.status();
  const policies::Agreement& agreement = source->held->agreement;
  absl::CivilDay today = absl::ToCivilDay(absl::Now(), agreement.zone());
  if (!options.today.empty()) {
    const absl::StatusOr<absl::CivilDay> on = ParseDay(options.today);
    if (!on.ok()) return on.status();
    today = *on;
  }
  const absl::StatusOr<std::string> text =
      policies::RenewedText(source->bytes, agreement, source->digest, *until, certified, today);
  if (!text.ok()) return text.status();
  const std::string output =
      options.output.empty() ? NextRevisionPath(options.file, agreement.revision) : options.output;
  if (const absl::Status written = WriteNew(output, *text); !written.ok()) return written;
  console->Say(absl::StrCat("The renewal is revision ", agreement.revision + 1, ", in ", output,
                            ": the same agreement until ", absl::FormatCivilTime(*until),
                            ".\nBoth agencies sign it before ",
                            absl::FormatCivilTime(agreement.expires), " is over."));
  return Exit::kFine;
}

}  // namespace

void AddAgreementRenewCommand(CLI::App* agreement, Console* console) {
  auto options = std::make_shared<RenewOptions>();
  CLI::App* command = agreement->add_subcommand(
      "renew", "Makes the one renewal of a matching agreement, unchanged, for at most a year");
  command->add_option("file", options->file, "The revision in force")->required();
  command->add_option("--until", options->until, "The new last day")->required();
  command
      ->add_option("--certified", options->certified,
                   "AGENCY=DATE: that party certified in writing on that day; once for each party")
      ->required();
  command->add_option("--output", options->output,
                      "Where to write it; otherwise beside the file, named by its revision");
  command->add_option("--on", options->today, "As of this day instead of today");
  command->footer(
      "Example:\n  vouch agreement renew agreement.yaml --until 2028-09-30 \\\n"
      "    --certified housing.example=2027-08-01 --certified veterans.example=2027-08-03");
  command->callback([options, console] { console->Run([&] { return Renew(*options, console); }); });
}

}  // namespace vouch::client
