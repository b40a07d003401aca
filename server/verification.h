// THE WALK: from an admitted call to a recorded outcome, on one page.
//
//   service -> admission -> authorize -> resolve -> decide -> commit -> service
//    request   AdmittedCall   Permit     Resolved   Decided   Recorded   response
//
// Each hand-over is a type that only its room can make: facts are read only with a Permit, a
// response is built only from Recorded. A refusal walks beside the permits and becomes Recorded
// too. Single questions and batches are the same path: a span of subjects.
#ifndef VOUCH_SERVER_VERIFICATION_H_
#define VOUCH_SERVER_VERIFICATION_H_

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "absl/time/civil_time.h"
#include "absl/types/span.h"
#include "absl/types/variant.h"
#include "policies/engine/authorize.h"
#include "policies/engine/refusal.h"
#include "policies/engine/values.h"
#include "server/admission/admitted_call.h"
#include "server/agreements/agreements.h"
#include "server/clock.h"
#include "server/journal/journal.h"
#include "server/journal/row_names.h"
#include "server/ledger/entry_writer.h"
#include "server/ledger/refusal_counter.h"
#include "server/prover.h"
#include "server/records/records.h"

namespace vouch::server {

class ReceiptSigner;

// One subject of one admitted call.
struct Subject {
  std::shared_ptr<const admission::AdmittedCall> call;
  uint32_t position = 0;

  const admission::RequestedItem& item() const { return call->request().items[position]; }
};

// What was answered. Everything in it is durable.
struct AnsweredItem {
  policies::Answer answer = policies::Answer::kUndetermined;
  uint8_t why = 0;  // policies::UndeterminedReason, as far as the agreement tells
  absl::CivilDay data_as_of;
  std::string entry;  // of a group: the entries of its slots, one after another, of one length
  crypto::Digest opening{};
  uint64_t entry_index = 0;                          // position; of a group: of the first
  std::shared_ptr<const EntryProof> proof;           // never null in what the walk recorded
  std::shared_ptr<const policies::Catalog> catalog;  // keeps `question` alive
  const policies::Question* question = nullptr;
};

// The outcome of one subject after its commit. Only Verification makes one.
class Recorded {
 public:
  const AnsweredItem* answered() const { return absl::get_if<AnsweredItem>(&outcome_); }
  const policies::Refusal* refused() const { return absl::get_if<policies::Refusal>(&outcome_); }
  bool replayed() const { return replayed_; }

 private:
  friend class Verification;
  absl::variant<policies::Refusal, AnsweredItem> outcome_;
  bool replayed_ = false;
};

// The rooms the walk leads through. All outlive the walk.
struct Rooms {
  const Clock* clock = nullptr;
  agreements::Agreements* agreements = nullptr;
  records::Records* records = nullptr;
  journal::Journal* journal = nullptr;
  const journal::RowNames* row_names = nullptr;
  const ledger::EntryWriter* entries = nullptr;
  ledger::RefusalCounter* refusals = nullptr;
  Prover* log = nullptr;
  const ReceiptSigner* receipts = nullptr;  // null: nobody is given a JWS
};

// Thread-safe. Walk blocks for one durable commit.
class Verification {
 public:
  explicit Verification(const Rooms& rooms) : rooms_(rooms) {}

  // One outcome for each subject, in order. Nothing in it leaves before it is durable and its place
  // in the log is signed: when either fails, every outcome is the refusal LEDGER_UNAVAILABLE. What
  // was committed and could not be signed is answered when it is asked again.
  std::vector<Recorded> Walk(absl::Span<const Subject> span) const;

  // How many subjects each item of the call weighs: 1, or the slots of the group it asks about. A
  // request of no more tokens than one person can have weighs 1 without a look at its agreement.
  size_t SlotsEach(const admission::AdmittedCall& call) const;

 private:
  struct Step;   // one subject on its way
  class Shared;  // what the subjects of one span have in common, worked out once
  class Committing;

  void Authorize(Step* step, Shared* shared, absl::Time now) const;
  void Resolve(Step* step, absl::Time now) const;
  void Decide(Step* step, absl::Time now) const;
  journal::Proposal Propose(const Step& step, Shared* shared) const;
  std::vector<Recorded> Commit(std::vector<Step>* steps, Shared* shared, absl::Time now) const;
  void Prove(const std::vector<Step>& steps, const journal::Committed& committed,
             std::vector<Recorded>* recorded) const;
  Recorded Replay(const Step& step, const journal::Decision& decision, uint32_t second) const;

  const Rooms rooms_;
};

}  // namespace vouch::server

#endif  // VOUCH_SERVER_VERIFICATION_H_
