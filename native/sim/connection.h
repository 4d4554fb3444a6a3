// One connection's I/O: its socket, and where its poller keeps what is under way.
#ifndef CONNSCALE_SIM_CONNECTION_H_
#define CONNSCALE_SIM_CONNECTION_H_

#include <cstdint>

#include "base/event.h"
#include "base/result.h"
#include "sim/owned_handle.h"

namespace connscale::platform {

struct Operations;

struct Connection {
  OwnedSocket socket;
  uint32_t token = 0;
  uint32_t registration = 0;         // counts attachments, as on Linux
  Operations* operations = nullptr;  // null: not in a poller's queue
};
static_assert(sizeof(Connection) <= 32, "half a cache line; the engine has the other half");

bool is_receiving(const Connection& connection) noexcept;

/// A socket whose connect is under way. Errors: of socket, setsockopt, bind and connect.
Result<OwnedSocket> start_connect(const ConnectSpec& spec) noexcept;

void close_with_reset(OwnedSocket& socket) noexcept;

Result<SocketAddress> local_address(const OwnedSocket& socket) noexcept;
Result<SocketAddress> remote_address(const OwnedSocket& socket) noexcept;

}  // namespace connscale::platform

#endif  // CONNSCALE_SIM_CONNECTION_H_
