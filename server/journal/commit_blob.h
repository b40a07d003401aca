// One commit as it lies in the log: what it appended, and every change it made to the tables,
// so that replaying commits in order gives the tables again.
//
// Layout, version 1. Integers are big-endian; a row key is 16 bytes.
//
//   "VJC" 0x01 | u64 commit | u32 second | u64 first_entry
//   u32 items | u32 charges | u32 requests | u32 epochs | u32 lives | u32 buckets | u32 totals
//     u32 adoptions
//   charges  x (key, u32 value, u32 dies)
//   requests x (key, u64 content prefix, u32 item, u32 dies)
//   epochs   x (key, u32 epoch)
//   lives    x (key, u32 number, u32 end)
//   buckets  x (key, u8 counter, u32 window, u32 count)
//   totals   x (key, u64 count)
//   adoptions x (u64 revision, 32 bytes digest, u32 length, agreement id)
//   items    x (u32 entry length, u32 sealed length): one for each slot of a group, one after
//   another the items' entries and sealed details, item by item, entry first u32 CRC-32C of
//   everything before
#ifndef VOUCH_SERVER_JOURNAL_COMMIT_BLOB_H_
#define VOUCH_SERVER_JOURNAL_COMMIT_BLOB_H_

#include <cstdint>
#include <string>
#include <vector>

#include "absl/strings/string_view.h"
#include "server/journal/bucket_counters.h"
#include "server/journal/journal.h"

namespace vouch::server::journal {

// What a commit changes in the tables. Marks are at the commit's second; `dies` as in lives.h.
struct Changes {
  struct Charge {
    RowKey key{};
    uint32_t value = 0;
    uint32_t dies = 0;
  };
  struct Request {
    RowKey key{};
    uint64_t content = 0;
    uint32_t item = 0;
    uint32_t dies = 0;
  };
  struct Epoch {
    RowKey row{};
    uint32_t epoch = 0;
  };
  struct Life {
    RowKey agreement{};
    uint32_t number = 0;
    uint32_t end = 0;
  };
  struct Bucket {
    RowKey row{};
    Counter counter = Counter::kWholeAgreement;
    uint32_t window = 0;
    uint32_t count = 0;
  };
  struct Total {
    RowKey key{};
    uint64_t count = 0;
  };
  std::vector<Charge> charges;
  std::vector<Request> requests;
  std::vector<Epoch> epochs;
  std::vector<Life> lives;
  std::vector<Bucket> buckets;
  std::vector<Total> totals;
  std::vector<Journal::Adoption> adoptions;
  // Seconds since 1970: what was charged before is not all known. 0: no change. It has no place in
  // the layout: it stands in the entry that declares the loss, the commit's first.
  uint32_t lost_until = 0;

  bool empty() const;
};

struct CommitParts {
  struct Item {
    absl::string_view entry;
    absl::string_view sealed;
  };
  uint64_t number = 0;
  uint32_t second = 0;
  uint64_t first_entry = 0;
  Changes changes;
  std::vector<Item> items;
};

std::string EncodeCommit(const CommitParts& commit);
// Strict: false for anything EncodeCommit cannot have written. The items point into `bytes`.
bool DecodeCommit(absl::string_view bytes, CommitParts* commit);
// Whether these bytes are commit `number` as it was written: only its checksum is looked at.
bool IsWholeCommit(absl::string_view bytes, uint64_t number);
// The log's size before a commit, from the first bytes of its blob.
constexpr size_t kCommitStartSize = 24;
uint64_t FirstEntryOf(absl::string_view commit_start);

}  // namespace vouch::server::journal

#endif  // VOUCH_SERVER_JOURNAL_COMMIT_BLOB_H_
