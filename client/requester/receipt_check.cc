#include "client/requester/receipt_check.h"

#include <algorithm>
#include <array>

#include "absl/container/flat_hash_set.h"
#include "absl/strings/str_cat.h"
#include "crypto/random.h"
#include "crypto/secret.h"

namespace vouch::requester {

namespace {

absl::Status Unproven(absl::string_view what) {
  return absl::DataLossError(
      absl::StrCat("the answer is not used, because its receipt does not prove it: ", what,
                   "; keep this message and tell the responder's privacy officer"));
}

absl::Status CheckTime(const SentItem& sent, const crypto::SubjectEntry& entry, absl::Time now) {
  const absl::Time recorded = absl::FromUnixSeconds(int64_t{entry.minute} * 60);
  const absl::Time made = absl::FromUnixMillis(crypto::UuidV7Time(sent.request_id));
  if (recorded > now + kClocksMayDiffer || recorded + absl::Minutes(1) < made - kClocksMayDiffer) {
    return Unproven("its time is more than an hour off this machine's clock");
  }
  const absl::CivilMonth month = absl::ToCivilMonth(recorded, absl::UTCTimeZone());
  const int64_t period = month.year() * 12 + month.month() - 1;
  // The entry's keys are chosen a moment before its minute, at most one month earlier.
  if (entry.tag_period != period && entry.tag_period != period - 1) {
    return Unproven("its tag period is not that of its time");
  }
  return absl::OkStatus();
}

absl::Status CheckEntry(const SentItem& sent, const crypto::SubjectEntry& entry) {
  const policies::Agreement& agreement = sent.agreement->agreement;
  if (entry.kind != crypto::EntryKind::kAnswered) return Unproven("it records no answer");
  if (entry.use != static_cast<uint8_t>(agreement.use)) {
    return Unproven("it is for another use, live or test");
  }
  if (entry.requester != sent.requester) return Unproven("it names another requester");
  if (entry.agreement_id != agreement.id) return Unproven("it names another agreement");
  if (!std::equal(entry.digest_prefix.begin(), entry.digest_prefix.end(),
                  sent.agreement->digest.begin())) {
    return Unproven("it names another revision of the agreement");
  }
  if (entry.purpose != sent.purpose) return Unproven("it names another purpose");
  if (entry.question != sent.question) return Unproven("it names another question");
  if (entry.reason != 0 || entry.retention_class != 0) return Unproven("it has unknown marks");
  return absl::OkStatus();
}

// The receipt's entry, or for a group the first of its slots' entries, which lie one after another
// and differ in nonce and tag alone.
absl::StatusOr<crypto::SubjectEntry> ReadEntries(const SentItem& sent, absl::string_view entries) {
  if (sent.slots == 0 || entries.size() % sent.slots != 0) {
    return Unproven("it has not an entry for each slot of the group");
  }
  const size_t each = entries.size() / sent.slots;
  absl::StatusOr<crypto::SubjectEntry> first = crypto::ReadSubjectEntry(entries.substr(0, each));
  if (!first.ok()) return Unproven(first.status().message());
  absl::flat_hash_set<std::array<uint8_t, 16>> nonces = {first->nonce};
  for (size_t slot = 1; slot < sent.slots; ++slot) {
    absl::StatusOr<crypto::SubjectEntry> other =
        crypto::ReadSubjectEntry(entries.substr(slot * each, each));
    if (!other.ok()) return Unproven(other.status().message());
    if (!nonces.insert(other->nonce).second) return Unproven("it repeats an entry");
    other->nonce = first->nonce;
    other->tag = first->tag;
    if (other->Bytes() != entries.substr(0, each)) {
      return Unproven("the entries of the group's slots differ in what they record");
    }
  }
  return first;
}

// Only one spelling of a day counts, because the details commit to the day and not to its text.
bool ReadDay(absl::string_view text, absl::CivilDay* day) {
  return text.size() == 10 && absl::ParseCivilTime(text, day) &&
         absl::FormatCivilTime(*day) == text;
}

crypto::Details RebuildDetails(const SentItem& sent, const v1::Answered& answered,
                               absl::CivilDay data_as_of, crypto::ByteWriter* scratch) {
  crypto::CanonicalRequest request;
  request.request_id = sent.request_id;
  request.position = sent.position;
  request.requester = sent.requester;
  request.agreement_id = sent.agreement->agreement.id;
  request.agreement_digest = sent.agreement->digest;
  request.question = sent.question;
  request.purpose = sent.purpose;
  request.epoch = sent.epoch;
  request.parameters = sent.parameters;
  request.member_count = sent.member_count;
  request.tokens = crypto::AsBytes(sent.tokens);
  request.consents = crypto::AsBytes(sent.consents);

  crypto::Details details;
  details.answer = static_cast<uint8_t>(answered.answer());
  // On the wire 0 means "not given", so that every reason is one more than in the details.
  details.why = static_cast<uint8_t>(answered.why() - 1);
  details.data_as_of = static_cast<int32_t>(data_as_of - absl::CivilDay(1970, 1, 1));
  details.request = request.Hash(scratch);
  details.request_id = sent.request_id;
  details.position = sent.position;
  details.parameters = std::string(sent.parameters);
  return details;
}

}  // namespace

absl::StatusOr<CheckedAnswer> CheckReceipt(const SentItem& sent, const v1::Answered& answered,
                                           absl::Time now, crypto::ByteWriter* scratch) {
  if (answered.answer() < v1::YES || answered.answer() > v1::UNDETERMINED) {
    return Unproven("the answer is none of the three");
  }
  if (answered.why() < v1::NOT_TOLD || answered.why() > v1::LIMIT_USED_UP ||
      (answered.answer() != v1::UNDETERMINED && answered.why() != v1::NOT_TOLD)) {
    return Unproven("the answer's reason is not one that goes with it");
  }
  CheckedAnswer checked;
  if (!ReadDay(answered.data_as_of(), &checked.data_as_of)) {
    return Unproven("the day of the data is no day");
  }
  const absl::StatusOr<crypto::SubjectEntry> entry = ReadEntries(sent, answered.receipt().entry());
  if (!entry.ok()) return entry.status();
  if (const absl::Status fits = CheckEntry(sent, *entry); !fits.ok()) return fits;
  if (const absl::Status timely = CheckTime(sent, *entry, now); !timely.ok()) return timely;

  crypto::Digest opening;
  const std::string& sent_opening = answered.receipt().opening();
  if (sent_opening.size() != opening.size()) return Unproven("its opening is not 32 bytes");
  std::copy_n(crypto::AsBytes(sent_opening).begin(), opening.size(), opening.begin());
  const crypto::Details details = RebuildDetails(sent, answered, checked.data_as_of, scratch);
  checked.request = scratch->str();
  checked.details = details.Bytes();
  const crypto::Digest commitment = crypto::Commit(opening, checked.details);
  if (!crypto::ConstantTimeEqual(commitment, entry->commitment)) {
    return Unproven("the ledger entry commits to another answer or another request");
  }
  checked.answer = static_cast<policies::Answer>(answered.answer());
  checked.why = static_cast<policies::UndeterminedReason>(answered.why() - 1);
  checked.recorded = absl::FromUnixSeconds(int64_t{entry->minute} * 60);
  return checked;
}

absl::Status CheckObligations(const policies::Question& question,
                              const v1::Obligations& obligations) {
  const auto same = [](const policies::Obligation& agreed, const v1::Obligation& sent) {
    return static_cast<int>(agreed.action) == static_cast<int>(sent.do_()) &&
           static_cast<uint32_t>(agreed.notice_days) == sent.notice_days();
  };
  if (same(question.on_yes, obligations.on_yes()) && same(question.on_no, obligations.on_no()) &&
      same(question.on_undetermined, obligations.on_undetermined())) {
    return absl::OkStatus();
  }
  return absl::DataLossError(
      "the responder says to do something else than the agreement; the answer is not used");
}

}  // namespace vouch::requester
