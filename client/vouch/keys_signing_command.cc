#include <memory>

#include "absl/strings/str_cat.h"
#include "client/vouch/commands.h"
#include "client/vouch/keys_command.h"
#include "client/vouch/node_folder.h"
#include "crypto/keys.h"
#include "server/node/folders.h"
#include "server/node/ledger_keys.h"

namespace vouch::client {
namespace {

namespace node = server::node;

struct KeyOptions {
  std::string folder;
  bool json = false;
};

// One P-256 key that a node signs with.
struct KeyKind {
  absl::string_view name;   // of its file
  absl::string_view signs;  // what
  absl::string_view export_name;
  absl::string_view taken_as;  // by partners, in their node.yaml
  absl::string_view there;     // why one that is there is not replaced
  absl::string_view next;      // how it comes into use
};

constexpr KeyKind kReceipts = {
    node::kReceiptKey,
    "JWS receipts",
    "receipt.pem",
    "receipt_key",
    "to begin with another key move it away first. What it signed is checked with its public key: "
    "partners keep their receipt.pem",
    "A running node takes it up at SIGHUP (systemctl reload vouchd). Partners need its public "
    "half, receipt.pem\nof `vouch partner export`, as receipt_key."};

constexpr KeyKind kLedger = {
    node::kAlsoLedgerKey,
    "the ledger's checkpoints beside ledger.key",
    "ledger-p256.pem",
    "ledger_key",
    "partners who use it verify this node's ledger with it alone, so do not take it away while any "
    "does",
    "The node signs with it from its next start on. Only partners who may verify nothing but ECDSA "
    "need its public\nhalf, ledger-p256.pem of `vouch partner export`, as ledger_key, in place of "
    "ledger.pem; whoever has\nledger.pem notices nothing. It stays for good, also over the years."};

absl::StatusOr<Exit> Make(const KeyOptions& options, const KeyKind& kind, Console* console) {
  const auto file = OpenNode(options.folder, console);
  if (!file.ok()) return file.status();
  const std::string path = absl::StrCat(file->keys, "/", kind.name);
  if (node::Exists(path)) {
    return absl::AlreadyExistsError(
        absl::StrCat(path, ": exists already, and was not touched; ", kind.there));
  }
  const crypto::SigningKey key = crypto::SigningKey::Generate(crypto::KeyKind::kP256);
  std::string pem = key.ToPem(crypto::RawSecretAccess{});
  const absl::Status written = crypto::WritePrivateFile(path, pem);
  crypto::Wipe(&pem);
  if (!written.ok()) return written;
  const std::string public_der = key.PublicDer();
  const std::string fingerprint(crypto::KeyFingerprint(crypto::AsBytes(public_der)));
  if (options.json) {
    console->SayJson({{"file", path},
                      {"fingerprint", fingerprint},
                      {"public_key", crypto::PublicKeyToPem(crypto::AsBytes(public_der))},
                      {"export_name", std::string(kind.export_name)},
                      {"taken_as", std::string(kind.taken_as)}});
    return Exit::kFine;
  }
  console->Say(absl::StrCat("Made ", path, ", which signs ", kind.signs, " (", fingerprint, ").\n",
                            kind.next));
  return Exit::kFine;
}

CLI::App* AddCommand(CLI::App* keys, const char* name, const char* about, const KeyKind& kind,
                     Console* console) {
  auto options = std::make_shared<KeyOptions>();
  CLI::App* command = keys->add_subcommand(name, about);
  AddNodeOption(command, &options->folder);
  command->add_flag("--json", options->json, "Print facts for programs, the public key among them");
  command->callback(
      [options, &kind, console] { console->Run([&] { return Make(*options, kind, console); }); });
  return command;
}

}  // namespace

void AddSigningKeyCommands(CLI::App* keys, Console* console) {
  AddCommand(keys, "receipt", "Makes the key that signs JWS receipts, where `vouch init` made none",
             kReceipts, console)
      ->footer("Example:\n  vouch keys receipt --node ./irs");
  AddCommand(keys, "ledger-p256",
             "Makes a second key for the ledger's checkpoints, for partners who verify only ECDSA",
             kLedger, console)
      ->footer(
          "ECDSA P-256, beside the Ed25519 key that `vouch init` makes. Each checkpoint then has "
          "both signatures,\nand either is enough. docs/operations.md, \"The ledger and its "
          "witnesses\".\nExample:\n  vouch keys ledger-p256 --node ./irs");
}

}  // namespace vouch::client
