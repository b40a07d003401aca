// Every template is a good agreement as it stands.
#include <filesystem>
#include <string>
#include <vector>

#include "crypto/digest.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "policies/engine/catalog.h"
#include "policies/reference/built_in.h"
#include "tests/paths.h"
#include "tests/policies/files.h"

namespace vouch::policies {
namespace {

CatalogFile File(const std::string& name, const std::string& bytes) {
  CatalogFile file;
  file.name = name;
  file.bytes = bytes;
  file.digest = crypto::Sha256(bytes);
  return file;
}

TEST(TemplatesTest, EachIsLoadedWithoutAFinding) {
  const std::filesystem::path root =
      std::filesystem::path(VOUCH_SOURCE_DIR) / "policies" / "templates";
  int count = 0;
  for (const auto& folder : std::filesystem::directory_iterator(root)) {
    if (!folder.is_directory()) continue;
    const std::string name = folder.path().filename().string();
    SCOPED_TRACE(name);
    std::vector<CatalogFile> files;
    for (const auto& table : reference::BuiltInTables()) {
      files.push_back(File(std::string(table.name), std::string(table.bytes)));
    }
    const std::string path = "policies/templates/" + name;
    files.push_back(File(name + "/agreement.yaml", SourceText(path + "/agreement.yaml")));
    files.push_back(File(name + "/facts.yaml", SourceText(path + "/facts.yaml")));
    Report report;
    const auto agreement =
        ReadAgreement("agreement.yaml", files[files.size() - 2].bytes, Known(), &report);
    ASSERT_TRUE(agreement.has_value()) << report.ToText(files[files.size() - 2].bytes);
    Catalog::Options options;
    options.known = Known();
    options.use = agreement->use;
    options.agency = agreement->answers;
    options.as_if_signed = true;
    const auto catalog = Catalog::Build(files, options, nullptr, ReferenceTables(), &report);
    EXPECT_TRUE(report.findings().empty()) << report.ToText("");
    EXPECT_EQ(catalog->all().size(), 1u);
    ++count;
  }
  EXPECT_GE(count, 6);
}

}  // namespace
}  // namespace vouch::policies
