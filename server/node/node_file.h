// A node's folder: node.yaml (format "vouch-node/1") and where everything else lies. Read by vouchd
// and by the vouch command alike, with the reader of agreement files.
#ifndef VOUCH_SERVER_NODE_NODE_FILE_H_
#define VOUCH_SERVER_NODE_NODE_FILE_H_

#include <cstdint>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "absl/types/optional.h"
#include "crypto/certificate.h"
#include "policies/engine/agreement.h"
#include "policies/engine/fields.h"
#include "policies/engine/source.h"

namespace vouch::server::node {

// Someone who must sign agreements for an agency.
struct OfficerRole {
  std::string role;  // "program officer", "privacy officer", ...
  // Whoever may sign in that role: "sha256:..." of the key in the certificate, or the certificate's
  // subject (RFC 2253).
  std::vector<std::string> any_of;
};
// Whose signatures make an agency's part of an agreement. Every role needs a signer of its own.
struct Signing {
  std::string anchors;      // path: PEM of the authorities of the officers' certificates
  std::string revocations;  // path: PEM of revocation lists; may be empty
  std::vector<OfficerRole> officers;

  bool empty() const { return officers.empty(); }
};

// An agency this node exchanges questions with. Its certificates are believed only under its own
// anchors.
struct Partner {
  std::string agency;
  std::string address;      // "host:port" of its node; empty when we only answer it
  std::string anchors;      // path: PEM of the anchors for this agency
  std::string revocations;  // path: PEM of revocation lists; may be empty
  // Where its authority will not issue agency URIs: "sha256:..." of the leaf's
  // SubjectPublicKeyInfo, or issuer (RFC 2253) and DNS name together. All empty otherwise.
  std::string key_pin;
  std::string issuer;
  std::string dns_name;
  std::string ledger_key;   // path: PEM of the public key of its ledger; needed to ask it
  std::string witness_key;  // path: verifier key of its cosignatures; may be empty
  std::string receipt_key;  // path: PEM of the public key of its JWS receipts; may be empty
  std::string encryption_certificate;  // path: to whom `vouch keys share` encrypts; may be empty
  int64_t calls_per_second = 2000;     // admission: refused as BUSY above
  Signing signing;                     // who signs agreements for it

  crypto::CertificateBinding binding() const { return {key_pin, issuer, dns_name}; }
};

struct NodeFile {
  std::string agency;
  policies::Use use = policies::Use::kTest;
  std::string listen;   // partners, "host:port"; port 0 picks a free one, printed and written to
                        // run/listen
  std::string metrics;  // HTTP /metrics and /healthz, "host:port"; empty: off
  std::string ledger_http;       // the ledger as a static site, "host:port"; empty: off
  std::string certificate, key;  // paths: TLS chain and key, PEM
  // Paths of folders.
  std::string agreements, records, journal, keys, run;
  // What this node remembers of partners' ledgers, and they of its own; made when missing. Not
  // below the journal: a journal that was put back must not take it along.
  std::string witness = "witness";
  std::vector<std::string> oversight;  // partners that may read every entry of the ledger
  absl::Duration checkpoint_exchange = absl::Seconds(60);
  // A requester whose cosignatures of this node's ledger lag further gets no answers; zero: any.
  absl::Duration cosignature_lag = absl::Minutes(15);
  int64_t cosignature_lag_entries = 10000000;
  // Path of the mark of what the ledger's key has signed; not in the journal's folder.
  std::string high_water;
  Signing signing;  // who signs agreements for this agency
  bool reflection = true;
  bool fips = false;               // crypto: "default" | "fips"
  std::string log_level = "info";  // "info" | "warning" | "error"
  int64_t walkers = 2;
  int64_t queue_items = 65536;  // subjects queued before BUSY
  int64_t queue_megabytes = 256;
  int64_t evaluators = 2;  // threads for Evaluate
  absl::Duration drain = absl::Seconds(10);
  std::vector<Partner> partners;

  std::string folder;  // the node's own, absolute

  const Partner* FindPartner(absl::string_view agency) const;
  // Its own, or a partner's; nullptr when node.yaml does not say who signs for that agency.
  const Signing* SigningOf(absl::string_view signer_agency) const;
};

// Paths come back absolute, resolved against `folder`. Findings name file, line and column.
// NotFound when there is no node.yaml, InvalidArgument when `report` has its errors. What node.yaml
// names must be there, and what is secret must be closed to group and others: that is judged here,
// at every start.
absl::StatusOr<NodeFile> ReadNodeFolder(const std::string& folder, policies::Report* report);
// The same for a text that is not in its place yet.
absl::optional<NodeFile> ReadNodeText(const std::string& folder, absl::string_view text,
                                      policies::Report* report);

// The folder's fixed names.
inline constexpr absl::string_view kNodeFileName = "node.yaml";
// In the keys folder: 32-byte secrets of the charges, person handles, token indexes and sealed
// identities.
inline constexpr absl::string_view kSecretNames[] = {"charge.key", "person.key", "index.key",
                                                     "identity.key"};
inline constexpr absl::string_view kLedgerKey = "ledger.key";    // PEM, private: signs checkpoints
inline constexpr absl::string_view kWitnessKey = "witness.key";  // PEM, private: cosigns others'
inline constexpr absl::string_view kReceiptKey = "receipt.key";  // PEM, private: signs JWS receipts
inline constexpr absl::string_view kEncryptionKey = "encryption.key";  // PEM, private
inline constexpr absl::string_view kHighWater = "ledger.high-water";   // what it signed last
inline constexpr absl::string_view kEncryptionCertificate = "encryption.pem";  // to give away

// For editors: the JSON Schema of node.yaml.
policies::Json NodeFileSchema();

}  // namespace vouch::server::node

#endif  // VOUCH_SERVER_NODE_NODE_FILE_H_
