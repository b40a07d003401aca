#include "server/records/mapped_file.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>
#include <cstring>

#include "absl/strings/str_cat.h"
#include "crypto/digest.h"

namespace vouch::server::records {

static_assert(__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__, "bodies hold little-endian words");

namespace {

constexpr size_t kFixedHeader = 8 + 4 + 4 + 8;
constexpr size_t kLargestHeader = size_t{1} << 26;
constexpr size_t kWriteBuffer = size_t{1} << 20;
constexpr uint64_t kFirstCapacity = uint64_t{1} << 20;

size_t HeaderSize(size_t details_size) {
  const size_t used = kFixedHeader + 4 + details_size + sizeof(crypto::Digest);
  return (used + 63) / 64 * 64;
}

std::string EncodeHeader(const FileKind& kind, absl::string_view details, uint64_t body_size) {
  const size_t size = HeaderSize(details.size());
  crypto::ByteWriter writer;
  writer.Raw(crypto::AsBytes(kind.magic)).U32(kind.schema).U32(static_cast<uint32_t>(size));
  writer.U64(body_size).Field(details);
  const crypto::Digest digest = crypto::Sha256(writer.str());
  writer.Raw(digest);
  std::string header = std::move(writer).str();
  header.resize(size, '\0');
  return header;
}

absl::Status Damaged(const std::string& path, absl::string_view how) {
  return absl::DataLossError(
      absl::StrCat(path, ": ", how, "; restore the file from a backup or load the records again"));
}

absl::Status WriteAt(int file, absl::string_view bytes, const std::string& path) {
  uint64_t offset = 0;
  while (offset < bytes.size()) {
    const ssize_t n =
        pwrite(file, bytes.data() + offset, bytes.size() - offset, static_cast<off_t>(offset));
    if (n < 0 && errno == EINTR) continue;
    if (n <= 0) return SystemError("cannot be written", path);
    offset += static_cast<uint64_t>(n);
  }
  return absl::OkStatus();
}

Descriptor CreateNew(const std::string& path) {
  unlink(path.c_str());  // what an interrupted load may have left
  return Descriptor(open(path.c_str(), O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600));
}

}  // namespace

absl::Status SystemError(absl::string_view what, const std::string& path) {
  return absl::ErrnoToStatus(errno, absl::StrCat(path, ": ", what));
}

Descriptor& Descriptor::operator=(Descriptor&& other) noexcept {
  if (this != &other) {
    if (number_ >= 0) close(number_);
    number_ = std::exchange(other.number_, -1);
  }
  return *this;
}

Descriptor::~Descriptor() {
  if (number_ >= 0) close(number_);
}

absl::Status SyncFolder(const std::string& folder) {
  const Descriptor open_folder(open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (!open_folder.ok() || fsync(open_folder.number()) != 0) {
    return SystemError("the folder cannot be synced", folder);
  }
  return absl::OkStatus();
}

absl::Status WriteAll(int file, crypto::ByteSpan bytes, const std::string& path) {
  while (!bytes.empty()) {
    const ssize_t n = write(file, bytes.data(), bytes.size());
    if (n < 0 && errno == EINTR) continue;
    if (n <= 0) return SystemError("cannot be written", path);
    bytes.remove_prefix(static_cast<size_t>(n));
  }
  return absl::OkStatus();
}

uint32_t DamageSum(crypto::ByteSpan bytes, uint64_t place) {
  constexpr uint64_t kOdd = 0x9e3779b97f4a7c15u;
  uint64_t sum = (place + 1) * kOdd;
  size_t at = 0;
  for (; at + 8 <= bytes.size(); at += 8) {
    uint64_t word;
    std::memcpy(&word, bytes.data() + at, sizeof(word));
    sum = (sum ^ word) * kOdd;
    sum ^= sum >> 29;
  }
  uint64_t last = uint64_t{bytes.size()} << 56;
  std::memcpy(&last, bytes.data() + at, bytes.size() - at);
  sum = (sum ^ last) * kOdd;
  sum ^= sum >> 32;
  sum *= kOdd;
  return static_cast<uint32_t>(sum >> 32);
}

absl::StatusOr<MappedFile> MappedFile::Open(const std::string& path, const FileKind& kind) {
  const Descriptor file(open(path.c_str(), O_RDONLY | O_CLOEXEC));
  if (!file.ok()) return SystemError("cannot be opened", path);
  struct stat status;
  if (fstat(file.number(), &status) != 0) return SystemError("cannot be read", path);
  const auto size = static_cast<uint64_t>(status.st_size);
  if (size < kFixedHeader + 4 + sizeof(crypto::Digest)) return Damaged(path, "is cut short");

  MappedFile mapped;
  void* memory = mmap(nullptr, size, PROT_READ, MAP_SHARED, file.number(), 0);
  if (memory == MAP_FAILED) return SystemError("cannot be mapped", path);
  mapped.memory_ = memory;
  mapped.size_ = size;
  const crypto::ByteSpan all(static_cast<const uint8_t*>(memory), size);

  crypto::ByteReader reader(all);
  if (crypto::AsText(reader.Raw(8)) != kind.magic) return Damaged(path, "is not of this kind");
  const uint32_t schema = reader.U32();
  const uint32_t header_size = reader.U32();
  const uint64_t body_size = reader.U64();
  const absl::string_view details = crypto::AsText(reader.Field());
  const crypto::ByteSpan digest = reader.Raw(sizeof(crypto::Digest));
  if (!reader.ok() || details.size() > kLargestHeader ||
      header_size != HeaderSize(details.size()) || header_size > size) {
    return Damaged(path, "has a damaged header");
  }
  const crypto::Digest expected = crypto::Sha256(all.subspan(0, kFixedHeader + 4 + details.size()));
  if (!std::equal(expected.begin(), expected.end(), digest.begin())) {
    return Damaged(path, "has a damaged header");
  }
  if (schema > kind.schema) {
    return absl::FailedPreconditionError(
        absl::StrCat(path, ": was written by a newer version (schema ", schema,
                     "; this program reads up to ", kind.schema, "); upgrade this program"));
  }
  if (body_size != size - header_size) return Damaged(path, "is cut short");
  mapped.details_ = std::string(details);
  mapped.body_ = all.subspan(header_size);
  return mapped;
}

MappedFile::MappedFile(MappedFile&& other) noexcept { *this = std::move(other); }

MappedFile& MappedFile::operator=(MappedFile&& other) noexcept {
  if (this != &other) {
    Close();
    memory_ = std::exchange(other.memory_, nullptr);
    size_ = std::exchange(other.size_, 0);
    body_ = std::exchange(other.body_, {});
    details_ = std::move(other.details_);
  }
  return *this;
}

MappedFile::~MappedFile() { Close(); }

void MappedFile::Close() {
  if (memory_ != nullptr) munmap(memory_, size_);
  memory_ = nullptr;
}

absl::StatusOr<FileWriter> FileWriter::Create(const std::string& path, size_t details_size) {
  Descriptor file = CreateNew(path);
  if (!file.ok()) return SystemError("cannot be created", path);
  const auto header = static_cast<off_t>(HeaderSize(details_size));
  if (lseek(file.number(), header, SEEK_SET) != header) {
    return SystemError("cannot be written", path);
  }
  return FileWriter(path, std::move(file), details_size);
}

FileWriter::FileWriter(std::string path, Descriptor file, size_t details_size)
    : path_(std::move(path)), file_(std::move(file)), details_size_(details_size) {
  buffer_.reserve(kWriteBuffer);
}

FileWriter::FileWriter(FileWriter&&) noexcept = default;

FileWriter::~FileWriter() {
  if (file_.ok()) unlink(path_.c_str());
}

void FileWriter::Append(crypto::ByteSpan bytes) {
  body_size_ += bytes.size();
  if (buffer_.size() + bytes.size() > kWriteBuffer) {
    if (status_.ok()) status_ = WriteAll(file_.number(), crypto::AsBytes(buffer_), path_);
    buffer_.clear();
  }
  if (bytes.size() > kWriteBuffer) {
    if (status_.ok()) status_ = WriteAll(file_.number(), bytes, path_);
    return;
  }
  buffer_.append(reinterpret_cast<const char*>(bytes.data()), bytes.size());
}

absl::Status FileWriter::Finish(const FileKind& kind, absl::string_view details) {
  if (details.size() != details_size_) std::abort();
  if (status_.ok()) status_ = WriteAll(file_.number(), crypto::AsBytes(buffer_), path_);
  if (!status_.ok()) return status_;
  if (absl::Status s = WriteAt(file_.number(), EncodeHeader(kind, details, body_size_), path_);
      !s.ok()) {
    return s;
  }
  // A body of nothing leaves the header's padding as the file's end, which pwrite has written.
  if (fsync(file_.number()) != 0) return SystemError("cannot be synced", path_);
  file_ = Descriptor();
  return absl::OkStatus();
}

absl::StatusOr<GrowingFile> GrowingFile::Create(const std::string& path, size_t details_size) {
  GrowingFile growing;
  growing.path_ = path;
  growing.header_size_ = HeaderSize(details_size);
  growing.file_ = CreateNew(path);
  if (!growing.file_.ok()) return SystemError("cannot be created", path);
  if (absl::Status s = growing.Reserve(1); !s.ok()) return s;
  return growing;
}

GrowingFile::GrowingFile(GrowingFile&& other) noexcept
    : path_(std::move(other.path_)),
      file_(std::move(other.file_)),
      header_size_(other.header_size_),
      memory_(std::exchange(other.memory_, nullptr)),
      capacity_(other.capacity_) {}

GrowingFile::~GrowingFile() {
  if (memory_ != nullptr) munmap(memory_, capacity_);
  if (file_.ok()) unlink(path_.c_str());
}

absl::Status GrowingFile::Reserve(uint64_t size) {
  const uint64_t needed = header_size_ + size;
  if (needed <= capacity_) return absl::OkStatus();
  uint64_t capacity = capacity_ == 0 ? kFirstCapacity : capacity_;
  while (capacity < needed) capacity += capacity / 2;
  capacity = (capacity + 4095) / 4096 * 4096;
  // Blocks are taken now: a full disk must be an error here, not a signal at the first write.
  const int error = posix_fallocate(file_.number(), static_cast<off_t>(capacity_),
                                    static_cast<off_t>(capacity - capacity_));
  if (error != 0) {
    errno = error;
    return SystemError("has no room to grow", path_);
  }
  void* memory = memory_ == nullptr ? mmap(nullptr, capacity, PROT_READ | PROT_WRITE, MAP_SHARED,
                                           file_.number(), 0)
                                    : mremap(memory_, capacity_, capacity, MREMAP_MAYMOVE);
  if (memory == MAP_FAILED) return SystemError("cannot be mapped", path_);
  memory_ = static_cast<uint8_t*>(memory);
  capacity_ = capacity;
  return absl::OkStatus();
}

absl::Status GrowingFile::Finish(const FileKind& kind, absl::string_view details,
                                 uint64_t body_size) {
  if (HeaderSize(details.size()) != header_size_) std::abort();
  if (absl::Status s = Reserve(body_size); !s.ok()) return s;
  const std::string header = EncodeHeader(kind, details, body_size);
  std::memcpy(memory_, header.data(), header.size());
  munmap(std::exchange(memory_, nullptr), capacity_);
  if (ftruncate(file_.number(), static_cast<off_t>(header_size_ + body_size)) != 0 ||
      fsync(file_.number()) != 0) {
    return SystemError("cannot be synced", path_);
  }
  file_ = Descriptor();
  return absl::OkStatus();
}

}  // namespace vouch::server::records
