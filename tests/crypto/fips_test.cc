#include "crypto/fips.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <openssl/err.h>
#include <openssl/provider.h>

#include <string>

namespace vouch::crypto {
namespace {

// Leaves the process without the algorithms that tests after it need: hence the child.
TEST(FipsDeathTest, RefusesInPlainWords) {
  EXPECT_EXIT(
      {
        const bool there = OSSL_PROVIDER_try_load(nullptr, "fips", 1) != nullptr;
        const absl::Status refused = RequireFips();
        const bool said =
            absl::IsFailedPrecondition(refused) &&
            std::string(refused.message())
                    .find(there ? "computed outside it" : "is not available") != std::string::npos;
        std::exit(said && ERR_peek_error() == 0 ? 0 : 1);
      },
      ::testing::ExitedWithCode(0), "");
}

}  // namespace
}  // namespace vouch::crypto
