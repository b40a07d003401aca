#include "crypto/token.h"

#include <gtest/gtest.h>

#include <set>

namespace vouch::crypto {
namespace {

EpochStatement BlindStatement() {
  EpochStatement statement;
  statement.agreement_id = "fsa-irs-2027-001";
  statement.epoch = 3;
  statement.kind = TokenKind::kBlind;
  statement.public_key = std::string("\x02") + std::string(32, 'p');
  statement.not_before = absl::FromUnixSeconds(1800000000);
  statement.not_after = absl::FromUnixSeconds(1810000000);
  return statement;
}

EpochStatement KeyedHashStatement() {
  EpochStatement statement = BlindStatement();
  statement.kind = TokenKind::kKeyedHash;
  statement.asker = "fsa.ed.example";
  statement.public_key = std::string(32, 'd');
  return statement;
}

const SigningKey& Authority() {
  static const auto* const key = new SigningKey(SigningKey::Generate(KeyKind::kP256));
  return *key;
}
std::string Pin() { return KeyFingerprint(AsBytes(Authority().PublicDer())); }

TEST(KeyedHashTest, IsHmacOfTheInput) {
  const SecretBytes key = SecretBytes::CopyOf(AsBytes("key"));
  EXPECT_TRUE(KeyedHash(key).Make(AsBytes("input")) ==
              HmacSha256(AsBytes("key"), AsBytes("input")));
  EXPECT_FALSE(IsZero(KeyedHash(key).Make({})));
  EXPECT_TRUE(IsZero(Token{}));
}

TEST(EpochStatementTest, HasTheDocumentedBytes) {
  EpochStatement statement = BlindStatement();
  statement.asker = "a";
  statement.public_key = "k";
  EXPECT_EQ(Hex(AsBytes(statement.Bytes())),
            "00000017"
            "766f7563682d65706f63682d73746174656d656e742f31"
            "02"
            "00000010"
            "6673612d6972732d323032372d303031"
            "00000003"
            "00000001"
            "61"
            "00000001"
            "6b"
            "000000006b49d200"
            "000000006be26880");
}

TEST(EpochStatementTest, OpensUnderItsAuthority) {
  for (const EpochStatement& statement : {BlindStatement(), KeyedHashStatement()}) {
    const auto opened = OpenStatement(SignStatement(statement, Authority()), Pin());
    ASSERT_TRUE(opened.ok()) << opened.status();
    EXPECT_EQ(opened->agreement_id, statement.agreement_id);
    EXPECT_EQ(opened->epoch, statement.epoch);
    EXPECT_EQ(opened->kind, statement.kind);
    EXPECT_EQ(opened->asker, statement.asker);
    EXPECT_EQ(opened->public_key, statement.public_key);
    EXPECT_EQ(opened->not_before, statement.not_before);
    EXPECT_EQ(opened->not_after, statement.not_after);
  }
}

TEST(EpochStatementTest, OpensUnderAnEd25519Authority) {
  const SigningKey authority = SigningKey::Generate(KeyKind::kEd25519);
  EXPECT_TRUE(OpenStatement(SignStatement(BlindStatement(), authority),
                            KeyFingerprint(AsBytes(authority.PublicDer())))
                  .ok());
}

TEST(EpochStatementTest, RefusesAnotherAuthority) {
  const SigningKey other = SigningKey::Generate(KeyKind::kP256);
  SignedStatement forged = SignStatement(BlindStatement(), other);
  EXPECT_EQ(OpenStatement(forged, Pin()).status().code(), absl::StatusCode::kPermissionDenied);
  // The pinned authority's key over the other's signature.
  forged.public_der = Authority().PublicDer();
  EXPECT_EQ(OpenStatement(forged, Pin()).status().code(), absl::StatusCode::kPermissionDenied);
  EXPECT_EQ(OpenStatement(SignStatement(BlindStatement(), Authority()), "").status().code(),
            absl::StatusCode::kPermissionDenied);
}

TEST(EpochStatementTest, RefusesEveryFlippedBit) {
  const SignedStatement good = SignStatement(BlindStatement(), Authority());
  for (size_t i = 0; i < good.statement.size() * 8; ++i) {
    SignedStatement altered = good;
    altered.statement[i / 8] = static_cast<char>(altered.statement[i / 8] ^ (1 << i % 8));
    EXPECT_EQ(OpenStatement(altered, Pin()).status().code(), absl::StatusCode::kPermissionDenied);
  }
}

absl::StatusCode OpenBytes(const std::string& bytes) {
  SignedStatement signed_statement;
  signed_statement.statement = bytes;
  signed_statement.signature = Authority().Sign(AsBytes(bytes));
  signed_statement.public_der = Authority().PublicDer();
  return OpenStatement(signed_statement, Pin()).status().code();
}

TEST(EpochStatementTest, RefusesMalformedBytesThoughSigned) {
  const std::string good = BlindStatement().Bytes();
  ASSERT_EQ(OpenBytes(good), absl::StatusCode::kOk);
  for (size_t size = 0; size < good.size(); ++size) {
    EXPECT_EQ(OpenBytes(good.substr(0, size)), absl::StatusCode::kInvalidArgument) << size;
  }
  EXPECT_EQ(OpenBytes(good + '\0'), absl::StatusCode::kInvalidArgument);
  std::string other_label = good;
  other_label[26] = '2';
  EXPECT_EQ(OpenBytes(other_label), absl::StatusCode::kInvalidArgument);
}

TEST(EpochStatementTest, RefusesFieldsOutOfBoundsThoughSigned) {
  const auto refused = [](void (*change)(EpochStatement*), EpochStatement statement) {
    change(&statement);
    return OpenBytes(statement.Bytes()) == absl::StatusCode::kInvalidArgument;
  };
  using S = EpochStatement;
  EXPECT_TRUE(refused([](S* s) { s->kind = static_cast<TokenKind>(3); }, BlindStatement()));
  EXPECT_TRUE(refused([](S* s) { s->agreement_id.clear(); }, BlindStatement()));
  EXPECT_TRUE(refused([](S* s) { s->asker = "fsa.ed.example"; }, BlindStatement()));
  EXPECT_TRUE(refused([](S* s) { s->public_key.pop_back(); }, BlindStatement()));
  EXPECT_TRUE(refused([](S* s) { s->public_key[0] = 4; }, BlindStatement()));
  EXPECT_TRUE(refused([](S* s) { s->not_after = s->not_before; }, BlindStatement()));
  EXPECT_TRUE(refused([](S* s) { s->not_before = absl::FromUnixSeconds(-1); }, BlindStatement()));
  EXPECT_TRUE(refused([](S* s) { s->not_after = absl::InfiniteFuture(); }, BlindStatement()));
  EXPECT_TRUE(refused([](S* s) { s->asker.clear(); }, KeyedHashStatement()));
  EXPECT_TRUE(refused([](S* s) { s->public_key += 'd'; }, KeyedHashStatement()));
}

TEST(OprfKeyInfoTest, TellsAgreementsAndEpochsApart) {
  EXPECT_EQ(Hex(AsBytes(OprfKeyInfo("a", 1))),
            "00000010"
            "766f7563682d6f7072662d6b65792f31"
            "00000001"
            "61"
            "00000001");
  const std::set<std::string> infos = {OprfKeyInfo("a", 1), OprfKeyInfo("a", 2),
                                       OprfKeyInfo("b", 1), OprfKeyInfo("", 1)};
  EXPECT_EQ(infos.size(), 4u);
}

}  // namespace
}  // namespace vouch::crypto
