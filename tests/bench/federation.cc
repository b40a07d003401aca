#include "tests/bench/federation.h"

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/substitute.h"
#include "absl/time/clock.h"
#include "crypto/certificate.h"
#include "crypto/random.h"
#include "crypto/receipt.h"
#include "crypto/signed_message.h"
#include "policies/reference/built_in.h"
#include "server/agreements/countersignatures.h"
#include "server/index_keeper.h"
#include "server/node/epoch_keys.h"
#include "server/node/known_names.h"
#include "server/node/node_file.h"
#include "server/records/manifest.h"
#include "tests/synth/record.h"
#include "vouch/v1/verification.pb.h"

namespace vouch::bench {

namespace {

namespace fs = std::filesystem;

constexpr uint64_t kSeed = 12;
constexpr char kQuestion[] = "income-at-or-below-225-percent";
constexpr char kPurpose[] = "student-aid-eligibility";
constexpr uint32_t kEpoch = 1;

constexpr absl::string_view kNode = R"(format: "vouch-node/1"
agency: "$0"
use: "test"
listen: "127.0.0.1:0"
metrics: "127.0.0.1:0"
certificate: "tls/node.pem"
key: "tls/node.key"
agreements: "agreements"
records: "records"
journal: "journal"
keys: "keys"
run: "run"
signing: {anchors: "tls/authority.pem", officers: [{role: "officer", any_of: ["CN=bench officer"]}]}
reflection: false
log_level: "warning"
drain_seconds: 2
partners:
  - agency: "$1"
    anchors: "tls/authority.pem"
    calls_per_second: 1000000
    signing: {anchors: "tls/authority.pem", officers: [{role: "officer", any_of: ["CN=bench officer"]}]}
)";

constexpr absl::string_view kFacts = R"(format: "vouch-facts/1"
agency: "$0"
version: "2026-10-01"
facts:
  - name: "adjusted_gross_income"
    type: "money"
    period: "tax-year"
    held_per: "return"
    meaning: |
      Adjusted gross income of the return on which the person is the filer or the spouse.
    source_system: "Synthetic"
)";

constexpr absl::string_view kAgreement = R"yaml(format: "vouch-agreement/1"
agreement:
  id: "$0"
  revision: 1
  replaces: "none"
  title: "Measurements among synthetic people"
  use: "test"
  document: {title: "None: for measurements", sha256: "0000000000000000000000000000000000000000000000000000000000000000"}
  pins:
    - {file: "facts.yaml", sha256: "$1"}
    - {table: "hhs-poverty-guidelines", sha256: "$2"}
parties:
  asks: ["$3"]
  answers: "$4"
authority:
  kind: "statute"
  cites:
    - {cite: "26 U.S.C. 6103(l)(13)", allows: "return information for student aid"}
  approvals:
    - {by: "$4", board: "Disclosure Office", on: "2026-09-02"}
    - {by: "$3", board: "Privacy Board", on: "2026-09-09"}
  consent: {required: false}
purposes:
  - id: "student-aid-eligibility"
    text: |
      To measure what answering costs.
dates:
  effective: "$5"
  expires: "$6"
  time_zone: "America/New_York"
  changeover: "7 days"
people:
  spelling_rules: "names/1"
  match:
    - {key: ["social_security_number", "date_of_birth"]}
    - {key: ["social_security_number", "family_name"]}
    - {key: ["given_name", "family_name", "date_of_birth", "postal_code"]}
  if_several_found: "undetermined"
  tokens: {kind: "$7", key_authority: "$8"}
questions:
  - id: "income-at-or-below-225-percent"
    ask: "Was adjusted gross income for tax year 2025 at or below 225% of the poverty guideline?"
    about: "person"
    parameters:
      household_size: {from: 1, to: 12}
      region: {one_of: ["contiguous", "alaska", "hawaii"]}
    yes_when:
      fact: "adjusted_gross_income"
      period: "tax-year-2025"
      at_most:
        percent: 225
        of: "hhs-poverty-guidelines"
        edition: "2026"
        row: {persons: "household_size", region: "region"}
    records_loaded_within: "30 days"
    tell: "nothing"
    on_yes: {do: "accept"}
    on_no: {do: "verify-independently", notice_days: 30}
    on_undetermined: {do: "ask-the-person"}
    say:
      - when: "no"
        language: "en"
        text: |
          Nothing has been decided. You have 30 days to send your own documents.
      - when: "undetermined"
        language: "en"
        text: |
          We could not confirm your income. This does not count against you.
    spares: {documents: ["tax transcript"], minutes: 25}
    answer_good_for: "30 days"
