// Looks after the records in the background: keeps a token index for every agreement and epoch that
// this node answers (until it is built, the agreement answers NOT_READY), removes those of retired
// epochs, and merges changes.
#ifndef VOUCH_SERVER_INDEX_KEEPER_H_
#define VOUCH_SERVER_INDEX_KEEPER_H_

#include <condition_variable>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "absl/status/status.h"
#include "server/agreements/agreements.h"
#include "server/clock.h"
#include "server/records/index_builder.h"
#include "server/records/records.h"

namespace vouch::server {

// The indexes that `agency` needs to answer under the agreements of a set: one for each usable or
// coming epoch whose key is held.
std::vector<records::IndexRequest> IndexesFor(const agreements::AgreementSet& set,
                                              absl::string_view agency, absl::Time now);

// Thread-safe.
class IndexKeeper {
 public:
  struct Options {
    std::string agency;
    std::string records_folder;
    std::string keys_folder;
    // Changes are merged when there are so many bytes of them (see records::MergeAt), or so long
    // after they were first seen: until then a person who was deleted lies sealed on the disk.
    uint64_t merge_at_bytes = 4 << 20;
    absl::Duration merge_after = absl::Hours(24);
  };
  IndexKeeper(Options options, const Clock* clock, const agreements::Agreements* agreements,
              records::Records* records);
  ~IndexKeeper();

  // Looks soon.
  void Wake();
  // OK when nothing is to be done; otherwise what is being built, or what failed.
  absl::Status Standing() const;
  void Stop();

 private:
  void Run();
  absl::Status LookAfterRecords();
  absl::Status BuildMissing();
  absl::Status DropRetired();
  absl::Status MergeWhenDue();

  const Options options_;
  const Clock* const clock_;
  const agreements::Agreements* const agreements_;
  records::Records* const records_;
  mutable std::mutex mutex_;
  std::condition_variable wake_;
  bool asked_ = true;
  bool stopping_ = false;
  absl::Status standing_;
  absl::Time unmerged_since_ = absl::InfiniteFuture();  // the thread's own
  std::thread thread_;
};

}  // namespace vouch::server

#endif  // VOUCH_SERVER_INDEX_KEEPER_H_
