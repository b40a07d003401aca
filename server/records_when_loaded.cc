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

}  // namespace vouch::server