limits:
  per_person:
    times_asked: {count: 4, every: "30 days"}
    different_values: {count: 2, every: "agreement"}
  new_people: {count: 1000000000, every: "1 day"}
  whole_agreement: {count: 1000000000, every: "1 day"}
  evaluations: {count: 1000000000, every: "1 day"}
protections:
  keep_ledger: {at_least: "5 years", or_life_of_record: true}
  corrections: {contact: "privacy@$4", reply_days: 10}
contacts:
  - {party: "$3", role: "program officer", email: "officer@$3"}
  - {party: "$4", role: "privacy officer", email: "privacy@$4"}
)yaml";

constexpr absl::string_view kMapping = R"(format: "vouch-mapping/1"
agency: "$0"
person_id: {column: "source_id"}
identity:
  social_security_number: {column: "social_security_number"}
  date_of_birth: {column: "date_of_birth"}
  given_name: {column: "given_name"}
  family_name: {columns: ["family_name", "former_family_name"]}
  postal_code: {column: "postal_code"}
facts:
  - {fact: "adjusted_gross_income", column: "adjusted_gross_income", period: "tax-year-2025", money_in: "cents"}
data_as_of: {date: "2026-11-20"}
)";

absl::CivilDay Today() { return absl::ToCivilDay(absl::Now(), absl::UTCTimeZone()); }

std::string DigestOf(absl::string_view bytes) { return crypto::Hex(crypto::Sha256(bytes)); }

std::array<uint8_t, 16> NewId() { return crypto::NewUuidV7(absl::ToUnixMillis(absl::Now())); }

void FillParameters(google::protobuf::RepeatedPtrField<v1::Parameter>* parameters) {
  v1::Parameter* size = parameters->Add();
  size->set_name("household_size");
  size->set_number(4);
  v1::Parameter* region = parameters->Add();
  region->set_name("region");
  region->set_code("contiguous");
}

}  // namespace

absl::StatusOr<std::unique_ptr<Federation>> Federation::Make(const std::string& folder) {
  std::unique_ptr<Federation> made(new Federation(folder));
  for (const char* name :
       {"agreements", "agreements-blind", "records", "journal", "keys", "run", "tls", "aid"}) {
    fs::create_directory(folder + "/" + name);
    fs::permissions(folder + "/" + name, fs::perms::owner_all);
  }
  absl::Status status =
      crypto::ReplaceFile(folder + "/node.yaml", absl::Substitute(kNode, kResponder, kRequester),
                          /*is_private=*/false);
  status.Update(made->WriteCertificates());
  status.Update(server::records::CreateRecordKeys(folder + "/keys"));
  status.Update(
      crypto::WriteSecretFile(folder + "/keys/charge.key", crypto::SecretBytes::Random(32)));
  status.Update(crypto::WritePrivateFile(
      folder + "/keys/ledger.key",
      crypto::SigningKey::Generate(crypto::KeyKind::kEd25519).ToPem(crypto::RawSecretAccess{})));
  if (!status.ok()) return status;
  const crypto::SigningKey authority = crypto::SigningKey::Generate(crypto::KeyKind::kP256);
  for (const auto& [id, kind] : {std::pair(kKeyedAgreement, crypto::TokenKind::kKeyedHash),
                                 std::pair(kBlindAgreement, crypto::TokenKind::kBlind)}) {
    status.Update(made->WriteAgreement(id, kind, authority));
    status.Update(made->WriteEpoch(id, kind, authority));
  }
  if (!status.ok()) return status;
  absl::StatusOr<std::vector<server::records::IndexRequest>> index = made->Indexes(kKeyedAgreement);
  if (!index.ok()) return index.status();
  made->keyed_index_ = *std::move(index);
  return made;
}

