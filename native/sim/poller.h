// The queue of finished operations, when the kernel is a world in memory. It keeps platform.h's side of the contract in
// every way that the contract allows, and ends the process when the engine does not keep its own.
#ifndef CONNSCALE_SIM_POLLER_H_
#define CONNSCALE_SIM_POLLER_H_

#include <cstdint>
#include <memory>
#include <vector>

#include "base/event.h"
#include "base/receive_slab.h"
#include "base/result.h"
#include "sim/connection.h"
#include "sim/listener.h"
#include "sim/wakeup.h"
#include "sim/world.h"

namespace connscale::platform {

class Poller {
 public:
  Poller() noexcept;
  Poller(const Poller&) = delete;
  Poller& operator=(const Poller&) = delete;
  ~Poller();

  Result<void> open(const Wakeup* wakeup) noexcept;
  [[nodiscard]] int descriptor() const noexcept { return -1; }
  [[nodiscard]] bool has_ready() const noexcept { return held_back_; }
  [[nodiscard]] bool may_have_more() const noexcept { return may_have_more_; }

  Result<uint32_t> wait(Event* events, uint32_t max, ReceiveSlab& slab, uint32_t places, int timeout_ms) noexcept;

  Result<void> attach(Connection& connection, OwnedSocket socket, uint32_t token) noexcept;
  Result<void> connect(Connection& connection, const ConnectSpec& spec, uint32_t token) noexcept;
  void receive(Connection& connection) noexcept;
  void cancel_receive(Connection& connection) noexcept;
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

  Operations& enqueue(Connection& connection, OwnedSocket socket, uint32_t token);
  void release(Operations& operations) noexcept;
  void report_all(Sink& sink);
  void report(Operations& operations, Sink& sink);
  void report_connected(Operations& operations, Sink& sink);
  void report_sent(Operations& operations, Sink& sink);
  void report_received(Operations& operations, Sink& sink);
  void receive_bytes(Operations& operations, uint32_t available, Sink& sink);
  void report_broken(Operations& operations, Sink& sink);
  void report_closed(Operations& operations, Sink& sink);
  void report(Listener& listener, Sink& sink);
  void report_accept_failure(Listener& listener, int32_t code, Sink& sink);

  const Wakeup* wakeup_ = nullptr;
  bool held_back_ = false;      // for want of room in the slab
  bool may_have_more_ = false;  // the last wait reported all it may
  std::vector<std::unique_ptr<Operations>> connections_;
  std::vector<Listener*> listeners_;
};

}  // namespace connscale::platform

#endif  // CONNSCALE_SIM_POLLER_H_
