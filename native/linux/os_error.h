// errno as the portable numbers of base/error_names.h.
#ifndef CONNSCALE_LINUX_OS_ERROR_H_
#define CONNSCALE_LINUX_OS_ERROR_H_

#include "base/result.h"

namespace connscale::platform {

/// The error of the call just made. To be called in the statement after it, before any destructor runs.
SysError last_error(Call call) noexcept;

}  // namespace connscale::platform

#endif  // CONNSCALE_LINUX_OS_ERROR_H_
