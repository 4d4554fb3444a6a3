// The poller of this kernel with real sockets: epoll's edges and levels have to come out as one event per operation.
#include <doctest/doctest.h>
#include <fcntl.h>

#include <string>
#include <thread>

#include "test/poller_loop.h"

using namespace connscale;  // a test of the platform's whole vocabulary
using namespace connscale::test;
using platform::Connection;
using platform::OwnedSocket;

namespace {

Slice slice_of(const std::string& text) {
  return {reinterpret_cast<const uint8_t*>(text.data()), static_cast<uint32_t>(text.size())};
}

/// Sends all of a text through pending sends while a peer reads it.
void send_through(PollerLoop& loop, Connection& connection, const std::string& text) {
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
  PollerLoop loop;
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

TEST_CASE("what does not fit into the slab comes in the turns after, complete and in order") {
  PollerLoop loop(4'096);
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
  PollerLoop loop(4'096);
  ConnectionCell cells[2];
  std::vector<OwnedSocket> peers;
  for (uint32_t i = 0; i < 2; ++i) {
    peers.push_back(loop.accept_into(cells[i], i));
    loop.poller().receive(cells[i].io);
  }
  for (const OwnedSocket& peer : peers)
    send_all(peer, std::string(4'096, 'x'));
  CHECK(loop.wait(kPatienceMs).size() == 1);
  CHECK(loop.poller().has_ready());
  CHECK(loop.poll().size() == 1);
  CHECK_FALSE(loop.poller().has_ready());
}

TEST_CASE("a wait that took as much as it may says so") {
  PollerLoop loop;
  std::vector<ConnectionCell> cells(kEvents);
  std::vector<OwnedSocket> peers;
  for (uint32_t i = 0; i < kEvents; ++i) {
    peers.push_back(loop.accept_into(cells[i], i));
    loop.poller().receive(cells[i].io);
  }
  for (const OwnedSocket& peer : peers)
    send_all(peer, "x");
  size_t received = 0;
  do {
    received += loop.poll().size();
  } while (loop.poller().may_have_more());
  CHECK(received == kEvents);
  CHECK(loop.poll().empty());
  CHECK_FALSE(loop.poller().may_have_more());
}

TEST_CASE("a receive that starts after the bytes came finds them") {
  PollerLoop loop;
  ConnectionCell cell;
  const OwnedSocket peer = loop.accept_into(cell, 1);
  send_all(peer, "early");
  CHECK(loop.wait(kPatienceMs).empty());  // the edge: nobody wants to receive
  loop.poller().receive(cell.io);
  CHECK(loop.poller().has_ready());
  CHECK(loop.text_of(loop.next(EventKind::kReceived)) == "early");
}

TEST_CASE("a receive that was cancelled loses nothing") {
  PollerLoop loop;
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
  PollerLoop loop;
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
  PollerLoop loop;
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

TEST_CASE("a reset behind bytes is reported when nobody receives after them") {
  for (const bool cancelled : {false, true}) {
    CAPTURE(cancelled);
    PollerLoop loop;
    ConnectionCell cell;
    OwnedSocket peer = loop.accept_into(cell, 1);
    loop.poller().receive(cell.io);
    const std::string queued(8'000'000, 'x');
    const Slice slice = slice_of(queued);
    REQUIRE(loop.poller().send(cell.io, &slice, 1).pending);
    send_all(peer, "last words");
    platform::close_with_reset(peer);
    CHECK(loop.text_of(loop.next(EventKind::kReceived)) == "last words");
    if (cancelled) {
      loop.poller().receive(cell.io);
      loop.poller().cancel_receive(cell.io);
    }
    CHECK(loop.next(EventKind::kBroken).result == -error::kECONNRESET);
  }
}

TEST_CASE("a reset that finds the slab full is reported when the receive is cancelled") {
  PollerLoop loop(4'096);
  ConnectionCell cells[2];
  std::vector<OwnedSocket> peers;
  for (uint32_t i = 0; i < 2; ++i) {
    peers.push_back(loop.accept_into(cells[i], i));
    loop.poller().receive(cells[i].io);
  }
  for (OwnedSocket& peer : peers) {
    send_all(peer, std::string(4'096, 'x'));
    platform::close_with_reset(peer);
  }
  const std::vector<Event> first = loop.wait(kPatienceMs);
  REQUIRE(first.size() == 1);
  const uint32_t served = first[0].token;
  loop.poller().cancel_receive(cells[1 - served].io);
  CHECK_FALSE(loop.poller().has_ready());
  bool broken[2] = {};
  while (!broken[0] || !broken[1]) {
    const std::vector<Event> events = loop.wait(kPatienceMs);
    REQUIRE_FALSE(events.empty());
    for (const Event& event : events) {
      CHECK(event.kind == EventKind::kBroken);
      broken[event.token] = true;
    }
  }
}

TEST_CASE("a receive that goes on after the bytes before a reset tells the reset once") {
  PollerLoop loop;
  ConnectionCell cell;
  OwnedSocket peer = loop.accept_into(cell, 1);
  loop.poller().receive(cell.io);
  send_all(peer, "last words");
  platform::close_with_reset(peer);
  CHECK(loop.text_of(loop.next(EventKind::kReceived)) == "last words");
  loop.poller().receive(cell.io);
  CHECK(loop.next(EventKind::kReceived).result == -error::kECONNRESET);
  CHECK(loop.poll().empty());
}

TEST_CASE("a cancelled receive of a stream that has ended makes no work") {
  PollerLoop loop;
  ConnectionCell cell;
  const OwnedSocket peer = loop.accept_into(cell, 1);
  send_all(peer, "last words");
  REQUIRE(::shutdown(peer.get(), SHUT_WR) == 0);
  loop.poller().receive(cell.io);
  CHECK(loop.text_of(loop.next(EventKind::kReceived)) == "last words");
  loop.poller().receive(cell.io);
  loop.poller().cancel_receive(cell.io);
  CHECK_FALSE(loop.poller().has_ready());
  CHECK(loop.wait(1).empty());
}

TEST_CASE("a send that is not taken at once goes on when the peer reads") {
  PollerLoop loop;
  ConnectionCell cell;
  const OwnedSocket peer = loop.accept_into(cell, 1);
  const std::string text = numbered_text(8'000'000);
  std::string got;
  std::thread reader([&] { got = receive_up_to(peer, text.size()); });
  send_through(loop, cell.io, text);
  reader.join();
  CHECK(got == text);
}

TEST_CASE("a reset under a pending send tells its cause once, to the receive") {
  PollerLoop loop;
  ConnectionCell cell;
  OwnedSocket peer = loop.accept_into(cell, 1);
  loop.poller().receive(cell.io);
  const std::string text(8'000'000, 'x');
  const Slice slice = slice_of(text);
  REQUIRE(loop.poller().send(cell.io, &slice, 1).pending);
  platform::close_with_reset(peer);
  const Event received = loop.next(EventKind::kReceived);
  CHECK(received.result == -error::kECONNRESET);
}

TEST_CASE("many slices are one stream") {
  PollerLoop loop;
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
  PollerLoop loop;
  ConnectionCell cell;
  const OwnedSocket peer = loop.accept_into(cell, 1);
  REQUIRE(loop.poller().end(cell.io).ok());
  CHECK(receive_up_to(peer, 1).empty());
  loop.poller().receive(cell.io);
  send_all(peer, "still here");
  CHECK(loop.text_of(loop.next(EventKind::kReceived)) == "still here");
}

TEST_CASE("end() after a reset names the reset") {
  PollerLoop loop;
  ConnectionCell cell;
  OwnedSocket peer = loop.accept_into(cell, 1);
  platform::close_with_reset(peer);
  const Result<void> ended = loop.poller().end(cell.io);  // on loopback the reset is here when the close returns
  REQUIRE_FALSE(ended.ok());
  CHECK(ended.failure().code == error::kECONNRESET);
  CHECK(ended.failure().call == Call::kShutdown);
}

TEST_CASE("close() is FIN or RST, as it is told") {
  PollerLoop loop;
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
  PollerLoop loop;
  ConnectionCell cells[3];
  std::vector<OwnedSocket> peers;
  for (uint32_t i = 0; i < 3; ++i) {
    peers.push_back(loop.accept_into(cells[i], i));
    send_all(peers.back(), "x");
  }
  CHECK(loop.wait(kPatienceMs).empty());
  for (ConnectionCell& cell : cells)
    loop.poller().receive(cell.io);
  REQUIRE(loop.poller().has_ready());
  CHECK(loop.poller().close(cells[1].io, CloseMode::kGraceful));
  CHECK(loop.poll().size() == 2);
  CHECK_FALSE(loop.poller().has_ready());
}

TEST_CASE("an event of an earlier socket does not reach the next one in its place") {
  PollerLoop loop;
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

TEST_CASE("a socket that cannot be watched is closed") {
  PollerLoop loop;
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

TEST_CASE("a wait ends when its time is up, or when it is woken") {
  PollerLoop loop;
  CHECK(loop.wait(1).empty());
  std::thread waker([&loop] { loop.wakeup().wake(); });
  CHECK(loop.wait(-1).empty());
  waker.join();
  CHECK(loop.wait(1).empty());  // the wake was taken back
}
