// Calls that wait for a thread of their own, because answering them may touch the disk. Callers
// take turns, and each may have so many waiting: whoever asks much waits for itself.
#ifndef VOUCH_SERVER_CALL_QUEUE_H_
#define VOUCH_SERVER_CALL_QUEUE_H_

#include <condition_variable>
#include <deque>
#include <functional>
#include <map>
#include <mutex>
#include <string>
#include <thread>
#include <utility>
#include <vector>

namespace vouch::server {

// Thread-safe.
class CallQueue {
 public:
  // At most `most_each` of one caller wait, and `most` of all; of a caller of whom none waits, one
  // always may, so callers must be bounded in number.
  CallQueue(int workers, size_t most, size_t most_each) : most_(most), most_each_(most_each) {
    for (int i = 0; i < workers; ++i) workers_.emplace_back([this] { Run(); });
  }
  ~CallQueue() { Stop(); }
  CallQueue(const CallQueue&) = delete;

  // False when the queue is full or stopped; then the call is not made.
  bool Add(const std::string& caller, std::function<void()> call) {
    {
      const std::lock_guard<std::mutex> lock(mutex_);
      const auto own = waiting_.find(caller);
      const size_t of_own = own == waiting_.end() ? 0 : own->second.size();
      if (stopping_ || of_own >= most_each_ || (of_own > 0 && count_ >= most_)) return false;
      waiting_[caller].push_back(std::move(call));
      ++count_;
    }
    ready_.notify_one();
    return true;
  }
  // Finishes what is queued.
  void Stop() {
    {
      const std::lock_guard<std::mutex> lock(mutex_);
      stopping_ = true;
    }
    ready_.notify_all();
    for (std::thread& worker : workers_) {
      if (worker.joinable()) worker.join();
    }
  }

 private:
  // One of the caller after the one served last.
  std::function<void()> Take() {
    auto turn = waiting_.upper_bound(last_served_);
    if (turn == waiting_.end()) turn = waiting_.begin();
    std::function<void()> call = std::move(turn->second.front());
    last_served_ = turn->first;
    turn->second.pop_front();
    if (turn->second.empty()) waiting_.erase(turn);
    --count_;
    return call;
  }
  void Run() {
    std::unique_lock<std::mutex> lock(mutex_);
    while (true) {
      ready_.wait(lock, [this] { return stopping_ || count_ > 0; });
      if (count_ == 0) return;
      {
        const std::function<void()> call = Take();
        lock.unlock();
        call();
      }
      lock.lock();
    }
  }

  const size_t most_, most_each_;
  std::mutex mutex_;
  std::condition_variable ready_;
  std::map<std::string, std::deque<std::function<void()>>> waiting_;  // none of them empty
  size_t count_ = 0;
  std::string last_served_;
  bool stopping_ = false;
  std::vector<std::thread> workers_;
};

}  // namespace vouch::server

#endif  // VOUCH_SERVER_CALL_QUEUE_H_
