#include "crypto/voprf.h"

#include <algorithm>
#include <deque>
#include <string>
#include <utility>

#include "absl/strings/str_cat.h"
#include "crypto/digest.h"
#include "crypto/hash_to_curve.h"
#include "crypto/oprf_proof.h"
#include "crypto/p256_multiply.h"
#include "crypto/p256_point.h"
#include "crypto/random.h"

namespace vouch::crypto {
namespace {

constexpr size_t kMaxInput = 65535;

absl::Status InputTooLong() {
  return absl::InvalidArgumentError("an input is at most 65535 bytes");
}

// HashToGroup as an affine point. The chance of the identity is 2^-256 and no input that gives it
// is known.
absl::StatusOr<AffinePoint> HashInput(ByteSpan input, OprfMode mode) {
  if (input.size() > kMaxInput) return InputTooLong();
  AffinePoint point;
  if (!ToAffine(HashToCurve(input, OprfTag("HashToGroup-", mode)), &point)) {
    return absl::InvalidArgumentError("the input hashes to the identity");
  }
  return point;
}

// A u16 size and the bytes, at `at`; returns where they end.
uint8_t* AppendWithSize(ByteSpan bytes, uint8_t* at) {
  *at++ = static_cast<uint8_t>(bytes.size() >> 8);
  *at++ = static_cast<uint8_t>(bytes.size());
  return std::copy(bytes.begin(), bytes.end(), at);
}

// The hash that ends Finalize and Evaluate (RFC 9497, section 3.3.1).
Token OutputOf(ByteSpan input, const AffinePoint& element) {
  static constexpr absl::string_view kEnd = "Finalize";
  const PointBytes encoded = EncodePoint(element);
  // Sized once: a buffer that grew would leave the identity behind in freed memory.
  std::vector<uint8_t> transcript(2 + input.size() + 2 + encoded.size() + kEnd.size());
  uint8_t* at = AppendWithSize(input, transcript.data());
  at = AppendWithSize(encoded, at);
  std::copy(kEnd.begin(), kEnd.end(), at);
  const Token token = Sha256(ByteSpan(transcript));
  Wipe(absl::MakeSpan(transcript));
  return token;
}

bool ScalarFromSecret(const SecretBytes& secret, Scalar* out) {
  return secret.size() == 32 && Scalar::FromBytes(secret.bytes(RawSecretAccess{}), out) &&
         out->IsZero() == 0;
}

absl::StatusOr<std::vector<AffinePoint>> DecodeAll(absl::Span<const PointBytes> encoded) {
  std::vector<AffinePoint> points(encoded.size());
  const size_t refused = DecodePoints(encoded, absl::MakeSpan(points));
  if (refused != encoded.size()) {
    return absl::InvalidArgumentError(
        absl::StrCat("element ", refused, " is not a point of P-256"));
  }
  return points;
}

absl::Status CheckBatchSize(size_t size) {
  if (size >= 1 && size <= kMaxProofBatch) return absl::OkStatus();
  return absl::InvalidArgumentError(
      absl::StrCat("a batch has 1 to ", kMaxProofBatch, " elements, not ", size));
}

std::vector<PointBytes> EncodeAll(absl::Span<const AffinePoint> points) {
  std::vector<PointBytes> encoded;
  encoded.reserve(points.size());
  for (const AffinePoint& point : points) encoded.push_back(EncodePoint(point));
  return encoded;
}

}  // namespace

absl::Status CheckPoint(ByteSpan bytes) {
  AffinePoint ignored;
  if (DecodePoint(bytes, &ignored)) return absl::OkStatus();
  return absl::InvalidArgumentError("not a compressed point of P-256");
}

absl::StatusOr<PointBytes> HashToGroup(ByteSpan input, OprfMode mode) {
  absl::StatusOr<AffinePoint> point = HashInput(input, mode);
  if (!point.ok()) return point.status();
  return EncodePoint(*point);
}

struct OprfPrivateKey::Handle {
  ~Handle() { key.Wipe(); }

  OprfMode mode;
  Scalar key;
  PointBytes public_key;

