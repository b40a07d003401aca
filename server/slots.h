// The people one item is about, as the walk carries them: one, or the slots of a group. A person is
// a group of one slot.
#ifndef VOUCH_SERVER_SLOTS_H_
#define VOUCH_SERVER_SLOTS_H_

#include <string>

#include "absl/container/inlined_vector.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "absl/types/optional.h"
#include "crypto/digest.h"
#include "policies/engine/authorize.h"
#include "policies/engine/values.h"
#include "server/admission/admitted_call.h"
#include "server/ledger/entry_writer.h"
#include "server/records/records.h"

namespace vouch::server {

struct Slot {
  absl::string_view tokens;  // 32 bytes for each match key; of padding, what stands in for them
  bool padding = false;
  absl::optional<records::Resolved> resolved;

  // Whether exactly one person is behind it, with or without a mismatch.
  bool FoundOne() const;
  // Why nothing may be used of whoever was found; kNotTold when it may.
  policies::UndeterminedReason WhyUnknown() const;
};

// What the facts say, before limits are looked at.
struct Judged {
  policies::Answer answer = policies::Answer::kUndetermined;
  policies::UndeterminedReason reason = policies::UndeterminedReason::kNotTold;
};

class Slots {
 public:
  // Nobody yet.
  Slots() = default;
  // The item's members, padded as the question says. `item` outlives this; `content` is the digest
  // of the request, from which padding gets its tokens.
  Slots(const policies::Permit& permit, const admission::RequestedItem& item,
        const crypto::Digest& content);
  Slots(Slots&&) = default;
  Slots& operator=(Slots&&) = default;

  bool is_group() const { return is_group_; }
  const absl::InlinedVector<Slot, 1>& all() const { return slots_; }
  const Slot& first() const { return slots_.front(); }

  // Looks everybody up, padding too.
  void Resolve(const records::Snapshot& snapshot, const policies::Permit& permit, uint32_t epoch);
  // Evaluates in every case, on pseudo-random people where none were found: what it costs must not
  // tell who is known.
  Judged Judge(const policies::Permit& permit, const policies::Parameters& parameters,
               absl::CivilDay today) const;
  // Whether the facts behind a slot may have a part in the answer. What is not so must not show in
  // it: neither that a person is on record, nor how often it was asked about.
  bool Counts(size_t slot) const;
  // What the ledger says of each slot, when the item was answered for `reason`.
  absl::InlinedVector<ledger::SlotContent, 8> Contents(policies::UndeterminedReason reason) const;

 private:
  Judged JudgeGroup(const policies::Permit& permit, const policies::Parameters& parameters,
                    absl::CivilDay today) const;
  // Whether another member is the same record.
  bool IsTwice(size_t slot) const;

  bool is_group_ = false;
  absl::InlinedVector<Slot, 1> slots_;
  std::string stand_ins_;  // tokens of padding
};

}  // namespace vouch::server

#endif  // VOUCH_SERVER_SLOTS_H_
