#include "client/requester/seen_checkpoints.h"

#include <algorithm>
#include <array>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>
#include <system_error>
#include <utility>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "crypto/checkpoint.h"
#include "crypto/digest.h"
#include "crypto/random.h"

namespace vouch::requester {

namespace {

namespace fs = std::filesystem;

constexpr char kSuffix[] = ".note";

// How the names of the files begin that hold checkpoints of one agency.
std::string PrefixOf(absl::string_view note) {
  const auto read = crypto::ReadNote(note);
  const auto checkpoint = read.ok() ? crypto::ReadCheckpoint(read->text)
                                    : absl::StatusOr<crypto::Checkpoint>(read.status());
  const std::string origin = checkpoint.ok() ? checkpoint->origin : "";
  const std::string agency = origin.substr(0, origin.find('/'));
  return absl::StrCat(crypto::Hex(crypto::Sha256(agency)).substr(0, 16), "-");
}

std::string TextOf(const fs::path& path) {
  std::ifstream in(path, std::ios::binary);
  return std::string(std::istreambuf_iterator<char>(in), {});
}

}  // namespace

absl::Status SeenCheckpoints::Add(absl::string_view note) const {
  const absl::Status failed = absl::UnavailableError(
      absl::StrCat("the checkpoint of an answer could not be left in ", folder_));
  std::error_code error;
  if (fs::create_directories(folder_, error)) {
    fs::permissions(folder_, fs::perms::owner_all, error);
    fs::permissions(fs::path(folder_).parent_path(), fs::perms::owner_all, error);
  }
  if (error) return failed;
  const std::string prefix = PrefixOf(note);
  const std::string name = prefix + crypto::Hex(crypto::Sha256(note)).substr(0, 32);
  const fs::path place = absl::StrCat(folder_, "/", name, kSuffix);
  if (fs::exists(place, error)) return absl::OkStatus();
  size_t all = 0, of_it = 0;
  for (const auto& file : fs::directory_iterator(folder_, error)) {
    ++all;
    of_it += absl::StartsWith(file.path().filename().string(), prefix) ? 1 : 0;
  }
  if (error || all >= kMost || of_it >= kMostOfOne) return failed;
  std::array<uint8_t, 8> random{};
  crypto::FillRandom(absl::MakeSpan(random));
  const fs::path fresh = absl::StrCat(folder_, "/", name, ".", crypto::Hex(random), ".new");
  std::ofstream out(fresh, std::ios::binary | std::ios::trunc);
  out.write(note.data(), static_cast<std::streamsize>(note.size()));
  out.close();
  if (out) fs::rename(fresh, place, error);
  if (out && !error) return absl::OkStatus();
  fs::remove(fresh, error);
  return failed;
}

void SeenCheckpoints::Take(const std::function<bool(const std::string& note)>& look) const {
  // One note at a time in memory, however many wait.
  std::vector<std::pair<uint64_t, fs::path>> all;
  std::error_code error;
  for (const auto& file : fs::directory_iterator(folder_, error)) {
    if (file.path().extension() != kSuffix || file.file_size(error) > crypto::kLargestNote) {
      continue;
    }
    const auto read = crypto::ReadNote(TextOf(file.path()));
    const auto checkpoint = read.ok() ? crypto::ReadCheckpoint(read->text)
                                      : absl::StatusOr<crypto::Checkpoint>(read.status());
    all.emplace_back(checkpoint.ok() ? checkpoint->size : 0, file.path());
  }
  std::sort(all.begin(), all.end());
  for (const auto& [size, path] : all) {
    if (look(TextOf(path))) fs::remove(path, error);
  }
}

}  // namespace vouch::requester
