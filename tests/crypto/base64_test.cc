#include "crypto/base64.h"

#include <gtest/gtest.h>

namespace vouch::crypto {
namespace {

TEST(Base64Test, WritesTheVectorsOfRfc4648) {
  EXPECT_EQ(Base64(AsBytes("")), "");
  EXPECT_EQ(Base64(AsBytes("f")), "Zg==");
  EXPECT_EQ(Base64(AsBytes("fo")), "Zm8=");
  EXPECT_EQ(Base64(AsBytes("foobar")), "Zm9vYmFy");
  EXPECT_EQ(Base64Url(AsBytes("f")), "Zg");
  EXPECT_EQ(Base64Url(AsBytes("\xfb\xff")), "-_8");
}

TEST(Base64Test, ReadsOnlyTheCanonicalForm) {
  std::string out;
  EXPECT_TRUE(FromBase64("Zm8=", &out));
  EXPECT_EQ(out, "fo");
  for (const char* bad : {"Zm8", "Zm9=", "Zm8= ", " Zm8=", "Zm 8=", "Zm8=\n", "Zm8==", "Zm8.", "Zg",
                          "Zh==", "-_8=", "=", "Z"}) {
    EXPECT_FALSE(FromBase64(bad, &out)) << bad;
  }
  EXPECT_TRUE(FromBase64Url("-_8", &out));
  for (const char* bad : {"-_8=", "+/8", "-_9", "-_8 ", "Z"}) {
    EXPECT_FALSE(FromBase64Url(bad, &out)) << bad;
  }
}

TEST(Base64Test, ReadsADigestOfExactly32Bytes) {
  Digest digest;
  EXPECT_TRUE(FromBase64("47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=", &digest));
  EXPECT_EQ(Hex(digest).substr(0, 8), "e3b0c442");
  EXPECT_FALSE(FromBase64("47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuA==", &digest));
  EXPECT_FALSE(FromBase64("", &digest));
}

}  // namespace
}  // namespace vouch::crypto
