// A responder's folder of agreements and epoch keys in a temporary place.
#ifndef VOUCH_TESTS_SERVER_AGREEMENTS_AGREEMENT_FOLDER_H_
#define VOUCH_TESTS_SERVER_AGREEMENTS_AGREEMENT_FOLDER_H_

#include <map>
#include <string>
#include <vector>

#include "crypto/document_signer.h"
#include "crypto/keys.h"
#include "crypto/token.h"
#include "server/agreements/agreements.h"
#include "tests/harness/process.h"

namespace vouch::server::agreements {

// 2027-06-01 16:00 UTC.
inline absl::Time Noon() {
  return absl::FromCivil(absl::CivilHour(2027, 6, 1, 16), absl::UTCTimeZone());
}

// What a test may want otherwise in the agreement between aid.example and tax.example.
struct Terms {
  std::string id = "aid-tax-001";
  int revision = 1;
  std::string title = "Income check";
  std::string effective = "2027-01-01";
  std::string expires = "2027-12-31";
  std::string token_kind = "blind";
  int times_asked = 4;
  int different_values = 4;
  int new_people = 1000;
  int whole_agreement = 10000;
  int evaluations = 400000;
  std::string capped = "";  // a line of the fact income's definition
  // Questions about a household of at most so many, and a fact held per return; 0: none.
  int household = 0;
  bool jws = false;  // lists JWS receipts
};

class AgreementFolder {
 public:
  AgreementFolder();

  std::string agreements() const { return folder_.Path("agreements"); }
  std::string keys() const { return folder_.Path("keys"); }
  std::string Path(const std::string& name) const { return folder_.Path(name); }

  // Writes the agreement and its facts into a folder of their own; returns the agreement's digest.
  crypto::Digest Write(const Terms& terms, const std::string& folder = "aid");
  void WriteFile(const std::string& name, const std::string& bytes) const;
  void Remove(const std::string& name) const;
  std::string Text(const Terms& terms) const;

  // An announced epoch of the agreement, usable from `not_before`.
  crypto::SignedStatement AddEpoch(const Terms& terms, uint32_t epoch, absl::Time not_before,
                                   absl::Time not_after);
  // A statement of that epoch by another authority.
  crypto::SignedStatement ForgedStatement(const Terms& terms, uint32_t epoch) const;

  // Signs a file for an agency, beside it.
  void Sign(const std::string& name, const std::string& agency) const;
  // One officer of each agency, P-256.
  const crypto::DocumentSigner& Officer(const std::string& agency) const;
  // Of tax.example, with its officer and those of its partners aid.example and loans.example.
  node::NodeFile Agencies() const;
  // Another key's certificate for the same officer, by name.
  crypto::DocumentSigner Another(const std::string& agency) const;
  // A revocation list that revokes that agency's officer, current until then; of nobody when empty.
  std::string Revoked(const std::string& agency, absl::Time until = Noon() + absl::Hours(24)) const;
  // Options that adopt into `adopted`, as the journal would.
  AgreementsOptions Options();

  std::map<std::string, std::vector<std::pair<int64_t, crypto::Digest>>> adopted;
  std::map<std::string, crypto::Digest> adopted_epochs;
  std::vector<Remembered> notices;
  absl::Time now = Noon();
  absl::Status cannot_adopt;  // what every new adoption meets

 private:
  tests::TemporaryFolder folder_;
  const crypto::SigningKey authority_ = crypto::SigningKey::Generate(crypto::KeyKind::kP256);
};

}  // namespace vouch::server::agreements

#endif  // VOUCH_TESTS_SERVER_AGREEMENTS_AGREEMENT_FOLDER_H_
