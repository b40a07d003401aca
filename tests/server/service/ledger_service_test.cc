// Who is shown what of a node's ledger, and what it answers as a witness, over real connections.
#include "server/ledger_service.h"

#include <gmock/gmock.h>
#include <grpcpp/grpcpp.h>
#include <gtest/gtest.h>

#include <atomic>
#include <chrono>
#include <filesystem>
#include <thread>

#include "absl/synchronization/notification.h"
#include "client/requester/ledger_client.h"
#include "crypto/log_entry.h"
#include "crypto/receipt.h"
#include "tests/server/service/partner_server.h"
#include "tests/server/service/signed_log.h"

namespace vouch::server {
namespace {

using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;

class LedgerServiceTest : public ::testing::Test {
 protected:
  LedgerServiceTest() {
    PartnerLogs::Rooms rooms;
    rooms.witness.folder = world_.folder.Path("witness");
    rooms.witness.cosigner = std::make_shared<const crypto::NoteSigner>(witness_);
    rooms.found = [this](const std::string& agency, const requester::WitnessAnswer&) {
      found_.push_back(agency);
    };
    partner_logs_ = *PartnerLogs::Open(std::move(rooms));
    EXPECT_TRUE(partner_logs_->SetKeys({{"aid.example", aid_log_.public_der()}}).ok());
    server_.Configure("", 100000, {"loans.example", "oig.example"});
    Cosignatures::Options counted;
    counted.folder = world_.folder.Path("cosigned");
    counted.log = world_.ledger_log.get();
    counted.own = &own_;
    counted.public_der = world_.ledger_key->PublicDer();
    cosignatures_ = std::make_unique<Cosignatures>(std::move(counted));
    EXPECT_TRUE(
        cosignatures_->SetWitnesses({{"aid.example", aid_witness_.verifier()}}, world_.clock.Now())
            .ok());
    LedgerServiceOptions options;
    options.cosignatures = cosignatures_.get();
    options.behind = [this](const absl::Status& behind) {
      behind_ = behind;
      // Waits for all calls, as whoever stops a node does.
      if (behind_shuts_down_) server_.ShutDown();
      worker_.Pass();
      told_.Notify();
    };
    service_ = std::make_unique<LedgerService>(server_.face(), world_.ledger_log.get(),
                                               partner_logs_.get(), options);
    service_->SetOversight({"oig.example"});
    server_.Serve(service_.get());
    aid_ = ClientOf("aid.example");
  }
  ~LedgerServiceTest() override {
    worker_.Open();
    server_.Stop(std::chrono::milliseconds(500), [this] { service_->Stop(); });
  }

  std::unique_ptr<requester::LedgerClient> ClientOf(const std::string& agency) {
    return std::make_unique<requester::LedgerClient>(server_.Connect(server_.Issue(agency)),
                                                     absl::Seconds(20));
  }
  void Append(const std::vector<std::string>& entries) {
    ASSERT_TRUE(world_.journal->Append(entries, world_.clock.Now()).ok());
    written_.insert(written_.end(), entries.begin(), entries.end());
  }
  // Of each kind that there is without a subject, and about a subject of two requesters.
  void AppendSome() {
    crypto::SubjectEntry about;
    about.requester = "loans.example";
    about.agreement_id = "loans-tax-001";
    Append({crypto::CountedRefusalsEntry(1, "aid.example", 3, 1), about.Bytes(),
            crypto::CountedEvaluationsEntry(1, "loans.example", "loans-tax-001", 1, 8),
            crypto::ClockAcknowledgedEntry(1, 400)});
    about.requester = "aid.example";
    about.kind = crypto::EntryKind::kRefused;
    Append({about.Bytes(), crypto::CountedEvaluationsEntry(1, "aid.example", "aid-tax-001", 1, 8),
            crypto::AgreementAdoptedEntry(1, "aid-tax-001", 1, {}, {})});
  }
  // Which of the entries a client is shown.
  std::string Shown(requester::LedgerClient* client) {
    const auto entries = client->GetEntries(0, static_cast<uint32_t>(written_.size()));
    EXPECT_TRUE(entries.ok()) << entries.status();
    std::string shown;
    for (size_t i = 0; i < entries->size(); ++i) {
      const requester::LedgerClient::Entry& entry = (*entries)[i];
      EXPECT_EQ(entry.leaf, crypto::LeafHash(crypto::AsBytes(written_[i])));
      if (entry.shown) {
        EXPECT_EQ(entry.bytes, written_[i]);
      }
      shown += entry.shown ? 'x' : '.';
    }
    return shown;
  }
  v1::AddCheckpointResponse Add(requester::LedgerClient* client, const SignedLog& log,
                                uint64_t old_size, uint64_t size) {
    const auto response =
        client->AddCheckpoint({old_size, log.Proof(old_size, size), log.NoteOf(size), {}});
    EXPECT_TRUE(response.ok()) << response.status();
    return response.ok() ? *response : v1::AddCheckpointResponse();
  }

