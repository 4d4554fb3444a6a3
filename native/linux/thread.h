// A thread that can fail to start without an exception.
#ifndef CONNSCALE_LINUX_THREAD_H_
#define CONNSCALE_LINUX_THREAD_H_

#include <pthread.h>

#include "base/result.h"

namespace connscale::platform {

class Thread {
 public:
  Thread() = default;
  Thread(const Thread&) = delete;
  Thread& operator=(const Thread&) = delete;
  ~Thread() { join(); }

  /// Runs body(context). `name` shows in tools, at most 15 characters. Errors: EAGAIN from pthread_create(3).
  Result<void> start(void (*body)(void*), void* context, const char* name) noexcept;
  void join() noexcept;
  [[nodiscard]] bool joinable() const noexcept { return running_; }

 private:
  static void* enter(void* self) noexcept;

  pthread_t thread_{};
  bool running_ = false;
  void (*body_)(void*) = nullptr;
  void* context_ = nullptr;
};

}  // namespace connscale::platform

#endif  // CONNSCALE_LINUX_THREAD_H_
