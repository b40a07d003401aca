#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include <cerrno>
#include <filesystem>
#include <memory>

#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/substitute.h"
#include "client/vouch/commands.h"
#include "client/vouch/node_folder.h"
#include "crypto/certificate.h"
#include "crypto/keys.h"
#include "policies/reference/built_in.h"
#include "server/node/folders.h"

namespace vouch::client {
namespace {

namespace node = server::node;

struct InitOptions {
  std::string folder;
  std::string agency;
  std::string use = "test";
  std::string listen = "127.0.0.1:7443";
  bool json = false;
};

constexpr absl::string_view kNodeText =
    R"(# A node of Vouch. `vouch doctor --node FOLDER` says whether everything here is in order.
# Paths are relative to this file's folder. Keys not written here have their default.
format: "vouch-node/1"

# This agency, as agreements and the node's certificate name it.
agency: "$0"

# "test": made-up people only. "live": real people. A node never does both.
use: "$1"

# Where partners reach the node. Port 0 takes a free one and writes it to run/listen.
listen: "$2"

# Where /metrics and /healthz are served, over plain HTTP; without this line, not at all.
# metrics: "127.0.0.1:9464"

# What the node shows to partners. In production: the chain and key your authority issued.
certificate: "tls/node.pem"
key: "tls/node.key"

agreements: "agreements"
records: "records"
journal: "journal"
keys: "keys"
run: "run"

# Who signs agreements for this agency: every role below, each by any one of the certificates named,
# by the fingerprint of their key or by their subject. The same stands under each partner.
$3

# What the log holds: "info", "warning" or "error". It never holds anything about a person.
log_level: "info"

# How many threads answer, how much may wait, and how long stopping may take.
walkers: 2
queue_items: 65536
queue_megabytes: 256
evaluators: 2
drain_seconds: 10

# Agencies this node exchanges questions with follow under "partners". Add them with
#   vouch partner add --node FOLDER --agency NAME --anchors FILE --address HOST:PORT
)";

constexpr absl::string_view kAuthorityNote =
    R"(The key authority signs the statement of every epoch key; agreements pin its fingerprint
(people.tokens.key_authority). This one is for development. In production it is made and kept
offline, by the officer who answers for the agreement: nobody who can read the node's disk can
then announce a key in the agency's name.

  On the node:      vouch keys create --node FOLDER --agreement ID
                    vouch keys statement --node FOLDER --agreement ID --epoch 1 --unsigned OUT
  On the officer's: vouch keys sign --statement OUT --authority-key KEY --output SIGNED
  On the node:      vouch keys accept --node FOLDER --statement SIGNED
)";

constexpr absl::string_view kSigningNote =
    R"(officer.key and officer.pem are a development officer: with them `vouch agreement sign` signs
agreements for this agency, so that everything can be tried out. Never use them with live data: who
can read this folder can sign. In production officers keep their keys on cards or in files of their
own (docs/agreements.md, "Signing"), node.yaml names their certificates, and this folder holds
nothing but anchors.pem, the authority of these certificates, and revocation lists.

  vouch agreement sign FILE --key signing/officer.key --certificate signing/officer.pem
)";

// A live node begins without signers: none made here may ever sign for real people.
constexpr absl::string_view kSigningLater =
    R"(# No agreement comes into force before these lines name this agency's officers.
# signing:
#   anchors: "signing/anchors.pem"
#   officers: [{role: "program officer", any_of: ["CN=Jo Doe,OU=Agency,O=Government,C=US"]}])";

// Everything below one folder, written beside its place and moved there whole.
class NewFolder {
 public:
  static absl::StatusOr<std::unique_ptr<NewFolder>> Beside(const std::string& place) {
    std::string path = absl::StrCat(place, ".new-XXXXXX");
    if (mkdtemp(&path[0]) == nullptr) {
      return absl::ErrnoToStatus(errno, absl::StrCat(place, ": the folder cannot be created here"));
    }
    return std::make_unique<NewFolder>(path, place);
  }
  NewFolder(std::string path, std::string place)
      : path_(std::move(path)), place_(std::move(place)) {}
  NewFolder(const NewFolder&) = delete;
  NewFolder& operator=(const NewFolder&) = delete;
  ~NewFolder() {
    std::error_code ignored;
    if (!path_.empty()) std::filesystem::remove_all(path_, ignored);
  }

  void Folder(absl::string_view name, mode_t mode) {
    if (status_.ok()) status_ = node::CreateFolder(At(name), mode);
  }
  void Secret(absl::string_view name) {
    if (status_.ok()) {
      status_ = crypto::WriteSecretFile(At(name), crypto::SecretBytes::Random(32));
    }
  }
  void PrivateKey(absl::string_view name, const crypto::SigningKey& key) {
    if (!status_.ok()) return;
    std::string pem = key.ToPem(crypto::RawSecretAccess{});
    status_ = crypto::WritePrivateFile(At(name), pem);
    crypto::Wipe(&pem);
  }
  void Public(absl::string_view name, absl::string_view text) {
    if (status_.ok()) status_ = crypto::ReplaceFile(At(name), text, false);
  }

