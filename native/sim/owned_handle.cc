#include "sim/owned_handle.h"

#include "sim/world.h"

namespace connscale::platform {

void OwnedSocket::reset() noexcept {
  if (number_ >= 0) sim::World::current().close(static_cast<uint32_t>(std::exchange(number_, -1)));
}

}  // namespace connscale::platform
