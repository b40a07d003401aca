#include "crypto/checkpoint.h"

#include <gtest/gtest.h>

#include "absl/strings/str_cat.h"
#include "crypto/base64.h"

namespace vouch::crypto {
namespace {

constexpr char kOrigin[] = "irs.treasury.example/ledger/2027";
constexpr char kRoot[] = "CsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I=";

std::shared_ptr<const SigningKey> NewKey(KeyKind kind) {
  return std::make_shared<const SigningKey>(SigningKey::Generate(kind));
}

class CheckpointTest : public testing::Test {
 protected:
  CheckpointTest() {
    for (int i = 0; i < 11; ++i) leaves_.push_back(LeafHash(AsBytes(EntryOf(i))));
    CompactRange range;
    for (const Digest& leaf : leaves_) range.Append(leaf);
    checkpoint_ = {kOrigin, leaves_.size(), range.Root()};
  }
  static std::string EntryOf(int i) { return absl::StrCat("entry ", i); }
  std::string Signed() const {
    const NoteSigner* const signers[] = {&log_};
    return *SignCheckpoint(checkpoint_, signers);
  }
  TlogProof ProofOf(uint64_t index) const {
    return {absl::nullopt, index, InclusionProof(leaves_, index), Signed()};
  }

  const NoteSigner log_ = *NoteSigner::Make(kOrigin, NewKey(KeyKind::kEd25519));
  const NoteSigner fips_ = *NoteSigner::Make(kOrigin, NewKey(KeyKind::kP256));
  const NoteSigner stranger_ = *NoteSigner::Make("other.example/log", NewKey(KeyKind::kEd25519));
  const NoteSigner witness_ =
      *NoteSigner::MakeCosigner("fsa.ed.example", NewKey(KeyKind::kEd25519));
  std::vector<Digest> leaves_;
  Checkpoint checkpoint_;
};

TEST_F(CheckpointTest, ReadsThePublishedExampleAndWritesItBack) {
  const std::string text = absl::StrCat("example.com/behind-the-sofa\n20852163\n", kRoot, "\n");
  auto checkpoint = ReadCheckpoint(text);
  ASSERT_TRUE(checkpoint.ok()) << checkpoint.status();
  EXPECT_EQ(checkpoint->origin, "example.com/behind-the-sofa");
  EXPECT_EQ(checkpoint->size, 20852163u);
  EXPECT_EQ(Base64(checkpoint->root), kRoot);
  EXPECT_EQ(checkpoint->Text(), text);
}

// The example of docs/ledger.md, made with OpenSSL's command and a few lines of Python.
TEST_F(CheckpointTest, OpensTheExampleOfTheFormatsPage) {
  const NoteVerifier known[] = {
      *NoteVerifier::Parse("irs.treasury.example/ledger/2027+4bbaa738+"
                           "AddamAGCsQq31Uv+08lkBzoO4XLz2qYjJa8CGmj3B1Ea"),
      *NoteVerifier::Parse("fsa.ed.example+5d4feda0+BNdamAGCsQq31Uv+08lkBzoO4XLz2qYjJa8CGmj3B1Ea")};
  const std::string note =
      "irs.treasury.example/ledger/2027\n3\nw2UeVBcUxT1kjsx7rsp/4sNu9PplvM4ksdcShkN95WY=\n\n"
      "— irs.treasury.example/ledger/2027 "
      "S7qnOJsa60OOkY6pMVO2DXSIzr4hT5iIGMG2rAlZ2gl5WnodnkmQfkPn8Po9"
      "s0LjQzA3QZu0Shg4SrFUrd9JLF0+1w8=\n"
      "— fsa.ed.example "
      "XU/toAAAAABtGCAAPDEkRMnYDDiwUa4aoCeaPKlP3OP+WF2h6g5LVdvzi8TpNq0OmG7BsQxDpu+HaDFk"
      "RTQI7/0jFVTxsit3QgmhDA==\n";
  const TlogProof proof = *ReadTlogProof(
      absl::StrCat("c2sp.org/tlog-proof@v1\nindex 1\noa8DAjHKL9IOzzDFKUuvj2kyHQm7FqxTiFzNF6OFKA0=\n"
                   "ZW0+j1RCOM324y1kD1G6CRSVmxTt16UtC4uZq0yKxsY=\n\n",
                   note));
  auto opened = VerifyTlogProof(proof, AsBytes("second"), known);
  ASSERT_TRUE(opened.ok()) << opened.status();
  ASSERT_EQ(opened->cosigned.size(), 1u);
  EXPECT_EQ(opened->cosigned[0].seconds, 1830297600u);
  CompactRange range;
  for (const char* entry : {"first", "second", "third"}) range.Append(LeafHash(AsBytes(entry)));
  EXPECT_EQ(opened->checkpoint.root, range.Root());
}

TEST_F(CheckpointTest, RefusesEverythingElse) {
  const std::string root = kRoot;
  const std::string malformed[] = {
      std::string(), std::string("o\n"), "o\n1\n" + root, "o\n1\n\n", "o\n1\n" + root + "\n\n",
      "o\n1\n" + root + "\nextension\n", "\n1\n" + root + "\n", "o o\n1\n" + root + "\n",
      "o+o\n1\n" + root + "\n", "o\n01\n" + root + "\n", "o\n+1\n" + root + "\n",
      "o\n-1\n" + root + "\n", "o\n 1\n" + root + "\n", "o\n1 \n" + root + "\n",
      "o\n\n" + root + "\n", "o\n1e3\n" + root + "\n", "o\n0x10\n" + root + "\n",
      "o\n9223372036854775808\n" + root + "\n", "o\n18446744073709551616\n" + root + "\n",
      "o\n99999999999999999999999999999\n" + root + "\n",
      "o\n1\n" + root.substr(0, root.size() - 1) + "\n", "o\n1\nAAAA\n",
      "o\n1\n" + root.substr(0, 42) + "J=\n",
      // An empty log has one root.
      "o\n0\n" + root + "\n"};
  for (const std::string& bad : malformed) {
    EXPECT_TRUE(absl::IsInvalidArgument(ReadCheckpoint(bad).status())) << bad;
  }
  EXPECT_TRUE(ReadCheckpoint("o\n9223372036854775807\n" + root + "\n").ok());
  EXPECT_TRUE(ReadCheckpoint(Checkpoint{"o", 0, EmptyRoot()}.Text()).ok());
}

TEST_F(CheckpointTest, OpensWithTheLogsKeyAndNamesWitnesses) {
  auto note = ReadNote(Signed());
  ASSERT_TRUE(note.ok());
  note->signatures.push_back(*witness_.CosignNote(note->text, 1795219200));
  const NoteVerifier known[] = {log_.verifier(), witness_.verifier()};
  auto opened = OpenCheckpoint(note->ToString(), known);
  ASSERT_TRUE(opened.ok()) << opened.status();
  EXPECT_EQ(opened->checkpoint, checkpoint_);
  ASSERT_EQ(opened->cosigned.size(), 1u);
  EXPECT_EQ(opened->cosigned[0].verifier, 1u);
  EXPECT_EQ(opened->cosigned[0].seconds, 1795219200u);
}

TEST_F(CheckpointTest, OpensUnderEd25519OrEcdsaOrBoth) {
  const NoteSigner* const both[] = {&log_, &fips_};
  const std::string note = *SignCheckpoint(checkpoint_, both);
  const NoteVerifier ed25519[] = {log_.verifier()};
  const NoteVerifier ecdsa[] = {fips_.verifier()};
  const NoteVerifier all[] = {log_.verifier(), fips_.verifier()};
  EXPECT_TRUE(OpenCheckpoint(note, ed25519).ok());
  EXPECT_TRUE(OpenCheckpoint(note, ecdsa).ok());
  EXPECT_EQ(OpenCheckpoint(note, all)->note.by.size(), 2u);
}

TEST_F(CheckpointTest, IsNotTheLogsWhenOnlyOthersSigned) {
  SignedNote note{checkpoint_.Text(), {*stranger_.SignNote(checkpoint_.Text())}};
  const NoteVerifier known[] = {stranger_.verifier(), log_.verifier(), witness_.verifier()};
  EXPECT_TRUE(absl::IsPermissionDenied(OpenCheckpoint(note.ToString(), known).status()));
  note.signatures = {*witness_.CosignNote(checkpoint_.Text(), 1)};
  EXPECT_TRUE(absl::IsPermissionDenied(OpenCheckpoint(note.ToString(), known).status()));
  // A cosigner that takes the log's name is still no log.
  const NoteSigner posing = *NoteSigner::MakeCosigner(kOrigin, NewKey(KeyKind::kEd25519));
  note.signatures = {*posing.CosignNote(checkpoint_.Text(), 1)};
  const NoteVerifier posed[] = {posing.verifier()};
  EXPECT_TRUE(absl::IsPermissionDenied(OpenCheckpoint(note.ToString(), posed).status()));
}

TEST_F(CheckpointTest, SignsOnlyForTheLogTheKeyIsNamedAfter) {
  const NoteSigner* const strangers[] = {&stranger_};
  EXPECT_FALSE(SignCheckpoint(checkpoint_, strangers).ok());
  EXPECT_FALSE(SignCheckpoint(checkpoint_, {}).ok());
  Checkpoint huge = checkpoint_;
  huge.size = kLargestTree + 1;
  const NoteSigner* const signers[] = {&log_};
  EXPECT_FALSE(SignCheckpoint(huge, signers).ok());
}

TEST_F(CheckpointTest, ProvesEveryEntryByAFile) {
  const NoteVerifier known[] = {log_.verifier()};
  for (uint64_t index = 0; index < leaves_.size(); ++index) {
    const std::string file = ProofOf(index).ToString();
    auto proof = ReadTlogProof(file);
    ASSERT_TRUE(proof.ok()) << proof.status();
    EXPECT_EQ(proof->ToString(), file);
    auto opened = VerifyTlogProof(*proof, AsBytes(EntryOf(index)), known);
    EXPECT_TRUE(opened.ok()) << opened.status();
    EXPECT_FALSE(VerifyTlogProof(*proof, AsBytes(EntryOf(index + 1)), known).ok());
    proof->index ^= 1;
    EXPECT_FALSE(VerifyTlogProof(*proof, AsBytes(EntryOf(index)), known).ok());
  }
  const NoteVerifier strangers[] = {stranger_.verifier()};
  EXPECT_FALSE(VerifyTlogProof(ProofOf(0), AsBytes(EntryOf(0)), strangers).ok());
}

TEST_F(CheckpointTest, KeepsExtraDataAndHashesInTheProofFile) {
  TlogProof proof{std::string("extra information"), 10, {LeafHash({})}, "checkpoint data\n"};
  EXPECT_EQ(proof.ToString(),
            absl::StrCat("c2sp.org/tlog-proof@v1\nextra ZXh0cmEgaW5mb3JtYXRpb24=\nindex 10\n",
                         Base64(LeafHash({})), "\n\ncheckpoint data\n"));
  EXPECT_EQ(ReadTlogProof(proof.ToString())->extra, "extra information");
  proof.extra = "";
  EXPECT_EQ(ReadTlogProof(proof.ToString())->extra, "");
}

TEST_F(CheckpointTest, RefusesMalformedProofFiles) {
  const std::string hash = kRoot;
  const std::string head = "c2sp.org/tlog-proof@v1\n";
  std::string many = head + "index 0\n";
  for (int i = 0; i < 64; ++i) many += hash + "\n";
  const std::string malformed[] = {std::string(),
                                   head,
                                   "c2sp.org/tlog-proof@v2\nindex 0\n\nx\n",
                                   "wrong\nindex 0\n\nx\n",
                                   head + "index 0",
                                   head + "index 0\n",
                                   head + "index 0\n" + hash + "\n",
                                   head + "index 00\n\nx\n",
                                   head + "index -5\n\nx\n",
                                   head + "index 1e1\n\nx\n",
                                   head + "index \n\nx\n",
                                   head + "\n\nx\n",
                                   head + "index 9223372036854775807\n\nx\n",
                                   head + "index 18446744073709551616\n\nx\n",
                                   head + "extra !!\nindex 0\n\nx\n",
                                   head + "extra ZXh\nindex 0\n\nx\n",
                                   head + "extra Zg==\nextra Zg==\nindex 0\n\nx\n",
                                   head + "index 0\nextra Zg==\n\nx\n",
                                   head + "index 0\n!!\n\nx\n",
                                   head + "index 0\n" + hash + hash + "\n\nx\n",
                                   head + "index 0\n" + hash + " \n\nx\n",
                                   head + "index 0\r\n\nx\n",
                                   many + "\nx\n",
                                   head + "index 0\n\n" + std::string(size_t{1} << 20, 'x')};
  for (const std::string& bad : malformed) {
    EXPECT_TRUE(absl::IsInvalidArgument(ReadTlogProof(bad).status())) << bad.substr(0, 200);
  }
}

}  // namespace
}  // namespace vouch::crypto
