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

  /// There were as many as burst(), and perhaps more. True: it is time to ask the kernel how many, and to tell
  /// on_depth().
  [[nodiscard]] bool on_full() noexcept { return ++full_bursts_ >= kFullBurstsToAsk; }

  /// So many wait now.
  void on_depth(uint32_t waiting) noexcept {
    burst_ = std::max(burst_, waiting);
    full_bursts_ = 0;
  }

 private:
  // The question costs a third of an accept that finds nothing.
  static constexpr uint32_t kFullBurstsToAsk = 4;

  uint32_t burst_ = 64;
  uint32_t full_bursts_ = 0;
};

}  // namespace connscale::platform

#endif  // CONNSCALE_LINUX_ACCEPT_PACE_H_
