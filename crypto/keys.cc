#include "crypto/keys.h"

#include <openssl/core_names.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/rsa.h>

#include <climits>
#include <cstdlib>
#include <utility>

#include "absl/strings/str_cat.h"
#include "crypto/digest.h"
#include "crypto/openssl_handles.h"

namespace vouch::crypto {

namespace {

constexpr int kSmallestRsaBits = 2048;
// Verifying under a huge modulus would let a stranger's key keep this process busy.
constexpr int kLargestRsaBits = 8192;
constexpr unsigned int kGeneratedRsaBits = 3072;
// A P-256 SubjectPublicKeyInfo with an uncompressed point: 26 bytes of header, 04, x, y.
constexpr size_t kP256PublicSize = 91;
constexpr size_t kP256PointOffset = 26;

void Require(bool condition) {
  if (!condition) std::abort();
}

// Never asks a terminal for a passphrase.
int NoPassphrase(char*, int, int, void*) { return -1; }

absl::StatusOr<KeyKind> KindOf(EVP_PKEY* key) {
  switch (EVP_PKEY_get_base_id(key)) {
    case EVP_PKEY_EC: {
      char group[32] = {};
      if (EVP_PKEY_get_group_name(key, group, sizeof(group), nullptr) == 1 &&
          absl::string_view(group) == SN_X9_62_prime256v1) {
        return KeyKind::kP256;
      }
      break;
    }
    case EVP_PKEY_ED25519:
      return KeyKind::kEd25519;
    case EVP_PKEY_RSA:
      if (EVP_PKEY_get_bits(key) >= kSmallestRsaBits && EVP_PKEY_get_bits(key) <= kLargestRsaBits) {
        return KeyKind::kRsa;
      }
      break;
    default:
      break;
  }
  return absl::InvalidArgumentError(
      "the key is of a kind not taken here; P-256, Ed25519 and RSA of 2048 to 8192 bits are");
}

const EVP_MD* DigestFor(KeyKind kind) { return kind == KeyKind::kEd25519 ? nullptr : EVP_sha256(); }

std::string DerOf(EVP_PKEY* key) {
  unsigned char* der = nullptr;
  const int size = i2d_PUBKEY(key, &der);
  Require(size > 0);
  const OpensslBytesPtr owner(der);
  return std::string(reinterpret_cast<const char*>(der), static_cast<size_t>(size));
}

}  // namespace

struct SigningKey::Handle {
  KeyPtr key;
  KeyKind kind;
};

SigningKey::SigningKey(std::unique_ptr<Handle> handle) : handle_(std::move(handle)) {}
SigningKey::SigningKey(SigningKey&&) noexcept = default;
SigningKey& SigningKey::operator=(SigningKey&&) noexcept = default;
SigningKey::~SigningKey() = default;

SigningKey SigningKey::Generate(KeyKind kind) {
  KeyPtr key;
  switch (kind) {
    case KeyKind::kP256:
      key.reset(EVP_EC_gen(SN_X9_62_prime256v1));
      break;
    case KeyKind::kEd25519:
      key.reset(EVP_PKEY_Q_keygen(nullptr, nullptr, SN_ED25519));
      break;
    case KeyKind::kRsa:
      key.reset(EVP_RSA_gen(kGeneratedRsaBits));
      break;
  }
  Require(key != nullptr);
  return SigningKey(std::make_unique<Handle>(Handle{std::move(key), kind}));
}

absl::StatusOr<SigningKey> SigningKey::FromPem(absl::string_view pem) {
  if (pem.size() > INT_MAX) return absl::InvalidArgumentError("the PEM text is too long");
  const BioPtr bio = ReadingBio(AsBytes(pem));
  Require(bio != nullptr);
  KeyPtr key(PEM_read_bio_PrivateKey(bio.get(), nullptr, NoPassphrase, nullptr));
  ERR_clear_error();
  if (key == nullptr) {
    return absl::InvalidArgumentError(
        "no unencrypted private key found; expected PEM that begins with BEGIN PRIVATE KEY");
  }
  const absl::StatusOr<KeyKind> kind = KindOf(key.get());
  if (!kind.ok()) return kind.status();
  if (*kind == KeyKind::kP256) {
    Require(EVP_PKEY_set_utf8_string_param(key.get(), OSSL_PKEY_PARAM_EC_POINT_CONVERSION_FORMAT,
                                           OSSL_PKEY_EC_POINT_CONVERSION_FORMAT_UNCOMPRESSED) == 1);
  }
  return SigningKey(std::make_unique<Handle>(Handle{std::move(key), *kind}));
}

KeyKind SigningKey::kind() const { return handle_->kind; }

void* SigningKey::native() const { return handle_->key.get(); }

std::string SigningKey::ToPem(RawSecretAccess) const {
  const BioPtr bio(BIO_new(BIO_s_secmem()));
  Require(bio != nullptr && PEM_write_bio_PKCS8PrivateKey(bio.get(), handle_->key.get(), nullptr,
                                                          nullptr, 0, nullptr, nullptr) == 1);
  char* text = nullptr;
  const long size = BIO_get_mem_data(bio.get(), &text);
  return std::string(text, static_cast<size_t>(size));
}

std::string PublicKeyToPem(ByteSpan public_der) {
  const unsigned char* at = public_der.data();
  const KeyPtr key(d2i_PUBKEY(nullptr, &at, static_cast<long>(public_der.size())));
  const BioPtr bio(BIO_new(BIO_s_mem()));
  Require(key != nullptr && bio != nullptr && PEM_write_bio_PUBKEY(bio.get(), key.get()) == 1);
  char* text = nullptr;
  const long size = BIO_get_mem_data(bio.get(), &text);
  return std::string(text, static_cast<size_t>(size));
}

absl::StatusOr<std::string> PublicKeyFromPem(absl::string_view pem) {
  if (pem.size() > INT_MAX) return absl::InvalidArgumentError("the PEM text is too long");
  const BioPtr bio = ReadingBio(AsBytes(pem));
  Require(bio != nullptr);
  const KeyPtr key(PEM_read_bio_PUBKEY(bio.get(), nullptr, NoPassphrase, nullptr));
  ERR_clear_error();
  if (key == nullptr) {
    return absl::InvalidArgumentError(
        "no public key found; expected PEM that begins with BEGIN PUBLIC KEY");
  }
  std::string der = DerOf(key.get());
  if (const auto taken = PublicKey::FromDer(AsBytes(der)); !taken.ok()) return taken.status();
  return der;
}

std::string SigningKey::PublicDer() const { return DerOf(handle_->key.get()); }

std::string SigningKey::Sign(ByteSpan message) const {
  const DigestContextPtr context(EVP_MD_CTX_new());
  Require(context != nullptr && EVP_DigestSignInit(context.get(), nullptr, DigestFor(kind()),
                                                   nullptr, handle_->key.get()) == 1);
  size_t size = static_cast<size_t>(EVP_PKEY_get_size(handle_->key.get()));
  std::string signature(size, '\0');
  Require(EVP_DigestSign(context.get(), reinterpret_cast<uint8_t*>(&signature[0]), &size,
                         message.data(), message.size()) == 1);
  signature.resize(size);
  return signature;
}

struct PublicKey::Handle {
  KeyPtr key;
  KeyKind kind;
};

PublicKey::PublicKey(std::unique_ptr<Handle> handle) : handle_(std::move(handle)) {}
PublicKey::PublicKey(PublicKey&&) noexcept = default;
PublicKey& PublicKey::operator=(PublicKey&&) noexcept = default;
PublicKey::~PublicKey() = default;

absl::StatusOr<PublicKey> PublicKey::FromDer(ByteSpan public_der) {
  const unsigned char* next = public_der.data();
  KeyPtr key;
  if (public_der.size() <= INT_MAX) {
    key.reset(d2i_PUBKEY(nullptr, &next, static_cast<long>(public_der.size())));
  }
  ERR_clear_error();
  if (key == nullptr) {
    return absl::InvalidArgumentError("the public key is not a SubjectPublicKeyInfo in DER");
  }
  const absl::StatusOr<KeyKind> kind = KindOf(key.get());
  if (!kind.ok()) return kind.status();
  // Fingerprints are over these bytes: one key must not have two of them, so the compressed and
  // hybrid forms of a point, which OpenSSL takes and writes back, are refused too.
  const bool whole_point = *kind != KeyKind::kP256 || (public_der.size() == kP256PublicSize &&
                                                       public_der[kP256PointOffset] == 4);
  if (!whole_point || AsBytes(DerOf(key.get())) != public_der) {
    return absl::InvalidArgumentError("the public key is not in its canonical encoding");
  }
  return PublicKey(std::make_unique<Handle>(Handle{std::move(key), *kind}));
}

absl::Status PublicKey::Verify(ByteSpan message, ByteSpan signature) const {
  const DigestContextPtr context(EVP_MD_CTX_new());
  Require(context != nullptr &&
          EVP_DigestVerifyInit(context.get(), nullptr, DigestFor(handle_->kind), nullptr,
                               handle_->key.get()) == 1);
  const int verified = EVP_DigestVerify(context.get(), signature.data(), signature.size(),
                                        message.data(), message.size());
  ERR_clear_error();
  if (verified != 1) return absl::InvalidArgumentError("the signature does not verify");
  return absl::OkStatus();
}

absl::Status VerifySignature(ByteSpan public_der, ByteSpan message, ByteSpan signature) {
  const absl::StatusOr<PublicKey> key = PublicKey::FromDer(public_der);
  return key.ok() ? key->Verify(message, signature) : key.status();
}

std::string KeyFingerprint(ByteSpan public_der) {
  return absl::StrCat("sha256:", Hex(Sha256(public_der)));
}

}  // namespace vouch::crypto
