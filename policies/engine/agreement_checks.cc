// CheckAgreement: what several fields of one agreement decide together.
#include <algorithm>
#include <set>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "policies/engine/agreement_fields.h"

namespace vouch::policies {
namespace {

class AgreementCheck {
 public:
  AgreementCheck(Agreement* agreement, const KnownNames& known, const Node& root, Reading* reading)
      : a_(*agreement), known_(known), root_(root), reading_(reading) {}

  void Run() {
    CheckRevision();
    CheckPins();
    CheckParties();
    CheckAuthority();
    CheckUnique("purposes", "agreement/purpose-repeated");
    CheckUnique("questions", "agreement/question-repeated");
    CheckDates();
    CheckMatch();
    CheckContacts();
  }

 private:
  // After errors what was read may be incomplete; a check that would then accuse wrongly asks
  // first.
  bool Has(absl::string_view path) const { return &NodeAt(root_, path) != &Parent(path); }
  const Node& Parent(absl::string_view path) const {
    const size_t dot = path.rfind('.');
    return dot == absl::string_view::npos ? root_ : NodeAt(root_, path.substr(0, dot));
  }
  void Error(absl::string_view rule, const std::string& path, absl::string_view offending,
             std::string message, std::string mend, std::string cite = "") {
    const Reading::Step step(reading_, path);
    reading_->Error(rule, NodeAt(root_, path).position, offending, std::move(message),
                    std::move(mend), std::move(cite));
  }

  void CheckRevision() {
    if (a_.revision == 1 && !a_.replaces.empty() && a_.replaces != "none") {
      Error("agreement/replaces", "agreement.replaces", a_.replaces, "revision 1 replaces nothing",
            "write \"none\", or count the revision up");
    }
    if (a_.revision > 1 && a_.replaces == "none") {
      Error("agreement/replaces", "agreement.replaces", a_.replaces,
            absl::StrCat("revision ", a_.revision, " replaces a revision before it"),
            "write the digest of the file before (`sha256sum FILE` prints it)");
    }
  }

  void CheckPins() {
    std::set<std::string> seen;
    bool file = false;
    for (size_t i = 0; i < a_.pins.size(); ++i) {
      const Pin& pin = a_.pins[i];
      file = file || !pin.file.empty();
      if (!seen.insert(absl::StrCat(pin.file, "|", pin.table)).second) {
        Error("agreement/pin-repeated", absl::StrCat("agreement.pins[", i + 1, "]"),
              pin.file.empty() ? pin.table : pin.file, "this is pinned twice",
              "delete one of them");
      }
    }
    if (!file && !a_.pins.empty() && !reading_->failed()) {
      Error("agreement/no-fact-catalogue", "agreement.pins", "",
            "the responder's fact catalogue is not pinned; what the facts mean could change "
            "unnoticed",
            "add `- {file: \"facts.yaml\", sha256: \"...\"}`");
    }
  }

  void CheckParties() {
    if (a_.IsAsker(a_.answers)) {
      Error("agreement/same-party", "parties.answers", a_.answers,
            absl::StrCat("`", a_.answers, "` both asks and answers"),
            "an agreement is between two agencies; name the other one");
    }
    for (const auto& [contractor, party] : a_.acting_for) {
      const std::string path = "parties.acting_for";
      if (!a_.asks.empty() && !a_.IsAsker(party)) {
        Error("agreement/acting-for", path, party,
              absl::StrCat("`", contractor, "` acts for `", party, "`, which does not ask"),
              absl::StrCat("name one of ", absl::StrJoin(a_.asks, ", ")));
      }
      if (a_.IsAsker(contractor) || contractor == a_.answers) {
        Error("agreement/acting-for", path, contractor,
              absl::StrCat("`", contractor, "` is a party itself and acts for nobody else"),
              "delete this line");
      }
    }
  }

  bool IsParty(const std::string& agency) const {
    return a_.IsAsker(agency) || agency == a_.answers;
  }

