// A fault at every system call by which the high-water mark is written and read. The table of
// docs/faults.md is compared; VOUCH_WRITE_FAULTS=1 writes it anew.
#include <gtest/gtest.h>

#include <cstring>
#include <filesystem>

#include "absl/strings/str_cat.h"
#include "server/ledger/tree/high_water.h"
#include "tests/server/faults/fault_runs.h"

namespace vouch::server {
namespace {

using ledger::tree::HighWater;
using vouch::tests::BeginStep;

constexpr char kOrigin[] = "irs.treasury.example/ledger/2026";
constexpr uint64_t kSizes[] = {10, 20, 30, 40};

const crypto::NoteSigner& Signer() {
  static const auto* const signer = new crypto::NoteSigner(*crypto::NoteSigner::Make(
      kOrigin, std::make_shared<const crypto::SigningKey>(
                   crypto::SigningKey::Generate(crypto::KeyKind::kEd25519))));
  return *signer;
}
crypto::Digest RootAt(uint64_t size) {
  crypto::CompactRange range;
  for (uint64_t i = 0; i < size; ++i) {
    range.Append(crypto::LeafHash(crypto::AsBytes(absl::StrCat("entry ", i))));
  }
  return range.Root();
}

absl::StatusOr<std::unique_ptr<HighWater>> Open(const std::string& folder,
                                                Report* report = nullptr) {
  ledger::tree::HighWaterOptions options;
  options.path = folder + "/keys/ledger.high-water";
  options.marked = folder + "/journal/marked";
  options.at_most_every = absl::Hours(1);
  // Whichever of the two threads came first meets the fault.
  options.problem = [report](const absl::Status& status) {
    if (report != nullptr && !status.ok()) ++report->unavailable;
  };
  return HighWater::Open(std::move(options), {Signer().verifier()});
}

void Refuse(const char* what, const absl::Status& status, Report* report) {
  const std::string text = absl::StrCat(what, absl::StatusCodeToString(status.code()));
  std::strncpy(report->refusal, text.c_str(), sizeof(report->refusal) - 1);
}

void Script(const std::string& folder, Report* report) {
  const crypto::NoteSigner* const signers[] = {&Signer()};
  for (const uint64_t size : kSizes) {
    BeginStep("take up the mark");
    auto mark = Open(folder, report);
    if (!mark.ok()) return Refuse("did not start: ", mark.status(), report);
    BeginStep("raise the mark");
    const crypto::Checkpoint checkpoint{kOrigin, size, RootAt(size)};
    ++report->tried;
    (*mark)->Raise(checkpoint, std::make_shared<const std::string>(
                                   *crypto::SignCheckpoint(checkpoint, signers)));
    absl::Status written = (*mark)->Flush();
    while (!written.ok() && report->unavailable < 5) {
      ++report->unavailable;
      written = (*mark)->Flush();
    }
    if (!written.ok()) return Refuse("said ", written, report);
    report->released[report->released_count++].size = size;
  }
}

void Check(const std::string& folder, const Run& run) {
  auto mark = Open(folder);
  ASSERT_TRUE(mark.ok()) << mark.status();
  const uint64_t size = (*mark)->mark().has_value() ? (*mark)->mark()->size : 0;
  const uint32_t released = run.report.released_count;
  EXPECT_GE(size, released == 0 ? 0 : run.report.released[released - 1].size);
  EXPECT_LE(size, run.report.tried == 0 ? 0 : kSizes[run.report.tried - 1]);
  const auto root_at = [](uint64_t of) -> absl::StatusOr<crypto::Digest> { return RootAt(of); };
  EXPECT_TRUE((*mark)->Check(40, root_at).ok());
  if (size > 0) {
    EXPECT_TRUE(absl::IsDataLoss((*mark)->Check(size - 1, root_at)));
  }
}

TEST(HighWaterFaultsTest, AFaultAtAnyCallLosesNothing) {
  (void)Signer();
  FaultTable table;
  const size_t runs = RunWithEveryFault(
      [](const std::string& folder) {
        std::filesystem::create_directories(folder + "/keys");
        std::filesystem::create_directories(folder + "/journal");
      },
      Script, Check, &table);
  RecordProperty("runs", static_cast<int>(runs));
  EXPECT_GT(runs, 50u);
  if (!HasFailure()) ExpectDocumented("mark", table.Markdown());
}

}  // namespace
}  // namespace vouch::server
