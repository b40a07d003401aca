#include "server/ledger/oversight/inspection_file.h"

#include <set>
#include <tuple>
#include <utility>

#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "nlohmann/json.hpp"

namespace vouch::server::ledger::oversight {

namespace {

using Subject = crypto::SubjectKey::Subject;
using Json = nlohmann::ordered_json;

constexpr char kFormat[] = "vouch-inspection/1";

std::string TextAt(const Json& object, const char* name) {
  const auto found = object.find(name);
  return found != object.end() && found->is_string() ? found->get<std::string>() : "";
}

uint64_t NumberAt(const Json& object, const char* name, uint64_t otherwise) {
  const auto found = object.find(name);
  return found != object.end() && found->is_number_unsigned() ? found->get<uint64_t>() : otherwise;
}

const Json* ArrayAt(const Json& object, const char* name) {
  const auto found = object.find(name);
  return found != object.end() && found->is_array() ? &*found : nullptr;
}

}  // namespace

absl::StatusOr<InspectionFile> InspectionFile::Of(absl::string_view responder,
                                                  absl::string_view origin,
                                                  const DisclosureSearch& search,
                                                  SubjectKeys* keys) {
  InspectionFile file;
  file.responder = std::string(responder);
  file.origin = std::string(origin);
  std::set<std::pair<Period, crypto::Digest>> seen;
  const auto add = [&](const Period& period, Subject kind, const crypto::Digest& key) {
    if (seen.insert({period, key}).second) file.keys.push_back({period, kind, key});
  };
  for (const Period& period : search.periods()) {
    const absl::StatusOr<const SubjectKeys::Keys*> all = keys->Of(period);
    if (!all.ok()) return all.status();
    for (const SubjectKeyOf& one : **all) {
      if (one.kind == Subject::kPerson) {
        add(period, one.kind, one.key->raw(crypto::RawSecretAccess{}));
      }
    }
  }
  for (const Disclosure& one : search.found()) {
    add(Period::Of(one.entry), one.tagged_to, one.key);
    if (!one.sealed.empty()) file.sealed[one.index] = one.sealed;
  }
  return file;
}

std::string InspectionFile::ToJson() const {
  Json json;
  json["format"] = kFormat;
  json["secret"] = "opens everything this log holds about one person; keep it as that";
  json["responder"] = responder;
  json["origin"] = origin;
  json["keys"] = Json::array();
  for (const Key& key : keys) {
    json["keys"].push_back({{"agreement", key.period.agreement_id},
                            {"month", MonthText(key.period.month)},
                            {"retention_class", key.period.retention_class},
                            {"subject", key.kind == Subject::kPerson ? "person" : "tokens"},
                            {"key", crypto::Hex(key.key)}});
  }
  json["sealed"] = Json::array();
  for (const auto& [index, bytes] : sealed) {
    json["sealed"].push_back({{"index", index}, {"sealed", absl::Base64Escape(bytes)}});
  }
  json["not_included"] = gaps;
  return json.dump(1, ' ', false, Json::error_handler_t::replace) + "\n";
}

absl::StatusOr<InspectionFile> InspectionFile::Read(absl::string_view text) {
  const Json json = Json::parse(text.begin(), text.end(), nullptr, /*allow_exceptions=*/false);
  const absl::Status wrong =
      absl::InvalidArgumentError(absl::StrCat("is no inspection file (format \"", kFormat, "\")"));
  if (!json.is_object() || TextAt(json, "format") != kFormat) return wrong;
  const Json* const keys = ArrayAt(json, "keys");
  const Json* const sealed = ArrayAt(json, "sealed");
  if (keys == nullptr || sealed == nullptr) return wrong;
  InspectionFile file;
  file.responder = TextAt(json, "responder");
  file.origin = TextAt(json, "origin");
  for (const Json& one : *keys) {
    if (!one.is_object()) return wrong;
    Key key;
    key.period.agreement_id = TextAt(one, "agreement");
    const absl::optional<uint32_t> month = ParseMonth(TextAt(one, "month"));
    const uint64_t retention = NumberAt(one, "retention_class", 256);
    const std::string subject = TextAt(one, "subject");
    if (!month.has_value() || retention > 255 || (subject != "person" && subject != "tokens") ||
        !crypto::FromHex(TextAt(one, "key"), absl::MakeSpan(key.key))) {
      return wrong;
    }
    key.period.month = *month;
    key.period.retention_class = static_cast<uint8_t>(retention);
    key.kind = subject == "person" ? Subject::kPerson : Subject::kTokens;
    file.keys.push_back(std::move(key));
  }
  for (const Json& one : *sealed) {
    if (!one.is_object()) return wrong;
    const uint64_t index = NumberAt(one, "index", UINT64_MAX);
    std::string bytes;
    if (index == UINT64_MAX || !absl::Base64Unescape(TextAt(one, "sealed"), &bytes)) return wrong;
    file.sealed[index] = std::move(bytes);
  }
  // Files of earlier versions have none.
  if (const Json* const gaps = ArrayAt(json, "not_included"); gaps != nullptr) {
    for (const Json& one : *gaps) {
      if (!one.is_string()) return wrong;
      file.gaps.push_back(one.get<std::string>());
    }
  }
  return file;
}

std::unique_ptr<GivenKeys> InspectionFile::Keys() const {
  auto given = std::make_unique<GivenKeys>();
  for (const Key& key : keys) given->Add(key.period, key.kind, key.key);
  return given;
}

}  // namespace vouch::server::ledger::oversight
