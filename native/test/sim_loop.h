// An engine in a world of its own, with the memory that a driver would lend it.
#ifndef CONNSCALE_TEST_SIM_LOOP_H_
#define CONNSCALE_TEST_SIM_LOOP_H_

#include <memory>
#include <span>
#include <vector>

#include "engine/engine.h"
#include "sim/world.h"
#include "test/submissions.h"

namespace connscale::test {

struct SimLoopConfig {
  uint64_t seed = 1;
  sim::Temper temper;
  EngineConfig engine{.loop = 1, .connections_max = 16, .high_water_bytes = 16'384, .write_queue_max_bytes = 1 << 20};
  uint32_t batch_capacity = 64;
  uint32_t slab_bytes = 16'384;
  uint64_t clock_ms = 1'000'000;
};

class SimLoop {
 public:
  explicit SimLoop(const SimLoopConfig& config)
      : config_(config),
        world_(config.seed, config.temper),
        completions_(config.batch_capacity),
        slab_(config.slab_bytes) {
    world_.set_clock(config.clock_ms);
    batch_ = Batch{completions_.data(), config_.batch_capacity, 0, ReceiveSlab(slab_.data(), config_.slab_bytes)};
    engine_ = std::make_unique<Engine>(config.engine);
    // ignored: a poller in memory always opens
    (void)engine_->open(nullptr);
  }

  [[nodiscard]] sim::World& world() { return world_; }
  [[nodiscard]] Engine& engine() { return *engine_; }
  [[nodiscard]] const SimLoopConfig& config() const { return config_; }
  [[nodiscard]] const uint8_t* slab() const { return slab_.data(); }

  Result<void> turn(int timeout_ms) {
    batch_.count = 0;
    return engine_->turn(timeout_ms, batch_);
  }
  /// What the last turn reported.
  [[nodiscard]] std::span<const Completion> heard() const { return {completions_.data(), batch_.count}; }
  [[nodiscard]] bool batch_full() const { return batch_.room() == 0; }

  bool submit(Submissions& submissions) {
    // A copy of exactly this size, gone afterwards: what is read beyond it, or kept, shows.
    const std::vector<uint8_t> ring = submissions.bytes();
    submissions.clear();
    return engine_->submit(ring.data(), ring.size());
  }

  /// A listener on a port of its own, with room for `connections_max`.
  uint32_t listen(uint32_t connections_max, Overload overload = Overload::kPause, uint32_t accept_batch = 8,
                  uint16_t idle_ticks = 0) {
    ListenerConfig config;
    config.idle_ticks = idle_ticks;
    config.spec.address.family = Family::kIPv4;
    config.spec.backlog = 64;
    config.accept = {accept_batch, connections_max, overload};
    uint32_t index = UINT32_MAX;
    (void)engine_->listen(config, &index);  // ignored: index says it
    return index;
  }

  /// The engine is gone, as when an environment is torn down.
  void destroy_engine() { engine_.reset(); }

 private:
  SimLoopConfig config_;
  sim::World world_;
  std::vector<Completion> completions_;
  std::vector<uint8_t> slab_;
  Batch batch_;
  std::unique_ptr<Engine> engine_;
};

}  // namespace connscale::test

#endif  // CONNSCALE_TEST_SIM_LOOP_H_
