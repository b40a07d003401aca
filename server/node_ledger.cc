#include "server/node_ledger.h"

#include <map>
#include <set>
#include <utility>

#include "absl/strings/str_cat.h"
#include "crypto/keys.h"
#include "crypto/log_entry.h"
#include "crypto/note.h"
#include "server/node/folders.h"
#include "server/node/ledger_keys.h"
#include "server/node/witness_key.h"
#include "server/telemetry/telemetry.h"

namespace vouch::server {

namespace {

using Key = std::shared_ptr<const crypto::SigningKey>;

absl::StatusOr<Key> ReadKey(const std::string& path) {
  absl::StatusOr<std::string> pem = crypto::ReadPrivateFile(path);
  if (!pem.ok()) return pem.status();
  absl::StatusOr<crypto::SigningKey> key = crypto::SigningKey::FromPem(*pem);
  crypto::Wipe(&*pem);
  if (!key.ok()) return key.status();
  return std::make_shared<const crypto::SigningKey>(*std::move(key));
}

void SayLosses(const LedgerLog& log) {
  for (const crypto::LossDeclared& loss : log.losses()) {
    telemetry::Log(telemetry::Level::kWarning, "this ledger went on after a declared loss",
                   {{"ledger", loss.origin},
                    {"lost", crypto::LostEntries(loss)},
                    {"used_up_before",
                     absl::FormatTime(absl::RFC3339_sec,
                                      absl::FromUnixSeconds(static_cast<int64_t>(loss.until)),
                                      absl::UTCTimeZone())}});
  }
}

}  // namespace

absl::StatusOr<NodeLedger> NodeLedger::Open(const node::NodeFile& file, journal::Journal* journal,
                                            const StartChecks& checks, Report report) {
  NodeLedger ledger;
  ledger.report_ = std::move(report);
  absl::Status status = ledger.OpenLog(file, journal, checks);
  if (status.ok()) status = ledger.OpenWitness(file);
  if (status.ok()) status = CheckBeforeStart(file, *ledger.own_, *ledger.log_, checks);
  if (status.ok()) status = ledger.MarkAgain(file, checks);
  if (status.ok()) SayLosses(*ledger.log_);
  if (!status.ok()) return status;
  return ledger;
}

// After all that could know better was asked. The next start has a mark again.
absl::Status NodeLedger::MarkAgain(const node::NodeFile& file, const StartChecks& checks) {
  if (!checks.without_high_water) return absl::OkStatus();
  if (absl::Status marked = log_->MarkNow(); !marked.ok() || !mark_gone_) return marked;
  telemetry::Log(telemetry::Level::kWarning, "started without the mark of what was signed",
                 {{"missing", file.high_water}, {"override", "yes"}});
  return absl::OkStatus();
}

absl::Status NodeLedger::OpenLog(const node::NodeFile& file, journal::Journal* journal,
                                 const StartChecks& checks) {
  absl::StatusOr<Key> key = ReadKey(absl::StrCat(file.keys, "/", node::kLedgerKey));
  if (!key.ok()) return key.status();
  LedgerLogOptions options;
  options.folder = absl::StrCat(file.journal, "/tree");
  options.key = *key;
  const std::string also_path = absl::StrCat(file.keys, "/", node::kAlsoLedgerKey);
  if (node::Exists(also_path)) {
    absl::StatusOr<Key> also = ReadKey(also_path);
    if (!also.ok()) return also.status();
    options.also_key = *std::move(also);
  }
  options.journal = journal;
  options.high_water = file.high_water;
  options.marked = absl::StrCat(file.journal, "/", node::kMarked);
  options.without_high_water = checks.without_high_water;
  mark_gone_ = node::Exists(options.marked) && !node::Exists(file.high_water);
  options.problem = [report = report_](const absl::Status& status) {
    report("ledger tree", status);
  };
  options.mark_problem = [report = report_](const absl::Status& status) {
    report("mark of what was signed", status);
  };
  absl::StatusOr<std::unique_ptr<LedgerLog>> opened = LedgerLog::Open(std::move(options));
  if (!opened.ok()) return opened.status();
  log_ = *std::move(opened);
  own_ = std::make_unique<OwnCheckpoints>(log_.get(), (*key)->PublicDer(),
                                          absl::StrCat(file.witness, "/own.cosigned"));
  Cosignatures::Options counted;
  counted.folder = absl::StrCat(file.witness, "/cosigned");
  counted.log = log_.get();
  counted.own = own_.get();
  counted.public_der = (*key)->PublicDer();
  counted.longest_lag = file.cosignature_lag;
  counted.most_entries = static_cast<uint64_t>(file.cosignature_lag_entries);
  cosignatures_ = std::make_unique<Cosignatures>(std::move(counted));
  return absl::OkStatus();
}

absl::Status NodeLedger::OpenWitness(const node::NodeFile& file) {
  PartnerLogs::Rooms rooms;
  rooms.witness.folder = file.witness;
  rooms.witness.accepted = std::make_shared<const requester::AcceptedLosses>(
      std::vector<std::string>{requester::AcceptedLosses::FolderIn(file.witness)});
  const std::string key_path = absl::StrCat(file.keys, "/", node::kWitnessKey);
  if (node::Exists(key_path)) {
    absl::StatusOr<Key> key = ReadKey(key_path);
    if (!key.ok()) return key.status();
    absl::StatusOr<crypto::NoteSigner> cosigner =
        crypto::NoteSigner::MakeCosigner(file.agency, *std::move(key));
    if (!cosigner.ok()) return cosigner.status();
    rooms.witness.cosigner = std::make_shared<const crypto::NoteSigner>(*std::move(cosigner));
  } else {
    telemetry::Log(telemetry::Level::kInfo,
                   "no witness key, so partners' ledgers are remembered and not cosigned",
                   {{"missing", key_path}});
  }
  rooms.found = [report = report_](const std::string& agency,
                                   const requester::WitnessAnswer& answer) {
    report(absl::StrCat("evidence about the ledger of ", agency),
           absl::DataLossError(
               absl::StrCat(answer.says, answer.evidence.empty() ? "" : ". Both notes are kept in ",
                            answer.evidence)));
  };
  absl::StatusOr<std::unique_ptr<PartnerLogs>> partners = PartnerLogs::Open(std::move(rooms));
  if (!partners.ok()) return partners.status();
  partners_ = *std::move(partners);
  return absl::OkStatus();
}

absl::Status NodeLedger::TakePartnerKeys(const node::NodeFile& from, absl::Time now) const {
  std::map<std::string, std::string> keys;
  std::map<std::string, crypto::NoteVerifier> witnesses;
  std::set<std::string> unreadable;
  absl::Status wrong;
  for (const node::Partner& partner : from.partners) {
    if (partner.witness_key.empty()) continue;
    const absl::StatusOr<std::string> text = node::ReadText(partner.witness_key);
    const absl::StatusOr<crypto::NoteVerifier> key =
        text.ok() ? node::ReadWitnessKey(*text, partner.agency) : text.status();
    if (key.ok()) {
      witnesses.emplace(partner.agency, *key);
      continue;
    }
    // Nobody is answered without bound because a file is not there.
    unreadable.insert(partner.agency);
    if (wrong.ok()) {
      wrong = absl::InvalidArgumentError(
          absl::StrCat(partner.witness_key, ": ", key.status().message()));
    }
  }
  for (const node::Partner& partner : from.partners) {
    if (partner.ledger_key.empty()) continue;
    const absl::StatusOr<std::string> pem = node::ReadText(partner.ledger_key);
    absl::StatusOr<std::string> key = pem.ok() ? crypto::PublicKeyFromPem(*pem) : pem.status();
    if (key.ok()) {
      keys[partner.agency] = *std::move(key);
    } else if (wrong.ok()) {
      wrong = absl::InvalidArgumentError(
          absl::StrCat(partner.ledger_key, ": ", key.status().message()));
    }
  }
  absl::Status set = partners_->SetKeys(std::move(keys));
  absl::Status counted = cosignatures_->SetWitnesses(witnesses, now, unreadable);
  if (set.ok()) set = std::move(counted);
  return wrong.ok() ? set : wrong;
}

CheckpointExchange::Rooms NodeLedger::ExchangeRooms(const node::NodeFile& file) const {
  CheckpointExchange::Rooms rooms;
  rooms.agency = file.agency;
  rooms.certificate = file.certificate;
  rooms.key = file.key;
  rooms.every = file.checkpoint_exchange;
  rooms.log = log_.get();
  rooms.partner_logs = partners_.get();
  rooms.own = own_.get();
  rooms.cosignatures = cosignatures_.get();
  rooms.seen = absl::StrCat(file.witness, "/seen");
  rooms.report = report_;
  return rooms;
}

}  // namespace vouch::server
