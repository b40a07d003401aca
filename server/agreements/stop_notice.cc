#include "server/agreements/stop_notice.h"

#include <map>
#include <utility>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "absl/strings/strip.h"

namespace vouch::server::agreements {

namespace {

constexpr absl::string_view kFormat = "vouch-stop/1";
constexpr absl::string_view kTimeFormat = "%Y-%m-%dT%H:%M:%SZ";
constexpr size_t kLongestReason = 500;
// Seconds of any later time, or of none, do not fit what is kept of a notice.
const absl::Time kLastTime = absl::FromCivil(absl::CivilSecond(9999, 12, 31), absl::UTCTimeZone());

std::string RangeText(int64_t first, int64_t last) {
  if (first == 1 && last == INT64_MAX) return "all";
  return first == last ? absl::StrCat(first) : absl::StrCat(first, " to ", last);
}

bool ReadRange(absl::string_view text, int64_t* first, int64_t* last) {
  if (text == "all") {
    *first = 1;
    *last = INT64_MAX;
    return true;
  }
  const std::vector<absl::string_view> ends = absl::StrSplit(text, " to ");
  if (ends.size() > 2 || !absl::SimpleAtoi(ends[0], first)) return false;
  *last = *first;
  if (ends.size() == 2 && !absl::SimpleAtoi(ends[1], last)) return false;
  return *first >= 1 && *first <= *last && RangeText(*first, *last) == text;
}

bool IsName(absl::string_view text) {
  if (text.empty() || text.size() > 253) return false;
  for (const char c : text) {
    if (!(c >= 'a' && c <= 'z') && !(c >= '0' && c <= '9') && c != '-' && c != '.') return false;
  }
  return true;
}

bool IsOneLine(absl::string_view text) {
  if (text.empty() || text.size() > kLongestReason) return false;
  for (const char c : text) {
    if (static_cast<unsigned char>(c) < 0x20 || c == 0x7f) return false;
  }
  return true;
}

absl::Status NotA(absl::string_view line) {
  return absl::InvalidArgumentError(absl::StrCat(
      "the notice's text is not as `vouch agreement stop` writes it: expected ", line));
}

}  // namespace

std::string StopNotice::Text() const {
  return absl::StrCat(kFormat, "\naction: ", lifts ? "lift" : "stop", "\nagreement: ", agreement_id,
                      "\nrevisions: ", lifts ? "all" : RangeText(first_revision, last_revision),
                      "\nparty: ", party,
                      "\ntime: ", absl::FormatTime(kTimeFormat, time, absl::UTCTimeZone()),
                      "\nreason: ", reason, "\n");
}

absl::StatusOr<StopNotice> ReadStopNotice(absl::string_view text) {
  std::vector<absl::string_view> lines = absl::StrSplit(text, '\n');
  if (lines.size() != 8 || !lines[7].empty()) return NotA("seven lines, each ended by a newline");
  if (lines[0] != kFormat) return NotA("the first line `vouch-stop/1`");
  StopNotice notice;
  absl::string_view action = lines[1], id = lines[2], range = lines[3], party = lines[4],
                    time = lines[5], reason = lines[6];
  if (!absl::ConsumePrefix(&action, "action: ") || (action != "stop" && action != "lift")) {
    return NotA("`action: stop` or `action: lift`");
  }
  notice.lifts = action == "lift";
  if (!absl::ConsumePrefix(&id, "agreement: ") || !IsName(id)) return NotA("`agreement: ID`");
  notice.agreement_id = std::string(id);
  if (!absl::ConsumePrefix(&range, "revisions: ") ||
      !ReadRange(range, &notice.first_revision, &notice.last_revision) ||
      (notice.lifts && range != "all")) {
    return NotA("`revisions: all` or, in a stop, `revisions: 2` or `revisions: 1 to 3`");
  }
  if (!absl::ConsumePrefix(&party, "party: ") || !IsName(party)) return NotA("`party: AGENCY`");
  notice.party = std::string(party);
  std::string why;
  if (!absl::ConsumePrefix(&time, "time: ") ||
      !absl::ParseTime(kTimeFormat, time, &notice.time, &why) || notice.time < absl::UnixEpoch() ||
      notice.time > kLastTime) {
    return NotA("`time: ` and a UTC time such as 2027-03-04T15:16:17Z");
  }
  if (!absl::ConsumePrefix(&reason, "reason: ") || !IsOneLine(reason)) {
    return NotA("`reason: ` and a line of at most 500 bytes");
  }
  notice.reason = std::string(reason);
  // One text, one meaning: "2027-3-4" and the like are refused too.
  if (notice.Text() != text) return NotA("its canonical form");
  return notice;
}

std::string AskerName(absl::string_view agreement_id, absl::string_view asker) {
  return absl::StrCat("signed/", agreement_id, "/", asker);
}

std::string NoticeName(const StopNotice& notice) {
  if (notice.lifts) return absl::StrCat("lift/", notice.agreement_id, "/", notice.party);
  return absl::StrCat("stop/", notice.agreement_id, "/", notice.party, "/", notice.first_revision,
                      "/", notice.last_revision);
}

std::vector<policies::Stop> StandingStops(const std::vector<Remembered>& all) {
  std::map<std::pair<std::string, std::string>, int64_t> lifted;
  for (const Remembered& one : all) {
    const std::vector<std::string> parts = absl::StrSplit(one.name, '/');
    if (parts.size() != 3 || parts[0] != "lift") continue;
    int64_t& last = lifted.emplace(std::make_pair(parts[1], parts[2]), one.number).first->second;
    last = std::max(last, one.number);
  }
  std::map<std::string, policies::Stop> standing;  // by name: each rises
  for (const Remembered& one : all) {
    const std::vector<std::string> parts = absl::StrSplit(one.name, '/');
    policies::Stop stop;
    if (parts.size() != 5 || parts[0] != "stop" ||
        !absl::SimpleAtoi(parts[3], &stop.first_revision) ||
        !absl::SimpleAtoi(parts[4], &stop.last_revision)) {
      continue;
    }
    const auto ended = lifted.find({parts[1], parts[2]});
    // A lift must be later than what it lifts.
    if (ended != lifted.end() && ended->second > one.number) continue;
    stop.agreement_id = parts[1];
    stop.party = parts[2];
    stop.since = absl::FromUnixSeconds(one.number);
    standing[one.name] = stop;
  }
  std::vector<policies::Stop> stops;
  for (auto& [name, stop] : standing) stops.push_back(std::move(stop));
  return stops;
}

}  // namespace vouch::server::agreements
