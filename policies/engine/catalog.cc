#include "policies/engine/catalog.h"

#include <algorithm>
#include <set>
#include <tuple>
#include <utility>

#include "absl/strings/escaping.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "policies/engine/formats.h"
#include "policies/engine/tree.h"

namespace vouch::policies {
namespace {

std::string Hex(const FileDigest& digest) {
  return absl::BytesToHexString(
      absl::string_view(reinterpret_cast<const char*>(digest.data()), digest.size()));
}

// "a/b.yaml" and "facts.yaml" make "a/facts.yaml".
std::string Beside(absl::string_view file, absl::string_view other) {
  const size_t slash = file.rfind('/');
  return slash == absl::string_view::npos ? std::string(other)
                                          : absl::StrCat(file.substr(0, slash + 1), other);
}

struct ReadFacts {
  absl::optional<FactCatalogue> catalogue;
  FileDigest digest{};
};

struct Candidate {
  const CatalogFile* file = nullptr;
  std::shared_ptr<HeldAgreement> held;  // nullptr when the file could not be read as an agreement
  bool good = false;
};

// Builds the parts of one catalog; Catalog::Build puts them in.
class CatalogBuild {
 public:
  CatalogBuild(const Catalog::Options& options, const Catalog* previous,
               const ReferenceTables& tables, Report* report)
      : options_(options), previous_(previous), tables_(tables), report_(report) {}

  void Run(const std::vector<CatalogFile>& files) {
    for (const CatalogFile& file : files) {
      if (!absl::EndsWith(file.name, ".yaml") && !absl::EndsWith(file.name, ".yml")) continue;
      digests_[file.name] = file.digest;
      const absl::string_view format = FormatOf(file.bytes);
      if (format == "vouch-agreement") {
        candidates_.push_back({&file, nullptr, false});
      } else if (format == "vouch-facts") {
        facts_[file.name] = {ReadFactCatalogue(file.name, file.bytes, report_), file.digest};
      } else if (format == "vouch-table") {
        AddTable(file);
      } else if (!IsKnownFormat(format)) {
        Add("catalog/unknown-format", file, "format", "this file does not say what it is",
            FormatMend(format));
        // It may be an agreement whose first line was spoilt; what was held of it stays.
        broken_files_.insert(file.name);
      }
    }
    for (Candidate& candidate : candidates_) Read(&candidate);
    RefuseTwins();
    RefuseLower();
    Keep();
  }

  std::vector<std::shared_ptr<const HeldAgreement>> TakeAll() {
    for (auto& held : all_) ApplyStops(&held);
    std::sort(all_.begin(), all_.end(), [](const auto& a, const auto& b) {
      return std::tie(a->agreement.id, a->agreement.revision) <
             std::tie(b->agreement.id, b->agreement.revision);
    });
    return std::move(all_);
  }
  ReferenceTables TakeTables() { return std::move(tables_); }

 private:
  // What is held from before is held by others too, and never changed in place.
  void ApplyStops(std::shared_ptr<const HeldAgreement>* held) const {
    const Agreement& agreement = (*held)->agreement;
    std::vector<Stop> stops;
    for (const Stop& stop : options_.stops) {
      const bool party = stop.party == agreement.answers || agreement.IsAsker(stop.party);
      if (party && stop.agreement_id == agreement.id && stop.first_revision <= agreement.revision &&
          agreement.revision <= stop.last_revision) {
        stops.push_back(stop);
      }
    }
    if (stops.empty() && (*held)->stops.empty()) return;
    auto changed = std::make_shared<HeldAgreement>(**held);
    changed->stops = std::move(stops);
    *held = std::move(changed);
  }

  void Add(absl::string_view rule, const CatalogFile& file, absl::string_view path,
           std::string message, std::string mend, Severity severity = Severity::kError) {
    Finding finding;
    finding.severity = severity;
    finding.rule = std::string(rule);
    finding.file = file.name;
    finding.position = {1, 1};
    finding.path = std::string(path);
    Report ignored;
    if (!path.empty()) {
      const absl::optional<Tree> tree = ReadTree(file.name, file.bytes, &ignored);
      if (tree.has_value()) {
        const Node& node = NodeAt(tree->root, path);
        finding.position = node.position;
        finding.offending = Shown(node.text);
      }
    }
    finding.message = std::move(message);
    finding.mend = std::move(mend);
    finding.cite = absl::StrCat("docs/agreements.md section 6, ", rule);
    report_->Add(std::move(finding));
  }

