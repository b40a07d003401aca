#include "server/partner_times.h"

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "client/requester/partner_time.h"
#include "crypto/keys.h"
#include "server/node/folders.h"

namespace vouch::server {

namespace {

using telemetry::Level;
using telemetry::Log;

constexpr absl::Duration kCall = absl::Seconds(5);
constexpr absl::Duration kEvery = absl::Hours(1);
constexpr absl::Duration kAgain = absl::Minutes(5);

}  // namespace

absl::StatusOr<requester::ConnectionOptions> ConnectionTo(const node::Partner& partner,
                                                          const std::string& agency,
                                                          const std::string& certificate,
                                                          const std::string& key) {
  requester::ConnectionOptions options;
  options.agency = agency;
  options.responder = partner.agency;
  options.address = partner.address;
  options.binding = partner.binding();
  const std::pair<const std::string&, std::string*> files[] = {
      {certificate, &options.certificate_pem},
      {partner.anchors, &options.anchors_pem},
      {partner.revocations, &options.revocations_pem}};
  for (const auto& [path, out] : files) {
    if (path.empty()) continue;
    absl::StatusOr<std::string> text = node::ReadText(path, node::kLargestList);
    if (!text.ok()) return text.status();
    *out = *std::move(text);
  }
  absl::StatusOr<std::string> secret = crypto::ReadPrivateFile(key);
  if (!secret.ok()) return secret.status();
  options.key_pem = *std::move(secret);
  return options;
}

void PartnerTimes::SetPartners(std::vector<node::Partner> partners) {
  const std::lock_guard<std::mutex> lock(mutex_);
  partners_ = std::move(partners);
  std::map<std::string, Standing> before = std::move(standings_);
  standings_.clear();
  for (const node::Partner& partner : partners_) {
    if (!partner.address.empty()) standings_[partner.agency] = Standing{};
  }
  // Nobody asks those any more who have gone, so nothing may stay wrong with them.
  for (const auto& [agency, standing] : before) {
    if (standings_.count(agency) == 0) {
      rooms_.report(absl::StrCat("time of ", agency), absl::OkStatus());
    }
  }
  if (!thread_.joinable() && !stopping_) thread_ = std::thread([this] { Run(); });
  changed_.notify_all();
}

void PartnerTimes::Stop() {
  {
    const std::lock_guard<std::mutex> lock(mutex_);
    stopping_ = true;
    if (under_way_ != nullptr) under_way_->TryCancel();
  }
  changed_.notify_all();
  if (thread_.joinable()) thread_.join();
}

bool PartnerTimes::WaitForRound(absl::Duration patience) {
  std::unique_lock<std::mutex> lock(mutex_);
  return changed_.wait_for(lock, absl::ToChronoMilliseconds(patience), [this] {
    return std::all_of(standings_.begin(), standings_.end(),
                       [](const auto& one) { return one.second.asked; });
  });
}

std::vector<std::string> PartnerTimes::Lines() const {
  const std::lock_guard<std::mutex> lock(mutex_);
  std::vector<std::string> lines;
  for (const auto& [agency, standing] : standings_) {
    lines.push_back(absl::StrCat(agency, " ", standing.says));
  }
  const size_t silent = partners_.size() - standings_.size();
  if (silent > 0) {
    lines.push_back(absl::StrCat("not compared with ", silent, standings_.empty() ? "" : " other",
                                 silent == 1 ? " partner: it has" : " partners: they have",
                                 " no address in node.yaml, so this node cannot ask"));
  }
  return lines;
}

const node::Partner* PartnerTimes::Due(absl::Time now, absl::Duration* wait) const {
  *wait = kEvery;
  for (const node::Partner& partner : partners_) {
    const auto standing = standings_.find(partner.agency);
    if (standing == standings_.end()) continue;
    if (standing->second.due <= now) return &partner;
    *wait = std::min(*wait, standing->second.due - now);
  }
  return nullptr;
}

void PartnerTimes::Run() {
  std::unique_lock<std::mutex> lock(mutex_);
  while (!stopping_) {
    absl::Duration wait;
    // Waiting goes by absl's clock alone: the node's own is what is in doubt.
    const node::Partner* due = Due(absl::Now(), &wait);
    if (due == nullptr) {
      changed_.wait_for(lock, absl::ToChronoMilliseconds(wait));
      continue;
    }
    const node::Partner partner = *due;
    lock.unlock();
    Standing standing = Ask(partner);
    lock.lock();
    // Gone, or given other settings meanwhile: then it is asked anew, or not at all.
    const auto kept = standings_.find(partner.agency);
    if (kept != standings_.end()) kept->second = std::move(standing);
    changed_.notify_all();
  }
}

PartnerTimes::Standing PartnerTimes::Ask(const node::Partner& partner) {
  Standing standing;
  standing.asked = true;
  standing.due = absl::Now() + kAgain;
  absl::StatusOr<requester::PartnerTime> time = absl::UnknownError("");
  auto options = ConnectionTo(partner, rooms_.agency, rooms_.certificate, rooms_.key);
  auto channel = options.ok() ? requester::Connect(*options) : options.status();
  if (channel.ok()) {
    grpc::ClientContext context;
    context.set_deadline(absl::ToChronoTime(absl::Now() + kCall));
    {
      const std::lock_guard<std::mutex> lock(mutex_);
      if (stopping_) return standing;
      under_way_ = &context;
    }
    time = requester::AskTime(*channel, &context, [this] { return rooms_.clock->Now(); });
    const std::lock_guard<std::mutex> lock(mutex_);
    under_way_ = nullptr;
    if (stopping_) return standing;
  } else {
    time = channel.status();
  }
  const std::string what = absl::StrCat("time of ", partner.agency);
  if (!time.ok()) {
    // Somebody who cannot be reached has no wrong clock; what was wrong before stays said.
    standing.says = absl::StrCat("could not be asked at ", partner.address, " (",
                                 time.status().message(), "); asked again every five minutes");
    Log(Level::kInfo, "partner's time not compared",
        {{"partner", partner.agency}, {"reason", std::string(time.status().message())}});
    return standing;
  }
  standing.due = absl::Now() + kEvery;
  standing.says = time->InWords();
  rooms_.metrics->SetGauge("partner_time_ahead_seconds", partner.agency,
                           absl::ToDoubleSeconds(time->ahead));
  rooms_.report(
      what,
      time->TooFarApart()
          ? absl::FailedPreconditionError(absl::StrCat(
                "its clock ", time->InWords(),
                ", more than two minutes apart: one of the two is wrong. Compare both with a "
                "third clock; questions may be refused and agreements end at different times"))
          : absl::OkStatus());
  return standing;
}

}  // namespace vouch::server
