// Cases beside an agreement, format "vouch-cases/1": what must come out of it, as a lawyer reads
// it.
#ifndef VOUCH_POLICIES_ENGINE_CASES_CASE_FILE_H_
#define VOUCH_POLICIES_ENGINE_CASES_CASE_FILE_H_

#include <map>
#include <string>
#include <utility>
#include <vector>

#include "absl/types/optional.h"
#include "policies/engine/cases/judgement.h"
#include "policies/engine/cases/words.h"
#include "policies/engine/fields.h"
#include "policies/engine/schema.h"

namespace vouch::policies::cases {

struct WrittenFact {
  std::string name;
  std::string period;  // behind "@"; empty when the question's own is meant
  WrittenValue value;
};

// One member of a group asked about as one.
struct WrittenMember {
  Person person = Person::kKnown;
  std::vector<WrittenFact> facts;
  std::string tax_return;  // a name for the return its facts stand on; empty: one of its own
};

struct EarlierAsks {
  std::string on;
  int64_t times = 1;
  std::string question;  // empty: the case's own
  absl::optional<std::vector<std::pair<std::string, WrittenValue>>> parameters;
  bool spelt_otherwise = false;
};

struct Case {
  std::string name;
  std::string on;
  std::string asker;  // empty: the first agency that asks
  std::string question;
  std::string purpose;  // empty: the first purpose
  std::vector<std::pair<std::string, WrittenValue>> parameters;
  Person person = Person::kKnown;
  std::vector<WrittenFact> facts;
  std::vector<WrittenMember> members;  // in place of person and facts
  std::string records_loaded;          // empty: on the day
  bool consent = true;
  std::vector<EarlierAsks> asked_before;
  // Exactly one of the two.
  absl::optional<Answer> answer;
  absl::optional<Refused> refused;
  absl::optional<UndeterminedReason> because;
  absl::optional<Do> action;

  bool generated = false;
  Position position;
  std::map<std::string, Position> keys;  // where each key's value stands

  // The key's value, or the case itself.
  Position At(const std::string& key) const;
};

struct CaseFile {
  std::string agreement;        // its id
  std::vector<Case> cases;      // those written by people first
  std::vector<Case> generated;  // only while reading
};

const ShapeOf<CaseFile>& CaseFileShape();
// As ReadAgreement. The cases of both sections are in `cases`.
absl::optional<CaseFile> ReadCases(absl::string_view name, absl::string_view bytes, Report* report);
SchemaFile CasesSchema();

}  // namespace vouch::policies::cases

#endif  // VOUCH_POLICIES_ENGINE_CASES_CASE_FILE_H_
