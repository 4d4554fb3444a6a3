// Which sockets of the system's table are asked for, and what is told of each.
#ifndef CONNSCALE_BASE_SOCKET_QUERY_H_
#define CONNSCALE_BASE_SOCKET_QUERY_H_

#include <array>
#include <cstdint>
#include <vector>

#include "base/socket_address.h"

namespace connscale {

// The states of TCP by Linux's numbers, and one more: a socket that is bound, and neither connects nor listens.
// Source: include/net/tcp_states.h.
#define CONNSCALE_SOCKET_STATES(XX) \
  XX(Established, 1, "ESTABLISHED") \
  XX(SynSent, 2, "SYN_SENT")        \
  XX(SynReceived, 3, "SYN_RECV")    \
  XX(FinWait1, 4, "FIN_WAIT1")      \
  XX(FinWait2, 5, "FIN_WAIT2")      \
  XX(TimeWait, 6, "TIME_WAIT")      \
  XX(Closed, 7, "CLOSE")            \
  XX(CloseWait, 8, "CLOSE_WAIT")    \
  XX(LastAck, 9, "LAST_ACK")        \
  XX(Listen, 10, "LISTEN")          \
  XX(Closing, 11, "CLOSING")        \
  XX(Bound, 13, "BOUND")

enum class SocketState : uint8_t {
#define XX(id, number, name) k##id = number,
  CONNSCALE_SOCKET_STATES(XX)
#undef XX
};

inline constexpr uint32_t kSocketStatesMax = 14;

constexpr uint32_t state_bit(SocketState state) { return 1U << static_cast<uint32_t>(state); }

inline constexpr uint32_t kUnconnectedStates = state_bit(SocketState::kListen) | state_bit(SocketState::kBound);
inline constexpr uint32_t kConnectedStates = ((1U << 12) - 2) & ~state_bit(SocketState::kListen);

/// One socket. An IPv4 connection of a dual-stack socket is told as IPv4.
struct SocketRow {
  SocketAddress local;
  SocketAddress remote;  // family kNone unless there is a peer
  SocketState state = SocketState::kClosed;
  bool ipv6_only = false;      // of listening and bound IPv6 sockets: they leave the IPv4 port alone
  uint32_t receive_queue = 0;  // LISTEN: connections that wait to be accepted
  uint32_t send_queue = 0;     // LISTEN: how many may wait
};

/// Whether the socket is bound to every address of the machine, and so to this family's.
bool takes_every_address(const SocketRow& row, Family family) noexcept;

/// Addresses from `first` to `last`, both included. Family kNone: any address.
struct AddressRange {
  Family family = Family::kNone;
  std::array<uint8_t, 16> first{};
  std::array<uint8_t, 16> last{};

  [[nodiscard]] bool contains(const SocketAddress& address) const noexcept;
};

struct Destination {
  AddressRange addresses;
  uint16_t port = 0;  // 0: any
};

struct SocketQuery {
  Family family = Family::kNone;  // kNone: both
  uint32_t states = kConnectedStates | kUnconnectedStates;
  std::vector<AddressRange> sources;      // none: any local address. arrange() sorts and joins them
  uint16_t source_port = 0;               // 0: any
  bool wildcards = false;                 // with sources: also the sockets that are bound to every address
  std::vector<Destination> destinations;  // none: any. They leave out what has no peer

  void arrange();
  /// Sources must have been arranged.
  [[nodiscard]] bool matches(const SocketRow& row) const noexcept;

 private:
  [[nodiscard]] bool matches_source(const SocketRow& row) const noexcept;
  [[nodiscard]] bool matches_destination(const SocketRow& row) const noexcept;
};

}  // namespace connscale

#endif  // CONNSCALE_BASE_SOCKET_QUERY_H_
