// Rule pack us-federal: the Privacy Act's matching agreements, 5 U.S.C. 552a.
#include <algorithm>
#include <set>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/time/civil_time.h"
#include "policies/engine/lint/checks.h"
#include "policies/engine/question.h"

namespace vouch::policies::lint {
namespace {

std::string DayText(absl::CivilDay day) { return absl::FormatCivilTime(day); }

bool IsMatching(const Finder& find) {
  return find.agreement().authority == AuthorityKind::kMatchingAgreement;
}

bool IsRenewal(const Finder& find) { return find.agreement().renewed_from.has_value(); }

// The same day so many months on, or the last of the month where that has no such day.
absl::CivilDay AfterMonths(absl::CivilDay day, int64_t months) {
  const absl::CivilMonth month = absl::CivilMonth(day) + months;
  const absl::CivilDay last = absl::CivilDay(month + 1) - 1;
  return std::min(last, absl::CivilDay(month) + (day.day() - 1));
}

// The day on which the term of this revision began: a revision that only changes the agreement
// within its term does not begin a new one.
absl::CivilDay TermBegan(const Finder& find) {
  std::vector<const Agreement*> earlier = find.file().earlier;
  if (find.file().replaced != nullptr) earlier.insert(earlier.begin(), find.file().replaced);
  absl::CivilDay began = find.agreement().effective;
  for (const Agreement* before : earlier) {
    // A term that was over is no longer run on.
    if (before->effective > began || before->expires + 1 < began) break;
    began = before->effective;
    if (before->renewed_from.has_value()) break;
  }
  return began;
}

void Term(Finder* find) {
  if (!IsMatching(*find) || IsRenewal(*find)) return;
  const int64_t months = find->Figure("months");
  const absl::CivilDay began = TermBegan(*find);
  const absl::CivilDay last = AfterMonths(began, months) - 1;
  if (find->agreement().expires <= last) return;
  const bool earlier = began != find->agreement().effective;
  find->Add(
      "dates.expires",
      absl::StrCat("the term runs from ", DayText(began), earlier ? " (an earlier revision)" : "",
                   " to ", DayText(find->agreement().expires), ", longer than ", months, " months"),
      absl::StrCat("write a last day no later than ", DayText(last),
                   ", or a waiver that says who allowed the longer term"));
}

void RenewalLength(Finder* find) {
  if (!IsMatching(*find) || !IsRenewal(*find)) return;
  const int64_t months = find->Figure("months");
  const absl::CivilDay former = *find->agreement().renewed_from;
  const absl::CivilDay last = AfterMonths(former, months);
  if (find->agreement().expires <= last) return;
  find->Add(
      "dates.expires",
      absl::StrCat("the renewal runs to ", DayText(find->agreement().expires), ", longer than ",
                   months, " months after the former term's last day, ", DayText(former)),
      absl::StrCat("write a last day no later than ", DayText(last)));
}

void RenewalWindow(Finder* find) {
  if (!IsMatching(*find) || !IsRenewal(*find)) return;
  const int64_t months = find->Figure("months");
  const absl::CivilDay former = *find->agreement().renewed_from;
  const absl::CivilDay first = AfterMonths(former, -months) + 1;
  const auto& certified = find->agreement().renewal_certified;
  for (size_t i = 0; i < certified.size(); ++i) {
    if (certified[i].on >= first && certified[i].on <= former) continue;
    find->Add(absl::StrCat("dates.renewal.certified[", i + 1, "].on"),
              absl::StrCat("`", certified[i].by, "` certified on ", DayText(certified[i].on),
                           ", not within the last ", months, " months of the former term"),
              absl::StrCat("have it certified between ", DayText(first), " and ", DayText(former),
                           "; after that only a new agreement helps"));
  }
}

void RenewalCertified(Finder* find) {
  if (!IsMatching(*find) || !IsRenewal(*find)) return;
  const Agreement& agreement = find->agreement();
  std::vector<std::string> parties = agreement.asks;
  parties.push_back(agreement.answers);
  for (const std::string& party : parties) {
    const bool certified =
        std::any_of(agreement.renewal_certified.begin(), agreement.renewal_certified.end(),
                    [&](const Certification& one) { return one.by == party; });
    if (certified) continue;
    find->Add("dates.renewal.certified",
              absl::StrCat("dates.renewal, line ", find->At("dates.renewal").position.line,
                           ", has no certification by `", party, "`"),
              absl::StrCat("add `- {by: \"", party,
                           "\", on: \"...\"}` when it has certified in writing that nothing has "
                           "changed"));
  }
}

void RenewalOnce(Finder* find) {
  if (!IsMatching(*find) || !IsRenewal(*find) || find->file().replaced == nullptr) return;
  const Agreement& before = *find->file().replaced;
  if (!before.renewed_from.has_value()) return;
  find->Add("dates.renewal",
            absl::StrCat("revision ", before.revision,
                         " is a renewal already, and an agreement is renewed once"),
            "make a new agreement, with notice, boards and thirty days before Congress");
}

void RenewalFormerTerm(Finder* find) {
  if (!IsMatching(*find) || !IsRenewal(*find)) return;
  const Agreement& agreement = find->agreement();
  const absl::CivilDay former = *agreement.renewed_from;
  if (agreement.effective > former + 1) {
    find->Add(
        "dates.effective",
        absl::StrCat("the renewal begins on ", DayText(agreement.effective),
                     ", but the former term ended on ", DayText(former),
                     ": what has lapsed cannot be renewed"),
        absl::StrCat("begin no later than ", DayText(former + 1), ", or make a new agreement"));
  }
  const Agreement* before = find->file().replaced;
  if (before != nullptr && before->expires != former) {
    find->Add("dates.renewal.former_expiry",
              absl::StrCat("the revision before ends on ", DayText(before->expires), ", not on ",
                           DayText(former)),
              absl::StrCat("write \"", DayText(before->expires), "\""));
  }
}

// A question as far as it has an effect: two of the same text are asked, answered and acted on
// alike.
std::string EffectOf(const Question& question) {
  std::string effect = absl::StrCat(ValueLabel(question, {}), "|", question.ask, "|",
                                    question.group_at_most, "|", static_cast<int>(question.tell),
                                    "|", absl::FormatDuration(question.records_loaded_within), "|",
                                    absl::FormatDuration(question.answer_good_for));
  for (const ParameterRule& rule : question.parameters) {
    absl::StrAppend(&effect, "|", rule.name, ":", absl::StrJoin(rule.codes, ","));
    if (rule.range.has_value()) {
      absl::StrAppend(&effect, rule.range->first, "-", rule.range->second);
    }
  }
  for (const Obligation* one : {&question.on_yes, &question.on_no, &question.on_undetermined}) {
    absl::StrAppend(&effect, "|", static_cast<int>(one->action), ",", one->notice_days);
  }
  // What the person is told, in whatever order it stands.
  std::vector<std::string> told;
  for (const Say& say : question.say) {
    told.push_back(absl::StrCat(AnswerName(say.when), "|", say.language, "|", say.text));
  }
  std::sort(told.begin(), told.end());
  return absl::StrCat(effect, "|", absl::StrJoin(told, "|"));
}

std::string EffectOf(const CountLimit& limit) {
  return absl::StrCat(limit.count, "/", absl::FormatDuration(limit.every), ";");
}

// What a renewal may not change, by the section's name in the file.
std::vector<std::string> ChangedSections(const Agreement& a, const Agreement& b) {
  std::vector<std::string> changed;
  const auto compare = [&](const std::string& section, const auto& effect) {
    if (effect(a) != effect(b)) changed.push_back(section);
  };
  compare("parties", [](const Agreement& x) {
    std::string out = absl::StrCat(absl::StrJoin(x.asks, ","), ">", x.answers);
    for (const auto& [contractor, party] : x.acting_for) {
      absl::StrAppend(&out, ",", contractor, "=", party);
    }
    return out;
  });
  compare("authority", [](const Agreement& x) {
    std::string out =
        absl::StrCat(static_cast<int>(x.authority), x.consent_required ? "c" : "", x.consent_from);
    for (const Citation& cite : x.cites) absl::StrAppend(&out, "|", cite.cite, "|", cite.allows);
    return out;
  });
  compare("elements", [](const Agreement& x) {
    std::string out;
    for (const auto& [item, text] : x.elements) absl::StrAppend(&out, item, text, "|");
    return out;
  });
  compare("purposes", [](const Agreement& x) {
    std::string out;
    for (const Purpose& one : x.purposes) absl::StrAppend(&out, one.id, "|", one.text, "|");
    return out;
  });
  compare("people", [](const Agreement& x) {
    std::string out = absl::StrCat(x.spelling_rules, static_cast<int>(x.token_kind));
    for (const AgreedMatchKey& key : x.match) {
      absl::StrAppend(&out, "|", absl::StrJoin(key.parts, ","),
                      static_cast<int>(key.despite_mismatch));
    }
    return out;
  });
  compare("questions", [](const Agreement& x) {
    // In which order they stand has no effect.
    std::vector<std::string> all;
    for (const Question& question : x.questions) all.push_back(EffectOf(question));
    std::sort(all.begin(), all.end());
    return absl::StrJoin(all, "\n");
  });
  compare("limits", [](const Agreement& x) {
    return absl::StrCat(EffectOf(x.limits.times_asked), EffectOf(x.limits.different_values),
                        EffectOf(x.limits.new_people), EffectOf(x.limits.whole_agreement),
                        EffectOf(x.limits.evaluations));
  });
  compare("protections", [](const Agreement& x) {
    return absl::StrCat(absl::FormatDuration(x.keep_ledger), x.keep_life_of_record ? "l" : "",
                        x.corrections_reply_days);
  });
  compare("receipts", [](const Agreement& x) { return std::string(x.jws_receipts ? "j" : ""); });
  compare("pins", [](const Agreement& x) {
    std::set<std::string> pins;
    for (const Pin& pin : x.pins) pins.insert(absl::StrCat(pin.table, pin.sha256));
    return absl::StrJoin(pins, ",");
  });
  return changed;
}

void RenewalUnchanged(Finder* find) {
  if (!IsMatching(*find) || !IsRenewal(*find)) return;
  const Agreement* before = find->file().replaced;
  if (before == nullptr) {
    find->AddAs(
        Severity::kWarning, "agreement.replaces",
        "a renewal changes nothing, but the revision before is not at hand, so whether that "
        "is so cannot be told",
        "put the file that was renewed beside this one, under another name");
    return;
  }
  const std::vector<std::string> changed = ChangedSections(*before, find->agreement());
  if (changed.empty()) return;
  find->Add("dates.renewal",
            absl::StrCat("a renewal changes nothing, but against revision ", before->revision,
                         " these have changed: ", absl::StrJoin(changed, ", ")),
            "bring them back as they were, or make a new agreement "
            "(`vouch agreement diff` shows each change)");
}

// "TBD", "n/a", "to be completed" and the like: there is a text, and it says nothing.
bool SaysNothing(absl::string_view text) {
  std::string word = absl::AsciiStrToLower(absl::StripAsciiWhitespace(text));
  while (!word.empty() && absl::ascii_ispunct(static_cast<unsigned char>(word.back())) != 0) {
    word.pop_back();
  }
  if (word.empty()) return true;
  for (const absl::string_view empty :
       {"tbd", "tba", "n/a", "na", "none", "not applicable", "to be determined", "to be completed",
        "to be added", "to follow", "pending", "see above", "see below", "draft", "x", "xx", "xxx",
        "lorem ipsum"}) {
    if (word == empty) return true;
  }
  return absl::StartsWith(word, "tbd") || absl::StartsWith(word, "to be determined") ||
         absl::StartsWith(word, "to be completed") || absl::StartsWith(word, "lorem ipsum");
}

void Elements(Finder* find) {
  if (!IsMatching(*find)) return;
  for (const char item : absl::string_view("ABCDEFGHIJK")) {
    const std::string name(1, item);
    const auto text = find->agreement().elements.find(name);
    const std::string path = absl::StrCat("elements.", name);
    const std::string cite = absl::StrCat("5 U.S.C. 552a(o)(1)(", name, ")");
    if (text == find->agreement().elements.end()) {
      find->Add(path, absl::StrCat("item (", name, ") of a matching agreement is missing, ", cite),
                absl::StrCat("add `", name, ":` under `elements`"));
    } else if (SaysNothing(text->second)) {
      find->Add(path,
                absl::StrCat("item (", name, ") says nothing: \"",
                             Shown(absl::StripAsciiWhitespace(text->second)), "\", ", cite),
                "write what the executed agreement says, or where in it");
    }
  }
}

void Congress(Finder* find) {
  const Agreement& agreement = find->agreement();
  if (!IsMatching(*find) || IsRenewal(*find) || !agreement.sent_to_congress.has_value()) return;
  const int64_t days = find->Figure("days");
  const absl::CivilDay first = *agreement.sent_to_congress + days;
  if (agreement.effective >= first) return;
  find->Add("dates.effective",
            absl::StrCat("it takes effect on ", DayText(agreement.effective), ", ",
                         agreement.effective - *agreement.sent_to_congress,
                         " days after it was sent to Congress on ",
                         DayText(*agreement.sent_to_congress), "; ", days, " must pass"),
            absl::StrCat("write a first day no earlier than ", DayText(first)));
}

void FederalRegister(Finder* find) {
  if (!IsMatching(*find)) return;
  const std::string& notice = find->agreement().federal_register;
  const size_t fr = notice.find(" FR ");
  const bool number_before =
      fr != std::string::npos && fr > 0 && absl::ascii_isdigit(notice[fr - 1]);
  const bool number_after =
      fr != std::string::npos && fr + 4 < notice.size() && absl::ascii_isdigit(notice[fr + 4]);
  if (number_before && number_after) return;
  find->Add("published.federal_register",
            absl::StrCat("\"", Shown(notice), "\" names no page of the Federal Register"),
            "write volume and page, such as \"91 FR 12345\"");
}

void BoardApproval(Finder* find) {
  if (!IsMatching(*find)) return;
  const Agreement& agreement = find->agreement();
  std::vector<std::string> parties = agreement.asks;
  parties.push_back(agreement.answers);
  for (const std::string& party : parties) {
    const bool approved = std::any_of(agreement.approvals.begin(), agreement.approvals.end(),
                                      [&](const Approval& one) { return one.by == party; });
    if (approved) continue;
    find->Add(
        "authority.approvals",
        absl::StrCat("authority.approvals, line ", find->At("authority.approvals").position.line,
                     ", has none by `", party,
                     "`; the Data Integrity Board of each federal party approves"),
        absl::StrCat("add `- {by: \"", party,
                     "\", board: \"Data Integrity Board\", on: \"...\"}`; for a party that is "
                     "no federal agency, the official who approved it"));
  }
}

void ApprovalLate(Finder* find) {
  if (!IsMatching(*find)) return;
  const Agreement& agreement = find->agreement();
  for (size_t i = 0; i < agreement.approvals.size(); ++i) {
    const Approval& approval = agreement.approvals[i];
    if (approval.on <= agreement.effective) continue;
    find->Add(absl::StrCat("authority.approvals[", i + 1, "].on"),
              absl::StrCat("`", approval.by, "` approved on ", DayText(approval.on),
                           ", after the agreement takes effect on ", DayText(agreement.effective)),
              "let it take effect after the last approval, or mend the day");
  }
}

void IndependentVerification(Finder* find) {
  if (!IsMatching(*find)) return;
  for (size_t i = 0; i < find->agreement().questions.size(); ++i) {
    const Question& question = find->agreement().questions[i];
    if (question.on_no.action == Do::kVerifyIndependently) continue;
    find->Add(QuestionPath(i) + ".on_no.do",
              absl::StrCat("NO to `", question.id,
                           "` is not verified independently before anything adverse"),
              "write `do: \"verify-independently\"`");
  }
}

void NoticeDays(Finder* find) {
  if (!IsMatching(*find)) return;
  int64_t days = find->Figure("days");
  std::string which;
  for (const Citation& cite : find->agreement().cites) {
    for (const std::string& start : find->rule().where_cited) {
      if (!absl::StartsWith(cite.cite, start)) continue;
      days = find->Figure("days_where_cited");
      which = absl::StrCat(" under ", Shown(cite.cite));
    }
  }
  for (size_t i = 0; i < find->agreement().questions.size(); ++i) {
    const Question& question = find->agreement().questions[i];
    if (question.on_no.action == Do::kAccept || question.on_no.notice_days >= days) continue;
    const std::string path = QuestionPath(i) + ".on_no";
    find->Add(path + ".notice_days",
              question.on_no.notice_days == 0
                  ? absl::StrCat(path, ", line ", find->At(path).position.line,
                                 ", needs `notice_days`: the person has ", days, " days to contest",
                                 which)
                  : absl::StrCat("the person has ", question.on_no.notice_days,
                                 " days to contest a NO; ", days, " at the least", which),
              absl::StrCat("write `notice_days: ", days, "` or more"));
  }
}

void Accounting(Finder* find) {
  const Agreement& agreement = find->agreement();
  const int64_t years = find->Figure("years");
  if (agreement.keep_ledger < absl::Hours(24 * 366) * years) {
    find->Add("protections.keep_ledger.at_least",
              absl::StrCat("the accounting of disclosures is kept for ",
                           SpanText(agreement.keep_ledger), ", less than ", years, " years"),
              absl::StrCat("write `at_least: \"", years, " years\"` or more"));
  }
  if (!agreement.keep_life_of_record) {
    find->Add(
        "protections.keep_ledger.or_life_of_record",
        absl::StrCat("the accounting of disclosures is kept ", years,
                     " years or as long as the record, whichever is longer; this does not say "
                     "so"),
        "write `or_life_of_record: true`");
  }
}

void TaxInformation(Finder* find) {
  for (size_t i = 0; i < find->agreement().cites.size(); ++i) {
    if (!absl::StartsWith(find->agreement().cites[i].cite, "26 U.S.C. 6103")) continue;
    find->Add(absl::StrCat("authority.cites[", i + 1, "].cite"),
              "a yes or no that is derived from a return is return information still",
              "see that the asking agency keeps answers under IRS Publication 1075");
    return;
  }
}

}  // namespace

std::vector<Check> FederalChecks() {
  return {{"us-federal/term", Term},
          {"us-federal/renewal-length", RenewalLength},
          {"us-federal/renewal-window", RenewalWindow},
          {"us-federal/renewal-certified", RenewalCertified},
          {"us-federal/renewal-once", RenewalOnce},
          {"us-federal/renewal-former-term", RenewalFormerTerm},
          {"us-federal/renewal-unchanged", RenewalUnchanged},
          {"us-federal/elements", Elements},
          {"us-federal/congress", Congress},
          {"us-federal/federal-register", FederalRegister},
          {"us-federal/board-approval", BoardApproval},
          {"us-federal/approval-late", ApprovalLate},
          {"us-federal/independent-verification", IndependentVerification},
          {"us-federal/notice-days", NoticeDays},
          {"us-federal/accounting", Accounting},
          {"us-federal/tax-information", TaxInformation}};
}

}  // namespace vouch::policies::lint
