// Coarse deadlines of connections: a wheel of buckets, linked through the connections themselves.
#ifndef CONNSCALE_ENGINE_TIMER_WHEEL_H_
#define CONNSCALE_ENGINE_TIMER_WHEEL_H_

#include <algorithm>
#include <array>
#include <cstdint>

#include "engine/connection_table.h"

namespace connscale {

class TimerWheel {
 public:
  explicit TimerWheel(ConnectionTable& table) noexcept;

  void insert(uint32_t slot, uint32_t deadline) noexcept;
  void remove(uint32_t slot) noexcept;
  /// Moves a deadline later. Costs one store: the bucket is corrected when it comes round.
  void postpone(uint32_t slot, uint32_t deadline) noexcept { table_.at(slot).deadline = deadline; }

  /// The tick at which a bucket must be looked at next, at most one rotation ahead; -1: no deadlines.
  [[nodiscard]] int64_t next() const noexcept;

  /// Time begins at `now`: there are no deadlines yet.
  void start(uint32_t now) noexcept { current_ = now; }

  /// Calls expired(slot), its timer removed already, for deadlines up to `now`. It must leave other timers alone.
  /// After `max` timers that expired or had been postponed the rest is left: next() says then that it is due.
  template <typename Expired>
  void advance(uint32_t now, uint32_t max, Expired&& expired) noexcept {
    const uint32_t passed = count_ == 0 ? 0 : std::min(now - current_, kBuckets);
    current_ = now - passed;
    while (current_ != now) {
      if (!turn_bucket((current_ + 1) % kBuckets, now, &max, expired)) return;
      ++current_;
    }
  }

 private:
  static constexpr uint32_t kBuckets = 1024;
  static constexpr uint32_t kHeadMark = 1U << 31;  // no slot has this bit

  /// False: timers of the bucket are left.
  template <typename Expired>
  bool turn_bucket(uint32_t bucket, uint32_t now, uint32_t* max, Expired& expired) noexcept {
    uint32_t slot = heads_[bucket];
    while (slot != kNoSlot) {
      Connection& connection = table_.at(slot);
      const uint32_t next = connection.next;
      const auto left = static_cast<int32_t>(connection.deadline - now);  // ticks wrap after 13 years
      const bool expires = left <= 0;
      if (expires || connection.deadline % kBuckets != bucket) {
        if (*max == 0) return false;
        --*max;
        remove(slot);
        if (expires) expired(slot);
        if (!expires) insert(slot, connection.deadline);
      }
      slot = next;
    }
    return true;
  }

  ConnectionTable& table_;
  uint32_t current_ = 0;
  uint32_t count_ = 0;
  std::array<uint32_t, kBuckets> heads_;
  std::array<uint64_t, kBuckets / 64> occupied_{};
};

}  // namespace connscale

#endif  // CONNSCALE_ENGINE_TIMER_WHEEL_H_
