#include "linux/accept_pace.h"

#include <doctest/doctest.h>

#include "test/poller_loop.h"

using connscale::EventKind;
using connscale::platform::AcceptPace;
using connscale::platform::OwnedSocket;
using connscale::test::connect_peer;
using connscale::test::PollerLoop;

TEST_CASE("a pace takes what the last turn found, and one at least") {
  AcceptPace pace;
  pace.on_empty(3);
  CHECK(pace.burst() == 3);
  pace.on_empty(0);
  CHECK(pace.burst() == 1);
}

TEST_CASE("a pace that finds enough for a while asks how many there are, and follows") {
  AcceptPace pace;
  pace.on_empty(1);
  for (int i = 0; i < 3; ++i)
    CHECK_FALSE(pace.on_full());
  CHECK(pace.on_full());
  pace.on_depth(300);
  CHECK(pace.burst() == 300);
  CHECK_FALSE(pace.on_full());
  pace.on_depth(0);
  CHECK(pace.burst() == 300);
}

TEST_CASE("a slow pace leaves nobody in the queue, and quickens") {
  PollerLoop loop;
  const uint16_t port = loop.listen();
  loop.listener().pace.on_empty(1);
  std::vector<OwnedSocket> peers;
  std::vector<OwnedSocket> accepted;
  for (int i = 0; i < 12; ++i)
    peers.push_back(connect_peer(port));
  int waits = 0;
  while (accepted.size() < peers.size()) {
    ++waits;
    const auto events = loop.wait(connscale::test::kPatienceMs);
    REQUIRE_FALSE(events.empty());
    for (const auto& event : events) {
      REQUIRE(event.kind == EventKind::kAccepted);
      accepted.emplace_back(event.socket);
    }
  }
  CHECK(waits <= 6);  // one at a time, until the kernel is asked how many there are
  CHECK(loop.poll().empty());
}
