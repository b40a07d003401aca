#include "server/node/node_file.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"
#include "crypto/keys.h"
#include "server/node/folders.h"
#include "server/node/known_names.h"
#include "tests/harness/process.h"
#include "tests/paths.h"

namespace vouch::server::node {
namespace {

using ::testing::Contains;
using ::testing::HasSubstr;

constexpr char kText[] = R"(format: "vouch-node/1"
agency: "fsa.ed.example"
use: "test"
listen: "127.0.0.1:0"
certificate: "node.pem"
key: "node.key"
agreements: "agreements"
records: "records"
journal: "journal"
keys: "keys"
run: "run"
)";

class NodeFileTest : public ::testing::Test {
 protected:
  void SetUp() override {
    for (const char* name : {"agreements", "records", "journal", "keys", "run"}) {
      ASSERT_TRUE(CreateFolder(folder_.Path(name), 0700).ok());
    }
    for (const absl::string_view name : kSecretNames) {
      ASSERT_TRUE(crypto::WriteSecretFile(folder_.Path(absl::StrCat("keys/", name)),
                                          crypto::SecretBytes::Random(32))
                      .ok());
    }
    ASSERT_TRUE(crypto::WritePrivateFile(folder_.Path("node.key"), "x").ok());
    ASSERT_TRUE(crypto::ReplaceFile(folder_.Path("node.pem"), "x", false).ok());
    ASSERT_TRUE(crypto::ReplaceFile(folder_.Path("anchors.pem"), "x", false).ok());
    Place(kText);
  }
  void Place(absl::string_view text) const {
    ASSERT_TRUE(crypto::ReplaceFile(folder_.Path("node.yaml"), text, false).ok());
  }
  absl::StatusOr<NodeFile> ReadFolder() {
    report_ = policies::Report();
    return ReadNodeFolder(folder_.path(), &report_);
  }
  // The text must be refused, with one error of this rule at this line.
  void Refused(absl::string_view text, absl::string_view rule, int line) {
    Place(text);
    EXPECT_TRUE(absl::IsInvalidArgument(ReadFolder().status()));
    ASSERT_EQ(report_.findings().size(), 1u) << report_.ToText(text);
    EXPECT_EQ(report_.findings()[0].rule, rule);
    EXPECT_EQ(report_.findings()[0].position.line, line);
    EXPECT_FALSE(report_.findings()[0].mend.empty());
  }
  static std::string With(absl::string_view from, absl::string_view to) {
    return absl::StrReplaceAll(kText, {{from, to}});
  }

