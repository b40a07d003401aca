#include <memory>

#include "absl/strings/str_cat.h"
#include "client/vouch/commands.h"
#include "client/vouch/keys_command.h"
#include "client/vouch/node_folder.h"
#include "crypto/keys.h"
#include "server/node/folders.h"

namespace vouch::client {
namespace {

namespace node = server::node;

absl::StatusOr<Exit> Make(const std::string& folder, Console* console) {
  const auto file = OpenNode(folder, console);
  if (!file.ok()) return file.status();
  const std::string path = absl::StrCat(file->keys, "/", node::kReceiptKey);
  if (node::Exists(path)) {
    return absl::AlreadyExistsError(absl::StrCat(
        path,
        ": exists already, and was not touched; to begin with another key move it away first. What "
        "it signed is checked with its public key: partners keep their receipt.pem"));
  }
  const crypto::SigningKey key = crypto::SigningKey::Generate(crypto::KeyKind::kP256);
  std::string pem = key.ToPem(crypto::RawSecretAccess{});
  const absl::Status written = crypto::WritePrivateFile(path, pem);
  crypto::Wipe(&pem);
  if (!written.ok()) return written;
  console->Say(absl::StrCat("Made ", path, ", which signs JWS receipts (",
                            crypto::KeyFingerprint(crypto::AsBytes(key.PublicDer())),
                            ").\nA running node takes it up at SIGHUP (systemctl reload vouchd). "
                            "Partners need its public "
                            "half, receipt.pem\nof `vouch partner export`, as receipt_key."));
  return Exit::kFine;
}

}  // namespace

void AddReceiptKeyCommand(CLI::App* keys, Console* console) {
  auto folder = std::make_shared<std::string>();
  CLI::App* command = keys->add_subcommand(
      "receipt", "Makes the key that signs JWS receipts, where `vouch init` made none");
  AddNodeOption(command, folder.get());
  command->footer("Example:\n  vouch keys receipt --node ./irs");
  command->callback([folder, console] { console->Run([&] { return Make(*folder, console); }); });
}

}  // namespace vouch::client
