#include "server/journal/checksum.h"

#include <gtest/gtest.h>

#include <string>

namespace vouch::server::journal {
namespace {

// RFC 3720, appendix B.4, and the customary check value.
TEST(ChecksumTest, MatchesPublishedExamples) {
  EXPECT_EQ(Crc32c({}), 0u);
  EXPECT_EQ(Crc32c(crypto::AsBytes("123456789")), 0xe3069283u);
  EXPECT_EQ(Crc32c(crypto::AsBytes(std::string(32, '\0'))), 0x8a9136aau);
  EXPECT_EQ(Crc32c(crypto::AsBytes(std::string(32, '\xff'))), 0x62a8ab43u);
}

TEST(ChecksumTest, GoesOnFromWhatCameBefore) {
  const std::string text = "a text that is longer than one word of eight bytes";
  for (size_t cut = 0; cut <= text.size(); ++cut) {
    EXPECT_EQ(
        Crc32c(crypto::AsBytes(text.substr(cut)), Crc32c(crypto::AsBytes(text.substr(0, cut)))),
        Crc32c(crypto::AsBytes(text)));
  }
}

}  // namespace
}  // namespace vouch::server::journal
