#include "server/partner_logs.h"

#include <filesystem>
#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "crypto/keys.h"

namespace vouch::server {

namespace {

using requester::WitnessAnswer;
using requester::WitnessFinding;

constexpr absl::string_view kLedger = "/ledger/";

}  // namespace

absl::string_view AgencyOfLog(absl::string_view origin) {
  const size_t slash = origin.find('/');
  if (slash == absl::string_view::npos || slash == 0) return "";
  const absl::string_view rest = origin.substr(slash);
  if (rest.size() != kLedger.size() + 4 || !absl::StartsWith(rest, kLedger)) return "";
  for (const char digit : rest.substr(kLedger.size())) {
    if (!absl::ascii_isdigit(static_cast<unsigned char>(digit))) return "";
  }
  return origin.substr(0, slash);
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
  return first;
}

bool PartnerLogs::FollowLocked(absl::string_view note, WitnessAnswer* answer) {
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
  followed_.insert(origin);
  return true;
}

void PartnerLogs::Report(const std::string& agency, const WitnessAnswer& answer) const {
  if (!answer.evidence.empty() || answer.finding == WitnessFinding::kForked ||
      answer.finding == WitnessFinding::kRolledBack) {
    rooms_.found(agency, answer);
  }
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
    if (!FollowLocked(request.note, &answer)) return answer;
    answer = witness_->AddCheckpoint(request, now);
  }
  Report(agency, answer);
  return answer;
}

WitnessAnswer PartnerLogs::Observe(absl::string_view note, absl::Span<const crypto::Digest> proof,
                                   uint64_t since, bool is_head, absl::Time now) {
  WitnessAnswer answer;
  const std::string origin = OriginOfNote(note);
  {
    const std::lock_guard<std::mutex> lock(lock_);
    if (!FollowLocked(note, &answer)) return answer;
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
  Report(std::string(AgencyOfLog(origin)), answer);
  return answer;
}

absl::optional<PartnerLogs::Known> PartnerLogs::LatestOf(absl::string_view agency) const {
  const std::lock_guard<std::mutex> lock(lock_);
  // Years sort as they follow one another.
  for (auto origin = followed_.rbegin(); origin != followed_.rend(); ++origin) {
    if (AgencyOfLog(*origin) != agency) continue;
    if (absl::optional<Known> known = witness_->Latest(*origin)) return known;
  }
  return absl::nullopt;
}

std::vector<std::string> PartnerLogs::origins() const {
  const std::lock_guard<std::mutex> lock(lock_);
  return std::vector<std::string>(followed_.begin(), followed_.end());
}

}  // namespace vouch::server
