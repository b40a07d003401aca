// docs/agreements.md explains every rule and every key there is.
#include <filesystem>
#include <regex>
#include <set>
#include <string>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "gtest/gtest.h"
#include "policies/engine/schema.h"
#include "tests/paths.h"
#include "tests/policies/files.h"

namespace vouch::policies {
namespace {

TEST(DocumentationTest, ExplainsEveryRule) {
  const std::string doc = SourceText("docs/agreements.md");
  const std::regex rule("\"((file|yaml|field|agreement|facts|table|catalog)/[a-z0-9-]+)\"");
  const std::filesystem::path engine =
      std::filesystem::path(VOUCH_SOURCE_DIR) / "policies" / "engine";
  std::set<std::string> rules;
  for (const auto& file : std::filesystem::directory_iterator(engine)) {
    if (file.path().extension() != ".cc") continue;
    const std::string text =
        SourceText(absl::StrCat("policies/engine/", file.path().filename().string()));
    for (std::sregex_iterator i(text.begin(), text.end(), rule), end; i != end; ++i) {
      rules.insert((*i)[1]);
    }
  }
  EXPECT_GT(rules.size(), 80u);
  for (const std::string& id : rules) {
    EXPECT_TRUE(absl::StrContains(doc, absl::StrCat("`", id, "`"))) << id;
  }
}

void Keys(const Json& schema, std::set<std::string>* keys) {
  if (!schema.is_structured()) return;
  if (schema.is_object() && schema.contains("properties") && schema["properties"].is_object()) {
    for (const auto& [key, property] : schema["properties"].items()) keys->insert(key);
  }
  for (const auto& [key, part] : schema.items()) {
    if (key != "examples") Keys(part, keys);
  }
}

TEST(DocumentationTest, ExplainsEveryKey) {
  const std::string doc = SourceText("docs/agreements.md");
  for (const SchemaFile& file : EngineSchemas()) {
    std::set<std::string> keys;
    Keys(file.schema, &keys);
    for (const std::string& key : keys) {
      const bool found = absl::StrContains(doc, absl::StrCat("`", key, "`")) ||
                         absl::StrContains(doc, absl::StrCat(".", key, "`")) ||
                         absl::StrContains(doc, absl::StrCat(key, "[]`")) ||
                         absl::StrContains(doc, absl::StrCat(key, ": "));
      EXPECT_TRUE(found) << file.name << " " << key;
    }
  }
}

}  // namespace
}  // namespace vouch::policies
