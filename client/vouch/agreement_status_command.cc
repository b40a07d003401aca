#include <grpcpp/client_context.h>

#include <fstream>
#include <map>
#include <memory>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"
#include "absl/time/clock.h"
#include "client/requester/connection.h"
#include "client/requester/partner_agreements.h"
#include "client/vouch/agreement_commands.h"
#include "client/vouch/asking_node.h"
#include "client/vouch/node_agreements.h"
#include "client/vouch/node_folder.h"
#include "crypto/certificate.h"
#include "crypto/digest.h"
#include "crypto/keys.h"
#include "policies/engine/lifecycle.h"
#include "server/node/agreements_standing.h"

namespace vouch::client {
namespace {

namespace node = server::node;
using policies::Shown;
using Json = nlohmann::ordered_json;

struct StatusOptions {
  std::string folder;
  std::string only;  // an agreement's id; empty: all
  std::string ics;
  std::string on;
  int timeout_seconds = 5;
  bool offline = false;
  bool json = false;
};

// What somebody has to do something about.
enum class Weight { kNone, kSoon, kProblem };

struct Side {
  std::string who;
  std::string says;
  Weight weight = Weight::kNone;
};

struct Row {
  const policies::HeldAgreement* held = nullptr;
  std::string state;
  int64_t days_left = 0;
  std::vector<Side> sides;
  std::vector<Side> notes;
};

// Kept readable on a line; the whole digest is in the JSON.
std::string Short(absl::string_view digest) { return absl::StrCat(digest.substr(0, 12), "..."); }

std::string InWords(absl::string_view state) { return absl::StrReplaceAll(state, {{"_", " "}}); }

std::string DaysText(int64_t days) {
  return days == 1 || days == -1 ? absl::StrCat(days, " day") : absl::StrCat(days, " days");
}

class Status {
 public:
  Status(node::NodeFile file, StatusOptions options, absl::Time now)
      : file_(std::move(file)), options_(std::move(options)), now_(now) {}

  void Look() {
    catalog_ = ReadCatalog(file_, &report_);
    auto standing = node::ReadAgreementsStanding(file_.run);
    if (standing.ok()) standing_ = *std::move(standing);
    for (const auto& held : catalog_->all()) {
      if (!options_.only.empty() && held->agreement.id != options_.only) continue;
      rows_.push_back(RowOf(*held));
    }
    Linger();
    if (!options_.offline) AskPartners();
  }

  bool found() const { return !rows_.empty() || !lingering_.empty(); }

  Exit Say(Console* console) const {
    if (options_.json) {
      console->Say(ToJson().dump(2, ' ', false, Json::error_handler_t::replace));
    } else {
      SayText(console);
    }
    return Wrong() ? Exit::kFindings : Exit::kFine;
  }

  std::string Calendar() const {
    std::vector<const policies::Agreement*> agreements;
    for (const Row& row : rows_) agreements.push_back(&row.held->agreement);
    return policies::CalendarText(agreements, now_);
  }

 private:
  const node::AgreementStanding* Standing(const std::string& id, int64_t revision) const {
    if (!standing_.has_value()) return nullptr;
    for (const node::AgreementStanding& one : standing_->held) {
      if (one.id == id && one.revision == revision) return &one;
    }
    return nullptr;
  }

  Row RowOf(const policies::HeldAgreement& held) const {
    const policies::Agreement& agreement = held.agreement;
    const std::string digest = crypto::Hex(held.digest);
    Row row;
    row.held = &held;
    row.days_left = agreement.expires - absl::ToCivilDay(now_, agreement.zone());
    const node::AgreementStanding* standing = Standing(agreement.id, agreement.revision);
    Side here{"here", "", Weight::kNone};
    if (!standing_.has_value()) {
      row.state = "not_loaded";
      here.says = absl::StrCat("no node has run in this folder yet; file ", Shown(held.file),
                               ", digest ", Short(digest));
    } else if (standing == nullptr) {
      row.state = "not_loaded";
      here.says = absl::StrCat("the node does not hold it; file ", Shown(held.file));
      here.weight = Weight::kProblem;
    } else {
      row.state = standing->state;
      here.says = absl::StrCat(InWords(standing->state), ", digest ", Short(standing->digest),
                               ", file ", Shown(standing->file));
      if (!standing->why.empty()) absl::StrAppend(&here.says, ": ", Shown(standing->why, 500));
      if (standing->digest != digest) {
        absl::StrAppend(&here.says, "; the file now has the digest ", Short(digest),
                        ", which the node did not take up");
        here.weight = Weight::kProblem;
      } else if (row.state == "stopped") {
        here.weight = Weight::kProblem;
      } else if (row.state == "unsigned") {
        here.weight = Weight::kSoon;
      }
    }
    row.sides.push_back(std::move(here));
    AddDates(agreement, &row);
    return row;
  }

