// The one place where a batch reaches JavaScript and its answers come back: memory that JavaScript allocated, and one
// call of one function.
#ifndef CONNSCALE_BINDING_CROSSING_H_
#define CONNSCALE_BINDING_CROSSING_H_

#include <napi.h>

#include <cstdint>
#include <memory>

#include "engine/engine.h"

namespace connscale::binding {

/// Where things are in the loop's ArrayBuffer, in bytes. lib/loop/layout.ts computes it; checked against the buffer
/// here.
struct Layout {
  uint32_t counters = 0;
  uint32_t completions = 0;
  uint32_t completion_capacity = 0;
  uint32_t submissions = 0;
  uint32_t submission_bytes = 0;
  uint32_t slab = 0;
  uint32_t slab_bytes = 0;
  uint32_t queued = 0;
  uint32_t slots = 0;

  [[nodiscard]] bool fits(size_t total) const noexcept;
};

/// The loop's memory as native code sees it during one crossing. JavaScript may detach the buffer whenever it runs, so
/// nobody keeps these pointers across a call into it.
struct Memory {
  uint32_t* submitted = nullptr;  // bytes of submissions waiting
  double* counters = nullptr;
  Completion* completions = nullptr;
  uint8_t* submissions = nullptr;
  uint8_t* slab = nullptr;
  uint32_t* queued = nullptr;
};

class Crossing {
 public:
  Crossing(Napi::ArrayBuffer memory, const Layout& layout, Napi::Function dispatch, Napi::Function fail);

  [[nodiscard]] const Layout& layout() const noexcept { return layout_; }
  /// False: the buffer was detached, and the loop can only end.
  [[nodiscard]] bool map(Memory* memory) const;

  enum class Uncaught : uint8_t { kReport, kLeavePending };
  /// Hands the first `count` completions to JavaScript. What a handler throws goes to uncaughtException and the rest is
  /// handed over all the same; with kLeavePending it stays pending for the caller, and false is returned.
  bool dispatch(uint32_t count, Uncaught uncaught);
  /// The exception that dispatch() left pending, which is not pending any more.
  [[nodiscard]] napi_value take_exception() const;
  /// Tells JavaScript what went wrong: the error's number, its call, and a reason of ours. After a "submission", which
  /// made no sense, the loop goes on; after the others it has failed for good. Nothing may be pending.
  void fail(SysError failure, const char* reason);

  /// Lets go of JavaScript. The functions refer to the loop that owns this, so it would never be collected otherwise.
  void release();

  void apply(const Memory& memory, const std::vector<Acknowledgement>& acknowledgements) const noexcept;

 private:
  [[nodiscard]] Napi::Env env() const { return dispatch_.Env(); }
  enum class Outcome : uint8_t { kReturned, kThrew, kEnvironmentEnded };
  Outcome call(const Napi::FunctionReference& function, std::initializer_list<napi_value> arguments, Uncaught uncaught);
  void report_uncaught() const;

  Layout layout_;
  Napi::Reference<Napi::ArrayBuffer> memory_;
  Napi::FunctionReference dispatch_;
  Napi::FunctionReference fail_;
  Napi::AsyncContext context_;
};

}  // namespace connscale::binding

#endif  // CONNSCALE_BINDING_CROSSING_H_
