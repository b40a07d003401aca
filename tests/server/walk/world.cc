#include "tests/server/walk/world.h"

#include <gtest/gtest.h>

#include "absl/strings/str_cat.h"
#include "crypto/random.h"
#include "crypto/receipt.h"
#include "tests/fakes/memory_journal.h"

namespace vouch::server {

std::vector<crypto::Token> TokensOf(const std::string& person) {
  std::vector<crypto::Token> tokens;
  for (int key = 0; key < 3; ++key) tokens.push_back(crypto::Sha256(absl::StrCat(person, key)));
  return tokens;
}

std::vector<crypto::Token> OnlyKey(size_t key, const std::string& person) {
  std::vector<crypto::Token> tokens(3);
  tokens[key] = TokensOf(person)[key];
  return tokens;
}

World::World(const Terms& chosen, Disk disk) : terms(chosen) {
  digest = std::string(crypto::AsText(folder.Write(terms)));
  folder.AddEpoch(terms, 1, Noon() - absl::Hours(24 * 400), Noon() + absl::Hours(24 * 400));
  folder.AddEpoch(terms, 2, Noon() - absl::Hours(24), Noon() + absl::Hours(24 * 400));
  agreements = std::make_unique<agreements::Agreements>(folder.Options());
  const absl::Status reloaded = agreements->Reload();
  EXPECT_TRUE(reloaded.ok()) << reloaded;
  for (const policies::Finding& finding : agreements->Current()->report.findings()) {
    ADD_FAILURE() << finding.rule << ": " << finding.message;
  }
  for (const std::string& problem : agreements->Current()->key_problems) ADD_FAILURE() << problem;

  if (disk == Disk::kMemory) {
    journal = std::make_unique<fakes::WatchedJournal>(std::make_unique<fakes::MemoryJournal>());
  } else {
    journal::JournalOptions options;
    options.folder = folder.Path("journal");
    options.origin = "tax.example/ledger/2027";
    auto opened = journal::OpenFileJournal(options);
    EXPECT_TRUE(opened.ok()) << opened.status();
    journal = std::make_unique<fakes::WatchedJournal>(*std::move(opened));
  }
  auto log = LedgerLog::Open({folder.Path("tree"), ledger_key, journal.get()});
  EXPECT_TRUE(log.ok()) << log.status();
  ledger_log = *std::move(log);
  records.snapshot->loaded = Noon() - absl::Hours(24);

  rooms.clock = &clock;
  rooms.agreements = agreements.get();
  rooms.records = &records;
  rooms.journal = journal.get();
  rooms.row_names = &row_names;
  rooms.entries = &entries;
  rooms.refusals = &refusals;
  rooms.log = ledger_log.get();
  rooms.receipts = &receipts;
  verification = std::make_unique<Verification>(rooms);
}

crypto::SigningKey World::MakeReceiptKey() {
  crypto::SigningKey key = crypto::SigningKey::Generate(crypto::KeyKind::kP256);
  const absl::Status written =
      crypto::WritePrivateFile(folder.Path("receipt.key"), key.ToPem(crypto::RawSecretAccess{}));
  EXPECT_TRUE(written.ok()) << written;
  receipts.Refresh();
  return key;
}

fakes::FakeSnapshot::Facts World::AddPerson(const std::string& name, int64_t income) {
  auto facts = records.snapshot->Add(name, TokensOf(name));
  if (income >= 0) facts->Hold("income", "tax-year-2025", fakes::Money(income));
  facts->Hold("date_of_birth", "none", fakes::Day(1990, 2, 3));
  return facts;
}

fakes::FakeSnapshot::Facts World::AddFiler(const std::string& name, int64_t income,
                                           uint64_t on_return) {
  auto facts = AddPerson(name, income);
  if (income >= 0) facts->Hold("joint_income", "tax-year-2025", fakes::Money(income));
  if (on_return != 0) facts->OnReturn("joint_income", "tax-year-2025", on_return);
  return facts;
}

Ask World::AboutHousehold(const std::vector<std::string>& members, const std::string& question) {
  Ask ask = About("");
  ask.question = question;
  ask.parameters.clear();
  ask.tokens.clear();
  for (const std::string& member : members) {
    for (const crypto::Token& token : TokensOf(member)) ask.tokens.push_back(token);
  }
  ask.tokens.resize(static_cast<size_t>(terms.household) * 3);
  ask.member_count = static_cast<uint32_t>(members.size());
  return ask;
}

std::string World::NewRequestId() const {
  return std::string(crypto::AsText(crypto::NewUuidV7(absl::ToUnixMillis(clock.Now()))));
}

Ask World::About(const std::string& person) {
  Ask ask;
  ask.request_id = NewRequestId();
  ask.agreement_id = terms.id;
  ask.digest = digest;
  ask.tokens = TokensOf(person);
  return ask;
}

std::shared_ptr<const admission::AdmittedCall> World::AdmitBatch(
    const std::vector<Ask>& asks) const {
  const Ask& ask = asks[0];
  admission::Request request;
  request.is_batch = asks.size() > 1;
  request.request_id = ask.request_id;
  request.agreement_id = ask.agreement_id;
  request.agreement_digest = ask.digest;
  request.question = ask.question;
  request.purpose = ask.purpose;
  request.epoch = ask.epoch;
  request.jws_receipt = ask.jws_receipt;
  for (const Ask& one : asks) {
    admission::RequestedItem item;
    item.parameters = one.parameters;
    std::vector<crypto::CanonicalParameter> canonical;
    for (const auto& [name, value] : one.parameters) {
      crypto::CanonicalParameter parameter;
      parameter.name = name;
      parameter.is_number = absl::holds_alternative<int64_t>(value);
      if (parameter.is_number) {
        parameter.number = absl::get<int64_t>(value);
      } else {
        parameter.code = absl::get<std::string>(value);
      }
      canonical.push_back(parameter);
    }
    item.canonical_parameters = crypto::CanonicalParameters(std::move(canonical));
    for (const crypto::Token& token : one.tokens)
      absl::StrAppend(&item.tokens, std::string(crypto::AsText(token)));
    item.member_count = one.member_count;
    item.consents = one.consents;
    request.items.push_back(std::move(item));
  }
  auto admitted = admission_.Admit(ask.requester, std::move(request));
  if (auto* refusal = absl::get_if<policies::Refusal>(&admitted)) {
    ADD_FAILURE() << "not admitted: " << refusal->field;
    return nullptr;
  }
  return absl::get<std::shared_ptr<const admission::AdmittedCall>>(std::move(admitted));
}

std::shared_ptr<const admission::AdmittedCall> World::Admit(const Ask& ask) const {
  return AdmitBatch({ask});
}

std::vector<Recorded> World::Walk(const std::vector<Ask>& asks) {
  std::vector<Subject> span;
  for (const Ask& ask : asks) span.push_back({Admit(ask), 0});
  return verification->Walk(span);
}

std::string NameOf(const Recorded& recorded) {
  if (const policies::Refusal* refusal = recorded.refused()) {
    return std::string(policies::ReasonName(refusal->reason));
  }
  return std::string(policies::AnswerName(recorded.answered()->answer));
}

std::string World::ReasonOf(const Ask& ask) {
  const Recorded recorded = Walk(ask);
  return recorded.refused() == nullptr ? "" : NameOf(recorded);
}

}  // namespace vouch::server
