// Peers on the loopback interface: plain blocking sockets, as simple as a socket can be.
#ifndef CONNSCALE_TEST_LOOPBACK_H_
#define CONNSCALE_TEST_LOOPBACK_H_

#include <doctest/doctest.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

#include <cerrno>
#include <cstdint>
#include <string>
#include <vector>

#include "platform.h"

namespace connscale::test {

inline SocketAddress loopback(uint16_t port) {
  SocketAddress address;
  address.family = Family::kIPv4;
  address.port = port;
  address.bytes[0] = 127;
  address.bytes[3] = 1;
  return address;
}

/// A connected, blocking socket. A test that waits for what never comes fails after ten seconds instead of hanging.
inline platform::OwnedSocket connect_peer(uint16_t port) {
  platform::OwnedSocket socket(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
  REQUIRE(socket.valid());
  const timeval patience{10, 0};
  REQUIRE(::setsockopt(socket.get(), SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience)) == 0);
  REQUIRE(::setsockopt(socket.get(), SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof(patience)) == 0);
  const platform::KernelAddress address(loopback(port));
  REQUIRE(::connect(socket.get(), address.raw(), address.size) == 0);
  return socket;
}

inline void send_all(const platform::OwnedSocket& socket, const std::string& text) {
  REQUIRE(::send(socket.get(), text.data(), text.size(), MSG_NOSIGNAL) == static_cast<ssize_t>(text.size()));
}

/// Exactly this many bytes, or fewer when the stream ends before.
inline std::string receive_up_to(const platform::OwnedSocket& socket, size_t length) {
  std::string text(length, '\0');
  size_t got = 0;
  while (got < length) {
    const ssize_t received = ::recv(socket.get(), text.data() + got, length - got, 0);
    REQUIRE(received >= 0);
    if (received == 0) break;
    got += static_cast<size_t>(received);
  }
  text.resize(got);
  return text;
}

/// The errno of the next receive; 0 for data or FIN.
inline int receive_error(const platform::OwnedSocket& socket) {
  char byte = 0;
  return ::recv(socket.get(), &byte, 1, 0) < 0 ? errno : 0;
}

/// A text in which a piece that is lost or swapped shows.
inline std::string numbered_text(size_t length) {
  std::string text;
  for (size_t i = 0; text.size() < length; ++i)
    text += std::to_string(i) + ' ';
  text.resize(length);
  return text;
}

}  // namespace connscale::test

#endif  // CONNSCALE_TEST_LOOPBACK_H_
