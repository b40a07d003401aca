// Does the time of a walk tell who is known, or what was answered?
//
// Method: spans of one kind of subject and spans of another are walked in turn
// (ABBA, so that drift cancels), over real record files, against a journal that
// meets the same tables every time. Each round gives one difference of thread
// CPU time, so that other programs on the machine count little; the median over
// the rounds is compared with a bound. Power: the same test with kPlanted
// nanoseconds spun for each subject of one side must come out above the bound,
// else it shows nothing and is repeated, at most kAttempts times. So it detects
// a difference of kPlanted (about a tenth of a walk's cost), and claims nothing
// below kBound.
#include <gtest/gtest.h>
#include <time.h>

#include <algorithm>
#include <chrono>
#include <iostream>

#include "absl/strings/str_cat.h"
#include "tests/fakes/memory_journal.h"
#include "tests/fakes/unproved_log.h"
#include "tests/server/records/loaded_folder.h"
#include "tests/server/walk/world.h"

namespace vouch::server {
namespace {

constexpr double kBound = 250;    // ns for one subject
constexpr double kPlanted = 600;  // ns for one subject
constexpr int kRounds = 120;
constexpr int kAttempts = 6;
constexpr size_t kSubjects = 64;
constexpr int kSlots = 4;  // of a household; as many slots a span as subjects otherwise

int64_t CpuNanos() {
  timespec now{};
  clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
  return static_cast<int64_t>(now.tv_sec) * 1'000'000'000 + now.tv_nsec;
}

// Spins in the look-ups of one side.
class SlowSnapshot final : public records::Snapshot {
 public:
  explicit SlowSnapshot(const records::LoadedFolder &folder)
      : inner_(folder.Snapshot()), made_of_(folder.Agreement()), epoch_(folder.Statement()) {}
  // The index was made of another agreement than the walk's; comparing them costs the same.
  bool Ready(const policies::Agreement &, const crypto::EpochStatement &) const override {
    return inner_->Ready(made_of_, epoch_);
  }
  records::Resolved Resolve(const policies::Permit &permit, uint32_t epoch,
                            absl::Span<const crypto::Token> tokens) const override {
    if (slow) {
      const auto until = std::chrono::steady_clock::now() +
                         std::chrono::nanoseconds(static_cast<int64_t>(kPlanted));
      while (std::chrono::steady_clock::now() < until) continue;
    }
    return inner_->Resolve(permit, epoch, tokens);
  }
  absl::CivilDay data_as_of() const override { return inner_->data_as_of(); }
  absl::Time loaded_at() const override { return inner_->loaded_at(); }
  uint64_t people() const override { return inner_->people(); }
  records::WorkCounters work() const override { return inner_->work(); }

  bool slow = false;

