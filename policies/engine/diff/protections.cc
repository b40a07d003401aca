// Limits, protections, contacts, waivers.
#include <set>

#include "absl/strings/str_cat.h"
#include "policies/engine/diff/changes.h"

namespace vouch::policies::diff {
namespace {

void CompareLimits(Changes* changes) {
  const Limits& a = changes->before().limits;
  const Limits& b = changes->after().limits;
  CompareLimit(a.times_asked, b.times_asked, Changes::Same("limits.per_person.times_asked"),
               "Requests about one person", "requests about one person", changes);
  CompareLimit(a.different_values, b.different_values,
               Changes::Same("limits.per_person.different_values"),
               "Different questions and values tried on one person",
               "different questions or values about one person", changes);
  CompareLimit(a.new_people, b.new_people, Changes::Same("limits.new_people"),
               "People not asked about before", "requests about people not asked about before",
               changes);
  CompareLimit(a.whole_agreement, b.whole_agreement, Changes::Same("limits.whole_agreement"),
               "Answers in all", "requests", changes);
  CompareLimit(a.evaluations, b.evaluations, Changes::Same("limits.evaluations"),
               "Token elements evaluated", "token elements", changes);
}

void CompareKeeping(Changes* changes) {
  const Agreement& a = changes->before();
  const Agreement& b = changes->after();
  if (a.keep_ledger != b.keep_ledger) {
    const bool less = b.keep_ledger < a.keep_ledger;
    const Changes::Place at = Changes::Same("protections.keep_ledger.at_least");
    const std::string text = absl::StrCat("The ledger is kept for ", SpanText(b.keep_ledger),
                                          " at the least, was ", SpanText(a.keep_ledger), ".");
    const Example example = Changes::Words(
        absl::StrCat("A person asks who was told about them, ",
                     SpanText(less ? a.keep_ledger : b.keep_ledger), " after it, less a day: ",
                     less ? "could be told for certain, need not be."
                          : "need not be told, can be for certain."));
    if (less) {
      changes->Widens(at, text, example);
    } else {
      changes->Narrows(at, text, example);
    }
  }
  if (a.keep_life_of_record != b.keep_life_of_record) {
    const Changes::Place at = Changes::Same("protections.keep_ledger");
    const std::string who =
        "A person asks who was told about them when the record has outlived the ledger's years: ";
    if (a.keep_life_of_record) {
      changes->Widens(at, "The ledger need not be kept as long as the record.",
                      Changes::Words(who + "could be told, need not be."));
    } else {
      changes->Narrows(at, "The ledger is kept as long as the record.",
                       Changes::Words(who + "need not be told, can be."));
    }
  }
  if (a.corrections_reply_days != b.corrections_reply_days) {
    const Changes::Place at = Changes::Same("protections.corrections.reply_days");
    const std::string text =
        absl::StrCat("A person who objects has a reply within ", b.corrections_reply_days,
                     " days, was ", a.corrections_reply_days, ".");
    const Example example = Changes::Words(
        absl::StrCat("A person objects and waits for ",
                     std::min(a.corrections_reply_days, b.corrections_reply_days) + 1, " days: ",
                     b.corrections_reply_days > a.corrections_reply_days
                         ? "had a right to a reply by then, would not."
                         : "had no right to a reply by then, would."));
    if (b.corrections_reply_days > a.corrections_reply_days) {
      changes->Widens(at, text, example);
    } else {
      changes->Narrows(at, text, example);
    }
  }
  if (a.corrections_contact != b.corrections_contact) {
    changes->Neutral(Changes::Same("protections.corrections.contact"),
                     absl::StrCat("Objections go to ", Shown(b.corrections_contact, 120), "."));
  }
}

void CompareReceipts(Changes* changes) {
  const bool after = changes->after().jws_receipts;
  if (changes->before().jws_receipts == after) return;
  const auto written = [](const Agreement& agreement) {
    return agreement.jws_receipts ? "receipts" : "";
  };
  const Changes::Place at = {written(changes->before()), written(changes->after())};
  const std::string who =
      "An asker wants an answer as a JWS, one signed text that shows a third "
      "party what was answered: ";
  if (after) {
    changes->Widens(at, "Answers are also given as JWS receipts: evidence that can be passed on.",
                    Changes::Words(who + "was refused, is given it."));
  } else {
    changes->Narrows(at, "Answers are no longer given as JWS receipts.",
                     Changes::Words(who + "was given it, is refused."));
  }
}

}  // namespace

void CompareProtections(Changes* changes) {
  CompareLimits(changes);
  CompareKeeping(changes);
  CompareReceipts(changes);
  const auto contacts = [](const Agreement& agreement) {
    std::set<std::string> all;
    for (const Contact& one : agreement.contacts) {
      all.insert(absl::StrCat(one.party, "\n", one.role, "\n", one.email));
    }
    return all;
  };
  if (contacts(changes->before()) != contacts(changes->after())) {
    changes->Neutral(Changes::Same("contacts"), "Other people are to be called.");
  }
  const auto waivers = [](const Agreement& agreement) {
    std::set<std::string> all;
    for (const Waiver& one : agreement.waivers) {
      all.insert(absl::StrCat(one.rule, "\n", one.granted_by, "\n", one.reason, "\n",
                              absl::FormatCivilTime(one.expires)));
    }
    return all;
  };
  if (waivers(changes->before()) != waivers(changes->after())) {
    changes->Neutral(
        {changes->before().waivers.empty() ? "" : "waivers",
         changes->after().waivers.empty() ? "" : "waivers"},
        "Other findings of `check` are waived. What a waiver lets pass stands by itself above.");
  }
}

}  // namespace vouch::policies::diff
