// Arithmetic modulo a fixed 256-bit odd number, in Montgomery form, without branches or memory
// addresses that depend on the values. The two moduli of P-256 (its field and its group order)
// share it.
#ifndef VOUCH_CRYPTO_MONTGOMERY_H_
#define VOUCH_CRYPTO_MONTGOMERY_H_

#include <cstddef>
#include <cstdint>
#include <vector>

#include "absl/types/span.h"
#include "crypto/bytes.h"
#include "crypto/secret.h"

namespace vouch::crypto {

// All ones or all zeros. Never turned into a bool except where the fact is public.
using Mask = uint64_t;

// The compiler cannot see through this, so it cannot turn a masked choice back into a branch.
inline uint64_t Opaque(uint64_t value) {
  __asm__("" : "+r"(value));
  return value;
}
inline Mask MaskIfZero(uint64_t value) {
  value = Opaque(value);
  return Opaque(uint64_t{0} - ((~(value | (uint64_t{0} - value))) >> 63));
}

// `Modulus` gives: kLimbs (little-endian, top bit set), kMinusInverse (-1/m mod 2^64), kOne
// (2^256 mod m), kSquaredRadix (2^512 mod m), kMinusTwo (m - 2, for primes). Values are always
// fully reduced, so equality of limbs is equality of residues.
template <typename Modulus>
class Residue {
 public:
  constexpr Residue() : limbs_{0, 0, 0, 0} {}

  static constexpr Residue Zero() { return Residue(); }
  static constexpr Residue One() { return FromMontgomery(Modulus::kOne); }
  static Residue FromInteger(uint64_t value) {
    const uint64_t plain[4] = {value, 0, 0, 0};
    return MontgomeryProduct(plain, Modulus::kSquaredRadix);
  }
  // 32 bytes, big-endian. The result tells whether they are below the modulus; only that one bit
  // becomes public.
  static bool FromBytes(ByteSpan bytes, Residue* out);
  // 48 bytes, big-endian, reduced (RFC 9380, section 5.2 with L = 48).
  static Residue FromWideBytes(ByteSpan bytes);
  void ToBytes(absl::Span<uint8_t> out) const;

  friend Residue operator+(const Residue& a, const Residue& b) { return Sum(a, b); }
  friend Residue operator-(const Residue& a, const Residue& b) { return Difference(a, b); }
  friend Residue operator*(const Residue& a, const Residue& b) {
    return MontgomeryProduct(a.limbs_, b.limbs_);
  }
  Residue operator-() const { return Difference(Residue(), *this); }
  Residue Square() const { return MontgomeryProduct(limbs_, limbs_); }
  Residue SquareTimes(int count) const {
    Residue out = *this;
    for (int i = 0; i < count; ++i) out = out.Square();
    return out;
  }
  // By Fermat: the exponent is fixed, so the sequence of operations is. Zero gives zero.
  Residue Inverse() const;

  Mask IsZero() const { return MaskIfZero(limbs_[0] | limbs_[1] | limbs_[2] | limbs_[3]); }
  Mask Equals(const Residue& other) const {
    return MaskIfZero((limbs_[0] ^ other.limbs_[0]) | (limbs_[1] ^ other.limbs_[1]) |
                      (limbs_[2] ^ other.limbs_[2]) | (limbs_[3] ^ other.limbs_[3]));
  }
  // sgn0 of RFC 9380, section 4.1, as a mask.
  Mask IsOdd() const;
  static Residue Select(Mask mask, const Residue& if_set, const Residue& if_clear) {
    mask = Opaque(mask);
    Residue out;
#pragma GCC unroll 4
    for (int i = 0; i < 4; ++i) {
      out.limbs_[i] = (if_set.limbs_[i] & mask) | (if_clear.limbs_[i] & ~mask);
    }
    return out;
  }

  void Wipe() {
    crypto::Wipe(absl::Span<uint8_t>(reinterpret_cast<uint8_t*>(limbs_), sizeof(limbs_)));
  }

