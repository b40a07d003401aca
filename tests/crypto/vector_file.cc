#include "tests/crypto/vector_file.h"

#include <fstream>
#include <stdexcept>

#include "absl/strings/str_split.h"
#include "crypto/bytes.h"
#include "tests/paths.h"

namespace vouch::crypto {

std::vector<std::vector<std::string>> ReadVectors(const std::string& name, size_t fields) {
  std::ifstream file(std::string(VOUCH_SOURCE_DIR "/tests/vectors/crypto/") + name);
  if (!file) throw std::runtime_error("no vector file " + name);
  std::vector<std::vector<std::string>> cases;
  for (std::string line; std::getline(file, line);) {
    if (line.empty() || line[0] == '#') continue;
    cases.push_back(absl::StrSplit(line, '|'));
    if (cases.back().size() != fields) throw std::runtime_error("bad line in " + name);
  }
  return cases;
}

std::string FromHexText(const std::string& hex) {
  std::string bytes(hex.size() / 2, '\0');
  if (!FromHex(hex, absl::MakeSpan(reinterpret_cast<uint8_t*>(&bytes[0]), bytes.size()))) {
    throw std::runtime_error("not hexadecimal");
  }
  return bytes;
}

}  // namespace vouch::crypto
