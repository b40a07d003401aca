// The page on which an officer edits a draft: forms and text, no script.
#ifndef VOUCH_CLIENT_VOUCH_DRAFT_PAGE_H_
#define VOUCH_CLIENT_VOUCH_DRAFT_PAGE_H_

#include <string>

#include "absl/strings/string_view.h"
#include "client/vouch/draft_file.h"
#include "client/vouch/loopback_page.h"

namespace vouch::client {

// What the page shows and what its buttons do. Every call is whole in itself: nothing is kept
// between two of them but the file.
class DraftPage {
 public:
  // `people`: how many the answering agency holds, for what match keys cost. `against`: a file that
  // every draft is compared with, such as the revision in force; may be empty.
  DraftPage(DraftFile file, uint64_t people, std::string against)
      : file_(std::move(file)), people_(people), against_(std::move(against)) {}

  PageReply Answer(const PageRequest& request) const;

  // The rules of style that its pages hold, each the text of one <style>.
  static std::vector<std::string> Styles();

 private:
  // What the officer sees besides the draft: what became of the last button.
  struct Notice {
    std::string text;
    bool bad = false;
  };
  PageReply Show(const PageRequest& request, const std::string& text, const std::string& based_on,
                 const Notice& notice) const;
  PageReply Save(const PageRequest& request, const std::string& text) const;
  PageReply Printable() const;

  DraftFile file_;
  uint64_t people_;
  std::string against_;
};

}  // namespace vouch::client

#endif  // VOUCH_CLIENT_VOUCH_DRAFT_PAGE_H_
