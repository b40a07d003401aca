#include "tests/server/agreements/agreement_folder.h"

#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <iterator>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"
#include "crypto/certificate.h"
#include "crypto/digest.h"
#include "crypto/signed_message.h"
#include "server/node/epoch_keys.h"

namespace vouch::server::agreements {

namespace {

constexpr char kAgreement[] = R"yaml(format: "vouch-agreement/1"
agreement:
  id: "$ID"
  revision: $REVISION
  replaces: "$REPLACES"
  title: "$TITLE"
  use: "test"
  document: {title: "Agreement as executed", sha256: "0000000000000000000000000000000000000000000000000000000000000000"}
  pins:
    - {file: "facts.yaml", sha256: "$FACTS"}
parties:
  asks: ["aid.example"$LOANS]
  answers: "tax.example"
  acting_for: {"contractor.example": "aid.example"}
authority:
  kind: "statute"
  cites:
    - {cite: "26 U.S.C. 6103(l)(13)",
               allows : "income information for student aid"
}
  approvals:
    - {by: "tax.example", board: "Board", on: "2026-11-02"}
    - {by: "aid.example", board: "Board", on: "2026-11-09"}
$LOANSBOARD  consent: {required: false}
purposes:
  - id: "eligibility"
    text: "To decide on aid."
dates:
  effective: "$EFFECTIVE"
  expires: "$EXPIRES"
  time_zone: "America/New_York"
people:
  spelling_rules: "names/1"
  match:
    - {key: ["social_security_number", "date_of_birth"]}
    - {key: ["social_security_number", "family_name"]}
    - {key: ["given_name", "family_name", "date_of_birth"]}
  if_several_found: "undetermined"
  tokens: {kind: "$KIND", key_authority: "$AUTHORITY"}
questions:
$QUESTIONS
limits:
  per_person:
    times_asked: {count: $TIMES, every: "30 days"}
    different_values: {count: $VALUES, every: "agreement"}
  new_people: {count: $NEWPEOPLE, every: "1 day"}
  whole_agreement: {count: $WHOLE, every: "1 day"}
  evaluations: {count: $EVALUATIONS, every: "1 day"}
protections:
  keep_ledger: {at_least: "5 years", or_life_of_record: true}
  corrections: {contact: "privacy@tax.example", reply_days: 10}
${RECEIPTS}contacts:
  - {party: "aid.example", role: "program officer", email: "officer@aid.example"}
$LOANSCONTACT  - {party: "tax.example", role: "privacy officer", email: "privacy@tax.example"}
)yaml";

constexpr char kQuestion[] = R"yaml(  - id: "$QUESTION"
    ask: "Was income small?"
    about: "person"
    parameters:
      household_size: {from: 1, to: 2}
    yes_when:
      fact: "income"
      period: "tax-year-2025"
      at_most:
        rows:
          - {when: {household_size: 1}, value: {cents: 1000000}}
          - {when: {household_size: 2}, value: {cents: 1200000}}
    records_loaded_within: "30 days"
    tell: "$TELL"
    on_yes: {do: "accept"}
    on_no: {do: "verify-independently", notice_days: 30}
    on_undetermined: {do: "ask-the-person"}
)yaml";

constexpr char kAge[] = R"yaml(  - id: "is-adult"
    ask: "Is the person an adult?"
    about: "person"
    yes_when: {fact: "age", period: "as-of-today", at_least: 18}
    records_loaded_within: "30 days"
    tell: "nothing"
    on_yes: {do: "accept"}
    on_no: {do: "verify-independently", notice_days: 30}
    on_undetermined: {do: "ask-the-person"}
)yaml";

// Three ways in which a household counts together.
constexpr char kHousehold[] = R"yaml(  - id: "$QUESTION"
    ask: "Was the household's income small?"
    about: {group: {at_most: $ATMOST}}
    yes_when: {fact: "$FACT", period: "tax-year-2025", $HOW, at_most: {cents: 1000000}}
    records_loaded_within: "30 days"
    tell: "$TELL"
    on_yes: {do: "accept"}
    on_no: {do: "verify-independently", notice_days: 30}
    on_undetermined: {do: "ask-the-person"}
)yaml";

