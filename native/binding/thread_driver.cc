#include "binding/thread_driver.h"

#include <cstring>
#include <utility>

#include "base/limits.h"

namespace connscale::binding {

namespace {

void settle(std::vector<std::unique_ptr<Task>>& tasks) {
  for (const std::unique_ptr<Task>& task : tasks)
    static_cast<SettledTask&>(*task).settle();
  tasks.clear();
}

}  // namespace

ThreadDriver::ThreadDriver(Napi::Env env, EngineThread::Options options, Crossing& crossing,
                           std::unique_ptr<Notifier> notifier)
    : env_(env),
      context_(env, "connscale.Loop"),
      options_(std::move(options)),
      crossing_(crossing),
      notifier_(std::move(notifier)) {}

Result<void> ThreadDriver::start() {
  const Result<void> watching = notifier_->start([this] { on_notified(); });
  if (!watching.ok()) return watching;
  notifier_->unref();
  options_.kept_descriptors = notifier_->descriptors();
  options_.notify = [notifier = notifier_.get()] { notifier->notify(); };
  thread_ = std::make_unique<EngineThread>(options_);
  return thread_->start();
}

void ThreadDriver::on_notified() {
  const Napi::HandleScope scope(env_);
  ++depth_;
  for (uint32_t i = 0; i < kDeliveriesPerCallback && !stopping_ && !broken_; ++i) {
    Delivery* const delivery = thread_->take_delivery();
    if (delivery == nullptr) break;
    hand_over(*delivery);
    thread_->give_back(delivery);
    if (i + 1 == kDeliveriesPerCallback) notifier_->notify();
  }
  --depth_;
  end_if_stopped();
}

void ThreadDriver::hand_over(Delivery& delivery) {
  Memory memory;
  if (!crossing_.map(&memory)) return break_down({}, "detached");
  crossing_.apply(memory, delivery.acknowledgements);
  write_counters(delivery.counters, memory.counters);
  if (!delivery.finished.empty()) {
    const Napi::CallbackScope continuations(env_, context_);  // promises go on when it ends
    settle(delivery.finished);
  }
  if (delivery.malformed) crossing_.fail({}, "submission");
  if (!crossing_.map(&memory)) return break_down({}, "detached");  // JavaScript ran
  const Batch& batch = delivery.batch;
  std::memcpy(memory.completions, batch.completions, batch.count * sizeof(Completion));
  std::memcpy(memory.slab, batch.slab.data(), batch.slab.used());
  crossing_.dispatch(batch.count, Crossing::Uncaught::kReport);
  flush();
  if (delivery.failure.code != 0) break_down(delivery.failure, "poller");
}

void ThreadDriver::flush() {
  if (stopping_ || broken_) return;
  Memory memory;
  if (!crossing_.map(&memory)) return break_down({}, "detached");
  const uint32_t length = std::exchange(*memory.submitted, 0);
  if (length > crossing_.layout().submission_bytes) {
    crossing_.fail({}, "submission");
    return;
  }
  thread_->submit(memory.submissions, length);
}

void ThreadDriver::post(std::unique_ptr<SettledTask> task) {
  flush();
  if (stopping_ || broken_) {
    task->settle();
  } else {
    thread_->post(std::move(task));
  }
}

uint32_t ThreadDriver::poll(int /*timeout_ms*/) { return 0; }

void ThreadDriver::break_down(SysError failure, const char* reason) {
  if (std::exchange(broken_, true)) return;
  crossing_.fail(failure, reason);
}

void ThreadDriver::stop(std::function<void()> stopped) {
  if (std::exchange(stopping_, true)) return;
  stopped_ = std::move(stopped);
  end_if_stopped();
}

void ThreadDriver::end_if_stopped() {
  if (!stopping_ || depth_ > 0 || notifier_ == nullptr) return;
  if (thread_ != nullptr) {
    thread_->stop();
    std::vector<std::unique_ptr<Task>> undelivered = thread_->take_undelivered();
    settle(undelivered);
    thread_.reset();
  }
  const std::shared_ptr<Notifier> notifier = std::move(notifier_);
  // The notifier lives until it has closed.
  notifier->close([notifier, stopped = std::move(stopped_)] { stopped(); });
}

}  // namespace connscale::binding
