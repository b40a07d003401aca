#include "server/ledger/oversight/inspection_file.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>

#include "absl/strings/str_replace.h"
#include "tests/server/ledger/oversight/history.h"

namespace vouch::server::ledger::oversight {
namespace {

using ::testing::SizeIs;

InspectionFile FileOf(int person) {
  const History& history = History::Get();
  PersonKeys keys(history.keys(), history.NamesOf(person));
  DisclosureSearch search(&keys);
  for (const KeptEntry& entry : history.log()) EXPECT_TRUE(search.Visit(entry.InLog()).ok());
  auto file = InspectionFile::Of("tax.example", "tax.example/ledger/2027", search, &keys);
  EXPECT_TRUE(file.ok()) << file.status();
  return *file;
}

TEST(InspectionFileTest, OpensThePersonsEntriesOfAnExportedLogAndNoOthers) {
  const History& history = History::Get();
  for (const int person : {2, 170}) {
    const auto file = InspectionFile::Read(FileOf(person).ToJson());
    ASSERT_TRUE(file.ok()) << file.status();
    EXPECT_EQ(file->responder, "tax.example");
    const auto keys = file->Keys();
    DisclosureSearch search(keys.get());
    for (const KeptEntry& entry : history.log()) {
      // An exported log holds no sealed details; the file brings this person's.
      const auto sealed = file->sealed.find(entry.index);
      const absl::string_view beside =
          sealed == file->sealed.end() ? absl::string_view() : sealed->second;
      ASSERT_TRUE(search.Visit({entry.index, entry.entry, beside}).ok());
    }
    ASSERT_THAT(search.found(), SizeIs(history.noted(person).size()));
    EXPECT_EQ(file->sealed.size(), search.found().size());
    for (const Disclosure& one : search.found()) {
      ASSERT_TRUE(one.opened.has_value());
      EXPECT_EQ(crypto::Commit(one.opened->opening, one.opened->details.Bytes()),
                one.entry.commitment);
    }
  }
}

TEST(InspectionFileTest, HoldsAKeyOfEveryMonthSoThatNothingFoundIsSaidOfEach) {
  const InspectionFile file = FileOf(2);
  const auto of_person = [](const InspectionFile::Key& key) {
    return key.kind == crypto::SubjectKey::Subject::kPerson;
  };
  EXPECT_EQ(std::count_if(file.keys.begin(), file.keys.end(), of_person), 4);
}

TEST(InspectionFileTest, HoldsNoKeyThatOpensAnotherPersonsEntries) {
  const History& history = History::Get();
  const InspectionFile file = FileOf(7);
  ASSERT_FALSE(file.keys.empty());
  for (const KeptEntry& entry : history.log()) {
    if (file.sealed.count(entry.index) > 0) continue;
    for (const InspectionFile::Key& given : file.keys) {
      const crypto::SubjectKey key(given.key);
      ASSERT_FALSE(EntryWriter::OpenWith(key, entry.entry, entry.sealed).ok());
    }
  }
}

TEST(InspectionFileTest, SaysWhatCouldNotBeLookedFor) {
  InspectionFile file;
  file.gaps = {"a month's key is not here"};
  const auto read = InspectionFile::Read(file.ToJson());
  ASSERT_TRUE(read.ok()) << read.status();
  EXPECT_EQ(read->gaps, file.gaps);
  // One of an earlier version.
  const auto earlier =
      InspectionFile::Read(R"({"format": "vouch-inspection/1", "keys": [], "sealed": []})");
  ASSERT_TRUE(earlier.ok()) << earlier.status();
  EXPECT_TRUE(earlier->gaps.empty());
}

TEST(InspectionFileTest, ReadsNothingButItsOwnFormat) {
  const std::string good = FileOf(2).ToJson();
  for (const std::string& wrong :
       {std::string("{}"), std::string("[]"), std::string("x"),
        absl::StrReplaceAll(good, {{"vouch-inspection/1", "vouch-inspection/2"}}),
        absl::StrReplaceAll(good, {{"2027-06", "2027-6"}}),
        absl::StrReplaceAll(good, {{"\"person\"", "\"people\""}}),
        absl::StrReplaceAll(good, {{"\"key\": \"", "\"key\": \"0"}}),
        absl::StrReplaceAll(good, {{"\"index\": ", "\"index\": -"}}),
        absl::StrReplaceAll(good, {{"\"sealed\": \"", "\"sealed\": \"!"}}),
        good.substr(0, good.size() / 2)}) {
    EXPECT_FALSE(InspectionFile::Read(wrong).ok()) << wrong.substr(0, 60);
  }
}

}  // namespace
}  // namespace vouch::server::ledger::oversight
