#include "server/verification.h"

#include <algorithm>
#include <utility>

#include "absl/container/flat_hash_map.h"
#include "absl/container/inlined_vector.h"
#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"
#include "absl/types/optional.h"
#include "crypto/random.h"
#include "crypto/receipt.h"
#include "policies/engine/question.h"
#include "server/charging.h"
#include "server/receipt_signer.h"
#include "server/slots.h"

namespace vouch::server {

namespace {

using policies::Answer;
using policies::Reason;
using policies::Refusal;
using policies::UndeterminedReason;

constexpr absl::Duration kSingleMemory = absl::Hours(24);
constexpr absl::Duration kBatchMemory = absl::Hours(24 * 8);
constexpr absl::Duration kAheadAllowed = absl::Minutes(2);
constexpr size_t kMostKeys = 8;  // match keys of an agreement

Refusal Refuse(Reason reason, std::string message) {
  Refusal refusal;
  refusal.reason = reason;
  refusal.message = std::move(message);
  return refusal;
}

Refusal CannotRecord() {
  Refusal refusal = Refuse(Reason::kLedgerUnavailable,
                           "the answer could not be recorded, so none is given; retry with the "
                           "same request id");
  refusal.retry_after = absl::Seconds(1);
  return refusal;
}

absl::optional<Refusal> CheckRequestId(const admission::Request& request, absl::Time now) {
  const int64_t made = crypto::UuidV7Time(crypto::AsBytes(request.request_id));
  Refusal refusal = Refuse(Reason::kBadRequestId, "");
  refusal.field = "request_id";
  if (made < 0) {
    refusal.message = "expected a UUIDv7: 16 bytes";
    return refusal;
  }
  const absl::Time then = absl::FromUnixMillis(made);
  if (then > now + kAheadAllowed) {
    refusal.message = "its time is more than 2 minutes ahead; set the clock";
    return refusal;
  }
  if (then < now - (request.is_batch ? kBatchMemory : kSingleMemory)) {
    refusal.message = request.is_batch ? "older than 8 days; make a new one"
                                       : "older than 24 hours; make a new one";
    return refusal;
  }
  return absl::nullopt;
}

uint8_t Told(policies::Tell tell, Answer answer, UndeterminedReason reason) {
  if (answer != Answer::kUndetermined || tell == policies::Tell::kNothing) return 0;
  if (tell == policies::Tell::kSafe && reason != UndeterminedReason::kTooOld) return 0;
  return static_cast<uint8_t>(reason);
}

bool IsZero(absl::string_view bytes) {
  return std::all_of(bytes.begin(), bytes.end(), [](char byte) { return byte == 0; });
}

int32_t DayNumber(absl::CivilDay day) {
  return static_cast<int32_t>(day - absl::CivilDay(1970, 1, 1));
}

uint32_t Second(absl::Time time) { return static_cast<uint32_t>(absl::ToUnixSeconds(time)); }

}  // namespace

struct Verification::Step {
  explicit Step(const Subject& subject) : call(*subject.call), item(subject.item()) {
    position = subject.position;
  }

  const admission::AdmittedCall& call;
  const admission::RequestedItem& item;
  uint32_t position = 0;
  crypto::Digest content{};
  absl::Time now;

  std::shared_ptr<const agreements::AgreementSet> agreements;
  absl::optional<policies::Permit> permit;
  absl::optional<Refusal> refusal;
  bool precedes_replay = false;

  std::shared_ptr<const records::Snapshot> snapshot;
  Slots slots;
  bool resolved = false;

  Answer answer = Answer::kUndetermined;
  UndeterminedReason reason = UndeterminedReason::kNotTold;

  absl::optional<ledger::EntryKeys> keys;
  crypto::Digest opening{};
  std::string entry;  // of a group: its slots' entries, one after another
  Refusal WrongEpoch(std::string message) const {
    Refusal wrong = Refuse(Reason::kKeyEpoch, std::move(message));
    wrong.field = "question.epoch";
    const auto* current = agreements->CurrentEpoch(call.request().agreement_id, now);
    if (current != nullptr) wrong.expected = absl::StrCat(current->statement.epoch);
    return wrong;
  }
};

class Verification::Shared {
 public:
  explicit Shared(const Rooms& rooms) : rooms_(rooms) {}

