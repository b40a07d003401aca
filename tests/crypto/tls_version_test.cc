#include <gtest/gtest.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cstdlib>
#include <fstream>

#include "crypto/certificate.h"
#include "crypto/openssl_handles.h"
#include "crypto/secret.h"
#include "tests/crypto/authority.h"

namespace vouch::crypto {
namespace {

// Contexts as gRPC 1.51 makes them: it allows 1.2 and 1.3 whatever the configuration says.
TlsContextPtr NewContext(const SSL_METHOD* method) {
  TlsContextPtr context(SSL_CTX_new(method));
  SSL_CTX_set_min_proto_version(context.get(), TLS1_2_VERSION);
  SSL_CTX_set_max_proto_version(context.get(), TLS1_3_VERSION);
  return context;
}

TlsContextPtr NewServer() {
  const IssuedCertificate issued = IssueSelfSigned(LeafRequest("a.example"));
  TlsContextPtr context = NewContext(TLS_server_method());
  const BioPtr bio(BIO_new_mem_buf(issued.certificate_pem.data(),
                                   static_cast<int>(issued.certificate_pem.size())));
  const CertificatePtr certificate(PEM_read_bio_X509(bio.get(), nullptr, nullptr, nullptr));
  SSL_CTX_use_certificate(context.get(), certificate.get());
  SSL_CTX_use_PrivateKey(context.get(), static_cast<EVP_PKEY*>(issued.key.native()));
  return context;
}

// A peer outside this process's rule, which speaks one version and no other.
void SpeakOnly(SSL_CTX* context, int version) {
  SSL_CTX_clear_options(context, SSL_OP_NO_TLSv1_2 | SSL_OP_NO_TLSv1_3);
  SSL_CTX_set_min_proto_version(context, version);
  SSL_CTX_set_max_proto_version(context, version);
}

// The version two peers agree on over a pair of pipes in memory, or "" when they do not.
std::string Handshake(SSL_CTX* server_context, SSL_CTX* client_context) {
  const TlsPtr server(SSL_new(server_context));
  const TlsPtr client(SSL_new(client_context));
  BIO* server_end = nullptr;
  BIO* client_end = nullptr;
  if (BIO_new_bio_pair(&server_end, 0, &client_end, 0) != 1) return "no pair";
  SSL_set_bio(server.get(), server_end, server_end);
  SSL_set_bio(client.get(), client_end, client_end);
  SSL_set_accept_state(server.get());
  SSL_set_connect_state(client.get());
  for (int round = 0; round < 20; ++round) {
    const int client_done = SSL_do_handshake(client.get());
    const int server_done = SSL_do_handshake(server.get());
    if (client_done == 1 && server_done == 1) return SSL_get_version(client.get());
  }
  ERR_clear_error();
  return "";
}

std::string ServerMeets(int client_version) {
  const TlsContextPtr server = NewServer();
  const TlsContextPtr client = NewContext(TLS_client_method());
  SpeakOnly(client.get(), client_version);
  return Handshake(server.get(), client.get());
}

std::string ClientMeets(int server_version) {
  const TlsContextPtr server = NewServer();
  const TlsContextPtr client = NewContext(TLS_client_method());
  SpeakOnly(server.get(), server_version);
  return Handshake(server.get(), client.get());
}

bool OnlyTls13IsSpoken() {
  return ServerMeets(TLS1_2_VERSION).empty() && ServerMeets(TLS1_3_VERSION) == "TLSv1.3" &&
         ClientMeets(TLS1_2_VERSION).empty() && ClientMeets(TLS1_3_VERSION) == "TLSv1.3";
}

class RequireTls13Test : public ::testing::Test {
 protected:
  void SetUp() override {
    std::string name = ::testing::TempDir() + "vouch tls-XXXXXX";  // a space, to be escaped
    ASSERT_NE(mkdtemp(&name[0]), nullptr);
    folder_ = name;
    path_ = folder_ + "/openssl.cnf";
  }
  void TearDown() override {
    unsetenv("OPENSSL_CONF");
    unlink(path_.c_str());
    rmdir(folder_.c_str());
  }
  void HostSays(const std::string& text) {
    std::ofstream(path_) << text;
    setenv("OPENSSL_CONF", path_.c_str(), 1);
  }

