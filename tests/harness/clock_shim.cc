// Moves the wall clock of one process: preloaded, it adds the seconds in the file that
// VOUCH_TEST_CLOCK names to CLOCK_REALTIME. The file is read again every 10 ms of real time.
#include <dlfcn.h>
#include <sys/time.h>
#include <time.h>

#include <atomic>
#include <cstdio>
#include <cstdlib>

namespace {

using ClockGettime = int (*)(clockid_t, timespec*);

int ReadRealClock(clockid_t id, timespec* out) {
  static std::atomic<ClockGettime> known{nullptr};
  ClockGettime real = known.load();
  if (real == nullptr) {
    real = reinterpret_cast<ClockGettime>(dlsym(RTLD_NEXT, "clock_gettime"));
    known.store(real);
  }
  return real(id, out);
}

long Moved() {
  static std::atomic<long> moved{0}, read_at{-1};
  timespec now{};
  ReadRealClock(CLOCK_MONOTONIC, &now);
  const long tick = now.tv_sec * 100 + now.tv_nsec / 10'000'000;
  if (read_at.exchange(tick) != tick) {
    const char* path = std::getenv("VOUCH_TEST_CLOCK");
    if (std::FILE* file = path == nullptr ? nullptr : std::fopen(path, "r")) {
      long seconds = 0;
      if (std::fscanf(file, "%ld", &seconds) == 1) moved.store(seconds);
      std::fclose(file);
    }
  }
  return moved.load();
}

}  // namespace

extern "C" {

int clock_gettime(clockid_t id, timespec* out) noexcept {
  const int result = ReadRealClock(id, out);
  if (result == 0 && (id == CLOCK_REALTIME || id == CLOCK_REALTIME_COARSE)) {
    out->tv_sec += Moved();
  }
  return result;
}

int gettimeofday(timeval* out, void*) noexcept {
  timespec now{};
  const int result = clock_gettime(CLOCK_REALTIME, &now);
  out->tv_sec = now.tv_sec;
  out->tv_usec = now.tv_nsec / 1000;
  return result;
}

time_t time(time_t* out) noexcept {
  timespec now{};
  clock_gettime(CLOCK_REALTIME, &now);
  if (out != nullptr) *out = now.tv_sec;
  return now.tv_sec;
}

}  // extern "C"
