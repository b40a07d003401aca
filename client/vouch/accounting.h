// An accounting of disclosures as it is printed: for the person it is about, and for the officer
// who answers for it.
#ifndef VOUCH_CLIENT_VOUCH_ACCOUNTING_H_
#define VOUCH_CLIENT_VOUCH_ACCOUNTING_H_

#include <array>
#include <memory>
#include <string>
#include <vector>

#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "nlohmann/json.hpp"
#include "policies/engine/catalog.h"
#include "policies/engine/values.h"
#include "server/ledger/oversight/disclosures.h"
#include "server/ledger/oversight/log_reader.h"

namespace vouch::client {

// One entry in plain words. Whatever the node no longer knows is said to be so, never left empty.
struct AccountedLine {
  std::string log;             // the log that the entry is in
  uint64_t index = 0;          // and where there
  std::vector<uint64_t> also;  // further entries about the person of the same disclosure
  std::string leaf;            // SHA-256 of the entry as a leaf, hexadecimal
  absl::Time at;               // whole minutes
  std::string requester;       // the agency's name
  std::string address;         // its contacts, as the agreement has them
  std::string question;        // as the agreement asks it
  std::string question_id;
  policies::Parameters parameters;
  std::string purpose;
  std::string purpose_id;
  std::string outcome;    // in a sentence
  std::string answer;     // YES, NO, UNDETERMINED; REFUSED; empty: what was sealed does not open
  bool was_told = false;  // the agency, why it was UNDETERMINED
  std::string told;       // what it was told; empty where the reason may be another person's
  std::string refusal;    // the reason's name; empty for an answer
  std::string agreement_id;
  int64_t revision = 0;   // 0: its file is no longer here
  std::string agreement;  // id, revision and title
  // Whom the node found on record: "one", "none", "several"; empty: nothing here says it.
  std::string found;
};

struct Accounting {
  std::string responder;
  std::string origin;
  std::vector<std::string> logs;  // of the journal; empty: this one alone
  uint64_t first = 0, size = 0;   // the journal's entries, over all logs
  uint64_t read = 0;              // of these, the entries that were looked at
  absl::Time made;
  absl::Time from = absl::InfinitePast(), to = absl::InfiniteFuture();
  std::vector<AccountedLine> lines;
  // Sentences: months whose keys were destroyed, and what else could not be looked at.
  std::vector<std::string> gaps;

  std::string Text() const;
  std::string Html() const;  // one page, no script, nothing fetched
  nlohmann::ordered_json ToJson() const;
};

// `catalog` may be null: then names stand for texts.
AccountedLine LineOf(const server::ledger::oversight::Disclosure& disclosure,
                     const policies::Catalog* catalog);
// A line for each disclosure: whoever is named twice in one household was still told of once.
std::vector<AccountedLine> LinesOf(const std::vector<server::ledger::oversight::Disclosure>& found,
                                   const policies::Catalog* catalog);
// The sentence about what a journal no longer holds; empty when it is whole.
std::string BeforeJournal(const server::ledger::oversight::LogExtent& extent);
// A sentence for each loss that the log declares: a list of what is left must not look whole.
std::vector<std::string> DeclaredLosses(const server::ledger::oversight::LogExtent& extent);
// The sentence about entries that are nothing this program knows; empty where there are none.
std::string UnknownEntries(const server::ledger::oversight::DisclosureSearch& search);
// A sentence for each agreement, and each revision, under which something was asked and whose text
// is not at hand: who was asked about by its match keys, in vain, was not looked for.
std::vector<std::string> MissingTexts(const server::ledger::oversight::DisclosureSearch& search,
                                      const policies::Catalog& catalog, absl::Time now);
// A sentence for each month whose entries nobody can tell apart any more, or some of them.
std::vector<std::string> ClosedMonths(const server::ledger::oversight::DisclosureSearch& search);

// The revision an entry was made under; nullptr when its file is no longer here.
const policies::HeldAgreement* RevisionOf(const crypto::SubjectEntry& entry,
                                          const policies::Catalog& catalog);
const policies::HeldAgreement* RevisionOf(absl::string_view agreement_id,
                                          const std::array<uint8_t, 8>& digest_prefix,
                                          const policies::Catalog& catalog);
// As crypto::CanonicalParameters lays them out; false for anything else.
bool ReadParameters(absl::string_view bytes, policies::Parameters* parameters);

}  // namespace vouch::client

#endif  // VOUCH_CLIENT_VOUCH_ACCOUNTING_H_
