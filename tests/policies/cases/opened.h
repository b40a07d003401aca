// A template, or a text of it that was changed, as the answering agency's node holds it.
#ifndef VOUCH_TESTS_POLICIES_CASES_OPENED_H_
#define VOUCH_TESTS_POLICIES_CASES_OPENED_H_

#include <memory>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"
#include "absl/strings/string_view.h"
#include "crypto/digest.h"
#include "gtest/gtest.h"
#include "policies/engine/cases/run.h"
#include "policies/engine/catalog.h"
#include "policies/reference/built_in.h"
#include "tests/policies/files.h"

namespace vouch::policies::cases {

inline CatalogFile FileOf(const std::string& name, const std::string& bytes) {
  CatalogFile file;
  file.name = name;
  file.bytes = bytes;
  file.digest = crypto::Sha256(bytes);
  return file;
}

inline std::string TemplateText(const std::string& name, const std::string& file) {
  return SourceText(absl::StrCat("policies/templates/", name, "/", file));
}

struct Opened {
  std::shared_ptr<const Catalog> catalog;
  const HeldAgreement* held = nullptr;
};

// Signed by all, unless `is_signed` is false. A changed catalogue gets its pin.
inline Opened Open(std::string agreement, const std::string& facts, bool is_signed = true,
                   const std::string& pinned_facts = "") {
  if (!pinned_facts.empty()) {
    agreement = absl::StrReplaceAll(agreement, {{crypto::Hex(crypto::Sha256(pinned_facts)),
                                                 crypto::Hex(crypto::Sha256(facts))}});
  }
  std::vector<CatalogFile> files;
  for (const auto& table : reference::BuiltInTables()) {
    files.push_back(FileOf(std::string(table.name), std::string(table.bytes)));
  }
  files.push_back(FileOf("a/agreement.yaml", agreement));
  files.push_back(FileOf("a/facts.yaml", facts));
  Report report;
  const auto read = ReadAgreement("agreement.yaml", agreement, Known(), &report);
  Catalog::Options options;
  options.known = Known();
  options.as_if_signed = is_signed;
  if (read.has_value()) {
    options.use = read->use;
    options.agency = read->answers;
  }
  Opened opened;
  opened.catalog = Catalog::Build(files, options, nullptr, ReferenceTables(), &report);
  EXPECT_FALSE(report.HasErrors()) << report.ToText(agreement);
  if (!opened.catalog->all().empty()) opened.held = opened.catalog->all()[0].get();
  return opened;
}

inline Opened OpenTemplate(const std::string& name, bool is_signed = true) {
  return Open(TemplateText(name, "agreement.yaml"), TemplateText(name, "facts.yaml"), is_signed);
}

inline CaseFile CasesOf(const std::string& text) {
  Report report;
  const auto cases = ReadCases("cases.yaml", text, &report);
  EXPECT_TRUE(cases.has_value()) << report.ToText(text);
  return cases.value_or(CaseFile());
}

inline CasesRun RunText(const Opened& opened, const std::string& cases) {
  return RunCases(CasesOf(cases), "cases.yaml", opened.catalog, *opened.held);
}

// A file of one agreement's cases around the items given.
inline std::string CasesFileOf(const Opened& opened, absl::string_view items) {
  return absl::StrCat("format: \"vouch-cases/1\"\nagreement: \"", opened.held->agreement.id,
                      "\"\ncases:\n", items);
}

}  // namespace vouch::policies::cases

#endif  // VOUCH_TESTS_POLICIES_CASES_OPENED_H_
