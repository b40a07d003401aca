#include "policies/engine/cases/results.h"

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_replace.h"

namespace vouch::policies::cases {
namespace {

Position PositionOf(const Check& check, const AgreementPlace& place) {
  if (place.root == nullptr || check.path.empty()) return {};
  return NodeAt(*place.root, check.path).position;
}

std::string At(const std::string& file, Position position) {
  if (position.line < 1) return file;
  return absl::StrCat(file, ":", position.line, ":", position.column);
}

absl::string_view StateWord(CheckState state) {
  switch (state) {
    case CheckState::kPassed:
      return "passed";
    case CheckState::kStopped:
      return "STOPPED";
    case CheckState::kNotReached:
      return "not reached";
  }
  return "";
}

std::string Padded(absl::string_view text, size_t width) {
  std::string out(text);
  if (out.size() < width) out.append(width - out.size(), ' ');
  return out;
}

std::string ContactText(const Contact& contact) {
  return absl::StrCat(Shown(contact.role), " of ", Shown(contact.party), ", ",
                      Shown(contact.email));
}

std::string OutcomeText(const Simulation& simulation) {
  if (simulation.refused.has_value()) {
    return absl::StrCat("REFUSED (", RefusedName(*simulation.refused), "); the caller is told ",
                        simulation.reason);
  }
  std::string text = absl::StrCat("ANSWER ", AnswerName(simulation.answer));
  if (simulation.because != UndeterminedReason::kNotTold) {
    absl::StrAppend(&text, " (", BecauseName(simulation.because),
                    "; stays inside the answering agency unless `tell` says otherwise)");
  }
  if (simulation.obligation.has_value()) {
    absl::StrAppend(&text, "; the asker has to: ", DoName(simulation.obligation->action));
    if (simulation.obligation->notice_days > 0) {
      absl::StrAppend(&text, ", with ", simulation.obligation->notice_days, " days' notice");
    }
  }
  return text;
}

Json JudgementJson(const Judgement& judgement) {
  Json json{{"answer", judgement.answer == Answer::kUndetermined
                           ? "UNKNOWN"
                           : std::string(AnswerName(judgement.answer))},
            {"what", judgement.what}};
  if (judgement.kind == Condition::Kind::kLeaf) {
    json["actual"] = judgement.actual;
    json["required"] = judgement.required;
  }
  json["line"] = judgement.position.line;
  if (!judgement.parts.empty()) {
    json["parts"] = Json::array();
    for (const Judgement& part : judgement.parts) json["parts"].push_back(JudgementJson(part));
  }
  return json;
}

Json FindingJson(const Finding& finding) {
  return Json{{"rule", finding.rule},          {"file", finding.file},
              {"line", finding.position.line}, {"column", finding.position.column},
              {"message", finding.message},    {"mend", finding.mend}};
}

std::string Failure(const CaseResult& result, absl::string_view file, const AgreementPlace& place) {
  std::string text = absl::StrCat("FAILED ", At(std::string(file), result.position), "  ",
                                  Shown(result.name, 300), "\n");
  absl::StrAppend(&text, "  expected: ", result.expected, "\n  actual:   ", result.actual, "\n");
  for (const Finding& finding : result.findings) {
    absl::StrAppend(&text, "  ", At(finding.file, finding.position), ": ", finding.message, " [",
                    finding.rule, "]\n    mend: ", finding.mend, "\n");
  }
  if (!result.simulation.has_value()) return text;
  for (const Check& check : result.simulation->checks) {
    if (check.state != CheckState::kStopped) continue;
    absl::StrAppend(&text, "  stopped by ", check.name, " [",
                    At(place.file, PositionOf(check, place)), "]: ", check.actual,
                    "; required: ", check.required, "\n");
  }
  if (result.simulation->judgement.has_value()) {
    text += JudgementText(*result.simulation->judgement, place.file, "  ");
  }
  return text;
}

std::string Escaped(absl::string_view text) {
  // Characters that XML cannot hold at all were written as \u{...} by Shown.
  return absl::StrReplaceAll(
      text, {{"&", "&amp;"}, {"<", "&lt;"}, {">", "&gt;"}, {"\"", "&quot;"}, {"'", "&apos;"}});
}

}  // namespace

std::string SimulationText(const Simulation& simulation, const AgreementPlace& place) {
  std::string text;
  for (const Check& check : simulation.checks) {
    absl::StrAppend(&text, "  ", Padded(StateWord(check.state), 12));
    if (check.state == CheckState::kNotReached) {
      text += check.name;
    } else {
      absl::StrAppend(&text, Padded(check.name, 11), check.actual, "; required: ", check.required);
      if (check.state == CheckState::kStopped) {
        absl::StrAppend(&text, "\n", std::string(25, ' '), "at ",
                        At(place.file, PositionOf(check, place)));
        if (!check.mend.empty()) {
          absl::StrAppend(&text, "\n", std::string(25, ' '), "mend: ", check.mend);
        }
        for (const Contact& contact : check.who) {
          absl::StrAppend(&text, "\n", std::string(25, ' '), "who:  ", ContactText(contact));
        }
      }
    }
    text += "\n";
  }
  if (simulation.judgement.has_value()) {
    absl::StrAppend(&text, "\nWhy (facts as you supposed them):\n",
                    JudgementText(*simulation.judgement, place.file, "  "));
  }
  absl::StrAppend(&text, "\n", OutcomeText(simulation));
  return text;
}

Json SimulationJson(const Simulation& simulation, const AgreementPlace& place) {
  Json json;
  if (simulation.refused.has_value()) {
    json["outcome"] = "refused";
    json["refused"] = std::string(RefusedName(*simulation.refused));
    json["reason"] = std::string(simulation.reason);
    json["message"] = simulation.message;
  } else {
    json["outcome"] = "answered";
    json["answer"] = std::string(AnswerName(simulation.answer));
    json["because"] = std::string(BecauseName(simulation.because));
    if (simulation.obligation.has_value()) {
      json["do"] = std::string(DoName(simulation.obligation->action));
      json["notice_days"] = simulation.obligation->notice_days;
    }
  }
  json["checks"] = Json::array();
  for (const Check& check : simulation.checks) {
    Json one{{"check", check.name},
             {"state", absl::AsciiStrToLower(StateWord(check.state))},
             {"actual", check.actual},
             {"required", check.required}};
    if (check.state == CheckState::kStopped) {
      const Position position = PositionOf(check, place);
      one["file"] = place.file;
      one["line"] = position.line;
      one["column"] = position.column;
      one["path"] = check.path;
      one["mend"] = check.mend;
      one["who"] = Json::array();
      for (const Contact& contact : check.who) {
        one["who"].push_back(
            {{"party", contact.party}, {"role", contact.role}, {"email", contact.email}});
      }
    }
    json["checks"].push_back(std::move(one));
  }
  if (simulation.judgement.has_value()) json["why"] = JudgementJson(*simulation.judgement);
  return json;
}

std::string RunText(const CasesRun& run, absl::string_view file, const AgreementPlace& place) {
  std::string text;
  for (const CaseResult& result : run.results) {
    if (!result.passed) absl::StrAppend(&text, Failure(result, file, place), "\n");
  }
  for (const Finding& finding : run.findings) {
    absl::StrAppend(&text, file, ": ", finding.message, " [", finding.rule,
                    "]\n  mend: ", finding.mend, "\n");
  }
  absl::StrAppend(&text, "Coverage (cases by what they expect)\n");
  size_t width = 10;
  for (const auto& of : run.coverage.questions) width = std::max(width, of.id.size() + 2);
  absl::StrAppend(&text, "  ", Padded("question", width), "YES  NO   UNDETERMINED  refused\n");
  for (const auto& of : run.coverage.questions) {
    absl::StrAppend(&text, "  ", Padded(of.id, width), Padded(absl::StrCat(of.yes), 5),
                    Padded(absl::StrCat(of.no), 5), Padded(absl::StrCat(of.undetermined), 14),
                    of.refused, "\n");
  }
  std::vector<std::string> tried;
  for (const auto& [refused, count] : run.coverage.refusals) {
    tried.push_back(absl::StrCat(RefusedName(refused), " ", count));
  }
  absl::StrAppend(&text, "  refusals tried: ", tried.empty() ? "none" : absl::StrJoin(tried, ", "),
                  "\n");
  std::vector<std::string> untried = run.coverage.never;
  for (Refused refused : run.coverage.untried) {
    untried.push_back(absl::StrCat("no case refused for ", RefusedName(refused)));
  }
  for (const std::string& one : untried) absl::StrAppend(&text, "  not tried: ", one, "\n");
  absl::StrAppend(&text, run.results.size(), run.results.size() == 1 ? " case, " : " cases, ",
                  run.results.size() - run.failed, " passed, ", run.failed, " failed.");
  return text;
}

Json RunJson(const CasesRun& run, absl::string_view file, const AgreementPlace& place) {
  Json json{{"file", std::string(file)},
            {"agreement", place.file},
            {"cases", run.results.size()},
            {"failed", run.failed},
            {"passed", run.passed()}};
  json["findings"] = Json::array();
  for (const Finding& finding : run.findings) json["findings"].push_back(FindingJson(finding));
  json["results"] = Json::array();
  for (const CaseResult& result : run.results) {
    Json one{{"name", result.name},
             {"passed", result.passed},
             {"generated", result.generated},
             {"line", result.position.line},
             {"column", result.position.column},
             {"expected", result.expected},
             {"actual", result.actual}};
    one["findings"] = Json::array();
    for (const Finding& finding : result.findings) one["findings"].push_back(FindingJson(finding));
    if (!result.passed && result.simulation.has_value()) {
      one["simulation"] = SimulationJson(*result.simulation, place);
    }
    json["results"].push_back(std::move(one));
  }
  Json coverage;
  coverage["questions"] = Json::array();
  for (const auto& of : run.coverage.questions) {
    coverage["questions"].push_back({{"question", of.id},
                                     {"YES", of.yes},
                                     {"NO", of.no},
                                     {"UNDETERMINED", of.undetermined},
                                     {"refused", of.refused}});
  }
  coverage["refusals"] = Json::object();
  for (const auto& [refused, count] : run.coverage.refusals) {
    coverage["refusals"][std::string(RefusedName(refused))] = count;
  }
  coverage["not_tried"] = Json::array();
  for (const std::string& never : run.coverage.never) coverage["not_tried"].push_back(never);
  for (Refused refused : run.coverage.untried) {
    coverage["not_tried"].push_back(std::string(RefusedName(refused)));
  }
  json["coverage"] = std::move(coverage);
  return json;
}

std::string RunJUnit(const CasesRun& run, absl::string_view file, const AgreementPlace& place) {
  const size_t whole = run.findings.size();
  std::string xml = absl::StrCat(
      "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<testsuite name=\"", Escaped(Shown(file, 300)),
      "\" tests=\"", run.results.size() + whole, "\" failures=\"", run.failed + whole, "\">\n");
  for (const Finding& finding : run.findings) {
    absl::StrAppend(&xml, "  <testcase classname=\"", Escaped(Shown(place.file, 300)), "\" name=\"",
                    Escaped(finding.rule), "\">\n    <failure message=\"", Escaped(finding.message),
                    "\"/>\n  </testcase>\n");
  }
  for (const CaseResult& result : run.results) {
    absl::StrAppend(&xml, "  <testcase classname=\"", Escaped(Shown(place.file, 300)), "\" name=\"",
                    Escaped(Shown(result.name, 300)), "\"");
    if (result.passed) {
      xml += "/>\n";
      continue;
    }
    absl::StrAppend(&xml, ">\n    <failure message=\"expected ", Escaped(result.expected), ", got ",
                    Escaped(result.actual), "\">", Escaped(Failure(result, file, place)),
                    "</failure>\n  </testcase>\n");
  }
  return xml + "</testsuite>\n";
}

}  // namespace vouch::policies::cases
