#include "server/ledger/oversight/legal_holds.h"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <filesystem>
#include <system_error>
#include <tuple>

#include "absl/strings/ascii.h"
#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "crypto/keys.h"
#include "crypto/sync_folder.h"
#include "nlohmann/json.hpp"

namespace vouch::server::ledger::oversight {

namespace {

namespace fs = std::filesystem;
using Json = nlohmann::ordered_json;

constexpr char kFormat[] = "vouch-ledger-hold/1";
constexpr char kSuffix[] = ".hold";
// What ReadPrivateFile takes. Written and not to be read again, a hold would stop every erasure.
constexpr size_t kLargest = size_t{1} << 20;

bool GoodName(absl::string_view name) {
  return !name.empty() && name.size() <= 64 && name[0] != '.' &&
         std::all_of(name.begin(), name.end(), [](char c) {
           return absl::ascii_isalnum(static_cast<unsigned char>(c)) || c == '.' || c == '_' ||
                  c == '-';
         });
}

bool ReadPersonNames(const Json& json, PersonNames* person) {
  const auto handles = json.find("handles");
  const auto vectors = json.find("token_vectors");
  if (handles == json.end() || !handles->is_array() || vectors == json.end() ||
      !vectors->is_object()) {
    return false;
  }
  for (const Json& one : *handles) {
    crypto::Digest handle{};
    if (!one.is_string() || !crypto::FromHex(one.get<std::string>(), absl::MakeSpan(handle))) {
      return false;
    }
    person->handles.insert(handle);
  }
  for (const auto& [agreement, all] : vectors->items()) {
    if (!all.is_array()) return false;
    for (const Json& one : all) {
      std::string bytes;
      if (!one.is_string() || !absl::Base64Unescape(one.get<std::string>(), &bytes)) return false;
      person->token_vectors[agreement].insert(std::move(bytes));
    }
  }
  return true;
}

bool ReadHold(const std::string& text, LegalHold* hold) {
  const Json json = Json::parse(text, nullptr, /*allow_exceptions=*/false);
  const auto text_at = [&](const char* name) {
    const auto found = json.find(name);
    return found != json.end() && found->is_string() ? found->get<std::string>() : std::string();
  };
  if (!json.is_object() || text_at("format") != kFormat) return false;
  const auto since = json.find("since");
  const auto person = json.find("person");
  if (since == json.end() || !since->is_number_integer()) return false;
  hold->since = absl::FromUnixSeconds(since->get<int64_t>());
  hold->reason = text_at("reason");
  hold->agreement_id = text_at("agreement");
  if (!hold->agreement_id.empty()) return person == json.end();
  return person != json.end() && person->is_object() && ReadPersonNames(*person, &hold->person);
}

}  // namespace

bool operator==(const LegalHold& a, const LegalHold& b) {
  const auto parts = [](const LegalHold& hold) {
    return std::tie(hold.name, hold.reason, hold.since, hold.agreement_id, hold.person.handles,
                    hold.person.token_vectors);
  };
  return parts(a) == parts(b);
}

absl::StatusOr<HoldsLock> HoldsLock::Take(const std::string& folder) {
  // The folder above it: there may be no hold yet.
  const std::string above = fs::path(folder).parent_path().string();
  const int file = open(above.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (file < 0) return absl::UnavailableError(absl::StrCat(above, " cannot be read"));
  HoldsLock lock(file);
  while (flock(file, LOCK_EX) != 0) {
    if (errno != EINTR) return absl::UnavailableError(absl::StrCat(above, " cannot be locked"));
  }
  return lock;
}

HoldsLock::~HoldsLock() {
  if (file_ >= 0) close(file_);
}

std::string HoldsFolder(const std::string& periods_folder) { return periods_folder + "/holds"; }

absl::StatusOr<std::vector<LegalHold>> ReadLegalHolds(const std::string& folder) {
  std::vector<LegalHold> holds;
  std::error_code error;
  if (!fs::exists(folder, error)) {
    if (error) return absl::UnavailableError(absl::StrCat(folder, " cannot be read"));
    return holds;
  }
  fs::directory_iterator files(folder, error);
  for (; !error && files != fs::directory_iterator(); files.increment(error)) {
    if (files->path().extension() != kSuffix) continue;
    const std::string path = files->path().string();
    LegalHold hold;
    hold.name = files->path().stem().string();
    const absl::StatusOr<std::string> text = crypto::ReadPrivateFile(path);
    if (!text.ok()) return absl::DataLossError(text.status().message());
    if (!ReadHold(*text, &hold)) {
      return absl::DataLossError(absl::StrCat(path, ": is no hold that can be read"));
    }
    holds.push_back(std::move(hold));
  }
  if (error) return absl::UnavailableError(absl::StrCat(folder, " cannot be read"));
  std::sort(holds.begin(), holds.end(),
            [](const LegalHold& a, const LegalHold& b) { return a.name < b.name; });
  return holds;
}

absl::Status WriteLegalHold(const std::string& folder, const LegalHold& hold) {
  if (!GoodName(hold.name)) {
    return absl::InvalidArgumentError(
        "a hold's name has letters, digits, dots, hyphens and underscores, at most 64");
  }
  std::error_code error;
  const bool made = fs::create_directories(folder, error);
  if (!error) fs::permissions(folder, fs::perms::owner_all, error);
  if (error || (made && !crypto::SyncFolder(fs::path(folder).parent_path()).ok())) {
    return absl::UnavailableError(absl::StrCat(folder, " cannot be made"));
  }
  Json json;
  json["format"] = kFormat;
  json["since"] = absl::ToUnixSeconds(hold.since);
  json["reason"] = hold.reason;
  if (!hold.agreement_id.empty()) {
    json["agreement"] = hold.agreement_id;
  } else {
    Json handles = Json::array();
    for (const crypto::Digest& handle : hold.person.handles) handles.push_back(crypto::Hex(handle));
    Json vectors = Json::object();
    for (const auto& [agreement, all] : hold.person.token_vectors) {
      vectors[agreement] = Json::array();
      for (const std::string& one : all) vectors[agreement].push_back(absl::Base64Escape(one));
    }
    json["person"] = {{"handles", handles}, {"token_vectors", vectors}};
  }
  const std::string text = json.dump(1, ' ', false, Json::error_handler_t::replace) + "\n";
  if (text.size() > kLargest) {
    return absl::InvalidArgumentError(
        "a hold cannot have so many names and numbers of a person; give them in several holds");
  }
  const absl::StatusOr<HoldsLock> lock = HoldsLock::Take(folder);
  if (!lock.ok()) return lock.status();
  const absl::Status written =
      crypto::WritePrivateFile(absl::StrCat(folder, "/", hold.name, kSuffix), text);
  if (absl::IsAlreadyExists(written)) {
    return absl::AlreadyExistsError(absl::StrCat("there is a hold ", hold.name, " already"));
  }
  return written;
}

absl::Status ReleaseLegalHold(const std::string& folder, const std::string& name) {
  if (!GoodName(name)) return absl::NotFoundError("there is no hold of that name");
  if (unlink(absl::StrCat(folder, "/", name, kSuffix).c_str()) == 0) return absl::OkStatus();
  if (errno == ENOENT) return absl::NotFoundError("there is no hold of that name");
  return absl::ErrnoToStatus(errno, "the hold cannot be removed");
}

}  // namespace vouch::server::ledger::oversight
