// What a listener promises, in worlds where only one thing goes wrong.
#include <doctest/doctest.h>

#include "test/sim_scenario.h"

using namespace connscale;  // a test of the engine's whole vocabulary
using namespace connscale::test;

TEST_CASE("a listener that pauses leaves connections in the queue and goes on when there is room") {
  SimLoop loop({});
  const uint32_t listener = loop.listen(2, Overload::kPause);
  for (int i = 0; i < 5; ++i)
    loop.world().arrive(listening_socket(loop));
  const std::vector<Completion> opened = turn_for(loop, Operation::kOpen);
  CHECK(opened.size() == 2);
  CHECK(turn_for(loop, Operation::kOpen).empty());
  CHECK(listening_socket(loop).queue.size() == 3);
  CHECK(listening_socket(loop).turned_away == 0);

  REQUIRE(ask(loop, Request::kDestroy, opened[0].id));
  CHECK(turn_for(loop, Operation::kClose).size() == 1);
  CHECK(turn_for(loop, Operation::kOpen).size() == 1);
  ListenerReport report;
  REQUIRE(loop.engine().report_listener(listener, &report));
  CHECK(report.open == 2);
  CHECK(report.pauses == 2);  // at the first maximum, and again now
  CHECK(report.queue.depth == 2);
  CHECK(loop.engine().counters().acceptPauses == 2);
}

TEST_CASE("a listener that resets tells those who are too many at once") {
  SimLoop loop({});
  const uint32_t listener = loop.listen(2, Overload::kReset);
  for (int i = 0; i < 5; ++i)
    loop.world().arrive(listening_socket(loop));
  CHECK(turn_for(loop, Operation::kOpen).size() == 2);
  CHECK(turn_for(loop, Operation::kOpen).empty());
  CHECK(listening_socket(loop).queue.empty());
  CHECK(listening_socket(loop).turned_away == 3);
  ListenerReport report;
  REQUIRE(loop.engine().report_listener(listener, &report));
  CHECK(report.rejected == 3);
  CHECK(loop.engine().counters().rejected == 3);
}

TEST_CASE("without descriptors accepting pauses, and goes on when somebody else frees one") {
  SimLoopConfig config;
  config.temper.descriptors_max = 2;  // the listener and one connection
  SimLoop loop(config);
  loop.listen(8, Overload::kPause);
  for (int i = 0; i < 3; ++i)
    loop.world().arrive(listening_socket(loop));
  CHECK(turn_for(loop, Operation::kOpen).size() == 1);
  ListenerReport report;
  REQUIRE(loop.engine().report_listener(0, &report));
  CHECK(report.last_failure == error::kEMFILE);
  CHECK(report.failures == 1);

  loop.world().temper().descriptors_max = 100;
  CHECK(loop.engine().next_turn_ms() == static_cast<int32_t>(kAcceptRetryMs));
  CHECK(turn_for(loop, Operation::kOpen, -1).empty());
  CHECK(turn_for(loop, Operation::kOpen, -1).size() == 2);
  CHECK(listening_socket(loop).turned_away == 0);
}

TEST_CASE("a peer that went away in the queue does not make the listener pause") {
  SimLoop loop({});
  loop.listen(8);
  for (int i = 0; i < 2; ++i)
    loop.world().arrive(listening_socket(loop));
  listening_socket(loop).accept_failure = error::kECONNABORTED;
  CHECK(turn_for(loop, Operation::kOpen).empty());
  CHECK(turn_for(loop, Operation::kOpen).size() == 1);
  CHECK(loop.engine().counters().acceptFailures == 1);
  CHECK(loop.engine().counters().acceptPauses == 0);
}

TEST_CASE("without descriptors a listener that resets sheds its queue") {
  SimLoopConfig config;
  config.temper.descriptors_max = 2;
  SimLoop loop(config);
  loop.listen(8, Overload::kReset);
  for (int i = 0; i < 4; ++i)
    loop.world().arrive(listening_socket(loop));
  CHECK(turn_for(loop, Operation::kOpen).size() == 1);
  CHECK(listening_socket(loop).turned_away == 3);
  CHECK(loop.engine().counters().rejected == 3);
}

TEST_CASE("a connection that cannot be watched is dropped, and the listener rests") {
  SimLoopConfig config;
  config.temper.of(sim::Chance::kFailedAttach) = 1'000;
  SimLoop loop(config);
  loop.listen(8);
  sim::Socket* const peer = loop.world().arrive(listening_socket(loop));
  CHECK(turn_for(loop, Operation::kOpen).empty());
  CHECK(peer->gone);
  CHECK(loop.engine().counters().acceptFailures == 1);
  CHECK(loop.engine().counters().open == 0);
  CHECK(loop.engine().next_turn_ms() == static_cast<int32_t>(kAcceptRetryMs));
}

namespace {

/// Listeners of one loop; the last is the one that peers come to.
sim::Socket& listen_thrice(SimLoop& loop, Overload busy) {
  for (int i = 0; i < 2; ++i)
    loop.listen(8, Overload::kPause);
  loop.listen(8, busy);
  return loop.world().socket(2);
}

}  // namespace

TEST_CASE("the last places of a loop are for whoever comes, and listeners to which nobody comes keep none") {
  for (const Overload overload : {Overload::kPause, Overload::kReset}) {
    SimLoopConfig config;
    config.engine.connections_max = 2;  // fewer than there are listeners
    SimLoop loop(config);
    sim::Socket& busy = listen_thrice(loop, overload);
    for (int i = 0; i < 2; ++i)
      loop.world().arrive(busy);
    CHECK(turn_for(loop, Operation::kOpen).size() == 2);
    CHECK(busy.turned_away == 0);
    CHECK(loop.engine().counters().rejected == 0);
  }
}

