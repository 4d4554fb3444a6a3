// The engine on JavaScript's own thread: woken by Node's loop ('node'), or by the caller ('manual').
#ifndef CONNSCALE_BINDING_INLINE_DRIVER_H_
#define CONNSCALE_BINDING_INLINE_DRIVER_H_

#include <memory>

#include "binding/driver.h"
#include "binding/node_watch.h"

namespace connscale::binding {

class InlineDriver : public Driver {
 public:
  /// `watch` null: 'manual'.
  InlineDriver(Napi::Env env, const EngineConfig& config, Crossing& crossing, std::unique_ptr<NodeWatch> watch,
               uint32_t descriptors_wanted);

  Result<void> start() override;
  void flush() override;
  void post(std::unique_ptr<SettledTask> task) override;
  uint32_t poll(int timeout_ms) override;
  void ref() override;
  void unref() override;
  void stop(std::function<void()> stopped) override;

 private:
  void on_ready();
  /// One turn and its crossing. Completions handed over; in `thrown`, what a handler threw and kLeavePending keeps.
  uint32_t turn(int timeout_ms, Crossing::Uncaught uncaught, napi_value* thrown);
  bool submit();
  void publish(const Memory& memory);
  void break_down(SysError failure, const char* reason);
  void rearm();
  void end_if_stopped();

  Napi::Env env_;
  Crossing& crossing_;
  std::unique_ptr<NodeWatch> watch_;
  uint32_t descriptors_wanted_;
  std::unique_ptr<Engine> engine_;
  std::function<void()> stopped_;
  int32_t armed_ms_ = -1;
  uint32_t undelivered_ = 0;  // completions left in the batch by a handler that threw into poll()
  uint32_t depth_ = 0;        // turns on the stack: the engine must outlive them
  bool stopping_ = false;
  bool broken_ = false;
};

}  // namespace connscale::binding

#endif  // CONNSCALE_BINDING_INLINE_DRIVER_H_
