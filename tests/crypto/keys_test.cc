#include "crypto/keys.h"

#include <gtest/gtest.h>
#include <openssl/evp.h>
#include <openssl/pem.h>

#include "crypto/digest.h"
#include "crypto/openssl_handles.h"
#include "tests/crypto/vector_file.h"

namespace vouch::crypto {
namespace {

constexpr RawSecretAccess kRaw;

class SigningKeyTest : public ::testing::TestWithParam<KeyKind> {};
INSTANTIATE_TEST_SUITE_P(EveryKind, SigningKeyTest,
                         ::testing::Values(KeyKind::kP256, KeyKind::kEd25519, KeyKind::kRsa));

TEST_P(SigningKeyTest, VerifiesWhatItSigned) {
  const SigningKey key = SigningKey::Generate(GetParam());
  EXPECT_EQ(key.kind(), GetParam());
  for (const std::string& message : {std::string(), std::string("text"), std::string(5000, 'm')}) {
    EXPECT_TRUE(VerifySignature(AsBytes(key.PublicDer()), AsBytes(message),
                                AsBytes(key.Sign(AsBytes(message))))
                    .ok());
  }
}

TEST_P(SigningKeyTest, SurvivesPem) {
  const SigningKey key = SigningKey::Generate(GetParam());
  const std::string pem = key.ToPem(kRaw);
  EXPECT_EQ(pem.rfind("-----BEGIN PRIVATE KEY-----\n", 0), 0u);
  const auto read = SigningKey::FromPem(pem);
  ASSERT_TRUE(read.ok()) << read.status();
  EXPECT_EQ(read->kind(), GetParam());
  EXPECT_EQ(read->PublicDer(), key.PublicDer());
}

TEST_P(SigningKeyTest, RefusesAlteredMessageSignatureOrKey) {
  const SigningKey key = SigningKey::Generate(GetParam());
  const SigningKey other = SigningKey::Generate(GetParam());
  const std::string der = key.PublicDer();
  const std::string signature = key.Sign(AsBytes("text"));
  const auto verify = [](absl::string_view public_der, absl::string_view message,
                         absl::string_view sig) {
    return VerifySignature(AsBytes(public_der), AsBytes(message), AsBytes(sig)).code();
  };
  EXPECT_NE(verify(der, "text", {}), absl::StatusCode::kOk);
  EXPECT_NE(verify(der, {}, signature), absl::StatusCode::kOk);
  EXPECT_EQ(VerifySignature(AsBytes(der), {}, AsBytes(key.Sign({}))), absl::OkStatus());
  EXPECT_EQ(verify(der, "texT", signature), absl::StatusCode::kInvalidArgument);
  EXPECT_EQ(verify(der, "", signature), absl::StatusCode::kInvalidArgument);
  EXPECT_EQ(verify(other.PublicDer(), "text", signature), absl::StatusCode::kInvalidArgument);
  for (size_t i = 0; i < signature.size() * 8; ++i) {
    std::string altered = signature;
    altered[i / 8] = static_cast<char>(altered[i / 8] ^ (1 << i % 8));
    EXPECT_NE(verify(der, "text", altered), absl::StatusCode::kOk) << "bit " << i;
  }
  for (size_t size = 0; size < signature.size(); ++size) {
    EXPECT_NE(verify(der, "text", absl::string_view(signature).substr(0, size)),
              absl::StatusCode::kOk);
  }
  EXPECT_NE(verify(der, "text", signature + '\0'), absl::StatusCode::kOk);
  for (size_t i = 0; i < der.size() * 8; ++i) {
    std::string altered = der;
    altered[i / 8] = static_cast<char>(altered[i / 8] ^ (1 << i % 8));
    EXPECT_NE(verify(altered, "text", signature), absl::StatusCode::kOk) << "bit " << i;
  }
  for (size_t size = 0; size < der.size(); ++size) {
    EXPECT_NE(verify(absl::string_view(der).substr(0, size), "text", signature),
              absl::StatusCode::kOk);
  }
  EXPECT_NE(verify(der + '\0', "text", signature), absl::StatusCode::kOk);
}

TEST(SigningKeyRefusalTest, RefusesWhatIsNoKey) {
  EXPECT_FALSE(SigningKey::FromPem(absl::string_view()).ok());
  EXPECT_FALSE(PublicKey::FromDer({}).ok());
  EXPECT_EQ(SigningKey::FromPem("").status().code(), absl::StatusCode::kInvalidArgument);
  EXPECT_FALSE(SigningKey::FromPem("-----BEGIN PRIVATE KEY-----\nAAAA\n").ok());
  const std::string pem = SigningKey::Generate(KeyKind::kP256).ToPem(kRaw);
  for (size_t size = 0; size + 27 < pem.size(); size += 7) {
    EXPECT_FALSE(SigningKey::FromPem(absl::string_view(pem).substr(0, size)).ok());
  }
}

std::string PemOf(EVP_PKEY* key, const EVP_CIPHER* cipher) {
  const BioPtr bio(BIO_new(BIO_s_mem()));
  char passphrase[] = "passphrase";
  PEM_write_bio_PKCS8PrivateKey(bio.get(), key, cipher, passphrase, 10, nullptr, nullptr);
  char* text = nullptr;
  const long size = BIO_get_mem_data(bio.get(), &text);
  return std::string(text, static_cast<size_t>(size));
}

TEST(SigningKeyRefusalTest, RefusesAnEncryptedKeyWithoutAskingForAPassphrase) {
  const KeyPtr key(EVP_EC_gen("P-256"));
  EXPECT_EQ(SigningKey::FromPem(PemOf(key.get(), EVP_aes_256_cbc())).status().code(),
            absl::StatusCode::kInvalidArgument);
}

TEST(SigningKeyRefusalTest, RefusesOtherCurvesAndShortRsa) {
  for (const KeyPtr& key :
       {KeyPtr(EVP_EC_gen("P-384")), KeyPtr(EVP_EC_gen("secp256k1")), KeyPtr(EVP_RSA_gen(1024)),
        KeyPtr(EVP_PKEY_Q_keygen(nullptr, nullptr, "X25519"))}) {
    ASSERT_NE(key, nullptr);
    EXPECT_EQ(SigningKey::FromPem(PemOf(key.get(), nullptr)).status().code(),
              absl::StatusCode::kInvalidArgument);
    unsigned char* der = nullptr;
    const int size = i2d_PUBKEY(key.get(), &der);
    const OpensslBytesPtr owner(der);
    EXPECT_FALSE(PublicKey::FromDer(ByteSpan(der, static_cast<size_t>(size))).ok());
  }
}

TEST(PublicKeyTest, AgreesWithEveryWycheproofCase) {
  const auto cases = ReadVectors("ecdsa_p256_sha256.txt", 7);
  ASSERT_EQ(cases.size(), 484u);
  for (const auto& c : cases) {
    const absl::Status status = VerifySignature(
        AsBytes(FromHexText(c[3])), AsBytes(FromHexText(c[4])), AsBytes(FromHexText(c[5])));
    EXPECT_EQ(status.ok(), c[1] == "valid") << "tcId " << c[0] << ": " << c[6];
  }
}

TEST(PublicKeyTest, VerifiesThePublishedEd25519Signature) {
  // RFC 8032, section 7.1, test 2; the key wrapped as RFC 8410 says.
  const std::string der = FromHexText(
      "302a300506032b6570032100"
      "3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c");
  const std::string signature = FromHexText(
      "92a009a9f0d4cab8720e820b5f642540a2b27b5416503f8fb3762223ebdb69da"
      "085ac1e43e15996e458f3613d0f11d8c387b2eaeb4302aeeb00d291612bb0c00");
  EXPECT_TRUE(VerifySignature(AsBytes(der), AsBytes(FromHexText("72")), AsBytes(signature)).ok());
  EXPECT_FALSE(VerifySignature(AsBytes(der), AsBytes(FromHexText("73")), AsBytes(signature)).ok());
}

TEST(PublicKeyTest, RefusesTheSameKeyInAnotherEncoding) {
  const SigningKey key = SigningKey::Generate(KeyKind::kP256);
  const std::string der = key.PublicDer();
  // The outer length in its two-byte form: BER, not DER.
  const std::string ber = std::string("\x30\x81", 2) + der.substr(1);
  EXPECT_FALSE(PublicKey::FromDer(AsBytes(ber)).ok());
}

TEST(PublicKeyTest, RefusesCompressedAndHybridPoints) {
  for (const char* format : {"compressed", "hybrid"}) {
    const KeyPtr key(EVP_EC_gen("P-256"));
    ASSERT_EQ(EVP_PKEY_set_utf8_string_param(key.get(), "point-format", format), 1);
    unsigned char* der = nullptr;
    const int size = i2d_PUBKEY(key.get(), &der);
    const OpensslBytesPtr owner(der);
    EXPECT_FALSE(PublicKey::FromDer(ByteSpan(der, static_cast<size_t>(size))).ok()) << format;
    const auto read = SigningKey::FromPem(PemOf(key.get(), nullptr));
    ASSERT_TRUE(read.ok()) << read.status();
    EXPECT_TRUE(PublicKey::FromDer(AsBytes(read->PublicDer())).ok()) << format;
  }
}

TEST(KeyFingerprintTest, IsTheDigestOfTheSubjectPublicKeyInfo) {
  EXPECT_EQ(KeyFingerprint(AsBytes("abc")),
            "sha256:ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
}

}  // namespace
}  // namespace vouch::crypto
