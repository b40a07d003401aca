#ifndef VOUCH_SERVER_RECORDS_PARALLEL_H_
#define VOUCH_SERVER_RECORDS_PARALLEL_H_

#include <algorithm>
#include <thread>
#include <vector>

namespace vouch::server::records {

// Threads to use: `wanted`, or one for each processor when it is 0.
inline size_t ThreadCount(size_t wanted) {
  return wanted != 0 ? wanted : std::max<size_t>(1, std::thread::hardware_concurrency());
}

// Calls work(thread number) on `threads` threads, this one included, and waits for all.
template <typename Work>
void RunOnThreads(size_t threads, const Work& work) {
  std::vector<std::thread> others;
  for (size_t i = 1; i < threads; ++i) others.emplace_back([&work, i] { work(i); });
  work(0);
  for (std::thread& other : others) other.join();
}

}  // namespace vouch::server::records

#endif  // VOUCH_SERVER_RECORDS_PARALLEL_H_
