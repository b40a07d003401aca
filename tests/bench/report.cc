#include "tests/bench/report.h"

#include <algorithm>
#include <cstdio>
#include <nlohmann/json.hpp>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"

namespace vouch::bench {

namespace {

std::string BoundText(const Bound& bound, const Row& row) {
  if (bound.kind == Bound::Kind::kNone) return "";
  return absl::StrFormat("%s %g%s", bound.kind == Bound::Kind::kAtMost ? "<=" : ">=", bound.limit,
                         row.has_ceiling() ? " x" : "");
}

nlohmann::ordered_json BoundJson(const Bound& bound, const Row& row) {
  if (bound.kind == Bound::Kind::kNone) return nullptr;
  return BoundText(bound, row);
}

}  // namespace

bool Bound::Holds(double figure) const {
  switch (kind) {
    case Kind::kNone:
      return true;
    case Kind::kAtMost:
      return figure <= limit;
    case Kind::kAtLeast:
      return figure >= limit;
  }
  return false;
}

std::string ToJson(const std::vector<Row>& rows) {
  nlohmann::ordered_json list = nlohmann::ordered_json::array();
  for (const Row& row : rows) {
    nlohmann::ordered_json one;
    one["name"] = row.name;
    one["value"] = row.value;
    one["unit"] = row.unit;
    one["ceiling"] = nullptr;
    one["ratio"] = nullptr;
    if (row.has_ceiling()) {
      one["ceiling"] = row.ceiling;
      one["ratio"] = row.ratio();
    }
    one["must"] = BoundJson(row.must, row);
    one["aim"] = BoundJson(row.aim, row);
    one["met"] = row.must.Holds(row.figure());
    list.push_back(std::move(one));
  }
  return list.dump(2) + "\n";
}

std::string ToTable(const std::vector<Row>& rows) {
  size_t width = 4;
  for (const Row& row : rows) width = std::max(width, row.name.size());
  const int names = static_cast<int>(width);
  std::string out = absl::StrFormat("%-*s %12s %-14s %12s %7s %9s %9s  %s\n", names, "what",
                                    "value", "unit", "ceiling", "ratio", "must", "aim", "met");
  for (const Row& row : rows) {
    const std::string met = row.must.kind == Bound::Kind::kNone ? ""
                            : !row.must.Holds(row.figure())     ? "NO"
                            : row.aim.Holds(row.figure())       ? "aim"
                                                                : "must";
    absl::StrAppend(
        &out,
        absl::StrFormat("%-*s %12.4g %-14s %12s %7s %9s %9s  %s\n", names, row.name, row.value,
                        row.unit, row.has_ceiling() ? absl::StrFormat("%.4g", row.ceiling) : "",
                        row.has_ceiling() ? absl::StrFormat("%.2f", row.ratio()) : "",
                        BoundText(row.must, row), BoundText(row.aim, row), met));
  }
  return out;
}

double Median(std::vector<double> values) { return Quantile(std::move(values), 0.5); }

double Quantile(std::vector<double> values, double share) {
  if (values.empty()) return 0;
  const auto at = static_cast<size_t>(share * static_cast<double>(values.size() - 1) + 0.5);
  std::nth_element(values.begin(), values.begin() + static_cast<std::ptrdiff_t>(at), values.end());
  return values[at];
}

void Progress(const std::string& line) {
  std::fprintf(stderr, "%s\n", line.c_str());
  std::fflush(stderr);
}

}  // namespace vouch::bench
