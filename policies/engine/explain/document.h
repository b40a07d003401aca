// An agreement in plain words, before it is printed: sections of sentences, each of which knows the
// line of the file it comes from. The texts hold what the file says, so whoever prints them escapes
// them for the medium (html_page.h, text_page.h).
#ifndef VOUCH_POLICIES_ENGINE_EXPLAIN_DOCUMENT_H_
#define VOUCH_POLICIES_ENGINE_EXPLAIN_DOCUMENT_H_

#include <cstdint>
#include <string>
#include <vector>

#include "absl/types/optional.h"

namespace vouch::policies::explain {

struct Sentence {
  std::string text;
  int line = 0;  // of the agreement's file, counted from one
  // The parties' own words, repeated as they stand.
  bool quoted = false;
  // Of an item in a list within a list; 0 outermost.
  int depth = 0;
};

struct Row {
  std::vector<std::string> cells;
  int line = 0;
};
struct Table {
  std::string caption;
  std::vector<std::string> heading;
  std::vector<Row> rows;
};

struct Block {
  enum class Kind : uint8_t { kParagraph, kList, kTable };
  Kind kind = Kind::kParagraph;
  std::vector<Sentence> sentences;  // kParagraph, kList
  Table table;                      // kTable
};

struct Section {
  std::string id;  // letters, digits and hyphens; unique in the document
  std::string title;
  int line = 0;
  std::vector<Block> blocks;
  std::vector<Section> parts;
};

// How an agency's signatures stand, as the caller found out.
struct Signer {
  std::string name;  // from the certificate
  std::string when;  // "2026-11-20 15:04 UTC", as the signature says
  bool valid = false;
  std::string why_not;  // when not valid
};
struct AgencySignatures {
  std::string agency;
  // Whether everything that is required of this agency is there and valid; nothing when nobody said
  // what is required.
  absl::optional<bool> complete;
  std::string state;  // in words, such as "not signed yet"
  std::vector<Signer> signers;
};

struct Document {
  std::string title;
  std::string agreement_id;
  int64_t revision = 0;
  std::string file;    // as it was named
  std::string digest;  // SHA-256 of the file's exact bytes, hexadecimal
  bool test_only = false;
  std::vector<Section> sections;
  std::vector<AgencySignatures> signatures;  // empty: nobody looked
  std::string source;                        // the file's exact bytes
};

}  // namespace vouch::policies::explain

#endif  // VOUCH_POLICIES_ENGINE_EXPLAIN_DOCUMENT_H_
