// Moves the wall clock of one process: preloaded, it adds the seconds in the file that
// VOUCH_TEST_CLOCK names to CLOCK_REALTIME. The file is read again every 10 ms of real time.
#define _GNU_SOURCE
#include <dlfcn.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/time.h>
#include <time.h>

typedef int (*ClockGettime)(clockid_t, struct timespec*);

static ClockGettime Real(void) {
  static _Atomic(ClockGettime) real;
  ClockGettime found = atomic_load(&real);
  if (found == NULL) {
    found = (ClockGettime)dlsym(RTLD_NEXT, "clock_gettime");
    atomic_store(&real, found);
  }
  return found;
}

static long Moved(void) {
  static atomic_long moved, read_at = -1;
  struct timespec now;
  Real()(CLOCK_MONOTONIC, &now);
  const long tick = now.tv_sec * 100 + now.tv_nsec / 10000000;
  if (atomic_exchange(&read_at, tick) != tick) {
    const char* path = getenv("VOUCH_TEST_CLOCK");
    FILE* file = path == NULL ? NULL : fopen(path, "r");
    if (file != NULL) {
      long seconds = 0;
      if (fscanf(file, "%ld", &seconds) == 1) atomic_store(&moved, seconds);
      fclose(file);
    }
  }
  return atomic_load(&moved);
}

int clock_gettime(clockid_t id, struct timespec* out) {
  const int result = Real()(id, out);
  if (result == 0 && (id == CLOCK_REALTIME || id == CLOCK_REALTIME_COARSE)) {
    out->tv_sec += Moved();
  }
  return result;
}

int gettimeofday(struct timeval* out, void* zone) {
  (void)zone;
  struct timespec now;
  const int result = clock_gettime(CLOCK_REALTIME, &now);
  out->tv_sec = now.tv_sec;
  out->tv_usec = now.tv_nsec / 1000;
  return result;
}

time_t time(time_t* out) {
  struct timespec now;
  clock_gettime(CLOCK_REALTIME, &now);
  if (out != NULL) *out = now.tv_sec;
  return now.tv_sec;
}