  void AddDates(const policies::Agreement& agreement, Row* row) const {
    const absl::CivilDay today = absl::ToCivilDay(now_, agreement.zone());
    const bool replaced =
        std::any_of(catalog_->all().begin(), catalog_->all().end(), [&](const auto& other) {
          return other->agreement.id == agreement.id &&
                 other->agreement.revision > agreement.revision;
        });
    if (row->days_left < 0) {
      row->notes.push_back({"dates",
                            absl::StrCat("expired on ", absl::FormatCivilTime(agreement.expires),
                                         "; nothing is answered under it"),
                            replaced ? Weight::kNone : Weight::kSoon});
      return;
    }
    if (today < agreement.effective) {
      row->notes.push_back({"dates",
                            absl::StrCat("waits for ", absl::FormatCivilTime(agreement.effective),
                                         ", in ", DaysText(agreement.effective - today)),
                            Weight::kNone});
    }
    if (replaced) {
      row->notes.push_back({"dates", "a later revision is in the folder", Weight::kNone});
      return;
    }
    const policies::Milestone* last_mark = nullptr;
    const std::vector<policies::Milestone> milestones = policies::Milestones(agreement);
    for (const policies::Milestone& one : milestones) {
      if (one.on <= today && one.kind == policies::Milestone::Kind::kDaysLeft) last_mark = &one;
    }
    if (last_mark != nullptr) {
      row->notes.push_back(
          {"expiry", absl::StrCat(DaysText(row->days_left), " left; passed: ", last_mark->text),
           last_mark->days_left <= 30 ? Weight::kProblem : Weight::kSoon});
    }
    if (const auto opens = policies::RenewalOpens(agreement)) {
      row->notes.push_back(
          {"renewal",
           *opens <= today
               ? absl::StrCat("may be certified now, until ",
                              absl::FormatCivilTime(agreement.expires), ": vouch agreement renew")
               : absl::StrCat("may be certified from ", absl::FormatCivilTime(*opens)),
           Weight::kNone});
    }
  }

  // What the node holds without a readable file: kept from before, or deleted since it looked.
  void Linger() {
    if (!standing_.has_value()) return;
    for (const node::AgreementStanding& one : standing_->held) {
      if (!options_.only.empty() && one.id != options_.only) continue;
      const bool has_row = std::any_of(rows_.begin(), rows_.end(), [&](const Row& row) {
        return row.held->agreement.id == one.id && row.held->agreement.revision == one.revision;
      });
      if (!has_row) lingering_.push_back(one);
    }
  }

  void AskPartners() {
    std::map<std::string, absl::StatusOr<std::vector<requester::PartnersAgreement>>> said;
    for (Row& row : rows_) {
      const policies::Agreement& agreement = row.held->agreement;
      std::vector<std::string> others;
      if (agreement.answers != file_.agency) {
        others.push_back(agreement.answers);
      } else {
        others = agreement.asks;
      }
      for (const std::string& other : others) {
        const node::Partner* partner = file_.FindPartner(other);
        const std::string who = absl::StrCat("at ", other);
        if (partner == nullptr || partner->address.empty()) {
          row.sides.push_back({who,
                               "not compared: node.yaml has no address for it (compare digests "
                               "by telephone)",
                               Weight::kNone});
          continue;
        }
        auto found = said.find(other);
        if (found == said.end()) found = said.emplace(other, Ask(*partner)).first;
        row.sides.push_back(Compare(who, row, found->second));
      }
    }
  }

  absl::StatusOr<std::vector<requester::PartnersAgreement>> Ask(
      const node::Partner& partner) const {
    const auto options = ConnectionTo(file_, partner);
    if (!options.ok()) return options.status();
    const auto channel = requester::Connect(*options);
    if (!channel.ok()) return channel.status();
    grpc::ClientContext context;
    context.set_deadline(absl::ToChronoTime(absl::Now() + absl::Seconds(options_.timeout_seconds)));
    return requester::AskAgreements(*channel, &context);
  }

