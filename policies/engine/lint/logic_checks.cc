// Rule pack logic: what the parts of an agreement make of each other.
#include <algorithm>
#include <map>
#include <set>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "policies/engine/lint/checks.h"
#include "policies/engine/lint/condition_logic.h"
#include "policies/engine/question.h"

namespace vouch::policies::lint {
namespace {

constexpr absl::Duration kDay = absl::Hours(24);

std::string ValuesText(const Parameters& parameters) {
  return absl::StrJoin(parameters, ", ", [](std::string* out, const Parameters::value_type& one) {
    absl::StrAppend(out, one.first, " ",
                    absl::holds_alternative<int64_t>(one.second)
                        ? absl::StrCat(absl::get<int64_t>(one.second))
                        : absl::get<std::string>(one.second));
  });
}

template <typename F>
void EachReasoned(Finder* find, F visit) {
  const std::vector<ConditionLogic>& logic = find->logic();
  for (size_t q = 0; q < logic.size(); ++q) visit(q, logic[q]);
}

std::string FactsOf(const Finder& find, size_t question) {
  std::set<std::string> facts;
  ForEachLeaf(find.agreement(), question, [&](const Condition& leaf, const std::string&) {
    facts.insert(absl::StrCat("`", leaf.fact, "`"));
  });
  return absl::StrJoin(facts, ", ");
}

void NeverYes(Finder* find) {
  EachReasoned(find, [find](size_t q, const ConditionLogic& logic) {
    if (!logic.judged || logic.can_yes) return;
    find->Add(QuestionPath(q) + ".yes_when",
              absl::StrCat("the answer can never be YES: no values of ", FactsOf(*find, q),
                           " meet this condition"),
              "look for two comparisons that exclude each other, or a `not` too many");
  });
}

void NeverNo(Finder* find) {
  EachReasoned(find, [find](size_t q, const ConditionLogic& logic) {
    if (!logic.judged || logic.can_no) return;
    find->Add(QuestionPath(q) + ".yes_when",
              absl::StrCat("the answer can never be NO: all values of ", FactsOf(*find, q),
                           " meet this condition, so that YES only says who is on record"),
              "look for comparisons under `any_of` that together cover everything");
  });
}

void ImpossibleValues(Finder* find) {
  EachReasoned(find, [find](size_t q, const ConditionLogic& logic) {
    if (!logic.judged) return;
    const auto report = [&](const std::vector<Parameters>& never, absl::string_view answer) {
      if (never.empty()) return;
      find->Add(QuestionPath(q) + ".yes_when",
                absl::StrCat("with ", ValuesText(never[0]), never.size() > 1 ? " (and others)" : "",
                             " the answer can never be ", answer),
                "mend the row for these values, or take them out of the parameter");
    };
    report(logic.never_yes, "YES");
    report(logic.never_no, "NO");
  });
}

void EachLeafOf(Finder* find, size_t question, const std::vector<size_t>& leaves,
                const std::function<void(const Condition&, const std::string&)>& visit) {
  size_t number = 0;
  ForEachLeaf(find->agreement(), question, [&](const Condition& leaf, const std::string& path) {
    if (std::find(leaves.begin(), leaves.end(), number++) != leaves.end()) visit(leaf, path);
  });
}

void ConstantCondition(Finder* find) {
  EachReasoned(find, [find](size_t q, const ConditionLogic& logic) {
    if (!logic.judged || !logic.can_yes || !logic.can_no) return;
    const auto report = [&](const std::vector<size_t>& leaves, absl::string_view how,
                            absl::string_view mend) {
      EachLeafOf(find, q, leaves, [&](const Condition& leaf, const std::string& path) {
        find->AddAt(
            find->rule().severity, leaf.position, path,
            absl::StrCat("this comparison of `", leaf.fact, "` is ", how, ", whatever the value"),
            std::string(mend));
      });
    };
    report(logic.always_true, "always met", "mend its threshold, or delete it");
    report(logic.always_false, "never met", "mend its threshold, or delete it");
  });
}

void RedundantCondition(Finder* find) {
  EachReasoned(find, [find](size_t q, const ConditionLogic& logic) {
    if (!logic.judged || !logic.can_yes || !logic.can_no) return;
    EachLeafOf(find, q, logic.redundant, [&](const Condition& leaf, const std::string& path) {
      find->AddAt(find->rule().severity, leaf.position, path,
                  absl::StrCat("this comparison of `", leaf.fact,
                               "` never decides: the others give the same answer without it"),
                  "delete it, or mend its threshold");
    });
  });
}

void NotJudged(Finder* find) {
  EachReasoned(find, [find](size_t q, const ConditionLogic& logic) {
    if (logic.judged || (logic.can_yes && logic.can_no)) return;
    bool reported_elsewhere = false;
    ForEachLeaf(find->agreement(), q, [&](const Condition& leaf, const std::string&) {
      reported_elsewhere = reported_elsewhere || leaf.threshold.share.has_value();
    });
    if (reported_elsewhere) return;
    find->Add(QuestionPath(q) + ".yes_when",
              "this condition has too many combinations of values to go through, so whether it can "
              "be YES and NO was not judged",
              "ask several smaller questions");
  });
}

// ---- tables

template <typename F>
void EachShare(Finder* find, F visit) {
  const ReferenceTables* tables = find->file().agreed.tables;
  if (tables == nullptr) return;
  for (size_t q = 0; q < find->agreement().questions.size(); ++q) {
    ForEachLeaf(find->agreement(), q, [&](const Condition& leaf, const std::string& path) {
      if (!leaf.threshold.share.has_value()) return;
      const ReferenceTable* table = tables->Find(leaf.threshold.share->table);
      if (table == nullptr) return;
      visit(find->agreement().questions[q], *leaf.threshold.share, *table,
            absl::StrCat(path, ".", ComparisonKey(leaf.comparison)));
    });
  }
}

// The editions that a share may use within the term, the oldest first.
std::vector<const ReferenceTable::Edition*> UsedEditions(const Agreement& agreement,
                                                         const Threshold::TableShare& share,
                                                         const ReferenceTable& table) {
  std::vector<const ReferenceTable::Edition*> used;
  for (size_t e = 0; e < table.editions.size(); ++e) {
    const ReferenceTable::Edition& edition = table.editions[e];
    if (share.edition != "in-force") {
      if (edition.year == share.edition) used.push_back(&edition);
      continue;
    }
    const bool replaced =
        e + 1 < table.editions.size() && table.editions[e + 1].effective <= agreement.effective;
    if (edition.effective <= agreement.expires && !replaced) used.push_back(&edition);
  }
  return used;
}

void EditionMissing(Finder* find) {
  EachShare(find, [find](const Question&, const Threshold::TableShare& share,
                         const ReferenceTable& table, const std::string& path) {
    std::vector<std::string> years;
    for (const ReferenceTable::Edition& edition : table.editions) years.push_back(edition.year);
    const auto used = UsedEditions(find->agreement(), share, table);
    if (used.empty()) {
      find->Add(path + ".edition",
                share.edition == "in-force"
                    ? absl::StrCat("no edition of `", table.name, "` is in force within the term")
                    : absl::StrCat("`", table.name, "` has no edition ", share.edition),
                absl::StrCat("write one of ", absl::StrJoin(years, ", "),
                             ", or pin a table that has it"));
    } else if (share.edition == "in-force" &&
               used.front()->effective > find->agreement().effective) {
      find->Add(
          path + ".edition",
          absl::StrCat("until ", absl::FormatCivilTime(used.front()->effective), " no edition of `",
                       table.name, "` is in force, and every answer is UNDETERMINED"),
          "name an edition, or let the agreement begin later");
    }
  });
}

void RegionMissing(Finder* find) {
  EachShare(find, [find](const Question& question, const Threshold::TableShare& share,
                         const ReferenceTable& table, const std::string& path) {
    const auto region = share.row.find("region");
    for (const ReferenceTable::Edition* edition : UsedEditions(find->agreement(), share, table)) {
      std::set<std::string> known;
      for (const ReferenceTable::Row& row : edition->rows) known.insert(row.region);
      if (region == share.row.end()) {
        if (known.count("") > 0) continue;
        find->Add(path + ".row",
                  absl::StrCat("edition ", edition->year, " of `", table.name,
                               "` has amounts by region, and this names none: every answer is "
                               "UNDETERMINED"),
                  "name the parameter that says which region");
        return;
      }
      for (const ParameterRule& rule : question.parameters) {
        if (rule.name != region->second) continue;
        for (const std::string& code : rule.codes) {
          if (known.count(code) > 0) continue;
          const std::vector<std::string> names(known.begin(), known.end());
          const std::string near = Nearest(code, names);
          find->Add(path + ".row.region",
                    absl::StrCat("edition ", edition->year, " of `", table.name,
                                 "` has no region `", code, "`, which `", rule.name,
                                 "` may be: such answers are all UNDETERMINED"),
                    near.empty() ? absl::StrCat("the regions are ", absl::StrJoin(names, ", "))
                                 : absl::StrCat("did you mean \"", near, "\"?"));
        }
      }
    }
  });
}

void EditionChanges(Finder* find) {
  EachShare(find, [find](const Question&, const Threshold::TableShare& share,
                         const ReferenceTable& table, const std::string& path) {
    if (share.edition != "in-force") return;
    const auto used = UsedEditions(find->agreement(), share, table);
    for (size_t i = 1; i < used.size(); ++i) {
      find->Add(
          path + ".edition",
          absl::StrCat("on ", absl::FormatCivilTime(used[i]->effective),
                       ", within the term, the threshold changes from edition ", used[i - 1]->year,
                       " to ", used[i]->year, " (", Shown(used[i]->citation), ")"),
          "see that the program changes on that very day, or name the edition it uses");
    }
  });
}

void EditionPinned(Finder* find) {
  EachShare(find, [find](const Question&, const Threshold::TableShare& share,
                         const ReferenceTable& table, const std::string& path) {
    if (share.edition != "in-force" || table.editions.empty()) return;
    const ReferenceTable::Edition& last = table.editions.back();
    const absl::CivilDay a_year_on = last.effective + 366;
    if (find->agreement().expires < a_year_on) return;
    find->Add(path + ".edition",
              absl::StrCat("the pinned table ends with edition ", last.year, ", in force from ",
                           absl::FormatCivilTime(last.effective),
                           "; one that is published later counts only after a revision that pins "
                           "it"),
              "plan a revision for the next edition, or name the edition");
  });
}

// Rows whose amounts rise with the household and then fall, or the reverse: most often one digit
// too few.
void RowOutOfOrder(Finder* find) {
  for (size_t q = 0; q < find->agreement().questions.size(); ++q) {
    ForEachLeaf(find->agreement(), q, [&](const Condition& leaf, const std::string& path) {
      const std::vector<Threshold::Row>& rows = leaf.threshold.rows;
      if (rows.size() < 3) return;
      const auto counted = std::find_if(
          rows[0].when.begin(), rows[0].when.end(),
          [](const auto& entry) { return absl::holds_alternative<int64_t>(entry.second); });
      if (counted == rows[0].when.end()) return;
      const std::string name = counted->first;
      std::map<std::string, std::map<int64_t, size_t>> series;
      for (size_t i = 0; i < rows.size(); ++i) {
        Parameters rest = rows[i].when;
        const auto at = rest.find(name);
        if (at == rest.end() || !absl::holds_alternative<int64_t>(at->second)) return;
        const int64_t number = absl::get<int64_t>(at->second);
        rest.erase(at);
        series[ValuesText(rest)][number] = i;
      }
      for (const auto& [rest, numbers] : series) {
        std::vector<size_t> order;
        for (const auto& [number, row] : numbers) order.push_back(row);
        const auto amount = [&](size_t i) { return rows[order[i]].value.number; };
        size_t rises = 0;
        size_t falls = 0;
        for (size_t i = 1; i < order.size(); ++i) {
          rises += amount(i) > amount(i - 1) ? 1 : 0;
          falls += amount(i) < amount(i - 1) ? 1 : 0;
        }
        if (rises == 0 || falls == 0) continue;
        for (size_t i = 1; i < order.size(); ++i) {
          const bool against =
              rises >= falls ? amount(i) < amount(i - 1) : amount(i) > amount(i - 1);
          if (!against) continue;
          const FactType type = rows[order[i]].value.type;
          find->Add(
              absl::StrCat(path, ".", ComparisonKey(leaf.comparison), ".rows[", order[i] + 1, "]"),
              absl::StrCat("the row for ", ValuesText(rows[order[i]].when), " is ",
                           AmountText(type, amount(i)), ", ", rises >= falls ? "less" : "more",
                           " than the one before it, ", AmountText(type, amount(i - 1)),
                           ", while the others ", rises >= falls ? "rise" : "fall"),
              "look for a digit too few or too many, in this row or the one before");
          break;
        }
      }
    });
  }
}

// ---- time

void PeriodNotEnded(Finder* find) {
  const absl::CivilDay expires = find->agreement().expires;
  for (size_t q = 0; q < find->agreement().questions.size(); ++q) {
    ForEachLeaf(find->agreement(), q, [&](const Condition& leaf, const std::string& path) {
      if (leaf.period.kind != PeriodRule::Kind::kFixed) return;
      const Period& period = leaf.period.fixed;
      absl::CivilDay ends;
      if (period.kind == PeriodKind::kTaxYear) {
        ends = absl::CivilDay(period.number, 12, 31);
      } else if (period.kind == PeriodKind::kMonth) {
        ends = absl::CivilDay(absl::CivilMonth(period.number / 12, period.number % 12 + 1) + 1) - 1;
      } else {
        return;
      }
      if (ends < expires) return;
      find->Add(path + ".period",
                absl::StrCat(leaf.period.text, " ends on ", absl::FormatCivilTime(ends),
                             ", not before the agreement does: nothing will be held for it, and "
                             "every answer is UNDETERMINED"),
                period.kind == PeriodKind::kTaxYear
                    ? "write an earlier year, or \"latest-filed-tax-year\""
                    : "write an earlier month, or \"last-full-month\"");
    });
  }
}

// ---- questions and limits against each other

void DuplicateQuestion(Finder* find) {
  std::map<std::string, size_t> seen;
  const auto& questions = find->agreement().questions;
  for (size_t q = 0; q < questions.size(); ++q) {
    Question nameless = questions[q];
    nameless.id.clear();
    std::string label = absl::StrCat(ValueLabel(nameless, {}), "|", nameless.group_at_most);
    for (const ParameterRule& rule : nameless.parameters) {
      absl::StrAppend(&label, "|", rule.name, absl::StrJoin(rule.codes, ","));
      if (rule.range.has_value()) {
        absl::StrAppend(&label, rule.range->first, "-", rule.range->second);
      }
    }
    const auto [first, added] = seen.emplace(label, q);
    if (added) continue;
    find->Add(
        QuestionPath(q) + ".id",
        absl::StrCat("`", questions[q].id, "` asks the same as `", questions[first->second].id,
                     "` in line ", questions[first->second].position.line,
                     "; each counts as a value of its own"),
        "delete one of them, or mend its condition");
  }
}

uint64_t VariantsOf(const Agreement& agreement) {
  uint64_t all = 0;
  for (const Question& question : agreement.questions) {
    uint64_t count = 1;
    for (const ParameterRule& rule : question.parameters) {
      count *= rule.range.has_value()
                   ? static_cast<uint64_t>(rule.range->second - rule.range->first + 1)
                   : rule.codes.size();
    }
    all += count;
  }
  return all;
}

void LimitUnreachable(Finder* find) {
  const Limits& limits = find->agreement().limits;
  const std::string values = "limits.per_person.different_values.count";
  const uint64_t variants = VariantsOf(find->agreement());
  if (static_cast<uint64_t>(limits.different_values.count) > variants) {
    find->Add(values,
              absl::StrCat("there are ", variants,
                           " different questions and parameter values in all, so a limit of ",
                           limits.different_values.count, " bounds nothing"),
              "write how many one case needs");
  } else if (limits.different_values.count > limits.times_asked.count &&
             limits.times_asked.every >= limits.different_values.every) {
    find->Add(values,
              absl::StrCat(limits.different_values.count, " different values cannot be tried with ",
                           limits.times_asked.count, " times asked"),
              "mend the one that is wrong");
  }
  if (limits.new_people.count > limits.whole_agreement.count &&
      limits.whole_agreement.every >= limits.new_people.every) {
    find->Add("limits.new_people.count",
              absl::StrCat(limits.new_people.count, " new people cannot be asked about with ",
                           limits.whole_agreement.count, " answers in all"),
              "mend the one that is wrong");
  }
}

void EvaluationsTooLow(Finder* find) {
  const Agreement& agreement = find->agreement();
  if (agreement.token_kind != TokenKind::kBlind) return;
  uint64_t members = 1;
  for (const Question& question : agreement.questions) {
    members = std::max(members, static_cast<uint64_t>(std::max(0, question.group_at_most)));
  }
  const uint64_t a_subject = members * agreement.match.size();
  const uint64_t people = UsableWithin(agreement.limits.new_people, kDay);
  const uint64_t evaluations = UsableWithin(agreement.limits.evaluations, kDay);
  if (people <= evaluations / a_subject) return;
  find->Add("limits.evaluations.count",
            absl::StrCat(people, " new people a day need ", a_subject,
                         " evaluations each (one a match key",
                         members > 1 ? " and member, padding included" : "", "); ", evaluations,
                         " a day are enough for ", evaluations / a_subject),
            "raise it, or lower new_people");
}

void NoticeWithoutCheck(Finder* find) {
  for (size_t q = 0; q < find->agreement().questions.size(); ++q) {
    const Question& question = find->agreement().questions[q];
    const auto look = [&](const Obligation& obligation, absl::string_view key) {
      if (obligation.action != Do::kAccept || obligation.notice_days == 0) return;
      find->Add(absl::StrCat(QuestionPath(q), ".", key, ".notice_days"),
                absl::StrCat("the answer is relied on at once, so nobody waits ",
                             obligation.notice_days, " days"),
                "write `do: \"verify-independently\"`, or delete notice_days");
    };
    look(question.on_yes, "on_yes");
    look(question.on_no, "on_no");
  }
}

}  // namespace

std::vector<Check> LogicChecks() {
  return {{"logic/never-yes", NeverYes},
          {"logic/never-no", NeverNo},
          {"logic/impossible-values", ImpossibleValues},
          {"logic/constant-condition", ConstantCondition},
          {"logic/redundant-condition", RedundantCondition},
          {"logic/not-judged", NotJudged},
          {"logic/edition-missing", EditionMissing},
          {"logic/region-missing", RegionMissing},
          {"logic/edition-changes", EditionChanges},
          {"logic/edition-pinned", EditionPinned},
          {"logic/row-out-of-order", RowOutOfOrder},
          {"logic/period-not-ended", PeriodNotEnded},
          {"logic/duplicate-question", DuplicateQuestion},
          {"logic/limit-unreachable", LimitUnreachable},
          {"logic/evaluations-too-low", EvaluationsTooLow},
          {"logic/notice-without-check", NoticeWithoutCheck}};
}

}  // namespace vouch::policies::lint
