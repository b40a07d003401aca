// A responder's whole folder with synthetic people, made by the libraries that `vouch` is made of,
// and the requests of its one partner.
#ifndef VOUCH_TESTS_BENCH_FEDERATION_H_
#define VOUCH_TESTS_BENCH_FEDERATION_H_

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "crypto/digest.h"
#include "crypto/document_signer.h"
#include "crypto/identity.h"
#include "crypto/keys.h"
#include "crypto/token.h"
#include "server/agreements/agreements.h"
#include "server/records/loader.h"
#include "tests/bench/load_client.h"
#include "tests/bench/server_process.h"

namespace vouch::bench {

inline constexpr char kResponder[] = "tax.bench.example";
inline constexpr char kRequester[] = "aid.bench.example";
inline constexpr char kKeyedAgreement[] = "bench-keyed-hash";
inline constexpr char kBlindAgreement[] = "bench-blind";

// Two agreements on the same question with the same three match keys: one has keyed-hash tokens,
// the other blind ones. The node holds the first alone, or it would build the other's index while
// it is measured. Limits are checked; those of the whole agreement are wide.
class Federation {
 public:
  // Keys, certificates, agreements and epoch keys in `folder`, which must be there and empty.
  static absl::StatusOr<std::unique_ptr<Federation>> Make(const std::string& folder);

  // An extract of the first `people` of the synthetic population; returns its path.
  std::string WriteExtract(uint64_t people) const;
  // Loads an extract, whole, and builds the index of the keyed-hash agreement.
  absl::Status Load(const std::string& extract, server::records::LoadReport* report) const;
  // Builds the blind agreement's index of what is loaded.
  absl::Status BuildBlindIndex() const;

  // vouchd on this folder, answering.
  absl::StatusOr<std::unique_ptr<ServerProcess>> StartNode() const;
  // A bare gRPC server with the node's certificate and anchors, which answers every call with
  // `answer_bytes` bytes.
  absl::StatusOr<std::unique_ptr<ServerProcess>> StartEcho(size_t answer_bytes) const;
  // How the partner connects.
  LoadOptions Connection(int port) const;

  // Serialised VerifyRequests under the keyed-hash agreement, one for each of the people
  // [first, first + count), each with a new request id.
  std::vector<std::string> Requests(uint64_t first, uint64_t count) const;
  // A serialised VerifyBatchRequest about these people.
  std::string BatchRequest(uint64_t first, uint64_t count) const;

  const std::string& folder() const { return folder_; }
  std::string requester_file(const std::string& name) const { return folder_ + "/aid/" + name; }

 private:
  explicit Federation(std::string folder) : folder_(std::move(folder)) {}
  std::string AgreementsOf(const std::string& id) const;
  absl::Status WriteCertificates();
  absl::Status WriteAgreement(const std::string& id, crypto::TokenKind kind,
                              const crypto::SigningKey& authority);
  absl::Status WriteEpoch(const std::string& id, crypto::TokenKind kind,
                          const crypto::SigningKey& authority);
  absl::StatusOr<std::vector<server::records::IndexRequest>> Indexes(
      const std::string& agreement) const;
  std::string TokensOf(uint64_t person) const;
  template <typename Request>
  void FillQuestion(Request* request) const;

  const std::string folder_;
  crypto::Digest digest_{};                          // of the keyed-hash agreement
  std::unique_ptr<crypto::DocumentSigner> officer_;  // signs for both agencies
  std::shared_ptr<const crypto::KeyedHash> tokens_;
  std::vector<server::records::IndexRequest> keyed_index_;
};

}  // namespace vouch::bench

#endif  // VOUCH_TESTS_BENCH_FEDERATION_H_
