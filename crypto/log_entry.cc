#include "crypto/log_entry.h"

#include <algorithm>
#include <tuple>

#include "absl/strings/ascii.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "crypto/bytes.h"
#include "crypto/receipt.h"

namespace vouch::crypto {

namespace {

constexpr absl::string_view kLedger = "/ledger/";
constexpr size_t kYearDigits = 4;
constexpr uint32_t kFirstYear = 2000;

bool IsDigits(absl::string_view text) {
  return !text.empty() && std::all_of(text.begin(), text.end(), [](char digit) {
    return absl::ascii_isdigit(static_cast<unsigned char>(digit));
  });
}

ByteWriter Start(EntryKind kind, uint32_t minute) {
  ByteWriter out;
  out.U8(kEntryVersion).U8(static_cast<uint8_t>(kind)).U32(minute);
  return out;
}

bool Begins(EntryKind kind, ByteReader* in) {
  const uint8_t version = in->U8();
  const uint8_t found = in->U8();
  in->U32();
  return in->ok() && version == kEntryVersion && found == static_cast<uint8_t>(kind);
}

Digest TakeDigest(ByteReader* in) {
  Digest digest{};
  const ByteSpan raw = in->Raw(digest.size());
  if (raw.size() == digest.size()) std::copy(raw.begin(), raw.end(), digest.begin());
  return digest;
}

}  // namespace

std::string LogName::Origin() const {
  const std::string origin = absl::StrCat(agency, kLedger, year);
  return part == 1 ? origin : absl::StrCat(origin, ".", part);
}

absl::optional<LogName> ReadLogName(absl::string_view origin) {
  const size_t slash = origin.find('/');
  if (slash == absl::string_view::npos || slash == 0) return absl::nullopt;
  const absl::string_view rest = origin.substr(slash);
  if (rest.substr(0, kLedger.size()) != kLedger) return absl::nullopt;
  const absl::string_view number = rest.substr(kLedger.size());
  LogName name;
  name.agency = std::string(origin.substr(0, slash));
  const absl::string_view year = number.substr(0, kYearDigits);
  if (year.size() != kYearDigits || !IsDigits(year) || !absl::SimpleAtoi(year, &name.year) ||
      name.year < kFirstYear) {
    return absl::nullopt;
  }
  if (number.size() == kYearDigits) return name;
  const absl::string_view part = number.substr(kYearDigits + 1);
  if (number[kYearDigits] != '.' || !IsDigits(part) || part[0] == '0' ||
      !absl::SimpleAtoi(part, &name.part) || name.part < 2) {
    return absl::nullopt;
  }
  return name;
}

bool LogBefore(absl::string_view a, absl::string_view b) {
  const absl::optional<LogName> first = ReadLogName(a);
  const absl::optional<LogName> second = ReadLogName(b);
  if (!first.has_value() || !second.has_value()) return a < b;
  return std::tie(first->year, first->part) < std::tie(second->year, second->part);
}

std::string LogClosedEntry(uint32_t minute, const LogClosed& closed) {
  ByteWriter out = Start(EntryKind::kLogClosed, minute);
  out.ShortText(closed.origin).U64(closed.size).ShortText(closed.next);
  return std::move(out).str();
}

absl::StatusOr<LogClosed> ReadLogClosed(absl::string_view entry) {
  ByteReader in(AsBytes(entry));
  LogClosed closed;
  const bool begins = Begins(EntryKind::kLogClosed, &in);
  closed.origin = std::string(in.ShortText());
  closed.size = in.U64();
  closed.next = std::string(in.ShortText());
  if (!begins || !in.Finished()) {
    return absl::InvalidArgumentError("the entry does not close a log");
  }
  return closed;
}

std::string LogOpenedEntry(uint32_t minute, const LogOpened& opened) {
  ByteWriter out = Start(EntryKind::kLogOpened, minute);
  out.ShortText(opened.origin).ShortText(opened.closed.origin);
  out.U64(opened.closed.size).Raw(opened.closed.root);
  return std::move(out).str();
}

absl::StatusOr<LogOpened> ReadLogOpened(absl::string_view entry) {
  ByteReader in(AsBytes(entry));
  LogOpened opened;
  const bool begins = Begins(EntryKind::kLogOpened, &in);
  opened.origin = std::string(in.ShortText());
  opened.closed.origin = std::string(in.ShortText());
  opened.closed.size = in.U64();
  opened.closed.root = TakeDigest(&in);
  if (!begins || !in.Finished()) {
    return absl::InvalidArgumentError("the entry does not open a log");
  }
  return opened;
}

bool LossDeclared::Covers(const Checkpoint& seen) const {
  if (seen.origin == lost.origin) return seen.size < lost.size || seen == lost;
  // Where nothing is left, nothing of any log before is.
  return LogBefore(seen.origin, lost.origin) &&
         (restored.size == 0 || !LogBefore(seen.origin, restored.origin));
}

bool operator==(const LossDeclared& a, const LossDeclared& b) {
  return a.origin == b.origin && a.restored == b.restored && a.lost == b.lost && a.until == b.until;
}

std::string LossDeclaredEntry(uint32_t minute, const LossDeclared& loss) {
  ByteWriter out = Start(EntryKind::kLossDeclared, minute);
  out.ShortText(loss.origin);
  for (const Checkpoint* one : {&loss.restored, &loss.lost}) {
    out.ShortText(one->origin).U64(one->size).Raw(one->root);
  }
  out.U64(loss.until);
  return std::move(out).str();
}

absl::StatusOr<LossDeclared> ReadLossDeclared(absl::string_view entry) {
  ByteReader in(AsBytes(entry));
  LossDeclared loss;
  const bool begins = Begins(EntryKind::kLossDeclared, &in);
  loss.origin = std::string(in.ShortText());
  for (Checkpoint* one : {&loss.restored, &loss.lost}) {
    one->origin = std::string(in.ShortText());
    one->size = in.U64();
    one->root = TakeDigest(&in);
  }
  loss.until = in.U64();
  if (!begins || !in.Finished()) {
    return absl::InvalidArgumentError("the entry does not declare a loss");
  }
  return loss;
}

absl::StatusOr<LogOpened> ReadLogBegun(absl::string_view entry) {
  absl::StatusOr<LossDeclared> loss = ReadLossDeclared(entry);
  if (!loss.ok()) return ReadLogOpened(entry);
  return LogOpened{std::move(loss->origin), std::move(loss->restored)};
}

std::string LostEntries(const LossDeclared& loss) {
  if (loss.lost.origin == loss.restored.origin) {
    return absl::StrCat("entries ", loss.restored.size + 1, " to ", loss.lost.size, " of ",
                        loss.lost.origin);
  }
  if (LogBefore(loss.lost.origin, loss.restored.origin)) {
    return absl::StrCat("entries up to ", loss.lost.size, " of ", loss.lost.origin);
  }
  return absl::StrCat("everything from entry ", loss.restored.size + 1, " of ",
                      loss.restored.origin, " to entry ", loss.lost.size, " of ", loss.lost.origin);
}

bool IsAboutLog(absl::string_view entry) {
  if (entry.size() < 2 || static_cast<uint8_t>(entry[0]) != kEntryVersion) return false;
  const auto kind = static_cast<EntryKind>(static_cast<uint8_t>(entry[1]));
  return kind == EntryKind::kLogClosed || kind == EntryKind::kLogOpened ||
         kind == EntryKind::kLossDeclared;
}

}  // namespace vouch::crypto