  void AddTable(const CatalogFile& file) {
    absl::optional<ReferenceTable> table =
        ReadReferenceTable(file.name, file.bytes, file.digest, report_);
    if (!table.has_value()) return;
    const ReferenceTable* other = tables_.Find(table->name);
    if (other != nullptr && other->digest != table->digest) {
      Add("catalog/table-repeated", file, "table.name",
          absl::StrCat("there is another table `", table->name, "`"),
          "keep the one that the agreements pin");
      return;
    }
    tables_.Add(std::move(*table));
  }

  void Read(Candidate* candidate) {
    const CatalogFile& file = *candidate->file;
    Report own;
    absl::optional<Agreement> agreement =
        ReadAgreement(file.name, file.bytes, options_.known, &own);
    report_->Merge(own);
    if (!agreement.has_value()) {
      broken_files_.insert(file.name);
      return;
    }
    candidate->held = std::make_shared<HeldAgreement>();
    candidate->held->agreement = std::move(*agreement);
    candidate->held->digest = file.digest;
    candidate->held->file = file.name;
    candidate->held->signatures = file.signatures;
    CountSignatures(candidate);
    candidate->good = Fits(candidate);
    if (!candidate->good) Spoil(candidate);
  }

  void CountSignatures(Candidate* candidate) const {
    const CatalogFile& file = *candidate->file;
    HeldAgreement& held = *candidate->held;
    const Agreement& agreement = held.agreement;
    const auto has_signed = [&](const std::string& agency) {
      return options_.as_if_signed || file.signed_by.count(agency) > 0;
    };
    // An asker's node is interested in itself, a contractor's in whom it acts for.
    const absl::string_view own = agreement.AskerBehind(options_.agency);
    for (const std::string& asker : agreement.asks) {
      if (!has_signed(agreement.answers) || !has_signed(asker)) {
        held.unsigned_askers.insert(asker);
      } else if (agreement.answers == options_.agency || own.empty() || own == asker) {
        held.signatures_satisfied = true;
      }
    }
  }

  void Spoil(Candidate* candidate) {
    candidate->good = false;
    broken_files_.insert(candidate->file->name);
    // What the caller will not have keeps nothing alive but what it stands in the place of.
    if (candidate->file->refused.empty()) broken_ids_.insert(candidate->held->agreement.id);
  }

  bool Fits(Candidate* candidate) {
    const CatalogFile& file = *candidate->file;
    const Agreement& agreement = candidate->held->agreement;
    bool good = true;
    if (agreement.use != options_.use) {
      Add("catalog/other-use", file, "agreement.use",
          absl::StrCat("this node loads agreements for ",
                       options_.use == Use::kLive ? "live" : "test", " use only"),
          "load it on a node of its own kind");
      good = false;
    }
    const bool acts = agreement.acting_for.count(options_.agency) > 0;
    if (!agreement.IsAsker(options_.agency) && agreement.answers != options_.agency && !acts) {
      Add("catalog/no-party", file, "parties",
          absl::StrCat("`", options_.agency, "` is no party to this agreement"),
          "remove the file, or mend the parties");
      good = false;
    }
    if (!file.refused.empty()) {
      Add("catalog/not-adopted", file, "agreement.revision", file.refused,
          "agree on a revision with a higher number; if the ledger cannot be written, mend that");
      good = false;
    }
    return CheckPins(candidate) && good;
  }

  bool CheckPins(Candidate* candidate) {
    const CatalogFile& file = *candidate->file;
    const Agreement& agreement = candidate->held->agreement;
    bool good = true;
    bool facts_named = false;
    for (size_t i = 0; i < agreement.pins.size(); ++i) {
      const Pin& pin = agreement.pins[i];
      const std::string path = absl::StrCat("agreement.pins[", i + 1, "].sha256");
      std::string found;
      if (pin.file.empty()) {
        const ReferenceTable* table = tables_.Find(pin.table);
        if (table != nullptr) found = Hex(table->digest);
      } else {
        const auto digest = digests_.find(Beside(file.name, pin.file));
        if (digest != digests_.end()) found = Hex(digest->second);
      }
      const std::string what = pin.file.empty() ? absl::StrCat("the table `", pin.table, "`")
                                                : absl::StrCat("the file `", pin.file, "`");
      if (found.empty()) {
        Add("catalog/pin-missing", file, path, absl::StrCat(what, " is pinned but not here"),
            pin.file.empty() ? "copy the table's file into the agreements folder"
                             : "copy the file beside the agreement");
        good = false;
      } else if (found != pin.sha256) {
        Add("catalog/pin", file, path,
            absl::StrCat(what, " has the digest ", found, ", not the one that was agreed"),
            "bring back the file that both agencies agreed on, or agree on a new revision");
        good = false;
      }
      const auto facts = facts_.find(Beside(file.name, pin.file));
      if (pin.file.empty() || facts == facts_.end()) continue;
      if (facts_named) {
        Add("catalog/several-facts", file, absl::StrCat("agreement.pins[", i + 1, "].file"),
            "a second fact catalogue is pinned, and nothing says which of the two says what a fact "
            "means",
            "pin one; put the facts that are needed into it");
        good = false;
        continue;
      }
      facts_named = true;
      if (!facts->second.catalogue.has_value()) {
        good = false;  // its errors are reported under its own name
      } else if (found == pin.sha256) {
        Report own;
        CheckAgainstFacts(agreement, file.name, *facts->second.catalogue, &own);
        report_->Merge(own);
        good = good && !own.HasErrors();
        candidate->held->facts = *facts->second.catalogue;
      }
    }
    if (good && !facts_named) {
      Add("catalog/no-facts", file, "agreement.pins",
          "none of the pinned files is a fact catalogue (format \"vouch-facts/1\")",
          "pin the answering agency's facts.yaml");
      good = false;
    }
    return good;
  }

