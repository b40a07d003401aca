#include <memory>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_split.h"
#include "client/requester/jws_check.h"
#include "client/vouch/commands.h"
#include "client/vouch/keys_command.h"
#include "client/vouch/node_folder.h"
#include "client/vouch/officer_lines.h"
#include "client/vouch/partner_loss_command.h"
#include "crypto/certificate.h"
#include "crypto/digest.h"
#include "crypto/keys.h"
#include "crypto/note.h"
#include "server/node/folders.h"
#include "server/node/ledger_keys.h"
#include "server/node/witness_key.h"

namespace vouch::client {
namespace {

namespace node = server::node;

struct AddOptions {
  std::string folder;
  std::string agency;
  std::string anchors;
  std::string address;
  std::string encryption_certificate;
  std::string ledger_key;
  std::string witness_key;
  std::string receipt_key;
  std::string signing_anchors;
  std::string officers_file;
  std::vector<std::string> officers;  // ROLE=WHO
};

// `text` with one more item under "partners:", comments and everything else left as they are.
absl::StatusOr<std::string> WithPartner(absl::string_view text, const std::string& item) {
  std::vector<std::string> lines = absl::StrSplit(text, '\n');
  if (!lines.empty() && lines.back().empty()) lines.pop_back();
  size_t heading = lines.size();
  for (size_t i = 0; i < lines.size(); ++i) {
    if (!absl::StartsWith(lines[i], "partners:")) continue;
    const absl::string_view rest =
        absl::StripAsciiWhitespace(absl::string_view(lines[i]).substr(sizeof("partners:") - 1));
    if (!rest.empty() && rest[0] != '#') {
      return absl::FailedPreconditionError(
          "partners stand on one line in node.yaml; write them as a list of lines that begin with "
          "\"  - \", then run this again");
    }
    heading = i;
  }
  if (heading == lines.size()) {
    lines.push_back("partners:");
    lines.push_back(item);
    return absl::StrCat(absl::StrJoin(lines, "\n"), "\n");
  }
  size_t end = heading + 1;
  for (size_t i = end; i < lines.size(); ++i) {
    const absl::string_view bare = absl::StripAsciiWhitespace(lines[i]);
    if (bare.empty() || bare[0] == '#') continue;
    if (lines[i][0] != ' ' && lines[i][0] != '-') break;
    end = i + 1;
  }
  // Items line up with those that are there.
  std::string indented = item;
  for (size_t i = heading + 1; i < end; ++i) {
    const size_t dash = lines[i].find_first_not_of(' ');
    if (dash != std::string::npos && lines[i][dash] == '-') {
      indented = absl::StrJoin(absl::StrSplit(item, '\n'), "\n",
                               [&](std::string* out, absl::string_view line) {
                                 absl::StrAppend(out, std::string(dash, ' '), line.substr(2));
                               });
      break;
    }
  }
  lines.insert(lines.begin() + static_cast<std::ptrdiff_t>(end), indented);
  return absl::StrCat(absl::StrJoin(lines, "\n"), "\n");
}

absl::StatusOr<Exit> Add(const AddOptions& options, Console* console) {
  if (absl::Status good = CheckAgencyName(options.agency); !good.ok()) return good;
  if (absl::StrContains(options.address, '"') || absl::StrContains(options.address, '\\')) {
    return UsageError("--address takes HOST:PORT");
  }
  const auto file = OpenNode(options.folder, console);
  if (!file.ok()) return file.status();
  if (file->FindPartner(options.agency) != nullptr) {
    return absl::AlreadyExistsError(
        absl::StrCat(options.agency, " is a partner already; change its lines in ", options.folder,
                     "/node.yaml, and its files in ", options.folder, "/partners"));
  }
  const absl::StatusOr<std::string> anchors = node::ReadText(options.anchors);
  if (!anchors.ok()) return anchors.status();
  const auto loaded = crypto::TrustAnchors::Load(*anchors, "");
  if (!loaded.ok()) {
    return absl::InvalidArgumentError(
        absl::StrCat(options.anchors, ": ", loaded.status().message()));
  }
  absl::StatusOr<std::string> encryption = std::string();
  if (!options.encryption_certificate.empty()) {
    encryption = node::ReadText(options.encryption_certificate);
    if (!encryption.ok()) return encryption.status();
    const auto read = crypto::ReadCertificate(*encryption);
    if (!read.ok()) {
      return absl::InvalidArgumentError(
          absl::StrCat(options.encryption_certificate, ": ", read.status().message()));
    }
  }

  absl::StatusOr<std::string> ledger_key = std::string();
  if (!options.ledger_key.empty()) {
    ledger_key = node::ReadText(options.ledger_key);
    if (!ledger_key.ok()) return ledger_key.status();
    if (const auto read = crypto::PublicKeyFromPem(*ledger_key); !read.ok()) {
      return absl::InvalidArgumentError(
          absl::StrCat(options.ledger_key, ": ", read.status().message()));
    }
  }
  absl::StatusOr<std::string> witness_key = std::string();
  if (!options.witness_key.empty()) {
    witness_key = node::ReadText(options.witness_key);
    if (!witness_key.ok()) return witness_key.status();
    if (const auto read = node::ReadWitnessKey(*witness_key, options.agency); !read.ok()) {
      return absl::InvalidArgumentError(
          absl::StrCat(options.witness_key, ": ", read.status().message()));
    }
  }
  absl::StatusOr<std::string> receipt_key = std::string();
  if (!options.receipt_key.empty()) {
    receipt_key = node::ReadText(options.receipt_key);
    if (!receipt_key.ok()) return receipt_key.status();
    const auto verifier = requester::ReceiptVerifierFromPem(*receipt_key);
    if (!verifier.ok()) {
      return absl::InvalidArgumentError(
          absl::StrCat(options.receipt_key, ": ", verifier.status().message()));
    }
  }
  const absl::StatusOr<std::string> signing_anchors =
      options.signing_anchors.empty() ? std::string() : node::ReadText(options.signing_anchors);
  if (!signing_anchors.ok()) return signing_anchors.status();
  const absl::StatusOr<std::vector<node::OfficerRole>> officers =
      ReadOfficers(options.officers_file, options.officers);
  if (!officers.ok()) return officers.status();
  if (signing_anchors->empty() != officers->empty()) {
    return UsageError(
        "who signs for a partner takes both: --signing-anchors, and --officers or "
        "--officer");
  }
  if (!signing_anchors->empty()) {
    const auto trusted = crypto::TrustAnchors::Load(*signing_anchors, "");
    if (!trusted.ok()) {
      return absl::InvalidArgumentError(
          absl::StrCat(options.signing_anchors, ": ", trusted.status().message()));
    }
  }

  const std::string partners = absl::StrCat(options.folder, "/partners");
  const std::string own = absl::StrCat("partners/", options.agency);
  for (const std::string& folder : {partners, absl::StrCat(options.folder, "/", own)}) {
    if (absl::Status made = node::EnsureFolder(folder, 0755); !made.ok()) return made;
  }
  std::string item = absl::StrCat("  - agency: \"", options.agency, "\"");
  if (!options.address.empty()) absl::StrAppend(&item, "\n    address: \"", options.address, "\"");
  absl::StrAppend(&item, "\n    anchors: \"", own, "/anchors.pem\"");
  const auto keep = [&](absl::string_view name, absl::string_view contents) {
    return crypto::ReplaceFile(absl::StrCat(options.folder, "/", own, "/", name), contents, false);
  };
  if (absl::Status kept = keep("anchors.pem", *anchors); !kept.ok()) return kept;
  if (!encryption->empty()) {
    if (absl::Status kept = keep("encryption.pem", *encryption); !kept.ok()) return kept;
    absl::StrAppend(&item, "\n    encryption_certificate: \"", own, "/encryption.pem\"");
  }

  if (!ledger_key->empty()) {
    if (absl::Status kept = keep("ledger.pem", *ledger_key); !kept.ok()) return kept;
    absl::StrAppend(&item, "\n    ledger_key: \"", own, "/ledger.pem\"");
  }
  if (!witness_key->empty()) {
    if (absl::Status kept = keep("witness.txt", *witness_key); !kept.ok()) return kept;
    absl::StrAppend(&item, "\n    witness_key: \"", own, "/witness.txt\"");
  }
  if (!receipt_key->empty()) {
    if (absl::Status kept = keep("receipt.pem", *receipt_key); !kept.ok()) return kept;
    absl::StrAppend(&item, "\n    receipt_key: \"", own, "/receipt.pem\"");
  }
  if (!signing_anchors->empty()) {
    if (absl::Status kept = keep("signing.pem", *signing_anchors); !kept.ok()) return kept;
    absl::StrAppend(&item, "\n    signing:\n      anchors: \"", own, "/signing.pem\"\n",
                    OfficersYaml(*officers, "      "));
  }

  const std::string path = absl::StrCat(options.folder, "/", node::kNodeFileName);
  const absl::StatusOr<std::string> text = node::ReadText(path);
  if (!text.ok()) return text.status();
  const absl::StatusOr<std::string> changed = WithPartner(*text, item);
  if (!changed.ok()) return changed.status();
  // Nothing is replaced by a file that would not be read back as meant.
  policies::Report report;
  const auto reread = node::ReadNodeText(options.folder, *changed, &report);
  const node::Partner* partner = reread.has_value() ? reread->FindPartner(options.agency) : nullptr;
  if (partner == nullptr || partner->address != options.address ||
      reread->partners.size() != file->partners.size() + 1) {
    if (!report.findings().empty()) console->Note(report.ToText(*changed));
    return absl::FailedPreconditionError(
        absl::StrCat(path, " was left as it is: with the partner added it would not be valid"));
  }
  if (absl::Status replaced = crypto::ReplaceFile(path, *changed, false); !replaced.ok()) {
    return replaced;
  }
  console->Say(absl::StrCat("Added ", options.agency, " to ", path,
                            ". A running node takes it up at SIGHUP (systemctl reload vouchd)."));
  if (options.encryption_certificate.empty()) {
    console->Say("Without --encryption-certificate, keyed-hash keys cannot be shared with it.");
  }
  if (options.ledger_key.empty() && !options.address.empty()) {
    console->Say("Without --ledger-key, it cannot be asked: no answer of it could be checked.");
  }
  if (options.witness_key.empty()) {
    console->Say("Without --witness-key, its cosignatures of this node's ledger do not count.");
  }
  if (officers->empty()) {
    console->Say(
        "Without --signing-anchors and --officers, no agreement with it comes into force here.");
  }
  return Exit::kFine;
}

struct ExportOptions {
  std::string folder;
  std::string output;
};

// What verifies this node's cosignatures (`vouch ledger verify --key`); empty when it cosigns
// nothing.
absl::StatusOr<std::string> WitnessLine(const node::NodeFile& file) {
  const std::string path = absl::StrCat(file.keys, "/", node::kWitnessKey);
  if (!node::Exists(path)) return std::string();
  absl::StatusOr<crypto::SigningKey> key = ReadSigningKey(path);
  if (!key.ok()) return key.status();
  const auto cosigner = crypto::NoteSigner::MakeCosigner(
      file.agency, std::make_shared<const crypto::SigningKey>(*std::move(key)));
  if (!cosigner.ok()) return cosigner.status();
  return absl::StrCat(cosigner->verifier().ToString(), "\n");
}

// What verifies its JWS receipts; empty when it gives none.
absl::StatusOr<std::string> ReceiptPem(const node::NodeFile& file) {
  const std::string path = absl::StrCat(file.keys, "/", node::kReceiptKey);
  if (!node::Exists(path)) return std::string();
  const absl::StatusOr<crypto::SigningKey> key = ReadSigningKey(path);
  if (!key.ok()) return key.status();
  return crypto::PublicKeyToPem(crypto::AsBytes(key->PublicDer()));
}

absl::StatusOr<Exit> Export(const ExportOptions& options, Console* console) {
  const auto file = OpenNode(options.folder, console);
  if (!file.ok()) return file.status();
  const absl::StatusOr<std::string> anchors =
      node::ReadText(absl::StrCat(options.folder, "/tls/authority.pem"));
  const absl::StatusOr<std::string> encryption =
      node::ReadText(absl::StrCat(file->keys, "/", node::kEncryptionCertificate));
  if (!anchors.ok() || !encryption.ok()) {
    return absl::NotFoundError(absl::StrCat(
        (anchors.ok() ? encryption : anchors).status().message(),
        "; where another authority issues your certificates, give the partner its anchors and your "
        "encryption certificate yourself"));
  }
  // An export never replaces what lies there: it might be another agency's.
  if (absl::Status made = node::CreateFolder(options.output, 0755); !made.ok()) {
    if (!absl::IsAlreadyExists(made)) return made;
    return absl::AlreadyExistsError(absl::StrCat(options.output, ": exists; name a new folder"));
  }
  const absl::StatusOr<std::string> signing_anchors =
      file->signing.empty() ? std::string() : node::ReadText(file->signing.anchors);
  if (!signing_anchors.ok()) return signing_anchors.status();
  std::vector<std::pair<absl::string_view, std::string>> files = {{"anchors.pem", *anchors},
                                                                  {"encryption.pem", *encryption}};
  const absl::StatusOr<crypto::SigningKey> ledger_key =
      ReadSigningKey(absl::StrCat(file->keys, "/", node::kLedgerKey));
  if (!ledger_key.ok()) return ledger_key.status();
  files.push_back({"ledger.pem", crypto::PublicKeyToPem(crypto::AsBytes(ledger_key->PublicDer()))});
  const std::string also_path = absl::StrCat(file->keys, "/", node::kAlsoLedgerKey);
  if (node::Exists(also_path)) {
    const absl::StatusOr<crypto::SigningKey> also = ReadSigningKey(also_path);
    if (!also.ok()) return also.status();
    files.push_back(
        {"ledger-p256.pem", crypto::PublicKeyToPem(crypto::AsBytes(also->PublicDer()))});
  }
  const absl::StatusOr<std::string> receipts = ReceiptPem(*file);
  if (!receipts.ok()) return receipts.status();
  if (!receipts->empty()) files.push_back({"receipt.pem", *receipts});
  const absl::StatusOr<std::string> witness = WitnessLine(*file);
  if (!witness.ok()) return witness.status();
  if (!witness->empty()) files.push_back({"witness.txt", *witness});
  if (!file->signing.empty()) {
    files.push_back({"signing.pem", *signing_anchors});
    files.push_back({"officers.txt", OfficersText(file->signing.officers)});
  }
  std::string digests;
  for (const auto& [name, contents] : files) {
    absl::StrAppend(&digests, "\n  ", name, std::string(16 - name.size(), ' '),
                    crypto::Hex(crypto::Sha256(contents)));
  }
  const std::string about = absl::StrCat(
      "What a partner needs from ", file->agency, ". Nothing here is secret, but check with ",
      file->agency, " by another way that it is genuine:", digests,
      "\n\nAdd it to your node with\n", "  vouch partner add --node FOLDER --agency ", file->agency,
      " --address HOST:PORT \\\n"
      "      --anchors anchors.pem --encryption-certificate encryption.pem --ledger-key ledger.pem",
      witness->empty() ? "" : " \\\n      --witness-key witness.txt",
      receipts->empty() ? "" : " \\\n      --receipt-key receipt.pem",
      file->signing.empty() ? ""
                            : " \\\n      --signing-anchors signing.pem --officers officers.txt",
      "\n");
  files.push_back({"README.txt", about});
  for (const auto& [name, contents] : files) {
    const absl::Status written =
        crypto::ReplaceFile(absl::StrCat(options.output, "/", name), contents, false);
    if (!written.ok()) return written;
  }
  std::vector<absl::string_view> names;
  names.reserve(files.size());
  for (const auto& file_and_text : files) names.push_back(file_and_text.first);
  console->Say(absl::StrCat("Wrote ", absl::StrJoin(names, ", "), " to ", options.output,
                            ". Give the folder to the partner; nothing in it is secret."));
  if (file->signing.empty()) {
    console->Say("node.yaml does not say who signs for this agency, so nothing was written of it.");
  }
  return Exit::kFine;
}

}  // namespace

void AddPartnerCommand(CLI::App* vouch, Console* console) {
  CLI::App* partner =
      vouch->add_subcommand("partner", "Agencies this node exchanges questions with");
  partner->require_subcommand(1);
  partner->footer("Example:\n  vouch partner export --node ./irs --output for-fsa");

  auto add = std::make_shared<AddOptions>();
  CLI::App* add_command = partner->add_subcommand("add", "Adds a partner to node.yaml");
  AddNodeOption(add_command, &add->folder);
  add_command->add_option("--agency", add->agency, "The partner's name")->required();
  add_command->add_option("--anchors", add->anchors, "PEM of the authorities for this agency alone")
      ->required();
  add_command->add_option("--address", add->address, "Where its node listens, HOST:PORT");
  add_command->add_option("--encryption-certificate", add->encryption_certificate,
                          "PEM certificate to which keys for it are encrypted");
  add_command->add_option("--ledger-key", add->ledger_key,
                          "PEM public key of its ledger; needed to ask it");
  add_command->add_option("--witness-key", add->witness_key,
                          "Key that verifies its cosignatures of our ledger, witness.txt");
  add_command->add_option("--receipt-key", add->receipt_key,
                          "PEM public key of its JWS receipts; needed only to ask for them");
  add_command->add_option("--signing-anchors", add->signing_anchors,
                          "PEM of the authorities of its officers' certificates");
  add_command->add_option("--officers", add->officers_file,
                          "Who signs for it, as `vouch partner export` writes it");
  add_command->add_option("--officer", add->officers,
                          "The same, one by one: ROLE=WHO, with WHO a certificate file, a "
                          "fingerprint or a subject; several of one role are alternatives");
  add_command->footer(
      "Example:\n"
      "  vouch partner add --node ./fsa --agency irs.treasury.example --anchors anchors.pem \\\n"
      "      --address node.irs.treasury.example:7443 --encryption-certificate encryption.pem \\\n"
      "      --ledger-key ledger.pem --receipt-key receipt.pem --witness-key witness.txt \\\n"
      "      --signing-anchors signing.pem --officers officers.txt");
  add_command->callback([add, console] { console->Run([&] { return Add(*add, console); }); });

  auto out = std::make_shared<ExportOptions>();
  CLI::App* export_command =
      partner->add_subcommand("export", "Writes what a partner needs from us; nothing secret");
  AddNodeOption(export_command, &out->folder);
  export_command->add_option("--output", out->output, "The folder to make")->required();
  export_command->footer("Example:\n  vouch partner export --node ./irs --output for-fsa");
  export_command->callback([out, console] { console->Run([&] { return Export(*out, console); }); });
  AddPartnerLossCommands(partner, console);
}

}  // namespace vouch::client
