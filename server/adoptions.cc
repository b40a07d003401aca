#include "server/adoptions.h"

#include <vector>

#include "absl/strings/str_cat.h"
#include "crypto/digest.h"
#include "crypto/receipt.h"
#include "server/agreements/countersignatures.h"
#include "server/telemetry/telemetry.h"

namespace vouch::server {

namespace {

// As an entry holds a signer, in at most 255 bytes.
std::string SignerText(const std::string& key, const std::string& role, const std::string& agency) {
  return absl::StrCat(key, " ", role, " ", agency).substr(0, 255);
}

}  // namespace

std::vector<agreements::Remembered> Adoptions::Remembered() const {
  std::vector<agreements::Remembered> all;
  for (const journal::Journal::Adoption& one : journal_->adoptions()) {
    all.push_back({one.agreement_id, one.revision, one.digest});
  }
  return all;
}

absl::Status Adoptions::Adopt(const policies::HeldAgreement& held, bool beside_higher) {
  journal::Journal::Adoption adoption;
  adoption.agreement_id = held.agreement.id;
  adoption.revision = held.agreement.revision;
  adoption.digest = held.digest;
  const auto signers_of = [&](const std::string& agency) {
    std::vector<std::string> signers;
    for (const policies::Signature& one : held.signatures) {
      if (agency.empty() || one.agency == agency) {
        signers.push_back(SignerText(one.key, one.role, one.agency));
      }
    }
    return signers;
  };
  const auto adopt = [&](const std::string& agency) {
    const absl::Time now = commit_time_();
    return journal_->Adopt(
        adoption,
        crypto::AgreementAdoptedEntry(static_cast<uint32_t>(absl::ToUnixSeconds(now) / 60),
                                      held.agreement.id, static_cast<uint64_t>(adoption.revision),
                                      held.digest, signers_of(agency)),
        now);
  };
  // Until a higher revision takes effect, the one before stays as it was adopted.
  bool known = false;
  if (beside_higher) {
    for (const journal::Journal::Adoption& one : journal_->adoptions()) {
      known |= one.agreement_id == adoption.agreement_id && one.revision == adoption.revision &&
               one.digest == adoption.digest;
    }
  }
  absl::Status adopted = known ? absl::OkStatus() : adopt("");
  if (!adopted.ok() || held.agreement.asks.size() == 1) return adopted;
  // Of several askers each comes in when it has signed.
  for (const std::string& asker : held.agreement.asks) {
    if (!held.SignedFor(asker)) continue;
    adoption.agreement_id = agreements::AskerName(held.agreement.id, asker);
    adopted = adopt(asker);
    // A higher revision of the agreement may have this row; then it is that one which counts.
    if (!adopted.ok() && !(known && absl::IsFailedPrecondition(adopted))) return adopted;
  }
  return absl::OkStatus();
}

absl::Status Adoptions::EnterNotice(const agreements::StopNotice& notice,
                                    const agreements::JudgedAgency& judged) {
  std::vector<std::string> signers;
  for (const policies::Signature& one : agreements::SignaturesOf(judged)) {
    signers.push_back(SignerText(one.key, one.role, one.agency));
  }
  crypto::StoppedAgreement stopped;
  stopped.agreement_id = notice.agreement_id;
  stopped.party = notice.party;
  stopped.lifted = notice.lifts;
  stopped.first_revision = static_cast<uint64_t>(notice.first_revision);
  stopped.last_revision = static_cast<uint64_t>(notice.last_revision);
  stopped.second = static_cast<uint64_t>(absl::ToUnixSeconds(notice.time));
  stopped.text = crypto::Sha256(notice.Text());
  journal::Journal::Adoption row;
  row.agreement_id = agreements::NoticeName(notice);
  row.revision = absl::ToUnixSeconds(notice.time);
  row.digest = stopped.text;
  const absl::Time now = commit_time_();
  absl::Status entered =
      journal_->Adopt(row,
                      crypto::AgreementStoppedEntry(
                          static_cast<uint32_t>(absl::ToUnixSeconds(now) / 60), stopped, signers),
                      now);
  if (entered.ok()) {
    telemetry::Log(telemetry::Level::kWarning, notice.lifts ? "stop lifted" : "agreement stopped",
                   {{"agreement", notice.agreement_id},
                    {"party", notice.party},
                    {"reason", policies::Shown(notice.reason, 500)}});
  }
  return entered;
}

// Each statement is entered once: the same (agreement, epoch) with another key is refused for ever.
absl::Status Adoptions::AdoptEpoch(const std::string& agreement_id,
                                   const agreements::Epoch& epoch) {
  const absl::Time now = commit_time_();
  journal::Journal::Adoption statement;
  statement.agreement_id = absl::StrCat("epoch/", agreement_id, "/", epoch.statement.epoch);
  statement.revision = 1;
  statement.digest = crypto::Sha256(epoch.signed_statement.statement);
  return journal_->Adopt(
      statement,
      crypto::EpochStatementEntry(static_cast<uint32_t>(absl::ToUnixSeconds(now) / 60),
                                  agreement_id, epoch.statement.epoch, statement.digest),
      now);
}

}  // namespace vouch::server
