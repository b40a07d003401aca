// The field table: what may stand in a file, declared once. From one declaration come the reader,
// every error of content (unknown and missing keys with position, "did you mean"), and the JSON
// Schema that editors use. Every format people edit is declared with it.
//
// A format in twenty lines (tests/policies/fields_test.cc has it running):
//
//   struct Listener { std::string address; int64_t port = 0; };
//   struct NodeFile { std::string agency; bool metrics = false; std::vector<Listener> listen; };
//
//   ShapeOf<NodeFile> NodeFileShape() {
//     const ShapeOf<Listener> listener = Map<Listener>("a listener", {
//         Required<Listener>("address", Text(), &Listener::address, "Where it listens.",
//                            "\"127.0.0.1\""),
//         Required<Listener>("port", Number(1, 65535), &Listener::port, "The TCP port.", "8443"),
//     });
//     return Map<NodeFile>("the node's settings", {
//         FormatField<NodeFile>("vouch-node/1"),
//         Required<NodeFile>("agency", AgencyName(), &NodeFile::agency, "The node's own agency.",
//                            "\"fsa.ed.example\""),
//         Optional<NodeFile>("metrics", YesNo(), &NodeFile::metrics, "Whether to serve metrics.",
//                            "true"),
//         Required<NodeFile>("listen", List(listener, 1, 8), &NodeFile::listen, "Listeners.",
//                            "[{address: \"127.0.0.1\", port: 8443}]"),
//     });
//   }
//   absl::optional<NodeFile> file = ReadDocument(name, bytes, *NodeFileShape(), &report);
//   Json schema = SchemaFor(*NodeFileShape(), "node.yaml");
//
// Instead of a pointer to a member any function V*(T*) may say where a value goes: to a nested
// struct, or with Itself<T> to the same struct (a section of the file that has no struct). What a
// key left out leaves behind is the member's own default. Checks that need more than one field run
// after reading, on positions from NodeAt (tree.h).
#ifndef VOUCH_POLICIES_ENGINE_FIELDS_H_
#define VOUCH_POLICIES_ENGINE_FIELDS_H_

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <type_traits>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "absl/time/civil_time.h"
#include "absl/time/time.h"
#include "absl/types/optional.h"
#include "nlohmann/json.hpp"
#include "policies/engine/source.h"
#include "policies/engine/tree.h"

namespace vouch::policies {

// Keys in the order they were declared, as the generated schemas show them.
using Json = nlohmann::ordered_json;

// What a reader knows besides the value it reads: the file, the path, where findings go.
class Reading {
 public:
  Reading(absl::string_view file, const Tree& tree, Report* report)
      : file_(file), tree_(tree), report_(report) {}

  // Always returns false, so that a reader can return it.
  bool Error(absl::string_view rule, Position position, absl::string_view offending,
             std::string message, std::string mend, std::string cite = "");
  void Warning(absl::string_view rule, Position position, absl::string_view offending,
               std::string message, std::string mend, std::string cite = "");
  // An error about what a scalar says; kept back on lines whose form is wrong already.
  bool ValueError(absl::string_view rule, const Node& node, std::string message, std::string mend);

  const std::string& path() const { return path_; }
  // False when the rest of the file could not be parsed: nothing is reported as missing then.
  bool complete() const { return tree_.complete; }
  bool failed() const { return errors_ > 0; }
  // Errors so far, those kept back on faulty lines included.
  int errors() const { return errors_; }

  // Appends a step to the path for as long as it lives.
  class Step {
   public:
    Step(Reading* reading, absl::string_view key);
    Step(Reading* reading, size_t index);  // zero-based; shown counted from one
    ~Step() { reading_->path_.resize(length_); }
    Step(const Step&) = delete;
    Step& operator=(const Step&) = delete;

   private:
    Reading* reading_;
    size_t length_;
  };

 private:
  void Add(Severity severity, absl::string_view rule, Position position,
           absl::string_view offending, std::string message, std::string mend, std::string cite);

