#include "client/vouch/node_agreements.h"

#include <algorithm>
#include <filesystem>
#include <tuple>
#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "crypto/digest.h"
#include "server/node/folders.h"
#include "server/node/known_names.h"

namespace vouch::client {
namespace {

namespace node = server::node;

std::vector<std::string> YamlFilesBelow(const std::string& folder) {
  std::vector<std::string> paths;
  std::error_code ended;
  for (std::filesystem::recursive_directory_iterator at(folder, ended), end; !ended && at != end;
       at.increment(ended)) {
    const std::string path = at->path().string();
    if (absl::EndsWith(path, ".yaml") && at->is_regular_file(ended)) paths.push_back(path);
  }
  std::sort(paths.begin(), paths.end());
  return paths;
}

}  // namespace

std::vector<AgreementFile> ReadAgreements(const node::NodeFile& file, policies::Report* report) {
  std::vector<AgreementFile> found;
  const policies::KnownNames known = node::NamesOfCrypto();
  for (const std::string& path : YamlFilesBelow(file.agreements)) {
    const absl::StatusOr<std::string> text = node::ReadText(path);
    // Catalogues and tables lie beside agreements; each has its own reader.
    if (!text.ok() || !absl::StrContains(*text, "vouch-agreement/1")) continue;
    absl::optional<policies::Agreement> agreement =
        policies::ReadAgreement(path, *text, known, report);
    if (!agreement.has_value()) continue;
    found.push_back({path, crypto::Sha256(*text), *std::move(agreement)});
  }
  std::stable_sort(found.begin(), found.end(), [](const AgreementFile& a, const AgreementFile& b) {
    return std::tie(a.agreement.id, a.agreement.revision) <
           std::tie(b.agreement.id, b.agreement.revision);
  });
  return found;
}

absl::optional<policies::Agreement> FindAgreement(const node::NodeFile& file,
                                                  absl::string_view id) {
  policies::Report report;
  absl::optional<policies::Agreement> found;
  for (AgreementFile& held : ReadAgreements(file, &report)) {
    if (held.agreement.id == id) found = std::move(held.agreement);
  }
  return found;
}

absl::Status CheckPin(const node::NodeFile& file, absl::string_view id,
                      absl::string_view fingerprint) {
  const absl::optional<policies::Agreement> agreement = FindAgreement(file, id);
  if (!agreement.has_value() || agreement->key_authority == fingerprint) return absl::OkStatus();
  return absl::PermissionDeniedError(absl::StrCat(
      "the agreement pins the key authority ", agreement->key_authority, ", this key is ",
      fingerprint, "; sign with the authority the agreement names, or revise the agreement"));
}

}  // namespace vouch::client
