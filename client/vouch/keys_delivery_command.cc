#include <memory>

#include "absl/strings/str_cat.h"
#include "absl/strings/substitute.h"
#include "client/vouch/keys_command.h"
#include "client/vouch/node_agreements.h"
#include "client/vouch/node_folder.h"
#include "crypto/certificate.h"
#include "crypto/cms.h"
#include "server/node/epoch_keys.h"
#include "server/node/folders.h"

namespace vouch::client {
namespace {

namespace node = server::node;

struct SignOptions {
  std::string statement;
  std::string authority_key;
  std::string output;
};

absl::StatusOr<Exit> Sign(const SignOptions& options, Console* console) {
  const auto text = node::ReadText(options.statement);
  if (!text.ok()) return text.status();
  const auto bytes = node::ReadUnsignedStatementText(*text);
  if (!bytes.ok()) {
    return absl::InvalidArgumentError(
        absl::StrCat(options.statement, ": ", bytes.status().message()));
  }
  const auto key = ReadSigningKey(options.authority_key);
  if (!key.ok()) return key.status();
  crypto::SignedStatement signed_statement;
  signed_statement.statement = *bytes;
  signed_statement.signature = key->Sign(crypto::AsBytes(*bytes));
  signed_statement.public_der = key->PublicDer();
  // Opening it again refuses bytes that are no statement before the signature leaves.
  const auto statement = OpenOwnStatement(signed_statement);
  if (!statement.ok()) {
    return absl::InvalidArgumentError(
        absl::StrCat(options.statement, ": ", statement.status().message()));
  }
  if (node::Exists(options.output)) {
    return absl::AlreadyExistsError(absl::StrCat(options.output, ": exists; name a new file"));
  }
  const absl::Status written =
      crypto::ReplaceFile(options.output, node::StatementText(signed_statement), false);
  if (!written.ok()) return written;
  console->Say(absl::Substitute(
      "Signed the $0 key of $1, epoch $2$3, from $4 until $5.\nWrote $6.",
      KindName(statement->kind), statement->agreement_id, statement->epoch,
      statement->asker.empty() ? "" : absl::StrCat(" for ", statement->asker),
      TimeText(statement->not_before), TimeText(statement->not_after), options.output));
  return Exit::kFine;
}

struct ShareOptions {
  EpochChoice choice;
  std::string output;
};

absl::StatusOr<Exit> Share(const ShareOptions& options, Console* console) {
  const auto file = OpenNode(options.choice.folder, console);
  if (!file.ok()) return file.status();
  const std::string folder =
      node::EpochFolder(file->keys, options.choice.agreement, options.choice.epoch);
  const auto text = node::ReadText(folder + "/statement.txt");
  if (!text.ok()) {
    return absl::Status(text.status().code(),
                        absl::StrCat(text.status().message(),
                                     "; announce the epoch first with `vouch keys statement`"));
  }
  const auto held = node::ReadStatementText(*text);
  if (!held.ok()) return held.status();
  const auto statement = OpenOwnStatement(*held);
  if (!statement.ok()) return statement.status();
  if (statement->kind == crypto::TokenKind::kBlind) {
    return absl::FailedPreconditionError(
        "a blind key is never shared: askers get its statement from the running node");
  }
  const node::Partner* partner = file->FindPartner(statement->asker);
  if (partner == nullptr || partner->encryption_certificate.empty()) {
    return absl::FailedPreconditionError(
        absl::StrCat("node.yaml has no encryption certificate for ", statement->asker,
                     "; give it with `vouch partner add ... --encryption-certificate FILE`"));
  }
  const auto certificate = node::ReadText(partner->encryption_certificate);
  if (!certificate.ok()) return certificate.status();
  const auto facts = crypto::ReadCertificate(*certificate);
  if (!facts.ok()) {
    return absl::InvalidArgumentError(
        absl::StrCat(partner->encryption_certificate, ": ", facts.status().message()));
  }
  const absl::Time now = absl::Now();
  if (now < facts->not_before || now >= facts->not_after) {
    return absl::FailedPreconditionError(absl::StrCat(
        partner->encryption_certificate, ": is valid from ", TimeText(facts->not_before), " until ",
        TimeText(facts->not_after), ", not now; ask ", partner->agency, " for a new one"));
  }
  // A certificate that names an agency must name this one; one that names none was bound to it by
  // whoever wrote node.yaml.
  const auto named = crypto::AgencyOf(*facts);
  if (named.ok() && *named != partner->agency) {
    return absl::PermissionDeniedError(absl::StrCat(partner->encryption_certificate,
                                                    ": belongs to ", *named, ", not to ",
                                                    partner->agency, "; nothing was written"));
  }
  const auto secret = crypto::ReadSecretFile(folder + "/secret.key");
  if (!secret.ok()) return secret.status();
  const auto enveloped = crypto::EncryptFor(*certificate, *secret);
  if (!enveloped.ok()) return enveloped.status();
  if (absl::Status made = node::CreateFolder(options.output, 0755); !made.ok()) {
    if (!absl::IsAlreadyExists(made)) return made;
    return absl::AlreadyExistsError(absl::StrCat(options.output, ": exists; name a new folder"));
  }
  for (const auto& [name, contents] : std::vector<std::pair<absl::string_view, absl::string_view>>{
           {"key.p7m", *enveloped}, {"statement.txt", *text}}) {
    const absl::Status written =
        crypto::ReplaceFile(absl::StrCat(options.output, "/", name), contents, false);
    if (!written.ok()) return written;
  }
  console->Say(absl::Substitute(
      "Wrote key.p7m, encrypted for $0, and statement.txt to $1. $0 takes them up with\n"
      "  vouch keys accept --node FOLDER --statement statement.txt --key key.p7m",
      partner->agency, options.output));
  return Exit::kFine;
}

struct AcceptOptions {
  std::string folder;
  std::string statement;
  std::string key;
  std::string key_authority;
};

absl::StatusOr<crypto::SecretBytes> OpenEnvelope(const node::NodeFile& file,
                                                 const std::string& path) {
  const auto enveloped = node::ReadText(path);
  if (!enveloped.ok()) return enveloped.status();
  const auto certificate =
      node::ReadText(absl::StrCat(file.keys, "/", node::kEncryptionCertificate));
  if (!certificate.ok()) return certificate.status();
  const auto key = ReadSigningKey(absl::StrCat(file.keys, "/", node::kEncryptionKey));
  if (!key.ok()) return key.status();
  auto secret = crypto::DecryptWith(*certificate, *key, *enveloped);
  if (!secret.ok()) {
    return absl::InvalidArgumentError(absl::StrCat(
        path,
        ": cannot be opened with this node's encryption key; it is for another agency or an "
        "older certificate, so send the sender `vouch partner export` again"));
  }
  return secret;
}

absl::StatusOr<Exit> Accept(const AcceptOptions& options, Console* console) {
  const auto file = OpenNode(options.folder, console);
  if (!file.ok()) return file.status();
  const auto text = node::ReadText(options.statement);
  if (!text.ok()) return text.status();
  const auto in_statement = [&](const absl::Status& status) {
    return absl::Status(status.code(), absl::StrCat(options.statement, ": ", status.message()));
  };
  const auto signed_statement = node::ReadStatementText(*text);
  if (!signed_statement.ok()) return in_statement(signed_statement.status());
  const auto claimed = OpenOwnStatement(*signed_statement);
  if (!claimed.ok()) return in_statement(claimed.status());
  const auto agreement = FindAgreement(*file, claimed->agreement_id);
  std::string pinned = options.key_authority;
  if (agreement.has_value()) {
    if (!pinned.empty() && pinned != agreement->key_authority) {
      return UsageError(
          "--key-authority differs from what the agreement in the node's folder pins");
    }
    pinned = agreement->key_authority;
  }
  if (pinned.empty()) {
    return absl::NotFoundError(
        absl::StrCat("the node holds no readable agreement ", claimed->agreement_id,
                     ", so nothing says whose signature counts; put it into ", file->agreements,
                     ", or give the agreement's fingerprint with --key-authority"));
  }
  const auto statement = crypto::OpenStatement(*signed_statement, pinned);
  if (!statement.ok()) return in_statement(statement.status());

  const std::string secret_path = absl::StrCat(
      node::EpochFolder(file->keys, statement->agreement_id, statement->epoch), "/secret.key");
  const bool held = node::Exists(secret_path);
  absl::StatusOr<crypto::SecretBytes> secret = absl::NotFoundError("");
  if (!options.key.empty()) {
    if (statement->kind != crypto::TokenKind::kKeyedHash) {
      return UsageError("--key is for keyed-hash epochs; a blind key never leaves its agency");
    }
    if (statement->asker != file->agency) {
      return absl::PermissionDeniedError(
          absl::StrCat("the key is for ", statement->asker, ", not for ", file->agency));
    }
    secret = OpenEnvelope(*file, options.key);
    if (!secret.ok()) return secret.status();
  } else if (held) {
    secret = crypto::ReadSecretFile(secret_path);
    if (!secret.ok()) return secret.status();
  } else if (statement->kind == crypto::TokenKind::kKeyedHash) {
    return UsageError("a keyed-hash epoch needs its key as well: --key key.p7m");
  }
  if (secret.ok()) {
    const auto public_key =
        node::PublicKeyOf(statement->kind, statement->agreement_id, statement->epoch, *secret);
    if (!public_key.ok()) return public_key.status();
    if (*public_key != statement->public_key) {
      return absl::PermissionDeniedError(
          "the secret does not belong to the key in the statement; nothing was kept. Ask the "
          "sender "
          "for both again");
    }
  }
  const absl::Status kept =
      node::KeepStatement(file->keys, statement->agreement_id, statement->epoch, *signed_statement);
  if (!kept.ok()) return kept;
  if (secret.ok() && !held) {
    const absl::Status written = crypto::WriteSecretFile(secret_path, *secret);
    if (!written.ok()) return written;
  }
  console->Say(absl::Substitute("Accepted the $0 key of $1, epoch $2, in force from $3 until $4.",
                                KindName(statement->kind), statement->agreement_id,
                                statement->epoch, TimeText(statement->not_before),
                                TimeText(statement->not_after)));
  return Exit::kFine;
}

}  // namespace

void AddKeyDeliveryCommands(CLI::App* keys, Console* console) {
  auto sign = std::make_shared<SignOptions>();
  CLI::App* sign_command =
      keys->add_subcommand("sign", "Signs a statement offline, where the key authority is kept");
  sign_command->add_option("--statement", sign->statement, "What `statement --unsigned` wrote")
      ->required();
  sign_command
      ->add_option("--authority-key", sign->authority_key, "Private key of the key authority, PEM")
      ->required();
  sign_command->add_option("--output", sign->output, "The file to write")->required();
  sign_command->footer(
      "Example:\n"
      "  vouch keys sign --statement epoch-1.unsigned --authority-key authority.key \\\n"
      "      --output epoch-1.txt");
  sign_command->callback([sign, console] { console->Run([&] { return Sign(*sign, console); }); });

  auto share = std::make_shared<ShareOptions>();
  CLI::App* share_command =
      keys->add_subcommand("share", "Encrypts a keyed-hash key for the agency it is for");
  AddEpochOptions(share_command, &share->choice, true);
  share_command->add_option("--output", share->output, "The folder to make")->required();
  share_command->footer(
      "Example:\n"
      "  vouch keys share --node ./irs --agreement fsa-irs-2027-001 --epoch 1 --output for-fsa");
  share_command->callback(
      [share, console] { console->Run([&] { return Share(*share, console); }); });

  auto accept = std::make_shared<AcceptOptions>();
  CLI::App* accept_command =
      keys->add_subcommand("accept", "Takes up a signed statement, and the key delivered with it");
  AddNodeOption(accept_command, &accept->folder);
  accept_command->add_option("--statement", accept->statement, "The signed statement")->required();
  accept_command->add_option("--key", accept->key, "keyed-hash: the encrypted key, key.p7m");
  accept_command->add_option("--key-authority", accept->key_authority,
                             "sha256:...; needed only while the node does not hold the agreement");
  accept_command->footer(
      "Example:\n"
      "  vouch keys accept --node ./fsa --statement for-fsa/statement.txt --key for-fsa/key.p7m");
  accept_command->callback(
      [accept, console] { console->Run([&] { return Accept(*accept, console); }); });
}

}  // namespace vouch::client
