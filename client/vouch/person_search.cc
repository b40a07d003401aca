#include "client/vouch/person_search.h"

#include <fstream>
#include <memory>
#include <utility>

#include "absl/strings/str_cat.h"
#include "client/vouch/person_json.h"
#include "client/vouch/record_indexes.h"
#include "crypto/identity.h"
#include "server/node/epoch_keys.h"
#include "server/records/index_builder.h"
#include "server/records/manifest.h"
#include "server/records/row_maker.h"
#include "server/records/snapshot.h"

namespace vouch::client {
namespace {

namespace node = server::node;
namespace records = server::records;
using server::ledger::oversight::PersonNames;

// Several names and numbers multiply, key by key.
constexpr size_t kMostVectors = 4096;

absl::StatusOr<crypto::Identity> ReadChosen(const std::string& path, Console* console) {
  if (path == "-") return ReadPerson(console->in(), "standard input");
  std::ifstream in(path, std::ios::binary);
  if (!in) return absl::NotFoundError(absl::StrCat(path, " cannot be read"));
  return ReadPerson(in, path);
}

absl::StatusOr<std::string> ReadSourceId(const std::string& given, Console* console) {
  if (given != "-") return given;
  std::string id;
  std::getline(console->in(), id);
  if (id.empty()) return UsageError("standard input held no id");
  return id;
}

using Candidates = std::vector<std::vector<crypto::Token>>;  // of each match key; may be empty

absl::StatusOr<Candidates> TokensOf(const records::IndexRequest& request,
                                    const crypto::Identity& identity) {
  const crypto::SpellingRules* rules = crypto::FindSpellingRules(request.context.profile);
  if (rules == nullptr) {
    return absl::FailedPreconditionError(
        absl::StrCat("the spelling rules ", request.context.profile, " are not known here"));
  }
  const crypto::NormalIdentity normal =
      crypto::NormalizeIdentity(identity, *rules, request.use, request.today);
  Candidates candidates;
  for (size_t k = 0; k < request.match.size(); ++k) {
    const std::vector<std::string> inputs =
        crypto::TokenInputs(request.context, static_cast<uint16_t>(k), request.match[k], normal);
    std::vector<crypto::Token> tokens(inputs.size());
    if (!inputs.empty()) {
      absl::Status made = request.tokeniser->Tokens(inputs, absl::MakeSpan(tokens));
      if (!made.ok()) return made;
    }
    candidates.push_back(std::move(tokens));
  }
  return candidates;
}

// Every way to choose one token or none for each key, but for none at all. False when there are
// too many.
bool AddVectors(const Candidates& candidates, std::set<std::string>* vectors) {
  std::vector<std::string> made = {""};
  for (const std::vector<crypto::Token>& tokens : candidates) {
    if (made.size() * (tokens.size() + 1) > kMostVectors) return false;
    std::vector<std::string> longer;
    for (const std::string& before : made) {
      longer.push_back(absl::StrCat(before, crypto::AsText(crypto::kZeroToken)));
      for (const crypto::Token& token : tokens) {
        longer.push_back(absl::StrCat(before, crypto::AsText(token)));
      }
    }
    made = std::move(longer);
  }
  // The first has a zero for every key: it is everybody's, and refused.
  vectors->insert(made.begin() + 1, made.end());
  return true;
}

absl::StatusOr<std::shared_ptr<const records::FileSnapshot>> OpenRecords(
    const node::NodeFile& file) {
  const auto index_key = records::ReadIndexKey(file.keys);
  if (!index_key.ok()) return index_key.status();
  return records::FileSnapshot::Open(file.records, *index_key);
}

absl::Status LookUp(const records::FileSnapshot& snapshot, const policies::Agreement& agreement,
                    const crypto::EpochStatement& epoch, const Candidates& candidates,
                    std::set<crypto::Digest>* handles) {
  if (!snapshot.Ready(agreement, epoch)) return absl::OkStatus();
  std::vector<crypto::Token> tokens;
  bool formed = false;
  for (const std::vector<crypto::Token>& of_key : candidates) {
    tokens.push_back(of_key.empty() ? crypto::kZeroToken : of_key.front());
    formed |= !of_key.empty();
  }
  if (!formed) return absl::OkStatus();
  uint32_t despite_mismatch = 0;
  for (size_t k = 0; k < agreement.match.size() && k < 32; ++k) {
    if (agreement.match[k].despite_mismatch == policies::DespiteMismatch::kAllow) {
      despite_mismatch |= 1u << k;
    }
  }
  const records::Resolved resolved =
      snapshot.ResolveTokens(agreement.id, epoch.epoch, despite_mismatch, tokens);
  switch (resolved.match()) {
    case records::Match::kOne:
      handles->insert(resolved.person());
      return absl::OkStatus();
    case records::Match::kNone:
      return absl::OkStatus();
    case records::Match::kSeveral:
      return absl::FailedPreconditionError(
          "what was given finds several people on record; name the one with --source-id");
    case records::Match::kMismatch:
      return absl::FailedPreconditionError(
          "what was given finds a person on record whom it does not fit wholly; look at it again, "
          "or name the person with --source-id");
  }
  return absl::OkStatus();
}

absl::Status AddAgreement(const node::NodeFile& file, const policies::Agreement& agreement,
                          const crypto::Identity& identity, const records::FileSnapshot* snapshot,
                          absl::Time now, FoundPerson* found) {
  const auto epochs = node::ReadEpochKeys(file.keys, agreement.id, agreement.key_authority);
  if (!epochs.ok()) {
    found->gaps.push_back(absl::StrCat(agreement.id, ": ", epochs.status().message()));
    return absl::OkStatus();
  }
  for (const node::EpochKey& epoch : *epochs) {
    const std::string name = absl::StrCat(agreement.id, " (revision ", agreement.revision,
                                          "), token epoch ", epoch.statement.epoch);
    if (epoch.secret.empty()) {
      found->gaps.push_back(absl::StrCat(
          name, ": its secret was destroyed, so requests that found nobody cannot be looked for"));
      continue;
    }
    auto tokeniser = TokeniserOf(epoch);
    if (!tokeniser.ok()) return tokeniser.status();
    const auto request = records::RequestFor(agreement, epoch.statement, now, *tokeniser);
    if (!request.ok()) {
      found->gaps.push_back(absl::StrCat(name, ": ", request.status().message()));
      continue;
    }
    const auto candidates = TokensOf(*request, identity);
    if (!candidates.ok()) return candidates.status();
    if (!AddVectors(*candidates, &found->names.token_vectors[agreement.id])) {
      found->gaps.push_back(
          absl::StrCat(name, ": too many names and numbers at once; give them in several runs"));
    }
    if (snapshot == nullptr) continue;
    const absl::Status looked =
        LookUp(*snapshot, agreement, epoch.statement, *candidates, &found->names.handles);
    if (!looked.ok()) return looked;
  }
  return absl::OkStatus();
}

}  // namespace

void AddPersonOptions(CLI::App* command, PersonChoice* choice) {
  command->add_option("--person", choice->person,
                      "A file of one person as JSON, as `vouch ask` takes it; - reads it from "
                      "standard input");
  command->add_option("--source-id", choice->source_id,
                      "The person's id in the source system; - reads it from standard input. With "
                      "--person, both are looked for");
}

absl::StatusOr<FoundPerson> FindPerson(const node::NodeFile& file, const policies::Catalog& catalog,
                                       const PersonChoice& choice, absl::Time now,
                                       Console* console) {
  if (choice.empty()) return UsageError("say about whom, with --person or --source-id");
  if (choice.person == "-" && choice.source_id == "-") {
    return UsageError("only one of --person and --source-id can read standard input");
  }
  FoundPerson found;
  if (!choice.source_id.empty()) {
    const auto id = ReadSourceId(choice.source_id, console);
    if (!id.ok()) return id.status();
    const auto key = records::ReadPersonKey(file.keys);
    if (!key.ok()) return key.status();
    found.names.handles.insert(records::HandleOf(*key, *id));
    found.on_record = true;
    if (choice.person.empty()) {
      found.gaps.emplace_back(
          "requests that did not find the person cannot be looked for by the source's id alone; "
          "give --person as well");
      return found;
    }
  }
  const absl::StatusOr<crypto::Identity> identity = ReadChosen(choice.person, console);
  if (!identity.ok()) return identity.status();
  // Who was named by the source's id is not looked for in the records as well.
  std::shared_ptr<const records::FileSnapshot> snapshot;
  if (!found.on_record) {
    auto opened = OpenRecords(file);
    if (!opened.ok() && !absl::IsNotFound(opened.status())) return opened.status();
    if (opened.ok()) snapshot = *std::move(opened);
  }
  for (const auto& held : catalog.all()) {
    if (held->agreement.answers != file.agency) continue;
    absl::Status added =
        AddAgreement(file, held->agreement, *identity, snapshot.get(), now, &found);
    if (!added.ok()) return added;
  }
  if (found.names.handles.size() > 1) {
    return absl::FailedPreconditionError(
        "what was given finds different people under different agreements; name the one with "
        "--source-id");
  }
  found.on_record = !found.names.handles.empty();
  if (!found.on_record) {
    found.gaps.emplace_back(
        "nobody on record is found by this; if the person once was, give --source-id as well");
  }
  return found;
}

}  // namespace vouch::client
