// The name of a connection: loop, generation and slot in one integer that JavaScript holds exactly.
#ifndef CONNSCALE_BASE_CONNECTION_ID_H_
#define CONNSCALE_BASE_CONNECTION_ID_H_

#include <cstdint>

#include "base/limits.h"

namespace connscale {

inline constexpr uint32_t kGenerationMask = (1U << kGenerationBits) - 1;
inline constexpr uint32_t kSlotMask = (1U << kSlotBits) - 1;

struct ConnectionId {
  uint32_t slot = 0;
  uint32_t generation = 0;  // a slot that is used again has another one: a stale id never matches

  /// As JavaScript sees it. The lowest bits are the slot, so `id >>> 0 & mask` finds it there.
  [[nodiscard]] double encode(uint32_t loop) const noexcept {
    const uint64_t bits =
        (uint64_t{loop} << (kGenerationBits + kSlotBits)) | (uint64_t{generation} << kSlotBits) | slot;
    return static_cast<double>(bits);
  }

  /// False for anything that encode() does not make for this loop: fractions, negatives, NaN, another loop's ids.
  [[nodiscard]] static bool decode(double value, uint32_t loop, ConnectionId* id) noexcept {
    if (!(value >= 0 && value <= 9007199254740991.0)) return false;
    const auto bits = static_cast<uint64_t>(value);
    if (static_cast<double>(bits) != value || (bits >> (kGenerationBits + kSlotBits)) != loop) return false;
    id->slot = static_cast<uint32_t>(bits) & kSlotMask;
    id->generation = static_cast<uint32_t>(bits >> kSlotBits) & kGenerationMask;
    return true;
  }
};

}  // namespace connscale

#endif  // CONNSCALE_BASE_CONNECTION_ID_H_
