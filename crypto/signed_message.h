// Signatures on files as CMS SignedData (RFC 5652): what a PIV card, `vouch agreement sign` and
// `openssl cms -sign -binary` make alike. Layouts and rules: docs/agreements.md, "Signing".
#ifndef VOUCH_CRYPTO_SIGNED_MESSAGE_H_
#define VOUCH_CRYPTO_SIGNED_MESSAGE_H_

#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "absl/types/optional.h"
#include "crypto/certificate.h"
#include "crypto/document_signer.h"

namespace vouch::crypto {

// One signature found in a message.
struct MessageSigner {
  // The signer's certificate first, then the others of the message, PEM: what TrustAnchors::Verify
  // takes with Purpose::kSigning. Empty when the signer's is not in the message.
  std::string chain_pem;
  CertificateFacts certificate;          // default when chain_pem is empty
  absl::optional<absl::Time> signed_at;  // as the signer's machine claims; proves nothing
  // OK when the signature is by that certificate's key over the content. InvalidArgument in plain
  // words otherwise: other bytes, an altered signature, SHA-1, a short key, no certificate.
  absl::Status fits;
};

// The signatures of a detached message (PEM or DER, at most 256 KiB, 1 to 16 signers) over
// `content`. Says nothing of who signed: verify each chain, and compare each certificate with the
// signers that are wanted. InvalidArgument when the message as a whole is no such thing: garbage,
// no signer, a copy of the text within, another content type.
absl::StatusOr<std::vector<MessageSigner>> ReadSigners(absl::string_view message,
                                                       absl::string_view content);

// A message that carries its text (at most 64 KiB) with it.
struct EnclosedMessage {
  std::string text;
  std::vector<MessageSigner> signers;
};
absl::StatusOr<EnclosedMessage> ReadEnclosed(absl::string_view message);

// A detached signature, PEM: SHA-256, with signed attributes (content type, digest, time), and the
// signer's chain within.
absl::StatusOr<std::string> SignDetached(const DocumentSigner& signer, absl::string_view content,
                                         absl::Time now);
// `message` with one signature more. FailedPrecondition when it does not fit `content` already, or
// this signer has signed before.
absl::StatusOr<std::string> AddSignature(absl::string_view message, const DocumentSigner& signer,
                                         absl::string_view content, absl::Time now);
// A message that carries its text.
absl::StatusOr<std::string> SignEnclosed(const DocumentSigner& signer, absl::string_view text,
                                         absl::Time now);
absl::StatusOr<std::string> AddEnclosedSignature(absl::string_view message,
                                                 const DocumentSigner& signer, absl::Time now);

}  // namespace vouch::crypto

#endif  // VOUCH_CRYPTO_SIGNED_MESSAGE_H_