  const absl::StatusOr<ledger::EntryKeys>& KeysFor(const std::string& agreement_id,
                                                   absl::Time now) {
    auto found = keys_.find(agreement_id);
    if (found == keys_.end()) {
      found = keys_.emplace(agreement_id, rooms_.entries->KeysFor(agreement_id, now)).first;
    }
    return found->second;
  }

  struct AgreementRows {
    journal::RowKey agreement{};
    journal::RowKey epoch{};
  };
  const AgreementRows& RowsOf(absl::string_view asker, const std::string& agreement_id) {
    auto found = rows_.find({std::string(asker), agreement_id});
    if (found == rows_.end()) {
      const journal::RowNames& names = *rooms_.row_names;
      const AgreementRows rows = {names.Agreement(asker, agreement_id),
                                  names.EpochRow(asker, agreement_id)};
      found = rows_.emplace(std::pair(std::string(asker), agreement_id), rows).first;
    }
    return found->second;
  }

  // Labels spell out the whole question. Parameters are keyed by their canonical bytes.
  struct Value {
    std::string label;
    uint32_t fingerprint = 0;
  };
  const Value& ValueOf(const policies::Question& question, const admission::RequestedItem& item) {
    auto found = values_.find({&question, item.canonical_parameters});
    if (found == values_.end()) {
      Value value;
      value.label = policies::ValueLabel(question, item.parameters);
      value.fingerprint = rooms_.row_names->Value(value.label);
      found =
          values_.emplace(std::pair(&question, item.canonical_parameters), std::move(value)).first;
    }
    return found->second;
  }

