// The threads that walk. gRPC's threads queue calls here and never block; a few walkers take what
// is queued, across calls, as one span: that span is the group commit.
#ifndef VOUCH_SERVER_WALKERS_H_
#define VOUCH_SERVER_WALKERS_H_

#include <condition_variable>
#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "absl/time/time.h"
#include "absl/types/span.h"
#include "server/telemetry/telemetry.h"
#include "server/verification.h"

namespace vouch::server {

inline constexpr size_t kSpan = 512;

// One call on its way. The queue calls it from walker threads; calls for one call never overlap.
class WaitingCall {
 public:
  virtual ~WaitingCall() = default;
  virtual const std::shared_ptr<const admission::AdmittedCall>& call() const = 0;
  // True once the caller has gone or its deadline has passed: what is not yet taken is dropped.
  virtual bool Abandoned() const = 0;
  // Outcomes of items first, first + 1, ...; `last` when no more follow.
  virtual void Done(uint32_t first, std::vector<Recorded> outcomes, bool last) = 0;
  // Nothing more will be walked: abandoned, or the node is stopping.
  virtual void Dropped() = 0;
};

struct WalkersOptions {
  int threads = 2;
  size_t max_items = 65536;
  size_t max_bytes = 256u << 20;
  absl::Duration linger = absl::Microseconds(300);
};

// Thread-safe. A group weighs as many subjects of a span as it has slots. Within one span single
// questions come before batches, requesters take turns, and a batch that waits always gets a part
// of the span: a single question waits for at most one span. Single questions are walked by one
// walker at a time: two would halve the spans and double the commits. For the same reason the next
// span begins when the answers of the last one are sent, or before, when it is well filled already.
class Walkers {
 public:
  // `metrics` may be null.
  Walkers(const Verification* verification, telemetry::Metrics* metrics,
          const WalkersOptions& options);
  ~Walkers();  // Stop()

  // False when the queue is full (BUSY), or three quarters of it are this requester's own; the call
  // is then not kept. A message of whom nothing waits may be larger than that.
  bool Enqueue(std::shared_ptr<WaitingCall> call);
  // Finishes what is queued, then ends the threads. Later calls are refused.
  void Stop();
  // Walks nothing more: what is queued is dropped, later calls are refused. Waits for nothing.
  void Refuse();

  struct Figures {
    size_t items = 0, bytes = 0;
  };
  Figures figures() const;

 private:
  struct Queued {
    std::shared_ptr<WaitingCall> waiting;
    uint32_t next = 0;
    size_t bytes = 0;
    size_t weight = 1;  // of each item, in subjects of a span
    // A batch part is being walked: the next part waits, so that results come in order.
    bool walking = false;
  };
  // Requesters take turns: each has a queue of its own, served round robin.
  struct Lane {
    std::map<std::string, std::deque<std::shared_ptr<Queued>>> by_requester;
    std::string last_served;
    size_t items = 0;
  };
  // What is queued or being walked, of all or of one.
  struct Held {
    size_t items = 0, bytes = 0;
  };
  struct Part {
    std::shared_ptr<Queued> queued;
    uint32_t first = 0;
    uint32_t count = 0;
  };

  void Run();
  // With mutex_ held.
  bool HasRoom(const std::string& requester, const Held& more) const;
  void Release(const Part& part, const Held& done);
  bool Takeable() const;
  void Linger(std::unique_lock<std::mutex>* lock);
  std::vector<Part> Take(bool with_singles);
  bool FullSpanWaits() const;
  // The next walk over single questions may begin.
  void EndSingles();
  void TakeFrom(Lane* lane, size_t most, std::vector<Part>* parts, size_t* taken);
  void Finish(const std::vector<Part>& parts, std::vector<Recorded> outcomes);
  // Forgets the rest of an abandoned call.
  void Drop(const Part& part);

  const Verification* const verification_;
  telemetry::Metrics* const metrics_;
  const WalkersOptions options_;
  mutable std::mutex mutex_;
  std::condition_variable ready_;       // idle walkers wait here
  std::condition_variable companions_;  // and the one that lingers here
  Lane singles_, batches_;
  Held held_;
  std::map<std::string, Held> held_of_;  // by requester; none of them nothing
  bool stopping_ = false;
  bool refusing_ = false;
  bool lingering_ = false;
  size_t worth_taking_ = 0;       // single questions that end the lingering
  bool walking_singles_ = false;  // or lingering for them
  double arrivals_per_second_ = 0;
  absl::Time last_arrival_ = absl::InfinitePast();
  std::vector<std::thread> threads_;
};

}  // namespace vouch::server

#endif  // VOUCH_SERVER_WALKERS_H_