  // Of files that are the same to the byte, the one that most have signed stands for all: a copied
  // folder is no second file of a revision.
  void DropCopies(std::vector<Candidate*>* twins) {
    std::stable_sort(twins->begin(), twins->end(), [](const Candidate* a, const Candidate* b) {
      return a->file->signed_by.size() > b->file->signed_by.size();
    });
    std::vector<Candidate*> kept;
    for (Candidate* twin : *twins) {
      const auto same = std::find_if(kept.begin(), kept.end(), [&](const Candidate* one) {
        return one->file->digest == twin->file->digest;
      });
      if (same == kept.end()) {
        kept.push_back(twin);
        continue;
      }
      Add("catalog/copy", *twin->file, "",
          absl::StrCat("this is `", (*same)->file->name,
                       "` once more, to the byte; that one counts"),
          "remove this copy", Severity::kWarning);
      // Not spoilt: that would keep what was held of the one that counts.
      twin->good = false;
      twin->held = nullptr;
    }
    *twins = std::move(kept);
  }

  void RefuseTwins() {
    std::map<std::pair<std::string, int64_t>, std::vector<Candidate*>> by_revision;
    for (Candidate& candidate : candidates_) {
      // Whoever was refused already takes nothing from another.
      if (candidate.held == nullptr || !candidate.file->refused.empty()) continue;
      const Agreement& agreement = candidate.held->agreement;
      by_revision[{agreement.id, agreement.revision}].push_back(&candidate);
    }
    for (auto& [key, twins] : by_revision) {
      DropCopies(&twins);
      if (twins.size() < 2) continue;
      const auto is_signed = [](const Candidate* one) { return one->held->signatures_satisfied; };
      const auto all_signed = std::count_if(twins.begin(), twins.end(), is_signed);
      for (Candidate* twin : twins) {
        // A draft that nobody signed does no harm to the one that was countersigned.
        if (all_signed == 1 && is_signed(twin)) continue;
        const Candidate* other = twin == twins[0] ? twins[1] : twins[0];
        Add("catalog/same-revision", *twin->file, "agreement.revision",
            absl::StrCat("`", other->file->name, "` is revision ", key.second, " of `", key.first,
                         "` too"),
            "keep one of the files, or count the revision up");
        Spoil(twin);
      }
    }
  }

  void RefuseLower() {
    if (previous_ == nullptr) return;
    std::map<std::string, const HeldAgreement*> highest;
    std::map<std::pair<std::string, int64_t>, FileDigest> held;
    for (const auto& h : previous_->all()) {
      // What was never countersigned was never adopted.
      if (!h->signatures_satisfied) continue;
      highest[h->agreement.id] = h.get();  // ordered by revision
      held[{h->agreement.id, h->agreement.revision}] = h->digest;
    }
    // Whether the highest revision held is still there, or at least its file is.
    std::set<std::string> present;
    for (const Candidate& candidate : candidates_) {
      if (candidate.held == nullptr) continue;
      const auto top = highest.find(candidate.held->agreement.id);
      if (top == highest.end()) continue;
      if (candidate.held->agreement.revision >= top->second->agreement.revision ||
          broken_files_.count(top->second->file) > 0) {
        present.insert(top->first);
      }
    }
    for (Candidate& candidate : candidates_) {
      if (!candidate.good) continue;
      const Agreement& agreement = candidate.held->agreement;
      const auto top = highest.find(agreement.id);
      if (top == highest.end()) continue;
      const auto same = held.find({agreement.id, agreement.revision});
      const int64_t top_revision = top->second->agreement.revision;
      if (same != held.end() && same->second != candidate.file->digest) {
        Add("catalog/revision-changed", *candidate.file, "agreement.revision",
            absl::StrCat("revision ", agreement.revision, " of `", agreement.id,
                         "` was held with other bytes, digest ", Hex(same->second)),
            "count the revision up, or bring back the file as it was");
        Spoil(&candidate);
      } else if (agreement.revision < top_revision &&
                 (same == held.end() || present.count(agreement.id) == 0)) {
        Add("catalog/lower-revision", *candidate.file, "agreement.revision",
            absl::StrCat("revision ", top_revision, " of `", agreement.id, "` was held; revision ",
                         agreement.revision, " is lower"),
            absl::StrCat("bring back revision ", top_revision, ", or agree on a higher one"));
        Spoil(&candidate);
      }
    }
  }

