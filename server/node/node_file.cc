#include "server/node/node_file.h"

#include <sys/stat.h>

#include <cstdlib>
#include <filesystem>
#include <memory>
#include <set>
#include <system_error>
#include <utility>

#include "absl/algorithm/container.h"
#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "server/node/folders.h"

namespace vouch::server::node {
namespace {

using policies::Map;
using policies::Node;
using policies::Number;
using policies::Optional;
using policies::Reading;
using policies::Required;
using policies::ShapeOf;
using policies::Text;

// A host name, an IPv4 address or an IPv6 address in brackets, and a port.
ShapeOf<std::string> Endpoint() {
  const ShapeOf<std::string> text =
      Text({300, R"((\[[0-9A-Fa-f:.]+\]|[A-Za-z0-9]([A-Za-z0-9.-]*[A-Za-z0-9])?):[0-9]{1,5})",
            "a host and a port, such as \"node.fsa.ed.example:7443\" or \"[::1]:7443\""});
  return policies::Converted<std::string>(
      text, [](std::string value, const Node& node, Reading* reading, std::string* out) {
        int64_t port = 0;
        if (!absl::SimpleAtoi(value.substr(value.rfind(':') + 1), &port) || port > 65535) {
          return reading->ValueError("node/port", node, "a port is at most 65535",
                                     "write the port the node is to use, or 0 for a free one");
        }
        *out = std::move(value);
        return true;
      });
}

ShapeOf<std::string> FilePath() {
  return Text({1000, R"([^\\]+)", "a path, relative to the node's folder or absolute"});
}

template <typename V>
ShapeOf<V> Words(const std::vector<std::pair<policies::ChoiceWord, V>>& words) {
  return policies::Choice<V>(words);
}

ShapeOf<Signing> SigningShape() {
  static const ShapeOf<OfficerRole> role = Map<OfficerRole>(
      "a role",
      {
          Required<OfficerRole>("role", Text({60, ".*", "a role, such as \"program officer\""}),
                                &OfficerRole::role, "What the signer signs as.",
                                "\"program officer\""),
          Required<OfficerRole>(
              "any_of",
              policies::List(Text({500, "sha256:[0-9a-f]{64}|[A-Za-z0-9.]+=.*",
                                   "\"sha256:\" and 64 hexadecimal digits, or the subject of a "
                                   "certificate such as \"CN=Jo Doe,O=Agency,C=US\""}),
                             1, 50),
              &OfficerRole::any_of,
              "The certificates of which any one may sign in this role: the fingerprint of the key "
              "(`vouch agreement verify` shows it), or the subject.",
              "[\"CN=Jo Doe,O=Agency,C=US\"]"),
      });
  return Map<Signing>(
      "who signs agreements",
      {
          Required<Signing>("anchors", FilePath(), &Signing::anchors,
                            "PEM file of the authorities of the officers' certificates.",
                            "\"signing/anchors.pem\""),
          Optional<Signing>("revocations", FilePath(), &Signing::revocations,
                            "PEM file of revocation lists. When given, a certificate without a "
                            "current list is refused.",
                            "\"signing/revocations.pem\""),
          Required<Signing>("officers", policies::List(role, 1, 20), &Signing::officers,
                            "The roles in which an agreement must be signed, each by a signer of "
                            "its own.",
                            "[{role: \"program officer\", any_of: [\"CN=Jo "
                            "Doe,O=Agency,C=US\"]}]"),
      });
}

ShapeOf<Partner> PartnerShape() {
  return Map<Partner>(
      "a partner",
      {
          Required<Partner>("agency", policies::AgencyName(), &Partner::agency,
                            "The partner agency's name, as agreements and its certificate have it.",
                            "\"irs.treasury.example\""),
          Optional<Partner>("address", Endpoint(), &Partner::address,
                            "Where its node listens. Leave out when you only answer it.",
                            "\"node.irs.treasury.example:7443\""),
          Required<Partner>("anchors", FilePath(), &Partner::anchors,
                            "PEM file of the authorities that may vouch for this agency, and for "
                            "no other.",
                            "\"partners/irs.treasury.example/anchors.pem\""),
          Optional<Partner>("revocations", FilePath(), &Partner::revocations,
                            "PEM file of revocation lists. When given, a certificate without a "
                            "current list is refused.",
                            "\"partners/irs.treasury.example/revocations.pem\""),
          Optional<Partner>(
              "key_pin", policies::KeyFingerprint(), &Partner::key_pin,
              "Where its authority issues no agency names: the fingerprint of the "
              "key in its certificate.",
              "\"sha256:0f1e2d3c4b5a69788796a5b4c3d2e1f00f1e2d3c4b5a69788796a5b4c3d2e1f0\""),
          Optional<Partner>("issuer", Text(), &Partner::issuer,
                            "Instead of a pin: the issuer its certificate must have (RFC 2253), "
                            "together with dns_name.",
                            "\"CN=Agency Issuing CA,O=Government\""),
          Optional<Partner>("dns_name", Text(), &Partner::dns_name,
                            "The DNS name its certificate must have, together with issuer.",
                            "\"node.irs.treasury.example\""),
          Optional<Partner>("encryption_certificate", FilePath(), &Partner::encryption_certificate,
                            "PEM certificate to which `vouch keys share` encrypts.",
                            "\"partners/irs.treasury.example/encryption.pem\""),
          Optional<Partner>("ledger_key", FilePath(), &Partner::ledger_key,
                            "PEM file of the public key that signs its ledger's checkpoints. "
                            "Without it no answer of this agency is used.",
                            "\"partners/irs.treasury.example/ledger.pem\""),
          Optional<Partner>("witness_key", FilePath(), &Partner::witness_key,
                            "File of the key that verifies its cosignatures of this node's ledger. "
                            "Without it they are not counted.",
                            "\"partners/irs.treasury.example/witness.txt\""),
          Optional<Partner>("receipt_key", FilePath(), &Partner::receipt_key,
                            "PEM file of the public key that signs its JWS receipts; needed only "
                            "to ask for them.",
                            "\"partners/irs.treasury.example/receipt.pem\""),
          Optional<Partner>("calls_per_second", Number(1, 1000000), &Partner::calls_per_second,
                            "Calls of this agency beyond this are refused as BUSY.", "2000"),
          Optional<Partner>("signing", SigningShape(), &Partner::signing,
                            "Who signs agreements for this agency. Left out: nothing it is a party "
                            "to comes into force here.",
                            "{anchors: \"partners/irs.treasury.example/signing.pem\", officers: "
                            "[{role: \"program officer\", any_of: [\"CN=Jo Doe\"]}]}"),
      });
}

ShapeOf<NodeFile> NodeShape() {
  static const std::vector<std::pair<policies::ChoiceWord, policies::Use>> kUses = {
      {{"test", "made-up people only; never beside live agreements"}, policies::Use::kTest},
      {{"live", "real people"}, policies::Use::kLive}};
  static const std::vector<std::pair<policies::ChoiceWord, bool>> kCrypto = {
      {{"default", "whatever OpenSSL of this host has"}, false},
      {{"fips", "a validated module alone; this version refuses to start with it"}, true}};
  static const std::vector<std::pair<policies::ChoiceWord, std::string>> kLevels = {
      {{"info", "starts, reloads, loads and problems"}, "info"},
      {{"warning", "problems only"}, "warning"},
      {{"error", "failures only"}, "error"}};
  policies::MappingRules rules;
  rules.retired = {{"unsigned_agreements",
                    "take the line out: every agreement is countersigned. Say under `signing` who "
                    "signs for this agency and, under each partner, who signs for it "
                    "(docs/operations.md, Signing); then `vouch agreement sign` the files"}};
  return Map<NodeFile>(
      "the node's settings",
      {
          policies::FormatField<NodeFile>("vouch-node/1"),
          Required<NodeFile>(
              "agency", policies::AgencyName(), &NodeFile::agency,
              "This agency's name, as agreements and the node's certificate have it.",
              "\"fsa.ed.example\""),
          Required<NodeFile>("use", Words<policies::Use>(kUses), &NodeFile::use,
                             "Whether the node works with real people; agreements of the other use "
                             "are refused.",
                             "\"test\""),
          Required<NodeFile>("listen", Endpoint(), &NodeFile::listen,
                             "Where partners reach the node. Port 0 takes a free one and writes it "
                             "to run/listen.",
                             "\"0.0.0.0:7443\""),
          Optional<NodeFile>(
              "metrics", Endpoint(), &NodeFile::metrics,
              "Where /metrics and /healthz are served over plain HTTP. Left out: not "
              "at all.",
              "\"127.0.0.1:9464\""),
          Optional<NodeFile>(
              "ledger_http", Endpoint(), &NodeFile::ledger_http,
              "Where the ledger's checkpoint and hash tiles, never entries, are served over plain "
              "HTTP to whoever asks. Port 0 takes a free one and writes it to run/ledger_http. "
              "Left "
              "out: not at all.",
              "\"0.0.0.0:8080\""),
          Required<NodeFile>("certificate", FilePath(), &NodeFile::certificate,
                             "PEM chain the node shows, its own certificate first.",
                             "\"tls/node.pem\""),
          Required<NodeFile>("key", FilePath(), &NodeFile::key,
                             "PEM private key of that certificate, readable by its owner alone.",
                             "\"tls/node.key\""),
          Required<NodeFile>("agreements", FilePath(), &NodeFile::agreements,
                             "Folder of agreement files, fact catalogues and tables.",
                             "\"agreements\""),
          Required<NodeFile>("records", FilePath(), &NodeFile::records,
                             "Folder of what `vouch records load` writes.", "\"records\""),
          Required<NodeFile>("journal", FilePath(), &NodeFile::journal,
                             "Folder of the journal and the ledger.", "\"journal\""),
          Required<NodeFile>("keys", FilePath(), &NodeFile::keys,
                             "Folder of secret keys, closed to group and others.", "\"keys\""),
          Optional<NodeFile>(
              "high_water", FilePath(), &NodeFile::high_water,
              "File that holds the last checkpoint the ledger's key has signed, against a journal "
              "that is put back to an earlier state; best on another disk than the journal. Left "
              "out: ledger.high-water in the keys folder.",
              "\"keys/ledger.high-water\""),
          Required<NodeFile>("run", FilePath(), &NodeFile::run,
                             "Folder for what a running node leaves for others: its port, sockets.",
                             "\"run\""),
          Optional<NodeFile>("witness", FilePath(), &NodeFile::witness,
                             "Folder of what this node remembers of partners' ledgers. On another "
                             "disk than the journal it also shows when that was put back.",
                             "\"witness\""),
          Optional<NodeFile>("oversight", policies::List(policies::AgencyName(), 1, 100),
                             &NodeFile::oversight,
                             "Partners that may read every entry of the ledger, such as an "
                             "inspector general. Any other reads its own.",
                             "[\"oig.treasury.example\"]"),
          Optional<NodeFile>(
              "checkpoint_exchange_seconds",
              policies::Put<absl::Duration>(
                  Number(1, 3600),
                  [](int64_t seconds, absl::Duration* out) { *out = absl::Seconds(seconds); }),
              &NodeFile::checkpoint_exchange,
              "How often checkpoints of the ledgers are exchanged with each partner.", "60"),
          Optional<NodeFile>(
              "cosignature_lag_seconds",
              policies::Put<absl::Duration>(
                  Number(0, 2592000),
                  [](int64_t seconds, absl::Duration* out) { *out = absl::Seconds(seconds); }),
              &NodeFile::cosignature_lag,
              "How long entries of the ledger may wait for the cosignature of a partner that has a "
              "witness_key, before its questions are refused as LEDGER_UNAVAILABLE. 0: for ever.",
              "900"),
          Optional<NodeFile>("cosignature_lag_entries", Number(0, 1000000000000),
                             &NodeFile::cosignature_lag_entries,
                             "How many entries may wait for it. 0: any number.", "10000000"),
          Optional<NodeFile>("signing", SigningShape(), &NodeFile::signing,
                             "Who signs agreements for this agency. Left out: no agreement comes "
                             "into force here.",
                             "{anchors: \"signing/anchors.pem\", officers: [{role: \"program "
                             "officer\", any_of: [\"CN=Jo Doe\"]}]}"),
          Optional<NodeFile>("reflection", policies::YesNo(), &NodeFile::reflection,
                             "Whether gRPC clients may list the services.", "true"),
          Optional<NodeFile>("crypto", Words<bool>(kCrypto), &NodeFile::fips,
                             "Which cryptography may be used.", "\"default\""),
          Optional<NodeFile>("log_level", Words<std::string>(kLevels), &NodeFile::log_level,
                             "What the node writes to its log.", "\"info\""),
          Optional<NodeFile>("walkers", Number(1, 64), &NodeFile::walkers,
                             "Threads that resolve, decide and commit questions.", "2"),
          Optional<NodeFile>("queue_items", Number(512, 16777216), &NodeFile::queue_items,
                             "Questions that may wait; more are refused as BUSY.", "65536"),
          Optional<NodeFile>("queue_megabytes", Number(1, 65536), &NodeFile::queue_megabytes,
                             "Memory that waiting questions may use.", "256"),
          Optional<NodeFile>("evaluators", Number(1, 64), &NodeFile::evaluators,
                             "Threads that evaluate blinded elements.", "2"),
          Optional<NodeFile>(
              "drain_seconds",
              policies::Put<absl::Duration>(
                  Number(0, 3600),
                  [](int64_t seconds, absl::Duration* out) { *out = absl::Seconds(seconds); }),
              &NodeFile::drain, "How long calls under way may take to end when the node stops.",
              "10"),
          Optional<NodeFile>("partners", policies::List(PartnerShape(), 1, 1000),
                             &NodeFile::partners,
                             "Agencies this node exchanges questions with; `vouch partner add` "
                             "writes them.",
                             "[{agency: \"irs.treasury.example\", anchors: \"partners/"
                             "irs.treasury.example/anchors.pem\"}]"),
      },
      rules);
}

void CheckPartners(const NodeFile& file, const Node& root, Reading* reading) {
  std::set<std::string> seen;
  for (size_t i = 0; i < file.partners.size(); ++i) {
    const Partner& partner = file.partners[i];
    const std::string path = absl::StrCat("partners[", i + 1, "]");
    const auto error = [&](absl::string_view rule, absl::string_view key, std::string message,
                           std::string mend) {
      reading->Error(rule, policies::NodeAt(root, absl::StrCat(path, ".", key)).position,
                     partner.agency, std::move(message), std::move(mend));
    };
    if (!seen.insert(partner.agency).second) {
      error("node/repeated-partner", "agency", "this agency is listed twice",
            "keep one entry and remove the other");
    }
    if (partner.agency == file.agency) {
      error("node/own-partner", "agency", "the node's own agency is listed as its partner",
            "write the other agency's name");
    }
    if (partner.issuer.empty() != partner.dns_name.empty()) {
      error("node/half-binding", partner.issuer.empty() ? "dns_name" : "issuer",
            "issuer and dns_name bind an agency only together", "write both, or neither");
    }
    if (!partner.key_pin.empty() && !partner.issuer.empty()) {
      error("node/two-bindings", "key_pin",
            "an agency is bound either by key_pin or by issuer and dns_name",
            "keep the one you mean");
    }
  }
}

void CheckOversight(const NodeFile& file, const Node& root, Reading* reading) {
  for (size_t i = 0; i < file.oversight.size(); ++i) {
    if (file.FindPartner(file.oversight[i]) != nullptr) continue;
    reading->Error("node/oversight-no-partner",
                   policies::NodeAt(root, absl::StrCat("oversight[", i + 1, "]")).position,
                   file.oversight[i], "oversight reads the ledger as a partner, and this is none",
                   "add it with `vouch partner add`, or take it out here");
  }
}

// Whether a file or folder is there and, when it is secret, closed to others.
void CheckPath(const std::string& path, bool folder, bool secret, const Node& at,
               Reading* reading) {
  struct stat facts;
  const absl::string_view what = folder ? "folder" : "file";
  if (stat(path.c_str(), &facts) != 0) {
    reading->Error("node/missing", at.position, at.text,
                   absl::StrCat("there is no ", what, " ", path),
                   "put it there, or write the right path");
    return;
  }
  if (folder != S_ISDIR(facts.st_mode) || (!folder && !S_ISREG(facts.st_mode))) {
    reading->Error("node/wrong-kind", at.position, at.text, absl::StrCat(path, " is no ", what),
                   "write the right path");
    return;
  }
  if (secret && (facts.st_mode & 077) != 0) {
    reading->Error(
        "node/open-to-others", at.position, at.text,
        absl::StrFormat("%s is open to group or others (mode %04o)", path, facts.st_mode & 07777),
        absl::StrCat("run: chmod ", folder ? "700 " : "600 ", path));
  }
}

// What goes with the journal when that is put back shows nothing.
void CheckOutsideOfJournal(const NodeFile& file, const Node& root, Reading* reading) {
  const auto is_within = [&](const std::string& path) {
    std::error_code error;
    const auto place = [&](const std::string& one) {
      return std::filesystem::weakly_canonical(one, error).string();
    };
    const std::string journal = place(file.journal) + "/";
    return absl::StartsWith(place(path) + "/", journal) && !error;
  };
  if (is_within(file.high_water)) {
    const Node& at = policies::NodeAt(root, "high_water");
    reading->Error("node/high-water-in-journal", at.position, at.text,
                   "the mark of what was signed lies in the journal's folder, and would be put "
                   "back together with it",
                   "name a file outside of it, best on another disk, and move the mark there while "
                   "the node is stopped");
  }
  if (is_within(file.witness)) {
    const Node& at = policies::NodeAt(root, "witness");
    reading->Error("node/witness-in-journal", at.position, at.text,
                   "what is remembered of partners' ledgers, and they of this one, lies in the "
                   "journal's folder, and would be put back together with it",
                   "name a folder outside of it, best on another disk, and move the present one "
                   "there while the node is stopped");
  }
}

void CheckPaths(const NodeFile& file, const Node& root, Reading* reading) {
  const auto at = [&](absl::string_view path) -> const Node& {
    return policies::NodeAt(root, path);
  };
  CheckPath(file.certificate, false, false, at("certificate"), reading);
  CheckPath(file.key, false, true, at("key"), reading);
  CheckPath(file.agreements, true, false, at("agreements"), reading);
  CheckPath(file.records, true, true, at("records"), reading);
  CheckPath(file.journal, true, true, at("journal"), reading);
  CheckPath(file.run, true, false, at("run"), reading);
  CheckPath(file.keys, true, true, at("keys"), reading);
  for (const absl::string_view name : kSecretNames) {
    CheckPath(absl::StrCat(file.keys, "/", name), false, true, at("keys"), reading);
  }
  for (const std::string& name : NamesIn(file.keys)) {
    const bool checked = absl::c_linear_search(kSecretNames, name);
    if (!checked && absl::EndsWith(name, ".key")) {
      CheckPath(absl::StrCat(file.keys, "/", name), false, true, at("keys"), reading);
    }
  }
  for (const auto& [key, path] :
       {std::make_pair("signing.anchors", &file.signing.anchors),
        std::make_pair("signing.revocations", &file.signing.revocations)}) {
    if (!path->empty()) CheckPath(*path, false, false, at(key), reading);
  }
  for (size_t i = 0; i < file.partners.size(); ++i) {
    const Partner& partner = file.partners[i];
    const auto check = [&](absl::string_view key, const std::string& path) {
      if (path.empty()) return;
      CheckPath(path, false, false, at(absl::StrCat("partners[", i + 1, "].", key)), reading);
    };
    check("anchors", partner.anchors);
    check("revocations", partner.revocations);
    check("encryption_certificate", partner.encryption_certificate);
    check("ledger_key", partner.ledger_key);
    check("witness_key", partner.witness_key);
    check("receipt_key", partner.receipt_key);
    check("signing.anchors", partner.signing.anchors);
    check("signing.revocations", partner.signing.revocations);
  }
}

void Resolve(const std::string& folder, NodeFile* file) {
  std::vector<std::string*> paths = {&file->certificate,
                                     &file->key,
                                     &file->agreements,
                                     &file->records,
                                     &file->journal,
                                     &file->keys,
                                     &file->run,
                                     &file->witness,
                                     &file->high_water,
                                     &file->signing.anchors,
                                     &file->signing.revocations};
  for (Partner& partner : file->partners) {
    paths.insert(paths.end(),
                 {&partner.anchors, &partner.revocations, &partner.encryption_certificate,
                  &partner.ledger_key, &partner.witness_key, &partner.receipt_key,
                  &partner.signing.anchors, &partner.signing.revocations});
  }
  for (std::string* path : paths) *path = Within(folder, *path);
  if (file->high_water.empty()) file->high_water = absl::StrCat(file->keys, "/", kHighWater);
}

absl::StatusOr<std::string> Absolute(const std::string& folder) {
  const std::unique_ptr<char, decltype(&std::free)> path(realpath(folder.c_str(), nullptr),
                                                         &std::free);
  if (path == nullptr) {
    return absl::ErrnoToStatus(errno, absl::StrCat(folder, ": there is no such node folder"));
  }
  return std::string(path.get());
}

}  // namespace

const Partner* NodeFile::FindPartner(absl::string_view name) const {
  for (const Partner& partner : partners) {
    if (partner.agency == name) return &partner;
  }
  return nullptr;
}

const Signing* NodeFile::SigningOf(absl::string_view signer_agency) const {
  const Signing* found = nullptr;
  if (signer_agency == agency) {
    found = &signing;
  } else if (const Partner* partner = FindPartner(signer_agency)) {
    found = &partner->signing;
  }
  return found == nullptr || found->empty() ? nullptr : found;
}

absl::optional<NodeFile> ReadNodeText(const std::string& folder, absl::string_view text,
                                      policies::Report* report) {
  const absl::StatusOr<std::string> absolute = Absolute(folder);
  const std::string root_folder = absolute.ok() ? *absolute : folder;
  const std::function<void(NodeFile*, const Node&, Reading*)> check =
      [&](NodeFile* file, const Node& root, Reading* reading) {
        file->folder = root_folder;
        Resolve(root_folder, file);
        CheckPartners(*file, root, reading);
        CheckOversight(*file, root, reading);
        CheckOutsideOfJournal(*file, root, reading);
        CheckPaths(*file, root, reading);
      };
  return policies::ReadDocument<NodeFile>(absl::StrCat(folder, "/", kNodeFileName), text,
                                          *NodeShape(), report, check);
}

absl::StatusOr<NodeFile> ReadNodeFolder(const std::string& folder, policies::Report* report) {
  const std::string path = absl::StrCat(folder, "/", kNodeFileName);
  const absl::StatusOr<std::string> text = ReadText(path);
  if (absl::IsNotFound(text.status())) {
    return absl::NotFoundError(absl::StrCat(path, ": there is no such file; `vouch init ", folder,
                                            " --agency NAME` makes "
                                            "a node's folder, and --node names one"));
  }
  if (!text.ok()) return text.status();
  const absl::StatusOr<mode_t> mode = ModeOf(path);
  if (mode.ok() && (*mode & 022) != 0) {
    return absl::FailedPreconditionError(absl::StrCat(
        path, ": group or others may change the node's settings; run: chmod 644 ", path));
  }
  absl::optional<NodeFile> file = ReadNodeText(folder, *text, report);
  if (!file.has_value()) {
    return absl::InvalidArgumentError(
        absl::StrCat(path, " has errors; the findings say what and where"));
  }
  return *std::move(file);
}

policies::Json NodeFileSchema() { return policies::SchemaFor(*NodeShape(), "node.yaml"); }

}  // namespace vouch::server::node
