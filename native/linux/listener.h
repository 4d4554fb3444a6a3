// A listening socket and the descriptor kept in reserve for the day there are no others.
#ifndef CONNSCALE_LINUX_LISTENER_H_
#define CONNSCALE_LINUX_LISTENER_H_

#include <cstdint>

#include "base/event.h"
#include "base/result.h"
#include "linux/accept_pace.h"
#include "linux/owned_handle.h"

namespace connscale::platform {

struct Listener {
  OwnedSocket socket;
  OwnedHandle reserve;  // given up to accept and reset one connection when EMFILE is met
  uint32_t token = 0;
  uint32_t accept_limit = 0;
  AcceptFor purpose = AcceptFor::kKeeping;
  AcceptPace pace;
  bool armed = false;  // watched by the poller
};

/// A bound, listening, non-blocking socket with its options set.
/// Errors: of socket, setsockopt, bind (EADDRINUSE, EADDRNOTAVAIL, EACCES), listen (EADDRINUSE).
Result<OwnedSocket> open_listener(const ListenSpec& spec) noexcept;

/// accept4(2). A descriptor, or the negated error; -EAGAIN: the queue is empty.
int32_t accept_one(const Listener& listener) noexcept;

/// Takes a new reserve if there is none. False: no descriptor is free.
bool refill_reserve(Listener& listener) noexcept;

struct ShedOutcome {
  bool was_reset;  // a connection
  bool may_go_on;  // there was one, and there is a reserve for the next
};

/// Accepts one connection with the reserve and resets it.
ShedOutcome shed_one(Listener& listener) noexcept;

/// Connections that wait to be accepted, and how many may. Source: tcp_get_info, net/ipv4/tcp.c.
QueueDepth queue_depth(const Listener& listener) noexcept;

}  // namespace connscale::platform

#endif  // CONNSCALE_LINUX_LISTENER_H_
