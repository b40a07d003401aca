#include "server/ledger/oversight/pruning.h"

#include <map>
#include <set>

#include "absl/strings/str_cat.h"
#include "crypto/receipt.h"
#include "server/ledger/oversight/disclosures.h"
#include "server/ledger/oversight/subject_keys.h"
#include "server/ledger/tree/segment_file.h"

namespace vouch::server::ledger::oversight {

namespace {

// Why the segment must stay; empty when it may be pruned.
absl::StatusOr<std::string> KeptBy(const tree::SegmentFile& segment, const std::set<Period>& erased,
                                   uint64_t* about_subjects) {
  const uint64_t first = segment.number() * tree::kSegmentEntries;
  uint64_t index = first;
  for (uint32_t bundle = 0; index < first + segment.entries(); ++bundle) {
    const absl::StatusOr<std::vector<std::string>> entries = segment.Bundle(bundle);
    if (!entries.ok()) return entries.status();
    for (const std::string& entry : *entries) {
      const uint64_t at = index++;
      if (!IsAboutSubject(entry)) continue;
      ++*about_subjects;
      const absl::StatusOr<crypto::SubjectEntry> read = crypto::ReadSubjectEntry(entry);
      if (!read.ok()) {
        return absl::DataLossError(absl::StrCat("entry ", at, ": ", read.status().message()));
      }
      const Period period = Period::Of(*read);
      if (erased.count(period) == 0) {
        return absl::StrCat("entry ", at, " is of ", period.agreement_id, ", ",
                            MonthText(period.month), ", which was not erased");
      }
    }
  }
  return std::string();
}

}  // namespace

absl::StatusOr<Pruned> PruneLog(const PeriodKeys& keys, const PruneRules& rules) {
  const absl::StatusOr<std::vector<PeriodKeys::TagName>> names = keys.ErasedTags();
  if (!names.ok()) return names.status();
  std::set<Period> erased;
  for (const PeriodKeys::TagName& name : *names) {
    erased.insert({name.agreement_id, name.tag_period, name.retention_class});
  }
  Pruned pruned;
  for (uint64_t number = 0;; ++number) {
    const absl::StatusOr<tree::SegmentFile> segment =
        tree::SegmentFile::Open(tree::SegmentPath(rules.folder, number), rules.origin, number);
    if (absl::IsNotFound(segment.status())) return pruned;
    if (!segment.ok()) return segment.status();
    if (!segment->pruned()) {
      uint64_t about_subjects = 0;
      const absl::StatusOr<std::string> kept_by = KeptBy(*segment, erased, &about_subjects);
      if (!kept_by.ok()) return kept_by.status();
      if (!kept_by->empty()) {
        pruned.stopped_by = *kept_by;
        return pruned;
      }
      if (rules.write) {
        const absl::StatusOr<tree::SegmentFile> left =
            segment->Prune([](absl::string_view entry) { return !IsAboutSubject(entry); });
        if (!left.ok()) return left.status();
      }
      ++pruned.segments;
      pruned.dropped += about_subjects;
    }
    pruned.minimum = number * tree::kSegmentEntries + segment->entries();
    rules.progress(pruned.minimum);
  }
}

}  // namespace vouch::server::ledger::oversight