  void CheckAuthority() {
    if (a_.authority == AuthorityKind::kMatchingAgreement && Has("authority.kind")) {
      const auto needs = [&](const std::string& key, const std::string& what,
                             const std::string& cite) {
        if (root_.Find(key) != nullptr) return;
        Error("agreement/matching", "authority.kind", "matching-agreement",
              absl::StrCat("a matching agreement needs `", key, "`: ", what),
              absl::StrCat("add `", key, "`, or choose another kind of authority"), cite);
      };
      needs("elements", "one text for each of (A) to (K)", "5 U.S.C. 552a(o)(1)");
      needs("published", "the Federal Register notice and the day it went to Congress",
            "5 U.S.C. 552a(e)(12) and (o)(2)");
      const Node* authority = root_.Find("authority");
      if (authority != nullptr && authority->Find("approvals") == nullptr) {
        Error("agreement/matching", "authority.kind", "matching-agreement",
              "a matching agreement needs `approvals` of the Data Integrity Boards",
              "add `approvals` to `authority`", "5 U.S.C. 552a(u)(3)");
      }
    }
    if (a_.authority == AuthorityKind::kConsent && Has("authority.kind") && !a_.consent_required) {
      Error("agreement/consent", "authority.kind", "consent",
            "the authority is the person's consent, but no consent is required",
            "add `consent: {required: true, from: \"each-subject\"}` to `authority`",
            "5 U.S.C. 552a(b)");
    }
    if (a_.consent_required && a_.consent_from.empty()) {
      Error("agreement/consent", "authority.consent", "", "it does not say who consents",
            "add `from: \"each-subject\"`", "5 U.S.C. 552a(b)");
    }
    for (size_t i = 0; i < a_.approvals.size(); ++i) {
      if (a_.asks.empty() || a_.answers.empty() || IsParty(a_.approvals[i].by)) continue;
      Error("agreement/not-a-party", absl::StrCat("authority.approvals[", i + 1, "].by"),
            a_.approvals[i].by,
            absl::StrCat("`", a_.approvals[i].by, "` is no party to this agreement"),
            DidYouMeanParty(a_.approvals[i].by));
    }
  }

  std::string DidYouMeanParty(const std::string& word) const {
    std::vector<std::string> parties = a_.asks;
    parties.push_back(a_.answers);
    const std::string near = Nearest(word, parties);
    return near.empty() ? absl::StrCat("the parties are ", absl::StrJoin(parties, ", "))
                        : absl::StrCat("did you mean \"", near, "\"?");
  }

  void CheckUnique(const std::string& list, absl::string_view rule) {
    const Node* node = root_.Find(list);
    if (node == nullptr) return;
    // From the file, not from what was read: items with errors count too.
    std::map<std::string, int> lines;
    for (size_t i = 0; i < node->items.size(); ++i) {
      const Node* id = node->items[i].Find("id");
      if (id == nullptr || id->kind != Node::Kind::kScalar) continue;
      const auto [first, added] = lines.emplace(id->text, id->position.line);
      if (added) continue;
      Error(rule, absl::StrCat(list, "[", i + 1, "].id"), id->text,
            absl::StrCat("the id `", Shown(id->text), "` is used already in line ", first->second),
            "give it another id");
    }
  }

  void CheckDates() {
    const bool both = Has("dates.effective") && Has("dates.expires");
    if (both && a_.expires < a_.effective && a_.expires != absl::CivilDay()) {
      Error("agreement/dates", "dates.expires", absl::FormatCivilTime(a_.expires),
            absl::StrCat("it expires on ", absl::FormatCivilTime(a_.expires),
                         ", before it takes effect on ", absl::FormatCivilTime(a_.effective)),
            "`expires` is the last valid day: write a day on or after `effective`");
    }
    if (a_.time_zone.empty()) return;
    absl::TimeZone zone;
    if (!absl::LoadTimeZone(a_.time_zone, &zone)) {
      Error("agreement/time-zone", "dates.time_zone", a_.time_zone,
            absl::StrCat("there is no time zone `", Shown(a_.time_zone), "`"),
            "write one of the IANA names, such as \"America/New_York\" or \"UTC\"");
      return;
    }
    a_.effective_from = absl::FromCivil(absl::CivilSecond(a_.effective), zone);
    a_.expires_at = absl::FromCivil(absl::CivilSecond(a_.expires + 1), zone);
  }

