#include <grpcpp/client_context.h>
#include <sys/stat.h>
#include <sys/timex.h>

#include <memory>

#include "absl/strings/str_cat.h"
#include "client/requester/partner_time.h"
#include "client/vouch/asking_node.h"
#include "client/vouch/commands.h"
#include "client/vouch/keys_command.h"
#include "client/vouch/ledger_standing.h"
#include "client/vouch/node_agreements.h"
#include "client/vouch/node_folder.h"
#include "client/vouch/record_indexes.h"
#include "crypto/certificate.h"
#include "crypto/fips.h"
#include "crypto/identity.h"
#include "crypto/tls_probe.h"
#include "server/agreements/countersignatures.h"
#include "server/node/clock_note.h"
#include "server/node/epoch_keys.h"
#include "server/node/folders.h"
#include "server/records/manifest.h"

namespace vouch::client {
namespace {

namespace agreements = server::agreements;
namespace node = server::node;
namespace records = server::records;

enum class State { kOk, kWarning, kProblem };

struct Diagnosis {
  std::string about;
  State state = State::kOk;
  std::string says;
  std::string mend;
};

constexpr absl::Duration kSoon = absl::Hours(24 * 30);
// Lists are renewed daily or weekly: a day is what an operator can still act in.
constexpr absl::Duration kListSoon = absl::Hours(24);

std::string DaysLeft(absl::Duration left) {
  const int64_t days = left / absl::Hours(24);
  if (days == 0) return "less than a day left";
  return absl::StrCat(days, days == 1 ? " day left" : " days left");
}

class Doctor {
 public:
  Doctor(node::NodeFile file, std::string folder, absl::Duration timeout)
      : file_(std::move(file)), folder_(std::move(folder)), timeout_(timeout), now_(absl::Now()) {}

  void Examine() {
    Ok("node.yaml", "is well formed; files and folders are there, secrets are closed to others");
    Spelling();
    ClockState();
    Certificate();
    OwnChain();
    Authority();
    Signing();
    Agreements();
    Records();
    for (LedgerFinding& one : ExamineLedgers(file_)) {
      all_.push_back({one.about, static_cast<State>(one.weight), one.says, one.mend});
    }
    for (const node::Partner& partner : file_.partners) ExaminePartner(partner);
    if (file_.partners.empty()) {
      Warn("partners", "there are none, so nobody can ask and nobody can be asked",
           "run: vouch partner add");
    }
    // Last: afterwards OpenSSL may have nothing left to compute with.
    if (file_.fips) Fips();
  }
  const std::vector<Diagnosis>& all() const { return all_; }

 private:
  void Ok(std::string about, std::string says) {
    all_.push_back({std::move(about), State::kOk, std::move(says), ""});
  }
  void Warn(std::string about, std::string says, std::string mend) {
    all_.push_back({std::move(about), State::kWarning, std::move(says), std::move(mend)});
  }
  void Problem(std::string about, std::string says, std::string mend) {
    all_.push_back({std::move(about), State::kProblem, std::move(says), std::move(mend)});
  }

  void Spelling() {
    const absl::Status checked = crypto::CheckSpellingRules();
    if (checked.ok()) return Ok("spelling rules", "agree with the published vectors");
    Problem("spelling rules", std::string(checked.message()),
            "this build or its ICU library is damaged: install it anew");
  }

  void Fips() {
    for (const auto& held : catalog_->all()) {
      if (held->agreement.token_kind != policies::TokenKind::kBlind) continue;
      Problem(absl::StrCat("crypto of agreement ", held->agreement.id),
              "its blind tokens lie outside every validated module, and node.yaml says crypto: "
              "\"fips\"",
              "agree on keyed-hash tokens in a new revision, or write crypto: \"default\"");
    }
    const absl::Status fips = crypto::RequireFips();
    if (fips.ok()) return Ok("crypto", "is that of a validated module alone");
    Problem(
        "crypto",
        absl::StrCat("node.yaml says \"fips\", and the node refuses to start: ", fips.message()),
        "write crypto: \"default\" to run without a validated module");
  }

