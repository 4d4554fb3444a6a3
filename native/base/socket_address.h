// An IP address and a port, without any operating system's structure.
#ifndef CONNSCALE_BASE_SOCKET_ADDRESS_H_
#define CONNSCALE_BASE_SOCKET_ADDRESS_H_

#include <array>
#include <cstdint>

#include "base/submission.h"

namespace connscale {

enum class Family : uint8_t { kNone = 0, kIPv4 = 4, kIPv6 = 6 };

struct SocketAddress {
  Family family = Family::kNone;
  uint16_t port = 0;                // host byte order
  uint32_t scope_id = 0;            // IPv6 link-local addresses only
  std::array<uint8_t, 16> bytes{};  // network byte order; IPv4 uses the first four

  [[nodiscard]] static SocketAddress from(const AddressRecord& record) noexcept;
  [[nodiscard]] AddressRecord record() const noexcept;
};

}  // namespace connscale

#endif  // CONNSCALE_BASE_SOCKET_ADDRESS_H_
