#include "client/vouch/record_indexes.h"

#include <memory>
#include <set>
#include <utility>

#include "absl/strings/str_cat.h"

namespace vouch::client {

namespace node = server::node;
namespace records = server::records;

absl::StatusOr<std::shared_ptr<const records::Tokeniser>> TokeniserOf(const node::EpochKey& key) {
  if (key.statement.kind == crypto::TokenKind::kKeyedHash) {
    return records::KeyedHashTokeniser(std::make_shared<const crypto::KeyedHash>(key.secret));
  }
  const std::string info = crypto::OprfKeyInfo(key.statement.agreement_id, key.statement.epoch);
  auto derived = crypto::OprfPrivateKey::Derive(key.secret, crypto::AsBytes(info));
  if (!derived.ok()) return derived.status();
  return records::BlindTokeniser(
      std::make_shared<const crypto::OprfPrivateKey>(*std::move(derived)));
}

namespace {

absl::Status AddIndexes(const node::NodeFile& file, const policies::Agreement& agreement,
                        absl::Time now, std::vector<records::IndexRequest>* wanted) {
  const auto keys = node::ReadEpochKeys(file.keys, agreement.id, agreement.key_authority);
  if (!keys.ok()) return keys.status();
  for (const node::EpochKey& key : *keys) {
    if (key.secret.empty() || key.statement.not_after <= now) continue;
    auto tokeniser = TokeniserOf(key);
    if (!tokeniser.ok()) return tokeniser.status();
    auto request = records::RequestFor(agreement, key.statement, now, *std::move(tokeniser));
    if (!request.ok()) return request.status();
    wanted->push_back(*std::move(request));
  }
  return absl::OkStatus();
}

}  // namespace

std::vector<records::IndexRequest> WantedIndexes(const node::NodeFile& file,
                                                 const policies::Catalog& catalog, absl::Time now,
                                                 std::vector<std::string>* problems) {
  std::vector<records::IndexRequest> wanted;
  std::set<std::string> seen;
  for (const auto& held : catalog.all()) {
    if (!seen.insert(held->agreement.id).second) continue;
    const policies::Agreement& agreement = catalog.Find(held->agreement.id, now)->agreement;
    if (agreement.answers != file.agency || now >= agreement.expires_at) continue;
    const absl::Status added = AddIndexes(file, agreement, now, &wanted);
    if (!added.ok()) problems->push_back(absl::StrCat(agreement.id, ": ", added.message()));
  }
  return wanted;
}

}  // namespace vouch::client
