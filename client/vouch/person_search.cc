#include "client/vouch/person_search.h"

#include <algorithm>
#include <fstream>
#include <memory>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "client/vouch/person_json.h"
#include "client/vouch/record_indexes.h"
#include "crypto/identity.h"
#include "server/ledger/oversight/people_on_record.h"
#include "server/node/epoch_keys.h"
#include "server/records/index_builder.h"
#include "server/records/manifest.h"
#include "server/records/row_maker.h"
#include "server/records/snapshot.h"

namespace vouch::client {
namespace {

namespace node = server::node;
namespace records = server::records;

// Several names and numbers multiply, key by key.
constexpr size_t kMostVectors = 4096;

absl::StatusOr<crypto::Identity> ReadChosen(const std::string& path, Console* console) {
  if (path == "-") return ReadPerson(console->in(), "standard input");
  std::ifstream in(path, std::ios::binary);
  if (!in) return absl::NotFoundError(absl::StrCat(path, " cannot be read"));
  return ReadPerson(in, path);
}

absl::StatusOr<std::set<std::string>> ReadSourceIds(const std::vector<std::string>& given,
                                                    Console* console) {
  std::set<std::string> ids;
  for (const std::string& one : given) {
    if (one != "-") {
      if (one.empty()) return UsageError("--source-id is empty");
      ids.insert(one);
      continue;
    }
    std::string line;
    bool any = false;
    while (std::getline(console->in(), line)) {
      if (!line.empty()) ids.insert(line);
      any |= !line.empty();
    }
    if (!any) return UsageError("standard input held no id");
  }
  return ids;
}

void AddGap(std::string gap, FoundPerson* found) {
  if (std::find(found->gaps.begin(), found->gaps.end(), gap) == found->gaps.end()) {
    found->gaps.push_back(std::move(gap));
  }
}

// How many of those named are on record now; whoever is not may be deleted, or mistyped.
void SayWhoIsOnRecord(const node::NodeFile& file, FoundPerson* found) {
  const auto people = server::ledger::oversight::PeopleOnRecord::Open(file.records);
  const auto cannot_be_told = [&](const absl::Status& why) {
    AddGap(
        absl::StrCat("whether anybody of that id is on record now cannot be told: ", why.message()),
        found);
  };
  if (!people.ok() && !absl::IsNotFound(people.status())) return cannot_be_told(people.status());
  const size_t named = found->names.handles.size();
  if (people.ok()) {
    std::set<crypto::Digest> there;
    const absl::Status seen =
        people->ForEach([&](const records::PersonHandle& person, const records::RowFacts&) {
          if (found->names.handles.count(person) > 0) there.insert(person);
          return there.size() < named;
        });
    if (!seen.ok()) cannot_be_told(seen);
    found->named_on_record = static_cast<int>(there.size());
  }
  const auto on_record = static_cast<size_t>(found->named_on_record);
  if (named == 1 && on_record == 0) {
    AddGap(
        "nobody of that id is on record now: the record was deleted or renumbered, or the id is "
        "mistyped",
        found);
  } else if (on_record < named) {
    AddGap(absl::StrCat("nobody of ", named - on_record, " of the ", named,
                        " ids is on record now: the records were deleted or renumbered, or the ids "
                        "are mistyped"),
           found);
  }
  if (on_record > 1) {
    AddGap(absl::StrCat("the ids are those of ", on_record,
                        " records that are there now: this is about all of them, one person or "
                        "not"),
           found);
  }
}

// Of each match key; may be empty.
using Candidates = std::vector<std::vector<crypto::Token>>;

// Whether more combinations can be made of what was given than a key has inputs.
bool IsCut(const crypto::MatchKey& key, const crypto::NormalIdentity& normal, size_t inputs) {
  if (inputs < crypto::kMaxInputsPerKey) return false;
  std::set<crypto::Attribute> attributes;
  for (const crypto::KeyPart& part : key.parts) attributes.insert(part.attribute);
  size_t ways = 1;
  for (const crypto::Attribute attribute : attributes) {
    const auto given = normal.values.find(attribute);
    if (given != normal.values.end()) ways *= given->second.size();
    if (ways > inputs) return true;
  }
  return false;
}

// Match keys for which something is missing: whoever asked with it as well, and found nobody, is
// not found by the tokens of the others. `name` is of the agreement.
void SayUnformed(const std::string& name, const records::IndexRequest& request,
                 const crypto::NormalIdentity& normal, const Candidates& candidates,
                 FoundPerson* found) {
  std::vector<size_t> keys;
  std::set<std::string> missing;
  for (size_t k = 0; k < candidates.size(); ++k) {
    if (!candidates[k].empty()) continue;
    keys.push_back(k + 1);
    for (const crypto::KeyPart& part : request.match[k].parts) {
      if (normal.values.count(part.attribute) > 0) continue;
      missing.insert(std::string(crypto::AttributeName(part.attribute)));
    }
  }
  if (keys.empty()) return;
  AddGap(absl::StrCat(
             name, ": ", keys.size() == 1 ? "match key " : "match keys ", absl::StrJoin(keys, ", "),
             " cannot be formed from what was given",
             missing.empty() ? "" : absl::StrCat(" (without ", absl::StrJoin(missing, ", "), ")"),
             ", so requests that formed ", keys.size() == 1 ? "it" : "one of them",
             " and found nobody are not found; give all that is known of the person"),
         found);
}

// `name` is of the agreement and epoch, for what is left out.
absl::StatusOr<Candidates> TokensOf(const records::IndexRequest& request,
                                    const std::string& revision, const std::string& name,
                                    const crypto::Identity& identity, FoundPerson* found) {
  const crypto::SpellingRules* rules = crypto::FindSpellingRules(request.context.profile);
  if (rules == nullptr) {
    return absl::FailedPreconditionError(
        absl::StrCat("the spelling rules ", request.context.profile, " are not known here"));
  }
  const crypto::NormalIdentity normal =
      crypto::NormalizeIdentity(identity, *rules, request.use, request.today);
  for (const crypto::NormalIdentity::Problem& problem : normal.problems) {
    AddGap(absl::StrCat(name, ": a value of ", crypto::AttributeName(problem.attribute),
                        " was left out: ", problem.message),
           found);
  }
  Candidates candidates;
  for (size_t k = 0; k < request.match.size(); ++k) {
    const std::vector<std::string> inputs =
        crypto::TokenInputs(request.context, static_cast<uint16_t>(k), request.match[k], normal);
    if (IsCut(request.match[k], normal, inputs.size())) {
      AddGap(absl::StrCat(name, ": what was given can be put together in more than ",
                          crypto::kMaxInputsPerKey, " ways for match key ", k + 1,
                          ", and only the first ", crypto::kMaxInputsPerKey,
                          " were looked for; give fewer names and numbers at once, in several "
                          "runs"),
             found);
    }
    std::vector<crypto::Token> tokens(inputs.size());
    if (!inputs.empty()) {
      absl::Status made = request.tokeniser->Tokens(inputs, absl::MakeSpan(tokens));
      if (!made.ok()) return made;
    }
    candidates.push_back(std::move(tokens));
  }
  SayUnformed(revision, request, normal, candidates, found);
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

// Looks for every spelling: a person of several names is on record under one of them, or some.
absl::Status LookUp(const records::FileSnapshot& snapshot, const policies::Agreement& agreement,
                    const crypto::EpochStatement& epoch, const Candidates& candidates,
                    std::set<crypto::Digest>* handles) {
  if (!snapshot.Ready(agreement, epoch)) return absl::OkStatus();
  const absl::Status several = absl::FailedPreconditionError(
      "what was given finds several people on record; name the one with --source-id");
  std::vector<crypto::Token> fitting;
  std::set<crypto::Digest> people;
  for (size_t k = 0; k < candidates.size(); ++k) {
    fitting.push_back(candidates[k].empty() ? crypto::kZeroToken : candidates[k].front());
    for (const crypto::Token& token : candidates[k]) {
      std::vector<crypto::Token> alone(candidates.size(), crypto::kZeroToken);
      alone[k] = token;
      const records::Resolved resolved =
          snapshot.ResolveTokens(agreement.id, epoch.epoch, /*despite_mismatch=*/0, alone);
      const records::KeyFinding& finding = resolved.by_key()[k];
      if (finding.kind == records::KeyFinding::Kind::kSeveral) return several;
      if (finding.kind != records::KeyFinding::Kind::kOne) continue;
      people.insert(finding.person);
      fitting[k] = token;
    }
  }
  if (people.size() > 1) return several;
  if (people.empty()) return absl::OkStatus();
  uint32_t despite_mismatch = 0;
  for (size_t k = 0; k < agreement.match.size() && k < 32; ++k) {
    if (agreement.match[k].despite_mismatch == policies::DespiteMismatch::kAllow) {
      despite_mismatch |= 1u << k;
    }
  }
  // The spellings that fit, together: where a key that the record has finds nothing by any of them,
  // it may be somebody else's record.
  const records::Resolved resolved =
      snapshot.ResolveTokens(agreement.id, epoch.epoch, despite_mismatch, fitting);
  switch (resolved.match()) {
    case records::Match::kOne:
      handles->insert(resolved.person());
      return absl::OkStatus();
    case records::Match::kNone:
      return absl::OkStatus();
    case records::Match::kSeveral:
      return several;
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
    const std::string revision = absl::StrCat(agreement.id, " (revision ", agreement.revision, ")");
    const std::string name = absl::StrCat(revision, ", token epoch ", epoch.statement.epoch);
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
    const auto candidates = TokensOf(*request, revision, name, identity, found);
    if (!candidates.ok()) return candidates.status();
    std::set<std::string> vectors;
    if (!AddVectors(*candidates, &vectors)) {
      found->gaps.push_back(
          absl::StrCat(name, ": too many names and numbers at once; give them in several runs"));
    }
    if (!vectors.empty()) found->names.token_vectors[agreement.id].merge(vectors);
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
  command
      ->add_option("--source-id", choice->source_ids,
                   "The person's id in the source system; may be given again, for a person who had "
                   "others before; - reads them from standard input, a line each. With --person, "
                   "all are looked for")
      ->allow_extra_args(false);
}

absl::StatusOr<FoundPerson> FindPerson(const node::NodeFile& file, const policies::Catalog& catalog,
                                       const PersonChoice& choice, absl::Time now,
                                       Console* console) {
  if (choice.empty()) return UsageError("say about whom, with --person or --source-id");
  const auto& ids = choice.source_ids;
  const auto from_input = std::count(ids.begin(), ids.end(), "-") + (choice.person == "-" ? 1 : 0);
  if (from_input > 1) {
    return UsageError("standard input can be read once only, by --person or one --source-id");
  }
  FoundPerson found;
  if (!ids.empty()) {
    const auto read = ReadSourceIds(ids, console);
    if (!read.ok()) return read.status();
    const auto key = records::ReadPersonKey(file.keys);
    if (!key.ok()) return key.status();
    for (const std::string& id : *read) found.names.handles.insert(records::HandleOf(*key, id));
    found.on_record = true;
    SayWhoIsOnRecord(file, &found);
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
  if (ids.empty() && found.names.handles.size() > 1) {
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
