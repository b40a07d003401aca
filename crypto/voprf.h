// RFC 9497, suite P256-SHA256: modes OPRF (0) and VOPRF (1). Vouch uses VOPRF; OPRF shares the code
// and serves the published vectors.
#ifndef VOUCH_CRYPTO_VOPRF_H_
#define VOUCH_CRYPTO_VOPRF_H_

#include <array>
#include <memory>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/types/span.h"
#include "crypto/bytes.h"
#include "crypto/secret.h"

namespace vouch::crypto {

enum class OprfMode : uint8_t { kOprf = 0, kVoprf = 1 };

// A compressed point (SEC 1): 33 bytes, tag 02 or 03, on the curve, never the identity.
using PointBytes = std::array<uint8_t, 33>;
// The proof's scalars c and s, 32 bytes each, big-endian.
using DleqProof = std::array<uint8_t, 64>;

// The most elements one proof covers: 512 people with 8 match keys each.
inline constexpr size_t kMaxProofBatch = 4096;

// InvalidArgument unless `bytes` is a point as PointBytes describes.
absl::Status CheckPoint(ByteSpan bytes);

// The responder's key of one agreement and epoch. Thread-safe after construction.
class OprfPrivateKey {
 public:
  // RFC 9497, section 3.2.1. `seed` is 32 random bytes, `info` at most 65535 bytes.
  static absl::StatusOr<OprfPrivateKey> Derive(const SecretBytes& seed, ByteSpan info,
                                               OprfMode mode = OprfMode::kVoprf);
  // A 32-byte big-endian scalar in [1, n-1].
  static absl::StatusOr<OprfPrivateKey> FromScalar(const SecretBytes& scalar,
                                                   OprfMode mode = OprfMode::kVoprf);
  OprfPrivateKey(OprfPrivateKey&&) noexcept;
  OprfPrivateKey& operator=(OprfPrivateKey&&) noexcept;
  ~OprfPrivateKey();

  const PointBytes& public_key() const;

  struct Evaluation {
    std::vector<PointBytes> elements;
    DleqProof proof;  // all zero in mode OPRF
  };
  // BlindEvaluate (section 3.3.2) for 1..kMaxProofBatch elements; InvalidArgument names the
  // position of the first bad element. The proof nonce mixes fresh randomness with key and input
  // (hedged).
  absl::StatusOr<Evaluation> BlindEvaluate(absl::Span<const PointBytes> blinded) const;
  // The same with the proof nonce given: for published vectors only.
  absl::StatusOr<Evaluation> BlindEvaluateWithNonce(absl::Span<const PointBytes> blinded,
                                                    const SecretBytes& nonce) const;
  // Evaluate (section 3.3.1): the output for an input this side knows, without blinding.
  absl::StatusOr<Token> Evaluate(ByteSpan input) const;
  // The same for many inputs, faster for each: one output per input, in order.
  absl::StatusOr<std::vector<Token>> EvaluateMany(absl::Span<const ByteSpan> inputs) const;

 private:
  struct Handle;
  explicit OprfPrivateKey(std::unique_ptr<Handle> handle);
  std::unique_ptr<Handle> handle_;
};

// The requester's side of one batch. Blinds are fresh for every element, and wiped. Not
// thread-safe. Finalize ends the batch whatever its outcome (a retry needs a new client and so new
// blinds); FailedPrecondition from blinding after it.
class OprfClient {
 public:
  explicit OprfClient(OprfMode mode = OprfMode::kVoprf);
  OprfClient(OprfClient&&) noexcept;
  OprfClient& operator=(OprfClient&&) noexcept;
  ~OprfClient();

  // Blinds one input and remembers it. InvalidArgument if it hashes to the identity or is over
  // 65535 bytes.
  absl::StatusOr<PointBytes> Blind(ByteSpan input);
  // The same with the blind given: for published vectors only.
  absl::StatusOr<PointBytes> BlindWith(ByteSpan input, const SecretBytes& blind);
  // A uniformly random element in place of an input that does not exist; Finalize returns a zero
  // token for it.
  absl::StatusOr<PointBytes> BlindNothing();

  // Checks the proof against `public_key` before anything is unblinded (mode VOPRF), then returns
  // one output per blinded element, in order. PermissionDenied when the proof fails;
  // InvalidArgument for bad elements or counts.
  absl::StatusOr<std::vector<Token>> Finalize(absl::Span<const PointBytes> evaluated,
                                              const DleqProof& proof, const PointBytes& public_key);

 private:
  struct State;
  std::unique_ptr<State> state_;
};

// HashToGroup with the suite's domain separation tag, compressed. For vectors and cross-checks.
absl::StatusOr<PointBytes> HashToGroup(ByteSpan input, OprfMode mode);

}  // namespace vouch::crypto

#endif  // VOUCH_CRYPTO_VOPRF_H_
