#include "crypto/note.h"

#include <gtest/gtest.h>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"
#include "crypto/base64.h"

namespace vouch::crypto {
namespace {

// The note that golang.org/x/mod/sumdb/note documents.
constexpr char kPeterKey[] = "PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW";
constexpr char kPeterText[] =
    "If you think cryptography is the answer to your problem,\n"
    "then you don't know what your problem is.\n";
constexpr char kPeterLine[] =
    "— PeterNeumann "
    "x08go/ZJkuBS9UG/SffcvIAQxVBtiFupLLr8pAcElZInNIuGUgYN1FFYC2pZSNXgKvqfqdngotpRZb6KE6RyyBwJnAM="
    "\n";
constexpr char kEnochLine[] =
    "— EnochRoot "
    "rwz+eBzmZa0SO3NbfRGzPCpDckykFXSdeX+MNtCOXm2/5n2tiOHp+vAF1aGrQ5ovTG01oOTGwnWLox33WWd1RvMc+QQ="
    "\n";

std::string PeterNote() { return absl::StrCat(kPeterText, "\n", kPeterLine); }

NoteVerifier Key(absl::string_view text) {
  absl::StatusOr<NoteVerifier> key = NoteVerifier::Parse(text);
  EXPECT_TRUE(key.ok()) << key.status();
  return *std::move(key);
}

std::shared_ptr<const SigningKey> NewKey(KeyKind kind) {
  return std::make_shared<const SigningKey>(SigningKey::Generate(kind));
}

class NoteTest : public testing::Test {
 protected:
  const NoteSigner log_ = *NoteSigner::Make("log.example/2027", NewKey(KeyKind::kEd25519));
  const NoteSigner other_ = *NoteSigner::Make("log.example/2027", NewKey(KeyKind::kP256));
  const NoteSigner witness_ =
      *NoteSigner::MakeCosigner("witness.example/w", NewKey(KeyKind::kEd25519));

