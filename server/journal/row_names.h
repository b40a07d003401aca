// The pseudonyms under which charges and request ids are kept: HMACs under K_charge, which lies
// outside the journal. docs/data_model.md, "Charges".
#ifndef VOUCH_SERVER_JOURNAL_ROW_NAMES_H_
#define VOUCH_SERVER_JOURNAL_ROW_NAMES_H_

#include "absl/strings/string_view.h"
#include "crypto/bytes.h"
#include "crypto/digest.h"
#include "server/journal/journal.h"

namespace vouch::server::journal {

// Thread-safe.
class RowNames {
 public:
  explicit RowNames(const crypto::SecretBytes& charge_key) : key_(charge_key) {}

  // V: one requester's token vector under one agreement (whatever the revision).
  RowKey Tokens(absl::string_view requester, absl::string_view agreement_id,
                crypto::ByteSpan tokens) const;
  // The three kinds of P cost the same to make, so that time does not tell which it was.
  // One person as found.
  RowKey Person(absl::string_view requester, absl::string_view agreement_id,
                const crypto::Digest& person) const;
  // A key that found several people is charged to its token.
  RowKey SeveralPeople(absl::string_view requester, absl::string_view agreement_id,
                       const crypto::Token& token) const;
  // A stand-in where a key found nobody, or somebody that another key found already.
  RowKey StandIn(absl::string_view requester, absl::string_view agreement_id, const RowKey& tokens,
                 uint32_t slot) const;
  // V of a slot of a group that is padding; `tokens` is the V of its first member.
  RowKey PaddingTokens(absl::string_view requester, absl::string_view agreement_id,
                       const RowKey& tokens, uint32_t slot) const;
  // F: one person and one capped fact, across agreements; with a stand-in for nobody.
  RowKey Fact(absl::string_view requester, absl::string_view fact,
              const crypto::Digest& person) const;
  RowKey FactStandIn(absl::string_view requester, absl::string_view fact,
                     const RowKey& tokens) const;
  RowKey Agreement(absl::string_view requester, absl::string_view agreement_id) const;
  RowKey EpochRow(absl::string_view requester, absl::string_view agreement_id) const;
  RowKey Evaluations(absl::string_view requester, absl::string_view agreement_id) const;
  RowKey EvaluationKey(absl::string_view agreement_id, uint32_t epoch) const;
  RowKey Request(absl::string_view requester, crypto::ByteSpan request_id, uint32_t position) const;
  // A fingerprint of question and parameter values.
  uint32_t Value(absl::string_view label) const;
  // The same asked about a group: `members` names them all, in an order that does not depend on the
  // request's.
  uint32_t GroupValue(absl::string_view label, crypto::ByteSpan members) const;

 private:
  static uint32_t Fingerprint(const crypto::Digest& mac);
  RowKey Subject(uint8_t row, absl::string_view requester, absl::string_view scope,
                 const crypto::Digest& who) const;

  crypto::HmacKey key_;
};

}  // namespace vouch::server::journal

#endif  // VOUCH_SERVER_JOURNAL_ROW_NAMES_H_
