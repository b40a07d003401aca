// What a node makes of partners that are honest, slow, and hostile, over real connections.
#include "server/checkpoint_exchange.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <chrono>
#include <set>
#include <thread>

#include "client/requester/connection.h"
#include "crypto/receipt.h"
#include "crypto/tiles.h"
#include "server/partner_times.h"
#include "tests/server/service/partner_server.h"
#include "tests/server/service/signed_log.h"
#include "vouch/v1/ledger.grpc.pb.h"

namespace vouch::server {
namespace {

using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::SizeIs;

std::string Bytes(const std::vector<crypto::Digest>& hashes) { return crypto::EncodeTile(hashes); }

std::vector<crypto::Digest> Hashes(const std::string& bytes) {
  return *crypto::DecodeTile(bytes, static_cast<uint32_t>(bytes.size() / sizeof(crypto::Digest)));
}

// A partner's Ledger service that does as the test says. Everything but `log` is under `mutex`.
class FakePartner final : public v1::Ledger::Service {
 public:
  explicit FakePartner(const SignedLog* shown) : log(shown) {}

  grpc::Status GetCheckpoint(grpc::ServerContext*, const v1::GetCheckpointRequest* request,
                             v1::GetCheckpointResponse* response) override {
    if (head) {
      head(response);
      return grpc::Status::OK;
    }
    response->set_checkpoint(log->NoteOf(log->size()));
    if (request->origin() == log->origin()) {
      response->set_hashes(Bytes(log->Proof(request->old_size(), log->size())));
    }
    return grpc::Status::OK;
  }
  grpc::Status GetConsistency(grpc::ServerContext*, const v1::GetConsistencyRequest* request,
                              v1::GetConsistencyResponse* response) override {
    const std::lock_guard<std::mutex> lock(mutex);
    ++consistencies;
    std::this_thread::sleep_for(slow);
    if (hides) return grpc::Status(grpc::StatusCode::UNAVAILABLE, "busy");
    if (!proves) return grpc::Status(grpc::StatusCode::INVALID_ARGUMENT, "never of that size");
    response->set_hashes(Bytes(log->Proof(request->old_size(), request->size())));
    return grpc::Status::OK;
  }
  grpc::Status AddCheckpoint(grpc::ServerContext*, const v1::AddCheckpointRequest* request,
                             v1::AddCheckpointResponse* response) override {
    const std::lock_guard<std::mutex> lock(mutex);
    ++handed_in;
    add(*request, response);
    return grpc::Status::OK;
  }
  grpc::Status GetRemembered(grpc::ServerContext*, const v1::GetRememberedRequest* request,
                             v1::GetRememberedResponse* response) override {
    const std::lock_guard<std::mutex> lock(mutex);
    asked.emplace_back(request->origins().begin(), request->origins().end());
    for (const std::string& note : remembered) response->add_checkpoints(note);
    return grpc::Status::OK;
  }

  const SignedLog* const log;
  std::function<void(v1::GetCheckpointResponse*)> head;  // instead of its own
  bool proves = true;
  bool hides = false;  // how its checkpoints go together
  std::chrono::milliseconds slow{0};
  std::mutex mutex;
  int consistencies = 0;
  int handed_in = 0;
  std::function<void(const v1::AddCheckpointRequest&, v1::AddCheckpointResponse*)> add =
      [](const v1::AddCheckpointRequest&, v1::AddCheckpointResponse* response) {
        response->set_code(404);
      };
  std::vector<std::string> remembered;
  std::vector<std::vector<std::string>> asked;
};

class CheckpointExchangeTest : public ::testing::Test {
 protected:
  CheckpointExchangeTest() {
    aid_log_.GrowTo(4);
    loans_log_.GrowTo(20);
    aid_server_ = Serve("aid.example", &aid_, &aid_port_);
    loans_server_ = Serve("loans.example", &loans_, &loans_port_);
    const crypto::IssuedCertificate own = Issue("tax.example");
    world_.folder.WriteFile("own.pem", own.certificate_pem);
    EXPECT_TRUE(
        crypto::WritePrivateFile(PathOf("own.key"), own.key.ToPem(crypto::RawSecretAccess{})).ok());
    Cosignatures::Options counted;
    counted.folder = world_.folder.Path("cosigned");
    counted.log = world_.ledger_log.get();
    counted.own = &own_;
    counted.public_der = world_.ledger_key->PublicDer();
    cosignatures_ = std::make_unique<Cosignatures>(std::move(counted));
    partner_logs_ = LogsIn("witness", {{"aid.example", aid_log_.public_der()},
                                       {"loans.example", loans_log_.public_der()}});
  }
  ~CheckpointExchangeTest() override {
    if (exchange_ != nullptr) exchange_->Stop();
    aid_server_->Shutdown();
    loans_server_->Shutdown();
  }
  crypto::IssuedCertificate Issue(const std::string& agency) const {
    return authority_.Issue(ForDecades(crypto::LeafRequest(agency)));
  }
  std::unique_ptr<grpc::Server> Serve(const std::string& agency, grpc::Service* service,
                                      int* port) const {
    const crypto::IssuedCertificate own = Issue(agency);
    grpc::SslServerCredentialsOptions tls(
        GRPC_SSL_REQUEST_AND_REQUIRE_CLIENT_CERTIFICATE_AND_VERIFY);
    tls.pem_root_certs = authority_.pem();
    tls.pem_key_cert_pairs.push_back(
        {own.key.ToPem(crypto::RawSecretAccess{}), own.certificate_pem});
    grpc::ServerBuilder builder;
    builder.AddListeningPort("127.0.0.1:0", grpc::SslServerCredentials(tls), port);
    builder.RegisterService(service);
    return builder.BuildAndStart();
  }

