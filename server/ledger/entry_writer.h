// Makes what a commit writes about one subject: the ledger entry, and what lies sealed beside it.
// Layouts: docs/protocol.md, "Ledger entry", and docs/data_model.md, "Sealed details".
#ifndef VOUCH_SERVER_LEDGER_ENTRY_WRITER_H_
#define VOUCH_SERVER_LEDGER_ENTRY_WRITER_H_

#include <memory>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "absl/types/span.h"
#include "crypto/digest.h"
#include "crypto/receipt.h"
#include "server/ledger/period_keys.h"

namespace vouch::server::ledger {

// Whom an entry is tagged to: a person, where one was found, else the tokens that were asked about.
// Both are given in every case: the work is the same.
struct TaggedSubject {
  bool found = false;
  crypto::Digest person{};  // anything where none was found
  absl::string_view tokens;
};

// What only the responder can open: why it answered so.
struct PrivateDetails {
  crypto::Digest person{};  // zero when none was found
  uint8_t undetermined_reason = 0;
  int8_t matching_key = -1;
};

// One entry to be made. `entry` has everything but nonce, tag, commitment and minute.
struct EntryContent {
  crypto::SubjectEntry entry;
  crypto::Details details;
  PrivateDetails inner;
  TaggedSubject subject;
};

struct WrittenEntry {
  std::string entry;
  std::string sealed;
  crypto::Digest opening{};
};

// One slot of a group: what of an EntryContent is its own.
struct SlotContent {
  PrivateDetails inner;
  TaggedSubject subject;
};

struct WrittenGroup {
  struct Slot {
    std::string entry;
    std::string sealed;
  };
  std::vector<Slot> slots;
  crypto::Digest opening{};  // of the commitment that they share
};

// The keys an entry needs, made sure of before the commit begins: nothing under the journal's lock
// touches a file.
struct EntryKeys {
  std::shared_ptr<const crypto::HmacKey> tag;
  PeriodKeyId tag_id{};
  std::shared_ptr<const crypto::HmacKey> replay;
  uint32_t tag_period = 0;
  uint32_t replay_day = 0;
};

// Thread-safe.
class EntryWriter {
 public:
  explicit EntryWriter(PeriodKeys* keys) : keys_(keys) {}

  absl::StatusOr<EntryKeys> KeysFor(absl::string_view agreement_id, absl::Time now) const;

  static WrittenEntry Write(const EntryKeys& keys, EntryContent content, uint32_t minute);

  // One entry for each slot, all with one commitment; the first slot's key opens it, and the
  // opening lies sealed beside each. `content.inner` and `content.subject` are not looked at.
  static WrittenGroup WriteGroup(const EntryKeys& keys, EntryContent content,
                                 absl::Span<const SlotContent> slots, uint32_t minute);

  // What a remembered item said: for the same request again. Of a group: of its first entry.
  struct Remembered {
    crypto::SubjectEntry entry;
    crypto::Details details;
    crypto::Digest opening{};
  };
  // FailedPrecondition when the memory's key was destroyed; DataLoss when the parts do not fit.
  absl::StatusOr<Remembered> Open(absl::string_view entry, absl::string_view sealed,
                                  const crypto::Digest& request) const;
  // With the K_s of the entry's subject: details and private details.
  struct Opened {
    crypto::Details details;
    PrivateDetails inner;
    crypto::Digest opening{};
  };
  static absl::StatusOr<Opened> OpenWith(const crypto::SubjectKey& key, absl::string_view entry,
                                         absl::string_view sealed);
  // Whether what lies sealed says that its entry was tagged under another K_period. What nodes
  // wrote before this was noted, and what is damaged, does not say it.
  static bool NamesAnotherKey(absl::string_view sealed, const PeriodKeyId& id);

 private:
  PeriodKeys* keys_;
};

}  // namespace vouch::server::ledger

#endif  // VOUCH_SERVER_LEDGER_ENTRY_WRITER_H_
