// The next revision of an agreement's file, as text: everything else stays as it was written,
// comments included.
#ifndef VOUCH_POLICIES_ENGINE_REVISE_H_
#define VOUCH_POLICIES_ENGINE_REVISE_H_

#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/time/civil_time.h"
#include "policies/engine/agreement.h"

namespace vouch::policies {

// `text` is the file that `agreement` was read from, and `digest` its SHA-256: the revision counts
// one up and replaces that digest.
absl::StatusOr<std::string> RevisedText(absl::string_view text, const Agreement& agreement,
                                        const FileDigest& digest);

// The one renewal of a matching agreement, unchanged (5 U.S.C. 552a(o)(2)(D)): besides the above
// only `expires` and `renewal` change. FailedPrecondition, with what to do instead, when it is no
// matching agreement, was renewed before, `today` is not within the last three months of its term,
// `until` is not within the year after it, or a party's certification is missing, a stranger's, or
// not of these three months.
absl::StatusOr<std::string> RenewedText(absl::string_view text, const Agreement& agreement,
                                        const FileDigest& digest, absl::CivilDay until,
                                        const std::vector<Certification>& certified,
                                        absl::CivilDay today);

}  // namespace vouch::policies

#endif  // VOUCH_POLICIES_ENGINE_REVISE_H_