  std::string PathOf(const std::string& name) { return world_.folder.agreements() + "/" + name; }
  std::unique_ptr<PartnerLogs> LogsIn(const std::string& folder,
                                      const std::map<std::string, std::string>& keys) {
    PartnerLogs::Rooms rooms;
    rooms.witness.folder = world_.folder.Path(folder);
    rooms.found = [this](const std::string& agency, const requester::WitnessAnswer&) {
      const std::lock_guard<std::mutex> lock(mutex_);
      found_.push_back(agency);
    };
    auto logs = *PartnerLogs::Open(std::move(rooms));
    EXPECT_TRUE(logs->SetKeys(keys).ok());
    return logs;
  }
  CheckpointExchange::Rooms Rooms() {
    CheckpointExchange::Rooms rooms;
    rooms.agency = "tax.example";
    rooms.certificate = PathOf("own.pem");
    rooms.key = PathOf("own.key");
    rooms.every = absl::Hours(24);
    rooms.clock = &world_.clock;
    rooms.metrics = &metrics_;
    rooms.log = world_.ledger_log.get();
    rooms.partner_logs = partner_logs_.get();
    rooms.own = &own_;
    rooms.cosignatures = cosignatures_.get();
    rooms.seen = world_.folder.Path("witness/seen");
    rooms.report = [this](const std::string& what, const absl::Status& status) {
      const std::lock_guard<std::mutex> lock(mutex_);
      reported_.push_back(what);
      if (!status.ok()) wrong_.push_back(what + ": " + std::string(status.message()));
    };
    rooms.behind = [](const absl::Status& status) { ADD_FAILURE() << status; };
    return rooms;
  }
  node::Partner Aid() {
    world_.folder.WriteFile("authority.pem", authority_.pem());
    node::Partner aid;
    aid.agency = "aid.example";
    aid.address = "127.0.0.1:" + std::to_string(aid_port_);
    aid.anchors = PathOf("authority.pem");
    aid.ledger_key = "given";
    return aid;
  }
  // aid.example is asked for its log and what it remembers; loans.example can only be reached.
  void Begin(CheckpointExchange::Rooms rooms) {
    const node::Partner aid = Aid();
    node::Partner loans = aid;
    loans.agency = "loans.example";
    loans.address = "127.0.0.1:" + std::to_string(loans_port_);
    loans.ledger_key = "";
    exchange_ = std::make_unique<CheckpointExchange>(std::move(rooms));
    exchange_->SetPartners({aid, loans});
  }
  // The rounds that have been are over, and another is.
  void NextRound() {
    const size_t before = Asked();
    exchange_->Hurry();
    WaitFor([&] { return Asked() > before; });
  }
  // How often aid.example was asked what it remembers.
  size_t Asked() {
    const std::lock_guard<std::mutex> lock(aid_.mutex);
    return aid_.asked.size();
  }
  void WaitFor(const std::function<bool()>& done) {
    const auto until = std::chrono::steady_clock::now() + std::chrono::seconds(20);
    while (!done() && std::chrono::steady_clock::now() < until) {
      std::this_thread::sleep_for(std::chrono::milliseconds(5));
    }
    EXPECT_TRUE(done());
  }
  void Remembers(std::vector<std::string> notes) {
    const std::lock_guard<std::mutex> lock(aid_.mutex);
    aid_.remembered = std::move(notes);
  }
  int Consistencies() {
    const std::lock_guard<std::mutex> lock(loans_.mutex);
    return loans_.consistencies;
  }
  std::vector<std::string> Found() {
    const std::lock_guard<std::mutex> lock(mutex_);
    return found_;
  }
  std::multiset<std::string> Reported() {
    const std::lock_guard<std::mutex> lock(mutex_);
    return std::multiset<std::string>(reported_.begin(), reported_.end());
  }
  std::vector<std::string> Wrong() {
    const std::lock_guard<std::mutex> lock(mutex_);
    return wrong_;
  }
  void Append(int entries) {
    for (int i = 0; i < entries; ++i) {
      ASSERT_TRUE(
          world_.journal
              ->Append({crypto::CountedRefusalsEntry(1, "aid.example", 3, 1)}, world_.clock.Now())
              .ok());
    }
  }
  // As the partner's own node would take what is handed in.
  void Take(PartnerLogs* theirs, const v1::AddCheckpointRequest& request,
            v1::AddCheckpointResponse* response) {
    requester::AddCheckpointRequest added;
    added.old_size = request.old_size();
    added.note = request.checkpoint();
    added.proof = Hashes(request.hashes());
    for (const v1::LogSuccession& step : request.successions()) {
      added.successions.push_back(*requester::ReadSuccession(step));
    }
    const requester::WitnessAnswer answer = theirs->Add("tax.example", added, Noon());
    response->set_code(static_cast<uint32_t>(requester::HttpStatusOf(answer.finding)));
    response->set_says(answer.says);
    response->set_known_size(answer.known_size);
    const auto known = theirs->LatestOf("tax.example");
    if (response->code() == 409 && known.has_value()) response->set_remembered(known->note);
  }

