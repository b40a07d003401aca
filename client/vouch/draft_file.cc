#include "client/vouch/draft_file.h"

#include <sys/stat.h>

#include <climits>
#include <cstdlib>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_replace.h"
#include "absl/strings/str_split.h"
#include "absl/strings/strip.h"
#include "client/vouch/agreement_source.h"
#include "crypto/digest.h"
#include "crypto/keys.h"
#include "policies/engine/explain/html_page.h"
#include "server/node/folders.h"

namespace vouch::client {

namespace node = server::node;

absl::StatusOr<DraftFile> DraftFile::Open(const std::string& path) {
  std::string resolved(PATH_MAX, '\0');
  if (realpath(path.c_str(), resolved.data()) == nullptr) {
    return absl::NotFoundError(absl::StrCat(path, ": there is no such file"));
  }
  resolved.resize(resolved.find('\0'));
  DraftFile file(std::move(resolved));
  if (absl::StatusOr<std::string> text = file.Read(); !text.ok()) return text.status();
  return file;
}

absl::StatusOr<std::string> DraftFile::Read() const { return node::ReadText(path_); }

bool DraftFile::IsSigned() const {
  const std::string folder = FolderOf(path_);
  const std::string name = absl::StrCat(path_.substr(folder.size()), ".");
  for (const std::string& beside : node::NamesIn(folder)) {
    if (absl::StartsWith(beside, name) && absl::EndsWith(beside, ".p7s")) return true;
  }
  return false;
}

absl::Status DraftFile::Replace(const std::string& text, const std::string& based_on) const {
  if (IsSigned()) {
    return absl::FailedPreconditionError(
        "it is signed: signatures lie beside the file, and any change would make them void. Make "
        "the next revision instead (vouch agreement revise)");
  }
  const absl::StatusOr<std::string> now = Read();
  if (!now.ok()) return now.status();
  if (crypto::Hex(crypto::Sha256(*now)) != based_on) {
    return absl::AbortedError(
        "the file was changed on disk since this page was opened. Copy your text, open the page "
        "again, and put your changes in there");
  }
  const absl::StatusOr<mode_t> mode = node::ModeOf(path_);
  if (!mode.ok()) return mode.status();
  return crypto::ReplaceFile(path_, text, (*mode & 077) == 0);
}

std::string EditableText(const std::string& bytes) {
  absl::string_view text = bytes;
  absl::ConsumePrefix(&text, "\xEF\xBB\xBF");
  std::vector<std::string> lines;
  for (absl::string_view line : absl::StrSplit(text, '\n')) {
    absl::ConsumeSuffix(&line, "\r");
    std::vector<std::string> between_tabs;
    for (const absl::string_view part : absl::StrSplit(line, '\t')) {
      between_tabs.push_back(policies::explain::Visible(part));
    }
    lines.push_back(absl::StrJoin(between_tabs, "\t"));
  }
  return absl::StrJoin(lines, "\n");
}

std::string SubmittedText(const std::string& text) {
  return absl::StrReplaceAll(absl::StrReplaceAll(text, {{"\r\n", "\n"}}), {{"\r", "\n"}});
}

}  // namespace vouch::client
