#include "engine/port_set.h"

#include <cassert>
#include <utility>

namespace connscale {

namespace {

constexpr uint32_t kWordBits = 64;

uint32_t width_of(PortInterval interval) noexcept { return uint32_t{interval.high} - interval.low + 1; }

}  // namespace

PortOrder::PortOrder(std::vector<PortInterval> intervals) : intervals_(std::move(intervals)) {
  for (const PortInterval& interval : intervals_) {
    assert(interval.low <= interval.high);
    count_ += width_of(interval);
  }
}

uint16_t PortOrder::port_at(uint32_t position) const noexcept {
  assert(position < count_);
  for (const PortInterval& interval : intervals_) {
    const uint32_t width = width_of(interval);
    if (position < width) return static_cast<uint16_t>(interval.low + position);
    position -= width;
  }
  return 0;
}

uint32_t PortOrder::position_of(uint16_t port) const noexcept {
  uint32_t before = 0;
  for (const PortInterval& interval : intervals_) {
    if (port >= interval.low && port <= interval.high) return before + port - interval.low;
    before += width_of(interval);
  }
  return kNone;
}

uint32_t PortSet::take(uint32_t count) {
  if (used_ >= count) return kNone;
  uint32_t found = find_free(cursor_, count);
  if (found == kNone) found = find_free(0, cursor_);
  if (found == kNone) return kNone;
  mark(found);
  cursor_ = found + 1;
  return found;
}

void PortSet::mark(uint32_t position) {
  const uint32_t word = position / kWordBits;
  if (word >= busy_.size()) busy_.resize(word + 1);
  const uint64_t bit = uint64_t{1} << (position % kWordBits);
  used_ += (busy_[word] & bit) == 0 ? 1 : 0;
  busy_[word] |= bit;
}

void PortSet::give(uint32_t position) noexcept {
  assert(position / kWordBits < busy_.size());
  uint64_t& word = busy_[position / kWordBits];
  const uint64_t bit = uint64_t{1} << (position % kWordBits);
  used_ -= (word & bit) != 0 ? 1 : 0;
  word &= ~bit;
}

uint32_t PortSet::find_free(uint32_t from, uint32_t to) const noexcept {
  while (from < to) {
    const uint32_t word = from / kWordBits;
    if (word >= busy_.size()) return from;
    const uint64_t free = ~busy_[word] & (~uint64_t{0} << (from % kWordBits));
    if (free != 0) {
      const uint32_t found = word * kWordBits + static_cast<uint32_t>(__builtin_ctzll(free));
      return found < to ? found : kNone;
    }
    from = (word + 1) * kWordBits;
  }
  return kNone;
}

}  // namespace connscale
