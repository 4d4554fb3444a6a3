// The local addresses that a run connects from, and which of them is next.
#ifndef CONNSCALE_ENGINE_SOURCE_POOL_H_
#define CONNSCALE_ENGINE_SOURCE_POOL_H_

#include <cstdint>
#include <vector>

#include "base/socket_address.h"

namespace connscale {

/// Addresses that follow each other.
struct SourceRange {
  SocketAddress first;
  uint32_t count = 1;
};

enum class SourceStrategy : uint8_t {
  kRoundRobin,
  kLeastUsed,  // by connections of this run that are open or under way
};

/// Any number of addresses without a list of them: a network of a million costs nothing before it is used.
class SourcePool {
 public:
  static constexpr uint32_t kNone = UINT32_MAX;

  SourcePool(std::vector<SourceRange> ranges, SourceStrategy strategy);

  [[nodiscard]] uint32_t count() const noexcept { return count_; }
  [[nodiscard]] SocketAddress at(uint32_t index) const noexcept;
  /// kNone: not one of these addresses.
  [[nodiscard]] uint32_t index_of(const SocketAddress& address) const noexcept;

  /// The source to try first. Others follow it in a circle.
  [[nodiscard]] uint32_t next() noexcept;
  void on_use(uint32_t index);
  void on_release(uint32_t index) noexcept;

 private:
  void move_up(uint32_t at) noexcept;
  void move_down(uint32_t at) noexcept;
  void place(uint32_t at, uint32_t source) noexcept;

  std::vector<SourceRange> ranges_;
  SourceStrategy strategy_;
  uint32_t count_ = 0;
  uint32_t cursor_ = 0;

  // kLeastUsed: a binary heap of the sources that were ever used, the least used on top.
  std::vector<uint32_t> heap_;
  std::vector<uint32_t> place_of_;
  std::vector<uint32_t> uses_;
};

}  // namespace connscale

#endif  // CONNSCALE_ENGINE_SOURCE_POOL_H_
