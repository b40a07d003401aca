#include "client/vouch/past_answers.h"

#include <map>
#include <memory>
#include <random>
#include <utility>

#include "client/vouch/accounting.h"
#include "crypto/receipt.h"
#include "server/ledger/entry_writer.h"
#include "server/ledger/oversight/log_reader.h"
#include "server/ledger/oversight/people_on_record.h"

namespace vouch::client {
namespace {

namespace ledger = server::ledger;
namespace oversight = server::ledger::oversight;
namespace records = server::records;

absl::optional<PastAnswer> Read(absl::string_view entry, absl::string_view sealed,
                                absl::string_view agreement_id, absl::Time from, absl::Time to) {
  const absl::StatusOr<crypto::SubjectEntry> read = crypto::ReadSubjectEntry(entry);
  if (!read.ok() || read->kind != crypto::EntryKind::kAnswered ||
      read->agreement_id != agreement_id) {
    return absl::nullopt;
  }
  PastAnswer answer;
  answer.at = absl::FromUnixSeconds(int64_t{read->minute} * 60);
  if (answer.at < from || answer.at >= to) return absl::nullopt;
  answer.question = read->question;
  answer.requester = read->requester;
  answer.purpose = read->purpose;
  answer.tag_period = read->tag_period;
  answer.nonce = read->nonce;
  answer.tag = read->tag;
  answer.commitment = read->commitment;
  answer.entry = std::string(entry);
  answer.sealed = std::string(sealed);
  return answer;
}

OpenedAnswer Unopened(const PastAnswer* answer) {
  OpenedAnswer known;
  known.answer = answer;
  return known;
}

}  // namespace

absl::StatusOr<PastAnswers> ReadPastAnswers(const std::string& journal_folder,
                                            absl::string_view agreement_id, absl::Time from,
                                            absl::Time to, size_t most) {
  PastAnswers past;
  crypto::Digest last{};
  std::mt19937_64 draw(1);  // any even draw will do, and the same one each time is easier to trust
  const auto extent = oversight::ReadLog(journal_folder, [&](const oversight::LogEntry& entry) {
    auto answer = Read(entry.entry, entry.sealed, agreement_id, from, to);
    if (!answer.has_value()) return absl::OkStatus();
    // The places of a household stand one behind the other under one commitment.
    const bool another_place = past.in_all > 0 && answer->commitment == last;
    last = answer->commitment;
    if (another_place) return absl::OkStatus();
    ++past.in_all;
    if (most == 0 || past.answers.size() < most) {
      past.answers.push_back(*std::move(answer));
      return absl::OkStatus();
    }
    const uint64_t place = std::uniform_int_distribution<uint64_t>(0, past.in_all - 1)(draw);
    if (place < most) past.answers[place] = *std::move(answer);
    return absl::OkStatus();
  });
  if (!extent.ok()) return extent.status();
  return past;
}

absl::Status OpenPastAnswers(const server::node::NodeFile& node, absl::string_view agreement_id,
                             const std::vector<PastAnswer>& answers,
                             const std::function<void(uint64_t, uint64_t)>& progress,
                             const std::function<void(Opening, const OpenedAnswer&)>& visit) {
  const auto people = oversight::PeopleOnRecord::Open(node.records);
  if (!people.ok()) return people.status();
  ledger::PeriodKeys keys(node.keys + "/periods");
  std::map<uint32_t, std::vector<const PastAnswer*>> months;
  for (const PastAnswer& answer : answers) months[answer.tag_period].push_back(&answer);
  const uint64_t total = people->count() * months.size();
  uint64_t done = 0;
  for (auto& month : months) {
    std::vector<const PastAnswer*>& open = month.second;
    const auto key = keys.Tag(agreement_id, month.first, 0, /*create=*/false);
    if (absl::IsNotFound(key.status())) {
      for (const PastAnswer* answer : open) visit(Opening::kKeyDestroyed, Unopened(answer));
      continue;
    }
    if (!key.ok()) return key.status();
    const absl::Status seen =
        people->ForEach([&](const records::PersonHandle& person, const records::RowFacts& facts) {
          if (progress != nullptr && ++done % 4096 == 0) progress(done, total);
          const crypto::SubjectKey subject(**key, crypto::SubjectKey::Subject::kPerson,
                                           crypto::ByteSpan(person));
          for (size_t i = 0; i < open.size();) {
            const PastAnswer* answer = open[i];
            if (subject.Tag(answer->nonce) != answer->tag) {
              ++i;
              continue;
            }
            open[i] = open.back();
            open.pop_back();
            const auto opened =
                ledger::EntryWriter::OpenWith(subject, answer->entry, answer->sealed);
            OpenedAnswer known;
            known.answer = answer;
            if (!opened.ok() || !ReadParameters(opened->details.parameters, &known.parameters)) {
              visit(Opening::kDamaged, known);
              continue;
            }
            known.answer_given = static_cast<policies::Answer>(opened->details.answer);
            known.undetermined_reason = opened->inner.undetermined_reason;
            known.held_back = people->HeldBack(person);
            known.facts = &facts;
            visit(Opening::kOpened, known);
          }
          return !open.empty();
        });
    if (!seen.ok()) return seen;
    for (const PastAnswer* answer : open) visit(Opening::kNobodyFound, Unopened(answer));
  }
  return absl::OkStatus();
}

}  // namespace vouch::client
