#include "server/records/snapshot.h"

#include <algorithm>
#include <cstdlib>
#include <cstring>
#include <utility>

#include "absl/strings/str_cat.h"
#include "crypto/token.h"

namespace vouch::server::records {

void WorkCount::Add(const WorkCounters& work) {
  static std::atomic<size_t> next{0};
  thread_local const size_t mine = next.fetch_add(1, std::memory_order_relaxed);
  auto& counts = stripes_[mine % stripes_.size()].counts;
  const uint64_t added[] = {work.index_lookups, work.facts_reads, work.overlay_lookups,
                            work.hold_checks, work.damaged_reads};
  for (size_t i = 0; i < counts.size(); ++i) {
    if (added[i] != 0) counts[i].fetch_add(added[i], std::memory_order_relaxed);
  }
}

WorkCounters WorkCount::Total() const {
  std::array<uint64_t, 5> sum{};
  for (const Stripe& stripe : stripes_) {
    for (size_t i = 0; i < sum.size(); ++i) {
      sum[i] += stripe.counts[i].load(std::memory_order_relaxed);
    }
  }
  WorkCounters total;
  total.index_lookups = sum[0];
  total.facts_reads = sum[1];
  total.overlay_lookups = sum[2];
  total.hold_checks = sum[3];
  total.damaged_reads = sum[4];
  return total;
}

absl::StatusOr<std::shared_ptr<const FileSnapshot>> FileSnapshot::Open(
    const std::string& folder, const crypto::HmacKey& index_key) {
  absl::StatusOr<Manifest> manifest = ReadManifest(folder);
  if (!manifest.ok()) return manifest.status();
  auto snapshot = std::shared_ptr<FileSnapshot>(new FileSnapshot());
  const auto in_folder = [&](const std::string& name) { return absl::StrCat(folder, "/", name); };

  absl::StatusOr<std::unique_ptr<FactsFile>> facts =
      FactsFile::Open(in_folder(manifest->facts_file));
  if (!facts.ok()) return facts.status();
  absl::StatusOr<std::shared_ptr<const Overlay>> overlay =
      Overlay::Read(in_folder(manifest->overlay_file));
  if (!overlay.ok()) return overlay.status();
  absl::StatusOr<std::shared_ptr<const Holds>> holds = Holds::Read(HoldsPath(folder));
  if (!holds.ok()) return holds.status();
  for (const Manifest::Index& named : manifest->indexes) {
    IndexHasher hasher(index_key, named.agreement_id, named.epoch);
    absl::StatusOr<std::unique_ptr<TokenIndex>> index =
        TokenIndex::Open(in_folder(named.file), hasher);
    if (!index.ok()) return index.status();
    if ((*index)->name().agreement_id != named.agreement_id ||
        (*index)->name().epoch != named.epoch || (*index)->name().label != named.label) {
      return absl::DataLossError(
          absl::StrCat(named.file, ": is not the index that the manifest says; build it again"));
    }
    const Overlay::IndexPart* part = (*overlay)->PartFor((*index)->name());
    snapshot->indexes_.push_back({std::move(hasher), std::move(*index), named.made_of, part});
  }

  // Who takes this manifest's place removes its files one by one, and an overlay that is gone reads
  // as one without changes: then those who were deleted would be found again.
  const absl::StatusOr<Manifest> still = ReadManifest(folder);
  if (!still.ok()) return still.status();
  if (still->change != manifest->change) {
    return absl::NotFoundError(absl::StrCat(folder, ": a newer manifest took this one's place"));
  }

  snapshot->people_ = manifest->people;
  for (const auto& [record, change] : (*overlay)->changes()) {
    if (change.row.size() != (*facts)->columns()->row_size()) {
      return absl::DataLossError(absl::StrCat(manifest->overlay_file, ": does not fit the facts"));
    }
    const uint8_t* row = (*facts)->Row(record);
    const bool was_present = row != nullptr && RowPresent(row);
    if (was_present) --snapshot->people_;
    if (!change.deleted) ++snapshot->people_;
  }
  snapshot->manifest_ = std::move(*manifest);
  snapshot->facts_ = std::move(*facts);
  snapshot->overlay_ = std::move(*overlay);
  snapshot->holds_ = std::move(*holds);
  return std::shared_ptr<const FileSnapshot>(std::move(snapshot));
}

const FileSnapshot::OpenIndex* FileSnapshot::FindIndex(absl::string_view agreement_id,
                                                       uint32_t epoch) const {
  for (const OpenIndex& open : indexes_) {
    const IndexName& name = open.index->name();
    if (name.epoch == epoch && name.agreement_id == agreement_id) return &open;
  }
  return nullptr;
}

bool FileSnapshot::Ready(const policies::Agreement& agreement,
                         const crypto::EpochStatement& epoch) const {
  const OpenIndex* index = FindIndex(agreement.id, epoch.epoch);
  return index != nullptr && index->made_of.Fits(agreement, epoch);
}

Resolved Snapshot::MakeResolved(Findings findings) {
  Resolved resolved;
  resolved.match_ = findings.match;
  resolved.person_ = findings.person;
  resolved.matching_key_ = findings.matching_key;
  resolved.by_key_ = std::move(findings.by_key);
  resolved.held_back_ = findings.held_back;
  resolved.row_ = findings.row;
  resolved.owned_facts_ = std::move(findings.owned_facts);
  return resolved;
}

Resolved FileSnapshot::Resolve(const policies::Permit& permit, uint32_t epoch,
                               absl::Span<const crypto::Token> tokens) const {
  const policies::Agreement& agreement = permit.agreement();
  uint32_t despite_mismatch = 0;
  for (size_t k = 0; k < agreement.match.size() && k < kMaxMatchKeys; ++k) {
    if (agreement.match[k].despite_mismatch == policies::DespiteMismatch::kAllow) {
      despite_mismatch |= 1u << k;
    }
  }
  return ResolveTokens(agreement.id, epoch, despite_mismatch, tokens);
}

FileSnapshot::Found FileSnapshot::LookUp(const OpenIndex& index, const crypto::Digest& digest,
                                         WorkCounters* work) const {
  Found found;
  found.digest = digest;
  const IndexValue value = ValueOf(found.digest);
  ++work->index_lookups;
  found.hit = index.index->Find(value);
  if (found.hit.damaged) ++work->damaged_reads;

  // The overlay has the last word on records that changed since the load: what the index says of
  // them is forgotten, unless the index is the younger of the two and the change lists no values.
  ++work->overlay_lookups;
  uint32_t probe = found.hit.record;
  if (found.hit.kind != IndexHit::Kind::kOne) std::memcpy(&probe, found.digest.data() + 16, 4);
  const OverlayChange* change = overlay_->Find(probe);
  const IndexName& name = index.index->name();
  if (change != nullptr && found.hit.kind == IndexHit::Kind::kOne &&
      (change->deleted ||
       change->FindTokens(name.agreement_id, name.epoch, name.label) != nullptr)) {
    found.hit = IndexHit();
  }
  if (index.overlay == nullptr) return found;
  const auto added = index.overlay->records.find(value);
  if (added == index.overlay->records.end()) return found;
  for (const uint32_t record : added->second) {
    if (found.hit.kind == IndexHit::Kind::kNothing) {
      found.hit.kind = IndexHit::Kind::kOne;
      found.hit.record = record;
      found.hit.formed =
          overlay_->Find(record)->FindTokens(name.agreement_id, name.epoch, name.label)->formed;
    } else if (found.hit.record != record) {
      found.hit.kind = IndexHit::Kind::kSeveral;
      found.hit.record = kNoRecord;
    }
  }
  return found;
}

const uint8_t* FileSnapshot::Row(uint32_t record, WorkCounters* work) const {
  const OverlayChange* change = overlay_->Find(record);
  const uint8_t* row = change != nullptr ? reinterpret_cast<const uint8_t*>(change->row.data())
                                         : facts_->Row(record);
  if (row == nullptr || !RowIntact(row, facts_->columns()->row_size(), record)) {
    ++work->damaged_reads;
    return nullptr;
  }
  return row;
}

Resolved FileSnapshot::ResolveTokens(absl::string_view agreement_id, uint32_t epoch,
                                     uint32_t despite_mismatch,
                                     absl::Span<const crypto::Token> tokens) const {
  const OpenIndex* index = FindIndex(agreement_id, epoch);
  if (index == nullptr || tokens.empty() || tokens.size() > kMaxMatchKeys) std::abort();
  WorkCounters work;

  crypto::Token seed = crypto::kZeroToken;
  for (const crypto::Token& token : tokens) {
    if (!crypto::IsZero(token)) {
      seed = token;
      break;
    }
  }
  // All HMACs first, and nothing between them: the look-ups that follow then wait for memory
  // together.
  absl::InlinedVector<crypto::Digest, 4> digests;
  for (size_t k = 0; k < tokens.size(); ++k) {
    const auto key_number = static_cast<uint16_t>(k);
    digests.push_back(crypto::IsZero(tokens[k]) ? index->hasher.HashInPlace(key_number, seed)
                                                : index->hasher.Hash(key_number, tokens[k]));
  }
  for (const crypto::Digest& digest : digests) index->index->Prefetch(ValueOf(digest));
  absl::InlinedVector<Found, 4> found;
  int winning = -1;
  bool several = false, damaged = false;
  for (size_t k = 0; k < tokens.size(); ++k) {
    found.push_back(LookUp(*index, digests[k], &work));
    const IndexHit& hit = found.back().hit;
    damaged = damaged || hit.damaged;
    if (hit.kind == IndexHit::Kind::kSeveral) several = true;
    if (hit.kind != IndexHit::Kind::kOne) continue;
    if (winning < 0) winning = static_cast<int>(k);
    if (hit.record != found[static_cast<size_t>(winning)].hit.record) several = true;
  }

  // One row is read whatever was found: the record's, or one that the tokens choose.
  uint32_t record = 0;
  if (winning >= 0) {
    record = found[static_cast<size_t>(winning)].hit.record;
  } else if (facts_->rows() > 0) {
    uint64_t choice;
    std::memcpy(&choice, found[0].digest.data() + 16, sizeof(choice));
    record = static_cast<uint32_t>(choice % facts_->rows());
  }
  ++work.facts_reads;
  const bool nobody = winning < 0 && facts_->rows() == 0;
  const uint8_t* row = nobody ? nullptr : Row(record, &work);

  Findings findings;
  findings.person = found[0].digest;
  if (row != nullptr) {
    findings.row = RowFacts(facts_->columns().get(), row);
    PersonHandle read;
    CopyHandle(row, &read);
    if (winning >= 0) findings.person = read;
  }
  for (const Found& one : found) {
    KeyFinding finding;
    finding.kind = static_cast<KeyFinding::Kind>(one.hit.kind);
    finding.person = one.digest;
    if (one.hit.kind == IndexHit::Kind::kOne) {
      if (one.hit.record == record) {
        finding.person = findings.person;
      } else if (const uint8_t* other = Row(one.hit.record, &work); other != nullptr) {
        CopyHandle(other, &finding.person);
      }
    }
    findings.by_key.push_back(finding);
  }

  if (several) {
    findings.match = Match::kSeveral;
    findings.person = found[0].digest;
  } else if (damaged) {
    // What stood there might have been somebody else, or a mismatch.
    findings.person = found[0].digest;
  } else if (winning >= 0 && row != nullptr) {
    findings.match = Match::kOne;
    findings.matching_key = winning;
    const uint8_t formed = found[static_cast<size_t>(winning)].hit.formed;
    for (int k = 0; k < winning; ++k) {
      const bool had_token = (formed >> k & 1) != 0;
      const bool sent = !crypto::IsZero(tokens[static_cast<size_t>(k)]);
      if (had_token && sent && (despite_mismatch >> winning & 1) == 0) {
        findings.match = Match::kMismatch;
      }
    }
  }
  ++work.hold_checks;
  findings.held_back = holds_->Contains(findings.person);
  work_.Add(work);
  return MakeResolved(std::move(findings));
}

}  // namespace vouch::server::records
