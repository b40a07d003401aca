// X.509 certificates as agencies use them (RFC 5280, SPIFFE X.509-SVID).
#ifndef VOUCH_CRYPTO_CERTIFICATE_H_
#define VOUCH_CRYPTO_CERTIFICATE_H_

#include <memory>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "crypto/bytes.h"
#include "crypto/keys.h"

namespace vouch::crypto {

// The URI under which an agency's name stands in its certificate.
inline constexpr absl::string_view kAgencyUriPrefix = "spiffe://vouch/agency/";

// What is read from one certificate. Plain values; no OpenSSL object outlives the call.
struct CertificateFacts {
  std::vector<std::string> uris;       // URI subject alternative names
  std::vector<std::string> dns_names;  // DNS subject alternative names
  std::string issuer;                  // RFC 2253
  std::string subject;                 // RFC 2253
  std::string serial;                  // lower-case hexadecimal
  std::string public_key_fingerprint;  // KeyFingerprint of its SubjectPublicKeyInfo
  absl::Time not_before;
  absl::Time not_after;
  bool is_authority = false;
};
// The first certificate of a PEM text; InvalidArgument when there is none, or it is malformed.
// Costs tens of microseconds: keep what it returns, by the certificate's bytes.
absl::StatusOr<CertificateFacts> ReadCertificate(absl::string_view pem);

// The agency a certificate names: its one URI under kAgencyUriPrefix; URIs elsewhere do not matter.
// InvalidArgument when there is none, more than one, or the name is not a lower-case DNS-like name.
// Says nothing of who issued it: verify the chain against the anchors of that very agency.
absl::StatusOr<std::string> AgencyOf(const CertificateFacts& facts);

// What stands for an agency whose authority issues no agency URIs, or narrows one that does: the
// fingerprint of the leaf's key, or its issuer and one of its DNS names together. It never replaces
// the check of the chain.
struct CertificateBinding {
  std::string key_pin;   // "sha256:..."
  std::string issuer;    // RFC 2253
  std::string dns_name;  // together with issuer

  bool empty() const { return key_pin.empty() && issuer.empty() && dns_name.empty(); }
  // Whether the certificate is the one that is meant; never, when empty or half given.
  bool Fits(const CertificateFacts& facts) const;
};
// Whether a certificate stands for `agency`: by its agency URI, which must name that agency where
// there is one at all, and by the binding where one is given. PermissionDenied otherwise.
absl::Status CheckAgency(const CertificateFacts& facts, absl::string_view agency,
                         const CertificateBinding& binding);

// Whether a private key (PEM, unencrypted, of any kind OpenSSL reads) belongs to the first
// certificate of a chain. InvalidArgument when one cannot be read, FailedPrecondition when they do
// not belong together.
absl::Status CheckKeyPair(absl::string_view chain_pem, absl::string_view key_pem);

// How old each list of a PEM text is. InvalidArgument when there is none, or one is malformed.
struct RevocationListFacts {
  std::string issuer;  // RFC 2253
  absl::Time this_update;
  absl::Time next_update;  // InfiniteFuture where the list names none
};
absl::StatusOr<std::vector<RevocationListFacts>> ReadRevocationListFacts(absl::string_view pem);

// Trust anchors and revocation lists for ONE agency. Immutable and thread-safe.
class TrustAnchors {
 public:
  // Anchors are authorities' certificates, self-signed or not. `crl_pem` may be empty. When it is
  // not, every certificate below an anchor must be covered by a current list, else verification
  // fails (fails closed). InvalidArgument when a text is malformed or holds none.
  static absl::StatusOr<TrustAnchors> Load(absl::string_view anchors_pem,
                                           absl::string_view crl_pem);
  TrustAnchors(TrustAnchors&&) noexcept;
  TrustAnchors& operator=(TrustAnchors&&) noexcept;
  ~TrustAnchors();

  enum class Purpose { kTlsClient, kTlsServer, kSigning };
  // What a lapsed, early or missing list means: that nothing below is verified, or that only what
  // the lists at hand name is revoked. What a list names, lapsed or not, is revoked either way.
  enum class Lists { kMustBeCurrent, kMayHaveLapsed };
  // Verifies the chain (leaf first, PEM, at most 10 certificates) at `now`, as RFC 5280 section 6
  // has it: signatures of at least 112 bits' strength, validity, authority and path length, key
  // usage for the purpose, revocation. kSigning asks for digitalSignature or nonRepudiation where
  // the leaf has a key usage, and for emailProtection, documentSigning or any where it has an
  // extended one. PermissionDenied with a reason in plain words otherwise.
  absl::Status Verify(absl::string_view chain_pem, Purpose purpose, absl::Time now,
                      Lists lists = Lists::kMustBeCurrent) const;

 private:
  struct Handle;
  explicit TrustAnchors(std::shared_ptr<const Handle> handle);
  std::shared_ptr<const Handle> handle_;
};

// For development authorities and tests.
struct CertificateRequest {
  std::string common_name;
  std::vector<std::string> uris;
  std::vector<std::string> dns_names;
  std::vector<std::string> ip_addresses;
  absl::Time not_before;
  absl::Time not_after;
  bool is_authority = false;
  bool for_tls = true;   // serverAuth and clientAuth; otherwise digital signature for documents
  int path_length = -1;  // of an authority: how many authorities may follow; -1 for any number
};
struct IssuedCertificate {
  std::string certificate_pem;
  SigningKey key;
};
// A common name over 64 bytes, or an address that is none, is a broken invariant in a self-signed
// certificate and InvalidArgument in an issued one. Either kind may also be encrypted to (cms.h).
IssuedCertificate IssueSelfSigned(const CertificateRequest& request, KeyKind kind = KeyKind::kP256);
absl::StatusOr<IssuedCertificate> Issue(const CertificateRequest& request,
                                        absl::string_view authority_pem,
                                        const SigningKey& authority_key,
                                        KeyKind kind = KeyKind::kP256);
// A revocation list of the authority for these serials (hexadecimal), valid between the times.
absl::StatusOr<std::string> IssueRevocationList(absl::string_view authority_pem,
                                                const SigningKey& authority_key,
                                                const std::vector<std::string>& serials,
                                                absl::Time this_update, absl::Time next_update);

// Makes TLS 1.3 the only version for every OpenSSL user of the process, gRPC included, keeping what
// the host's own OpenSSL configuration (OPENSSL_CONF) says besides. Binds TLS contexts made after
// it: call before the first gRPC call. Writes no file. FailedPrecondition when the host's
// configuration cannot be read, Internal when OpenSSL does not take the setting.
absl::Status RequireTls13();

}  // namespace vouch::crypto

#endif  // VOUCH_CRYPTO_CERTIFICATE_H_
