// run/agreements.json: what a running node holds of its agreements folder, for `vouch agreement
// status`. Nothing in it is about a person.
#ifndef VOUCH_SERVER_NODE_AGREEMENTS_STANDING_H_
#define VOUCH_SERVER_NODE_AGREEMENTS_STANDING_H_

#include <cstdint>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "policies/engine/source.h"

namespace vouch::server::node {

struct AgreementStanding {
  std::string id;
  int64_t revision = 0;
  std::string digest;                // 64 hexadecimal digits
  std::string file;                  // relative to the agreements folder
  std::string state;                 // policies::AgreementStateName, when it was written
  std::string why;                   // of `unsigned` and `stopped`, in plain words; may be empty
  std::vector<std::string> signers;  // of the signatures that count
};
struct AgreementsStanding {
  absl::Time written = absl::InfinitePast();
  std::vector<AgreementStanding> held;
  std::vector<policies::Finding> findings;  // of the folder's files, the rejected ones among them
  std::vector<std::string> key_problems;
};

// As written, without its time: to see whether anything changed.
std::string StandingText(const AgreementsStanding& standing);
// Replaces the file whole.
absl::Status WriteAgreementsStanding(const std::string& run_folder,
                                     const AgreementsStanding& standing);
// NotFound when no node of this version ran here; InvalidArgument when it is malformed.
absl::StatusOr<AgreementsStanding> ReadAgreementsStanding(const std::string& run_folder);

}  // namespace vouch::server::node

#endif  // VOUCH_SERVER_NODE_AGREEMENTS_STANDING_H_
