#include <algorithm>
#include <filesystem>
#include <functional>
#include <map>
#include <memory>
#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_split.h"
#include "absl/types/optional.h"
#include "client/requester/connection.h"
#include "client/requester/ledger_client.h"
#include "client/vouch/asking_node.h"
#include "client/vouch/exported_logs.h"
#include "client/vouch/http_log.h"
#include "client/vouch/ledger_commands.h"
#include "client/vouch/node_folder.h"
#include "crypto/base64.h"
#include "crypto/certificate.h"
#include "crypto/checkpoint.h"
#include "crypto/keys.h"
#include "crypto/log_entry.h"
#include "crypto/receipt.h"
#include "policies/engine/explain/html_page.h"
#include "server/ledger/tree/static_layout.h"
#include "server/node/folders.h"

namespace vouch::client {
namespace {

namespace node = server::node;
namespace tree = server::ledger::tree;

constexpr uint32_t kEntriesACall = 256;
constexpr size_t kMostLogs = 200;

struct VerifyOptions {
  std::string target;
  std::vector<std::string> keys;
  std::string folder;  // of the node
  bool json = false;
  int timeout_seconds = 20;
};

// What was found, of a log that verifies as far as it could be read.
struct Findings {
  absl::Status result;
  crypto::VerifiedCheckpoint opened;
  uint64_t entries_read = 0;                  // of which the bytes were there
  uint64_t entries_known = 0;                 // of which they are entries of this format
  absl::optional<crypto::LossDeclared> loss;  // that the log begins with

