// How many connections to accept in one turn.
#ifndef CONNSCALE_LINUX_ACCEPT_PACE_H_
#define CONNSCALE_LINUX_ACCEPT_PACE_H_

#include <algorithm>
#include <cstdint>

namespace connscale::platform {

/// Follows what a turn finds in the queue, so that few accepts find it empty. Such an accept is dear: the kernel makes
/// the socket, its inode and its file first and looks into the queue then (do_accept, net/socket.c). What is left in
/// the queue costs little: the listener is level-triggered, and the next turn finds it.
class AcceptPace {
 public:
  [[nodiscard]] uint32_t burst() const noexcept { return burst_; }

  /// The queue was empty after `taken`.
  void on_empty(uint32_t taken) noexcept {
    burst_ = std::max(taken, 1U);
    full_bursts_ = 0;
  }

  /// There were as many as burst(), and perhaps more.
  void on_full() noexcept {
    if (++full_bursts_ < kFullBurstsToGrow) return;
    burst_ = std::min(burst_ * 2, kBurstMax);
    full_bursts_ = 0;
  }

 private:
  static constexpr uint32_t kBurstMax = 4096;
  // One wrong guess in so many turns, when every turn finds about as many as the one before.
  static constexpr uint32_t kFullBurstsToGrow = 4;

  uint32_t burst_ = 64;
  uint32_t full_bursts_ = 0;
};

}  // namespace connscale::platform

#endif  // CONNSCALE_LINUX_ACCEPT_PACE_H_
