// The writes of one flush, gathered by connection, so that each connection costs one system call.
#ifndef CONNSCALE_ENGINE_SEND_BATCH_H_
#define CONNSCALE_ENGINE_SEND_BATCH_H_

#include <cstdint>
#include <vector>

#include "base/event.h"

namespace connscale {

class SendBatch {
 public:
  struct Entry {
    uint32_t slot;
    uint32_t first;  // indices of links; kNone: sent already, or the connection was closed
    uint32_t last;
  };

  static constexpr uint32_t kNone = UINT32_MAX;

  /// A new entry with its first slice; returns its index.
  uint32_t open(uint32_t slot, Slice slice);
  void append(uint32_t entry, Slice slice);
  [[nodiscard]] Entry& at(uint32_t entry) noexcept { return entries_[entry]; }
  [[nodiscard]] uint32_t size() const noexcept { return static_cast<uint32_t>(entries_.size()); }
  void clear() noexcept;

  /// Moves up to `max` slices out of an entry into `into`, in order.
  uint32_t take(Entry& entry, Slice* into, uint32_t max) noexcept;

 private:
  struct Link {
    Slice slice;
    uint32_t next;
  };

  std::vector<Entry> entries_;
  std::vector<Link> links_;
};

}  // namespace connscale

#endif  // CONNSCALE_ENGINE_SEND_BATCH_H_
