#include "crypto/jws.h"

#include <openssl/ecdsa.h>
#include <openssl/err.h>

#include <algorithm>
#include <cstdlib>
#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "crypto/base64.h"
#include "crypto/digest.h"
#include "crypto/openssl_handles.h"

namespace vouch::crypto {

namespace {

constexpr size_t kNumberSize = 32;  // of r, and of s
// A SubjectPublicKeyInfo of P-256 with an uncompressed point, and nothing else, is this long.
constexpr size_t kP256PublicSize = 91;
using EcdsaPtr = OpensslPtr<ECDSA_SIG, ECDSA_SIG_free>;

bool IsType(absl::string_view type) {
  return !type.empty() && std::all_of(type.begin(), type.end(), [](char c) {
    return absl::ascii_isalnum(static_cast<unsigned char>(c)) || c == '+' || c == '-' || c == '.';
  });
}

std::string EncodedHeader(absl::string_view key_id, absl::string_view type) {
  return Base64Url(
      AsBytes(absl::StrCat(R"({"alg":"ES256","kid":")", key_id, R"(","typ":")", type, R"("})")));
}

// r || s, 32 bytes each, of a signature in DER.
std::string RawOf(absl::string_view der) {
  const unsigned char* next = AsBytes(der).data();
  const EcdsaPtr parts(d2i_ECDSA_SIG(nullptr, &next, static_cast<long>(der.size())));
  std::string raw(2 * kNumberSize, '\0');
  auto* out = reinterpret_cast<unsigned char*>(&raw[0]);
  if (parts == nullptr ||
      BN_bn2binpad(ECDSA_SIG_get0_r(parts.get()), out, kNumberSize) != kNumberSize ||
      BN_bn2binpad(ECDSA_SIG_get0_s(parts.get()), out + kNumberSize, kNumberSize) != kNumberSize) {
    std::abort();
  }
  return raw;
}

std::string DerOf(absl::string_view raw) {
  const unsigned char* bytes = AsBytes(raw).data();
  const EcdsaPtr parts(ECDSA_SIG_new());
  BignumPtr r(BN_bin2bn(bytes, kNumberSize, nullptr));
  BignumPtr s(BN_bin2bn(bytes + kNumberSize, kNumberSize, nullptr));
  if (parts == nullptr || r == nullptr || s == nullptr ||
      ECDSA_SIG_set0(parts.get(), r.get(), s.get()) != 1) {
    std::abort();
  }
  // Theirs now.
  (void)r.release();
  (void)s.release();
  unsigned char* der = nullptr;
  const int size = i2d_ECDSA_SIG(parts.get(), &der);
  if (size <= 0) std::abort();
  const OpensslBytesPtr owner(der);
  return std::string(reinterpret_cast<const char*>(der), static_cast<size_t>(size));
}

}  // namespace

absl::StatusOr<std::string> SignJws(const SigningKey& key, absl::string_view type,
                                    absl::string_view payload) {
  if (key.kind() != KeyKind::kP256) {
    return absl::InvalidArgumentError("ES256 is signed with a P-256 key");
  }
  if (!IsType(type) || payload.size() > kLargestJws / 2) {
    return absl::InvalidArgumentError("the JWS has no proper type, or is too large");
  }
  const std::string key_id = Hex(Sha256(key.PublicDer()));
  const std::string signed_part =
      absl::StrCat(EncodedHeader(key_id, type), ".", Base64Url(AsBytes(payload)));
  const std::string raw = RawOf(key.Sign(AsBytes(signed_part)));
  return absl::StrCat(signed_part, ".", Base64Url(AsBytes(raw)));
}

absl::StatusOr<JwsVerifier> JwsVerifier::From(ByteSpan public_der) {
  absl::StatusOr<PublicKey> key = PublicKey::FromDer(public_der);
  if (!key.ok()) return key.status();
  if (public_der.size() != kP256PublicSize) {
    return absl::InvalidArgumentError("ES256 is verified with a P-256 key");
  }
  return JwsVerifier(Hex(Sha256(public_der)), *std::move(key));
}

absl::StatusOr<std::string> JwsVerifier::Open(absl::string_view jws, absl::string_view type) const {
  const absl::Status malformed =
      absl::InvalidArgumentError("the JWS is not a compact one of the kind, type and key expected");
  const size_t second = jws.rfind('.');
  if (jws.size() > kLargestJws || !IsType(type) || second == absl::string_view::npos) {
    return malformed;
  }
  const std::string header = absl::StrCat(EncodedHeader(key_id_, type), ".");
  const absl::string_view signed_part = jws.substr(0, second);
  std::string payload;
  std::string raw;
  if (signed_part.substr(0, header.size()) != header ||
      !FromBase64Url(signed_part.substr(header.size()), &payload) ||
      !FromBase64Url(jws.substr(second + 1), &raw) || raw.size() != 2 * kNumberSize) {
    return malformed;
  }
  absl::Status verified = key_.Verify(AsBytes(signed_part), AsBytes(DerOf(raw)));
  if (!verified.ok()) return absl::InvalidArgumentError("the JWS's signature does not verify");
  return payload;
}

}  // namespace vouch::crypto
