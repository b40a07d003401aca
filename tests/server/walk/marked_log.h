// A node's journal and the log over it, with the mark of what was signed.
#ifndef VOUCH_TESTS_SERVER_WALK_MARKED_LOG_H_
#define VOUCH_TESTS_SERVER_WALK_MARKED_LOG_H_

#include <gtest/gtest.h>

#include <atomic>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <memory>
#include <string>

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "crypto/checkpoint.h"
#include "server/ledger_log.h"
#include "tests/harness/process.h"

namespace vouch::server {

inline const absl::Time kNow = absl::FromUnixSeconds(1795219200);

template <typename Condition>
bool Comes(Condition condition) {
  for (int i = 0; i < 1000 && !condition(); ++i) absl::SleepFor(absl::Milliseconds(5));
  return condition();
}

// A node's journal and log over it, begun and ended as a node does.
class LedgerLogMarkTest : public testing::Test {
 protected:
  absl::Status Start() {
    journal::JournalOptions options;
    options.folder = folder_.Path("journal");
    options.origin = "tax.example/ledger/2027";
    auto journal = journal::OpenFileJournal(options);
    if (!journal.ok()) return journal.status();
    journal_ = *std::move(journal);
    LedgerLogOptions log;
    log.folder = folder_.Path("journal/tree");
    log.key = key_;
    log.journal = journal_.get();
    log.high_water = Mark();
    log.marked = Marker();
    log.without_high_water = without_high_water_;
    log.also_key = also_key_;
    log.problem = [this](const absl::Status& standing) {
      if (absl::IsUnavailable(standing)) ++could_not_write_;
      if (standing.ok()) ++rounds_;
    };
    log.mark_problem = [this](const absl::Status& standing) { mark_stands_ = standing.ok(); };
    auto opened = LedgerLog::Open(std::move(log));
    if (!opened.ok()) return opened.status();
    log_ = *std::move(opened);
    return absl::OkStatus();
  }
  void Stop() {
    log_.reset();
    journal_.reset();
  }
  void Append(int entries, absl::Time now = kNow) {
    for (int i = 0; i < entries; ++i) {
      const std::string entry = absl::StrCat("entry ", journal_->head().end());
      ASSERT_TRUE(journal_->Append({&entry, 1}, now).ok());
    }
  }
  std::string Mark() const { return folder_.Path("ledger.high-water"); }
  std::string Marker() const { return folder_.Path("journal/marked"); }
  uint64_t Marked() const {
    std::ifstream in(Mark(), std::ios::binary);
    const std::string note(std::istreambuf_iterator<char>(in), {});
    const auto read = crypto::ReadNote(note);
    return read.ok() ? crypto::ReadCheckpoint(read->text)->size : 0;
  }
  void PutBack(const std::string& older) const {
    std::filesystem::remove_all(folder_.Path("journal"));
    std::filesystem::copy(older, folder_.Path("journal"), std::filesystem::copy_options::recursive);
  }
  std::string Copy(const std::string& name) const {
    std::filesystem::copy(folder_.Path("journal"), folder_.Path(name),
                          std::filesystem::copy_options::recursive);
    return folder_.Path(name);
  }

  const vouch::tests::TemporaryFolder folder_;
  const std::shared_ptr<const crypto::SigningKey> key_ = std::make_shared<const crypto::SigningKey>(
      crypto::SigningKey::Generate(crypto::KeyKind::kEd25519));
  std::shared_ptr<const crypto::SigningKey> also_key_;
  std::atomic<int> could_not_write_{0};
  std::atomic<int> rounds_{0};
  std::atomic<bool> mark_stands_{true};
  bool without_high_water_ = false;
  std::unique_ptr<journal::Journal> journal_;
  std::unique_ptr<LedgerLog> log_;
};

}  // namespace vouch::server

#endif  // VOUCH_TESTS_SERVER_WALK_MARKED_LOG_H_
