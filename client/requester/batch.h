// One question about many people, row by row, so that a run may be killed at any moment and run
// again: nobody is charged twice, and no row of the output is lost or repeated.
#ifndef VOUCH_CLIENT_REQUESTER_BATCH_H_
#define VOUCH_CLIENT_REQUESTER_BATCH_H_

#include <functional>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/types/optional.h"
#include "client/requester/batch_state.h"
#include "client/requester/requester.h"

namespace vouch::requester {

struct BatchRow {
  std::string reference;  // carried through to the output
  crypto::Identity person;
  policies::Parameters parameters;
  absl::optional<Consent> consent;
  // Why the row cannot be asked about, without its values; empty when it can.
  std::string problem;
};

// The rows, in order; the same each time a run is begun again.
class BatchRows {
 public:
  virtual ~BatchRows() = default;
  // False at the end.
  virtual absl::StatusOr<bool> Next(BatchRow* row) = 0;
};

// One of the two. A row that could not be asked about has a refusal with the reason ROW.
struct RowOutcome {
  absl::optional<GivenAnswer> answer;
  absl::optional<Refusal> refusal;
};

struct BatchOptions {
  std::string question;
  std::string purpose;
  std::string output;  // OUTPUT.part and OUTPUT.state lie beside it until the run is finished
  std::string heading;
  // The text of one row, with its newline. Rows count from 1.
  std::function<std::string(uint64_t row, const BatchRow&, const RowOutcome&)> format;
  // Whatever decides what the rows are: the input's digest and the names of its columns.
  std::string rows_fingerprint;
  size_t rows_per_message = 1000;  // 1 to 4096
  size_t messages_ahead = 4;
  bool jws = false;  // of each answer also a receipt as a JWS
  // A message left open by an earlier run that can no longer be repeated (after 8 days, or under
  // another revision of the agreement) is asked anew instead of ending the run.
  bool ask_again = false;
  std::function<void(const BatchCounts&)> progress;  // may be empty; after each message
};

// Runs to the end, or continues a run that was interrupted. Blocks. Errors leave everything such
// that the same call goes on later: Unavailable and ResourceExhausted (RefusalOf says what the
// responder wants) when waiting may help; AlreadyExists when the output is there already;
// FailedPrecondition for a state file of another run, or one too old (see ask_again); DataLoss for
// an answer that is not proved. Refusals of the whole agreement end the run; refusals of one row
// are its outcome.
absl::StatusOr<BatchCounts> AskBatch(Requester* requester, const BatchOptions& options,
                                     BatchRows* rows);

}  // namespace vouch::requester

#endif  // VOUCH_CLIENT_REQUESTER_BATCH_H_
