#include "server/ledger/period_keys.h"

#include <filesystem>
#include <system_error>
#include <utility>

#include "absl/status/status.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/string_view.h"
#include "crypto/keys.h"

namespace vouch::server::ledger {

namespace fs = std::filesystem;

uint32_t TagPeriodOf(absl::Time time) {
  const absl::CivilMonth month = absl::ToCivilMonth(time, absl::UTCTimeZone());
  return static_cast<uint32_t>(month.year() * 12 + month.month() - 1);
}

uint32_t DayOf(absl::Time time) { return static_cast<uint32_t>(absl::ToUnixSeconds(time) / 86400); }

absl::StatusOr<std::shared_ptr<const crypto::HmacKey>> PeriodKeys::Get(const std::string& path,
                                                                       bool create) {
  std::lock_guard<std::mutex> lock(mutex_);
  auto found = cache_.find(path);
  if (found != cache_.end()) return found->second;
  std::error_code error;
  if (!fs::exists(path, error)) {
    if (!create) return absl::NotFoundError("the key of that period was erased or never made");
    fs::create_directories(fs::path(path).parent_path(), error);
    fs::permissions(fs::path(path).parent_path(), fs::perms::owner_all, error);
    absl::Status written = crypto::WriteSecretFile(path, crypto::SecretBytes::Random(32));
    // Another role of the same node may have made it at the same moment.
    if (!written.ok() && !absl::IsAlreadyExists(written)) {
      return absl::UnavailableError(absl::StrCat("cannot keep a period key: ", written.message()));
    }
  }
  absl::StatusOr<crypto::SecretBytes> secret = crypto::ReadSecretFile(path);
  if (!secret.ok()) return secret.status();
  auto key = std::make_shared<const crypto::HmacKey>(*secret);
  cache_.emplace(path, key);
  return key;
}

absl::StatusOr<std::shared_ptr<const crypto::HmacKey>> PeriodKeys::Tag(
    absl::string_view agreement_id, uint32_t tag_period, uint8_t retention_class, bool create) {
  return Get(absl::StrFormat("%s/tags/%s/%04d-%02d.%d.key", folder_, agreement_id, tag_period / 12,
                             tag_period % 12 + 1, retention_class),
             create);
}

absl::StatusOr<std::shared_ptr<const crypto::HmacKey>> PeriodKeys::Replay(uint32_t day,
                                                                          bool create) {
  return Get(absl::StrFormat("%s/replay/%d.key", folder_, day), create);
}

void PeriodKeys::DestroyReplayBefore(uint32_t day) {
  std::lock_guard<std::mutex> lock(mutex_);
  if (day <= replay_destroyed_before_) return;
  replay_destroyed_before_ = day;
  std::error_code error;
  for (const fs::directory_entry& entry : fs::directory_iterator(folder_ + "/replay", error)) {
    uint32_t key_day = 0;
    if (!absl::SimpleAtoi(entry.path().stem().string(), &key_day) || key_day >= day) continue;
    cache_.erase(entry.path().string());
    fs::remove(entry.path(), error);
  }
}

}  // namespace vouch::server::ledger
