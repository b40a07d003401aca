#include "server/agreements/agreements.h"

#include <sys/stat.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <set>
#include <system_error>
#include <utility>

#include "absl/status/statusor.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "crypto/digest.h"
#include "policies/engine/diff/diff.h"
#include "server/node/epoch_keys.h"
#include "server/node/known_names.h"

namespace vouch::server::agreements {

namespace fs = std::filesystem;
using crypto::TrustAnchors;

namespace {

constexpr std::uintmax_t kLargestFile = 262144;
constexpr int kMostReadings = 20;
// How far a notice that lifts a stop may be ahead of the node's clock.
constexpr absl::Duration kLiftAhead = absl::Minutes(10);
// A signature that fails for its dates or for want of a current list is looked at again.
constexpr absl::Duration kLookAgain = absl::Seconds(30);

bool IsSource(const fs::path& path) {
  const std::string name = path.filename().string();
  return (absl::EndsWith(name, ".yaml") || absl::EndsWith(name, ".yml")) &&
         !absl::StartsWith(name, ".");
}

// Calls `see` with every entry below `folder`. Hidden folders are passed over: whoever swaps a
// folder whole by a link keeps the files behind it there, and they would be read twice.
template <typename See>
std::error_code ForEachEntry(const std::string& folder, const See& see) {
  std::error_code error;
  fs::recursive_directory_iterator entry(folder, error);
  while (!error && entry != fs::recursive_directory_iterator()) {
    if (absl::StartsWith(entry->path().filename().string(), ".")) {
      entry.disable_recursion_pending();
    } else {
      see(*entry);
    }
    entry.increment(error);
  }
  return error;
}

policies::Finding FindingOf(absl::string_view rule, const std::string& file, std::string message,
                            std::string mend, policies::Severity severity) {
  policies::Finding finding;
  finding.rule = std::string(rule);
  finding.file = file;
  finding.position = {1, 1};
  finding.message = std::move(message);
  finding.mend = std::move(mend);
  finding.cite = absl::StrCat("docs/agreements.md, ", rule);
  finding.severity = severity;
  return finding;
}

absl::StatusOr<std::vector<Epoch>> LoadEpochs(const std::string& keys_folder,
                                              const policies::Agreement& agreement) {
  absl::StatusOr<std::vector<node::EpochKey>> keys =
      node::ReadEpochKeys(keys_folder, agreement.id, agreement.key_authority);
  if (!keys.ok()) return keys.status();
  std::vector<Epoch> epochs;
  for (node::EpochKey& key : *keys) {
    Epoch epoch;
    // As what the key was announced, not as what this revision asks for: its revisions share an
    // agreement's epochs, those that wait and drafts too.
    if (!key.secret.empty() && key.statement.kind == crypto::TokenKind::kBlind) {
      const std::string info = crypto::OprfKeyInfo(agreement.id, key.statement.epoch);
      absl::StatusOr<crypto::OprfPrivateKey> derived =
          crypto::OprfPrivateKey::Derive(key.secret, crypto::AsBytes(info));
      if (!derived.ok()) return derived.status();
      epoch.blind = std::make_shared<const crypto::OprfPrivateKey>(*std::move(derived));
    } else if (!key.secret.empty()) {
      epoch.keyed = std::make_shared<const crypto::SecretBytes>(std::move(key.secret));
    }
    epoch.statement = std::move(key.statement);
    epoch.signed_statement = std::move(key.signed_statement);
    epochs.push_back(std::move(epoch));
  }
  return epochs;
}

}  // namespace

struct Agreements::Folder {
  std::vector<policies::CatalogFile> files;
  std::map<std::string, std::string> messages;  // signatures and notices, by name
  std::vector<std::string> unreadable;          // their names; without bytes in the above

