// Runs of connects: single promises, and then all of them in thousands of worlds.
//
// CONNSCALE_SIM_SEEDS=n runs n seeds; CONNSCALE_SIM_SEED=n replays one.
#include <doctest/doctest.h>

#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <string>

#include "test/sim_run_script.h"
#include "test/sim_scenario.h"

using namespace connscale;  // a test of the engine's whole vocabulary
using namespace connscale::test;

namespace {

constexpr uint32_t kSeedsDefault = 2'000;
constexpr uint32_t kTurnsMax = 20'000;

ConnectPlan plan_of(uint32_t count, uint32_t handlers = 1) {
  ConnectPlan plan;
  plan.destinations = {loopback_address(1, 80)};
  plan.count = count;
  plan.in_flight_max = 100;
  plan.handlers = handlers;
  return plan;
}

SimLoopConfig answering(uint32_t connections_max = 16) {
  SimLoopConfig config;
  config.engine.connections_max = connections_max;
  config.temper.of(sim::Chance::kAnswer) = 1'000;
  return config;
}

uint32_t start(SimLoop& loop, ConnectPlan plan) {
  uint32_t number = 0;
  REQUIRE(loop.engine().start_run(std::move(plan), &number).ok());
  return number;
}

/// Turns until a run says that it is done; what was reported before that.
std::vector<Completion> turn_until_done(SimLoop& loop, bool destroy = false) {
  std::vector<Completion> heard;
  for (uint32_t i = 0; i < kTurnsMax; ++i) {
    REQUIRE(loop.turn(-1).ok());
    Submissions submissions;
    bool done = false;
    for (const Completion& completion : loop.heard()) {
      if (!done) heard.push_back(completion);
      const auto operation = static_cast<Operation>(completion.operation & 0xFF);
      done = done || operation == Operation::kRunDone;
      if (destroy && operation == Operation::kOpen) submissions.add(Request::kDestroy, completion.id);
    }
    REQUIRE(loop.submit(submissions));
    if (done) return heard;
  }
  FAIL("the run does not end");
  return heard;
}

uint32_t count_of(const std::vector<Completion>& heard, Operation wanted, int32_t result = 0) {
  return static_cast<uint32_t>(std::count_if(heard.begin(), heard.end(), [&](const Completion& completion) {
    return static_cast<Operation>(completion.operation & 0xFF) == wanted && completion.result == result;
  }));
}

}  // namespace

TEST_CASE("a loop that is full of attempts that failed in this turn tries again in the next") {
  SimLoopConfig config = answering(4);
  config.temper.of(sim::Chance::kRefusedConnect) = 1'000;
  SimLoop loop(config);
  ConnectPlan plan = plan_of(4);
  for (uint32_t code = 1; code < RetryPolicy::kCodes; ++code)
    plan.retry.codes[code] = true;
  plan.retry.attempts = 5;
  start(loop, plan);
  const std::vector<Completion> heard = turn_until_done(loop);
  CHECK(count_of(heard, Operation::kAttemptFailed, 0) == 0);  // nobody was refused a slot
  CHECK(loop.engine().counters().connectFailures == 20);
}

TEST_CASE("a loop that holds its maximum fails the rest of a run at once") {
  SimLoop loop(answering(4));
  start(loop, plan_of(10));
  const std::vector<Completion> heard = turn_until_done(loop);
  CHECK(count_of(heard, Operation::kOpen) == 4);
  CHECK(count_of(heard, Operation::kAttemptFailed, 0) == 6);
}

TEST_CASE("ports of connections that have closed serve the rest of the run") {
  SimLoop loop(answering());
  ConnectPlan plan = plan_of(200);
  plan.sources = {{loopback_address(9, 0), 1}};
  plan.ports = PortChoice::kExplicit;
  plan.intervals = {{2'000, 2'003}};
  plan.retry.codes[error::kEADDRNOTAVAIL] = true;
  plan.retry.attempts = 60'000;
  plan.retry.delay_ms = 5;
  start(loop, plan);
  const std::vector<Completion> heard = turn_until_done(loop, true);
  CHECK(count_of(heard, Operation::kOpen) == 200);
  CHECK(heard.back().id == 0);  // no port was skipped
}