 private:
  const Rooms& rooms_;
  absl::flat_hash_map<std::string, absl::StatusOr<ledger::EntryKeys>> keys_;
  absl::flat_hash_map<std::pair<std::string, std::string>, AgreementRows> rows_;
  absl::flat_hash_map<std::pair<const policies::Question*, std::string>, Value> values_;
};

std::vector<Recorded> Verification::Walk(absl::Span<const Subject> span) const {
  const absl::Time now = rooms_.clock->Now();
  std::vector<Step> steps;
  steps.reserve(span.size());
  const std::shared_ptr<const agreements::AgreementSet> agreements = rooms_.agreements->Current();
  const std::shared_ptr<const records::Snapshot> snapshot =
      rooms_.records == nullptr ? nullptr : rooms_.records->Current();
  for (const Subject& subject : span) {
    steps.emplace_back(subject);
    steps.back().now = now;
    steps.back().agreements = agreements;
    steps.back().snapshot = snapshot;
  }
  Shared shared(rooms_);
  for (Step& step : steps) Authorize(&step, &shared, now);
  for (Step& step : steps) Resolve(&step, now);
  for (Step& step : steps) Decide(&step, now);
  return Commit(&steps, &shared, now);
}

size_t Verification::SlotsEach(const admission::AdmittedCall& call) const {
  const admission::Request& request = call.request();
  // The longest item tells: a message must not be able to hide groups behind a short one.
  size_t longest = 0;
  for (const admission::RequestedItem& item : request.items) {
    longest = std::max(longest, item.tokens.size());
  }
  if (longest <= kMostKeys * sizeof(crypto::Token)) return 1;
  const std::shared_ptr<const agreements::AgreementSet> set = rooms_.agreements->Current();
  int32_t slots = 1;
  // Of any revision: which one counts may differ from asker to asker.
  for (const auto& held : set->catalog->all()) {
    if (held->agreement.id != request.agreement_id) continue;
    const policies::Question* question = held->agreement.FindQuestion(request.question);
    if (question != nullptr) slots = std::max(slots, question->group_at_most);
  }
  return static_cast<size_t>(slots);
}

void Verification::Authorize(Step* step, Shared* shared, absl::Time now) const {
  const admission::Request& request = step->call.request();
  thread_local crypto::ByteWriter scratch;
  step->content = admission::Canonical(step->call, step->position).Hash(&scratch);

  policies::Asked asked;
  asked.requester = step->call.requester();
  asked.agreement_id = request.agreement_id;
  asked.digest = crypto::AsBytes(request.agreement_digest);
  asked.question = request.question;
  asked.purpose = request.purpose;
  asked.parameters = &step->item.parameters;
  asked.member_count = step->item.member_count;
  asked.tokens = step->item.tokens.size() / sizeof(crypto::Token);
  asked.consents = step->item.consents.size() / 32;
  asked.zero_token_subject = IsZero(step->item.tokens);
  asked.token_bytes = step->item.tokens;
  asked.consent_bytes = step->item.consents;
  asked.jws_receipt = request.jws_receipt;

  auto verdict = policies::Authorizer::Authorize(step->agreements->catalog, asked, now);
  if (policies::Permit* permit = absl::get_if<policies::Permit>(&verdict)) {
    step->permit.emplace(std::move(*permit));
  } else {
    step->refusal = absl::get<Refusal>(std::move(verdict));
    step->precedes_replay = policies::PrecedesReplay(step->refusal->reason);
  }
  // A bad request id has nothing to be remembered by, and comes before what the question is.
  if (!step->precedes_replay) {
    if (absl::optional<Refusal> bad = CheckRequestId(request, now)) {
      step->refusal = *std::move(bad);
      step->precedes_replay = true;
    }
  }
  // Which receipt is wanted is no part of what makes a request the same, so that an answer that is
  // remembered must not be given again without it.
  if (request.jws_receipt && !step->precedes_replay) {
    if (step->permit.has_value()) step->refusal = ReceiptSigner::NotReady(rooms_.receipts);
    step->precedes_replay = step->refusal.has_value();
  }
  if (step->refusal.has_value() && step->refusal->reason == Reason::kNotPermitted) return;
  const absl::StatusOr<ledger::EntryKeys>& keys = shared->KeysFor(request.agreement_id, now);
  if (keys.ok()) {
    step->keys = *keys;
  } else {
    step->refusal = CannotRecord();
    step->precedes_replay = true;
  }
}

void Verification::Resolve(Step* step, absl::Time now) const {
  if (step->refusal.has_value()) return;
  const policies::Agreement& agreement = step->permit->agreement();
  const uint32_t epoch_number = step->call.request().epoch;
  const agreements::Epoch* epoch = step->agreements->FindEpoch(agreement.id, epoch_number, now);
  const bool for_another = epoch != nullptr && !epoch->statement.asker.empty() &&
                           epoch->statement.asker != agreement.AskerBehind(step->call.requester());
  if (epoch == nullptr || for_another) {
    step->refusal =
        step->WrongEpoch("the token epoch is not in use; make the tokens anew in the current one");
    return;
  }
  if (step->snapshot == nullptr || !step->snapshot->Ready(agreement, epoch->statement)) {
    step->refusal = Refuse(Reason::kNotReady, "the index of this token epoch is being built");
    step->refusal->retry_after = absl::Seconds(5);
    return;
  }
  step->slots = Slots(*step->permit, step->item, step->content);
  step->slots.Resolve(*step->snapshot, *step->permit, epoch_number);
  step->resolved = true;
}

void Verification::Decide(Step* step, absl::Time now) const {
  if (step->refusal.has_value()) return;
  const absl::CivilDay today = absl::ToCivilDay(now, step->permit->agreement().zone());
  const Judged judged = step->slots.Judge(*step->permit, step->item.parameters, today);
  step->answer = judged.answer;
  step->reason = judged.reason;
  // The data set's age comes first: it is the same for everybody, so telling it tells nothing. How
  // old a load is that a wrong clock dated ahead, nobody knows.
  if (absl::AbsDuration(now - step->snapshot->loaded_at()) >
      step->permit->question().records_loaded_within) {
    step->answer = Answer::kUndetermined;
    step->reason = UndeterminedReason::kTooOld;
  }
}

journal::Proposal Verification::Propose(const Step& step, Shared* shared) const {
  const admission::Request& request = step.call.request();
  const std::string& requester = step.call.requester();
  journal::Proposal proposal;
  proposal.content = step.content;
  proposal.precedes_replay = step.precedes_replay;
  proposal.refused = step.refusal.has_value();
  if (proposal.precedes_replay) return proposal;
  proposal.request =
      rooms_.row_names->Request(requester, crypto::AsBytes(request.request_id), step.position);
  proposal.remember_until =
      Second(absl::FromUnixMillis(crypto::UuidV7Time(crypto::AsBytes(request.request_id))) +
             (request.is_batch ? kBatchMemory : kSingleMemory));
  if (proposal.refused) return proposal;

  const policies::Agreement& agreement = step.permit->agreement();
  ChargedQuestion asked;
  asked.asker = agreement.AskerBehind(requester);
  asked.permit = &*step.permit;
  const Shared::AgreementRows& rows = shared->RowsOf(asked.asker, agreement.id);
  const Shared::Value& value = shared->ValueOf(step.permit->question(), step.item);
  asked.label = value.label;
  asked.fingerprint = value.fingerprint;
  asked.agreement = rows.agreement;
  proposal.epoch_row = rows.epoch;
  proposal.epoch = request.epoch;
  FillCharges(*rooms_.row_names, asked, step.slots, &proposal.charges);
  return proposal;
}

// What the journal asks back while it is locked.
class Verification::Committing final : public journal::CommitSteps {
 public:
  Committing(const Rooms& rooms, std::vector<Step>* steps) : rooms_(rooms), steps_(*steps) {}

