// An agreement file (format "vouch-agreement/1") and a fact catalogue (format "vouch-facts/1") as
// read.
#ifndef VOUCH_POLICIES_ENGINE_AGREEMENT_H_
#define VOUCH_POLICIES_ENGINE_AGREEMENT_H_

#include <array>
#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "absl/strings/string_view.h"
#include "absl/time/civil_time.h"
#include "absl/time/time.h"
#include "absl/types/optional.h"
#include "policies/engine/source.h"
#include "policies/engine/values.h"

namespace vouch::policies {

// SHA-256 of a file's exact bytes, computed by the caller.
using FileDigest = std::array<uint8_t, 32>;

enum class Use : uint8_t { kLive = 1, kTest = 2 };
enum class TokenKind : uint8_t { kKeyedHash = 1, kBlind = 2 };
enum class AuthorityKind : uint8_t { kMatchingAgreement, kRoutineUse, kStatute, kConsent };
enum class Tell : uint8_t { kNothing, kSafe, kAll };
enum class DespiteMismatch : uint8_t { kRefuse, kAllow };
enum class Do : uint8_t { kAccept = 1, kVerifyIndependently = 2, kAskThePerson = 3 };

struct Approval {
  std::string by;
  std::string board;
  absl::CivilDay on;
};
struct Citation {
  std::string cite;
  std::string allows;
};
struct Pin {
  std::string file;  // one of file, table
  std::string table;
  std::string sha256;  // 64 lower-case hexadecimal digits
};
struct Purpose {
  std::string id;
  std::string text;
};

// Certified by both parties: the agreement goes on for a while after its first term, unchanged.
struct Certification {
  std::string by;
  absl::CivilDay on;
};
// A finding of `check` that the parties answer for, shown wherever the agreement is printed.
struct Waiver {
  std::string rule;  // e.g. "us-federal/term"
  std::string granted_by;
  std::string reason;
  absl::CivilDay expires;  // the last day it is good for
  Position position;
};

struct AgreedMatchKey {
  std::vector<std::string> parts;  // "family_name", "soundex:family_name", ...
  DespiteMismatch despite_mismatch = DespiteMismatch::kRefuse;
};

// The values a parameter may take: a range of whole numbers, or a list of codes.
struct ParameterRule {
  std::string name;
  absl::optional<std::pair<int64_t, int64_t>> range;  // both ends included
  std::vector<std::string> codes;

