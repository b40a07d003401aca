#include "server/ledger_http.h"

#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/types/optional.h"

namespace vouch::server {

namespace {

constexpr size_t kLongestPath = 600;
constexpr char kCheckpoint[] = "/checkpoint";
// A tile's bytes never change; a narrow one gives way to wider ones.
constexpr char kForEver[] = "public, max-age=31536000, immutable";
constexpr char kForAnHour[] = "public, max-age=3600";

HttpAnswer Plain(int status, absl::string_view text) {
  HttpAnswer answer;
  answer.status = status;
  answer.body = absl::StrCat(text, "\n");
  return answer;
}

HttpAnswer Found(std::string body, const char* caching) {
  HttpAnswer answer;
  answer.body = std::move(body);
  answer.headers.emplace_back("Cache-Control", caching);
  return answer;
}

HttpAnswer Later() {
  HttpAnswer answer = Plain(503, "The ledger cannot be read now.");
  answer.headers.emplace_back("Retry-After", "5");
  return answer;
}

HttpAnswer Checkpoint(LedgerLog* log, const std::string& origin) {
  const absl::StatusOr<LedgerLog::Signed> head = log->Checkpoint(origin);
  return head.ok() ? Found(*head->note, "no-store") : Later();
}

// The target as it was sent: nothing that is written in another way is a path of this site.
HttpAnswer Answer(LedgerLog* log, absl::string_view path) {
  if (path.size() > kLongestPath) return Plain(404, "There is nothing here.");
  if (path == "/")
    return Found(absl::StrCat(absl::StrJoin(log->origins(), "\n"), "\n"), "no-store");
  // Logs of years that are over go on being served below their own names.
  absl::optional<std::string> origin;
  for (const std::string& one : log->origins()) {
    if (absl::StartsWith(path, absl::StrCat("/", one, "/"))) origin = one;
  }
  if (!origin.has_value()) {
    return Plain(404,
                 absl::StrCat("The ledger that is served here is below /", log->origin(), "/"));
  }
  path.remove_prefix(1 + origin->size());
  if (path == kCheckpoint) return Checkpoint(log, *origin);
  path.remove_prefix(1);
  absl::StatusOr<std::string> tile = log->File(path, /*entries=*/false, *origin);
  if (tile.ok()) {
    HttpAnswer answer =
        Found(*std::move(tile), absl::StrContains(path, ".p/") ? kForAnHour : kForEver);
    answer.type = "application/octet-stream";
    return answer;
  }
  if (absl::IsPermissionDenied(tile.status())) {
    return Plain(404,
                 "Entries are not served over HTTP: each is shown to its requester and to "
                 "oversight, by the node's Ledger service.");
  }
  if (absl::IsNotFound(tile.status()) || absl::IsInvalidArgument(tile.status()) ||
      absl::IsOutOfRange(tile.status())) {
    return Plain(404, "The ledger has no such tile.");
  }
  return Later();
}

}  // namespace

absl::StatusOr<std::unique_ptr<LedgerHttp>> LedgerHttp::Serve(const std::string& address,
                                                              LedgerLog* log) {
  PlainHttpOptions options;
  options.answer = [log](absl::string_view target) { return Answer(log, target); };
  absl::StatusOr<std::unique_ptr<PlainHttp>> site = PlainHttp::Serve(address, std::move(options));
  if (!site.ok()) {
    return absl::Status(site.status().code(),
                        absl::StrCat("the ledger: ", site.status().message()));
  }
  return std::unique_ptr<LedgerHttp>(new LedgerHttp(*std::move(site)));
}

}  // namespace vouch::server