TEST_CASE("more taken ports than a turn looks at are passed over in several") {
  SimLoop loop(answering());
  loop.world().take_ports({2'000, 2'599});
  ConnectPlan plan = plan_of(7);
  plan.sources = {{loopback_address(9, 0), 1}};
  plan.ports = PortChoice::kExplicit;
  plan.intervals = {{2'000, 2'604}};
  start(loop, plan);
  REQUIRE(loop.turn(0).ok());
  CHECK(loop.world().sockets() == 0);
  const std::vector<Completion> heard = turn_until_done(loop, true);
  CHECK(count_of(heard, Operation::kOpen) == 5);
  CHECK(count_of(heard, Operation::kAttemptFailed, -error::kEADDRNOTAVAIL) == 2);
  CHECK(heard.back().id == 600);
  for (int i = 0; i < 3; ++i)
    REQUIRE(loop.turn(0).ok());
  CHECK(loop.engine().counters().open == 0);
  CHECK(loop.engine().runs_in_use() == 0);
}

TEST_CASE("a loop whose batches are full of others' data starts attempts all the same") {
  SimLoopConfig config = answering(64);
  config.batch_capacity = kBatchMin;
  config.slab_bytes = 1 << 20;
  SimLoop loop(config);
  loop.listen(40, Overload::kPause, 40);
  listening_socket(loop).backlog = 40;
  std::vector<sim::Socket*> peers;
  for (uint32_t i = 0; i < 40; ++i)
    peers.push_back(loop.world().arrive(listening_socket(loop)));
  for (uint32_t i = 0; i < 10; ++i)
    REQUIRE(loop.turn(0).ok());
  REQUIRE(loop.engine().counters().accepted == 40);
  start(loop, plan_of(3));
  for (uint32_t i = 0; i < 5; ++i) {
    for (sim::Socket* peer : peers)
      peer->sent += 100;
    REQUIRE(loop.turn(0).ok());
    CHECK(loop.batch_full());
  }
  CHECK(loop.engine().counters().open == 43);
}

TEST_CASE("the number of a run that has ended stops no other") {
  SimLoop loop(answering());
  const uint32_t first = start(loop, plan_of(2, 1));
  turn_until_done(loop, true);
  turn_until_closed(loop);
  const uint32_t second = start(loop, plan_of(2, 2));
  CHECK(first != second);
  CHECK_FALSE(loop.engine().stop_run(first));
  CHECK(count_of(turn_until_done(loop), Operation::kOpen) == 2);
  CHECK_FALSE(loop.engine().stop_run(second));
}

TEST_CASE("shutting down ends a run, and is not over before") {
  SimLoop loop({});
  start(loop, plan_of(30));
  REQUIRE(loop.turn(0).ok());
  CHECK(loop.engine().counters().open == 16);
  loop.engine().begin_shutdown(0);
  const std::vector<Completion> heard = turn_until_done(loop);
  CHECK(count_of(heard, Operation::kAttemptFailed, -error::kECANCELED) == 16);
  CHECK(count_of(heard, Operation::kLoopClosed) == 0);
  for (int i = 0; i < 3; ++i)
    REQUIRE(loop.turn(0).ok());
  CHECK(loop.engine().shut_down());
  uint32_t number = 0;
  CHECK_FALSE(loop.engine().start_run(plan_of(1), &number).ok());
}

// --- in every world ---

