#define OPENSSL_SUPPRESS_DEPRECATED  // for this file alone; the header says why

#include "crypto/digest.h"

#include <openssl/crypto.h>
#include <openssl/sha.h>

#include <algorithm>
#include <cstdlib>
#include <cstring>

namespace vouch::crypto {

namespace {

constexpr size_t kBlock = SHA256_CBLOCK;
// What fits in one block beside the end mark and the 8-byte length.
constexpr size_t kOneBlockMessage = kBlock - 9;

void StoreBigEndian32(uint32_t value, uint8_t* out) {
  value = __builtin_bswap32(value);
  std::memcpy(out, &value, sizeof(value));
}

// Puts end mark and length (which counts the pad block before it) behind `size` message bytes.
void FinishBlock(uint8_t* block, size_t size) {
  block[size] = 0x80;
  std::memset(block + size + 1, 0, kBlock - 4 - (size + 1));
  StoreBigEndian32(static_cast<uint32_t>((kBlock + size) * 8), block + kBlock - 4);
}

template <typename State>
void Resume(const State& state, SHA256_CTX* context) {
  static_assert(sizeof(state) == sizeof(context->h), "SHA-256 keeps eight words");
  std::memcpy(context->h, state.data(), sizeof(context->h));
}

void Append(SHA256_CTX* context, ByteSpan bytes) {
  if (!bytes.empty()) SHA256_Update(context, bytes.data(), bytes.size());
}

}  // namespace

Digest Sha256(ByteSpan bytes) {
  SHA256_CTX context;
  SHA256_Init(&context);
  Append(&context, bytes);
  Digest digest;
  SHA256_Final(digest.data(), &context);
  OPENSSL_cleanse(&context, sizeof(context));
  return digest;
}

HmacKey::HmacKey(ByteSpan key) {
  std::array<uint8_t, kBlock> pad = {};
  if (key.size() > kBlock) {
    const Digest hashed = Sha256(key);
    std::memcpy(pad.data(), hashed.data(), hashed.size());
  } else if (!key.empty()) {
    std::memcpy(pad.data(), key.data(), key.size());
  }
  SHA256_CTX context;
  for (uint8_t& byte : pad) byte ^= 0x36;
  SHA256_Init(&context);
  SHA256_Transform(&context, pad.data());
  std::memcpy(inner_.data(), context.h, sizeof(inner_));
  for (uint8_t& byte : pad) byte ^= 0x36 ^ 0x5c;
  SHA256_Init(&context);
  SHA256_Transform(&context, pad.data());
  std::memcpy(outer_.data(), context.h, sizeof(outer_));
  Wipe(absl::MakeSpan(pad));
  OPENSSL_cleanse(&context, sizeof(context));
}

HmacKey::HmacKey(const SecretBytes& key) : HmacKey(key.bytes(RawSecretAccess{})) {}

HmacKey::HmacKey(HmacKey&& other) noexcept : inner_(other.inner_), outer_(other.outer_) {
  OPENSSL_cleanse(&other, sizeof(other));
}

HmacKey& HmacKey::operator=(HmacKey&& other) noexcept {
  if (this != &other) {
    inner_ = other.inner_;
    outer_ = other.outer_;
    OPENSSL_cleanse(&other, sizeof(other));
  }
  return *this;
}

HmacKey::~HmacKey() { OPENSSL_cleanse(this, sizeof(*this)); }

Digest HmacKey::Mac(ByteSpan a, ByteSpan b) const {
  SHA256_CTX context;
  std::array<uint8_t, kBlock> block;
  const size_t size = a.size() + b.size();
  if (size <= kOneBlockMessage) {
    if (!a.empty()) std::memcpy(block.data(), a.data(), a.size());
    if (!b.empty()) std::memcpy(block.data() + a.size(), b.data(), b.size());
    FinishBlock(block.data(), size);
    Resume(inner_, &context);
    SHA256_Transform(&context, block.data());
    for (size_t i = 0; i < 8; ++i) StoreBigEndian32(context.h[i], &block[4 * i]);
  } else {
    SHA256_Init(&context);
    Resume(inner_, &context);
    context.Nl = kBlock * 8;
    Append(&context, a);
    Append(&context, b);
    SHA256_Final(block.data(), &context);
  }
  FinishBlock(block.data(), sizeof(Digest));
  Resume(outer_, &context);
  SHA256_Transform(&context, block.data());
  Digest mac;
  for (size_t i = 0; i < 8; ++i) StoreBigEndian32(context.h[i], &mac[4 * i]);
  // The message may be an identity in clear.
  Wipe(absl::MakeSpan(block));
  return mac;
}

Digest HmacSha256(ByteSpan key, ByteSpan message) { return HmacKey(key).Mac(message); }

void HkdfSha256(ByteSpan input_key, ByteSpan salt, ByteSpan info, absl::Span<uint8_t> out) {
  if (out.size() > 255 * sizeof(Digest)) std::abort();
  Digest pseudorandom_key = HmacSha256(salt, input_key);
  const HmacKey expand{ByteSpan(pseudorandom_key)};
  Wipe(absl::MakeSpan(pseudorandom_key));

  std::string message;
  message.reserve(sizeof(Digest) + info.size() + 1);
  message.append(AsText(info).data(), info.size());
  message.push_back(1);
  Digest block = expand.Mac(message);
  for (size_t done = 0; done < out.size();) {
    const size_t take = std::min(block.size(), out.size() - done);
    std::memcpy(out.data() + done, block.data(), take);
    done += take;
    ++message.back();
    if (done < out.size()) block = expand.Mac(block, AsBytes(message));
  }
  Wipe(absl::MakeSpan(block));
}

SecretBytes HkdfSha256(ByteSpan input_key, ByteSpan salt, ByteSpan info, size_t size) {
  SecretBytes out = SecretBytes::OfSize(size);
  HkdfSha256(input_key, salt, info, out.mutable_bytes(RawSecretAccess{}));
  return out;
}

}  // namespace vouch::crypto
