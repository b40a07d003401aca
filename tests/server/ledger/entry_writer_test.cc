#include "server/ledger/entry_writer.h"

#include <gtest/gtest.h>

#include <set>

#include "crypto/aead.h"
#include "crypto/random.h"
#include "tests/harness/process.h"

namespace vouch::server::ledger {
namespace {

absl::Time Now() { return absl::FromUnixSeconds(1800000000); }

class EntryWriterTest : public ::testing::Test {
 protected:
  EntryKeys Keys(absl::Time now = Now(), const std::string& agreement = "a-1") {
    const absl::StatusOr<EntryKeys> keys = writer_.KeysFor(agreement, now);
    EXPECT_TRUE(keys.ok()) << keys.status();
    return *keys;
  }
  EntryContent Content(uint8_t answer = 1) const {
    EntryContent content;
    content.entry.requester = "aid.example";
    content.entry.agreement_id = "a-1";
    content.entry.purpose = "eligibility";
    content.entry.question = "income-small";
    content.details.answer = answer;
    content.details.data_as_of = 20500;
    content.details.request = crypto::Sha256("request");
    content.details.position = 7;
    content.details.parameters = "parameters";
    content.subject.found = true;
    content.subject.person = person_;
    content.subject.tokens = tokens_;
    content.inner.person = person_;
    content.inner.matching_key = 1;
    return content;
  }
  static uint32_t Minute() { return 30000000; }
  crypto::SubjectKey PersonKey(const EntryKeys& keys, const crypto::Digest& person) const {
    return crypto::SubjectKey(*keys.tag, crypto::SubjectKey::Subject::kPerson, person);
  }

