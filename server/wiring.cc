#include "server/wiring.h"

#include <grpcpp/ext/proto_server_reflection_plugin.h>
#include <grpcpp/grpcpp.h>
#include <grpcpp/health_check_service_interface.h>
#include <signal.h>

#include <atomic>
#include <condition_variable>
#include <map>
#include <mutex>
#include <thread>
#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/types/optional.h"
#include "crypto/keys.h"
#include "crypto/receipt.h"
#include "server/admission/admission.h"
#include "server/adoptions.h"
#include "server/agreements/agreements.h"
#include "server/agreements_shown.h"
#include "server/blinding_service.h"
#include "server/checkpoint_exchange.h"
#include "server/clock_watch.h"
#include "server/index_keeper.h"
#include "server/journal/journal.h"
#include "server/journal/row_names.h"
#include "server/ledger/entry_writer.h"
#include "server/ledger/period_keys.h"
#include "server/ledger/refusal_counter.h"
#include "server/ledger_http.h"
#include "server/ledger_service.h"
#include "server/node/folders.h"
#include "server/node_ledger.h"
#include "server/partner_face.h"
#include "server/partner_times.h"
#include "server/receipt_signer.h"
#include "server/records_when_loaded.h"
#include "server/telemetry/telemetry.h"
#include "server/tls_material.h"
#include "server/verification.h"
#include "server/verification_service.h"
#include "server/walkers.h"
#include "server/year_end.h"

namespace vouch::server {

namespace {

using telemetry::Level;
using telemetry::Log;

constexpr absl::Duration kTick = absl::Seconds(1);
constexpr absl::Duration kScreenPatience = absl::Seconds(2);
constexpr uint32_t kReplayDays = 9;
constexpr absl::string_view kCosignaturesOf = "cosignatures of ";
constexpr int kMaxMessageBytes = 16 << 20;

absl::StatusOr<std::vector<admission::Peer>> ReadPeers(const std::vector<node::Partner>& partners) {
  std::vector<admission::Peer> peers;
  for (const node::Partner& partner : partners) {
    admission::Peer peer;
    peer.agency = partner.agency;
    absl::StatusOr<std::string> anchors = node::ReadText(partner.anchors);
    if (!anchors.ok()) return anchors.status();
    peer.anchors_pem = *std::move(anchors);
    if (!partner.revocations.empty()) {
      absl::StatusOr<std::string> lists = node::ReadText(partner.revocations, node::kLargestList);
      if (!lists.ok()) return lists.status();
      // An empty file must not read as "nothing is revoked".
      if (lists->empty()) {
        return absl::InvalidArgumentError(absl::StrCat(partner.revocations, " is empty"));
      }
      peer.revocations_pem = *std::move(lists);
    }
    peer.binding = partner.binding();
    peer.calls_per_second = partner.calls_per_second;
    peers.push_back(std::move(peer));
  }
  return peers;
}

}  // namespace

struct Node::Parts {
  explicit Parts(node::NodeFile node_file)
      : file(std::move(node_file)),
        admission(peers),
        period_keys(file.keys + "/periods"),
        entries(&period_keys),
        receipts(file.agency, absl::StrCat(file.keys, "/", node::kReceiptKey)),
        clock_watch(&clock, file.run, [this](absl::Duration ahead) { return EnterClock(ahead); }),
        tls(file.certificate, file.key, file.agency),
        partner_times({file.agency, file.certificate, file.key, &clock, &metrics,
                       [this](const std::string& what, const absl::Status& status) {
                         Problem(what, status);
                       }}) {}

  absl::Status Open(const StartChecks& checks);
  void TakeLedgerPartners(const node::NodeFile& from);
  void Behind(const absl::Status& status);
  absl::Status Serve();
  absl::Status ReloadAgreements();
  absl::Status ReloadPeers(const std::vector<node::Partner>& partners);
  absl::Status ReloadNodeFile();
  absl::Status EnterClock(absl::Duration ahead);
  void RefreshCertificate();
  void Maintain();
  void Tick();
  void ShowAgreements();
  void LookAtCosignatures(absl::Time now);
  absl::Time CommitTime() const;
  void FlushCounts(bool everything);
  void Problem(const std::string& what, const absl::Status& status);

