#include "client/requester/used_ahead.h"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <filesystem>
#include <system_error>
#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "crypto/digest.h"
#include "crypto/random.h"

namespace vouch::requester {

namespace {

constexpr int kNames = 10;
constexpr size_t kMostLeft = 64 << 20;

bool WriteAll(int file, absl::string_view bytes) {
  while (!bytes.empty()) {
    const ssize_t written = write(file, bytes.data(), bytes.size());
    if (written < 0 && errno == EINTR) continue;
    if (written <= 0) return false;
    bytes.remove_prefix(static_cast<size_t>(written));
  }
  return true;
}

// Of each note its size, a newline, and its bytes.
std::string Record(const std::string& note) { return absl::StrCat(note.size(), "\n", note); }

// The last may have been cut short: the answer that it was for was not handed on.
std::vector<std::string> ReadRecords(int file) {
  std::string bytes;
  char block[4096];
  ssize_t got = 0;
  while (bytes.size() < kMostLeft && (got = read(file, block, sizeof(block))) > 0) {
    bytes.append(block, static_cast<size_t>(got));
  }
  std::vector<std::string> notes;
  for (absl::string_view rest = bytes; !rest.empty();) {
    const size_t line = rest.find('\n');
    size_t size = 0;
    if (line == absl::string_view::npos || !absl::SimpleAtoi(rest.substr(0, line), &size) ||
        size > rest.size() - line - 1) {
      break;
    }
    notes.emplace_back(rest.substr(line + 1, size));
    rest.remove_prefix(line + 1 + size);
  }
  return notes;
}

std::string PrefixOf(absl::string_view agency) {
  return absl::StrCat("used-", crypto::Hex(crypto::Sha256(agency)).substr(0, 16), "-");
}

}  // namespace

UsedAhead::UsedAhead(std::string folder, absl::string_view agency)
    : folder_(std::move(folder)), prefix_(PrefixOf(agency)) {}

UsedAhead::~UsedAhead() {
  if (own_.descriptor >= 0) {
    if (empty_) unlink(own_.path.c_str());
    close(own_.descriptor);
  }
  for (const File& one : left_) close(one.descriptor);
}

bool UsedAhead::Begin() {
  if (own_.descriptor >= 0) return true;
  for (int i = 0; i < kNames; ++i) {
    std::array<uint8_t, 8> name{};
    crypto::FillRandom(absl::MakeSpan(name));
    const std::string path = absl::StrCat(folder_, "/", prefix_, crypto::Hex(name));
    const int file = open(path.c_str(), O_RDWR | O_CREAT | O_EXCL | O_APPEND | O_CLOEXEC, 0600);
    if (file < 0) return false;
    struct stat about {};
    // Before it is locked, another process may take it for one that was left, and remove it.
    if (flock(file, LOCK_EX | LOCK_NB) == 0 && fstat(file, &about) == 0 && about.st_nlink > 0) {
      own_ = {path, file};
      return true;
    }
    close(file);
  }
  return false;
}

absl::Status UsedAhead::Add(const std::string& note) {
  if (folder_.empty()) return absl::OkStatus();
  const absl::Status nothing =
      absl::UnavailableError(absl::StrCat("nothing can be written in ", folder_));
  if (!Begin()) return nothing;
  struct stat before {};
  if (fstat(own_.descriptor, &before) != 0) return nothing;
  if (!WriteAll(own_.descriptor, Record(note))) {
    // Half a record would hide those that came after it.
    if (ftruncate(own_.descriptor, before.st_size) != 0) {
      left_.push_back(std::exchange(own_, File()));
      empty_ = true;
    }
    return nothing;
  }
  empty_ = false;
  return absl::OkStatus();
}

void UsedAhead::Keep(const std::vector<std::string>& notes) {
  if (own_.descriptor < 0 || (empty_ && notes.empty())) return;
  // What cannot be taken away is checked once more than it need be.
  if (notes.empty()) {
    empty_ = ftruncate(own_.descriptor, 0) == 0;
    return;
  }
  // In a file of its own, before the old one goes: a kill in between loses none.
  std::string stays;
  for (const std::string& note : notes) absl::StrAppend(&stays, Record(note));
  File goes = std::exchange(own_, File());
  if (!Begin() || !WriteAll(own_.descriptor, stays)) std::swap(own_, goes);
  if (goes.descriptor < 0) return;
  unlink(goes.path.c_str());
  close(goes.descriptor);
}

std::vector<std::string> UsedAhead::TakeLeft() {
  std::vector<std::string> notes;
  if (folder_.empty()) return notes;
  std::error_code error;
  for (const auto& one : std::filesystem::directory_iterator(folder_, error)) {
    const std::string path = one.path().string();
    if (!absl::StartsWith(one.path().filename().string(), prefix_) || path == own_.path) continue;
    const int file = open(path.c_str(), O_RDWR | O_CLOEXEC);
    if (file < 0) continue;
    // Locked: its process is there, and sees to it.
    if (flock(file, LOCK_EX | LOCK_NB) != 0) {
      close(file);
      continue;
    }
    left_.push_back({path, file});
    for (std::string& note : ReadRecords(file)) notes.push_back(std::move(note));
  }
  return notes;
}

std::vector<std::string> UsedAhead::NotesIn(const std::string& folder, absl::string_view agency) {
  std::vector<std::string> notes;
  const std::string prefix = PrefixOf(agency);
  std::error_code error;
  for (const auto& one : std::filesystem::directory_iterator(folder, error)) {
    if (!absl::StartsWith(one.path().filename().string(), prefix)) continue;
    const int file = open(one.path().c_str(), O_RDONLY | O_CLOEXEC);
    if (file < 0) continue;
    for (std::string& note : ReadRecords(file)) notes.push_back(std::move(note));
    close(file);
  }
  return notes;
}

void UsedAhead::LeftWereChecked() {
  for (const File& one : left_) {
    unlink(one.path.c_str());
    close(one.descriptor);
  }
  left_.clear();
}

}  // namespace vouch::requester
