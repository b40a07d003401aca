// What the tests of signing and of stopping share: one agreement, its signatures and notices, and
// what the node says of them.
#ifndef VOUCH_TESTS_SERVER_AGREEMENTS_COUNTERSIGNING_H_
#define VOUCH_TESTS_SERVER_AGREEMENTS_COUNTERSIGNING_H_

#include <gtest/gtest.h>

#include <fstream>
#include <string>

#include "absl/strings/str_cat.h"
#include "server/agreements/agreements.h"
#include "tests/server/agreements/agreement_folder.h"

namespace vouch::server::agreements {

inline constexpr char kFile[] = "aid/agreement.yaml";
inline constexpr char kTaxes[] = "aid/agreement.yaml.tax.example.p7s";
inline constexpr char kAids[] = "aid/agreement.yaml.aid.example.p7s";
inline constexpr char kLoans[] = "aid/agreement.yaml.loans.example.p7s";

class CountersigningTest : public ::testing::Test {
 protected:
  void Reload() { ASSERT_TRUE(agreements_.Reload().ok()); }
  std::string Read(const std::string& name) const {
    std::ifstream in(folder_.agreements() + "/" + name, std::ios::binary);
    return std::string(std::istreambuf_iterator<char>(in), {});
  }
  policies::AgreementState State(const std::string& asker = "aid.example") const {
    const policies::HeldAgreement* held =
        agreements_.Current()->catalog->Find("aid-tax-001", folder_.now);
    EXPECT_NE(held, nullptr);
    return held == nullptr ? policies::AgreementState::kNotReady
                           : held->StateFor(asker, folder_.now);
  }
  int64_t Revision() const {
    const policies::HeldAgreement* held =
        agreements_.Current()->catalog->Find("aid-tax-001", folder_.now);
    return held == nullptr ? 0 : held->agreement.revision;
  }
  // What the node says of signatures and notices, rules and messages.
  std::string Says() const {
    std::string all;
    for (const policies::Finding& finding : agreements_.Current()->report.findings()) {
      absl::StrAppend(&all, finding.rule, ": ", finding.message, "\n");
    }
    return all;
  }
  std::string Why(int64_t revision = 1) const {
    const auto& why = agreements_.Current()->why;
    const auto found = why.find({"aid-tax-001", revision});
    return found == why.end() ? "" : found->second;
  }
  void Write(const std::string& name, const std::string& bytes) const {
    folder_.WriteFile(name, bytes);
  }
  StopNotice Stop(const std::string& party, absl::Time time = Noon()) const {
    StopNotice notice;
    notice.agreement_id = "aid-tax-001";
    notice.party = party;
    notice.time = time;
    notice.reason = "the programme ended";
    return notice;
  }
  // Signed by the officer of `signer`, or of the notice's party.
  void Give(const StopNotice& notice, const std::string& name, const std::string& signer = "") {
    const auto message = crypto::SignEnclosed(
        folder_.Officer(signer.empty() ? notice.party : signer), notice.Text(), notice.time);
    ASSERT_TRUE(message.ok()) << message.status();
    Write(name, *message);
  }

  AgreementFolder folder_;
  Agreements agreements_{folder_.Options()};
};

}  // namespace vouch::server::agreements

#endif  // VOUCH_TESTS_SERVER_AGREEMENTS_COUNTERSIGNING_H_