  Side Compare(const std::string& who, const Row& row,
               const absl::StatusOr<std::vector<requester::PartnersAgreement>>& said) const {
    const policies::Agreement& agreement = row.held->agreement;
    if (!said.ok()) {
      return {who, absl::StrCat("could not be asked: ", Shown(said.status().message(), 300)),
              Weight::kSoon};
    }
    std::string others;
    for (const requester::PartnersAgreement& theirs : *said) {
      if (theirs.id != agreement.id) continue;
      if (theirs.revision != static_cast<uint64_t>(agreement.revision)) {
        absl::StrAppend(&others, others.empty() ? "" : ", ", theirs.revision);
        continue;
      }
      const std::string state(policies::AgreementStateName(theirs.state));
      if (theirs.digest != row.held->digest) {
        return {who,
                absl::StrCat(InWords(state), ", but of ANOTHER DIGEST, ",
                             Short(crypto::Hex(theirs.digest)), ": both hold a revision ",
                             agreement.revision, ", and not the same one; exchange files"),
                Weight::kProblem};
      }
      return {
          who, absl::StrCat(InWords(state), ", same digest"),
          theirs.state == policies::AgreementState::kStopped ? Weight::kProblem : Weight::kNone};
    }
    return {who,
            others.empty() ? "does not hold it"
                           : absl::StrCat("does not hold revision ", agreement.revision,
                                          "; it holds revision ", others),
            row.days_left < 0 ? Weight::kNone : Weight::kSoon};
  }

  const std::vector<policies::Finding>& Findings() const {
    return standing_.has_value() ? standing_->findings : report_.findings();
  }

  bool Wrong() const {
    for (const Row& row : rows_) {
      for (const auto* sides : {&row.sides, &row.notes}) {
        for (const Side& side : *sides) {
          if (side.weight == Weight::kProblem) return true;
        }
      }
    }
    for (const policies::Finding& finding : Findings()) {
      if (finding.severity == policies::Severity::kError) return true;
    }
    return standing_.has_value() && !standing_->key_problems.empty();
  }

  void SayText(Console* console) const {
    if (standing_.has_value()) {
      console->Say(absl::StrCat("As the node of ", file_.agency, " said at ",
                                TimeText(standing_->written), ":"));
    }
    for (const Row& row : rows_) {
      const policies::Agreement& agreement = row.held->agreement;
      console->Say("");
      console->Say(absl::StrCat(
          Shown(agreement.id), " revision ", agreement.revision, ": ", InWords(row.state), "; ",
          absl::FormatCivilTime(agreement.effective), " to ",
          absl::FormatCivilTime(agreement.expires), ", ",
          row.days_left < 0 ? "over" : absl::StrCat(DaysText(row.days_left), " left")));
      for (const auto* sides : {&row.sides, &row.notes}) {
        for (const Side& side : *sides) {
          console->Say(absl::StrCat(side.weight == Weight::kProblem ? "! "
                                    : side.weight == Weight::kSoon  ? "* "
                                                                    : "  ",
                                    side.who, ": ", side.says));
        }
      }
    }
    for (const node::AgreementStanding& one : lingering_) {
      console->Say("");
      console->Say(absl::StrCat(Shown(one.id), " revision ", one.revision, ": ", InWords(one.state),
                                ", kept from before: ", Shown(one.file),
                                " is no longer there or no longer good"));
    }
    bool heading = false;
    for (const policies::Finding& finding : Findings()) {
      if (finding.severity != policies::Severity::kError) continue;
      if (!std::exchange(heading, true)) {
        console->Say("");
        console->Say("Rejected:");
      }
      console->Say(absl::StrCat("! ", Shown(finding.file, 200), ":", finding.position.line, ":",
                                finding.position.column, ": ", Shown(finding.message, 1000), " [",
                                finding.rule, "]"));
      if (!finding.mend.empty()) {
        console->Say(absl::StrCat("    mend: ", Shown(finding.mend, 1000)));
      }
    }
    if (standing_.has_value()) {
      for (const std::string& problem : standing_->key_problems) {
        console->Say(absl::StrCat("! token keys: ", Shown(problem, 1000)));
      }
    }
  }

