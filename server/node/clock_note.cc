#include "server/node/clock_note.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <map>

#include "absl/strings/ascii.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "crypto/keys.h"
#include "server/node/folders.h"

namespace vouch::server::node {
namespace {

constexpr size_t kLargestNote = 4096;
constexpr size_t kEventDigits = 32;

std::string StandingPath(const std::string& run_folder) { return run_folder + "/clock"; }
std::string AcknowledgementPath(const std::string& run_folder) {
  return run_folder + "/acknowledge-clock";
}

using Lines = std::map<std::string, std::string>;

absl::Status Malformed(const std::string& path) {
  return absl::InvalidArgumentError(absl::StrCat(path, ": is not as vouchd and vouch write it"));
}

absl::StatusOr<Lines> ReadLines(const std::string& path) {
  const absl::StatusOr<std::string> text = ReadText(path, kLargestNote);
  if (!text.ok()) return text.status();
  Lines lines;
  for (absl::string_view line : absl::StrSplit(*text, '\n', absl::SkipEmpty())) {
    const std::pair<absl::string_view, absl::string_view> parts =
        absl::StrSplit(line, absl::MaxSplits(": ", 1));
    if (!lines.emplace(std::string(parts.first), std::string(parts.second)).second) {
      return Malformed(path);
    }
  }
  return lines;
}

bool IsEvent(absl::string_view text) {
  return text.size() == kEventDigits && std::all_of(text.begin(), text.end(), [](char c) {
           return absl::ascii_isdigit(c) || (c >= 'a' && c <= 'f');
         });
}

std::string Of(const Lines& lines, const std::string& name) {
  const auto found = lines.find(name);
  return found == lines.end() ? std::string() : found->second;
}

}  // namespace

absl::Status WriteClockStanding(const std::string& run_folder, const ClockStanding& standing) {
  std::string text = absl::StrCat("answers: ", standing.stopped ? "stopped" : "given", "\n");
  if (!standing.event.empty()) {
    absl::StrAppend(&text, "event: ", standing.event, "\nahead-seconds: ", standing.ahead_seconds,
                    "\n");
  }
  if (!standing.acknowledged.empty()) {
    absl::StrAppend(&text, "acknowledged: ", standing.acknowledged, "\n");
  }
  return crypto::ReplaceFile(StandingPath(run_folder), text, false);
}

absl::StatusOr<ClockStanding> ReadClockStanding(const std::string& run_folder) {
  const std::string path = StandingPath(run_folder);
  const absl::StatusOr<Lines> lines = ReadLines(path);
  if (!lines.ok()) return lines.status();
  ClockStanding standing;
  const std::string answers = Of(*lines, "answers");
  standing.stopped = answers == "stopped";
  standing.event = Of(*lines, "event");
  standing.acknowledged = Of(*lines, "acknowledged");
  if ((!standing.stopped && answers != "given") || (standing.stopped && standing.event.empty()) ||
      (!standing.event.empty() &&
       (!IsEvent(standing.event) ||
        !absl::SimpleAtoi(Of(*lines, "ahead-seconds"), &standing.ahead_seconds))) ||
      (!standing.acknowledged.empty() && !IsEvent(standing.acknowledged))) {
    return Malformed(path);
  }
  return standing;
}

absl::Status WriteClockAcknowledgement(const std::string& run_folder,
                                       const ClockAcknowledgement& acknowledgement) {
  return crypto::ReplaceFile(AcknowledgementPath(run_folder),
                             absl::StrCat("event: ", acknowledgement.event,
                                          "\nahead-seconds: ", acknowledgement.ahead_seconds, "\n"),
                             true);
}

absl::StatusOr<ClockAcknowledgement> ReadClockAcknowledgement(const std::string& run_folder) {
  const std::string path = AcknowledgementPath(run_folder);
  struct stat facts {};
  if (lstat(path.c_str(), &facts) != 0) return absl::ErrnoToStatus(errno, path);
  if (!S_ISREG(facts.st_mode) || facts.st_uid != geteuid() || (facts.st_mode & 077) != 0) {
    return absl::PermissionDeniedError(absl::StrCat(
        path, ": is no file of the node's own user with mode 0600; it was left aside"));
  }
  const absl::StatusOr<Lines> lines = ReadLines(path);
  if (!lines.ok()) return lines.status();
  ClockAcknowledgement acknowledgement;
  acknowledgement.event = Of(*lines, "event");
  if (lines->size() != 2 || !IsEvent(acknowledgement.event) ||
      !absl::SimpleAtoi(Of(*lines, "ahead-seconds"), &acknowledgement.ahead_seconds)) {
    return absl::InvalidArgumentError(absl::StrCat(
        path, ": names no step of the clock; `vouch ledger acknowledge-clock` writes it"));
  }
  return acknowledgement;
}

absl::Status RemoveClockAcknowledgement(const std::string& run_folder) {
  const std::string path = AcknowledgementPath(run_folder);
  if (unlink(path.c_str()) == 0 || errno == ENOENT) return absl::OkStatus();
  return absl::ErrnoToStatus(errno, absl::StrCat(path, ": cannot be removed"));
}

}  // namespace vouch::server::node
