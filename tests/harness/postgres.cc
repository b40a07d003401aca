#include "tests/harness/postgres.h"

#include <fcntl.h>
#include <glob.h>
#include <grp.h>
#include <libpq-fe.h>
#include <pwd.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "absl/types/optional.h"

namespace vouch::tests {
namespace {

constexpr absl::Duration kInitialise = absl::Seconds(90);
constexpr absl::Duration kStart = absl::Seconds(60);
constexpr absl::Duration kStop = absl::Seconds(10);

// Where Debian keeps the server's programs; the newest version. Empty: nowhere.
std::string ProgramsFolder() {
  glob_t found{};
  std::string folder;
  if (glob("/usr/lib/postgresql/*/bin/initdb", 0, nullptr, &found) == 0 && found.gl_pathc > 0) {
    folder = std::filesystem::path(found.gl_pathv[found.gl_pathc - 1]).parent_path().string();
  }
  globfree(&found);
  return folder;
}

struct Account {
  bool change = false;
  uid_t user = 0;
  gid_t group = 0;
};

absl::StatusOr<Account> AccountToRunAs() {
  if (geteuid() != 0) return Account();
  const passwd* entry = getpwnam("postgres");
  if (entry == nullptr) {
    return absl::NotFoundError("there is no user postgres; run: deploy/prepare tests");
  }
  return Account{true, entry->pw_uid, entry->pw_gid};
}

// Starts a program that dies with this process. Only calls that are safe after a fork.
pid_t Spawn(const std::vector<std::string>& argv, const Account& account, const std::string& log) {
  std::vector<char*> pointers;
  for (const std::string& text : argv) pointers.push_back(const_cast<char*>(text.c_str()));
  pointers.push_back(nullptr);
  const pid_t child = fork();
  if (child != 0) return child;
  const int out = open(log.c_str(), O_WRONLY | O_CREAT | O_APPEND, 0644);
  if (out < 0 || dup2(out, 1) < 0 || dup2(out, 2) < 0) _exit(126);
  if (account.change && (setgroups(0, nullptr) != 0 || setgid(account.group) != 0 ||
                         setuid(account.user) != 0 || chdir("/") != 0)) {
    _exit(126);
  }
  if (prctl(PR_SET_PDEATHSIG, SIGQUIT) != 0 || getppid() == 1) _exit(126);
  execv(pointers[0], pointers.data());
  _exit(127);
}

// The exit code; nullopt when the time is over.
absl::optional<int> WaitFor(pid_t child, absl::Duration at_most) {
  const absl::Time end = absl::Now() + at_most;
  int status = 0;
  while (waitpid(child, &status, WNOHANG) == 0) {
    if (absl::Now() > end) return absl::nullopt;
    absl::SleepFor(absl::Milliseconds(10));
  }
  return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

}  // namespace

absl::StatusOr<std::unique_ptr<PostgresServer>> PostgresServer::Start() {
  const std::string programs = ProgramsFolder();
  if (programs.empty()) {
    return absl::NotFoundError(
        "PostgreSQL's server is not installed, and this test needs it; run: deploy/prepare tests");
  }
  std::string folder = "/tmp/vouch-postgres-XXXXXX";
  if (mkdtemp(&folder[0]) == nullptr) return absl::InternalError("no temporary folder");
  auto server = std::unique_ptr<PostgresServer>(new PostgresServer(folder));
  if (absl::Status s = server->Initialise(programs); !s.ok()) return s;
  if (absl::Status s = server->Run(programs); !s.ok()) return s;
  return server;
}

absl::Status PostgresServer::Initialise(const std::string& programs) {
  const absl::StatusOr<Account> account = AccountToRunAs();
  if (!account.ok()) return account.status();
  if (account->change && chown(folder_.c_str(), account->user, account->group) != 0) {
    return absl::InternalError("the temporary folder cannot be given to postgres");
  }
  const pid_t initdb = Spawn({programs + "/initdb", "-D", folder_ + "/data", "-U", "postgres", "-A",
                              "trust", "-E", "UTF8", "--locale=C", "--no-sync"},
                             *account, folder_ + "/log");
  const absl::optional<int> exit_code = WaitFor(initdb, kInitialise);
  if (exit_code == 0) return absl::OkStatus();
  if (!exit_code.has_value()) {
    kill(initdb, SIGKILL);
    waitpid(initdb, nullptr, 0);
  }
  return absl::InternalError(absl::StrCat("initdb failed:\n", Log()));
}

absl::Status PostgresServer::Run(const std::string& programs) {
  const absl::StatusOr<Account> account = AccountToRunAs();
  if (!account.ok()) return account.status();
  server_ = Spawn({programs + "/postgres", "-D", folder_ + "/data", "-k", folder_, "-F", "-c",
                   "listen_addresses=", "-c", "max_connections=20"},
                  *account, folder_ + "/log");
  const absl::Time end = absl::Now() + kStart;
  while (PQping(Connection().c_str()) != PQPING_OK) {
    if (waitpid(server_, nullptr, WNOHANG) == server_) {
      server_ = -1;
      return absl::InternalError(absl::StrCat("PostgreSQL ended at its start:\n", Log()));
    }
    if (absl::Now() > end) {
      return absl::DeadlineExceededError(absl::StrCat("PostgreSQL does not start:\n", Log()));
    }
    absl::SleepFor(absl::Milliseconds(20));
  }
  return absl::OkStatus();
}

PostgresServer::~PostgresServer() {
  if (server_ > 0) {
    kill(server_, SIGQUIT);  // at once: what is in it is thrown away
    if (!WaitFor(server_, kStop).has_value()) {
      kill(server_, SIGKILL);
      waitpid(server_, nullptr, 0);
    }
  }
  std::error_code ignored;
  std::filesystem::remove_all(folder_, ignored);
}

std::string PostgresServer::Connection(const std::string& database) const {
  return absl::StrCat("host=", folder_, " user=postgres dbname=", database);
}

absl::Status PostgresServer::Execute(const std::string& sql) const {
  PGconn* const connection = PQconnectdb(Connection().c_str());
  PGresult* const result = PQexec(connection, sql.c_str());
  const ExecStatusType status = PQresultStatus(result);
  const std::string message = PQerrorMessage(connection);
  PQclear(result);
  PQfinish(connection);
  if (status == PGRES_COMMAND_OK || status == PGRES_TUPLES_OK) return absl::OkStatus();
  return absl::InternalError(message);
}

std::string PostgresServer::Log() const {
  std::ifstream file(folder_ + "/log");
  return std::string((std::istreambuf_iterator<char>(file)), std::istreambuf_iterator<char>());
}

}  // namespace vouch::tests
