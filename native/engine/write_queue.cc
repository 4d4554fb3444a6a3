#include "engine/write_queue.h"

#include <algorithm>
#include <cassert>
#include <cstdlib>
#include <cstring>

#include "base/limits.h"

namespace connscale {

struct WriteQueue::Chunk {
  Chunk* next;
  uint32_t begin;  // first byte not consumed
  uint32_t end;    // one after the last byte written
  uint32_t size;

  [[nodiscard]] uint8_t* data() noexcept { return reinterpret_cast<uint8_t*>(this + 1); }
  [[nodiscard]] const uint8_t* data() const noexcept { return reinterpret_cast<const uint8_t*>(this + 1); }
};

bool WriteQueue::append(const uint8_t* data, uint32_t length) noexcept {
  const uint32_t fits = tail_ != nullptr ? std::min(length, tail_->size - tail_->end) : 0;
  const uint32_t rest = length - fits;
  if (rest > 0) {
    const uint32_t size = std::max(rest, kWriteChunkBytes);
    auto* chunk = static_cast<Chunk*>(std::malloc(sizeof(Chunk) + size));
    if (chunk == nullptr) return false;
    *chunk = Chunk{nullptr, 0, rest, size};
    std::memcpy(chunk->data(), data + fits, rest);
    if (fits > 0) std::memcpy(tail_->data() + tail_->end, data, fits);
    if (tail_ != nullptr) tail_->end += fits;
    (tail_ != nullptr ? tail_->next : head_) = chunk;
    tail_ = chunk;
  } else if (fits > 0) {
    std::memcpy(tail_->data() + tail_->end, data, fits);
    tail_->end += fits;
  }
  bytes_ += length;
  return true;
}

uint32_t WriteQueue::slices(Slice* into, uint32_t max) const noexcept {
  uint32_t count = 0;
  for (const Chunk* chunk = head_; chunk != nullptr && count < max; chunk = chunk->next) {
    if (chunk->end > chunk->begin) into[count++] = Slice{chunk->data() + chunk->begin, chunk->end - chunk->begin};
  }
  return count;
}

void WriteQueue::consume(uint32_t length) noexcept {
  assert(length <= bytes_);
  bytes_ -= length;
  while (length > 0) {
    const uint32_t taken = std::min(length, head_->end - head_->begin);
    head_->begin += taken;
    length -= taken;
    if (head_->begin < head_->end) return;
    Chunk* const empty = head_;
    head_ = empty->next;
    if (head_ == nullptr) tail_ = nullptr;
    std::free(empty);
  }
}

void WriteQueue::clear() noexcept {
  while (head_ != nullptr) {
    Chunk* const next = head_->next;
    std::free(head_);
    head_ = next;
  }
  tail_ = nullptr;
  bytes_ = 0;
}

uint32_t WriteQueues::acquire() {
  if (free_.empty()) {
    queues_.emplace_back();
    return static_cast<uint32_t>(queues_.size() - 1);
  }
  const uint32_t index = free_.back();
  free_.pop_back();
  return index;
}

void WriteQueues::release(uint32_t index) noexcept {
  queues_[index].clear();
  free_.push_back(index);
}

}  // namespace connscale