  tests::TemporaryFolder folder_;
  PeriodKeys keys_{folder_.Path("periods")};
  EntryWriter writer_{&keys_};
  const crypto::Digest person_ = crypto::Sha256("person");
  const std::string tokens_ = std::string(96, 't');
};

TEST_F(EntryWriterTest, WritesWhatItWasGiven) {
  const WrittenEntry written = EntryWriter::Write(Keys(), Content(), Minute());
  const absl::StatusOr<crypto::SubjectEntry> entry = crypto::ReadSubjectEntry(written.entry);
  ASSERT_TRUE(entry.ok()) << entry.status();
  EXPECT_EQ(entry->requester, "aid.example");
  EXPECT_EQ(entry->agreement_id, "a-1");
  EXPECT_EQ(entry->purpose, "eligibility");
  EXPECT_EQ(entry->question, "income-small");
  EXPECT_EQ(entry->minute, Minute());
  EXPECT_EQ(entry->tag_period, TagPeriodOf(Now()));
  EXPECT_EQ(entry->commitment, crypto::Commit(written.opening, Content().details.Bytes()));
}

TEST_F(EntryWriterTest, TheSubjectsKeyOpensIt) {
  const EntryKeys keys = Keys();
  const WrittenEntry written = EntryWriter::Write(keys, Content(2), Minute());
  const auto opened =
      EntryWriter::OpenWith(PersonKey(keys, person_), written.entry, written.sealed);
  ASSERT_TRUE(opened.ok()) << opened.status();
  EXPECT_EQ(opened->details.answer, 2);
  EXPECT_EQ(opened->details.position, 7u);
  EXPECT_EQ(opened->inner.person, person_);
  EXPECT_EQ(opened->inner.matching_key, 1);
}

TEST_F(EntryWriterTest, NoOtherKeyOpensIt) {
  const EntryKeys keys = Keys();
  const WrittenEntry written = EntryWriter::Write(keys, Content(), Minute());
  const auto opens = [&](const crypto::SubjectKey& key) {
    return EntryWriter::OpenWith(key, written.entry, written.sealed).ok();
  };
  EXPECT_FALSE(opens(PersonKey(keys, crypto::Sha256("another"))));
  EXPECT_FALSE(opens(crypto::SubjectKey(*keys.tag, crypto::SubjectKey::Subject::kTokens,
                                        crypto::AsBytes(tokens_))));
  EXPECT_FALSE(opens(PersonKey(Keys(Now() + absl::Hours(24 * 40)), person_))) << "another month";
  EXPECT_FALSE(opens(PersonKey(Keys(Now(), "a-2"), person_))) << "another agreement";
}

TEST_F(EntryWriterTest, WhoeverWasNotFoundIsTaggedByTheTokens) {
  const EntryKeys keys = Keys();
  EntryContent content = Content();
  content.subject.found = false;
  content.inner = PrivateDetails();
  const WrittenEntry written = EntryWriter::Write(keys, content, Minute());
  EXPECT_TRUE(
      EntryWriter::OpenWith(crypto::SubjectKey(*keys.tag, crypto::SubjectKey::Subject::kTokens,
                                               crypto::AsBytes(tokens_)),
                            written.entry, written.sealed)
          .ok());
  EXPECT_FALSE(EntryWriter::OpenWith(PersonKey(keys, person_), written.entry, written.sealed).ok());
}

TEST_F(EntryWriterTest, SealedPartsBelongToTheirEntry) {
  const EntryKeys keys = Keys();
  const WrittenEntry one = EntryWriter::Write(keys, Content(), Minute());
  const WrittenEntry other = EntryWriter::Write(keys, Content(), Minute());
  EXPECT_FALSE(EntryWriter::OpenWith(PersonKey(keys, person_), one.entry, other.sealed).ok());
  for (size_t at = 0; at < one.sealed.size(); at += 7) {
    std::string spoilt = one.sealed;
    spoilt[at] = static_cast<char>(spoilt[at] ^ 1);
    const auto opened = writer_.Open(one.entry, spoilt, Content().details.request);
    EXPECT_FALSE(opened.ok()) << at;
  }
  for (size_t size = 0; size < one.sealed.size(); size += 5) {
    EXPECT_FALSE(writer_
                     .Open(one.entry, absl::string_view(one.sealed).substr(0, size),
                           Content().details.request)
                     .ok());
  }
}

TEST_F(EntryWriterTest, TheSameRequestOpensWhatIsRemembered) {
  const WrittenEntry written = EntryWriter::Write(Keys(), Content(2), Minute());
  const auto opened = writer_.Open(written.entry, written.sealed, Content().details.request);
  ASSERT_TRUE(opened.ok()) << opened.status();
  EXPECT_EQ(opened->details.answer, 2);
  EXPECT_EQ(opened->opening, written.opening);
}

TEST_F(EntryWriterTest, AnotherRequestDoesNotOpenWhatIsRemembered) {
  const WrittenEntry written = EntryWriter::Write(Keys(), Content(), Minute());
  crypto::Digest request = Content().details.request;
  request[31] ^= 1;
  EXPECT_FALSE(writer_.Open(written.entry, written.sealed, request).ok());
}

TEST_F(EntryWriterTest, ADayWhoseKeyWasDestroyedIsNotOpenedAgain) {
  const WrittenEntry written = EntryWriter::Write(Keys(), Content(), Minute());
  ASSERT_TRUE(keys_.DestroyReplayBefore(DayOf(Now())).ok());
  EXPECT_TRUE(writer_.Open(written.entry, written.sealed, Content().details.request).ok());
  ASSERT_TRUE(keys_.DestroyReplayBefore(DayOf(Now()) + 1).ok());
  const auto opened = writer_.Open(written.entry, written.sealed, Content().details.request);
  EXPECT_TRUE(absl::IsFailedPrecondition(opened.status())) << opened.status();
  // Nor by a node that starts afresh.
  PeriodKeys restarted(folder_.Path("periods"));
  EXPECT_FALSE(
      EntryWriter(&restarted).Open(written.entry, written.sealed, Content().details.request).ok());
}

TEST_F(EntryWriterTest, TheAnswersAreOfEqualLength) {
  std::set<std::pair<size_t, size_t>> sizes;
  for (uint8_t answer : {1, 2, 3}) {
    for (const bool found : {true, false}) {
      EntryContent content = Content(answer);
      content.subject.found = found;
      if (!found) content.inner = PrivateDetails();
      content.inner.undetermined_reason = answer == 3 ? 4 : 0;
      const WrittenEntry written = EntryWriter::Write(Keys(), content, Minute());
      sizes.insert({written.entry.size(), written.sealed.size()});
    }
  }
  EXPECT_EQ(sizes.size(), 1u);
}

TEST_F(EntryWriterTest, TwoEntriesAboutOnePersonHaveNothingInCommon) {
  const EntryKeys keys = Keys();
  std::set<std::array<uint8_t, 16>> tags, nonces;
  std::set<crypto::Digest> commitments, openings;
  for (int i = 0; i < 50; ++i) {
    const WrittenEntry written = EntryWriter::Write(keys, Content(), Minute());
    const auto entry = crypto::ReadSubjectEntry(written.entry);
    tags.insert(entry->tag);
    nonces.insert(entry->nonce);
    commitments.insert(entry->commitment);
    openings.insert(written.opening);
    EXPECT_EQ(PersonKey(keys, person_).Tag(entry->nonce), entry->tag);
  }
  EXPECT_EQ(tags.size(), 50u);
  EXPECT_EQ(nonces.size(), 50u);
  EXPECT_EQ(commitments.size(), 50u);
  EXPECT_EQ(openings.size(), 50u);
}

TEST_F(EntryWriterTest, TheAnswerDoesNotStandInTheEntryOrTheSealedBytes) {
  const EntryKeys keys = Keys();
  const WrittenEntry written = EntryWriter::Write(keys, Content(), Minute());
  const std::string details = Content().details.Bytes();
  EXPECT_EQ(written.entry.find(details), std::string::npos);
  EXPECT_EQ(written.sealed.find(details), std::string::npos);
  EXPECT_EQ(written.sealed.find(std::string(crypto::AsText(person_))), std::string::npos);
  EXPECT_EQ(written.entry.find(std::string(crypto::AsText(person_))), std::string::npos);
}

// Two members, one of whom is not found, and a slot of padding.
std::vector<SlotContent> ThreeSlots(const crypto::Digest& person, const std::string& tokens) {
  std::vector<SlotContent> slots(3);
  slots[0].subject = {true, person, tokens};
  slots[0].inner = {person, 0, 1};
  slots[1].subject = {false, crypto::Sha256("anybody"), tokens};
  slots[2].subject = {false, crypto::Sha256("anybody else"), tokens};
  return slots;
}

TEST_F(EntryWriterTest, TheEntriesOfAGroupHaveOneCommitmentAndTagsOfTheirOwn) {
  const EntryKeys keys = Keys();
  const auto slots = ThreeSlots(person_, tokens_);
  const WrittenGroup group = EntryWriter::WriteGroup(keys, Content(), slots, Minute());
  ASSERT_EQ(group.slots.size(), 3u);
  const auto first = *crypto::ReadSubjectEntry(group.slots[0].entry);
  EXPECT_EQ(first.commitment, crypto::Commit(group.opening, Content().details.Bytes()));
  for (const auto& slot : group.slots) {
    const auto entry = *crypto::ReadSubjectEntry(slot.entry);
    EXPECT_EQ(entry.commitment, first.commitment);
    EXPECT_EQ(entry.minute, Minute());
    EXPECT_EQ(slot.entry.size(), group.slots[0].entry.size());
    EXPECT_EQ(slot.sealed.size(), group.slots[0].sealed.size());
    if (&slot == &group.slots[0]) continue;
    EXPECT_NE(entry.nonce, first.nonce);
    EXPECT_NE(entry.tag, first.tag);
  }
}

TEST_F(EntryWriterTest, EachSlotsKeyOpensTheCommitmentOfTheGroup) {
  const EntryKeys keys = Keys();
  auto slots = ThreeSlots(crypto::Sha256("first"), tokens_);
  slots[1].subject = {true, person_, tokens_};
  slots[1].inner = {person_, 5, 2};
  const WrittenGroup group = EntryWriter::WriteGroup(keys, Content(2), slots, Minute());
  const auto opened =
      EntryWriter::OpenWith(PersonKey(keys, person_), group.slots[1].entry, group.slots[1].sealed);
  ASSERT_TRUE(opened.ok()) << opened.status();
  EXPECT_EQ(opened->opening, group.opening);
  EXPECT_EQ(opened->details.answer, 2);
  EXPECT_EQ(opened->inner.person, person_);
  EXPECT_EQ(opened->inner.undetermined_reason, 5);
  for (size_t other : {0, 2}) {
    EXPECT_FALSE(EntryWriter::OpenWith(PersonKey(keys, person_), group.slots[other].entry,
                                       group.slots[other].sealed)
                     .ok());
  }
}

TEST_F(EntryWriterTest, WhatLiesSealedNamesTheKeyItsEntryWasTaggedUnder) {
  const EntryKeys keys = Keys();
  const PeriodKeyId other = PeriodKeyIdOf(crypto::HmacKey(crypto::AsBytes("another")));
  const WrittenEntry written = EntryWriter::Write(keys, Content(), Minute());
  const WrittenGroup group =
      EntryWriter::WriteGroup(keys, Content(), ThreeSlots(person_, tokens_), Minute());
  for (const std::string& sealed : {written.sealed, group.slots[1].sealed}) {
    EXPECT_FALSE(EntryWriter::NamesAnotherKey(sealed, PeriodKeyIdOf(*keys.tag)));
    EXPECT_TRUE(EntryWriter::NamesAnotherKey(sealed, other));
    EXPECT_FALSE(EntryWriter::NamesAnotherKey(sealed.substr(0, 30), other));
  }
  EXPECT_FALSE(EntryWriter::NamesAnotherKey("", other));
}

// As nodes wrote it before the key was named, and the seal bound to the name.
std::string Unnamed(const crypto::SubjectKey& key, const std::string& entry,
                    const std::string& sealed, char version) {
  constexpr size_t kName = 1 + sizeof(uint32_t);
  constexpr size_t kWrapped = kName + sizeof(PeriodKeyId);
  constexpr size_t kBox = kWrapped + sizeof(crypto::Digest) + sizeof(uint32_t);
  const crypto::AeadNonce nonce = {0};
  const crypto::Digest seal_key = key.SealKey(crypto::ReadSubjectEntry(entry)->nonce);
  const std::string bound = sealed.substr(kName, sizeof(PeriodKeyId)) + entry;
  const auto box =
      crypto::Open(seal_key, nonce, crypto::AsBytes(bound), crypto::AsBytes(sealed.substr(kBox)));
  EXPECT_TRUE(box.ok()) << box.status();
  if (!box.ok()) return "";
  return version + sealed.substr(1, sizeof(uint32_t)) + sealed.substr(kWrapped, kBox - kWrapped) +
         crypto::Seal(seal_key, nonce, crypto::AsBytes(entry), crypto::AsBytes(*box));
}

TEST_F(EntryWriterTest, WhatLiesSealedWithoutTheNameOfAKeyOpens) {
  const EntryKeys keys = Keys();
  const crypto::SubjectKey key = PersonKey(keys, person_);
  const WrittenEntry written = EntryWriter::Write(keys, Content(), Minute());
  const std::string alone = Unnamed(key, written.entry, written.sealed, 1);
  const auto opened = EntryWriter::OpenWith(key, written.entry, alone);
  ASSERT_TRUE(opened.ok()) << opened.status();
  EXPECT_EQ(opened->opening, written.opening);
  EXPECT_TRUE(writer_.Open(written.entry, alone, Content().details.request).ok());
  EXPECT_FALSE(EntryWriter::NamesAnotherKey(
      alone, PeriodKeyIdOf(crypto::HmacKey(crypto::AsBytes("another")))));

  auto slots = ThreeSlots(crypto::Sha256("first"), tokens_);
  slots[1].subject = {true, person_, tokens_};
  const WrittenGroup group = EntryWriter::WriteGroup(keys, Content(), slots, Minute());
  const auto& slot = group.slots[1];
  const auto remembered =
      writer_.Open(slot.entry, Unnamed(key, slot.entry, slot.sealed, 2), Content().details.request);
  ASSERT_TRUE(remembered.ok()) << remembered.status();
  EXPECT_EQ(remembered->opening, group.opening);
}

TEST_F(EntryWriterTest, TheSameRequestOpensAnyOfAGroupsEntries) {
  const WrittenGroup group =
      EntryWriter::WriteGroup(Keys(), Content(2), ThreeSlots(person_, tokens_), Minute());
  for (const auto& slot : group.slots) {
    const auto remembered = writer_.Open(slot.entry, slot.sealed, Content().details.request);
    ASSERT_TRUE(remembered.ok()) << remembered.status();
    EXPECT_EQ(remembered->opening, group.opening);
    EXPECT_EQ(remembered->details.answer, 2);
  }
}

}  // namespace
}  // namespace vouch::server::ledger
