#include "server/records/records.h"

#include <sys/stat.h>

#include <array>
#include <mutex>
#include <utility>

#include "absl/strings/str_cat.h"
#include "server/records/manifest.h"
#include "server/records/snapshot.h"

namespace vouch::server::records {

namespace {

// Another load may remove the files of a manifest that was just read; the next one is then there.
constexpr int kAttempts = 4;

// Tells cheaply that a file was replaced or appended to.
struct FileStamp {
  uint64_t inode = 0;
  int64_t size = -1;
  int64_t seconds = 0, nanoseconds = 0;

  friend bool operator==(const FileStamp& a, const FileStamp& b) {
    return a.inode == b.inode && a.size == b.size && a.seconds == b.seconds &&
           a.nanoseconds == b.nanoseconds;
  }
};

FileStamp Stamp(const std::string& path) {
  struct stat status;
  if (stat(path.c_str(), &status) != 0) return {};
  return {status.st_ino, status.st_size, status.st_mtim.tv_sec, status.st_mtim.tv_nsec};
}

class FileRecords final : public Records {
 public:
  FileRecords(std::string folder, crypto::HmacKey index_key)
      : folder_(std::move(folder)), index_key_(std::move(index_key)) {}

  std::shared_ptr<const Snapshot> Current() const override {
    const std::lock_guard<std::mutex> hold(current_lock_);
    return current_;
  }

  absl::Status Refresh() override {
    const std::lock_guard<std::mutex> one_at_a_time(refresh_lock_);
    absl::Status failed;
    for (int attempt = 0; attempt < kAttempts; ++attempt) {
      // Taken before reading: a change in between shows at the next call.
      const Stamps stamps = TakeStamps();
      if (current_ != nullptr && stamps == stamps_) return absl::OkStatus();
      absl::StatusOr<std::shared_ptr<const FileSnapshot>> opened =
          FileSnapshot::Open(folder_, index_key_);
      if (opened.ok()) {
        overlay_path_ = absl::StrCat(folder_, "/", (*opened)->manifest().overlay_file);
        stamps_ = stamps;  // of the overlay before this one, after a swap: one more look then
        const std::lock_guard<std::mutex> hold(current_lock_);
        current_ = std::move(*opened);
        return absl::OkStatus();
      }
      failed = opened.status();
      if (!absl::IsNotFound(failed)) return failed;
    }
    return failed;
  }

 private:
  using Stamps = std::array<FileStamp, 3>;

  Stamps TakeStamps() const {
    return {Stamp(ManifestPath(folder_)), Stamp(HoldsPath(folder_)),
            overlay_path_.empty() ? FileStamp() : Stamp(overlay_path_)};
  }

  const std::string folder_;
  const crypto::HmacKey index_key_;
  std::mutex refresh_lock_;
  Stamps stamps_;  // guarded by refresh_lock_, as is the path
  std::string overlay_path_;
  mutable std::mutex current_lock_;
  std::shared_ptr<const Snapshot> current_;
};

}  // namespace

absl::StatusOr<std::unique_ptr<Records>> OpenFileRecords(const RecordsOptions& options) {
  absl::StatusOr<crypto::HmacKey> index_key = ReadIndexKey(options.keys_folder);
  if (!index_key.ok()) return index_key.status();
  auto records = std::make_unique<FileRecords>(options.folder, std::move(*index_key));
  if (absl::Status s = records->Refresh(); !s.ok()) return s;
  return std::unique_ptr<Records>(std::move(records));
}

}  // namespace vouch::server::records
