#include "sim/socket_options.h"

#include "sim/world.h"

namespace connscale::platform {

namespace {

constexpr SocketOption kSocketOptions[] = {
    {"keepAlive", 0, 0, OptionUnit::kFlag},
    {"noDelay", 0, 1, OptionUnit::kFlag},
    {"sendBufferBytes", 0, 2, OptionUnit::kBytes},
};

}  // namespace

std::span<const SocketOption> socket_options() noexcept { return kSocketOptions; }

Result<void> set_option(const OwnedSocket& socket, const OptionValue& option) noexcept {
  if (option.row >= std::size(kSocketOptions)) return SysError{error::kENOTSUP, Call::kSetOption};
  if (option.value < 0) return SysError{error::kEINVAL, Call::kSetOption};
  sim::World::current().socket(socket.get()).options.push_back(option);
  return {};
}

Result<int64_t> get_option(const OwnedSocket& socket, uint32_t row) noexcept {
  if (row >= std::size(kSocketOptions)) return SysError{error::kENOTSUP, Call::kGetOption};
  int64_t value = 0;
  for (const OptionValue& option : sim::World::current().socket(socket.get()).options) {
    if (option.row == row) value = option.value;
  }
  return value;
}

}  // namespace connscale::platform
