#include "server/ledger/oversight/subject_keys.h"

#include <utility>

#include "absl/status/status.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_format.h"
#include "server/ledger/entry_writer.h"

namespace vouch::server::ledger::oversight {

using Subject = crypto::SubjectKey::Subject;

std::string MonthText(uint32_t month) {
  return absl::StrFormat("%04d-%02d", month / 12, month % 12 + 1);
}

absl::optional<uint32_t> ParseMonth(absl::string_view text) {
  uint32_t year = 0;
  uint32_t month = 0;
  if (text.size() != 7 || text[4] != '-' || !absl::SimpleAtoi(text.substr(0, 4), &year) ||
      !absl::SimpleAtoi(text.substr(5), &month) || month < 1 || month > 12) {
    return absl::nullopt;
  }
  const uint32_t read = year * 12 + month - 1;
  if (MonthText(read) != text) return absl::nullopt;
  return read;
}

absl::StatusOr<const SubjectKeys::Keys*> PersonKeys::Of(const Period& period) {
  auto found = made_.find(period);
  if (found == made_.end()) {
    const auto made = [&]() -> absl::StatusOr<Keys> {
      const auto key = keys_->Tag(period.agreement_id, period.month, period.retention_class,
                                  /*create=*/false);
      if (!key.ok()) return key.status();
      ids_.emplace(period, PeriodKeyIdOf(**key));
      Keys keys;
      const auto add = [&](Subject kind, crypto::ByteSpan subject) {
        keys.push_back({kind, std::make_unique<const crypto::SubjectKey>(**key, kind, subject)});
      };
      for (const crypto::Digest& handle : names_.handles) add(Subject::kPerson, handle);
      const auto vectors = names_.token_vectors.find(period.agreement_id);
      if (vectors != names_.token_vectors.end()) {
        for (const std::string& tokens : vectors->second) {
          add(Subject::kTokens, crypto::AsBytes(tokens));
        }
      }
      return keys;
    };
    found = made_.emplace(period, made()).first;
  }
  if (!found->second.ok()) return found->second.status();
  return &*found->second;
}

bool PersonKeys::NamesAnotherKey(const Period& period, absl::string_view sealed) const {
  const auto id = ids_.find(period);
  return id != ids_.end() && EntryWriter::NamesAnotherKey(sealed, id->second);
}

void GivenKeys::Add(const Period& period, Subject kind, const crypto::Digest& key) {
  given_[period].push_back({kind, std::make_unique<const crypto::SubjectKey>(key)});
}

absl::StatusOr<const SubjectKeys::Keys*> GivenKeys::Of(const Period& period) {
  const auto found = given_.find(period);
  if (found == given_.end()) return absl::NotFoundError("no key of that month was handed over");
  return &found->second;
}

}  // namespace vouch::server::ledger::oversight
