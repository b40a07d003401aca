// What a responder's node answered in a period, read beside a running node: the journal's segments
// are only appended to, so nothing is locked and nothing is changed. Holds facts and handles of
// people: it stays in the memory of the program that reads it.
#ifndef VOUCH_CLIENT_VOUCH_PAST_ANSWERS_H_
#define VOUCH_CLIENT_VOUCH_PAST_ANSWERS_H_

#include <functional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "crypto/bytes.h"
#include "policies/engine/values.h"
#include "server/ledger/period_keys.h"
#include "server/node/node_file.h"

namespace vouch::client {

// One answered entry and what lies sealed beside it, exact bytes; of a household, its first
// place's.
struct PastAnswer {
  std::string question;
  std::string requester;
  std::string purpose;
  uint32_t tag_period = 0;
  absl::Time at;  // whole minutes
  std::array<uint8_t, 16> nonce{};
  std::array<uint8_t, 16> tag{};
  crypto::Digest commitment{};
  std::string entry;
  std::string sealed;
};

struct PastAnswers {
  std::vector<PastAnswer> answers;  // at most `most`, drawn evenly
  uint64_t in_all = 0;
};
// Answers under the agreement from `from` up to `to`, a household's as one. `most` 0: all of them.
// Unavailable when the journal cannot be read beside the node.
absl::StatusOr<PastAnswers> ReadPastAnswers(const std::string& journal_folder,
                                            absl::string_view agreement_id, absl::Time from,
                                            absl::Time to, size_t most);

// What an opened answer was about.
struct OpenedAnswer {
  const PastAnswer* answer = nullptr;
  policies::Parameters parameters;
  policies::Answer answer_given = policies::Answer::kUndetermined;
  uint8_t undetermined_reason = 0;
  bool held_back = false;                       // today
  const policies::FactSource* facts = nullptr;  // today's; only during the call
};
enum class Opening { kOpened, kNobodyFound, kKeyDestroyed, kDamaged };

// Finds for each answer the person it is tagged to, among all in the records, and hands it on with
// today's facts: people times answers, about two million comparisons a second. The keys of months
// are never made here, only read.
absl::Status OpenPastAnswers(const server::node::NodeFile& node, absl::string_view agreement_id,
                             const std::vector<PastAnswer>& answers,
                             const std::function<void(uint64_t done, uint64_t total)>& progress,
                             const std::function<void(Opening, const OpenedAnswer&)>& visit);

}  // namespace vouch::client

#endif  // VOUCH_CLIENT_VOUCH_PAST_ANSWERS_H_
