#include "client/vouch/node_agreements.h"

#include <algorithm>
#include <filesystem>
#include <tuple>
#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "crypto/digest.h"
#include "policies/engine/diff/diff.h"
#include "server/node/folders.h"
#include "server/node/known_names.h"

namespace vouch::client {

namespace node = server::node;

std::vector<policies::CatalogFile> FilesBelow(const std::string& folder) {
  std::vector<policies::CatalogFile> files;
  std::error_code ended;
  for (std::filesystem::recursive_directory_iterator at(folder, ended), end; !ended && at != end;
       at.increment(ended)) {
    const std::string path = at->path().string();
    if (!absl::EndsWith(path, ".yaml") || at->path().filename().string()[0] == '.') continue;
    absl::StatusOr<std::string> text = node::ReadText(path);
    if (!text.ok()) continue;
    policies::CatalogFile file;
    file.name = path.substr(folder.size() + 1);
    file.bytes = *std::move(text);
    file.digest = crypto::Sha256(file.bytes);
    files.push_back(std::move(file));
  }
  std::sort(files.begin(), files.end(),
            [](const auto& a, const auto& b) { return a.name < b.name; });
  return files;
}

std::shared_ptr<const policies::Catalog> ReadCatalog(const node::NodeFile& file,
                                                     policies::Report* report) {
  policies::Catalog::Options options;
  options.known = node::NamesOfCrypto();
  options.use = file.use;
  options.agency = file.agency;
  options.as_if_signed = true;
  options.ends_changeover = policies::diff::EndsChangeover;
  return policies::Catalog::Build(FilesBelow(file.agreements), options, nullptr, {}, report);
}

std::vector<AgreementFile> ReadAgreements(const node::NodeFile& file, policies::Report* report) {
  std::vector<AgreementFile> found;
  const policies::KnownNames known = node::NamesOfCrypto();
  for (const policies::CatalogFile& held : FilesBelow(file.agreements)) {
    // Catalogues and tables lie beside agreements; each has its own reader.
    if (!absl::StrContains(held.bytes, "vouch-agreement/")) continue;
    auto agreement = policies::ReadAgreement(held.name, held.bytes, known, report);
    if (agreement.has_value()) found.push_back({held.name, held.digest, *std::move(agreement)});
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
  const absl::Time now = absl::Now();
  absl::optional<policies::Agreement> found;
  for (AgreementFile& held : ReadAgreements(file, &report)) {
    if (held.agreement.id != id) continue;
    if (!found.has_value() || held.agreement.effective_from <= now) {
      found = std::move(held.agreement);
    }
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

std::string FindingsText(const policies::Report& report,
                         const std::map<std::string, std::string>& sources) {
  std::string text;
  const std::vector<policies::Finding>& all = report.findings();
  for (size_t i = 0; i < all.size();) {
    policies::Report one_file;
    const std::string& name = all[i].file;
    for (; i < all.size() && all[i].file == name; ++i) one_file.Add(all[i]);
    const auto source = sources.find(name);
    absl::StrAppend(&text, one_file.ToText(source == sources.end() ? "" : source->second));
  }
  if (report.left_out() > 0) absl::StrAppend(&text, "and ", report.left_out(), " more findings\n");
  return text;
}

}  // namespace vouch::client
