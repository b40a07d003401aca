// A journal that can be made to fail, and that keeps what it was asked to commit.
#ifndef VOUCH_TESTS_FAKES_WATCHED_JOURNAL_H_
#define VOUCH_TESTS_FAKES_WATCHED_JOURNAL_H_

#include <functional>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "server/journal/journal.h"

namespace vouch::fakes {

// Set up before threads start; the inner journal does the work. Not thread-safe in what it keeps.
class WatchedJournal final : public server::journal::Journal {
 public:
  explicit WatchedJournal(std::unique_ptr<server::journal::Journal> inner)
      : inner_(std::move(inner)) {}

  absl::StatusOr<server::journal::Committed> Commit(
      absl::Span<const server::journal::Proposal> proposals, absl::Time now,
      server::journal::CommitSteps* steps) override {
    if (before_commit) before_commit();
    if (keeps) proposed.assign(proposals.begin(), proposals.end());
    if (!failing.ok()) return failing;
    Watching watching(this, steps);
    return inner_->Commit(proposals, now, &watching);
  }
  absl::Status Append(absl::Span<const std::string> entries, absl::Time now) override {
    return failing.ok() ? inner_->Append(entries, now) : failing;
  }
  absl::Status ChargeEvaluations(const server::journal::RowKey& row,
                                 const policies::CountLimit& limit,
                                 const server::journal::RowKey& key_row, uint64_t key_cap,
                                 uint32_t count, absl::Time now,
                                 uint32_t agreement_begins) override {
    if (before_charge) before_charge(count);
    if (!failing.ok()) return failing;
    return inner_->ChargeEvaluations(row, limit, key_row, key_cap, count, now, agreement_begins);
  }
  absl::StatusOr<server::journal::StoredItem> Read(
      const server::journal::Location& where) const override {
    return inner_->Read(where);
  }
  absl::StatusOr<std::vector<std::string>> ReadEntries(uint64_t first,
                                                       uint32_t count) const override {
    return inner_->ReadEntries(first, count);
  }
  absl::StatusOr<uint64_t> Prune(uint64_t below) override { return inner_->Prune(below); }
  server::journal::Head head() const override { return inner_->head(); }
  std::vector<server::journal::LogSpan> logs() const override { return inner_->logs(); }
  void SetWatcher(server::journal::CommitWatcher watcher) override {
    inner_->SetWatcher(std::move(watcher));
  }
  std::vector<Adoption> adoptions() const override { return inner_->adoptions(); }
  absl::Status Adopt(const Adoption& adoption, const std::string& entry, absl::Time now) override {
    return failing.ok() ? inner_->Adopt(adoption, entry, now) : failing;
  }
  Figures figures() const override { return inner_->figures(); }

  std::function<void()> before_commit;
  std::function<void(uint32_t)> before_charge;  // of so many evaluations
  absl::Status failing;
  bool keeps = true;
  std::vector<server::journal::Proposal> proposed;  // by the last commit
  std::vector<server::journal::Written> written;    // for each item since it was last cleared

 private:
  class Watching final : public server::journal::CommitSteps {
   public:
    Watching(WatchedJournal* journal, server::journal::CommitSteps* steps)
        : journal_(journal), steps_(steps) {}
    bool StillPermitted(size_t item, uint32_t second) override {
      return steps_->StillPermitted(item, second);
    }
    server::journal::Written Write(size_t item, uint32_t second,
                                   const server::journal::Decision& decision) override {
      server::journal::Written made = steps_->Write(item, second, decision);
      if (journal_->keeps) journal_->written.push_back(made);
      return made;
    }

   private:
    WatchedJournal* const journal_;
    server::journal::CommitSteps* const steps_;
  };

  const std::unique_ptr<server::journal::Journal> inner_;
};

}  // namespace vouch::fakes

#endif  // VOUCH_TESTS_FAKES_WATCHED_JOURNAL_H_
