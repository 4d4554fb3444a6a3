// What a platform reports to the engine: operations that have finished, and what is asked of a new socket.
#ifndef CONNSCALE_BASE_EVENT_H_
#define CONNSCALE_BASE_EVENT_H_

#include <cstdint>
#include <vector>

#include "base/error_names.h"
#include "base/port_interval.h"
#include "base/socket_address.h"
#include "base/socket_option.h"

namespace connscale {

enum class EventKind : uint8_t {
  kAccepted,      // socket: the new connection's, owned by whoever takes the event. token: the listener's
  kAcceptFailed,  // result: negated error. token: the listener's
  kConnected,     // result: 0 or negated error
  kReceived,      // result: bytes at offset in the slab, 0 for FIN, or negated error
  kSent,          // result: further bytes that a pending send moved (may be 0), or negated error
  kBroken,        // result: negated error of a connection that had no receive outstanding
  kClosed,        // the platform has let go of the connection: its slot may be used again
};

struct Event {
  EventKind kind;
  Call call;  // of a negative result
  uint32_t token;
  int32_t result;
  uint32_t offset;
  intptr_t socket;
};

/// Bytes to send, in order.
struct Slice {
  const uint8_t* data;
  uint32_t length;
};

/// What a send did at once. While `pending`, the slices that were not taken must stay where they are, no other send
/// may be started, and one kSent will follow.
struct SendOutcome {
  uint32_t sent = 0;
  bool pending = false;
  int32_t failure = 0;  // negated error: nothing more will be taken
};

enum class CloseMode : uint8_t { kGraceful, kReset };

struct ConnectSpec {
  SocketAddress remote;
  SocketAddress source;     // kNone: the kernel chooses; port 0: chosen by the kernel at connect time
  PortInterval port_range;  // from which it chooses; none: the system's range
  const OptionValue* options = nullptr;
  uint32_t option_count = 0;
};

struct ListenSpec {
  SocketAddress address;
  int32_t backlog = 0;
  bool reuse_port = false;
  bool ipv6_only = false;
  uint32_t defer_accept_ms = 0;
  uint32_t fast_open_queue = 0;
  std::vector<OptionValue> options;  // inherited by accepted sockets
};

/// What becomes of the connections that a listener accepts.
enum class AcceptFor : uint8_t {
  kKeeping,    // each takes one of the places that a wait is given
  kResetting,  // the engine resets each at once: they take no places
};

/// Null where the platform cannot tell.
struct QueueDepth {
  bool known = false;
  uint32_t depth = 0;
  uint32_t limit = 0;
};

}  // namespace connscale

#endif  // CONNSCALE_BASE_EVENT_H_
