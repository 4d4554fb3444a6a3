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

Result<void> bind_source(const OwnedSocket& socket, const SocketAddress& source) noexcept {
  const int on = 1;
  // Port 0: IP_BIND_ADDRESS_NO_PORT leaves the port to connect(2), which knows the destination and so may share one
  // port between destinations. A fixed port needs SO_REUSEADDR for the same. Never SO_REUSEADDR with port 0: it
  // quarters the range before the kernel's search turns slow.
  const bool automatic = source.port == 0;
  const int level = automatic ? IPPROTO_IP : SOL_SOCKET;
  const int option = automatic ? IP_BIND_ADDRESS_NO_PORT : SO_REUSEADDR;
  if (::setsockopt(socket.get(), level, option, &on, sizeof(on)) != 0) return last_error(Call::kSetOption);
  const KernelAddress address(source);
  if (::bind(socket.get(), address.raw(), address.size) != 0) return last_error(Call::kBind);
  return {};
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
  if (spec.source.family != Family::kNone) {
    const Result<void> bound = bind_source(socket, spec.source);
    if (!bound.ok()) return bound.failure();
  }
  const KernelAddress remote(spec.remote);
  // EINPROGRESS: the ordinary state; the event that follows has the outcome. connect(2): after EINTR the attempt goes
  // on as well.
  if (::connect(socket.get(), remote.raw(), remote.size) != 0 && errno != EINPROGRESS && errno != EINTR) {
    return last_error(Call::kConnect);
  }
  return socket;
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
