// A records folder in a temporary place, loaded from rows written out in the test.
#ifndef VOUCH_TESTS_SERVER_RECORDS_LOADED_FOLDER_H_
#define VOUCH_TESTS_SERVER_RECORDS_LOADED_FOLDER_H_

#include <memory>
#include <string>
#include <vector>

#include "crypto/secret.h"
#include "crypto/token.h"
#include "server/records/changes.h"
#include "server/records/loader.h"
#include "server/records/snapshot.h"

namespace vouch::server::records {

// Removed with everything in it on destruction.
class TemporaryFolder {
 public:
  TemporaryFolder();
  ~TemporaryFolder();
  TemporaryFolder(const TemporaryFolder&) = delete;
  TemporaryFolder& operator=(const TemporaryFolder&) = delete;
  const std::string& path() const { return path_; }
  std::string File(const std::string& name) const { return path_ + "/" + name; }

 private:
  std::string path_;
};

std::string ReadWhole(const std::string& path);
void WriteWhole(const std::string& path, const std::string& contents);

// One person of the tests. Numbers are of area 9xx, which no live person has.
struct Person {
  std::string id, number, born, given, family, income, other_family;
};

class LoadedFolder {
 public:
  static constexpr char kAgreement[] = "fsa-irs-2027-001";

  LoadedFolder();
  const std::string& folder() const { return folder_; }
  const std::string& keys() const { return keys_; }
  ChangeFolders change_folders() const { return {folder_, keys_}; }
  std::string Input(const std::string& text) const;
  static std::string Csv(const std::vector<Person>& people);

  // Keys: 0 number; 1 number and birth day; 2 names and birth day.
  IndexRequest Index(uint32_t epoch = 1) const;
  // What Index is made of.
  policies::Agreement Agreement() const;
  crypto::EpochStatement Statement(uint32_t epoch = 1) const;
  bool Ready(const FileSnapshot& snapshot, uint32_t epoch = 1) const {
    return snapshot.Ready(Agreement(), Statement(epoch));
  }
  LoadOptions Options(const std::string& csv) const;
  // Loads people and builds the index of epoch 1.
  absl::Status Load(const std::vector<Person>& people, LoadReport* report = nullptr) const;
  absl::Status Upsert(const std::vector<Person>& people, LoadReport* report = nullptr) const;
  std::unique_ptr<Records> Open() const;
  std::shared_ptr<const FileSnapshot> Snapshot() const;

  // The tokens that the asker would send; zero for a key that lacks an attribute.
  std::vector<crypto::Token> TokensOf(const Person& person, uint32_t epoch = 1) const;
  Resolved Resolve(const FileSnapshot& snapshot, const Person& person,
                   uint32_t despite_mismatch = 0) const;
  PersonHandle Handle(const std::string& source_id) const;

 private:
  TemporaryFolder temporary_;
  std::string folder_, keys_;
  crypto::SecretBytes token_key_;
};

// The income that a resolved person has, in cents; -1 when none is held.
int64_t IncomeOf(const Resolved& resolved);

}  // namespace vouch::server::records

#endif  // VOUCH_TESTS_SERVER_RECORDS_LOADED_FOLDER_H_