  bool StillPermitted(size_t index, uint32_t commit_second) override {
    // Taken once the journal is locked: what was stopped while this span waited is stopped.
    if (latest_ == nullptr) latest_ = rooms_.agreements->Current();
    Step& step = steps_[index];
    if (absl::optional<Refusal> refusal = NotInForce(*latest_, step, commit_second)) {
      step.refusal = *std::move(refusal);
      return false;
    }
    return true;
  }

  // The gates that hold for every answer that leaves, at the moment it is committed or given again.
  static absl::optional<Refusal> NotInForce(const agreements::AgreementSet& set, const Step& step,
                                            uint32_t second) {
    const admission::Request& request = step.call.request();
    auto verdict = policies::Authorizer::Admit(
        *set.catalog, step.call.requester(), request.agreement_id,
        crypto::AsBytes(request.agreement_digest), absl::FromUnixSeconds(second));
    if (Refusal* refusal = absl::get_if<Refusal>(&verdict)) return std::move(*refusal);
    return absl::nullopt;
  }

  journal::Written Write(size_t index, uint32_t commit_second,
                         const journal::Decision& decision) override {
    Step& step = steps_[index];
    journal::Written written;
    if (decision.verdict == journal::Verdict::kReplay) return written;
    Settle(&step, decision);
    if (step.refusal.has_value() && !step.keys.has_value()) {
      rooms_.refusals->Count(step.call.requester(), static_cast<uint8_t>(step.refusal->reason),
                             absl::FromUnixSeconds(commit_second));
      return written;
    }
    if (step.slots.is_group() && !step.refusal.has_value()) {
      return WriteGroup(&step, commit_second);
    }
    ledger::WrittenEntry made =
        ledger::EntryWriter::Write(*step.keys, Content(step), commit_second / 60);
    step.opening = made.opening;
    step.entry = made.entry;
    written.entry = std::move(made.entry);
    written.sealed = std::move(made.sealed);
    return written;
  }

 private:
  static void Settle(Step* step, const journal::Decision& decision) {
    switch (decision.verdict) {
      case journal::Verdict::kAnswer:
      case journal::Verdict::kReplay:
      case journal::Verdict::kRefused:
        return;
      case journal::Verdict::kUndetermined:
        step->answer = Answer::kUndetermined;
        // The data set's age is the same for everybody and stays the reason: "safe" tells it, and
        // would tell by its absence that somebody was found.
        if (step->reason != UndeterminedReason::kTooOld) {
          step->reason = UndeterminedReason::kLimitUsedUp;
        }
        return;
      case journal::Verdict::kRequestIdReused:
        step->refusal = Refuse(Reason::kRequestIdReused,
                               "this request id was used for another request; make a new one");
        step->refusal->field = "request_id";
        return;
      case journal::Verdict::kEpochClosed:
        step->refusal = step->WrongEpoch("your first call in a newer token epoch closed this one");
        return;
      case journal::Verdict::kPersonLimit:
        step->refusal = Refuse(Reason::kPersonLimit,
                               "this person was asked about as often as the agreement allows; use "
                               "the stored answer");
        if (decision.lost_until > 0) {
          step->refusal->message = absl::StrCat(
              "a part of this responder's journal was lost, and what may have been charged before ",
              absl::FormatTime(absl::RFC3339_sec, absl::FromUnixSeconds(decision.lost_until),
                               absl::UTCTimeZone()),
              " counts as used up, for whomever it was; use the stored answer");
        }
        return;
      case journal::Verdict::kAgreementLimit:
        step->refusal = Refuse(Reason::kAgreementLimit, "the agreement's limit is used up for now");
        step->refusal->retry_after = decision.retry_after;
        return;
    }
  }

