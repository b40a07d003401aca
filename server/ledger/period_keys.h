// The keys that make entries about one person unlinkable without them, and erasable: random, one
// for each agreement, month and retention class, each in a file of its own outside the journal.
#ifndef VOUCH_SERVER_LEDGER_PERIOD_KEYS_H_
#define VOUCH_SERVER_LEDGER_PERIOD_KEYS_H_

#include <array>
#include <cstdint>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/time/civil_time.h"
#include "absl/time/time.h"
#include "crypto/digest.h"

namespace vouch::server::ledger {

// Which K_period something was made under, where one was lost and made anew: the first bytes of an
// HMAC under it. Tells nothing about the key. docs/data_model.md, "Sealed details".
using PeriodKeyId = std::array<uint8_t, 8>;
PeriodKeyId PeriodKeyIdOf(const crypto::HmacKey& key);

// Thread-safe. A key is on disk, synced, before it is handed out.
class PeriodKeys {
 public:
  // `folder` and what is below it are created 0700 when missing, durably.
  explicit PeriodKeys(std::string folder) : folder_(std::move(folder)) {}

  // K_period. `tag_period` is year * 12 + month - 1 (UTC). Creates the key when there is none:
  // Unavailable when that fails. NotFound when `create` is false and it was erased or never made.
  absl::StatusOr<std::shared_ptr<const crypto::HmacKey>> Tag(absl::string_view agreement_id,
                                                             uint32_t tag_period,
                                                             uint8_t retention_class,
                                                             bool create = true);
  // The key under which one day's remembered answers can be given again. `day` is days since 1970.
  absl::StatusOr<std::shared_ptr<const crypto::HmacKey>> Replay(uint32_t day, bool create = true);
  // Destroys replay keys of days before `day`: what was remembered then can never be opened again.
  // Overwritten, synced, unlinked; the problem, when that fails, and the next call tries again. Out
  // of memory goes what is of days before that one, of whole months as well, also where another
  // process took the file away.
  absl::Status DestroyReplayBefore(uint32_t day);
  // Destroys K_period for ever: what lies sealed beside that month's entries nobody can tell again,
  // nor from the entries whom they are about. Notes agreement, month, class and `now` in the file
  // `erased` first; overwritten, synced, unlinked. NotFound when there is no key. On file systems
  // that write elsewhere (copy on write, flash) old blocks may outlive this; only encrypted storage
  // helps there. A node that holds the key in memory lets go of it when it first writes in another
  // month, and before the month may be erased (DestroyReplayBefore).
  absl::Status DestroyTag(absl::string_view agreement_id, uint32_t tag_period,
                          uint8_t retention_class, absl::Time now);

  // Whether the key is overwritten already, and only its file is left: a crash came between. To
  // whoever asks for the key it is destroyed.
  bool DestructionBegan(absl::string_view agreement_id, uint32_t tag_period,
                        uint8_t retention_class) const;

  struct TagName {
    std::string agreement_id;
    uint32_t tag_period = 0;
    uint8_t retention_class = 0;
  };
  // Every K_period that is there, by agreement and month.
  absl::StatusOr<std::vector<TagName>> TagNames() const;
  // Every K_period that DestroyTag destroyed: noted, and no longer there. A note that a crash cut
  // short counts for nothing, and spoils none that comes after it.
  absl::StatusOr<std::vector<TagName>> ErasedTags() const;

 private:
  // With mutex_ held.
  void ForgetBefore(uint32_t day);
  absl::StatusOr<std::shared_ptr<const crypto::HmacKey>> Get(const std::string& path, bool create);
  std::string TagPath(absl::string_view agreement_id, uint32_t tag_period,
                      uint8_t retention_class) const;

  const std::string folder_;
  std::mutex mutex_;
  std::map<std::string, std::shared_ptr<const crypto::HmacKey>> cache_;
  uint32_t replay_destroyed_before_ = 0;
};

uint32_t TagPeriodOf(absl::Time time);
uint32_t DayOf(absl::Time time);

}  // namespace vouch::server::ledger

#endif  // VOUCH_SERVER_LEDGER_PERIOD_KEYS_H_
