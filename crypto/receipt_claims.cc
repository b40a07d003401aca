#include "crypto/receipt_claims.h"

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/time/civil_time.h"
#include "crypto/base64.h"
#include "crypto/merkle.h"

namespace vouch::crypto {

namespace {

constexpr absl::string_view kAnswers[] = {"YES", "NO", "UNDETERMINED"};
constexpr size_t kLongestAnswer = 12;
constexpr size_t kLongestIndex = 20;  // of any u64

std::string Quoted(absl::string_view text) {
  std::string out = "\"";
  for (const char c : text) {
    if (c == '"' || c == '\\') {
      out.push_back('\\');
      out.push_back(c);
    } else if (static_cast<unsigned char>(c) < 0x20) {
      absl::StrAppendFormat(&out, "\\u%04x", static_cast<unsigned char>(c));
    } else {
      out.push_back(c);
    }
  }
  out.push_back('"');
  return out;
}

bool AppendParameters(absl::string_view canonical, std::string* out) {
  ByteReader in(AsBytes(canonical));
  const uint16_t count = in.U16();
  out->push_back('{');
  for (uint16_t i = 0; i < count && in.ok(); ++i) {
    absl::StrAppend(out, i == 0 ? "" : ",", Quoted(AsText(in.Field())), ":");
    const uint8_t kind = in.U8();
    if (kind == 1) {
      absl::StrAppend(out, static_cast<int64_t>(in.U64()));
    } else if (kind == 2) {
      absl::StrAppend(out, Quoted(AsText(in.Field())));
    } else {
      return false;
    }
  }
  out->push_back('}');
  return in.Finished();
}

}  // namespace

std::string ReceiptSubject(const Digest& opening, ByteSpan tokens) {
  return Base64Url(HmacSha256(opening, tokens));
}

absl::StatusOr<std::string> ReceiptPayload(const ReceiptClaims& claims) {
  const absl::StatusOr<SubjectEntry> entry = ReadSubjectEntry(claims.entry);
  if (!entry.ok()) return entry.status();
  if (entry->kind != EntryKind::kAnswered || claims.answer < 1 || claims.answer > 3) {
    return absl::InvalidArgumentError("a receipt is of one of the three answers");
  }
  const CanonicalRequest& request = *claims.request;
  const absl::string_view answer = kAnswers[claims.answer - 1];
  const std::string index = absl::StrCat(claims.index);
  std::string out = absl::StrCat(
      "{\"iss\":", Quoted(claims.responder), ",\"aud\":", Quoted(request.requester), ",\"sub\":\"",
      ReceiptSubject(claims.opening, request.tokens), "\",\"jti\":\"",
      Base64Url(LeafHash(AsBytes(claims.entry))), "\",\"iat\":", int64_t{entry->minute} * 60,
      ",\"use\":\"", entry->use == 1 ? "live" : "test",
      "\",\"agreement\":", Quoted(request.agreement_id));
  absl::StrAppend(&out, ",\"agreement_sha256\":\"", Hex(request.agreement_digest),
                  "\",\"purpose\":", Quoted(request.purpose),
                  ",\"question\":", Quoted(request.question), ",\"parameters\":");
  if (!AppendParameters(request.parameters, &out)) {
    return absl::InvalidArgumentError("the parameters are not in their canonical form");
  }
  absl::StrAppend(&out, ",\"answer\":\"", answer, "\",\"data_as_of\":\"",
                  absl::FormatCivilTime(absl::CivilDay(1970, 1, 1) + claims.data_as_of),
                  "\",\"log\":", Quoted(claims.log), ",\"index\":", index, ",\"pad\":\"",
                  std::string(kLongestAnswer - answer.size() + kLongestIndex - index.size(), '-'),
                  "\"}");
  return out;
}

}  // namespace vouch::crypto