  absl::string_view file_;
  const Tree& tree_;
  Report* report_;
  std::string path_;
  int errors_ = 0;
};

// Schemas that refer to themselves are collected here, by name.
using SchemaDefinitions = std::map<std::string, Json>;

// How one value is written, read and described. Immutable and thread-safe.
template <typename T>
class Shape {
 public:
  virtual ~Shape() = default;
  // False when something was reported; `out` is then not to be used.
  virtual bool Read(const Node& node, Reading* reading, T* out) const = 0;
  virtual Json Schema(SchemaDefinitions* definitions) const = 0;
};
template <typename T>
using ShapeOf = std::shared_ptr<const Shape<T>>;

// ---- scalars

// How a text must look. `pattern` is a regular expression for the whole text, in the syntax that
// ECMAScript and JSON Schema share; `expected` says the same in words.
struct TextRule {
  size_t most = 300;  // code points
  std::string pattern;
  std::string expected;
  bool prose = false;  // several lines and typographic quotes allowed
};
ShapeOf<std::string> Text(TextRule rule = {});
ShapeOf<std::string> Prose(size_t most = 20000);
ShapeOf<std::string> Exactly(std::string text);  // one fixed text
ShapeOf<int64_t> Number(int64_t least, int64_t most);
ShapeOf<int32_t> Number32(int32_t least, int32_t most);
ShapeOf<bool> YesNo();          // true or false
ShapeOf<absl::CivilDay> Day();  // "2027-01-31", a real day from 1900 to 2199
// "1 hour", "7 days", "18 months", "5 years". A month counts as 31 days and a year as 366: spans
// bound what may be learned and how long to keep, and are never shorter than a calendar's.
// `units` are those allowed, singular; `agreement` allows "agreement", read as infinite.
ShapeOf<absl::Duration> Span(std::vector<std::string> units, bool agreement = false);

// A day as Day reads it; nullopt for anything else, a 30 February included.
absl::optional<absl::CivilDay> ParseDay(absl::string_view text);

ShapeOf<std::string> AgencyName();      // "fsa.ed.example"
ShapeOf<std::string> Id();              // "student-aid-eligibility"
ShapeOf<std::string> Name();            // "household_size"
ShapeOf<std::string> Sha256();          // 64 lower-case hexadecimal digits
ShapeOf<std::string> KeyFingerprint();  // "sha256:" and 64 lower-case hexadecimal digits
ShapeOf<std::string> EmailAddress();
ShapeOf<std::string> LanguageTag();  // "en", "es-MX" (RFC 5646, language and region)

struct ChoiceWord {
  std::string word;
  std::string meaning;
};
// The index of the word read.
ShapeOf<size_t> ChoiceIndex(std::vector<ChoiceWord> words);

// ---- shared by the templates below

struct FieldText {
  std::string key;
  std::string description;
  // As it would be written in a file, on one line; empty for a section, whose example is put
  // together from those of the fields it must hold.
  std::string example;
  bool required = false;
};
struct MappingRules {
  // Of each group exactly one key is written.
  std::vector<std::vector<std::string>> exactly_one_of;
  // Keys that former versions had, and what to do instead; refused as unknown, in these words.
  std::vector<std::pair<std::string, std::string>> retired;
};
// For each field the entry that holds it, or nullptr. Reports unknown and missing keys; an unknown
// key that can only stand for one field is reported and read as that field.
absl::optional<std::vector<const Node::Entry*>> MatchFields(
    const Node& node, absl::string_view what, const std::vector<const FieldText*>& fields,
    const MappingRules& rules, Reading* reading);
bool ExpectSequence(const Node& node, size_t least, size_t most, Reading* reading);
bool ExpectMapping(const Node& node, absl::string_view what, Reading* reading);
void CheckRepeated(const Node& node, Reading* reading);
Json FieldSchema(const FieldText& text, Json value);
Json MappingSchema(absl::string_view what, const std::vector<const FieldText*>& fields,
                   const std::vector<Json>& values, const MappingRules& rules);
Json ListSchema(Json item, size_t least, size_t most, bool unique);
Json SchemaRoot(Json shape, SchemaDefinitions definitions, absl::string_view title);

// ---- compounds

template <typename T>
struct Field {
  FieldText text;
  std::function<bool(const Node&, Reading*, T*)> read;
  std::function<Json(SchemaDefinitions*)> schema;
};

template <typename T>
T* Itself(T* t) {
  return t;
}

template <typename T, typename V, typename Where>
Field<T> MakeField(bool required, std::string key, ShapeOf<V> shape, Where where,
                   std::string description, std::string example) {
  Field<T> field;
  field.text = {std::move(key), std::move(description), std::move(example), required};
  field.read = [shape, where](const Node& node, Reading* reading, T* out) {
    if constexpr (std::is_member_object_pointer_v<Where>) {
      return shape->Read(node, reading, &(out->*where));
    } else {
      return shape->Read(node, reading, where(out));
    }
  };
  field.schema = [shape](SchemaDefinitions* definitions) { return shape->Schema(definitions); };
  return field;
}
template <typename T, typename V, typename Where>
Field<T> Required(std::string key, std::shared_ptr<const Shape<V>> shape, Where where,
                  std::string description, std::string example) {
  return MakeField<T, V>(true, std::move(key), std::move(shape), where, std::move(description),
                         std::move(example));
}
template <typename T, typename V, typename Where>
Field<T> Optional(std::string key, std::shared_ptr<const Shape<V>> shape, Where where,
                  std::string description, std::string example) {
  return MakeField<T, V>(false, std::move(key), std::move(shape), where, std::move(description),
                         std::move(example));
}
// The field `format`, which names the format and its version.
template <typename T>
Field<T> FormatField(const std::string& format) {
  const ShapeOf<std::string> shape = Exactly(format);
  Field<T> field;
  field.text = {"format", "The format of this file and its version.",
                absl::StrCat("\"", format, "\""), true};
  field.read = [shape](const Node& node, Reading* reading, T*) {
    std::string ignored;
    return shape->Read(node, reading, &ignored);
  };
  field.schema = [shape](SchemaDefinitions* definitions) { return shape->Schema(definitions); };
  return field;
}

template <typename T>
class MappingShape : public Shape<T> {
 public:
  MappingShape(std::string what, std::vector<Field<T>> fields, MappingRules rules,
               Position T::*position)
      : what_(std::move(what)),
        fields_(std::move(fields)),
        rules_(std::move(rules)),
        position_(position) {
    for (const Field<T>& field : fields_) texts_.push_back(&field.text);
  }
  bool Read(const Node& node, Reading* reading, T* out) const override {
    const int errors_before = reading->errors();
    const auto entries = MatchFields(node, what_, texts_, rules_, reading);
    if (!entries.has_value()) return false;
    if (position_ != nullptr) out->*position_ = node.position;
    bool good = true;
    for (size_t i = 0; i < fields_.size(); ++i) {
      if ((*entries)[i] == nullptr) continue;
      const Reading::Step step(reading, fields_[i].text.key);
      if (!fields_[i].read((*entries)[i]->value, reading, out)) good = false;
    }
    return good && reading->errors() == errors_before;
  }
  Json Schema(SchemaDefinitions* definitions) const override {
    std::vector<Json> values;
    values.reserve(fields_.size());
    for (const Field<T>& field : fields_) values.push_back(field.schema(definitions));
    return MappingSchema(what_, texts_, values, rules_);
  }

