#include "engine/connection_table.h"

#include <cassert>
#include <new>

namespace connscale {

ConnectionTable::ConnectionTable(uint32_t max) : max_(max), chunks_((2 * max + kChunk - 1) / kChunk) {
  assert(max >= 1 && max <= kConnectionsMax);
}

bool ConnectionTable::ensure(uint32_t slot) noexcept {
  std::unique_ptr<Chunk>& chunk = chunks_[slot / kChunk];
  if (chunk == nullptr) chunk.reset(new (std::nothrow) Chunk);
  return chunk != nullptr;
}

uint32_t ConnectionTable::acquire() noexcept {
  uint32_t slot = kNoSlot;
  if (!free_.empty()) {
    slot = free_.back();
    free_.pop_back();
  } else if (fresh_ < max_) {
    if (!ensure(fresh_)) return kNoSlot;
    slot = fresh_++;
  } else if (!resting_.empty()) {
    slot = resting_.front();
    resting_.pop_front();
  } else {
    return kNoSlot;
  }
  Connection& connection = at(slot);
  assert(connection.state == ConnectionState::kFree);
  connection.generation = connection.generation == kGenerationMask ? 1 : connection.generation + 1;
  ++accepted_;
  ++in_use_;
  return slot;
}

bool ConnectionTable::may_claim(ConnectionId id) const noexcept {
  if (id.slot < max_ || id.slot >= slots()) return false;
  return !exists(id.slot) || at(id.slot).state == ConnectionState::kFree;
}

Connection* ConnectionTable::claim(ConnectionId id) noexcept {
  assert(may_claim(id));
  if (!ensure(id.slot)) return nullptr;
  Connection& connection = at(id.slot);
  connection.generation = id.generation;
  ++in_use_;
  return &connection;
}

void ConnectionTable::release(uint32_t slot) noexcept {
  Connection& connection = at(slot);
  const uint32_t generation = connection.generation;
  const uint32_t registration = connection.io.registration;
  connection = Connection{};
  connection.generation = generation;
  connection.io.registration = registration;
  --in_use_;
  if (slot >= max_) return;
  --accepted_;
  if (generation == kGenerationMask) {
    resting_.push_back(slot);
  } else {
    released_.push_back(slot);
  }
}

void ConnectionTable::recycle() noexcept {
  free_.insert(free_.end(), released_.begin(), released_.end());
  released_.clear();
}

Connection* ConnectionTable::find(ConnectionId id) noexcept {
  if (!exists(id.slot)) return nullptr;
  Connection& connection = at(id.slot);
  const bool live = connection.state == ConnectionState::kConnecting || connection.state == ConnectionState::kOpen;
  return live && connection.generation == id.generation ? &connection : nullptr;
}

}  // namespace connscale
