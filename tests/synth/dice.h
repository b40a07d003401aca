// Random draws that are the same on every machine: the standard library's distributions are not.
#ifndef VOUCH_TESTS_SYNTH_DICE_H_
#define VOUCH_TESTS_SYNTH_DICE_H_

#include <cmath>
#include <cstddef>
#include <cstdint>

namespace vouch::synth {

// SplitMix64 begun at a mixture of its keys, so that every (seed, stream, index) is its own
// sequence.
class Dice {
 public:
  Dice(uint64_t seed, uint64_t stream, uint64_t index)
      : state_(Mix(Mix(Mix(seed + 0x9E3779B97F4A7C15) ^ stream) + 0x632BE59BD9B4E019 * index)) {}

  uint64_t Next() { return Mix(state_ += 0x9E3779B97F4A7C15); }
  // Uniform in [0, n), n at least 1.
  uint64_t Below(uint64_t n) {
    return static_cast<uint64_t>((static_cast<unsigned __int128>(Next()) * n) >> 64);
  }
  // Uniform in [low, high].
  int Between(int low, int high) {
    return low + static_cast<int>(Below(static_cast<uint64_t>(high - low) + 1));
  }
  // Uniform in [0, 1).
  double Unit() { return static_cast<double>(Next() >> 11) * 0x1.0p-53; }
  bool Chance(double probability) { return Unit() < probability; }
  double Normal() {
    const double radius = std::sqrt(-2 * std::log(1 - Unit()));
    return radius * std::cos(6.283185307179586 * Unit());
  }

 private:
  static uint64_t Mix(uint64_t z) {
    z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9;
    z = (z ^ (z >> 27)) * 0x94D049BB133111EB;
    return z ^ (z >> 31);
  }

  uint64_t state_;
};

}  // namespace vouch::synth

#endif  // VOUCH_TESTS_SYNTH_DICE_H_