  static journal::Written WriteGroup(Step* step, uint32_t commit_second) {
    ledger::WrittenGroup made = ledger::EntryWriter::WriteGroup(
        *step->keys, Content(*step), step->slots.Contents(step->reason), commit_second / 60);
    step->opening = made.opening;
    step->entry.clear();
    journal::Written written;
    for (ledger::WrittenGroup::Slot& slot : made.slots) {
      step->entry.append(slot.entry);
      if (written.entry.empty()) {
        written.entry = std::move(slot.entry);
        written.sealed = std::move(slot.sealed);
      } else {
        written.others.push_back({std::move(slot.entry), std::move(slot.sealed)});
      }
    }
    return written;
  }

  // Names of the request go into the ledger only where the agreement lists them: a caller must not
  // be able to write text of its own there.
  static ledger::EntryContent Content(const Step& step) {
    const admission::Request& request = step.call.request();
    ledger::EntryContent content;
    content.entry.requester = step.call.requester();
    content.entry.agreement_id = request.agreement_id;
    const policies::HeldAgreement* held =
        step.agreements->catalog->Find(request.agreement_id, step.now);
    if (step.permit.has_value()) held = &step.permit->held();
    if (held != nullptr) {
      content.entry.use = static_cast<uint8_t>(held->agreement.use);
      std::copy_n(held->digest.begin(), content.entry.digest_prefix.size(),
                  content.entry.digest_prefix.begin());
      if (held->agreement.HasPurpose(request.purpose)) content.entry.purpose = request.purpose;
      if (held->agreement.FindQuestion(request.question) != nullptr) {
        content.entry.question = request.question;
      }
    }
    content.details.request = step.content;
    std::copy_n(crypto::AsBytes(request.request_id).begin(),
                std::min(request.request_id.size(), content.details.request_id.size()),
                content.details.request_id.begin());
    content.details.position = step.position;
    // A refusal of a group is tagged to all its tokens: it tells nothing about any member.
    content.subject.tokens = step.item.tokens;
    if (step.resolved && !step.slots.is_group()) {
      const Slot& person = step.slots.first();
      content.subject.found = person.FoundOne();
      content.subject.person = person.resolved->person();
      if (content.subject.found) {
        content.inner.person = person.resolved->person();
        content.inner.matching_key = static_cast<int8_t>(person.resolved->matching_key());
      }
    }
    if (step.refusal.has_value()) {
      content.entry.kind = crypto::EntryKind::kRefused;
      content.entry.reason = static_cast<uint8_t>(step.refusal->reason);
      return content;
    }
    content.details.answer = static_cast<uint8_t>(step.answer);
    content.details.why = Told(step.permit->question().tell, step.answer, step.reason);
    content.details.data_as_of = DayNumber(step.snapshot->data_as_of());
    content.details.parameters = step.item.canonical_parameters;
    content.inner.undetermined_reason = static_cast<uint8_t>(step.reason);
    return content;
  }

