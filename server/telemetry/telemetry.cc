#include "server/telemetry/telemetry.h"

#include <prometheus/counter.h>
#include <prometheus/exposer.h>
#include <prometheus/gauge.h>
#include <prometheus/histogram.h>
#include <prometheus/registry.h>
#include <spdlog/sinks/stdout_sinks.h>
#include <spdlog/spdlog.h>

#include <map>
#include <mutex>
#include <nlohmann/json.hpp>

#include "absl/strings/str_cat.h"

namespace vouch::server::telemetry {

namespace {

spdlog::logger& Logger() {
  static const std::shared_ptr<spdlog::logger> logger = [] {
    std::shared_ptr<spdlog::logger> made = spdlog::stderr_logger_mt("vouchd");
    made->set_pattern("%v");
    made->flush_on(spdlog::level::info);
    return made;
  }();
  return *logger;
}

struct LevelName {
  spdlog::level::level_enum level;
  const char* name;
};

LevelName Describe(Level level) {
  switch (level) {
    case Level::kInfo:
      return {spdlog::level::info, "info"};
    case Level::kWarning:
      return {spdlog::level::warn, "warning"};
    case Level::kError:
      return {spdlog::level::err, "error"};
  }
  return {spdlog::level::info, "info"};
}

}  // namespace

void Log(Level level, absl::string_view event, const Fields& fields) {
  const LevelName described = Describe(level);
  nlohmann::ordered_json line;
  line["time"] = absl::FormatTime("%Y-%m-%dT%H:%M:%E3SZ", absl::Now(), absl::UTCTimeZone());
  line["level"] = described.name;
  line["event"] = std::string(event);
  for (const auto& [name, value] : fields) line[name] = value;
  Logger().log(described.level,
               line.dump(-1, ' ', false, nlohmann::ordered_json::error_handler_t::replace));
}

void SetLogLevel(absl::string_view level) {
  const Level least = level == "error"     ? Level::kError
                      : level == "warning" ? Level::kWarning
                                           : Level::kInfo;
  Logger().set_level(Describe(least).level);
}

struct Metrics::Families {
  using Bounds = prometheus::Histogram::BucketBoundaries;

  prometheus::Family<prometheus::Counter>& AddCounter(const char* name, const char* help) {
    return prometheus::BuildCounter().Name(name).Help(help).Register(*registry);
  }
  prometheus::Histogram& AddHistogram(const char* name, const char* help, const Bounds& bounds) {
    return prometheus::BuildHistogram().Name(name).Help(help).Register(*registry).Add({}, bounds);
  }

  std::shared_ptr<prometheus::Registry> registry = std::make_shared<prometheus::Registry>();
  prometheus::Family<prometheus::Counter>& answered =
      AddCounter("vouch_answered_total", "Questions answered, whatever the answer.");
  prometheus::Family<prometheus::Counter>& replayed =
      AddCounter("vouch_replayed_total", "Answers given again for the same request id.");
  prometheus::Family<prometheus::Counter>& refused =
      AddCounter("vouch_refused_total", "Refusals, by reason.");
  prometheus::Family<prometheus::Counter>& evaluated =
      AddCounter("vouch_evaluated_elements_total", "Blinded elements evaluated, padding included.");
  prometheus::Histogram& spans =
      AddHistogram("vouch_span_subjects", "Subjects walked in one commit.",
                   Bounds{1, 2, 4, 8, 16, 32, 64, 128, 256, 512});
  prometheus::Histogram& walks =
      AddHistogram("vouch_walk_seconds", "From taking a span to its durable commit.",
                   Bounds{.0005, .001, .002, .005, .01, .02, .05, .1, .5, 1});
  prometheus::Family<prometheus::Gauge>& gauges =
      prometheus::BuildGauge().Name("vouch_state").Help("State of the node.").Register(*registry);
  prometheus::Family<prometheus::Gauge>& agreement_days =
      prometheus::BuildGauge()
          .Name("vouch_agreement_days_left")
          .Help("Days until an agreement expires; its state is a label.")
          .Register(*registry);
  // All that /healthz says, so that it costs a probe nothing and tells it nothing.
  std::shared_ptr<prometheus::Registry> alive = std::make_shared<prometheus::Registry>();
  prometheus::Gauge& up =
      prometheus::BuildGauge().Name("vouch_up").Help("The node runs.").Register(*alive).Add({}, 1);
  std::unique_ptr<prometheus::Exposer> exposer;

