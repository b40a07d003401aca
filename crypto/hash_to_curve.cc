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

namespace {

// The map up to the long power of its square root, and what follows it.
class Map {
 public:
  explicit Map(const FieldElement& u) : u_(u) {
    const FieldElement minus_three = -FieldElement::FromInteger(3);
    zu2_ = kZ * u.Square();
    const FieldElement sum = zu2_.Square() + zu2_;
    numerator_ = CurveB() * (sum + FieldElement::One());
    denominator_ = minus_three * FieldElement::Select(sum.IsZero(), kZ, -sum);
    // g(numerator / denominator) as a fraction.
    const FieldElement denominator2 = denominator_.Square();
    gx_denominator_ = denominator2 * denominator_;
    gx_numerator_ = (numerator_.Square() + minus_three * denominator2) * numerator_ +
                    CurveB() * gx_denominator_;
  }

  FieldElement Base() const { return SquareRootRatioBase(gx_numerator_, gx_denominator_); }

  ProjectivePoint Finish(const FieldElement& power) const {
    FieldElement root;
    const Mask square = SquareRootRatioFrom(power, gx_numerator_, gx_denominator_, &root);
    const FieldElement x = FieldElement::Select(square, numerator_, zu2_ * numerator_);
    FieldElement y = FieldElement::Select(square, root, zu2_ * u_ * root);
    y = FieldElement::Select(u_.IsOdd() ^ y.IsOdd(), -y, y);
    return {x, y * denominator_, denominator_};
  }

 private:
  FieldElement u_;
  FieldElement zu2_;
  FieldElement numerator_;
  FieldElement denominator_;
  FieldElement gx_numerator_;
  FieldElement gx_denominator_;
};

}  // namespace

ProjectivePoint MapToCurve(const FieldElement& u) {
  const Map map(u);
  FieldElement power = map.Base();
  QuarterPowers(absl::MakeSpan(&power, 1));
  return map.Finish(power);
}

ProjectivePoint HashToCurve(ByteSpan message, absl::string_view dst) {
  return HashManyToCurve(absl::MakeConstSpan(&message, 1), dst).front();
}

std::vector<ProjectivePoint> HashManyToCurve(absl::Span<const ByteSpan> messages,
                                             absl::string_view dst) {
  std::vector<Map> maps;
  std::vector<FieldElement> powers;
  maps.reserve(2 * messages.size());
  powers.reserve(2 * messages.size());
  std::array<uint8_t, 2 * kExpandedSize> uniform;
  for (ByteSpan message : messages) {
    ExpandMessageXmd(message, dst, absl::MakeSpan(uniform));
    for (size_t half : {size_t{0}, kExpandedSize}) {
      maps.emplace_back(
          FieldElement::FromWideBytes(ByteSpan(uniform).subspan(half, kExpandedSize)));
      powers.push_back(maps.back().Base());
    }
  }
  Wipe(absl::MakeSpan(uniform));
  QuarterPowers(absl::MakeSpan(powers));
  std::vector<ProjectivePoint> points;
  points.reserve(messages.size());
  for (size_t i = 0; i < maps.size(); i += 2) {
    points.push_back(Add(maps[i].Finish(powers[i]), maps[i + 1].Finish(powers[i + 1])));
  }
  for (FieldElement& power : powers) power.Wipe();
  Wipe(absl::Span<uint8_t>(reinterpret_cast<uint8_t*>(maps.data()), maps.size() * sizeof(Map)));
  return points;
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
