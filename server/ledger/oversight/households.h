// Answers about a group, put together again from the entries of its slots: who was in it and is on
// record, and which slots were padding.
#ifndef VOUCH_SERVER_LEDGER_OVERSIGHT_HOUSEHOLDS_H_
#define VOUCH_SERVER_LEDGER_OVERSIGHT_HOUSEHOLDS_H_

#include <cstdint>
#include <map>
#include <memory>
#include <set>
#include <vector>

#include "absl/status/status.h"
#include "absl/types/optional.h"
#include "policies/engine/question.h"
#include "server/ledger/oversight/disclosures.h"
#include "server/ledger/oversight/log_reader.h"
#include "server/ledger/oversight/people_on_record.h"
#include "server/ledger/period_keys.h"

namespace vouch::server::ledger::oversight {

class Households {
 public:
  // An answer about a group of `slots`, by the entry of one of them that was found and opened;
  // `match_keys`: how many its agreement has. Given by another of its slots too, it stays one.
  void Add(const Disclosure& disclosure, size_t slots, size_t match_keys);
  bool empty() const { return answers_.empty(); }

  // Every entry of the log in order, once all are added.
  absl::Status Visit(const LogEntry& entry);
  // Looks for everybody on record in every slot that is not padding: about two million comparisons
  // a second. What is missing of keys is an error: `keys` gave those of the disclosures before.
  absl::Status Identify(PeriodKeys* keys, const PeopleOnRecord& people);

  struct Answer {
    Disclosure about;
    // By slot, as policies::EvaluateGroup takes them, with the facts of today: unknown are those
    // who are not, or no longer, on record, and one record that stands in two slots. Empty when
    // the log no longer has all the entries. The facts are good as long as the people are.
    std::vector<policies::GroupMember> members;
  };
  // After Identify, in the order of the log.
  std::vector<Answer> Answers() const;

 private:
  struct Slot {
    uint64_t index = 0;
    std::array<uint8_t, 16> nonce{};
    std::array<uint8_t, 16> tag{};
    bool padding = false;
    absl::optional<records::PersonHandle> person;
    records::RowFacts facts;
  };
  struct Group {
    Disclosure about;
    size_t size = 0;
    size_t match_keys = 0;
    std::vector<Slot> slots;
  };
  std::map<crypto::Digest, Group> answers_;  // by commitment, which no two answers share
};

}  // namespace vouch::server::ledger::oversight

#endif  // VOUCH_SERVER_LEDGER_OVERSIGHT_HOUSEHOLDS_H_
