// A query as a program that the kernel runs for each socket, so that what is not wanted is never copied.
#ifndef CONNSCALE_LINUX_SOCKET_FILTER_H_
#define CONNSCALE_LINUX_SOCKET_FILTER_H_

#include <cstdint>
#include <vector>

#include "base/socket_query.h"

namespace connscale::platform {

/// The kernel keeps IPv4 and IPv6 sockets apart; those of IPv6 may hold IPv4 addresses.
struct SocketFilter {
  bool pointless = false;        // no socket of this table can match
  std::vector<uint8_t> program;  // INET_DIAG_REQ_BYTECODE; empty: every socket
};

/// A filter for the sockets of AF_INET or AF_INET6. It lets through all that match the query, and may let through more:
/// what it cannot say exactly it says roughly. Source: inet_diag_bc_run, net/ipv4/inet_diag.c.
SocketFilter make_filter(const SocketQuery& query, int table);

}  // namespace connscale::platform

#endif  // CONNSCALE_LINUX_SOCKET_FILTER_H_
