// Grows a log through the journal and its tree, in uneven steps and with restarts, and writes all
// that tools not of this project can check:
//   ledger_program write FOLDER ENTRIES
//   ledger_program write-years FOLDER WORD      a log that ended with its year, and the next, of
//                                               entries with that word; by FOLDER/key.pem, if there
//   ledger_program open-note VERIFIER_KEY FILE    exit 0 when the note opens
//   ledger_program open-jws PUBLIC_DER FILE       prints the payload
// Files of proofs hold, big-endian, for each proof: u64, u64, u16 hashes, 32 bytes each; the two
// numbers are index and size, old size and size, or first and count.
#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <memory>
#include <random>
#include <string>
#include <vector>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "crypto/checkpoint.h"
#include "crypto/jws.h"
#include "crypto/keys.h"
#include "crypto/merkle.h"
#include "crypto/note.h"
#include "crypto/tiles.h"
#include "server/journal/journal.h"
#include "server/ledger/tree/static_layout.h"
#include "server/ledger/tree/tile_store.h"

namespace vouch {
namespace {

namespace journal = server::journal;
namespace tree = server::ledger::tree;

constexpr char kOrigin[] = "irs.treasury.example/ledger/2027";
constexpr absl::Duration kStep = absl::Seconds(1);

template <typename T>
T Must(absl::StatusOr<T> value) {
  if (!value.ok()) {
    std::fprintf(stderr, "%s\n", std::string(value.status().message()).c_str());
    std::exit(1);
  }
  return *std::move(value);
}
void Must(const absl::Status& status) {
  if (!status.ok()) Must(absl::StatusOr<int>(status));
}

std::string ReadFile(const std::string& path) {
  std::ifstream in(path, std::ios::binary);
  return std::string(std::istreambuf_iterator<char>(in), std::istreambuf_iterator<char>());
}

crypto::NoteSigner Signer(crypto::KeyKind kind) {
  return Must(crypto::NoteSigner::Make(
      kOrigin, std::make_shared<const crypto::SigningKey>(crypto::SigningKey::Generate(kind))));
}

class ProofFile {
 public:
  explicit ProofFile(const std::string& path) : out_(path, std::ios::binary) {}
  void Add(uint64_t first, uint64_t second, const std::vector<crypto::Digest>& hashes) {
    crypto::ByteWriter bytes;
    bytes.U64(first).U64(second).U16(static_cast<uint16_t>(hashes.size()));
    for (const crypto::Digest& hash : hashes) bytes.Raw(hash);
    out_ << bytes.str();
  }

 private:
  std::ofstream out_;
};

class World {
 public:
  World(std::string folder, uint64_t entries)
      : folder_(std::move(folder)),
        entries_(entries),
        recent_(folder_ + "/recent"),
        grown_(folder_ + "/grown") {
    std::filesystem::create_directories(folder_ + "/checkpoints");
    std::filesystem::create_directories(folder_ + "/proofs");
    Write("key", log_.verifier().ToString() + "\n");
    Write("key-ecdsa", ecdsa_.verifier().ToString() + "\n");
    Write("key-witness", witness_.verifier().ToString() + "\n");
  }

  void Run() {
    Restart();
    while (journal_->head().tree_size < entries_) {
      Grow();
      if (random_() % 40 == 0) Restart();
      if (random_() % 12 == 0 || journal_->head().tree_size == entries_) Publish();
    }
    Restart();
    Prove();
    WriteJws();
  }

 private:
  void Write(const std::string& name, const std::string& bytes) {
    std::ofstream(folder_ + "/" + name, std::ios::binary) << bytes;
  }

  void Restart() {
    store_.reset();
    journal_.reset();
    journal::JournalOptions options;
    options.folder = folder_ + "/journal";
    options.origin = kOrigin;
    options.segment_bytes = 2u << 20;
    journal_ = Must(journal::OpenFileJournal(options));
    store_ = Must(tree::TileStore::Open(
        {folder_ + "/tree", kOrigin,
         [this](uint64_t first, uint32_t count) { return journal_->ReadEntries(first, count); }},
        journal_->head().range));
  }

