#include "client/vouch/exported_logs.h"

#include <algorithm>
#include <filesystem>
#include <utility>

#include "absl/strings/str_cat.h"
#include "crypto/log_entry.h"
#include "server/ledger/tree/segment_file.h"
#include "server/ledger/tree/static_layout.h"

namespace vouch::client {

namespace {

absl::StatusOr<ExportedLog> ReadOne(const std::string& folder) {
  ExportedLog log;
  log.folder = folder;
  absl::StatusOr<std::string> note = server::ledger::tree::FolderLog(folder).ReadCheckpointNote();
  if (!note.ok()) return note.status();
  log.note = *std::move(note);
  const absl::StatusOr<crypto::SignedNote> read = crypto::ReadNote(log.note);
  if (!read.ok()) return read.status();
  absl::StatusOr<crypto::Checkpoint> checkpoint = crypto::ReadCheckpoint(read->text);
  if (!checkpoint.ok()) return checkpoint.status();
  log.checkpoint = *std::move(checkpoint);
  return log;
}

}  // namespace

std::string ExportFolderOf(const std::string& folder, absl::string_view origin, bool first) {
  return server::ledger::tree::LogFolder(folder, origin, first);
}

absl::StatusOr<std::vector<ExportedLog>> ExportedLogsIn(const std::string& folder) {
  std::vector<ExportedLog> logs;
  absl::StatusOr<ExportedLog> first = ReadOne(folder);
  if (!first.ok()) return first.status();
  logs.push_back(*std::move(first));
  std::error_code error;
  for (const auto& below : std::filesystem::directory_iterator(folder, error)) {
    if (!below.is_directory(error) ||
        !std::filesystem::exists(below.path() / "checkpoint", error)) {
      continue;
    }
    absl::StatusOr<ExportedLog> log = ReadOne(below.path().string());
    if (!log.ok()) return log.status();
    logs.push_back(*std::move(log));
  }
  std::sort(logs.begin() + 1, logs.end(), [](const ExportedLog& a, const ExportedLog& b) {
    return crypto::LogBefore(a.checkpoint.origin, b.checkpoint.origin);
  });
  return logs;
}

}  // namespace vouch::client
