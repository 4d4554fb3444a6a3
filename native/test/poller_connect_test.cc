// Listening, accepting and connecting through the poller of this kernel, and what is left when descriptors run out.
#include <doctest/doctest.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cerrno>
#include <optional>

#include "test/descriptors.h"
#include "test/poller_loop.h"

using namespace connscale;  // a test of the platform's whole vocabulary
using namespace connscale::test;
using platform::OwnedSocket;

namespace {

bool open_refuses = false;

}  // namespace

// In the place of the C library's, for this program: another thread that takes the last descriptor, at will.
extern "C" int open(const char* file, int oflag, ...) {
  if (!open_refuses) return static_cast<int>(::syscall(SYS_openat, AT_FDCWD, file, oflag));
  errno = EMFILE;
  return -1;
}

TEST_CASE("a limit of 0 leaves connections in the queue, and a limit is kept in each wait") {
  PollerLoop loop;
  const uint16_t port = loop.listen(0);
  std::vector<OwnedSocket> peers;
  for (int i = 0; i < 5; ++i)
    peers.push_back(connect_peer(port));
  CHECK(loop.poll().empty());
  const QueueDepth queue = platform::queue_depth(loop.listener());
  CHECK(queue.known);
  CHECK(queue.depth == 5);
  CHECK(queue.limit == 16);
  loop.accept(2);
  size_t accepted = 0;
  for (int i = 0; i < 3; ++i) {
    const std::vector<Event> events = loop.poll();
    CHECK(events.size() <= 2);
    for (const Event& event : events)
      OwnedSocket(event.socket).reset();
    accepted += events.size();
  }
  CHECK(accepted == 5);
}

TEST_CASE("a wait accepts as many as it has places for, unless they are to be reset") {
  PollerLoop loop;
  const uint16_t port = loop.listen(8);
  std::vector<OwnedSocket> peers;
  for (int i = 0; i < 5; ++i)
    peers.push_back(connect_peer(port));
  const auto accepted = [&loop](uint32_t places) {
    const std::vector<Event> events = loop.wait(0, places);
    for (const Event& event : events)
      OwnedSocket(event.socket).reset();
    return events.size();
  };
  CHECK(accepted(0) == 0);
  CHECK(accepted(3) == 3);
  loop.accept(1, AcceptFor::kResetting);
  CHECK(accepted(0) == 1);
  loop.accept(8, AcceptFor::kKeeping);
  CHECK(accepted(3) == 1);
}

TEST_CASE("connecting ends in kConnected, with bytes that came along ready") {
  PollerLoop loop;
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
  PollerLoop loop;
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
  PollerLoop loop;
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
  PollerLoop loop;
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

TEST_CASE("shedding resets what waits in the queue") {
  PollerLoop loop;
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

TEST_CASE("shedding that loses its reserve counts the connection that it reset") {
  PollerLoop loop;
  const uint16_t port = loop.listen(0);
  const OwnedSocket first = connect_peer(port);
  const OwnedSocket second = connect_peer(port);
  open_refuses = true;
  CHECK(loop.poller().shed(loop.listener(), 8) == 1);
  CHECK(receive_error(first) == ECONNRESET);
  CHECK_FALSE(loop.listener().reserve.valid());
  CHECK(loop.poller().shed(loop.listener(), 8) == 0);
  open_refuses = false;
  CHECK(loop.poller().shed(loop.listener(), 8) == 1);
  CHECK(receive_error(second) == ECONNRESET);
}

TEST_CASE("without descriptors accepting fails, shedding works, and both end when descriptors are free") {
  PollerLoop loop;
  const uint16_t port = loop.listen();
  std::vector<OwnedSocket> peers;
  for (int i = 0; i < 3; ++i)
    peers.push_back(connect_peer(port));
  std::vector<platform::OwnedHandle> all;
  {
    const LoweredLimit limit(300);
    open_all(all);
    const Event failed = loop.next(EventKind::kAcceptFailed);
    CHECK(failed.token == kListenerToken);
    CHECK(failed.result == -error::kEMFILE);
    CHECK(failed.call == Call::kAccept);
    CHECK(loop.poller().shed(loop.listener(), 1) == 1);
    CHECK(receive_error(peers[0]) == ECONNRESET);
    CHECK(loop.listener().reserve.valid());
  }
  const std::vector<Event> accepted = loop.wait(kPatienceMs);
  CHECK(accepted.size() == 2);
  for (const Event& event : accepted)
    OwnedSocket(event.socket).reset();
}
