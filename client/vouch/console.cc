#include "client/vouch/console.h"

#include <unistd.h>

#include <algorithm>
#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "policies/engine/source.h"
#include "policies/engine/unicode.h"

namespace vouch::client {
namespace {

Exit ExitFor(const absl::Status& status) {
  switch (status.code()) {
    case absl::StatusCode::kNotFound:
    case absl::StatusCode::kInvalidArgument:
    case absl::StatusCode::kDataLoss:
      return Exit::kMalformed;
    case absl::StatusCode::kOutOfRange:
      return Exit::kUsage;
    default:
      return Exit::kFindings;
  }
}

}  // namespace

void Console::Say(absl::string_view line) {
  out_->write(line.data(), static_cast<std::streamsize>(line.size()));
  *out_ << '\n' << std::flush;
}

void Console::Note(absl::string_view line) {
  err_->write(line.data(), static_cast<std::streamsize>(line.size()));
  *err_ << '\n' << std::flush;
}

void Console::SayJson(const nlohmann::json& value) {
  Say(value.dump(2, ' ', false, nlohmann::json::error_handler_t::replace));
}

void Console::SayTable(const std::vector<std::vector<std::string>>& rows) {
  std::vector<size_t> widths;
  for (const auto& row : rows) {
    widths.resize(std::max(widths.size(), row.size()));
    for (size_t i = 0; i < row.size(); ++i) {
      widths[i] = std::max(widths[i], policies::CodePointCount(row[i]));
    }
  }
  for (const auto& row : rows) {
    std::string line;
    for (size_t i = 0; i < row.size(); ++i) {
      absl::StrAppend(&line, row[i],
                      std::string(widths[i] - policies::CodePointCount(row[i]) + 2, ' '));
    }
    absl::StripTrailingAsciiWhitespace(&line);
    Say(line);
  }
}

void Console::Run(const std::function<absl::StatusOr<Exit>()>& body) {
  absl::StatusOr<Exit> ended = absl::InternalError("the command did not end");
  // Libraries throw; people get a sentence, not a core dump.
  try {
    ended = body();
  } catch (const std::exception& thrown) {
    ended = absl::InternalError(thrown.what());
  }
  if (ended.ok()) {
    exit_ = *ended;
    return;
  }
  exit_ = ExitFor(ended.status());
  Note(absl::StrCat("vouch: ", policies::Shown(ended.status().message(), 2000)));
}

Progress::Progress(Console* console, std::string step)
    : console_(console), step_(std::move(step)), terminal_(isatty(STDERR_FILENO) == 1) {}

void Progress::Show(uint64_t done, uint64_t total) {
  const int tenth = total == 0 ? -1 : static_cast<int>(std::min(done, total) * 10 / total);
  const absl::Time now = absl::Now();
  if (terminal_) {
    if (now - last_shown_ < absl::Milliseconds(100)) return;
    std::string line = absl::StrCat("\r", step_, ": ", done);
    if (total > 0) {
      const size_t filled = static_cast<size_t>(std::min(done, total) * 30 / total);
      line =
          absl::StrCat("\r", step_, " [", std::string(filled, '#'), std::string(30 - filled, '.'),
                       "] ", std::min(done, total) * 100 / total, "%");
    }
    absl::FPrintF(stderr, "%s", line);
  } else {
    const bool due = total > 0 ? tenth > last_tenth_ : now - last_shown_ >= absl::Seconds(5);
    if (!due) return;
    console_->Note(total > 0 ? absl::StrCat(step_, ": ", done, " of ", total)
                             : absl::StrCat(step_, ": ", done));
  }
  last_tenth_ = tenth;
  last_shown_ = now;
}

void Progress::Finish(uint64_t done) {
  console_->Note(absl::StrCat(terminal_ ? "\r\033[K" : "", step_, ": ", done, ", done"));
}

absl::StatusOr<absl::Time> ParseTime(absl::string_view text) {
  absl::Time time;
  std::string error;
  if (absl::ParseTime("%Y-%m-%d", text, absl::UTCTimeZone(), &time, &error) ||
      absl::ParseTime(absl::RFC3339_full, text, absl::UTCTimeZone(), &time, &error)) {
    return time;
  }
  return UsageError(absl::StrCat("\"", policies::Shown(text),
                                 "\" is no time; write 2027-01-01 or 2027-01-01T00:00:00Z"));
}

std::string TimeText(absl::Time time) {
  return absl::FormatTime("%Y-%m-%dT%H:%M:%SZ", time, absl::UTCTimeZone());
}

std::string SizeText(uint64_t bytes) {
  if (bytes < 1000) return absl::StrCat(bytes, " B");
  const char* const units[] = {"kB", "MB", "GB", "TB"};
  double size = static_cast<double>(bytes);
  int unit = -1;
  while (size >= 1000 && unit < 3) {
    size /= 1000;
    ++unit;
  }
  return absl::StrFormat("%.1f %s", size, units[unit]);
}

}  // namespace vouch::client
