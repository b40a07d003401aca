// The agreements in a node's folder, as far as commands need them.
#ifndef VOUCH_CLIENT_VOUCH_NODE_AGREEMENTS_H_
#define VOUCH_CLIENT_VOUCH_NODE_AGREEMENTS_H_

#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/types/optional.h"
#include "policies/engine/agreement.h"
#include "policies/engine/source.h"
#include "server/node/node_file.h"

namespace vouch::client {

struct AgreementFile {
  std::string path;
  policies::FileDigest digest{};
  policies::Agreement agreement;
};
// Every agreement file below the node's agreements folder that can be read, by id and revision;
// findings of the others go to `report`.
std::vector<AgreementFile> ReadAgreements(const server::node::NodeFile& file,
                                          policies::Report* report);
// The highest revision of an agreement, or nullopt.
absl::optional<policies::Agreement> FindAgreement(const server::node::NodeFile& file,
                                                  absl::string_view id);
// PermissionDenied when the agreement is in the node's folder and pins another key authority.
absl::Status CheckPin(const server::node::NodeFile& file, absl::string_view id,
                      absl::string_view fingerprint);

}  // namespace vouch::client

#endif  // VOUCH_CLIENT_VOUCH_NODE_AGREEMENTS_H_
