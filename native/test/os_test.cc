#include "platform.h"

#include <doctest/doctest.h>

#include <string>

using connscale::Family;
using connscale::SocketAddress;
namespace platform = connscale::platform;

namespace {

/// The text that comes back, or nothing when it was no address.
std::string through(const char* text) {
  SocketAddress address;
  if (!platform::parse_address(text, &address)) return "";
  char formatted[platform::kAddressTextMax];
  platform::format_address(address, formatted);
  return formatted;
}

}  // namespace

TEST_CASE("an address is read and written in its shortest form") {
  CHECK(through("127.0.0.1") == "127.0.0.1");
  CHECK(through("::1") == "::1");
  CHECK(through("2001:db8:0:0:0:0:0:1") == "2001:db8::1");
  CHECK(through("::ffff:10.0.0.1") == "::ffff:10.0.0.1");
  CHECK(through("fe80::1%1") == "fe80::1%1");
  CHECK(through("fe80::1%lo") == "fe80::1%1");
}

TEST_CASE("what is no address is refused") {
  const char* const none[] = {"",         "localhost",        "1.2.3",      "1.2.3.4.5", "256.0.0.1", ":::", "12345::",
                              "fe80::1%", "fe80::1%nosuchif", "1.2.3.4%lo", " 1.2.3.4"};
  for (const char* const text : none) {
    CAPTURE(text);
    CHECK(through(text).empty());
  }
  const std::string endless(1'000, '1');
  CHECK(through(endless.c_str()).empty());
}

TEST_CASE("the kernel's form of an address is the same address") {
  SocketAddress address;
  REQUIRE(platform::parse_address("fe80::abcd%1", &address));
  address.port = 4'242;
  const SocketAddress back = platform::KernelAddress(address).portable();
  CHECK(back.family == Family::kIPv6);
  CHECK(back.port == 4'242);
  CHECK(back.scope_id == 1);
  CHECK(back.bytes == address.bytes);
  CHECK(SocketAddress::from(address.record()).bytes == address.bytes);
}

TEST_CASE("the clock does not go back") {
  const uint64_t first = platform::now_ms();
  CHECK(platform::now_ms() >= first);
}
