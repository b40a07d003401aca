#include "server/admission/peers.h"

#include <utility>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"

namespace vouch::server::admission {

namespace {

// Certificates come from authenticated handshakes only, yet a partner may rotate them at will.
constexpr size_t kMaxVerdicts = 4096;

}  // namespace

absl::Status Peers::Replace(std::vector<Peer> peers) {
  auto known = std::make_shared<KnownPeers>();
  for (Peer& peer : peers) {
    absl::StatusOr<crypto::TrustAnchors> anchors =
        crypto::TrustAnchors::Load(peer.anchors_pem, peer.revocations_pem);
    if (!anchors.ok()) {
      return absl::InvalidArgumentError(
          absl::StrCat("anchors of ", peer.agency, ": ", anchors.status().message()));
    }
    const std::string agency = peer.agency;
    known->insert_or_assign(agency, Known{std::move(peer), *std::move(anchors)});
  }
  std::lock_guard<std::mutex> lock(mutex_);
  known_ = std::move(known);
  verdicts_.clear();
  return absl::OkStatus();
}

absl::StatusOr<std::string> Peers::AgencyOf(absl::string_view chain_pem, absl::Time now) {
  std::shared_ptr<const KnownPeers> known;
  {
    std::lock_guard<std::mutex> lock(mutex_);
    known = known_;
    auto found = verdicts_.find(chain_pem);
    if (found != verdicts_.end() && now - found->second.checked < kRecheck &&
        now >= found->second.checked) {
      return found->second.agency;
    }
  }
  if (known == nullptr) return absl::PermissionDeniedError("no partner is configured");
  absl::StatusOr<std::string> agency = Judge(*known, chain_pem, now);
  std::lock_guard<std::mutex> lock(mutex_);
  // A verdict under anchors or lists that were replaced meanwhile must not outlive them.
  if (known_ != known) return agency;
  if (verdicts_.size() >= kMaxVerdicts) verdicts_.clear();
  verdicts_.insert_or_assign(std::string(chain_pem), Verdict{agency, now});
  return agency;
}

absl::StatusOr<std::string> Peers::Judge(const KnownPeers& known, absl::string_view chain_pem,
                                         absl::Time now) {
  absl::StatusOr<crypto::CertificateFacts> facts = crypto::ReadCertificate(chain_pem);
  if (!facts.ok()) return absl::PermissionDeniedError("the certificate cannot be read");

  const Known* claimed = nullptr;
  absl::StatusOr<std::string> named = crypto::AgencyOf(*facts);
  if (named.ok()) {
    auto found = known.find(*named);
    if (found != known.end()) claimed = &found->second;
  } else {
    for (const auto& [agency, candidate] : known) {
      if (!candidate.peer.binding.Fits(*facts)) continue;
      // Whoever fits two partners is neither.
      if (claimed != nullptr) {
        return absl::PermissionDeniedError("the certificate fits two configured partners");
      }
      claimed = &candidate;
    }
  }
  if (claimed == nullptr) {
    return absl::PermissionDeniedError("the certificate stands for no configured partner");
  }
  // Configured bindings narrow: where a partner has one, its URI alone is not enough.
  if (!claimed->peer.binding.empty() && !claimed->peer.binding.Fits(*facts)) {
    return absl::PermissionDeniedError("the certificate is not the one configured for its agency");
  }
  absl::Status verified =
      claimed->anchors.Verify(chain_pem, crypto::TrustAnchors::Purpose::kTlsClient, now);
  if (!verified.ok()) return absl::PermissionDeniedError(verified.message());
  return claimed->peer.agency;
}

int64_t Peers::CallsPerSecond(absl::string_view agency) const {
  std::lock_guard<std::mutex> lock(mutex_);
  if (known_ == nullptr) return 0;
  auto found = known_->find(agency);
  return found == known_->end() ? 0 : found->second.peer.calls_per_second;
}

std::string Peers::AllAnchorsPem() const {
  std::lock_guard<std::mutex> lock(mutex_);
  std::string all;
  if (known_ == nullptr) return all;
  for (const auto& [agency, known] : *known_) absl::StrAppend(&all, known.peer.anchors_pem, "\n");
  return all;
}

}  // namespace vouch::server::admission
