#include "server/journal/log_segment.h"

#include <algorithm>
#include <cstring>
#include <utility>

#include "absl/strings/str_cat.h"
#include "crypto/bytes.h"
#include "server/journal/checksum.h"
#include "server/journal/commit_blob.h"

namespace vouch::server::journal {

namespace {

constexpr uint32_t kSegmentMagic = 0x564a4c53;  // "VJLS"
constexpr uint32_t kFrameMagic = 0x564a4631;    // "VJF1"
constexpr size_t kChecksumSize = 4;

absl::Status Damaged() {
  return absl::DataLossError("the header of a segment of the commit log is damaged");
}

}  // namespace

std::string EncodeSegmentStart(const SegmentStart& start) {
  const uint32_t many_logs = start.ends_log || start.first > 0 ? 2 : 1;
  const uint32_t version = start.declares_loss ? 3 : many_logs;
  const size_t size = 4 + 4 + 4 + start.id.size() + 8 + 4 + 8 + 4 + start.origin.size() +
                      (version > 1 ? 8 : 0) + start.range.roots().size() * sizeof(crypto::Digest) +
                      kChecksumSize;
  if (size > kFramesBegin) std::abort();
  crypto::ByteWriter out;
  out.U32(kSegmentMagic).U32(version).U32(static_cast<uint32_t>(size)).Raw(start.id);
  out.U64(start.first_commit).U32(start.second).U64(start.range.size()).Field(start.origin);
  if (version > 1) out.U64(start.first);
  for (const crypto::Digest& root : start.range.roots()) out.Raw(root);
  out.U32(Crc32c(crypto::AsBytes(out.str())));
  std::string bytes = std::move(out).str();
  bytes.resize(kFramesBegin);
  return bytes;
}

absl::StatusOr<SegmentStart> ReadSegmentStart(const FileHandle& file) {
  std::string bytes(kFramesBegin, '\0');
  if (absl::Status read = file.ReadAt(&bytes[0], bytes.size(), 0, Damaged()); !read.ok()) {
    return read;
  }
  crypto::ByteReader in(crypto::AsBytes(bytes));
  const uint32_t magic = in.U32();
  // Zeros are what a power cut leaves of a file whose length came to the disk before its bytes.
  if (magic == 0) return Damaged();
  if (magic != kSegmentMagic) {
    return absl::FailedPreconditionError("a file of the commit log is no part of a journal");
  }
  const uint32_t version = in.U32();
  if (version > kLogVersion) {
    return absl::FailedPreconditionError(
        absl::StrCat("the journal has format ", version, "; this program knows up to ", kLogVersion,
                     ": start a program at least as new as the one that wrote it"));
  }
  const uint32_t size = in.U32();
  if (size > bytes.size() || size < kChecksumSize) return Damaged();
  const absl::string_view covered = absl::string_view(bytes).substr(0, size - kChecksumSize);
  crypto::ByteReader checksum(crypto::AsBytes(absl::string_view(bytes).substr(covered.size(), 4)));
  if (checksum.U32() != Crc32c(crypto::AsBytes(covered))) return Damaged();

  SegmentStart start;
  const crypto::ByteSpan id = in.Raw(start.id.size());
  if (id.size() == start.id.size()) std::copy(id.begin(), id.end(), start.id.begin());
  start.first_commit = in.U64();
  start.second = in.U32();
  const uint64_t tree_size = in.U64();
  start.origin = std::string(crypto::AsText(in.Field()));
  if (version > 1) start.first = in.U64();
  std::vector<crypto::Digest> roots(static_cast<size_t>(__builtin_popcountll(tree_size)));
  for (crypto::Digest& root : roots) {
    const crypto::ByteSpan raw = in.Raw(root.size());
    if (raw.size() == root.size()) std::copy(raw.begin(), raw.end(), root.begin());
  }
  if (!in.ok() || start.first_commit == 0) return Damaged();
  auto range = crypto::CompactRange::From(tree_size, std::move(roots));
  if (!range.ok()) return Damaged();
  start.range = *std::move(range);
  return start;
}

uint64_t FrameSize(uint64_t blob_size) { return (kFrameHeaderSize + blob_size + 7) / 8 * 8; }

void EncodeFrame(uint64_t commit, absl::string_view blob, std::string* out) {
  if (blob.size() > UINT32_MAX) std::abort();
  crypto::ByteWriter header;
  header.U32(kFrameMagic).U32(static_cast<uint32_t>(blob.size())).U64(commit);
  out->clear();
  out->reserve(FrameSize(blob.size()));
  out->append(header.str()).append(blob.data(), blob.size());
  out->resize(FrameSize(blob.size()));
}

uint32_t BlobSizeOf(absl::string_view frame_header, uint64_t commit) {
  crypto::ByteReader in(crypto::AsBytes(frame_header));
  const uint32_t magic = in.U32();
  const uint32_t size = in.U32();
  const uint64_t number = in.U64();
  return in.ok() && magic == kFrameMagic && number == commit ? size : 0;
}

absl::StatusOr<SegmentFrames> SegmentFrames::Read(const FileHandle& file, uint64_t first_commit) {
  SegmentFrames segment;
  const absl::Status short_of = absl::DataLossError("a segment of the commit log was cut short");
  // A node that ends a segment takes the room behind its commits away, once.
  for (absl::Status read = short_of; !read.ok();) {
    const uint64_t before = segment.size_;
    if (!file.Size(&segment.size_)) return CannotRead("a segment of the commit log");
    if (segment.size_ < kFramesBegin || segment.size_ == before) return read;
    segment.bytes_ = PageBlock(segment.size_);
    read = file.ReadAt(segment.bytes_.data(), segment.size_, 0, short_of);
    if (!read.ok() && !absl::IsDataLoss(read)) return read;
  }

  const absl::string_view all(segment.data(), segment.size_);
  uint64_t at = kFramesBegin;
  uint64_t commit = first_commit;
  while (segment.size_ - at > kFrameHeaderSize) {
    const uint64_t size = BlobSizeOf(all.substr(at, kFrameHeaderSize), commit);
    if (size == 0 || FrameSize(size) > segment.size_ - at) break;
    const absl::string_view blob = all.substr(at + kFrameHeaderSize, size);
    if (!IsWholeCommit(blob, commit)) break;
    segment.frames_.push_back({commit, at, blob});
    at += FrameSize(size);
    ++commit;
  }
  segment.end_ = at;
  const absl::string_view rest = all.substr(at);
  segment.clean_ = rest.empty() || (rest[0] == 0 && std::memcmp(rest.data(), rest.data() + 1,
                                                                rest.size() - 1) == 0);
  return segment;
}

bool SegmentFrames::HoldsLater(uint64_t commit) const {
  const absl::string_view all(data(), size_);
  for (uint64_t at = end_; size_ - at > kFrameHeaderSize; at += 8) {
    crypto::ByteReader in(crypto::AsBytes(all.substr(at, kFrameHeaderSize)));
    if (in.U32() != kFrameMagic) continue;
    const uint32_t size = in.U32();
    const uint64_t number = in.U64();
    if (number < commit || FrameSize(size) > size_ - at) continue;
    if (IsWholeCommit(all.substr(at + kFrameHeaderSize, size), number)) return true;
  }
  return false;
}

}  // namespace vouch::server::journal
