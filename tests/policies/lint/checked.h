// An agreement checked as `vouch agreement check` does it: reader, folder, rule packs.
#ifndef VOUCH_TESTS_POLICIES_LINT_CHECKED_H_
#define VOUCH_TESTS_POLICIES_LINT_CHECKED_H_

#include <string>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_replace.h"
#include "crypto/bytes.h"
#include "crypto/digest.h"
#include "policies/engine/catalog.h"
#include "policies/engine/lint/lint.h"
#include "policies/rules/built_in.h"
#include "tests/policies/lint/opened.h"

namespace vouch::policies::lint {

inline std::vector<RulePack> Packs() {
  std::vector<RulePack> packs;
  for (const auto& file : rules::BuiltInRuleFiles()) {
    if (!absl::EndsWith(file.name, ".yaml")) continue;
    Report report;
    auto pack = ReadRulePack(file.name, file.bytes, &report);
    EXPECT_TRUE(pack.has_value()) << report.ToText(file.bytes);
    if (pack.has_value()) packs.push_back(*std::move(pack));
  }
  return packs;
}

inline LintOptions OptionsOn(absl::CivilDay on) {
  LintOptions options;
  options.packs = Packs();
  options.on = on;
  return options;
}

inline std::string DigestOf(const std::string& text) { return crypto::Hex(crypto::Sha256(text)); }

// The agreement's pins follow `facts`. `before` is the file it replaces, or empty.
inline Report CheckText(std::string text, const std::string& original_facts,
                        const std::string& facts, const std::string& before,
                        const LintOptions& options) {
  text = absl::StrReplaceAll(text, {{DigestOf(original_facts), DigestOf(facts)}});
  std::vector<CatalogFile> files;
  const auto add = [&files](const std::string& name, const std::string& bytes) {
    CatalogFile file;
    file.name = name;
    file.bytes = bytes;
    file.digest = crypto::Sha256(bytes);
    files.push_back(std::move(file));
  };
  for (const auto& table : reference::BuiltInTables()) {
    add(std::string(table.name), std::string(table.bytes));
  }
  add("agreement.yaml", text);
  add("facts.yaml", facts);
  Report report;
  Report own;
  const auto agreement = ReadAgreement("agreement.yaml", text, Known(), &own);
  if (!agreement.has_value()) return own;
  Catalog::Options how;
  how.known = Known();
  how.use = agreement->use;
  how.agency = agreement->answers;
  how.as_if_signed = true;
  const auto catalog = Catalog::Build(files, how, nullptr, ReferenceTables(), &report);
  LintFile file;
  file.name = "agreement.yaml";
  file.bytes = text;
  file.agreed.agreement = &*agreement;
  file.agreed.tables = &catalog->tables();
  if (!catalog->all().empty()) file.agreed.facts = &catalog->all()[0]->facts;
  Report ignored;
  const auto replaced =
      before.empty() ? absl::nullopt : ReadAgreement("before.yaml", before, Known(), &ignored);
  if (replaced.has_value()) file.replaced = &*replaced;
  Lint({file}, options, &report);
  return report;
}

}  // namespace vouch::policies::lint

#endif  // VOUCH_TESTS_POLICIES_LINT_CHECKED_H_
