#include "policies/engine/explain/explain.h"

#include <utility>

#include "policies/engine/explain/page.h"
#include "policies/engine/explain/sections.h"
#include "policies/engine/explain/words.h"
#include "policies/engine/tree.h"

namespace vouch::policies::explain {

Document Explain(const Explained& in) {
  Document document;
  document.title = OneLine(in.agreement.title);
  document.agreement_id = in.agreement.id;
  document.revision = in.agreement.revision;
  document.file = in.file;
  document.digest = in.digest;
  document.test_only = in.agreement.use == Use::kTest;
  document.signatures = in.signatures;
  document.source = in.bytes;

  Report read_before;
  const absl::optional<Tree> tree = ReadTree(in.file, in.bytes, &read_before);
  if (!tree.has_value()) return document;
  Page page(*tree);
  AddWhatThisIs(in, &page);
  AddParties(in, &page);
  AddAuthority(in, &page);
  AddPurposes(in, &page);
  AddDates(in, &page);
  AddPeople(in, &page);
  AddQuestions(in, &page);
  AddLimits(in, &page);
  AddLearned(in, &page);
  AddProtections(in, &page);
  AddWaivers(in, &page);
  AddContacts(in, &page);
  document.sections = page.Take();
  return document;
}

}  // namespace vouch::policies::explain
