// The TCP sockets of this network namespace, as the kernel lists them: NETLINK_SOCK_DIAG. Source: sock_diag(7).
#ifndef CONNSCALE_LINUX_SOCKET_TABLE_H_
#define CONNSCALE_LINUX_SOCKET_TABLE_H_

#include <cstddef>
#include <cstdint>
#include <memory>

#include "base/result.h"
#include "base/socket_query.h"
#include "linux/owned_handle.h"
#include "linux/socket_filter.h"

namespace connscale::platform {

/// A walk through the table. The kernel goes on only as fast as rows are taken, and holds at most one buffer of them.
/// It is no snapshot: what opens or closes meanwhile may be told or not, and what moves may be told twice.
class SocketDump {
 public:
  /// Errors: EMFILE, ENFILE, EACCES and EPROTONOSUPPORT from socket(2), ENOMEM.
  static Result<SocketDump> open(SocketQuery query);

  /// The next socket that matches; false: there are no more.
  /// Errors: ENOENT from sock_diag where the kernel lacks CONFIG_INET_DIAG; ENOBUFS from recv.
  Result<bool> next(SocketRow* row);

  /// The kernel says that the table changed in a way that made it lose its place.
  [[nodiscard]] bool interrupted() const noexcept { return interrupted_; }

 private:
  enum class Message : uint8_t { kSkipped, kRow, kTableEnd };

  Result<void> ask();
  Result<void> send(const SocketFilter& filter);
  Result<void> receive() noexcept;
  Result<Message> take_message(SocketRow* row) noexcept;

  OwnedSocket socket_;
  std::unique_ptr<uint8_t[]> buffer_;
  size_t length_ = 0;  // bytes of the buffer that are filled
  size_t offset_ = 0;  // of the next message in it
  SocketQuery query_;
  uint32_t sequence_ = 0;  // of the request; the tables follow each other on one socket
  size_t table_ = 0;
  bool asked_ = false;
  bool interrupted_ = false;
};

/// Calls `visit(row)` for every socket that matches, until it returns false. `interrupted` as above.
template <typename Visitor>
Result<void> for_each_socket(SocketQuery query, bool* interrupted, Visitor&& visit) {
  Result<SocketDump> dump = SocketDump::open(std::move(query));
  if (!dump.ok()) return dump.failure();
  SocketRow row;
  while (true) {
    const Result<bool> next = dump.value().next(&row);
    if (!next.ok()) return next.failure();
    if (!next.value() || !visit(row)) break;
  }
  *interrupted = *interrupted || dump.value().interrupted();
  return {};
}

/// Shows whether this kernel lists sockets that are bound and idle: holds one while the table is walked, to be met.
class BoundProbe {
 public:
  BoundProbe() noexcept;
  /// Whether this is the probe. To be asked of every row; such a row is none of the caller's.
  bool is(const SocketRow& row) noexcept;
  /// Linux 6.8 lists them. Not known when there was no port for the probe.
  [[nodiscard]] bool known() const noexcept { return port_ != 0; }
  [[nodiscard]] bool met() const noexcept { return met_; }

 private:
  OwnedSocket socket_;
  uint16_t port_ = 0;
  bool met_ = false;
};

}  // namespace connscale::platform

#endif  // CONNSCALE_LINUX_SOCKET_TABLE_H_
