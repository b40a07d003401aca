// A log that answers of a partner are held against, and a requester's library that follows it.
#ifndef VOUCH_TESTS_CLIENT_REQUESTER_FOLLOWED_LOG_FIXTURE_H_
#define VOUCH_TESTS_CLIENT_REQUESTER_FOLLOWED_LOG_FIXTURE_H_

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <stdlib.h>

#include <atomic>
#include <filesystem>
#include <fstream>
#include <memory>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "client/requester/followed_log.h"
#include "client/requester/witness.h"
#include "crypto/base64.h"
#include "crypto/digest.h"
#include "tests/server/service/signed_log.h"

namespace vouch::requester {

using server::SignedLog;

constexpr char kOrigin[] = "irs.treasury.example/ledger/2027";

class FollowedLogTest : public testing::Test {
 protected:
  FollowedLogTest() : log_(kOrigin), other_(kOrigin, log_.key()) {
    std::string name = (std::filesystem::temp_directory_path() / "vouch-followed-XXXXXX").string();
    if (mkdtemp(&name[0]) == nullptr) std::abort();
    folder_ = name;
    log_.GrowTo(200);
    other_.GrowTo(60);
    other_.GrowTo(200, " otherwise");
  }
  ~FollowedLogTest() override {
    std::error_code ignored;
    std::filesystem::remove_all(folder_, ignored);
  }

  // A process that asks: what it remembers outlives it.
  std::unique_ptr<FollowedLog> Open(absl::Duration longest = absl::Hours(1), uint64_t most = 10) {
    FollowedLogOptions options;
    options.agency = "irs.treasury.example";
    options.public_der = log_.public_der();
    if (remembers_) options.folder = folder_ + "/asked";
    if (remembers_) options.witness_folder = folder_ + "/witness";
    options.longest = longest;
    options.most_answers = most;
    return std::make_unique<FollowedLog>(
        std::move(options),
        [this](const std::string& origin, absl::Span<const uint64_t> sizes) {
          return Prove(origin == next_.origin() ? next_ : log_, sizes);
        },
        [this](const std::string& origin, uint64_t) -> absl::StatusOr<FollowedLog::Continuation> {
          if (!reachable_ || !tells_) {
            return absl::UnavailableError("the partner is not there");
          }
          ++asked_on_;
          if (origin != kOrigin) return FollowedLog::Continuation{next_.NoteOf(next_.size()), {}};
          return FollowedLog::Continuation{
              head_note_.empty() ? next_.NoteOf(next_.size()) : head_note_, steps_};
        });
  }
  absl::StatusOr<std::vector<std::vector<crypto::Digest>>> Prove(const SignedLog& log,
                                                                 absl::Span<const uint64_t> sizes) {
    ++asked_;
    proved_ = std::vector<uint64_t>(sizes.begin(), sizes.end());
    if (!reachable_) return absl::UnavailableError("the partner is not there");
    std::vector<std::vector<crypto::Digest>> proofs;
    for (size_t i = 0; i + 1 < sizes.size(); ++i) {
      if (sizes[i + 1] > head_) return absl::InvalidArgumentError("the log has not so many");
      proofs.push_back(log.Proof(sizes[i], sizes[i + 1]));
    }
    return proofs;
  }
  static absl::Status Use(FollowedLog* followed, const SignedLog& log, uint64_t size,
                          uint64_t answers = 1) {
    const std::string note = log.NoteOf(size);
    return followed->Use(*crypto::ReadCheckpoint(crypto::ReadNote(note)->text), note, answers);
  }
  std::string File(const std::string& suffix) const {
    return absl::StrCat(folder_, "/asked/", crypto::Hex(crypto::Sha256(kOrigin)), suffix);
  }
  static std::string Text(const std::string& path) {
    std::ifstream in(path, std::ios::binary);
    return std::string(std::istreambuf_iterator<char>(in), {});
  }
  size_t Evidence() const {
    std::error_code error;
    const auto files = std::filesystem::directory_iterator(folder_ + "/witness/evidence", error);
    return error ? 0 : static_cast<size_t>(std::distance(files, {}));
  }

  // A process that uses checkpoints ahead of their check, and is killed before it comes.
  template <typename Uses>
  void Killed(const Uses& uses) {
    const pid_t child = fork();
    ASSERT_GE(child, 0);
    if (child == 0) {
      auto followed = Open();
      uses(followed.get());
      kill(getpid(), SIGKILL);
    }
    int status = 0;
    ASSERT_EQ(waitpid(child, &status, 0), child);
    ASSERT_TRUE(WIFSIGNALED(status));
  }
  size_t UsedFiles() const {
    size_t files = 0;
    std::error_code error;
    for (const auto& one : std::filesystem::directory_iterator(folder_ + "/asked", error)) {
      files += one.path().filename().string().rfind("used-", 0) == 0 ? 1 : 0;
    }
    return files;
  }

  std::string folder_;
  bool remembers_ = true;
  SignedLog log_, other_;
  SignedLog next_{"irs.treasury.example/ledger/2028", log_.key()};
  std::vector<crypto::LogSuccession> steps_;
  std::string head_note_;  // empty: the newest of next_
  std::atomic<int> asked_{0};
  std::atomic<int> asked_on_{0};  // how the ledger goes on
  std::atomic<bool> reachable_{true};
  std::atomic<bool> tells_{true};  // how the ledger goes on
  std::atomic<uint64_t> head_{200};
  std::vector<uint64_t> proved_;
};

}  // namespace vouch::requester

#endif  // VOUCH_TESTS_CLIENT_REQUESTER_FOLLOWED_LOG_FIXTURE_H_
