// A page for the person in front of this machine, and for nobody else: served on loopback, under an
// address that cannot be guessed, and deaf to what other sites make a browser send.
#ifndef VOUCH_CLIENT_VOUCH_LOOPBACK_PAGE_H_
#define VOUCH_CLIENT_VOUCH_LOOPBACK_PAGE_H_

#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/statusor.h"

namespace vouch::client {

struct PageRequest {
  std::string page;  // "" or the name behind the secret, such as "print"
  // A form's fields, when one was sent; the token among them was checked.
  bool submitted = false;
  std::map<std::string, std::string> fields;
  // To be sent back in the field "token" by the forms of the reply.
  std::string token;
};
struct PageReply {
  int status = 200;
  std::string html;
  bool end = false;  // stop serving once this reply is out
};

// What is served: GET and POST (multipart/form-data, at most 1 MiB) of
// http://127.0.0.1:PORT/SECRET/ and the pages below it. Refused with 403, before a byte of the body
// is read:
//   - a Host that is not 127.0.0.1, localhost or [::1] with our port (a name that was bound anew to
//     loopback, "DNS rebinding");
//   - Sec-Fetch-Site other than same-origin (or, for GET, none: typed, or a bookmark);
//   - a POST whose Origin is not that of the Host.
// Refused after: a form without one of the last 64 tokens given out. Everything else is 404.
// Every reply forbids scripts, frames, foreign forms, caching and referrers to other sites.
class LoopbackPage {
 public:
  // Called from one thread at a time.
  using Handler = std::function<PageReply(const PageRequest&)>;

  // Binds 127.0.0.1 and the port, 0 for any that is free. `styles`: the texts of the <style>
  // elements the replies may hold.
  static absl::StatusOr<std::unique_ptr<LoopbackPage>> Open(int port,
                                                            const std::vector<std::string>& styles,
                                                            Handler handler);
  virtual ~LoopbackPage() = default;

  // "http://127.0.0.1:43210/SECRET/"
  virtual const std::string& address() const = 0;
  // Until a reply says `end`, or SIGINT or SIGTERM comes.
  virtual void Serve() = 0;
};

}  // namespace vouch::client

#endif  // VOUCH_CLIENT_VOUCH_LOOPBACK_PAGE_H_
