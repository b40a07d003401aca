#include <unistd.h>

#include <algorithm>
#include <fstream>
#include <utility>

#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/str_join.h"
#include "client/requester/batch.h"
#include "client/vouch/ask_command.h"
#include "client/vouch/csv_reader.h"
#include "crypto/digest.h"
#include "policies/engine/source.h"

namespace vouch::client {
namespace {

using requester::BatchCounts;
using requester::BatchRow;
using requester::Refusal;
using requester::RowOutcome;

constexpr absl::string_view kHeading =
    "reference,row,answer,do,notice_days,data_as_of,refusal,message,request_id,position,consent,"
    "receipt";

struct Column {
  enum class Kind { kReference, kConsent, kAttribute, kParameter };
  Kind kind = Kind::kReference;
  crypto::Attribute attribute{};
  std::string parameter;
};

// What a column's heading means. Headings are not repeated: a file without them has a person there.
absl::StatusOr<Column> ColumnOf(const std::string& heading, size_t number,
                                const policies::Question& question) {
  Column column;
  if (heading == "reference") return column;
  if (heading == "consent") {
    column.kind = Column::Kind::kConsent;
    return column;
  }
  if (const auto attribute = crypto::AttributeNamed(heading)) {
    column.kind = Column::Kind::kAttribute;
    column.attribute = *attribute;
    return column;
  }
  std::vector<std::string> names = {"reference", "consent"};
  for (const crypto::Attribute attribute : crypto::AllAttributes()) {
    names.emplace_back(crypto::AttributeName(attribute));
  }
  for (const policies::ParameterRule& rule : question.parameters) {
    names.push_back(rule.name);
    if (rule.name != heading) continue;
    column.kind = Column::Kind::kParameter;
    column.parameter = heading;
    return column;
  }
  const std::string near = policies::Nearest(heading, names);
  return absl::InvalidArgumentError(
      absl::StrCat("the heading of column ", number, " is neither an attribute nor a parameter",
                   near.empty() ? "" : absl::StrCat("; did you mean ", near, "?"),
                   " The first line names the columns, each one of ", absl::StrJoin(names, ", ")));
}

class PeopleFile final : public requester::BatchRows {
 public:
  static absl::StatusOr<PeopleFile> Open(const std::string& path,
                                         const policies::Question& question,
                                         policies::Parameters given) {
    absl::StatusOr<CsvReader> reader = CsvReader::Open(path);
    if (!reader.ok()) return reader.status();
    std::vector<std::string> headings;
    const absl::StatusOr<bool> there = reader->Next(&headings);
    if (!there.ok()) return there.status();
    std::vector<Column> columns;
    for (const std::string& heading : headings) {
      absl::StatusOr<Column> column = ColumnOf(heading, columns.size() + 1, question);
      if (!column.ok()) {
        return absl::InvalidArgumentError(absl::StrCat(path, ":1: ", column.status().message()));
      }
      const bool twice = std::any_of(columns.begin(), columns.end(), [&](const Column& other) {
        return other.kind == column->kind && other.parameter == column->parameter &&
               column->kind != Column::Kind::kAttribute;
      });
      if (twice || given.count(column->parameter) > 0) {
        return absl::InvalidArgumentError(
            absl::StrCat(path, ":1: column ", columns.size() + 1, " is given a second time"));
      }
      columns.push_back(*std::move(column));
    }
    if (columns.empty()) return absl::InvalidArgumentError(absl::StrCat(path, ": is empty"));
    return PeopleFile(*std::move(reader), &question, std::move(given), std::move(columns));
  }

  absl::StatusOr<bool> Next(BatchRow* row) override {
    std::vector<std::string> cells;
    const absl::StatusOr<bool> there = reader_.Next(&cells);
    if (!there.ok() || !*there) return there;
    *row = BatchRow();
    row->parameters = given_;
    if (cells.size() != columns_.size()) {
      row->problem = absl::StrCat("expected ", columns_.size(), " cells, found ", cells.size());
    }
    for (size_t i = 0; i < std::min(cells.size(), columns_.size()); ++i) {
      Take(columns_[i], cells[i], row);
    }
    return true;
  }

 private:
  PeopleFile(CsvReader reader, const policies::Question* question, policies::Parameters given,
             std::vector<Column> columns)
      : reader_(std::move(reader)),
        question_(question),
        given_(std::move(given)),
        columns_(std::move(columns)) {}

