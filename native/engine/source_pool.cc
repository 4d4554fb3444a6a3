#include "engine/source_pool.h"

#include <cassert>
#include <utility>

namespace connscale {

namespace {

uint32_t width_of(Family family) noexcept { return family == Family::kIPv4 ? 4 : 16; }

SocketAddress add(SocketAddress address, uint32_t steps) noexcept {
  uint64_t carry = steps;
  for (uint32_t i = width_of(address.family); i > 0 && carry > 0; --i) {
    carry += address.bytes[i - 1];
    address.bytes[i - 1] = static_cast<uint8_t>(carry);
    carry >>= 8;
  }
  return address;
}

/// How far `address` is behind `first`; false: before it, or further than 32 bits.
bool distance(const SocketAddress& first, const SocketAddress& address, uint64_t* steps) noexcept {
  if (first.family != address.family) return false;
  int64_t difference = 0;
  for (uint32_t i = 0; i < width_of(first.family); ++i) {
    difference = difference * 256 + address.bytes[i] - first.bytes[i];
    if (difference < -1 || difference > INT64_C(0x1'0000'0000)) return false;
  }
  if (difference < 0) return false;
  *steps = static_cast<uint64_t>(difference);
  return true;
}

}  // namespace

SourcePool::SourcePool(std::vector<SourceRange> ranges, SourceStrategy strategy)
    : ranges_(std::move(ranges)), strategy_(strategy) {
  for (const SourceRange& range : ranges_)
    count_ += range.count;
}

SocketAddress SourcePool::at(uint32_t index) const noexcept {
  assert(index < count_);
  for (const SourceRange& range : ranges_) {
    if (index < range.count) return add(range.first, index);
    index -= range.count;
  }
  return {};
}

uint32_t SourcePool::index_of(const SocketAddress& address) const noexcept {
  uint32_t before = 0;
  for (const SourceRange& range : ranges_) {
    uint64_t steps = 0;
    if (distance(range.first, address, &steps) && steps < range.count) return before + static_cast<uint32_t>(steps);
    before += range.count;
  }
  return kNone;
}

uint32_t SourcePool::next() noexcept {
  assert(count_ > 0);
  if (strategy_ == SourceStrategy::kLeastUsed) {
    const bool all_touched = heap_.size() == count_;
    if (all_touched || (!heap_.empty() && uses_[heap_[0]] == 0)) return heap_[0];
    return static_cast<uint32_t>(heap_.size());  // never used
  }
  const uint32_t index = cursor_;
  cursor_ = cursor_ + 1 == count_ ? 0 : cursor_ + 1;
  return index;
}

void SourcePool::on_use(uint32_t index) {
  if (strategy_ != SourceStrategy::kLeastUsed) return;
  // Sources come to their first use in order, or not far from it: those that were passed over join unused.
  while (uses_.size() <= index) {
    const auto source = static_cast<uint32_t>(uses_.size());
    uses_.push_back(0);
    place_of_.push_back(0);
    heap_.push_back(source);
    place(static_cast<uint32_t>(heap_.size() - 1), source);
    move_up(place_of_[source]);
  }
  ++uses_[index];
  move_down(place_of_[index]);
}

void SourcePool::on_release(uint32_t index) noexcept {
  if (strategy_ != SourceStrategy::kLeastUsed) return;
  assert(index < uses_.size() && uses_[index] > 0);
  --uses_[index];
  move_up(place_of_[index]);
}

void SourcePool::place(uint32_t at, uint32_t source) noexcept {
  heap_[at] = source;
  place_of_[source] = at;
}

void SourcePool::move_up(uint32_t at) noexcept {
  const uint32_t source = heap_[at];
  while (at > 0) {
    const uint32_t parent = (at - 1) / 2;
    if (uses_[heap_[parent]] <= uses_[source]) break;
    place(at, heap_[parent]);
    at = parent;
  }
  place(at, source);
}

void SourcePool::move_down(uint32_t at) noexcept {
  const uint32_t source = heap_[at];
  for (;;) {
    uint32_t child = 2 * at + 1;
    if (child >= heap_.size()) break;
    if (child + 1 < heap_.size() && uses_[heap_[child + 1]] < uses_[heap_[child]]) ++child;
    if (uses_[heap_[child]] >= uses_[source]) break;
    place(at, heap_[child]);
    at = child;
  }
  place(at, source);
}

}  // namespace connscale
