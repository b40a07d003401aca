// What an agency's files hold about a true person, with the errors files have.
#ifndef VOUCH_TESTS_SYNTH_RECORD_H_
#define VOUCH_TESTS_SYNTH_RECORD_H_

#include <cstdint>
#include <string>
#include <vector>

#include "absl/strings/string_view.h"
#include "tests/synth/dice.h"
#include "tests/synth/population.h"

namespace vouch::synth {

// One row: identity as written down, facts as they are.
struct Record {
  std::string source_id;
  std::string social_security_number;
  std::string date_of_birth;
  std::string given_name;
  std::string family_name;
  std::string former_family_name;
  std::string postal_code;
  Person facts;
};

// Writes people down with independent errors for each agency. Immutable and thread-safe.
class Clerk {
 public:
  // `error_rate`: the share of records with at least one error, 0 to 1. `error_seed`: two agencies
  // with different seeds err independently. A fiftieth of the erring records are entered twice.
  Clerk(double error_rate, uint64_t error_seed, absl::string_view source_prefix)
      : error_rate_(error_rate), error_seed_(error_seed), source_prefix_(source_prefix) {}

  // One record, or two when the person was entered twice. Source ids are the prefix, the person's
  // number and, for a second entry, "-2".
  std::vector<Record> Write(const Person& person) const;

 private:
  double error_rate_;
  uint64_t error_seed_;
  std::string source_prefix_;
};

std::string CsvHeader();
// With a line feed; fields quoted as RFC 4180 asks where needed.
void AppendCsv(const Record& record, std::string* out);

}  // namespace vouch::synth

#endif  // VOUCH_TESTS_SYNTH_RECORD_H_
