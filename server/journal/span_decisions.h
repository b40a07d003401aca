// The verdicts of one commit: each item against the tables and against what the items before it in
// the same commit have added. The tables stay as they are; what changes is collected.
#ifndef VOUCH_SERVER_JOURNAL_SPAN_DECISIONS_H_
#define VOUCH_SERVER_JOURNAL_SPAN_DECISIONS_H_

#include <cstdint>
#include <functional>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/types/optional.h"
#include "absl/types/span.h"
#include "server/journal/commit_blob.h"
#include "server/journal/journal.h"
#include "server/journal/row_bytes.h"
#include "server/journal/tables.h"

namespace vouch::server::journal {

// The second up to which charges of this agreement, of which the row is, may be missing: 0 when
// none are, or it began later. `begins` as Charges::agreement_begins; that it did is remembered,
// for its renewals, by BeginningOf.
uint32_t LossOf(const Tables& tables, const RowKey& agreement, uint32_t begins);
// Whether that is news, and is to be remembered.
bool BeginsAfterLoss(const Tables& tables, const RowKey& agreement, uint32_t begins);
// The row, among those of epochs, that holds when an agreement began.
RowKey BeginningOf(const RowKey& agreement);
// Seconds until a window no longer reaches into the lost time; nullopt: never.
absl::optional<uint32_t> UntilLossLeaves(uint32_t window, uint32_t lost_until, uint32_t now);
// The later of two; nullopt, which is never, is later than any.
absl::optional<uint32_t> Later(absl::optional<uint32_t> a, absl::optional<uint32_t> b);

class SpanDecisions {
 public:
  // `tables` and `proposals` outlive this.
  SpanDecisions(const Tables& tables, absl::Span<const Proposal> proposals, uint64_t commit,
                uint32_t second);

  // Called for every item, in order; `place` is where in the commit its entry will stand.
  // `still_permitted` is asked only when it decides.
  Decision Decide(size_t item, size_t place, const std::function<bool()>& still_permitted);
  // What the commit changes, after the last item.
  Changes Take();

 private:
  struct Pending {
    RowKey agreement{};
    uint32_t answers = 0;
    uint32_t new_people = 0;
    uint32_t answers_window = 0;
    uint32_t new_people_window = 0;
  };
  // Finds rows added in this commit by their key. Keys are uniformly distributed.
  class Chains {
   public:
    void Reserve(size_t rows);
    // The row added last under this key's chain; -1 for none. Other keys share chains.
    int32_t Last(const RowKey& key) const { return heads_[Slot(key)]; }
    int32_t Before(int32_t row) const { return before_[row]; }
    void Add(const RowKey& key);

   private:
    size_t Slot(const RowKey& key) const { return KeyWord32(key, 0) & mask_; }
    std::vector<int32_t> heads_;
    std::vector<int32_t> before_;
    size_t mask_ = 0;
  };

  // Items whose rows are asked for before they are decided. Memory answers some dozens of requests
  // at once; those made further ahead are dropped.
  static constexpr size_t kItemsAhead = 4;
  void Prefetch(size_t item) const;
  bool FindRequest(const Proposal& proposal, Decision* decision) const;
  uint32_t HighestEpoch(const RowKey& row) const;
  // The row's marks, those of this commit included; false when it has none alive.
  bool FindMarks(const RowKey& row, Marks* marks) const;
  // Whether every member may be asked about again; how many of them are new.
  bool MembersWithin(const Charges& charges, uint32_t lost_until, uint32_t* new_people) const;
  bool AgreementHasRoom(const Charges& charges, uint32_t lost_until, uint32_t new_people,
                        Decision* decision);
  bool PeopleAndFactsWithin(const SubjectCharges& subject, const Charges& charges,
                            uint32_t lost_until) const;
  uint32_t PersonRowsDie(const Charges& charges);
  uint32_t LifeOf(const RowKey& agreement, uint32_t end);
  void Charge(const Proposal& proposal, size_t place, uint32_t new_people);
  void ChargeSubject(const SubjectCharges& subject, const Charges& charges, uint32_t dies);
  void AddCharge(const RowKey& row, uint32_t value, uint32_t dies);

  const Tables& tables_;
  const absl::Span<const Proposal> proposals_;
  const uint64_t commit_;
  const uint32_t second_;
  Changes changes_;
  Chains charge_chains_;
  Chains request_chains_;
  absl::flat_hash_map<RowKey, uint32_t> epochs_;
  absl::flat_hash_map<RowKey, Changes::Life> lives_;
  uint32_t new_lives_ = 0;
  absl::flat_hash_map<RowKey, Pending> pending_;
  mutable Marks marks_;
};

}  // namespace vouch::server::journal

#endif  // VOUCH_SERVER_JOURNAL_SPAN_DECISIONS_H_
