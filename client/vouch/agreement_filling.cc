#include "client/vouch/agreement_filling.h"

#include <algorithm>
#include <functional>
#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"
#include "absl/strings/str_split.h"
#include "absl/strings/strip.h"
#include "client/vouch/agreement_source.h"
#include "crypto/digest.h"
#include "policies/engine/cases/boundary.h"
#include "policies/engine/cases/case_yaml.h"
#include "policies/engine/tree.h"
#include "policies/engine/unicode.h"
#include "policies/reference/built_in.h"
#include "policies/templates/built_in.h"
#include "server/node/known_names.h"

namespace vouch::client {
namespace {

using policies::Node;

constexpr char kAgreement[] = "agreement.yaml";
constexpr char kFacts[] = "facts.yaml";
constexpr char kCases[] = "cases.yaml";

absl::optional<policies::Tree> Parse(const std::string& text) {
  policies::Report ignored;
  return policies::ReadTree("", text, &ignored);
}

std::string TextAt(const Node& root, absl::string_view path) {
  const Node& node = policies::NodeAt(root, path);
  return node.kind == Node::Kind::kScalar ? node.text : "";
}

// Where a position lies, in bytes.
size_t OffsetOf(const std::string& text, policies::Position position) {
  size_t line = 0;
  for (int i = 1; i < position.line; ++i) {
    const size_t end = text.find('\n', line);
    if (end == std::string::npos) return text.size();
    line = end + 1;
  }
  const absl::string_view rest = absl::string_view(text).substr(line);
  return line + policies::FirstCodePoints(rest, static_cast<size_t>(position.column - 1)).size();
}

std::string Replaced(const std::string& text, const Node& node, absl::string_view value) {
  const size_t from = OffsetOf(text, node.position);
  if (node.style == Node::Style::kPlain) {
    return absl::StrCat(text.substr(0, from), value, text.substr(from + node.text.size()));
  }
  size_t to = from + 1;
  while (to < text.size() && text[to] != '"') to += text[to] == '\\' ? 2 : 1;
  return absl::StrCat(text.substr(0, from + 1),
                      absl::StrReplaceAll(value, {{"\\", "\\\\"}, {"\"", "\\\""}}),
                      text.substr(to));
}

void ForEachScalar(const Node& node, const std::function<void(const Node&)>& visit) {
  if (node.kind == Node::Kind::kScalar) visit(node);
  for (const Node& item : node.items) ForEachScalar(item, visit);
  for (const Node::Entry& entry : node.entries) ForEachScalar(entry.value, visit);
}

// Every quoted text that is exactly `from` becomes `to`.
std::string Renamed(std::string text, const std::string& from, const std::string& to) {
  const absl::optional<policies::Tree> tree = Parse(text);
  if (!tree.has_value() || from == to) return text;
  std::vector<const Node*> found;
  ForEachScalar(tree->root, [&](const Node& node) {
    if (node.style == Node::Style::kQuoted && node.text == from) found.push_back(&node);
  });
  // From the end, so that positions before stay right.
  std::sort(found.begin(), found.end(), [](const Node* a, const Node* b) {
    return std::make_pair(a->position.line, a->position.column) >
           std::make_pair(b->position.line, b->position.column);
  });
  for (const Node* node : found) text = Replaced(text, *node, to);
  return text;
}

// The place of the one of a list's items whose `key` is `value`: "contacts[2]".
std::string ItemWith(const Node& root, absl::string_view list, absl::string_view key,
                     const std::string& value) {
  const Node& node = policies::NodeAt(root, list);
  for (size_t i = 0; i < node.items.size(); ++i) {
    const Node* found = node.items[i].Find(key);
    if (found != nullptr && found->text == value) return absl::StrCat(list, "[", i + 1, "]");
  }
  return "";
}

std::string AboutOf(absl::string_view agreement) {
  std::string about;
  for (absl::string_view line : absl::StrSplit(agreement, '\n')) {
    if (!absl::ConsumePrefix(&line, "# ")) break;
    if (absl::StartsWith(line, "yaml-language-server")) continue;
    absl::StrAppend(&about, about.empty() ? "" : " ", line);
  }
  return about;
}

void AddContacts(const Node& root, const std::string& agency, const std::string& side,
                 std::vector<Blank>* blanks) {
  const std::string contact = ItemWith(root, "contacts", "party", agency);
  if (contact.empty()) return;
  blanks->push_back({absl::StrCat("contact_", side, "_role"),
                     absl::StrCat("Whom to call at ", agency, ": their role"), contact + ".role"});
  blanks->push_back(
      {absl::StrCat("contact_", side, "_email"), "Their address", contact + ".email", "", true});
}

void AddApprovals(const Node& root, const std::string& agency, const std::string& side,
                  std::vector<Blank>* blanks) {
  const std::string approval = ItemWith(root, "authority.approvals", "by", agency);
  if (approval.empty()) return;
  blanks->push_back({absl::StrCat("approval_", side, "_board"),
                     absl::StrCat("Who approves it at ", agency, ": the board or official"),
                     approval + ".board"});
  blanks->push_back({absl::StrCat("approval_", side, "_on"),
                     absl::StrCat("On which day, as 2027-01-31"), approval + ".on", "", true});
}

}  // namespace

std::string WithScalar(const std::string& text, absl::string_view path, absl::string_view value) {
  const absl::optional<policies::Tree> tree = Parse(text);
  if (!tree.has_value()) return text;
  const Node& node = policies::NodeAt(tree->root, path);
  if (node.kind != Node::Kind::kScalar || node.style == Node::Style::kBlock) return text;
  return Replaced(text, node, value);
}

std::vector<TemplateName> TemplateNames() {
  std::vector<TemplateName> names;
  for (const auto& file : policies::templates::BuiltInTemplates()) {
    if (file.name == kAgreement) names.push_back({std::string(file.folder), AboutOf(file.bytes)});
  }
  return names;
}

absl::StatusOr<Filling> Filling::Begin(absl::string_view template_name) {
  Filling filling;
  std::vector<std::string> names;
  for (const auto& file : policies::templates::BuiltInTemplates()) {
    if (names.empty() || names.back() != file.folder) names.emplace_back(file.folder);
    if (file.folder == template_name) {
      filling.files_[std::string(file.name)] = std::string(file.bytes);
    }
  }
  if (filling.files_.empty()) {
    const std::string near = policies::Nearest(template_name, names);
    return absl::NotFoundError(
        absl::StrCat("there is no template \"", policies::Shown(template_name), "\"",
                     near.empty() ? "" : absl::StrCat("; did you mean ", near, "?"),
                     " (vouch agreement new --list shows all)"));
  }
  const absl::optional<policies::Tree> tree = Parse(filling.files_[kAgreement]);
  if (!tree.has_value()) return absl::InternalError("a built-in template cannot be read");
  filling.asks_ = TextAt(tree->root, "parties.asks[1]");
  filling.answers_ = TextAt(tree->root, "parties.answers");
  // The schemas go beside: editors then help from the first key on.
  std::string& agreement = filling.files_[kAgreement];
  agreement = absl::StrReplaceAll(agreement, {{"$schema=../../schema/", "$schema=schema/"}});
  std::string& cases = filling.files_[kCases];
  cases = absl::StrReplaceAll(cases, {{"$schema=../../schema/", "$schema=schema/"}});
  return filling;
}

std::string Filling::Text(const std::string& name) const {
  const auto found = files_.find(name);
  return found == files_.end() ? "" : found->second;
}

std::vector<Blank> Filling::Blanks() const {
  const absl::optional<policies::Tree> tree = Parse(Text(kAgreement));
  if (!tree.has_value()) return {};
  const Node& root = tree->root;
  std::vector<Blank> blanks = {
      {"asks", "Who asks? The agency's name, such as fsa.ed.example", "parties.asks[1]", "", true},
      {"answers", "Who answers from its records? Its name, such as irs.treasury.example",
       "parties.answers", "", true},
      {"id", "The agreement's own name, such as fsa-irs-2027-001", "agreement.id", "", true},
      {"title", "Its title", "agreement.title"},
      {"use", "What it is for: \"test\" for test people only, \"live\" for real ones",
       "agreement.use"},
      {"document_title", "The title of the document that is executed", "agreement.document.title",
       "", true},
      {"document_sha256",
       "Its SHA-256 (vouch agreement digest FILE prints it), or \"later\" if it is not there yet",
       "agreement.document.sha256", "", true, true},
  };
  const Node& cites = policies::NodeAt(root, "authority.cites");
  for (size_t i = 0; i < cites.items.size(); ++i) {
    const std::string path = absl::StrCat("authority.cites[", i + 1, "]");
    blanks.push_back({absl::StrCat("cite_", i + 1),
                      absl::StrCat("Legal authority ", i + 1, " of ", cites.items.size(),
                                   ": the statute, regulation or notice"),
                      path + ".cite"});
    blanks.push_back({absl::StrCat("allows_", i + 1), "What it allows", path + ".allows"});
  }
  AddApprovals(root, asks_, "asks", &blanks);
  AddApprovals(root, answers_, "answers", &blanks);
  if (root.Find("published") != nullptr) {
    blanks.push_back({"federal_register", "The notice in the Federal Register",
                      "published.federal_register", "", true});
    blanks.push_back({"sent_to_congress", "The day it was sent to Congress, as 2027-01-31",
                      "published.sent_to_congress", "", true});
  }
  blanks.push_back({"effective", "Its first day, as 2027-01-31", "dates.effective", "", true});
  blanks.push_back({"expires", "Its last day", "dates.expires", "", true});
  blanks.push_back({"time_zone", "Where days begin and end", "dates.time_zone"});
  blanks.push_back({"key_authority",
                    "The answering agency's key authority: what `vouch keys fingerprint` prints "
                    "there, or \"later\"",
                    "people.tokens.key_authority", "", true, true});
  blanks.push_back({"times_asked", "How often may one person be asked about",
                    "limits.per_person.times_asked.count"});
  blanks.push_back({"times_asked_every", "In how long", "limits.per_person.times_asked.every"});
  blanks.push_back({"different_values", "How many different questions and values on one person",
                    "limits.per_person.different_values.count"});
  blanks.push_back({"new_people", "How many new people a day", "limits.new_people.count"});
  blanks.push_back({"whole_agreement", "How many answers a day", "limits.whole_agreement.count"});
  AddContacts(root, asks_, "asks", &blanks);
  AddContacts(root, answers_, "answers", &blanks);
  blanks.push_back({"corrections_contact", "Where a person's objection goes: an address",
                    "protections.corrections.contact", "", true});
  for (Blank& blank : blanks) blank.present = TextAt(root, blank.path);
  return blanks;
}

std::vector<policies::Finding> Filling::Set(const Blank& blank, const std::string& answer) {
  if (blank.later && answer == "later") return {};
  std::map<std::string, std::string> files = files_;
  std::string asks = asks_;
  std::string answers = answers_;
  if (blank.key == "asks" || blank.key == "answers") {
    std::string& agency = blank.key == "asks" ? asks : answers;
    for (auto& [name, text] : files) text = Renamed(text, agency, answer);
    agency = answer;
  } else {
    files[kAgreement] = WithScalar(files[kAgreement], blank.path, answer);
    if (blank.key == "id") files[kCases] = WithScalar(files[kCases], "agreement", answer);
  }
  policies::Report report;
  policies::ReadAgreement(kAgreement, files[kAgreement], server::node::NamesOfCrypto(), &report);
  std::vector<policies::Finding> against;
  const absl::optional<policies::Tree> tree = Parse(files[kAgreement]);
  const policies::Position place =
      tree.has_value() ? policies::NodeAt(tree->root, blank.path).position : policies::Position();
  for (const policies::Finding& finding : report.findings()) {
    if (finding.severity != policies::Severity::kError) continue;
    // What another answer still has to mend is not this one's fault.
    const bool here = finding.position.line == place.line &&
                      finding.position.column >= place.column &&
                      (finding.position.column == place.column || report.Unreadable());
    if (here || absl::StartsWith(finding.rule, "yaml/") ||
        absl::StartsWith(finding.rule, "file/")) {
      against.push_back(finding);
    }
  }
  if (!against.empty()) return against;
  files_ = std::move(files);
  asks_ = std::move(asks);
  answers_ = std::move(answers);
  return {};
}

std::map<std::string, std::string> Filling::Files(policies::Report* report) const {
  std::map<std::string, std::string> files = files_;
  // The catalogue names the agency, so its digest is another now.
  const absl::optional<policies::Tree> tree = Parse(files[kAgreement]);
  if (!tree.has_value()) return files;
  const std::string pin = ItemWith(tree->root, "agreement.pins", "file", kFacts);
  files[kAgreement] =
      WithScalar(files[kAgreement], pin + ".sha256", crypto::Hex(crypto::Sha256(files[kFacts])));

  const auto file = [&](const std::string& name, const std::string& bytes) {
    policies::CatalogFile one;
    one.name = name;
    one.bytes = bytes;
    one.digest = crypto::Sha256(bytes);
    return one;
  };
  std::vector<policies::CatalogFile> all = {file(kAgreement, files[kAgreement]),
                                            file(kFacts, files[kFacts])};
  for (const auto& table : policies::reference::BuiltInTables()) {
    all.push_back(file(std::string(table.name), std::string(table.bytes)));
  }
  policies::Catalog::Options options;
  options.known = server::node::NamesOfCrypto();
  options.agency = answers_;
  options.as_if_signed = true;
  options.use =
      TextAt(tree->root, "agreement.use") == "live" ? policies::Use::kLive : policies::Use::kTest;
  const auto catalog = policies::Catalog::Build(all, options, nullptr, {}, report);
  if (report->HasErrors() || catalog->all().empty()) return files;
  for (const policies::SchemaFile& schema : policies::EngineSchemas()) {
    files[absl::StrCat("schema/", schema.name)] = policies::SchemaText(schema.schema);
  }
  const policies::SchemaFile cases = policies::cases::CasesSchema();
  files[absl::StrCat("schema/", cases.name)] = policies::SchemaText(cases.schema);
  files[kCases] = policies::cases::WithGeneratedSection(
      files[kCases], policies::cases::GenerateCases(catalog, *catalog->all()[0]));
  return files;
}

}  // namespace vouch::client
