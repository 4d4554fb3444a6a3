// The options of sockets in memory: kept, and read back as they were set.
#ifndef CONNSCALE_SIM_SOCKET_OPTIONS_H_
#define CONNSCALE_SIM_SOCKET_OPTIONS_H_

#include <cstdint>
#include <span>

#include "base/result.h"
#include "base/socket_option.h"
#include "sim/owned_handle.h"

namespace connscale::platform {

std::span<const SocketOption> socket_options() noexcept;

/// Errors: ENOTSUP for no such row, EINVAL for a negative value.
Result<void> set_option(const OwnedSocket& socket, const OptionValue& option) noexcept;
Result<int64_t> get_option(const OwnedSocket& socket, uint32_t row) noexcept;

}  // namespace connscale::platform

#endif  // CONNSCALE_SIM_SOCKET_OPTIONS_H_