  // A family finds a counter by building and hashing its labels: too dear for every answer.
  prometheus::Counter& CounterFor(prometheus::Family<prometheus::Counter>* family,
                                  absl::string_view requester) {
    const std::lock_guard<std::mutex> lock(mutex);
    auto& known = counters[family];
    auto found = known.find(requester);
    if (found == known.end()) {
      const std::string name(requester);
      found = known.emplace(name, &family->Add({{"requester", name}})).first;
    }
    return *found->second;
  }
  std::mutex mutex;
  std::map<prometheus::Family<prometheus::Counter>*,
           std::map<std::string, prometheus::Counter*, std::less<>>>
      counters;
  std::map<std::vector<std::string>, prometheus::Gauge*> agreements;  // id, revision, state
};

Metrics::Metrics() : families_(std::make_unique<Families>()) {}
Metrics::~Metrics() = default;

absl::StatusOr<int> Metrics::Serve(const std::string& address) {
  try {
    families_->exposer = std::make_unique<prometheus::Exposer>(address, 1);
    families_->exposer->RegisterCollectable(families_->registry);
    families_->exposer->RegisterCollectable(families_->alive, "/healthz");
    return families_->exposer->GetListeningPorts().at(0);
  } catch (const std::exception& error) {
    return absl::UnavailableError(
        absl::StrCat("cannot serve metrics on ", address, ": ", error.what()));
  }
}

void Metrics::Answered(absl::string_view requester, uint64_t count) {
  families_->CounterFor(&families_->answered, requester).Increment(static_cast<double>(count));
}

void Metrics::Replayed(absl::string_view requester, uint64_t count) {
  families_->CounterFor(&families_->replayed, requester).Increment(static_cast<double>(count));
}

void Metrics::Refused(absl::string_view requester, absl::string_view reason, uint64_t count) {
  families_->refused.Add({{"requester", std::string(requester)}, {"reason", std::string(reason)}})
      .Increment(static_cast<double>(count));
}

void Metrics::Evaluated(absl::string_view requester, uint64_t elements) {
  families_->evaluated.Add({{"requester", std::string(requester)}})
      .Increment(static_cast<double>(elements));
}

void Metrics::Walked(size_t span, absl::Duration took) {
  families_->spans.Observe(static_cast<double>(span));
  families_->walks.Observe(absl::ToDoubleSeconds(took));
}

void Metrics::SetGauge(absl::string_view name, double value) {
  families_->gauges.Add({{"what", std::string(name)}}).Set(value);
}

void Metrics::SetGauge(absl::string_view name, absl::string_view partner, double value) {
  families_->gauges.Add({{"what", std::string(name)}, {"partner", std::string(partner)}})
      .Set(value);
}

void Metrics::SetAgreements(const std::vector<AgreementFigures>& agreements, size_t rejected) {
  SetGauge("agreement_files_rejected", static_cast<double>(rejected));
  const std::lock_guard<std::mutex> lock(families_->mutex);
  std::map<std::vector<std::string>, prometheus::Gauge*> now;
  for (const AgreementFigures& one : agreements) {
    const std::string revision = absl::StrCat(one.revision);
    prometheus::Gauge& gauge = families_->agreement_days.Add(
        {{"agreement", one.id}, {"revision", revision}, {"state", one.state}});
    gauge.Set(one.days_left);
    now[{one.id, revision, one.state}] = &gauge;
  }
  for (const auto& [labels, gauge] : families_->agreements) {
    if (now.count(labels) == 0) families_->agreement_days.Remove(gauge);
  }
  families_->agreements = std::move(now);
}

}  // namespace vouch::server::telemetry
