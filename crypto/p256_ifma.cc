#include "crypto/p256_ifma.h"

#if defined(__AVX512F__) && defined(__AVX512IFMA__)

#include <immintrin.h>

#include <cstdlib>
#include <cstring>

namespace vouch::crypto::ifma {
namespace {

using Vector = __m512i;

constexpr uint64_t kLimbMask = (uint64_t{1} << 52) - 1;
constexpr int kWindow = 5;
constexpr int kWindows = 52;
constexpr int kMultiples = 16;

// The prime's limbs in radix 2^52; the middle one is zero.
constexpr int64_t kPrime[5] = {0xfffffffffffff, 0xfffffffffff, 0, 0x1000000000, 0xffffffff0000};

inline __attribute__((always_inline)) Vector Broadcast(uint64_t value) {
  return _mm512_set1_epi64(static_cast<int64_t>(value));
}

// Five limbs of 52 bits a lane. Raw: limbs are signed 64-bit and may overlap; what sums,
// differences and products give. Tight: limbs in [0, 2^52), value below 2^256 + 2^230; what
// products take.
struct Raw {
  Vector limb[5];
};
struct Tight {
  Vector limb[5];
  operator Raw() const { return {{limb[0], limb[1], limb[2], limb[3], limb[4]}}; }
};

inline __attribute__((always_inline)) Raw operator+(const Raw& a, const Raw& b) {
  Raw out;
  for (int i = 0; i < 5; ++i) out.limb[i] = _mm512_add_epi64(a.limb[i], b.limb[i]);
  return out;
}
inline __attribute__((always_inline)) Raw operator-(const Raw& a, const Raw& b) {
  Raw out;
  for (int i = 0; i < 5; ++i) out.limb[i] = _mm512_sub_epi64(a.limb[i], b.limb[i]);
  return out;
}
inline __attribute__((always_inline)) Raw Times2(const Raw& a) { return a + a; }
inline __attribute__((always_inline)) Raw Times3(const Raw& a) { return a + a + a; }
inline __attribute__((always_inline)) Raw Times4(const Raw& a) {
  Raw out;
  for (int i = 0; i < 5; ++i) out.limb[i] = _mm512_slli_epi64(a.limb[i], 2);
  return out;
}

// Needs a value in [0, 2^9 * p) and limbs below 2^60 in size. What lies above 2^256 is folded back
// by 2^256 = 2^224 - 2^192 - 2^96 + 1 (mod p), which cannot turn the sum negative: one unit folded
// adds far more at 2^224 than the carries from below can take away.
inline __attribute__((always_inline)) Tight Reduce(const Raw& a) {
  const Vector mask = Broadcast(kLimbMask);
  const Vector above = _mm512_srai_epi64(a.limb[4], 48);
  Vector limb[5];
  limb[0] = _mm512_add_epi64(a.limb[0], above);
  limb[1] = _mm512_sub_epi64(a.limb[1], _mm512_slli_epi64(above, 44));
  limb[2] = a.limb[2];
  limb[3] = _mm512_sub_epi64(a.limb[3], _mm512_slli_epi64(above, 36));
  limb[4] = _mm512_add_epi64(_mm512_and_si512(a.limb[4], Broadcast((uint64_t{1} << 48) - 1)),
                             _mm512_slli_epi64(above, 16));
  Tight out;
  for (int i = 0; i < 4; ++i) {
    limb[i + 1] = _mm512_add_epi64(limb[i + 1], _mm512_srai_epi64(limb[i], 52));
    out.limb[i] = _mm512_and_si512(limb[i], mask);
  }
  out.limb[4] = limb[4];
  return out;
}

// The same after adding kMultiple * p, for differences of at least -kMultiple * p.
// Every multiple used is at least what its differences can reach, products counted as 1.07 p.
// Random tests cannot see one that is too small: Reduce fails on a negative value only about once
// in 2^30.
template <int kMultiple>
inline __attribute__((always_inline)) Tight ReduceFrom(const Raw& a) {
  Raw shifted;
  for (int i = 0; i < 5; ++i) {
    shifted.limb[i] = _mm512_add_epi64(a.limb[i], _mm512_set1_epi64(kPrime[i] * kMultiple));
  }
  return Reduce(shifted);
}

// The upper half of Montgomery's reduction of ten limbs, radix 2^260: adds multiples of p that
// clear the lower five. p = -1 modulo 2^96, so each multiple is the limb itself, and of p's limbs
// only the carry at 2^96, the bit at 2^192 and the top limb remain to be added.
inline __attribute__((always_inline)) Raw Montgomery(Vector* t) {
  const Vector mask = Broadcast(kLimbMask);
  const Vector at96 = Broadcast(uint64_t{1} << 44);
  const Vector at192 = Broadcast(uint64_t{1} << 36);
  const Vector top = Broadcast(0xffffffff0000);
  for (int i = 0; i < 5; ++i) {
    const Vector m = _mm512_and_si512(t[i], mask);
    t[i + 1] = _mm512_add_epi64(t[i + 1], _mm512_srli_epi64(t[i], 52));
    t[i + 1] = _mm512_madd52lo_epu64(t[i + 1], m, at96);
    t[i + 2] = _mm512_madd52hi_epu64(t[i + 2], m, at96);
    t[i + 3] = _mm512_madd52lo_epu64(t[i + 3], m, at192);
    t[i + 4] = _mm512_madd52hi_epu64(t[i + 4], m, at192);
    t[i + 4] = _mm512_madd52lo_epu64(t[i + 4], m, top);
    t[i + 5] = _mm512_madd52hi_epu64(t[i + 5], m, top);
  }
  return {{t[5], t[6], t[7], t[8], t[9]}};
}

// Below 1.07 p. Calls, not copies: inlined, the formulas outgrow the instruction cache and the
// compiler.
__attribute__((noinline)) Raw operator*(const Tight& a, const Tight& b) {
  Vector t[10];
  for (Vector& limb : t) limb = _mm512_setzero_si512();
  for (int i = 0; i < 5; ++i) {
    for (int j = 0; j < 5; ++j) {
      t[i + j] = _mm512_madd52lo_epu64(t[i + j], a.limb[i], b.limb[j]);
      t[i + j + 1] = _mm512_madd52hi_epu64(t[i + j + 1], a.limb[i], b.limb[j]);
    }
  }
  return Montgomery(t);
}

__attribute__((noinline)) Raw Square(const Tight& a) {
  Vector t[10];
  for (Vector& limb : t) limb = _mm512_setzero_si512();
  for (int i = 0; i < 5; ++i) {
    for (int j = i + 1; j < 5; ++j) {
      t[i + j] = _mm512_madd52lo_epu64(t[i + j], a.limb[i], a.limb[j]);
      t[i + j + 1] = _mm512_madd52hi_epu64(t[i + j + 1], a.limb[i], a.limb[j]);
    }
  }
  for (Vector& limb : t) limb = _mm512_slli_epi64(limb, 1);
  for (int i = 0; i < 5; ++i) {
    t[2 * i] = _mm512_madd52lo_epu64(t[2 * i], a.limb[i], a.limb[i]);
    t[2 * i + 1] = _mm512_madd52hi_epu64(t[2 * i + 1], a.limb[i], a.limb[i]);
  }
  return Montgomery(t);
}

inline __attribute__((always_inline)) Tight Product(const Tight& a, const Tight& b) {
  return Reduce(a * b);
}

inline __attribute__((always_inline)) Tight Select(__mmask8 mask, const Tight& if_set,
                                                   const Tight& if_clear) {
  Tight out;
  for (int i = 0; i < 5; ++i) {
    out.limb[i] = _mm512_mask_mov_epi64(if_clear.limb[i], mask, if_set.limb[i]);
  }
  return out;
}

inline __attribute__((always_inline)) Tight Constant(uint64_t l0, uint64_t l1, uint64_t l2,
                                                     uint64_t l3, uint64_t l4) {
  return {{Broadcast(l0), Broadcast(l1), Broadcast(l2), Broadcast(l3), Broadcast(l4)}};
}
inline __attribute__((always_inline)) Tight Zero() { return Constant(0, 0, 0, 0, 0); }
// 1 and the curve's b, times 2^260.
inline __attribute__((always_inline)) Tight One() {
  return Constant(0x10, 0xf000000000000, 0xfffffffffffff, 0xffeffffffffff, 0xfffff);
}
inline __attribute__((always_inline)) Tight CurveB() {
  return Constant(0xdf6229c4bddfd, 0xca8843090d89c, 0x212ed6acf005c, 0x83415a220abf7,
                  0xc30061dd4874);
}

// From radix 2^256 in four limbs to radix 2^260 in five: a product with 2^264.
Tight Load(const Elements& in) {
  const Vector mask = Broadcast(kLimbMask);
  Vector w[4];
  for (int i = 0; i < 4; ++i) w[i] = _mm512_load_si512(in.limb[i]);
  Tight plain;
  plain.limb[0] = _mm512_and_si512(w[0], mask);
  for (int i = 1; i < 4; ++i) {
    plain.limb[i] =
        _mm512_and_si512(_mm512_or_si512(_mm512_srl_epi64(w[i - 1], _mm_cvtsi32_si128(64 - 12 * i)),
                                         _mm512_sll_epi64(w[i], _mm_cvtsi32_si128(12 * i))),
                         mask);
  }
  plain.limb[4] = _mm512_srli_epi64(w[3], 16);
  return Product(plain, Constant(0x100, 0, 0xfffffffffffff, 0xfefffffffffff, 0xffffff));
}

// And back, by a product with 2^256, fully reduced.
void Store(const Tight& in, Elements* out) {
  const Vector mask = Broadcast(kLimbMask);
  const Tight value =
      Product(in, Constant(0x1, 0xff00000000000, 0xfffffffffffff, 0xfffefffffffff, 0xffff));
  Vector less[5];
  Vector borrow = _mm512_setzero_si512();
  for (int i = 0; i < 5; ++i) {
    less[i] =
        _mm512_add_epi64(_mm512_sub_epi64(value.limb[i], _mm512_set1_epi64(kPrime[i])), borrow);
    borrow = _mm512_srai_epi64(less[i], 52);
    less[i] = _mm512_and_si512(less[i], mask);
  }
  const __mmask8 below = _mm512_movepi64_mask(borrow);
  Vector v[5];
  for (int i = 0; i < 5; ++i) v[i] = _mm512_mask_mov_epi64(less[i], below, value.limb[i]);
  for (int i = 0; i < 4; ++i) {
    const Vector low = _mm512_srl_epi64(v[i], _mm_cvtsi32_si128(12 * i));
    const Vector high = _mm512_sll_epi64(v[i + 1], _mm_cvtsi32_si128(52 - 12 * i));
    _mm512_store_si512(out->limb[i], _mm512_or_si512(low, high));
  }
}

struct Projective {
  Tight x, y, z;
};
// (x/z^2, y/z^3).
struct Jacobian {
  Tight x, y, z;
};

// Algorithm 4 of Renes, Costello and Batina: no exceptional cases.
Projective Add(const Projective& a, const Projective& b) {
  const Tight curve_b = CurveB();
  const Raw xx = a.x * b.x;
  const Raw yy = a.y * b.y;
  const Tight zz = Product(a.z, b.z);
  const Tight xy = ReduceFrom<3>(Reduce(a.x + Raw(a.y)) * Reduce(b.x + Raw(b.y)) - xx - yy);
  const Tight yz = ReduceFrom<3>(Reduce(a.y + Raw(a.z)) * Reduce(b.y + Raw(b.z)) - yy - zz);
  const Tight xz = ReduceFrom<3>(Reduce(a.x + Raw(a.z)) * Reduce(b.x + Raw(b.z)) - xx - zz);
  const Raw s3 = Times3(xz - curve_b * zz);
  const Tight minus = ReduceFrom<4>(yy - s3);
  const Tight plus = ReduceFrom<4>(yy + s3);
  const Raw zz3 = Times3(zz);
  const Tight t3 = ReduceFrom<14>(Times3(curve_b * xz - zz3 - xx));
  const Tight w = ReduceFrom<4>(Times3(xx) - zz3);
  return {ReduceFrom<2>(plus * xy - yz * t3), Reduce(plus * minus + w * t3),
          Reduce(yz * minus + xy * w)};
}

// Algorithm 6 of the same.
Projective Double(const Projective& a) {
  const Tight curve_b = CurveB();
  const Raw xx = Square(a.x);
  const Tight yy = Reduce(Square(a.y));
  const Tight zz = Reduce(Square(a.z));
  const Tight xy = Reduce(Times2(a.x * a.y));
  const Tight xz = Reduce(Times2(a.x * a.z));
  const Raw s3 = Times3(curve_b * zz - xz);
  const Tight minus = ReduceFrom<4>(yy - s3);
  const Tight plus = ReduceFrom<4>(yy + s3);
  const Raw zz3 = Times3(zz);
  const Tight t3 = ReduceFrom<14>(Times3(curve_b * xz - zz3 - xx));
  const Tight w = ReduceFrom<4>(Times3(xx) - zz3);
  const Tight yz = Reduce(Times2(a.y * a.z));
  return {ReduceFrom<2>(minus * xy - yz * t3), Reduce(minus * plus + w * t3),
          Reduce(Times4(yz * yy))};
}

// dbl-2001-b of the Explicit-Formulas Database; the curve has no point of order two, so no
// exceptional case but the identity, which callers keep apart.
Jacobian Double(const Jacobian& a) {
  const Raw delta = Square(a.z);
  const Tight gamma = Reduce(Square(a.y));
  const Raw beta = a.x * gamma;
  const Tight alpha = Reduce(Times3(ReduceFrom<2>(a.x - delta) * Reduce(a.x + delta)));
  const Raw beta4 = Times4(beta);
  const Tight x = ReduceFrom<9>(Square(alpha) - Times2(beta4));
  const Tight z = ReduceFrom<3>(Square(Reduce(a.y + Raw(a.z))) - gamma - delta);
  const Tight y = ReduceFrom<9>(alpha * ReduceFrom<2>(beta4 - x) - Times2(Times4(Square(gamma))));
  return {x, y, z};
}

// The usual 12M + 4S. Wrong when the points are equal, opposite, or one is the identity.
Jacobian AddDistinct(const Jacobian& a, const Jacobian& b) {
  const Tight zz1 = Reduce(Square(a.z));
  const Tight zz2 = Reduce(Square(b.z));
  const Tight u1 = Product(a.x, zz2);
  const Tight s1 = Product(a.y, Product(b.z, zz2));
  const Tight h = ReduceFrom<2>(b.x * zz1 - u1);
  const Tight r = ReduceFrom<2>(b.y * Product(a.z, zz1) - s1);
  const Tight hh = Reduce(Square(h));
  const Tight hhh = Product(h, hh);
  const Tight v = Product(u1, hh);
  const Tight x = ReduceFrom<4>(Square(r) - hhh - Times2(v));
  return {x, ReduceFrom<2>(r * ReduceFrom<2>(v - x) - s1 * hhh), Product(h, Product(a.z, b.z))};
}

Projective Homogeneous(const Jacobian& a) {
  return {Product(a.x, a.z), a.y, Product(a.z, Reduce(Square(a.z)))};
}

template <typename Point>
Point SelectPoint(__mmask8 mask, const Point& if_set, const Point& if_clear) {
  return {Select(mask, if_set.x, if_clear.x), Select(mask, if_set.y, if_clear.y),
          Select(mask, if_set.z, if_clear.z)};
}

// Scalars in signed digits of five bits: magnitudes up to 16 and signs.
struct Digits {
  alignas(64) uint64_t magnitude[kWindows][kLanes];
  alignas(64) uint64_t negative[kWindows][kLanes];  // 0 or 1
};

void Recode(const Elements& scalars, Digits* digits) {
  for (int window = 0; window < kWindows; ++window) {
    for (int lane = 0; lane < kLanes; ++lane) {
      // Booth: five bits and the one below them.
      const int position = window * kWindow - 1;
      uint64_t bits;
      if (position < 0) {
        bits = scalars.limb[0][lane] << 1;
      } else {
        bits = scalars.limb[position / 64][lane] >> (position % 64);
        if (position % 64 > 58 && position / 64 < 3) {
          bits |= scalars.limb[position / 64 + 1][lane] << (64 - position % 64);
        }
      }
      bits &= 63;
      const uint64_t sign = bits >> 5;
      // 63 - bits when the sign is set.
      const uint64_t folded = (bits ^ (uint64_t{0} - sign)) & 63;
      digits->magnitude[window][lane] = (folded + 1) >> 1;
      digits->negative[window][lane] = sign;
    }
  }
}

// The multiple that each lane's magnitude names; reads the whole table. Magnitude zero gives what
// `none` holds.
template <typename Point>
Point Look(const Point* table, const Vector& magnitude, const Point& none) {
  Point out = none;
  for (int i = 0; i < kMultiples; ++i) {
    const __mmask8 here =
        _mm512_cmpeq_epi64_mask(magnitude, Broadcast(static_cast<uint64_t>(i) + 1));
    out = SelectPoint(here, table[i], out);
  }
  return out;
}

template <typename Point>
Point NegateIf(const Vector& negative, const Point& point) {
  const __mmask8 mask = _mm512_test_epi64_mask(negative, negative);
  return {point.x, Select(mask, ReduceFrom<2>(Raw(Zero()) - point.y), point.y), point.z};
}

void WipeBytes(void* memory, size_t size) {
  std::memset(memory, 0, size);
  __asm__ __volatile__("" : : "r"(memory) : "memory");
}

}  // namespace

const bool kCompiled = true;

void QuarterPower(const Elements& in, Elements* out) {
  const Tight value = Load(in);
  const auto times = [](Tight a, int count) {
    for (int i = 0; i < count; ++i) a = Reduce(Square(a));
    return a;
  };
  const Tight ones2 = Product(times(value, 1), value);
  const Tight ones4 = Product(times(ones2, 2), ones2);
  const Tight ones8 = Product(times(ones4, 4), ones4);
  const Tight ones16 = Product(times(ones8, 8), ones8);
  const Tight ones32 = Product(times(ones16, 16), ones16);
  Tight power = Product(times(ones32, 32), value);
  power = Product(times(power, 96 + 32), ones32);
  power = Product(times(power, 32), ones32);
  power = Product(times(power, 16), ones16);
  power = Product(times(power, 8), ones8);
  power = Product(times(power, 4), ones4);
  Store(Product(times(power, 2), ones2), out);
}

// Why AddDistinct is safe below the last window: there the running multiple is 32a for a prefix a
// of the scalar with 32a + 16 < n, and the digit d has |d| <= 16, so 32a = +-d only for a = 0,
// which is kept apart as the identity, like d = 0. The last window uses the complete formulas.
void Multiply(const Elements& scalars, const Elements& x, const Elements& y, Points* out) {
  Digits digits;
  Recode(scalars, &digits);
  Jacobian table[kMultiples];
  table[0] = {Load(x), Load(y), One()};
  for (int i = 1; i < kMultiples; ++i) {
    table[i] = i % 2 == 1 ? Double(table[i / 2]) : AddDistinct(table[i - 1], table[0]);
  }
  Jacobian sum = table[0];
  __mmask8 sum_is_identity = 0xff;
  for (int window = kWindows - 1; window > 0; --window) {
    if (window != kWindows - 1) {
      for (int i = 0; i < kWindow; ++i) sum = Double(sum);
    }
    const Vector magnitude = _mm512_load_si512(digits.magnitude[window]);
    const Jacobian term =
        NegateIf(_mm512_load_si512(digits.negative[window]), Look(table, magnitude, table[0]));
    const __mmask8 term_is_identity = _mm512_testn_epi64_mask(magnitude, magnitude);
    const Jacobian added = SelectPoint(sum_is_identity, term, AddDistinct(sum, term));
    sum = SelectPoint(term_is_identity, sum, added);
    sum_is_identity = static_cast<__mmask8>(sum_is_identity & term_is_identity);
  }
  for (int i = 0; i < kWindow; ++i) sum = Double(sum);
  const Projective identity = {Zero(), One(), Zero()};
  const Vector magnitude = _mm512_load_si512(digits.magnitude[0]);
  const Jacobian last =
      NegateIf(_mm512_load_si512(digits.negative[0]), Look(table, magnitude, table[0]));
  const Projective result =
      Add(SelectPoint(sum_is_identity, identity, Homogeneous(sum)),
          SelectPoint(_mm512_testn_epi64_mask(magnitude, magnitude), identity, Homogeneous(last)));
  Store(result.x, &out->x);
  Store(result.y, &out->y);
  Store(result.z, &out->z);
  WipeBytes(&digits, sizeof(digits));
  WipeBytes(table, sizeof(table));
}

void WeightedSum(size_t groups, const Elements* weights, const Elements* x, const Elements* y,
                 Points* out) {
  // So many tables fit in the second-level cache.
  constexpr size_t kGroupsAtOnce = 16;
  const Projective identity = {Zero(), One(), Zero()};
  Projective total = identity;
  // Some 350 KiB: too much for a stack.
  struct Group {
    Projective table[kMultiples];
    Digits digits;
  };
  Group* const group = static_cast<Group*>(std::aligned_alloc(64, kGroupsAtOnce * sizeof(Group)));
  if (group == nullptr) std::abort();
  for (size_t first = 0; first < groups; first += kGroupsAtOnce) {
    const size_t count = groups - first < kGroupsAtOnce ? groups - first : kGroupsAtOnce;
    for (size_t g = 0; g < count; ++g) {
      Recode(weights[first + g], &group[g].digits);
      group[g].table[0] = {Load(x[first + g]), Load(y[first + g]), One()};
      for (int i = 1; i < kMultiples; ++i) {
        Projective* const table = group[g].table;
        table[i] = i % 2 == 1 ? Double(table[i / 2]) : Add(table[i - 1], table[0]);
      }
    }
    Projective sum = identity;
    for (int window = kWindows - 1; window >= 0; --window) {
      for (int i = 0; i < kWindow; ++i) sum = Double(sum);
      for (size_t g = 0; g < count; ++g) {
        const Vector magnitude = _mm512_load_si512(group[g].digits.magnitude[window]);
        sum = Add(sum, NegateIf(_mm512_load_si512(group[g].digits.negative[window]),
                                Look(group[g].table, magnitude, identity)));
      }
    }
    total = Add(total, sum);
  }
  std::free(group);
  Store(total.x, &out->x);
  Store(total.y, &out->y);
  Store(total.z, &out->z);
}

}  // namespace vouch::crypto::ifma

#else

#include <cstdlib>

namespace vouch::crypto::ifma {

const bool kCompiled = false;
void QuarterPower(const Elements&, Elements*) { std::abort(); }
void Multiply(const Elements&, const Elements&, const Elements&, Points*) { std::abort(); }
void WeightedSum(size_t, const Elements*, const Elements*, const Elements*, Points*) {
  std::abort();
}

}  // namespace vouch::crypto::ifma

#endif