  // One commit, proved from memory as an answer would be.
  void Grow() {
    const journal::Head before = journal_->head();
    const uint64_t most = random_() % 3 == 0 ? 5 : 900;
    const uint64_t count = std::min<uint64_t>(1 + random_() % most, entries_ - before.tree_size);
    std::vector<std::string> batch;
    crypto::RecentTree recent(before.range);
    for (uint64_t i = 0; i < count; ++i) {
      std::string entry = absl::StrCat("entry ", before.tree_size + i, " ");
      entry.resize(entry.size() + random_() % 300, static_cast<char>(random_() % 256));
      batch.push_back(entry);
      recent.Append(crypto::LeafHash(crypto::AsBytes(entry)));
    }
    now_ += kStep;
    Must(journal_->Append(batch, now_));
    if (recent.Root() != journal_->head().range.Root()) std::abort();
    for (int i = 0; i < 4; ++i) {
      const uint64_t index = before.tree_size + random_() % count;
      recent_.Add(index, recent.size(), recent.RangeProof(index, 1));
    }
    if (before.tree_size > 0) {
      grown_.Add(before.tree_size, recent.size(), recent.ConsistencyProof(before.tree_size));
    }
    Must(store_->CatchUp(journal_->head().range));
  }

  void Publish() {
    const uint64_t size = store_->size();
    const crypto::NoteSigner* const signers[] = {&log_, &ecdsa_};
    const crypto::Checkpoint checkpoint{kOrigin, size, store_->range().Root()};
    note_ = Must(crypto::SignCheckpoint(checkpoint, signers));
    note_ += Must(witness_.CosignNote(checkpoint.Text(), 1795219200 + size)).Line();
    Must(tree::ExportLog(*store_, note_, folder_ + "/log"));
    Write(absl::StrCat("checkpoints/", size), note_);
    sizes_.push_back(size);
  }

  void Prove() {
    ProofFile inclusion(folder_ + "/inclusion");
    for (uint64_t index = 0; index < entries_; ++index) {
      inclusion.Add(index, entries_,
                    Must(crypto::InclusionProofFromTiles(*store_, index, entries_)));
    }
    ProofFile consistency(folder_ + "/consistency");
    for (size_t i = 0; i < sizes_.size(); ++i) {
      for (size_t j = i; j < sizes_.size(); ++j) {
        consistency.Add(sizes_[i], sizes_[j],
                        Must(crypto::ConsistencyProofFromTiles(*store_, sizes_[i], sizes_[j])));
      }
    }
    ProofFile ranges(folder_ + "/ranges");
    for (int i = 0; i < 400; ++i) {
      const uint64_t first = i % 5 == 0 ? 0 : random_() % entries_;
      const uint64_t count =
          i % 7 == 0 ? entries_ - first
                     : 1 + random_() % std::min<uint64_t>(entries_ - first, i % 2 == 0 ? 9 : 900);
      ranges.Add(first, count, Must(crypto::RangeProofFromTiles(*store_, first, count, entries_)));
    }
    for (int i = 0; i < 50; ++i) {
      const uint64_t index = random_() % entries_;
      const crypto::TlogProof proof{absl::nullopt, index,
                                    Must(crypto::InclusionProofFromTiles(*store_, index, entries_)),
                                    note_};
      Write(absl::StrCat("proofs/", index, ".tlog-proof"), proof.ToString());
    }
  }

  void WriteJws() {
    const crypto::SigningKey key = crypto::SigningKey::Generate(crypto::KeyKind::kP256);
    Write("jws-key.der", key.PublicDer());
    Write("jws-key.pem", key.ToPem(crypto::RawSecretAccess{}));
    Write("jws", Must(crypto::SignJws(key, crypto::kReceiptJwsType,
                                      R"({"iss":"irs.treasury.example","sub":"x"})")));
  }