constexpr char kJointIncome[] = R"yaml(  - name: "joint_income"
    type: "money"
    period: "tax-year"
    held_per: "return"
    meaning: "Income of a return."
    source_system: "Returns"
$CAPPED)yaml";

constexpr char kFacts[] = R"yaml(format: "vouch-facts/1"
agency: "tax.example"
version: "2026"
facts:
  - name: "income"
    type: "money"
    period: "tax-year"
    held_per: "person"
    meaning: "Income of the year."
    source_system: "Returns"
$CAPPED  - name: "date_of_birth"
    type: "date"
    period: "none"
    held_per: "person"
    meaning: "Day of birth."
    source_system: "Returns"
$CAPPED)yaml";

crypto::CertificateRequest Lasting(const std::string& name) {
  crypto::CertificateRequest request;
  request.common_name = name;
  request.not_before = Noon() - absl::Hours(24 * 365);
  request.not_after = Noon() + absl::Hours(24 * 365 * 3);
  request.for_tls = false;
  return request;
}

const crypto::IssuedCertificate& OfficersAuthority() {
  static const auto* const authority = [] {
    crypto::CertificateRequest request = Lasting("Officers' authority");
    request.is_authority = true;
    return new crypto::IssuedCertificate(crypto::IssueSelfSigned(request));
  }();
  return *authority;
}

crypto::DocumentSigner NewOfficerOf(const std::string& agency) {
  const auto issued = crypto::Issue(Lasting("Officer of " + agency),
                                    OfficersAuthority().certificate_pem, OfficersAuthority().key);
  return *crypto::DocumentSigner::FromPem(issued->key.ToPem(crypto::RawSecretAccess{}), "",
                                          issued->certificate_pem);
}

const crypto::DocumentSigner& OfficerOf(const std::string& agency) {
  static auto* const officers = new std::map<std::string, crypto::DocumentSigner>();
  auto found = officers->find(agency);
  if (found == officers->end()) found = officers->emplace(agency, NewOfficerOf(agency)).first;
  return found->second;
}

node::NodeFile SigningAgencies(const std::string& anchors) {
  const auto signing = [&](const std::string& agency) {
    return node::Signing{anchors, "", {{"officer", {"CN=Officer of " + agency}}}};
  };
  node::NodeFile file;
  file.agency = "tax.example";
  file.signing = signing(file.agency);
  for (const char* agency : {"aid.example", "loans.example"}) {
    node::Partner partner;
    partner.agency = agency;
    partner.signing = signing(agency);
    file.partners.push_back(std::move(partner));
  }
  return file;
}

std::string FactsText(const Terms& terms) {
  const std::string facts = absl::StrCat(kFacts, terms.household > 0 ? kJointIncome : "");
  return absl::StrReplaceAll(facts, {{"$CAPPED", terms.capped}});
}

}  // namespace

AgreementFolder::AgreementFolder() {
  std::ofstream(Path("officers.pem")) << OfficersAuthority().certificate_pem;
  std::filesystem::create_directories(agreements());
  std::filesystem::create_directories(keys());
}

