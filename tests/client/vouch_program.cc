#include "tests/client/vouch_program.h"

#include <fstream>
#include <iterator>

#include "tests/paths.h"

namespace vouch::tests {

ProcessResult VouchTest::Vouch(const std::vector<std::string>& arguments,
                               const std::string& input) const {
  ProcessRun run;
  run.argv = {VOUCH_BINARY_DIR "/bin/vouch"};
  run.argv.insert(run.argv.end(), arguments.begin(), arguments.end());
  run.input = input;
  run.folder = folder_.path();
  return RunProcess(run);
}

ProcessResult VouchTest::Fine(const std::vector<std::string>& arguments,
                              const std::string& input) const {
  ProcessResult result = Vouch(arguments, input);
  EXPECT_EQ(result.exit_code, 0) << result.err << result.out;
  return result;
}

void VouchTest::Refused(const std::vector<std::string>& arguments, int exit_code,
                        const std::string& words, const std::string& input) const {
  const ProcessResult result = Vouch(arguments, input);
  EXPECT_EQ(result.exit_code, exit_code) << result.err << result.out;
  EXPECT_THAT(result.err, ::testing::HasSubstr(words));
}

void VouchTest::MakeNode(const std::string& folder, const std::string& agency) const {
  Fine({"init", folder, "--agency", agency});
}

void VouchTest::MakeFederation() const {
  MakeNode("fsa", "fsa.ed.example");
  MakeNode("irs", "irs.treasury.example");
  Fine({"partner", "export", "--node", "fsa", "--output", "of-fsa"});
  Fine({"partner", "export", "--node", "irs", "--output", "of-irs"});
  Fine({"partner", "add", "--node", "fsa", "--agency", "irs.treasury.example", "--anchors",
        "of-irs/anchors.pem", "--encryption-certificate", "of-irs/encryption.pem", "--address",
        "127.0.0.1:7444"});
  Fine({"partner", "add", "--node", "irs", "--agency", "fsa.ed.example", "--anchors",
        "of-fsa/anchors.pem", "--encryption-certificate", "of-fsa/encryption.pem"});
}

std::string VouchTest::Read(const std::string& name) const { return ReadAbsolute(Path(name)); }

std::string VouchTest::ReadAbsolute(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  return std::string(std::istreambuf_iterator<char>(file), {});
}

void VouchTest::Write(const std::string& name, const std::string& text) const {
  std::ofstream(Path(name), std::ios::binary) << text;
}

mode_t VouchTest::Mode(const std::string& name) const {
  struct stat facts;
  return stat(Path(name).c_str(), &facts) == 0 ? facts.st_mode & 07777 : 0;
}

bool VouchTest::Exists(const std::string& name) const {
  struct stat facts;
  return lstat(Path(name).c_str(), &facts) == 0;
}

}  // namespace vouch::tests
