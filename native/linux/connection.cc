#include "linux/connection.h"

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <sys/uio.h>

#include <algorithm>
#include <cassert>
#include <cerrno>

#include "base/limits.h"
#include "linux/os.h"
#include "linux/os_error.h"
#include "linux/socket_options.h"

namespace connscale::platform {

int32_t receive_some(const Connection& connection, uint8_t* into, uint32_t room) noexcept {
  ssize_t received = 0;
  do {
    received = ::recv(connection.socket.get(), into, room, 0);
  } while (received < 0 && errno == EINTR);
  return received >= 0 ? static_cast<int32_t>(received) : -errno;
}

int32_t send_some(const Connection& connection, const Slice* slices, uint32_t count) noexcept {
  ssize_t sent = 0;
  if (count == 1) {
    do {
      sent = ::send(connection.socket.get(), slices[0].data, slices[0].length, MSG_NOSIGNAL);
    } while (sent < 0 && errno == EINTR);
    return sent >= 0 ? static_cast<int32_t>(sent) : -errno;
  }
  iovec vectors[kSendSlicesMax];
  count = std::min(count, kSendSlicesMax);
  for (uint32_t i = 0; i < count; ++i)
    vectors[i] = {const_cast<uint8_t*>(slices[i].data), slices[i].length};
  msghdr message{};
  message.msg_iov = vectors;
  message.msg_iovlen = count;
  do {
    sent = ::sendmsg(connection.socket.get(), &message, MSG_NOSIGNAL);
  } while (sent < 0 && errno == EINTR);
  return sent >= 0 ? static_cast<int32_t>(sent) : -errno;
}

namespace {

// Since Linux 6.3; the headers of a build machine may be older. Source: IP_LOCAL_PORT_RANGE(2const).
constexpr int kLocalPortRange = 51;

Result<void> set_int(const OwnedSocket& socket, int level, int option, int value) noexcept {
  if (::setsockopt(socket.get(), level, option, &value, sizeof(value)) != 0) return last_error(Call::kSetOption);
  return {};
}

Result<void> bind_source(const OwnedSocket& socket, const SocketAddress& source) noexcept {
  // Port 0: IP_BIND_ADDRESS_NO_PORT leaves the port to connect(2), which knows the destination and so may share one
  // port between destinations. A fixed port needs SO_REUSEADDR for the same. Never SO_REUSEADDR with port 0: it
  // quarters the range before the kernel's search turns slow.
  const bool automatic = source.port == 0;
  const Result<void> set = automatic ? set_int(socket, IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT, 1)
                                     : set_int(socket, SOL_SOCKET, SO_REUSEADDR, 1);
  if (!set.ok()) return set;
  const KernelAddress address(source);
  if (::bind(socket.get(), address.raw(), address.size) != 0) return last_error(Call::kBind);
  return {};
}

/// A range of its own, be it the system's, also makes the kernel's search start anywhere and look at every port:
/// without one it looks through half of the range first, 90 ns for each port that is taken (__inet_hash_connect).
Result<void> choose_source(const OwnedSocket& socket, const ConnectSpec& spec) noexcept {
  if (spec.port_range.high != 0) {
    const uint32_t range = uint32_t{spec.port_range.high} << 16 | spec.port_range.low;
    const Result<void> set = set_int(socket, IPPROTO_IP, kLocalPortRange, static_cast<int>(range));
    if (!set.ok()) return set;
  }
  return spec.source.family == Family::kNone ? Result<void>{} : bind_source(socket, spec.source);
}

}  // namespace

Result<OwnedSocket> start_connect(const ConnectSpec& spec) noexcept {
  const int family = spec.remote.family == Family::kIPv4 ? AF_INET : AF_INET6;
  OwnedSocket socket(::socket(family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
  if (!socket.valid()) return last_error(Call::kSocket);
  for (uint32_t i = 0; i < spec.option_count; ++i) {
    const Result<void> set = set_option(socket, spec.options[i]);
    if (!set.ok()) return set.failure();
  }
  const Result<void> chosen = choose_source(socket, spec);
  if (!chosen.ok()) return chosen.failure();
  const KernelAddress remote(spec.remote);
  // EINPROGRESS: the ordinary state; the event that follows has the outcome. connect(2): after EINTR the attempt goes
  // on as well.
  if (::connect(socket.get(), remote.raw(), remote.size) != 0 && errno != EINPROGRESS && errno != EINTR) {
    return last_error(Call::kConnect);
  }
  return socket;
}

Result<void> check_source(const SocketAddress& address) noexcept {
  OwnedSocket socket(
      ::socket(address.family == Family::kIPv4 ? AF_INET : AF_INET6, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
  if (!socket.valid()) return last_error(Call::kSocket);
  return bind_source(socket, address);
}

bool has_socket_port_range() noexcept {
  OwnedSocket socket(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
  int range = 0;
  socklen_t size = sizeof(range);
  return socket.valid() && ::getsockopt(socket.get(), IPPROTO_IP, kLocalPortRange, &range, &size) == 0;
}

int32_t take_socket_error(const OwnedSocket& socket) noexcept {
  int code = 0;
  socklen_t size = sizeof(code);
  if (::getsockopt(socket.get(), SOL_SOCKET, SO_ERROR, &code, &size) != 0) return errno;
  return code;
}

void close_with_reset(OwnedSocket& socket) noexcept {
  const linger immediately{1, 0};
  const int result = ::setsockopt(socket.get(), SOL_SOCKET, SO_LINGER, &immediately, sizeof(immediately));
  assert(result == 0);  // setsockopt(2): fails only for what is no socket
  (void)result;
  socket.reset();
}

Result<SocketAddress> local_address(const OwnedSocket& socket) noexcept {
  KernelAddress address;
  if (::getsockname(socket.get(), address.raw(), &address.size) != 0) return last_error(Call::kLocalAddress);
  return address.portable();
}

Result<SocketAddress> remote_address(const OwnedSocket& socket) noexcept {
  KernelAddress address;
  if (::getpeername(socket.get(), address.raw(), &address.size) != 0) return last_error(Call::kRemoteAddress);
  return address.portable();
}

}  // namespace connscale::platform
