// A responder from admission to journal, without a network: real agreements, keys, ledger and
// journal; people, clock and faults by hand.
#ifndef VOUCH_TESTS_SERVER_WALK_WORLD_H_
#define VOUCH_TESTS_SERVER_WALK_WORLD_H_

#include <memory>
#include <string>
#include <vector>

#include "server/admission/admission.h"
#include "server/journal/row_names.h"
#include "server/ledger/entry_writer.h"
#include "server/ledger/period_keys.h"
#include "server/ledger/refusal_counter.h"
#include "server/ledger_log.h"
#include "server/receipt_signer.h"
#include "server/verification.h"
#include "tests/fakes/fake_clock.h"
#include "tests/fakes/fake_records.h"
#include "tests/fakes/watched_journal.h"
#include "tests/server/agreements/agreement_folder.h"

namespace vouch::server {

using agreements::Noon;
using agreements::Terms;

// A request to which nothing is to be objected, its parts open to be spoilt.
struct Ask {
  std::string requester = "aid.example";
  std::string request_id;
  std::string agreement_id = "aid-tax-001";
  std::string digest;
  std::string question = "income-small";
  std::string purpose = "eligibility";
  uint32_t epoch = 1;
  policies::Parameters parameters = {{"household_size", int64_t{1}}};
  std::vector<crypto::Token> tokens;
  uint32_t member_count = 1;
  std::string consents;
  bool jws_receipt = false;
};

// The three tokens of a person of that name.
std::vector<crypto::Token> TokensOf(const std::string& person);
// The person by one key alone: the other two could not be formed.
std::vector<crypto::Token> OnlyKey(size_t key, const std::string& person);

class World {
 public:
  enum class Disk { kFile, kMemory };
  explicit World(const Terms& terms = {}, Disk disk = Disk::kFile);

  // A person with an income in cents; below 10,000.00 is YES for a household of 1.
  fakes::FakeSnapshot::Facts AddPerson(const std::string& name, int64_t income);

  // The same, filed on a return: members of one return give the same number.
  fakes::FakeSnapshot::Facts AddFiler(const std::string& name, int64_t income, uint64_t on_return);

  Ask About(const std::string& person);
  // About a household, padded to the terms' size.
  Ask AboutHousehold(const std::vector<std::string>& members,
                     const std::string& question = "household-small");
  std::string NewRequestId() const;
  std::shared_ptr<const admission::AdmittedCall> Admit(const Ask& ask) const;
  std::shared_ptr<const admission::AdmittedCall> AdmitBatch(const std::vector<Ask>& asks) const;

  // One span: each ask a call of its own.
  std::vector<Recorded> Walk(const std::vector<Ask>& asks);
  Recorded Walk(const Ask& ask) { return std::move(Walk(std::vector<Ask>{ask})[0]); }
  // The reason of the refusal, as its name; "" when it is answered.
  std::string ReasonOf(const Ask& ask);

  Terms terms;
  std::string digest;  // of the agreement
  agreements::AgreementFolder folder;
  fakes::FakeClock clock{Noon()};
  fakes::FakeRecords records;
  std::unique_ptr<agreements::Agreements> agreements;
  std::unique_ptr<fakes::WatchedJournal> journal;
  journal::RowNames row_names{crypto::SecretBytes::Random(32)};
  ledger::PeriodKeys period_keys{folder.Path("periods")};
  ledger::EntryWriter entries{&period_keys};
  ledger::RefusalCounter refusals;
  const std::shared_ptr<const crypto::SigningKey> ledger_key =
      std::make_shared<const crypto::SigningKey>(
          crypto::SigningKey::Generate(crypto::KeyKind::kEd25519));
  std::unique_ptr<LedgerLog> ledger_log;
  // Without a key until a test makes one.
  ReceiptSigner receipts{"tax.example", folder.Path("receipt.key")};
  crypto::SigningKey MakeReceiptKey();
  Rooms rooms;
  std::unique_ptr<Verification> verification;

 private:
  const admission::Admission admission_{std::make_shared<admission::Peers>()};
};

std::string NameOf(const Recorded& recorded);

}  // namespace vouch::server

#endif  // VOUCH_TESTS_SERVER_WALK_WORLD_H_
