// Sockets that choose their source address and port in each of the ways there are.
#ifndef CONNSCALE_TEST_LOCAL_SOCKETS_H_
#define CONNSCALE_TEST_LOCAL_SOCKETS_H_

#include <doctest/doctest.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>
#include <cstdint>
#include <string>

#include "base/error_names.h"
#include "platform.h"

namespace connscale::test {

// Younger than the headers of some systems. Source: include/uapi/linux/in.h.
inline constexpr int kBindAddressNoPort = 24;
inline constexpr int kLocalPortRange = 51;

enum class Claim : uint8_t {
  kPlain,         // bind(address, port)
  kReuseAddress,  // the same with SO_REUSEADDR
  kReusePort,     // the same with SO_REUSEPORT
  kRange,         // IP_BIND_ADDRESS_NO_PORT and IP_LOCAL_PORT_RANGE of one port: the kernel may choose that one
  kRangeReuse,    // the same with SO_REUSEADDR
};

inline SocketAddress address_of(const char* text, uint16_t port) {
  SocketAddress address;
  REQUIRE(platform::parse_address(text, &address));
  address.port = port;
  return address;
}

inline int int_family(const SocketAddress& address) { return address.family == Family::kIPv4 ? AF_INET : AF_INET6; }

inline platform::OwnedSocket open_socket(const SocketAddress& address) {
  platform::OwnedSocket socket(::socket(int_family(address), SOCK_STREAM | SOCK_CLOEXEC, 0));
  REQUIRE(socket.valid());
  return socket;
}

inline void set_flag(const platform::OwnedSocket& socket, int level, int option, uint32_t value = 1) {
  REQUIRE(::setsockopt(socket.get(), level, option, &value, sizeof(value)) == 0);
}

inline int try_bind(const platform::OwnedSocket& socket, const SocketAddress& address) {
  const platform::KernelAddress kernel(address);
  return ::bind(socket.get(), kernel.raw(), kernel.size) == 0 ? 0 : errno;
}

inline int try_connect(const platform::OwnedSocket& socket, const SocketAddress& address) {
  const platform::KernelAddress kernel(address);
  return ::connect(socket.get(), kernel.raw(), kernel.size) == 0 ? 0 : errno;
}

inline SocketAddress local_of(const platform::OwnedSocket& socket) {
  platform::KernelAddress kernel;
  REQUIRE(::getsockname(socket.get(), kernel.raw(), &kernel.size) == 0);
  return kernel.portable();
}

/// A listener; port 0: the kernel chooses.
inline platform::OwnedSocket listen_on(const SocketAddress& address, int backlog = 64) {
  platform::OwnedSocket socket = open_socket(address);
  REQUIRE(try_bind(socket, address) == 0);
  REQUIRE(::listen(socket.get(), backlog) == 0);
  return socket;
}

/// Claims an address and a port.
inline int claim(const platform::OwnedSocket& socket, Claim how, const SocketAddress& source) {
  const bool range = how == Claim::kRange || how == Claim::kRangeReuse;
  if (how == Claim::kReuseAddress || how == Claim::kRangeReuse) set_flag(socket, SOL_SOCKET, SO_REUSEADDR);
  if (how == Claim::kReusePort) set_flag(socket, SOL_SOCKET, SO_REUSEPORT);
  if (!range) return try_bind(socket, source);
  set_flag(socket, IPPROTO_IP, kBindAddressNoPort);
  set_flag(socket, IPPROTO_IP, kLocalPortRange, (uint32_t{source.port} << 16) | source.port);
  SocketAddress any_port = source;
  any_port.port = 0;
  return try_bind(socket, any_port);
}

struct Attempt {
  platform::OwnedSocket socket;
  std::string outcome;  // "ok", or the call and its error
};

/// Claims the source and connects.
inline Attempt attempt(Claim how, const SocketAddress& source, const SocketAddress& destination) {
  Attempt made{open_socket(source), "ok"};
  const int bound = claim(made.socket, how, source);
  if (bound != 0) {
    made.outcome = std::string("bind ") + error_name(bound);
    return made;
  }
  const int connected = try_connect(made.socket, destination);
  if (connected != 0) made.outcome = std::string("connect ") + error_name(connected);
  return made;
}

}  // namespace connscale::test

#endif  // CONNSCALE_TEST_LOCAL_SOCKETS_H_
