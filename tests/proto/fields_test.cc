// The wire format is an agreement with every partner: proto/fields.txt lists each field, and a
// field that was ever there keeps its number, type and name.
#include <gmock/gmock.h>
#include <google/protobuf/descriptor.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <fstream>
#include <sstream>
#include <string>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_split.h"
#include "absl/strings/string_view.h"
#include "tests/paths.h"
#include "vouch/v1/blinding.pb.h"
#include "vouch/v1/ledger.pb.h"
#include "vouch/v1/verification.pb.h"

namespace vouch {
namespace {

using google::protobuf::Descriptor;
using google::protobuf::EnumDescriptor;
using google::protobuf::FieldDescriptor;
using google::protobuf::FileDescriptor;
using google::protobuf::MethodDescriptor;

using Lines = std::vector<std::string>;

std::string TypeOf(const FieldDescriptor& field) {
  std::string type = field.type_name();
  if (field.message_type() != nullptr) type = field.message_type()->full_name();
  if (field.enum_type() != nullptr) type = field.enum_type()->full_name();
  if (field.is_repeated()) type = absl::StrCat("repeated ", type);
  if (field.real_containing_oneof() != nullptr) {
    absl::StrAppend(&type, " in ", field.real_containing_oneof()->name());
  }
  return type;
}

void List(const EnumDescriptor& type, Lines* lines) {
  for (int i = 0; i < type.value_count(); ++i) {
    lines->push_back(
        absl::StrCat(type.full_name(), " ", type.value(i)->number(), " ", type.value(i)->name()));
  }
}

void List(const Descriptor& message, Lines* lines) {
  for (int i = 0; i < message.field_count(); ++i) {
    const FieldDescriptor& field = *message.field(i);
    lines->push_back(absl::StrCat(message.full_name(), " ", field.number(), " ", field.name(), ": ",
                                  TypeOf(field)));
  }
  for (int i = 0; i < message.enum_type_count(); ++i) List(*message.enum_type(i), lines);
  for (int i = 0; i < message.nested_type_count(); ++i) List(*message.nested_type(i), lines);
}

void List(const FileDescriptor& file, Lines* lines) {
  for (int i = 0; i < file.service_count(); ++i) {
    for (int k = 0; k < file.service(i)->method_count(); ++k) {
      const MethodDescriptor& method = *file.service(i)->method(k);
      lines->push_back(absl::StrCat(
          method.full_name(), ": ", method.client_streaming() ? "stream " : "",
          method.input_type()->full_name(), " -> ", method.server_streaming() ? "stream " : "",
          method.output_type()->full_name()));
    }
  }
  for (int i = 0; i < file.message_type_count(); ++i) List(*file.message_type(i), lines);
  for (int i = 0; i < file.enum_type_count(); ++i) List(*file.enum_type(i), lines);
}

Lines Compiled() {
  Lines lines;
  List(*v1::VerifyRequest::descriptor()->file(), &lines);
  List(*v1::EvaluateRequest::descriptor()->file(), &lines);
  List(*v1::GetTileRequest::descriptor()->file(), &lines);
  return lines;
}

Lines Committed() {
  std::ifstream file(absl::StrCat(VOUCH_SOURCE_DIR, "/proto/fields.txt"));
  std::stringstream text;
  text << file.rdbuf();
  Lines lines;
  for (const absl::string_view line : absl::StrSplit(text.str(), '\n', absl::SkipEmpty())) {
    if (!absl::StartsWith(line, "#")) lines.emplace_back(line);
  }
  return lines;
}

TEST(ProtoFieldsTest, AreThoseOfTheCommittedListing) {
  EXPECT_THAT(Compiled(), testing::ContainerEq(Committed()))
      << "a new field: add its line to proto/fields.txt; another name, number or type for one that "
         "is there breaks partners. The listing as compiled:\n"
      << absl::StrJoin(Compiled(), "\n");
}

TEST(ProtoFieldsTest, AreListedWithEveryKindOfThing) {
  const Lines lines = Compiled();
  const auto has = [&](absl::string_view start) {
    return std::any_of(lines.begin(), lines.end(),
                       [&](const std::string& line) { return absl::StartsWith(line, start); });
  };
  EXPECT_TRUE(has("vouch.v1.Verification.VerifyBatch: stream "));
  EXPECT_TRUE(has("vouch.v1.Parameter 2 number: "));
  EXPECT_TRUE(has("vouch.v1.Answer 1 "));
  EXPECT_TRUE(has("vouch.v1.EvaluateRequest "));
}

}  // namespace
}  // namespace vouch
