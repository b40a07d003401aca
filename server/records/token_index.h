// From tokens to record numbers: one immutable hash file for each (agreement, epoch, generation).
// What it holds cannot be presented as tokens: a value is an HMAC under K_index of the whole token.
#ifndef VOUCH_SERVER_RECORDS_TOKEN_INDEX_H_
#define VOUCH_SERVER_RECORDS_TOKEN_INDEX_H_

#include <array>
#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/types/span.h"
#include "crypto/digest.h"
#include "server/records/mapped_file.h"

namespace vouch::server::records {

// The most match keys an agreement may have: a bitmap of the keys a record could form is one byte.
inline constexpr size_t kMaxMatchKeys = 8;
inline constexpr uint32_t kNoRecord = 0xffffffffu;

// The first 14 bytes of an IndexHasher's digest: three of them, with what belongs to them, fit one
// cache line, and 30 M values meet a foreign one with a chance of 2^-87.
using IndexValue = std::array<uint8_t, 14>;

// HMAC under a key derived from K_index for one agreement and epoch. Thread-safe.
class IndexHasher {
 public:
  IndexHasher(const crypto::HmacKey& index_key, absl::string_view agreement_id, uint32_t epoch);
  // Binds the key number and all 32 token bytes. The first 14 bytes are the index value.
  crypto::Digest Hash(uint16_t key_number, const crypto::Token& token) const {
    return Mac(key_number, token);
  }
  // In place of a token that could not be formed: never a value that any token has.
  crypto::Digest HashInPlace(uint16_t key_number, const crypto::Token& seed) const {
    return Mac(static_cast<uint16_t>(key_number | 0x8000u), seed);
  }
  // Tells a wrong K_index from an index of another agreement; reveals neither.
  std::array<uint8_t, 8> check() const;

 private:
  crypto::Digest Mac(uint16_t label, const crypto::Token& token) const;
  crypto::HmacKey key_;
};
IndexValue ValueOf(const crypto::Digest& digest);

struct IndexEntry {
  IndexValue value{};
  uint8_t formed = 0;  // bit k: the record could form match key k
  uint8_t unused = 0;
  uint32_t record = 0;
};

struct IndexHit {
  enum class Kind : uint8_t { kNothing, kOne, kSeveral };
  Kind kind = Kind::kNothing;
  uint32_t record = kNoRecord;  // kOne
  uint8_t formed = 0;           // kOne
  bool damaged = false;         // the line's sum did not fit: nothing in it is believed
};

// What an index is for. `label` is a digest of everything else that goes into its tokens (profile,
// match keys, scope): an index with another label is of no use for the agreement as it now stands.
struct IndexName {
  std::string agreement_id;
  uint32_t epoch = 0;
  crypto::Digest label{};
};

// Thread-safe.
class TokenIndex {
 public:
  // DataLoss when damaged; FailedPrecondition when `hasher` is not the one it was built with.
  static absl::StatusOr<std::unique_ptr<TokenIndex>> Open(const std::string& path,
                                                          const IndexHasher& hasher);
  IndexHit Find(const IndexValue& value) const;
  // Asks memory for the line that Find will read.
  void Prefetch(const IndexValue& value) const;

  const IndexName& name() const { return name_; }
  uint64_t values() const { return values_; }
  // All entries, those of values shared by several records included. DataLoss at the first damaged
  // line. For merging.
  absl::Status ForEach(const std::function<void(const IndexEntry&)>& visit) const;

 private:
  TokenIndex() = default;
  MappedFile file_;
  IndexName name_;
  const uint8_t* lines_ = nullptr;
  uint64_t homes_ = 1;       // lines a value may hash to
  uint64_t line_count_ = 0;  // with those that catch the overflow at the end
  uint64_t values_ = 0;
  crypto::ByteSpan shared_;  // entries of values that several records have
  crypto::Digest shared_digest_{};
};

// Builds one index with bounded memory: entries go to 64 unlinked files by the value's first bits;
// each is then sorted on its own. Add is thread-safe.
class TokenIndexBuilder {
 public:
  static absl::StatusOr<std::unique_ptr<TokenIndexBuilder>> Create(const std::string& folder);
  void Add(absl::Span<const IndexEntry> entries);
  // Writes and syncs the file. Call once, after the last Add.
  absl::Status Finish(const std::string& path, const IndexName& name, const IndexHasher& hasher);

 private:
  struct Part {
    Descriptor file;
    std::mutex lock;
    std::string buffer;
    uint64_t entries = 0;
    absl::Status status;
  };
  explicit TokenIndexBuilder(std::string folder) : folder_(std::move(folder)) {}
  absl::StatusOr<std::vector<IndexEntry>> Sorted(Part* part);
  std::string folder_;
  std::vector<std::unique_ptr<Part>> parts_;
};

}  // namespace vouch::server::records

#endif  // VOUCH_SERVER_RECORDS_TOKEN_INDEX_H_