 private:
  std::string what_;
  std::vector<Field<T>> fields_;
  std::vector<const FieldText*> texts_;
  MappingRules rules_;
  Position T::*position_;
};
// A mapping with fixed keys. `what` names it in errors ("a question"). `position` receives where it
// begins.
template <typename T>
ShapeOf<T> Map(std::string what, std::vector<Field<T>> fields, MappingRules rules = {},
               Position T::*position = nullptr) {
  return std::make_shared<MappingShape<T>>(std::move(what), std::move(fields), std::move(rules),
                                           position);
}

template <typename T>
class ListShape : public Shape<std::vector<T>> {
 public:
  ListShape(ShapeOf<T> item, size_t least, size_t most, bool unique)
      : item_(std::move(item)), least_(least), most_(most), unique_(unique) {}
  bool Read(const Node& node, Reading* reading, std::vector<T>* out) const override {
    bool good = ExpectSequence(node, least_, most_, reading);
    if (unique_) CheckRepeated(node, reading);
    out->clear();
    for (size_t i = 0; i < node.items.size(); ++i) {
      const Reading::Step step(reading, i);
      T value{};
      if (item_->Read(node.items[i], reading, &value)) {
        out->push_back(std::move(value));
      } else {
        good = false;
      }
    }
    return good;
  }
  Json Schema(SchemaDefinitions* definitions) const override {
    return ListSchema(item_->Schema(definitions), least_, most_, unique_);
  }

