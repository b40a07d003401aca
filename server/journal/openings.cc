#include "server/journal/openings.h"

#include "absl/strings/str_cat.h"
#include "crypto/bytes.h"
#include "crypto/keys.h"
#include "crypto/log_entry.h"
#include "server/journal/checksum.h"

namespace vouch::server::journal {

namespace {

constexpr uint32_t kMagic = 0x564a4f50;  // "VJOP"
constexpr uint32_t kVersion = 1;
constexpr size_t kChecksumSize = 4;

std::string PathIn(const std::string& folder) { return folder + "/openings"; }

}  // namespace

absl::StatusOr<Openings> ReadOpenings(const std::string& folder) {
  const absl::StatusOr<std::string> bytes = crypto::ReadPrivateFile(PathIn(folder));
  if (absl::IsNotFound(bytes.status())) return Openings();
  if (!bytes.ok()) return absl::UnavailableError(bytes.status().message());
  const absl::Status damaged = absl::DataLossError(absl::StrCat(PathIn(folder), " is damaged"));
  if (bytes->size() < kChecksumSize) return damaged;
  const absl::string_view covered =
      absl::string_view(*bytes).substr(0, bytes->size() - kChecksumSize);
  crypto::ByteReader checksum(crypto::AsBytes(absl::string_view(*bytes).substr(covered.size())));
  crypto::ByteReader in(crypto::AsBytes(covered));
  if (in.U32() != kMagic || in.U32() != kVersion ||
      checksum.U32() != Crc32c(crypto::AsBytes(covered))) {
    return damaged;
  }
  Openings openings;
  for (uint32_t left = in.U32(); left > 0 && in.ok(); --left) {
    const uint64_t position = in.U64();
    openings[position] = std::string(crypto::AsText(in.Field()));
    if (!crypto::ReadLogBegun(openings[position]).ok()) return damaged;
  }
  return in.Finished() ? absl::StatusOr<Openings>(std::move(openings)) : damaged;
}

absl::Status WriteOpenings(const std::string& folder, const Openings& openings) {
  crypto::ByteWriter out;
  out.U32(kMagic).U32(kVersion).U32(static_cast<uint32_t>(openings.size()));
  for (const auto& [position, entry] : openings) out.U64(position).Field(entry);
  out.U32(Crc32c(crypto::AsBytes(out.str())));
  return crypto::ReplaceFile(PathIn(folder), out.str(), /*is_private=*/true);
}

std::vector<LogSpan> LogsOf(const Openings& openings) {
  std::vector<LogSpan> logs;
  for (const auto& [position, entry] : openings) {
    const absl::StatusOr<crypto::LogOpened> opened = crypto::ReadLogBegun(entry);
    if (!opened.ok()) continue;
    if (logs.empty()) logs.push_back({opened->closed.origin, position - opened->closed.size});
    logs.push_back({opened->origin, position});
  }
  return logs;
}

}  // namespace vouch::server::journal
