#include <openssl/obj_mac.h>
#include <time.h>

#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "crypto/openssl_handles.h"
#include "crypto/voprf.h"
#include "tests/bench/rows.h"
#include "tests/bench/thread_time.h"

namespace vouch::bench {

namespace {

constexpr size_t kBatch = 128;

template <typename Work>
double PerSecond(size_t items, double seconds, const Work& work) {
  uint64_t done = 0;
  const double start = ThreadSeconds();
  double now = start;
  while (now - start < seconds) {
    work();
    done += items;
    now = ThreadSeconds();
  }
  return static_cast<double>(done) / (now - start);
}

}  // namespace

double ThreadSeconds() {
  timespec time = {};
  clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time);
  return static_cast<double>(time.tv_sec) + static_cast<double>(time.tv_nsec) * 1e-9;
}

double MultiplicationsPerSecond(double seconds) {
  const crypto::EcGroupPtr group(EC_GROUP_new_by_curve_name(NID_X9_62_prime256v1));
  const crypto::BnContextPtr context(BN_CTX_new());
  const crypto::BignumPtr scalar(BN_new());
  BN_priv_rand_range(scalar.get(), EC_GROUP_get0_order(group.get()));
  BN_set_flags(scalar.get(), BN_FLG_CONSTTIME);
  const crypto::EcPointPtr point(EC_POINT_dup(EC_GROUP_get0_generator(group.get()), group.get()));
  return PerSecond(1, seconds, [&] {
    EC_POINT_mul(group.get(), point.get(), nullptr, point.get(), scalar.get(), context.get());
  });
}

Rows MeasureEvaluate(const Sizes& sizes) {
  const double seconds = sizes.scaled ? 0.1 : 0.5;
  auto key = crypto::OprfPrivateKey::Derive(crypto::SecretBytes::Random(32),
                                            crypto::AsBytes("vouch-bench"));
  if (!key.ok()) return key.status();
  crypto::OprfClient client;
  std::vector<crypto::PointBytes> blinded;
  for (size_t i = 0; i < kBatch; ++i) {
    auto point = client.Blind(crypto::AsBytes(absl::StrCat("element ", i)));
    if (!point.ok()) return point.status();
    blinded.push_back(*point);
  }
  Progress("evaluating batches of 128 beside P-256 multiplications");
  std::vector<double> evaluations, multiplications;
  for (int window = 0; window < sizes.windows; ++window) {
    multiplications.push_back(MultiplicationsPerSecond(seconds));
    evaluations.push_back(PerSecond(kBatch, seconds, [&] { (void)key->BlindEvaluate(blinded); }));
  }
  Row row;
  row.name = "Evaluate: elements of a batch of 128, with proof; beside P-256 multiplications";
  row.value = Median(evaluations);
  row.unit = "a CPU second";
  row.ceiling = Median(multiplications);
  row.must = Bound::AtLeast(0.30);
  row.aim = Bound::AtLeast(2);
  return std::vector<Row>{row};
}

}  // namespace vouch::bench
