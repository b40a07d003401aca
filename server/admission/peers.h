// Which certificates stand for which agency.
#ifndef VOUCH_SERVER_ADMISSION_PEERS_H_
#define VOUCH_SERVER_ADMISSION_PEERS_H_

#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "crypto/certificate.h"

namespace vouch::server::admission {

// An agency as this node's own configuration knows it.
struct Peer {
  std::string agency;
  std::string anchors_pem;
  std::string revocations_pem;
  crypto::CertificateBinding binding;  // instead of an agency URI; may be empty
  int64_t calls_per_second = 0;
};

// Thread-safe. Verdicts are cached by the chain's exact bytes, for at most `kRecheck` and never
// across Replace: so a revocation list counts from the moment it is loaded.
class Peers {
 public:
  static constexpr absl::Duration kRecheck = absl::Seconds(30);

  // InvalidArgument names the agency whose anchors or lists cannot be read; the former set stays.
  absl::Status Replace(std::vector<Peer> peers);

  // The agency a client chain stands for: named by its one agency URI (or bound by pin, or issuer
  // and DNS name) and verified under that agency's own anchors. PermissionDenied otherwise, with a
  // reason for the log that holds nothing of the certificate.
  absl::StatusOr<std::string> AgencyOf(absl::string_view chain_pem, absl::Time now);
  int64_t CallsPerSecond(absl::string_view agency) const;
  // All anchors of all peers, for the TLS handshake's own first check.
  std::string AllAnchorsPem() const;

 private:
  struct Known {
    Peer peer;
    crypto::TrustAnchors anchors;
  };
  struct Verdict {
    absl::StatusOr<std::string> agency;
    absl::Time checked;
  };
  using KnownPeers = std::map<std::string, Known, std::less<>>;
  static absl::StatusOr<std::string> Judge(const KnownPeers& known, absl::string_view chain_pem,
                                           absl::Time now);

  mutable std::mutex mutex_;
  std::shared_ptr<const KnownPeers> known_;
  absl::flat_hash_map<std::string, Verdict> verdicts_;
};

}  // namespace vouch::server::admission

#endif  // VOUCH_SERVER_ADMISSION_PEERS_H_