  absl::Status MoveToPlace() {
    if (!status_.ok()) return status_;
    // Unlike rename, this fails when even an empty folder is there.
    if (renameat2(AT_FDCWD, path_.c_str(), AT_FDCWD, place_.c_str(), RENAME_NOREPLACE) != 0) {
      return errno == EEXIST ? Taken(place_)
                             : absl::ErrnoToStatus(errno, absl::StrCat(place_, ": cannot be made"));
    }
    path_.clear();
    return absl::OkStatus();
  }
  static absl::Status Taken(const std::string& place) {
    return absl::AlreadyExistsError(
        absl::StrCat(place,
                     ": exists already, and nothing in it was touched; name a new folder, or "
                     "run: vouch doctor --node ",
                     place));
  }

 private:
  std::string At(absl::string_view name) const { return absl::StrCat(path_, "/", name); }

  std::string path_;
  std::string place_;
  absl::Status status_;
};

crypto::CertificateRequest Request(absl::string_view name, absl::Time now, int days) {
  crypto::CertificateRequest request;
  request.common_name = std::string(name);
  // An hour of slack, for partners whose clocks are behind.
  request.not_before = now - absl::Hours(1);
  request.not_after = now + absl::Hours(24 * days);
  return request;
}

// An officer whose key lies on the node, to try everything out with. The lines of node.yaml.
absl::StatusOr<std::string> WriteOfficer(const InitOptions& options, absl::Time now,
                                         const crypto::IssuedCertificate& authority,
                                         NewFolder* folder) {
  crypto::CertificateRequest request =
      Request(absl::StrCat(options.agency, " development officer"), now, 1095);
  request.uris = {absl::StrCat(crypto::kAgencyUriPrefix, options.agency)};
  request.for_tls = false;
  const auto officer = crypto::Issue(request, authority.certificate_pem, authority.key);
  if (!officer.ok()) return officer.status();
  folder->Public("signing/anchors.pem", authority.certificate_pem);
  folder->Public("signing/officer.pem", officer->certificate_pem);
  folder->PrivateKey("signing/officer.key", officer->key);
  folder->Public("signing/README.txt", kSigningNote);
  return absl::Substitute(
      "signing:\n"
      "  anchors: \"signing/anchors.pem\"\n"
      "  officers: [{role: \"program officer\", any_of: [\"$0\"]}]",
      crypto::KeyFingerprint(crypto::AsBytes(officer->key.PublicDer())));
}

// What node.yaml says of signing comes back.
absl::StatusOr<std::string> WriteCertificates(const InitOptions& options, absl::Time now,
                                              NewFolder* folder) {
  crypto::CertificateRequest authority_request =
      Request(absl::StrCat(options.agency, " development authority"), now, 3650);
  authority_request.is_authority = true;
  const crypto::IssuedCertificate authority = crypto::IssueSelfSigned(authority_request);
  folder->Public("tls/authority.pem", authority.certificate_pem);
  folder->PrivateKey("tls/authority.key", authority.key);

  crypto::CertificateRequest node_request = Request(options.agency, now, 398);
  node_request.uris = {absl::StrCat(crypto::kAgencyUriPrefix, options.agency)};
  node_request.dns_names = {"localhost", options.agency};
  node_request.ip_addresses = {"127.0.0.1", "::1"};
  auto issued = crypto::Issue(node_request, authority.certificate_pem, authority.key);
  if (!issued.ok()) return issued.status();
  folder->Public("tls/node.pem", issued->certificate_pem);
  folder->PrivateKey("tls/node.key", issued->key);

  crypto::CertificateRequest encryption_request =
      Request(absl::StrCat(options.agency, " key delivery"), now, 1095);
  encryption_request.uris = node_request.uris;
  encryption_request.for_tls = false;
  auto encryption = crypto::Issue(encryption_request, authority.certificate_pem, authority.key);
  if (!encryption.ok()) return encryption.status();
  folder->Public(absl::StrCat("keys/", node::kEncryptionCertificate), encryption->certificate_pem);
  folder->PrivateKey(absl::StrCat("keys/", node::kEncryptionKey), encryption->key);
  if (options.use == "live") return std::string(kSigningLater);
  return WriteOfficer(options, now, authority, folder);
}

absl::Status CheckListen(absl::string_view listen) {
  const size_t colon = listen.rfind(':');
  int64_t port = 0;
  if (colon == absl::string_view::npos || colon == 0 ||
      !absl::SimpleAtoi(listen.substr(colon + 1), &port) || port < 0 || port > 65535 ||
      absl::StrContains(listen, '"') || absl::StrContains(listen, '\\')) {
    return UsageError("--listen takes HOST:PORT, such as 0.0.0.0:7443");
  }
  return absl::OkStatus();
}

