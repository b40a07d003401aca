#include <iterator>
#include <memory>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_split.h"
#include "client/vouch/commands.h"
#include "client/vouch/node_agreements.h"
#include "client/vouch/node_folder.h"
#include "client/vouch/person_json.h"
#include "client/vouch/token_vectors.h"
#include "crypto/identity.h"
#include "crypto/token.h"
#include "crypto/voprf.h"
#include "server/node/epoch_keys.h"
#include "server/node/folders.h"

namespace vouch::client {
namespace {

namespace node = server::node;

struct TokenOptions {
  std::string folder;
  std::string agreement;
  uint32_t epoch = 0;  // 0: the one in force
  std::string key;
  std::string kind = "keyed-hash";
  std::string asker;
  std::string use = "live";
  std::string spelling = "names/1";
  std::vector<std::string> match;
  std::string check;
  bool json = false;
};

// What tokens are made with, wherever it came from.
struct Recipe {
  bool keyed_hash = false;
  crypto::TokenContext context;
  crypto::IdentityUse use = crypto::IdentityUse::kLive;
  std::vector<crypto::MatchKey> match;
  crypto::SecretBytes secret;
};

absl::StatusOr<crypto::MatchKey> ParseMatchKey(const std::vector<std::string>& parts) {
  crypto::MatchKey key;
  for (const std::string& part : parts) {
    const auto parsed = crypto::ParseKeyPart(part);
    if (!parsed.ok()) return UsageError(parsed.status().message());
    key.parts.push_back(*parsed);
  }
  return key;
}

absl::StatusOr<Recipe> FromAgreement(const TokenOptions& options, Console* console) {
  const auto file = OpenNode(options.folder, console);
  if (!file.ok()) return file.status();
  const auto agreement = FindAgreement(*file, options.agreement);
  if (!agreement.has_value()) {
    return absl::NotFoundError(absl::StrCat(
        "there is no readable agreement ", options.agreement, " below ", file->agreements,
        "; `vouch agreement check FILE` says what is wrong with "
        "one"));
  }
  Recipe recipe;
  recipe.keyed_hash = agreement->token_kind == policies::TokenKind::kKeyedHash;
  recipe.use = agreement->use == policies::Use::kLive ? crypto::IdentityUse::kLive
                                                      : crypto::IdentityUse::kTest;
  recipe.context.agreement_id = agreement->id;
  recipe.context.profile = agreement->spelling_rules;
  const std::string asker = agreement->asks.empty() ? "" : agreement->asks[0];
  recipe.context.scope = crypto::TokenScope(recipe.keyed_hash, asker, recipe.use);
  for (const policies::AgreedMatchKey& agreed : agreement->match) {
    auto key = ParseMatchKey(agreed.parts);
    if (!key.ok()) return key.status();
    recipe.match.push_back(*std::move(key));
  }
  auto keys = node::ReadEpochKeys(file->keys, agreement->id, agreement->key_authority);
  if (!keys.ok()) return keys.status();
  const absl::Time now = absl::Now();
  recipe.context.epoch = options.epoch;
  for (node::EpochKey& key : *keys) {
    const bool wanted = options.epoch != 0
                            ? key.statement.epoch == options.epoch
                            : key.statement.not_before <= now && now < key.statement.not_after;
    if (!wanted) continue;
    recipe.context.epoch = key.statement.epoch;
    recipe.secret = std::move(key.secret);
  }
  if (recipe.context.epoch == 0) recipe.context.epoch = 1;
  return recipe;
}

absl::StatusOr<Recipe> FromOptions(const TokenOptions& options) {
  if (options.agreement.empty() || options.match.empty()) {
    return UsageError("with --key, say --agreement and at least one --match");
  }
  Recipe recipe;
  recipe.keyed_hash = options.kind == "keyed-hash";
  if (recipe.keyed_hash && options.asker.empty()) {
    return UsageError("keyed-hash tokens are for one agency: --asker NAME");
  }
  recipe.use = options.use == "live" ? crypto::IdentityUse::kLive : crypto::IdentityUse::kTest;
  recipe.context.agreement_id = options.agreement;
  recipe.context.scope = crypto::TokenScope(recipe.keyed_hash, options.asker, recipe.use);
  recipe.context.epoch = options.epoch == 0 ? 1 : options.epoch;
  recipe.context.profile = options.spelling;
  for (const std::string& match : options.match) {
    auto key = ParseMatchKey(absl::StrSplit(match, ','));
    if (!key.ok()) return key.status();
    recipe.match.push_back(*std::move(key));
  }
  auto secret = crypto::ReadSecretFile(options.key);
  if (!secret.ok()) return secret.status();
  recipe.secret = *std::move(secret);
  return recipe;
}

absl::StatusOr<std::vector<std::string>> MakeTokens(const Recipe& recipe,
                                                    const std::vector<std::string>& inputs) {
  std::vector<std::string> tokens;
  if (recipe.secret.empty()) return tokens;
  if (recipe.keyed_hash) {
    const crypto::KeyedHash hash(recipe.secret);
    for (const std::string& input : inputs) {
      tokens.push_back(crypto::Hex(hash.Make(crypto::AsBytes(input))));
    }
    return tokens;
  }
  const std::string info = crypto::OprfKeyInfo(recipe.context.agreement_id, recipe.context.epoch);
  const auto key = crypto::OprfPrivateKey::Derive(recipe.secret, crypto::AsBytes(info));
  if (!key.ok()) return key.status();
  for (const std::string& input : inputs) {
    const auto token = key->Evaluate(crypto::AsBytes(input));
    if (!token.ok()) return token.status();
    tokens.push_back(crypto::Hex(*token));
  }
  return tokens;
}

absl::StatusOr<Exit> CheckFile(const TokenOptions& options, Console* console) {
  const auto text = node::ReadText(options.check, size_t{16} << 20);
  if (!text.ok()) return text.status();
  const auto outcome = CheckVectors(*text);
  if (!outcome.ok()) {
    return absl::InvalidArgumentError(
        absl::StrCat(options.check, ": ", outcome.status().message()));
  }
  nlohmann::json failures = nlohmann::json::array();
  for (const VectorOutcome::Failure& failure : outcome->failures) {
    failures.push_back({{"line", failure.line}, {"note", failure.note}});
    if (!options.json) {
      console->Note(absl::StrCat(options.check, ":", failure.line,
                                 ": failed: ", policies::Shown(failure.note)));
    }
  }
  if (options.json) {
    console->SayJson({{"cases", outcome->cases}, {"failures", failures}});
  } else {
    console->Say(absl::StrCat(outcome->cases, " cases, ", outcome->failures.size(), " failed"));
  }
  // A file of no cases proves nothing.
  return outcome->cases > 0 && outcome->failures.empty() ? Exit::kFine : Exit::kFailed;
}

absl::StatusOr<Exit> ShowTokens(const TokenOptions& options, Console* console) {
  if (options.folder.empty() == options.key.empty()) {
    return UsageError("say --node FOLDER and --agreement ID, or --key FILE with its settings");
  }
  if (options.agreement.empty()) return UsageError("say which agreement: --agreement ID");
  auto recipe = options.key.empty() ? FromAgreement(options, console) : FromOptions(options);
  if (!recipe.ok()) return recipe.status();
  const crypto::SpellingRules* rules = crypto::FindSpellingRules(recipe->context.profile);
  if (rules == nullptr) {
    return UsageError(absl::StrCat("there are no such spelling rules; there are ",
                                   absl::StrJoin(crypto::SpellingRuleNames(), ", ")));
  }
  const auto identity = ReadPerson(console->in(), "standard input");
  if (!identity.ok()) return identity.status();
  const crypto::NormalIdentity normal = crypto::NormalizeIdentity(
      *identity, *rules, recipe->use, absl::ToCivilDay(absl::Now(), absl::UTCTimeZone()));

  nlohmann::ordered_json shown;
  shown["agreement"] = recipe->context.agreement_id;
  shown["epoch"] = recipe->context.epoch;
  shown["spelling_rules"] = recipe->context.profile;
  shown["normal_form"] = nlohmann::ordered_json::object();
  for (const auto& [attribute, values] : normal.values) {
    shown["normal_form"][std::string(crypto::AttributeName(attribute))] = values;
  }
  shown["left_out"] = nlohmann::ordered_json::array();
  for (const auto& problem : normal.problems) {
    shown["left_out"].push_back(
        {{"attribute", std::string(crypto::AttributeName(problem.attribute))},
         {"why", problem.message}});
  }
  shown["match_keys"] = nlohmann::ordered_json::array();
  for (size_t i = 0; i < recipe->match.size(); ++i) {
    const std::vector<std::string> inputs =
        crypto::TokenInputs(recipe->context, static_cast<uint16_t>(i), recipe->match[i], normal);
    const auto tokens = MakeTokens(*recipe, inputs);
    if (!tokens.ok()) return tokens.status();
    nlohmann::ordered_json key;
    for (const crypto::KeyPart& part : recipe->match[i].parts) {
      key["key"].push_back(crypto::KeyPartName(part));
    }
    key["inputs"] = nlohmann::ordered_json::array();
    for (const std::string& input : inputs) {
      key["inputs"].push_back(crypto::Hex(crypto::AsBytes(input)));
    }
    key["tokens"] = *tokens;
    shown["match_keys"].push_back(std::move(key));
  }
  if (options.json) {
    console->Say(shown.dump(2, ' ', false, nlohmann::json::error_handler_t::replace));
    return Exit::kFine;
  }
  console->Say(absl::StrCat("agreement ", recipe->context.agreement_id, ", epoch ",
                            recipe->context.epoch, ", spelling rules ", recipe->context.profile));
  for (const auto& [attribute, values] : normal.values) {
    console->Say(
        absl::StrCat("  ", crypto::AttributeName(attribute), ": ", absl::StrJoin(values, " | ")));
  }
  for (const auto& problem : normal.problems) {
    console->Say(absl::StrCat("  left out ", crypto::AttributeName(problem.attribute), ": ",
                              problem.message));
  }
  for (const auto& key : shown["match_keys"]) {
    console->Say(absl::StrCat("key ", key["key"].dump()));
    if (key["inputs"].empty()) console->Say("  cannot be formed: an attribute is missing");
    for (size_t i = 0; i < key["inputs"].size(); ++i) {
      console->Say(absl::StrCat("  input ", key["inputs"][i].get<std::string>()));
      if (i < key["tokens"].size()) {
        console->Say(absl::StrCat("  token ", key["tokens"][i].get<std::string>()));
      }
    }
  }
  if (recipe->secret.empty()) {
    console->Note(recipe->keyed_hash ? "No tokens: this node holds no key of that epoch; take it "
                                       "up with `vouch keys accept`."
                                     : "No tokens: a blind key stays with the agency that answers, "
                                       "and only its running node "
                                       "can make them.");
  }
  return Exit::kFine;
}

}  // namespace

void AddTokenCommand(CLI::App* vouch, Console* console) {
  auto options = std::make_shared<TokenOptions>();
  CLI::App* command = vouch->add_subcommand(
      "token", "Shows how an identity on standard input is spelt and made into tokens");
  command->add_option("--node", options->folder, "The node's folder")->envname("VOUCH_NODE");
  command->add_option("--agreement", options->agreement, "The agreement's id");
  command->add_option("--epoch", options->epoch, "The epoch; default: the one in force");
  command->add_option("--key", options->key, "Instead of a node: a file with a 32-byte secret");
  command->add_option("--kind", options->kind, "With --key: blind or keyed-hash")
      ->check(CLI::IsMember({"blind", "keyed-hash"}))
      ->capture_default_str();
  command->add_option("--asker", options->asker, "With --key, keyed-hash: the asking agency");
  command->add_option("--use", options->use, "With --key: live or test")
      ->check(CLI::IsMember({"live", "test"}))
      ->capture_default_str();
  command->add_option("--spelling", options->spelling, "With --key: the spelling rules")
      ->capture_default_str();
  command
      ->add_option("--match", options->match,
                   "With --key: a match key, parts with commas; once for each key")
      ->take_all();
  command->add_option("--check", options->check, "Runs a published vector file instead");
  command->add_flag("--json", options->json, "Print facts for programs");
  command->footer(
      "The identity is one JSON object on standard input, never an argument: arguments are seen "
      "by\n"
      "every user of the machine. The output is as confidential as the input.\n"
      "Exit codes: 0 shown; 1 refused; 2 usage; 3 malformed input; 4 cases of --check failed.\n"
      "Examples:\n"
      "  vouch token --node ./irs --agreement fsa-irs-2027-001 < person.json\n"
      "  vouch token --check tests/vectors/identity/names1.txt");
  command->callback([options, console] {
    console->Run([&] {
      return options->check.empty() ? ShowTokens(*options, console) : CheckFile(*options, console);
    });
  });
}

}  // namespace vouch::client