  std::string folder_;
  std::string path_;
};

// Every scenario runs in a process of its own (a death test that dies well): OpenSSL reads its
// configuration once in a process.
template <typename Scenario>
void InFreshProcess(Scenario scenario) {
  EXPECT_EXIT(std::exit(scenario() ? 0 : 1), ::testing::ExitedWithCode(0), "");
}

TEST_F(RequireTls13Test, WithoutItTls12IsSpoken) {
  InFreshProcess([] {
    return ServerMeets(TLS1_2_VERSION) == "TLSv1.2" && ClientMeets(TLS1_2_VERSION) == "TLSv1.2";
  });
}

TEST_F(RequireTls13Test, MinProtocolInTheHostsConfigurationWouldNotDo) {
  HostSays(
      "openssl_conf = a\n[a]\nssl_conf = b\n[b]\nsystem_default = c\n[c]\nMinProtocol = TLSv1.3\n");
  InFreshProcess([] { return ServerMeets(TLS1_2_VERSION) == "TLSv1.2"; });
}

TEST_F(RequireTls13Test, SpeaksOnlyTls13UnderTheMachinesOwnConfiguration) {
  InFreshProcess([] { return RequireTls13().ok() && OnlyTls13IsSpoken(); });
}

TEST_F(RequireTls13Test, HoldsAfterOpensslWasUsedAndInAHardenedProcess) {
  InFreshProcess([] {
    const IssuedCertificate issued = IssueSelfSigned(LeafRequest("a.example"));
    const TlsContextPtr early(SSL_CTX_new(TLS_method()));
    return HardenProcess().ok() && RequireTls13().ok() && OnlyTls13IsSpoken();
  });
}

TEST_F(RequireTls13Test, MayBeCalledAgain) {
  InFreshProcess([] { return RequireTls13().ok() && RequireTls13().ok() && OnlyTls13IsSpoken(); });
}

TEST_F(RequireTls13Test, HoldsWhenInitialisedAgainAsGrpcDoes) {
  InFreshProcess([] {
    if (!RequireTls13().ok()) return false;
    OPENSSL_init_ssl(OPENSSL_INIT_LOAD_CONFIG | OPENSSL_INIT_LOAD_SSL_STRINGS, nullptr);
    OPENSSL_init_crypto(OPENSSL_INIT_LOAD_CONFIG | OPENSSL_INIT_ADD_ALL_CIPHERS, nullptr);
    return OnlyTls13IsSpoken();
  });
}

TEST_F(RequireTls13Test, OverrulesTheHostsProtocolAndKeepsTheRest) {
  HostSays(
      "openssl_conf = main\n[main]\nssl_conf = tls\n[tls]\nsystem_default = sys\n"
      "[sys]\nProtocol = ALL\nMinProtocol = TLSv1.2\n1.Protocol = TLSv1.2\n"
      "Ciphersuites = TLS_CHACHA20_POLY1305_SHA256\n");
  InFreshProcess([] {
    if (!RequireTls13().ok() || !OnlyTls13IsSpoken()) return false;
    const TlsContextPtr server = NewServer();
    const TlsContextPtr client = NewContext(TLS_client_method());
    SSL_CTX_set_ciphersuites(client.get(), "TLS_AES_128_GCM_SHA256");
    return Handshake(server.get(), client.get()).empty();
  });
}

TEST_F(RequireTls13Test, KeepsTheProvidersThatTheHostChose) {
  HostSays(
      "openssl_conf = main\n[main]\nproviders = prov\n[prov]\ndefault = on\nlegacy = on\n"
      "[on]\nactivate = 1\n");
  InFreshProcess([] {
    const bool required = RequireTls13().ok();
    const OpensslPtr<EVP_CIPHER, EVP_CIPHER_free> legacy(
        EVP_CIPHER_fetch(nullptr, "BF-CBC", nullptr));
    return required && legacy != nullptr && OnlyTls13IsSpoken();
  });
}

TEST_F(RequireTls13Test, NeedsNoConfigurationOfTheHost) {
  setenv("OPENSSL_CONF", path_.c_str(), 1);
  InFreshProcess([] { return RequireTls13().ok() && OnlyTls13IsSpoken(); });
}

TEST_F(RequireTls13Test, ReportsAMalformedConfigurationOfTheHost) {
  HostSays("[unclosed\n");
  InFreshProcess([] { return RequireTls13().code() == absl::StatusCode::kFailedPrecondition; });
}

TEST_F(RequireTls13Test, WritesNoFile) {
  HostSays("");
  InFreshProcess([] { return RequireTls13().ok(); });
  EXPECT_EQ(unlink(path_.c_str()), 0);
  EXPECT_EQ(rmdir(folder_.c_str()), 0);
  ASSERT_EQ(mkdir(folder_.c_str(), 0700), 0);
}

}  // namespace
}  // namespace vouch::crypto
