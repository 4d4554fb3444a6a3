#include "engine/send_batch.h"

namespace connscale {

uint32_t SendBatch::open(uint32_t slot, Slice slice) {
  const auto link = static_cast<uint32_t>(links_.size());
  links_.push_back({slice, kNone});
  entries_.push_back({slot, link, link});
  return static_cast<uint32_t>(entries_.size() - 1);
}

void SendBatch::append(uint32_t entry, Slice slice) {
  const auto link = static_cast<uint32_t>(links_.size());
  links_.push_back({slice, kNone});
  links_[entries_[entry].last].next = link;
  entries_[entry].last = link;
}

void SendBatch::clear() noexcept {
  entries_.clear();
  links_.clear();
}

uint32_t SendBatch::take(Entry& entry, Slice* into, uint32_t max) noexcept {
  uint32_t count = 0;
  while (entry.first != kNone && count < max) {
    const Link& link = links_[entry.first];
    into[count++] = link.slice;
    entry.first = link.next;
  }
  return count;
}

}  // namespace connscale