 private:
  ShapeOf<T> item_;
  size_t least_;
  size_t most_;
  bool unique_;
};
// A list of `least` to `most` items. `unique`: no two scalars alike.
template <typename T>
ShapeOf<std::vector<T>> List(std::shared_ptr<const Shape<T>> item, size_t least, size_t most,
                             bool unique = false) {
  return std::make_shared<ListShape<T>>(std::move(item), least, most, unique);
}

template <typename V>
class DictionaryShape : public Shape<std::vector<std::pair<std::string, V>>> {
 public:
  using Pairs = std::vector<std::pair<std::string, V>>;
  DictionaryShape(std::string what, ShapeOf<std::string> key, ShapeOf<V> value, size_t least)
      : what_(std::move(what)), key_(std::move(key)), value_(std::move(value)), least_(least) {}
  bool Read(const Node& node, Reading* reading, Pairs* out) const override {
    if (!ExpectMapping(node, what_, reading)) return false;
    bool good = true;
    if (node.entries.size() < least_) {
      good = reading->ValueError("field/length", node,
                                 absl::StrCat(what_, " needs at least ", least_, " of them"),
                                 "add what is missing");
    }
    out->clear();
    for (const Node::Entry& entry : node.entries) {
      const Reading::Step step(reading, entry.key);
      Node key;
      key.kind = Node::Kind::kScalar;
      key.style = Node::Style::kQuoted;
      key.position = entry.position;
      key.text = entry.key;
      std::pair<std::string, V> pair;
      const bool key_good = key_->Read(key, reading, &pair.first);
      const bool value_good = value_->Read(entry.value, reading, &pair.second);
      good = good && key_good && value_good;
      if (key_good && value_good) out->push_back(std::move(pair));
    }
    return good;
  }
  Json Schema(SchemaDefinitions* definitions) const override {
    Json schema;
    schema["type"] = "object";
    schema["propertyNames"] = key_->Schema(definitions);
    schema["additionalProperties"] = value_->Schema(definitions);
    if (least_ > 0) schema["minProperties"] = least_;
    return schema;
  }

 private:
  std::string what_;
  ShapeOf<std::string> key_;
  ShapeOf<V> value_;
  size_t least_;
};
// A mapping whose keys the writer chooses, in file order.
template <typename V>
ShapeOf<std::vector<std::pair<std::string, V>>> Dictionary(std::string what,
                                                           ShapeOf<std::string> key,
                                                           std::shared_ptr<const Shape<V>> value,
                                                           size_t least = 0) {
  return std::make_shared<DictionaryShape<V>>(std::move(what), std::move(key), std::move(value),
                                              least);
}

template <typename From, typename To>
class ConvertedShape : public Shape<To> {
 public:
  using Convert = std::function<bool(From, const Node&, Reading*, To*)>;
  ConvertedShape(ShapeOf<From> from, Convert convert)
      : from_(std::move(from)), convert_(std::move(convert)) {}
  bool Read(const Node& node, Reading* reading, To* out) const override {
    From value{};
    return from_->Read(node, reading, &value) && convert_(std::move(value), node, reading, out);
  }
  Json Schema(SchemaDefinitions* definitions) const override { return from_->Schema(definitions); }

