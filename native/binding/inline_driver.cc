#include "binding/inline_driver.h"

#include <utility>

#include "base/limits.h"

namespace connscale::binding {

InlineDriver::InlineDriver(Napi::Env env, const EngineConfig& config, Crossing& crossing,
                           std::unique_ptr<NodeWatch> watch, uint32_t descriptors_wanted)
    : env_(env),
      crossing_(crossing),
      watch_(std::move(watch)),
      descriptors_wanted_(descriptors_wanted),
      engine_(std::make_unique<Engine>(config)) {}

Result<void> InlineDriver::start() {
  platform::prepare_descriptor_table(descriptors_wanted_);
  const Result<void> opened = engine_->open(nullptr);
  if (!opened.ok() || watch_ == nullptr) return opened;
  return watch_->start(engine_->descriptor(), [this] { on_ready(); });
}

void InlineDriver::on_ready() {
  const Napi::HandleScope scope(env_);
  armed_ms_ = -1;
  ++depth_;
  uint32_t total = 0;
  const uint64_t started_us = platform::now_us();
  for (uint32_t i = 0; i < kTurnsPerCallback && !stopping_ && !broken_; ++i) {
    const uint32_t handed = turn(0, Crossing::Uncaught::kReport, nullptr);
    total += handed;
    if (handed == 0 || total >= crossing_.layout().completion_capacity) break;
    if (platform::now_us() - started_us >= kCallbackUs) break;
  }
  --depth_;
  rearm();
  end_if_stopped();
}

uint32_t InlineDriver::poll(int timeout_ms) {
  if (stopping_ || broken_) return 0;
  ++depth_;
  napi_value thrown = nullptr;
  const uint32_t handed = turn(timeout_ms, Crossing::Uncaught::kLeavePending, &thrown);
  --depth_;
  end_if_stopped();
  if (thrown != nullptr) (void)napi_throw(env_, thrown);  // ignored: fails only in an environment that has ended
  return handed;
}

uint32_t InlineDriver::turn(int timeout_ms, Crossing::Uncaught uncaught, napi_value* thrown) {
  Memory memory;
  if (!crossing_.map(&memory)) {
    break_down({}, "detached");
    return 0;
  }
  uint32_t count = std::exchange(undelivered_, 0);
  if (count == 0) {
    Batch batch;
    batch.completions = memory.completions;
    batch.capacity = crossing_.layout().completion_capacity;
    batch.slab = ReceiveSlab(memory.slab, crossing_.layout().slab_bytes);
    const Result<void> turned = engine_->turn(timeout_ms, batch);
    publish(memory);
    if (!turned.ok()) {
      break_down(turned.failure(), "poller");
      return 0;
    }
    count = batch.count;
  }
  if (count == 0) return 0;
  if (!crossing_.dispatch(count, uncaught)) {
    undelivered_ = count;
    *thrown = crossing_.take_exception();  // nothing that follows may meet it
  }
  if (!stopping_) submit();
  return count;
}

void InlineDriver::flush() {
  if (stopping_ || broken_) return;
  if (submit()) rearm();
}

bool InlineDriver::submit() {
  Memory memory;
  if (!crossing_.map(&memory)) {
    break_down({}, "detached");
    return false;
  }
  const uint32_t length = std::exchange(*memory.submitted, 0);
  if (length == 0) return true;
  const bool sound = length <= crossing_.layout().submission_bytes && engine_->submit(memory.submissions, length);
  publish(memory);
  if (!sound) crossing_.fail({}, "submission");
  return true;
}

/// What JavaScript reads without a call.
void InlineDriver::publish(const Memory& memory) {
  crossing_.apply(memory, engine_->acknowledgements());
  engine_->acknowledgements().clear();
  write_counters(engine_->counters(), memory.counters);
}

void InlineDriver::post(std::unique_ptr<SettledTask> task) {
  flush();
  if (!stopping_) task->run(*engine_);
  task->settle();
  rearm();
}

void InlineDriver::break_down(SysError failure, const char* reason) {
  if (std::exchange(broken_, true)) return;
  crossing_.fail(failure, reason);
}

void InlineDriver::rearm() {
  if (watch_ == nullptr || stopping_ || broken_) return;
  const int32_t due = engine_->next_turn_ms();
  if (due == armed_ms_) return;
  armed_ms_ = due;
  watch_->set_timer(due);
}

void InlineDriver::ref() {
  if (watch_ != nullptr) watch_->ref();
}

void InlineDriver::unref() {
  if (watch_ != nullptr) watch_->unref();
}

void InlineDriver::stop(std::function<void()> stopped) {
  if (std::exchange(stopping_, true)) return;
  stopped_ = std::move(stopped);
  end_if_stopped();
}

void InlineDriver::end_if_stopped() {
  if (!stopping_ || depth_ > 0 || engine_ == nullptr) return;
  // The watch first: libuv must not look at the engine's descriptor once it is closed.
  std::function<void()> stopped = std::move(stopped_);
  std::unique_ptr<NodeWatch> watch = std::move(watch_);
  if (watch != nullptr) {
    watch->close(std::move(stopped));
    engine_.reset();
    return;
  }
  engine_.reset();
  stopped();
}

}  // namespace connscale::binding
