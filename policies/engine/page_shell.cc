#include "policies/engine/page_shell.h"

#include "absl/strings/str_cat.h"

namespace vouch::policies {

std::string PageHead(PageUse use, absl::string_view title, absl::string_view style) {
  constexpr absl::string_view kAlone =
      "<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src "
      "'unsafe-inline'; base-uri 'none'; form-action 'none'\">\n"
      "<meta name=\"referrer\" content=\"no-referrer\">\n";
  return absl::StrCat(
      "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n",
      use == PageUse::kAlone ? kAlone : absl::string_view(),
      "<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n<title>", title,
      "</title>\n<style>", style, "</style>\n</head>\n<body>\n");
}

}  // namespace vouch::policies