  void ClockState() {
    // Left by a node that runs, or ran: only one that stopped answering is worth a word.
    const auto standing = node::ReadClockStanding(file_.run);
    if (standing.ok() && standing->stopped) {
      Problem("clock",
              absl::StrCat("ran ahead by ", standing->ahead_seconds,
                           " seconds while the node ran, and answers have stopped"),
              "set it right, or, when the present time is right, run: vouch ledger "
              "acknowledge-clock");
    }
    timex state{};
    // Reading the state needs no privilege; where even that is denied, nothing is known.
    const int result = adjtimex(&state);
    if (result < 0)
      return Warn("clock", "its state cannot be read", "see that time is synchronised");
    if (result == TIME_ERROR || (state.status & STA_UNSYNC) != 0) {
      return Warn("clock", "the system says that it is not synchronised",
                  "run a time service such as chrony; answers and epochs depend on the time");
    }
    Ok("clock", "is synchronised");
  }

  void Expiry(const std::string& about, absl::Time not_before, absl::Time not_after,
              const std::string& mend) {
    if (now_ < not_before) {
      Problem(about, absl::StrCat("is not valid before ", TimeText(not_before)),
              "check the clock, or wait");
    } else if (now_ >= not_after) {
      Problem(about, absl::StrCat("expired on ", TimeText(not_after)), mend);
    } else if (not_after - now_ < kSoon) {
      Warn(about,
           absl::StrCat("expires on ", TimeText(not_after), ", ", DaysLeft(not_after - now_)),
           mend);
    } else {
      Ok(about,
         absl::StrCat("is valid until ", TimeText(not_after), ", ", DaysLeft(not_after - now_)));
    }
  }

  void Certificate() {
    const auto chain = node::ReadText(file_.certificate);
    const auto facts = chain.ok() ? crypto::ReadCertificate(*chain) : chain.status();
    if (!facts.ok()) {
      return Problem("certificate", std::string(facts.status().message()),
                     "put the PEM chain your authority issued there");
    }
    const auto agency = crypto::AgencyOf(*facts);
    if (!agency.ok()) {
      Warn("certificate", absl::StrCat("names no agency: ", agency.status().message()),
           "partners can believe it only by key_pin, or issuer and dns_name");
    } else if (*agency != file_.agency) {
      Problem("certificate",
              absl::StrCat("is for ", *agency, ", this node is ", file_.agency, "'s"),
              "put this agency's certificate there");
    }
    Expiry("certificate", facts->not_before, facts->not_after,
           "ask your authority for a new one, put it beside, then rename both files");
    auto text = crypto::ReadPrivateFile(file_.key);
    const absl::Status pair = text.ok() ? crypto::CheckKeyPair(*chain, *text) : text.status();
    if (text.ok()) crypto::Wipe(&*text);
    if (!pair.ok()) {
      return Problem("certificate key", std::string(pair.message()),
                     "put the two files of one pair there; a running node goes on with the pair "
                     "it had, and takes up the new one by itself");
    }
    Ok("certificate key", "belongs to the certificate");
    auto key = ReadSigningKey(file_.key);
    if (!key.ok()) {
      return Warn("certificate key", "is of a kind with which partners cannot be tried from here",
                  "try a partner with: openssl s_client -tls1_3 -alpn h2");
    }
    own_chain_ = *chain;
    own_key_ = std::make_unique<crypto::SigningKey>(*std::move(key));
  }

  // As partners judge it, who have the anchors of `vouch partner export`.
  void OwnChain() {
    const std::string path = absl::StrCat(folder_, "/tls/authority.pem");
    const auto chain = node::ReadText(file_.certificate);
    if (!chain.ok()) return;  // said before
    const auto text = node::ReadText(path);
    if (absl::IsNotFound(text.status())) {
      return Warn("certificate chain",
                  "cannot be verified here: tls/authority.pem, the anchors that partners have for "
                  "this agency, is not in the node's folder",
                  "put your authority's certificate there");
    }
    const auto anchors = text.ok() ? crypto::TrustAnchors::Load(*text, "") : text.status();
    if (!anchors.ok()) {
      return Problem("certificate chain", absl::StrCat(path, ": ", anchors.status().message()),
                     "put your authority's certificate there");
    }
    for (const auto& [purpose, use] :
         {std::make_pair(crypto::TrustAnchors::Purpose::kTlsServer, "answering"),
          std::make_pair(crypto::TrustAnchors::Purpose::kTlsClient, "asking")}) {
      const absl::Status verified = anchors->Verify(*chain, purpose, now_);
      if (verified.ok()) continue;
      return Problem("certificate chain",
                     absl::StrCat("partners who have ", path, " as our anchors refuse it for ", use,
                                  ": ", verified.message()),
                     "put the whole chain there, our own certificate first, as issued by the "
                     "authority that partners know; or give partners the new authority's "
                     "certificate first");
    }
    Ok("certificate chain", "is verified by tls/authority.pem, for answering and for asking");
  }

