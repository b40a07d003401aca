#include "client/requester/ledger_check.h"

#include <algorithm>

#include "absl/strings/str_cat.h"
#include "absl/time/civil_time.h"
#include "client/requester/kept_note.h"
#include "crypto/log_entry.h"
#include "crypto/note.h"

namespace vouch::requester {

namespace {

absl::Status Unproven(absl::string_view what) {
  return absl::DataLossError(absl::StrCat(
      "the answer is not used, because it is not shown to be in the responder's ledger: ", what,
      "; keep this message and tell the responder's privacy officer"));
}

absl::optional<int64_t> YearOf(absl::string_view origin, absl::string_view agency) {
  const absl::optional<crypto::LogName> name = crypto::ReadLogName(origin);
  if (!name.has_value() || name->agency != agency) return absl::nullopt;
  return name->year;
}

// All leaves of the proof's range, in order; empty when the parts do not make it up.
std::vector<crypto::Digest> Assemble(const v1::LedgerProof& proof,
                                     absl::Span<const ProvedEntries> answers) {
  const auto others = crypto::ReadPaddedHashes(
      proof.other_leaves(), proof.other_leaves().size() / sizeof(crypto::Digest));
  if (!others.ok() || proof.count() == 0) return {};
  std::vector<crypto::Digest> leaves;
  size_t other = 0;
  const auto fill_up_to = [&](uint64_t index) {
    while (proof.first() + leaves.size() < index && other < others->size()) {
      leaves.push_back((*others)[other++]);
    }
    return proof.first() + leaves.size() == index;
  };
  for (const ProvedEntries& answer : answers) {
    if (answer.leaves.empty() || answer.first < proof.first() || !fill_up_to(answer.first)) {
      return {};
    }
    leaves.insert(leaves.end(), answer.leaves.begin(), answer.leaves.end());
  }
  while (other < others->size()) leaves.push_back((*others)[other++]);
  if (answers.empty() || leaves.size() != proof.count()) return {};
  return leaves;
}

}  // namespace

std::vector<crypto::Digest> LeavesOf(absl::string_view entries, uint32_t slots) {
  std::vector<crypto::Digest> leaves;
  if (slots == 0 || entries.empty() || entries.size() % slots != 0) return leaves;
  const size_t each = entries.size() / slots;
  for (size_t at = 0; at < entries.size(); at += each) {
    leaves.push_back(crypto::LeafHash(crypto::AsBytes(entries.substr(at, each))));
  }
  return leaves;
}

absl::StatusOr<crypto::Checkpoint> LedgerCheck::Open(const std::string& note, absl::Time now,
                                                     std::string* kept) const {
  if (public_der_.empty()) {
    return absl::FailedPreconditionError(absl::StrCat(
        "the key of ", agency_,
        "'s ledger is not known, so that no answer of it can be checked: "
        "give `ledger_key` at the partner in node.yaml (ledger.pem of `vouch partner export`)"));
  }
  {
    const std::lock_guard<std::mutex> lock(mutex_);
    if (last_.has_value() && note == last_note_) {
      if (kept != nullptr) *kept = last_kept_;
      return *last_;
    }
  }
  const absl::StatusOr<crypto::SignedNote> read = crypto::ReadNote(note);
  if (!read.ok()) return Unproven(read.status().message());
  const absl::StatusOr<crypto::Checkpoint> claimed = crypto::ReadCheckpoint(read->text);
  if (!claimed.ok()) return Unproven(claimed.status().message());
  const absl::optional<int64_t> year = YearOf(claimed->origin, agency_);
  if (!year.has_value() ||
      *year > absl::ToCivilYear(now + absl::Hours(24), absl::UTCTimeZone()).year()) {
    return Unproven("the checkpoint is not of a log of that agency");
  }
  absl::StatusOr<crypto::NoteVerifier> verifier = crypto::NoteVerifier::From(
      claimed->origin, crypto::NoteKeyType::kEd25519, crypto::AsBytes(public_der_));
  if (!verifier.ok()) {
    verifier = crypto::NoteVerifier::From(claimed->origin, crypto::NoteKeyType::kEcdsaP256,
                                          crypto::AsBytes(public_der_));
  }
  if (!verifier.ok()) return verifier.status();
  const absl::StatusOr<crypto::VerifiedCheckpoint> opened =
      crypto::OpenCheckpoint(note, {*verifier});
  if (!opened.ok()) return Unproven(opened.status().message());
  const std::lock_guard<std::mutex> lock(mutex_);
  last_note_ = note;
  last_kept_ = KeptNote(opened->note, {*verifier});
  if (kept != nullptr) *kept = last_kept_;
  last_ = opened->checkpoint;
  return opened->checkpoint;
}

absl::Status LedgerCheck::Check(const v1::LedgerProof& proof,
                                absl::Span<const ProvedEntries> answers, absl::Time now) const {
  std::string kept;
  const absl::StatusOr<crypto::Checkpoint> checkpoint = Open(proof.checkpoint(), now, &kept);
  if (!checkpoint.ok()) return checkpoint.status();
  if (checkpoint->size != proof.tree_size()) {
    return Unproven("the proof is for another size than the checkpoint's");
  }
  const std::vector<crypto::Digest> leaves = Assemble(proof, answers);
  if (leaves.empty()) return Unproven("the proof is about other entries");
  const auto hashes = crypto::ReadPaddedHashes(proof.hashes(), proof.hash_count());
  if (!hashes.ok()) return Unproven(hashes.status().message());
  const absl::Status verified =
      crypto::VerifyRange(leaves, proof.first(), checkpoint->size, *hashes, checkpoint->root);
  if (!verified.ok()) return Unproven(verified.message());
  return followed_ == nullptr ? absl::OkStatus()
                              : followed_->Use(*checkpoint, kept, answers.size());
}

absl::StatusOr<std::vector<std::pair<int, v1::Receipt>>> LedgerCheck::CheckBatch(
    const v1::VerifyBatchResponse& response, absl::Time now) const {
  std::vector<ProvedEntries> fresh;
  std::vector<std::pair<int, v1::Receipt>> receipts;  // of those
  for (int i = 0; i < response.results_size(); ++i) {
    if (!response.results(i).has_answered()) continue;
    const v1::Receipt& receipt = response.results(i).answered().receipt();
    ProvedEntries entries{receipt.index(), LeavesOf(receipt.entry(), 1)};
    if (!receipt.has_proof()) {
      fresh.push_back(std::move(entries));
      receipts.emplace_back(i, receipt);
    } else if (const absl::Status again = Check(receipt.proof(), {entries}, now); !again.ok()) {
      return again;
    }
  }
  if (fresh.empty()) return receipts;
  if (const absl::Status in_log = Check(response.proof(), fresh, now); !in_log.ok()) return in_log;
  std::vector<v1::LedgerProof> proofs = EachAlone(response.proof(), fresh);
  for (size_t i = 0; i < proofs.size(); ++i) {
    *receipts[i].second.mutable_proof() = std::move(proofs[i]);
  }
  return receipts;
}

std::vector<v1::LedgerProof> LedgerCheck::EachAlone(const v1::LedgerProof& proof,
                                                    absl::Span<const ProvedEntries> answers) {
  const std::vector<crypto::Digest> leaves = Assemble(proof, answers);
  const auto hashes = crypto::ReadPaddedHashes(proof.hashes(), proof.hash_count());
  if (leaves.empty() || !hashes.ok()) return {};
  const std::vector<std::vector<crypto::Digest>> split =
      crypto::SplitRangeProof(leaves, proof.first(), proof.tree_size(), *hashes);
  if (split.empty()) return {};
  std::vector<v1::LedgerProof> each;
  for (const ProvedEntries& answer : answers) {
    if (answer.leaves.size() != 1) return {};
    const std::vector<crypto::Digest>& own = split[answer.first - proof.first()];
    v1::LedgerProof alone;
    alone.set_tree_size(proof.tree_size());
    alone.set_first(answer.first);
    alone.set_count(1);
    alone.set_hash_count(static_cast<uint32_t>(own.size()));
    alone.set_hashes(crypto::PaddedHashes(own, crypto::kPaddedInclusionHashes));
    alone.set_checkpoint(proof.checkpoint());
    each.push_back(std::move(alone));
  }
  return each;
}

}  // namespace vouch::requester
