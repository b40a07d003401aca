#include "server/partner_logs.h"

#include <filesystem>
#include <utility>

#include "absl/strings/str_cat.h"
#include "crypto/keys.h"
#include "crypto/log_entry.h"

namespace vouch::server {

namespace {

using requester::WitnessAnswer;
using requester::WitnessFinding;

constexpr size_t kMostSteps = 64;

}  // namespace

absl::string_view AgencyOfLog(absl::string_view origin) {
  if (!crypto::ReadLogName(origin).has_value()) return "";
  return origin.substr(0, origin.find('/'));
}

std::string OriginOfNote(absl::string_view note) {
  const absl::StatusOr<crypto::SignedNote> read = crypto::ReadNote(note);
  if (!read.ok()) return "";
  const absl::StatusOr<crypto::Checkpoint> checkpoint = crypto::ReadCheckpoint(read->text);
  if (!checkpoint.ok() || AgencyOfLog(checkpoint->origin).empty()) return "";
  return checkpoint->origin;
}

absl::StatusOr<crypto::NoteVerifier> LogVerifier(const std::string& origin,
                                                 const std::string& public_der) {
  absl::StatusOr<crypto::NoteVerifier> verifier = crypto::NoteVerifier::From(
      origin, crypto::NoteKeyType::kEd25519, crypto::AsBytes(public_der));
  if (verifier.ok()) return verifier;
  return crypto::NoteVerifier::From(origin, crypto::NoteKeyType::kEcdsaP256,
                                    crypto::AsBytes(public_der));
}

absl::StatusOr<std::unique_ptr<PartnerLogs>> PartnerLogs::Open(Rooms rooms) {
  absl::StatusOr<std::unique_ptr<requester::Witness>> witness =
      requester::Witness::Open(rooms.witness);
  if (!witness.ok()) return witness.status();
  return std::unique_ptr<PartnerLogs>(new PartnerLogs(std::move(rooms), *std::move(witness)));
}

absl::Status PartnerLogs::SetKeys(std::map<std::string, std::string> public_ders) {
  const std::lock_guard<std::mutex> lock(lock_);
  keys_ = std::move(public_ders);
  followed_.clear();
  absl::Status first;
  std::error_code error;
  for (const auto& file : std::filesystem::directory_iterator(rooms_.witness.folder, error)) {
    if (file.path().extension() != ".checkpoint") continue;
    const absl::StatusOr<std::string> note = crypto::ReadPrivateFile(file.path().string());
    if (!note.ok()) {
      if (first.ok()) first = absl::DataLossError(note.status().message());
      continue;
    }
    const std::string origin = OriginOfNote(*note);
    const auto key = keys_.find(std::string(AgencyOfLog(origin)));
    // What is remembered of somebody who is no partner now waits until they are again.
    if (key == keys_.end()) continue;
    const absl::StatusOr<crypto::NoteVerifier> verifier = LogVerifier(origin, key->second);
    absl::Status followed =
        verifier.ok() ? witness_->Follow({origin, {*verifier}}) : verifier.status();
    if (followed.ok()) {
      followed_.insert(origin);
    } else if (first.ok()) {
      first = std::move(followed);
    }
  }
  // A later log was followed only because this one had ended as it is remembered.
  for (const std::string& origin : followed_) {
    if (*NewestLocked(AgencyOfLog(origin)) != origin) witness_->SetEnded(origin);
  }
  return first;
}

bool PartnerLogs::FollowLocked(absl::string_view note,
                               absl::Span<const crypto::LogSuccession> steps,
                               absl::optional<WitnessFinding> unlinked, absl::Time now,
                               WitnessAnswer* answer) {
  const std::string origin = OriginOfNote(note);
  const auto refuse = [answer](WitnessFinding finding, std::string says) {
    answer->finding = finding;
    answer->says = std::move(says);
    return false;
  };
  if (origin.empty()) {
    return refuse(WitnessFinding::kMalformed, "it is no checkpoint of an agency's ledger");
  }
  if (followed_.count(origin) > 0) return true;
  const auto key = keys_.find(std::string(AgencyOfLog(origin)));
  if (key == keys_.end()) {
    return refuse(WitnessFinding::kUnknownLog,
                  absl::StrCat("the key of the log ", origin, " is not known here"));
  }
  const absl::StatusOr<crypto::NoteVerifier> verifier = LogVerifier(origin, key->second);
  if (!verifier.ok()) return refuse(WitnessFinding::kUnknownLog, "its key signs no checkpoints");
  // Only then: a log that nobody signed must not take a place here.
  const auto opened = crypto::OpenCheckpoint(note, absl::MakeConstSpan(&*verifier, 1));
  if (!opened.ok()) {
    return refuse(WitnessFinding::kNotSigned, std::string(opened.status().message()));
  }
  if (const absl::Status followed = witness_->Follow({origin, {*verifier}}); !followed.ok()) {
    return refuse(WitnessFinding::kNotStored, std::string(followed.message()));
  }
  const absl::optional<std::string> newest = NewestLocked(key->first);
  if (newest.has_value()) {
    if (crypto::LogBefore(origin, *newest)) {
      return refuse(WitnessFinding::kUnknownLog,
                    absl::StrCat(origin, " is an earlier log than ", *newest,
                                 ", which is remembered, and was never seen here"));
    }
    if (steps.empty() && unlinked.has_value()) {
      return refuse(*unlinked, absl::StrCat("it is not shown how ", origin, " goes on from ",
                                            *newest, ", which is remembered"));
    }
    for (const crypto::LogSuccession& step : steps.subspan(0, kMostSteps)) {
      const std::string between = OriginOfNote(step.checkpoint);
      if (AgencyOfLog(between) != key->first || followed_.count(between) > 0) continue;
      const absl::StatusOr<crypto::NoteVerifier> its_key = LogVerifier(between, key->second);
      const absl::Status followed =
          its_key.ok() ? witness_->Follow({between, {*its_key}}) : its_key.status();
      if (!followed.ok()) {
        return refuse(WitnessFinding::kNotStored, std::string(followed.message()));
      }
    }
    *answer = witness_->Succeed(*newest, steps, note, now);
    if (answer->finding != WitnessFinding::kAccepted) return false;
    for (const crypto::LogSuccession& step : steps) {
      followed_.insert(OriginOfNote(step.checkpoint));
    }
  }
  followed_.insert(origin);
  return true;
}

absl::optional<std::string> PartnerLogs::NewestLocked(absl::string_view agency) const {
  absl::optional<std::string> newest;
  for (const std::string& origin : followed_) {
    if (AgencyOfLog(origin) != agency || !witness_->Latest(origin).has_value()) continue;
    if (!newest.has_value() || crypto::LogBefore(*newest, origin)) newest = origin;
  }
  return newest;
}

void PartnerLogs::Report(const std::string& agency, const WitnessAnswer& answer) const {
  if (!answer.evidence.empty() || answer.finding == WitnessFinding::kForked ||
      answer.finding == WitnessFinding::kRolledBack) {
    rooms_.found(agency, answer);
  }
}

void PartnerLogs::NoteLossLocked(const std::string& agency, const WitnessAnswer& answer) {
  if (answer.finding == WitnessFinding::kLost) awaiting_.insert(agency);
  if (answer.finding == WitnessFinding::kAccepted) awaiting_.erase(agency);
}

bool PartnerLogs::AwaitsAcceptance(const std::string& agency) const {
  const std::lock_guard<std::mutex> lock(lock_);
  return awaiting_.count(agency) > 0;
}

WitnessAnswer PartnerLogs::Add(const std::string& agency,
                               const requester::AddCheckpointRequest& request, absl::Time now) {
  WitnessAnswer answer;
  const std::string origin = OriginOfNote(request.note);
  if (!origin.empty() && AgencyOfLog(origin) != agency) {
    answer.finding = WitnessFinding::kUnknownLog;
    answer.says = "checkpoints are taken from the log's own agency alone";
    return answer;
  }
  {
    const std::lock_guard<std::mutex> lock(lock_);
    if (FollowLocked(request.note, request.successions, WitnessFinding::kOtherSize, now, &answer)) {
      answer = witness_->AddCheckpoint(request, now);
    }
    NoteLossLocked(agency, answer);
  }
  Report(agency, answer);
  return answer;
}

WitnessAnswer PartnerLogs::Observe(absl::string_view note, absl::Span<const crypto::Digest> proof,
                                   uint64_t since, bool is_head, absl::Time now,
                                   absl::Span<const crypto::LogSuccession> steps) {
  WitnessAnswer answer;
  const std::string origin = OriginOfNote(note);
  {
    const std::lock_guard<std::mutex> lock(lock_);
    // What its own node shows as its head must be shown to follow.
    const auto unlinked = is_head ? absl::optional<WitnessFinding>() : WitnessFinding::kUnknownLog;
    if (FollowLocked(note, steps, unlinked, now, &answer)) {
      const absl::optional<Known> known = witness_->Latest(origin);
      const uint64_t remembered = known.has_value() ? known->checkpoint.size : 0;
      if (remembered != since) {
        answer.finding = WitnessFinding::kOtherSize;
        answer.known_size = remembered;
        answer.says = "another checkpoint was remembered meanwhile";
        return answer;
      }
      answer = witness_->Observe(note, proof, is_head ? since : 0, now);
    }
    NoteLossLocked(std::string(AgencyOfLog(origin)), answer);
  }
  Report(std::string(AgencyOfLog(origin)), answer);
  return answer;
}

absl::optional<PartnerLogs::Known> PartnerLogs::LatestOf(absl::string_view agency) const {
  const std::lock_guard<std::mutex> lock(lock_);
  const absl::optional<std::string> newest = NewestLocked(agency);
  return newest.has_value() ? witness_->Latest(*newest) : absl::nullopt;
}

std::vector<std::string> PartnerLogs::origins() const {
  const std::lock_guard<std::mutex> lock(lock_);
  return std::vector<std::string>(followed_.begin(), followed_.end());
}

}  // namespace vouch::server
