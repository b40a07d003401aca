#include "policies/engine/revise.h"

#include <algorithm>
#include <utility>

#include "absl/strings/escaping.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_split.h"
#include "policies/engine/lifecycle.h"
#include "policies/engine/tree.h"
#include "policies/engine/unicode.h"

namespace vouch::policies {
namespace {

// A file's text in which single values are exchanged where they stand.
class TextEdit {
 public:
  explicit TextEdit(absl::string_view text) : lines_(absl::StrSplit(text, '\n')) {
    Report ignored;
    tree_ = ReadTree("", text, &ignored);
  }

  // Exchanges the value at `path`; false when there is none on one line.
  bool Set(absl::string_view path, absl::string_view value) {
    size_t at = 0;
    size_t size = 0;
    std::string* line = Find(path, &at, &size);
    if (line == nullptr) return false;
    line->replace(at, size, std::string(value));
    return true;
  }

  // Writes `entry`, "key: value", behind the one-line value at `path`, in the same mapping.
  bool AddBehind(absl::string_view path, absl::string_view entry) {
    size_t at = 0;
    size_t size = 0;
    std::string* line = Find(path, &at, &size);
    if (line == nullptr) return false;
    const absl::string_view key = path.substr(path.rfind('.') + 1);
    const size_t indent = line->find_first_not_of(' ');
    if (absl::StartsWith(absl::string_view(*line).substr(indent), absl::StrCat(key, ":"))) {
      const auto next = lines_.begin() + (line - lines_.data()) + 1;
      lines_.insert(next, absl::StrCat(std::string(indent, ' '), entry));
    } else {
      line->insert(at + size, absl::StrCat(", ", entry));
    }
    return true;
  }

  std::string Text() const { return absl::StrJoin(lines_, "\n"); }

 private:
  std::string* Find(absl::string_view path, size_t* at, size_t* size) {
    if (!tree_.has_value()) return nullptr;
    const Node& node = NodeAt(tree_->root, path);
    if (node.kind != Node::Kind::kScalar || node.style == Node::Style::kBlock) return nullptr;
    std::string& line = lines_[static_cast<size_t>(node.position.line) - 1];
    *at = FirstCodePoints(line, static_cast<size_t>(node.position.column) - 1).size();
    const std::string written =
        node.style == Node::Style::kQuoted ? absl::StrCat("\"", node.text, "\"") : node.text;
    *size = written.size();
    return absl::StartsWith(absl::string_view(line).substr(*at), written) ? &line : nullptr;
  }

  std::vector<std::string> lines_;
  absl::optional<Tree> tree_;
};

std::string Quoted(absl::string_view text) { return absl::StrCat("\"", text, "\""); }
std::string Quoted(absl::CivilDay day) { return Quoted(absl::FormatCivilTime(day)); }

absl::Status CountUp(const Agreement& agreement, const FileDigest& digest, TextEdit* edit) {
  const std::string hex = absl::BytesToHexString(
      absl::string_view(reinterpret_cast<const char*>(digest.data()), digest.size()));
  if (!edit->Set("agreement.revision", absl::StrCat(agreement.revision + 1)) ||
      !edit->Set("agreement.replaces", Quoted(hex))) {
    return absl::FailedPreconditionError(
        "`revision` and `replaces` do not stand on a line each as plain values; run `vouch "
        "agreement fmt` first");
  }
  return absl::OkStatus();
}

absl::CivilDay AYearLater(absl::CivilDay day) {
  const absl::CivilDay later(day.year() + 1, day.month(), day.day());
  // There is no 29 February a year later.
  return later.month() == day.month() ? later : later - 1;
}

absl::Status MayRenew(const Agreement& agreement, absl::CivilDay until,
                      const std::vector<Certification>& certified, absl::CivilDay today) {
  const auto refuse = [](std::string why) { return absl::FailedPreconditionError(std::move(why)); };
  if (agreement.authority != AuthorityKind::kMatchingAgreement) {
    return refuse(
        "only a matching agreement has this renewal (5 U.S.C. 552a(o)(2)(D)); make a new revision "
        "with `vouch agreement revise`");
  }
  if (agreement.renewed_from.has_value()) {
    return refuse(
        "it was renewed before, and there is one renewal (5 U.S.C. 552a(o)(2)(D)); make a new "
        "agreement, which goes through both boards");
  }
  const absl::CivilDay opens = *RenewalOpens(agreement);
  if (today < opens || today > agreement.expires) {
    return refuse(
        absl::StrCat("it can be renewed within the last three months of its term, from ",
                     absl::FormatCivilTime(opens), " to ", absl::FormatCivilTime(agreement.expires),
                     " (5 U.S.C. 552a(o)(2)(D)); today is ", absl::FormatCivilTime(today)));
  }
  const absl::CivilDay latest = AYearLater(agreement.expires);
  if (until <= agreement.expires || until > latest) {
    return refuse(absl::StrCat("a renewal is for at most a year after ",
                               absl::FormatCivilTime(agreement.expires), ": name a day up to ",
                               absl::FormatCivilTime(latest)));
  }
  std::vector<std::string> parties = agreement.asks;
  parties.push_back(agreement.answers);
  for (const Certification& one : certified) {
    const auto party = std::find(parties.begin(), parties.end(), one.by);
    if (party == parties.end()) {
      return refuse(absl::StrCat("`", Shown(one.by), "` is no party, or certified twice"));
    }
    parties.erase(party);
    if (one.on < opens || one.on > today) {
      return refuse(absl::StrCat(one.by, " certified on ", absl::FormatCivilTime(one.on),
                                 "; that counts from ", absl::FormatCivilTime(opens),
                                 " up to today"));
    }
  }
  if (!parties.empty()) {
    return refuse(absl::StrCat("each party certifies in writing; missing: ",
                               absl::StrJoin(parties, ", "), " (--certified AGENCY=DATE)"));
  }
  return absl::OkStatus();
}

}  // namespace

absl::StatusOr<std::string> RevisedText(absl::string_view text, const Agreement& agreement,
                                        const FileDigest& digest) {
  TextEdit edit(text);
  if (const absl::Status counted = CountUp(agreement, digest, &edit); !counted.ok()) return counted;
  return edit.Text();
}

absl::StatusOr<std::string> RenewedText(absl::string_view text, const Agreement& agreement,
                                        const FileDigest& digest, absl::CivilDay until,
                                        const std::vector<Certification>& certified,
                                        absl::CivilDay today) {
  const absl::Status may = MayRenew(agreement, until, certified, today);
  if (!may.ok()) return may;
  TextEdit edit(text);
  if (const absl::Status counted = CountUp(agreement, digest, &edit); !counted.ok()) return counted;
  const std::string all = absl::StrJoin(certified, ", ", [](std::string* out, const auto& one) {
    absl::StrAppend(out, "{by: ", Quoted(one.by), ", on: ", Quoted(one.on), "}");
  });
  const std::string entry = absl::StrCat("renewal: {former_expiry: ", Quoted(agreement.expires),
                                         ", certified: [", all, "]}");
  // Behind the old day first, while positions are as they were read.
  if (!edit.AddBehind("dates.expires", entry) || !edit.Set("dates.expires", Quoted(until))) {
    return absl::FailedPreconditionError(
        "`expires` does not stand on one line in quotes; run `vouch agreement fmt` first");
  }
  return edit.Text();
}

}  // namespace vouch::policies
