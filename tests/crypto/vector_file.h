// Published test vectors, one case a line with its fields between bars, under tests/vectors/crypto.
#ifndef VOUCH_TESTS_CRYPTO_VECTOR_FILE_H_
#define VOUCH_TESTS_CRYPTO_VECTOR_FILE_H_

#include <string>
#include <vector>

namespace vouch::crypto {

// The fields of every line that is neither empty nor a `#` comment. Throws when the file is missing
// or a line has another number of fields.
std::vector<std::vector<std::string>> ReadVectors(const std::string& name, size_t fields);

// Bytes from hexadecimal. Throws when it is not.
std::string FromHexText(const std::string& hex);

}  // namespace vouch::crypto

#endif  // VOUCH_TESTS_CRYPTO_VECTOR_FILE_H_
