#include "server/node/epoch_keys.h"

#include <gtest/gtest.h>
#include <sys/stat.h>

#include "absl/strings/str_cat.h"
#include "server/node/folders.h"
#include "tests/harness/process.h"

namespace vouch::server::node {
namespace {

class EpochKeysTest : public ::testing::Test {
 protected:
  std::string Pin() const {
    return crypto::KeyFingerprint(crypto::AsBytes(authority_.PublicDer()));
  }
  std::string Keys() const { return folder_.Path("keys"); }
  std::string Epoch(uint32_t epoch = 1) const { return EpochFolder(Keys(), "a-1", epoch); }

  crypto::SignedStatement Signed(crypto::TokenKind kind, uint32_t epoch = 1,
                                 const std::string& agreement = "a-1") const {
    crypto::EpochStatement statement;
    statement.agreement_id = agreement;
    statement.epoch = epoch;
    statement.kind = kind;
    if (kind == crypto::TokenKind::kKeyedHash) statement.asker = "fsa.ed.example";
    statement.not_before = absl::FromUnixSeconds(1800000000);
    statement.not_after = absl::FromUnixSeconds(1900000000);
    statement.public_key = PublicKeyOf(kind, "a-1", epoch,
                                       crypto::ReadSecretFile(Epoch(epoch) + "/secret.key").value())
                               .value();
    return crypto::SignStatement(statement, authority_);
  }
  void Make(crypto::TokenKind kind, uint32_t epoch = 1) {
    ASSERT_TRUE(CreateEpoch(Keys(), "a-1", epoch).ok());
    ASSERT_TRUE(KeepStatement(Keys(), "a-1", epoch, Signed(kind, epoch)).ok());
  }

