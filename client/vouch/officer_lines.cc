#include "client/vouch/officer_lines.h"

#include <algorithm>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_split.h"
#include "absl/strings/strip.h"
#include "client/vouch/console.h"
#include "crypto/certificate.h"
#include "policies/engine/source.h"
#include "server/node/folders.h"

namespace vouch::client {
namespace {

namespace node = server::node;

absl::Status AddLine(absl::string_view line, std::vector<node::OfficerRole>* officers) {
  const std::vector<absl::string_view> parts = absl::StrSplit(line, absl::MaxSplits('=', 1));
  std::string role(absl::StripAsciiWhitespace(parts[0]));
  std::string who(parts.size() == 2 ? absl::StripAsciiWhitespace(parts[1]) : "");
  if (role.empty() || who.empty()) {
    return UsageError(absl::StrCat(
        "an officer is written ROLE=WHO, such as \"program officer=officer.pem\", not ",
        policies::Shown(line)));
  }
  if (node::Exists(who)) {
    const absl::StatusOr<std::string> pem = node::ReadText(who);
    if (!pem.ok()) return pem.status();
    const auto certificate = crypto::ReadCertificate(*pem);
    if (!certificate.ok()) {
      return absl::InvalidArgumentError(absl::StrCat(who, ": ", certificate.status().message()));
    }
    who = certificate->public_key_fingerprint;
  }
  for (const std::string* text : {&role, &who}) {
    if (absl::StrContains(*text, '"') || absl::StrContains(*text, '\\') ||
        std::any_of(text->begin(), text->end(),
                    [](char c) { return static_cast<unsigned char>(c) < 0x20; })) {
      return UsageError(absl::StrCat("quotes and backslashes cannot stand in ",
                                     policies::Shown(*text),
                                     "; name the officer by the fingerprint of the key"));
    }
  }
  const auto same = std::find_if(officers->begin(), officers->end(),
                                 [&](const auto& one) { return one.role == role; });
  if (same == officers->end()) {
    officers->push_back({std::move(role), {std::move(who)}});
  } else {
    same->any_of.push_back(std::move(who));
  }
  return absl::OkStatus();
}

}  // namespace

absl::StatusOr<std::vector<node::OfficerRole>> ReadOfficers(const std::string& file,
                                                            const std::vector<std::string>& lines) {
  std::vector<node::OfficerRole> officers;
  if (!file.empty()) {
    const absl::StatusOr<std::string> text = node::ReadText(file);
    if (!text.ok()) return text.status();
    for (absl::string_view line : absl::StrSplit(*text, '\n')) {
      line = absl::StripAsciiWhitespace(line);
      if (line.empty() || line[0] == '#') continue;
      if (absl::Status added = AddLine(line, &officers); !added.ok()) return added;
    }
  }
  for (const std::string& line : lines) {
    if (absl::Status added = AddLine(line, &officers); !added.ok()) return added;
  }
  return officers;
}

std::string OfficersText(const std::vector<node::OfficerRole>& officers) {
  std::string text;
  for (const node::OfficerRole& officer : officers) {
    for (const std::string& who : officer.any_of) {
      absl::StrAppend(&text, officer.role, "=", who, "\n");
    }
  }
  return text;
}

std::string OfficersYaml(const std::vector<node::OfficerRole>& officers, absl::string_view indent) {
  std::string text = absl::StrCat(indent, "officers:");
  for (const node::OfficerRole& officer : officers) {
    absl::StrAppend(&text, "\n", indent, "  - {role: \"", officer.role, "\", any_of: [",
                    absl::StrJoin(officer.any_of, ", ",
                                  [](std::string* out, const std::string& who) {
                                    absl::StrAppend(out, "\"", who, "\"");
                                  }),
                    "]}");
  }
  return text;
}

}  // namespace vouch::client
