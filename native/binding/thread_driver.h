// The engine on a thread of its own: what crosses is copied, in whole batches, under one lock.
#ifndef CONNSCALE_BINDING_THREAD_DRIVER_H_
#define CONNSCALE_BINDING_THREAD_DRIVER_H_

#include <memory>

#include "binding/driver.h"
#include "binding/notifier.h"

namespace connscale::binding {

class ThreadDriver : public Driver {
 public:
  ThreadDriver(Napi::Env env, EngineThread::Options options, Crossing& crossing, std::unique_ptr<Notifier> notifier);

  Result<void> start() override;
  void flush() override;
  void post(std::unique_ptr<SettledTask> task) override;
  uint32_t poll(int timeout_ms) override;
  void ref() override { notifier_->ref(); }
  void unref() override { notifier_->unref(); }
  void stop(std::function<void()> stopped) override;

 private:
  void on_notified();
  void hand_over(Delivery& delivery);
  void break_down(SysError failure, const char* reason);
  void end_if_stopped();

  Napi::Env env_;
  Napi::AsyncContext context_;
  EngineThread::Options options_;
  Crossing& crossing_;
  std::unique_ptr<Notifier> notifier_;
  std::unique_ptr<EngineThread> thread_;
  std::function<void()> stopped_;
  uint32_t depth_ = 0;
  bool stopping_ = false;
  bool broken_ = false;
};

}  // namespace connscale::binding

#endif  // CONNSCALE_BINDING_THREAD_DRIVER_H_
