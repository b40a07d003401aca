// The document's sections, one function each, in the order in which they stand.
#ifndef VOUCH_POLICIES_ENGINE_EXPLAIN_SECTIONS_H_
#define VOUCH_POLICIES_ENGINE_EXPLAIN_SECTIONS_H_

#include "policies/engine/explain/explain.h"
#include "policies/engine/explain/page.h"

namespace vouch::policies::explain {

void AddWhatThisIs(const Explained& in, Page* page);
void AddParties(const Explained& in, Page* page);
void AddAuthority(const Explained& in, Page* page);
void AddPurposes(const Explained& in, Page* page);
void AddDates(const Explained& in, Page* page);
void AddPeople(const Explained& in, Page* page);
void AddQuestions(const Explained& in, Page* page);
void AddLimits(const Explained& in, Page* page);
void AddLearned(const Explained& in, Page* page);
void AddProtections(const Explained& in, Page* page);
void AddWaivers(const Explained& in, Page* page);
void AddContacts(const Explained& in, Page* page);

// When a question's answer is YES and when it is NO, as lists of `page`. `path` is the question's.
void AddCondition(const Explained& in, const Question& question, const std::string& path,
                  Page* page);
// Both edges of each of its thresholds.
void AddEdges(const Explained& in, const Question& question, Page* page);

}  // namespace vouch::policies::explain

#endif  // VOUCH_POLICIES_ENGINE_EXPLAIN_SECTIONS_H_
