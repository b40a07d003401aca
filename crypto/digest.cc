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
// An HMAC's message of up to so many bytes is put together before it is hashed.
constexpr size_t kGathered = 4 * kBlock - 9;

void StoreBigEndian32(uint32_t value, uint8_t* out) {
  value = __builtin_bswap32(value);
  std::memcpy(out, &value, sizeof(value));
}

// Puts end mark and length behind the last bytes of a message that is `bytes` long in all: `used`
// of them stand at `last`, which has room for what is added. Gives the number of blocks there.
size_t Finish(uint8_t* last, size_t used, uint64_t bytes) {
  const size_t blocks = (used + 9 + kBlock - 1) / kBlock;
  last[used] = 0x80;
  std::memset(last + used + 1, 0, blocks * kBlock - 8 - (used + 1));
  StoreBigEndian32(static_cast<uint32_t>(bytes >> 29), last + blocks * kBlock - 8);
  StoreBigEndian32(static_cast<uint32_t>(bytes << 3), last + blocks * kBlock - 4);
  return blocks;
}

// Whole blocks, in one go: nothing is copied, and the state is taken up once.
void Absorb(SHA256_CTX* context, const uint8_t* from, size_t blocks) {
  context->Nl = context->Nh = context->num = 0;
  SHA256_Update(context, from, blocks * kBlock);
}

void StoreState(const SHA256_CTX& context, uint8_t* out) {
  for (size_t i = 0; i < 8; ++i) StoreBigEndian32(context.h[i], out + 4 * i);
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
  const size_t whole = bytes.size() / kBlock;
  Absorb(&context, bytes.data(), whole);
  std::array<uint8_t, 2 * kBlock> last;
  const size_t used = bytes.size() - whole * kBlock;
  if (used > 0) std::memcpy(last.data(), bytes.data() + whole * kBlock, used);
  Absorb(&context, last.data(), Finish(last.data(), used, bytes.size()));
  Digest digest;
  StoreState(context, digest.data());
  // What was hashed may be a secret.
  Wipe(absl::MakeSpan(last.data(), used));
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
  std::array<uint8_t, kGathered + 9> message;
  const size_t size = a.size() + b.size();
  if (size <= kGathered) {
    if (!a.empty()) std::memcpy(message.data(), a.data(), a.size());
    if (!b.empty()) std::memcpy(message.data() + a.size(), b.data(), b.size());
    Resume(inner_, &context);
    Absorb(&context, message.data(), Finish(message.data(), size, kBlock + size));
    // The message may be an identity in clear.
    Wipe(absl::MakeSpan(message.data(), size));
    StoreState(context, message.data());
  } else {
    SHA256_Init(&context);
    Resume(inner_, &context);
    context.Nl = kBlock * 8;
    Append(&context, a);
    Append(&context, b);
    SHA256_Final(message.data(), &context);
  }
  Finish(message.data(), sizeof(Digest), kBlock + sizeof(Digest));
  Resume(outer_, &context);
  SHA256_Transform(&context, message.data());
  Digest mac;
  StoreState(context, mac.data());
  Wipe(absl::MakeSpan(message.data(), sizeof(Digest)));
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
