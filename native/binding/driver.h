// Who runs a loop's engine. The loop object in JavaScript talks to one of these and does not know which.
#ifndef CONNSCALE_BINDING_DRIVER_H_
#define CONNSCALE_BINDING_DRIVER_H_

#include <functional>
#include <memory>

#include "binding/crossing.h"
#include "engine/engine_thread.h"

namespace connscale::binding {

/// A task whose end JavaScript waits for: it calls a function, which may be the resolve of a promise.
class SettledTask : public Task {
 public:
  void on_settled(Napi::Function settled) { settled_ = Napi::Persistent(settled); }
  /// On JavaScript's thread, after run().
  void settle() {
    const Napi::Env env = settled_.Env();
    const Napi::HandleScope scope(env);
    settled_.Call({outcome(env)});
  }

 protected:
  virtual Napi::Value outcome(Napi::Env env) = 0;

 private:
  Napi::FunctionReference settled_;
};

class Driver {
 public:
  Driver() = default;
  Driver(const Driver&) = delete;
  Driver& operator=(const Driver&) = delete;
  virtual ~Driver() = default;

  virtual Result<void> start() = 0;
  /// Carries out, or sends on their way, the submissions that JavaScript has written.
  virtual void flush() = 0;
  virtual void post(std::unique_ptr<SettledTask> task) = 0;
  /// One turn, for the 'manual' driver. Completions handed over; a pending exception when a handler threw.
  virtual uint32_t poll(int timeout_ms) = 0;
  virtual void ref() = 0;
  virtual void unref() = 0;
  /// Ends the loop and closes all that it has. `stopped` is called once nothing of it is left in Node's loop.
  virtual void stop(std::function<void()> stopped) = 0;
};

}  // namespace connscale::binding

#endif  // CONNSCALE_BINDING_DRIVER_H_
