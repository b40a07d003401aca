// A run over numbered rows, to be killed: FOLDER ADDRESS OUTPUT ROWS ROWS-PER-MESSAGE.
#include <cstdlib>
#include <fstream>
#include <iostream>
#include <iterator>

#include "crypto/certificate.h"
#include "tests/client/requester/numbered_rows.h"

namespace vouch::requester {
namespace {

std::string Read(const std::string& path) {
  std::ifstream in(path, std::ios::binary);
  return std::string((std::istreambuf_iterator<char>(in)), std::istreambuf_iterator<char>());
}

int Run(char** argv) {
  const std::string folder = argv[1];
  if (!crypto::RequireTls13().ok()) return 2;
  RequesterOptions options = QuickOptions();
  options.connection.address = argv[2];
  options.connection.certificate_pem = Read(folder + "/certificate.pem");
  options.connection.key_pem = Read(folder + "/key.pem");
  options.connection.anchors_pem = Read(folder + "/anchors.pem");
  options.ledger_key = *crypto::PublicKeyFromPem(Read(folder + "/ledger.pem"));
  options.accepted_epochs_folder = folder + "/accepted";
  auto requester =
      Requester::Open(ReadOwnAgreement(Read(folder + "/agreement.yaml")), std::move(options));
  if (!requester.ok()) return 2;
  NumberedRows rows(std::atoi(argv[4]));
  const BatchOptions batch = NumberedOptions(argv[3], static_cast<size_t>(std::atoi(argv[5])));
  const auto counts = AskBatch(requester->get(), batch, &rows);
  if (counts.ok()) return 0;
  std::cerr << counts.status() << "\n";
  return 1;
}

}  // namespace
}  // namespace vouch::requester

int main(int argc, char** argv) { return argc == 6 ? vouch::requester::Run(argv) : 2; }
