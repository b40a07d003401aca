#include <memory>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "client/vouch/agreement_commands.h"
#include "client/vouch/agreement_source.h"
#include "client/vouch/node_agreements.h"
#include "client/vouch/node_folder.h"
#include "client/vouch/officer_key.h"
#include "crypto/keys.h"
#include "crypto/signed_message.h"
#include "policies/engine/source.h"
#include "server/agreements/stop_notice.h"
#include "server/node/folders.h"

namespace vouch::client {
namespace {

namespace node = server::node;
namespace agreements = server::agreements;

struct StopOptions {
  std::string what;  // a file, or an agreement's id
  std::string agency;
  std::string reason;
  std::string revisions = "all";
  std::string output;
  std::string time;
  OfficerKey officer;
  bool lift = false;
  bool add = false;
  bool json = false;
};

// "a/b.yaml" for a file, the id alone otherwise: where a notice is put beside.
absl::Status Describe(const StopOptions& options, const crypto::DocumentSigner& signer,
                      agreements::StopNotice* notice) {
  if (!node::Exists(options.what)) {
    if (options.agency.empty()) {
      return UsageError(absl::StrCat("there is no file ", options.what,
                                     "; to name an agreement by its id, say with --agency for "
                                     "which party you speak"));
    }
    notice->agreement_id = options.what;
    notice->party = options.agency;
    return absl::OkStatus();
  }
  policies::Report ignored;
  const absl::StatusOr<AgreementSource> source = OpenAgreement(options.what, &ignored);
  if (!source.ok()) return source.status();
  if (!source->agreement.has_value()) {
    return absl::InvalidArgumentError(absl::StrCat(
        options.what, " cannot be read as an agreement; name it by its id, with --agency"));
  }
  notice->agreement_id = source->agreement->id;
  const absl::StatusOr<std::string> agency =
      SigningAgency(options.agency, signer, *source->agreement);
  if (!agency.ok()) return agency.status();
  notice->party = *agency;
  return absl::OkStatus();
}

absl::StatusOr<Exit> Stop(const StopOptions& options, Console* console) {
  const absl::StatusOr<crypto::DocumentSigner> signer = OpenOfficerKey(options.officer, console);
  if (!signer.ok()) return signer.status();
  agreements::StopNotice notice;
  notice.lifts = options.lift;
  notice.reason = options.reason;
  notice.time = absl::FromUnixSeconds(absl::ToUnixSeconds(absl::Now()));
  if (!options.time.empty()) {
    const absl::StatusOr<absl::Time> time = ParseTime(options.time);
    if (!time.ok()) return time.status();
    notice.time = *time;
  }
  if (options.revisions != "all") {
    const std::vector<std::string> ends = absl::StrSplit(options.revisions, '-');
    if (options.lift)
      return UsageError("--lift ends every stop of its party; leave out --revisions");
    if (ends.size() > 2 || !absl::SimpleAtoi(ends[0], &notice.first_revision) ||
        !absl::SimpleAtoi(ends.back(), &notice.last_revision)) {
      return UsageError("--revisions takes a number, or two such as 1-3");
    }
  }
  if (absl::Status described = Describe(options, *signer, &notice); !described.ok()) {
    return described;
  }
  std::string text = notice.Text();
  // What a node would not read is not signed.
  if (const auto read = agreements::ReadStopNotice(text); !read.ok()) {
    return UsageError(
        absl::StrCat("--reason takes one line, and the agreement's id and revisions "
                     "must be as agreements have them: ",
                     read.status().message()));
  }
  const std::string path =
      !options.output.empty()
          ? options.output
          : absl::StrCat(options.what, ".", notice.party,
                         options.lift ? agreements::kLiftEnding : agreements::kStopEnding);
  // What was given to nodes stays: they may not have read it yet.
  if (!options.add && node::Exists(path)) {
    return absl::AlreadyExistsError(absl::StrCat(
        path,
        ": a notice is there already, and was not touched; sign it as well with --add, or "
        "write another one beside it with --output, its name ending in ",
        options.lift ? agreements::kLiftEnding : agreements::kStopEnding));
  }
  absl::StatusOr<std::string> message = absl::NotFoundError("");
  if (options.add) {
    const absl::StatusOr<std::string> present = node::ReadText(path);
    if (!present.ok()) return present.status();
    const auto read = crypto::ReadEnclosed(*present);
    if (!read.ok()) return read.status();
    const auto before = agreements::ReadStopNotice(read->text);
    if (!before.ok()) return before.status();
    if (before->agreement_id != notice.agreement_id || before->party != notice.party ||
        before->lifts != notice.lifts) {
      return absl::FailedPreconditionError(absl::StrCat(path, ": is another notice"));
    }
    text = read->text;
    message = crypto::AddEnclosedSignature(*present, *signer, absl::Now());
  } else {
    message = crypto::SignEnclosed(*signer, text, absl::Now());
  }
  if (!message.ok()) return message.status();
  if (absl::Status written = crypto::ReplaceFile(path, *message, false); !written.ok()) {
    return written;
  }
  if (options.json) {
    console->SayJson({{"notice", path}, {"text", text}, {"lifts", notice.lifts}});
    return Exit::kFine;
  }
  console->Say(absl::StrCat(
      "Wrote ", path, ", signed by ", policies::Shown(signer->certificate().subject, 200), ":\n\n",
      text, "\n",
      options.lift
          ? "It counts once every role of the party has signed it (--add for the next signer), in "
            "the\nagreements folder of each node. Only stops of the same party, older than it, "
            "end.\n"
          : "Put it into the agreements folder of your node and give it to the other party for "
            "theirs: it\nis effective as soon as a node reads it, and removing the file lifts "
            "nothing.\n"));
  return Exit::kFine;
}

}  // namespace

void AddAgreementStopCommand(CLI::App* agreement, Console* console) {
  auto options = std::make_shared<StopOptions>();
  CLI::App* stop = agreement->add_subcommand(
      "stop", "Makes a party's signed notice that an agreement is stopped, or lifts its own stop");
  stop->add_option("agreement", options->what, "The agreement's file, or its id")->required();
  stop->add_option("--agency", options->agency,
                   "The party that stops it; without it, the one that the certificate names");
  stop->add_option("--reason", options->reason, "Why, in one line")->required();
  stop->add_option("--revisions", options->revisions, "all, a number, or two such as 1-3")
      ->capture_default_str();
  stop->add_flag("--lift", options->lift, "Lift the party's own stops that are older");
  stop->add_flag("--add", options->add, "Add a signature to a notice that is there");
  stop->add_option("--output", options->output,
                   "Where to write it; default: beside the agreement, AGREEMENT.AGENCY.stop.p7s");
  stop->add_option("--time", options->time, "The notice's time, UTC; default: now");
  AddOfficerKeyOptions(stop, &options->officer);
  stop->add_flag("--json", options->json, "Print facts for programs");
  stop->footer(
      "Example:\n"
      "  vouch agreement stop fsa-irs/agreement.yaml --agency irs.treasury.example \\\n"
      "      --reason \"The statutory authority lapsed.\" --p12 officer.p12");
  stop->callback([options, console] { console->Run([&] { return Stop(*options, console); }); });
}

}  // namespace vouch::client
