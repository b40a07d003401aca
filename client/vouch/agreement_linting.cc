#include "client/vouch/agreement_linting.h"

#include <filesystem>
#include <memory>
#include <string>
#include <utility>

#include "absl/strings/match.h"
#include "absl/time/clock.h"
#include "client/vouch/rule_packs.h"
#include "crypto/bytes.h"
#include "crypto/digest.h"
#include "server/node/folders.h"
#include "server/node/known_names.h"

namespace vouch::client {
namespace {

namespace lint = policies::lint;
namespace node = server::node;

// How far back revisions are followed.
constexpr int kMostRevisions = 20;

// The agreement with that digest among the .yaml files of a folder.
std::unique_ptr<policies::Agreement> AgreementBeside(const std::string& folder,
                                                     const std::string& digest) {
  std::error_code ended;
  for (std::filesystem::directory_iterator at(folder.empty() ? "." : folder, ended), end;
       !ended && at != end; at.increment(ended)) {
    const std::string path = at->path().string();
    if (!absl::EndsWith(path, ".yaml")) continue;
    const absl::StatusOr<std::string> text = node::ReadText(path);
    if (!text.ok() || crypto::Hex(crypto::Sha256(*text)) != digest) continue;
    policies::Report ignored;
    auto read = policies::ReadAgreement(path, *text, node::NamesOfCrypto(), &ignored);
    if (!read.has_value()) return nullptr;
    return std::make_unique<policies::Agreement>(*std::move(read));
  }
  return nullptr;
}

}  // namespace

lint::LintOptions BuiltInLintOptions(uint64_t people) {
  lint::LintOptions options;
  options.packs = BuiltInRulePacks();
  options.people = people;
  options.on = absl::ToCivilDay(absl::Now(), absl::UTCTimeZone());
  return options;
}

void LintSources(const std::vector<const AgreementSource*>& sources,
                 const lint::LintOptions& options, policies::Report* report) {
  std::vector<std::unique_ptr<policies::Agreement>> beside;
  std::vector<lint::LintFile> files;
  for (const AgreementSource* source : sources) {
    if (!source->agreement.has_value()) continue;
    lint::LintFile file;
    file.name = source->path;
    file.bytes = source->bytes;
    file.agreed.agreement = &*source->agreement;
    if (source->held != nullptr) file.agreed.facts = &source->held->facts;
    if (source->catalog != nullptr) file.agreed.tables = &source->catalog->tables();
    const policies::Agreement* at = &*source->agreement;
    for (int i = 0; i < kMostRevisions && at->replaces != "none"; ++i) {
      const policies::Agreement* before = nullptr;
      for (const AgreementSource* other : sources) {
        if (other->agreement.has_value() && crypto::Hex(other->digest) == at->replaces) {
          before = &*other->agreement;
        }
      }
      if (before == nullptr) {
        beside.push_back(AgreementBeside(FolderOf(source->path), at->replaces));
        before = beside.back().get();
      }
      if (before == nullptr) break;
      if (file.replaced == nullptr) {
        file.replaced = before;
      } else {
        file.earlier.push_back(before);
      }
      at = before;
    }
    files.push_back(std::move(file));
  }
  lint::Lint(files, options, report);
}

}  // namespace vouch::client
