// A running node: the only place where concrete classes are chosen and put together.
#ifndef VOUCH_SERVER_WIRING_H_
#define VOUCH_SERVER_WIRING_H_

#include <memory>
#include <string>

#include "absl/status/statusor.h"
#include "server/node/node_file.h"
#include "server/own_checkpoints.h"

namespace vouch::server {

// Not thread-safe; the node itself uses many threads.
class Node {
 public:
  // Opens everything in the node's folder and starts to answer partners. On failure the status says
  // what to mend.
  static absl::StatusOr<std::unique_ptr<Node>> Start(const node::NodeFile& file,
                                                     const StartChecks& checks = {});
  ~Node();

  // One screen: who this is, which agreements are in force, how many people it holds, what is
  // wrong.
  std::string Screen() const;
  // Reads agreements, keys, partners' anchors and revocation lists, and records again.
  void Reload();
  // Stops taking calls, finishes what is under way within the node's drain time, writes the counted
  // refusals, closes the journal.
  void Drain();
  int port() const;
  // What made the node stop of its own accord (it then sends itself SIGTERM); OK otherwise.
  absl::Status failed() const;

 private:
  struct Parts;
  explicit Node(std::unique_ptr<Parts> parts);
  std::unique_ptr<Parts> parts_;
};

}  // namespace vouch::server

#endif  // VOUCH_SERVER_WIRING_H_
