#include "client/vouch/accounting.h"

#include <algorithm>
#include <map>
#include <set>
#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_split.h"
#include "client/vouch/console.h"
#include "crypto/log_entry.h"
#include "crypto/merkle.h"
#include "policies/engine/explain/html_page.h"
#include "policies/engine/explain/words.h"
#include "policies/engine/page_shell.h"
#include "policies/engine/refusal.h"

namespace vouch::client {
namespace {

namespace explain = policies::explain;
namespace oversight = server::ledger::oversight;

using policies::Reason;

std::string RefusalWords(Reason reason) {
  switch (reason) {
    case Reason::kPersonLimit:
      return "the agency had asked about this person as often as the agreement allows";
    case Reason::kAgreementLimit:
      return "the agency had asked as much as the agreement allows";
    case Reason::kKeyEpoch:
      return "the agency asked under a key that was out of use";
    case Reason::kRequestIdReused:
      return "the agency used one request number for two requests";
    case Reason::kBadRequestId:
      return "the request's number was not a good one";
    case Reason::kNotInAgreement:
      return "the agreement does not allow what was asked";
    case Reason::kMalformed:
      return "the request was not well formed";
    case Reason::kAgreementMismatch:
      return "the agency asked under another text of the agreement";
    case Reason::kAgreementNotInForce:
      return "the agreement was not in force";
    case Reason::kNotReady:
      return "this agency was not ready to answer";
    default:
      return absl::StrCat("reason ", policies::ReasonName(reason));
  }
}

// What the agreement's `tell` had the agency told of an UNDETERMINED; empty: nothing.
std::string ToldWords(policies::UndeterminedReason why) {
  switch (why) {
    case policies::UndeterminedReason::kNotTold:
      return "";
    case policies::UndeterminedReason::kNoRecord:
      return "nobody on record was found";
    case policies::UndeterminedReason::kSeveralFound:
      return "several people on record were found";
    case policies::UndeterminedReason::kMismatch:
      return "a record was found that did not fit wholly";
    case policies::UndeterminedReason::kTooOld:
      return "this agency's data was too old";
    case policies::UndeterminedReason::kNotHeld:
      return "this agency did not hold what was asked about";
    case policies::UndeterminedReason::kHeldBack:
      return "the record is held back";
    case policies::UndeterminedReason::kLimitUsedUp:
      return "a limit on questions was used up";
  }
  return absl::StrCat("reason number ", static_cast<int>(why));
}

std::string ParametersText(const policies::Parameters& parameters) {
  std::vector<std::string> parts;
  for (const auto& [name, value] : parameters) {
    parts.push_back(absl::StrCat(explain::NameWords(name), " ", explain::ParameterWords(value)));
  }
  return absl::StrJoin(parts, ", ");
}

std::string AddressOf(const policies::Agreement& agreement, absl::string_view requester) {
  const absl::string_view party = agreement.AskerBehind(requester);
  std::vector<std::string> parts;
  for (const policies::Contact& contact : agreement.contacts) {
    if (contact.party == party) parts.push_back(absl::StrCat(contact.role, ", ", contact.email));
  }
  std::string address = absl::StrJoin(parts, "; ");
  if (!party.empty() && party != requester) {
    address = absl::StrCat("acting for ", party, address.empty() ? "" : "; ", address);
  }
  return address;
}

std::string MinuteText(absl::Time at) {
  return absl::FormatTime("%Y-%m-%d %H:%M UTC", at, absl::UTCTimeZone());
}
std::string DayText(absl::Time at) { return absl::FormatTime("%Y-%m-%d", at, absl::UTCTimeZone()); }

// Label and value, as text and page alike show a line.
std::vector<std::pair<const char*, std::string>> FieldsOf(const AccountedLine& line) {
  const auto with = [](const std::string& text, const std::string& more) {
    return more.empty() || text == more ? text : absl::StrCat(text, " (", more, ")");
  };
  std::vector<std::pair<const char*, std::string>> fields;
  fields.emplace_back("Disclosed to", with(line.requester, line.address));
  fields.emplace_back("Nature", with(line.question, ParametersText(line.parameters)));
  fields.emplace_back("Outcome", line.outcome);
  fields.emplace_back("Purpose", line.purpose);
  fields.emplace_back("Agreement", line.agreement);
  const std::string also =
      line.also.empty() ? "" : absl::StrCat(" (and ", absl::StrJoin(line.also, ", "), ")");
  fields.emplace_back(
      "Ledger", absl::StrCat("entry ", line.index, also, line.log.empty() ? "" : " of ", line.log,
                             ", leaf ", line.leaf));
  return fields;
}

std::string Wrapped(absl::string_view text, size_t indent, size_t width = 96) {
  std::string out;
  size_t column = indent;
  for (const absl::string_view word : absl::StrSplit(text, ' ', absl::SkipEmpty())) {
    if (column > indent && column + 1 + word.size() > width) {
      absl::StrAppend(&out, "\n", std::string(indent, ' '));
      column = indent;
    } else if (column > indent) {
      out.push_back(' ');
      ++column;
    }
    absl::StrAppend(&out, word);
    column += word.size();
  }
  return out;
}

std::string PeriodText(const Accounting& accounting) {
  const bool open_start = accounting.from == absl::InfinitePast();
  const bool open_end = accounting.to == absl::InfiniteFuture();
  if (open_start && open_end) return "all the time that the ledger covers";
  const std::string until = open_end ? "today" : DayText(accounting.to - absl::Nanoseconds(1));
  return absl::StrCat("from ", open_start ? "the ledger's beginning" : DayText(accounting.from),
                      " to ", until);
}

size_t Refusals(const Accounting& accounting) {
  return static_cast<size_t>(
      std::count_if(accounting.lines.begin(), accounting.lines.end(),
                    [](const AccountedLine& line) { return line.answer == "REFUSED"; }));
}

std::vector<std::string> Preamble(const Accounting& accounting) {
  const size_t refusals = Refusals(accounting);
  std::vector<std::string> lines = {
      absl::StrCat("Responding agency: ", accounting.responder),
      absl::StrCat("Period: ", PeriodText(accounting)),
      absl::StrCat(
          "Made: ", MinuteText(accounting.made), ", from ", accounting.read, " entries of ledger ",
          accounting.logs.empty() ? accounting.origin : absl::StrJoin(accounting.logs, ", ")),
      absl::StrCat("Disclosures: ", accounting.lines.size() - refusals),
  };
  if (refusals > 0) {
    lines.push_back(absl::StrCat("Refusals: ", refusals, ", which disclosed nothing"));
  }
  return lines;
}

const char kWhat[] =
    "Each line is one question that another agency asked this agency about the person, and what "
    "it was told. Nothing but the outcome was disclosed: no name, number, amount or document. A "
    "refusal disclosed nothing. Times are those of the ledger, to the minute.";

const char kGroups[] =
    "A refusal of a question about a household is entered for the household as a whole, under no "
    "member's name: it disclosed nothing about anybody and is not listed here.";

}  // namespace

const policies::HeldAgreement* RevisionOf(absl::string_view agreement_id,
                                          const std::array<uint8_t, 8>& digest_prefix,
                                          const policies::Catalog& catalog) {
  for (const auto& held : catalog.all()) {
    if (held->agreement.id == agreement_id &&
        std::equal(digest_prefix.begin(), digest_prefix.end(), held->digest.begin())) {
      return held.get();
    }
  }
  return nullptr;
}

const policies::HeldAgreement* RevisionOf(const crypto::SubjectEntry& entry,
                                          const policies::Catalog& catalog) {
  return RevisionOf(entry.agreement_id, entry.digest_prefix, catalog);
}

bool ReadParameters(absl::string_view bytes, policies::Parameters* parameters) {
  if (bytes.empty()) return true;  // of a refusal
  crypto::ByteReader in(crypto::AsBytes(bytes));
  const uint16_t count = in.U16();
  for (uint16_t i = 0; i < count && in.ok(); ++i) {
    const std::string name(crypto::AsText(in.Field()));
    if (in.U8() == 1) {
      (*parameters)[name] = static_cast<int64_t>(in.U64());
    } else {
      (*parameters)[name] = std::string(crypto::AsText(in.Field()));
    }
  }
  return in.Finished();
}

AccountedLine LineOf(const oversight::Disclosure& disclosure, const policies::Catalog* catalog) {
  const crypto::SubjectEntry& entry = disclosure.entry;
  AccountedLine line;
  line.log = disclosure.log;
  line.index = disclosure.index_in_log;
  line.leaf = crypto::Hex(crypto::LeafHash(crypto::AsBytes(disclosure.bytes)));
  line.at = disclosure.at();
  line.requester = entry.requester;
  line.question_id = entry.question;
  line.purpose_id = entry.purpose;
  line.agreement_id = entry.agreement_id;
  const bool by_tokens = disclosure.tagged_to == crypto::SubjectKey::Subject::kTokens;
  bool alone = false;  // certainly no household, whose reason may be another member's
  if (!by_tokens) line.found = "one";
  const policies::HeldAgreement* held = catalog == nullptr ? nullptr : RevisionOf(entry, *catalog);
  line.question =
      entry.question.empty() ? "a question that the agreement does not list" : entry.question;
  line.purpose =
      entry.purpose.empty() ? "a purpose that the agreement does not list" : entry.purpose;
  line.agreement = absl::StrCat(entry.agreement_id,
                                held != nullptr ? "" : ", a revision whose text is not at hand");
  if (held != nullptr) {
    const policies::Agreement& agreement = held->agreement;
    line.revision = agreement.revision;
    line.agreement = absl::StrCat(agreement.id, ", revision ", agreement.revision, ": ",
                                  explain::OneLine(agreement.title));
    line.address = AddressOf(agreement, entry.requester);
    if (const policies::Question* question = agreement.FindQuestion(entry.question)) {
      line.question = explain::OneLine(question->ask);
      alone = question->group_at_most == 0;
    }
    for (const policies::Purpose& purpose : agreement.purposes) {
      if (purpose.id == entry.purpose) line.purpose = explain::OneLine(purpose.text);
    }
  }
  if (entry.kind == crypto::EntryKind::kRefused) {
    const auto reason = static_cast<Reason>(entry.reason);
    line.answer = "REFUSED";
    line.refusal = std::string(policies::ReasonName(reason));
    line.outcome = absl::StrCat("Refused, nothing was disclosed: ", RefusalWords(reason), ".");
    return line;
  }
  if (!disclosure.opened.has_value()) {
    line.outcome =
        "Answered. What was answered lies sealed beside the entry, and is damaged or "
        "not at hand.";
    return line;
  }
  const auto answer = static_cast<policies::Answer>(disclosure.opened->details.answer);
  line.answer = std::string(policies::AnswerName(answer));
  ReadParameters(disclosure.opened->details.parameters, &line.parameters);
  line.outcome = answer == policies::Answer::kUndetermined
                     ? "Answered UNDETERMINED: this agency could not or would not say yes or no."
                     : absl::StrCat("Answered ", line.answer, ".");
  // A part of what was disclosed: that somebody is, or is not, on record, for instance.
  const auto why = static_cast<policies::UndeterminedReason>(disclosure.opened->details.why);
  line.was_told = why != policies::UndeterminedReason::kNotTold;
  if (line.was_told && alone) {
    line.told = std::string(policies::UndeterminedReasonName(why));
    absl::StrAppend(&line.outcome, " The agency was told why: ", ToldWords(why), ".");
  } else if (line.was_told) {
    absl::StrAppend(&line.outcome,
                    " The agency was told why; of a household the reason may be another member's, "
                    "and is not said here.");
  }
  if (!by_tokens) return line;
  const auto reason =
      static_cast<policies::UndeterminedReason>(disclosure.opened->inner.undetermined_reason);
  if (alone && reason == policies::UndeterminedReason::kNoRecord) {
    line.found = "none";
    absl::StrAppend(&line.outcome, " Nobody on record was found.");
  } else if (alone && reason == policies::UndeterminedReason::kSeveralFound) {
    line.found = "several";
    absl::StrAppend(&line.outcome, " Several people on record were found, and none was chosen.");
  } else {
    absl::StrAppend(&line.outcome,
                    " The person was not found as one person on record: nobody was, or several.");
  }
  return line;
}

std::vector<AccountedLine> LinesOf(const std::vector<oversight::Disclosure>& found,
                                   const policies::Catalog* catalog) {
  std::vector<AccountedLine> lines;
  std::map<crypto::Digest, size_t> by_commitment;  // which no two answers share
  for (const oversight::Disclosure& one : found) {
    const auto [at, is_new] = by_commitment.emplace(one.entry.commitment, lines.size());
    if (is_new) {
      lines.push_back(LineOf(one, catalog));
    } else {
      lines[at->second].also.push_back(one.index_in_log);
    }
  }
  return lines;
}

std::string BeforeJournal(const oversight::LogExtent& extent) {
  if (extent.first == 0 || extent.logs.empty()) return "";
  const auto& oldest = extent.logs.front();
  return absl::StrCat("entries before entry ", extent.first - oldest.first, " of ", oldest.origin,
                      oldest.first > 0 ? ", and the logs before that," : "",
                      " are no longer in this journal (pruned, or archived) and were not looked "
                      "at.");
}

std::vector<std::string> DeclaredLosses(const oversight::LogExtent& extent) {
  std::vector<std::string> lines;
  lines.reserve(extent.losses.size());
  for (const oversight::DeclaredLoss& loss : extent.losses) {
    lines.push_back(absl::StrCat(
        crypto::LostEntries(loss.declared), " (counted from 1), and maybe more, written ",
        loss.since == absl::InfinitePast()
            ? std::string()
            : absl::StrCat("after ", MinuteText(loss.since), " and "),
        "before ", MinuteText(absl::FromUnixSeconds(static_cast<int64_t>(loss.declared.until))),
        ", are lost, as the ledger itself declares, and could not be looked at: nobody can tell "
        "here whom they were about."));
  }
  return lines;
}

std::string UnknownEntries(const oversight::DisclosureSearch& search) {
  if (search.unknown() == 0) return "";
  const bool one = search.unknown() == 1;
  return absl::StrCat(explain::Grouped(static_cast<int64_t>(search.unknown())),
                      one ? " entry is" : " entries are",
                      " of no kind that this program knows, written by a later version or damaged, "
                      "and could not be looked at.");
}

std::vector<std::string> MissingTexts(const oversight::DisclosureSearch& search,
                                      const policies::Catalog& catalog, absl::Time now) {
  std::set<std::string> without_file;
  for (const oversight::Period& period : search.periods()) {
    if (catalog.Find(period.agreement_id, now) == nullptr) without_file.insert(period.agreement_id);
  }
  std::vector<std::string> lines;
  lines.reserve(without_file.size());
  for (const std::string& id : without_file) {
    lines.push_back(absl::StrCat(
        id,
        ": the agreement's file is not here, so requests under it that found nobody cannot be "
        "looked for."));
  }
  for (const auto& [id, revision] : search.revisions()) {
    if (without_file.count(id) > 0 || RevisionOf(id, revision, catalog) != nullptr) continue;
    lines.push_back(absl::StrCat(
        id,
        ": the text of a revision under which answers were given is not here (its SHA-256 begins "
        "with ",
        crypto::Hex(revision),
        "), so requests under it that found nobody are looked for by the match keys of the others "
        "alone."));
  }
  return lines;
}

std::vector<std::string> ClosedMonths(const oversight::DisclosureSearch& search) {
  std::vector<std::string> lines;
  lines.reserve(search.closed().size());
  for (const auto& [period, entries] : search.closed()) {
    const bool in_part = search.periods().count(period) > 0;
    lines.push_back(absl::StrCat(
        period.agreement_id, ", ", oversight::MonthText(period.month), ": ",
        in_part ? "a key of the month is not here (lost, and another made)"
                : "the month's key is not here (destroyed when its time was over, or lost)",
        ", so nobody can tell any more whom ", in_part ? "" : "its ",
        explain::Counted(static_cast<int64_t>(entries), "line"), in_part ? " of it" : "",
        " in the ledger ", entries == 1 ? "is" : "are", " about."));
  }
  return lines;
}

std::string Accounting::Text() const {
  std::string out = "ACCOUNTING OF DISCLOSURES (5 U.S.C. 552a(c))\n\n";
  for (const std::string& line : Preamble(*this)) absl::StrAppend(&out, line, "\n");
  absl::StrAppend(&out, "\n", Wrapped(kWhat, 0), "\n");
  size_t number = 0;
  for (const AccountedLine& line : lines) {
    absl::StrAppend(&out, "\n", ++number, ". ", MinuteText(line.at), "\n");
    for (const auto& [label, value] : FieldsOf(line)) {
      const std::string head = absl::StrCat("   ", label, std::string(14 - strlen(label), ' '));
      absl::StrAppend(&out, head, Wrapped(explain::Visible(value), head.size()), "\n");
    }
  }
  absl::StrAppend(&out, "\nWhat this list does not hold\n");
  absl::StrAppend(&out, "- ", Wrapped(kGroups, 2), "\n");
  for (const std::string& gap : gaps) {
    absl::StrAppend(&out, "- ", Wrapped(explain::Visible(gap), 2), "\n");
  }
  return out;
}

std::string Accounting::Html() const {
  std::string out = absl::StrCat(
      policies::PageHead(
          policies::PageUse::kAlone,
          absl::StrCat("Accounting of disclosures, ", explain::Escaped(responder)),
          absl::StrCat(explain::HtmlStyle(),
                       "\nmain > ol > li { break-inside: avoid; margin-bottom: 1.4rem; }\n")),
      "<header>\n<p>5 U.S.C. 552a(c)</p>\n<h1>Accounting of "
      "disclosures</h1>\n<dl class=\"facts\">\n");
  for (const std::string& line : Preamble(*this)) {
    const std::pair<std::string, std::string> parts =
        absl::StrSplit(line, absl::MaxSplits(": ", 1));
    absl::StrAppend(&out, "<dt>", explain::Escaped(parts.first), "</dt><dd>",
                    explain::Escaped(parts.second), "</dd>\n");
  }
  absl::StrAppend(&out, "</dl>\n</header>\n<main>\n<p>", kWhat, "</p>\n<ol>\n");
  for (const AccountedLine& line : lines) {
    absl::StrAppend(&out, "<li><h3>", MinuteText(line.at), "</h3>\n<dl class=\"facts\">\n");
    for (const auto& [label, value] : FieldsOf(line)) {
      absl::StrAppend(&out, "<dt>", label, "</dt><dd dir=\"auto\">", explain::Escaped(value),
                      "</dd>\n");
    }
    out.append("</dl></li>\n");
  }
  absl::StrAppend(&out, "</ol>\n<h2>What this list does not hold</h2>\n<ul>\n<li>", kGroups,
                  "</li>\n");
  for (const std::string& gap : gaps) {
    absl::StrAppend(&out, "<li>", explain::Escaped(gap), "</li>\n");
  }
  absl::StrAppend(&out, "</ul>\n</main>\n", policies::kPageEnd);
  return out;
}

nlohmann::ordered_json Accounting::ToJson() const {
  nlohmann::ordered_json json;
  json["format"] = "vouch-accounting/1";
  json["responder"] = responder;
  json["log"] = {{"origin", origin}, {"first", first}, {"size", size}, {"read", read}};
  json["made"] = TimeText(made);
  if (from != absl::InfinitePast()) json["from"] = TimeText(from);
  if (to != absl::InfiniteFuture()) json["to"] = TimeText(to);
  json["answered"] = lines.size() - Refusals(*this);
  json["refused"] = Refusals(*this);
  json["disclosures"] = nlohmann::ordered_json::array();
  for (const AccountedLine& line : lines) {
    nlohmann::ordered_json one;
    one["at"] = TimeText(line.at);
    if (!line.log.empty()) one["log"] = line.log;
    one["index"] = line.index;
    if (!line.also.empty()) one["also"] = line.also;
    one["leaf"] = line.leaf;
    one["requester"] = line.requester;
    one["address"] = line.address;
    one["question"] = line.question_id;
    one["asked"] = line.question;
    one["parameters"] = nlohmann::ordered_json::object();
    for (const auto& [name, value] : line.parameters) {
      if (absl::holds_alternative<int64_t>(value)) {
        one["parameters"][name] = absl::get<int64_t>(value);
      } else {
        one["parameters"][name] = absl::get<std::string>(value);
      }
    }
    one["purpose"] = line.purpose_id;
    one["for"] = line.purpose;
    one["outcome"] = line.answer.empty() ? "SEALED" : line.answer;
    if (!line.refusal.empty()) one["reason"] = line.refusal;
    if (line.was_told) {
      one["told_why"] =
          line.told.empty() ? nlohmann::ordered_json() : nlohmann::ordered_json(line.told);
    }
    const bool known = !line.found.empty();
    one["found"] = known ? nlohmann::ordered_json(line.found) : nlohmann::ordered_json();
    one["found_on_record"] =
        known ? nlohmann::ordered_json(line.found != "none") : nlohmann::ordered_json();
    one["agreement"] = line.agreement_id;
    one["revision"] = line.revision;
    json["disclosures"].push_back(std::move(one));
  }
  json["not_included"] = gaps;
  return json;
}

}  // namespace vouch::client
