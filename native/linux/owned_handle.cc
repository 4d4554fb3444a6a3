#include "linux/owned_handle.h"

#include <unistd.h>

#include <cassert>
#include <cerrno>

namespace connscale::platform {

void OwnedHandle::reset() noexcept {
  if (fd_ < 0) return;
  const int saved = errno;  // a destructor must not replace the error that its scope is about to report
  const int result = ::close(std::exchange(fd_, -1));
  // close(2): the descriptor is released whatever it returns, and must not be closed again after EINTR. EBADF would
  // mean that somebody else closed what we own.
  assert(result == 0 || errno != EBADF);
  (void)result;
  errno = saved;
}

}  // namespace connscale::platform