  static absl::StatusOr<Folder> Read(const std::string& path);
};

// What came of the signatures of one load.
struct Agreements::Judgement {
  struct One {
    std::string file;
    policies::FileDigest digest{};
    std::string why;
    std::vector<policies::Finding> findings;
  };
  std::vector<One> all;
  std::set<std::string> used;  // names of messages that belong to a party of a file
  bool may_pass = false;
};

absl::StatusOr<Agreements::Folder> Agreements::Folder::Read(const std::string& path) {
  Folder folder;
  const std::error_code error = ForEachEntry(path, [&](const fs::directory_entry& entry) {
    std::error_code unknown;
    const bool message = absl::EndsWith(entry.path().filename().string(), ".p7s");
    if (!entry.is_regular_file(unknown) || (!message && !IsSource(entry.path()))) return;
    const std::string name = entry.path().lexically_relative(path).string();
    std::ifstream in(entry.path(), std::ios::binary);
    // One byte over the limit is enough for the reader to say that the file is too large.
    const std::uintmax_t size = entry.file_size(unknown);
    std::string bytes(unknown ? 1 : std::min(size, kLargestFile + 1), '\0');
    in.read(bytes.data(), static_cast<std::streamsize>(bytes.size()));
    if (unknown || !in) {
      // As one that was spoilt: what was held of it stays, and nothing else waits for it.
      folder.unreadable.push_back(name);
      bytes.clear();
    }
    if (message) {
      folder.messages[name] = std::move(bytes);
      return;
    }
    policies::CatalogFile file;
    file.name = name;
    file.digest = crypto::Sha256(bytes);
    file.bytes = std::move(bytes);
    folder.files.push_back(std::move(file));
  });
  // What cannot be read must not look as if it had been taken away.
  if (error) {
    return absl::UnavailableError(
        absl::StrCat("cannot read the agreements folder: ", error.message()));
  }
  std::sort(folder.files.begin(), folder.files.end(),
            [](const auto& a, const auto& b) { return a.name < b.name; });
  return folder;
}

const Epoch* AgreementSet::FindEpoch(absl::string_view agreement_id, uint32_t number,
                                     absl::Time now) const {
  auto found = epochs.find(agreement_id);
  if (found == epochs.end()) return nullptr;
  for (const Epoch& epoch : found->second) {
    if (epoch.statement.epoch == number && epoch.UsableAt(now)) return &epoch;
  }
  return nullptr;
}

const Epoch* AgreementSet::CurrentEpoch(absl::string_view agreement_id, absl::Time now) const {
  auto found = epochs.find(agreement_id);
  if (found == epochs.end()) return nullptr;
  const Epoch* current = nullptr;
  for (const Epoch& epoch : found->second) {
    if (epoch.UsableAt(now)) current = &epoch;
  }
  return current;
}

const Epoch* AgreementSet::NextEpoch(absl::string_view agreement_id, absl::Time now) const {
  auto found = epochs.find(agreement_id);
  if (found == epochs.end()) return nullptr;
  for (const Epoch& epoch : found->second) {
    if (epoch.statement.not_before > now) return &epoch;
  }
  return nullptr;
}

std::string Agreements::Fingerprint() const {
  std::vector<std::string> lines;
  const auto add = [&lines](const std::string& path) {
    struct stat found {};
    if (::stat(path.c_str(), &found) != 0) return;
    lines.push_back(absl::StrCat(path, "|", found.st_ino, "|", found.st_size, "|",
                                 found.st_mtim.tv_sec, ".", found.st_mtim.tv_nsec));
  };
  for (const std::string& folder : {options_.folder, options_.keys_folder + "/tokens"}) {
    (void)ForEachEntry(folder,
                       [&](const fs::directory_entry& entry) { add(entry.path().string()); });
  }
  std::shared_ptr<const SigningRules> signing;
  {
    const std::lock_guard<std::mutex> lock(mutex_);
    signing = signing_;
  }
  for (const std::string& file : signing->files()) add(file);
  std::sort(lines.begin(), lines.end());
  // Never empty: that stands for "to be read again".
  std::string all = "read\n";
  for (const std::string& line : lines) absl::StrAppend(&all, line, "\n");
  return all;
}

bool Agreements::Changed() const {
  const std::string fingerprint = Fingerprint();
  const absl::Time now = options_.now();
  std::lock_guard<std::mutex> lock(mutex_);
  return fingerprint != fingerprint_ || now >= look_again_;
}

void Agreements::SetSigning(std::shared_ptr<const SigningRules> signing) {
  std::lock_guard<std::mutex> lock(mutex_);
  signing_ = std::move(signing);
}

// Looks at the signatures of one agreement file, and says in it who has signed.
void Agreements::JudgeFile(const Folder& folder, const std::vector<Remembered>& remembered,
                           policies::CatalogFile* file, Judgement* judgement) const {
  policies::Report ignored;  // the catalog reads it again and says what is wrong
  const absl::optional<policies::Agreement> agreement =
      policies::ReadAgreement(file->name, file->bytes, node::NamesOfCrypto(), &ignored);
  if (!agreement.has_value()) {
    for (const auto& message : folder.messages) {
      if (absl::StartsWith(message.first, file->name)) judgement->used.insert(message.first);
    }
    return;
  }
  const auto recalls = [&](const std::string& name) {
    return std::any_of(remembered.begin(), remembered.end(), [&](const Remembered& one) {
      return one.name == name && one.number == agreement->revision && one.digest == file->digest;
    });
  };
  const bool adopted = recalls(agreement->id);
  for (const Remembered& one : remembered) {
    if (one.name == agreement->id && one.number == agreement->revision && !adopted) {
      file->refused = absl::StrCat("another file was adopted as revision ", one.number);
    }
  }
  std::shared_ptr<const SigningRules> signing;
  std::shared_ptr<const AgreementSet> current;
  {
    const std::lock_guard<std::mutex> lock(mutex_);
    signing = signing_;
    current = current_;
  }
  const policies::HeldAgreement* before = nullptr;
  if (current->catalog != nullptr) {
    for (const auto& held : current->catalog->all()) {
      if (held->digest == file->digest && held->signatures_satisfied) before = held.get();
    }
  }
  Judgement::One one;
  one.file = file->name;
  one.digest = file->digest;
  const absl::Time now = options_.now();
  const absl::string_view own = agreement->AskerBehind(options_.agency);
  std::vector<std::string> agencies = {agreement->answers};
  agencies.insert(agencies.end(), agreement->asks.begin(), agreement->asks.end());
  for (const std::string& agency : agencies) {
    const std::string name = SignatureFileName(file->name, agency);
    const auto message = folder.messages.find(name);
    absl::optional<std::string> bytes;
    if (message != folder.messages.end()) {
      bytes = message->second;
      judgement->used.insert(name);
    }
    const bool answers = agency == agreement->answers;
    const bool known = adopted && (answers || agreement->asks.size() == 1 ||
                                   recalls(AskerName(agreement->id, agency)));
    const JudgedAgency judged = JudgeSignatures(
        *signing, agency, fs::path(name).filename().string(), file->bytes, bytes, now, known);
    const std::vector<policies::Signature> signatures = SignaturesOf(judged);
    file->signatures.insert(file->signatures.end(), signatures.begin(), signatures.end());
    if (judged.signed_by_all()) {
      file->signed_by.insert(agency);
      continue;
    }
    // Another asker's part is its own and the answering agency's business.
    if (!answers && agreement->answers != options_.agency && agency != own) continue;
    // As with a file that is spoilt: what is held stays, while this node runs.
    const bool kept =
        known && bytes.has_value() && before != nullptr && (answers || before->SignedFor(agency));
    if (kept) {
      file->signed_by.insert(agency);
      one.findings.push_back(
          FindingOf("signature/damaged", file->name,
                    absl::StrCat(judged.why,
                                 "; what was adopted stays in force until this node is "
                                 "started again"),
                    judged.mend, policies::Severity::kError));
      continue;
    }
    judgement->may_pass |= judged.may_pass;
    absl::StrAppend(&one.why, one.why.empty() ? "" : "; ", judged.why);
    if (now >= agreement->expires_at) continue;
    const bool waits = judged.state == JudgedAgency::State::kMissing ||
                       judged.state == JudgedAgency::State::kIncomplete;
    one.findings.push_back(
        FindingOf(waits                                           ? "signature/missing"
                  : judged.state == JudgedAgency::State::kUnknown ? "signature/unknown-signers"
                                                                  : "signature/refused",
                  file->name, judged.why, judged.mend,
                  waits ? policies::Severity::kWarning : policies::Severity::kError));
  }
  judgement->all.push_back(std::move(one));
}

// Enters the notices that are new and good; those that stand, from whatever time.
std::vector<policies::Stop> Agreements::JudgeNotices(const Folder& folder,
                                                     const std::vector<Remembered>& remembered,
                                                     policies::Report* report, bool* again,
                                                     bool* may_pass) const {
  std::shared_ptr<const SigningRules> signing;
  {
    const std::lock_guard<std::mutex> lock(mutex_);
    signing = signing_;
  }
  const absl::Time now = options_.now();
  std::vector<Remembered> standing = remembered;
  for (const auto& [name, message] : folder.messages) {
    if (!absl::EndsWith(name, kStopEnding) && !absl::EndsWith(name, kLiftEnding)) continue;
    const auto refuse = [&, file = name](absl::string_view why) {
      report->Add(FindingOf("notice/refused", file, std::string(why),
                            "have the party make it anew: vouch agreement stop",
                            policies::Severity::kError));
    };
    const absl::StatusOr<crypto::EnclosedMessage> read = crypto::ReadEnclosed(message);
    const absl::StatusOr<StopNotice> notice =
        read.ok() ? ReadStopNotice(read->text) : read.status();
    if (!notice.ok()) {
      refuse(notice.status().message());
      continue;
    }
    Remembered entry;
    entry.name = NoticeName(*notice);
    entry.number = absl::ToUnixSeconds(notice->time);
    StopNotice lift_of = *notice;
    lift_of.lifts = true;
    const bool known = std::any_of(remembered.begin(), remembered.end(), [&](const auto& one) {
      return one.name == entry.name && one.number >= entry.number;
    });
    if (known) continue;
    // An old notice put back beside the lift that ended it is no news. A lift that is known but
    // could not be written yet is not among those that stand.
    const bool lifted =
        !notice->lifts && std::any_of(standing.begin(), standing.end(), [&](const auto& one) {
          return one.name == NoticeName(lift_of) && one.number > entry.number;
        });
    if (lifted) continue;
    const JudgedAgency judged = JudgeSigners(
        *signing, notice->party, read->signers, now,
        notice->lifts ? TrustAnchors::Lists::kMustBeCurrent : TrustAnchors::Lists::kMayHaveLapsed);
    // Stopping is quick, lifting takes all who sign; and a lift from the future would undo stops
    // that are yet to come.
    if (notice->lifts ? !judged.signed_by_all() : !judged.signed_by_any()) {
      refuse(judged.why.empty() ? "nobody who counts has signed it" : judged.why);
      *may_pass |= judged.may_pass;
      continue;
    }
    if (notice->lifts && notice->time > now + kLiftAhead) {
      refuse("the notice that lifts a stop is dated ahead of this node's clock");
      *may_pass = true;
      continue;
    }
    const absl::Status entered = options_.enter_notice(*notice, judged);
    *again |= !entered.ok() && !absl::IsFailedPrecondition(entered);
    // A stop counts even when it cannot be written yet; a lift does not.
    if (entered.ok() || !notice->lifts) standing.push_back(std::move(entry));
  }
  return StandingStops(standing);
}

std::shared_ptr<const policies::Catalog> Agreements::BuildAdopted(
    std::vector<policies::CatalogFile> files, std::vector<policies::Stop> stops,
    policies::Report* report, bool* again) const {
  policies::Catalog::Options options;
  options.known = node::NamesOfCrypto();
  options.use = options_.use;
  options.agency = options_.agency;
  options.ends_changeover = policies::diff::EndsChangeover;
  options.stops = std::move(stops);
  const std::shared_ptr<const policies::Catalog> previous = Current()->catalog;
  while (true) {
    policies::Report attempt;
    std::shared_ptr<const policies::Catalog> catalog =
        policies::Catalog::Build(files, options, previous, {}, &attempt);
    const auto& all = catalog->all();
    bool refused = false;
    for (const auto& held : all) {
      if (!held->signatures_satisfied) continue;
      const bool beside_higher = std::any_of(all.begin(), all.end(), [&](const auto& other) {
        return other->signatures_satisfied && other->agreement.id == held->agreement.id &&
               other->agreement.revision > held->agreement.revision;
      });
      const absl::Status adopted = options_.adopt(*held, beside_higher);
      if (adopted.ok()) continue;
      *again |= !absl::IsFailedPrecondition(adopted);
      const auto file = std::find_if(files.begin(), files.end(), [&](const auto& one) {
        return one.name == held->file && one.digest == held->digest;
      });
      // Kept from before, when it was adopted.
      if (file == files.end() || !file->refused.empty()) continue;
      file->refused = std::string(adopted.message());
      refused = true;
    }
    if (!refused) {
      *report = std::move(attempt);
      return catalog;
    }
  }
}

std::vector<Epoch> Agreements::AdoptedEpochs(const policies::Agreement& agreement,
                                             AgreementSet* next, bool* again) const {
  absl::StatusOr<std::vector<Epoch>> read = LoadEpochs(options_.keys_folder, agreement);
  std::vector<Epoch> epochs;
  if (read.ok()) {
    for (Epoch& epoch : *read) {
      const absl::Status adopted = options_.adopt_epoch(agreement.id, epoch);
      if (adopted.ok()) {
        epochs.push_back(std::move(epoch));
        continue;
      }
      *again |= !absl::IsFailedPrecondition(adopted);
      next->key_problems.push_back(
          absl::StrCat(agreement.id, " epoch ", epoch.statement.epoch, ": ", adopted.message()));
    }
    return epochs;
  }
  if (absl::IsNotFound(read.status())) return epochs;
  next->key_problems.push_back(absl::StrCat(agreement.id, ": ", read.status().message()));
  const std::shared_ptr<const AgreementSet> current = Current();
  const auto previous = current->epochs.find(agreement.id);
  if (previous == current->epochs.end()) return epochs;
  for (const Epoch& epoch : previous->second) {
    // Only what the present agreement's authority has signed: it may have changed with the
    // revision.
    if (crypto::OpenStatement(epoch.signed_statement, agreement.key_authority).ok()) {
      epochs.push_back(epoch);
    }
  }
  return epochs;
}

absl::Status Agreements::Reload() {
  // Taken before the files are read: a change in between is seen, here or at the next look. Read
  // again until nothing changed meanwhile: a folder that was renamed must not be missed under both
  // names.
  std::string fingerprint = Fingerprint();
  absl::StatusOr<Folder> folder = Folder::Read(options_.folder);
  for (int i = 0; i < kMostReadings; ++i) {
    std::string after = Fingerprint();
    if (after == fingerprint) break;
    fingerprint = std::move(after);
    folder = Folder::Read(options_.folder);
  }
  if (!folder.ok()) return folder.status();

  auto next = std::make_shared<AgreementSet>();
  bool again = false;
  const std::vector<Remembered> remembered = options_.remembered();
  policies::Report notices;
  Judgement judgement;
  std::vector<policies::Stop> stops =
      JudgeNotices(*folder, remembered, &notices, &again, &judgement.may_pass);
  for (policies::CatalogFile& file : folder->files) {
    if (absl::StrContains(file.bytes, "vouch-agreement/")) {
      JudgeFile(*folder, remembered, &file, &judgement);
    }
  }
  next->catalog = BuildAdopted(std::move(folder->files), std::move(stops), &next->report, &again);
  for (const auto& held : next->catalog->all()) {
    for (const Judgement::One& one : judgement.all) {
      if (one.file != held->file || one.digest != held->digest) continue;
      if (!held->signatures_satisfied) {
        next->why[{held->agreement.id, held->agreement.revision}] = one.why;
      }
      for (const policies::Finding& finding : one.findings) next->report.Add(finding);
    }
    if (held->stops.empty()) continue;
    const policies::Stop& stop = held->stops.front();
    next->why[{held->agreement.id, held->agreement.revision}] =
        absl::StrCat("stopped by ", stop.party, " since ",
                     absl::FormatTime("%Y-%m-%dT%H:%M:%SZ", stop.since, absl::UTCTimeZone()));
  }
  next->report.Merge(notices);
  for (const std::string& name : folder->unreadable) {
    next->report.Add(FindingOf("file/unreadable", name, "this file cannot be read",
                               "let the node's user read it (chmod, chown)",
                               policies::Severity::kError));
    // A file that is let be read has the same size and time of change.
    judgement.may_pass = true;
  }
  for (const auto& [name, message] : folder->messages) {
    if (absl::EndsWith(name, kStopEnding) || absl::EndsWith(name, kLiftEnding) ||
        judgement.used.count(name) > 0) {
      continue;
    }
    next->report.Add(FindingOf("signature/no-party", name,
                               "it signs for no party of a file that is here",
                               "name it NAME.yaml.AGENCY.p7s after the file and the party that "
                               "signed, or remove it",
                               policies::Severity::kWarning));
  }
  for (const auto& held : next->catalog->all()) {
    std::vector<Epoch> epochs = AdoptedEpochs(held->agreement, next.get(), &again);
    if (!epochs.empty()) next->epochs[held->agreement.id] = std::move(epochs);
  }
  if (again) fingerprint.clear();
  std::lock_guard<std::mutex> lock(mutex_);
  current_ = std::move(next);
  fingerprint_ = std::move(fingerprint);
  look_again_ = judgement.may_pass ? options_.now() + kLookAgain : absl::InfiniteFuture();
  return absl::OkStatus();
}

std::shared_ptr<const AgreementSet> Agreements::Current() const {
  std::lock_guard<std::mutex> lock(mutex_);
  return current_;
}

}  // namespace vouch::server::agreements