std::string AgreementFolder::Text(const Terms& terms) const {
  std::string questions = kAge;
  for (const auto& [id, tell] : std::map<std::string, std::string>{{"income-small", "nothing"},
                                                                   {"income-small-safe", "safe"},
                                                                   {"income-small-all", "all"}}) {
    absl::StrAppend(&questions,
                    absl::StrReplaceAll(kQuestion, {{"$QUESTION", id}, {"$TELL", tell}}));
  }
  const auto household = [&](const char* id, const char* fact, const char* how, const char* tell) {
    if (terms.household == 0) return;
    absl::StrAppend(&questions,
                    absl::StrReplaceAll(kHousehold, {{"$QUESTION", id},
                                                     {"$ATMOST", absl::StrCat(terms.household)},
                                                     {"$FACT", fact},
                                                     {"$HOW", how},
                                                     {"$TELL", tell}}));
  };
  household("household-small", "joint_income", "sum_over_group: true", "nothing");
  household("household-small-all", "joint_income", "sum_over_group: true", "all");
  household("household-earnings", "income", "sum_over_group: true", "nothing");
  household("household-all-small", "income", "members: \"all\"", "nothing");
  household("household-any-small", "income", "members: \"any\"", "nothing");
  // A keyed hash is shared with one asker.
  const bool loans = terms.token_kind == "blind";
  return absl::StrReplaceAll(
      kAgreement,
      {{"$LOANSBOARD",
        loans ? "    - {by: \"loans.example\", board: \"Board\", on: \"2026-11-09\"}\n" : ""},
       {"$LOANSCONTACT", loans ? "  - {party: \"loans.example\", role: \"program officer\", email: "
                                 "\"officer@loans.example\"}\n"
                               : ""},
       {"$LOANS", loans ? ", \"loans.example\"" : ""},
       {"$ID", terms.id},
       {"$REVISION", absl::StrCat(terms.revision)},
       {"$REPLACES", terms.revision == 1 ? "none" : crypto::Hex(crypto::Sha256("before"))},
       {"$TITLE", terms.title},
       {"$FACTS", crypto::Hex(crypto::Sha256(FactsText(terms)))},
       {"$EFFECTIVE", terms.effective},
       {"$EXPIRES", terms.expires},
       {"$KIND", terms.token_kind},
       {"$AUTHORITY", crypto::KeyFingerprint(crypto::AsBytes(authority_.PublicDer()))},
       {"$QUESTIONS\n", questions},
       {"$TIMES", absl::StrCat(terms.times_asked)},
       {"$VALUES", absl::StrCat(terms.different_values)},
       {"$NEWPEOPLE", absl::StrCat(terms.new_people)},
       {"${RECEIPTS}", terms.jws ? "receipts: [\"ledger\", \"jws\"]\n" : ""},
       {"$WHOLE", absl::StrCat(terms.whole_agreement)},
       {"$EVALUATIONS", absl::StrCat(terms.evaluations)}});
}

crypto::Digest AgreementFolder::Write(const Terms& terms, const std::string& folder) {
  const std::string text = Text(terms);
  WriteFile(folder + "/facts.yaml", FactsText(terms));
  WriteFile(folder + "/agreement.yaml", text);
  for (const char* agency : {"tax.example", "aid.example"}) {
    Sign(folder + "/agreement.yaml", agency);
  }
  if (terms.token_kind == "blind") Sign(folder + "/agreement.yaml", "loans.example");
  return crypto::Sha256(text);
}

const crypto::DocumentSigner& AgreementFolder::Officer(const std::string& agency) const {
  return OfficerOf(agency);
}

node::NodeFile AgreementFolder::Agencies() const { return SigningAgencies(Path("officers.pem")); }

crypto::DocumentSigner AgreementFolder::Another(const std::string& agency) const {
  return NewOfficerOf(agency);
}

std::string AgreementFolder::Revoked(const std::string& agency, absl::Time until) const {
  std::vector<std::string> serials;
  if (!agency.empty()) serials.push_back(Officer(agency).certificate().serial);
  return *crypto::IssueRevocationList(OfficersAuthority().certificate_pem, OfficersAuthority().key,
                                      serials, Noon() - absl::Hours(2), until);
}

void AgreementFolder::Sign(const std::string& name, const std::string& agency) const {
  std::ifstream in(agreements() + "/" + name, std::ios::binary);
  const std::string text{std::istreambuf_iterator<char>(in), {}};
  const auto signature = crypto::SignDetached(OfficerOf(agency), text, Noon());
  EXPECT_TRUE(signature.ok()) << signature.status();
  WriteFile(SignatureFileName(name, agency), *signature);
}

void AgreementFolder::WriteFile(const std::string& name, const std::string& bytes) const {
  const std::filesystem::path path = agreements() + "/" + name;
  std::filesystem::create_directories(path.parent_path());
  std::ofstream(path, std::ios::binary | std::ios::trunc) << bytes;
}

