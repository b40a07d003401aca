#include "server/records_when_loaded.h"

#include <utility>

namespace vouch::server {

std::shared_ptr<const records::Snapshot> RecordsWhenLoaded::Current() const {
  const std::lock_guard<std::mutex> lock(mutex_);
  return opened_ == nullptr ? nullptr : opened_->Current();
}

absl::Status RecordsWhenLoaded::Refresh() {
  const std::lock_guard<std::mutex> one_at_a_time(refresh_mutex_);
  if (opened_ != nullptr) return opened_->Refresh();
  absl::StatusOr<std::unique_ptr<records::Records>> opened = records::OpenFileRecords(options_);
  if (absl::IsNotFound(opened.status())) return absl::OkStatus();
  if (!opened.ok()) return opened.status();
  const std::lock_guard<std::mutex> lock(mutex_);
  opened_ = *std::move(opened);
  return absl::OkStatus();
}

uint64_t RecordsWhenLoaded::damaged_reads() const {
  const std::shared_ptr<const records::Snapshot> snapshot = Current();
  return snapshot == nullptr ? 0 : snapshot->work().damaged_reads;
}

absl::Status RecordsWhenLoaded::Damage() const {
  if (damaged_reads() == 0) return absl::OkStatus();
  return absl::DataLossError(
      "facts or a token index are damaged on the disk, and whoever that is about is answered "
      "UNDETERMINED; load the records again (vouch records load)");
}

}  // namespace vouch::server
