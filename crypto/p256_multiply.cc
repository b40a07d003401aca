#include "crypto/p256_multiply.h"

#include <openssl/obj_mac.h>

#include <vector>

#include "crypto/openssl_handles.h"
#include "crypto/p256_ifma.h"
#include "crypto/p256_lanes.h"

namespace vouch::crypto {
namespace {

const EC_GROUP* Group() {
  static const EcGroupPtr group(EC_GROUP_new_by_curve_name(NID_X9_62_prime256v1));
  return group.get();
}

absl::Status Failure() { return absl::InternalError("P-256 arithmetic failed in OpenSSL"); }

// OpenSSL's objects for a run of multiplications on one thread. OpenSSL's multiplication is
// constant time for a single scalar in range; BN_FLG_CONSTTIME keeps it so through its own set-up.
class Multiplier {
 public:
  Multiplier()
      : context_(BN_CTX_new()),
        scalar_(BN_new()),
        x_(BN_new()),
        y_(BN_new()),
        in_(Group() == nullptr ? nullptr : EC_POINT_new(Group())),
        out_(Group() == nullptr ? nullptr : EC_POINT_new(Group())) {
    if (scalar_ != nullptr) BN_set_flags(scalar_.get(), BN_FLG_CONSTTIME);
  }

  bool ok() const {
    return context_ != nullptr && scalar_ != nullptr && x_ != nullptr && y_ != nullptr &&
           in_ != nullptr && out_ != nullptr;
  }

  bool SetScalar(const Scalar& scalar) {
    std::array<uint8_t, 32> bytes;
    scalar.ToBytes(absl::MakeSpan(bytes));
    const bool set = BN_bin2bn(bytes.data(), bytes.size(), scalar_.get()) != nullptr;
    Wipe(absl::MakeSpan(bytes));
    return set;
  }

  bool Multiply(const AffinePoint& point, AffinePoint* out) {
    std::array<uint8_t, 64> bytes;
    point.x.ToBytes(absl::MakeSpan(bytes).subspan(0, 32));
    point.y.ToBytes(absl::MakeSpan(bytes).subspan(32, 32));
    const bool set = BN_bin2bn(bytes.data(), 32, x_.get()) != nullptr &&
                     BN_bin2bn(bytes.data() + 32, 32, y_.get()) != nullptr &&
                     EC_POINT_set_affine_coordinates(Group(), in_.get(), x_.get(), y_.get(),
                                                     context_.get()) == 1;
    Wipe(absl::MakeSpan(bytes));
    return set &&
           EC_POINT_mul(Group(), out_.get(), nullptr, in_.get(), scalar_.get(), context_.get()) ==
               1 &&
           Read(out);
  }

  bool MultiplyGenerator(AffinePoint* out) {
    return EC_POINT_mul(Group(), out_.get(), scalar_.get(), nullptr, nullptr, context_.get()) ==
               1 &&
           Read(out);
  }

 private:
  bool Read(AffinePoint* out) {
    std::array<uint8_t, 64> bytes;
    if (EC_POINT_get_affine_coordinates(Group(), out_.get(), x_.get(), y_.get(), context_.get()) !=
            1 ||
        BN_bn2binpad(x_.get(), bytes.data(), 32) != 32 ||
        BN_bn2binpad(y_.get(), bytes.data() + 32, 32) != 32) {
      return false;
    }
    const ByteSpan view(bytes);
    const bool in_range = FieldElement::FromBytes(view.subspan(0, 32), &out->x) &&
                          FieldElement::FromBytes(view.subspan(32), &out->y);
    Wipe(absl::MakeSpan(bytes));
    return in_range;
  }

  BnContextPtr context_;
  BignumPtr scalar_;
  BignumPtr x_;
  BignumPtr y_;
  EcPointPtr in_;
  EcPointPtr out_;
};

}  // namespace

absl::Status MultiplyPointsWithOpenssl(absl::Span<const Scalar> scalars,
                                       absl::Span<const AffinePoint> points,
                                       absl::Span<AffinePoint> out) {
  if (points.empty()) return absl::OkStatus();
  Multiplier multiplier;
  if (!multiplier.ok()) return Failure();
  const bool shared = scalars.size() == 1;
  for (size_t i = 0; i < points.size(); ++i) {
    if ((i == 0 || !shared) && !multiplier.SetScalar(scalars[i])) return Failure();
    if (!multiplier.Multiply(points[i], &out[i])) return Failure();
  }
  return absl::OkStatus();
}

absl::Status MultiplyPoints(absl::Span<const Scalar> scalars, absl::Span<const AffinePoint> points,
                            absl::Span<AffinePoint> out) {
  const bool shared = scalars.size() == 1;
  std::vector<ProjectivePoint> products;
  while (points.size() - products.size() >= ifma::kWorthwhile && ifma::Supported()) {
    const absl::Span<const AffinePoint> now = points.subspan(products.size(), ifma::kLanes);
    ifma::Elements lane_scalars;
    ifma::Elements x;
    ifma::Elements y;
    ifma::Points result;
    ifma::FillScalars(shared ? scalars : scalars.subspan(products.size()), now.size(),
                      &lane_scalars);
    ifma::FillX(now, &x);
    ifma::FillY(now, &y);
    ifma::Multiply(lane_scalars, x, y, &result);
    ifma::Wipe(&lane_scalars);
    for (size_t i = 0; i < now.size(); ++i) products.push_back(ifma::Take(result, i));
  }
  const size_t done = products.size();
  absl::Status status = MultiplyPointsWithOpenssl(shared ? scalars : scalars.subspan(done),
                                                  points.subspan(done), out.subspan(done));
  if (!status.ok()) return status;
  if (!ToAffine(products, out.subspan(0, done))) return Failure();
  return absl::OkStatus();
}

absl::Status MultiplyGenerator(const Scalar& scalar, AffinePoint* out) {
  Multiplier multiplier;
  if (!multiplier.ok() || !multiplier.SetScalar(scalar) || !multiplier.MultiplyGenerator(out)) {
    return Failure();
  }
  return absl::OkStatus();
}

}  // namespace vouch::crypto
