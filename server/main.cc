// vouchd: one agency's node.
#include <google/protobuf/stubs/logging.h>
#include <malloc.h>
#include <signal.h>

#include <CLI/CLI.hpp>
#include <cstdio>
#include <string>

#include "absl/synchronization/mutex.h"
#include "crypto/certificate.h"
#include "crypto/fips.h"
#include "crypto/identity.h"
#include "crypto/secret.h"
#include "server/node/node_file.h"
#include "server/telemetry/telemetry.h"
#include "server/wiring.h"

namespace {

constexpr int kUsage = 2;
constexpr int kMalformedFile = 3;

int Serve(const std::string& folder, bool check_only, const vouch::server::StartChecks& checks) {
  vouch::policies::Report report;
  absl::StatusOr<vouch::server::node::NodeFile> file =
      vouch::server::node::ReadNodeFolder(folder, &report);
  if (!file.ok()) {
    std::fputs(report.ToText("").c_str(), stderr);
    std::fprintf(stderr, "vouchd: %s\n", std::string(file.status().message()).c_str());
    return kMalformedFile;
  }
  vouch::server::telemetry::SetLogLevel(file->log_level);

  if (file->fips) {
    if (const absl::Status fips = vouch::crypto::RequireFips(); !fips.ok()) {
      std::fprintf(stderr,
                   "vouchd: cannot start: node.yaml says crypto: \"fips\", and %s. Write crypto: "
                   "\"default\" to run without a validated module.\n",
                   std::string(fips.message()).c_str());
      return 1;
    }
  }

  // Blocked before gRPC makes threads, so that only sigwait below sees them.
  sigset_t signals;
  sigemptyset(&signals);
  for (int signal : {SIGTERM, SIGINT, SIGHUP}) sigaddset(&signals, signal);
  pthread_sigmask(SIG_BLOCK, &signals, nullptr);
  signal(SIGPIPE, SIG_IGN);

  auto node = vouch::server::Node::Start(*file, checks);
  if (!node.ok()) {
    std::fprintf(stderr, "vouchd: cannot start: %s\n",
                 std::string(node.status().message()).c_str());
    return 1;
  }
  std::fputs((*node)->Screen().c_str(), stdout);
  std::fflush(stdout);
  if (check_only) {
    (*node)->Drain();
    return 0;
  }
  while (true) {
    int received = 0;
    sigwait(&signals, &received);
    if (received != SIGHUP) break;
    (*node)->Reload();
  }
  (*node)->Drain();
  if (const absl::Status failed = (*node)->failed(); !failed.ok()) {
    std::fprintf(stderr, "vouchd: stopped: %s\n", std::string(failed.message()).c_str());
    return 1;
  }
  return 0;
}

}  // namespace

// What is thrown this far ends the program, as it should.
int main(int argc, char** argv) {  // NOLINT(bugprone-exception-escape)
  CLI::App app{
      "vouchd answers partner agencies' yes-or-no questions under the agreements in its "
      "folder.\n\nExample: vouchd --node /var/lib/vouch\nSIGHUP reloads agreements, keys, "
      "partners and revocation lists; SIGTERM drains and stops.\nExit codes: 0 stopped as asked, 1 "
      "cannot start or stopped by itself, 2 usage, 3 node.yaml is missing or malformed."};
  std::string folder;
  bool check_only = false;
  vouch::server::StartChecks checks;
  app.add_option("--node", folder, "the node's folder, made by `vouch init`")->required();
  app.add_flag("--check", check_only, "start, show the screen, stop");
  app.add_flag("--without-witnesses", checks.without_witnesses,
               "start although no partner can be asked whether the ledger is the latest; logged");
  app.add_flag("--without-high-water", checks.without_high_water,
               "start once although the mark of what was signed is gone, and make it anew; logged");
  app.set_version_flag("--version", VOUCH_VERSION);
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    const bool wanted = error.get_exit_code() == static_cast<int>(CLI::ExitCodes::Success);
    app.exit(error);
    return wanted ? 0 : kUsage;
  }

  // Its lines are not JSON, and a caller could fill the log with them.
  google::protobuf::SetLogHandler(nullptr);
  absl::SetMutexDeadlockDetectionMode(absl::OnDeadlockCycle::kIgnore);
  // Every span allocates and frees some hundred kilobytes: giving them back to the system and
  // getting them again, zeroed, would cost more than keeping them.
  mallopt(M_TRIM_THRESHOLD, 64 << 20);
  mallopt(M_MMAP_THRESHOLD, 32 << 20);
  for (const absl::Status& status : {vouch::crypto::HardenProcess(), vouch::crypto::RequireTls13(),
                                     vouch::crypto::CheckSpellingRules()}) {
    if (status.ok()) continue;
    std::fprintf(stderr, "vouchd: %s\n", std::string(status.message()).c_str());
    return 1;
  }
  return Serve(folder, check_only, checks);
}
