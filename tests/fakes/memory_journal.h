// A journal without a disk: the real decisions and tables, commits kept in memory.
#ifndef VOUCH_TESTS_FAKES_MEMORY_JOURNAL_H_
#define VOUCH_TESTS_FAKES_MEMORY_JOURNAL_H_

#include <algorithm>
#include <memory>
#include <mutex>
#include <string>
#include <utility>
#include <vector>

#include "server/journal/journal.h"
#include "server/journal/span_decisions.h"
#include "server/journal/tables.h"

namespace vouch::fakes {

// Thread-safe; set up before.
class MemoryJournal final : public server::journal::Journal {
 public:
  absl::StatusOr<server::journal::Committed> Commit(
      absl::Span<const server::journal::Proposal> proposals, absl::Time now,
      server::journal::CommitSteps* steps) override {
    const std::lock_guard<std::mutex> guard(mutex_);
    head_.second = std::max(head_.second, static_cast<uint32_t>(absl::ToUnixSeconds(now)));
    ++head_.commit;
    server::journal::Committed committed;
    committed.second = head_.second;
    committed.first_entry = head_.tree_size;
    server::journal::SpanDecisions decisions(*tables_, proposals, head_.commit, head_.second);
    std::vector<server::journal::StoredItem> items;
    for (size_t item = 0; item < proposals.size(); ++item) {
      server::journal::Decision decision = decisions.Decide(
          item, items.size(), [&] { return steps->StillPermitted(item, committed.second); });
      decision.entry_index = head_.tree_size;
      server::journal::Written written = steps->Write(item, committed.second, decision);
      const auto keep = [&](std::string entry, std::string sealed) {
        items.push_back({committed.second, head_.tree_size, std::move(entry), std::move(sealed)});
        if (!items.back().entry.empty()) ++head_.tree_size;
      };
      keep(std::move(written.entry), std::move(written.sealed));
      for (auto& slot : written.others) keep(std::move(slot.entry), std::move(slot.sealed));
      committed.decisions.push_back(decision);
    }
    committed.entries = static_cast<uint32_t>(head_.tree_size - committed.first_entry);
    for (const server::journal::StoredItem& item : items) {
      if (!item.entry.empty()) committed.leaves.push_back(LeafOf(item.entry));
    }
    Tell(committed.leaves);
    if (forgets) return committed;
    tables_->Apply(decisions.Take(), head_.commit, head_.second);
    for (const server::journal::StoredItem& item : items) {
      if (!item.entry.empty()) entries_.push_back(item.entry);
    }
    commits_.push_back(std::move(items));
    return committed;
  }
  absl::Status Append(absl::Span<const std::string> entries, absl::Time) override {
    const std::lock_guard<std::mutex> guard(mutex_);
    entries_.insert(entries_.end(), entries.begin(), entries.end());
    head_.tree_size += entries.size();
    std::vector<crypto::Digest> leaves;
    for (const std::string& entry : entries) leaves.push_back(LeafOf(entry));
    Tell(leaves);
    return absl::OkStatus();
  }
  absl::Status ChargeEvaluations(const server::journal::RowKey&, const policies::CountLimit&,
                                 const server::journal::RowKey&, uint64_t, uint32_t, absl::Time,
                                 uint32_t) override {
    return absl::OkStatus();
  }
  absl::StatusOr<server::journal::StoredItem> Read(
      const server::journal::Location& where) const override {
    const std::lock_guard<std::mutex> guard(mutex_);
    if (where.commit == 0 || where.commit > commits_.size()) {
      return absl::NotFoundError("not there");
    }
    return commits_[where.commit - 1].at(where.item);
  }
  absl::StatusOr<std::vector<std::string>> ReadEntries(uint64_t first,
                                                       uint32_t count) const override {
    const std::lock_guard<std::mutex> guard(mutex_);
    if (first >= entries_.size()) return absl::OutOfRangeError("not there");
    const auto begin = entries_.begin() + static_cast<ptrdiff_t>(first);
    return std::vector<std::string>(
        begin, begin + static_cast<ptrdiff_t>(std::min<uint64_t>(count, entries_.size() - first)));
  }
  absl::StatusOr<uint64_t> Prune(uint64_t) override { return 0; }
  server::journal::Head head() const override {
    const std::lock_guard<std::mutex> guard(mutex_);
    return head_;
  }
  std::vector<server::journal::LogSpan> logs() const override { return {{head_.origin, 0}}; }
  void SetWatcher(server::journal::CommitWatcher watcher) override {
    const std::lock_guard<std::mutex> guard(mutex_);
    watcher_ = std::move(watcher);
  }
  std::vector<Adoption> adoptions() const override { return {}; }
  absl::Status Adopt(const Adoption&, const std::string&, absl::Time) override {
    return absl::OkStatus();
  }
  Figures figures() const override {
    const std::lock_guard<std::mutex> guard(mutex_);
    Figures figures;
    figures.commits = head_.commit;
    figures.entries = head_.tree_size;
    figures.charge_rows = tables_->charges().size();
    figures.remembered = tables_->requests().size();
    return figures;
  }

  // Decides and writes as ever, and keeps nothing: every commit meets the same tables.
  bool forgets = false;

 private:
  static crypto::Digest LeafOf(const std::string& entry) {
    return crypto::LeafHash(crypto::AsBytes(entry));
  }
  void Tell(const std::vector<crypto::Digest>& leaves) {
    for (const crypto::Digest& leaf : leaves) head_.range.Append(leaf);
    if (watcher_ && !leaves.empty()) watcher_(head_, leaves);
  }

  mutable std::mutex mutex_;
  server::journal::CommitWatcher watcher_;
  std::unique_ptr<server::journal::Tables> tables_ = std::make_unique<server::journal::Tables>();
  server::journal::Head head_{"tax.example/ledger/2027", 0, {}, 0, 0, 0};
  std::vector<std::vector<server::journal::StoredItem>> commits_;
  std::vector<std::string> entries_;
};

}  // namespace vouch::fakes

#endif  // VOUCH_TESTS_FAKES_MEMORY_JOURNAL_H_
