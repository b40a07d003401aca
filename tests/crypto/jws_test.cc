#include "crypto/jws.h"

#include <gtest/gtest.h>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "crypto/base64.h"
#include "crypto/digest.h"

namespace vouch::crypto {
namespace {

constexpr char kPayload[] = R"({"sub":"x","n":1})";

class JwsTest : public testing::Test {
 protected:
  static std::string HeaderOf(const std::string& text) { return Base64Url(AsBytes(text)); }
  std::string KeyId() const { return Hex(Sha256(key_.PublicDer())); }
  // A JWS with any header, signed with the right key.
  std::string SignedWith(const std::string& header) const {
    const std::string good = *SignJws(key_, kReceiptJwsType, kPayload);
    const std::vector<std::string> parts = absl::StrSplit(good, '.');
    return absl::StrCat(HeaderOf(header), ".", parts[1], ".", parts[2]);
  }

  const SigningKey key_ = SigningKey::Generate(KeyKind::kP256);
  const JwsVerifier verifier_ = *JwsVerifier::From(AsBytes(key_.PublicDer()));
};

TEST_F(JwsTest, OpensWhatItSigned) {
  for (int i = 0; i < 300; ++i) {  // r or s begins with a zero byte once in 128
    const std::string jws = *SignJws(key_, kReceiptJwsType, kPayload);
    auto payload = verifier_.Open(jws, kReceiptJwsType);
    ASSERT_TRUE(payload.ok()) << payload.status();
    EXPECT_EQ(*payload, kPayload);
    const std::vector<std::string> parts = absl::StrSplit(jws, '.');
    ASSERT_EQ(parts.size(), 3u);
    EXPECT_EQ(parts[2].size(), 86u);
  }
}

TEST_F(JwsTest, WritesExactlyOneHeader) {
  std::string header;
  const std::string jws = *SignJws(key_, kReceiptJwsType, kPayload);
  ASSERT_TRUE(FromBase64Url(jws.substr(0, jws.find('.')), &header));
  EXPECT_EQ(header,
            absl::StrCat(R"({"alg":"ES256","kid":")", KeyId(), R"(","typ":"vouch-receipt+jws"})"));
}

TEST_F(JwsTest, RefusesEveryOtherHeader) {
  const std::string kid = KeyId();
  for (const std::string& header :
       {std::string(R"({"alg":"none"})"), std::string("{}"), std::string(),
        absl::StrCat(R"({"alg":"none","kid":")", kid, R"(","typ":"vouch-receipt+jws"})"),
        absl::StrCat(R"({"alg":"HS256","kid":")", kid, R"(","typ":"vouch-receipt+jws"})"),
        absl::StrCat(R"({"alg":"ES256","typ":"vouch-receipt+jws"})"),
        absl::StrCat(R"({"alg":"ES256","kid":")", kid, R"(","typ":"JWT"})"),
        absl::StrCat(R"({"alg":"ES256","kid":")", kid,
                     R"(","typ":"vouch-receipt+jws","b64":false})"),
        absl::StrCat(R"({"alg":"ES256", "kid":")", kid, R"(","typ":"vouch-receipt+jws"})"),
        absl::StrCat(R"({"alg":"ES256","kid":")", std::string(64, '0'),
                     R"(","typ":"vouch-receipt+jws"})")}) {
    EXPECT_FALSE(verifier_.Open(SignedWith(header), kReceiptJwsType).ok()) << header;
  }
}

TEST_F(JwsTest, RefusesAnotherTypeAndAnotherKey) {
  const std::string jws = *SignJws(key_, kReceiptJwsType, kPayload);
  EXPECT_FALSE(verifier_.Open(jws, "JWT").ok());
  EXPECT_FALSE(verifier_.Open(jws, "").ok());
  const SigningKey other = SigningKey::Generate(KeyKind::kP256);
  EXPECT_FALSE(JwsVerifier::From(AsBytes(other.PublicDer()))->Open(jws, kReceiptJwsType).ok());
}

TEST_F(JwsTest, SeesEveryChange) {
  const std::string jws = *SignJws(key_, kReceiptJwsType, kPayload);
  for (size_t i = 0; i < jws.size(); ++i) {
    std::string bent = jws;
    bent[i] = bent[i] == 'A' ? 'B' : 'A';
    EXPECT_FALSE(verifier_.Open(bent, kReceiptJwsType).ok()) << i;
    EXPECT_FALSE(verifier_.Open(jws.substr(0, i), kReceiptJwsType).ok()) << i;
    EXPECT_FALSE(
        verifier_.Open(absl::StrCat(jws.substr(0, i), ".", jws.substr(i)), kReceiptJwsType).ok())
        << i;
  }
  for (const std::string& bad : {jws + "=", jws + "\n", " " + jws, jws + ".", "." + jws}) {
    EXPECT_FALSE(verifier_.Open(bad, kReceiptJwsType).ok());
  }
}

TEST_F(JwsTest, RefusesSignaturesThatAreNotRawRAndS) {
  const std::string jws = *SignJws(key_, kReceiptJwsType, kPayload);
  const std::string signed_part = jws.substr(0, jws.rfind('.'));
  const std::string der = key_.Sign(AsBytes(signed_part));
  for (const std::string& signature : {der, std::string(64, '\0'), std::string(64, '\xff'),
                                       std::string(63, 'a'), std::string(65, 'a'), std::string()}) {
    EXPECT_FALSE(
        verifier_
            .Open(absl::StrCat(signed_part, ".", Base64Url(AsBytes(signature))), kReceiptJwsType)
            .ok());
  }
}

TEST_F(JwsTest, SignsAndVerifiesWithP256Only) {
  for (KeyKind kind : {KeyKind::kEd25519, KeyKind::kRsa}) {
    const SigningKey other = SigningKey::Generate(kind);
    EXPECT_FALSE(SignJws(other, kReceiptJwsType, kPayload).ok());
    EXPECT_FALSE(JwsVerifier::From(AsBytes(other.PublicDer())).ok());
  }
  EXPECT_FALSE(JwsVerifier::From({}).ok());
}

TEST_F(JwsTest, RefusesTypesThatWouldBreakTheHeaderAndWhatIsTooLarge) {
  for (const char* type : {"", "a\"b", "a b", "a\\", "a\n"}) {
    EXPECT_FALSE(SignJws(key_, type, kPayload).ok());
  }
  EXPECT_FALSE(SignJws(key_, kReceiptJwsType, std::string(kLargestJws, 'x')).ok());
  EXPECT_FALSE(verifier_.Open(std::string(kLargestJws + 1, 'x'), kReceiptJwsType).ok());
  EXPECT_EQ(*verifier_.Open(*SignJws(key_, kReceiptJwsType, ""), kReceiptJwsType), "");
}

}  // namespace
}  // namespace vouch::crypto
