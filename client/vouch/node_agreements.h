// The agreements in a node's folder, as far as commands need them.
#ifndef VOUCH_CLIENT_VOUCH_NODE_AGREEMENTS_H_
#define VOUCH_CLIENT_VOUCH_NODE_AGREEMENTS_H_

#include <map>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/types/optional.h"
#include "client/vouch/console.h"
#include "policies/engine/catalog.h"
#include "policies/engine/source.h"
#include "server/node/node_file.h"

namespace vouch::client {

// Every .yaml file below a folder, named relative to it; what cannot be read is left out.
std::vector<policies::CatalogFile> FilesBelow(const std::string& folder);

struct AgreementFile {
  std::string path;  // relative to the agreements folder
  policies::FileDigest digest{};
  policies::Agreement agreement;
};
// Every agreement file that can be read by itself, by id and revision, whatever it pins: an asker
// needs neither catalogue nor tables. Findings of the others go to `report`.
std::vector<AgreementFile> ReadAgreements(const server::node::NodeFile& file,
                                          policies::Report* report);

// What the node itself would hold: agreements with the catalogues and tables they pin. Signatures
// are not asked for: commands that prepare a node must work before an agreement is signed.
std::shared_ptr<const policies::Catalog> ReadCatalog(const server::node::NodeFile& file,
                                                     policies::Report* report);
// The highest revision of an agreement whose time has come, else the lowest, or nullopt.
absl::optional<policies::Agreement> FindAgreement(const server::node::NodeFile& file,
                                                  absl::string_view id);
// PermissionDenied when the agreement is in the node's folder and pins another key authority.
absl::Status CheckPin(const server::node::NodeFile& file, absl::string_view id,
                      absl::string_view fingerprint);

// Findings with the source lines of their own files.
std::string FindingsText(const policies::Report& report,
                         const std::map<std::string, std::string>& sources);

}  // namespace vouch::client

#endif  // VOUCH_CLIENT_VOUCH_NODE_AGREEMENTS_H_
