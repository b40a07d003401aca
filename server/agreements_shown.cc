#include "server/agreements_shown.h"

#include <set>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "crypto/digest.h"
#include "policies/engine/authorize.h"
#include "policies/engine/source.h"
#include "server/node/agreements_standing.h"

namespace vouch::server {

namespace {

// Whether this asker, or any when it is empty, may still ask under a revision whose place another
// took: one that it has not signed.
bool GoesOn(const policies::HeldAgreement& held, const agreements::AgreementSet& set,
            absl::string_view asker, absl::Time now) {
  for (const std::string& one : held.agreement.asks) {
    if (!asker.empty() && asker != one) continue;
    const auto admitted =
        policies::Authorizer::Admit(*set.catalog, one, held.agreement.id, held.digest, now);
    const auto* counts = absl::get_if<const policies::HeldAgreement*>(&admitted);
    if (counts != nullptr && *counts == &held) return true;
  }
  return false;
}

}  // namespace

policies::AgreementState StateOf(const policies::HeldAgreement& held,
                                 const agreements::AgreementSet& set,
                                 const records::Snapshot* snapshot, absl::string_view agency,
                                 absl::string_view asker, absl::Time now) {
  policies::AgreementState state = set.catalog->StateOf(held, now, asker);
  if (state == policies::AgreementState::kExpired && GoesOn(held, set, asker, now)) {
    state = policies::AgreementState::kInForce;
  }
  const bool used =
      state == policies::AgreementState::kInForce || state == policies::AgreementState::kChangeover;
  if (!used || held.agreement.answers != agency) return state;
  const agreements::Epoch* current = set.CurrentEpoch(held.agreement.id, now);
  const bool ready = current != nullptr && snapshot != nullptr &&
                     snapshot->Ready(held.agreement, current->statement);
  return ready ? state : policies::AgreementState::kNotReady;
}

namespace {

std::vector<std::string> SignersOf(const policies::HeldAgreement& held) {
  std::vector<std::string> signers;
  for (const policies::Signature& one : held.signatures) {
    signers.push_back(absl::StrCat(one.agency, ": ", one.role, one.role.empty() ? "" : ", ",
                                   policies::Shown(one.signer, 200), " (", one.key, ")"));
  }
  return signers;
}

}  // namespace

absl::Status AgreementsShown::Show(const agreements::AgreementSet& set,
                                   const records::Snapshot* snapshot, absl::Time now) {
  node::AgreementsStanding standing;
  standing.written = now;
  standing.findings = set.report.findings();
  standing.key_problems = set.key_problems;
  std::vector<telemetry::AgreementFigures> figures;
  for (const auto& held : set.catalog->all()) {
    const policies::Agreement& agreement = held->agreement;
    const std::string state(policies::AgreementStateName(
        StateOf(*held, set, snapshot, agency_, agreement.AskerBehind(agency_), now)));
    const auto why = set.why.find({agreement.id, agreement.revision});
    standing.held.push_back({agreement.id, agreement.revision, crypto::Hex(held->digest),
                             held->file, state, why == set.why.end() ? "" : why->second,
                             SignersOf(*held)});
    figures.push_back({agreement.id, agreement.revision, state,
                       absl::ToDoubleHours(agreement.expires_at - now) / 24});
  }
  std::set<std::string> rejected;
  for (const policies::Finding& finding : standing.findings) {
    if (finding.severity == policies::Severity::kError) rejected.insert(finding.file);
  }
  metrics_->SetAgreements(figures, rejected.size());

  const std::lock_guard<std::mutex> lock(mutex_);
  std::string text = node::StandingText(standing);
  if (text == written_) return absl::OkStatus();
  absl::Status written = node::WriteAgreementsStanding(run_folder_, standing);
  if (written.ok()) written_ = std::move(text);
  return written;
}

}  // namespace vouch::server