  // Out of Montgomery form, little-endian limbs.
  void ToPlainLimbs(uint64_t (&out)[4]) const {
    static constexpr uint64_t kPlainOne[4] = {1, 0, 0, 0};
    const Residue plain = MontgomeryProduct(limbs_, kPlainOne);
    for (int i = 0; i < 4; ++i) out[i] = plain.limbs_[i];
  }
  // For code that does its own arithmetic on the limbs.
  const uint64_t* montgomery_limbs() const { return limbs_; }
  static constexpr Residue FromMontgomery(const uint64_t (&limbs)[4]) {
    Residue out;
#pragma GCC unroll 4
    for (int i = 0; i < 4; ++i) out.limbs_[i] = limbs[i];
    return out;
  }

 private:
  using Wide = unsigned __int128;

  // a + b * c + carry, which always fits in 128 bits.
  static uint64_t MultiplyAdd(uint64_t a, uint64_t b, uint64_t c, uint64_t* carry) {
    const Wide wide = static_cast<Wide>(b) * c + a + *carry;
    *carry = static_cast<uint64_t>(wide >> 64);
    return static_cast<uint64_t>(wide);
  }
  static uint64_t AddCarry(uint64_t a, uint64_t b, uint64_t* carry) {
    const Wide wide = static_cast<Wide>(a) + b + *carry;
    *carry = static_cast<uint64_t>(wide >> 64);
    return static_cast<uint64_t>(wide);
  }
  static uint64_t SubtractBorrow(uint64_t a, uint64_t b, uint64_t* borrow) {
    const Wide wide = static_cast<Wide>(a) - b - *borrow;
    *borrow = static_cast<uint64_t>(wide >> 64) & 1;
    return static_cast<uint64_t>(wide);
  }
  // (high, t) minus the modulus when that is not negative; needs (high, t) < 2 * modulus.
  static Residue ReduceOnce(const uint64_t* t, uint64_t high) {
    uint64_t reduced[4];
    uint64_t borrow = 0;
#pragma GCC unroll 4
    for (int i = 0; i < 4; ++i) reduced[i] = SubtractBorrow(t[i], Modulus::kLimbs[i], &borrow);
    SubtractBorrow(high, 0, &borrow);
    const Mask keep = Opaque(uint64_t{0} - borrow);
    Residue out;
#pragma GCC unroll 4
    for (int i = 0; i < 4; ++i) out.limbs_[i] = (t[i] & keep) | (reduced[i] & ~keep);
    return out;
  }
  static Residue Sum(const Residue& a, const Residue& b) {
    uint64_t t[4];
    uint64_t carry = 0;
#pragma GCC unroll 4
    for (int i = 0; i < 4; ++i) t[i] = AddCarry(a.limbs_[i], b.limbs_[i], &carry);
    return ReduceOnce(t, carry);
  }
  static Residue Difference(const Residue& a, const Residue& b) {
    Residue out;
    uint64_t borrow = 0;
#pragma GCC unroll 4
    for (int i = 0; i < 4; ++i) {
      out.limbs_[i] = SubtractBorrow(a.limbs_[i], b.limbs_[i], &borrow);
    }
    const Mask wrapped = Opaque(uint64_t{0} - borrow);
    uint64_t carry = 0;
#pragma GCC unroll 4
    for (int i = 0; i < 4; ++i) {
      out.limbs_[i] = AddCarry(out.limbs_[i], Modulus::kLimbs[i] & wrapped, &carry);
    }
    return out;
  }
  // a * b / 2^256. One factor may be any 256-bit number so long as the other is reduced.
  static Residue MontgomeryProduct(const uint64_t* a, const uint64_t* b);

