#include "server/ledger/period_keys.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <system_error>
#include <tuple>
#include <utility>

#include "absl/status/status.h"
#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/str_split.h"
#include "absl/strings/string_view.h"
#include "absl/strings/strip.h"
#include "crypto/keys.h"
#include "crypto/sync_folder.h"

namespace vouch::server::ledger {

namespace fs = std::filesystem;

namespace {

// Every folder down to `path`, each synced in the one above it: a key whose folder a crash takes
// away is lost with what it opens.
absl::Status MakeFolder(const fs::path& path) {
  std::error_code error;
  if (fs::is_directory(path, error)) return absl::OkStatus();
  const fs::path above = path.has_parent_path() ? path.parent_path() : fs::path(".");
  if (above != path) {
    if (absl::Status made = MakeFolder(above); !made.ok()) return made;
  }
  if (mkdir(path.c_str(), 0700) != 0 && errno != EEXIST) {
    return absl::UnavailableError("cannot make the folder of a period key");
  }
  if (!crypto::SyncFolder(above).ok())
    return absl::UnavailableError("cannot sync the folder of a period key");
  return absl::OkStatus();
}

// What DestroyFile leaves when a crash comes before it unlinks.
bool Overwritten(const fs::path& path) {
  std::ifstream file(path, std::ios::binary);
  const std::string text((std::istreambuf_iterator<char>(file)), std::istreambuf_iterator<char>());
  // A key's text ends with a line feed.
  return !text.empty() && text.find_first_not_of('0') == std::string::npos;
}

absl::Status NoKey() {
  return absl::NotFoundError("the key of that period was erased or never made");
}

// Appends one line, synced; what a crash cut short before it stays a line of its own.
bool AppendNote(const std::string& path, const std::string& line) {
  const int notes = open(path.c_str(), O_RDWR | O_CREAT | O_APPEND | O_CLOEXEC | O_NOFOLLOW, 0600);
  if (notes < 0) return false;
  struct stat facts {};
  char last = '\n';
  bool noted = fstat(notes, &facts) == 0 &&
               (facts.st_size == 0 || pread(notes, &last, 1, facts.st_size - 1) == 1);
  const std::string text = last == '\n' ? line : "\n" + line;
  noted = noted && write(notes, text.data(), text.size()) == static_cast<ssize_t>(text.size()) &&
          fsync(notes) == 0;
  close(notes);
  return noted;
}

bool DestroyFile(const fs::path& path) {
  const int file = open(path.c_str(), O_WRONLY | O_CLOEXEC | O_NOFOLLOW);
  if (file < 0) return false;
  struct stat facts {};
  bool overwritten = fstat(file, &facts) == 0 && S_ISREG(facts.st_mode);
  const std::string zeros(overwritten ? std::min<size_t>(facts.st_size, 4096) : 0, '0');
  overwritten = overwritten &&
                pwrite(file, zeros.data(), zeros.size(), 0) == static_cast<ssize_t>(zeros.size()) &&
                fsync(file) == 0;
  close(file);
  return overwritten && unlink(path.c_str()) == 0;
}

// "2027-03.0.key"
std::string TagFile(uint32_t tag_period, uint8_t retention_class) {
  return absl::StrFormat("%04d-%02d.%d.key", tag_period / 12, tag_period % 12 + 1, retention_class);
}

// False for anything that TagFile does not write.
bool ReadTagFile(absl::string_view file, PeriodKeys::TagName* name) {
  const std::vector<absl::string_view> parts = absl::StrSplit(file, absl::ByAnyChar("-."));
  uint32_t year = 0;
  uint32_t month = 0;
  uint32_t retention = 0;
  if (parts.size() != 4 || !absl::SimpleAtoi(parts[0], &year) ||
      !absl::SimpleAtoi(parts[1], &month) || !absl::SimpleAtoi(parts[2], &retention) ||
      year > 9999 || month < 1 || month > 12 || retention > 255) {
    return false;
  }
  name->tag_period = year * 12 + month - 1;
  name->retention_class = static_cast<uint8_t>(retention);
  return file == TagFile(name->tag_period, name->retention_class);
}

}  // namespace

uint32_t TagPeriodOf(absl::Time time) {
  const absl::CivilMonth month = absl::ToCivilMonth(time, absl::UTCTimeZone());
  return static_cast<uint32_t>(month.year() * 12 + month.month() - 1);
}

uint32_t DayOf(absl::Time time) { return static_cast<uint32_t>(absl::ToUnixSeconds(time) / 86400); }

PeriodKeyId PeriodKeyIdOf(const crypto::HmacKey& key) {
  const crypto::Digest mac = key.Mac("vouch-period-key/1");
  PeriodKeyId id;
  std::copy_n(mac.begin(), id.size(), id.begin());
  return id;
}

absl::StatusOr<std::shared_ptr<const crypto::HmacKey>> PeriodKeys::Get(const std::string& path,
                                                                       bool create) {
  std::lock_guard<std::mutex> lock(mutex_);
  auto found = cache_.find(path);
  if (found != cache_.end()) return found->second;
  std::error_code error;
  const bool there = fs::exists(path, error);
  if (error) return absl::UnavailableError("the folder of period keys cannot be read");
  if (!there) {
    if (!create) return NoKey();
    if (absl::Status made = MakeFolder(fs::path(path).parent_path()); !made.ok()) return made;
    absl::Status written = crypto::WriteSecretFile(path, crypto::SecretBytes::Random(32));
    // Another role of the same node may have made it at the same moment.
    if (!written.ok() && !absl::IsAlreadyExists(written)) {
      return absl::UnavailableError(absl::StrCat("cannot keep a period key: ", written.message()));
    }
  }
  absl::StatusOr<crypto::SecretBytes> secret = crypto::ReadSecretFile(path);
  if (absl::IsInvalidArgument(secret.status()) && Overwritten(path)) return NoKey();
  if (!secret.ok()) return secret.status();
  auto key = std::make_shared<const crypto::HmacKey>(*secret);
  cache_.emplace(path, key);
  return key;
}

std::string PeriodKeys::TagPath(absl::string_view agreement_id, uint32_t tag_period,
                                uint8_t retention_class) const {
  return absl::StrCat(folder_, "/tags/", agreement_id, "/", TagFile(tag_period, retention_class));
}

absl::StatusOr<std::shared_ptr<const crypto::HmacKey>> PeriodKeys::Tag(
    absl::string_view agreement_id, uint32_t tag_period, uint8_t retention_class, bool create) {
  const std::string path = TagPath(agreement_id, tag_period, retention_class);
  auto key = Get(path, create);
  if (!create || !key.ok()) return key;
  // Whoever writes in a new month lets go of the last: what is erased from the disk must not live
  // on in a node's memory.
  const std::string same = absl::StrCat(folder_, "/tags/", agreement_id, "/");
  const std::string suffix = absl::StrCat(".", retention_class, ".key");
  std::lock_guard<std::mutex> lock(mutex_);
  for (auto other = cache_.lower_bound(same);
       other != cache_.end() && absl::StartsWith(other->first, same);) {
    other = other->first != path && absl::EndsWith(other->first, suffix) ? cache_.erase(other)
                                                                         : std::next(other);
  }
  return key;
}

absl::StatusOr<std::vector<PeriodKeys::TagName>> PeriodKeys::TagNames() const {
  std::vector<TagName> names;
  std::error_code error;
  const fs::path tags = folder_ + "/tags";
  if (!fs::exists(tags, error)) return names;
  fs::recursive_directory_iterator files(tags, error);
  for (; !error && files != fs::recursive_directory_iterator(); files.increment(error)) {
    TagName name;
    if (!ReadTagFile(files->path().filename().string(), &name)) continue;
    name.agreement_id = fs::relative(files->path().parent_path(), tags, error).string();
    names.push_back(std::move(name));
  }
  if (error) return absl::UnavailableError("the folder of period keys cannot be read");
  std::sort(names.begin(), names.end(), [](const TagName& a, const TagName& b) {
    return std::tie(a.agreement_id, a.tag_period, a.retention_class) <
           std::tie(b.agreement_id, b.tag_period, b.retention_class);
  });
  return names;
}

absl::StatusOr<std::vector<PeriodKeys::TagName>> PeriodKeys::ErasedTags() const {
  std::vector<TagName> names;
  std::error_code error;
  const std::string path = folder_ + "/erased";
  if (!fs::exists(path, error) && !error) return names;
  std::ifstream notes(path);
  std::string line;
  while (std::getline(notes, line)) {
    TagName name;
    const std::vector<std::string> parts = absl::StrSplit(line, ' ');
    if (parts.size() != 3 || !ReadTagFile(parts[2], &name)) continue;
    name.agreement_id = parts[1];
    // A key that could not be destroyed is noted all the same.
    if (!fs::exists(TagPath(name.agreement_id, name.tag_period, name.retention_class), error) &&
        !error) {
      names.push_back(std::move(name));
    }
  }
  if (!notes.eof()) return absl::UnavailableError(absl::StrCat(path, " cannot be read"));
  return names;
}

absl::Status PeriodKeys::DestroyTag(absl::string_view agreement_id, uint32_t tag_period,
                                    uint8_t retention_class, absl::Time now) {
  const fs::path path = TagPath(agreement_id, tag_period, retention_class);
  std::lock_guard<std::mutex> lock(mutex_);
  std::error_code error;
  const bool there = fs::exists(path, error);
  if (error) return absl::UnavailableError("the folder of period keys cannot be read");
  if (!there) return NoKey();
  const std::string line = absl::StrFormat("%s %s %s\n", absl::FormatTime(now, absl::UTCTimeZone()),
                                           agreement_id, path.filename().string());
  if (!AppendNote(folder_ + "/erased", line) || !crypto::SyncFolder(folder_).ok()) {
    return absl::UnavailableError("cannot note that a period key is destroyed");
  }
  cache_.erase(path.string());
  if (!DestroyFile(path) || !crypto::SyncFolder(path.parent_path()).ok()) {
    return absl::UnavailableError("a period key cannot be destroyed; run it again");
  }
  return absl::OkStatus();
}

bool PeriodKeys::DestructionBegan(absl::string_view agreement_id, uint32_t tag_period,
                                  uint8_t retention_class) const {
  return Overwritten(TagPath(agreement_id, tag_period, retention_class));
}

absl::StatusOr<std::shared_ptr<const crypto::HmacKey>> PeriodKeys::Replay(uint32_t day,
                                                                          bool create) {
  return Get(absl::StrFormat("%s/replay/%d.key", folder_, day), create);
}

void PeriodKeys::ForgetBefore(uint32_t day) {
  const std::string replay = folder_ + "/replay/";
  for (auto key = cache_.begin(); key != cache_.end();) {
    absl::string_view name = key->first;
    uint32_t key_day = 0;
    TagName tag;
    bool over = false;
    if (absl::ConsumePrefix(&name, replay)) {
      over =
          absl::ConsumeSuffix(&name, ".key") && absl::SimpleAtoi(name, &key_day) && key_day < day;
    } else if (ReadTagFile(fs::path(key->first).filename().string(), &tag)) {
      const absl::CivilMonth next =
          absl::CivilMonth(tag.tag_period / 12, tag.tag_period % 12 + 1) + 1;
      over = DayOf(absl::FromCivil(next, absl::UTCTimeZone())) <= day;
    }
    key = over ? cache_.erase(key) : std::next(key);
  }
}

absl::Status PeriodKeys::DestroyReplayBefore(uint32_t day) {
  std::lock_guard<std::mutex> lock(mutex_);
  if (day <= replay_destroyed_before_) return absl::OkStatus();
  ForgetBefore(day);
  std::error_code error;
  bool destroyed = true;
  const fs::path folder = folder_ + "/replay";
  if (!fs::exists(folder, error)) return absl::OkStatus();
  fs::directory_iterator files(folder, error);
  for (; !error && files != fs::directory_iterator(); files.increment(error)) {
    const fs::path path = files->path();
    uint32_t key_day = 0;
    if (path.extension() != ".key" || !absl::SimpleAtoi(path.stem().string(), &key_day)) continue;
    if (key_day >= day) continue;
    destroyed = DestroyFile(path) && destroyed;
  }
  if (error || !destroyed || !crypto::SyncFolder(folder).ok()) {
    return absl::UnavailableError("a replay key whose time is over cannot be destroyed");
  }
  replay_destroyed_before_ = day;
  return absl::OkStatus();
}

}  // namespace vouch::server::ledger
