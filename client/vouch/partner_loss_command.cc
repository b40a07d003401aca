// `vouch partner accept-loss` and `vouch partner remembered`: the two parts that a partner has in
// the loss of an agency's ledger.
#include "client/vouch/partner_loss_command.h"

#include <algorithm>
#include <filesystem>
#include <memory>
#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "client/requester/accepted_losses.h"
#include "client/requester/connection.h"
#include "client/requester/ledger_client.h"
#include "client/requester/used_ahead.h"
#include "client/vouch/asking_node.h"
#include "client/vouch/commands.h"
#include "client/vouch/ledger_backup.h"
#include "client/vouch/node_folder.h"
#include "crypto/certificate.h"
#include "crypto/keys.h"
#include "crypto/log_entry.h"
#include "crypto/log_succession.h"
#include "crypto/note.h"
#include "server/node/folders.h"

namespace vouch::client {
namespace {

namespace node = server::node;

struct Options {
  std::string folder;
  std::string agency;
  std::string output;
  bool yes = false;
  bool json = false;
  int timeout_seconds = 10;
};

struct Remembered {
  crypto::Checkpoint checkpoint;
  std::string note;
};

std::string Entries(uint64_t count) {
  return count == 1 ? "1 entry" : absl::StrCat(count, " entries");
}

absl::StatusOr<node::Partner> FindPartner(const node::NodeFile& file, const std::string& agency) {
  for (const node::Partner& partner : file.partners) {
    if (partner.agency != agency) continue;
    if (!partner.ledger_key.empty()) return partner;
    return absl::FailedPreconditionError(
        absl::StrCat("node.yaml gives no ledger_key for ", agency));
  }
  return absl::NotFoundError(absl::StrCat(agency, " is no partner in node.yaml"));
}

// The keys of that agency's logs, whatever their names.
absl::StatusOr<crypto::LogKeyOf> KeysOf(const node::Partner& partner) {
  const absl::StatusOr<std::string> pem = node::ReadText(partner.ledger_key);
  if (!pem.ok()) return pem.status();
  absl::StatusOr<std::string> key = crypto::PublicKeyFromPem(*pem);
  if (!key.ok()) return key.status();
  return crypto::LogKeyOf([agency = partner.agency, der = *std::move(key)](
                              const std::string& origin) -> absl::StatusOr<crypto::NoteVerifier> {
    const auto name = crypto::ReadLogName(origin);
    if (!name.has_value() || name->agency != agency) {
      return absl::NotFoundError(absl::StrCat(origin, " is no log of ", agency));
    }
    absl::StatusOr<crypto::NoteVerifier> verifier =
        crypto::NoteVerifier::From(origin, crypto::NoteKeyType::kEd25519, crypto::AsBytes(der));
    if (verifier.ok()) return verifier;
    return crypto::NoteVerifier::From(origin, crypto::NoteKeyType::kEcdsaP256,
                                      crypto::AsBytes(der));
  });
}

absl::StatusOr<crypto::Checkpoint> OpenWith(const crypto::LogKeyOf& key_of,
                                            const std::string& note) {
  const auto read = crypto::ReadNote(note);
  if (!read.ok()) return read.status();
  const auto claimed = crypto::ReadCheckpoint(read->text);
  if (!claimed.ok()) return claimed.status();
  const auto key = key_of(claimed->origin);
  if (!key.ok()) return key.status();
  const auto opened = crypto::OpenCheckpoint(note, {*key});
  if (!opened.ok()) return opened.status();
  return opened->checkpoint;
}

// What this node and its askers remember of an agency's logs, or used and could not check any more,
// the furthest first. DataLoss for a file that cannot be used: it is never taken for none.
absl::StatusOr<std::vector<Remembered>> AllRemembered(const node::NodeFile& file,
                                                      const std::string& agency,
                                                      const crypto::LogKeyOf& key_of) {
  std::vector<Remembered> all;
  for (const std::string& folder : {file.witness, absl::StrCat(file.witness, "/asked")}) {
    std::error_code error;
    for (const auto& one : std::filesystem::directory_iterator(folder, error)) {
      if (one.path().extension() != ".checkpoint") continue;
      const absl::StatusOr<std::string> note = crypto::ReadPrivateFile(one.path().string());
      const auto read = note.ok() ? crypto::ReadNote(*note) : note.status();
      const auto claimed = read.ok() ? crypto::ReadCheckpoint(read->text)
                                     : absl::StatusOr<crypto::Checkpoint>(read.status());
      if (claimed.ok()) {
        const auto name = crypto::ReadLogName(claimed->origin);
        if (!name.has_value() || name->agency != agency) continue;
      }
      const auto opened = claimed.ok() ? OpenWith(key_of, *note) : claimed;
      if (!opened.ok()) {
        return absl::DataLossError(absl::StrCat(one.path().string(),
                                                ", what is remembered of a "
                                                "log, cannot be used: ",
                                                opened.status().message(),
                                                "; bring it back from a backup"));
      }
      all.push_back({*opened, *note});
    }
  }
  for (const std::string& note :
       requester::UsedAhead::NotesIn(absl::StrCat(file.witness, "/asked"), agency)) {
    // As FollowedLog: one that does not verify was cut short.
    const auto opened = OpenWith(key_of, note);
    if (opened.ok()) all.push_back({*opened, note});
  }
  std::sort(all.begin(), all.end(), [](const Remembered& a, const Remembered& b) {
    if (a.checkpoint.origin != b.checkpoint.origin) {
      return crypto::LogBefore(b.checkpoint.origin, a.checkpoint.origin);
    }
    return a.checkpoint.size > b.checkpoint.size;
  });
  return all;
}

// What both commands go by.
struct Known {
  node::NodeFile file;
  node::Partner partner;
  crypto::LogKeyOf key_of;
  std::vector<Remembered> all;
};
absl::StatusOr<Known> Recall(const Options& options, Console* console) {
  auto file = OpenNode(options.folder, console);
  if (!file.ok()) return file.status();
  auto partner = FindPartner(*file, options.agency);
  if (!partner.ok()) return partner.status();
  auto key_of = KeysOf(*partner);
  if (!key_of.ok()) return key_of.status();
  auto all = AllRemembered(*file, options.agency, *key_of);
  if (!all.ok()) return all.status();
  return Known{*std::move(file), *std::move(partner), *std::move(key_of), *std::move(all)};
}

absl::StatusOr<Exit> SayRemembered(const Options& options, Console* console) {
  const absl::StatusOr<Known> known = Recall(options, console);
  if (!known.ok()) return known.status();
  if (known->all.empty()) {
    return absl::NotFoundError(
        absl::StrCat("nothing is remembered here of the ledger of ", options.agency));
  }
  const Remembered& furthest = known->all.front();
  if (!options.output.empty()) {
    if (absl::Status written = WriteNewFile(options.output, furthest.note); !written.ok()) {
      return written;
    }
    console->Note(absl::StrCat(options.output, ": ", Entries(furthest.checkpoint.size), " of ",
                               furthest.checkpoint.origin));
    return Exit::kFine;
  }
  absl::string_view note = furthest.note;
  if (!note.empty() && note.back() == '\n') note.remove_suffix(1);
  console->Say(note);
  return Exit::kFine;
}

// What the agency's node shows of how its ledger goes on.
struct Shown {
  requester::LedgerClient::Head head;
  crypto::Checkpoint checkpoint;
};
absl::StatusOr<Shown> Ask(const Options& options, const node::NodeFile& file,
                          const node::Partner& partner, const Remembered& from,
                          const crypto::LogKeyOf& key_of) {
  if (partner.address.empty()) {
    return absl::FailedPreconditionError(
        absl::StrCat(partner.agency, " has no address in node.yaml"));
  }
  const auto connection = ConnectionTo(file, partner);
  if (!connection.ok()) return connection.status();
  if (const absl::Status tls = crypto::RequireTls13(); !tls.ok()) return tls;
  const auto channel = requester::Connect(*connection);
  if (!channel.ok()) return channel.status();
  requester::LedgerClient client(*channel, absl::Seconds(options.timeout_seconds));
  auto head = client.GetCheckpoint(from.checkpoint.origin, from.checkpoint.size);
  if (!head.ok()) {
    return absl::UnavailableError(absl::StrCat(partner.agency, " could not be asked at ",
                                               partner.address, ": ", head.status().message()));
  }
  const auto opened = OpenWith(key_of, head->note);
  if (!opened.ok()) return absl::FailedPreconditionError(opened.status().message());
  return Shown{*std::move(head), *opened};
}

bool Confirmed(const std::string& agency, Console* console) {
  console->Note(absl::StrCat("Accept only after you have spoken with the agency. Type ", agency,
                             " to accept:"));
  std::string line;
  std::getline(console->in(), line);
  return absl::StripAsciiWhitespace(line) == agency;
}

absl::StatusOr<Exit> Accept(const Options& options, Console* console) {
  const absl::StatusOr<Known> known = Recall(options, console);
  if (!known.ok()) return known.status();
  if (known->all.empty()) {
    return absl::FailedPreconditionError(
        absl::StrCat("nothing is remembered here of the ledger of ", options.agency,
                     ", so there is no loss to accept"));
  }
  const requester::AcceptedLosses accepted(
      {requester::AcceptedLosses::FolderIn(known->file.witness)});
  // Each memory by itself: a loss must reach all of them.
  std::vector<std::pair<std::string, crypto::LossDeclared>> losses;
  std::string evidence;
  for (const Remembered& one : known->all) {
    const auto shown = Ask(options, known->file, known->partner, one, known->key_of);
    if (!shown.ok()) return shown.status();
    if (shown->checkpoint.origin == one.checkpoint.origin) continue;
    bool any = false;
    for (const crypto::LogSuccession& step : shown->head.successions) {
      const auto loss = crypto::ReadLossDeclared(step.opening);
      if (!loss.ok()) continue;
      any = true;
      if (accepted.Holds(step.opening) ||
          std::any_of(losses.begin(), losses.end(),
                      [&](const auto& other) { return other.first == step.opening; })) {
        continue;
      }
      losses.emplace_back(step.opening, *loss);
    }
    if (!any) continue;
    const auto verified = crypto::VerifySuccession(
        one.checkpoint, shown->head.successions, shown->checkpoint, known->key_of,
        [](absl::string_view, const crypto::LossDeclared&) { return true; });
    if (!verified.ok()) {
      return absl::FailedPreconditionError(
          absl::StrCat("nothing was accepted: ", verified.status().message(),
                       absl::IsFailedPrecondition(verified.status())
                           ? absl::StrCat(" (here: vouch partner remembered ", options.agency, ")")
                           : ""));
    }
    absl::StrAppend(&evidence, "--- remembered\n", one.note, "--- shown\n", shown->head.note);
    for (const crypto::LogSuccession& step : shown->head.successions) {
      absl::StrAppend(&evidence, "--- on the way\n", step.checkpoint);
    }
  }
  if (losses.empty()) {
    return absl::FailedPreconditionError(
        absl::StrCat(options.agency, " has declared no loss that is not accepted here already"));
  }
  for (const auto& [entry, loss] : losses) {
    console->Note(absl::StrCat(
        options.agency, " declared at ",
        TimeText(absl::FromUnixSeconds(static_cast<int64_t>(loss.until))), " that it lost ",
        crypto::LostEntries(loss), ", and begins ", loss.origin, " after ",
        Entries(loss.restored.size), " of ", loss.restored.origin,
        ".\nWhat this node remembers lies in what there is or in what is lost, and goes no "
        "further.\nNobody can check any more that what there is was not changed between your "
        "checkpoint and theirs; compare it with your receipts. Your receipts of what is lost still "
        "verify: keep them. The agency refuses questions until what it may have charged no longer "
        "counts."));
  }
  if (!options.yes && !Confirmed(options.agency, console)) {
    console->Note("Nothing was accepted.");
    return Exit::kFindings;
  }
  for (const auto& [entry, loss] : losses) {
    if (absl::Status kept = accepted.Accept(entry, evidence, absl::Now()); !kept.ok()) return kept;
  }
  if (options.json) {
    nlohmann::json facts = {{"result", "accepted"}, {"losses", nlohmann::json::array()}};
    for (const auto& [entry, loss] : losses) {
      facts["losses"].push_back({{"origin", loss.origin},
                                 {"lost_origin", loss.lost.origin},
                                 {"lost_entries", loss.lost.size},
                                 {"there_are", loss.restored.size}});
    }
    console->SayJson(facts);
  } else {
    console->Say(absl::StrCat("Accepted: ", losses.back().second.origin,
                              " is taken from now on, by this node too, without a restart. What "
                              "was remembered of the logs before stays."));
  }
  return Exit::kFine;
}

}  // namespace

void AddPartnerLossCommands(CLI::App* partner, Console* console) {
  auto accept = std::make_shared<Options>();
  CLI::App* accept_command = partner->add_subcommand(
      "accept-loss", "Accepts that a partner lost a part of its ledger, as it declared");
  accept_command->add_option("agency", accept->agency, "The partner's name")->required();
  AddNodeOption(accept_command, &accept->folder);
  accept_command->add_flag("--yes", accept->yes, "Do not ask; for scripts");
  accept_command->add_flag("--json", accept->json, "Print facts for programs");
  accept_command
      ->add_option("--timeout-seconds", accept->timeout_seconds, "How long to wait for the partner")
      ->check(CLI::Range(1, 300))
      ->capture_default_str();
  accept_command->footer(
      "Asks the partner's node for its declaration, and verifies that it is signed, stands first\n"
      "in the new log, and reaches all that is remembered here. Until it is accepted nothing of\n"
      "the new log is taken or cosigned, and no answer under it is used.\n"
      "Exit codes: 0 accepted; 1 refused, not confirmed, or there is none; 3 something is missing\n"
      "or damaged.\n"
      "Example:\n  vouch partner accept-loss irs.treasury.example --node ./fsa");
  accept_command->callback(
      [accept, console] { console->Run([&] { return Accept(*accept, console); }); });

  auto remembered = std::make_shared<Options>();
  CLI::App* remembered_command = partner->add_subcommand(
      "remembered", "Writes the latest checkpoint that is remembered of a partner's ledger");
  remembered_command->add_option("agency", remembered->agency, "The partner's name")->required();
  AddNodeOption(remembered_command, &remembered->folder);
  remembered_command->add_option("--output", remembered->output,
                                 "A new file; standard output without it");
  remembered_command->footer(
      "A partner that lost its journal needs it (vouch ledger declare-loss --checkpoint). It is\n"
      "signed by the partner itself, and holds nothing secret.\n"
      "Example:\n"
      "  vouch partner remembered irs.treasury.example --node ./fsa --output irs.checkpoint");
  remembered_command->callback(
      [remembered, console] { console->Run([&] { return SayRemembered(*remembered, console); }); });
}

}  // namespace vouch::client
