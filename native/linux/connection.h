// One connection's I/O: its socket and what is known and wanted of it.
#ifndef CONNSCALE_LINUX_CONNECTION_H_
#define CONNSCALE_LINUX_CONNECTION_H_

#include <cstdint>

#include "base/event.h"
#include "base/result.h"
#include "linux/owned_handle.h"

namespace connscale::platform {

struct Connection {
  Connection* ready_previous = nullptr;  // neighbours in the poller's ready list
  Connection* ready_next = nullptr;
  OwnedSocket socket;
  uint32_t token = 0;
  uint32_t registration = 0;   // counts attachments: an event of an earlier socket in this place never matches
  bool receiving : 1 = false;  // a receive is outstanding
  bool readable : 1 = false;   // the kernel may have more; edge-triggered, so it will not say so again
  bool hung_up : 1 = false;    // EPOLLRDHUP was seen: the end is near, a short read does not mean "drained"
  bool sending : 1 = false;    // a send is outstanding
  bool watches_writable : 1 = false;
  bool connecting : 1 = false;
  bool in_ready_list : 1 = false;
  bool broken : 1 = false;  // EPOLLERR was seen, and its cause left to a receive that has not come to it yet
};
static_assert(sizeof(Connection) <= 32, "half a cache line; the engine has the other half");

inline bool is_receiving(const Connection& connection) noexcept { return connection.receiving; }

/// recv(2) into `into`. Bytes, 0 for FIN, or the negated error; -EAGAIN is an ordinary state.
int32_t receive_some(const Connection& connection, uint8_t* into, uint32_t room) noexcept;

/// sendmsg(2) of up to kSendSlicesMax slices. Bytes or the negated error; -EAGAIN is an ordinary state.
int32_t send_some(const Connection& connection, const Slice* slices, uint32_t count) noexcept;

/// A non-blocking socket whose connect(2) is under way. Errors: of socket, setsockopt, bind (EADDRINUSE,
/// EADDRNOTAVAIL, EACCES) and connect (EADDRNOTAVAIL, ENETUNREACH, EACCES, ...).
Result<OwnedSocket> start_connect(const ConnectSpec& spec) noexcept;

/// Whether connections may come from an address. Errors: EADDRNOTAVAIL, of bind: it is not local; of socket,
/// setsockopt.
Result<void> check_source(const SocketAddress& address) noexcept;

/// Whether a socket may have a port range of its own (IP_LOCAL_PORT_RANGE).
bool has_socket_port_range() noexcept;

/// The error that the kernel keeps for this socket, taken off it; 0 for none.
int32_t take_socket_error(const OwnedSocket& socket) noexcept;

/// Makes the next close send RST and leave no TIME_WAIT.
void close_with_reset(OwnedSocket& socket) noexcept;

Result<SocketAddress> local_address(const OwnedSocket& socket) noexcept;
Result<SocketAddress> remote_address(const OwnedSocket& socket) noexcept;

}  // namespace connscale::platform

#endif  // CONNSCALE_LINUX_CONNECTION_H_