  tests::TemporaryFolder folder_;
  policies::Report report_;
};

TEST_F(NodeFileTest, PathsComeBackAbsoluteAndDefaultsAreKept) {
  const auto file = ReadFolder();
  ASSERT_TRUE(file.ok()) << report_.ToText(kText);
  EXPECT_EQ(file->agency, "fsa.ed.example");
  EXPECT_EQ(file->use, policies::Use::kTest);
  EXPECT_EQ(file->keys[0], '/');
  EXPECT_TRUE(Exists(file->keys + "/index.key"));
  EXPECT_EQ(file->metrics, "");
  EXPECT_EQ(file->SigningOf("fsa.ed.example"), nullptr);
  EXPECT_EQ(file->walkers, 2);
  EXPECT_FALSE(file->fips);
  EXPECT_EQ(file->drain, absl::Seconds(10));
}

TEST_F(NodeFileTest, ReadsEveryField) {
  Place(absl::StrCat(kText, R"(metrics: "[::1]:9464"
signing:
  anchors: "anchors.pem"
  officers: [{role: "officer", any_of: ["CN=Jo Doe,O=Agency", "CN=Mo Roe,O=Agency"]}]
reflection: false
log_level: "error"
crypto: "fips"
walkers: 3
queue_items: 1024
queue_megabytes: 64
evaluators: 1
drain_seconds: 30
partners:
  - agency: "irs.treasury.example"
    address: "node.irs.treasury.example:7443"
    anchors: "anchors.pem"
    revocations: "anchors.pem"
    issuer: "CN=Issuer"
    dns_name: "node.irs.treasury.example"
    encryption_certificate: "anchors.pem"
    calls_per_second: 5
    signing:
      anchors: "anchors.pem"
      revocations: "anchors.pem"
      officers:
        - {role: "program officer", any_of: ["CN=A"]}
        - {role: "privacy officer", any_of: ["sha256:0f1e2d3c4b5a69788796a5b4c3d2e1f00f1e2d3c4b5a69788796a5b4c3d2e1f0"]}
)"));
  const auto file = ReadFolder();
  ASSERT_TRUE(file.ok()) << report_.ToText("");
  EXPECT_EQ(file->metrics, "[::1]:9464");
  const Signing* own = file->SigningOf("fsa.ed.example");
  ASSERT_NE(own, nullptr);
  EXPECT_EQ(own->anchors[0], '/');
  ASSERT_EQ(own->officers.size(), 1u);
  EXPECT_EQ(own->officers[0].any_of.size(), 2u);
  const Signing* theirs = file->SigningOf("irs.treasury.example");
  ASSERT_NE(theirs, nullptr);
  EXPECT_EQ(theirs->officers.size(), 2u);
  EXPECT_EQ(theirs->officers[1].role, "privacy officer");
  EXPECT_EQ(file->SigningOf("another.example"), nullptr);
  EXPECT_FALSE(file->reflection);
  EXPECT_EQ(file->log_level, "error");
  EXPECT_TRUE(file->fips);
  EXPECT_TRUE(Exists(file->folder + "/node.yaml"));
  EXPECT_EQ(file->drain, absl::Seconds(30));
  const Partner* partner = file->FindPartner("irs.treasury.example");
  ASSERT_NE(partner, nullptr);
  EXPECT_EQ(partner->calls_per_second, 5);
  EXPECT_EQ(partner->anchors[0], '/');
  EXPECT_EQ(partner->dns_name, "node.irs.treasury.example");
  EXPECT_EQ(file->FindPartner("a.example"), nullptr);
}

TEST_F(NodeFileTest, UnknownKeysAreRefusedWithTheNearest) {
  Place(absl::StrCat(kText, "log_levl: \"info\"\n"));
  EXPECT_FALSE(ReadFolder().ok());
  ASSERT_EQ(report_.findings().size(), 1u);
  EXPECT_EQ(report_.findings()[0].position.line, 12);
  EXPECT_THAT(report_.findings()[0].mend, HasSubstr("log_level"));
}

TEST_F(NodeFileTest, AllErrorsComeAtOnce) {
  Place(absl::StrReplaceAll(kText, {{"\"test\"", "\"real\""}, {"127.0.0.1:0", "nowhere"}}));
  EXPECT_FALSE(ReadFolder().ok());
  EXPECT_EQ(report_.findings().size(), 2u);
}

TEST_F(NodeFileTest, PortsBeyondTheLastAreRefused) {
  Refused(With("127.0.0.1:0", "127.0.0.1:65536"), "node/port", 4);
}

TEST_F(NodeFileTest, MissingFilesAreNamedWhereTheyAreAskedFor) {
  Refused(With("\"node.pem\"", "\"other.pem\""), "node/missing", 5);
}

TEST_F(NodeFileTest, FoldersThatAreFilesAreRefused) {
  Refused(With("\"agreements\"", "\"node.pem\""), "node/wrong-kind", 7);
}

TEST_F(NodeFileTest, SecretsOpenToOthersAreRefused) {
  ASSERT_EQ(chmod(folder_.Path("node.key").c_str(), 0640), 0);
  Refused(kText, "node/open-to-others", 6);
  ASSERT_EQ(chmod(folder_.Path("node.key").c_str(), 0600), 0);
  ASSERT_EQ(chmod(folder_.Path("keys").c_str(), 0755), 0);
  Refused(kText, "node/open-to-others", 10);
  ASSERT_EQ(chmod(folder_.Path("keys").c_str(), 0700), 0);
  ASSERT_TRUE(crypto::WritePrivateFile(folder_.Path("keys/other.key"), "x").ok());
  ASSERT_EQ(chmod(folder_.Path("keys/other.key").c_str(), 0604), 0);
  Refused(kText, "node/open-to-others", 10);
}

TEST_F(NodeFileTest, AnOldFileThatSpeaksOfUnsignedAgreementsIsToldHowToMend) {
  Refused(absl::StrCat(kText, "unsigned_agreements: \"allow\"\n"), "field/unknown-key", 12);
  EXPECT_THAT(report_.findings()[0].message, HasSubstr("no longer a key"));
  EXPECT_THAT(report_.findings()[0].mend, HasSubstr("signing"));
}

TEST_F(NodeFileTest, AnOfficerIsNamedByFingerprintOrSubject) {
  const auto with = [](absl::string_view who) {
    return absl::StrCat(kText,
                        "signing:\n  anchors: \"anchors.pem\"\n  officers: [{role: \"officer\", "
                        "any_of: [\"",
                        who, "\"]}]\n");
  };
  Refused(with("Jo Doe"), "field/form", 14);
  Refused(with("sha256:0123"), "field/form", 14);
  Place(with("CN=Jo Doe"));
  EXPECT_TRUE(ReadFolder().ok());
}

TEST_F(NodeFileTest, PartnersAreHeldAgainstEachOther) {
  const std::string one = "  - {agency: \"a.example\", anchors: \"anchors.pem\"}\n";
  Refused(absl::StrCat(kText, "partners:\n", one, one), "node/repeated-partner", 14);
  Refused(absl::StrCat(kText, "partners:\n",
                       "  - {agency: \"fsa.ed.example\", anchors: \"anchors.pem\"}\n"),
          "node/own-partner", 13);
  Refused(absl::StrCat(kText, "partners:\n",
                       "  - {agency: \"a.example\", anchors: \"anchors.pem\", issuer: \"CN=I\"}\n"),
          "node/half-binding", 13);
  Refused(absl::StrCat(kText, "partners:\n", "  - {agency: \"a.example\", anchors: \"no.pem\"}\n"),
          "node/missing", 13);
}

TEST_F(NodeFileTest, SettingsOthersMayChangeAreRefused) {
  ASSERT_EQ(chmod(folder_.Path("node.yaml").c_str(), 0664), 0);
  EXPECT_TRUE(absl::IsFailedPrecondition(ReadFolder().status()));
}

TEST_F(NodeFileTest, WhatPartnersCosignedIsNotKeptWithTheJournal) {
  for (const char* within : {"journal", "journal/witness", "keys/../journal/deep/witness"}) {
    Refused(absl::StrCat(kText, "witness: \"", within, "\"\n"), "node/witness-in-journal", 12);
  }
  Place(absl::StrCat(kText, "witness: \"journal-witness\"\n"));
  EXPECT_TRUE(ReadFolder().ok());
}

TEST_F(NodeFileTest, TheMarkOfWhatWasSignedIsNotKeptWithTheJournal) {
  Refused(absl::StrCat(kText, "high_water: \"journal/mark\"\n"), "node/high-water-in-journal", 12);
  Refused(absl::StrCat(kText, "high_water: \"keys/../journal/deep/mark\"\n"),
          "node/high-water-in-journal", 12);
  Place(absl::StrCat(kText, "high_water: \"journal-mark\"\n"));
  EXPECT_TRUE(ReadFolder().ok()) << report_.ToText("");
}

TEST_F(NodeFileTest, AFolderWithoutNodeYamlIsNotFound) {
  policies::Report report;
  EXPECT_TRUE(absl::IsNotFound(ReadNodeFolder(folder_.Path("run"), &report).status()));
}

TEST_F(NodeFileTest, CommittedSchemaIsTheGeneratedOne) {
  const auto committed = ReadText(VOUCH_SOURCE_DIR "/policies/schema/node.schema.json");
  ASSERT_TRUE(committed.ok()) << committed.status();
  EXPECT_EQ(*committed, NodeFileSchema().dump(2) + "\n")
      << "write it anew with: build/bin/vouch-schema policies/schema";
}

TEST_F(NodeFileTest, CryptographyNamesAttributesDerivationsAndSpellingRules) {
  const policies::KnownNames known = NamesOfCrypto();
  EXPECT_THAT(known.attributes, Contains("social_security_number"));
  EXPECT_THAT(known.derivations, Contains("soundex:family_name"));
  EXPECT_THAT(known.derivations, Contains("year:date_of_birth"));
  EXPECT_THAT(known.derivations, ::testing::Not(Contains("year:family_name")));
  EXPECT_THAT(known.spelling_rules, Contains("names/1"));
}

}  // namespace
}  // namespace vouch::server::node
