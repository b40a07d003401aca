// The log as whoever is no operator meets it: exported, given away, computed anew.
#include <arpa/inet.h>
#include <sys/socket.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <memory>
#include <thread>

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "crypto/checkpoint.h"
#include "crypto/keys.h"
#include "nlohmann/json.hpp"
#include "tests/client/node_with_journal.h"

namespace vouch::tests {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

class VouchLedgerLogTest : public NodeWithJournal {
 protected:
  // The verifier key.
  std::string Export(const std::string& output = "log", bool hashes_only = false) const {
    std::vector<std::string> arguments = {"ledger", "export",   "--node", "irs",
                                          "--json", "--output", output};
    if (hashes_only) arguments.push_back("--hashes-only");
    const ProcessResult result = Fine(arguments);
    return nlohmann::json::parse(result.out)["key"];
  }
  void DoesNotVerify(const std::string& key, const std::string& words) const {
    Refused({"ledger", "verify", "log", "--key", key}, 1, words);
  }
  void Flip(const std::string& name, size_t at) const {
    std::string bytes = Read(name);
    ASSERT_LT(at, bytes.size());
    bytes[at] = static_cast<char>(bytes[at] ^ 1);
    Write(name, bytes);
  }
};

TEST_F(VouchLedgerLogTest, IsExportedBesideTheRunningNodeAndVerifiesUnderTheKeyAlone) {
  Append(300);
  const std::string key = Export();
  const ProcessResult result = Fine({"ledger", "verify", "log", "--key", key});
  EXPECT_THAT(result.out, HasSubstr("irs.treasury.example/ledger/2027 verifies: 300 entries"));
  EXPECT_THAT(result.out, HasSubstr("All 300 entries were hashed anew"));
}

TEST_F(VouchLedgerLogTest, TheNodesOwnKeyIsFoundWithoutNamingIt) {
  Append(3);
  Export();
  const ProcessResult result = Fine({"ledger", "verify", "log", "--node", "irs", "--json"});
  const auto facts = nlohmann::json::parse(result.out);
  EXPECT_EQ(facts["result"], "verified");
  EXPECT_EQ(facts["origin"], kOrigin);
  EXPECT_EQ(facts["entries"], 3);
  EXPECT_EQ(facts["entries_read"], 3);
}

TEST_F(VouchLedgerLogTest, ASecondKeySignsBesideTheFirstAndEitherIsEnough) {
  EXPECT_THAT(Fine({"keys", "ledger-p256", "--node", "irs"}).out, HasSubstr("ledger-p256.pem"));
  EXPECT_EQ(Mode("irs/keys/ledger-p256.key") & 0777u, 0600u);
  const auto also = *crypto::SigningKey::FromPem(Read("irs/keys/ledger-p256.key"));
  Refused({"keys", "ledger-p256", "--node", "irs"}, 1, "was not touched");
  Append(3);
  const std::string key = Export();
  Fine({"ledger", "verify", "log", "--key", key});
  const std::string public_der = also.PublicDer();
  const auto verifier = crypto::NoteVerifier::From(kOrigin, crypto::NoteKeyType::kEcdsaP256,
                                                   crypto::AsBytes(public_der));
  Fine({"ledger", "verify", "log", "--key", verifier->ToString()});
  Fine({"partner", "export", "--node", "irs", "--output", "of-irs"});
  EXPECT_EQ(Read("of-irs/ledger-p256.pem"), crypto::PublicKeyToPem(crypto::AsBytes(public_der)));
}

TEST_F(VouchLedgerLogTest, ASecondKeyIsMadeForProgramsToo) {
  const auto facts =
      nlohmann::json::parse(Fine({"keys", "ledger-p256", "--node", "irs", "--json"}).out);
  Fine({"partner", "export", "--node", "irs", "--output", "of-irs"});
  EXPECT_EQ(facts["public_key"], Read("of-irs/" + std::string(facts["export_name"])));
  EXPECT_EQ(facts["taken_as"], "ledger_key");
}

TEST_F(VouchLedgerLogTest, AnExportGrowsWhereItIs) {
  Append(500);
  Export();
  Append(600);
  const std::string key = Export();
  EXPECT_THAT(Fine({"ledger", "verify", "log", "--key", key}).out, HasSubstr("1100 entries"));
}

TEST_F(VouchLedgerLogTest, AnEmptyLogVerifies) {
  EXPECT_THAT(Fine({"ledger", "verify", "log", "--key", Export()}).out, HasSubstr("0 entries"));
}

TEST_F(VouchLedgerLogTest, HashesAloneAreSaidToBeNoMore) {
  Append(300);
  const std::string key = Export("log", true);
  EXPECT_FALSE(Exists("log/tile/entries"));
  EXPECT_THAT(Fine({"ledger", "verify", "log", "--key", key}).out,
              HasSubstr("The entries themselves are not here"));
}

TEST_F(VouchLedgerLogTest, AnEditedEntryIsFound) {
  Append(300);
  const std::string key = Export();
  Flip("log/tile/entries/000", 40);
  DoesNotVerify(key, "tile/0/000 does not agree with the entries");
}

TEST_F(VouchLedgerLogTest, AnEditedHashIsFound) {
  Append(300);
  const std::string key = Export("log", true);
  Flip("log/tile/0/001.p/44", 5);
  DoesNotVerify(key, "does not give the root");
}

TEST_F(VouchLedgerLogTest, ADroppedEntryIsFound) {
  Append(300);
  const std::string key = Export();
  std::filesystem::remove(Path("log/tile/entries/001.p/44"));
  DoesNotVerify(key, "tile/entries/001");
}

TEST_F(VouchLedgerLogTest, ACheckpointOfAnotherKeyIsNone) {
  Append(3);
  Export();
  const auto other = *crypto::NoteSigner::Make(
      kOrigin, std::make_shared<const crypto::SigningKey>(
                   crypto::SigningKey::Generate(crypto::KeyKind::kEd25519)));
  DoesNotVerify(other.verifier().ToString(), "DOES NOT VERIFY");
}

TEST_F(VouchLedgerLogTest, EveryYearsLogIsExportedAndHowOneFollowsTheOther) {
  Append(300);
  now_ = kYearAfter;
  Append(5);
  const std::string key = Export();
  EXPECT_TRUE(Exists("log/2028/checkpoint"));
  // The key of one year, under its own name, is that of all.
  const ProcessResult result = Fine({"ledger", "verify", "log", "--key", key});
  EXPECT_THAT(result.out, HasSubstr("irs.treasury.example/ledger/2027 verifies: 301 entries"));
  EXPECT_THAT(result.out, HasSubstr("irs.treasury.example/ledger/2028 verifies: 6 entries"));
  EXPECT_THAT(result.out, HasSubstr("ended with 301 entries, and "
                                    "irs.treasury.example/ledger/2028 goes on from exactly that"));
  const auto facts =
      nlohmann::json::parse(Fine({"ledger", "verify", "log", "--node", "irs", "--json"}).out);
  EXPECT_EQ(facts["result"], "verified");
  EXPECT_EQ(facts["entries"], 6);
  EXPECT_EQ(facts["logs"][0]["entries"], 301);
  // It grows where it is.
  Append(9);
  Export();
  EXPECT_THAT(Fine({"ledger", "verify", "log", "--key", key}).out, HasSubstr(": 15 entries"));
  // Of hashes alone it is said that this cannot be seen.
  const std::string hashes_key = Export("hashes", true);
  EXPECT_THAT(Fine({"ledger", "verify", "hashes", "--key", hashes_key}).err,
              HasSubstr("stands in entries that are not here"));
}

// Both verify, each by itself; the second follows another end.
TEST_F(VouchLedgerLogTest, AYearThatDoesNotGoOnFromTheOneBeforeIsFound) {
  Append(300);
  journal_.reset();
  std::filesystem::copy(Path("irs/journal"), Path("shorter"),
                        std::filesystem::copy_options::recursive);
  Open();
  now_ = kYearAfter;
  Append(5);
  const std::string key = Export();
  journal_.reset();
  std::filesystem::remove_all(Path("irs/journal"));
  std::filesystem::rename(Path("shorter"), Path("irs/journal"));
  Open();
  now_ = kYearAfter - 1000;
  Append(7);
  now_ = kYearAfter;
  Append(5);
  Export("other");
  std::filesystem::remove_all(Path("log/2028"));
  std::filesystem::copy(Path("other/2028"), Path("log/2028"),
                        std::filesystem::copy_options::recursive);
  DoesNotVerify(key, "does not commit to this checkpoint of it");
  // Without the year in between, the next follows nothing that is there.
  std::filesystem::remove_all(Path("log/2028"));
  EXPECT_THAT(Fine({"ledger", "verify", "log", "--key", key}).out, HasSubstr("301 entries"));
}

TEST_F(VouchLedgerLogTest, AJournalThatWasPutBackIsNotExportedOverWhatWasSigned) {
  Append(300);
  std::filesystem::copy(Path("irs/journal"), Path("older"),
                        std::filesystem::copy_options::recursive);
  Append(300);
  const std::string key = Export();
  journal_.reset();
  std::filesystem::remove_all(Path("irs/journal"));
  std::filesystem::rename(Path("older"), Path("irs/journal"));
  Refused({"ledger", "export", "--node", "irs", "--output", "log"}, 3, "put back");
  EXPECT_THAT(Fine({"ledger", "verify", "log", "--key", key}).out, HasSubstr("600 entries"));
}

TEST_F(VouchLedgerLogTest, WithoutAKeyNothingIsClaimed) {
  Append(3);
  Export();
  Refused({"ledger", "verify", "log"}, 2, "--key");
  Refused({"ledger", "verify", "log", "--key", "no key"}, 2, "--key");
}

TEST_F(VouchLedgerLogTest, WhatIsNotThereIsSaidSo) {
  Refused({"ledger", "verify", "nowhere"}, 3, "no folder nowhere");
  Refused({"ledger", "verify", "irs"}, 3, "no checkpoint");
  Refused({"ledger", "verify", "fsa.ed.example", "--node", "irs"}, 3, "neither a partner");
}

TEST_F(VouchLedgerLogTest, NoScratchIsLeftBeside) {
  Append(3);
  Export();
  for (const auto& file : std::filesystem::directory_iterator(Path("."))) {
    EXPECT_THAT(file.path().string(), Not(HasSubstr(".tree-")));
  }
}

// A server that sends a byte now and then, in its head or behind it, is not waited for.
TEST_F(VouchLedgerLogTest, ASiteThatDripsIsGivenUp) {
  for (const std::string& head :
       {std::string("HTTP/1.1 200 OK\r\nX: "), std::string("HTTP/1.1 200 OK\r\n\r\n")}) {
    const int listening = socket(AF_INET, SOCK_STREAM, 0);
    sockaddr_in where{};
    where.sin_family = AF_INET;
    where.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t size = sizeof(where);
    ASSERT_EQ(bind(listening, reinterpret_cast<sockaddr*>(&where), size), 0);
    ASSERT_EQ(listen(listening, 1), 0);
    ASSERT_EQ(getsockname(listening, reinterpret_cast<sockaddr*>(&where), &size), 0);
    std::thread dripping([&] {
      const int caller = accept(listening, nullptr, nullptr);
      ssize_t sent = send(caller, head.data(), head.size(), MSG_NOSIGNAL);
      // Far longer than it may be waited for, and not for ever should it be.
      for (int i = 0; sent >= 0 && i < 100; ++i) {
        absl::SleepFor(absl::Milliseconds(100));
        sent = send(caller, "x", 1, MSG_NOSIGNAL);
      }
      close(caller);
    });
    const absl::Time began = absl::Now();
    Refused({"ledger", "verify", absl::StrCat("http://127.0.0.1:", ntohs(where.sin_port)), "--node",
             "irs", "--timeout-seconds", "1"},
            1, "within 1s");
    EXPECT_LT(absl::Now() - began, absl::Seconds(8));
    dripping.join();
    close(listening);
  }
}

TEST_F(VouchLedgerLogTest, HelpShowsExamples) {
  EXPECT_THAT(Fine({"ledger", "export", "--help"}).out, HasSubstr("--hashes-only"));
  EXPECT_THAT(Fine({"ledger", "verify", "--help"}).out,
              HasSubstr("vouch ledger verify irs.treasury.example --node ./fsa"));
}

}  // namespace
}  // namespace vouch::tests
