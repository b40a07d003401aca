// Everything but the questions.
#include <utility>

#include "absl/strings/str_cat.h"
#include "policies/engine/explain/sections.h"
#include "policies/engine/explain/words.h"

namespace vouch::policies::explain {
namespace {

std::string Nth(absl::string_view list, size_t index) {
  return absl::StrCat(list, "[", index + 1, "]");
}

void AddElements(const Agreement& agreement, Page* page) {
  static const std::pair<const char*, const char*> kTitles[] = {
      {"A", "purpose and legal authority"},
      {"B", "justification, anticipated results and savings"},
      {"C", "data elements, number of records, dates"},
      {"D", "notice to individuals"},
      {"E", "verification procedures"},
      {"F", "retention and destruction"},
      {"G", "security"},
      {"H", "duplication and redisclosure"},
      {"I", "use, return or destruction by the recipient"},
      {"J", "accuracy assessments"},
      {"K", "access by the Comptroller General"},
  };
  if (agreement.elements.empty()) return;
  page->BeginPart("elements", "What the Privacy Act asks of a matching agreement", "elements");
  for (const auto& [letter, title] : kTitles) {
    const auto found = agreement.elements.find(letter);
    if (found == agreement.elements.end()) continue;
    const std::string path = absl::StrCat("elements.", letter);
    page->Paragraph();
    page->Say(path, absl::StrCat("5 U.S.C. 552a(o)(1)(", letter, "), ", title, ":"));
    page->Quote(path, found->second);
  }
  page->EndPart();
}

void SayLimit(const std::string& path, const std::string& before, const CountLimit& limit,
              const std::string& one, const std::string& many, Page* page) {
  page->Item(path, absl::StrCat(before, " at most ", Grouped(limit.count), " ",
                                limit.count == 1 ? one : many, " ",
                                WindowWords(page->TextAt(absl::StrCat(path, ".every"))), "."));
}

}  // namespace

void AddWhatThisIs(const Explained& in, Page* page) {
  const Agreement& agreement = in.agreement;
  page->BeginSection("what", "What this is", "agreement");
  page->Say("agreement.id", absl::StrCat("This page says in plain words what the agreement “",
                                         agreement.id, "” means."));
  page->Say("agreement",
            "The agreement itself is the text printed at the end, and that text alone counts: each "
            "sentence here names the line it comes from.");
  page->Say("agreement.title", "The agreement's title is:");
  page->Quote("agreement.title", agreement.title);
  page->Say("agreement.revision",
            agreement.replaces == "none"
                ? absl::StrCat("This is revision ", agreement.revision, ", the first.")
                : absl::StrCat("This is revision ", agreement.revision, "."));
  if (agreement.replaces != "none") {
    page->Say("agreement.replaces",
              absl::StrCat("It replaces the revision whose file has the SHA-256 digest ",
                           agreement.replaces, "."));
  }
  page->Say("agreement.use",
            agreement.use == Use::kLive
                ? "It is for live use: questions about real people are answered under it."
                : "It is for tests only: no question about a real person is answered under it.");
  if (!agreement.document_title.empty()) {
    page->Paragraph();
    page->Say("agreement.document", "The document that the parties executed is:");
    page->Quote("agreement.document.title", agreement.document_title);
    page->Say("agreement.document.sha256",
              absl::StrCat("The SHA-256 digest of that document's file is ",
                           agreement.document_sha256, "."));
  }
  page->Paragraph();
  page->Say("agreement.pins",
            "The answers also depend on the following, which cannot change without a new revision: "
            "each is fixed by the digest of its exact bytes.");
  page->BeginTable("What the agreement pins", {"kind", "name", "SHA-256"});
  for (size_t i = 0; i < agreement.pins.size(); ++i) {
    const Pin& pin = agreement.pins[i];
    page->AddRow(Nth("agreement.pins", i), {pin.file.empty() ? "published table" : "file",
                                            pin.file.empty() ? pin.table : pin.file, pin.sha256});
  }
}

void AddParties(const Explained& in, Page* page) {
  const Agreement& agreement = in.agreement;
  page->BeginSection("parties", "Who asks and who answers", "parties");
  page->Say("parties.asks", absl::StrCat(Joined(agreement.asks), " may ask."));
  page->Say("parties.answers", absl::StrCat(agreement.answers,
                                            " answers, from its own records, with YES, NO or "
                                            "UNDETERMINED and nothing else."));
  page->Say("parties", "Nobody else may ask, and no record leaves the agency that answers.");
  for (const auto& [contractor, party] : agreement.acting_for) {
    page->Item("parties.acting_for",
               absl::StrCat(contractor, " may ask on behalf of ", party,
                            ", with a certificate of its own; what it asks counts as asked by ",
                            party, "."));
  }
  if (agreement.asks.size() > 1) {
    page->Paragraph();
    page->Say("parties.asks",
              "The limits hold for each asking agency by itself, and the agreement is in force for "
              "each that has signed it.");
    page->Say("parties.asks", "Agencies that put their answers together know what all were told.");
  }
}

void AddAuthority(const Explained& in, Page* page) {
  const Agreement& agreement = in.agreement;
  page->BeginSection("authority", "The legal authority", "authority");
  const char* kind = "";
  switch (agreement.authority) {
    case AuthorityKind::kMatchingAgreement:
      kind =
          "The disclosure rests on a matching agreement under the Privacy Act, 5 U.S.C. 552a(o).";
      break;
    case AuthorityKind::kRoutineUse:
      kind = "The disclosure rests on a routine use under the Privacy Act, 5 U.S.C. 552a(b)(3).";
      break;
    case AuthorityKind::kStatute:
      kind = "The disclosure rests on a statute other than the Privacy Act's matching provisions.";
      break;
    case AuthorityKind::kConsent:
      kind = "The disclosure rests on the consent of the persons concerned.";
      break;
  }
  page->Say("authority.kind", kind);
  page->BeginTable("What is cited, and what it allows", {"citation", "allows"});
  for (size_t i = 0; i < agreement.cites.size(); ++i) {
    page->AddRow(Nth("authority.cites", i),
                 {OneLine(agreement.cites[i].cite), OneLine(agreement.cites[i].allows)});
  }
  if (!agreement.approvals.empty()) {
    page->BeginTable("Who approved it", {"agency", "board or official", "on"});
    for (size_t i = 0; i < agreement.approvals.size(); ++i) {
      const Approval& approval = agreement.approvals[i];
      page->AddRow(Nth("authority.approvals", i),
                   {approval.by, OneLine(approval.board), DateWords(approval.on)});
    }
  }
  page->Paragraph();
  if (agreement.consent_required) {
    page->Say("authority.consent",
              agreement.consent_from == "each-subject"
                  ? "Every request must carry a reference to the consent of each person asked "
                    "about; the asking agency keeps the consent itself."
                  : "Every request must carry a reference to a consent, which the asking agency "
                    "keeps.");
  } else {
    page->Say("authority.consent", "Requests need not carry a reference to a person's consent.");
  }
  if (!agreement.federal_register.empty()) {
    page->Say("published.federal_register", "Its notice in the Federal Register is:");
    page->Quote("published.federal_register", agreement.federal_register);
  }
  if (agreement.sent_to_congress.has_value()) {
    page->Say(
        "published.sent_to_congress",
        absl::StrCat("It was sent to Congress on ", DateWords(*agreement.sent_to_congress), "."));
  }
  AddElements(agreement, page);
}

void AddPurposes(const Explained& in, Page* page) {
  page->BeginSection("purposes", "What the answers are for", "purposes");
  page->Say("purposes", in.agreement.purposes.size() == 1
                            ? "The answers may be used for this purpose only; every request names "
                              "it."
                            : "The answers may be used for these purposes only; every request "
                              "names the one it is made for.");
  for (size_t i = 0; i < in.agreement.purposes.size(); ++i) {
    const Purpose& purpose = in.agreement.purposes[i];
    const std::string path = Nth("purposes", i);
    page->Paragraph();
    page->Say(path, absl::StrCat("“", purpose.id, "”:"));
    page->Quote(absl::StrCat(path, ".text"), purpose.text);
  }
}

void AddDates(const Explained& in, Page* page) {
  const Agreement& agreement = in.agreement;
  page->BeginSection("dates", "From when until when", "dates");
  page->Say("dates.effective",
            absl::StrCat("The first day is ", WeekdayWords(agreement.effective), "."));
  page->Say("dates.expires",
            absl::StrCat("The last day is ", WeekdayWords(agreement.expires), "; on ",
                         DateWords(agreement.expires + 1), " nothing is answered any more."));
  page->Say("dates",
            absl::StrCat("That makes ", Counted(agreement.expires - agreement.effective + 1, "day"),
                         ", the first and the last included."));
  page->Say("dates.time_zone", absl::StrCat("Days begin and end at midnight in the time zone ",
                                            agreement.time_zone, "."));
  page->Paragraph();
  if (agreement.renewed_from.has_value()) {
    page->Say("dates.renewal",
              "Requests that name the replaced revision are still answered until that one's own "
              "last day, unless this revision allows less than that one.");
  } else if (agreement.changeover > absl::ZeroDuration()) {
    page->Say(
        "dates.changeover",
        absl::StrCat("For ", page->TextAt("dates.changeover"),
                     " from the first day, requests that name the replaced revision are still "
                     "answered, unless this revision allows less than that one."));
  } else {
    page->Say("dates",
              "From the first moment of the first day only this revision counts; the one "
              "it replaces is not accepted any longer.");
  }
  if (!agreement.renewed_from.has_value()) return;
  page->Paragraph();
  page->Say("dates.renewal",
            absl::StrCat("This revision renews, unchanged, the term that ended with ",
                         DateWords(*agreement.renewed_from), " (5 U.S.C. 552a(o)(2)(D))."));
  page->BeginTable("Who certified that nothing has changed and the agreement was kept",
                   {"agency", "on"});
  for (size_t i = 0; i < agreement.renewal_certified.size(); ++i) {
    page->AddRow(Nth("dates.renewal.certified", i),
                 {agreement.renewal_certified[i].by, DateWords(agreement.renewal_certified[i].on)});
  }
}

void AddPeople(const Explained& in, Page* page) {
  const Agreement& agreement = in.agreement;
  page->BeginSection("people", "How a person is found", "people");
  page->Say("people.tokens",
            "Names, numbers and dates of birth stay in the agency that has them: from them it "
            "makes tokens, 32 bytes each that cannot be read, and sends only these.");
  if (agreement.token_kind == TokenKind::kBlind) {
    page->Say("people.tokens.kind",
              "The tokens are blind: the asking agency can make one only with the answering "
              "agency's help, which is limited and recorded, and the answering agency does not see "
              "for whom it helps.");
    page->Say("people.tokens.kind",
              "Whoever comes by the tokens alone cannot try out who is behind them; the answering "
              "agency, which holds the key, could.");
  } else {
    page->Say(
        "people.tokens.kind",
        "The tokens are keyed hashes: both agencies hold the same secret key and make them by "
        "themselves.");
    page->Say("people.tokens.kind",
              "Whoever comes by that key can find out who is behind a token by trying all numbers "
              "there are, which takes seconds to minutes.");
  }
  page->Say(
      "people.tokens.key_authority",
      absl::StrCat("Only keys that the answering agency's key authority has signed count; its "
                   "fingerprint is ",
                   agreement.key_authority, "."));
  page->Paragraph();
  page->Say("people.spelling_rules",
            absl::StrCat("Before tokens are made, names and numbers are spelt by the rules “",
                         agreement.spelling_rules,
                         "”, so that accents, capitals and hyphens make no difference."));
  page->Say("people.match",
            absl::StrCat("A person is looked for by ",
                         Counted(static_cast<int64_t>(agreement.match.size()), "match key"),
                         ", the strongest first; every request carries a token for "
                         "each that can be made:"));
  for (size_t i = 0; i < agreement.match.size(); ++i) {
    const AgreedMatchKey& key = agreement.match[i];
    std::vector<std::string> parts;
    for (const std::string& part : key.parts) parts.push_back(AttributeWords(part));
    std::string text = absl::StrCat("Key ", i + 1, ": ", Joined(parts), ".");
    if (i > 0 && key.despite_mismatch == DespiteMismatch::kRefuse) {
      absl::StrAppend(&text,
                      " It does not decide when a key before it should have found this "
                      "record and did not: then the answer is UNDETERMINED.");
    } else if (i > 0) {
      absl::StrAppend(&text,
                      " It decides even when a key before it should have found this record "
                      "and did not; another person who agrees in these alone is then taken "
                      "for the one asked about.");
    }
    page->Item(Nth("people.match", i), std::move(text));
  }
  page->Paragraph();
  page->Say("people.if_several_found",
            "All keys together must find exactly one record: when they find none, or several, the "
            "answer is UNDETERMINED, never NO.");
}

void AddLimits(const Explained& in, Page* page) {
  const Limits& limits = in.agreement.limits;
  page->BeginSection("limits", "How much may be asked", "limits");
  page->Say("limits",
            in.agreement.asks.size() > 1 ? "For each asking agency:" : "For the asking agency:");
  SayLimit("limits.per_person.times_asked", "About one person it is answered", limits.times_asked,
           "time", "times", page);
  SayLimit("limits.per_person.different_values", "On one person it may try",
           limits.different_values, "combination", "different combinations", page);
  bool groups = false;
  for (const Question& question : in.agreement.questions) {
    groups = groups || question.group_at_most > 0;
  }
  page->Item("limits.per_person.different_values",
             absl::StrCat("A combination is a question with one set of parameter values",
                          groups ? " and, for a group, one set of members" : "",
                          "; asking the same again counts as asked, not as different."));
  SayLimit("limits.new_people", "It may ask about", limits.new_people,
           "person it has not asked about before", "people it has not asked about before", page);
  SayLimit("limits.whole_agreement", "In all it is given", limits.whole_agreement, "answer",
           "answers", page);
  SayLimit("limits.evaluations", "It is helped to make", limits.evaluations, "token",
           "tokens, those for padding included,", page);
  page->Paragraph();
  page->Say("limits",
            "What is over a limit is refused, and the refusal is recorded; it does not "
            "depend on whether the person is found.");
}

void AddProtections(const Explained& in, Page* page) {
  const Agreement& agreement = in.agreement;
  page->BeginSection("protections", "What protects the people concerned", "protections");
  page->Say("protections.keep_ledger",
            absl::StrCat("Every answer is entered in the answering agency's ledger before it is "
                         "given; the entries are kept for at least ",
                         page->TextAt("protections.keep_ledger.at_least"),
                         agreement.keep_life_of_record
                             ? ", or as long as the record itself if that is longer."
                             : "."));
  page->Say("protections.corrections",
            absl::StrCat("Who thinks a record is wrong writes to ", agreement.corrections_contact,
                         " and has a reply within ",
                         Counted(agreement.corrections_reply_days, "day"), "."));
  if (agreement.jws_receipts) {
    page->Say("receipts",
              "An asking agency may have an answer as a JWS as well: one text, signed by the "
              "answering agency, with the question, the answer and the time, and without a name or "
              "number of the person. Whoever holds it can show it to anybody, who can check it "
              "with public tools: it is evidence that can be passed on, and cannot be taken back.");
  }
  page->Say("questions", "Nothing adverse may rest on UNDETERMINED.");
}

void AddWaivers(const Explained& in, Page* page) {
  const std::vector<Waiver>& waivers = in.agreement.waivers;
  if (waivers.empty()) return;
  page->BeginSection("waivers", "What the parties answer for themselves", "waivers");
  page->Say("waivers",
            "The check of this agreement finds fault with the following, and these people have "
            "answered for it. With the last day named here a waiver ends.");
  page->BeginTable("Waivers", {"rule", "answered for by", "reason", "last day"});
  for (size_t i = 0; i < waivers.size(); ++i) {
    page->AddRow(Nth("waivers", i), {waivers[i].rule, OneLine(waivers[i].granted_by),
                                     OneLine(waivers[i].reason), DateWords(waivers[i].expires)});
  }
}

void AddContacts(const Explained& in, Page* page) {
  page->BeginSection("contacts", "Whom to call", "contacts");
  page->BeginTable("Contacts", {"agency", "role", "address"});
  for (size_t i = 0; i < in.agreement.contacts.size(); ++i) {
    const Contact& contact = in.agreement.contacts[i];
    page->AddRow(Nth("contacts", i), {contact.party, OneLine(contact.role), contact.email});
  }
}

}  // namespace vouch::policies::explain