  World world_;
  telemetry::Metrics metrics_;
  std::mutex mutex_;
  std::vector<std::string> found_, reported_, wrong_;
  SignedLog aid_log_{"aid.example/ledger/2027"};
  SignedLog loans_log_{"loans.example/ledger/2027"};
  FakePartner aid_{&aid_log_}, loans_{&loans_log_};
  const crypto::TestAuthority authority_ = AuthorityForDecades("Aid CA");
  int aid_port_ = 0, loans_port_ = 0;
  std::unique_ptr<grpc::Server> aid_server_, loans_server_;
  OwnCheckpoints own_{world_.ledger_log.get(), world_.ledger_key->PublicDer(),
                      world_.folder.Path("own.cosigned")};
  std::unique_ptr<Cosignatures> cosignatures_;
  std::unique_ptr<PartnerLogs> partner_logs_;
  std::unique_ptr<CheckpointExchange> exchange_;
};

TEST_F(CheckpointExchangeTest, ALogThatGrowsWhileItsYearTurnsIsTakenAllTheSame) {
  const auto theirs = LogsIn("theirs", {{"tax.example", world_.ledger_key->PublicDer()}});
  aid_.add = [&](const v1::AddCheckpointRequest& request, v1::AddCheckpointResponse* response) {
    Take(theirs.get(), request, response);
    // The node is busy.
    if (response->code() == 409) Append(1);
  };
  ASSERT_EQ(partner_logs_->Observe(loans_log_.NoteOf(7), {}, 0, true, Noon()).finding,
            requester::WitnessFinding::kAccepted);
  Append(3);
  Begin(Rooms());
  WaitFor([&] { return Asked() > 0; });
  const std::string before = world_.ledger_log->origin();
  ASSERT_EQ(theirs->LatestOf("tax.example")->checkpoint.size, 3u);
  world_.clock.Advance(absl::Hours(24 * 366));
  Append(2);
  ASSERT_NE(world_.ledger_log->origin(), before);
  NextRound();
  EXPECT_THAT(Wrong(), IsEmpty());
  EXPECT_EQ(theirs->LatestOf("tax.example")->checkpoint.origin, world_.ledger_log->origin());
  EXPECT_EQ(theirs->Latest(before)->checkpoint.size, 4u);
  EXPECT_EQ(theirs->evidence(), 0u);
  EXPECT_THAT(Found(), IsEmpty());
}

TEST_F(CheckpointExchangeTest, ANoteThatNobodySignedMakesNobodyAsk) {
  ASSERT_EQ(partner_logs_->Observe(loans_log_.NoteOf(7), {}, 0, true, Noon()).finding,
            requester::WitnessFinding::kAccepted);
  SignedLog forged(loans_log_.origin());
  forged.GrowTo(12);
  Remembers({forged.NoteOf(12)});
  Begin(Rooms());
  WaitFor([&] { return Asked() > 0; });
  NextRound();
  EXPECT_EQ(Consistencies(), 0);
  // One that its log did sign does.
  Remembers({loans_log_.NoteOf(12)});
  NextRound();
  WaitFor([&] { return Consistencies() == 1; });
  NextRound();
  EXPECT_EQ(partner_logs_->Latest(loans_log_.origin())->checkpoint.size, 12u);
}

TEST_F(CheckpointExchangeTest, WhatALogCannotProveIsNotHeldAgainstItWhereItDeclaredALoss) {
  ASSERT_EQ(partner_logs_->Observe(loans_log_.NoteOf(20), {}, 0, true, Noon()).finding,
            requester::WitnessFinding::kAccepted);
  // It was not there when its turn came; when it is asked for the proof, it is.
  SignedLog rest(loans_log_.origin(), loans_log_.key());
  SignedLog next("loans.example/ledger/2027.2", loans_log_.key());
  rest.GrowTo(10);
  rest.DeclareLoss(&next, loans_log_.At(20));
  loans_.proves = false;
  loans_.head = [&](v1::GetCheckpointResponse* response) {
    response->set_checkpoint(next.NoteOf(1));
    requester::ToMessage(rest.LossStepTo(next, 20, 1), response->add_successions());
  };
  Remembers({loans_log_.NoteOf(15)});
  Begin(Rooms());
  WaitFor([&] { return Consistencies() > 0; });
  NextRound();
  WaitFor([&] { return partner_logs_->AwaitsAcceptance("loans.example"); });
  exchange_->Stop();
  EXPECT_THAT(Found(), IsEmpty());
  EXPECT_EQ(partner_logs_->evidence(), 0u);
}

TEST_F(CheckpointExchangeTest, WhatALogCannotProveIsEvidenceWhereItDeclaredNothing) {
  ASSERT_EQ(partner_logs_->Observe(loans_log_.NoteOf(20), {}, 0, true, Noon()).finding,
            requester::WitnessFinding::kAccepted);
  loans_.proves = false;
  Remembers({loans_log_.NoteOf(15)});
  Begin(Rooms());
  WaitFor([&] { return !Found().empty(); });
  EXPECT_THAT(Found(), Contains("loans.example"));
  EXPECT_EQ(partner_logs_->evidence(), 1u);
}

TEST_F(CheckpointExchangeTest, ALogThatIsNeverComparedIsReportedAndNotAccused) {
  ASSERT_EQ(partner_logs_->Observe(loans_log_.NoteOf(20), {}, 0, true, Noon()).finding,
            requester::WitnessFinding::kAccepted);
  SignedLog fork(loans_log_.origin(), loans_log_.key());
  fork.GrowTo(15, " otherwise");
  loans_.hides = true;
  Remembers({fork.NoteOf(15)});
  CheckpointExchange::Rooms rooms = Rooms();
  rooms.most_uncompared = 3;
  Begin(std::move(rooms));
  WaitFor([&] { return Consistencies() == 1; });
  NextRound();
  WaitFor([&] { return Consistencies() == 2; });
  EXPECT_THAT(Wrong(), IsEmpty()) << "who cannot be asked has done nothing wrong";
  NextRound();
  WaitFor([&] { return Wrong().size() == 1; });
  EXPECT_THAT(
      Wrong(),
      ElementsAre(HasSubstr("the ledger of loans.example as shown to aid.example: in 3 rounds")));
  NextRound();
  WaitFor([&] { return Consistencies() == 4; });
  EXPECT_THAT(Wrong(), SizeIs(1)) << "once";
  EXPECT_THAT(Found(), IsEmpty());
  EXPECT_EQ(partner_logs_->evidence(), 0u);
  // When it answers, that is over, and when nobody compares any more.
  const std::string what = "comparing the ledger of loans.example as shown to aid.example";
  Remembers({loans_log_.NoteOf(20)});
  NextRound();
  WaitFor([&] { return Reported().count(what) == 2; });
  Remembers({fork.NoteOf(15)});
  for (int round = 0; round < 4; ++round) NextRound();
  WaitFor([&] { return Wrong().size() == 2; });
  exchange_->SetPartners({});
  WaitFor([&] { return Reported().count(what) == 4; });
}

TEST_F(CheckpointExchangeTest, APartnerWhoseAnchorsCannotBeReadHoldsUpNoStop) {
  node::Partner aid = Aid();
  node::Partner loans = aid;
  aid.anchors = PathOf("no-such-anchors.pem");
  loans.agency = "loans.example";
  loans.address = "127.0.0.1:" + std::to_string(loans_port_);
  loans.ledger_key = "";
  exchange_ = std::make_unique<CheckpointExchange>(Rooms());
  exchange_->SetPartners({aid, loans});
  // Its turn comes after the other's.
  WaitFor([&] { return Reported().count("our ledger at loans.example") > 0; });
  exchange_->Stop();
  EXPECT_EQ(Asked(), 0u);
}

TEST_F(CheckpointExchangeTest, ProofsOneByOneAreNotWaitedForWithoutEnd) {
  loans_log_.GrowTo(100);
  loans_.slow = std::chrono::milliseconds(60);
  node::Partner loans = Aid();
  loans.agency = "loans.example";
  loans.address = "127.0.0.1:" + std::to_string(loans_port_);
  const auto options = ConnectionTo(loans, "tax.example", PathOf("own.pem"), PathOf("own.key"));
  const auto channel = *requester::Connect(*options);
  ASSERT_TRUE(
      channel->WaitForConnected(std::chrono::system_clock::now() + std::chrono::seconds(10)));
  requester::LedgerClient client(channel, absl::Milliseconds(250));
  std::vector<uint64_t> sizes;
  for (uint64_t size = 1; size <= 100; ++size) sizes.push_back(size);
  const auto proofs = client.GetConsistencies(loans_log_.origin(), sizes);
  EXPECT_TRUE(absl::IsDeadlineExceeded(proofs.status())) << proofs.status();
  EXPECT_THAT(std::string(proofs.status().message()), HasSubstr("takes too long over its proofs"));
  EXPECT_LT(Consistencies(), 99);
}

TEST_F(CheckpointExchangeTest, OneNoteOfEachLogThatWasAskedForIsLookedAt) {
  SignedLog next("loans.example/ledger/2028", loans_log_.key());
  ASSERT_EQ(partner_logs_->Observe(loans_log_.NoteOf(20), {}, 0, true, Noon()).finding,
            requester::WitnessFinding::kAccepted);
  loans_log_.EndWith(&next);
  next.GrowTo(5);
  ASSERT_EQ(
      partner_logs_->Observe(next.NoteOf(5), {}, 0, true, Noon(), {loans_log_.StepTo(next, 20, 5)})
          .finding,
      requester::WitnessFinding::kAccepted);
  std::vector<std::string> notes;
  for (uint64_t size = 1; size < 20; ++size) notes.push_back(loans_log_.NoteOf(size));
  Remembers(notes);
  Begin(Rooms());
  WaitFor([&] { return Asked() > 0; });
  NextRound();
  EXPECT_EQ(Consistencies(), 0) << "the log of the year before was not asked for";
  // All of them signed, and of the log that was asked for.
  SignedLog third("loans.example/ledger/2028", loans_log_.key());
  third.GrowTo(9, " otherwise");
  Remembers({third.NoteOf(6), third.NoteOf(7), third.NoteOf(8)});
  const size_t before = Asked();
  NextRound();
  NextRound();
  WaitFor([&] { return Consistencies() > 0; });
  EXPECT_LE(Consistencies(), static_cast<int>(Asked() - before));
}

TEST_F(CheckpointExchangeTest, OfEachAgencyTheNewestLogIsComparedInPortions) {
  std::map<std::string, std::string> keys = {{"aid.example", aid_log_.public_der()}};
  std::vector<std::unique_ptr<SignedLog>> logs;
  for (int i = 0; i < 70; ++i) {
    const std::string agency = absl::StrCat("a", 100 + i, ".example");
    auto before = std::make_unique<SignedLog>(agency + "/ledger/2027");
    logs.push_back(std::make_unique<SignedLog>(agency + "/ledger/2028", before->key()));
    before->GrowTo(2);
    keys[agency] = before->public_der();
    ASSERT_TRUE(partner_logs_->SetKeys(keys).ok());
    ASSERT_EQ(partner_logs_->Observe(before->NoteOf(2), {}, 0, true, Noon()).finding,
              requester::WitnessFinding::kAccepted);
    before->EndWith(logs.back().get());
    ASSERT_EQ(partner_logs_
                  ->Observe(logs.back()->NoteOf(1), {}, 0, true, Noon(),
                            {before->StepTo(*logs.back(), 2, 1)})
                  .finding,
              requester::WitnessFinding::kAccepted);
  }
  Begin(Rooms());
  WaitFor([&] { return Asked() >= 2; });
  const std::lock_guard<std::mutex> lock(aid_.mutex);
  EXPECT_THAT(aid_.asked[0], SizeIs(64));
  std::vector<std::string> all = aid_.asked[0];
  all.insert(all.end(), aid_.asked[1].begin(), aid_.asked[1].end());
  EXPECT_THAT(all, SizeIs(70));
  for (const auto& log : logs) EXPECT_THAT(all, Contains(log->origin()));
}

// The machine was put back whole, `own.cosigned` with it.
TEST_F(CheckpointExchangeTest, AStartAsksWhoRemembersItsLedgerAndNotWhoNeverFollowedIt) {
  node::NodeFile file;
  file.agency = "tax.example";
  file.use = policies::Use::kLive;
  file.certificate = PathOf("own.pem");
  file.key = PathOf("own.key");
  file.partners = {Aid()};
  Append(3);
  const std::string head = *world_.ledger_log->Checkpoint()->note;
  const auto start = [&] { return CheckBeforeStart(file, own_, *world_.ledger_log, {}); };
  EXPECT_TRUE(start().ok()) << "nobody ever cosigned anything";
  ASSERT_TRUE(own_.Keep(head, 3, "aid.example", "").ok());
  EXPECT_TRUE(absl::IsFailedPrecondition(start())) << start();
  SignedLog forged(world_.ledger_log->origin());
  forged.GrowTo(3);
  Remembers({forged.NoteOf(3), aid_log_.NoteOf(4)});
  EXPECT_TRUE(absl::IsFailedPrecondition(start())) << start();
  Remembers({head});
  EXPECT_TRUE(start().ok()) << start();
  SignedLog later(world_.ledger_log->origin(), world_.ledger_key);
  later.GrowTo(5);
  Remembers({later.NoteOf(5)});
  EXPECT_TRUE(absl::IsDataLoss(start())) << start();
}

// Each of its notes costs a call; when its time is over, the others have theirs.
TEST_F(CheckpointExchangeTest, APartnerHasSoMuchTimeOfARoundAndTheNextGoesOnThere) {
  std::map<std::string, std::string> keys = {{"aid.example", aid_log_.public_der()}};
  std::vector<std::unique_ptr<SignedLog>> logs;
  std::vector<std::string> forks;
  for (const char* agency : {"x.example", "y.example", "z.example"}) {
    logs.push_back(std::make_unique<SignedLog>(absl::StrCat(agency, "/ledger/2027")));
    keys[agency] = logs.back()->public_der();
    SignedLog fork(logs.back()->origin(), logs.back()->key());
    logs.back()->GrowTo(3);
    fork.GrowTo(3, " otherwise");
    forks.push_back(fork.NoteOf(3));
  }
  ASSERT_TRUE(partner_logs_->SetKeys(keys).ok());
  for (const auto& log : logs) {
    ASSERT_EQ(partner_logs_->Observe(log->NoteOf(3), {}, 0, true, Noon()).finding,
              requester::WitnessFinding::kAccepted);
  }
  Remembers(forks);
  CheckpointExchange::Rooms rooms = Rooms();
  rooms.one_comparison = absl::ZeroDuration();
  Begin(std::move(rooms));
  WaitFor([&] { return Found().size() == 1; });
  NextRound();
  WaitFor([&] { return Found().size() == 2; });
  NextRound();
  WaitFor([&] { return Found().size() == 3; });
  EXPECT_THAT(Found(), ElementsAre("x.example", "y.example", "z.example"));
}

}  // namespace
}  // namespace vouch::server
