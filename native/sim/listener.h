// A listening socket of the world.
#ifndef CONNSCALE_SIM_LISTENER_H_
#define CONNSCALE_SIM_LISTENER_H_

#include <cstdint>

#include "base/event.h"
#include "base/result.h"
#include "sim/owned_handle.h"

namespace connscale::platform {

struct Listener {
  OwnedSocket socket;
  uint32_t token = 0;
  uint32_t accept_limit = 0;
  AcceptFor purpose = AcceptFor::kKeeping;
};

/// Errors: of socket, setsockopt, bind and listen.
Result<OwnedSocket> open_listener(const ListenSpec& spec) noexcept;

QueueDepth queue_depth(const Listener& listener) noexcept;

}  // namespace connscale::platform

#endif  // CONNSCALE_SIM_LISTENER_H_
