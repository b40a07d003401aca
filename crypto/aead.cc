#include "crypto/aead.h"

#include <algorithm>
#include <climits>
#include <cstdlib>

#include "crypto/openssl_handles.h"
#include "crypto/secret.h"

namespace vouch::crypto {

namespace {

constexpr size_t kKeySize = 32;
constexpr size_t kTagSize = 16;

void Require(bool condition) {
  if (!condition) std::abort();
}

CipherContextPtr NewContext(bool seal) {
  CipherContextPtr context(EVP_CIPHER_CTX_new());
  Require(context != nullptr && EVP_CipherInit_ex2(context.get(), EVP_aes_256_gcm(), nullptr,
                                                   nullptr, seal ? 1 : 0, nullptr) == 1);
  return context;
}

// Gives the thread's context key, nonce and associated data.
void Begin(EVP_CIPHER_CTX* context, ByteSpan key, const AeadNonce& nonce, ByteSpan associated) {
  Require(key.size() == kKeySize && associated.size() <= INT_MAX);
  Require(EVP_CipherInit_ex2(context, nullptr, key.data(), nonce.data(), -1, nullptr) == 1);
  int written = 0;
  if (!associated.empty()) {
    Require(EVP_CipherUpdate(context, nullptr, &written, associated.data(),
                             static_cast<int>(associated.size())) == 1);
  }
}

void Transform(EVP_CIPHER_CTX* context, ByteSpan from, uint8_t* to) {
  int written = 0;
  if (!from.empty()) {
    Require(EVP_CipherUpdate(context, to, &written, from.data(), static_cast<int>(from.size())) ==
            1);
  }
}

uint8_t* Bytes(std::string* text) { return reinterpret_cast<uint8_t*>(&(*text)[0]); }

}  // namespace

std::string Seal(ByteSpan key, const AeadNonce& nonce, ByteSpan associated, ByteSpan plain) {
  thread_local const CipherContextPtr context = NewContext(/*seal=*/true);
  Require(plain.size() <= INT_MAX - kTagSize);
  Begin(context.get(), key, nonce, associated);
  std::string sealed(plain.size() + kTagSize, '\0');
  Transform(context.get(), plain, Bytes(&sealed));
  uint8_t* tag = Bytes(&sealed) + plain.size();
  int written = 0;
  Require(EVP_CipherFinal_ex(context.get(), tag, &written) == 1 &&
          EVP_CIPHER_CTX_ctrl(context.get(), EVP_CTRL_AEAD_GET_TAG, kTagSize, tag) == 1);
  return sealed;
}

absl::StatusOr<std::string> Open(ByteSpan key, const AeadNonce& nonce, ByteSpan associated,
                                 ByteSpan sealed) {
  thread_local const CipherContextPtr context = NewContext(/*seal=*/false);
  if (sealed.size() < kTagSize || sealed.size() > INT_MAX) {
    return absl::InvalidArgumentError("sealed bytes are too short or too long");
  }
  const ByteSpan cipher = sealed.subspan(0, sealed.size() - kTagSize);
  std::array<uint8_t, kTagSize> tag;
  std::copy(sealed.end() - kTagSize, sealed.end(), tag.begin());
  Begin(context.get(), key, nonce, associated);
  Require(EVP_CIPHER_CTX_ctrl(context.get(), EVP_CTRL_AEAD_SET_TAG, kTagSize, tag.data()) == 1);
  std::string plain(cipher.size(), '\0');
  Transform(context.get(), cipher, Bytes(&plain));
  std::array<uint8_t, kTagSize> rest;
  int written = 0;
  if (EVP_CipherFinal_ex(context.get(), rest.data(), &written) != 1) {
    Wipe(&plain);
    return absl::InvalidArgumentError(
        "sealed bytes do not verify: another key, other associated data, or altered");
  }
  return plain;
}

}  // namespace vouch::crypto
