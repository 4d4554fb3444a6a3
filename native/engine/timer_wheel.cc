#include "engine/timer_wheel.h"

#include <bit>
#include <cassert>

namespace connscale {

TimerWheel::TimerWheel(ConnectionTable& table) noexcept : table_(table) { heads_.fill(kNoSlot); }

// A bucket's index is not stored: a connection that was postponed is in the bucket of an older deadline, so the head of
// a list is recognised by its missing predecessor and found through the mark that insert() leaves there.
void TimerWheel::insert(uint32_t slot, uint32_t deadline) noexcept {
  Connection& connection = table_.at(slot);
  assert(!connection.has_deadline);
  const uint32_t bucket = deadline % kBuckets;
  connection.has_deadline = true;
  connection.deadline = deadline;
  connection.next = heads_[bucket];
  connection.previous = kHeadMark | bucket;
  if (connection.next != kNoSlot) table_.at(connection.next).previous = slot;
  heads_[bucket] = slot;
  occupied_[bucket / 64] |= uint64_t{1} << (bucket % 64);
  ++count_;
}

void TimerWheel::remove(uint32_t slot) noexcept {
  Connection& connection = table_.at(slot);
  if (!connection.has_deadline) return;
  connection.has_deadline = false;
  --count_;
  if (connection.next != kNoSlot) table_.at(connection.next).previous = connection.previous;
  if ((connection.previous & kHeadMark) == 0) {
    table_.at(connection.previous).next = connection.next;
  } else {
    const uint32_t bucket = connection.previous & ~kHeadMark;
    heads_[bucket] = connection.next;
    if (connection.next == kNoSlot) occupied_[bucket / 64] &= ~(uint64_t{1} << (bucket % 64));
  }
  connection.previous = kNoSlot;
  connection.next = kNoSlot;
}

int64_t TimerWheel::next() const noexcept {
  if (count_ == 0) return -1;
  constexpr uint32_t kWords = kBuckets / 64;
  const uint32_t start = (current_ + 1) % kBuckets;
  for (uint32_t i = 0; i <= kWords; ++i) {
    const uint32_t word = (start / 64 + i) % kWords;
    uint64_t bits = occupied_[word];
    if (i == 0) bits &= ~uint64_t{0} << (start % 64);
    if (i == kWords) bits &= (uint64_t{1} << (start % 64)) - 1;
    if (bits == 0) continue;
    const uint32_t bucket = word * 64 + static_cast<uint32_t>(std::countr_zero(bits));
    return int64_t{current_} + 1 + (bucket - start) % kBuckets;
  }
  return -1;
}

}  // namespace connscale
