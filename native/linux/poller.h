// epoll, seen as a queue of finished operations.
#ifndef CONNSCALE_LINUX_POLLER_H_
#define CONNSCALE_LINUX_POLLER_H_

#include <sys/epoll.h>

#include <array>
#include <cstdint>

#include "base/event.h"
#include "base/limits.h"
#include "base/receive_slab.h"
#include "base/result.h"
#include "linux/connection.h"
#include "linux/listener.h"
#include "linux/os.h"
#include "linux/owned_handle.h"
#include "linux/socket_options.h"
#include "linux/wakeup.h"

namespace connscale::platform {

class Poller {
 public:
  /// `wakeup` (may be null) ends a wait early; it must outlive the poller. Errors: EMFILE, ENFILE, ENOMEM.
  Result<void> open(const Wakeup* wakeup) noexcept;
  /// Readable while events wait, so that another event loop can watch this one.
  [[nodiscard]] int descriptor() const noexcept { return epoll_.get(); }
  /// Work is left that no kernel event will announce.
  [[nodiscard]] bool has_ready() const noexcept { return ready_head_ != nullptr; }
  /// The last wait took as much as it may: events that happened before it may still wait in the kernel.
  [[nodiscard]] bool may_have_more() const noexcept { return may_have_more_; }

  /// Waits until something finishes, `timeout_ms` have passed (-1: forever) or the wakeup is used, and writes at most
  /// `max` events, received bytes into `slab`. All listeners together accept at most `places` connections to keep.
  /// Errors: of epoll_wait, which mean that the poller is broken.
  Result<uint32_t> wait(Event* events, uint32_t max, ReceiveSlab& slab, uint32_t places, int timeout_ms) noexcept;

  Result<void> attach(Connection& connection, OwnedSocket socket, uint32_t token) noexcept;
  Result<void> connect(Connection& connection, const ConnectSpec& spec, uint32_t token) noexcept;
  void receive(Connection& connection) noexcept;
  void cancel_receive(Connection& connection) noexcept;
  /// Bytes that the kernel took at once, or the negated error. The slices are free again when it returns.
  int32_t try_send(Connection& connection, const Slice* slices, uint32_t count) noexcept;
  SendOutcome send(Connection& connection, const Slice* slices, uint32_t count) noexcept;
  Result<void> end(Connection& connection) noexcept;
  bool close(Connection& connection, CloseMode mode) noexcept;

  Result<SocketAddress> listen(Listener& listener, const ListenSpec& spec, uint32_t token) noexcept;
  Result<void> accept(Listener& listener, uint32_t limit, AcceptFor purpose) noexcept;
  uint32_t shed(Listener& listener, uint32_t max) noexcept;
  void close(Listener& listener) noexcept;

 private:
  struct Sink;

  Result<void> watch(Connection& connection, uint32_t interest) noexcept;
  void on_connection(Connection& connection, uint32_t ready, Sink& sink) noexcept;
  void on_listener(Listener& listener, uint32_t room, Sink& sink) noexcept;
  void serve_ready(Sink& sink) noexcept;
  void receive_now(Connection& connection, Sink& sink) noexcept;
  Result<void> set_interest(Connection& connection, uint32_t interest) noexcept;
  void raise_error_again(Connection& connection) noexcept;
  void push_ready(Connection& connection) noexcept;
  void drop_ready(Connection& connection) noexcept;

  OwnedHandle epoll_;
  const Wakeup* wakeup_ = nullptr;
  Connection* ready_head_ = nullptr;
  Connection* ready_tail_ = nullptr;
  uint32_t ready_count_ = 0;
  bool may_have_more_ = false;
  std::array<epoll_event, kEventsMax> raw_;
};

}  // namespace connscale::platform

#endif  // CONNSCALE_LINUX_POLLER_H_
