// The built `vouch`, run as its users run it.
#ifndef VOUCH_TESTS_CLIENT_VOUCH_PROGRAM_H_
#define VOUCH_TESTS_CLIENT_VOUCH_PROGRAM_H_

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>

#include <string>
#include <vector>

#include "tests/harness/process.h"

namespace vouch::tests {

class VouchTest : public ::testing::Test {
 protected:
  // In the temporary folder, so that tests name files as people do.
  ProcessResult Vouch(const std::vector<std::string>& arguments,
                      const std::string& input = "") const;
  // The same, expected to end with 0.
  ProcessResult Fine(const std::vector<std::string>& arguments,
                     const std::string& input = "") const;
  // The same, expected to end with `exit_code` and say `words` on standard error.
  void Refused(const std::vector<std::string>& arguments, int exit_code, const std::string& words,
               const std::string& input = "") const;
  // A node of each agency, partners of each other: "fsa" asks, "irs" answers.
  void MakeNode(const std::string& folder, const std::string& agency) const;
  void MakeFederation() const;

  std::string Path(const std::string& name) const { return folder_.Path(name); }
  std::string Read(const std::string& name) const;
  static std::string ReadAbsolute(const std::string& path);
  void Write(const std::string& name, const std::string& text) const;
  mode_t Mode(const std::string& name) const;
  bool Exists(const std::string& name) const;

 private:
  TemporaryFolder folder_;
};

}  // namespace vouch::tests

#endif  // VOUCH_TESTS_CLIENT_VOUCH_PROGRAM_H_
