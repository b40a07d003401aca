#include "client/requester/batch_state.h"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <utility>

#include "absl/strings/str_cat.h"

namespace vouch::requester {

namespace {

constexpr uint8_t kRun = 1;
constexpr uint8_t kMessage = 2;
constexpr uint8_t kWritten = 3;
constexpr uint8_t kFinished = 4;
constexpr size_t kCheckSize = 8;
constexpr uint32_t kLargestRecord = 64 << 20;
constexpr uint64_t kCompactAbove = 64 << 20;

absl::Status Failed(absl::string_view what, const std::string& path) {
  return absl::UnavailableError(absl::StrCat("cannot ", what, " ", path, ": ", strerror(errno)));
}

std::string Frame(absl::string_view payload) {
  crypto::ByteWriter out;
  out.Field(payload);
  const crypto::Digest digest = crypto::Sha256(payload);
  out.Raw(crypto::ByteSpan(digest).subspan(0, kCheckSize));
  return std::move(out).str();
}

std::string RunPayload(const crypto::Digest& fingerprint) {
  crypto::ByteWriter out;
  out.U8(kRun).Field(fingerprint);
  return std::move(out).str();
}

std::string MessagePayload(const StoredMessage& message) {
  crypto::ByteWriter out;
  out.U8(kMessage).U64(message.first_row).U32(message.rows);
  out.U32(static_cast<uint32_t>(message.items.size()));
  for (uint32_t row : message.items) out.U32(row);
  out.Field(message.request);
  return std::move(out).str();
}

std::string WrittenPayload(const BatchCounts& written) {
  crypto::ByteWriter out;
  out.U8(kWritten).U64(written.rows).U64(written.bytes).U64(written.yes).U64(written.no);
  out.U64(written.undetermined).U64(written.refused);
  return std::move(out).str();
}

bool ReadExactly(int file, uint64_t at, size_t size, std::string* out) {
  out->resize(size);
  size_t done = 0;
  while (done < size) {
    const ssize_t got = pread(file, &(*out)[done], size - done, static_cast<off_t>(at + done));
    if (got < 0 && errno == EINTR) continue;
    if (got <= 0) return false;
    done += static_cast<size_t>(got);
  }
  return true;
}

}  // namespace

absl::Status WriteAll(int file, absl::string_view bytes, const std::string& path) {
  while (!bytes.empty()) {
    const ssize_t put = write(file, bytes.data(), bytes.size());
    if (put < 0 && errno == EINTR) continue;
    if (put < 0) return Failed("write", path);
    bytes.remove_prefix(static_cast<size_t>(put));
  }
  return absl::OkStatus();
}

absl::Status SyncFolderOf(const std::string& path) {
  const size_t slash = path.rfind('/');
  const std::string folder = slash == std::string::npos ? "."
                             : slash == 0               ? "/"
                                                        : path.substr(0, slash);
  const int opened = open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (opened < 0) return Failed("open", folder);
  const bool synced = fsync(opened) == 0;
  close(opened);
  return synced ? absl::OkStatus() : Failed("sync", folder);
}

absl::StatusOr<BatchState> BatchState::Open(const std::string& path,
                                            const crypto::Digest& fingerprint) {
  const int file = open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
  if (file < 0) return Failed("open", path);
  BatchState state(path, file);
  if (flock(file, LOCK_EX | LOCK_NB) != 0) {
    return absl::FailedPreconditionError(
        absl::StrCat(path, " is in use: the same run is under way in another process"));
  }
  const absl::Status read = state.Read(fingerprint);
  if (!read.ok()) return read;
  return state;
}

BatchState::BatchState(BatchState&& other) noexcept
    : path_(std::move(other.path_)),
      file_(std::exchange(other.file_, -1)),
      size_(other.size_),
      fingerprint_(other.fingerprint_),
      written_(other.written_),
      finished_(other.finished_),
      open_(std::move(other.open_)) {}

BatchState::~BatchState() {
  if (file_ >= 0) close(file_);
}

absl::Status BatchState::Read(const crypto::Digest& fingerprint) {
  fingerprint_ = fingerprint;
  bool is_ours = false, is_another = false;
  uint64_t at = 0;
  std::string head, payload, check;
  while (ReadExactly(file_, at, 4, &head)) {
    const uint32_t length = crypto::ByteReader(crypto::AsBytes(head)).U32();
    if (length == 0 || length > kLargestRecord) break;
    if (!ReadExactly(file_, at + 4, length, &payload) ||
        !ReadExactly(file_, at + 4 + length, kCheckSize, &check)) {
      break;
    }
    const crypto::Digest digest = crypto::Sha256(payload);
    if (crypto::AsText(digest).substr(0, kCheckSize) != check) break;
    if (at == 0) {
      is_another = payload != RunPayload(fingerprint);
      is_ours = true;
    } else if (const absl::Status taken = Take(payload); !taken.ok()) {
      return taken;
    }
    at += 4 + length + kCheckSize;
  }
  if (is_another) {
    // A run that asked nothing yet has nothing to finish: its input may have been mended since.
    if (!open_.empty() || written_.rows > 0 || finished_) {
      return absl::FailedPreconditionError(absl::StrCat(
          path_,
          " belongs to a run with another input, question, purpose, agreement or agency; finish "
          "that one with its own command, or choose another output"));
    }
    is_ours = false;
    written_ = BatchCounts();
    at = 0;
  }
  if (ftruncate(file_, static_cast<off_t>(at)) != 0) return Failed("truncate", path_);
  if (lseek(file_, static_cast<off_t>(at), SEEK_SET) < 0) return Failed("seek in", path_);
  size_ = at;
  if (is_ours) return absl::OkStatus();
  const absl::Status begun = Append(RunPayload(fingerprint));
  return begun.ok() ? SyncFolderOf(path_) : begun;
}

absl::Status BatchState::Take(absl::string_view payload) {
  crypto::ByteReader in(crypto::AsBytes(payload));
  const uint8_t kind = in.U8();
  if (kind == kMessage) {
    StoredMessage message;
    message.first_row = in.U64();
    message.rows = in.U32();
    const uint32_t items = in.U32();
    for (uint32_t i = 0; i < items && in.ok(); ++i) message.items.push_back(in.U32());
    message.request = std::string(crypto::AsText(in.Field()));
    open_.push_back(std::move(message));
  } else if (kind == kWritten) {
    written_.rows = in.U64();
    written_.bytes = in.U64();
    written_.yes = in.U64();
    written_.no = in.U64();
    written_.undetermined = in.U64();
    written_.refused = in.U64();
    DropWritten();
  } else if (kind == kFinished) {
    finished_ = true;
  }
  if (in.Finished() && kind >= kMessage && kind <= kFinished) return absl::OkStatus();
  return absl::FailedPreconditionError(
      absl::StrCat(path_, " was written by another version of this program"));
}

void BatchState::DropWritten() {
  open_.erase(std::remove_if(open_.begin(), open_.end(),
                             [this](const StoredMessage& message) {
                               return message.first_row < written_.rows;
                             }),
              open_.end());
}

absl::Status BatchState::Append(absl::string_view payload) {
  const std::string framed = Frame(payload);
  const absl::Status put = WriteAll(file_, framed, path_);
  if (!put.ok()) return put;
  if (fdatasync(file_) != 0) return Failed("sync", path_);
  size_ += framed.size();
  return absl::OkStatus();
}

absl::Status BatchState::AddMessage(StoredMessage message) {
  const absl::Status added = Append(MessagePayload(message));
  if (added.ok()) open_.push_back(std::move(message));
  return added;
}

absl::Status BatchState::SetWritten(const BatchCounts& written) {
  const absl::Status set = Append(WrittenPayload(written));
  if (!set.ok()) return set;
  written_ = written;
  DropWritten();
  return size_ > kCompactAbove ? Compact() : absl::OkStatus();
}

absl::Status BatchState::SetFinished() {
  const absl::Status set = Append(std::string(1, static_cast<char>(kFinished)));
  if (set.ok()) finished_ = true;
  return set;
}

absl::Status BatchState::Compact() {
  const std::string beside = absl::StrCat(path_, ".new");
  const int file = open(beside.c_str(), O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0600);
  if (file < 0) return Failed("open", beside);
  BatchState fresh(beside, file);
  // Locked before it gets the name, so that no other run finds it free.
  if (flock(file, LOCK_EX | LOCK_NB) != 0) return Failed("lock", beside);
  std::string all = Frame(RunPayload(fingerprint_));
  all += Frame(WrittenPayload(written_));
  for (const StoredMessage& message : open_) all += Frame(MessagePayload(message));
  const absl::Status put = WriteAll(file, all, beside);
  if (!put.ok()) return put;
  if (fsync(file) != 0) return Failed("sync", beside);
  if (rename(beside.c_str(), path_.c_str()) != 0) return Failed("rename", beside);
  std::swap(file_, fresh.file_);
  size_ = all.size();
  return SyncFolderOf(path_);
}

absl::Status BatchState::Remove() {
  if (unlink(path_.c_str()) != 0) return Failed("remove", path_);
  return SyncFolderOf(path_);
}

}  // namespace vouch::requester
