// The poller of this kernel with real sockets: epoll's edges and levels have to come out as one event per operation.
#include <doctest/doctest.h>
#include <fcntl.h>

#include <memory>
#include <optional>
#include <thread>

#include "test/loopback.h"

using namespace connscale;        // NOLINT(google-build-using-namespace): a test of the platform's whole vocabulary
using namespace connscale::test;  // NOLINT(google-build-using-namespace)
using platform::Connection;
using platform::Listener;
using platform::OwnedSocket;

namespace {

constexpr uint32_t kEvents = 64;
constexpr int kPatienceMs = 10'000;
constexpr uint32_t kListenerToken = 1'000;

// As in the engine: the poller finds both by their addresses, which leave the low 6 bits free.
struct alignas(64) ConnectionCell {
  Connection io;
};
struct alignas(64) ListenerCell {
  Listener io;
};

class Loop {
 public:
  explicit Loop(uint32_t slab_bytes = 65'536) : slab_(slab_bytes) {
    Result<platform::Wakeup> wakeup = platform::Wakeup::open();
    REQUIRE(wakeup.ok());
    wakeup_ = std::move(wakeup.value());
    REQUIRE(poller_.open(&wakeup_).ok());
  }

  platform::Poller& poller() { return poller_; }
  platform::Wakeup& wakeup() { return wakeup_; }
  Listener& listener() { return listener_.io; }

  uint16_t listen(uint32_t accept_limit = 8) {
    ListenSpec spec;
    spec.address = loopback(0);
    spec.backlog = 16;
    const Result<SocketAddress> address = poller_.listen(listener_.io, spec, kListenerToken);
    REQUIRE(address.ok());
    REQUIRE(poller_.accept(listener_.io, accept_limit).ok());
    return address.value().port;
  }

