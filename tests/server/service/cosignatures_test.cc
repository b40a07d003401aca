// Whose cosignatures of a node's log count, and who gets no answers for want of them.
#include "server/cosignatures.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <atomic>
#include <chrono>
#include <fstream>
#include <future>
#include <thread>

#include "crypto/receipt.h"
#include "server/node/folders.h"
#include "server/node/witness_key.h"
#include "tests/harness/process.h"
#include "tests/server/service/partner_server.h"
#include "tests/server/service/signed_log.h"
#include "tests/server/walk/world.h"

namespace vouch::server {
namespace {

using ::testing::HasSubstr;
using ::testing::IsEmpty;

constexpr char kAid[] = "aid.example";

crypto::NoteSigner NewWitness(const std::string& agency = kAid) {
  return *crypto::NoteSigner::MakeCosigner(
      agency, std::make_shared<const crypto::SigningKey>(
                  crypto::SigningKey::Generate(crypto::KeyKind::kEd25519)));
}

class CosignaturesTest : public ::testing::Test {
 protected:
  CosignaturesTest() { Open(absl::Minutes(15), 100); }

  // As after a restart.
  void Open(absl::Duration longest, uint64_t most) { Open(longest, most, witness_); }
  void Open(absl::Duration longest, uint64_t most, const crypto::NoteSigner& witness) {
    Cosignatures::Options options;
    options.folder = world_.folder.Path("cosigned");
    options.log = world_.ledger_log.get();
    options.own = &own_;
    options.public_der = world_.ledger_key->PublicDer();
    options.longest_lag = longest;
    options.most_entries = most;
    all_ = std::make_unique<Cosignatures>(std::move(options));
    SetKey(witness);
  }
  void SetKey(const crypto::NoteSigner& witness) {
    const absl::Status set = all_->SetWitnesses({{kAid, witness.verifier()}}, world_.clock.Now());
    ASSERT_TRUE(set.ok()) << set;
  }
  void Grow(int entries) {
    const uint32_t minute = static_cast<uint32_t>(absl::ToUnixSeconds(world_.clock.Now()) / 60);
    for (int i = 0; i < entries; ++i) {
      ASSERT_TRUE(
          world_.journal
              ->Append({crypto::CountedRefusalsEntry(minute, kAid, 3, 1)}, world_.clock.Now())
              .ok());
    }
  }
  std::string Head() { return *world_.ledger_log->Checkpoint()->note; }
  static std::string CosignedBy(const crypto::NoteSigner& witness, const std::string& note) {
    return witness.CosignNote(crypto::ReadNote(note)->text, 1)->Line();
  }
  absl::Status TakeHead() {
    const std::string note = Head();
    return all_->Take(kAid, note, CosignedBy(witness_, note), world_.clock.Now());
  }
  Cosignatures::Standing Look() { return all_->Look(world_.clock.Now()).at(0); }
  bool Refused() {
    Look();
    return all_->Judge(kAid).has_value();
  }

