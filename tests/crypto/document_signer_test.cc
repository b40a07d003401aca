#include "crypto/document_signer.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdlib>
#include <filesystem>
#include <map>

#include "crypto/signed_message.h"
#include "tests/crypto/officers.h"

namespace vouch::crypto {
namespace {

using ::testing::HasSubstr;

constexpr RawSecretAccess kRaw;
constexpr absl::string_view kText = "agreed";
constexpr char kTokenLibrary[] = "/usr/lib/softhsm/libsofthsm2.so";

void ExpectSigns(const DocumentSigner& signer) {
  const auto message = SignDetached(signer, kText, TestNow());
  ASSERT_TRUE(message.ok()) << message.status();
  const auto signers = ReadSigners(*message, kText);
  ASSERT_TRUE(signers.ok()) << signers.status();
  EXPECT_TRUE((*signers)[0].fits.ok()) << (*signers)[0].fits;
}

class DocumentSignerTest : public ::testing::TestWithParam<KeyKind> {
 protected:
  DocumentSignerTest() {
    folder_.Write("cert", officer_.certificate_pem);
    folder_.Write("key", officer_.key.ToPem(kRaw));
    folder_.Write("authority", authority_.pem());
  }
  const TestAuthority authority_{"Authority"};
  const IssuedCertificate officer_ = authority_.Issue(OfficerRequest("Jo Doe"), GetParam());
  OpensslFolder folder_;
};
INSTANTIATE_TEST_SUITE_P(P256AndRsa, DocumentSignerTest,
                         ::testing::Values(KeyKind::kP256, KeyKind::kRsa));

TEST_P(DocumentSignerTest, OpensPemWithAndWithoutAPassword) {
  ExpectSigns(SignerOf(officer_));
  folder_.Openssl("pkcs8 -topk8 -v2 aes-256-cbc -in key -out locked -passout pass:secret");
  const std::string locked = folder_.Read("locked");
  const auto opened = DocumentSigner::FromPem(locked, "secret", officer_.certificate_pem);
  ASSERT_TRUE(opened.ok()) << opened.status();
  EXPECT_EQ(opened->certificate().subject, "CN=Jo Doe");
  ExpectSigns(*opened);
  for (const char* wrong : {"", "other"}) {
    EXPECT_TRUE(absl::IsUnauthenticated(
        DocumentSigner::FromPem(locked, wrong, officer_.certificate_pem).status()))
        << wrong;
  }
}

TEST_P(DocumentSignerTest, OpensPkcs12WithItsChain) {
  folder_.Openssl(
      "pkcs12 -export -inkey key -in cert -certfile authority -out p12 -passout pass:secret");
  const auto opened = DocumentSigner::FromPkcs12(folder_.Read("p12"), "secret");
  ASSERT_TRUE(opened.ok()) << opened.status();
  EXPECT_THAT(opened->certificates_pem(), HasSubstr(authority_.pem().substr(30, 60)));
  ExpectSigns(*opened);
  for (const char* wrong : {"", "other"}) {
    EXPECT_TRUE(
        absl::IsUnauthenticated(DocumentSigner::FromPkcs12(folder_.Read("p12"), wrong).status()));
  }
  EXPECT_TRUE(
      absl::IsInvalidArgument(DocumentSigner::FromPkcs12("no such thing", "secret").status()));
}

TEST_P(DocumentSignerTest, RefusesWhatDoesNotBelongTogether) {
  const IssuedCertificate other = authority_.Issue(OfficerRequest("Other"), GetParam());
  EXPECT_THAT(DocumentSigner::FromPem(other.key.ToPem(kRaw), "", officer_.certificate_pem)
                  .status()
                  .message(),
              HasSubstr("not the certificate's"));
  EXPECT_TRUE(absl::IsInvalidArgument(
      DocumentSigner::FromPem("nothing", "", officer_.certificate_pem).status()));
  EXPECT_TRUE(absl::IsInvalidArgument(
      DocumentSigner::FromPem(officer_.key.ToPem(kRaw), "", "nothing").status()));
}

TEST_P(DocumentSignerTest, RefusesACertificateForTls) {
  const IssuedCertificate tls = authority_.Issue(LeafRequest("a.example"), GetParam());
  EXPECT_TRUE(absl::IsPermissionDenied(
      DocumentSigner::FromPem(tls.key.ToPem(kRaw), "", tls.certificate_pem).status()));
}

TEST(DocumentSignerKindTest, RefusesEd25519) {
  const TestAuthority authority("Authority");
  const IssuedCertificate officer = authority.Issue(OfficerRequest("Jo"), KeyKind::kEd25519);
  EXPECT_THAT(DocumentSigner::FromPem(officer.key.ToPem(kRaw), "", officer.certificate_pem)
                  .status()
                  .message(),
              HasSubstr("P-256"));
}

// A software token, made and used as an officer's card is: the key never leaves it. One test, as
// the token's library keeps the folder it began with for the rest of the process.
class SmartCardTest : public ::testing::Test {
 protected:
  void SetUp() override {
    ASSERT_TRUE(std::filesystem::exists(kTokenLibrary))
        << "deploy/prepare tests installs softhsm2, opensc and libengine-pkcs11-openssl";
    std::filesystem::create_directories(folder_.Path("tokens"));
    folder_.Write("softhsm2.conf", absl::StrCat("directories.tokendir = ", folder_.Path("tokens"),
                                                "\nobjectstore.backend = file\n"));
    setenv("SOFTHSM2_CONF", folder_.Path("softhsm2.conf").c_str(), 1);
    Do({"/usr/bin/softhsm2-util", "--init-token", "--free", "--label", "officer", "--so-pin",
        "9876", "--pin", "1234"});
  }
  // The officer's key and certificate, under `id` on the token; the certificate alone comes back.
  std::string Put(KeyKind kind, const std::string& name, const std::string& id) const {
    const IssuedCertificate officer = authority_.Issue(OfficerRequest(name), kind);
    folder_.Write("key", officer.key.ToPem(kRaw));
    folder_.Write("cert", officer.certificate_pem);
    folder_.Openssl("pkcs8 -topk8 -nocrypt -in key -out key.p8");
    folder_.Openssl("x509 -in cert -outform DER -out cert.der");
    Do({"/usr/bin/softhsm2-util", "--import", folder_.Path("key.p8"), "--token", "officer",
        "--label", name, "--id", id, "--pin", "1234"});
    Do({"/usr/bin/pkcs11-tool", "--module", kTokenLibrary, "--token-label", "officer", "--login",
        "--pin", "1234", "--write-object", folder_.Path("cert.der"), "--type", "cert", "--id", id,
        "--label", name});
    return officer.certificate_pem;
  }
  void Do(std::vector<std::string> argv) const {
    const tests::ProcessResult done = folder_.Run(std::move(argv));
    ASSERT_EQ(done.exit_code, 0) << done.out << done.err;
  }
  static absl::StatusCode Code(const std::string& uri, const std::string& pin,
                               const std::string& module = kTokenLibrary) {
    return DocumentSigner::FromPkcs11(uri, pin, module, "").status().code();
  }

