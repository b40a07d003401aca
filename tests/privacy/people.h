// What must not be found outside an agency: the personal values of synthetic people, indexed so
// that one pass over a stream finds any of them.
//
// A value counts as FOUND on its own (strong) or only near another value of the same person (weak):
//
//   strong  a Social Security number (NNNNNNNNN, NNN-NN-NNNN, NNN NN NNNN); a source id; a date of
//           birth before 2020 written with separators; a name of eight letters or more
//   weak    any other date of birth (recent days stand in every log; eight digits alone are too
//           common), a name of three to seven letters, an income in cents or in dollars and cents,
//           a postal code
//
// Two weak values count when they are of different kinds, belong to one person and lie within
// kNear bytes of each other, except postal code with income (two numbers), and two names that have
// under eight letters together. Names of one or two letters are never looked for: they are in
// everything. Names are compared without case (ASCII) and in their normal form, at word boundaries;
// numbers must not touch another digit, so the fraction of a decimal number is not a Social
// Security number. A strong value that stands in the texts given as public is not looked for.
#ifndef VOUCH_TESTS_PRIVACY_PEOPLE_H_
#define VOUCH_TESTS_PRIVACY_PEOPLE_H_

#include <array>
#include <cstdint>
#include <string>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/container/flat_hash_set.h"
#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "absl/types/span.h"

namespace vouch::privacy {

enum class Kind : uint8_t {
  kSocialSecurityNumber,
  kSourceId,
  kDateOfBirth,
  kGivenName,
  kFamilyName,
  kPostalCode,
  kIncome,
};
inline constexpr size_t kKinds = 7;
absl::string_view KindName(Kind kind);

// How far apart, in bytes of the scanned file, two weak values may lie.
inline constexpr uint64_t kNear = 128;

// A value of some kind that one person or several have.
struct Value {
  Kind kind = Kind::kSourceId;
  uint32_t id = 0;
  bool strong = false;
  uint8_t letters = 0;  // of a name
};

struct RawPerson {
  std::string social_security_number, source_id, date_of_birth, given_name, family_name,
      former_family_name, postal_code, income_cents;
};

class People {
 public:
  void Add(const RawPerson& person);
  // Rows of vouch-synth. InvalidArgument when a column is missing; NotFound when there is no file.
  absl::Status AddCsv(const std::string& path);
  // Strong values in `text` (agreements, catalogues, configuration: published texts) become ones
  // nobody looks for. Call after the last Add.
  void ExcludePublic(absl::string_view text);

  size_t size() const { return rows_.size(); }
  size_t excluded() const { return excluded_; }

  // Numbers, from their digits.
  const Value* FindSocialSecurityNumber(uint32_t digits) const;
  const Value* FindDate(uint32_t yyyymmdd) const;
  const Value* FindPostalCode(uint32_t digits) const;
  const Value* FindIncome(uint64_t cents) const;
  // Names and source ids: whether some text form begins with these three lower-case bytes, and the
  // form that `text` (lower case) is. Lengths of the forms that begin so come longest first.
  bool MayBegin(uint32_t three_bytes) const {
    return (begins_[three_bytes >> 6] >> (three_bytes & 63) & 1) != 0;
  }
  absl::Span<const uint16_t> Lengths(uint32_t three_bytes) const;
  absl::Span<const Value> FindText(absl::string_view text) const;

  // True when one person has both values.
  bool SamePerson(const Value& a, const Value& b) const;

 private:
  using Row = std::array<uint32_t, kKinds + 1>;  // value ids by kind; the last: former family name

  uint32_t Intern(Kind kind, const std::string& value);
  void AddText(Kind kind, uint32_t id, const std::string& form, bool strong, size_t letters);
  bool Has(const Row& row, const Value& value) const;

  std::vector<Row> rows_;
  std::array<absl::flat_hash_map<std::string, uint32_t>, kKinds> ids_;
  std::array<std::vector<std::vector<uint32_t>>, kKinds> holders_;  // rows by value id
  std::array<absl::flat_hash_map<uint64_t, Value>, kKinds> numbers_;
  absl::flat_hash_map<std::string, std::vector<Value>> texts_;
  absl::flat_hash_map<uint32_t, std::vector<uint16_t>> lengths_;
  std::vector<uint64_t> begins_ = std::vector<uint64_t>((1u << 24) / 64);
  size_t excluded_ = 0;
};

}  // namespace vouch::privacy

#endif  // VOUCH_TESTS_PRIVACY_PEOPLE_H_
