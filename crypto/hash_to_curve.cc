#include "crypto/hash_to_curve.h"

#include <algorithm>
#include <cstdlib>
#include <cstring>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "crypto/digest.h"

namespace vouch::crypto {
namespace {

constexpr size_t kBlockSize = 64;  // SHA-256's input block
constexpr size_t kDigestSize = 32;
constexpr size_t kExpandedSize = 48;  // L of section 5.1 for 128-bit security

// Z = -10 in Montgomery form.
constexpr FieldElement kZ = FieldElement::FromMontgomery(
    {0xfffffffffffffff5, 0x0000000affffffff, 0x0000000000000000, 0xfffffff50000000b});

uint8_t* Append(uint8_t* at, ByteSpan bytes) {
  if (!bytes.empty()) std::memcpy(at, bytes.data(), bytes.size());
  return at + bytes.size();
}

}  // namespace

void ExpandMessageXmd(ByteSpan message, absl::string_view dst, absl::Span<uint8_t> out) {
  if (out.size() > 255 * kDigestSize) std::abort();
  if (dst.size() > 255) {
    const Digest shortened = Sha256(absl::StrCat("H2C-OVERSIZE-DST-", dst));
    ExpandMessageXmd(message, AsText(shortened), out);
    return;
  }
  const size_t dst_prime_size = dst.size() + 1;
  std::vector<uint8_t> buffer(kBlockSize + message.size() + 3 + dst_prime_size);
  uint8_t* at = Append(buffer.data() + kBlockSize, message);
  *at++ = static_cast<uint8_t>(out.size() >> 8);
  *at++ = static_cast<uint8_t>(out.size());
  *at++ = 0;
  at = Append(at, AsBytes(dst));
  *at = static_cast<uint8_t>(dst.size());
  Digest first = Sha256(ByteSpan(buffer));
  Wipe(absl::MakeSpan(buffer));

  std::array<uint8_t, kDigestSize + 1 + 256> next;
  at = Append(next.data() + kDigestSize + 1, AsBytes(dst));
  *at = static_cast<uint8_t>(dst.size());
  Digest block = {};
  for (size_t i = 0; i * kDigestSize < out.size(); ++i) {
    for (size_t j = 0; j < kDigestSize; ++j) next[j] = first[j] ^ block[j];
    next[kDigestSize] = static_cast<uint8_t>(i + 1);
    block = Sha256(ByteSpan(next.data(), kDigestSize + 1 + dst_prime_size));
    const size_t offset = i * kDigestSize;
    std::memcpy(out.data() + offset, block.data(), std::min(kDigestSize, out.size() - offset));
  }
  Wipe(absl::MakeSpan(first));
  Wipe(absl::MakeSpan(block));
  Wipe(absl::MakeSpan(next));
}

ProjectivePoint MapToCurve(const FieldElement& u) {
  const FieldElement minus_three = -FieldElement::FromInteger(3);
  const FieldElement& curve_b = CurveB();
  const FieldElement zu2 = kZ * u.Square();
  const FieldElement sum = zu2.Square() + zu2;
  const FieldElement numerator = curve_b * (sum + FieldElement::One());
  const FieldElement denominator = minus_three * FieldElement::Select(sum.IsZero(), kZ, -sum);
  // g(numerator / denominator) as a fraction.
  const FieldElement denominator2 = denominator.Square();
  const FieldElement denominator3 = denominator2 * denominator;
  const FieldElement gx_numerator =
      (numerator.Square() + minus_three * denominator2) * numerator + curve_b * denominator3;
  FieldElement root;
  const Mask square = SquareRootRatio(gx_numerator, denominator3, &root);
  const FieldElement x = FieldElement::Select(square, numerator, zu2 * numerator);
  FieldElement y = FieldElement::Select(square, root, zu2 * u * root);
  y = FieldElement::Select(u.IsOdd() ^ y.IsOdd(), -y, y);
  return {x, y * denominator, denominator};
}

ProjectivePoint HashToCurve(ByteSpan message, absl::string_view dst) {
  std::array<uint8_t, 2 * kExpandedSize> uniform;
  ExpandMessageXmd(message, dst, absl::MakeSpan(uniform));
  const ByteSpan bytes(uniform);
  const ProjectivePoint point =
      Add(MapToCurve(FieldElement::FromWideBytes(bytes.subspan(0, kExpandedSize))),
          MapToCurve(FieldElement::FromWideBytes(bytes.subspan(kExpandedSize))));
  Wipe(absl::MakeSpan(uniform));
  return point;
}

ProjectivePoint EncodeToCurve(ByteSpan message, absl::string_view dst) {
  std::array<uint8_t, kExpandedSize> uniform;
  ExpandMessageXmd(message, dst, absl::MakeSpan(uniform));
  return MapToCurve(FieldElement::FromWideBytes(ByteSpan(uniform)));
}

Scalar HashToScalar(ByteSpan message, absl::string_view dst) {
  std::array<uint8_t, kExpandedSize> uniform;
  ExpandMessageXmd(message, dst, absl::MakeSpan(uniform));
  const Scalar scalar = Scalar::FromWideBytes(ByteSpan(uniform));
  Wipe(absl::MakeSpan(uniform));
  return scalar;
}

}  // namespace vouch::crypto
