#include "server/journal/table_image.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <cstdio>
#include <cstring>
#include <mutex>
#include <thread>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "server/journal/checksum.h"
#include "server/journal/file_handle.h"

namespace vouch::server::journal {

namespace {

constexpr char kName[] = "/tables.image";
constexpr char kNewName[] = "/tables.image.new";
constexpr uint64_t kMagic = 0x3130474d49484356;     // "VCHIMG01" on a little-endian machine
constexpr uint64_t kEndMagic = 0x31304e4549484356;  // "VCHIEN01"
constexpr size_t kMostReaders = 4;

struct ImageHeader {
  uint64_t magic = kMagic;
  JournalId id{};
  uint32_t segments = 0;
  uint32_t checksum = 0;  // of the fields before
};
struct SegmentHeader {
  uint64_t as_of = 0;
  uint64_t size = 0;
  uint32_t segment = 0;
  uint32_t payload_checksum = 0;
};
// The segment headers' own checksum is in the end mark, which also shows that nothing was cut off.
struct EndMark {
  uint64_t magic = kEndMagic;
  uint64_t file_size = 0;
  uint32_t headers_checksum = 0;
  uint32_t checksum = 0;  // of the fields before
};
static_assert(sizeof(ImageHeader) == 32 && sizeof(SegmentHeader) == 24 && sizeof(EndMark) == 24,
              "no padding: the structs are written as they are");

template <typename T>
crypto::ByteSpan BytesOf(const T& value) {
  return crypto::ByteSpan(reinterpret_cast<const uint8_t*>(&value), sizeof(value));
}
template <typename T>
uint32_t ChecksumOf(const T& value) {
  return Crc32c(BytesOf(value).subspan(0, sizeof(T) - sizeof(value.checksum)));
}

absl::Status CannotWrite() { return absl::UnavailableError("the table image cannot be written"); }
absl::Status Damaged() { return absl::DataLossError("the table image is torn or was changed"); }

struct Piece {
  SegmentHeader header;
  uint64_t offset = 0;
};

absl::Status ReadPieces(const FileHandle& file, uint64_t size, std::vector<Piece>* pieces) {
  EndMark end;
  if (size < sizeof(ImageHeader) + sizeof(end)) return Damaged();
  absl::Status read = file.ReadAt(&end, sizeof(end), size - sizeof(end), Damaged());
  if (!read.ok()) return read;
  if (end.magic != kEndMagic || end.checksum != ChecksumOf(end) || end.file_size != size) {
    return Damaged();
  }
  uint64_t offset = sizeof(ImageHeader);
  const uint64_t stop = size - sizeof(end);
  uint32_t headers = 0;
  while (offset < stop) {
    Piece piece;
    if (stop - offset < sizeof(piece.header)) return Damaged();
    read = file.ReadAt(&piece.header, sizeof(piece.header), offset, Damaged());
    if (!read.ok()) return read;
    headers = Crc32c(BytesOf(piece.header), headers);
    offset += sizeof(piece.header);
    if (piece.header.segment != pieces->size() || piece.header.size > stop - offset) {
      return Damaged();
    }
    piece.offset = offset;
    offset += piece.header.size;
    pieces->push_back(piece);
  }
  if (headers != end.headers_checksum || pieces->size() != Tables::kSegments) return Damaged();
  return absl::OkStatus();
}

absl::Status LoadPieces(const FileHandle& file, const std::vector<Piece>& pieces, Tables* tables) {
  std::atomic<size_t> next{0};
  std::atomic<bool> good{true};
  std::mutex lock;
  absl::Status status;
  const auto work = [&] {
    std::string bytes;
    for (size_t i = next++; i < pieces.size() && good; i = next++) {
      const Piece& piece = pieces[i];
      bytes.resize(piece.header.size);
      absl::Status read = file.ReadAt(&bytes[0], bytes.size(), piece.offset, Damaged());
      if (read.ok() && (Crc32c(crypto::AsBytes(bytes)) != piece.header.payload_checksum ||
                        !tables->Load(i, piece.header.as_of, crypto::AsBytes(bytes)))) {
        read = Damaged();
      }
      if (read.ok()) continue;
      good = false;
      const std::lock_guard<std::mutex> guard(lock);
      status = std::move(read);
    }
  };
  std::vector<std::thread> others;
  const size_t readers = std::min<size_t>(std::thread::hardware_concurrency(), kMostReaders);
  for (size_t i = 1; i < readers; ++i) others.emplace_back(work);
  work();
  for (std::thread& other : others) other.join();
  return status;
}

}  // namespace

absl::Status WriteTableImage(const std::string& folder, const JournalId& id,
                             const CopySegment& copy) {
  const std::string path = folder + kNewName;
  const auto write = [&]() -> absl::Status {
    FileHandle file = FileHandle::Open(path, O_WRONLY | O_CREAT | O_TRUNC);
    if (!file.is_open()) return CannotWrite();
    ImageHeader header;
    header.id = id;
    header.segments = Tables::kSegments;
    header.checksum = ChecksumOf(header);
    if (!file.WriteAll(&header, sizeof(header))) return CannotWrite();
    EndMark end;
    end.file_size = sizeof(header) + sizeof(end);
    std::string bytes;
    for (size_t segment = 0; segment < Tables::kSegments; ++segment) {
      SegmentHeader piece;
      bytes.clear();
      if (!copy(segment, &bytes, &piece.as_of)) {
        return absl::CancelledError("the journal is closing");
      }
      piece.segment = static_cast<uint32_t>(segment);
      piece.size = bytes.size();
      piece.payload_checksum = Crc32c(crypto::AsBytes(bytes));
      end.headers_checksum = Crc32c(BytesOf(piece), end.headers_checksum);
      end.file_size += sizeof(piece) + bytes.size();
      if (!file.WriteAll(&piece, sizeof(piece)) || !file.WriteAll(bytes.data(), bytes.size())) {
        return CannotWrite();
      }
    }
    end.checksum = ChecksumOf(end);
    if (!file.WriteAll(&end, sizeof(end)) || !file.Sync()) return CannotWrite();
    return absl::OkStatus();
  };
  if (absl::Status status = write(); !status.ok()) {
    unlink(path.c_str());
    return status;
  }
  if (rename(path.c_str(), (folder + kName).c_str()) != 0) return CannotWrite();
  FileHandle directory = FileHandle::Open(folder, O_RDONLY | O_DIRECTORY);
  if (!directory.is_open() || !directory.Sync()) return CannotWrite();
  return absl::OkStatus();
}

absl::Status ReadTableImage(const std::string& folder, const JournalId& id, Tables* tables,
                            uint64_t* newest) {
  const std::string path = folder + kName;
  unlink((folder + kNewName).c_str());
  const FileHandle file = FileHandle::Open(path, O_RDONLY);
  if (!file.is_open() && errno != ENOENT) return CannotRead(path);
  if (!file.is_open()) return absl::NotFoundError("there is no table image");
  struct stat about;
  if (stat(path.c_str(), &about) != 0) return Damaged();
  ImageHeader header;
  const absl::Status read = file.ReadAt(&header, sizeof(header), 0, Damaged());
  if (!read.ok()) return read;
  if (header.checksum != ChecksumOf(header) || header.magic != kMagic ||
      header.segments != Tables::kSegments) {
    return Damaged();
  }
  if (header.id != id) return absl::NotFoundError("the table image belongs to another journal");
  std::vector<Piece> pieces;
  if (absl::Status status = ReadPieces(file, static_cast<uint64_t>(about.st_size), &pieces);
      !status.ok()) {
    return status;
  }
  *newest = 0;
  for (const Piece& piece : pieces) *newest = std::max(*newest, piece.header.as_of);
  return LoadPieces(file, pieces, tables);
}

}  // namespace vouch::server::journal
