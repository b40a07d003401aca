// Checks JSON against the part of JSON Schema (draft 7) that our schemas use. A keyword it does not
// know makes it throw, so that a schema cannot say more than is compared here.
#ifndef VOUCH_TESTS_POLICIES_JSON_SCHEMA_H_
#define VOUCH_TESTS_POLICIES_JSON_SCHEMA_H_

#include <map>
#include <regex>
#include <set>
#include <stdexcept>
#include <string>

#include "policies/engine/fields.h"
#include "policies/engine/unicode.h"

namespace vouch::policies {

class SchemaChecker {
 public:
  explicit SchemaChecker(const Json& root) : root_(root) {}
  bool Accepts(const Json& value) { return Accepts(root_, value); }

  bool Accepts(const Json& schema, const Json& value) {
    for (const auto& [keyword, rule] : schema.items()) {
      if (!Holds(keyword, rule, schema, value)) return false;
    }
    return true;
  }

 private:
  bool Holds(const std::string& keyword, const Json& rule, const Json& schema, const Json& value) {
    if (keyword == "type") return HasType(rule, value);
    if (keyword == "const") return value == rule;
    if (keyword == "enum") return std::find(rule.begin(), rule.end(), value) != rule.end();
    if (keyword == "pattern") return !value.is_string() || Matches(rule, value);
    if (keyword == "minLength") return !value.is_string() || Length(value) >= rule;
    if (keyword == "maxLength") return !value.is_string() || Length(value) <= rule;
    if (keyword == "minimum") return !value.is_number() || value >= rule;
    if (keyword == "maximum") return !value.is_number() || value <= rule;
    if (keyword == "minItems") return !value.is_array() || value.size() >= rule;
    if (keyword == "maxItems") return !value.is_array() || value.size() <= rule;
    if (keyword == "minProperties") return !value.is_object() || value.size() >= rule;
    if (keyword == "uniqueItems") {
      std::set<std::string> seen;
      if (!value.is_array()) return true;
      for (const Json& item : value) {
        if (!seen.insert(item.dump()).second) return false;
      }
      return true;
    }
    if (keyword == "items") {
      if (!value.is_array()) return true;
      return std::all_of(value.begin(), value.end(),
                         [&](const Json& item) { return Accepts(rule, item); });
    }
    if (keyword == "required") {
      if (!value.is_object()) return true;
      return std::all_of(rule.begin(), rule.end(),
                         [&](const Json& key) { return value.contains(key.get<std::string>()); });
    }
    if (keyword == "properties") return Properties(rule, value);
    if (keyword == "additionalProperties") return Additional(rule, schema, value);
    if (keyword == "propertyNames") {
      if (!value.is_object()) return true;
      for (const auto& [key, unused] : value.items()) {
        if (!Accepts(rule, Json(key))) return false;
      }
      return true;
    }
    if (keyword == "anyOf") return Count(rule, value) >= 1;
    if (keyword == "oneOf") return Count(rule, value) == 1;
    if (keyword == "allOf") return Count(rule, value) == rule.size();
    if (keyword == "$ref") {
      const std::string path = rule;
      return Accepts(root_["$defs"].at(path.substr(path.rfind('/') + 1)), value);
    }
    static const auto* const kAnnotations =
        new std::set<std::string>{"$schema", "$defs", "title", "description", "examples"};
    if (kAnnotations->count(keyword) == 0) throw std::logic_error("keyword " + keyword);
    return true;
  }

  static bool HasType(const std::string& type, const Json& value) {
    if (type == "object") return value.is_object();
    if (type == "array") return value.is_array();
    if (type == "string") return value.is_string();
    if (type == "integer") return value.is_number_integer();
    if (type == "boolean") return value.is_boolean();
    throw std::logic_error("type " + type);
  }
  static size_t Length(const Json& value) { return CodePointCount(value.get<std::string>()); }
  bool Matches(const std::string& pattern, const std::string& text) {
    const auto [found, added] = patterns_.try_emplace(pattern);
    if (added) found->second.assign(pattern);
    return text.size() <= 4096 && std::regex_search(text, found->second);
  }
  bool Properties(const Json& rule, const Json& value) {
    if (!value.is_object()) return true;
    for (const auto& [key, part] : value.items()) {
      if (rule.contains(key) && !Accepts(rule[key], part)) return false;
    }
    return true;
  }
  bool Additional(const Json& rule, const Json& schema, const Json& value) {
    if (!value.is_object()) return true;
    for (const auto& [key, part] : value.items()) {
      if (schema.contains("properties") && schema["properties"].contains(key)) continue;
      if (rule.is_boolean() ? !rule.get<bool>() : !Accepts(rule, part)) return false;
    }
    return true;
  }
  size_t Count(const Json& schemas, const Json& value) {
    return static_cast<size_t>(std::count_if(schemas.begin(), schemas.end(),
                                             [&](const Json& s) { return Accepts(s, value); }));
  }

  const Json& root_;
  std::map<std::string, std::regex> patterns_;
};

}  // namespace vouch::policies

#endif  // VOUCH_TESTS_POLICIES_JSON_SCHEMA_H_
