// A node may start before its first load: it then answers NOT_READY.
#ifndef VOUCH_SERVER_RECORDS_WHEN_LOADED_H_
#define VOUCH_SERVER_RECORDS_WHEN_LOADED_H_

#include <cstdint>
#include <memory>
#include <mutex>

#include "server/records/records.h"

namespace vouch::server {

// Thread-safe.
class RecordsWhenLoaded final : public records::Records {
 public:
  explicit RecordsWhenLoaded(records::RecordsOptions options) : options_(std::move(options)) {}

  // Null until the first load. Never waits for a Refresh, which reads from the disk.
  std::shared_ptr<const records::Snapshot> Current() const override;
  absl::Status Refresh() override;
  // How often something read of the present generation did not fit its sum, and DataLoss once it
  // did: whoever a damaged row or line is about is answered UNDETERMINED, and nobody else notices.
  uint64_t damaged_reads() const;
  absl::Status Damage() const;

 private:
  const records::RecordsOptions options_;
  std::mutex refresh_mutex_;  // before the next
  mutable std::mutex mutex_;  // to look at opened_, which is set once
  std::unique_ptr<records::Records> opened_;
};

}  // namespace vouch::server

#endif  // VOUCH_SERVER_RECORDS_WHEN_LOADED_H_