  void Authority() {
    if (file_.use == policies::Use::kLive &&
        node::Exists(absl::StrCat(folder_, "/authority/authority.key"))) {
      Warn("key authority", "its private key lies on a live node",
           "move it to an offline machine; authority/README.txt says how keys are then signed");
    }
  }

  void Agreements() {
    policies::Report report;
    catalog_ = ReadCatalog(file_, &report);
    size_t errors = 0;
    for (const policies::Finding& finding : report.findings()) {
      if (finding.severity != policies::Severity::kError) continue;
      ++errors;
      if (errors <= 5) {
        Problem("agreements",
                absl::StrCat(finding.file, ":", finding.position.line, ": ", finding.message),
                finding.mend);
      }
    }
    if (catalog_->all().empty() && errors == 0) {
      return Warn("agreements", "there are none",
                  absl::StrCat("put agreement folders into ", file_.agreements));
    }
    for (const auto& held : catalog_->all()) {
      const policies::Agreement& agreement = held->agreement;
      const std::string about =
          absl::StrCat("agreement ", agreement.id, ", revision ", agreement.revision);
      if (now_ >= agreement.expires_at) {
        Problem(about, absl::StrCat("expired on ", absl::FormatCivilTime(agreement.expires)),
                "agree on a new revision, or remove the file");
        continue;
      }
      const bool counts = Signatures(*held, about);
      const std::string until = absl::StrCat("until ", absl::FormatCivilTime(agreement.expires));
      if (!counts) {
        // Said above, with what is missing.
      } else if (now_ < agreement.effective_from) {
        Ok(about, absl::StrCat("waits for ", absl::FormatCivilTime(agreement.effective)));
      } else if (agreement.expires_at - now_ < kSoon) {
        Warn(about, absl::StrCat("is in force ", until), "begin its renewal now");
      } else {
        Ok(about, absl::StrCat("is in force ", until));
      }
      EpochKeys(agreement);
    }
  }

  // As the node would judge a first load now; it may have adopted the agreement before.
  // Whether nothing is missing.
  bool Signatures(const policies::HeldAgreement& held, const std::string& about) {
    const policies::Agreement& agreement = held.agreement;
    const auto bytes = node::ReadText(absl::StrCat(file_.agreements, "/", held.file));
    if (!bytes.ok()) return false;
    bool counts = true;
    const absl::string_view own = agreement.AskerBehind(file_.agency);
    std::vector<std::string> agencies = {agreement.answers};
    for (const std::string& asker : agreement.asks) {
      if (agreement.answers == file_.agency || own == asker) agencies.push_back(asker);
    }
    for (const std::string& agency : agencies) {
      const std::string name = agreements::SignatureFileName(held.file, agency);
      const auto text = node::ReadText(absl::StrCat(file_.agreements, "/", name));
      absl::optional<std::string> message;
      if (text.ok()) message = *text;
      const auto judge = [&](bool adopted) {
        return agreements::JudgeSignatures(*signing_, agency, name, *bytes, message, now_, adopted);
      };
      const agreements::JudgedAgency strict = judge(false);
      if (strict.signed_by_all()) continue;
      if (judge(true).signed_by_all()) {
        Warn(about,
             absl::StrCat(strict.why,
                          ": it would not be adopted today; a node that adopted it "
                          "before goes on"),
             strict.mend);
      } else {
        Problem(about, absl::StrCat("is not in force: ", strict.why), strict.mend);
        counts = false;
      }
    }
    return counts;
  }

