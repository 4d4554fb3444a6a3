// The listeners of a loop: what each may accept, what became of that, and when one that rests tries again.
#ifndef CONNSCALE_ENGINE_LISTENERS_H_
#define CONNSCALE_ENGINE_LISTENERS_H_

#include <cstdint>
#include <memory>
#include <vector>

#include "base/counters.h"
#include "base/event.h"
#include "base/result.h"
#include "engine/accept_policy.h"
#include "platform.h"

namespace connscale {

struct ListenerConfig {
  ListenSpec spec;
  AcceptPolicy::Config accept;
  uint32_t handlers = 0;
  uint16_t idle_ticks = 0;
};

struct ListenerReport {
  uint64_t accepted = 0;
  uint64_t rejected = 0;
  uint64_t failures = 0;
  uint64_t pauses = 0;
  uint32_t open = 0;
  int32_t last_failure = 0;
  QueueDepth queue;
};

class Listeners {
 public:
  /// What an accepted connection starts with.
  struct Terms {
    uint32_t handlers;
    uint16_t idle_ticks;
  };

  /// Both outlive this.
  Listeners(platform::Poller& poller, Counters& counters) noexcept;
  ~Listeners();
  Listeners(const Listeners&) = delete;
  Listeners& operator=(const Listeners&) = delete;

  /// Listens; `index` names the listener from then on, until it is closed and its last connection with it.
  Result<SocketAddress> open(const ListenerConfig& config, uint32_t* index);
  /// False: no such listener.
  bool close(uint32_t index) noexcept;
  void close_all() noexcept;
  bool report(uint32_t index, ListenerReport* report) const noexcept;

  /// Tells the poller what each may accept from now on. `room`: connections that the loop can still hold.
  void set_limits(uint32_t room, uint64_t now_ms) noexcept;
  /// Whether a connection that was accepted is to be kept; otherwise to be reset, which is counted here.
  bool admits(uint32_t index) noexcept;
  Terms on_open(uint32_t index) noexcept;
  /// A connection that on_open() counted has closed, and its descriptor is free.
  void on_close(uint32_t index) noexcept;
  /// An accept that failed, or an accepted connection that could not be kept. `code`: the error's number.
  void on_failure(uint32_t index, int32_t code, uint64_t now_ms) noexcept;
  /// Somebody's descriptor is free: those that rest for want of one need not wait.
  void on_descriptor_freed() noexcept;
  /// When the first of those that rest tries again; UINT64_MAX: none rests.
  [[nodiscard]] uint64_t next_retry_ms() const noexcept;

 private:
  struct Listener;

  [[nodiscard]] bool is_open(uint32_t index) const noexcept;
  void set_limit(Listener& listener, uint32_t room, uint64_t now_ms) noexcept;
  void count_failure(Listener& listener, int32_t code) noexcept;
  /// Resets what waits in the queue, without a descriptor for it. False: that is not this listener's way, or nothing
  /// was reset.
  bool shed(Listener& listener) noexcept;

  platform::Poller& poller_;
  Counters& counters_;
  std::vector<std::unique_ptr<Listener>> listeners_;
};

}  // namespace connscale

#endif  // CONNSCALE_ENGINE_LISTENERS_H_
