#include "binding/crossing.h"

namespace connscale::binding {

namespace {

bool within(uint64_t offset, uint64_t bytes, uint64_t alignment, size_t total) noexcept {
  return offset % alignment == 0 && offset + bytes <= total;
}

}  // namespace

bool Layout::fits(size_t total) const noexcept {
  return within(0, sizeof(uint32_t), 4, total) && within(counters, kCounterCount * sizeof(double), 8, total) &&
         within(completions, uint64_t{completion_capacity} * sizeof(Completion), 8, total) &&
         within(submissions, submission_bytes, 8, total) && within(slab, slab_bytes, 8, total) &&
         within(queued, uint64_t{slots} * sizeof(uint32_t), 4, total) && completion_capacity >= kBatchMin &&
         completion_capacity <= kBatchMax && slab_bytes >= kReceiveMin;
}

Crossing::Crossing(Napi::ArrayBuffer memory, const Layout& layout, Napi::Function dispatch, Napi::Function fail)
    : layout_(layout),
      memory_(Napi::Reference<Napi::ArrayBuffer>::New(memory, 1)),
      dispatch_(Napi::Persistent(dispatch)),
      fail_(Napi::Persistent(fail)),
      context_(dispatch.Env(), "connscale.Loop") {}

bool Crossing::map(Memory* memory) const {
  Napi::ArrayBuffer buffer = memory_.Value();
  if (!layout_.fits(buffer.ByteLength())) return false;
  auto* const base = static_cast<uint8_t*>(buffer.Data());
  memory->submitted = reinterpret_cast<uint32_t*>(base);
  memory->counters = reinterpret_cast<double*>(base + layout_.counters);
  memory->completions = reinterpret_cast<Completion*>(base + layout_.completions);
  memory->submissions = base + layout_.submissions;
  memory->slab = base + layout_.slab;
  memory->queued = reinterpret_cast<uint32_t*>(base + layout_.queued);
  return true;
}

bool Crossing::call(const Napi::FunctionReference& function, std::initializer_list<napi_value> arguments,
                    Uncaught uncaught) {
  if (uncaught == Uncaught::kLeavePending) {
    function.Call(arguments);
  } else {
    function.MakeCallback(env().Global(), arguments, context_);
  }
  return !env().IsExceptionPending();
}

bool Crossing::dispatch(uint32_t count, Uncaught uncaught) {
  if (count == 0) return true;
  // dispatch() in JavaScript remembers how far it came, so each further call goes on behind the handler that threw.
  for (uint32_t i = 0; i < count; ++i) {
    if (call(dispatch_, {Napi::Number::New(env(), count)}, uncaught)) return true;
    if (uncaught == Uncaught::kLeavePending) return false;
    const Napi::Error thrown = env().GetAndClearPendingException();
    // ignored: it fails only in an environment that is ending, where nobody listens any more.
    (void)napi_fatal_exception(env(), thrown.Value());
  }
  return true;
}

void Crossing::fail(SysError failure, const char* reason) {
  const bool told = call(fail_, {Napi::Number::New(env(), failure.code), Napi::String::New(env(), call_name(failure.call)),
                                 Napi::String::New(env(), reason)},
                         Uncaught::kReport);
  if (told) return;
  const Napi::Error thrown = env().GetAndClearPendingException();
  (void)napi_fatal_exception(env(), thrown.Value());  // ignored: as above
}

void Crossing::apply(const Memory& memory, const std::vector<Acknowledgement>& acknowledgements) const noexcept {
  for (const Acknowledgement& done : acknowledgements) {
    if (done.slot < layout_.slots) memory.queued[done.slot] -= done.bytes;
  }
}

}  // namespace connscale::binding