  /// What one wait reports. The slab is fresh for each.
  std::vector<Event> wait(int timeout_ms) {
    slab_view_ = ReceiveSlab(slab_.data(), static_cast<uint32_t>(slab_.size()));
    std::vector<Event> events(kEvents);
    const Result<uint32_t> count = poller_.wait(events.data(), kEvents, slab_view_, timeout_ms);
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
  OwnedSocket accept_into(ConnectionCell& cell, uint32_t token) {
    if (!listener_.io.socket.valid()) port_ = listen();
    OwnedSocket peer = connect_peer(port_);
    const Event accepted = next(EventKind::kAccepted);
    CHECK(accepted.token == kListenerToken);
    REQUIRE(poller_.attach(cell.io, OwnedSocket(accepted.socket), token).ok());
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

Slice slice_of(const std::string& text) {
  return {reinterpret_cast<const uint8_t*>(text.data()), static_cast<uint32_t>(text.size())};
}

/// Sends all of a text through pending sends while a peer reads it.
void send_through(Loop& loop, Connection& connection, const std::string& text) {
  size_t done = 0;
  while (done < text.size()) {
    const Slice rest{reinterpret_cast<const uint8_t*>(text.data()) + done, static_cast<uint32_t>(text.size() - done)};
    const SendOutcome outcome = loop.poller().send(connection, &rest, 1);
    REQUIRE(outcome.failure == 0);
    done += outcome.sent;
    if (!outcome.pending) continue;
    const Event sent = loop.next(EventKind::kSent);
    REQUIRE(sent.result >= 0);
    done += static_cast<uint32_t>(sent.result);
  }
}

}  // namespace

TEST_CASE("bytes go there and back") {
  Loop loop;
  ConnectionCell cell;
  const OwnedSocket peer = loop.accept_into(cell, 7);
  loop.poller().receive(cell.io);
  CHECK(platform::is_receiving(cell.io));
  send_all(peer, "hello");
  const Event received = loop.next(EventKind::kReceived);
  CHECK(received.token == 7);
  CHECK(loop.text_of(received) == "hello");
  CHECK_FALSE(platform::is_receiving(cell.io));
  const std::string answer = "world";
  const Slice slice = slice_of(answer);
  CHECK(loop.poller().try_send(cell.io, &slice, 1) == 5);
  CHECK(receive_up_to(peer, 5) == "world");
}

TEST_CASE("a limit of 0 leaves connections in the queue, and a limit is kept in each wait") {
  Loop loop;
  const uint16_t port = loop.listen(0);
  std::vector<OwnedSocket> peers;
  for (int i = 0; i < 5; ++i) peers.push_back(connect_peer(port));
  CHECK(loop.poll().empty());
  const QueueDepth queue = platform::queue_depth(loop.listener());
  CHECK(queue.known);
  CHECK(queue.depth == 5);
  CHECK(queue.limit == 16);
  REQUIRE(loop.poller().accept(loop.listener(), 2).ok());
  size_t accepted = 0;
  for (int i = 0; i < 3; ++i) {
    const std::vector<Event> events = loop.poll();
    CHECK(events.size() <= 2);
    for (const Event& event : events) OwnedSocket(event.socket).reset();
    accepted += events.size();
  }
  CHECK(accepted == 5);
}

TEST_CASE("what does not fit into the slab comes in the turns after, complete and in order") {
  Loop loop(4'096);
  ConnectionCell cell;
  const OwnedSocket peer = loop.accept_into(cell, 1);
  const std::string text = numbered_text(200'000);
  std::thread sender([&peer, &text] { send_all(peer, text); });
  std::string got;
  while (got.size() < text.size()) {
    loop.poller().receive(cell.io);
    got += loop.text_of(loop.next(EventKind::kReceived));
  }
  sender.join();
  CHECK(got == text);
  loop.poller().receive(cell.io);
  CHECK(loop.poll().empty());
}

TEST_CASE("receives that find the slab full are work left over") {
  Loop loop(4'096);
  ConnectionCell cells[2];
  std::vector<OwnedSocket> peers;
  for (uint32_t i = 0; i < 2; ++i) {
    peers.push_back(loop.accept_into(cells[i], i));
    loop.poller().receive(cells[i].io);
  }
  for (const OwnedSocket& peer : peers) send_all(peer, std::string(4'096, 'x'));
  CHECK(loop.wait(kPatienceMs).size() == 1);
  CHECK(loop.poller().has_ready());
  CHECK(loop.poll().size() == 1);
  CHECK_FALSE(loop.poller().has_ready());
}

TEST_CASE("a receive that starts after the bytes came finds them") {
  Loop loop;
  ConnectionCell cell;
  const OwnedSocket peer = loop.accept_into(cell, 1);
  send_all(peer, "early");
  CHECK(loop.wait(kPatienceMs).empty());  // the edge: nobody wants to receive
  loop.poller().receive(cell.io);
  CHECK(loop.poller().has_ready());
  CHECK(loop.text_of(loop.next(EventKind::kReceived)) == "early");
}

TEST_CASE("a receive that was cancelled loses nothing") {
  Loop loop;
  ConnectionCell cell;
  const OwnedSocket peer = loop.accept_into(cell, 1);
  loop.poller().receive(cell.io);
  loop.poller().cancel_receive(cell.io);
  send_all(peer, "kept");
  CHECK(loop.wait(kPatienceMs).empty());
  loop.poller().receive(cell.io);
  loop.poller().cancel_receive(cell.io);  // out of the ready list as well
  CHECK_FALSE(loop.poller().has_ready());
  CHECK(loop.poll().empty());
  loop.poller().receive(cell.io);
  CHECK(loop.text_of(loop.next(EventKind::kReceived)) == "kept");
}

TEST_CASE("bytes and FIN that came together are two receives") {
  Loop loop;
  ConnectionCell cell;
  OwnedSocket peer = loop.accept_into(cell, 1);
  send_all(peer, "last words");
  REQUIRE(::shutdown(peer.get(), SHUT_WR) == 0);
  loop.poller().receive(cell.io);
  CHECK(loop.text_of(loop.next(EventKind::kReceived)) == "last words");
  loop.poller().receive(cell.io);
  CHECK(loop.next(EventKind::kReceived).result == 0);
}

TEST_CASE("a reset ends an outstanding receive, or is reported by itself") {
  Loop loop;
  ConnectionCell receiving;
  ConnectionCell silent;
  OwnedSocket first = loop.accept_into(receiving, 1);
  OwnedSocket second = loop.accept_into(silent, 2);
  loop.poller().receive(receiving.io);
  platform::close_with_reset(first);
  const Event received = loop.next(EventKind::kReceived);
  CHECK(received.token == 1);
  CHECK(received.result == -error::kECONNRESET);
  platform::close_with_reset(second);
  const Event broken = loop.next(EventKind::kBroken);
  CHECK(broken.token == 2);
  CHECK(broken.result == -error::kECONNRESET);
}

TEST_CASE("a send that is not taken at once goes on when the peer reads") {
  Loop loop;
  ConnectionCell cell;
  const OwnedSocket peer = loop.accept_into(cell, 1);
  const std::string text = numbered_text(8'000'000);
  std::string got;
  std::thread reader([&] { got = receive_up_to(peer, text.size()); });
  send_through(loop, cell.io, text);
  reader.join();
  CHECK(got == text);
}

TEST_CASE("many slices are one stream") {
  Loop loop;
  ConnectionCell cell;
  const OwnedSocket peer = loop.accept_into(cell, 1);
  const std::string text = numbered_text(6'400);
  Slice slices[kSendSlicesMax];
  for (uint32_t i = 0; i < kSendSlicesMax; ++i) {
    slices[i] = {reinterpret_cast<const uint8_t*>(text.data()) + i * 100, 100};
  }
  CHECK(loop.poller().try_send(cell.io, slices, kSendSlicesMax) == 6'400);
  CHECK(receive_up_to(peer, 6'400) == text);
}

TEST_CASE("end() is FIN, and the other direction stays open") {
  Loop loop;
  ConnectionCell cell;
  const OwnedSocket peer = loop.accept_into(cell, 1);
  REQUIRE(loop.poller().end(cell.io).ok());
  CHECK(receive_up_to(peer, 1).empty());
  loop.poller().receive(cell.io);
  send_all(peer, "still here");
  CHECK(loop.text_of(loop.next(EventKind::kReceived)) == "still here");
}

TEST_CASE("close() is FIN or RST, as it is told") {
  Loop loop;
  ConnectionCell graceful;
  ConnectionCell abrupt;
  const OwnedSocket first = loop.accept_into(graceful, 1);
  const OwnedSocket second = loop.accept_into(abrupt, 2);
  CHECK(loop.poller().close(graceful.io, CloseMode::kGraceful));
  CHECK(loop.poller().close(abrupt.io, CloseMode::kReset));
  CHECK(receive_error(first) == 0);
  CHECK(receive_error(second) == ECONNRESET);
  CHECK(loop.poll().empty());
}

TEST_CASE("closing a connection takes it out of the work left over") {
  Loop loop;
  ConnectionCell cells[3];
  std::vector<OwnedSocket> peers;
  for (uint32_t i = 0; i < 3; ++i) {
    peers.push_back(loop.accept_into(cells[i], i));
    send_all(peers.back(), "x");
  }
  CHECK(loop.wait(kPatienceMs).empty());
  for (ConnectionCell& cell : cells) loop.poller().receive(cell.io);
  REQUIRE(loop.poller().has_ready());
  CHECK(loop.poller().close(cells[1].io, CloseMode::kGraceful));
  CHECK(loop.poll().size() == 2);
  CHECK_FALSE(loop.poller().has_ready());
}

TEST_CASE("an event of an earlier socket does not reach the next one in its place") {
  Loop loop;
  ConnectionCell cell;
  const OwnedSocket old_peer = loop.accept_into(cell, 1);
  // As after a fork: somebody else holds the socket, so closing it here does not take it out of epoll.
  const OwnedSocket held(::fcntl(cell.io.socket.get(), F_DUPFD_CLOEXEC, 0));
  REQUIRE(held.valid());
  CHECK(loop.poller().close(cell.io, CloseMode::kGraceful));
  const OwnedSocket peer = loop.accept_into(cell, 2);
  loop.poller().receive(cell.io);
  send_all(old_peer, "for the dead");
  CHECK(loop.wait(kPatienceMs).empty());
  send_all(peer, "for the living");
  CHECK(loop.text_of(loop.next(EventKind::kReceived)) == "for the living");
}

TEST_CASE("connecting ends in kConnected, with bytes that came along ready") {
  Loop loop;
  const uint16_t port = loop.listen();
  ConnectionCell cell;
  ConnectSpec spec;
  spec.remote = loopback(port);
  spec.source = loopback(0);
  spec.source.bytes[3] = 9;
  REQUIRE(loop.poller().connect(cell.io, spec, 3).ok());
  std::optional<OwnedSocket> accepted;
  bool connected = false;
  while (!accepted.has_value() || !connected) {
    for (const Event& event : loop.wait(kPatienceMs)) {
      if (event.kind == EventKind::kAccepted) accepted.emplace(event.socket);
      if (event.kind == EventKind::kConnected) connected = event.result == 0 && event.token == 3;
    }
  }
  CHECK(platform::local_address(cell.io.socket).value().bytes[3] == 9);
  CHECK(platform::remote_address(cell.io.socket).value().port == port);
  loop.poller().receive(cell.io);
  send_all(*accepted, "welcome");
  CHECK(loop.text_of(loop.next(EventKind::kReceived)) == "welcome");
}

TEST_CASE("a connect that is refused says so") {
  Loop loop;
  const uint16_t port = loop.listen();
  loop.poller().close(loop.listener());
  ConnectionCell cell;
  ConnectSpec spec;
  spec.remote = loopback(port);
  REQUIRE(loop.poller().connect(cell.io, spec, 3).ok());
  const Event connected = loop.next(EventKind::kConnected);
  CHECK(connected.result == -error::kECONNREFUSED);
  CHECK(connected.call == Call::kConnect);
  CHECK(loop.poller().close(cell.io, CloseMode::kGraceful));
}

TEST_CASE("a connect that fails at once names the call") {
  Loop loop;
  ConnectionCell cell;
  ConnectSpec spec;
  spec.remote = loopback(9);
  spec.source = loopback(0);
  spec.source.bytes = {192, 0, 2, 1};  // RFC 5737: nobody's
  const Result<void> elsewhere = loop.poller().connect(cell.io, spec, 1);
  REQUIRE_FALSE(elsewhere.ok());
  CHECK(elsewhere.failure().code == error::kEADDRNOTAVAIL);
  CHECK(elsewhere.failure().call == Call::kBind);

  const OptionValue unknown{9'999, 1};
  spec.source = {};
  spec.options = &unknown;
  spec.option_count = 1;
  const Result<void> unsupported = loop.poller().connect(cell.io, spec, 1);
  REQUIRE_FALSE(unsupported.ok());
  CHECK(unsupported.failure().code == error::kENOTSUP);
}

TEST_CASE("a port that is taken is EADDRINUSE from bind or listen") {
  Loop loop;
  const uint16_t port = loop.listen();
  ListenerCell second;
  ListenSpec spec;
  spec.address = loopback(port);
  spec.backlog = 1;
  const Result<SocketAddress> address = loop.poller().listen(second.io, spec, 5);
  REQUIRE_FALSE(address.ok());
  CHECK(address.failure().code == error::kEADDRINUSE);
  CHECK_FALSE(second.io.socket.valid());
}

TEST_CASE("a socket that cannot be watched is closed") {
  Loop loop;
  ConnectionCell cell;
  const int file = ::open("/dev/null", O_RDONLY | O_CLOEXEC);  // epoll_ctl(2): EPERM for what does not support epoll
  REQUIRE(file >= 0);
  const Result<void> attached = loop.poller().attach(cell.io, OwnedSocket(file), 1);
  REQUIRE_FALSE(attached.ok());
  CHECK(attached.failure().code == error::kEPERM);
  CHECK(attached.failure().call == Call::kPollerControl);
  CHECK_FALSE(cell.io.socket.valid());
  CHECK(::fcntl(file, F_GETFD) == -1);
}

TEST_CASE("shedding resets what waits in the queue") {
  Loop loop;
  const uint16_t port = loop.listen(0);
  const OwnedSocket first = connect_peer(port);
  const OwnedSocket second = connect_peer(port);
  CHECK(loop.poller().shed(loop.listener(), 1) == 1);
  CHECK(receive_error(first) == ECONNRESET);
  CHECK(loop.poller().shed(loop.listener(), 8) == 1);
  CHECK(receive_error(second) == ECONNRESET);
  CHECK(loop.poller().shed(loop.listener(), 8) == 0);
  CHECK(loop.listener().reserve.valid());
}

TEST_CASE("a wait ends when its time is up, or when it is woken") {
  Loop loop;
  CHECK(loop.wait(1).empty());
  std::thread waker([&loop] { loop.wakeup().wake(); });
  CHECK(loop.wait(-1).empty());
  waker.join();
  CHECK(loop.wait(1).empty());  // the wake was taken back
}
