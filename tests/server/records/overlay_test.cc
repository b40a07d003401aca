#include "server/records/overlay.h"

#include <gtest/gtest.h>

#include "tests/server/records/loaded_folder.h"

namespace vouch::server::records {
namespace {

const crypto::Digest kLabel = {9, 9};

OverlayChange Change(uint32_t record, uint8_t value) {
  OverlayChange change;
  change.record = record;
  change.person[0] = static_cast<uint8_t>(record);
  change.row = "row";
  change.identity = {77, 3, "sealed"};
  IndexValue index_value{};
  index_value[0] = value;
  change.tokens = {{"agreement", 1, kLabel, 5, {index_value}}};
  return change;
}

class OverlayTest : public testing::Test {
 protected:
  void Append(const std::vector<OverlayChange>& changes) {
    absl::StatusOr<OverlayLog> log = OverlayLog::Open(path_);
    ASSERT_TRUE(log.ok()) << log.status();
    ASSERT_TRUE(log->Append(changes).ok());
  }
  TemporaryFolder folder_;
  const std::string path_ = folder_.File("overlay.1");
};

TEST_F(OverlayTest, AMissingLogIsEmpty) {
  const auto overlay = Overlay::Read(path_);
  ASSERT_TRUE(overlay.ok());
  EXPECT_TRUE((*overlay)->empty());
}

TEST_F(OverlayTest, GivesBackChangesAndTheLastOneCounts) {
  Append({Change(1, 10), Change(2, 20)});
  Append({Change(1, 11)});
  const auto overlay = *Overlay::Read(path_);
  ASSERT_NE(overlay->Find(1), nullptr);
  EXPECT_EQ(overlay->Find(1)->row, "row");
  EXPECT_EQ(overlay->Find(1)->identity.version, 77u);
  EXPECT_EQ(overlay->Find(1)->identity.sealed, "sealed");
  EXPECT_EQ(overlay->Find(3), nullptr);
  const Overlay::IndexPart* part = overlay->PartFor({"agreement", 1, kLabel});
  ASSERT_NE(part, nullptr);
  IndexValue value{};
  value[0] = 10;
  EXPECT_EQ(part->records.count(value), 0u);
  value[0] = 11;
  EXPECT_EQ(part->records.count(value), 1u);
  EXPECT_EQ(overlay->PartFor({"agreement", 2, kLabel}), nullptr);
}

TEST_F(OverlayTest, ACutLastChangeWasNeverAcknowledged) {
  Append({Change(1, 10)});
  const std::string first = ReadWhole(path_);
  Append({Change(2, 20)});
  const std::string both = ReadWhole(path_);
  for (size_t size = first.size(); size < both.size(); ++size) {
    WriteWhole(path_, both.substr(0, size));
    const auto overlay = Overlay::Read(path_);
    ASSERT_TRUE(overlay.ok()) << size;
    EXPECT_NE((*overlay)->Find(1), nullptr);
    EXPECT_EQ((*overlay)->Find(2), nullptr);
    Append({Change(3, 30)});
    const auto after = *Overlay::Read(path_);
    EXPECT_NE(after->Find(1), nullptr);
    EXPECT_NE(after->Find(3), nullptr);
  }
}

TEST_F(OverlayTest, DamageBeforeTheLastChangeIsRefused) {
  Append({Change(1, 10)});
  const size_t first = ReadWhole(path_).size();
  Append({Change(2, 20)});
  const std::string whole = ReadWhole(path_);
  for (size_t at = 0; at < first; ++at) {
    if (at >= 20 && at < 24) continue;  // a length: the rest then counts as cut short
    std::string damaged = whole;
    damaged[at] ^= 0x08;
    WriteWhole(path_, damaged);
    EXPECT_FALSE(Overlay::Read(path_).ok()) << at;
  }
}

}  // namespace
}  // namespace vouch::server::records
