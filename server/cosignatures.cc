#include "server/cosignatures.h"

#include <algorithm>
#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "crypto/checkpoint.h"
#include "crypto/keys.h"
#include "crypto/receipt.h"
#include "crypto/tiles.h"
#include "server/node/folders.h"
#include "server/partner_logs.h"
#include "server/telemetry/telemetry.h"

namespace vouch::server {

namespace {

constexpr absl::string_view kFormat = "vouch-cosigned/1";
constexpr absl::Duration kRetry = absl::Seconds(10);

std::string TimeText(absl::Time time) {
  return absl::FormatTime("%Y-%m-%dT%H:%MZ", time, absl::UTCTimeZone());
}

// The checkpoint with the log's own signature and that one cosignature: whatever else stood with
// them is not kept.
absl::StatusOr<std::string> Cosigned(const std::string& note, absl::string_view cosignature,
                                     const crypto::NoteVerifier& log,
                                     const crypto::NoteVerifier& witness,
                                     crypto::Checkpoint* checkpoint) {
  const absl::StatusOr<crypto::VerifiedCheckpoint> opened =
      crypto::OpenCheckpoint(absl::StrCat(note, cosignature), {log, witness});
  if (!opened.ok()) return opened.status();
  if (opened->cosigned.empty()) {
    return absl::PermissionDeniedError("it is not signed with the witness key that is known here");
  }
  crypto::SignedNote kept;
  kept.text = opened->note.text;
  for (const crypto::NoteVerifier* key : {&log, &witness}) {
    for (const crypto::NoteSignature& signature : opened->note.note.signatures) {
      if (signature.name == key->name() && signature.key_id == key->key_id()) {
        kept.signatures.push_back(signature);
      }
    }
  }
  *checkpoint = opened->checkpoint;
  return kept.ToString();
}

}  // namespace

std::string Cosignatures::PathOf(const std::string& agency) const {
  return absl::StrCat(options_.folder, "/", agency);
}

// "vouch-cosigned/1", "from SIZE ORIGIN", "refused SECONDS" where it is, a blank line, the note.
absl::Status Cosignatures::Write(const std::string& agency, const Lag& lag) const {
  std::string text = absl::StrCat(kFormat, "\nfrom ", lag.size, " ", lag.origin, "\n");
  if (lag.refused_since.has_value()) {
    absl::StrAppend(&text, "refused ", absl::ToUnixSeconds(*lag.refused_since), "\n");
  }
  absl::StrAppend(&text, "\n", lag.note);
  if (absl::Status made = node::EnsureFolder(options_.folder, 0700); !made.ok()) return made;
  return crypto::ReplaceFile(PathOf(agency), text, /*is_private=*/true);
}

absl::StatusOr<bool> Cosignatures::Read(const std::string& agency, Lag* lag) const {
  const absl::StatusOr<std::string> text = crypto::ReadPrivateFile(PathOf(agency));
  if (!text.ok()) return text.status();
  const absl::Status damaged = absl::DataLossError(
      absl::StrCat(PathOf(agency), " is damaged, so it is not known how far it had cosigned"));
  const std::vector<std::string> parts = absl::StrSplit(*text, absl::MaxSplits("\n\n", 1));
  const std::vector<std::string> lines = absl::StrSplit(parts[0], '\n');
  if (parts.size() != 2 || lines.size() < 2 || lines.size() > 3 || lines[0] != kFormat) {
    return damaged;
  }
  const std::vector<std::string> from = absl::StrSplit(lines[1], ' ');
  if (from.size() != 3 || from[0] != "from" || !absl::SimpleAtoi(from[1], &lag->size)) {
    return damaged;
  }
  lag->origin = from[2];
  if (lines.size() == 3) {
    int64_t seconds = 0;
    if (!absl::StartsWith(lines[2], "refused ") ||
        !absl::SimpleAtoi(absl::string_view(lines[2]).substr(8), &seconds)) {
      return damaged;
    }
    lag->refused_since = absl::FromUnixSeconds(seconds);
  }
  if (parts[1].empty()) return true;
  const absl::StatusOr<crypto::NoteVerifier> log = LogVerifier(lag->origin, options_.public_der);
  if (!log.ok()) return damaged;
  const auto opened = crypto::OpenCheckpoint(parts[1], {*log, lag->key});
  if (!opened.ok()) return damaged;
  // `from` stays what another key had vouched for.
  if (opened->cosigned.empty()) return false;
  lag->note = parts[1];
  lag->cosigned = opened->checkpoint.size;
  return true;
}

absl::Status Cosignatures::SetWitnesses(const std::map<std::string, crypto::NoteVerifier>& keys,
                                        absl::Time now, const std::set<std::string>& unreadable) {
  const auto head = options_.log->Checkpoint();
  if (!head.ok()) return head.status();
  absl::Status first;
  {
    const std::lock_guard<std::mutex> lock(mutex_);
    std::map<std::string, Lag> before = std::move(lags_);
    lags_.clear();
    keyless_.clear();
    std::map<std::string, crypto::NoteVerifier> counted = keys;
    for (const std::string& agency : unreadable) {
      const auto known = before.find(agency);
      if (known != before.end()) {
        counted.emplace(agency, known->second.key);
      } else if (Bounded()) {
        keyless_.insert(agency);
      }
    }
    for (const auto& [agency, key] : counted) {
      const auto known = before.find(agency);
      if (known != before.end() && known->second.key.ToString() == key.ToString()) {
        lags_.emplace(agency, std::move(known->second));
        continue;
      }
      Lag lag = known == before.end() ? Lag(key) : std::move(known->second);
      absl::StatusOr<bool> read = false;
      if (known == before.end()) {
        lag.counted_from = now;
        read = Read(agency, &lag);
      } else {
        lag.key = key;
        lag.note.clear();
        lag.cosigned = 0;
      }
      if (!read.ok()) {
        const bool is_new = absl::IsNotFound(read.status());
        lag = Lag(key);
        lag.counted_from = now;
        lag.origin = head->origin;
        if (is_new) {
          lag.size = head->size;
        } else {
          // It may have been refused: a damaged file must let nobody off.
          lag.refused_since = now;
          if (first.ok()) {
            first = absl::DataLossError(
                absl::StrCat(read.status().message(), ". ", agency,
                             Bounded() ? " is refused until it cosigns" : " is to cosign anew"));
          }
        }
      } else if (!*read) {
        telemetry::Log(telemetry::Level::kInfo, "a partner has another witness key than before",
                       {{"partner", agency}});
      }
      if (!read.ok() || !*read) {
        const absl::Status written = Write(agency, lag);
        if (!written.ok() && first.ok()) first = written;
      }
      lags_.emplace(agency, std::move(lag));
    }
  }
  (void)Look(now);
  return first;
}

bool Cosignatures::Wants(const std::string& agency) const {
  const auto head = options_.log->Checkpoint();
  const std::lock_guard<std::mutex> lock(mutex_);
  const auto lag = lags_.find(agency);
  if (lag == lags_.end() || !head.ok()) return false;
  return lag->second.origin != head->origin || lag->second.cosigned < head->size;
}

absl::Status Cosignatures::Take(const std::string& agency, const std::string& note,
                                absl::string_view cosignature, absl::Time now) {
  absl::optional<crypto::NoteVerifier> key;
  {
    const std::lock_guard<std::mutex> lock(mutex_);
    const auto lag = lags_.find(agency);
    if (lag != lags_.end()) key = lag->second.key;
  }
  if (!key.has_value()) {
    return absl::NotFoundError(absl::StrCat("no witness key of ", agency, " is known here"));
  }
  const std::string origin = OriginOfNote(note);
  const absl::StatusOr<crypto::NoteVerifier> log = LogVerifier(origin, options_.public_der);
  if (AgencyOfLog(origin) != AgencyOfLog(options_.log->origin()) || !log.ok()) {
    return absl::PermissionDeniedError("it is no checkpoint of this node's ledger");
  }
  if (cosignature.empty()) return absl::PermissionDeniedError("there is no cosignature");
  crypto::Checkpoint checkpoint;
  absl::StatusOr<std::string> kept = Cosigned(note, cosignature, *log, *key, &checkpoint);
  if (!kept.ok()) {
    return absl::PermissionDeniedError(
        absl::StrCat("the cosignature is not counted: ", kept.status().message()));
  }
  if (absl::Status leads = options_.own->HoldAgainst(note, agency); !leads.ok()) return leads;
  const auto head = options_.log->Checkpoint();
  if (!head.ok()) return head.status();
  const std::lock_guard<std::mutex> lock(mutex_);
  const auto found = lags_.find(agency);
  if (found == lags_.end()) return absl::OkStatus();
  Lag& lag = found->second;
  // Of an earlier log, or no more than it cosigned before: nothing new.
  if (origin != head->origin ||
      (origin == lag.origin && !lag.note.empty() && checkpoint.size <= lag.cosigned)) {
    return absl::OkStatus();
  }
  Lag next = lag;
  next.origin = origin;
  next.size = next.cosigned = checkpoint.size;
  next.note = *std::move(kept);
  next.since.reset();
  next.refused_since.reset();
  if (absl::Status written = Write(agency, next); !written.ok()) {
    return absl::UnavailableError(written.message());
  }
  lag = std::move(next);
  LookAt(agency, &lag, *head, now);
  Publish();
  return absl::OkStatus();
}

// By the minute that stands in the entry: it is there after a restart too.
absl::Time Cosignatures::TimeOfEntry(const std::string& log, uint64_t index, uint64_t tree_size,
                                     absl::Time otherwise) const {
  const auto reader = options_.log->Reader(log);
  if (!reader.ok()) return otherwise;
  const uint64_t bundle = index / crypto::kTileWidth;
  const auto entries = (*reader)->ReadBundle(bundle, crypto::TileWidthAt(0, bundle, tree_size));
  if (!entries.ok()) return otherwise;
  const auto minute = crypto::MinuteOf((*entries)[index % crypto::kTileWidth]);
  // As late as it can have been.
  return minute.ok() ? absl::FromUnixSeconds(60 * (int64_t{*minute} + 1)) : otherwise;
}

void Cosignatures::LookAt(const std::string& agency, Lag* lag, const LedgerLog::Signed& head,
                          absl::Time now) {
  const uint64_t from = lag->origin == head.origin ? lag->size : 0;
  lag->behind = head.size > from ? head.size - from : 0;
  if (lag->behind == 0) {
    lag->since.reset();
  } else {
    if (!lag->since.has_value()) {
      lag->since = std::max(lag->counted_from, TimeOfEntry(head.origin, from, head.size, now));
    }
    // A clock that is set back begins to count anew: no entry waits since later than now.
    lag->since = std::min(now, *lag->since);
  }
  const bool too_long = options_.longest_lag > absl::ZeroDuration() && lag->behind > 0 &&
                        now - *lag->since > options_.longest_lag;
  const bool too_many = options_.most_entries > 0 && lag->behind > options_.most_entries;
  const bool refused =
      Bounded() && lag->behind > 0 && (too_long || too_many || lag->refused_since.has_value());
  if (refused == lag->refused_since.has_value()) return;
  lag->refused_since = refused ? absl::optional<absl::Time>(now) : absl::nullopt;
  lag->says = refused
                  ? absl::StrCat("no cosignature of ", agency, " covers what was entered since ",
                                 TimeText(*lag->since), too_many ? ", and it is too much" : "")
                  : "";
  // What cannot be written is refused, or answered, all the same; a restart would forget it.
  (void)Write(agency, *lag);
}

std::vector<Cosignatures::Standing> Cosignatures::Look(absl::Time now) {
  std::vector<Standing> all;
  const auto head = options_.log->Checkpoint();
  if (!head.ok()) return all;
  const std::lock_guard<std::mutex> lock(mutex_);
  bool hurries = false;
  for (auto& [agency, lag] : lags_) {
    LookAt(agency, &lag, *head, now);
    Standing standing;
    standing.agency = agency;
    standing.cosigned = lag.origin == head->origin ? lag.cosigned : 0;
    standing.behind = lag.behind;
    standing.since = lag.since.value_or(now);
    standing.refused = lag.refused_since.has_value();
    if (standing.refused) {
      if (lag.says.empty()) {
        lag.says = absl::StrCat("no cosignature of ", agency, " came since before this start");
      }
      standing.says = absl::StrCat(lag.says, "; its questions are refused since ",
                                   TimeText(*lag.refused_since), " until it cosigns");
    }
    hurries = hurries || (options_.most_entries > 0 && lag.behind > options_.most_entries / 4);
    all.push_back(std::move(standing));
  }
  for (const std::string& agency : keyless_) {
    Standing standing;
    standing.agency = agency;
    standing.since = now;
    standing.refused = true;
    standing.says =
        "its witness key cannot be read, so its cosignatures cannot be told from others; its "
        "questions are refused until the file of its `witness_key` is mended (then SIGHUP)";
    all.push_back(std::move(standing));
  }
  Publish();
  hurries_ = hurries;
  return all;
}

void Cosignatures::Publish() {
  auto refusals = std::make_shared<Refusals>();
  policies::Refusal refusal;
  refusal.reason = policies::Reason::kLedgerUnavailable;
  refusal.retry_after = kRetry;
  for (const auto& [agency, lag] : lags_) {
    if (!lag.refused_since.has_value()) continue;
    refusal.message = absl::StrCat(
        "this responder's ledger has waited too long for your node's cosignature, since ",
        TimeText(lag.since.value_or(*lag.refused_since)),
        "; see that your node runs and exchanges checkpoints with it, and that it has your "
        "witness key as `witness_key`; then retry with the same request id");
    refusals->emplace(agency, refusal);
  }
  refusal.message =
      "this responder cannot read your node's witness key, so that no cosignature of yours would "
      "count; its operator must mend that; then retry with the same request id";
  for (const std::string& agency : keyless_) refusals->emplace(agency, refusal);
  const bool any = !refusals->empty();
  std::atomic_store(&refusals_, std::shared_ptr<const Refusals>(std::move(refusals)));
  any_refused_ = any;
}

absl::optional<policies::Refusal> Cosignatures::Judge(const std::string& agency) const {
  if (!any_refused_) return absl::nullopt;
  const std::shared_ptr<const Refusals> refusals = std::atomic_load(&refusals_);
  const auto refused = refusals->find(agency);
  if (refused == refusals->end()) return absl::nullopt;
  return refused->second;
}

}  // namespace vouch::server
