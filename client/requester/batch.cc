#include "client/requester/batch.h"

#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <list>
#include <memory>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "client/requester/batch_call.h"
#include "crypto/random.h"
#include "vouch/v1/verification.pb.h"

namespace vouch::requester {

namespace {

constexpr absl::Duration kBatchMemory = absl::Hours(24 * 8);
// A message is given up as too old a little before the responder forgets it.
constexpr absl::Duration kMargin = absl::Hours(1);
// A stream is renewed now and then, so that none that hangs while writing is waited for for ever.
constexpr absl::Duration kStreamLife = absl::Minutes(10);
constexpr int kMostEpochChanges = 2;

Refusal RowProblem(std::string message) {
  Refusal refusal;
  refusal.code = absl::StatusCode::kInvalidArgument;
  refusal.reason = "ROW";
  refusal.message = std::move(message);
  return refusal;
}

// Refusals that the next row, and the next, would get as well.
bool ConcernsEveryRow(const Refusal& refusal) {
  for (absl::string_view reason :
       {"NOT_PERMITTED", "AGREEMENT_NOT_IN_FORCE", "AGREEMENT_MISMATCH", "BAD_REQUEST_ID",
        "REQUEST_ID_REUSED", "CERTIFICATE", "MALFORMED"}) {
    if (refusal.reason == reason) return true;
  }
  return false;
}

absl::Status WrongResponse(absl::string_view what) {
  return absl::DataLossError(absl::StrCat("the responder's stream cannot be believed: ", what));
}

// Some rows in a row, and the message now under way about those of them that can be asked about.
struct Chunk {
  uint64_t first_row = 0;
  std::vector<BatchRow> rows;
  std::vector<RowOutcome> outcomes;
  std::vector<StoredMessage> later;  // made by an earlier run to follow `message`
  StoredMessage message;
  v1::VerifyBatchRequest request;
  std::vector<absl::optional<RowOutcome>> results;  // by item
  bool sent = false;
  bool complete = false;
  int attempts = 0;
  int epoch_changes = 0;
};

class BatchRun {
 public:
  BatchRun(Requester* requester, const BatchOptions& options, BatchRows* rows)
      : requester_(*requester), options_(options), source_(*rows) {}
  ~BatchRun() {
    if (part_ >= 0) close(part_);
  }

  absl::StatusOr<BatchCounts> Run();

 private:
  std::string PartPath() const { return options_.output + ".part"; }
  const RetryRules& rules() const { return requester_.options().retries; }

  crypto::Digest Fingerprint() const;
  absl::Status OpenFiles();
  absl::Status Publish();
  absl::Status Fill();
  absl::Status ReadRows(Chunk* chunk, size_t count);
  absl::Status Resume(Chunk* chunk);
  absl::Status Begin(Chunk* chunk);
  absl::Status Form(Chunk* chunk, const std::vector<uint32_t>& candidates,
                    std::shared_ptr<const OwnEpoch> epoch);
  absl::Status SetMessage(Chunk* chunk, StoredMessage message);
  bool TooOld(const StoredMessage& message) const;
  absl::Status Exchange();
  absl::Status Broken();
  absl::Status Take(const v1::VerifyBatchResponse& response);
  absl::Status TakeResult(Chunk* chunk, const v1::VerifyBatchResponse& response, int index);
  absl::Status Conclude(Chunk* chunk);
  absl::Status Repeat(Chunk* chunk, const Refusal& refusal);
  absl::Status FollowUp(Chunk* chunk, const std::vector<uint32_t>& rows, const Refusal& refusal);
  absl::Status WriteComplete();