  void Keep() {
    std::set<std::pair<std::string, int64_t>> taken;
    // One that took the place of another's file before it was signed.
    std::set<std::string> unsigned_files;
    for (const Candidate& candidate : candidates_) {
      if (!candidate.good) continue;
      taken.insert({candidate.held->agreement.id, candidate.held->agreement.revision});
      if (!candidate.held->signatures_satisfied) unsigned_files.insert(candidate.file->name);
      all_.push_back(candidate.held);
    }
    if (previous_ == nullptr) return;
    std::map<std::string, int64_t> top;  // the highest countersigned revision held before
    for (const auto& held : previous_->all()) {
      if (held->signatures_satisfied) top[held->agreement.id] = held->agreement.revision;
    }
    // The highest first: a lower one is kept only beside the one that took its place, or whoever
    // takes that one away while he spoils this one's file would bring this one back.
    const auto& before = previous_->all();
    for (auto at = before.rbegin(); at != before.rend(); ++at) {
      const auto& held = *at;
      const bool disturbed = broken_files_.count(held->file) > 0 ||
                             broken_ids_.count(held->agreement.id) > 0 ||
                             (held->signatures_satisfied && unsigned_files.count(held->file) > 0);
      if (!disturbed || taken.count({held->agreement.id, held->agreement.revision}) > 0) continue;
      const auto highest = top.find(held->agreement.id);
      const bool lower = highest != top.end() && held->agreement.revision < highest->second &&
                         std::none_of(all_.begin(), all_.end(), [&](const auto& other) {
                           return other->signatures_satisfied &&
                                  other->agreement.id == held->agreement.id &&
                                  other->agreement.revision >= highest->second;
                         });
      if (!lower && KeepTables(*held)) all_.push_back(held);
    }
  }

  // What is kept goes on with the tables it was agreed with, unless another agreement has moved on.
  bool KeepTables(const HeldAgreement& held) {
    std::vector<const ReferenceTable*> old;
    for (const Pin& pin : held.agreement.pins) {
      if (pin.table.empty()) continue;
      const ReferenceTable* now = tables_.Find(pin.table);
      if (now != nullptr && Hex(now->digest) == pin.sha256) continue;
      const ReferenceTable* before = previous_->tables().Find(pin.table);
      const bool others = std::any_of(all_.begin(), all_.end(), [&](const auto& other) {
        return std::any_of(
            other->agreement.pins.begin(), other->agreement.pins.end(),
            [&](const Pin& p) { return p.table == pin.table && p.sha256 != pin.sha256; });
      });
      if (before == nullptr || Hex(before->digest) != pin.sha256 || others) return false;
      old.push_back(before);
    }
    for (const ReferenceTable* table : old) tables_.Add(*table);
    return true;
  }

