#include "policies/engine/authorize.h"

#include <fstream>
#include <functional>
#include <ostream>
#include <set>
#include <sstream>
#include <string>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"
#include "gtest/gtest.h"
#include "tests/paths.h"
#include "tests/policies/conditions.h"

namespace vouch::policies {
namespace {

std::string FileBytes(absl::string_view name) {
  std::ifstream in(absl::StrCat(VOUCH_SOURCE_DIR "/tests/policies/data/authorize/", name),
                   std::ios::binary);
  std::ostringstream bytes;
  bytes << in.rdbuf();
  return bytes.str();
}

FileDigest Filled(uint8_t byte) {
  FileDigest digest;
  digest.fill(byte);
  return digest;
}

std::shared_ptr<const Catalog> Build(bool as_if_signed) {
  Catalog::Options options;
  options.known.attributes = {"social_security_number", "date_of_birth", "given_name",
                              "family_name"};
  options.known.spelling_rules = {"names/1"};
  options.agency = "tax.example";
  options.as_if_signed = as_if_signed;
  const std::string agreement = FileBytes("agreement.yaml");
  Report report;
  std::shared_ptr<const Catalog> catalog =
      Catalog::Build({{"aid/agreement.yaml", agreement, Filled(0x22)},
                      {"aid/facts.yaml", FileBytes("facts.yaml"), Filled(0x11)}},
                     options, nullptr, ReferenceTables(), &report);
  EXPECT_FALSE(report.HasErrors()) << report.ToText(agreement);
  return catalog;
}

// Reading the files takes longer than a test that builds a thousand requests
// should.
const std::shared_ptr<const Catalog> &Signed() {
  static const auto *const kSigned = new std::shared_ptr<const Catalog>(Build(true));
  return *kSigned;
}
const std::shared_ptr<const Catalog> &Unsigned() {
  static const auto *const kUnsigned = new std::shared_ptr<const Catalog>(Build(false));
  return *kUnsigned;
}

// A request to which the agreement has no objection, its parts open to be
// spoilt.
struct Request {
  std::shared_ptr<const Catalog> catalog = Signed();
  std::string requester = "aid.example";
  std::string agreement_id = "aid-tax-001";
  std::vector<uint8_t> digest = std::vector<uint8_t>(32, 0x22);
  std::string question = "income-small";
  std::string purpose = "eligibility";
  Parameters parameters = {{"household_size", int64_t{4}}, {"region", std::string("north")}};
  size_t members = 1;
  size_t member_count = 1;
  size_t tokens = 2;
  size_t consents = 1;
  bool zero_token_subject = false;
  std::string token_bytes, consent_bytes;
  bool jws_receipt = false;
  absl::Time now = absl::FromCivil(absl::CivilDay(2027, 6, 1), absl::UTCTimeZone());

