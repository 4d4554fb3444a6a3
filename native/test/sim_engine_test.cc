// The engine in thousands of worlds: whatever kernel, network and JavaScript do, its promises hold.
//
// CONNSCALE_SIM_SEEDS=n runs n seeds; CONNSCALE_SIM_SEED=n replays one.
#include <doctest/doctest.h>

#include <csignal>
#include <cstdio>
#include <cstdlib>

#include "test/sim_script.h"

namespace {

using connscale::test::Script;
using connscale::test::SimLoop;
using connscale::test::SimLoopConfig;
using connscale::test::Witness;
namespace sim = connscale::sim;

constexpr uint32_t kSeedsDefault = 2'000;
constexpr uint32_t kStepsMax = 300;
constexpr uint32_t kTurnsToClose = 20'000;

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
  sim::Random random(seed * 977 + 5);
  SimLoopConfig config;
  config.seed = seed;
  config.temper = sim::draw_temper(random);
  config.engine.loop = random.below(256);
  config.engine.connections_max = random.chance(80) ? random.between(1, 24) : random.between(25, 80);
  config.engine.high_water_bytes = 64U << random.below(10);
  config.engine.write_queue_max_bytes = config.engine.high_water_bytes * uint64_t{random.between(1, 16)};
  constexpr uint32_t kBatches[] = {16, 17, 24, 64, 1'024};
  config.batch_capacity = random.pick(kBatches);
  constexpr uint32_t kSlabs[] = {4'096, 5'000, 16'384, 70'000};
  config.slab_bytes = random.pick(kSlabs);
  // From the machine's first moment to the day its ticks wrap in 32 bits.
  constexpr uint64_t kClocks[] = {0, 1'000'000, (uint64_t{1} << 32) * connscale::kTickMs - 1'500};
  config.clock_ms = random.pick(kClocks);
  return config;
}

void play(SimLoop& loop, Script& script, Witness& witness, sim::Random& dice) {
  const uint32_t steps = dice.between(20, kStepsMax);
  script.listen();
  for (uint32_t i = 0; i < steps && witness.ok(); ++i) {
    if (dice.chance(2)) script.listen();
    if (dice.chance(1)) script.close_a_listener();
    for (uint32_t count = dice.below(3); count > 0; --count)
      script.ask();
    // JavaScript takes its time, but not while a full batch waits, or events that one turn had no room for: then the
    // loop has no chance to look at its clock.
    if (dice.chance(20) && !loop.batch_full() && !loop.engine().behind()) loop.world().advance(dice.below(40));
    witness.turn(dice.chance(50) ? 0 : static_cast<int>(dice.below(60)) - 1);
  }
}

void close_down(SimLoop& loop, Script& script, Witness& witness, sim::Random& dice) {
  script.shut_down(dice.chance(30) ? 0 : dice.between(1, 3'000));
  for (uint32_t i = 0; i < kTurnsToClose && witness.ok() && !witness.loop_closed(); ++i) {
    if (dice.chance(10)) script.ask();
    witness.turn(loop.engine().next_turn_ms());
  }
  if (!witness.ok()) return;
  witness.check_end();
  for (uint32_t i = 0; i < 3; ++i)
    witness.turn(0);  // and nothing comes after it
}

std::string run_seed(uint64_t seed, sim::Tally* tally) {
  SimLoop loop(draw_config(seed));
  Witness witness(loop);
  Script script(loop, witness);
  sim::Random dice(seed * 131 + 3);
  play(loop, script, witness, dice);
  // Some environments are torn down in the middle of work, some loops are closed in bad weather.
  const bool torn_down = dice.chance(10);
  if (witness.ok() && !torn_down && dice.chance(60)) script.settle();
  if (witness.ok() && !torn_down) close_down(loop, script, witness, dice);
  loop.destroy_engine();
  for (size_t i = 0; i < tally->size(); ++i)
    (*tally)[i] += loop.world().tally()[i];
  if (witness.ok() && loop.world().descriptors() > 0) return "a socket is left";
  return witness.failure();
}

}  // namespace

TEST_CASE("the engine keeps its promises in every world") {
  const uint32_t replayed = number_from("CONNSCALE_SIM_SEED", 0);
  const uint32_t seeds = replayed != 0 ? 1 : number_from("CONNSCALE_SIM_SEEDS", kSeedsDefault);
  const auto before = std::signal(SIGABRT, name_the_seed);
  sim::Tally tally{};
  for (uint32_t i = 0; i < seeds; ++i) {
    const uint32_t seed = replayed != 0 ? replayed : i + 1;
    seed_under_way = static_cast<std::sig_atomic_t>(seed);
    const std::string failure = run_seed(seed, &tally);
    REQUIRE_MESSAGE(failure.empty(), failure << "; CONNSCALE_SIM_SEED=" << seed << " replays this");
  }
  std::signal(SIGABRT, before);
  if (seeds < kSeedsDefault) return;
  for (size_t i = 0; i < tally.size(); ++i)
    CHECK_MESSAGE(tally[i] > 0, "never happened: " << sim::chance_text(i));
}
