// One agreement file with everything it pins, as the officer's commands read it.
#ifndef VOUCH_CLIENT_VOUCH_AGREEMENT_SOURCE_H_
#define VOUCH_CLIENT_VOUCH_AGREEMENT_SOURCE_H_

#include <map>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/types/optional.h"
#include "client/vouch/console.h"
#include "policies/engine/agreement.h"
#include "policies/engine/catalog.h"
#include "policies/engine/source.h"

namespace vouch::client {

struct AgreementSource {
  std::string path;  // as it was named
  std::string bytes;
  policies::FileDigest digest{};
  // The file itself first, then what it pins: files beside it; tables beside it, in a folder
  // "tables" beside or above it, or built in.
  std::vector<policies::CatalogFile> files;
  // What the answering agency's node would make of these files, were they signed. `held` lies in
  // it, and is nullptr when any of them has an error.
  std::shared_ptr<const policies::Catalog> catalog;
  const policies::HeldAgreement* held = nullptr;
  // The agreement as far as it can be read by itself, whatever it pins.
  absl::optional<policies::Agreement> agreement;

  // The text of each file by name, for FindingsText.
  std::map<std::string, std::string> Sources() const;
};

// Findings go to `report`. NotFound when there is no such file; what is wrong within it is a
// finding, never a status.
absl::StatusOr<AgreementSource> OpenAgreement(const std::string& path, policies::Report* report);
// The same for a text that is about to be written to `path`.
AgreementSource OpenAgreementText(const std::string& path, std::string bytes,
                                  policies::Report* report);
// The same for commands that go on only with an agreement free of errors: these are printed as
// `check` prints them, and InvalidArgument comes back.
absl::StatusOr<AgreementSource> OpenGoodAgreement(const std::string& path, Console* console);

// "a/b.yaml" makes "a/", "b.yaml" makes "".
std::string FolderOf(const std::string& path);

}  // namespace vouch::client

#endif  // VOUCH_CLIENT_VOUCH_AGREEMENT_SOURCE_H_
