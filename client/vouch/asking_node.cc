#include "client/vouch/asking_node.h"

#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "client/vouch/node_agreements.h"
#include "client/vouch/node_folder.h"
#include "crypto/certificate.h"
#include "crypto/digest.h"
#include "crypto/keys.h"
#include "server/node/agreements_standing.h"
#include "server/node/epoch_keys.h"
#include "server/node/folders.h"

namespace vouch::client {
namespace {

namespace node = server::node;

// How far the responder's clock may be behind this one, as for request ids.
constexpr absl::Duration kClocksApart = absl::Minutes(2);

// A responder whose clock is a little behind does not know a new revision yet. Where it accepts the
// replaced one for longer than clocks are apart, that one is asked under until both know the new.
absl::optional<requester::OwnAgreement> StillAccepted(const node::NodeFile& file,
                                                      const std::string& id, absl::Time now) {
  policies::Report ignored;
  const auto catalog = ReadCatalog(file, &ignored);
  const policies::HeldAgreement* counts = catalog->Find(id, now);
  const policies::HeldAgreement* replaced = catalog->FindReplaced(id, now + kClocksApart);
  if (counts == nullptr || replaced == nullptr ||
      now >= counts->agreement.effective_from + kClocksApart ||
      catalog->FindReplaced(id, now) != replaced) {
    return absl::nullopt;
  }
  return requester::OwnAgreement{replaced->agreement, replaced->digest};
}

// How the node's own vouchd holds a revision: "in_force", "unsigned", ...; empty when it does not,
// or never ran.
std::string StandingState(const node::AgreementsStanding& standing, const std::string& id,
                          int64_t revision, const policies::FileDigest& digest, std::string* why) {
  for (const node::AgreementStanding& one : standing.held) {
    if (one.id != id || one.revision != revision || one.digest != crypto::Hex(digest)) continue;
    *why = one.why;
    return one.state;
  }
  return "";
}

// The highest revision whose time has come, else the lowest that waits: as the responder chooses.
// Where this agency's own node runs, neither a draft that nobody has signed nor what a party has
// stopped is asked under.
absl::StatusOr<requester::OwnAgreement> ChooseAgreement(const node::NodeFile& file,
                                                        const std::string& id, absl::Time now,
                                                        Console* console) {
  node::AgreementsStanding standing;
  if (auto read = node::ReadAgreementsStanding(file.run); read.ok()) standing = *std::move(read);
  std::string why;
  if (absl::optional<requester::OwnAgreement> replaced = StillAccepted(file, id, now)) {
    const std::string state =
        StandingState(standing, id, replaced->agreement.revision, replaced->digest, &why);
    if (state != "unsigned" && state != "stopped") return *std::move(replaced);
  }
  policies::Report report;
  absl::optional<requester::OwnAgreement> chosen;
  absl::optional<int64_t> draft;
  std::string why_draft;
  std::vector<std::string> others;
  for (AgreementFile& held : ReadAgreements(file, &report)) {
    if (held.agreement.id != id) {
      others.push_back(held.agreement.id);
      continue;
    }
    if (StandingState(standing, id, held.agreement.revision, held.digest, &why) == "unsigned") {
      draft = held.agreement.revision;
      why_draft = why;
      continue;
    }
    if (!chosen.has_value() || held.agreement.effective_from <= now) {
      chosen = requester::OwnAgreement{std::move(held.agreement), held.digest};
    }
  }
  if (!chosen.has_value() && draft.has_value()) {
    return absl::FailedPreconditionError(
        absl::StrCat(id, " revision ", *draft, " is a draft: ", why_draft,
                     "; nothing is asked under it until it is signed"));
  }
  if (chosen.has_value()) {
    const int64_t revision = chosen->agreement.revision;
    if (StandingState(standing, id, revision, chosen->digest, &why) != "stopped") {
      return *std::move(chosen);
    }
    return absl::FailedPreconditionError(
        absl::StrCat(id, " revision ", revision, " is ", why, "; nothing is asked under it"));
  }
  if (!report.findings().empty()) console->Note(report.ToText(""));
  return absl::NotFoundError(
      absl::StrCat("there is no readable agreement of that id below ", file.agreements,
                   others.empty() ? "" : absl::StrCat("; there are ", absl::StrJoin(others, ", ")),
                   "; `vouch agreement check FILE` says what is wrong with one"));
}

}  // namespace

absl::StatusOr<requester::ConnectionOptions> ConnectionTo(const node::NodeFile& file,
                                                          const node::Partner& partner) {
  requester::ConnectionOptions options;
  options.agency = file.agency;
  options.responder = partner.agency;
  options.address = partner.address;
  options.binding = partner.binding();
  for (const auto& [path, out] : std::vector<std::pair<std::string, std::string*>>{
           {file.certificate, &options.certificate_pem},
           {partner.anchors, &options.anchors_pem},
           {partner.revocations, &options.revocations_pem}}) {
    if (path.empty()) continue;
    absl::StatusOr<std::string> text = node::ReadText(path, node::kLargestList);
    if (!text.ok()) return text.status();
    *out = *std::move(text);
  }
  absl::StatusOr<std::string> key = crypto::ReadPrivateFile(file.key);
  if (!key.ok()) return key.status();
  options.key_pem = *std::move(key);
  return options;
}

absl::StatusOr<std::unique_ptr<requester::Requester>> OpenRequester(const std::string& folder,
                                                                    const std::string& agreement_id,
                                                                    Console* console) {
  const absl::StatusOr<node::NodeFile> file = OpenNode(folder, console);
  if (!file.ok()) return file.status();
  absl::StatusOr<requester::OwnAgreement> agreement =
      ChooseAgreement(*file, agreement_id, absl::Now(), console);
  if (!agreement.ok()) return agreement.status();
  const std::string responder = agreement->agreement.answers;
  const node::Partner* partner = file->FindPartner(responder);
  if (partner == nullptr || partner->address.empty()) {
    return absl::NotFoundError(absl::StrCat(folder, "/node.yaml does not say where ", responder,
                                            " is; add it with `vouch partner add --agency ",
                                            responder, " --address HOST:PORT ...`"));
  }
  requester::RequesterOptions options;
  absl::StatusOr<requester::ConnectionOptions> connection = ConnectionTo(*file, *partner);
  if (!connection.ok()) return connection.status();
  options.connection = *std::move(connection);
  if (partner->ledger_key.empty()) {
    return absl::FailedPreconditionError(absl::StrCat(
        folder, "/node.yaml does not give the key of ", responder,
        "'s ledger, without which none of its answers can be checked; write `ledger_key:` at the "
        "partner, with ledger.pem of its `vouch partner export`"));
  }
  const absl::StatusOr<std::string> ledger_pem = node::ReadText(partner->ledger_key);
  if (!ledger_pem.ok()) return ledger_pem.status();
  absl::StatusOr<std::string> ledger_key = crypto::PublicKeyFromPem(*ledger_pem);
  if (!ledger_key.ok()) {
    return absl::InvalidArgumentError(
        absl::StrCat(partner->ledger_key, ": ", ledger_key.status().message()));
  }
  options.ledger_key = *std::move(ledger_key);
  if (!partner->receipt_key.empty()) {
    const absl::StatusOr<std::string> receipt_pem = node::ReadText(partner->receipt_key);
    if (!receipt_pem.ok()) return receipt_pem.status();
    absl::StatusOr<std::string> receipt_key = crypto::PublicKeyFromPem(*receipt_pem);
    if (!receipt_key.ok()) {
      return absl::InvalidArgumentError(
          absl::StrCat(partner->receipt_key, ": ", receipt_key.status().message()));
    }
    options.receipt_key = *std::move(receipt_key);
  }
  options.witness_folder = file->witness;
  options.followed_folder = absl::StrCat(file->witness, "/asked");

  options.accepted_epochs_folder = absl::StrCat(file->keys, "/known-epochs");
  options.shared_key =
      [keys = file->keys, pinned = agreement->agreement.key_authority](
          const crypto::EpochStatement& statement) -> absl::StatusOr<crypto::SecretBytes> {
    auto held = node::ReadEpochKeys(keys, statement.agreement_id, pinned);
    if (!held.ok()) return held.status();
    for (node::EpochKey& epoch : *held) {
      if (epoch.statement.epoch == statement.epoch && !epoch.secret.empty()) {
        return std::move(epoch.secret);
      }
    }
    return absl::NotFoundError(absl::StrCat(
        "this node holds no key for epoch ", statement.epoch, " of ", statement.agreement_id,
        "; take up what the responder shared with `vouch keys accept`"));
  };
  // Before the first gRPC call, whose TLS contexts it binds.
  if (const absl::Status tls = crypto::RequireTls13(); !tls.ok()) return tls;
  return requester::Requester::Open(*std::move(agreement), std::move(options));
}

}  // namespace vouch::client
