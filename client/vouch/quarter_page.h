// A quarter's report as text, for programs, and as one page with plots.
#ifndef VOUCH_CLIENT_VOUCH_QUARTER_PAGE_H_
#define VOUCH_CLIENT_VOUCH_QUARTER_PAGE_H_

#include <string>
#include <vector>

#include "absl/time/time.h"
#include "absl/types/optional.h"
#include "nlohmann/json.hpp"
#include "server/ledger/oversight/quarter.h"

namespace vouch::client {

// Counts that add up, with what they are called.
struct ReportRow {
  std::string id;     // "answered_by_question"
  std::string title;  // "Answers by question"
  server::ledger::oversight::SuppressedRow counts;
};
struct ReportAgreement {
  std::string id;
  std::string title;
  std::vector<ReportRow> rows;
  std::vector<std::string> sentences;  // what the counts come to, and what they are not
};
struct QuarterReport {
  std::string responder;
  std::string origin;
  std::string quarter;
  uint64_t minimum = 10;
  absl::Time made;
  // Entries that the journal no longer holds, some of this quarter's perhaps among them; all of
  // them older than `gone_before`, the first that it does hold. 0: none of this quarter's.
  uint64_t gone = 0;
  absl::optional<absl::Time> gone_before;
  // Sentences: losses that the ledger declares, and that some of this quarter may be among.
  std::vector<std::string> lost;
  // The quarter goes on: its last day, YYYY-MM-DD. Empty once it is over.
  std::string ends;
  std::vector<ReportAgreement> agreements;
  std::vector<ReportRow> elsewhere;  // of no agreement

  std::string Text() const;
  std::string Html() const;  // no script, nothing fetched; every plot has its numbers beside it
  nlohmann::ordered_json ToJson() const;  // null for a count that is not shown
};

}  // namespace vouch::client

#endif  // VOUCH_CLIENT_VOUCH_QUARTER_PAGE_H_
