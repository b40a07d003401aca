#include "client/requester/witness.h"

#include <gtest/gtest.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <thread>
#include <utility>

#include "absl/strings/str_cat.h"
#include "crypto/base64.h"
#include "crypto/merkle.h"

namespace vouch::requester {
namespace {

constexpr char kOrigin[] = "irs.treasury.example/ledger/2027";
const absl::Time kNow = absl::FromUnixSeconds(1795219200);

std::shared_ptr<const crypto::SigningKey> NewKey() {
  return std::make_shared<const crypto::SigningKey>(
      crypto::SigningKey::Generate(crypto::KeyKind::kEd25519));
}

class WitnessTest : public testing::Test {
 protected:
  WitnessTest() {
    std::string name = (std::filesystem::temp_directory_path() / "vouch-witness-XXXXXX").string();
    if (mkdtemp(&name[0]) == nullptr) std::abort();
    folder_ = name;
    for (int i = 0; i < 200; ++i) {
      leaves_.push_back(crypto::LeafHash(crypto::AsBytes(absl::StrCat("entry ", i))));
      forked_.push_back(i < 60 ? leaves_.back()
                               : crypto::LeafHash(crypto::AsBytes(absl::StrCat("other ", i))));
    }
  }
  ~WitnessTest() override {
    witness_.reset();
    std::error_code ignored;
    std::filesystem::remove_all(folder_, ignored);
  }
  void SetUp() override { ASSERT_NO_FATAL_FAILURE(Open()); }
  void Open() {
    witness_.reset();
    auto witness = Witness::Open(Options(cosigner_));
    ASSERT_TRUE(witness.ok()) << witness.status();
    witness_ = *std::move(witness);
    const absl::Status followed = witness_->Follow({kOrigin, {log_.verifier()}});
    ASSERT_TRUE(followed.ok()) << followed;
  }

  WitnessOptions Options(std::shared_ptr<const crypto::NoteSigner> cosigner,
                         size_t most_evidence = 1000) const {
    WitnessOptions options;
    options.folder = folder_ + "/w";
    options.cosigner = std::move(cosigner);
    options.most_evidence = most_evidence;
    return options;
  }
  using Leaves = std::vector<crypto::Digest>;
  static absl::Span<const crypto::Digest> First(const Leaves& leaves, uint64_t size) {
    return absl::MakeConstSpan(leaves).subspan(0, size);
  }
  static crypto::Digest RootAt(const Leaves& leaves, uint64_t size) {
    crypto::CompactRange range;
    for (const auto& leaf : First(leaves, size)) range.Append(leaf);
    return range.Root();
  }
  std::string NoteAt(const Leaves& leaves, uint64_t size) {
    const crypto::NoteSigner* const signers[] = {&log_};
    return *crypto::SignCheckpoint({kOrigin, size, RootAt(leaves, size)}, signers);
  }
  static Leaves Proof(const Leaves& leaves, uint64_t old_size, uint64_t size) {
    return crypto::ConsistencyProof(First(leaves, size), old_size);
  }
  WitnessAnswer Add(const Leaves& leaves, uint64_t old_size, uint64_t size) {
    return witness_->AddCheckpoint({old_size, Proof(leaves, old_size, size), NoteAt(leaves, size)},
                                   kNow);
  }
  WitnessAnswer Observe(const Leaves& leaves, uint64_t size, uint64_t at_least = 0) {
    const uint64_t known = KnownSize();
    return witness_->Observe(NoteAt(leaves, size),
                             Proof(leaves, std::min(size, known), std::max(size, known)), at_least,
                             kNow);
  }
  uint64_t KnownSize() {
    const auto known = witness_->Latest(kOrigin);
    return known.has_value() ? known->checkpoint.size : 0;
  }
  std::string StatePath() {
    for (const auto& file : std::filesystem::directory_iterator(folder_ + "/w")) {
      if (file.path().extension() == ".checkpoint") return file.path().string();
    }
    return "";
  }
  static std::string Read(const std::string& path) {
    std::ifstream in(path, std::ios::binary);
    return std::string(std::istreambuf_iterator<char>(in), std::istreambuf_iterator<char>());
  }

