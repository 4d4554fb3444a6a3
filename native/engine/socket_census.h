// Counts sockets by state, by family and by local address.
#ifndef CONNSCALE_ENGINE_SOCKET_CENSUS_H_
#define CONNSCALE_ENGINE_SOCKET_CENSUS_H_

#include <array>
#include <cstddef>
#include <cstdint>
#include <unordered_map>
#include <vector>

#include "base/limits.h"
#include "base/socket_query.h"

namespace connscale {

using SocketStateCounts = std::array<uint64_t, kSocketStatesMax>;

struct AddressCount {
  SocketAddress address;  // without a port
  uint64_t sockets = 0;
};

class SocketCensus {
 public:
  /// Tells apart at most this many addresses.
  explicit SocketCensus(size_t addresses_max = kCensusAddressesMax) : addresses_max_(addresses_max) {}

  void add(const SocketRow& row);

  [[nodiscard]] uint64_t total() const noexcept { return total_; }
  [[nodiscard]] uint64_t ipv6() const noexcept { return ipv6_; }
  [[nodiscard]] const SocketStateCounts& states() const noexcept { return states_; }
  [[nodiscard]] size_t addresses() const noexcept { return counts_.size(); }
  /// Whether there were more addresses than it tells apart: addresses() is then too few.
  [[nodiscard]] bool overflowed() const noexcept { return overflowed_; }
  /// The `count` addresses with the most sockets, the fullest first.
  [[nodiscard]] std::vector<AddressCount> fullest(size_t count) const;

 private:
  struct Key {
    Family family;
    uint32_t scope_id;
    std::array<uint8_t, 16> bytes;
    bool operator==(const Key&) const = default;
  };
  struct Hash {
    size_t operator()(const Key& key) const noexcept;
  };

  size_t addresses_max_;
  uint64_t total_ = 0;
  uint64_t ipv6_ = 0;
  bool overflowed_ = false;
  SocketStateCounts states_{};
  std::unordered_map<Key, uint64_t, Hash> counts_;
};

}  // namespace connscale

#endif  // CONNSCALE_ENGINE_SOCKET_CENSUS_H_