  absl::StatusOr<Evaluation> Answer(absl::Span<const PointBytes> blinded,
                                    const SecretBytes* nonce) const;
};

OprfPrivateKey::OprfPrivateKey(std::unique_ptr<Handle> handle) : handle_(std::move(handle)) {}
OprfPrivateKey::OprfPrivateKey(OprfPrivateKey&&) noexcept = default;
OprfPrivateKey& OprfPrivateKey::operator=(OprfPrivateKey&&) noexcept = default;
OprfPrivateKey::~OprfPrivateKey() = default;

absl::StatusOr<OprfPrivateKey> OprfPrivateKey::Derive(const SecretBytes& seed, ByteSpan info,
                                                      OprfMode mode) {
  if (seed.size() != 32) return absl::InvalidArgumentError("a seed is 32 bytes");
  if (info.size() > kMaxInput) return absl::InvalidArgumentError("info is at most 65535 bytes");
  SecretBytes input = SecretBytes::OfSize(seed.size() + 2 + info.size() + 1);
  const absl::Span<uint8_t> bytes = input.mutable_bytes(RawSecretAccess{});
  const ByteSpan seed_bytes = seed.bytes(RawSecretAccess{});
  AppendWithSize(info, std::copy(seed_bytes.begin(), seed_bytes.end(), bytes.begin()));
  Scalar key;
  for (int counter = 0; counter < 256 && key.IsZero() != 0; ++counter) {
    bytes.back() = static_cast<uint8_t>(counter);
    key = HashToScalar(bytes, OprfTag("DeriveKeyPair", mode));
  }
  SecretBytes scalar = SecretBytes::OfSize(32);
  key.ToBytes(scalar.mutable_bytes(RawSecretAccess{}));
  key.Wipe();
  return FromScalar(scalar, mode);
}

absl::StatusOr<OprfPrivateKey> OprfPrivateKey::FromScalar(const SecretBytes& scalar,
                                                          OprfMode mode) {
  auto handle = std::make_unique<Handle>();
  handle->mode = mode;
  if (!ScalarFromSecret(scalar, &handle->key)) {
    return absl::InvalidArgumentError("a private key is a 32-byte scalar between 1 and n-1");
  }
  AffinePoint point;
  if (absl::Status status = MultiplyGenerator(handle->key, &point); !status.ok()) return status;
  handle->public_key = EncodePoint(point);
  return OprfPrivateKey(std::move(handle));
}

const PointBytes& OprfPrivateKey::public_key() const { return handle_->public_key; }

absl::StatusOr<OprfPrivateKey::Evaluation> OprfPrivateKey::Handle::Answer(
    absl::Span<const PointBytes> blinded, const SecretBytes* nonce) const {
  if (absl::Status status = CheckBatchSize(blinded.size()); !status.ok()) return status;
  absl::StatusOr<std::vector<AffinePoint>> points = DecodeAll(blinded);
  if (!points.ok()) return points.status();
  std::vector<AffinePoint> evaluated(points->size());
  absl::Status status =
      MultiplyPoints(absl::MakeConstSpan(&key, 1), *points, absl::MakeSpan(evaluated));
  if (!status.ok()) return status;
  Evaluation evaluation;
  evaluation.elements = EncodeAll(evaluated);
  evaluation.proof.fill(0);
  if (mode == OprfMode::kOprf) return evaluation;
  Scalar given;
  if (nonce != nullptr && !ScalarFromSecret(*nonce, &given)) {
    return absl::InvalidArgumentError("a proof nonce is a 32-byte scalar between 1 and n-1");
  }
  const ProofBatch batch{public_key, blinded, evaluation.elements, *points};
  absl::StatusOr<DleqProof> proof = Prove(key, batch, nonce == nullptr ? nullptr : &given);
  given.Wipe();
  if (!proof.ok()) return proof.status();
  evaluation.proof = *proof;
  return evaluation;
}

absl::StatusOr<OprfPrivateKey::Evaluation> OprfPrivateKey::BlindEvaluate(
    absl::Span<const PointBytes> blinded) const {
  return handle_->Answer(blinded, nullptr);
}

absl::StatusOr<OprfPrivateKey::Evaluation> OprfPrivateKey::BlindEvaluateWithNonce(
    absl::Span<const PointBytes> blinded, const SecretBytes& nonce) const {
  return handle_->Answer(blinded, &nonce);
}

absl::StatusOr<Token> OprfPrivateKey::Evaluate(ByteSpan input) const {
  absl::StatusOr<std::vector<Token>> tokens = EvaluateMany(absl::MakeConstSpan(&input, 1));
  if (!tokens.ok()) return tokens.status();
  return tokens->front();
}

absl::StatusOr<std::vector<Token>> OprfPrivateKey::EvaluateMany(
    absl::Span<const ByteSpan> inputs) const {
  const std::string tag = OprfTag("HashToGroup-", handle_->mode);
  for (ByteSpan input : inputs) {
    if (input.size() > kMaxInput) return InputTooLong();
  }
  const std::vector<ProjectivePoint> hashed = HashManyToCurve(inputs, tag);
  std::vector<AffinePoint> points(inputs.size());
  if (!ToAffine(hashed, absl::MakeSpan(points))) {
    return absl::InvalidArgumentError("an input hashes to the identity");
  }
  absl::Status status =
      MultiplyPoints(absl::MakeConstSpan(&handle_->key, 1), points, absl::MakeSpan(points));
  if (!status.ok()) return status;
  std::vector<Token> tokens;
  tokens.reserve(inputs.size());
  for (size_t i = 0; i < inputs.size(); ++i) tokens.push_back(OutputOf(inputs[i], points[i]));
  return tokens;
}

struct OprfClient::State {
  struct Element {
    Element(ByteSpan input_bytes, const Scalar& blind_scalar, const AffinePoint& blinded_point)
        : input(SecretBytes::CopyOf(input_bytes)), blind(blind_scalar), blinded(blinded_point) {}
    Element(const Element&) = delete;
    Element& operator=(const Element&) = delete;
    ~Element() { blind.Wipe(); }

