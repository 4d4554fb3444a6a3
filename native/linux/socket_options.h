// The options of this platform by their names in JavaScript. What has no row here is ENOTSUP.
#ifndef CONNSCALE_LINUX_SOCKET_OPTIONS_H_
#define CONNSCALE_LINUX_SOCKET_OPTIONS_H_

#include <cstdint>
#include <span>
#include <string_view>

#include "base/result.h"
#include "base/socket_option.h"
#include "linux/owned_handle.h"

namespace connscale::platform {

std::span<const SocketOption> socket_options() noexcept;

/// setsockopt(2), in the kernel's unit. Errors: ENOTSUP for no such row, EINVAL for a value the kernel cannot hold,
/// else the kernel's own.
Result<void> set_option(const OwnedSocket& socket, const OptionValue& option) noexcept;

/// getsockopt(2), in JavaScript's unit.
Result<int64_t> get_option(const OwnedSocket& socket, uint32_t row) noexcept;

}  // namespace connscale::platform

#endif  // CONNSCALE_LINUX_SOCKET_OPTIONS_H_
