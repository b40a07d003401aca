// A node's folder as the commands open it.
#ifndef VOUCH_CLIENT_VOUCH_NODE_FOLDER_H_
#define VOUCH_CLIENT_VOUCH_NODE_FOLDER_H_

#include <string>

#include "CLI/CLI.hpp"
#include "absl/status/statusor.h"
#include "client/vouch/console.h"
#include "server/node/node_file.h"

namespace vouch::client {

// The option every command of a node has; the environment variable VOUCH_NODE stands in for it.
CLI::Option* AddNodeOption(CLI::App* command, std::string* folder);

// Reads node.yaml; findings go to the console with their source lines.
absl::StatusOr<server::node::NodeFile> OpenNode(const std::string& folder, Console* console);

// InvalidArgument with the reason unless `agency` is a lower-case DNS-like name.
absl::Status CheckAgencyName(absl::string_view agency);

}  // namespace vouch::client

#endif  // VOUCH_CLIENT_VOUCH_NODE_FOLDER_H_