TEST_CASE("with fewer places than listeners a loop that has nothing to do sleeps") {
  SimLoopConfig config;
  config.engine.connections_max = 1;
  SimLoop loop(config);
  listen_thrice(loop, Overload::kPause);
  REQUIRE(loop.turn(0).ok());
  CHECK(loop.engine().next_turn_ms() == -1);
  for (int i = 0; i < 10; ++i)
    REQUIRE(loop.turn(0).ok());
  CHECK(loop.engine().counters().acceptPauses == 0);
}

TEST_CASE("a listener that resets keeps as many as the loop has places for, and resets the others") {
  SimLoopConfig config;
  config.engine.connections_max = 2;
  SimLoop loop(config);
  sim::Socket& busy = listen_thrice(loop, Overload::kReset);
  for (int i = 0; i < 5; ++i)
    loop.world().arrive(busy);
  const std::vector<Completion> opened = turn_for(loop, Operation::kOpen);
  CHECK(opened.size() == 2);
  CHECK(turn_for(loop, Operation::kOpen).empty());
  CHECK(busy.turned_away == 3);
  CHECK(loop.engine().counters().rejected == 3);

  REQUIRE(ask(loop, Request::kDestroy, opened[0].id));
  CHECK(turn_for(loop, Operation::kClose).size() == 1);
  for (int i = 0; i < 2; ++i)
    loop.world().arrive(busy);
  CHECK(turn_for(loop, Operation::kOpen).size() == 1);
}

TEST_CASE("listeners of both kinds fill a loop together, and nobody is reset while there is a place") {
  for (uint64_t seed = 1; seed <= 20; ++seed) {
    CAPTURE(seed);
    SimLoopConfig config;
    config.seed = seed;  // which of the two is served first
    config.engine.connections_max = 4;
    SimLoop loop(config);
    loop.listen(8, Overload::kPause);
    loop.listen(8, Overload::kReset);
    for (uint32_t listener = 0; listener < 2; ++listener) {
      for (int i = 0; i < 2; ++i)
        loop.world().arrive(loop.world().socket(listener));
    }
    CHECK(turn_for(loop, Operation::kOpen).size() == 4);
    CHECK(loop.engine().counters().rejected == 0);
  }
}

TEST_CASE("a listener that cannot be watched counts as a failed accept, and is tried again") {
  SimLoopConfig config;
  config.temper.of(sim::Chance::kFailedArm) = 1'000;
  SimLoop loop(config);
  const uint32_t listener = loop.listen(8);
  ListenerReport report;
  REQUIRE(loop.engine().report_listener(listener, &report));
  CHECK(report.failures == 1);
  CHECK(report.last_failure == error::kENOMEM);
  CHECK(loop.engine().counters().acceptFailures == 1);
  CHECK(loop.engine().next_turn_ms() == static_cast<int32_t>(kAcceptRetryMs));
}

TEST_CASE("a loop has its maximum of listeners, and says so without naming a call") {
  SimLoop loop({});
  for (uint32_t i = 0; i < kListenersMax; ++i)
    REQUIRE(loop.listen(8) == i);
  ListenerConfig config;
  config.spec.address.family = Family::kIPv4;
  config.accept = {8, 8, Overload::kPause};
  uint32_t index = 0;
  const Result<SocketAddress> refused = loop.engine().listen(config, &index);
  REQUIRE_FALSE(refused.ok());
  CHECK(refused.failure().code == error::kEMFILE);
  CHECK(refused.failure().call == Call::kNone);
}

TEST_CASE("a listener's place is not taken while connections of it are open") {
  SimLoop loop({});
  const Accepted connection = accept_one(loop);
  REQUIRE(loop.engine().close_listener(0));
  CHECK(loop.listen(8) == 1);
  REQUIRE(ask(loop, Request::kDestroy, connection.id));
  REQUIRE(loop.turn(0).ok());
  CHECK(loop.listen(8) == 0);
}

TEST_CASE("the count of pauses does not forget a listener whose place another took") {
  SimLoop loop({});
  loop.listen(1, Overload::kPause);
  sim::Socket& first = listening_socket(loop);
  loop.world().arrive(first);
  const std::vector<Completion> opened = turn_for(loop, Operation::kOpen);
  REQUIRE(opened.size() == 1);
  REQUIRE(loop.engine().counters().acceptPauses == 1);
  REQUIRE(loop.engine().close_listener(0));
  REQUIRE(ask(loop, Request::kDestroy, opened[0].id));
  REQUIRE(loop.turn(0).ok());
  CHECK(loop.listen(1) == 0);
  CHECK(loop.engine().counters().acceptPauses == 1);
}

TEST_CASE("a port that is taken is EADDRINUSE from bind") {
  SimLoop loop({});
  connscale::ListenerConfig config;
  config.spec.address.family = connscale::Family::kIPv4;
  config.spec.address.port = 80;
  config.spec.backlog = 8;
  config.accept = {8, 8, Overload::kPause};
  uint32_t index = 0;
  REQUIRE(loop.engine().listen(config, &index).ok());
  const auto second = loop.engine().listen(config, &index);
  REQUIRE_FALSE(second.ok());
  CHECK(second.failure().code == error::kEADDRINUSE);
  CHECK(second.failure().call == Call::kBind);
}
