#include "client/vouch/agreement_signatures.h"

#include "absl/strings/str_cat.h"
#include "crypto/signed_message.h"
#include "server/node/folders.h"

namespace vouch::client {
namespace {

namespace explain = policies::explain;
namespace node = server::node;

explain::AgencySignatures SignaturesOf(const std::string& agency, const AgreementSource& source) {
  explain::AgencySignatures found;
  found.agency = agency;
  const std::string path = absl::StrCat(source.path, ".", agency, ".p7s");
  const absl::StatusOr<std::string> message = node::ReadText(path);
  if (!message.ok()) {
    found.state = node::Exists(path) ? "its signature file cannot be read"
                                     : "no signature lies beside the file";
    return found;
  }
  const auto signers = crypto::ReadSigners(*message, source.bytes);
  if (!signers.ok()) {
    found.state = absl::StrCat("its signature file is none: ", signers.status().message());
    return found;
  }
  size_t fitting = 0;
  for (const crypto::MessageSigner& one : *signers) {
    explain::Signer signer;
    signer.name = one.certificate.subject;
    if (one.signed_at.has_value()) {
      signer.when = absl::StrCat(TimeText(*one.signed_at), " by its own clock");
    }
    signer.valid = one.fits.ok();
    signer.why_not = std::string(one.fits.message());
    fitting += signer.valid ? 1 : 0;
    found.signers.push_back(std::move(signer));
  }
  found.state = absl::StrCat(fitting, fitting == 1 ? " signature fits" : " signatures fit",
                             " this exact text; whether by the right officers was not looked at");
  return found;
}

}  // namespace

std::vector<explain::AgencySignatures> SignaturesBeside(const AgreementSource& source) {
  std::vector<explain::AgencySignatures> all;
  if (!source.agreement.has_value()) return all;
  for (const std::string& agency : source.agreement->asks) {
    all.push_back(SignaturesOf(agency, source));
  }
  all.push_back(SignaturesOf(source.agreement->answers, source));
  return all;
}

}  // namespace vouch::client
