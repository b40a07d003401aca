#include "tests/server/journal/journal_fixture.h"

#include <gtest/gtest.h>
#include <stdlib.h>
#include <sys/stat.h>

#include <chrono>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <thread>

#include "absl/strings/str_cat.h"
#include "crypto/digest.h"

namespace vouch::server::journal {

TemporaryFolder::TemporaryFolder() {
  std::string name = (std::filesystem::temp_directory_path() / "vouch-journal-XXXXXX").string();
  if (mkdtemp(&name[0]) == nullptr) std::abort();
  path_ = name;
}
TemporaryFolder::~TemporaryFolder() {
  std::error_code ignored;
  std::filesystem::remove_all(path_, ignored);
}

RowKey KeyNamed(const std::string& name) {
  const crypto::Digest digest = crypto::Sha256(name);
  RowKey key;
  std::memcpy(key.data(), digest.data(), key.size());
  return key;
}

policies::Limits WideLimits() {
  policies::Limits limits;
  limits.times_asked = {1000, absl::Hours(24)};
  limits.different_values = {1000, absl::Hours(24)};
  limits.new_people = {1000000, absl::Hours(24)};
  limits.whole_agreement = {1000000, absl::Hours(24)};
  limits.evaluations = {1000000, absl::Hours(24)};
  return limits;
}

JournalOptions OptionsFor(const TemporaryFolder& folder, uint64_t tail_bytes) {
  JournalOptions options;
  options.folder = folder.journal();
  options.origin = kOrigin;
  options.tail_bytes = tail_bytes;
  options.segment_bytes = 64 << 10;  // so that every longer test uses several
  return options;
}

std::unique_ptr<Journal> OpenIn(const TemporaryFolder& folder, uint64_t tail_bytes) {
  auto journal = OpenFileJournal(OptionsFor(folder, tail_bytes));
  EXPECT_TRUE(journal.ok()) << journal.status();
  return journal.ok() ? *std::move(journal) : nullptr;
}

Proposal Ask(const policies::Limits& limits, const std::string& spelling,
             const std::string& request, uint32_t now, uint32_t value) {
  Proposal proposal;
  proposal.request = KeyNamed("request " + request);
  proposal.content = crypto::Sha256("content " + request);
  proposal.remember_until = now + kDay;
  proposal.epoch_row = KeyNamed("agreement");
  proposal.epoch = 1;
  proposal.charges.tokens = KeyNamed("V " + spelling);
  proposal.charges.people = {KeyNamed("P1 " + spelling), KeyNamed("P2 " + spelling)};
  proposal.charges.value = value;
  proposal.charges.agreement = KeyNamed("agreement");
  proposal.charges.limits = &limits;
  proposal.charges.rows_die_after = kStart + 365 * kDay;
  return proposal;
}

Proposal AskGroup(const policies::Limits& limits, const std::vector<std::string>& members,
                  size_t slots, const std::string& request, uint32_t now, uint32_t value) {
  Proposal proposal = Ask(limits, members[0], request, now, value);
  proposal.charges.members = static_cast<uint32_t>(members.size());
  for (size_t slot = 1; slot < slots; ++slot) {
    const std::string name =
        slot < members.size() ? members[slot] : absl::StrCat("padding ", slot, " of ", members[0]);
    proposal.charges.others.push_back(Ask(limits, name, request, now, value).charges);
  }
  return proposal;
}

bool WritingSteps::StillPermitted(size_t item, uint32_t) {
  calls.push_back(absl::StrCat("permitted ", item));
  return permitted(item);
}

Written WritingSteps::Write(size_t item, uint32_t second, const Decision& decision) {
  calls.push_back(absl::StrCat("write ", item));
  Written written;
  if (decision.verdict != Verdict::kReplay) {
    written.entry = absl::StrCat("entry ", decision.entry_index, " at ", second);
    written.sealed = absl::StrCat("sealed ", decision.entry_index);
    entries.push_back(written.entry);
    for (size_t slot = 1; item < slots.size() && slot < slots[item]; ++slot) {
      written.others.push_back({absl::StrCat("entry ", decision.entry_index + slot, " at ", second),
                                absl::StrCat("sealed ", decision.entry_index + slot)});
      entries.push_back(written.others.back().entry);
    }
  }
  return written;
}

std::vector<Verdict> VerdictsOf(Journal* journal, const std::vector<Proposal>& proposals,
                                uint32_t now) {
  WritingSteps steps;
  auto committed = journal->Commit(proposals, At(now), &steps);
  EXPECT_TRUE(committed.ok()) << committed.status();
  std::vector<Verdict> verdicts;
  if (committed.ok()) {
    for (const Decision& decision : committed->decisions) verdicts.push_back(decision.verdict);
  }
  return verdicts;
}

Decision DecisionOf(Journal* journal, const Proposal& proposal, uint32_t now) {
  WritingSteps steps;
  auto committed = journal->Commit(absl::MakeConstSpan(&proposal, 1), At(now), &steps);
  EXPECT_TRUE(committed.ok()) << committed.status();
  return committed.ok() ? committed->decisions.at(0) : Decision();
}

Verdict VerdictOf(Journal* journal, const Proposal& proposal, uint32_t now) {
  return DecisionOf(journal, proposal, now).verdict;
}

std::string ImageStamp(const TemporaryFolder& folder) {
  struct stat about;
  if (stat((folder.journal() + "/tables.image").c_str(), &about) != 0) return "";
  return absl::StrCat(about.st_ino, " ", about.st_mtim.tv_sec, " ", about.st_mtim.tv_nsec);
}

std::string WaitForImage(const TemporaryFolder& folder, const std::string& than) {
  for (int i = 0; i < 1000; ++i) {
    const std::string stamp = ImageStamp(folder);
    if (!stamp.empty() && stamp != than) return stamp;
    std::this_thread::sleep_for(std::chrono::milliseconds(10));
  }
  ADD_FAILURE() << "no image was written";
  return "";
}

std::string ReadWholeFile(const std::string& path) {
  std::ifstream in(path, std::ios::binary);
  return std::string(std::istreambuf_iterator<char>(in), std::istreambuf_iterator<char>());
}
void WriteWholeFile(const std::string& path, const std::string& bytes) {
  std::ofstream out(path, std::ios::binary | std::ios::trunc);
  out << bytes;
}

}  // namespace vouch::server::journal
