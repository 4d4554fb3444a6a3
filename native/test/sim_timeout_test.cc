// What timeouts promise to a loop that comes late, or has many of them at once.
#include <doctest/doctest.h>

#include "test/sim_scenario.h"

using namespace connscale;  // a test of the engine's whole vocabulary
using namespace connscale::test;

namespace {

constexpr uint16_t kIdleTicks = 10;

/// Accepted connections with an idle timeout, in a loop whose turns take `batch_capacity` events.
std::vector<sim::Socket*> open_many(SimLoop& loop, uint32_t count) {
  loop.listen(count, Overload::kPause, count, kIdleTicks);
  listening_socket(loop).backlog = count;
  std::vector<sim::Socket*> peers;
  for (uint32_t i = 0; i < count; ++i)
    peers.push_back(loop.world().arrive(listening_socket(loop)));
  size_t opened = 0;
  for (int i = 0; i < 100 && opened < count; ++i)
    opened += turn_for(loop, Operation::kOpen).size();
  REQUIRE(opened == count);
  return peers;
}

SimLoopConfig config_for(uint32_t connections, uint32_t batch_capacity) {
  SimLoopConfig config;
  config.engine.connections_max = connections;
  config.batch_capacity = batch_capacity;
  return config;
}

}  // namespace

TEST_CASE("nobody is called idle whose bytes wait behind those of others") {
  constexpr uint32_t kConnections = 40;
  SimLoop loop(config_for(kConnections, kBatchMin));
  for (sim::Socket* const peer : open_many(loop, kConnections))
    peer->sent = 1;
  loop.world().advance(2 * kIdleTicks * kTickMs);
  size_t heard = 0;
  for (int i = 0; i < 10; ++i)
    heard += turn_for(loop, Operation::kData).size();
  CHECK(heard == kConnections);
  CHECK(loop.engine().counters().timeouts == 0);
}

TEST_CASE("nobody is called idle whose bytes wait for room in the slab") {
  SimLoopConfig config = config_for(2, 64);
  config.slab_bytes = 4'096;
  SimLoop loop(config);
  for (sim::Socket* const peer : open_many(loop, 2))
    peer->sent = 4'096;
  loop.world().advance(2 * kIdleTicks * kTickMs);
  CHECK(turn_for(loop, Operation::kData).size() == 1);
  CHECK(turn_for(loop, Operation::kData).size() == 1);
  CHECK(loop.engine().counters().timeouts == 0);
}

TEST_CASE("a loop that is never done remembers its timeouts all the same") {
  constexpr uint32_t kConnections = 40;
  SimLoop loop(config_for(kConnections, kBatchMin));
  std::vector<sim::Socket*> peers = open_many(loop, kConnections);
  peers.pop_back();  // the idle one
  loop.world().advance(2 * kIdleTicks * kTickMs);
  for (uint32_t i = 0; i <= kTurnsBehindMax; ++i) {
    for (sim::Socket* const peer : peers)
      ++peer->sent;
    REQUIRE(loop.turn(0).ok());
  }
  CHECK(loop.engine().counters().timeouts == 1);
}

TEST_CASE("thousands of timeouts take several turns, and no sleep between them") {
  constexpr uint32_t kConnections = 2'500;
  SimLoop loop(config_for(kConnections, kBatchMax));
  open_many(loop, kConnections);
  loop.world().advance(2 * kIdleTicks * kTickMs);
  size_t closed = 0;
  for (int i = 0; i < 3; ++i) {
    REQUIRE(loop.engine().next_turn_ms() == 0);
    const size_t now = turn_for(loop, Operation::kClose).size();
    CHECK(now <= kExpiryBatch);
    closed += now;
  }
  CHECK(closed == kConnections);
  CHECK(loop.engine().next_turn_ms() == -1);
}
