// One row of a platform's option table: the name in JavaScript, what the kernel calls it, and the unit it expects.
#ifndef CONNSCALE_BASE_SOCKET_OPTION_H_
#define CONNSCALE_BASE_SOCKET_OPTION_H_

#include <cstdint>
#include <string_view>

namespace connscale {

enum class OptionUnit : uint8_t { kFlag, kCount, kBytes, kMilliseconds, kSeconds, kLinger };

struct SocketOption {
  std::string_view name;
  int level;
  int option;
  OptionUnit unit;
};

/// An option by its row in the table and the value as JavaScript gave it (flags: 0 or 1, times: milliseconds).
struct OptionValue {
  uint32_t row = 0;
  int64_t value = 0;
};

}  // namespace connscale

#endif  // CONNSCALE_BASE_SOCKET_OPTION_H_
