#include "server/node/agreements_standing.h"

#include <utility>

#include "absl/strings/str_cat.h"
#include "crypto/keys.h"
#include "nlohmann/json.hpp"
#include "server/node/folders.h"

namespace vouch::server::node {
namespace {

using Json = nlohmann::ordered_json;

// Findings quote files, which may hold anything.
constexpr auto kReplace = Json::error_handler_t::replace;
constexpr size_t kLargestStanding = size_t{16} << 20;

std::string Path(const std::string& run_folder) { return run_folder + "/agreements.json"; }

Json ToJson(const AgreementsStanding& standing) {
  Json json;
  json["held"] = Json::array();
  for (const AgreementStanding& one : standing.held) {
    json["held"].push_back({{"id", one.id},
                            {"revision", one.revision},
                            {"digest", one.digest},
                            {"file", one.file},
                            {"state", one.state},
                            {"why", one.why},
                            {"signers", one.signers}});
  }
  json["findings"] = Json::array();
  for (const policies::Finding& finding : standing.findings) {
    json["findings"].push_back({{"severity", static_cast<int>(finding.severity)},
                                {"rule", finding.rule},
                                {"file", finding.file},
                                {"line", finding.position.line},
                                {"column", finding.position.column},
                                {"message", finding.message},
                                {"mend", finding.mend}});
  }
  json["key_problems"] = standing.key_problems;
  return json;
}

}  // namespace

std::string StandingText(const AgreementsStanding& standing) {
  return ToJson(standing).dump(1, ' ', false, kReplace);
}

absl::Status WriteAgreementsStanding(const std::string& run_folder,
                                     const AgreementsStanding& standing) {
  Json json = ToJson(standing);
  json["written"] = absl::ToUnixSeconds(standing.written);
  return crypto::ReplaceFile(Path(run_folder), json.dump(1, ' ', false, kReplace) + "\n", false);
}

absl::StatusOr<AgreementsStanding> ReadAgreementsStanding(const std::string& run_folder) {
  const std::string path = Path(run_folder);
  const absl::StatusOr<std::string> text = ReadText(path, kLargestStanding);
  if (!text.ok()) return text.status();
  AgreementsStanding standing;
  try {
    const Json json = Json::parse(*text);
    standing.written = absl::FromUnixSeconds(json.at("written").get<int64_t>());
    for (const Json& one : json.at("held")) {
      standing.held.push_back({one.at("id").get<std::string>(), one.at("revision").get<int64_t>(),
                               one.at("digest").get<std::string>(),
                               one.at("file").get<std::string>(),
                               one.at("state").get<std::string>(), one.at("why").get<std::string>(),
                               one.value("signers", std::vector<std::string>())});
    }
    for (const Json& one : json.at("findings")) {
      policies::Finding finding;
      const int severity = one.at("severity").get<int>();
      finding.severity = severity == 2   ? policies::Severity::kError
                         : severity == 1 ? policies::Severity::kWarning
                                         : policies::Severity::kNote;
      finding.rule = one.at("rule").get<std::string>();
      finding.file = one.at("file").get<std::string>();
      finding.position = {one.at("line").get<int>(), one.at("column").get<int>()};
      finding.message = one.at("message").get<std::string>();
      finding.mend = one.at("mend").get<std::string>();
      standing.findings.push_back(std::move(finding));
    }
    standing.key_problems = json.at("key_problems").get<std::vector<std::string>>();
  } catch (const Json::exception&) {
    return absl::InvalidArgumentError(absl::StrCat(path, ": is not as vouchd writes it"));
  }
  return standing;
}

}  // namespace vouch::server::node
