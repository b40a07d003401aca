// What an operator sees of a running node: JSON log lines and counters. Nothing here can hold a
// person: fields are names of agencies, agreements, reasons and numbers, and answers are not
// counted apart, because one question between two readings of a counter would tell its answer.
#ifndef VOUCH_SERVER_TELEMETRY_TELEMETRY_H_
#define VOUCH_SERVER_TELEMETRY_TELEMETRY_H_

#include <cstdint>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"

namespace vouch::server::telemetry {

enum class Level { kInfo, kWarning, kError };
using Fields = std::vector<std::pair<std::string, std::string>>;

// One JSON object a line on standard error: time, level, event, fields. Thread-safe.
void Log(Level level, absl::string_view event, const Fields& fields = {});
// "info", "warning" or "error": lines below it are dropped. Call before threads start.
void SetLogLevel(absl::string_view level);

// One agreement as an operator sees it.
struct AgreementFigures {
  std::string id;
  int64_t revision = 0;
  std::string state;     // "in_force", ...
  double days_left = 0;  // until it expires; negative afterwards
};

// Counters and gauges for Prometheus. Thread-safe.
class Metrics {
 public:
  Metrics();
  ~Metrics();

  // Serves /metrics on "host:port"; returns the port. Unavailable when it cannot be bound.
  absl::StatusOr<int> Serve(const std::string& address);

  void Answered(absl::string_view requester, uint64_t count);
  void Replayed(absl::string_view requester, uint64_t count);
  void Refused(absl::string_view requester, absl::string_view reason, uint64_t count);
  void Evaluated(absl::string_view requester, uint64_t elements);
  void Walked(size_t span, absl::Duration took);
  void SetGauge(absl::string_view name, double value);
  // The same about one partner.
  void SetGauge(absl::string_view name, absl::string_view partner, double value);
  // Takes the place of those before: what is gone lingers in no figure. `rejected`: files of the
  // agreements folder that have errors.
  void SetAgreements(const std::vector<AgreementFigures>& agreements, size_t rejected);

 private:
  struct Families;
  std::unique_ptr<Families> families_;
};

}  // namespace vouch::server::telemetry

#endif  // VOUCH_SERVER_TELEMETRY_TELEMETRY_H_
