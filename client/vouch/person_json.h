// A person as JSON, the only way in which commands take one: arguments are seen by every user of
// the machine.
#ifndef VOUCH_CLIENT_VOUCH_PERSON_JSON_H_
#define VOUCH_CLIENT_VOUCH_PERSON_JSON_H_

#include <istream>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "crypto/identity.h"

namespace vouch::client {

// One object of attributes, each a text or a list of texts, at most 64 KiB. InvalidArgument begins
// with `where` and repeats neither names nor values: people swap them.
absl::StatusOr<crypto::Identity> ReadPerson(std::istream& in, absl::string_view where);

// One such object, an array of them, or {"members": [...]}: everybody of a group. At most 64 KiB in
// all; never empty.
absl::StatusOr<std::vector<crypto::Identity>> ReadPeople(std::istream& in, absl::string_view where);

}  // namespace vouch::client

#endif  // VOUCH_CLIENT_VOUCH_PERSON_JSON_H_
