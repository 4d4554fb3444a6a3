// Bytes that the kernel did not take yet. Exists only while a peer does not read.
#ifndef CONNSCALE_ENGINE_WRITE_QUEUE_H_
#define CONNSCALE_ENGINE_WRITE_QUEUE_H_

#include <cstdint>
#include <deque>
#include <vector>

#include "base/event.h"

namespace connscale {

class WriteQueue {
 public:
  WriteQueue() = default;
  WriteQueue(const WriteQueue&) = delete;
  WriteQueue& operator=(const WriteQueue&) = delete;
  ~WriteQueue() { clear(); }

  /// Copies the bytes. False: no memory, and nothing was taken. Bytes already queued do not move.
  bool append(const uint8_t* data, uint32_t length) noexcept;
  /// The front of the queue as at most `max` slices.
  uint32_t slices(Slice* into, uint32_t max) const noexcept;
  void consume(uint32_t length) noexcept;
  void clear() noexcept;
  [[nodiscard]] uint64_t bytes() const noexcept { return bytes_; }

 private:
  struct Chunk;

  Chunk* head_ = nullptr;
  Chunk* tail_ = nullptr;
  uint64_t bytes_ = 0;
};

/// Queues by number, so that a connection needs 4 bytes to name its own.
class WriteQueues {
 public:
  uint32_t acquire();
  void release(uint32_t index) noexcept;
  [[nodiscard]] WriteQueue& at(uint32_t index) noexcept { return queues_[index]; }
  [[nodiscard]] uint32_t in_use() const noexcept { return static_cast<uint32_t>(queues_.size() - free_.size()); }

 private:
  std::deque<WriteQueue> queues_;
  std::vector<uint32_t> free_;
};

}  // namespace connscale

#endif  // CONNSCALE_ENGINE_WRITE_QUEUE_H_
