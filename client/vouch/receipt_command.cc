#include <fstream>
#include <iterator>
#include <memory>
#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/time/clock.h"
#include "client/requester/jws_check.h"
#include "client/requester/ledger_check.h"
#include "client/vouch/commands.h"
#include "client/vouch/jws_text.h"
#include "client/vouch/node_folder.h"
#include "crypto/digest.h"
#include "crypto/keys.h"
#include "crypto/receipt.h"
#include "nlohmann/json.hpp"
#include "policies/engine/source.h"
#include "policies/engine/values.h"
#include "server/node/folders.h"

namespace vouch::client {
namespace {

namespace node = server::node;

constexpr size_t kLargestReceipt = size_t{4} << 20;

struct ReceiptOptions {
  std::string path;
  std::string node;
  std::string ledger_key;
  std::string receipt_key;
  std::string responder;
  bool json = false;
};

// A receipt as `vouch ask --json` prints it, taken apart.
struct KeptReceipt {
  v1::Receipt receipt;
  std::string details;
  std::string request;
};

absl::StatusOr<std::string> ReadAll(const std::string& path, Console* console) {
  std::string text;
  if (path == "-") {
    text.assign(std::istreambuf_iterator<char>(console->in()), {});
  } else {
    std::ifstream file(path, std::ios::binary);
    if (!file) return absl::NotFoundError(absl::StrCat("cannot read ", path));
    text.assign(std::istreambuf_iterator<char>(file), {});
  }
  if (text.size() > kLargestReceipt) {
    return absl::NotFoundError(absl::StrCat(path, ": too large to be a receipt"));
  }
  return text;
}

absl::StatusOr<KeptReceipt> Read(const std::string& path, const std::string& text) {
  const nlohmann::json json = nlohmann::json::parse(text, nullptr, false);
  KeptReceipt kept;
  std::string receipt;
  for (const auto& [name, out] : std::vector<std::pair<std::string, std::string*>>{
           {"receipt", &receipt}, {"details", &kept.details}, {"request", &kept.request}}) {
    if (!json.is_object() || !json.contains(name) || !json[name].is_string() ||
        !absl::Base64Unescape(json[name].get<std::string>(), out)) {
      return absl::NotFoundError(
          absl::StrCat(path, ": expected one object as `vouch ask --json` prints it; \"", name,
                       "\" is missing or is no base64"));
    }
  }
  if (!kept.receipt.ParseFromString(receipt)) {
    return absl::NotFoundError(absl::StrCat(path, ": \"receipt\" is no receipt"));
  }
  return kept;
}

absl::Status Wrong(absl::string_view what) {
  return absl::FailedPreconditionError(absl::StrCat("the receipt does not verify: ", what));
}

struct Verified {
  crypto::SubjectEntry entry;
  crypto::Details details;
  crypto::CanonicalRequest request;  // into the kept bytes
  crypto::Checkpoint checkpoint;
  uint32_t slots = 1;
};

// Everything but the log: that entry, opening, details and request are of one piece.
absl::StatusOr<Verified> VerifyContents(const KeptReceipt& kept) {
  Verified verified;
  verified.slots = kept.receipt.proof().count();
  const std::string& entries = kept.receipt.entry();
  if (verified.slots == 0 || entries.empty() || entries.size() % verified.slots != 0) {
    return Wrong("it has not as many entries as its proof is of");
  }
  const size_t each = entries.size() / verified.slots;
  for (size_t at = 0; at < entries.size(); at += each) {
    absl::StatusOr<crypto::SubjectEntry> entry =
        crypto::ReadSubjectEntry(absl::string_view(entries).substr(at, each));
    if (!entry.ok()) return Wrong(entry.status().message());
    if (at > 0 && entry->commitment != verified.entry.commitment) {
      return Wrong("the entries of the group's slots commit to different answers");
    }
    if (at == 0) verified.entry = *std::move(entry);
  }
  if (verified.entry.kind != crypto::EntryKind::kAnswered) return Wrong("it records no answer");
  absl::StatusOr<crypto::Details> details = crypto::ReadDetails(kept.details);
  if (!details.ok()) return Wrong(details.status().message());
  verified.details = *std::move(details);
  absl::StatusOr<crypto::CanonicalRequest> request = crypto::ReadCanonicalRequest(kept.request);
  if (!request.ok()) return Wrong(request.status().message());
  verified.request = *request;

  crypto::Digest opening;
  if (kept.receipt.opening().size() != opening.size()) return Wrong("its opening is not 32 bytes");
  std::copy_n(crypto::AsBytes(kept.receipt.opening()).begin(), opening.size(), opening.begin());
  if (crypto::Commit(opening, kept.details) != verified.entry.commitment) {
    return Wrong("the ledger entry commits to another answer");
  }
  if (crypto::Sha256(kept.request) != verified.details.request) {
    return Wrong("the answer was given to another request");
  }
  const crypto::CanonicalRequest& asked = verified.request;
  const crypto::SubjectEntry& entry = verified.entry;
  if (entry.requester != asked.requester || entry.agreement_id != asked.agreement_id ||
      entry.question != asked.question || entry.purpose != asked.purpose ||
      asked.agreement_digest.size() != sizeof(crypto::Digest) ||
      !std::equal(entry.digest_prefix.begin(), entry.digest_prefix.end(),
                  asked.agreement_digest.begin()) ||
      verified.details.parameters != asked.parameters) {
    return Wrong("the ledger entry is about another question than the request");
  }
  return verified;
}

std::string WhenText(const crypto::SubjectEntry& entry) {
  return absl::FormatTime("%Y-%m-%d %H:%M UTC", absl::FromUnixSeconds(int64_t{entry.minute} * 60),
                          absl::UTCTimeZone());
}

std::string DayText(int32_t day) { return absl::FormatCivilTime(absl::CivilDay(1970, 1, 1) + day); }

std::string ParametersText(absl::string_view canonical) {
  crypto::ByteReader in(crypto::AsBytes(canonical));
  std::vector<std::string> texts;
  const uint16_t count = in.U16();
  for (uint16_t i = 0; i < count && in.ok(); ++i) {
    const std::string name = policies::Shown(crypto::AsText(in.Field()));
    const bool number = in.U8() == 1;
    texts.push_back(absl::StrCat(name, " ",
                                 number ? absl::StrCat(static_cast<int64_t>(in.U64()))
                                        : policies::Shown(crypto::AsText(in.Field()))));
  }
  return texts.empty() ? "no parameters" : absl::StrJoin(texts, ", ");
}

// `jws`: "none", "verifies" or "not checked".
void Say(const ReceiptOptions& options, const KeptReceipt& kept, const Verified& verified,
         const std::string& responder, const std::string& jws, Console* console) {
  const crypto::SubjectEntry& entry = verified.entry;
  const auto answer = static_cast<policies::Answer>(verified.details.answer);
  const std::string token_digest = crypto::Hex(crypto::Sha256(verified.request.tokens));
  if (options.json) {
    nlohmann::ordered_json json;
    json["verifies"] = true;
    json["responder"] = responder;
    json["requester"] = entry.requester;
    json["agreement"] = entry.agreement_id;
    json["agreement_digest"] = crypto::Hex(verified.request.agreement_digest);
    json["question"] = entry.question;
    json["purpose"] = entry.purpose;
    json["answer"] = std::string(policies::AnswerName(answer));
    json["data_as_of"] = DayText(verified.details.data_as_of);
    json["recorded"] = WhenText(entry);
    json["members"] = verified.request.member_count;
    json["tokens_sha256"] = token_digest;
    json["log"] = verified.checkpoint.origin;
    json["index"] = kept.receipt.index();
    json["log_size"] = verified.checkpoint.size;
    json["jws"] = jws;
    console->SayJson(json);
    return;
  }
  console->Say(absl::StrCat(
      "This receipt verifies.\n\n", policies::Shown(entry.requester), " asked ",
      policies::Shown(responder), " under agreement ", policies::Shown(entry.agreement_id),
      "\n(file digest ", crypto::Hex(verified.request.agreement_digest), "),\nfor the purpose ",
      policies::Shown(entry.purpose), ", the question ", policies::Shown(entry.question), " with ",
      ParametersText(verified.details.parameters), ",\nabout ",
      verified.slots == 1 ? std::string("one person")
                          : absl::StrCat("a group of ", verified.request.member_count),
      " whose tokens have the SHA-256\n", token_digest, ".\n"));
  console->Say(absl::StrCat("Answer:    ", policies::AnswerName(answer), ", from data as of ",
                            DayText(verified.details.data_as_of)));
  console->Say(absl::StrCat("Recorded:  ", WhenText(entry), ", as entry ", kept.receipt.index(),
                            " of the log ", verified.checkpoint.origin));
  console->Say(absl::StrCat("Proved by: the log's signature over its first ",
                            verified.checkpoint.size, " entries"));
  if (jws != "none") {
    console->Say(
        jws == "verifies"
            ? "Its JWS:   verifies, and says the same"
            : "Its JWS:   not checked, without --receipt-key or the partner's receipt_key");
  }
  console->Say(
      "\nWhoever holds this file can show all of this to anyone. That the log showed everybody "
      "the\n"
      "same is for its witnesses to say: vouch ledger verify.");
}

// The key files of who answered: those given, else those that the node holds of that partner. The
// ledger's is empty where only a JWS is to be checked, the receipts' where none is known.
struct KeyFiles {
  std::string ledger;
  std::string receipts;
};
absl::StatusOr<KeyFiles> FindKeys(const ReceiptOptions& options, const std::string& responder,
                                  bool needs_ledger, Console* console) {
  KeyFiles keys{options.ledger_key, options.receipt_key};
  const bool given = needs_ledger ? !keys.ledger.empty() : !keys.receipts.empty();
  if (given) return keys;
  const absl::StatusOr<node::NodeFile> file = OpenNode(options.node, console);
  if (!file.ok()) return file.status();
  const node::Partner* partner = file->FindPartner(responder);
  if (partner != nullptr) keys.ledger = partner->ledger_key;
  if (partner != nullptr && keys.receipts.empty()) keys.receipts = partner->receipt_key;
  if ((needs_ledger ? keys.ledger : keys.receipts).empty()) {
    return absl::NotFoundError(absl::StrCat(
        options.node, "/node.yaml knows no ", needs_ledger ? "ledger_key" : "receipt_key", " of ",
        policies::Shown(responder), "; give ", needs_ledger ? "--ledger-key" : "--receipt-key",
        " and --responder"));
  }
  return keys;
}

absl::StatusOr<crypto::JwsVerifier> ReadReceiptKey(const std::string& path) {
  const absl::StatusOr<std::string> pem = node::ReadText(path);
  if (!pem.ok()) return pem.status();
  absl::StatusOr<crypto::JwsVerifier> verifier = requester::ReceiptVerifierFromPem(*pem);
  if (!verifier.ok()) {
    return absl::NotFoundError(absl::StrCat(path, ": ", verifier.status().message()));
  }
  return verifier;
}

absl::StatusOr<Exit> VerifyBare(const ReceiptOptions& options, absl::string_view jws,
                                Console* console) {
  if (options.receipt_key.empty() != options.responder.empty()) {
    return UsageError("of a JWS by itself, --receipt-key and --responder go together");
  }
  const std::string responder = options.responder.empty() ? ClaimedIssuer(jws) : options.responder;
  const absl::StatusOr<KeyFiles> keys = FindKeys(options, responder, false, console);
  if (!keys.ok()) return keys.status();
  const absl::StatusOr<crypto::JwsVerifier> verifier = ReadReceiptKey(keys->receipts);
  if (!verifier.ok()) return verifier.status();
  const absl::Status verified = VerifyJwsText(jws, *verifier, responder, options.json, console);
  if (!verified.ok()) return verified;
  return Exit::kFine;
}

absl::StatusOr<Exit> Verify(const ReceiptOptions& options, Console* console) {
  const absl::StatusOr<std::string> text = ReadAll(options.path, console);
  if (!text.ok()) return text.status();
  const absl::string_view bare = absl::StripAsciiWhitespace(*text);
  if (IsJwsText(bare)) return VerifyBare(options, bare, console);
  const absl::StatusOr<KeptReceipt> kept = Read(options.path, *text);
  if (!kept.ok()) return kept.status();
  if (options.ledger_key.empty() != options.responder.empty()) {
    return UsageError("--ledger-key and --responder go together");
  }
  std::string responder = options.responder;
  if (responder.empty()) {
    // The log says whose it is; that agency's key then proves it or does not.
    const auto note = crypto::ReadNote(kept->receipt.proof().checkpoint());
    const auto claimed = note.ok() ? crypto::ReadCheckpoint(note->text) : note.status();
    if (!claimed.ok()) return Wrong("it has no checkpoint of a log");
    responder = claimed->origin.substr(0, claimed->origin.find('/'));
  }
  const absl::StatusOr<KeyFiles> keys = FindKeys(options, responder, true, console);
  if (!keys.ok()) return keys.status();
  const absl::StatusOr<std::string> pem = node::ReadText(keys->ledger);
  if (!pem.ok()) return pem.status();
  const absl::StatusOr<std::string> key = crypto::PublicKeyFromPem(*pem);
  if (!key.ok())
    return absl::NotFoundError(absl::StrCat(keys->ledger, ": ", key.status().message()));

  absl::StatusOr<Verified> verified = VerifyContents(*kept);
  if (!verified.ok()) return verified.status();
  const requester::LedgerCheck check(responder, *key);
  const absl::Status in_log = check.Check(
      kept->receipt.proof(),
      {{kept->receipt.index(), requester::LeavesOf(kept->receipt.entry(), verified->slots)}},
      absl::Now());
  if (!in_log.ok()) {
    return Wrong("its entry is not shown to be in the log under that key");
  }
  const auto checkpoint = check.Open(kept->receipt.proof().checkpoint(), absl::Now());
  if (!checkpoint.ok()) return checkpoint.status();
  verified->checkpoint = *checkpoint;

  std::string jws = kept->receipt.jws().empty() ? "none" : "not checked";
  if (jws == "none" && !options.receipt_key.empty()) return Wrong("it has no JWS");
  if (jws != "none" && !keys->receipts.empty()) {
    const absl::StatusOr<crypto::JwsVerifier> verifier = ReadReceiptKey(keys->receipts);
    if (!verifier.ok()) return verifier.status();
    const absl::Status same =
        requester::CheckJws(*verifier, {responder, kept->request, kept->details, verified->slots,
                                        &kept->receipt, kept->receipt.proof().checkpoint()});
    if (!same.ok()) return Wrong("its JWS is not the responder's, or says something else");
    jws = "verifies";
  }
  Say(options, *kept, *verified, responder, jws, console);
  return Exit::kFine;
}

}  // namespace

void AddReceiptCommand(CLI::App* vouch, Console* console) {
  CLI::App* receipt = vouch->add_subcommand("receipt", "Receipts of answers that were given");
  receipt->require_subcommand(1);
  receipt->footer(
      "Example:\n  vouch ask ... --json > answer.json\n"
      "  vouch receipt verify answer.json --node ./fsa");
  auto options = std::make_shared<ReceiptOptions>();
  CLI::App* command = receipt->add_subcommand(
      "verify",
      "Checks a kept receipt without a network, and says what it proves: what was asked, when,\n"
      "under which agreement, what was answered, and that the log has it");
  command
      ->add_option("file", options->path,
                   "What `vouch ask --json` printed, or a JWS by itself; - for standard input")
      ->required();
  command->add_option("--node", options->node, "The asking node's folder, which knows the key")
      ->envname("VOUCH_NODE");
  command->add_option("--ledger-key", options->ledger_key,
                      "Without a node: PEM public key of the responder's ledger");
  command->add_option("--receipt-key", options->receipt_key,
                      "PEM public key of the responder's JWS receipts");
  command->add_option("--responder", options->responder, "And the responder's name");
  command->add_flag("--json", options->json, "Print facts for programs");
  command->footer(
      "Exit codes: 0 it verifies; 1 it does not; 3 the file cannot be read as a receipt.\n"
      "Example:\n"
      "  vouch receipt verify answer.json --responder irs.treasury.example --ledger-key "
      "ledger.pem\n"
      "  vouch receipt verify receipt.jws --responder irs.treasury.example --receipt-key "
      "receipt.pem");
  command->callback(
      [options, console] { console->Run([&] { return Verify(*options, console); }); });
}

}  // namespace vouch::client
