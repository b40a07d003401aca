// What one item is charged under: which rows of the journal stand for whom it is about.
// docs/data_model.md, "Charges".
#ifndef VOUCH_SERVER_CHARGING_H_
#define VOUCH_SERVER_CHARGING_H_

#include <string>

#include "absl/strings/string_view.h"
#include "policies/engine/authorize.h"
#include "server/journal/journal.h"
#include "server/journal/row_names.h"
#include "server/slots.h"

namespace vouch::server {

// What is asked, as limits see it. All outlive the call they are handed to.
struct ChargedQuestion {
  // The asking party: a contractor that acts for it has no limits of its own.
  absl::string_view asker;
  const policies::Permit* permit = nullptr;
  // Spells out question and parameters; its fingerprint.
  absl::string_view label;
  uint32_t fingerprint = 0;
  journal::RowKey agreement{};
};

// Charges::agreement_begins.
uint32_t BeginningOf(const policies::Agreement& agreement);

// The slots are resolved. As many rows whoever they are and however many are members. `charges` is
// as it was made.
void FillCharges(const journal::RowNames& names, const ChargedQuestion& asked, const Slots& slots,
                 journal::Charges* charges);

}  // namespace vouch::server

#endif  // VOUCH_SERVER_CHARGING_H_