  void Signing() {
    signing_ = agreements::SigningRules::Read(file_);
    const auto check = [&](const std::string& agency) {
      const auto* found = signing_->Find(agency);
      const std::string about = absl::StrCat("signers of ", agency);
      if (found == nullptr) {
        Warn(about, "node.yaml does not say who signs: no agreement with it comes into force",
             "write `signing` for it in node.yaml (docs/signing.md)");
      } else if (!found->problem.empty()) {
        Problem(about, found->problem, "put the authorities of its officers' certificates there");
      } else {
        Ok(about, absl::StrCat("are set: ", found->officers.size(), " role(s)"));
      }
    };
    check(file_.agency);
    for (const node::Partner& partner : file_.partners) check(partner.agency);
    if (file_.use == policies::Use::kLive &&
        node::Exists(absl::StrCat(folder_, "/signing/officer.key"))) {
      Problem("development officer", "the key of a development officer lies on a live node",
              "remove signing/officer.key, and name in node.yaml officers who keep their own keys");
    }
  }

  void EpochKeys(const policies::Agreement& agreement) {
    const bool answers = agreement.answers == file_.agency;
    const bool needs = answers || agreement.token_kind == policies::TokenKind::kKeyedHash;
    if (!needs) return;
    const std::string about = absl::StrCat("epoch keys of ", agreement.id);
    if (!Statements(agreement)) return;
    const auto keys = node::ReadEpochKeys(file_.keys, agreement.id, agreement.key_authority);
    if (!keys.ok()) {
      return Problem(about, std::string(keys.status().message()),
                     "bring back the files from the backup, or rotate: vouch keys rotate");
    }
    const node::EpochKey* current = nullptr;
    for (const node::EpochKey& key : *keys) {
      if (!key.secret.empty() && key.statement.not_before <= now_ &&
          now_ < key.statement.not_after) {
        current = &key;
      }
    }
    if (current == nullptr) {
      return Problem(about, "none is in force",
                     answers ? "run: vouch keys create, then vouch keys statement"
                             : "ask the answering agency to run vouch keys share, then run vouch "
                               "keys accept");
    }
    Expiry(absl::StrCat(about, ", epoch ", current->statement.epoch), current->statement.not_before,
           current->statement.not_after,
           answers ? "run: vouch keys rotate" : "ask the answering agency for the next key");
  }

  // One line an epoch; false when one cannot be used.
  bool Statements(const policies::Agreement& agreement) {
    bool good = true;
    for (const uint32_t epoch : node::EpochsOf(file_.keys, agreement.id)) {
      const std::string path =
          absl::StrCat(node::EpochFolder(file_.keys, agreement.id, epoch), "/statement.txt");
      const std::string about = absl::StrCat("statement of ", agreement.id, ", epoch ", epoch);
      if (!node::Exists(path)) {
        Warn(about, "is not there: the epoch was created and never announced",
             "run: vouch keys statement");
        continue;
      }
      const auto text = node::ReadText(path);
      const auto read = text.ok() ? node::ReadStatementText(*text) : text.status();
      const auto opened =
          read.ok() ? crypto::OpenStatement(*read, agreement.key_authority) : read.status();
      if (opened.ok()) {
        Ok(about, "is signed by the key authority that the agreement pins");
        continue;
      }
      good = false;
      Problem(about, absl::StrCat(path, ": ", opened.status().message()),
              "bring the file back from the backup, or have it signed again by the key authority "
              "that the agreement pins: vouch keys statement --unsigned, vouch keys sign");
    }
    return good;
  }

  void Records() {
    std::vector<std::string> problems;
    const auto wanted = WantedIndexes(file_, *catalog_, now_, &problems);
    const auto manifest = records::ReadManifest(file_.records);
    if (absl::IsNotFound(manifest.status())) {
      if (!wanted.empty()) {
        Problem("records", "nothing was loaded, so nothing can be answered",
                "run: vouch records load");
      }
      return;
    }
    if (!manifest.ok()) {
      return Problem("records", std::string(manifest.status().message()),
                     "load again: vouch records load");
    }
    Ok("records", absl::StrCat(manifest->people, " people, data as of ",
                               absl::FormatCivilTime(manifest->data_as_of)));
    for (const records::IndexRequest& request : wanted) {
      const std::string about = absl::StrCat("index of ", request.context.agreement_id, ", epoch ",
                                             request.context.epoch);
      if (!records::IsBuilt(*manifest, request)) {
        Problem(about, "is not built: the agreement answers NOT_READY", "run: vouch records index");
        continue;
      }
      const auto* index = manifest->FindIndex(request.context.agreement_id, request.context.epoch);
      struct stat facts {};
      const std::string path = absl::StrCat(file_.records, "/", index->file);
      if (stat(path.c_str(), &facts) != 0) {
        Problem(about, "its file is missing", "run: vouch records load");
        continue;
      }
      const uint64_t bytes = static_cast<uint64_t>(facts.st_size);
      Ok(about, absl::StrCat("takes ", SizeText(bytes), ", ",
                             bytes / std::max<uint64_t>(1, manifest->people), " bytes a person"));
    }
  }

