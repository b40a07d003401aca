// What the agreement is, its parties, authority, purposes and dates.
#include <algorithm>
#include <set>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "policies/engine/diff/answers.h"
#include "policies/engine/diff/changes.h"

namespace vouch::policies::diff {
namespace {

bool Has(const std::vector<std::string>& list, const std::string& one) {
  return std::find(list.begin(), list.end(), one) != list.end();
}

std::string Quoted(absl::string_view text) { return absl::StrCat("\"", Shown(text, 120), "\""); }

std::string DayText(absl::CivilDay day, const std::string& zone) {
  return absl::StrCat(absl::FormatCivilTime(day), " (", zone, ")");
}

void CompareIdentity(Changes* changes) {
  const Agreement& a = changes->before();
  const Agreement& b = changes->after();
  if (a.id != b.id) {
    changes->Both(
        Changes::Same("agreement.id"),
        absl::StrCat("It is another agreement: ", a.id, ", now ", b.id,
                     ". Charges are kept by the id, so every limit begins afresh."),
        Changes::Words(absl::StrCat("A person about whom ", a.id,
                                    " allows no more requests: was refused, would be answered "
                                    "under ",
                                    b.id, ".")),
        Changes::Words(
            absl::StrCat("Any request that names ", a.id, ": was answered, would be refused.")));
  }
  if (a.revision != b.revision) {
    changes->Neutral(Changes::Same("agreement.revision"),
                     absl::StrCat("Revision ", a.revision, ", now ", b.revision, "."));
  }
  if (a.replaces != b.replaces) {
    changes->Neutral(Changes::Same("agreement.replaces"), "It replaces another file.");
  }
  if (a.title != b.title) {
    changes->Neutral(Changes::Same("agreement.title"),
                     absl::StrCat("Title: ", Quoted(a.title), ", now ", Quoted(b.title), "."));
  }
  if (a.document_title != b.document_title || a.document_sha256 != b.document_sha256) {
    changes->Neutral(Changes::Same("agreement.document"),
                     "The executed paper is another. What it says is not in this file.");
  }
  if (a.use != b.use) {
    const bool live = b.use == Use::kLive;
    changes->Both(Changes::Same("agreement.use"),
                  live ? "For live use, was for tests." : "For tests, was for live use.",
                  Changes::Words(absl::StrCat("Any request to a node for ", live ? "live" : "test",
                                              " use: was refused, would be answered.")),
                  Changes::Words(absl::StrCat("Any request to a node for ", live ? "test" : "live",
                                              " use: was answered, would be refused.")));
  }
}

void CompareParties(Changes* changes) {
  const Agreement& a = changes->before();
  const Agreement& b = changes->after();
  for (size_t i = 0; i < b.asks.size(); ++i) {
    if (Has(a.asks, b.asks[i])) continue;
    Example example = changes->AskedAfter();
    example.requester = b.asks[i];
    changes->Widens({"parties.asks", PlaceText("parties.asks", i)},
                    absl::StrCat(b.asks[i], " may ask."), changes->TellAfter(example));
  }
  for (size_t i = 0; i < a.asks.size(); ++i) {
    if (Has(b.asks, a.asks[i])) continue;
    Example example = changes->AskedBefore();
    example.requester = a.asks[i];
    changes->Narrows({PlaceText("parties.asks", i), "parties.asks"},
                     absl::StrCat(a.asks[i], " may no longer ask."), changes->TellBefore(example));
  }
  if (a.answers != b.answers) {
    changes->Both(Changes::Same("parties.answers"),
                  absl::StrCat("Another agency answers: ", a.answers, ", now ", b.answers, "."),
                  Changes::Words(absl::StrCat("Any request to ", b.answers,
                                              ": was refused, would be answered.")),
                  Changes::Words(absl::StrCat("Any request to ", a.answers,
                                              ": was answered, would be refused.")));
  }
  const auto place = [](const Agreement& agreement, const std::string& contractor) {
    return agreement.acting_for.empty() ? std::string("parties")
                                        : absl::StrCat("parties.acting_for.", contractor);
  };
  std::set<std::string> contractors;
  for (const auto& one : a.acting_for) contractors.insert(one.first);
  for (const auto& one : b.acting_for) contractors.insert(one.first);
  for (const std::string& contractor : contractors) {
    const auto was = a.acting_for.find(contractor);
    const auto is = b.acting_for.find(contractor);
    const Changes::Place at = {place(a, contractor), place(b, contractor)};
    if (was != a.acting_for.end() && is != b.acting_for.end()) {
      if (was->second == is->second) continue;
      changes->Both(
          at,
          absl::StrCat("The contractor ", contractor, " acts for ", is->second, ", no longer for ",
                       was->second, "."),
          Changes::Words(absl::StrCat(contractor, " asks for ", is->second, " when ", was->second,
                                      " has used up its limits: was refused, would be "
                                      "answered.")),
          Changes::Words(absl::StrCat(contractor, " asks for ", was->second, " when ", is->second,
                                      " has used up its limits: was answered, would be "
                                      "refused.")));
      continue;
    }
    if (is != b.acting_for.end()) {
      Example example = changes->AskedAfter();
      example.requester = contractor;
      changes->Widens(
          at, absl::StrCat("The contractor ", contractor, " may call for ", is->second, "."),
          changes->TellAfter(example));
    } else {
      Example example = changes->AskedBefore();
      example.requester = contractor;
      changes->Narrows(
          at,
          absl::StrCat("The contractor ", contractor, " may no longer call for ", was->second, "."),
          changes->TellBefore(example));
    }
  }
}

void CompareAuthority(Changes* changes) {
  const Agreement& a = changes->before();
  const Agreement& b = changes->after();
  if (a.authority != b.authority) {
    changes->CannotTell(Changes::Same("authority.kind"),
                        "The disclosure rests on another kind of authority. What that allows is "
                        "for counsel to say.");
  }
  const auto cites = [](const Agreement& agreement) {
    std::set<std::string> all;
    for (const Citation& one : agreement.cites) all.insert(one.cite + "\n" + one.allows);
    return all;
  };
  if (cites(a) != cites(b)) changes->Worded(Changes::Same("authority.cites"), "Citations");
  const auto approvals = [](const Agreement& agreement) {
    std::set<std::string> all;
    for (const Approval& one : agreement.approvals) {
      all.insert(absl::StrCat(one.by, "\n", one.board, "\n", absl::FormatCivilTime(one.on)));
    }
    return all;
  };
  if (approvals(a) != approvals(b)) {
    changes->Neutral(Changes::Same("authority.approvals"), "Other approvals are recorded.");
  }
  if (a.consent_required != b.consent_required) {
    Example example = b.consent_required ? changes->AskedBefore() : changes->AskedAfter();
    const std::string text = b.consent_required
                                 ? "Every request needs a consent reference; none was needed."
                                 : "No consent is needed any more.";
    const Changes::Place at = Changes::Same("authority.consent.required");
    const std::string words = absl::StrCat(
        example.requester, " asks \"", example.question,
        "\" about a person who has not consented: ",
        b.consent_required ? "was answered, would be refused." : "was refused, would be answered.");
    if (b.consent_required) {
      changes->Narrows(at, text, Changes::Words(words));
    } else {
      changes->Widens(at, text, Changes::Words(words));
    }
  }
  if (a.consent_required && b.consent_required && a.consent_from != b.consent_from) {
    changes->CannotTell(Changes::Same("authority.consent.from"), "Somebody else consents.");
  }
  std::set<std::string> items;
  for (const auto& one : a.elements) items.insert(one.first);
  for (const auto& one : b.elements) items.insert(one.first);
  for (const std::string& item : items) {
    const auto was = a.elements.find(item);
    const auto is = b.elements.find(item);
    if (was != a.elements.end() && is != b.elements.end() && was->second == is->second) continue;
    const auto at = [&](const Agreement& agreement) {
      return agreement.elements.empty() ? std::string() : absl::StrCat("elements.", item);
    };
    changes->Worded({at(a), at(b)}, absl::StrCat("Item (", item, ") of 5 U.S.C. 552a(o)(1)"));
  }
  if (a.federal_register != b.federal_register || a.sent_to_congress != b.sent_to_congress) {
    changes->Neutral(Changes::Same("published"), "It is published elsewhere or on another day.");
  }
}

void ComparePurposes(Changes* changes) {
  const Agreement& a = changes->before();
  const Agreement& b = changes->after();
  for (size_t i = 0; i < b.purposes.size(); ++i) {
    const Purpose& is = b.purposes[i];
    if (!a.HasPurpose(is.id)) {
      Example example = changes->AskedAfter();
      example.purpose = is.id;
      changes->Widens({"purposes", PlaceText("purposes", i)},
                      absl::StrCat("Answers may be used for \"", is.id, "\"."),
                      changes->TellAfter(example));
    }
  }
  for (size_t i = 0; i < a.purposes.size(); ++i) {
    const Purpose& was = a.purposes[i];
    const auto is = std::find_if(b.purposes.begin(), b.purposes.end(),
                                 [&was](const Purpose& one) { return one.id == was.id; });
    if (is == b.purposes.end()) {
      Example example = changes->AskedBefore();
      example.purpose = was.id;
      changes->Narrows({PlaceText("purposes", i), "purposes"},
                       absl::StrCat("Answers may no longer be used for \"", was.id, "\"."),
                       changes->TellBefore(example));
    } else if (is->text != was.text) {
      const auto at = static_cast<size_t>(is - b.purposes.begin());
      changes->Worded({absl::StrCat(PlaceText("purposes", i), ".text"),
                       absl::StrCat(PlaceText("purposes", at), ".text")},
                      absl::StrCat("The purpose \"", was.id, "\""));
    }
  }
}

// Whether days begin at the same moments while both count, whatever the zones are called.
bool SameDays(const Changes& changes) {
  const absl::TimeZone was = changes.before().zone();
  const absl::TimeZone is = changes.after().zone();
  const absl::CivilDay last = std::min(changes.last_day(), changes.first_day() + 3660);
  for (absl::CivilDay day = changes.first_day(); day <= last; ++day) {
    if (absl::FromCivil(day, was) != absl::FromCivil(day, is)) return false;
  }
  return true;
}

void CompareDates(Changes* changes) {
  const Agreement& a = changes->before();
  const Agreement& b = changes->after();
  const std::string begins = absl::StrCat("It takes effect on ", DayText(b.effective, b.time_zone),
                                          ", was ", DayText(a.effective, a.time_zone), ".");
  const Changes::Place first = Changes::Same("dates.effective");
  if (b.effective_from < a.effective_from) {
    Example example = changes->AskedAfter();
    example.at = b.effective_from;
    changes->Widens(first, begins, changes->TellAfter(example));
  } else if (b.effective_from > a.effective_from) {
    if (changes->succeeds()) {
      const bool gap = b.effective_from > a.expires_at;
      changes->Neutral(first, absl::StrCat(begins, " Until then the revision before it goes on",
                                           gap ? ", to its own last day." : "."));
    } else {
      Example example = changes->AskedBefore();
      example.at = a.effective_from;
      changes->Narrows(first, begins, changes->TellBefore(example));
    }
  }
  const std::string ends = absl::StrCat("Its last day is ", DayText(b.expires, b.time_zone),
                                        ", was ", DayText(a.expires, a.time_zone), ".");
  const Changes::Place last = Changes::Same("dates.expires");
  if (b.expires_at > a.expires_at) {
    Example example = changes->AskedAfter();
    example.at = absl::FromCivil(absl::CivilHour(b.expires) + 12, b.zone());
    if (example.at < a.expires_at) example.at = b.expires_at - absl::Seconds(1);
    changes->Widens(last, ends, changes->TellAfter(example));
  } else if (b.expires_at < a.expires_at) {
    Example example = changes->AskedBefore();
    example.at = absl::FromCivil(absl::CivilHour(a.expires) + 12, a.zone());
    if (example.at < b.expires_at) example.at = a.expires_at - absl::Seconds(1);
    changes->Narrows(last, ends, changes->TellBefore(example));
  }
  if (a.time_zone != b.time_zone) {
    std::vector<std::string> by_day;
    for (const Question& question : b.questions) {
      if (DependsOnDay(question.yes_when)) by_day.push_back(absl::StrCat("\"", question.id, "\""));
    }
    const Changes::Place zone = Changes::Same("dates.time_zone");
    const std::string text =
        absl::StrCat("Days begin as in ", b.time_zone, ", was ", a.time_zone, ".");
    if (by_day.empty() || SameDays(*changes)) {
      changes->Neutral(zone, text);
    } else {
      changes->CannotTell(zone, absl::StrCat(text,
                                             " What goes by the day may come out otherwise "
                                             "around midnight: ",
                                             absl::StrJoin(by_day, ", "), "."));
    }
  }
  if (a.changeover != b.changeover) {
    const std::string text =
        absl::StrCat("The revision that this one replaces is accepted for ", SpanText(b.changeover),
                     " after it, was ", SpanText(a.changeover), ".");
    const bool longer = b.changeover > a.changeover;
    const Changes::Place at = Changes::Same("dates.changeover");
    const std::string words =
        absl::StrCat("A request under the digest of the replaced revision, ",
                     SpanText(std::max(a.changeover, b.changeover)),
                     " after this one took effect, less a second: ",
                     longer ? "was refused, would be answered unless that revision allowed more."
                            : "was answered unless that revision allowed more, would be refused.");
    if (longer) {
      changes->Widens(at, text, Changes::Words(words));
    } else {
      changes->Narrows(at, text, Changes::Words(words));
    }
  }
  const auto certified = [](const Agreement& agreement) {
    std::set<std::string> all;
    for (const Certification& one : agreement.renewal_certified) {
      all.insert(absl::StrCat(one.by, " ", absl::FormatCivilTime(one.on)));
    }
    return all;
  };
  if (a.renewed_from != b.renewed_from || certified(a) != certified(b)) {
    changes->Neutral(Changes::Same("dates.renewal"), "What is said about its renewal differs.");
  }
}

}  // namespace

void CompareTerms(Changes* changes) {
  CompareIdentity(changes);
  CompareParties(changes);
  CompareAuthority(changes);
  ComparePurposes(changes);
  CompareDates(changes);
}

}  // namespace vouch::policies::diff
