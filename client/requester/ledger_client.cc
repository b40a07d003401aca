#include "client/requester/ledger_client.h"

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"

namespace vouch::requester {

namespace {

constexpr size_t kMostProofHashes = 63;
constexpr size_t kMostFurther = 256;
// Of one call's patience: how long many that belong together may take.
constexpr int kMostPatience = 12;

absl::Status Malformed(absl::string_view what) {
  return absl::InternalError(absl::StrCat("the partner's ", what, " cannot be read"));
}

absl::StatusOr<std::vector<crypto::Digest>> ReadHashes(const std::string& bytes, size_t most,
                                                       absl::string_view what) {
  const size_t count = bytes.size() / sizeof(crypto::Digest);
  if (bytes.size() % sizeof(crypto::Digest) != 0 || count > most) return Malformed(what);
  return crypto::DecodeTile(bytes, static_cast<uint32_t>(count));
}

}  // namespace

void ToMessage(const crypto::LogSuccession& step, v1::LogSuccession* out) {
  out->set_checkpoint(step.checkpoint);
  out->set_consistency(crypto::EncodeTile(step.consistency));
  out->set_closing(step.closing);
  out->set_closing_proof(crypto::EncodeTile(step.closing_proof));
  out->set_opening(step.opening);
  out->set_opening_proof(crypto::EncodeTile(step.opening_proof));
  out->set_old_size(step.old_size);
}

absl::StatusOr<crypto::LogSuccession> ReadSuccession(const v1::LogSuccession& step) {
  crypto::LogSuccession read;
  read.checkpoint = step.checkpoint();
  read.closing = step.closing();
  read.opening = step.opening();
  read.old_size = step.old_size();
  for (const auto& [bytes, hashes] : {std::pair(&step.consistency(), &read.consistency),
                                      std::pair(&step.closing_proof(), &read.closing_proof),
                                      std::pair(&step.opening_proof(), &read.opening_proof)}) {
    auto proof = ReadHashes(*bytes, kMostProofHashes, "proof");
    if (!proof.ok()) {
      return absl::InvalidArgumentError("expected at most 63 hashes of 32 bytes");
    }
    *hashes = *std::move(proof);
  }
  return read;
}

LedgerClient::LedgerClient(const std::shared_ptr<grpc::Channel>& channel, absl::Duration patience)
    : stub_(v1::Ledger::NewStub(channel)), patience_(patience) {}

template <typename Call>
absl::Status LedgerClient::Make(const Call& call) const {
  grpc::ClientContext context;
  context.set_deadline(absl::ToChronoTime(absl::Now() + patience_));
  {
    const std::lock_guard<std::mutex> lock(mutex_);
    if (cancelled_) return absl::CancelledError("the calls to this partner were ended");
    under_way_.push_back(&context);
  }
  const grpc::Status status = call(&context);
  const std::lock_guard<std::mutex> lock(mutex_);
  under_way_.erase(std::find(under_way_.begin(), under_way_.end(), &context));
  return absl::Status(static_cast<absl::StatusCode>(status.error_code()), status.error_message());
}

void LedgerClient::Cancel() {
  const std::lock_guard<std::mutex> lock(mutex_);
  cancelled_ = true;
  for (grpc::ClientContext* context : under_way_) context->TryCancel();
}

absl::StatusOr<LedgerClient::Head> LedgerClient::GetCheckpoint(absl::string_view origin,
                                                               uint64_t old_size,
                                                               absl::string_view log) {
  v1::GetCheckpointRequest request;
  request.set_log(std::string(log));
  request.set_origin(std::string(origin));
  request.set_old_size(old_size);
  v1::GetCheckpointResponse response;
  absl::Status status = Make([&](grpc::ClientContext* context) {
    return stub_->GetCheckpoint(context, request, &response);
  });
  if (!status.ok()) return status;
  absl::StatusOr<std::vector<crypto::Digest>> proof =
      ReadHashes(response.hashes(), kMostProofHashes, "proof");
  if (!proof.ok()) return proof.status();
  Head head{std::move(*response.mutable_checkpoint()), *std::move(proof), response.cosign(), {}};
  for (const v1::LogSuccession& step : response.successions()) {
    auto read = ReadSuccession(step);
    if (!read.ok()) return Malformed("proof");
    head.successions.push_back(*std::move(read));
  }
  // From where it was asked for, whatever the partner says.
  if (!head.successions.empty()) head.successions.front().old_size = old_size;
  return head;
}

absl::StatusOr<std::vector<crypto::Digest>> LedgerClient::GetConsistency(absl::string_view origin,
                                                                         uint64_t old_size,
                                                                         uint64_t size) {
  v1::GetConsistencyRequest request;
  request.set_origin(std::string(origin));
  request.set_old_size(old_size);
  request.set_size(size);
  v1::GetConsistencyResponse response;
  absl::Status status = Make([&](grpc::ClientContext* context) {
    return stub_->GetConsistency(context, request, &response);
  });
  if (!status.ok()) return status;
  return ReadHashes(response.hashes(), kMostProofHashes, "proof");
}

absl::StatusOr<std::vector<std::vector<crypto::Digest>>> LedgerClient::GetConsistencies(
    absl::string_view origin, absl::Span<const uint64_t> sizes) {
  std::vector<std::vector<crypto::Digest>> proofs;
  const absl::Time end = absl::Now() + kMostPatience * patience_;
  while (proofs.size() + 1 < sizes.size()) {
    const size_t at = proofs.size();
    if (at > 0 && absl::Now() > end) {
      return absl::DeadlineExceededError("the partner takes too long over its proofs");
    }
    v1::GetConsistencyRequest request;
    request.set_origin(std::string(origin));
    request.set_old_size(sizes[at]);
    request.set_size(sizes[at + 1]);
    for (size_t i = at + 2; i < sizes.size() && i < at + 2 + kMostFurther; ++i) {
      request.add_further(sizes[i]);
    }
    v1::GetConsistencyResponse response;
    absl::Status status = Make([&](grpc::ClientContext* context) {
      return stub_->GetConsistency(context, request, &response);
    });
    if (!status.ok()) return status;
    // A node of an earlier version answers only the first: then each is asked for by itself.
    if (response.further_size() > request.further_size()) return Malformed("proof");
    std::vector<std::string> received = {std::move(*response.mutable_hashes())};
    received.insert(received.end(), response.further().begin(), response.further().end());
    for (const std::string& bytes : received) {
      absl::StatusOr<std::vector<crypto::Digest>> proof =
          ReadHashes(bytes, kMostProofHashes, "proof");
      if (!proof.ok()) return proof.status();
      proofs.push_back(*std::move(proof));
    }
  }
  return proofs;
}

absl::StatusOr<std::vector<LedgerClient::Entry>> LedgerClient::GetEntries(uint64_t first,
                                                                          uint32_t count,
                                                                          absl::string_view log) {
  v1::GetEntriesRequest request;
  request.set_origin(std::string(log));
  request.set_first(first);
  request.set_count(count);
  v1::GetEntriesResponse response;
  absl::Status status = Make(
      [&](grpc::ClientContext* context) { return stub_->GetEntries(context, request, &response); });
  if (!status.ok()) return status;
  if (response.entries_size() != static_cast<int>(count)) return Malformed("list of entries");
  std::vector<Entry> entries;
  entries.reserve(count);
  for (v1::LedgerEntry& one : *response.mutable_entries()) {
    Entry entry;
    entry.shown = one.has_entry();
    if (entry.shown) {
      entry.bytes = std::move(*one.mutable_entry());
      entry.leaf = crypto::LeafHash(crypto::AsBytes(entry.bytes));
    } else {
      const auto leaf = ReadHashes(one.leaf_hash(), 1, "entry");
      if (!leaf.ok() || leaf->size() != 1) return Malformed("entry");
      entry.leaf = leaf->front();
    }
    entries.push_back(std::move(entry));
  }
  return entries;
}

absl::StatusOr<v1::AddCheckpointResponse> LedgerClient::AddCheckpoint(
    const AddCheckpointRequest& request) {
  v1::AddCheckpointRequest message;
  message.set_old_size(request.old_size);
  message.set_hashes(crypto::EncodeTile(request.proof));
  message.set_checkpoint(request.note);
  for (const crypto::LogSuccession& step : request.successions) {
    ToMessage(step, message.add_successions());
  }
  v1::AddCheckpointResponse response;
  absl::Status status = Make([&](grpc::ClientContext* context) {
    return stub_->AddCheckpoint(context, message, &response);
  });
  if (!status.ok()) return status;
  return response;
}

absl::StatusOr<v1::AddCosignatureResponse> LedgerClient::AddCosignature(
    absl::string_view note, absl::string_view cosignature) {
  v1::AddCosignatureRequest request;
  request.set_checkpoint(std::string(note));
  request.set_cosignature(std::string(cosignature));
  v1::AddCosignatureResponse response;
  absl::Status status = Make([&](grpc::ClientContext* context) {
    return stub_->AddCosignature(context, request, &response);
  });
  if (!status.ok()) return status;
  return response;
}

absl::StatusOr<std::vector<std::string>> LedgerClient::GetRemembered(
    absl::Span<const std::string> origins) {
  v1::GetRememberedRequest request;
  for (const std::string& origin : origins) request.add_origins(origin);
  v1::GetRememberedResponse response;
  absl::Status status = Make([&](grpc::ClientContext* context) {
    return stub_->GetRemembered(context, request, &response);
  });
  if (!status.ok()) return status;
  return std::vector<std::string>(response.checkpoints().begin(), response.checkpoints().end());
}

absl::StatusOr<std::vector<crypto::Digest>> LedgerClient::ReadTile(const crypto::Tile& tile) const {
  return ReadTileOf("", tile);
}

absl::StatusOr<std::vector<crypto::Digest>> LedgerClient::ReadTileOf(
    absl::string_view log, const crypto::Tile& tile) const {
  v1::GetTileRequest request;
  request.set_origin(std::string(log));
  request.set_path(crypto::TilePath(tile));
  v1::GetTileResponse response;
  absl::Status status = Make(
      [&](grpc::ClientContext* context) { return stub_->GetTile(context, request, &response); });
  if (!status.ok()) return status;
  return crypto::DecodeTile(response.tile(), tile.width);
}

}  // namespace vouch::requester
