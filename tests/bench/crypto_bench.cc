// What one core can do, beside OpenSSL's P-256 multiplications a second in the same run.
#include <benchmark/benchmark.h>
#include <openssl/obj_mac.h>

#include <string>
#include <vector>

#include "crypto/hash_to_curve.h"
#include "crypto/openssl_handles.h"
#include "crypto/oprf_proof.h"
#include "crypto/p256_multiply.h"
#include "crypto/p256_point.h"
#include "crypto/voprf.h"

namespace vouch::crypto {
namespace {

OprfPrivateKey NewKey() {
  return std::move(OprfPrivateKey::Derive(SecretBytes::Random(32), AsBytes("bench"))).value();
}

std::vector<std::string> Inputs(size_t count) {
  std::vector<std::string> inputs;
  for (size_t i = 0; i < count; ++i) {
    inputs.push_back("an identity of usual length, some seventy bytes or so, number " +
                     std::to_string(i));
  }
  return inputs;
}

// The measure of everything else: one in-range scalar, one changing point, nothing besides.
void OpensslMultiplication(benchmark::State& state) {
  const EcGroupPtr group(EC_GROUP_new_by_curve_name(NID_X9_62_prime256v1));
  const BnContextPtr context(BN_CTX_new());
  const BignumPtr scalar(BN_new());
  BN_priv_rand_range(scalar.get(), EC_GROUP_get0_order(group.get()));
  BN_set_flags(scalar.get(), BN_FLG_CONSTTIME);
  const EcPointPtr point(EC_POINT_dup(EC_GROUP_get0_generator(group.get()), group.get()));
  for (auto _ : state) {
    EC_POINT_mul(group.get(), point.get(), nullptr, point.get(), scalar.get(), context.get());
  }
  state.SetItemsProcessed(state.iterations());
}
BENCHMARK(OpensslMultiplication);

void FieldMultiplication(benchmark::State& state) {
  FieldElement a = FieldElement::FromInteger(3);
  for (auto _ : state) {
    a = a * a;
    benchmark::DoNotOptimize(a);
  }
  state.SetItemsProcessed(state.iterations());
}
BENCHMARK(FieldMultiplication);

void HashIdentityToCurve(benchmark::State& state) {
  const std::string input = Inputs(1)[0];
  for (auto _ : state) benchmark::DoNotOptimize(HashToGroup(AsBytes(input), OprfMode::kVoprf));
  state.SetItemsProcessed(state.iterations());
}
BENCHMARK(HashIdentityToCurve);

void DecodePoints(benchmark::State& state) {
  const PointBytes point = HashToGroup(AsBytes("x"), OprfMode::kVoprf).value();
  AffinePoint out;
  for (auto _ : state) benchmark::DoNotOptimize(DecodePoint(point, &out));
  state.SetItemsProcessed(state.iterations());
}
BENCHMARK(DecodePoints);

void MultiplyPointBatch(benchmark::State& state) {
  std::vector<AffinePoint> points(static_cast<size_t>(state.range(0)));
  for (AffinePoint& point : points) (void)MultiplyGenerator(RandomScalar(), &point);
  const Scalar key = RandomScalar();
  for (auto _ : state) {
    benchmark::DoNotOptimize(MultiplyPoints({key}, points, absl::MakeSpan(points)));
  }
  state.SetItemsProcessed(state.iterations() * state.range(0));
}
BENCHMARK(MultiplyPointBatch)->Arg(1)->Arg(128);

void WeightedSum(benchmark::State& state) {
  std::vector<AffinePoint> points(static_cast<size_t>(state.range(0)));
  std::vector<Scalar> weights;
  for (AffinePoint& point : points) {
    (void)MultiplyGenerator(RandomScalar(), &point);
    weights.push_back(RandomScalar());
  }
  for (auto _ : state) benchmark::DoNotOptimize(PublicWeightedSum(weights, points));
  state.SetItemsProcessed(state.iterations() * state.range(0));
}
BENCHMARK(WeightedSum)->Arg(2)->Arg(128);

// The responder's call: decode, multiply, encode, one proof.
void BlindEvaluateWithProof(benchmark::State& state) {
  const OprfPrivateKey key = NewKey();
  OprfClient client;
  std::vector<PointBytes> blinded;
  for (const std::string& input : Inputs(static_cast<size_t>(state.range(0)))) {
    blinded.push_back(client.Blind(AsBytes(input)).value());
  }
  for (auto _ : state) benchmark::DoNotOptimize(key.BlindEvaluate(blinded));
  state.SetItemsProcessed(state.iterations() * state.range(0));
}
BENCHMARK(BlindEvaluateWithProof)->Arg(3)->Arg(24)->Arg(128)->Arg(1024);

// The requester's side: blind, then check the proof, unblind and hash.
void BlindAndFinalize(benchmark::State& state) {
  const OprfPrivateKey key = NewKey();
  const std::vector<std::string> inputs = Inputs(static_cast<size_t>(state.range(0)));
  for (auto _ : state) {
    OprfClient client;
    std::vector<PointBytes> blinded;
    for (const std::string& input : inputs) {
      blinded.push_back(client.Blind(AsBytes(input)).value());
    }
    state.PauseTiming();
    const auto evaluation = key.BlindEvaluate(blinded).value();
    state.ResumeTiming();
    benchmark::DoNotOptimize(
        client.Finalize(evaluation.elements, evaluation.proof, key.public_key()));
  }
  state.SetItemsProcessed(state.iterations() * state.range(0));
}
BENCHMARK(BlindAndFinalize)->Arg(3)->Arg(24)->Arg(128);

// Tokenising records at the key holder.
void EvaluateRecords(benchmark::State& state) {
  const OprfPrivateKey key = NewKey();
  const std::vector<std::string> texts = Inputs(static_cast<size_t>(state.range(0)));
  std::vector<ByteSpan> inputs;
  for (const std::string& text : texts) inputs.push_back(AsBytes(text));
  for (auto _ : state) benchmark::DoNotOptimize(key.EvaluateMany(inputs));
  state.SetItemsProcessed(state.iterations() * state.range(0));
}
BENCHMARK(EvaluateRecords)->Arg(1)->Arg(512);

}  // namespace
}  // namespace vouch::crypto

BENCHMARK_MAIN();