  World world_;
  const crypto::NoteSigner witness_ = NewWitness();
  OwnCheckpoints own_{world_.ledger_log.get(), world_.ledger_key->PublicDer(),
                      world_.folder.Path("own.cosigned")};
  std::unique_ptr<Cosignatures> all_;
};

TEST_F(CosignaturesTest, AreKeptWhenTheyVerify) {
  Grow(3);
  EXPECT_TRUE(all_->Wants(kAid));
  const absl::Status taken = TakeHead();
  ASSERT_TRUE(taken.ok()) << taken;
  EXPECT_EQ(Look().cosigned, 3u);
  EXPECT_EQ(Look().behind, 0u);
  EXPECT_FALSE(all_->Wants(kAid));
  EXPECT_FALSE(all_->Wants("loans.example"));
}

TEST_F(CosignaturesTest, OfAnotherKeyUnderTheSameNameDoNotCount) {
  Grow(3);
  const std::string note = Head();
  const absl::Status taken =
      all_->Take(kAid, note, CosignedBy(NewWitness(), note), world_.clock.Now());
  EXPECT_TRUE(absl::IsPermissionDenied(taken)) << taken;
  EXPECT_EQ(Look().cosigned, 0u);
}

TEST_F(CosignaturesTest, OfAnotherCheckpointDoNotCount) {
  Grow(3);
  const std::string line = CosignedBy(witness_, Head());
  Grow(1);
  EXPECT_TRUE(absl::IsPermissionDenied(all_->Take(kAid, Head(), line, world_.clock.Now())));
  EXPECT_TRUE(absl::IsPermissionDenied(all_->Take(kAid, Head(), "", world_.clock.Now())));
  EXPECT_TRUE(absl::IsPermissionDenied(all_->Take(kAid, "no note", line, world_.clock.Now())));
  EXPECT_EQ(Look().cosigned, 0u);
}

TEST_F(CosignaturesTest, OfWhoHasNoKeyHereDoNotCount) {
  Grow(3);
  const std::string note = Head();
  EXPECT_TRUE(absl::IsNotFound(
      all_->Take("loans.example", note, CosignedBy(witness_, note), world_.clock.Now())));
}

TEST_F(CosignaturesTest, OfACheckpointThatTheLogDoesNotLeadToShowThatItWasPutBack) {
  Grow(3);
  SignedLog later(world_.ledger_log->origin(), world_.ledger_key);
  later.GrowTo(5);
  const std::string note = later.NoteOf(5);
  EXPECT_TRUE(
      absl::IsDataLoss(all_->Take(kAid, note, CosignedBy(witness_, note), world_.clock.Now())));
}

TEST_F(CosignaturesTest, ThatAreMissingForTooLongEndAnswersUntilTheyCome) {
  Grow(3);
  ASSERT_TRUE(TakeHead().ok());
  world_.clock.Advance(absl::Hours(48));
  EXPECT_FALSE(Refused()) << "nothing was entered meanwhile";
  Grow(1);
  EXPECT_FALSE(Refused());
  world_.clock.Advance(absl::Minutes(14));
  EXPECT_FALSE(Refused());
  world_.clock.Advance(absl::Minutes(3));
  EXPECT_TRUE(Refused());
  const absl::optional<policies::Refusal> refusal = all_->Judge(kAid);
  ASSERT_TRUE(refusal.has_value());
  EXPECT_EQ(refusal->reason, policies::Reason::kLedgerUnavailable);
  EXPECT_GT(refusal->retry_after, absl::ZeroDuration());
  EXPECT_FALSE(all_->Judge("loans.example").has_value());
  EXPECT_THAT(Look().says,
              HasSubstr("no cosignature of aid.example covers what was entered since"));
  ASSERT_TRUE(TakeHead().ok());
  EXPECT_FALSE(all_->Judge(kAid).has_value()) << "at once";
}

TEST_F(CosignaturesTest, ThatAreMissingForTooManyEntriesEndAnswers) {
  Grow(3);
  ASSERT_TRUE(TakeHead().ok());
  Grow(20);
  EXPECT_FALSE(Refused());
  EXPECT_FALSE(all_->Hurries());
  Grow(20);
  EXPECT_FALSE(Refused());
  EXPECT_TRUE(all_->Hurries());
  Grow(61);
  EXPECT_TRUE(Refused());
}

TEST_F(CosignaturesTest, CountFromWhereTheLogStoodWhenTheKeyWasGiven) {
  Grow(300);
  // A partner whose key was given only now.
  std::filesystem::remove_all(world_.folder.Path("cosigned"));
  Open(absl::Minutes(15), 100);
  world_.clock.Advance(absl::Hours(1));
  EXPECT_FALSE(Refused());
  Grow(101);
  EXPECT_TRUE(Refused());
}

TEST_F(CosignaturesTest, AreRememberedOverARestart) {
  Grow(3);
  ASSERT_TRUE(TakeHead().ok());
  Grow(100);
  Open(absl::Minutes(15), 100);
  EXPECT_EQ(Look().cosigned, 3u);
  EXPECT_FALSE(Refused());
  Grow(1);
  Open(absl::Minutes(15), 100);
  EXPECT_TRUE(Refused());
}

TEST_F(CosignaturesTest, ThatAreMissingAreNotForgottenByARestart) {
  Grow(3);
  world_.clock.Advance(absl::Minutes(17));
  EXPECT_TRUE(Refused());
  Open(absl::Minutes(15), 100);
  EXPECT_TRUE(all_->Judge(kAid).has_value());
  ASSERT_TRUE(TakeHead().ok());
  EXPECT_FALSE(Refused());
  Open(absl::Minutes(15), 100);
  EXPECT_FALSE(Refused());
}

TEST_F(CosignaturesTest, OfWhichNothingCanBeReadAreMissing) {
  Grow(3);
  world_.clock.Advance(absl::Minutes(17));
  ASSERT_TRUE(Refused());
  std::ofstream(world_.folder.Path("cosigned/aid.example"), std::ios::trunc) << "damaged";
  Cosignatures::Options options;
  options.folder = world_.folder.Path("cosigned");
  options.log = world_.ledger_log.get();
  options.own = &own_;
  options.public_der = world_.ledger_key->PublicDer();
  options.longest_lag = absl::Minutes(15);
  all_ = std::make_unique<Cosignatures>(std::move(options));
  const absl::Status damaged =
      all_->SetWitnesses({{kAid, witness_.verifier()}}, world_.clock.Now());
  EXPECT_TRUE(absl::IsDataLoss(damaged)) << damaged;
  EXPECT_THAT(damaged.message(), HasSubstr("aid.example is refused until it cosigns"));
  EXPECT_TRUE(Refused());
  EXPECT_EQ(Look().behind, 3u);
  Open(absl::Minutes(15), 100);
  EXPECT_TRUE(Refused()) << "a restart forgets it no more than any other";
  ASSERT_TRUE(TakeHead().ok());
  EXPECT_FALSE(Refused());
}

TEST_F(CosignaturesTest, TheTimeInWhichTheNodeStoodStillDoesNotCount) {
  Grow(3);
  world_.clock.Advance(absl::Hours(30));
  Open(absl::Minutes(15), 100);
  EXPECT_FALSE(Refused());
  world_.clock.Advance(absl::Minutes(16));
  EXPECT_TRUE(Refused());
}

TEST_F(CosignaturesTest, AreNotWaitedForWhereNothingBoundsThem) {
  Open(absl::ZeroDuration(), 0);
  Grow(300);
  world_.clock.Advance(absl::Hours(30));
  EXPECT_FALSE(Refused());
  EXPECT_EQ(Look().behind, 300u);
}

TEST_F(CosignaturesTest, WhoeverWasRefusedIsAnsweredOnceNothingBoundsThem) {
  Grow(3);
  world_.clock.Advance(absl::Minutes(17));
  EXPECT_TRUE(Refused());
  Open(absl::ZeroDuration(), 0);
  EXPECT_FALSE(Refused());
}

TEST_F(CosignaturesTest, OfLastYearsLogSayNothingOfThisYears) {
  Grow(3);
  ASSERT_TRUE(TakeHead().ok());
  const std::string last_year = Head();
  world_.clock.Set(absl::FromUnixSeconds(1830297600 + 3600));  // 2028-01-01
  Grow(2);
  EXPECT_TRUE(all_->Wants(kAid));
  EXPECT_EQ(Look().behind, 3u) << "its first entry, and these two";
  EXPECT_EQ(Look().cosigned, 0u);
  EXPECT_TRUE(
      all_->Take(kAid, last_year, CosignedBy(witness_, last_year), world_.clock.Now()).ok());
  EXPECT_EQ(Look().behind, 3u);
  world_.clock.Advance(absl::Minutes(17));
  EXPECT_TRUE(Refused());
  ASSERT_TRUE(TakeHead().ok());
  EXPECT_FALSE(Refused());
  EXPECT_EQ(Look().cosigned, 3u);
}

TEST_F(CosignaturesTest, BeginAnewUnderAnotherKey) {
  Grow(3);
  ASSERT_TRUE(TakeHead().ok());
  const crypto::NoteSigner other = NewWitness();
  SetKey(other);
  EXPECT_EQ(Look().cosigned, 0u);
  EXPECT_TRUE(all_->Wants(kAid));
  const std::string note = Head();
  EXPECT_TRUE(all_->Take(kAid, note, CosignedBy(other, note), world_.clock.Now()).ok());
}

TEST_F(CosignaturesTest, OfAnotherKeyCountFromWhereTheOneBeforeEnded) {
  const crypto::NoteSigner second = NewWitness(), third = NewWitness();
  Grow(3);
  ASSERT_TRUE(TakeHead().ok());
  Grow(2);
  Open(absl::Minutes(15), 100, second);
  EXPECT_EQ(Look().behind, 2u);
  EXPECT_FALSE(Refused());
  Grow(99);
  EXPECT_TRUE(Refused());
  // Whoever was refused stays so, with the node running and over a start.
  SetKey(third);
  EXPECT_TRUE(Refused());
  EXPECT_EQ(Look().behind, 101u);
  Open(absl::Minutes(15), 1000, second);
  EXPECT_TRUE(Refused());
  const std::string note = Head();
  ASSERT_TRUE(all_->Take(kAid, note, CosignedBy(second, note), world_.clock.Now()).ok());
  EXPECT_FALSE(Refused());
}

TEST_F(CosignaturesTest, AreLateAlsoByAClockThatWasSetBack) {
  Grow(3);
  ASSERT_TRUE(TakeHead().ok());
  world_.clock.Advance(absl::Hours(10));
  Grow(1);
  EXPECT_FALSE(Refused());
  world_.clock.Advance(absl::Hours(-10));
  EXPECT_FALSE(Refused());
  world_.clock.Advance(absl::Minutes(16));
  EXPECT_TRUE(Refused());
  world_.clock.Advance(absl::Hours(-10));
  EXPECT_TRUE(Refused()) << "until it cosigns";
  ASSERT_TRUE(TakeHead().ok());
  EXPECT_FALSE(Refused());
}

TEST_F(CosignaturesTest, UnderAKeyThatCannotBeReadAreBoundAsBefore) {
  Grow(3);
  ASSERT_TRUE(TakeHead().ok());
  Grow(101);
  const std::set<std::string> unreadable = {kAid, "loans.example"};
  ASSERT_TRUE(all_->SetWitnesses({}, world_.clock.Now(), unreadable).ok());
  EXPECT_TRUE(all_->Judge(kAid).has_value()) << "for what waits, under the key from before";
  ASSERT_TRUE(TakeHead().ok());
  EXPECT_FALSE(all_->Judge(kAid).has_value());
  // Whose key was never read.
  ASSERT_TRUE(all_->Judge("loans.example").has_value());
  EXPECT_THAT(all_->Judge("loans.example")->message, HasSubstr("cannot read your node's witness"));
  const auto standings = all_->Look(world_.clock.Now());
  ASSERT_EQ(standings.size(), 2u);
  EXPECT_TRUE(standings[1].refused);
  EXPECT_THAT(standings[1].says, HasSubstr("its witness key cannot be read"));
  SetKey(witness_);
  EXPECT_FALSE(all_->Judge("loans.example").has_value()) << "it has no witness_key any more";
  Open(absl::ZeroDuration(), 0);
  ASSERT_TRUE(all_->SetWitnesses({}, world_.clock.Now(), unreadable).ok());
  EXPECT_FALSE(all_->Judge("loans.example").has_value()) << "nothing bounds anybody";
}

TEST_F(CosignaturesTest, KeepNoSignaturesBesideTheLogsAndThePartners) {
  Grow(3);
  const std::string note = Head();
  const std::string junk = CosignedBy(NewWitness("loans.example"), note);
  ASSERT_TRUE(all_->Take(kAid, note + junk, CosignedBy(witness_, note), world_.clock.Now()).ok());
  EXPECT_THAT(*node::ReadText(world_.folder.Path("cosigned/aid.example")),
              ::testing::Not(HasSubstr("loans.example")));
}

// Reads entries when it is let.
class HeldJournal final : public journal::Journal {
 public:
  explicit HeldJournal(std::unique_ptr<journal::Journal> inner) : inner_(std::move(inner)) {}