  World world_;
  PartnerServer server_{&world_};
  SignedLog aid_log_{"aid.example/ledger/2027"};
  const crypto::NoteSigner witness_ = *crypto::NoteSigner::MakeCosigner(
      "tax.example", std::make_shared<const crypto::SigningKey>(
                         crypto::SigningKey::Generate(crypto::KeyKind::kEd25519)));
  std::vector<std::string> found_;
  std::unique_ptr<PartnerLogs> partner_logs_;
  const crypto::NoteSigner aid_witness_ = *crypto::NoteSigner::MakeCosigner(
      "aid.example", std::make_shared<const crypto::SigningKey>(
                         crypto::SigningKey::Generate(crypto::KeyKind::kEd25519)));
  OwnCheckpoints own_{world_.ledger_log.get(), world_.ledger_key->PublicDer(),
                      world_.folder.Path("own.cosigned")};
  std::unique_ptr<Cosignatures> cosignatures_;
  absl::Status behind_;
  std::atomic<bool> behind_shuts_down_{false};
  absl::Notification told_;
  Hold worker_;  // once it has told that the log is behind
  std::unique_ptr<LedgerService> service_;
  std::unique_ptr<requester::LedgerClient> aid_;
  std::vector<std::string> written_;
};

TEST_F(LedgerServiceTest, ARequesterIsShownItsOwnEntriesAndOfOthersTheHashes) {
  AppendSome();
  EXPECT_EQ(Shown(aid_.get()), "x...xx.");
  EXPECT_EQ(Shown(ClientOf("loans.example").get()), ".xx....");
}

TEST_F(LedgerServiceTest, NamedOversightIsShownEveryEntry) {
  AppendSome();
  EXPECT_EQ(Shown(ClientOf("oig.example").get()), "xxxxxxx");
  service_->SetOversight({});
  EXPECT_EQ(Shown(ClientOf("oig.example").get()), ".......");
}

TEST_F(LedgerServiceTest, WhatIsNoEntryOfThisFormatIsOversightsAlone) {
  Append({"something else", std::string("\1\2\0\0\0\1\1\177aid", 11)});
  EXPECT_EQ(Shown(aid_.get()), "..");
  EXPECT_EQ(Shown(ClientOf("oig.example").get()), "xx");
}

TEST_F(LedgerServiceTest, EntriesComeWithTheProofOfExactlyThem) {
  AppendSome();
  const auto stub = v1::Ledger::NewStub(server_.Connect(server_.partner));
  v1::GetEntriesRequest request;
  request.set_first(2);
  request.set_count(3);
  v1::GetEntriesResponse response;
  grpc::ClientContext context;
  ASSERT_TRUE(stub->GetEntries(&context, request, &response).ok());
  const v1::LedgerProof& proof = response.proof();
  const crypto::NoteVerifier known[] = {world_.ledger_log->verifier()};
  const auto opened = crypto::OpenCheckpoint(proof.checkpoint(), known);
  ASSERT_TRUE(opened.ok()) << opened.status();
  EXPECT_EQ(proof.first(), 2u);
  EXPECT_EQ(proof.count(), 3u);
  std::vector<crypto::Digest> leaves;
  for (size_t i = 2; i < 5; ++i) {
    leaves.push_back(crypto::LeafHash(crypto::AsBytes(written_[i])));
  }
  EXPECT_TRUE(crypto::VerifyRange(leaves, 2, opened->checkpoint.size,
                                  *crypto::ReadPaddedHashes(proof.hashes(), proof.hash_count()),
                                  opened->checkpoint.root)
                  .ok());
}

TEST_F(LedgerServiceTest, ATileBundleAndAllIsComputedAnewOverTheService) {
  for (int i = 0; i < 90; ++i) AppendSome();
  const crypto::NoteVerifier known[] = {world_.ledger_log->verifier()};
  const auto head = aid_->GetCheckpoint("", 0);
  ASSERT_TRUE(head.ok()) << head.status();
  const auto opened = crypto::OpenCheckpoint(head->note, known);
  ASSERT_TRUE(opened.ok()) << opened.status();
  ASSERT_EQ(opened->checkpoint.size, written_.size());
  const auto range = crypto::RecomputeTiles(*aid_, opened->checkpoint.size);
  ASSERT_TRUE(range.ok()) << range.status();
  EXPECT_EQ(range->Root(), opened->checkpoint.root);
  // Across the end of a bundle.
  const auto entries = aid_->GetEntries(250, 12);
  ASSERT_TRUE(entries.ok()) << entries.status();
  for (size_t i = 0; i < 12; ++i) {
    EXPECT_EQ((*entries)[i].leaf, crypto::LeafHash(crypto::AsBytes(written_[250 + i])));
  }
}

TEST_F(LedgerServiceTest, ACheckpointGoesOnFromWhatTheCallerRemembers) {
  AppendSome();
  const crypto::CompactRange before = world_.journal->head().range;
  AppendSome();
  const auto head = aid_->GetCheckpoint(world_.ledger_log->origin(), before.size());
  ASSERT_TRUE(head.ok()) << head.status();
  const crypto::CompactRange after = world_.journal->head().range;
  EXPECT_TRUE(crypto::VerifyConsistency(before.size(), before.Root(), after.size(), after.Root(),
                                        head->proof)
                  .ok());
  const auto between =
      aid_->GetConsistency(world_.ledger_log->origin(), before.size(), after.size());
  ASSERT_TRUE(between.ok()) << between.status();
  EXPECT_EQ(*between, head->proof);
}

TEST_F(LedgerServiceTest, WhoeverRemembersMoreOrAnotherLogGetsTheHeadAlone) {
  AppendSome();
  EXPECT_THAT(aid_->GetCheckpoint(world_.ledger_log->origin(), 1000)->proof, IsEmpty());
  EXPECT_THAT(aid_->GetCheckpoint("tax.example/ledger/2026", 3)->proof, IsEmpty());
  EXPECT_THAT(aid_->GetCheckpoint("tax.example/ledger/2026", 3)->successions, IsEmpty());
}

// The log of a year ends; the calls know it by its name, and the next by none.
TEST_F(LedgerServiceTest, ALogThatEndedIsReadByItsName) {
  AppendSome();
  const std::string ended = world_.ledger_log->origin();
  world_.clock.Advance(absl::Hours(24 * 366));
  AppendSome();
  const std::string current = world_.ledger_log->origin();
  ASSERT_NE(current, ended);
  const auto end = aid_->GetCheckpoint("", 0, ended);
  ASSERT_TRUE(end.ok()) << end.status();
  const crypto::NoteVerifier known[] = {*LogVerifier(ended, world_.ledger_key->PublicDer()),
                                        world_.ledger_log->verifier()};
  const auto opened = crypto::OpenCheckpoint(end->note, known);
  ASSERT_TRUE(opened.ok()) << opened.status();
  EXPECT_EQ(opened->checkpoint.size, 8u);
  EXPECT_EQ(aid_->ReadTileOf(ended, {0, 0, 8})->size(), 8u);
  EXPECT_EQ(aid_->ReadTile({0, 0, 8})->size(), 8u);
  EXPECT_NE(*aid_->ReadTileOf(ended, {0, 0, 8}), *aid_->ReadTile({0, 0, 8}));
  EXPECT_TRUE(aid_->GetConsistency(ended, 3, 8).ok());
  EXPECT_TRUE(absl::IsInvalidArgument(aid_->GetConsistency(ended, 3, 9).status()));
  const auto entries = aid_->GetEntries(0, 8, ended);
  ASSERT_TRUE(entries.ok()) << entries.status();
  // How the logs follow one another is nobody's secret.
  EXPECT_TRUE((*entries)[7].shown);
  EXPECT_TRUE(crypto::ReadLogClosed((*entries)[7].bytes).ok());
  const auto first = aid_->GetEntries(0, 1);
  ASSERT_TRUE(first.ok()) << first.status();
  EXPECT_EQ(crypto::ReadLogOpened((*first)[0].bytes)->closed, opened->checkpoint);
  EXPECT_TRUE(absl::IsInvalidArgument(aid_->GetEntries(8, 1, ended).status()));
  EXPECT_TRUE(absl::IsInvalidArgument(aid_->GetEntries(0, 1, "tax.example/ledger/2031").status()));
}

TEST_F(LedgerServiceTest, WhoRemembersALogThatEndedIsShownHowItGoesOn) {
  AppendSome();
  const crypto::CompactRange before = world_.journal->head().range;
  const std::string first = world_.ledger_log->origin();
  for (int year = 0; year < 2; ++year) {
    world_.clock.Advance(absl::Hours(24 * 366));
    AppendSome();
  }
  const auto head = aid_->GetCheckpoint(first, before.size());
  ASSERT_TRUE(head.ok()) << head.status();
  EXPECT_THAT(head->proof, IsEmpty());
  ASSERT_EQ(head->successions.size(), 2u);
  const auto key_of = [this](const std::string& origin) {
    return LogVerifier(origin, world_.ledger_key->PublicDer());
  };
  const auto shown =
      crypto::OpenCheckpoint(head->note, {world_.ledger_log->verifier()})->checkpoint;
  const auto ends = crypto::VerifySuccession({first, before.size(), before.Root()},
                                             head->successions, shown, key_of);
  ASSERT_TRUE(ends.ok()) << ends.status();
  EXPECT_EQ(ends->size(), 2u);
  EXPECT_FALSE(crypto::VerifySuccession({first, before.size(), crypto::EmptyRoot()},
                                        head->successions, shown, key_of)
                   .ok());
  // Of a size that it never had, there is nothing to show.
  EXPECT_THAT(aid_->GetCheckpoint(first, 1000)->successions, IsEmpty());
}

TEST_F(LedgerServiceTest, APartnersNextLogIsCosignedOnceItIsShownWhatItFollows) {
  aid_log_.GrowTo(9);
  ASSERT_EQ(Add(aid_.get(), aid_log_, 0, 5).code(), 200u);
  SignedLog next("aid.example/ledger/2028", aid_log_.key());
  aid_log_.EndWith(&next);
  next.GrowTo(3);
  const v1::AddCheckpointResponse asked = Add(aid_.get(), next, 0, 3);
  EXPECT_EQ(asked.code(), 409u);
  EXPECT_EQ(asked.remembered(), aid_log_.NoteOf(5));
  const auto shown = aid_->AddCheckpoint({0, {}, next.NoteOf(3), {aid_log_.StepTo(next, 5, 3)}});
  ASSERT_TRUE(shown.ok()) << shown.status();
  EXPECT_EQ(shown->code(), 200u) << shown->says();
  EXPECT_FALSE(shown->cosignature().empty());
}

TEST_F(LedgerServiceTest, BundlesAreNoTiles) {
  AppendSome();
  const auto stub = v1::Ledger::NewStub(server_.Connect(server_.Issue("oig.example")));
  for (const char* path : {"tile/entries/000.p/7", "checkpoint", "tile/0/000", "../x", ""}) {
    v1::GetTileRequest request;
    request.set_path(path);
    v1::GetTileResponse response;
    grpc::ClientContext context;
    EXPECT_EQ(stub->GetTile(&context, request, &response).error_code(),
              grpc::StatusCode::INVALID_ARGUMENT)
        << path;
    EXPECT_TRUE(response.tile().empty());
  }
}

TEST_F(LedgerServiceTest, WhatTheLogNeverHadIsRefused) {
  AppendSome();
  for (const auto& [first, count] : std::vector<std::pair<uint64_t, uint32_t>>{
           {0, 0}, {0, 257}, {6, 2}, {7, 1}, {UINT64_MAX, 1}, {UINT64_MAX - 2, 256}}) {
    EXPECT_TRUE(absl::IsInvalidArgument(aid_->GetEntries(first, count).status()))
        << first << " " << count;
  }
  const std::string& origin = world_.ledger_log->origin();
  EXPECT_TRUE(absl::IsInvalidArgument(aid_->GetConsistency(origin, 3, 9).status()));
  EXPECT_TRUE(absl::IsInvalidArgument(aid_->GetConsistency(origin, 5, 3).status()));
  EXPECT_TRUE(absl::IsInvalidArgument(aid_->GetConsistency("other/ledger/2027", 1, 2).status()));
}

// What an operator does who moves a closed segment while the node runs.
void RemoveSegments(const std::string& folder) {
  std::vector<std::filesystem::path> segments;
  for (int i = 0; i < 1000 && segments.empty(); ++i) {
    absl::SleepFor(absl::Milliseconds(20));
    for (const auto& file : std::filesystem::recursive_directory_iterator(folder)) {
      if (file.path().extension() == ".segment") segments.push_back(file.path());
    }
  }
  ASSERT_THAT(segments, Not(IsEmpty())) << "none was closed";
  // It is taken up once it is there.
  absl::SleepFor(absl::Milliseconds(300));
  for (const auto& segment : segments) std::filesystem::remove(segment);
}

TEST_F(LedgerServiceTest, ASegmentThatIsGoneIsNoSignThatTheLogWasNeverSo) {
  std::vector<std::string> many;
  for (int i = 0; i < 8192; ++i) many.push_back(crypto::ClockAcknowledgedEntry(1, i));
  for (int i = 0; i < 9; ++i) Append(many);
  const std::string& origin = world_.ledger_log->origin();
  ASSERT_TRUE(aid_->GetConsistency(origin, 3, 70000).ok());
  RemoveSegments(world_.folder.Path("tree"));
  const auto consistency = aid_->GetConsistency(origin, 3, 70000);
  EXPECT_TRUE(absl::IsUnavailable(consistency.status())) << consistency.status();
  const auto head = aid_->GetCheckpoint(origin, 3);
  EXPECT_TRUE(absl::IsUnavailable(head.status())) << head.status();
  const auto entries = aid_->GetEntries(3, 1);
  EXPECT_TRUE(absl::IsUnavailable(entries.status())) << entries.status();
  EXPECT_TRUE(absl::IsInvalidArgument(aid_->GetConsistency(origin, 3, 80000).status()));
}

TEST_F(LedgerServiceTest, ASegmentThatIsGoneIsNoSignThatALogDoesNotGoOn) {
  AppendSome();
  const std::string ended = world_.ledger_log->origin();
  world_.clock.Advance(absl::Hours(24 * 366));
  AppendSome();
  ASSERT_EQ(aid_->GetCheckpoint(ended, 3)->successions.size(), 1u);
  RemoveSegments(world_.folder.Path("tree"));
  const auto head = aid_->GetCheckpoint(ended, 3);
  EXPECT_TRUE(absl::IsUnavailable(head.status())) << head.status();
  EXPECT_TRUE(absl::IsUnavailable(aid_->GetEntries(0, 8, ended).status()));
}

TEST_F(LedgerServiceTest, NobodyElseIsShownAnything) {
  AppendSome();
  const auto stranger = ClientOf("stranger.example");
  EXPECT_FALSE(stranger->GetCheckpoint("", 0).ok());
  EXPECT_FALSE(stranger->GetEntries(0, 1).ok());
  EXPECT_FALSE(stranger->ReadTile({0, 0, 7}).ok());
  EXPECT_FALSE(stranger->GetRemembered({aid_log_.origin()}).ok());
  EXPECT_FALSE(stranger->AddCheckpoint({0, {}, aid_log_.NoteOf(0), {}}).ok());
}

TEST_F(LedgerServiceTest, CallsAreWithinThePartnersRate) {
  server_.Configure("", 1);
  int refused = 0;
  for (int i = 0; i < 20; ++i) refused += absl::IsUnavailable(aid_->GetCheckpoint("", 0).status());
  EXPECT_GT(refused, 0);
}

TEST_F(LedgerServiceTest, APartnersOwnLogIsCosignedAsItGrows) {
  aid_log_.GrowTo(9);
  v1::AddCheckpointResponse answer = Add(aid_.get(), aid_log_, 0, 5);
  EXPECT_EQ(answer.code(), 200u) << answer.says();
  answer = Add(aid_.get(), aid_log_, 5, 9);
  ASSERT_EQ(answer.code(), 200u) << answer.says();
  const auto log_key = *LogVerifier(aid_log_.origin(), aid_log_.public_der());
  const crypto::NoteVerifier known[] = {log_key, witness_.verifier()};
  const auto opened = crypto::OpenCheckpoint(aid_log_.NoteOf(9) + answer.cosignature(), known);
  ASSERT_TRUE(opened.ok()) << opened.status();
  EXPECT_EQ(opened->cosigned.size(), 1u);
  EXPECT_THAT(found_, IsEmpty());
}

TEST_F(LedgerServiceTest, ACallersCosignatureIsAwaitedAndCounts) {
  AppendSome();
  const auto head = aid_->GetCheckpoint("", 0);
  ASSERT_TRUE(head.ok()) << head.status();
  EXPECT_TRUE(head->cosign);
  EXPECT_FALSE(ClientOf("loans.example")->GetCheckpoint("", 0)->cosign);
  const std::string text = crypto::ReadNote(head->note)->text;
  const std::string line = aid_witness_.CosignNote(text, 9)->Line();
  const auto refused = aid_->AddCosignature(head->note, witness_.CosignNote(text, 9)->Line());
  EXPECT_EQ(refused->code(), 403u) << refused->says();
  EXPECT_EQ(ClientOf("loans.example")->AddCosignature(head->note, line)->code(), 404u);
  EXPECT_TRUE(aid_->GetCheckpoint("", 0)->cosign);
  const auto counted = aid_->AddCosignature(head->note, line);
  EXPECT_EQ(counted->code(), 200u) << counted->says();
  EXPECT_FALSE(aid_->GetCheckpoint("", 0)->cosign);
  EXPECT_TRUE(behind_.ok());
}

TEST_F(LedgerServiceTest, ACosignedCheckpointBeyondTheLogStopsTheNode) {
  AppendSome();
  SignedLog later(world_.ledger_log->origin(), world_.ledger_key);
  later.GrowTo(20);
  const std::string note = later.NoteOf(20);
  const auto answer =
      aid_->AddCosignature(note, aid_witness_.CosignNote(crypto::ReadNote(note)->text, 9)->Line());
  EXPECT_EQ(answer->code(), 500u);
  ASSERT_TRUE(told_.WaitForNotificationWithTimeout(absl::Seconds(20)));
  EXPECT_TRUE(absl::IsDataLoss(behind_)) << behind_;
}

TEST_F(LedgerServiceTest, WhoeverIsToldThatTheLogIsBehindMayWaitForAllCalls) {
  behind_shuts_down_ = true;
  AppendSome();
  SignedLog later(world_.ledger_log->origin(), world_.ledger_key);
  later.GrowTo(20);
  const std::string note = later.NoteOf(20);
  (void)aid_->AddCosignature(note,
                             aid_witness_.CosignNote(crypto::ReadNote(note)->text, 9)->Line());
  EXPECT_TRUE(told_.WaitForNotificationWithTimeout(absl::Seconds(20)));
}

TEST_F(LedgerServiceTest, OfOnePartner32CallsWaitAndOthersAreTakenBesides) {
  AppendSome();
  worker_.Close();
  SignedLog later(world_.ledger_log->origin(), world_.ledger_key);
  later.GrowTo(20);
  const std::string note = later.NoteOf(20);
  (void)aid_->AddCosignature(note,
                             aid_witness_.CosignNote(crypto::ReadNote(note)->text, 9)->Line());
  struct Call {
    grpc::ClientContext context;
    v1::GetCheckpointRequest request;
    v1::GetCheckpointResponse response;
  };
  std::atomic<int> busy{0}, answered{0};
  std::vector<std::unique_ptr<Call>> calls;
  const auto ask = [&](v1::Ledger::Stub* stub) {
    calls.push_back(std::make_unique<Call>());
    Call* const call = calls.back().get();
    stub->async()->GetCheckpoint(&call->context, &call->request, &call->response,
                                 [&](const grpc::Status& status) {
                                   busy += status.error_code() == grpc::StatusCode::UNAVAILABLE;
                                   answered += status.ok();
                                 });
  };
  const auto await = [](const std::atomic<int>& count, int wanted) {
    for (int i = 0; i < 20000 && count < wanted; ++i) {
      std::this_thread::sleep_for(std::chrono::milliseconds(1));
    }
    EXPECT_EQ(count, wanted);
  };
  const auto aid = v1::Ledger::NewStub(server_.Connect(server_.partner));
  const auto loans = v1::Ledger::NewStub(server_.Connect(server_.Issue("loans.example")));
  for (int i = 0; i < 40; ++i) ask(aid.get());
  await(busy, 8);
  for (int i = 0; i < 5; ++i) ask(loans.get());
  worker_.Open();
  await(answered, 37);
  EXPECT_EQ(busy, 8);
}

TEST_F(LedgerServiceTest, ALogThatWasPutBackIsShownWhatIsRemembered) {
  aid_log_.GrowTo(9);
  ASSERT_EQ(Add(aid_.get(), aid_log_, 0, 9).code(), 200u);
  const v1::AddCheckpointResponse answer = Add(aid_.get(), aid_log_, 0, 5);
  EXPECT_EQ(answer.code(), 409u);
  EXPECT_EQ(answer.known_size(), 9u);
  EXPECT_EQ(answer.remembered(), aid_log_.NoteOf(9));
}

TEST_F(LedgerServiceTest, TwoRootsForOneSizeAreEvidence) {
  aid_log_.GrowTo(9);
  ASSERT_EQ(Add(aid_.get(), aid_log_, 0, 9).code(), 200u);
  SignedLog other(aid_log_.origin(), aid_log_.key());
  other.GrowTo(9, " rewritten");
  const v1::AddCheckpointResponse answer = Add(aid_.get(), other, 0, 9);
  EXPECT_EQ(answer.code(), 409u);
  EXPECT_THAT(answer.says(), HasSubstr("two different roots"));
  EXPECT_EQ(partner_logs_->evidence(), 1u);
  EXPECT_EQ(found_, std::vector<std::string>{"aid.example"});
}

TEST_F(LedgerServiceTest, NobodyHandsInAnothersLog) {
  aid_log_.GrowTo(3);
  EXPECT_EQ(Add(ClientOf("loans.example").get(), aid_log_, 0, 3).code(), 404u);
  SignedLog loans("loans.example/ledger/2027");
  loans.GrowTo(3);
  EXPECT_EQ(Add(ClientOf("loans.example").get(), loans, 0, 3).code(), 404u) << "its key is unknown";
  SignedLog forged(aid_log_.origin());
  forged.GrowTo(3);
  EXPECT_EQ(Add(aid_.get(), forged, 0, 3).code(), 403u);
}

TEST_F(LedgerServiceTest, WhatIsRememberedIsToldToOtherPartners) {
  aid_log_.GrowTo(4);
  ASSERT_EQ(Add(aid_.get(), aid_log_, 0, 4).code(), 200u);
  const std::vector<std::string> origins = {aid_log_.origin(), "nobody.example/ledger/2027"};
  const auto notes = ClientOf("loans.example")->GetRemembered(origins);
  ASSERT_TRUE(notes.ok()) << notes.status();
  EXPECT_EQ(*notes, std::vector<std::string>{aid_log_.NoteOf(4)});
  EXPECT_FALSE(aid_->GetRemembered(std::vector<std::string>(65, aid_log_.origin())).ok());
}

}  // namespace
}  // namespace vouch::server
