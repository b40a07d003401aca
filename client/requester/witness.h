// What a witness of ledgers remembers: the latest checkpoint of each log that it has verified to be
// consistent with every one before. Whoever rewrites a log, or shows two people two of them, meets
// what is remembered here. The protocol is c2sp.org/tlog-witness, without its HTTP.
#ifndef VOUCH_CLIENT_REQUESTER_WITNESS_H_
#define VOUCH_CLIENT_REQUESTER_WITNESS_H_

#include <cstdint>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "absl/types/optional.h"
#include "absl/types/span.h"
#include "client/requester/accepted_losses.h"
#include "crypto/checkpoint.h"
#include "crypto/log_succession.h"
#include "crypto/note.h"

namespace vouch::requester {

// A log that is witnessed, by its own keys.
struct WitnessedLog {
  std::string origin;
  std::vector<crypto::NoteVerifier> keys;
};

// The body of add-checkpoint: "old <size>\n", the proof's hashes, a blank line, the note.
struct AddCheckpointRequest {
  uint64_t old_size = 0;
  std::vector<crypto::Digest> proof;
  std::string note;
  // Between partners, of a log that follows another: no part of the body.
  std::vector<crypto::LogSuccession> successions = {};

  std::string ToString() const;
};
// InvalidArgument for anything malformed, or more than 63 hashes.
absl::StatusOr<AddCheckpointRequest> ReadAddCheckpointRequest(absl::string_view body);

enum class WitnessFinding {
  kAccepted,    // it is consistent, and remembered
  kOlder,       // it is consistent with what is remembered, which is larger
  kMalformed,   // it is no request, note or checkpoint
  kUnknownLog,  // no log of this origin is witnessed here
  kNotSigned,   // none of the log's keys signed it, or one of its signatures does not verify
  kOtherSize,   // the proof begins at another size than is remembered: see `known_size`
  kBadProof,    // the proof does not show that it goes on from what is remembered
  kForked,      // the log signed two roots for one size, or more than it had ended with
  kRolledBack,  // the log shows as its head less than it signed before
  kNotStored,   // it could not be remembered, so it is not vouched for
  kLost,        // it goes on after a loss that nobody here accepted, or that leaves too much out
};
// Of add-checkpoint.
int HttpStatusOf(WitnessFinding finding);

struct WitnessAnswer {
  WitnessFinding finding = WitnessFinding::kMalformed;
  std::string says;         // in plain words
  uint64_t known_size = 0;  // of what is remembered after this
  std::string cosignature;  // kAccepted, from a cosigner: a signature line
  std::string evidence;     // the file in which both notes are kept, where that was called for
};

struct WitnessOptions {
  std::string folder;  // created 0700 when missing; locked against a second process
  // Null: remembers, and cosigns nothing.
  std::shared_ptr<const crypto::NoteSigner> cosigner;
  // The losses of those logs that were accepted here; null: none ever is.
  std::shared_ptr<const AcceptedLosses> accepted = nullptr;
  // Files of evidence kept about the logs of one agency: one that signs nonsense without end must
  // neither fill the disk nor leave no room for what another did.
  size_t most_evidence = 100;
};

// Thread-safe. What it answered is on disk before it answers.
class Witness {
 public:
  // FailedPrecondition when another process holds the folder.
  static absl::StatusOr<std::unique_ptr<Witness>> Open(WitnessOptions options);
  ~Witness();
  Witness(const Witness&) = delete;
  Witness& operator=(const Witness&) = delete;

  // Begins to witness a log, or changes its keys. DataLoss when what is remembered of it cannot be
  // read or is not signed by these keys: it is never taken for a log not seen before.
  absl::Status Follow(const WitnessedLog& log);
  // Ends that for a log of which nothing is remembered; any other stays.
  void Forget(const std::string& origin);

  // add-checkpoint: anyone may hand in a checkpoint with the proof that it goes on from
  // `request.old_size`, which must be what is remembered.
  WitnessAnswer AddCheckpoint(const AddCheckpointRequest& request, absl::Time now);
  // A checkpoint that the log itself gave, in an answer or as its head, with the log's proof of
  // consistency between it and what is remembered, whichever is larger. `at_least` is what was
  // remembered when the log was asked for its head: a smaller head is a rollback; 0 where it did
  // not claim to be the head. Both notes are kept as evidence when they do not go together. Of what
  // an accepted loss says is lost there is no proof: kOlder without one.
  WitnessAnswer Observe(absl::string_view note, absl::Span<const crypto::Digest> proof,
                        uint64_t at_least, absl::Time now);

  // A checkpoint of a log of which nothing is remembered yet, and the steps by which it follows the
  // log `earlier`, of which something is. kAccepted: the logs between, followed like the two, are
  // remembered as they ended, and nothing more is taken of them; of the new log nothing is
  // remembered yet. kOtherSize: the steps begin at another size than is remembered of `earlier`.
  // `asked`: the log itself was asked for the steps, so that it is its own fault when they do not
  // hold: kBadProof then keeps the note, and what is remembered of `earlier`, as evidence. Steps
  // that were handed in anybody can have garbled. kLost says what to do. Of a log whose end is lost
  // more may be remembered than there is of it.
  WitnessAnswer Succeed(const std::string& earlier, absl::Span<const crypto::LogSuccession> steps,
                        absl::string_view note, absl::Time now, bool asked = true);
  // What is remembered of this log is its end: whatever is larger is evidence.
  void SetEnded(const std::string& origin);

  // What is remembered of a log, with the note that says so.
  struct Known {
    crypto::Checkpoint checkpoint;
    std::string note;
  };
  absl::optional<Known> Latest(absl::string_view origin) const;
  // How many logs.
  size_t followed() const;
  // The files in which evidence was kept, of all logs, by name.
  std::vector<std::string> Evidence() const;

 private:
  struct Log {
    std::vector<crypto::NoteVerifier> keys;
    absl::optional<Known> known;
    bool ended = false;
  };

  explicit Witness(WitnessOptions options) : options_(std::move(options)) {}
  absl::Status OpenFolder();
  std::string PathOf(absl::string_view origin) const;
  // With lock_ held. Null, with the answer, unless the note is a followed log's checkpoint.
  Log* Verified(absl::string_view note, crypto::Checkpoint* checkpoint, WitnessAnswer* answer);
  void Remember(absl::string_view note, const crypto::Checkpoint& checkpoint, absl::Time now,
                Log* log, WitnessAnswer* answer);
  // False, with the answer and evidence, for more than a log had ended with.
  bool WithinEnd(absl::string_view note, const crypto::Checkpoint& shown, const Log& log,
                 absl::Time now, WitnessAnswer* answer);
  // True, with the answer, for what an accepted loss says is lost.
  bool IsLost(const crypto::Checkpoint& checkpoint, WitnessAnswer* answer) const;
  void Refuse(WitnessFinding finding, std::string says, WitnessAnswer* answer) const;
  void KeepEvidence(absl::string_view what, absl::string_view note, const Log& log, absl::Time now,
                    WitnessAnswer* answer);
  // By agency; read from the files the first time.
  size_t* EvidenceAbout(absl::string_view origin);

  const WitnessOptions options_;
  int folder_lock_ = -1;
  mutable std::mutex lock_;
  std::map<std::string, Log, std::less<>> logs_;
  absl::optional<std::map<std::string, size_t>> evidence_;
};

}  // namespace vouch::requester

#endif  // VOUCH_CLIENT_REQUESTER_WITNESS_H_
