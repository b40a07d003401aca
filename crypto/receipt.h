// The bytes both agencies must agree on: the canonical request, the ledger entry, and the details
// an entry commits to. Layouts: docs/protocol.md, "Canonical request" and "Ledger entry".
#ifndef VOUCH_CRYPTO_RECEIPT_H_
#define VOUCH_CRYPTO_RECEIPT_H_

#include <array>
#include <cstdint>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/types/span.h"
#include "crypto/bytes.h"
#include "crypto/digest.h"

namespace vouch::crypto {

using RequestId = std::array<uint8_t, 16>;

// A parameter's value: a whole number, or a code.
struct CanonicalParameter {
  absl::string_view name;
  bool is_number = true;
  int64_t number = 0;
  absl::string_view code;
};
// Sorts by name and lays out count and values; the same bytes stand in request and details.
std::string CanonicalParameters(std::vector<CanonicalParameter> parameters);

// One item of one request, as both sides see it.
struct CanonicalRequest {
  absl::Span<const uint8_t> request_id;  // 16 bytes
  uint32_t position = 0;                 // 0 for a single question
  absl::string_view requester;
  absl::string_view agreement_id;
  absl::Span<const uint8_t> agreement_digest;  // 32 bytes
  absl::string_view question;
  absl::string_view purpose;
  uint32_t epoch = 0;
  absl::string_view parameters;  // CanonicalParameters
  uint32_t member_count = 1;
  absl::Span<const uint8_t> tokens;    // 32 bytes each
  absl::Span<const uint8_t> consents;  // 32 bytes each

  // SHA-256 of the canonical bytes. `scratch` is overwritten; hand the same one in again to spare
  // allocations.
  Digest Hash(ByteWriter* scratch) const;
};
// What Hash hashed, read again; its parts point into `bytes`. InvalidArgument for anything else.
absl::StatusOr<CanonicalRequest> ReadCanonicalRequest(absl::string_view bytes);

enum class EntryKind : uint8_t {
  kAnswered = 1,
  kRefused = 2,
  kCountedRefusals = 3,
  kCountedEvaluations = 4,
  kAgreementAdopted = 5,
  kAgreementStopped = 6,
  kEpochStatement = 7,
  kLogClosed = 8,
  kLogOpened = 9,
  kLossDeclared = 10,
  kClockAcknowledged = 11,
};

inline constexpr uint8_t kEntryVersion = 1;

// An entry about one subject: kinds kAnswered and kRefused. It never says the answer.
struct SubjectEntry {
  EntryKind kind = EntryKind::kAnswered;
  uint8_t use = 1;      // 1 live, 2 test
  uint32_t minute = 0;  // since 1970
  std::string requester;
  std::string agreement_id;
  std::array<uint8_t, 8> digest_prefix{};
  std::string purpose;          // empty when the agreement does not list what was asked
  std::string question;         // likewise
  uint32_t tag_period = 0;      // year * 12 + month - 1
  uint8_t retention_class = 0;  // 0: the agreement's keep_ledger
  uint8_t reason = 0;           // kRefused: policies::Reason; otherwise 0
  std::array<uint8_t, 16> nonce{};
  std::array<uint8_t, 16> tag{};
  Digest commitment{};

  std::string Bytes() const;
};
// InvalidArgument for another kind, another version, or malformed bytes.
absl::StatusOr<SubjectEntry> ReadSubjectEntry(absl::string_view bytes);

// Whose call an entry of any kind records: the requester, or empty for what the node entered of its
// own accord. InvalidArgument for bytes that are no entry of version 1, as far as that needs
// reading.
absl::StatusOr<std::string> RequesterOf(absl::string_view entry);

// The minute an entry of any kind was entered, since 1970. InvalidArgument as RequesterOf.
absl::StatusOr<uint32_t> MinuteOf(absl::string_view entry);

// Entries without a subject.
std::string CountedRefusalsEntry(uint32_t minute, absl::string_view requester, uint8_t reason,
                                 uint32_t count);
std::string CountedEvaluationsEntry(uint32_t minute, absl::string_view requester,
                                    absl::string_view agreement_id, uint32_t epoch, uint32_t count);
std::string AgreementAdoptedEntry(uint32_t minute, absl::string_view agreement_id,
                                  uint64_t revision, const Digest& digest,
                                  absl::Span<const std::string> signers);
// What a party's signed notice said: that it stops these revisions, or lifts its own stops.
struct StoppedAgreement {
  absl::string_view agreement_id;
  absl::string_view party;
  bool lifted = false;
  uint64_t first_revision = 0;
  uint64_t last_revision = 0;
  uint64_t second = 0;  // of the notice, since 1970
  Digest text{};        // SHA-256 of its text
};
std::string AgreementStoppedEntry(uint32_t minute, const StoppedAgreement& stopped,
                                  absl::Span<const std::string> signers);
std::string EpochStatementEntry(uint32_t minute, absl::string_view agreement_id, uint32_t epoch,
                                const Digest& statement_digest);
std::string ClockAcknowledgedEntry(uint32_t minute, int64_t seconds_changed);

// What an entry commits to: opened to the requester, who can rebuild it from its own request and
// the response. Fixed layout, the same length for the three answers.
struct Details {
  uint8_t answer = 0;      // 1 yes, 2 no, 3 undetermined; 0 for a refusal
  uint8_t why = 0;         // as told to the requester
  int32_t data_as_of = 0;  // days since 1970
  Digest request{};        // CanonicalRequest::Hash
  RequestId request_id{};
  uint32_t position = 0;
  std::string parameters;  // CanonicalParameters

  std::string Bytes() const;
};
absl::StatusOr<Details> ReadDetails(absl::string_view bytes);

// HMAC-SHA-256(opening, "vouch-details/1" || details). `opening` has exactly 32 bytes by its type:
// HMAC would not tell a shorter key from the same with zeros behind it.
Digest Commit(const Digest& opening, absl::string_view details);

// The keys of one entry, all from K_s: whoever is given K_s opens that subject's entries of one tag
// period and no others.
class SubjectKey {
 public:
  enum class Subject : uint8_t { kPerson = 1, kTokens = 2 };
  // K_s = HMAC(K_period, subject kind || bytes). `subject` is a person handle or the token vector.
  SubjectKey(const HmacKey& period_key, Subject kind, ByteSpan subject);
  // The person's where one was found, else the tokens'. Makes both, so that the time it takes does
  // not tell which. `person` is anything where none was found.
  SubjectKey(const HmacKey& period_key, bool found, const Digest& person, ByteSpan tokens);
  // From a K_s that was handed over or unwrapped.
  explicit SubjectKey(const Digest& key) : raw_(key), key_(ByteSpan(key)) {}
  ~SubjectKey();
  SubjectKey(SubjectKey&&) = delete;

  std::array<uint8_t, 16> Tag(const std::array<uint8_t, 16>& nonce) const;
  Digest Opening(const std::array<uint8_t, 16>& nonce) const;
  // The AES-256-GCM key of what lies sealed beside the entry (HKDF-Expand with K_s as its key).
  Digest SealKey(const std::array<uint8_t, 16>& nonce) const;
  const Digest& raw(RawSecretAccess) const { return raw_; }

 private:
  Digest raw_;
  HmacKey key_;
};

}  // namespace vouch::crypto

#endif  // VOUCH_CRYPTO_RECEIPT_H_
