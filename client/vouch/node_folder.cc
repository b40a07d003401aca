#include "client/vouch/node_folder.h"

#include "absl/strings/str_cat.h"
#include "crypto/certificate.h"
#include "server/node/folders.h"

namespace vouch::client {

CLI::Option* AddNodeOption(CLI::App* command, std::string* folder) {
  return command->add_option("--node", *folder, "The node's folder, made by `vouch init`")
      ->envname("VOUCH_NODE")
      ->required();
}

absl::StatusOr<server::node::NodeFile> OpenNode(const std::string& folder, Console* console) {
  policies::Report report;
  absl::StatusOr<server::node::NodeFile> file = server::node::ReadNodeFolder(folder, &report);
  if (!report.findings().empty()) {
    const absl::StatusOr<std::string> text =
        server::node::ReadText(absl::StrCat(folder, "/", server::node::kNodeFileName));
    console->Note(report.ToText(text.ok() ? *text : ""));
  }
  return file;
}

absl::Status CheckAgencyName(absl::string_view agency) {
  // The certificate's rule is the rule: a name no certificate can carry is of no use.
  crypto::CertificateFacts facts;
  facts.uris.push_back(absl::StrCat(crypto::kAgencyUriPrefix, agency));
  const absl::StatusOr<std::string> named = crypto::AgencyOf(facts);
  if (named.ok() && *named == agency) return absl::OkStatus();
  return UsageError(absl::StrCat("\"", policies::Shown(agency),
                                 "\" is no agency name; write it like a domain name in lower case, "
                                 "such as fsa.ed.example"));
}

}  // namespace vouch::client
