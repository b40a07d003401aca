// The field table of the agreement file: what is in it, section by section.
#include "policies/engine/agreement_fields.h"

#include <algorithm>

namespace vouch::policies {
namespace {

Field<Agreement> IdentitySection() {
  TextRule replaces;
  replaces.most = 64;
  replaces.pattern = "none|[0-9a-f]{64}";
  replaces.expected = "\"none\", or the SHA-256 of the file before: 64 hexadecimal digits";
  MappingRules file_or_table;
  file_or_table.exactly_one_of = {{"file", "table"}};
  TextRule path;
  path.most = 200;
  path.pattern = "[A-Za-z0-9_][A-Za-z0-9_.-]*(/[A-Za-z0-9_][A-Za-z0-9_.-]*)*";
  path.expected = "a file's path beside the agreement, such as \"facts.yaml\"";
  const ShapeOf<Pin> pin = Map<Pin>(
      "a pin",
      {
          Optional<Pin>("file", Text(path), &Pin::file, "A file beside the agreement.",
                        "\"facts.yaml\""),
          Optional<Pin>("table", Id(), &Pin::table, "A reference table, by name.",
                        "\"hhs-poverty-guidelines\""),
          Required<Pin>("sha256", Sha256(), &Pin::sha256, "The digest of its exact bytes.",
                        "\"e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855\""),
      },
      file_or_table);
  const ShapeOf<Agreement> document = Map<Agreement>(
      "the executed document",
      {
          Required<Agreement>("title", Prose(300), &Agreement::document_title, "Its title.",
                              "\"Agreement 2027-001 as executed\""),
          Required<Agreement>(
              "sha256", Sha256(), &Agreement::document_sha256,
              "The digest of the executed document's file.",
              "\"e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855\""),
      });
  const ShapeOf<Agreement> section = Map<Agreement>(
      "what the agreement is",
      {
          Required<Agreement>("id", Id(), &Agreement::id,
                              "The agreement's name, the same in all its revisions.",
                              "\"fsa-irs-2027-001\""),
          Required<Agreement>("revision", Number(1, 1000000), &Agreement::revision,
                              "Counts up with every change.", "1"),
          Required<Agreement>("replaces", Text(replaces), &Agreement::replaces,
                              "The digest of the revision before, or \"none\".", "\"none\""),
          Required<Agreement>("title", Prose(300), &Agreement::title, "Its title.",
                              "\"Income check for federal student aid\""),
          Required<Agreement>("use",
                              Choice<Use>({{{"live", "real people"}, Use::kLive},
                                           {{"test", "test identities only"}, Use::kTest}}),
                              &Agreement::use, "What it is for; a node loads one kind only.",
                              "\"live\""),
          Optional<Agreement>("document", document, Itself<Agreement>,
                              "The paper or PDF that was executed.",
                              "{title: \"Agreement 2027-001 as executed\", sha256: "
                              "\"e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
                              "\"}"),
          Required<Agreement>("pins", List(pin, 1, 50), &Agreement::pins,
                              "What else the answers depend on: the fact catalogue and the "
                              "reference tables, by digest.",
                              "[{file: \"facts.yaml\", sha256: "
                              "\"e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
                              "\"}]"),
      });
  return Required<Agreement>("agreement", section, Itself<Agreement>, "What the agreement is.", "");
}

Field<Agreement> PartiesSection() {
  using Pairs = std::vector<std::pair<std::string, std::string>>;
  const auto acting = [](const Pairs& pairs, Agreement* out) {
    out->acting_for.insert(pairs.begin(), pairs.end());
  };
  const ShapeOf<Agreement> section = Map<Agreement>(
      "the parties",
      {
          Required<Agreement>("asks", List(AgencyName(), 1, 100, true), &Agreement::asks,
                              "The agencies that may ask.", "[\"fsa.ed.example\"]"),
          Required<Agreement>("answers", AgencyName(), &Agreement::answers,
                              "The agency that answers.", "\"irs.treasury.example\""),
          Optional<Agreement>(
              "acting_for",
              Put<Agreement>(Dictionary("contractors", AgencyName(), AgencyName(), 1), acting),
              Itself<Agreement>,
              "Contractors that call with a certificate of their own, and the asking agency each "
              "acts for.",
              "{\"processor.example\": \"fsa.ed.example\"}"),
      });
  return Required<Agreement>("parties", section, Itself<Agreement>, "Who asks and who answers.",
                             "{asks: [\"fsa.ed.example\"], answers: \"irs.treasury.example\"}");
}

Field<Agreement> AuthoritySection() {
  const ShapeOf<Citation> cite = Map<Citation>(
      "a citation",
      {
          Required<Citation>("cite", Prose(300), &Citation::cite,
                             "The statute, regulation or notice.", "\"26 U.S.C. 6103(l)(13)\""),
          Required<Citation>("allows", Prose(1000), &Citation::allows, "What it allows.",
                             "\"income information for student aid\""),
      });
  const ShapeOf<Approval> approval = Map<Approval>(
      "an approval",
      {
          Required<Approval>("by", AgencyName(), &Approval::by, "The agency.",
                             "\"irs.treasury.example\""),
          Required<Approval>("board", Prose(200), &Approval::board, "Its board or official.",
                             "\"Data Integrity Board\""),
          Required<Approval>("on", Day(), &Approval::on, "The day.", "\"2026-11-02\""),
      });
  const ShapeOf<Agreement> consent = Map<Agreement>(
      "consent",
      {
          Required<Agreement>("required", YesNo(), &Agreement::consent_required,
                              "Whether every request carries a reference to a consent.", "true"),
          Optional<Agreement>(
              "from",
              Put<Agreement>(ChoiceIndex({{"each-subject",
                                           "every person asked "
                                           "about"}}),
                             [](size_t, Agreement* out) { out->consent_from = "each-subject"; }),
              Itself<Agreement>, "Who consents.", "\"each-subject\""),
      });
  using Kind = AuthorityKind;
  const ShapeOf<Agreement> section = Map<Agreement>(
      "the legal authority",
      {
          Required<Agreement>(
              "kind",
              Choice<Kind>({{{"matching-agreement", "5 U.S.C. 552a(o)"}, Kind::kMatchingAgreement},
                            {{"routine-use", "5 U.S.C. 552a(b)(3)"}, Kind::kRoutineUse},
                            {{"statute", "another statute"}, Kind::kStatute},
                            {{"consent", "the person's consent"}, Kind::kConsent}}),
              &Agreement::authority, "On what the disclosure rests.", "\"statute\""),
          Required<Agreement>("cites", List(cite, 1, 50), &Agreement::cites, "The citations.",
                              "[{cite: \"26 U.S.C. 6103(l)(13)\", allows: \"income information for "
                              "student aid\"}]"),
          Optional<Agreement>("approvals", List(approval, 1, 50), &Agreement::approvals,
                              "Who approved it, and when.",
                              "[{by: \"irs.treasury.example\", board: \"Data Integrity Board\", "
                              "on: \"2026-11-02\"}]"),
          Optional<Agreement>("consent", consent, Itself<Agreement>,
                              "Whether the persons' consent is needed.",
                              "{required: true, from: \"each-subject\"}"),
      });
  return Required<Agreement>("authority", section, Itself<Agreement>, "The legal authority.", "");
}

Field<Agreement> ElementsSection() {
  using Elements = std::map<std::string, std::string>;
  const std::vector<std::pair<std::string, std::string>> items = {
      {"A", "Purpose and legal authority"},
      {"B", "Justification, anticipated results and savings estimate"},
      {"C", "Each data element, number of records, start and end dates"},
      {"D", "Notice to individuals"},
      {"E", "Verification procedures"},
      {"F", "Retention and destruction"},
      {"G", "Security"},
      {"H", "Limits on duplication and redisclosure"},
      {"I", "The recipient's use, return or destruction"},
      {"J", "Accuracy assessments"},
      {"K", "Comptroller General access"},
  };
  std::vector<Field<Elements>> fields;
  for (const auto& [letter, title] : items) {
    fields.push_back(Required<Elements>(
        letter, Prose(), [letter = letter](Elements* all) { return &(*all)[letter]; },
        absl::StrCat(title, ", 5 U.S.C. 552a(o)(1)(", letter, ")."), "\"See section 4.\""));
  }
  const ShapeOf<Elements> section =
      Map<Elements>("the elements of a matching agreement", std::move(fields));
  return Optional<Agreement>("elements", section, &Agreement::elements,
                             "For a matching agreement: one text for each of (A) to (K).", "");
}

Field<Agreement> PublishedSection() {
  const auto sent = [](Agreement* out) { return &out->sent_to_congress.emplace(); };
  const ShapeOf<Agreement> section = Map<Agreement>(
      "publication",
      {
          Required<Agreement>("federal_register", Prose(200), &Agreement::federal_register,
                              "The notice in the Federal Register.", "\"91 FR 12345\""),
          Required<Agreement>("sent_to_congress", Day(), sent, "The day it was sent to Congress.",
                              "\"2026-11-20\""),
      });
  return Optional<Agreement>("published", section, Itself<Agreement>,
                             "For a matching agreement: where and when it was published.",
                             "{federal_register: \"91 FR 12345\", sent_to_congress: "
                             "\"2026-11-20\"}");
}

Field<Agreement> RenewalSection() {
  const ShapeOf<Certification> certification = Map<Certification>(
      "a certification", {
                             Required<Certification>("by", AgencyName(), &Certification::by,
                                                     "The agency.", "\"fsa.ed.example\""),
                             Required<Certification>("on", Day(), &Certification::on,
                                                     "The day it certified.", "\"2028-04-30\""),
                         });
  const auto from = [](Agreement* agreement) { return &agreement->renewed_from.emplace(); };
  const ShapeOf<Agreement> section = Map<Agreement>(
      "the renewal",
      {
          Required<Agreement>("former_expiry", Day(), from,
                              "The last day of the term that is renewed.", "\"2028-06-30\""),
          Required<Agreement>("certified", List(certification, 1, 100),
                              &Agreement::renewal_certified,
                              "Each party's written certification that nothing has changed and "
                              "that the agreement was kept.",
                              "[{by: \"fsa.ed.example\", on: \"2028-04-30\"}]"),
      });
  return Optional<Agreement>("renewal", section, Itself<Agreement>,
                             "When this revision only renews the term of the one before it.",
                             "{former_expiry: \"2028-06-30\", certified: [{by: "
                             "\"fsa.ed.example\", on: \"2028-04-30\"}]}");
}

Field<Agreement> DatesSection() {
  TextRule zone;
  zone.most = 60;
  zone.pattern = "[A-Z][A-Za-z0-9_+-]*(/[A-Za-z0-9_+-]+)*";
  zone.expected = "a time zone such as \"America/New_York\" or \"UTC\"";
  const ShapeOf<Agreement> section = Map<Agreement>(
      "the dates",
      {
          Required<Agreement>("effective", Day(), &Agreement::effective,
                              "The first day of this revision.", "\"2027-01-01\""),
          Required<Agreement>("expires", Day(), &Agreement::expires,
                              "The last day on which it is valid.", "\"2027-12-31\""),
          Required<Agreement>("time_zone", Text(zone), &Agreement::time_zone,
                              "Where days begin and end.", "\"America/New_York\""),
          Optional<Agreement>("changeover", Span({"day"}), &Agreement::changeover,
                              "How long the replaced revision is still accepted.", "\"7 days\""),
          RenewalSection(),
      });
  return Required<Agreement>("dates", section, Itself<Agreement>, "When it holds.",
                             "{effective: \"2027-01-01\", expires: \"2027-12-31\", time_zone: "
                             "\"America/New_York\"}");
}

Field<Agreement> PeopleSection() {
  TextRule part;
  part.most = 80;
  part.pattern = "[a-z_]+(:[a-z_]+)?";
  part.expected = "an attribute such as \"family_name\" or \"soundex:family_name\"";
  const ShapeOf<AgreedMatchKey> key = Map<AgreedMatchKey>(
      "a match key",
      {
          Required<AgreedMatchKey>("key", List(Text(part), 1, 8, true), &AgreedMatchKey::parts,
                                   "The attributes that together find a person.",
                                   "[\"social_security_number\", \"date_of_birth\"]"),
          Optional<AgreedMatchKey>(
              "despite_mismatch",
              Choice<DespiteMismatch>(
                  {{{"refuse", "a stronger key that finds nobody makes it UNDETERMINED"},
                    DespiteMismatch::kRefuse},
                   {{"allow", "this key decides even then"}, DespiteMismatch::kAllow}}),
              &AgreedMatchKey::despite_mismatch,
              "What happens when a key listed before finds nobody though the record has it.",
              "\"refuse\""),
      });
  const ShapeOf<Agreement> tokens = Map<Agreement>(
      "the tokens",
      {
          Required<Agreement>(
              "kind",
              Choice<TokenKind>(
                  {{{"blind", "only with the responder's live, limited, recorded help"},
                    TokenKind::kBlind},
                   {{"keyed-hash", "both sides hold the key"}, TokenKind::kKeyedHash}}),
              &Agreement::token_kind, "How identities are made unreadable.", "\"blind\""),
          Required<Agreement>("key_authority", KeyFingerprint(), &Agreement::key_authority,
                              "The fingerprint of the responder's key authority, which signs every "
                              "epoch's key.",
                              "\"sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7"
                              "852b855\""),
      });
  TextRule rules;
  rules.most = 40;
  rules.pattern = "[a-z]+/[1-9][0-9]*";
  rules.expected = "spelling rules such as \"names/1\"";
  const ShapeOf<Agreement> section = Map<Agreement>(
      "how people are found",
      {
          Required<Agreement>("spelling_rules", Text(rules), &Agreement::spelling_rules,
                              "How names and numbers are written before they are compared.",
                              "\"names/1\""),
          Required<Agreement>("match", List(key, 1, 8), &Agreement::match,
                              "The keys that find a person, the strongest first.",
                              "[{key: [\"social_security_number\", \"date_of_birth\"]}]"),
          Required<Agreement>(
              "if_several_found",
              Put<Agreement>(ChoiceIndex({{"undetermined", ""}}), [](size_t, Agreement*) {}),
              Itself<Agreement>, "The answer when the keys find several people.",
              "\"undetermined\""),
          Required<Agreement>("tokens", tokens, Itself<Agreement>, "The tokens.", ""),
      });
  return Required<Agreement>("people", section, Itself<Agreement>, "How people are found.", "");
}

Field<Agreement> LimitsSection() {
  const auto field = [](const std::string& key, CountLimit Limits::*member, bool person,
                        std::string description) {
    return Required<Limits>(
        key,
        CountLimitShape(person ? std::vector<std::string>{"hour", "day", "month", "year"}
                               : std::vector<std::string>{"hour", "day"},
                        person),
        member, std::move(description),
        person ? "{count: 4, every: \"30 days\"}" : "{count: 50000, every: \"1 day\"}");
  };
  const ShapeOf<Limits> per_person = Map<Limits>(
      "the limits for one person",
      {
          field("times_asked", &Limits::times_asked, true,
                "How often one asker may ask about one person."),
          field("different_values", &Limits::different_values, true,
                "How many different questions and parameter values one asker may try on one "
                "person: what can be learned about a person is bounded by it."),
      });
  const ShapeOf<Limits> section = Map<Limits>(
      "the limits",
      {
          Required<Limits>("per_person", per_person, Itself<Limits>, "Limits for one person.",
                           "{times_asked: {count: 4, every: \"30 days\"}, different_values: "
                           "{count: 2, every: \"agreement\"}}"),
          field("new_people", &Limits::new_people, false,
                "How many people not asked about before."),
          field("whole_agreement", &Limits::whole_agreement, false, "How many answers in all."),
          field("evaluations", &Limits::evaluations, false,
                "How many token elements are evaluated, padding included."),
      });
  return Required<Agreement>("limits", section, &Agreement::limits, "How much each asker may ask.",
                             "");
}

Field<Agreement> ProtectionsSection() {
  const ShapeOf<Agreement> keep = Map<Agreement>(
      "how long the ledger is kept",
      {
          Required<Agreement>("at_least", Span({"month", "year"}), &Agreement::keep_ledger,
                              "How long its entries are kept, at the least.", "\"5 years\""),
          Optional<Agreement>("or_life_of_record", YesNo(), &Agreement::keep_life_of_record,
                              "Whether as long as the record itself, if that is longer.", "true"),
      });
  const ShapeOf<Agreement> corrections = Map<Agreement>(
      "corrections",
      {
          Required<Agreement>("contact", EmailAddress(), &Agreement::corrections_contact,
                              "Where a person's objection goes.",
                              "\"privacy@irs.treasury.example\""),
          Required<Agreement>("reply_days", Number32(1, 365), &Agreement::corrections_reply_days,
                              "Days until the reply.", "10"),
      });
  const ShapeOf<Agreement> section =
      Map<Agreement>("the protections",
                     {
                         Required<Agreement>("keep_ledger", keep, Itself<Agreement>,
                                             "How long the ledger is kept.",
                                             "{at_least: \"5 years\", or_life_of_record: true}"),
                         Required<Agreement>("corrections", corrections, Itself<Agreement>,
                                             "How records are corrected.",
                                             "{contact: \"privacy@irs.treasury.example\", "
                                             "reply_days: 10}"),
                     });
  return Required<Agreement>("protections", section, Itself<Agreement>,
                             "What protects the persons concerned.", "");
}

Field<Agreement> ReceiptsField() {
  const ShapeOf<std::vector<size_t>> kinds =
      List(ChoiceIndex({{"ledger",
                         "the entry, its opening and its place in the ledger; every answer "
                         "has it"},
                        {"jws",
                         "also one signed text that says the answer, for an asker that wants "
                         "it"}}),
           1, 2, true);
  const auto put = [](const std::vector<size_t>& listed, const Node& node, Reading* reading,
                      Agreement* out) {
    out->jws_receipts = std::find(listed.begin(), listed.end(), 1) != listed.end();
    if (std::find(listed.begin(), listed.end(), 0) != listed.end()) return true;
    return reading->ValueError("agreement/receipts", node,
                               "every answer has its ledger receipt, and the list says so",
                               "write [\"ledger\", \"jws\"]");
  };
  return Optional<Agreement>("receipts", Converted<Agreement>(kinds, put), Itself<Agreement>,
                             "What proves an answer. Left out: the ledger's receipt alone.",
                             "[\"ledger\", \"jws\"]");
}

ShapeOf<Contact> ContactShape() {
  return Map<Contact>(
      "a contact", {
                       Required<Contact>("party", AgencyName(), &Contact::party, "The agency.",
                                         "\"fsa.ed.example\""),
                       Required<Contact>("role", Prose(100), &Contact::role, "Their role.",
                                         "\"program officer\""),
                       Required<Contact>("email", EmailAddress(), &Contact::email, "Their address.",
                                         "\"officer@fsa.ed.example\""),
                   });
}

ShapeOf<Waiver> WaiverShape() {
  TextRule rule;
  rule.most = 80;
  rule.pattern = "[a-z][a-z-]*/[a-z0-9-]+";
  rule.expected = "the name of a rule, such as \"us-federal/term\"";
  return Map<Waiver>(
      "a waiver",
      {
          Required<Waiver>("rule", Text(rule), &Waiver::rule, "The rule that `check` reports.",
                           "\"us-federal/term\""),
          Required<Waiver>("granted_by", Prose(200), &Waiver::granted_by, "Who answers for it.",
                           "\"Jane Roe, Chief Privacy Officer\""),
          Required<Waiver>("reason", Prose(2000), &Waiver::reason, "Why it does not apply.",
                           "\"Waived by the board; see its minutes.\""),
          Required<Waiver>("expires", Day(), &Waiver::expires, "The last day it is good for.",
                           "\"2028-12-31\""),
      },
      {}, &Waiver::position);
}

ShapeOf<Purpose> PurposeShape() {
  return Map<Purpose>(
      "a purpose",
      {
          Required<Purpose>("id", Id(), &Purpose::id, "The name that requests give.",
                            "\"student-aid-eligibility\""),
          Required<Purpose>("text", Prose(), &Purpose::text, "The purpose in words; printed.",
                            "\"To decide on federal student aid.\""),
      });
}

}  // namespace

ShapeOf<CountLimit> CountLimitShape(std::vector<std::string> units, bool agreement) {
  return Map<CountLimit>(
      "a limit",
      {
          Required<CountLimit>("count", Number(1, 1000000000000), &CountLimit::count, "How many.",
                               "4"),
          Required<CountLimit>("every", Span(std::move(units), agreement), &CountLimit::every,
                               "In how long, at any time.", "\"30 days\""),
      });
}

const ShapeOf<Agreement>& AgreementShape() {
  static const auto* const kShape = new ShapeOf<Agreement>(Map<Agreement>(
      "an agreement",
      {
          FormatField<Agreement>("vouch-agreement/1"),
          IdentitySection(),
          PartiesSection(),
          AuthoritySection(),
          ElementsSection(),
          PublishedSection(),
          Required<Agreement>("purposes", List(PurposeShape(), 1, 50), &Agreement::purposes,
                              "What the answers may be used for.",
                              "[{id: \"student-aid-eligibility\", text: \"To decide on federal "
                              "student aid.\"}]"),
          DatesSection(),
          PeopleSection(),
          Required<Agreement>("questions", List(QuestionShape(), 1, 200), &Agreement::questions,
                              "What may be asked.", ""),
          LimitsSection(),
          ProtectionsSection(),
          ReceiptsField(),
          Required<Agreement>("contacts", List(ContactShape(), 1, 100), &Agreement::contacts,
                              "Whom to call.",
                              "[{party: \"fsa.ed.example\", role: \"program officer\", email: "
                              "\"officer@fsa.ed.example\"}]"),
          Optional<Agreement>("waivers", List(WaiverShape(), 1, 50), &Agreement::waivers,
                              "Findings of `check` that the parties answer for.",
                              "[{rule: \"us-federal/term\", granted_by: \"Jane Roe, Chief "
                              "Privacy Officer\", reason: \"Waived.\", expires: "
                              "\"2028-12-31\"}]"),
      }));
  return *kShape;
}

}  // namespace vouch::policies
