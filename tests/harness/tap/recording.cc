#include "tests/harness/tap/recording.h"

#include <cerrno>
#include <cstdlib>
#include <fstream>
#include <sstream>

#include "absl/strings/str_cat.h"

namespace vouch::tap {

namespace {

constexpr absl::string_view kMagic = "vouch-tap/1\n";

template <typename Integer>
void AppendInteger(Integer value, std::string* out) {
  for (int shift = static_cast<int>(sizeof(value)) * 8 - 8; shift >= 0; shift -= 8) {
    out->push_back(static_cast<char>((value >> shift) & 0xff));
  }
}

void AppendField(absl::string_view bytes, std::string* out) {
  AppendInteger(static_cast<uint32_t>(bytes.size()), out);
  absl::StrAppend(out, bytes);
}

// Takes integers and fields off the front of a text; `ok` turns false at its end.
struct Reader {
  absl::string_view rest;
  bool ok = true;

  uint64_t Integer(size_t size) {
    uint64_t value = 0;
    for (const char byte : Bytes(size)) value = value << 8 | static_cast<uint8_t>(byte);
    return value;
  }
  absl::string_view Bytes(size_t size) {
    if (size > rest.size()) {
      ok = false;
      return {};
    }
    const absl::string_view taken = rest.substr(0, size);
    rest.remove_prefix(size);
    return taken;
  }
  absl::string_view Field() { return Bytes(Integer(4)); }
};

}  // namespace

std::string MetadataBytes(const std::vector<std::pair<std::string, std::string>>& metadata) {
  std::string out;
  for (const auto& [name, value] : metadata) {
    AppendField(name, &out);
    AppendField(value, &out);
  }
  return out;
}

std::string StatusBytes(uint32_t code, absl::string_view message, absl::string_view details) {
  std::string out;
  AppendInteger(code, &out);
  AppendField(message, &out);
  AppendField(details, &out);
  return out;
}

absl::StatusOr<std::unique_ptr<Recording>> Recording::Create(const std::string& path) {
  FILE* file = std::fopen(path.c_str(), "wb");
  if (file == nullptr) return absl::ErrnoToStatus(errno, absl::StrCat("cannot write ", path));
  std::unique_ptr<Recording> recording(new Recording(file));
  if (std::fwrite(kMagic.data(), 1, kMagic.size(), file) != kMagic.size() ||
      std::fflush(file) != 0) {
    return absl::ErrnoToStatus(errno, absl::StrCat("cannot write ", path));
  }
  return recording;
}

void Recording::Write(const Record& record) {
  std::string body;
  body.push_back(static_cast<char>(record.direction));
  body.push_back(static_cast<char>(record.kind));
  AppendInteger(record.call, &body);
  AppendField(record.method, &body);
  AppendField(record.bytes, &body);
  std::string framed;
  AppendField(body, &framed);
  std::lock_guard<std::mutex> lock(mutex_);
  if (std::fwrite(framed.data(), 1, framed.size(), file_.get()) != framed.size() ||
      std::fflush(file_.get()) != 0) {
    std::perror("vouch-tap: the recording cannot be written");
    std::_Exit(1);
  }
}

absl::StatusOr<std::vector<Record>> ReadRecording(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  std::ostringstream text;
  text << file.rdbuf();
  const std::string contents = text.str();
  Reader reader{contents};
  if (!file || reader.Bytes(kMagic.size()) != kMagic) {
    return absl::InvalidArgumentError(absl::StrCat(path, " is not a recording"));
  }
  std::vector<Record> records;
  while (reader.ok && !reader.rest.empty()) {
    Reader body{reader.Field()};
    Record record;
    record.direction = static_cast<Direction>(body.Integer(1));
    record.kind = static_cast<Kind>(body.Integer(1));
    record.call = body.Integer(8);
    record.method = std::string(body.Field());
    record.bytes = std::string(body.Field());
    reader.ok = reader.ok && body.ok && body.rest.empty();
    records.push_back(std::move(record));
  }
  if (!reader.ok) {
    return absl::InvalidArgumentError(absl::StrCat(path, " ends within a record"));
  }
  return records;
}

}  // namespace vouch::tap