  tests::TemporaryFolder folder_;
  crypto::SigningKey authority_ = crypto::SigningKey::Generate(crypto::KeyKind::kP256);
};

TEST_F(EpochKeysTest, ReadsBothKindsByEpoch) {
  Make(crypto::TokenKind::kKeyedHash, 10);
  Make(crypto::TokenKind::kBlind, 9);
  const auto keys = ReadEpochKeys(Keys(), "a-1", Pin());
  ASSERT_TRUE(keys.ok()) << keys.status();
  ASSERT_EQ(keys->size(), 2u);
  EXPECT_EQ((*keys)[0].statement.epoch, 9u);
  EXPECT_EQ((*keys)[1].statement.epoch, 10u);
  EXPECT_EQ((*keys)[1].secret.size(), 32u);
}

TEST_F(EpochKeysTest, AnAgreementWithoutKeysHasNone) {
  const auto keys = ReadEpochKeys(Keys(), "a-1", Pin());
  ASSERT_TRUE(keys.ok());
  EXPECT_TRUE(keys->empty());
}

TEST_F(EpochKeysTest, SkipsWhatIsNotAnnounced) {
  ASSERT_TRUE(CreateEpoch(Keys(), "a-1", 1).ok());
  EXPECT_TRUE(ReadEpochKeys(Keys(), "a-1", Pin())->empty());
}

TEST_F(EpochKeysTest, AnotherAuthorityIsAnErrorThatNamesTheFile) {
  Make(crypto::TokenKind::kBlind);
  const auto keys = ReadEpochKeys(Keys(), "a-1", "sha256:" + std::string(64, '0'));
  EXPECT_TRUE(absl::IsPermissionDenied(keys.status()));
  EXPECT_NE(keys.status().message().find("a-1/1/statement.txt"), absl::string_view::npos);
}

TEST_F(EpochKeysTest, ASecretOfAnotherStatementIsAnError) {
  for (const auto kind : {crypto::TokenKind::kBlind, crypto::TokenKind::kKeyedHash}) {
    const uint32_t epoch = kind == crypto::TokenKind::kBlind ? 1 : 2;
    Make(kind, epoch);
    ASSERT_TRUE(DestroySecret(Keys(), "a-1", epoch).ok());
    ASSERT_TRUE(
        crypto::WriteSecretFile(Epoch(epoch) + "/secret.key", crypto::SecretBytes::Random(32))
            .ok());
    const auto keys = ReadEpochKeys(Keys(), "a-1", Pin());
    EXPECT_TRUE(absl::IsFailedPrecondition(keys.status())) << keys.status();
    ASSERT_TRUE(DestroySecret(Keys(), "a-1", epoch).ok());
  }
}

TEST_F(EpochKeysTest, AStatementInTheWrongFolderIsAnError) {
  ASSERT_TRUE(CreateEpoch(Keys(), "a-1", 1).ok());
  ASSERT_TRUE(CreateEpoch(Keys(), "a-1", 2).ok());
  ASSERT_TRUE(KeepStatement(Keys(), "a-1", 2, Signed(crypto::TokenKind::kBlind, 1)).ok());
  EXPECT_FALSE(ReadEpochKeys(Keys(), "a-1", Pin()).ok());
}

TEST_F(EpochKeysTest, SecretsOpenToOthersAreRefused) {
  Make(crypto::TokenKind::kBlind);
  ASSERT_EQ(chmod((Epoch() + "/secret.key").c_str(), 0640), 0);
  EXPECT_TRUE(absl::IsFailedPrecondition(ReadEpochKeys(Keys(), "a-1", Pin()).status()));
}

TEST_F(EpochKeysTest, DestroyedSecretsLeaveTheStatement) {
  Make(crypto::TokenKind::kBlind);
  ASSERT_TRUE(DestroySecret(Keys(), "a-1", 1).ok());
  const auto keys = ReadEpochKeys(Keys(), "a-1", Pin());
  ASSERT_TRUE(keys.ok());
  ASSERT_EQ(keys->size(), 1u);
  EXPECT_TRUE((*keys)[0].secret.empty());
  EXPECT_TRUE(absl::IsNotFound(DestroySecret(Keys(), "a-1", 1)));
  EXPECT_TRUE(absl::IsAlreadyExists(CreateEpoch(Keys(), "a-1", 1).status()));
}

TEST_F(EpochKeysTest, DestroyingOverwritesTheFileItself) {
  Make(crypto::TokenKind::kBlind);
  const std::string twin = folder_.Path("twin");
  ASSERT_EQ(link((Epoch() + "/secret.key").c_str(), twin.c_str()), 0);
  ASSERT_TRUE(DestroySecret(Keys(), "a-1", 1).ok());
  EXPECT_EQ(ReadText(twin).value(), std::string(65, '0'));
}

TEST_F(EpochKeysTest, KeepsOneStatementPerEpochForEver) {
  Make(crypto::TokenKind::kBlind);
  const auto held = ReadStatementText(ReadText(Epoch() + "/statement.txt").value());
  EXPECT_TRUE(KeepStatement(Keys(), "a-1", 1, *held).ok());
  // ECDSA never makes the same signature twice.
  EXPECT_TRUE(
      absl::IsAlreadyExists(KeepStatement(Keys(), "a-1", 1, Signed(crypto::TokenKind::kBlind))));
}

TEST_F(EpochKeysTest, StatementTextReadsBackAndNothingElseDoes) {
  ASSERT_TRUE(CreateEpoch(Keys(), "a-1", 1).ok());
  const crypto::SignedStatement statement = Signed(crypto::TokenKind::kBlind);
  const std::string text = StatementText(statement);
  const auto read = ReadStatementText(text);
  ASSERT_TRUE(read.ok());
  EXPECT_EQ(read->statement, statement.statement);
  EXPECT_EQ(read->signature, statement.signature);
  EXPECT_EQ(read->public_der, statement.public_der);
  for (const std::string& bad : std::vector<std::string>{
           "", text + "\n", text.substr(1), text.substr(0, text.size() - 1),
           absl::StrCat(" ", text), "statement: \nsignature: QQ==\nauthority: QQ==\n",
           "statement: QR==\nsignature: QQ==\nauthority: QQ==\n"}) {
    EXPECT_FALSE(ReadStatementText(bad).ok()) << bad;
  }
}

TEST_F(EpochKeysTest, UnsignedStatementTextReadsBack) {
  ASSERT_TRUE(CreateEpoch(Keys(), "a-1", 1).ok());
  crypto::EpochStatement statement;
  statement.agreement_id = "a-1";
  const std::string text = UnsignedStatementText(statement);
  EXPECT_EQ(ReadUnsignedStatementText(text).value(), statement.Bytes());
  EXPECT_FALSE(ReadUnsignedStatementText(text + "x").ok());
  EXPECT_FALSE(ReadUnsignedStatementText("x").ok());
}

TEST_F(EpochKeysTest, IdsThatAreNoFolderNamesAreRefused) {
  for (const char* id : {"", "..", ".a", "a/b", "A", "a b", "-a"}) {
    EXPECT_FALSE(CheckAgreementId(id).ok()) << id;
    EXPECT_FALSE(CreateEpoch(Keys(), id, 1).ok()) << id;
    EXPECT_FALSE(ReadEpochKeys(Keys(), id, Pin()).ok()) << id;
  }
  EXPECT_TRUE(CheckAgreementId("fsa-irs-2027-001").ok());
  EXPECT_FALSE(CheckAgreementId(std::string(101, 'a')).ok());
}

}  // namespace
}  // namespace vouch::server::node