  const Rooms& rooms_;
  std::vector<Step>& steps_;
  std::shared_ptr<const agreements::AgreementSet> latest_;
};

std::vector<Recorded> Verification::Commit(std::vector<Step>* steps, Shared* shared,
                                           absl::Time now) const {
  std::vector<Recorded> recorded(steps->size());
  absl::StatusOr<journal::Committed> committed = absl::UnavailableError("the clock is not trusted");
  if (rooms_.clock->Trusted()) {
    std::vector<journal::Proposal> proposals;
    proposals.reserve(steps->size());
    for (const Step& step : *steps) proposals.push_back(Propose(step, shared));
    Committing committing(rooms_, steps);
    committed = rooms_.journal->Commit(proposals, now, &committing);
  }
  for (size_t i = 0; i < steps->size(); ++i) {
    Step& step = (*steps)[i];
    if (!committed.ok()) {
      recorded[i].outcome_ = CannotRecord();
    } else if (committed->decisions[i].verdict == journal::Verdict::kReplay) {
      recorded[i] = Replay(step, committed->decisions[i], committed->second);
    } else if (step.refusal.has_value()) {
      recorded[i].outcome_ = *std::move(step.refusal);
    } else {
      AnsweredItem answered;
      answered.answer = step.answer;
      answered.why = Told(step.permit->question().tell, step.answer, step.reason);
      answered.data_as_of = step.snapshot->data_as_of();
      answered.entry = std::move(step.entry);
      answered.opening = step.opening;
      answered.entry_index = committed->decisions[i].entry_index;
      answered.catalog = step.agreements->catalog;
      answered.question = &step.permit->question();
      recorded[i].outcome_ = std::move(answered);
    }
  }
  if (committed.ok()) Prove(*steps, *committed, &recorded);
  return recorded;
}

// One proof a call: what it had entered follows one another.
void Verification::Prove(const std::vector<Step>& steps, const journal::Committed& committed,
                         std::vector<Recorded>* recorded) const {
  std::vector<size_t> fresh;
  std::vector<EntryRange> ranges;
  for (size_t begin = 0, end = 0; begin < steps.size(); begin = end) {
    fresh.clear();
    ranges.clear();
    for (end = begin; end < steps.size() && &steps[end].call == &steps[begin].call; ++end) {
      const AnsweredItem* item = (*recorded)[end].answered();
      if (item == nullptr || (*recorded)[end].replayed_) continue;
      fresh.push_back(end);
      ranges.push_back(
          {item->entry_index, static_cast<uint32_t>(std::max(1, item->question->group_at_most))});
    }
    if (fresh.empty()) continue;
    const absl::StatusOr<std::shared_ptr<const EntryProof>> proof =
        ProveTogether(rooms_.log, ranges, committed.first_entry, committed.leaves);
    for (const size_t i : fresh) {
      if (proof.ok()) {
        absl::get<AnsweredItem>((*recorded)[i].outcome_).proof = *proof;
      } else {
        (*recorded)[i].outcome_ = CannotRecord();
      }
    }
  }
}

Recorded Verification::Replay(const Step& step, const journal::Decision& decision,
                              uint32_t second) const {
  Recorded recorded;
  recorded.outcome_ = CannotRecord();
  if (absl::optional<Refusal> refusal =
          Committing::NotInForce(*rooms_.agreements->Current(), step, second)) {
    rooms_.refusals->Count(step.call.requester(), static_cast<uint8_t>(refusal->reason),
                           absl::FromUnixSeconds(second));
    recorded.outcome_ = *std::move(refusal);
    return recorded;
  }
  absl::StatusOr<journal::StoredItem> stored = rooms_.journal->Read(decision.where);
  if (!stored.ok() || !step.permit.has_value()) return recorded;
  absl::StatusOr<ledger::EntryWriter::Remembered> remembered =
      rooms_.entries->Open(stored->entry, stored->sealed, step.content);
  if (!remembered.ok()) return recorded;
  AnsweredItem answered;
  answered.answer = static_cast<Answer>(remembered->details.answer);
  answered.why = remembered->details.why;
  answered.data_as_of = absl::CivilDay(1970, 1, 1) + remembered->details.data_as_of;
  answered.entry = std::move(stored->entry);
  answered.opening = remembered->opening;
  for (int32_t slot = 1; slot < step.permit->question().group_at_most; ++slot) {
    const absl::StatusOr<journal::StoredItem> other = rooms_.journal->Read(
        {decision.where.commit, decision.where.item + static_cast<uint32_t>(slot)});
    if (!other.ok()) return recorded;
    answered.entry.append(other->entry);
  }
  absl::StatusOr<LogProof> proved =
      rooms_.log->Prove(stored->entry_index,
                        static_cast<uint32_t>(std::max(1, step.permit->question().group_at_most)));
  if (!proved.ok()) return recorded;
  auto proof = std::make_shared<EntryProof>();
  proof->log = *std::move(proved);
  answered.proof = std::move(proof);
  recorded.replayed_ = true;
  answered.entry_index = stored->entry_index;
  answered.catalog = step.agreements->catalog;
  answered.question = &step.permit->question();
  recorded.outcome_ = std::move(answered);
  return recorded;
}

}  // namespace vouch::server
