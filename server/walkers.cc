#include "server/walkers.h"

#include <algorithm>
#include <chrono>
#include <utility>

namespace vouch::server {

namespace {

// What a waiting batch gets of every span even under a flood of single questions.
constexpr size_t kBatchShare = kSpan / 4;
// So many single questions are a span that gains nothing by waiting for more.
constexpr size_t kWorthOverlapping = kSpan / 2;
// One part in so many of the queue is left to others: whoever asks much is BUSY before they are.
constexpr size_t kLeftToOthers = 4;
// Below this many expected companions a single answer is not worth keeping waiting.
constexpr double kWorthLingering = 1.0;

size_t BytesOf(const admission::AdmittedCall& call) {
  const admission::Request& request = call.request();
  size_t bytes = 512 + request.agreement_id.size() + request.question.size() +
                 request.purpose.size() + request.request_id.size();
  for (const admission::RequestedItem& item : request.items) {
    // Parameters are kept twice: as they are asked about, and as they are hashed.
    bytes += 256 + item.tokens.size() + item.consents.size() +
             2 * item.canonical_parameters.size() + 128 * item.parameters.size();
  }
  return bytes;
}

}  // namespace

Walkers::Walkers(const Verification* verification, telemetry::Metrics* metrics,
                 const WalkersOptions& options)
    : verification_(verification), metrics_(metrics), options_(options) {
  for (int i = 0; i < options.threads; ++i) threads_.emplace_back([this] { Run(); });
}

Walkers::~Walkers() { Stop(); }

void Walkers::Stop() {
  {
    std::lock_guard<std::mutex> lock(mutex_);
    stopping_ = true;
  }
  ready_.notify_all();
  companions_.notify_all();
  for (std::thread& thread : threads_) {
    if (thread.joinable()) thread.join();
  }
}

void Walkers::Refuse() {
  const std::lock_guard<std::mutex> lock(mutex_);
  refusing_ = true;
}

bool Walkers::Enqueue(std::shared_ptr<WaitingCall> call) {
  const admission::AdmittedCall& admitted = *call->call();
  const size_t items = admitted.request().items.size();
  auto queued = std::make_shared<Queued>();
  queued->bytes = BytesOf(admitted);
  queued->weight = std::min(verification_->SlotsEach(admitted), kSpan / 8);
  queued->waiting = std::move(call);
  {
    std::lock_guard<std::mutex> lock(mutex_);
    if (stopping_ || refusing_ || !HasRoom(admitted.requester(), {items, queued->bytes})) {
      return false;
    }
    for (Held* held : {&held_, &held_of_[admitted.requester()]}) {
      held->items += items;
      held->bytes += queued->bytes;
    }
    Lane& lane = admitted.request().is_batch ? batches_ : singles_;
    lane.items += items;
    const absl::Time now = absl::Now();
    const double gap = std::max(1e-7, absl::ToDoubleSeconds(now - last_arrival_));
    last_arrival_ = now;
    arrivals_per_second_ += (1 / gap - arrivals_per_second_) * std::min(1.0, gap / 0.01);
    lane.by_requester[admitted.requester()].push_back(std::move(queued));
    // A walker is woken when there is something for it to do, and not for every call.
    if (lingering_) {
      if (singles_.items < worth_taking_ && batches_.items == 0) return true;
      companions_.notify_one();
    }
    if (!Takeable()) return true;
  }
  ready_.notify_one();
  return true;
}

Walkers::Figures Walkers::figures() const {
  std::lock_guard<std::mutex> lock(mutex_);
  return {held_.items, held_.bytes};
}

bool Walkers::HasRoom(const std::string& requester, const Held& more) const {
  const auto within = [&more](const Held& held, size_t items, size_t bytes) {
    return held.items + more.items <= items && held.bytes + more.bytes <= bytes;
  };
  if (!within(held_, options_.max_items, options_.max_bytes)) return false;
  const auto own = held_of_.find(requester);
  return own == held_of_.end() ||
         within(own->second, options_.max_items - options_.max_items / kLeftToOthers,
                options_.max_bytes - options_.max_bytes / kLeftToOthers);
}

void Walkers::Release(const Part& part, const Held& done) {
  const auto own = held_of_.find(part.queued->waiting->call()->requester());
  for (Held* held : {&held_, &own->second}) {
    held->items -= done.items;
    held->bytes -= done.bytes;
  }
  if (own->second.items == 0) held_of_.erase(own);
}

void Walkers::TakeFrom(Lane* lane, size_t most, std::vector<Part>* parts, size_t* taken) {
  // One call of each requester in turn, beginning after the one served last.
  size_t idle_turns = 0;
  while (most > 0 && !lane->by_requester.empty() && idle_turns < lane->by_requester.size()) {
    auto turn = lane->by_requester.upper_bound(lane->last_served);
    if (turn == lane->by_requester.end()) turn = lane->by_requester.begin();
    lane->last_served = turn->first;
    std::deque<std::shared_ptr<Queued>>& queue = turn->second;
    // Parts of one call go one after another; a later call of the same requester need not wait.
    auto free = std::find_if(queue.begin(), queue.end(),
                             [](const std::shared_ptr<Queued>& call) { return !call->walking; });
    if (free == queue.end()) {
      ++idle_turns;
      continue;
    }
    // What no longer fits waits for the next span, where it comes first or fits.
    const std::shared_ptr<Queued> queued = *free;
    if (queued->weight > most && *taken > 0) {
      ++idle_turns;
      continue;
    }
    idle_turns = 0;
    const size_t left = queued->waiting->call()->request().items.size() - queued->next;
    const size_t count = std::min(left, std::max<size_t>(1, most / queued->weight));
    parts->push_back({queued, queued->next, static_cast<uint32_t>(count)});
    queued->next += static_cast<uint32_t>(count);
    queued->walking = true;
    lane->items -= count;
    most -= std::min(most, count * queued->weight);
    *taken += count * queued->weight;
    if (count == left) {
      queue.erase(free);
      if (queue.empty()) lane->by_requester.erase(turn);
    }
  }
}

bool Walkers::Takeable() const {
  return batches_.items > 0 || (singles_.items > 0 && !walking_singles_);
}

std::vector<Walkers::Part> Walkers::Take(bool with_singles) {
  std::vector<Part> parts;
  size_t taken = 0;
  // Room for any one item, however many slots it has: the rest is given back to single questions.
  const size_t for_batches = batches_.items > 0 ? kBatchShare : 0;
  if (with_singles) TakeFrom(&singles_, kSpan - for_batches, &parts, &taken);
  if (taken < kSpan) TakeFrom(&batches_, kSpan - taken, &parts, &taken);
  if (with_singles && taken < kSpan) TakeFrom(&singles_, kSpan - taken, &parts, &taken);
  return parts;
}

void Walkers::Linger(std::unique_lock<std::mutex>* lock) {
  const double expected = arrivals_per_second_ * absl::ToDoubleSeconds(options_.linger);
  if (stopping_ || expected < kWorthLingering || batches_.items > 0) return;
  // Enough companions for the present rate end the wait early.
  const size_t enough = static_cast<size_t>(std::min(expected, 64.0)) + 1;
  if (singles_.items >= enough) return;
  lingering_ = true;
  worth_taking_ = enough;
  const auto until = std::chrono::steady_clock::now() + absl::ToChronoMicroseconds(options_.linger);
  companions_.wait_until(
      *lock, until, [&] { return stopping_ || singles_.items >= enough || batches_.items > 0; });
  lingering_ = false;
}

void Walkers::Run() {
  std::unique_lock<std::mutex> lock(mutex_);
  while (true) {
    ready_.wait(
        lock, [this] { return Takeable() || (stopping_ && singles_.items + batches_.items == 0); });
    if (!Takeable()) {
      ready_.notify_all();
      return;
    }
    const bool with_singles = singles_.items > 0 && !walking_singles_;
    if (with_singles) {
      walking_singles_ = true;
      Linger(&lock);
    }
    std::vector<Part> parts = Take(with_singles);
    if (parts.empty()) {
      if (with_singles) walking_singles_ = false;
      // All that is left belongs to calls another walker is busy with: its Finish wakes us.
      ready_.wait_for(lock, std::chrono::milliseconds(1));
      continue;
    }
    const bool refusing = refusing_;
    lock.unlock();

    std::vector<Subject> span;
    std::vector<Part> walked;
    for (Part& part : parts) {
      if (refusing || part.queued->waiting->Abandoned()) {
        Drop(part);
        continue;
      }
      for (uint32_t i = 0; i < part.count; ++i) {
        span.push_back({part.queued->waiting->call(), part.first + i});
      }
      walked.push_back(std::move(part));
    }
    if (!span.empty()) {
      const absl::Time began = absl::Now();
      std::vector<Recorded> outcomes = verification_->Walk(span);
      if (metrics_ != nullptr) metrics_->Walked(span.size(), absl::Now() - began);
      const bool overlaps = with_singles && FullSpanWaits();
      if (overlaps) EndSingles();
      Finish(walked, std::move(outcomes));
      if (with_singles && !overlaps) EndSingles();
    } else if (with_singles) {
      EndSingles();
    }
    lock.lock();
  }
}

bool Walkers::FullSpanWaits() const {
  const std::lock_guard<std::mutex> lock(mutex_);
  return singles_.items >= kWorthOverlapping;
}

void Walkers::EndSingles() {
  {
    const std::lock_guard<std::mutex> lock(mutex_);
    walking_singles_ = false;
    if (!Takeable() && !stopping_) return;
  }
  ready_.notify_one();
}

// Outcomes are in the order of the parts.
void Walkers::Finish(const std::vector<Part>& parts, std::vector<Recorded> outcomes) {
  auto next = std::make_move_iterator(outcomes.begin());
  for (const Part& part : parts) {
    Queued& queued = *part.queued;
    const bool last = part.first + part.count == queued.waiting->call()->request().items.size();
    const auto end = next + part.count;
    std::vector<Recorded> own(next, end);
    next = end;
    queued.waiting->Done(part.first, std::move(own), last);
  }
  {
    std::lock_guard<std::mutex> lock(mutex_);
    for (const Part& part : parts) {
      Queued& queued = *part.queued;
      const bool last = part.first + part.count == queued.waiting->call()->request().items.size();
      queued.walking = false;
      Release(part, {part.count, last ? queued.bytes : 0});
    }
    if (!Takeable() && !stopping_) return;
  }
  ready_.notify_all();
}

void Walkers::Drop(const Part& part) {
  Queued& queued = *part.queued;
  queued.waiting->Dropped();
  const admission::AdmittedCall& call = *queued.waiting->call();
  const size_t left = call.request().items.size() - queued.next;
  std::lock_guard<std::mutex> lock(mutex_);
  Release(part, {part.count + left, queued.bytes});
  if (left == 0) return;
  Lane& lane = call.request().is_batch ? batches_ : singles_;
  lane.items -= left;
  auto lane_queue = lane.by_requester.find(call.requester());
  std::deque<std::shared_ptr<Queued>>& queue = lane_queue->second;
  queue.erase(std::find(queue.begin(), queue.end(), part.queued));
  if (queue.empty()) lane.by_requester.erase(lane_queue);
}

}  // namespace vouch::server
