#include "crypto/voprf.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <set>
#include <string>
#include <thread>
#include <vector>

#include "absl/strings/str_split.h"
#include "crypto/oprf_proof.h"
#include "crypto/p256_multiply.h"
#include "tests/crypto/vector_file.h"

namespace vouch::crypto {
namespace {

constexpr RawSecretAccess kRaw;

SecretBytes Secret(const std::string& hex) {
  return SecretBytes::CopyOf(AsBytes(FromHexText(hex)));
}

template <typename Bytes>
Bytes Fixed(const std::string& hex) {
  Bytes out = {};
  if (!hex.empty()) {
    EXPECT_TRUE(FromHex(hex, absl::MakeSpan(out)));
  }
  return out;
}

template <typename Items>
std::string JoinHex(const Items& items) {
  std::string joined;
  for (const auto& item : items) joined += (joined.empty() ? "" : ",") + Hex(item);
  return joined;
}

// One published exchange.
struct Exchange {
  explicit Exchange(const std::vector<std::string>& line)
      : mode(line[0] == "0" ? OprfMode::kOprf : OprfMode::kVoprf),
        seed(line[1]),
        key_info(line[2]),
        private_key(line[3]),
        public_key(line[4]),
        inputs(absl::StrSplit(line[5], ',')),
        blinds(absl::StrSplit(line[6], ',')),
        blinded(line[7]),
        evaluated(line[8]),
        proof(line[9]),
        nonce(line[10]),
        outputs(line[11]) {}

  OprfMode mode;
  std::string seed, key_info, private_key, public_key;
  std::vector<std::string> inputs, blinds;
  std::string blinded, evaluated, proof, nonce, outputs;

  std::vector<PointBytes> Points(const std::string& joined) const {
    std::vector<PointBytes> points;
    for (absl::string_view hex : absl::StrSplit(joined, ',')) {
      points.push_back(Fixed<PointBytes>(std::string(hex)));
    }
    return points;
  }
  OprfClient Client() const {
    OprfClient client(mode);
    for (size_t i = 0; i < inputs.size(); ++i) {
      EXPECT_TRUE(client.BlindWith(AsBytes(FromHexText(inputs[i])), Secret(blinds[i])).ok());
    }
    return client;
  }
  OprfPrivateKey Key() const {
    return std::move(OprfPrivateKey::FromScalar(Secret(private_key), mode)).value();
  }
};

std::vector<Exchange> Exchanges() {
  std::vector<Exchange> exchanges;
  for (const char* file : {"oprf_p256_sha256_rfc9497.txt", "oprf_p256_sha256_noble.txt"}) {
    for (const auto& line : ReadVectors(file, 12)) exchanges.emplace_back(line);
  }
  EXPECT_EQ(exchanges.size(), 5u + 19u);
  return exchanges;
}

TEST(OprfVectorTest, DerivesThePublishedKeys) {
  int derived = 0;
  for (const Exchange& exchange : Exchanges()) {
    if (exchange.seed.empty()) continue;
    ++derived;
    const auto key = OprfPrivateKey::Derive(Secret(exchange.seed),
                                            AsBytes(FromHexText(exchange.key_info)), exchange.mode);
    ASSERT_TRUE(key.ok());
    EXPECT_EQ(key->public_key(), exchange.Key().public_key());
    if (!exchange.public_key.empty()) {
      EXPECT_EQ(Hex(key->public_key()), exchange.public_key);
    }
  }
  EXPECT_EQ(derived, 5);
}

TEST(OprfVectorTest, BlindsAsPublished) {
  for (const Exchange& exchange : Exchanges()) {
    OprfClient client(exchange.mode);
    std::vector<PointBytes> blinded;
    for (size_t i = 0; i < exchange.inputs.size(); ++i) {
      const auto point =
          client.BlindWith(AsBytes(FromHexText(exchange.inputs[i])), Secret(exchange.blinds[i]));
      ASSERT_TRUE(point.ok());
      blinded.push_back(*point);
    }
    EXPECT_EQ(JoinHex(blinded), exchange.blinded);
  }
}

TEST(OprfVectorTest, EvaluatesAsPublished) {
  for (const Exchange& exchange : Exchanges()) {
    const auto evaluation = exchange.Key().BlindEvaluate(exchange.Points(exchange.blinded));
    ASSERT_TRUE(evaluation.ok());
    EXPECT_EQ(JoinHex(evaluation->elements), exchange.evaluated);
  }
}

TEST(OprfVectorTest, ProvesAsPublished) {
  int proven = 0;
  for (const Exchange& exchange : Exchanges()) {
    if (exchange.nonce.empty()) continue;
    ++proven;
    const auto evaluation = exchange.Key().BlindEvaluateWithNonce(exchange.Points(exchange.blinded),
                                                                  Secret(exchange.nonce));
    ASSERT_TRUE(evaluation.ok());
    EXPECT_EQ(Hex(evaluation->proof), exchange.proof);
  }
  EXPECT_EQ(proven, 3);
}

TEST(OprfVectorTest, FinalizesAsPublished) {
  for (const Exchange& exchange : Exchanges()) {
    const auto tokens =
        exchange.Client().Finalize(exchange.Points(exchange.evaluated),
                                   Fixed<DleqProof>(exchange.proof), exchange.Key().public_key());
    ASSERT_TRUE(tokens.ok()) << tokens.status();
    EXPECT_EQ(JoinHex(*tokens), exchange.outputs);
  }
}

TEST(OprfVectorTest, EvaluatesUnblindedInputsToTheSameOutputs) {
  for (const Exchange& exchange : Exchanges()) {
    std::vector<Token> tokens;
    for (const std::string& input : exchange.inputs) {
      const auto token = exchange.Key().Evaluate(AsBytes(FromHexText(input)));
      ASSERT_TRUE(token.ok());
      tokens.push_back(*token);
    }
    EXPECT_EQ(JoinHex(tokens), exchange.outputs);
  }
}

// A batch of four, and every way to get it wrong.
class VoprfTest : public testing::Test {
 protected:
  VoprfTest()
      : key_(std::move(OprfPrivateKey::Derive(SecretBytes::Random(32), AsBytes("info"))).value()) {
    for (size_t i = 0; i < kBatch; ++i) {
      blinds_.push_back(SecretBytes::OfSize(32));
      RandomScalar().ToBytes(blinds_.back().mutable_bytes(kRaw));
    }
    blinded_ = BlindAll(&client_);
    evaluation_ = std::move(key_.BlindEvaluate(blinded_)).value();
  }