absl::Status Federation::WriteCertificates() {
  crypto::CertificateRequest request;
  request.common_name = "bench authority";
  request.is_authority = true;
  request.not_before = absl::Now() - absl::Hours(1);
  request.not_after = absl::Now() + absl::Hours(24 * 30);
  const crypto::IssuedCertificate authority = crypto::IssueSelfSigned(request);
  absl::Status status =
      crypto::ReplaceFile(folder_ + "/tls/authority.pem", authority.certificate_pem, false);
  request.is_authority = false;
  for (const auto& [agency, place] : {std::pair(kResponder, folder_ + "/tls/node"),
                                      std::pair(kRequester, folder_ + "/aid/node")}) {
    request.common_name = agency;
    request.uris = {absl::StrCat(crypto::kAgencyUriPrefix, agency)};
    request.dns_names = {"localhost"};
    request.ip_addresses = {"127.0.0.1"};
    absl::StatusOr<crypto::IssuedCertificate> issued =
        crypto::Issue(request, authority.certificate_pem, authority.key);
    if (!issued.ok()) return issued.status();
    status.Update(crypto::ReplaceFile(place + ".pem", issued->certificate_pem, false));
    status.Update(
        crypto::WritePrivateFile(place + ".key", issued->key.ToPem(crypto::RawSecretAccess{})));
  }
  if (!status.ok()) return status;
  request.common_name = "bench officer";
  request.for_tls = false;
  absl::StatusOr<crypto::IssuedCertificate> officer =
      crypto::Issue(request, authority.certificate_pem, authority.key);
  if (!officer.ok()) return officer.status();
  absl::StatusOr<crypto::DocumentSigner> signer = crypto::DocumentSigner::FromPem(
      officer->key.ToPem(crypto::RawSecretAccess{}), "", officer->certificate_pem);
  if (!signer.ok()) return signer.status();
  officer_ = std::make_unique<crypto::DocumentSigner>(*std::move(signer));
  return absl::OkStatus();
}

std::string Federation::AgreementsOf(const std::string& id) const {
  return folder_ + (id == kBlindAgreement ? "/agreements-blind" : "/agreements");
}

absl::Status Federation::WriteAgreement(const std::string& id, crypto::TokenKind kind,
                                        const crypto::SigningKey& authority) {
  const std::string folder = AgreementsOf(id) + "/";
  const std::string facts = absl::Substitute(kFacts, kResponder);
  absl::Status status = crypto::ReplaceFile(folder + "facts.yaml", facts, false);
  std::string table_digest;
  for (const policies::reference::BuiltInFile& table : policies::reference::BuiltInTables()) {
    status.Update(crypto::ReplaceFile(absl::StrCat(folder, table.name), table.bytes, false));
    if (table.name == "hhs-poverty-guidelines.yaml") table_digest = DigestOf(table.bytes);
  }
  const std::string fingerprint = crypto::KeyFingerprint(crypto::AsBytes(authority.PublicDer()));
  const std::string text =
      absl::Substitute(kAgreement, id, DigestOf(facts), table_digest, kRequester, kResponder,
                       absl::FormatCivilTime(Today() - 30), absl::FormatCivilTime(Today() + 300),
                       kind == crypto::TokenKind::kBlind ? "blind" : "keyed-hash", fingerprint);
  if (kind == crypto::TokenKind::kKeyedHash) digest_ = crypto::Sha256(text);
  const std::string path = absl::StrCat(folder, id, ".yaml");
  status.Update(crypto::ReplaceFile(path, text, false));
  const auto signature = crypto::SignDetached(*officer_, text, absl::Now());
  if (!signature.ok()) return signature.status();
  for (const absl::string_view agency : {kRequester, kResponder}) {
    status.Update(crypto::ReplaceFile(server::agreements::SignatureFileName(path, agency),
                                      *signature, false));
  }
  return status;
}

