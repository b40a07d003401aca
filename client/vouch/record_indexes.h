#ifndef VOUCH_CLIENT_VOUCH_RECORD_INDEXES_H_
#define VOUCH_CLIENT_VOUCH_RECORD_INDEXES_H_

#include <memory>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "policies/engine/catalog.h"
#include "server/node/epoch_keys.h"
#include "server/node/node_file.h"
#include "server/records/index_builder.h"

namespace vouch::client {

// One for each agreement in which the node answers and each of its epochs whose secret is held and
// whose time is not over. Agreements whose keys cannot be used go to `problems`.
std::vector<server::records::IndexRequest> WantedIndexes(const server::node::NodeFile& file,
                                                         const policies::Catalog& catalog,
                                                         absl::Time now,
                                                         std::vector<std::string>* problems);

// What makes the tokens of an epoch whose secret is held.
absl::StatusOr<std::shared_ptr<const server::records::Tokeniser>> TokeniserOf(
    const server::node::EpochKey& key);

}  // namespace vouch::client

#endif  // VOUCH_CLIENT_VOUCH_RECORD_INDEXES_H_
