#include "policies/engine/lifecycle.h"

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"

namespace vouch::policies {
namespace {

constexpr int kMarks[] = {180, 90, 30};
// RFC 5545, 3.1: octets of a line, its break not counted.
constexpr size_t kLongestLine = 75;

std::string Escaped(absl::string_view text) {
  std::string out;
  for (const char c : Shown(text, 1000)) {
    if (c == '\\' || c == ';' || c == ',') out.push_back('\\');
    out.push_back(c);
  }
  return out;
}

// Continuation lines begin with a space; UTF-8 characters are not cut.
void AddLine(absl::string_view line, std::string* out) {
  size_t room = kLongestLine;
  while (line.size() > room) {
    size_t cut = room;
    while (cut > 0 && (static_cast<unsigned char>(line[cut]) & 0xC0) == 0x80) --cut;
    absl::StrAppend(out, line.substr(0, cut), "\r\n ");
    line.remove_prefix(cut);
    room = kLongestLine - 1;
  }
  absl::StrAppend(out, line, "\r\n");
}

std::string Compact(absl::CivilDay day) {
  return absl::StrCat(absl::Dec(day.year(), absl::kZeroPad4),
                      absl::Dec(day.month(), absl::kZeroPad2),
                      absl::Dec(day.day(), absl::kZeroPad2));
}

absl::string_view KindName(Milestone::Kind kind) {
  switch (kind) {
    case Milestone::Kind::kEffective:
      return "effective";
    case Milestone::Kind::kRenewalOpens:
      return "renewal";
    case Milestone::Kind::kDaysLeft:
      return "days-left";
    case Milestone::Kind::kLastDay:
      return "last-day";
  }
  return "";
}

}  // namespace

absl::optional<absl::CivilDay> RenewalOpens(const Agreement& agreement) {
  if (agreement.authority != AuthorityKind::kMatchingAgreement ||
      agreement.renewed_from.has_value()) {
    return absl::nullopt;
  }
  const absl::CivilDay last = agreement.expires;
  const absl::CivilMonth month = absl::CivilMonth(last) - 3;
  const absl::CivilDay end_of_month = absl::CivilDay(month + 1) - 1;
  return std::min(absl::CivilDay(month) + (last.day() - 1), end_of_month) + 1;
}

std::vector<Milestone> Milestones(const Agreement& agreement) {
  std::vector<Milestone> all;
  const auto add = [&](Milestone::Kind kind, absl::CivilDay on, std::string text) {
    all.push_back({kind, on, static_cast<int>(agreement.expires - on), std::move(text)});
  };
  add(Milestone::Kind::kEffective, agreement.effective, "The first day on which it may be used.");
  for (const int days : kMarks) {
    const absl::CivilDay on = agreement.expires - days;
    if (on <= agreement.effective) continue;
    add(Milestone::Kind::kDaysLeft, on,
        absl::StrCat(days, " days until the last valid day: ",
                     days == 180  ? "decide whether it is to go on."
                     : days == 90 ? "draft the next revision, or the renewal."
                                  : "have the next revision signed by both agencies."));
  }
  if (const absl::optional<absl::CivilDay> opens = RenewalOpens(agreement)) {
    add(Milestone::Kind::kRenewalOpens, *opens,
        "From this day each party may certify the one renewal, unchanged and for at most a year "
        "(5 U.S.C. 552a(o)(2)(D)).");
  }
  add(Milestone::Kind::kLastDay, agreement.expires,
      "The last day on which it is valid; nothing is answered afterwards.");
  std::stable_sort(all.begin(), all.end(),
                   [](const Milestone& a, const Milestone& b) { return a.on < b.on; });
  return all;
}

std::string CalendarText(const std::vector<const Agreement*>& agreements, absl::Time now) {
  std::string out;
  AddLine("BEGIN:VCALENDAR", &out);
  AddLine("VERSION:2.0", &out);
  AddLine("PRODID:-//Vouch//vouch agreement status//EN", &out);
  const std::string stamp = absl::FormatTime("%Y%m%dT%H%M%SZ", now, absl::UTCTimeZone());
  for (const Agreement* agreement : agreements) {
    const absl::CivilDay today = absl::ToCivilDay(now, agreement->zone());
    for (const Milestone& milestone : Milestones(*agreement)) {
      if (milestone.on < today) continue;
      AddLine("BEGIN:VEVENT", &out);
      AddLine(absl::StrCat("UID:", Escaped(agreement->id), "-", agreement->revision, "-",
                           KindName(milestone.kind), "-", milestone.days_left, "@",
                           Escaped(agreement->answers)),
              &out);
      AddLine(absl::StrCat("DTSTAMP:", stamp), &out);
      AddLine(absl::StrCat("DTSTART;VALUE=DATE:", Compact(milestone.on)), &out);
      AddLine(absl::StrCat("DTEND;VALUE=DATE:", Compact(milestone.on + 1)), &out);
      AddLine(absl::StrCat("SUMMARY:", Escaped(agreement->id), " revision ", agreement->revision,
                           ": ", Escaped(milestone.text)),
              &out);
      AddLine(absl::StrCat("DESCRIPTION:", Escaped(agreement->title)), &out);
      AddLine("TRANSP:TRANSPARENT", &out);
      AddLine("END:VEVENT", &out);
    }
  }
  AddLine("END:VCALENDAR", &out);
  return out;
}

}  // namespace vouch::policies
