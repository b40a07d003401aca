// People in a map, found by their tokens by the rules of records.h.
#ifndef VOUCH_TESTS_FAKES_FAKE_RECORDS_H_
#define VOUCH_TESTS_FAKES_FAKE_RECORDS_H_

#include <algorithm>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "crypto/digest.h"
#include "server/records/records.h"
#include "tests/fakes/fake_fact_source.h"

namespace vouch::fakes {

// Set up before it is asked; then immutable.
class FakeSnapshot final : public server::records::Snapshot {
 public:
  using Facts = std::shared_ptr<FakeFactSource>;

  // `tokens`: what finds the person by each key; zero for a key it could not form.
  Facts Add(const std::string& person, const std::vector<crypto::Token>& tokens) {
    auto facts = std::make_shared<FakeFactSource>();
    facts_[HandleOf(person)] = facts;
    for (size_t key = 0; key < tokens.size(); ++key) {
      if (tokens[key] == crypto::Token{}) continue;
      found_[{key, tokens[key]}].push_back(HandleOf(person));
      formed_.insert({HandleOf(person), key});
    }
    return facts;
  }
  void Hold(const std::string& person) { held_.insert(HandleOf(person)); }
  static crypto::Digest HandleOf(const std::string& person) { return crypto::Sha256(person); }

  bool Ready(const policies::Agreement&, const crypto::EpochStatement& epoch) const override {
    return unready.count(epoch.epoch) == 0;
  }
  server::records::Resolved Resolve(const policies::Permit&, uint32_t,
                                    absl::Span<const crypto::Token> tokens) const override {
    Findings findings;
    std::vector<crypto::Digest> people;
    bool several = false;
    for (size_t key = 0; key < tokens.size(); ++key) {
      server::records::KeyFinding finding;
      finding.person = crypto::Sha256(crypto::AsText(tokens[key]));
      const auto found = found_.find({key, tokens[key]});
      if (found != found_.end() && found->second.size() > 1) {
        finding.kind = server::records::KeyFinding::Kind::kSeveral;
        several = true;
      } else if (found != found_.end()) {
        finding.kind = server::records::KeyFinding::Kind::kOne;
        finding.person = found->second[0];
        if (findings.matching_key < 0) findings.matching_key = static_cast<int>(key);
        people.push_back(found->second[0]);
      }
      findings.by_key.push_back(finding);
    }
    several |= std::any_of(people.begin(), people.end(),
                           [&](const auto& person) { return person != people[0]; });
    findings.person = crypto::Sha256(crypto::AsText(tokens[0]));
    Facts facts = facts_.empty() ? std::make_shared<FakeFactSource>() : facts_.begin()->second;
    if (several) {
      findings.match = server::records::Match::kSeveral;
      findings.matching_key = -1;
    } else if (!people.empty()) {
      findings.match = server::records::Match::kOne;
      findings.person = people[0];
      facts = facts_.at(people[0]);
      for (int key = 0; key < findings.matching_key; ++key) {
        const bool formed = formed_.count({people[0], static_cast<size_t>(key)}) > 0;
        if (formed && tokens[static_cast<size_t>(key)] != crypto::Token{}) {
          findings.match = server::records::Match::kMismatch;
        }
      }
    }
    // A copy: facts count how they are looked at.
    findings.owned_facts = std::make_shared<FakeFactSource>(*facts);
    findings.held_back = held_.count(findings.person) > 0;
    return MakeResolved(std::move(findings));
  }
  absl::CivilDay data_as_of() const override { return as_of; }
  absl::Time loaded_at() const override { return loaded; }
  uint64_t people() const override { return facts_.size(); }
  server::records::WorkCounters work() const override { return {}; }

  std::set<uint32_t> unready;  // epochs whose index is not complete
  absl::Time loaded;
  absl::CivilDay as_of{2027, 5, 20};

 private:
  std::map<crypto::Digest, Facts> facts_;
  std::map<std::pair<size_t, crypto::Token>, std::vector<crypto::Digest>> found_;
  std::set<std::pair<crypto::Digest, size_t>> formed_;
  std::set<crypto::Digest> held_;
};

class FakeRecords final : public server::records::Records {
 public:
  std::shared_ptr<const server::records::Snapshot> Current() const override { return snapshot; }
  absl::Status Refresh() override { return absl::OkStatus(); }

  std::shared_ptr<FakeSnapshot> snapshot = std::make_shared<FakeSnapshot>();
};

}  // namespace vouch::fakes

#endif  // VOUCH_TESTS_FAKES_FAKE_RECORDS_H_
