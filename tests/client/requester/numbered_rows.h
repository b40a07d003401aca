// Rows that are the same each time, with a few that cannot be asked about.
#ifndef VOUCH_TESTS_CLIENT_REQUESTER_NUMBERED_ROWS_H_
#define VOUCH_TESTS_CLIENT_REQUESTER_NUMBERED_ROWS_H_

#include <string>

#include "absl/strings/str_cat.h"
#include "client/requester/batch.h"
#include "tests/client/requester/asking_world.h"

namespace vouch::requester {

class NumberedRows final : public BatchRows {
 public:
  explicit NumberedRows(int count) : count_(count) {}
  absl::StatusOr<bool> Next(BatchRow* row) override {
    if (next_ == count_) return false;
    *row = BatchRow();
    row->reference = absl::StrCat("case-", next_);
    row->parameters = TestAsking().parameters;
    if (next_ % 97 == 13) {
      row->problem = "expected 5 cells, found 4";
    } else if (next_ % 97 == 14) {
      row->parameters["household_size"] = int64_t{99};
    } else if (next_ % 97 != 15) {  // 15: nobody
      row->person = TestPerson(next_);
    }
    ++next_;
    return true;
  }
  static int Askable(int count) {
    int askable = 0;
    for (int i = 0; i < count; ++i) askable += i % 97 < 13 || i % 97 > 15 ? 1 : 0;
    return askable;
  }

 private:
  const int count_;
  int next_ = 0;
};

inline BatchOptions NumberedOptions(const std::string& output, size_t rows_per_message) {
  BatchOptions options;
  options.question = kQuestion;
  options.purpose = kPurpose;
  options.output = output;
  options.heading = "row,reference,answer,refusal\n";
  options.format = [](uint64_t row, const BatchRow& asked, const RowOutcome& outcome) {
    return absl::StrCat(
        row, ",", asked.reference, ",",
        outcome.answer.has_value() ? policies::AnswerName(outcome.answer->answer) : "", ",",
        outcome.refusal.has_value() ? outcome.refusal->reason : "", "\n");
  };
  options.rows_fingerprint = "numbered";
  options.rows_per_message = rows_per_message;
  return options;
}

}  // namespace vouch::requester

#endif  // VOUCH_TESTS_CLIENT_REQUESTER_NUMBERED_ROWS_H_
