#include "server/records/sealed_identities.h"

#include <gtest/gtest.h>

#include "tests/server/records/loaded_folder.h"

namespace vouch::server::records {
namespace {

crypto::Identity Someone() {
  crypto::Identity identity;
  identity.Add(crypto::Attribute::kSocialSecurityNumber, "900-12-3001");
  identity.Add(crypto::Attribute::kFamilyName, "Stone");
  identity.Add(crypto::Attribute::kFamilyName, "Fell");
  return identity;
}

class SealedIdentitiesTest : public testing::Test {
 protected:
  const crypto::HmacKey key_{crypto::SecretBytes::Random(32)};
  const PersonHandle person_{1, 2, 3};
  const SealedIdentity sealed_ = SealIdentity(key_, person_, 42, Someone());
};

TEST_F(SealedIdentitiesTest, OpensToTheSameIdentity) {
  const auto opened = OpenIdentity(key_, person_, sealed_);
  ASSERT_TRUE(opened.ok());
  EXPECT_EQ(opened->values, Someone().values);
  EXPECT_EQ(sealed_.attributes, 1u << 1 | 1u << 5);
}

TEST_F(SealedIdentitiesTest, DoesNotOpenForAnotherPerson) {
  EXPECT_EQ(OpenIdentity(key_, PersonHandle{1, 2, 4}, sealed_).status().code(),
            absl::StatusCode::kDataLoss);
}

TEST_F(SealedIdentitiesTest, DoesNotOpenUnderAnotherVersionOrAttributeSet) {
  SealedIdentity other = sealed_;
  other.version = 43;
  EXPECT_FALSE(OpenIdentity(key_, person_, other).ok());
  other = sealed_;
  other.attributes ^= 1u << 2;
  EXPECT_FALSE(OpenIdentity(key_, person_, other).ok());
}

TEST_F(SealedIdentitiesTest, DoesNotOpenUnderAnotherKeyOrDamaged) {
  const crypto::HmacKey other(crypto::SecretBytes::Random(32));
  EXPECT_FALSE(OpenIdentity(other, person_, sealed_).ok());
  for (size_t i = 0; i < sealed_.sealed.size(); ++i) {
    SealedIdentity damaged = sealed_;
    damaged.sealed[i] ^= 1;
    EXPECT_FALSE(OpenIdentity(key_, person_, damaged).ok());
    damaged.sealed = sealed_.sealed.substr(0, i);
    EXPECT_FALSE(OpenIdentity(key_, person_, damaged).ok());
  }
}

TEST_F(SealedIdentitiesTest, TwoVersionsShareNoBytes) {
  const SealedIdentity again = SealIdentity(key_, person_, 43, Someone());
  EXPECT_NE(again.sealed.substr(0, 16), sealed_.sealed.substr(0, 16));
  EXPECT_NE(NewSealVersion(), NewSealVersion());
}

TEST_F(SealedIdentitiesTest, AFileGivesBackIdentitiesInOrder) {
  const TemporaryFolder folder;
  IdentitiesWriter writer =
      *IdentitiesWriter::Create(folder.File("identities"), crypto::IdentityUse::kTest);
  writer.Append(7, sealed_);
  writer.Append(3, SealIdentity(key_, person_, 44, crypto::Identity()));
  ASSERT_TRUE(writer.Finish().ok());
  const auto file = *IdentitiesFile::Open(folder.File("identities"));
  EXPECT_EQ(file->use(), crypto::IdentityUse::kTest);
  uint64_t offset = 0;
  uint32_t record = 0;
  SealedIdentity read;
  ASSERT_TRUE(*file->Next(&offset, &record, &read));
  EXPECT_EQ(record, 7u);
  EXPECT_EQ(OpenIdentity(key_, person_, read)->values, Someone().values);
  ASSERT_TRUE(*file->Next(&offset, &record, &read));
  EXPECT_EQ(record, 3u);
  EXPECT_TRUE(OpenIdentity(key_, person_, read)->values.empty());
  EXPECT_FALSE(*file->Next(&offset, &record, &read));
}

TEST_F(SealedIdentitiesTest, ALengthBeyondTheEndIsDamage) {
  const TemporaryFolder folder;
  const std::string path = folder.File("identities");
  IdentitiesWriter writer = *IdentitiesWriter::Create(path, crypto::IdentityUse::kTest);
  writer.Append(7, sealed_);
  ASSERT_TRUE(writer.Finish().ok());
  std::string bytes = ReadWhole(path);
  bytes[bytes.size() - sealed_.sealed.size() - 4] = '\x7f';
  WriteWhole(path, bytes);
  const auto file = *IdentitiesFile::Open(path);
  uint64_t offset = 0;
  uint32_t record = 0;
  SealedIdentity read;
  EXPECT_EQ(file->Next(&offset, &record, &read).status().code(), absl::StatusCode::kDataLoss);
}

}  // namespace
}  // namespace vouch::server::records
