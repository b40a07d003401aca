#include <memory>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "client/vouch/agreement_commands.h"
#include "client/vouch/agreement_source.h"
#include "client/vouch/node_agreements.h"
#include "client/vouch/node_folder.h"
#include "client/vouch/officer_key.h"
#include "crypto/digest.h"
#include "crypto/keys.h"
#include "crypto/signed_message.h"
#include "policies/engine/source.h"
#include "server/agreements/countersignatures.h"
#include "server/node/folders.h"

namespace vouch::client {
namespace {

namespace node = server::node;
namespace agreements = server::agreements;

struct SignOptions {
  std::string file;
  std::string agency;
  OfficerKey officer;
  bool replace = false;
  bool json = false;
};

absl::StatusOr<std::string> Message(const SignOptions& options, const std::string& path,
                                    const std::string& bytes,
                                    const crypto::DocumentSigner& signer) {
  const absl::Time now = absl::Now();
  if (options.replace || !node::Exists(path)) return crypto::SignDetached(signer, bytes, now);
  const absl::StatusOr<std::string> present = node::ReadText(path);
  if (!present.ok()) return present.status();
  absl::StatusOr<std::string> more = crypto::AddSignature(*present, signer, bytes, now);
  if (absl::IsFailedPrecondition(more.status())) {
    return absl::FailedPreconditionError(absl::StrCat(
        path, ": ", more.status().message(),
        ". `vouch agreement diff` shows what changed since; --replace begins the file anew, and "
        "everybody signs again"));
  }
  return more;
}

absl::StatusOr<Exit> Sign(const SignOptions& options, Console* console) {
  // Errors are for before signing; what the node would refuse must not be signed either.
  const absl::StatusOr<AgreementSource> source = OpenGoodAgreement(options.file, console);
  if (!source.ok()) return source.status();
  const absl::StatusOr<crypto::DocumentSigner> signer = OpenOfficerKey(options.officer, console);
  if (!signer.ok()) return signer.status();
  const absl::StatusOr<std::string> agency =
      SigningAgency(options.agency, *signer, *source->agreement);
  if (!agency.ok()) return agency.status();
  const std::string path = agreements::SignatureFileName(options.file, *agency);
  const absl::StatusOr<std::string> message = Message(options, path, source->bytes, *signer);
  if (!message.ok()) return message.status();
  const auto signers = crypto::ReadSigners(*message, source->bytes);
  if (!signers.ok()) return signers.status();
  if (absl::Status written = crypto::ReplaceFile(path, *message, false); !written.ok()) {
    return written;
  }
  const std::string who = policies::Shown(signer->certificate().subject, 200);
  if (options.json) {
    console->SayJson({{"file", options.file},
                      {"sha256", crypto::Hex(source->digest)},
                      {"signature", path},
                      {"agency", *agency},
                      {"signer", who},
                      {"key", signer->certificate().public_key_fingerprint},
                      {"signatures", signers->size()}});
    return Exit::kFine;
  }
  console->Say(absl::StrCat(
      "Signed ", options.file, " for ", *agency, " as ", who, ".\n  agreement  ",
      policies::Shown(source->agreement->id), ", revision ", source->agreement->revision,
      "\n  SHA-256    ", crypto::Hex(source->digest), "\n  key        ",
      signer->certificate().public_key_fingerprint, "\n  signature  ", path, " (", signers->size(),
      signers->size() == 1 ? " signature)" : " signatures)", "\nGive the file and ", path,
      " to the other party. Whoever changes one byte of the file needs every "
      "signature again."));
  return Exit::kFine;
}

struct VerifyOptions {
  std::string file;
  std::string folder;
  bool json = false;
};

nlohmann::json ToJson(const agreements::JudgedAgency& judged, const std::string& path) {
  nlohmann::json signers = nlohmann::json::array();
  for (const agreements::JudgedSigner& one : judged.signers) {
    signers.push_back({{"signer", policies::Shown(one.signer, 200)},
                       {"key", one.key},
                       {"role", one.role},
                       {"signed_at", one.signed_at.has_value() ? TimeText(*one.signed_at) : ""},
                       {"problem", one.problem}});
  }
  return {{"agency", judged.agency},
          {"signature", path},
          {"signed", judged.signed_by_all()},
          {"signers", signers},
          {"missing", judged.missing_roles},
          {"why", judged.why},
          {"mend", judged.mend}};
}

void Say(const agreements::JudgedAgency& judged, Console* console) {
  console->Say(
      absl::StrCat(judged.signed_by_all() ? "signed:     " : "NOT SIGNED: ", judged.agency));
  for (const agreements::JudgedSigner& one : judged.signers) {
    console->Say(absl::StrCat("  ", policies::Shown(one.signer, 200),
                              one.role.empty() ? "" : absl::StrCat(", as ", one.role),
                              one.signed_at.has_value()
                                  ? absl::StrCat(", by its own clock ", TimeText(*one.signed_at))
                                  : "",
                              "\n    key ", one.key));
    if (!one.problem.empty()) console->Say(absl::StrCat("    does not count: ", one.problem));
  }
  if (judged.signed_by_all()) return;
  console->Say(absl::StrCat("  ", judged.why, "."));
  if (absl::StrContains(judged.why, "changed after it was signed")) {
    console->Say(
        "  `vouch agreement diff SIGNED-FILE THIS-FILE` explains what changed since the text that "
        "was signed.");
  }
  if (!judged.mend.empty()) console->Say(absl::StrCat("  To mend: ", judged.mend, "."));
}

// Without a node nobody says who is wanted: whether each signature fits is all that can be told.
agreements::JudgedAgency JudgeFit(const std::string& agency, const std::string& name,
                                  const std::string& bytes,
                                  const absl::optional<std::string>& message) {
  agreements::JudgedAgency judged = agreements::JudgeSignatures(
      agreements::SigningRules(), agency, name, bytes, message, absl::Now(), /*adopted=*/true);
  const auto signers =
      message.has_value()
          ? crypto::ReadSigners(*message, bytes)
          : absl::StatusOr<std::vector<crypto::MessageSigner>>(absl::NotFoundError(""));
  judged.signers.clear();
  for (const crypto::MessageSigner& one :
       signers.ok() ? *signers : std::vector<crypto::MessageSigner>()) {
    judged.signers.push_back({"", one.certificate.subject, one.certificate.public_key_fingerprint,
                              one.signed_at, std::string(one.fits.message())});
    if (one.fits.ok()) continue;
    judged.state = agreements::JudgedAgency::State::kRefused;
    judged.why = absl::StrCat("a signature for ", agency, ": ", one.fits.message());
    judged.mend = absl::StrCat("have ", agency, " sign these bytes");
  }
  return judged;
}

absl::StatusOr<Exit> Verify(const VerifyOptions& options, Console* console) {
  policies::Report report;
  const absl::StatusOr<AgreementSource> source = OpenAgreement(options.file, &report);
  if (!source.ok()) return source.status();
  if (!source->agreement.has_value()) {
    console->Note(FindingsText(report, source->Sources()));
    return absl::InvalidArgumentError(
        absl::StrCat(options.file, " cannot be read as an agreement"));
  }
  std::shared_ptr<const agreements::SigningRules> rules;
  if (!options.folder.empty()) {
    const auto file = OpenNode(options.folder, console);
    if (!file.ok()) return file.status();
    rules = agreements::SigningRules::Read(*file);
  }
  std::vector<std::string> agencies = source->agreement->asks;
  agencies.push_back(source->agreement->answers);
  bool complete = true;
  nlohmann::json all = nlohmann::json::array();
  if (!options.json) {
    console->Say(absl::StrCat(options.file, "\n  SHA-256 ", crypto::Hex(source->digest)));
  }
  for (const std::string& agency : agencies) {
    const std::string path = agreements::SignatureFileName(options.file, agency);
    absl::optional<std::string> message;
    if (node::Exists(path)) {
      absl::StatusOr<std::string> text = node::ReadText(path);
      if (!text.ok()) return text.status();
      message = *std::move(text);
    }
    const std::string name = path.substr(FolderOf(path).size());
    const agreements::JudgedAgency judged =
        rules != nullptr ? agreements::JudgeSignatures(*rules, agency, name, source->bytes, message,
                                                       absl::Now(), /*adopted=*/false)
                         : JudgeFit(agency, name, source->bytes, message);
    complete = complete && judged.signed_by_all();
    if (options.json) {
      all.push_back(ToJson(judged, path));
    } else {
      Say(judged, console);
    }
  }
  if (options.json) {
    console->SayJson({{"file", options.file},
                      {"sha256", crypto::Hex(source->digest)},
                      {"judged_by", options.folder.empty() ? "fit alone" : options.folder},
                      {"complete", complete},
                      {"parties", all}});
  } else if (rules == nullptr) {
    console->Say(
        "Only whether each signature fits the file was looked at. Whether it is by the right "
        "officer,\nand under a good certificate, is said with --node FOLDER.");
  } else {
    console->Say(complete ? "Every signature that this node wants is there."
                          : "It is not in force here until every party has signed.");
  }
  return complete ? Exit::kFine : Exit::kFindings;
}

}  // namespace

void AddAgreementSignCommand(CLI::App* agreement, Console* console) {
  auto options = std::make_shared<SignOptions>();
  CLI::App* sign = agreement->add_subcommand(
      "sign", "Signs an agreement's exact bytes, beside it, for one party");
  sign->add_option("file", options->file, "The agreement")->required();
  sign->add_option("--agency", options->agency,
                   "The party; without it, the one that the certificate names");
  AddOfficerKeyOptions(sign, &options->officer);
  sign->add_flag("--replace", options->replace, "Begin the signature file anew");
  sign->add_flag("--json", options->json, "Print facts for programs");
  sign->footer(
      "Example:\n"
      "  vouch agreement sign fsa-irs/agreement.yaml --agency fsa.ed.example --p12 officer.p12\n"
      "  vouch agreement sign fsa-irs/agreement.yaml --agency fsa.ed.example \\\n"
      "      --pkcs11 \"pkcs11:token=PIV;id=%02\"");
  sign->callback([options, console] { console->Run([&] { return Sign(*options, console); }); });
}

void AddAgreementVerifyCommand(CLI::App* agreement, Console* console) {
  auto options = std::make_shared<VerifyOptions>();
  CLI::App* verify = agreement->add_subcommand(
      "verify", "Says who signed an agreement, what is missing, and why one does not count");
  verify->add_option("file", options->file, "The agreement")->required();
  verify->add_option("--node", options->folder, "The node whose node.yaml says who must sign")
      ->envname("VOUCH_NODE");
  verify->add_flag("--json", options->json, "Print facts for programs");
  verify->footer(
      "Without --node only whether each signature fits the file is looked at.\n"
      "Exit codes: 0 every party has signed; 1 one has not, or it does not count; 3 a file cannot "
      "be read.\n"
      "Example:\n  vouch agreement verify fsa-irs/agreement.yaml --node ./irs");
  verify->callback([options, console] { console->Run([&] { return Verify(*options, console); }); });
}

}  // namespace vouch::client
