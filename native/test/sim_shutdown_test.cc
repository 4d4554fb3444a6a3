// How a loop ends: in good order, in time, or because its poller broke.
#include <doctest/doctest.h>

#include "test/sim_scenario.h"

using namespace connscale;  // a test of the engine's whole vocabulary
using namespace connscale::test;

TEST_CASE("shutting down waits for what is queued, then closes") {
  SimLoop loop(config_with(100));
  const Accepted connection = accept_one(loop);
  Submissions submissions;
  write(submissions, connection.id, 1'000);
  REQUIRE(loop.submit(submissions));
  loop.engine().begin_shutdown(10'000);
  CHECK(turn_for(loop, Operation::kClose).empty());
  connection.socket.space = 10'000;
  CHECK(turn_for(loop, Operation::kClose).size() == 1);
  CHECK(connection.socket.delivered.size() == 1'000);
  CHECK(loop.engine().shut_down());
}

TEST_CASE("shutting down waits no longer than it was told") {
  SimLoop loop(config_with(100));
  const Accepted connection = accept_one(loop);
  Submissions submissions;
  write(submissions, connection.id, 1'000);
  REQUIRE(loop.submit(submissions));
  const uint64_t begun = loop.world().now_ms();
  loop.engine().begin_shutdown(700);
  turn_until_closed(loop);
  CHECK(loop.engine().shut_down());
  CHECK(loop.world().now_ms() >= begun + 700);
  CHECK(loop.world().now_ms() <= begun + 700 + kTickMs);
  CHECK_FALSE(connection.socket.owned);
}

TEST_CASE("a connect while shutting down is cancelled") {
  SimLoop loop({});
  loop.engine().begin_shutdown(0);
  const double id = start_connect(loop, connect_record(80));
  const std::vector<Completion> closed = turn_for(loop, Operation::kClose);
  REQUIRE(closed.size() == 1);
  CHECK(closed[0].id == id);
  CHECK(closed[0].result == -error::kECANCELED);
  CHECK(turn_for(loop, Operation::kLoopClosed).size() <= 1);
  CHECK(loop.engine().shut_down());
}

TEST_CASE("a poller that breaks is an error of the turn") {
  SimLoop loop({});
  loop.world().break_pollers();
  const connscale::Result<void> turned = loop.turn(-1);
  REQUIRE_FALSE(turned.ok());
  CHECK(turned.failure().code == error::kEBADF);
  CHECK(turned.failure().call == Call::kPollerWait);
}
TEST_CASE("closing a loop of thousands takes several turns, and no sleep between them") {
  constexpr uint32_t kConnections = 2'500;
  SimLoopConfig config;
  config.engine.connections_max = kConnections;
  config.batch_capacity = 512;
  SimLoop loop(config);
  loop.listen(kConnections, Overload::kPause, kConnections);
  listening_socket(loop).backlog = kConnections;
  for (uint32_t i = 0; i < kConnections; ++i)
    loop.world().arrive(listening_socket(loop));
  size_t opened = 0;
  for (int i = 0; i < 10; ++i)
    opened += turn_for(loop, Operation::kOpen).size();
  REQUIRE(opened == kConnections);
  loop.engine().begin_shutdown(60'000);
  size_t closed = 0;
  for (int i = 0; i < 20 && !loop.engine().shut_down(); ++i) {
    REQUIRE(loop.engine().next_turn_ms() == 0);
    closed += turn_for(loop, Operation::kClose).size();
  }
  CHECK(closed == kConnections);
  CHECK(loop.engine().shut_down());
}