  static std::string NoteOf(absl::string_view text, const std::vector<NoteSignature>& signatures) {
    return SignedNote{std::string(text), signatures}.ToString();
  }
};

TEST(NoteVerifierTest, ReadsPublicVerifierKeysAndWritesThemBack) {
  for (const char* text : {"example.com/foo+530d903a+AekyeRrm56hApGFkyQR4ZCbV54Id2LKaANYcrnKv3U2k",
                           kPeterKey, "TEST+7997405c+AQcC+FTVKf0jlTdHDY3rbevmnKxxPjigCXlVtGe6RIr6",
                           "remora.n621.de+da77ade7+BOvN63jn/bLvkieywe8R6UYAtVtNbZpXh34x7onlmtw2",
                           "rekor.sigstore.dev+c0d23d6a+"
                           "AjBZMBMGByqGSM49AgEGCCqGSM49AwEHA0IABNhtmPtrWm3U1eQXBogSMdGvXwBc"
                           "K5AW5i0hrZLOC96l+smGNM7nwZ4QvFK/4sueRoVj//QP22Ni4Qt9DPfkWLc="}) {
    EXPECT_EQ(Key(text).ToString(), text);
  }
  EXPECT_EQ(Key(kPeterKey).name(), "PeterNeumann");
  EXPECT_EQ(Key(kPeterKey).key_id(), 0xc74f20a3u);
  EXPECT_EQ(Key("remora.n621.de+da77ade7+BOvN63jn/bLvkieywe8R6UYAtVtNbZpXh34x7onlmtw2").type(),
            NoteKeyType::kCosignature);
}

TEST(NoteVerifierTest, RefusesEverythingMalformed) {
  for (const char* bad :
       {"", "+", "++", "PeterNeumann", "PeterNeumann+c74f20a3",
        // Another hash, hash in capitals, too short, no hash.
        "PeterNeumann+c74f20a4+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW",
        "PeterNeumann+C74F20A3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW",
        "PeterNeumann+c74f20a+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW",
        "PeterNeumann++ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW",
        // Other names.
        "+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW",
        "Peter Neumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW",
        "PeterNeuman+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW",
        // A key of another length with the hash that fits, and a type not known.
        "PeterNeumann+cc469956+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TWBADKEY==",
        "PeterNeumann+173116ae+ZRpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW",
        // Base64 that is not canonical, and nothing.
        "PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW\n",
        "PeterNeumann+c74f20a3+ ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW",
        "PeterNeumann+c74f20a3+", "rekor.sigstore.dev+12345678+AwEB"}) {
    EXPECT_TRUE(absl::IsInvalidArgument(NoteVerifier::Parse(bad).status())) << bad;
  }
}

TEST(NoteVerifierTest, RefusesAnEcdsaKeyThatIsNotP256) {
  const auto rsa = NewKey(KeyKind::kRsa);
  EXPECT_FALSE(NoteVerifier::From("a", NoteKeyType::kEcdsaP256, AsBytes(rsa->PublicDer())).ok());
  const auto ed25519 = NewKey(KeyKind::kEd25519);
  EXPECT_FALSE(
      NoteVerifier::From("a", NoteKeyType::kEcdsaP256, AsBytes(ed25519->PublicDer())).ok());
  EXPECT_TRUE(
      NoteVerifier::From("a", NoteKeyType::kCosignature, AsBytes(ed25519->PublicDer())).ok());
}

TEST(NoteSignerTest, RefusesKeysThatMakeNoSuchSignature) {
  EXPECT_FALSE(NoteSigner::Make("a", NewKey(KeyKind::kRsa)).ok());
  EXPECT_FALSE(NoteSigner::MakeCosigner("a", NewKey(KeyKind::kP256)).ok());
  EXPECT_FALSE(NoteSigner::Make("a b", NewKey(KeyKind::kEd25519)).ok());
}

TEST(NoteKeyNameTest, HasNeitherWhiteSpaceNorPlus) {
  EXPECT_TRUE(IsNoteKeyName("irs.treasury.example/ledger/2027"));
  EXPECT_TRUE(IsNoteKeyName("gemäß.example"));
  EXPECT_TRUE(IsNoteKeyName(std::string(255, 'n')));
  for (const std::string& bad :
       {std::string(), std::string("a b"), std::string("a+b"), std::string("a\tb"),
        std::string("a\nb"), std::string("a\xc2\x85"), std::string("a\xc2\xa0"),
        std::string("\xe2\x80\xa8"), std::string("\xe3\x80\x80"), std::string("a\x80"),
        std::string("\xed\xa0\x80"), std::string("a\0b", 3), std::string(256, 'n')}) {
    EXPECT_FALSE(IsNoteKeyName(bad)) << bad;
  }
}

TEST_F(NoteTest, OpensTheNoteThatGoDocuments) {
  const NoteVerifier known[] = {Key(kPeterKey)};
  auto note = OpenNote(PeterNote(), known);
  ASSERT_TRUE(note.ok()) << note.status();
  EXPECT_EQ(note->text, kPeterText);
  ASSERT_EQ(note->by.size(), 1u);
  EXPECT_EQ(note->note.ToString(), PeterNote());
  // With another's signature before or behind it.
  for (const std::string& both :
       {PeterNote() + kEnochLine, absl::StrCat(kPeterText, "\n", kEnochLine, kPeterLine)}) {
    auto opened = OpenNote(both, known);
    ASSERT_TRUE(opened.ok()) << opened.status();
    EXPECT_EQ(opened->by.size(), 1u);
    EXPECT_EQ(opened->note.signatures.size(), 2u);
  }
}

TEST_F(NoteTest, OpensEcdsaNotesOfPublicLogs) {
  struct {
    const char* key;
    const char* note;
  } const logs[] = {
      {"rekor.sigstore.dev+c0d23d6a+"
       "AjBZMBMGByqGSM49AgEGCCqGSM49AwEHA0IABNhtmPtrWm3U1eQXBogSMdGvXwBc"
       "K5AW5i0hrZLOC96l+smGNM7nwZ4QvFK/4sueRoVj//QP22Ni4Qt9DPfkWLc=",
       "Rekor\n798034\nf+7CoKgXKE/tNys9TTXcr/ad6U/K3xvznmzew9y6SP0=\n\n— rekor.sigstore.dev "
       "wNI9ajBEAiARInWIWyCdyG27CO6LPnPekyw20qO0YJfoaPaowGp/"
       "XgIgc+qEHS3+GKVClgqq20uDLet7MCoTURUCRdxw"
       "WBHHufk=\n"},
      {"pixel6_transparency_log+91c16e30+AjBZMBMGByqGSM49AgEGCCqGSM49AwEHA0IABN+"
       "4x0Jk1yTwvLFI9A4NDdG"
       "ZcX0aiWVdWM5XJVy0M4VWD3AvyW5Q6Hs9A0mcDkpUoYgn+KKPNzFC0H3nN3q6JQ8=",
       "DEFAULT\n10\nbsWRucJU5xJPHb5eBdOm6+DM+VelCZBuvtI3sHERJ9Y=\n\n— pixel6_transparency_log "
       "kcFuMDBFAiEAhqMAP8P6qf6QxtUJhzMhbN+MbZ9dwfUHzGQJmffJHtoCIGD0cNe47dHWBoPwYdgBCepB06/"
       "+g5O1FmYj"
       "Xl06owL4\n"}};
  for (const auto& log : logs) {
    const NoteVerifier known[] = {Key(log.key)};
    auto note = OpenNote(log.note, known);
    EXPECT_TRUE(note.ok()) << note.status();
    EXPECT_FALSE(
        OpenNote(absl::StrReplaceAll(log.note, {{"0\n", "1\n"}, {"4\n", "5\n"}}), known).ok());
  }
}

TEST_F(NoteTest, SignsWithSeveralKeysOfEveryType) {
  const std::string text = "log.example/2027\n1\n\nmore\n";
  const std::string note = NoteOf(
      text, {*log_.SignNote(text), *other_.SignNote(text), *witness_.CosignNote(text, 1795219200)});
  const NoteVerifier known[] = {witness_.verifier(), other_.verifier(), log_.verifier()};
  auto opened = OpenNote(note, known);
  ASSERT_TRUE(opened.ok()) << opened.status();
  EXPECT_EQ(opened->text, text);
  ASSERT_EQ(opened->by.size(), 3u);
  EXPECT_EQ(opened->by[0].verifier, 2u);
  EXPECT_EQ(opened->by[1].verifier, 1u);
  EXPECT_EQ(opened->by[2].verifier, 0u);
  EXPECT_EQ(opened->by[0].seconds, 0u);
  EXPECT_EQ(opened->by[2].seconds, 1795219200u);
}

TEST_F(NoteTest, IgnoresKeysNotKnownEvenUnderTheSameName) {
  const std::string note = NoteOf("t\n", {*log_.SignNote("t\n"), *other_.SignNote("u\n")});
  const NoteVerifier log_only[] = {log_.verifier()};
  EXPECT_TRUE(OpenNote(note, log_only).ok());
  const NoteVerifier both[] = {log_.verifier(), other_.verifier()};
  EXPECT_TRUE(absl::IsInvalidArgument(OpenNote(note, both).status()));
}

TEST_F(NoteTest, RejectsTheNoteForOneBadSignatureOfAKnownKey) {
  const NoteVerifier known[] = {log_.verifier(), witness_.verifier()};
  NoteSignature bent = *log_.SignNote("t\n");
  bent.bytes[5] = static_cast<char>(bent.bytes[5] ^ 1);
  const NoteSignature witnessed = *witness_.CosignNote("t\n", 7);
  EXPECT_TRUE(absl::IsInvalidArgument(OpenNote(NoteOf("t\n", {bent, witnessed}), known).status()));
  EXPECT_TRUE(absl::IsInvalidArgument(OpenNote(NoteOf("t\n", {witnessed, bent}), known).status()));
}

TEST_F(NoteTest, RejectsATextOtherThanWasSigned) {
  const NoteVerifier known[] = {log_.verifier()};
  const NoteSignature signature = *log_.SignNote("text\n");
  EXPECT_TRUE(OpenNote(NoteOf("text\n", {signature}), known).ok());
  for (const char* text : {"tex\n", "text\n\n", "Text\n", "\ntext\n"}) {
    EXPECT_FALSE(OpenNote(NoteOf(text, {signature}), known).ok()) << text;
  }
}

TEST_F(NoteTest, RejectsACosignatureWithAnotherTimeOrLength) {
  const NoteVerifier known[] = {witness_.verifier()};
  const NoteSignature good = *witness_.CosignNote("t\n", 1795219200);
  ASSERT_EQ(good.bytes.size(), 72u);
  for (size_t i = 0; i < good.bytes.size(); ++i) {
    NoteSignature bent = good;
    bent.bytes[i] = static_cast<char>(bent.bytes[i] ^ 0x10);
    EXPECT_FALSE(OpenNote(NoteOf("t\n", {bent}), known).ok()) << i;
  }
  for (size_t size : {1u, 8u, 64u, 71u}) {
    NoteSignature shorter = good;
    shorter.bytes.resize(size);
    EXPECT_FALSE(OpenNote(NoteOf("t\n", {shorter}), known).ok()) << size;
  }
  NoteSignature longer = good;
  longer.bytes.push_back('\0');
  EXPECT_FALSE(OpenNote(NoteOf("t\n", {longer}), known).ok());
}

TEST_F(NoteTest, KeepsTheTypesOfOneKeyApart) {
  const auto key = NewKey(KeyKind::kEd25519);
  const NoteSigner signer = *NoteSigner::Make("a.example", key);
  const NoteSigner cosigner = *NoteSigner::MakeCosigner("a.example", key);
  EXPECT_NE(signer.verifier().key_id(), cosigner.verifier().key_id());
  EXPECT_FALSE(signer.CosignNote("t\n", 1).ok());
  EXPECT_FALSE(cosigner.SignNote("t\n").ok());
  // A log that signs what a cosigner would have signed makes no cosignature.
  NoteSignature forged = *signer.SignNote("cosignature/v1\ntime 1\nt\n");
  forged.key_id = cosigner.verifier().key_id();
  const NoteVerifier known[] = {cosigner.verifier()};
  EXPECT_FALSE(OpenNote(NoteOf("t\n", {forged}), known).ok());
}

TEST_F(NoteTest, RejectsAKnownKeyThatSignsTwice) {
  const NoteVerifier known[] = {log_.verifier()};
  const NoteSignature signature = *log_.SignNote("t\n");
  EXPECT_TRUE(
      absl::IsInvalidArgument(OpenNote(NoteOf("t\n", {signature, signature}), known).status()));
}

TEST_F(NoteTest, SaysWhenNobodyKnownSigned) {
  const NoteVerifier known[] = {other_.verifier()};
  EXPECT_TRUE(absl::IsPermissionDenied(OpenNote(PeterNote(), known).status()));
  EXPECT_TRUE(absl::IsPermissionDenied(OpenNote(PeterNote(), {}).status()));
}

TEST_F(NoteTest, RefusesEveryMalformedNote) {
  const std::string text = kPeterText;
  const std::string line = kPeterLine;
  const std::string bad[] = {
      "",
      "\n",
      text,
      text + "\n",
      text + line,
      text + "\n" + line.substr(0, line.size() - 1),
      text + "\n" + line + "\n",
      text + "\n" + line + "x",
      text + "\n" + line.substr(3),
      text + "\n" + absl::StrReplaceAll(line, {{"— ", "- "}}),
      text + "\n" + absl::StrReplaceAll(line, {{"— ", "—"}}),
      text + "\n" + absl::StrReplaceAll(line, {{"— ", "—  "}}),
      text + "\n" + absl::StrReplaceAll(line, {{"PeterNeumann ", "PeterNeumann  "}}),
      text + "\n" + absl::StrReplaceAll(line, {{"PeterNeumann", "Peter Neumann"}}),
      text + "\n" + absl::StrReplaceAll(line, {{"PeterNeumann", "Peter+Neumann"}}),
      text + "\n" + absl::StrReplaceAll(line, {{"PeterNeumann ", "PeterNeumann\xc2\xa0 "}}),
      text + "\n" + absl::StrReplaceAll(line, {{"PeterNeumann ", ""}}),
      text + "\n" + absl::StrReplaceAll(line, {{"AM=", "AN="}}),  // bits behind the last byte
      text + "\n" + absl::StrReplaceAll(line, {{"AM=", "AM"}}),
      text + "\n" + absl::StrReplaceAll(line, {{"=\n", "= \n"}}),
      text + "\n" + absl::StrReplaceAll(line, {{"=\n", "=\r\n"}}),
      text + "\n— PeterNeumann x08gow==\n",  // a key id and nothing
      text + "\n— PeterNeumann x08g\n",
      text + "\n— PeterNeumann \n",
      absl::StrReplaceAll(text, {{" ", "\t"}}) + "\n" + line,
      text + std::string("a\0b\n", 4) + "\n" + line,
      text + "\x7f\x80\n\n" + line,
      text + "\xc0\xaf\n\n" + line,
      text + "\xed\xa0\x80\n\n" + line,
      "\n" + line,
  };
  for (const std::string& note : bad) {
    EXPECT_TRUE(absl::IsInvalidArgument(ReadNote(note).status())) << note;
  }
  EXPECT_TRUE(ReadNote(PeterNote()).ok());
}

TEST_F(NoteTest, RefusesWhatIsTooLarge) {
  const std::string huge(kLargestNote, 'x');
  EXPECT_FALSE(ReadNote(absl::StrCat(huge, "\n\n", kPeterLine)).ok());
  EXPECT_FALSE(log_.SignNote(huge + "\n").ok());
  SignedNote many{"t\n", std::vector<NoteSignature>(kMostNoteSignatures, *log_.SignNote("t\n"))};
  EXPECT_TRUE(ReadNote(many.ToString()).ok());
  many.signatures.push_back(many.signatures[0]);
  EXPECT_FALSE(ReadNote(many.ToString()).ok());
}

TEST_F(NoteTest, SignsNoTextThatCouldNotBeReadBack) {
  for (const std::string& text : {std::string(), std::string("t"), std::string("a\tb\n"),
                                  std::string("a\xff\n"), std::string("\0\n", 2)}) {
    EXPECT_FALSE(log_.SignNote(text).ok()) << text;
    EXPECT_FALSE(witness_.CosignNote(text, 1).ok()) << text;
  }
  EXPECT_FALSE(witness_.CosignNote("t\n", uint64_t{1} << 63).ok());
}

TEST_F(NoteTest, TakesTheLastBlankLineAsTheEndOfTheText) {
  const std::string text = absl::StrCat("first\n\n", kPeterLine);
  const NoteVerifier known[] = {log_.verifier()};
  auto opened = OpenNote(NoteOf(text, {*log_.SignNote(text)}), known);
  ASSERT_TRUE(opened.ok());
  EXPECT_EQ(opened->text, text);
}

TEST_F(NoteTest, EveryFlippedBitIsSeen) {
  const NoteVerifier known[] = {Key(kPeterKey)};
  const std::string good = PeterNote();
  for (size_t i = 0; i < good.size(); ++i) {
    for (int bit = 0; bit < 8; ++bit) {
      std::string bent = good;
      bent[i] = static_cast<char>(bent[i] ^ (1 << bit));
      EXPECT_FALSE(OpenNote(bent, known).ok()) << i << " " << bit;
    }
    EXPECT_FALSE(OpenNote(good.substr(0, i), known).ok()) << i;
  }
}

}  // namespace
}  // namespace vouch::crypto
