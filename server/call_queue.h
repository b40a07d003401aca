// Calls that wait for a thread of their own, because answering them may touch the disk: bounded by
// number, first come first served.
#ifndef VOUCH_SERVER_CALL_QUEUE_H_
#define VOUCH_SERVER_CALL_QUEUE_H_

#include <condition_variable>
#include <deque>
#include <functional>
#include <mutex>
#include <thread>
#include <vector>

namespace vouch::server {

// Thread-safe.
class CallQueue {
 public:
  CallQueue(int workers, size_t most) : most_(most) {
    for (int i = 0; i < workers; ++i) workers_.emplace_back([this] { Run(); });
  }
  ~CallQueue() { Stop(); }
  CallQueue(const CallQueue&) = delete;

  // False when the queue is full or stopped; then the call is not made.
  bool Add(std::function<void()> call) {
    {
      const std::lock_guard<std::mutex> lock(mutex_);
      if (stopping_ || waiting_.size() >= most_) return false;
      waiting_.push_back(std::move(call));
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
  void Run() {
    std::unique_lock<std::mutex> lock(mutex_);
    while (true) {
      ready_.wait(lock, [this] { return stopping_ || !waiting_.empty(); });
      if (waiting_.empty()) return;
      const std::function<void()> call = std::move(waiting_.front());
      waiting_.pop_front();
      lock.unlock();
      call();
      lock.lock();
    }
  }

  const size_t most_;
  std::mutex mutex_;
  std::condition_variable ready_;
  std::deque<std::function<void()>> waiting_;
  bool stopping_ = false;
  std::vector<std::thread> workers_;
};

}  // namespace vouch::server

#endif  // VOUCH_SERVER_CALL_QUEUE_H_
