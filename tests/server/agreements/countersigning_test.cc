// Attacks on signatures, each with what the node then says, and what signing does.
#include "tests/server/agreements/countersigning.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>

#include "absl/strings/match.h"
#include "absl/strings/str_replace.h"
#include "absl/types/variant.h"
#include "policies/engine/authorize.h"

namespace vouch::server::agreements {
namespace {

using policies::AgreementState;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

TEST_F(CountersigningTest, SignedByAllItIsInForceAndAdoptedWithItsSigners) {
  folder_.Write({});
  Reload();
  EXPECT_EQ(State(), AgreementState::kInForce);
  EXPECT_EQ(Says(), "");
  const policies::HeldAgreement& held = *agreements_.Current()->catalog->all()[0];
  ASSERT_EQ(held.signatures.size(), 3u);
  EXPECT_EQ(held.signatures[0].agency, "tax.example");
  EXPECT_EQ(held.signatures[0].signer, "CN=Officer of tax.example");
  EXPECT_EQ(held.signatures[0].role, "officer");
  EXPECT_TRUE(absl::StartsWith(held.signatures[0].key, "sha256:"));
  EXPECT_EQ(folder_.adopted["aid-tax-001"].size(), 1u);
}

// The table of attacks: what is done to a folder that was just signed, and what the node says. In
// none of them is the agreement in force for aid.example.
struct Attack {
  std::string name;
  std::function<void(AgreementFolder*)> act;
  std::string rule;
  std::string says;
};
void PrintTo(const Attack& attack, std::ostream* out) { *out << attack.name; }

class AttackTest : public CountersigningTest, public ::testing::WithParamInterface<Attack> {};

std::string ReadOf(const AgreementFolder& folder, const std::string& name) {
  std::ifstream in(folder.agreements() + "/" + name, std::ios::binary);
  return std::string(std::istreambuf_iterator<char>(in), {});
}

// A keyed hash is shared with one asker.
Terms OneAsker() {
  Terms terms;
  terms.token_kind = "keyed-hash";
  return terms;
}

std::vector<Attack> Attacks() {
  return {
      {"HalfSigned", [](AgreementFolder* f) { f->Remove(kTaxes); }, "signature/missing",
       "tax.example has not signed: there is no agreement.yaml.tax.example.p7s"},
      {"SignedByTheAnswererAlone", [](AgreementFolder* f) { f->Remove(kAids); },
       "signature/missing", "aid.example has not signed"},
      {"WrongParty", [](AgreementFolder* f) { f->WriteFile(kTaxes, ReadOf(*f, kAids)); },
       "signature/refused", "none of the officers that node.yaml lists for tax.example"},
      {"WrongBytes",
       [](AgreementFolder* f) {
         f->WriteFile(kFile,
                      absl::StrReplaceAll(ReadOf(*f, kFile), {{"count: 4,", "count: 400,"}}));
       },
       "signature/refused", "the file changed after it was signed"},
      {"OneSpaceMore", [](AgreementFolder* f) { f->WriteFile(kFile, ReadOf(*f, kFile) + "\n"); },
       "signature/refused", "the file changed after it was signed"},
      {"SignatureOfAnotherFile",
       [](AgreementFolder* f) {
         Terms other = OneAsker();
         other.id = "aid-tax-002";
         f->Write(other, "other");
         f->WriteFile(kTaxes, ReadOf(*f, "other/agreement.yaml.tax.example.p7s"));
       },
       "signature/refused", "made for other bytes"},
      {"ExpiredSigner",
       [](AgreementFolder* f) {
         f->now = Noon() + absl::Hours(24 * 365 * 4);
         Terms later = OneAsker();
         later.effective = "2031-01-01";
         later.expires = "2031-12-31";
         f->Write(later);
       },
       "signature/refused", "has expired"},
      {"SignatureStripped", [](AgreementFolder* f) { f->WriteFile(kTaxes, ""); },
       "signature/refused", "no CMS signature"},
      {"SignatureGarbage", [](AgreementFolder* f) { f->WriteFile(kTaxes, "-----BEGIN "); },
       "signature/refused", "no CMS signature"},
      {"SignatureCutShort",
       [](AgreementFolder* f) { f->WriteFile(kTaxes, ReadOf(*f, kTaxes).substr(0, 400)); },
       "signature/refused", "cut short"},
      {"EnclosedInsteadOfDetached",
       [](AgreementFolder* f) {
         f->WriteFile(kTaxes,
                      *crypto::SignEnclosed(f->Officer("tax.example"), ReadOf(*f, kFile), Noon()));
       },
       "signature/refused", "sign detached"},
  };
}
INSTANTIATE_TEST_SUITE_P(Attacks, AttackTest, ::testing::ValuesIn(Attacks()),
                         [](const auto& attack) { return attack.param.name; });

TEST_P(AttackTest, IsRefusedInPlainWordsAndTakesNothingFromWhatIsInForce) {
  folder_.Write(OneAsker());
  GetParam().act(&folder_);
  Reload();
  EXPECT_NE(State(), AgreementState::kInForce);
  EXPECT_THAT(Says(), HasSubstr(GetParam().rule));
  EXPECT_THAT(Says(), HasSubstr(GetParam().says));
  EXPECT_THAT(Why(), HasSubstr(GetParam().says));
  EXPECT_EQ(folder_.adopted.count("aid-tax-001"), 0u);
}

TEST_F(CountersigningTest, ARevokedSignerIsRefused) {
  folder_.Write({});
  AgreementsOptions options = folder_.Options();
  node::NodeFile file = folder_.Agencies();
  std::ofstream(folder_.Path("list.pem")) << folder_.Revoked("tax.example");
  file.signing.revocations = folder_.Path("list.pem");
  options.signing = SigningRules::Read(file);
  Agreements strict(std::move(options));
  ASSERT_TRUE(strict.Reload().ok());
  EXPECT_EQ(strict.Current()->catalog->all()[0]->StateAt(Noon()), AgreementState::kUnsigned);
  const auto& finding = strict.Current()->report.findings().at(0);
  EXPECT_EQ(finding.rule, "signature/refused");
  EXPECT_THAT(finding.message, HasSubstr("is revoked"));
  // After adoption a revocation is harmless.
  Reload();
  ASSERT_EQ(State(), AgreementState::kInForce);
  ASSERT_TRUE(strict.Reload().ok());
  EXPECT_EQ(strict.Current()->catalog->all()[0]->StateAt(Noon()), AgreementState::kInForce);
}

TEST_F(CountersigningTest, NobodySignsForAnAgencyOfWhichNodeYamlDoesNotSayWho) {
  folder_.Write({});
  AgreementsOptions options = folder_.Options();
  node::NodeFile file = folder_.Agencies();
  file.partners.erase(file.partners.begin());
  options.signing = SigningRules::Read(file);
  Agreements strict(std::move(options));
  ASSERT_TRUE(strict.Reload().ok());
  EXPECT_EQ(strict.Current()->catalog->all()[0]->StateFor("aid.example", Noon()),
            AgreementState::kUnsigned);
  EXPECT_THAT(strict.Current()->report.findings().at(0).message,
              HasSubstr("node.yaml does not say who signs for aid.example"));
}

TEST_F(CountersigningTest, LaterExpiryOfASignersCertificateIsHarmless) {
  Terms terms;
  terms.expires = "2032-12-31";
  folder_.Write(terms);
  Reload();
  ASSERT_EQ(State(), AgreementState::kInForce);
  folder_.now = Noon() + absl::Hours(24 * 365 * 4);
  Agreements restarted(folder_.Options());
  ASSERT_TRUE(restarted.Reload().ok());
  EXPECT_EQ(restarted.Current()->catalog->all()[0]->StateFor("aid.example", folder_.now),
            AgreementState::kInForce);
  EXPECT_THAT(restarted.Current()->report.findings(), IsEmpty());
}

TEST_F(CountersigningTest, AnAdoptedAgreementWithoutItsSignaturesIsUnsigned) {
  folder_.Write({});
  Reload();
  folder_.Remove(kTaxes);
  Reload();
  EXPECT_EQ(State(), AgreementState::kUnsigned);
  EXPECT_THAT(Says(), HasSubstr("signature/missing"));
}

TEST_F(CountersigningTest, ADamagedSignatureKeepsWhatRunsAndNotWhatStarts) {
  folder_.Write({});
  Reload();
  Write(kTaxes, Read(kTaxes).substr(0, 300));
  Reload();
  EXPECT_EQ(State(), AgreementState::kInForce);
  EXPECT_THAT(Says(), HasSubstr("signature/damaged"));
  Reload();
  EXPECT_EQ(State(), AgreementState::kInForce);
  Agreements restarted(folder_.Options());
  ASSERT_TRUE(restarted.Reload().ok());
  EXPECT_EQ(restarted.Current()->catalog->all()[0]->StateAt(Noon()), AgreementState::kUnsigned);
}

TEST_F(CountersigningTest, AHalfSignedRevisionLeavesTheOneInForce) {
  folder_.Write({}, "one");
  Reload();
  Terms second;
  second.revision = 2;
  folder_.Write(second, "two");
  folder_.Remove("two/agreement.yaml.aid.example.p7s");
  folder_.Remove("two/agreement.yaml.loans.example.p7s");
  Reload();
  EXPECT_EQ(Revision(), 1);
  EXPECT_EQ(State(), AgreementState::kInForce);
  EXPECT_THAT(Why(2), HasSubstr("aid.example has not signed"));
  folder_.Sign("two/agreement.yaml", "aid.example");
  Reload();
  EXPECT_EQ(Revision(), 2);
}

TEST_F(CountersigningTest, RollbackToALowerRevisionIsRefusedForEver) {
  Terms second;
  second.revision = 2;
  folder_.Write(second);
  Reload();
  folder_.Write({});
  Agreements restarted(folder_.Options());
  ASSERT_TRUE(restarted.Reload().ok());
  EXPECT_THAT(restarted.Current()->catalog->all(), IsEmpty());
  EXPECT_EQ(restarted.Current()->report.findings().at(0).rule, "catalog/not-adopted");
}

TEST_F(CountersigningTest, ASecondSignedFileOfARevisionIsRefusedForEverAndHarmsNothing) {
  folder_.Write({}, "one");
  Reload();
  Terms other;
  other.title = "Another text, signed by all";
  folder_.Write(other, "two");
  // Also after a restart, when nothing but the journal knows which came first.
  for (int i = 0; i < 2; ++i) {
    Agreements restarted(folder_.Options());
    ASSERT_TRUE(restarted.Reload().ok());
    ASSERT_EQ(restarted.Current()->catalog->all().size(), 1u);
    EXPECT_EQ(restarted.Current()->catalog->all()[0]->file, "one/agreement.yaml");
    const auto& finding = restarted.Current()->report.findings().at(0);
    EXPECT_EQ(finding.rule, "catalog/not-adopted");
    EXPECT_EQ(finding.file, "two/agreement.yaml");
    EXPECT_THAT(finding.message, HasSubstr("another file was adopted as revision 1"));
  }
  folder_.Remove("one");
  Reload();
  EXPECT_EQ(Revision(), 0);
}

TEST_F(CountersigningTest, EachOfSeveralAskersComesInWhenItHasSigned) {
  folder_.Write({});
  folder_.Remove(kLoans);
  Reload();
  EXPECT_EQ(State("aid.example"), AgreementState::kInForce);
  EXPECT_EQ(State("loans.example"), AgreementState::kUnsigned);
  EXPECT_THAT(Says(), HasSubstr("loans.example has not signed"));
  // Its signature is judged as a first one, although the file was adopted.
  Write(kLoans, Read(kAids));
  Reload();
  EXPECT_EQ(State("loans.example"), AgreementState::kUnsigned);
  folder_.Sign(kFile, "loans.example");
  Reload();
  EXPECT_EQ(State("loans.example"), AgreementState::kInForce);
}

class SeveralAskersTest : public CountersigningTest {
 protected:
  // The revision under which an asker is let ask with that digest; 0: none.
  static int64_t AskedUnder(const Agreements& agreements, const std::string& asker,
                            const crypto::Digest& digest) {
    const auto admitted = policies::Authorizer::Admit(*agreements.Current()->catalog, asker,
                                                      "aid-tax-001", digest, Noon());
    const auto* held = absl::get_if<const policies::HeldAgreement*>(&admitted);
    return held == nullptr ? 0 : (*held)->agreement.revision;
  }
  static Terms Revised(int revision) {
    Terms terms;
    terms.revision = revision;
    return terms;
  }
};

TEST_F(SeveralAskersTest, ARevisionTakesNothingFromAnAskerThatHasNotSignedIt) {
  const crypto::Digest first = folder_.Write({});
  Reload();
  const crypto::Digest second = folder_.Write(Revised(2), "two");
  folder_.Remove("two/agreement.yaml.loans.example.p7s");
  Reload();
  Agreements restarted(folder_.Options());
  ASSERT_TRUE(restarted.Reload().ok());
  for (const Agreements* agreements : {&agreements_, &restarted}) {
    EXPECT_EQ(AskedUnder(*agreements, "aid.example", second), 2);
    EXPECT_EQ(AskedUnder(*agreements, "aid.example", first), 0);
    EXPECT_EQ(AskedUnder(*agreements, "loans.example", first), 1);
    EXPECT_EQ(AskedUnder(*agreements, "loans.example", second), 0);
    EXPECT_EQ(AskedUnder(*agreements, "contractor.example", second), 2);
    EXPECT_EQ(AskedUnder(*agreements, "contractor.example", first), 0);
  }
  folder_.Sign("two/agreement.yaml", "loans.example");
  Reload();
  EXPECT_EQ(AskedUnder(agreements_, "loans.example", second), 2);
  EXPECT_EQ(AskedUnder(agreements_, "loans.example", first), 0);
}

TEST_F(SeveralAskersTest, ARevisionThatNamesAnAskerNoMoreEndsWhatItSignedBefore) {
  const crypto::Digest first = folder_.Write({});
  Reload();
  Terms without = Revised(2);
  without.token_kind = "keyed-hash";  // shared with one asker
  folder_.Write(without, "two");
  Reload();
  EXPECT_EQ(AskedUnder(agreements_, "loans.example", first), 0);
  // Also beneath one that names it again, and that it has not signed.
  const crypto::Digest third = folder_.Write(Revised(3), "three");
  folder_.Remove("three/agreement.yaml.loans.example.p7s");
  Reload();
  EXPECT_EQ(AskedUnder(agreements_, "aid.example", third), 3);
  EXPECT_EQ(AskedUnder(agreements_, "loans.example", first), 0);
}

TEST_F(CountersigningTest, EveryRoleNeedsASignerOfItsOwn) {
  folder_.Write({});
  node::NodeFile file = folder_.Agencies();
  const std::string tax = "CN=Officer of tax.example", aid = "CN=Officer of aid.example";
  // The one who may fill both roles is needed for the second.
  file.signing.officers = {{"program officer", {tax, aid}}, {"privacy officer", {tax}}};
  const auto rules = SigningRules::Read(file);
  const std::string text = Read(kFile);
  const auto judge = [&](const std::string& message) {
    return JudgeSignatures(*rules, "tax.example", "agreement.yaml.tax.example.p7s", text, message,
                           Noon(), false);
  };
  const JudgedAgency one = judge(Read(kTaxes));
  EXPECT_EQ(one.state, JudgedAgency::State::kIncomplete);
  EXPECT_THAT(one.missing_roles, ::testing::ElementsAre("privacy officer"));
  EXPECT_THAT(one.why, HasSubstr("the signature of the privacy officer of tax.example is missing"));
  const auto both =
      crypto::AddSignature(Read(kTaxes), folder_.Officer("aid.example"), text, Noon());
  EXPECT_TRUE(judge(*both).signed_by_all());
  // Two signatures of one person fill one role.
  file.signing.officers = {{"program officer", {tax}}, {"privacy officer", {tax}}};
  const auto strict = SigningRules::Read(file);
  EXPECT_FALSE(JudgeSignatures(*strict, "tax.example", "f", text, Read(kTaxes), Noon(), false)
                   .signed_by_all());
}

TEST_F(CountersigningTest, OnePersonWithTwoCertificatesFillsOneRole) {
  folder_.Write({});
  node::NodeFile file = folder_.Agencies();
  const std::string tax = "CN=Officer of tax.example";
  file.signing.officers = {{"program officer", {tax}}, {"privacy officer", {tax}}};
  const auto rules = SigningRules::Read(file);
  const std::string text = Read(kFile);
  const crypto::DocumentSigner another = folder_.Another("tax.example");
  ASSERT_NE(another.certificate().public_key_fingerprint,
            folder_.Officer("tax.example").certificate().public_key_fingerprint);
  const auto both = crypto::AddSignature(Read(kTaxes), another, text, Noon());
  ASSERT_TRUE(both.ok()) << both.status();
  const JudgedAgency judged =
      JudgeSignatures(*rules, "tax.example", "f", text, *both, Noon(), false);
  EXPECT_FALSE(judged.signed_by_all());
  EXPECT_EQ(judged.missing_roles.size(), 1u);
  EXPECT_THAT(judged.why, HasSubstr("the same person or key signed twice"));
}

TEST_F(CountersigningTest, ASignatureForNoPartyIsPointedOut) {
  folder_.Write({});
  Write("aid/agreement.yaml.other.example.p7s", Read(kAids));
  Reload();
  EXPECT_EQ(State(), AgreementState::kInForce);
  EXPECT_THAT(Says(), HasSubstr("signature/no-party"));
}

TEST_F(CountersigningTest, ASignersCertificateThatIsNotValidYetIsLookedAtAgain) {
  folder_.Write({});
  folder_.now = Noon() - absl::Hours(24 * 366);
  Reload();
  EXPECT_THAT(Says(), HasSubstr("not valid yet"));
  folder_.now += absl::Seconds(31);
  EXPECT_TRUE(agreements_.Changed());
}

}  // namespace
}  // namespace vouch::server::agreements
