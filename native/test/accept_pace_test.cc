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

TEST_CASE("a pace grows while turns find as many as it takes") {
  AcceptPace pace;
  pace.on_empty(1);
  for (int i = 0; i < 3; ++i)
    pace.on_full();
  CHECK(pace.burst() == 1);
  pace.on_full();
  CHECK(pace.burst() == 2);
  for (int i = 0; i < 1'000; ++i)
    pace.on_full();
  CHECK(pace.burst() == 4'096);
}

TEST_CASE("a slow pace leaves nobody in the queue, and quickens") {
  PollerLoop loop;
  const uint16_t port = loop.listen();
  loop.listener().pace.on_empty(1);
  std::vector<OwnedSocket> peers;
  std::vector<OwnedSocket> accepted;
  for (int i = 0; i < 12; ++i)
    peers.push_back(connect_peer(port));
  while (accepted.size() < peers.size()) {
    const auto events = loop.wait(connscale::test::kPatienceMs);
    REQUIRE_FALSE(events.empty());
    for (const auto& event : events) {
      REQUIRE(event.kind == EventKind::kAccepted);
      accepted.emplace_back(event.socket);
    }
  }
  CHECK(loop.listener().pace.burst() > 1);
  CHECK(loop.poll().empty());
}
