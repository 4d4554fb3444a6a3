#include "linux/os_error.h"

#include <cerrno>

namespace connscale::platform {

// The portable numbers are Linux's own, so nothing has to be mapped; this proves it.
#define XX(name, number, text) static_assert(name == (number));
CONNSCALE_ERRORS(XX)
#undef XX

SysError last_error(Call call) noexcept { return SysError{errno, call}; }

}  // namespace connscale::platform
