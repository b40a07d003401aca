// Fills in a built-in template: the few things it needs, each checked at once by the reader itself.
#ifndef VOUCH_CLIENT_VOUCH_AGREEMENT_FILLING_H_
#define VOUCH_CLIENT_VOUCH_AGREEMENT_FILLING_H_

#include <map>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "policies/engine/source.h"

namespace vouch::client {

struct TemplateName {
  std::string name;   // "income-for-student-aid"
  std::string about;  // its first lines, in a sentence or two
};
std::vector<TemplateName> TemplateNames();

// One thing to fill in.
struct Blank {
  std::string key;           // in an answers file: "asks"
  std::string prompt;        // "Who asks? The agency's name, such as fsa.ed.example"
  std::string path;          // in agreement.yaml
  std::string present = "";  // what the template says
  // The template's own will not do: whose answer it is has to be said.
  bool must = false;
  // May be left open with "later": the template's zeros stay, and nothing can be asked until then.
  bool later = false;
};

// The files of one template under way. Comments and order stay as they are.
class Filling {
 public:
  // NotFound, with the nearest name, when there is no such template.
  static absl::StatusOr<Filling> Begin(absl::string_view template_name);

  // In the order in which they are asked. `present` is what stands there now.
  std::vector<Blank> Blanks() const;

  // Puts an answer in. What the reader has against it comes back, in its own words, and then
  // nothing has changed; empty when it is in.
  std::vector<policies::Finding> Set(const Blank& blank, const std::string& answer);

  // By name: agreement.yaml, facts.yaml, cases.yaml, mapping.yaml, schema/... . Pins are those of
  // the files as they are, and the generated cases those of the agreement as it is. Findings are
  // the whole agreement's; the files are not to be used when any is an error.
  std::map<std::string, std::string> Files(policies::Report* report) const;

 private:
  Filling() = default;
  std::string Text(const std::string& name) const;

  std::map<std::string, std::string> files_;
  std::string asks_;
  std::string answers_;
};

// `text` with the scalar at `path` replaced: quoted where it was quoted. Unchanged when there is
// none.
std::string WithScalar(const std::string& text, absl::string_view path, absl::string_view value);

}  // namespace vouch::client

#endif  // VOUCH_CLIENT_VOUCH_AGREEMENT_FILLING_H_