  void Take(uint64_t index, absl::string_view entry) {
    ++entries_read;
    if (crypto::RequesterOf(entry).ok()) ++entries_known;
    if (index > 0) return;
    if (auto declared = crypto::ReadLossDeclared(entry); declared.ok()) loss = *std::move(declared);
  }
};

// A verifier key, or a file that holds one a line.
absl::Status AddKeys(const std::string& key, std::vector<crypto::NoteVerifier>* known) {
  absl::StatusOr<crypto::NoteVerifier> parsed = crypto::NoteVerifier::Parse(key);
  if (parsed.ok()) {
    known->push_back(*std::move(parsed));
    return absl::OkStatus();
  }
  const absl::StatusOr<std::string> text = node::ReadText(key);
  if (!text.ok()) {
    return UsageError(
        absl::StrCat("--key takes a verifier key (NAME+ID+KEY), or a file that holds "
                     "such keys, one a line: ",
                     parsed.status().message()));
  }
  for (const absl::string_view line : absl::StrSplit(*text, '\n', absl::SkipWhitespace())) {
    parsed = crypto::NoteVerifier::Parse(absl::StripAsciiWhitespace(line));
    if (!parsed.ok()) {
      return absl::InvalidArgumentError(absl::StrCat(key, ": ", parsed.status().message()));
    }
    known->push_back(*std::move(parsed));
  }
  return absl::OkStatus();
}

// The key that a node knows a log by: its own, or what its partner gave it.
absl::Status AddNodesKey(const node::NodeFile& file, const std::string& origin,
                         std::vector<crypto::NoteVerifier>* known) {
  std::string public_der;
  if (absl::StartsWith(origin, absl::StrCat(file.agency, "/"))) {
    absl::StatusOr<std::string> pem =
        crypto::ReadPrivateFile(absl::StrCat(file.keys, "/", node::kLedgerKey));
    if (!pem.ok()) return pem.status();
    const absl::StatusOr<crypto::SigningKey> key = crypto::SigningKey::FromPem(*pem);
    crypto::Wipe(&*pem);
    if (!key.ok()) return key.status();
    public_der = key->PublicDer();
  }
  for (const node::Partner& partner : file.partners) {
    if (partner.ledger_key.empty() ||
        !absl::StartsWith(origin, absl::StrCat(partner.agency, "/"))) {
      continue;
    }
    const absl::StatusOr<std::string> pem = node::ReadText(partner.ledger_key);
    if (!pem.ok()) return pem.status();
    absl::StatusOr<std::string> key = crypto::PublicKeyFromPem(*pem);
    if (!key.ok()) return key.status();
    public_der = *std::move(key);
  }
  if (public_der.empty()) return absl::OkStatus();
  for (const auto type : {crypto::NoteKeyType::kEd25519, crypto::NoteKeyType::kEcdsaP256}) {
    absl::StatusOr<crypto::NoteVerifier> verifier =
        crypto::NoteVerifier::From(origin, type, crypto::AsBytes(public_der));
    if (verifier.ok()) {
      known->push_back(*std::move(verifier));
      return absl::OkStatus();
    }
  }
  return absl::InvalidArgumentError(
      absl::StrCat("the key that this node has for ", origin, " signs no checkpoints"));
}

// One key signs all of an agency's logs, each under the log's own name.
void AddOtherYears(const std::string& origin, std::vector<crypto::NoteVerifier>* known) {
  const absl::optional<crypto::LogName> log = crypto::ReadLogName(origin);
  if (!log.has_value()) return;
  std::vector<crypto::NoteVerifier> added;
  for (const crypto::NoteVerifier& key : *known) {
    const absl::optional<crypto::LogName> other = crypto::ReadLogName(key.name());
    if (!other.has_value() || other->agency != log->agency || key.name() == origin) continue;
    absl::StatusOr<crypto::NoteVerifier> named = key.Named(origin);
    if (named.ok()) added.push_back(*std::move(named));
  }
  known->insert(known->end(), added.begin(), added.end());
}

// Opens the note under every key that could be found for its log.
absl::StatusOr<crypto::VerifiedCheckpoint> Open(const VerifyOptions& options,
                                                const absl::optional<node::NodeFile>& file,
                                                const std::string& note) {
  const absl::StatusOr<crypto::SignedNote> read = crypto::ReadNote(note);
  if (!read.ok()) return read.status();
  const absl::StatusOr<crypto::Checkpoint> claimed = crypto::ReadCheckpoint(read->text);
  if (!claimed.ok()) return claimed.status();
  std::vector<crypto::NoteVerifier> known;
  for (const std::string& key : options.keys) {
    if (absl::Status added = AddKeys(key, &known); !added.ok()) return added;
  }
  if (options.keys.empty() && file.has_value()) {
    if (absl::Status added = AddNodesKey(*file, claimed->origin, &known); !added.ok()) return added;
  }
  AddOtherYears(claimed->origin, &known);
  if (known.empty()) {
    return UsageError(absl::StrCat(
        "nothing says which key ", claimed->origin,
        " is signed with: give it with --key, or name with --node a node that is its own or has it "
        "as a partner's ledger_key. Ask the agency for it by a way that its operator does not "
        "control"));
  }
  return crypto::OpenCheckpoint(note, known);
}

absl::Status CompareRoot(const crypto::CompactRange& range, const crypto::Checkpoint& checkpoint) {
  if (range.Root() == checkpoint.root) return absl::OkStatus();
  return absl::DataLossError(absl::StrCat("what is there does not give the root that the ",
                                          "checkpoint of ", checkpoint.size, " entries says"));
}

absl::Status VerifyFolder(const std::string& folder, Console* console, Findings* findings) {
  const tree::FolderLog log(folder);
  const crypto::Checkpoint& checkpoint = findings->opened.checkpoint;
  Progress progress(console, "verifying");
  absl::StatusOr<crypto::CompactRange> range = absl::UnknownError("");
  if (node::Exists(absl::StrCat(folder, "/tile/entries"))) {
    range =
        crypto::RecomputeLog(log, checkpoint.size, [&](uint64_t index, absl::string_view entry) {
          if (index % kEntriesACall == 0) {
            progress.Show(index, checkpoint.size);
          }
          findings->Take(index, entry);
          return absl::OkStatus();
        });
  } else {
    range =
        crypto::RecomputeTiles(log, checkpoint.size, [&](uint64_t index, const crypto::Digest&) {
          if (index % kEntriesACall == 0) {
            progress.Show(index, checkpoint.size);
          }
          return absl::OkStatus();
        });
  }
  if (!range.ok()) return range.status();
  progress.Finish(checkpoint.size);
  return CompareRoot(*range, checkpoint);
}

absl::Status VerifySite(const HttpLog& site, Console* console, Findings* findings) {
  const crypto::Checkpoint& checkpoint = findings->opened.checkpoint;
  Progress progress(console, "verifying");
  const absl::StatusOr<crypto::CompactRange> range =
      crypto::RecomputeTiles(site, checkpoint.size, [&](uint64_t index, const crypto::Digest&) {
        if (index % kEntriesACall == 0) progress.Show(index, checkpoint.size);
        return absl::OkStatus();
      });
  if (!range.ok()) return range.status();
  progress.Finish(checkpoint.size);
  return CompareRoot(*range, checkpoint);
}

class PartnerTiles final : public crypto::TileReader {
 public:
  PartnerTiles(requester::LedgerClient* partner, std::string log)
      : partner_(partner), log_(std::move(log)) {}
  absl::StatusOr<std::vector<crypto::Digest>> ReadTile(const crypto::Tile& tile) const override {
    return partner_->ReadTileOf(log_, tile);
  }

