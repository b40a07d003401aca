// The test data files, and the names a node hands to the engine.
#ifndef VOUCH_TESTS_POLICIES_FILES_H_
#define VOUCH_TESTS_POLICIES_FILES_H_

#include <fstream>
#include <sstream>
#include <string>

#include "absl/strings/str_cat.h"
#include "gtest/gtest.h"
#include "policies/engine/agreement.h"
#include "tests/paths.h"

namespace vouch::policies {

inline std::string SourceText(const std::string& path) {
  std::ifstream in(absl::StrCat(VOUCH_SOURCE_DIR, "/", path));
  std::stringstream text;
  text << in.rdbuf();
  EXPECT_FALSE(text.str().empty()) << path;
  return text.str();
}

inline std::string FileText(const std::string& name) {
  return SourceText(absl::StrCat("tests/policies/data/", name));
}

inline KnownNames Known() {
  KnownNames known;
  known.attributes = {"social_security_number",
                      "individual_taxpayer_id",
                      "date_of_birth",
                      "given_name",
                      "family_name",
                      "middle_name",
                      "postal_code",
                      "national_id",
                      "alien_number",
                      "case_number",
                      "employer_id"};
  known.derivations = {"soundex:family_name", "soundex:given_name", "initial:given_name",
                       "year:date_of_birth"};
  known.spelling_rules = {"names/1", "nac/1"};
  return known;
}

}  // namespace vouch::policies

#endif  // VOUCH_TESTS_POLICIES_FILES_H_
