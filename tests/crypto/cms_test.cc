#include "crypto/cms.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <cstdlib>
#include <fstream>
#include <iterator>

#include "crypto/certificate.h"
#include "crypto/certificate_pem.h"
#include "crypto/openssl_handles.h"
#include "tests/crypto/authority.h"

namespace vouch::crypto {
namespace {

constexpr RawSecretAccess kRaw;

const IssuedCertificate& Recipient(KeyKind kind) {
  static const auto* const p256 =
      new IssuedCertificate(TestAuthority("Authority").Issue(LeafRequest("a.example")));
  static const auto* const rsa = new IssuedCertificate(
      TestAuthority("Authority").Issue(LeafRequest("a.example"), KeyKind::kRsa));
  return kind == KeyKind::kRsa ? *rsa : *p256;
}

std::string DerOf(const std::string& pem) {
  const BioPtr in(BIO_new_mem_buf(pem.data(), static_cast<int>(pem.size())));
  const CmsPtr cms(PEM_read_bio_CMS(in.get(), nullptr, nullptr, nullptr));
  const BioPtr out(BIO_new(BIO_s_mem()));
  i2d_CMS_bio(out.get(), cms.get());
  return TextOf(out.get());
}

class CmsTest : public ::testing::TestWithParam<KeyKind> {
 protected:
  void SetUp() override {
    std::string name = ::testing::TempDir() + "vouch-cms-XXXXXX";
    ASSERT_NE(mkdtemp(&name[0]), nullptr);
    folder_ = name;
  }
  void TearDown() override {
    for (const char* name : {"cert", "key", "plain", "enveloped", "out", "errors"}) {
      unlink(Path(name).c_str());
    }
    rmdir(folder_.c_str());
  }
  std::string Path(const std::string& name) const { return folder_ + "/" + name; }
  void Write(const std::string& name, absl::string_view text) const {
    std::ofstream(Path(name), std::ios::binary) << text;
  }
  std::string Read(const std::string& name) const {
    std::ifstream file(Path(name), std::ios::binary);
    return std::string(std::istreambuf_iterator<char>(file), {});
  }
  bool Openssl(const std::string& arguments) const {
    return std::system(("cd '" + folder_ + "' && openssl " + arguments + " 2>errors").c_str()) == 0;
  }
  const IssuedCertificate& recipient() const { return Recipient(GetParam()); }
  absl::StatusOr<SecretBytes> Open(absl::string_view enveloped) const {
    return DecryptWith(recipient().certificate_pem, recipient().key, enveloped);
  }

