// Wakes a loop from another thread: a flag.
#ifndef CONNSCALE_SIM_WAKEUP_H_
#define CONNSCALE_SIM_WAKEUP_H_

#include <atomic>
#include <memory>

#include "base/result.h"

namespace connscale::platform {

class Wakeup {
 public:
  static Result<Wakeup> open() noexcept {
    Wakeup wakeup;
    wakeup.woken_ = std::make_unique<std::atomic<bool>>(false);
    return wakeup;
  }
  void wake() const noexcept {
    woken_->store(true);
    woken_->notify_one();
  }
  /// Takes back all wakes so far. Whether there was one.
  bool clear() const noexcept { return woken_->exchange(false); }
  void wait() const noexcept {
    woken_->wait(false);
    clear();
  }
  [[nodiscard]] int descriptor() const noexcept { return -1; }

 private:
  std::unique_ptr<std::atomic<bool>> woken_;
};

}  // namespace connscale::platform

#endif  // CONNSCALE_SIM_WAKEUP_H_