void AgreementFolder::Remove(const std::string& name) const {
  std::filesystem::remove_all(agreements() + "/" + name);
}

crypto::SignedStatement AgreementFolder::AddEpoch(const Terms& terms, uint32_t epoch,
                                                  absl::Time not_before, absl::Time not_after) {
  const auto made = node::CreateEpoch(keys(), terms.id, epoch);
  EXPECT_TRUE(made.ok()) << made.status();
  crypto::EpochStatement statement;
  statement.agreement_id = terms.id;
  statement.epoch = epoch;
  statement.kind =
      terms.token_kind == "blind" ? crypto::TokenKind::kBlind : crypto::TokenKind::kKeyedHash;
  if (statement.kind == crypto::TokenKind::kKeyedHash) statement.asker = "aid.example";
  statement.not_before = not_before;
  statement.not_after = not_after;
  const auto secret =
      crypto::ReadSecretFile(node::EpochFolder(keys(), terms.id, epoch) + "/secret.key");
  EXPECT_TRUE(secret.ok()) << secret.status();
  statement.public_key = *node::PublicKeyOf(statement.kind, terms.id, epoch, *secret);
  const crypto::SignedStatement signed_statement = crypto::SignStatement(statement, authority_);
  const absl::Status kept = node::KeepStatement(keys(), terms.id, epoch, signed_statement);
  EXPECT_TRUE(kept.ok()) << kept;
  return signed_statement;
}

crypto::SignedStatement AgreementFolder::ForgedStatement(const Terms& terms, uint32_t epoch) const {
  crypto::EpochStatement statement;
  statement.agreement_id = terms.id;
  statement.epoch = epoch;
  statement.public_key = std::string(33, '\2');
  statement.not_before = Noon();
  statement.not_after = Noon() + absl::Hours(24);
  return crypto::SignStatement(statement, crypto::SigningKey::Generate(crypto::KeyKind::kP256));
}

AgreementsOptions AgreementFolder::Options() {
  AgreementsOptions options;
  options.folder = agreements();
  options.keys_folder = keys();
  options.agency = "tax.example";
  options.now = [this] { return now; };
  options.signing = SigningRules::Read(Agencies());
  options.remembered = [this] {
    std::vector<Remembered> all = notices;
    for (const auto& [id, revisions] : adopted) {
      for (const auto& [revision, digest] : revisions) all.push_back({id, revision, digest});
    }
    return all;
  };
  options.enter_notice = [this](const StopNotice& notice, const JudgedAgency&) -> absl::Status {
    if (!cannot_adopt.ok()) return cannot_adopt;
    notices.push_back({NoticeName(notice), absl::ToUnixSeconds(notice.time), {}});
    return absl::OkStatus();
  };
  options.adopt = [this](const policies::HeldAgreement& held, bool beside_higher) -> absl::Status {
    auto& known = adopted[held.agreement.id];
    const std::pair<int64_t, crypto::Digest> one(held.agreement.revision, held.digest);
    if (beside_higher && std::find(known.begin(), known.end(), one) != known.end()) {
      return absl::OkStatus();
    }
    if (!known.empty() && known.back() == one) return absl::OkStatus();
    if (!known.empty() && one.first <= known.back().first) {
      return absl::FailedPreconditionError("not higher than what was adopted before");
    }
    if (!cannot_adopt.ok()) return cannot_adopt;
    known.push_back(one);
    for (const std::string& asker : held.agreement.asks) {
      if (held.SignedFor(asker)) adopted[AskerName(held.agreement.id, asker)].push_back(one);
    }
    return absl::OkStatus();
  };
  options.adopt_epoch = [this](const std::string& agreement_id, const Epoch& epoch) {
    const crypto::Digest digest = crypto::Sha256(epoch.signed_statement.statement);
    const auto known =
        adopted_epochs.emplace(absl::StrCat(agreement_id, "/", epoch.statement.epoch), digest);
    return known.first->second == digest
               ? absl::OkStatus()
               : absl::FailedPreconditionError("another statement was adopted before");
  };
  return options;
}

}  // namespace vouch::server::agreements