  const Catalog::Options& options_;
  const Catalog* previous_;
  ReferenceTables tables_;
  Report* report_;
  std::map<std::string, FileDigest> digests_;
  std::map<std::string, ReadFacts> facts_;
  std::vector<Candidate> candidates_;
  std::set<std::string> broken_files_;
  std::set<std::string> broken_ids_;
  std::vector<std::shared_ptr<const HeldAgreement>> all_;
};

}  // namespace

absl::string_view AgreementStateName(AgreementState state) {
  switch (state) {
    case AgreementState::kUnsigned:
      return "unsigned";
    case AgreementState::kWaiting:
      return "waiting";
    case AgreementState::kInForce:
      return "in_force";
    case AgreementState::kChangeover:
      return "changeover";
    case AgreementState::kExpired:
      return "expired";
    case AgreementState::kStopped:
      return "stopped";
    case AgreementState::kNotReady:
      return "not_ready";
  }
  return "";
}

bool HeldAgreement::SignedFor(absl::string_view asker) const {
  return signatures_satisfied && unsigned_askers.count(std::string(asker)) == 0;
}

bool HeldAgreement::StoppedFor(absl::string_view asker) const {
  return std::any_of(stops.begin(), stops.end(), [&](const Stop& stop) {
    return stop.party == agreement.answers || stop.party == asker;
  });
}

AgreementState HeldAgreement::StateAt(absl::Time now) const {
  const bool stopped = std::all_of(agreement.asks.begin(), agreement.asks.end(),
                                   [&](const std::string& asker) { return StoppedFor(asker); });
  return StateOf(signatures_satisfied, stopped, now);
}

AgreementState HeldAgreement::StateFor(absl::string_view asker, absl::Time now) const {
  return StateOf(SignedFor(asker), StoppedFor(asker), now);
}

AgreementState HeldAgreement::StateOf(bool is_signed, bool stopped, absl::Time now) const {
  // Stopped before everything, as its party said so; then expiry: nothing, a missing signature
  // included, makes an expired agreement look revivable.
  if (stopped) return AgreementState::kStopped;
  if (now >= agreement.expires_at) return AgreementState::kExpired;
  if (!is_signed) return AgreementState::kUnsigned;
  if (now < agreement.effective_from) return AgreementState::kWaiting;
  return AgreementState::kInForce;
}

namespace {

// A renewal takes effect on the first day of the term it renews, long before anyone has it. It says
// nothing new until the renewed term is over, so the file before it stays good until then.
absl::Time ChangeoverEnd(const Agreement& newer) {
  if (newer.renewed_from.has_value()) return absl::InfiniteFuture();
  return newer.effective_from + newer.changeover;
}

}  // namespace

std::shared_ptr<const Catalog> Catalog::Build(const std::vector<CatalogFile>& files,
                                              const Options& options,
                                              std::shared_ptr<const Catalog> previous,
                                              const ReferenceTables& tables, Report* report) {
  CatalogBuild build(options, previous.get(), tables, report);
  build.Run(files);
  auto catalog = std::make_shared<Catalog>();
  catalog->all_ = build.TakeAll();
  catalog->tables_ = build.TakeTables();
  for (const auto& held : catalog->all_) {
    catalog->by_id_[held->agreement.id].push_back(held.get());
  }
  if (options.ends_changeover == nullptr) return catalog;
  for (const auto& [id, revisions] : catalog->by_id_) {
    for (const HeldAgreement* newer : revisions) {
      if (ChangeoverEnd(newer->agreement) <= newer->agreement.effective_from) continue;
      for (const HeldAgreement* older : revisions) {
        if (older->agreement.revision < newer->agreement.revision &&
            Hex(older->digest) == newer->agreement.replaces &&
            !options.ends_changeover(*older, *newer, catalog->tables_)) {
          catalog->replaced_[newer] = older;
        }
      }
    }
  }
  return catalog;
}

const HeldAgreement* Catalog::Find(absl::string_view agreement_id, absl::Time now) const {
  const auto found = by_id_.find(agreement_id);
  if (found == by_id_.end()) return nullptr;
  // A revision that lacks signatures takes nothing away from one that has them.
  const auto any_signed =
      std::any_of(found->second.begin(), found->second.end(),
                  [](const HeldAgreement* held) { return held->signatures_satisfied; });
  const HeldAgreement* counts = nullptr;
  for (const HeldAgreement* held : found->second) {
    if (held->signatures_satisfied != any_signed) continue;
    if (counts == nullptr || held->agreement.effective_from <= now) counts = held;
  }
  return counts;
}

const HeldAgreement* Catalog::FindReplaced(absl::string_view agreement_id, absl::Time now) const {
  const HeldAgreement* counts = Find(agreement_id, now);
  const auto found = replaced_.find(counts);
  if (found == replaced_.end() || counts->StateAt(now) != AgreementState::kInForce ||
      now >= ChangeoverEnd(counts->agreement) ||
      found->second->StateAt(now) != AgreementState::kInForce) {
    return nullptr;
  }
  return found->second;
}

AgreementState Catalog::StateOf(const HeldAgreement& held, absl::Time now,
                                absl::string_view asker) const {
  const AgreementState state = asker.empty() ? held.StateAt(now) : held.StateFor(asker, now);
  if (state != AgreementState::kInForce || Find(held.agreement.id, now) == &held) return state;
  return FindReplaced(held.agreement.id, now) == &held ? AgreementState::kChangeover
                                                       : AgreementState::kExpired;
}

}  // namespace vouch::policies
