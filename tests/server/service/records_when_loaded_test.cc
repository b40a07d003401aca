#include "server/records_when_loaded.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <future>
#include <thread>

#include "server/records/manifest.h"
#include "tests/server/records/loaded_folder.h"

namespace vouch::server {
namespace {

const records::Person kAda{"1", "900-12-3001", "1990-02-03", "Ada", "Lovelace", "100.00", ""};

TEST(RecordsWhenLoadedTest, AreThereOnceTheyAreLoaded) {
  const records::LoadedFolder loaded;
  RecordsWhenLoaded records({loaded.folder(), loaded.keys()});
  EXPECT_EQ(records.Current(), nullptr);
  EXPECT_TRUE(records.Refresh().ok());
  EXPECT_EQ(records.Current(), nullptr);
  ASSERT_TRUE(loaded.Load({kAda}).ok());
  EXPECT_TRUE(records.Refresh().ok());
  ASSERT_NE(records.Current(), nullptr);
  EXPECT_EQ(records.Current()->people(), 1u);
}

TEST(RecordsWhenLoadedTest, AWalkNeverWaitsUntilChangesAreRead) {
  const records::LoadedFolder loaded;
  ASSERT_TRUE(loaded.Load({kAda}).ok());
  RecordsWhenLoaded records({loaded.folder(), loaded.keys()});
  ASSERT_TRUE(records.Refresh().ok());
  const auto before = records.Current();
  // Changes that are read for as long as a writer keeps them open.
  const std::string overlay =
      loaded.folder() + "/" + records::ReadManifest(loaded.folder())->overlay_file;
  ASSERT_EQ(mkfifo(overlay.c_str(), 0600), 0);
  std::thread refreshing([&] { EXPECT_TRUE(records.Refresh().ok()); });
  const int writer = open(overlay.c_str(), O_WRONLY | O_CLOEXEC);
  auto current = std::async(std::launch::async, [&] { return records.Current(); });
  EXPECT_EQ(current.wait_for(std::chrono::seconds(10)), std::future_status::ready);
  close(writer);
  refreshing.join();
  EXPECT_EQ(current.get(), before);
  EXPECT_NE(records.Current(), before);
}

}  // namespace
}  // namespace vouch::server
