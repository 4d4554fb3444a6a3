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

  /// Calls expired(slot), its timer removed already, for every deadline up to `now`. It must leave other timers alone.
  template <typename Expired>
  void advance(uint32_t now, Expired&& expired) noexcept {
    const uint32_t passed = std::min(now - current_, kBuckets);
    const uint32_t first = now - passed + 1;
    current_ = now;
    if (count_ == 0) return;
    for (uint32_t i = 0; i < passed; ++i)
      turn_bucket((first + i) % kBuckets, now, expired);
  }

 private:
  static constexpr uint32_t kBuckets = 1024;
  static constexpr uint32_t kHeadMark = 1U << 31;  // no slot has this bit

  template <typename Expired>
  void turn_bucket(uint32_t bucket, uint32_t now, Expired& expired) noexcept {
    uint32_t slot = heads_[bucket];
    while (slot != kNoSlot) {
      Connection& connection = table_.at(slot);
      const uint32_t next = connection.next;
      const auto left = static_cast<int32_t>(connection.deadline - now);  // ticks wrap after 13 years
      if (left <= 0) {
        remove(slot);
        expired(slot);
      } else if (connection.deadline % kBuckets != bucket) {
        remove(slot);
        insert(slot, connection.deadline);
      }
      slot = next;
    }
  }

  ConnectionTable& table_;
  uint32_t current_ = 0;
  uint32_t count_ = 0;
  std::array<uint32_t, kBuckets> heads_;
  std::array<uint64_t, kBuckets / 64> occupied_{};
};

}  // namespace connscale

#endif  // CONNSCALE_ENGINE_TIMER_WHEEL_H_
