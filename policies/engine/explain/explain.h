// Says in plain words what an agreement means: for those who sign it, and for whoever it is about.
#ifndef VOUCH_POLICIES_ENGINE_EXPLAIN_EXPLAIN_H_
#define VOUCH_POLICIES_ENGINE_EXPLAIN_EXPLAIN_H_

#include <string>
#include <vector>

#include "policies/engine/agreement.h"
#include "policies/engine/explain/document.h"
#include "policies/engine/reference.h"

namespace vouch::policies::explain {

struct Explained {
  const Agreement& agreement;
  // What it pins. Without the catalogue, facts keep their names and have no meanings; without a
  // table, its amounts are said to be missing.
  const FactCatalogue* facts = nullptr;
  const ReferenceTables* tables = nullptr;
  std::string file;
  std::string bytes;   // the exact file that `agreement` was read from
  std::string digest;  // of `bytes`, hexadecimal
  std::vector<AgencySignatures> signatures;
};

// Every sentence and row has a line of the file. Nothing is left out: what the agreement says and
// what follows from it (both edges of every threshold, what can be learned about one person) stand
// side by side, in the order of the file.
Document Explain(const Explained& explained);

}  // namespace vouch::policies::explain

#endif  // VOUCH_POLICIES_ENGINE_EXPLAIN_EXPLAIN_H_
