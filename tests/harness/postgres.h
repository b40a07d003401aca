// A PostgreSQL server of a test's own.
#ifndef VOUCH_TESTS_HARNESS_POSTGRES_H_
#define VOUCH_TESTS_HARNESS_POSTGRES_H_

#include <sys/types.h>

#include <memory>
#include <string>

#include "absl/status/statusor.h"

namespace vouch::tests {

// In a temporary folder, reached through a socket in it, without a password. It ends with this
// object, and with the test's process however that ends. As root it runs as the user postgres,
// since PostgreSQL refuses to run as root.
class PostgresServer {
 public:
  // NotFound, with what to install, where there is no PostgreSQL server.
  static absl::StatusOr<std::unique_ptr<PostgresServer>> Start();
  PostgresServer(const PostgresServer&) = delete;
  PostgresServer& operator=(const PostgresServer&) = delete;
  ~PostgresServer();

  // A connection string of its superuser.
  std::string Connection(const std::string& database = "postgres") const;
  absl::Status Execute(const std::string& sql) const;

 private:
  explicit PostgresServer(std::string folder) : folder_(std::move(folder)) {}
  absl::Status Initialise(const std::string& programs);
  absl::Status Run(const std::string& programs);
  std::string Log() const;

  const std::string folder_;
  pid_t server_ = -1;
};

}  // namespace vouch::tests

#endif  // VOUCH_TESTS_HARNESS_POSTGRES_H_