  absl::StatusOr<journal::Committed> Commit(absl::Span<const journal::Proposal> proposals,
                                            absl::Time now, journal::CommitSteps* steps) override {
    return inner_->Commit(proposals, now, steps);
  }
  absl::Status Append(absl::Span<const std::string> entries, absl::Time now) override {
    return inner_->Append(entries, now);
  }
  absl::Status ChargeEvaluations(const journal::RowKey& row, const policies::CountLimit& limit,
                                 const journal::RowKey& key_row, uint64_t key_cap, uint32_t count,
                                 absl::Time now, uint32_t agreement_begins) override {
    return inner_->ChargeEvaluations(row, limit, key_row, key_cap, count, now, agreement_begins);
  }
  absl::StatusOr<journal::StoredItem> Read(const journal::Location& where) const override {
    return inner_->Read(where);
  }
  absl::StatusOr<std::vector<std::string>> ReadEntries(uint64_t first,
                                                       uint32_t count) const override {
    ++reading;
    hold.Pass();
    return inner_->ReadEntries(first, count);
  }
  absl::StatusOr<uint64_t> Prune(uint64_t below) override { return inner_->Prune(below); }
  journal::Head head() const override { return inner_->head(); }
  std::vector<journal::LogSpan> logs() const override { return inner_->logs(); }
  void SetWatcher(journal::CommitWatcher watcher) override {
    inner_->SetWatcher(std::move(watcher));
  }
  std::vector<Adoption> adoptions() const override { return inner_->adoptions(); }
  absl::Status Adopt(const Adoption& adoption, const std::string& entry, absl::Time now) override {
    return inner_->Adopt(adoption, entry, now);
  }
  Figures figures() const override { return inner_->figures(); }

