#include "client/requester/witness.h"

#include <fcntl.h>
#include <sys/file.h>
#include <unistd.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <string>
#include <system_error>
#include <utility>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "client/requester/kept_note.h"
#include "crypto/base64.h"
#include "crypto/digest.h"
#include "crypto/keys.h"
#include "crypto/log_entry.h"
#include "crypto/merkle.h"

namespace vouch::requester {

namespace {

namespace fs = std::filesystem;

constexpr size_t kMostProofHashes = 63;
constexpr absl::string_view kEvidenceAbout = "Vouch: evidence about ";

// "irs.treasury.example/ledger/2027 has shown 12 entries": what is known, for messages.
std::string Entries(uint64_t size) {
  return size == 1 ? "1 entry" : absl::StrCat(size, " entries");
}

bool MakeFolder(const fs::path& folder) {
  std::error_code error;
  if (fs::exists(folder, error)) return fs::is_directory(folder, error);
  fs::create_directories(folder, error);
  if (!error) fs::permissions(folder, fs::perms::owner_all, error);
  return !error;
}

}  // namespace

std::string AddCheckpointRequest::ToString() const {
  std::string body = absl::StrCat("old ", old_size, "\n");
  for (const crypto::Digest& hash : proof) absl::StrAppend(&body, crypto::Base64(hash), "\n");
  absl::StrAppend(&body, "\n", note);
  return body;
}

absl::StatusOr<AddCheckpointRequest> ReadAddCheckpointRequest(absl::string_view body) {
  const absl::Status malformed = absl::InvalidArgumentError(
      "a request is a line with the old size, the proof's hashes, a blank line, and a checkpoint");
  const auto take_line = [&body](absl::string_view* line) {
    const size_t end = body.find('\n');
    if (end == absl::string_view::npos) return false;
    *line = body.substr(0, end);
    body.remove_prefix(end + 1);
    return true;
  };
  AddCheckpointRequest request;
  absl::string_view line;
  if (body.size() > 2 * crypto::kLargestNote || !take_line(&line) ||
      !absl::ConsumePrefix(&line, "old ") || !absl::SimpleAtoi(line, &request.old_size) ||
      absl::StrCat(request.old_size) != line) {
    return malformed;
  }
  for (;;) {
    if (!take_line(&line)) return malformed;
    if (line.empty()) break;
    crypto::Digest hash;
    if (request.proof.size() == kMostProofHashes || !crypto::FromBase64(line, &hash)) {
      return malformed;
    }
    request.proof.push_back(hash);
  }
  request.note = std::string(body);
  return request;
}

int HttpStatusOf(WitnessFinding finding) {
  switch (finding) {
    case WitnessFinding::kAccepted:
      return 200;
    case WitnessFinding::kMalformed:
      return 400;
    case WitnessFinding::kNotSigned:
      return 403;
    case WitnessFinding::kUnknownLog:
      return 404;
    case WitnessFinding::kOlder:
    case WitnessFinding::kOtherSize:
    case WitnessFinding::kForked:
    case WitnessFinding::kRolledBack:
    case WitnessFinding::kLost:
      return 409;
    case WitnessFinding::kBadProof:
      return 422;
    case WitnessFinding::kNotStored:
      return 500;
  }
  return 500;
}

absl::StatusOr<std::unique_ptr<Witness>> Witness::Open(WitnessOptions options) {
  std::unique_ptr<Witness> witness(new Witness(std::move(options)));
  if (absl::Status status = witness->OpenFolder(); !status.ok()) return status;
  return witness;
}

Witness::~Witness() {
  if (folder_lock_ >= 0) close(folder_lock_);
}

absl::Status Witness::OpenFolder() {
  const fs::path folder(options_.folder);
  if (!MakeFolder(folder) || !MakeFolder(folder / "evidence")) {
    return absl::UnavailableError(
        absl::StrCat("the witness's folder ", options_.folder, " cannot be made or read"));
  }
  const std::string lock = (folder / "lock").string();
  folder_lock_ = open(lock.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600);
  if (folder_lock_ < 0) return absl::UnavailableError(absl::StrCat(lock, " cannot be written"));
  if (flock(folder_lock_, LOCK_EX | LOCK_NB) != 0) {
    return absl::FailedPreconditionError(
        absl::StrCat("another process is the witness in ", options_.folder));
  }
  std::error_code ignored;
  for (const auto& file : fs::directory_iterator(folder, ignored)) {
    // What a crash left half written.
    const std::string name = file.path().filename().string();
    if (name.find(".checkpoint.new-") != std::string::npos) fs::remove(file.path(), ignored);
  }
  return absl::OkStatus();
}

std::string Witness::PathOf(absl::string_view origin) const {
  // An origin holds slashes, and may be longer than a file's name.
  return absl::StrCat(options_.folder, "/", crypto::Hex(crypto::Sha256(origin)), ".checkpoint");
}

absl::Status Witness::Follow(const WitnessedLog& log) {
  const std::lock_guard<std::mutex> guard(lock_);
  Log followed;
  followed.keys = log.keys;
  const std::string path = PathOf(log.origin);
  absl::StatusOr<std::string> note = crypto::ReadPrivateFile(path);
  if (note.ok()) {
    auto opened = crypto::OpenCheckpoint(*note, followed.keys);
    if (!opened.ok() || opened->checkpoint.origin != log.origin) {
      return absl::DataLossError(absl::StrCat(
          "what is remembered of ", log.origin, " in ", path,
          " cannot be used: ", opened.ok() ? "it is another log's" : opened.status().message(),
          ". Bring the file back from a backup; without it a log that was rolled back would not be "
          "seen"));
    }
    followed.known = Known{opened->checkpoint, *std::move(note)};
  } else if (!absl::IsNotFound(note.status())) {
    return absl::DataLossError(absl::StrCat("what is remembered of ", log.origin,
                                            " cannot be read: ", note.status().message()));
  }
  logs_[log.origin] = std::move(followed);
  return absl::OkStatus();
}

void Witness::Forget(const std::string& origin) {
  const std::lock_guard<std::mutex> guard(lock_);
  const auto log = logs_.find(origin);
  if (log != logs_.end() && !log->second.known.has_value()) logs_.erase(log);
}

void Witness::Refuse(WitnessFinding finding, std::string says, WitnessAnswer* answer) const {
  answer->finding = finding;
  answer->says = std::move(says);
}

Witness::Log* Witness::Verified(absl::string_view note, crypto::Checkpoint* checkpoint,
                                WitnessAnswer* answer) {
  const auto read = crypto::ReadNote(note);
  const auto claimed = read.ok() ? crypto::ReadCheckpoint(read->text)
                                 : absl::StatusOr<crypto::Checkpoint>(read.status());
  if (!claimed.ok()) {
    Refuse(WitnessFinding::kMalformed, std::string(claimed.status().message()), answer);
    return nullptr;
  }
  const auto log = logs_.find(claimed->origin);
  if (log == logs_.end()) {
    Refuse(WitnessFinding::kUnknownLog,
           absl::StrCat("the log ", claimed->origin, " is not witnessed here"), answer);
    return nullptr;
  }
  const auto opened = crypto::OpenCheckpoint(note, log->second.keys);
  if (!opened.ok()) {
    Refuse(WitnessFinding::kNotSigned, std::string(opened.status().message()), answer);
    return nullptr;
  }
  *checkpoint = opened->checkpoint;
  if (log->second.known.has_value()) answer->known_size = log->second.known->checkpoint.size;
  return &log->second;
}

void Witness::Remember(absl::string_view note, const crypto::Checkpoint& checkpoint, absl::Time now,
                       Log* log, WitnessAnswer* answer) {
  if (!log->known.has_value() || log->known->checkpoint.size < checkpoint.size) {
    const auto opened = crypto::OpenNote(note, log->keys);
    if (!opened.ok()) {
      return Refuse(WitnessFinding::kNotSigned, std::string(opened.status().message()), answer);
    }
    const std::string keeps = KeptNote(*opened, log->keys);
    const absl::Status kept =
        crypto::ReplaceFile(PathOf(checkpoint.origin), keeps, /*is_private=*/true);
    if (!kept.ok()) {
      return Refuse(WitnessFinding::kNotStored,
                    absl::StrCat("the checkpoint is good, but could not be remembered, so it is "
                                 "not vouched for: ",
                                 kept.message()),
                    answer);
    }
    log->known = Known{checkpoint, keeps};
  }
  answer->known_size = checkpoint.size;
  answer->finding = WitnessFinding::kAccepted;
  answer->says =
      absl::StrCat(checkpoint.origin, " goes on consistently, with ", Entries(checkpoint.size));
  if (options_.cosigner == nullptr) return;
  const int64_t seconds = std::max<int64_t>(0, absl::ToUnixSeconds(now));
  auto cosignature =
      options_.cosigner->CosignNote(checkpoint.Text(), static_cast<uint64_t>(seconds));
  if (cosignature.ok()) answer->cosignature = cosignature->Line();
}

void Witness::KeepEvidence(absl::string_view what, absl::string_view note, const Log& log,
                           absl::Time now, WitnessAnswer* answer) {
  if (!log.known.has_value()) return;
  const std::string notes = absl::StrCat("--- remembered\n", log.known->note, "--- shown\n", note);
  // The same two notes make one file, however often they are shown.
  const std::string path = absl::StrCat(
      options_.folder, "/evidence/",
      crypto::Hex(crypto::Sha256(absl::StrCat(what, "\n", notes))).substr(0, 32), ".txt");
  std::error_code error;
  if (!fs::exists(path, error)) {
    size_t* const files = EvidenceAbout(log.known->checkpoint.origin);
    if (*files >= options_.most_evidence) {
      absl::StrAppend(&answer->says, " (no more evidence about that agency is kept: there are ",
                      *files, " files of it)");
      return;
    }
    const std::string text = absl::StrCat(
        kEvidenceAbout, log.known->checkpoint.origin, "\n", what, "\nfound ",
        absl::FormatTime(absl::RFC3339_sec, now, absl::UTCTimeZone()),
        "\nBoth notes are as the log signed them; any tool for signed notes verifies them.\n",
        notes);
    const absl::Status kept = crypto::ReplaceFile(path, text, /*is_private=*/true);
    if (!kept.ok()) {
      absl::StrAppend(&answer->says, " (the evidence could not be kept: ", kept.message(), ")");
      return;
    }
    ++*files;
  }
  answer->evidence = path;
}

size_t* Witness::EvidenceAbout(absl::string_view origin) {
  const auto agency = [](absl::string_view of) {
    const absl::optional<crypto::LogName> name = crypto::ReadLogName(of);
    return name.has_value() ? name->agency : std::string(of);
  };
  if (!evidence_.has_value()) {
    evidence_.emplace();
    for (const std::string& path : Evidence()) {
      std::string line;
      std::getline(std::ifstream(path, std::ios::binary), line);
      absl::string_view about = line;
      if (absl::ConsumePrefix(&about, kEvidenceAbout)) ++(*evidence_)[agency(about)];
    }
  }
  return &(*evidence_)[agency(origin)];
}

WitnessAnswer Witness::AddCheckpoint(const AddCheckpointRequest& request, absl::Time now) {
  const std::lock_guard<std::mutex> guard(lock_);
  WitnessAnswer answer;
  crypto::Checkpoint shown;
  Log* const log = Verified(request.note, &shown, &answer);
  if (log == nullptr || !WithinEnd(request.note, shown, *log, now, &answer)) return answer;
  const crypto::Checkpoint known = log->known.has_value()
                                       ? log->known->checkpoint
                                       : crypto::Checkpoint{shown.origin, 0, crypto::EmptyRoot()};
  if (shown.size == known.size && shown.root != known.root) {
    const std::string what =
        absl::StrCat(shown.origin, " signed two different roots for ", Entries(shown.size),
                     ": it shows different people different logs, or was rewritten");
    Refuse(WitnessFinding::kForked, what, &answer);
    KeepEvidence(what, request.note, *log, now, &answer);
    return answer;
  }
  if (request.old_size > shown.size) {
    Refuse(WitnessFinding::kMalformed, "the old size is larger than the checkpoint's", &answer);
    return answer;
  }
  if (request.old_size != known.size) {
    Refuse(WitnessFinding::kOtherSize,
           absl::StrCat("what is remembered of ", shown.origin, " has ", Entries(known.size),
                        "; the proof begins at ", request.old_size),
           &answer);
    return answer;
  }
  const absl::Status consistent =
      crypto::VerifyConsistency(known.size, known.root, shown.size, shown.root, request.proof);
  if (!consistent.ok()) {
    Refuse(WitnessFinding::kBadProof,
           absl::StrCat("the proof does not show that ", shown.origin, " goes on from ",
                        Entries(known.size), " to ", Entries(shown.size)),
           &answer);
    return answer;
  }
  Remember(request.note, shown, now, log, &answer);
  return answer;
}

WitnessAnswer Witness::Observe(absl::string_view note, absl::Span<const crypto::Digest> proof,
                               uint64_t at_least, absl::Time now) {
  const std::lock_guard<std::mutex> guard(lock_);
  WitnessAnswer answer;
  crypto::Checkpoint shown;
  Log* const log = Verified(note, &shown, &answer);
  if (log == nullptr || !WithinEnd(note, shown, *log, now, &answer)) return answer;
  const crypto::Checkpoint known = log->known.has_value()
                                       ? log->known->checkpoint
                                       : crypto::Checkpoint{shown.origin, 0, crypto::EmptyRoot()};
  const bool larger = shown.size >= known.size;
  const crypto::Checkpoint& before = larger ? known : shown;
  const crypto::Checkpoint& after = larger ? shown : known;
  WitnessFinding finding = WitnessFinding::kAccepted;
  std::string what;
  if (shown.size == known.size && shown.root != known.root) {
    finding = WitnessFinding::kForked;
    what = absl::StrCat(shown.origin, " signed two different roots for ", Entries(shown.size),
                        ": it shows different people different logs, or was rewritten");
  } else if (shown.size < at_least && shown.size < known.size) {
    finding = WitnessFinding::kRolledBack;
    what = absl::StrCat(shown.origin, " shows a head of ", Entries(shown.size),
                        " after it had signed one of ", Entries(known.size),
                        ": it was put back to an earlier state");
  } else if (!crypto::VerifyConsistency(before.size, before.root, after.size, after.root, proof)
                  .ok()) {
    if (IsLost(after, &answer)) return answer;
    finding = WitnessFinding::kBadProof;
    what = absl::StrCat(shown.origin, " did not prove that its log of ", Entries(after.size),
                        " goes on from its log of ", Entries(before.size));
  }
  if (finding != WitnessFinding::kAccepted) {
    Refuse(finding, what, &answer);
    KeepEvidence(what, note, *log, now, &answer);
    return answer;
  }
  if (!larger) {
    answer.finding = WitnessFinding::kOlder;
    answer.says = absl::StrCat(shown.origin, " had ", Entries(shown.size),
                               " then; it has gone on consistently");
    return answer;
  }
  Remember(note, shown, now, log, &answer);
  return answer;
}

bool Witness::WithinEnd(absl::string_view note, const crypto::Checkpoint& shown, const Log& log,
                        absl::Time now, WitnessAnswer* answer) {
  if (!log.ended || !log.known.has_value() || shown.size <= log.known->checkpoint.size) return true;
  if (IsLost(shown, answer)) return false;
  const std::string what =
      absl::StrCat(shown.origin, " had ended with ", Entries(log.known->checkpoint.size),
                   ", and was signed with ", Entries(shown.size),
                   ": it shows different people different logs, or was rewritten");
  Refuse(WitnessFinding::kForked, what, answer);
  KeepEvidence(what, note, log, now, answer);
  return false;
}

bool Witness::IsLost(const crypto::Checkpoint& checkpoint, WitnessAnswer* answer) const {
  if (options_.accepted == nullptr || !options_.accepted->IsLost(checkpoint)) return false;
  answer->finding = WitnessFinding::kOlder;
  answer->says = absl::StrCat("what ", checkpoint.origin,
                              " was then is lost, as was accepted, and cannot be compared");
  return true;
}

WitnessAnswer Witness::Succeed(const std::string& earlier,
                               absl::Span<const crypto::LogSuccession> steps,
                               absl::string_view note, absl::Time now, bool asked) {
  const std::lock_guard<std::mutex> guard(lock_);
  WitnessAnswer answer;
  crypto::Checkpoint shown;
  if (Verified(note, &shown, &answer) == nullptr) return answer;
  const auto before = logs_.find(earlier);
  if (before == logs_.end() || !before->second.known.has_value()) {
    Refuse(WitnessFinding::kUnknownLog, absl::StrCat("nothing is remembered of the log ", earlier),
           &answer);
    return answer;
  }
  const uint64_t remembered = before->second.known->checkpoint.size;
  if (!steps.empty() && steps.front().old_size != remembered) {
    Refuse(WitnessFinding::kOtherSize,
           absl::StrCat("what is remembered of ", earlier, " has ", Entries(remembered),
                        "; it is shown how the ledger goes on from ", steps.front().old_size),
           &answer);
    return answer;
  }
  const auto key_of = [this](const std::string& origin) -> absl::StatusOr<crypto::NoteVerifier> {
    const auto log = logs_.find(origin);
    if (log != logs_.end()) return log->second.keys.front();
    return absl::NotFoundError(absl::StrCat("the log ", origin, " is not witnessed here"));
  };
  const auto ends = crypto::VerifySuccession(
      before->second.known->checkpoint, steps, shown, key_of,
      options_.accepted == nullptr ? nullptr : options_.accepted->AsPredicate());
  if (absl::IsFailedPrecondition(ends.status())) {
    Refuse(WitnessFinding::kLost, std::string(ends.status().message()), &answer);
    return answer;
  }
  if (!ends.ok()) {
    const std::string what =
        absl::StrCat(shown.origin, " was not shown to go on from ", earlier, " with ",
                     Entries(before->second.known->checkpoint.size), ": ", ends.status().message());
    Refuse(WitnessFinding::kBadProof, what, &answer);
    if (asked) KeepEvidence(what, note, before->second, now, &answer);
    return answer;
  }
  for (size_t i = 0; i < ends->size(); ++i) {
    Log& ended = logs_.find((*ends)[i].origin)->second;
    Remember(steps[i].checkpoint, (*ends)[i], now, &ended, &answer);
    if (answer.finding != WitnessFinding::kAccepted) return answer;
    ended.ended = true;
  }
  answer.known_size = 0;
  answer.cosignature.clear();
  return answer;
}

void Witness::SetEnded(const std::string& origin) {
  const std::lock_guard<std::mutex> guard(lock_);
  const auto log = logs_.find(origin);
  if (log != logs_.end()) log->second.ended = true;
}

absl::optional<Witness::Known> Witness::Latest(absl::string_view origin) const {
  const std::lock_guard<std::mutex> guard(lock_);
  const auto log = logs_.find(std::string(origin));
  return log == logs_.end() ? absl::nullopt : log->second.known;
}

size_t Witness::followed() const {
  const std::lock_guard<std::mutex> guard(lock_);
  return logs_.size();
}

std::vector<std::string> Witness::Evidence() const {
  std::vector<std::string> files;
  std::error_code ignored;
  for (const auto& file : fs::directory_iterator(options_.folder + "/evidence", ignored)) {
    if (file.path().extension() == ".txt") files.push_back(file.path().string());
  }
  std::sort(files.begin(), files.end());
  return files;
}

}  // namespace vouch::requester
