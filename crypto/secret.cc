#include "crypto/secret.h"

#include <openssl/crypto.h>
#include <openssl/rand.h>
#include <sys/prctl.h>
#include <sys/resource.h>

#include <cstdlib>
#include <cstring>
#include <utility>

#include "absl/base/config.h"
#ifdef ABSL_HAVE_ADDRESS_SANITIZER
#include <sanitizer/lsan_interface.h>
#endif

namespace vouch::crypto {

namespace {

// Room for some ten thousand 32-byte keys; under the 8 MiB a process may lock by default.
constexpr size_t kSecureHeapSize = size_t{1} << 20;
constexpr size_t kSmallestSecret = 16;

uint8_t* Allocate(size_t size) {
  if (size == 0) return nullptr;
  void* memory = OPENSSL_secure_malloc(size);
  // A full secure heap is no reason to stop answering.
  if (memory == nullptr) memory = OPENSSL_malloc(size);
  if (memory == nullptr) std::abort();
  return static_cast<uint8_t*>(memory);
}

}  // namespace

SecretBytes SecretBytes::CopyOf(ByteSpan bytes) {
  SecretBytes secret;
  secret.data_ = Allocate(bytes.size());
  secret.size_ = bytes.size();
  if (!bytes.empty()) std::memcpy(secret.data_, bytes.data(), bytes.size());
  return secret;
}

SecretBytes SecretBytes::OfSize(size_t size) {
  SecretBytes secret;
  secret.data_ = Allocate(size);
  secret.size_ = size;
  if (size != 0) std::memset(secret.data_, 0, size);
  return secret;
}

SecretBytes SecretBytes::Random(size_t size) {
  SecretBytes secret;
  secret.data_ = Allocate(size);
  secret.size_ = size;
  if (size != 0 && RAND_priv_bytes_ex(nullptr, secret.data_, size, 0) != 1) std::abort();
  return secret;
}

SecretBytes::SecretBytes(SecretBytes&& other) noexcept
    : data_(std::exchange(other.data_, nullptr)), size_(std::exchange(other.size_, 0)) {}

SecretBytes& SecretBytes::operator=(SecretBytes&& other) noexcept {
  if (this != &other) {
    OPENSSL_secure_clear_free(data_, size_);
    data_ = std::exchange(other.data_, nullptr);
    size_ = std::exchange(other.size_, 0);
  }
  return *this;
}

SecretBytes::~SecretBytes() { OPENSSL_secure_clear_free(data_, size_); }

SecretBytes SecretBytes::Copy() const { return CopyOf(ByteSpan(data_, size_)); }

bool operator==(const SecretBytes& a, const SecretBytes& b) {
  return ConstantTimeEqual(ByteSpan(a.data_, a.size_), ByteSpan(b.data_, b.size_));
}

bool ConstantTimeEqual(ByteSpan a, ByteSpan b) {
  if (a.size() != b.size()) return false;
  return a.empty() || CRYPTO_memcmp(a.data(), b.data(), a.size()) == 0;
}

void Wipe(absl::Span<uint8_t> bytes) { OPENSSL_cleanse(bytes.data(), bytes.size()); }

void Wipe(std::string* text) {
  // What an earlier, longer value left behind the end goes too.
  text->resize(text->capacity());
  OPENSSL_cleanse(&(*text)[0], text->size());
  text->clear();
}

absl::Status HardenProcess() {
  const rlimit no_core = {0, 0};
  if (setrlimit(RLIMIT_CORE, &no_core) != 0 || prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) != 0) {
    return absl::InternalError("core dumps cannot be turned off");
  }
  if (CRYPTO_secure_malloc_initialized() == 0 &&
      CRYPTO_secure_malloc_init(kSecureHeapSize, kSmallestSecret) == 0) {
    return absl::InternalError("the secure heap cannot be set up");
  }
#ifdef ABSL_HAVE_ADDRESS_SANITIZER
  // The leak check does not look into mapped memory by itself; OpenSSL's generators live there and
  // own blocks outside.
  void* inside = OPENSSL_secure_malloc(kSmallestSecret);
  __lsan_register_root_region(static_cast<char*>(inside) - kSecureHeapSize, 2 * kSecureHeapSize);
  OPENSSL_secure_free(inside);
#endif
  return absl::OkStatus();
}

}  // namespace vouch::crypto