  const node::NodeFile file;
  SystemClock clock;
  telemetry::Metrics metrics;
  std::shared_ptr<admission::Peers> peers = std::make_shared<admission::Peers>();
  admission::Admission admission;
  ledger::PeriodKeys period_keys;
  ledger::EntryWriter entries;
  ledger::RefusalCounter refusals;
  ReceiptSigner receipts;
  ClockWatch clock_watch;
  std::unique_ptr<Adoptions> adoptions;
  std::unique_ptr<agreements::Agreements> agreements;
  std::unique_ptr<RecordsWhenLoaded> records;
  std::unique_ptr<journal::Journal> journal;
  absl::optional<NodeLedger> ledger;  // after the journal, which it watches
  std::unique_ptr<journal::RowNames> row_names;
  std::unique_ptr<IndexKeeper> index_keeper;
  std::unique_ptr<AgreementsShown> shown;
  std::unique_ptr<PartnerFace> face;
  std::unique_ptr<Verification> verification;
  std::unique_ptr<Walkers> walkers;
  std::unique_ptr<VerificationService> verification_service;
  std::unique_ptr<BlindingService> blinding_service;
  std::unique_ptr<LedgerService> ledger_service;
  std::unique_ptr<LedgerHttp> ledger_http;  // after the log
  std::unique_ptr<grpc::Server> server;
  int port = 0;

  std::atomic<bool> ends{false};  // failed is set, and nobody is answered any more
  mutable std::mutex mutex;       // guards the five below
  absl::Status failed;            // why the node stops of its own accord
  std::condition_variable wake;
  bool stopping = false;
  std::map<std::string, std::string> problems;  // what -> how it stands
  std::vector<std::string> unwritten;           // counted entries a full disk kept back

