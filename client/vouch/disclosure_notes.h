#ifndef VOUCH_CLIENT_VOUCH_DISCLOSURE_NOTES_H_
#define VOUCH_CLIENT_VOUCH_DISCLOSURE_NOTES_H_

#include <cstdint>
#include <string>

#include "policies/engine/agreement.h"
#include "policies/engine/source.h"

namespace vouch::client {

// What an agreement costs in disclosure and confusion, as notes and warnings: strangers that a key
// with despite_mismatch "allow", or one before which no key can be formed, would take for the
// person among `people` records, how soon the holder of a keyed-hash key undoes a token, and limits
// so wide that they bound little.
void AddDisclosureNotes(const policies::Agreement& agreement, const std::string& file,
                        const std::string& text, uint64_t people, policies::Report* report);

}  // namespace vouch::client

#endif  // VOUCH_CLIENT_VOUCH_DISCLOSURE_NOTES_H_