  Requester& requester_;
  const BatchOptions& options_;
  BatchRows& source_;
  const policies::Question* question_ = nullptr;
  absl::optional<BatchState> state_;
  int part_ = -1;
  bool rows_ended_ = false;
  uint64_t next_row_ = 0;  // of the source
  std::list<Chunk> chunks_;
  std::unique_ptr<BatchCall> call_;
  int broken_ = 0;  // times in a row
  crypto::ByteWriter scratch_;
};

crypto::Digest BatchRun::Fingerprint() const {
  crypto::ByteWriter out;
  out.Field("vouch-batch/1")
      .Field(requester_.options().connection.agency)
      .Field(requester_.agreement().agreement.id)
      .Field(options_.question)
      .Field(options_.purpose)
      .Field(options_.heading)
      .Field(options_.rows_fingerprint);
  return crypto::Sha256(out.str());
}

absl::StatusOr<BatchCounts> BatchRun::Run() {
  const auto question = requester_.FindQuestion(options_.question, options_.purpose);
  if (!question.ok()) return question.status();
  if ((*question)->group_at_most > 0) {
    return absl::InvalidArgumentError(
        absl::StrCat(options_.question,
                     " is about a group; a file has a row for each person. Ask about each group by "
                     "itself"));
  }
  question_ = *question;
  const absl::Status may = requester_.jws().MayAsk(requester_.agreement().agreement);
  if (options_.jws && !may.ok()) return may;
  if (const absl::Status opened = OpenFiles(); !opened.ok()) return opened;
  if (!state_->finished()) {
    BatchRow skipped;
    for (; next_row_ < state_->written().rows; ++next_row_) {
      const absl::StatusOr<bool> there = source_.Next(&skipped);
      if (!there.ok()) return there.status();
      if (!*there) return absl::DataLossError("the input has fewer rows than the output already");
    }
    while (true) {
      if (const absl::Status filled = Fill(); !filled.ok()) return filled;
      if (const absl::Status written = WriteComplete(); !written.ok()) return written;
      if (chunks_.empty() && rows_ended_) break;
      if (chunks_.empty()) continue;
      if (const absl::Status exchanged = Exchange(); !exchanged.ok()) return exchanged;
    }
    if (const absl::Status one_log = requester_.ledger().Settle(); !one_log.ok()) return one_log;
    if (const absl::Status finished = state_->SetFinished(); !finished.ok()) return finished;
  }
  const BatchCounts counts = state_->written();
  if (const absl::Status published = Publish(); !published.ok()) return published;
  return counts;
}

absl::Status BatchRun::OpenFiles() {
  const std::string state_path = options_.output + ".state";
  struct stat found;
  const bool output_exists = lstat(options_.output.c_str(), &found) == 0;
  const bool state_exists = lstat(state_path.c_str(), &found) == 0;
  const absl::Status taken =
      absl::AlreadyExistsError(absl::StrCat(options_.output, " exists; name a new file"));
  if (output_exists && !state_exists) return taken;
  absl::StatusOr<BatchState> state = BatchState::Open(state_path, Fingerprint());
  if (!state.ok()) return state.status();
  state_.emplace(*std::move(state));
  // Killed between the last rename and the removal of the state: only that is left to do.
  const bool part_exists = lstat(PartPath().c_str(), &found) == 0;
  if (output_exists) return state_->finished() && !part_exists ? absl::OkStatus() : taken;

  part_ = open(PartPath().c_str(), O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
  if (part_ < 0 || fstat(part_, &found) != 0) {
    return absl::UnavailableError(absl::StrCat("cannot open ", PartPath(), ": ", strerror(errno)));
  }
  const uint64_t bytes = state_->written().bytes;
  if (static_cast<uint64_t>(found.st_size) < bytes) {
    return absl::DataLossError(absl::StrCat(PartPath(), " is shorter than ", state_path,
                                            " says; restore it, or choose another output"));
  }
  if (ftruncate(part_, static_cast<off_t>(bytes)) != 0 ||
      lseek(part_, static_cast<off_t>(bytes), SEEK_SET) < 0) {
    return absl::UnavailableError(absl::StrCat("cannot cut ", PartPath(), ": ", strerror(errno)));
  }
  if (bytes > 0) return absl::OkStatus();
  const absl::Status put = WriteAll(part_, options_.heading, PartPath());
  if (!put.ok()) return put;
  if (fsync(part_) != 0) return absl::UnavailableError("cannot sync the output");
  if (const absl::Status named = SyncFolderOf(PartPath()); !named.ok()) return named;
  BatchCounts counts;
  counts.bytes = options_.heading.size();
  return state_->SetWritten(counts);
}

// The output gets its name only when it is whole.
absl::Status BatchRun::Publish() {
  if (part_ >= 0) {
    const char* const from = options_.output.c_str();
    const std::string part = PartPath();
    int renamed = renameat2(AT_FDCWD, part.c_str(), AT_FDCWD, from, RENAME_NOREPLACE);
    if (renamed != 0 && errno == EINVAL) renamed = rename(part.c_str(), from);
    if (renamed != 0) {
      return absl::UnavailableError(
          absl::StrCat("cannot rename ", part, " to ", options_.output, ": ", strerror(errno)));
    }
    if (const absl::Status named = SyncFolderOf(options_.output); !named.ok()) return named;
  }
  return state_->Remove();
}

absl::Status BatchRun::Fill() {
  while (!rows_ended_ && chunks_.size() < std::max<size_t>(1, options_.messages_ahead)) {
    std::vector<StoredMessage> stored;
    for (const StoredMessage& message : state_->open_messages()) {
      if (message.first_row == next_row_) stored.push_back(message);
    }
    Chunk chunk;
    chunk.first_row = next_row_;
    const size_t count = stored.empty() ? options_.rows_per_message : stored.front().rows;
    if (const absl::Status read = ReadRows(&chunk, count); !read.ok()) return read;
    if (chunk.rows.empty()) return absl::OkStatus();
    if (!stored.empty() && chunk.rows.size() != count) {
      return absl::DataLossError("the input has fewer rows than were asked about already");
    }
    chunk.outcomes.resize(chunk.rows.size());
    chunk.later = std::move(stored);
    const absl::Status begun = chunk.later.empty() ? Begin(&chunk) : Resume(&chunk);
    if (!begun.ok()) return begun;
    chunks_.push_back(std::move(chunk));
  }
  return absl::OkStatus();
}

absl::Status BatchRun::ReadRows(Chunk* chunk, size_t count) {
  while (chunk->rows.size() < count) {
    BatchRow row;
    const absl::StatusOr<bool> there = source_.Next(&row);
    if (!there.ok()) return there.status();
    if (!*there) {
      rows_ended_ = true;
      break;
    }
    ++next_row_;
    chunk->rows.push_back(std::move(row));
  }
  for (BatchRow& row : chunk->rows) {
    if (!row.problem.empty()) continue;
    const absl::Status listed = requester_.CheckParameters(*question_, row.parameters);
    if (listed.ok()) continue;
    const absl::optional<Refusal> refusal = RefusalOf(listed);
    row.problem = refusal.has_value() ? refusal->message : std::string(listed.message());
  }
  return absl::OkStatus();
}

// Sends again, byte for byte, what an earlier run made: what was answered is replayed, not charged.
absl::Status BatchRun::Resume(Chunk* chunk) {
  std::vector<StoredMessage> stored = std::move(chunk->later);
  chunk->later.clear();
  // A message about as many items as the first took its place altogether.
  size_t from = 0;
  for (size_t i = 1; i < stored.size(); ++i) {
    if (stored[i].items.size() == stored[0].items.size()) from = i;
  }
  std::vector<bool> asked(chunk->rows.size(), false);
  for (uint32_t row : stored[0].items) {
    if (row >= asked.size()) return absl::DataLossError("the state file names a row that is none");
    asked[row] = true;
  }
  for (size_t row = 0; row < asked.size(); ++row) {
    if (asked[row]) continue;
    const std::string& problem = chunk->rows[row].problem;
    chunk->outcomes[row].refusal =
        RowProblem(problem.empty() ? "no match key of the agreement can be formed" : problem);
  }
  if (TooOld(stored[from])) {
    if (!options_.ask_again) {
      return absl::FailedPreconditionError(
          "an earlier run left rows open that can no longer be repeated: it was more than 8 days "
          "ago, or under another revision of the agreement. Run again with --ask-again to ask "
          "about "
          "them anew; those that were answered then are charged a second time");
    }
    const absl::StatusOr<std::shared_ptr<const OwnEpoch>> epoch = requester_.CurrentEpoch();
    if (!epoch.ok()) return epoch.status();
    return Form(chunk, stored[0].items, *epoch);
  }
  chunk->later.assign(std::make_move_iterator(stored.begin() + static_cast<ptrdiff_t>(from) + 1),
                      std::make_move_iterator(stored.end()));
  return SetMessage(chunk, std::move(stored[from]));
}

bool BatchRun::TooOld(const StoredMessage& message) const {
  v1::VerifyBatchRequest request;
  if (message.items.empty() || !request.ParseFromString(message.request)) return false;
  if (request.question().agreement_digest() != crypto::AsText(requester_.agreement().digest)) {
    return true;
  }
  const absl::Time made =
      absl::FromUnixMillis(crypto::UuidV7Time(crypto::AsBytes(request.request_id())));
  return made + kBatchMemory - kMargin < requester_.options().clock();
}

absl::Status BatchRun::Begin(Chunk* chunk) {
  std::vector<uint32_t> candidates;
  for (uint32_t row = 0; row < chunk->rows.size(); ++row) {
    if (chunk->rows[row].problem.empty()) {
      candidates.push_back(row);
    } else {
      chunk->outcomes[row].refusal = RowProblem(chunk->rows[row].problem);
    }
  }
  std::shared_ptr<const OwnEpoch> epoch;
  if (!candidates.empty()) {
    absl::StatusOr<std::shared_ptr<const OwnEpoch>> current = requester_.CurrentEpoch();
    if (!current.ok()) return current.status();
    epoch = *std::move(current);
  }
  return Form(chunk, candidates, std::move(epoch));
}

// Makes tokens and the message, which is on disk before it can be sent.
absl::Status BatchRun::Form(Chunk* chunk, const std::vector<uint32_t>& candidates,
                            std::shared_ptr<const OwnEpoch> epoch) {
  std::vector<crypto::Identity> people;
  people.reserve(candidates.size());
  for (uint32_t row : candidates) people.push_back(chunk->rows[row].person);
  std::vector<TokenVector> tokens;
  if (!people.empty()) {
    auto made = requester_.MakeTokens(*epoch, people);
    const absl::optional<Refusal> refusal = RefusalOf(made.status());
    if (refusal.has_value() && refusal->reason == "KEY_EPOCH") {
      auto newer = requester_.EpochAfter(epoch->statement.epoch);
      if (!newer.ok()) return newer.status();
      epoch = *std::move(newer);
      made = requester_.MakeTokens(*epoch, people);
    }
    if (!made.ok()) return made.status();
    tokens = *std::move(made);
  }
  const OwnAgreement& own = requester_.agreement();
  v1::VerifyBatchRequest request;
  StoredMessage message;
  message.first_row = chunk->first_row;
  message.rows = static_cast<uint32_t>(chunk->rows.size());
  for (size_t i = 0; i < candidates.size(); ++i) {
    const BatchRow& row = chunk->rows[candidates[i]];
    if (IsNobody(tokens[i])) {
      chunk->outcomes[candidates[i]].refusal = RowProblem(
          WhyNobody(row.person, own.agreement,
                    absl::ToCivilDay(requester_.options().clock(), own.agreement.zone())));
      continue;
    }
    message.items.push_back(candidates[i]);
    v1::BatchItem* item = request.add_items();
    FillParameters(row.parameters, item->mutable_parameters());
    item->mutable_subject()->set_member_count(1);
    item->mutable_subject()->set_tokens(Joined(tokens[i]));
    if (own.agreement.consent_required) {
      const Consent consent = row.consent.has_value() ? *row.consent : NewConsent();
      item->mutable_subject()->set_consents(consent.data(), consent.size());
    }
  }
  if (!message.items.empty()) {
    const auto id = crypto::NewUuidV7(absl::ToUnixMillis(requester_.options().clock()));
    request.set_request_id(id.data(), id.size());
    *request.mutable_question() =
        requester_.QuestionOf(options_.question, options_.purpose, epoch->statement.epoch);
    message.request = request.SerializeAsString();
  }
  if (const absl::Status kept = state_->AddMessage(message); !kept.ok()) return kept;
  return SetMessage(chunk, std::move(message));
}

absl::Status BatchRun::SetMessage(Chunk* chunk, StoredMessage message) {
  chunk->complete = message.items.empty();
  chunk->sent = false;
  chunk->attempts = 0;
  chunk->results.assign(message.items.size(), absl::nullopt);
  if (!chunk->request.ParseFromString(message.request) ||
      static_cast<size_t>(chunk->request.items_size()) != message.items.size() ||
      (!message.items.empty() && chunk->request.request_id().size() != sizeof(crypto::RequestId))) {
    return absl::DataLossError("the state file holds a message that is none");
  }
  chunk->request.set_jws_receipt(options_.jws);  // whatever an earlier run wanted
  chunk->message = std::move(message);
  return absl::OkStatus();
}

absl::Status BatchRun::Exchange() {
  if (call_ == nullptr) {
    call_ = std::make_unique<BatchCall>(requester_.channel(), absl::Now() + kStreamLife,
                                        BatchCall::BytesOf(options_.messages_ahead));
    for (Chunk& chunk : chunks_) {
      if (chunk.complete) continue;
      chunk.sent = false;
      chunk.results.assign(chunk.results.size(), absl::nullopt);
    }
  }
  for (Chunk& chunk : chunks_) {
    if (chunk.complete || chunk.sent) continue;
    if (!call_->Send(chunk.request)) return Broken();
    chunk.sent = true;
  }
  const bool awaited =
      std::any_of(chunks_.begin(), chunks_.end(), [](const Chunk& c) { return !c.complete; });
  if (!awaited) return absl::OkStatus();
  const absl::optional<v1::VerifyBatchResponse> response = call_->Next(rules().call_timeout * 3);
  return response.has_value() ? Take(*response) : Broken();
}

// The stream ended, or nothing came for long. Everything open is sent again on a new one.
absl::Status BatchRun::Broken() {
  // A failed write is seen before the reason for it arrives.
  while (!call_->ended() && call_->Next(absl::Seconds(1)).has_value()) {
  }
  grpc::Status status = call_->ended() ? call_->status()
                                       : grpc::Status(grpc::StatusCode::DEADLINE_EXCEEDED,
                                                      "the responder's stream stands still");
  if (status.ok()) {
    status = grpc::Status(grpc::StatusCode::UNAVAILABLE, "the responder ended the stream early");
  }
  call_ = nullptr;
  const absl::Status refused = RefusalStatus(ReadRefusal(status));
  return RepeatAfter(++broken_, refused, rules()) ? absl::OkStatus() : refused;
}

absl::Status BatchRun::Take(const v1::VerifyBatchResponse& response) {
  auto found = std::find_if(chunks_.begin(), chunks_.end(), [&](const Chunk& chunk) {
    return chunk.sent && !chunk.complete && chunk.request.request_id() == response.request_id();
  });
  if (found == chunks_.end()) return WrongResponse("it answers a message that was not sent");
  Chunk* chunk = &*found;
  if (response.has_refused()) {
    const Refusal refusal = ReadRefusal(response.refused());
    return WorthRepeating(refusal) ? Repeat(chunk, refusal) : RefusalStatus(refusal);
  }
  bool any_answered = false;
  for (int i = 0; i < response.results_size(); ++i) {
    const uint64_t item = uint64_t{response.first()} + static_cast<uint64_t>(i);
    if (item >= chunk->results.size() || chunk->results[item].has_value()) {
      return WrongResponse("it answers an item that is none, or one item twice");
    }
    const absl::Status taken = TakeResult(chunk, response, i);
    if (!taken.ok()) return taken;
    any_answered |= chunk->results[item]->answer.has_value();
  }
  const auto receipts = requester_.ledger().CheckBatch(response, requester_.options().clock());
  if (!receipts.ok()) return receipts.status();
  for (const auto& [result, receipt] : *receipts) {
    chunk->results[response.first() + result]->answer->receipt =
        Wanted(receipt, options_.jws).SerializeAsString();
  }
  const absl::Status agreed =
      any_answered ? CheckObligations(*question_, response.obligations()) : absl::OkStatus();
  if (!agreed.ok()) return agreed;
  return response.last() ? Conclude(chunk) : absl::OkStatus();
}

absl::Status BatchRun::TakeResult(Chunk* chunk, const v1::VerifyBatchResponse& response,
                                  int index) {
  const uint32_t item = response.first() + static_cast<uint32_t>(index);
  const v1::BatchResult& result = response.results(index);
  RowOutcome outcome;
  if (result.has_refused()) {
    outcome.refusal = ReadRefusal(result.refused());
  } else if (result.has_answered()) {
    const BatchRow& row = chunk->rows[chunk->message.items[item]];
    const v1::Subject& subject = chunk->request.items(static_cast<int>(item)).subject();
    const std::string parameters = CanonicalBytes(row.parameters);
    SentItem sent =
        requester_.Sent(chunk->request.request_id(), chunk->request.question(), subject);
    sent.position = item;
    sent.parameters = parameters;
    const absl::StatusOr<CheckedAnswer> checked =
        CheckReceipt(sent, result.answered(), requester_.options().clock(), &scratch_);
    if (!checked.ok()) return checked.status();
    if (options_.jws) {
      const absl::Status said = requester_.jws().CheckItem(sent, *checked, response, index);
      if (!said.ok()) return said;
    }
    outcome.answer =
        Give(*checked, *question_, "en", sent, Wanted(result.answered().receipt(), options_.jws));
  } else {
    return WrongResponse("an item has neither answer nor refusal");
  }
  chunk->results[item] = std::move(outcome);
  return absl::OkStatus();
}

absl::Status BatchRun::Conclude(Chunk* chunk) {
  absl::optional<Refusal> repeat;
  for (const absl::optional<RowOutcome>& result : chunk->results) {
    if (!result.has_value()) return WrongResponse("it ends a message before its last item");
    if (!result->refusal.has_value()) continue;
    if (ConcernsEveryRow(*result->refusal)) return RefusalStatus(*result->refusal);
    if (!WorthRepeating(*result->refusal)) continue;
    if (!repeat.has_value() || repeat->retry_after < result->refusal->retry_after) {
      repeat = result->refusal;
    }
  }
  if (repeat.has_value()) return Repeat(chunk, *repeat);
  broken_ = 0;
  std::vector<uint32_t> in_new_epoch;
  absl::optional<Refusal> closed;
  for (size_t i = 0; i < chunk->results.size(); ++i) {
    const uint32_t row = chunk->message.items[i];
    RowOutcome& result = *chunk->results[i];
    if (result.refusal.has_value() && result.refusal->reason == "KEY_EPOCH") {
      in_new_epoch.push_back(row);
      closed = result.refusal;
    } else {
      chunk->outcomes[row] = std::move(result);
    }
  }
  if (!in_new_epoch.empty()) return FollowUp(chunk, in_new_epoch, *closed);
  chunk->complete = true;
  return absl::OkStatus();
}

// The same message once more: its answered items are replayed, the others get another chance.
absl::Status BatchRun::Repeat(Chunk* chunk, const Refusal& refusal) {
  const absl::Status refused = RefusalStatus(refusal);
  if (!RepeatAfter(++chunk->attempts, refused, rules())) return refused;
  chunk->sent = false;
  chunk->results.assign(chunk->results.size(), absl::nullopt);
  return absl::OkStatus();
}

absl::Status BatchRun::FollowUp(Chunk* chunk, const std::vector<uint32_t>& rows,
                                const Refusal& refusal) {
  if (!chunk->later.empty()) {
    StoredMessage next = std::move(chunk->later.front());
    chunk->later.erase(chunk->later.begin());
    if (!std::includes(rows.begin(), rows.end(), next.items.begin(), next.items.end())) {
      return WrongResponse("it repeats other items than it answered before");
    }
    // Who was refused before for a reason of their own is refused now as their epoch closed.
    for (uint32_t row : rows) chunk->outcomes[row].refusal = refusal;
    return SetMessage(chunk, std::move(next));
  }
  const uint32_t before = chunk->request.question().epoch();
  if (++chunk->epoch_changes > kMostEpochChanges) return RefusalStatus(refusal);
  const absl::StatusOr<std::shared_ptr<const OwnEpoch>> epoch = requester_.EpochAfter(before);
  if (!epoch.ok()) return epoch.status();
  if ((*epoch)->statement.epoch == before) return RefusalStatus(refusal);
  return Form(chunk, rows, *epoch);
}

// In order: rows are on disk before the state says that they are.
absl::Status BatchRun::WriteComplete() {
  while (!chunks_.empty() && chunks_.front().complete) {
    const Chunk& chunk = chunks_.front();
    BatchCounts counts = state_->written();
    std::string text;
    for (size_t i = 0; i < chunk.rows.size(); ++i) {
      const RowOutcome& outcome = chunk.outcomes[i];
      text += options_.format(chunk.first_row + i + 1, chunk.rows[i], outcome);
      if (!outcome.answer.has_value()) {
        ++counts.refused;
      } else if (outcome.answer->answer == policies::Answer::kYes) {
        ++counts.yes;
      } else if (outcome.answer->answer == policies::Answer::kNo) {
        ++counts.no;
      } else {
        ++counts.undetermined;
      }
    }
    counts.rows += chunk.rows.size();
    counts.bytes += text.size();
    if (const absl::Status put = WriteAll(part_, text, PartPath()); !put.ok()) return put;
    if (fdatasync(part_) != 0) {
      return absl::UnavailableError(absl::StrCat("cannot sync ", PartPath()));
    }
    if (const absl::Status said = state_->SetWritten(counts); !said.ok()) return said;
    chunks_.pop_front();
    if (options_.progress) options_.progress(counts);
  }
  return absl::OkStatus();
}

}  // namespace

absl::StatusOr<BatchCounts> AskBatch(Requester* requester, const BatchOptions& options,
                                     BatchRows* rows) {
  if (options.rows_per_message < 1 || options.rows_per_message > 4096) {
    return absl::InvalidArgumentError("a message has 1 to 4096 rows");
  }
  return BatchRun(requester, options, rows).Run();
}

}  // namespace vouch::requester