  Json ToJson() const {
    Json json;
    json["agency"] = file_.agency;
    json["node_said_at"] = standing_.has_value() ? Json(TimeText(standing_->written)) : Json();
    json["agreements"] = Json::array();
    for (const Row& row : rows_) {
      const policies::Agreement& agreement = row.held->agreement;
      Json one;
      one["id"] = agreement.id;
      one["revision"] = agreement.revision;
      one["digest"] = crypto::Hex(row.held->digest);
      one["file"] = row.held->file;
      one["state"] = row.state;
      one["effective"] = absl::FormatCivilTime(agreement.effective);
      one["expires"] = absl::FormatCivilTime(agreement.expires);
      one["days_left"] = row.days_left;
      one["says"] = Json::array();
      for (const auto* sides : {&row.sides, &row.notes}) {
        for (const Side& side : *sides) {
          const char* const weights[] = {"fine", "soon", "problem"};
          one["says"].push_back({{"about", side.who},
                                 {"weight", weights[static_cast<int>(side.weight)]},
                                 {"text", side.says}});
        }
      }
      one["milestones"] = Json::array();
      for (const policies::Milestone& milestone : policies::Milestones(agreement)) {
        one["milestones"].push_back({{"on", absl::FormatCivilTime(milestone.on)},
                                     {"days_left", milestone.days_left},
                                     {"text", milestone.text}});
      }
      json["agreements"].push_back(std::move(one));
    }
    json["kept_from_before"] = Json::array();
    for (const node::AgreementStanding& one : lingering_) {
      json["kept_from_before"].push_back({{"id", one.id},
                                          {"revision", one.revision},
                                          {"digest", one.digest},
                                          {"state", one.state},
                                          {"file", one.file}});
    }
    json["findings"] = Json::array();
    for (const policies::Finding& finding : Findings()) {
      json["findings"].push_back({{"file", finding.file},
                                  {"line", finding.position.line},
                                  {"column", finding.position.column},
                                  {"rule", finding.rule},
                                  {"message", finding.message},
                                  {"mend", finding.mend}});
    }
    if (standing_.has_value()) json["key_problems"] = standing_->key_problems;
    return json;
  }

  const node::NodeFile file_;
  const StatusOptions options_;
  const absl::Time now_;
  policies::Report report_;
  std::shared_ptr<const policies::Catalog> catalog_;
  absl::optional<node::AgreementsStanding> standing_;
  std::vector<Row> rows_;
  std::vector<node::AgreementStanding> lingering_;
};

absl::StatusOr<Exit> Run(const StatusOptions& options, Console* console) {
  absl::StatusOr<node::NodeFile> file = OpenNode(options.folder, console);
  if (!file.ok()) return file.status();
  absl::Time now = absl::Now();
  if (!options.on.empty()) {
    const absl::StatusOr<absl::Time> on = ParseTime(options.on);
    if (!on.ok()) return on.status();
    now = *on;
  }
  // Before the first handshake, whose contexts it binds.
  if (const absl::Status tls = crypto::RequireTls13(); !tls.ok()) return tls;
  Status status(*std::move(file), options, now);
  status.Look();
  if (!options.only.empty() && !status.found()) {
    return absl::NotFoundError(
        absl::StrCat("there is no readable agreement `", Shown(options.only), "` in this folder"));
  }
  if (!options.ics.empty()) {
    const std::string text = status.Calendar();
    if (options.ics == "-") {
      console->Say(text);
      return Exit::kFine;
    }
    const absl::Status written = crypto::ReplaceFile(options.ics, text, false);
    if (!written.ok()) return written;
    console->Note(
        absl::StrCat("The days to act on are in ", options.ics, "; import it into a calendar."));
  }
  return status.Say(console);
}

}  // namespace

void AddAgreementStatusCommand(CLI::App* agreement, Console* console) {
  auto options = std::make_shared<StatusOptions>();
  CLI::App* command = agreement->add_subcommand(
      "status", "How a node's agreements stand, here and at the partners, and what is due");
  command->add_option("agreement", options->only, "Only this agreement");
  AddNodeOption(command, &options->folder);
  command->add_option("--ics", options->ics,
                      "Also write the days to act on as a calendar (\"-\": only that, to standard "
                      "output)");
  command->add_option("--on", options->on, "As of this day instead of now");
  command->add_flag("--offline", options->offline, "Do not ask partners");
  command->add_option("--timeout-seconds", options->timeout_seconds, "How long a partner may take")
      ->check(CLI::Range(1, 300))
      ->capture_default_str();
  command->add_flag("--json", options->json, "Print facts for programs");
  command->footer(
      "A line with ! wants something done now, one with * soon.\n"
      "Exit codes: 0 nothing is due now; 1 there is a !; 3 the node's folder, or the agreement, "
      "cannot be read.\n"
      "Example:\n  vouch agreement status --node ./irs --ics irs-agreements.ics");
  command->callback([options, console] { console->Run([&] { return Run(*options, console); }); });
}

}  // namespace vouch::client
