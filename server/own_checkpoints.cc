#include "server/own_checkpoints.h"

#include <algorithm>
#include <thread>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "client/requester/connection.h"
#include "client/requester/ledger_client.h"
#include "crypto/checkpoint.h"
#include "crypto/keys.h"
#include "crypto/log_entry.h"
#include "crypto/tiles.h"
#include "server/node/folders.h"
#include "server/partner_logs.h"
#include "server/partner_times.h"
#include "server/telemetry/telemetry.h"

namespace vouch::server {

namespace {

using telemetry::Level;
using telemetry::Log;

constexpr size_t kAtOnce = 64;
constexpr size_t kMostSignatures = 64;  // a reader refuses notes with more
// A node that lost its whole journal begins a log of this year: partners are asked for those of the
// years before as well.
constexpr int kYearsBefore = 8;
constexpr size_t kMostOwn = 40;
// And for logs that began with a declared loss, of this year and the last.
constexpr int kParts = 5;

std::string Entries(uint64_t size) {
  return size == 1 ? "1 entry" : absl::StrCat(size, " entries");
}

// Of those of many partners, as many as a note may have: the log's own stand first.
std::string WithFirstSignatures(const std::string& note) {
  const size_t text = note.rfind("\n\n");
  if (text == std::string::npos) return note;
  size_t end = text + 2;
  for (size_t i = 0; i < kMostSignatures; ++i) {
    const size_t line = note.find('\n', end);
    if (line == std::string::npos) return note;
    end = line + 1;
  }
  return note.substr(0, end);
}

}  // namespace

bool OwnCheckpoints::SignedHere(absl::string_view note) const {
  const std::string origin = OriginOfNote(note);
  if (AgencyOfLog(origin) != AgencyOfLog(log_->origin())) return false;
  const absl::StatusOr<crypto::NoteVerifier> key = LogVerifier(origin, public_der_);
  return key.ok() && crypto::OpenCheckpoint(note, absl::MakeConstSpan(&*key, 1)).ok();
}

absl::Status OwnCheckpoints::HoldAgainst(const std::string& note,
                                         absl::string_view shown_by) const {
  const std::string origin = OriginOfNote(note);
  if (AgencyOfLog(origin) != AgencyOfLog(log_->origin())) return absl::OkStatus();
  const absl::StatusOr<crypto::NoteVerifier> key = LogVerifier(origin, public_der_);
  if (!key.ok()) return absl::OkStatus();
  const auto opened = crypto::OpenCheckpoint(note, absl::MakeConstSpan(&*key, 1));
  if (!opened.ok()) return absl::OkStatus();
  const uint64_t shown = opened->checkpoint.size;
  const auto behind = [&](absl::string_view why) {
    return absl::DataLossError(absl::StrCat(
        shown_by, " holds a checkpoint of ", origin, " with ", Entries(shown),
        ", signed by this node, and ", why,
        ". Going on would rewrite the ledger and forget what was charged since. Nothing was "
        "changed. Bring back the journal that reaches at least that checkpoint: the disk it was "
        "on, or a later backup (docs/operations.md, \"Restore\"). Only when it is certain that "
        "there is none: give `vouch ledger declare-loss` that checkpoint"));
  };
  // Nothing is signed for it, nor marked: whether the log may go on is what is asked.
  const absl::StatusOr<uint64_t> size = log_->Size(origin);
  if ((absl::IsNotFound(size.status()) || (size.ok() && shown > *size)) &&
      log_->IsLost(opened->checkpoint)) {
    return absl::OkStatus();
  }
  if (absl::IsNotFound(size.status())) {
    const std::vector<std::string> ours = log_->origins();
    if (shown == 0) return absl::OkStatus();
    // No log of the node's own is ever forgotten, pruned or not: the journal was begun anew.
    if (crypto::LogBefore(origin, ours.front())) {
      return behind(absl::StrCat("its journal begins with ", ours.front(),
                                 ", and has nothing of what came before"));
    }
    return behind(absl::StrCat("its journal, which ends with ", ours.back(),
                               ", has no such log: it was put back to an earlier state, or is "
                               "another one"));
  }
  if (!size.ok()) return size.status();
  if (shown > *size) {
    return behind(absl::StrCat("in its journal that log ends after ", Entries(*size),
                               ": it was put back to an earlier state, or is another one"));
  }
  const absl::StatusOr<crypto::Digest> root = log_->RootAt(origin, shown);
  if (!root.ok()) return root.status();
  if (*root == opened->checkpoint.root) return absl::OkStatus();
  return behind(
      "its journal has other entries before that point: it was put back to an earlier state and "
      "written on, or changed");
}

absl::Status OwnCheckpoints::HoldAgainstKept() const {
  const absl::StatusOr<std::string> note = crypto::ReadPrivateFile(path_);
  if (absl::IsNotFound(note.status())) return absl::OkStatus();
  if (!note.ok()) return note.status();
  const std::string readable = WithFirstSignatures(*note);
  if (!SignedHere(readable)) {
    return absl::DataLossError(absl::StrCat(
        path_,
        ", the latest checkpoint of this ledger that partners cosigned, is damaged, or is not "
        "signed by this node's ledger key. Nothing was changed. Bring the file back from a backup. "
        "Only when there is none, and it is certain that the journal is the latest: move the file "
        "away, and start while a partner can be reached, which is asked what it remembers"));
  }
  return HoldAgainst(readable, path_);
}

bool OwnCheckpoints::WasCosigned() const { return node::Exists(path_); }

absl::Status OwnCheckpoints::Keep(const std::string& note, uint64_t size, const std::string& agency,
                                  const std::string& cosignature) {
  const std::lock_guard<std::mutex> lock(mutex_);
  const std::string origin = OriginOfNote(note);
  if (origin != origin_) {
    if (!origin_.empty() && crypto::LogBefore(origin, origin_)) return absl::OkStatus();
    origin_ = origin;
    size_ = 0;
    lines_.clear();
  }
  if (size < size_) return absl::OkStatus();
  if (size > size_) lines_.clear();
  size_ = size;
  lines_[agency] = cosignature;
  std::string all = note;
  for (const auto& [who, line] : lines_) all += line;
  return crypto::ReplaceFile(path_, WithFirstSignatures(all), /*is_private=*/true);
}

absl::Status CheckBeforeStart(const node::NodeFile& file, const OwnCheckpoints& own,
                              const LedgerLog& log, const StartChecks& checks) {
  if (absl::Status kept = own.HoldAgainstKept(); !kept.ok()) return kept;
  std::vector<std::string> origins = log.origins();
  std::reverse(origins.begin(), origins.end());
  if (origins.size() > kMostOwn) origins.resize(kMostOwn);
  const int year = static_cast<int>(absl::ToCivilYear(absl::Now(), absl::UTCTimeZone()).year());
  // One ahead: clocks differ at the turn of the year.
  for (int before = -1; before <= kYearsBefore; ++before) {
    for (int part = 1; part <= (before == 0 || before == 1 ? kParts : 1); ++part) {
      const std::string origin = crypto::LogName{file.agency, static_cast<uint32_t>(year - before),
                                                 static_cast<uint32_t>(part)}
                                     .Origin();
      if (std::find(origins.begin(), origins.end(), origin) == origins.end()) {
        origins.push_back(origin);
      }
    }
  }
  std::vector<const node::Partner*> witnesses;
  for (const node::Partner& partner : file.partners) {
    if (!partner.address.empty() && witnesses.size() < kAtOnce) witnesses.push_back(&partner);
  }
  // Where nothing was ever cosigned there is little to lose: not much is waited for.
  const absl::Duration patience =
      own.WasCosigned() ? checks.patience : std::min(checks.patience, absl::Seconds(1));
  std::mutex mutex;
  size_t remembering = 0;
  absl::Status found;
  std::vector<std::thread> threads;
  threads.reserve(witnesses.size());
  for (const node::Partner* partner : witnesses) {
    threads.emplace_back([&, partner] {
      const auto options = ConnectionTo(*partner, file.agency, file.certificate, file.key);
      const auto channel = options.ok() ? requester::Connect(*options) : options.status();
      absl::StatusOr<std::vector<std::string>> notes =
          channel.ok() ? requester::LedgerClient(*channel, patience).GetRemembered(origins)
                       : absl::StatusOr<std::vector<std::string>>(channel.status());
      const std::lock_guard<std::mutex> lock(mutex);
      if (!notes.ok()) {
        Log(Level::kInfo, "partner not asked about this ledger",
            {{"partner", partner->agency}, {"reason", std::string(notes.status().message())}});
        return;
      }
      // Who remembers nothing of it cannot say whether it was put back.
      if (std::any_of(notes->begin(), notes->end(),
                      [&](const std::string& note) { return own.SignedHere(note); })) {
        ++remembering;
      } else {
        Log(Level::kInfo, "partner remembers nothing of this ledger",
            {{"partner", partner->agency}});
      }
      for (const std::string& note : *notes) {
        absl::Status held = own.HoldAgainst(note, partner->agency);
        if (found.ok()) found = std::move(held);
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  if (!found.ok()) return found;
  if (remembering > 0 || witnesses.empty() || !own.WasCosigned()) return absl::OkStatus();
  if (file.use == policies::Use::kLive && !checks.without_witnesses) {
    return absl::FailedPreconditionError(
        absl::StrCat("none of ", witnesses.size(),
                     " partners could be asked whether this ledger goes on from what they "
                     "cosigned, or none of those remembers any of it, so it could be an earlier "
                     "state of itself. Wait until one that cosigned it can be reached, or, when it "
                     "is certain that the journal is the latest, start with --without-witnesses, "
                     "which is logged"));
  }
  Log(Level::kWarning, "started without a witness",
      {{"partners", absl::StrCat(witnesses.size())},
       {"override", checks.without_witnesses ? "yes" : "not needed for test people"}});
  return absl::OkStatus();
}

}  // namespace vouch::server
