#include "client/vouch/agreement_explanation.h"

#include "client/vouch/agreement_signatures.h"
#include "crypto/bytes.h"
#include "policies/engine/explain/explain.h"
#include "policies/engine/explain/html_page.h"

namespace vouch::client {
namespace {

namespace explain = policies::explain;
using Json = nlohmann::ordered_json;

Json BlockJson(const explain::Block& block) {
  Json json;
  if (block.kind == explain::Block::Kind::kTable) {
    json["kind"] = "table";
    json["caption"] = explain::Visible(block.table.caption);
    for (const std::string& heading : block.table.heading) {
      json["heading"].push_back(explain::Visible(heading));
    }
    json["rows"] = Json::array();
    for (const explain::Row& row : block.table.rows) {
      Json cells = Json::array();
      for (const std::string& cell : row.cells) cells.push_back(explain::Visible(cell));
      json["rows"].push_back({{"cells", cells}, {"line", row.line}});
    }
    return json;
  }
  json["kind"] = block.kind == explain::Block::Kind::kList ? "list" : "paragraph";
  for (const explain::Sentence& sentence : block.sentences) {
    Json one = {{"text", explain::Visible(sentence.text)}, {"line", sentence.line}};
    if (sentence.quoted) one["quoted"] = true;
    if (sentence.depth > 0) one["depth"] = sentence.depth;
    json["sentences"].push_back(std::move(one));
  }
  return json;
}

Json SectionJson(const explain::Section& section) {
  Json json = {{"id", section.id},
               {"title", explain::Visible(section.title)},
               {"line", section.line},
               {"blocks", Json::array()}};
  for (const explain::Block& block : section.blocks) json["blocks"].push_back(BlockJson(block));
  for (const explain::Section& part : section.parts) json["parts"].push_back(SectionJson(part));
  return json;
}

}  // namespace

explain::Document ExplainSource(const AgreementSource& source) {
  const policies::HeldAgreement& held = *source.held;
  return explain::Explain(explain::Explained{held.agreement, &held.facts, &source.catalog->tables(),
                                             source.path, source.bytes, crypto::Hex(held.digest),
                                             SignaturesBeside(source)});
}

Json DocumentJson(const explain::Document& document) {
  Json json = {{"agreement", document.agreement_id},
               {"revision", document.revision},
               {"title", explain::Visible(document.title)},
               {"file", explain::Visible(document.file)},
               {"sha256", document.digest},
               {"test_only", document.test_only},
               {"sections", Json::array()},
               {"signatures", Json::array()}};
  for (const explain::Section& section : document.sections) {
    json["sections"].push_back(SectionJson(section));
  }
  for (const explain::AgencySignatures& agency : document.signatures) {
    Json one = {{"agency", agency.agency},
                {"complete", agency.complete.has_value() ? Json(*agency.complete) : Json()},
                {"state", explain::Visible(agency.state)},
                {"signers", Json::array()}};
    for (const explain::Signer& signer : agency.signers) {
      one["signers"].push_back({{"name", explain::Visible(signer.name)},
                                {"when", signer.when},
                                {"valid", signer.valid},
                                {"why_not", explain::Visible(signer.why_not)}});
    }
    json["signatures"].push_back(std::move(one));
  }
  return json;
}

}  // namespace vouch::client
