// Wakes a loop from another thread: an eventfd.
#ifndef CONNSCALE_LINUX_WAKEUP_H_
#define CONNSCALE_LINUX_WAKEUP_H_

#include "base/result.h"
#include "linux/owned_handle.h"

namespace connscale::platform {

class Wakeup {
 public:
  /// Errors: EMFILE, ENFILE, ENOMEM from eventfd(2).
  static Result<Wakeup> open() noexcept;

  /// From any thread that shares the descriptor table this was opened in.
  void wake() const noexcept;
  /// Takes back all wakes so far.
  void clear() const noexcept;
  /// Blocks until woken. For a thread that has nothing else to wait for.
  void wait() const noexcept;
  [[nodiscard]] int descriptor() const noexcept { return event_.get(); }

 private:
  OwnedHandle event_;
};

}  // namespace connscale::platform

#endif  // CONNSCALE_LINUX_WAKEUP_H_
