#include "crypto/oprf_proof.h"

#include <vector>

#include "absl/strings/str_cat.h"
#include "crypto/digest.h"
#include "crypto/hash_to_curve.h"
#include "crypto/p256_multiply.h"
#include "crypto/random.h"

namespace vouch::crypto {
namespace {

constexpr OprfMode kMode = OprfMode::kVoprf;

// One weight for each pair, bound by the seed to the public key and by the transcript to its place.
std::vector<Scalar> Weights(const ProofBatch& batch) {
  const std::string seed_tag = OprfTag("Seed-", kMode);
  const Digest seed = Sha256(ByteWriter()
                                 .U16(sizeof(PointBytes))
                                 .Raw(batch.public_key)
                                 .U16(static_cast<uint16_t>(seed_tag.size()))
                                 .Raw(AsBytes(seed_tag))
                                 .str());
  const std::string scalar_tag = OprfTag("HashToScalar-", kMode);
  std::vector<Scalar> weights;
  weights.reserve(batch.blinded.size());
  ByteWriter transcript;
  for (size_t i = 0; i < batch.blinded.size(); ++i) {
    transcript.Clear();
    transcript.U16(sizeof(seed))
        .Raw(seed)
        .U16(static_cast<uint16_t>(i))
        .U16(sizeof(PointBytes))
        .Raw(batch.blinded[i])
        .U16(sizeof(PointBytes))
        .Raw(batch.evaluated[i])
        .Raw(AsBytes("Composite"));
    weights.push_back(HashToScalar(AsBytes(transcript.str()), scalar_tag));
  }
  return weights;
}

Scalar Challenge(const PointBytes& public_key, const AffinePoint& m, const AffinePoint& z,
                 const AffinePoint& t2, const AffinePoint& t3) {
  ByteWriter transcript;
  transcript.U16(sizeof(PointBytes)).Raw(public_key);
  for (const AffinePoint* point : {&m, &z, &t2, &t3}) {
    transcript.U16(sizeof(PointBytes)).Raw(EncodePoint(*point));
  }
  transcript.Raw(AsBytes("Challenge"));
  return HashToScalar(AsBytes(transcript.str()), OprfTag("HashToScalar-", kMode));
}

// M and Z depend on every element of the batch, so a repeated random number still gives another
// nonce for another batch; without the key nobody can compute it.
Scalar HedgedNonce(const Scalar& key, const PointBytes& public_key, const AffinePoint& m,
                   const AffinePoint& z) {
  std::array<uint8_t, 64 + 3 * sizeof(PointBytes)> input;
  const absl::Span<uint8_t> view = absl::MakeSpan(input);
  key.ToBytes(view.subspan(32, 32));
  size_t at = 64;
  for (const PointBytes& point : {public_key, EncodePoint(m), EncodePoint(z)}) {
    std::copy(point.begin(), point.end(), view.begin() + at);
    at += point.size();
  }
  Scalar nonce;
  while (nonce.IsZero() != 0) {
    FillRandom(view.subspan(0, 32));
    nonce = HashToScalar(input, "vouch/dleq-nonce/1");
  }
  Wipe(view);
  return nonce;
}

absl::Status ProofFails() {
  return absl::PermissionDeniedError("the proof does not hold for this batch and public key");
}

}  // namespace

std::string OprfTag(absl::string_view label, OprfMode mode) {
  std::string tag = absl::StrCat(label, "OPRFV1-");
  tag.push_back(static_cast<char>(mode));
  absl::StrAppend(&tag, "-P256-SHA256");
  return tag;
}

Scalar RandomScalar() {
  std::array<uint8_t, 32> bytes;
  Scalar scalar;
  bool usable = false;
  while (!usable) {
    FillRandom(absl::MakeSpan(bytes));
    usable = Scalar::FromBytes(bytes, &scalar) && scalar.IsZero() == 0;
  }
  Wipe(absl::MakeSpan(bytes));
  return scalar;
}

absl::StatusOr<DleqProof> Prove(const Scalar& key, const ProofBatch& batch, const Scalar* nonce) {
  AffinePoint m;
  if (!ToAffine(PublicWeightedSum(Weights(batch), batch.blinded_points), &m)) {
    return absl::InvalidArgumentError("the batch's composite is the identity");
  }
  AffinePoint z;
  AffinePoint t2;
  AffinePoint t3;
  absl::Status status = MultiplyPoints({&key, 1}, {&m, 1}, {&z, 1});
  if (!status.ok()) return status;
  Scalar r = nonce != nullptr ? *nonce : HedgedNonce(key, batch.public_key, m, z);
  status = MultiplyGenerator(r, &t2);
  if (status.ok()) status = MultiplyPoints({&r, 1}, {&m, 1}, {&t3, 1});
  const Scalar c = Challenge(batch.public_key, m, z, t2, t3);
  const Scalar s = r - c * key;
  r.Wipe();
  if (!status.ok()) return status;
  DleqProof proof;
  c.ToBytes(absl::MakeSpan(proof).subspan(0, 32));
  s.ToBytes(absl::MakeSpan(proof).subspan(32, 32));
  return proof;
}

absl::Status CheckProof(const ProofBatch& batch, absl::Span<const AffinePoint> evaluated_points,
                        const DleqProof& proof) {
  AffinePoint public_point;
  if (!DecodePoint(batch.public_key, &public_point)) {
    return absl::InvalidArgumentError("the public key is not a point of P-256");
  }
  const ByteSpan proof_bytes(proof);
  Scalar c;
  Scalar s;
  if (!Scalar::FromBytes(proof_bytes.subspan(0, 32), &c) ||
      !Scalar::FromBytes(proof_bytes.subspan(32), &s)) {
    return ProofFails();
  }
  const std::vector<Scalar> weights = Weights(batch);
  AffinePoint generator;
  if (absl::Status status = MultiplyGenerator(Scalar::One(), &generator); !status.ok()) {
    return status;
  }
  // All four points are public; an honest proof makes one of them the identity with chance 2^-256.
  std::array<AffinePoint, 2> composites;
  const std::array<ProjectivePoint, 2> sums = {PublicWeightedSum(weights, batch.blinded_points),
                                               PublicWeightedSum(weights, evaluated_points)};
  if (!ToAffine(sums, absl::MakeSpan(composites))) return ProofFails();
  const std::array<Scalar, 2> multipliers = {s, c};
  const std::array<AffinePoint, 2> first = {generator, public_point};
  const std::array<ProjectivePoint, 2> commitments = {PublicWeightedSum(multipliers, first),
                                                      PublicWeightedSum(multipliers, composites)};
  std::array<AffinePoint, 2> t;
  if (!ToAffine(commitments, absl::MakeSpan(t))) return ProofFails();
  const Scalar expected = Challenge(batch.public_key, composites[0], composites[1], t[0], t[1]);
  return expected.Equals(c) != 0 ? absl::OkStatus() : ProofFails();
}

}  // namespace vouch::crypto
