// Eight P-256 computations at once with AVX-512 IFMA. Field elements are as FieldElement keeps
// them: four limbs, Montgomery form with radix 2^256, limb-major ([limb][lane]). Plain arrays on
// purpose: the one source compiled for these instructions must share no inline function with other
// sources, or the linker could put them on machines that lack them.
#ifndef VOUCH_CRYPTO_P256_IFMA_H_
#define VOUCH_CRYPTO_P256_IFMA_H_

#include <cstddef>
#include <cstdint>

namespace vouch::crypto::ifma {

inline constexpr int kLanes = 8;

struct Elements {
  alignas(64) uint64_t limb[4][kLanes];
};
// Homogeneous, as ProjectivePoint. Outputs are fully reduced.
struct Points {
  Elements x;
  Elements y;
  Elements z;
};

// Whether this build has the instructions.
extern const bool kCompiled;
// Whether this build, processor and operating system have them. Only then may the rest be called.
bool Supported();

// value^((p - 3) / 4) in every lane. Constant time.
void QuarterPower(const Elements& in, Elements* out);

// scalar * (x, y) in every lane. Scalars are plain integers in [1, n-1], limb-major; points are
// affine. Constant time in everything.
void Multiply(const Elements& scalars, const Elements& x, const Elements& y, Points* out);

// The sum over groups of weights[g] * (x[g], y[g]), lane by lane, so that the whole sum is that of
// the eight lanes. The same arithmetic, but callers may only rely on it for public values.
void WeightedSum(size_t groups, const Elements* weights, const Elements* x, const Elements* y,
                 Points* out);

}  // namespace vouch::crypto::ifma

#endif  // VOUCH_CRYPTO_P256_IFMA_H_
