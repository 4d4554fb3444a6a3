// What Linux needs besides sockets: its clock, and addresses in the kernel's form.
#ifndef CONNSCALE_LINUX_OS_H_
#define CONNSCALE_LINUX_OS_H_

#include <netinet/in.h>
#include <sys/socket.h>

#include <cstdint>
#include <string_view>

#include "base/socket_address.h"

namespace connscale::platform {

/// Milliseconds since boot, at the resolution of the kernel's tick (1 to 10 ms), without a system call.
uint64_t now_ms() noexcept;

/// Microseconds since boot, for durations.
uint64_t now_us() noexcept;

/// A function of this process by name, or null. Source: dlsym(3).
void* find_symbol(const char* name) noexcept;

/// A SocketAddress as bind(2) and connect(2) take it.
struct KernelAddress {
  sockaddr_storage storage{};
  socklen_t size = 0;

  explicit KernelAddress(const SocketAddress& address) noexcept;
  KernelAddress() noexcept : size(sizeof(storage)) {}

  [[nodiscard]] sockaddr* raw() noexcept { return reinterpret_cast<sockaddr*>(&storage); }
  [[nodiscard]] const sockaddr* raw() const noexcept { return reinterpret_cast<const sockaddr*>(&storage); }
  [[nodiscard]] SocketAddress portable() const noexcept;
};

/// Reads a numeric IPv4 or IPv6 address, with a scope if it has one ("fe80::1%eth0"). False: it is none.
bool parse_address(const char* text, SocketAddress* address) noexcept;

/// Longest text that format_address writes, with its end.
inline constexpr uint32_t kAddressTextMax = 64;
void format_address(const SocketAddress& address, char* text) noexcept;

}  // namespace connscale::platform

#endif  // CONNSCALE_LINUX_OS_H_
