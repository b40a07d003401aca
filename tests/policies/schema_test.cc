#include "policies/engine/schema.h"

#include <functional>
#include <string>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "policies/engine/agreement_fields.h"
#include "policies/engine/table_fields.h"
#include "tests/policies/files.h"
#include "tests/policies/json_schema.h"

namespace vouch::policies {
namespace {

TEST(SchemaTest, TheCommittedSchemasAreTheGeneratedOnes) {
  for (const SchemaFile& file : EngineSchemas()) {
    EXPECT_EQ(SourceText(absl::StrCat("policies/schema/", file.name)), SchemaText(file.schema))
        << "run bin/vouch-schema policies/schema and commit the result";
  }
}

// Every property of a schema, wherever it stands.
void ForEachProperty(const Json& schema,
                     const std::function<void(const std::string&, const Json&)>& f) {
  if (schema.is_object() && schema.contains("properties") && schema["properties"].is_object()) {
    for (const auto& [key, property] : schema["properties"].items()) f(key, property);
  }
  if (!schema.is_structured()) return;
  for (const auto& [key, part] : schema.items()) {
    if (key != "examples") ForEachProperty(part, f);
  }
}

TEST(SchemaTest, EveryFieldHasADescriptionAndAnExampleThatIsRight) {
  for (const SchemaFile& file : EngineSchemas()) {
    SchemaChecker checker(file.schema);
    int count = 0;
    ForEachProperty(file.schema, [&](const std::string& key, const Json& property) {
      SCOPED_TRACE(absl::StrCat(file.name, " ", key));
      ++count;
      EXPECT_FALSE(property.value("description", "").empty());
      ASSERT_TRUE(property.contains("examples"));
      EXPECT_TRUE(checker.Accepts(property, property["examples"][0])) << property["examples"][0];
    });
    EXPECT_GT(count, 10);
  }
}

TEST(SchemaTest, AcceptsEveryTemplate) {
  for (const char* name : {"birth-of-a-child", "income-for-student-aid", "veteran-status"}) {
    const std::vector<SchemaFile> schemas = EngineSchemas();
    for (size_t i = 0; i < 2; ++i) {
      Report report;
      const std::string path =
          absl::StrCat("policies/templates/", name, i == 0 ? "/agreement.yaml" : "/facts.yaml");
      const absl::optional<Tree> tree = ReadTree(path, SourceText(path), &report);
      ASSERT_TRUE(tree.has_value());
      SchemaChecker checker(schemas[i].schema);
      EXPECT_TRUE(checker.Accepts(ToJson(tree->root))) << path;
    }
  }
}

// A tree as a file, in block style.
void Write(const Node& node, const std::string& indent, std::string* out) {
  if (node.kind == Node::Kind::kScalar) {
    const bool plain = node.style == Node::Style::kPlain;
    const std::string text =
        absl::StrReplaceAll(node.text, {{"\\", "\\\\"}, {"\"", "\\\""}, {"\n", " "}});
    absl::StrAppend(out, " ", plain ? node.text : absl::StrCat("\"", text, "\""), "\n");
  } else if (node.kind == Node::Kind::kMapping) {
    if (node.entries.empty()) absl::StrAppend(out, " {}");
    absl::StrAppend(out, "\n");
    for (const Node::Entry& entry : node.entries) {
      absl::StrAppend(out, indent, "\"", entry.key, "\":");
      Write(entry.value, indent + "  ", out);
    }
  } else {
    if (node.items.empty()) absl::StrAppend(out, " []");
    absl::StrAppend(out, "\n");
    for (const Node& item : node.items) {
      absl::StrAppend(out, indent, "-");
      Write(item, indent + "  ", out);
    }
  }
}

Node Scalar(const std::string& text, Node::Style style) {
  Node node;
  node.kind = Node::Kind::kScalar;
  node.style = style;
  node.text = text;
  return node;
}

std::vector<Node> Replacements() {
  std::vector<Node> all;
  for (const char* plain : {"no", "true", "010", "1.5", "-1", "0", "7", "99999999999999999", "null",
                            "2027-01-31", "22:30", "word"}) {
    all.push_back(Scalar(plain, Node::Style::kPlain));
  }
  for (const char* quoted : {"x", "none", "7 days", "agreement", "2027-01-31", "2027-13-01",
                             "fsa.ed.example", "Some words, here.", "as-of-today", "UPPER"}) {
    all.push_back(Scalar(quoted, Node::Style::kQuoted));
  }
  all.push_back(Scalar(std::string(400, 'a'), Node::Style::kQuoted));
  Node mapping;
  mapping.kind = Node::Kind::kMapping;
  all.push_back(mapping);
  mapping.entries.push_back({"cents", {}, Scalar("5", Node::Style::kPlain)});
  all.push_back(mapping);
  Node list;
  list.kind = Node::Kind::kSequence;
  all.push_back(list);
  list.items.push_back(Scalar("x", Node::Style::kQuoted));
  all.push_back(list);
  list.items.push_back(Scalar("x", Node::Style::kQuoted));
  all.push_back(list);
  return all;
}

// Calls `f` with the file after every single change: a key left out, misspelt, a value replaced.
void ForEachChange(Node* root, Node* node, const std::vector<Node>& replacements,
                   const std::function<void(const std::string&)>& f) {
  const auto visit = [&] {
    std::string text;
    Write(*root, "", &text);
    f(text);
  };
  for (size_t i = 0; i < node->entries.size(); ++i) {
    const Node::Entry entry = node->entries[i];
    node->entries.erase(node->entries.begin() + static_cast<std::ptrdiff_t>(i));
    visit();
    node->entries.insert(node->entries.begin() + static_cast<std::ptrdiff_t>(i), entry);
    node->entries[i].key += "_zz";
    visit();
    node->entries[i].key = entry.key;
    for (const Node& replacement : replacements) {
      node->entries[i].value = replacement;
      visit();
    }
    node->entries[i].value = entry.value;
    ForEachChange(root, &node->entries[i].value, replacements, f);
  }
  for (size_t i = 0; i < node->items.size(); ++i) {
    const Node item = node->items[i];
    for (const Node& replacement : replacements) {
      node->items[i] = replacement;
      visit();
    }
    node->items[i] = item;
    ForEachChange(root, &node->items[i], replacements, f);
  }
}

// What the schema cannot say is not compared: which days the calendar has, and that some texts may
// not hold typographic quotes.
bool IsStructural(const Finding& finding) {
  return absl::StartsWith(finding.rule, "field/") && finding.rule != "field/date";
}

template <typename T>
void CompareOverChanges(const std::string& text, const Shape<T>& shape, const Json& schema) {
  Report report;
  absl::optional<Tree> tree = ReadTree("a.yaml", text, &report);
  ASSERT_TRUE(tree.has_value() && !report.HasErrors());
  SchemaChecker checker(schema);
  int accepted = 0;
  int refused = 0;
  ForEachChange(&tree->root, &tree->root, Replacements(), [&](const std::string& changed) {
    Report own;
    const absl::optional<Tree> read = ReadTree("a.yaml", changed, &own);
    if (!read.has_value() || own.HasErrors()) return;
    Reading reading("a.yaml", *read, &own);
    T value{};
    shape.Read(read->root, &reading, &value);
    const auto& findings = own.findings();
    const bool reader = std::none_of(findings.begin(), findings.end(), IsStructural);
    const bool by_schema = checker.Accepts(ToJson(read->root));
    (reader ? accepted : refused) += 1;
    if (reader != by_schema) {
      ADD_FAILURE() << "schema " << by_schema << ", reader " << reader << "\n" << own.ToText("");
    }
  });
  EXPECT_GT(accepted, 20);
  EXPECT_GT(refused, 500);
}

TEST(SchemaTest, AgreesWithTheReaderOnEverySingleChangeOfAnAgreement) {
  CompareOverChanges(FileText("income.yaml"), *AgreementShape(), EngineSchemas()[0].schema);
}

TEST(SchemaTest, AgreesWithTheReaderOnEverySingleChangeOfACatalogue) {
  CompareOverChanges(FileText("facts.yaml"), *FactCatalogueShape(), EngineSchemas()[1].schema);
}

TEST(SchemaTest, AgreesWithTheReaderOnEverySingleChangeOfATable) {
  CompareOverChanges(SourceText("policies/reference/hhs-poverty-guidelines.yaml"),
                     *ReferenceTableShape(), EngineSchemas()[2].schema);
}

}  // namespace
}  // namespace vouch::policies