 private:
  requester::LedgerClient* const partner_;
  const std::string log_;
};

absl::Status VerifyPartner(requester::LedgerClient* partner, Console* console, Findings* findings) {
  const crypto::Checkpoint& checkpoint = findings->opened.checkpoint;
  const PartnerTiles tiles(partner, checkpoint.origin);
  Progress progress(console, "verifying");
  std::vector<requester::LedgerClient::Entry> entries;
  const auto visit = [&](uint64_t index, const crypto::Digest& leaf) -> absl::Status {
    const uint64_t at = index % kEntriesACall;
    if (at == 0) {
      progress.Show(index, checkpoint.size);
      auto read = partner->GetEntries(
          index, static_cast<uint32_t>(std::min<uint64_t>(kEntriesACall, checkpoint.size - index)),
          checkpoint.origin);
      if (!read.ok()) return read.status();
      entries = *std::move(read);
    }
    if (entries[at].leaf != leaf) {
      return absl::DataLossError(
          absl::StrCat("entry ", index, " is not the one whose hash stands in the tree"));
    }
    if (entries[at].shown) findings->Take(index, entries[at].bytes);
    return absl::OkStatus();
  };
  const absl::StatusOr<crypto::CompactRange> range =
      crypto::RecomputeTiles(tiles, checkpoint.size, visit);
  if (!range.ok()) return range.status();
  progress.Finish(checkpoint.size);
  return CompareRoot(*range, checkpoint);
}

std::string CosignedBy(const crypto::VerifiedCheckpoint& opened) {
  std::vector<std::string> names;
  for (const crypto::NoteSignature& signature : opened.note.note.signatures) {
    if (signature.name != opened.checkpoint.origin) names.push_back(signature.name);
  }
  if (names.empty()) return "No witness's signature stands beside it.";
  return absl::StrCat("Beside it stand signatures of ", absl::StrJoin(names, ", "), "; ",
                      opened.cosigned.size(), " of them could be verified with the keys given.");
}

// A checkpoint that opens under no key, or tiles that are not there, are findings about the log;
// whatever kept this program from looking is an error of its own.
bool IsFinding(const absl::Status& status) {
  return absl::IsDataLoss(status) || absl::IsInvalidArgument(status) ||
         absl::IsPermissionDenied(status) || absl::IsNotFound(status);
}

nlohmann::json FactsOf(const Findings& findings) {
  const crypto::Checkpoint& checkpoint = findings.opened.checkpoint;
  nlohmann::json facts = {{"result", findings.result.ok() ? "verified" : "does-not-verify"},
                          {"origin", checkpoint.origin},
                          {"entries", checkpoint.size},
                          {"entries_read", findings.entries_read},
                          {"root", crypto::Base64(checkpoint.root)},
                          {"says", std::string(findings.result.message())}};
  facts["cosigned"] = nlohmann::json::array();
  for (const auto& cosigned : findings.opened.cosigned) {
    facts["cosigned"].push_back(
        {{"verifier", cosigned.verifier},
         {"time", TimeText(absl::FromUnixSeconds(static_cast<int64_t>(cosigned.seconds)))}});
  }
  return facts;
}

void SayOne(const Findings& findings, Console* console) {
  const crypto::Checkpoint& checkpoint = findings.opened.checkpoint;
  if (!findings.result.ok()) {
    console->Note(absl::StrCat(
        checkpoint.origin, " DOES NOT VERIFY: ", findings.result.message(),
        ".\nKeep what you have: the signed checkpoint shows what its signer vouched for."));
    return;
  }
  std::string read = absl::StrCat("All ", checkpoint.size, " entries were hashed anew");
  if (findings.entries_read == 0 && checkpoint.size > 0) {
    read = "The entries themselves are not here, only their hashes";
  } else if (findings.entries_read < checkpoint.size) {
    read = absl::StrCat(findings.entries_read, " of ", checkpoint.size,
                        " entries could be read and were hashed anew; of the others there are only "
                        "the hashes");
  }
  console->Say(absl::StrCat(checkpoint.origin, " verifies: ", checkpoint.size,
                            checkpoint.size == 1 ? " entry.\n" : " entries.\n", read,
                            ", every tile of the tree was computed anew, and the checkpoint with "
                            "that root is signed by the log's key.\n",
                            CosignedBy(findings.opened)));
  if (findings.entries_known < findings.entries_read) {
    console->Note(absl::StrCat(findings.entries_read - findings.entries_known,
                               " entries are of a kind that this program does not know."));
  }
}

// The entries by which one log follows another; empty where they are only hashes.
struct Joint {
  std::string closing;  // the last entry of the one
  std::string opening;  // the first of the other
};

// Both logs verify. DataLoss unless the one ended, and the other goes on from exactly that.
absl::Status VerifyJoint(const Joint& joint, const crypto::Checkpoint& ended,
                         const crypto::Checkpoint& next) {
  if (const auto loss = crypto::ReadLossDeclared(joint.opening); loss.ok()) {
    if (loss->origin == next.origin && loss->restored == ended) return absl::OkStatus();
    return absl::DataLossError(absl::StrCat("the first entry of ", next.origin,
                                            " declares a loss after other entries than these"));
  }
  const auto closed = crypto::ReadLogClosed(joint.closing);
  if (!closed.ok() || closed->origin != ended.origin || closed->size != ended.size ||
      closed->next != next.origin) {
    return absl::DataLossError(absl::StrCat(
        "its last entry does not say that it ended there and that ", next.origin, " follows"));
  }
  const auto opened = crypto::ReadLogOpened(joint.opening);
  if (!opened.ok() || opened->origin != next.origin || opened->closed != ended) {
    return absl::DataLossError(absl::StrCat("the first entry of ", next.origin,
                                            " does not commit to this checkpoint of it"));
  }
  return absl::OkStatus();
}

using JointOf = std::function<absl::StatusOr<Joint>(const crypto::Checkpoint& ended,
                                                    const crypto::Checkpoint& next)>;

// Whatever a partner wrote there.
std::string LossWords(const crypto::LossDeclared& loss) {
  return policies::explain::Visible(absl::StrCat(
      "A LOSS WAS DECLARED: of ", loss.restored.origin, " there are ", loss.restored.size,
      " entries; ", crypto::LostEntries(loss), " are lost, and maybe more, until ",
      TimeText(absl::FromUnixSeconds(static_cast<int64_t>(loss.until))), ". ", loss.origin,
      " begins with that declaration. Receipts of what is lost still verify."));
}

// Logs are there, oldest first.
absl::StatusOr<Exit> Say(const VerifyOptions& options, std::vector<Findings> logs,
                         const JointOf& joint_of, Console* console) {
  std::vector<std::string> joined, lost;
  // What the oldest begins with has no log before it to be held against.
  if (logs.front().result.ok() && logs.front().loss.has_value()) {
    lost.push_back(LossWords(*logs.front().loss));
  }
  for (size_t i = 0; i + 1 < logs.size(); ++i) {
    const crypto::Checkpoint& ended = logs[i].opened.checkpoint;
    const crypto::Checkpoint& next = logs[i + 1].opened.checkpoint;
    if (!logs[i].result.ok() || !logs[i + 1].result.ok()) continue;
    const absl::StatusOr<Joint> joint = joint_of(ended, next);
    if (absl::IsNotFound(joint.status())) {
      console->Note(absl::StrCat("How ", next.origin, " follows ", ended.origin,
                                 " stands in entries that are not here."));
      continue;
    }
    if (!joint.ok() && !IsFinding(joint.status())) return joint.status();
    logs[i].result = joint.ok() ? VerifyJoint(*joint, ended, next) : joint.status();
    const auto loss = joint.ok() ? crypto::ReadLossDeclared(joint->opening)
                                 : absl::StatusOr<crypto::LossDeclared>(joint.status());
    if (logs[i].result.ok() && loss.ok()) {
      lost.push_back(LossWords(*loss));
    } else if (logs[i].result.ok()) {
      joined.push_back(absl::StrCat(ended.origin, " ended with ", ended.size, " entries, and ",
                                    next.origin, " goes on from exactly that."));
    }
  }
  const bool fine =
      std::all_of(logs.begin(), logs.end(), [](const Findings& log) { return log.result.ok(); });
  if (options.json) {
    nlohmann::json facts = FactsOf(logs.back());
    facts["logs"] = nlohmann::json::array();
    for (const Findings& log : logs) facts["logs"].push_back(FactsOf(log));
    facts["losses"] = lost;
    if (!fine) facts["result"] = "does-not-verify";
    console->SayJson(facts);
  } else {
    for (const Findings& log : logs) SayOne(log, console);
    for (const std::string& line : joined) console->Say(line);
    for (const std::string& line : lost) console->Say(line);
  }
  return fine ? Exit::kFine : Exit::kFindings;
}

// The partner that is named, or whose node listens there.
absl::StatusOr<const node::Partner*> FindPartner(const VerifyOptions& options,
                                                 const absl::optional<node::NodeFile>& file) {
  if (!file.has_value()) {
    return absl::NotFoundError(
        absl::StrCat("there is no folder ", options.target,
                     "; for a partner's ledger name your own node with --node as well"));
  }
  for (const node::Partner& partner : file->partners) {
    if (partner.agency != options.target && partner.address != options.target) continue;
    if (!partner.address.empty()) return &partner;
    return absl::FailedPreconditionError(
        absl::StrCat(partner.agency, " has no address in node.yaml"));
  }
  return absl::NotFoundError(absl::StrCat(
      options.target, " is no folder, and neither a partner in node.yaml nor its address"));
}

// Opens a checkpoint, and has the log below it computed anew.
absl::StatusOr<Findings> VerifyOne(const VerifyOptions& options,
                                   const absl::optional<node::NodeFile>& file,
                                   const std::string& note, const std::string& called,
                                   const std::function<absl::Status(Findings*)>& recompute) {
  Findings findings;
  absl::StatusOr<crypto::VerifiedCheckpoint> opened = Open(options, file, note);
  if (absl::IsOutOfRange(opened.status())) return opened.status();
  if (!opened.ok()) {
    findings.opened.checkpoint.origin = called;
    findings.result = opened.status();
    return findings;
  }
  findings.opened = *std::move(opened);
  findings.result = recompute(&findings);
  if (!findings.result.ok() && !IsFinding(findings.result)) return findings.result;
  return findings;
}

absl::StatusOr<Exit> VerifyFolders(const VerifyOptions& options,
                                   const absl::optional<node::NodeFile>& file, Console* console) {
  const absl::StatusOr<std::vector<ExportedLog>> exported = ExportedLogsIn(options.target);
  if (!exported.ok()) return exported.status();
  std::map<std::string, std::string> folders;
  std::vector<Findings> logs;
  for (const ExportedLog& log : *exported) {
    folders[log.checkpoint.origin] = log.folder;
    auto findings = VerifyOne(options, file, log.note, log.folder, [&](Findings* into) {
      return VerifyFolder(log.folder, console, into);
    });
    if (!findings.ok()) return findings.status();
    logs.push_back(*std::move(findings));
  }
  const auto joint_of = [&](const crypto::Checkpoint& ended,
                            const crypto::Checkpoint& next) -> absl::StatusOr<Joint> {
    const std::string& one = folders[ended.origin];
    const std::string& other = folders[next.origin];
    if (!node::Exists(absl::StrCat(one, "/tile/entries")) ||
        !node::Exists(absl::StrCat(other, "/tile/entries"))) {
      return absl::NotFoundError("no bundles");
    }
    if (ended.size == 0 || next.size == 0) return absl::DataLossError("one of the two is empty");
    absl::StatusOr<std::string> closing = tree::FolderLog(one).ReadEntry(ended.size - 1);
    absl::StatusOr<std::string> opening = tree::FolderLog(other).ReadEntry(0);
    if (!closing.ok()) return absl::DataLossError(closing.status().message());
    if (!opening.ok()) return absl::DataLossError(opening.status().message());
    return Joint{*std::move(closing), *std::move(opening)};
  };
  return Say(options, std::move(logs), joint_of, console);
}

// The logs of a partner, oldest first, by what each says it follows.
absl::StatusOr<std::vector<std::string>> NotesOf(requester::LedgerClient* partner) {
  std::vector<std::string> notes;
  std::string log;
  while (notes.size() < kMostLogs) {
    const auto head = partner->GetCheckpoint("", 0, log);
    if (!head.ok()) return head.status();
    notes.push_back(head->note);
    const auto read = crypto::ReadNote(head->note);
    const auto checkpoint = read.ok() ? crypto::ReadCheckpoint(read->text) : read.status();
    if (!checkpoint.ok() || checkpoint->size == 0) break;
    const auto first = partner->GetEntries(0, 1, checkpoint->origin);
    if (!first.ok()) return first.status();
    const auto opened = crypto::ReadLogBegun(first->front().bytes);
    // Of a log of which nothing is left there is nothing to verify.
    if (!opened.ok() || opened->closed.size == 0) break;
    log = opened->closed.origin;
  }
  std::reverse(notes.begin(), notes.end());
  return notes;
}

absl::StatusOr<Exit> VerifySiteAt(const VerifyOptions& options,
                                  const absl::optional<node::NodeFile>& file, Console* console) {
  const auto site = HttpLog::Open(options.target, absl::Seconds(options.timeout_seconds));
  if (!site.ok()) return site.status();
  const auto note = (*site)->ReadCheckpointNote();
  if (!note.ok()) return note.status();
  auto findings = VerifyOne(options, file, *note, options.target,
                            [&](Findings* into) { return VerifySite(**site, console, into); });
  if (!findings.ok()) return findings.status();
  // One log: there are no entries to see what it follows.
  return Say(options, {*std::move(findings)}, nullptr, console);
}

absl::StatusOr<Exit> Verify(const VerifyOptions& options, Console* console) {
  absl::optional<node::NodeFile> file;
  if (!options.folder.empty()) {
    absl::StatusOr<node::NodeFile> read = OpenNode(options.folder, console);
    if (!read.ok()) return read.status();
    file = *std::move(read);
  }
  std::error_code ignored;
  if (std::filesystem::is_directory(options.target, ignored)) {
    return VerifyFolders(options, file, console);
  }
  if (HttpLog::IsAddress(options.target)) return VerifySiteAt(options, file, console);
  const absl::StatusOr<const node::Partner*> found = FindPartner(options, file);
  if (!found.ok()) return found.status();
  const auto connection = ConnectionTo(*file, **found);
  if (!connection.ok()) return connection.status();
  if (const absl::Status tls = crypto::RequireTls13(); !tls.ok()) return tls;
  const auto channel = requester::Connect(*connection);
  if (!channel.ok()) return channel.status();
  requester::LedgerClient partner(*channel, absl::Seconds(options.timeout_seconds));
  const auto notes = NotesOf(&partner);
  if (!notes.ok()) {
    return absl::UnavailableError(absl::StrCat((*found)->agency, " could not be asked at ",
                                               (*found)->address, ": ", notes.status().message()));
  }
  std::vector<Findings> logs;
  for (const std::string& note : *notes) {
    auto findings = VerifyOne(options, file, note, options.target, [&](Findings* into) {
      return VerifyPartner(&partner, console, into);
    });
    if (!findings.ok()) return findings.status();
    logs.push_back(*std::move(findings));
  }
  const auto joint_of = [&](const crypto::Checkpoint& ended,
                            const crypto::Checkpoint& next) -> absl::StatusOr<Joint> {
    if (ended.size == 0) return absl::DataLossError("it is empty, and another follows it");
    const auto closing = partner.GetEntries(ended.size - 1, 1, ended.origin);
    if (!closing.ok()) return closing.status();
    const auto opening = partner.GetEntries(0, 1, next.origin);
    if (!opening.ok()) return opening.status();
    return Joint{closing->front().bytes, opening->front().bytes};
  };
  return Say(options, std::move(logs), joint_of, console);
}

}  // namespace

void AddLedgerVerifyCommand(CLI::App* ledger, Console* console) {
  auto options = std::make_shared<VerifyOptions>();
  CLI::App* command = ledger->add_subcommand(
      "verify",
      "Computes a whole ledger anew: every entry that is there, every tile, the root, and "
      "who signed it");
  command
      ->add_option("target", options->target,
                   "A folder of `vouch ledger export`, a partner's name or address, or "
                   "http://HOST:PORT of a node's ledger_http")
      ->required();
  command->add_option("--key", options->keys,
                      "A key the checkpoint may be signed with: NAME+ID+KEY, or a file of such "
                      "lines; witnesses' too. Default: the key that the node of --node knows");
  command->add_option("--node", options->folder, "Your own node's folder")->envname("VOUCH_NODE");
  command->add_flag("--json", options->json, "Print facts for programs");
  command
      ->add_option("--timeout-seconds", options->timeout_seconds,
                   "How long a call, or a file over HTTP, may take")
      ->check(CLI::Range(1, 600))
      ->capture_default_str();
  command->footer(
      "Of a partner's ledger the entries are shown that are your own, and all to oversight; of "
      "the\n"
      "others their hashes. Exit codes: 0 it verifies; 1 it does not, or the partner cannot be\n"
      "reached; 2 no key was given; 3 there is no checkpoint.\n"
      "Example:\n"
      "  vouch ledger verify ledger-of-irs --key irs-ledger.key.txt\n"
      "  vouch ledger verify irs.treasury.example --node ./fsa\n"
      "  vouch ledger verify http://ledger.irs.treasury.example:8080 --key irs-ledger.key.txt");
  command->callback(
      [options, console] { console->Run([&] { return Verify(*options, console); }); });
}

}  // namespace vouch::client
