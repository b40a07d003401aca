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
#include "policies/engine/diff/diff.h"
#include "server/node/epoch_keys.h"
#include "server/node/known_names.h"

namespace vouch::server::agreements {

namespace fs = std::filesystem;

namespace {

constexpr std::uintmax_t kLargestFile = 262144;

bool IsSource(const fs::path& path) {
  const std::string name = path.filename().string();
  return (absl::EndsWith(name, ".yaml") || absl::EndsWith(name, ".yml")) &&
         !absl::StartsWith(name, ".");
}

// Calls `see` with every entry below `folder`. Hidden folders are passed over: whoever swaps a
// folder whole by a link keeps the files behind it there, and they would be read twice.
template <typename See>
std::error_code ForEachEntry(const std::string& folder, const See& see) {
  std::error_code error;
  fs::recursive_directory_iterator entry(folder, error);
  while (!error && entry != fs::recursive_directory_iterator()) {
    if (absl::StartsWith(entry->path().filename().string(), ".")) {
      entry.disable_recursion_pending();
    } else {
      see(*entry);
    }
    entry.increment(error);
  }
  return error;
}

absl::StatusOr<std::vector<policies::CatalogFile>> ReadFolder(const std::string& folder) {
  std::vector<policies::CatalogFile> files;
  absl::Status failed;
  const std::error_code error = ForEachEntry(folder, [&](const fs::directory_entry& entry) {
    std::error_code unknown;
    if (!entry.is_regular_file(unknown) || !IsSource(entry.path())) return;
    policies::CatalogFile file;
    file.name = entry.path().lexically_relative(folder).string();
    std::ifstream in(entry.path(), std::ios::binary);
    // One byte over the limit is enough for the reader to say that the file is too large.
    const std::uintmax_t size = entry.file_size(unknown);
    file.bytes.resize(unknown ? 1 : std::min(size, kLargestFile + 1));
    in.read(file.bytes.data(), static_cast<std::streamsize>(file.bytes.size()));
    if (unknown || !in) failed = absl::UnavailableError(absl::StrCat("cannot read ", file.name));
    file.digest = crypto::Sha256(file.bytes);
    files.push_back(std::move(file));
  });
  // What cannot be read must not look as if it had been taken away.
  if (error) {
    return absl::UnavailableError(
        absl::StrCat("cannot read the agreements folder: ", error.message()));
  }
  if (!failed.ok()) return failed;
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
  for (const std::string& folder : {options_.folder, options_.keys_folder + "/tokens"}) {
    (void)ForEachEntry(folder, [&](const fs::directory_entry& entry) {
      struct stat found {};
      if (::stat(entry.path().c_str(), &found) != 0) return;
      lines.push_back(absl::StrCat(entry.path().string(), "|", found.st_ino, "|", found.st_size,
                                   "|", found.st_mtim.tv_sec, ".", found.st_mtim.tv_nsec));
    });
  }
  std::sort(lines.begin(), lines.end());
  // Never empty: that stands for "to be read again".
  std::string all = "read\n";
  for (const std::string& line : lines) absl::StrAppend(&all, line, "\n");
  return all;
}

bool Agreements::Changed() const {
  const std::string fingerprint = Fingerprint();
  std::lock_guard<std::mutex> lock(mutex_);
  return fingerprint != fingerprint_;
}

std::shared_ptr<const policies::Catalog> Agreements::BuildAdopted(
    std::vector<policies::CatalogFile> files, policies::Report* report, bool* again) const {
  policies::Catalog::Options options;
  options.known = node::NamesOfCrypto();
  options.use = options_.use;
  options.agency = options_.agency;
  options.allow_unsigned = options_.allow_unsigned;
  options.ends_changeover = policies::diff::EndsChangeover;
  const std::shared_ptr<const policies::Catalog> previous = Current()->catalog;
  while (true) {
    policies::Report attempt;
    std::shared_ptr<const policies::Catalog> catalog =
        policies::Catalog::Build(files, options, previous, {}, &attempt);
    const auto& all = catalog->all();
    bool refused = false;
    for (const auto& held : all) {
      if (!held->signatures_satisfied) continue;
      const bool beside_higher = std::any_of(all.begin(), all.end(), [&](const auto& other) {
        return other->signatures_satisfied && other->agreement.id == held->agreement.id &&
               other->agreement.revision > held->agreement.revision;
      });
      const absl::Status adopted = options_.adopt(*held, beside_higher);
      if (adopted.ok()) continue;
      *again |= !absl::IsFailedPrecondition(adopted);
      const auto file = std::find_if(files.begin(), files.end(), [&](const auto& one) {
        return one.name == held->file && one.digest == held->digest;
      });
      // Kept from before, when it was adopted.
      if (file == files.end() || !file->refused.empty()) continue;
      file->refused = std::string(adopted.message());
      refused = true;
    }
    if (!refused) {
      *report = std::move(attempt);
      return catalog;
    }
  }
}

std::vector<Epoch> Agreements::AdoptedEpochs(const policies::Agreement& agreement,
                                             AgreementSet* next, bool* again) const {
  absl::StatusOr<std::vector<Epoch>> read = LoadEpochs(options_.keys_folder, agreement);
  std::vector<Epoch> epochs;
  if (read.ok()) {
    for (Epoch& epoch : *read) {
      const absl::Status adopted = options_.adopt_epoch(agreement.id, epoch);
      if (adopted.ok()) {
        epochs.push_back(std::move(epoch));
        continue;
      }
      *again |= !absl::IsFailedPrecondition(adopted);
      next->key_problems.push_back(
          absl::StrCat(agreement.id, " epoch ", epoch.statement.epoch, ": ", adopted.message()));
    }
    return epochs;
  }
  if (absl::IsNotFound(read.status())) return epochs;
  next->key_problems.push_back(absl::StrCat(agreement.id, ": ", read.status().message()));
  const std::shared_ptr<const AgreementSet> current = Current();
  const auto previous = current->epochs.find(agreement.id);
  if (previous == current->epochs.end()) return epochs;
  for (const Epoch& epoch : previous->second) {
    // Only what the present agreement's authority has signed: it may have changed with the
    // revision.
    if (crypto::OpenStatement(epoch.signed_statement, agreement.key_authority).ok()) {
      epochs.push_back(epoch);
    }
  }
  return epochs;
}

absl::Status Agreements::Reload() {
  // Taken before the files are read: a change in between is seen at the next look.
  std::string fingerprint = Fingerprint();
  absl::StatusOr<std::vector<policies::CatalogFile>> files = ReadFolder(options_.folder);
  if (!files.ok()) return files.status();

  auto next = std::make_shared<AgreementSet>();
  bool again = false;
  next->catalog = BuildAdopted(*std::move(files), &next->report, &again);
  for (const auto& held : next->catalog->all()) {
    std::vector<Epoch> epochs = AdoptedEpochs(held->agreement, next.get(), &again);
    if (!epochs.empty()) next->epochs[held->agreement.id] = std::move(epochs);
  }
  if (again) fingerprint.clear();
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
