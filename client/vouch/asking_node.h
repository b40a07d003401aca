// The asking side of a node's folder.
#ifndef VOUCH_CLIENT_VOUCH_ASKING_NODE_H_
#define VOUCH_CLIENT_VOUCH_ASKING_NODE_H_

#include <memory>
#include <string>

#include "absl/status/statusor.h"
#include "client/requester/requester.h"
#include "client/vouch/console.h"
#include "server/node/node_file.h"

namespace vouch::client {

// A requester for one agreement of the node: its certificate, the partner that answers, the
// revision that counts now, and the keyed-hash keys it was given. Accepted epoch keys are
// remembered in keys/known-epochs. NotFound when agreement or partner is missing, with what to do.
absl::StatusOr<std::unique_ptr<requester::Requester>> OpenRequester(const std::string& folder,
                                                                    const std::string& agreement_id,
                                                                    Console* console);

// What Connect() needs to reach a partner as this node. NotFound names the file that is missing.
absl::StatusOr<requester::ConnectionOptions> ConnectionTo(const server::node::NodeFile& file,
                                                          const server::node::Partner& partner);

}  // namespace vouch::client

#endif  // VOUCH_CLIENT_VOUCH_ASKING_NODE_H_
