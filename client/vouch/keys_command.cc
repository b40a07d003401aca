#include "client/vouch/keys_command.h"

#include <algorithm>
#include <memory>

#include "absl/strings/str_cat.h"
#include "absl/strings/substitute.h"
#include "client/vouch/commands.h"
#include "client/vouch/node_agreements.h"
#include "client/vouch/node_folder.h"
#include "server/node/epoch_keys.h"
#include "server/node/folders.h"
#include "server/records/index_builder.h"

namespace vouch::client {
namespace {

namespace node = server::node;

// An epoch's folder as far as it is filled.
struct EpochOnDisk {
  uint32_t epoch = 0;
  bool has_secret = false;
  absl::optional<crypto::EpochStatement> statement;
};

absl::StatusOr<EpochOnDisk> ReadEpoch(const std::string& keys, absl::string_view agreement,
                                      uint32_t epoch) {
  EpochOnDisk out;
  out.epoch = epoch;
  const std::string folder = node::EpochFolder(keys, agreement, epoch);
  if (!node::Exists(folder)) {
    return absl::NotFoundError(absl::StrCat(
        folder,
        ": there is no such epoch; `vouch keys list` shows those there are, `vouch keys "
        "create` makes one"));
  }
  out.has_secret = node::Exists(folder + "/secret.key");
  if (!node::Exists(folder + "/statement.txt")) return out;
  const absl::StatusOr<std::string> text = node::ReadText(folder + "/statement.txt");
  if (!text.ok()) return text.status();
  const absl::StatusOr<crypto::SignedStatement> held = node::ReadStatementText(*text);
  absl::StatusOr<crypto::EpochStatement> statement =
      held.ok() ? OpenOwnStatement(*held) : held.status();
  if (!statement.ok()) {
    return absl::InvalidArgumentError(
        absl::StrCat(folder, "/statement.txt: ", statement.status().message()));
  }
  out.statement = *std::move(statement);
  return out;
}

absl::StatusOr<Exit> Create(const EpochChoice& choice, Console* console) {
  const auto file = OpenNode(choice.folder, console);
  if (!file.ok()) return file.status();
  uint32_t epoch = choice.epoch;
  if (epoch == 0) {
    const std::vector<uint32_t> epochs = node::EpochsOf(file->keys, choice.agreement);
    epoch = epochs.empty() ? 1 : epochs.back() + 1;
  }
  const absl::StatusOr<std::string> folder = node::CreateEpoch(file->keys, choice.agreement, epoch);
  if (!folder.ok()) return folder.status();
  console->Say(absl::Substitute(
      "Made the secret of $0, epoch $1: $2/secret.key\n"
      "It counts once it is announced:\n"
      "  vouch keys statement --node $3 --agreement $0 --epoch $1 --authority-key KEY",
      choice.agreement, epoch, *folder, choice.folder));
  return Exit::kFine;
}

struct StatementOptions {
  EpochChoice choice;
  StatementWish wish;
  std::string authority_key;
  std::string unsigned_output;
};

void SayStatement(const crypto::EpochStatement& statement, Console* console) {
  console->Say(
      absl::Substitute("agreement $0, epoch $1, $2$3, in force from $4 until $5",
                       statement.agreement_id, statement.epoch, KindName(statement.kind),
                       statement.asker.empty() ? "" : absl::StrCat(" for ", statement.asker),
                       TimeText(statement.not_before), TimeText(statement.not_after)));
}

absl::StatusOr<Exit> Statement(const StatementOptions& options, Console* console) {
  if (options.authority_key.empty() == options.unsigned_output.empty()) {
    return UsageError(
        "give --authority-key to sign here, or --unsigned FILE to have it signed offline with "
        "`vouch keys sign`");
  }
  const auto file = OpenNode(options.choice.folder, console);
  if (!file.ok()) return file.status();
  const auto statement = DraftStatement(*file, options.choice, options.wish, console);
  if (!statement.ok()) return statement.status();
  if (!options.unsigned_output.empty()) {
    const absl::Status written = crypto::ReplaceFile(
        options.unsigned_output, node::UnsignedStatementText(*statement), false);
    if (!written.ok()) return written;
    SayStatement(*statement, console);
    console->Say(absl::StrCat("Wrote ", options.unsigned_output,
                              ", unsigned. The officer signs it: vouch keys sign --statement ",
                              options.unsigned_output, " --authority-key KEY --output SIGNED"));
    return Exit::kFine;
  }
  const auto key = ReadSigningKey(options.authority_key);
  if (!key.ok()) return key.status();
  const crypto::SignedStatement signed_statement = crypto::SignStatement(*statement, *key);
  const std::string fingerprint =
      crypto::KeyFingerprint(crypto::AsBytes(signed_statement.public_der));
  if (absl::Status pinned = CheckPin(*file, options.choice.agreement, fingerprint); !pinned.ok()) {
    return pinned;
  }
  const absl::Status kept = node::KeepStatement(file->keys, options.choice.agreement,
                                                options.choice.epoch, signed_statement);
  if (!kept.ok()) return kept;
  SayStatement(*statement, console);
  console->Say(absl::StrCat("Signed by ", fingerprint, " and kept beside the secret."));
  return Exit::kFine;
}

struct RotateOptions {
  EpochChoice choice;
  std::string authority_key;
  int overlap_days = 14;
  int days = 366;
};

absl::StatusOr<Exit> Rotate(const RotateOptions& options, Console* console) {
  const auto file = OpenNode(options.choice.folder, console);
  if (!file.ok()) return file.status();
  const std::vector<uint32_t> epochs = node::EpochsOf(file->keys, options.choice.agreement);
  if (epochs.empty()) {
    return absl::NotFoundError(
        absl::StrCat(options.choice.agreement,
                     " has no epoch yet; make the first with `vouch keys create` and `vouch keys "
                     "statement`"));
  }
  const auto last = ReadEpoch(file->keys, options.choice.agreement, epochs.back());
  if (!last.ok()) return last.status();
  if (!last->statement.has_value()) {
    return absl::FailedPreconditionError(
        absl::StrCat("epoch ", epochs.back(),
                     " was made but never announced; announce it with `vouch keys statement` "
                     "instead of making another"));
  }
  const auto key = ReadSigningKey(options.authority_key);
  if (!key.ok()) return key.status();
  const std::string fingerprint = crypto::KeyFingerprint(crypto::AsBytes(key->PublicDer()));
  if (absl::Status pinned = CheckPin(*file, options.choice.agreement, fingerprint); !pinned.ok()) {
    return pinned;
  }
  crypto::EpochStatement statement = *last->statement;
  statement.epoch = epochs.back() + 1;
  // Both epochs count during the overlap: askers change over when they next ask.
  statement.not_before =
      std::max(absl::FromUnixSeconds(absl::ToUnixSeconds(absl::Now())),
               last->statement->not_after - absl::Hours(24 * options.overlap_days));
  statement.not_after = statement.not_before + absl::Hours(24 * options.days);
  const auto folder = node::CreateEpoch(file->keys, statement.agreement_id, statement.epoch);
  if (!folder.ok()) return folder.status();
  const auto secret = crypto::ReadSecretFile(*folder + "/secret.key");
  if (!secret.ok()) return secret.status();
  const auto public_key =
      node::PublicKeyOf(statement.kind, statement.agreement_id, statement.epoch, *secret);
  if (!public_key.ok()) return public_key.status();
  statement.public_key = *public_key;
  const absl::Status kept = node::KeepStatement(file->keys, statement.agreement_id, statement.epoch,
                                                crypto::SignStatement(statement, *key));
  if (!kept.ok()) return kept;
  SayStatement(statement, console);
  console->Say(absl::Substitute(
      "Next: build its index with `vouch records load` or `vouch records index`$0.\n"
      "When epoch $1 has ended: vouch keys retire --node $2 --agreement $3 --epoch $1",
      statement.kind == crypto::TokenKind::kKeyedHash
          ? ", and deliver the key with `vouch keys share`"
          : "",
      epochs.back(), options.choice.folder, statement.agreement_id));
  return Exit::kFine;
}

struct RetireOptions {
  EpochChoice choice;
  bool yes = false;
  bool in_force = false;
};

absl::StatusOr<Exit> Retire(const RetireOptions& options, Console* console) {
  const auto file = OpenNode(options.choice.folder, console);
  if (!file.ok()) return file.status();
  const auto epoch = ReadEpoch(file->keys, options.choice.agreement, options.choice.epoch);
  if (!epoch.ok()) return epoch.status();
  if (!epoch->has_secret) {
    return absl::FailedPreconditionError(absl::StrCat("the secret of epoch ", epoch->epoch,
                                                      " is not here: retired before, or never "
                                                      "held"));
  }
  if (epoch->statement.has_value() && epoch->statement->not_after > absl::Now() &&
      !options.in_force) {
    return absl::FailedPreconditionError(absl::StrCat(
        "epoch ", epoch->epoch, " is in force until ", TimeText(epoch->statement->not_after),
        "; without its secret no question in it can be answered. Wait until then, or give "
        "--even-in-force"));
  }
  if (!options.yes) {
    return absl::FailedPreconditionError(
        "this destroys the secret for ever, backups apart; give --yes when that is meant");
  }
  const absl::Status destroyed =
      node::DestroySecret(file->keys, options.choice.agreement, options.choice.epoch);
  if (!destroyed.ok()) return destroyed;
  // What was made with it goes too: nothing may be answered in a retired epoch.
  const absl::Status dropped =
      server::records::DropIndex(file->records, options.choice.agreement, epoch->epoch);
  if (!dropped.ok() && !absl::IsNotFound(dropped)) {
    console->Note(absl::StrCat("its token index is still there: ", dropped.message(),
                               "; the node removes it when the epoch's time is over"));
  }
  console->Say(absl::StrCat("Destroyed the secret of ", options.choice.agreement, ", epoch ",
                            epoch->epoch,
                            ". Destroy its copies in backups too; on flash storage, only "
                            "encryption makes this certain."));
  return Exit::kFine;
}

struct ListOptions {
  std::string folder;
  std::string agreement;
  bool json = false;
};

std::string StateOf(const EpochOnDisk& epoch, absl::Time now) {
  if (!epoch.statement.has_value()) return "not announced";
  if (now < epoch.statement->not_before) return "waiting";
  return now < epoch.statement->not_after ? "in force" : "ended";
}

absl::StatusOr<Exit> List(const ListOptions& options, Console* console) {
  const auto file = OpenNode(options.folder, console);
  if (!file.ok()) return file.status();
  std::vector<std::string> agreements = node::AgreementsWithEpochs(file->keys);
  if (!options.agreement.empty()) agreements = {options.agreement};
  nlohmann::json all = nlohmann::json::array();
  std::vector<std::vector<std::string>> rows = {
      {"agreement", "epoch", "kind", "asker", "state", "from", "until", "secret"}};
  const absl::Time now = absl::Now();
  for (const std::string& agreement : agreements) {
    for (const uint32_t number : node::EpochsOf(file->keys, agreement)) {
      const auto epoch = ReadEpoch(file->keys, agreement, number);
      if (!epoch.ok()) return epoch.status();
      const bool announced = epoch->statement.has_value();
      const crypto::EpochStatement statement =
          announced ? *epoch->statement : crypto::EpochStatement();
      const std::string kind = announced ? std::string(KindName(statement.kind)) : "";
      const std::string from = announced ? TimeText(statement.not_before) : "";
      const std::string until = announced ? TimeText(statement.not_after) : "";
      all.push_back({{"agreement", agreement},
                     {"epoch", number},
                     {"kind", kind},
                     {"asker", statement.asker},
                     {"state", StateOf(*epoch, now)},
                     {"not_before", from},
                     {"not_after", until},
                     {"secret_held", epoch->has_secret}});
      rows.push_back({agreement, absl::StrCat(number), kind, statement.asker, StateOf(*epoch, now),
                      from, until, epoch->has_secret ? "held" : "none"});
    }
  }
  if (options.json) {
    console->SayJson(all);
  } else if (rows.size() == 1) {
    console->Say("No epoch keys yet. Where you answer, make one with `vouch keys create`.");
  } else {
    console->SayTable(rows);
  }
  return Exit::kFine;
}

struct FingerprintOptions {
  std::string folder;
  std::string key;
};

absl::StatusOr<Exit> Fingerprint(const FingerprintOptions& options, Console* console) {
  if (options.key.empty() == options.folder.empty()) {
    return UsageError("name the authority's key with --key FILE, or a node with --node FOLDER");
  }
  const auto key = ReadSigningKey(
      options.key.empty() ? absl::StrCat(options.folder, "/authority/authority.key") : options.key);
  if (!key.ok()) return key.status();
  console->Say(crypto::KeyFingerprint(crypto::AsBytes(key->PublicDer())));
  return Exit::kFine;
}

}  // namespace

void AddEpochOptions(CLI::App* command, EpochChoice* choice, bool epoch_required) {
  AddNodeOption(command, &choice->folder);
  command->add_option("--agreement", choice->agreement, "The agreement's id")->required();
  CLI::Option* epoch = command
                           ->add_option("--epoch", choice->epoch,
                                        epoch_required ? "The epoch's number, from 1"
                                                       : "The epoch's number; default: the next")
                           ->check(CLI::Range(1u, 1000000u));
  if (epoch_required) epoch->required();
}

void AddStatementOptions(CLI::App* command, StatementWish* wish) {
  command->add_option("--kind", wish->kind, "blind or keyed-hash; default: as the agreement says")
      ->check(CLI::IsMember({"blind", "keyed-hash"}));
  command->add_option("--asker", wish->asker, "keyed-hash: the one agency the key is for");
  command->add_option("--not-before", wish->not_before,
                      "First moment, 2027-01-01T05:00:00Z, or a day, from its beginning (UTC); "
                      "default: now");
  command->add_option("--not-after", wish->not_after,
                      "The moment it ends; a day, as it begins (UTC), so name the one after the "
                      "agreement's last; default: 366 days later");
}

absl::string_view KindName(crypto::TokenKind kind) {
  return kind == crypto::TokenKind::kBlind ? "blind" : "keyed-hash";
}

absl::StatusOr<crypto::SigningKey> ReadSigningKey(const std::string& path) {
  absl::StatusOr<std::string> pem = crypto::ReadPrivateFile(path);
  if (!pem.ok()) return pem.status();
  absl::StatusOr<crypto::SigningKey> key = crypto::SigningKey::FromPem(*pem);
  crypto::Wipe(&*pem);
  if (!key.ok()) {
    return absl::InvalidArgumentError(absl::StrCat(path, ": ", key.status().message()));
  }
  return key;
}

absl::StatusOr<crypto::EpochStatement> OpenOwnStatement(
    const crypto::SignedStatement& signed_statement) {
  return crypto::OpenStatement(
      signed_statement, crypto::KeyFingerprint(crypto::AsBytes(signed_statement.public_der)));
}

absl::StatusOr<crypto::EpochStatement> DraftStatement(const node::NodeFile& file,
                                                      const EpochChoice& choice,
                                                      const StatementWish& wish, Console* console) {
  const auto epoch = ReadEpoch(file.keys, choice.agreement, choice.epoch);
  if (!epoch.ok()) return epoch.status();
  if (epoch->statement.has_value()) {
    return absl::AlreadyExistsError(absl::StrCat(
        "epoch ", choice.epoch, " of ", choice.agreement, " was announced before, until ",
        TimeText(epoch->statement->not_after), "; an epoch has one statement for ever"));
  }
  crypto::EpochStatement statement;
  statement.agreement_id = choice.agreement;
  statement.epoch = choice.epoch;
  std::string kind = wish.kind;
  statement.asker = wish.asker;
  const absl::optional<policies::Agreement> agreement = FindAgreement(file, choice.agreement);
  if (agreement.has_value()) {
    const std::string agreed =
        agreement->token_kind == policies::TokenKind::kBlind ? "blind" : "keyed-hash";
    if (kind.empty()) kind = agreed;
    if (kind != agreed) {
      return UsageError(absl::StrCat("the agreement says ", agreed, " tokens, not ", kind));
    }
    if (kind == "keyed-hash" && statement.asker.empty() && agreement->asks.size() == 1) {
      statement.asker = agreement->asks[0];
    }
  } else if (kind.empty()) {
    return absl::NotFoundError(
        absl::StrCat("the node holds no readable agreement ", choice.agreement, " in ",
                     file.agreements, "; put it there, or say --kind blind or --kind keyed-hash"));
  }
  statement.kind = kind == "blind" ? crypto::TokenKind::kBlind : crypto::TokenKind::kKeyedHash;
  if (statement.kind == crypto::TokenKind::kKeyedHash) {
    if (statement.asker.empty())
      return UsageError("a keyed-hash key is for one agency: --asker NAME");
    if (absl::Status good = CheckAgencyName(statement.asker); !good.ok()) return good;
  } else if (!statement.asker.empty()) {
    return UsageError("--asker is for keyed-hash keys; a blind key serves every asker");
  }
  statement.not_before = absl::FromUnixSeconds(absl::ToUnixSeconds(absl::Now()));
  if (!wish.not_before.empty()) {
    const auto time = ParseTime(wish.not_before);
    if (!time.ok()) return time.status();
    statement.not_before = *time;
  }
  statement.not_after = statement.not_before + absl::Hours(24 * 366);
  if (!wish.not_after.empty()) {
    const auto time = ParseTime(wish.not_after);
    if (!time.ok()) return time.status();
    statement.not_after = *time;
  }
  if (statement.not_after <= statement.not_before) {
    return UsageError("--not-after must be later than --not-before");
  }
  if (statement.not_after <= absl::Now()) {
    console->Note("vouch: warning: the statement ends in the past; nobody can use this epoch");
  }
  const auto secret = crypto::ReadSecretFile(
      absl::StrCat(node::EpochFolder(file.keys, choice.agreement, choice.epoch), "/secret.key"));
  if (!secret.ok()) return secret.status();
  const auto public_key =
      node::PublicKeyOf(statement.kind, statement.agreement_id, statement.epoch, *secret);
  if (!public_key.ok()) return public_key.status();
  statement.public_key = *public_key;
  return statement;
}

void AddKeysCommand(CLI::App* vouch, Console* console) {
  CLI::App* keys = vouch->add_subcommand(
      "keys", "Token epoch keys: make, announce, deliver, destroy; the key of receipts");
  keys->require_subcommand(1);
  keys->footer("Example:\n  vouch keys list --node ./irs");

  auto create = std::make_shared<EpochChoice>();
  create->epoch = 0;
  CLI::App* create_command = keys->add_subcommand("create", "Makes a fresh secret for an epoch");
  AddEpochOptions(create_command, create.get(), false);
  create_command->footer("Example:\n  vouch keys create --node ./irs --agreement fsa-irs-2027-001");
  create_command->callback(
      [create, console] { console->Run([&] { return Create(*create, console); }); });

  auto statement = std::make_shared<StatementOptions>();
  CLI::App* statement_command =
      keys->add_subcommand("statement", "Announces an epoch's key under the key authority");
  AddEpochOptions(statement_command, &statement->choice, true);
  AddStatementOptions(statement_command, &statement->wish);
  statement_command->add_option("--authority-key", statement->authority_key,
                                "Private key of the key authority, PEM");
  statement_command->add_option("--unsigned", statement->unsigned_output,
                                "Write it for signing offline with `vouch keys sign`");
  statement_command->footer(
      "Example:\n"
      "  vouch keys statement --node ./irs --agreement fsa-irs-2027-001 --epoch 1 \\\n"
      "      --authority-key ./irs/authority/authority.key --not-after 2028-01-02");
  statement_command->callback(
      [statement, console] { console->Run([&] { return Statement(*statement, console); }); });

  auto rotate = std::make_shared<RotateOptions>();
  CLI::App* rotate_command =
      keys->add_subcommand("rotate", "Makes and announces the next epoch, overlapping the last");
  AddNodeOption(rotate_command, &rotate->choice.folder);
  rotate_command->add_option("--agreement", rotate->choice.agreement, "The agreement's id")
      ->required();
  rotate_command
      ->add_option("--authority-key", rotate->authority_key,
                   "Private key of the key authority, PEM")
      ->required();
  rotate_command->add_option("--overlap-days", rotate->overlap_days, "Days both epochs count")
      ->check(CLI::Range(0, 366))
      ->capture_default_str();
  rotate_command->add_option("--days", rotate->days, "Days the new epoch counts")
      ->check(CLI::Range(1, 3660))
      ->capture_default_str();
  rotate_command->footer(
      "Example:\n"
      "  vouch keys rotate --node ./irs --agreement fsa-irs-2027-001 \\\n"
      "      --authority-key ./irs/authority/authority.key --overlap-days 14");
  rotate_command->callback(
      [rotate, console] { console->Run([&] { return Rotate(*rotate, console); }); });

  auto retire = std::make_shared<RetireOptions>();
  CLI::App* retire_command =
      keys->add_subcommand("retire", "Destroys the secret of an ended epoch");
  AddEpochOptions(retire_command, &retire->choice, true);
  retire_command->add_flag("--yes", retire->yes, "Destroy it; without it, nothing is done");
  retire_command->add_flag("--even-in-force", retire->in_force, "Although its time is not over");
  retire_command->footer(
      "Example:\n  vouch keys retire --node ./irs --agreement fsa-irs-2027-001 --epoch 1 --yes");
  retire_command->callback(
      [retire, console] { console->Run([&] { return Retire(*retire, console); }); });

  auto list = std::make_shared<ListOptions>();
  CLI::App* list_command = keys->add_subcommand("list", "Lists the epochs of every agreement");
  AddNodeOption(list_command, &list->folder);
  list_command->add_option("--agreement", list->agreement, "Only this agreement");
  list_command->add_flag("--json", list->json, "Print facts for programs");
  list_command->footer("Example:\n  vouch keys list --node ./irs --json");
  list_command->callback([list, console] { console->Run([&] { return List(*list, console); }); });

  auto fingerprint = std::make_shared<FingerprintOptions>();
  CLI::App* fingerprint_command = keys->add_subcommand(
      "fingerprint", "Prints what agreements pin as people.tokens.key_authority");
  fingerprint_command->add_option("--node", fingerprint->folder,
                                  "A node's folder with its development authority");
  fingerprint_command->add_option("--key", fingerprint->key, "The authority's private key, PEM");
  fingerprint_command->footer("Example:\n  vouch keys fingerprint --node ./irs");
  fingerprint_command->callback(
      [fingerprint, console] { console->Run([&] { return Fingerprint(*fingerprint, console); }); });

  AddSigningKeyCommands(keys, console);
  AddKeyDeliveryCommands(keys, console);
}

}  // namespace vouch::client
