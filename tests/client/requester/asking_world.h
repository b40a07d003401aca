// Two agencies, their authorities, an agreement between them, and a responder that is a fake.
#ifndef VOUCH_TESTS_CLIENT_REQUESTER_ASKING_WORLD_H_
#define VOUCH_TESTS_CLIENT_REQUESTER_ASKING_WORLD_H_

#include <memory>
#include <string>

#include "client/requester/requester.h"
#include "tests/fakes/fake_responder.h"
#include "tests/harness/process.h"

namespace vouch::requester {

inline constexpr char kAsker[] = "fsa.ed.example";
inline constexpr char kAnswerer[] = "irs.treasury.example";
inline constexpr char kQuestion[] = "income-at-or-below-225-percent";
inline constexpr char kPurpose[] = "student-aid-eligibility";

struct TestAuthority {
  explicit TestAuthority(const std::string& name);
  crypto::IssuedCertificate Issue(const std::string& agency) const;
  // Without an agency URI: for "localhost" and `dns_name`.
  crypto::IssuedCertificate IssueUnnamed(const std::string& dns_name) const;
  crypto::IssuedCertificate issued;
};

struct WorldOptions {
  bool blind = false;
  bool consent = true;
  // Who issued, and for whom, the certificate the responder shows.
  bool responder_from_asker_authority = false;
  std::string responder_name = kAnswerer;
  // When given, its certificate names no agency, but this.
  std::string responder_dns_name;
  bool jws = false;   // its agreement lists JWS receipts
  int household = 0;  // its question is about a group of at most so many; 0: about a person
};

class AskingWorld {
 public:
  explicit AskingWorld(const WorldOptions& options = {});

  // A fresh requester with quick retries. Each keeps accepted epochs in this world's folder.
  std::unique_ptr<Requester> Open();
  RequesterOptions Options() const;
  fakes::FakeEpoch MakeEpoch(uint32_t number, const crypto::SigningKey& authority) const;
  fakes::FakeEpoch MakeEpoch(uint32_t number) const { return MakeEpoch(number, key_authority); }
  // As the program of batch_program.cc reads it.
  void Save() const;

  WorldOptions wish;
  tests::TemporaryFolder folder;
  TestAuthority asker_authority{"Authority of the asker"};
  TestAuthority answerer_authority{"Authority of the answerer"};
  crypto::SigningKey key_authority = crypto::SigningKey::Generate(crypto::KeyKind::kP256);
  crypto::IssuedCertificate asker_certificate;
  std::string agreement_text;
  OwnAgreement agreement;
  std::unique_ptr<fakes::FakeResponder> responder;
};

OwnAgreement ReadOwnAgreement(const std::string& text);
// The keyed-hash key of an epoch in every world.
crypto::SecretBytes SharedKey(uint32_t epoch);
RequesterOptions QuickOptions();
// Person number `number`, with a number of the test area.
crypto::Identity TestPerson(int number);
Asking TestAsking(int number = 1);

}  // namespace vouch::requester

#endif  // VOUCH_TESTS_CLIENT_REQUESTER_ASKING_WORLD_H_
