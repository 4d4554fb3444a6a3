// A thread, for what needs one to link. A world is in force on one thread only, so no engine runs on this one.
#ifndef CONNSCALE_SIM_THREAD_H_
#define CONNSCALE_SIM_THREAD_H_

#include <thread>

#include "base/result.h"

namespace connscale::platform {

class Thread {
 public:
  ~Thread() { join(); }

  Result<void> start(void (*body)(void*), void* context, const char*) noexcept {
    thread_ = std::thread(body, context);
    return {};
  }
  void join() noexcept {
    if (thread_.joinable()) thread_.join();
  }
  [[nodiscard]] bool joinable() const noexcept { return thread_.joinable(); }

 private:
  std::thread thread_;
};

}  // namespace connscale::platform

#endif  // CONNSCALE_SIM_THREAD_H_
