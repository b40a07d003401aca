#include "client/requester/requester.h"

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "client/requester/ledger_client.h"
#include "crypto/random.h"
#include "policies/engine/question.h"
#include "vouch/v1/verification.grpc.pb.h"

namespace vouch::requester {

namespace {

constexpr absl::Duration kLedgerPatience = absl::Seconds(5);

absl::Status NotListed(std::string field, std::string message) {
  Refusal refusal;
  refusal.code = absl::StatusCode::kInvalidArgument;
  refusal.reason = "NOT_IN_AGREEMENT";
  refusal.field = std::move(field);
  refusal.message = std::move(message);
  return RefusalStatus(refusal);
}

template <typename Listed>
std::string Ids(const std::vector<Listed>& listed) {
  return absl::StrJoin(listed, ", ",
                       [](std::string* out, const Listed& one) { out->append(one.id); });
}

std::string Expected(const policies::ParameterRule& rule) {
  if (rule.range.has_value()) {
    return absl::StrCat("a whole number from ", rule.range->first, " to ", rule.range->second);
  }
  return absl::StrCat("one of ", absl::StrJoin(rule.codes, ", "));
}

bool Acts(const policies::Agreement& agreement, const std::string& agency) {
  const auto contractor = agreement.acting_for.find(agency);
  return agreement.IsAsker(agency) ||
         (contractor != agreement.acting_for.end() && agreement.IsAsker(contractor->second));
}

std::vector<std::string> Texts(const policies::Question& question, policies::Answer answer,
                               absl::string_view language) {
  std::vector<std::string> wished, english;
  for (const policies::Say& say : question.say) {
    if (say.when != answer) continue;
    if (say.language == language) wished.push_back(say.text);
    if (say.language == "en") english.push_back(say.text);
  }
  return wished.empty() ? english : wished;
}

std::unique_ptr<FollowedLog> Follow(const RequesterOptions& options,
                                    const std::shared_ptr<LedgerClient>& client) {
  FollowedLogOptions followed;
  followed.agency = options.connection.responder;
  followed.public_der = options.ledger_key;
  followed.folder = options.followed_folder;
  followed.witness_folder = options.witness_folder;
  return std::make_unique<FollowedLog>(
      std::move(followed),
      [client](const std::string& origin, absl::Span<const uint64_t> sizes) {
        return client->GetConsistencies(origin, sizes);
      },
      [client](const std::string& origin,
               uint64_t size) -> absl::StatusOr<FollowedLog::Continuation> {
        auto head = client->GetCheckpoint(origin, size);
        if (!head.ok()) return head.status();
        return FollowedLog::Continuation{std::move(head->note), std::move(head->successions)};
      });
}

bool IsKeyEpoch(const absl::Status& status) {
  const absl::optional<Refusal> refusal = RefusalOf(status);
  return refusal.has_value() && refusal->reason == "KEY_EPOCH";
}

// A person is a group of one slot.
size_t SlotsOf(const policies::Question& question) {
  return static_cast<size_t>(std::max(1, question.group_at_most));
}

absl::Span<const crypto::Identity> PeopleOf(const Asking& asking) {
  if (!asking.members.empty()) return asking.members;
  return absl::MakeConstSpan(&asking.person, 1);
}

// One for each person asked about, given or made; none where the agreement asks for none.
absl::StatusOr<std::vector<Consent>> ConsentsOf(const Asking& asking,
                                                const policies::Question& question,
                                                const OwnAgreement& own) {
  const size_t people = PeopleOf(asking).size();
  if (people > SlotsOf(question)) {
    return absl::InvalidArgumentError(
        question.group_at_most == 0
            ? absl::StrCat(question.id, " is about one person; several are given")
            : absl::StrCat(question.id, " is about a group of at most ", question.group_at_most,
                           " members; ", people, " are given"));
  }
  std::vector<Consent> consents;
  if (!own.agreement.consent_required) return consents;
  consents = asking.consents;
  if (consents.empty() && asking.consent.has_value()) consents.push_back(*asking.consent);
  if (consents.empty()) {
    for (size_t i = 0; i < people; ++i) consents.push_back(NewConsent());
  }
  if (consents.size() != people) {
    return absl::InvalidArgumentError(absl::StrCat("expected ", people,
                                                   " consent references, one for each member in "
                                                   "their order; ",
                                                   consents.size(), " are given"));
  }
  return consents;
}

}  // namespace

bool IsNobody(const TokenVector& tokens) {
  return std::all_of(tokens.begin(), tokens.end(), crypto::IsZero);
}

std::string Joined(const TokenVector& tokens) {
  std::string joined;
  joined.reserve(tokens.size() * sizeof(crypto::Token));
  for (const crypto::Token& token : tokens) {
    const absl::string_view text = crypto::AsText(token);
    joined.append(text.data(), text.size());
  }
  return joined;
}

std::string WhyNobody(const crypto::Identity& person, const policies::Agreement& agreement,
                      absl::CivilDay today) {
  std::string why = "no match key of the agreement can be formed from this person";
  const crypto::SpellingRules* rules = crypto::FindSpellingRules(agreement.spelling_rules);
  if (rules == nullptr) return why;
  const crypto::NormalIdentity normal =
      crypto::NormalizeIdentity(person, *rules,
                                agreement.use == policies::Use::kLive ? crypto::IdentityUse::kLive
                                                                      : crypto::IdentityUse::kTest,
                                today);
  for (const crypto::NormalIdentity::Problem& problem : normal.problems) {
    absl::StrAppend(&why, "; ", problem.message);
  }
  if (normal.problems.empty()) {
    const std::string keys = absl::StrJoin(
        agreement.match, "), (", [](std::string* out, const policies::AgreedMatchKey& key) {
          absl::StrAppend(out, absl::StrJoin(key.parts, ", "));
        });
    absl::StrAppend(&why, "; one of these is needed whole: (", keys, ")");
  }
  return why;
}

Consent NewConsent() {
  Consent consent;
  crypto::FillRandom(absl::MakeSpan(consent));
  return consent;
}

std::string CanonicalBytes(const policies::Parameters& parameters) {
  std::vector<crypto::CanonicalParameter> canonical;
  for (const auto& [name, value] : parameters) {
    crypto::CanonicalParameter one;
    one.name = name;
    one.is_number = absl::holds_alternative<int64_t>(value);
    if (one.is_number) {
      one.number = absl::get<int64_t>(value);
    } else {
      one.code = absl::get<std::string>(value);
    }
    canonical.push_back(one);
  }
  return crypto::CanonicalParameters(std::move(canonical));
}

void FillParameters(const policies::Parameters& parameters,
                    google::protobuf::RepeatedPtrField<v1::Parameter>* out) {
  for (const auto& [name, value] : parameters) {
    v1::Parameter* one = out->Add();
    one->set_name(name);
    if (const int64_t* number = absl::get_if<int64_t>(&value)) {
      one->set_number(*number);
    } else {
      one->set_code(absl::get<std::string>(value));
    }
  }
}

GivenAnswer Give(const CheckedAnswer& checked, const policies::Question& question,
                 absl::string_view language, const SentItem& sent, const v1::Receipt& receipt) {
  GivenAnswer given;
  given.answer = checked.answer;
  given.why = checked.why;
  given.data_as_of = checked.data_as_of;
  given.recorded = checked.recorded;
  given.obligation = policies::ObligationFor(question, checked.answer);
  given.say = Texts(question, checked.answer, language);
  given.receipt = receipt.SerializeAsString();
  given.jws = receipt.jws();
  given.details = checked.details;
  given.request = checked.request;
  given.request_id = sent.request_id;
  given.position = sent.position;
  given.epoch = sent.epoch;
  for (size_t member = 0; member < sent.consents.size() / sizeof(Consent); ++member) {
    if (member >= sent.member_count) break;
    Consent consent;
    std::copy_n(crypto::AsBytes(sent.consents).begin() + member * consent.size(), consent.size(),
                consent.begin());
    if (sent.slots == 1) {
      given.consent = consent;
    } else {
      given.consents.push_back(consent);
    }
  }
  return given;
}

v1::Receipt Wanted(v1::Receipt receipt, bool jws) {
  if (!jws) receipt.clear_jws();
  return receipt;
}

absl::StatusOr<std::unique_ptr<Requester>> Requester::Open(OwnAgreement agreement,
                                                           RequesterOptions options) {
  const policies::Agreement& read = agreement.agreement;
  if (options.connection.responder.empty()) options.connection.responder = read.answers;
  if (options.connection.responder != read.answers) {
    return absl::FailedPreconditionError(
        absl::StrCat("under ", read.id, " it is ", read.answers, " that answers"));
  }
  if (!Acts(read, options.connection.agency)) {
    return absl::FailedPreconditionError(
        absl::StrCat(options.connection.agency, " is not one that asks under ", read.id));
  }
  absl::StatusOr<std::shared_ptr<grpc::Channel>> channel = Connect(options.connection);
  if (!channel.ok()) return channel.status();
  return std::unique_ptr<Requester>(
      new Requester(std::move(agreement), std::move(options), *std::move(channel)));
}

Requester::Requester(OwnAgreement agreement, RequesterOptions options,
                     std::shared_ptr<grpc::Channel> channel)
    : agreement_(std::move(agreement)),
      options_(std::move(options)),
      channel_(std::move(channel)),
      epochs_(&agreement_, options_.connection.agency, channel_, options_.accepted_epochs_folder,
              options_.shared_key),
      ledger_client_(std::make_shared<LedgerClient>(channel_, kLedgerPatience)),
      ledger_(options_.connection.responder, options_.ledger_key, Follow(options_, ledger_client_)),
      jws_(options_.connection.responder, options_.receipt_key) {}

absl::StatusOr<const policies::Question*> Requester::FindQuestion(absl::string_view question,
                                                                  absl::string_view purpose) const {
  const policies::Agreement& agreement = agreement_.agreement;
  const policies::Question* found = agreement.FindQuestion(question);
  if (found == nullptr) {
    return NotListed("question.question", absl::StrCat(agreement.id, " lists only the questions ",
                                                       Ids(agreement.questions)));
  }
  if (!agreement.HasPurpose(purpose)) {
    return NotListed("question.purpose", absl::StrCat(agreement.id, " lists only the purposes ",
                                                      Ids(agreement.purposes)));
  }
  return found;
}

absl::Status Requester::CheckParameters(const policies::Question& question,
                                        const policies::Parameters& parameters) const {
  size_t known = 0;
  for (const policies::ParameterRule& rule : question.parameters) {
    const auto given = parameters.find(rule.name);
    if (given == parameters.end() || !rule.Allows(given->second)) {
      return NotListed(absl::StrCat("parameters.", rule.name),
                       absl::StrCat("the parameter ", rule.name, " of ", question.id,
                                    given == parameters.end() ? " is missing" : " is not listed",
                                    ": expected ", Expected(rule)));
    }
    ++known;
  }
  if (known == parameters.size()) return absl::OkStatus();
  const std::string names = absl::StrJoin(
      question.parameters, ", ",
      [](std::string* out, const policies::ParameterRule& rule) { out->append(rule.name); });
  return NotListed("parameters", absl::StrCat(question.id, " takes ",
                                              names.empty() ? "no parameters" : "only ", names));
}

v1::Question Requester::QuestionOf(const std::string& question, const std::string& purpose,
                                   uint32_t epoch) const {
  v1::Question asked;
  asked.set_agreement_id(agreement_.agreement.id);
  asked.set_agreement_digest(agreement_.digest.data(), agreement_.digest.size());
  asked.set_question(question);
  asked.set_purpose(purpose);
  asked.set_epoch(epoch);
  return asked;
}

SentItem Requester::Sent(const std::string& request_id, const v1::Question& question,
                         const v1::Subject& subject) const {
  SentItem sent;
  sent.agreement = &agreement_;
  sent.requester = options_.connection.agency;
  sent.question = question.question();
  sent.purpose = question.purpose();
  sent.epoch = question.epoch();
  std::copy_n(crypto::AsBytes(request_id).begin(), sent.request_id.size(), sent.request_id.begin());
  sent.member_count = subject.member_count();
  sent.tokens = subject.tokens();
  sent.consents = subject.consents();
  return sent;
}

absl::StatusOr<std::shared_ptr<const OwnEpoch>> Requester::CurrentEpoch() {
  return Persist(options_.retries, [this] { return epochs_.Current(Now(), Deadline()); });
}

absl::StatusOr<std::shared_ptr<const OwnEpoch>> Requester::EpochAfter(uint32_t refused) {
  return Persist(options_.retries, [&] { return epochs_.After(refused, Now(), Deadline()); });
}

absl::StatusOr<std::vector<TokenVector>> Requester::MakeTokens(
    const OwnEpoch& epoch, absl::Span<const crypto::Identity> people, size_t as_if) {
  const TokenMaker maker(&agreement_, &epoch, options_.connection.agency, channel_);
  const absl::CivilDay today = absl::ToCivilDay(Now(), agreement_.agreement.zone());
  return Persist(options_.retries, [&] { return maker.Make(people, today, Deadline(), as_if); });
}

absl::StatusOr<GivenAnswer> Requester::Ask(const Asking& asking) {
  const absl::StatusOr<const policies::Question*> question =
      FindQuestion(asking.question, asking.purpose);
  if (!question.ok()) return question.status();
  const absl::Status listed = CheckParameters(**question, asking.parameters);
  if (!listed.ok()) return listed;
  if (asking.jws) {
    if (const absl::Status may = jws_.MayAsk(agreement_.agreement); !may.ok()) return may;
  }
  const absl::StatusOr<std::vector<Consent>> consents = ConsentsOf(asking, **question, agreement_);
  if (!consents.ok()) return consents.status();
  const crypto::RequestId id = asking.request_id.has_value()
                                   ? *asking.request_id
                                   : crypto::NewUuidV7(absl::ToUnixMillis(Now()));
  absl::StatusOr<std::shared_ptr<const OwnEpoch>> epoch = CurrentEpoch();
  if (!epoch.ok()) return epoch.status();
  absl::StatusOr<GivenAnswer> given = AskOnce(asking, **question, **epoch, id, *consents);
  if (!IsKeyEpoch(given.status())) return given;
  // Nothing is remembered under the id when the epoch was refused, so it stays the same.
  epoch = EpochAfter((*epoch)->statement.epoch);
  if (!epoch.ok()) return epoch.status();
  return AskOnce(asking, **question, **epoch, id, *consents);
}

absl::Status Requester::FillSubject(absl::Span<const crypto::Identity> people, size_t slots,
                                    const OwnEpoch& epoch, absl::Span<const Consent> consents,
                                    v1::Subject* subject) {
  const absl::StatusOr<std::vector<TokenVector>> tokens = MakeTokens(epoch, people, slots);
  if (!tokens.ok()) return tokens.status();
  for (size_t i = 0; i < people.size(); ++i) {
    const std::string whom = slots == 1 ? "" : absl::StrCat("member ", i + 1, ": ");
    if (IsNobody((*tokens)[i])) {
      const absl::CivilDay today = absl::ToCivilDay(Now(), agreement_.agreement.zone());
      return absl::InvalidArgumentError(
          absl::StrCat(whom, WhyNobody(people[i], agreement_.agreement, today)));
    }
    const auto same =
        std::find(tokens->begin(), tokens->begin() + static_cast<ptrdiff_t>(i), (*tokens)[i]);
    if (same != tokens->begin() + static_cast<ptrdiff_t>(i)) {
      return absl::InvalidArgumentError(absl::StrCat(whom, "is the same person as member ",
                                                     same - tokens->begin() + 1,
                                                     "; name everybody once"));
    }
    subject->mutable_tokens()->append(Joined((*tokens)[i]));
  }
  subject->set_member_count(static_cast<uint32_t>(people.size()));
  for (const Consent& consent : consents) {
    subject->mutable_consents()->append(reinterpret_cast<const char*>(consent.data()),
                                        consent.size());
  }
  // A group of any size looks like a full one.
  subject->mutable_tokens()->resize(slots * agreement_.agreement.match.size() *
                                    sizeof(crypto::Token));
  if (!consents.empty()) subject->mutable_consents()->resize(slots * sizeof(Consent));
  return absl::OkStatus();
}

absl::StatusOr<GivenAnswer> Requester::AskOnce(const Asking& asking,
                                               const policies::Question& question,
                                               const OwnEpoch& epoch, const crypto::RequestId& id,
                                               absl::Span<const Consent> consents) {
  v1::VerifyRequest request;
  request.set_request_id(id.data(), id.size());
  *request.mutable_question() = QuestionOf(asking.question, asking.purpose, epoch.statement.epoch);
  request.set_jws_receipt(asking.jws);
  FillParameters(asking.parameters, request.mutable_parameters());
  const size_t slots = SlotsOf(question);
  const absl::Status filled =
      FillSubject(PeopleOf(asking), slots, epoch, consents, request.mutable_subject());
  if (!filled.ok()) return filled;

  const auto stub = v1::Verification::NewStub(channel_);
  const absl::StatusOr<v1::VerifyResponse> response =
      Persist(options_.retries, [&]() -> absl::StatusOr<v1::VerifyResponse> {
        grpc::ClientContext context;
        context.set_deadline(absl::ToChronoTime(Deadline()));
        v1::VerifyResponse received;
        const grpc::Status status = stub->Verify(&context, request, &received);
        if (!status.ok()) return RefusalStatus(ReadRefusal(status));
        return received;
      });
  if (!response.ok()) return response.status();

  const std::string parameters = CanonicalBytes(asking.parameters);
  SentItem sent = Sent(request.request_id(), request.question(), request.subject());
  sent.parameters = parameters;
  sent.slots = static_cast<uint32_t>(slots);
  crypto::ByteWriter scratch;
  const absl::StatusOr<CheckedAnswer> checked =
      CheckReceipt(sent, response->answered(), Now(), &scratch);
  if (!checked.ok()) return checked.status();
  const v1::Receipt& receipt = response->answered().receipt();
  const absl::Status in_log = ledger_.Check(
      receipt.proof(), {{receipt.index(), LeavesOf(receipt.entry(), sent.slots)}}, Now());
  if (!in_log.ok()) return in_log;
  if (asking.jws) {
    const absl::Status said = jws_.Check(sent, *checked, receipt, receipt.proof().checkpoint());
    if (!said.ok()) return said;
  }
  const absl::Status agreed = CheckObligations(question, response->obligations());
  if (!agreed.ok()) return agreed;
  return Give(*checked, question, asking.language, sent, Wanted(receipt, asking.jws));
}

}  // namespace vouch::requester
