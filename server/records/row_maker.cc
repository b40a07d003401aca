#include "server/records/row_maker.h"

#include <algorithm>
#include <cstring>

#include "absl/strings/ascii.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"

namespace vouch::server::records {

namespace {

using policies::FactDefinition;
using policies::FactType;
using policies::FactValue;

bool AllDigits(absl::string_view text) {
  return !text.empty() && std::all_of(text.begin(), text.end(), absl::ascii_isdigit);
}

// Whole numbers of at most 18 digits, so that none overflows.
absl::optional<int64_t> Whole(absl::string_view text) {
  const absl::string_view digits = !text.empty() && text[0] == '-' ? text.substr(1) : text;
  int64_t number = 0;
  if (!AllDigits(digits) || digits.size() > 18 || !absl::SimpleAtoi(text, &number)) {
    return absl::nullopt;
  }
  return number;
}

absl::optional<int64_t> Cents(absl::string_view text) {
  const size_t point = text.find('.');
  if (point == absl::string_view::npos) {
    const absl::optional<int64_t> whole = Whole(text);
    if (!whole.has_value() || *whole > INT64_MAX / 100 || *whole < INT64_MIN / 100) {
      return absl::nullopt;
    }
    return *whole * 100;
  }
  const absl::string_view cents = text.substr(point + 1);
  const absl::string_view units = text.substr(0, point);
  if (cents.size() != 2 || !AllDigits(cents) || !Whole(units).has_value()) return absl::nullopt;
  return Whole(absl::StrCat(units, cents));
}

absl::optional<absl::CivilDay> Day(absl::string_view text) {
  if (text.size() != 10 || text[4] != '-' || text[7] != '-' || !AllDigits(text.substr(0, 4)) ||
      !AllDigits(text.substr(5, 2)) || !AllDigits(text.substr(8, 2))) {
    return absl::nullopt;
  }
  int year = 0, month = 0, day = 0;
  if (!absl::SimpleAtoi(text.substr(0, 4), &year) || !absl::SimpleAtoi(text.substr(5, 2), &month) ||
      !absl::SimpleAtoi(text.substr(8, 2), &day)) {
    return absl::nullopt;
  }
  const absl::CivilDay civil(year, month, day);
  // A civil day carries over what does not exist: 30 February becomes 2 March.
  if (civil.year() != year || civil.month() != month || civil.day() != day) return absl::nullopt;
  return civil;
}

absl::optional<int64_t> YesNo(absl::string_view text) {
  const std::string lower = absl::AsciiStrToLower(text);
  if (lower == "yes" || lower == "true" || lower == "1") return 1;
  if (lower == "no" || lower == "false" || lower == "0") return 0;
  return absl::nullopt;
}

}  // namespace

PersonHandle HandleOf(const crypto::HmacKey& person_key, absl::string_view source_id) {
  return person_key.Mac(source_id);
}

uint64_t ReturnPseudonym(const crypto::HmacKey& person_key, const policies::Period& period,
                         absl::string_view return_id) {
  crypto::ByteWriter message;
  message.Field("vouch-return/1").Field(policies::PeriodName(period)).Field(return_id);
  const crypto::Digest mac = person_key.Mac(message.str());
  uint64_t pseudonym = 0;
  std::memcpy(&pseudonym, mac.data(), sizeof(pseudonym));
  return pseudonym == 0 ? 1 : pseudonym;
}

absl::StatusOr<FactValue> ParseFact(const FactDefinition& fact, absl::string_view text,
                                    bool in_cents) {
  FactValue value;
  value.type = fact.type;
  absl::optional<int64_t> number;
  absl::string_view expected;
  switch (fact.type) {
    case FactType::kMoney:
      number = in_cents ? Whole(text) : Cents(text);
      expected = in_cents ? "whole cents, such as 123456" : "an amount, such as 1234.56";
      break;
    case FactType::kWholeNumber:
      number = Whole(text);
      expected = "a whole number";
      break;
    case FactType::kDate: {
      const absl::optional<absl::CivilDay> day = Day(text);
      if (day.has_value()) number = *day - absl::CivilDay(1970, 1, 1);
      expected = "a day, such as 2026-11-20";
      break;
    }
    case FactType::kYesNo:
      number = YesNo(text);
      expected = "yes or no";
      break;
    case FactType::kCode:
      expected = "one of the codes that the fact catalogue lists";
      if (std::find(fact.codes.begin(), fact.codes.end(), text) != fact.codes.end()) {
        value.codes = {std::string(text)};
        number = 0;
      }
      break;
    case FactType::kCodeSet: {
      expected = "codes that the fact catalogue lists, with semicolons between them";
      const std::vector<std::string> given =
          text == ";" ? std::vector<std::string>() : absl::StrSplit(text, ';');
      for (const std::string& code : fact.codes) {
        if (std::find(given.begin(), given.end(), code) != given.end()) value.codes.push_back(code);
      }
      if (value.codes.size() == given.size()) number = 0;
      break;
    }
  }
  if (!number.has_value()) return absl::InvalidArgumentError(absl::StrCat("expected ", expected));
  value.number = *number;
  return value;
}

absl::StatusOr<std::shared_ptr<const FactColumns>> ColumnsOf(const Mapping& mapping,
                                                             const policies::FactCatalogue& facts) {
  std::vector<FactColumn> columns;
  for (const Mapping::MappedFact& mapped : mapping.facts) {
    const FactDefinition* fact = facts.Find(mapped.fact);
    if (fact == nullptr) {
      return absl::InvalidArgumentError(absl::StrCat("the mapping names the fact ", mapped.fact,
                                                     ", which the fact catalogue does not list"));
    }
    columns.push_back({mapped.fact, mapped.period, fact->type, fact->codes,
                       /*with_return=*/!mapped.return_id_column.empty()});
  }
  return FactColumns::Make(std::move(columns));
}

RowMaker::RowMaker(Settings settings) : settings_(std::move(settings)) {
  const Mapping& mapping = *settings_.mapping;
  person_id_ = Want(mapping.person_id_column);
  if (!mapping.data_as_of.has_value()) as_of_ = Want(mapping.data_as_of_column);
  for (const Mapping::IdentityColumns& one : mapping.identity) {
    AttributePlaces places{one.attribute, {}};
    for (const std::string& column : one.columns) places.places.push_back(Want(column));
    identity_.push_back(std::move(places));
  }
  for (const Mapping::MappedFact& mapped : mapping.facts) {
    FactPlace place{settings_.catalogue->Find(mapped.fact), Want(mapped.column), mapped.in_cents,
                    mapped.period, absl::nullopt};
    if (!mapped.return_id_column.empty()) place.return_place = Want(mapped.return_id_column);
    facts_.push_back(place);
  }
}

size_t RowMaker::Want(const std::string& column) {
  const auto found = std::find(wanted_.begin(), wanted_.end(), column);
  if (found != wanted_.end()) return static_cast<size_t>(found - wanted_.begin());
  wanted_.push_back(column);
  return wanted_.size() - 1;
}

MadeRow RowMaker::Make(const RowReader& reader, RawRow* raw) const {
  MadeRow made;
  made.number = raw->number;
  made.line = raw->line;
  std::vector<absl::optional<std::string>> values;
  if (raw->error.empty()) reader.Columns(raw, &values);
  if (!raw->error.empty()) {
    made.error = raw->error;
    return made;
  }
  const absl::Status filled = Fill(values, &made);
  if (!filled.ok()) made.error = std::string(filled.message());
  for (absl::optional<std::string>& value : values) {
    if (value.has_value()) crypto::Wipe(&*value);
  }
  return made;
}

absl::Status RowMaker::Fill(const std::vector<absl::optional<std::string>>& values,
                            MadeRow* made) const {
  const auto wrong = [&](size_t place, absl::string_view what) {
    return absl::InvalidArgumentError(absl::StrCat("column ", wanted_[place], ": ", what));
  };
  if (!values[person_id_].has_value()) {
    return wrong(person_id_, "expected the source's own id of the person, found nothing");
  }
  made->person = HandleOf(settings_.keys->person, *values[person_id_]);

  if (as_of_.has_value()) {
    const absl::optional<absl::CivilDay> day =
        values[*as_of_].has_value() ? Day(*values[*as_of_]) : absl::nullopt;
    if (!day.has_value()) return wrong(*as_of_, "expected a day, such as 2026-11-20");
    made->as_of = *day;
  } else {
    made->as_of = *settings_.mapping->data_as_of;
  }

  crypto::Identity identity;
  for (const AttributePlaces& one : identity_) {
    for (const size_t place : one.places) {
      if (values[place].has_value()) identity.Add(one.attribute, *values[place]);
    }
  }
  const crypto::NormalIdentity normal =
      crypto::NormalizeIdentity(identity, *settings_.rules, settings_.use, settings_.today);
  for (const crypto::NormalIdentity::Problem& problem : normal.problems) {
    made->left_out.push_back(problem.attribute);
  }
  const bool can_be_found =
      std::any_of(normal.values.begin(), normal.values.end(),
                  [](const auto& attribute) { return !attribute.second.empty(); });
  if (!can_be_found) {
    if (normal.problems.empty()) {
      return absl::InvalidArgumentError("expected at least one identity value, found none");
    }
    return absl::InvalidArgumentError(
        absl::StrCat("no identity value is valid: ", normal.problems[0].message));
  }

  std::vector<absl::optional<FactValue>> facts;
  std::vector<uint64_t> returns;
  for (const FactPlace& fact : facts_) {
    const bool on_return = fact.return_place.has_value() && values[*fact.return_place].has_value();
    returns.push_back(on_return ? ReturnPseudonym(settings_.keys->person, fact.period,
                                                  *values[*fact.return_place])
                                : 0);
    if (!values[fact.place].has_value()) {
      facts.emplace_back();
      continue;
    }
    absl::StatusOr<FactValue> value = ParseFact(*fact.fact, *values[fact.place], fact.in_cents);
    if (!value.ok()) return wrong(fact.place, value.status().message());
    facts.emplace_back(std::move(*value));
  }
  made->row.resize(settings_.columns->row_size());
  if (absl::Status s = settings_.columns->MakeRow(
          made->person, 0, facts, reinterpret_cast<uint8_t*>(&made->row[0]), returns);
      !s.ok()) {
    return s;
  }
  made->identity = SealIdentity(settings_.keys->identity, made->person, NewSealVersion(), identity);
  if (settings_.keep_clear) made->clear = std::move(identity);
  return absl::OkStatus();
}

}  // namespace vouch::server::records