  absl::variant<Permit, Refusal> Authorize(GateObserver *observer = nullptr) const {
    Asked asked;
    asked.requester = requester;
    asked.agreement_id = agreement_id;
    asked.digest = digest;
    asked.question = question;
    asked.purpose = purpose;
    asked.parameters = &parameters;
    asked.members = members;
    asked.member_count = member_count;
    asked.tokens = tokens;
    asked.consents = consents;
    asked.zero_token_subject = zero_token_subject;
    asked.token_bytes = token_bytes;
    asked.consent_bytes = consent_bytes;
    asked.jws_receipt = jws_receipt;
    return Authorizer::Authorize(catalog, asked, now, observer);
  }
  bool Permitted() const { return absl::holds_alternative<Permit>(Authorize()); }
  Refusal Refused() const {
    const absl::variant<Permit, Refusal> result = Authorize();
    if (absl::holds_alternative<Refusal>(result)) return absl::get<Refusal>(result);
    ADD_FAILURE() << "was permitted";
    return Refusal();
  }
};

// One thing wrong with a request. Faults are listed in the order in which
// they must be found; two with the same `part` cannot occur together.
struct Fault {
  const char *name;
  const char *part;
  Reason reason;
  const char *field;
  std::function<void(Request *)> spoil;
};
std::ostream &operator<<(std::ostream &out, const Fault &fault) { return out << fault.name; }

absl::Time Day(int year, int month, int day) {
  return absl::FromCivil(absl::CivilDay(year, month, day), absl::UTCTimeZone());
}

const std::vector<Fault> &Faults() {
  static const auto *const kFaults = new std::vector<Fault>{
      {"UnknownAgreement", "agreement", Reason::kNotPermitted, "",
       [](Request *r) { r->agreement_id = "MARKER"; }},
      {"NoParty", "requester", Reason::kNotPermitted, "",
       [](Request *r) { r->requester = "MARKER.example"; }},
      {"Unsigned", "signatures", Reason::kNotPermitted, "",
       [](Request *r) { r->catalog = Unsigned(); }},
      {"BeforeEffective", "now", Reason::kAgreementNotInForce, "question.agreement_id",
       [](Request *r) { r->now = Day(2026, 12, 1); }},
      {"AfterExpiry", "now", Reason::kAgreementNotInForce, "question.agreement_id",
       [](Request *r) { r->now = Day(2028, 2, 1); }},
      {"OtherDigest", "digest", Reason::kAgreementMismatch, "question.agreement_digest",
       [](Request *r) { r->digest[31] = 0x23; }},
      {"ShortDigest", "digest", Reason::kAgreementMismatch, "question.agreement_digest",
       [](Request *r) {
         r->digest.assign({'M', 'A', 'R', 'K', 'E', 'R'});
       }},
      {"UnknownQuestion", "question", Reason::kNotInAgreement, "question.question",
       [](Request *r) { r->question = "MARKER"; }},
      {"UnknownPurpose", "purpose", Reason::kNotInAgreement, "question.purpose",
       [](Request *r) { r->purpose = "MARKER"; }},
      {"MissingParameter", "household_size", Reason::kNotInAgreement, "parameters.household_size",
       [](Request *r) { r->parameters.erase("household_size"); }},
      {"NumberOutOfRange", "household_size", Reason::kNotInAgreement, "parameters.household_size",
       [](Request *r) { r->parameters["household_size"] = int64_t{5}; }},
      {"CodeForANumber", "household_size", Reason::kNotInAgreement, "parameters.household_size",
       [](Request *r) { r->parameters["household_size"] = std::string("MARKER"); }},
      {"CodeNotListed", "region", Reason::kNotInAgreement, "parameters.region",
       [](Request *r) { r->parameters["region"] = std::string("MARKER"); }},
      {"NumberForACode", "region", Reason::kNotInAgreement, "parameters.region",
       [](Request *r) { r->parameters["region"] = int64_t{1}; }},
      {"ParameterNotListed", "extra", Reason::kNotInAgreement, "parameters",
       [](Request *r) { r->parameters["MARKER"] = std::string("MARKER"); }},
      {"NoSubject", "members", Reason::kMalformed, "subject", [](Request *r) { r->members = 0; }},
      {"TwoSubjects", "members", Reason::kMalformed, "subject", [](Request *r) { r->members = 2; }},
      {"MemberCountOfNought", "member_count", Reason::kMalformed, "subject.member_count",
       [](Request *r) { r->member_count = 0; }},
      {"MemberCountOfTwo", "member_count", Reason::kMalformed, "subject.member_count",
       [](Request *r) { r->member_count = 2; }},
      {"TooFewTokens", "tokens", Reason::kMalformed, "subject.tokens",
       [](Request *r) { r->tokens = 1; }},
      {"TooManyTokens", "tokens", Reason::kMalformed, "subject.tokens",
       [](Request *r) { r->tokens = 3; }},
      {"NoKeyFormed", "zero", Reason::kMalformed, "subject.tokens",
       [](Request *r) { r->zero_token_subject = true; }},
      {"NoConsent", "consents", Reason::kMalformed, "subject.consents",
       [](Request *r) { r->consents = 0; }},
      {"TwoConsents", "consents", Reason::kMalformed, "subject.consents",
       [](Request *r) { r->consents = 2; }},
      {"ConsentOfZeros", "consents", Reason::kMalformed, "subject.consents",
       [](Request *r) { r->consent_bytes = std::string(32, '\0'); }},
      {"ReceiptNotListed", "receipt", Reason::kNotInAgreement, "jws_receipt",
       [](Request *r) { r->jws_receipt = true; }},
  };
  return *kFaults;
}

bool Same(const Refusal &a, const Refusal &b) {
  return a.reason == b.reason && a.field == b.field && a.message == b.message &&
         a.retry_after == b.retry_after && a.expected == b.expected && a.received == b.received;
}

TEST(AuthorizeTest, PermitsWhatTheAgreementLists) {
  const Request request;
  const auto result = request.Authorize();
  ASSERT_TRUE(absl::holds_alternative<Permit>(result));
  const Permit &permit = absl::get<Permit>(result);
  EXPECT_EQ(permit.agreement().id, "aid-tax-001");
  EXPECT_EQ(permit.question().id, "income-small");
  EXPECT_EQ(permit.held().digest, Filled(0x22));
  EXPECT_EQ(&permit.catalog(), request.catalog.get());
}

TEST(AuthorizeTest, PermitsEveryListedValue) {
  for (int64_t size = 1; size <= 4; ++size) {
    for (const char *region : {"north", "south"}) {
      Request request;
      request.parameters = {{"household_size", size}, {"region", std::string(region)}};
      EXPECT_TRUE(request.Permitted()) << size << " " << region;
    }
  }
}

TEST(AuthorizeTest, PermitsEachAskingParty) {
  Request request;
  request.requester = "loans.example";
  EXPECT_TRUE(request.Permitted());
}

TEST(AuthorizeTest, PermitsAContractorActingForAParty) {
  Request request;
  request.requester = "contractor.example";
  EXPECT_TRUE(request.Permitted());
}

TEST(AuthorizeTest, RefusesTheAnsweringAgencyItself) {
  Request request;
  request.requester = "tax.example";
  EXPECT_EQ(request.Refused().reason, Reason::kNotPermitted);
}

TEST(AuthorizeTest, PermitsFromTheFirstInstantToTheLast) {
  absl::TimeZone zone;
  ASSERT_TRUE(absl::LoadTimeZone("America/New_York", &zone));
  Request request;
  const absl::Time first = absl::FromCivil(absl::CivilDay(2027, 1, 1), zone);
  const absl::Time end = absl::FromCivil(absl::CivilDay(2028, 1, 1), zone);
  request.now = first - absl::Nanoseconds(1);
  EXPECT_EQ(request.Refused().reason, Reason::kAgreementNotInForce);
  request.now = first;
  EXPECT_TRUE(request.Permitted());
  request.now = end - absl::Nanoseconds(1);
  EXPECT_TRUE(request.Permitted());
  request.now = end;
  EXPECT_EQ(request.Refused().reason, Reason::kAgreementNotInForce);
}

TEST(AuthorizeTest, TellsEveryOneWhoMayNotAskTheSame) {
  std::vector<Refusal> refusals;
  for (const Fault &fault : Faults()) {
    if (fault.reason != Reason::kNotPermitted) continue;
    for (const Fault &other : Faults()) {
      Request request;
      fault.spoil(&request);
      other.spoil(&request);
      refusals.push_back(request.Refused());
    }
  }
  for (const Refusal &refusal : refusals) EXPECT_TRUE(Same(refusal, refusals.front()));
}

TEST(AuthorizeTest, NeverRepeatsWhatTheCallerSent) {
  for (const Fault &first : Faults()) {
    for (const Fault &second : Faults()) {
      Request request;
      first.spoil(&request);
      second.spoil(&request);
      const Refusal refusal = request.Refused();
      EXPECT_FALSE(absl::StrContains(refusal.message, "MARKER")) << first << " " << second;
      EXPECT_FALSE(absl::StrContains(refusal.field, "MARKER")) << first << " " << second;
      EXPECT_FALSE(absl::StrContains(refusal.received, "4d41524b4552")) << first << " " << second;
    }
  }
}

TEST(AuthorizeTest, ShowsBothDigestsOfAMismatch) {
  Request request;
  request.digest = std::vector<uint8_t>(32, 0xab);
  const Refusal refusal = request.Refused();
  EXPECT_EQ(refusal.expected, absl::StrReplaceAll(std::string(32, 'x'), {{"x", "22"}}));
  EXPECT_EQ(refusal.received, absl::StrReplaceAll(std::string(32, 'x'), {{"x", "ab"}}));
}

// About a household of two, padded to the four that the agreement allows.
Request AboutAHousehold() {
  Request request;
  request.question = "household-income-small";
  request.parameters.clear();
  request.member_count = 2;
  request.tokens = 8;
  request.consents = 4;
  request.token_bytes = std::string(4 * 32, 't') + std::string(4 * 32, '\0');
  request.consent_bytes = std::string(2 * 32, 'c') + std::string(2 * 32, '\0');
  return request;
}

TEST(AuthorizeTest, PermitsAGroupOfAnySizeUpToTheAgreements) {
  for (size_t count = 1; count <= 4; ++count) {
    Request request = AboutAHousehold();
    request.member_count = count;
    request.token_bytes = std::string(64 * count, 't') + std::string(64 * (4 - count), '\0');
    request.consent_bytes = std::string(32 * count, 'c') + std::string(32 * (4 - count), '\0');
    EXPECT_TRUE(request.Permitted()) << count;
  }
}

TEST(AuthorizeTest, RefusesAGroupThatIsNotAsTheAgreementPadsIt) {
  const std::vector<std::pair<const char *, std::function<void(Request *)>>> faults = {
      {"subject.member_count", [](Request *r) { r->member_count = 0; }},
      {"subject.member_count", [](Request *r) { r->member_count = 5; }},
      {"subject.tokens", [](Request *r) { r->tokens = 4; }},
      {"subject.tokens", [](Request *r) { r->tokens = 10; }},
      {"subject.tokens", [](Request *r) { r->zero_token_subject = true; }},
      {"subject.consents", [](Request *r) { r->consents = 2; }},
      {"subject.consents", [](Request *r) { r->consents = 0; }},
      {"subject.tokens", [](Request *r) { r->token_bytes.replace(64, 64, 64, '\0'); }},
      {"subject", [](Request *r) { r->token_bytes.back() = 1; }},
      {"subject", [](Request *r) { r->consent_bytes.back() = 1; }},
  };
  for (const auto &[field, spoil] : faults) {
    Request request = AboutAHousehold();
    spoil(&request);
    const Refusal refusal = request.Refused();
    EXPECT_EQ(ReasonName(refusal.reason), ReasonName(Reason::kMalformed)) << field;
    EXPECT_EQ(refusal.field, field);
    EXPECT_FALSE(refusal.message.empty());
  }
}

TEST(AuthorizeTest, NamesTheValuesThatAreListed) {
  Request request;
  request.parameters["household_size"] = int64_t{9};
  EXPECT_TRUE(absl::StrContains(request.Refused().message, "from 1 to 4"));
  request.parameters["household_size"] = int64_t{1};
  request.parameters["region"] = std::string("west");
  EXPECT_TRUE(absl::StrContains(request.Refused().message, "\"north\", \"south\""));
}

class FaultTest : public ::testing::TestWithParam<Fault> {};

TEST_P(FaultTest, IsRefused) {
  Request request;
  GetParam().spoil(&request);
  const Refusal refusal = request.Refused();
  EXPECT_EQ(ReasonName(refusal.reason), ReasonName(GetParam().reason));
  EXPECT_EQ(refusal.field, GetParam().field);
  EXPECT_FALSE(refusal.message.empty());
}

INSTANTIATE_TEST_SUITE_P(Faults, FaultTest, ::testing::ValuesIn(Faults()), CaseName());

TEST(AuthorizeTest, OfTwoFaultsTheFirstInOrderIsTold) {
  const std::vector<Fault> &faults = Faults();
  for (size_t i = 0; i < faults.size(); ++i) {
    Request alone;
    faults[i].spoil(&alone);
    const Refusal expected = alone.Refused();
    for (size_t j = i + 1; j < faults.size(); ++j) {
      if (std::string(faults[i].part) == faults[j].part) continue;
      Request both;
      faults[i].spoil(&both);
      faults[j].spoil(&both);
      EXPECT_TRUE(Same(both.Refused(), expected)) << faults[i] << " and " << faults[j];
    }
  }
}

TEST(AdmitTest, LooksAtPartyForceAndDigestOnly) {
  const Request request;
  const auto admitted = Authorizer::Admit(*request.catalog, request.requester, request.agreement_id,
                                          request.digest, request.now);
  ASSERT_TRUE(absl::holds_alternative<const HeldAgreement *>(admitted));
  EXPECT_EQ(absl::get<const HeldAgreement *>(admitted)->agreement.id, "aid-tax-001");
}

class GateNotes : public GateObserver {
 public:
  void Reached(Gate gate, const HeldAgreement *held, const Refusal *refusal) override {
    EXPECT_FALSE(stopped_) << "a gate follows one that refused";
    gates_.push_back(gate);
    held_ = held;
    stopped_ = refusal != nullptr;
    if (refusal != nullptr) refusal_ = *refusal;
  }
  std::vector<Gate> gates_;
  const HeldAgreement *held_ = nullptr;
  bool stopped_ = false;
  Refusal refusal_;
};

TEST(GateObserverTest, IsToldOfEveryGateInOrderWhenNoneRefuses) {
  GateNotes notes;
  ASSERT_TRUE(absl::holds_alternative<Permit>(Request().Authorize(&notes)));
  EXPECT_EQ(notes.gates_, (std::vector<Gate>{Gate::kParty, Gate::kSignatures, Gate::kInForce,
                                             Gate::kDigest, Gate::kQuestion, Gate::kPurpose,
                                             Gate::kParameters, Gate::kSubject}));
  ASSERT_NE(notes.held_, nullptr);
  EXPECT_EQ(notes.held_->agreement.id, "aid-tax-001");
}

TEST(GateObserverTest, SeesTheRefusalThatIsGivenAndChangesNone) {
  for (const Fault &fault : Faults()) {
    Request request;
    fault.spoil(&request);
    GateNotes notes;
    const absl::variant<Permit, Refusal> watched = request.Authorize(&notes);
    ASSERT_TRUE(absl::holds_alternative<Refusal>(watched)) << fault;
    EXPECT_TRUE(notes.stopped_) << fault;
    EXPECT_TRUE(Same(notes.refusal_, absl::get<Refusal>(watched))) << fault;
    EXPECT_TRUE(Same(request.Refused(), absl::get<Refusal>(watched))) << fault;
  }
}

TEST(PrecedesReplayTest, HoldsForExactlyTheReasonsAdmitGives) {
  std::set<Reason> given;
  for (const Fault &fault : Faults()) {
    Request request;
    fault.spoil(&request);
    const auto admitted = Authorizer::Admit(*request.catalog, request.requester,
                                            request.agreement_id, request.digest, request.now);
    if (absl::holds_alternative<Refusal>(admitted)) {
      given.insert(absl::get<Refusal>(admitted).reason);
    }
  }
  for (int reason = 1; reason <= 14; ++reason) {
    EXPECT_EQ(PrecedesReplay(static_cast<Reason>(reason)),
              given.count(static_cast<Reason>(reason)) > 0)
        << ReasonName(static_cast<Reason>(reason));
  }
}

}  // namespace
}  // namespace vouch::policies
