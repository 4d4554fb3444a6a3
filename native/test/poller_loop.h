// A poller with what it needs around it, driven by hand.
#ifndef CONNSCALE_TEST_POLLER_LOOP_H_
#define CONNSCALE_TEST_POLLER_LOOP_H_

#include <string>
#include <utility>
#include <vector>

#include "test/loopback.h"

namespace connscale::test {

inline constexpr uint32_t kEvents = 64;
inline constexpr int kPatienceMs = 10'000;
inline constexpr uint32_t kListenerToken = 1'000;

// As in the engine: the poller finds both by their addresses, which leave the low 6 bits free.
struct alignas(64) ConnectionCell {
  platform::Connection io;
};
struct alignas(64) ListenerCell {
  platform::Listener io;
};

class PollerLoop {
 public:
  explicit PollerLoop(uint32_t slab_bytes = 65'536) : slab_(slab_bytes) {
    Result<platform::Wakeup> wakeup = platform::Wakeup::open();
    REQUIRE(wakeup.ok());
    wakeup_ = std::move(wakeup.value());
    REQUIRE(poller_.open(&wakeup_).ok());
  }

  platform::Poller& poller() { return poller_; }
  platform::Wakeup& wakeup() { return wakeup_; }
  platform::Listener& listener() { return listener_.io; }

  uint16_t listen(uint32_t accept_limit = 8) {
    ListenSpec spec;
    spec.address = loopback(0);
    spec.backlog = 16;
    const Result<SocketAddress> address = poller_.listen(listener_.io, spec, kListenerToken);
    REQUIRE(address.ok());
    accept(accept_limit);
    return address.value().port;
  }

  void accept(uint32_t limit, AcceptFor purpose = AcceptFor::kKeeping) {
    REQUIRE(poller_.accept(listener_.io, limit, purpose).ok());
  }

  /// What one wait reports. The slab is fresh for each.
  std::vector<Event> wait(int timeout_ms, uint32_t places = UINT32_MAX) {
    slab_view_ = ReceiveSlab(slab_.data(), static_cast<uint32_t>(slab_.size()));
    std::vector<Event> events(kEvents);
    const Result<uint32_t> count = poller_.wait(events.data(), kEvents, slab_view_, places, timeout_ms);
    REQUIRE(count.ok());
    events.resize(count.value());
    return events;
  }
  std::vector<Event> poll() { return wait(0); }
  /// The next event, which must be the only one.
  Event next(EventKind kind) {
    const std::vector<Event> events = wait(kPatienceMs);
    REQUIRE(events.size() == 1);
    REQUIRE(events[0].kind == kind);
    return events[0];
  }
  std::string text_of(const Event& event) const {
    REQUIRE(event.result > 0);
    return {reinterpret_cast<const char*>(slab_.data()) + event.offset, static_cast<size_t>(event.result)};
  }

  /// A peer and our end of its connection, attached to `cell`.
  platform::OwnedSocket accept_into(ConnectionCell& cell, uint32_t token) {
    if (!listener_.io.socket.valid()) port_ = listen();
    platform::OwnedSocket peer = connect_peer(port_);
    const Event accepted = next(EventKind::kAccepted);
    CHECK(accepted.token == kListenerToken);
    REQUIRE(poller_.attach(cell.io, platform::OwnedSocket(accepted.socket), token).ok());
    return peer;
  }

 private:
  std::vector<uint8_t> slab_;
  ReceiveSlab slab_view_;
  platform::Wakeup wakeup_;
  ListenerCell listener_;
  uint16_t port_ = 0;
  platform::Poller poller_;
};

}  // namespace connscale::test

#endif  // CONNSCALE_TEST_POLLER_LOOP_H_
