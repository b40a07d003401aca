// From a person, as an officer knows one, to all that entries about that person may be tagged to.
#ifndef VOUCH_CLIENT_VOUCH_PERSON_SEARCH_H_
#define VOUCH_CLIENT_VOUCH_PERSON_SEARCH_H_

#include <string>
#include <vector>

#include "CLI/CLI.hpp"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "client/vouch/console.h"
#include "policies/engine/catalog.h"
#include "server/ledger/oversight/subject_keys.h"
#include "server/node/node_file.h"

namespace vouch::client {

struct PersonChoice {
  std::string person;                   // a file of one person as JSON, or "-"
  std::vector<std::string> source_ids;  // the source system's own, or "-": a line each

  bool empty() const { return person.empty() && source_ids.empty(); }
};
// --person and --source-id.
void AddPersonOptions(CLI::App* command, PersonChoice* choice);

struct FoundPerson {
  server::ledger::oversight::PersonNames names;  // token vectors of agreements that have any
  bool on_record = false;         // or named by the source's id, which needs no record
  int named_on_record = 0;        // how many of those named by the source's ids are there now
  std::vector<std::string> gaps;  // what could not be looked for, and why; nothing about the person
};
// Makes the tokens of every agreement in the node's folder in which it answers, in every epoch
// whose secret is held, of every match key alone and of all together. Every spelling is looked for:
// FailedPrecondition when what was given finds several people, or one whom it does not fit: then
// only the source's id tells. What is left out of the search is a gap.
absl::StatusOr<FoundPerson> FindPerson(const server::node::NodeFile& file,
                                       const policies::Catalog& catalog, const PersonChoice& choice,
                                       absl::Time now, Console* console);

}  // namespace vouch::client

#endif  // VOUCH_CLIENT_VOUCH_PERSON_SEARCH_H_
