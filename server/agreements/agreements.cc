#include "server/agreements/agreements.h"

#include <sys/stat.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <system_error>
#include <utility>

#include "absl/status/statusor.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "crypto/digest.h"
#include "server/node/epoch_keys.h"
#include "server/node/known_names.h"

namespace vouch::server::agreements {

namespace fs = std::filesystem;

namespace {

constexpr std::uintmax_t kLargestFile = 256 * 1024;

bool IsSource(const fs::path& path) {
  const std::string name = path.filename().string();
  return (absl::EndsWith(name, ".yaml") || absl::EndsWith(name, ".yml")) &&
         !absl::StartsWith(name, ".");
}

absl::StatusOr<std::vector<policies::CatalogFile>> ReadFolder(const std::string& folder) {
  std::error_code error;
  std::vector<policies::CatalogFile> files;
  fs::recursive_directory_iterator walk(folder, error);
  if (error) {
    return absl::UnavailableError(
        absl::StrCat("cannot read the agreements folder: ", error.message()));
  }
  for (const fs::directory_entry& entry : walk) {
    if (!entry.is_regular_file(error) || !IsSource(entry.path())) continue;
    policies::CatalogFile file;
    file.name = fs::relative(entry.path(), folder, error).string();
    std::ifstream in(entry.path(), std::ios::binary);
    // One byte over the limit is enough for the reader to say that the file is too large.
    file.bytes.resize(std::min(entry.file_size(error), kLargestFile + 1));
    in.read(file.bytes.data(), static_cast<std::streamsize>(file.bytes.size()));
    if (!in) return absl::UnavailableError(absl::StrCat("cannot read ", file.name));
    file.digest = crypto::Sha256(file.bytes);
    files.push_back(std::move(file));
  }
  std::sort(files.begin(), files.end(),
            [](const auto& a, const auto& b) { return a.name < b.name; });
  return files;
}

absl::StatusOr<std::vector<Epoch>> LoadEpochs(const std::string& keys_folder,
                                              const policies::Agreement& agreement) {
  absl::StatusOr<std::vector<node::EpochKey>> keys =
      node::ReadEpochKeys(keys_folder, agreement.id, agreement.key_authority);
  if (!keys.ok()) return keys.status();
  std::vector<Epoch> epochs;
  for (node::EpochKey& key : *keys) {
    Epoch epoch;
    if (!key.secret.empty() && agreement.token_kind == policies::TokenKind::kBlind) {
      const std::string info = crypto::OprfKeyInfo(agreement.id, key.statement.epoch);
      absl::StatusOr<crypto::OprfPrivateKey> derived =
          crypto::OprfPrivateKey::Derive(key.secret, crypto::AsBytes(info));
      if (!derived.ok()) return derived.status();
      epoch.blind = std::make_shared<const crypto::OprfPrivateKey>(*std::move(derived));
    } else if (!key.secret.empty()) {
      epoch.keyed = std::make_shared<const crypto::SecretBytes>(std::move(key.secret));
    }
    epoch.statement = std::move(key.statement);
    epoch.signed_statement = std::move(key.signed_statement);
    epochs.push_back(std::move(epoch));
  }
  return epochs;
}

}  // namespace

const Epoch* AgreementSet::FindEpoch(absl::string_view agreement_id, uint32_t number,
                                     absl::Time now) const {
  auto found = epochs.find(agreement_id);
  if (found == epochs.end()) return nullptr;
  for (const Epoch& epoch : found->second) {
    if (epoch.statement.epoch == number && epoch.UsableAt(now)) return &epoch;
  }
  return nullptr;
}

const Epoch* AgreementSet::CurrentEpoch(absl::string_view agreement_id, absl::Time now) const {
  auto found = epochs.find(agreement_id);
  if (found == epochs.end()) return nullptr;
  const Epoch* current = nullptr;
  for (const Epoch& epoch : found->second) {
    if (epoch.UsableAt(now)) current = &epoch;
  }
  return current;
}

const Epoch* AgreementSet::NextEpoch(absl::string_view agreement_id, absl::Time now) const {
  auto found = epochs.find(agreement_id);
  if (found == epochs.end()) return nullptr;
  for (const Epoch& epoch : found->second) {
    if (epoch.statement.not_before > now) return &epoch;
  }
  return nullptr;
}

std::string Agreements::Fingerprint() const {
  std::vector<std::string> lines;
  std::error_code error;
  for (const std::string& folder : {options_.folder, options_.keys_folder + "/tokens"}) {
    for (const fs::directory_entry& entry : fs::recursive_directory_iterator(folder, error)) {
      struct stat found {};
      if (::stat(entry.path().c_str(), &found) != 0) continue;
      lines.push_back(absl::StrCat(entry.path().string(), "|", found.st_ino, "|", found.st_size,
                                   "|", found.st_mtim.tv_sec, ".", found.st_mtim.tv_nsec));
    }
  }
  std::sort(lines.begin(), lines.end());
  std::string all;
  for (const std::string& line : lines) absl::StrAppend(&all, line, "\n");
  return all;
}

bool Agreements::Changed() const {
  const std::string fingerprint = Fingerprint();
  std::lock_guard<std::mutex> lock(mutex_);
  return fingerprint != fingerprint_;
}

std::shared_ptr<const policies::Catalog> Agreements::BuildAdopted(
    std::vector<policies::CatalogFile> files, policies::Report* report) const {
  policies::Catalog::Options options;
  options.known = node::NamesOfCrypto();
  options.use = options_.use;
  options.agency = options_.agency;
  options.allow_unsigned = options_.allow_unsigned;
  const std::shared_ptr<const policies::Catalog> previous = Current()->catalog;
  while (true) {
    policies::Report attempt = *report;
    std::shared_ptr<const policies::Catalog> catalog =
        policies::Catalog::Build(files, options, previous, {}, &attempt);
    const size_t before = files.size();
    for (const auto& held : catalog->all()) {
      if (!held->signatures_satisfied) continue;
      const absl::Status adopted = options_.adopt(*held);
      if (adopted.ok()) continue;
      policies::Finding finding;
      finding.rule = "catalog/not-adopted";
      finding.file = held->file;
      finding.message = std::string(adopted.message());
      finding.mend = "put a revision with a higher number beside it";
      report->Add(std::move(finding));
      files.erase(std::remove_if(files.begin(), files.end(),
                                 [&](const auto& file) { return file.name == held->file; }),
                  files.end());
    }
    if (files.size() == before) {
      *report = std::move(attempt);
      return catalog;
    }
  }
}

absl::Status Agreements::Reload() {
  // Taken before the files are read: a change in between is seen at the next look.
  std::string fingerprint = Fingerprint();
  absl::StatusOr<std::vector<policies::CatalogFile>> files = ReadFolder(options_.folder);
  if (!files.ok()) return files.status();

  auto next = std::make_shared<AgreementSet>();
  next->catalog = BuildAdopted(*std::move(files), &next->report);
  for (const auto& held : next->catalog->all()) {
    const policies::Agreement& agreement = held->agreement;
    absl::StatusOr<std::vector<Epoch>> epochs = LoadEpochs(options_.keys_folder, agreement);
    if (epochs.ok()) {
      next->epochs[agreement.id] = *std::move(epochs);
    } else if (!absl::IsNotFound(epochs.status())) {
      next->key_problems.push_back(absl::StrCat(agreement.id, ": ", epochs.status().message()));
    }
  }
  std::lock_guard<std::mutex> lock(mutex_);
  current_ = std::move(next);
  fingerprint_ = std::move(fingerprint);
  return absl::OkStatus();
}

std::shared_ptr<const AgreementSet> Agreements::Current() const {
  std::lock_guard<std::mutex> lock(mutex_);
  return current_;
}

}  // namespace vouch::server::agreements