  const std::string folder_;
  const uint64_t entries_;
  const crypto::NoteSigner log_ = Signer(crypto::KeyKind::kEd25519);
  const crypto::NoteSigner ecdsa_ = Signer(crypto::KeyKind::kP256);
  const crypto::NoteSigner witness_ = Must(crypto::NoteSigner::MakeCosigner(
      "fsa.ed.example", std::make_shared<const crypto::SigningKey>(
                            crypto::SigningKey::Generate(crypto::KeyKind::kEd25519))));
  std::mt19937_64 random_{20261122};
  absl::Time now_ = absl::FromUnixSeconds(1795219200);
  std::unique_ptr<journal::Journal> journal_;
  std::unique_ptr<tree::TileStore> store_;
  ProofFile recent_;
  ProofFile grown_;
  std::vector<uint64_t> sizes_;
  std::string note_;
};

// Two logs of one journal, each exported below FOLDER by its year, with its verifier key.
void WriteYears(const std::string& folder, const std::string& word) {
  journal::JournalOptions options;
  options.folder = folder + "/journal";
  options.origin = kOrigin;
  auto journal = Must(journal::OpenFileJournal(options));
  const auto append = [&](int entries, absl::Time now) {
    for (int i = 0; i < entries; ++i) {
      Must(journal->Append({absl::StrCat(word, " ", i, " of ", absl::ToUnixSeconds(now))}, now));
    }
  };
  const absl::Time new_year = absl::FromUnixSeconds(1830297600);  // 2028-01-01
  append(700, new_year - absl::Hours(1));
  append(300, new_year + absl::Hours(1));
  const std::string key_path = folder + "/key.pem";
  if (!std::filesystem::exists(key_path)) {
    std::ofstream(key_path)
        << crypto::SigningKey::Generate(crypto::KeyKind::kEd25519).ToPem(crypto::RawSecretAccess{});
  }
  const auto key = std::make_shared<const crypto::SigningKey>(
      Must(crypto::SigningKey::FromPem(ReadFile(key_path))));
  const std::vector<journal::LogSpan> logs = journal->logs();
  for (size_t i = 0; i < logs.size(); ++i) {
    const std::string year = logs[i].origin.substr(logs[i].origin.rfind('/') + 1);
    const uint64_t end = i + 1 < logs.size() ? logs[i + 1].first : journal->head().end();
    crypto::CompactRange range;
    for (uint64_t at = logs[i].first; at < end; ++at) {
      range.Append(crypto::LeafHash(crypto::AsBytes(Must(journal->ReadEntries(at, 1)).front())));
    }
    tree::TileStoreOptions tiles;
    tiles.folder = absl::StrCat(folder, "/tree-", year);
    tiles.origin = logs[i].origin;
    tiles.entries = [&, first = logs[i].first](uint64_t index, uint32_t count) {
      return journal->ReadEntries(first + index, count);
    };
    const auto store = Must(tree::TileStore::Open(std::move(tiles), range));
    const auto signer = Must(crypto::NoteSigner::Make(logs[i].origin, key));
    const crypto::NoteSigner* const signers[] = {&signer};
    const crypto::Checkpoint checkpoint{logs[i].origin, range.size(), range.Root()};
    Must(tree::ExportLog(*store, Must(crypto::SignCheckpoint(checkpoint, signers)),
                         absl::StrCat(folder, "/", year)));
    std::ofstream(absl::StrCat(folder, "/key-", year)) << signer.verifier().ToString() << "\n";
  }
}

int Main(const std::vector<std::string>& arguments) {
  uint64_t entries = 0;
  if (arguments.size() == 3 && arguments[0] == "write-years") {
    WriteYears(arguments[1], arguments[2]);
    return 0;
  }
  if (arguments.size() == 3 && arguments[0] == "write" &&
      absl::SimpleAtoi(arguments[2], &entries)) {
    World(arguments[1], entries).Run();
    return 0;
  }
  if (arguments.size() == 3 && arguments[0] == "open-note") {
    const crypto::NoteVerifier known[] = {Must(crypto::NoteVerifier::Parse(arguments[1]))};
    Must(crypto::OpenNote(ReadFile(arguments[2]), known));
    return 0;
  }
  if (arguments.size() == 3 && arguments[0] == "open-jws") {
    const auto verifier = Must(crypto::JwsVerifier::From(crypto::AsBytes(ReadFile(arguments[1]))));
    std::printf("%s\n",
                Must(verifier.Open(ReadFile(arguments[2]), crypto::kReceiptJwsType)).c_str());
    return 0;
  }
  std::fprintf(
      stderr,
      "ledger_program write FOLDER ENTRIES | write-years FOLDER WORD | open-note KEY FILE | "
      "open-jws DER FILE\n");
  return 2;
}

}  // namespace
}  // namespace vouch

int main(int argc, char** argv) {
  return vouch::Main(std::vector<std::string>(argv + 1, argv + argc));
}
