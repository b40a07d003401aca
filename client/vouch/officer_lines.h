// Who signs for an agency, as one agency tells it another and as node.yaml has it.
#ifndef VOUCH_CLIENT_VOUCH_OFFICER_LINES_H_
#define VOUCH_CLIENT_VOUCH_OFFICER_LINES_H_

#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "server/node/node_file.h"

namespace vouch::client {

// One line a certificate that may sign, "ROLE=WHO": lines with one role are alternatives. WHO is
// the fingerprint of a key, a subject, or the file of a certificate, whose key is then meant.
// Lines of the file, which may be empty, come first; those that begin with # are comments.
absl::StatusOr<std::vector<server::node::OfficerRole>> ReadOfficers(
    const std::string& file, const std::vector<std::string>& lines);
std::string OfficersText(const std::vector<server::node::OfficerRole>& officers);
// The key `officers` of node.yaml, with this before each line and no newline at the end.
std::string OfficersYaml(const std::vector<server::node::OfficerRole>& officers,
                         absl::string_view indent);

}  // namespace vouch::client

#endif  // VOUCH_CLIENT_VOUCH_OFFICER_LINES_H_
