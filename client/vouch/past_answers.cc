#include "client/vouch/past_answers.h"

#include <fcntl.h>

#include <algorithm>
#include <filesystem>
#include <map>
#include <memory>
#include <random>
#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "crypto/receipt.h"
#include "server/journal/commit_blob.h"
#include "server/journal/log_segment.h"
#include "server/ledger/entry_writer.h"
#include "server/records/facts_file.h"
#include "server/records/holds.h"
#include "server/records/manifest.h"
#include "server/records/overlay.h"

namespace vouch::client {
namespace {

namespace journal = server::journal;
namespace ledger = server::ledger;
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
  answer.entry = std::string(entry);
  answer.sealed = std::string(sealed);
  return answer;
}

// As crypto::CanonicalParameters lays them out.
bool ReadParameters(absl::string_view bytes, policies::Parameters* parameters) {
  crypto::ByteReader in(crypto::AsBytes(bytes));
  const uint16_t count = in.U16();
  for (uint16_t i = 0; i < count && in.ok(); ++i) {
    const std::string name(crypto::AsText(in.Field()));
    if (in.U8() == 1) {
      (*parameters)[name] = static_cast<int64_t>(in.U64());
    } else {
      (*parameters)[name] = std::string(crypto::AsText(in.Field()));
    }
  }
  return in.Finished();
}

// Everybody in the records, with the changes since the last load.
class People {
 public:
  static absl::StatusOr<People> Open(const std::string& folder) {
    People people;
    absl::StatusOr<records::Manifest> manifest = records::ReadManifest(folder);
    if (!manifest.ok()) return manifest.status();
    auto facts = records::FactsFile::Open(absl::StrCat(folder, "/", manifest->facts_file));
    if (!facts.ok()) return facts.status();
    auto overlay = records::Overlay::Read(absl::StrCat(folder, "/", manifest->overlay_file));
    if (!overlay.ok()) return overlay.status();
    auto holds = records::Holds::Read(records::HoldsPath(folder));
    if (!holds.ok()) return holds.status();
    people.facts_ = *std::move(facts);
    people.overlay_ = *std::move(overlay);
    people.holds_ = *std::move(holds);
    return people;
  }

  uint64_t count() const { return facts_->rows() + overlay_->changes().size(); }
  bool HeldBack(const records::PersonHandle& person) const { return holds_->Contains(person); }

  void ForEach(const std::function<void(const records::PersonHandle&, const records::RowFacts&)>&
                   visit) const {
    for (uint32_t record = 0; record < facts_->rows(); ++record) {
      if (overlay_->Find(record) == nullptr) Visit(record, facts_->Row(record), visit);
    }
    for (const auto& [record, change] : overlay_->changes()) {
      if (change.deleted || change.row.size() != facts_->columns()->row_size()) continue;
      Visit(record, reinterpret_cast<const uint8_t*>(change.row.data()), visit);
    }
  }

 private:
  template <typename Visitor>
  void Visit(uint32_t record, const uint8_t* row, const Visitor& visit) const {
    if (row == nullptr || !records::RowIntact(row, facts_->columns()->row_size(), record) ||
        !records::RowPresent(row)) {
      return;
    }
    records::PersonHandle person{};
    records::CopyHandle(row, &person);
    visit(person, records::RowFacts(facts_->columns().get(), row));
  }

  std::unique_ptr<records::FactsFile> facts_;
  std::shared_ptr<const records::Overlay> overlay_;
  std::shared_ptr<const records::Holds> holds_;
};

}  // namespace

absl::StatusOr<PastAnswers> ReadPastAnswers(const std::string& journal_folder,
                                            absl::string_view agreement_id, absl::Time from,
                                            absl::Time to, size_t most) {
  std::vector<std::pair<uint64_t, std::string>> segments;
  std::error_code error;
  for (const auto& file : std::filesystem::directory_iterator(journal_folder, error)) {
    const std::string name = file.path().filename().string();
    absl::string_view number = name;
    uint64_t first = 0;
    if (absl::ConsumePrefix(&number, "commits-") && absl::ConsumeSuffix(&number, ".log") &&
        absl::SimpleAtoi(number, &first)) {
      segments.emplace_back(first, file.path().string());
    }
  }
  if (error || segments.empty()) {
    return absl::NotFoundError(absl::StrCat(journal_folder, " holds no journal to read"));
  }
  std::sort(segments.begin(), segments.end());
  PastAnswers past;
  std::mt19937_64 draw(1);  // any even draw will do, and the same one each time is easier to trust
  for (const auto& [first, path] : segments) {
    const journal::FileHandle file = journal::FileHandle::Open(path, O_RDONLY);
    if (!file.is_open()) {
      return absl::UnavailableError(
          absl::StrCat(path, " cannot be read; run this as the user the node runs as"));
    }
    const auto frames = journal::SegmentFrames::Read(file, first);
    if (!frames.ok()) return frames.status();
    for (const auto& frame : frames->frames()) {
      journal::CommitParts commit;
      if (!journal::DecodeCommit(frame.blob, &commit)) {
        return absl::DataLossError(absl::StrCat(path, ": commit ", frame.commit, " is damaged"));
      }
      for (const auto& item : commit.items) {
        auto answer = Read(item.entry, item.sealed, agreement_id, from, to);
        if (!answer.has_value()) continue;
        ++past.in_all;
        if (most == 0 || past.answers.size() < most) {
          past.answers.push_back(*std::move(answer));
          continue;
        }
        const uint64_t place = std::uniform_int_distribution<uint64_t>(0, past.in_all - 1)(draw);
        if (place < most) past.answers[place] = *std::move(answer);
      }
    }
  }
  return past;
}

absl::Status OpenPastAnswers(const server::node::NodeFile& node, absl::string_view agreement_id,
                             const std::vector<PastAnswer>& answers,
                             const std::function<void(uint64_t, uint64_t)>& progress,
                             const std::function<void(Opening, const OpenedAnswer&)>& visit) {
  const absl::StatusOr<People> people = People::Open(node.records);
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
      for (const PastAnswer* answer : open)
        visit(Opening::kKeyDestroyed, {answer, {}, 0, false, nullptr});
      continue;
    }
    if (!key.ok()) return key.status();
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
        const auto opened = ledger::EntryWriter::OpenWith(subject, answer->entry, answer->sealed);
        OpenedAnswer known;
        known.answer = answer;
        if (!opened.ok() || !ReadParameters(opened->details.parameters, &known.parameters)) {
          visit(Opening::kDamaged, known);
          continue;
        }
        known.undetermined_reason = opened->inner.undetermined_reason;
        known.held_back = people->HeldBack(person);
        known.facts = &facts;
        visit(Opening::kOpened, known);
      }
    });
    for (const PastAnswer* answer : open)
      visit(Opening::kNobodyFound, {answer, {}, 0, false, nullptr});
  }
  return absl::OkStatus();
}

}  // namespace vouch::client