namespace {

volatile std::sig_atomic_t seed_under_way = 0;

/// The engine's assertions and the world's rules end the process; then this says which seed it was.
void name_the_seed(int) {
  std::fprintf(stderr, "CONNSCALE_SIM_SEED=%d replays this\n", static_cast<int>(seed_under_way));
  std::signal(SIGABRT, SIG_DFL);
  std::abort();
}

uint32_t number_from(const char* name, uint32_t otherwise) {
  const char* const text = std::getenv(name);
  return text != nullptr ? static_cast<uint32_t>(std::strtoul(text, nullptr, 10)) : otherwise;
}

SimLoopConfig draw_config(uint64_t seed) {
  sim::Random random(seed * 613 + 11);
  SimLoopConfig config;
  config.seed = seed;
  config.temper = sim::draw_temper(random);
  config.engine.loop = random.below(256);
  config.engine.connections_max = random.chance(80) ? random.between(1, 24) : random.between(25, 80);
  constexpr uint32_t kBatches[] = {16, 17, 24, 64, 1'024};
  config.batch_capacity = random.pick(kBatches);
  constexpr uint64_t kClocks[] = {0, 1'000'000, (uint64_t{1} << 32) * kTickMs - 1'500};
  config.clock_ms = random.pick(kClocks);
  return config;
}

void play(SimLoop& loop, RunScript& script, sim::Random& dice) {
  const uint32_t steps = dice.between(20, 300);
  if (dice.chance(50)) loop.listen(dice.between(1, 24), dice.chance(50) ? Overload::kPause : Overload::kReset);
  for (uint32_t i = 0; i < steps && script.ok(); ++i) {
    if (dice.chance(8)) script.start();
    if (dice.chance(2)) script.stop_one();
    if (dice.chance(30)) script.ask();
    if (dice.chance(20) && !loop.batch_full()) loop.world().advance(dice.below(60));
    script.turn(dice.chance(50) ? 0 : static_cast<int>(dice.below(60)) - 1);
  }
}

void close_down(SimLoop& loop, RunScript& script, sim::Random& dice) {
  script.shut_down(dice.chance(30) ? 0 : dice.between(1, 3'000));
  for (uint32_t i = 0; i < kTurnsMax && script.ok() && !script.loop_closed(); ++i) {
    if (dice.chance(3)) script.stop_one();
    script.turn(loop.engine().next_turn_ms());
  }
  script.check_end();
  for (uint32_t i = 0; i < 3 && script.ok(); ++i)
    script.turn(0);  // and nothing comes after it
}

std::string run_seed(uint64_t seed, RunTally* tally) {
  SimLoop loop(draw_config(seed));
  RunScript script(loop, tally);
  sim::Random dice(seed * 389 + 17);
  play(loop, script, dice);
  const bool torn_down = dice.chance(10);
  if (script.ok() && !torn_down && dice.chance(60)) script.settle();
  if (script.ok() && !torn_down) close_down(loop, script, dice);
  loop.destroy_engine();
  if (script.ok() && loop.world().descriptors() > 0) return "a socket is left";
  return script.failure();
}

}  // namespace

TEST_CASE("a run keeps its promises in every world") {
  const uint32_t replayed = number_from("CONNSCALE_SIM_SEED", 0);
  const uint32_t seeds = replayed != 0 ? 1 : number_from("CONNSCALE_SIM_SEEDS", kSeedsDefault);
  const auto before = std::signal(SIGABRT, name_the_seed);
  RunTally tally;
  for (uint32_t i = 0; i < seeds; ++i) {
    const uint32_t seed = replayed != 0 ? replayed : i + 1;
    seed_under_way = static_cast<std::sig_atomic_t>(seed);
    const std::string failure = run_seed(seed, &tally);
    REQUIRE_MESSAGE(failure.empty(), failure << "; CONNSCALE_SIM_SEED=" << seed << " replays this");
  }
  std::signal(SIGABRT, before);
  if (seeds < kSeedsDefault) return;
  for (const auto& row : tally.rows())
    CHECK_MESSAGE(row.second > 0, "never happened: " << row.first);
}
