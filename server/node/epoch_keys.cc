#include "server/node/epoch_keys.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/escaping.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "absl/strings/strip.h"
#include "crypto/digest.h"
#include "crypto/voprf.h"
#include "server/node/folders.h"

namespace vouch::server::node {
namespace {

constexpr char kSecretName[] = "/secret.key";
constexpr char kStatementName[] = "/statement.txt";
constexpr absl::string_view kUnsignedLabel = "unsigned-statement: ";
constexpr size_t kLargestStatement = 64 << 10;

std::string TokensFolder(const std::string& keys_folder) {
  return absl::StrCat(keys_folder, "/tokens");
}

std::string AgreementFolder(const std::string& keys_folder, absl::string_view agreement_id) {
  return absl::StrCat(TokensFolder(keys_folder), "/", agreement_id);
}

// The agreement's folder and those above it, each for its owner alone.
absl::Status EnsureAgreementFolder(const std::string& keys_folder, absl::string_view agreement_id) {
  if (absl::Status good = CheckAgreementId(agreement_id); !good.ok()) return good;
  for (const std::string& folder :
       {keys_folder, TokensFolder(keys_folder), AgreementFolder(keys_folder, agreement_id)}) {
    if (absl::Status made = EnsureFolder(folder, 0700); !made.ok()) return made;
  }
  return absl::OkStatus();
}

absl::Status Named(const std::string& path, const absl::Status& status) {
  return absl::Status(status.code(), absl::StrCat(path, ": ", status.message()));
}

}  // namespace

absl::Status CheckAgreementId(absl::string_view agreement_id) {
  const auto good = [](char c) {
    return absl::ascii_islower(c) || absl::ascii_isdigit(c) || c == '-' || c == '_' || c == '.';
  };
  if (agreement_id.empty() || agreement_id.size() > 100 ||
      !std::all_of(agreement_id.begin(), agreement_id.end(), good) ||
      !absl::ascii_isalnum(agreement_id[0])) {
    return absl::InvalidArgumentError(
        "an agreement id is 1 to 100 lower-case letters, digits, '-', '_' and '.', beginning with "
        "a letter or digit");
  }
  return absl::OkStatus();
}

std::string StatementText(const crypto::SignedStatement& signed_statement) {
  return absl::StrCat("statement: ", absl::Base64Escape(signed_statement.statement),
                      "\nsignature: ", absl::Base64Escape(signed_statement.signature),
                      "\nauthority: ", absl::Base64Escape(signed_statement.public_der), "\n");
}

absl::StatusOr<crypto::SignedStatement> ReadStatementText(absl::string_view text) {
  crypto::SignedStatement out;
  const std::vector<absl::string_view> lines = absl::StrSplit(text, '\n');
  const std::pair<absl::string_view, std::string*> fields[] = {{"statement: ", &out.statement},
                                                               {"signature: ", &out.signature},
                                                               {"authority: ", &out.public_der}};
  bool good = lines.size() == 4 && lines[3].empty();
  for (size_t i = 0; good && i < 3; ++i) {
    absl::string_view value = lines[i];
    // Decoding is lenient; only the one spelling that encodes back is accepted.
    good = absl::ConsumePrefix(&value, fields[i].first) &&
           absl::Base64Unescape(value, fields[i].second) && !fields[i].second->empty() &&
           absl::Base64Escape(*fields[i].second) == value;
  }
  if (!good) {
    return absl::InvalidArgumentError(
        "an epoch statement is three lines, \"statement: \", \"signature: \" and \"authority: \", "
        "each followed by base64; use the file that `vouch keys statement` wrote, unchanged");
  }
  return out;
}

std::string UnsignedStatementText(const crypto::EpochStatement& statement) {
  return absl::StrCat(kUnsignedLabel, absl::Base64Escape(statement.Bytes()), "\n");
}

absl::StatusOr<std::string> ReadUnsignedStatementText(absl::string_view text) {
  std::string bytes;
  if (!absl::ConsumePrefix(&text, kUnsignedLabel) || !absl::ConsumeSuffix(&text, "\n") ||
      !absl::Base64Unescape(text, &bytes) || absl::Base64Escape(bytes) != text) {
    return absl::InvalidArgumentError(
        "is no unsigned statement; use the file that `vouch keys statement --unsigned` wrote");
  }
  return bytes;
}

absl::StatusOr<std::string> PublicKeyOf(crypto::TokenKind kind, absl::string_view agreement_id,
                                        uint32_t epoch, const crypto::SecretBytes& secret) {
  if (kind == crypto::TokenKind::kKeyedHash) {
    const crypto::Digest digest = crypto::Sha256(secret.bytes(crypto::RawSecretAccess{}));
    return std::string(crypto::AsText(digest));
  }
  const std::string info = crypto::OprfKeyInfo(agreement_id, epoch);
  auto key = crypto::OprfPrivateKey::Derive(secret, crypto::AsBytes(info));
  if (!key.ok()) return key.status();
  return std::string(crypto::AsText(key->public_key()));
}

std::vector<std::string> AgreementsWithEpochs(const std::string& keys_folder) {
  std::vector<std::string> ids = NamesIn(TokensFolder(keys_folder));
  ids.erase(std::remove_if(ids.begin(), ids.end(),
                           [](const std::string& id) { return !CheckAgreementId(id).ok(); }),
            ids.end());
  return ids;
}

std::vector<uint32_t> EpochsOf(const std::string& keys_folder, absl::string_view agreement_id) {
  std::vector<uint32_t> epochs;
  if (!CheckAgreementId(agreement_id).ok()) return epochs;
  for (const std::string& name : NamesIn(AgreementFolder(keys_folder, agreement_id))) {
    uint32_t epoch = 0;
    // Only the spelling we write: "07" beside "7" would be two folders of one epoch.
    if (absl::SimpleAtoi(name, &epoch) && absl::StrCat(epoch) == name) epochs.push_back(epoch);
  }
  std::sort(epochs.begin(), epochs.end());
  return epochs;
}

absl::StatusOr<std::vector<EpochKey>> ReadEpochKeys(const std::string& keys_folder,
                                                    absl::string_view agreement_id,
                                                    absl::string_view pinned) {
  if (absl::Status good = CheckAgreementId(agreement_id); !good.ok()) return good;
  std::vector<EpochKey> keys;
  for (const uint32_t epoch : EpochsOf(keys_folder, agreement_id)) {
    const std::string folder = EpochFolder(keys_folder, agreement_id, epoch);
    const std::string statement_path = folder + kStatementName;
    if (!Exists(statement_path)) continue;
    absl::StatusOr<std::string> text = ReadText(statement_path, kLargestStatement);
    if (!text.ok()) return text.status();
    EpochKey key;
    absl::StatusOr<crypto::SignedStatement> signed_statement = ReadStatementText(*text);
    if (!signed_statement.ok()) return Named(statement_path, signed_statement.status());
    key.signed_statement = *std::move(signed_statement);
    absl::StatusOr<crypto::EpochStatement> statement =
        crypto::OpenStatement(key.signed_statement, pinned);
    if (!statement.ok()) return Named(statement_path, statement.status());
    key.statement = *std::move(statement);
    if (key.statement.agreement_id != agreement_id || key.statement.epoch != epoch) {
      return absl::InvalidArgumentError(absl::StrCat(
          statement_path, ": is the statement of agreement ", key.statement.agreement_id,
          ", epoch ", key.statement.epoch, "; it lies in the folder of another"));
    }
    const std::string secret_path = folder + kSecretName;
    if (Exists(secret_path)) {
      absl::StatusOr<crypto::SecretBytes> secret = crypto::ReadSecretFile(secret_path);
      if (!secret.ok()) return secret.status();
      absl::StatusOr<std::string> public_key =
          PublicKeyOf(key.statement.kind, agreement_id, epoch, *secret);
      if (!public_key.ok()) return Named(secret_path, public_key.status());
      if (*public_key != key.statement.public_key) {
        return absl::FailedPreconditionError(
            absl::StrCat(secret_path,
                         ": does not belong to the public key in statement.txt beside it; restore "
                         "the pair from the backup, or rotate to a new epoch"));
      }
      key.secret = *std::move(secret);
    }
    keys.push_back(std::move(key));
  }
  return keys;
}

absl::StatusOr<std::string> CreateEpoch(const std::string& keys_folder,
                                        absl::string_view agreement_id, uint32_t epoch) {
  if (absl::Status made = EnsureAgreementFolder(keys_folder, agreement_id); !made.ok()) return made;
  const std::string folder = EpochFolder(keys_folder, agreement_id, epoch);
  absl::Status created = CreateFolder(folder, 0700);
  if (absl::IsAlreadyExists(created)) {
    return absl::AlreadyExistsError(
        absl::StrCat(folder, ": epoch ", epoch,
                     " was made before; an epoch has one key for ever, so use the next number"));
  }
  if (!created.ok()) return created;
  const absl::Status written =
      crypto::WriteSecretFile(folder + kSecretName, crypto::SecretBytes::Random(32));
  if (!written.ok()) {
    rmdir(folder.c_str());
    return written;
  }
  return folder;
}

std::string EpochFolder(const std::string& keys_folder, absl::string_view agreement_id,
                        uint32_t epoch) {
  return absl::StrCat(AgreementFolder(keys_folder, agreement_id), "/", epoch);
}

absl::Status KeepStatement(const std::string& keys_folder, absl::string_view agreement_id,
                           uint32_t epoch, const crypto::SignedStatement& signed_statement) {
  if (absl::Status made = EnsureAgreementFolder(keys_folder, agreement_id); !made.ok()) return made;
  const std::string folder = EpochFolder(keys_folder, agreement_id, epoch);
  if (absl::Status made = EnsureFolder(folder, 0700); !made.ok()) return made;
  const std::string path = folder + kStatementName;
  const std::string text = StatementText(signed_statement);
  absl::Status written = crypto::WritePrivateFile(path, text);
  if (!absl::IsAlreadyExists(written)) return written;
  absl::StatusOr<std::string> held = ReadText(path, kLargestStatement);
  if (!held.ok()) return held.status();
  if (*held == text) return absl::OkStatus();
  return absl::AlreadyExistsError(
      absl::StrCat(path,
                   ": holds another statement for this epoch; an agreement has one key per "
                   "epoch for ever, so ask for a statement of the next epoch"));
}

absl::Status DestroySecret(const std::string& keys_folder, absl::string_view agreement_id,
                           uint32_t epoch) {
  if (absl::Status good = CheckAgreementId(agreement_id); !good.ok()) return good;
  const std::string folder = EpochFolder(keys_folder, agreement_id, epoch);
  const std::string path = folder + kSecretName;
  const auto failed = [&](absl::string_view what) {
    return absl::ErrnoToStatus(errno, absl::StrCat(path, ": ", what));
  };
  const int file = open(path.c_str(), O_WRONLY | O_CLOEXEC | O_NOFOLLOW);
  if (file < 0) return failed("cannot be opened for destruction");
  struct stat facts;
  bool overwritten = fstat(file, &facts) == 0 && S_ISREG(facts.st_mode);
  const std::string zeros(overwritten ? std::min<size_t>(facts.st_size, 4096) : 0, '0');
  overwritten = overwritten &&
                pwrite(file, zeros.data(), zeros.size(), 0) == static_cast<ssize_t>(zeros.size()) &&
                fsync(file) == 0;
  close(file);
  if (!overwritten) return failed("cannot be overwritten; nothing was removed");
  if (unlink(path.c_str()) != 0) return failed("was overwritten but cannot be removed");
  const int open_folder = open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  const bool synced = open_folder >= 0 && fsync(open_folder) == 0;
  if (open_folder >= 0) close(open_folder);
  return synced ? absl::OkStatus() : failed("was removed, but the folder cannot be synced");
}

}  // namespace vouch::server::node
