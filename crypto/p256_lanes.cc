#include "crypto/p256_lanes.h"

namespace vouch::crypto::ifma {

// Not in p256_ifma.cc: whatever is compiled there may itself use the instructions asked about.
bool Supported() {
#if defined(__x86_64__)
  static const bool supported = kCompiled && __builtin_cpu_supports("avx512f") != 0 &&
                                __builtin_cpu_supports("avx512dq") != 0 &&
                                __builtin_cpu_supports("avx512ifma") != 0;
  return supported;
#else
  return false;
#endif
}

}  // namespace vouch::crypto::ifma
