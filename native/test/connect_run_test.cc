#include "engine/connect_run.h"

#include <doctest/doctest.h>

#include <map>
#include <set>
#include <utility>

#include "platform.h"

using namespace connscale;  // a test of the engine's words

namespace {

SocketAddress address_of(const char* text, uint16_t port = 0) {
  SocketAddress address;
  REQUIRE(platform::parse_address(text, &address));
  address.port = port;
  return address;
}

ConnectPlan plan_of(uint32_t count) {
  ConnectPlan plan;
  plan.destinations = {address_of("127.0.0.1", 80), address_of("127.0.0.1", 81)};
  plan.sources = {{address_of("127.1.0.1"), 3}};
  plan.ports = PortChoice::kExplicit;
  plan.intervals = {{2000, 2001}};
  plan.count = count;
  plan.in_flight_max = 1'000;
  return plan;
}

using Tuple = std::pair<std::pair<uint8_t, uint16_t>, uint16_t>;  // last byte and port of the source, and destination

Tuple tuple_of(const ConnectSpec& spec) { return {{spec.source.bytes[3], spec.source.port}, spec.remote.port}; }

struct Started {
  Attempt attempt;
  ConnectSpec spec;
  bool routed = false;
};

Started start(ConnectRun& run, uint64_t now_ms = 0) {
  Started started;
  REQUIRE(run.next_start_ms(now_ms) <= now_ms);
  started.attempt = run.begin(now_ms);
  started.routed = run.route(&started.attempt, &started.spec);
  return started;
}

constexpr SysError kTakenAtConnect{error::kEADDRNOTAVAIL, Call::kConnect};
constexpr SysError kNotLocal{error::kEADDRNOTAVAIL, Call::kBind};
constexpr SysError kRefused{error::kECONNREFUSED, Call::kConnect};

}  // namespace

TEST_CASE("every tuple is used once, and then none is left") {
  ConnectRun run(plan_of(13), 0);
  std::set<Tuple> tuples;
  for (int i = 0; i < 12; ++i) {
    const Started started = start(run);
    REQUIRE(started.routed);
    tuples.insert(tuple_of(started.spec));
    run.on_opened(started.attempt, 0);
  }
  CHECK(tuples.size() == 12);
  const Started last = start(run);
  CHECK_FALSE(last.routed);
  CHECK_FALSE(run.on_failed(last.attempt, error::kEADDRNOTAVAIL, 0));
  CHECK(run.finished());
  CHECK(run.open() == 12);
}

TEST_CASE("a port is free again when its connection has closed or failed") {
  ConnectPlan plan = plan_of(20);
  plan.destinations.pop_back();
  plan.sources = {{address_of("127.1.0.1"), 1}};
  ConnectRun run(plan, 0);
  Started first = start(run);
  Started second = start(run);
  CHECK_FALSE(start(run).routed);
  run.on_failed(first.attempt, error::kECONNREFUSED, 0);
  first = start(run);
  REQUIRE(first.routed);
  CHECK(first.spec.source.port == 2000);
  run.on_opened(first.attempt, 0);
  run.on_closed(first.attempt);
  CHECK(start(run).routed);
  CHECK(second.spec.source.port == 2001);
}

TEST_CASE("a taken port is passed over and stays marked") {
  ConnectPlan plan = plan_of(4);
  plan.destinations.pop_back();
  plan.sources = {{address_of("127.1.0.1"), 1}};
  ConnectRun run(plan, 0);
  Started started = start(run);
  CHECK(started.spec.source.port == 2000);
  REQUIRE(run.reroute(&started.attempt, kTakenAtConnect));
  REQUIRE(run.route(&started.attempt, &started.spec));
  CHECK(started.spec.source.port == 2001);
  CHECK(run.ports_skipped() == 1);
  CHECK_FALSE(start(run).routed);
  CHECK_FALSE(run.reroute(&started.attempt, kRefused));
}

TEST_CASE("an address that is not local is used no more, for the destinations that showed it") {
  ConnectRun run(plan_of(100), 0);
  std::map<uint8_t, int> sources;
  for (int i = 0; i < 8; ++i) {
    Started started = start(run);
    while (started.routed && started.spec.source.bytes[3] == 2) {
      REQUIRE(run.reroute(&started.attempt, kNotLocal));
      started.routed = run.route(&started.attempt, &started.spec);
    }
    REQUIRE(started.routed);
    ++sources[started.spec.source.bytes[3]];
  }
  CHECK(sources == std::map<uint8_t, int>{{1, 4}, {3, 4}});
  CHECK_FALSE(start(run).routed);
}

