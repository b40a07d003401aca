#include "server/ledger/oversight/erasure.h"

#include <algorithm>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "server/ledger/oversight/disclosures.h"
#include "server/ledger/oversight/log_reader.h"

namespace vouch::server::ledger::oversight {

namespace {

// A day's remembered answers can be given again for so long after it (docs/data_model.md).
constexpr absl::Duration kRemembered = absl::Hours(24 * 9);

struct TaggedEntry {
  std::array<uint8_t, 16> nonce{};
  std::array<uint8_t, 16> tag{};
};

struct MonthEntries {
  std::vector<TaggedEntry> all;
  std::set<std::array<uint8_t, 8>> revisions;  // under which something was answered
};

absl::StatusOr<MonthEntries> EntriesOf(const std::string& journal, const Period& period) {
  MonthEntries entries;
  const auto extent = ReadLog(journal, [&](const LogEntry& entry) -> absl::Status {
    if (!IsAboutSubject(entry.entry)) return absl::OkStatus();
    const absl::StatusOr<crypto::SubjectEntry> read = crypto::ReadSubjectEntry(entry.entry);
    if (!read.ok()) return absl::DataLossError(read.status().message());
    if (!(Period::Of(*read) == period)) return absl::OkStatus();
    entries.all.push_back({read->nonce, read->tag});
    // Who is refused may have named any revision.
    if (read->kind == crypto::EntryKind::kAnswered) entries.revisions.insert(read->digest_prefix);
    return absl::OkStatus();
  });
  if (!extent.ok()) return extent.status();
  return entries;
}

bool AnyIs(const crypto::SubjectKey& key, const std::vector<TaggedEntry>& entries) {
  return std::any_of(entries.begin(), entries.end(),
                     [&](const TaggedEntry& entry) { return key.Tag(entry.nonce) == entry.tag; });
}

std::string DayOfTime(absl::Time time) {
  return absl::FormatTime("%Y-%m-%d", time, absl::UTCTimeZone());
}

}  // namespace

absl::Duration KeepOf(const std::vector<const policies::Agreement*>& revisions) {
  absl::Duration keep = absl::ZeroDuration();
  for (const policies::Agreement* agreement : revisions) {
    const int64_t years = agreement->keep_ledger / absl::Hours(24 * 365);
    keep = std::max(keep, agreement->keep_ledger + absl::Hours(24) * years);
  }
  return keep;
}

absl::Time EndOfMonth(uint32_t month) {
  return absl::FromCivil(absl::CivilMonth(month / 12, month % 12 + 1) + 1, absl::UTCTimeZone());
}

namespace {

void AddReasonsOfTime(const Period& period, const ErasureRules& rules,
                      std::vector<std::string>* reasons) {
  const absl::Time end = EndOfMonth(period.month);
  if (rules.now < end + kRemembered) {
    reasons->push_back(
        absl::StrCat("its answers can be given again until ", DayOfTime(end + kRemembered)));
  }
  if (rules.keep == absl::InfiniteDuration()) {
    reasons->emplace_back("how long it must be kept is not known");
  } else if (rules.now < end + rules.keep) {
    reasons->push_back(absl::StrCat("the agreement keeps it until ", DayOfTime(end + rules.keep)));
  }
}

absl::Status AddReasonsOfPeople(PeriodKeys* keys, const Period& period, const ErasureRules& rules,
                                const std::vector<LegalHold>& holds,
                                const std::vector<TaggedEntry>& entries,
                                std::vector<std::string>* reasons) {
  for (const LegalHold& hold : holds) {
    if (!hold.agreement_id.empty()) continue;
    PersonKeys person(keys, hold.person);
    const auto candidates = person.Of(period);
    if (!candidates.ok()) return candidates.status();
    if (std::any_of((*candidates)->begin(), (*candidates)->end(),
                    [&](const SubjectKeyOf& one) { return AnyIs(*one.key, entries); })) {
      reasons->push_back(absl::StrCat("the hold ", hold.name, " is on somebody it is about"));
    }
  }
  if (!reasons->empty() || !rules.keep_life_of_record) return absl::OkStatus();
  const auto key =
      keys->Tag(period.agreement_id, period.month, period.retention_class, /*create=*/false);
  if (!key.ok()) return key.status();
  bool on_record = false;
  const absl::Status seen = rules.people([&](const crypto::Digest& person) {
    const crypto::SubjectKey subject(**key, crypto::SubjectKey::Subject::kPerson, person);
    on_record = AnyIs(subject, entries);
    return !on_record;
  });
  if (!seen.ok()) return seen;
  if (on_record) {
    reasons->emplace_back(
        "the agreement keeps it for the life of the record, and somebody it is about is still on "
        "record");
  }
  return absl::OkStatus();
}

absl::Status Judge(PeriodKeys* keys, const Period& period, const ErasureRules& rules,
                   const std::vector<LegalHold>& holds) {
  std::vector<std::string> reasons;
  AddReasonsOfTime(period, rules, &reasons);
  for (const LegalHold& hold : holds) {
    if (hold.agreement_id == period.agreement_id) {
      reasons.push_back(absl::StrCat("the hold ", hold.name, " is on the agreement"));
    }
  }
  // What was found so far is enough, and comparing everybody may take hours.
  if (reasons.empty()) {
    const auto entries = EntriesOf(rules.journal_folder, period);
    if (!entries.ok()) return entries.status();
    for (const std::array<uint8_t, 8>& revision : entries->revisions) {
      if (rules.revisions.count(revision) > 0) continue;
      reasons.push_back(absl::StrCat(
          "answers were given under a revision whose text is not in the agreements folder (its "
          "SHA-256 begins with ",
          crypto::Hex(revision),
          "), so that how long they must be kept is not known: put it back"));
    }
    if (reasons.empty()) {
      absl::Status looked = AddReasonsOfPeople(keys, period, rules, holds, entries->all, &reasons);
      if (!looked.ok()) return looked;
    }
  }
  if (reasons.empty()) return absl::OkStatus();
  return absl::FailedPreconditionError(
      absl::StrCat(period.agreement_id, ", ", MonthText(period.month),
                   " is not erased: ", absl::StrJoin(reasons, "; "), "."));
}

absl::Status Destroy(PeriodKeys* keys, const Period& period, absl::Time now) {
  // First what wraps the keys of single people, day by day: with it each could still be had.
  absl::Status replay = keys->DestroyReplayBefore(DayOf(EndOfMonth(period.month)));
  if (!replay.ok()) return replay;
  return keys->DestroyTag(period.agreement_id, period.month, period.retention_class, now);
}

bool Begun(const PeriodKeys& keys, const Period& period) {
  return keys.DestructionBegan(period.agreement_id, period.month, period.retention_class);
}

}  // namespace

absl::Status MayErase(PeriodKeys* keys, const Period& period, const ErasureRules& rules) {
  if (Begun(*keys, period)) return absl::OkStatus();
  const auto holds = ReadLegalHolds(rules.holds_folder);
  if (!holds.ok()) return holds.status();
  return Judge(keys, period, rules, *holds);
}

absl::Status EraseMonth(PeriodKeys* keys, const Period& period, const ErasureRules& rules) {
  if (Begun(*keys, period)) return Destroy(keys, period, rules.now);
  auto holds = ReadLegalHolds(rules.holds_folder);
  for (;;) {
    if (!holds.ok()) return holds.status();
    if (absl::Status may = Judge(keys, period, rules, *holds); !may.ok()) return may;
    // Judging may have taken hours.
    const absl::StatusOr<HoldsLock> lock = HoldsLock::Take(rules.holds_folder);
    if (!lock.ok()) return lock.status();
    auto again = ReadLegalHolds(rules.holds_folder);
    if (again.ok() && *again == *holds) return Destroy(keys, period, rules.now);
    holds = std::move(again);
  }
}

}  // namespace vouch::server::ledger::oversight
