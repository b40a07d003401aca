#include "client/requester/used_ahead.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <chrono>
#include <filesystem>
#include <fstream>

#include "absl/strings/str_cat.h"

namespace vouch::requester {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

class UsedAheadTest : public testing::Test {
 protected:
  UsedAheadTest() {
    std::string name = (std::filesystem::temp_directory_path() / "vouch-ahead-XXXXXX").string();
    if (mkdtemp(&name[0]) == nullptr) std::abort();
    folder_ = name;
  }
  ~UsedAheadTest() override {
    std::error_code ignored;
    std::filesystem::remove_all(folder_, ignored);
  }
  template <typename Does>
  void Killed(const Does& does) const {
    const pid_t child = fork();
    ASSERT_GE(child, 0);
    if (child == 0) {
      UsedAhead ahead(folder_, "irs");
      does(&ahead);
      kill(getpid(), SIGKILL);
    }
    int status = 0;
    ASSERT_EQ(waitpid(child, &status, 0), child);
  }
  std::vector<std::string> Left() const { return UsedAhead(folder_, "irs").TakeLeft(); }
  std::vector<std::filesystem::path> Files() const {
    std::vector<std::filesystem::path> files;
    for (const auto& one : std::filesystem::directory_iterator(folder_)) files.push_back(one);
    return files;
  }

  std::string folder_;
};

TEST_F(UsedAheadTest, AProcessThatIsKilledLeavesWhatItUsed) {
  ASSERT_NO_FATAL_FAILURE(Killed([](UsedAhead* ahead) {
    EXPECT_TRUE(ahead->Add("one\nnote\n").ok());
    EXPECT_TRUE(ahead->Add("another\n").ok());
  }));
  EXPECT_THAT(Left(), ElementsAre("one\nnote\n", "another\n"));
  EXPECT_THAT(Left(), ElementsAre("one\nnote\n", "another\n")) << "it was not checked";
  UsedAhead next(folder_, "irs");
  EXPECT_EQ(next.TakeLeft().size(), 2u);
  EXPECT_THAT(Left(), IsEmpty()) << "it is being checked";
  EXPECT_THAT(UsedAhead::NotesIn(folder_, "irs"), ElementsAre("one\nnote\n", "another\n"));
  EXPECT_THAT(UsedAhead::NotesIn(folder_, "ssa"), IsEmpty());
  next.LeftWereChecked();
  EXPECT_THAT(Files(), IsEmpty());
}

TEST_F(UsedAheadTest, WhatWasCheckedIsNotLeft) {
  ASSERT_NO_FATAL_FAILURE(Killed([](UsedAhead* ahead) {
    for (int i = 0; i < 5; ++i) (void)ahead->Add(absl::StrCat("note ", i));
    ahead->Keep({"note 3", "note 4"});
    (void)ahead->Add("note 5");
  }));
  EXPECT_EQ(Files().size(), 1u);
  EXPECT_THAT(Left(), ElementsAre("note 3", "note 4", "note 5"));
  ASSERT_NO_FATAL_FAILURE(Killed([](UsedAhead* ahead) {
    (void)ahead->Add("note");
    ahead->Keep({});
  }));
  EXPECT_THAT(Left(), ElementsAre("note 3", "note 4", "note 5"));
}

TEST_F(UsedAheadTest, ARecordThatWasCutShortIsNone) {
  ASSERT_NO_FATAL_FAILURE(Killed([](UsedAhead* ahead) {
    (void)ahead->Add("whole");
    (void)ahead->Add("cut short");
  }));
  std::filesystem::resize_file(Files()[0], std::filesystem::file_size(Files()[0]) - 1);
  EXPECT_THAT(Left(), ElementsAre("whole"));
  std::ofstream(Files()[0], std::ios::trunc) << "nonsense";
  EXPECT_THAT(Left(), IsEmpty());
}

TEST_F(UsedAheadTest, WhatFollowsARecordForWhichThereWasNoRoomIsLeft) {
  ASSERT_NO_FATAL_FAILURE(Killed([](UsedAhead* ahead) {
    (void)ahead->Add("first");
    signal(SIGXFSZ, SIG_IGN);
    rlimit before{};
    getrlimit(RLIMIT_FSIZE, &before);
    rlimit little = before;
    little.rlim_cur = 12;
    setrlimit(RLIMIT_FSIZE, &little);
    if (ahead->Add("a note that does not fit any more").ok()) return;
    setrlimit(RLIMIT_FSIZE, &before);
    (void)ahead->Add("after it");
  }));
  EXPECT_THAT(Left(), ElementsAre("first", "after it"));
}

TEST_F(UsedAheadTest, OneAgencysAreNotAnothers) {
  ASSERT_NO_FATAL_FAILURE(Killed([](UsedAhead* ahead) { (void)ahead->Add("note"); }));
  EXPECT_THAT(UsedAhead(folder_, "ssa").TakeLeft(), IsEmpty());
  EXPECT_THAT(Left(), ElementsAre("note"));
}

TEST_F(UsedAheadTest, WhatCannotBeWrittenIsSaid) {
  UsedAhead nowhere(folder_ + "/nowhere", "irs");
  EXPECT_TRUE(absl::IsUnavailable(nowhere.Add("note")));
  UsedAhead without("", "irs");
  EXPECT_TRUE(without.Add("note").ok());
}

// Before each answer under a new checkpoint: it must not be noticed.
TEST_F(UsedAheadTest, CostsLittle) {
  UsedAhead ahead(folder_, "irs");
  const std::string note(300, 'x');
  constexpr int kNotes = 20000;
  const auto begin = std::chrono::steady_clock::now();
  for (int i = 0; i < kNotes; ++i) ASSERT_TRUE(ahead.Add(note).ok());
  const double each =
      std::chrono::duration<double, std::micro>(std::chrono::steady_clock::now() - begin).count() /
      kNotes;
  RecordProperty("nanoseconds", static_cast<int>(each * 1000));
  EXPECT_LT(each, 1000) << "a thousand times what it takes";
}

}  // namespace
}  // namespace vouch::requester