  mutable Hold hold;
  mutable std::atomic<int> reading{0};

 private:
  const std::unique_ptr<journal::Journal> inner_;
};

TEST(CosignaturesOnASlowDiskTest, JudgeNobodySlowly) {
  const vouch::tests::TemporaryFolder folder;
  const absl::Time now = absl::FromUnixSeconds(1795219200);
  journal::JournalOptions journal_options;
  journal_options.folder = folder.Path("journal");
  journal_options.origin = "tax.example/ledger/2026";
  HeldJournal journal(*journal::OpenFileJournal(journal_options));
  const auto grow = [&](int entries) {
    for (int i = 0; i < entries; ++i) {
      ASSERT_TRUE(journal.Append({crypto::CountedRefusalsEntry(1, kAid, 3, 1)}, now).ok());
    }
  };
  LedgerLogOptions log_options;
  log_options.folder = folder.Path("tree");
  log_options.key = std::make_shared<const crypto::SigningKey>(
      crypto::SigningKey::Generate(crypto::KeyKind::kEd25519));
  log_options.journal = &journal;
  const std::string public_der = log_options.key->PublicDer();
  const auto log = *LedgerLog::Open(std::move(log_options));
  const OwnCheckpoints own(log.get(), public_der, folder.Path("own.cosigned"));
  Cosignatures::Options options;
  options.folder = folder.Path("cosigned");
  options.log = log.get();
  options.own = &own;
  options.public_der = public_der;
  options.most_entries = 5;
  Cosignatures all(std::move(options));
  const crypto::NoteSigner aid = NewWitness(), loans = NewWitness("loans.example");
  ASSERT_TRUE(all.SetWitnesses({{kAid, aid.verifier()}}, now).ok());
  grow(6);
  all.Look(now);
  ASSERT_TRUE(all.Judge(kAid).has_value());
  // The entry since which loans.example lags is read.
  ASSERT_TRUE(
      all.SetWitnesses({{kAid, aid.verifier()}, {"loans.example", loans.verifier()}}, now).ok());
  grow(1);
  const int before = journal.reading;
  journal.hold.Close();
  std::thread look([&] { all.Look(now); });
  while (journal.reading == before) std::this_thread::sleep_for(std::chrono::milliseconds(1));
  auto judged = std::async(std::launch::async, [&] { return all.Judge(kAid).has_value(); });
  EXPECT_EQ(judged.wait_for(std::chrono::seconds(5)), std::future_status::ready);
  journal.hold.Open();
  look.join();
  EXPECT_TRUE(judged.get());
}

TEST(WitnessKeyTest, IsOneLineOfThatAgencysWitness) {
  const crypto::NoteSigner witness = NewWitness();
  const std::string line = witness.verifier().ToString();
  EXPECT_TRUE(node::ReadWitnessKey(line + "\n", kAid).ok());
  EXPECT_THAT(std::string(node::ReadWitnessKey(line, "loans.example").status().message()),
              HasSubstr("the witness key of aid.example"));
  const auto log =
      *crypto::NoteSigner::Make(kAid, std::make_shared<const crypto::SigningKey>(
                                          crypto::SigningKey::Generate(crypto::KeyKind::kEd25519)));
  EXPECT_THAT(std::string(node::ReadWitnessKey(log.verifier().ToString(), kAid).status().message()),
              HasSubstr("signs a log's own checkpoints"));
  EXPECT_FALSE(node::ReadWitnessKey(line + "\n" + line, kAid).ok());
  EXPECT_FALSE(node::ReadWitnessKey("", kAid).ok());
}

}  // namespace
}  // namespace vouch::server
