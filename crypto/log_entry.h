// The entries by which an agency's logs, one a year, follow one another: the last of a log that has
// ended, and the first of the next, which commits to what the one before came to; or the first of a
// log that begins because the end of the one before is lost. Layouts: docs/protocol.md, "Ledger
// entry". And how logs are named.
#ifndef VOUCH_CRYPTO_LOG_ENTRY_H_
#define VOUCH_CRYPTO_LOG_ENTRY_H_

#include <cstdint>
#include <string>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/types/optional.h"
#include "crypto/checkpoint.h"

namespace vouch::crypto {

// "irs.treasury.example/ledger/2027"; of a year's second log ("/2027.2"), part is 2.
struct LogName {
  std::string agency;
  uint32_t year = 0;
  uint32_t part = 1;

  std::string Origin() const;
};
// nullopt for any other text.
absl::optional<LogName> ReadLogName(absl::string_view origin);
// Whether the log `a` comes before the log `b` of the same agency. Names of another kind sort as
// text.
bool LogBefore(absl::string_view a, absl::string_view b);

// Kind 8, the last entry of a log.
struct LogClosed {
  std::string origin;
  uint64_t size = 0;  // of the log, this entry included
  std::string next;   // the log that goes on
};
std::string LogClosedEntry(uint32_t minute, const LogClosed& closed);
absl::StatusOr<LogClosed> ReadLogClosed(absl::string_view entry);

// Kind 9, the first entry of a log that follows another.
struct LogOpened {
  std::string origin;
  Checkpoint closed;  // the log before, as it ended
};
std::string LogOpenedEntry(uint32_t minute, const LogOpened& opened);
absl::StatusOr<LogOpened> ReadLogOpened(absl::string_view entry);

// Kind 10, the first entry of a log that begins because entries were lost.
struct LossDeclared {
  std::string origin;
  Checkpoint restored;  // what there is of the log before; nothing closes it
  Checkpoint lost;      // the largest that is known to have been signed
  uint64_t until = 0;   // seconds since 1970: charges may be missing up to then

  // Whether what somebody remembers lies in what was lost, as far as the checkpoints can tell: of
  // the lost log no more than it commits to, or of a log between what there is and that one. What
  // lies in the restored part is to be held against that instead.
  bool Covers(const Checkpoint& seen) const;
};
bool operator==(const LossDeclared& a, const LossDeclared& b);
std::string LossDeclaredEntry(uint32_t minute, const LossDeclared& loss);
absl::StatusOr<LossDeclared> ReadLossDeclared(absl::string_view entry);

// Kind 9 or 10: which log begins with it, and what the journal has of the one before.
absl::StatusOr<LogOpened> ReadLogBegun(absl::string_view entry);

// "entries 900 to 950 of irs.example/ledger/2027": what was lost, in words, counted from 1.
std::string LostEntries(const LossDeclared& loss);

// Whether an entry is of these kinds, which hold nobody's call, and nobody: they are for everyone.
bool IsAboutLog(absl::string_view entry);

}  // namespace vouch::crypto

#endif  // VOUCH_CRYPTO_LOG_ENTRY_H_
