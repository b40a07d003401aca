#include "client/vouch/disclosure_notes.h"

#include <algorithm>
#include <cmath>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/str_join.h"
#include "absl/time/time.h"
#include "policies/engine/collisions.h"
#include "policies/engine/tree.h"

namespace vouch::client {
namespace {

// HMAC-SHA-256 of a short input on one core with vector instructions, a second.
constexpr double kGuessesASecond = 3.3e7;
// Strangers for one person asked about, from which on a key is noted, and warned of.
constexpr double kWorthANote = 1e-5;
constexpr double kWorthAWarning = 1e-4;

std::string Spoken(double seconds) {
  if (seconds < 120) return absl::StrFormat("%.0f seconds", std::max(1.0, seconds));
  if (seconds < 7200) return absl::StrFormat("%.0f minutes", seconds / 60);
  if (seconds < 172800) return absl::StrFormat("%.0f hours", seconds / 3600);
  if (seconds < 6.3e7) return absl::StrFormat("%.0f days", seconds / 86400);
  return absl::StrFormat("%.0f years", seconds / 31557600);
}

// "0.0042", "7.5", "1200": no power of ten where a reader would count.
std::string Count(double number) {
  return number < 10 ? absl::StrFormat("%.2g", number) : absl::StrFormat("%.0f", number);
}

class Notes {
 public:
  Notes(const std::string& file, const std::string& text, policies::Report* report)
      : file_(file), report_(report) {
    policies::Report ignored;
    tree_ = policies::ReadTree(file, text, &ignored);
  }
  void Add(policies::Severity severity, const std::string& rule, const std::string& path,
           std::string message, std::string mend) {
    policies::Finding finding;
    finding.severity = severity;
    finding.rule = rule;
    finding.file = file_;
    finding.path = path;
    if (tree_.has_value()) finding.position = policies::NodeAt(tree_->root, path).position;
    finding.message = std::move(message);
    finding.mend = std::move(mend);
    report_->Add(std::move(finding));
  }

 private:
  const std::string& file_;
  policies::Report* report_;
  absl::optional<policies::Tree> tree_;
};

// How often people are asked about so that no earlier key can be formed is theirs to know who sign;
// what it costs where they are is stated for a thousand of them.
void AddAloneNote(const policies::Agreement& agreement, size_t key, uint64_t people,
                  const std::string& path, Notes* notes) {
  constexpr uint64_t kAsked = 1000;
  const policies::AgreedMatchKey& agreed = agreement.match[key];
  if (agreed.despite_mismatch == policies::DespiteMismatch::kAllow) return;  // priced for everybody
  const double strangers = policies::CollisionsAlone(agreement.match, key, people, kAsked);
  if (strangers < kAsked * kWorthANote) return;
  const policies::AloneCase alone = policies::WhenAlone(agreement.match, key);
  const std::string when =
      key == 0 ? "this key stands alone"
               : absl::StrCat("where asker or record lacks what every earlier key needs (",
                              absl::StrJoin(alone.missing, ", "),
                              "), none can object and this key answers alone, in spite of "
                              "\"refuse\"");
  notes->Add(strangers >= kAsked * kWorthAWarning ? policies::Severity::kWarning
                                                  : policies::Severity::kNote,
             "disclosure/key-alone", path,
             absl::StrFormat("%s; of %d people asked about so who have no record, about %s agree "
                             "in it with one of %d records by chance and get a stranger's answer",
                             when, kAsked, Count(strangers), people),
             "add parts until the key could stand alone (a whole date of birth, a postal code, a "
             "number), or take it out");
}

void AddKeyNotes(const policies::Agreement& agreement, uint64_t people, Notes* notes) {
  for (size_t i = 0; i < agreement.match.size(); ++i) {
    const policies::AgreedMatchKey& key = agreement.match[i];
    const std::string path = absl::StrCat("people.match[", i + 1, "]");
    if (key.despite_mismatch == policies::DespiteMismatch::kAllow) {
      const double strangers = policies::ExpectedCollisions(key.parts, people, 1);
      notes->Add(
          strangers >= kWorthAWarning ? policies::Severity::kWarning : policies::Severity::kNote,
          "disclosure/despite-mismatch", path + ".despite_mismatch",
          absl::StrFormat("this key answers although an earlier one did not fit; among %d "
                          "records, %s strangers agree with a person in it by chance, so "
                          "about %s of %d such answers are about somebody else",
                          people, Count(strangers),
                          Count(policies::ExpectedCollisions(key.parts, people, people)), people),
          "leave despite_mismatch out, or add parts to the key");
    }
    AddAloneNote(agreement, i, people, path, notes);
    if (agreement.token_kind == policies::TokenKind::kKeyedHash) {
      const double seconds = policies::AgreementOdds(key.parts) / kGuessesASecond;
      notes->Add(
          seconds < 31557600.0 * 100 ? policies::Severity::kWarning : policies::Severity::kNote,
          "disclosure/guessable-key", path,
          absl::StrCat("who holds the keyed-hash key, both agencies and whoever steals it, "
                       "finds the person behind a token of [",
                       absl::StrJoin(key.parts, ", "), "] by trying all in about ", Spoken(seconds),
                       " on one core"),
          "use tokens of kind \"blind\", where the asker holds no key");
    }
  }
}

void AddLimitNotes(const policies::Agreement& agreement, Notes* notes) {
  const policies::Limits& limits = agreement.limits;
  const auto wide = [&](const std::string& path, std::string message, std::string mend) {
    notes->Add(policies::Severity::kWarning, "disclosure/wide-limit", path, std::move(message),
               std::move(mend));
  };
  if (limits.different_values.count > 12) {
    wide("limits.per_person.different_values",
         absl::StrCat("an asker may put ", limits.different_values.count,
                      " different values to one person: enough to narrow a figure down step by "
                      "step"),
         "allow as many as one case needs, seldom more than 2");
  }
  if (limits.different_values.every < absl::Hours(24 * 30)) {
    wide("limits.per_person.different_values",
         "the count of different values starts afresh within a month, so patience finds any figure",
         "write every: \"agreement\"");
  }
  const double days = std::max(
      1.0, absl::ToDoubleHours(std::min(limits.times_asked.every, absl::Hours(24 * 3660))) / 24);
  if (static_cast<double>(limits.times_asked.count) / days > 1) {
    wide(
        "limits.per_person.times_asked",
        absl::StrFormat("one person may be asked about %.3g times a day: a change in the answer is "
                        "seen on the day it happens",
                        static_cast<double>(limits.times_asked.count) / days),
        "allow what renewals and retries need");
  }
  if (limits.new_people.every <= absl::Hours(24) && limits.new_people.count >= 1000000) {
    wide("limits.new_people",
         absl::StrCat(limits.new_people.count,
                      " new people a day cover a state's residents within "
                      "days"),
         "write what the program's busiest day needs");
  }
}

}  // namespace

void AddDisclosureNotes(const policies::Agreement& agreement, const std::string& file,
                        const std::string& text, uint64_t people, policies::Report* report) {
  Notes notes(file, text, report);
  AddKeyNotes(agreement, people, &notes);
  AddLimitNotes(agreement, &notes);
}

}  // namespace vouch::client
