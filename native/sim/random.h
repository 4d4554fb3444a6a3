// The one source of chance in a world: the same seed gives the same world again.
#ifndef CONNSCALE_SIM_RANDOM_H_
#define CONNSCALE_SIM_RANDOM_H_

#include <cstddef>
#include <cstdint>

namespace connscale::sim {

class Random {
 public:
  explicit Random(uint64_t seed) noexcept : state_(seed) {}

  /// Source: SplitMix64, Steele, Lea and Flood, "Fast splittable pseudorandom number generators", 2014.
  uint64_t next() noexcept {
    uint64_t z = (state_ += 0x9E3779B97F4A7C15ULL);
    z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9ULL;
    z = (z ^ (z >> 27)) * 0x94D049BB133111EBULL;
    return z ^ (z >> 31);
  }
  /// 0 to bound - 1; 0 for a bound of 0.
  uint32_t below(uint32_t bound) noexcept { return static_cast<uint32_t>(((next() >> 32) * bound) >> 32); }
  uint32_t between(uint32_t low, uint32_t high) noexcept { return low + below(high - low + 1); }
  bool chance(uint32_t percent) noexcept { return below(100) < percent; }
  template <typename T, size_t N>
  T pick(const T (&from)[N]) noexcept {
    return from[below(N)];
  }

 private:
  uint64_t state_;
};

}  // namespace connscale::sim

#endif  // CONNSCALE_SIM_RANDOM_H_
