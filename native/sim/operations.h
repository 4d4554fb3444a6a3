// The operations that are under way on one connection, and the rules for them.
#ifndef CONNSCALE_SIM_OPERATIONS_H_
#define CONNSCALE_SIM_OPERATIONS_H_

#include <cstdint>
#include <vector>

#include "base/event.h"
#include "sim/connection.h"
#include "sim/socket.h"

namespace connscale::platform {

/// Kept by the poller, as a kernel keeps it: the engine cannot take it back early.
struct Operations {
  Connection* connection;
  sim::Socket& socket;
  uint32_t token;
  uint32_t registration;
  std::vector<Slice> slices;  // of the pending send
  uint64_t checksum = 0;      // of their bytes
  bool connecting = false;
  bool receiving = false;
  bool sending = false;
  bool ended = false;
  bool received_end = false;  // FIN was reported: there is nothing more to receive
  bool failed = false;        // a call returned an error: only a close may follow
  bool broken = false;        // an event reported one: a close follows before the next wait
  bool warned = false;        // of a reset that came while no receive was outstanding
  bool closing = false;

  /// 0, or the error of a send that begins or ends now.
  int32_t send_failure() const noexcept;
  /// Moves to the peer what there is room for, or less; how many bytes that were.
  uint32_t send_now(const Slice* from, uint32_t count);
  /// Keeps all but the first `skip` bytes as a pending send.
  void hold(const Slice* from, uint32_t count, uint32_t skip);
  void let_go_of_slices() noexcept;

  /// Until the poller lets go, the connection's memory is its own and the slices of a pending send stay.
  void check_in_place() const noexcept;
  void check_may_send(const Slice* from, uint32_t count) const noexcept;
  /// Connected, and neither closed nor failed.
  void check_usable() const noexcept;
};

uint64_t total_bytes(const Slice* slices, uint32_t count) noexcept;

}  // namespace connscale::platform

#endif  // CONNSCALE_SIM_OPERATIONS_H_