  const TestAuthority authority_{"Authority"};
  OpensslFolder folder_;
};

TEST_F(SmartCardTest, SignsWithAKeyThatNeverLeavesTheCard) {
  const std::map<std::string, std::pair<KeyKind, std::string>> cards = {
      {"02", {KeyKind::kP256, "Curve"}}, {"03", {KeyKind::kRsa, "Modulus"}}};
  std::map<std::string, std::string> certificates;
  for (const auto& [id, card] : cards) certificates[id] = Put(card.first, card.second, id);

  EXPECT_EQ(Code("card", "1234"), absl::StatusCode::kInvalidArgument);
  EXPECT_EQ(Code("pkcs11:token=officer;id=%02", "9999"), absl::StatusCode::kUnauthenticated);
  EXPECT_EQ(Code("pkcs11:token=absent;id=%02", "1234"), absl::StatusCode::kNotFound);
  for (const auto& [id, card] : cards) {
    const std::string uri = absl::StrCat("pkcs11:token=officer;id=%", id);
    // The certificate from a file, then from the card.
    for (const std::string& certificate : {certificates[id], std::string()}) {
      const auto signer = DocumentSigner::FromPkcs11(uri, "1234", kTokenLibrary, certificate);
      ASSERT_TRUE(signer.ok()) << signer.status();
      EXPECT_EQ(signer->certificate().subject, absl::StrCat("CN=", card.second));
      ExpectSigns(*signer);
    }
  }
}

}  // namespace
}  // namespace vouch::crypto
