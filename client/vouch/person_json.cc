#include "client/vouch/person_json.h"

#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "crypto/secret.h"
#include "nlohmann/json.hpp"
#include "policies/engine/source.h"

namespace vouch::client {
namespace {

constexpr size_t kLargestPerson = 64 << 10;

absl::Status UnknownAttribute(const std::string& name, absl::string_view where) {
  std::vector<std::string> names;
  for (const crypto::Attribute known : crypto::AllAttributes()) {
    names.emplace_back(crypto::AttributeName(known));
  }
  const std::string near = policies::Nearest(name, names);
  return absl::InvalidArgumentError(
      absl::StrCat(where, ": one of the names is no attribute",
                   near.empty() ? "." : absl::StrCat("; did you mean ", near, "?"),
                   " Attributes are ", absl::StrJoin(names, ", ")));
}

// Null when it is too large or no JSON.
nlohmann::json ReadJson(std::istream& in) {
  std::string text(kLargestPerson + 1, '\0');
  in.read(&text[0], static_cast<std::streamsize>(text.size()));
  text.resize(static_cast<size_t>(in.gcount()));
  const bool too_large = text.size() > kLargestPerson;
  nlohmann::json json = too_large ? nlohmann::json() : nlohmann::json::parse(text, nullptr, false);
  crypto::Wipe(&text);
  return json;
}

absl::StatusOr<crypto::Identity> ToPerson(const nlohmann::json& json, absl::string_view where) {
  const absl::Status bad = absl::InvalidArgumentError(absl::StrCat(
      where,
      ": a person is one JSON object of attributes, each a text or a list of texts, such as "
      "{\"date_of_birth\":\"1990-02-03\",\"family_name\":[\"Smith\",\"Jones\"]}"));
  if (!json.is_object()) return bad;
  crypto::Identity identity;
  for (const auto& [name, value] : json.items()) {
    const auto attribute = crypto::AttributeNamed(name);
    if (!attribute.has_value()) return UnknownAttribute(name, where);
    if (value.is_string()) {
      identity.Add(*attribute, value.get<std::string>());
    } else if (value.is_array() && !value.empty()) {
      for (const auto& item : value) {
        if (!item.is_string()) return bad;
        identity.Add(*attribute, item.get<std::string>());
      }
    } else {
      return bad;
    }
  }
  return identity;
}

}  // namespace

absl::StatusOr<crypto::Identity> ReadPerson(std::istream& in, absl::string_view where) {
  return ToPerson(ReadJson(in), where);
}

absl::StatusOr<std::vector<crypto::Identity>> ReadPeople(std::istream& in,
                                                         absl::string_view where) {
  const nlohmann::json json = ReadJson(in);
  const bool wrapped = json.is_object() && json.size() == 1 && json.contains("members");
  const nlohmann::json& list = wrapped ? json["members"] : json;
  std::vector<crypto::Identity> people;
  if (!wrapped && !list.is_array()) {
    absl::StatusOr<crypto::Identity> person = ToPerson(json, where);
    if (!person.ok()) return person.status();
    people.push_back(*std::move(person));
    return people;
  }
  if (!list.is_array() || list.empty()) {
    return absl::InvalidArgumentError(
        absl::StrCat(where, ": the members of a group are a JSON array of at least one person"));
  }
  for (const nlohmann::json& one : list) {
    absl::StatusOr<crypto::Identity> person =
        ToPerson(one, absl::StrCat(where, ", member ", people.size() + 1));
    if (!person.ok()) return person.status();
    people.push_back(*std::move(person));
  }
  return people;
}

}  // namespace vouch::client