TEST_CASE("when the kernel chooses and has no port, the next source has its turn") {
  ConnectPlan plan = plan_of(10);
  plan.ports = PortChoice::kRange;
  plan.intervals = {{2000, 2100}};
  ConnectRun run(plan, 0);
  Started started = start(run);
  CHECK(started.spec.source.port == 0);
  CHECK(started.spec.port_range.low == 2000);
  CHECK(started.spec.port_range.high == 2100);
  const uint8_t source = started.spec.source.bytes[3];
  REQUIRE(run.reroute(&started.attempt, kTakenAtConnect));
  REQUIRE(run.route(&started.attempt, &started.spec));
  CHECK(started.spec.source.bytes[3] != source);
  CHECK(run.ports_skipped() == 0);
}

TEST_CASE("what the kernel says is connected is not tried") {
  ConnectPlan plan = plan_of(10);
  plan.sources = {{address_of("127.1.0.1"), 1}};
  plan.taken = {{address_of("127.1.0.1", 2000), address_of("127.0.0.1", 80)},
                {address_of("127.1.0.9", 2001), address_of("127.0.0.1", 80)},
                {address_of("127.1.0.1", 2001), address_of("127.0.0.1", 99)}};
  ConnectRun run(plan, 0);
  std::set<Tuple> tuples;
  for (Started started = start(run); started.routed; started = start(run))
    tuples.insert(tuple_of(started.spec));
  CHECK(tuples == std::set<Tuple>{{{1, 2000}, 81}, {{1, 2001}, 80}, {{1, 2001}, 81}});
}

TEST_CASE("errors of the policy are tried again, so often and so late") {
  ConnectPlan plan = plan_of(1);
  plan.retry.codes[error::kECONNREFUSED] = true;
  plan.retry.attempts = 3;
  plan.retry.delay_ms = 50;
  ConnectRun run(plan, 0);
  uint64_t now = 0;
  for (int tries = 1; tries < 3; ++tries) {
    const Started started = start(run, now);
    CHECK(started.attempt.tries == tries);
    CHECK(run.on_failed(started.attempt, error::kECONNREFUSED, now));
    CHECK_FALSE(run.finished());
    now += 50;
    CHECK(run.next_start_ms(now - 1) == now);
  }
  const Started last = start(run, now);
  CHECK_FALSE(run.on_failed(last.attempt, error::kECONNREFUSED, now));
  CHECK(run.finished());
}

TEST_CASE("no more are under way than may be") {
  ConnectPlan plan = plan_of(3);
  plan.in_flight_max = 2;
  ConnectRun run(plan, 0);
  const Started first = start(run);
  start(run);
  CHECK(run.next_start_ms(0) == UINT64_MAX);
  run.on_opened(first.attempt, 0);
  CHECK(run.next_start_ms(0) == 0);
}

TEST_CASE("a rate spreads the starts, and a pause is not made up for by a storm") {
  ConnectPlan plan = plan_of(10'000);
  plan.intervals = {{1024, 65'535}};
  plan.in_flight_max = 10'000;
  plan.rate_per_second = 1'000;
  ConnectRun run(plan, 0);
  const auto started_at = [&run](uint64_t now) {
    int count = 0;
    while (run.next_start_ms(now) <= now) {
      start(run, now);
      ++count;
    }
    return count;
  };
  int total = 0;
  for (uint64_t now = 0; now <= 1'000; ++now)
    total += started_at(now);
  CHECK(total >= 1'000);
  CHECK(total <= 1'001);
  CHECK(started_at(5'000) <= 102);
}

TEST_CASE("a run that was stopped starts nothing, and ends when nothing is under way") {
  ConnectRun run(plan_of(5), 0);
  const Started started = start(run);
  run.stop();
  CHECK(run.next_start_ms(0) == UINT64_MAX);
  CHECK_FALSE(run.finished());
  CHECK_FALSE(run.on_failed(started.attempt, error::kECANCELED, 0));
  CHECK(run.finished());
}
