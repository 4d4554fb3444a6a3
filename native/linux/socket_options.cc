#include "linux/socket_options.h"

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>

#include <algorithm>
#include <cerrno>
#include <climits>
#include <cstddef>

#include "linux/os_error.h"

namespace connscale::platform {

namespace {

// Sources: socket(7), tcp(7), ip(7). Sorted by name.
constexpr SocketOption kSocketOptions[] = {
    {"incomingCpu", SOL_SOCKET, SO_INCOMING_CPU, OptionUnit::kCount},
    {"keepAlive", SOL_SOCKET, SO_KEEPALIVE, OptionUnit::kFlag},
    {"keepAliveCount", IPPROTO_TCP, TCP_KEEPCNT, OptionUnit::kCount},
    {"keepAliveIdleMs", IPPROTO_TCP, TCP_KEEPIDLE, OptionUnit::kSeconds},
    {"keepAliveIntervalMs", IPPROTO_TCP, TCP_KEEPINTVL, OptionUnit::kSeconds},
    {"lingerMs", SOL_SOCKET, SO_LINGER, OptionUnit::kLinger},
    {"noDelay", IPPROTO_TCP, TCP_NODELAY, OptionUnit::kFlag},
    {"notSentLowWaterBytes", IPPROTO_TCP, TCP_NOTSENT_LOWAT, OptionUnit::kBytes},
    {"receiveBufferBytes", SOL_SOCKET, SO_RCVBUF, OptionUnit::kBytes},
    {"sendBufferBytes", SOL_SOCKET, SO_SNDBUF, OptionUnit::kBytes},
    {"userTimeoutMs", IPPROTO_TCP, TCP_USER_TIMEOUT, OptionUnit::kMilliseconds},
};

constexpr bool sorted_by_name(std::span<const SocketOption> rows) {
  return std::is_sorted(rows.begin(), rows.end(),
                        [](const SocketOption& a, const SocketOption& b) { return a.name < b.name; });
}
static_assert(sorted_by_name(kSocketOptions));

constexpr int64_t kMsPerSecond = 1000;

// Rounded up: a wait shorter than asked for would be the wrong surprise.
int64_t seconds_from_ms(int64_t ms) noexcept { return (ms + kMsPerSecond - 1) / kMsPerSecond; }

}  // namespace

std::span<const SocketOption> socket_options() noexcept { return kSocketOptions; }

Result<void> set_option(const OwnedSocket& socket, const OptionValue& option) noexcept {
  if (option.row >= std::size(kSocketOptions)) return SysError{error::kENOTSUP, Call::kSetOption};
  const SocketOption& row = kSocketOptions[option.row];
  const bool in_seconds = row.unit == OptionUnit::kSeconds || row.unit == OptionUnit::kLinger;
  const int64_t value = in_seconds ? seconds_from_ms(option.value) : option.value;
  if (value < INT_MIN || value > INT_MAX) return SysError{error::kEINVAL, Call::kSetOption};
  int result = 0;
  if (row.unit == OptionUnit::kLinger) {
    // Negative: linger off. 0: close sends RST.
    const linger setting{option.value >= 0 ? 1 : 0, option.value >= 0 ? static_cast<int>(value) : 0};
    result = ::setsockopt(socket.get(), row.level, row.option, &setting, sizeof(setting));
  } else {
    const int number = static_cast<int>(value);
    result = ::setsockopt(socket.get(), row.level, row.option, &number, sizeof(number));
  }
  if (result != 0) return last_error(Call::kSetOption);
  return {};
}

Result<int64_t> get_option(const OwnedSocket& socket, uint32_t row_index) noexcept {
  if (row_index >= std::size(kSocketOptions)) return SysError{error::kENOTSUP, Call::kGetOption};
  const SocketOption& row = kSocketOptions[row_index];
  if (row.unit == OptionUnit::kLinger) {
    linger setting{};
    socklen_t size = sizeof(setting);
    if (::getsockopt(socket.get(), row.level, row.option, &setting, &size) != 0) return last_error(Call::kGetOption);
    return setting.l_onoff != 0 ? setting.l_linger * kMsPerSecond : int64_t{-1};
  }
  int value = 0;
  socklen_t size = sizeof(value);
  if (::getsockopt(socket.get(), row.level, row.option, &value, &size) != 0) return last_error(Call::kGetOption);
  return row.unit == OptionUnit::kSeconds ? value * kMsPerSecond : int64_t{value};
}

}  // namespace connscale::platform