absl::StatusOr<Exit> Init(InitOptions options, Console* console) {
  while (options.folder.size() > 1 && options.folder.back() == '/') options.folder.pop_back();
  if (absl::Status good = CheckAgencyName(options.agency); !good.ok()) return good;
  if (absl::Status good = CheckListen(options.listen); !good.ok()) return good;
  if (node::Exists(options.folder)) return NewFolder::Taken(options.folder);
  auto made = NewFolder::Beside(options.folder);
  if (!made.ok()) return made.status();
  NewFolder* folder = made->get();
  const absl::Time now = absl::Now();

  for (const absl::string_view name : {"agreements", "agreements/tables", "partners", "run"}) {
    folder->Folder(name, 0755);
  }
  for (const absl::string_view name :
       {"keys", "tls", "authority", "records", "journal", "signing"}) {
    folder->Folder(name, 0700);
  }
  for (const absl::string_view name : node::kSecretNames) {
    folder->Secret(absl::StrCat("keys/", name));
  }
  for (const absl::string_view name : {node::kLedgerKey, node::kWitnessKey}) {
    folder->PrivateKey(absl::StrCat("keys/", name),
                       crypto::SigningKey::Generate(crypto::KeyKind::kEd25519));
  }
  folder->PrivateKey(absl::StrCat("keys/", node::kReceiptKey),
                     crypto::SigningKey::Generate(crypto::KeyKind::kP256));
  const absl::StatusOr<std::string> signing = WriteCertificates(options, now, folder);
  if (!signing.ok()) return signing.status();
  const crypto::SigningKey authority = crypto::SigningKey::Generate(crypto::KeyKind::kP256);
  const std::string fingerprint = crypto::KeyFingerprint(crypto::AsBytes(authority.PublicDer()));
  folder->PrivateKey("authority/authority.key", authority);
  folder->Public("authority/README.txt", kAuthorityNote);
  for (const policies::reference::BuiltInFile& table : policies::reference::BuiltInTables()) {
    folder->Public(absl::StrCat("agreements/tables/", table.name), table.bytes);
  }
  folder->Public(node::kNodeFileName, absl::Substitute(kNodeText, options.agency, options.use,
                                                       options.listen, *signing));
  if (absl::Status moved = folder->MoveToPlace(); !moved.ok()) return moved;

  const auto file = OpenNode(options.folder, console);
  if (!file.ok()) return file.status();
  if (options.json) {
    console->SayJson({{"folder", options.folder},
                      {"agency", file->agency},
                      {"use", options.use},
                      {"listen", file->listen},
                      {"key_authority", fingerprint}});
    return Exit::kFine;
  }
  console->Say(absl::Substitute(
      "Made $0 for $1 ($2 use).\n"
      "\n"
      "Agreements in which $1 answers pin its key authority:\n"
      "  key_authority: \"$3\"\n"
      "\n"
      "Certificates and the key authority are for development; authority/README.txt says how it "
      "is\n"
      "done in production.\n"
      "\n"
      "Next:\n"
      "  1. Exchange with each partner:  vouch partner export --node $0 --output DIR\n"
      "                                  vouch partner add --node $0 --agency NAME --anchors FILE "
      "\\\n"
      "                                      --ledger-key FILE --witness-key FILE \\\n"
      "                                      --signing-anchors FILE --officers FILE\n"
      "  2. Put agreement folders into $0/agreements and run: vouch agreement check FILE\n"
      "     Sign them, both parties:     vouch agreement sign FILE\n"
      "  3. Where you answer:            vouch keys create --node $0 --agreement ID\n"
      "                                  vouch records load --node $0 --mapping FILE --input FILE\n"
      "  4. See that all is well:        vouch doctor --node $0\n"
      "  5. Start the node:              vouchd --node $0",
      options.folder, options.agency, options.use, fingerprint));
  return Exit::kFine;
}

}  // namespace

void AddInitCommand(CLI::App* vouch, Console* console) {
  auto options = std::make_shared<InitOptions>();
  CLI::App* command = vouch->add_subcommand("init", "Makes the folder of a new node");
  command->add_option("folder", options->folder, "The folder to make; it must not exist")
      ->required();
  command->add_option("--agency", options->agency, "The agency's name, such as fsa.ed.example")
      ->required();
  command->add_option("--use", options->use, "test: made-up people only; live: real people")
      ->check(CLI::IsMember({"test", "live"}))
      ->capture_default_str();
  command->add_option("--listen", options->listen, "Where partners reach the node, HOST:PORT")
      ->capture_default_str();
  command->add_flag("--json", options->json, "Print facts for programs");
  command->footer("Example:\n  vouch init ./fsa --agency fsa.ed.example --listen 0.0.0.0:7443");
  command->callback([options, console] { console->Run([&] { return Init(*options, console); }); });
}

}  // namespace vouch::client
