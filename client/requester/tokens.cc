#include "client/requester/tokens.h"

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <system_error>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "crypto/digest.h"
#include "crypto/keys.h"
#include "crypto/random.h"
#include "crypto/voprf.h"
#include "vouch/v1/blinding.grpc.pb.h"

namespace vouch::requester {

namespace fs = std::filesystem;

namespace {

constexpr size_t kPeopleBuckets[] = {1, 8, 64, 512};

size_t Bucket(size_t people) {
  for (size_t bucket : kPeopleBuckets) {
    if (people <= bucket) return bucket;
  }
  return 512;
}

absl::string_view Raw(const crypto::PointBytes& point) { return crypto::AsText(point); }

// Unavailable for what is there and cannot be read: that is nobody's fault but this side's.
absl::StatusOr<std::string> FirstLine(const std::string& path) {
  std::error_code error;
  const fs::file_status there = fs::status(path, error);
  if (there.type() == fs::file_type::not_found) return absl::NotFoundError(path);
  std::ifstream in(path, std::ios::binary);
  std::string line;
  if (fs::is_regular_file(there) && std::getline(in, line)) return line;
  return absl::UnavailableError(
      absl::StrCat(path,
                   ", the key that was accepted before, cannot be read; nothing is asked "
                   "under another until it is brought back"));
}

}  // namespace

absl::Status EpochMemory::Accept(const crypto::EpochStatement& statement) const {
  const std::string path =
      absl::StrCat(folder_, "/", statement.agreement_id, "/", statement.epoch, ".sha256");
  const std::string line = crypto::Hex(crypto::Sha256(statement.public_key));
  absl::StatusOr<std::string> before = FirstLine(path);
  if (absl::IsNotFound(before.status())) {
    std::error_code error;
    fs::create_directories(fs::path(path).parent_path(), error);
    if (error) return absl::UnavailableError(absl::StrCat("cannot write ", path));
    // Of two processes that are told of it at once, the first says which it is.
    const absl::Status first = crypto::WritePrivateFile(path, absl::StrCat(line, "\n"));
    if (!absl::IsAlreadyExists(first)) return first;
    before = FirstLine(path);
  }
  if (!before.ok()) return before.status();
  if (*before == line) return absl::OkStatus();
  return absl::PermissionDeniedError(absl::StrCat(
      "the responder announces another key for epoch ", statement.epoch, " of ",
      statement.agreement_id, " than before; ask its officer, and use neither until it is clear"));
}

TokenMaker::TokenMaker(const OwnAgreement* agreement, const OwnEpoch* epoch, std::string asker,
                       std::shared_ptr<grpc::Channel> channel)
    : agreement_(agreement),
      epoch_(epoch),
      asker_(std::move(asker)),
      channel_(std::move(channel)) {}

absl::StatusOr<TokenMaker::Inputs> TokenMaker::InputsOf(const crypto::Identity& person,
                                                        absl::CivilDay today) const {
  const policies::Agreement& agreement = agreement_->agreement;
  const crypto::SpellingRules* rules = crypto::FindSpellingRules(agreement.spelling_rules);
  if (rules == nullptr) {
    return absl::FailedPreconditionError(
        absl::StrCat("this program does not know the spelling rules ", agreement.spelling_rules));
  }
  const crypto::IdentityUse use = agreement.use == policies::Use::kLive
                                      ? crypto::IdentityUse::kLive
                                      : crypto::IdentityUse::kTest;
  const bool keyed_hash = agreement.token_kind == policies::TokenKind::kKeyedHash;
  const crypto::TokenContext context{agreement.id, crypto::TokenScope(keyed_hash, asker_, use),
                                     epoch_->statement.epoch, agreement.spelling_rules};
  const crypto::NormalIdentity normal = crypto::NormalizeIdentity(person, *rules, use, today);
  Inputs inputs;
  for (size_t k = 0; k < agreement.match.size(); ++k) {
    crypto::MatchKey key;
    for (const std::string& name : agreement.match[k].parts) {
      absl::StatusOr<crypto::KeyPart> part = crypto::ParseKeyPart(name);
      if (!part.ok()) return part.status();
      key.parts.push_back(*part);
    }
    std::vector<std::string> made =
        crypto::TokenInputs(context, static_cast<uint16_t>(k), key, normal);
    inputs.push_back(made.empty() ? std::string() : std::move(made.front()));
  }
  return inputs;
}

absl::StatusOr<std::vector<TokenVector>> TokenMaker::Make(absl::Span<const crypto::Identity> people,
                                                          absl::CivilDay today, absl::Time deadline,
                                                          size_t as_if) const {
  std::vector<Inputs> inputs;
  for (const crypto::Identity& person : people) {
    absl::StatusOr<Inputs> made = InputsOf(person, today);
    if (!made.ok()) return made.status();
    inputs.push_back(*std::move(made));
  }
  std::vector<TokenVector> tokens;
  tokens.reserve(people.size());
  if (agreement_->agreement.token_kind == policies::TokenKind::kKeyedHash) {
    if (epoch_->shared_key.empty()) {
      return absl::FailedPreconditionError(
          "this side does not hold the key of the current epoch: `vouch keys accept` what the "
          "responder shared");
    }
    const crypto::KeyedHash key(epoch_->shared_key);
    for (const Inputs& person : inputs) {
      TokenVector made;
      for (const std::string& input : person) {
        made.push_back(input.empty() ? crypto::kZeroToken : key.Make(crypto::AsBytes(input)));
      }
      tokens.push_back(std::move(made));
    }
    return tokens;
  }
  const size_t most = kPeopleBuckets[3];
  for (size_t first = 0; first < inputs.size(); first += most) {
    const size_t count = std::min(most, inputs.size() - first);
    const absl::Status made =
        MakeBlind(absl::MakeConstSpan(inputs).subspan(first, count), as_if, deadline, &tokens);
    if (!made.ok()) return made;
  }
  return tokens;
}

absl::Status TokenMaker::MakeBlind(absl::Span<const Inputs> people, size_t as_if,
                                   absl::Time deadline, std::vector<TokenVector>* tokens) const {
  const policies::Agreement& agreement = agreement_->agreement;
  const size_t keys = agreement.match.size();
  crypto::OprfClient client;
  v1::EvaluateRequest request;
  // Padding people and keys that cannot be formed are random elements: the responder cannot tell.
  for (size_t i = 0; i < Bucket(std::max(people.size(), as_if)) * keys; ++i) {
    const bool formed = i < people.size() * keys && !people[i / keys][i % keys].empty();
    absl::StatusOr<crypto::PointBytes> blinded =
        formed ? client.Blind(crypto::AsBytes(people[i / keys][i % keys])) : client.BlindNothing();
    if (!blinded.ok()) return blinded.status();
    request.mutable_elements()->append(Raw(*blinded).data(), blinded->size());
  }
  const auto id = crypto::NewUuidV7(absl::ToUnixMillis(absl::Now()));
  request.set_request_id(id.data(), id.size());
  request.set_agreement_id(agreement.id);
  request.set_agreement_digest(agreement_->digest.data(), agreement_->digest.size());
  request.set_epoch(epoch_->statement.epoch);

  grpc::ClientContext context;
  context.set_deadline(absl::ToChronoTime(deadline));
  v1::EvaluateResponse response;
  const grpc::Status status =
      v1::Blinding::NewStub(channel_)->Evaluate(&context, request, &response);
  if (!status.ok()) return RefusalStatus(ReadRefusal(status));

  crypto::PointBytes public_key;
  crypto::DleqProof proof;
  if (response.elements().size() != request.elements().size() ||
      response.proof().size() != proof.size() ||
      epoch_->statement.public_key.size() != public_key.size()) {
    return absl::DataLossError("the responder's evaluation has the wrong size");
  }
  std::copy_n(crypto::AsBytes(epoch_->statement.public_key).begin(), public_key.size(),
              public_key.begin());
  std::copy_n(crypto::AsBytes(response.proof()).begin(), proof.size(), proof.begin());
  std::vector<crypto::PointBytes> evaluated(response.elements().size() / public_key.size());
  for (size_t i = 0; i < evaluated.size(); ++i) {
    std::copy_n(crypto::AsBytes(response.elements()).begin() + i * public_key.size(),
                public_key.size(), evaluated[i].begin());
  }
  absl::StatusOr<std::vector<crypto::Token>> outputs =
      client.Finalize(evaluated, proof, public_key);
  if (!outputs.ok()) return outputs.status();
  for (size_t person = 0; person < people.size(); ++person) {
    tokens->emplace_back(outputs->begin() + static_cast<std::ptrdiff_t>(person * keys),
                         outputs->begin() + static_cast<std::ptrdiff_t>((person + 1) * keys));
  }
  return absl::OkStatus();
}

}  // namespace vouch::requester