  void ExaminePartner(const node::Partner& partner) {
    const std::string about = absl::StrCat("partner ", partner.agency);
    const auto text = node::ReadText(partner.anchors);
    std::string revocations;
    if (!partner.revocations.empty()) {
      const auto lists = node::ReadText(partner.revocations, node::kLargestList);
      if (!lists.ok() || lists->empty()) {
        return Problem(about,
                       absl::StrCat(partner.revocations, ": ",
                                    lists.ok() ? "is empty" : lists.status().message()),
                       "put the revocation lists of the partner's authority there");
      }
      revocations = *lists;
    }
    const auto anchors = text.ok() ? crypto::TrustAnchors::Load(*text, revocations) : text.status();
    if (!anchors.ok()) {
      return Problem(about, absl::StrCat(partner.anchors, ": ", anchors.status().message()),
                     "ask the partner for `vouch partner export` again");
    }
    if (!revocations.empty()) RevocationLists(partner, revocations);
    if (partner.address.empty()) {
      return Ok(about,
                "asks us only; its anchors are in order. Its time is not compared, as it has no "
                "address here");
    }
    if (own_key_ == nullptr) {
      return Warn(about, "was not called, as our own certificate is not in order",
                  "mend that first");
    }
    const auto probe = crypto::ProbeTls(partner.address, own_chain_, *own_key_, timeout_);
    if (!probe.ok()) {
      return Problem(
          about, std::string(probe.status().message()),
          absl::IsUnavailable(probe.status())
              ? "check the address, the partner's node and the firewalls between"
              : "the partner's node must speak TLS 1.3 end to end; something between may "
                "be opening the connection");
    }
    const absl::Status verified =
        anchors->Verify(probe->chain_pem, crypto::TrustAnchors::Purpose::kTlsServer, now_);
    const auto facts = crypto::ReadCertificate(probe->chain_pem);
    if (!verified.ok() || !facts.ok()) {
      return Problem(
          about,
          absl::StrCat(
              partner.address, " shows a certificate that our anchors for ", partner.agency,
              " do not vouch for",
              facts.ok() ? absl::StrCat(" (issued by ", policies::Shown(facts->issuer), ")") : "",
              ": ", verified.message()),
          "something between the nodes opens TLS, or the anchors are old: compare fingerprints "
          "with "
          "the partner by telephone, and ask for connections to be passed through unopened");
    }
    if (const absl::Status named = crypto::CheckAgency(*facts, partner.agency, partner.binding());
        !named.ok()) {
      return Problem(about, absl::StrCat(partner.address, " is vouched for, but ", named.message()),
                     "check the address; another node, or another agency's, listens there");
    }
    Ok(about, absl::StrCat("answers at ", partner.address, " with ", probe->version,
                           " and a certificate of its own until ", TimeText(facts->not_after)));
    CompareTime(partner);
  }

  void RevocationLists(const node::Partner& partner, const std::string& text) {
    const auto lists = crypto::ReadRevocationListFacts(text);
    if (!lists.ok()) return;  // said of the anchors they stand beside
    const std::string mend = absl::StrCat("fetch the present list of that authority into ",
                                          partner.revocations, ", then: systemctl reload vouchd");
    for (const crypto::RevocationListFacts& list : *lists) {
      const std::string about = absl::StrCat("revocation list for ", partner.agency, " of ",
                                             policies::Shown(list.issuer));
      const std::string since = absl::StrCat("of ", TimeText(list.this_update));
      if (now_ < list.this_update) {
        Problem(about, absl::StrCat(since, " is not valid yet: the partner is refused"),
                "check the clock");
      } else if (list.next_update == absl::InfiniteFuture()) {
        Warn(about, absl::StrCat(since, " does not say when the next one is due"),
             "ask its authority for lists with a next update");
      } else if (now_ >= list.next_update) {
        Problem(about,
                absl::StrCat(since, " ran out on ", TimeText(list.next_update),
                             ": the partner is refused until there is a newer one"),
                mend);
      } else if (list.next_update - now_ < kListSoon) {
        Warn(about, absl::StrCat(since, " runs out on ", TimeText(list.next_update)), mend);
      } else {
        Ok(about, absl::StrCat(since, " is current until ", TimeText(list.next_update)));
      }
    }
  }

