#include "crypto/signed_message.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <map>
#include <random>
#include <set>

#include "absl/strings/match.h"
#include "crypto/certificate_pem.h"
#include "crypto/openssl_handles.h"
#include "tests/crypto/officers.h"

namespace vouch::crypto {
namespace {

using ::testing::HasSubstr;

constexpr RawSecretAccess kRaw;
constexpr absl::string_view kText = "format: \"vouch-agreement/1\"\nline two\r\nno newline at end";

const TestAuthority& Authority() {
  static const auto* const authority = new TestAuthority("Officers' authority");
  return *authority;
}

const IssuedCertificate& Officer(KeyKind kind, absl::string_view name = "Jo Doe") {
  static auto* const officers = new std::map<std::pair<KeyKind, std::string>, IssuedCertificate>();
  const auto key = std::make_pair(kind, std::string(name));
  auto found = officers->find(key);
  if (found == officers->end()) {
    found = officers->emplace(key, Authority().Issue(OfficerRequest(name), kind)).first;
  }
  return found->second;
}

std::string Signed(KeyKind kind, absl::string_view text = kText) {
  const auto message = SignDetached(SignerOf(Officer(kind)), text, TestNow());
  EXPECT_TRUE(message.ok()) << message.status();
  return message.ok() ? *message : "";
}

CmsPtr CmsOf(const std::string& pem) {
  const BioPtr in = ReadingBio(AsBytes(pem));
  return CmsPtr(PEM_read_bio_CMS(in.get(), nullptr, nullptr, nullptr));
}

std::string DerOf(CMS_ContentInfo* cms) {
  const BioPtr out(BIO_new(BIO_s_mem()));
  EXPECT_EQ(i2d_CMS_bio(out.get(), cms), 1);
  return TextOf(out.get());
}

// The reason why the message as a whole, or its only signature, does not hold.
std::string Why(absl::string_view message, absl::string_view content = kText) {
  const auto signers = ReadSigners(message, content);
  if (!signers.ok()) return std::string(signers.status().message());
  return std::string((*signers)[0].fits.message());
}

class SignedMessageTest : public ::testing::TestWithParam<KeyKind> {
 protected:
  // Files for the openssl command: text, cert, key, anchors.
  void Lay() const {
    folder_.Write("text", kText);
    folder_.Write("cert", Officer(GetParam()).certificate_pem);
    folder_.Write("key", Officer(GetParam()).key.ToPem(kRaw));
    folder_.Write("anchors", Authority().pem());
  }
  OpensslFolder folder_;
};
INSTANTIATE_TEST_SUITE_P(P256AndRsa, SignedMessageTest,
                         ::testing::Values(KeyKind::kP256, KeyKind::kRsa));

TEST_P(SignedMessageTest, ReadsWhatItSignedInPemAndDer) {
  const std::string pem = Signed(GetParam());
  for (const std::string& form : {pem, DerOf(CmsOf(pem).get())}) {
    const auto signers = ReadSigners(form, kText);
    ASSERT_TRUE(signers.ok()) << signers.status();
    ASSERT_EQ(signers->size(), 1u);
    const MessageSigner& signer = (*signers)[0];
    EXPECT_TRUE(signer.fits.ok()) << signer.fits;
    EXPECT_EQ(signer.certificate.subject, "CN=Jo Doe");
    EXPECT_EQ(signer.signed_at, TestNow());
    const auto anchors = TrustAnchors::Load(Authority().pem(), "");
    EXPECT_TRUE(anchors->Verify(signer.chain_pem, TrustAnchors::Purpose::kSigning, TestNow()).ok());
  }
}

TEST_P(SignedMessageTest, OpensslCommandVerifiesWhatItSigned) {
  Lay();
  folder_.Write("text.p7s", Signed(GetParam()));
  const std::string verify = absl::StrCat(
      "cms -verify -binary -inform PEM -in text.p7s -content text -CAfile anchors -attime ",
      absl::ToUnixSeconds(TestNow()), " -out out");
  folder_.Openssl(verify);
  EXPECT_EQ(folder_.Read("out"), kText);
  folder_.Write("text", absl::StrCat(kText, " "));
  EXPECT_NE(folder_.Try(verify).exit_code, 0);
}

TEST_P(SignedMessageTest, VerifiesWhatTheOpensslCommandSigned) {
  Lay();
  for (const char* how : {"-outform DER", "-outform PEM", "-noattr -outform DER", "-md sha512",
                          "-keyid -outform DER", "-cades -outform DER"}) {
    folder_.Openssl(absl::StrCat("cms -sign -binary -in text -signer cert -inkey key ", how,
                                 absl::StrContains(how, "outform") ? "" : " -outform PEM",
                                 " -out text.p7s"));
    const auto signers = ReadSigners(folder_.Read("text.p7s"), kText);
    ASSERT_TRUE(signers.ok()) << how << signers.status();
    ASSERT_EQ(signers->size(), 1u);
    EXPECT_TRUE((*signers)[0].fits.ok()) << how << (*signers)[0].fits;
    EXPECT_EQ((*signers)[0].certificate.subject, "CN=Jo Doe");
    EXPECT_THAT(Why(folder_.Read("text.p7s"), "other"), HasSubstr("changed after it was signed"))
        << how;
  }
}

TEST_P(SignedMessageTest, SeveralSignersInOneFileFromBothPrograms) {
  Lay();
  folder_.Write("cert2", Officer(KeyKind::kRsa, "Second").certificate_pem);
  folder_.Write("key2", Officer(KeyKind::kRsa, "Second").key.ToPem(kRaw));
  folder_.Openssl(
      "cms -sign -binary -in text -signer cert -inkey key -signer cert2 -inkey key2 -outform DER "
      "-out text.p7s");
  // A third is added to what the command made, and the command verifies all three.
  const auto three = AddSignature(folder_.Read("text.p7s"),
                                  SignerOf(Officer(KeyKind::kP256, "Third")), kText, TestNow());
  ASSERT_TRUE(three.ok()) << three.status();
  const auto signers = ReadSigners(*three, kText);
  ASSERT_TRUE(signers.ok()) << signers.status();
  std::set<std::string> names;
  for (const MessageSigner& signer : *signers) {
    EXPECT_TRUE(signer.fits.ok()) << signer.fits;
    names.insert(signer.certificate.subject);
  }
  EXPECT_EQ(names, (std::set<std::string>{"CN=Jo Doe", "CN=Second", "CN=Third"}));
  folder_.Write("three.p7s", *three);
  folder_.Openssl(absl::StrCat(
      "cms -verify -binary -inform PEM -in three.p7s -content text -CAfile anchors -attime ",
      absl::ToUnixSeconds(TestNow()), " -out out"));
  // And the command resigns what was made here.
  folder_.Write("ours.p7s",
                *SignDetached(SignerOf(Officer(KeyKind::kP256, "Third")), kText, TestNow()));
  folder_.Openssl(
      "cms -resign -binary -inform PEM -in ours.p7s -signer cert -inkey key -outform PEM -out "
      "both.p7s");
  const auto both = ReadSigners(folder_.Read("both.p7s"), kText);
  ASSERT_TRUE(both.ok()) << both.status();
  EXPECT_EQ(both->size(), 2u);
  for (const MessageSigner& signer : *both) EXPECT_TRUE(signer.fits.ok()) << signer.fits;
}

TEST_P(SignedMessageTest, RefusesOtherBytes) {
  const std::string message = Signed(GetParam());
  EXPECT_THAT(Why(message, absl::StrCat(kText, "\n")), HasSubstr("changed after it was signed"));
  EXPECT_THAT(Why(message, ""), HasSubstr("changed after it was signed"));
}

TEST_P(SignedMessageTest, RefusesStrippedAndAlteredAttributes) {
  const CmsPtr cms = CmsOf(Signed(GetParam()));
  CMS_SignerInfo* info = sk_CMS_SignerInfo_value(CMS_get0_SignerInfos(cms.get()), 0);
  while (CMS_signed_get_attr_count(info) > 2) {
    const int at = CMS_signed_get_attr_by_NID(info, NID_pkcs9_signingTime, -1);
    X509_ATTRIBUTE_free(CMS_signed_delete_attr(info, at));
  }
  EXPECT_THAT(Why(DerOf(cms.get())), HasSubstr("was altered"));
  X509_ATTRIBUTE_free(
      CMS_signed_delete_attr(info, CMS_signed_get_attr_by_NID(info, NID_pkcs9_messageDigest, -1)));
  EXPECT_THAT(Why(DerOf(cms.get())), HasSubstr("no digest of the text"));
  const uint8_t digest[32] = {};
  CMS_signed_add1_attr_by_NID(info, NID_pkcs9_messageDigest, V_ASN1_OCTET_STRING, digest, 32);
  EXPECT_THAT(Why(DerOf(cms.get())), HasSubstr("was altered"));
  X509_ATTRIBUTE_free(
      CMS_signed_delete_attr(info, CMS_signed_get_attr_by_NID(info, NID_pkcs9_contentType, -1)));
  EXPECT_THAT(Why(DerOf(cms.get())), HasSubstr("no content type"));
}

TEST_P(SignedMessageTest, EnclosedTextsCarryTheirOwnSignatures) {
  Lay();
  const auto enclosed = SignEnclosed(SignerOf(Officer(GetParam())), kText, TestNow());
  ASSERT_TRUE(enclosed.ok()) << enclosed.status();
  folder_.Write("text.p7m", *enclosed);
  folder_.Openssl(
      absl::StrCat("cms -verify -binary -inform PEM -in text.p7m -CAfile anchors -attime ",
                   absl::ToUnixSeconds(TestNow()), " -out out"));
  EXPECT_EQ(folder_.Read("out"), kText);
  folder_.Openssl(
      "cms -sign -binary -nodetach -in text -signer cert -inkey key -outform DER -out made.p7m");
  const auto more = AddEnclosedSignature(folder_.Read("made.p7m"),
                                         SignerOf(Officer(KeyKind::kP256, "Third")), TestNow());
  ASSERT_TRUE(more.ok()) << more.status();
  for (const std::string& message : {*enclosed, folder_.Read("made.p7m"), *more}) {
    const auto read = ReadEnclosed(message);
    ASSERT_TRUE(read.ok()) << read.status();
    EXPECT_EQ(read->text, kText);
    for (const MessageSigner& signer : read->signers) EXPECT_TRUE(signer.fits.ok());
  }
  EXPECT_EQ(ReadEnclosed(*more)->signers.size(), 2u);
  // Neither kind passes for the other.
  EXPECT_THAT(Why(*enclosed), HasSubstr("sign detached"));
  EXPECT_FALSE(ReadEnclosed(Signed(GetParam())).ok());
}

TEST_P(SignedMessageTest, EveryCutIsRefusedAndNoFlippedBitYieldsAnotherSigner) {
  const std::string der = DerOf(CmsOf(Signed(GetParam())).get());
  for (size_t size = 0; size < der.size(); size += size < 100 ? 1 : 7) {
    EXPECT_NE(Why(absl::string_view(der).substr(0, size)), "") << "cut at " << size;
  }
  const auto anchors = TrustAnchors::Load(Authority().pem(), "");
  const std::string fingerprint =
      ReadSigners(der, kText)->front().certificate.public_key_fingerprint;
  std::mt19937 chance(7);
  for (int i = 0; i < 2000; ++i) {
    std::string altered = der;
    const size_t at = chance() % altered.size();
    altered[at] = static_cast<char>(altered[at] ^ (1 << (chance() % 8)));
    const auto signers = ReadSigners(altered, kText);
    if (!signers.ok()) continue;
    for (const MessageSigner& signer : *signers) {
      if (!signer.fits.ok() ||
          !anchors->Verify(signer.chain_pem, TrustAnchors::Purpose::kSigning, TestNow()).ok()) {
        continue;
      }
      // Only what is not signed may differ, such as what a version field says.
      EXPECT_EQ(signer.certificate.public_key_fingerprint, fingerprint) << "byte " << at;
    }
  }
}

TEST(SignedMessageFormTest, GarbageIsRefusedInPlainWords) {
  for (const std::string& garbage :
       {std::string(), std::string("nothing"), std::string(1000, '\x30'), std::string(5, '\0'),
        std::string("-----BEGIN CMS-----\nAAAA\n-----END CMS-----\n"),
        std::string("-----BEGIN CMS-----\n")}) {
    EXPECT_THAT(Why(garbage), HasSubstr("no CMS signature"));
  }
  EXPECT_THAT(Why(std::string((256 << 10) + 1, 'x')), HasSubstr("larger than 256 KiB"));
  std::mt19937 chance(3);
  for (int i = 0; i < 3000; ++i) {
    std::string noise(1 + chance() % 200, '\0');
    for (char& c : noise) c = static_cast<char>(chance());
    noise[0] = '\x30';
    EXPECT_NE(Why(noise), "");
  }
}

TEST(SignedMessageFormTest, RefusesAMessageWithoutSigner) {
  const CmsPtr cms(CMS_sign(nullptr, nullptr, nullptr, nullptr, CMS_PARTIAL | CMS_DETACHED));
  EXPECT_THAT(Why(DerOf(cms.get())), HasSubstr("stripped"));
}

TEST(SignedMessageFormTest, RefusesOtherKindsOfMessageAndContent) {
  OpensslFolder folder;
  folder.Write("text", kText);
  folder.Write("cert", Officer(KeyKind::kRsa).certificate_pem);
  folder.Write("key", Officer(KeyKind::kRsa).key.ToPem(kRaw));
  folder.Openssl("cms -encrypt -aes256 -binary -in text -outform DER -out m cert");
  EXPECT_THAT(Why(folder.Read("m")), HasSubstr("another kind"));
  folder.Openssl(
      "cms -sign -binary -in text -signer cert -inkey key -econtent_type pkcs7-envelopedData "
      "-outform DER -out m");
  EXPECT_THAT(Why(folder.Read("m")), HasSubstr("another type"));
  folder.Openssl("cms -sign -binary -nocerts -in text -signer cert -inkey key -outform DER -out m");
  EXPECT_THAT(Why(folder.Read("m")), HasSubstr("certificate is not in the signature"));
}

TEST(SignedMessageFormTest, RefusesWeakDigestsAndKeys) {
  OpensslFolder folder;
  folder.Write("text", kText);
  folder.Write("cert", Officer(KeyKind::kRsa).certificate_pem);
  folder.Write("key", Officer(KeyKind::kRsa).key.ToPem(kRaw));
  folder.Openssl("cms -sign -binary -md sha1 -in text -signer cert -inkey key -outform DER -out m");
  EXPECT_THAT(Why(folder.Read("m")), HasSubstr("SHA-1"));
  for (const char* key : {"rsa:1024", "ec -pkeyopt ec_paramgen_curve:P-224"}) {
    folder.Openssl(absl::StrCat("req -x509 -newkey ", key,
                                " -nodes -keyout weak.key -out weak.pem -subj /CN=Weak -days 9"));
    folder.Openssl(
        "cms -sign -binary -in text -signer weak.pem -inkey weak.key -outform DER -out m");
    EXPECT_THAT(Why(folder.Read("m")), HasSubstr("too weak")) << key;
  }
}

TEST(SignedMessageFormTest, TakesRsaPss) {
  OpensslFolder folder;
  folder.Write("text", kText);
  folder.Write("cert", Officer(KeyKind::kRsa).certificate_pem);
  folder.Write("key", Officer(KeyKind::kRsa).key.ToPem(kRaw));
  folder.Openssl(
      "cms -sign -binary -in text -signer cert -inkey key -keyopt rsa_padding_mode:pss -outform "
      "DER -out m");
  EXPECT_EQ(Why(folder.Read("m")), "");
}

TEST(SignedMessageFormTest, AnIntermediateInTheMessageLeadsToTheAnchor) {
  const IssuedCertificate between = Authority().Issue(AuthorityRequest("Issuing CA", 0));
  const IssuedCertificate officer =
      *Issue(OfficerRequest("Card holder"), between.certificate_pem, between.key, KeyKind::kRsa);
  const auto message = SignDetached(SignerOf(officer, between.certificate_pem), kText, TestNow());
  const auto signers = ReadSigners(*message, kText);
  ASSERT_TRUE(signers.ok()) << signers.status();
  const auto anchors = TrustAnchors::Load(Authority().pem(), "");
  EXPECT_TRUE(
      anchors->Verify((*signers)[0].chain_pem, TrustAnchors::Purpose::kSigning, TestNow()).ok());
  // Without the one between, there is no way to the anchor.
  const auto alone = ReadSigners(*SignDetached(SignerOf(officer), kText, TestNow()), kText);
  EXPECT_FALSE(
      anchors->Verify((*alone)[0].chain_pem, TrustAnchors::Purpose::kSigning, TestNow()).ok());
}

TEST(SignedMessageFormTest, AddsNeitherTwiceNorToWhatDoesNotFit) {
  const std::string message = Signed(KeyKind::kP256);
  const DocumentSigner same = SignerOf(Officer(KeyKind::kP256));
  const DocumentSigner other = SignerOf(Officer(KeyKind::kP256, "Third"));
  EXPECT_TRUE(absl::IsAlreadyExists(AddSignature(message, same, kText, TestNow()).status()));
  EXPECT_TRUE(
      absl::IsFailedPrecondition(AddSignature(message, other, "other", TestNow()).status()));
  EXPECT_TRUE(
      absl::IsFailedPrecondition(AddSignature("garbage", other, kText, TestNow()).status()));
}

TEST(SignedMessageFormTest, ATextThatPassesForAttributesNeedsAttributesItself) {
  // The signed attributes of one message, offered as a text that was signed without any.
  const std::string der = DerOf(CmsOf(Signed(KeyKind::kP256)).get());
  OpensslFolder folder;
  folder.Write("text", absl::StrCat("1", std::string(40, '\0')));
  folder.Write("cert", Officer(KeyKind::kRsa).certificate_pem);
  folder.Write("key", Officer(KeyKind::kRsa).key.ToPem(kRaw));
  folder.Openssl("cms -sign -binary -noattr -in text -signer cert -inkey key -outform DER -out m");
  EXPECT_THAT(Why(folder.Read("m"), folder.Read("text")), HasSubstr("signed attributes"));
}

}  // namespace
}  // namespace vouch::crypto
