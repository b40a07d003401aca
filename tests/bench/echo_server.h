// The measure of Verify: the least that a gRPC server can do over the same mutual TLS.
#ifndef VOUCH_TESTS_BENCH_ECHO_SERVER_H_
#define VOUCH_TESTS_BENCH_ECHO_SERVER_H_

#include <cstddef>
#include <string>

namespace vouch::bench {

// The callback interface, one bytes field in and one out, nothing else. Serves with the certificate
// of a node's folder, writes its port to run/echo, and returns at SIGTERM. Every answer is
// `answer_bytes` long. Returns the exit code.
int ServeEcho(const std::string& node_folder, size_t answer_bytes);

inline constexpr char kEchoPath[] = "/vouch.v1.Blinding/Evaluate";
// A serialised message for kEchoPath of exactly this size (at least 8).
std::string EchoRequest(size_t bytes);

}  // namespace vouch::bench

#endif  // VOUCH_TESTS_BENCH_ECHO_SERVER_H_
