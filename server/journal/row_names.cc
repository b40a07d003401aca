#include "server/journal/row_names.h"

#include <algorithm>

namespace vouch::server::journal {

namespace {

enum class Row : uint8_t {
  kTokens = 1,
  kPerson = 2,
  kSeveralPeople = 3,
  kStandIn = 4,
  kFact = 5,
  kAgreement = 6,
  kEpoch = 7,
  kEvaluations = 8,
  kEvaluationKey = 9,
  kRequest = 10,
  kValue = 11,
  kFactStandIn = 12,
  kPaddingTokens = 13,
  kGroupValue = 14,
};

// V and a slot in the shape of a person handle.
crypto::Digest Widen(const RowKey& tokens, uint32_t slot) {
  crypto::Digest out{};
  std::copy(tokens.begin(), tokens.end(), out.begin());
  out[tokens.size()] = static_cast<uint8_t>(slot);
  out[tokens.size() + 1] = static_cast<uint8_t>(slot >> 8);
  return out;
}

RowKey Shorten(const crypto::Digest& mac) {
  RowKey key;
  std::copy_n(mac.begin(), key.size(), key.begin());
  return key;
}

// Names are made a dozen for every answer: the thread's own buffer costs no allocation.
crypto::ByteWriter& Start(uint8_t row) {
  thread_local crypto::ByteWriter out;
  out.Clear();
  out.U8(row);
  return out;
}
crypto::ByteWriter& Start(Row row) { return Start(static_cast<uint8_t>(row)); }

}  // namespace

RowKey RowNames::Tokens(absl::string_view requester, absl::string_view agreement_id,
                        crypto::ByteSpan tokens) const {
  return Shorten(
      key_.Mac(Start(Row::kTokens).Field(requester).Field(agreement_id).Field(tokens).str()));
}

RowKey RowNames::Subject(uint8_t row, absl::string_view requester, absl::string_view scope,
                         const crypto::Digest& who) const {
  return Shorten(key_.Mac(Start(row).Field(requester).Field(scope).Raw(who).str()));
}

RowKey RowNames::Person(absl::string_view requester, absl::string_view agreement_id,
                        const crypto::Digest& person) const {
  return Subject(static_cast<uint8_t>(Row::kPerson), requester, agreement_id, person);
}

RowKey RowNames::SeveralPeople(absl::string_view requester, absl::string_view agreement_id,
                               const crypto::Token& token) const {
  return Subject(static_cast<uint8_t>(Row::kSeveralPeople), requester, agreement_id, token);
}

RowKey RowNames::StandIn(absl::string_view requester, absl::string_view agreement_id,
                         const RowKey& tokens, uint32_t slot) const {
  return Subject(static_cast<uint8_t>(Row::kStandIn), requester, agreement_id, Widen(tokens, slot));
}

RowKey RowNames::PaddingTokens(absl::string_view requester, absl::string_view agreement_id,
                               const RowKey& tokens, uint32_t slot) const {
  return Subject(static_cast<uint8_t>(Row::kPaddingTokens), requester, agreement_id,
                 Widen(tokens, slot));
}

RowKey RowNames::Fact(absl::string_view requester, absl::string_view fact,
                      const crypto::Digest& person) const {
  return Subject(static_cast<uint8_t>(Row::kFact), requester, fact, person);
}

RowKey RowNames::FactStandIn(absl::string_view requester, absl::string_view fact,
                             const RowKey& tokens) const {
  return Subject(static_cast<uint8_t>(Row::kFactStandIn), requester, fact, Widen(tokens, 0));
}

RowKey RowNames::Agreement(absl::string_view requester, absl::string_view agreement_id) const {
  return Shorten(key_.Mac(Start(Row::kAgreement).Field(requester).Field(agreement_id).str()));
}

RowKey RowNames::EpochRow(absl::string_view requester, absl::string_view agreement_id) const {
  return Shorten(key_.Mac(Start(Row::kEpoch).Field(requester).Field(agreement_id).str()));
}

RowKey RowNames::Evaluations(absl::string_view requester, absl::string_view agreement_id) const {
  return Shorten(key_.Mac(Start(Row::kEvaluations).Field(requester).Field(agreement_id).str()));
}

RowKey RowNames::EvaluationKey(absl::string_view agreement_id, uint32_t epoch) const {
  return Shorten(key_.Mac(Start(Row::kEvaluationKey).Field(agreement_id).U32(epoch).str()));
}

RowKey RowNames::Request(absl::string_view requester, crypto::ByteSpan request_id,
                         uint32_t position) const {
  return Shorten(
      key_.Mac(Start(Row::kRequest).Field(requester).Field(request_id).U32(position).str()));
}

uint32_t RowNames::Value(absl::string_view label) const {
  return Fingerprint(key_.Mac(Start(Row::kValue).Field(label).str()));
}

uint32_t RowNames::GroupValue(absl::string_view label, crypto::ByteSpan members) const {
  return Fingerprint(key_.Mac(Start(Row::kGroupValue).Field(label).Field(members).str()));
}

uint32_t RowNames::Fingerprint(const crypto::Digest& mac) {
  return static_cast<uint32_t>(mac[0]) << 24 | static_cast<uint32_t>(mac[1]) << 16 |
         static_cast<uint32_t>(mac[2]) << 8 | mac[3];
}

}  // namespace vouch::server::journal