  std::string folder_;
};
INSTANTIATE_TEST_SUITE_P(P256AndRsa, CmsTest, ::testing::Values(KeyKind::kP256, KeyKind::kRsa));

TEST_P(CmsTest, OpensWhatItSealedInPemAndDer) {
  for (size_t size : {0, 1, 16, 32, 5000}) {
    const SecretBytes plain = SecretBytes::Random(size);
    const auto sealed = EncryptFor(recipient().certificate_pem, plain);
    ASSERT_TRUE(sealed.ok()) << sealed.status();
    EXPECT_EQ(sealed->rfind("-----BEGIN CMS-----", 0), 0u);
    for (const std::string& form : {*sealed, DerOf(*sealed)}) {
      const auto opened = Open(form);
      ASSERT_TRUE(opened.ok()) << opened.status();
      EXPECT_TRUE(*opened == plain);
    }
  }
}

TEST_P(CmsTest, OpensslCommandOpensWhatItSealed) {
  const SecretBytes plain = SecretBytes::Random(32);
  Write("cert", recipient().certificate_pem);
  Write("key", recipient().key.ToPem(kRaw));
  Write("enveloped", *EncryptFor(recipient().certificate_pem, plain));
  ASSERT_TRUE(
      Openssl("cms -decrypt -binary -inform PEM -in enveloped -recip cert -inkey key "
              "-out out"))
      << Read("errors");
  EXPECT_TRUE(Read("out") == AsText(plain.bytes(kRaw)));
}

TEST_P(CmsTest, OpensWhatTheOpensslCommandSealed) {
  const SecretBytes plain = SecretBytes::Random(32);
  Write("cert", recipient().certificate_pem);
  Write("plain", AsText(plain.bytes(kRaw)));
  for (const char* form : {"PEM", "DER"}) {
    ASSERT_TRUE(Openssl(absl::StrCat("cms -encrypt -aes256 -binary -in plain -outform ", form,
                                     " -out enveloped cert")))
        << Read("errors");
    const auto opened = Open(Read("enveloped"));
    ASSERT_TRUE(opened.ok()) << opened.status();
    EXPECT_TRUE(*opened == plain);
  }
}

TEST_P(CmsTest, UsesAes256AndSha256Throughout) {
  Write("enveloped", *EncryptFor(recipient().certificate_pem, SecretBytes::Random(32)));
  ASSERT_TRUE(Openssl("cms -cmsout -print -noout -inform PEM -in enveloped >out"));
  const std::string text = Read("out");
  EXPECT_NE(text.find("aes-256-cbc"), std::string::npos);
  EXPECT_EQ(text.find("sha1"), std::string::npos);
  EXPECT_NE(text.find(GetParam() == KeyKind::kRsa ? "rsaesOaep" : "sha256kdf"), std::string::npos);
}

TEST_P(CmsTest, RefusesAnotherRecipientOrKey) {
  const auto sealed = EncryptFor(recipient().certificate_pem, SecretBytes::Random(32));
  const IssuedCertificate other =
      TestAuthority("Authority").Issue(LeafRequest("a.example"), GetParam());
  const auto code = [&](const std::string& certificate, const SigningKey& key) {
    return DecryptWith(certificate, key, *sealed).status().code();
  };
  EXPECT_EQ(code(other.certificate_pem, other.key), absl::StatusCode::kInvalidArgument);
  EXPECT_EQ(code(recipient().certificate_pem, other.key), absl::StatusCode::kInvalidArgument);
  EXPECT_EQ(code(other.certificate_pem, recipient().key), absl::StatusCode::kInvalidArgument);
}

TEST_P(CmsTest, RefusesEveryCutAndNeverYieldsTheSecretFromAlteredContent) {
  const SecretBytes plain = SecretBytes::Random(32);
  const std::string der = DerOf(*EncryptFor(recipient().certificate_pem, plain));
  for (size_t size = 0; size < der.size(); ++size) {
    EXPECT_EQ(Open(absl::string_view(der).substr(0, size)).status().code(),
              absl::StatusCode::kInvalidArgument)
        << "cut at " << size;
  }
  // The last 48 bytes are the content: 32 bytes and a block of padding.
  for (size_t i = 0; i < der.size(); ++i) {
    std::string altered = der;
    altered[i] = static_cast<char>(altered[i] ^ 4);
    const auto opened = Open(altered);
    if (i < der.size() - 48) continue;
    EXPECT_FALSE(opened.ok() && *opened == plain) << "byte " << i;
  }
}

TEST_P(CmsTest, RefusesWhatIsNoEnvelope) {
  EXPECT_FALSE(Open(absl::string_view()).ok());
  EXPECT_EQ(Open("").status().code(), absl::StatusCode::kInvalidArgument);
  EXPECT_FALSE(Open("text").ok());
  EXPECT_FALSE(Open("-----BEGIN CMS-----\nAAAA\n-----END CMS-----\n").ok());
  EXPECT_FALSE(Open(recipient().certificate_pem).ok());
  EXPECT_FALSE(Open(std::string((size_t{1} << 20) + 1, 'x')).ok());
  Write("plain", "text");
  Write("cert", recipient().certificate_pem);
  Write("key", recipient().key.ToPem(kRaw));
  ASSERT_TRUE(Openssl("cms -sign -binary -in plain -signer cert -inkey key -outform DER -out out"));
  EXPECT_FALSE(Open(Read("out")).ok());
}

TEST(EncryptForTest, RefusesKeysAndCertificatesThatCannotBeEncryptedTo) {
  const TestAuthority authority("Authority");
  const SecretBytes plain = SecretBytes::Random(32);
  const auto code = [&](const std::string& pem) { return EncryptFor(pem, plain).status().code(); };
  EXPECT_EQ(code(authority.Issue(LeafRequest("a.example"), KeyKind::kEd25519).certificate_pem),
            absl::StatusCode::kInvalidArgument);
  EXPECT_EQ(code(authority.pem()), absl::StatusCode::kInvalidArgument);
  EXPECT_EQ(code(""), absl::StatusCode::kInvalidArgument);
  EXPECT_EQ(code("text"), absl::StatusCode::kInvalidArgument);
}

}  // namespace
}  // namespace vouch::crypto