  void CheckMatch() {
    if (!a_.spelling_rules.empty() && !Contains(known_.spelling_rules, a_.spelling_rules)) {
      Error("agreement/spelling-rules", "people.spelling_rules", a_.spelling_rules,
            absl::StrCat("there are no spelling rules `", Shown(a_.spelling_rules), "`"),
            absl::StrCat("write one of ", absl::StrJoin(known_.spelling_rules, ", ")));
    }
    std::vector<std::string> parts = known_.attributes;
    parts.insert(parts.end(), known_.derivations.begin(), known_.derivations.end());
    const Node* people = root_.Find("people");
    const Node* match = people == nullptr ? nullptr : people->Find("match");
    if (match == nullptr) return;
    std::map<std::set<std::string>, int> keys;
    for (size_t i = 0; i < match->items.size(); ++i) {
      const Node* key = match->items[i].Find("key");
      if (key == nullptr) continue;
      std::set<std::string> sorted;
      for (size_t j = 0; j < key->items.size(); ++j) {
        const std::string& part = key->items[j].text;
        sorted.insert(part);
        if (part.empty() || Contains(parts, part)) continue;
        const std::string near = Nearest(part, parts);
        Error("agreement/attribute", absl::StrCat("people.match[", i + 1, "].key[", j + 1, "]"),
              part, absl::StrCat("there is no attribute `", Shown(part), "`"),
              near.empty()
                  ? absl::StrCat("the attributes are ", absl::StrJoin(known_.attributes, ", "))
                  : absl::StrCat("did you mean \"", near, "\"?"));
      }
      const auto [first, added] = keys.emplace(sorted, key->position.line);
      if (!added) {
        Error("agreement/match-repeated", absl::StrCat("people.match[", i + 1, "].key"), "",
              absl::StrCat("these attributes are a match key already, in line ", first->second),
              "delete one of them");
      }
    }
    if (a_.token_kind == TokenKind::kKeyedHash && a_.asks.size() > 1 && Has("people.tokens.kind")) {
      Error("agreement/keyed-hash", "people.tokens.kind", "keyed-hash",
            "a keyed hash is shared with one asking agency; this agreement has several",
            "write \"blind\", or make an agreement for each asking agency");
    }
  }

  static bool Contains(const std::vector<std::string>& all, const std::string& one) {
    return std::find(all.begin(), all.end(), one) != all.end();
  }

  void CheckContacts() {
    if (a_.asks.empty() || a_.answers.empty() || root_.Find("contacts") == nullptr) return;
    std::vector<std::string> parties = a_.asks;
    parties.push_back(a_.answers);
    std::set<std::string> reached;
    const Node& contacts = *root_.Find("contacts");
    for (size_t i = 0; i < contacts.items.size(); ++i) {
      const Node* party = contacts.items[i].Find("party");
      if (party == nullptr) return;  // reported as missing; it may be the one looked for
      reached.insert(party->text);
      if (IsParty(party->text)) continue;
      Error("agreement/not-a-party", absl::StrCat("contacts[", i + 1, "].party"), party->text,
            absl::StrCat("`", Shown(party->text), "` is no party to this agreement"),
            DidYouMeanParty(party->text));
      return;
    }
    for (const std::string& party : parties) {
      if (reached.count(party) > 0) continue;
      Error("agreement/no-contact", "contacts", party,
            absl::StrCat("contacts, line ", contacts.position.line, ", names nobody at `", party,
                         "`"),
            "add a contact for each party");
    }
  }

  Agreement& a_;
  const KnownNames& known_;
  const Node& root_;
  Reading* reading_;
};

}  // namespace

void CheckAgreement(Agreement* agreement, const KnownNames& known, const Node& root,
                    Reading* reading) {
  AgreementCheck(agreement, known, root, reading).Run();
  CheckQuestions(*agreement, root, reading);
}

}  // namespace vouch::policies
