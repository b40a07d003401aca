#include "server/partner_logs.h"

#include <algorithm>
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
  absl::optional<crypto::NoteVerifier> key;
  if (const absl::Status is_signed = SignedLocked(note, origin, &key); !is_signed.ok()) {
    return refuse(
        absl::IsNotFound(is_signed) ? WitnessFinding::kUnknownLog : WitnessFinding::kNotSigned,
        std::string(is_signed.message()));
  }
  const std::string agency(AgencyOfLog(origin));
  const absl::optional<std::string> newest = NewestLocked(agency);
  std::vector<std::string> origins = {origin};
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
      if (AgencyOfLog(between) == agency && followed_.count(between) == 0) {
        origins.push_back(between);
      }
    }
  }
  if (CountLocked(agency) + origins.size() > rooms_.most_logs) {
    return refuse(WitnessFinding::kNotStored, absl::StrCat("no more than ", rooms_.most_logs,
                                                           " logs of one agency are followed"));
  }
  absl::Status followed;
  for (const std::string& one : origins) {
    const absl::StatusOr<crypto::NoteVerifier> its_key = key->Named(one);
    if (followed.ok()) {
      followed = its_key.ok() ? witness_->Follow({one, {*its_key}}) : its_key.status();
    }
  }
  bool follows = followed.ok();
  if (!follows) {
    refuse(WitnessFinding::kNotStored, std::string(followed.message()));
  } else if (newest.has_value()) {
    *answer = witness_->Succeed(*newest, steps, note, now, /*asked=*/!unlinked.has_value());
    follows = answer->finding == WitnessFinding::kAccepted;
  }
  followed_.insert(origins.begin(), origins.end());
  for (const std::string& one : origins) {
    if (!follows || one != origin) SettleLocked(one);
  }
  return follows;
}

void PartnerLogs::SettleLocked(absl::string_view origin) {
  const auto followed = followed_.find(std::string(origin));
  if (followed == followed_.end() || witness_->Latest(origin).has_value()) return;
  witness_->Forget(*followed);
  followed_.erase(followed);
}

absl::Status PartnerLogs::SignedLocked(absl::string_view note, const std::string& origin,
                                       absl::optional<crypto::NoteVerifier>* key) const {
  const auto known = keys_.find(std::string(AgencyOfLog(origin)));
  if (known == keys_.end()) {
    return absl::NotFoundError(absl::StrCat("the key of the log ", origin, " is not known here"));
  }
  const absl::StatusOr<crypto::NoteVerifier> verifier = LogVerifier(origin, known->second);
  if (!verifier.ok()) return absl::NotFoundError("its key signs no checkpoints");
  const auto opened = crypto::OpenCheckpoint(note, absl::MakeConstSpan(&*verifier, 1));
  if (!opened.ok()) return absl::PermissionDeniedError(opened.status().message());
  *key = *verifier;
  return absl::OkStatus();
}

absl::Status PartnerLogs::Signed(absl::string_view note) const {
  const std::string origin = OriginOfNote(note);
  if (origin.empty()) {
    return absl::InvalidArgumentError("it is no checkpoint of an agency's ledger");
  }
  const std::lock_guard<std::mutex> lock(lock_);
  absl::optional<crypto::NoteVerifier> key;
  return SignedLocked(note, origin, &key);
}

size_t PartnerLogs::CountLocked(absl::string_view agency) const {
  return static_cast<size_t>(
      std::count_if(followed_.begin(), followed_.end(),
                    [&](const std::string& origin) { return AgencyOfLog(origin) == agency; }));
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
      SettleLocked(origin);
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
        SettleLocked(origin);
        return answer;
      }
      answer = witness_->Observe(note, proof, is_head ? since : 0, now);
      SettleLocked(origin);
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

std::vector<std::string> PartnerLogs::newest() const {
  const std::lock_guard<std::mutex> lock(lock_);
  std::map<std::string, std::string> by_agency;
  for (const std::string& origin : followed_) {
    std::string& newest = by_agency[std::string(AgencyOfLog(origin))];
    if (newest.empty() || crypto::LogBefore(newest, origin)) newest = origin;
  }
  std::vector<std::string> origins;
  for (const auto& [agency, origin] : by_agency) origins.push_back(origin);
  return origins;
}

}  // namespace vouch::server
