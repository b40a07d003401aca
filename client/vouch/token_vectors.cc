#include "client/vouch/token_vectors.h"

#include <numeric>

#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "absl/strings/strip.h"
#include "crypto/digest.h"
#include "crypto/identity.h"

namespace vouch::client {
namespace {

using Fields = std::vector<absl::string_view>;

void AppendUtf8(uint32_t c, std::string* out) {
  if (c < 0x80) {
    out->push_back(static_cast<char>(c));
    return;
  }
  const int more = c < 0x800 ? 1 : c < 0x10000 ? 2 : 3;
  const uint8_t lead[] = {0, 0xC0, 0xE0, 0xF0};
  out->push_back(static_cast<char>(lead[more] | (c >> (6 * more))));
  for (int i = more - 1; i >= 0; --i) {
    out->push_back(static_cast<char>(0x80 | ((c >> (6 * i)) & 0x3F)));
  }
}

// \u{41} is a code point, \xE9 a byte.
bool Unescape(absl::string_view text, std::string* out) {
  out->clear();
  while (!text.empty()) {
    uint32_t value = 0;
    if (absl::ConsumePrefix(&text, "\\u{")) {
      const size_t end = text.find('}');
      if (end == absl::string_view::npos || !absl::SimpleHexAtoi(text.substr(0, end), &value) ||
          value > 0x10FFFF) {
        return false;
      }
      AppendUtf8(value, out);
      text.remove_prefix(end + 1);
    } else if (absl::ConsumePrefix(&text, "\\x")) {
      if (text.size() < 2 || !absl::SimpleHexAtoi(text.substr(0, 2), &value)) return false;
      out->push_back(static_cast<char>(value));
      text.remove_prefix(2);
    } else {
      out->push_back(text[0]);
      text.remove_prefix(1);
    }
  }
  return true;
}

// One case; false when the line is no case.
using RunCase = bool (*)(const Fields& fields, const crypto::SpellingRules* rules,
                         absl::CivilDay today, bool* passed);

bool RunSpelling(const Fields& fields, const crypto::SpellingRules* rules, absl::CivilDay today,
                 bool* passed) {
  if (fields.size() != 5 || (fields[0] != "live" && fields[0] != "test")) return false;
  const auto attribute = crypto::AttributeNamed(fields[1]);
  std::string raw;
  std::string expected;
  if (!attribute.has_value() || !Unescape(fields[2], &raw) || !Unescape(fields[3], &expected)) {
    return false;
  }
  const auto use = fields[0] == "live" ? crypto::IdentityUse::kLive : crypto::IdentityUse::kTest;
  const absl::StatusOr<std::string> normal = rules->Normalize(*attribute, raw, use, today);
  *passed = fields[3] == "!" ? !normal.ok() : normal.ok() && *normal == expected;
  return true;
}

bool RunTokenInputs(const Fields& fields, const crypto::SpellingRules*, absl::CivilDay,
                    bool* passed) {
  if (fields.size() != 10) return false;
  crypto::TokenContext context;
  context.agreement_id = std::string(fields[0]);
  context.scope = std::string(fields[1]);
  context.profile = std::string(fields[3]);
  uint32_t key_number = 0;
  if (!absl::SimpleAtoi(fields[2], &context.epoch) || !absl::SimpleAtoi(fields[4], &key_number) ||
      key_number > 0xFFFF) {
    return false;
  }
  crypto::MatchKey key;
  for (const absl::string_view part : absl::StrSplit(fields[5], ',')) {
    const auto parsed = crypto::ParseKeyPart(part);
    if (!parsed.ok()) return false;
    key.parts.push_back(*parsed);
  }
  crypto::NormalIdentity identity;
  for (const absl::string_view value : absl::StrSplit(fields[6], ';', absl::SkipEmpty())) {
    const std::pair<absl::string_view, absl::string_view> pair =
        absl::StrSplit(value, absl::MaxSplits('=', 1));
    const auto attribute = crypto::AttributeNamed(pair.first);
    if (!attribute.has_value()) return false;
    identity.values[*attribute].emplace_back(pair.second);
  }
  std::string fixed_key(32, '\0');
  std::iota(fixed_key.begin(), fixed_key.end(), 0);
  std::vector<std::string> inputs;
  std::vector<std::string> macs;
  for (const std::string& input :
       crypto::TokenInputs(context, static_cast<uint16_t>(key_number), key, identity)) {
    inputs.push_back(crypto::Hex(crypto::AsBytes(input)));
    macs.push_back(
        crypto::Hex(crypto::HmacSha256(crypto::AsBytes(fixed_key), crypto::AsBytes(input))));
  }
  const std::vector<std::string> wanted = absl::StrSplit(fields[7], ',', absl::SkipEmpty());
  const std::vector<std::string> wanted_macs = absl::StrSplit(fields[8], ',', absl::SkipEmpty());
  *passed = inputs == wanted && macs == wanted_macs;
  return true;
}

}  // namespace

absl::StatusOr<VectorOutcome> CheckVectors(absl::string_view text) {
  RunCase run = nullptr;
  const crypto::SpellingRules* rules = nullptr;
  absl::CivilDay today;
  VectorOutcome outcome;
  int number = 0;
  for (absl::string_view line : absl::StrSplit(text, '\n')) {
    ++number;
    if (number == 1) {
      absl::string_view heading = line;
      if (absl::ConsumePrefix(&heading, "# Token inputs:")) {
        run = RunTokenInputs;
      } else if (absl::ConsumePrefix(&heading, "# ")) {
        const std::pair<absl::string_view, absl::string_view> parts =
            absl::StrSplit(heading, absl::MaxSplits(", as of ", 1));
        rules = crypto::FindSpellingRules(parts.first);
        if (rules != nullptr && absl::ParseCivilTime(parts.second.substr(0, 10), &today)) {
          run = RunSpelling;
        }
      }
      if (run == nullptr) {
        return absl::InvalidArgumentError(
            "line 1: a vector file begins with \"# names/1, as of 2026-06-30: ...\" or \"# Token "
            "inputs: ...\"");
      }
      continue;
    }
    if (line.empty() || line[0] == '#') continue;
    const Fields fields = absl::StrSplit(line, '|');
    bool passed = false;
    if (!run(fields, rules, today, &passed)) {
      return absl::InvalidArgumentError(
          absl::StrCat("line ", number,
                       ": is no case; docs/protocol-identities.md describes the "
                       "fields"));
    }
    ++outcome.cases;
    if (!passed) outcome.failures.push_back({number, std::string(fields.back())});
  }
  return outcome;
}

}  // namespace vouch::client
