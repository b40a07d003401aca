#include "server/journal/span_decisions.h"

#include <algorithm>
#include <limits>
#include <utility>

namespace vouch::server::journal {

namespace {

size_t RowsOf(const SubjectCharges& subject) {
  return 1 + subject.people.size() + subject.facts.size();
}

}  // namespace

RowKey BeginningOf(const RowKey& agreement) {
  // Names are HMACs: none meets another's complement.
  RowKey row = agreement;
  for (uint8_t& byte : row) byte = static_cast<uint8_t>(~byte);
  return row;
}

uint32_t LossOf(const Tables& tables, const RowKey& agreement, uint32_t begins) {
  const uint32_t lost = tables.lost_until();
  if (lost == 0 || begins >= lost || tables.HighestEpoch(BeginningOf(agreement)) >= lost) return 0;
  return lost;
}

bool BeginsAfterLoss(const Tables& tables, const RowKey& agreement, uint32_t begins) {
  const uint32_t lost = tables.lost_until();
  return lost > 0 && begins >= lost && tables.HighestEpoch(BeginningOf(agreement)) < begins;
}

absl::optional<uint32_t> UntilLossLeaves(uint32_t window, uint32_t lost_until, uint32_t now) {
  if (lost_until == 0) return 0;
  if (window == kWholeLife) return absl::nullopt;
  const uint64_t end = uint64_t{lost_until} + window;
  if (end <= now) return 0;
  return static_cast<uint32_t>(std::min<uint64_t>(end - now, std::numeric_limits<uint32_t>::max()));
}

absl::optional<uint32_t> Later(absl::optional<uint32_t> a, absl::optional<uint32_t> b) {
  if (!a.has_value() || !b.has_value()) return absl::nullopt;
  return std::max(*a, *b);
}

void SpanDecisions::Chains::Reserve(size_t rows) {
  size_t size = 16;
  while (size < 2 * rows) size *= 2;
  heads_.assign(size, -1);
  before_.reserve(rows);
  mask_ = size - 1;
}

void SpanDecisions::Chains::Add(const RowKey& key) {
  int32_t& head = heads_[Slot(key)];
  before_.push_back(head);
  head = static_cast<int32_t>(before_.size() - 1);
}

SpanDecisions::SpanDecisions(const Tables& tables, absl::Span<const Proposal> proposals,
                             uint64_t commit, uint32_t second)
    : tables_(tables), proposals_(proposals), commit_(commit), second_(second) {
  size_t rows = 0;
  for (const Proposal& proposal : proposals) {
    if (proposal.precedes_replay || proposal.refused) continue;
    rows += RowsOf(proposal.charges);
    for (const SubjectCharges& other : proposal.charges.others) rows += RowsOf(other);
  }
  for (size_t item = 0; item < kItemsAhead; ++item) Prefetch(item);
  charge_chains_.Reserve(rows);
  request_chains_.Reserve(proposals.size());
  changes_.charges.reserve(rows);
  changes_.requests.reserve(proposals.size());
}

void SpanDecisions::Prefetch(size_t item) const {
  if (item >= proposals_.size()) return;
  const Proposal& proposal = proposals_[item];
  tables_.requests().Prefetch(proposal.request);
  if (proposal.precedes_replay || proposal.refused) return;
  const Charges& charges = proposal.charges;
  tables_.charges().Prefetch(charges.tokens);
  for (const RowKey& person : charges.people) tables_.charges().Prefetch(person);
  for (const SubjectCharges::FactRow& fact : charges.facts) tables_.charges().Prefetch(fact.key);
}

Decision SpanDecisions::Decide(size_t item, size_t place,
                               const std::function<bool()>& still_permitted) {
  Prefetch(item + kItemsAhead);
  const Proposal& proposal = proposals_[item];
  const Charges& charges = proposal.charges;
  Decision decision;
  decision.where = {commit_, static_cast<uint32_t>(place)};
  if (proposal.precedes_replay) return decision;
  if (FindRequest(proposal, &decision)) return decision;
  if (proposal.refused || charges.limits == nullptr || !still_permitted()) return decision;
  if (proposal.epoch < HighestEpoch(proposal.epoch_row)) {
    decision.verdict = Verdict::kEpochClosed;
    return decision;
  }
  const uint32_t lost_until = LossOf(tables_, charges.agreement, charges.agreement_begins);
  uint32_t new_people = 0;
  if (!MembersWithin(charges, lost_until, &new_people)) {
    decision.verdict = Verdict::kPersonLimit;
    const uint32_t window = policies::LongestPersonWindow(*charges.limits);
    if (UntilLossLeaves(window, lost_until, second_) != 0) decision.lost_until = lost_until;
    return decision;
  }
  if (!AgreementHasRoom(charges, lost_until, new_people, &decision)) return decision;
  bool within = PeopleAndFactsWithin(charges, charges, lost_until) || !charges.decides;
  for (size_t slot = 1; slot < charges.others.size() + 1; ++slot) {
    const bool found = PeopleAndFactsWithin(charges.others[slot - 1], charges, lost_until);
    within &= found || slot >= charges.members || !charges.others[slot - 1].decides;
  }
  decision.verdict = within ? Verdict::kAnswer : Verdict::kUndetermined;
  Charge(proposal, place, new_people);
  return decision;
}

// Every slot is looked up whichever is used up: members and padding cost the same.
bool SpanDecisions::MembersWithin(const Charges& charges, uint32_t lost_until,
                                  uint32_t* new_people) const {
  marks_.clear();
  *new_people = FindMarks(charges.tokens, &marks_) ? 0 : 1;
  bool within =
      policies::WithinPersonLimits(*charges.limits, marks_, charges.value, second_, lost_until);
  for (size_t slot = 1; slot < charges.others.size() + 1; ++slot) {
    const RowKey& tokens = charges.others[slot - 1].tokens;
    marks_.clear();
    const bool known = FindMarks(tokens, &marks_);
    // Whoever is named twice in one request is charged twice, and must have room for both.
    bool named_before = tokens == charges.tokens;
    if (named_before) marks_.push_back({second_, charges.value});
    for (size_t before = 1; before < slot; ++before) {
      if (charges.others[before - 1].tokens != tokens) continue;
      named_before = true;
      marks_.push_back({second_, charges.value});
    }
    const bool room =
        policies::WithinPersonLimits(*charges.limits, marks_, charges.value, second_, lost_until);
    if (slot >= charges.members) continue;
    within &= room;
    if (!known && !named_before) ++*new_people;
  }
  return within;
}

bool SpanDecisions::FindRequest(const Proposal& proposal, Decision* decision) const {
  const uint64_t content = ContentPrefix(proposal.content);
  for (int32_t at = request_chains_.Last(proposal.request); at >= 0;
       at = request_chains_.Before(at)) {
    const Changes::Request& row = changes_.requests[at];
    if (row.key != proposal.request || row.dies <= second_) continue;
    decision->verdict = row.content == content ? Verdict::kReplay : Verdict::kRequestIdReused;
    if (row.content == content) decision->where = {commit_, row.item};
    return true;
  }
  const auto found = tables_.requests().Find(proposal.request, second_);
  if (!found.has_value()) return false;
  decision->verdict = found->content == content ? Verdict::kReplay : Verdict::kRequestIdReused;
  if (found->content == content) decision->where = found->where;
  return true;
}

uint32_t SpanDecisions::HighestEpoch(const RowKey& row) const {
  const auto raised = epochs_.find(row);
  return raised == epochs_.end() ? tables_.HighestEpoch(row) : raised->second;
}

bool SpanDecisions::FindMarks(const RowKey& row, Marks* marks) const {
  const size_t before = marks->size();
  tables_.charges().Find(row, second_, tables_.lives(), marks);
  for (int32_t at = charge_chains_.Last(row); at >= 0; at = charge_chains_.Before(at)) {
    const Changes::Charge& added = changes_.charges[at];
    if (added.key == row) marks->push_back({second_, added.value});
  }
  return marks->size() > before;
}

bool SpanDecisions::AgreementHasRoom(const Charges& charges, uint32_t lost_until,
                                     uint32_t new_people, Decision* decision) {
  const policies::Limits& limits = *charges.limits;
  Pending& pending = pending_[charges.agreement];
  const BucketCounters& counters = tables_.counters();
  const uint32_t answers_window = WindowSeconds(limits.whole_agreement.every);
  const uint32_t new_people_window = WindowSeconds(limits.new_people.every);
  pending.answers_window = std::max(pending.answers_window, answers_window);
  pending.new_people_window = std::max(pending.new_people_window, new_people_window);
  const absl::optional<uint32_t> answers = Later(
      counters.Get(charges.agreement, Counter::kWholeAgreement)
          .UntilRoom(limits.whole_agreement.count, answers_window, pending.answers, 1, second_),
      UntilLossLeaves(answers_window, lost_until, second_));
  absl::optional<uint32_t> people = 0;
  if (new_people > 0) {
    people = Later(counters.Get(charges.agreement, Counter::kNewPeople)
                       .UntilRoom(limits.new_people.count, new_people_window, pending.new_people,
                                  new_people, second_),
                   UntilLossLeaves(new_people_window, lost_until, second_));
  }
  if (answers.has_value() && people.has_value() && *answers == 0 && *people == 0) return true;
  decision->verdict = Verdict::kAgreementLimit;
  if (answers.has_value() && people.has_value()) {
    decision->retry_after = absl::Seconds(std::max(*answers, *people));
  }
  return false;
}

bool SpanDecisions::PeopleAndFactsWithin(const SubjectCharges& subject, const Charges& charges,
                                         uint32_t lost_until) const {
  const uint32_t value = charges.people_value.value_or(charges.value);
  bool within = true;
  for (const RowKey& person : subject.people) {
    marks_.clear();
    FindMarks(person, &marks_);
    within &= policies::WithinPersonLimits(*charges.limits, marks_, value, second_, lost_until);
  }
  for (const SubjectCharges::FactRow& fact : subject.facts) {
    marks_.clear();
    FindMarks(fact.key, &marks_);
    // Across agreements: when this one began makes no difference.
    within &= policies::WithinDifferentValues(fact.limit, marks_, fact.value, second_,
                                              tables_.lost_until());
  }
  return within;
}

namespace {

// The first second at which a mark made now lies outside a finite window. An empty window dies the
// moment it is made, but 0 would mean no row at all.
uint32_t EndOfWindow(uint32_t second, uint32_t window) {
  const uint64_t end = uint64_t{second} + window;
  return static_cast<uint32_t>(std::min<uint64_t>(end, kFirstLife - 1));
}

}  // namespace

uint32_t SpanDecisions::PersonRowsDie(const Charges& charges) {
  const uint32_t window = policies::LongestPersonWindow(*charges.limits);
  if (window != kWholeLife) return EndOfWindow(second_, window);
  // A life that is over before it begins can only be a mistake; a row that stays refuses more.
  const uint32_t end = charges.rows_die_after > second_ ? charges.rows_die_after : kNever;
  return LifeOf(charges.agreement, end);
}

uint32_t SpanDecisions::LifeOf(const RowKey& agreement, uint32_t end) {
  const auto staged = lives_.find(agreement);
  Changes::Life life;
  if (staged != lives_.end()) {
    life = staged->second;
  } else {
    life.number = tables_.LifeOf(agreement);
    if (life.number != 0) life.end = tables_.lives().EndOf(life.number);
  }
  if (life.number != 0 && life.end > second_ && life.end >= end) return life.number;
  if (life.number == 0 || life.end <= second_) {
    // Rows of a life that is over must not come back with a renewal: some were dropped already.
    const uint64_t number = uint64_t{tables_.lives().next()} + new_lives_;
    if (number >= kNever) return kNever;
    ++new_lives_;
    life.number = static_cast<uint32_t>(number);
  }
  life.agreement = agreement;
  life.end = end;
  lives_[agreement] = life;
  return life.number;
}

void SpanDecisions::ChargeSubject(const SubjectCharges& subject, const Charges& charges,
                                  uint32_t dies) {
  const uint32_t people_value = charges.people_value.value_or(charges.value);
  AddCharge(subject.tokens, charges.value, dies);
  for (const RowKey& person : subject.people) AddCharge(person, people_value, dies);
  for (const SubjectCharges::FactRow& fact : subject.facts) {
    const uint32_t window = WindowSeconds(fact.limit.every);
    AddCharge(fact.key, fact.value, window == kWholeLife ? kNever : EndOfWindow(second_, window));
  }
}

void SpanDecisions::Charge(const Proposal& proposal, size_t place, uint32_t new_people) {
  const Charges& charges = proposal.charges;
  const uint32_t dies = PersonRowsDie(charges);
  ChargeSubject(charges, charges, dies);
  for (const SubjectCharges& other : charges.others) ChargeSubject(other, charges, dies);
  Pending& pending = pending_[charges.agreement];
  ++pending.answers;
  pending.new_people += new_people;
  if (proposal.remember_until >= second_) {
    Changes::Request row;
    row.key = proposal.request;
    row.content = ContentPrefix(proposal.content);
    row.item = static_cast<uint32_t>(place);
    row.dies = proposal.remember_until == std::numeric_limits<uint32_t>::max()
                   ? proposal.remember_until
                   : proposal.remember_until + 1;
    request_chains_.Add(row.key);
    changes_.requests.push_back(row);
  }
  if (proposal.epoch > HighestEpoch(proposal.epoch_row)) {
    epochs_[proposal.epoch_row] = proposal.epoch;
  }
  // A later revision cannot show it.
  if (BeginsAfterLoss(tables_, charges.agreement, charges.agreement_begins)) {
    epochs_[BeginningOf(charges.agreement)] = charges.agreement_begins;
  }
}

void SpanDecisions::AddCharge(const RowKey& row, uint32_t value, uint32_t dies) {
  charge_chains_.Add(row);
  changes_.charges.push_back({row, value, dies});
}

Changes SpanDecisions::Take() {
  for (const auto& row : epochs_) changes_.epochs.push_back({row.first, row.second});
  for (const auto& row : lives_) changes_.lives.push_back(row.second);
  for (const auto& row : pending_) {
    const Pending& pending = row.second;
    if (pending.answers > 0) {
      changes_.buckets.push_back(
          {row.first, Counter::kWholeAgreement, pending.answers_window, pending.answers});
    }
    if (pending.new_people > 0) {
      changes_.buckets.push_back(
          {row.first, Counter::kNewPeople, pending.new_people_window, pending.new_people});
    }
  }
  return std::move(changes_);
}

}  // namespace vouch::server::journal
