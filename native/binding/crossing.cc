#include "binding/crossing.h"

#include "base/limits.h"

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
         completion_capacity <= kBatchMax && slab_bytes >= kReceiveMin && submission_bytes <= kInboxMax;
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

Crossing::Outcome Crossing::call(const Napi::FunctionReference& function, std::initializer_list<napi_value> arguments,
                                 Uncaught uncaught) {
  napi_value result = nullptr;
  const napi_status status =
      uncaught == Uncaught::kLeavePending
          ? napi_call_function(env(), env().Global(), function.Value(), arguments.size(), arguments.begin(), &result)
          : napi_make_callback(env(), context_, env().Global(), function.Value(), arguments.size(), arguments.begin(),
                               &result);
  if (status == napi_ok) return Outcome::kReturned;
  // Without an exception the call was refused: a worker that is being terminated runs no more JavaScript.
  return env().IsExceptionPending() ? Outcome::kThrew : Outcome::kEnvironmentEnded;
}

napi_value Crossing::take_exception() const {
  napi_value thrown = nullptr;
  return napi_get_and_clear_last_exception(env(), &thrown) == napi_ok ? thrown : nullptr;
}

void Crossing::report_uncaught() const {
  napi_value thrown = take_exception();
  if (thrown == nullptr) return;
  (void)napi_fatal_exception(env(), thrown);  // ignored: fails only in an environment that has ended
}

bool Crossing::dispatch(uint32_t count, Uncaught uncaught) {
  if (count == 0) return true;
  // dispatch() in JavaScript remembers how far it came, so each further call goes on behind the handler that threw.
  // When every handler has thrown, one call more finds nothing left and makes it start over.
  for (uint32_t i = 0; i <= count; ++i) {
    if (call(dispatch_, {Napi::Number::New(env(), count)}, uncaught) != Outcome::kThrew) return true;
    if (uncaught == Uncaught::kLeavePending) return false;
    report_uncaught();
  }
  return true;
}

void Crossing::fail(SysError failure, const char* reason) {
  const std::initializer_list<napi_value> arguments = {Napi::Number::New(env(), failure.code),
                                                       Napi::String::New(env(), call_name(failure.call)),
                                                       Napi::String::New(env(), reason)};
  if (call(fail_, arguments, Uncaught::kReport) == Outcome::kThrew) report_uncaught();
}

void Crossing::release() {
  memory_.Reset();
  dispatch_.Reset();
  fail_.Reset();
}

void Crossing::apply(const Memory& memory, const std::vector<Acknowledgement>& acknowledgements) const noexcept {
  for (const Acknowledgement& done : acknowledgements) {
    if (done.slot < layout_.slots) memory.queued[done.slot] -= done.bytes;
  }
}

}  // namespace connscale::binding
