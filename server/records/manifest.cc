#include "server/records/manifest.h"

#include <dirent.h>
#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <memory>
#include <nlohmann/json.hpp>
#include <set>
#include <system_error>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "crypto/keys.h"

namespace vouch::server::records {

namespace {

using nlohmann::json;

constexpr int kSchema = 1;
constexpr size_t kHexDigest = 64;

// Names that a generation's files have; anything else in the folder is left alone.
bool IsGenerationFile(absl::string_view name) {
  return absl::StartsWith(name, "facts.") || absl::StartsWith(name, "identities.") ||
         absl::StartsWith(name, "index.") || absl::StartsWith(name, "overlay.") ||
         absl::StartsWith(name, "index-part.");
}

// What crypto::ReplaceFile leaves when it is interrupted.
bool IsHalfReplaced(absl::string_view name) {
  return absl::StartsWith(name, "manifest.new-") || absl::StartsWith(name, "holds.new-");
}

bool IsPlainName(const std::string& name) {
  return IsGenerationFile(name) && name.find('/') == std::string::npos;
}

constexpr absl::string_view kKeyedHash = "keyed-hash";

absl::string_view UseName(crypto::IdentityUse use) {
  return use == crypto::IdentityUse::kLive ? "live" : "test";
}

crypto::IdentityUse UseNamed(const std::string& name) {
  return name == "live" ? crypto::IdentityUse::kLive : crypto::IdentityUse::kTest;
}

json EncodeRecipe(const IndexRecipe& recipe) {
  return {
      {"use", std::string(UseName(recipe.use))},
      {"kind", recipe.kind == crypto::TokenKind::kKeyedHash ? std::string(kKeyedHash) : "blind"},
      {"asker", recipe.asker},
      {"public_key", crypto::Hex(crypto::AsBytes(recipe.public_key))},
      {"spelling_rules", recipe.spelling_rules},
      {"match", recipe.match},
      {"not_after", absl::ToUnixSeconds(recipe.not_after)}};
}

bool DecodeRecipe(const json& all, IndexRecipe* recipe) {
  recipe->use = UseNamed(all.at("use").get<std::string>());
  recipe->kind = all.at("kind").get<std::string>() == kKeyedHash ? crypto::TokenKind::kKeyedHash
                                                                 : crypto::TokenKind::kBlind;
  recipe->asker = all.at("asker").get<std::string>();
  recipe->spelling_rules = all.at("spelling_rules").get<std::string>();
  recipe->match = all.at("match").get<std::vector<std::vector<std::string>>>();
  recipe->not_after = absl::FromUnixSeconds(all.at("not_after").get<int64_t>());
  const auto key = all.at("public_key").get<std::string>();
  std::vector<uint8_t> bytes(key.size() / 2);
  if (!crypto::FromHex(key, absl::MakeSpan(bytes))) return false;
  recipe->public_key = std::string(crypto::AsText(bytes));
  return true;
}

std::string Encode(const Manifest& m) {
  json indexes = json::array();
  for (const Manifest::Index& index : m.indexes) {
    indexes.push_back({{"agreement", index.agreement_id},
                       {"epoch", index.epoch},
                       {"label", crypto::Hex(index.label)},
                       {"made_of", EncodeRecipe(index.made_of)},
                       {"file", index.file}});
  }
  const json all = {{"schema", kSchema},
                    {"generation", m.generation},
                    {"change", m.change},
                    {"agency", m.agency},
                    {"use", std::string(UseName(m.use))},
                    {"people", m.people},
                    {"data_as_of", absl::FormatCivilTime(m.data_as_of)},
                    {"loaded_at", absl::ToUnixSeconds(m.loaded_at)},
                    {"person_check", m.person_check},
                    {"facts", m.facts_file},
                    {"identities", m.identities_file},
                    {"overlay", m.overlay_file},
                    {"indexes", indexes}};
  return all.dump();
}

absl::StatusOr<Manifest> Decode(const json& all) {
  Manifest m;
  m.generation = all.at("generation").get<uint64_t>();
  m.change = all.at("change").get<uint64_t>();
  m.agency = all.at("agency").get<std::string>();
  m.use = UseNamed(all.at("use").get<std::string>());
  m.people = all.at("people").get<uint64_t>();
  if (!absl::ParseCivilTime(all.at("data_as_of").get<std::string>(), &m.data_as_of)) {
    return absl::DataLossError("data_as_of");
  }
  m.loaded_at = absl::FromUnixSeconds(all.at("loaded_at").get<int64_t>());
  m.person_check = all.at("person_check").get<std::string>();
  m.facts_file = all.at("facts").get<std::string>();
  m.identities_file = all.at("identities").get<std::string>();
  m.overlay_file = all.at("overlay").get<std::string>();
  bool plain =
      IsPlainName(m.facts_file) && IsPlainName(m.identities_file) && IsPlainName(m.overlay_file);
  for (const json& one : all.at("indexes")) {
    Manifest::Index index;
    index.agreement_id = one.at("agreement").get<std::string>();
    index.epoch = one.at("epoch").get<uint32_t>();
    index.file = one.at("file").get<std::string>();
    plain = plain && IsPlainName(index.file) &&
            crypto::FromHex(one.at("label").get<std::string>(), absl::MakeSpan(index.label)) &&
            (!one.contains("made_of") || DecodeRecipe(one.at("made_of"), &index.made_of));
    m.indexes.push_back(std::move(index));
  }
  if (!plain) return absl::DataLossError("a file name");
  return m;
}

absl::StatusOr<crypto::HmacKey> ReadKey(const std::string& keys_folder, absl::string_view name) {
  absl::StatusOr<crypto::SecretBytes> secret =
      crypto::ReadSecretFile(absl::StrCat(keys_folder, "/", name));
  if (!secret.ok()) return secret.status();
  return crypto::HmacKey(*secret);
}

}  // namespace

std::string ManifestPath(const std::string& folder) { return absl::StrCat(folder, "/manifest"); }
std::string HoldsPath(const std::string& folder) { return absl::StrCat(folder, "/holds"); }

const Manifest::Index* Manifest::FindIndex(absl::string_view agreement_id, uint32_t epoch) const {
  for (const Index& index : indexes) {
    if (index.agreement_id == agreement_id && index.epoch == epoch) return &index;
  }
  return nullptr;
}

absl::StatusOr<Manifest> ReadManifest(const std::string& folder) {
  const std::string path = ManifestPath(folder);
  std::ifstream file(path, std::ios::binary);
  if (!file) {
    std::error_code error;
    if (!std::filesystem::exists(path, error) && !error) {
      return absl::NotFoundError(
          absl::StrCat(path, ": no records were loaded yet; run `vouch records load`"));
    }
    return absl::UnavailableError(
        absl::StrCat(path, " cannot be read; run this as the user the node runs as"));
  }
  const std::string text((std::istreambuf_iterator<char>(file)), std::istreambuf_iterator<char>());
  if (file.bad()) return absl::UnavailableError(absl::StrCat(path, " cannot be read"));
  const absl::Status damaged = absl::DataLossError(
      absl::StrCat(path, ": is damaged; restore it from a backup or load the records again"));
  // One line of JSON, then its SHA-256 in hexadecimal.
  const size_t end = text.find('\n');
  if (end == std::string::npos || text.size() != end + 1 + kHexDigest + 1 || text.back() != '\n') {
    return damaged;
  }
  const std::string body = text.substr(0, end);
  if (text.substr(end + 1, kHexDigest) != crypto::Hex(crypto::Sha256(body))) return damaged;
  const json all = json::parse(body, nullptr, /*allow_exceptions=*/false);
  try {
    if (all.at("schema").get<int>() > kSchema) {
      return absl::FailedPreconditionError(
          absl::StrCat(path, ": was written by a newer version; upgrade this program"));
    }
    absl::StatusOr<Manifest> manifest = Decode(all);
    if (!manifest.ok()) return damaged;
    return manifest;
  } catch (const json::exception&) {
    return damaged;
  }
}

absl::Status PublishManifest(const std::string& folder, const Manifest& manifest) {
  if (absl::Status s = SyncFolder(folder); !s.ok()) return s;
  std::string text = Encode(manifest);
  const std::string sum = crypto::Hex(crypto::Sha256(text));
  absl::StrAppend(&text, "\n", sum, "\n");
  if (absl::Status s = crypto::ReplaceFile(ManifestPath(folder), text, /*is_private=*/true);
      !s.ok()) {
    return s;
  }
  RemoveUnnamedFiles(folder, manifest);
  return absl::OkStatus();
}

void RemoveUnnamedFiles(const std::string& folder, const Manifest& manifest) {
  std::set<std::string> named = {manifest.facts_file, manifest.identities_file,
                                 manifest.overlay_file};
  for (const Manifest::Index& index : manifest.indexes) named.insert(index.file);
  const std::unique_ptr<DIR, int (*)(DIR*)> listing(opendir(folder.c_str()), closedir);
  if (listing == nullptr) return;
  while (const dirent* entry = readdir(listing.get())) {
    const std::string name = entry->d_name;
    if (IsHalfReplaced(name) || (IsGenerationFile(name) && named.count(name) == 0)) {
      unlink(absl::StrCat(folder, "/", name).c_str());
    }
  }
}

absl::StatusOr<FolderLock> FolderLock::Take(const std::string& folder) {
  if (mkdir(folder.c_str(), 0700) != 0 && errno != EEXIST) {
    return SystemError("cannot be created", folder);
  }
  const std::string path = absl::StrCat(folder, "/lock");
  Descriptor file(open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600));
  if (!file.ok()) return SystemError("cannot be opened", path);
  if (flock(file.number(), LOCK_EX | LOCK_NB) != 0) {
    if (errno != EWOULDBLOCK) return SystemError("cannot be locked", path);
    return absl::FailedPreconditionError(absl::StrCat(
        folder, ": another load, index build or change of records is under way; wait for it"));
  }
  return FolderLock(folder, std::move(file));
}

