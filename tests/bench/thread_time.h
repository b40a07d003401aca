#ifndef VOUCH_TESTS_BENCH_THREAD_TIME_H_
#define VOUCH_TESTS_BENCH_THREAD_TIME_H_

namespace vouch::bench {

// CPU seconds of the calling thread: what others do to the machine hardly shows in them.
double ThreadSeconds();
// OpenSSL's variable-base P-256 multiplications in a CPU second, measured for `seconds`.
double MultiplicationsPerSecond(double seconds);

}  // namespace vouch::bench

#endif  // VOUCH_TESTS_BENCH_THREAD_TIME_H_
