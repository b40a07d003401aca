// Backups of a journal, made beside its node and put back.
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <atomic>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <memory>
#include <thread>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"
#include "absl/time/clock.h"
#include "crypto/checkpoint.h"
#include "crypto/digest.h"
#include "crypto/keys.h"
#include "nlohmann/json.hpp"
#include "server/journal/written_entries.h"
#include "tests/client/node_with_journal.h"
#include "tests/paths.h"

namespace vouch::tests {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

namespace fs = std::filesystem;
namespace journal = server::journal;

class VouchBackupTest : public NodeWithJournal {
 protected:
  void BackUp(const std::string& output = "backup") const {
    Fine({"ledger", "backup", "--node", "irs", "--output", output});
  }
  void LoseTheJournal() {
    Stop();
    fs::remove_all(Path("irs/journal"));
    fs::create_directory(Path("irs/journal"));
    fs::permissions(Path("irs/journal"), fs::perms::owner_all);
  }
  void RestoreRefused(const std::string& words, int exit_code = 1) {
    Stop();
    const uint64_t before = Entries();
    Refused({"ledger", "restore", "backup", "--node", "irs"}, exit_code, words);
    EXPECT_EQ(Entries(), before);
    for (const auto& one : fs::directory_iterator(Path("irs"))) {
      EXPECT_THAT(one.path().string(), Not(HasSubstr("journal."))) << "nothing is left behind";
    }
  }
  // That the journal in place has; it is whole.
  uint64_t Entries() const {
    const auto written = journal::WrittenEntries::Open(Path("irs/journal"));
    return written.ok() ? (*written)->range().size() : 0;
  }
  std::string NoteOfHead() const {
    const auto written = journal::WrittenEntries::Open(Path("irs/journal"));
    const auto key = std::make_shared<const crypto::SigningKey>(
        *crypto::SigningKey::FromPem(Read("irs/keys/ledger.key")));
    const auto signer = *crypto::NoteSigner::Make(kOrigin, key);
    const crypto::NoteSigner* const signers[] = {&signer};
    return *crypto::SignCheckpoint(
        {kOrigin, (*written)->range().size(), (*written)->range().Root()}, signers);
  }
  void WriteMark(const std::string& name, const std::string& note) const {
    fs::create_directories(fs::path(Path(name)).parent_path());
    Write(name, note);
    fs::permissions(Path(name), fs::perms::owner_read | fs::perms::owner_write);
  }
};

TEST_F(VouchBackupTest, IsMadeBesideTheRunningNodeAndPutBack) {
  Append(300);
  BackUp();
  LoseTheJournal();
  const ProcessResult result = Fine({"ledger", "restore", "backup", "--node", "irs", "--json"});
  const auto facts = nlohmann::json::parse(result.out);
  EXPECT_EQ(facts["entries"], 300);
  EXPECT_EQ(facts["origin"], kOrigin);
  EXPECT_TRUE(fs::exists(std::string(facts["before"])));
  Open();
  EXPECT_EQ(journal_->head().range.size(), 300u);
  Append(5);
  EXPECT_EQ(Entries(), 305u);
}

TEST_F(VouchBackupTest, BesideOneThatWritesItHoldsWholeCommits) {
  std::atomic<bool> stop{false};
  std::thread writing([&] {
    while (!stop) Append(7);
  });
  for (int i = 0; i < 5; ++i) BackUp(absl::StrCat("backup", i));
  stop = true;
  writing.join();
  for (int i = 0; i < 5; ++i) {
    const auto copy = journal::WrittenEntries::Open(Path(absl::StrCat("backup", i, "/journal")));
    ASSERT_TRUE(copy.ok()) << copy.status();
    EXPECT_EQ((*copy)->range().size() % 7, 0u);
  }
}

TEST_F(VouchBackupTest, HoldsKeysOnlyWhenAskedAndNeverTheMark) {
  Append(3);
  WriteMark("irs/keys/ledger.high-water", NoteOfHead());
  BackUp();
  EXPECT_FALSE(Exists("backup/keys"));
  const ProcessResult result =
      Fine({"ledger", "backup", "--node", "irs", "--output", "whole", "--with-keys"});
  EXPECT_THAT(result.err, HasSubstr("THE KEYS OF THIS NODE ARE IN whole/keys"));
  EXPECT_EQ(Read("whole/keys/ledger.key"), Read("irs/keys/ledger.key"));
  EXPECT_EQ(Mode("whole/keys/ledger.key") & 0777u, 0600u);
  EXPECT_EQ(Mode("whole") & 0777u, 0700u);
  EXPECT_FALSE(Exists("whole/keys/ledger.high-water"));
  EXPECT_TRUE(Exists("whole/keys/charge.key"));
}

// The months' keys often lie on a disk of their own.
TEST_F(VouchBackupTest, FollowsLinksAmongTheKeysOrSaysThatItCannot) {
  Append(3);
  fs::create_directories(Path("disk/tags"));
  Write("disk/tags/a.key", "a month's");
  fs::create_directory_symlink(Path("disk"), Path("irs/keys/periods"));
  const auto back_up = [&](const std::string& output) {
    return std::vector<std::string>{"ledger",   "backup", "--node",     "irs",
                                    "--output", output,   "--with-keys"};
  };
  Fine(back_up("linked"));
  EXPECT_EQ(Read("linked/keys/periods/tags/a.key"), "a month's");
  const auto manifest = nlohmann::json::parse(Read("linked/manifest.json"));
  EXPECT_THAT(manifest["files"].dump(), HasSubstr("\"keys/periods/tags/a.key\""));
  fs::create_symlink(Path("nowhere"), Path("disk/tags/gone.key"));
  Refused(back_up("dangling"), 1, "is a link to nothing");
  fs::remove(Path("disk/tags/gone.key"));
  fs::create_directory_symlink(Path("irs/keys"), Path("disk/round"));
  Refused(back_up("round"), 1, "copied already");
  for (const char* not_there : {"dangling", "round"}) EXPECT_FALSE(Exists(not_there));
}

TEST_F(VouchBackupTest, NamesKeysRightlyHoweverTheirFolderIsWritten) {
  Append(3);
  const std::string yaml = Read("irs/node.yaml");
  for (const char* written : {"keys/", "./keys//"}) {
    Write("irs/node.yaml",
          absl::StrReplaceAll(yaml, {{"keys: \"keys\"", absl::StrCat("keys: \"", written, "\"")}}));
    fs::remove_all(Path("whole"));
    Fine({"ledger", "backup", "--node", "irs", "--output", "whole", "--with-keys"});
    EXPECT_EQ(Read("whole/keys/ledger.key"), Read("irs/keys/ledger.key")) << written;
    EXPECT_THAT(Read("whole/manifest.json"), HasSubstr("\"keys/ledger.key\""));
  }
}

// As an operator names what it puts aside.
TEST_F(VouchBackupTest, IsPutBackWhateverItsKeysAreCalled) {
  Append(3);
  Write("irs/keys/ledger.key..before", "an old one");
  Fine({"ledger", "backup", "--node", "irs", "--output", "backup", "--with-keys"});
  EXPECT_EQ(Read("backup/keys/ledger.key..before"), "an old one");
  LoseTheJournal();
  Fine({"ledger", "restore", "backup", "--node", "irs"});
  EXPECT_EQ(Entries(), 3u);
}

TEST_F(VouchBackupTest, IsNotMadeWithinWhatIsBackedUp) {
  Append(3);
  for (const char* output : {"irs/keys/backup", "irs/keys/some/where", "irs/journal/backup"}) {
    Refused({"ledger", "backup", "--node", "irs", "--output", output, "--with-keys"}, 1,
            "lies within");
    EXPECT_FALSE(Exists(output));
  }
}

TEST_F(VouchBackupTest, PassesOverKeysThatAreJustBeingWritten) {
  Append(3);
  Write("irs/keys/periods.new-AbC123", "half");
  std::atomic<bool> stop{false};
  std::thread writing([&] {
    for (int i = 0; !stop; ++i) {
      const std::string name = Path(absl::StrCat("irs/keys/x.new-", 100000 + i % 800000));
      std::ofstream(name) << "half";
      fs::remove(name);
    }
  });
  for (int i = 0; i < 10; ++i) {
    Fine({"ledger", "backup", "--node", "irs", "--output", absl::StrCat("busy", i), "--with-keys"});
    EXPECT_THAT(Read(absl::StrCat("busy", i, "/manifest.json")), Not(HasSubstr(".new-")));
  }
  stop = true;
  writing.join();
}

TEST_F(VouchBackupTest, SaysThatThereWasAMarkAndThatItIsMissing) {
  Append(3);
  WriteMark("irs/keys/ledger.high-water", NoteOfHead());
  Write("irs/journal/marked", "there was one");
  BackUp();
  LoseTheJournal();
  ProcessResult result = Fine({"ledger", "restore", "backup", "--node", "irs"});
  EXPECT_EQ(Read("irs/journal/marked"), "there was one");
  EXPECT_THAT(result.err, Not(HasSubstr("--without-high-water")));
  // Of a backup made before there was one, the journal in place says it.
  fs::remove(Path("backup/journal/marked"));
  auto manifest = nlohmann::json::parse(Read("backup/manifest.json"));
  manifest["files"].erase(1);
  Write("backup/manifest.json", manifest.dump());
  fs::remove(Path("irs/keys/ledger.high-water"));
  result = Fine({"ledger", "restore", "backup", "--node", "irs"});
  EXPECT_EQ(Read("irs/journal/marked"), "there was one");
  EXPECT_THAT(result.err, HasSubstr("--without-high-water"));
}

TEST_F(VouchBackupTest, TheDoctorSaysThatTheMarkIsGone) {
  Append(3);
  const std::vector<std::string> doctor = {"doctor", "--node", "irs"};
  Write("irs/journal/marked", "there was one");
  EXPECT_THAT(Vouch(doctor).out, HasSubstr("ledger.high-water is gone"));
  WriteMark("irs/keys/ledger.high-water", NoteOfHead());
  EXPECT_THAT(Vouch(doctor).out, Not(HasSubstr("is gone")));
}

TEST_F(VouchBackupTest, GoesOnAcrossYears) {
  Append(30);
  const std::string of_last_year = NoteOfHead();
  BackUp("older");
  now_ = kYearAfter;
  Append(5);
  BackUp();
  LoseTheJournal();
  // A mark of the log that has ended since is held against that log.
  WriteMark("irs/keys/ledger.high-water", of_last_year);
  const ProcessResult result = Fine({"ledger", "restore", "backup", "--node", "irs", "--json"});
  const auto facts = nlohmann::json::parse(result.out);
  EXPECT_EQ(facts["origin"], "irs.treasury.example/ledger/2028");
  EXPECT_EQ(facts["entries"], 6);
  Open();
  EXPECT_EQ(journal_->logs().size(), 2u);
  Stop();
  // What is in place goes on from the older backup, into a later year.
  Refused({"ledger", "restore", "older", "--node", "irs"}, 1,
          "the journal in place has 6 entries of irs.treasury.example/ledger/2028");
}

TEST_F(VouchBackupTest, NeverReplacesAnything) {
  Append(3);
  BackUp();
  Refused({"ledger", "backup", "--node", "irs", "--output", "backup"}, 1, "never replaces");
}

TEST_F(VouchBackupTest, OfADamagedJournalIsNone) {
  Append(300);
  Append(300);
  Stop();
  std::string name;
  for (const auto& file : fs::directory_iterator(Path("irs/journal"))) {
    const std::string one = file.path().filename().string();
    if (absl::StartsWith(one, "commits-")) name = absl::StrCat("irs/journal/", one);
  }
  std::string bytes = Read(name);
  bytes[5000] = static_cast<char>(bytes[5000] ^ 1);
  Write(name, bytes);
  Refused({"ledger", "backup", "--node", "irs", "--output", "backup"}, 3, "is damaged");
  EXPECT_FALSE(Exists("backup"));
}

TEST_F(VouchBackupTest, IsNotPutInPlaceWhileTheNodeRuns) {
  Append(3);
  BackUp();
  Refused({"ledger", "restore", "backup", "--node", "irs"}, 1, "stop the node first");
}

TEST_F(VouchBackupTest, DoesNotReplaceAJournalThatIsFurther) {
  Append(3);
  BackUp();
  Append(1);
  RestoreRefused("the journal in place has 4 entries");
}

TEST_F(VouchBackupTest, DoesNotReplaceAnotherHistory) {
  Append(3);
  BackUp();
  LoseTheJournal();
  Open();
  counted_ = 70;
  Append(2);
  RestoreRefused("another history");
}

// What was signed, or what is in place, is of a year before the backup's first.
TEST_F(VouchBackupTest, OfAJournalThatWasBegunAnewReplacesNothingOfBefore) {
  constexpr char kBefore[] = "irs.treasury.example/ledger/2026";
  Append(3);
  BackUp();
  LoseTheJournal();
  const auto key = std::make_shared<const crypto::SigningKey>(
      *crypto::SigningKey::FromPem(Read("irs/keys/ledger.key")));
  const auto signer = *crypto::NoteSigner::Make(kBefore, key);
  const crypto::NoteSigner* const signers[] = {&signer};
  WriteMark("irs/keys/ledger.high-water",
            *crypto::SignCheckpoint({kBefore, 9, crypto::Sha256("root")}, signers));
  RestoreRefused("is another history");
  fs::remove(Path("irs/keys/ledger.high-water"));
  journal::JournalOptions options;
  options.folder = Path("irs/journal");
  options.origin = kBefore;
  journal_ = *journal::OpenFileJournal(options);
  Append(2);
  RestoreRefused("is another history");
  // Nothing was ever entered in it.
  LoseTheJournal();
  options.origin = "irs.treasury.example/ledger/2028";
  journal_ = *journal::OpenFileJournal(options);
  Stop();
  Fine({"ledger", "restore", "backup", "--node", "irs"});
  EXPECT_EQ(Entries(), 3u);
}

TEST_F(VouchBackupTest, ThatDoesNotReachWhatWasSignedIsRefused) {
  Append(3);
  BackUp();
  Append(1);
  WriteMark("irs/keys/ledger.high-water", NoteOfHead());
  LoseTheJournal();
  RestoreRefused("does not reach it");
}

TEST_F(VouchBackupTest, ThatDoesNotReachWhatPartnersCosignedIsRefused) {
  Append(3);
  BackUp();
  Append(1);
  WriteMark("irs/witness/own.cosigned", NoteOfHead());
  LoseTheJournal();
  RestoreRefused(
      "what partners cosigned, holds a checkpoint of irs.treasury.example/ledger/2027 "
      "with 4 entries");
}

TEST_F(VouchBackupTest, AMarkThatCannotBeReadIsNotTakenForNone) {
  Append(3);
  BackUp();
  WriteMark("irs/keys/ledger.high-water", "nothing");
  RestoreRefused("never taken for none", 3);
}

TEST_F(VouchBackupTest, ThatWasChangedIsRefused) {
  Append(300);
  BackUp();
  std::string name;
  for (const auto& file : fs::directory_iterator(Path("backup/journal"))) {
    name = absl::StrCat("backup/journal/", file.path().filename().string());
  }
  const std::string good = Read(name);
  std::string bytes = good;
  bytes.back() = static_cast<char>(bytes.back() ^ 1);
  Write(name, bytes);
  RestoreRefused("its SHA-256 is another", 3);
  Write(name, good.substr(0, good.size() - 8));
  RestoreRefused("its SHA-256 is another", 3);
  fs::remove(Path(name));
  RestoreRefused("is missing", 3);
  Write(name, good);
  // An older state under a manifest that fits it: the signed checkpoint says otherwise.
  const std::string manifest = Read("backup/manifest.json");
  auto json = nlohmann::json::parse(manifest);
  json["checkpoint"] = NoteOfHead().substr(0, 20);
  Write("backup/manifest.json", json.dump());
  RestoreRefused("", 3);
  json["checkpoint"] = nlohmann::json::parse(manifest)["checkpoint"];
  json["last_commit"] = 99;
  Write("backup/manifest.json", json.dump());
  RestoreRefused("does not lead to the checkpoint", 3);
  json["files"][0]["name"] = "journal/../../irs/keys/ledger.key";
  Write("backup/manifest.json", json.dump());
  RestoreRefused("is no manifest", 3);
  Write("backup/manifest.json", manifest);
  Stop();
  Fine({"ledger", "restore", "backup", "--node", "irs"});
}

TEST_F(VouchBackupTest, OfAnotherAgencyIsRefused) {
  Append(3);
  BackUp();
  MakeNode("fsa", "fsa.ed.example");
  Stop();
  Refused({"ledger", "restore", "backup", "--node", "fsa"}, 1, "is a backup of");
}

TEST_F(VouchBackupTest, ADamagedJournalInPlaceIsKeptAside) {
  Append(300);
  BackUp();
  Stop();
  for (const auto& file : fs::directory_iterator(Path("irs/journal"))) {
    if (absl::StartsWith(file.path().filename().string(), "commits-")) {
      fs::resize_file(file.path(), 100);
    }
  }
  const ProcessResult result = Fine({"ledger", "restore", "backup", "--node", "irs"});
  EXPECT_THAT(result.err, HasSubstr("the journal in place cannot be used"));
  EXPECT_EQ(Entries(), 300u);
}

// What a power cut leaves of a file whose length reached the disk before its bytes did; and the
// journal is a link to another disk.
TEST_F(VouchBackupTest, AHeaderOfZerosIsNoObstacleAndALinkStaysOne) {
  Append(300);
  BackUp();
  Stop();
  fs::rename(Path("irs/journal"), Path("elsewhere"));
  fs::create_directory_symlink(Path("elsewhere"), Path("irs/journal"));
  for (const auto& file : fs::directory_iterator(Path("elsewhere"))) {
    if (!absl::StartsWith(file.path().filename().string(), "commits-")) continue;
    std::fstream out(file.path(), std::ios::in | std::ios::out | std::ios::binary);
    out << std::string(4096, '\0');
  }
  const ProcessResult result = Fine({"ledger", "restore", "backup", "--node", "irs"});
  EXPECT_THAT(result.err, HasSubstr("the journal in place cannot be used"));
  EXPECT_TRUE(fs::is_symlink(Path("irs/journal")));
  EXPECT_FALSE(fs::is_empty(Path("elsewhere")));
  EXPECT_EQ(Entries(), 300u);
}

TEST_F(VouchBackupTest, KilledAtAnyMomentOneOfTheTwoIsInPlaceAndWhole) {
  Append(200);
  Stop();
  fs::copy(Path("irs/journal"), Path("older"), fs::copy_options::recursive);
  Open();
  Append(3000);
  BackUp();
  Stop();
  int old_ones = 0, new_ones = 0;
  for (int i = 0; i < 40; ++i) {
    fs::remove_all(Path("irs/journal"));
    fs::copy(Path("older"), Path("irs/journal"), fs::copy_options::recursive);
    fs::permissions(Path("irs/journal"), fs::perms::owner_all);
    const pid_t child = fork();
    ASSERT_GE(child, 0);
    if (child == 0) {
      if (chdir(Path("").c_str()) != 0) _exit(9);
      if (std::freopen("/dev/null", "w", stdout) == nullptr) _exit(9);
      if (std::freopen("/dev/null", "w", stderr) == nullptr) _exit(9);
      execl(VOUCH_BINARY_DIR "/bin/vouch", "vouch", "ledger", "restore", "backup", "--node", "irs",
            nullptr);
      _exit(9);
    }
    // The last one ends by itself.
    if (i < 39) {
      absl::SleepFor(absl::Milliseconds(4 * i));
      kill(child, SIGKILL);
    }
    int status = 0;
    ASSERT_EQ(waitpid(child, &status, 0), child);
    const uint64_t entries = Entries();
    ASSERT_TRUE(entries == 200 || entries == 3200) << entries << " after " << 4 * i << " ms";
    (entries == 200 ? old_ones : new_ones) += 1;
    Open();
    ASSERT_EQ(journal_->head().range.size(), entries);
    Stop();
    for (const auto& one : fs::directory_iterator(Path("irs"))) {
      if (absl::StrContains(one.path().string(), "journal.")) fs::remove_all(one.path());
    }
  }
  EXPECT_GT(old_ones, 0);
  EXPECT_GT(new_ones, 0);
}

}  // namespace
}  // namespace vouch::tests