 private:
  ShapeOf<From> from_;
  Convert convert_;
};
// Reads `From` and makes a `To` of it. `convert` returns false after reporting.
template <typename To, typename From, typename F>
ShapeOf<To> Converted(std::shared_ptr<const Shape<From>> from, F convert) {
  return std::make_shared<ConvertedShape<From, To>>(std::move(from), std::move(convert));
}
// Reads `From` and puts it into a `To`; `put` is void(From, To*).
template <typename To, typename From, typename F>
ShapeOf<To> Put(std::shared_ptr<const Shape<From>> from, F put) {
  return Converted<To>(std::move(from), [put](From value, const Node&, Reading*, To* out) {
    put(std::move(value), out);
    return true;
  });
}

// One of several words, each standing for a value.
template <typename E>
ShapeOf<E> Choice(const std::vector<std::pair<ChoiceWord, E>>& words) {
  std::vector<ChoiceWord> texts;
  std::vector<E> values;
  for (const auto& [word, value] : words) {
    texts.push_back(word);
    values.push_back(value);
  }
  return Put<E>(ChoiceIndex(std::move(texts)),
                [values](size_t index, E* out) { *out = values[index]; });
}

template <typename T>
class KindShape : public Shape<T> {
 public:
  KindShape(std::string expected, ShapeOf<T> scalar, ShapeOf<T> list, ShapeOf<T> mapping)
      : expected_(std::move(expected)),
        scalar_(std::move(scalar)),
        list_(std::move(list)),
        mapping_(std::move(mapping)) {}
  bool Read(const Node& node, Reading* reading, T* out) const override {
    const ShapeOf<T>* chosen = nullptr;
    if (node.kind == Node::Kind::kEmpty) return false;  // reported where it was parsed
    if (node.kind == Node::Kind::kScalar) chosen = &scalar_;
    if (node.kind == Node::Kind::kSequence) chosen = &list_;
    if (node.kind == Node::Kind::kMapping) chosen = &mapping_;
    if (chosen == nullptr || *chosen == nullptr) {
      return reading->ValueError("field/wrong-kind", node,
                                 absl::StrCat("`", reading->path(), "` is ", expected_),
                                 absl::StrCat("write ", expected_));
    }
    return (*chosen)->Read(node, reading, out);
  }
  Json Schema(SchemaDefinitions* definitions) const override {
    Json any = Json::array();
    for (const ShapeOf<T>* shape : {&scalar_, &list_, &mapping_}) {
      if (*shape != nullptr) any.push_back((*shape)->Schema(definitions));
    }
    return any.size() == 1 ? any[0] : Json{{"anyOf", any}};
  }

