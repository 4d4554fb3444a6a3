// What the engine needs besides sockets: the world's clock, and descriptor tables that are not there.
#ifndef CONNSCALE_SIM_OS_H_
#define CONNSCALE_SIM_OS_H_

#include <cstdint>

#include "base/result.h"
#include "sim/world.h"

namespace connscale::platform {

inline uint64_t now_ms() noexcept { return sim::World::current().now_ms(); }
inline uint64_t now_us() noexcept { return now_ms() * 1'000; }

inline void prepare_descriptor_table(uint32_t) noexcept {}
inline Result<void> leave_descriptor_table(const int*, uint32_t) noexcept {
  return SysError{error::kENOSYS, Call::kCloseRange};
}

}  // namespace connscale::platform

#endif  // CONNSCALE_SIM_OS_H_
