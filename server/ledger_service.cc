#include "server/ledger_service.h"

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "client/requester/ledger_client.h"
#include "crypto/log_entry.h"
#include "crypto/receipt.h"
#include "crypto/tiles.h"
#include "server/status_mapping.h"

namespace vouch::server {

namespace {

using policies::Reason;
using policies::Refusal;

constexpr size_t kMostProofBytes = 63 * sizeof(crypto::Digest);
constexpr size_t kMostRequestBytes = crypto::kLargestNote + kMostProofBytes + 1024;
constexpr int kMostOrigins = 64;
constexpr int kMostFurther = 256;
constexpr int kMostSuccessions = 64;

Refusal Malformed(std::string field, std::string message) {
  Refusal refusal;
  refusal.reason = Reason::kMalformed;
  refusal.field = std::move(field);
  refusal.message = std::move(message);
  return refusal;
}

// What the log has and cannot give now. What it never had is judged before anything is read: to
// the caller that is a sign of a log that was rewritten, and a disk that fails must be none.
Refusal Unread() {
  Refusal refusal;
  refusal.reason = Reason::kLedgerUnavailable;
  refusal.message = "the log cannot be read now";
  refusal.retry_after = absl::Seconds(5);
  return refusal;
}

// How many entries the log has; MALFORMED for one that there never was.
absl::variant<uint64_t, Refusal> SizeOf(const LedgerLog& log, const std::string& origin,
                                        std::string field) {
  const absl::StatusOr<uint64_t> size = log.Size(origin);
  if (size.ok()) return *size;
  return absl::IsNotFound(size.status())
             ? Malformed(std::move(field), std::string(size.status().message()))
             : Unread();
}

}  // namespace

LedgerService::LedgerService(const PartnerFace* face, LedgerLog* log, PartnerLogs* partners,
                             const LedgerServiceOptions& options)
    : face_(face),
      log_(log),
      partners_(partners),
      cosignatures_(options.cosignatures),
      behind_(options.behind),
      queue_(options.workers, options.max_calls, options.max_calls_each) {}

void LedgerService::SetOversight(const std::vector<std::string>& agencies) {
  const std::lock_guard<std::mutex> lock(mutex_);
  oversight_ = std::set<std::string>(agencies.begin(), agencies.end());
}

bool LedgerService::IsOversight(const std::string& caller) const {
  const std::lock_guard<std::mutex> lock(mutex_);
  return oversight_.count(caller) > 0;
}

grpc::ServerUnaryReactor* LedgerService::Answer(grpc::CallbackServerContext* context, size_t bytes,
                                                Work work, std::function<void()> after) {
  grpc::ServerUnaryReactor* reactor = context->DefaultReactor();
  auto identified = face_->Identify(*context);
  if (const Refusal* refusal = absl::get_if<Refusal>(&identified)) {
    reactor->Finish(ToStatus(*refusal));
    return reactor;
  }
  const std::string caller = absl::get<std::string>(std::move(identified));
  const auto refuse = [this, caller, reactor](const Refusal& refusal) {
    face_->CountRefusal(caller, refusal);
    reactor->Finish(ToStatus(refusal));
  };
  if (bytes > kMostRequestBytes) {
    refuse(Malformed("", "the request is larger than any checkpoint"));
    return reactor;
  }
  const auto answer = [context, reactor, caller, refuse, work = std::move(work),
                       after = std::move(after)] {
    if (context->IsCancelled()) {
      reactor->Finish(grpc::Status::CANCELLED);
      return;
    }
    if (const Outcome refusal = work(caller)) return refuse(*refusal);
    reactor->Finish(grpc::Status::OK);
    if (after) after();
  };
  if (queue_.Add(caller, answer)) return reactor;
  Refusal busy;
  busy.reason = Reason::kBusy;
  busy.message = "too many calls about the ledger wait at this node";
  busy.retry_after = absl::Seconds(1);
  refuse(busy);
  return reactor;
}

grpc::ServerUnaryReactor* LedgerService::GetCheckpoint(grpc::CallbackServerContext* context,
                                                       const v1::GetCheckpointRequest* request,
                                                       v1::GetCheckpointResponse* response) {
  return Answer(context, request->ByteSizeLong(), [=](const std::string& caller) -> Outcome {
    const auto known = SizeOf(*log_, request->log(), "log");
    if (const Refusal* refusal = absl::get_if<Refusal>(&known)) return *refusal;
    const absl::StatusOr<LedgerLog::Signed> head = log_->Checkpoint(request->log());
    if (!head.ok()) return Unread();
    response->set_checkpoint(*head->note);
    response->set_cosign(request->log().empty() && cosignatures_ != nullptr &&
                         cosignatures_->Wants(caller));
    const absl::StatusOr<const crypto::LogReader*> reader = log_->Reader(head->origin);
    if (!reader.ok()) return Unread();
    response->set_minimum_index((*reader)->first_entry());
    const uint64_t old_size = request->old_size();
    if (!request->origin().empty() && request->origin() != head->origin) {
      const auto steps = log_->Succession(request->origin(), old_size, *head);
      // Of what this node never had, the caller judges by what it remembers.
      if (absl::IsNotFound(steps.status()) || absl::IsOutOfRange(steps.status())) {
        return absl::nullopt;
      }
      if (!steps.ok()) return Unread();
      for (const crypto::LogSuccession& step : *steps) {
        requester::ToMessage(step, response->add_successions());
      }
      return absl::nullopt;
    }
    if (request->origin().empty() || old_size == 0 || old_size >= head->size) return absl::nullopt;
    const auto proof = log_->Consistency(head->origin, old_size, head->size);
    if (!proof.ok()) return Unread();
    response->set_hashes(crypto::EncodeTile(*proof));
    return absl::nullopt;
  });
}

grpc::ServerUnaryReactor* LedgerService::GetConsistency(grpc::CallbackServerContext* context,
                                                        const v1::GetConsistencyRequest* request,
                                                        v1::GetConsistencyResponse* response) {
  return Answer(context, request->ByteSizeLong(), [=](const std::string&) -> Outcome {
    if (request->origin().empty()) return Malformed("origin", "expected the name of a log");
    if (request->further_size() > kMostFurther) {
      return Malformed("further", absl::StrCat("expected at most ", kMostFurther, " sizes"));
    }
    const auto known = SizeOf(*log_, request->origin(), "origin");
    if (const Refusal* refusal = absl::get_if<Refusal>(&known)) return *refusal;
    std::vector<uint64_t> sizes = {request->old_size(), request->size()};
    sizes.insert(sizes.end(), request->further().begin(), request->further().end());
    if (!std::is_sorted(sizes.begin(), sizes.end()) || sizes.back() > absl::get<uint64_t>(known)) {
      return Malformed("size", "the log was never of that size");
    }
    for (size_t i = 0; i + 1 < sizes.size(); ++i) {
      const auto proof = log_->Consistency(request->origin(), sizes[i], sizes[i + 1]);
      if (!proof.ok()) return Unread();
      std::string hashes = crypto::EncodeTile(*proof);
      if (i == 0) {
        response->set_hashes(std::move(hashes));
      } else {
        response->add_further(std::move(hashes));
      }
    }
    return absl::nullopt;
  });
}

grpc::ServerUnaryReactor* LedgerService::GetTile(grpc::CallbackServerContext* context,
                                                 const v1::GetTileRequest* request,
                                                 v1::GetTileResponse* response) {
  return Answer(context, request->ByteSizeLong(), [=](const std::string&) -> Outcome {
    const auto known = SizeOf(*log_, request->origin(), "origin");
    if (const Refusal* refusal = absl::get_if<Refusal>(&known)) return *refusal;
    // Bundles hold everybody's entries: GetEntries shows each to whom it concerns.
    absl::StatusOr<std::string> tile =
        log_->File(request->path(), /*entries=*/false, request->origin());
    // A file of no log, or one that this log does not have yet.
    if (absl::IsInvalidArgument(tile.status()) || absl::IsPermissionDenied(tile.status()) ||
        absl::IsNotFound(tile.status()) || absl::IsOutOfRange(tile.status())) {
      return Malformed("path", std::string(tile.status().message()));
    }
    if (!tile.ok()) return Unread();
    response->set_tile(*std::move(tile));
    return absl::nullopt;
  });
}

grpc::ServerUnaryReactor* LedgerService::GetEntries(grpc::CallbackServerContext* context,
                                                    const v1::GetEntriesRequest* request,
                                                    v1::GetEntriesResponse* response) {
  return Answer(context, request->ByteSizeLong(),
                [=](const std::string& caller) { return Entries(caller, *request, response); });
}

LedgerService::Outcome LedgerService::Entries(const std::string& caller,
                                              const v1::GetEntriesRequest& request,
                                              v1::GetEntriesResponse* response) {
  const uint64_t first = request.first();
  const uint32_t count = request.count();
  if (count == 0 || count > crypto::kTileWidth) {
    return Malformed("count", absl::StrCat("expected 1 to ", crypto::kTileWidth, " entries"));
  }
  // Named once: a year may end between two calls.
  const std::string origin = request.origin().empty() ? log_->origin() : request.origin();
  const auto known = SizeOf(*log_, origin, "origin");
  if (const Refusal* refusal = absl::get_if<Refusal>(&known)) return *refusal;
  const uint64_t size = absl::get<uint64_t>(known);
  if (first >= size || count > size - first) {
    return Malformed("first", "the log has no such entries");
  }
  const absl::StatusOr<LogProof> proof = log_->ProveIn(origin, first, count);
  if (!proof.ok()) return Unread();
  const absl::StatusOr<const crypto::LogReader*> reader = log_->Reader(origin);
  if (!reader.ok()) return Unread();
  const bool all = IsOversight(caller);
  std::vector<std::string> bundle;
  std::vector<crypto::Digest> leaves;
  uint64_t held = UINT64_MAX;
  for (uint64_t index = first; index < first + count; ++index) {
    if (index / crypto::kTileWidth != held) {
      held = index / crypto::kTileWidth;
      const uint32_t width = crypto::TileWidthAt(0, held, proof->tree_size);
      const bool pruned = index < (*reader)->first_entry();
      absl::StatusOr<std::vector<std::string>> read =
          pruned ? (*reader)->ReadKept(held, width) : (*reader)->ReadBundle(held, width);
      absl::StatusOr<std::vector<crypto::Digest>> hashes = (*reader)->ReadTile({0, held, width});
      if (!read.ok() || !hashes.ok()) return Unread();
      bundle = *std::move(read);
      leaves = *std::move(hashes);
    }
    const size_t place = index % crypto::kTileWidth;
    std::string& entry = bundle[place];
    v1::LedgerEntry* shown = response->add_entries();
    const absl::StatusOr<std::string> requester = crypto::RequesterOf(entry);
    if (!entry.empty() && (all || crypto::IsAboutLog(entry) ||
                           (requester.ok() && !requester->empty() && *requester == caller))) {
      shown->set_entry(std::move(entry));
    } else {
      shown->set_leaf_hash(leaves[place].data(), leaves[place].size());
    }
  }
  v1::LedgerProof* out = response->mutable_proof();
  out->set_tree_size(proof->tree_size);
  out->set_first(proof->first);
  out->set_count(proof->count);
  out->set_hash_count(static_cast<uint32_t>(proof->hashes.size()));
  out->set_hashes(crypto::PaddedHashes(
      proof->hashes, count == 1 ? crypto::kPaddedInclusionHashes : crypto::kPaddedRangeHashes));
  out->set_checkpoint(*proof->checkpoint);
  return absl::nullopt;
}

grpc::ServerUnaryReactor* LedgerService::AddCheckpoint(grpc::CallbackServerContext* context,
                                                       const v1::AddCheckpointRequest* request,
                                                       v1::AddCheckpointResponse* response) {
  return Answer(context, request->ByteSizeLong(), [=](const std::string& caller) -> Outcome {
    requester::AddCheckpointRequest added;
    added.old_size = request->old_size();
    added.note = request->checkpoint();
    const size_t hashes = request->hashes().size() / sizeof(crypto::Digest);
    if (request->hashes().size() > kMostProofBytes ||
        request->hashes().size() % sizeof(crypto::Digest) != 0) {
      return Malformed("hashes", "expected at most 63 hashes of 32 bytes");
    }
    auto proof = crypto::DecodeTile(request->hashes(), static_cast<uint32_t>(hashes));
    if (!proof.ok()) return Malformed("hashes", "expected at most 63 hashes of 32 bytes");
    added.proof = *std::move(proof);
    if (request->successions_size() > kMostSuccessions) {
      return Malformed("successions",
                       absl::StrCat("expected at most ", kMostSuccessions, " steps"));
    }
    for (const v1::LogSuccession& step : request->successions()) {
      auto read = requester::ReadSuccession(step);
      if (!read.ok()) return Malformed("successions", std::string(read.status().message()));
      added.successions.push_back(*std::move(read));
    }
    requester::WitnessAnswer answer = partners_->Add(caller, added, face_->rooms.clock->Now());
    response->set_code(static_cast<uint32_t>(requester::HttpStatusOf(answer.finding)));
    response->set_says(std::move(answer.says));
    response->set_known_size(answer.known_size);
    response->set_cosignature(std::move(answer.cosignature));
    if (response->code() == 409) {
      auto known = partners_->Latest(OriginOfNote(added.note));
      // Of a log that follows none that is remembered here, what there is instead.
      if (!known.has_value()) known = partners_->LatestOf(caller);
      if (known.has_value()) response->set_remembered(known->note);
    }
    return absl::nullopt;
  });
}

grpc::ServerUnaryReactor* LedgerService::AddCosignature(grpc::CallbackServerContext* context,
                                                        const v1::AddCosignatureRequest* request,
                                                        v1::AddCosignatureResponse* response) {
  // A server that is shut down waits for every call, and so for this one.
  const auto found = std::make_shared<absl::Status>();
  const auto work = [=](const std::string& caller) -> Outcome {
    const absl::Status taken =
        cosignatures_ == nullptr
            ? absl::NotFoundError("this node takes no cosignatures")
            : cosignatures_->Take(caller, request->checkpoint(), request->cosignature(),
                                  face_->rooms.clock->Now());
    *found = taken;
    response->set_code(taken.ok()                        ? 200
                       : absl::IsPermissionDenied(taken) ? 403
                       : absl::IsNotFound(taken)         ? 404
                                                         : 500);
    // What is wrong with this node's disk is not the partner's to read.
    response->set_says(response->code() == 500 ? "it could not be kept"
                                               : std::string(taken.message()));
    return absl::nullopt;
  };
  return Answer(context, request->ByteSizeLong(), work, [this, found] {
    if (absl::IsDataLoss(*found)) behind_(*found);
  });
}

grpc::ServerUnaryReactor* LedgerService::GetRemembered(grpc::CallbackServerContext* context,
                                                       const v1::GetRememberedRequest* request,
                                                       v1::GetRememberedResponse* response) {
  return Answer(context, request->ByteSizeLong(), [=](const std::string&) -> Outcome {
    if (request->origins_size() > kMostOrigins) {
      return Malformed("origins", absl::StrCat("expected at most ", kMostOrigins, " logs"));
    }
    for (const std::string& origin : request->origins()) {
      if (const auto known = partners_->Latest(origin)) response->add_checkpoints(known->note);
    }
    return absl::nullopt;
  });
}

}  // namespace vouch::server
