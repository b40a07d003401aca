// vouch-tap: sits between two nodes of a test federation and writes down everything that crosses.
#include <signal.h>

#include <CLI/CLI.hpp>
#include <cstdio>
#include <fstream>
#include <iostream>
#include <sstream>
#include <string>

#include "crypto/certificate.h"
#include "tests/harness/tap/relay.h"

namespace vouch::tap {
namespace {

// CLI::ExistingFile has looked already.
std::string TextOf(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  std::ostringstream text;
  text << file.rdbuf();
  return text.str();
}

int Main(int argc, char** argv) {
  CLI::App app(
      "Relays every gRPC call to a node, ending TLS on both sides with the keys it is handed, and "
      "records metadata, messages and statuses. For test federations only: it needs both "
      "agencies' private keys.",
      "vouch-tap");
  RelayOptions options;
  std::string output, port_file, certificate, key, client_certificate, client_key,
      requester_anchors, responder_anchors;
  app.add_option("--listen", options.listen, "Where requesters connect, HOST:PORT")
      ->capture_default_str();
  app.add_option("--to", options.responder, "The node behind, HOST:PORT")->required();
  app.add_option("--output", output, "The recording to write")->required();
  app.add_option("--port-file", port_file, "Gets the port once it is taken");
  const auto file = [&app](const char* name, std::string* path, const char* about) {
    app.add_option(name, *path, about)->required()->check(CLI::ExistingFile);
  };
  file("--certificate", &certificate, "Chain shown to requesters: the node's own, PEM");
  file("--key", &key, "Its key, PEM");
  file("--requester-anchors", &requester_anchors, "Authorities of requesters, PEM");
  file("--client-certificate", &client_certificate, "Chain shown to the node: the requester's");
  file("--client-key", &client_key, "Its key, PEM");
  file("--responder-anchors", &responder_anchors, "Authorities of the node, PEM");
  CLI11_PARSE(app, argc, argv);

  sigset_t signals;
  sigemptyset(&signals);
  for (const int signal : {SIGTERM, SIGINT}) sigaddset(&signals, signal);
  pthread_sigmask(SIG_BLOCK, &signals, nullptr);
  signal(SIGPIPE, SIG_IGN);

  if (const absl::Status hardened = crypto::RequireTls13(); !hardened.ok()) {
    std::cerr << "vouch-tap: " << hardened.message() << "\n";
    return 1;
  }
  options.certificate_pem = TextOf(certificate);
  options.key_pem = TextOf(key);
  options.requester_anchors_pem = TextOf(requester_anchors);
  options.client_certificate_pem = TextOf(client_certificate);
  options.client_key_pem = TextOf(client_key);
  options.responder_anchors_pem = TextOf(responder_anchors);
  auto recording = Recording::Create(output);
  if (!recording.ok()) {
    std::cerr << "vouch-tap: " << recording.status().message() << "\n";
    return 1;
  }
  auto relay = Relay::Start(options, recording->get());
  if (!relay.ok()) {
    std::cerr << "vouch-tap: " << relay.status().message() << "\n";
    return 1;
  }
  if (!port_file.empty()) {
    const std::string beside = port_file + ".new";
    std::ofstream(beside) << (*relay)->port() << "\n";
    if (std::rename(beside.c_str(), port_file.c_str()) != 0) {
      std::perror("vouch-tap: --port-file");
      return 1;
    }
  }
  int received = 0;
  sigwait(&signals, &received);
  return 0;
}

}  // namespace
}  // namespace vouch::tap

int main(int argc, char** argv) { return vouch::tap::Main(argc, argv); }