  uint64_t limbs_[4];
};

template <typename Modulus>
inline Residue<Modulus> Residue<Modulus>::MontgomeryProduct(const uint64_t* a, const uint64_t* b) {
  uint64_t t[5] = {0, 0, 0, 0, 0};
#pragma GCC unroll 4
  for (int i = 0; i < 4; ++i) {
    uint64_t carry = 0;
#pragma GCC unroll 4
    for (int j = 0; j < 4; ++j) t[j] = MultiplyAdd(t[j], a[j], b[i], &carry);
    uint64_t top = 0;
    t[4] = AddCarry(t[4], carry, &top);
    // Adds the multiple of the modulus that clears the low limb, then moves down by one limb.
    const uint64_t m = t[0] * Modulus::kMinusInverse;
    carry = 0;
    if constexpr (Modulus::kSparse) {
      // P-256's field: m * (2^64 - 1) + m leaves m for the next limb, whose own m * (2^32 - 1)
      // makes that m * 2^32; the third limb is zero.
      t[0] = AddCarry(t[1], m << 32, &carry);
      t[1] = AddCarry(t[2], m >> 32, &carry);
      t[2] = MultiplyAdd(t[3], m, Modulus::kLimbs[3], &carry);
    } else {
      MultiplyAdd(t[0], m, Modulus::kLimbs[0], &carry);
#pragma GCC unroll 4
      for (int j = 1; j < 4; ++j) t[j - 1] = MultiplyAdd(t[j], m, Modulus::kLimbs[j], &carry);
    }
    uint64_t over = 0;
    t[3] = AddCarry(t[4], carry, &over);
    t[4] = top + over;
  }
  return ReduceOnce(t, t[4]);
}

template <typename Modulus>
bool Residue<Modulus>::FromBytes(ByteSpan bytes, Residue* out) {
  uint64_t plain[4] = {0, 0, 0, 0};
  for (size_t i = 0; i < 32; ++i) {
    plain[3 - i / 8] = plain[3 - i / 8] << 8 | bytes[i];
  }
  uint64_t borrow = 0;
#pragma GCC unroll 4
  for (int i = 0; i < 4; ++i) SubtractBorrow(plain[i], Modulus::kLimbs[i], &borrow);
  *out = MontgomeryProduct(plain, Modulus::kSquaredRadix);
  return borrow == 1;
}

template <typename Modulus>
Residue<Modulus> Residue<Modulus>::FromWideBytes(ByteSpan bytes) {
  uint64_t limbs[6] = {0, 0, 0, 0, 0, 0};
  for (size_t i = 0; i < 48; ++i) limbs[5 - i / 8] = limbs[5 - i / 8] << 8 | bytes[i];
  const uint64_t high[4] = {limbs[4], limbs[5], 0, 0};
  const Residue low_part = MontgomeryProduct(limbs, Modulus::kSquaredRadix);
  const Residue high_part = MontgomeryProduct(high, Modulus::kSquaredRadix);
  return low_part + MontgomeryProduct(high_part.limbs_, Modulus::kSquaredRadix);
}

template <typename Modulus>
void Residue<Modulus>::ToBytes(absl::Span<uint8_t> out) const {
  static constexpr uint64_t kPlainOne[4] = {1, 0, 0, 0};
  const Residue plain = MontgomeryProduct(limbs_, kPlainOne);
  for (size_t i = 0; i < 32; ++i) {
    out[i] = static_cast<uint8_t>(plain.limbs_[3 - i / 8] >> (56 - 8 * (i % 8)));
  }
}

template <typename Modulus>
Mask Residue<Modulus>::IsOdd() const {
  static constexpr uint64_t kPlainOne[4] = {1, 0, 0, 0};
  return Opaque(uint64_t{0} - (MontgomeryProduct(limbs_, kPlainOne).limbs_[0] & 1));
}

template <typename Modulus>
Residue<Modulus> Residue<Modulus>::Inverse() const {
  Residue powers[16];
  powers[0] = One();
  for (int i = 1; i < 16; ++i) powers[i] = powers[i - 1] * *this;
  Residue out = One();
  for (int window = 63; window >= 0; --window) {
    out = out.SquareTimes(4);
    // The exponent is a public constant; a zero digit costs its multiplication all the same.
    out = out * powers[Modulus::kMinusTwo[window / 16] >> (4 * (window % 16)) & 15];
  }
  return out;
}

// Replaces every value by its inverse with one inversion and three multiplications each. None may
// be zero: one zero would make all of them zero.
template <typename Modulus>
void InvertAll(absl::Span<Residue<Modulus>> values) {
  if (values.empty()) return;
  std::vector<Residue<Modulus>> before(values.size());
  Residue<Modulus> product = Residue<Modulus>::One();
  for (size_t i = 0; i < values.size(); ++i) {
    before[i] = product;
    product = product * values[i];
  }
  Residue<Modulus> inverse = product.Inverse();
  for (size_t i = values.size(); i-- > 0;) {
    const Residue<Modulus> next = inverse * values[i];
    values[i] = inverse * before[i];
    inverse = next;
  }
  for (Residue<Modulus>& partial : before) partial.Wipe();
}

}  // namespace vouch::crypto

#endif  // VOUCH_CRYPTO_MONTGOMERY_H_
