#include "server/records/snapshot.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <functional>
#include <thread>

#include "tests/server/records/loaded_folder.h"

namespace vouch::server::records {
namespace {

const Person kAda{"1", "900-12-3001", "1990-02-03", "Ada", "Lovelace", "100.00", ""};
const Person kBob{"2", "900-12-3002", "1985-07-09", "Bob", "Stone", "200.00", ""};
const Person kCyd{"3", "900-12-3003", "2001-12-31", "Cyd", "Stone", "", ""};

// One person's attributes with another's number, and the like.
Person Mixed(const Person& number, const Person& rest) {
  Person mixed = rest;
  mixed.number = number.number;
  return mixed;
}

class SnapshotTest : public testing::Test {
 protected:
  void LoadThree() {
    ASSERT_TRUE(loaded_.Load({kAda, kBob, kCyd}).ok());
    snapshot_ = loaded_.Snapshot();
    ASSERT_NE(snapshot_, nullptr);
  }
  Resolved Resolve(const Person& person, uint32_t despite_mismatch = 0) {
    return loaded_.Resolve(*snapshot_, person, despite_mismatch);
  }
  LoadedFolder loaded_;
  std::shared_ptr<const FileSnapshot> snapshot_;
};

TEST_F(SnapshotTest, FindsOneByAllKeys) {
  LoadThree();
  const Resolved found = Resolve(kAda);
  EXPECT_EQ(found.match(), Match::kOne);
  EXPECT_EQ(found.matching_key(), 0);
  EXPECT_EQ(found.person(), loaded_.Handle("1"));
  EXPECT_EQ(IncomeOf(found), 10000);
  ASSERT_EQ(found.by_key().size(), 3u);
  for (const KeyFinding& key : found.by_key()) {
    EXPECT_EQ(key.kind, KeyFinding::Kind::kOne);
    EXPECT_EQ(key.person, loaded_.Handle("1"));
  }
}

TEST_F(SnapshotTest, FindsNobodyWhoIsUnknown) {
  LoadThree();
  const Person unknown{"", "900-12-3999", "1970-01-01", "Eve", "Moss", "", ""};
  const Resolved found = Resolve(unknown);
  EXPECT_EQ(found.match(), Match::kNone);
  EXPECT_EQ(found.matching_key(), -1);
  for (const KeyFinding& key : found.by_key()) EXPECT_EQ(key.kind, KeyFinding::Kind::kNothing);
  EXPECT_NE(found.person(), loaded_.Handle("1"));
  EXPECT_NE(found.by_key()[0].person, found.by_key()[1].person);
}

TEST_F(SnapshotTest, AMissIsTheSamePseudoPersonEachTime) {
  LoadThree();
  const Person unknown{"", "900-12-3999", "1970-01-01", "Eve", "Moss", "", ""};
  EXPECT_EQ(Resolve(unknown).person(), Resolve(unknown).person());
}

TEST_F(SnapshotTest, KeysOfTwoPeopleAreSeveral) {
  LoadThree();
  const Resolved found = Resolve(Mixed(kBob, kAda));
  EXPECT_EQ(found.match(), Match::kSeveral);
  EXPECT_EQ(found.by_key()[0].person, loaded_.Handle("2"));
  EXPECT_EQ(found.by_key()[1].kind, KeyFinding::Kind::kNothing);
  EXPECT_EQ(found.by_key()[2].person, loaded_.Handle("1"));
}

TEST_F(SnapshotTest, ATokenOfTwoPeopleIsSeveralEvenIfAnotherKeyFindsOne) {
  Person twin = kAda;
  twin.id = "9";
  twin.number = "900-12-3009";
  ASSERT_TRUE(loaded_.Load({kAda, twin, kBob}).ok());
  snapshot_ = loaded_.Snapshot();
  const Resolved found = Resolve(kAda);
  EXPECT_EQ(found.match(), Match::kSeveral);
  EXPECT_EQ(found.by_key()[0].kind, KeyFinding::Kind::kOne);
  EXPECT_EQ(found.by_key()[2].kind, KeyFinding::Kind::kSeveral);
}

TEST_F(SnapshotTest, PeopleOfOneHouseholdWhoShareANumberAreSeveralByItAlone) {
  Person spouse = kBob;
  spouse.number = kAda.number;
  ASSERT_TRUE(loaded_.Load({kAda, spouse}).ok());
  snapshot_ = loaded_.Snapshot();
  EXPECT_EQ(Resolve(kAda).match(), Match::kSeveral);
  Person without_number = kAda;
  without_number.number.clear();
  const Resolved found = Resolve(without_number);
  EXPECT_EQ(found.match(), Match::kOne);
  EXPECT_EQ(found.matching_key(), 2);
}

TEST_F(SnapshotTest, AnEarlierKeyThatMissesIsAMismatch) {
  LoadThree();
  Person mistyped = kAda;
  mistyped.number = "900-12-3888";
  const Resolved found = Resolve(mistyped);
  EXPECT_EQ(found.match(), Match::kMismatch);
  EXPECT_EQ(found.matching_key(), 2);
  EXPECT_EQ(found.person(), loaded_.Handle("1"));
}

TEST_F(SnapshotTest, AMismatchIsAllowedOnlyByTheWinningKey) {
  LoadThree();
  Person mistyped = kAda;
  mistyped.number = "900-12-3888";
  EXPECT_EQ(Resolve(mistyped, 1u << 2).match(), Match::kOne);
  EXPECT_EQ(Resolve(mistyped, 1u << 0 | 1u << 1).match(), Match::kMismatch);
}

TEST_F(SnapshotTest, AnEarlierKeyThatWasNotSentIsNoMismatch) {
  LoadThree();
  Person without_number = kAda;
  without_number.number.clear();
  const Resolved found = Resolve(without_number);
  EXPECT_EQ(found.match(), Match::kOne);
  EXPECT_EQ(found.matching_key(), 2);
  EXPECT_EQ(IncomeOf(found), 10000);
}

TEST_F(SnapshotTest, AnEarlierKeyThatTheRecordCannotFormIsNoMismatch) {
  Person recorded = kAda;
  recorded.number.clear();
  ASSERT_TRUE(loaded_.Load({recorded, kBob}).ok());
  snapshot_ = loaded_.Snapshot();
  const Resolved found = Resolve(kAda);
  EXPECT_EQ(found.match(), Match::kOne);
  EXPECT_EQ(found.matching_key(), 2);
}

TEST_F(SnapshotTest, ALaterKeyThatMissesIsNoMismatch) {
  LoadThree();
  Person renamed = kAda;
  renamed.family = "King";
  const Resolved found = Resolve(renamed);
  EXPECT_EQ(found.match(), Match::kOne);
  EXPECT_EQ(found.matching_key(), 0);
}

TEST_F(SnapshotTest, FindsSomebodyByAFormerName) {
  Person ada = kAda;
  ada.other_family = "Byron";
  ASSERT_TRUE(loaded_.Load({ada, kBob}).ok());
  snapshot_ = loaded_.Snapshot();
  Person by_former = kAda;
  by_former.family = "Byron";
  by_former.number.clear();
  EXPECT_EQ(Resolve(by_former).person(), loaded_.Handle("1"));
}

TEST_F(SnapshotTest, ZeroTokensFindNothing) {
  LoadThree();
  const std::vector<crypto::Token> zero(3, crypto::kZeroToken);
  const Resolved found = snapshot_->ResolveTokens(LoadedFolder::kAgreement, 1, 0, zero);
  EXPECT_EQ(found.match(), Match::kNone);
}

TEST_F(SnapshotTest, AZeroTokenLooksUpAValueThatTheOtherTokensChoose) {
  LoadThree();
  Person first = kAda, second = kBob;
  first.number.clear();
  second.number.clear();
  EXPECT_NE(Resolve(first).by_key()[0].person, Resolve(second).by_key()[0].person);
}

TEST_F(SnapshotTest, DoesTheSameWorkForKnownAndUnknownPeople) {
  LoadThree();
  const std::vector<Person> asked = {
      kAda,
      kCyd,
      Mixed(kBob, kAda),
      Person{"", "", "1990-02-03", "Ada", "Lovelace", "", ""},
      Person{"", "900-12-3999", "1970-01-01", "Eve", "Moss", "", ""},
      Person{"", "900-12-3888", "1990-02-03", "Ada", "Lovelace", "", ""}};
  for (const Person& person : asked) {
    const WorkCounters before = snapshot_->work();
    Resolve(person);
    const WorkCounters after = snapshot_->work();
    EXPECT_EQ(after.index_lookups - before.index_lookups, 3u);
    EXPECT_EQ(after.overlay_lookups - before.overlay_lookups, 3u);
    EXPECT_EQ(after.facts_reads - before.facts_reads, 1u);
    EXPECT_EQ(after.hold_checks - before.hold_checks, 1u);
  }
}

TEST_F(SnapshotTest, IsReadyOnlyForAgreementsAndEpochsWithAnIndex) {
  LoadThree();
  EXPECT_TRUE(loaded_.Ready(*snapshot_, 1));
  EXPECT_FALSE(loaded_.Ready(*snapshot_, 2));
  policies::Agreement other = loaded_.Agreement();
  other.id = "other";
  EXPECT_FALSE(snapshot_->Ready(other, loaded_.Statement()));
}

TEST_F(SnapshotTest, IsNotReadyForWhatItsIndexWasNotMadeOf) {
  LoadThree();
  struct Case {
    const char* what;
    std::function<void(policies::Agreement*, crypto::EpochStatement*)> change;
  };
  const Case cases[] = {
      {"a key less", [](auto* agreement, auto*) { agreement->match.pop_back(); }},
      {"a key more",
       [](auto* agreement, auto*) { agreement->match.push_back(agreement->match[0]); }},
      {"another order of keys",
       [](auto* agreement, auto*) { std::swap(agreement->match[0], agreement->match[1]); }},
      {"another part",
       [](auto* agreement, auto*) { agreement->match[2].parts[0] = "soundex:family_name"; }},
      {"another order of parts",
       [](auto* agreement, auto*) {
         std::swap(agreement->match[2].parts[0], agreement->match[2].parts[1]);
       }},
      {"other spelling rules", [](auto* agreement, auto*) { agreement->spelling_rules = "nac/1"; }},
      {"the other use", [](auto* agreement, auto*) { agreement->use = policies::Use::kLive; }},
      {"the other kind of token",
       [](auto* agreement, auto*) { agreement->token_kind = policies::TokenKind::kBlind; }},
      {"the other kind of key",
       [](auto* agreement, auto* epoch) {
         agreement->token_kind = policies::TokenKind::kBlind;
         epoch->kind = crypto::TokenKind::kBlind;
       }},
      {"another asker", [](auto*, auto* epoch) { epoch->asker = "other.example"; }},
      {"another key", [](auto*, auto* epoch) { epoch->public_key[0] = 'j'; }},
  };
  ASSERT_TRUE(snapshot_->Ready(loaded_.Agreement(), loaded_.Statement()));
  for (const Case& one : cases) {
    policies::Agreement agreement = loaded_.Agreement();
    crypto::EpochStatement epoch = loaded_.Statement();
    one.change(&agreement, &epoch);
    EXPECT_FALSE(snapshot_->Ready(agreement, epoch)) << one.what;
  }
  // What does not go into tokens makes no difference.
  policies::Agreement agreement = loaded_.Agreement();
  agreement.revision = 7;
  agreement.match[2].despite_mismatch = policies::DespiteMismatch::kAllow;
  EXPECT_TRUE(snapshot_->Ready(agreement, loaded_.Statement()));
}

TEST_F(SnapshotTest, SaysWhatTheDataAre) {
  LoadThree();
  EXPECT_EQ(snapshot_->people(), 3u);
  EXPECT_EQ(snapshot_->data_as_of(), absl::CivilDay(2026, 11, 20));
  EXPECT_EQ(snapshot_->loaded_at(), absl::FromUnixSeconds(1800000000));
}

TEST_F(SnapshotTest, TokensOfOneEpochFindNobodyInAnother) {
  LoadThree();
  EXPECT_EQ(
      snapshot_->ResolveTokens(LoadedFolder::kAgreement, 1, 0, loaded_.TokensOf(kAda, 2)).match(),
      Match::kNone);
}

TEST_F(SnapshotTest, WhatTheIndexHoldsCannotBePresented) {
  LoadThree();
  const std::string index =
      ReadWhole(loaded_.folder() + "/" + snapshot_->manifest().indexes[0].file);
  for (const crypto::Token& token : loaded_.TokensOf(kAda)) {
    const std::string bytes(token.begin(), token.end());
    EXPECT_EQ(index.find(bytes.substr(0, 14)), std::string::npos);
    // A thief who pads what the index holds to a token finds nobody.
    const IndexHasher hasher(*ReadIndexKey(loaded_.keys()), LoadedFolder::kAgreement, 1);
    const crypto::Digest stolen = hasher.Hash(0, token);
    const std::vector<crypto::Token> presented = {stolen, stolen, stolen};
    EXPECT_EQ(snapshot_->ResolveTokens(LoadedFolder::kAgreement, 1, 0, presented).match(),
              Match::kNone);
  }
}

TEST_F(SnapshotTest, IsNotMadeOfFilesThatASwapRemovesMeanwhile) {
  LoadThree();
  Manifest next = snapshot_->manifest();
  const std::string overlay = loaded_.folder() + "/" + next.overlay_file;
  // Whoever opens it waits for a writer, and then reads no changes.
  ASSERT_EQ(mkfifo(overlay.c_str(), 0600), 0);
  absl::Status opened;
  std::thread reader([&] {
    opened = FileSnapshot::Open(loaded_.folder(), *ReadIndexKey(loaded_.keys())).status();
  });
  const int writer = open(overlay.c_str(), O_WRONLY | O_CLOEXEC);
  ++next.change;
  next.overlay_file = "overlay.next";
  EXPECT_TRUE(PublishManifest(loaded_.folder(), next).ok());
  close(writer);
  reader.join();
  EXPECT_TRUE(absl::IsNotFound(opened)) << opened;
}

TEST_F(SnapshotTest, ADamagedRowIsTakenForNobody) {
  LoadThree();
  const std::string path = loaded_.folder() + "/" + snapshot_->manifest().facts_file;
  const std::string whole = ReadWhole(path);
  snapshot_ = nullptr;
  for (size_t from_end = 1; from_end <= 48 * 3; from_end += 5) {
    std::string damaged = whole;
    damaged[damaged.size() - from_end] ^= 0x10;
    WriteWhole(path, damaged);
    snapshot_ = loaded_.Snapshot();
    ASSERT_NE(snapshot_, nullptr);
    int nobody = 0;
    for (const Person& person : {kAda, kBob, kCyd}) {
      const Resolved found = Resolve(person);
      if (found.match() == Match::kNone) {
        ++nobody;
        EXPECT_EQ(IncomeOf(found), -1);
      }
    }
    EXPECT_EQ(nobody, 1) << from_end;
    EXPECT_GT(snapshot_->work().damaged_reads, 0u);
  }
}

TEST_F(SnapshotTest, ADamagedIndexLineFindsNobody) {
  LoadThree();
  const std::string path = loaded_.folder() + "/" + snapshot_->manifest().indexes[0].file;
  const std::string whole = ReadWhole(path);
  snapshot_ = nullptr;
  for (size_t at = 192; at < whole.size(); at += 3) {
    std::string damaged = whole;
    damaged[at] ^= 0x41;
    WriteWhole(path, damaged);
    snapshot_ = loaded_.Snapshot();
    if (snapshot_ == nullptr) continue;
    for (const Person& person : {kAda, kBob, kCyd}) {
      const uint64_t before = snapshot_->work().damaged_reads;
      const Resolved found = Resolve(person);
      if (found.match() == Match::kOne || found.match() == Match::kMismatch) {
        EXPECT_EQ(found.person(), loaded_.Handle(person.id));
        // Nor by the other keys alone: with this one it might have been several, or a mismatch.
        EXPECT_EQ(snapshot_->work().damaged_reads, before);
      }
    }
  }
}

}  // namespace
}  // namespace vouch::server::records
