// What the files of `vouch ask` share.
#ifndef VOUCH_CLIENT_VOUCH_ASK_COMMAND_H_
#define VOUCH_CLIENT_VOUCH_ASK_COMMAND_H_

#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "client/requester/requester.h"
#include "client/vouch/console.h"
#include "policies/engine/agreement.h"

namespace vouch::client {

struct AskOptions {
  std::string folder;
  std::string agreement;
  std::string question;
  std::string purpose;
  std::vector<std::string> parameters;  // "name=value"
  std::string language = "en";
  std::string person;  // a file; empty: standard input
  std::string request_id;
  std::vector<std::string> consents;  // one for each person
  bool jws = false;
  bool json = false;
  // Many people:
  std::string input;
  std::string output;
  size_t rows_per_message = 1000;
  bool ask_again = false;
};

// "accept", "verify-independently", "ask-the-person".
absl::string_view DoName(policies::Do action);
// "0193...-....-7...": RFC 9562.
std::string UuidText(const crypto::RequestId& id);
// Value of a parameter as the question's rule for it reads it; a text when there is no such rule.
policies::ParameterValue ParameterOf(const policies::Question* question, const std::string& name,
                                     const std::string& text);
absl::StatusOr<policies::Parameters> ParametersOf(const policies::Question* question,
                                                  const std::vector<std::string>& given);

// `vouch ask --input`.
absl::StatusOr<Exit> AskMany(const AskOptions& options, requester::Requester* requester,
                             Console* console);

}  // namespace vouch::client

#endif  // VOUCH_CLIENT_VOUCH_ASK_COMMAND_H_
