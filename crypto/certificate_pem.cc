#include "crypto/certificate_pem.h"

#include <openssl/err.h>
#include <openssl/pem.h>

#include <cstdlib>

#include "absl/strings/str_cat.h"

namespace vouch::crypto {

namespace {

constexpr size_t kLargestCertificates = size_t{4} << 20;
constexpr size_t kLargestLists = size_t{256} << 20;

int NoPassphrase(char*, int, int, void*) { return -1; }

bool AtEndOfText() {
  const unsigned long error = ERR_peek_last_error();
  return ERR_GET_LIB(error) == ERR_LIB_PEM && ERR_GET_REASON(error) == PEM_R_NO_START_LINE;
}

template <typename Owner, typename Read>
absl::StatusOr<std::vector<Owner>> ReadEach(absl::string_view pem, absl::string_view what,
                                            size_t most_bytes, size_t most, Read read) {
  if (pem.size() > most_bytes) {
    return absl::InvalidArgumentError(absl::StrCat("the PEM text of ", what, "s is too long"));
  }
  const BioPtr bio = ReadingBio(AsBytes(pem));
  if (bio == nullptr) std::abort();
  std::vector<Owner> found;
  ERR_clear_error();
  while (found.size() < most) {
    Owner one(read(bio.get(), nullptr, NoPassphrase, nullptr));
    if (one == nullptr) break;
    found.push_back(std::move(one));
  }
  const bool whole = found.size() == most || AtEndOfText();
  ERR_clear_error();
  if (!whole) return absl::InvalidArgumentError(absl::StrCat("a ", what, " is malformed"));
  if (found.empty()) return absl::InvalidArgumentError(absl::StrCat("there is no ", what));
  return found;
}

}  // namespace

absl::StatusOr<std::vector<CertificatePtr>> ReadCertificates(absl::string_view pem) {
  return ReadEach<CertificatePtr>(pem, "PEM certificate", kLargestCertificates, SIZE_MAX,
                                  PEM_read_bio_X509);
}

absl::StatusOr<CertificatePtr> ReadFirstCertificate(absl::string_view pem) {
  auto found =
      ReadEach<CertificatePtr>(pem, "PEM certificate", kLargestCertificates, 1, PEM_read_bio_X509);
  if (!found.ok()) return found.status();
  return std::move(found->front());
}

absl::StatusOr<std::vector<RevocationListPtr>> ReadRevocationLists(absl::string_view pem) {
  return ReadEach<RevocationListPtr>(pem, "PEM revocation list", kLargestLists, SIZE_MAX,
                                     PEM_read_bio_X509_CRL);
}

std::string TextOf(BIO* memory) {
  char* text = nullptr;
  const long size = BIO_get_mem_data(memory, &text);
  return size > 0 ? std::string(text, static_cast<size_t>(size)) : std::string();
}

}  // namespace vouch::crypto
