#include <netinet/in.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>
#include <sys/socket.h>
#include <unistd.h>

#include <filesystem>
#include <thread>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"
#include "crypto/certificate.h"
#include "crypto/openssl_handles.h"
#include "nlohmann/json.hpp"
#include "tests/client/requester/asking_world.h"
#include "tests/client/vouch_program.h"
#include "tests/paths.h"

namespace vouch::tests {
namespace {

using ::testing::HasSubstr;

// Shakes hands once with whoever calls, as the node whose files it is given.
class OneHandshake {
 public:
  OneHandshake(const std::string& certificate, const std::string& key, int version) {
    context_.reset(SSL_CTX_new(TLS_server_method()));
    SSL_CTX_set_min_proto_version(context_.get(), version);
    SSL_CTX_set_max_proto_version(context_.get(), version);
    SSL_CTX_use_certificate_chain_file(context_.get(), certificate.c_str());
    SSL_CTX_use_PrivateKey_file(context_.get(), key.c_str(), SSL_FILETYPE_PEM);
    listener_ = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t size = sizeof(address);
    if (bind(listener_, reinterpret_cast<sockaddr*>(&address), size) != 0 ||
        listen(listener_, 4) != 0 ||
        getsockname(listener_, reinterpret_cast<sockaddr*>(&address), &size) != 0) {
      std::abort();
    }
    port_ = ntohs(address.sin_port);
    thread_ = std::thread([this] {
      const int call = accept(listener_, nullptr, nullptr);
      if (call < 0) return;
      // Whoever calls again is told at once that nobody is there.
      shutdown(listener_, SHUT_RDWR);
      const crypto::TlsPtr tls(SSL_new(context_.get()));
      SSL_set_fd(tls.get(), call);
      SSL_accept(tls.get());
      SSL_shutdown(tls.get());
      close(call);
    });
  }
  ~OneHandshake() {
    shutdown(listener_, SHUT_RDWR);
    thread_.join();
    close(listener_);
  }
  std::string address() const { return absl::StrCat("127.0.0.1:", port_); }