 private:
  const std::shared_ptr<const records::Snapshot> inner_;
  const policies::Agreement made_of_;
  const crypto::EpochStatement epoch_;
};

class SlowRecords final : public records::Records {
 public:
  std::shared_ptr<const records::Snapshot> Current() const override { return snapshot; }
  absl::Status Refresh() override { return absl::OkStatus(); }
  std::shared_ptr<SlowSnapshot> snapshot;
};

class TimingTest : public ::testing::Test {
 protected:
  TimingTest() {
    std::vector<records::Person> loaded;
    for (size_t i = 0; i < 8 * kSubjects; ++i) {
      // Low and high incomes by turns, and every eighth of the file unknown to
      // it.
      const bool known = i < 6 * kSubjects;
      records::Person person{
          absl::StrCat("p", i),
          absl::StrCat("912", 340001 + i),
          absl::FormatCivilTime(absl::CivilDay(1980, 1, 2) + static_cast<int>(i)),
          "given",
          "family",
          i < 3 * kSubjects ? "5000" : "50000",
          ""};
      people_.push_back(person);
      if (known) loaded.push_back(person);
    }
    records::LoadOptions options = folder_.Options(records::LoadedFolder::Csv(loaded));
    options.mapping.facts = {{"income", "income", {policies::PeriodKind::kTaxYear, 2025}, false}};
    options.catalogue.facts[0].name = "income";
    records::LoadReport report;
    const absl::Status status = records::LoadRecords(options, &report);
    EXPECT_TRUE(status.ok()) << status;
    slow_.snapshot = std::make_shared<SlowSnapshot>(folder_);
    world_.clock.Set(slow_.snapshot->loaded_at() + absl::Hours(24 * 20));
    Rooms rooms = world_.rooms;
    rooms.records = &slow_;
    rooms.journal = &journal_;
    rooms.log = &unproved_;
    journal_.forgets = true;
    verification_ = std::make_unique<Verification>(rooms);
  }
  static Terms AnyLimit() {
    Terms terms;
    terms.id = records::LoadedFolder::kAgreement;
    terms.new_people = terms.whole_agreement = 1000000;
    terms.household = kSlots;
    return terms;
  }
  std::vector<Subject> Span(size_t from) {
    std::vector<Subject> span;
    for (size_t i = 0; i < kSubjects; ++i) {
      Ask ask = world_.About("");
      ask.tokens = folder_.TokensOf(people_[from + i]);
      span.push_back({world_.Admit(ask), 0});
    }
    return span;
  }
  // Households whose first `members` slots are people.
  std::vector<Subject> Households(size_t from, size_t members) {
    std::vector<Subject> span;
    for (size_t i = 0; i < kSubjects; i += kSlots) {
      Ask ask = world_.AboutHousehold({}, "household-any-small");
      ask.tokens.clear();
      for (size_t member = 0; member < members; ++member) {
        for (const auto &token : folder_.TokensOf(people_[from + i + member])) {
          ask.tokens.push_back(token);
        }
      }
      ask.tokens.resize(kSlots * ask.tokens.size() / members);
      ask.member_count = static_cast<uint32_t>(members);
      span.push_back({world_.Admit(ask), 0});
    }
    return span;
  }
  int64_t Timed(const std::vector<Subject> &span, bool slow) {
    slow_.snapshot->slow = slow;
    const int64_t began = CpuNanos();
    const auto outcomes = verification_->Walk(span);
    const int64_t took = CpuNanos() - began;
    last_ = NameOf(outcomes[0]);
    return took;
  }
  // Median difference b - a for one subject, in nanoseconds.
  double Difference(const std::vector<Subject> &a, const std::vector<Subject> &b, bool slow) {
    std::vector<double> differences;
    for (int round = 0; round < kRounds; ++round) {
      const int64_t a1 = Timed(a, false), b1 = Timed(b, slow), b2 = Timed(b, slow),
                    a2 = Timed(a, false);
      differences.push_back(static_cast<double>(b1 + b2 - a1 - a2) / (2.0 * kSubjects));
    }
    std::nth_element(differences.begin(), differences.begin() + kRounds / 2, differences.end());
    return differences[kRounds / 2];
  }
  void ExpectAlike(size_t a_from, const std::string &a_name, size_t b_from,
                   const std::string &b_name) {
    ExpectAlike(Span(a_from), a_name, Span(b_from), b_name);
  }
  void ExpectAlike(const std::vector<Subject> &a, const std::string &a_name,
                   const std::vector<Subject> &b, const std::string &b_name) {
    Timed(a, false);
    ASSERT_EQ(last_, a_name);
    Timed(b, false);
    ASSERT_EQ(last_, b_name);
    double plain = 0, planted = 0;
    for (int attempt = 0; attempt < kAttempts; ++attempt) {
      plain = Difference(a, b, false);
      planted = Difference(a, b, true);
      RecordProperty("nanoseconds", static_cast<int>(plain));
      RecordProperty("planted", static_cast<int>(planted));
      std::cout << a_name << " against " << b_name << ": " << plain << " ns a subject; with "
                << kPlanted << " planted: " << planted << "\n";
      if (planted > kBound && std::abs(plain) < kBound) return;
    }
    EXPECT_GT(planted, kBound) << "too noisy to see even a planted difference";
    EXPECT_LT(std::abs(plain), kBound);
  }

  World world_{AnyLimit(), World::Disk::kMemory};
  records::LoadedFolder folder_;
  std::vector<records::Person> people_;
  SlowRecords slow_;
  fakes::MemoryJournal journal_;
  fakes::UnprovedLog unproved_;  // the journal forgets what it commits
  std::unique_ptr<Verification> verification_;
  std::string last_;
};

TEST_F(TimingTest, YesAndNoTakeAsLong) { ExpectAlike(0, "YES", 4 * kSubjects, "NO"); }

TEST_F(TimingTest, HouseholdsOfYesAndNoTakeAsLong) {
  ExpectAlike(Households(0, kSlots), "YES", Households(4 * kSubjects, kSlots), "NO");
}

TEST_F(TimingTest, HouseholdsKnownAndUnknownTakeAsLong) {
  ExpectAlike(Households(0, kSlots), "YES", Households(6 * kSubjects, kSlots), "UNDETERMINED");
}

TEST_F(TimingTest, HouseholdsOfOneAndOfManyTakeAsLong) {
  ExpectAlike(Households(0, 1), "YES", Households(0, kSlots), "YES");
}

TEST_F(TimingTest, KnownAndUnknownPeopleTakeAsLong) {
  ExpectAlike(0, "YES", 6 * kSubjects, "UNDETERMINED");
}

}  // namespace
}  // namespace vouch::server
