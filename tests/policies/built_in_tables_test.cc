#include <fstream>
#include <sstream>

#include "gtest/gtest.h"
#include "policies/reference/built_in.h"
#include "tests/paths.h"

namespace vouch::policies::reference {
namespace {

std::string FileBytes(const std::string& path) {
  std::ifstream in(path, std::ios::binary);
  std::ostringstream bytes;
  bytes << in.rdbuf();
  return bytes.str();
}

TEST(BuiltInTablesTest, AreTheFilesOfTheSourceByteForByte) {
  ASSERT_FALSE(BuiltInTables().empty());
  for (const BuiltInFile& table : BuiltInTables()) {
    const std::string source =
        FileBytes(std::string(VOUCH_SOURCE_DIR "/policies/reference/") + std::string(table.name));
    EXPECT_FALSE(source.empty()) << table.name;
    EXPECT_TRUE(source == table.bytes) << table.name;
  }
}

}  // namespace
}  // namespace vouch::policies::reference