absl::StatusOr<crypto::HmacKey> ReadIndexKey(const std::string& keys_folder) {
  return ReadKey(keys_folder, "index.key");
}

absl::StatusOr<crypto::HmacKey> ReadPersonKey(const std::string& keys_folder) {
  return ReadKey(keys_folder, "person.key");
}

absl::StatusOr<RecordKeys> ReadRecordKeys(const std::string& keys_folder) {
  absl::StatusOr<crypto::HmacKey> index = ReadIndexKey(keys_folder);
  if (!index.ok()) return index.status();
  absl::StatusOr<crypto::HmacKey> person = ReadPersonKey(keys_folder);
  if (!person.ok()) return person.status();
  absl::StatusOr<crypto::HmacKey> identity = ReadKey(keys_folder, "identity.key");
  if (!identity.ok()) return identity.status();
  return RecordKeys{std::move(*index), std::move(*person), std::move(*identity)};
}

absl::Status CreateRecordKeys(const std::string& keys_folder) {
  for (const char* name : {"index.key", "person.key", "identity.key"}) {
    const absl::Status made = crypto::WriteSecretFile(absl::StrCat(keys_folder, "/", name),
                                                      crypto::SecretBytes::Random(32));
    if (!made.ok() && !absl::IsAlreadyExists(made)) return made;
  }
  return absl::OkStatus();
}

std::string PersonCheck(const crypto::HmacKey& person_key) {
  const crypto::Digest digest = person_key.Mac("vouch-person-check/1");
  return crypto::Hex(crypto::ByteSpan(digest).subspan(0, 8));
}

}  // namespace vouch::server::records
