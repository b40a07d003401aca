#include "tests/client/requester/asking_world.h"

#include <gtest/gtest.h>

#include <cstdio>
#include <fstream>
#include <iterator>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/str_replace.h"
#include "crypto/digest.h"
#include "server/node/known_names.h"
#include "tests/paths.h"

namespace vouch::requester {

namespace {

std::string AgreementText(const WorldOptions& wish, const crypto::SigningKey& key_authority) {
  std::ifstream in(VOUCH_SOURCE_DIR "/tests/policies/data/income.yaml");
  std::string text((std::istreambuf_iterator<char>(in)), std::istreambuf_iterator<char>());
  if (wish.household > 0) {
    text = absl::StrReplaceAll(
        text,
        {{"about: \"person\"", absl::StrCat("about: {group: {at_most: ", wish.household, "}}")},
         {"      period: \"tax-year-2025\"",
          "      sum_over_group: true\n      period: \"tax-year-2025\""}});
  }
  if (wish.jws) {
    text = absl::StrReplaceAll(text,
                               {{"\ncontacts:", "\nreceipts: [\"ledger\", \"jws\"]\ncontacts:"}});
  }
  return absl::StrReplaceAll(
      text, {{absl::StrCat("sha256:", std::string(64, '4')),
              crypto::KeyFingerprint(crypto::AsBytes(key_authority.PublicDer()))},
             {"kind: \"blind\"", wish.blind ? "kind: \"blind\"" : "kind: \"keyed-hash\""},
             {"use: \"live\"", "use: \"test\""},
             {"consent: {required: true, from: \"each-subject\"}",
              wish.consent ? "consent: {required: true, from: \"each-subject\"}"
                           : "consent: {required: false}"}});
}

crypto::CertificateRequest Validity() {
  crypto::CertificateRequest request;
  request.not_before = absl::Now() - absl::Hours(1);
  request.not_after = absl::Now() + absl::Hours(24);
  return request;
}

}  // namespace

TestAuthority::TestAuthority(const std::string& name)
    : issued([&] {
        crypto::CertificateRequest request = Validity();
        request.common_name = name;
        request.is_authority = true;
        return crypto::IssueSelfSigned(request);
      }()) {}

crypto::IssuedCertificate TestAuthority::Issue(const std::string& agency) const {
  crypto::CertificateRequest request = Validity();
  request.common_name = agency;
  request.uris = {absl::StrCat(crypto::kAgencyUriPrefix, agency)};
  request.dns_names = {"localhost"};
  request.ip_addresses = {"127.0.0.1"};
  return *crypto::Issue(request, issued.certificate_pem, issued.key);
}

crypto::IssuedCertificate TestAuthority::IssueUnnamed(const std::string& dns_name) const {
  crypto::CertificateRequest request = Validity();
  request.common_name = dns_name;
  request.dns_names = {"localhost", dns_name};
  request.ip_addresses = {"127.0.0.1"};
  return *crypto::Issue(request, issued.certificate_pem, issued.key);
}

OwnAgreement ReadOwnAgreement(const std::string& text) {
  policies::Report report;
  auto agreement =
      policies::ReadAgreement("income.yaml", text, server::node::NamesOfCrypto(), &report);
  EXPECT_TRUE(agreement.has_value()) << report.ToText(text);
  return {*agreement, crypto::Sha256(text)};
}

crypto::SecretBytes SharedKey(uint32_t epoch) {
  const crypto::Digest key = crypto::Sha256(absl::StrCat("shared key of epoch ", epoch));
  return crypto::SecretBytes::CopyOf(key);
}

RequesterOptions QuickOptions() {
  RequesterOptions options;
  options.connection.agency = kAsker;
  options.connection.responder = kAnswerer;
  options.shared_key = [](const crypto::EpochStatement& statement) {
    return absl::StatusOr<crypto::SecretBytes>(SharedKey(statement.epoch));
  };
  options.retries.first_wait = absl::Milliseconds(2);
  options.retries.longest_wait = absl::Milliseconds(20);
  options.retries.patience = absl::Seconds(2);
  return options;
}

crypto::Identity TestPerson(int number) {
  crypto::Identity person;
  person.Add(
      crypto::Attribute::kSocialSecurityNumber,
      absl::StrFormat("9%02d-%02d-%04d", number / 10000 % 50, 11 + number % 80, 1 + number % 9999));
  person.Add(crypto::Attribute::kDateOfBirth, absl::StrFormat("19%02d-02-03", 50 + number % 50));
  person.Add(crypto::Attribute::kFamilyName, "Example");
  return person;
}

Asking TestAsking(int number) {
  Asking asking;
  asking.question = kQuestion;
  asking.purpose = kPurpose;
  asking.parameters = {{"household_size", int64_t{4}}, {"region", std::string("contiguous")}};
  asking.person = TestPerson(number);
  return asking;
}

AskingWorld::AskingWorld(const WorldOptions& options)
    : wish(options),
      asker_certificate(asker_authority.Issue(kAsker)),
      agreement_text(AgreementText(options, key_authority)),
      agreement(ReadOwnAgreement(agreement_text)) {
  const TestAuthority& issuer =
      options.responder_from_asker_authority ? asker_authority : answerer_authority;
  responder = std::make_unique<fakes::FakeResponder>(
      agreement.agreement, agreement.digest, kAsker,
      options.responder_dns_name.empty() ? issuer.Issue(options.responder_name)
                                         : issuer.IssueUnnamed(options.responder_dns_name),
      asker_authority.issued.certificate_pem);
  responder->SetEpoch(MakeEpoch(1));
}

fakes::FakeEpoch AskingWorld::MakeEpoch(uint32_t number,
                                        const crypto::SigningKey& authority) const {
  fakes::FakeEpoch epoch;
  epoch.statement.agreement_id = agreement.agreement.id;
  epoch.statement.epoch = number;
  epoch.statement.not_before = absl::FromUnixSeconds(absl::ToUnixSeconds(absl::Now()) - 3600);
  epoch.statement.not_after = epoch.statement.not_before + absl::Hours(24);
  const crypto::SecretBytes secret = SharedKey(number);
  if (wish.blind) {
    epoch.statement.kind = crypto::TokenKind::kBlind;
    auto key = crypto::OprfPrivateKey::Derive(
        secret, crypto::AsBytes(crypto::OprfKeyInfo(agreement.agreement.id, number)));
    epoch.statement.public_key = std::string(crypto::AsText(key->public_key()));
    epoch.blind = std::make_shared<const crypto::OprfPrivateKey>(*std::move(key));
  } else {
    epoch.statement.kind = crypto::TokenKind::kKeyedHash;
    epoch.statement.asker = kAsker;
    const crypto::Digest digest = crypto::Sha256(secret.bytes(crypto::RawSecretAccess{}));
    epoch.statement.public_key = std::string(crypto::AsText(digest));
  }
  epoch.signed_statement = crypto::SignStatement(epoch.statement, authority);
  return epoch;
}

RequesterOptions AskingWorld::Options() const {
  RequesterOptions options = QuickOptions();
  options.connection.certificate_pem = asker_certificate.certificate_pem;
  options.connection.key_pem = asker_certificate.key.ToPem(crypto::RawSecretAccess{});
  options.connection.address = responder->address();
  options.connection.anchors_pem = answerer_authority.issued.certificate_pem;
  options.ledger_key = responder->ledger_key();
  options.receipt_key = responder->receipt_key().PublicDer();
  options.accepted_epochs_folder = folder.Path("accepted");
  options.followed_folder = folder.Path("followed");
  return options;
}

std::unique_ptr<Requester> AskingWorld::Open() {
  auto opened = Requester::Open(agreement, Options());
  EXPECT_TRUE(opened.ok()) << opened.status();
  return *std::move(opened);
}

void AskingWorld::Save() const {
  const RequesterOptions options = Options();
  for (const auto& [name, text] : std::vector<std::pair<std::string, std::string>>{
           {"agreement.yaml", agreement_text},
           {"certificate.pem", options.connection.certificate_pem},
           {"key.pem", options.connection.key_pem},
           {"anchors.pem", options.connection.anchors_pem},
           {"ledger.pem", crypto::PublicKeyToPem(crypto::AsBytes(options.ledger_key))}}) {
    std::ofstream(folder.Path(name), std::ios::binary) << text;
  }
}

}  // namespace vouch::requester