 private:
  crypto::TlsContextPtr context_;
  int listener_ = -1;
  int port_ = 0;
  std::thread thread_;
};

class VouchDoctorTest : public VouchTest {
 protected:
  void SetUp() override {
    MakeNode("fsa", "fsa.ed.example");
    MakeNode("irs", "irs.treasury.example");
    Fine({"partner", "export", "--node", "irs", "--output", "of-irs"});
  }
  ProcessResult DoctorOfPartnerAt(const std::string& address) const {
    Fine({"partner", "add", "--node", "fsa", "--agency", "irs.treasury.example", "--anchors",
          "of-irs/anchors.pem", "--address", address});
    return Vouch({"doctor", "--node", "fsa", "--timeout-seconds", "10"});
  }
};

TEST_F(VouchDoctorTest, AFreshNodeHasNoProblems) {
  const ProcessResult result = Fine({"doctor", "--node", "fsa"});
  EXPECT_THAT(result.out, HasSubstr("ok: certificate: is valid until"));
  EXPECT_THAT(result.out, HasSubstr("ok: spelling rules"));
  EXPECT_THAT(result.out, HasSubstr("warning: partners"));
}

TEST_F(VouchDoctorTest, JsonHasEveryDiagnosis) {
  const auto all = nlohmann::json::parse(Fine({"doctor", "--node", "fsa", "--json"}).out);
  ASSERT_GT(all.size(), 4u);
  for (const auto& one : all) EXPECT_EQ(one["state"] == "ok", one["mend"] == "") << one;
}

TEST_F(VouchDoctorTest, AKeyOfAnotherCertificateIsAProblem) {
  Write("fsa/tls/node.key", Read("irs/tls/node.key"));
  const ProcessResult result = Vouch({"doctor", "--node", "fsa"});
  EXPECT_EQ(result.exit_code, 1);
  EXPECT_THAT(result.out, HasSubstr("does not belong to the certificate"));
}

TEST_F(VouchDoctorTest, ACertificateOfAnotherAgencyIsAProblem) {
  Write("fsa/tls/node.pem", Read("irs/tls/node.pem"));
  Write("fsa/tls/node.key", Read("irs/tls/node.key"));
  EXPECT_THAT(Vouch({"doctor", "--node", "fsa"}).out, HasSubstr("is for irs.treasury.example"));
}

TEST_F(VouchDoctorTest, AnOpenSecretIsAFindingInNodeYaml) {
  chmod(Path("fsa/keys/charge.key").c_str(), 0640);
  Refused({"doctor", "--node", "fsa"}, 3, "chmod 600");
}

TEST_F(VouchDoctorTest, APartnerThatAnswersAsItselfIsFine) {
  const OneHandshake partner(Path("irs/tls/node.pem"), Path("irs/tls/node.key"), TLS1_3_VERSION);
  const ProcessResult result = DoctorOfPartnerAt(partner.address());
  EXPECT_EQ(result.exit_code, 0) << result.out;
  EXPECT_THAT(result.out, HasSubstr("TLSv1.3 and a certificate of its own"));
}

TEST_F(VouchDoctorTest, WhoeverOpensTheConnectionIsSeen) {
  MakeNode("middle", "irs.treasury.example");
  const OneHandshake middle(Path("middle/tls/node.pem"), Path("middle/tls/node.key"),
                            TLS1_3_VERSION);
  const ProcessResult result = DoctorOfPartnerAt(middle.address());
  EXPECT_EQ(result.exit_code, 1);
  EXPECT_THAT(result.out, HasSubstr("do not vouch for"));
  EXPECT_THAT(result.out, HasSubstr("opens TLS"));
}

TEST_F(VouchDoctorTest, OlderTlsIsAProblem) {
  const OneHandshake old(Path("irs/tls/node.pem"), Path("irs/tls/node.key"), TLS1_2_VERSION);
  const ProcessResult result = DoctorOfPartnerAt(old.address());
  EXPECT_EQ(result.exit_code, 1);
  EXPECT_THAT(result.out, HasSubstr("TLS 1.3"));
}

TEST_F(VouchDoctorTest, APartnerWhereNobodyAnswersIsAProblem) {
  // Port 1 is never ours to listen on.
  const ProcessResult result = DoctorOfPartnerAt("127.0.0.1:1");
  EXPECT_EQ(result.exit_code, 1);
  EXPECT_THAT(result.out, HasSubstr("nobody answers"));
}

TEST_F(VouchDoctorTest, SaysHowManyDaysTheCertificateHasAndVerifiesItsChain) {
  const ProcessResult result = Fine({"doctor", "--node", "fsa"});
  EXPECT_THAT(result.out, ::testing::ContainsRegex("ok: certificate: .*, [0-9]+ days left"));
  EXPECT_THAT(result.out, HasSubstr("ok: certificate chain: is verified by tls/authority.pem"));
}

TEST_F(VouchDoctorTest, AChainThatPartnersWouldRefuseIsAProblem) {
  Write("fsa/tls/authority.pem", Read("irs/tls/authority.pem"));
  const ProcessResult result = Vouch({"doctor", "--node", "fsa"});
  EXPECT_EQ(result.exit_code, 1);
  EXPECT_THAT(result.out, HasSubstr("problem: certificate chain: partners who have"));
  EXPECT_THAT(result.out, HasSubstr("mend: put the whole chain there"));
}

TEST_F(VouchDoctorTest, WithoutItsAuthorityTheChainIsSaidNotToBeVerified) {
  std::filesystem::remove(Path("fsa/tls/authority.pem"));
  EXPECT_THAT(Fine({"doctor", "--node", "fsa"}).out,
              HasSubstr("warning: certificate chain: cannot be verified here"));
}

TEST_F(VouchDoctorTest, SaysHowOldRevocationListsAre) {
  Fine({"partner", "add", "--node", "fsa", "--agency", "irs.treasury.example", "--anchors",
        "of-irs/anchors.pem"});
  const auto key = crypto::SigningKey::FromPem(Read("irs/tls/authority.key"));
  ASSERT_TRUE(key.ok()) << key.status();
  const std::string place = "fsa/partners/irs.treasury.example/revocations.pem";
  const auto list = [&](absl::Duration from, absl::Duration until) {
    const absl::Time now = absl::Now();
    Write(place, *crypto::IssueRevocationList(Read("irs/tls/authority.pem"), *key, {}, now + from,
                                              now + until));
    return Vouch({"doctor", "--node", "fsa"}).out;
  };
  Write(place, "");
  Write("fsa/node.yaml", absl::StrCat(Read("fsa/node.yaml"),
                                      "    revocations: \"partners/irs.treasury.example/"
                                      "revocations.pem\"\n"));
  EXPECT_THAT(Vouch({"doctor", "--node", "fsa"}).out, HasSubstr("revocations.pem: is empty"));
  EXPECT_THAT(list(absl::Hours(-1), absl::Hours(100)), HasSubstr("ok: revocation list for irs"));
  EXPECT_THAT(list(absl::Hours(-1), absl::Hours(5)), HasSubstr("warning: revocation list for irs"));
  const std::string passed = list(absl::Hours(-9), absl::Hours(-5));
  EXPECT_THAT(passed, HasSubstr("problem: revocation list for irs"));
  EXPECT_THAT(passed, HasSubstr("mend: fetch the present list"));
  EXPECT_THAT(list(absl::Hours(5), absl::Hours(9)), HasSubstr("is not valid yet"));
}

TEST_F(VouchDoctorTest, ComparesThePartnersTime) {
  const requester::AskingWorld world;  // for its agreement
  auto key = crypto::SigningKey::FromPem(Read("irs/tls/node.key"));
  ASSERT_TRUE(key.ok()) << key.status();
  fakes::FakeResponder partner(world.agreement.agreement, world.agreement.digest, "fsa.ed.example",
                               {Read("irs/tls/node.pem"), *std::move(key)},
                               Read("fsa/tls/authority.pem"));
  const ProcessResult fine = DoctorOfPartnerAt(partner.address());
  EXPECT_EQ(fine.exit_code, 0) << fine.out;
  EXPECT_THAT(fine.out, HasSubstr("ok: time of irs.treasury.example: its clock agrees with ours"));
  partner.SetAhead(absl::Minutes(10));
  const ProcessResult wrong = Vouch({"doctor", "--node", "fsa"});
  EXPECT_EQ(wrong.exit_code, 1);
  EXPECT_THAT(wrong.out, HasSubstr("problem: time of irs.treasury.example: its clock is "));
  partner.SetAhead(absl::nullopt);
  EXPECT_THAT(Vouch({"doctor", "--node", "fsa"}).out,
              HasSubstr("of a version that does not say its time"));
}

TEST_F(VouchDoctorTest, ANodeThatStoppedForItsClockSaysWhichCommand) {
  Write("fsa/run/clock",
        absl::StrCat("answers: stopped\nevent: ", std::string(32, 'a'), "\nahead-seconds: 3600\n"));
  const ProcessResult result = Vouch({"doctor", "--node", "fsa"});
  EXPECT_EQ(result.exit_code, 1);
  EXPECT_THAT(result.out, HasSubstr("vouch ledger acknowledge-clock"));
}

TEST_F(VouchDoctorTest, EveryStatementsSignatureIsVerified) {
  const std::string named = "studentaid-tax-2027-001";
  MakeNode("tax", "tax.revenue.example");
  std::filesystem::copy(VOUCH_SOURCE_DIR "/policies/templates/income-for-student-aid",
                        Path("tax/agreements/aid"));
  const std::string pin = Fine({"keys", "fingerprint", "--node", "tax"}).out.substr(0, 71);
  Write("tax/agreements/aid/agreement.yaml",
        absl::StrReplaceAll(Read("tax/agreements/aid/agreement.yaml"),
                            {{"sha256:" + std::string(64, '0'), pin}}));
  for (const char* epoch : {"1", "2"}) {
    Fine({"keys", "create", "--node", "tax", "--agreement", named, "--epoch", epoch});
    Fine({"keys", "statement", "--node", "tax", "--agreement", named, "--epoch", epoch,
          "--authority-key", "tax/authority/authority.key"});
  }
  const std::string good = Vouch({"doctor", "--node", "tax"}).out;
  EXPECT_THAT(good, HasSubstr(absl::StrCat("ok: statement of ", named, ", epoch 1: is signed")));
  EXPECT_THAT(good, HasSubstr(absl::StrCat("ok: statement of ", named, ", epoch 2: is signed")));

  // One character of the second's signature is another.
  const std::string place = absl::StrCat("tax/keys/tokens/", named, "/2/statement.txt");
  std::string forged = Read(place);
  const size_t at = forged.find("signature: ") + 20;
  forged[at] = forged[at] == 'A' ? 'B' : 'A';
  Write(place, forged);
  const ProcessResult bad = Vouch({"doctor", "--node", "tax", "--json"});
  EXPECT_EQ(bad.exit_code, 1);
  bool first = false, second = false;
  for (const auto& one : nlohmann::json::parse(bad.out)) {
    const std::string about = one["about"];
    if (about == absl::StrCat("statement of ", named, ", epoch 1")) first = one["state"] == "ok";
    if (about == absl::StrCat("statement of ", named, ", epoch 2")) {
      second = one["state"] == "problem" && one["mend"] != "";
    }
  }
  EXPECT_TRUE(first);
  EXPECT_TRUE(second);
}

TEST_F(VouchDoctorTest, FipsIsAProblemAndSoIsEveryAgreementWithBlindTokens) {
  MakeNode("tax", "tax.revenue.example");
  std::filesystem::copy(VOUCH_SOURCE_DIR "/policies/templates/income-for-student-aid",
                        Path("tax/agreements/aid"));
  const std::string pin = Fine({"keys", "fingerprint", "--node", "tax"}).out.substr(0, 71);
  Write("tax/agreements/aid/agreement.yaml",
        absl::StrReplaceAll(Read("tax/agreements/aid/agreement.yaml"),
                            {{"sha256:" + std::string(64, '0'), pin}}));
  EXPECT_THAT(Vouch({"doctor", "--node", "tax"}).out, ::testing::Not(HasSubstr("fips")));
  Write("tax/node.yaml", absl::StrCat(Read("tax/node.yaml"), "crypto: \"fips\"\n"));
  const ProcessResult result = Vouch({"doctor", "--node", "tax"});
  EXPECT_EQ(result.exit_code, 1);
  EXPECT_THAT(result.out, HasSubstr("problem: crypto: node.yaml says \"fips\", and the node "
                                    "refuses to start: OpenSSL's FIPS provider"));
  EXPECT_THAT(result.out,
              HasSubstr("problem: crypto of agreement studentaid-tax-2027-001: its blind tokens"));
}

}  // namespace
}  // namespace vouch::tests
