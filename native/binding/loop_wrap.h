// The native half of a Loop: chooses the driver, owns it, and ends it with the environment.
#ifndef CONNSCALE_BINDING_LOOP_WRAP_H_
#define CONNSCALE_BINDING_LOOP_WRAP_H_

#include <napi.h>

#include <memory>

#include "binding/driver.h"

namespace connscale::binding {

class LoopWrap : public Napi::ObjectWrap<LoopWrap> {
 public:
  static Napi::Function define(Napi::Env env);
  explicit LoopWrap(const Napi::CallbackInfo& info);
  ~LoopWrap() override;

 private:
  Napi::Value start(const Napi::CallbackInfo& info);
  Napi::Value flush(const Napi::CallbackInfo& info);
  Napi::Value poll(const Napi::CallbackInfo& info);
  Napi::Value task(const Napi::CallbackInfo& info);
  Napi::Value ref(const Napi::CallbackInfo& info);
  Napi::Value unref(const Napi::CallbackInfo& info);
  Napi::Value stop(const Napi::CallbackInfo& info);
  Napi::Value driver_name(const Napi::CallbackInfo& info);

  void stop_driver();
  static void on_environment_end(napi_async_cleanup_hook_handle hook, void* self);

  std::unique_ptr<Crossing> crossing_;
  std::unique_ptr<Driver> driver_;
  const char* name_ = "";
  napi_async_cleanup_hook_handle hook_ = nullptr;
  bool started_ = false;
  bool running_ = false;
};

}  // namespace connscale::binding

#endif  // CONNSCALE_BINDING_LOOP_WRAP_H_
