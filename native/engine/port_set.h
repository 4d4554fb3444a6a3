// Which ports of one source address are in use for one destination.
#ifndef CONNSCALE_ENGINE_PORT_SET_H_
#define CONNSCALE_ENGINE_PORT_SET_H_

#include <cstdint>
#include <vector>

#include "base/port_interval.h"

namespace connscale {

/// Ports in the order in which they are handed out: a port has a position, from 0.
class PortOrder {
 public:
  static constexpr uint32_t kNone = UINT32_MAX;

  PortOrder() = default;
  /// Intervals that do not overlap.
  explicit PortOrder(std::vector<PortInterval> intervals);

  [[nodiscard]] uint32_t count() const noexcept { return count_; }
  [[nodiscard]] uint16_t port_at(uint32_t position) const noexcept;
  /// kNone: not one of these ports.
  [[nodiscard]] uint32_t position_of(uint16_t port) const noexcept;

 private:
  std::vector<PortInterval> intervals_;
  uint32_t count_ = 0;
};

/// A bitmap of positions that grows as far as they are used: a source with one connection has one word.
class PortSet {
 public:
  static constexpr uint32_t kNone = UINT32_MAX;

  /// A free position below `count`, now in use; kNone: all are. The one that has been free longest comes first, as far
  /// as a cursor that goes round can know.
  uint32_t take(uint32_t count);
  /// Marks a position that somebody else uses.
  void mark(uint32_t position);
  void give(uint32_t position) noexcept;
  [[nodiscard]] uint32_t used() const noexcept { return used_; }

 private:
  [[nodiscard]] uint32_t find_free(uint32_t from, uint32_t to) const noexcept;

  std::vector<uint64_t> busy_;
  uint32_t cursor_ = 0;
  uint32_t used_ = 0;
};

}  // namespace connscale

#endif  // CONNSCALE_ENGINE_PORT_SET_H_
