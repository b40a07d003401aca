// A loss declared over a journal that is behind what was signed.
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <filesystem>
#include <memory>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "client/requester/used_ahead.h"
#include "crypto/checkpoint.h"
#include "crypto/digest.h"
#include "crypto/keys.h"
#include "crypto/log_entry.h"
#include "crypto/receipt.h"
#include "nlohmann/json.hpp"
#include "server/journal/journal.h"
#include "server/journal/written_entries.h"
#include "tests/client/vouch_program.h"
#include "tests/paths.h"

namespace vouch::tests {
namespace {

using ::testing::HasSubstr;

namespace fs = std::filesystem;
namespace journal = server::journal;

constexpr char kOrigin[] = "irs.treasury.example/ledger/2026";
constexpr char kMark[] = "irs/keys/ledger.high-water";
constexpr char kCosigned[] = "irs/witness/own.cosigned";

class VouchLossTest : public VouchTest {
 protected:
  void SetUp() override { MakeNode("irs", "irs.treasury.example"); }
  // The journal of `count` entries of one history; `what` tells one from another.
  void Write(uint32_t count, uint32_t what = 0, const std::string& origin = kOrigin) const {
    Lose();
    journal::JournalOptions options;
    options.folder = Path("irs/journal");
    options.origin = origin;
    const auto opened = *journal::OpenFileJournal(options);
    for (uint32_t i = 0; i < count; ++i) {
      const std::string entry = crypto::CountedRefusalsEntry(29920320, "fsa.ed.example", 3,
                                                             i + 1 + (i < 2 ? 0 : 1000 * what));
      ASSERT_TRUE(opened->Append({entry}, absl::FromUnixSeconds(1795219200)).ok());
    }
  }
  void Lose() const {
    fs::remove_all(Path("irs/journal"));
    fs::create_directory(Path("irs/journal"));
    fs::permissions(Path("irs/journal"), fs::perms::owner_all);
  }
  std::string NoteOfHead(const std::string& lines = "") const {
    const auto written = *journal::WrittenEntries::Open(Path("irs/journal"));
    const auto key = std::make_shared<const crypto::SigningKey>(
        *crypto::SigningKey::FromPem(Read("irs/keys/ledger.key")));
    const auto signer = *crypto::NoteSigner::Make(written->origin(), key);
    const crypto::NoteSigner* const signers[] = {&signer};
    return *crypto::SignCheckpoint(
               {written->origin(), written->range().size(), written->range().Root()}, signers) +
           lines;
  }
  void WritePrivate(const std::string& name, const std::string& note) const {
    fs::create_directories(fs::path(Path(name)).parent_path());
    VouchTest::Write(name, note);
    fs::permissions(Path(name), fs::perms::owner_read | fs::perms::owner_write);
  }
  // A note of a journal of that many entries.
  std::string NoteOf(uint32_t count, uint32_t what = 0) const {
    Write(count, what);
    return NoteOfHead();
  }
  crypto::LossDeclared Declared() const {
    const auto written = *journal::WrittenEntries::Open(Path("irs/journal"));
    const auto loss =
        crypto::ReadLossDeclared(written->Read(written->logs().back().first, 1)->front());
    EXPECT_TRUE(loss.ok());
    return loss.ok() ? *loss : crypto::LossDeclared();
  }
  uint64_t Entries() const { return (*journal::WrittenEntries::Open(Path("irs/journal")))->end(); }
  static std::vector<std::string> Declare(const std::vector<std::string>& more = {"--yes"}) {
    std::vector<std::string> all = {"ledger", "declare-loss", "--node", "irs"};
    all.insert(all.end(), more.begin(), more.end());
    return all;
  }
};

TEST_F(VouchLossTest, ABackupThatIsBehindIsPutBackOnlyWhenAskedAndTheLossThenDeclared) {
  Write(3);
  Fine({"ledger", "backup", "--node", "irs", "--output", "backup"});
  WritePrivate(kMark, NoteOf(5));
  Lose();
  Refused({"ledger", "restore", "backup", "--node", "irs"}, 1, "--behind");
  const ProcessResult behind =
      Fine({"ledger", "restore", "backup", "--node", "irs", "--behind", "--json"});
  EXPECT_EQ(nlohmann::json::parse(behind.out)["behind"], true);
  EXPECT_THAT(behind.err, HasSubstr("vouch ledger declare-loss"));
  const auto facts = nlohmann::json::parse(Fine(Declare({"--yes", "--json"})).out);
  EXPECT_EQ(facts["result"], "declared");
  EXPECT_EQ(facts["restored"]["entries"], 3);
  EXPECT_EQ(facts["lost"]["entries"], 5);
  const crypto::LossDeclared loss = Declared();
  EXPECT_EQ(facts["origin"], loss.origin);
  EXPECT_EQ(crypto::ReadLogName(loss.origin)->part, 2u);
  EXPECT_EQ(loss.lost.size, 5u);
  EXPECT_EQ(loss.restored.origin, kOrigin);
  EXPECT_LE(loss.until, static_cast<uint64_t>(absl::ToUnixSeconds(absl::Now())));
  EXPECT_GT(loss.until + 600, static_cast<uint64_t>(absl::ToUnixSeconds(absl::Now())));
  // Again: it says that there is nothing more to declare.
  Refused(Declare(), 1, "a loss that was declared already covers it");
  EXPECT_EQ(Entries(), 4u);
  const ProcessResult doctor = Vouch({"doctor", "--node", "irs"});
  EXPECT_THAT(doctor.out + doctor.err, HasSubstr("began with a declared loss of entries 4 to 5"));
}

TEST_F(VouchLossTest, TheLargestCheckpointThatIsKnownIsCommittedTo) {
  WritePrivate(kCosigned, NoteOf(5));
  WritePrivate("from-fsa.checkpoint", NoteOf(9));
  WritePrivate(kMark, NoteOf(7));
  Write(3);
  Fine(Declare({"--yes", "--checkpoint", "from-fsa.checkpoint"}));
  EXPECT_EQ(Declared().lost.size, 9u);
}

TEST_F(VouchLossTest, ALaterCheckpointIsDeclaredASecondTime) {
  WritePrivate(kMark, NoteOf(5));
  WritePrivate("later.checkpoint", NoteOf(9));
  Write(3);
  Fine(Declare());
  Fine(Declare({"--yes", "--checkpoint", "later.checkpoint"}));
  const crypto::LossDeclared loss = Declared();
  EXPECT_EQ(crypto::ReadLogName(loss.origin)->part, 3u);
  EXPECT_EQ(loss.lost.size, 9u);
  EXPECT_EQ(loss.lost.origin, kOrigin);
}

TEST_F(VouchLossTest, NothingIsDeclaredWhereNothingIsLost) {
  WritePrivate(kMark, NoteOf(3));
  Write(4);
  Refused(Declare(), 1, "nothing is lost");
  EXPECT_EQ(Entries(), 4u);
}

TEST_F(VouchLossTest, AnotherHistoryIsNoLoss) {
  WritePrivate(kMark, NoteOf(3, /*what=*/1));
  WritePrivate(kCosigned, NoteOf(9));
  Write(4);
  Refused(Declare(), 1, "another history");
  EXPECT_EQ(Entries(), 4u);
}

TEST_F(VouchLossTest, TwoRootsForOneSizeAreAForkAndNoLoss) {
  WritePrivate(kMark, NoteOf(6, /*what=*/1));
  WritePrivate(kCosigned, NoteOf(6));
  Write(3);
  Refused(Declare(), 1, "That is a fork and no loss");
  EXPECT_EQ(Entries(), 3u);
}

TEST_F(VouchLossTest, WhatCannotBeReadOrIsNotOursIsRefused) {
  Write(3);
  Refused(Declare({"--yes", "--checkpoint", "none"}), 3, "there is no none");
  WritePrivate("nonsense", "nonsense");
  Refused(Declare({"--yes", "--checkpoint", "nonsense"}), 3, "cannot be used");
  MakeNode("other", "irs.treasury.example");
  const auto key = std::make_shared<const crypto::SigningKey>(
      *crypto::SigningKey::FromPem(Read("other/keys/ledger.key")));
  const auto signer = *crypto::NoteSigner::Make(kOrigin, key);
  const crypto::NoteSigner* const signers[] = {&signer};
  WritePrivate("forged", *crypto::SignCheckpoint({kOrigin, 9, crypto::Sha256("x")}, signers));
  Refused(Declare({"--yes", "--checkpoint", "forged"}), 3, "cannot be used");
  EXPECT_EQ(Entries(), 3u);
}

TEST_F(VouchLossTest, ItIsDeclaredOnlyByTypingTheAgencysName) {
  WritePrivate(kMark, NoteOf(5));
  Write(3);
  Refused(Declare({}), 1, "Nothing was declared", "yes\n");
  EXPECT_EQ(Entries(), 3u);
  const ProcessResult declared = Fine(Declare({}), "irs.treasury.example\n");
  EXPECT_THAT(declared.err, HasSubstr("Declared lost: entries 4 to 5 of"));
  EXPECT_EQ(Entries(), 4u);
}

TEST_F(VouchLossTest, OverNothingEverythingIsLost) {
  WritePrivate(kMark, NoteOf(5));
  for (const bool empty : {false, true}) {
    Lose();
    if (empty) Write(0);
    const ProcessResult declared = Fine(Declare());
    EXPECT_EQ(declared.err.find("There is no journal") == std::string::npos, empty);
    EXPECT_THAT(declared.err, HasSubstr("Declared lost: entries 1 to 5 of"));
    const crypto::LossDeclared loss = Declared();
    EXPECT_EQ(crypto::ReadLogName(loss.origin)->part, 2u);
    EXPECT_EQ(loss.restored, (crypto::Checkpoint{kOrigin, 0, crypto::EmptyRoot()}));
    EXPECT_EQ(loss.lost.size, 5u);
    EXPECT_EQ(Entries(), 1u);
    Refused(Declare(), 1, "a loss that was declared already covers it");
  }
}

TEST_F(VouchLossTest, OverNothingALaterCheckpointIsDeclaredASecondTime) {
  WritePrivate("later.checkpoint", NoteOf(9));
  WritePrivate(kMark, NoteOf(5));
  Lose();
  Fine(Declare());
  Fine(Declare({"--yes", "--checkpoint", "later.checkpoint"}));
  const crypto::LossDeclared loss = Declared();
  EXPECT_EQ(crypto::ReadLogName(loss.origin)->part, 3u);
  EXPECT_EQ(loss.lost.origin, kOrigin);
  EXPECT_EQ(loss.lost.size, 9u);
  EXPECT_EQ(Entries(), 2u);
}

TEST_F(VouchLossTest, AfterAJournalThatWasBegunAnewNothingIsDeclared) {
  WritePrivate("before.checkpoint", NoteOf(9));
  Write(2, /*what=*/0, "irs.treasury.example/ledger/2027");
  WritePrivate(kMark, NoteOfHead());
  const auto declare = Declare({"--yes", "--checkpoint", "before.checkpoint"});
  Refused(declare, 1, "was begun anew");
  EXPECT_EQ(Entries(), 2u);
  // As it says: what was entered since is lost too.
  Lose();
  Fine(declare);
  EXPECT_EQ(Declared().lost.origin, "irs.treasury.example/ledger/2027");
  EXPECT_TRUE(Declared().Covers({kOrigin, 9, crypto::Digest{}}));
  EXPECT_EQ(Entries(), 1u);
}

TEST_F(VouchLossTest, NotWhileTheNodeRuns) {
  WritePrivate(kMark, NoteOf(5));
  Write(3);
  journal::JournalOptions options;
  options.folder = Path("irs/journal");
  options.origin = kOrigin;
  const auto running = *journal::OpenFileJournal(options);
  Refused(Declare(), 1, "stop the node first");
}

TEST_F(VouchLossTest, AClockThatIsBehindACosignatureIsSetRightFirst) {
  const std::string note = NoteOf(5);
  const auto witness = *crypto::NoteSigner::MakeCosigner(
      "fsa.ed.example", std::make_shared<crypto::SigningKey>(
                            crypto::SigningKey::Generate(crypto::KeyKind::kEd25519)));
  const auto later = static_cast<uint64_t>(absl::ToUnixSeconds(absl::Now()) + 3600);
  WritePrivate(kCosigned, note + witness.CosignNote(crypto::ReadNote(note)->text, later)->Line());
  Write(3);
  Refused(Declare(), 1, "this machine's clock says");
  EXPECT_EQ(Entries(), 3u);
}

TEST_F(VouchLossTest, KilledAtAnyMomentItIsDeclaredOrNotBegun) {
  WritePrivate(kMark, NoteOf(5));
  Write(3);
  bool declared = false;
  for (int i = 0; i < 25 && !declared; ++i) {
    const pid_t child = fork();
    if (child == 0) {
      if (chdir(Path("").c_str()) != 0 || freopen("/dev/null", "w", stderr) == nullptr ||
          freopen("/dev/null", "w", stdout) == nullptr) {
        _exit(9);
      }
      execl(VOUCH_BINARY_DIR "/bin/vouch", "vouch", "ledger", "declare-loss", "--node", "irs",
            "--yes", nullptr);
      _exit(9);
    }
    usleep(static_cast<useconds_t>(i * 4000));
    kill(child, SIGKILL);
    waitpid(child, nullptr, 0);
    const uint64_t entries = Entries();
    EXPECT_TRUE(entries == 3 || entries == 4);
    declared = entries == 4;
  }
  if (!declared) Fine(Declare());
  EXPECT_EQ(Declared().lost.size, 5u);
}

TEST_F(VouchLossTest, AnExportedLogSaysWhatWasLost) {
  WritePrivate(kMark, NoteOf(5));
  Write(3);
  Fine(Declare());
  Fine({"ledger", "export", "--node", "irs", "--output", "export"});
  const ProcessResult verified = Fine({"ledger", "verify", "export", "--node", "irs"});
  EXPECT_THAT(verified.out, HasSubstr("A LOSS WAS DECLARED: of irs.treasury.example/ledger/2026 "
                                      "there are 3 entries; entries 4 to 5 of"));
}

TEST_F(VouchLossTest, AnExportOfWhichNothingCameBeforeSaysItToo) {
  WritePrivate(kMark, NoteOf(5));
  Lose();
  Fine(Declare());
  Fine({"ledger", "export", "--node", "irs", "--output", "export"});
  EXPECT_THAT(Fine({"ledger", "verify", "export", "--node", "irs"}).out,
              HasSubstr("A LOSS WAS DECLARED: of irs.treasury.example/ledger/2026 there are 0 "
                        "entries; entries 1 to 5 of"));
  const auto facts =
      nlohmann::json::parse(Fine({"ledger", "verify", "export", "--node", "irs", "--json"}).out);
  EXPECT_EQ(facts["losses"].size(), 1u);
}

TEST_F(VouchLossTest, WhatCameAfterIsBackedUpAndPutBack) {
  WritePrivate(kMark, NoteOf(5));
  Write(3);
  Fine(Declare());
  Fine({"ledger", "backup", "--node", "irs", "--output", "backup"});
  Lose();
  Fine({"ledger", "restore", "backup", "--node", "irs"});
  EXPECT_EQ(Declared().lost.size, 5u);
}

// The partner lost the end of its ledger while somebody here asked: what had been used was never
// checked, and is the furthest that anybody knows of it.
TEST_F(VouchLossTest, APartnerIsGivenAlsoWhatWasUsedAndNeverChecked) {
  Fine({"partner", "export", "--node", "irs", "--output", "of-irs"});
  MakeNode("fsa", "fsa.ed.example");
  Fine({"partner", "add", "--node", "fsa", "--agency", "irs.treasury.example", "--anchors",
        "of-irs/anchors.pem", "--ledger-key", "of-irs/ledger.pem", "--address", "[::1]:99"});
  const std::vector<std::string> remembered = {"partner", "remembered", "irs.treasury.example",
                                               "--node", "fsa"};
  Refused(remembered, 3, "nothing is remembered here");
  const std::string checked = NoteOf(5), used = NoteOf(9);
  WritePrivate(
      absl::StrCat("fsa/witness/asked/", crypto::Hex(crypto::Sha256(kOrigin)), ".checkpoint"),
      checked);
  EXPECT_EQ(Fine(remembered).out, checked);
  requester::UsedAhead ahead(Path("fsa/witness/asked"), "irs.treasury.example");
  ASSERT_TRUE(ahead.Add(used).ok());
  EXPECT_EQ(Fine(remembered).out, used);
}

}  // namespace
}  // namespace vouch::tests
