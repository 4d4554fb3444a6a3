#include "linux/os.h"

#include <arpa/inet.h>
#include <dlfcn.h>
#include <net/if.h>
#include <time.h>

#include <cassert>
#include <cstdio>
#include <cstdlib>
#include <cstring>

namespace connscale::platform {

namespace {

timespec read_clock(clockid_t clock) noexcept {
  timespec now{};
  const int result = ::clock_gettime(clock, &now);
  assert(result == 0);  // clock_gettime(2): fails only for a clock that does not exist
  (void)result;
  return now;
}

}  // namespace

uint64_t now_ms() noexcept {
  const timespec now = read_clock(CLOCK_MONOTONIC_COARSE);
  return static_cast<uint64_t>(now.tv_sec) * 1000 + static_cast<uint64_t>(now.tv_nsec) / 1'000'000;
}

uint64_t now_us() noexcept {
  const timespec now = read_clock(CLOCK_MONOTONIC);
  return static_cast<uint64_t>(now.tv_sec) * 1'000'000 + static_cast<uint64_t>(now.tv_nsec) / 1'000;
}

void* find_symbol(const char* name) noexcept { return ::dlsym(RTLD_DEFAULT, name); }

KernelAddress::KernelAddress(const SocketAddress& address) noexcept {
  if (address.family == Family::kIPv4) {
    auto* in = reinterpret_cast<sockaddr_in*>(&storage);
    in->sin_family = AF_INET;
    in->sin_port = htons(address.port);
    std::memcpy(&in->sin_addr, address.bytes.data(), sizeof(in->sin_addr));
    size = sizeof(*in);
    return;
  }
  auto* in6 = reinterpret_cast<sockaddr_in6*>(&storage);
  in6->sin6_family = AF_INET6;
  in6->sin6_port = htons(address.port);
  in6->sin6_scope_id = address.scope_id;
  std::memcpy(&in6->sin6_addr, address.bytes.data(), sizeof(in6->sin6_addr));
  size = sizeof(*in6);
}

SocketAddress KernelAddress::portable() const noexcept {
  SocketAddress address;
  if (storage.ss_family == AF_INET) {
    const auto* in = reinterpret_cast<const sockaddr_in*>(&storage);
    address.family = Family::kIPv4;
    address.port = ntohs(in->sin_port);
    std::memcpy(address.bytes.data(), &in->sin_addr, sizeof(in->sin_addr));
  } else if (storage.ss_family == AF_INET6) {
    const auto* in6 = reinterpret_cast<const sockaddr_in6*>(&storage);
    address.family = Family::kIPv6;
    address.port = ntohs(in6->sin6_port);
    address.scope_id = in6->sin6_scope_id;
    std::memcpy(address.bytes.data(), &in6->sin6_addr, sizeof(in6->sin6_addr));
  }
  return address;
}

namespace {

uint32_t parse_scope(const char* text) noexcept {
  const unsigned index = ::if_nametoindex(text);
  if (index != 0) return index;
  char* end = nullptr;
  const unsigned long number = std::strtoul(text, &end, 10);
  return *text != '\0' && *end == '\0' && number <= UINT32_MAX ? static_cast<uint32_t>(number) : 0;
}

}  // namespace

bool parse_address(const char* text, SocketAddress* address) noexcept {
  if (::inet_pton(AF_INET, text, address->bytes.data()) == 1) {
    address->family = Family::kIPv4;
    return true;
  }
  char host[kAddressTextMax];
  const char* percent = std::strchr(text, '%');
  const size_t length = percent != nullptr ? static_cast<size_t>(percent - text) : std::strlen(text);
  if (length >= sizeof(host)) return false;
  std::memcpy(host, text, length);
  host[length] = '\0';
  if (::inet_pton(AF_INET6, host, address->bytes.data()) != 1) return false;
  address->family = Family::kIPv6;
  address->scope_id = percent != nullptr ? parse_scope(percent + 1) : 0;
  return percent == nullptr || address->scope_id != 0;
}

void format_address(const SocketAddress& address, char* text) noexcept {
  *text = '\0';
  if (address.family == Family::kNone) return;
  const int family = address.family == Family::kIPv4 ? AF_INET : AF_INET6;
  const char* written = ::inet_ntop(family, address.bytes.data(), text, INET6_ADDRSTRLEN);
  assert(written != nullptr);  // inet_ntop(3): fails only for a small buffer or an unknown family
  if (written == nullptr || address.scope_id == 0) return;
  const size_t length = std::strlen(text);
  std::snprintf(text + length, kAddressTextMax - length, "%%%u", address.scope_id);
}

}  // namespace connscale::platform
