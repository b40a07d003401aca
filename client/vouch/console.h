// What a command talks to: standard streams, and the exit code it ends with.
#ifndef VOUCH_CLIENT_VOUCH_CONSOLE_H_
#define VOUCH_CLIENT_VOUCH_CONSOLE_H_

#include <cstdint>
#include <functional>
#include <istream>
#include <ostream>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "nlohmann/json.hpp"

namespace vouch::client {

// Exit codes of every command.
enum class Exit : int {
  kFine = 0,
  kFindings = 1,   // something was found wrong, or the wish was refused
  kUsage = 2,      // the command line
  kMalformed = 3,  // a file is missing, unreadable or not well formed
  kFailed = 4,     // cases or vectors failed
};

class Console {
 public:
  Console(std::istream* in, std::ostream* out, std::ostream* err) : in_(in), out_(out), err_(err) {}

  std::istream& in() { return *in_; }
  // One line on standard output: what was asked for.
  void Say(absl::string_view line);
  // One line on standard error: what went wrong, or goes on.
  void Note(absl::string_view line);
  void SayJson(const nlohmann::json& value);
  // Columns padded to the widest cell; the first row is the heading.
  void SayTable(const std::vector<std::vector<std::string>>& rows);

  // Runs a command's body; an error is shown in its own words and decides the exit code:
  // NotFound, InvalidArgument and DataLoss mean kMalformed, OutOfRange kUsage, others kFindings.
  void Run(const std::function<absl::StatusOr<Exit>()>& body);
  Exit exit() const { return exit_; }

 private:
  std::istream* in_;
  std::ostream* out_;
  std::ostream* err_;
  Exit exit_ = Exit::kFine;
};

// A wrong use of the command line, found only after parsing.
inline absl::Status UsageError(absl::string_view message) { return absl::OutOfRangeError(message); }

// How far a long step has come, on standard error: a bar that redraws itself on a terminal, a line
// every tenth otherwise.
class Progress {
 public:
  Progress(Console* console, std::string step);
  // `total` may be 0 when it is not known.
  void Show(uint64_t done, uint64_t total);
  void Finish(uint64_t done);

 private:
  Console* console_;
  std::string step_;
  bool terminal_;
  int last_tenth_ = -1;
  absl::Time last_shown_ = absl::InfinitePast();
};

// "2027-01-01" or "2027-01-01T00:00:00Z", as UTC.
absl::StatusOr<absl::Time> ParseTime(absl::string_view text);
std::string TimeText(absl::Time time);
// "12.3 MB"
std::string SizeText(uint64_t bytes);

}  // namespace vouch::client

#endif  // VOUCH_CLIENT_VOUCH_CONSOLE_H_
