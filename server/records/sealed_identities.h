// People's identities in clear, sealed one by one: kept so that tokens can be made for a new
// agreement or epoch. Only the role that tokenises holds K_identity.
#ifndef VOUCH_SERVER_RECORDS_SEALED_IDENTITIES_H_
#define VOUCH_SERVER_RECORDS_SEALED_IDENTITIES_H_

#include <cstdint>
#include <memory>
#include <string>

#include "absl/status/statusor.h"
#include "crypto/digest.h"
#include "crypto/identity.h"
#include "server/records/facts_file.h"

namespace vouch::server::records {

// AES-256-GCM under HMAC(K_identity, handle || version), fixed nonce; associated data: handle,
// attribute set, version. A row put in another's place, or an older row of the same person with the
// new version's number, does not open. Never seal two identities for one (handle, version):
// versions are random.
struct SealedIdentity {
  uint64_t version = 0;
  uint32_t attributes = 0;  // bit n: attribute number n is there
  std::string sealed;
};
SealedIdentity SealIdentity(const crypto::HmacKey& identity_key, const PersonHandle& person,
                            uint64_t version, const crypto::Identity& identity);
// DataLoss, saying nothing of the contents, when it was damaged, moved or sealed under another key.
absl::StatusOr<crypto::Identity> OpenIdentity(const crypto::HmacKey& identity_key,
                                              const PersonHandle& person,
                                              const SealedIdentity& sealed);
uint64_t NewSealVersion();

// A generation's identities, in the order they were written.
class IdentitiesFile {
 public:
  static absl::StatusOr<std::unique_ptr<IdentitiesFile>> Open(const std::string& path);
  crypto::IdentityUse use() const { return use_; }
  uint64_t bytes() const { return file_.body().size(); }

  // Reads the identity at `offset` (0 at first) and moves it on. False at the end. DataLoss when
  // the file is damaged. Thread-safe.
  absl::StatusOr<bool> Next(uint64_t* offset, uint32_t* record, SealedIdentity* sealed) const;

 private:
  IdentitiesFile() = default;
  MappedFile file_;
  crypto::IdentityUse use_ = crypto::IdentityUse::kLive;
};

class IdentitiesWriter {
 public:
  static absl::StatusOr<IdentitiesWriter> Create(const std::string& path, crypto::IdentityUse use);
  void Append(uint32_t record, const SealedIdentity& sealed);
  absl::Status Finish();

 private:
  IdentitiesWriter(FileWriter file, crypto::IdentityUse use) : file_(std::move(file)), use_(use) {}
  FileWriter file_;
  crypto::IdentityUse use_;
};

void EncodeSealed(const SealedIdentity& sealed, crypto::ByteWriter* writer);
SealedIdentity DecodeSealed(crypto::ByteReader* reader);

}  // namespace vouch::server::records

#endif  // VOUCH_SERVER_RECORDS_SEALED_IDENTITIES_H_
