#include "binding/loop_wrap.h"

#include <climits>
#include <cmath>
#include <string>
#include <utility>

#include "binding/args.h"
#include "binding/inline_driver.h"
#include "binding/tasks.h"
#include "binding/thread_driver.h"

namespace connscale::binding {

namespace {

struct Settings {
  EngineConfig engine;
  Layout layout;
  std::string driver;
  bool private_descriptors;
  bool use_libuv;
  uint32_t descriptors_wanted;
};

Layout read_layout(Napi::Env env, const Napi::Value& value) {
  Fields fields(env, value);
  Layout layout;
  layout.counters = fields.u32("counters");
  layout.completions = fields.u32("completions");
  layout.completion_capacity = fields.u32("completionCapacity");
  layout.submissions = fields.u32("submissions");
  layout.submission_bytes = fields.u32("submissionBytes");
  layout.slab = fields.u32("slab");
  layout.slab_bytes = fields.u32("slabBytes");
  layout.queued = fields.u32("queued");
  layout.slots = fields.u32("slots");
  return layout;
}

Settings read_settings(Napi::Env env, Fields& fields, const Napi::Value& layout) {
  Settings settings{};
  settings.engine.loop = fields.u32("loop");
  settings.engine.connections_max = fields.u32("maxConnections");
  settings.engine.high_water_bytes = fields.u32("highWaterMarkBytes");
  settings.engine.write_queue_max_bytes = static_cast<uint64_t>(fields.u32("writeQueueMaxBytes"));
  settings.driver = fields.text("driver");
  settings.private_descriptors = fields.flag("privateDescriptors");
  settings.use_libuv = fields.flag("useLibuv");
  settings.descriptors_wanted = fields.u32("descriptorsWanted");
  if (fields.ok()) settings.layout = read_layout(env, layout);
  return settings;
}

bool sound(const Settings& settings, size_t memory_bytes) {
  return settings.layout.fits(memory_bytes) && settings.engine.connections_max >= 1 &&
         settings.engine.connections_max <= kConnectionsMax && settings.engine.loop < (1U << kLoopBits) &&
         settings.layout.slots == 2 * settings.engine.connections_max;
}

uv_loop_s* node_loop(Napi::Env env, bool wanted, Libuv* libuv) {
  uv_loop_s* loop = nullptr;
  if (!wanted || !libuv->load() || napi_get_uv_event_loop(env, &loop) != napi_ok) return nullptr;
  return loop;
}

std::unique_ptr<Driver> make_thread_driver(Napi::Env env, const Settings& settings, Crossing& crossing, uv_loop_s* loop,
                                           const Libuv& libuv) {
  EngineThread::Options options;
  options.engine = settings.engine;
  options.batch_capacity = settings.layout.completion_capacity;
  options.slab_bytes = settings.layout.slab_bytes;
  options.private_descriptors = settings.private_descriptors;
  options.descriptors_wanted = settings.descriptors_wanted;
  std::unique_ptr<Notifier> notifier;
  if (loop != nullptr) {
    notifier = std::make_unique<WatchNotifier>(loop, libuv);
  } else {
    notifier = std::make_unique<FunctionNotifier>(env, settings.private_descriptors);
  }
  return std::make_unique<ThreadDriver>(env, std::move(options), crossing, std::move(notifier));
}

}  // namespace

Napi::Function LoopWrap::define(Napi::Env env) {
  return DefineClass(env, "NativeLoop",
                     {InstanceMethod<&LoopWrap::start>("start"), InstanceMethod<&LoopWrap::flush>("flush"),
                      InstanceMethod<&LoopWrap::poll>("poll"), InstanceMethod<&LoopWrap::task>("task"),
                      InstanceMethod<&LoopWrap::ref>("ref"), InstanceMethod<&LoopWrap::unref>("unref"),
                      InstanceMethod<&LoopWrap::stop>("stop"), InstanceMethod<&LoopWrap::driver_name>("driverName")});
}

LoopWrap::LoopWrap(const Napi::CallbackInfo& info) : Napi::ObjectWrap<LoopWrap>(info) {
  const Napi::Env env = info.Env();
  Fields fields(env, info[0]);
  Napi::ArrayBuffer memory = fields.array_buffer("memory");
  const Napi::Function dispatch = fields.function("dispatch");
  const Napi::Function fail = fields.function("fail");
  if (!fields.ok()) return;
  const Settings settings = read_settings(env, fields, info[0].As<Napi::Object>().Get("layout"));
  if (env.IsExceptionPending()) return;
  if (!sound(settings, memory.ByteLength())) {
    Napi::RangeError::New(env, "the loop's memory does not hold its layout").ThrowAsJavaScriptException();
    return;
  }
  crossing_ = std::make_unique<Crossing>(memory, settings.layout, dispatch, fail);
  Libuv libuv;
  uv_loop_s* const loop = node_loop(env, settings.use_libuv, &libuv);
  const bool threaded = settings.driver == "thread" || (settings.driver == "node" && loop == nullptr);
  name_ = threaded ? "thread" : settings.driver == "node" ? "node" : "manual";
  if (threaded) {
    driver_ = make_thread_driver(env, settings, *crossing_, loop, libuv);
  } else {
    auto watch = settings.driver == "node" ? std::make_unique<NodeWatch>(loop, libuv) : nullptr;
    driver_ =
        std::make_unique<InlineDriver>(env, settings.engine, *crossing_, std::move(watch), settings.descriptors_wanted);
  }
}

LoopWrap::~LoopWrap() = default;

/// What failed, or undefined. Apart from the constructor, so that a failure can be told as a value.
Napi::Value LoopWrap::start(const Napi::CallbackInfo& info) {
  const Napi::Env env = info.Env();
  if (driver_ == nullptr || started_) return env.Undefined();
  started_ = true;
  running_ = true;
  Ref();  // a loop lives until it is closed, as a server does
  Result<void> started = driver_->start();
  // After the driver's own hooks, so that it runs before them: an engine's thread must not call a threadsafe function
  // that the environment has taken down.
  if (started.ok() && napi_add_async_cleanup_hook(env, on_environment_end, this, &hook_) != napi_ok) {
    started = SysError{error::kENOMEM, Call::kMemory};
  }
  if (started.ok()) return env.Undefined();
  stop_driver();
  return to_object(env, started.failure());
}

Napi::Value LoopWrap::flush(const Napi::CallbackInfo& info) {
  if (running_) driver_->flush();
  return info.Env().Undefined();
}

Napi::Value LoopWrap::poll(const Napi::CallbackInfo& info) {
  const double wanted = info[0].IsNumber() ? info[0].As<Napi::Number>().DoubleValue() : 0;
  const int timeout_ms = wanted < 0 ? -1 : static_cast<int>(std::fmin(wanted, INT_MAX));
  const uint32_t count = running_ ? driver_->poll(timeout_ms) : 0;
  return Napi::Number::New(info.Env(), count);
}

Napi::Value LoopWrap::task(const Napi::CallbackInfo& info) {
  const Napi::Env env = info.Env();
  if (!info[0].IsString() || !info[2].IsFunction()) {
    Napi::TypeError::New(env, "a task has a name, arguments, and a function that is told its outcome")
        .ThrowAsJavaScriptException();
    return env.Undefined();
  }
  std::unique_ptr<SettledTask> task = make_task(env, info[0].As<Napi::String>().Utf8Value(), info[1]);
  if (task == nullptr) return env.Undefined();
  task->on_settled(info[2].As<Napi::Function>());
  if (running_) {
    driver_->post(std::move(task));
  } else {
    task->settle();
  }
  return env.Undefined();
}

Napi::Value LoopWrap::ref(const Napi::CallbackInfo& info) {
  if (running_) driver_->ref();
  return info.Env().Undefined();
}

Napi::Value LoopWrap::unref(const Napi::CallbackInfo& info) {
  if (running_) driver_->unref();
  return info.Env().Undefined();
}

Napi::Value LoopWrap::driver_name(const Napi::CallbackInfo& info) { return Napi::String::New(info.Env(), name_); }

Napi::Value LoopWrap::stop(const Napi::CallbackInfo& info) {
  stop_driver();
  return info.Env().Undefined();
}

void LoopWrap::stop_driver() {
  if (!std::exchange(running_, false)) return;
  driver_->stop([this] {
    const Napi::HandleScope scope(Env());
    crossing_->release();
    if (hook_ != nullptr) (void)napi_remove_async_cleanup_hook(hook_);  // ignored: fails only for a null handle
    Unref();
  });
}

void LoopWrap::on_environment_end(napi_async_cleanup_hook_handle hook, void* self) {
  auto* const wrap = static_cast<LoopWrap*>(self);
  wrap->hook_ = hook;
  const Napi::HandleScope scope(wrap->Env());
  wrap->stop_driver();
}

}  // namespace connscale::binding