  static constexpr size_t kBatch = 4;
  static std::string Input(size_t i) { return "input " + std::to_string(i); }

  std::vector<PointBytes> BlindAll(OprfClient* client) const {
    std::vector<PointBytes> blinded;
    for (size_t i = 0; i < kBatch; ++i) {
      blinded.push_back(client->BlindWith(AsBytes(Input(i)), blinds_[i]).value());
    }
    return blinded;
  }

  absl::Status Finalize(absl::Span<const PointBytes> elements, const DleqProof& proof,
                        const PointBytes& public_key) const {
    OprfClient client;
    BlindAll(&client);
    return client.Finalize(elements, proof, public_key).status();
  }
  absl::Status Finalize(absl::Span<const PointBytes> elements) const {
    return Finalize(elements, evaluation_.proof, key_.public_key());
  }

  static bool IsRefused(const absl::Status& status) {
    return absl::IsPermissionDenied(status) || absl::IsInvalidArgument(status);
  }

  OprfPrivateKey key_;
  std::vector<SecretBytes> blinds_;
  OprfClient client_;
  std::vector<PointBytes> blinded_;
  OprfPrivateKey::Evaluation evaluation_;
};

TEST_F(VoprfTest, BothSidesReachTheSameTokens) {
  const auto tokens = client_.Finalize(evaluation_.elements, evaluation_.proof, key_.public_key());
  ASSERT_TRUE(tokens.ok());
  for (size_t i = 0; i < kBatch; ++i) {
    EXPECT_EQ((*tokens)[i], key_.Evaluate(AsBytes(Input(i))).value());
  }
}

TEST_F(VoprfTest, EvaluatesManyAsOneByOne) {
  std::vector<std::string> texts;
  for (size_t i = 0; i < 21; ++i) texts.push_back(Input(i));
  std::vector<ByteSpan> inputs;
  for (const std::string& text : texts) inputs.push_back(AsBytes(text));
  const auto tokens = key_.EvaluateMany(inputs);
  ASSERT_TRUE(tokens.ok());
  ASSERT_EQ(tokens->size(), inputs.size());
  for (size_t i = 0; i < inputs.size(); ++i) {
    EXPECT_EQ((*tokens)[i], key_.Evaluate(inputs[i]).value());
  }
  EXPECT_TRUE(key_.EvaluateMany({})->empty());
}

TEST_F(VoprfTest, RefusesReorderedElements) {
  std::vector<PointBytes> elements = evaluation_.elements;
  std::reverse(elements.begin(), elements.end());
  EXPECT_TRUE(absl::IsPermissionDenied(Finalize(elements)));
}

TEST_F(VoprfTest, RefusesSwappedElements) {
  for (size_t i = 0; i < kBatch; ++i) {
    for (size_t j = i + 1; j < kBatch; ++j) {
      std::vector<PointBytes> elements = evaluation_.elements;
      std::swap(elements[i], elements[j]);
      EXPECT_TRUE(absl::IsPermissionDenied(Finalize(elements)));
    }
  }
}

TEST_F(VoprfTest, RefusesRepeatedAndReplacedElements) {
  std::vector<PointBytes> elements = evaluation_.elements;
  elements[1] = elements[0];
  EXPECT_TRUE(absl::IsPermissionDenied(Finalize(elements)));
  elements[1] = blinded_[1];
  EXPECT_TRUE(absl::IsPermissionDenied(Finalize(elements)));
}

TEST_F(VoprfTest, RefusesTruncatedAndExtendedBatches) {
  for (size_t size = 0; size <= kBatch + 1; ++size) {
    std::vector<PointBytes> elements = evaluation_.elements;
    elements.resize(size, evaluation_.elements[0]);
    if (size != kBatch) {
      EXPECT_TRUE(absl::IsInvalidArgument(Finalize(elements))) << size;
    }
  }
}

TEST_F(VoprfTest, RefusesAProofOfAShorterBatch) {
  const auto shorter = key_.BlindEvaluate(absl::MakeConstSpan(blinded_).subspan(0, kBatch - 1));
  ASSERT_TRUE(shorter.ok());
  EXPECT_TRUE(
      absl::IsPermissionDenied(Finalize(evaluation_.elements, shorter->proof, key_.public_key())));
}

TEST_F(VoprfTest, RefusesTheProofOfAnotherBatch) {
  OprfClient other;
  std::vector<PointBytes> blinded;
  for (size_t i = 0; i < kBatch; ++i) blinded.push_back(other.Blind(AsBytes(Input(i))).value());
  const auto evaluation = key_.BlindEvaluate(blinded);
  ASSERT_TRUE(evaluation.ok());
  EXPECT_TRUE(absl::IsPermissionDenied(
      Finalize(evaluation_.elements, evaluation->proof, key_.public_key())));
  EXPECT_TRUE(absl::IsPermissionDenied(
      Finalize(evaluation->elements, evaluation->proof, key_.public_key())));
}

TEST_F(VoprfTest, RefusesAnotherKeyForAllOrForOneElement) {
  const auto other = OprfPrivateKey::Derive(SecretBytes::Random(32), AsBytes("info"));
  ASSERT_TRUE(other.ok());
  EXPECT_TRUE(absl::IsPermissionDenied(
      Finalize(evaluation_.elements, evaluation_.proof, other->public_key())));
  const auto evaluation = other->BlindEvaluate(blinded_);
  ASSERT_TRUE(evaluation.ok());
  EXPECT_TRUE(absl::IsPermissionDenied(
      Finalize(evaluation->elements, evaluation->proof, key_.public_key())));
  std::vector<PointBytes> mixed = evaluation_.elements;
  mixed[2] = evaluation->elements[2];
  EXPECT_TRUE(absl::IsPermissionDenied(Finalize(mixed)));
}

// Adding a point to one answer and taking it from another keeps their plain sum: the weights catch
// it.
TEST_F(VoprfTest, RefusesErrorsThatCancelInAPlainSum) {
  std::array<AffinePoint, 2> points;
  AffinePoint delta;
  ASSERT_TRUE(DecodePoint(evaluation_.elements[0], &points[0]));
  ASSERT_TRUE(DecodePoint(evaluation_.elements[1], &points[1]));
  ASSERT_TRUE(MultiplyGenerator(RandomScalar(), &delta).ok());
  const ProjectivePoint shift = ProjectivePoint::From(delta);
  ASSERT_TRUE(ToAffine(Add(ProjectivePoint::From(points[0]), shift), &points[0]));
  ASSERT_TRUE(ToAffine(Add(ProjectivePoint::From(points[1]), Negate(shift)), &points[1]));
  std::vector<PointBytes> elements = evaluation_.elements;
  elements[0] = EncodePoint(points[0]);
  elements[1] = EncodePoint(points[1]);
  EXPECT_TRUE(absl::IsPermissionDenied(Finalize(elements)));
}

TEST_F(VoprfTest, RefusesEveryFlippedBitOfTheProof) {
  for (size_t bit = 0; bit < 8 * sizeof(DleqProof); ++bit) {
    DleqProof proof = evaluation_.proof;
    proof[bit / 8] ^= static_cast<uint8_t>(1 << bit % 8);
    ASSERT_TRUE(absl::IsPermissionDenied(Finalize(evaluation_.elements, proof, key_.public_key())))
        << bit;
  }
}

TEST_F(VoprfTest, RefusesEveryFlippedBitOfTheElements) {
  for (size_t bit = 0; bit < 8 * sizeof(PointBytes) * kBatch; ++bit) {
    std::vector<PointBytes> elements = evaluation_.elements;
    elements[bit / 8 / sizeof(PointBytes)][bit / 8 % sizeof(PointBytes)] ^=
        static_cast<uint8_t>(1 << bit % 8);
    ASSERT_TRUE(IsRefused(Finalize(elements))) << bit;
  }
}

TEST_F(VoprfTest, RefusesEveryFlippedBitOfThePublicKey) {
  for (size_t bit = 0; bit < 8 * sizeof(PointBytes); ++bit) {
    PointBytes public_key = key_.public_key();
    public_key[bit / 8] ^= static_cast<uint8_t>(1 << bit % 8);
    ASSERT_TRUE(IsRefused(Finalize(evaluation_.elements, evaluation_.proof, public_key))) << bit;
  }
}

TEST_F(VoprfTest, RefusesAProofForOtherBlindedElements) {
  // What the client sent is the client's own memory: an evaluator answering other elements fails.
  OprfClient client;
  for (size_t i = 0; i < kBatch; ++i) ASSERT_TRUE(client.Blind(AsBytes(Input(i))).ok());
  EXPECT_TRUE(absl::IsPermissionDenied(
      client.Finalize(evaluation_.elements, evaluation_.proof, key_.public_key()).status()));
}

TEST_F(VoprfTest, RefusesProofScalarsNotBelowTheOrder) {
  DleqProof proof;
  proof.fill(0xff);
  EXPECT_TRUE(absl::IsPermissionDenied(Finalize(evaluation_.elements, proof, key_.public_key())));
  proof.fill(0);
  EXPECT_TRUE(absl::IsPermissionDenied(Finalize(evaluation_.elements, proof, key_.public_key())));
}

TEST_F(VoprfTest, RefusesAnUnverifiableModeMix) {
  SecretBytes scalar = SecretBytes::CopyOf(AsBytes(std::string(31, '\0') + '\x07'));
  const auto plain = OprfPrivateKey::FromScalar(scalar, OprfMode::kOprf);
  const auto verifiable = OprfPrivateKey::FromScalar(scalar, OprfMode::kVoprf);
  ASSERT_TRUE(plain.ok() && verifiable.ok());
  EXPECT_NE(plain->Evaluate(AsBytes("x")).value(), verifiable->Evaluate(AsBytes("x")).value());
  const auto evaluation = plain->BlindEvaluate(blinded_);
  ASSERT_TRUE(evaluation.ok());
  EXPECT_EQ(evaluation->proof, DleqProof{});
  EXPECT_TRUE(absl::IsPermissionDenied(
      Finalize(evaluation->elements, evaluation->proof, plain->public_key())));
}

TEST_F(VoprfTest, NamesThePositionOfABadElement) {
  std::vector<PointBytes> blinded = blinded_;
  for (uint8_t tag : {0x00, 0x04, 0x06, 0x07}) {
    blinded[2][0] = tag;
    const absl::Status status = key_.BlindEvaluate(blinded).status();
    EXPECT_TRUE(absl::IsInvalidArgument(status));
    EXPECT_NE(status.message().find("element 2 "), absl::string_view::npos);
  }
  blinded[2].fill(0);
  EXPECT_TRUE(absl::IsInvalidArgument(key_.BlindEvaluate(blinded).status()));
}

TEST_F(VoprfTest, CapsABatch) {
  std::vector<PointBytes> many(kMaxProofBatch + 1, blinded_[0]);
  EXPECT_TRUE(absl::IsInvalidArgument(key_.BlindEvaluate(many).status()));
  EXPECT_TRUE(absl::IsInvalidArgument(key_.BlindEvaluate({}).status()));
}

TEST_F(VoprfTest, AFullBatchMayRepeatOneElement) {
  const std::vector<PointBytes> many(kMaxProofBatch, blinded_[0]);
  const auto evaluation = key_.BlindEvaluate(many);
  ASSERT_TRUE(evaluation.ok());
  EXPECT_EQ(evaluation->elements.back(), evaluation_.elements[0]);
}

TEST_F(VoprfTest, ClientHoldsNoMoreThanABatch) {
  OprfClient client;
  for (size_t i = 0; i < kMaxProofBatch; ++i) ASSERT_TRUE(client.Blind(AsBytes("x")).ok());
  EXPECT_TRUE(absl::IsInvalidArgument(client.Blind(AsBytes("x")).status()));
}

TEST_F(VoprfTest, FinalizeEndsTheBatchEvenWhenItFails) {
  ASSERT_FALSE(client_.Finalize({}, evaluation_.proof, key_.public_key()).ok());
  EXPECT_FALSE(client_.Finalize(evaluation_.elements, evaluation_.proof, key_.public_key()).ok());
  EXPECT_TRUE(absl::IsFailedPrecondition(client_.Blind(AsBytes("x")).status()));
}

TEST_F(VoprfTest, AnEmptyBatchIsRefused) {
  OprfClient client;
  EXPECT_TRUE(
      absl::IsInvalidArgument(client.Finalize({}, evaluation_.proof, key_.public_key()).status()));
}

TEST_F(VoprfTest, BlindsAreFreshForEveryElement) {
  std::set<PointBytes> blinded;
  OprfClient client;
  for (int i = 0; i < 50; ++i) blinded.insert(client.Blind(AsBytes("the same")).value());
  EXPECT_EQ(blinded.size(), 50u);
}

TEST_F(VoprfTest, ProofNoncesAreFreshForEveryProof) {
  std::set<DleqProof> proofs;
  for (int i = 0; i < 20; ++i) proofs.insert(key_.BlindEvaluate(blinded_)->proof);
  EXPECT_EQ(proofs.size(), 20u);
}

TEST_F(VoprfTest, NothingBecomesTheZeroTokenAndLeavesOthersAlone) {
  OprfClient client;
  std::vector<PointBytes> blinded = {client.Blind(AsBytes(Input(0))).value(),
                                     client.BlindNothing().value(), client.BlindNothing().value(),
                                     client.Blind(AsBytes(Input(1))).value()};
  EXPECT_NE(blinded[1], blinded[2]);
  for (const PointBytes& point : blinded) EXPECT_TRUE(CheckPoint(point).ok());
  const auto evaluation = key_.BlindEvaluate(blinded);
  ASSERT_TRUE(evaluation.ok());
  const auto tokens = client.Finalize(evaluation->elements, evaluation->proof, key_.public_key());
  ASSERT_TRUE(tokens.ok());
  EXPECT_EQ((*tokens)[0], key_.Evaluate(AsBytes(Input(0))).value());
  EXPECT_EQ((*tokens)[1], Token{});
  EXPECT_EQ((*tokens)[2], Token{});
  EXPECT_EQ((*tokens)[3], key_.Evaluate(AsBytes(Input(1))).value());
}

TEST_F(VoprfTest, ServesManyThreadsWithOneKey) {
  std::vector<std::thread> threads;
  std::array<int, 4> agreed = {};
  for (size_t t = 0; t < agreed.size(); ++t) {
    threads.emplace_back([this, t, &agreed] {
      for (int i = 0; i < 10; ++i) {
        OprfClient client;
        const std::string input = Input(t);
        const std::vector<PointBytes> blinded = {client.Blind(AsBytes(input)).value()};
        const auto evaluation = key_.BlindEvaluate(blinded).value();
        const auto tokens =
            client.Finalize(evaluation.elements, evaluation.proof, key_.public_key());
        if (tokens.ok() && tokens->front() == key_.Evaluate(AsBytes(input)).value()) ++agreed[t];
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  for (int count : agreed) EXPECT_EQ(count, 10);
}

TEST(OprfScalarTest, RefusesZeroAndTheOrderEverywhere) {
  const std::string zero(64, '0');
  const std::string order = "ffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632551";
  const std::string last = "ffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632550";
  const auto key = OprfPrivateKey::FromScalar(Secret(last));
  ASSERT_TRUE(key.ok());
  OprfClient client;
  const auto blinded = client.BlindWith(AsBytes("x"), Secret(last));
  ASSERT_TRUE(blinded.ok());
  for (const std::string& bad : {zero, order, std::string(64, 'f'), last.substr(2), last + "00"}) {
    EXPECT_TRUE(absl::IsInvalidArgument(OprfPrivateKey::FromScalar(Secret(bad)).status()));
    EXPECT_TRUE(absl::IsInvalidArgument(client.BlindWith(AsBytes("x"), Secret(bad)).status()));
    EXPECT_TRUE(
        absl::IsInvalidArgument(key->BlindEvaluateWithNonce({*blinded}, Secret(bad)).status()));
  }
}

TEST(OprfScalarTest, RandomScalarsDiffer) {
  EXPECT_EQ(RandomScalar().Equals(RandomScalar()), 0u);
  EXPECT_EQ(RandomScalar().IsZero(), 0u);
}

TEST(OprfInputTest, TakesUpTo65535Bytes) {
  const auto key = OprfPrivateKey::Derive(SecretBytes::Random(32), AsBytes("info"));
  ASSERT_TRUE(key.ok());
  OprfClient client;
  const std::string longest(65535, 'x');
  const std::string longer(65536, 'x');
  EXPECT_TRUE(key->Evaluate(AsBytes(longest)).ok());
  EXPECT_TRUE(client.Blind(AsBytes(longest)).ok());
  EXPECT_TRUE(client.Blind(AsBytes("")).ok());
  EXPECT_TRUE(absl::IsInvalidArgument(key->Evaluate(AsBytes(longer)).status()));
  EXPECT_TRUE(absl::IsInvalidArgument(client.Blind(AsBytes(longer)).status()));
  EXPECT_TRUE(absl::IsInvalidArgument(HashToGroup(AsBytes(longer), OprfMode::kVoprf).status()));
}

TEST(OprfDeriveTest, SeedAndInfoBothMatter) {
  const SecretBytes seed = SecretBytes::Random(32);
  const auto one = OprfPrivateKey::Derive(seed, AsBytes("agreement 1"));
  const auto two = OprfPrivateKey::Derive(seed, AsBytes("agreement 2"));
  const auto three = OprfPrivateKey::Derive(SecretBytes::Random(32), AsBytes("agreement 1"));
  ASSERT_TRUE(one.ok() && two.ok() && three.ok());
  EXPECT_NE(one->public_key(), two->public_key());
  EXPECT_NE(one->public_key(), three->public_key());
}

TEST(OprfDeriveTest, RefusesSeedsAndInfoOfTheWrongSize) {
  EXPECT_FALSE(OprfPrivateKey::Derive(SecretBytes::Random(31), AsBytes("info")).ok());
  EXPECT_FALSE(OprfPrivateKey::Derive(SecretBytes::Random(33), AsBytes("info")).ok());
  EXPECT_FALSE(
      OprfPrivateKey::Derive(SecretBytes::Random(32), AsBytes(std::string(65536, 'i'))).ok());
}

TEST(HashToGroupTest, SeparatesTheModes) {
  const auto plain = HashToGroup(AsBytes("x"), OprfMode::kOprf);
  const auto verifiable = HashToGroup(AsBytes("x"), OprfMode::kVoprf);
  ASSERT_TRUE(plain.ok() && verifiable.ok());
  EXPECT_NE(*plain, *verifiable);
  EXPECT_TRUE(CheckPoint(*plain).ok());
}

}  // namespace
}  // namespace vouch::crypto
