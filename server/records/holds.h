// People held back: every answer about them is UNDETERMINED (identity theft, an address kept
// confidential, a dispute). A small durable file beside the generations, so that a hold outlives
// every load.
#ifndef VOUCH_SERVER_RECORDS_HOLDS_H_
#define VOUCH_SERVER_RECORDS_HOLDS_H_

#include <memory>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "server/records/facts_file.h"

namespace vouch::server::records {

enum class HoldReason : uint8_t {
  kOther = 0,
  kIdentityTheft = 1,
  kAddressConfidentiality = 2,
  kDispute = 3,
};
// "other", "identity-theft", "address-confidentiality", "dispute".
absl::string_view HoldReasonName(HoldReason reason);
absl::optional<HoldReason> HoldReasonNamed(absl::string_view name);

struct Hold {
  PersonHandle person{};
  HoldReason reason = HoldReason::kOther;
  absl::Time since;  // whole seconds
};

// Immutable and thread-safe.
class Holds {
 public:
  Holds() = default;
  explicit Holds(std::vector<Hold> holds);
  // A missing file means that nobody is held. DataLoss when it is damaged: without the list nobody
  // may be answered about.
  static absl::StatusOr<std::shared_ptr<const Holds>> Read(const std::string& path);
  // Writes beside, syncs and renames.
  absl::Status Write(const std::string& path) const;

  // The same number of steps whoever is asked about.
  bool Contains(const PersonHandle& person) const;
  const std::vector<Hold>& all() const { return holds_; }
  // A copy with this person held, or no longer held.
  Holds With(const Hold& hold) const;
  Holds Without(const PersonHandle& person) const;

 private:
  std::vector<Hold> holds_;  // by person
};

}  // namespace vouch::server::records

#endif  // VOUCH_SERVER_RECORDS_HOLDS_H_