  std::string folder_;
  Leaves leaves_;
  Leaves forked_;  // the same log up to 60 entries
  const crypto::NoteSigner log_ = *crypto::NoteSigner::Make(kOrigin, NewKey());
  const std::shared_ptr<const crypto::NoteSigner> cosigner_ =
      std::make_shared<const crypto::NoteSigner>(
          *crypto::NoteSigner::MakeCosigner("fsa.ed.example", NewKey()));
  std::unique_ptr<Witness> witness_;
};

TEST_F(WitnessTest, VouchesForALogThatGoesOn) {
  uint64_t before = 0;
  for (uint64_t size : {1u, 2u, 60u, 64u, 100u, 200u}) {
    const WitnessAnswer answer = Add(leaves_, before, size);
    ASSERT_EQ(answer.finding, WitnessFinding::kAccepted) << answer.says;
    EXPECT_EQ(answer.known_size, size);
    const std::string note = NoteAt(leaves_, size) + answer.cosignature;
    const crypto::NoteVerifier known[] = {log_.verifier(), cosigner_->verifier()};
    const auto opened = crypto::OpenCheckpoint(note, known);
    ASSERT_TRUE(opened.ok()) << opened.status();
    ASSERT_EQ(opened->cosigned.size(), 1u);
    EXPECT_EQ(opened->cosigned[0].seconds, 1795219200u);
    before = size;
  }
  EXPECT_TRUE(witness_->Evidence().empty());
}

TEST_F(WitnessTest, VouchesAgainForWhatItKnows) {
  ASSERT_EQ(Add(leaves_, 0, 100).finding, WitnessFinding::kAccepted);
  const WitnessAnswer again = Add(leaves_, 100, 100);
  EXPECT_EQ(again.finding, WitnessFinding::kAccepted);
  EXPECT_FALSE(again.cosignature.empty());
}

TEST_F(WitnessTest, RemembersThroughRestarts) {
  ASSERT_EQ(Add(leaves_, 0, 100).finding, WitnessFinding::kAccepted);
  ASSERT_NO_FATAL_FAILURE(Open());
  EXPECT_EQ(KnownSize(), 100u);
  EXPECT_EQ(witness_->Latest(kOrigin)->note.substr(0, 36), NoteAt(leaves_, 100).substr(0, 36));
  EXPECT_EQ(Add(leaves_, 0, 150).finding, WitnessFinding::kOtherSize);
  EXPECT_EQ(Add(leaves_, 100, 150).finding, WitnessFinding::kAccepted);
}

TEST_F(WitnessTest, LinesThatNobodyVerifiedAreNotKept) {
  const std::string note = NoteAt(leaves_, 100);
  const std::string junk = absl::StrCat(
      "\u2014 somebody ", crypto::Base64(crypto::AsBytes(std::string(3000, 'x'))), "\n");
  ASSERT_EQ(witness_->AddCheckpoint({0, {}, note + junk}, kNow).finding, WitnessFinding::kAccepted);
  EXPECT_LT(witness_->Latest(kOrigin)->note.size(), 1000u);
  ASSERT_NO_FATAL_FAILURE(Open());
  EXPECT_LT(witness_->Latest(kOrigin)->note.size(), 1000u);
}

TEST_F(WitnessTest, SaysWhichSizeItKnows) {
  ASSERT_EQ(Add(leaves_, 0, 100).finding, WitnessFinding::kAccepted);
  for (uint64_t old_size : {0u, 99u, 101u}) {
    const WitnessAnswer answer = Add(leaves_, old_size, 150);
    EXPECT_EQ(answer.finding, WitnessFinding::kOtherSize);
    EXPECT_EQ(answer.known_size, 100u);
    EXPECT_TRUE(answer.cosignature.empty());
    EXPECT_NE(answer.says.find("100 entries"), std::string::npos) << answer.says;
  }
  EXPECT_EQ(KnownSize(), 100u);
}

TEST_F(WitnessTest, RefusesAProofThatDoesNotVerify) {
  ASSERT_EQ(Add(leaves_, 0, 100).finding, WitnessFinding::kAccepted);
  Leaves proof = Proof(leaves_, 100, 150);
  proof[1][3] ^= 1;
  EXPECT_EQ(witness_->AddCheckpoint({100, proof, NoteAt(leaves_, 150)}, kNow).finding,
            WitnessFinding::kBadProof);
  EXPECT_EQ(witness_->AddCheckpoint({100, {}, NoteAt(leaves_, 150)}, kNow).finding,
            WitnessFinding::kBadProof);
  EXPECT_EQ(
      witness_->AddCheckpoint({100, Proof(forked_, 100, 150), NoteAt(forked_, 150)}, kNow).finding,
      WitnessFinding::kBadProof);
  EXPECT_EQ(KnownSize(), 100u);
}

TEST_F(WitnessTest, RefusesAFirstCheckpointWithAProof) {
  EXPECT_EQ(witness_->AddCheckpoint({0, {crypto::EmptyRoot()}, NoteAt(leaves_, 5)}, kNow).finding,
            WitnessFinding::kBadProof);
  EXPECT_FALSE(witness_->Latest(kOrigin).has_value());
}

TEST_F(WitnessTest, TakesALogFromEmpty) {
  EXPECT_EQ(Add(leaves_, 0, 0).finding, WitnessFinding::kAccepted);
  EXPECT_EQ(Add(leaves_, 0, 7).finding, WitnessFinding::kAccepted);
}

TEST_F(WitnessTest, ShowsAForkWithBothNotes) {
  ASSERT_EQ(Add(leaves_, 0, 100).finding, WitnessFinding::kAccepted);
  for (bool observed : {false, true}) {
    const WitnessAnswer answer = observed ? Observe(forked_, 100) : Add(forked_, 100, 100);
    EXPECT_EQ(answer.finding, WitnessFinding::kForked) << answer.says;
    EXPECT_TRUE(answer.cosignature.empty());
    const std::string text = Read(answer.evidence);
    EXPECT_NE(text.find(NoteAt(leaves_, 100)), std::string::npos);
    EXPECT_NE(text.find(NoteAt(forked_, 100)), std::string::npos);
    EXPECT_NE(text.find("two different roots for 100 entries"), std::string::npos);
  }
  EXPECT_EQ(witness_->Evidence().size(), 1u);
  EXPECT_EQ(witness_->Latest(kOrigin)->checkpoint.root, RootAt(leaves_, 100));
  ASSERT_NO_FATAL_FAILURE(Open());
  EXPECT_EQ(witness_->Evidence().size(), 1u);
}

TEST_F(WitnessTest, ShowsALaterForkAsAProofThatIsMissing) {
  ASSERT_EQ(Add(leaves_, 0, 100).finding, WitnessFinding::kAccepted);
  const WitnessAnswer later = Observe(forked_, 150);
  EXPECT_EQ(later.finding, WitnessFinding::kBadProof) << later.says;
  EXPECT_NE(Read(later.evidence).find(NoteAt(forked_, 150)), std::string::npos);
  const WitnessAnswer earlier = Observe(forked_, 80);
  EXPECT_EQ(earlier.finding, WitnessFinding::kBadProof) << earlier.says;
  EXPECT_EQ(witness_->Evidence().size(), 2u);
  EXPECT_EQ(KnownSize(), 100u);
  // Up to 60 entries the two are one.
  EXPECT_EQ(Observe(leaves_, 60).finding, WitnessFinding::kOlder);
}

TEST_F(WitnessTest, KeepsEvidenceWithinBounds) {
  witness_.reset();
  witness_ = *Witness::Open(Options(cosigner_, 2));
  ASSERT_TRUE(witness_->Follow({kOrigin, {log_.verifier()}}).ok());
  ASSERT_EQ(Add(leaves_, 0, 100).finding, WitnessFinding::kAccepted);
  for (uint64_t size : {110u, 120u, 130u, 110u}) {
    const WitnessAnswer answer = Observe(forked_, size);
    EXPECT_EQ(answer.finding, WitnessFinding::kBadProof);
    EXPECT_EQ(answer.evidence.empty(), size == 130) << size;
  }
  EXPECT_EQ(witness_->Evidence().size(), 2u);
}

// One that signs nonsense leaves room for what another does; over a restart too.
TEST_F(WitnessTest, KeepsEvidenceAboutEachAgency) {
  const std::string other_origin = "ssa.example/ledger/2027";
  const auto other_key = NewKey();
  const auto other = *crypto::NoteSigner::Make(other_origin, other_key);
  const auto other_note = [&](const Leaves& leaves, uint64_t size) {
    const crypto::NoteSigner* const signers[] = {&other};
    return *crypto::SignCheckpoint({other_origin, size, RootAt(leaves, size)}, signers);
  };
  for (int start = 0; start < 2; ++start) {
    witness_.reset();
    witness_ = *Witness::Open(Options(cosigner_, 2));
    ASSERT_TRUE(witness_->Follow({kOrigin, {log_.verifier()}}).ok());
    ASSERT_TRUE(witness_->Follow({other_origin, {other.verifier()}}).ok());
    if (start == 0) {
      ASSERT_EQ(Add(leaves_, 0, 100).finding, WitnessFinding::kAccepted);
      ASSERT_EQ(witness_->Observe(other_note(leaves_, 100), {}, 0, kNow).finding,
                WitnessFinding::kAccepted);
    }
    for (uint64_t size : {110u, 120u, 130u}) {
      EXPECT_EQ(Observe(forked_, size).evidence.empty(), size == 130) << size;
    }
  }
  EXPECT_FALSE(witness_->Observe(other_note(forked_, 100), {}, 0, kNow).evidence.empty());
  EXPECT_EQ(witness_->Evidence().size(), 3u);
}

TEST_F(WitnessTest, TellsARollbackFromAnAnswerThatIsLate) {
  ASSERT_EQ(Add(leaves_, 0, 100).finding, WitnessFinding::kAccepted);
  EXPECT_EQ(Observe(leaves_, 90).finding, WitnessFinding::kOlder);
  EXPECT_EQ(Observe(leaves_, 90, 80).finding, WitnessFinding::kOlder);
  EXPECT_TRUE(witness_->Evidence().empty());
  const WitnessAnswer answer = Observe(leaves_, 90, 100);
  EXPECT_EQ(answer.finding, WitnessFinding::kRolledBack) << answer.says;
  EXPECT_NE(answer.says.find("90 entries"), std::string::npos);
  const std::string text = Read(answer.evidence);
  EXPECT_NE(text.find(NoteAt(leaves_, 100)), std::string::npos);
  EXPECT_NE(text.find(NoteAt(leaves_, 90)), std::string::npos);
  EXPECT_EQ(KnownSize(), 100u);
}

TEST_F(WitnessTest, GoesOnFromWhatTheLogGave) {
  EXPECT_EQ(Observe(leaves_, 30).finding, WitnessFinding::kAccepted);
  EXPECT_EQ(Observe(leaves_, 100).finding, WitnessFinding::kAccepted);
  EXPECT_EQ(Observe(leaves_, 100, 100).finding, WitnessFinding::kAccepted);
  EXPECT_EQ(KnownSize(), 100u);
}

TEST_F(WitnessTest, KnowsOnlyTheLogsAndKeysItWasGiven) {
  const crypto::NoteSigner stranger = *crypto::NoteSigner::Make(kOrigin, NewKey());
  const crypto::NoteSigner* const signers[] = {&stranger};
  const std::string note = *crypto::SignCheckpoint({kOrigin, 5, RootAt(leaves_, 5)}, signers);
  EXPECT_EQ(witness_->AddCheckpoint({0, {}, note}, kNow).finding, WitnessFinding::kNotSigned);
  const crypto::NoteSigner other = *crypto::NoteSigner::Make("other.example/log", NewKey());
  const crypto::NoteSigner* const others[] = {&other};
  EXPECT_EQ(witness_
                ->AddCheckpoint(
                    {0,
                     {},
                     *crypto::SignCheckpoint({"other.example/log", 5, RootAt(leaves_, 5)}, others)},
                    kNow)
                .finding,
            WitnessFinding::kUnknownLog);
  std::string bent = NoteAt(leaves_, 5);
  bent[bent.size() - 10] = bent[bent.size() - 10] == 'A' ? 'B' : 'A';
  EXPECT_EQ(witness_->AddCheckpoint({0, {}, bent}, kNow).finding, WitnessFinding::kNotSigned);
  EXPECT_EQ(witness_->AddCheckpoint({0, {}, "no note"}, kNow).finding, WitnessFinding::kMalformed);
  EXPECT_EQ(witness_->AddCheckpoint({9, {}, NoteAt(leaves_, 5)}, kNow).finding,
            WitnessFinding::kMalformed);
  EXPECT_FALSE(witness_->Latest(kOrigin).has_value());
}

TEST_F(WitnessTest, DoesNotVouchForWhatItCouldNotRemember) {
  ASSERT_EQ(Add(leaves_, 0, 10).finding, WitnessFinding::kAccepted);
  const std::string path = StatePath();
  const std::string kept = Read(path);
  // In the place of the file stands what cannot be replaced by one.
  std::filesystem::remove(path);
  std::filesystem::create_directories(path + "/x");
  const WitnessAnswer answer = Add(leaves_, 10, 20);
  EXPECT_EQ(answer.finding, WitnessFinding::kNotStored);
  EXPECT_TRUE(answer.cosignature.empty());
  EXPECT_EQ(answer.known_size, 10u);
  std::filesystem::remove_all(path);
  EXPECT_EQ(Add(leaves_, 10, 20).finding, WitnessFinding::kAccepted);
}

TEST_F(WitnessTest, NeverTakesADamagedMemoryForNone) {
  ASSERT_EQ(Add(leaves_, 0, 100).finding, WitnessFinding::kAccepted);
  const std::string path = StatePath();
  const std::string good = Read(path);
  const WitnessedLog log{kOrigin, {log_.verifier()}};
  for (size_t cut : {size_t{0}, size_t{10}, good.size() - 1}) {
    std::ofstream(path, std::ios::trunc) << good.substr(0, cut);
    EXPECT_TRUE(absl::IsDataLoss(witness_->Follow(log))) << cut;
  }
  std::string bent = good;
  bent[bent.find("100\n")] = '2';
  std::ofstream(path, std::ios::trunc) << bent;
  EXPECT_TRUE(absl::IsDataLoss(witness_->Follow(log)));
  std::ofstream(path, std::ios::trunc) << good;
  EXPECT_TRUE(witness_->Follow(log).ok());
  // Nor one that others could have written.
  std::filesystem::permissions(path, std::filesystem::perms(0666));
  EXPECT_TRUE(absl::IsDataLoss(witness_->Follow(log)));
  std::filesystem::permissions(path, std::filesystem::perms(0600));
  const crypto::NoteSigner other = *crypto::NoteSigner::Make(kOrigin, NewKey());
  EXPECT_TRUE(absl::IsDataLoss(witness_->Follow({kOrigin, {other.verifier()}})));
}

TEST_F(WitnessTest, IsOneProcess) {
  EXPECT_TRUE(absl::IsFailedPrecondition(Witness::Open(Options(nullptr)).status()));
}

TEST_F(WitnessTest, RemembersWithoutCosigning) {
  witness_.reset();
  auto witness = Witness::Open(Options(nullptr));
  ASSERT_TRUE(witness.ok());
  ASSERT_TRUE((*witness)->Follow({kOrigin, {log_.verifier()}}).ok());
  const WitnessAnswer answer = (*witness)->Observe(NoteAt(leaves_, 5), {}, 0, kNow);
  EXPECT_EQ(answer.finding, WitnessFinding::kAccepted);
  EXPECT_TRUE(answer.cosignature.empty());
}

TEST_F(WitnessTest, VouchesForOneOfTwoThatComeAtOnce) {
  ASSERT_EQ(Add(leaves_, 0, 60).finding, WitnessFinding::kAccepted);
  std::atomic<int> accepted{0};
  std::vector<std::thread> threads;
  for (const Leaves* leaves : {&leaves_, &forked_}) {
    threads.emplace_back([&, leaves] {
      const WitnessAnswer answer = Add(*leaves, 60, 150);
      accepted += answer.finding == WitnessFinding::kAccepted ? 1 : 0;
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(accepted, 1);
}

TEST_F(WitnessTest, KeepsEveryAnswerThroughKill) {
  uint64_t answered = 0;
  for (int round = 0; round < 15; ++round) {
    ASSERT_NO_FATAL_FAILURE(Open());
    const uint64_t before = KnownSize();
    witness_.reset();
    int ends[2];
    ASSERT_EQ(pipe(ends), 0);
    const pid_t child = fork();
    ASSERT_GE(child, 0);
    if (child == 0) {
      close(ends[0]);
      Open();
      for (uint64_t size = KnownSize() + 1; size <= leaves_.size(); ++size) {
        if (Add(leaves_, size - 1, size).finding != WitnessFinding::kAccepted) _exit(3);
        if (write(ends[1], &size, sizeof(size)) != sizeof(size)) _exit(4);
      }
      for (;;) pause();
    }
    close(ends[1]);
    usleep(4000 + static_cast<useconds_t>(round) * 3000);
    kill(child, SIGKILL);
    int status = 0;
    waitpid(child, &status, 0);
    ASSERT_TRUE(WIFSIGNALED(status)) << WEXITSTATUS(status);
    uint64_t size = 0;
    while (read(ends[0], &size, sizeof(size)) == sizeof(size)) answered = size;
    close(ends[0]);
    ASSERT_NO_FATAL_FAILURE(Open());
    EXPECT_GE(KnownSize(), answered);
    EXPECT_LE(KnownSize(), std::max(before, answered) + 1);
    witness_.reset();
  }
  EXPECT_GT(answered, 0u);
}

TEST(AddCheckpointRequestTest, ReadsBackWhatItWrites) {
  AddCheckpointRequest request{20852014, {crypto::EmptyRoot(), crypto::Digest{}}, "the note\n"};
  const auto read = ReadAddCheckpointRequest(request.ToString());
  ASSERT_TRUE(read.ok()) << read.status();
  EXPECT_EQ(read->old_size, 20852014u);
  EXPECT_EQ(read->proof, request.proof);
  EXPECT_EQ(read->note, request.note);
  EXPECT_EQ(AddCheckpointRequest{}.ToString(), "old 0\n\n");
}

TEST(AddCheckpointRequestTest, RefusesEverythingMalformed) {
  const std::string hash = crypto::Base64(crypto::EmptyRoot());
  std::string many = "old 1\n";
  for (int i = 0; i < 64; ++i) many += hash + "\n";
  const std::string malformed[] = {"",
                                   "old 1",
                                   "old 1\n",
                                   "old 01\n\nx\n",
                                   "old -1\n\nx\n",
                                   "old +1\n\nx\n",
                                   "old  1\n\nx\n",
                                   "old 18446744073709551616\n\nx\n",
                                   "new 1\n\nx\n",
                                   "old 1\n" + hash + "\n",
                                   "old 1\n" + hash.substr(1) + "\n\nx\n",
                                   "old 1\n" + hash + " \n\nx\n",
                                   many + "\nx\n",
                                   "old 1\n\n" + std::string(2 * crypto::kLargestNote, 'x')};
  for (const std::string& bad : malformed) {
    EXPECT_FALSE(ReadAddCheckpointRequest(bad).ok()) << bad.substr(0, 100);
  }
}

}  // namespace
}  // namespace vouch::requester