  void Take(const Column& column, const std::string& cell, BatchRow* row) const {
    switch (column.kind) {
      case Column::Kind::kReference:
        row->reference = cell;
        return;
      case Column::Kind::kConsent: {
        requester::Consent consent;
        if (cell.empty()) return;
        if (crypto::FromHex(cell, absl::MakeSpan(consent))) {
          row->consent = consent;
        } else {
          row->problem = "consent: expected 64 hexadecimal digits, or nothing for a new one";
        }
        return;
      }
      case Column::Kind::kAttribute:
        if (!cell.empty()) row->person.Add(column.attribute, cell);
        return;
      case Column::Kind::kParameter:
        row->parameters[column.parameter] = ParameterOf(question_, column.parameter, cell);
        return;
    }
  }

  CsvReader reader_;
  const policies::Question* question_;
  policies::Parameters given_;
  std::vector<Column> columns_;
};

std::string Line(uint64_t row, const BatchRow& asked, const RowOutcome& outcome, bool jws) {
  std::vector<std::string> cells = {CsvCell(asked.reference), absl::StrCat(row)};
  if (outcome.answer.has_value()) {
    const requester::GivenAnswer& given = *outcome.answer;
    cells.emplace_back(policies::AnswerName(given.answer));
    cells.emplace_back(DoName(given.obligation.action));
    cells.push_back(absl::StrCat(given.obligation.notice_days));
    cells.push_back(absl::FormatCivilTime(given.data_as_of));
    cells.insert(cells.end(), 2, "");
    cells.push_back(UuidText(given.request_id));
    cells.push_back(absl::StrCat(given.position));
    cells.push_back(given.consent.has_value() ? crypto::Hex(*given.consent) : "");
    cells.push_back(absl::Base64Escape(given.receipt));
    if (jws) cells.push_back(given.jws);
  } else {
    const Refusal& refusal = *outcome.refusal;
    cells.insert(cells.end(), 4, "");
    cells.push_back(CsvCell(refusal.reason));
    cells.push_back(CsvCell(policies::Shown(refusal.message, 500)));
    cells.insert(cells.end(), jws ? 5 : 4, "");
  }
  return absl::StrCat(absl::StrJoin(cells, ","), "\n");
}

// The file's digest, a chain over blocks for comparing with itself only, and the number of its
// rows. Read whole before anybody is asked about: a file that turns out to be malformed half way
// would leave a run that its mended copy cannot go on with.
struct Survey {
  crypto::Digest digest{};
  uint64_t rows = 0;  // without the headings
};
absl::StatusOr<Survey> SurveyFile(const std::string& path) {
  Survey survey;
  absl::StatusOr<CsvReader> reader = CsvReader::Open(path);
  if (!reader.ok()) return reader.status();
  std::vector<std::string> cells;
  for (bool heading = true;; heading = false) {
    const absl::StatusOr<bool> there = reader->Next(&cells);
    if (!there.ok()) return there.status();
    if (!*there) break;
    survey.rows += heading ? 0 : 1;
  }
  std::ifstream in(path, std::ios::binary);
  std::string block;
  while (in) {
    block.resize(1 << 20);
    in.read(&block[0], static_cast<std::streamsize>(block.size()));
    block.resize(static_cast<size_t>(in.gcount()));
    crypto::ByteWriter chained;
    chained.Raw(survey.digest).Field(block);
    survey.digest = crypto::Sha256(chained.str());
  }
  return survey;
}

// How far the run has come: one line that redraws itself on a terminal, now and then a line
// otherwise.
class RunProgress {
 public:
  RunProgress(Console* console, uint64_t total)
      : console_(console), total_(total), terminal_(isatty(STDERR_FILENO) == 1) {}

