#include "policies/engine/fields.h"

#include <algorithm>
#include <set>

#include "absl/strings/match.h"
#include "absl/strings/str_join.h"

namespace vouch::policies {
namespace {

std::string Where(const Reading& reading) {
  return reading.path().empty() ? "the file" : absl::StrCat("`", reading.path(), "`");
}

bool InGroup(const MappingRules& rules, absl::string_view key) {
  for (const auto& group : rules.exactly_one_of) {
    if (std::find(group.begin(), group.end(), key) != group.end()) return true;
  }
  return false;
}

// An example of a section, put together from the examples of what it must hold.
Json ComposedExample(const Json& schema) {
  if (schema.contains("examples")) return schema["examples"][0];
  if (schema.contains("items")) return Json::array({ComposedExample(schema["items"])});
  Json example = Json::object();
  if (!schema.contains("properties")) return example;
  for (const auto& [key, property] : schema["properties"].items()) {
    const Json& required = schema.value("required", Json::array());
    if (std::find(required.begin(), required.end(), key) != required.end()) {
      example[key] = ComposedExample(property);
    }
  }
  return example;
}

std::string Ticked(const std::vector<std::string>& words) {
  return absl::StrJoin(words, ", ", [](std::string* out, const std::string& word) {
    absl::StrAppend(out, "`", word, "`");
  });
}

}  // namespace

bool Reading::Error(absl::string_view rule, Position position, absl::string_view offending,
                    std::string message, std::string mend, std::string cite) {
  ++errors_;
  Add(Severity::kError, rule, position, offending, std::move(message), std::move(mend),
      std::move(cite));
  return false;
}

void Reading::Warning(absl::string_view rule, Position position, absl::string_view offending,
                      std::string message, std::string mend, std::string cite) {
  Add(Severity::kWarning, rule, position, offending, std::move(message), std::move(mend),
      std::move(cite));
}

bool Reading::ValueError(absl::string_view rule, const Node& node, std::string message,
                         std::string mend) {
  if (tree_.faulty_lines.count(node.position.line) > 0) {
    ++errors_;
    return false;
  }
  return Error(rule, node.position, node.text, std::move(message), std::move(mend));
}

void Reading::Add(Severity severity, absl::string_view rule, Position position,
                  absl::string_view offending, std::string message, std::string mend,
                  std::string cite) {
  Finding finding;
  finding.severity = severity;
  finding.rule = std::string(rule);
  finding.file = std::string(file_);
  finding.position = position;
  finding.path = path_;
  finding.offending = Shown(offending);
  finding.message = std::move(message);
  finding.mend = std::move(mend);
  finding.cite = cite.empty() ? CiteForRule(rule) : std::move(cite);
  report_->Add(std::move(finding));
}

Reading::Step::Step(Reading* reading, absl::string_view key)
    : reading_(reading), length_(reading->path_.size()) {
  absl::StrAppend(&reading->path_, length_ == 0 ? "" : ".", Shown(key));
}

Reading::Step::Step(Reading* reading, size_t index)
    : reading_(reading), length_(reading->path_.size()) {
  absl::StrAppend(&reading->path_, "[", index + 1, "]");
}

absl::optional<std::vector<const Node::Entry*>> MatchFields(
    const Node& node, absl::string_view what, const std::vector<const FieldText*>& fields,
    const MappingRules& rules, Reading* reading) {
  if (!ExpectMapping(node, what, reading)) return absl::nullopt;
  std::vector<const Node::Entry*> found(fields.size(), nullptr);
  std::vector<std::string> absent;
  for (size_t i = 0; i < fields.size(); ++i) {
    for (const Node::Entry& entry : node.entries) {
      if (entry.key == fields[i]->key) found[i] = &entry;
    }
    if (found[i] == nullptr) absent.push_back(fields[i]->key);
  }
  for (const Node::Entry& entry : node.entries) {
    const auto known = [&](const FieldText* field) { return field->key == entry.key; };
    if (std::any_of(fields.begin(), fields.end(), known)) continue;
    const auto retired = std::find_if(rules.retired.begin(), rules.retired.end(),
                                      [&](const auto& one) { return one.first == entry.key; });
    if (retired != rules.retired.end()) {
      reading->Error("field/unknown-key", entry.position, entry.key,
                     absl::StrCat("`", entry.key, "` is no longer a key here"), retired->second);
      continue;
    }
    const std::string near = Nearest(entry.key, absent);
    std::vector<std::string> all;
    for (const FieldText* field : fields) all.push_back(field->key);
    reading->Error("field/unknown-key", entry.position, entry.key,
                   absl::StrCat("there is no key `", Shown(entry.key), "` in ", Where(*reading),
                                " (", what, ")"),
                   near.empty() ? absl::StrCat("the keys here are ", Ticked(all))
                                : absl::StrCat("did you mean `", near, "`?"));
    for (size_t i = 0; i < fields.size(); ++i) {
      if (fields[i]->key == near && found[i] == nullptr) found[i] = &entry;
    }
  }
  const auto missing = [&](const std::string& needs, std::string mend) {
    if (!reading->complete()) return;
    reading->Error("field/missing", node.position, "",
                   absl::StrCat(reading->path().empty() ? "the file" : reading->path(), ", line ",
                                node.position.line, ", needs ", needs),
                   std::move(mend));
  };
  for (size_t i = 0; i < fields.size(); ++i) {
    if (!fields[i]->required || found[i] != nullptr || InGroup(rules, fields[i]->key)) continue;
    const std::string example =
        fields[i]->example.empty() ? "" : absl::StrCat(" ", fields[i]->example);
    missing(
        absl::StrCat("`", fields[i]->key, "`"),
        absl::StrCat("add `", fields[i]->key, ":", example, "` (", fields[i]->description, ")"));
  }
  for (const auto& group : rules.exactly_one_of) {
    std::vector<const Node::Entry*> present;
    for (size_t i = 0; i < fields.size(); ++i) {
      if (found[i] != nullptr &&
          std::find(group.begin(), group.end(), fields[i]->key) != group.end()) {
        present.push_back(found[i]);
      }
    }
    if (present.empty()) missing(absl::StrCat("one of ", Ticked(group)), "add one of them");
    for (size_t i = 1; i < present.size(); ++i) {
      reading->Error("field/one-of", present[i]->position, present[i]->key,
                     absl::StrCat("`", present[i]->key, "` stands beside `", present[0]->key,
                                  "` in line ", present[0]->position.line, "; exactly one of ",
                                  Ticked(group), " is written"),
                     "delete one of them, or join two conditions with `all_of`");
    }
  }
  return found;
}

bool ExpectMapping(const Node& node, absl::string_view what, Reading* reading) {
  if (node.kind == Node::Kind::kMapping) return true;
  if (node.kind == Node::Kind::kEmpty) return false;  // reported where it was parsed
  return reading->ValueError(
      "field/wrong-kind", node,
      absl::StrCat(Where(*reading), " is ", what, ", written as `key: value` lines"),
      "write its keys below it, two spaces further in, or within { }");
}

bool ExpectSequence(const Node& node, size_t least, size_t most, Reading* reading) {
  if (node.kind == Node::Kind::kEmpty) return false;
  if (node.kind != Node::Kind::kSequence) {
    return reading->ValueError("field/wrong-kind", node,
                               absl::StrCat(Where(*reading), " is a list"),
                               "write each item on a line of its own behind `- `, or within [ ]");
  }
  if (node.items.size() >= least && node.items.size() <= most) return true;
  return reading->ValueError(
      "field/length", node,
      absl::StrCat(Where(*reading), " has ", node.items.size(), " items; it has ", least, " to ",
                   most),
      node.items.size() < least ? "add what is missing" : "shorten the list");
}

void CheckRepeated(const Node& node, Reading* reading) {
  std::map<std::string, int> lines;
  for (size_t i = 0; i < node.items.size(); ++i) {
    const Node& item = node.items[i];
    if (item.kind == Node::Kind::kEmpty) continue;
    const auto [first, added] = lines.emplace(ToJson(item).dump(), item.position.line);
    if (added) continue;
    const Reading::Step step(reading, i);
    reading->ValueError("field/repeated", item,
                        absl::StrCat("this is in the list already, in line ", first->second),
                        "delete one of them");
  }
}

Json FieldSchema(const FieldText& text, Json value) {
  Json schema;
  schema["description"] = text.description;
  Report ignored;
  if (text.example.empty()) {
    schema["examples"] = Json::array({ComposedExample(value)});
  } else if (const absl::optional<Tree> example =
                 ReadTree("example", absl::StrCat("x: ", text.example), &ignored)) {
    const Node* node = example->root.Find("x");
    if (node != nullptr) schema["examples"] = Json::array({ToJson(*node)});
  }
  if (value.contains("$ref")) {
    // Draft 7 readers ignore what stands beside a reference.
    schema["allOf"] = Json::array({std::move(value)});
    return schema;
  }
  for (auto& [key, part] : value.items()) {
    // A choice explains its words; that belongs behind the field's own description.
    if (key == "description" && value.contains("enum")) {
      schema["description"] = absl::StrCat(text.description, " ", part.get<std::string>());
    } else if (key != "description") {
      schema[key] = part;
    }
  }
  return schema;
}

Json MappingSchema(absl::string_view what, const std::vector<const FieldText*>& fields,
                   const std::vector<Json>& values, const MappingRules& rules) {
  Json schema;
  schema["type"] = "object";
  schema["description"] = std::string(what);
  schema["additionalProperties"] = false;
  Json required = Json::array();
  Json properties = Json::object();
  for (size_t i = 0; i < fields.size(); ++i) {
    if (fields[i]->required && !InGroup(rules, fields[i]->key)) required.push_back(fields[i]->key);
    properties[fields[i]->key] = FieldSchema(*fields[i], values[i]);
  }
  if (!required.empty()) schema["required"] = required;
  schema["properties"] = properties;
  Json groups = Json::array();
  for (const auto& group : rules.exactly_one_of) {
    Json one_of = Json::array();
    for (const std::string& key : group) {
      one_of.push_back(Json{{"required", Json::array({key})}});
    }
    groups.push_back(Json{{"oneOf", one_of}});
  }
  if (!groups.empty()) schema["allOf"] = groups;
  return schema;
}

Json ListSchema(Json item, size_t least, size_t most, bool unique) {
  Json schema;
  schema["type"] = "array";
  schema["minItems"] = least;
  schema["maxItems"] = most;
  if (unique) schema["uniqueItems"] = true;
  schema["items"] = std::move(item);
  return schema;
}

Json SchemaRoot(Json shape, SchemaDefinitions definitions, absl::string_view title) {
  Json schema;
  schema["$schema"] = "http://json-schema.org/draft-07/schema#";
  schema["title"] = std::string(title);
  for (auto& [key, part] : shape.items()) schema[key] = part;
  if (!definitions.empty()) {
    Json all = Json::object();
    for (auto& [name, definition] : definitions) all[name] = definition;
    schema["$defs"] = all;
  }
  return schema;
}

Json ToJson(const Node& node) {
  switch (node.kind) {
    case Node::Kind::kEmpty:
      return nullptr;
    case Node::Kind::kMapping: {
      Json json = Json::object();
      for (const Node::Entry& entry : node.entries) json[entry.key] = ToJson(entry.value);
      return json;
    }
    case Node::Kind::kSequence: {
      Json json = Json::array();
      for (const Node& item : node.items) json.push_back(ToJson(item));
      return json;
    }
    case Node::Kind::kScalar:
      return ScalarToJson(node);
  }
  return nullptr;
}

}  // namespace vouch::policies