    SecretBytes input;
    Scalar blind;
    AffinePoint blinded;
    bool exists = true;
  };

  OprfMode mode;
  bool finished = false;
  // A deque never moves its elements, so no copy of a blind is left behind in freed memory.
  std::deque<Element> elements;

  absl::StatusOr<PointBytes> Remember(ByteSpan input, const Scalar& blind);
};

OprfClient::OprfClient(OprfMode mode) : state_(std::make_unique<State>()) { state_->mode = mode; }
OprfClient::OprfClient(OprfClient&&) noexcept = default;
OprfClient& OprfClient::operator=(OprfClient&&) noexcept = default;
OprfClient::~OprfClient() = default;

absl::StatusOr<PointBytes> OprfClient::State::Remember(ByteSpan input, const Scalar& blind) {
  if (finished) return absl::FailedPreconditionError("the batch has been finalized");
  if (elements.size() == kMaxProofBatch) {
    return absl::InvalidArgumentError(
        absl::StrCat("a batch has at most ", kMaxProofBatch, " elements"));
  }
  absl::StatusOr<AffinePoint> point = HashInput(input, mode);
  if (!point.ok()) return point.status();
  AffinePoint blinded;
  absl::Status status = MultiplyPoints(absl::MakeConstSpan(&blind, 1),
                                       absl::MakeConstSpan(&*point, 1), {&blinded, 1});
  if (!status.ok()) return status;
  elements.emplace_back(input, blind, blinded);
  return EncodePoint(blinded);
}

absl::StatusOr<PointBytes> OprfClient::Blind(ByteSpan input) {
  Scalar blind = RandomScalar();
  absl::StatusOr<PointBytes> blinded = state_->Remember(input, blind);
  blind.Wipe();
  return blinded;
}

absl::StatusOr<PointBytes> OprfClient::BlindWith(ByteSpan input, const SecretBytes& blind) {
  Scalar scalar;
  if (!ScalarFromSecret(blind, &scalar)) {
    return absl::InvalidArgumentError("a blind is a 32-byte scalar between 1 and n-1");
  }
  absl::StatusOr<PointBytes> blinded = state_->Remember(input, scalar);
  scalar.Wipe();
  return blinded;
}

// A random input takes the same steps, and so the same time, as one that exists.
absl::StatusOr<PointBytes> OprfClient::BlindNothing() {
  std::array<uint8_t, 32> random;
  FillRandom(absl::MakeSpan(random));
  absl::StatusOr<PointBytes> blinded = Blind(random);
  if (blinded.ok()) state_->elements.back().exists = false;
  return blinded;
}

absl::StatusOr<std::vector<Token>> OprfClient::Finalize(absl::Span<const PointBytes> evaluated,
                                                        const DleqProof& proof,
                                                        const PointBytes& public_key) {
  // Whatever happens, the blinds end here.
  state_->finished = true;
  const std::deque<State::Element> elements = std::exchange(state_->elements, {});
  if (absl::Status status = CheckBatchSize(elements.size()); !status.ok()) return status;
  if (evaluated.size() != elements.size()) {
    return absl::InvalidArgumentError(
        absl::StrCat("sent ", elements.size(), " elements, received ", evaluated.size()));
  }
  absl::StatusOr<std::vector<AffinePoint>> points = DecodeAll(evaluated);
  if (!points.ok()) return points.status();

  if (state_->mode == OprfMode::kVoprf) {
    std::vector<AffinePoint> blinded_points;
    blinded_points.reserve(elements.size());
    for (const State::Element& element : elements) blinded_points.push_back(element.blinded);
    const std::vector<PointBytes> blinded = EncodeAll(blinded_points);
    const ProofBatch batch{public_key, blinded, evaluated, blinded_points};
    if (absl::Status status = CheckProof(batch, *points, proof); !status.ok()) return status;
  }

  std::vector<Scalar> inverses;
  inverses.reserve(elements.size());
  for (const State::Element& element : elements) inverses.push_back(element.blind);
  InvertAll(absl::MakeSpan(inverses));
  absl::Status status = MultiplyPoints(inverses, *points, absl::MakeSpan(*points));
  for (Scalar& inverse : inverses) inverse.Wipe();
  if (!status.ok()) return status;

  std::vector<Token> tokens;
  tokens.reserve(elements.size());
  for (size_t i = 0; i < elements.size(); ++i) {
    Token token = OutputOf(elements[i].input.bytes(RawSecretAccess{}), (*points)[i]);
    if (!elements[i].exists) token.fill(0);
    tokens.push_back(token);
  }
  return tokens;
}

}  // namespace vouch::crypto
