#include "linux/wakeup.h"

#include <poll.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <cassert>
#include <cerrno>
#include <cstdint>

#include "linux/os_error.h"

namespace connscale::platform {

Result<Wakeup> Wakeup::open() noexcept {
  Wakeup wakeup;
  wakeup.event_ = OwnedHandle(::eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC));
  if (!wakeup.event_.valid()) return last_error(Call::kWakeup);
  return wakeup;
}

void Wakeup::wake() const noexcept {
  const uint64_t one = 1;
  ssize_t written = 0;
  do {
    written = ::write(event_.get(), &one, sizeof(one));
  } while (written < 0 && errno == EINTR);
  // EAGAIN: the counter is full, so the reader has been woken 2^64 - 2 times and not looked yet. It is awake.
  assert(written == sizeof(one) || errno == EAGAIN);
}

void Wakeup::clear() const noexcept {
  uint64_t count = 0;
  ssize_t taken = 0;
  do {
    taken = ::read(event_.get(), &count, sizeof(count));
  } while (taken < 0 && errno == EINTR);
  // EAGAIN: nobody woke us since the last time; an ordinary state.
  assert(taken == sizeof(count) || errno == EAGAIN);
}

void Wakeup::wait() const noexcept {
  pollfd watched{event_.get(), POLLIN, 0};
  int ready = 0;
  do {
    ready = ::poll(&watched, 1, -1);
  } while (ready < 0 && errno == EINTR);
  clear();
}

}  // namespace connscale::platform
