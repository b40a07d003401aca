#include "server/checkpoint_exchange.h"

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/types/span.h"
#include "client/requester/connection.h"
#include "client/requester/seen_checkpoints.h"
#include "server/partner_times.h"

namespace vouch::server {

namespace {

using requester::WitnessAnswer;
using requester::WitnessFinding;
using telemetry::Level;
using telemetry::Log;

constexpr absl::Duration kCall = absl::Seconds(5);
constexpr int kTries = 4;
constexpr size_t kMostOrigins = 64;

// Nobody who cannot be reached has done anything wrong.
bool NotReached(const absl::Status& status) {
  return absl::IsUnavailable(status) || absl::IsDeadlineExceeded(status) ||
         absl::IsCancelled(status) || absl::IsUnimplemented(status) || absl::IsUnknown(status);
}

absl::Status Wrong(const WitnessAnswer& answer) {
  if (answer.evidence.empty()) return absl::FailedPreconditionError(answer.says);
  return absl::DataLossError(absl::StrCat(answer.says, ". Both notes are kept in ", answer.evidence,
                                          ": show them to the agency and to oversight"));
}

std::chrono::steady_clock::time_point After(absl::Duration duration) {
  return std::chrono::steady_clock::now() + absl::ToChronoNanoseconds(duration);
}

bool Spent(std::chrono::steady_clock::time_point until) {
  return std::chrono::steady_clock::now() >= until;
}

}  // namespace

void CheckpointExchange::SetPartners(std::vector<node::Partner> partners) {
  const std::lock_guard<std::mutex> lock(mutex_);
  partners_ = std::move(partners);
  // Addresses and anchors may be others now.
  clients_.clear();
  due_ = true;
  if (!thread_.joinable() && !stopping_) thread_ = std::thread([this] { Run(); });
  changed_.notify_all();
}

void CheckpointExchange::Hurry() {
  {
    const std::lock_guard<std::mutex> lock(mutex_);
    hurry_ = true;
  }
  changed_.notify_all();
}

void CheckpointExchange::Stop() {
  {
    const std::lock_guard<std::mutex> lock(mutex_);
    stopping_ = true;
    for (const auto& [agency, client] : clients_) client->Cancel();
  }
  changed_.notify_all();
  if (thread_.joinable()) thread_.join();
}

void CheckpointExchange::Run() {
  std::unique_lock<std::mutex> lock(mutex_);
  while (!stopping_) {
    const bool are_others = due_;
    due_ = hurry_ = false;
    const std::vector<node::Partner> partners = partners_;
    if (are_others) {
      lock.unlock();
      ForgetUncompared();
      lock.lock();
    }
    std::vector<const node::Partner*> to_compare;
    for (const node::Partner& partner : partners) {
      if (partner.address.empty() || stopping_ || due_) continue;
      lock.unlock();
      if (Exchange(partner)) to_compare.push_back(&partner);
      lock.lock();
    }
    lock.unlock();
    // Only when everybody has our checkpoint, and our cosignature.
    CompareWith(to_compare);
    LookAtAnswers();
    lock.lock();
    if (stopping_) return;
    changed_.wait_for(lock, absl::ToChronoMilliseconds(rooms_.every),
                      [this] { return stopping_ || due_ || hurry_; });
  }
}

bool CheckpointExchange::Interrupted() {
  const std::lock_guard<std::mutex> lock(mutex_);
  return stopping_ || due_ || hurry_;
}

void CheckpointExchange::LookAtAnswers() {
  constexpr char kWhere[] = "in answers";
  const Deadline until = After(rooms_.all_comparisons);
  std::map<std::string, bool> looked_at;  // by agency: all of its own
  requester::SeenCheckpoints(rooms_.seen).Take([&](const std::string& note) {
    const std::string agency(AgencyOfLog(OriginOfNote(note)));
    const auto before = looked_at.emplace(agency, true).first;
    if (!before->second || Spent(until)) return false;
    before->second = ObserveShown(kWhere, note, std::min(until, After(rooms_.one_comparison)));
    return before->second;
  });
  for (const auto& [agency, all] : looked_at) Compared(kWhere, agency, all);
}

absl::StatusOr<CheckpointExchange::Client> CheckpointExchange::ClientOf(const std::string& agency) {
  const std::lock_guard<std::mutex> lock(mutex_);
  if (stopping_) return absl::CancelledError("the node stops");
  const auto before = clients_.find(agency);
  if (before != clients_.end()) return before->second;
  for (const node::Partner& partner : partners_) {
    if (partner.agency != agency || partner.address.empty()) continue;
    const auto options = ConnectionTo(partner, rooms_.agency, rooms_.certificate, rooms_.key);
    if (!options.ok()) return options.status();
    const auto channel = requester::Connect(*options);
    if (!channel.ok()) return channel.status();
    return clients_[agency] = std::make_shared<requester::LedgerClient>(*channel, kCall);
  }
  return absl::UnavailableError(absl::StrCat(agency, " has no address in node.yaml"));
}

bool CheckpointExchange::Exchange(const node::Partner& partner) {
  const Deadline until = After(rooms_.one_exchange);
  const absl::StatusOr<Client> client = ClientOf(partner.agency);
  const absl::Status handed = client.ok() ? HandIn(partner, client->get(), until) : client.status();
  if (!client.ok() || NotReached(handed)) {
    // Said once, not every minute.
    if (silent_.insert(partner.agency).second) {
      Log(Level::kInfo, "checkpoints not exchanged",
          {{"partner", partner.agency}, {"reason", std::string(handed.message())}});
    }
    return false;
  }
  if (silent_.erase(partner.agency) > 0) {
    Log(Level::kInfo, "checkpoints exchanged again", {{"partner", partner.agency}});
  }
  rooms_.report(absl::StrCat("our ledger at ", partner.agency), handed);
  if (partner.ledger_key.empty()) return false;
  const absl::Status observed = Observe(partner.agency, client->get(), until);
  if (NotReached(observed)) return false;
  rooms_.report(absl::StrCat("ledger of ", partner.agency), observed);
  return true;
}

absl::Status CheckpointExchange::HandIn(const node::Partner& partner,
                                        requester::LedgerClient* client, Deadline until) {
  HandedIn& handed = handed_in_[partner.agency];
  uint64_t& known = handed.size;
  std::vector<crypto::LogSuccession> steps;
  absl::StatusOr<LedgerLog::Signed> head = absl::UnknownError("none yet");
  std::string says;
  for (int i = 0; i < kTries; ++i) {
    if (i > 0 && Spent(until)) return absl::DeadlineExceededError("it answers too slowly");
    // Steps lead to the very head they were made for; the log may have grown since.
    if (steps.empty()) head = rooms_.log->Checkpoint();
    if (!head.ok()) return absl::OkStatus();  // said elsewhere
    if (handed.origin != head->origin) handed = {head->origin, 0};
    if (head->size == 0) return absl::OkStatus();
    if (known == head->size && i == 0 && !rooms_.cosignatures->Wants(partner.agency)) {
      return absl::OkStatus();
    }
    requester::AddCheckpointRequest request;
    request.old_size = known;
    request.note = *head->note;
    request.successions = std::move(steps);
    steps.clear();
    if (known > 0) {
      auto proof = rooms_.log->Consistency(head->origin, known, head->size);
      if (!proof.ok()) return absl::OkStatus();
      request.proof = *std::move(proof);
    }
    const auto response = client->AddCheckpoint(request);
    if (!response.ok()) return response.status();
    switch (response->code()) {
      case 200: {
        known = head->size;
        rooms_.metrics->SetGauge("ledger_cosigned_entries", partner.agency,
                                 static_cast<double>(known));
        return Count(partner, *head, response->cosignature());
      }
      case 404:
        // It does not witness us, and need not: it may only ever be asked.
        return absl::OkStatus();
      case 409:
        break;
      default:
        return absl::FailedPreconditionError(
            absl::StrCat("it did not take our checkpoint: ", response->says()));
    }
    says = response->says();
    if (!response->remembered().empty()) {
      const absl::Status held = rooms_.own->HoldAgainst(response->remembered(), partner.agency);
      if (absl::IsDataLoss(held)) rooms_.behind(held);
      if (!held.ok()) return held;
      steps = StepsFrom(response->remembered(), *head);
    }
    if (response->known_size() > head->size) {
      return absl::FailedPreconditionError(
          "it says that it remembers more of our log than there is, and cannot show it");
    }
    known = response->known_size();
  }
  return absl::FailedPreconditionError(
      absl::StrCat("it did not take our checkpoint, however often it was tried: ", says));
}

absl::Status CheckpointExchange::Count(const node::Partner& partner, const LedgerLog::Signed& head,
                                       const std::string& cosignature) {
  if (partner.witness_key.empty()) {
    if (uncounted_.insert(partner.agency).second) {
      Log(Level::kInfo,
          "cosignatures of this ledger are not counted: node.yaml gives no witness_key",
          {{"partner", partner.agency}});
    }
    // That it remembers is worth something: it stands in the way of a journal that was put back.
    return rooms_.own->Keep(*head.note, head.size, partner.agency, "");
  }
  uncounted_.erase(partner.agency);
  if (cosignature.empty()) {
    return absl::FailedPreconditionError(
        "it remembers our checkpoint and cosigns nothing, although node.yaml gives a witness_key "
        "for it: its node has no keys/witness.key");
  }
  absl::Status taken =
      rooms_.cosignatures->Take(partner.agency, *head.note, cosignature, rooms_.clock->Now());
  if (absl::IsDataLoss(taken)) rooms_.behind(taken);
  if (absl::IsPermissionDenied(taken)) {
    return absl::FailedPreconditionError(absl::StrCat(
        taken.message(), "; compare `witness_key` with witness.txt of its `vouch partner export`"));
  }
  if (!taken.ok()) return taken;
  return rooms_.own->Keep(*head.note, head.size, partner.agency, cosignature);
}

std::vector<crypto::LogSuccession> CheckpointExchange::StepsFrom(
    const std::string& remembered, const LedgerLog::Signed& head) const {
  const std::string origin = OriginOfNote(remembered);
  const auto note = crypto::ReadNote(remembered);
  if (origin.empty() || origin == head.origin || !note.ok()) return {};
  const auto checkpoint = crypto::ReadCheckpoint(note->text);
  if (!checkpoint.ok()) return {};
  auto steps = rooms_.log->Succession(origin, checkpoint->size, head);
  if (!steps.ok()) return {};
  return *std::move(steps);
}

absl::Status CheckpointExchange::Observe(const std::string& agency, requester::LedgerClient* client,
                                         Deadline until) {
  for (int i = 0; i < kTries; ++i) {
    if (i > 0 && Spent(until)) return absl::DeadlineExceededError("it answers too slowly");
    const auto known = rooms_.partner_logs->LatestOf(agency);
    const uint64_t since = known.has_value() ? known->checkpoint.size : 0;
    const auto head =
        client->GetCheckpoint(known.has_value() ? known->checkpoint.origin : "", since);
    if (!head.ok()) return head.status();
    const std::string origin = OriginOfNote(head->note);
    if (AgencyOfLog(origin) != agency) {
      return absl::FailedPreconditionError("it shows a checkpoint of another agency's log");
    }
    const bool same_log = !known.has_value() || known->checkpoint.origin == origin;
    const WitnessAnswer answer =
        rooms_.partner_logs->Observe(head->note, head->proof, same_log ? since : 0,
                                     /*is_head=*/true, rooms_.clock->Now(), head->successions);
    if (answer.finding == WitnessFinding::kOtherSize) continue;
    if (answer.finding != WitnessFinding::kAccepted && answer.finding != WitnessFinding::kOlder) {
      return Wrong(answer);
    }
    rooms_.metrics->SetGauge("partner_ledger_entries", agency,
                             static_cast<double>(answer.known_size));
    if (head->cosign && !answer.cosignature.empty()) {
      const auto counted = client->AddCosignature(head->note, answer.cosignature);
      if (!counted.ok()) return counted.status();
      if (counted->code() != 200) {
        return absl::FailedPreconditionError(
            absl::StrCat("our cosignature does not count there, so that it will stop answering: ",
                         counted->says(), "; give it witness.txt of `vouch partner export` anew"));
      }
    }
    return absl::OkStatus();
  }
  return absl::OkStatus();
}

void CheckpointExchange::CompareWith(const std::vector<const node::Partner*>& partners) {
  const Deadline until = After(rooms_.all_comparisons);
  auto next = std::find_if(partners.begin(), partners.end(), [&](const node::Partner* partner) {
    return partner->agency > compared_with_;
  });
  for (size_t i = 0; i < partners.size(); ++i) {
    if (Interrupted()) return;
    if (next == partners.end()) next = partners.begin();
    const std::string& agency = (*next++)->agency;
    const absl::StatusOr<Client> client = ClientOf(agency);
    if (!client.ok()) continue;
    Compare(agency, client->get(), std::min(until, After(rooms_.one_comparison)));
    compared_with_ = agency;
    if (Spent(until)) return;
  }
}

// Whoever is shown one log here and another there finds out by comparing.
void CheckpointExchange::Compare(const std::string& partner, requester::LedgerClient* client,
                                 Deadline until) {
  // What an earlier log had come to is held against everybody by how the newest goes on from it.
  std::vector<std::string> origins = rooms_.partner_logs->newest();
  origins.erase(
      std::remove_if(origins.begin(), origins.end(),
                     [&](const std::string& origin) { return AgencyOfLog(origin) == partner; }),
      origins.end());
  std::string& last = compared_[partner];
  std::rotate(origins.begin(), std::upper_bound(origins.begin(), origins.end(), last),
              origins.end());
  for (size_t first = 0; first < origins.size(); first += kMostOrigins) {
    const absl::Span<const std::string> portion =
        absl::MakeConstSpan(origins).subspan(first, kMostOrigins);
    const std::vector<std::string> asked(portion.begin(), portion.end());
    const auto notes = client->GetRemembered(asked);
    if (!notes.ok()) return;
    // It may send anything, as often as it likes: one for each that was asked for counts.
    std::map<std::string, std::string> shown;
    for (size_t i = 0; i < std::min(notes->size(), asked.size()); ++i) {
      shown.emplace(OriginOfNote((*notes)[i]), (*notes)[i]);
    }
    for (const std::string& origin : asked) {
      last = origin;
      const auto note = shown.find(origin);
      if (note == shown.end()) continue;
      const std::string where = absl::StrCat("to ", partner);
      Compared(where, std::string(AgencyOfLog(origin)), ObserveShown(where, note->second, until));
      if (Spent(until) || Interrupted()) return;
    }
  }
}

void CheckpointExchange::Compared(const std::string& where, const std::string& agency,
                                  bool looked_at) {
  const std::string what = absl::StrCat("comparing the ledger of ", agency, " as shown ", where);
  if (looked_at || rooms_.partner_logs->AwaitsAcceptance(agency)) {
    const auto before = uncompared_.find(what);
    if (before == uncompared_.end()) return;
    if (before->second >= rooms_.most_uncompared) rooms_.report(what, absl::OkStatus());
    uncompared_.erase(before);
  } else if (++uncompared_[what] == rooms_.most_uncompared) {
    // Whoever shows two logs need only never answer for which of them it has no proof.
    rooms_.report(what, absl::FailedPreconditionError(absl::StrCat(
                            "in ", rooms_.most_uncompared,
                            " rounds its node has not answered how what was shown there goes "
                            "together with what is remembered here; see that it can be reached, "
                            "and ask the agency")));
  }
}

// Nobody compares with those any more who have gone, so nothing may stay wrong with them.
void CheckpointExchange::ForgetUncompared() {
  for (const auto& [what, rounds] : uncompared_) {
    if (rounds >= rooms_.most_uncompared) rooms_.report(what, absl::OkStatus());
  }
  uncompared_.clear();
}

bool CheckpointExchange::ObserveShown(const std::string& where, const std::string& note,
                                      Deadline until) {
  const std::string origin = OriginOfNote(note);
  const std::string agency(AgencyOfLog(origin));
  const auto read = crypto::ReadNote(note);
  if (origin.empty() || !read.ok()) return true;
  // Before anybody is asked about it: anyone can write what nobody signed.
  if (absl::IsPermissionDenied(rooms_.partner_logs->Signed(note))) {
    Log(Level::kWarning, "a checkpoint that its log did not sign",
        {{"shown", where}, {"ledger", origin}});
    return true;
  }
  const auto shown = crypto::ReadCheckpoint(read->text);
  for (int i = 0; i < kTries; ++i) {
    if (i > 0 && Spent(until)) return false;
    auto known = rooms_.partner_logs->Latest(origin);
    if (!known.has_value() && rooms_.partner_logs->LatestOf(agency).has_value()) {
      // A log that began since it was last looked at: its own node shows how it goes on.
      const absl::StatusOr<Client> log = ClientOf(agency);
      if (!log.ok()) return false;
      const absl::Status observed = Observe(agency, log->get(), until);
      if (NotReached(observed)) return false;
      if (!observed.ok()) rooms_.report(absl::StrCat("ledger of ", agency), observed);
      known = rooms_.partner_logs->Latest(origin);
    }
    if (known.has_value() && known->checkpoint == *shown) return true;
    // Looked at when people have decided about its loss.
    if (rooms_.partner_logs->AwaitsAcceptance(agency)) return false;
    const uint64_t since = known.has_value() ? known->checkpoint.size : 0;
    std::vector<crypto::Digest> proof;
    if (since != shown->size && since != 0 && shown->size != 0) {
      const absl::StatusOr<Client> log = ClientOf(agency);
      if (!log.ok()) return false;
      auto asked = (*log)->GetConsistency(origin, std::min(since, shown->size),
                                          std::max(since, shown->size));
      // A log that cannot prove what it signed has nothing to show; whoever refuses for another
      // reason has not been asked.
      if (!asked.ok() && !absl::IsInvalidArgument(asked.status())) return false;
      if (asked.ok()) {
        proof = *std::move(asked);
      } else {
        // It may have come back since its turn in this round, and have declared that it lost this.
        if (NotReached(Observe(agency, log->get(), until))) return false;
        if (rooms_.partner_logs->AwaitsAcceptance(agency)) return false;
      }
    }
    const WitnessAnswer answer =
        rooms_.partner_logs->Observe(note, proof, since, /*is_head=*/false, rooms_.clock->Now());
    if (answer.finding == WitnessFinding::kOtherSize) continue;
    if (answer.finding != WitnessFinding::kAccepted && answer.finding != WitnessFinding::kOlder) {
      rooms_.report(absl::StrCat("ledger of ", agency, " as shown ", where), Wrong(answer));
    }
    return true;
  }
  return false;
}

}  // namespace vouch::server
