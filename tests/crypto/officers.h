// Officers with certificates for signing, and the openssl command in a folder of its own.
#ifndef VOUCH_TESTS_CRYPTO_OFFICERS_H_
#define VOUCH_TESTS_CRYPTO_OFFICERS_H_

#include <gtest/gtest.h>

#include <fstream>
#include <iterator>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "crypto/certificate.h"
#include "crypto/document_signer.h"
#include "tests/crypto/authority.h"
#include "tests/harness/process.h"

namespace vouch::crypto {

inline CertificateRequest OfficerRequest(absl::string_view name) {
  CertificateRequest request = LeafRequest("a.example");
  request.common_name = std::string(name);
  request.uris.clear();
  request.dns_names.clear();
  request.ip_addresses.clear();
  request.for_tls = false;
  return request;
}

// `chain`: what follows the officer's own certificate.
inline DocumentSigner SignerOf(const IssuedCertificate& issued, const std::string& chain = "") {
  absl::StatusOr<DocumentSigner> signer = DocumentSigner::FromPem(
      issued.key.ToPem(RawSecretAccess{}), "", absl::StrCat(issued.certificate_pem, chain));
  EXPECT_TRUE(signer.ok()) << signer.status();
  return *std::move(signer);
}

class OpensslFolder {
 public:
  std::string Path(const std::string& name) const { return folder_.Path(name); }
  void Write(const std::string& name, absl::string_view text) const {
    std::ofstream(Path(name), std::ios::binary) << text;
  }
  std::string Read(const std::string& name) const {
    std::ifstream file(Path(name), std::ios::binary);
    return std::string(std::istreambuf_iterator<char>(file), {});
  }
  tests::ProcessResult Run(std::vector<std::string> argv,
                           std::vector<std::string> environment = {}) const {
    tests::ProcessRun run;
    run.argv = std::move(argv);
    run.folder = folder_.path();
    run.environment = std::move(environment);
    return tests::RunProcess(run);
  }
  // Expected to succeed; arguments are split at spaces.
  void Openssl(const std::string& arguments) const {
    const tests::ProcessResult done = Try(arguments);
    EXPECT_EQ(done.exit_code, 0) << arguments << "\n" << done.err;
  }
  tests::ProcessResult Try(const std::string& arguments) const {
    return Run({"/bin/sh", "-c", absl::StrCat("openssl ", arguments)});
  }

 private:
  tests::TemporaryFolder folder_;
};

}  // namespace vouch::crypto

#endif  // VOUCH_TESTS_CRYPTO_OFFICERS_H_
