// The memory that one turn receives into: handed out front to back, taken back as a whole.
#ifndef CONNSCALE_BASE_RECEIVE_SLAB_H_
#define CONNSCALE_BASE_RECEIVE_SLAB_H_

#include <algorithm>
#include <cstdint>

#include "base/limits.h"

namespace connscale {

class ReceiveSlab {
 public:
  ReceiveSlab() = default;
  ReceiveSlab(uint8_t* data, uint32_t size) noexcept : data_(data), size_(size) {}

  /// Room for one receive: never a crumb, never more than kReceiveMax. 0: the slab is full until the next turn.
  [[nodiscard]] uint32_t room() const noexcept {
    const uint32_t left = size_ - used_;
    return left < std::min(kReceiveMin, size_) ? 0 : std::min(left, kReceiveMax);
  }
  [[nodiscard]] uint8_t* next() noexcept { return data_ + used_; }

  /// Keeps the bytes just received and returns where they start.
  uint32_t commit(uint32_t length) noexcept {
    const uint32_t offset = used_;
    used_ += length;
    return offset;
  }
  [[nodiscard]] uint32_t used() const noexcept { return used_; }
  [[nodiscard]] const uint8_t* data() const noexcept { return data_; }
  [[nodiscard]] uint32_t size() const noexcept { return size_; }
  void clear() noexcept { used_ = 0; }

 private:
  uint8_t* data_ = nullptr;
  uint32_t size_ = 0;
  uint32_t used_ = 0;
};

}  // namespace connscale

#endif  // CONNSCALE_BASE_RECEIVE_SLAB_H_