  void CompareTime(const node::Partner& partner) {
    const std::string about = absl::StrCat("time of ", partner.agency);
    const auto options = ConnectionTo(file_, partner);
    const auto channel = options.ok() ? requester::Connect(*options) : options.status();
    absl::StatusOr<requester::PartnerTime> time =
        channel.ok() ? absl::UnknownError("") : channel.status();
    if (channel.ok()) {
      grpc::ClientContext context;
      context.set_deadline(absl::ToChronoTime(absl::Now() + timeout_));
      time = requester::AskTime(*channel, &context, [] { return absl::Now(); });
    }
    if (!time.ok()) {
      return Warn(about, absl::StrCat("could not be asked: ", time.status().message()),
                  "ask the partner whether it has our anchors, and which version it runs");
    }
    if (time->TooFarApart()) {
      return Problem(about, absl::StrCat("its clock ", time->InWords()),
                     "compare both with a third clock; whoever is wrong sets theirs right");
    }
    Ok(about, absl::StrCat("its clock ", time->InWords()));
  }

  node::NodeFile file_;
  std::string folder_;
  absl::Duration timeout_;
  absl::Time now_;
  std::string own_chain_;
  std::unique_ptr<crypto::SigningKey> own_key_;
  std::shared_ptr<const policies::Catalog> catalog_;
  std::shared_ptr<const agreements::SigningRules> signing_;
  std::vector<Diagnosis> all_;
};

struct DoctorOptions {
  std::string folder;
  int timeout_seconds = 5;
  bool json = false;
};

absl::StatusOr<Exit> Run(const DoctorOptions& options, Console* console) {
  auto file = OpenNode(options.folder, console);
  if (!file.ok()) return file.status();
  // Before the first handshake, whose contexts it binds.
  if (const absl::Status tls = crypto::RequireTls13(); !tls.ok()) return tls;
  Doctor doctor(*std::move(file), options.folder, absl::Seconds(options.timeout_seconds));
  doctor.Examine();
  const char* const names[] = {"ok", "warning", "problem"};
  nlohmann::json all = nlohmann::json::array();
  size_t problems = 0;
  size_t warnings = 0;
  for (const Diagnosis& diagnosis : doctor.all()) {
    const char* name = names[static_cast<int>(diagnosis.state)];
    problems += diagnosis.state == State::kProblem ? 1 : 0;
    warnings += diagnosis.state == State::kWarning ? 1 : 0;
    all.push_back({{"about", diagnosis.about},
                   {"state", name},
                   {"says", diagnosis.says},
                   {"mend", diagnosis.mend}});
    if (options.json) continue;
    console->Say(absl::StrCat(name, ": ", diagnosis.about, ": ", diagnosis.says));
    if (!diagnosis.mend.empty()) console->Say(absl::StrCat("  mend: ", diagnosis.mend));
  }
  if (options.json) {
    console->SayJson(all);
  } else {
    console->Say(absl::StrCat(problems, " problem(s), ", warnings, " warning(s)."));
  }
  return problems == 0 ? Exit::kFine : Exit::kFindings;
}

}  // namespace

void AddDoctorCommand(CLI::App* vouch, Console* console) {
  auto options = std::make_shared<DoctorOptions>();
  CLI::App* command = vouch->add_subcommand(
      "doctor", "Says in plain words whether a node is in order, and what to do");
  AddNodeOption(command, &options->folder);
  command->add_option("--timeout-seconds", options->timeout_seconds, "How long a partner may take")
      ->check(CLI::Range(1, 300))
      ->capture_default_str();
  command->add_flag("--json", options->json, "Print facts for programs");
  command->footer("Example:\n  vouch doctor --node ./irs");
  command->callback([options, console] { console->Run([&] { return Run(*options, console); }); });
}

}  // namespace vouch::client
