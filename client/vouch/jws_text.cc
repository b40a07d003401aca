#include "client/vouch/jws_text.h"

#include <algorithm>
#include <vector>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_split.h"
#include "absl/time/time.h"
#include "crypto/base64.h"
#include "nlohmann/json.hpp"
#include "policies/engine/source.h"

namespace vouch::client {
namespace {

using Json = nlohmann::ordered_json;

constexpr size_t kMostShown = 200;

std::string TextOf(const Json& claims, const char* name) {
  if (!claims.contains(name)) return "";
  const Json& value = claims[name];
  return policies::Shown(value.is_string() ? value.get<std::string>() : value.dump(), kMostShown);
}

std::string ParametersOf(const Json& claims) {
  std::vector<std::string> texts;
  if (claims.contains("parameters") && claims["parameters"].is_object()) {
    for (const auto& [name, value] : claims["parameters"].items()) {
      texts.push_back(policies::Shown(
          absl::StrCat(name, " ", value.is_string() ? value.get<std::string>() : value.dump())));
    }
  }
  return texts.empty() ? "no parameters" : absl::StrJoin(texts, ", ");
}

}  // namespace

bool IsJwsText(absl::string_view text) {
  const std::vector<absl::string_view> parts = absl::StrSplit(text, '.');
  return parts.size() == 3 && std::all_of(parts.begin(), parts.end(), [](absl::string_view part) {
           return !part.empty() && std::all_of(part.begin(), part.end(), [](char c) {
             return absl::ascii_isalnum(static_cast<unsigned char>(c)) || c == '-' || c == '_';
           });
         });
}

std::string ClaimedIssuer(absl::string_view jws) {
  const std::vector<absl::string_view> parts = absl::StrSplit(jws, '.');
  std::string payload;
  if (parts.size() != 3 || !crypto::FromBase64Url(parts[1], &payload)) return "";
  const Json claims = Json::parse(payload, nullptr, false);
  if (!claims.is_object() || !claims.contains("iss") || !claims["iss"].is_string()) return "";
  return claims["iss"].get<std::string>();
}

absl::Status VerifyJwsText(absl::string_view jws, const crypto::JwsVerifier& verifier,
                           const std::string& responder, bool json, Console* console) {
  const absl::StatusOr<std::string> payload = verifier.Open(jws, crypto::kReceiptJwsType);
  if (!payload.ok()) {
    return absl::FailedPreconditionError(
        absl::StrCat("the receipt does not verify: ", payload.status().message()));
  }
  const Json claims = Json::parse(*payload, nullptr, false);
  if (!claims.is_object() || !claims.contains("iat") || !claims["iat"].is_number_integer()) {
    return absl::FailedPreconditionError(
        "the receipt does not verify: it says nothing of an answer");
  }
  if (ClaimedIssuer(jws) != responder) {
    return absl::FailedPreconditionError(
        "the receipt does not verify: it says that another agency answered");
  }
  if (json) {
    Json out;
    out["verifies"] = true;
    out["in_log_shown"] = false;
    out["claims"] = claims;
    console->SayJson(out);
    return absl::OkStatus();
  }
  const std::string when =
      absl::FormatTime("%Y-%m-%d %H:%M UTC", absl::FromUnixSeconds(claims["iat"].get<int64_t>()),
                       absl::UTCTimeZone());
  console->Say(absl::StrCat(
      "This receipt's signature verifies.\n\n", TextOf(claims, "iss"), " says that it answered ",
      TextOf(claims, "aud"), " under agreement ", TextOf(claims, "agreement"), "\n(file digest ",
      TextOf(claims, "agreement_sha256"), ", ", TextOf(claims, "use"), " use),\nfor the purpose ",
      TextOf(claims, "purpose"), ", the question ", TextOf(claims, "question"), " with ",
      ParametersOf(claims), ".\nAbout whom, only the two agencies can show (subject ",
      TextOf(claims, "sub"), ").\n"));
  console->Say(absl::StrCat("Answer:    ", TextOf(claims, "answer"), ", from data as of ",
                            TextOf(claims, "data_as_of")));
  console->Say(absl::StrCat("Recorded:  ", when, ", as entry ", TextOf(claims, "index"),
                            " of the log ", TextOf(claims, "log"), ", of leaf hash ",
                            TextOf(claims, "jti")));
  console->Say(
      "\nThat the log has this entry is not shown by this text: what `vouch ask --json` printed "
      "with it does.");
  return absl::OkStatus();
}

}  // namespace vouch::client
