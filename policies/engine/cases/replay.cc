#include "policies/engine/cases/replay.h"

#include <algorithm>
#include <vector>

#include "absl/strings/str_cat.h"
#include "policies/engine/authorize.h"
#include "policies/engine/question.h"

namespace vouch::policies::cases {
namespace {

// nullopt: refused.
absl::optional<Answer> Outcome(const Revision& revision, bool consented, const PastRequest& request,
                               const FactSource& facts) {
  const Agreement& agreement = revision.held->agreement;
  Asked asked;
  asked.requester = request.requester;
  asked.agreement_id = agreement.id;
  asked.digest = revision.held->digest;
  asked.question = request.question;
  asked.purpose = request.purpose;
  asked.parameters = &request.parameters;
  asked.tokens = agreement.match.size();
  asked.consents = agreement.consent_required && consented ? 1 : 0;
  const auto verdict = Authorizer::Authorize(revision.catalog, asked, agreement.effective_from);
  const Permit* permit = absl::get_if<Permit>(&verdict);
  if (permit == nullptr) return absl::nullopt;
  if (request.undetermined_by_records) return Answer::kUndetermined;
  return EvaluateQuestion(permit->question(), request.parameters, facts, permit->catalog().tables(),
                          absl::ToCivilDay(request.at, agreement.zone()));
}

}  // namespace

absl::string_view ChangeName(Change change) {
  switch (change) {
    case Change::kSame:
      return "same";
    case Change::kYesToNo:
      return "YES -> NO";
    case Change::kNoToYes:
      return "NO -> YES";
    case Change::kToUndetermined:
      return "-> UNDETERMINED";
    case Change::kFromUndetermined:
      return "UNDETERMINED -> YES or NO";
    case Change::kToRefused:
      return "-> refused";
    case Change::kFromRefused:
      return "refused -> answered";
  }
  return "";
}

absl::string_view NotReplayedName(NotReplayed why) {
  switch (why) {
    case NotReplayed::kNobodyFound:
      return "not replayed: nobody found then, or no longer in the records";
    case NotReplayed::kKeyDestroyed:
      return "not replayed: the month's key was destroyed";
    case NotReplayed::kGroup:
      return "not replayed: about a group";
    case NotReplayed::kDamaged:
      return "not replayed: cannot be opened";
  }
  return "";
}

Change ReplayOne(const Revision& current, const Revision& draft, const PastRequest& request,
                 const FactSource& facts) {
  // Who was answered under an agreement that asks for consent had given it.
  const bool consented = current.held->agreement.consent_required;
  const absl::optional<Answer> before = Outcome(current, consented, request, facts);
  const absl::optional<Answer> after = Outcome(draft, consented, request, facts);
  if (before == after) return Change::kSame;
  if (!after.has_value()) return Change::kToRefused;
  if (!before.has_value()) return Change::kFromRefused;
  if (*after == Answer::kUndetermined) return Change::kToUndetermined;
  if (*before == Answer::kUndetermined) return Change::kFromUndetermined;
  return *after == Answer::kYes ? Change::kNoToYes : Change::kYesToNo;
}

std::vector<ReplayCounts::Cell> ReplayCounts::CellsOf(const Row& row, int64_t minimum) {
  std::vector<Cell> cells;
  for (size_t i = 0; i < kChanges; ++i) {
    cells.push_back({ChangeName(static_cast<Change>(i)), row.changes[i]});
  }
  for (size_t i = 0; i < kNotReplayed; ++i) {
    cells.push_back({NotReplayedName(static_cast<NotReplayed>(i)), row.not_replayed[i]});
  }
  size_t hidden = 0;
  Cell* next = nullptr;
  for (Cell& cell : cells) {
    if (cell.count > 0 && cell.count < minimum) {
      cell.shown = false;
      ++hidden;
    } else if (cell.count > 0 && (next == nullptr || cell.count < next->count)) {
      next = &cell;
    }
  }
  if (hidden == 1 && next != nullptr) next->shown = false;
  return cells;
}

std::string ReplayCounts::Text(int64_t minimum) const {
  std::string text;
  for (const auto& [question, row] : rows_) {
    absl::StrAppend(&text, Shown(question, 300), "\n");
    for (const Cell& cell : CellsOf(row, minimum)) {
      if (cell.count == 0) continue;
      absl::StrAppend(&text, "  ", cell.name, ": ",
                      cell.shown ? absl::StrCat(cell.count) : "not shown", "\n");
    }
  }
  return text;
}

Json ReplayCounts::ToJson(int64_t minimum) const {
  Json json = Json::array();
  for (const auto& [question, row] : rows_) {
    Json one{{"question", question}};
    one["counts"] = Json::object();
    for (const Cell& cell : CellsOf(row, minimum)) {
      one["counts"][std::string(cell.name)] = cell.shown ? Json(cell.count) : Json(nullptr);
    }
    json.push_back(std::move(one));
  }
  return json;
}

}  // namespace vouch::policies::cases
