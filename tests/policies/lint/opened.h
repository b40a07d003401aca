// An agreement with its catalogue and tables, for tests of what is computed from them.
#ifndef VOUCH_TESTS_POLICIES_LINT_OPENED_H_
#define VOUCH_TESTS_POLICIES_LINT_OPENED_H_

#include <memory>
#include <string>

#include "absl/strings/str_replace.h"
#include "gtest/gtest.h"
#include "policies/engine/agreement.h"
#include "policies/engine/lint/disclosure.h"
#include "policies/engine/reference.h"
#include "policies/reference/built_in.h"
#include "tests/policies/files.h"

namespace vouch::policies::lint {

struct Opened {
  std::string file;
  std::string text;
  Agreement agreement;
  FactCatalogue facts;
  ReferenceTables tables;

  AgreedFacts agreed() const { return {&agreement, &facts, &tables}; }
};

inline ReferenceTables BuiltInReferenceTables() {
  ReferenceTables tables;
  for (const auto& file : reference::BuiltInTables()) {
    Report report;
    auto table = ReadReferenceTable(file.name, file.bytes, {}, &report);
    if (table.has_value()) tables.Add(*std::move(table));
  }
  return tables;
}

// Fails the test when the text has errors.
inline std::unique_ptr<Opened> Open(const std::string& file, const std::string& text,
                                    const std::string& facts) {
  auto opened = std::make_unique<Opened>();
  opened->file = file;
  opened->text = text;
  opened->tables = BuiltInReferenceTables();
  Report report;
  auto agreement = ReadAgreement(file, text, Known(), &report);
  auto catalogue = ReadFactCatalogue("facts.yaml", facts, &report);
  EXPECT_TRUE(agreement.has_value() && catalogue.has_value()) << report.ToText(text);
  if (agreement.has_value()) opened->agreement = *std::move(agreement);
  if (catalogue.has_value()) opened->facts = *std::move(catalogue);
  return opened;
}

inline std::string TemplateText(const std::string& name, const std::string& file) {
  return SourceText("policies/templates/" + name + "/" + file);
}

// A template with some of its text exchanged; each text must be there.
inline std::string Edited(std::string text,
                          const std::vector<std::pair<std::string, std::string>>& edits) {
  for (const auto& [from, to] : edits) {
    const size_t at = text.find(from);
    EXPECT_NE(at, std::string::npos) << from;
    if (at != std::string::npos) text.replace(at, from.size(), to);
  }
  return text;
}

inline std::unique_ptr<Opened> OpenTemplate(
    const std::string& name, const std::vector<std::pair<std::string, std::string>>& edits = {},
    const std::vector<std::pair<std::string, std::string>>& fact_edits = {}) {
  return Open("agreement.yaml", Edited(TemplateText(name, "agreement.yaml"), edits),
              Edited(TemplateText(name, "facts.yaml"), fact_edits));
}

}  // namespace vouch::policies::lint

#endif  // VOUCH_TESTS_POLICIES_LINT_OPENED_H_