absl::Status Federation::WriteEpoch(const std::string& id, crypto::TokenKind kind,
                                    const crypto::SigningKey& authority) {
  const std::string keys = folder_ + "/keys";
  absl::StatusOr<std::string> place = server::node::CreateEpoch(keys, id, kEpoch);
  if (!place.ok()) return place.status();
  absl::StatusOr<crypto::SecretBytes> secret = crypto::ReadSecretFile(*place + "/secret.key");
  if (!secret.ok()) return secret.status();
  absl::StatusOr<std::string> public_key = server::node::PublicKeyOf(kind, id, kEpoch, *secret);
  if (!public_key.ok()) return public_key.status();
  crypto::EpochStatement statement;
  statement.agreement_id = id;
  statement.epoch = kEpoch;
  statement.kind = kind;
  if (kind == crypto::TokenKind::kKeyedHash) {
    statement.asker = kRequester;
    tokens_ = std::make_shared<const crypto::KeyedHash>(*secret);
  }
  statement.public_key = *public_key;
  statement.not_before = absl::FromUnixSeconds(absl::ToUnixSeconds(absl::Now()) - 3600);
  statement.not_after = statement.not_before + absl::Hours(24 * 90);
  return server::node::KeepStatement(keys, id, kEpoch, crypto::SignStatement(statement, authority));
}

absl::StatusOr<std::vector<server::records::IndexRequest>> Federation::Indexes(
    const std::string& agreement) const {
  server::agreements::AgreementsOptions options;
  options.folder = AgreementsOf(agreement);
  options.keys_folder = folder_ + "/keys";
  options.agency = kResponder;
  policies::Report report;
  const auto node = server::node::ReadNodeFolder(folder_, &report);
  if (!node.ok()) return node.status();
  options.signing = server::agreements::SigningRules::Read(*node);
  options.now = [] { return absl::Now(); };
  options.remembered = [] { return std::vector<server::agreements::Remembered>(); };
  options.enter_notice = [](const server::agreements::StopNotice&,
                            const server::agreements::JudgedAgency&) { return absl::OkStatus(); };
  options.adopt = [](const policies::HeldAgreement&, bool) { return absl::OkStatus(); };
  options.adopt_epoch = [](const std::string&, const server::agreements::Epoch&) {
    return absl::OkStatus();
  };
  server::agreements::Agreements held(std::move(options));
  if (absl::Status s = held.Reload(); !s.ok()) return s;
  const auto set = held.Current();
  std::vector<server::records::IndexRequest> requests =
      server::IndexesFor(*set, kResponder, absl::Now());
  if (!requests.empty()) return requests;
  return absl::InternalError(absl::StrCat("an agreement is not as vouchd wants it:\n",
                                          set->report.ToText(""),
                                          set->key_problems.empty() ? "" : set->key_problems[0]));
}

std::string Federation::WriteExtract(uint64_t people) const {
  const std::string path = absl::StrCat(folder_, "/people.csv");
  const synth::Population population(kSeed);
  const synth::Clerk clerk(0, 1, "B");
  std::ofstream out(path, std::ios::binary | std::ios::trunc);
  std::string text = synth::CsvHeader();
  for (uint64_t i = 0; i < people; ++i) {
    synth::AppendCsv(clerk.Write(population.At(i)).front(), &text);
    if (text.size() > (1 << 20)) {
      out << text;
      text.clear();
    }
  }
  out << text;
  return path;
}

absl::Status Federation::Load(const std::string& extract,
                              server::records::LoadReport* report) const {
  server::records::LoadOptions options;
  options.folder = folder_ + "/records";
  options.keys_folder = folder_ + "/keys";
  options.input = extract;
  policies::Report findings;
  auto mapping = server::records::ReadMapping("mapping.yaml",
                                              absl::Substitute(kMapping, kResponder), &findings);
  auto catalogue =
      policies::ReadFactCatalogue("facts.yaml", absl::Substitute(kFacts, kResponder), &findings);
  if (!mapping.has_value() || !catalogue.has_value()) {
    return absl::InternalError(findings.ToText(""));
  }
  options.mapping = *std::move(mapping);
  options.catalogue = *std::move(catalogue);
  options.now = absl::Now();
  options.today = Today();
  options.indexes = keyed_index_;
  return server::records::LoadRecords(options, report);
}