  void Show(const BatchCounts& counts) {
    const absl::Time now = absl::Now();
    if (rows_before_ == 0) rows_before_ = counts.rows;
    if (now - shown_ < (terminal_ ? absl::Milliseconds(200) : absl::Seconds(5))) return;
    shown_ = now;
    const double seconds = std::max(0.001, absl::ToDoubleSeconds(now - began_));
    const double rate = static_cast<double>(counts.rows - rows_before_) / seconds;
    std::string line = absl::StrFormat("%d of %d rows, %.0f a second", counts.rows,
                                       std::max(total_, counts.rows), rate);
    if (rate > 0 && total_ > counts.rows) {
      absl::StrAppend(
          &line, ", ",
          absl::FormatDuration(absl::Trunc(
              absl::Seconds(static_cast<double>(total_ - counts.rows) / rate), absl::Seconds(1))),
          " left");
    }
    if (terminal_) {
      absl::FPrintF(stderr, "\r\033[K%s", line);
    } else {
      console_->Note(line);
    }
  }
  void Finish() {
    if (terminal_) absl::FPrintF(stderr, "\r\033[K");
  }

 private:
  Console* console_;
  const uint64_t total_;
  const bool terminal_;
  const absl::Time began_ = absl::Now();
  absl::Time shown_ = absl::Now();
  uint64_t rows_before_ = 0;
};

absl::Status Stopped(const absl::Status& status, const AskOptions& options, Console* console) {
  const absl::optional<Refusal> refusal = requester::RefusalOf(status);
  if (refusal.has_value()) {
    console->Note(absl::StrCat("Advice:  ", refusal->Advice()));
    if (refusal->retry_after > absl::ZeroDuration()) {
      console->Note(absl::StrCat("Retry:   in ", absl::FormatDuration(refusal->retry_after)));
    }
  }
  console->Note(absl::StrCat("The run stopped. What was answered is kept in ", options.output,
                             ".part; run the same command again to go on."));
  // Exit code 3 is for files that are malformed; an answer that is not proved is refused.
  return absl::IsDataLoss(status) ? absl::FailedPreconditionError(status.message()) : status;
}

}  // namespace

absl::StatusOr<Exit> AskMany(const AskOptions& options, requester::Requester* requester,
                             Console* console) {
  const auto question = requester->FindQuestion(options.question, options.purpose);
  if (!question.ok()) return question.status();
  absl::StatusOr<policies::Parameters> given = ParametersOf(*question, options.parameters);
  if (!given.ok()) return given.status();
  const absl::StatusOr<Survey> survey = SurveyFile(options.input);
  if (!survey.ok()) return survey.status();
  requester::BatchOptions batch;
  batch.question = options.question;
  batch.purpose = options.purpose;
  batch.output = options.output;
  batch.jws = options.jws;
  batch.heading = absl::StrCat(kHeading, batch.jws ? ",jws\n" : "\n");
  batch.format = [jws = batch.jws](uint64_t row, const BatchRow& asked, const RowOutcome& outcome) {
    return Line(row, asked, outcome, jws);
  };
  batch.rows_fingerprint =
      absl::StrCat(crypto::Hex(survey->digest), requester::CanonicalBytes(*given));
  batch.rows_per_message = options.rows_per_message;
  batch.ask_again = options.ask_again;
  absl::StatusOr<PeopleFile> people =
      PeopleFile::Open(options.input, **question, *std::move(given));
  if (!people.ok()) return people.status();
  RunProgress progress(console, survey->rows);
  batch.progress = [&progress](const BatchCounts& counts) { progress.Show(counts); };

  const absl::StatusOr<BatchCounts> counts = requester::AskBatch(requester, batch, &*people);
  progress.Finish();
  if (!counts.ok()) {
    // Nothing was begun, or the input itself is at fault.
    if (absl::IsAlreadyExists(counts.status()) && !requester::RefusalOf(counts.status())) {
      return counts.status();
    }
    return Stopped(counts.status(), options, console);
  }
  if (options.json) {
    console->SayJson({{"rows", counts->rows},
                      {"yes", counts->yes},
                      {"no", counts->no},
                      {"undetermined", counts->undetermined},
                      {"refused", counts->refused},
                      {"output", options.output}});
  } else {
    console->Say(absl::StrCat(counts->rows, " rows: ", counts->yes, " YES, ", counts->no, " NO, ",
                              counts->undetermined, " UNDETERMINED, ", counts->refused,
                              " refused. Wrote ", options.output, "."));
  }
  if (counts->refused > 0) {
    console->Note(absl::StrCat(counts->refused,
                               " rows have no answer: the columns refusal and message say why."));
  }
  return Exit::kFine;
}

}  // namespace vouch::client
