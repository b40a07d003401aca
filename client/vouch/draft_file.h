// One agreement file that is being edited: read, and replaced whole.
#ifndef VOUCH_CLIENT_VOUCH_DRAFT_FILE_H_
#define VOUCH_CLIENT_VOUCH_DRAFT_FILE_H_

#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"

namespace vouch::client {

class DraftFile {
 public:
  // Follows links once, so that a save does not put a file in a link's place. NotFound when there
  // is none.
  static absl::StatusOr<DraftFile> Open(const std::string& path);

  const std::string& path() const { return path_; }
  absl::StatusOr<std::string> Read() const;
  // Puts `text` in the file's place, whole or not at all. Aborted when the file's bytes are no
  // longer those of `based_on` (SHA-256, hexadecimal); FailedPrecondition when there are signatures
  // beside it: what is signed is not changed but revised.
  absl::Status Replace(const std::string& text, const std::string& based_on) const;
  // Whether NAME.<agency>.p7s lies beside it.
  bool IsSigned() const;

 private:
  explicit DraftFile(std::string path) : path_(std::move(path)) {}
  std::string path_;
};

// A file's text as a form can carry it: without a byte order mark, lines ended by LF alone, and
// every character that nobody sees written out as \u{HEX} or \xHH (tabs apart). Such a character is
// an error in any agreement, so nothing that is valid is changed by this.
std::string EditableText(const std::string& bytes);

// A form's text as a file holds it: browsers send lines ended by CR LF.
std::string SubmittedText(const std::string& text);

}  // namespace vouch::client

#endif  // VOUCH_CLIENT_VOUCH_DRAFT_FILE_H_
