// Points and proofs from the network: decoding is strict, and nothing forged verifies.
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <vector>

#include "crypto/voprf.h"

namespace crypto = vouch::crypto;

namespace {

crypto::SecretBytes Seed() {
  std::array<uint8_t, 32> seed{};
  seed[0] = 7;
  return crypto::SecretBytes::CopyOf(seed);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const crypto::ByteSpan bytes(data, size);
  static const crypto::OprfPrivateKey key = *crypto::OprfPrivateKey::Derive(Seed(), {});
  const absl::Status checked = crypto::CheckPoint(bytes);
  if (checked.ok() && (size != 33 || (data[0] != 2 && data[0] != 3))) std::abort();

  crypto::PointBytes point;
  if (size < point.size()) return 0;
  std::vector<crypto::PointBytes> elements;
  for (size_t at = 0; at + point.size() <= size && elements.size() < 8; at += point.size()) {
    std::copy_n(data + at, point.size(), point.begin());
    elements.push_back(point);
  }
  const auto evaluation = key.BlindEvaluate(elements);
  bool all_good = true;
  for (const crypto::PointBytes& element : elements) {
    all_good = all_good && crypto::CheckPoint(element).ok();
  }
  if (evaluation.ok() != all_good) std::abort();

  // A responder's reply made of these bytes must be refused: it holds no key that we accept.
  crypto::OprfClient client;
  const auto blinded = client.Blind(crypto::AsBytes("input"));
  if (!blinded.ok() || size < point.size() + 64) return 0;
  crypto::DleqProof proof;
  std::copy_n(data + point.size(), proof.size(), proof.begin());
  if (client.Finalize(absl::MakeConstSpan(elements).subspan(0, 1), proof, key.public_key()).ok()) {
    std::abort();
  }
  return 0;
}
