#include <doctest/doctest.h>
#include <sys/socket.h>

#include <algorithm>
#include <climits>
#include <string>

#include "platform.h"

namespace error = connscale::error;
namespace platform = connscale::platform;
using connscale::OptionUnit;
using connscale::SocketOption;
using platform::OwnedSocket;

namespace {

OwnedSocket open_socket() {
  OwnedSocket socket(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
  REQUIRE(socket.valid());
  return socket;
}

uint32_t row_of(const std::string& name) {
  const auto options = platform::socket_options();
  const auto found =
      std::find_if(options.begin(), options.end(), [&](const SocketOption& o) { return o.name == name; });
  REQUIRE(found != options.end());
  return static_cast<uint32_t>(found - options.begin());
}

int64_t sample_of(OptionUnit unit) {
  switch (unit) {
    case OptionUnit::kFlag:
      return 1;
    case OptionUnit::kBytes:
      return 16'384;
    case OptionUnit::kCount:
      return 1;
    default:
      return 3'000;
  }
}

}  // namespace

TEST_CASE("every option is read back as it was set, in the unit of JavaScript") {
  const auto options = platform::socket_options();
  for (uint32_t row = 0; row < options.size(); ++row) {
    CAPTURE(std::string(options[row].name));
    const OwnedSocket socket = open_socket();
    const int64_t value = sample_of(options[row].unit);
    REQUIRE(platform::set_option(socket, {row, value}).ok());
    const auto read = platform::get_option(socket, row);
    REQUIRE(read.ok());
    // socket(7): the kernel doubles a buffer's size, for its own bookkeeping.
    const bool buffer = options[row].level == SOL_SOCKET && options[row].unit == OptionUnit::kBytes;
    CHECK(read.value() == (buffer ? 2 * value : value));
  }
}

TEST_CASE("times are rounded up to the kernel's seconds") {
  const OwnedSocket socket = open_socket();
  const uint32_t row = row_of("keepAliveIdleMs");
  REQUIRE(platform::set_option(socket, {row, 1'001}).ok());
  CHECK(platform::get_option(socket, row).value() == 2'000);
}

TEST_CASE("linger is off, or a time, or a reset") {
  const OwnedSocket socket = open_socket();
  const uint32_t row = row_of("lingerMs");
  CHECK(platform::get_option(socket, row).value() == -1);
  REQUIRE(platform::set_option(socket, {row, 0}).ok());
  CHECK(platform::get_option(socket, row).value() == 0);
  REQUIRE(platform::set_option(socket, {row, -1}).ok());
  CHECK(platform::get_option(socket, row).value() == -1);
}

TEST_CASE("an option without a row is ENOTSUP, and a value that no kernel holds EINVAL") {
  const OwnedSocket socket = open_socket();
  CHECK(platform::set_option(socket, {9'999, 1}).failure().code == error::kENOTSUP);
  CHECK(platform::get_option(socket, 9'999).failure().code == error::kENOTSUP);
  CHECK(platform::set_option(socket, {row_of("keepAlive"), int64_t{INT_MAX} + 1}).failure().code == error::kEINVAL);
  CHECK(platform::set_option(OwnedSocket(), {row_of("keepAlive"), 1}).failure().code == error::kEBADF);
}