absl::Status Federation::BuildBlindIndex() const {
  server::records::BuildOptions options;
  options.folder = folder_ + "/records";
  options.keys_folder = folder_ + "/keys";
  auto indexes = Indexes(kBlindAgreement);
  if (!indexes.ok()) return indexes.status();
  options.indexes = *std::move(indexes);
  return server::records::BuildIndexes(options);
}

absl::StatusOr<std::unique_ptr<ServerProcess>> Federation::StartNode() const {
  return ServerProcess::Start({OwnFolder() + "/vouchd", "--node", folder_}, folder_ + "/run/listen",
                              folder_ + "/vouchd.log");
}

absl::StatusOr<std::unique_ptr<ServerProcess>> Federation::StartEcho(size_t answer_bytes) const {
  return ServerProcess::Start({OwnFolder() + "/vouch-bench", "serve-echo", "--node", folder_,
                               "--answer-bytes", absl::StrCat(answer_bytes)},
                              folder_ + "/run/echo", folder_ + "/echo.log");
}

LoadOptions Federation::Connection(int port) const {
  LoadOptions options;
  options.port = port;
  options.certificate = requester_file("node.pem");
  options.key = requester_file("node.key");
  options.anchors = folder_ + "/tls/authority.pem";
  return options;
}

std::string Federation::TokensOf(uint64_t person) const {
  const server::records::IndexRequest& index = keyed_index_.front();
  const synth::Record record =
      synth::Clerk(0, 1, "B").Write(synth::Population(kSeed).At(person)).front();
  crypto::Identity identity;
  identity.Add(crypto::Attribute::kSocialSecurityNumber, record.social_security_number);
  identity.Add(crypto::Attribute::kDateOfBirth, record.date_of_birth);
  identity.Add(crypto::Attribute::kGivenName, record.given_name);
  identity.Add(crypto::Attribute::kFamilyName, record.family_name);
  identity.Add(crypto::Attribute::kPostalCode, record.postal_code);
  const crypto::NormalIdentity normal = crypto::NormalizeIdentity(
      identity, *crypto::FindSpellingRules(index.context.profile), index.use, index.today);
  std::string tokens;
  for (uint16_t k = 0; k < index.match.size(); ++k) {
    const std::vector<std::string> inputs =
        crypto::TokenInputs(index.context, k, index.match[k], normal);
    const crypto::Token token =
        inputs.empty() ? crypto::kZeroToken : tokens_->Make(crypto::AsBytes(inputs[0]));
    absl::StrAppend(&tokens, crypto::AsText(token));
  }
  return tokens;
}

template <typename Request>
void Federation::FillQuestion(Request* request) const {
  const auto id = NewId();
  request->set_request_id(id.data(), id.size());
  v1::Question* question = request->mutable_question();
  question->set_agreement_id(kKeyedAgreement);
  question->set_agreement_digest(digest_.data(), digest_.size());
  question->set_question(kQuestion);
  question->set_purpose(kPurpose);
  question->set_epoch(kEpoch);
}

std::vector<std::string> Federation::Requests(uint64_t first, uint64_t count) const {
  std::vector<std::string> requests;
  requests.reserve(count);
  for (uint64_t i = 0; i < count; ++i) {
    v1::VerifyRequest request;
    FillQuestion(&request);
    FillParameters(request.mutable_parameters());
    request.mutable_subject()->set_tokens(TokensOf(first + i));
    request.mutable_subject()->set_member_count(1);
    requests.push_back(request.SerializeAsString());
  }
  return requests;
}

std::string Federation::BatchRequest(uint64_t first, uint64_t count) const {
  v1::VerifyBatchRequest request;
  FillQuestion(&request);
  for (uint64_t i = 0; i < count; ++i) {
    v1::BatchItem* item = request.add_items();
    FillParameters(item->mutable_parameters());
    item->mutable_subject()->set_tokens(TokensOf(first + i));
    item->mutable_subject()->set_member_count(1);
  }
  return request.SerializeAsString();
}

}  // namespace vouch::bench