 private:
  std::string expected_;
  ShapeOf<T> scalar_;
  ShapeOf<T> list_;
  ShapeOf<T> mapping_;
};
// Written in one of up to three ways, told apart by kind; nullptr for a kind that is not allowed.
template <typename T>
ShapeOf<T> ByKind(std::string expected, ShapeOf<T> scalar, ShapeOf<T> list, ShapeOf<T> mapping) {
  return std::make_shared<KindShape<T>>(std::move(expected), std::move(scalar), std::move(list),
                                        std::move(mapping));
}

template <typename T>
class KeyedShape : public Shape<T> {
 public:
  using Cases = std::vector<std::pair<std::string, ShapeOf<T>>>;
  KeyedShape(std::string what, Cases cases) : what_(std::move(what)), cases_(std::move(cases)) {}
  bool Read(const Node& node, Reading* reading, T* out) const override {
    if (!ExpectMapping(node, what_, reading)) return false;
    for (const auto& [key, shape] : cases_) {
      if (node.Find(key) != nullptr) return shape->Read(node, reading, out);
    }
    // A misspelt key is best explained by the case it stands nearest to.
    std::vector<std::string> keys;
    for (const auto& keyed : cases_) keys.push_back(keyed.first);
    for (const Node::Entry& entry : node.entries) {
      const std::string near = Nearest(entry.key, keys);
      for (const auto& [key, shape] : cases_) {
        if (key == near) return shape->Read(node, reading, out);
      }
    }
    return cases_.back().second->Read(node, reading, out);
  }
  Json Schema(SchemaDefinitions* definitions) const override {
    Json any = Json::array();
    for (const auto& keyed : cases_) any.push_back(keyed.second->Schema(definitions));
    return Json{{"anyOf", any}};
  }

 private:
  std::string what_;
  Cases cases_;
};
// A mapping of one of several forms, told apart by a key that only this form requires. When none
// of the keys is there, the last form's errors are reported.
template <typename T>
ShapeOf<T> ByKey(std::string what, std::vector<std::pair<std::string, ShapeOf<T>>> cases) {
  return std::make_shared<KeyedShape<T>>(std::move(what), std::move(cases));
}

template <typename T>
class RecursiveShape : public Shape<T> {
 public:
  RecursiveShape(std::string name, const ShapeOf<T>& (*shape)())
      : name_(std::move(name)), shape_(shape) {}
  bool Read(const Node& node, Reading* reading, T* out) const override {
    return shape_()->Read(node, reading, out);
  }
  Json Schema(SchemaDefinitions* definitions) const override {
    if (definitions->count(name_) == 0) {
      (*definitions)[name_] = Json();  // marks it as under way
      Json schema = shape_()->Schema(definitions);
      (*definitions)[name_] = std::move(schema);
    }
    return Json{{"$ref", absl::StrCat("#/$defs/", name_)}};
  }

 private:
  std::string name_;
  const ShapeOf<T>& (*shape_)();
};
// Stands for `shape()`, which may contain itself. Files are at most kMostDepth deep.
template <typename T>
ShapeOf<T> Recursive(std::string name, const ShapeOf<T>& (*shape)()) {
  return std::make_shared<RecursiveShape<T>>(std::move(name), shape);
}

// ---- whole files

// A tree as the JSON an editor would hold against the schema. Plain words that some YAML readers
// take for something else than text (`no`, `010`, `1.5`) become null, which no schema allows.
Json ToJson(const Node& node);
Json ScalarToJson(const Node& node);

// Reads one file. Findings go to `report`; the value is returned only when none of this file's is
// an error. `check`, when given, looks at what more than one field decides. It runs even after
// errors, so that all are reported at once: what could not be read has its default then.
template <typename T>
absl::optional<T> ReadDocument(
    absl::string_view file, absl::string_view bytes, const Shape<T>& shape, Report* report,
    const std::function<void(T*, const Node& root, Reading*)>& check = nullptr) {
  Report own;
  absl::optional<T> value;
  if (const absl::optional<Tree> tree = ReadTree(file, bytes, &own)) {
    Reading reading(file, *tree, &own);
    value.emplace();
    shape.Read(tree->root, &reading, &*value);
    if (check != nullptr && tree->complete) check(&*value, tree->root, &reading);
  }
  report->Merge(own);
  if (own.HasErrors()) return absl::nullopt;
  return value;
}

template <typename T>
Json SchemaFor(const Shape<T>& shape, absl::string_view title) {
  SchemaDefinitions definitions;
  Json schema = shape.Schema(&definitions);
  return SchemaRoot(std::move(schema), std::move(definitions), title);
}

}  // namespace vouch::policies

#endif  // VOUCH_POLICIES_ENGINE_FIELDS_H_
