#include <netinet/in.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>
#include <sys/socket.h>
#include <unistd.h>

#include <thread>

#include "absl/strings/str_cat.h"
#include "crypto/openssl_handles.h"
#include "nlohmann/json.hpp"
#include "tests/client/vouch_program.h"

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

}  // namespace
}  // namespace vouch::tests
