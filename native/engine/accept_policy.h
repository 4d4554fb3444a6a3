// How many connections a listener may accept now, and what happens to those that are too many.
#ifndef CONNSCALE_ENGINE_ACCEPT_POLICY_H_
#define CONNSCALE_ENGINE_ACCEPT_POLICY_H_

#include <cstdint>

#include "base/event.h"

namespace connscale {

enum class Overload : uint8_t {
  kPause,  // leave them in the kernel's queue until there is room
  kReset,  // accept and reset them, so that their peers learn at once
};

class AcceptPolicy {
 public:
  struct Config {
    uint32_t batch = 0;
    uint32_t connections_max = 0;
    Overload overload = Overload::kPause;
  };

  AcceptPolicy() = default;
  explicit AcceptPolicy(Config config) noexcept : config_(config) {}

  struct Offer {
    uint32_t limit;  // for each wait; 0: the listener is left alone
    AcceptFor purpose;
  };

  /// What may be accepted from now on. `loop_room`: connections that the loop can still hold.
  Offer offer(uint32_t loop_room, uint64_t now_ms) noexcept;

  void on_open() noexcept { ++open_; }
  /// The end of a connection was reported: its place may be taken.
  void on_close() noexcept { --open_; }
  /// The kernel refused for want of descriptors or memory. Accepting is tried again at retry_at_ms().
  void on_exhausted(uint64_t now_ms) noexcept;
  /// Somebody's descriptor is free, perhaps not one of this listener's: there is no need to wait any longer.
  void on_descriptor_freed() noexcept { retry_at_ms_ = 0; }

  [[nodiscard]] Overload overload() const noexcept { return config_.overload; }
  [[nodiscard]] uint32_t batch() const noexcept { return config_.batch; }
  [[nodiscard]] uint32_t open() const noexcept { return open_; }
  [[nodiscard]] uint64_t pauses() const noexcept { return pauses_; }
  /// 0: not waiting.
  [[nodiscard]] uint64_t retry_at_ms() const noexcept { return retry_at_ms_; }

 private:
  [[nodiscard]] uint32_t room(uint32_t loop_room) const noexcept;

  Config config_;
  uint32_t open_ = 0;
  uint64_t retry_at_ms_ = 0;
  uint64_t pauses_ = 0;
  bool paused_ = false;
};

}  // namespace connscale

#endif  // CONNSCALE_ENGINE_ACCEPT_POLICY_H_