  bool Allows(const ParameterValue& value) const;
};

enum class Comparison : uint8_t {
  kAtMost,
  kLessThan,
  kAtLeast,
  kMoreThan,
  kBetween,
  kIs,
  kIsOneOf,
  kOnOrBefore,
  kOnOrAfter,
};

// As an agreement's file writes it: "at_most".
absl::string_view ComparisonKey(Comparison comparison);

// The right-hand side of a comparison.
struct Threshold {
  // A constant (one value; two for between; several for is_one_of).
  std::vector<FactValue> constants;
  // Or explicit rows: the parameter values that select a row, and its value.
  struct Row {
    Parameters when;
    FactValue value;
  };
  std::vector<Row> rows;
  // Or a percentage of a reference table's row.
  struct TableShare {
    int64_t percent = 0;
    std::string table;
    std::string edition;                     // a year, or "in-force"
    std::map<std::string, std::string> row;  // table dimension -> parameter name
  };
  absl::optional<TableShare> share;
};

// How a leaf names the period it looks at, e.g. tax-year-2025, latest-filed-tax-year,
// last-full-month, last-90-days, as-of-today, or none given (timeless facts).
struct PeriodRule {
  enum class Kind : uint8_t {
    kNone,
    kFixed,
    kLatestTaxYear,
    kLastFullMonth,
    kLastDays,
    kAsOfToday,
  };
  Kind kind = Kind::kNone;
  Period fixed;      // kFixed
  int32_t days = 0;  // kLastDays
  std::string text;  // as written
};

// Of which members of a group a leaf has to hold, under Kleene logic: a member of whom the fact is
// unknown is unknown.
enum class GroupMembers : uint8_t { kNotSaid, kAll, kAny };

struct Condition {
  enum class Kind : uint8_t { kAllOf, kAnyOf, kNot, kLeaf };
  Kind kind = Kind::kLeaf;
  std::vector<Condition> children;  // one for kNot
  // kLeaf:
  std::string fact;  // a fact of the catalogue, or "age" (whole years, from the fact date_of_birth)
  PeriodRule period;
  Comparison comparison = Comparison::kIs;
  Threshold threshold;
  // In a question about a group one of the two; in one about a person neither.
  bool sum_over_group = false;
  GroupMembers members = GroupMembers::kNotSaid;
  Position position;
};

struct Obligation {
  Do action = Do::kAskThePerson;
  int32_t notice_days = 0;
};
struct Say {
  Answer when = Answer::kUndetermined;
  std::string language;
  std::string text;
};

struct Question {
  std::string id;
  std::string ask;
  int32_t group_at_most = 0;  // 0: about one person; otherwise the padded size of a group
  std::vector<ParameterRule> parameters;  // in file order
  Condition yes_when;
  absl::Duration records_loaded_within = absl::InfiniteDuration();
  Tell tell = Tell::kNothing;
  Obligation on_yes, on_no, on_undetermined;
  std::vector<Say> say;
  std::vector<std::string> spares_documents;
  int32_t spares_minutes = 0;
  absl::Duration answer_good_for = absl::ZeroDuration();
  Position position;
};

// A count within a sliding window. `every` is infinite for "agreement": the agreement's whole life.
struct CountLimit {
  int64_t count = 0;
  absl::Duration every = absl::InfiniteDuration();
};
struct Limits {
  CountLimit times_asked;
  CountLimit different_values;
  CountLimit new_people;
  CountLimit whole_agreement;
  CountLimit evaluations;
};

struct Contact {
  std::string party;
  std::string role;
  std::string email;
};

struct Agreement {
  std::string id;
  int64_t revision = 0;
  std::string replaces;  // "none" or 64 hexadecimal digits
  std::string title;
  Use use = Use::kTest;
  std::string document_title;
  std::string document_sha256;
  std::vector<Pin> pins;
  std::vector<std::string> asks;
  std::string answers;
  std::map<std::string, std::string> acting_for;  // contractor's agency -> asking party
  AuthorityKind authority = AuthorityKind::kConsent;
  std::vector<Citation> cites;
  std::vector<Approval> approvals;
  bool consent_required = false;
  std::string consent_from;
  std::map<std::string, std::string> elements;  // "A".."K" -> text, for a matching agreement
  std::string federal_register;                 // published
  absl::optional<absl::CivilDay> sent_to_congress;
  std::vector<Purpose> purposes;
  absl::CivilDay effective;
  absl::CivilDay expires;  // the last valid day
  std::string time_zone;
  absl::Time effective_from;  // the first instant of `effective` in time_zone
  absl::Time expires_at;      // the first instant after `expires` in time_zone
  absl::Duration changeover;
  // Of the one renewal that a matching agreement may have; with `renewed_from`.
  absl::optional<absl::CivilDay> renewed_from;  // the last day of the term before it
  std::vector<Certification> renewal_certified;
  std::string spelling_rules;
  std::vector<AgreedMatchKey> match;
  TokenKind token_kind = TokenKind::kBlind;
  std::string key_authority;  // "sha256:" and 64 hexadecimal digits
  std::vector<Question> questions;
  Limits limits;
  absl::Duration keep_ledger;  // at_least
  bool keep_life_of_record = false;
  std::string corrections_contact;
  int32_t corrections_reply_days = 0;
  // Besides the ledger's proof, which every answer has: a receipt as a JWS where the asker wants
  // one.
  bool jws_receipts = false;
  std::vector<Contact> contacts;
  std::vector<Waiver> waivers;

  const Question* FindQuestion(absl::string_view question_id) const;
  bool HasPurpose(absl::string_view purpose_id) const;
  bool IsAsker(absl::string_view agency) const;
  // The asking party that `agency` asks for: itself, or the one it acts for as its contractor;
  // empty when it may not ask. Limits are that party's, however many contractors act for it.
  absl::string_view AskerBehind(absl::string_view agency) const;
  absl::TimeZone zone() const;
};

struct FactDefinition {
  std::string name;
  FactType type = FactType::kWholeNumber;
  PeriodKind period = PeriodKind::kNone;
  std::string held_per;            // "person" or "return"
  std::vector<std::string> codes;  // for code and set of codes
  std::string meaning;
  std::string source_system;
  // At most `count` different values per person and requester in `every`, across all agreements.
  absl::optional<CountLimit> different_values;
};
struct FactCatalogue {
  std::string agency;
  std::string version;
  std::vector<FactDefinition> facts;

  const FactDefinition* Find(absl::string_view name) const;
};

// Names that the engine does not define itself: handed in by the caller, so that this room knows
// neither cryptography nor files.
struct KnownNames {
  std::vector<std::string> attributes;      // "social_security_number", ...
  std::vector<std::string> derivations;     // "soundex:family_name", ...
  std::vector<std::string> spelling_rules;  // "names/1", ...
};

// Reads one file. Findings go to `report`, all at once; the value is returned only when none of
// them is an error. `name` is the file name used in findings.
absl::optional<Agreement> ReadAgreement(absl::string_view name, absl::string_view bytes,
                                        const KnownNames& known, Report* report);
absl::optional<FactCatalogue> ReadFactCatalogue(absl::string_view name, absl::string_view bytes,
                                                Report* report);

// What only both together show: facts not in the catalogue, wrong types, comparisons that do not
// fit, periods of another kind, parameters that no row covers.
void CheckAgainstFacts(const Agreement& agreement, absl::string_view name,
                       const FactCatalogue& facts, Report* report);

}  // namespace vouch::policies

#endif  // VOUCH_POLICIES_ENGINE_AGREEMENT_H_
