// Finds people's values (people.h) in any bytes: as they stand, and in hexadecimal of either case,
// base64 with either alphabet at any alignment, and UTF-16 of either byte order, up to two of these
// one within another. Rather than making every encoding of every value, it decodes every run of the
// file that could be such an encoding and looks for the values there.
//
// Not seen: values packed as binary numbers, compressed or encrypted, or spread over several
// places.
#ifndef VOUCH_TESTS_PRIVACY_SCAN_H_
#define VOUCH_TESTS_PRIVACY_SCAN_H_

#include <cstdint>
#include <string>
#include <vector>

#include "absl/strings/string_view.h"
#include "tests/privacy/people.h"

namespace vouch::privacy {

struct Finding {
  uint64_t offset = 0;  // in the scanned bytes; of an encoded value, about
  Kind kind = Kind::kSourceId;
  Kind companion = Kind::kSourceId;  // the kind of the value nearby; `kind` itself when strong
  std::string encoding;  // "raw", "hex", "base64", "utf-16", or two such as "base64 in hex"
};

// Every finding, by offset. Never holds a value.
std::vector<Finding> Scan(const People& people, absl::string_view bytes);

// The ways of writing that a canary is planted in: a name and the written bytes.
struct Written {
  std::string encoding;
  std::string bytes;
};
std::vector<Written> EveryEncoding(absl::string_view text);

// A person who is in no records, and the texts (by what they show) that must be found.
RawPerson Canary();
std::vector<Written> CanaryTexts();

// Plants every text of the canary in every encoding into a copy of `channel`, and scans. Returns
// what was not found, as "text, encoding"; `people` must hold the canary.
std::vector<std::string> UnseenCanaries(const People& people, absl::string_view channel);

}  // namespace vouch::privacy

#endif  // VOUCH_TESTS_PRIVACY_SCAN_H_
