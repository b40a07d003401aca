// A node "irs" whose journal a test writes itself, as the running node would.
#ifndef VOUCH_TESTS_CLIENT_NODE_WITH_JOURNAL_H_
#define VOUCH_TESTS_CLIENT_NODE_WITH_JOURNAL_H_

#include <memory>
#include <string>
#include <vector>

#include "absl/time/time.h"
#include "crypto/receipt.h"
#include "server/journal/journal.h"
#include "tests/client/vouch_program.h"

namespace vouch::tests {

class NodeWithJournal : public VouchTest {
 protected:
  static constexpr char kOrigin[] = "irs.treasury.example/ledger/2027";
  static constexpr int64_t kYearAfter = 1830297600;  // 2028-01-01

  void SetUp() override {
    MakeNode("irs", "irs.treasury.example");
    Open();
  }
  void Open() {
    server::journal::JournalOptions options;
    options.folder = Path("irs/journal");
    options.origin = kOrigin;
    auto opened = server::journal::OpenFileJournal(options);
    ASSERT_TRUE(opened.ok()) << opened.status();
    journal_ = *std::move(opened);
  }
  void Append(uint32_t count) {
    std::vector<std::string> entries;
    for (uint32_t i = 0; i < count; ++i) {
      entries.push_back(crypto::CountedRefusalsEntry(29920320, "fsa.ed.example", 3, ++counted_));
    }
    ASSERT_TRUE(journal_->Append(entries, absl::FromUnixSeconds(now_)).ok());
  }
  // The node stopped.
  void Stop() { journal_.reset(); }

  std::unique_ptr<server::journal::Journal> journal_;
  uint32_t counted_ = 0;
  int64_t now_ = 1795219200;
};

}  // namespace vouch::tests

#endif  // VOUCH_TESTS_CLIENT_NODE_WITH_JOURNAL_H_
