// Rows of a PostgreSQL query, one after the other. The only place that knows libpq; a library of
// its own, so that a node, which loads nothing, does not carry it.
#ifndef VOUCH_SERVER_RECORDS_POSTGRES_ROWS_H_
#define VOUCH_SERVER_RECORDS_POSTGRES_ROWS_H_

#include <memory>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "server/records/row_reader.h"

namespace vouch::server::records {

// InvalidArgument when `connection` is no connection string, or holds a password: files that say
// how records are loaded are passed around. Empty is fine. Connects to nothing.
absl::Status CheckConnection(const std::string& connection);

// Connects, as libpq does: `connection` is a connection string or URI; what it leaves out comes
// from a service file, the PG* environment and the password file. Then begins a read-only
// transaction that sees one state of the database, and runs one statement, whose rows are streamed:
// they are never in memory together. Rows count from 1 in the order in which the query gives them;
// NULL and empty text hold no value; booleans come as yes and no.
//
// InvalidArgument as CheckConnection, or when the statement gives no rows at all, or lacks one of
// `columns`, or gives one twice. Unavailable when the server cannot be reached or goes away.
// Aborted when it ends the statement with an error: what PostgreSQL says of it may repeat a value,
// so only its SQLSTATE is told. So it is for Next.
absl::StatusOr<std::unique_ptr<RowReader>> OpenQuery(const std::string& connection,
                                                     const std::string& query,
                                                     const std::vector<std::string>& columns);

}  // namespace vouch::server::records

#endif  // VOUCH_SERVER_RECORDS_POSTGRES_ROWS_H_