  std::mutex reload_mutex;  // one reload at a time; guards the next
  node::NodeFile signing;   // as last read: who signs, for whom
  std::mutex tls_mutex;     // guards the next
  TlsMaterial tls;
  PartnerTimes partner_times;  // after what it reports to
  std::unique_ptr<CheckpointExchange> exchange;
  std::thread maintenance;
};

void Node::Parts::Problem(const std::string& what, const absl::Status& status) {
  std::lock_guard<std::mutex> lock(mutex);
  if (status.ok()) {
    problems.erase(what);
    return;
  }
  std::string& standing = problems[what];
  if (standing == status.message()) return;
  standing = std::string(status.message());
  Log(Level::kError, what, {{"problem", standing}});
}

// Whoever is taken up for calls is let into handshakes too, and asked for the time.
absl::Status Node::Parts::ReloadPeers(const std::vector<node::Partner>& partners) {
  absl::StatusOr<std::vector<admission::Peer>> read = ReadPeers(partners);
  if (!read.ok()) return read.status();
  absl::Status replaced = peers->Replace(*std::move(read));
  if (!replaced.ok()) return replaced;
  const std::lock_guard<std::mutex> lock(tls_mutex);
  return tls.SetAnchors(peers->AllAnchorsPem());
}

// Of a node.yaml that changed only the partners are taken up while the node runs.
absl::Status Node::Parts::ReloadNodeFile() {
  policies::Report report;
  const absl::StatusOr<node::NodeFile> read = node::ReadNodeFolder(file.folder, &report);
  for (const policies::Finding& finding : report.findings()) {
    Log(Level::kError, "node.yaml finding",
        {{"line", absl::StrCat(finding.position.line)}, {"message", finding.message}});
  }
  absl::Status taken = read.ok() ? ReloadPeers(read->partners) : read.status();
  if (!taken.ok()) {
    return absl::Status(taken.code(),
                        absl::StrCat(taken.message(), "; the partners from before stay"));
  }
  partner_times.SetPartners(read->partners);
  TakeLedgerPartners(*read);
  {
    const std::lock_guard<std::mutex> lock(reload_mutex);
    signing = *read;
  }
  Log(Level::kInfo, "partners loaded", {{"count", absl::StrCat(read->partners.size())}});
  return absl::OkStatus();
}

absl::Status Node::Parts::EnterClock(absl::Duration ahead) {
  const absl::Time now = clock.Now();
  return journal->Append(
      {crypto::ClockAcknowledgedEntry(static_cast<uint32_t>(absl::ToUnixSeconds(now) / 60),
                                      absl::ToInt64Seconds(ahead))},
      now);
}

absl::Status Node::Parts::ReloadAgreements() {
  std::lock_guard<std::mutex> lock(reload_mutex);
  agreements->SetSigning(agreements::SigningRules::Read(signing));
  absl::Status reloaded = agreements->Reload();
  Problem("agreements folder", reloaded);
  if (!reloaded.ok()) return reloaded;
  const auto set = agreements->Current();
  for (const policies::Finding& finding : set->report.findings()) {
    Log(finding.severity == policies::Severity::kError ? Level::kError : Level::kWarning,
        "agreement finding",
        {{"file", finding.file},
         {"line", absl::StrCat(finding.position.line)},
         {"column", absl::StrCat(finding.position.column)},
         {"rule", finding.rule},
         {"message", finding.message}});
  }
  for (const std::string& problem : set->key_problems) {
    Log(Level::kError, "token epoch keys", {{"problem", problem}});
  }
  receipts.Refresh();
  Problem("JWS receipts", receipts.Standing(*set->catalog));
  index_keeper->Wake();
  ShowAgreements();
  Log(Level::kInfo, "agreements loaded", {{"count", absl::StrCat(set->catalog->all().size())}});
  return absl::OkStatus();
}

absl::Status Node::Parts::Open(const StartChecks& checks) {
  absl::Status status = clock_watch.Begin();
  if (status.ok()) status = tls.Refresh(clock.Now());
  if (status.ok()) status = ReloadPeers(file.partners);
  if (!status.ok()) return status;
  absl::StatusOr<crypto::SecretBytes> charge_key =
      crypto::ReadSecretFile(file.keys + "/charge.key");
  if (!charge_key.ok()) return charge_key.status();
  row_names = std::make_unique<journal::RowNames>(*charge_key);

  journal::JournalOptions journal_options;
  journal_options.folder = file.journal;
  journal_options.origin = absl::StrCat(file.agency, "/ledger/",
                                        absl::ToCivilYear(clock.Now(), absl::UTCTimeZone()).year());
  absl::StatusOr<std::unique_ptr<journal::Journal>> opened =
      journal::OpenFileJournal(journal_options);
  if (!opened.ok()) return opened.status();
  journal = *std::move(opened);
  absl::StatusOr<NodeLedger> opened_ledger = NodeLedger::Open(
      file, journal.get(), checks,
      [this](const std::string& what, const absl::Status& standing) { Problem(what, standing); });
  if (!opened_ledger.ok()) return opened_ledger.status();
  ledger.emplace(*std::move(opened_ledger));

  records = std::make_unique<RecordsWhenLoaded>(records::RecordsOptions{file.records, file.keys});
  status = records->Refresh();
  if (!status.ok()) return status;

  agreements::AgreementsOptions options;
  options.folder = file.agreements;
  options.keys_folder = file.keys;
  options.agency = file.agency;
  options.use = file.use;
  // Neither by a clock that leapt ahead nor by one that was set back.
  options.now = [this] {
    return std::max(CommitTime(), absl::FromUnixSeconds(journal->head().second));
  };
  adoptions = std::make_unique<Adoptions>(journal.get(), [this] { return CommitTime(); });
  options.remembered = [this] { return adoptions->Remembered(); };
  options.enter_notice = [this](const agreements::StopNotice& notice,
                                const agreements::JudgedAgency& judged) {
    return adoptions->EnterNotice(notice, judged);
  };
  options.adopt = [this](const policies::HeldAgreement& held, bool beside_higher) {
    return adoptions->Adopt(held, beside_higher);
  };
  options.adopt_epoch = [this](const std::string& agreement_id, const agreements::Epoch& epoch) {
    return adoptions->AdoptEpoch(agreement_id, epoch);
  };
  signing = file;
  options.signing = agreements::SigningRules::Read(signing);
  agreements = std::make_unique<agreements::Agreements>(std::move(options));
  index_keeper =
      std::make_unique<IndexKeeper>(IndexKeeper::Options{file.agency, file.records, file.keys},
                                    &clock, agreements.get(), records.get());
  shown = std::make_unique<AgreementsShown>(file.agency, file.run, &metrics);
  return ReloadAgreements();
}

// The keys of partners' ledgers, and who may read ours.
void Node::Parts::TakeLedgerPartners(const node::NodeFile& from) {
  Problem("keys of partners' ledgers", ledger->TakePartnerKeys(from, clock.Now()));
  {
    // Of whoever is no partner now nothing is said any more.
    const std::lock_guard<std::mutex> lock(mutex);
    for (auto one = problems.begin(); one != problems.end();) {
      one = absl::StartsWith(one->first, kCosignaturesOf) ? problems.erase(one) : std::next(one);
    }
  }
  ledger_service->SetOversight(from.oversight);
  if (exchange != nullptr) exchange->SetPartners(from.partners);
}

// Whatever is answered from here on would be charged and entered in a history that is not the one
// partners cosigned.
void Node::Parts::Behind(const absl::Status& status) {
  {
    const std::lock_guard<std::mutex> lock(mutex);
    if (!failed.ok()) return;
    failed = status;
  }
  Problem("ledger", status);
  ends = true;
  walkers->Refuse();
  // Whoever drains shuts the server down: this may be one of the calls it waits for.
  kill(getpid(), SIGTERM);
}

absl::Status Node::Parts::Serve() {
  Rooms rooms;
  rooms.clock = &clock;
  rooms.agreements = agreements.get();
  rooms.records = records.get();
  rooms.journal = journal.get();
  rooms.row_names = row_names.get();
  rooms.entries = &entries;
  rooms.refusals = &refusals;
  rooms.log = ledger->log();
  rooms.receipts = &receipts;
  face = std::make_unique<PartnerFace>(
      PartnerFace{file.agency, rooms, &admission, &metrics, ledger->cosignatures(), &ends});
  verification = std::make_unique<Verification>(rooms);
  WalkersOptions walkers_options;
  walkers_options.threads = static_cast<int>(file.walkers);
  walkers_options.max_items = static_cast<size_t>(file.queue_items);
  walkers_options.max_bytes = static_cast<size_t>(file.queue_megabytes) << 20;
  walkers = std::make_unique<Walkers>(verification.get(), &metrics, walkers_options);
  verification_service = std::make_unique<VerificationService>(face.get(), walkers.get());
  BlindingOptions blinding_options;
  blinding_options.workers = static_cast<int>(file.evaluators);
  blinding_service = std::make_unique<BlindingService>(face.get(), blinding_options);
  LedgerServiceOptions ledger_options;
  ledger_options.cosignatures = ledger->cosignatures();
  ledger_options.behind = [this](const absl::Status& behind) { Behind(behind); };
  ledger_service = std::make_unique<LedgerService>(face.get(), ledger->log(), ledger->partners(),
                                                   ledger_options);
  // Before anybody can ask what is remembered.
  TakeLedgerPartners(file);

  grpc::EnableDefaultHealthCheckService(true);
  if (file.reflection) grpc::reflection::InitProtoReflectionServerBuilderPlugin();
  grpc::ServerBuilder builder;
  builder.AddListeningPort(file.listen, tls.Credentials(), &port);
  builder.AddChannelArgument(GRPC_ARG_ALLOW_REUSEPORT, 0);
  builder.SetMaxReceiveMessageSize(kMaxMessageBytes);
  builder.SetDefaultCompressionAlgorithm(GRPC_COMPRESS_NONE);
  builder.RegisterService(verification_service.get());
  builder.RegisterService(blinding_service.get());
  builder.RegisterService(ledger_service.get());
  server = builder.BuildAndStart();
  if (server == nullptr || port == 0) {
    return absl::UnavailableError(
        absl::StrCat("cannot listen on ", file.listen, ": is the address free and ours?"));
  }
  if (!file.metrics.empty()) {
    absl::StatusOr<int> metrics_port = metrics.Serve(file.metrics);
    if (!metrics_port.ok()) return metrics_port.status();
    absl::Status written =
        crypto::ReplaceFile(file.run + "/metrics", absl::StrCat(*metrics_port, "\n"), false);
    if (!written.ok()) return written;
  }
  if (!file.ledger_http.empty()) {
    absl::StatusOr<std::unique_ptr<LedgerHttp>> site =
        LedgerHttp::Serve(file.ledger_http, ledger->log());
    if (!site.ok()) return site.status();
    ledger_http = *std::move(site);
    absl::Status written = crypto::ReplaceFile(file.run + "/ledger_http",
                                               absl::StrCat(ledger_http->port(), "\n"), false);
    if (!written.ok()) return written;
  }
  return crypto::ReplaceFile(file.run + "/listen", absl::StrCat(port, "\n"), false);
}

// The time of what the node enters of its own accord. The journal's time never goes back, so a
// clock that ran ahead does not move it until it is believed.
absl::Time Node::Parts::CommitTime() const {
  // Looked at before it is judged: a leap in between is not taken.
  const absl::Time now = clock.Now();
  return clock.Trusted() ? now : absl::FromUnixSeconds(journal->head().second);
}

void Node::Parts::FlushCounts(bool everything) {
  std::vector<std::string> taken = refusals.Take(clock.Now(), everything);
  std::lock_guard<std::mutex> lock(mutex);
  unwritten.insert(unwritten.end(), std::make_move_iterator(taken.begin()),
                   std::make_move_iterator(taken.end()));
  if (unwritten.empty() || !failed.ok()) return;
  // Kept and tried again at the next tick: a count is late rather than lost.
  if (journal->Append(unwritten, CommitTime()).ok()) unwritten.clear();
}

void Node::Parts::Tick() {
  if (agreements->Changed()) (void)ReloadAgreements();
  Problem("records", records->Refresh());
  Problem("damaged records", records->Damage());
  FlushCounts(false);
  Problem("end of the year", EndYear(clock, journal.get()));
  const absl::Time now = clock.Now();
  // By a wrong clock, answers that may still be asked for again would open no more.
  if (clock.Trusted()) {
    Problem("replay keys", period_keys.DestroyReplayBefore(ledger::DayOf(now) - kReplayDays));
  }
  Problem("index", index_keeper->Standing());
  Problem("clock", clock_watch.Tick());
  RefreshCertificate();
  const journal::Journal::Figures figures = journal->figures();
  metrics.SetGauge("ledger_entries", static_cast<double>(journal->head().tree_size));
  metrics.SetGauge("damaged_reads", static_cast<double>(records->damaged_reads()));
  metrics.SetGauge("charge_rows", static_cast<double>(figures.charge_rows));
  metrics.SetGauge("queued_subjects", static_cast<double>(walkers->figures().items));
  metrics.SetGauge("queued_evaluations", static_cast<double>(blinding_service->figures().calls));
  metrics.SetGauge("clock_trusted", clock.Trusted() ? 1 : 0);
  LookAtCosignatures(now);
  metrics.SetGauge("ledger_evidence", static_cast<double>(ledger->partners()->evidence()));
  metrics.SetGauge("agreements", static_cast<double>(agreements->Current()->catalog->all().size()));
  ShowAgreements();
}

void Node::Parts::LookAtCosignatures(absl::Time now) {
  for (const Cosignatures::Standing& one : ledger->cosignatures()->Look(now)) {
    metrics.SetGauge("cosignature_lag_entries", one.agency, static_cast<double>(one.behind));
    metrics.SetGauge("cosignature_lag_seconds", one.agency, absl::ToDoubleSeconds(now - one.since));
    metrics.SetGauge("cosignature_lag_refused", one.agency, one.refused ? 1 : 0);
    if (one.cosigned > 0) {
      metrics.SetGauge("ledger_cosigned_entries", one.agency, static_cast<double>(one.cosigned));
    }
    Problem(absl::StrCat(kCosignaturesOf, one.agency),
            one.refused ? absl::FailedPreconditionError(one.says) : absl::OkStatus());
  }
  if (ledger->cosignatures()->Hurries() && exchange != nullptr) exchange->Hurry();
}

void Node::Parts::ShowAgreements() {
  const auto snapshot = records->Current();
  Problem("run folder", shown->Show(*agreements->Current(), snapshot.get(), clock.Now()));
}

void Node::Parts::RefreshCertificate() {
  const std::lock_guard<std::mutex> lock(tls_mutex);
  const absl::Time before = tls.not_after(), now = clock.Now();
  absl::Status standing = tls.Refresh(now);
  if (standing.ok() && now >= tls.not_after()) {
    standing = absl::FailedPreconditionError(
        absl::StrCat(file.certificate, " has expired; put a new one and its key in their places"));
  }
  Problem("certificate", standing);
  if (tls.not_after() != before) {
    Log(Level::kInfo, "certificate taken up",
        {{"valid_until",
          absl::FormatTime("%Y-%m-%dT%H:%M:%SZ", tls.not_after(), absl::UTCTimeZone())}});
  }
  metrics.SetGauge("certificate_seconds_left", absl::ToDoubleSeconds(tls.not_after() - now));
}

void Node::Parts::Maintain() {
  std::unique_lock<std::mutex> lock(mutex);
  while (!stopping) {
    wake.wait_for(lock, absl::ToChronoMilliseconds(kTick));
    if (stopping) return;
    lock.unlock();
    Tick();
    lock.lock();
  }
}

absl::StatusOr<std::unique_ptr<Node>> Node::Start(const node::NodeFile& file,
                                                  const StartChecks& checks) {
  auto parts = std::make_unique<Parts>(file);
  absl::Status status = parts->Open(checks);
  if (status.ok()) status = parts->Serve();
  if (!status.ok()) return status;
  Parts* running = parts.get();
  parts->partner_times.SetPartners(file.partners);
  CheckpointExchange::Rooms exchanging = parts->ledger->ExchangeRooms(file);
  exchanging.clock = &parts->clock;
  exchanging.metrics = &parts->metrics;
  exchanging.behind = [running](const absl::Status& behind) { running->Behind(behind); };
  parts->exchange = std::make_unique<CheckpointExchange>(std::move(exchanging));
  parts->exchange->SetPartners(file.partners);
  // Last: it looks at all of the above.
  parts->maintenance = std::thread([running] { running->Maintain(); });
  Log(Level::kInfo, "started", {{"agency", file.agency}, {"port", absl::StrCat(parts->port)}});
  return std::unique_ptr<Node>(new Node(std::move(parts)));
}

Node::Node(std::unique_ptr<Parts> parts) : parts_(std::move(parts)) {}
Node::~Node() { Drain(); }

int Node::port() const { return parts_->port; }

absl::Status Node::failed() const {
  const std::lock_guard<std::mutex> lock(parts_->mutex);
  return parts_->failed;
}

void Node::Reload() {
  parts_->Problem("partners", parts_->ReloadNodeFile());
  parts_->RefreshCertificate();
  (void)parts_->ReloadAgreements();
  parts_->Problem("records", parts_->records->Refresh());
}

void Node::Drain() {
  if (parts_->server == nullptr) return;
  Log(Level::kInfo, "draining");
  if (parts_->exchange != nullptr) parts_->exchange->Stop();
  parts_->server->GetHealthCheckService()->SetServingStatus(false);
  // What was charged in a history that is not the one partners cosigned is nobody's to wait for.
  const absl::Duration patience = parts_->ends ? absl::ZeroDuration() : parts_->file.drain;
  parts_->server->Shutdown(absl::ToChronoTime(absl::Now() + patience));
  parts_->ledger_http.reset();
  parts_->walkers->Stop();
  parts_->blinding_service->Stop();
  parts_->ledger_service->Stop();
  parts_->server->Wait();
  parts_->server.reset();
  {
    std::lock_guard<std::mutex> lock(parts_->mutex);
    parts_->stopping = true;
  }
  parts_->wake.notify_all();
  if (parts_->maintenance.joinable()) parts_->maintenance.join();
  parts_->partner_times.Stop();
  parts_->index_keeper->Stop();
  parts_->FlushCounts(true);
  Log(Level::kInfo, "stopped");
}

std::string Node::Screen() const {
  Parts& parts = *parts_;
  // Partners answer meanwhile; whoever is slow is shown as being asked.
  parts.partner_times.WaitForRound(kScreenPatience);
  const absl::Time now = parts.clock.Now();
  std::string out;
  absl::StrAppend(&out, "vouchd ", VOUCH_VERSION, "  ", parts.file.agency,
                  parts.file.use == policies::Use::kTest ? "  (test people only)" : "", "\n");
  absl::StrAppend(&out, "  partners ask at   ", parts.file.listen, " (port ", parts.port, ")\n");
  const auto set = parts.agreements->Current();
  absl::StrAppend(&out, "  agreements        ", set->catalog->all().size(), "\n");
  for (const auto& held : set->catalog->all()) {
    const agreements::Epoch* epoch = set->CurrentEpoch(held->agreement.id, now);
    absl::StrAppend(&out, "    ", held->agreement.id, " revision ", held->agreement.revision, "  ",
                    policies::AgreementStateName(set->catalog->StateOf(*held, now)), " until ",
                    absl::FormatCivilTime(held->agreement.expires), ", ",
                    epoch == nullptr ? std::string("no token epoch")
                                     : absl::StrCat("token epoch ", epoch->statement.epoch),
                    "\n");
  }
  const auto snapshot = parts.records->Current();
  if (snapshot == nullptr) {
    absl::StrAppend(&out, "  people            none loaded (vouch records load)\n");
  } else {
    absl::StrAppend(&out, "  people            ", snapshot->people(), ", as of ",
                    absl::FormatCivilTime(snapshot->data_as_of()), "\n");
  }
  const journal::Head head = parts.journal->head();
  absl::StrAppend(&out, "  ledger            ", head.origin, ", ", head.tree_size, " entries\n");
  for (const std::string& line : parts.partner_times.Lines()) {
    absl::StrAppend(&out, "  partners' time    ", line, "\n");
  }
  std::lock_guard<std::mutex> lock(parts.mutex);
  for (const auto& [what, standing] : parts.problems) {
    absl::StrAppend(&out, "  WRONG             ", what, ": ", standing, "\n");
  }
  for (const std::string& problem : set->key_problems) {
    absl::StrAppend(&out, "  WRONG             token keys: ", problem, "\n");
  }
  for (const policies::Finding& finding : set->report.findings()) {
    if (finding.severity != policies::Severity::kError) continue;
    absl::StrAppend(&out, "  WRONG             ", finding.file, ":", finding.position.line, ":",
                    finding.position.column, " ", finding.message, "\n");
  }
  return out;
}

}  // namespace vouch::server
