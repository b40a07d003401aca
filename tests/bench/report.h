// The rows that vouch-bench prints, as a table or as JSON.
#ifndef VOUCH_TESTS_BENCH_REPORT_H_
#define VOUCH_TESTS_BENCH_REPORT_H_

#include <string>
#include <vector>

namespace vouch::bench {

// One bound of docs/performance.md, on the ratio where there is a ceiling, else on the value.
struct Bound {
  enum class Kind { kNone, kAtMost, kAtLeast };
  Kind kind = Kind::kNone;
  double limit = 0;

  static Bound AtMost(double limit) { return {Kind::kAtMost, limit}; }
  static Bound AtLeast(double limit) { return {Kind::kAtLeast, limit}; }
  bool Holds(double figure) const;
};

struct Row {
  std::string name;
  double value = 0;
  std::string unit;
  double ceiling = 0;  // measured in the same run, in the same unit; 0: none
  Bound must;
  Bound aim;

  bool has_ceiling() const { return ceiling > 0; }
  double ratio() const { return value / ceiling; }
  double figure() const { return has_ceiling() ? ratio() : value; }
};

// A list of {name, value, unit, ceiling, ratio, must, aim, met}. `ceiling` and `ratio` are null
// where there is no ceiling; `must` and `aim` are texts such as "<= 2.5 x" or null; `met` says
// whether `must` holds.
std::string ToJson(const std::vector<Row>& rows);
std::string ToTable(const std::vector<Row>& rows);

double Median(std::vector<double> values);
// The value below which `share` of them lie.
double Quantile(std::vector<double> values, double share);

// A line on standard error.
void Progress(const std::string& line);

}  // namespace vouch::bench

#endif  // VOUCH_TESTS_BENCH_REPORT_H_
