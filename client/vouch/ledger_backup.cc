#include "client/vouch/ledger_backup.h"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <fstream>
#include <iterator>
#include <memory>
#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "crypto/digest.h"
#include "crypto/keys.h"
#include "crypto/log_entry.h"
#include "nlohmann/json.hpp"
#include "server/journal/written_entries.h"
#include "server/ledger/tree/segment_file.h"
#include "server/node/folders.h"
#include "server/node/ledger_keys.h"
#include "server/node/node_file.h"

namespace vouch::client {
namespace {

namespace tree = server::ledger::tree;

constexpr char kFormat[] = "vouch-backup/1";
constexpr uint32_t kEntriesAtOnce = 4096;

// Nothing that leaves the backup, or hides in it.
bool IsPlainName(absl::string_view name) {
  const std::vector<absl::string_view> parts = absl::StrSplit(name, '/');
  return (absl::StartsWith(name, "journal/") || absl::StartsWith(name, "keys/")) &&
         std::none_of(parts.begin(), parts.end(), [](absl::string_view part) {
           return part.empty() || part == "." || part == "..";
         });
}

absl::StatusOr<crypto::NoteSigner> SignerFrom(const std::string& path, const std::string& origin) {
  absl::StatusOr<std::string> pem = crypto::ReadPrivateFile(path);
  if (!pem.ok()) return pem.status();
  absl::StatusOr<crypto::SigningKey> key = crypto::SigningKey::FromPem(*pem);
  crypto::Wipe(&*pem);
  if (!key.ok()) return key.status();
  return crypto::NoteSigner::Make(origin,
                                  std::make_shared<const crypto::SigningKey>(*std::move(key)));
}

absl::Status Sync(const std::string& path, int flags) {
  const int opened = open(path.c_str(), O_RDONLY | O_CLOEXEC | flags);
  if (opened < 0) return absl::ErrnoToStatus(errno, path);
  const bool synced = fsync(opened) == 0;
  const int error = errno;
  close(opened);
  return synced ? absl::OkStatus() : absl::ErrnoToStatus(error, absl::StrCat("cannot sync ", path));
}

absl::StatusOr<tree::SegmentFile> OpenSegment(const std::string& journal,
                                              const server::journal::LogSpan& log,
                                              uint64_t number) {
  const std::string folder =
      tree::LogFolder(absl::StrCat(journal, "/tree"), log.origin, log.first == 0);
  return tree::SegmentFile::Open(tree::SegmentPath(folder, number), log.origin, number);
}

// The first entry of the first log, also where it was pruned: then only one about nobody is kept.
// NotFound when it is gone.
absl::StatusOr<std::string> FirstEntry(const std::string& journal,
                                       server::journal::WrittenEntries* entries) {
  const server::journal::LogSpan& log = entries->logs().front();
  if (log.first >= entries->first_entry()) {
    const auto first = entries->Read(log.first, 1);
    return first.ok() ? absl::StatusOr<std::string>(first->front()) : first.status();
  }
  const auto segment = OpenSegment(journal, log, 0);
  if (!segment.ok()) return segment.status();
  if (!segment->pruned()) return absl::NotFoundError("it was not kept");
  return segment->KeptEntry(0);
}

// Of a log's entries from `index` on, at most `count` of one closed segment; at least one.
absl::StatusOr<std::vector<crypto::Digest>> PrunedLeaves(const std::string& journal,
                                                         const server::journal::LogSpan& log,
                                                         uint64_t index, uint64_t count) {
  const uint64_t number = index / tree::kSegmentEntries;
  const std::string path = tree::SegmentPath(
      tree::LogFolder(absl::StrCat(journal, "/tree"), log.origin, log.first == 0), number);
  const auto segment = OpenSegment(journal, log, number);
  if (absl::IsNotFound(segment.status())) {
    return absl::FailedPreconditionError(absl::StrCat(
        "the journal in ", journal, " was pruned, and ", path,
        ", which has the hashes of what is gone, is missing: it cannot be computed anew. Bring the "
        "file back; or, to put another journal in its place, move the folder away yourself, and "
        "make an empty one of mode 700"));
  }
  if (!segment.ok()) return segment.status();
  absl::StatusOr<std::vector<crypto::Digest>> leaves = segment->Leaves();
  if (!leaves.ok()) return leaves.status();
  const uint64_t skip = index % tree::kSegmentEntries;
  if (leaves->size() <= skip) {
    return absl::DataLossError(absl::StrCat(path, " ends before entry ", index));
  }
  leaves->erase(leaves->begin(), leaves->begin() + static_cast<ptrdiff_t>(skip));
  if (leaves->size() > count) leaves->resize(count);
  return leaves;
}

}  // namespace

std::string BackupManifest::ToJson() const {
  nlohmann::ordered_json json;
  json["format"] = kFormat;
  json["agency"] = agency;
  json["made"] = made;
  json["checkpoint"] = checkpoint;
  json["last_commit"] = last_commit;
  json["files"] = nlohmann::ordered_json::array();
  for (const BackupFile& file : files) {
    json["files"].push_back({{"name", file.name}, {"bytes", file.bytes}, {"sha256", file.sha256}});
  }
  return absl::StrCat(json.dump(2), "\n");
}

absl::StatusOr<BackupManifest> ReadManifest(const std::string& folder) {
  const std::string path = absl::StrCat(folder, "/", kManifestName);
  const absl::StatusOr<std::string> text = server::node::ReadText(path, size_t{64} << 20);
  if (absl::IsNotFound(text.status())) {
    return absl::NotFoundError(
        absl::StrCat(folder, " is no backup: there is no ", kManifestName, " in it"));
  }
  if (!text.ok()) return text.status();
  const nlohmann::json json = nlohmann::json::parse(*text, nullptr, /*allow_exceptions=*/false);
  const absl::Status malformed =
      absl::InvalidArgumentError(absl::StrCat(path, " is no manifest of a backup"));
  if (!json.is_object()) return malformed;
  BackupManifest manifest;
  try {
    if (json.at("format") != kFormat) {
      return absl::InvalidArgumentError(
          absl::StrCat(path, " is of another format than ", kFormat, ": use a later program"));
    }
    manifest.agency = json.at("agency");
    manifest.made = json.at("made");
    manifest.checkpoint = json.at("checkpoint");
    manifest.last_commit = json.at("last_commit");
    for (const nlohmann::json& file : json.at("files")) {
      manifest.files.push_back({file.at("name"), file.at("bytes"), file.at("sha256")});
    }
  } catch (const nlohmann::json::exception&) {
    return malformed;
  }
  for (const BackupFile& file : manifest.files) {
    if (!IsPlainName(file.name)) return malformed;
  }
  return manifest;
}

absl::Status CheckFiles(const std::string& folder, const BackupManifest& manifest,
                        Console* console) {
  Progress progress(console, "checking files");
  uint64_t total = 0, done = 0;
  for (const BackupFile& file : manifest.files) total += file.bytes;
  for (const BackupFile& file : manifest.files) {
    const std::string path = absl::StrCat(folder, "/", file.name);
    std::ifstream in(path, std::ios::binary);
    if (!in) return absl::DataLossError(absl::StrCat(path, " is missing, or cannot be read"));
    const std::string bytes(std::istreambuf_iterator<char>(in), {});
    if (bytes.size() != file.bytes || crypto::Hex(crypto::Sha256(bytes)) != file.sha256) {
      return absl::DataLossError(
          absl::StrCat(path, " is not what was backed up: its SHA-256 is another"));
    }
    done += file.bytes;
    progress.Show(done, total);
  }
  progress.Finish(done);
  return absl::OkStatus();
}

absl::StatusOr<crypto::NoteSigner> OwnLogSigner(const std::string& keys,
                                                const std::string& origin) {
  return SignerFrom(absl::StrCat(keys, "/", server::node::kLedgerKey), origin);
}

absl::StatusOr<std::string> SignOwnCheckpoint(const std::string& keys,
                                              const crypto::Checkpoint& checkpoint) {
  std::vector<crypto::NoteSigner> signers;
  for (const absl::string_view name : {server::node::kLedgerKey, server::node::kAlsoLedgerKey}) {
    const std::string path = absl::StrCat(keys, "/", name);
    if (name == server::node::kAlsoLedgerKey && !server::node::Exists(path)) continue;
    absl::StatusOr<crypto::NoteSigner> signer = SignerFrom(path, checkpoint.origin);
    if (!signer.ok()) return signer.status();
    signers.push_back(*std::move(signer));
  }
  std::vector<const crypto::NoteSigner*> all;
  all.reserve(signers.size());
  for (const crypto::NoteSigner& signer : signers) all.push_back(&signer);
  return crypto::SignCheckpoint(checkpoint, all);
}

bool RecomputedJournal::IsLost(const crypto::Checkpoint& seen) const {
  return std::any_of(losses.begin(), losses.end(),
                     [&](const crypto::LossDeclared& loss) { return loss.Covers(seen); });
}

absl::StatusOr<RecomputedJournal> RecomputeJournal(const std::string& folder, RootsAt* roots_at,
                                                   Console* console) {
  auto entries = server::journal::WrittenEntries::Open(folder);
  if (!entries.ok()) return entries.status();
  RecomputedJournal journal;
  Progress progress(console, "computing the tree");
  std::string origin;
  crypto::CompactRange range;
  const auto note_root = [&] {
    const auto wanted = roots_at->find({origin, range.size()});
    if (wanted != roots_at->end()) wanted->second = range.Root();
  };
  const auto& logs = (*entries)->logs();
  size_t next_log = 0;
  const uint64_t end = (*entries)->end();
  for (uint64_t position = logs.front().first;;) {
    const bool begins = next_log < logs.size() && logs[next_log].first == position;
    if (begins && next_log > 0) {
      const auto first = (*entries)->Read(position, 1);
      if (!first.ok()) return first.status();
      const auto opened = crypto::ReadLogBegun(first->front());
      if (!opened.ok() ||
          opened->closed != crypto::Checkpoint{origin, range.size(), range.Root()}) {
        return absl::DataLossError(absl::StrCat("in ", folder, ", ", logs[next_log].origin,
                                                " does not go on from ", origin));
      }
      auto loss = crypto::ReadLossDeclared(first->front());
      if (loss.ok()) journal.losses.push_back(*std::move(loss));
    }
    if (begins && next_log == 0 && position < end) {
      const auto first = FirstEntry(folder, entries->get());
      if (!first.ok() && !absl::IsNotFound(first.status())) return first.status();
      auto loss = first.ok() ? crypto::ReadLossDeclared(*first) : first.status();
      if (loss.ok()) journal.losses.push_back(*std::move(loss));
    }
    if (begins) {
      origin = logs[next_log++].origin;
      journal.origins.push_back(origin);
      range = crypto::CompactRange();
      note_root();
    }
    if (position == end) break;
    const uint64_t until = next_log < logs.size() ? logs[next_log].first : end;
    if (position < (*entries)->first_entry()) {
      const auto leaves = PrunedLeaves(folder, logs[next_log - 1], range.size(),
                                       std::min(until, (*entries)->first_entry()) - position);
      if (!leaves.ok()) return leaves.status();
      for (const crypto::Digest& leaf : *leaves) {
        range.Append(leaf);
        note_root();
      }
      position += leaves->size();
      progress.Show(position, end);
      continue;
    }
    const auto read = (*entries)->Read(
        position, static_cast<uint32_t>(std::min<uint64_t>(kEntriesAtOnce, until - position)));
    if (!read.ok()) return read.status();
    for (const std::string& entry : *read) {
      range.Append(crypto::LeafHash(crypto::AsBytes(entry)));
      note_root();
    }
    position += read->size();
    progress.Show(position, end);
  }
  progress.Finish(end);
  journal.head = {origin, range.size(), range.Root()};
  if (range.Root() != (*entries)->range().Root()) {
    return absl::DataLossError(
        absl::StrCat("the entries in ", folder, " do not give the root that its commits say"));
  }
  return journal;
}

absl::Status CopyPrunedSegments(const std::string& from, const std::string& to,
                                std::vector<std::string>* names) {
  const auto entries = server::journal::WrittenEntries::Open(to);
  if (!entries.ok()) return entries.status();
  for (const server::journal::LogSpan& log : (*entries)->logs()) {
    const auto folder = [&](const std::string& journal) {
      return tree::LogFolder(absl::StrCat(journal, "/tree"), log.origin, log.first == 0);
    };
    const auto first = tree::SegmentFile::Open(tree::SegmentPath(folder(from), 0), log.origin, 0);
    if (absl::IsNotFound(first.status())) continue;
    if (!first.ok()) return first.status();
    if (!first->pruned()) continue;
    for (const std::string& made : {absl::StrCat(to, "/tree"), folder(to)}) {
      if (absl::Status there = server::node::EnsureFolder(made, 0700); !there.ok()) return there;
    }
    absl::Status copied = tree::CopyPruned(folder(from), log.origin, folder(to));
    if (!copied.ok()) return copied;
    for (const std::string& name : server::node::NamesIn(folder(to))) {
      const std::string path = absl::StrCat(folder(to), "/", name);
      if (!absl::EndsWith(name, ".segment")) continue;
      if (absl::Status synced = Sync(path, 0); !synced.ok()) return synced;
      names->push_back(path.substr(to.size() + 1));
    }
    if (absl::Status synced = SyncFolder(folder(to)); !synced.ok()) return synced;
    if (absl::Status synced = SyncFolder(absl::StrCat(to, "/tree")); !synced.ok()) return synced;
  }
  return absl::OkStatus();
}

absl::Status CopyMarked(const std::string& from, const std::string& to) {
  const auto place = [](const std::string& journal) {
    return absl::StrCat(journal, "/", server::node::kMarked);
  };
  if (server::node::Exists(place(to))) return absl::OkStatus();
  const absl::StatusOr<std::string> marked = server::node::ReadText(place(from));
  if (absl::IsNotFound(marked.status())) return absl::OkStatus();
  return marked.ok() ? WriteNewFile(place(to), *marked) : marked.status();
}

absl::Status WriteNewFile(const std::string& path, absl::string_view bytes) {
  const int file = open(path.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
  if (file < 0) return absl::ErrnoToStatus(errno, absl::StrCat("cannot make ", path));
  absl::Status status;
  while (!bytes.empty() && status.ok()) {
    const ssize_t written = write(file, bytes.data(), bytes.size());
    if (written < 0 && errno == EINTR) continue;
    if (written < 0) {
      status = absl::ErrnoToStatus(errno, absl::StrCat("cannot write ", path));
    } else {
      bytes.remove_prefix(static_cast<size_t>(written));
    }
  }
  if (status.ok() && fsync(file) != 0) {
    status = absl::ErrnoToStatus(errno, absl::StrCat("cannot sync ", path));
  }
  close(file);
  return status;
}

absl::Status SyncFolder(const std::string& path) { return Sync(path, O_DIRECTORY); }

}  // namespace vouch::client
