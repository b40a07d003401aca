#include "client/vouch/agreement_source.h"

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "client/vouch/node_agreements.h"
#include "crypto/digest.h"
#include "policies/reference/built_in.h"
#include "server/node/folders.h"
#include "server/node/known_names.h"

namespace vouch::client {
namespace {

namespace node = server::node;

void Add(const std::string& name, std::string bytes, AgreementSource* source) {
  policies::CatalogFile file;
  file.name = name;
  file.digest = crypto::Sha256(bytes);
  file.bytes = std::move(bytes);
  source->files.push_back(std::move(file));
}

bool AddFile(const std::string& path, AgreementSource* source) {
  for (const policies::CatalogFile& file : source->files) {
    if (file.name == path) return true;
  }
  absl::StatusOr<std::string> text = node::ReadText(path);
  if (text.ok()) Add(path, *std::move(text), source);
  return text.ok();
}

void AddTable(const std::string& folder, const std::string& table, AgreementSource* source) {
  const std::string name = absl::StrCat(table, ".yaml");
  for (const absl::string_view place : {"", "tables/", "../tables/"}) {
    if (AddFile(absl::StrCat(folder, place, name), source)) return;
  }
  for (const policies::reference::BuiltInFile& built_in : policies::reference::BuiltInTables()) {
    if (built_in.name == name) {
      Add(absl::StrCat("built in: ", name), std::string(built_in.bytes), source);
    }
  }
}

}  // namespace

std::string FolderOf(const std::string& path) {
  const size_t slash = path.rfind('/');
  return slash == std::string::npos ? "" : path.substr(0, slash + 1);
}

std::map<std::string, std::string> AgreementSource::Sources() const {
  std::map<std::string, std::string> sources;
  for (const policies::CatalogFile& file : files) sources[file.name] = file.bytes;
  return sources;
}

AgreementSource OpenAgreementText(const std::string& path, std::string bytes,
                                  policies::Report* report) {
  AgreementSource source;
  source.path = path;
  source.bytes = bytes;
  source.digest = crypto::Sha256(bytes);
  Add(path, std::move(bytes), &source);
  const policies::KnownNames known = node::NamesOfCrypto();
  policies::Report own;
  source.agreement = policies::ReadAgreement(path, source.bytes, known, &own);
  if (!source.agreement.has_value()) {
    report->Merge(own);
    return source;
  }
  const std::string folder = FolderOf(path);
  for (const policies::Pin& pin : source.agreement->pins) {
    if (pin.file.empty()) {
      AddTable(folder, pin.table, &source);
    } else {
      AddFile(folder + pin.file, &source);
    }
  }
  policies::Catalog::Options options;
  options.known = known;
  options.use = source.agreement->use;
  options.agency = source.agreement->answers;
  options.as_if_signed = true;
  source.catalog = policies::Catalog::Build(source.files, options, nullptr, {}, report);
  for (const auto& held : source.catalog->all()) {
    if (held->file == path) source.held = held.get();
  }
  return source;
}

absl::StatusOr<AgreementSource> OpenAgreement(const std::string& path, policies::Report* report) {
  absl::StatusOr<std::string> text = node::ReadText(path);
  if (!text.ok()) return text.status();
  return OpenAgreementText(path, *std::move(text), report);
}

absl::StatusOr<AgreementSource> OpenGoodAgreement(const std::string& path, Console* console) {
  policies::Report report;
  absl::StatusOr<AgreementSource> source = OpenAgreement(path, &report);
  if (!source.ok()) return source;
  if (report.HasErrors() || source->held == nullptr) {
    console->Note(FindingsText(report, source->Sources()));
    return absl::InvalidArgumentError(
        absl::StrCat(path, " has errors; mend them first (vouch agreement check ", path, ")"));
  }
  return source;
}

}  // namespace vouch::client
