// A load client for unary gRPC calls that costs about as little as h2load (nghttp2): one thread,
// HTTP/2 frames written by hand, every call with a body of its own. h2load itself cannot be used
// for Verify: it repeats one body, and a repeated request id is a replay and no question.
#ifndef VOUCH_TESTS_BENCH_LOAD_CLIENT_H_
#define VOUCH_TESTS_BENCH_LOAD_CLIENT_H_

#include <cstdint>
#include <string>
#include <vector>

#include "absl/status/statusor.h"

namespace vouch::bench {

struct LoadOptions {
  int port = 0;             // on 127.0.0.1
  std::string path;         // "/vouch.v1.Verification/Verify"
  std::string certificate;  // paths of PEM files
  std::string key;
  std::string anchors;
  int connections = 4;
  int in_flight = 256;          // over all connections
  double calls_per_second = 0;  // 0: as many as `in_flight` allows
};

struct LoadResult {
  uint64_t answered = 0;      // calls that ended with a message
  uint64_t failed = 0;        // calls that ended without one
  std::string first_failure;  // what can be read of the first one's trailers
  uint32_t answer_bytes = 0;  // of one message
  double seconds = 0;
  // From when the call was due to its end, in microseconds, in order of ending.
  std::vector<double> latencies;
};

// One call for each body (a serialised message), in order. Unavailable when the server cannot be
// reached or ends the connection.
absl::StatusOr<LoadResult> RunLoad(const LoadOptions& options,
                                   const std::vector<std::string>& bodies);

}  // namespace vouch::bench

#endif  // VOUCH_TESTS_BENCH_LOAD_CLIENT_H_
