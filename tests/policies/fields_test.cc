// The example of fields.h, running.
#include "policies/engine/fields.h"

#include <string>
#include <vector>

#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace vouch::policies {
namespace {

using ::testing::HasSubstr;

struct Listener {
  std::string address;
  int64_t port = 0;
};
struct NodeFile {
  std::string agency;
  bool metrics = false;
  std::vector<Listener> listen;
};

ShapeOf<NodeFile> NodeFileShape() {
  const ShapeOf<Listener> listener = Map<Listener>(
      "a listener",
      {
          Required<Listener>("address", Text(), &Listener::address, "Where it listens.",
                             "\"127.0.0.1\""),
          Required<Listener>("port", Number(1, 65535), &Listener::port, "The TCP port.", "8443"),
      });
  return Map<NodeFile>(
      "the node's settings",
      {
          FormatField<NodeFile>("vouch-node/1"),
          Required<NodeFile>("agency", AgencyName(), &NodeFile::agency, "The node's own agency.",
                             "\"fsa.ed.example\""),
          Optional<NodeFile>("metrics", YesNo(), &NodeFile::metrics, "Whether to serve metrics.",
                             "true"),
          Required<NodeFile>("listen", List(listener, 1, 8), &NodeFile::listen, "Listeners.", ""),
      });
}

absl::optional<NodeFile> Read(absl::string_view text, Report* report) {
  return ReadDocument<NodeFile>("node.yaml", text, *NodeFileShape(), report);
}

TEST(FieldsTest, OneDeclarationReadsAFile) {
  Report report;
  const absl::optional<NodeFile> file = Read(
      "format: \"vouch-node/1\"\n"
      "agency: \"fsa.ed.example\"\n"
      "listen:\n"
      "  - {address: \"127.0.0.1\", port: 8443}\n"
      "  - {address: \"::1\", port: 1}\n",
      &report);
  ASSERT_TRUE(file.has_value()) << report.ToText("");
  EXPECT_EQ(file->agency, "fsa.ed.example");
  EXPECT_FALSE(file->metrics);
  ASSERT_EQ(file->listen.size(), 2u);
  EXPECT_EQ(file->listen[1].address, "::1");
}

TEST(FieldsTest, AMissingKeyIsNamedWithItsPlaceAndAnExample) {
  Report report;
  EXPECT_FALSE(Read("format: \"vouch-node/1\"\n"
                    "agency: \"fsa.ed.example\"\n"
                    "listen:\n"
                    "  - {address: \"a\", port: 1}\n"
                    "  - {address: \"b\"}\n",
                    &report)
                   .has_value());
  ASSERT_EQ(report.findings().size(), 1u);
  const Finding& f = report.findings()[0];
  EXPECT_EQ(f.rule, "field/missing");
  EXPECT_EQ(f.path, "listen[2]");
  EXPECT_EQ(f.position.line, 5);
  EXPECT_EQ(f.position.column, 5);
  EXPECT_EQ(f.message, "listen[2], line 5, needs `port`");
  EXPECT_EQ(f.mend, "add `port: 8443` (The TCP port.)");
}

TEST(FieldsTest, AMisspeltKeyIsReportedOnceAndItsValueStillJudged) {
  Report report;
  EXPECT_FALSE(Read("format: \"vouch-node/1\"\n"
                    "agencie: \"FSA\"\n"
                    "listen: [{address: \"a\", port: 1}]\n",
                    &report)
                   .has_value());
  ASSERT_EQ(report.findings().size(), 2u);
  EXPECT_EQ(report.findings()[0].rule, "field/unknown-key");
  EXPECT_EQ(report.findings()[0].mend, "did you mean `agency`?");
  EXPECT_EQ(report.findings()[1].rule, "field/form");
}

TEST(FieldsTest, NothingIsCalledMissingAfterWhatCannotBeParsed) {
  Report report;
  EXPECT_FALSE(Read("format: \"vouch-node/1\"\nagency: \"a\xFF\"\n", &report).has_value());
  for (const Finding& f : report.findings()) EXPECT_NE(f.rule, "field/missing");
}

TEST(FieldsTest, TheSchemaComesFromTheSameDeclaration) {
  const Json schema = SchemaFor(*NodeFileShape(), "node.yaml");
  EXPECT_EQ(schema["properties"]["agency"]["description"], "The node's own agency.");
  EXPECT_EQ(schema["required"], Json::array({"format", "agency", "listen"}));
  const Json& port = schema["properties"]["listen"]["items"]["properties"]["port"];
  EXPECT_EQ(port["maximum"], 65535);
  EXPECT_EQ(port["examples"][0], 8443);
  EXPECT_EQ(schema["properties"]["listen"]["examples"][0][0]["port"], 8443);
}

TEST(FieldsTest, TypographicQuotesBelongInProseOnly) {
  Report report;
  EXPECT_FALSE(Read("format: \"vouch-node/1\"\nagency: \"fsa.ed.example\"\n"
                    "listen: [{address: \"\u201Ca\u201D\", port: 1}]\n",
                    &report)
                   .has_value());
  ASSERT_EQ(report.findings().size(), 1u);
  EXPECT_EQ(report.findings()[0].rule, "yaml/smart-quotes");
}

}  // namespace
}  // namespace vouch::policies
