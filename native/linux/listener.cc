#include "linux/listener.h"

#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>

#include <cerrno>

#include "linux/connection.h"
#include "linux/os.h"
#include "linux/os_error.h"
#include "linux/socket_options.h"

namespace connscale::platform {

namespace {

Result<void> set_int(const OwnedSocket& socket, int level, int option, int value) noexcept {
  if (::setsockopt(socket.get(), level, option, &value, sizeof(value)) != 0) return last_error(Call::kSetOption);
  return {};
}

Result<void> set_listener_options(const OwnedSocket& socket, const ListenSpec& spec) noexcept {
  struct Row {
    bool wanted;
    int level;
    int option;
    int value;
  };
  const bool ipv6 = spec.address.family == Family::kIPv6;
  const Row rows[] = {
      // A restarted server must not wait for the TIME_WAIT of its predecessor; node:net sets it too.
      {true, SOL_SOCKET, SO_REUSEADDR, 1},
      {spec.reuse_port, SOL_SOCKET, SO_REUSEPORT, 1},
      {ipv6, IPPROTO_IPV6, IPV6_V6ONLY, spec.ipv6_only ? 1 : 0},
      {spec.defer_accept_ms > 0, IPPROTO_TCP, TCP_DEFER_ACCEPT, static_cast<int>((spec.defer_accept_ms + 999) / 1000)},
      {spec.fast_open_queue > 0, IPPROTO_TCP, TCP_FASTOPEN, static_cast<int>(spec.fast_open_queue)},
  };
  for (const Row& row : rows) {
    if (!row.wanted) continue;
    const Result<void> set = set_int(socket, row.level, row.option, row.value);
    if (!set.ok()) return set;
  }
  for (const OptionValue& option : spec.options) {
    const Result<void> set = set_option(socket, option);
    if (!set.ok()) return set;
  }
  return {};
}

}  // namespace

Result<OwnedSocket> open_listener(const ListenSpec& spec) noexcept {
  const int family = spec.address.family == Family::kIPv4 ? AF_INET : AF_INET6;
  OwnedSocket socket(::socket(family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
  if (!socket.valid()) return last_error(Call::kSocket);
  // Before bind(2): the kernel checks the sharing flags when the port is claimed, and buffer sizes when it listens.
  const Result<void> set = set_listener_options(socket, spec);
  if (!set.ok()) return set.failure();
  const KernelAddress address(spec.address);
  if (::bind(socket.get(), address.raw(), address.size) != 0) return last_error(Call::kBind);
  if (::listen(socket.get(), spec.backlog) != 0) return last_error(Call::kListen);
  return socket;
}

int32_t accept_one(const Listener& listener) noexcept {
  int accepted = -1;
  do {
    accepted = ::accept4(listener.socket.get(), nullptr, nullptr, SOCK_NONBLOCK | SOCK_CLOEXEC);
  } while (accepted < 0 && errno == EINTR);
  return accepted >= 0 ? accepted : -errno;
}

bool refill_reserve(Listener& listener) noexcept {
  if (!listener.reserve.valid()) listener.reserve = OwnedHandle(::open("/dev/null", O_RDONLY | O_CLOEXEC));
  return listener.reserve.valid();
}

ShedOutcome shed_one(Listener& listener) noexcept {
  if (!refill_reserve(listener)) return {false, false};
  listener.reserve.reset();
  const int32_t accepted = accept_one(listener);
  if (accepted >= 0) {
    OwnedSocket connection(accepted);
    close_with_reset(connection);
  }
  // Another thread may have taken the number meanwhile; then there is no reserve until descriptors are free again.
  const bool refilled = refill_reserve(listener);
  return {accepted >= 0, accepted >= 0 && refilled};
}

QueueDepth queue_depth(const Listener& listener) noexcept {
  tcp_info info{};
  socklen_t size = sizeof(info);
  if (::getsockopt(listener.socket.get(), IPPROTO_TCP, TCP_INFO, &info, &size) != 0) return {};
  // Of a listening socket these two fields are the length and the limit of its accept queue.
  return {true, info.tcpi_unacked, info.tcpi_sacked};
}

}  // namespace connscale::platform
